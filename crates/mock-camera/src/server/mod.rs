//! The protocol half of the camera: requests in, responses and RTP packets out, no sockets and no clock.
//!
//! A [`Server`] is what all clients share, a [`Connection`] is one client's RTSP connection with its session.
//! Whoever drives a connection gives it what arrives ([`respond`](Connection::respond),
//! [`handle_interleaved`](Connection::handle_interleaved), [`handle_rtcp`](Connection::handle_rtcp)) and the time
//! ([`write_due`](Connection::write_due) or, over UDP, [`handle_timeout`](Connection::handle_timeout) at
//! [`wake_at`](Connection::wake_at)), sends what these return, and closes the connection once it
//! [`hangs_up`](Connection::hangs_up) or [`is_expired`](Connection::is_expired).

mod delivery;
mod description;
mod playout;

use std::hash::{DefaultHasher, Hash, Hasher};
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use bytes::BytesMut;
use throughline_rtp::rtcp;
use throughline_rtsp::auth::Verifier;
use throughline_rtsp::headers::{
    self, CSeq, LowerTransport, Public, Range, RtpInfo, RtpInfoEntry, Transport, TransportMode, name,
};
use throughline_rtsp::{Method, Request, Response, StatusCode};

pub use delivery::{Delivery, Pair};
pub(crate) use description::describe;
pub use playout::{Burst, Clocks, Packet, Protocol, Room};

use crate::authentication::Authentication;
use crate::clip::Clip;
use crate::quirks::conduct::{Conduct, Fate, InSession, Memory};
use crate::quirks::framing::Framing;
use crate::quirks::packets::PacketQuirks;
use crate::quirks::{self, Quirks};
use crate::stats::{Counters, MockCameraStats, count};
use crate::transports::Transports;
use playout::Playout;

/// How long a session, or a connection without one, is kept without a sign of life. Requests that name the
/// session are one, and so is RTCP ([RFC 2326 §12.37](https://www.rfc-editor.org/rfc/rfc2326#section-12.37)).
pub const SESSION_TIMEOUT: Duration = Duration::from_secs(60);

/// The camera's path, `rtsp://host/cam`.
pub(crate) const CAMERA: &str = "cam";
/// The video's path below the camera's.
pub(crate) const TRACK: &str = "trackID=0";

const METHODS: [Method; 8] = [
    Method::Options,
    Method::Describe,
    Method::Setup,
    Method::Play,
    Method::Pause,
    Method::Teardown,
    Method::GetParameter,
    Method::SetParameter,
];

/// What a [`Server`] is made of.
#[derive(Debug, Clone)]
pub struct ServerConfig {
    /// What it plays.
    pub clip: Clip,
    /// What it asks of clients.
    pub authentication: Authentication,
    /// What it lets clients choose.
    pub transports: Transports,
    /// What it does that no RFC has.
    pub quirks: Quirks,
    /// The UDP ports for RTP and RTCP that it sends from; without meaning where `transports` leaves UDP out.
    pub udp_ports: (u16, u16),
}

/// What all connections of one camera share.
#[derive(Debug)]
pub struct Server {
    config: ServerConfig,
    description: String,
    memory: Memory,
    pub(crate) counters: Arc<Counters>,
}

impl Server {
    /// A camera that nobody has connected to yet.
    pub fn new(config: ServerConfig) -> Self {
        let description = describe(&config.clip);
        Self {
            description: quirks::description::bend(config.quirks, &config.clip, description),
            config,
            memory: Memory::default(),
            counters: Arc::default(),
        }
    }

    /// The sums over all connections.
    pub fn stats(&self) -> MockCameraStats {
        self.counters.snapshot()
    }
}

/// One client's connection: at most one session, which dies with it.
#[derive(Debug)]
pub struct Connection {
    server: Arc<Server>,
    peer: IpAddr,
    clocks: Clocks,
    seed: u64,
    verifier: Option<Verifier>,
    session: Option<Session>,
    /// Sessions there have been: no two get the same random values.
    sessions: u64,
    last_heard: Instant,
    conduct: Conduct,
    framing: Framing,
    hangs_up: bool,
}

#[derive(Debug)]
struct Session {
    id: String,
    delivery: Delivery,
    playout: Playout,
}

