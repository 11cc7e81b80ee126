use throughline_rtsp::{Message, ParseError, Parsed, parse};

/// What a connection carried: each message and frame with the offset of its first byte, and the error that ended it.
#[derive(Debug, PartialEq)]
struct Carried {
    messages: Vec<(usize, Message)>,
    frames: Vec<(usize, u8, Vec<u8>)>,
    error: Option<(usize, ParseError)>,
}

/// A connection's bytes give the same messages however they are cut, and a message that is written reads the same.
pub fn rtsp_message(data: &[u8]) {
    let whole = read(data, data.len().max(1));
    // Byte by byte where that is affordable: then each message was tried at each split point of its own.
    assert_eq!(read(data, 1 + data.len() / 256), whole);
    for (_, message) in &whole.messages {
        round_trip(message);
    }
}

/// Reads a connection whose bytes arrive in pieces of `piece` bytes.
fn read(data: &[u8], piece: usize) -> Carried {
    let mut carried = Carried {
        messages: Vec::new(),
        frames: Vec::new(),
        error: None,
    };
    let mut at = 0;
    let mut arrived = 0;
    while arrived < data.len() {
        arrived = data.len().min(arrived + piece);
        loop {
            let consumed = match parse(&data[at..arrived]) {
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
                    assert!(error.offset <= arrived - at, "{error}");
                    carried.error = Some((at, error));
                    return carried;
                }
            };
            assert!(consumed > 0, "nothing consumed at {at}");
            at += consumed;
        }
    }
    carried
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
