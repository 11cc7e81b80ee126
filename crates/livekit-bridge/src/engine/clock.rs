//! From the camera's timestamps to those of the outgoing RTP stream, and to the wall clock that its sender reports
//! are made from.

use std::time::{Duration, Instant};

use throughline_h264::Timestamp;

const TICKS_PER_SECOND: f64 = 90_000.0;

/// A step this much larger than the time that passed is a camera that restarted its clock, not a pause.
const MAX_STEP_AHEAD: Duration = Duration::from_secs(10);

/// A picture this much later than its timestamp says starts a new relation of the two clocks.
const MAX_LAG: Duration = Duration::from_secs(1);

/// Share of the lag that is believed per picture: follows a camera whose clock drifts, ignores jitter.
const LAG_SHARE: u32 = 64;

/// RTP timestamp and wall clock of one picture.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Stamp {
    pub(crate) rtp: u32,
    /// Spaced like the camera's timestamps, never in the future: a sender report made from jittery arrivals would
    /// make the viewer's clock wander.
    pub(crate) wallclock: Instant,
}

/// Keeps the camera's spacing exactly, and goes on by the wall clock where the camera's clock jumps.
#[derive(Debug)]
pub(crate) struct OutputClock {
    next_start: u32,
    last: Option<(Timestamp, Instant, Stamp)>,
}

impl OutputClock {
    /// `start` is the first RTP timestamp; [RFC 3550 §5.1](https://www.rfc-editor.org/rfc/rfc3550#section-5.1)
    /// wants it random.
    pub(crate) fn new(start: u32) -> Self {
        Self {
            next_start: start,
            last: None,
        }
    }

    pub(crate) fn stamp(&mut self, timestamp: Timestamp, now: Instant) -> Stamp {
        let stamp = match self.last {
            None => Stamp {
                rtp: self.next_start,
                wallclock: now,
            },
            Some((before, at, stamp)) => {
                let elapsed = now.saturating_duration_since(at);
                match step(before, timestamp).filter(|step| *step <= elapsed + MAX_STEP_AHEAD) {
                    Some(step) => Stamp {
                        // Wraps like the wire does; the difference is exact.
                        rtp: stamp.rtp.wrapping_add(wire(timestamp.0.wrapping_sub(before.0))),
                        wallclock: smoothed(stamp.wallclock + step, now),
                    },
                    None => Stamp {
                        rtp: stamp.rtp.wrapping_add(ticks(elapsed).max(1)),
                        wallclock: now,
                    },
                }
            }
        };
        self.last = Some((timestamp, now, stamp));
        stamp
    }
}

/// Time from one timestamp to the next, `None` where the clock went back or stood still.
#[expect(
    clippy::cast_precision_loss,
    reason = "differences beyond 2^52 ticks are refused by the caller"
)]
fn step(before: Timestamp, timestamp: Timestamp) -> Option<Duration> {
    let ticks = timestamp.0.checked_sub(before.0).filter(|ticks| *ticks > 0)?;
    Duration::try_from_secs_f64(ticks as f64 / TICKS_PER_SECOND).ok()
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "RTP timestamps are modulo 2^32"
)]
fn wire(ticks: i64) -> u32 {
    ticks as u32
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "RTP timestamps are modulo 2^32"
)]
fn ticks(elapsed: Duration) -> u32 {
    (elapsed.as_secs_f64() * TICKS_PER_SECOND) as u64 as u32
}

fn smoothed(predicted: Instant, now: Instant) -> Instant {
    match now.checked_duration_since(predicted) {
        // Earlier than predicted: this picture had the shortest way so far.
        None => now,
        Some(lag) if lag > MAX_LAG => now,
        Some(lag) => predicted + lag / LAG_SHARE,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FRAME: Duration = Duration::from_millis(40);

    #[test]
    fn the_cameras_spacing_is_kept_exactly_across_the_wrap_whatever_the_arrival() {
        let (mut clock, start) = (OutputClock::new(u32::MAX - 5000), Instant::now());
        let spacings = [3600, 3601, 3599, 7200, 1800];
        let (mut timestamp, mut last) = (1_000_000, clock.stamp(Timestamp(1_000_000), start));
        for (picture, spacing) in (1_u32..).zip(spacings) {
            timestamp += spacing;
            let jitter = Duration::from_millis(u64::from(picture % 3) * 9);
            let stamp = clock.stamp(Timestamp(timestamp), start + FRAME * picture + jitter);
            assert_eq!(i64::from(stamp.rtp.wrapping_sub(last.rtp)), spacing);
            last = stamp;
        }
    }

    #[test]
    fn the_wall_clock_is_smooth_and_never_in_the_future() {
        let (mut clock, start) = (OutputClock::new(0), Instant::now());
        let mut last = clock.stamp(Timestamp(0), start);
        for picture in 1..500_u32 {
            let jitter = Duration::from_millis(u64::from(picture * 7 % 11));
            let now = start + FRAME * picture + jitter;
            let stamp = clock.stamp(Timestamp(i64::from(picture) * 3600), now);
            assert!(stamp.wallclock <= now);
            let step = stamp.wallclock - last.wallclock;
            assert!(step.abs_diff(FRAME) < Duration::from_millis(1), "{step:?}");
            last = stamp;
        }
    }

    #[test]
    fn a_camera_clock_that_jumps_goes_on_by_the_wall_clock() {
        let (mut clock, start) = (OutputClock::new(0), Instant::now());
        clock.stamp(Timestamp(9_000_000), start);
        let back = clock.stamp(Timestamp(17), start + FRAME);
        assert_eq!(back.rtp, 3600);
        let forward = clock.stamp(Timestamp(i64::from(u32::MAX)), start + FRAME * 2);
        assert_eq!(forward.rtp, 7200);
        let same = clock.stamp(Timestamp(i64::from(u32::MAX)), start + FRAME * 2);
        assert_eq!(same.rtp, 7201, "two pictures never share a timestamp");
    }

    #[test]
    fn a_pause_of_the_camera_is_a_step_of_the_timestamps() {
        let (mut clock, start) = (OutputClock::new(0), Instant::now());
        clock.stamp(Timestamp(0), start);
        let stamp = clock.stamp(Timestamp(90_000 * 60), start + Duration::from_secs(60));
        assert_eq!(stamp.rtp, 90_000 * 60);
    }
}
