//! When to send RTCP.

use crate::tolerance::{Policy, Tolerance};
use std::time::{Duration, Instant};

/// What the standard puts in the middle of its intervals, and the least it takes for T_rr_interval here.
const MINIMUM: Duration = Duration::from_secs(5);

/// The same for cameras that stop after 5 s (Q36): a half more than this is below that, with time for the way.
/// [RFC 3550 §6.2](https://www.rfc-editor.org/rfc/rfc3550#section-6.2) allows it from 120 kbit/s on: 360 s over that.
const CAMERA_MINIMUM: Duration = Duration::from_secs(3);

/// No report to such a camera is later after the one before (Q36).
const CAMERA_MAXIMUM: Duration = Duration::from_millis(4_500);

/// The part of the session's bandwidth that is RTCP's.
const RTCP_SHARE: f64 = 0.05;

/// Camera and receiver. A camera is more than a quarter of the members, so that the two share all of the bandwidth.
const MEMBERS: f64 = 2.0;

/// The smallest session bandwidth that is reckoned with, in bit/s, so that an interval is never longer than minutes.
const LEAST_BANDWIDTH: u32 = 8_000;

/// A report and a CNAME, before anything was sent.
const FIRST_SIZE: usize = 80;

/// IP and UDP headers count ([RFC 3550 §6.2](https://www.rfc-editor.org/rfc/rfc3550#section-6.2)).
const LOWER_HEADERS: usize = 28;

/// How a [`RtcpSchedule`] behaves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RtcpScheduleConfig {
    /// Of the whole session, in bit/s: `b=AS` of the session description times 1000. RTCP takes a twentieth of it.
    /// 1 Mbit/s by default, less than most cameras take. It matters where it is below some 20 kbit/s, and for how soon
    /// one feedback may follow another: 70 ms at the default.
    pub session_bandwidth: u32,
    /// When feedback goes out.
    pub feedback: FeedbackTiming,
    /// Whether [`Tolerance::ReportPace`] may be used.
    pub policy: Policy,
}

impl Default for RtcpScheduleConfig {
    fn default() -> Self {
        Self {
            session_bandwidth: 1_000_000,
            feedback: FeedbackTiming::default(),
            policy: Policy::default(),
        }
    }
}

/// When feedback, such as a PLI, goes out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum FeedbackTiming {
    /// With the next report: RTP/AVP.
    #[default]
    Regular,
    /// At once, but not twice in a row sooner than the bandwidth allows: RTP/AVPF
    /// ([RFC 4585 §3.5.2](https://www.rfc-editor.org/rfc/rfc4585#section-3.5.2)).
    Early,
}

/// What [`RtcpSchedule::poll`] says is to be sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RtcpDue {
    /// A compound of report, CNAME and all feedback that waits.
    Report,
    /// The feedback that waits, in a compound of its own (of reduced size, if the session has that).
    Feedback,
}

/// Says when a receiver of one camera has to send RTCP, over UDP or TCP
/// ([RFC 3550 §6.3](https://www.rfc-editor.org/rfc/rfc3550#section-6.3),
/// [RFC 4585 §3.5](https://www.rfc-editor.org/rfc/rfc4585#section-3.5)).
///
/// ```text
/// T_rr     = max(T_min, 2 * average size / (bandwidth / 20)) * random(0.5..1.5)
/// interval = T_rr                                       with FeedbackTiming::Regular
///            max(T_rr, T_min * random(0.5..1.5))        with FeedbackTiming::Early, where T_rr has no minimum
/// ```
///
/// T_min is 3 s, and no interval is longer than 4.5 s, for there are cameras that stop after 5 s without a report (Q36);
/// with [`Tolerance::ReportPace`] refused, T_min is the standard's 5 s and the interval has no limit.
///
/// The session is between two: the first report goes out at once, feedback is not dithered, and there are no members to
/// count. So timers are not reconsidered either, and T_rr is not divided by e - 3/2, which is there to even out what
/// reconsideration adds ([RFC 3550 §6.3.1](https://www.rfc-editor.org/rfc/rfc3550#section-6.3.1)).
///
/// After an early feedback the next one waits for twice T_rr, which is never sooner than the RFC's algorithm has it; its
/// timer, which ticks for reports that T_rr_interval suppresses, would wake a receiver in vain. Feedback that has to wait
/// is never too late to be useful (T_max_fb_delay is without end).
///
/// ```
/// use std::time::Instant;
/// use throughline_rtp::{FeedbackTiming, RtcpDue, RtcpSchedule, RtcpScheduleConfig};
///
/// let config = RtcpScheduleConfig { feedback: FeedbackTiming::Early, ..RtcpScheduleConfig::default() };
/// let mut schedule = RtcpSchedule::new(config, 42);
/// let now = Instant::now();
/// schedule.start(now); // when PLAY is answered (Q37)
/// assert_eq!(schedule.poll(now), Some(RtcpDue::Report));
/// assert_eq!(schedule.poll(now), None);
/// schedule.request_feedback();
/// assert_eq!(schedule.poll(now), Some(RtcpDue::Feedback));
/// ```
#[derive(Debug)]
pub struct RtcpSchedule {
    config: RtcpScheduleConfig,
    random: u64,
    /// avg_rtcp_size, in bytes.
    average_size: f64,
    running: Option<Running>,
    feedback: Feedback,
}

