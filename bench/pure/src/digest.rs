//! What came out, so that no bench is fast by leaving something out.

use std::hash::{DefaultHasher, Hasher};

use serde::{Deserialize, Serialize};
use throughline_h264::annexb;
use throughline_h264::avcc::{self, LengthSize};
use throughline_h264::{NalHeader, NalUnitType};

/// How many came, and a hash over them in their order.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Digest {
    /// How many.
    pub count: usize,
    hash: u64,
}

/// Of the bytes of one.
pub fn hash(bytes: &[u8]) -> u64 {
    let mut hasher = DefaultHasher::new();
    hasher.write(bytes);
    hasher.finish()
}

impl Digest {
    /// One more, with this [`hash`].
    pub fn add(&mut self, hash: u64) {
        self.count += 1;
        self.append(hash);
    }

    /// One more packet.
    pub fn packet(&mut self, packet: &[u8]) {
        self.add(hash(packet));
    }

    /// One more picture in Annex-B form, of which the slices count: peers differ in what they do with parameter sets and SEI.
    pub fn annex_b(&mut self, picture: &[u8]) {
        self.count += 1;
        for nal in annexb::nal_units(picture) {
            self.nal_unit(nal);
        }
    }

    /// The same of NAL units behind four bytes of length.
    pub fn avcc(&mut self, picture: &[u8]) {
        self.count += 1;
        for nal in avcc::nal_units(picture, LengthSize::Four).filter_map(Result::ok) {
            self.nal_unit(nal);
        }
    }

    fn nal_unit(&mut self, nal: &[u8]) {
        let header = nal.first().copied().map(NalHeader::from_byte);
        let nal_unit_type = header.map(NalHeader::nal_unit_type);
        if matches!(nal_unit_type, Some(NalUnitType::Slice | NalUnitType::IdrSlice)) {
            self.append(hash(nal));
        }
    }

    fn append(&mut self, hash: u64) {
        let mut hasher = DefaultHasher::new();
        hasher.write_u64(self.hash);
        hasher.write_u64(hash);
        self.hash = hasher.finish();
    }
}
