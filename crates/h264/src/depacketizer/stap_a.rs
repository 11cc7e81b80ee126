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

use crate::depacketizer::{DepacketizeError, Depacketizer};

/// Bytes of the size in front of each NAL unit.
const SIZE: usize = 2;

/// Reads a whole STAP-A.
pub(super) fn push(depacketizer: &mut Depacketizer, payload: &[u8]) -> Result<(), DepacketizeError> {
    let units = payload.get(1..).unwrap_or_default();
    push_units(depacketizer, units, 1, None)
}

/// Reads the units behind the headers, which take `offset` bytes. The first one has the decoding order number `first`,
/// if there are any. Goes on behind one that cannot be read, and gives the first error.
pub(super) fn push_units(
    depacketizer: &mut Depacketizer,
    mut units: &[u8],
    mut offset: usize,
    first: Option<u16>,
) -> Result<(), DepacketizeError> {
    let mut result = Ok(());
    let mut number = first;
    while let [high, low, rest @ ..] = units {
        depacketizer.offset = offset;
        let size = usize::from(u16::from_be_bytes([*high, *low]));
        let unit = depacketizer.aggregated(rest, size);
        depacketizer.offset = offset + SIZE;
        let read = match unit {
            Ok([]) => Ok(()),
            Ok(nal) => {
                let read = depacketizer.whole_nal_unit(number, nal);
                number = number.map(|number| number.wrapping_add(1));
                read
            }
            Err(error) => Err(error),
        };
        result = result.and(read);
        units = rest.get(size..).unwrap_or_default();
        offset += SIZE + size;
    }
    result
}
