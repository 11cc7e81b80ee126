//! What came out, so that no bench is fast by leaving something out.

use throughline_h264::annexb;
use throughline_h264::avcc::{self, LengthSize};
use throughline_h264::{NalHeader, NalUnitType};

/// How many came, and a hash of their bytes (FNV-1a).
///
/// Of pictures the slices only, for peers differ in what they do with parameter sets and SEI.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Digest {
    /// How many.
    pub count: usize,
    hash: u64,
}

impl Default for Digest {
    fn default() -> Self {
        Self {
            count: 0,
            hash: 0xcbf2_9ce4_8422_2325,
        }
    }
}

impl Digest {
    /// One more, in Annex-B form.
    pub fn annex_b(&mut self, picture: &[u8]) {
        self.count += 1;
        for nal in annexb::nal_units(picture) {
            self.nal_unit(nal);
        }
    }

    /// One more, of NAL units behind four bytes of length.
    pub fn avcc(&mut self, picture: &[u8]) {
        self.count += 1;
        for nal in avcc::nal_units(picture, LengthSize::Four).filter_map(Result::ok) {
            self.nal_unit(nal);
        }
    }

    /// One more packet.
    pub fn packet(&mut self, packet: &[u8]) {
        self.count += 1;
        self.add(packet);
    }

    fn nal_unit(&mut self, nal: &[u8]) {
        let header = nal.first().copied().map(NalHeader::from_byte);
        let nal_unit_type = header.map(NalHeader::nal_unit_type);
        if matches!(nal_unit_type, Some(NalUnitType::Slice | NalUnitType::IdrSlice)) {
            self.add(nal);
        }
    }

    fn add(&mut self, bytes: &[u8]) {
        // The length too, so that bytes cannot move from one to the next.
        let length = bytes.len().to_be_bytes();
        for &byte in bytes.iter().chain(&length) {
            self.hash = (self.hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
        }
    }
}
