//! How bodies take their input apart.

/// Numbers and slices from the front of a fuzzer's bytes; zeros and empty slices once these are used up.
pub(crate) struct Input<'a>(&'a [u8]);

impl<'a> Input<'a> {
    pub(crate) fn new(bytes: &'a [u8]) -> Self {
        Self(bytes)
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(crate) fn u8(&mut self) -> u8 {
        let [byte] = self.array();
        byte
    }

    pub(crate) fn u16(&mut self) -> u16 {
        u16::from_be_bytes(self.array())
    }

    pub(crate) fn u32(&mut self) -> u32 {
        u32::from_be_bytes(self.array())
    }

    pub(crate) fn u64(&mut self) -> u64 {
        u64::from_be_bytes(self.array())
    }

    /// Up to `length` bytes.
    pub(crate) fn bytes(&mut self, length: usize) -> &'a [u8] {
        let (bytes, rest) = self.0.split_at(length.min(self.0.len()));
        self.0 = rest;
        bytes
    }

    fn array<const N: usize>(&mut self) -> [u8; N] {
        let mut array = [0; N];
        let bytes = self.bytes(N);
        array[..bytes.len()].copy_from_slice(bytes);
        array
    }
}

/// Begins an instruction in a [`Script`].
const ESCAPE: u8 = 0xff;

/// One step of a [`Script`].
#[derive(Clone, Copy)]
pub(crate) enum Step<'a> {
    /// Bytes of the other end, in one piece.
    Bytes(&'a [u8]),
    /// What else happens.
    Instruction(u8),
}

/// A conversation: bytes as they are, cut by instructions, each of them 0xff and one more byte. Twice 0xff is that byte
/// itself. So a text is a script, and a mutation in one place changes nothing behind it.
pub(crate) struct Script<'a>(pub(crate) &'a [u8]);

impl<'a> Iterator for Script<'a> {
    type Item = Step<'a>;

    fn next(&mut self) -> Option<Step<'a>> {
        let (step, rest) = match self.0 {
            [] | [ESCAPE] => return None,
            [ESCAPE, ESCAPE, rest @ ..] => (Step::Bytes(&[ESCAPE]), rest),
            [ESCAPE, instruction, rest @ ..] => (Step::Instruction(*instruction), rest),
            bytes => {
                let end = bytes
                    .iter()
                    .position(|byte| *byte == ESCAPE)
                    .unwrap_or(bytes.len());
                let (bytes, rest) = bytes.split_at(end);
                (Step::Bytes(bytes), rest)
            }
        };
        self.0 = rest;
        Some(step)
    }
}

/// A text of any bytes, as a peer's text is taken: without control characters, and what is not UTF-8 marked as such.
pub(crate) fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).replace(char::is_control, " ")
}

/// Whether the other end itself says this word of letters, perhaps with something between them that is left out.
pub(crate) fn says(script: &[u8], word: &str) -> bool {
    let bytes = Script(script).flat_map(|step| match step {
        Step::Bytes(bytes) => bytes,
        Step::Instruction(_) => &[],
    });
    let letters: Vec<u8> = bytes.copied().filter(u8::is_ascii_alphanumeric).collect();
    letters
        .windows(word.len())
        .any(|window| window == word.as_bytes())
}
