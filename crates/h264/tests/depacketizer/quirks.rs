//! One test per habit of cameras, each with payloads from `testdata/h264`.

use crate::support::{Line, PPS, Played, SEI, SPS, Slice, annex_b, lines, play, play_through};
use throughline_h264::{
    Damaged, DepacketizeErrorKind, Depacketizer, DepacketizerConfig, PacketizationMode, ParameterSets,
    PayloadFormat, Policy, Tolerance,
};

macro_rules! fixture {
    ($name:literal) => {
        include_str!(concat!("../../../../testdata/h264/", $name, ".txt"))
    };
}

fn refusing(tolerance: Tolerance) -> DepacketizerConfig {
    DepacketizerConfig {
        policy: Policy::default().refuse(tolerance),
        ..DepacketizerConfig::default()
    }
}

/// Plays a fixture with a tolerance, which has to show, and without it, which has to be an error.
fn with_and_without(fixture: &str, tolerance: Tolerance) -> (Played, Played) {
    let with = play(fixture);
    assert!(with.tolerated.contains(tolerance), "{:?}", with.tolerated);
    let without = play_through(Depacketizer::new(refusing(tolerance)), &lines(fixture));
    let refused = DepacketizeErrorKind::NotTolerated(tolerance);
    assert!(without.errors.contains(&refused), "{:?}", without.errors);
    assert!(!without.tolerated.contains(tolerance));
    (with, without)
}

#[test]
fn q75_marker_on_parameter_sets_ends_nothing() {
    let (played, refused) = with_and_without(
        fixture!("ivel_marker_on_parameter_sets"),
        Tolerance::MarkerWithoutPicture,
    );
    assert_eq!(played.summary(), ["0: 7 8 6 5", "3600: 1", "7200: 1"]);
    assert_eq!(played.stats.misplaced_markers, 3);
    assert!(refused.units.is_empty());
}

#[test]
fn q76_without_markers_the_timestamp_ends_a_picture() {
    let (played, refused) = with_and_without(fixture!("flir_no_marker"), Tolerance::MissingMarker);
    // The end of the third has not been seen.
    assert_eq!(played.summary(), ["0: 7 8 5", "3600: 1"]);
    assert!(refused.units.is_empty());
}

#[test]
fn q77_timestamp_changes_inside_a_picture_are_overlooked() {
    let (played, refused) = with_and_without(
        fixture!("reolink_timestamp_changes_in_picture"),
        Tolerance::TimestampChange,
    );
    assert_eq!(played.summary(), ["3600: 7 8 5 5", "7200: 1", "10800: 7 8 5"]);
    // Between slices, between fragments, and twice between parameter sets and their picture.
    assert_eq!(played.stats.timestamp_changes, 4);
    assert!(refused.units.is_empty());
}

#[test]
fn q135_equal_timestamps_do_not_join_pictures() {
    let (played, refused) = with_and_without(fixture!("wyze_equal_timestamps"), Tolerance::RepeatedTimestamp);
    assert_eq!(played.summary(), ["0: 7 8 5", "0: 1 1", "0: 1", "0: 7 8 5"]);
    assert_eq!(refused.summary(), ["0: 7 8 5"]);
}

#[test]
fn q78_start_and_end_in_one_fragment_is_a_whole_nal_unit() {
    let (played, refused) = with_and_without(
        fixture!("costarhd_start_and_end_in_one_fragment"),
        Tolerance::LoneFragment,
    );
    assert_eq!(played.summary(), ["0: 7 8 5", "3600: 1"]);
    assert_eq!(played.nals(0), [SPS, PPS, &[0x65, 0x88, 0x84, 0xa1, 0xa2, 0xa3]]);
    assert!(refused.units.is_empty());
}

#[test]
fn q79_the_first_fragment_header_counts() {
    let (played, refused) = with_and_without(
        fixture!("tiandy_changing_fragment_headers"),
        Tolerance::FragmentHeader,
    );
    assert_eq!(played.nals(0), [SPS, PPS, &[0x65, 0x88, 0x84, 0xa1, 0xa2, 0xa3]]);
    assert!(refused.units.is_empty());
}

#[test]
fn q80_reserved_bit_and_empty_fragments_do_no_harm() {
    let played = play(fixture!("reserved_bit_and_empty_fragments"));
    assert_eq!(played.nals(0), [SPS, PPS, &[0x65, 0x88, 0x84, 0xa1, 0xa2, 0xa3]]);
}

#[test]
fn q80_without_an_end_bit_the_next_nal_unit_ends_a_fragmented_one() {
    let (played, refused) = with_and_without(fixture!("no_end_bit"), Tolerance::MissingFragmentEnd);
    assert_eq!(played.summary(), ["0: 7 8 5", "3600: 1", "7200: 1"]);
    assert_eq!(played.nals(0)[2], [0x65, 0x88, 0x84, 0xa1, 0xa2, 0xa3]);
    assert!(refused.units.is_empty());
}

