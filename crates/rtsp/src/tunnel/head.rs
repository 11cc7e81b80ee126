//! The head of an HTTP answer.

use super::{Channel, MAX_HEAD_BYTES, TunnelError};
use crate::headers::number;
use crate::message::head::{Fields, end};
use crate::message::text;
use crate::{MAX_HEADERS, Response, StatusCode};

/// What every answer begins with.
const VERSION: &[u8] = b"HTTP/1.";

/// Reads a head: its length and what it says, `None` where it is not whole. However the bytes are cut, what is wrong is found.
pub(super) fn read(channel: Channel, input: &[u8]) -> Result<Option<(usize, Response)>, TunnelError> {
    let malformed = |what, offset| TunnelError::Malformed {
        channel,
        what,
        offset,
    };
    let begins = VERSION.iter().zip(input).take_while(|(a, b)| a == b).count();
    if begins < VERSION.len() && begins < input.len() {
        return Err(malformed("no HTTP status line", begins));
    }
    let bounded = input.get(..MAX_HEAD_BYTES).unwrap_or(input);
    let Some(length) = end(bounded, 0) else {
        let is_full = input.len() >= MAX_HEAD_BYTES;
        return if is_full {
            Err(TunnelError::TooLong { channel })
        } else {
            Ok(None)
        };
    };
    let head = bounded.get(..length).unwrap_or_default();
    let line_length = memchr::memchr(b'\n', head).map_or(length, |at| at + 1);
    let line = String::from_utf8_lossy(head.get(..line_length).unwrap_or_default());
    let mut words = line.trim_end().splitn(3, ' ');
    let version = words.next().unwrap_or_default();
    let status = words.next().filter(|word| word.len() == 3).and_then(number);
    let Some(status) = status.filter(|status: &u16| *status >= 100).map(StatusCode) else {
        return Err(malformed("no status", version.len()));
    };
    let mut answer = Response::new(status);
    answer.reason = words
        .next()
        .map(|reason| text(reason.as_bytes()))
        .unwrap_or_default();
    for (count, field) in Fields::new(head, line_length).enumerate() {
        if count == MAX_HEADERS {
            return Err(TunnelError::TooLong { channel });
        }
        answer.headers.append(
            &String::from_utf8_lossy(field.name),
            String::from_utf8_lossy(field.value),
        );
    }
    Ok(Some((length, answer)))
}
