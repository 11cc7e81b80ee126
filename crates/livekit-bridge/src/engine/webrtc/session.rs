//! One session in a room, from joining to the end of the connection.

use std::time::{Duration, Instant};

use tokio::sync::watch;
use tokio::time::sleep_until;

use crate::chain::{FIRST_KEYFRAME_HOLD, KeyframeChain};
use crate::encoder::{RateTarget, Readiness, VideoFormat};
use crate::engine::backoff::Backoff;
use crate::engine::peer::{CONGESTION_CHECK, Peer, PeerEvent};
use crate::engine::webrtc::WebRtc;
use crate::engine::webrtc::error::LiveKitError;
use crate::engine::webrtc::room::{Room, RoomEvent, Watched};
use crate::frame::EncodedVideoFrame;
use crate::port::Port;

/// How long UDP is tried alone before TCP is tried beside it.
const UDP_ALONE: Duration = Duration::from_secs(3);

/// How long a server may take to name a UDP candidate before TCP is tried without.
const UDP_UNNAMED: Duration = Duration::from_millis(500);

/// How long a media path is looked for before the room is joined anew.
const CONNECT_LIMIT: Duration = Duration::from_secs(15);

/// How long the server may take to accept a track.
const PUBLISH_LIMIT: Duration = Duration::from_secs(10);

/// How long the server may be silent on the media path before it counts as gone. ICE itself takes three times as long
/// to give up; a server that hears us reports every second.
const MEDIA_SILENCE: Duration = Duration::from_secs(6);

/// How often the pacer hears of the camera's rate, and the media path is looked after.
const RATE_INTERVAL: Duration = Duration::from_secs(2);

/// The identifier by which offer and announcement of the track find each other; one per participant is enough.
const TRACK_ID: &str = "camera-h264";

/// How a session ended.
pub(super) enum Outcome {
    /// The handle was closed; the room was left.
    Closed,
    Failed {
        error: LiveKitError,
        /// The newest token, if the room was joined: the server renews it.
        token: Option<String>,
    },
}

/// Where publishing stands.
enum Track {
    /// No IDR yet, so the size is unknown.
    Unknown,
    /// Announced.
    Announced {
        format: VideoFormat,
        since: Instant,
    },
    Published {
        format: VideoFormat,
        sid: String,
    },
}

struct Session<'a> {
    engine: &'a WebRtc,
    port: &'a Port,
    backoff: &'a mut Backoff,
    room: Room,
    peer: Peer,
    track: Track,
    format: watch::Receiver<Option<VideoFormat>>,
    started: Instant,
    connected: bool,
    /// Set once connected and published; frames flow from then on.
    open_at: Option<Instant>,
    publishing: bool,
    /// Of this connection: what waited in the queue may follow an IDR that went into the one before.
    chain: KeyframeChain,
    rate_due: Instant,
}

pub(super) async fn run(engine: &WebRtc, port: &Port, backoff: &mut Backoff) -> Outcome {
    let joined = tokio::select! {
        joined = join(engine, port) => joined,
        () = port.closed() => return Outcome::Closed,
    };
    let (room, peer) = match joined {
        Ok(joined) => joined,
        Err(error) => return Outcome::Failed { error, token: None },
    };
    let now = Instant::now();
    let format = port.format();
    let mut session = Session {
        engine,
        port,
        backoff,
        room,
        peer,
        track: Track::Unknown,
        format,
        started: now,
        connected: false,
        open_at: None,
        publishing: false,
        chain: KeyframeChain::new(),
        rate_due: now,
    };
    let mut ended = session.publish().await;
    if matches!(ended, Err(LiveKitError::MediaLost))
        && let Some(reason) = session.room.last_word().await
    {
        ended = Err(reason);
    }
    let token = Some(session.room.token());
    session.peer.close();
    session.room.leave().await;
    match ended {
        Ok(()) => Outcome::Closed,
        Err(error) => Outcome::Failed { error, token },
    }
}

async fn join(engine: &WebRtc, port: &Port) -> Result<(Room, Peer), LiveKitError> {
    let server = engine.server();
    let (peer, offer) = Peer::publisher(TRACK_ID, port.figures())?;
    let jwt = engine.token.jwt()?;
    let (room, joined) = Room::join(engine.url.as_str(), &jwt, offer)
        .await
        .map_err(|error| LiveKitError::from_join(&error, &server, engine.token.room()))?;
    tracing::info!(%server, version = %joined.server_version, room = engine.token.room(), "joined LiveKit");
    if joined.may_publish {
        return Ok((room, peer));
    }
    room.leave().await;
    Err(LiveKitError::PublishRefused {
        reason: "the token does not grant canPublish".to_owned(),
    })
}

