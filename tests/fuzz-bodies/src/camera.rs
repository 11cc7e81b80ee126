use std::io::{Error, ErrorKind};
use std::iter::Peekable;
use std::net::{Ipv4Addr, SocketAddr};
use std::time::{Duration, Instant, SystemTime};

use throughline_ingest::camera::{Camera, ConnectError, Membership, Output, UdpPorts, UdpSocket};
use throughline_ingest::{AccessUnit, Config, Retry, TransportPolicy};

use crate::input::{Script, Step, says};

const PASSWORD: &str = "quietSesame";

const PORTS: UdpPorts = UdpPorts {
    rtp: 5000,
    rtcp: 5001,
};

/// What the camera may put out for one thing that happens, besides what the bytes account for.
const MAX_OUTPUTS: usize = 64;

/// Whatever a camera sends by whichever way, and whenever it falls silent, ours comes to rest, keeps its appointments,
/// gives only pictures that begin with an IDR, and shows no password.
///
/// Instructions at the beginning: `U` only UDP, `T` only TCP, `M` only multicast, `V` UDP first, `N` no retry. Later: what follows is `S` the stream, `I` an
/// interleaved RTP packet, `J` an RTCP one, `R` an RTP datagram, `C` an RTCP one, `F` one from somebody else; `w` the time
/// of the next appointment comes, `t` 10 ms pass, `c` the connection is closed, `x` the next one fails, `b` the next pair
/// of ports too, or the next group, `a` sockets are answered that nobody asked for, `k` a key frame is wanted, `q` the end
/// is.
pub fn camera(data: &[u8]) {
    let mut steps = Script(data).peekable();
    let Some(config) = config(&mut steps) else { return };
    let mut driver = Driver {
        camera: Camera::new(config, [1; 32]),
        now: Instant::now(),
        wake_at: None,
        way: b'S',
        network: Network::Works,
        begins: true,
        ended: false,
        discreet: !says(data, PASSWORD),
        credit: 0,
    };
    driver.camera.start(driver.now, SystemTime::UNIX_EPOCH);
    driver.drain(0);
    for step in steps {
        match step {
            Step::Bytes(bytes) => driver.receive(bytes),
            Step::Instruction(instruction) => driver.follow(instruction),
        }
    }
    driver.conceals(&driver.camera);
}

fn config(steps: &mut Peekable<Script<'_>>) -> Option<Config> {
    let mut config = Config::parse(&format!("rtsp://viewer:{PASSWORD}@192.0.2.1/live")).ok()?;
    let is_setting = |step: &Step<'_>| matches!(step, Step::Instruction(b'U' | b'T' | b'M' | b'V' | b'N'));
    while let Some(step) = steps.next_if(is_setting) {
        match step {
            Step::Instruction(b'U') => config.transport = TransportPolicy::Udp,
            Step::Instruction(b'T') => config.transport = TransportPolicy::Tcp,
            Step::Instruction(b'M') => config.transport = TransportPolicy::Multicast,
            Step::Instruction(b'V') => config.transport = TransportPolicy::UdpFirst,
            _ => config.retry = Retry::Never,
        }
    }
    Some(config)
}

/// What the next attempt meets that needs this of it.
#[derive(Clone, Copy, PartialEq)]
enum Network {
    Works,
    RefusesConnection,
    HasNoPorts,
}

impl Network {
    /// A fault is met once.
    fn works_but_for(&mut self, fault: Self) -> bool {
        let is_met = *self == fault;
        if is_met {
            *self = Self::Works;
        }
        !is_met
    }
}

/// A network with one camera in it.
struct Driver {
    camera: Camera,
    now: Instant,
    wake_at: Option<Instant>,
    /// The instruction that says what bytes are.
    way: u8,
    network: Network,
    /// No picture has come on this connection yet.
    begins: bool,
    ended: bool,
    /// The other end does not say the password itself.
    discreet: bool,
    /// Outputs that may still come: every byte may be part of a picture that comes out later.
    credit: usize,
}

impl Driver {
    fn receive(&mut self, bytes: &[u8]) {
        let interleaved = |channel| {
            let length = u16::try_from(bytes.len()).unwrap_or(u16::MAX);
            let [high, low] = length.to_be_bytes();
            [&[b'$', channel, high, low], &bytes[..usize::from(length)]].concat()
        };
        match self.way {
            b'I' => self.camera.handle_stream(self.now, &interleaved(0)),
            b'J' => self.camera.handle_stream(self.now, &interleaved(1)),
            b'R' => self
                .camera
                .handle_datagram(self.now, UdpSocket::Rtp, address(1, 6970), bytes),
            b'C' => self
                .camera
                .handle_datagram(self.now, UdpSocket::Rtcp, address(1, 6971), bytes),
            b'F' => self
                .camera
                .handle_datagram(self.now, UdpSocket::Rtp, address(7, 6970), bytes),
            _ => self.camera.handle_stream(self.now, bytes),
        }
        self.drain(bytes.len());
    }