/// What a request URI names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Resource {
    Camera,
    Track,
}

impl Connection {
    /// A client at `peer` has connected, now by `clocks`. The seed decides every random value of this
    /// connection: session ids, nonces, SSRCs.
    pub fn new(server: Arc<Server>, peer: IpAddr, clocks: Clocks, seed: u64) -> Self {
        count(&server.counters.connections);
        count(&server.counters.clients);
        let quirks = server.config.quirks;
        let nonces = derive(seed, "nonce", 0);
        let verifier = server.config.authentication.verifier(quirks, nonces);
        Self {
            conduct: Conduct::new(quirks),
            framing: Framing::new(quirks),
            hangs_up: false,
            server,
            peer,
            clocks,
            seed,
            verifier,
            session: None,
            sessions: 0,
            last_heard: clocks.monotonic,
        }
    }

    /// Answers a request: appends to `out` what goes onto the connection, the response and what a [`Quirk`](crate::Quirk) has
    /// around it. Look at [`hangs_up`](Self::hangs_up) afterwards.
    pub fn respond(&mut self, now: Instant, request: &Request, out: &mut BytesMut) {
        if self.conduct.is_banned(&self.server.memory) {
            return self.hang_up();
        }
        let in_session = match self.session {
            Some(_) => InSession::Yes,
            None => InSession::No,
        };
        let mut response = self.handle_request(now, request);
        let fate = self
            .conduct
            .fate(&self.server.memory, request, &mut response, in_session);
        if matches!(fate, Fate::Sent | Fate::LastWords) {
            self.framing.before_response(out);
            if self.conduct.plays_early(request) {
                self.write_due(now, Room::Available, out);
            }
            quirks::wire::write(self.quirks(), &response, out);
        }
        if matches!(fate, Fate::HangUp | Fate::LastWords) {
            self.hang_up();
        }
    }

    /// The response to a request, without what only [`respond`](Self::respond) can do to it.
    pub fn handle_request(&mut self, now: Instant, request: &Request) -> Response {
        count(&self.server.counters.requests);
        let heard = self.last_heard;
        let cseq = request.headers.typed::<CSeq>();
        let preempted = self.conduct.preempt(request);
        let mut response = match cseq {
            Ok(Some(_)) => preempted
                .map_or_else(|| self.answer(now, request), Ok)
                .unwrap_or_else(|refusal| refusal),
            _ => Response::new(StatusCode::BAD_REQUEST),
        };
        if self.conduct.is_deaf_to(request) {
            self.last_heard = heard;
        }
        if let Ok(Some(cseq)) = cseq {
            response.headers.set_typed(&cseq);
        }
        response.headers.set(
            name::SERVER,
            concat!("throughline-mock-camera/", env!("CARGO_PKG_VERSION")),
        );
        quirks::response::bend(self.quirks(), request, &mut response);
        response
    }

    /// Whether the camera ends the connection once what it has answered is sent.
    pub fn hangs_up(&self) -> bool {
        self.hangs_up
    }

    /// Answers bytes that are no RTSP. The framing is lost with them, and so is the session: close the
    /// connection once the answer is sent.
    pub fn handle_malformed(&mut self) -> Response {
        self.session = None;
        Response::new(StatusCode::BAD_REQUEST)
    }

    /// Reads an interleaved frame from the client: RTCP, if anything that means something.
    pub fn handle_interleaved(&mut self, now: Instant, channel: u8, payload: &[u8]) {
        if let Some(Delivery::Interleaved(channels)) = self.delivery()
            && (channel == channels.rtp || channel == channels.rtcp)
        {
            self.handle_rtcp(now, payload);
        }
    }

    /// Reads RTCP from the client: reports are counted, PLI and FIR make the stream jump to the clip's next
    /// IDR.
    pub fn handle_rtcp(&mut self, now: Instant, data: &[u8]) {
        if let Some(session) = &mut self.session
            && rtcp::is_rtcp(data)
        {
            self.last_heard = now;
            if !session.playout.is_playing() {
                self.conduct.heard_early();
            }
            session.playout.handle_rtcp(now, data);
        }
    }

