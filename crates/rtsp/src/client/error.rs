use std::fmt;
use std::time::Duration;

use throughline_sdp as sdp;

use super::TransportRequest;
use crate::auth::AuthError;
use crate::headers::{Delivery, Profile};
use crate::url::Redacted;
use crate::{Method, ParseError, StatusCode, Tolerance, UrlError};

/// Of a server's own words, in bytes, goes no more into an error: it is one line.
const MAX_QUOTED_BYTES: usize = 120;

/// Of the schemes that a server offers, no more are named in an error.
const MAX_QUOTED_SCHEMES: usize = 8;

/// Why a session ended, or a request that it can do without did not succeed
/// ([`Event::SetUpRefused`](super::Event::SetUpRefused), [`Event::PauseRefused`](super::Event::PauseRefused)). Each names the
/// request by its method and CSeq, or the byte of the connection, as they can be looked up in a capture.
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
    /// The server refuses credentials that it has accepted before: a battery camera that sleeps says so (Q122). They may
    /// have been changed as well, so try again only after minutes (Q103).
    #[error(
        "the server refuses the credentials that it accepted before, it may be asleep ({method}, CSeq {cseq})"
    )]
    Asleep {
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
    /// The server has no room for another viewer: 453, the answer of a camera at its limit of streams (Q102), or 503.
    #[error("the server is busy, {} ({method}, CSeq {cseq})", busy(*status, *retry_after))]
    Busy {
        /// The request that was refused.
        method: Method,
        /// 453 or 503.
        status: StatusCode,
        /// How long the server wants to be left alone, if it says so in seconds: at most
        /// [`MAX_RETRY_AFTER`](super::MAX_RETRY_AFTER).
        retry_after: Option<Duration>,
        /// The request's number.
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
    /// The server will not send over the transport that was asked for. Some cameras give another one only in a new
    /// session (Q29).
    #[error(
        "the server refuses {} for media {media} with {status} (SETUP, CSeq {cseq})",
        wanted(*transport, *profile)
    )]
    TransportRefused {
        /// Which media section of the description, from 0.
        media: usize,
        /// The transport that was refused.
        transport: TransportRequest,
        /// With this profile.
        profile: Profile,
        /// 461, or another that was taken for it.
        status: StatusCode,
        /// The number of the SETUP.
        cseq: u32,
    },
    /// The server refused the keys of a SETUP, or that there were none: 463, or RTSP 2.0's 466. Axis cameras want keys of ours
    /// with an MKI (Q106).
    #[error("the server refuses the keys for media {media}: {status} {reason} (SETUP, CSeq {cseq})")]
    KeysRefused {
        /// Which media section of the description, from 0.
        media: usize,
        /// 463 or 466.
        status: StatusCode,
        /// The beginning of the response's reason phrase, without secrets.
        reason: String,
        /// The number of the SETUP.
        cseq: u32,
    },
    /// The server agreed to a transport that was not asked for: a camera that has only UDP says so in this way (Q119), and one
    /// that would send in the clear what was to be encrypted.
    #[error(
        "the server was asked for {} and answers `{answered}` for media {media} (SETUP, CSeq {cseq})",
        wanted(*transport, *profile)
    )]
    TransportMismatch {
        /// Which media section of the description, from 0.
        media: usize,
        /// The transport that was asked for.
        transport: TransportRequest,
        /// With this profile.
        profile: Profile,
        /// To one or to a group, by the answer.
        delivery: Delivery,
        /// The Transport header of the response, without what may be a key.
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
        /// The beginning of the response's reason phrase, without secrets.
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
    #[error("the connection was closed{}", meanwhile(awaiting.as_ref()))]
    Closed {
        /// The request whose response was waited for.
        awaiting: Option<Awaited>,
    },
    /// The server has ended the session with a TEARDOWN of its own.
    #[error("the server has torn the session down (its CSeq {cseq})")]
    TornDownByServer {
        /// The server's number for it.
        cseq: u32,
    },
    /// A message or frame was begun and not finished.
    #[error("what begins at byte {offset} of the connection was not finished within {waited:.1?}")]
    Unfinished {
        /// How long: [`MESSAGE_PATIENCE`](super::MESSAGE_PATIENCE).
        waited: Duration,
        /// Where it begins, counted from the first byte that the server sent on this connection.
        offset: u64,
    },
    /// What arrived is not RTSP, or not as strictly as the [policy](super::SessionConfig::policy) wants it.
    #[error("what the server sent is not RTSP: {source}, which begins at byte {offset} of the connection{}", meanwhile(awaiting.as_ref()))]
    Protocol {
        /// What is wrong, and where in the message.
        source: ParseError,
        /// Where the message begins, counted from the first byte that the server sent on this connection.
        offset: u64,
        /// The request whose response was waited for.
        awaiting: Option<Awaited>,
    },
    /// The server needs a leniency that the [policy](super::SessionConfig::policy) refuses. (What bytes and messages need,
    /// [`Protocol`](Self::Protocol) tells.)
    #[error("not tolerated: {tolerance} ({place})")]
    NotTolerated {
        /// Which.
        tolerance: Tolerance,
        /// Where it would have been used.
        place: Place,
    },
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

/// A request that a response is waited for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Awaited {
    /// What was asked.
    pub method: Method,
    /// Its number.
    pub cseq: u32,
}

