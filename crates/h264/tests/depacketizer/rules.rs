//! What a depacketizer promises, beyond the habits of single cameras.

use std::sync::{Arc, Mutex};

use crate::support::{Line, PPS, SPS, annex_b, play_through};
use throughline_h264::{
    Block, BufferPool, Buffers, DepacketizeErrorKind, Depacketizer, DepacketizerConfig, Packetizer,
    PayloadStructure, Profile, annexb,
};

const IDR: [u8; 4] = [0x65, 0x88, 0x84, 0x80];
const P: [u8; 4] = [0x41, 0x9a, 0x22, 0x80];

fn payload(timestamp: i64, data: &[u8]) -> Line {
    Line {
        data: data.to_vec(),
        timestamp,
        marker: true,
        lost_before: 0,
    }
}

fn push(depacketizer: &mut Depacketizer, timestamp: i64, data: &[u8]) -> Result<(), DepacketizeErrorKind> {
    let pushed = depacketizer.push(payload(timestamp, data).payload());
    pushed.map_err(|error| error.kind)
}

fn new_depacketizer() -> Depacketizer {
    Depacketizer::new(DepacketizerConfig::default())
}

fn sets_and_idr() -> Vec<u8> {
    let mut stap_a = vec![0x78];
    for nal in [SPS, PPS, &IDR] {
        stap_a.extend(u16::try_from(nal.len()).expect("a short one").to_be_bytes());
        stap_a.extend(nal);
    }
    stap_a
}

#[test]
fn a_marked_picture_leaves_at_once_when_one_before_has_proven_the_marker() {
    let mut depacketizer = new_depacketizer();
    // It cannot leave, but it can prove.
    push(&mut depacketizer, 0, &P).expect("a sound payload");
    push(&mut depacketizer, 3600, &sets_and_idr()).expect("a sound payload");
    let unit = depacketizer.pop().expect("an access unit");
    assert_eq!(unit.data, annex_b([SPS, PPS, &IDR]));
    assert!(unit.is_idr() && unit.has_parameter_sets && !unit.has_b_slice && !unit.is_damaged);
    assert_eq!(unit.parameters.profile, Profile::ConstrainedBaseline);
    assert_eq!((unit.parameters.width, unit.parameters.height), (64, 48));
    assert_eq!(depacketizer.pop(), None);
}

#[test]
fn an_unproven_marker_holds_back_one_picture_only() {
    let mut depacketizer = new_depacketizer();
    push(&mut depacketizer, 0, &sets_and_idr()).expect("a sound payload");
    assert_eq!(depacketizer.pop(), None);
    push(&mut depacketizer, 3600, &P).expect("a sound payload");
    assert_eq!(std::iter::from_fn(|| depacketizer.pop()).count(), 2);
}

#[test]
fn a_marker_is_proven_anew_where_parameter_sets_change() {
    let mut depacketizer = new_depacketizer();
    push(&mut depacketizer, 0, &sets_and_idr()).expect("a sound payload");
    push(&mut depacketizer, 3600, &P).expect("a sound payload");
    let other_level = [&SPS[..3], &[0x1f], &SPS[4..]].concat();
    let mut changed = payload(7200, &other_level);
    changed.marker = false;
    depacketizer.push(changed.payload()).expect("another SPS");
    push(&mut depacketizer, 7200, &IDR).expect("a sound payload");
    assert_eq!(std::iter::from_fn(|| depacketizer.pop()).count(), 2);
    push(&mut depacketizer, 10_800, &P).expect("a sound payload");
    assert_eq!(std::iter::from_fn(|| depacketizer.pop()).count(), 2);
}

#[test]
fn nothing_leaves_before_the_first_idr_picture() {
    let mut depacketizer = new_depacketizer();
    push(&mut depacketizer, 0, &P).expect("a sound payload");
    push(&mut depacketizer, 3600, &P).expect("a sound payload");
    assert_eq!(depacketizer.pop(), None);
    let stats = depacketizer.stats();
    assert_eq!(
        (stats.waiting_for_idr, stats.non_idr_pictures, stats.idr_pictures),
        (2, 2, 0)
    );
}

#[test]
fn a_picture_whose_first_slice_never_came_is_damaged_without_a_gap_in_the_numbers() {
    let mut depacketizer = new_depacketizer();
    push(&mut depacketizer, 0, &sets_and_idr()).expect("a sound payload");
    push(&mut depacketizer, 3600, &[0x41, 0x46, 0x88, 0x80]).expect("a sound payload");
    push(&mut depacketizer, 7200, &P).expect("a sound payload");
    assert_eq!(std::iter::from_fn(|| depacketizer.pop()).count(), 1);
    assert_eq!(
        (
            depacketizer.stats().damaged,
            depacketizer.stats().reference_missing
        ),
        (1, 1)
    );
}

#[test]
fn b_slices_are_told() {
    let stream = include_bytes!("../../../../testdata/h264/x264_b_slices.h264");
    let played = play_through(new_depacketizer(), &packetized(stream, 300));
    assert_eq!(played.units.len(), 10);
    assert_eq!(played.stats.b_slices, 6);
    assert_eq!(played.units.iter().filter(|unit| unit.has_b_slice).count(), 6);
    assert_eq!(played.units[0].parameters.max_num_reorder_frames, Some(1));
}

