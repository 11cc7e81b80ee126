//! When to connect again.

use std::time::Duration;

use throughline_rtsp::client;

use super::random::Random;
use crate::{Error, ErrorKind};

/// The wait after a first failure: short, for most breaks are a camera's own reboot of its streamer.
const FIRST: Duration = Duration::from_millis(500);
/// No wait is longer, but for its jitter: a camera that returns is seen about this soon.
const LONGEST: Duration = Duration::from_secs(15);
/// Nor while a camera answers and gives nothing of use, where the next try will hardly end otherwise. With its jitter this is a
/// minute or more: nobody wants to be told more often.
const LONGEST_USELESS: Duration = Duration::from_secs(80);
/// Pictures for this long, and the next failure counts as the first again.
const HEALTHY: Duration = Duration::from_secs(10);

/// The wait while a camera has no session left to give: each try may take one of its few, and others leave after minutes
/// (Q102).
const BUSY: Duration = Duration::from_secs(60);
/// The first wait while a camera refuses the credentials that it knows, and the longest: it may be asleep (Q122), but too many
/// tries with what may be a wrong password lock us out for half an hour (Q103).
const ASLEEP: (Duration, Duration) = (Duration::from_secs(60), Duration::from_secs(1800));

/// Exponential backoff with jitter, so that a hundred cameras behind one switch do not return in one instant.
#[derive(Debug, Default)]
pub(super) struct Backoff {
    failures: u32,
    /// Apart from them those of a camera that gives nothing of use: one that is away until it has restarted is not such a one.
    useless: u32,
    /// And those of a camera that may be asleep.
    refusals: u32,
}

impl Backoff {
    /// The wait before the next connection, after `error` ended one that gave pictures for `played`.
    pub(super) fn after(&mut self, error: &Error, played: Duration, random: &mut Random) -> Duration {
        if played >= HEALTHY {
            *self = Self::default();
        }
        if is_away(error.kind()) {
            // It may be another once it is back.
            self.useless = 0;
        }
        let (count, first, longest) = match error {
            Error::Busy { .. } => (&mut self.failures, BUSY, BUSY),
            Error::Asleep { .. } => (&mut self.refusals, ASLEEP.0, ASLEEP.1),
            error if is_useless(error.kind()) => (&mut self.useless, FIRST, LONGEST_USELESS),
            _ => (&mut self.failures, FIRST, LONGEST),
        };
        let doubled = first.saturating_mul(1_u32.checked_shl(*count).unwrap_or(u32::MAX));
        *count = count.saturating_add(1);
        let waited = random.jitter(doubled.min(longest));
        match error {
            // Never earlier than the camera says.
            Error::Busy {
                cause:
                    client::Error::Busy {
                        retry_after: Some(minimum),
                        ..
                    },
                ..
            } => waited.max(*minimum),
            _ => waited,
        }
    }
}

/// Whether nobody is there.
fn is_away(kind: ErrorKind) -> bool {
    matches!(
        kind,
        ErrorKind::ConnectRefused | ErrorKind::ConnectTimeout | ErrorKind::Unreachable
    )
}

/// Whether the camera is there, and what it sends is of no use.
fn is_useless(kind: ErrorKind) -> bool {
    matches!(
        kind,
        ErrorKind::Unreadable
            | ErrorKind::NoResponse
            | ErrorKind::NoMedia
            | ErrorKind::UdpBlocked
            | ErrorKind::NotRtp
            | ErrorKind::Undecryptable
            | ErrorKind::NoIdr
            | ErrorKind::NoParameterSets
            | ErrorKind::Scrambled
    )
}

#[cfg(test)]
mod tests {
    use throughline_rtsp::{Method, StatusCode};

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
    fn a_camera_that_sends_nothing_of_use_is_tried_once_in_a_minute_at_last() {
        let useless = Error::Scrambled {
            peer: String::new(),
            packets: 1,
            ssrc: None,
        };
        let (mut backoff, mut random) = (Backoff::default(), Random::new(5));
        let waits: Vec<_> = (0..20)
            .map(|_| backoff.after(&useless, Duration::ZERO, &mut random))
            .collect();
        assert!(within_a_quarter(waits[0], FIRST), "{waits:?}");
        assert!(
            waits[8..].iter().all(|wait| *wait >= Duration::from_secs(60)),
            "{waits:?}"
        );
    }

    #[test]
    fn a_camera_that_restarted_is_tried_again_as_soon_as_it_answers() {
        let useless = Error::Scrambled {
            peer: String::new(),
            packets: 1,
            ssrc: None,
        };
        let (mut backoff, mut random) = (Backoff::default(), Random::new(6));
        for _ in 0..3 {
            for _ in 0..20 {
                backoff.after(&lost(), Duration::ZERO, &mut random);
            }
            for expected in [0.5, 1.0, 2.0] {
                let waited = backoff.after(&useless, Duration::ZERO, &mut random);
                let expected = Duration::from_secs_f64(expected);
                assert!(within_a_quarter(waited, expected), "{waited:?} for {expected:?}");
            }
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

    fn busy(retry_after: Option<u64>) -> Error {
        let cause = client::Error::Busy {
            method: Method::Setup,
            status: StatusCode::NOT_ENOUGH_BANDWIDTH,
            retry_after: retry_after.map(Duration::from_secs),
            cseq: 2,
        };
        let peer = String::new();
        Error::Busy { peer, cause }
    }

    #[test]
    fn q102_busy_camera_is_left_alone_for_a_minute_or_as_long_as_it_says() {
        let mut random = Random::new(3);
        for (retry_after, expected) in [(None, 60), (Some(5), 60), (Some(600), 600)] {
            let waited = Backoff::default().after(&busy(retry_after), Duration::ZERO, &mut random);
            let expected = Duration::from_secs(expected);
            assert!(within_a_quarter(waited, expected), "{waited:?}");
            assert!(retry_after.is_none_or(|wanted| waited >= Duration::from_secs(wanted)));
        }
    }

    #[test]
    fn q122_sleeping_camera_is_tried_after_a_minute_and_then_ever_more_rarely() {
        let cause = client::Error::Asleep {
            method: Method::Describe,
            cseq: 2,
        };
        let peer = String::new();
        let asleep = Error::Asleep { peer, cause };
        let (mut backoff, mut random) = (Backoff::default(), Random::new(4));
        for expected in [60, 120, 240, 480, 960, 1800, 1800] {
            let waited = backoff.after(&asleep, Duration::ZERO, &mut random);
            let expected = Duration::from_secs(expected);
            assert!(within_a_quarter(waited, expected), "{waited:?} for {expected:?}");
        }
    }
}
