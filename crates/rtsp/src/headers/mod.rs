//! Typed headers, one a file: each reads leniently (`FromStr`) and writes the RFC's form (`Display`).

mod authorization;
mod cseq;
mod grammar;
mod public;
mod range;
mod rtp_info;
mod session;
mod transport;
mod www_authenticate;

use std::fmt::Display;
use std::str::FromStr;

pub use authorization::{Authorization, DigestAnswer};
pub use cseq::CSeq;
pub use public::Public;
pub use range::{NptTime, Range};
pub use rtp_info::{RtpInfo, RtpInfoEntry};
pub use session::Session;
pub use transport::{Delivery, LowerTransport, Transport, TransportMode};
pub use www_authenticate::{Challenge, DigestAlgorithm, DigestChallenge, Qop, WwwAuthenticate};

/// A header that [`Headers::typed`](crate::Headers::typed) reads and [`Headers::set_typed`](crate::Headers::set_typed) writes.
pub trait TypedHeader: FromStr<Err = HeaderError> + Display {
    /// Its name, one of [`name`].
    const NAME: &'static str;
    /// What several lines of it mean.
    const REPETITION: Repetition = Repetition::FirstCounts;
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
    pub what: &'static str,
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
        AUTHORIZATION "Authorization",
        CONNECTION "Connection",
        CONTENT_BASE "Content-Base",
        CONTENT_LENGTH "Content-Length",
        CONTENT_LOCATION "Content-Location",
        CONTENT_TYPE "Content-Type",
        CSEQ "CSeq",
        DATE "Date",
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

    use super::TypedHeader;

    /// Checks one header's table of cases: as a camera writes it, what it says, as we write it.
    ///
    /// Each input is also cut short at every byte, and robbed of every byte, which may be an error but never a panic; and what
    /// is read of it then is written in a form that is read and written the same again.
    pub(super) fn check<H: TypedHeader + Debug + PartialEq>(cases: &[(&str, H, &str)]) {
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
    }
}
