use std::fmt;

use bytes::Bytes;

use super::frames::{self, Beginning, FRAME_HEADER, Streams, WholeFrame};
use super::head::{self, Fields};
use super::start_line::{StartLine, start_line};
use super::{Headers, Message, Method, Request, Response};
use crate::{Policy, Reading, Tolerance, Tolerances};

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

/// So many bytes into a start line, only its last word is left to come.
const START_LINE_DECIDED: usize = 64;

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
    /// Bytes that belong to nothing: empty lines, garbage (Q33), a torn frame (Q114).
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
    /// A rule is bent that the [`Policy`] holds to.
    NotTolerated(Tolerance),
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::HeaderTooLong => write!(f, "headers longer than {MAX_HEADER_BYTES} bytes"),
            Self::TooManyHeaders => write!(f, "more than {MAX_HEADERS} headers"),
            Self::ContentLength => f.write_str("unreadable content length"),
            Self::BodyTooLong => write!(f, "body longer than {MAX_BODY_BYTES} bytes"),
            Self::NotTolerated(tolerance) => tolerance.fmt(f),
        }
    }
}

/// Reads what stands at the beginning of `input` as a new [`Parser`] does that tolerates everything.
///
/// For bytes that are there as a whole: on a connection each call looks at all of them again, where a [`Parser`] goes on.
pub fn parse(input: &[u8]) -> Result<Parsed<'_>, ParseError> {
    Parser::default().parse(input)
}

/// Reads one connection, in one direction.
///
/// It keeps no bytes, but remembers how far it has looked, so that a message that trickles in costs no more than one that
/// comes at once, and which streams there are, so that it finds their next packet behind garbage (Q33, Q114).
#[derive(Debug, Clone, Default)]
pub struct Parser {
    reading: Reading,
    progress: Progress,
    streams: Streams,
}

/// What is known of bytes that were [`Parsed::Incomplete`].
#[derive(Debug, Clone, Copy, Default)]
enum Progress {
    #[default]
    Nothing,
    /// A start line that goes on behind these.
    StartLine { searched: usize },
    /// A start line, and headers that do not end before this.
    Head { searched: usize },
    /// A message of this length.
    Message { length: usize },
    /// Garbage up to here.
    Garbage { searched: usize },
}

impl Parser {
    /// A parser for the beginning of a connection.
    pub fn new(policy: Policy) -> Self {
        Self {
            reading: Reading::new(policy),
            ..Self::default()
        }
    }

    /// What was tolerated so far.
    pub fn tolerated(&self) -> Tolerances {
        self.reading.tolerated()
    }

