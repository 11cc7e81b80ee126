use super::error::{Fault, ParseError};
use super::reader::{Reader, write_short};

/// The shortest random value, in bytes.
const MIN_LEN: u8 = 16;

/// What makes derived keys differ from one exchange to the next (RAND,
/// [RFC 3830 §6.11](https://www.rfc-editor.org/rfc/rfc3830#section-6.11)): 16 to 255 bytes.
///
/// ```text
/// +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
/// | next payload  |    length     | bytes ..
/// +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Random(pub Vec<u8>);

impl Random {
    pub(super) fn read(reader: &mut Reader<'_>) -> Result<Self, ParseError> {
        let length = reader.u8()?;
        if length < MIN_LEN {
            return Err(reader.fault_before(1, Fault::RandomTooShort(length)));
        }
        Ok(Self(reader.bytes(length.into())?.to_vec()))
    }

    pub(super) fn write(&self, out: &mut Vec<u8>) {
        write_short(&self.0, out);
    }
}
