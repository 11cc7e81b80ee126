//! Streams of cameras from `testdata/rtp`, through all that a receiver has: each with its tolerance, and without.

use crate::test_support::packet_bytes;
use crate::{
    ClockRate, ExtendedTimestamp, GapPolicy, MonotonicClock, NtpTimestamp, Ordered, Packet, Policy, Pushed,
    ReceptionStatistics, ReorderBuffer, ReorderConfig, RtpTimestamp, Timeline, Tolerance, Tolerances,
};
use std::time::{Duration, Instant, SystemTime};

struct Receiver {
    statistics: ReceptionStatistics,
    reorder: ReorderBuffer,
    timeline: Timeline,
    clock: MonotonicClock,
    out: Vec<Out>,
}

/// A packet as it comes out.
struct Out {
    sequence: u16,
    lost_before: u32,
    resynchronized: bool,
    /// On the monotonic clock.
    timestamp: i64,
    /// Since 1970.
    captured: Option<Duration>,
    excess_delay: Duration,
}

impl Receiver {
    /// Plays a stream: each line is a time of arrival in milliseconds, `RTP`, SSRC, sequence number and timestamp, or
    /// `SR`, SSRC, NTP and RTP time.
    fn play(stream: &str, loss: GapPolicy, policy: Policy) -> Self {
        let mut receiver = Self {
            statistics: ReceptionStatistics::with_policy(ClockRate::VIDEO, policy),
            reorder: ReorderBuffer::new(ReorderConfig {
                loss,
                policy,
                ..ReorderConfig::default()
            }),
            timeline: Timeline::with_policy(ClockRate::VIDEO, policy),
            clock: MonotonicClock::new(ClockRate::VIDEO, policy),
            out: Vec::new(),
        };
        let start = Instant::now();
        for line in stream.lines().filter(|line| !line.starts_with('#')) {
            let fields: Vec<_> = line.split(' ').collect();
            let now = start + Duration::from_millis(fields[0].parse().unwrap());
            if fields[1] == "SR" {
                let ntp = NtpTimestamp(u64::from_str_radix(fields[3], 16).unwrap());
                let rtp = RtpTimestamp(fields[4].parse().unwrap());
                receiver.timeline.on_sender_report(ntp, rtp, now);
            } else {
                let ssrc = u32::from_str_radix(fields[2], 16).unwrap();
                let (sequence, timestamp) = (fields[3].parse().unwrap(), fields[4].parse().unwrap());
                receiver.receive(now, &packet_bytes(ssrc, sequence, timestamp, b""));
            }
        }
        receiver
    }

    /// The same over UDP, with every tolerance and without this one.
    fn play_both(stream: &str, tolerance: Tolerance) -> [Self; 2] {
        let refused = Policy::default().refuse(tolerance);
        let [tolerant, strict] =
            [Policy::default(), refused].map(|policy| Self::play(stream, GapPolicy::Wait, policy));
        assert!(tolerant.tolerated().contains(tolerance) && !strict.tolerated().contains(tolerance));
        [tolerant, strict]
    }

    fn receive(&mut self, now: Instant, bytes: &[u8]) {
        let packet = Packet::parse(bytes).unwrap();
        self.statistics.on_packet(&packet, now);
        if let Pushed::InOrder(ordered) = self.reorder.push(now, packet) {
            let out = Out::of(now, &ordered, &mut self.timeline, &mut self.clock);
            self.out.push(out);
        }
        while let Some(ordered) = self.reorder.pop_held(now) {
            let out = Out::of(now, &ordered, &mut self.timeline, &mut self.clock);
            self.out.push(out);
        }
    }

    fn tolerated(&self) -> Tolerances {
        let parts = [
            self.statistics.tolerated(),
            self.reorder.tolerated(),
            self.timeline.tolerated(),
            self.clock.tolerated(),
        ];
        parts.into_iter().flat_map(Tolerances::iter).collect()
    }

    fn sequences(&self) -> Vec<u16> {
        self.out.iter().map(|out| out.sequence).collect()
    }

    fn timestamps(&self) -> Vec<i64> {
        self.out.iter().map(|out| out.timestamp).collect()
    }

    fn captured(&self) -> Vec<Option<Duration>> {
        self.out.iter().map(|out| out.captured).collect()
    }

    /// When what has this timestamp was captured, as known at the end, in milliseconds since 1970.
    fn captured_at(&self, timestamp: i64) -> Option<u128> {
        let captured = self.timeline.capture_time(ExtendedTimestamp(timestamp))?;
        Some(
            captured
                .time
                .duration_since(SystemTime::UNIX_EPOCH)
                .unwrap()
                .as_millis(),
        )
    }
}

impl Out {
    fn of(now: Instant, ordered: &Ordered<'_>, timeline: &mut Timeline, clock: &mut MonotonicClock) -> Self {
        if ordered.resynchronized {
            timeline.restart();
            clock.restart();
        }
        let timestamp = timeline.unwrap(ordered.packet.timestamp(), now);
        let captured = timeline.capture_time(timestamp);
        Self {
            sequence: ordered.packet.sequence_number().0,
            lost_before: ordered.lost_before,
            resynchronized: ordered.resynchronized,
            timestamp: clock.map(timestamp, now).0,
            captured: captured.map(|captured| captured.time.duration_since(SystemTime::UNIX_EPOCH).unwrap()),
            excess_delay: timeline.excess_delay(),
        }
    }
}

