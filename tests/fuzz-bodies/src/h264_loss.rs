use throughline_h264::{
    AccessUnit, Depacketizer, DepacketizerConfig, NalHeader, NalUnitType, Packetizer, RtpPayload, Timestamp,
    annexb,
};

use crate::h264_packetizer::{IS_DISPOSABLE, IS_IDR, access_unit};
use crate::input::Input;

/// Timestamps from one access unit to the next.
const STEP: i64 = 3600;

/// Whatever packets are lost, what leaves is whole and in order, and so is everything that it refers to.
pub fn h264_loss(data: &[u8]) {
    let mut input = Input::new(data);
    let packetizer = Packetizer::new(usize::from(input.u16() % 1500));
    let losses = usize::from(input.u8());
    let mut losses = Losses {
        runs: input.bytes(losses),
        passed: 0,
    };
    let mut depacketizer = Depacketizer::new(DepacketizerConfig::default());
    let mut viewer = Viewer::default();
    let mut lost_before = 0;
    while !input.is_empty() {
        let flags = input.u8();
        let access_unit = access_unit(flags, &mut input);
        let timestamp = Timestamp(STEP * i64::try_from(viewer.sent.len()).unwrap_or_default());
        viewer.sent.push(Sent {
            nals: decoded(&access_unit),
            is_reference: flags & IS_IDR != 0 || flags & IS_DISPOSABLE == 0,
        });
        for fragment in packetizer.packetize(&access_unit) {
            if losses.next_is_lost() {
                lost_before += 1;
                continue;
            }
            let mut payload = Vec::new();
            fragment.write(&mut payload);
            let marker = fragment.is_last;
            let payload = RtpPayload {
                data: &payload,
                timestamp,
                marker,
                lost_before,
            };
            assert_eq!(depacketizer.push(payload), Ok(()));
            lost_before = 0;
            std::iter::from_fn(|| depacketizer.pop()).for_each(|unit| viewer.watch(&unit));
        }
    }
    depacketizer.flush();
    std::iter::from_fn(|| depacketizer.pop()).for_each(|unit| viewer.watch(&unit));
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
}

/// Knows what was sent, and what of it has arrived.
#[derive(Default)]
struct Viewer {
    sent: Vec<Sent>,
    /// Access units up to here have arrived or never will.
    seen: usize,
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
