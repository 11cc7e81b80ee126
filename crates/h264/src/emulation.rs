//! Emulation prevention: bytes of 3 that keep start codes out of NAL units ([ITU-T H.264](https://www.itu.int/rec/T-REC-H.264) §7.4.1).
//!
//! What a NAL unit holds on the wire is the EBSP; without those bytes it is the RBSP, which the syntax describes. The
//! readers of this crate take NAL units as they are and need none of this.

/// The bytes of an RBSP, from an EBSP. Every 3 behind two zeros is left out, whatever follows it.
///
/// ```
/// use throughline_h264::emulation::RbspBytes;
///
/// let rbsp: Vec<u8> = RbspBytes::new(&[0x42, 0, 0, 3, 1, 0, 0, 3]).collect();
/// assert_eq!(rbsp, [0x42, 0, 0, 1, 0, 0]);
/// ```
#[derive(Clone, Debug)]
pub struct RbspBytes<'a> {
    ebsp: &'a [u8],
    /// Zeros read last, up to 2.
    zeros: u8,
}

impl<'a> RbspBytes<'a> {
    /// Reads from the front of `ebsp`.
    pub const fn new(ebsp: &'a [u8]) -> Self {
        Self { ebsp, zeros: 0 }
    }

    /// Takes the next `count` bytes off; nothing if there are fewer.
    pub(crate) fn split_off(&mut self, count: usize) -> Option<Self> {
        let mut front = self.clone();
        for _ in 0..count {
            self.next()?;
        }
        let length = front.ebsp.len() - self.ebsp.len();
        front.ebsp = front.ebsp.get(..length)?;
        Some(front)
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.clone().next().is_none()
    }
}

impl Iterator for RbspBytes<'_> {
    type Item = u8;

    fn next(&mut self) -> Option<u8> {
        let (mut byte, mut rest) = self.ebsp.split_first()?;
        if self.zeros == 2 && *byte == 3 {
            self.zeros = 0;
            (byte, rest) = rest.split_first()?;
        }
        self.ebsp = rest;
        self.zeros = if *byte == 0 { (self.zeros + 1).min(2) } else { 0 };
        Some(*byte)
    }
}

/// Appends the EBSP of an RBSP to `out`: no start code can be in it, and [`RbspBytes`] gives the RBSP back.
///
/// ```
/// let mut ebsp = vec![0x06];
/// throughline_h264::emulation::escape(&[0, 0, 1, 0, 0], &mut ebsp);
/// assert_eq!(ebsp, [0x06, 0, 0, 3, 1, 0, 0, 3]);
/// ```
pub fn escape(rbsp: &[u8], out: &mut Vec<u8>) {
    out.reserve(rbsp.len());
    let mut zeros = 0;
    for &byte in rbsp {
        if zeros == 2 && byte <= 3 {
            out.push(3);
            zeros = 0;
        }
        out.push(byte);
        zeros = if byte == 0 { zeros + 1 } else { 0 };
    }
    // No NAL unit ends in zeros: they would count as padding of the byte stream.
    if zeros == 2 {
        out.push(3);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::annexb::find_start_code;

    #[test]
    fn what_is_escaped_reads_back_and_holds_no_start_code() {
        let cases: [&[u8]; 7] = [
            &[],
            &[0],
            &[0, 0],
            &[0, 0, 0, 0, 0, 0],
            &[0, 0, 1, 0, 0, 2, 0, 0, 3, 0, 0, 4],
            &[3, 3, 0, 3, 0, 0, 3],
            &[0x80, 0, 0, 3, 0, 0],
        ];
        for rbsp in cases {
            let mut ebsp = Vec::new();
            escape(rbsp, &mut ebsp);
            assert_eq!(find_start_code(&ebsp), None);
            assert!(!ebsp.ends_with(&[0, 0]));
            assert_eq!(RbspBytes::new(&ebsp).collect::<Vec<u8>>(), rbsp);
        }
    }

    #[test]
    fn a_three_between_two_parts_is_left_out() {
        let mut bytes = RbspBytes::new(&[5, 0, 0, 3, 1]);
        let front = bytes.split_off(3).expect("three bytes");
        assert_eq!(front.collect::<Vec<u8>>(), [5, 0, 0]);
        assert_eq!(bytes.collect::<Vec<u8>>(), [1]);
        assert!(RbspBytes::new(&[0, 0, 3]).split_off(3).is_none());
    }
}
