//! One camera without I/O: the RTSP session, its H.264 track, RTCP, watchdogs, transport fall-back and reconnects.
//!
//! Time is an argument and randomness a seed, so that all of it runs in simulation. A driver answers what
//! [`Camera::poll_output`] asks for and hands in what the network brings, by the `handle_*` methods; they may be called
//! at any time, in any order, and never fail. After each of them, drain the outputs until [`Output::Idle`]; what one
//! call can put out is bounded by the bytes that it was given.
//!
//! ```no_run
//! use std::time::{Instant, SystemTime};
//! use throughline_ingest::camera::{Camera, Output};
//! # fn connect(_host: &str) {}
//! # fn send(_bytes: &[u8]) {}
//! # fn wait(_until: Option<Instant>) -> Option<Vec<u8>> { None }
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let config = throughline_ingest::Config::parse("rtsp://192.0.2.7/stream1")?;
//! let mut camera = Camera::new(config, [42; 32]);
//! camera.start(Instant::now(), SystemTime::now());
//! loop {
//!     match camera.poll_output() {
//!         Output::Connect { endpoint, .. } => connect(&endpoint.host), // then camera.handle_connected(..)
//!         Output::Transmit(bytes) => send(&bytes),
//!         Output::AccessUnit(picture) => println!("{} bytes", picture.data.len()),
//!         Output::Ended(result) => return Ok(result?),
//!         Output::Idle { wake_at } => match wait(wake_at) {
//!             Some(read) => camera.handle_stream(Instant::now(), &read),
//!             None => camera.handle_timeout(Instant::now()),
//!         },
//!         _ => {} // events, and the outputs that only UDP needs
//!     }
//! }
//! # }
//! ```

use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::time::{Duration, Instant, SystemTime};

pub use buffers::SharedBuffers;
use bytes::Bytes;
use throughline_rtsp::client;
pub use throughline_rtsp::client::Endpoint;

use crate::{
    AccessUnit, CameraStats, Config, Error, Event, Fallback, ReceiveBuffer, Retry, TlsError, Transport,
    TunnelError,
};

mod attempt;
mod buffers;
mod drops;
mod group;
mod keyframe;
mod keying;
mod lasting;
mod loss;
mod media;
mod pace;
mod path;
mod random;
mod retry;
mod rtcp;
mod select;
mod srtp;
mod track;
mod transport;
mod watchdog;

use attempt::{Attempt, End};
pub use group::Membership;
use lasting::Lasting;
use retry::Backoff;
use transport::{TransportChoice, policy_through};

/// What a [`Camera`] wants done.
///
/// `Debug` gives only the length of what is sent: it may hold the password.
pub enum Output {
    /// Drop what connection and sockets there are and connect; answer with [`Camera::handle_connected`] or
    /// [`Camera::handle_connect_failed`].
    Connect {
        /// Where and how.
        endpoint: Endpoint,
        /// After this long the camera gives the connection up by itself: what all its steps may take.
        limit: Duration,
    },
    /// Drop the connection and the UDP sockets, and so leave a multicast group.
    Disconnect,
    /// Write this to the connection, whole and in order; one write, for some servers read one message at a time (Q45).
    Transmit(Bytes),
    /// Bind a pair of UDP sockets, RTP at an even port and RTCP at the next; answer with
    /// [`Camera::handle_udp_bound`] or [`Camera::handle_udp_bind_failed`].
    BindUdp {
        /// The near end of the connection; bind to this address, at other ports.
        local: SocketAddr,
    },
    /// Join a multicast group with sockets for RTP and RTCP; answer with [`Camera::handle_multicast_joined`] or
    /// [`Camera::handle_multicast_join_failed`].
    JoinMulticast(Membership),
    /// Send this datagram; if it is lost, nothing is broken.
    Datagram {
        /// From which of the two sockets.
        socket: UdpSocket,
        /// To where.
        destination: SocketAddr,
        /// What.
        contents: Bytes,
    },
    /// Look how many datagrams the kernel has dropped at the RTP socket; answer with [`Camera::handle_kernel_drops`], where
    /// that can be known. At most every 10 s.
    CountKernelDrops,
    /// A picture.
    AccessUnit(AccessUnit),
    /// News.
    Event(Event),
    /// The end, and nothing but [`Output::Idle`] after it: `Ok` after [`Camera::close`].
    Ended(Result<(), Error>),
    /// Nothing more for now.
    Idle {
        /// When to call [`Camera::handle_timeout`], unless something else happens before.
        wake_at: Option<Instant>,
    },
}

