//! Typed headers, one a file: each reads leniently, and writes the RFC's form (`Display`).
//!
//! `FromStr` tolerates everything; [`TypedHeader::read`] goes by a [`Policy`](crate::Policy) and says what it tolerated.
//! Blanks around and between the words of a value are no leniency: the RFC allows them
//! ([RFC 2068 §2.1](https://www.rfc-editor.org/rfc/rfc2068#section-2.1), "implied *LWS").

mod authentication_info;
mod authorization;
mod content_base;
mod content_location;
mod cseq;
mod grammar;
mod key_mgmt;
mod public;
mod range;
mod retry_after;
mod rtp_info;
mod session;
mod smpte;
mod transport;
mod www_authenticate;

use std::fmt::{self, Display};
use std::str::FromStr;

pub use authentication_info::AuthenticationInfo;
pub use authorization::{Authorization, DigestAnswer, UsernameForm};
pub use content_base::ContentBase;
pub use content_location::ContentLocation;
pub use cseq::CSeq;
pub(crate) use grammar::number;
pub use key_mgmt::{KeyMgmt, KeyMgmtEntry};
pub use public::Public;
pub use range::{Interval, Range, Span};
pub use retry_after::RetryAfter;
pub use rtp_info::{RtpInfo, RtpInfoEntry};
pub use session::Session;
pub use smpte::{SmpteRate, SmpteTime};
pub use throughline_sdp::{NptTime, UtcTime};
pub use transport::{
    ConnectionUse, Delivery, KeyMaterial, LowerTransport, Profile, Rtsp2Parameters, Setup, Transport,
    TransportMode,
};
pub use www_authenticate::{Challenge, DigestAlgorithm, DigestChallenge, Qop, WwwAuthenticate};

use crate::{Reading, Tolerance};

/// A header that [`Headers::typed`](crate::Headers::typed) reads and [`Headers::set_typed`](crate::Headers::set_typed) writes.
pub trait TypedHeader: FromStr<Err = HeaderError> + Display {
    /// Its name, one of [`name`].
    const NAME: &'static str;
    /// What several lines of it mean.
    const REPETITION: Repetition = Repetition::FirstCounts;

    /// Reads a value.
    ///
    /// Fails where it is no such header, and for what the policy refuses.
    fn read(value: &str, reading: &mut Reading) -> Result<Self, HeaderError>;
}

/// `FromStr` is reading with the default policy.
macro_rules! from_str {
    ($($header:ty,)*) => {
        $(
            impl FromStr for $header {
                type Err = HeaderError;

                fn from_str(value: &str) -> Result<Self, HeaderError> {
                    Self::read(value, &mut Reading::default())
                }
            }
        )*
    };
}

from_str! {
    AuthenticationInfo,
    Authorization,
    ContentBase,
    ContentLocation,
    CSeq,
    KeyMgmt,
    Public,
    Range,
    RetryAfter,
    RtpInfo,
    Session,
    Transport,
    WwwAuthenticate,
}

/// What several lines of one header mean.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Repetition {
    /// The first is the header, the others are ignored.
    FirstCounts,
    /// They are one list, as if joined by commas.
    OneList,
}

/// A header value that cannot be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{header} header: {what} at byte {offset}")]
pub struct HeaderError {
    /// The header's name.
    pub header: &'static str,
    /// Where, counted from the first byte of its value.
    pub offset: usize,
    /// What is wrong there.
    pub what: HeaderFault,
}

/// What is wrong with a header value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum HeaderFault {
    /// It does not follow the grammar: what is missing or wrong.
    Grammar(&'static str),
    /// A rule is bent that the [`Policy`](crate::Policy) holds to.
    NotTolerated(Tolerance),
}

impl Display for HeaderFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Grammar(what) => f.write_str(what),
            Self::NotTolerated(tolerance) => tolerance.fmt(f),
        }
    }
}

/// Header names as they are written.
pub mod name {
    /// One row per name: its constant and its spelling.
    macro_rules! names {
        ($($name:ident $text:literal,)*) => {
            $(#[doc = concat!("`", $text, "`")] pub const $name: &str = $text;)*

            /// The RFC's spelling of a name in any case, `None` for one that is not its own.
            pub fn canonical(name: &str) -> Option<&'static str> {
                [$($name),*].into_iter().find(|known| known.eq_ignore_ascii_case(name))
            }
        };
    }