    /// Reads what stands at the beginning of `input`: a message, an interleaved frame, or neither.
    ///
    /// Call it again with what follows the consumed bytes, and after [`Parsed::Incomplete`] with more bytes behind the same
    /// ones. How the bytes were cut into calls changes nothing in what comes out: a frame that is there as a whole may be
    /// incomplete where only what follows, up to 16 bytes of it, tells whether it is torn (Q114).
    ///
    /// Fails where a limit is passed, where a message does not say how long it is, and for what the policy refuses; see
    /// [`Fault`].
    pub fn parse<'b>(&mut self, input: &'b [u8]) -> Result<Parsed<'b>, ParseError> {
        if let Some(WholeFrame { channel, payload }) = self.frame(input) {
            return Ok(Parsed::Interleaved {
                consumed: FRAME_HEADER + payload.len(),
                channel,
                payload,
            });
        }
        let parsed = match input.first() {
            None => Ok(Parsed::Incomplete),
            Some(b'$') => Ok(self.torn_frame(input)),
            Some(_) => self.message(input),
        };
        if !matches!(parsed, Ok(Parsed::Incomplete)) {
            self.progress = Progress::Nothing;
        }
        parsed
    }

    /// The frame that `input` begins with, if it is there as a whole and not torn:
    /// [RFC 2326 §10.12](https://www.rfc-editor.org/rfc/rfc2326#section-10.12):
    ///
    /// ```text
    ///  0                   1                   2                   3
    ///  0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
    /// +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
    /// |      '$'      |    channel    |        length of packet       |
    /// +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
    /// ```
    // Apart from all else, and inlined: of frames there are many.
    #[inline]
    pub(crate) fn frame<'b>(&mut self, input: &'b [u8]) -> Option<WholeFrame<'b>> {
        let (frame, behind) = WholeFrame::split_from(input)?;
        if !self.streams.go_on(&frame, behind) && self.is_torn(&frame, behind) {
            return None;
        }
        self.progress = Progress::Nothing;
        Some(frame)
    }

    /// Whether another frame begins, or may begin, in the payload of this one.
    #[inline(never)]
    fn is_torn(&mut self, frame: &WholeFrame<'_>, behind: &[u8]) -> bool {
        self.streams.handle_frame(frame);
        match frame.is_followed(behind) {
            Some(true) => false,
            Some(false) if !self.reading.policy().tolerates(Tolerance::TornFrame) => false,
            // Where it is unknown, one who refuses torn frames waits as well: nobody is given more than who tolerates them.
            _ => self.streams.find_frame(frame.payload).is_some(),
        }
    }

    /// What a frame is that is not there as a whole, or torn.
    fn torn_frame<'b>(&mut self, input: &[u8]) -> Parsed<'b> {
        let Some((frame, behind)) = WholeFrame::split_from(input) else {
            return Parsed::Incomplete;
        };
        match (frame.is_followed(behind), self.streams.find_frame(frame.payload)) {
            (Some(_), Some(at)) if self.reading.tolerates(Tolerance::TornFrame) => Parsed::Skipped {
                consumed: FRAME_HEADER + at,
            },
            // What follows will tell.
            _ => Parsed::Incomplete,
        }
    }

    fn message<'b>(&mut self, input: &'b [u8]) -> Result<Parsed<'b>, ParseError> {
        let window = input.get(..MAX_HEADER_BYTES).unwrap_or(input);
        let from = match self.progress {
            Progress::Garbage { .. } => return self.garbage(input),
            Progress::Message { length } if input.len() < length => return Ok(Parsed::Incomplete),
            Progress::StartLine { searched } if line_goes_on(window, searched) => {
                return self.goes_on(
                    input,
                    Progress::StartLine {
                        searched: window.len(),
                    },
                );
            }
            Progress::Head { searched } => searched,
            _ => 0,
        };
        // The last two bytes may be the beginning of the end.
        let head_goes_on = Progress::Head {
            searched: window.len().saturating_sub(2),
        };
        let mut end = None;
        if from > 0 {
            end = head::end(window, from);
            if end.is_none() {
                return self.goes_on(input, head_goes_on);
            }
        }
        let (rest, start) = match start_line(window) {
            Ok(parsed) => parsed,
            Err(nom::Err::Incomplete(_)) => {
                return self.goes_on(
                    input,
                    Progress::StartLine {
                        searched: window.len(),
                    },
                );
            }
            Err(_) => return self.garbage(input),
        };
        let Some(length) = end.or_else(|| head::end(window, 0)) else {
            return self.goes_on(input, head_goes_on);
        };
        let (head, body) = input.split_at(length);
        let fields = Fields::new(head, window.len() - rest.len());
        let body_length = head::check(head, fields.clone(), &mut self.reading)?;
        let Some(body) = body.get(..body_length) else {
            self.progress = Progress::Message {
                length: length + body_length,
            };
            return Ok(Parsed::Incomplete);
        };
        self.streams.handle_message();
        Ok(Parsed::Message {
            consumed: length + body_length,
            message: assemble(&start, fields, Bytes::copy_from_slice(body)),
        })
    }

    fn goes_on<'b>(&mut self, input: &[u8], progress: Progress) -> Result<Parsed<'b>, ParseError> {
        if input.len() < MAX_HEADER_BYTES {
            self.progress = progress;
            return Ok(Parsed::Incomplete);
        }
        Err(ParseError {
            offset: MAX_HEADER_BYTES,
            what: Fault::HeaderTooLong,
        })
    }

    /// The first byte begins nothing: how far to what may be a frame or a message again (Q33)?
    ///
    /// Says so only when it is decided, so that a frame behind garbage is judged the same wherever the bytes were cut.
    fn garbage<'b>(&mut self, input: &[u8]) -> Result<Parsed<'b>, ParseError> {
        let from = match self.progress {
            Progress::Garbage { searched } => searched,
            _ => 1,
        };
        // Empty lines before a message are no error (RFC 2616 §4.1), and what follows them is as good as what follows nothing.
        let foreign = input.iter().position(|b| !matches!(b, b'\r' | b'\n'));
        let empty_lines = foreign.unwrap_or(input.len());
        let mut end = MAX_GARBAGE_BYTES;
        for at in from..MAX_GARBAGE_BYTES {
            let rest = input.get(at..).unwrap_or_default();
            let beginning = if at <= empty_lines {
                frames::beginning(rest)
            } else {
                self.streams.beginning(rest)
            };
            match beginning {
                Beginning::Unlikely => {}
                Beginning::Plausible => {
                    end = at;
                    break;
                }
                Beginning::NeedsMore => {
                    self.progress = Progress::Garbage { searched: at };
                    return Ok(Parsed::Incomplete);
                }
            }
        }
        if let Some(offset) = foreign.filter(|&at| at < end) {
            tolerate(&mut self.reading, Tolerance::Garbage, offset)?;
        }
        self.streams.handle_garbage(end);
        Ok(Parsed::Skipped { consumed: end })
    }
}

/// Uses a tolerance, or is the error that it is refused.
pub(super) fn tolerate(reading: &mut Reading, tolerance: Tolerance, offset: usize) -> Result<(), ParseError> {
    if reading.tolerates(tolerance) {
        return Ok(());
    }
    Err(ParseError {
        offset,
        what: Fault::NotTolerated(tolerance),
    })
}

/// Whether these bytes neither end a start line nor spoil it.
fn line_goes_on(window: &[u8], searched: usize) -> bool {
    let new = window.get(searched..).unwrap_or_default();
    searched >= START_LINE_DECIDED && !new.iter().any(u8::is_ascii_control)
}

fn assemble(start: &StartLine<'_>, fields: Fields<'_>, body: Bytes) -> Message {
    let mut headers = Headers::new();
    for field in fields {
        headers.append(&text(field.name), text(field.value));
    }
    match start {
        StartLine::Request { method, uri } => Message::Request(Request {
            method: Method::from(text(method).as_str()),
            uri: text(uri),
            headers,
            body,
        }),
        StartLine::Response { status, reason } => Message::Response(Response {
            status: *status,
            reason: text(reason),
            headers,
            body,
        }),
    }
}

/// Cameras write names of places in all kinds of encodings: what is not UTF-8 is marked as such and read on. Control
/// characters become spaces: a reason phrase goes into errors, which are one line.
pub(crate) fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes.trim_ascii()).replace(char::is_control, " ")
}
