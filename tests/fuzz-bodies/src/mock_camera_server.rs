use std::net::Ipv4Addr;
use std::sync::{Arc, LazyLock};
use std::time::{Duration, Instant, UNIX_EPOCH};

use throughline_mock_camera::server::{Clocks, Connection, Delivery, Protocol, Room, Server, ServerConfig};
use throughline_mock_camera::{Authentication, BuiltInClip, Clip, Transports};
use throughline_rtp::rtcp::{self, RtcpPacket};
use throughline_rtp::{Packet, SequenceNumber, Ssrc};
use throughline_rtsp::headers::{CSeq, Session, name};
use throughline_rtsp::{Credentials, Message, Parsed, Request, Response, parse};

use crate::input::{Script, Step};

static CLIP: LazyLock<Clip> = LazyLock::new(|| Clip::built_in(BuiltInClip::ConstrainedBaseline));

/// Whatever a client sends, each of its requests gets one response that can be read, the packets are well-formed and in
/// order, and the camera keeps its appointments.
///
/// Instructions at the beginning: `B` Basic, `D` Digest, `A` any authentication. Later: `w` the time of the next
/// appointment comes, `f` it does while the client does not keep up, `t` 10 ms pass, `C` what follows is a datagram of
/// RTCP, `S` it is the connection again. A request whose session is `SESSION` means the one that the camera named.
pub fn mock_camera_server(data: &[u8]) {
    let mut steps = Script(data).peekable();
    let credentials = || Credentials::new("viewer", "sesame");
    let mut authentication = Authentication::None;
    while let Some(step) = steps.next_if(|step| matches!(step, Step::Instruction(b'B' | b'D' | b'A'))) {
        authentication = match step {
            Step::Instruction(b'B') => Authentication::Basic(credentials()),
            Step::Instruction(b'D') => Authentication::Digest(credentials()),
            _ => Authentication::Any(credentials()),
        };
    }
    let mut client = Client::new(authentication);
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
    fn new(authentication: Authentication) -> Self {
        let server = Arc::new(Server::new(ServerConfig {
            clip: CLIP.clone(),
            authentication,
            transports: Transports::Both,
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
        }
        assert_eq!(self.server.stats().requests, self.requests);
    }

    fn ask(&mut self, mut request: Request) {
        self.requests += 1;
        if let (Some("SESSION"), Some(session)) = (request.headers.get(name::SESSION), &self.session) {
            request.headers.set(name::SESSION, session.id.as_str());
        }
        let response = self.connection.handle_request(self.now, &request);
        answers(&response, &request);
        self.session = response.headers.typed().ok().flatten().or(self.session.take());
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
        let Some(burst) = self.connection.handle_timeout(self.now, room) else {
            return;
        };
        if let Some(Delivery::Udp(addresses)) = delivery {
            assert!(
                addresses.rtp.ip().is_loopback() && addresses.rtcp.ip().is_loopback(),
                "sent to others"
            );
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

/// A response can be read, is one message, and has its request's number.
fn answers(response: &Response, request: &Request) {
    let mut bytes = Vec::new();
    response.write(&mut bytes);
    match parse(&bytes) {
        Ok(Parsed::Message {
            consumed,
            message: Message::Response(read),
        }) if consumed == bytes.len() => {
            assert_eq!((read.status, &read.body), (response.status, &response.body));
            let number = |headers: &throughline_rtsp::Headers| headers.typed::<CSeq>().ok().flatten();
            assert_eq!(number(&read.headers), number(&request.headers));
        }
        other => unreachable!(
            "{request:?} was answered with {}, which is {other:?}",
            bytes.escape_ascii()
        ),
    }
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
