//! Media time: timestamps that do not wrap, what they are in UTC, and how late they come.

mod transit;
mod wall_clock;

use crate::ids::{ClockRate, ExtendedTimestamp, RtpTimestamp};
use crate::ntp::NtpTimestamp;
use crate::replay_extension::ReplayExtension;
use crate::tolerance::{Policy, Reading, Tolerance, Tolerances};
use std::time::{Duration, Instant, SystemTime};
pub(crate) use transit::is_step;
use transit::{Course, Transit};
use wall_clock::{ClockReading, WallClock};

/// How far the first packet may be from the timestamp that RTP-Info announced and still agree with it (Q87): some
/// cameras start at the key frame before.
const MAX_START_DISTANCE: Duration = Duration::from_secs(10);

/// The time of one stream: unwraps its timestamps, relates them to the camera's wall clock by its sender
/// reports ([RFC 3550 §6.4.1](https://www.rfc-editor.org/rfc/rfc3550#section-6.4.1)), and to the time of arrival.
///
/// Of sender reports, none is waited for (Q137) and not all are believed:
/// - of a wall clock before 2020, or one that counts from the camera's own start, only the differences count (Q94);
/// - one more than 500 ms off from what the others foretell is kept in mind only; when the next one
///   agrees with it, the camera's clock has been set, and the two are believed (Q138).
///
/// The wall clock is the camera's: it may be hours wrong and still be plausible here. One who has a better clock can
/// compare it with [`wall_clock_at`](Self::wall_clock_at).
///
/// ```
/// use std::time::{Duration, Instant, SystemTime};
/// use throughline_rtp::{ClockRate, NtpTimestamp, RtpTimestamp, Timeline};
///
/// let mut timeline = Timeline::new(ClockRate::VIDEO);
/// let now = Instant::now();
/// let first = timeline.unwrap(RtpTimestamp(u32::MAX), now);
/// let noon = SystemTime::UNIX_EPOCH + Duration::from_secs(1_763_899_200);
/// timeline.on_sender_report(NtpTimestamp::from_system_time(noon), RtpTimestamp(u32::MAX), now);
///
/// let later = timeline.unwrap(RtpTimestamp(89_999), now + Duration::from_secs(1));
/// assert_eq!(later.0 - first.0, 90_000);
/// let captured = timeline.capture_time(later);
/// assert_eq!(captured.map(|captured| captured.time), Some(noon + Duration::from_secs(1)));
/// ```
#[derive(Debug)]
pub struct Timeline {
    clock_rate: ClockRate,
    leniency: Reading,
    /// Of the latest packet.
    latest: Option<RtpTimestamp>,
    /// The latest of all, that of a sender report before the first packet included.
    last: Option<i64>,
    start: Start,
    transit: Transit,
    wall_clock: WallClock,
    stats: TimelineStats,
}

/// What is known of where the range that PLAY was answered with begins.
#[derive(Debug, Clone, Copy)]
enum Start {
    Unknown { first: Option<i64> },
    Announced(RtpTimestamp),
    At(i64),
}

/// When something was captured, by the camera's own wall clock.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CaptureTime {
    /// The time, in UTC if the camera's clock is.
    pub time: SystemTime,
    /// How far `time` may be from what the camera's wall clock showed. It is the sum of
    /// - three times the greatest deviation of a sender report from what the one before foretold, a quarter of it
    ///   forgotten with each report, and at most 500 ms, which is also what it begins with: one report confirms nothing,
    ///   and two may agree by chance. Where cameras read one clock after the other too early or too late by anything up to
    ///   240 ms, it is enough in 199 of 200 cases. With ONVIF's replay extension, which names its own access unit, it
    ///   begins with nothing;
    /// - 500 ppm of the media time since the latest report, by which the camera's two clocks may have drifted apart;
    /// - 1 ms, for no camera reads its clock more finely.
    ///
    /// How long reports and packets were on their way is not in it, for the two clocks that are compared are both the
    /// camera's. A step of the wall clock that no second report has confirmed yet is not in it either (Q138). Whether its wall clock is right nobody can tell from here.
    pub uncertainty: Duration,
}