#[derive(Debug, Clone, Copy)]
struct Running {
    last_report: Instant,
    next_report: Instant,
    /// When the next early feedback is allowed.
    early_from: Instant,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Feedback {
    None,
    Waits,
}

impl RtcpSchedule {
    /// A schedule that has not started. Each receiver should have its own `seed`, so that they do not send in step.
    pub fn new(config: RtcpScheduleConfig, seed: u64) -> Self {
        #[expect(clippy::cast_precision_loss, reason = "small")]
        let average_size = (FIRST_SIZE + LOWER_HEADERS) as f64;
        Self {
            config,
            random: seed,
            average_size,
            running: None,
            feedback: Feedback::None,
        }
    }

    /// Begins with a report at `now`. Before that nothing is due.
    pub fn start(&mut self, now: Instant) {
        self.running = Some(Running {
            last_report: now,
            next_report: now,
            early_from: now,
        });
    }

    /// There is feedback to send; asked again before it is due, it is sent once.
    pub fn request_feedback(&mut self) {
        self.feedback = Feedback::Waits;
    }

    /// The feedback that was requested is not needed any more.
    pub fn withdraw_feedback(&mut self) {
        self.feedback = Feedback::None;
    }

    /// When [`poll`](Self::poll) has something next; `None` before the start.
    pub fn wake_at(&self) -> Option<Instant> {
        let running = self.running?;
        Some(match (self.feedback, self.config.feedback) {
            (Feedback::Waits, FeedbackTiming::Early) => running.early_from.min(running.next_report),
            _ => running.next_report,
        })
    }

    /// What is to be sent at `now`, once: the next is then set.
    pub fn poll(&mut self, now: Instant) -> Option<RtcpDue> {
        let mut running = self
            .running
            .filter(|_| self.wake_at().is_some_and(|at| at <= now))?;
        let t_rr = self.bandwidth_interval(Duration::ZERO);
        self.feedback = Feedback::None;
        let due = if running.next_report <= now {
            running = Running {
                last_report: now,
                next_report: now + self.report_interval(),
                early_from: now,
            };
            RtcpDue::Report
        } else {
            // An early packet stands in for the next regular one.
            let skipped = running.last_report + self.bounded(t_rr * 2);
            running.next_report = running.next_report.max(skipped);
            running.early_from = now + t_rr * 2;
            RtcpDue::Feedback
        };
        self.running = Some(running);
        Some(due)
    }

    /// Notes a compound of `bytes`, sent or received: their average size is what the bandwidth allows them by.
    pub fn on_compound(&mut self, bytes: usize) {
        let size = u16::try_from(bytes.saturating_add(LOWER_HEADERS)).unwrap_or(u16::MAX);
        self.average_size += (f64::from(size) - self.average_size) / 16.0;
    }

    fn report_interval(&mut self) -> Duration {
        let minimum = if self.is_bounded() {
            CAMERA_MINIMUM
        } else {
            MINIMUM
        };
        let interval = match self.config.feedback {
            FeedbackTiming::Regular => self.bandwidth_interval(minimum),
            FeedbackTiming::Early => {
                let t_rr = self.bandwidth_interval(Duration::ZERO);
                t_rr.max(minimum.mul_f64(self.around_one()))
            }
        };
        self.bounded(interval)
    }

    /// T_rr with `minimum` for T_min.
    fn bandwidth_interval(&mut self, minimum: Duration) -> Duration {
        let bandwidth = f64::from(self.config.session_bandwidth.max(LEAST_BANDWIDTH)) * RTCP_SHARE;
        let deterministic = Duration::from_secs_f64(MEMBERS * self.average_size * 8.0 / bandwidth);
        deterministic.max(minimum).mul_f64(self.around_one())
    }

    fn bounded(&self, interval: Duration) -> Duration {
        if self.is_bounded() {
            interval.min(CAMERA_MAXIMUM)
        } else {
            interval
        }
    }

    fn is_bounded(&self) -> bool {
        self.config.policy.tolerates(Tolerance::ReportPace)
    }

