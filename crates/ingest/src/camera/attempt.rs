//! One try at the camera over one transport, from its connection to its end.

use std::io;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use throughline_rtp::Tolerance;
use throughline_rtp::rtcp::{Channel, is_rtcp_on};
use throughline_rtsp::client::{
    self, ClientSession, Endpoint, Learned, Received, SessionConfig, TransportRequest, Tunnel,
};
use throughline_rtsp::{Scheme, Security, StatusCode, headers};

use super::lasting::Lasting;
use super::media::Media;
use super::select::{Selection, select};
use super::track::Track;
use super::transport::{Channels, MediaPath, OnLoss, TransportChoice, UdpPath};
use super::{ConnectError, Output, UdpPorts, UdpSocket};
use crate::{
    CameraStats, Config, Error, Event, KeyframeReason, StreamEnd, Timeouts, Transport, TransportPolicy,
};

/// How an attempt ended.
#[derive(Debug)]
pub(super) enum End {
    /// As asked for by `close`.
    Left,
    Failed(Error),
}

#[derive(Debug)]
pub(super) struct Attempt {
    session: ClientSession,
    session_wake: Option<Instant>,
    policy: TransportPolicy,
    transport: Transport,
    on_loss: OnLoss,
    timeouts: Timeouts,
    peer: Peer,
    step: Step,
    /// Bytes of a frame whose rest has not arrived, or what was read together with the refusal of a SETUP. The session
    /// fails on a frame longer than its limits, so this ends at [`throughline_rtsp::MAX_HEADER_BYTES`] and
    /// [`throughline_rtsp::MAX_BODY_BYTES`] together, and one read.
    carry: Vec<u8>,
    selection: Option<Selection>,
    media: Option<Media>,
    end: Option<End>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Step {
    /// The driver connects, and should be done with all steps of it in time.
    Connecting { since: Instant, until: Instant },
    /// The session asks its way through to PLAY.
    Asking,
    /// PLAY was answered.
    Playing,
    /// TEARDOWN was sent.
    Leaving { until: Instant },
}

/// Who the other end is.
#[derive(Debug, Default)]
struct Peer {
    name: String,
    /// Far and near end of the connection.
    addresses: Option<(SocketAddr, SocketAddr)>,
}

impl Attempt {
    pub(super) fn new(config: &Config, choice: &TransportChoice, lasting: &mut Lasting) -> Self {
        let session = SessionConfig {
            credentials: config.credentials.clone(),
            user_agent: config.user_agent.clone(),
            response_timeout: config.timeouts.response,
            extra_headers: config.extra_headers.clone(),
            learned: lasting.learned,
            policy: config.policies.rtsp,
            description_policy: config.policies.sdp,
            ..SessionConfig::new(config.url.clone())
        };
        Attempt {
            session: ClientSession::new(session, lasting.random.next()),
            session_wake: None,
            policy: config.transport,
            transport: choice.current(),
            on_loss: choice.on_loss(),
            timeouts: config.timeouts,
            peer: Peer::default(),
            step: Step::Asking,
            carry: Vec::new(),
            selection: None,
            media: None,
            end: None,
        }
    }

    pub(super) fn transport(&self) -> Transport {
        self.transport
    }

    pub(super) fn track(&self) -> Option<&Track> {
        self.media.as_ref().map(Media::track)
    }

    /// Adds the figures of this attempt.
    pub(super) fn add_to(&self, stats: &mut CameraStats) {
        // For a session that the camera forgot to end, or on channels that nobody asked for (Q30, Q32).
        stats.foreign += self.session.stats().stray_frames;
        stats.tolerated.rtsp |= self.session.tolerated();
        if let Some(selection) = &self.selection {
            stats.tolerated.sdp |= selection.tolerated;
        }
        if let Some(track) = self.track() {
            track.add_to(stats);
        }
    }

    pub(super) fn learned(&self) -> Learned {
        self.session.learned()
    }

    /// Whether packets arrive.
    pub(super) fn hears(&self) -> bool {
        self.track().is_some_and(|track| track.ssrc().is_some())
    }

    /// How long pictures came for.
    pub(super) fn played(&self) -> Duration {
        self.media.as_ref().map_or(Duration::ZERO, Media::played)
    }

    pub(super) fn take_end(&mut self) -> Option<End> {
        self.end.take()
    }

