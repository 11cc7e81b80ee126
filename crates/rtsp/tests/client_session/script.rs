//! A camera that says what a test tells it to, and a session that listens.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use throughline_rtsp::client::{
    ClientSession, Endpoint, Error, Event, Output, Received, SessionConfig, SessionStats, SetUpRequest,
    TransportRequest,
};
use throughline_rtsp::headers::CSeq;
use throughline_rtsp::{Credentials, Message, Parsed, Policy, Request, RtspUrl, Tolerance, parse};

pub(crate) const URL: &str = "rtsp://192.0.2.1/live";
pub(crate) const PASSWORD: &str = "open sesame";
/// `viewer:open sesame`, as Basic sends it.
pub(crate) const PASSWORD_IN_BASE64: &str = "dmlld2VyOm9wZW4gc2VzYW1l";

/// Two tracks, the second one sound.
pub(crate) const SDP: &str = "v=0\r\no=- 1 1 IN IP4 192.0.2.1\r\ns=camera\r\nt=0 0\r\na=control:*\r\n\
    m=video 0 RTP/AVP 96\r\na=rtpmap:96 H264/90000\r\na=control:trackID=0\r\n\
    m=audio 0 RTP/AVP 0\r\na=control:trackID=1\r\n";

pub(crate) const TCP: &str = "Transport: RTP/AVP/TCP;unicast;interleaved=0-1";
pub(crate) const LABEL: &str = "Content-Type: application/sdp";
pub(crate) const DIGEST: &str = "WWW-Authenticate: Digest realm=\"IP Camera(AB705)\", nonce=\"n1\"";
pub(crate) const BASIC: &str = "WWW-Authenticate: Basic realm=\"camera\"";

/// The session under test with everything that came out of it so far and was not looked at.
pub(crate) struct Script {
    pub(crate) session: ClientSession,
    pub(crate) now: Instant,
    wake_at: Option<Instant>,
    unread: Vec<u8>,
    connects: VecDeque<Endpoint>,
    /// Messages as they were transmitted, one each.
    sent: VecDeque<Vec<u8>>,
    events: VecDeque<Event>,
    pub(crate) packets: Vec<(u8, Vec<u8>)>,
    last_cseq: u32,
    /// Where in all that the camera ever says a read ends too early.
    cut: Option<usize>,
    said: usize,
    /// Everything that could end up in a log.
    pub(crate) shown: String,
}

impl Script {
    pub(crate) fn new(session: ClientSession) -> Self {
        Self {
            session,
            now: Instant::now(),
            wake_at: None,
            unread: Vec::new(),
            connects: VecDeque::new(),
            sent: VecDeque::new(),
            events: VecDeque::new(),
            packets: Vec::new(),
            last_cseq: 0,
            cut: None,
            said: 0,
            shown: String::new(),
        }
    }

    /// A session with credentials, started and connected.
    pub(crate) fn connected() -> Self {
        Self::connected_with(config())
    }

    pub(crate) fn connected_with(config: SessionConfig) -> Self {
        Self::connected_and_cut(config, None)
    }

    pub(crate) fn connected_and_cut(config: SessionConfig, cut: Option<usize>) -> Self {
        Self::connected_from(Self {
            cut,
            ..Self::new(ClientSession::new(config, 1))
        })
    }

    fn connected_from(mut script: Self) -> Self {
        script.call(ClientSession::start);
        script.expect_connect("192.0.2.1", 554);
        script
    }

    /// Connected and described.
    pub(crate) fn described() -> Self {
        Self::described_with(config())
    }

    pub(crate) fn described_with(config: SessionConfig) -> Self {
        Self::described_from(Self::new(ClientSession::new(config, 1)))
    }

    fn described_from(script: Self) -> Self {
        let mut script = Self::connected_from(script);
        script.turn("DESCRIBE rtsp://192.0.2.1/live", "200 OK", &[LABEL], SDP);
        assert!(matches!(script.event(), Event::Described(_)));
        script
    }

    /// The same later than another script.
    pub(crate) fn playing_at(now: Instant, config: SessionConfig, session: &str) -> Self {
        Self::playing_from(
            Self {
                now,
                ..Self::new(ClientSession::new(config, 1))
            },
            session,
        )
    }

    /// Playing one track over TCP; `session` is the value of the Session header.
    pub(crate) fn playing(session: &str) -> Self {
        Self::playing_with(config(), session)
    }

    pub(crate) fn playing_with(config: SessionConfig, session: &str) -> Self {
        Self::playing_from(Self::new(ClientSession::new(config, 1)), session)
    }

