//! By which method and how often a session is kept alive.

use std::time::Duration;

use crate::Method;
use crate::headers::Session;

/// However short the timeout a server claims, keepalives are no closer than this: a lie must not make us flood.
const SHORTEST_INTERVAL: Duration = Duration::from_millis(500);

/// However long the timeout a server claims, keepalives are no further apart: firewalls forget an idle connection too.
const LONGEST_INTERVAL: Duration = Duration::from_secs(60);

/// How much earlier than the timeout a keepalive must be on its way.
const MARGIN: Duration = Duration::from_secs(5);

/// By which method and how often a session is kept alive.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct KeepAlive {
    pub(super) method: KeepAliveMethod,
    pub(super) interval: Duration,
}

/// GET_PARAMETER first, whatever Public says: servers hide it though it works and list it though it does not, and OPTIONS
/// does not refresh every session (Q98). SET_PARAMETER is never used: it makes some servers hang up (Q40, Q97).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum KeepAliveMethod {
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
}

impl KeepAlive {
    /// For a server that has named no timeout yet.
    pub(super) fn new() -> Self {
        Self {
            method: KeepAliveMethod::GetParameter,
            interval: interval(Session::DEFAULT_TIMEOUT),
        }
    }

    pub(super) fn set_timeout(&mut self, timeout: Duration) {
        self.interval = interval(timeout);
    }
}

/// Half the timeout, and early enough for a long one (Q11).
fn interval(timeout: Duration) -> Duration {
    (timeout / 2)
        .min(timeout.saturating_sub(MARGIN))
        .clamp(SHORTEST_INTERVAL, LONGEST_INTERVAL)
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
            let mut keepalive = KeepAlive::new();
            keepalive.set_timeout(Duration::from_secs(timeout));
            assert_eq!(
                keepalive.interval,
                Duration::from_millis(expected),
                "timeout {timeout} s"
            );
        }
    }
}
