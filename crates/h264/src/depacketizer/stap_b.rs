//! Single-time aggregation packets with a decoding order number
//! ([RFC 6184 §5.7.1](https://www.rfc-editor.org/rfc/rfc6184#section-5.7.1)).
//!
//! ```text
//!  0                   1                   2                   3
//!  0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
//! +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
//! |STAP-B NAL HDR | DON                           | NALU 1 Size   |
//! +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
//! | NALU 1 Size   | NALU 1 HDR    | NALU 1 Data ..
//! ```

use crate::depacketizer::{DepacketizeError, Depacketizer, PayloadStructure, stap_a};

/// Reads a whole STAP-B: its number is the first NAL unit's, and each one behind has the next.
pub(super) fn push(depacketizer: &mut Depacketizer, payload: &[u8]) -> Result<(), DepacketizeError> {
    let [_, high, low, units @ ..] = payload else {
        return depacketizer.truncated(PayloadStructure::StapB, payload);
    };
    let number = u16::from_be_bytes([*high, *low]);
    stap_a::push_units(depacketizer, units, 3, Some(number))
}
