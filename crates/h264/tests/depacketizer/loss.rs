//! Round trips through the packetizer, with and without loss.

use crate::support::{AUD, Line, PPS, Played, Rng, SEI, SPS, annex_b, play_through};
use throughline_h264::{
    Depacketizer, DepacketizerConfig, NalHeader, NalUnitType, Packetizer, ParameterSets, annexb,
};

/// An access unit as it was sent.
struct Sent {
    data: Vec<u8>,
    is_idr: bool,
    is_reference: bool,
}

/// Where the parameter sets of a made-up stream are.
#[derive(Clone, Copy, PartialEq)]
enum Sets {
    InBand,
    Described,
}

fn random_access_unit(rng: &mut Rng, is_idr: bool, sets: Sets) -> Sent {
    let is_reference = is_idr || !rng.chance(3);
    let mut nals: Vec<Vec<u8>> = Vec::new();
    if sets == Sets::InBand {
        if rng.chance(2) {
            nals.push(AUD.to_vec());
        }
        if is_idr {
            nals.extend([SPS.to_vec(), PPS.to_vec()]);
        }
        if rng.chance(3) {
            nals.push(if rng.chance(2) {
                SEI.to_vec()
            } else {
                rng.nal(&[0x06, 0x05], 2000)
            });
        }
    }
    for slice in 0..=rng.below(3) {
        let header = if is_idr {
            0x65
        } else if is_reference {
            0x41
        } else {
            0x01
        };
        let slice_header = match (is_idr, slice) {
            (true, 0) => [0x88, 0x84],
            (true, _) => [0x42, 0x21],
            (false, 0) => [0x9a, 0x22],
            (false, _) => [0x46, 0x88],
        };
        let length = [5, 60, 1400, 6000][rng.below(4)];
        let length = 4 + rng.below(length);
        nals.push(rng.nal(&[&[header][..], &slice_header].concat(), length));
    }
    Sent {
        data: annex_b(nals.iter().map(Vec::as_slice)),
        is_idr,
        is_reference,
    }
}

/// Groups of pictures, each picture 3600 ticks after the last.
fn random_stream(rng: &mut Rng, sets: Sets) -> Vec<Sent> {
    (0..4 + rng.below(20))
        .map(|index| {
            let is_idr = index == 0 || rng.chance(6);
            random_access_unit(rng, is_idr, sets)
        })
        .collect()
}

fn packets(stream: &[Sent], max_payload: usize) -> Vec<Line> {
    let packetizer = Packetizer::new(max_payload);
    let mut lines = Vec::new();
    for (timestamp, sent) in (0..).step_by(3600).zip(stream) {
        for fragment in packetizer.packetize(&sent.data) {
            let mut data = Vec::new();
            fragment.write(&mut data);
            assert_eq!(data.len(), fragment.len());
            assert!(data.len() <= max_payload);
            lines.push(Line {
                data,
                timestamp,
                marker: fragment.is_last,
                lost_before: 0,
            });
        }
        assert!(lines.last().is_some_and(|line| line.marker));
    }
    lines
}

fn depacketizer(sets: Sets) -> Depacketizer {
    let mut depacketizer = Depacketizer::new(DepacketizerConfig::default());
    if sets == Sets::Described {
        let mut described = ParameterSets::default();
        described.insert(SPS).expect("SPS");
        described.insert(PPS).expect("PPS");
        depacketizer.set_parameter_sets(&described);
    }
    depacketizer
}

/// The NAL units of an access unit, but for those that may be put in or are lost without harm.
fn essence(access_unit: &[u8], sets: Sets) -> Vec<&[u8]> {
    annexb::nal_units(access_unit)
        .filter(|nal| match NalHeader::from_byte(nal[0]).nal_unit_type() {
            NalUnitType::AccessUnitDelimiter => false,
            NalUnitType::Sps | NalUnitType::Pps => sets == Sets::InBand,
            _ => true,
        })
        .collect()
}

/// Whatever left is what was sent, and nothing left whose references did not.
fn assert_sound(stream: &[Sent], played: &Played, sets: Sets, context: &str) {
    let mut left = played.units.iter().peekable();
    let mut references_left = false;
    for (timestamp, sent) in (0..).step_by(3600).zip(stream) {
        let Some(unit) = left.next_if(|unit| unit.timestamp.0 == timestamp) else {
            references_left &= !sent.is_reference;
            continue;
        };
        assert_eq!(
            essence(&unit.data, sets),
            essence(&sent.data, sets),
            "{context}, picture at {timestamp}"
        );
        assert_eq!(unit.is_idr(), sent.is_idr, "{context}");
        assert!(
            references_left || sent.is_idr,
            "{context}: a reference of {timestamp} is missing"
        );
        assert!(
            !unit.is_damaged && (!sent.is_idr || unit.has_parameter_sets),
            "{context}"
        );
        references_left = true;
    }
    assert!(
        left.next().is_none(),
        "{context}: more access units than were sent"
    );
    assert_adds_up(played, context);
}