    /// A random number from 0.5 to 1.5 (splitmix64).
    fn around_one(&mut self) -> f64 {
        self.random = self.random.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut bits = self.random;
        bits = (bits ^ (bits >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        bits = (bits ^ (bits >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        let [.., a, b, c, d] = (bits ^ (bits >> 31)).to_be_bytes();
        0.5 + f64::from(u32::from_be_bytes([a, b, c, d])) / f64::from(u32::MAX)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: Duration = Duration::from_millis(1);

    fn config(feedback: FeedbackTiming) -> RtcpScheduleConfig {
        RtcpScheduleConfig {
            feedback,
            ..RtcpScheduleConfig::default()
        }
    }

    /// The intervals between reports, the first one aside.
    fn intervals(config: RtcpScheduleConfig, seed: u64) -> Vec<Duration> {
        let start = Instant::now();
        let mut schedule = RtcpSchedule::new(config, seed);
        schedule.start(start);
        assert_eq!(schedule.poll(start), Some(RtcpDue::Report));
        let mut last = start;
        (0..500)
            .map(|_| {
                schedule.on_compound(80);
                let at = schedule.wake_at().unwrap();
                assert_eq!(schedule.poll(last + MS), None);
                assert_eq!(schedule.poll(at), Some(RtcpDue::Report));
                at - std::mem::replace(&mut last, at)
            })
            .collect()
    }

    #[test]
    fn nothing_is_due_before_the_start_and_a_report_at_it() {
        let now = Instant::now();
        let mut schedule = RtcpSchedule::new(config(FeedbackTiming::Early), 1);
        schedule.request_feedback();
        assert_eq!((schedule.wake_at(), schedule.poll(now)), (None, None));
        schedule.start(now);
        assert_eq!(schedule.wake_at(), Some(now));
        assert_eq!(
            schedule.poll(now),
            Some(RtcpDue::Report),
            "the feedback goes with it"
        );
        assert!(schedule.wake_at().unwrap() > now + MS * 1_000);
    }

    #[test]
    fn q36_a_report_goes_out_every_five_seconds_or_as_the_standard_has_it() {
        for feedback in [FeedbackTiming::Regular, FeedbackTiming::Early] {
            for bandwidth in [0, 64_000, 8_000_000] {
                for seed in 0..5 {
                    let config = RtcpScheduleConfig {
                        session_bandwidth: bandwidth,
                        ..config(feedback)
                    };
                    for interval in intervals(config, seed) {
                        assert!((MS * 1_500..=MS * 4_500).contains(&interval), "{interval:?}");
                    }
                }
            }
        }
        let strict = RtcpScheduleConfig {
            policy: Policy::default().refuse(Tolerance::ReportPace),
            ..config(FeedbackTiming::Regular)
        };
        let intervals = intervals(strict, 1);
        let (least, most) = (intervals.iter().min().unwrap(), intervals.iter().max().unwrap());
        // 5 s, a half less and more.
        assert!((MS * 2_500..MS * 2_600).contains(least), "{least:?}");
        assert!((MS * 7_400..MS * 7_500).contains(most), "{most:?}");
    }

    #[test]
    fn without_the_bound_a_narrow_session_reports_as_seldom_as_its_bandwidth_asks() {
        let config = RtcpScheduleConfig {
            session_bandwidth: 8_000,
            policy: Policy::strict(),
            ..config(FeedbackTiming::Regular)
        };
        let intervals = intervals(config, 1);
        let mean = intervals.iter().sum::<Duration>() / 500;
        // 400 bit/s for 2 * 108 bytes: 4.32 s, less than the minimum.
        assert!((MS * 4_900..MS * 5_100).contains(&mean), "{mean:?}");
        let mut schedule = RtcpSchedule::new(config, 1);
        for _ in 0..200 {
            schedule.on_compound(1_000);
        }
        let interval = schedule.bandwidth_interval(MINIMUM);
        assert!((MS * 20_500..MS * 61_700).contains(&interval), "{interval:?}");
    }

    #[test]
    fn early_feedback_goes_at_once_and_the_next_when_the_bandwidth_allows() {
        let start = Instant::now();
        let mut schedule = RtcpSchedule::new(config(FeedbackTiming::Early), 3);
        schedule.start(start);
        schedule.poll(start);
        let report = schedule.wake_at();
        let at = start + MS * 300;
        schedule.request_feedback();
        assert_eq!(schedule.poll(at), Some(RtcpDue::Feedback));
        assert_eq!(schedule.wake_at(), report, "reports keep their time");
        schedule.request_feedback();
        assert_eq!(schedule.poll(at), None);
        let next = schedule.wake_at().unwrap();
        // Twice 108 bytes for each of two at 50 kbit/s: 69 ms, a half less and more.
        assert!((at + MS * 34..at + MS * 104).contains(&next), "{:?}", next - at);
        schedule.request_feedback();
        assert_eq!(schedule.poll(next), Some(RtcpDue::Feedback));
        assert_eq!(schedule.poll(next), None, "asked twice, sent once");
        schedule.request_feedback();
        schedule.withdraw_feedback();
        assert_eq!(schedule.wake_at(), report);
    }

    #[test]
    fn regular_feedback_waits_for_the_next_report() {
        let start = Instant::now();
        let mut schedule = RtcpSchedule::new(config(FeedbackTiming::Regular), 3);
        schedule.start(start);
        schedule.poll(start);
        let report = schedule.wake_at();
        schedule.request_feedback();
        assert_eq!(schedule.wake_at(), report);
        assert_eq!(schedule.poll(report.unwrap()), Some(RtcpDue::Report));
    }

    #[test]
    fn schedules_of_different_seeds_do_not_keep_step() {
        let [a, b] = [1, 2].map(|seed| intervals(config(FeedbackTiming::Early), seed));
        assert!(a.iter().zip(&b).filter(|(a, b)| a.abs_diff(**b) < MS).count() < 10);
        assert_eq!(a, intervals(config(FeedbackTiming::Early), 1));
    }
}
