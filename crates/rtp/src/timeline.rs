//! Media time: timestamps that do not wrap, and what they are in UTC.

use crate::ids::{ClockRate, ExtendedTimestamp, RtpTimestamp};
use crate::ntp::NtpTimestamp;
use std::time::{Duration, Instant, SystemTime};

/// The earliest wall clock that is believed, in seconds since 1970: 1 January 2020. Cameras that lost their clock say
/// 1970 or 2000 (Q94).
const EARLIEST: Duration = Duration::from_secs(1_577_836_800);

/// Start of the second NTP era, 7 February 2036, in seconds since 1970. A camera that counts from its own start
/// seems to live in that era's first year, and is not believed (Q94).
const SECOND_ERA: Duration = Duration::from_secs(2_085_978_496);
const YEAR: Duration = Duration::from_secs(366 * 86_400);

/// How far a sender report may be from what the ones before it foretell: well above the drift of a bad
/// crystal (100 ppm is 30 ms in five minutes) and the haste with which cameras read their two clocks, well below
/// any step that is worth to be called one (Q138).
const MAX_DEVIATION: Duration = Duration::from_millis(500);

/// The time of one stream: unwraps its timestamps, and relates them to the camera's wall clock by its sender
/// reports ([RFC 3550 §6.4.1](https://www.rfc-editor.org/rfc/rfc3550#section-6.4.1)).
///
/// Of sender reports, none is waited for (Q137) and not all are believed:
/// - a wall clock before 2020, or one that counts from the camera's own start, is ignored (Q94);
/// - one more than 500 ms off from what the others foretell is kept in mind only; when the next one
///   agrees with it, the camera's clock has been set, and the two are believed (Q138).
///
/// The wall clock is the camera's: it may be hours wrong and still be plausible here. One who has a better clock can
/// compare [`capture_time`](Self::capture_time) with the time of arrival.
#[derive(Debug)]
pub struct Timeline {
    clock_rate: ClockRate,
    last: Option<i64>,
    mapping: Option<Mapping>,
    /// A report that contradicts the mapping.
    contradiction: Option<Mapping>,
    stats: TimelineStats,
}

/// One moment on each of the clocks.
#[derive(Debug, Clone, Copy)]
struct Mapping {
    rtp: ExtendedTimestamp,
    wall: SystemTime,
    /// Where drift is measured from.
    first_wall: SystemTime,
    first_arrival: Instant,
}

/// Counters of a [`Timeline`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct TimelineStats {
    /// Sender reports seen.
    pub sender_reports: u64,
    /// Those whose wall clock could not be (Q94).
    pub implausible: u64,
    /// Those that contradicted what was believed (Q138); confirmed ones included.
    pub contradicting: u64,
    /// How often two such reports agreed, and the mapping was replaced.
    pub steps: u64,
    /// By how many microseconds the camera's wall clock has run ahead of ours (negative: behind) since it was
    /// first believed or last stepped. It includes the variation of the reports' time on the way.
    pub drift_micros: i64,
}

impl Timeline {
    /// The time of a stream whose timestamps tick at `clock_rate`.
    pub fn new(clock_rate: ClockRate) -> Self {
        Self {
            clock_rate,
            last: None,
            mapping: None,
            contradiction: None,
            stats: TimelineStats::default(),
        }
    }

    /// The timestamp with its turns counted: the one that is nearest to the one before.
    ///
    /// Steps backwards stay what they are, whether they come from reordering, B-frames or a camera that
    /// errs (Q135). The first timestamp is returned as it is.
    #[inline]
    pub fn unwrap(&mut self, timestamp: RtpTimestamp) -> ExtendedTimestamp {
        let extended = self.extend(timestamp);
        self.last = Some(extended.0);
        extended
    }