    pub(super) fn wake_at(&self) -> Option<Instant> {
        let step = match self.step {
            Step::Connecting { until, .. } | Step::Leaving { until } => Some(until),
            Step::Asking | Step::Playing => None,
        };
        let media = self.media.as_ref().and_then(Media::wake_at);
        [step, self.session_wake, media].into_iter().flatten().min()
    }

    pub(super) fn start(&mut self, now: Instant, lasting: &mut Lasting) {
        self.session.start(now);
        self.advance(now, lasting);
    }

    pub(super) fn handle_connected(
        &mut self,
        now: Instant,
        addresses: (SocketAddr, SocketAddr),
        lasting: &mut Lasting,
    ) {
        if matches!(self.step, Step::Connecting { .. }) {
            self.step = Step::Asking;
            self.peer.connected(addresses);
            self.session.handle_connected(now);
            self.advance(now, lasting);
        }
    }

    pub(super) fn handle_connect_failed(&mut self, error: ConnectError) {
        let peer = self.peer.name.clone();
        self.fail(match error {
            ConnectError::Resolve(cause) => Error::Unresolvable { peer, cause },
            ConnectError::ResolveTimeout { waited } => Error::ResolveTimeout { peer, waited },
            ConnectError::Connect(cause) if cause.kind() == io::ErrorKind::ConnectionRefused => {
                Error::ConnectRefused { peer }
            }
            ConnectError::Connect(cause) => Error::Unreachable { peer, cause },
            ConnectError::ConnectTimeout { waited, addresses } => Error::ConnectTimeout {
                peer,
                waited,
                addresses,
            },
            ConnectError::Tls(cause) => Error::Tls { peer, cause },
            ConnectError::TlsTimeout { waited } => Error::TlsTimeout { peer, waited },
        });
    }

    pub(super) fn handle_closed(&mut self, now: Instant, error: Option<io::Error>, lasting: &mut Lasting) {
        // First the session, for it knows when a new connection mends this (Q28).
        self.session.handle_closed(now);
        self.advance(now, lasting);
        if let (Some(End::Failed(failure)), Some(cause)) = (&mut self.end, error) {
            let awaiting = match failure {
                Error::Rtsp {
                    cause: client::Error::Closed { awaiting },
                    ..
                } => awaiting.take(),
                _ => None,
            };
            let peer = self.peer.name.clone();
            *failure = Error::ConnectionLost {
                peer,
                awaiting,
                cause,
            };
        }
    }

    pub(super) fn handle_stream(&mut self, now: Instant, mut input: &[u8], lasting: &mut Lasting) {
        while !self.carry.is_empty() && !input.is_empty() && self.end.is_none() {
            let mut carry = std::mem::take(&mut self.carry);
            let held = carry.len();
            let taken = missing(&carry).min(input.len());
            carry.extend_from_slice(input.get(..taken).unwrap_or_default());
            let used = self.walk(now, &carry, lasting);
            // What follows the frame is walked through in place.
            let consumed = if used < held { taken } else { used - held };
            input = input.get(consumed..).unwrap_or_default();
            if used < held {
                carry.drain(..used);
            } else {
                carry.clear();
            }
            // Its room serves the next cut frame.
            self.carry = carry;
        }
        let used = self.walk(now, input, lasting);
        self.carry
            .extend_from_slice(input.get(used..).unwrap_or_default());
    }

    /// Goes through whole frames in place; returns how many bytes they took. Stops where the attempt ends: after a
    /// refused SETUP the connection goes on.
    fn walk(&mut self, now: Instant, input: &[u8], lasting: &mut Lasting) -> usize {
        let mut used = 0;
        while self.end.is_none() {
            let rest = input.get(used..).unwrap_or_default();
            let (consumed, received) = self.session.receive(now, rest);
            used += consumed;
            match received {
                Received::Interleaved { channel, payload } => {
                    self.handle_interleaved(now, channel, payload, lasting);
                }
                Received::Control => self.advance(now, lasting),
                Received::Incomplete => break,
            }
        }
        used
    }

