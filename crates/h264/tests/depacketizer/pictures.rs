//! What slice headers and SEI say about pictures, those that are missing among them.

use crate::support::{Bits, Line, PPS, Played, Rng, SPS, Slice, play_through};
use throughline_h264::sei::RecoveryPoint;
use throughline_h264::{
    Depacketizer, DepacketizerConfig, Diagnosis, Packetizer, ParameterSets, PictureKind, Policy, StartAt,
    Tolerance, annexb,
};

/// Access units of these NAL units, 3600 ticks apart, with markers, and SPS and PPS in front of all.
fn play_with(config: DepacketizerConfig, pictures: &[Vec<Vec<u8>>]) -> Played {
    play_through(Depacketizer::new(config), &lines(pictures))
}

fn lines(pictures: &[Vec<Vec<u8>>]) -> Vec<Line> {
    let line = |data: &[u8], timestamp, marker| Line {
        data: data.to_vec(),
        timestamp,
        marker,
        lost_before: 0,
    };
    let mut lines = vec![line(SPS, 0, false), line(PPS, 0, false)];
    for (timestamp, picture) in (0..).step_by(3600).zip(pictures) {
        for (index, nal) in picture.iter().enumerate() {
            lines.push(line(nal, timestamp, index + 1 == picture.len()));
        }
    }
    lines
}

fn play(slices: impl IntoIterator<Item = Slice>) -> Played {
    let pictures: Vec<_> = slices.into_iter().map(|slice| vec![slice.nal()]).collect();
    play_with(DepacketizerConfig::default(), &pictures)
}

fn p(frame_num: u32) -> Slice {
    Slice {
        frame_num,
        ..Slice::number(1)
    }
}

fn disposable(frame_num: u32) -> Slice {
    Slice {
        nal_header: 0x01,
        ..p(frame_num)
    }
}

fn timestamps(played: &Played) -> Vec<i64> {
    played.units.iter().map(|unit| unit.timestamp.0 / 3600).collect()
}

#[test]
fn q90_a_picture_that_the_camera_left_out_is_missed() {
    let played = play([Slice::IDR, p(1), p(3), p(4), Slice::IDR, p(1)]);
    assert_eq!(timestamps(&played), [0, 1, 4, 5]);
    assert_eq!(
        (played.stats.frame_num_gaps, played.stats.reference_missing),
        (1, 2)
    );
}

#[test]
fn numbers_that_follow_leave_no_gap() {
    let wrapping = std::iter::once(Slice::IDR).chain((1..=40).map(|number| p(number % 16)));
    assert_eq!(play(wrapping).units.len(), 41);
    // Those that nothing refers to have the number of the next.
    let layers = [
        Slice::IDR,
        disposable(1),
        p(1),
        disposable(2),
        disposable(2),
        p(2),
    ];
    assert_eq!(play(layers).units.len(), 6);
    let reset = Slice { resets: true, ..p(2) };
    assert_eq!(play([Slice::IDR, p(1), reset, p(1), p(2)]).units.len(), 5);
}

#[test]
fn an_idr_picture_that_calls_itself_disposable_begins_the_numbers_all_the_same() {
    let disposable_idr = Slice {
        nal_header: 0x05,
        ..Slice::IDR
    };
    let played = play([Slice::IDR, p(1), p(2), p(3), disposable_idr, p(1)]);
    assert_eq!(timestamps(&played), [0, 1, 2, 3, 4, 5]);
    assert_eq!(played.stats.frame_num_gaps, 0);
}

#[test]
fn a_picture_that_nothing_refers_to_may_be_left_out() {
    assert_eq!(play([Slice::IDR, p(1), disposable(2), p(2)]).units.len(), 4);
    assert_eq!(play([Slice::IDR, p(1), p(2)]).units.len(), 3);
}

