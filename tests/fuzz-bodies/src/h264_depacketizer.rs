use throughline_h264::{
    AccessUnit, Damaged, Depacketizer, DepacketizerConfig, NalHeader, NalUnitType, PacketizationMode,
    ParameterSets, PayloadFormat, PictureKind, Policy, RtpPayload, StartAt, Timestamp, annexb,
};

use crate::input::Input;

/// The limit of bytes for these access units: low, so that it is met.
const MAX_BYTES: usize = 4096;

const MODES: [Option<PacketizationMode>; 4] = [
    None,
    Some(PacketizationMode::SingleNalUnit),
    Some(PacketizationMode::NonInterleaved),
    Some(PacketizationMode::Interleaved),
];

/// Parameter sets of the session description, which some of the streams have.
const SPROP: &str = "Z0LACtoR7AREAAADAEAAAAyDxImo,aM4DnIA=";

/// Whatever arrives, each access unit that leaves is one that a decoder can take, and every picture is counted once.
pub fn h264_depacketizer(data: &[u8]) {
    let mut input = Input::new(data);
    let flags = input.u8();
    let damaged = if flags & 1 == 0 {
        Damaged::Withhold
    } else {
        Damaged::Deliver
    };
    let start_at = if flags & 4 == 0 {
        StartAt::Idr
    } else {
        StartAt::ExactRecoveryPoint
    };
    let mut depacketizer = Depacketizer::new(DepacketizerConfig {
        format: PayloadFormat {
            packetization_mode: MODES[usize::from(flags >> 3 & 3)],
            interleaving_depth: (flags & 0x20 != 0).then_some(2),
            max_don_diff: (flags & 0x40 != 0).then_some(5),
            deint_buf_req: None,
        },
        policy: if flags & 0x80 == 0 {
            Policy::default()
        } else {
            Policy::strict()
        },
        damaged,
        start_at,
        max_access_unit_bytes: MAX_BYTES,
    });
    if flags & 2 != 0 {
        depacketizer.set_parameter_sets(&ParameterSets::from_sprop(SPROP));
    }
    let mut watch = Watch {
        damaged,
        start_at,
        has_begun: false,
    };
    let (mut timestamp, mut payloads, mut lost, mut errors) = (0, 0, 0, 0);
    while !input.is_empty() {
        let flags = input.u8();
        timestamp += i64::from(flags >> 2 & 3) * 1800;
        let lost_before = u32::from(flags >> 4 & 1);
        let length = usize::from(input.u8()) << (flags >> 5);
        let payload = RtpPayload {
            data: input.bytes(length),
            timestamp: Timestamp(timestamp),
            marker: flags & 1 != 0,
            lost_before,
        };
        payloads += 1;
        lost += u64::from(lost_before);
        errors += u64::from(depacketizer.push(payload).is_err());
        // Not always, so that the queue fills up too.
        if flags & 2 == 0 {
            std::iter::from_fn(|| depacketizer.pop()).for_each(|unit| watch.check(&unit));
        }
    }
    depacketizer.flush();
    std::iter::from_fn(|| depacketizer.pop()).for_each(|unit| watch.check(&unit));

    let stats = depacketizer.stats();
    assert_eq!(
        (stats.payloads, stats.lost, stats.unreadable),
        (payloads, lost, errors)
    );
    let withheld = stats.waiting_for_idr
        + stats.missing_parameter_sets
        + stats.damaged
        + stats.reference_missing
        + stats.oversized
        + stats.not_collected;
    assert_eq!(
        stats.delivered + withheld,
        stats.idr_pictures + stats.non_idr_pictures,
        "{stats:?}"
    );
}

struct Watch {
    damaged: Damaged,
    start_at: StartAt,
    has_begun: bool,
}

impl Watch {
    fn check(&mut self, unit: &AccessUnit) {
        let may_begin = match unit.kind {
            PictureKind::Idr => true,
            PictureKind::RecoveryPoint(_) => self.start_at == StartAt::ExactRecoveryPoint,
            PictureKind::Other => false,
        };
        assert!(self.has_begun || may_begin, "nobody can begin here");
        assert!(!unit.is_damaged || self.damaged == Damaged::Deliver);
        assert!(
            unit.data.starts_with(&[0, 0, 0, 1]) && unit.data.len() <= MAX_BYTES,
            "{}",
            unit.data.len()
        );
        let nals: Vec<&[u8]> = annexb::nal_units(&unit.data).collect();
        let written: Vec<u8> = nals
            .iter()
            .flat_map(|nal| [&[0, 0, 0, 1], *nal].concat())
            .collect();
        assert_eq!(unit.data, written, "not in four-byte start codes");

        let types: Vec<NalUnitType> = nals
            .iter()
            .filter_map(|nal| nal.first())
            .map(|byte| NalHeader::from_byte(*byte).nal_unit_type())
            .collect();
        let holds = |nal_unit_type| types.contains(&nal_unit_type);
        assert!(
            types.iter().any(|nal_unit_type| nal_unit_type.is_vcl()) || unit.is_damaged,
            "{types:?}"
        );
        if unit.is_idr() || !self.has_begun {
            assert!(
                unit.has_parameter_sets && holds(NalUnitType::Sps) && holds(NalUnitType::Pps),
                "{types:?}"
            );
        }
        self.has_begun = true;
    }
}
