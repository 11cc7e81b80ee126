//! Server and client without sockets, in simulated time: what takes minutes on the wire.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::{Duration, Instant, UNIX_EPOCH};

use bytes::BytesMut;
use throughline_ingest::camera::{Camera, Output};
use throughline_ingest::{AccessUnit, Config, Error, Retry, TransportPolicy};
use throughline_mock_camera::server::{Clocks, Connection, Room, Server, ServerConfig};
use throughline_mock_camera::{Quirk, Transports};
use throughline_rtsp::{Message, Parsed, parse};

use crate::clip;

/// What the camera takes for now, 2027.
const WALL: Duration = Duration::from_secs(1_800_000_000);

struct Simulation {
    server: Arc<Server>,
    camera: Camera,
    connection: Option<Connection>,
    start: Instant,
    now: Instant,
    connects: u64,
    /// Sent by the client, not yet read by the server.
    unread: Vec<u8>,
    /// Sent by the server, not yet read by the client.
    arriving: BytesMut,
    pictures: Vec<AccessUnit>,
    ended: Option<Result<(), Error>>,
}

impl Simulation {
    fn new(quirk: Quirk) -> Self {
        let start = Instant::now();
        let mut config = Config::parse("rtsp://viewer:sesame@192.0.2.7/cam").unwrap();
        config.transport = TransportPolicy::Tcp;
        config.retry = Retry::Never;
        let mut camera = Camera::new(config, [7; 32]);
        camera.start(start, UNIX_EPOCH);
        Self {
            server: Arc::new(Server::new(ServerConfig {
                clip: clip::SLOW.clone(),
                authentication: crate::authentication(quirk),
                transports: Transports::Both,
                quirks: [quirk].into_iter().collect(),
                udp_ports: (6970, 6971),
            })),
            camera,
            connection: None,
            start,
            now: start,
            connects: 0,
            unread: Vec::new(),
            arriving: BytesMut::new(),
            pictures: Vec::new(),
            ended: None,
        }
    }

    fn run_for(quirk: Quirk, duration: Duration) -> Self {
        let mut simulation = Self::new(quirk);
        while let Some(wake_at) = simulation.drain() {
            let due = simulation.connection.as_ref().map(Connection::wake_at);
            let next = due.into_iter().chain([wake_at]).min().unwrap();
            if next > simulation.start + duration {
                break;
            }
            simulation.now = simulation.now.max(next);
            simulation.serve();
            if wake_at <= simulation.now {
                simulation.camera.handle_timeout(simulation.now);
            }
        }
        simulation
    }

    /// What the server does because it is time.
    fn serve(&mut self) {
        let Some(connection) = &mut self.connection else {
            return;
        };
        connection.write_due(self.now, Room::Available, &mut self.arriving);
        if connection.is_expired(self.now) {
            self.close();
        }
    }

    fn close(&mut self) {
        self.connection = None;
        self.arrive();
        self.camera.handle_closed(self.now, None);
    }

    fn arrive(&mut self) {
        let bytes = self.arriving.split();
        self.camera.handle_stream(self.now, &bytes);
    }

    /// Until nobody has anything to say: when the client wants to be woken, unless it has ended.
    fn drain(&mut self) -> Option<Instant> {
        loop {
            match self.camera.poll_output() {
                Output::Connect { .. } => self.connect(),
                Output::Disconnect => self.connection = None,
                Output::Transmit(bytes) => self.hear(&bytes),
                Output::AccessUnit(unit) => self.pictures.push(unit),
                Output::Ended(result) => self.ended = Some(result),
                Output::Event(_) => {}
                Output::Idle { .. } if !self.arriving.is_empty() => self.arrive(),
                Output::Idle { wake_at } => return wake_at,
                output => panic!("{output:?} over TCP"),
            }
        }
    }

