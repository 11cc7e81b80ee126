//! Single NAL unit packets ([RFC 6184 §5.6](https://www.rfc-editor.org/rfc/rfc6184#section-5.6)).

use crate::depacketizer::{DepacketizeError, Depacketizer};

/// The payload is the NAL unit.
pub(super) fn push(depacketizer: &mut Depacketizer, payload: &[u8]) -> Result<(), DepacketizeError> {
    depacketizer.whole_nal_unit(None, payload)
}