    /// The packets that are due, if any are.
    pub fn handle_timeout(&mut self, now: Instant, room: Room) -> Option<&Burst> {
        Some(self.session.as_mut()?.playout.handle_timeout(now, room))
    }

    /// The same for a session whose packets travel on the connection: appends them to `out` as frames.
    pub fn write_due(&mut self, now: Instant, room: Room, out: &mut BytesMut) {
        if let Some(session) = &mut self.session
            && let Delivery::Interleaved(channels) = session.delivery
        {
            for packet in session.playout.handle_timeout(now, room).packets() {
                self.framing.write(channels, packet, out);
            }
        }
    }

    /// How many of `queued` bytes are to be written at once.
    pub(crate) fn piece(&mut self, queued: usize) -> usize {
        self.framing.piece(queued)
    }

    /// Whether only the first message of what is read at once counts.
    pub(crate) fn reads_once(&self) -> bool {
        self.framing.reads_once()
    }

    fn quirks(&self) -> Quirks {
        self.server.config.quirks
    }

    fn hang_up(&mut self) {
        self.session = None;
        self.hangs_up = true;
    }

    /// When to call [`handle_timeout`](Self::handle_timeout) and to look at [`is_expired`](Self::is_expired).
    pub fn wake_at(&self) -> Instant {
        let expiry = self.last_heard + self.session_timeout();
        self.session
            .as_ref()
            .and_then(|session| session.playout.wake_at())
            .map_or(expiry, |due| due.min(expiry))
    }

    /// Has the client shown no sign of life for [`SESSION_TIMEOUT`], or for as long as a [`Quirk`](crate::Quirk) says? Close the
    /// connection then.
    pub fn is_expired(&self, now: Instant) -> bool {
        now >= self.last_heard + self.session_timeout()
    }

    fn session_timeout(&self) -> Duration {
        quirks::response::session_timeout(self.quirks())
    }

    /// Where packets go, once the client has chosen.
    pub fn delivery(&self) -> Option<Delivery> {
        self.session.as_ref().map(|session| session.delivery)
    }

    fn answer(&mut self, now: Instant, request: &Request) -> Result<Response, Response> {
        if let Some(option) = request.headers.get(name::REQUIRE) {
            let mut refusal = Response::new(StatusCode::OPTION_NOT_SUPPORTED);
            refusal.headers.set(name::UNSUPPORTED, option);
            return Err(refusal);
        }
        if !METHODS.contains(&request.method) {
            return Err(not_offered(&request.method));
        }
        // Open without a password, as most cameras have it: clients ask for it first.
        if request.method == Method::Options {
            self.check_session(now, request)?;
            return Ok(with_methods(Response::new(StatusCode::OK), name::PUBLIC));
        }
        let (authority, resource) = resource(&request.uri)?;
        let base = format!("rtsp://{authority}/{CAMERA}/");
        self.check_credentials(now, request)?;
        self.check_session(now, request)?;
        if self.conduct.renames_session(request) {
            self.rename_session();
        }
        match request.method {
            Method::Describe if resource == Resource::Camera => Ok(self.describe(base)),
            Method::Describe => Err(Response::new(StatusCode::NOT_FOUND)),
            Method::Setup => self.set_up(request),
            Method::GetParameter | Method::SetParameter if request.body.is_empty() => Ok(self.ok()),
            Method::GetParameter | Method::SetParameter => {
                Err(Response::new(StatusCode::PARAMETER_NOT_UNDERSTOOD))
            }
            Method::Play => self.play(now, &base, request),
            Method::Pause => self.pause(request),
            _ => self.tear_down(request),
        }
    }

    fn check_credentials(&mut self, now: Instant, request: &Request) -> Result<(), Response> {
        let Some(verifier) = &mut self.verifier else {
            return Ok(());
        };
        if self.conduct.renews_nonce(now) {
            verifier.renew_nonce();
        }
        let checked = verifier.verify(request);
        if checked.is_ok() {
            self.conduct.accepted(now);
        }
        checked.map_err(|challenges| {
            let mut refusal = Response::new(StatusCode::UNAUTHORIZED);
            // A line each: more clients read several lines than several challenges in one.
            for challenge in challenges.0 {
                refusal
                    .headers
                    .append(name::WWW_AUTHENTICATE, challenge.to_string());
            }
            refusal
        })
    }

