use std::fmt;

use crate::fields::{Bandwidth, Connection, Origin, Timing};
use crate::format::{FormatParameters, Rtpmap};
use crate::grammar;

/// One line as it was written, without its ending.
///
/// `Display` writes it whole; `Debug` hides values that may be secret: keys, and URLs with a user or a password in them.
#[derive(Clone, PartialEq, Eq)]
pub struct Line {
    number: usize,
    text: String,
    content: Content,
}

impl Line {
    pub(crate) fn new(number: usize, text: &str, content: Content) -> Self {
        Self {
            number,
            text: text.to_owned(),
            content,
        }
    }

    /// Where it stood in the input, counted from 1; blank lines count.
    pub const fn number(&self) -> usize {
        self.number
    }

    /// The whole line.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// The letter before `=`; `None` for a line that has no such form.
    pub fn type_letter(&self) -> Option<char> {
        grammar::type_and_value(&self.text).map(|(letter, _)| letter)
    }

    /// What stands behind `<type>=`; `None` for a line that has no such form.
    pub fn value(&self) -> Option<&str> {
        grammar::type_and_value(&self.text).map(|(_, value)| value)
    }

    /// The attribute, if this is an `a=` line with a name.
    pub fn attribute(&self) -> Option<Attribute<'_>> {
        let (letter, value) = grammar::type_and_value(&self.text)?;
        let attribute = Attribute::new(value);
        (letter == 'a' && !attribute.name.is_empty()).then_some(attribute)
    }

    pub(crate) const fn content(&self) -> &Content {
        &self.content
    }
}

impl fmt::Display for Line {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl fmt::Debug for Line {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: ", self.number)?;
        match self.attribute() {
            Some(attribute) => write!(f, "a={attribute:?}"),
            None if self.text.starts_with(['k', 'K']) || holds_secret(&self.text) => {
                f.write_str("<redacted>")
            }
            None => f.write_str(&self.text),
        }
    }
}

/// An `a=` line: [RFC 8866 §5.13](https://www.rfc-editor.org/rfc/rfc8866#section-5.13).
///
/// `Debug` hides values that may be secret.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Attribute<'a> {
    /// What stands before the first colon. Compare without regard to case.
    pub name: &'a str,
    /// What stands behind the first colon, without white space around it; `None` for a flag such as `recvonly`.
    pub value: Option<&'a str>,
}

impl<'a> Attribute<'a> {
    fn new(text: &'a str) -> Self {
        match text.split_once(':') {
            Some((name, value)) => Self {
                name: name.trim(),
                value: Some(value.trim()),
            },
            None => Self {
                name: text.trim(),
                value: None,
            },
        }
    }
}

impl fmt::Debug for Attribute<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.value {
            _ if KEYS.contains(&self.name.to_ascii_lowercase().as_str()) => {
                write!(f, "{}:<redacted>", self.name)
            }
            _ if holds_secret(self.name) => f.write_str("<redacted>"),
            Some(value) if holds_secret(value) => write!(f, "{}:<redacted>", self.name),
            Some(value) => write!(f, "{}:{value}", self.name),
            None => f.write_str(self.name),
        }
    }
}

/// Attributes whose value is a key.
const KEYS: [&str; 2] = ["crypto", "key-mgmt"];

/// Some servers repeat the request's URL in `a=control`, password and all, be it before the host or a parameter; and a key may
/// stand in a line that is written so badly that its attribute has another name, or none.
fn holds_secret(text: &str) -> bool {
    const NAMES: [&str; 9] = [
        "passw", "pass=", "pas=", "pwd=", "psw=", "token=", "auth=", "inline:", "mikey",
    ];
    let lower = text.to_ascii_lowercase();
    (text.contains("://") && text.contains('@')) || NAMES.iter().chain(&KEYS).any(|name| lower.contains(name))
}

/// What a line says, where the reader made something of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Content {
    /// Nothing beyond its text, or nothing that could be read.
    Text,
    Origin(Origin),
    Connection(Connection),
    Bandwidth(Bandwidth),
    Timing(Timing),
    Rtpmap(Rtpmap),
    Fmtp(FormatParameters),
}

/// The value of the first attribute called `name`; empty for a flag.
pub(crate) fn find_attribute<'a>(lines: &'a [Line], name: &str) -> Option<&'a str> {
    attributes(lines)
        .find(|attribute| attribute.name.eq_ignore_ascii_case(name))
        .map(|attribute| attribute.value.unwrap_or(""))
}

pub(crate) fn attributes(lines: &[Line]) -> impl Iterator<Item = Attribute<'_>> {
    lines.iter().filter_map(Line::attribute)
}

pub(crate) fn find_connection(lines: &[Line]) -> Option<&Connection> {
    lines.iter().find_map(|line| match line.content() {
        Content::Connection(connection) => Some(connection),
        _ => None,
    })
}

pub(crate) fn bandwidths(lines: &[Line]) -> impl Iterator<Item = &Bandwidth> {
    lines.iter().filter_map(|line| match line.content() {
        Content::Bandwidth(bandwidth) => Some(bandwidth),
        _ => None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn debug(text: &str) -> String {
        format!("{:?}", Line::new(3, text, Content::Text))
    }

    #[test]
    fn debug_hides_keys_users_and_passwords() {
        for secret in [
            "k=clear:s3cret",
            "a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:s3cret",
            "a=KEY-MGMT:mikey s3cret",
            "a=control:rtsp://admin:s3cret@192.0.2.1/track1",
            "a=control:rtsp://192.0.2.1/user=admin_Password=s3cret_channel=1/trackID=1",
            "u=http://admin:s3cret@192.0.2.1/",
            "rtsp://admin:s3cret@192.0.2.1/",
            "k =clear:s3cret",
            "a =crypto:1 AES_CM_128_HMAC_SHA1_80 inline:s3cret",
            "a=crypto 1 AES_CM_128_HMAC_SHA1_80 inline:s3cret",
            "a=key-mgmt mikey s3cret",
            "a=x-srtp:1 AES_CM_128_HMAC_SHA1_80 inline:s3cret",
        ] {
            assert!(!debug(secret).contains("s3cret"), "{}", debug(secret));
        }
    }

    #[test]
    fn debug_shows_the_rest_with_the_line_number() {
        assert_eq!(
            debug("a=control:rtsp://192.0.2.1/track1"),
            "3: a=control:rtsp://192.0.2.1/track1"
        );
        assert_eq!(debug("a=recvonly"), "3: a=recvonly");
        assert_eq!(debug("t=0 0"), "3: t=0 0");
    }
}
