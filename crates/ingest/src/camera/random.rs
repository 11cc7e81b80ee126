//! Numbers out of the caller's seed: no ambient randomness, so that a simulation repeats itself.

use std::time::Duration;

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
