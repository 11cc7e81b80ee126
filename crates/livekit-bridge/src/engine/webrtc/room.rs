//! LiveKit's signalling for one publishing participant: join, publish, resume, leave.

use std::sync::Arc;
use std::time::{Duration, Instant};

use livekit_protocol as proto;
use livekit_protocol::signal_request::Message as Request;
use livekit_protocol::signal_response::Message as Response;
use livekit_signaling::{SignalClient, SignalError, SignalEvent, SignalEvents, SignalOptions};
use tokio::task::JoinHandle;

use crate::encoder::VideoFormat;
use crate::engine::webrtc::error::LiveKitError;

/// The last protocol version without negotiated data channels, which a publisher of one track has no use for.
const PROTOCOL_VERSION: u32 = 16;

/// How long the signalling connection is resumed before the room is joined anew. The server gives a participant whose
/// signalling is gone about as long.
const RESUME_LIMIT: Duration = Duration::from_secs(10);

/// Pause between two attempts to resume.
const RESUME_PAUSE: Duration = Duration::from_millis(300);

/// Longest wait for a polite goodbye.
const LEAVE_LIMIT: Duration = Duration::from_millis(500);

/// How long a server that cut the media path may take to say why.
const LAST_WORD_LIMIT: Duration = Duration::from_millis(500);

/// What the server said, as far as a publisher cares.
#[derive(Debug)]
pub(super) enum RoomEvent {
    /// The answer to our offer.
    Answer(String),
    /// A candidate of the server, `candidate:..`.
    Candidate(String),
    /// The track is accepted and has this identifier.
    Published { sid: String },
    /// Whether anybody watches.
    Watched(Watched),
    /// The session is over.
    Ended(LiveKitError),
}

/// Whether a subscriber wants the track now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Watched {
    Yes,
    No,
}

/// A joined room.
pub(super) struct Room {
    client: Arc<SignalClient>,
    events: SignalEvents,
    identity: String,
    /// A resume in progress, and since when the connection is down.
    resume: Option<(Instant, JoinHandle<Result<(), SignalError>>)>,
}

impl Room {
    /// Joins with `offer` on the way, so that the answer needs no further round trip.
    pub(super) async fn join(url: &str, jwt: &str, offer: String) -> Result<(Self, Joined), SignalError> {
        let mut options = SignalOptions::default();
        options.auto_subscribe = false;
        options.single_peer_connection = true;
        options.protocol_version = PROTOCOL_VERSION;
        options.client_capabilities = Vec::new();
        let offer = session_description(offer);
        let (client, join, events) = SignalClient::connect(url, jwt, options, Some(offer.clone())).await?;
        if !client.is_single_pc_mode_active() {
            // A server without the newer path takes no offer with the join.
            client.send(Request::Offer(offer)).await;
        }
        let participant = join.participant.unwrap_or_default();
        let joined = Joined {
            may_publish: participant
                .permission
                .is_none_or(|permission| permission.can_publish),
            server_version: join.server_info.map(|info| info.version).unwrap_or_default(),
        };
        let room = Self {
            client: Arc::new(client),
            events,
            identity: participant.identity,
            resume: None,
        };
        Ok((room, joined))
    }

    /// Announces the track that the offer already holds.
    pub(super) fn add_track(&self, track_id: &str, name: &str, format: VideoFormat) {
        let layer = proto::VideoLayer {
            quality: proto::VideoQuality::High.into(),
            width: format.width,
            height: format.height,
            ..Default::default()
        };
        let codec = proto::SimulcastCodec {
            codec: "h264".to_owned(),
            cid: track_id.to_owned(),
            ..Default::default()
        };
        let request = proto::AddTrackRequest {
            cid: track_id.to_owned(),
            name: name.to_owned(),
            r#type: proto::TrackType::Video.into(),
            source: proto::TrackSource::Camera.into(),
            width: format.width,
            height: format.height,
            layers: vec![layer],
            simulcast_codecs: vec![codec],
            ..Default::default()
        };
        self.send(Request::AddTrack(request));
    }

