use std::net::Ipv4Addr;
use std::sync::{Arc, LazyLock};
use std::time::{Duration, Instant, UNIX_EPOCH};

use bytes::BytesMut;
use throughline_mock_camera::server::{
    Clocks, Connection, Delivery, Packet as SentPacket, Protocol, Room, Server, ServerConfig,
};
use throughline_mock_camera::{Authentication, BuiltInClip, Clip, Quirk, Quirks, Transports};
use throughline_rtp::rtcp::{self, RtcpPacket};
use throughline_rtp::{Packet, SequenceNumber, Ssrc};
use throughline_rtsp::headers::{CSeq, Session, name};
use throughline_rtsp::{Credentials, Headers, Message, Parsed, Request, Response, parse};

use crate::input::{Script, Step};

static CLIP: LazyLock<Clip> = LazyLock::new(|| Clip::built_in(BuiltInClip::ConstrainedBaseline));

/// Whatever a client sends, each of its requests gets one response that can be read, the packets are well-formed and in
/// order, and the camera keeps its appointments.
///
/// Instructions at the beginning: `B` Basic, `D` Digest, `A` any authentication; `Q` what follows are numbers of quirks,
/// with which there is at most one response, and packets are bounded and no more. Later: `w` the time of the next
/// appointment comes, `f` it does while the client does not keep up, `t` 10 ms pass, `C` what follows is a datagram of
/// RTCP, `S` it is the connection again. A request whose session is `SESSION` means the one that the camera named.
pub fn mock_camera_server(data: &[u8]) {
    let mut steps = Script(data).peekable();
    let credentials = || Credentials::new("viewer", "sesame");
    let mut authentication = Authentication::None;
    let mut quirks = Quirks::default();
    while let Some(step) = steps.next_if(|step| matches!(step, Step::Instruction(b'B' | b'D' | b'A' | b'Q')))
    {
        match step {
            Step::Instruction(b'B') => authentication = Authentication::Basic(credentials()),
            Step::Instruction(b'D') => authentication = Authentication::Digest(credentials()),
            Step::Instruction(b'A') => authentication = Authentication::Any(credentials()),
            _ => {
                if let Some(Step::Bytes(numbers)) = steps.next_if(|step| matches!(step, Step::Bytes(_))) {
                    quirks = read_quirks(numbers);
                }
            }
        }
    }
    let mut client = Client::new(authentication, quirks);
    for step in steps {
        match step {
            Step::Bytes(datagram) if client.by_datagram => {
                client.connection.handle_rtcp(client.now, datagram);
            }
            Step::Bytes(bytes) => client.send(bytes),
            Step::Instruction(b'w') => client.wait(Room::Available),
            Step::Instruction(b'f') => client.wait(Room::Full),
            Step::Instruction(b't') => {
                client.now += Duration::from_millis(10);
                client.receive(Room::Available);
            }
            Step::Instruction(b'C') => client.by_datagram = true,
            Step::Instruction(b'S') => client.by_datagram = false,
            Step::Instruction(_) => {}
        }
        if client.is_gone {
            break;
        }
    }
}

struct Client {
    server: Arc<Server>,
    connection: Connection,
    quirks: Quirks,
    now: Instant,
    /// Sent, and not read by the camera yet.
    unread: Vec<u8>,
    by_datagram: bool,
    is_gone: bool,
    requests: u64,
    session: Option<Session>,
    last: Option<(Ssrc, SequenceNumber)>,
}

impl Client {
    fn new(authentication: Authentication, quirks: Quirks) -> Self {
        let server = Arc::new(Server::new(ServerConfig {
            clip: CLIP.clone(),
            authentication,
            transports: Transports::Both,
            quirks,
            udp_ports: (6970, 6971),
        }));
        let now = Instant::now();
        let clocks = Clocks {
            monotonic: now,
            wall: UNIX_EPOCH + Duration::from_secs(1_800_000_000),
        };
        Self {
            connection: Connection::new(Arc::clone(&server), Ipv4Addr::LOCALHOST.into(), clocks, 1),
            server,
            quirks,
            now,
            unread: Vec::new(),
            by_datagram: false,
            is_gone: false,
            requests: 0,
            session: None,
            last: None,
        }
    }

    fn send(&mut self, bytes: &[u8]) {
        self.unread.extend_from_slice(bytes);
        loop {
            let consumed = match parse(&self.unread) {
                Ok(Parsed::Incomplete) => break,
                Ok(Parsed::Skipped { consumed }) => consumed,
                Ok(Parsed::Interleaved {
                    consumed,
                    channel,
                    payload,
                }) => {
                    self.connection.handle_interleaved(self.now, channel, payload);
                    consumed
                }
                Ok(Parsed::Message { consumed, message }) => {
                    if let Message::Request(request) = message {
                        self.ask(request);
                    }
                    consumed
                }
                Err(_) => {
                    self.connection.handle_malformed();
                    assert_eq!(self.connection.delivery(), None);
                    self.is_gone = true;
                    break;
                }
            };
            self.unread.drain(..consumed);
            if self.is_gone {
                return;
            }
        }
        assert_eq!(self.server.stats().requests, self.requests);
    }