impl fmt::Debug for Output {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Output::Connect { endpoint, limit } => f
                .debug_struct("Connect")
                .field("endpoint", endpoint)
                .field("limit", limit)
                .finish(),
            Output::Disconnect => f.write_str("Disconnect"),
            Output::Transmit(bytes) => write!(f, "Transmit({} bytes)", bytes.len()),
            Output::BindUdp { local } => f.debug_struct("BindUdp").field("local", local).finish(),
            Output::JoinMulticast(membership) => f.debug_tuple("JoinMulticast").field(membership).finish(),
            Output::Datagram {
                socket,
                destination,
                contents,
            } => write!(f, "Datagram({socket:?}, {destination}, {} bytes)", contents.len()),
            Output::CountKernelDrops => f.write_str("CountKernelDrops"),
            Output::AccessUnit(unit) => f.debug_tuple("AccessUnit").field(unit).finish(),
            Output::Event(event) => f.debug_tuple("Event").field(event).finish(),
            Output::Ended(result) => f.debug_tuple("Ended").field(result).finish(),
            Output::Idle { wake_at } => f.debug_struct("Idle").field("wake_at", wake_at).finish(),
        }
    }
}

/// One of the two UDP sockets of a track.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum UdpSocket {
    /// The one at the even port.
    Rtp,
    /// The one above it.
    Rtcp,
}

/// The near ports of a pair of UDP sockets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct UdpPorts {
    /// Of the RTP socket, even.
    pub rtp: u16,
    /// Of the RTCP socket, the next.
    pub rtcp: u16,
}

/// Why no connection came about.
#[derive(Debug)]
#[non_exhaustive]
pub enum ConnectError {
    /// The host name has no address, or the resolver failed.
    Resolve(io::Error),
    /// The resolver does not answer.
    ResolveTimeout {
        /// How long it was asked.
        waited: Duration,
    },
    /// No address of the host could be connected to; the error's kind tells refused from unreachable.
    Connect(io::Error),
    /// No address of the host answered.
    ConnectTimeout {
        /// How long they were tried.
        waited: Duration,
        /// Those that were tried, in their order.
        addresses: Vec<SocketAddr>,
    },
    /// There is no TLS, or the certificate was refused.
    Tls(TlsError),
    /// The TLS handshake is not over.
    TlsTimeout {
        /// How long it was tried.
        waited: Duration,
    },
    /// The tunnel was refused, or is none.
    Tunnel(TunnelError),
    /// The server does not answer for the tunnel.
    TunnelTimeout {
        /// How long it was tried.
        waited: Duration,
    },
}

impl From<TlsError> for ConnectError {
    fn from(error: TlsError) -> Self {
        ConnectError::Tls(error)
    }
}

impl From<TunnelError> for ConnectError {
    fn from(error: TunnelError) -> Self {
        ConnectError::Tunnel(error)
    }
}

/// One camera, from the first connection through all reconnects to its end.
#[derive(Debug)]
pub struct Camera {
    config: Config,
    lasting: Lasting,
    choice: TransportChoice,
    backoff: Backoff,
    phase: Phase,
}

#[derive(Debug)]
enum Phase {
    /// Not started.
    New,
    /// Connected, or about to be.
    Running(Box<Attempt>),
    /// A connection failed, the next is not due yet.
    Waiting { until: Instant },
    /// Closed, or failed for good.
    Ended,
}

impl Camera {
    /// A camera that does nothing before [`start`](Self::start). `seed` makes identifiers, jitter and the keys of SRTP: let
    /// it be random and secret, and give each camera another.
    pub fn new(mut config: Config, seed: [u8; 32]) -> Self {
        config.timeouts = config.timeouts.bounded();
        Camera {
            lasting: Lasting::new(&config, seed),
            choice: TransportChoice::new(policy_through(config.url.scheme(), config.transport)),
            config,
            backoff: Backoff::default(),
            phase: Phase::New,
        }
    }

    /// Puts the pictures of later connections together in this memory, which cameras on one thread may share; until then the
    /// camera has its own, up to the 16 MiB of a `BufferPool`.
    pub fn set_buffers(&mut self, buffers: SharedBuffers) {
        self.lasting.buffers = buffers;
    }

    /// Begins with the first connection. `wall_clock` is the time of day, which messages of MIKEY carry.
    pub fn start(&mut self, now: Instant, wall_clock: SystemTime) {
        if matches!(self.phase, Phase::New) {
            self.lasting.start(now, wall_clock);
            self.begin(now);
        }
    }

