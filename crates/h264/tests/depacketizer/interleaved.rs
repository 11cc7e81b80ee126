//! Decoding order numbers: STAP-B, MTAP16, MTAP24 and FU-B, and what the deinterleaver makes of them.

use crate::support::{Line, PPS, Played, Rng, SPS, Slice, play_through};
use throughline_h264::{
    DepacketizeErrorKind, Depacketizer, DepacketizerConfig, PacketizationMode, PayloadFormat,
    PayloadStructure,
};

/// A NAL unit with its place in decoding order and its time.
#[derive(Clone)]
struct Unit {
    don: u16,
    timestamp: i64,
    nal: Vec<u8>,
}

fn line(timestamp: i64, data: Vec<u8>) -> Line {
    Line {
        data,
        timestamp,
        marker: false,
        lost_before: 0,
    }
}

fn size(nal: &[u8]) -> [u8; 2] {
    u16::try_from(nal.len()).expect("a short one").to_be_bytes()
}

fn stap_b(units: &[Unit]) -> Line {
    let mut data = vec![0x79];
    data.extend(units[0].don.to_be_bytes());
    for unit in units {
        data.extend(size(&unit.nal));
        data.extend(&unit.nal);
    }
    line(units[0].timestamp, data)
}

fn mtap(header: u8, units: &[Unit]) -> Line {
    let base = units.iter().map(|unit| unit.don).min().expect("one at least");
    let earliest = units
        .iter()
        .map(|unit| unit.timestamp)
        .min()
        .expect("one at least");
    let mut data = vec![header];
    data.extend(base.to_be_bytes());
    for unit in units {
        data.extend(size(&unit.nal));
        data.push(u8::try_from(unit.don - base).expect("near the base"));
        let offset = u32::try_from(unit.timestamp - earliest)
            .expect("not before it")
            .to_be_bytes();
        data.extend(&offset[if header == 0x7a { 2 } else { 1 }..]);
        data.extend(&unit.nal);
    }
    line(earliest, data)
}

fn fu_b(unit: &Unit, fragment: usize) -> Vec<Line> {
    let (indicator, nal_unit_type) = (unit.nal[0] & 0xe0, unit.nal[0] & 0x1f);
    let pieces: Vec<&[u8]> = unit.nal[1..].chunks(fragment).collect();
    let last = pieces.len() - 1;
    let packets = pieces.iter().enumerate().map(|(index, piece)| {
        let end = if index == last { 0x40 } else { 0 };
        let headers = if index == 0 {
            let [high, low] = unit.don.to_be_bytes();
            vec![indicator | 0x1d, 0x80 | end | nal_unit_type, high, low]
        } else {
            vec![indicator | 0x1c, end | nal_unit_type]
        };
        line(unit.timestamp, [&headers[..], piece].concat())
    });
    packets.collect()
}

/// An IDR picture and others behind it, one slice each, 3600 ticks apart.
fn pictures(count: u8, first_don: u16) -> Vec<Unit> {
    let sets = [SPS, PPS].map(|nal| (0, nal.to_vec()));
    let slices = (0..count).map(|index| (i64::from(index) * 3600, Slice::number(index).nal()));
    let numbered = sets.into_iter().chain(slices).zip(0..);
    numbered
        .map(|((timestamp, nal), place)| Unit {
            don: first_don.wrapping_add(place),
            timestamp,
            nal,
        })
        .collect()
}

fn depacketizer(interleaving_depth: Option<u16>) -> Depacketizer {
    Depacketizer::new(DepacketizerConfig {
        format: PayloadFormat {
            packetization_mode: Some(PacketizationMode::Interleaved),
            interleaving_depth,
            ..PayloadFormat::default()
        },
        ..DepacketizerConfig::default()
    })
}

/// All but the last picture, whose end is not seen.
fn assert_all_left(played: &Played, pictures: usize, context: &str) {
    let left: Vec<i64> = played.units.iter().map(|unit| unit.timestamp.0).collect();
    let sent: Vec<i64> = (0..).step_by(3600).take(pictures - 1).collect();
    assert_eq!(left, sent, "{context}");
    assert_eq!(played.errors, [], "{context}");
    assert_eq!(played.stats.damaged, 1, "{context}: {:?}", played.stats);
}

