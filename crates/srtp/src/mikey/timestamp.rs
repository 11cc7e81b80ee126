use super::error::{Fault, ParseError};
use super::reader::Reader;

/// When a message was made, against replays (T, [RFC 3830 §6.6](https://www.rfc-editor.org/rfc/rfc3830#section-6.6)).
///
/// ```text
/// +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
/// | next payload  |    TS type    | 64 bits, a counter: 32 ..
/// +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Timestamp {
    /// NTP's seconds and fractions, in UTC.
    NtpUtc(u64),
    /// The same, in another time zone.
    Ntp(u64),
    /// One more for each message.
    Counter(u32),
}

impl Timestamp {
    pub(super) fn read(reader: &mut Reader<'_>) -> Result<Self, ParseError> {
        Ok(match reader.u8()? {
            0 => Self::NtpUtc(reader.u64()?),
            1 => Self::Ntp(reader.u64()?),
            2 => Self::Counter(reader.u32()?),
            other => return Err(reader.fault_before(1, Fault::TimestampType(other))),
        })
    }

    pub(super) fn write(self, out: &mut Vec<u8>) {
        match self {
            Self::NtpUtc(time) => {
                out.push(0);
                out.extend(time.to_be_bytes());
            }
            Self::Ntp(time) => {
                out.push(1);
                out.extend(time.to_be_bytes());
            }
            Self::Counter(count) => {
                out.push(2);
                out.extend(count.to_be_bytes());
            }
        }
    }
}
