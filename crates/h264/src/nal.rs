//! The one-byte header of a NAL unit and the types it names.

use std::fmt;

/// The first byte of a NAL unit ([RFC 6184 §1.3](https://www.rfc-editor.org/rfc/rfc6184#section-1.3)).
///
/// ```text
///  0 1 2 3 4 5 6 7
/// +-+-+-+-+-+-+-+-+
/// |F|NRI|  Type   |
/// +-+-+-+-+-+-+-+-+
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct NalHeader(u8);

impl NalHeader {
    /// Reads the header from the first byte of a NAL unit; every byte is one.
    pub const fn from_byte(byte: u8) -> Self {
        Self(byte)
    }

    /// The header as it stands in front of the NAL unit.
    pub const fn byte(self) -> u8 {
        self.0
    }

    /// Whether the sender or a network element marked the unit as holding bit errors.
    pub const fn forbidden_zero_bit(self) -> bool {
        self.0 & 0x80 != 0
    }

    /// `nal_ref_idc`, 0 to 3: a picture of 0 is never referred to by another one.
    pub const fn nal_ref_idc(self) -> u8 {
        (self.0 >> 5) & 0x03
    }

    /// The type.
    pub const fn nal_unit_type(self) -> NalUnitType {
        NalUnitType::from_number(self.0 & 0x1f)
    }
}

impl fmt::Debug for NalHeader {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "NalHeader({:#04x}, {})", self.0, self.nal_unit_type())
    }
}

/// `nal_unit_type`, [ITU-T H.264](https://www.itu.int/rec/T-REC-H.264) Table 7-1.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum NalUnitType {
    /// 1: slice of a picture that is not an IDR picture.
    Slice,
    /// 2: data partition A, the only one that holds a slice header.
    PartitionA,
    /// 3: data partition B.
    PartitionB,
    /// 4: data partition C.
    PartitionC,
    /// 5: slice of an IDR picture, where decoding can begin.
    IdrSlice,
    /// 6: supplemental enhancement information.
    Sei,
    /// 7: sequence parameter set.
    Sps,
    /// 8: picture parameter set.
    Pps,
    /// 9: access unit delimiter.
    AccessUnitDelimiter,
    /// 10: end of sequence.
    EndOfSequence,
    /// 11: end of stream.
    EndOfStream,
    /// 12: filler data.
    FillerData,
    /// 15: sequence parameter set of an SVC or MVC layer.
    SubsetSps,
    /// Any other number, 0 to 31.
    Other(u8),
}

impl NalUnitType {
    /// The type of a number; only the low five bits count.
    pub const fn from_number(number: u8) -> Self {
        match number & 0x1f {
            1 => Self::Slice,
            2 => Self::PartitionA,
            3 => Self::PartitionB,
            4 => Self::PartitionC,
            5 => Self::IdrSlice,
            6 => Self::Sei,
            7 => Self::Sps,
            8 => Self::Pps,
            9 => Self::AccessUnitDelimiter,
            10 => Self::EndOfSequence,
            11 => Self::EndOfStream,
            12 => Self::FillerData,
            15 => Self::SubsetSps,
            other => Self::Other(other),
        }
    }

    /// The number, 0 to 31.
    pub const fn number(self) -> u8 {
        match self {
            Self::Slice => 1,
            Self::PartitionA => 2,
            Self::PartitionB => 3,
            Self::PartitionC => 4,
            Self::IdrSlice => 5,
            Self::Sei => 6,
            Self::Sps => 7,
            Self::Pps => 8,
            Self::AccessUnitDelimiter => 9,
            Self::EndOfSequence => 10,
            Self::EndOfStream => 11,
            Self::FillerData => 12,
            Self::SubsetSps => 15,
            Self::Other(number) => number,
        }
    }

    /// Whether the unit holds a part of a primary coded picture (types 1 to 5).
    pub const fn is_vcl(self) -> bool {
        matches!(self, Self::PartitionB | Self::PartitionC) || self.has_slice_header()
    }

    /// Whether the unit begins with a slice header.
    pub const fn has_slice_header(self) -> bool {
        matches!(self, Self::Slice | Self::PartitionA | Self::IdrSlice)
    }

    /// Whether a stream may carry the number: 0 is unspecified, and 24 to 31 are RTP's own.
    pub(crate) const fn is_in_stream(self) -> bool {
        matches!(self.number(), 1..=23)
    }
}

impl fmt::Display for NalUnitType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Slice => f.write_str("slice"),
            Self::PartitionA => f.write_str("data partition A"),
            Self::PartitionB => f.write_str("data partition B"),
            Self::PartitionC => f.write_str("data partition C"),
            Self::IdrSlice => f.write_str("IDR slice"),
            Self::Sei => f.write_str("SEI"),
            Self::Sps => f.write_str("SPS"),
            Self::Pps => f.write_str("PPS"),
            Self::AccessUnitDelimiter => f.write_str("access unit delimiter"),
            Self::EndOfSequence => f.write_str("end of sequence"),
            Self::EndOfStream => f.write_str("end of stream"),
            Self::FillerData => f.write_str("filler data"),
            Self::SubsetSps => f.write_str("subset SPS"),
            Self::Other(number) => write!(f, "NAL unit type {number}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_header_byte_reads_back() {
        for byte in 0..=u8::MAX {
            let header = NalHeader::from_byte(byte);
            let rebuilt = u8::from(header.forbidden_zero_bit()) << 7
                | header.nal_ref_idc() << 5
                | header.nal_unit_type().number();
            assert_eq!(rebuilt, byte);
        }
    }

    #[test]
    fn only_types_one_to_five_are_pictures() {
        let vcl: Vec<u8> = (0..32)
            .filter(|&number| NalUnitType::from_number(number).is_vcl())
            .collect();
        assert_eq!(vcl, [1, 2, 3, 4, 5]);
    }
}