/// A stream cut into access units and payloads.
fn packetized(stream: &[u8], max_payload: usize) -> Vec<Line> {
    let packetizer = Packetizer::new(max_payload);
    let mut lines = Vec::new();
    for (timestamp, unit) in (0..).step_by(3600).zip(annexb::access_units(stream)) {
        for fragment in packetizer.packetize(unit.data) {
            let mut data = Vec::new();
            fragment.write(&mut data);
            lines.push(Line {
                data,
                timestamp,
                marker: fragment.is_last,
                lost_before: 0,
            });
        }
    }
    lines
}

#[test]
fn a_real_stream_of_two_slices_comes_back_as_it_was() {
    let stream = include_bytes!("../../../../testdata/h264/x264_two_slices.h264");
    for max_payload in [16, 100, 1400] {
        let played = play_through(new_depacketizer(), &packetized(stream, max_payload));
        let types: Vec<String> = played.summary();
        assert_eq!(types.len(), 6);
        assert_eq!(types[0], "0: 9 7 8 6 5 5");
        assert_eq!(types[3], "10800: 9 7 8 5 5");
        let nals: Vec<&[u8]> = played
            .units
            .iter()
            .flat_map(|unit| annexb::nal_units(&unit.data))
            .collect();
        assert_eq!(nals, annexb::nal_units(stream).collect::<Vec<_>>());
    }
}

#[test]
fn unreadable_payloads_have_errors_of_their_own() {
    let mut depacketizer = new_depacketizer();
    let cases: [(&[u8], DepacketizeErrorKind); 7] = [
        (&[], DepacketizeErrorKind::Empty),
        (
            &[0x7c],
            DepacketizeErrorKind::Truncated {
                structure: PayloadStructure::FuA,
                length: 1,
            },
        ),
        (
            &[0x7c, 0x9c, 1],
            DepacketizeErrorKind::ReservedType { nal_unit_type: 28 },
        ),
        (
            &[0x1f, 1, 2],
            DepacketizeErrorKind::ReservedType { nal_unit_type: 31 },
        ),
        (&[0xe5, 0x88], DepacketizeErrorKind::ForbiddenBit { header: 0xe5 }),
        (
            &[0xfc, 0xc5, 0x88],
            DepacketizeErrorKind::ForbiddenBit { header: 0xe5 },
        ),
        (
            &[0x7a, 1],
            DepacketizeErrorKind::Truncated {
                structure: PayloadStructure::Mtap16,
                length: 2,
            },
        ),
    ];
    for (data, error) in cases {
        assert_eq!(push(&mut depacketizer, 0, data), Err(error));
    }
    let error = push(&mut depacketizer, 0, &[0x67, 100, 0, 31, 0xff]).expect_err("an SPS of five bytes");
    assert_eq!(error.to_string(), "SPS: NAL unit ends at bit 32 in delta_scale");
}

#[test]
fn an_error_in_an_aggregation_costs_its_nal_unit_only() {
    let mut depacketizer = new_depacketizer();
    let stap_a = sets_and_idr();
    let with_rubbish = [&stap_a[..1], &[0, 2, 0x1f, 0x01], &stap_a[1..]].concat();
    assert_eq!(
        push(&mut depacketizer, 0, &with_rubbish),
        Err(DepacketizeErrorKind::ReservedType { nal_unit_type: 31 })
    );
    depacketizer.flush();
    assert_eq!(
        depacketizer.pop().map(|unit| unit.data),
        Some(annex_b([SPS, PPS, &IDR]).into())
    );
}

#[test]
fn flush_hands_out_what_only_waited_for_the_next_picture() {
    let marked = [payload(0, SPS), payload(0, PPS), payload(0, &IDR)];
    assert_eq!(play_through(new_depacketizer(), &marked).summary(), ["0: 7 8 5"]);
}

#[test]
fn flush_keeps_back_a_picture_whose_end_is_not_known() {
    let unfinished = Line {
        marker: false,
        ..payload(3600, &P)
    };
    let played = play_through(new_depacketizer(), &[payload(0, &sets_and_idr()), unfinished]);
    assert_eq!(played.summary(), ["0: 7 8 5"]);
    assert_eq!(played.stats.damaged, 1);
}

#[test]
fn after_flush_nothing_leaves_before_an_idr_picture() {
    let mut depacketizer = new_depacketizer();
    push(&mut depacketizer, 0, &sets_and_idr()).expect("a sound payload");
    depacketizer.flush();
    push(&mut depacketizer, 3600, &P).expect("a sound payload");
    push(&mut depacketizer, 7200, &sets_and_idr()).expect("a sound payload");
    let left: Vec<i64> = std::iter::from_fn(|| depacketizer.pop())
        .map(|unit| unit.timestamp.0)
        .collect();
    assert_eq!(left, [0, 7200]);
}

