//! What can go wrong with a LiveKit server, split by who can mend it.

use livekit_protocol::DisconnectReason;
use livekit_signaling::SignalError;
use thiserror::Error;

use crate::engine::peer::PeerError;
use crate::token::{TokenError, without_tokens};

/// Why publishing to LiveKit failed. No message holds a token, a key or a secret.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum LiveKitError {
    /// The URL is not one of a LiveKit server.
    #[error("`{url}` is no LiveKit URL: {reason}")]
    Url {
        /// As given, without credentials.
        url: String,
        /// What is wrong with it.
        reason: String,
    },
    /// No token can be made of key and secret, or the given one is unfit.
    #[error(transparent)]
    Token(#[from] TokenError),
    /// The server does not accept the API key, the secret or the token.
    #[error("LiveKit at {server} refuses the API key, secret or token (HTTP {status})")]
    Unauthorized {
        /// Host and port.
        server: String,
        /// HTTP status.
        status: u16,
    },
    /// The server knows the key, and refuses the room.
    #[error("LiveKit at {server} refuses the room `{room}` (HTTP {status})")]
    RoomRefused {
        /// Host and port.
        server: String,
        /// The room.
        room: String,
        /// HTTP status.
        status: u16,
    },
    /// The participant may join and not publish.
    #[error("LiveKit refuses to publish the track: {reason}")]
    PublishRefused {
        /// The server's words.
        reason: String,
    },
    /// Another participant joined under the same identity.
    #[error("another participant joined the room as `{identity}` and took its place")]
    DuplicateIdentity {
        /// The identity.
        identity: String,
    },
    /// Somebody removed the participant, or deleted the room.
    #[error("LiveKit ended the participation: {reason}")]
    Removed {
        /// The server's reason.
        reason: &'static str,
    },
    /// The server cannot be reached, or does not answer as it should.
    #[error("LiveKit at {server} cannot be reached: {reason}")]
    Unreachable {
        /// Host and port.
        server: String,
        /// What was tried and how it failed.
        reason: String,
    },
    /// The server ended the session in a way that asks to come back.
    #[error("LiveKit ended the session: {reason}")]
    Left {
        /// The server's reason.
        reason: &'static str,
    },
    /// Signalling works, and no media path can be made.
    #[error("no media path to LiveKit: neither UDP nor TCP to its media ports got through in {seconds} s")]
    NoMediaPath {
        /// How long it was tried.
        seconds: u64,
    },
    /// The media path was there and is gone.
    #[error("the media path to LiveKit is gone")]
    MediaLost,
    /// The server did not answer a request in time.
    #[error("LiveKit did not answer {request} within {seconds} s")]
    Timeout {
        /// Which one.
        request: &'static str,
        /// How long it was waited for.
        seconds: u64,
    },
    /// What the server negotiated cannot be used.
    #[error("WebRTC negotiation with LiveKit failed: {reason}")]
    Negotiation {
        /// What did not fit.
        reason: String,
    },
}

impl LiveKitError {
    /// Whether trying again as before is of no use: only another configuration, or the one who took the place, mends
    /// it.
    pub fn is_terminal(&self) -> bool {
        match self {
            Self::Url { .. }
            | Self::Token(_)
            | Self::Unauthorized { .. }
            | Self::RoomRefused { .. }
            | Self::PublishRefused { .. }
            | Self::DuplicateIdentity { .. }
            | Self::Removed { .. } => true,
            Self::Unreachable { .. }
            | Self::Left { .. }
            | Self::NoMediaPath { .. }
            | Self::MediaLost
            | Self::Timeout { .. }
            | Self::Negotiation { .. } => false,
        }
    }

    /// Reads a failed join.
    pub(crate) fn from_join(error: &SignalError, server: &str, room: &str) -> Self {
        let server = server.to_owned();
        match error {
            SignalError::Client(status, body) => {
                let status = status.as_u16();
                // The body quotes the token; only what it is about is taken from it.
                let about_room = body.contains("permission") || body.contains("room");
                match status {
                    401 | 403 | 404 if about_room => Self::RoomRefused {
                        server,
                        room: room.to_owned(),
                        status,
                    },
                    401 | 403 => Self::Unauthorized { server, status },
                    _ => Self::Unreachable {
                        server,
                        reason: format!("HTTP {status}"),
                    },
                }
            }
            SignalError::TokenFormat => Self::Token(TokenError::Unreadable),
            SignalError::UrlParse(reason) => Self::Url {
                url: server,
                reason: without_tokens(reason),
            },
            other => Self::Unreachable {
                server,
                reason: without_tokens(&other.to_string()),
            },
        }
    }

    /// Reads the reason of a server that sends us away.
    pub(crate) fn from_leave(reason: DisconnectReason, identity: &str) -> Self {
        match reason {
            DisconnectReason::DuplicateIdentity => Self::DuplicateIdentity {
                identity: identity.to_owned(),
            },
            DisconnectReason::ParticipantRemoved => Self::Removed {
                reason: "the participant was removed",
            },
            DisconnectReason::RoomDeleted => Self::Removed {
                reason: "the room was deleted",
            },
            other => Self::Left {
                reason: other.as_str_name(),
            },
        }
    }
}

impl From<PeerError> for LiveKitError {
    fn from(error: PeerError) -> Self {
        Self::Negotiation {
            reason: error.to_string(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(status: u16, body: &str) -> LiveKitError {
        let status = http_status(status);
        LiveKitError::from_join(&SignalError::Client(status, body.to_owned()), "host:7880", "yard")
    }

    fn http_status<T: TryFrom<u16>>(status: u16) -> T
    where
        T::Error: std::fmt::Debug,
    {
        T::try_from(status).unwrap()
    }

    #[test]
    fn a_refused_token_is_terminal_and_its_error_does_not_show_it() {
        let error = refused(
            401,
            "invalid token: eyJhbGciOi.abc.def, error: go-jose: verification failed",
        );
        assert!(matches!(error, LiveKitError::Unauthorized { status: 401, .. }));
        assert!(error.is_terminal());
        assert_eq!(
            error.to_string(),
            "LiveKit at host:7880 refuses the API key, secret or token (HTTP 401)"
        );
    }

    #[test]
    fn a_refused_room_is_told_apart_from_a_refused_key() {
        for (status, body) in [
            (401, "no permissions to access the room"),
            (404, "requested room does not exist"),
        ] {
            assert!(
                matches!(refused(status, body), LiveKitError::RoomRefused { .. }),
                "{body}"
            );
        }
    }

    #[test]
    fn an_overloaded_or_absent_server_is_tried_again() {
        // Some other web server at this address.
        assert!(!refused(404, "page not found").is_terminal());
        assert!(!refused(429, "too many requests").is_terminal());
        let error = SignalError::Connection("connection refused for eyJx.y.z".to_owned());
        let error = LiveKitError::from_join(&error, "host:7880", "yard");
        assert!(!error.is_terminal());
        assert!(!error.to_string().contains("eyJ"), "{error}");
    }

    #[test]
    fn being_replaced_or_removed_is_terminal_and_a_restarting_server_is_not() {
        let left = |reason| LiveKitError::from_leave(reason, "cam");
        assert!(matches!(
            left(DisconnectReason::DuplicateIdentity),
            LiveKitError::DuplicateIdentity { .. }
        ));
        assert!(left(DisconnectReason::ParticipantRemoved).is_terminal());
        assert!(!left(DisconnectReason::ServerShutdown).is_terminal());
        assert!(!left(DisconnectReason::StateMismatch).is_terminal());
    }
}
