use std::fmt;

use crate::attributes::{self, TypedAttribute};
use crate::builder::SessionBuilder;
use crate::error::ParseError;
use crate::fields::{Bandwidth, Connection, Origin, Timing};
use crate::line::{self, Attribute, Content, Line};
use crate::media::MediaDescription;
use crate::parse;
use crate::tolerance::{Policy, Tolerated};

/// A session description: every line in order, and typed views of what media needs.
///
/// `Display` writes it with CRLF behind each line, keys and all; `Debug` hides what may be secret.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SessionDescription {
    pub(crate) lines: Vec<Line>,
    pub(crate) media: Vec<MediaDescription>,
    pub(crate) tolerated: Vec<Tolerated>,
}

impl SessionDescription {
    /// Reads with every tolerance, as [`Policy::default`] does.
    ///
    /// Fails where the input is over a limit or is something else altogether.
    pub fn parse(input: &[u8]) -> Result<Self, ParseError> {
        Self::parse_with(input, &Policy::default())
    }

    /// Reads with the tolerances of `policy`.
    ///
    /// Fails as [`parse`](Self::parse) does, and with [`ParseError::NotTolerated`] at the first line that bends a rule
    /// the policy holds to; rules about missing lines come last.
    pub fn parse_with(input: &[u8], policy: &Policy) -> Result<Self, ParseError> {
        parse::parse(input, *policy)
    }

    /// Starts a description to write.
    pub fn builder(origin: Origin, session_name: &str) -> SessionBuilder {
        SessionBuilder::new(origin, session_name)
    }

    /// `o=`, where it is readable.
    pub fn origin(&self) -> Option<&Origin> {
        self.lines().find_map(|line| match line.content() {
            Content::Origin(origin) => Some(origin),
            _ => None,
        })
    }

    /// The first `s=`, as written.
    pub fn session_name(&self) -> Option<&str> {
        self.lines()
            .find(|line| line.type_letter() == Some('s'))
            .and_then(Line::value)
    }

    /// The first readable `c=` of the session section: the fallback of media descriptions that have none.
    pub fn connection(&self) -> Option<&Connection> {
        line::find_connection(&self.lines)
    }

    /// The readable `b=` lines of the session section.
    pub fn bandwidths(&self) -> impl Iterator<Item = &Bandwidth> {
        line::bandwidths(&self.lines)
    }

    /// The first readable `t=`.
    pub fn timing(&self) -> Option<Timing> {
        self.lines().find_map(|line| match line.content() {
            Content::Timing(timing) => Some(*timing),
            _ => None,
        })
    }

    /// The attributes of the session section in order.
    pub fn attributes(&self) -> impl Iterator<Item = Attribute<'_>> {
        line::attributes(&self.lines)
    }

    /// The value of the session's first attribute of this name, whatever its case; empty for a flag.
    pub fn attribute(&self, name: &str) -> Option<&str> {
        line::find_attribute(&self.lines, name)
    }

    /// The readable attributes of one type in the session section, such as [`Range`](crate::Range).
    pub fn typed<T: TypedAttribute>(&self) -> impl Iterator<Item = T> {
        attributes::typed(&self.lines)
    }

    /// `a=control` of the session: the URL for requests about the whole,
    /// [RFC 2326 appendix C.1.1](https://www.rfc-editor.org/rfc/rfc2326#appendix-C.1.1). `*` is the base URL itself.
    pub fn control(&self) -> Option<&str> {
        self.attribute("control")
    }

    /// The media descriptions in order.
    pub fn media(&self) -> &[MediaDescription] {
        &self.media
    }

    /// What was bent, in the order in which it was found.
    pub fn tolerated(&self) -> &[Tolerated] {
        &self.tolerated
    }

    /// Every line, those of the media descriptions included. Blank ones are left out.
    pub fn lines(&self) -> impl Iterator<Item = &Line> {
        self.lines
            .iter()
            .chain(self.media.iter().flat_map(|media| &media.lines))
    }
}

impl fmt::Display for SessionDescription {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.lines().try_for_each(|line| write!(f, "{line}\r\n"))
    }
}
