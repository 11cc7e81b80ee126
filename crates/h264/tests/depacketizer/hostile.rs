//! Bytes that nobody should send.

use crate::loss::assert_adds_up;
use crate::support::{AUD, Line, PPS, Played, Rng, SPS, lines, play_through};
use throughline_h264::{
    Damaged, DepacketizeErrorKind, Depacketizer, DepacketizerConfig, MAX_ACCESS_UNIT_BYTES, MAX_NAL_UNITS,
    MAX_READY, ParameterSets, Pps, Sps, annexb,
};

macro_rules! fixtures {
    ($($name:literal),* $(,)?) => {
        [$(include_str!(concat!("../../../../testdata/h264/", $name, ".txt"))),*]
    };
}

const SEEDS: [&str; 7] = fixtures![
    "amatek_nal_units_in_one_fragmented",
    "amcrest_lone_packets",
    "every_slice_marked",
    "lost_fragment_start",
    "reolink_timestamp_changes_in_picture",
    "reolink_trailing_zeros",
    "yi_parameter_sets_change",
];

fn mutate(rng: &mut Rng, lines: &mut [Line]) {
    for _ in 0..=rng.below(6) {
        let at = rng.below(lines.len());
        let other = rng.below(lines.len());
        let line = &mut lines[at];
        let position = rng.below(line.data.len() + 1);
        let byte = rng.next().to_le_bytes()[0];
        match rng.below(8) {
            0 => line.data.truncate(position),
            1 => line.data.insert(position, byte),
            2 => line.data.insert(position, 0),
            3 => line.marker = !line.marker,
            4 => line.timestamp = i64::from(byte) * 3600,
            5 => line.lost_before = u32::from(byte) << rng.below(25),
            6 => lines.swap(at, other),
            _ => {
                if let Some(target) = line.data.get_mut(position) {
                    *target = byte;
                }
            }
        }
    }
}

#[test]
fn mutated_payloads_neither_panic_nor_upset_the_books() {
    for seed in 0..4000 {
        let mut rng = Rng::new(seed);
        let mut payloads = lines(SEEDS[rng.below(SEEDS.len())]);
        mutate(&mut rng, &mut payloads);
        let damaged = if rng.chance(2) {
            Damaged::Deliver
        } else {
            Damaged::Withhold
        };
        let max_access_unit_bytes = if rng.chance(4) {
            rng.below(64)
        } else {
            MAX_ACCESS_UNIT_BYTES
        };
        let config = DepacketizerConfig {
            damaged,
            max_access_unit_bytes,
            ..DepacketizerConfig::default()
        };
        let played = play_through(Depacketizer::new(config), &payloads);
        assert_adds_up(&played, &format!("seed {seed}"));
        for unit in &played.units {
            assert!(unit.data.len() <= max_access_unit_bytes);
            assert!(unit.data.starts_with(&[0, 0, 0, 1]));
            assert!(!unit.is_idr() || unit.has_parameter_sets);
            assert!(damaged == Damaged::Deliver || !unit.is_damaged);
        }
    }
}

#[test]
fn random_bytes_do_not_panic_anywhere() {
    let mut rng = Rng::new(7);
    let mut depacketizer = Depacketizer::new(DepacketizerConfig::default());
    for timestamp in 0..20_000 {
        let length = rng.below(40);
        let mut data: Vec<u8> = (0..length).map(|_| rng.next().to_le_bytes()[0]).collect();
        if rng.chance(2) {
            data.iter_mut().skip(1).for_each(|byte| *byte &= 3);
        }
        let line = Line {
            data,
            timestamp: timestamp / 3,
            marker: rng.chance(3),
            lost_before: 0,
        };
        let _ = depacketizer.push(line.payload());
        let _ = depacketizer.pop();
        let _ = Sps::parse(&line.data);
        let _ = Sps::parse(&[&[0x67, 100, 0, 31][..], &line.data].concat());
        let _ = Pps::parse(&line.data);
        let total: usize = annexb::access_units(&line.data).map(|unit| unit.data.len()).sum();
        assert!(total <= line.data.len());
        let sprop: String = line.data.iter().map(|&byte| char::from(byte)).collect();
        let _ = ParameterSets::from_sprop(&sprop).to_sprop();
    }
}

/// A fragment of an endless NAL unit.
fn fragment(fu_header: u8, size: usize) -> Line {
    let mut data = vec![0x5c, fu_header];
    data.resize(2 + size, 0xaa);
    Line {
        data,
        timestamp: 3600,
        marker: false,
        lost_before: 0,
    }
}