/// Counters and measures of a [`Timeline`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct TimelineStats {
    /// Sender reports seen.
    pub sender_reports: u64,
    /// Readings of the wall clock that could not be (Q94), those of the replay extension included.
    pub implausible: u64,
    /// Those that contradicted what was believed (Q138); confirmed ones included.
    pub contradicting: u64,
    /// How often the mapping was replaced by another: two such readings agreed, or the policy believes each.
    pub clock_steps: u64,
    /// How often the timestamps stepped back by more than 1 s, or ahead of the time that passed by more than 10 s (Q135).
    pub timestamp_steps: u64,
    /// By how many microseconds the camera's wall clock has run ahead of ours (negative: behind) since it was
    /// first believed or last stepped. It includes the variation of the reports' time on the way.
    pub skew_micros: i64,
    /// By how many millionths the camera's media clock is faster than ours (negative: slower), from the least delays of
    /// ten seconds each; `None` in the first minute, and after a step. Delay that grows slowly looks the same.
    pub drift_ppm: Option<i32>,
    /// [`Timeline::excess_delay`].
    pub excess_delay: Duration,
}

impl Timeline {
    /// The time of a stream whose timestamps tick at `clock_rate`, with every tolerance.
    pub fn new(clock_rate: ClockRate) -> Self {
        Self::with_policy(clock_rate, Policy::default())
    }

    /// The same, with the tolerances that `policy` allows.
    pub fn with_policy(clock_rate: ClockRate, policy: Policy) -> Self {
        Self {
            clock_rate,
            leniency: Reading::new(policy),
            latest: None,
            last: None,
            start: Start::Unknown { first: None },
            transit: Transit::new(clock_rate),
            wall_clock: WallClock::new(clock_rate),
            stats: TimelineStats::default(),
        }
    }

    /// The timestamp of a packet that arrived at `arrival`, with its turns counted: the one that is nearest to the one
    /// before.
    ///
    /// Steps backwards stay what they are, whether they come from reordering, B-frames or a camera that
    /// errs (Q135): [`MonotonicClock`](crate::MonotonicClock) evens them out. After a step that no media clock makes
    /// there is no capture time until the next sender report. The first timestamp is returned as it is, unless a sender
    /// report came before it: then it is the one that is nearest to that.
    #[inline]
    pub fn unwrap(&mut self, timestamp: RtpTimestamp, arrival: Instant) -> ExtendedTimestamp {
        match self.last {
            // All packets of one picture but the first.
            Some(last) if self.latest == Some(timestamp) => ExtendedTimestamp(last),
            _ => self.advance(timestamp, arrival),
        }
    }

    /// Takes a sender report that arrived at `arrival`.
    pub fn on_sender_report(&mut self, ntp: NtpTimestamp, rtp: RtpTimestamp, arrival: Instant) {
        self.stats.sender_reports += 1;
        let timestamp = self.extend(rtp);
        self.last.get_or_insert(timestamp);
        let reading = ClockReading {
            timestamp,
            wall: ntp.to_system_time(),
            deviation: None,
        };
        self.wall_clock
            .on_reading(reading, arrival, &mut self.leniency, &mut self.stats);
    }

    /// Takes ONVIF's replay extension of the packet with this `timestamp`, which arrived at `arrival` (Q142).
    pub fn on_replay_extension(
        &mut self,
        extension: &ReplayExtension,
        timestamp: ExtendedTimestamp,
        arrival: Instant,
    ) {
        if self.leniency.tolerates(Tolerance::ReplayExtension) {
            let reading = ClockReading {
                timestamp: timestamp.0,
                wall: extension.ntp.to_system_time(),
                deviation: Some(Duration::ZERO),
            };
            self.wall_clock
                .on_reading(reading, arrival, &mut self.leniency, &mut self.stats);
        }
    }

    /// Takes the timestamp that RTP-Info announces for the start of what PLAY was answered with, before or after the
    /// first packet. It counts only if the first packet agrees with it to 10 s (Q87), and 0 means that the camera does
    /// not know (Q136).
    pub fn on_rtp_info(&mut self, rtptime: RtpTimestamp) {
        self.start = match self.start {
            Start::Unknown { first: Some(first) } => self.start_of(rtptime, first),
            Start::Unknown { first: None } | Start::Announced(_) => Start::Announced(rtptime),
            known @ Start::At(_) => known,
        };
    }

