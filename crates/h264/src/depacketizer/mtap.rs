//! Multi-time aggregation packets ([RFC 6184 §5.7.2](https://www.rfc-editor.org/rfc/rfc6184#section-5.7.2)), with offsets
//! of 16 bits (MTAP16) or 24 bits (MTAP24).
//!
//! ```text
//!  0                   1                   2                   3
//!  0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
//! +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
//! |MTAP16 NAL HDR |  decoding order number base   | NALU 1 Size   |
//! +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
//! |  NALU 1 Size  |  NALU 1 DOND  |       NALU 1 TS offset        |
//! +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
//! |  NALU 1 HDR   |  NALU 1 DATA ..
//! ```

use crate::access_unit::Timestamp;
use crate::depacketizer::{DepacketizeError, Depacketizer, PayloadStructure};

/// Bytes of header and decoding order number base.
const HEADERS: usize = 3;

/// Bytes of size and DOND in front of each NAL unit; the timestamp's offset follows.
const SIZE_AND_DOND: usize = 3;

/// Reads a whole MTAP, each of whose NAL units has a decoding order number and a timestamp of its own. Goes on behind
/// one that cannot be read, and gives the first error.
pub(super) fn push(
    depacketizer: &mut Depacketizer,
    structure: PayloadStructure,
    payload: &[u8],
) -> Result<(), DepacketizeError> {
    let [_, high, low, units @ ..] = payload else {
        return depacketizer.truncated(structure, payload);
    };
    let mut units = units;
    let base = u16::from_be_bytes([*high, *low]);
    let width = if structure == PayloadStructure::Mtap24 {
        3
    } else {
        2
    };
    let earliest = depacketizer.timestamp;
    let mut offset = HEADERS;
    let mut result = Ok(());
    while let [high, low, dond, rest @ ..] = units {
        depacketizer.offset = offset;
        let Some((ticks, rest)) = rest.split_at_checked(width) else {
            return result.and(depacketizer.truncated(structure, payload));
        };
        let ticks = ticks.iter().fold(0, |ticks, byte| ticks << 8 | i64::from(*byte));
        depacketizer.timestamp = Timestamp(earliest.0.saturating_add(ticks));
        let size = usize::from(u16::from_be_bytes([*high, *low]));
        let unit = depacketizer.aggregated(rest, size);
        depacketizer.offset = offset + SIZE_AND_DOND + width;
        let read = match unit {
            Ok([]) => Ok(()),
            Ok(nal) => depacketizer.whole_nal_unit(Some(base.wrapping_add(u16::from(*dond))), nal),
            Err(error) => Err(error),
        };
        result = result.and(read);
        units = rest.get(size..).unwrap_or_default();
        offset += SIZE_AND_DOND + width + size;
    }
    result
}
