//! Bits of a raw byte sequence payload, with Exp-Golomb codes.

use thiserror::Error;

use crate::emulation::RbspBytes;
use crate::nal::{NalHeader, NalUnitType};

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
    #[error("{element} is {value}, not {min} to {max}, at bit {bit}")]
    OutOfRange {
        /// Name in the H.264 specification.
        element: &'static str,
        /// What the NAL unit says.
        value: i64,
        /// The lowest value allowed.
        min: i64,
        /// The highest value allowed.
        max: i64,
        /// Bits read up to the end of the element, emulation prevention bytes not counted.
        bit: usize,
    },
}

impl SyntaxError {
    /// Name of the element in the H.264 specification.
    pub const fn element(&self) -> &'static str {
        match self {
            Self::Truncated { element, .. } | Self::OutOfRange { element, .. } => element,
        }
    }

    /// Bits read up to the fault, emulation prevention bytes not counted.
    pub const fn bit(&self) -> usize {
        match self {
            Self::Truncated { bit, .. } | Self::OutOfRange { bit, .. } => *bit,
        }
    }
}

/// Reads bits, skipping emulation prevention bytes.
#[derive(Clone, Debug)]
pub(crate) struct BitReader<'a> {
    bytes: RbspBytes<'a>,
    current: u8,
    bits_left: u8,
    bits_read: usize,
}

impl<'a> BitReader<'a> {
    /// Reads what follows the header byte of a NAL unit.
    pub(crate) fn new(payload: &'a [u8]) -> Self {
        Self::at(RbspBytes::new(payload), 0)
    }

    /// Reads on from `bytes`, in front of which there were `bits_read` bits.
    pub(crate) fn at(bytes: RbspBytes<'a>, bits_read: usize) -> Self {
        Self {
            bytes,
            current: 0,
            bits_left: 0,
            bits_read,
        }
    }

    /// Reads a whole NAL unit of one type behind its header.
    pub(crate) fn of_nal(nal: &'a [u8], wanted: NalUnitType) -> Option<(NalHeader, Self)> {
        let (&header, payload) = nal.split_first()?;
        let header = NalHeader::from_byte(header);
        (header.nal_unit_type() == wanted).then(|| (header, Self::new(payload)))
    }

    /// Bits read so far, emulation prevention bytes not counted.
    pub(crate) fn position(&self) -> usize {
        self.bits_read
    }

    /// Whether anything but the stop bit and zeros is left (§7.2).
    pub(crate) fn more_rbsp_data(&self) -> bool {
        let unread = u32::from(self.current) & ((1 << self.bits_left) - 1);
        let mut rest = self.bytes.clone();
        let mut ones = unread.count_ones();
        while ones < 2 {
            let Some(byte) = rest.next() else {
                return false;
            };
            ones += byte.count_ones();
        }
        true
    }

    /// The bits of the current byte that are not read yet, at least one, and zeros behind them.
    #[inline]
    fn unread(&mut self, element: &'static str) -> Result<u8, SyntaxError> {
        if self.bits_left == 0 {
            let truncated = SyntaxError::Truncated {
                element,
                bit: self.bits_read,
            };
            self.current = self.bytes.next().ok_or(truncated)?;
            self.bits_left = 8;
        }
        Ok(self.current << (8 - self.bits_left))
    }

    /// Counts bits of the current byte as read.
    #[inline]
    fn skip(&mut self, count: u8) {
        self.bits_left -= count;
        self.bits_read += usize::from(count);
    }

    /// u(1)
    #[inline]
    pub(crate) fn flag(&mut self, element: &'static str) -> Result<bool, SyntaxError> {
        let unread = self.unread(element)?;
        self.skip(1);
        Ok(unread & 0x80 != 0)
    }

    /// u(n), n up to 32
    pub(crate) fn bits(&mut self, count: u8, element: &'static str) -> Result<u32, SyntaxError> {
        let (mut value, mut wanted) = (0u32, count);
        while wanted > 0 {
            let unread = self.unread(element)?;
            let taken = wanted.min(self.bits_left);
            value = value << taken | u32::from(unread >> (8 - taken));
            self.skip(taken);
            wanted -= taken;
        }
        Ok(value)
    }

    /// u(n), n up to 8
    pub(crate) fn u8(&mut self, count: u8, element: &'static str) -> Result<u8, SyntaxError> {
        Ok(u8::try_from(self.bits(count, element)?).unwrap_or(u8::MAX))
    }

    /// u(n), n up to 8, bounded
    pub(crate) fn u8_up_to(&mut self, count: u8, max: u8, element: &'static str) -> Result<u8, SyntaxError> {
        let value = self.u8(count, element)?;
        if value > max {
            return self.out_of_range(element, value.into(), 0, max.into());
        }
        Ok(value)
    }