#[test]
fn q81_a_lost_start_costs_everything_up_to_the_next_idr() {
    let played = play(fixture!("lost_fragment_start"));
    assert_eq!(
        played.summary(),
        ["0: 7 8 5", "3600: 1", "14400: 7 8 5", "18000: 1"]
    );
    assert_eq!(played.units[2].lost_before, 1);
    let stats = played.stats;
    assert_eq!(
        (stats.orphan_fragments, stats.damaged, stats.reference_missing),
        (2, 1, 1)
    );
}

#[test]
fn q81_whoever_asks_gets_the_damaged_ones() {
    let config = DepacketizerConfig {
        damaged: Damaged::Deliver,
        ..DepacketizerConfig::default()
    };
    let played = play_through(Depacketizer::new(config), &lines(fixture!("lost_fragment_start")));
    // Nothing is left of the picture whose only slice lost its start, but those that refer to it leave.
    assert_eq!(
        played.summary(),
        ["0: 7 8 5", "3600: 1", "10800: 1", "14400: 7 8 5", "18000: 1"]
    );
    assert_eq!(played.stats.damaged, 1);
}

#[test]
fn q82_start_codes_in_payloads_separate_nal_units() {
    let (played, refused) = with_and_without(fixture!("v380_start_codes_in_payloads"), Tolerance::StartCode);
    assert_eq!(played.summary(), ["0: 7 8 5", "3600: 1"]);
    assert_eq!(played.nals(0), [SPS, PPS, &[0x65, 0x88, 0x84, 0xa1, 0xa2, 0xa3]]);
    assert_eq!(played.stats.split_nal_units, 3);
    assert!(refused.units.is_empty());
}

#[test]
fn q82_start_codes_in_fragments_separate_nal_units() {
    let (played, refused) = with_and_without(
        fixture!("amatek_nal_units_in_one_fragmented"),
        Tolerance::StartCode,
    );
    assert_eq!(played.summary(), ["0: 7 8 5", "3600: 1"]);
    assert_eq!(played.nals(0), [SPS, PPS, &[0x65, 0x88, 0x84, 0xa1, 0xa2, 0xa3]]);
    assert_eq!(played.units[0].data, annex_b(played.nals(0)));
    assert_eq!(played.stats.split_nal_units, 1);
    assert!(refused.units.is_empty());
}

#[test]
fn q83_trailing_zeros_are_stripped() {
    let (played, refused) = with_and_without(fixture!("reolink_trailing_zeros"), Tolerance::TrailingZeros);
    assert_eq!(played.errors, []);
    assert_eq!(
        played.units[0].data,
        annex_b([SPS, PPS, &[0x65, 0x88, 0x84, 0xa1, 0xa2, 0xa3]])
    );
    assert_eq!(
        played.units[1].data,
        annex_b([&[0x41, 0x9a, 0x22, 0xc1, 0xc2, 0xc3][..]])
    );
    assert!(refused.units.is_empty());
}

#[test]
fn q84_a_size_beyond_the_end_of_a_stap_a_is_cut_to_it() {
    let (played, refused) = with_and_without(fixture!("stap_a_overrun"), Tolerance::AggregationSize);
    assert_eq!(played.nals(0)[..2], [SPS, PPS]);
    assert!(refused.units.is_empty());
}

#[test]
fn q134_a_marker_on_every_slice_cuts_no_picture() {
    let (played, refused) = with_and_without(fixture!("every_slice_marked"), Tolerance::MarkerInPicture);
    assert_eq!(played.summary(), ["0: 7 8 5 5", "3600: 1 1", "7200: 1 1"]);
    assert!(refused.units.is_empty());
}

#[test]
fn q134_without_marked_parameter_sets_the_first_picture_is_not_cut_either() {
    let slice = |first_mb, marker, timestamp| Line {
        data: Slice {
            first_mb,
            ..Slice::IDR
        }
        .nal(),
        timestamp,
        marker,
        lost_before: 0,
    };
    let mut sent = lines(fixture!("every_slice_marked"));
    sent.truncate(2);
    for line in &mut sent {
        line.marker = false;
    }
    sent.extend([
        slice(0, true, 0),
        slice(2, true, 0),
        slice(0, true, 3600),
        slice(2, true, 3600),
    ]);
    let played = play_through(Depacketizer::new(DepacketizerConfig::default()), &sent);
    // The end of the last one is not known.
    assert_eq!(played.summary(), ["0: 7 8 5 5"]);
    assert_eq!(played.stats.damaged, 1);
}

#[test]
fn q134_a_picture_cut_by_a_marker_is_followed_by_nothing_up_to_an_idr() {
    let played = play(fixture!("every_slice_marked_late"));
    assert_eq!(
        played.summary(),
        ["0: 7 8 5", "3600: 1", "10800: 7 8 5", "14400: 1 1"]
    );
    // The other half of the cut one, and the last one, whose end has not been seen.
    assert_eq!((played.stats.damaged, played.stats.reference_missing), (2, 1));
}