    /// Refuses a request that names another session, and takes one that names this session as a sign of life.
    /// A request without a session keeps only a connection without a session (Q99).
    fn check_session(&mut self, now: Instant, request: &Request) -> Result<(), Response> {
        let named = request
            .headers
            .typed::<headers::Session>()
            .map_err(|_| Response::new(StatusCode::BAD_REQUEST))?;
        let own = self.session.as_ref().map(|session| &session.id);
        match named {
            Some(named) if own != Some(&named.id) => {
                return Err(Response::new(StatusCode::SESSION_NOT_FOUND));
            }
            None if own.is_some() => {}
            _ => self.last_heard = now,
        }
        Ok(())
    }

    /// The session that the request must name.
    fn named_session(&mut self, request: &Request) -> Result<&mut Session, Response> {
        let Some(session) = &mut self.session else {
            return Err(Response::new(StatusCode::METHOD_NOT_VALID_IN_THIS_STATE));
        };
        match request.headers.get(name::SESSION) {
            Some(_) => Ok(session),
            None => Err(Response::new(StatusCode::SESSION_NOT_FOUND)),
        }
    }

    /// 200, with the session if there is one.
    fn ok(&self) -> Response {
        let mut response = Response::new(StatusCode::OK);
        if let Some(session) = &self.session {
            response.headers.set(name::SESSION, session.id.as_str());
        }
        response
    }

    fn describe(&self, base: String) -> Response {
        let mut response = self.ok();
        response.headers.set(name::CONTENT_BASE, base);
        response.headers.set(name::CONTENT_TYPE, "application/sdp");
        response.body = self.server.description.clone().into();
        response
    }

    /// Makes a session in place of any before it, or gives the one that the request names another transport.
    fn set_up(&mut self, request: &Request) -> Result<Response, Response> {
        let offer = request
            .headers
            .get(name::TRANSPORT)
            .ok_or_else(|| Response::new(StatusCode::BAD_REQUEST))?;
        let offer = Transport::parse_list(offer).map_err(|_| Response::new(StatusCode::BAD_REQUEST))?;
        let (mut transport, delivery) = offer
            .iter()
            .find_map(|transport| self.accept(transport))
            .ok_or_else(|| Response::new(StatusCode::UNSUPPORTED_TRANSPORT))?;
        if request.headers.get(name::SESSION).is_none() {
            self.session = None;
        }
        let session = match &mut self.session {
            Some(session) if session.playout.is_playing() => {
                return Err(Response::new(StatusCode::METHOD_NOT_VALID_IN_THIS_STATE));
            }
            Some(session) => {
                session.delivery = delivery;
                session
            }
            None => {
                let session = self.new_session(delivery);
                self.session.insert(session)
            }
        };
        transport.ssrc = Some(session.playout.ssrc().0);
        let mut response = Response::new(StatusCode::OK);
        response.headers.set_typed(&headers::Session {
            id: session.id.clone(),
            timeout: Some(quirks::response::session_timeout(self.server.config.quirks)),
        });
        response.headers.set_typed(&transport);
        Ok(response)
    }

    /// The answer to one of the transports on offer, if it can be had.
    fn accept(&self, offer: &Transport) -> Option<(Transport, Delivery)> {
        let ServerConfig {
            transports,
            udp_ports,
            ..
        } = self.server.config;
        if offer.delivery != headers::Delivery::Unicast
            || offer.profile != "RTP/AVP"
            || offer.mode.contains(&TransportMode::Record)
        {
            return None;
        }
        match offer.lower {
            lower if !transports.has(lower) => None,
            LowerTransport::Tcp => {
                let asked = Pair::from(offer.interleaved.unwrap_or((0, 1)));
                let channels = quirks::response::channels(self.quirks(), asked);
                let answer = Transport::interleaved(channels.rtp, channels.rtcp);
                Some((answer, Delivery::Interleaved(channels)))
            }
            LowerTransport::Udp => {
                // Only ever to the client itself, whatever destination it names: the camera is nobody's
                // amplifier.
                let ports = Pair::from(offer.client_port.filter(|ports| ports.0 != 0 && ports.1 != 0)?);
                let at = |port| SocketAddr::new(self.peer, port);
                let answer = Transport {
                    server_port: Some(udp_ports),
                    ..Transport::udp(ports.rtp, ports.rtcp)
                };
                Some((
                    answer,
                    Delivery::Udp(Pair {
                        rtp: at(ports.rtp),
                        rtcp: at(ports.rtcp),
                    }),
                ))
            }
        }
    }

