use std::io;

use bytes::{Buf, BufMut, Bytes, BytesMut};
use tokio_util::codec::{Decoder, Encoder};

use super::{Message, ParseError, Parsed, Parser, write_interleaved_header};
use crate::{Policy, Tolerances};

/// The wire format for `tokio_util`'s `Framed`: a [`Parser`] that hands out messages and frames as values of their own.
///
/// What is skipped between them is not reported; [`Codec::tolerated`] tells whether anything was.
///
/// ```
/// use bytes::BytesMut;
/// use throughline_rtsp::{Codec, Frame, Message, Method, Request};
/// use tokio_util::codec::{Decoder, Encoder};
///
/// let mut codec = Codec::default();
/// let mut bytes = BytesMut::new();
/// let options = Message::Request(Request::new(Method::Options, "*"));
/// codec.encode(Frame::Message(options.clone()), &mut bytes)?;
/// codec.encode(Frame::Interleaved { channel: 0, payload: "\u{80}".into() }, &mut bytes)?;
///
/// assert_eq!(codec.decode(&mut bytes)?, Some(Frame::Message(options)));
/// assert!(matches!(codec.decode(&mut bytes)?, Some(Frame::Interleaved { channel: 0, .. })));
/// assert_eq!(codec.decode(&mut bytes)?, None);
/// # Ok::<(), throughline_rtsp::CodecError>(())
/// ```
#[derive(Debug, Clone, Default)]
pub struct Codec {
    parser: Parser,
}

/// What a connection carries.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Frame {
    /// A request or a response.
    Message(Message),
    /// RTP or RTCP.
    Interleaved {
        /// The channel number that SETUP agreed on.
        channel: u8,
        /// The packet, 65,535 bytes at most.
        payload: Bytes,
    },
}

/// Why a connection cannot be read or written on.
#[derive(Debug, thiserror::Error)]
pub enum CodecError {
    /// The connection broke, or ended within a message.
    #[error(transparent)]
    Io(#[from] io::Error),
    /// What arrived is not RTSP.
    #[error(transparent)]
    Parse(#[from] ParseError),
    /// A packet is longer than a frame can hold.
    #[error("packet of {length} bytes is longer than 65535, the most that a frame holds")]
    PacketTooLong {
        /// Its length in bytes.
        length: usize,
    },
}

impl Codec {
    /// A codec for the beginning of a connection.
    pub fn new(policy: Policy) -> Self {
        Self {
            parser: Parser::new(policy),
        }
    }

    /// What was tolerated so far.
    pub fn tolerated(&self) -> Tolerances {
        self.parser.tolerated()
    }
}

impl Decoder for Codec {
    type Item = Frame;
    type Error = CodecError;

    fn decode(&mut self, source: &mut BytesMut) -> Result<Option<Frame>, CodecError> {
        loop {
            match self.parser.parse(source)? {
                Parsed::Incomplete => return Ok(None),
                Parsed::Skipped { consumed } => source.advance(consumed),
                Parsed::Message { consumed, message } => {
                    source.advance(consumed);
                    return Ok(Some(Frame::Message(message)));
                }
                Parsed::Interleaved {
                    consumed,
                    channel,
                    payload,
                } => {
                    let header = consumed - payload.len();
                    let mut payload = source.split_to(consumed).freeze();
                    payload.advance(header);
                    return Ok(Some(Frame::Interleaved { channel, payload }));
                }
            }
        }
    }
}

impl Encoder<Frame> for Codec {
    type Error = CodecError;

    fn encode(&mut self, frame: Frame, out: &mut BytesMut) -> Result<(), CodecError> {
        match frame {
            Frame::Message(message) => message.write(out),
            Frame::Interleaved { channel, payload } => {
                let length = payload.len();
                let too_long = |_| CodecError::PacketTooLong { length };
                write_interleaved_header(channel, u16::try_from(length).map_err(too_long)?, out);
                out.put(payload);
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Tolerance;

    #[test]
    fn garbage_is_skipped_and_told_of() {
        let mut codec = Codec::default();
        let mut bytes = BytesMut::from(&b"x$\0\0\x0c\x80`0123456789RTSP/1.0 200 OK\r\n\r"[..]);
        let packet = codec.decode(&mut bytes).unwrap();
        assert!(matches!(packet, Some(Frame::Interleaved { channel: 0, payload }) if payload.len() == 12));
        assert!(codec.tolerated().contains(Tolerance::Garbage));
        assert_eq!(codec.decode(&mut bytes).unwrap(), None);
        bytes.put_u8(b'\n');
        assert!(matches!(
            codec.decode(&mut bytes).unwrap(),
            Some(Frame::Message(_))
        ));
        assert!(bytes.is_empty());
    }

    #[test]
    fn a_packet_that_no_frame_holds_is_an_error_and_nothing_is_written() {
        let mut bytes = BytesMut::new();
        let payload = Bytes::from(vec![0; 65_536]);
        let error = Codec::default().encode(Frame::Interleaved { channel: 0, payload }, &mut bytes);
        assert!(matches!(error, Err(CodecError::PacketTooLong { length: 65_536 })));
        assert!(bytes.is_empty());
    }

    #[test]
    fn what_is_refused_ends_the_stream() {
        let mut codec = Codec::new(Policy::strict());
        let mut bytes = BytesMut::from("hello\r\nRTSP/1.0 200 OK\r\n\r\n");
        assert!(matches!(codec.decode(&mut bytes), Err(CodecError::Parse(_))));
    }
}
