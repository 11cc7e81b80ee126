//! The buffer's rules one by one.

mod model;

use super::*;
use crate::test_support::packet_bytes;

/// What came out: sequence number, lost before, resynchronized.
type Out = (u16, u32, bool);

const SSRC: u32 = 7;

/// A buffer that is drained after each push, as its contract asks.
struct Receiver {
    start: Instant,
    buffer: ReorderBuffer,
}

impl Receiver {
    fn new(config: ReorderConfig) -> Self {
        Self {
            start: Instant::now(),
            buffer: ReorderBuffer::new(config),
        }
    }

    fn waiting() -> Self {
        Self::new(ReorderConfig::default())
    }

    fn immediate() -> Self {
        Self::new(ReorderConfig {
            loss: GapPolicy::Immediate,
            ..ReorderConfig::default()
        })
    }

    fn refusing(tolerance: Tolerance) -> Self {
        Self::new(ReorderConfig {
            policy: Policy::default().refuse(tolerance),
            ..ReorderConfig::default()
        })
    }

    fn at(&self, millis: u64) -> Instant {
        self.start + Duration::from_millis(millis)
    }

    fn push(&mut self, millis: u64, ssrc: u32, sequence: u16) -> Vec<Out> {
        let bytes = packet_bytes(ssrc, sequence, 0, &sequence.to_be_bytes());
        let now = self.at(millis);
        let mut out = Vec::new();
        if let Pushed::InOrder(ordered) = self.buffer.push(now, Packet::parse(&bytes).unwrap()) {
            out.push(seen(&ordered));
        }
        self.drain(millis, &mut out);
        out
    }

    /// All that comes out of packets that arrive at one moment.
    fn push_all(&mut self, sequences: impl IntoIterator<Item = u16>) -> Vec<Out> {
        sequences
            .into_iter()
            .flat_map(|sequence| self.push(0, SSRC, sequence))
            .collect()
    }

    fn wait_until(&mut self, millis: u64) -> Vec<Out> {
        let mut out = Vec::new();
        self.drain(millis, &mut out);
        out
    }

    fn drain(&mut self, millis: u64, out: &mut Vec<Out>) {
        let now = self.at(millis);
        while let Some(ordered) = self.buffer.pop_held(now) {
            out.push(seen(&ordered));
        }
    }
}

fn seen(ordered: &Ordered<'_>) -> Out {
    let sequence = ordered.packet.sequence_number().0;
    assert_eq!(
        ordered.packet.payload(),
        sequence.to_be_bytes(),
        "a packet came out changed"
    );
    (sequence, ordered.lost_before, ordered.resynchronized)
}

fn in_order(sequences: impl IntoIterator<Item = u16>) -> Vec<Out> {
    sequences
        .into_iter()
        .map(|sequence| (sequence, 0, false))
        .collect()
}

#[test]
fn packets_in_order_pass_without_a_copy_even_over_the_wrap() {
    let mut receiver = Receiver::waiting();
    assert_eq!(
        receiver.push_all([65_534, 65_535, 0, 1]),
        in_order([65_534, 65_535, 0, 1])
    );
    assert_eq!(
        receiver.buffer.stats(),
        ReorderStats {
            delivered: 4,
            ..ReorderStats::default()
        }
    );
    assert_eq!(receiver.buffer.wake_at(), None);
}

#[test]
fn an_overtaken_packet_is_put_back_in_its_place() {
    let mut receiver = Receiver::waiting();
    assert_eq!(receiver.push_all([65_535, 1, 2]), in_order([65_535]));
    assert_eq!(receiver.buffer.wake_at(), Some(receiver.at(100)));
    assert_eq!(receiver.push_all([0]), in_order([0, 1, 2]));
    assert_eq!(receiver.buffer.wake_at(), None);
    assert_eq!(receiver.buffer.stats().lost, 0);
}

#[test]
fn a_gap_is_given_up_when_its_time_is_over() {
    let mut receiver = Receiver::waiting();
    receiver.push(0, SSRC, 10);
    assert_eq!(receiver.push(5, SSRC, 13), []);
    assert_eq!(receiver.push(50, SSRC, 14), []);
    assert_eq!(receiver.wait_until(104), []);
    assert_eq!(receiver.wait_until(105), [(13, 2, false), (14, 0, false)]);
    assert_eq!(receiver.buffer.stats().lost, 2);
}

#[test]
fn no_packet_is_held_longer_than_the_delay_when_gaps_follow_each_other() {
    let mut receiver = Receiver::waiting();
    receiver.push(0, SSRC, 10);
    receiver.push(0, SSRC, 14);
    assert_eq!(receiver.push(60, SSRC, 12), []);
    assert_eq!(receiver.wait_until(100), [(12, 1, false), (14, 1, false)]);
}