    fn new_session(&mut self, delivery: Delivery) -> Session {
        self.sessions += 1;
        let server = &self.server;
        let seed = derive(self.seed, "stream", self.sessions);
        Session {
            id: self.session_id(),
            delivery,
            playout: Playout::new(
                server.config.clip.clone(),
                Arc::clone(&server.counters),
                self.clocks,
                PacketQuirks::new(server.config.quirks),
                seed,
            ),
        }
    }

    fn session_id(&self) -> String {
        format!("{:016x}", derive(self.seed, "session", self.sessions))
    }

    fn rename_session(&mut self) {
        self.sessions += 1;
        let id = self.session_id();
        if let Some(session) = &mut self.session {
            session.id = id;
        }
    }

    fn play(&mut self, now: Instant, base: &str, request: &Request) -> Result<Response, Response> {
        self.named_session(request)?;
        let Some(session) = &mut self.session else {
            return Err(Response::new(StatusCode::METHOD_NOT_VALID_IN_THIS_STATE));
        };
        if !self.conduct.plays_nothing(request, session.delivery.lower()) {
            session.playout.play(now);
        }
        let (sequence_number, timestamp) = session.playout.position();
        let info = RtpInfoEntry {
            url: format!("{base}{TRACK}"),
            seq: Some(sequence_number.0),
            rtptime: Some(timestamp.0),
        };
        let mut response = self.ok();
        response.headers.set_typed(&Range::LIVE);
        response.headers.set_typed(&RtpInfo(vec![info]));
        Ok(response)
    }

    fn pause(&mut self, request: &Request) -> Result<Response, Response> {
        self.named_session(request)?.playout.pause();
        Ok(self.ok())
    }

    fn tear_down(&mut self, request: &Request) -> Result<Response, Response> {
        self.named_session(request)?;
        self.session = None;
        Ok(Response::new(StatusCode::OK))
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        self.server.counters.clients.fetch_sub(1, Ordering::Relaxed);
    }
}

/// A known method that a camera does not offer is not allowed, an unknown one not implemented
/// ([RFC 2326 §11.3.1](https://www.rfc-editor.org/rfc/rfc2326#section-11.3.1)).
fn not_offered(method: &Method) -> Response {
    match method {
        Method::Extension(_) => Response::new(StatusCode::NOT_IMPLEMENTED),
        _ => with_methods(Response::new(StatusCode::METHOD_NOT_ALLOWED), name::ALLOW),
    }
}

fn with_methods(mut response: Response, header: &str) -> Response {
    response.headers.set(header, Public(METHODS.to_vec()).to_string());
    response
}

/// Host and port as the client calls them, and what of the camera it means.
pub(crate) fn resource(uri: &str) -> Result<(&str, Resource), Response> {
    let bad = || Response::new(StatusCode::BAD_REQUEST);
    let (scheme, rest) = uri.split_once("://").ok_or_else(bad)?;
    if !scheme.eq_ignore_ascii_case("rtsp") {
        return Err(bad());
    }
    let (authority, path) = rest.split_once('/').unwrap_or((rest, ""));
    // A client should not, but may, leave its credentials in the URL: they are not sent back to it.
    let authority = authority.rsplit_once('@').map_or(authority, |(_, host)| host);
    let path = path
        .split_once('?')
        .map_or(path, |(path, _)| path)
        .trim_end_matches('/');
    match path.split_once('/') {
        None if path == CAMERA => Ok((authority, Resource::Camera)),
        Some((CAMERA, TRACK)) => Ok((authority, Resource::Track)),
        _ => Err(Response::new(StatusCode::NOT_FOUND)),
    }
}

/// One of the many random numbers that a seed stands for.
fn derive(seed: u64, what: &str, number: u64) -> u64 {
    let mut hasher = DefaultHasher::new();
    (seed, what, number).hash(&mut hasher);
    hasher.finish()
}