    fn connect(&mut self) {
        self.connects += 1;
        let clocks = Clocks {
            monotonic: self.now,
            wall: UNIX_EPOCH + WALL + (self.now - self.start),
        };
        let client = Ipv4Addr::new(192, 0, 2, 1);
        self.connection = Some(Connection::new(
            Arc::clone(&self.server),
            client.into(),
            clocks,
            self.connects,
        ));
        self.unread.clear();
        self.arriving.clear();
        let camera = SocketAddr::from(([192, 0, 2, 7], 554));
        self.camera
            .handle_connected(self.now, camera, (client, 40_000).into());
    }

    /// What the client sends.
    fn hear(&mut self, bytes: &[u8]) {
        self.unread.extend_from_slice(bytes);
        while let Some(connection) = &mut self.connection {
            let consumed = match parse(&self.unread).unwrap() {
                Parsed::Incomplete => return,
                Parsed::Skipped { consumed } => consumed,
                Parsed::Interleaved {
                    consumed,
                    channel,
                    payload,
                } => {
                    connection.handle_interleaved(self.now, channel, payload);
                    consumed
                }
                Parsed::Message { consumed, message } => {
                    if let Message::Request(request) = message {
                        connection.respond(self.now, &request, &mut self.arriving);
                    }
                    consumed
                }
            };
            self.unread.drain(..consumed);
            if connection.hangs_up() {
                self.close();
            }
        }
    }
}

/// Beyond every session time-out and the life of a nonce.
const MINUTES: Duration = Duration::from_secs(200);

/// Those that only time tells.
const SLOW: &[Quirk] = &[
    Quirk::SessionIdChanges,
    Quirk::ShortSessionTimeout,
    Quirk::OptionsRefused,
    Quirk::ReportsRequired,
    Quirk::RtcpBeforePlayConfuses,
    Quirk::KeepaliveUnanswered,
    Quirk::KeepaliveRefused,
    Quirk::ParametersUnsupported,
    Quirk::KeepaliveNeedsAggregate,
    Quirk::NonceExpires,
    Quirk::NothingBeforeClientSends,
    Quirk::OddReports,
    Quirk::RtcpLengthBeyondEnd,
    Quirk::HeaderOrder,
    Quirk::SetParameterRefused,
    Quirk::OptionsDoesNotRefresh,
    Quirk::SessionRequired,
    Quirk::OnePictureASecond,
    Quirk::SlowStart,
    Quirk::ClockSteps,
];

fn survive_minutes(quirk: Quirk) {
    let simulation = Simulation::run_for(quirk, MINUTES);
    let context = format!("{quirk} ({})", quirk.description());
    assert!(simulation.ended.is_none(), "{context}: {:?}", simulation.ended);
    assert_eq!(simulation.connects, 1, "{context}");
    clip::expect_the_clip(quirk, &simulation.pictures);
    // Two a second, or one.
    let expected = match quirk {
        Quirk::OnePictureASecond => 195,
        Quirk::SlowStart => 355,
        _ => 395,
    };
    let count = simulation.pictures.len();
    assert!(count >= expected, "{context}: {count} pictures");
}

#[test]
fn every_slow_quirk_is_survived_for_minutes() {
    std::thread::scope(|scope| {
        for group in SLOW.chunks(5) {
            scope.spawn(|| group.iter().copied().for_each(survive_minutes));
        }
    });
}

/// Pictures with a capture time.
fn captured(quirk: Quirk) -> usize {
    let simulation = Simulation::run_for(quirk, Duration::from_secs(30));
    let timed = simulation
        .pictures
        .iter()
        .filter(|unit| unit.capture_time.is_some());
    timed.count()
}

#[test]
fn q94_a_clock_of_1970_gives_no_capture_time() {
    assert_eq!(captured(Quirk::ClockOf1970), 0);
}

#[test]
fn q137_without_sender_reports_there_is_no_capture_time() {
    assert_eq!(captured(Quirk::NoReports), 0);
    assert!(captured(Quirk::NoCSeq) > 50);
}
