use std::time::Duration;

use throughline_sdp as sdp;

use crate::auth::AuthError;
use crate::headers::LowerTransport;
use crate::{Method, ParseError, StatusCode, UrlError};

/// Why a session ended, or a SETUP did not succeed ([`Event::SetUpRefused`](super::Event::SetUpRefused)). Each names the
/// request by its method and CSeq, as they can be looked up in a capture.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum Error {
    /// The server asks for credentials and the caller gave none, or none for this host.
    #[error("the server asks for credentials and none were given ({method}, CSeq {cseq})")]
    NoCredentials {
        /// The request that was answered with 401.
        method: Method,
        /// Its number.
        cseq: u32,
    },
    /// The server refused the credentials. Trying them again may lock the account (Q103).
    #[error("the server refused the credentials ({method}, CSeq {cseq})")]
    CredentialsRefused {
        /// The request that was answered with 401.
        method: Method,
        /// Its number.
        cseq: u32,
    },
    /// The server asks for an authentication that is not spoken here.
    #[error("{} ({method}, CSeq {cseq})", AuthError::UnsupportedScheme { schemes: schemes.clone() })]
    UnsupportedAuthentication {
        /// What the server offers, empty where it names nothing.
        schemes: Vec<String>,
        /// The request that was answered with 401.
        method: Method,
        /// Its number.
        cseq: u32,
    },
    /// The server has no room for another viewer: 453, the answer of a camera at its limit of streams (Q102).
    #[error("the server is busy, its limit of streams is reached ({method}, CSeq {cseq})")]
    Busy {
        /// The request that was answered with 453.
        method: Method,
        /// Its number.
        cseq: u32,
    },
    /// The server does not know the session any more: 454.
    #[error("the server has forgotten the session ({method}, CSeq {cseq})")]
    SessionNotFound {
        /// The request that was answered with 454.
        method: Method,
        /// Its number.
        cseq: u32,
    },
    /// The server will not send over the transport that was asked for: 461. Some cameras give another one only in a new
    /// session (Q29).
    #[error("the server refuses {} for media {media} (SETUP, CSeq {cseq})", named(*transport))]
    TransportRefused {
        /// Which media section of the description, from 0.
        media: usize,
        /// The transport that was refused.
        transport: LowerTransport,
        /// The number of the SETUP.
        cseq: u32,
    },
    /// The server agreed to a transport that was not asked for: a camera that has only UDP says so in this way (Q119).
    #[error(
        "the server was asked for {} and answers `{answered}` for media {media} (SETUP, CSeq {cseq})",
        named(*transport)
    )]
    TransportMismatch {
        /// Which media section of the description, from 0.
        media: usize,
        /// The transport that was asked for.
        transport: LowerTransport,
        /// The Transport header of the response.
        answered: String,
        /// The number of the SETUP.
        cseq: u32,
    },
    /// The server refused a request with any other status.
    #[error("{method} was answered with {status} {reason} (CSeq {cseq})")]
    Status {
        /// The request that was refused.
        method: Method,
        /// The response's status.
        status: StatusCode,
        /// The response's reason phrase, as the server wrote it.
        reason: String,
        /// The request's number.
        cseq: u32,
    },
    /// A request was not answered in time.
    #[error("{method} was not answered within {waited:.1?} (CSeq {cseq})")]
    Timeout {
        /// The request.
        method: Method,
        /// Its number.
        cseq: u32,
        /// How long it waited.
        waited: Duration,
    },
    /// The connection was closed by the other side, or broke.
    #[error("the connection was closed{}", .awaiting.as_ref().map(|m| format!(" while {m} was waited for")).unwrap_or_default())]
    Closed {
        /// The request whose response was waited for.
        awaiting: Option<Method>,
    },
    /// What arrived is not RTSP.
    #[error("what the server sent is not RTSP: {0}")]
    Protocol(ParseError),
    /// The body of the DESCRIBE response is no session description.
    #[error("the session description cannot be read (CSeq {cseq}): {source}")]
    Describe {
        /// What is wrong with it.
        source: sdp::ParseError,
        /// The number of the DESCRIBE.
        cseq: u32,
    },
    /// More redirects in a row than [`MAX_REDIRECTS`](super::MAX_REDIRECTS).
    #[error("more than {} redirects", super::MAX_REDIRECTS)]
    TooManyRedirects,
    /// A redirect to a place that cannot be gone to.
    #[error("redirected ({status}, CSeq {cseq}) to a place that is not usable: {source}")]
    RedirectUnsupported {
        /// The response's status.
        status: StatusCode,
        /// The request's number.
        cseq: u32,
        /// What is wrong with its Location.
        source: UrlError,
    },
    /// The caller asked for a media section that the description does not have, or asked before it was there.
    #[error("the session description has no media {media}")]
    NoSuchMedia {
        /// What was asked for, from 0.
        media: usize,
    },
    /// The caller asked for more than [`MAX_TRACKS`](super::MAX_TRACKS) media sections.
    #[error("more than {} media sections were asked for", super::MAX_TRACKS)]
    TooManyTracks,
}

impl Error {
    pub(super) fn from_auth(error: AuthError, method: Method, cseq: u32) -> Self {
        match error {
            AuthError::NoCredentials => Self::NoCredentials { method, cseq },
            AuthError::Refused => Self::CredentialsRefused { method, cseq },
            AuthError::UnsupportedScheme { schemes } => Self::UnsupportedAuthentication {
                schemes,
                method,
                cseq,
            },
        }
    }
}

fn named(transport: LowerTransport) -> &'static str {
    match transport {
        LowerTransport::Tcp => "TCP",
        LowerTransport::Udp => "UDP",
    }
}
