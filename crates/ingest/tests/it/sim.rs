//! A [`Camera`] and a [`Peer`] in simulated time.

use std::io;
use std::net::SocketAddr;
use std::time::{Duration, Instant, SystemTime};

use throughline_ingest::camera::{Camera, ConnectError, Membership, Output, UdpPorts, UdpSocket};
use throughline_ingest::{AccessUnit, Config, Error, Event, Retry, TransportPolicy};

use throughline_rtp::rtcp::is_rtcp;

use crate::peer::{Door, Doors, FRAME, Peer, SERVER_PORTS, Script, Sent};

/// What is between the two; cut, nobody is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Cable {
    Plugged,
    Cut,
}

type Distort = Box<dyn FnMut(&mut Vec<u8>)>;

pub(crate) struct Sim {
    pub(crate) camera: Camera,
    pub(crate) peer: Peer,
    pub(crate) start: Instant,
    pub(crate) now: Instant,
    pub(crate) pictures: Vec<AccessUnit>,
    /// With the time since the start.
    pub(crate) events: Vec<(Duration, Event)>,
    pub(crate) ended: Option<Result<(), Error>>,
    pub(crate) connects: Vec<Duration>,
    /// Datagrams to the peer's RTP port.
    pub(crate) punches: u32,
    /// Groups that were joined, and the error that the next one meets.
    pub(crate) joins: Vec<Membership>,
    pub(crate) join_error: Option<io::ErrorKind>,
    /// Where RTCP was sent to last, and from which socket.
    pub(crate) reported_to: Option<(UdpSocket, SocketAddr)>,
    /// The socket to which the peer's RTCP comes.
    pub(crate) rtcp_socket: UdpSocket,
    /// What the next connections meet; open when empty.
    pub(crate) doors: Doors,
    /// The stream is handed over in pieces of this size.
    pub(crate) piece: usize,
    /// What is done to the media before they are handed over: frames of the stream, or datagrams.
    pub(crate) distort: Distort,
    pub(crate) cable: Cable,
    /// What the kernel dropped, and how often that was asked.
    pub(crate) kernel_drops: u32,
    pub(crate) counts: u32,
    /// How often the camera was woken by its own deadline.
    pub(crate) wakes: u32,
    connected: bool,
    pub(crate) next_picture: Instant,
    /// From one picture to the next.
    pub(crate) frame: Duration,
}

pub(crate) const SECOND: Duration = Duration::from_secs(1);

/// A camera that is connected to once.
pub(crate) fn once(transport: TransportPolicy, script: Script) -> Sim {
    let mut config = config();
    config.transport = transport;
    config.retry = Retry::Never;
    Sim::new(config, script)
}

pub(crate) fn config() -> Config {
    Config::parse("rtsp://admin:secret@192.0.2.7/cam").expect("a URL")
}

impl Sim {
    pub(crate) fn new(config: Config, script: Script) -> Self {
        let now = Instant::now();
        let mut camera = Camera::new(config, [7; 32]);
        camera.start(now, SystemTime::now());
        Sim {
            camera,
            peer: Peer::new(script),
            start: now,
            now,
            pictures: Vec::new(),
            events: Vec::new(),
            ended: None,
            connects: Vec::new(),
            punches: 0,
            joins: Vec::new(),
            join_error: None,
            reported_to: None,
            rtcp_socket: UdpSocket::Rtcp,
            doors: Doors::new(),
            piece: usize::MAX,
            distort: Box::new(|_| {}),
            cable: Cable::Plugged,
            kernel_drops: 0,
            counts: 0,
            wakes: 0,
            connected: false,
            next_picture: now,
            frame: FRAME,
        }
    }

    /// Runs until `duration` after the start.
    pub(crate) fn run_to(&mut self, duration: Duration) -> &mut Self {
        let until = self.start + duration;
        while let Some(wake_at) = self.drain() {
            let next = wake_at.min(self.next_picture);
            if next > until {
                break;
            }
            self.now = self.now.max(next);
            if self.next_picture <= self.now {
                self.next_picture += self.frame;
                self.send_picture();
            } else {
                self.camera.handle_timeout(self.now);
                self.wakes += 1;
                assert!(
                    self.drain().is_none_or(|wake_at| wake_at > self.now),
                    "a deadline that does not move"
                );
            }
        }
        self.now = self.now.max(until);
        self
    }

    /// The peer closes the connection.
    pub(crate) fn hang_up(&mut self) {
        self.connected = false;
        self.camera.handle_closed(self.now, None);
        self.drain();
    }

    pub(crate) fn elapsed(&self) -> Duration {
        self.now - self.start
    }

    pub(crate) fn numbers(&self) -> Vec<u32> {
        self.pictures
            .iter()
            .map(|picture| crate::peer::number(&picture.data))
            .collect()
    }

    pub(crate) fn event_count(&self, matches: impl Fn(&Event) -> bool) -> usize {
        self.events.iter().filter(|(_, event)| matches(event)).count()
    }