impl Session<'_> {
    /// `Ok` when the handle was closed.
    async fn publish(&mut self) -> Result<(), LiveKitError> {
        loop {
            self.announce();
            let congested = self.peer.is_congested();
            let mut wake_at = self.wake_at();
            if congested {
                wake_at = wake_at.min(Instant::now() + CONGESTION_CHECK);
            }
            tokio::select! {
                () = self.port.closed() => return Ok(()),
                event = self.room.next_event() => self.handle_room(event)?,
                event = self.peer.next_event() => self.handle_peer(event?)?,
                // What the port keeps while the way is too narrow it drops whole, down to the next IDR.
                frame = self.port.recv(), if self.publishing && !congested => self.forward(&frame),
                changed = self.format.changed() => {
                    if changed.is_err() {
                        return Ok(());
                    }
                }
                () = sleep_until(wake_at.into()) => self.handle_timeout(Instant::now())?,
            }
        }
    }

    fn forward(&mut self, frame: &EncodedVideoFrame) {
        if !self.chain.admits(frame) {
            self.port.request_keyframe();
            return;
        }
        self.peer.send(frame, Instant::now());
        self.backoff.reset();
        self.port.set_readiness(Readiness::Publishing);
    }

    /// Announces the track once its size is known, and tells the server when it changes.
    fn announce(&mut self) {
        let Some(newest) = *self.format.borrow_and_update() else {
            return;
        };
        match &mut self.track {
            Track::Unknown => {
                self.room
                    .add_track(TRACK_ID, &self.engine.options.track_name, newest);
                self.track = Track::Announced {
                    format: newest,
                    since: Instant::now(),
                };
            }
            Track::Announced { .. } => {}
            Track::Published { format, sid } => {
                if (format.width, format.height) != (newest.width, newest.height) {
                    self.room.resize(sid, newest);
                }
                *format = newest;
            }
        }
    }

    fn handle_room(&mut self, event: RoomEvent) -> Result<(), LiveKitError> {
        match event {
            RoomEvent::Answer(sdp) => self.peer.accept_answer(&sdp)?,
            RoomEvent::Candidate(candidate) => self.peer.add_remote_candidate(&candidate),
            RoomEvent::Published { sid } => {
                if let Track::Announced { format, .. } = self.track {
                    tracing::info!(%sid, width = format.width, height = format.height, "track published");
                    self.track = Track::Published { format, sid };
                    self.open();
                }
            }
            RoomEvent::Watched(Watched::Yes) => tracing::info!("somebody watches"),
            RoomEvent::Watched(Watched::No) => tracing::info!("nobody watches"),
            RoomEvent::Ended(error) => return Err(error),
        }
        Ok(())
    }

    fn handle_peer(&mut self, event: PeerEvent) -> Result<(), LiveKitError> {
        match event {
            PeerEvent::Connected => {
                tracing::info!(after = ?self.started.elapsed(), "media path to LiveKit stands");
                self.connected = true;
                self.port.set_readiness(Readiness::WaitingForKeyframe);
                self.open();
            }
            PeerEvent::Disconnected => return Err(LiveKitError::MediaLost),
            PeerEvent::KeyframeRequested => self.port.request_keyframe(),
            PeerEvent::Estimate(bitrate_bps) => self.port.set_rate_target(RateTarget { bitrate_bps }),
            PeerEvent::Stats(stats) => self.port.set_transport_stats(stats),
        }
        Ok(())
    }

    /// Lets frames flow a moment after both connection and publication stand.
    fn open(&mut self) {
        if self.connected && matches!(self.track, Track::Published { .. }) {
            self.open_at = Some(Instant::now() + FIRST_KEYFRAME_HOLD);
        }
    }

    fn wake_at(&self) -> Instant {
        let connecting = if self.connected {
            self.rate_due
        } else if self.peer.uses_tcp() {
            self.started + CONNECT_LIMIT
        } else {
            self.tcp_at()
        };
        let announced = match self.track {
            Track::Announced { since, .. } => since + PUBLISH_LIMIT,
            _ => connecting,
        };
        let open = self.open_at.filter(|_| !self.publishing).unwrap_or(connecting);
        connecting.min(announced).min(open)
    }

    fn tcp_at(&self) -> Instant {
        self.started
            + if self.peer.has_udp() {
                UDP_ALONE
            } else {
                UDP_UNNAMED
            }
    }

    fn handle_timeout(&mut self, now: Instant) -> Result<(), LiveKitError> {
        if !self.connected {
            if now >= self.started + CONNECT_LIMIT {
                return Err(LiveKitError::NoMediaPath {
                    seconds: CONNECT_LIMIT.as_secs(),
                });
            }
            if now >= self.tcp_at() {
                self.peer.use_tcp();
            }
        } else if now >= self.rate_due {
            if self.peer.silence() > MEDIA_SILENCE {
                return Err(LiveKitError::MediaLost);
            }
            self.peer.set_camera_rate(self.port.figures());
            self.rate_due = now + RATE_INTERVAL;
        }
        if matches!(self.track, Track::Announced { since, .. } if now >= since + PUBLISH_LIMIT) {
            return Err(LiveKitError::Timeout {
                request: "AddTrack",
                seconds: PUBLISH_LIMIT.as_secs(),
            });
        }
        self.publishing |= self.open_at.is_some_and(|at| now >= at);
        Ok(())
    }
}
