//! Fragmentation units ([RFC 6184 §5.8](https://www.rfc-editor.org/rfc/rfc6184#section-5.8)).
//!
//! ```text
//!  0                   1
//!  0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5
//! +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
//! |F|NRI|   28    |S|E|R|  Type   | fragment ..
//! +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
//! ```

use crate::depacketizer::{DepacketizeError, Depacketizer, PayloadStructure};
use crate::nal::NalHeader;

/// What the indicator and the FU header say.
#[derive(Clone, Copy, Debug)]
pub(super) struct FuHeader {
    /// The header of the NAL unit in fragments.
    pub(super) nal: NalHeader,
    pub(super) is_start: bool,
    pub(super) is_end: bool,
}

impl FuHeader {
    /// The reserved bit is not looked at, as the RFC wants (Q80).
    #[inline]
    pub(super) fn new(indicator: u8, fu_header: u8) -> Self {
        Self {
            nal: NalHeader::from_byte(indicator & 0xe0 | fu_header & 0x1f),
            is_start: fu_header & 0x80 != 0,
            is_end: fu_header & 0x40 != 0,
        }
    }
}

/// Reads a whole FU-A; the fragment may be empty (Q80).
#[inline]
pub(super) fn push(depacketizer: &mut Depacketizer, payload: &[u8]) -> Result<(), DepacketizeError> {
    let [indicator, fu_header, fragment @ ..] = payload else {
        return depacketizer.truncated(PayloadStructure::FuA, payload);
    };
    depacketizer.fragment(FuHeader::new(*indicator, *fu_header), None, fragment)
}
