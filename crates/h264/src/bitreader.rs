//! Bits of a raw byte sequence payload, with Exp-Golomb codes.

use thiserror::Error;

/// A syntax element of a NAL unit that cannot be so.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum SyntaxError {
    /// The NAL unit ends inside the element.
    #[error("NAL unit ends at bit {bit} in {element}")]
    Truncated {
        /// Name in the H.264 specification.
        element: &'static str,
        /// Bits read before the end, emulation prevention bytes not counted.
        bit: usize,
    },
    /// The value is outside of what the specification allows.
    #[error("{element} is {value}, above {limit}, at bit {bit}")]
    OutOfRange {
        /// Name in the H.264 specification.
        element: &'static str,
        /// What the NAL unit says.
        value: u32,
        /// The highest value allowed.
        limit: u32,
        /// Bits read up to the end of the element, emulation prevention bytes not counted.
        bit: usize,
    },
}

/// Reads bits, skipping emulation prevention bytes ([ITU-T H.264](https://www.itu.int/rec/T-REC-H.264) §7.4.1).
#[derive(Debug)]
pub(crate) struct BitReader<'a> {
    data: &'a [u8],
    zeros: u8,
    current: u8,
    bits_left: u8,
    bits_read: usize,
}

impl<'a> BitReader<'a> {
    /// Reads what follows the header byte of a NAL unit.
    pub(crate) fn new(payload: &'a [u8]) -> Self {
        Self {
            data: payload,
            zeros: 0,
            current: 0,
            bits_left: 0,
            bits_read: 0,
        }
    }

    fn next_byte(&mut self) -> Option<u8> {
        let (&byte, rest) = self.data.split_first()?;
        self.data = rest;
        if self.zeros >= 2 && byte == 3 {
            self.zeros = 0;
            return self.next_byte();
        }
        self.zeros = if byte == 0 {
            self.zeros.saturating_add(1)
        } else {
            0
        };
        Some(byte)
    }

    /// u(1)
    pub(crate) fn flag(&mut self, element: &'static str) -> Result<bool, SyntaxError> {
        if self.bits_left == 0 {
            let truncated = SyntaxError::Truncated {
                element,
                bit: self.bits_read,
            };
            self.current = self.next_byte().ok_or(truncated)?;
            self.bits_left = 8;
        }
        self.bits_left -= 1;
        self.bits_read += 1;
        Ok((self.current >> self.bits_left) & 1 == 1)
    }

    /// u(n), n up to 32
    pub(crate) fn bits(&mut self, count: u8, element: &'static str) -> Result<u32, SyntaxError> {
        (0..count).try_fold(0u32, |value, _| Ok(value << 1 | u32::from(self.flag(element)?)))
    }

    /// ue(v)
    pub(crate) fn ue(&mut self, element: &'static str) -> Result<u32, SyntaxError> {
        let mut leading_zeros = 0u8;
        while !self.flag(element)? {
            leading_zeros += 1;
            if leading_zeros > 31 {
                let (value, limit) = (u32::MAX, u32::MAX - 1);
                return Err(SyntaxError::OutOfRange {
                    element,
                    value,
                    limit,
                    bit: self.bits_read,
                });
            }
        }
        Ok(((1u32 << leading_zeros) - 1) + self.bits(leading_zeros, element)?)
    }

    /// ue(v), bounded
    pub(crate) fn ue_up_to(&mut self, limit: u32, element: &'static str) -> Result<u32, SyntaxError> {
        let value = self.ue(element)?;
        if value > limit {
            return Err(SyntaxError::OutOfRange {
                element,
                value,
                limit,
                bit: self.bits_read,
            });
        }
        Ok(value)
    }

    /// ue(v), for an identifier or a small number
    pub(crate) fn ue_u8(&mut self, limit: u8, element: &'static str) -> Result<u8, SyntaxError> {
        let value = self.ue_up_to(u32::from(limit), element)?;
        Ok(u8::try_from(value).unwrap_or(limit))
    }

    /// se(v)
    pub(crate) fn se(&mut self, element: &'static str) -> Result<i32, SyntaxError> {
        let code = self.ue(element)?;
        let magnitude = i32::try_from(code.div_ceil(2)).unwrap_or(i32::MAX);
        Ok(if code % 2 == 1 { magnitude } else { -magnitude })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn exp_golomb_codes_of_the_specification_read() {
        // 1, 010, 011, 00100, 00101 | se: 1, 010, 011, 00100, 00101
        let mut reader = BitReader::new(&[0b1010_0110, 0b0100_0010, 0b1101_0011, 0b0010_0001, 0b0100_0000]);
        let codes: Vec<u32> = (0..5).map(|_| reader.ue("ue").expect("code")).collect();
        assert_eq!(codes, [0, 1, 2, 3, 4]);
        let signed: Vec<i32> = (0..5).map(|_| reader.se("se").expect("code")).collect();
        assert_eq!(signed, [0, 1, -1, 2, -2]);
    }

    #[test]
    fn emulation_prevention_bytes_are_no_data() {
        let mut reader = BitReader::new(&[0, 0, 3, 1, 0, 0, 3]);
        assert_eq!(reader.bits(24, "x"), Ok(1));
        assert_eq!(reader.bits(16, "x"), Ok(0));
        assert_eq!(
            reader.flag("x"),
            Err(SyntaxError::Truncated {
                element: "x",
                bit: 40
            })
        );
    }

    #[test]
    fn a_code_of_zeros_only_ends() {
        let mut reader = BitReader::new(&[0; 16]);
        assert!(matches!(reader.ue("x"), Err(SyntaxError::OutOfRange { .. })));
        let mut reader = BitReader::new(&[0, 0, 0, 1, 0xff, 0xff, 0xff, 0xff]);
        assert_eq!(reader.ue("longest"), Ok(u32::MAX - 1));
        let mut reader = BitReader::new(&[0, 0]);
        assert_eq!(
            reader.ue("x"),
            Err(SyntaxError::Truncated {
                element: "x",
                bit: 16
            })
        );
    }

    #[test]
    fn a_value_above_its_limit_is_named() {
        let mut reader = BitReader::new(&[0b0010_1000]);
        assert_eq!(
            reader
                .ue_up_to(3, "chroma_format_idc")
                .expect_err("4 is too much")
                .to_string(),
            "chroma_format_idc is 4, above 3, at bit 5"
        );
    }
}
