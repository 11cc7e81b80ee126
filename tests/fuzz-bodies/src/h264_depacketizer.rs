use throughline_h264::{
    AccessUnit, Damaged, Depacketizer, DepacketizerConfig, NalHeader, NalUnitType, ParameterSets, RtpPayload,
    Timestamp, annexb,
};

use crate::input::Input;

/// The limit of bytes for these access units: low, so that it is met.
const MAX_BYTES: usize = 4096;

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
    let mut depacketizer = Depacketizer::new(DepacketizerConfig {
        damaged,
        max_access_unit_bytes: MAX_BYTES,
        ..DepacketizerConfig::default()
    });
    if flags & 2 != 0 {
        depacketizer.set_parameter_sets(&ParameterSets::from_sprop(SPROP));
    }
    let mut watch = Watch {
        damaged,
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
    has_begun: bool,
}

impl Watch {
    fn check(&mut self, unit: &AccessUnit) {
        assert!(
            self.has_begun || unit.is_idr(),
            "the first access unit is no IDR picture"
        );
        self.has_begun = true;
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
        if unit.is_idr() {
            assert!(
                unit.has_parameter_sets && holds(NalUnitType::Sps) && holds(NalUnitType::Pps),
                "{types:?}"
            );
        }
    }
}