fn whole(timestamp: i64, nal: &[u8], marker: bool) -> Line {
    Line {
        data: nal.to_vec(),
        timestamp,
        marker,
        lost_before: 0,
    }
}

/// An IDR picture, an oversized picture of these payloads, another picture, and the next IDR picture.
fn play_oversized(payloads: impl IntoIterator<Item = Line>) -> Played {
    let idr = |timestamp| {
        [
            whole(timestamp, SPS, false),
            whole(timestamp, PPS, false),
            whole(timestamp, &[0x65, 0x88, 0x84, 0x80], true),
        ]
    };
    let mut lines: Vec<Line> = idr(0).into();
    lines.extend(payloads);
    lines.push(whole(7200, &[0x41, 0x9a, 0x22, 0x80], true));
    lines.extend(idr(10_800));
    play_through(Depacketizer::new(DepacketizerConfig::default()), &lines)
}

#[test]
fn an_endless_nal_unit_is_given_up_at_the_limit() {
    let endless = (0..300).map(|index| fragment(if index == 0 { 0x81 } else { 0x01 }, 60_000));
    let played = play_oversized(endless);
    assert!(
        matches!(played.errors[..], [DepacketizeErrorKind::AccessUnitTooLarge]),
        "{:?}",
        played.errors
    );
    assert_eq!(played.summary(), ["0: 7 8 5", "10800: 7 8 5"]);
    assert_eq!((played.stats.oversized, played.stats.reference_missing), (1, 1));
}

#[test]
fn endless_slices_are_given_up_at_the_limit() {
    let first = whole(3600, &[0x41, 0x9a, 0x22, 0x80], false);
    let later = (0..MAX_NAL_UNITS + 10).map(|_| whole(3600, &[0x41, 0x46, 0x88, 0x80], false));
    let played = play_oversized(std::iter::once(first).chain(later));
    assert!(
        matches!(played.errors[..], [DepacketizeErrorKind::TooManyNalUnits]),
        "{:?}",
        played.errors
    );
    assert_eq!(played.summary(), ["0: 7 8 5", "10800: 7 8 5"]);
    assert_eq!(played.stats.oversized, 1);
}

#[test]
fn endless_sei_without_a_picture_is_given_up_at_the_limit() {
    let sei = (0..)
        .take(MAX_NAL_UNITS + 10)
        .map(|index| whole(3600 + index, &[0x06, 0x05, 0x80], true));
    let played = play_oversized(sei);
    assert!(
        matches!(played.errors[..], [DepacketizeErrorKind::TooManyNalUnits]),
        "{:?}",
        played.errors
    );
    assert_eq!(played.summary(), ["0: 7 8 5", "10800: 7 8 5"]);
}

#[test]
fn one_payload_of_many_pictures_fills_no_unbounded_queue() {
    let picture = [&[0x65, 0x88, 0x84, 0x80][..], &[0, 0, 1]].concat();
    let data = [SPS, &[0, 0, 1], PPS, &[0, 0, 1], &picture.repeat(1000)].concat();
    let mut depacketizer = Depacketizer::new(DepacketizerConfig::default());
    depacketizer
        .push(whole(0, &data, true).payload())
        .expect("split at start codes");
    depacketizer.flush();
    assert_eq!(std::iter::from_fn(|| depacketizer.pop()).count(), MAX_READY);
    let stats = depacketizer.stats();
    assert_eq!((stats.idr_pictures, stats.not_collected), (1000, 1000 - 32));
}

#[test]
fn slices_behind_the_limit_get_no_parameter_sets() {
    let config = DepacketizerConfig {
        max_access_unit_bytes: 60,
        ..DepacketizerConfig::default()
    };
    let mut depacketizer = Depacketizer::new(config);
    let mut described = ParameterSets::default();
    described.insert(SPS).expect("SPS");
    described.insert(PPS).expect("PPS");
    depacketizer.set_parameter_sets(&described);
    let long_sei = [&[0x06, 0x05, 0x1e][..], &[0xaa; 30], &[0x80]].concat();
    let lines = [
        whole(3600, AUD, false),
        whole(3600, &long_sei, false),
        // The rest of a slice whose beginning is missing, then whole ones.
        whole(3600, &[0x7c, 0x45, 0xaa, 0x80], false),
        whole(3600, &[0x65, 0x40, 0x84, 0x80], false),
        whole(3600, &[0x65, 0x40, 0x84, 0x80], true),
        whole(7200, &[0x41, 0x9a, 0x22, 0x80], true),
    ];
    let played = play_through(depacketizer, &lines);
    assert_eq!((played.stats.oversized, played.units.len()), (1, 0));
    assert_eq!(played.errors, [DepacketizeErrorKind::AccessUnitTooLarge]);
}