#[test]
fn packets_lost_with_a_picture_that_nothing_refers_to_cost_that_picture_only() {
    let slices = [
        Slice::IDR,
        p(1),
        p(2),
        disposable(3),
        p(3),
        p(4),
        disposable(5),
        disposable(5),
        p(5),
    ];
    let pictures: Vec<_> = slices.iter().map(|slice| vec![slice.nal()]).collect();
    let mut described = ParameterSets::default();
    described.insert(SPS).expect("SPS");
    described.insert(PPS).expect("PPS");
    let play_without = |lost: std::ops::Range<usize>| {
        let mut arrived = lines(&pictures).split_off(2);
        let count = lost.len();
        arrived.drain(lost.clone());
        arrived[lost.start].lost_before = u32::try_from(count).expect("a few");
        let mut depacketizer = Depacketizer::new(DepacketizerConfig::default());
        depacketizer.set_parameter_sets(&described);
        timestamps(&play_through(depacketizer, &arrived))
    };
    assert_eq!(play_without(3..4), [0, 1, 2, 4, 5, 6, 7, 8]);
    assert_eq!(play_without(6..8), [0, 1, 2, 3, 4, 5, 8]);
    assert_eq!(play_without(6..7), [0, 1, 2, 3, 4, 5, 7, 8]);
    // One that others refer to, and as many as could have begun anew.
    assert_eq!(play_without(2..3), [0, 1]);
    assert_eq!(play_without(1..4), [0]);
    assert_eq!(play_without(4..5), [0, 1, 2, 3]);
}

#[test]
fn a_lost_idr_picture_is_not_taken_for_one_that_nothing_refers_to() {
    let second = Slice {
        idr_pic_id: 1,
        ..Slice::IDR
    };
    let pictures: Vec<_> = [p(1), Slice::IDR, second, p(1)]
        .iter()
        .map(|slice| vec![slice.nal()])
        .collect();
    let mut described = ParameterSets::default();
    described.insert(SPS).expect("SPS");
    described.insert(PPS).expect("PPS");
    let mut arrived = lines(&pictures).split_off(2);
    arrived.remove(2);
    arrived[2].lost_before = 1;
    let mut depacketizer = Depacketizer::new(DepacketizerConfig::default());
    depacketizer.set_parameter_sets(&described);
    assert_eq!(timestamps(&play_through(depacketizer, &arrived)), [1]);
}

#[test]
fn numbers_that_hardly_ever_follow_are_not_believed() {
    let group = || std::iter::once(Slice::IDR).chain((1..8).map(|number| p(number * 2 % 16)));
    let pictures: Vec<_> = group()
        .chain(group())
        .chain(group())
        .map(|slice| vec![slice.nal()])
        .collect();
    let played = play_with(DepacketizerConfig::default(), &pictures);
    // The first group is lost but for its IDR picture, and a part of the second.
    assert!(timestamps(&played).ends_with(&[16, 17, 18, 19, 20, 21, 22, 23]));
    assert!(played.tolerated.contains(Tolerance::FrameNum));

    let config = DepacketizerConfig {
        policy: Policy::default().refuse(Tolerance::FrameNum),
        ..DepacketizerConfig::default()
    };
    let played = play_with(config, &pictures);
    assert_eq!(timestamps(&played), [0, 8, 16]);
    assert!(!played.tolerated.contains(Tolerance::FrameNum));
}

#[test]
fn slices_may_come_in_any_order() {
    let picture = |slice: Slice, order: [u32; 3]| -> Vec<Vec<u8>> {
        order.map(|first_mb| Slice { first_mb, ..slice }.nal()).to_vec()
    };
    let pictures = [
        picture(Slice::IDR, [4, 0, 8]),
        picture(p(1), [8, 4, 0]),
        picture(p(2), [0, 8, 4]),
        picture(p(3), [4, 8, 0]),
    ];
    let played = play_with(DepacketizerConfig::default(), &pictures);
    assert_eq!(
        played.summary(),
        ["0: 7 8 5 5 5", "3600: 1 1 1", "7200: 1 1 1", "10800: 1 1 1"]
    );

    // Without markers and under one timestamp the slices alone tell.
    let mut unmarked = lines(&pictures);
    for line in &mut unmarked {
        (line.marker, line.timestamp) = (false, 0);
    }
    let played = play_through(Depacketizer::new(DepacketizerConfig::default()), &unmarked);
    assert_eq!(played.summary(), ["0: 7 8 5 5 5", "0: 1 1 1", "0: 1 1 1"]);
}

#[test]
fn a_picture_without_its_first_slice_is_damaged_whatever_the_order() {
    let pictures = [
        vec![Slice::IDR.nal()],
        vec![
            Slice { first_mb: 8, ..p(1) }.nal(),
            Slice { first_mb: 4, ..p(1) }.nal(),
        ],
        vec![p(2).nal()],
    ];
    let played = play_with(DepacketizerConfig::default(), &pictures);
    assert_eq!(timestamps(&played), [0]);
    assert_eq!((played.stats.damaged, played.stats.reference_missing), (1, 1));
}

#[test]
fn idr_pictures_that_repeat_their_identifier_are_told_apart() {
    assert_eq!(play([Slice::IDR; 5]).units.len(), 5);
}

