//! What several modules' tests share.

use crate::ids::{PayloadType, RtpTimestamp, SequenceNumber, Ssrc};
use crate::packet::PacketHeader;

/// The bytes of a fixture: pairs of hexadecimal digits, `#` begins a comment.
pub(crate) fn fixture(text: &str) -> Vec<u8> {
    let digits = text
        .lines()
        .flat_map(|line| line.split('#').next().unwrap().split_whitespace());
    digits.map(|pair| u8::from_str_radix(pair, 16).unwrap()).collect()
}

/// An RTP packet of payload type 96.
pub(crate) fn packet_bytes(ssrc: u32, sequence: u16, timestamp: u32, payload: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::new();
    PacketHeader {
        payload_type: PayloadType(96),
        marker: false,
        sequence_number: SequenceNumber(sequence),
        timestamp: RtpTimestamp(timestamp),
        ssrc: Ssrc(ssrc),
    }
    .write(&mut bytes);
    bytes.extend_from_slice(payload);
    bytes
}

/// Calls `check` with every prefix of `bytes`, and with every byte of it replaced by some telling values.
pub(crate) fn mutations(bytes: &[u8], mut check: impl FnMut(&[u8])) {
    for end in 0..=bytes.len() {
        check(&bytes[..end]);
    }
    let mut mutated = bytes.to_vec();
    for index in 0..bytes.len() {
        for value in 0..=u8::MAX {
            mutated[index] = value;
            check(&mutated);
        }
        mutated[index] = bytes[index];
    }
    let mut random = Random::new(3550);
    for _ in 0..20_000 {
        for _ in 0..=random.below(4) {
            let index = usize::try_from(random.below(mutated.len() as u64)).unwrap();
            mutated[index] = u8::try_from(random.below(256)).unwrap();
        }
        check(&mutated);
        mutated.copy_from_slice(bytes);
    }
}

/// A seeded generator (xorshift), so that every failure comes again.
pub(crate) struct Random(u64);

impl Random {
    pub(crate) fn new(seed: u64) -> Self {
        Self(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1)
    }

    /// A number below `bound`.
    pub(crate) fn below(&mut self, bound: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 11) % bound
    }
}