    /// i(n), n up to 31
    pub(crate) fn signed(&mut self, count: u8, element: &'static str) -> Result<i32, SyntaxError> {
        let unused = 32 - u32::from(count.clamp(1, 31));
        let bits = self.bits(count, element)? << unused;
        Ok(i32::from_ne_bytes(bits.to_ne_bytes()) >> unused)
    }

    /// u(16)
    pub(crate) fn u16(&mut self, element: &'static str) -> Result<u16, SyntaxError> {
        Ok(u16::try_from(self.bits(16, element)?).unwrap_or(u16::MAX))
    }

    /// ue(v)
    pub(crate) fn ue(&mut self, element: &'static str) -> Result<u32, SyntaxError> {
        const MAX: i64 = u32::MAX as i64 - 1;
        const MAX_ZEROS: u8 = 31;
        let mut leading_zeros = 0u8;
        loop {
            let unread = self.unread(element)?;
            let zeros = unread.leading_zeros().min(self.bits_left.into());
            let zeros = u8::try_from(zeros).unwrap_or(8);
            if leading_zeros + zeros > MAX_ZEROS {
                self.skip(MAX_ZEROS + 1 - leading_zeros);
                return self.out_of_range(element, MAX + 1, 0, MAX);
            }
            leading_zeros += zeros;
            if zeros < self.bits_left {
                // The one behind them, too.
                self.skip(zeros + 1);
                return Ok(((1u32 << leading_zeros) - 1) + self.bits(leading_zeros, element)?);
            }
            self.skip(zeros);
        }
    }

    /// ue(v), bounded
    pub(crate) fn ue_up_to(&mut self, max: u32, element: &'static str) -> Result<u32, SyntaxError> {
        let value = self.ue(element)?;
        if value > max {
            return self.out_of_range(element, value.into(), 0, max.into());
        }
        Ok(value)
    }

    /// ue(v), for an identifier or a small number
    pub(crate) fn ue_u8(&mut self, max: u8, element: &'static str) -> Result<u8, SyntaxError> {
        let value = self.ue_up_to(u32::from(max), element)?;
        Ok(u8::try_from(value).unwrap_or(max))
    }

    /// se(v)
    pub(crate) fn se(&mut self, element: &'static str) -> Result<i32, SyntaxError> {
        let code = self.ue(element)?;
        let magnitude = i32::try_from(code.div_ceil(2)).unwrap_or(i32::MAX);
        Ok(if code % 2 == 1 { magnitude } else { -magnitude })
    }

    /// se(v), bounded
    pub(crate) fn se_i8(&mut self, min: i8, max: i8, element: &'static str) -> Result<i8, SyntaxError> {
        let value = self.se(element)?;
        match i8::try_from(value) {
            Ok(small) if (min..=max).contains(&small) => Ok(small),
            _ => self.out_of_range(element, value.into(), min.into(), max.into()),
        }
    }

    fn out_of_range<T>(
        &self,
        element: &'static str,
        value: i64,
        min: i64,
        max: i64,
    ) -> Result<T, SyntaxError> {
        Err(SyntaxError::OutOfRange {
            element,
            value,
            min,
            max,
            bit: self.bits_read,
        })
    }
}

/// Bytes from zeros and ones; the rest of the last byte is zeros.
#[cfg(test)]
pub(crate) fn from_bits(bits: &str) -> Vec<u8> {
    let bits: Vec<u8> = bits
        .bytes()
        .filter(|bit| matches!(bit, b'0' | b'1'))
        .map(|bit| bit - b'0')
        .collect();
    bits.chunks(8)
        .map(|byte| (0..8).fold(0, |read, at| read << 1 | byte.get(at).unwrap_or(&0)))
        .collect()
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
        for before in 0..9 {
            let mut reader = BitReader::new(&[0; 16]);
            assert_eq!(reader.bits(before, "x"), Ok(0));
            let place = reader.ue("x").map_err(|error| error.bit());
            assert_eq!(place, Err(usize::from(before) + 32));
        }
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
            "chroma_format_idc is 4, not 0 to 3, at bit 5"
        );
    }

    #[test]
    fn the_stop_bit_and_zeros_are_no_more_data() {
        let mut reader = BitReader::new(&[0b1010_0000, 0b0000_0001, 0b1000_0000, 0, 0, 3]);
        assert!(reader.more_rbsp_data());
        reader.bits(15, "x").expect("bits");
        assert!(reader.more_rbsp_data(), "a bit of data and the stop bit");
        reader.flag("x").expect("bit");
        assert!(!reader.more_rbsp_data(), "the stop bit only");
        assert!(!BitReader::new(&[]).more_rbsp_data());
    }
}