fn recovery_point(recovery_frame_cnt: u16) -> Vec<u8> {
    // recovery_frame_cnt 0 or 7, exact_match_flag, broken_link_flag 0, changing_slice_group_idc 0
    match recovery_frame_cnt {
        0 => vec![0x06, 0x06, 0x01, 0xc4, 0x80],
        _ => vec![0x06, 0x06, 0x02, 0x11, 0x10, 0x80],
    }
}

/// An I picture that is no IDR picture, and pictures behind it, of which two may refer past it.
fn open_group(frame_num: u32) -> Vec<Vec<Vec<u8>>> {
    let intra = Slice {
        coding: 7,
        ..p(frame_num)
    };
    let b = Slice {
        coding: 6,
        ..disposable(frame_num + 1)
    };
    vec![
        vec![recovery_point(0), intra.nal()],
        vec![b.nal()],
        vec![b.nal()],
        vec![p(frame_num + 1).nal()],
        vec![
            Slice {
                frame_num: frame_num + 2,
                ..b
            }
            .nal(),
        ],
        vec![p(frame_num + 2).nal()],
    ]
}

#[test]
fn q143_a_recovery_point_is_no_idr_picture_unless_asked_for() {
    let pictures = [open_group(3), open_group(6)].concat();
    let played = play_with(DepacketizerConfig::default(), &pictures);
    assert!(played.units.is_empty());
    assert_eq!(
        (played.stats.waiting_for_idr, played.stats.open_group_starts),
        (12, 2)
    );

    let config = DepacketizerConfig {
        start_at: StartAt::ExactRecoveryPoint,
        ..DepacketizerConfig::default()
    };
    let played = play_with(config, &pictures);
    // Those in front in output order are left out once only.
    assert_eq!(timestamps(&played), [0, 3, 4, 5, 6, 7, 8, 9, 10, 11]);
    assert_eq!(played.summary()[0], "0: 7 8 6 1");
    let exact = RecoveryPoint {
        recovery_frame_cnt: 0,
        is_exact_match: true,
        is_broken_link: false,
        changing_slice_group_idc: 0,
    };
    assert_eq!(played.units[0].kind, PictureKind::RecoveryPoint(exact));
    assert!(!played.units[0].is_idr());

    // After a loss too, with stored parameter sets in front.
    let mut hit = lines(&pictures);
    let lost = hit.remove(7);
    hit[7].lost_before = 1;
    let played = play_through(Depacketizer::new(config), &hit);
    assert_eq!(lost.timestamp, 4 * 3600);
    assert_eq!(timestamps(&played), [0, 3, 6, 9, 10, 11]);
    assert_eq!(played.summary()[2], format!("{}: 7 8 6 1", 6 * 3600));
}

#[test]
fn q143_streams_without_idr_pictures_are_named() {
    let group = |start: Vec<Vec<u8>>| -> Vec<Vec<Vec<u8>>> {
        let rest = (0..299).map(|number| vec![p(number % 16).nal()]);
        std::iter::once(start).chain(rest).collect()
    };
    let cases = [
        (group(vec![p(15).nal()]), Diagnosis::NoIdr),
        (group(vec![recovery_point(0), p(15).nal()]), Diagnosis::OpenGroups),
        (
            group(vec![recovery_point(7), p(15).nal()]),
            Diagnosis::GradualRefresh,
        ),
        (group(vec![Slice::IDR.nal()]), Diagnosis::LongGroups),
    ];
    for (pictures, diagnosis) in cases {
        let played = play_with(DepacketizerConfig::default(), &pictures);
        assert_eq!(played.stats.diagnosis(), Some(diagnosis));
        let played = play_with(DepacketizerConfig::default(), &pictures[..200]);
        assert_eq!(
            played.stats.diagnosis(),
            None,
            "{diagnosis:?} takes a while to tell"
        );
    }
}

#[test]
fn q139_groups_of_pictures_are_measured() {
    let group = |count| std::iter::once(Slice::IDR).chain((1..count).map(|number| p(number % 16)));
    let played = play(group(30).chain(group(400)).chain(group(25)).chain(group(1)));
    let last = played.stats.last_group.expect("three groups have ended");
    assert_eq!((last.pictures, last.ticks), (25, 25 * 3600));
    let longest = played.stats.longest_group.expect("three groups have ended");
    assert_eq!((longest.pictures, longest.ticks), (400, 400 * 3600));
    assert_eq!(played.stats.diagnosis(), Some(Diagnosis::LongGroups));
}

