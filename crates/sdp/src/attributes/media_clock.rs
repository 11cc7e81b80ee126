use std::fmt;

use nom::branch::alt;
use nom::bytes::complete::tag;
use nom::character::complete::char;
use nom::combinator::{map, opt, value, verify};
use nom::sequence::{preceded, separated_pair};

use super::TypedAttribute;
use crate::grammar::{is_extension, number, whole};

/// What RTP timestamps count: `a=mediaclk:direct=963214424 rate=1000/1001`,
/// [RFC 7273 §5](https://www.rfc-editor.org/rfc/rfc7273#section-5).
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct MediaClock {
    /// Several streams with one clock name it: `id=src:MDA6NjA6MmI6MjA6MTI6MWY=`, here without `id=`.
    pub id: Option<String>,
    /// What drives it.
    pub source: MediaClockSource,
}

/// The source of a [`MediaClock`].
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum MediaClockSource {
    /// `sender`: the sender's own, related to no reference.
    Sender,
    /// `direct`: the reference clock of [`ReferenceClock`](crate::ReferenceClock).
    Direct {
        /// The RTP timestamp at the reference clock's epoch. Without it the rates agree and the phase is unknown.
        offset: Option<u64>,
        /// Numerator and denominator by which the true rate differs from the rtpmap's.
        rate: Option<(u32, u32)>,
    },
    /// Any other, as written, such as `IEEE1722=38-D6-6D-8E-D2-78-13-2F`.
    Other(String),
}

impl TypedAttribute for MediaClock {
    const NAME: &'static str = "mediaclk";

    fn parse(value: &str) -> Option<Self> {
        let (id, source) = match value.strip_prefix("id=") {
            Some(behind) => behind.split_once(' ').map(|(id, source)| (Some(id), source))?,
            None => (None, value),
        };
        Some(Self {
            id: id.map(str::to_owned),
            source: source_of(source)?,
        })
    }
}

fn source_of(text: &str) -> Option<MediaClockSource> {
    let rate = separated_pair(number, char('/'), verify(number, |denominator| *denominator != 0));
    let direct = preceded(
        tag("direct"),
        (
            opt(preceded(char('='), number)),
            opt(preceded(tag(" rate="), rate)),
        ),
    );
    let known = alt((
        value(MediaClockSource::Sender, tag("sender")),
        map(direct, |(offset, rate)| MediaClockSource::Direct { offset, rate }),
    ));
    whole(known, text).or_else(|| {
        let is_ours = ["sender", "direct"].iter().any(|name| text.starts_with(name));
        (!is_ours && is_extension(text)).then(|| MediaClockSource::Other(text.to_owned()))
    })
}

impl fmt::Display for MediaClock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(id) = &self.id {
            write!(f, "id={id} ")?;
        }
        match &self.source {
            MediaClockSource::Sender => f.write_str("sender"),
            MediaClockSource::Direct { offset, rate } => {
                f.write_str("direct")?;
                if let Some(offset) = offset {
                    write!(f, "={offset}")?;
                }
                match rate {
                    Some((numerator, denominator)) => write!(f, " rate={numerator}/{denominator}"),
                    None => Ok(()),
                }
            }
            MediaClockSource::Other(text) => f.write_str(text),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::attributes::tests::{check, check_refused};

    #[test]
    fn reads_and_writes_every_source() {
        let direct = |offset, rate| MediaClock {
            id: None,
            source: MediaClockSource::Direct { offset, rate },
        };
        check(&[
            (
                "id=src:MDA6NjA6MmI6MjA6MTI6MWY= sender",
                MediaClock {
                    id: Some("src:MDA6NjA6MmI6MjA6MTI6MWY=".to_owned()),
                    source: MediaClockSource::Sender,
                },
            ),
            ("direct", direct(None, None)),
            ("direct=0", direct(Some(0), None)),
            (
                "direct=963214424 rate=1000/1001",
                direct(Some(963_214_424), Some((1000, 1001))),
            ),
            (
                "IEEE1722=38-D6-6D-8E-D2-78-13-2F",
                MediaClock {
                    id: None,
                    source: MediaClockSource::Other("IEEE1722=38-D6-6D-8E-D2-78-13-2F".to_owned()),
                },
            ),
        ]);
        check_refused::<MediaClock>(&[
            "",
            "direct=",
            "direct=x",
            "direct rate=1",
            "direct=0 rate=1/0",
            "id=x",
            "=",
        ]);
    }
}