/// Since 1970, what the fixtures begin with.
const NOON_MILLIS: u128 = 1_763_899_200_000;

#[test]
fn q86_a_stream_that_goes_on_with_another_ssrc_is_followed_or_over() {
    let stream = include_str!("../../../testdata/rtp/unifi_another_ssrc_after_reboot.txt");
    let [tolerant, strict] = Receiver::play_both(stream, Tolerance::SsrcChange);
    assert_eq!(
        tolerant.sequences(),
        [50_000, 50_001, 50_002, 50_003, 17, 18, 19, 20, 21]
    );
    assert!(tolerant.out[4].resynchronized);
    assert!(tolerant.timestamps().is_sorted());
    assert_eq!(tolerant.statistics.stats().lost, 0);
    assert_eq!(strict.sequences(), [50_000, 50_001, 50_002, 50_003]);
    assert_eq!(strict.reorder.stats().refused, 5);
}

#[test]
fn q89_a_sequence_that_starts_anew_is_followed_or_over() {
    let stream = include_str!("../../../testdata/rtp/reolink_sequence_restarts.txt");
    let [tolerant, strict] = Receiver::play_both(stream, Tolerance::SequenceRestart);
    assert_eq!(
        tolerant.sequences(),
        [40_000, 40_001, 40_002, 40_003, 0, 1, 2, 3, 4]
    );
    assert_eq!(tolerant.timeline.stats().timestamp_steps, 0, "it has been told");
    assert_eq!(strict.sequences(), [40_000, 40_001, 40_002, 40_003]);
    assert_eq!(strict.statistics.stats().received, 4);
}

#[test]
fn q90_a_gap_on_tcp_is_loss_at_once_and_elsewhere_it_is_waited_for() {
    let stream = include_str!("../../../testdata/rtp/hikvision_gaps_on_tcp.txt");
    let tcp = Receiver::play(stream, GapPolicy::Immediate, Policy::default());
    assert_eq!(tcp.sequences(), [10, 11, 15, 16]);
    assert_eq!(tcp.out[2].lost_before, 3);
    let udp = Receiver::play(stream, GapPolicy::Wait, Policy::default());
    assert_eq!(udp.sequences(), [10, 11]);
    assert!(udp.reorder.wake_at().is_some());
}

#[test]
fn q94_a_clock_of_1970_dates_nothing_or_wrongly() {
    let stream = include_str!("../../../testdata/rtp/reolink_clock_of_1970.txt");
    let [tolerant, strict] = Receiver::play_both(stream, Tolerance::ImplausibleClock);
    assert_eq!(tolerant.captured(), [None, None]);
    assert_eq!(tolerant.timeline.stats().skew_micros, 62_500, "its pace is known");
    assert_eq!(strict.captured_at(540_000), Some(17_062));
}

#[test]
fn q95_a_backlog_shows_as_delay() {
    let stream = include_str!("../../../testdata/rtp/reolink_backlog_after_a_pause.txt");
    let receiver = Receiver::play(stream, GapPolicy::Wait, Policy::default());
    let late: Vec<_> = receiver
        .out
        .iter()
        .map(|out| out.excess_delay.as_secs())
        .collect();
    assert_eq!(late, [0, 0, 0, 0, 0, 0, 2, 2, 2, 2]);
}

#[test]
fn q135_timestamps_that_step_back_go_on_or_step() {
    let stream = include_str!("../../../testdata/rtp/wyze_timestamps_step_back.txt");
    let [tolerant, strict] = Receiver::play_both(stream, Tolerance::TimestampStep);
    assert_eq!(tolerant.timestamps(), [900_000, 903_600, 907_200, 910_800]);
    assert_eq!(strict.timestamps(), [900_000, 903_600, 637_200, 640_800]);
    assert_eq!((tolerant.clock.steps(), strict.clock.steps()), (1, 1));
    // The report behind the step dates what follows it; the strict one holds it against those before.
    assert_eq!(tolerant.captured()[2], None);
    assert_eq!(tolerant.captured_at(640_800), Some(NOON_MILLIS + 120));
    assert_eq!(strict.timeline.stats().contradicting, 1);
    assert_eq!(strict.captured_at(640_800), Some(NOON_MILLIS - 2_880));
}

#[test]
fn q138_a_clock_that_is_set_counts_from_the_second_report_or_the_first() {
    let stream = include_str!("../../../testdata/rtp/dahua_clock_is_set.txt");
    let [tolerant, strict] = Receiver::play_both(stream, Tolerance::ClockStep);
    let off_by = |receiver: &Receiver| {
        let captured = receiver.captured();
        captured[2].map(|third| (NOON_MILLIS + 10_000).abs_diff(third.as_millis()))
    };
    assert_eq!(off_by(&tolerant), Some(0));
    assert_eq!(off_by(&strict), Some(3_600_000));
    assert_eq!(
        tolerant.captured_at(900_000),
        Some(NOON_MILLIS + 10_000 - 3_600_000)
    );
}
