use super::error::ParseError;
use super::reader::Reader;

/// A payload that says nothing of keys. It is kept as it is: identities (IDi, IDr), certificates, errors.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Skipped {
    /// Which it is ([RFC 3830 table 6.1.b](https://www.rfc-editor.org/rfc/rfc3830#section-6.1)).
    pub(super) payload_type: u8,
    pub(super) body: Vec<u8>,
}

impl Skipped {
    /// Which it is ([RFC 3830 table 6.1.b](https://www.rfc-editor.org/rfc/rfc3830#section-6.1)).
    pub fn payload_type(&self) -> u8 {
        self.payload_type
    }

    /// What is in it, behind the type of the next payload.
    pub fn body(&self) -> &[u8] {
        &self.body
    }

    /// `None` for a payload whose length only its algorithms tell.
    pub(super) fn read(payload_type: u8, reader: &mut Reader<'_>) -> Result<Option<Self>, ParseError> {
        let start = reader.rest();
        let length = match payload_type {
            // ID, CERT and extensions: a type and a length of 16 bits.
            6 | 7 | 21 => 3 + with_length(*reader, 1)?,
            // ID with the role of who has it (RFC 6043).
            14 => 4 + with_length(*reader, 2)?,
            // ERR: a number and two reserved bytes.
            12 => 3,
            _ => return Ok(None),
        };
        reader.bytes(length)?;
        let body = start.get(..length).unwrap_or_default().to_vec();
        Ok(Some(Self { payload_type, body }))
    }

    pub(super) fn write(&self, out: &mut Vec<u8>) {
        out.extend(&self.body);
    }
}

/// The length that stands behind `before` bytes.
fn with_length(mut reader: Reader<'_>, before: usize) -> Result<usize, ParseError> {
    reader.bytes(before)?;
    reader.u16().map(usize::from)
}