    /// Takes a sender report that arrived at `arrival`.
    pub fn on_sender_report(&mut self, ntp: NtpTimestamp, rtp: RtpTimestamp, arrival: Instant) {
        self.stats.sender_reports += 1;
        let wall = ntp.to_system_time();
        if !is_plausible(wall) {
            self.stats.implausible += 1;
            return;
        }
        let rtp = if self.last.is_some() {
            self.extend(rtp)
        } else {
            self.unwrap(rtp)
        };
        let new = Mapping {
            rtp,
            wall,
            first_wall: wall,
            first_arrival: arrival,
        };
        let contradiction = self.contradiction.take();
        match self.mapping {
            None => self.mapping = Some(new),
            Some(mapping) if self.agree(mapping, new) => {
                let continued = Mapping { rtp, wall, ..mapping };
                self.stats.drift_micros = continued.drift_micros(arrival);
                self.mapping = Some(continued);
            }
            Some(_) => {
                self.stats.contradicting += 1;
                if contradiction.is_some_and(|earlier| self.agree(earlier, new)) {
                    self.stats.steps += 1;
                    self.stats.drift_micros = 0;
                    self.mapping = Some(new);
                } else {
                    self.contradiction = Some(new);
                }
            }
        }
    }

    /// When the camera captured what has this timestamp, by the camera's wall clock; `None` before the first sender
    /// report that can be believed.
    pub fn capture_time(&self, timestamp: ExtendedTimestamp) -> Option<SystemTime> {
        self.project(self.mapping?, timestamp)
    }

    /// Forgets the sender reports, as [`Ordered::resynchronized`](crate::Ordered::resynchronized) asks for: the
    /// timestamps that follow have no relation to them. The unwrapped time goes on from where it is, with a step.
    pub fn forget_sender_reports(&mut self) {
        self.mapping = None;
        self.contradiction = None;
    }

    /// The counters.
    pub fn stats(&self) -> TimelineStats {
        self.stats
    }

    #[inline]
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "the wire's 32 bits of it are meant"
    )]
    #[expect(
        clippy::cast_possible_wrap,
        reason = "the upper half of the circle is what lies behind"
    )]
    fn extend(&self, timestamp: RtpTimestamp) -> ExtendedTimestamp {
        let Some(last) = self.last else {
            return ExtendedTimestamp(i64::from(timestamp.0));
        };
        let step = timestamp.0.wrapping_sub(last as u32) as i32;
        ExtendedTimestamp(last.wrapping_add(i64::from(step)))
    }

    fn agree(&self, earlier: Mapping, later: Mapping) -> bool {
        let foretold = self.project(earlier, later.rtp);
        foretold.is_some_and(|foretold| distance(foretold, later.wall) <= MAX_DEVIATION)
    }

    fn project(&self, mapping: Mapping, timestamp: ExtendedTimestamp) -> Option<SystemTime> {
        let ticks = timestamp.0.checked_sub(mapping.rtp.0)?;
        let rate = u64::from(self.clock_rate.hz());
        let (seconds, rest) = (ticks.unsigned_abs() / rate, ticks.unsigned_abs() % rate);
        let distance = Duration::from_secs(seconds) + Duration::from_nanos(rest * 1_000_000_000 / rate);
        if ticks < 0 {
            mapping.wall.checked_sub(distance)
        } else {
            mapping.wall.checked_add(distance)
        }
    }
}

impl Mapping {
    fn drift_micros(&self, arrival: Instant) -> i64 {
        let ours = arrival.saturating_duration_since(self.first_arrival);
        let foretold = self.first_wall.checked_add(ours).unwrap_or(self.wall);
        let micros = i64::try_from(distance(foretold, self.wall).as_micros()).unwrap_or(i64::MAX);
        if self.wall < foretold { -micros } else { micros }
    }
}

fn is_plausible(wall: SystemTime) -> bool {
    let since_1970 = wall.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    since_1970 >= EARLIEST && !(SECOND_ERA..SECOND_ERA + YEAR).contains(&since_1970)
}

