//! A byte stream cut into access units.

use crate::annexb::{NalUnits, nal_units};
use crate::boundary::{Boundary, CodedPicture, Slice};
use crate::nal::{NalHeader, NalUnitType};
use crate::parameter_sets::ParameterSets;

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
/// The boundaries are those of [ITU-T H.264](https://www.itu.int/rec/T-REC-H.264) §7.4.1.2.3 and §7.4.1.2.4: a
/// delimiter, parameter set or SEI after a picture, or a slice of another picture by its header, which the parameter
/// sets in the stream explain. Without them the next picture begins where `first_mb_in_slice` is 0. The two fields of a
/// frame are two pictures.
///
/// Units after the last picture are left out where they make no access unit of their own.
pub fn access_units(stream: &[u8]) -> StreamAccessUnits<'_> {
    StreamAccessUnits {
        stream,
        units: nal_units(stream),
        pending: None,
        sets: ParameterSets::default(),
    }
}

/// Iterator of [`access_units`].
#[derive(Clone, Debug)]
pub struct StreamAccessUnits<'a> {
    stream: &'a [u8],
    units: NalUnits<'a>,
    /// The first unit of the next access unit, read while looking for the end of the last one.
    pending: Option<(usize, &'a [u8])>,
    /// Those that came so far.
    sets: ParameterSets,
}

impl<'a> Iterator for StreamAccessUnits<'a> {
    type Item = StreamAccessUnit<'a>;

    fn next(&mut self) -> Option<Self::Item> {
        let (first_at, mut nal) = self.pending.take().or_else(|| self.units.next_at())?;
        let begin = start_code_offset(self.stream, first_at);
        let mut picture: Option<CodedPicture> = None;
        loop {
            let nal_unit_type = type_of(nal);
            if nal_unit_type.is_vcl() {
                let is_idr = nal_unit_type == NalUnitType::IdrSlice;
                let picture = picture.get_or_insert(CodedPicture::new(is_idr));
                if let Some(slice) = Slice::read(nal, &self.sets) {
                    picture.insert(&slice);
                }
            } else {
                // One that cannot be read explains no slice.
                let _ = self.sets.insert(nal);
            }
            let Some((at, next)) = self.units.next_at() else {
                let data = self.stream.get(begin..)?;
                return picture.map(|picture| StreamAccessUnit {
                    data,
                    is_idr: picture.is_idr(),
                });
            };
            let slice = Slice::read(next, &self.sets);
            let ended =
                picture.filter(|picture| picture.boundary(type_of(next), slice.as_ref()) == Boundary::Begins);
            if let Some(picture) = ended {
                self.pending = Some((at, next));
                return Some(StreamAccessUnit {
                    data: self.stream.get(begin..start_code_offset(self.stream, at))?,
                    is_idr: picture.is_idr(),
                });
            }
            nal = next;
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
