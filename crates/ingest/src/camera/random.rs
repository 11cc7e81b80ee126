//! Numbers out of the caller's seed: no ambient randomness, so that a simulation repeats itself.

use std::fmt;
use std::time::Duration;

use sha2::{Digest, Sha256};

/// A splitmix64 sequence: good enough for identifiers and jitter, not for secrets.
#[derive(Debug)]
pub(super) struct Random(u64);

impl Random {
    pub(super) fn new(seed: u64) -> Self {
        Random(seed)
    }

    pub(super) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    pub(super) fn next_u32(&mut self) -> u32 {
        (self.next() >> 32) as u32
    }

    /// `duration`, a quarter more or less.
    pub(super) fn jitter(&mut self, duration: Duration) -> Duration {
        duration.mul_f64(0.75 + 0.5 * f64::from(self.next_u32()) / f64::from(u32::MAX))
    }
}

/// Secret bytes: SHA-256 of the caller's seed and a counter.
pub(super) struct KeyRandom {
    seed: [u8; 32],
    drawn: u64,
}

impl KeyRandom {
    pub(super) fn new(seed: [u8; 32]) -> Self {
        KeyRandom { seed, drawn: 0 }
    }

    pub(super) fn bytes<const N: usize>(&mut self) -> [u8; N] {
        let mut bytes = [0; N];
        for chunk in bytes.chunks_mut(Sha256::output_size()) {
            let mut hash = Sha256::new();
            hash.update(self.seed);
            hash.update(self.drawn.to_be_bytes());
            self.drawn += 1;
            for (byte, random) in chunk.iter_mut().zip(hash.finalize()) {
                *byte = random;
            }
        }
        bytes
    }
}

impl fmt::Debug for KeyRandom {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("KeyRandom").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_of_the_seed_alone_and_never_the_same_again() {
        let draw = |seed: u8| -> Vec<[u8; 46]> {
            let mut random = KeyRandom::new([seed; 32]);
            assert_eq!(format!("{random:?}"), "KeyRandom { .. }");
            (0..3).map(|_| random.bytes()).collect()
        };
        assert_eq!(draw(1), draw(1));
        let mut all: Vec<_> = [draw(1), draw(2)].concat();
        all.sort_unstable();
        all.dedup();
        assert_eq!(all.len(), 6);
        assert!(all.iter().all(|bytes| bytes[..14] != bytes[32..]));
    }
}