    /// Says that the picture has another size now.
    pub(super) fn resize(&self, sid: &str, format: VideoFormat) {
        let request = proto::UpdateLocalVideoTrack {
            track_sid: sid.to_owned(),
            width: format.width,
            height: format.height,
        };
        self.send(Request::UpdateVideoTrack(request));
    }

    /// In a task of its own: while a resume is under way the client makes senders wait, and media must not.
    fn send(&self, request: Request) {
        let client = Arc::clone(&self.client);
        tokio::spawn(async move { client.send(request).await });
    }

    /// The newest token: the server renews it while connected.
    pub(super) fn token(&self) -> String {
        self.client.token()
    }

    /// The next event. Resumes a lost connection meanwhile; media does not need it. Cancel safe.
    pub(super) async fn next_event(&mut self) -> RoomEvent {
        loop {
            if let Some((since, resume)) = &mut self.resume {
                let resumed = resume.await;
                let since = *since;
                self.resume = None;
                match resumed.unwrap_or(Err(SignalError::Closed)) {
                    Ok(()) => tracing::info!("LiveKit signalling resumed"),
                    Err(error) if worth_resuming(&error) && since.elapsed() < RESUME_LIMIT => {
                        self.resume_after(RESUME_PAUSE, since);
                    }
                    Err(SignalError::LeaveRequest { reason, .. }) => {
                        return RoomEvent::Ended(LiveKitError::from_leave(reason, &self.identity));
                    }
                    Err(_) => {
                        return RoomEvent::Ended(LiveKitError::Left {
                            reason: "SIGNAL_CLOSE",
                        });
                    }
                }
                continue;
            }
            match self.events.recv().await {
                Some(SignalEvent::Message(message)) => {
                    if let Some(event) = self.read(*message) {
                        return event;
                    }
                }
                Some(SignalEvent::Close(_)) => {
                    tracing::info!("LiveKit signalling lost, media goes on; resuming");
                    self.resume_after(Duration::ZERO, Instant::now());
                }
                None => {
                    return RoomEvent::Ended(LiveKitError::Left {
                        reason: "SIGNAL_CLOSE",
                    });
                }
            }
        }
    }

    /// Why the media path was cut, if the server says so: when it sends a participant away, its word may come after the cut.
    pub(super) async fn last_word(&mut self) -> Option<LiveKitError> {
        let word = async {
            loop {
                if let RoomEvent::Ended(error) = self.next_event().await {
                    return error;
                }
            }
        };
        tokio::time::timeout(LAST_WORD_LIMIT, word).await.ok()
    }

    /// In a task of its own: a resume that is cut off in the middle would leave the client unusable.
    fn resume_after(&mut self, pause: Duration, since: Instant) {
        let client = Arc::clone(&self.client);
        let resume = tokio::spawn(async move {
            tokio::time::sleep(pause).await;
            client
                .restart(proto::ReconnectReason::RrSignalDisconnected)
                .await?;
            client.set_reconnected().await;
            Ok(())
        });
        self.resume = Some((since, resume));
    }

    fn read(&self, message: Response) -> Option<RoomEvent> {
        match message {
            Response::Answer(answer) => Some(RoomEvent::Answer(answer.sdp)),
            Response::Trickle(trickle) => candidate(&trickle.candidate_init).map(RoomEvent::Candidate),
            Response::TrackPublished(published) => Some(RoomEvent::Published {
                sid: published.track.unwrap_or_default().sid,
            }),
            Response::SubscribedQualityUpdate(update) => Some(RoomEvent::Watched(watched(&update))),
            Response::RequestResponse(response) => refusal(&response).map(RoomEvent::Ended),
            Response::Leave(leave) => Some(RoomEvent::Ended(LiveKitError::from_leave(
                leave.reason(),
                &self.identity,
            ))),
            _ => None,
        }
    }

