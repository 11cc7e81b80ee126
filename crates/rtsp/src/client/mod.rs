//! The client's session: from a URL to flowing media and to the end, without I/O.
//!
//! A [`ClientSession`] is told what happens (`handle_*`, [`receive`](ClientSession::receive)) and what the caller wants
//! ([`setup`](ClientSession::setup), [`play`](ClientSession::play), [`teardown`](ClientSession::teardown)), each time with
//! the present time. It never blocks and never fails for what the network did: what it wants done, and what went wrong,
//! comes out of [`poll_output`](ClientSession::poll_output), which is to be drained to [`Output::Idle`] after each of those
//! calls.
//!
//! # The conversation
//!
//! | step | on success | otherwise |
//! |---|---|---|
//! | [`Output::Connect`] | DESCRIBE goes out | the caller's own error |
//! | OPTIONS | DESCRIBE | refused: DESCRIBE all the same (Q16) |
//! | DESCRIBE | [`Event::Described`] | redirected: to the new place; closed: once more with OPTIONS first (Q113) |
//! | SETUP for each `setup` | [`Event::SetUp`], [`Event::SetUpRefused`] | [`Error::TransportMismatch`], [`Error::Busy`] .. |
//! | PLAY | [`Event::Playing`] | [`Error::Status`] .. |
//! | keepalive | | GET_PARAMETER failed: OPTIONS from then on (Q98); OPTIONS failed: ignored (Q39) |
//! | TEARDOWN | [`Event::TornDown`] | [`Event::TornDown`] |
//!
//! OPTIONS is not asked first as a matter of course: that would cost every camera a round trip before its first picture,
//! to learn a list of methods that cameras get wrong. It is sent to the few that hang up without it, and as a keepalive.
//!
//! A 401 on any of these is answered on the same connection with the credentials, as [`auth`](crate::auth) tells; where the
//! server hangs up after it, on a new one (Q28). One request is under way at a time, so a response with a wrong CSeq or none
//! is understood (Q12). Each request has its own [time limit](SessionConfig::response_timeout).
//!
//! # Example
//!
//! A whole client that blocks on `std::net` and hands the first media section's packets to a function:
//!
//! ```no_run
//! use std::io::{ErrorKind, Read as _, Write as _};
//! use std::net::TcpStream;
//! use std::time::Instant;
//! use throughline_rtsp::RtspUrl;
//! use throughline_rtsp::client::{
//!     ClientSession, Event, Output, Received, SessionConfig, TransportRequest,
//! };
//!
//! fn watch(url: &str, seed: u64, mut packet: impl FnMut(u8, &[u8])) -> Result<(), Box<dyn std::error::Error>> {
//!     let (url, credentials) = RtspUrl::parse(url)?;
//!     let config = SessionConfig { credentials, ..SessionConfig::new(url) };
//!     let mut session = ClientSession::new(config, seed);
//!     let mut connection = None;
//!     let mut unread = Vec::new();
//!     session.start(Instant::now());
//!     loop {
//!         let wake_at = loop {
//!             let now = Instant::now();
//!             match session.poll_output() {
//!                 Output::Connect(to) => {
//!                     connection = Some(TcpStream::connect((to.host.as_str(), to.port))?);
//!                     unread.clear();
//!                     session.handle_connected(now);
//!                 }
//!                 Output::Transmit(bytes) => {
//!                     if let Some(connection) = &mut connection {
//!                         connection.write_all(&bytes)?;
//!                     }
//!                 }
//!                 Output::Event(Event::Described(_)) => {
//!                     session.setup(now, 0, TransportRequest::Tcp);
//!                     session.play(now);
//!                 }
//!                 Output::Event(Event::Failed(error)) => return Err(error.into()),
//!                 Output::Event(Event::TornDown) => return Ok(()),
//!                 Output::Event(_) => {}
//!                 Output::Idle { wake_at } => break wake_at,
//!             }
//!         };
//!         match session.receive(Instant::now(), &unread) {
//!             (consumed, Received::Incomplete) => {
//!                 unread.drain(..consumed);
//!                 let Some(connection) = &mut connection else { continue };
//!                 connection.set_read_timeout(wake_at.map(|at| {
//!                     // Zero would mean no limit.
//!                     at.saturating_duration_since(Instant::now()).max(std::time::Duration::from_millis(1))
//!                 }))?;
//!                 let mut chunk = [0; 65536];
//!                 match connection.read(&mut chunk) {
//!                     Ok(0) => session.handle_closed(Instant::now()),
//!                     Ok(n) => unread.extend_from_slice(&chunk[..n]),
//!                     Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => {
//!                         session.handle_timeout(Instant::now());
//!                     }
//!                     Err(_) => session.handle_closed(Instant::now()),
//!                 }
//!             }
//!             (consumed, received) => {
//!                 if let Received::Interleaved { channel, payload } = received {
//!                     packet(channel, payload);
//!                 }
//!                 unread.drain(..consumed);
//!             }
//!         }
//!     }
//! }
//! ```

mod config;
mod error;
mod exchange;
mod keepalive;
mod output;
mod responses;
mod session;
mod transport;

pub use config::SessionConfig;
pub use error::Error;
pub use output::{Endpoint, Event, Output, Received, ReconnectReason, SessionStats, TransportRequest};
pub use session::ClientSession;

/// How often a session lets itself be sent elsewhere (Q101). Real ones need one or two; more is a circle.
pub const MAX_REDIRECTS: usize = 5;

/// Media sections that one session sets up. A camera has three or four, a recorder with all its channels some twenty; a pair of
/// interleaved channels must be left for each.
pub const MAX_TRACKS: usize = 32;

/// Outputs that wait for the caller when a server's request is answered. A caller that drains after each call never has more
/// than a handful.
pub const MAX_PENDING_OUTPUTS: usize = 64;
