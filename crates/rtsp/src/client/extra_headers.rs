use std::fmt;

use crate::headers::name;
use crate::{Headers, Method};

/// Headers that one session adds of its caller's. Replay wants four (Q121); a request must stay far below what small servers
/// read at once (Q45).
pub const MAX_EXTRA_HEADERS: usize = 16;

/// The longest value of an extra header, in bytes.
pub const MAX_EXTRA_HEADER_BYTES: usize = 1024;

/// Headers of the session's own: to change one breaks the conversation, or gives a secret away.
const RESERVED: [&str; 8] = [
    name::AUTHORIZATION,
    name::CONTENT_LENGTH,
    name::CSEQ,
    name::KEY_MGMT,
    name::PROXY_AUTHORIZATION,
    name::SESSION,
    name::TRANSPORT,
    name::USER_AGENT,
];

/// Headers that the caller adds to the requests of a method, for instance `Require` to PLAY.
///
/// One that the session sends as well, such as `Range` or `Accept`, takes its place. `Debug` shows no values: they may be
/// secret.
///
/// ```
/// use throughline_rtsp::Method;
/// use throughline_rtsp::client::{ExtraHeaderError, ExtraHeaders};
///
/// let mut extra = ExtraHeaders::default();
/// extra.add(Method::Play, "Require", "onvif-replay")?;
/// extra.add(Method::Play, "Range", "clock=20260101T120000Z-")?;
/// assert_eq!(extra.add(Method::Play, "cseq", "7"), Err(ExtraHeaderError::Reserved { name: "CSeq" }));
/// assert_eq!(extra.add(Method::Play, "Scale", "1\r\nCSeq: 7"), Err(ExtraHeaderError::Value { offset: 1 }));
/// # Ok::<(), ExtraHeaderError>(())
/// ```
#[derive(Clone, Default, PartialEq, Eq)]
pub struct ExtraHeaders(Vec<(Method, String, String)>);

/// A header that cannot be added.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ExtraHeaderError {
    /// The session writes it itself.
    #[error("the session writes {name} itself")]
    Reserved {
        /// Which.
        name: &'static str,
    },
    /// The name is empty or holds what a name cannot.
    #[error("no header name: byte {offset} cannot be in one")]
    Name {
        /// The first byte that cannot be in a name, 0 for an empty one.
        offset: usize,
    },
    /// The value holds a control character: it would end the line, and begin a header of its own.
    #[error("no header value: byte {offset} is a control character")]
    Value {
        /// Where it is.
        offset: usize,
    },
    /// The value is longer than [`MAX_EXTRA_HEADER_BYTES`].
    #[error("header value of {length} bytes, above {MAX_EXTRA_HEADER_BYTES}")]
    TooLong {
        /// In bytes.
        length: usize,
    },
    /// There are [`MAX_EXTRA_HEADERS`] already.
    #[error("more than {MAX_EXTRA_HEADERS} extra headers")]
    TooMany,
}

impl ExtraHeaders {
    /// Adds a header to each request of this method; one of that name that was added before stays.
    pub fn add(&mut self, method: Method, name: &str, value: &str) -> Result<(), ExtraHeaderError> {
        let is_token = |c: char| c.is_ascii_alphanumeric() || "!#$%&'*+-.^_`|~".contains(c);
        if let Some(offset) = name.find(|c| !is_token(c)).or(name.is_empty().then_some(0)) {
            return Err(ExtraHeaderError::Name { offset });
        }
        if let Some(name) = RESERVED.into_iter().find(|own| own.eq_ignore_ascii_case(name)) {
            return Err(ExtraHeaderError::Reserved { name });
        }
        if let Some(offset) = value.find(char::is_control) {
            return Err(ExtraHeaderError::Value { offset });
        }
        if value.len() > MAX_EXTRA_HEADER_BYTES {
            return Err(ExtraHeaderError::TooLong { length: value.len() });
        }
        if self.0.len() >= MAX_EXTRA_HEADERS {
            return Err(ExtraHeaderError::TooMany);
        }
        self.0.push((method, name.to_owned(), value.to_owned()));
        Ok(())
    }

    pub(super) fn apply(&self, method: &Method, headers: &mut Headers) {
        let of_method = || self.0.iter().filter(|(of, ..)| of == method);
        for (_, name, _) in of_method() {
            headers.remove(name);
        }
        for (_, name, value) in of_method() {
            headers.append(name, value.as_str());
        }
    }
}

impl fmt::Debug for ExtraHeaders {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list()
            .entries(self.0.iter().map(|(method, name, _)| (method, name)))
            .finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_would_break_the_request_is_not_added() {
        let mut extra = ExtraHeaders::default();
        let mut add = |name: &str, value: &str| extra.add(Method::Play, name, value);
        for own in RESERVED {
            let lower = own.to_ascii_lowercase();
            assert_eq!(add(&lower, "x"), Err(ExtraHeaderError::Reserved { name: own }));
        }
        for (name, offset) in [("", 0), ("A B", 1), ("A:", 1), ("A\r\nB", 1), ("Sc\u{e4}le", 2)] {
            assert_eq!(add(name, "x"), Err(ExtraHeaderError::Name { offset }), "{name}");
        }
        for value in ["x\r\nCSeq: 1", "x\n", "x\0", "x\u{85}"] {
            assert_eq!(add("Scale", value), Err(ExtraHeaderError::Value { offset: 1 }));
        }
        let long = "x".repeat(MAX_EXTRA_HEADER_BYTES + 1);
        assert_eq!(
            add("Scale", &long),
            Err(ExtraHeaderError::TooLong { length: long.len() })
        );
        for _ in 0..MAX_EXTRA_HEADERS {
            assert_eq!(add("Require", "x"), Ok(()));
        }
        assert_eq!(add("Require", "x"), Err(ExtraHeaderError::TooMany));
    }

    #[test]
    fn they_replace_what_the_session_sends_and_stand_beside_each_other() {
        let mut extra = ExtraHeaders::default();
        for (method, name, value) in [
            (Method::Play, "range", "clock=1-"),
            (Method::Play, "Require", "a"),
            (Method::Play, "Require", "b"),
            (Method::Setup, "Blocksize", "1400"),
        ] {
            extra.add(method, name, value).unwrap();
        }
        let mut headers = Headers::new();
        headers.append("Range", "npt=0.000-");
        extra.apply(&Method::Play, &mut headers);
        let written: Vec<_> = headers.iter().collect();
        assert_eq!(
            written,
            [("Range", "clock=1-"), ("Require", "a"), ("Require", "b")]
        );
    }

    #[test]
    fn debug_shows_no_value() {
        let mut extra = ExtraHeaders::default();
        extra.add(Method::Play, "X-Token", "sesame").unwrap();
        assert_eq!(format!("{extra:?}"), r#"[(Play, "X-Token")]"#);
    }
}
