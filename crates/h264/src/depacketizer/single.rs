//! Single NAL unit packets ([RFC 6184 §5.6](https://www.rfc-editor.org/rfc/rfc6184#section-5.6)).

use crate::annexb::find_start_code;
use crate::depacketizer::{DepacketizeError, Depacketizer};

/// The payload is the NAL unit, or several behind start codes (Q82).
pub(super) fn push(depacketizer: &mut Depacketizer, payload: &[u8]) -> Result<(), DepacketizeError> {
    match find_start_code(payload) {
        None => depacketizer.nal_unit(payload),
        Some(_) => depacketizer.several_nal_units(payload),
    }
}
