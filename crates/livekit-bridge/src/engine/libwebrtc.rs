//! Engine `libwebrtc`: one participant in a LiveKit room by the official SDK and its pre-encoded passthrough encoder.
//!
//! Behind the cargo feature of the same name: it links a prebuilt libwebrtc. The SDK reconnects by itself; this engine
//! makes its encoder take over and keeps its rules, both of which are [`chain`](crate::chain)'s
//! ([`EncoderFeed`]): the IDR is repeated until the encoder answers, and no two calls come within a millisecond.

use std::time::Instant;

use livekit::options::{TrackPublishOptions, VideoCodec, VideoEncoderBackend, VideoEncoding};
use livekit::prelude::{
    LocalTrack, LocalTrackPublication, LocalVideoTrack, Room, RoomError, RoomEvent, RoomOptions, TrackSource,
};
use livekit::rtc_engine::EngineError as SdkEngineError;
use livekit::webrtc::video_frame::{EncodedFrameType, EncodedVideoCodec, EncodedVideoFrame as SdkFrame};
use livekit::webrtc::video_source::native::NativeVideoSource;
use livekit::webrtc::video_source::{RtcVideoSource, VideoResolution};
use tokio::sync::mpsc::UnboundedReceiver;
use tokio::sync::watch;
use tokio::time::sleep_until;

use crate::chain::{EncoderFeed, EncoderFeedback, FeedStep, PRIMING_INTERVAL};
use crate::encoder::{RateTarget, Readiness, VideoFormat};
use crate::engine::EngineError;
use crate::engine::backoff::Backoff;
use crate::engine::webrtc::LiveKitError;
use crate::frame::EncodedVideoFrame;
use crate::port::{Engine, Port};
use crate::token::{PublisherToken, without_tokens};

/// Upper bound of the estimate as a multiple of the camera's rate: the SDK's pacer never goes above it, and an IDR is
/// many times an average picture.
const RATE_HEADROOM: u64 = 2;

/// Upper bound of the estimate for a camera nobody has measured yet.
const UNMEASURED_BPS: u64 = 12_000_000;

/// Publishes into a LiveKit room by the official SDK.
#[derive(Debug)]
pub struct LibWebRtc {
    url: String,
    token: PublisherToken,
    track_name: String,
}

impl LibWebRtc {
    /// A publisher to the server at `url`. Nothing is connected before the engine runs.
    pub fn new(url: &str, token: PublisherToken, track_name: String) -> Self {
        Self {
            url: url.to_owned(),
            token,
            track_name,
        }
    }

    async fn connect(&self) -> Result<(Room, UnboundedReceiver<RoomEvent>), LiveKitError> {
        let mut options = RoomOptions::default();
        options.auto_subscribe = false;
        // With dynacast the encoder pauses whenever nobody watches, and the next viewer waits for it.
        options.dynacast = false;
        let jwt = self.token.jwt()?;
        Room::connect(&self.url, &jwt, options)
            .await
            .map_err(|error| self.refusal(&error))
    }

    fn refusal(&self, error: &RoomError) -> LiveKitError {
        match error {
            RoomError::Engine(SdkEngineError::Signal(error)) => {
                LiveKitError::from_join(error, &self.url, self.token.room())
            }
            RoomError::Request { reason, message } => LiveKitError::PublishRefused {
                reason: format!("{}: {}", reason.as_str_name(), without_tokens(message)),
            },
            other => LiveKitError::Unreachable {
                server: self.url.clone(),
                reason: without_tokens(&other.to_string()),
            },
        }
    }
}

impl Engine for LibWebRtc {
    async fn run(self, port: Port) -> Result<(), EngineError> {
        let mut backoff = Backoff::new();
        loop {
            port.set_readiness(Readiness::Connecting);
            let connected = tokio::select! {
                connected = self.connect() => connected,
                () = port.closed() => return Ok(()),
            };
            let ended = match connected {
                Ok((room, events)) => {
                    let ended = Session::new(&self, &port, &room).run(events, &mut backoff).await;
                    // A room that is gone already needs no goodbye.
                    drop(room.close().await);
                    ended
                }
                Err(error) => Err(error),
            };
            let Err(error) = ended else { return Ok(()) };
            if backoff.pause(error, &port).await?.is_break() {
                return Ok(());
            }
        }
    }
}

/// One published track.
struct Published {
    publication: LocalTrackPublication,
    source: NativeVideoSource,
    format: VideoFormat,
    feed: EncoderFeed,
}

struct Session<'a> {
    engine: &'a LibWebRtc,
    port: &'a Port,
    room: &'a Room,
    format: watch::Receiver<Option<VideoFormat>>,
    track: Option<Published>,
    /// The SDK is making its connection anew.
    reconnecting: bool,
}

impl<'a> Session<'a> {
    fn new(engine: &'a LibWebRtc, port: &'a Port, room: &'a Room) -> Self {
        Self {
            engine,
            port,
            room,
            format: port.format(),
            track: None,
            reconnecting: false,
        }
    }