#[test]
fn q140_scrambled_pictures_are_named() {
    let mut rng = Rng::new(3);
    let scrambled = |rng: &mut Rng, header: u8| rng.nal(&[header, 0x04], 60);
    // With parameter sets from elsewhere, of which half of the slices name one that there is, and with its own scrambled
    // as well.
    let sound_sets: Vec<_> = (0..100)
        .map(|index| vec![scrambled(&mut rng, if index % 10 == 0 { 0x65 } else { 0x41 })])
        .collect();
    let played = play_with(DepacketizerConfig::default(), &sound_sets);
    assert_eq!(played.stats.diagnosis(), Some(Diagnosis::Scrambled));

    let mut depacketizer = Depacketizer::new(DepacketizerConfig::default());
    for timestamp in 0..3 {
        for (header, marker) in [(0x67, false), (0x68, false), (0x65, true)] {
            let data = [&[header, 0xff, 0xff, 0xff, 0x00][..], &rng.nal(&[], 40)].concat();
            let line = Line {
                data,
                timestamp,
                marker,
                lost_before: 0,
            };
            let _ = depacketizer.push(line.payload());
        }
    }
    assert_eq!(depacketizer.stats().diagnosis(), Some(Diagnosis::Scrambled));

    let sound = include_bytes!("../../../../testdata/h264/x264_b_slices.h264");
    let mut depacketizer = Depacketizer::new(DepacketizerConfig::default());
    for (timestamp, unit) in (0..).step_by(3600).zip(annexb::access_units(&sound.repeat(5))) {
        for fragment in Packetizer::new(300).packetize(unit.data) {
            let mut data = Vec::new();
            fragment.write(&mut data);
            let line = Line {
                data,
                timestamp,
                marker: fragment.is_last,
                lost_before: 0,
            };
            depacketizer.push(line.payload()).expect("a sound payload");
        }
    }
    let stats = depacketizer.stats();
    assert_eq!(
        (stats.judged_slices, stats.unreadable_slices, stats.diagnosis()),
        (50, 0, None)
    );
}

/// An SPS of 64x64 that allows fields.
#[test]
fn q140_parameter_sets_that_the_policy_refuses_are_not_scrambled() {
    let cut_vui = SPS[..SPS.len() - 4].to_vec();
    let picture = vec![cut_vui, PPS.to_vec(), Slice::IDR.nal()];
    let diagnose = |policy| {
        let config = DepacketizerConfig {
            policy,
            ..DepacketizerConfig::default()
        };
        let lines = lines(&[picture.clone(), picture.clone(), picture.clone()]);
        let played = play_through(Depacketizer::new(config), &lines[2..]);
        (
            played.stats.delivered,
            played.errors.len(),
            played.stats.diagnosis(),
        )
    };
    assert_eq!(diagnose(Policy::default()), (3, 0, None));
    assert_eq!(diagnose(Policy::default().refuse(Tolerance::Vui)), (0, 3, None));
}

fn lone(slices: impl IntoIterator<Item = Vec<u8>>) -> Vec<Vec<Vec<u8>>> {
    slices.into_iter().map(|slice| vec![slice]).collect()
}

#[test]
fn q140_slices_of_parameter_sets_that_did_not_come_are_not_scrambled() {
    let mut bits = Bits::default();
    bits.ue(1); // pic_parameter_set_id
    bits.ue(0); // seq_parameter_set_id
    bits.write(2, 0);
    (0..3).for_each(|_| bits.ue(0));
    bits.write(3, 0);
    (0..3).for_each(|_| bits.ue(0));
    bits.write(4, 1); // three flags and the stop bit
    let other_pps = [&[0x68][..], &bits.bytes()].concat();
    let mut described = ParameterSets::default();
    described.insert(SPS).expect("SPS");
    described.insert(&other_pps).expect("PPS");
    let mut depacketizer = Depacketizer::new(DepacketizerConfig::default());
    depacketizer.set_parameter_sets(&described);
    let pictures = lone((0..80).map(|number| Slice::number(number % 16).nal()));
    let played = play_through(depacketizer, &lines(&pictures).split_off(2));
    let stats = played.stats;
    assert_eq!(
        (stats.slices, stats.judged_slices, stats.diagnosis()),
        (80, 0, None)
    );
}