impl fmt::Display for Awaited {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}, CSeq {}", self.method, self.cseq)
    }
}

/// Where in the conversation something is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Place {
    /// In the response to this request.
    Response(Awaited),
    /// In an interleaved frame.
    Frame {
        /// Its channel.
        channel: u8,
        /// Where it begins, counted from the first byte that the server sent on this connection.
        offset: u64,
    },
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Response(awaited) => awaited.fmt(f),
            Self::Frame { channel, offset } => {
                write!(f, "channel {channel}, byte {offset} of the connection")
            }
        }
    }
}

impl Error {
    pub(super) fn not_tolerated(tolerance: Tolerance, awaited: Awaited) -> Self {
        let place = Place::Response(awaited);
        Self::NotTolerated { tolerance, place }
    }

    pub(super) fn from_auth(error: AuthError, method: Method, cseq: u32) -> Self {
        match error {
            AuthError::NoCredentials => Self::NoCredentials { method, cseq },
            AuthError::Refused => Self::CredentialsRefused { method, cseq },
            AuthError::UnsupportedScheme { schemes } => Self::UnsupportedAuthentication {
                schemes: quoted_schemes(&schemes),
                method,
                cseq,
            },
        }
    }
}

/// The beginning of what a server says, without the secrets of a URL that it repeats.
pub(crate) fn quoted(words: &str) -> String {
    let words = Redacted(words).to_string();
    let end = (0..=MAX_QUOTED_BYTES)
        .rev()
        .find(|&end| words.is_char_boundary(end))
        .unwrap_or_default();
    words.get(..end).unwrap_or(&words).to_owned()
}

/// The first schemes that a server offers.
pub(crate) fn quoted_schemes(schemes: &[String]) -> Vec<String> {
    let first = schemes.iter().take(MAX_QUOTED_SCHEMES);
    first.map(|scheme| quoted(scheme)).collect()
}

fn wanted(transport: TransportRequest, profile: Profile) -> String {
    match profile {
        Profile::Avp => transport.to_string(),
        other => format!("{other} over {transport}"),
    }
}

fn meanwhile(awaiting: Option<&Awaited>) -> String {
    match awaiting {
        Some(Awaited { method, cseq }) => format!(" while {method} was waited for (CSeq {cseq})"),
        None => String::new(),
    }
}

fn busy(status: StatusCode, retry_after: Option<Duration>) -> String {
    let why = match status {
        StatusCode::NOT_ENOUGH_BANDWIDTH => "its limit of streams is reached",
        _ => "it gives no service now",
    };
    match retry_after {
        Some(wait) => format!("{why} and it asks to come back in {} s", wait.as_secs()),
        None => why.to_owned(),
    }
}
