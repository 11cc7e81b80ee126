use super::error::{Fault, ParseError};

/// What is left of a message, and where in it that begins.
#[derive(Clone, Copy, Debug)]
pub(super) struct Reader<'b> {
    rest: &'b [u8],
    offset: usize,
}

impl<'b> Reader<'b> {
    pub(super) fn new(bytes: &'b [u8]) -> Self {
        Self {
            rest: bytes,
            offset: 0,
        }
    }

    pub(super) fn offset(&self) -> usize {
        self.offset
    }

    pub(super) fn rest(&self) -> &'b [u8] {
        self.rest
    }

    /// An error at what was read last, `length` bytes ago.
    pub(super) fn fault_before(&self, length: usize, fault: Fault) -> ParseError {
        ParseError {
            offset: self.offset.saturating_sub(length),
            fault,
        }
    }

    /// The next `length` bytes, to be read by themselves.
    pub(super) fn part(&mut self, length: usize) -> Result<Self, ParseError> {
        let offset = self.offset;
        Ok(Self {
            rest: self.bytes(length)?,
            offset,
        })
    }

    pub(super) fn bytes(&mut self, length: usize) -> Result<&'b [u8], ParseError> {
        let Some((bytes, rest)) = self.rest.split_at_checked(length) else {
            let (needed, available) = (length, self.rest.len());
            return Err(self.fault_before(0, Fault::CutShort { needed, available }));
        };
        self.rest = rest;
        self.offset += length;
        Ok(bytes)
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N], ParseError> {
        let mut array = [0; N];
        array.copy_from_slice(self.bytes(N)?);
        Ok(array)
    }

    pub(super) fn u8(&mut self) -> Result<u8, ParseError> {
        self.array().map(u8::from_be_bytes)
    }

    pub(super) fn u16(&mut self) -> Result<u16, ParseError> {
        self.array().map(u16::from_be_bytes)
    }

    pub(super) fn u32(&mut self) -> Result<u32, ParseError> {
        self.array().map(u32::from_be_bytes)
    }

    pub(super) fn u64(&mut self) -> Result<u64, ParseError> {
        self.array().map(u64::from_be_bytes)
    }
}

/// Appends a length of 8 bits and the bytes, those beyond it left out.
pub(super) fn write_short(bytes: &[u8], out: &mut Vec<u8>) {
    let length = u8::try_from(bytes.len()).unwrap_or(u8::MAX);
    out.push(length);
    out.extend(bytes.iter().take(length.into()));
}

/// Appends a length of 16 bits and the bytes, those beyond it left out.
pub(super) fn write_long(bytes: &[u8], out: &mut Vec<u8>) {
    let length = u16::try_from(bytes.len()).unwrap_or(u16::MAX);
    out.extend(length.to_be_bytes());
    out.extend(bytes.iter().take(length.into()));
}
