//! NAL units behind their lengths, as MP4, Matroska and FLV hold them
//! ([ISO/IEC 14496-15](https://www.iso.org/standard/89118.html) §5.3).
//!
//! From one framing to the other, NAL unit by NAL unit:
//!
//! ```
//! use throughline_h264::annexb;
//! use throughline_h264::avcc::{self, LengthSize};
//!
//! let stream = [0, 0, 0, 1, 0x09, 0xf0, 0, 0, 1, 0x65, 0x88, 0x80];
//! let mut sample = Vec::new();
//! for nal in annexb::nal_units(&stream) {
//!     avcc::append(&mut sample, nal, LengthSize::Four)?;
//! }
//! assert_eq!(sample, [0, 0, 0, 2, 0x09, 0xf0, 0, 0, 0, 3, 0x65, 0x88, 0x80]);
//!
//! let mut back = Vec::new();
//! for nal in avcc::nal_units(&sample, LengthSize::Four) {
//!     annexb::append(&mut back, nal?);
//! }
//! assert_eq!(back, [0, 0, 0, 1, 0x09, 0xf0, 0, 0, 0, 1, 0x65, 0x88, 0x80]);
//! # Ok::<(), avcc::AvccError>(())
//! ```

mod configuration;

use thiserror::Error;

pub use configuration::{ConfigurationError, DecoderConfiguration};

/// Why bytes are not NAL units behind their lengths.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum AvccError {
    /// The bytes end inside a length.
    #[error("bytes end inside the length at byte {offset}")]
    LengthCutOff {
        /// Where the length begins.
        offset: usize,
    },
    /// The bytes end inside a NAL unit.
    #[error("NAL unit at byte {offset} is {length} bytes long, and {left} are left")]
    UnitCutOff {
        /// Where the NAL unit begins.
        offset: usize,
        /// What its length says.
        length: usize,
        /// How many bytes there are.
        left: usize,
    },
    /// A NAL unit to be written is longer than its length can say.
    #[error("NAL unit of {length} bytes, above {max}")]
    TooLong {
        /// Its length in bytes.
        length: usize,
        /// What the length can say at most.
        max: usize,
    },
}

/// Bytes of a length (`lengthSizeMinusOne` + 1).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum LengthSize {
    /// NAL units of up to 255 bytes.
    One,
    /// Up to 65,535 bytes.
    Two,
    /// What everyone writes.
    #[default]
    Four,
}

impl LengthSize {
    /// 1, 2 or 4.
    pub const fn bytes(self) -> usize {
        match self {
            Self::One => 1,
            Self::Two => 2,
            Self::Four => 4,
        }
    }

    const fn max_length(self) -> usize {
        match self {
            Self::One => 0xff,
            Self::Two => 0xffff,
            Self::Four => 0xffff_ffff,
        }
    }
}

/// The NAL units of a sample. Empty ones are left out, and an error is the last item.
pub fn nal_units(sample: &[u8], length_size: LengthSize) -> NalUnits<'_> {
    NalUnits {
        rest: sample,
        offset: 0,
        length_size,
    }
}

/// Iterator of [`nal_units`].
#[derive(Clone, Debug)]
pub struct NalUnits<'a> {
    rest: &'a [u8],
    /// Where `rest` begins in the sample.
    offset: usize,
    length_size: LengthSize,
}

impl<'a> Iterator for NalUnits<'a> {
    type Item = Result<&'a [u8], AvccError>;

    fn next(&mut self) -> Option<Self::Item> {
        while !self.rest.is_empty() {
            match self.read() {
                Ok([]) => {}
                Ok(nal) => return Some(Ok(nal)),
                Err(error) => {
                    self.rest = &[];
                    return Some(Err(error));
                }
            }
        }
        None
    }
}

impl<'a> NalUnits<'a> {
    fn read(&mut self) -> Result<&'a [u8], AvccError> {
        let size = self.length_size.bytes();
        let offset = self.offset;
        let (length, body) = self
            .rest
            .split_at_checked(size)
            .ok_or(AvccError::LengthCutOff { offset })?;
        let length = length
            .iter()
            .fold(0, |length, &byte| length << 8 | usize::from(byte));
        let (nal, rest) = body.split_at_checked(length).ok_or(AvccError::UnitCutOff {
            offset: offset + size,
            length,
            left: body.len(),
        })?;
        self.rest = rest;
        self.offset += size + length;
        Ok(nal)
    }
}

/// Appends a NAL unit behind its length.
pub fn append(sample: &mut Vec<u8>, nal: &[u8], length_size: LengthSize) -> Result<(), AvccError> {
    let (length, max) = (nal.len(), length_size.max_length());
    let too_long = AvccError::TooLong { length, max };
    let bytes = u32::try_from(length).map_err(|_| too_long)?.to_be_bytes();
    if length > max {
        return Err(too_long);
    }
    sample.extend(bytes.iter().skip(bytes.len() - length_size.bytes()));
    sample.extend_from_slice(nal);
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nal_units_read_back_at_every_length_size() {
        let units = [&[0x67, 1, 2][..], &[0x65; 200], &[0x09]];
        for length_size in [LengthSize::One, LengthSize::Two, LengthSize::Four] {
            let mut sample = Vec::new();
            for nal in units {
                append(&mut sample, nal, length_size).expect("it fits");
            }
            assert_eq!(sample.len(), 204 + 3 * length_size.bytes());
            assert!(nal_units(&sample, length_size).eq(units.map(Ok)));
        }
    }

    #[test]
    fn a_nal_unit_that_its_length_cannot_tell_is_refused() {
        let mut sample = Vec::new();
        let refused = append(&mut sample, &[0x65; 256], LengthSize::One);
        assert_eq!(
            refused,
            Err(AvccError::TooLong {
                length: 256,
                max: 255
            })
        );
        assert_eq!(
            append(&mut sample, &vec![0x65; 65_536], LengthSize::Two),
            Err(AvccError::TooLong {
                length: 65_536,
                max: 65_535
            })
        );
        assert!(sample.is_empty());
    }

    #[test]
    fn bytes_that_end_too_soon_are_an_error_and_the_last_item() {
        let cut_unit = [0, 2, 0x09, 0xf0, 0, 0, 0, 9, 0x65];
        let mut units = nal_units(&cut_unit, LengthSize::Two);
        assert_eq!(units.next(), Some(Ok(&[0x09, 0xf0][..])));
        let error = AvccError::UnitCutOff {
            offset: 8,
            length: 9,
            left: 1,
        };
        assert_eq!(units.next(), Some(Err(error)));
        assert_eq!(units.next(), None);
        let mut units = nal_units(&[0, 0, 0, 1, 0x09, 0, 0], LengthSize::Four).skip(1);
        assert_eq!(units.next(), Some(Err(AvccError::LengthCutOff { offset: 5 })));
    }
}
