use std::fmt;
use std::str;

use bytes::Bytes;
use nom::branch::alt;
use nom::bytes::streaming::{tag, take, take_while, take_while_m_n, take_while1};
use nom::character::streaming::satisfy;
use nom::combinator::map_opt;
use nom::sequence::terminated;
use nom::{IResult, Parser};

use super::{Headers, Message, Method, Request, Response, StatusCode};
use crate::headers::name;

/// The start line and all headers of one message, in bytes. The longest seen from a camera is below 2 KiB; a long list of
/// challenges fits eight times over.
pub const MAX_HEADER_BYTES: usize = 16 * 1024;

/// Header lines in one message. Cameras send below twenty.
pub const MAX_HEADERS: usize = 100;

/// The body of one message, in bytes. A session description with every track of a recorder stays below 10 KiB.
pub const MAX_BODY_BYTES: usize = 64 * 1024;

/// How much garbage is looked through at once for the next frame or message, in bytes; also how much of it a caller has to
/// keep until then. One RTP packet, so that what is left of a torn one goes in one step.
pub const MAX_GARBAGE_BYTES: usize = 2 * 1024;

/// The longest name of a method, in bytes; `SET_PARAMETER` has 13.
const MAX_METHOD_BYTES: usize = 32;

/// The highest channel that is believed when a frame follows garbage: two for each of [`MAX_TRACKS`](crate::client::MAX_TRACKS).
const MAX_PLAUSIBLE_CHANNEL: u8 = 63;

/// The shortest RTCP packet.
const MIN_PLAUSIBLE_LENGTH: u16 = 8;

/// What stands at the beginning of the bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Parsed<'b> {
    /// More bytes are needed to tell.
    Incomplete,
    /// A whole message.
    Message {
        /// Bytes that it took.
        consumed: usize,
        /// The message.
        message: Message,
    },
    /// A whole interleaved frame: RTP or RTCP.
    Interleaved {
        /// Bytes that it took.
        consumed: usize,
        /// The channel number that SETUP agreed on.
        channel: u8,
        /// The packet.
        payload: &'b [u8],
    },
    /// Bytes that belong to nothing: empty lines, garbage (Q33).
    Skipped {
        /// How many.
        consumed: usize,
    },
}

/// Bytes that cannot be read as RTSP. The framing is lost with them: close the connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{what} at byte {offset} of the message")]
pub struct ParseError {
    /// Where, counted from the first byte of the message.
    pub offset: usize,
    /// What is wrong there.
    pub what: Fault,
}

/// What is wrong with a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// Start line and headers go on past [`MAX_HEADER_BYTES`].
    HeaderTooLong,
    /// More than [`MAX_HEADERS`] header lines.
    TooManyHeaders,
    /// A Content-Length that is no number, or two that differ.
    ContentLength,
    /// A Content-Length above [`MAX_BODY_BYTES`].
    BodyTooLong,
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::HeaderTooLong => write!(f, "headers longer than {MAX_HEADER_BYTES} bytes"),
            Self::TooManyHeaders => write!(f, "more than {MAX_HEADERS} headers"),
            Self::ContentLength => f.write_str("unreadable content length"),
            Self::BodyTooLong => write!(f, "body longer than {MAX_BODY_BYTES} bytes"),
        }
    }
}

/// Reads what stands at the beginning of `input`: a message, an interleaved frame, or neither.
///
/// Call it again with what follows the consumed bytes, and after [`Parsed::Incomplete`] with more bytes behind the same ones.
/// How the bytes were cut into calls changes nothing in what comes out.
///
/// Reads leniently: line ends without CR, headers without a space after the colon, with several or without a value (Q18), folded
/// headers, a status without a reason (Q17). A header line without a colon is left out.
///
/// Fails where a limit is passed or where a message does not say how long it is; see [`Fault`].
pub fn parse(input: &[u8]) -> Result<Parsed<'_>, ParseError> {
    match input.first() {
        None => Ok(Parsed::Incomplete),
        Some(b'$') => Ok(interleaved(input)),
        Some(_) => message(input),
    }
}

/// [RFC 2326 §10.12](https://www.rfc-editor.org/rfc/rfc2326#section-10.12):
///
/// ```text
///  0                   1                   2                   3
///  0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
/// +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
/// |      '$'      |    channel    |        length of packet       |
/// +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
/// ```
fn interleaved(input: &[u8]) -> Parsed<'_> {
    let Some((&[_, channel, high, low], rest)) = input.split_first_chunk() else {
        return Parsed::Incomplete;
    };
    let length = usize::from(u16::from_be_bytes([high, low]));
    match rest.get(..length) {
        Some(payload) => Parsed::Interleaved {
            consumed: 4 + length,
            channel,
            payload,
        },
        None => Parsed::Incomplete,
    }
}