#[test]
fn numbers_wrap_from_any_of_them_to_any_order_within_the_depth() {
    for seed in 0..300 {
        let mut rng = Rng::new(seed);
        let depth = rng.below(5);
        let first_don = u16::try_from(rng.below(65_536)).expect("16 bits");
        let mut units = pictures(20, first_don);
        // Parameter sets stay in front; each picture overtakes at most `depth` others, and none is overtaken by more.
        let mut slices = units.split_off(2);
        for chunk in slices.chunks_mut(depth + 1) {
            for at in (1..chunk.len()).rev() {
                chunk.swap(at, rng.below(at + 1));
            }
        }
        let mut lines = vec![stap_b(&units)];
        for unit in &slices {
            match rng.below(4) {
                0 => lines.push(stap_b(std::slice::from_ref(unit))),
                1 => lines.push(mtap(0x7a, std::slice::from_ref(unit))),
                2 => lines.push(mtap(0x7b, std::slice::from_ref(unit))),
                _ => lines.extend(fu_b(unit, 2)),
            }
        }
        let depth = u16::try_from(depth).expect("a small one");
        let played = play_through(depacketizer(Some(depth)), &lines);
        assert_all_left(&played, 20, &format!("seed {seed}, depth {depth}"));
    }
}

#[test]
fn without_a_stated_depth_missing_numbers_are_waited_for() {
    let mut units = pictures(30, 65_530);
    let mut slices = units.split_off(2);
    for chunk in slices.chunks_mut(6) {
        chunk.reverse();
    }
    let mut lines = vec![stap_b(&units)];
    lines.extend(slices.iter().map(|unit| stap_b(std::slice::from_ref(unit))));
    assert_all_left(&play_through(depacketizer(None), &lines), 30, "no depth");
}

#[test]
fn the_distance_of_numbers_tells_what_may_leave_too() {
    let format = PayloadFormat {
        packetization_mode: Some(PacketizationMode::Interleaved),
        max_don_diff: Some(3),
        ..PayloadFormat::default()
    };
    let config = DepacketizerConfig {
        format,
        ..DepacketizerConfig::default()
    };
    let mut units = pictures(10, 7);
    units[2..].chunks_mut(2).for_each(<[Unit]>::reverse);
    let lines: Vec<Line> = units
        .iter()
        .map(|unit| stap_b(std::slice::from_ref(unit)))
        .collect();
    let mut depacketizer = Depacketizer::new(config);
    for line in &lines[..8] {
        depacketizer.push(line.payload()).expect("a sound payload");
    }
    // Of 7 to 14 those more than 3 behind have left, which are two parameter sets, a picture and the beginning of another.
    assert_eq!(std::iter::from_fn(|| depacketizer.pop()).count(), 1);
}

#[test]
fn each_nal_unit_of_an_mtap_has_its_own_time() {
    for header in [0x7a, 0x7b] {
        let mut units = pictures(4, 65_534);
        units.swap(3, 5);
        units[2].don = 0;
        let lines = [mtap_wrapping(header, &units)];
        let played = play_through(depacketizer(Some(3)), &lines);
        assert_all_left(&played, 4, "one MTAP");
    }
}

/// An MTAP whose numbers begin at the first unit's and may wrap.
fn mtap_wrapping(header: u8, units: &[Unit]) -> Line {
    let base = units[0].don;
    let shifted: Vec<Unit> = units
        .iter()
        .map(|unit| Unit {
            don: unit.don.wrapping_sub(base),
            ..unit.clone()
        })
        .collect();
    let mut line = mtap(header, &shifted);
    line.data[1..3].copy_from_slice(&base.to_be_bytes());
    line
}

