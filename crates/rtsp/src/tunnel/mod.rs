//! RTSP through a web server's door, without I/O: over HTTP ([`HttpTunnel`]), and the handshake of a WebSocket
//! ([`WebSocketUpgrade`]).
//!
//! Where a session's [`Endpoint`](crate::client::Endpoint) has a [`Tunnel`](crate::client::Tunnel), the caller connects by one of
//! these and hands the session what comes out of it. Both authenticate for themselves, with the credentials of their
//! [`TunnelTarget`]: what the session asks and answers inside of them is another matter (Q116).
//!
//! # RTSP over HTTP
//!
//! As QuickTime began it and cameras know it, two connections to the same server:
//!
//! | | carries | is |
//! |---|---|---|
//! | GET | what the server says | its answer's head, then RTSP as it is |
//! | POST | what we say | RTSP in base64, each message whole and in one write (Q45) |
//!
//! POST is connected once GET is answered, and is never waited for: many servers answer it when it ends, or not at all (Q115).
//! One that refuses it all the same is heard. A 401 on either is answered on a new connection, and what POST had carried goes out
//! again. So it does, once, where POST is closed before anything came behind the head of GET's answer: a server that answers GET
//! before it knows the tunnel may be asked too soon.
//!
//! Both requests are HTTP/1.0, to which no server answers in chunks, with the `Host` that HTTP/1.1 asks for. POST announces
//! [`POST_LENGTH`] bytes, and what it carries goes on beyond that, as it does from all clients: a server that takes the number
//! at its word closes POST.
//!
//! # Limits
//!
//! | what | limit | past it |
//! |---|---|---|
//! | the head of an answer | [`MAX_HEAD_BYTES`], [`MAX_HEADERS`](crate::MAX_HEADERS) lines | [`TunnelError::TooLong`] |
//! | what a WebSocket's server says before its answer, `100 Continue` | [`MAX_HEAD_BYTES`] | [`TunnelError::TooLong`] |
//! | answers to 401 | as [`auth`](crate::auth) has it, for GET, for POST and for each protocol of a WebSocket | [`TunnelError::CredentialsRefused`] |
//! | what POST repeats after a 401 or once closed | [`MAX_REPEATED_BYTES`] | [`TunnelError::Refused`]; until it is connected again, [`TunnelError::Closed`] |
//! | protocols of a WebSocket | [`WEBSOCKET_PROTOCOLS`] | [`TunnelError::Refused`] |
//!
//! Nothing here has a clock: the caller bounds the time from [`start`](HttpTunnel::start) to [`Output::Open`], connections
//! included, as it bounds a connection without a tunnel.
//!
//! # Example
//!
//! ```
//! use throughline_rtsp::client::TunnelTarget;
//! use throughline_rtsp::tunnel::{Channel, HttpTunnel, Output};
//!
//! let target = TunnelTarget { path: "/cam".to_owned(), host: "192.0.2.10".to_owned(), credentials: None };
//! let mut tunnel = HttpTunnel::new(target, "example/1.0", 7);
//! tunnel.start();
//! assert_eq!(tunnel.poll_output(), Output::Connect(Channel::Get));
//! tunnel.handle_connected(Channel::Get);
//! let Output::Transmit { channel: Channel::Get, bytes } = tunnel.poll_output() else { panic!() };
//! assert!(bytes.starts_with(b"GET /cam HTTP/1.0\r\n"));
//!
//! let answer = b"HTTP/1.0 200 OK\r\nContent-Type: application/x-rtsp-tunnelled\r\n\r\n";
//! assert_eq!(tunnel.receive(Channel::Get, answer), answer.len());
//! assert_eq!(tunnel.poll_output(), Output::Connect(Channel::Post));
//! tunnel.handle_connected(Channel::Post);
//! let Output::Transmit { channel: Channel::Post, bytes } = tunnel.poll_output() else { panic!() };
//! assert!(bytes.starts_with(b"POST /cam HTTP/1.0\r\n"));
//!
//! // From here on GET's bytes are the session's, and its messages go out by POST.
//! assert_eq!(tunnel.poll_output(), Output::Open);
//! tunnel.send(b"OPTIONS * RTSP/1.0\r\nCSeq: 1\r\n\r\n");
//! let Output::Transmit { channel: Channel::Post, bytes } = tunnel.poll_output() else { panic!() };
//! assert_eq!(bytes, "T1BUSU9OUyAqIFJUU1AvMS4wDQpDU2VxOiAxDQoNCg==");
//! ```

