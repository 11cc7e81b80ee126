//! Requests, responses and interleaved frames: reading and writing.

#[cfg(feature = "codec")]
mod codec;
mod frames;
pub(crate) mod head;
mod header_map;
mod method;
mod parse;
mod start_line;
mod status;
mod write;

use std::fmt;

use bytes::Bytes;

use crate::url::Redacted;

#[cfg(feature = "codec")]
pub use codec::{Codec, CodecError, Frame};
pub(crate) use frames::{FRAME_HEADER, WholeFrame};
pub use header_map::Headers;
pub use method::Method;
pub(crate) use parse::text;
pub use parse::{
    Fault, MAX_BODY_BYTES, MAX_GARBAGE_BYTES, MAX_HEADER_BYTES, MAX_HEADERS, ParseError, Parsed, Parser,
    parse,
};
pub use status::StatusCode;
pub use write::write_interleaved_header;

/// One RTSP message ([RFC 2326 §4](https://www.rfc-editor.org/rfc/rfc2326#section-4)).
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Message {
    /// Asks for something; either end may.
    Request(Request),
    /// Answers the request of the same CSeq.
    Response(Response),
}

impl Message {
    /// The headers of either.
    pub fn headers(&self) -> &Headers {
        match self {
            Self::Request(request) => &request.headers,
            Self::Response(response) => &response.headers,
        }
    }
}

/// A request ([RFC 2326 §6](https://www.rfc-editor.org/rfc/rfc2326#section-6)).
///
/// `Debug` leaves the secrets out of URL and headers, and gives only the length of the body.
#[derive(Clone, PartialEq, Eq)]
pub struct Request {
    /// What is asked for.
    pub method: Method,
    /// What it is asked of, as it stands on the request line: an absolute URL or `*`.
    pub uri: String,
    /// All headers; `Content-Length` is written from the body, whatever stands here.
    pub headers: Headers,
    /// The body, empty where there is none.
    pub body: Bytes,
}

impl Request {
    /// A request without headers and body.
    pub fn new(method: Method, uri: impl Into<String>) -> Self {
        Self {
            method,
            uri: uri.into(),
            headers: Headers::new(),
            body: Bytes::new(),
        }
    }
}

impl fmt::Debug for Request {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Request")
            .field("method", &self.method)
            .field("uri", &format_args!("{}", Redacted(&self.uri)))
            .field("headers", &self.headers)
            .field("body", &format_args!("{} bytes", self.body.len()))
            .finish()
    }
}

/// A response ([RFC 2326 §7](https://www.rfc-editor.org/rfc/rfc2326#section-7)).
///
/// `Debug` leaves the secrets out of reason and headers, and gives only the length of the body.
#[derive(Clone, PartialEq, Eq)]
pub struct Response {
    /// What became of the request.
    pub status: StatusCode,
    /// The words beside the status, empty where a camera sends none (Q17).
    pub reason: String,
    /// All headers; `Content-Length` is written from the body, whatever stands here.
    pub headers: Headers,
    /// The body, empty where there is none.
    pub body: Bytes,
}

impl Response {
    /// A response without headers and body, with the RFC's reason phrase.
    pub fn new(status: StatusCode) -> Self {
        Self {
            status,
            reason: status.reason().to_owned(),
            headers: Headers::new(),
            body: Bytes::new(),
        }
    }
}

impl fmt::Debug for Response {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Response")
            .field("status", &self.status)
            .field("reason", &format_args!("{}", Redacted(&self.reason)))
            .field("headers", &self.headers)
            .field("body", &format_args!("{} bytes", self.body.len()))
            .finish()
    }
}
