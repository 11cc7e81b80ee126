use throughline_rtsp::{Message, ParseError, Parsed, Parser, Policy, Tolerances, parse};

/// What a connection carried: each message and frame with the offset of its first byte, and the error that ended it.
#[derive(Debug, PartialEq)]
struct Carried {
    messages: Vec<(usize, Message)>,
    frames: Vec<(usize, u8, Vec<u8>)>,
    error: Option<(usize, ParseError)>,
}

/// An input of up to so many bytes is cut in two at every place.
const EVERY_SPLIT: usize = 128;

/// A connection's bytes give the same messages however they are cut, a message that is written reads the same, and what is
/// read without leniency is read the same with it.
pub fn rtsp_message(data: &[u8]) {
    let whole = read([data], Policy::default());
    // Byte by byte where that is affordable: then each message was tried at each split point of its own.
    assert_eq!(read(data.chunks(1 + data.len() / 256), Policy::default()), whole);
    let splits = if data.len() <= EVERY_SPLIT {
        1..data.len()
    } else {
        0..0
    };
    for split in splits {
        let (first, second) = data.split_at(split);
        assert_eq!(
            read([first, second], Policy::default()),
            whole,
            "split at {split}"
        );
    }
    let (carried, tolerated) = &whole;
    let (strict, _) = read([data], Policy::strict());
    assert!(!tolerated.is_empty() || strict == *carried, "{strict:?}");
    for (_, message) in &carried.messages {
        round_trip(message);
    }
}

/// Reads a connection whose bytes arrive in these pieces.
fn read<'d>(pieces: impl IntoIterator<Item = &'d [u8]>, policy: Policy) -> (Carried, Tolerances) {
    let mut carried = Carried {
        messages: Vec::new(),
        frames: Vec::new(),
        error: None,
    };
    let mut parser = Parser::new(policy);
    let (mut arrived, mut at) = (Vec::new(), 0);
    for piece in pieces {
        arrived.extend_from_slice(piece);
        loop {
            let consumed = match parser.parse(&arrived[at..]) {
                Ok(Parsed::Incomplete) => break,
                Ok(Parsed::Skipped { consumed }) => consumed,
                Ok(Parsed::Message { consumed, message }) => {
                    carried.messages.push((at, message));
                    consumed
                }
                Ok(Parsed::Interleaved {
                    consumed,
                    channel,
                    payload,
                }) => {
                    carried.frames.push((at, channel, payload.to_vec()));
                    consumed
                }
                Err(error) => {
                    assert!(error.offset <= arrived.len() - at, "{error}");
                    carried.error = Some((at, error));
                    return (carried, parser.tolerated());
                }
            };
            assert!(consumed > 0, "nothing consumed at {at}");
            at += consumed;
        }
    }
    (carried, parser.tolerated())
}

/// Writing makes some things tidy once (control characters, repeated blanks, the order of headers), and never again.
fn round_trip(message: &Message) {
    let once = written_and_read(message);
    assert_eq!(written_and_read(&once), once);
    match (message, &once) {
        (Message::Request(read), Message::Request(once)) => {
            assert_eq!((&read.method, &read.body), (&once.method, &once.body));
        }
        (Message::Response(read), Message::Response(once)) => {
            assert_eq!((read.status, &read.body), (once.status, &once.body));
        }
        _ => unreachable!("a message of another kind was read"),
    }
}

fn written_and_read(message: &Message) -> Message {
    let mut bytes = Vec::new();
    message.write(&mut bytes);
    match parse(&bytes) {
        Ok(Parsed::Message { consumed, message }) if consumed == bytes.len() => message,
        other => unreachable!(
            "{message:?} was written as {:?}, which reads as {other:?}",
            bytes.escape_ascii().to_string()
        ),
    }
}