    fn handle_interleaved(&mut self, now: Instant, channel: u8, payload: &[u8], lasting: &mut Lasting) {
        match self.media.as_mut().map(Media::path) {
            Some(MediaPath::Tcp(channels)) if channel == channels.rtp => {
                self.handle_media(now, Channel::Rtp, payload, lasting);
            }
            Some(MediaPath::Tcp(channels)) if channel == channels.rtcp => {
                self.handle_media(now, Channel::Rtcp, payload, lasting);
            }
            // Of a track that is not this one.
            _ => lasting.totals.foreign += 1,
        }
    }

    pub(super) fn handle_datagram(
        &mut self,
        now: Instant,
        (socket, source): (UdpSocket, SocketAddr),
        contents: &[u8],
        lasting: &mut Lasting,
    ) {
        let Some(MediaPath::Udp(path)) = self.media.as_mut().map(Media::path) else {
            return;
        };
        if !path.accept(socket, source) {
            lasting.totals.foreign += 1;
            return;
        }
        let channel = match socket {
            UdpSocket::Rtp => Channel::Rtp,
            UdpSocket::Rtcp => Channel::Rtcp,
        };
        self.handle_media(now, channel, contents, lasting);
    }

    fn handle_media(&mut self, now: Instant, channel: Channel, contents: &[u8], lasting: &mut Lasting) {
        if is_rtcp_on(channel, contents, &lasting.policies.rtp) {
            if channel == Channel::Rtp {
                lasting.totals.tolerated.rtp.insert(Tolerance::RtcpAmongRtp);
            }
            self.handle_rtcp(now, contents);
        } else if let Some(media) = &mut self.media {
            media.handle_rtp(now, contents, lasting);
        }
    }

    fn handle_rtcp(&mut self, now: Instant, compound: &[u8]) {
        if let Some(media) = &mut self.media
            && media.handle_rtcp(now, compound).is_break()
        {
            let peer = self.peer.name.clone();
            self.fail(Error::StreamEnded {
                peer,
                how: StreamEnd::Bye,
            });
        }
    }

    pub(super) fn handle_udp_bound(&mut self, now: Instant, ports: UdpPorts, lasting: &mut Lasting) {
        if let Some(selection) = &self.selection {
            let request = TransportRequest::Udp {
                rtp_port: ports.rtp,
                rtcp_port: ports.rtcp,
            };
            self.session.setup(now, selection.media, request);
            self.advance(now, lasting);
        }
    }

    pub(super) fn handle_udp_bind_failed(&mut self, cause: io::Error) {
        let peer = self.peer.name.clone();
        self.fail(Error::NoUdpPorts { peer, cause });
    }

    pub(super) fn handle_timeout(&mut self, now: Instant, lasting: &mut Lasting) {
        match self.step {
            Step::Connecting { since, until } if until <= now => {
                let peer = self.peer.name.clone();
                return self.fail(Error::ConnectTimeout {
                    peer,
                    waited: now - since,
                    addresses: Vec::new(),
                });
            }
            Step::Leaving { until } if until <= now => return self.end = Some(End::Left),
            _ => {}
        }
        if self.session_wake.is_some_and(|wake| wake <= now) {
            self.session.handle_timeout(now);
            self.advance(now, lasting);
        }
        if let Some(media) = &mut self.media
            && let Err(error) = media.handle_timeout(now, &self.peer.name, self.on_loss, lasting)
        {
            self.fail(match error {
                // Only to somebody who insists on UDP is TCP a remedy.
                Error::NoMedia {
                    peer,
                    waited,
                    transport: Transport::Udp,
                    ssrc: None,
                    ..
                } if self.policy == TransportPolicy::Udp => Error::UdpBlocked { peer, waited },
                error => error,
            });
        }
    }

    pub(super) fn request_keyframe(&mut self, now: Instant, lasting: &mut Lasting) {
        if self.step == Step::Playing
            && let Some(media) = &mut self.media
        {
            media.request_keyframe(now, KeyframeReason::Caller, lasting);
        }
    }

    pub(super) fn close(&mut self, now: Instant, lasting: &mut Lasting) {
        match self.step {
            Step::Connecting { .. } => self.end = Some(End::Left),
            Step::Leaving { .. } => {}
            Step::Asking | Step::Playing => {
                self.step = Step::Leaving {
                    until: now + self.timeouts.close,
                };
                self.session.teardown(now);
                self.advance(now, lasting);
            }
        }
    }

