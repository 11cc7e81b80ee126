//! What is run.

use clap::ValueEnum;

use crate::sender::{Rate, WriteStyle};

/// A client beside others.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Client {
    /// Receives and throws away.
    Floor,
    /// The same by `recvmmsg`, without GRO.
    FloorRecvmmsg,
    Throughline,
    Retina,
    Ffmpeg,
}

impl Client {
    /// As the program `client` calls it.
    pub(super) fn subcommand(self) -> &'static str {
        match self {
            Client::Floor => "floor",
            Client::FloorRecvmmsg => "floor-recvmmsg",
            Client::Throughline => "throughline",
            Client::Retina => "retina",
            Client::Ffmpeg => "ffmpeg",
        }
    }

    pub(super) fn is_floor(self) -> bool {
        matches!(self, Client::Floor | Client::FloorRecvmmsg)
    }

    /// Whether the client is a program of others, of which all is measured.
    pub(super) fn is_foreign(self) -> bool {
        self == Client::Ffmpeg
    }

    /// Bytes that may wait in its UDP socket, by the kernel's count: what its receive buffer takes, with a margin. The
    /// floor and Throughline ask for 4 MiB, of which Linux makes 8; the others leave the default, 208 KiB.
    pub(super) fn window(self) -> usize {
        match self {
            Client::Floor | Client::FloorRecvmmsg | Client::Throughline => 4 << 20,
            Client::Retina | Client::Ffmpeg => 150 << 10,
        }
    }
}

/// Scenarios that belong together.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Group {
    /// One camera over TCP, as fast as the client reads.
    TcpSaturated,
    /// Cameras in real time over TCP, one write an access unit.
    TcpRealTime,
    /// Cameras in real time over TCP, one write a packet.
    TcpPackets,
    /// One camera over UDP, as fast as the client reads.
    UdpSaturated,
    /// Many cameras beside few.
    Growth,
    /// From a write to the caller's hands.
    Latency,
    /// From connecting to the first picture.
    FirstPicture,
}

impl Group {
    pub(super) fn title(self) -> &'static str {
        match self {
            Group::TcpSaturated => "TCP, saturated",
            Group::TcpRealTime => "TCP, real time, one write an access unit",
            Group::TcpPackets => "TCP, real time, one write a packet",
            Group::UdpSaturated => "UDP, saturated",
            Group::Growth => "Growth: TCP, real time, sd",
            Group::Latency => "For the latency alone: TCP, real time, hd",
            Group::FirstPicture => "First picture",
        }
    }
}

/// One sender and the clients that take turns with it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Scenario {
    pub(super) group: Group,
    pub(super) stream: &'static str,
    pub(super) cameras: usize,
    pub(super) rate: Rate,
    pub(super) style: WriteStyle,
    pub(super) udp: bool,
    /// Access units of each camera.
    pub(super) units: usize,
    pub(super) clients: &'static [Client],
}

impl Scenario {
    pub(super) fn name(&self) -> String {
        let style = match (self.rate, self.style) {
            (Rate::Saturated, _) => "",
            (Rate::RealTime, WriteStyle::AccessUnit) => ", access units",
            (Rate::RealTime, WriteStyle::Packet) => ", packets",
            (Rate::RealTime, WriteStyle::Spread) => ", packets spread",
        };
        format!("{} x {}{style}", self.cameras, self.stream)
    }

    /// Access units that a client is asked to take: half of the pictures does for who needs ten times as long, and is
    /// enough for its start, which is measured with it, to count for little.
    pub(super) fn units_of(&self, client: Client) -> usize {
        if client.is_foreign() && self.rate == Rate::Saturated {
            self.units / 2
        } else {
            self.units
        }
    }
}

/// Some 1 GiB of each stream.
const SATURATED: [(&str, usize); 3] = [("hd", 30_000), ("uhd", 6_000), ("sd", 500_000)];
/// 2.5 s; the measured part is more than half of it, for cameras begin within [`SPREAD`].
const REAL_TIME: usize = 75;
/// Of a session that is about its beginning.
const FIRST: usize = 15;
/// Within which cameras begin, in ms.
pub(super) const SPREAD: u64 = 500;
/// For a client to connect to a camera, in ms.
pub(super) const HOLD: usize = 2;
/// What an answer takes where the first picture is waited for, in ms.
pub(super) const ANSWER_DELAY: u64 = 20;

const OURS_AND_RETINA: &[Client] = &[Client::Throughline, Client::Retina];
const WITH_FLOOR: &[Client] = &[Client::Floor, Client::Throughline, Client::Retina];
const ALL_TCP: &[Client] = &[Client::Floor, Client::Throughline, Client::Retina, Client::Ffmpeg];
const ALL_UDP: &[Client] = &[
    Client::Floor,
    Client::FloorRecvmmsg,
    Client::Throughline,
    Client::Retina,
    Client::Ffmpeg,
];

/// All of them, in the order of the tables.
pub(super) fn all() -> Vec<Scenario> {
    let saturated = |group, udp, clients| {
        SATURATED.map(|(stream, units)| Scenario {
            group,
            stream,
            cameras: 1,
            rate: Rate::Saturated,
            style: WriteStyle::AccessUnit,
            udp,
            units,
            clients,
        })
    };
    let real_time = |group, cameras, stream, style, clients| Scenario {
        group,
        stream,
        cameras,
        rate: Rate::RealTime,
        style,
        udp: false,
        units: REAL_TIME,
        clients,
    };
    let (unit, packet) = (WriteStyle::AccessUnit, WriteStyle::Packet);
    let mut all = Vec::new();
    all.extend(saturated(Group::TcpSaturated, false, ALL_TCP));
    all.extend([
        real_time(Group::TcpRealTime, 64, "hd", unit, WITH_FLOOR),
        real_time(Group::TcpRealTime, 64, "sd", unit, WITH_FLOOR),
        real_time(Group::TcpRealTime, 16, "uhd", unit, WITH_FLOOR),
        real_time(Group::TcpPackets, 64, "hd", packet, WITH_FLOOR),
        real_time(Group::TcpPackets, 64, "hd", WriteStyle::Spread, WITH_FLOOR),
        real_time(Group::TcpPackets, 1, "hd", packet, WITH_FLOOR),
    ]);
    all.extend(saturated(Group::UdpSaturated, true, ALL_UDP));
    all.extend([
        real_time(Group::Growth, 16, "sd", unit, OURS_AND_RETINA),
        real_time(Group::Growth, 500, "sd", unit, OURS_AND_RETINA),
        real_time(Group::Latency, 1, "hd", unit, OURS_AND_RETINA),
        real_time(Group::Latency, 16, "hd", unit, OURS_AND_RETINA),
        real_time(Group::Latency, 16, "hd", packet, OURS_AND_RETINA),
        Scenario {
            units: FIRST,
            ..real_time(Group::FirstPicture, 1, "hd", unit, OURS_AND_RETINA)
        },
    ]);
    all
}
