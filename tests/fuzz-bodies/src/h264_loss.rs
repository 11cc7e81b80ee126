use throughline_h264::{
    AccessUnit, Depacketizer, DepacketizerConfig, InterleavedConfig, InterleavedPacketizer, Mixture,
    NalHeader, NalUnitType, PacketizationMode, Packetizer, RtpPayload, Timestamp, annexb,
};

use crate::h264_packetizer::{IS_DISPOSABLE, IS_IDR, access_unit};
use crate::input::Input;

/// Timestamps from one access unit to the next.
const STEP: i64 = 3600;

/// Whatever packets are lost, what leaves is whole and in order, and so is everything that it refers to; and where none
/// is lost everything leaves. In the order of decoding or interleaved.
pub fn h264_loss(data: &[u8]) {
    let mut input = Input::new(data);
    let number = input.u16();
    let mut sender = Sender::new(usize::from(number % 1500), number / 1500);
    let losses = usize::from(input.u8());
    let losses = Losses {
        runs: input.bytes(losses),
        passed: 0,
    };
    let mut receiver = Receiver {
        depacketizer: Depacketizer::new(sender.receiver_config()),
        losses,
        lost_before: 0,
        lost: 0,
        viewer: Viewer::default(),
    };
    while !input.is_empty() {
        let flags = input.u8();
        let access_unit = access_unit(flags, &mut input);
        let timestamp = Timestamp(STEP * i64::try_from(receiver.viewer.sent.len()).unwrap_or_default());
        receiver.viewer.sent.push(Sent {
            nals: decoded(&access_unit),
            is_reference: flags & IS_IDR != 0 || flags & IS_DISPOSABLE == 0,
            is_idr: flags & IS_IDR != 0,
        });
        sender.send(&access_unit, timestamp, &mut receiver);
    }
    sender.flush(&mut receiver);
    receiver.depacketizer.flush();
    receiver.watch();
    receiver.check_counts(matches!(sender, Sender::Interleaved(..)));
}

enum Sender {
    InOrder(Packetizer),
    Interleaved(InterleavedPacketizer, u16),
}

impl Sender {
    fn new(max_payload: usize, mode: u16) -> Self {
        let mixtures = [Mixture::StapB, Mixture::Mtap16, Mixture::Mtap24];
        let mixture = match mode % 4 {
            0 => return Self::InOrder(Packetizer::new(max_payload)),
            mixture => mixtures[usize::from(mixture) - 1],
        };
        let depth = mode / 4;
        let config = InterleavedConfig {
            max_payload,
            mixture,
            depth: usize::from(depth),
            first_don: 65_530,
        };
        Self::Interleaved(InterleavedPacketizer::new(config), depth)
    }

    fn receiver_config(&self) -> DepacketizerConfig {
        let mut config = DepacketizerConfig::default();
        if let Self::Interleaved(_, depth) = self {
            config.format.packetization_mode = Some(PacketizationMode::Interleaved);
            config.format.interleaving_depth = Some(*depth);
        }
        config
    }

    fn send(&mut self, access_unit: &[u8], timestamp: Timestamp, receiver: &mut Receiver<'_>) {
        match self {
            Self::InOrder(packetizer) => {
                for fragment in packetizer.packetize(access_unit) {
                    let mut payload = Vec::new();
                    fragment.write(&mut payload);
                    receiver.receive(&payload, timestamp, fragment.is_last);
                }
            }
            Self::Interleaved(packetizer, _) => {
                packetizer.push(access_unit, timestamp);
                self.pop(receiver);
            }
        }
    }

    fn flush(&mut self, receiver: &mut Receiver<'_>) {
        if let Self::Interleaved(packetizer, _) = self {
            packetizer.flush();
            self.pop(receiver);
        }
    }

    fn pop(&mut self, receiver: &mut Receiver<'_>) {
        if let Self::Interleaved(packetizer, _) = self {
            while let Some(packet) = packetizer.pop() {
                receiver.receive(&packet.payload, packet.timestamp, packet.marker);
            }
        }
    }
}

struct Receiver<'a> {
    depacketizer: Depacketizer,
    losses: Losses<'a>,
    lost_before: u32,
    lost: u64,
    viewer: Viewer,
}

impl Receiver<'_> {
    fn receive(&mut self, data: &[u8], timestamp: Timestamp, marker: bool) {
        if self.losses.next_is_lost() {
            self.lost_before += 1;
            self.lost += 1;
            return;
        }
        let payload = RtpPayload {
            data,
            timestamp,
            marker,
            lost_before: std::mem::take(&mut self.lost_before),
        };
        assert_eq!(self.depacketizer.push(payload), Ok(()));
        self.watch();
    }

    fn watch(&mut self) {
        std::iter::from_fn(|| self.depacketizer.pop()).for_each(|unit| self.viewer.watch(&unit));
    }

    fn check_counts(&self, is_interleaved: bool) {
        let stats = self.depacketizer.stats();
        assert_eq!(stats.delivered, self.viewer.received);
        let withheld = stats.waiting_for_idr + stats.damaged + stats.reference_missing;
        let seen = stats.delivered + withheld;
        let sent = self.viewer.sent.len() as u64;
        assert!(seen <= sent + self.lost, "{stats:?}");
        let begins = self.viewer.sent.first().is_some_and(|first| first.is_idr);
        // A payload may hold more pictures than can wait to be collected.
        if self.lost == 0 && begins && stats.not_collected == 0 {
            // Without a marker the end of the last one is not known.
            assert_eq!(stats.delivered, sent - u64::from(is_interleaved), "{stats:?}");
        }
    }
}

/// Which packets are lost: one after each of these runs of packets that are not.
struct Losses<'a> {
    runs: &'a [u8],
    passed: u8,
}

impl Losses<'_> {
    fn next_is_lost(&mut self) -> bool {
        match self.runs {
            [run, rest @ ..] if *run == self.passed => {
                self.runs = rest;
                self.passed = 0;
                true
            }
            _ => {
                self.passed = self.passed.saturating_add(1);
                false
            }
        }
    }
}

/// What a decoder needs of an access unit that was sent.
struct Sent {
    nals: Vec<Vec<u8>>,
    is_reference: bool,
    is_idr: bool,
}

/// Knows what was sent, and what of it has arrived.
#[derive(Default)]
struct Viewer {
    sent: Vec<Sent>,
    /// Access units up to here have arrived or never will.
    seen: usize,
    received: u64,
    has_begun: bool,
}

impl Viewer {
    fn watch(&mut self, unit: &AccessUnit) {
        let index = usize::try_from(unit.timestamp.0 / STEP).unwrap_or(usize::MAX);
        assert!(index >= self.seen, "out of order");
        assert_eq!(
            decoded(&unit.data),
            self.sent[index].nals,
            "access unit {index} is not what was sent"
        );
        let missing = self.sent[self.seen..index].iter().any(|sent| sent.is_reference);
        assert!(
            unit.is_idr() || (self.has_begun && !missing),
            "access unit {index} lacks its references"
        );
        self.seen = index + 1;
        self.received += 1;
        self.has_begun = true;
    }
}

/// The NAL units that a decoder cannot do without.
fn decoded(access_unit: &[u8]) -> Vec<Vec<u8>> {
    let needed = |nal: &&[u8]| {
        let nal_unit_type = NalHeader::from_byte(nal[0]).nal_unit_type();
        nal_unit_type.is_vcl() || matches!(nal_unit_type, NalUnitType::Sps | NalUnitType::Pps)
    };
    annexb::nal_units(access_unit)
        .filter(needed)
        .map(<[u8]>::to_vec)
        .collect()
}
