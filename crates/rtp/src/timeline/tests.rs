//! What a camera's clocks do, and what is made of it.

use super::*;
use crate::packet::Packet;
use crate::test_support::{Random, fixture};

const NOON: Duration = Duration::from_secs(1_763_899_200);
const SECOND: u32 = 90_000;

struct Camera {
    start: Instant,
    timeline: Timeline,
}

impl Camera {
    fn new() -> Self {
        Self::with_policy(Policy::default())
    }

    fn refusing(tolerance: Tolerance) -> Self {
        Self::with_policy(Policy::default().refuse(tolerance))
    }

    fn with_policy(policy: Policy) -> Self {
        Self {
            start: Instant::now(),
            timeline: Timeline::with_policy(ClockRate::VIDEO, policy),
        }
    }

    /// A packet of media time `media` that arrives at `arrival`, both since the start.
    fn packet(&mut self, media: Duration, arrival: Duration) -> ExtendedTimestamp {
        let ticks = u32::try_from(ClockRate::VIDEO.ticks(media)).unwrap();
        self.timeline.unwrap(RtpTimestamp(ticks), self.start + arrival)
    }

    /// A report that says `wall` since 1970 at media time `seconds`, and arrives in time.
    fn report(&mut self, seconds: u32, wall: Duration) {
        let ntp = NtpTimestamp::from_system_time(SystemTime::UNIX_EPOCH + wall);
        let arrival = self.start + Duration::from_secs(u64::from(seconds));
        self.timeline
            .on_sender_report(ntp, RtpTimestamp(seconds.wrapping_mul(SECOND)), arrival);
    }

    /// Capture time of media time `seconds`, since 1970.
    fn captured(&self, seconds: i64) -> Option<Duration> {
        let time = self
            .timeline
            .capture_time(ExtendedTimestamp(seconds * i64::from(SECOND)))?;
        Some(time.time.duration_since(SystemTime::UNIX_EPOCH).unwrap())
    }

    /// How well that is known.
    fn uncertainty(&self, seconds: i64) -> Duration {
        let timestamp = ExtendedTimestamp(seconds * i64::from(SECOND));
        self.timeline.capture_time(timestamp).unwrap().uncertainty
    }
}