    /// Says goodbye, so that the room forgets the participant at once and not after a time-out.
    pub(super) async fn leave(self) {
        if let Some((_, resume)) = self.resume {
            resume.abort();
        }
        let leave = proto::LeaveRequest {
            action: proto::leave_request::Action::Disconnect.into(),
            reason: proto::DisconnectReason::ClientInitiated.into(),
            ..Default::default()
        };
        let goodbye = async {
            self.client.send(Request::Leave(leave)).await;
            self.client.close().await;
        };
        // A server that does not take it finds out by itself.
        drop(tokio::time::timeout(LEAVE_LIMIT, goodbye).await);
    }
}

/// What the server told about the participant that joined.
#[derive(Debug)]
pub(super) struct Joined {
    pub(super) may_publish: bool,
    pub(super) server_version: String,
}

fn session_description(sdp: String) -> proto::SessionDescription {
    proto::SessionDescription {
        r#type: "offer".to_owned(),
        sdp,
        id: 1,
        ..Default::default()
    }
}

/// Whether the same session may still be there for a later attempt.
fn worth_resuming(error: &SignalError) -> bool {
    !matches!(
        error,
        SignalError::LeaveRequest { .. }
            | SignalError::Client(..)
            | SignalError::TokenFormat
            | SignalError::TransportNotConfigured
            | SignalError::InvalidState(_)
    )
}

/// The candidate in an `RTCIceCandidateInit`; `None` for the end of candidates.
fn candidate(init: &str) -> Option<String> {
    let init: serde_json::Value = serde_json::from_str(init).ok()?;
    let candidate = init.get("candidate")?.as_str()?;
    (!candidate.is_empty()).then(|| candidate.to_owned())
}

fn watched(update: &proto::SubscribedQualityUpdate) -> Watched {
    let mut qualities = update.subscribed_codecs.iter().flat_map(|codec| &codec.qualities);
    if qualities.any(|quality| quality.enabled) {
        Watched::Yes
    } else {
        Watched::No
    }
}

/// A refusal to publish. That a server does not take a new size is no reason to stop: viewers see it in the stream.
fn refusal(response: &proto::RequestResponse) -> Option<LiveKitError> {
    use proto::request_response::{Reason, Request};
    match response.reason() {
        Reason::Ok | Reason::Queued => None,
        _ if matches!(response.request, Some(Request::UpdateVideoTrack(_))) => None,
        reason => Some(LiveKitError::PublishRefused {
            reason: match response.message.as_str() {
                "" if reason == Reason::NotAllowed => "the token does not permit it".to_owned(),
                "" => reason.as_str_name().to_owned(),
                message => crate::token::without_tokens(message),
            },
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn candidates_are_taken_from_their_json_and_the_end_mark_is_none() {
        let init = r#"{"candidate":"candidate:1 1 udp 2130706431 10.0.0.1 7882 typ host","sdpMid":"0"}"#;
        assert_eq!(
            candidate(init).unwrap(),
            "candidate:1 1 udp 2130706431 10.0.0.1 7882 typ host"
        );
        for nothing in [r#"{"candidate":""}"#, "{}", "", "[1", r#"{"candidate":7}"#] {
            assert_eq!(candidate(nothing), None, "{nothing}");
        }
    }

    #[test]
    fn a_refused_publication_carries_the_servers_words() {
        use proto::request_response::Reason;

        let response = |reason: Reason, message: &str| proto::RequestResponse {
            reason: reason.into(),
            message: message.to_owned(),
            ..Default::default()
        };
        assert!(refusal(&response(Reason::Ok, "")).is_none());
        let resize =
            proto::request_response::Request::UpdateVideoTrack(proto::UpdateLocalVideoTrack::default());
        let resize = proto::RequestResponse {
            request: Some(resize),
            ..response(Reason::NotFound, "")
        };
        assert!(refusal(&resize).is_none());
        let error = refusal(&response(Reason::NotAllowed, "does not have permission")).unwrap();
        assert_eq!(
            error.to_string(),
            "LiveKit refuses to publish the track: does not have permission"
        );
    }
}