mod error;
mod head;
mod http;
#[cfg(test)]
mod tests;
mod websocket;

use std::fmt::{self, Write as _};

use bytes::Bytes;

pub use error::TunnelError;
pub use http::HttpTunnel;
pub use websocket::{Upgrade, WEBSOCKET_PROTOCOLS, WebSocketUpgrade};

use crate::auth::Authenticator;
use crate::client::TunnelTarget;
use crate::{Method, Request};

/// The media type of RTSP over HTTP.
pub const MEDIA_TYPE: &str = "application/x-rtsp-tunnelled";

/// The head of an answer may be as long as web servers let one be; a camera's has some 300 bytes.
pub const MAX_HEAD_BYTES: usize = 8 * 1024;

/// What POST's head says that its body has, in bytes: every client's number.
pub const POST_LENGTH: usize = 32_767;

/// What POST has carried goes out again if it is answered with 401 or closed, up to so many bytes: the first request or two. A
/// server that has taken more, or has answered one, has let us in.
pub const MAX_REPEATED_BYTES: usize = 4096;

/// Which of a tunnel's requests, and the connection that it is on. A WebSocket has only the first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Channel {
    /// What the server says comes by it.
    Get,
    /// What we say goes by it.
    Post,
}

impl Channel {
    fn as_str(self) -> &'static str {
        match self {
            Self::Get => "GET",
            Self::Post => "POST",
        }
    }
}

impl fmt::Display for Channel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// What an [`HttpTunnel`] wants done.
///
/// `Debug` gives only the length of what is sent: it may hold the password.
#[derive(Clone, PartialEq, Eq)]
pub enum Output {
    /// Drop this channel's connection if there is one, forget what was read from it, connect to the server anew, by TLS where
    /// the endpoint says so, and call [`handle_connected`](HttpTunnel::handle_connected). POST goes to the very address that GET
    /// has gone to: a name may have several, and only one server knows the tunnel.
    Connect(Channel),
    /// Send these bytes on the channel's connection, in one write (Q45).
    Transmit {
        /// Which.
        channel: Channel,
        /// What.
        bytes: Bytes,
    },
    /// The tunnel stands: [`send`](HttpTunnel::send) takes the session's messages, and what GET brings is RTSP.
    Open,
    /// The tunnel does not stand, or not any more. The last output.
    Failed(TunnelError),
    /// Nothing for now.
    Idle,
}

impl fmt::Debug for Output {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Connect(channel) => f.debug_tuple("Connect").field(channel).finish(),
            Self::Transmit { channel, bytes } => write!(f, "Transmit({channel}, {} bytes)", bytes.len()),
            Self::Open => f.write_str("Open"),
            Self::Failed(error) => f.debug_tuple("Failed").field(error).finish(),
            Self::Idle => f.write_str("Idle"),
        }
    }
}

/// The head of an HTTP request, with credentials once they were asked for.
fn request_head(
    method: &str,
    version: &str,
    target: &TunnelTarget,
    headers: &[(&str, &str)],
    authenticator: &mut Authenticator,
) -> Bytes {
    let mut request = Request::new(Method::from(method), target.path.as_str());
    request.headers.append("Host", target.host.as_str());
    for (name, value) in headers {
        request.headers.append(name, *value);
    }
    authenticator.authorize(&mut request);
    let mut head = format!("{method} {} {version}", request.uri).replace(char::is_control, " ");
    for (name, value) in request.headers.iter() {
        let _ = write!(head, "\r\n{name}: {value}");
    }
    head.push_str("\r\n\r\n");
    head.into()
}
