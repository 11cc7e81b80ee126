//! Fragmentation units ([RFC 6184 §5.8](https://www.rfc-editor.org/rfc/rfc6184#section-5.8)).
//!
//! ```text
//!  0                   1
//!  0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5
//! +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
//! |F|NRI|   28    |S|E|R|  Type   | fragment ..
//! +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
//! ```

use crate::depacketizer::{DepacketizeError, Depacketizer};
use crate::nal::NalHeader;

const START: u8 = 0x80;
const END: u8 = 0x40;

/// Reads a whole FU-A payload. The reserved bit and an empty fragment do no harm (Q80); one with S and E both is a whole
/// NAL unit (Q78); a later fragment's own header is not looked at, so the first one's stands (Q79).
pub(super) fn push(depacketizer: &mut Depacketizer, payload: &[u8]) -> Result<(), DepacketizeError> {
    let [indicator, fu_header, fragment @ ..] = payload else {
        depacketizer.note_loss(1);
        return Err(DepacketizeError::TruncatedFragment {
            length: payload.len(),
        });
    };
    let header = NalHeader::from_byte(indicator & 0xe0 | fu_header & 0x1f);
    let mut result = Ok(());
    if fu_header & START != 0 {
        // The end bit of the fragments before never came (Q80).
        result = depacketizer.end_nal_unit();
        depacketizer.check_header(header)?;
        result = result.and(depacketizer.begin_nal_unit(header, fragment.first().copied()));
    } else if !depacketizer.has_open_nal() {
        depacketizer.orphan_fragment(header);
        return Ok(());
    }
    result = result.and(depacketizer.append(fragment));
    if fu_header & END != 0 {
        result.and(depacketizer.end_nal_unit())
    } else {
        result
    }
}
