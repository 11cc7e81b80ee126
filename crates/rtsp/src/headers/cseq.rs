use std::fmt;

use super::grammar::{Value, number};
use super::{HeaderError, TypedHeader, name};
use crate::Reading;

/// The number that ties a response to its request ([RFC 2326 §12.17](https://www.rfc-editor.org/rfc/rfc2326#section-12.17)).
///
/// Begins at 1: some servers do not send a lower one back (Q14). Spaces around it are ignored (Q12).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct CSeq(pub u32);

impl TypedHeader for CSeq {
    const NAME: &'static str = name::CSEQ;

    fn read(value: &str, reading: &mut Reading) -> Result<Self, HeaderError> {
        number(value.trim())
            .map(Self)
            .ok_or_else(|| Value::new::<Self>(value, reading).fault("not a number", value))
    }
}

impl fmt::Display for CSeq {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::headers::tests::check;

    #[test]
    fn reads_with_spaces_around_it() {
        // Q12
        check(
            include_str!("../../../../fuzz/corpus/rtsp_headers/cseq"),
            &[
                ("302", CSeq(302), "302"),
                ("  7 ", CSeq(7), "7"),
                ("4294967295", CSeq(u32::MAX), "4294967295"),
            ],
        );
    }

    #[test]
    fn what_is_no_number_is_an_error() {
        for value in ["", "x", "-1", "+1", "4294967296", "1 2"] {
            assert!(value.parse::<CSeq>().is_err(), "{value}");
        }
    }
}