fn message(input: &[u8]) -> Result<Parsed<'_>, ParseError> {
    let window = input.get(..MAX_HEADER_BYTES).unwrap_or(input);
    let need_more = || match input.len() {
        MAX_HEADER_BYTES.. => Err(ParseError {
            offset: MAX_HEADER_BYTES,
            what: Fault::HeaderTooLong,
        }),
        _ => Ok(Parsed::Incomplete),
    };
    let (rest, start) = match start_line(window) {
        Ok(parsed) => parsed,
        Err(nom::Err::Incomplete(_)) => return need_more(),
        Err(_) => return Ok(skip_garbage(input)),
    };
    let start_length = window.len() - rest.len();
    let Some(fields_length) = header_section_length(rest) else {
        return need_more();
    };
    let fields = || Fields {
        rest: rest.get(..fields_length).unwrap_or_default(),
        offset: start_length,
    };
    let body_length = check_fields(fields())?;
    let head_length = start_length + fields_length;
    let Some(body) = input.get(head_length..head_length + body_length) else {
        return Ok(Parsed::Incomplete);
    };

    let mut headers = Headers::new();
    for field in fields() {
        headers.append(&text(field.name), text(field.value));
    }
    let body = Bytes::copy_from_slice(body);
    let message = match start {
        StartLine::Request { method, uri } => Message::Request(Request {
            method: Method::from(text(method).as_str()),
            uri: text(uri),
            headers,
            body,
        }),
        StartLine::Response { status, reason } => Message::Response(Response {
            status,
            reason: text(reason),
            headers,
            body,
        }),
    };
    Ok(Parsed::Message {
        consumed: head_length + body_length,
        message,
    })
}

/// Cameras write names of places in all kinds of encodings: what is not UTF-8 is marked as such and read on. Control
/// characters become spaces: a reason phrase goes into errors, which are one line.
fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes.trim_ascii()).replace(char::is_control, " ")
}

enum StartLine<'b> {
    Request { method: &'b [u8], uri: &'b [u8] },
    Response { status: StatusCode, reason: &'b [u8] },
}

fn start_line(input: &[u8]) -> IResult<&[u8], StartLine<'_>> {
    alt((status_line, request_line)).parse(input)
}

/// [RFC 2326 §7.1](https://www.rfc-editor.org/rfc/rfc2326#section-7.1), with or without a reason (Q17).
fn status_line(input: &[u8]) -> IResult<&[u8], StartLine<'_>> {
    let (input, _) = (version, take_while1(is_blank)).parse(input)?;
    let (input, status) = map_opt(take(3_usize), status_code).parse(input)?;
    let (input, reason) = map_opt(line, |rest: &[u8]| match rest.first() {
        Some(b) if !b.is_ascii_whitespace() => None,
        _ => Some(rest),
    })
    .parse(input)?;
    Ok((input, StartLine::Response { status, reason }))
}

/// [RFC 2326 §6.1](https://www.rfc-editor.org/rfc/rfc2326#section-6.1). The URL may hold blanks: only the last word is the version.
fn request_line(input: &[u8]) -> IResult<&[u8], StartLine<'_>> {
    let (input, method) = take_while_m_n(1, MAX_METHOD_BYTES, is_method_byte).parse(input)?;
    let (input, _) = take_while1(is_blank).parse(input)?;
    let (input, uri) = map_opt(line, |rest: &[u8]| {
        let rest = rest.trim_ascii_end();
        let end = rest.iter().rposition(|&b| is_blank(b))?;
        let (uri, last_word) = rest.split_at(end);
        let (after, ()) = version(last_word.trim_ascii_start()).ok()?;
        (after.is_empty() && !uri.is_empty()).then_some(uri)
    })
    .parse(input)?;
    Ok((input, StartLine::Request { method, uri }))
}

/// The rest of a line of text. A control character before its end is an error: then it is no text.
fn line(input: &[u8]) -> IResult<&[u8], &[u8]> {
    terminated(
        take_while(|b: u8| !b.is_ascii_control() || matches!(b, b'\t' | b'\r')),
        tag("\n"),
    )
    .parse(input)
}

fn version(input: &[u8]) -> IResult<&[u8], ()> {
    let digit = || satisfy(|c| c.is_ascii_digit());
    (tag("RTSP/"), digit(), tag("."), digit())
        .map(|_| ())
        .parse(input)
}

fn status_code(digits: &[u8]) -> Option<StatusCode> {
    let code = str::from_utf8(digits).ok()?.parse().ok()?;
    (100..=999).contains(&code).then_some(StatusCode(code))
}

fn is_blank(b: u8) -> bool {
    matches!(b, b' ' | b'\t')
}

fn is_method_byte(b: u8) -> bool {
    b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-')
}