pub(crate) fn assert_adds_up(played: &Played, context: &str) {
    let stats = played.stats;
    let withheld = stats.waiting_for_idr
        + stats.missing_parameter_sets
        + stats.damaged
        + stats.reference_missing
        + stats.oversized
        + stats.not_collected;
    assert_eq!(
        stats.idr_pictures + stats.non_idr_pictures,
        stats.delivered + withheld,
        "{context}: {stats:?}"
    );
    assert_eq!(stats.delivered, played.units.len() as u64, "{context}");
}

fn without(lines: &[Line], mut is_lost: impl FnMut(usize) -> bool) -> Vec<Line> {
    let mut lost_before = 0;
    let mut arrived = Vec::new();
    for (index, line) in lines.iter().enumerate() {
        if is_lost(index) {
            lost_before += 1;
        } else {
            arrived.push(Line {
                lost_before,
                ..line.clone()
            });
            lost_before = 0;
        }
    }
    arrived
}

#[test]
fn what_is_sent_arrives_byte_for_byte() {
    for seed in 0..200 {
        let mut rng = Rng::new(seed);
        let stream = random_stream(&mut rng, Sets::InBand);
        let max_payload = 16 + rng.below(1400);
        let played = play_through(depacketizer(Sets::InBand), &packets(&stream, max_payload));
        assert_eq!(played.errors, [], "seed {seed}");
        assert_eq!(played.units.len(), stream.len(), "seed {seed}");
        for (unit, sent) in played.units.iter().zip(&stream) {
            assert_eq!(unit.data, sent.data, "seed {seed}");
        }
    }
}

#[test]
fn any_single_loss_lets_no_damaged_access_unit_leave() {
    for seed in 0..12 {
        for sets in [Sets::InBand, Sets::Described] {
            let mut rng = Rng::new(seed);
            let stream = random_stream(&mut rng, sets);
            let max_payload = 200 + rng.below(1200);
            let lines = packets(&stream, max_payload);
            for lost in 0..lines.len() {
                let context = format!("seed {seed}, packet {lost} lost");
                let played = play_through(depacketizer(sets), &without(&lines, |index| index == lost));
                assert_sound(&stream, &played, sets, &context);
                let hit = usize::try_from(lines[lost].timestamp / 3600).expect("an index");
                let next_idr = stream.iter().skip(hit + 1).position(|sent| sent.is_idr);
                let at_least = hit + next_idr.map_or(0, |next| stream.len() - (hit + 1 + next));
                // A lost first packet may have been the only delimiter: then the picture is whole.
                assert!(
                    played.units.len() >= at_least,
                    "{context}: {} of {at_least}",
                    played.units.len()
                );
            }
        }
    }
}

#[test]
fn bursts_of_loss_let_no_damaged_access_unit_leave() {
    for seed in 0..400 {
        let mut rng = Rng::new(seed);
        let sets = if rng.chance(2) {
            Sets::InBand
        } else {
            Sets::Described
        };
        let stream = random_stream(&mut rng, sets);
        let max_payload = 100 + rng.below(1300);
        let lines = packets(&stream, max_payload);
        let mut burst = 0usize;
        let arrived = without(&lines, |_| {
            if burst == 0 && rng.chance(25) {
                burst = 1 + rng.below(12);
            }
            let is_lost = burst > 0;
            burst = burst.saturating_sub(1);
            is_lost
        });
        let played = play_through(depacketizer(sets), &arrived);
        assert_sound(&stream, &played, sets, &format!("seed {seed}"));
    }
}

#[test]
fn a_hole_in_a_picture_that_nothing_refers_to_costs_that_picture_only() {
    let mut rng = Rng::new(1);
    let slice = |rng: &mut Rng, head: [u8; 3]| annex_b([rng.nal(&head, 3000).as_slice()]);
    let idr = [annex_b([SPS, PPS]), slice(&mut rng, [0x65, 0x88, 0x84])].concat();
    let stream = [
        Sent {
            data: idr,
            is_idr: true,
            is_reference: true,
        },
        Sent {
            data: slice(&mut rng, [0x01, 0x9a, 0x22]),
            is_idr: false,
            is_reference: false,
        },
        Sent {
            data: slice(&mut rng, [0x41, 0x9a, 0x22]),
            is_idr: false,
            is_reference: true,
        },
    ];
    let lines = packets(&stream, 1000);
    let hit: Vec<usize> = (0..lines.len())
        .filter(|&index| lines[index].timestamp == 3600)
        .collect();
    assert_eq!(hit.len(), 4);
    for lost in hit {
        let played = play_through(
            depacketizer(Sets::InBand),
            &without(&lines, |index| index == lost),
        );
        assert_eq!(played.summary(), ["0: 7 8 5", "7200: 1"], "packet {lost} lost");
        assert_eq!((played.units[1].lost_before, played.stats.damaged), (1, 1));
    }
}