#[test]
fn memory_is_used_again_once_access_units_are_dropped() {
    let mut depacketizer = new_depacketizer();
    push(&mut depacketizer, 0, &sets_and_idr()).expect("a sound payload");
    let picture = [&P[..3], &[0x55; 1300]].concat();
    let mut addresses = std::collections::BTreeSet::new();
    for index in 1..1000 {
        while let Some(unit) = depacketizer.pop() {
            addresses.insert(unit.data.as_ptr().addr() / (1 << 20));
        }
        push(&mut depacketizer, index * 3600, &picture).expect("a sound payload");
    }
    assert!(
        addresses.len() <= 2,
        "1.3 MB went through {} regions of 1 MiB",
        addresses.len()
    );
}

#[derive(Clone, Debug, Default)]
struct Shared(Arc<Mutex<BufferPool>>);

impl Buffers for Shared {
    fn take(&mut self, bytes: usize, followers: usize) -> Block {
        self.0.lock().unwrap().take(bytes, followers)
    }

    fn give_back(&mut self, block: Block) {
        self.0.lock().unwrap().give_back(block);
    }
}

#[test]
fn depacketizers_that_share_a_pool_use_the_same_memory() {
    let buffers = Shared::default();
    let new = || Depacketizer::with_buffers(DepacketizerConfig::default(), buffers.clone());
    let mut cameras = [new(), new(), new()];
    let picture = [&P[..3], &vec![0x55; 30_000]].concat();
    let mut addresses = std::collections::BTreeSet::new();
    for index in 0..100 {
        for depacketizer in &mut cameras {
            let data = if index == 0 {
                sets_and_idr()
            } else {
                picture.clone()
            };
            push(depacketizer, index * 3600, &data).expect("a sound payload");
            // Whether to believe the marker is seen by the picture behind the first.
            let units: Vec<_> = std::iter::from_fn(|| depacketizer.pop()).collect();
            if index > 10 {
                assert_eq!(units.len(), 1);
                addresses.insert(units[0].data.as_ptr().addr());
            }
        }
    }
    assert_eq!(addresses.len(), 1);
}

#[test]
fn a_fragmented_nal_unit_with_the_forbidden_bit_does_not_leave() {
    let mut depacketizer = new_depacketizer();
    push(&mut depacketizer, 0, &P).expect("a sound payload");
    push(&mut depacketizer, 0, &sets_and_idr()).expect("a sound payload");
    let mut start = payload(3600, &[0xdc, 0x81, 0x9a, 0x22]);
    start.marker = false;
    depacketizer.push(start.payload()).expect_err("forbidden");
    push(&mut depacketizer, 3600, &[0x5c, 0x41, 0x80]).expect("the rest of it");
    push(&mut depacketizer, 7200, &P).expect("a sound payload");
    assert_eq!(std::iter::from_fn(|| depacketizer.pop()).count(), 1);
    let stats = depacketizer.stats();
    assert_eq!((stats.damaged, stats.reference_missing), (1, 1));
}

#[test]
fn large_access_units_that_are_kept_share_memory() {
    let mut depacketizer = new_depacketizer();
    push(&mut depacketizer, 0, &sets_and_idr()).expect("a sound payload");
    let (mut kept, mut shared) = (Vec::new(), 0);
    for index in 1..=100_u8 {
        let size = 150_000 + 300 * usize::from(index % 7);
        let picture = [&P[..3], &vec![0x55; size]].concat();
        push(&mut depacketizer, i64::from(index) * 3600, &picture).expect("a sound payload");
        kept.extend(std::iter::from_fn(|| depacketizer.pop()));
    }
    for pair in kept.windows(2) {
        shared += usize::from(pair[0].data.as_ptr_range().end == pair[1].data.as_ptr());
    }
    assert!(shared > 60, "{shared} of 100 lie behind the one before");
}

#[test]
fn fragments_of_a_reserved_type_get_into_no_picture() {
    let mut depacketizer = new_depacketizer();
    push(&mut depacketizer, 0, &P).expect("a sound payload");
    push(&mut depacketizer, 0, &sets_and_idr()).expect("a sound payload");
    let fragments = [
        // A slice without an end bit (Q80), and type 30 in three fragments.
        &[0x5c, 0x81, 0x9a, 0x22, 0x80][..],
        &[0x5c, 0x9e, 0xaa],
        &[0x5c, 0x1e, 0xbb],
        &[0x5c, 0x5e, 0xcc],
    ];
    for (fragment, is_refused) in fragments.into_iter().zip([false, true, true, true]) {
        let mut fragment = payload(3600, fragment);
        fragment.marker = false;
        let error = depacketizer
            .push(fragment.payload())
            .err()
            .map(|error| error.kind);
        let reserved = DepacketizeErrorKind::ReservedType { nal_unit_type: 30 };
        assert_eq!(error, is_refused.then_some(reserved));
    }
    push(&mut depacketizer, 7200, &P).expect("a sound payload");
    let units: Vec<_> = std::iter::from_fn(|| depacketizer.pop()).collect();
    assert_eq!(units.len(), 3);
    assert_eq!(units[1].data, annex_b([&[0x41, 0x9a, 0x22, 0x80][..]]));
}
