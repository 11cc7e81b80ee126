use throughline_rtsp::{
    Message, ParseError, Parsed, Parser, Policy, Request, Response, Tolerances, write_interleaved_header,
};

/// What came out of a stream of bytes.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Item {
    Message(Message),
    Interleaved(u8, Vec<u8>),
    Skipped(usize),
    /// Where in the stream the message with the fault begins, and the fault.
    Fault(usize, ParseError),
}

/// Everything that comes out of the chunks, as a caller reads who gets them one by one.
pub(crate) fn read<'b>(chunks: impl IntoIterator<Item = &'b [u8]>) -> Vec<Item> {
    read_with(chunks, Policy::default()).0
}

/// The same under a policy, with what was tolerated.
pub(crate) fn read_with<'b>(
    chunks: impl IntoIterator<Item = &'b [u8]>,
    policy: Policy,
) -> (Vec<Item>, Tolerances) {
    let (mut items, mut buffer, mut offset) = (Vec::new(), Vec::new(), 0);
    let mut parser = Parser::new(policy);
    for chunk in chunks {
        buffer.extend_from_slice(chunk);
        loop {
            let (consumed, item) = match parser.parse(&buffer) {
                Ok(Parsed::Incomplete) => break,
                Ok(Parsed::Message { consumed, message }) => (consumed, Item::Message(message)),
                Ok(Parsed::Interleaved {
                    consumed,
                    channel,
                    payload,
                }) => (consumed, Item::Interleaved(channel, payload.to_vec())),
                Ok(Parsed::Skipped { consumed }) => (consumed, Item::Skipped(consumed)),
                Err(error) => {
                    items.push(Item::Fault(offset, error));
                    return (items, parser.tolerated());
                }
            };
            assert!(consumed > 0, "no progress");
            buffer.drain(..consumed);
            offset += consumed;
            items.push(item);
        }
    }
    (items, parser.tolerated())
}

pub(crate) fn response(bytes: &[u8]) -> Response {
    match read([bytes]).as_slice() {
        [Item::Message(Message::Response(response))] => response.clone(),
        other => panic!("not one response: {other:?}"),
    }
}

pub(crate) fn request(bytes: &[u8]) -> Request {
    match read([bytes]).as_slice() {
        [Item::Message(Message::Request(request))] => request.clone(),
        other => panic!("not one request: {other:?}"),
    }
}

/// An RTP packet of `length` bytes, sequence number included, in its frame.
pub(crate) fn frame(channel: u8, length: u16) -> Vec<u8> {
    let mut bytes = Vec::new();
    write_interleaved_header(channel, length, &mut bytes);
    bytes.extend((0..length).map(|i| if i == 0 { 0x80 } else { i.to_be_bytes()[1] }));
    bytes
}

/// Seeded and good enough to wreck messages.
pub(crate) struct Xorshift(pub(crate) u64);

impl Xorshift {
    pub(crate) fn below(&mut self, bound: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 % bound as u64).unwrap()
    }

    pub(crate) fn chunks<'b>(&mut self, mut bytes: &'b [u8]) -> Vec<&'b [u8]> {
        let mut chunks = Vec::new();
        while !bytes.is_empty() {
            let (chunk, rest) = bytes.split_at(1 + self.below(bytes.len()));
            chunks.push(chunk);
            bytes = rest;
        }
        chunks
    }
}

/// The bytes of a commented hexadecimal file.
pub(crate) fn bytes_of(hexadecimal: &str) -> Vec<u8> {
    let digits = hexadecimal.lines().filter_map(|line| line.split('#').next());
    let words = digits.flat_map(str::split_whitespace);
    words.map(|word| u8::from_str_radix(word, 16).unwrap()).collect()
}
