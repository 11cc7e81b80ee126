use super::{Channel, MAX_HEAD_BYTES};
use crate::auth::AuthError;
use crate::client::{quoted, quoted_schemes};
use crate::{MAX_HEADERS, Response, StatusCode};

/// Why there is no tunnel. Each names the HTTP request; a WebSocket's is a GET.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TunnelError {
    /// There is no tunnel at this path: 404, 405 or 501, or a web page.
    #[error("no tunnel is there: {channel} was answered with {status} {reason}")]
    NotATunnel {
        /// What was asked.
        channel: Channel,
        /// The answer's status.
        status: StatusCode,
        /// The beginning of its reason phrase, without secrets.
        reason: String,
    },
    /// The server asks for credentials and the caller gave none, or none for this host.
    #[error("the tunnel's server asks for credentials and none were given ({channel})")]
    NoCredentials {
        /// What was answered with 401.
        channel: Channel,
    },
    /// The server refused the credentials. Trying them again may lock the account (Q103).
    #[error("the tunnel's server refused the credentials ({channel})")]
    CredentialsRefused {
        /// What was answered with 401.
        channel: Channel,
    },
    /// The server asks for an authentication that is not spoken here.
    #[error("tunnel: {} ({channel})", AuthError::UnsupportedScheme { schemes: schemes.clone() })]
    UnsupportedAuthentication {
        /// What was answered with 401.
        channel: Channel,
        /// What the server offers, empty where it names nothing.
        schemes: Vec<String>,
    },
    /// Any other status than 200, or 101 for a WebSocket.
    #[error("the tunnel is refused: {channel} was answered with {status} {reason}")]
    Refused {
        /// What was asked.
        channel: Channel,
        /// The answer's status.
        status: StatusCode,
        /// The beginning of its reason phrase, without secrets.
        reason: String,
    },
    /// The answer is not HTTP, or not a tunnel's.
    #[error("the answer to {channel} is no tunnel's: {what} at byte {offset}")]
    Malformed {
        /// What was asked.
        channel: Channel,
        /// What is wrong.
        what: &'static str,
        /// Where, counted from the answer's first byte.
        offset: usize,
    },
    /// The head of the answer, or what comes before it, has more than [`MAX_HEAD_BYTES`] bytes or [`MAX_HEADERS`] lines.
    #[error(
        "the head of the answer to {channel} has more than {MAX_HEAD_BYTES} bytes or {MAX_HEADERS} lines"
    )]
    TooLong {
        /// What was asked.
        channel: Channel,
    },
    /// The server closed the connection.
    #[error("the connection of the tunnel's {channel} was closed")]
    Closed {
        /// Which.
        channel: Channel,
    },
}

impl TunnelError {
    pub(super) fn from_auth(channel: Channel, error: AuthError) -> Self {
        match error {
            AuthError::NoCredentials => Self::NoCredentials { channel },
            AuthError::Refused => Self::CredentialsRefused { channel },
            AuthError::UnsupportedScheme { schemes } => Self::UnsupportedAuthentication {
                channel,
                schemes: quoted_schemes(&schemes),
            },
        }
    }

    /// What an answer that opens no tunnel says.
    pub(super) fn from_answer(channel: Channel, answer: &Response) -> Self {
        let (status, reason) = (answer.status, quoted(&answer.reason));
        match status.0 {
            200 | 404 | 405 | 501 => Self::NotATunnel {
                channel,
                status,
                reason,
            },
            _ => Self::Refused {
                channel,
                status,
                reason,
            },
        }
    }
}