    /// The last words of an attempt that has ended: what is still held comes out, and a session that the camera still
    /// knows of is taken from its few.
    pub(super) fn part(&mut self, now: Instant, lasting: &mut Lasting) {
        if let Some(media) = &mut self.media {
            media.finish(now, lasting);
            self.session.teardown(now);
            loop {
                match self.session.poll_output() {
                    client::Output::Transmit(bytes) => lasting.outputs.push_back(Output::Transmit(bytes)),
                    client::Output::Idle { .. } => break,
                    client::Output::Connect(_) | client::Output::Event(_) => {}
                }
            }
        }
        lasting.absorb(self);
    }

    /// Whatever goes wrong while leaving, a BYE for one, is what was asked for.
    fn fail(&mut self, error: Error) {
        let end = match self.step {
            Step::Leaving { .. } => End::Left,
            Step::Connecting { .. } | Step::Asking | Step::Playing => End::Failed(error),
        };
        self.end.get_or_insert(end);
    }

    /// Passes on what the session wants, and answers its events, until it wants no more.
    fn advance(&mut self, now: Instant, lasting: &mut Lasting) {
        loop {
            let mut news = Vec::new();
            loop {
                match self.session.poll_output() {
                    client::Output::Connect(endpoint) => self.connect(now, endpoint, lasting),
                    client::Output::Transmit(bytes) => lasting.outputs.push_back(Output::Transmit(bytes)),
                    client::Output::Event(event) => news.push(event),
                    client::Output::Idle { wake_at } => {
                        self.session_wake = wake_at;
                        break;
                    }
                }
            }
            if news.is_empty() {
                return;
            }
            for event in news {
                self.handle_event(now, event, lasting);
            }
        }
    }

    fn connect(&mut self, now: Instant, endpoint: Endpoint, lasting: &mut Lasting) {
        self.peer = Peer::new(&endpoint.host, endpoint.port);
        self.carry.clear();
        let unsupported = match (&endpoint.tunnel, endpoint.security) {
            (Tunnel::None, _) => None,
            (Tunnel::Http(_), Security::Plain) => Some(Scheme::RtspHttp),
            (Tunnel::Http(_), Security::Tls) => Some(Scheme::RtspHttps),
            (Tunnel::WebSocket(_), Security::Plain) => Some(Scheme::RtspWs),
            (Tunnel::WebSocket(_), Security::Tls) => Some(Scheme::RtspWss),
        };
        if let Some(scheme) = unsupported {
            let peer = self.peer.name.clone();
            let scheme = scheme.as_str();
            return self.fail(Error::UnsupportedScheme { peer, scheme });
        }
        let limit = self.timeouts.connecting(&endpoint);
        self.step = Step::Connecting {
            since: now,
            until: now + limit,
        };
        lasting.event(Event::Connecting {
            peer: self.peer.name.clone(),
        });
        lasting.outputs.push_back(Output::Connect { endpoint, limit });
    }

    fn handle_event(&mut self, now: Instant, event: client::Event, lasting: &mut Lasting) {
        match event {
            client::Event::Described(description) => {
                match select(&description, self.session.server(), lasting.policies.h264) {
                    Ok(selection) => {
                        lasting.event(Event::Described(selection.described.clone()));
                        self.set_up(now, selection, lasting);
                    }
                    Err(found) => {
                        let peer = self.peer.name.clone();
                        self.fail(Error::NoH264 { peer, found });
                    }
                }
            }
            client::Event::SetUp { transport, .. } => self.set_up_answered(now, &transport, lasting),
            client::Event::Playing { rtp_info } => {
                if let Some(media) = &mut self.media {
                    // Only one track was set up; which entry of several is its own, their URLs do not say surely (Q87).
                    if let [entry] = rtp_info.as_slice() {
                        media.handle_rtp_info(entry);
                    }
                    self.step = Step::Playing;
                    lasting.event(Event::Playing {
                        transport: self.transport,
                    });
                    media.start(now, &self.timeouts, lasting);
                }
            }
            client::Event::TornDown => self.end = Some(End::Left),
            client::Event::Failed(cause) | client::Event::SetUpRefused(cause) => {
                let error = self.session_error(cause);
                self.fail(error);
            }
            client::Event::Redirected { .. } => {
                tracing::debug!(peer = %self.peer.name, ?event, "news of the session");
                self.drop_media(now, lasting);
            }
            client::Event::Reconnecting(_)
            | client::Event::KeepAliveChanged
            | client::Event::Announced(_)
            | client::Event::Paused
            | client::Event::PauseRefused(_) => {
                tracing::debug!(peer = %self.peer.name, ?event, "news of the session");
            }
        }
    }