#[test]
fn a_nal_unit_later_than_the_depth_allows_is_passed_over() {
    let units = pictures(6, 0);
    let mut lines: Vec<Line> = units
        .iter()
        .map(|unit| stap_b(std::slice::from_ref(unit)))
        .collect();
    let late = lines.remove(4);
    lines.push(late);
    let played = play_through(depacketizer(Some(1)), &lines);
    assert_eq!(
        played.errors,
        [DepacketizeErrorKind::TooLateToDeinterleave {
            decoding_order_number: 4
        }]
    );
    assert_eq!(played.units.last().map(|unit| unit.timestamp.0), Some(3600));
    assert_eq!(played.stats.frame_num_gaps, 1);
}

#[test]
fn any_single_loss_holds_back_what_refers_to_it() {
    for depth in [0, 1, 3] {
        let mut units = pictures(12, 65_530);
        for chunk in units[2..].chunks_mut(depth + 1) {
            chunk.reverse();
        }
        let mut lines = vec![stap_b(&units[..2])];
        for unit in &units[2..] {
            lines.extend(fu_b(unit, 3));
        }
        for lost in 1..lines.len() {
            let mut arrived = lines.clone();
            let hit = arrived.remove(lost);
            if let Some(behind) = arrived.get_mut(lost) {
                behind.lost_before = 1;
            }
            let depth = u16::try_from(depth).expect("a small one");
            let played = play_through(depacketizer(Some(depth)), &arrived);
            let left: Vec<i64> = played.units.iter().map(|unit| unit.timestamp.0).collect();
            assert!(
                left.iter().all(|timestamp| *timestamp < hit.timestamp),
                "depth {depth}, packet {lost} of {}: {left:?}",
                hit.timestamp
            );
        }
    }
}

#[test]
fn what_the_end_of_the_stream_cuts_off_is_missing_before_what_overtook_it() {
    let mut units = pictures(6, 0);
    units[2..].rotate_left(3);
    // Sent: pictures 3, 4, 5, 0, 1, and never 2.
    let mut lines = vec![stap_b(&units[..2])];
    lines.extend(units[2..7].iter().map(|unit| stap_b(std::slice::from_ref(unit))));
    let played = play_through(depacketizer(Some(5)), &lines);
    let left: Vec<i64> = played.units.iter().map(|unit| unit.timestamp.0).collect();
    assert_eq!(left, [0]);
}

#[test]
fn q69_interleaved_structures_are_read_though_another_mode_was_declared() {
    use throughline_h264::{Policy, Tolerance};
    let units = pictures(20, 100);
    let lines: Vec<Line> = units
        .iter()
        .map(|unit| stap_b(std::slice::from_ref(unit)))
        .collect();
    let format = PayloadFormat {
        packetization_mode: Some(PacketizationMode::NonInterleaved),
        ..PayloadFormat::default()
    };
    let play = |policy| {
        let config = DepacketizerConfig {
            format,
            policy,
            ..DepacketizerConfig::default()
        };
        play_through(Depacketizer::new(config), &lines)
    };
    let played = play(Policy::default());
    assert_all_left(&played, 20, "tolerated");
    assert!(played.tolerated.contains(Tolerance::PayloadStructure));

    let played = play(Policy::default().refuse(Tolerance::PayloadStructure));
    assert!(played.units.is_empty());
    let refused = DepacketizeErrorKind::NotTolerated(Tolerance::PayloadStructure);
    assert_eq!(played.errors, vec![refused; lines.len()]);
}

#[test]
fn a_payload_that_ends_inside_its_headers_says_what_it_is() {
    let cases = [
        (&[0x79, 0][..], PayloadStructure::StapB),
        (&[0x7a, 0, 0, 0, 1, 0, 0], PayloadStructure::Mtap16),
        (&[0x7b, 0, 0, 0, 1, 0, 0, 0], PayloadStructure::Mtap24),
        (&[0x7d, 0x85, 0], PayloadStructure::FuB),
    ];
    for (data, structure) in cases {
        let mut depacketizer = depacketizer(Some(0));
        let error = depacketizer
            .push(line(9, data.to_vec()).payload())
            .expect_err("cut off");
        let length = data.len();
        assert_eq!(error.kind, DepacketizeErrorKind::Truncated { structure, length });
        assert!(
            error.to_string().starts_with("timestamp 9, payload byte "),
            "{error}"
        );
    }
}
