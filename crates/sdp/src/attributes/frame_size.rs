use std::fmt;

use nom::Parser;
use nom::character::complete::char;

use super::TypedAttribute;
use crate::grammar::{number, payload_type_number, whole};

/// How large the pictures of a format are, in pixels: `a=framesize:96 1920-1080`,
/// [RFC 6064 §3.1](https://www.rfc-editor.org/rfc/rfc6064#section-3.1).
///
/// A hint at most: cameras leave it as it was when their resolution is changed. The codec's parameter sets are right.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct FrameSize {
    /// The format it is about.
    pub payload_type: u8,
    /// In pixels.
    pub width: u32,
    /// In pixels.
    pub height: u32,
}

impl TypedAttribute for FrameSize {
    const NAME: &'static str = "framesize";

    fn parse(value: &str) -> Option<Self> {
        let fields = (payload_type_number, char(' '), number, char('-'), number);
        let size = fields.map(|(payload_type, _, width, _, height)| Self {
            payload_type,
            width,
            height,
        });
        whole(size, value)
    }
}

impl fmt::Display for FrameSize {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}-{}", self.payload_type, self.width, self.height)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::attributes::tests::{check, check_refused};

    #[test]
    fn reads_and_writes_pixels() {
        let size = FrameSize {
            payload_type: 96,
            width: 1920,
            height: 1080,
        };
        check(&[("96 1920-1080", size)]);
        check_refused::<FrameSize>(&["", "96", "96 1920x1080", "1920-1080", "128 1-1", "96 1-1 "]);
    }
}