    /// `Ok` when the handle was closed.
    async fn run(
        mut self,
        mut events: UnboundedReceiver<RoomEvent>,
        backoff: &mut Backoff,
    ) -> Result<(), LiveKitError> {
        self.port.set_readiness(Readiness::WaitingForKeyframe);
        loop {
            self.publish().await?;
            let wake_at = self.feed();
            if !self.reconnecting && self.track.as_ref().is_some_and(|track| track.feed.is_live()) {
                backoff.reset();
                self.port.set_readiness(Readiness::Publishing);
            }
            // A live encoder takes the next frame only once the last one is on its way.
            let idle = wake_at.is_none() || self.track.as_ref().is_some_and(|track| !track.feed.is_live());
            let wake_at = wake_at.unwrap_or_else(|| Instant::now() + PRIMING_INTERVAL);
            tokio::select! {
                () = self.port.closed() => return Ok(()),
                event = events.recv() => self.handle(event)?,
                frame = self.port.recv(), if idle && self.track.is_some() => self.push(frame),
                changed = self.format.changed() => {
                    if changed.is_err() {
                        return Ok(());
                    }
                }
                () = sleep_until(wake_at.into()) => {}
            }
        }
    }

    /// Publishes once the size is known, and anew when it changes: the SDK cannot tell a server of a new size.
    async fn publish(&mut self) -> Result<(), LiveKitError> {
        let Some(format) = *self.format.borrow_and_update() else {
            return Ok(());
        };
        let size = |format: VideoFormat| (format.width, format.height);
        if self
            .track
            .as_ref()
            .is_some_and(|track| size(track.format) == size(format))
        {
            return Ok(());
        }
        let refused = |error: RoomError| self.engine.refusal(&error);
        let participant = self.room.local_participant();
        if let Some(track) = self.track.take() {
            participant
                .unpublish_track(&track.publication.sid())
                .await
                .map_err(refused)?;
        }
        let source = NativeVideoSource::new_encoded(resolution(format));
        let track = LocalVideoTrack::create_video_track(
            &self.engine.track_name,
            RtcVideoSource::Native(source.clone()),
        );
        let figures = self.port.figures();
        let max_bitrate = (figures.bitrate_bps * RATE_HEADROOM).max(UNMEASURED_BPS);
        let options = TrackPublishOptions {
            video_codec: VideoCodec::H264,
            video_encoder: VideoEncoderBackend::PreEncoded,
            simulcast: false,
            source: TrackSource::Camera,
            video_encoding: Some(VideoEncoding {
                max_bitrate,
                max_framerate: figures.frame_rate.max(30.0),
            }),
            ..TrackPublishOptions::default()
        };
        let publication = participant
            .publish_track(LocalTrack::Video(track), options)
            .await
            .map_err(refused)?;
        self.track = Some(Published {
            publication,
            source,
            format,
            feed: EncoderFeed::new(),
        });
        Ok(())
    }

    fn push(&mut self, frame: EncodedVideoFrame) {
        if let Some(track) = &mut self.track {
            track.feed.push(frame);
        }
    }

    /// Feeds the encoder what is due and returns when more is; `None` when it waits for a frame.
    fn feed(&mut self) -> Option<Instant> {
        let track = self.track.as_mut()?;
        let rate = track.source.take_rate_control_request();
        if let Some(rate) = &rate {
            self.port.set_rate_target(RateTarget {
                bitrate_bps: rate.target_bitrate_bps,
            });
        }
        let feedback = EncoderFeedback {
            rate_control: rate.is_some(),
            keyframe_requested: track.source.take_keyframe_request(),
        };
        if track.feed.handle_feedback(feedback) {
            self.port.request_keyframe();
        }
        let now = Instant::now();
        match track.feed.poll(now) {
            FeedStep::Feed { frame, timestamp_us } => {
                track.capture(&frame, timestamp_us);
                // At once again: for the feedback, and for the time of the next call.
                Some(now)
            }
            FeedStep::WaitUntil(at) => Some(at),
            FeedStep::WaitForFrame => None,
        }
    }

    fn handle(&mut self, event: Option<RoomEvent>) -> Result<(), LiveKitError> {
        match event {
            None => Err(LiveKitError::MediaLost),
            Some(RoomEvent::Disconnected { reason }) => {
                Err(LiveKitError::from_leave(reason, self.engine.token.identity()))
            }
            Some(RoomEvent::Reconnecting) => {
                self.reconnecting = true;
                self.port.set_readiness(Readiness::Connecting);
                Ok(())
            }
            Some(RoomEvent::Reconnected) => {
                self.reconnecting = false;
                Ok(())
            }
            Some(RoomEvent::LocalTrackRepublished { publication, .. }) => {
                // The same source has a new encoder behind it, which has to be primed like the first.
                if let Some(track) = &mut self.track {
                    track.publication = publication;
                    track.feed = EncoderFeed::new();
                }
                self.port.request_keyframe();
                Ok(())
            }
            Some(_) => Ok(()),
        }
    }
}

impl Published {
    /// Never tells whether the frame got through: [`EncoderFeedback`] does.
    fn capture(&self, frame: &EncodedVideoFrame, timestamp_us: i64) {
        self.source.capture_encoded_frame(&SdkFrame {
            codec: EncodedVideoCodec::H264,
            payload: &frame.data,
            timestamp_us,
            frame_type: if frame.is_idr {
                EncodedFrameType::Key
            } else {
                EncodedFrameType::Delta
            },
            resolution: resolution(self.format),
            frame_metadata: None,
        });
    }
}

fn resolution(format: VideoFormat) -> VideoResolution {
    VideoResolution {
        width: format.width,
        height: format.height,
    }
}