    fn playing_from(script: Self, session: &str) -> Self {
        let mut script = Self::described_from(script);
        script.setup(0, TransportRequest::Tcp);
        script.call(ClientSession::play);
        let headers = [&format!("Session: {session}"), TCP];
        script.turn("SETUP rtsp://192.0.2.1/live/trackID=0", "200 OK", &headers, "");
        assert!(matches!(script.event(), Event::SetUp { media: 0, .. }));
        script.turn("PLAY rtsp://192.0.2.1/live", "200 OK", &[], "");
        assert!(matches!(script.event(), Event::Playing { .. }));
        script
    }

    /// Does something to the session at the present time and takes in what comes of it.
    pub(crate) fn call(&mut self, action: impl FnOnce(&mut ClientSession, Instant)) {
        action(&mut self.session, self.now);
        self.drain();
    }

    pub(crate) fn setup(&mut self, media: usize, request: impl Into<SetUpRequest>) {
        self.call(|session, now| session.setup(now, media, request));
    }

    fn drain(&mut self) {
        // That a read ends elsewhere changes nothing in it.
        if self.cut.is_none() {
            self.show(&format!("{:?}", self.session));
        }
        loop {
            let output = self.session.poll_output();
            self.show(&format!("{output:?}"));
            match output {
                Output::Connect(endpoint) => self.connects.push_back(endpoint),
                Output::Transmit(bytes) => self.sent.push_back(bytes.to_vec()),
                Output::Event(event) => {
                    if let Event::Failed(error) = &event {
                        self.show(&error.to_string());
                    }
                    self.events.push_back(event);
                }
                Output::Idle { wake_at } => {
                    self.wake_at = wake_at;
                    break;
                }
            }
        }
    }

    fn show(&mut self, text: &str) {
        assert!(
            !text.contains(PASSWORD) && !text.contains(PASSWORD_IN_BASE64),
            "the password is in {text}"
        );
        self.shown.push_str(text);
    }

    /// Lets time pass; the session is woken whenever it asked for it.
    pub(crate) fn wait(&mut self, time: Duration) {
        let end = self.now + time;
        while let Some(wake_at) = self.wake_at.filter(|&at| at <= end) {
            assert!(wake_at >= self.now, "the session asks to be woken in the past");
            self.now = wake_at;
            self.call(ClientSession::handle_timeout);
        }
        self.now = end;
    }

    /// How long until the session wants to be woken.
    pub(crate) fn sleeps_for(&self) -> Option<Duration> {
        self.wake_at.map(|at| at - self.now)
    }

    /// The session must have asked for this connection; it gets it.
    pub(crate) fn expect_connect(&mut self, host: &str, port: u16) {
        let endpoint = self.expect_endpoint();
        assert_eq!((endpoint.host.as_str(), endpoint.port), (host, port));
    }

    /// A connection is asked for, and is there.
    pub(crate) fn expect_endpoint(&mut self) -> Endpoint {
        let endpoint = self.connects.pop_front().expect("a connection is asked for");
        self.unread.clear();
        self.call(ClientSession::handle_connected);
        endpoint
    }

    pub(crate) fn close(&mut self) {
        self.call(ClientSession::handle_closed);
    }

    /// The next message that was sent must be a request that begins with `line`, and nothing may be sent behind it.
    pub(crate) fn expect(&mut self, line: &str) -> Request {
        let bytes = self
            .sent
            .pop_front()
            .unwrap_or_else(|| panic!("nothing was sent in place of {line}"));
        let text = String::from_utf8(bytes).unwrap();
        let Ok(Parsed::Message {
            consumed,
            message: Message::Request(request),
        }) = parse(text.as_bytes())
        else {
            panic!("not a request: {text}");
        };
        assert_eq!(consumed, text.len(), "one message, whole, in one piece");
        assert_eq!(text.lines().next(), Some(format!("{line} RTSP/1.0").as_str()));
        let CSeq(cseq) = request.headers.typed().unwrap().expect("a CSeq");
        assert!(
            text.contains(&format!("RTSP/1.0\r\nCSeq: {cseq}\r\n")),
            "CSeq comes first: {text}"
        );
        assert!(
            request.headers.get("User-Agent").is_some(),
            "every request says who asks"
        );
        self.last_cseq = cseq;
        request
    }

    /// The next message that was sent must be a response with this status line.
    pub(crate) fn expect_response(&mut self, status: &str) -> String {
        let bytes = self
            .sent
            .pop_front()
            .unwrap_or_else(|| panic!("nothing was sent in place of {status}"));
        let text = String::from_utf8(bytes).unwrap();
        assert!(text.starts_with(&format!("RTSP/1.0 {status}\r\n")), "{text}");
        assert_eq!(text.find("\r\n\r\n"), Some(text.len() - 4), "one message, whole");
        text
    }

