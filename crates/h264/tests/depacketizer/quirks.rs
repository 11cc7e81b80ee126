//! One test per habit of cameras, each with payloads from `testdata/h264`.

use crate::support::{PPS, SEI, SPS, annex_b, lines, play, play_through};
use throughline_h264::{Damaged, Depacketizer, DepacketizerConfig, ParameterSets};

macro_rules! fixture {
    ($name:literal) => {
        include_str!(concat!("../../../../testdata/h264/", $name, ".txt"))
    };
}

#[test]
fn q75_marker_on_parameter_sets_ends_nothing() {
    let played = play(fixture!("ivel_marker_on_parameter_sets"));
    assert_eq!(played.summary(), ["0: 7 8 6 5", "3600: 1", "7200: 1"]);
    assert_eq!(played.stats.misplaced_markers, 3);
}

#[test]
fn q76_without_markers_the_timestamp_ends_a_picture() {
    let played = play(fixture!("flir_no_marker"));
    // The end of the third has not been seen.
    assert_eq!(played.summary(), ["0: 7 8 5", "3600: 1"]);
}

#[test]
fn q77_timestamp_changes_inside_a_picture_are_overlooked() {
    let played = play(fixture!("reolink_timestamp_changes_in_picture"));
    assert_eq!(played.summary(), ["3600: 7 8 5 5", "7200: 1", "10800: 7 8 5"]);
    // Between slices, between fragments, and twice between parameter sets and their picture.
    assert_eq!(played.stats.timestamp_changes, 4);
}

#[test]
fn q135_equal_timestamps_do_not_join_pictures() {
    let played = play(fixture!("wyze_equal_timestamps"));
    assert_eq!(played.summary(), ["0: 7 8 5", "0: 1 1", "0: 1", "0: 7 8 5"]);
}

#[test]
fn q78_start_and_end_in_one_fragment_is_a_whole_nal_unit() {
    let played = play(fixture!("costarhd_start_and_end_in_one_fragment"));
    assert_eq!(played.summary(), ["0: 7 8 5", "3600: 1"]);
    assert_eq!(played.nals(0), [SPS, PPS, &[0x65, 0x88, 0x84, 0xa1, 0xa2, 0xa3]]);
}

#[test]
fn q79_the_first_fragment_header_counts() {
    let played = play(fixture!("tiandy_changing_fragment_headers"));
    assert_eq!(played.nals(0), [SPS, PPS, &[0x65, 0x88, 0x84, 0xa1, 0xa2, 0xa3]]);
}

#[test]
fn q80_reserved_bit_and_empty_fragments_do_no_harm() {
    let played = play(fixture!("reserved_bit_and_empty_fragments"));
    assert_eq!(played.nals(0), [SPS, PPS, &[0x65, 0x88, 0x84, 0xa1, 0xa2, 0xa3]]);
}

#[test]
fn q80_without_an_end_bit_the_next_nal_unit_ends_a_fragmented_one() {
    let played = play(fixture!("no_end_bit"));
    assert_eq!(played.summary(), ["0: 7 8 5", "3600: 1", "7200: 1"]);
    assert_eq!(played.nals(0)[2], [0x65, 0x88, 0x84, 0xa1, 0xa2, 0xa3]);
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
    let played = play(fixture!("v380_start_codes_in_payloads"));
    assert_eq!(played.summary(), ["0: 7 8 5", "3600: 1"]);
    assert_eq!(played.nals(0), [SPS, PPS, &[0x65, 0x88, 0x84, 0xa1, 0xa2, 0xa3]]);
    assert_eq!(played.stats.split_nal_units, 3);
}

#[test]
fn q82_start_codes_in_fragments_separate_nal_units() {
    let played = play(fixture!("amatek_nal_units_in_one_fragmented"));
    assert_eq!(played.summary(), ["0: 7 8 5", "3600: 1"]);
    assert_eq!(played.nals(0), [SPS, PPS, &[0x65, 0x88, 0x84, 0xa1, 0xa2, 0xa3]]);
    assert_eq!(played.units[0].data, annex_b(played.nals(0)));
    assert_eq!(played.stats.split_nal_units, 1);
}

#[test]
fn q83_trailing_zeros_are_stripped() {
    let played = play(fixture!("reolink_trailing_zeros"));
    assert_eq!(played.errors, []);
    assert_eq!(
        played.units[0].data,
        annex_b([SPS, PPS, &[0x65, 0x88, 0x84, 0xa1, 0xa2, 0xa3]])
    );
    assert_eq!(
        played.units[1].data,
        annex_b([&[0x41, 0x9a, 0x22, 0xc1, 0xc2, 0xc3][..]])
    );
}

#[test]
fn q84_a_size_beyond_the_end_of_a_stap_a_is_cut_to_it() {
    let played = play(fixture!("stap_a_overrun"));
    assert_eq!(played.nals(0)[..2], [SPS, PPS]);
}

#[test]
fn q134_a_marker_on_every_slice_cuts_no_picture() {
    let played = play(fixture!("every_slice_marked"));
    assert_eq!(played.summary(), ["0: 7 8 5 5", "3600: 1 1", "7200: 1 1"]);
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
}
