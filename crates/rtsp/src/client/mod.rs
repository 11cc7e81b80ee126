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
//! | [`Output::Connect`] | the first step goes out | the caller's own error |
//! | OPTIONS | DESCRIBE | refused: DESCRIBE all the same (Q16) |
//! | DESCRIBE | [`Event::Described`] | redirected: to the new place; closed: once more with OPTIONS first (Q113) |
//! | SETUP for each `setup` | [`Event::SetUp`] | 461, 463 ..: [`Event::SetUpRefused`]; [`Error::TransportMismatch`], [`Error::Busy`] .. |
//! | PLAY | [`Event::Playing`] | [`Error::Status`] .. |
//! | PAUSE | [`Event::Paused`] | [`Event::PauseRefused`] |
//! | keepalive | | GET_PARAMETER failed: OPTIONS from then on (Q98); OPTIONS failed: ignored (Q39) |
//! | TEARDOWN | [`Event::TornDown`] | [`Event::TornDown`] |
//!
//! OPTIONS is not asked first as a matter of course: that would cost every camera a round trip before its first picture,
//! to learn a list of methods that cameras get wrong. It is sent to the few that hang up without it, and as a keepalive.
//!
//! A 401 on any of these is answered on the same connection with the credentials, as [`auth`](crate::auth) tells; where the
//! server hangs up after it, on a new one (Q28). One request is under way at a time, so a response with a wrong CSeq or none
//! is understood (Q12).
//!
//! A redirect (301, 302, 303, 307; 305 to a proxy) of OPTIONS, DESCRIBE, SETUP or PLAY, and a REDIRECT request of the server,
//! lead to [`Event::Redirected`]: the session begins anew there, and [`Event::Described`] comes once more. The server's
//! OPTIONS, GET_PARAMETER, SET_PARAMETER and ANNOUNCE ([`Event::Announced`]) are answered with 200, its TEARDOWN as well,
//! which is the end ([`Error::TornDownByServer`]); everything else with 501.
//!
//! What a session finds out about its server serves the next one: [`Learned`].
//!
//! # Timers
//!
//! | timer | begins | runs for | then |
//! |---|---|---|---|
//! | response | a request goes out | [`response_timeout`](SessionConfig::response_timeout), DESCRIBE [its own](SessionConfig::describe_timeout); a keepalive half its interval at most; TEARDOWN 2 s at most | [`Error::Timeout`]; keepalive: the other method; TEARDOWN: [`Event::TornDown`] |
//! | keepalive | a request goes out, once something is set up | half of the server's timeout, and 5 s less than it; 0.5 s to 60 s | a keepalive goes out |
//! | rest | a message or frame begins to arrive | [`MESSAGE_PATIENCE`] | [`Error::Unfinished`] |
//!
//! Nothing that a server sends extends one: neither bytes that trickle, nor packets, provisional responses or requests of
//! its own.
//!
//! # Limits
//!
//! | what | limit | past it |
//! |---|---|---|
//! | a message | [`MAX_HEADER_BYTES`](crate::MAX_HEADER_BYTES), [`MAX_HEADERS`](crate::MAX_HEADERS), [`MAX_BODY_BYTES`](crate::MAX_BODY_BYTES) | [`Error::Protocol`] |
//! | redirects | [`MAX_REDIRECTS`] | [`Error::TooManyRedirects`] |
//! | new connections that mend a closed one | one for each [`ReconnectReason`] | [`Error::Closed`]; after a 401 to credentials [`Error::CredentialsRefused`] |
//! | answers to 401 | as [`auth`](crate::auth) has it | [`Error::CredentialsRefused`], [`Error::Asleep`] |
//! | media sections | [`MAX_TRACKS`] | [`Error::TooManyTracks`] |
//! | outputs that wait | [`MAX_PENDING_OUTPUTS`] | [`SessionStats::dropped_server_requests`] |
//! | warnings in the log | one a minute | |
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
mod endpoint;
mod error;
mod exchange;
mod extra_headers;
mod keepalive;
mod learned;
mod output;
mod receive;
mod redirects;
mod request;
mod responses;
mod server_requests;
mod session;
mod state;
mod steps;
mod timers;
mod transport;

use std::time::Duration;

pub use config::SessionConfig;
pub use endpoint::{Endpoint, Tunnel, TunnelTarget};
pub use error::{Awaited, Error, Place};
pub(crate) use error::{quoted, quoted_schemes};
pub use extra_headers::{ExtraHeaderError, ExtraHeaders, MAX_EXTRA_HEADER_BYTES, MAX_EXTRA_HEADERS};
pub use learned::Learned;
pub use output::{Event, Output, Received, ReconnectReason, SessionStats};
pub use request::{MulticastGroup, SetUpRequest, TransportRequest};
pub use session::ClientSession;

/// How often a session lets itself be sent elsewhere (Q101). Real ones need one or two; more is a circle.
pub const MAX_REDIRECTS: usize = 5;

/// Media sections that one session sets up. A camera has three or four, a recorder with all its channels some twenty; a pair of
/// interleaved channels must be left for each.
pub const MAX_TRACKS: usize = 32;

/// Outputs that wait for the caller when a server's request is answered. A caller that drains after each call never has more
/// than a handful.
pub const MAX_PENDING_OUTPUTS: usize = 64;

/// How long a message or frame that has begun may take to be whole. A connection that stands still for so long amid one is
/// dead; a lost segment takes TCP seconds to mend.
pub const MESSAGE_PATIENCE: Duration = Duration::from_secs(30);

/// The longest wait that a server's Retry-After is believed to ask for: an hour is enough for a camera's reboot, and a lie
/// costs no more.
pub const MAX_RETRY_AFTER: Duration = Duration::from_secs(3600);