#[test]
fn a_gap_is_given_up_when_there_is_no_more_room() {
    let mut receiver = Receiver::new(ReorderConfig {
        max_packets: 3,
        ..ReorderConfig::default()
    });
    assert_eq!(receiver.push_all([1, 3, 5]), in_order([1]));
    assert_eq!(
        receiver.push_all([7]),
        [(3, 1, false)],
        "only the first gap is given up"
    );
    assert_eq!(receiver.push_all([4]), in_order([4, 5]));
}

#[test]
fn room_is_bounded_in_bytes_too() {
    let mut receiver = Receiver::waiting();
    receiver.push(0, SSRC, 0);
    let mut held = 0;
    for sequence in 2_u16..60 {
        let bytes = packet_bytes(SSRC, sequence, 0, &vec![0; 65_000]);
        assert_eq!(
            receiver
                .buffer
                .push(receiver.start, Packet::parse(&bytes).unwrap()),
            Pushed::Held
        );
        held += 1;
        if receiver.buffer.pop_held(receiver.start).is_some() {
            break;
        }
    }
    assert_eq!(held, MAX_HELD_BYTES.div_ceil(65_000));
}

#[test]
fn a_network_that_only_loses_is_waited_for_less_and_less() {
    let mut receiver = Receiver::waiting();
    let mut waits = Vec::new();
    for gap in 0..500_u16 {
        let millis = u64::from(gap) * 1_000;
        receiver.push(millis, SSRC, gap * 2);
        let wake = receiver.buffer.wake_at();
        waits.extend(wake.map(|wake| (wake - receiver.at(millis)).as_millis()));
        receiver.wait_until(millis + 100);
    }
    assert_eq!(
        [0, 100, 200, 300, 400].map(|gap| waits[gap]),
        [100, 67, 45, 30, 20]
    );
    assert_eq!(waits.last(), Some(&20));
    assert_eq!(receiver.buffer.stats().lost, 499);
}

#[test]
fn a_network_that_reorders_is_waited_for_twice_as_long_as_it_takes() {
    let mut receiver = Receiver::waiting();
    receiver.push(0, SSRC, 0);
    for pair in 0..500_u16 {
        let millis = u64::from(pair) * 100;
        receiver.push(millis, SSRC, pair * 2 + 2);
        receiver.push(millis + 15, SSRC, pair * 2 + 1);
    }
    assert_eq!(receiver.buffer.delay(), Duration::from_millis(30));
    assert_eq!(receiver.buffer.stats().lost, 0);
}

#[test]
fn a_packet_given_up_too_early_makes_the_next_wait_longer() {
    let mut receiver = Receiver::waiting();
    for gap in 0..500_u16 {
        receiver.push(u64::from(gap) * 1_000, SSRC, gap * 2);
        receiver.wait_until(u64::from(gap) * 1_000 + 100);
    }
    assert_eq!(receiver.buffer.delay(), Duration::from_millis(20));
    assert_eq!(receiver.push(499_045, SSRC, 997), [], "late");
    assert_eq!(receiver.buffer.delay(), Duration::from_millis(90));
    receiver.push(499_300, SSRC, 997);
    assert_eq!(
        receiver.buffer.delay(),
        Duration::from_millis(90),
        "no wait that is allowed would have caught it"
    );
}

/// Of every twenty packets that are missing one comes, after 35 ms; the others are lost.
#[test]
fn losses_do_not_make_it_forget_how_long_a_packet_may_take() {
    let mut receiver = Receiver::waiting();
    receiver.push(0, SSRC, 0);
    for gap in 1..2_000_u16 {
        let millis = u64::from(gap) * 1_000;
        receiver.push(millis, SSRC, gap * 2);
        if gap % 20 == 0 {
            receiver.wait_until(millis + 34);
            assert_eq!(receiver.push(millis + 35, SSRC, gap * 2 - 1).len(), 2, "{gap}");
        } else {
            receiver.wait_until(millis + 100);
        }
    }
    assert_eq!(receiver.buffer.stats().late, 0);
    assert!(receiver.buffer.delay() < Duration::from_millis(71));
}

#[test]
fn the_shorter_bound_of_the_wait_goes_first() {
    let mut receiver = Receiver::new(ReorderConfig {
        max_delay: Duration::from_millis(5),
        ..ReorderConfig::default()
    });
    receiver.push_all([1, 3]);
    assert_eq!(receiver.buffer.wake_at(), Some(receiver.at(5)));
}

