//! What can go wrong with a tunnel.

use std::io;

use throughline_rtsp::auth::AuthError;

/// Why there is no tunnel over HTTP or WebSocket.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TunnelError {
    /// The camera's web server wants credentials that are not there, or refuses those that are. Never retried (Q103).
    #[error("401 to the tunnel: {cause}")]
    Unauthorized {
        /// In what way.
        cause: AuthError,
    },
    /// The camera's web server has no tunnel at this path, or does not let us have it now.
    #[error("the camera refuses the tunnel with HTTP status {status}; its path may be another")]
    Refused {
        /// Of the answer.
        status: u16,
    },
    /// The camera hung up in place of an answer.
    #[error("the camera hung up on the request for the tunnel")]
    Closed,
    /// What answered does not speak HTTP at this port.
    #[error("what answers at this port does not speak HTTP; is it the port of rtsp://?")]
    NotHttp,
    /// The answer has no end.
    #[error("the answer to the request for the tunnel is longer than {limit} bytes")]
    HeadTooLong {
        /// In bytes.
        limit: usize,
    },
    /// The camera says 101, but its answer is not the one to our request
    /// ([RFC 6455 §4.1](https://www.rfc-editor.org/rfc/rfc6455#section-4.1)).
    #[error("the camera agrees to a WebSocket, but not to the one that was asked for")]
    NotWebSocket,
    /// The connection broke.
    #[error("connection lost while the tunnel was asked for: {cause}")]
    Lost {
        /// What the system said.
        cause: io::Error,
    },
}