    /// What was set up is left behind at another server: what is still held of it comes out.
    fn drop_media(&mut self, now: Instant, lasting: &mut Lasting) {
        if let Some(media) = &mut self.media {
            media.finish(now, lasting);
            media.track().add_to(&mut lasting.totals);
            self.media = None;
        }
    }

    /// Asks for another transport on the same connection, after a SETUP that was refused: the session is as it was before.
    pub(super) fn set_up_over(&mut self, now: Instant, choice: &TransportChoice, lasting: &mut Lasting) {
        self.transport = choice.current();
        self.on_loss = choice.on_loss();
        if let Some(selection) = self.selection.take() {
            self.set_up(now, selection, lasting);
            self.advance(now, lasting);
        }
    }

    fn set_up(&mut self, now: Instant, selection: Selection, lasting: &mut Lasting) {
        match (self.transport, self.peer.addresses) {
            (Transport::Udp, Some((_, local))) => lasting.outputs.push_back(Output::BindUdp { local }),
            (Transport::Multicast, _) => {
                let peer = self.peer.name.clone();
                self.fail(Error::NoMulticast { peer });
            }
            _ => self.session.setup(now, selection.media, TransportRequest::Tcp),
        }
        self.selection = Some(selection);
    }

    fn set_up_answered(&mut self, now: Instant, answer: &headers::Transport, lasting: &mut Lasting) {
        let (Some(selection), Some((peer, _))) = (&self.selection, self.peer.addresses) else {
            return;
        };
        let path = match self.transport {
            Transport::Tcp => MediaPath::Tcp(Channels::new(answer)),
            Transport::Udp | Transport::Multicast => MediaPath::Udp(UdpPath::new(peer, answer)),
        };
        self.media = Some(Media::new(path, selection, lasting));
        self.session.play(now);
    }

    fn session_error(&self, cause: client::Error) -> Error {
        let peer = self.peer.name.clone();
        match cause {
            client::Error::Closed { .. } if self.step == Step::Playing => Error::StreamEnded {
                peer,
                how: StreamEnd::Closed,
            },
            client::Error::TornDownByServer { .. } => Error::StreamEnded {
                peer,
                how: StreamEnd::TornDown,
            },
            client::Error::Asleep { .. } => Error::Asleep { peer, cause },
            client::Error::NoCredentials { .. } => Error::NoCredentials { peer, cause },
            client::Error::CredentialsRefused { .. } => Error::CredentialsRefused { peer, cause },
            client::Error::Busy { .. } => Error::Busy { peer, cause },
            client::Error::TransportRefused { .. } | client::Error::TransportMismatch { .. } => {
                Error::TransportRefused { peer, cause }
            }
            client::Error::Status { status, .. } if status == StatusCode::NOT_FOUND => {
                Error::NotFound { peer, cause }
            }
            _ => Error::Rtsp { peer, cause },
        }
    }
}

impl Peer {
    fn new(host: &str, port: u16) -> Self {
        let name = if host.contains(':') {
            format!("[{host}]:{port}")
        } else {
            format!("{host}:{port}")
        };
        Peer {
            name,
            addresses: None,
        }
    }

    fn connected(&mut self, addresses: (SocketAddr, SocketAddr)) {
        if self.name != addresses.0.to_string() {
            self.name = format!("{} ({})", self.name, addresses.0.ip());
        }
        self.addresses = Some(addresses);
    }
}

/// How many bytes to add to the beginning of a frame: those that it lacks as far as its header tells, so that what
/// follows the frame is not copied.
fn missing(carry: &[u8]) -> usize {
    /// Of a text message, whose length its header does not begin with.
    const TEXT_STEP: usize = 1024;
    let whole = match carry {
        [b'$', _, high, low, ..] => 4 + usize::from(u16::from_be_bytes([*high, *low])),
        [b'$', ..] => 4,
        _ => carry.len() + TEXT_STEP,
    };
    whole.saturating_sub(carry.len()).max(1)
}