#[test]
fn duplicates_and_late_packets_are_told_apart() {
    let mut receiver = Receiver::waiting();
    receiver.push_all([1, 2, 4, 4]);
    receiver.wait_until(100);
    receiver.push_all([3, 2, 4]);
    let stats = receiver.buffer.stats();
    assert_eq!(
        (stats.delivered, stats.lost, stats.late, stats.duplicates),
        (3, 1, 1, 3)
    );
}

#[test]
fn what_lies_behind_a_long_gap_is_late_and_no_duplicate() {
    let mut receiver = Receiver::immediate();
    receiver.push_all((0..10).chain([200, 199, 120]));
    let stats = receiver.buffer.stats();
    assert_eq!((stats.late, stats.duplicates), (2, 0));
}

#[test]
fn a_restart_begins_where_appendix_a_1_draws_the_line() {
    for (sequence, expected) in [
        (9_999 + 3_000, (0, 0, 1)),
        (9_999 + 3_001, (1, 0, 0)),
        (10_000 - 100, (0, 1, 0)),
        (10_000 - 101, (1, 0, 0)),
    ] {
        let mut receiver = Receiver::waiting();
        receiver.push_all([9_999, sequence]);
        let buffer = &receiver.buffer;
        let seen = (buffer.candidates.len(), buffer.stats.late, buffer.held.len());
        assert_eq!(seen, expected, "{sequence}");
    }
}

#[test]
fn the_buffer_of_a_giant_is_not_kept() {
    let mut buffer = ReorderBuffer::new(ReorderConfig::default());
    let now = Instant::now();
    for sequence in [0, 3, 5, 2, 1, 4, 6] {
        let bytes = packet_bytes(
            SSRC,
            sequence,
            0,
            &vec![0; 1_400 + 60_000 * usize::from(sequence == 3)],
        );
        buffer.push(now, Packet::parse(&bytes).unwrap());
        while buffer.pop_held(now).is_some() {}
    }
    // Held were 3, 5 and 2; 5 is still lent out, and only the buffer of 2 waits for the next packet.
    assert_eq!((buffer.stats().held, buffer.pool.len()), (3, 1));
}

#[test]
fn q90_a_gap_on_tcp_is_loss_at_once_and_on_udp_is_waited_for() {
    assert_eq!(Receiver::waiting().push_all([1, 5, 6, 6]), in_order([1]));
    let mut receiver = Receiver::immediate();
    assert_eq!(
        receiver.push_all([1, 5, 6, 6]),
        [(1, 0, false), (5, 3, false), (6, 0, false)]
    );
    assert_eq!(receiver.buffer.stats().held, 0);
}

#[test]
fn on_tcp_nothing_overtakes_what_a_restart_held_back() {
    let mut receiver = Receiver::immediate();
    let start = receiver.start;
    let mut push = |sequence| {
        let bytes = packet_bytes(SSRC, sequence, 0, &sequence.to_be_bytes());
        let outcome = receiver.buffer.push(start, Packet::parse(&bytes).unwrap());
        matches!(outcome, Pushed::InOrder(_))
    };
    assert!(push(100));
    assert!(!push(5_000) && !push(5_001) && !push(5_002));
    assert!(!push(5_003), "not drained: no room");
    assert_eq!(
        receiver.buffer.pop_held(start).map(|ordered| seen(&ordered)),
        Some((5_000, 1, true))
    );
    assert_eq!(
        receiver.push_all([5_005]),
        [(5_001, 0, false), (5_002, 0, false), (5_005, 2, false)]
    );
    assert_eq!(receiver.buffer.stats().undrained, 1);
}

#[test]
fn q89_a_restarted_sequence_is_followed_without_losing_a_packet_or_refused() {
    let mut refused = Receiver::refusing(Tolerance::SequenceRestart);
    assert_eq!(
        refused.push_all([40_000, 40_001, 0, 1, 2, 3]),
        in_order([40_000, 40_001])
    );
    assert_eq!(
        (refused.buffer.stats().refused, refused.buffer.stats().held),
        (4, 0)
    );
    for receiver in [&mut Receiver::waiting(), &mut Receiver::immediate()] {
        receiver.push_all([40_000, 40_001]);
        assert_eq!(receiver.push_all([0, 1]), []);
        assert_eq!(
            receiver.push_all([2, 3]),
            [(0, 1, true), (1, 0, false), (2, 0, false), (3, 0, false)]
        );
        let stats = receiver.buffer.stats();
        assert_eq!((stats.resynchronizations, stats.lost, stats.discarded), (1, 0, 0));
        let tolerated = receiver.buffer.tolerated();
        assert!(tolerated.iter().eq([Tolerance::SequenceRestart]));
    }
}

