//! RTSP 1.0 without I/O: messages, headers, authentication, URLs, and a client session that takes what cameras say.
//!
//! [RFC 2326](https://www.rfc-editor.org/rfc/rfc2326) as cameras speak it. Bytes go in, bytes and events come out; sockets,
//! clocks and randomness are the caller's. Quirks are named by number (Q33) in the documentation of what tolerates them.
//!
//! | part | what it is |
//! |---|---|
//! | [`Parser`], [`Message`], [`write_interleaved_header`] | the wire, for either end: requests, responses, interleaved packets |
//! | [`headers`] | typed headers, read leniently and written as the RFC has them |
//! | [`RtspUrl`], [`base_url`] | addresses without credentials, and the joins that cameras are built for |
//! | [`auth`] | Basic and Digest, for either end |
//! | [`client`] | the session: from a URL to flowing packets, kept alive, and to its end |
//! | [`tunnel`] | RTSP over HTTP, and the handshake of a WebSocket |
//! | [`Policy`], [`Reading`] | which leniencies may be used, and which were |
//!
//! # Contract
//!
//! - Nothing here blocks, reads a clock or panics on input. Time comes in as an argument, randomness as a seed.
//! - [`Parser`] tells "more bytes, please" from an error, and gives the same however the bytes are cut. It lends packets and
//!   copies only messages; one that trickles in costs no more than one that comes at once.
//! - After each call to a [`client::ClientSession`], [`poll_output`](client::ClientSession::poll_output) is drained to
//!   [`Idle`](client::Output::Idle).
//! - No error, `Debug` or log shows a password. What does is the wire form: [`Message::write`], a typed
//!   [`Authorization`](headers::Authorization)'s `Display`, [`RtspUrl::as_str`] where a camera wants it in the query.
//! - All is bounded: [`MAX_HEADER_BYTES`], [`MAX_HEADERS`], [`MAX_BODY_BYTES`], [`MAX_GARBAGE_BYTES`] here, and the session's
//!   own limits in [`client`].
//!
//! # Leniency
//!
//! Each rule that cameras bend is a [`Tolerance`]. All are tolerated by default; a [`Policy`] refuses some or all, and then
//! they are errors that name the rule and the place.
//!
//! ```
//! use throughline_rtsp::headers::{Transport, TypedHeader};
//! use throughline_rtsp::{Policy, Reading, Tolerance};
//!
//! let value = "RTP/AVP;unicast;client_port=5000-5001,ssrc=A046";
//! let mut reading = Reading::default();
//! let transport = Transport::read(value, &mut reading)?;
//! assert_eq!(transport.ssrc, Some(0xa046));
//! assert_eq!(
//!     reading.tolerated().to_string(),
//!     "comma before a transport parameter; ssrc is not eight hexadecimal digits"
//! );
//!
//! let mut reading = Reading::new(Policy::default().refuse(Tolerance::TransportComma));
//! let error = Transport::read(value, &mut reading).unwrap_err();
//! assert_eq!(error.to_string(), "Transport header: comma before a transport parameter at byte 38");
//! # Ok::<(), throughline_rtsp::headers::HeaderError>(())
//! ```
//!
//! # Example
//!
//! A whole session with a camera that lives in the same thread; [`client`] has the loop over a socket.
//!
//! ```
//! use std::time::Instant;
//! use throughline_rtsp::client::{ClientSession, Event, Output, Received, SessionConfig, TransportRequest};
//! use throughline_rtsp::headers::name;
//! use throughline_rtsp::{Message, Method, Parsed, Response, RtspUrl, StatusCode, parse, write_interleaved_header};
//!
//! /// A camera: answers the request, and after PLAY sends a packet.
//! fn camera(request: &[u8], out: &mut Vec<u8>) {
//!     let Ok(Parsed::Message { message: Message::Request(request), .. }) = parse(request) else { return };
//!     let mut response = Response::new(StatusCode::OK);
//!     for name in [name::CSEQ, name::TRANSPORT] {
//!         if let Some(value) = request.headers.get(name) {
//!             response.headers.append(name, value);
//!         }
//!     }
//!     response.headers.append(name::SESSION, "12345678;timeout=60");
//!     if request.method == Method::Describe {
//!         response.headers.append(name::CONTENT_TYPE, "application/sdp");
//!         response.body = "v=0\r\nm=video 0 RTP/AVP 96\r\na=rtpmap:96 H264/90000\r\na=control:video\r\n".into();
//!     }
//!     response.write(out);
//!     if request.method == Method::Play {
//!         write_interleaved_header(0, 12, out);
//!         out.extend(b"\x80\x60an RTP head");
//!     }
//! }
//!
//! let (url, credentials) = RtspUrl::parse("rtsp://viewer:p%40ss@192.0.2.10/cam")?;
//! let mut session = ClientSession::new(SessionConfig { credentials, ..SessionConfig::new(url) }, 7);
//! let (now, mut received, mut packets) = (Instant::now(), Vec::new(), 0);
//! session.start(now);
//! loop {
//!     match session.poll_output() {
//!         Output::Connect(camera) => {
//!             assert_eq!((camera.host.as_str(), camera.port), ("192.0.2.10", 554));
//!             session.handle_connected(now);
//!         }
//!         Output::Transmit(request) => camera(&request, &mut received),
//!         Output::Event(Event::Described(description)) => {
//!             assert_eq!(description.media().len(), 1);
//!             session.setup(now, 0, TransportRequest::Tcp);
//!             session.play(now);
//!         }
//!         Output::Event(Event::TornDown) => break,
//!         Output::Event(Event::Failed(error)) => return Err(error.into()),
//!         Output::Event(_) => {}
//!         Output::Idle { .. } => {
//!             let (consumed, what) = session.receive(now, &received);
//!             if let Received::Interleaved { channel: 0, payload } = what {
//!                 packets += 1;
//!                 assert_eq!(payload.len(), 12);
//!                 session.teardown(now);
//!             }
//!             received.drain(..consumed);
//!         }
//!     }
//! }
//! assert_eq!(packets, 1);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # What it does not do
//!
//! | | |
//! |---|---|
//! | RTP, RTCP, SRTP, media | packets are handed out as they are; so are keys in [`KeyMgmt`](headers::KeyMgmt) |
//! | UDP, multicast | asked for and agreed on in SETUP, the sockets are the caller's |
//! | TLS, WebSocket frames | the [`Endpoint`](client::Endpoint) says so, the connection is the caller's |
//! | servers | the wire, headers and [`auth::Verifier`], but no session machine |
//! | RECORD | nothing is published |
//! | RTSP 2.0 ([RFC 7826](https://www.rfc-editor.org/rfc/rfc7826)) | the parameters of its Transport header, nothing else |
//!
//! # Neighbours
//!
//! [`rtsp-types`](https://docs.rs/rtsp-types) is the codec to take for RTSP 2.0: messages and typed headers by RFC 7826, without
//! a session. [`rtsp-runtime`](https://docs.rs/rtsp-runtime) puts sessions on top of it, without I/O as here; it has a server's
//! too, and sockets for tokio. This crate has a client's only, and is about what cameras do to it.
//!
//! # Features and compilers
//!
//! `codec`, off by default, is the wire format for `tokio_util`'s `Framed`; tokio comes with it. Rust 1.85 or newer.

pub mod auth;
pub mod client;
pub mod headers;
mod message;
mod tolerance;
pub mod tunnel;
mod url;

#[cfg(feature = "codec")]
pub use message::{Codec, CodecError, Frame};
pub use message::{
    Fault, Headers, MAX_BODY_BYTES, MAX_GARBAGE_BYTES, MAX_HEADER_BYTES, MAX_HEADERS, Message, Method,
    ParseError, Parsed, Parser, Request, Response, StatusCode, parse, write_interleaved_header,
};
pub use tolerance::{Policy, Reading, Tolerance, Tolerances};
pub use url::{Credentials, RtspUrl, Scheme, Security, UrlError, base_url, base_url_with};
