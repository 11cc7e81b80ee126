//! Whether the pictures are those that were sent.

use std::hash::{DefaultHasher, Hasher};

/// A hash over a row of access units in Annex-B form with start codes of four bytes: it tells any other picture, and any
/// other order.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Digest(pub u64);

impl Digest {
    /// With the access unit of this [`hash`] behind the others.
    #[must_use]
    pub fn then(self, access_unit: u64) -> Self {
        let mut hasher = DefaultHasher::new();
        hasher.write_u64(self.0);
        hasher.write_u64(access_unit);
        Digest(hasher.finish())
    }
}

/// Of one access unit.
pub fn hash(access_unit: &[u8]) -> u64 {
    let mut hasher = DefaultHasher::new();
    hasher.write(access_unit);
    hasher.finish()
}
