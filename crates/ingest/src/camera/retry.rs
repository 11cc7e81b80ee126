//! When to connect again.

use std::time::Duration;

use super::random::Random;
use crate::Error;

/// The wait after a first failure: short, for most breaks are a camera's own reboot of its streamer.
const FIRST: Duration = Duration::from_millis(500);
/// No wait is longer, but for its jitter: a camera that returns is seen about this soon.
const LONGEST: Duration = Duration::from_secs(15);
/// Pictures for this long, and the next failure counts as the first again.
const HEALTHY: Duration = Duration::from_secs(10);

/// Exponential backoff with jitter, so that a hundred cameras behind one switch do not return in one instant.
#[derive(Debug, Default)]
pub(super) struct Backoff {
    failures: u32,
}

impl Backoff {
    /// The wait before the next connection, after `error` ended one that gave pictures for `played`.
    pub(super) fn after(&mut self, error: &Error, played: Duration, random: &mut Random) -> Duration {
        if played >= HEALTHY {
            self.failures = 0;
        }
        let doubled = FIRST.saturating_mul(1_u32.checked_shl(self.failures).unwrap_or(u32::MAX));
        self.failures = self.failures.saturating_add(1);
        match error {
            // Each try takes one of the camera's few sessions (Q102).
            Error::Busy { .. } => random.jitter(LONGEST),
            _ => random.jitter(doubled.min(LONGEST)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lost() -> Error {
        Error::ConnectRefused {
            peer: "192.0.2.7:554".to_owned(),
        }
    }

    fn within_a_quarter(waited: Duration, of: Duration) -> bool {
        (of.mul_f64(0.75)..=of.mul_f64(1.25)).contains(&waited)
    }

    #[test]
    fn waits_double_from_half_a_second_to_fifteen() {
        let (mut backoff, mut random) = (Backoff::default(), Random::new(1));
        for expected in [0.5, 1.0, 2.0, 4.0, 8.0, 15.0, 15.0] {
            let waited = backoff.after(&lost(), Duration::ZERO, &mut random);
            assert!(
                within_a_quarter(waited, Duration::from_secs_f64(expected)),
                "{waited:?} for {expected}"
            );
        }
        for _ in 0..100 {
            backoff.after(&lost(), Duration::ZERO, &mut random);
        }
        assert!(within_a_quarter(
            backoff.after(&lost(), Duration::ZERO, &mut random),
            LONGEST
        ));
    }

    #[test]
    fn healthy_play_starts_again_at_half_a_second() {
        let (mut backoff, mut random) = (Backoff::default(), Random::new(2));
        for _ in 0..4 {
            backoff.after(&lost(), Duration::from_secs(9), &mut random);
        }
        let waited = backoff.after(&lost(), HEALTHY, &mut random);
        assert!(within_a_quarter(waited, FIRST), "{waited:?}");
    }

    #[test]
    fn a_busy_camera_is_left_alone_for_longest() {
        let cause = throughline_rtsp::client::Error::TooManyRedirects;
        let busy = Error::Busy {
            peer: String::new(),
            cause,
        };
        let waited = Backoff::default().after(&busy, Duration::ZERO, &mut Random::new(3));
        assert!(within_a_quarter(waited, LONGEST), "{waited:?}");
    }
}
