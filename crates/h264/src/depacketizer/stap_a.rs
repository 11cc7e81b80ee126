//! Single-time aggregation packets ([RFC 6184 §5.7.1](https://www.rfc-editor.org/rfc/rfc6184#section-5.7.1)).
//!
//! ```text
//!  0                   1                   2                   3
//!  0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
//! +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
//! |STAP-A NAL HDR |         NALU 1 Size           | NALU 1 HDR    |
//! +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
//! |  NALU 1 Data  ..              | NALU 2 Size ..
//! ```

use crate::depacketizer::{DepacketizeError, Depacketizer, single};

/// Reads the units behind the aggregation's header. A size that goes past the end is cut to it (Q84), and sizes of 0,
/// as padding leaves them, are passed over (Q83).
pub(super) fn push(depacketizer: &mut Depacketizer, mut units: &[u8]) -> Result<(), DepacketizeError> {
    let mut result = Ok(());
    while let [high, low, rest @ ..] = units {
        let size = usize::from(u16::from_be_bytes([*high, *low])).min(rest.len());
        let (nal, next) = rest.split_at(size);
        if !nal.is_empty() {
            result = result.and(single::push(depacketizer, nal));
        }
        units = next;
    }
    result
}