    /// One row of a conversation: the request that must come, and what it is answered with.
    pub(crate) fn turn(&mut self, line: &str, status: &str, headers: &[&str], body: &str) -> Request {
        let request = self.expect(line);
        self.answer(self.last_cseq, status, headers, body);
        request
    }

    pub(crate) fn answer(&mut self, cseq: u32, status: &str, headers: &[&str], body: &str) {
        let mut lines = vec![format!("CSeq: {cseq}")];
        lines.extend(headers.iter().map(ToString::to_string));
        if !body.is_empty() {
            lines.push(format!("Content-Length: {}", body.len()));
        }
        self.say(format!("RTSP/1.0 {status}\r\n{}\r\n\r\n{body}", lines.join("\r\n")).as_bytes());
    }

    /// Bytes arrive.
    pub(crate) fn say(&mut self, bytes: &[u8]) {
        let cut = self
            .cut
            .and_then(|cut| cut.checked_sub(self.said))
            .filter(|&cut| cut < bytes.len());
        let (first, second) = bytes.split_at(cut.unwrap_or(0));
        self.said += bytes.len();
        for part in [first, second] {
            self.unread.extend_from_slice(part);
            loop {
                let (consumed, received) = self.session.receive(self.now, &self.unread);
                if let Received::Interleaved { channel, payload } = received {
                    self.packets.push((channel, payload.to_vec()));
                }
                let is_done = received == Received::Incomplete;
                self.unread.drain(..consumed);
                self.drain();
                if is_done {
                    break;
                }
            }
        }
    }

    /// The camera says what stands in `testdata/rtsp`.
    pub(crate) fn say_fixture(&mut self, name: &str) {
        let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../../testdata/rtsp");
        let bytes = std::fs::read(format!("{folder}/{name}.txt")).expect("the fixture is there");
        self.say(&bytes);
    }

    /// How many bytes the camera has said.
    pub(crate) fn said(&self) -> usize {
        self.said
    }

    /// The next event.
    pub(crate) fn event(&mut self) -> Event {
        self.events.pop_front().expect("an event")
    }

    /// The session must have failed, and nothing else is left of it.
    pub(crate) fn failure(&mut self) -> Error {
        match self.event() {
            Event::Failed(error) => {
                self.expect_nothing();
                assert_eq!(self.sleeps_for(), None, "a session that is over asks for nothing");
                error
            }
            other => panic!("expected a failure, got {other:?}"),
        }
    }

    /// The session must have failed for want of this leniency, by what the answer to a request or a frame needs.
    pub(crate) fn refusal(&mut self, tolerance: Tolerance) {
        self.sent.retain(|bytes| !bytes.starts_with(b"TEARDOWN"));
        let error = self.failure();
        assert!(
            matches!(&error, Error::NotTolerated { tolerance: used, .. } if *used == tolerance),
            "{error}"
        );
        assert!(!self.session.tolerated().contains(tolerance));
    }

    /// Looks at nothing of what has come out so far but the end.
    pub(crate) fn forget_outputs(&mut self) {
        self.sent.clear();
        self.events.retain(|event| matches!(event, Event::Failed(_)));
    }

    /// The session must have failed, whatever else has come out.
    pub(crate) fn last_failure(&mut self) -> Error {
        self.forget_outputs();
        self.failure()
    }

    pub(crate) fn has_sent(&self) -> bool {
        !self.sent.is_empty()
    }

    pub(crate) fn has_ended(&self) -> bool {
        self.events.iter().any(|event| matches!(event, Event::Failed(_)))
    }

    /// Nothing was sent, asked for or told that has not been looked at.
    pub(crate) fn expect_nothing(&self) {
        assert_eq!(
            self.sent.len(),
            0,
            "{:?}",
            self.sent
                .iter()
                .map(|b| String::from_utf8_lossy(b))
                .collect::<Vec<_>>()
        );
        assert_eq!(self.connects, []);
        assert_eq!(self.events, []);
    }

    pub(crate) fn stats(&self) -> SessionStats {
        self.session.stats()
    }
}

pub(crate) fn config() -> SessionConfig {
    let (url, none) = RtspUrl::parse(URL).unwrap();
    assert!(none.is_none());
    SessionConfig {
        credentials: Some(Credentials::new("viewer", PASSWORD)),
        ..SessionConfig::new(url)
    }
}

pub(crate) fn refusing(tolerance: Tolerance) -> SessionConfig {
    SessionConfig {
        policy: Policy::default().refuse(tolerance),
        ..config()
    }
}

pub(crate) fn seconds(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

/// The interleaved frame of a packet.
pub(crate) fn frame(channel: u8, payload: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::new();
    throughline_rtsp::write_interleaved_header(channel, payload.len().try_into().unwrap(), &mut bytes);
    bytes.extend_from_slice(payload);
    bytes
}