    /// Answers [`Output::Connect`]: `peer` is the far end of the connection, `local` the near one.
    pub fn handle_connected(&mut self, now: Instant, peer: SocketAddr, local: SocketAddr) {
        self.with_attempt(now, |attempt, lasting| {
            attempt.handle_connected(now, (peer, local), lasting);
        });
    }

    /// Answers [`Output::Connect`].
    pub fn handle_connect_failed(&mut self, now: Instant, error: ConnectError) {
        self.with_attempt(now, |attempt, _| attempt.handle_connect_failed(error));
    }

    /// The connection was closed by the camera, or broke with an error: one around a [`TunnelError`] where its tunnel did.
    pub fn handle_closed(&mut self, now: Instant, error: Option<io::Error>) {
        self.with_attempt(now, |attempt, lasting| attempt.handle_closed(now, error, lasting));
    }

    /// Bytes from the connection, split anywhere. All are consumed: a frame that is not whole yet is kept.
    pub fn handle_stream(&mut self, now: Instant, bytes: &[u8]) {
        self.with_attempt(now, |attempt, lasting| attempt.handle_stream(now, bytes, lasting));
    }

    /// A datagram from one of the two sockets.
    pub fn handle_datagram(&mut self, now: Instant, socket: UdpSocket, source: SocketAddr, contents: &[u8]) {
        self.handle_datagrams(now, socket, source, std::iter::once(contents));
    }

