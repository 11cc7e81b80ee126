//! Picture parameter sets.

use thiserror::Error;

use crate::bitreader::{BitReader, SyntaxError};
use crate::nal::{NalHeader, NalUnitType};

/// Why a picture parameter set cannot be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum PpsError {
    /// The NAL unit is of another type, or empty.
    #[error("not a PPS")]
    WrongType,
    /// A syntax element is cut off or out of range.
    #[error("PPS: {0}")]
    Syntax(#[from] SyntaxError),
}

/// The identifiers of a picture parameter set ([ITU-T H.264](https://www.itu.int/rec/T-REC-H.264) §7.3.2.2); the rest
/// matters to decoders only.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pps {
    id: u8,
    sps_id: u8,
}

impl Pps {
    /// Reads a whole NAL unit, header byte included, start code not.
    pub fn parse(nal: &[u8]) -> Result<Self, PpsError> {
        let Some((&header, payload)) = nal.split_first() else {
            return Err(PpsError::WrongType);
        };
        if NalHeader::from_byte(header).nal_unit_type() != NalUnitType::Pps {
            return Err(PpsError::WrongType);
        }
        let mut reader = BitReader::new(payload);
        Ok(Self {
            id: reader.ue_u8(u8::MAX, "pic_parameter_set_id")?,
            sps_id: reader.ue_u8(31, "seq_parameter_set_id")?,
        })
    }

    /// `pic_parameter_set_id`, 0 to 255.
    pub const fn id(&self) -> u8 {
        self.id
    }

    /// `seq_parameter_set_id` of the SPS it builds on, 0 to 31.
    pub const fn sps_id(&self) -> u8 {
        self.sps_id
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_identifiers_are_read() {
        // 00101 (4), 011 (2)
        let pps = Pps::parse(&[0x68, 0b0010_1011]).expect("PPS");
        assert_eq!((pps.id(), pps.sps_id()), (4, 2));
    }

    #[test]
    fn an_empty_pps_is_an_error() {
        assert_eq!(Pps::parse(&[]), Err(PpsError::WrongType));
        assert_eq!(
            Pps::parse(&[0x68]).expect_err("nothing in it").to_string(),
            "PPS: NAL unit ends at bit 0 in pic_parameter_set_id"
        );
    }

    #[test]
    fn an_sps_is_no_pps() {
        assert_eq!(Pps::parse(&[0x67, 0xff]), Err(PpsError::WrongType));
    }
}
