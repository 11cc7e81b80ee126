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

/// Where decoding may begin, at first and after a loss.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum StartAt {
    /// At an IDR picture: what every decoder and every WebRTC receiver can begin with.
    #[default]
    Idr,
    /// Also at a recovery point of `recovery_frame_cnt` 0 and `exact_match_flag` 1, from which on every picture is right,
    /// for cameras that send no IDR pictures (Q143). It gets parameter sets in front as an IDR picture does. Pictures with
    /// B slices right behind it, which may refer past it, are withheld.
    ExactRecoveryPoint,
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
    /// Where decoding may begin. Default: [`StartAt::Idr`].
    pub start_at: StartAt,
    /// Bytes of one access unit, past which it is given up. Default, and limit, is [`MAX_ACCESS_UNIT_BYTES`].
    pub max_access_unit_bytes: usize,
}

impl Default for DepacketizerConfig {
    fn default() -> Self {
        Self {
            format: PayloadFormat::default(),
            policy: Policy::default(),
            damaged: Damaged::default(),
            start_at: StartAt::default(),
            max_access_unit_bytes: MAX_ACCESS_UNIT_BYTES,
        }
    }
}