    fn ask(&mut self, mut request: Request) {
        self.requests += 1;
        if let (Some("SESSION"), Some(session)) = (request.headers.get(name::SESSION), &self.session) {
            request.headers.set(name::SESSION, session.id.as_str());
        }
        let mut out = BytesMut::new();
        self.connection.respond(self.now, &request, &mut out);
        self.is_gone |= self.connection.hangs_up();
        let responses = responses(&out, self.quirks);
        match responses.as_slice() {
            [response] => {
                let named = response.headers.typed().ok().flatten();
                self.session = named.or(self.session.take());
                if self.quirks.is_empty() {
                    answers(response, &request);
                }
            }
            [] => assert!(!self.quirks.is_empty()),
            several => unreachable!("{request:?} was answered with {several:?}"),
        }
    }

    /// The time of the camera's next appointment comes.
    fn wait(&mut self, room: Room) {
        self.now = self.now.max(self.connection.wake_at());
        self.receive(room);
        self.is_gone = self.connection.is_expired(self.now);
        assert!(
            self.is_gone || self.connection.wake_at() > self.now,
            "it would wake at once, for nothing"
        );
    }

    fn receive(&mut self, room: Room) {
        let delivery = self.connection.delivery();
        if !self.quirks.is_empty() {
            let mut out = BytesMut::new();
            self.connection.write_due(self.now, room, &mut out);
            assert!(out.len() < 256 * 1024, "a picture has become {} bytes", out.len());
        }
        let Some(burst) = self.connection.handle_timeout(self.now, room) else {
            return;
        };
        if let Some(Delivery::Udp(addresses)) = delivery {
            assert!(
                addresses.rtp.ip().is_loopback() && addresses.rtcp.ip().is_loopback(),
                "sent to others"
            );
        }
        if !self.quirks.is_empty() {
            let is_bounded = |packet: SentPacket<'_>| u16::try_from(packet.bytes.len()).is_ok();
            return assert!(burst.packets().all(is_bounded));
        }
        for packet in burst.packets() {
            assert!(packet.bytes.len() <= 1212 && room == Room::Available);
            match packet.protocol {
                Protocol::Rtp => self.last = Some(follows(packet.bytes, self.last)),
                Protocol::Rtcp => {
                    let packets: Vec<_> = rtcp::compound(packet.bytes).collect();
                    assert!(
                        matches!(
                            packets.as_slice(),
                            [
                                Ok(RtcpPacket::SenderReport(_)),
                                Ok(RtcpPacket::SourceDescription(_))
                            ]
                        ),
                        "{packets:?}"
                    );
                }
            }
        }
    }
}

fn read_quirks(numbers: &[u8]) -> Quirks {
    numbers
        .split(|byte| *byte == b',')
        .filter_map(|number| std::str::from_utf8(number).ok()?.parse::<Quirk>().ok())
        .collect()
}

/// The responses among what the camera sent, all of which can be read unless a torn frame swallows them.
fn responses(mut bytes: &[u8], quirks: Quirks) -> Vec<Response> {
    let mut responses = Vec::new();
    while !bytes.is_empty() {
        let consumed = match parse(bytes) {
            Ok(Parsed::Message {
                consumed,
                message: Message::Response(response),
            }) => {
                responses.push(response);
                consumed
            }
            Ok(Parsed::Skipped { consumed } | Parsed::Interleaved { consumed, .. }) => consumed,
            _ if quirks.contains(Quirk::TornFrames) => break,
            other => unreachable!("{} is {other:?}", bytes.escape_ascii()),
        };
        bytes = bytes.get(consumed..).unwrap_or_default();
    }
    responses
}

/// A response has its request's number.
fn answers(response: &Response, request: &Request) {
    let number = |headers: &Headers| headers.typed::<CSeq>().ok().flatten();
    assert_eq!(number(&response.headers), number(&request.headers));
}

/// The packet's place, which is the one behind the last of its stream.
fn follows(bytes: &[u8], last: Option<(Ssrc, SequenceNumber)>) -> (Ssrc, SequenceNumber) {
    let Ok(packet) = Packet::parse(bytes) else {
        unreachable!("no RTP packet: {bytes:?}")
    };
    if let Some((ssrc, sequence_number)) = last {
        assert!(packet.ssrc() != ssrc || packet.sequence_number() == sequence_number.next());
    }
    (packet.ssrc(), packet.sequence_number())
}