#[test]
fn q144_lone_packets_are_no_access_unit() {
    let played = play(fixture!("amcrest_lone_packets"));
    assert_eq!(played.summary(), ["30: 9 7 8 6 5", "3610: 9 6 1", "7200: 12 1"]);
    for tolerance in [Tolerance::MarkerWithoutPicture, Tolerance::TimestampChange] {
        let (_, refused) = with_and_without(fixture!("amcrest_lone_packets"), tolerance);
        assert!(refused.units.is_empty());
    }
}

#[test]
fn q74_stored_parameter_sets_go_behind_the_delimiter_of_every_idr() {
    let mut depacketizer = Depacketizer::new(DepacketizerConfig::default());
    let mut sets = ParameterSets::default();
    sets.insert(SPS).expect("SPS");
    sets.insert(PPS).expect("PPS");
    depacketizer.set_parameter_sets(&sets);
    let played = play_through(
        depacketizer,
        &lines(fixture!("homekit_parameter_sets_in_sdp_only")),
    );
    assert_eq!(played.summary(), ["0: 9 7 8 6 5", "3600: 1", "7200: 7 8 5"]);
    assert_eq!(played.nals(0)[1..4], [SPS, PPS, SEI]);
    assert!(played.units[0].has_parameter_sets && played.units[2].has_parameter_sets);
    assert_eq!(played.stats.parameter_sets_inserted, 2);
}

#[test]
fn q74_without_parameter_sets_nothing_leaves_and_the_reason_is_counted() {
    let played = play(fixture!("homekit_parameter_sets_in_sdp_only"));
    assert_eq!(played.summary(), <[&str; 0]>::default());
    assert_eq!(
        (played.stats.missing_parameter_sets, played.stats.waiting_for_idr),
        (2, 1)
    );
}

#[test]
fn q141_the_latest_parameter_sets_in_band_win() {
    let mut depacketizer = Depacketizer::new(DepacketizerConfig::default());
    let mut described = ParameterSets::default();
    described.insert(SPS).expect("SPS");
    described.insert(PPS).expect("PPS");
    depacketizer.set_parameter_sets(&described);
    let fixture = lines(fixture!("yi_parameter_sets_change"));
    for line in &fixture {
        depacketizer.push(line.payload()).expect("a sound payload");
        // A repeated DESCRIBE changes nothing.
        depacketizer.set_parameter_sets(&described);
    }
    let widths: Vec<u32> = std::iter::from_fn(|| depacketizer.pop())
        .map(|unit| unit.parameters.width)
        .collect();
    assert_eq!(widths, [64, 64, 642, 642, 642]);
    assert_eq!(depacketizer.stats().parameter_set_changes, 2);
    assert!(
        depacketizer
            .tolerated()
            .contains(Tolerance::DescribedParameterSet)
    );

    let mut depacketizer = Depacketizer::new(refusing(Tolerance::DescribedParameterSet));
    depacketizer.set_parameter_sets(&described);
    let played = play_through(depacketizer, &fixture);
    let refused = DepacketizeErrorKind::NotTolerated(Tolerance::DescribedParameterSet);
    assert_eq!(played.errors, [refused]);
    assert!(played.units.iter().all(|unit| unit.parameters.width == 64));
}

#[test]
fn q69_whatever_packetization_mode_was_declared_all_structures_are_read() {
    let fixture = lines(fixture!("reolink_trailing_zeros"));
    let play = |mode, tolerance: Option<Tolerance>| {
        let format = PayloadFormat {
            packetization_mode: mode,
            ..PayloadFormat::default()
        };
        let config = tolerance.map_or_else(DepacketizerConfig::default, refusing);
        play_through(
            Depacketizer::new(DepacketizerConfig { format, ..config }),
            &fixture,
        )
    };
    let modes = [
        (None, false),
        (Some(PacketizationMode::SingleNalUnit), true),
        (Some(PacketizationMode::NonInterleaved), false),
        (Some(PacketizationMode::Interleaved), true),
    ];
    for (mode, is_bent) in modes {
        let played = play(mode, None);
        assert_eq!(played.units.len(), 2, "{mode:?}");
        assert_eq!(
            played.tolerated.contains(Tolerance::PayloadStructure),
            is_bent,
            "{mode:?}"
        );

        let played = play(mode, Some(Tolerance::PayloadStructure));
        let refused = DepacketizeErrorKind::NotTolerated(Tolerance::PayloadStructure);
        assert_eq!(played.errors.contains(&refused), is_bent, "{mode:?}");
        assert_eq!(played.units.is_empty(), is_bent, "{mode:?}");
    }
}

#[test]
fn q145_a_payload_of_64_kib_is_one_like_any_other() {
    let mut nal = Slice::IDR.nal();
    nal.resize(65_000, 0xaa);
    let mut sent = lines(fixture!("flir_no_marker"));
    sent.truncate(2);
    sent.push(Line {
        data: nal.clone(),
        timestamp: 0,
        marker: true,
        lost_before: 0,
    });
    let played = play_through(Depacketizer::new(DepacketizerConfig::default()), &sent);
    assert_eq!(played.nals(0), [SPS, PPS, &nal]);
    assert!(played.tolerated.is_empty(), "no rule says how long a payload is");
}
