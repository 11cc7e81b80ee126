//! A camera to try clients on: an RTSP server that plays an H.264 clip for ever, as a real camera would.
//!
//! It speaks RTSP 1.0 ([RFC 2326](https://www.rfc-editor.org/rfc/rfc2326)) over real sockets, with RTP over
//! UDP or interleaved on the RTSP connection, to many clients at once. Three clips are part of it
//! ([`BuiltInClip`]); any Annex-B H.264 file will do.
//!
//! ```
//! use throughline_mock_camera::{Authentication, BuiltInClip, Clip, Credentials, MockCamera};
//! use tokio::io::{AsyncReadExt, AsyncWriteExt};
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let camera = MockCamera::builder()
//!     .clip(Clip::built_in(BuiltInClip::High))
//!     .authentication(Authentication::Digest(Credentials::new("viewer", "sesame")))
//!     .start()
//!     .await?;
//! println!("play {} as viewer", camera.url());
//!
//! let mut client = tokio::net::TcpStream::connect(camera.local_addr()).await?;
//! let request = format!("DESCRIBE {} RTSP/1.0\r\nCSeq: 1\r\n\r\n", camera.url());
//! client.write_all(request.as_bytes()).await?;
//! let mut answer = [0; 16];
//! client.read_exact(&mut answer).await?;
//! assert_eq!(&answer, b"RTSP/1.0 401 Una");
//!
//! assert_eq!(camera.stats().requests, 1);
//! camera.stop().await;
//! # Ok(())
//! # }
//! ```
//!
//! # What it does
//!
//! - OPTIONS, DESCRIBE, SETUP, PLAY, PAUSE, TEARDOWN, and GET_PARAMETER and SET_PARAMETER as keepalives, at
//!   `rtsp://host:port/cam`. Other requests are refused with the status that the RFC has for it: 400, 401,
//!   404, 405, 451, 454, 455, 461, 501, 551.
//! - Each client's stream begins at an IDR with PLAY. Timestamps and sequence numbers are continuous over the
//!   clip's end, at the clip's exact frame rate, and sender reports tie them to the wall clock: each second
//!   at first, then every 5 s.
//! - PLI and FIR are heeded: the next picture is the clip's next IDR. The description says so (`a=rtcp-fb`).
//! - A TCP client that does not keep up loses pictures up to an IDR, as it does with a camera; nothing grows.
//! - [`Authentication`]: none, Basic, Digest with MD5 or SHA-256, or the client's choice of these.
//! - [`Quirk`]: any of the things that real cameras do in place of all this, alone or together
//!   ([`Builder::quirks`]). What a clip alone can show, B-frames or long groups of pictures, is no quirk: play such
//!   a clip.
//!
//! # What it does not do
//!
//! TLS, multicast, HTTP tunnels, audio, seeking, recording. A session lives on its own connection and dies
//! with it. The timestamps of a clip with B-frames are in decoding order.
//!
//! # How it is made
//!
//! It shares the wire formats with this project's client (messages and headers, session descriptions, RTP and
//! RTCP, H.264 payloads), but never the client's session machine: a mistake in that would cancel out. The
//! protocol is in [`server`], which has neither sockets nor a clock, so that it can be tested with messages
//! and simulated time; around it there is one tokio task for each client.
//!
//! Limits: [`MAX_CLIENTS`] connections, [`MAX_SEND_QUEUE`] bytes waiting for each,
//! [`server::SESSION_TIMEOUT`] without a sign of life.

mod authentication;
mod camera;
mod client;
mod clip;
mod interval;
mod quirks;
pub mod server;
mod stats;
mod transports;
mod udp;

pub use authentication::Authentication;
pub use camera::{Builder, MAX_CLIENTS, MockCamera, MockCameraError};
pub use client::MAX_SEND_QUEUE;
pub use clip::{BuiltInClip, Clip, ClipError};
pub use quirks::{Quirk, Quirks, UnknownQuirk};
pub use stats::MockCameraStats;
pub use throughline_rtsp::Credentials;
pub use transports::Transports;