/// How long the header lines are, with the empty line that ends them.
fn header_section_length(input: &[u8]) -> Option<usize> {
    let mut length = 0;
    for line in input.split_inclusive(|&b| b == b'\n') {
        length += line.len();
        if matches!(line, b"\r\n" | b"\n") {
            return Some(length);
        }
    }
    None
}

struct Field<'b> {
    /// Where the field begins in the message.
    offset: usize,
    name: &'b [u8],
    value: &'b [u8],
}

/// The fields of a whole header section.
struct Fields<'b> {
    rest: &'b [u8],
    offset: usize,
}

impl<'b> Iterator for Fields<'b> {
    type Item = Field<'b>;

    fn next(&mut self) -> Option<Field<'b>> {
        loop {
            let mut length = 0;
            for line in self.rest.split_inclusive(|&b| b == b'\n') {
                // A line that begins blank belongs to the one before it (RFC 2326 §15.1).
                if length > 0 && !line.first().is_some_and(|&b| is_blank(b)) {
                    break;
                }
                length += line.len();
            }
            if length == 0 {
                return None;
            }
            let (field, rest) = self.rest.split_at(length);
            let offset = self.offset;
            self.rest = rest;
            self.offset += length;
            let mut halves = field.splitn(2, |&b| b == b':');
            if let (Some(name @ [_, ..]), Some(value)) =
                (halves.next().map(<[u8]>::trim_ascii), halves.next())
            {
                return Some(Field {
                    offset,
                    name,
                    value: value.trim_ascii(),
                });
            }
        }
    }
}

/// Checks the fields against the limits and finds the length of the body.
fn check_fields(fields: Fields<'_>) -> Result<usize, ParseError> {
    let mut body_length = None;
    for (i, Field { offset, name, value }) in fields.enumerate() {
        let fault = |what| Err(ParseError { offset, what });
        if i >= MAX_HEADERS {
            return fault(Fault::TooManyHeaders);
        }
        if !name.eq_ignore_ascii_case(name::CONTENT_LENGTH.as_bytes()) || value.is_empty() {
            continue;
        }
        let length = str::from_utf8(value)
            .ok()
            .and_then(|value| value.parse::<usize>().ok());
        match length {
            None => return fault(Fault::ContentLength),
            Some(length) if body_length.is_some_and(|other| other != length) => {
                return fault(Fault::ContentLength);
            }
            Some(length) if length > MAX_BODY_BYTES => return fault(Fault::BodyTooLong),
            Some(length) => body_length = Some(length),
        }
    }
    Ok(body_length.unwrap_or(0))
}

/// The first byte begins nothing: how far to what may be a frame or a message again (Q33)?
///
/// Says so only when it is decided, so that a frame behind garbage is judged the same wherever the bytes were cut.
fn skip_garbage(input: &[u8]) -> Parsed<'_> {
    for consumed in 1..MAX_GARBAGE_BYTES {
        match beginning(input.get(consumed..).unwrap_or_default()) {
            Beginning::Unlikely => {}
            Beginning::Plausible => return Parsed::Skipped { consumed },
            Beginning::NeedsMore => return Parsed::Incomplete,
        }
    }
    Parsed::Skipped {
        consumed: MAX_GARBAGE_BYTES,
    }
}

/// Is this, after garbage, the beginning of something?
enum Beginning {
    Plausible,
    Unlikely,
    NeedsMore,
}

fn beginning(bytes: &[u8]) -> Beginning {
    match bytes.first() {
        None => Beginning::NeedsMore,
        Some(b'$') => frame_beginning(bytes),
        Some(b'A'..=b'Z') => message_beginning(bytes),
        Some(_) => Beginning::Unlikely,
    }
}

/// A `$` is one garbage byte in 256: it counts with a low channel, a length, and RTP version 2 behind it.
fn frame_beginning(bytes: &[u8]) -> Beginning {
    let Some(&[_, channel, high, low, first]) = bytes.first_chunk() else {
        return Beginning::NeedsMore;
    };
    let plausible = channel <= MAX_PLAUSIBLE_CHANNEL
        && u16::from_be_bytes([high, low]) >= MIN_PLAUSIBLE_LENGTH
        && first >> 6 == 2;
    if plausible {
        Beginning::Plausible
    } else {
        Beginning::Unlikely
    }
}

fn message_beginning(bytes: &[u8]) -> Beginning {
    let methods = Method::KNOWN
        .iter()
        .map(|method| (method.as_str().as_bytes(), b' '));
    for (word, end) in methods.chain([(b"RTSP".as_slice(), b'/')]) {
        match bytes.strip_prefix(word) {
            Some([]) => return Beginning::NeedsMore,
            Some([next, ..]) if *next == end => return Beginning::Plausible,
            None if word.starts_with(bytes) => return Beginning::NeedsMore,
            _ => {}
        }
    }
    Beginning::Unlikely
}