    /// The media time at which the range begins that PLAY was answered with: normal play time counts from here. `None`
    /// where [`on_rtp_info`](Self::on_rtp_info) was not called or not believed, and before the first packet.
    pub fn start(&self) -> Option<ExtendedTimestamp> {
        match self.start {
            Start::At(timestamp) => Some(ExtendedTimestamp(timestamp)),
            Start::Unknown { .. } | Start::Announced(_) => None,
        }
    }

    /// When the camera captured what has this timestamp, by the camera's wall clock; `None` before the first sender
    /// report that can be believed.
    pub fn capture_time(&self, timestamp: ExtendedTimestamp) -> Option<CaptureTime> {
        self.wall_clock.capture_time(timestamp.0)
    }

    /// What the camera's wall clock showed when a packet left it that arrives at `at` without undue delay. What it lacks
    /// to the true time is the clock's offset and the shortest time on the way. `None` as for
    /// [`capture_time`](Self::capture_time), and before the first packet.
    pub fn wall_clock_at(&self, at: Instant) -> Option<SystemTime> {
        let captured = self.wall_clock.capture_time(self.transit.timestamp_at(at)?)?;
        Some(captured.time)
    }

    /// By how much longer the latest packet has taken than the fastest (Q95): arrival minus timestamp, less the least of
    /// that. Where it stays high, a backlog is being delivered, and one who shows live pictures should go on at the next
    /// key frame. Growth of less than a hundredth is taken for drift of the clocks and forgiven.
    pub fn excess_delay(&self) -> Duration {
        self.transit.excess_delay()
    }

    /// Forgets sender reports and delays, as [`Ordered::resynchronized`](crate::Ordered::resynchronized) asks for: the
    /// timestamps that follow have no relation to them. The unwrapped time goes on from where it is, with a step.
    pub fn restart(&mut self) {
        self.wall_clock.forget();
        self.transit.forget();
    }

    /// The counters.
    pub fn stats(&self) -> TimelineStats {
        TimelineStats {
            drift_ppm: self.transit.drift_ppm(),
            excess_delay: self.excess_delay(),
            ..self.stats
        }
    }

    /// Which tolerances were used.
    pub fn tolerated(&self) -> Tolerances {
        self.leniency.tolerated()
    }

    #[inline(never)]
    fn advance(&mut self, timestamp: RtpTimestamp, arrival: Instant) -> ExtendedTimestamp {
        let extended = self.extend(timestamp);
        self.last = Some(extended);
        if self.latest.replace(timestamp).is_none() {
            self.start = match self.start {
                Start::Announced(rtptime) => self.start_of(rtptime, extended),
                _ => Start::Unknown {
                    first: Some(extended),
                },
            };
        }
        if self.transit.on_packet(extended, arrival) == Course::Steps {
            self.stats.timestamp_steps += 1;
            if self.leniency.tolerates(Tolerance::TimestampStep) {
                self.wall_clock.forget();
            }
        }
        ExtendedTimestamp(extended)
    }

    fn start_of(&mut self, rtptime: RtpTimestamp, first: i64) -> Start {
        let announced = nearest(first, rtptime);
        let distance = self.clock_rate.duration(announced.abs_diff(first));
        let agrees = rtptime.0 != 0 && distance <= MAX_START_DISTANCE;
        if agrees || !self.leniency.tolerates(Tolerance::RtpInfo) {
            Start::At(announced)
        } else {
            Start::Unknown { first: Some(first) }
        }
    }

    #[inline]
    fn extend(&self, timestamp: RtpTimestamp) -> i64 {
        self.last
            .map_or(i64::from(timestamp.0), |last| nearest(last, timestamp))
    }
}

/// The timestamp with turns counted that is nearest to `to`.
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
fn nearest(to: i64, timestamp: RtpTimestamp) -> i64 {
    let step = timestamp.0.wrapping_sub(to as u32) as i32;
    to.wrapping_add(i64::from(step))
}

#[cfg(test)]
mod tests;
