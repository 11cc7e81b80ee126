//! The byte stream format: NAL units behind start codes ([ITU-T H.264](https://www.itu.int/rec/T-REC-H.264) Annex B).

use std::sync::LazyLock;

use memchr::memmem::Finder;

use crate::access_unit::Role;
use crate::nal::{NalHeader, NalUnitType};

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

/// One access unit of a byte stream, as [`access_units`] cuts it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StreamAccessUnit<'a> {
    /// The bytes as they stand in the stream, start codes included.
    pub data: &'a [u8],
    /// Whether it holds an IDR picture.
    pub is_idr: bool,
}

/// Cuts a byte stream, such as a whole `.h264` file, into its access units.
///
/// The boundaries are those of [ITU-T H.264](https://www.itu.int/rec/T-REC-H.264) §7.4.1.2.3: a delimiter, parameter
/// set or SEI after a picture, or a slice that begins the next picture (`first_mb_in_slice` 0).
/// Units after the last picture are left out where they make no access unit of their own.
pub fn access_units(stream: &[u8]) -> StreamAccessUnits<'_> {
    StreamAccessUnits {
        stream,
        units: nal_units(stream),
        pending: None,
    }
}

/// Iterator of [`access_units`].
#[derive(Clone, Debug)]
pub struct StreamAccessUnits<'a> {
    stream: &'a [u8],
    units: NalUnits<'a>,
    /// The first unit of the next access unit, read while looking for the end of the last one.
    pending: Option<(usize, &'a [u8])>,
}

impl<'a> Iterator for StreamAccessUnits<'a> {
    type Item = StreamAccessUnit<'a>;

    fn next(&mut self) -> Option<Self::Item> {
        let (first_at, first) = self.pending.take().or_else(|| self.units.next_at())?;
        let begin = start_code_offset(self.stream, first_at);
        let mut nal_unit_type = type_of(first);
        let (mut has_picture, mut is_idr) = (false, false);
        loop {
            has_picture |= nal_unit_type.is_vcl();
            is_idr |= nal_unit_type == NalUnitType::IdrSlice;
            let Some((at, nal)) = self.units.next_at() else {
                let data = self.stream.get(begin..)?;
                return has_picture.then_some(StreamAccessUnit { data, is_idr });
            };
            nal_unit_type = type_of(nal);
            if has_picture && Role::of(nal_unit_type, nal.get(1).copied()) == Role::Begins {
                self.pending = Some((at, nal));
                let data = self.stream.get(begin..start_code_offset(self.stream, at))?;
                return Some(StreamAccessUnit { data, is_idr });
            }
        }
    }
}

fn type_of(nal: &[u8]) -> NalUnitType {
    NalHeader::from_byte(nal.first().copied().unwrap_or_default()).nal_unit_type()
}

/// The offset of the start code in front of the unit at `unit_at`, its leading zero byte included.
fn start_code_offset(stream: &[u8], unit_at: usize) -> usize {
    let three = unit_at.saturating_sub(3);
    match three.checked_sub(1).and_then(|four| stream.get(four)) {
        Some(0) => three - 1,
        _ => three,
    }
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

    #[test]
    fn a_stream_is_cut_at_delimiters_sets_and_first_slices() {
        let aud_idr_two_slices = [
            0, 0, 0, 1, 0x09, 0xf0, 0, 0, 1, 0x65, 0x88, 0x80, 0, 0, 1, 0x65, 0x40, 0x80,
        ];
        let bare_p = [0, 0, 0, 1, 0x41, 0x9a, 0x80];
        let sets_and_idr = [0, 0, 1, 0x67, 1, 0, 0, 1, 0x68, 1, 0, 0, 1, 0x65, 0x88, 0x80];
        let stream = [&aud_idr_two_slices[..], &bare_p, &bare_p, &sets_and_idr].concat();
        let cut: Vec<StreamAccessUnit<'_>> = access_units(&stream).collect();
        let expected = [
            StreamAccessUnit {
                data: &aud_idr_two_slices,
                is_idr: true,
            },
            StreamAccessUnit {
                data: &bare_p,
                is_idr: false,
            },
            StreamAccessUnit {
                data: &bare_p,
                is_idr: false,
            },
            StreamAccessUnit {
                data: &sets_and_idr,
                is_idr: true,
            },
        ];
        assert_eq!(cut, expected);
    }

    #[test]
    fn a_stream_of_parameter_sets_alone_holds_no_access_unit() {
        assert_eq!(access_units(&[0, 0, 1, 0x67, 1, 0, 0, 1, 0x68, 1]).count(), 0);
    }
}
