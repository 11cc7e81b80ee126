//! Nonces from a seed: unpredictable as the seed is, and the same again in a test.

/// SplitMix64 (Steele, Lea and Flood, 2014): a whole generator in one word of state. A nonce must not repeat; it
/// need not resist cryptanalysis, since only the hash of the password protects the password.
#[derive(Clone, Debug)]
pub(crate) struct Nonces(u64);

impl Nonces {
    pub(crate) fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// The next nonce: 128 bits in hexadecimal.
    pub(crate) fn next(&mut self) -> String {
        format!("{:032x}", u128::from_be_bytes(self.bytes()))
    }

    /// The same as bytes.
    pub(crate) fn bytes(&mut self) -> [u8; 16] {
        (u128::from(self.word()) << 64 | u128::from(self.word())).to_be_bytes()
    }

    fn word(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seed_gives_its_nonces_again_and_never_the_same_twice() {
        let mut nonces = Nonces::new(7);
        let (first, second) = (nonces.next(), nonces.next());
        assert_ne!(first, second);
        assert_eq!(first.len(), 32);
        assert_eq!(Nonces::new(7).next(), first);
        assert_ne!(Nonces::new(8).next(), first);
    }
}