    fn follow(&mut self, instruction: u8) {
        match instruction {
            b'S' | b'I' | b'J' | b'R' | b'C' | b'F' => self.way = instruction,
            b'w' => {
                let Some(at) = self.wake_at else { return };
                self.now = self.now.max(at);
                self.camera.handle_timeout(self.now);
                self.drain(0);
                assert!(
                    self.wake_at.is_none_or(|at| at > self.now),
                    "it would wake at once, for nothing"
                );
            }
            b't' => {
                self.now += Duration::from_millis(10);
                self.camera.handle_timeout(self.now);
            }
            b'c' => self.camera.handle_closed(self.now, None),
            b'x' => self.network = Network::RefusesConnection,
            b'b' => self.network = Network::HasNoPorts,
            b'a' => {
                self.camera.handle_multicast_joined(self.now);
                self.camera.handle_udp_bound(self.now, PORTS);
            }
            b'k' => self.camera.request_keyframe(self.now),
            b'q' => self.camera.close(self.now),
            _ => {}
        }
        self.drain(0);
    }

    fn drain(&mut self, bytes: usize) {
        self.credit += MAX_OUTPUTS + bytes;
        loop {
            let output = self.camera.poll_output();
            let is_rest = matches!(output, Output::Idle { wake_at: None });
            assert!(!self.ended || is_rest, "{output:?} after the end");
            self.credit = self
                .credit
                .checked_sub(1)
                .unwrap_or_else(|| unreachable!("it does not come to rest"));
            match output {
                Output::Connect { endpoint, .. } => {
                    assert!(!endpoint.host.is_empty() && endpoint.port > 0);
                    self.begins = true;
                    self.connect();
                }
                Output::BindUdp { .. } => self.bind(),
                Output::JoinMulticast(membership) => self.join(&membership),
                Output::CountKernelDrops => self.camera.handle_kernel_drops(7),
                Output::AccessUnit(unit) => self.check(&unit),
                Output::Ended(result) => {
                    self.ended = true;
                    self.conceals(&result);
                }
                Output::Event(event) => self.conceals(&event),
                Output::Idle { wake_at } => {
                    self.wake_at = wake_at;
                    self.camera.stats();
                    return;
                }
                Output::Transmit(_) | Output::Datagram { .. } | Output::Disconnect => {}
            }
        }
    }

    fn connect(&mut self) {
        if self.network.works_but_for(Network::RefusesConnection) {
            self.camera
                .handle_connected(self.now, address(1, 554), address(2, 40_000));
        } else {
            let refused = ConnectError::Connect(Error::from(ErrorKind::ConnectionRefused));
            self.camera.handle_connect_failed(self.now, refused);
        }
    }

    fn bind(&mut self) {
        if self.network.works_but_for(Network::HasNoPorts) {
            self.camera.handle_udp_bound(self.now, PORTS);
        } else {
            self.camera
                .handle_udp_bind_failed(self.now, Error::from(ErrorKind::AddrInUse));
        }
    }

    fn join(&mut self, membership: &Membership) {
        assert!(membership.rtp.ip().is_multicast() && membership.rtp.ip() == membership.rtcp.ip());
        assert!(membership.rtp.port() > 1 && membership.rtcp.port() > 1 && membership.ttl > 0);
        assert!(membership.sources.len() <= 4);
        if self.network.works_but_for(Network::HasNoPorts) {
            self.camera.handle_multicast_joined(self.now);
        } else {
            self.camera
                .handle_multicast_join_failed(self.now, Error::from(ErrorKind::AddrInUse));
        }
    }

    fn check(&mut self, unit: &AccessUnit) {
        assert!(
            !self.begins || unit.is_idr,
            "a connection's first picture is no IDR"
        );
        assert!(
            !unit.is_idr || unit.has_parameter_sets,
            "an IDR without its parameter sets"
        );
        assert!(unit.data.starts_with(&[0, 0, 0, 1]) && unit.arrival <= self.now);
        self.begins = false;
    }

    fn conceals(&self, shown: &impl std::fmt::Debug) {
        assert!(!self.discreet || !format!("{shown:?}").contains(PASSWORD));
    }
}

/// In the network that documentation uses.
fn address(host: u8, port: u16) -> SocketAddr {
    SocketAddr::new(Ipv4Addr::new(192, 0, 2, host).into(), port)
}
