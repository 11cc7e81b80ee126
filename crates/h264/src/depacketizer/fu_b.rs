//! Fragmentation units with a decoding order number
//! ([RFC 6184 §5.8](https://www.rfc-editor.org/rfc/rfc6184#section-5.8)), which begin NAL units that go on in FU-A.
//!
//! ```text
//!  0                   1                   2                   3
//!  0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
//! +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
//! |F|NRI|   29    |S|E|R|  Type   | DON                           |
//! +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
//! | fragment ..
//! ```

use crate::depacketizer::fu_a::FuHeader;
use crate::depacketizer::{DepacketizeError, Depacketizer, PayloadStructure};

/// Reads a whole FU-B. One that is not the first fragment, which the RFC forbids, is taken for an FU-A.
pub(super) fn push(depacketizer: &mut Depacketizer, payload: &[u8]) -> Result<(), DepacketizeError> {
    let [indicator, fu_header, high, low, fragment @ ..] = payload else {
        return depacketizer.truncated(PayloadStructure::FuB, payload);
    };
    let number = u16::from_be_bytes([*high, *low]);
    depacketizer.fragment(FuHeader::new(*indicator, *fu_header), Some(number), fragment)
}