#[test]
fn q141_slices_in_front_of_the_first_idr_picture_do_not_make_a_stream_scrambled() {
    let mut rng = Rng::new(4);
    let misread = (0..40).map(|_| rng.nal(&[0x41, 0x04], 60));
    let sound = (0..40).map(|number| Slice::number(number % 16).nal());
    let pictures = lone(misread.chain(sound));
    let played = play_with(DepacketizerConfig::default(), &pictures);
    let stats = played.stats;
    assert_eq!(
        (stats.slices, stats.judged_slices, stats.diagnosis()),
        (80, 40, None)
    );
}

fn field_sps() -> Vec<u8> {
    let mut bits = Bits::default();
    bits.write(24, 0x004d_401e);
    for element in [0, 0, 2, 1] {
        bits.ue(element); // identifier, log2_max_frame_num_minus4, pic_order_cnt_type, max_num_ref_frames
    }
    bits.write(1, 0); // gaps_in_frame_num_value_allowed_flag
    bits.ue(3);
    bits.ue(1);
    bits.write(6, 0b00_1001); // neither frame_mbs_only nor adaptive, direct_8x8_inference, no cropping, no VUI, stop bit
    [&[0x67][..], &bits.bytes()].concat()
}

fn field(nal_header: u8, frame_num: u32, bottom_field_flag: u32) -> Vec<u8> {
    let is_idr = nal_header & 0x1f == 5;
    let mut bits = Bits::default();
    bits.ue(0);
    bits.ue(if is_idr { 7 } else { 5 });
    bits.ue(0);
    bits.write(4, frame_num);
    bits.write(2, 0b10 | bottom_field_flag);
    if is_idr {
        bits.ue(0);
    } else {
        bits.write(2, 0);
    }
    bits.write(if is_idr { 2 } else { 1 }, 0);
    bits.write(24, 0x00a5_c5e5);
    [&[nal_header][..], &bits.bytes(), &[0x80]].concat()
}

#[test]
fn two_fields_of_one_time_are_two_access_units() {
    let line = |data: Vec<u8>, timestamp, marker| Line {
        data,
        timestamp,
        marker,
        lost_before: 0,
    };
    let mut sent = vec![line(field_sps(), 0, false), line(PPS.to_vec(), 0, false)];
    sent.push(line(field(0x65, 0, 0), 0, false));
    sent.push(line(field(0x41, 0, 1), 0, true));
    for frame in 1..5 {
        sent.push(line(field(0x41, frame, 0), i64::from(frame) * 3600, false));
        sent.push(line(field(0x41, frame, 1), i64::from(frame) * 3600, true));
    }
    let played = play_through(Depacketizer::new(DepacketizerConfig::default()), &sent);
    assert_eq!(timestamps(&played), [0, 0, 1, 1, 2, 2, 3, 3, 4, 4]);
    assert_eq!(played.errors, []);
    assert!(played.tolerated.is_empty(), "{}", played.tolerated);
    assert_eq!(played.stats.frame_num_gaps, 0);
}

#[test]
fn real_streams_come_back_with_and_without_markers() {
    macro_rules! streams {
        ($($name:literal),*) => {
            [$(($name, &include_bytes!(concat!("../../../../testdata/h264/", $name, ".h264"))[..])),*]
        };
    }
    for (name, stream) in streams![
        "x264_two_slices",
        "x264_b_slices",
        "x264_interlaced_hrd",
        "x264_high444_matrix",
        "x264_high422_usability",
        "x264_weighted_references"
    ] {
        let pictures = annexb::access_units(stream).count();
        for (has_markers, step) in [(true, 3600), (false, 3600), (true, 0), (false, 0)] {
            let mut sent = Vec::new();
            for (index, unit) in (0..).zip(annexb::access_units(stream)) {
                for fragment in Packetizer::new(200).packetize(unit.data) {
                    let mut data = Vec::new();
                    fragment.write(&mut data);
                    let marker = fragment.is_last && has_markers;
                    let timestamp = index * step;
                    sent.push(Line {
                        data,
                        timestamp,
                        marker,
                        lost_before: 0,
                    });
                }
            }
            let played = play_through(Depacketizer::new(DepacketizerConfig::default()), &sent);
            let context = format!("{name}, markers: {has_markers}, timestamps {step} apart");
            assert_eq!(
                played.units.len(),
                pictures - usize::from(!has_markers),
                "{context}"
            );
            assert_eq!(played.stats.frame_num_gaps, 0, "{context}");
            assert_eq!(played.stats.unreadable_slices, 0, "{context}");
            let left = played.units.iter().flat_map(|unit| annexb::nal_units(&unit.data));
            assert!(
                left.zip(annexb::nal_units(stream))
                    .all(|(left, sent)| left == sent),
                "{context}"
            );
        }
    }
}