    pub(crate) fn error(&self) -> &Error {
        self.ended
            .as_ref()
            .expect("an end")
            .as_ref()
            .expect_err("an error")
    }

    fn send_picture(&mut self) {
        for mut sent in self.peer.next_picture() {
            if self.cable == Cable::Cut {
                continue;
            }
            let (Sent::Stream(bytes) | Sent::Rtp(bytes) | Sent::Rtcp(bytes)) = &mut sent;
            (self.distort)(bytes);
            match sent {
                Sent::Stream(bytes) => self.feed(&bytes),
                Sent::Rtp(packet) => self.datagram(UdpSocket::Rtp, SERVER_PORTS.0, &packet),
                Sent::Rtcp(packet) => self.datagram(self.rtcp_socket, SERVER_PORTS.1, &packet),
            }
        }
    }

    /// A datagram from the camera's address, now.
    pub(crate) fn datagram_of(&mut self, socket: UdpSocket, packet: &[u8]) {
        self.datagram(socket, SERVER_PORTS.0, packet);
    }

    /// Several in a row, handed over at once.
    pub(crate) fn datagrams_of(&mut self, socket: UdpSocket, packets: &[Vec<u8>]) {
        let source = SocketAddr::from(([192, 0, 2, 7], SERVER_PORTS.0));
        let packets = packets.iter().map(Vec::as_slice);
        self.camera.handle_datagrams(self.now, socket, source, packets);
        self.drain();
    }

    fn datagram(&mut self, socket: UdpSocket, port: u16, packet: &[u8]) {
        self.datagram_from(SocketAddr::from(([192, 0, 2, 7], port)), socket, packet);
    }

    pub(crate) fn datagram_from(&mut self, source: SocketAddr, socket: UdpSocket, packet: &[u8]) {
        self.camera.handle_datagram(self.now, socket, source, packet);
        self.drain();
    }

    /// Bytes of the stream, now.
    pub(crate) fn feed(&mut self, bytes: &[u8]) {
        for piece in bytes.chunks(self.piece) {
            if self.connected {
                self.camera.handle_stream(self.now, piece);
                self.drain();
            }
        }
    }

    fn drain(&mut self) -> Option<Instant> {
        loop {
            match self.camera.poll_output() {
                Output::Idle { wake_at } => {
                    return wake_at.or_else(|| (self.ended.is_none()).then(|| self.now + FRAME));
                }
                output => self.perform(output),
            }
        }
    }

    fn perform(&mut self, output: Output) {
        let now = self.now;
        match output {
            Output::Connect { endpoint, .. } => {
                assert_eq!((endpoint.host.as_str(), endpoint.port), ("192.0.2.7", 554));
                self.connects.push(self.elapsed());
                self.connected = false;
                match self.doors.pop_front().unwrap_or(Door::Open) {
                    Door::Open => {
                        self.connected = true;
                        self.peer.connected();
                        let peer = SocketAddr::from(([192, 0, 2, 7], 554));
                        self.camera
                            .handle_connected(now, peer, ([192, 0, 2, 1], 40_000).into());
                    }
                    Door::Refuses => {
                        let refused = io::ErrorKind::ConnectionRefused.into();
                        self.camera
                            .handle_connect_failed(now, ConnectError::Connect(refused));
                    }
                    Door::Silent => {}
                }
            }
            Output::Disconnect => {
                self.connected = false;
                self.peer.playing = false;
            }
            Output::Transmit(bytes) => {
                assert!(self.connected, "sent without a connection");
                if self.cable == Cable::Cut {
                    return;
                }
                let answer = self.peer.handle_stream(&bytes);
                self.feed(&answer);
            }
            Output::BindUdp { local } => {
                assert_eq!(local.ip().to_string(), "192.0.2.1");
                self.camera.handle_udp_bound(
                    now,
                    UdpPorts {
                        rtp: 5000,
                        rtcp: 5001,
                    },
                );
            }
            Output::JoinMulticast(membership) => {
                self.joins.push(membership);
                match self.join_error.take() {
                    None => self.camera.handle_multicast_joined(now),
                    Some(error) => self.camera.handle_multicast_join_failed(now, error.into()),
                }
            }
            Output::Datagram {
                socket,
                destination,
                contents,
            } => {
                if is_rtcp(&contents) {
                    self.reported_to = Some((socket, destination));
                    self.peer.handle_rtcp(&contents);
                } else {
                    assert_eq!((socket, destination.port()), (UdpSocket::Rtp, SERVER_PORTS.0));
                    self.punches += 1;
                }
            }
            Output::CountKernelDrops => {
                self.counts += 1;
                self.camera.handle_kernel_drops(self.kernel_drops);
            }
            Output::AccessUnit(picture) => self.pictures.push(picture),
            Output::Event(event) => self.events.push((self.elapsed(), event)),
            Output::Ended(result) => self.ended = Some(result),
            Output::Idle { .. } => unreachable!("handled by the caller"),
        }
    }
}
