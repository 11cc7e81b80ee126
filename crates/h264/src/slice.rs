//! Slice headers, as far as the end of a picture and its kind depend on them.

use crate::bitreader::{BitReader, SyntaxError};

/// More bytes than the three codes read here can take, emulation prevention included: one code has 63 bits at most.
const MAX_HEADER_BYTES: usize = 40;

/// The beginning of a slice header ([ITU-T H.264](https://www.itu.int/rec/T-REC-H.264) §7.3.3).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct SliceHeader {
    /// Whether the slice may refer to two pictures: such pictures can leave the encoder out of output order.
    pub(crate) is_b: bool,
    pub(crate) pps_id: u8,
}

impl SliceHeader {
    /// Reads what follows the header byte of a NAL unit of type 1, 2 or 5.
    pub(crate) fn parse(payload: &[u8]) -> Result<Self, SyntaxError> {
        let mut reader = BitReader::new(payload.get(..MAX_HEADER_BYTES).unwrap_or(payload));
        reader.ue("first_mb_in_slice")?;
        let slice_type = reader.ue_up_to(9, "slice_type")?;
        let pps_id = reader.ue_u8(u8::MAX, "pic_parameter_set_id")?;
        Ok(Self {
            is_b: slice_type % 5 == 1,
            pps_id,
        })
    }
}

/// Whether `first_mb_in_slice` is 0, from the first byte behind the NAL unit's header.
pub(crate) fn is_first_in_picture(first_payload_byte: u8) -> bool {
    // ue(v) writes 0 as a single set bit, and every other value with a clear one first.
    first_payload_byte & 0x80 != 0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slice_type_and_pps_id_are_read() {
        // first_mb 0 (1), slice_type 6 = B (00111), pps 2 (011)
        assert_eq!(
            SliceHeader::parse(&[0b1001_1101, 0b1000_0000]),
            Ok(SliceHeader {
                is_b: true,
                pps_id: 2
            })
        );
        // first_mb 1 (010), slice_type 7 = I (0001000), pps 0 (1)
        assert_eq!(
            SliceHeader::parse(&[0b0100_0010, 0b0010_0000]),
            Ok(SliceHeader {
                is_b: false,
                pps_id: 0
            })
        );
    }

    #[test]
    fn a_slice_type_above_nine_is_an_error() {
        // first_mb 0 (1), slice_type 10 (0001011)
        assert!(matches!(
            SliceHeader::parse(&[0b1000_1011, 0x80]),
            Err(SyntaxError::OutOfRange {
                element: "slice_type",
                value: 10,
                ..
            })
        ));
    }

    #[test]
    fn the_first_slice_of_a_picture_shows_in_one_bit() {
        assert!(is_first_in_picture(0x88));
        assert!(!is_first_in_picture(0x5a));
    }
}
