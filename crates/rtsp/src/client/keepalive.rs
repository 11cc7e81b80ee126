//! By which method and how often a session is kept alive.

use std::time::{Duration, Instant};

use super::exchange::{Attempt, Step};
use super::session::ClientSession;
use super::{Error, Event};
use crate::headers::Session;
use crate::{Method, Tolerance};

/// However short the timeout a server claims, keepalives are no closer than this: a lie must not make us flood.
const SHORTEST_INTERVAL: Duration = Duration::from_millis(500);

/// However long the timeout a server claims, keepalives are no further apart: firewalls forget an idle connection too.
const LONGEST_INTERVAL: Duration = Duration::from_secs(60);

/// How much earlier than the timeout a keepalive must be on its way.
const MARGIN: Duration = Duration::from_secs(5);

/// GET_PARAMETER first, whatever Public says: servers hide it though it works and list it though it does not, and OPTIONS
/// does not refresh every session (Q98). SET_PARAMETER is never used: it makes some servers hang up (Q40, Q97).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) enum KeepAliveMethod {
    #[default]
    GetParameter,
    /// Once GET_PARAMETER was refused or not answered.
    Options,
}

impl KeepAliveMethod {
    pub(super) fn method(self) -> Method {
        match self {
            Self::GetParameter => Method::GetParameter,
            Self::Options => Method::Options,
        }
    }

    fn other(self) -> Self {
        match self {
            Self::GetParameter => Self::Options,
            Self::Options => Self::GetParameter,
        }
    }
}

/// Half the timeout that the server grants, and early enough for a long one (Q11).
pub(super) fn interval(timeout: Option<Duration>) -> Duration {
    let timeout = timeout.unwrap_or(Session::DEFAULT_TIMEOUT);
    (timeout / 2)
        .min(timeout.saturating_sub(MARGIN))
        .clamp(SHORTEST_INTERVAL, LONGEST_INTERVAL)
}

/// A keepalive that fails is information, not an error: the media show whether the session lives (Q38, Q39).
impl ClientSession {
    pub(super) fn keepalive_refused(&mut self, used: KeepAliveMethod, error: Error, now: Instant) {
        self.keepalive_failed(used, Tolerance::RefusedKeepAlive, error, now);
    }

    pub(super) fn keepalive_unanswered(&mut self, used: KeepAliveMethod, error: Error, now: Instant) {
        self.keepalive_failed(used, Tolerance::UnansweredKeepAlive, error, now);
    }

    /// Only the method changes, and is tried at once: half the server's patience is gone.
    fn keepalive_failed(&mut self, used: KeepAliveMethod, tolerance: Tolerance, error: Error, now: Instant) {
        self.stats.failed_keepalives += 1;
        if !self.reading.tolerates(tolerance) {
            return self.fail(error);
        }
        if used == KeepAliveMethod::GetParameter {
            self.learned.keepalive = KeepAliveMethod::Options;
            self.emit(Event::KeepAliveChanged);
            self.send(Step::KeepAlive(KeepAliveMethod::Options), Attempt::First, now);
        } else {
            self.advance(now);
        }
    }

    /// The server hung up on a keepalive: the next session tries the other method (Q40).
    pub(super) fn keepalive_killed(&mut self, used: KeepAliveMethod) {
        self.learned.keepalive = used.other();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keepalives_come_well_before_the_timeout_and_never_in_a_flood() {
        let cases = [
            (60, 30_000),
            (20, 10_000),
            (8, 3_000),
            (5, 500),
            (1, 500),
            (0, 500),
            (4_000_000, 60_000),
        ];
        for (timeout, expected) in cases {
            assert_eq!(
                interval(Some(Duration::from_secs(timeout))),
                Duration::from_millis(expected),
                "timeout {timeout} s"
            );
        }
        assert_eq!(interval(None), Duration::from_secs(30));
    }
}
