//! Settings of a depacketizer.

use crate::depacketizer::{MAX_ACCESS_UNIT_BYTES, PayloadFormat};
use crate::tolerance::Policy;

/// What becomes of an access unit in which packets are missing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Damaged {
    /// It is withheld, and so is everything that may refer to it, up to the next IDR picture.
    #[default]
    Withhold,
    /// It leaves with [`AccessUnit::is_damaged`](crate::AccessUnit::is_damaged) set, without the NAL units that are not
    /// whole, and so does what refers to it: for those who would rather see a broken picture than none.
    Deliver,
}

/// Settings of a [`Depacketizer`](crate::Depacketizer).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DepacketizerConfig {
    /// What the session description says about the payloads. Default: nothing.
    pub format: PayloadFormat,
    /// What of the camera's habits is overlooked. Default: all.
    pub policy: Policy,
    /// What becomes of damaged access units. Default: [`Damaged::Withhold`].
    pub damaged: Damaged,
    /// Bytes of one access unit, past which it is given up. Default, and limit, is [`MAX_ACCESS_UNIT_BYTES`].
    pub max_access_unit_bytes: usize,
}

impl Default for DepacketizerConfig {
    fn default() -> Self {
        Self {
            format: PayloadFormat::default(),
            policy: Policy::default(),
            damaged: Damaged::default(),
            max_access_unit_bytes: MAX_ACCESS_UNIT_BYTES,
        }
    }
}
