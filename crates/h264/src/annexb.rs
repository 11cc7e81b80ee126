//! The byte stream format: NAL units behind start codes ([ITU-T H.264](https://www.itu.int/rec/T-REC-H.264) Annex B).

mod access_units;

use std::sync::LazyLock;

use memchr::memmem::Finder;

pub use access_units::{StreamAccessUnit, StreamAccessUnits, access_units};

/// What this crate writes in front of every NAL unit.
pub(crate) const START_CODE: [u8; 4] = [0, 0, 0, 1];

/// The offset of the first `00 00 01`, which no NAL unit holds inside.
pub(crate) fn find_start_code(data: &[u8]) -> Option<usize> {
    // Preparing the search costs more than searching one packet.
    static SEARCH: LazyLock<Finder<'static>> = LazyLock::new(|| Finder::new(&[0, 0, 1]));
    SEARCH.find(data)
}

/// Appends a NAL unit behind a start code of four bytes.
pub fn append(stream: &mut Vec<u8>, nal: &[u8]) {
    stream.extend_from_slice(&START_CODE);
    stream.extend_from_slice(nal);
}

/// The NAL units of a byte stream, without start codes and without the zero bytes that may follow a unit.
///
/// Whatever stands before the first start code is no NAL unit and is left out; so are empty units.
/// Start codes of three and four bytes may be mixed.
///
/// ```
/// let stream = [0, 0, 0, 1, 0x09, 0xf0, 0, 0, 1, 0x65, 0x88, 0x80, 0, 0];
/// let units: Vec<&[u8]> = throughline_h264::annexb::nal_units(&stream).collect();
/// assert_eq!(units, [&[0x09, 0xf0][..], &[0x65, 0x88, 0x80]]);
/// ```
pub fn nal_units(stream: &[u8]) -> NalUnits<'_> {
    let start = find_start_code(stream).unwrap_or(stream.len());
    NalUnits {
        rest: stream.get(start..).unwrap_or_default(),
        offset: start,
    }
}

/// The NAL units of bytes that should have been one NAL unit, but hold start codes (Q82).
pub(crate) fn nal_units_within(bytes: &[u8]) -> NalUnits<'_> {
    NalUnits {
        rest: bytes,
        offset: 0,
    }
}

/// Iterator of [`nal_units`].
#[derive(Clone, Debug)]
pub struct NalUnits<'a> {
    rest: &'a [u8],
    /// Where `rest` begins in the whole stream.
    offset: usize,
}

impl<'a> NalUnits<'a> {
    /// The next unit and the offset of its first byte in the stream.
    fn next_at(&mut self) -> Option<(usize, &'a [u8])> {
        while !self.rest.is_empty() {
            let end = find_start_code(self.rest);
            let unit = trim_trailing_zeros(
                self.rest
                    .get(..end.unwrap_or(self.rest.len()))
                    .unwrap_or_default(),
            );
            let at = self.offset;
            let step = end.map_or(self.rest.len(), |end| end + 3);
            self.rest = self.rest.get(step..).unwrap_or_default();
            self.offset += step;
            if !unit.is_empty() {
                return Some((at, unit));
            }
        }
        None
    }
}

impl<'a> Iterator for NalUnits<'a> {
    type Item = &'a [u8];

    fn next(&mut self) -> Option<Self::Item> {
        self.next_at().map(|(_, unit)| unit)
    }
}

/// A NAL unit ends in a stop bit, so zero bytes behind it are padding (Q83).
pub(crate) fn trim_trailing_zeros(unit: &[u8]) -> &[u8] {
    let end = unit
        .iter()
        .rposition(|&byte| byte != 0)
        .map_or(0, |last| last + 1);
    unit.get(..end).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn start_codes_of_both_lengths_are_found() {
        let stream = [
            0xff, 0, 0, 1, 0x67, 1, 0, 0, 0, 1, 0x68, 2, 0, 0, 0, 0, 0, 1, 0x65, 0x80,
        ];
        let units: Vec<&[u8]> = nal_units(&stream).collect();
        assert_eq!(units, [&[0x67, 1][..], &[0x68, 2], &[0x65, 0x80]]);
    }

    #[test]
    fn bytes_without_a_start_code_hold_no_unit() {
        assert_eq!(nal_units(&[0x65, 0x88, 0x80]).count(), 0);
        assert_eq!(nal_units(&[]).count(), 0);
        assert_eq!(nal_units(&[0, 0, 1]).count(), 0);
    }

    #[test]
    fn bytes_that_should_be_one_unit_give_all_they_hold() {
        let units: Vec<&[u8]> = nal_units_within(&[0x67, 1, 0, 0, 1, 0x68, 2]).collect();
        assert_eq!(units, [&[0x67, 1][..], &[0x68, 2]]);
        let prefixed: Vec<&[u8]> = nal_units_within(&[0, 0, 0, 1, 0x67, 1]).collect();
        assert_eq!(prefixed, [&[0x67, 1][..]]);
    }
}