    names! {
        ACCEPT "Accept",
        ALLOW "Allow",
        AUTHENTICATION_INFO "Authentication-Info",
        AUTHORIZATION "Authorization",
        CONNECTION "Connection",
        CONTENT_BASE "Content-Base",
        CONTENT_LENGTH "Content-Length",
        CONTENT_LOCATION "Content-Location",
        CONTENT_TYPE "Content-Type",
        CSEQ "CSeq",
        DATE "Date",
        KEY_MGMT "KeyMgmt",
        LOCATION "Location",
        PROXY_AUTHENTICATE "Proxy-Authenticate",
        PROXY_AUTHORIZATION "Proxy-Authorization",
        PUBLIC "Public",
        RANGE "Range",
        REQUIRE "Require",
        RETRY_AFTER "Retry-After",
        RTP_INFO "RTP-Info",
        SERVER "Server",
        SESSION "Session",
        TRANSPORT "Transport",
        UNSUPPORTED "Unsupported",
        USER_AGENT "User-Agent",
        WWW_AUTHENTICATE "WWW-Authenticate",
    }
}

#[cfg(test)]
mod tests {
    use std::fmt::Debug;

    use super::*;
    use crate::Policy;

    /// Checks one header's table of cases: as a camera writes it, what it says, as we write it. The inputs, one a line, are
    /// the header's seed for the fuzz target `rtsp_headers`.
    ///
    /// Each input is also cut short at every byte, and robbed of every byte, which may be an error but never a panic; and what
    /// is read of it then is written in a form that is read and written the same again.
    pub(super) fn check<H: TypedHeader + Debug + PartialEq>(seeds: &str, cases: &[(&str, H, &str)]) {
        for (input, value, written) in cases {
            assert_eq!(input.parse().as_ref(), Ok(value), "{input}");
            assert_eq!(value.to_string(), *written, "{input}");
            assert_eq!(written.parse().as_ref(), Ok(value), "{written}");
            for (at, c) in input.char_indices() {
                let (start, rest) = input.split_at(at);
                for damaged in [start.to_owned(), format!("{start}{}", &rest[c.len_utf8()..])] {
                    let Ok(value) = damaged.parse::<H>() else { continue };
                    let written = value.to_string();
                    let again: H = written
                        .parse()
                        .unwrap_or_else(|error| panic!("{error}: {written}"));
                    assert_eq!(again.to_string(), written, "{damaged}");
                }
            }
        }
        let inputs: Vec<_> = cases.iter().map(|(input, ..)| *input).collect();
        let inputs = inputs.join("\n");
        assert!(seeds == inputs, "the seed of {} is to be:\n{inputs}\n--", H::NAME);
    }

    /// Checks that this value is read by this tolerance and no other, and that without it the error says where.
    pub(super) fn check_tolerance<H: TypedHeader + Debug + PartialEq>(
        tolerance: Tolerance,
        offset: usize,
        input: &str,
        value: &H,
    ) {
        for policy in [Policy::default(), Policy::strict().tolerate(tolerance)] {
            let mut reading = Reading::new(policy);
            assert_eq!(H::read(input, &mut reading).as_ref(), Ok(value), "{input}");
            assert_eq!(
                reading.tolerated().iter().collect::<Vec<_>>(),
                [tolerance],
                "{input}"
            );
        }
        let mut reading = Reading::new(Policy::default().refuse(tolerance));
        let error = HeaderError {
            header: H::NAME,
            offset,
            what: HeaderFault::NotTolerated(tolerance),
        };
        assert_eq!(H::read(input, &mut reading).as_ref(), Err(&error), "{input}");
    }

    /// Checks that nothing in these is a leniency.
    pub(super) fn check_strict<H: TypedHeader + Debug>(inputs: &[&str]) {
        for input in inputs {
            let read = H::read(input, &mut Reading::new(Policy::strict()));
            assert!(read.is_ok(), "{input}: {read:?}");
        }
    }
}
