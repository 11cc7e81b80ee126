use std::time::{Duration, Instant};

use throughline_rtsp::client::{
    ClientSession, Event, ExtraHeaders, Learned, MAX_REDIRECTS, Output, Received, SessionConfig,
    SetUpRequest, TransportRequest,
};
use throughline_rtsp::headers::{Delivery, KeyMgmt, Profile};
use throughline_rtsp::{Credentials, MAX_BODY_BYTES, MAX_HEADER_BYTES, Method, Parsed, RtspUrl, parse};

use crate::input::{Script, Step, says};

const PASSWORD: &str = "quietSesame";

const KEYS: &str = "cXVpZXRLZXlz";

/// The first, the redirects, and for each place one that mends each reason.
const MAX_CONNECTS: usize = (1 + MAX_REDIRECTS) * 3;

/// More outputs than one call can give reason for.
const MAX_OUTPUTS: usize = 100;

/// Whatever a server sends, a session goes on or ends: it consumes what it gets, comes to rest, keeps its appointments,
/// sends nothing but requests and shows no password.
///
/// Instructions: `w` the time of the next appointment comes, `t` 10 ms pass, `l` the driver loses 10 s over its reading,
/// `c` the server closes the connection, `u` SETUP asks for UDP from here on, `x` for RTCP on its port,
/// `m` for multicast, `k` for SRTP with keys of ours, `s` the second media section is set up,
/// `p` PLAY, `h` PAUSE, `d` TEARDOWN, `n` the next session begins with what this one has learned.
pub fn rtsp_client(data: &[u8]) {
    let Some(mut client) = Client::new(!says(data, PASSWORD) && !says(data, KEYS)) else {
        return;
    };
    for step in Script(data) {
        match step {
            Step::Bytes(bytes) => client.receive(bytes),
            Step::Instruction(instruction) => client.follow(instruction),
        }
    }
    client.conceals(&client.session);
}

struct Client {
    session: ClientSession,
    now: Instant,
    unread: Vec<u8>,
    request: SetUpRequest,
    connects: usize,
    ended: bool,
    wake_at: Option<Instant>,
    /// The other end does not say the password itself.
    discreet: bool,
}

fn session(learned: Learned) -> Option<ClientSession> {
    let (url, _) = RtspUrl::parse("rtsp://192.0.2.1/live").ok()?;
    let mut extra_headers = ExtraHeaders::default();
    extra_headers.add(Method::Play, "Require", "onvif-replay").ok()?;
    let config = SessionConfig {
        credentials: Some(Credentials::new("viewer", PASSWORD)),
        extra_headers,
        learned,
        ..SessionConfig::new(url)
    };
    Some(ClientSession::new(config, 1))
}

impl Client {
    fn new(discreet: bool) -> Option<Self> {
        let mut client = Self {
            session: session(Learned::default())?,
            now: Instant::now(),
            unread: Vec::new(),
            request: TransportRequest::Tcp.into(),
            connects: 0,
            ended: false,
            wake_at: None,
            discreet,
        };
        client.session.start(client.now);
        client.drain();
        Some(client)
    }

    /// The next session with the same server.
    fn renew(&mut self) {
        if let Some(session) = session(self.session.learned()) {
            self.conceals(&self.session);
            (self.session, self.ended, self.connects) = (session, false, 0);
            self.session.start(self.now);
        }
    }

    fn receive(&mut self, bytes: &[u8]) {
        self.unread.extend_from_slice(bytes);
        loop {
            let (consumed, received) = self.session.receive(self.now, &self.unread);
            let is_incomplete = received == Received::Incomplete;
            let is_late = self.wake_at.is_some_and(|at| at <= self.now);
            assert!(is_incomplete || consumed > 0 || is_late, "nothing consumed");
            self.unread.drain(..consumed);
            self.drain();
            if is_incomplete {
                break;
            }
        }
        assert!(
            self.unread.len() <= MAX_HEADER_BYTES + MAX_BODY_BYTES,
            "it waits for more than a message"
        );
    }

    fn follow(&mut self, instruction: u8) {
        match instruction {
            b'w' => {
                let Some(at) = self.wake_at else { return };
                self.now = self.now.max(at);
                self.session.handle_timeout(self.now);
                self.drain();
                assert!(
                    self.wake_at.is_none_or(|at| at > self.now),
                    "it would wake at once, for nothing"
                );
            }
            b't' => {
                self.now += Duration::from_millis(10);
                self.session.handle_timeout(self.now);
            }
            b'l' => self.now += Duration::from_secs(10),
            b'c' => self.session.handle_closed(self.now),
            b'u' => {
                self.request.transport = TransportRequest::Udp {
                    rtp_port: 5000,
                    rtcp_port: 5001,
                };
            }
            b'x' => {
                self.request.transport = TransportRequest::UdpMux {
                    rtp_port: 5000,
                    rtcp_port: 5001,
                };
            }
            b'm' => self.request.transport = TransportRequest::Multicast { group: None },
            b'k' => {
                self.request.profile = Profile::Savp;
                self.request.key_mgmt = Some(KeyMgmt::mikey(KEYS));
            }
            b's' => self.session.setup(self.now, 1, self.request.clone()),
            b'p' => self.session.play(self.now),
            b'h' => self.session.pause(self.now),
            b'n' => self.renew(),
            b'd' => self.session.teardown(self.now),
            _ => {}
        }
        self.drain();
    }

    fn drain(&mut self) {
        for _ in 0..MAX_OUTPUTS {
            let output = self.session.poll_output();
            assert!(
                !self.ended || output == Output::Idle { wake_at: None },
                "{output:?} after the end"
            );
            self.conceals(&output);
            match output {
                Output::Connect(endpoint) => {
                    assert!(!endpoint.host.is_empty() && endpoint.port > 0);
                    self.connects += 1;
                    assert!(self.connects <= MAX_CONNECTS, "it connects without end");
                    self.unread.clear();
                    self.session.handle_connected(self.now);
                }
                Output::Transmit(bytes) => is_one_request(&bytes),
                Output::Event(event) => self.handle_event(&event),
                Output::Idle { wake_at } => {
                    self.wake_at = wake_at;
                    return;
                }
            }
        }
        unreachable!("it does not come to rest");
    }

    fn handle_event(&mut self, event: &Event) {
        match event {
            Event::Described(description) | Event::Announced(description) => {
                for media in 0..description.media().len().min(2) {
                    self.session.setup(self.now, media, self.request.clone());
                }
                self.session.play(self.now);
            }
            Event::SetUp { transport, .. } => {
                assert!(
                    transport.interleaved.is_some()
                        || transport.client_port.is_some()
                        || transport.delivery == Delivery::Multicast,
                    "{transport:?}"
                );
            }
            Event::TornDown | Event::Failed(_) => self.ended = true,
            _ => {}
        }
    }

    fn conceals(&self, shown: &impl std::fmt::Debug) {
        let shown = format!("{shown:?}");
        assert!(!self.discreet || !(shown.contains(PASSWORD) || shown.contains(KEYS)));
    }
}

fn is_one_request(bytes: &[u8]) {
    match parse(bytes) {
        Ok(Parsed::Message { consumed, .. }) if consumed == bytes.len() => {}
        other => unreachable!("{} was sent, which is {other:?}", bytes.escape_ascii()),
    }
}
