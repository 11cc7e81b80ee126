//! One timeline for the caller, whatever the camera's does.

use std::time::{Duration, Instant};

use crate::Timestamp;

/// The rate of every video timestamp, [RFC 6184 §8.2.1](https://www.rfc-editor.org/rfc/rfc6184#section-8.2.1).
const TICKS_PER_SECOND: i64 = 90_000;
/// A step back over more than this is a new timeline; less is the display order of B-pictures.
const MAX_STEP_BACK: i64 = TICKS_PER_SECOND;
/// A step ahead of the wall clock by more than this is a new timeline; less is a camera that sends ahead.
const MAX_STEP_AHEAD: i64 = 10 * TICKS_PER_SECOND;

/// Maps the extended RTP timestamps of successive connections and SSRCs onto one timeline.
///
/// Within one RTP timeline the camera's own spacing is kept to the tick. Where a new one begins (a reconnect, a new
/// SSRC, a jump that no camera clock makes, Q89, Q135), its first access unit comes after the latest one by as much as
/// the arrivals are apart, so that the caller's clock neither steps back nor loses the time of the break.
#[derive(Debug, Default)]
pub(super) struct MediaClock {
    offset: i64,
    latest: Option<Latest>,
    rebase: bool,
}

#[derive(Debug)]
struct Latest {
    raw: i64,
    highest: i64,
    arrival: Instant,
}

impl MediaClock {
    /// What comes next is on another RTP timeline.
    pub(super) fn rebase(&mut self) {
        self.rebase = true;
    }

    pub(super) fn map(&mut self, raw: i64, arrival: Instant) -> Timestamp {
        let mut highest = i64::MIN;
        if let Some(latest) = &self.latest {
            highest = latest.highest;
            let elapsed = ticks(arrival.saturating_duration_since(latest.arrival));
            let step = raw.saturating_sub(latest.raw);
            if self.rebase || step < -MAX_STEP_BACK || step > elapsed.saturating_add(MAX_STEP_AHEAD) {
                self.offset = highest.saturating_add(elapsed.max(1)).saturating_sub(raw);
            }
        }
        self.rebase = false;
        let mapped = raw.saturating_add(self.offset);
        self.latest = Some(Latest {
            raw,
            highest: highest.max(mapped),
            arrival,
        });
        Timestamp(mapped)
    }
}

fn ticks(duration: Duration) -> i64 {
    i64::try_from(duration.as_micros() * 9 / 100).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    const FRAME: Duration = Duration::from_millis(40);

    #[test]
    fn the_cameras_own_spacing_is_kept_whatever_the_arrival() {
        let (mut clock, start) = (MediaClock::default(), Instant::now());
        for (raw, late) in [(1_000, 0), (4_600, 7), (8_200, 300), (11_800, 300)] {
            assert_eq!(clock.map(raw, start + late * FRAME), Timestamp(raw));
        }
        // B-pictures come in decoding order.
        assert_eq!(clock.map(9_000, start + 301 * FRAME), Timestamp(9_000));
    }

    #[test]
    fn a_new_timeline_follows_by_the_time_that_passed() {
        let (mut clock, start) = (MediaClock::default(), Instant::now());
        clock.map(500_000, start);
        clock.map(496_400, start);
        clock.rebase();
        assert_eq!(clock.map(7, start + Duration::from_secs(2)), Timestamp(680_000));
        assert_eq!(
            clock.map(3_607, start + Duration::from_secs(2) + FRAME),
            Timestamp(683_600)
        );
    }

    #[test]
    fn jumps_that_no_clock_makes_begin_a_new_timeline() {
        for jump in [-90_001, 40 * 90_000] {
            let (mut clock, start) = (MediaClock::default(), Instant::now());
            clock.map(9_000_000, start);
            assert_eq!(
                clock.map(9_000_000 + jump, start + FRAME),
                Timestamp(9_003_600),
                "{jump}"
            );
        }
    }

    #[test]
    fn a_new_timeline_in_the_same_instant_still_moves_ahead() {
        let (mut clock, start) = (MediaClock::default(), Instant::now());
        clock.map(100, start);
        clock.rebase();
        assert_eq!(clock.map(0, start), Timestamp(101));
    }
}