const fn secs(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

#[test]
fn timestamps_go_on_over_the_wrap_and_back() {
    let mut timeline = Timeline::new(ClockRate::VIDEO);
    let (turn, now) = (1_i64 << 32, Instant::now());
    for (timestamp, extended) in [
        (0xffff_f000, 0xffff_f000),
        (0x0000_0100, turn + 0x100),
        (0xffff_ff00, 0xffff_ff00),
        (0x0000_0200, turn + 0x200),
        (0x7fff_ffff, turn + 0x7fff_ffff),
        (0xffff_0000, turn + 0xffff_0000),
        (0x0000_0300, 2 * turn + 0x300),
    ] {
        assert_eq!(
            timeline.unwrap(RtpTimestamp(timestamp), now),
            ExtendedTimestamp(extended)
        );
    }
}

#[test]
fn a_step_back_before_the_first_timestamp_is_negative() {
    let mut timeline = Timeline::new(ClockRate::VIDEO);
    let now = Instant::now();
    timeline.unwrap(RtpTimestamp(0), now);
    assert_eq!(
        timeline.unwrap(RtpTimestamp(u32::MAX), now),
        ExtendedTimestamp(-1)
    );
}

#[test]
fn a_pause_of_six_hours_is_no_step_and_a_longer_one_may_look_like_one() {
    for (hours, turns, steps) in [(1, 0, 0), (6, 0, 0), (7, -1, 1)] {
        let mut camera = Camera::new();
        let before = camera.packet(secs(60), secs(0));
        camera.report(60, NOON);
        let pause = hours * 3_600;
        let after = camera.packet(secs(60 + pause), secs(pause));
        let ticks = i64::try_from(pause).unwrap() * i64::from(SECOND);
        assert_eq!(after.0 - before.0, ticks + (turns << 32));
        assert_eq!(camera.timeline.stats().timestamp_steps, steps);
        assert_eq!(camera.timeline.excess_delay(), Duration::ZERO);
        let captured = (steps == 0).then_some(NOON + secs(pause));
        assert_eq!(camera.captured(i64::try_from(60 + pause).unwrap()), captured);
    }
}

#[test]
fn q137_without_a_sender_report_there_is_no_capture_time() {
    let mut camera = Camera::new();
    camera.timeline.unwrap(RtpTimestamp(0), camera.start);
    assert_eq!(camera.captured(0), None);
}

#[test]
fn capture_time_follows_from_one_report_in_both_directions() {
    let mut camera = Camera::new();
    camera.timeline.unwrap(RtpTimestamp(SECOND), camera.start);
    camera.report(10, NOON);
    assert_eq!(camera.captured(10), Some(NOON));
    assert_eq!(camera.captured(13), Some(NOON + secs(3)));
    assert_eq!(camera.captured(1), Some(NOON.saturating_sub(secs(9))));
}

#[test]
fn a_report_before_the_first_packet_serves_it() {
    let mut camera = Camera::new();
    camera.report(10, NOON);
    let first = camera.timeline.unwrap(RtpTimestamp(11 * SECOND), camera.start);
    assert_eq!(
        camera.timeline.capture_time(first).map(|captured| captured.time),
        Some(SystemTime::UNIX_EPOCH + NOON + secs(1))
    );
}

#[test]
fn a_report_before_the_first_packet_serves_it_over_the_wrap() {
    let mut camera = Camera::new();
    let ntp = NtpTimestamp::from_system_time(SystemTime::UNIX_EPOCH + NOON);
    let before_the_wrap = RtpTimestamp(0_u32.wrapping_sub(SECOND));
    camera
        .timeline
        .on_sender_report(ntp, before_the_wrap, camera.start);
    let first = camera.timeline.unwrap(RtpTimestamp(SECOND), camera.start);
    assert_eq!(
        camera.timeline.capture_time(first).map(|captured| captured.time),
        Some(SystemTime::UNIX_EPOCH + NOON + secs(2))
    );
}

#[test]
fn q94_wall_clocks_that_cannot_be_are_ignored_or_believed() {
    let mut believing = Camera::refusing(Tolerance::ImplausibleClock);
    believing.report(1, secs(946_684_800));
    assert_eq!(believing.captured(2), Some(secs(946_684_801)));
    assert!(believing.timeline.tolerated().is_empty());
    let mut camera = Camera::new();
    camera
        .timeline
        .on_sender_report(NtpTimestamp(0), RtpTimestamp(0), camera.start);
    for wall in [secs(0), secs(946_684_800), secs(2_085_978_496 + 3_600)] {
        camera.report(1, wall);
    }
    assert_eq!(camera.captured(1), None);
    assert_eq!(camera.timeline.stats().implausible, 4);
    camera.report(2, NOON);
    assert_eq!(camera.captured(2), Some(NOON));
    let tolerated = camera.timeline.tolerated();
    assert!(tolerated.contains(Tolerance::ImplausibleClock));
}

#[test]
fn q94_of_a_wall_clock_that_cannot_be_the_differences_count() {
    let mut camera = Camera::new();
    for ten in 0..6 {
        let wall = secs(946_684_800 + ten * 10) + Duration::from_millis(ten);
        camera.report(u32::try_from(ten).unwrap() * 10, wall);
    }
    assert_eq!(camera.timeline.stats().skew_micros, 5_000);
    assert_eq!(camera.captured(0), None);
}

#[test]
fn q138_one_report_that_steps_is_not_believed() {
    let mut camera = Camera::new();
    camera.report(0, NOON);
    camera.report(5, NOON + secs(3_605));
    assert_eq!(camera.captured(5), Some(NOON + secs(5)));
    camera.report(10, NOON + secs(10));
    camera.report(15, NOON + secs(3_615));
    assert_eq!(
        camera.captured(15),
        Some(NOON + secs(15)),
        "the two that stepped were not in a row"
    );
    let stats = camera.timeline.stats();
    assert_eq!((stats.contradicting, stats.clock_steps), (2, 0));
}

#[test]
fn q138_two_reports_that_agree_set_the_clock_or_each_does() {
    let mut believing = Camera::refusing(Tolerance::ClockStep);
    believing.report(0, NOON);
    believing.report(5, NOON + secs(3_605));
    assert_eq!(believing.captured(5), Some(NOON + secs(3_605)));
    believing.report(10, NOON + secs(10));
    assert_eq!(believing.captured(10), Some(NOON + secs(10)));
    assert_eq!(believing.timeline.stats().clock_steps, 2);
    let mut camera = Camera::new();
    camera.report(0, NOON);
    camera.report(5, NOON.saturating_sub(secs(55)));
    camera.report(10, NOON.saturating_sub(secs(50)));
    assert_eq!(camera.captured(10), Some(NOON.saturating_sub(secs(50))));
    assert_eq!(camera.timeline.stats().clock_steps, 1);
}

#[test]
fn q94_drift_is_followed_and_told() {
    let mut camera = Camera::new();
    for minute in 0..60_u32 {
        let seconds = u64::from(minute) * 60;
        camera.report(minute * 60, NOON + Duration::from_millis(seconds * 999));
    }
    // A thousandth slow: 3.54 s in 59 minutes, never more than 60 ms between two reports.
    assert_eq!(camera.timeline.stats().contradicting, 0);
    assert_eq!(camera.timeline.stats().skew_micros, -3_540_000);
    assert_eq!(
        camera.captured(3_540),
        Some(NOON + Duration::from_millis(3_540 * 999))
    );
}

#[test]
fn after_a_restart_old_reports_do_not_date_new_pictures() {
    let mut camera = Camera::new();
    camera.report(0, NOON);
    camera.timeline.restart();
    assert_eq!(camera.captured(0), None);
    camera.report(7, NOON + secs(60));
    assert_eq!(
        camera.captured(7),
        Some(NOON + secs(60)),
        "the first report is believed again"
    );
}

#[test]
fn the_ends_of_time_have_no_capture_time_and_no_panic() {
    let mut camera = Camera::new();
    camera.report(0, NOON);
    for ticks in [i64::MAX, i64::MIN, i64::MIN + 1] {
        let _ = camera.timeline.capture_time(ExtendedTimestamp(ticks));
    }
}

#[test]
fn what_reports_agree_about_grows_certain() {
    let mut camera = Camera::new();
    let ms = Duration::from_millis;
    camera.report(0, NOON);
    assert_eq!(camera.uncertainty(0), ms(501));
    camera.report(5, NOON + ms(5_040));
    assert_eq!(camera.uncertainty(5), ms(376), "a quarter is forgotten");
    assert_eq!(camera.uncertainty(25), ms(386), "500 ppm of 20 s more");
    for report in 2..20 {
        camera.report(report * 5, NOON + secs(u64::from(report) * 5) + ms(40));
    }
    assert!(camera.uncertainty(95) < ms(4), "{:?}", camera.uncertainty(95));
    camera.report(100, NOON + ms(100_070));
    assert_eq!(camera.uncertainty(100), ms(91), "three times 30 ms");
    camera.report(105, NOON + ms(105_370));
    assert_eq!(
        camera.uncertainty(105),
        ms(501),
        "never more than after the first"
    );
}

/// Cameras that read their wall clock up to `haste` too early or too late, and whose two clocks differ by 100 ppm.
#[test]
fn capture_time_is_within_its_uncertainty() {
    for (haste, certain_to) in [(0, 7), (2_000, 11), (20_000, 65), (240_000, 504)] {
        let (mut outside, mut all, mut uncertainty) = (0, 0, Duration::ZERO);
        for seed in 0..200 {
            let mut random = Random::new(seed);
            let mut camera = Camera::new();
            let wall_per_media = if seed % 2 == 0 { 1_000_100 } else { 999_900 };
            for report in 0..60_u32 {
                let wall_at =
                    |seconds: u32| NOON + Duration::from_micros(wall_per_media * u64::from(seconds));
                let early = wall_at(report * 5).saturating_sub(Duration::from_micros(haste));
                let late = Duration::from_micros(random.below(2 * haste + 1));
                camera.report(report * 5, early + late);
                for seconds in [report * 5, report * 5 + 4] {
                    let captured = camera.captured(seconds.into()).unwrap();
                    let uncertain = camera.uncertainty(seconds.into());
                    outside += u32::from(captured.abs_diff(wall_at(seconds)) > uncertain);
                    all += 1;
                    if report >= 20 {
                        uncertainty += uncertain / (200 * 40 * 2);
                    }
                }
            }
        }
        assert!(outside * 200 <= all, "{haste}: {outside} of {all}");
        let certain_to = Duration::from_millis(certain_to);
        assert!(uncertainty <= certain_to, "{haste}: {uncertainty:?}");
    }
}

#[test]
fn q142_a_replay_extension_dates_its_access_unit_or_is_passed_over() {
    let bytes = fixture(include_str!(
        "../../../../testdata/rtp/axis_onvif_replay_extension.hex"
    ));
    let packet = Packet::parse(&bytes).unwrap();
    let extension = packet.extension().unwrap();
    let replay = ReplayExtension::from_extension(&extension).unwrap();
    for (mut camera, dated) in [
        (Camera::new(), true),
        (Camera::refusing(Tolerance::ReplayExtension), false),
    ] {
        let timestamp = camera.timeline.unwrap(packet.timestamp(), camera.start);
        camera
            .timeline
            .on_replay_extension(&replay, timestamp, camera.start);
        let expected = dated.then_some(CaptureTime {
            time: replay.ntp.to_system_time(),
            uncertainty: Duration::from_millis(1),
        });
        assert_eq!(camera.timeline.capture_time(timestamp), expected);
        assert_eq!(camera.timeline.tolerated().is_empty(), !dated);
    }
}

#[test]
fn q87_the_start_that_rtp_info_gives_counts_if_the_first_packet_agrees() {
    for (rtptime, first, start) in [
        (900_000, 903_600, Some(900_000)),
        (903_600, 900_000, Some(903_600)),
        (u32::MAX, 3_599, Some(-1)),
        (u32::MAX, 5_000_000, None),
        (900_000, 1_800_001, None),
        (900_000, 1_800_000, Some(900_000)),
    ] {
        let mut camera = Camera::new();
        camera.timeline.on_rtp_info(RtpTimestamp(rtptime));
        assert_eq!(camera.timeline.start(), None);
        camera.timeline.unwrap(RtpTimestamp(first), camera.start);
        let start = start.map(ExtendedTimestamp);
        assert_eq!(camera.timeline.start(), start, "{rtptime}, {first}");
        // The answer may come behind the first packets.
        let mut camera = Camera::new();
        camera.timeline.unwrap(RtpTimestamp(first), camera.start);
        camera.timeline.on_rtp_info(RtpTimestamp(rtptime));
        assert_eq!(camera.timeline.start(), start, "{rtptime}, {first}");
        assert_eq!(camera.timeline.tolerated().is_empty(), start.is_some());
    }
    let mut believing = Camera::refusing(Tolerance::RtpInfo);
    believing.timeline.on_rtp_info(RtpTimestamp(900_000));
    believing
        .timeline
        .unwrap(RtpTimestamp(90_000_000), believing.start);
    assert_eq!(believing.timeline.start(), Some(ExtendedTimestamp(900_000)));
}

#[test]
fn q136_a_start_of_zero_is_unknown_or_believed() {
    for (mut camera, start) in [
        (Camera::new(), None),
        (Camera::refusing(Tolerance::RtpInfo), Some(ExtendedTimestamp(0))),
    ] {
        camera.timeline.on_rtp_info(RtpTimestamp(0));
        camera.timeline.unwrap(RtpTimestamp(3_600), camera.start);
        assert_eq!(camera.timeline.start(), start);
    }
}

#[test]
fn q95_delay_that_grows_is_told_and_drift_is_not() {
    let mut camera = Camera::new();
    let ms = Duration::from_millis;
    for frame in 0..2_500 {
        camera.packet(ms(frame * 40), ms(1_000 + frame * 40 + frame % 3));
        assert!(camera.timeline.excess_delay() <= ms(2));
    }
    // Three seconds nothing, then all of it at once, then live again.
    for frame in 2_500..2_575 {
        camera.packet(ms(frame * 40), ms(1_000 + 103_000));
    }
    let at_first = camera.timeline.stats().excess_delay;
    assert!(at_first <= ms(41), "the backlog is through: {at_first:?}");
    camera.packet(ms(103_000), ms(1_000 + 106_000));
    assert!((ms(2_900)..ms(3_000)).contains(&camera.timeline.excess_delay()));
    camera.packet(ms(106_000), ms(1_000 + 106_040));
    assert!(camera.timeline.excess_delay() <= ms(41), "it has caught up");
}

#[test]
fn q95_a_clock_that_is_a_half_percent_slow_has_no_delay() {
    let mut camera = Camera::new();
    for frame in 0..100_000_u64 {
        let arrival = Duration::from_micros(frame * 40_200);
        camera.packet(Duration::from_millis(frame * 40), arrival);
    }
    assert!(camera.timeline.excess_delay() < Duration::from_millis(1));
    assert_eq!(camera.timeline.stats().drift_ppm, Some(-4_975));
}

/// Half an hour of 25 pictures a second, each late by up to 20 ms, over clocks that differ by up to 300 ppm.
#[test]
fn drift_is_measured_through_jitter() {
    const JITTER: u64 = 20_000;
    for ppm in [-300_i32, -100, 0, 100, 300] {
        let mut camera = Camera::new();
        let mut random = Random::new(7);
        // By our clock: a camera that is fast takes less.
        let frame_nanos = 40.0e6 / (1.0 + f64::from(ppm) / 1e6);
        for frame in 0..45_000_u32 {
            let sent = Duration::from_secs_f64(f64::from(frame) * frame_nanos / 1e9);
            let late = Duration::from_micros(random.below(JITTER));
            camera.packet(Duration::from_millis(40) * frame, sent + late);
            let measured = camera.timeline.stats().drift_ppm;
            let seconds = frame / 25;
            if seconds < 60 {
                assert_eq!(measured, None, "too early to tell");
            } else if seconds >= 90 {
                // The least delay of 250 pictures is below a twentieth of the jitter, 1 ms; a tick is 11 us.
                let bound = 1 + 1_100 / i32::try_from(seconds - 20).unwrap();
                let off = measured.unwrap() - ppm;
                assert!(off.abs() <= bound, "{ppm} after {seconds} s: {off}");
            }
            // Neither jitter nor drift is a backlog.
            assert!(camera.timeline.excess_delay() < Duration::from_millis(21));
        }
    }
}

#[test]
fn q135_after_a_step_there_is_no_capture_time_until_the_next_report_or_a_wrong_one() {
    for (mut camera, captured) in [
        (Camera::new(), None),
        (
            Camera::refusing(Tolerance::TimestampStep),
            Some(NOON.saturating_sub(secs(5))),
        ),
    ] {
        camera.packet(secs(10), secs(0));
        camera.report(10, NOON);
        camera.packet(secs(9), secs(1));
        assert_eq!(
            camera.timeline.stats().timestamp_steps,
            0,
            "B-pictures step that far"
        );
        camera.packet(secs(5), secs(2));
        assert_eq!(camera.timeline.stats().timestamp_steps, 1);
        assert_eq!(camera.captured(5), captured);
        assert_eq!(camera.timeline.excess_delay(), Duration::ZERO);
        assert_eq!(camera.timeline.tolerated().is_empty(), captured.is_some());
        camera.packet(secs(18), secs(3));
        assert_eq!(camera.timeline.stats().timestamp_steps, 2);
    }
}

#[test]
fn the_wall_clock_of_the_camera_is_known_at_any_moment() {
    let mut camera = Camera::new();
    assert_eq!(camera.timeline.wall_clock_at(camera.start), None);
    camera.packet(secs(10), secs(2));
    camera.packet(secs(11), secs(4));
    camera.report(10, NOON);
    let at = camera.start + secs(7);
    let noon = SystemTime::UNIX_EPOCH + NOON;
    assert_eq!(camera.timeline.wall_clock_at(at), Some(noon + secs(5)));
}