#[test]
fn q89_what_was_held_of_the_old_sequence_comes_out_first() {
    let mut receiver = Receiver::waiting();
    receiver.push_all([100, 102]);
    let expected = [
        (102, 1, false),
        (9_000, 1, true),
        (9_001, 0, false),
        (9_002, 0, false),
    ];
    assert_eq!(receiver.push_all([9_000, 9_001, 9_002]), expected);
}

#[test]
fn q86_another_ssrc_is_followed_without_losing_a_packet_or_refused() {
    let mut refused = Receiver::refusing(Tolerance::SsrcChange);
    refused.push_all([100]);
    for sequence in 101..105 {
        assert_eq!(refused.push(0, 8, sequence), []);
    }
    assert_eq!(refused.buffer.stats().refused, 4);
    assert!(refused.buffer.tolerated().is_empty());
    let mut receiver = Receiver::waiting();
    receiver.push_all([100]);
    let out: Vec<_> = (101..105)
        .flat_map(|sequence| receiver.push(0, 8, sequence))
        .collect();
    assert_eq!(
        out,
        [(101, 1, true), (102, 0, false), (103, 0, false), (104, 0, false)]
    );
    let tolerated = receiver.buffer.tolerated();
    assert!(tolerated.iter().eq([Tolerance::SsrcChange]));
}

#[test]
fn q86_two_interleaved_sources_do_not_take_turns() {
    let mut receiver = Receiver::waiting();
    let mut out = Vec::new();
    for sequence in 0..50 {
        out.extend(receiver.push(0, SSRC, sequence));
        out.extend(receiver.push(0, 8, 20_000 + sequence));
    }
    assert_eq!(out, in_order(0..50));
    assert_eq!(receiver.buffer.stats().discarded, 49);
}

#[test]
fn q89_the_new_sequence_is_found_even_if_every_packet_comes_twice() {
    let mut receiver = Receiver::waiting();
    receiver.push_all([100]);
    let out = receiver.push_all([5_000, 5_000, 5_001, 5_001, 5_002, 5_002]);
    assert_eq!(out, [(5_000, 1, true), (5_001, 0, false), (5_002, 0, false)]);
}

#[test]
fn one_stray_packet_changes_nothing() {
    let mut receiver = Receiver::waiting();
    assert_eq!(receiver.push_all([1, 30_000, 2, 60_000, 3]), in_order([1, 2, 3]));
    assert_eq!(receiver.buffer.stats().discarded, 2);
}

#[test]
fn after_a_reset_the_next_packet_starts_anew() {
    let mut receiver = Receiver::waiting();
    receiver.push_all([100, 102, 9_000]);
    receiver.buffer.reset();
    assert_eq!(receiver.buffer.wake_at(), None);
    assert_eq!(receiver.push_all([50]), in_order([50]));
    assert_eq!(receiver.buffer.stats().discarded, 2);
}

#[test]
fn a_time_in_the_future_returns_all_that_is_left() {
    let mut receiver = Receiver::waiting();
    receiver.push_all([1, 3, 6]);
    assert_eq!(receiver.wait_until(3_600_000), [(3, 1, false), (6, 2, false)]);
}

#[test]
fn buffers_are_used_again() {
    let mut receiver = Receiver::waiting();
    receiver.push_all([0]);
    for sequence in (1..20_000).step_by(2) {
        receiver.push_all([sequence + 1, sequence]);
    }
    assert_eq!(receiver.buffer.stats().held, 10_000);
    assert!(receiver.buffer.pool.len() <= 2, "{}", receiver.buffer.pool.len());
}

#[test]
fn options_of_a_held_packet_are_kept() {
    let mut buffer = ReorderBuffer::new(ReorderConfig::default());
    let now = Instant::now();
    let first = packet_bytes(1, 0, 0, b"");
    buffer.push(now, Packet::parse(&first).unwrap());
    let mut held = packet_bytes(
        1,
        2,
        0,
        &[0, 0, 0, 9, 0xab, 0xac, 0, 1, 1, 2, 3, 4, 0x65, 0x88, 2, 2],
    );
    held[0] = 0xb1; // padding, extension, one CSRC
    let packet = Packet::parse(&held).unwrap();
    assert_eq!(buffer.push(now, packet), Pushed::Held);
    let between = packet_bytes(1, 1, 0, b"");
    buffer.push(now, Packet::parse(&between).unwrap());
    let ordered = buffer.pop_held(now).unwrap();
    assert_eq!(ordered.packet, packet);
    assert_eq!(ordered.packet.extension(), packet.extension());
    assert_eq!(ordered.packet.csrcs().collect::<Vec<_>>(), [Ssrc(9)]);
}
