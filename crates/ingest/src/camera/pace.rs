//! Whether pictures keep up with time, and what becomes of those that do not (Q95).

use std::time::Duration;

use crate::DelayHandling;

/// Of so much media at least it is judged whether dropping them mends anything.
const JUDGED_OVER: Duration = Duration::from_secs(1);

/// How late a picture began to come.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Lateness {
    /// Of its media, in ticks of 90 kHz.
    pub(super) timestamp: i64,
    /// By how much longer than the fastest it took.
    pub(super) delay: Duration,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Pace {
    Live,
    /// They came too late: all are dropped up to the next IDR, and up to another one for as long as that mends something.
    CatchesUp(Lateness),
    /// That mends nothing, until they have been in time again: the camera's clock may be the wrong one.
    Late,
}

/// What to do with a picture.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fate {
    Deliver,
    Drop,
}

impl Pace {
    /// Tells what is done from here on, where that changes to the worse.
    pub(super) fn on_packet(&mut self, late: Lateness, max_delay: Duration) -> Option<DelayHandling> {
        match (*self, late.delay > max_delay) {
            (Pace::Live, true) => {
                *self = Pace::CatchesUp(late);
                return Some(DelayHandling::Drop);
            }
            (Pace::Late, false) => *self = Pace::Live,
            _ => {}
        }
        None
    }

    /// Whether the backlog is gone, and only an IDR to go on with is wanted.
    pub(super) fn lacks_idr(self, late: Lateness, max_delay: Duration) -> bool {
        matches!(self, Pace::CatchesUp(_)) && late.delay <= max_delay
    }

    /// A picture that refers to others.
    pub(super) fn on_picture(self) -> Fate {
        match self {
            Pace::CatchesUp(_) => Fate::Drop,
            Pace::Live | Pace::Late => Fate::Deliver,
        }
    }

    /// A picture that one can go on with.
    pub(super) fn on_idr(&mut self, late: Lateness, max_delay: Duration) -> (Fate, Option<DelayHandling>) {
        let Pace::CatchesUp(since) = *self else {
            return (Fate::Deliver, None);
        };
        if late.delay <= max_delay {
            *self = Pace::Live;
            return (Fate::Deliver, None);
        }
        let passed = late.since(since);
        if passed < JUDGED_OVER {
            return (Fate::Drop, None);
        }
        // A backlog of ours passes many times faster than it was captured, and what comes twice as fast still catches up.
        if since.delay.saturating_sub(late.delay) >= passed / 2 {
            *self = Pace::CatchesUp(late);
            return (Fate::Drop, None);
        }
        *self = Pace::Late;
        (Fate::Deliver, Some(DelayHandling::Keep))
    }
}

impl Lateness {
    /// The media from one to the other.
    fn since(self, before: Lateness) -> Duration {
        let ticks = self
            .timestamp
            .saturating_sub(before.timestamp)
            .max(0)
            .unsigned_abs();
        Duration::from_micros(ticks.saturating_mul(100) / 9)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MAX_DELAY: Duration = Duration::from_secs(3);

    /// A second of the media and how late it is, in milliseconds.
    fn late(second: i64, delay: u64) -> Lateness {
        Lateness {
            timestamp: second * 90_000,
            delay: Duration::from_millis(delay),
        }
    }

    #[test]
    fn a_backlog_is_dropped_up_to_the_first_idr_that_is_in_time() {
        let mut pace = Pace::Live;
        assert_eq!(pace.on_packet(late(0, 3_000), MAX_DELAY), None);
        assert_eq!(
            pace.on_packet(late(1, 9_000), MAX_DELAY),
            Some(DelayHandling::Drop)
        );
        assert_eq!(pace.on_picture(), Fate::Drop);
        for (second, delay) in [(3, 7_100), (5, 5_200), (7, 3_300)] {
            assert_eq!(pace.on_packet(late(second, delay), MAX_DELAY), None);
            assert_eq!(pace.on_idr(late(second, delay), MAX_DELAY), (Fate::Drop, None));
            assert_eq!(pace.on_picture(), Fate::Drop);
            assert!(!pace.lacks_idr(late(second, delay), MAX_DELAY));
        }
        assert!(pace.lacks_idr(late(8, 2_300), MAX_DELAY));
        assert_eq!(pace.on_idr(late(9, 1_400), MAX_DELAY), (Fate::Deliver, None));
        assert!(!pace.lacks_idr(late(9, 1_400), MAX_DELAY));
        assert_eq!(pace.on_picture(), Fate::Deliver);
    }

    #[test]
    fn what_is_as_late_after_a_second_was_dropped_is_kept_until_it_has_been_in_time() {
        let mut pace = Pace::Live;
        pace.on_packet(late(0, 5_000), MAX_DELAY);
        // Too little to tell.
        assert_eq!(pace.on_idr(late(0, 5_000), MAX_DELAY), (Fate::Drop, None));
        let kept = (Fate::Deliver, Some(DelayHandling::Keep));
        assert_eq!(pace.on_idr(late(1, 4_600), MAX_DELAY), kept);
        assert_eq!(pace.on_packet(late(2, 9_000), MAX_DELAY), None);
        assert_eq!(pace.on_picture(), Fate::Deliver);
        assert_eq!(pace.on_packet(late(3, 100), MAX_DELAY), None);
        assert_eq!(
            pace.on_packet(late(4, 3_001), MAX_DELAY),
            Some(DelayHandling::Drop)
        );
    }
}