    /// Datagrams in a row from one of the two sockets, all from one source: the same as one after the other, and sooner done.
    pub fn handle_datagrams<'d>(
        &mut self,
        now: Instant,
        socket: UdpSocket,
        source: SocketAddr,
        datagrams: impl IntoIterator<Item = &'d [u8]>,
    ) {
        self.with_attempt(now, |attempt, lasting| {
            attempt.handle_datagrams(now, (socket, source), datagrams.into_iter(), lasting);
        });
    }

    /// Answers [`Output::BindUdp`] with the ports of the two sockets.
    pub fn handle_udp_bound(&mut self, now: Instant, ports: UdpPorts) {
        self.with_attempt(now, |attempt, lasting| {
            attempt.handle_udp_bound(now, ports, lasting);
        });
    }

    /// Answers [`Output::BindUdp`].
    pub fn handle_udp_bind_failed(&mut self, now: Instant, error: io::Error) {
        self.with_attempt(now, |attempt, _| attempt.handle_udp_bind_failed(error));
    }

    /// Answers [`Output::JoinMulticast`].
    pub fn handle_multicast_joined(&mut self, now: Instant) {
        self.with_attempt(now, |attempt, lasting| {
            attempt.handle_multicast_joined(now, lasting);
        });
    }

    /// Answers [`Output::JoinMulticast`].
    pub fn handle_multicast_join_failed(&mut self, now: Instant, error: io::Error) {
        self.with_attempt(now, |attempt, _| attempt.handle_multicast_join_failed(error));
    }

    /// Once there are UDP sockets: what receive buffer each socket was asked for and got.
    pub fn handle_receive_buffer(&mut self, buffer: ReceiveBuffer) {
        let is_news = self.lasting.totals.receive_buffer.is_none();
        self.lasting.totals.receive_buffer = Some(buffer);
        if is_news && buffer.granted < buffer.asked {
            self.lasting.event(Event::ReceiveBuffer(buffer));
        }
    }

    /// Answers [`Output::CountKernelDrops`] with those since the socket was bound.
    pub fn handle_kernel_drops(&mut self, dropped: u32) {
        if let Phase::Running(attempt) = &mut self.phase {
            attempt.handle_kernel_drops(dropped, &mut self.lasting);
        }
    }

    /// The time of [`Output::Idle`] has come.
    pub fn handle_timeout(&mut self, now: Instant) {
        if let Phase::Waiting { until } = self.phase
            && until <= now
        {
            self.lasting.totals.reconnects += 1;
            self.begin(now);
        }
        self.with_attempt(now, |attempt, lasting| attempt.handle_timeout(now, lasting));
    }

    /// Asks the camera for a key frame: a PLI, and a FIR where the camera announces it. At most two a second go out,
    /// and one wish is repeated once a second, five times, until an IDR arrives. Nothing while no stream plays: it will
    /// begin with an IDR.
    pub fn request_keyframe(&mut self, now: Instant) {
        self.with_attempt(now, |attempt, lasting| attempt.request_keyframe(now, lasting));
    }

    /// Ends the session with TEARDOWN, then the camera. Access units that came before may still come out.
    pub fn close(&mut self, now: Instant) {
        match &mut self.phase {
            Phase::Running(_) => self.with_attempt(now, |attempt, lasting| attempt.close(now, lasting)),
            Phase::New | Phase::Waiting { .. } => self.end(Ok(())),
            Phase::Ended => {}
        }
    }

    /// What is to be done next. Call it until [`Output::Idle`].
    pub fn poll_output(&mut self) -> Output {
        if let Some(output) = self.lasting.outputs.pop_front() {
            return output;
        }
        Output::Idle {
            wake_at: match &self.phase {
                Phase::Running(attempt) => attempt.wake_at(),
                Phase::Waiting { until } => Some(*until),
                Phase::New | Phase::Ended => None,
            },
        }
    }

    /// Figures since the start, over all connections.
    pub fn stats(&self) -> CameraStats {
        match &self.phase {
            Phase::Running(attempt) => self.lasting.stats(Some(attempt)),
            _ => self.lasting.stats(None),
        }
    }

    fn begin(&mut self, now: Instant) {
        let mut attempt = Attempt::new(&self.config, &self.choice, &mut self.lasting);
        attempt.start(now, &mut self.lasting);
        self.phase = Phase::Running(Box::new(attempt));
        self.settle(now);
    }

    fn with_attempt(&mut self, now: Instant, act: impl FnOnce(&mut Attempt, &mut Lasting)) {
        if let Phase::Running(attempt) = &mut self.phase {
            act(attempt, &mut self.lasting);
            if attempt.hears() {
                self.choice.worked();
            }
            self.settle(now);
        }
    }

    /// Decides what follows an attempt that has ended.
    fn settle(&mut self, now: Instant) {
        let Phase::Running(attempt) = &mut self.phase else {
            return;
        };
        let Some(end) = attempt.take_end() else {
            return;
        };
        let error = match end {
            End::Left => {
                self.part(now);
                return self.end(Ok(()));
            }
            End::Failed(error) => error,
        };
        if attempt.offers_multicast(&error) {
            self.choice.offer_multicast();
        }
        if is_of_transport(&error)
            && !attempt.keeps_to_tls()
            && let Some(to) = self.choice.fall_back(error.kind())
        {
            return self.fall_back(now, to, error);
        }
        let played = attempt.played();
        self.part(now);
        self.lasting.totals.failures.count(error.kind());
        if self.config.retry == Retry::Never || error.is_configuration() {
            return self.end(Err(error));
        }
        let retry_in = self.backoff.after(&error, played, &mut self.lasting.random);
        self.lasting.event(Event::Disconnected { error, retry_in });
        self.phase = Phase::Waiting {
            until: now + retry_in,
        };
    }

    /// Goes on over another transport: on the same connection where SETUP over TCP was refused, else on a new one, for some
    /// cameras want a new DESCRIBE (Q29), and UDP leaves sockets to drop.
    fn fall_back(&mut self, now: Instant, to: Transport, reason: Error) {
        let Phase::Running(attempt) = &mut self.phase else {
            return;
        };
        let from = attempt.transport();
        let keeps_connection = from == Transport::Tcp && is_refused_set_up(&reason);
        let fallbacks = &mut self.lasting.totals.fallbacks;
        fallbacks.count = fallbacks.count.saturating_add(1);
        fallbacks.last = Some(Fallback {
            from,
            to,
            reason: reason.kind(),
        });
        self.lasting.event(Event::TransportFallback { from, to, reason });
        if keeps_connection {
            attempt.set_up_over(now, &self.choice, &mut self.lasting);
            return self.settle(now);
        }
        self.part(now);
        self.begin(now);
    }

    /// Takes leave of an attempt that has ended.
    fn part(&mut self, now: Instant) {
        if let Phase::Running(attempt) = &mut self.phase {
            attempt.part(now, &mut self.lasting);
            self.lasting.outputs.push_back(Output::Disconnect);
        }
    }

    fn end(&mut self, result: Result<(), Error>) {
        self.phase = Phase::Ended;
        self.lasting.outputs.push_back(Output::Ended(result));
    }
}

/// Whether the camera refused SETUP for its transport, which leaves its session as it was.
fn is_refused_set_up(error: &Error) -> bool {
    matches!(
        error,
        Error::TransportRefused {
            cause: client::Error::TransportRefused { .. },
            ..
        }
    )
}

/// Whether another transport may do better.
fn is_of_transport(error: &Error) -> bool {
    match error {
        Error::TransportRefused { .. }
        | Error::NoUdpPorts { .. }
        | Error::NoMulticast { .. }
        | Error::Lossy { .. } => true,
        // After packets came, their end is not the transport's fault.
        Error::NoMedia { ssrc, .. } => ssrc.is_none(),
        _ => false,
    }
}
