//! Attributes whose value has a grammar of its own, one a file.

mod crypto;
mod frame_size;
mod group;
mod key_management;
mod media_clock;
mod range;
mod reference_clock;
mod rtcp;
mod rtcp_feedback;
mod source_filter;

use std::fmt;

use crate::grammar;
use crate::line::{self, Line};
use crate::tolerance::Tolerance;

pub use crypto::{Crypto, CryptoKey, MasterKeyIdentifier};
pub use frame_size::FrameSize;
pub use group::Group;
pub use key_management::KeyManagement;
pub use media_clock::{MediaClock, MediaClockSource};
pub use range::{NptTime, Range, UtcTime};
pub use reference_clock::{PtpServer, ReferenceClock};
pub use rtcp::Rtcp;
pub use rtcp_feedback::RtcpFeedback;
pub use source_filter::{FilterMode, SourceFilter};

/// An attribute whose value has a grammar of its own: `Display` writes the value as
/// [`parse`](TypedAttribute::parse) reads it.
///
/// Read with [`MediaDescription::typed`](crate::MediaDescription::typed) and
/// [`SessionDescription::typed`](crate::SessionDescription::typed), written with
/// [`MediaBuilder::typed`](crate::MediaBuilder::typed) and [`SessionBuilder::typed`](crate::SessionBuilder::typed).
/// Those of one vendor can be added:
///
/// ```
/// use std::fmt;
/// use throughline_sdp::{SessionDescription, TypedAttribute};
///
/// /// `a=x-dimensions:1920,1080`
/// struct Dimensions(u32, u32);
///
/// impl TypedAttribute for Dimensions {
///     const NAME: &'static str = "x-dimensions";
///
///     fn parse(value: &str) -> Option<Self> {
///         let (width, height) = value.split_once(',')?;
///         Some(Self(width.parse().ok()?, height.parse().ok()?))
///     }
/// }
///
/// impl fmt::Display for Dimensions {
///     fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
///         write!(f, "{},{}", self.0, self.1)
///     }
/// }
///
/// let description = SessionDescription::parse(b"m=video 0 RTP/AVP 96\r\na=X-Dimensions:1920,1080\r\n")?;
/// assert!(description.media()[0].typed().any(|Dimensions(width, _)| width == 1920));
/// # Ok::<(), throughline_sdp::ParseError>(())
/// ```
pub trait TypedAttribute: fmt::Display + Sized {
    /// The attribute's name, in the case in which it is written.
    const NAME: &'static str;

    /// Reads a value, [`Attribute::value`](crate::Attribute::value). `None` unless all of it follows the grammar.
    fn parse(value: &str) -> Option<Self>;
}

/// The readable ones of a type, white space put right.
pub(crate) fn typed<T: TypedAttribute>(lines: &[Line]) -> impl Iterator<Item = T> {
    line::attributes(lines)
        .filter(|attribute| attribute.name.eq_ignore_ascii_case(T::NAME))
        .filter_map(|attribute| {
            let value = attribute.value?;
            T::parse(value).or_else(|| T::parse(&grammar::single_spaced(value)))
        })
}

/// What a value bends of the grammar that this crate knows for `name`, if it does.
pub(crate) fn fault(name: &str, value: &str) -> Option<Tolerance> {
    if name.eq_ignore_ascii_case(Range::NAME) {
        return range::fault(value);
    }
    let mut known = GRAMMARS.iter();
    let (_, follows) = known.find(|(known, _)| name.eq_ignore_ascii_case(known))?;
    (!follows(value)).then_some(Tolerance::AttributeValue)
}

/// The names in the order of the alphabet, and whether a value follows the grammar.
const GRAMMARS: [Grammar; 10] = [
    grammar_of::<Crypto>(),
    ("framerate", |value| grammar::frame_rate(value).is_some()),
    grammar_of::<FrameSize>(),
    grammar_of::<Group>(),
    grammar_of::<KeyManagement>(),
    grammar_of::<MediaClock>(),
    grammar_of::<Rtcp>(),
    grammar_of::<RtcpFeedback>(),
    grammar_of::<SourceFilter>(),
    grammar_of::<ReferenceClock>(),
];

type Grammar = (&'static str, fn(&str) -> bool);

const fn grammar_of<T: TypedAttribute>() -> Grammar {
    (T::NAME, |value| T::parse(value).is_some())
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// Each value reads as what it stands for, and that is written as the value.
    #[track_caller]
    pub(crate) fn check<T: TypedAttribute + PartialEq + fmt::Debug>(cases: &[(&str, T)]) {
        for (value, expected) in cases {
            assert_eq!(T::parse(value).as_ref(), Some(expected), "{value}");
            assert_eq!(expected.to_string(), *value);
        }
    }

    #[track_caller]
    pub(crate) fn check_refused<T: TypedAttribute + PartialEq + fmt::Debug>(values: &[&str]) {
        for value in values {
            assert_eq!(T::parse(value), None, "{value}");
        }
    }
}
