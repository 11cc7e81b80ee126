//! Our end: a [`Camera`] in simulated time.

use std::net::SocketAddr;
use std::time::{Duration, Instant, SystemTime};

use throughline_ingest::camera::{Camera, Output, UdpPorts, UdpSocket};
use throughline_ingest::{AccessUnit, CameraStats, Config, Error, Retry, TransportPolicy};

use super::peer;
use super::random::Random;

/// Bytes that one read of the connection brings, at most.
const MOST_READ: u64 = 2000;

pub(super) struct Receiver {
    camera: Camera,
    transport: TransportPolicy,
    wake_at: Option<Instant>,
    ended: Option<Result<(), Error>>,
    pictures: Vec<AccessUnit>,
    random: Random,
}

impl Receiver {
    /// Plays from `now` on.
    pub(super) fn new(
        now: Instant,
        transport: TransportPolicy,
        seed: u64,
    ) -> Result<Self, Box<dyn std::error::Error>> {
        let mut config = Config::parse("rtsp://192.0.2.7/lossy")?;
        config.transport = transport;
        config.retry = Retry::Never;
        // A long run of losses is what this is about.
        config.timeouts.picture = Duration::MAX;
        config.timeouts.no_picture = Duration::MAX;
        config.timeouts.stalled = Duration::MAX;
        let bytes = seed.to_be_bytes();
        let mut receiver = Receiver {
            camera: Camera::new(config, std::array::from_fn(|place| bytes[place % bytes.len()])),
            transport,
            wake_at: None,
            ended: None,
            pictures: Vec::new(),
            random: Random::new(seed),
        };
        receiver.camera.start(now, SystemTime::UNIX_EPOCH);
        receiver.drain(now);
        Ok(receiver)
    }

    /// The moment, up to `until`, at which something is to be done without a packet.
    pub(super) fn wake_at(&self, until: Instant) -> Option<Instant> {
        self.wake_at.filter(|wake_at| *wake_at <= until)
    }

    pub(super) fn handle_timeout(&mut self, now: Instant) {
        self.camera.handle_timeout(now);
        self.drain(now);
    }

    pub(super) fn handle_rtp(&mut self, now: Instant, packet: &[u8]) {
        if self.transport == TransportPolicy::Udp {
            let source = SocketAddr::from((peer::HOST, peer::RTP_PORT));
            self.camera.handle_datagram(now, UdpSocket::Rtp, source, packet);
            return self.drain(now);
        }
        let [high, low] = u16::try_from(packet.len()).unwrap_or(u16::MAX).to_be_bytes();
        let frame = [&[b'$', 0, high, low], packet].concat();
        let mut rest = frame.as_slice();
        while !rest.is_empty() {
            let length = usize::try_from(1 + self.random.below(MOST_READ)).unwrap_or(1);
            let (read, behind) = rest.split_at(length.min(rest.len()));
            self.camera.handle_stream(now, read);
            self.drain(now);
            rest = behind;
        }
    }

    pub(super) fn close(&mut self, now: Instant) {
        self.camera.close(now);
        self.drain(now);
    }

    /// The pictures since the last call.
    pub(super) fn pictures(&mut self) -> impl Iterator<Item = AccessUnit> {
        self.pictures.drain(..)
    }

    pub(super) fn stats(&self) -> CameraStats {
        self.camera.stats()
    }

    /// None until it has ended.
    pub(super) fn ended(&self) -> Option<&Result<(), Error>> {
        self.ended.as_ref()
    }

    fn drain(&mut self, now: Instant) {
        loop {
            match self.camera.poll_output() {
                Output::Connect { .. } => {
                    let (far, near) = ((peer::HOST, 554).into(), ([192, 0, 2, 1], 40_000).into());
                    self.camera.handle_connected(now, far, near);
                }
                Output::BindUdp { .. } => {
                    let ports = UdpPorts {
                        rtp: 5000,
                        rtcp: 5001,
                    };
                    self.camera.handle_udp_bound(now, ports);
                }
                Output::Transmit(bytes) => {
                    if let Some(answer) = peer::answer(&bytes) {
                        self.camera.handle_stream(now, &answer);
                    }
                }
                Output::AccessUnit(picture) => self.pictures.push(picture),
                Output::Ended(result) => self.ended = Some(result),
                Output::Idle { wake_at } => return self.wake_at = wake_at,
                Output::Disconnect
                | Output::JoinMulticast(_)
                | Output::CountKernelDrops
                | Output::Datagram { .. }
                | Output::Event(_) => {}
            }
        }
    }
}