fn distance(a: SystemTime, b: SystemTime) -> Duration {
    a.duration_since(b).unwrap_or_else(|error| error.duration())
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOON: Duration = Duration::from_secs(1_763_899_200);
    const SECOND: u32 = 90_000;

    struct Camera {
        start: Instant,
        timeline: Timeline,
    }

    impl Camera {
        fn new() -> Self {
            Self {
                start: Instant::now(),
                timeline: Timeline::new(ClockRate::VIDEO),
            }
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
            Some(time.duration_since(SystemTime::UNIX_EPOCH).unwrap())
        }
    }

    const fn secs(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    #[test]
    fn timestamps_go_on_over_the_wrap_and_back() {
        let mut timeline = Timeline::new(ClockRate::VIDEO);
        let turn = 1_i64 << 32;
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
                timeline.unwrap(RtpTimestamp(timestamp)),
                ExtendedTimestamp(extended)
            );
        }
    }

    #[test]
    fn a_step_back_before_the_first_timestamp_is_negative() {
        let mut timeline = Timeline::new(ClockRate::VIDEO);
        timeline.unwrap(RtpTimestamp(0));
        assert_eq!(timeline.unwrap(RtpTimestamp(u32::MAX)), ExtendedTimestamp(-1));
    }

    #[test]
    fn q137_without_a_sender_report_there_is_no_capture_time() {
        let mut camera = Camera::new();
        camera.timeline.unwrap(RtpTimestamp(0));
        assert_eq!(camera.captured(0), None);
    }

    #[test]
    fn capture_time_follows_from_one_report_in_both_directions() {
        let mut camera = Camera::new();
        camera.timeline.unwrap(RtpTimestamp(SECOND));
        camera.report(10, NOON);
        assert_eq!(camera.captured(10), Some(NOON));
        assert_eq!(camera.captured(13), Some(NOON + secs(3)));
        assert_eq!(camera.captured(1), Some(NOON.saturating_sub(secs(9))));
    }

    #[test]
    fn a_report_before_the_first_packet_serves_it() {
        let mut camera = Camera::new();
        camera.report(10, NOON);
        let first = camera.timeline.unwrap(RtpTimestamp(11 * SECOND));
        assert_eq!(
            camera.timeline.capture_time(first),
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
        let first = camera.timeline.unwrap(RtpTimestamp(SECOND));
        assert_eq!(
            camera.timeline.capture_time(first),
            Some(SystemTime::UNIX_EPOCH + NOON + secs(2))
        );
    }

    #[test]
    fn q94_wall_clocks_that_cannot_be_are_ignored() {
        let mut camera = Camera::new();
        camera
            .timeline
            .on_sender_report(NtpTimestamp(0), RtpTimestamp(0), camera.start);
        for wall in [secs(0), secs(946_684_800), SECOND_ERA + secs(3_600)] {
            camera.report(1, wall);
        }
        assert_eq!(camera.captured(1), None);
        assert_eq!(camera.timeline.stats().implausible, 4);
        camera.report(2, NOON);
        assert_eq!(camera.captured(2), Some(NOON));
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
        assert_eq!((stats.contradicting, stats.steps), (2, 0));
    }

    #[test]
    fn q138_two_reports_that_agree_set_the_clock() {
        let mut camera = Camera::new();
        camera.report(0, NOON);
        camera.report(5, NOON.saturating_sub(secs(55)));
        camera.report(10, NOON.saturating_sub(secs(50)));
        assert_eq!(camera.captured(10), Some(NOON.saturating_sub(secs(50))));
        assert_eq!(camera.timeline.stats().steps, 1);
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
        assert_eq!(camera.timeline.stats().drift_micros, -3_540_000);
        assert_eq!(
            camera.captured(3_540),
            Some(NOON + Duration::from_millis(3_540 * 999))
        );
    }

    #[test]
    fn after_a_restart_old_reports_do_not_date_new_pictures() {
        let mut camera = Camera::new();
        camera.report(0, NOON);
        camera.timeline.forget_sender_reports();
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
}
