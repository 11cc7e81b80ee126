//! One timeline for who uses the media, whatever the camera's does.

use crate::ids::{ClockRate, ExtendedTimestamp};
use crate::timeline::is_step;
use crate::tolerance::{Policy, Reading, Tolerance, Tolerances};
use std::time::Instant;

/// Maps the extended timestamps of successive connections and SSRCs onto one timeline.
///
/// Within one timeline of the camera its own spacing is kept to the tick. Where a new one begins (a reconnect, a new
/// SSRC, a step that no media clock makes, Q89, Q135), its first timestamp comes after the latest one by as much as
/// the arrivals are apart, so that the clock neither steps back nor loses the time of the break. Steps back of up to 1 s
/// are the display order of B-pictures and kept.
///
/// ```
/// use std::time::{Duration, Instant};
/// use throughline_rtp::{ClockRate, ExtendedTimestamp, MonotonicClock, Policy};
///
/// let mut clock = MonotonicClock::new(ClockRate::VIDEO, Policy::default());
/// let (now, frame) = (Instant::now(), Duration::from_millis(40));
/// assert_eq!(clock.map(ExtendedTimestamp(900_000), now).0, 900_000);
/// assert_eq!(clock.map(ExtendedTimestamp(3_600), now + frame).0, 903_600);
/// assert_eq!(clock.steps(), 1);
/// ```
#[derive(Debug)]
pub struct MonotonicClock {
    clock_rate: ClockRate,
    leniency: Reading,
    offset: i64,
    latest: Option<Latest>,
    course: Course,
    steps: u64,
}

#[derive(Debug)]
struct Latest {
    raw: i64,
    highest: i64,
    arrival: Instant,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Course {
    GoesOn,
    /// What comes next is on another timeline.
    Restarts,
}

impl MonotonicClock {
    /// A clock of `clock_rate` ticks a second. Where the policy refuses [`Tolerance::TimestampStep`], only
    /// [`restart`](Self::restart) begins a new timeline, and steps stay what they are.
    pub fn new(clock_rate: ClockRate, policy: Policy) -> Self {
        Self {
            clock_rate,
            leniency: Reading::new(policy),
            offset: 0,
            latest: None,
            course: Course::GoesOn,
            steps: 0,
        }
    }

    /// What comes next is on another timeline: after a reconnect, or where a stream was resynchronized.
    pub fn restart(&mut self) {
        self.course = Course::Restarts;
    }

    /// The place on this clock of the timestamp `raw` that arrived at `arrival`.
    pub fn map(&mut self, raw: ExtendedTimestamp, arrival: Instant) -> ExtendedTimestamp {
        let raw = raw.0;
        let mut highest = i64::MIN;
        if let Some(latest) = &self.latest {
            highest = latest.highest;
            let elapsed = self
                .clock_rate
                .ticks(arrival.saturating_duration_since(latest.arrival));
            let restarts = self.course == Course::Restarts;
            let steps = !restarts && is_step(raw.saturating_sub(latest.raw), elapsed, self.clock_rate);
            self.steps += u64::from(steps);
            if restarts || (steps && self.leniency.tolerates(Tolerance::TimestampStep)) {
                self.offset = highest.saturating_add(elapsed.max(1)).saturating_sub(raw);
            }
        }
        self.course = Course::GoesOn;
        let mapped = raw.saturating_add(self.offset);
        self.latest = Some(Latest {
            raw,
            highest: highest.max(mapped),
            arrival,
        });
        ExtendedTimestamp(mapped)
    }

    /// How often the timestamps stepped as no media clock does (Q135).
    pub fn steps(&self) -> u64 {
        self.steps
    }

    /// Which tolerances were used.
    pub fn tolerated(&self) -> Tolerances {
        self.leniency.tolerated()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    const FRAME: Duration = Duration::from_millis(40);

    struct Clock(MonotonicClock, Instant);

    impl Clock {
        fn new() -> Self {
            Self::with_policy(Policy::default())
        }

        fn with_policy(policy: Policy) -> Self {
            Self(MonotonicClock::new(ClockRate::VIDEO, policy), Instant::now())
        }

        fn map(&mut self, raw: i64, frames: u32) -> i64 {
            self.0.map(ExtendedTimestamp(raw), self.1 + frames * FRAME).0
        }
    }

    #[test]
    fn the_cameras_own_spacing_is_kept_whatever_the_arrival() {
        let mut clock = Clock::new();
        for (raw, late) in [(1_000, 0), (4_600, 7), (8_200, 300), (11_800, 300)] {
            assert_eq!(clock.map(raw, late), raw);
        }
        // B-pictures come in decoding order.
        assert_eq!(clock.map(9_000, 301), 9_000);
        assert_eq!(clock.0.steps(), 0);
    }

    #[test]
    fn a_new_timeline_follows_by_the_time_that_passed() {
        let mut clock = Clock::new();
        clock.map(500_000, 0);
        clock.map(496_400, 0);
        clock.0.restart();
        assert_eq!(clock.map(7, 50), 680_000);
        assert_eq!(clock.map(3_607, 51), 683_600);
    }

    #[test]
    fn q135_steps_that_no_clock_makes_begin_a_new_timeline_or_stand() {
        for step in [-90_001, 40 * 90_000] {
            let mut clock = Clock::new();
            clock.map(9_000_000, 0);
            assert_eq!(clock.map(9_000_000 + step, 1), 9_003_600, "{step}");
            assert_eq!(clock.map(9_003_600 + step, 2), 9_007_200, "{step}");
            assert!(clock.0.tolerated().contains(Tolerance::TimestampStep));

            let mut clock = Clock::with_policy(Policy::default().refuse(Tolerance::TimestampStep));
            clock.map(9_000_000, 0);
            assert_eq!(clock.map(9_000_000 + step, 1), 9_000_000 + step);
            assert_eq!(clock.0.steps(), 1);
        }
    }

    #[test]
    fn a_new_timeline_in_the_same_instant_still_moves_ahead() {
        let mut clock = Clock::new();
        clock.map(100, 0);
        clock.0.restart();
        assert_eq!(clock.map(0, 0), 101);
    }
}
