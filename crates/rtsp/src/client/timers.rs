//! When the session acts by itself.

use std::time::{Duration, Instant};

use super::exchange::{Attempt, Step};
use super::session::ClientSession;
use super::state::State;
use super::{Error, MESSAGE_PATIENCE};

/// How long TEARDOWN waits for its response: the session is over either way, and a program wants to end.
const TEARDOWN_PATIENCE: Duration = Duration::from_secs(2);

/// What the session waits for with a limit. The table in the [module's documentation](super) says how long each runs and
/// what follows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Timer {
    /// The response to the request that is under way.
    Response,
    /// The moment for the next keepalive.
    KeepAlive,
    /// The rest of a message or frame whose beginning has arrived.
    Rest,
}

impl ClientSession {
    /// The timer that runs out first.
    pub(super) fn next_timer(&self) -> Option<(Instant, Timer)> {
        let first = match &self.exchange {
            Some(exchange) => exchange.deadline.map(|at| (at, Timer::Response)),
            None => self.keepalive_at().map(|at| (at, Timer::KeepAlive)),
        };
        let rest = self
            .unfinished
            .filter(|_| self.state.is_connected())
            .and_then(|since| since.checked_add(MESSAGE_PATIENCE))
            .map(|at| (at, Timer::Rest));
        match (first, rest) {
            (Some(first), Some(rest)) => Some(if rest.0 < first.0 { rest } else { first }),
            (one, other) => one.or(other),
        }
    }

    /// Whether a timer has run out. All that is read at once comes at one time, for which it is worked out once.
    #[inline]
    pub(super) fn is_overdue(&mut self, now: Instant) -> bool {
        self.quiet_at != Some(now) && self.has_run_out(now)
    }

    #[inline(never)]
    fn has_run_out(&mut self, now: Instant) -> bool {
        let has_run_out = self.next_timer().is_some_and(|(at, _)| at <= now);
        self.quiet_at = Some(now).filter(|_| !has_run_out);
        has_run_out
    }

    /// The time that [`Output::Idle`](super::Output::Idle) named has come. Harmless when it has not.
    pub fn handle_timeout(&mut self, now: Instant) {
        while let Some((_, timer)) = self.next_timer().filter(|&(at, _)| at <= now) {
            match timer {
                Timer::Response => self.handle_silence(now),
                Timer::KeepAlive => {
                    self.send(Step::KeepAlive(self.learned.keepalive), Attempt::First, now);
                }
                Timer::Rest => self.fail(Error::Unfinished {
                    waited: MESSAGE_PATIENCE,
                    offset: self.offset,
                }),
            }
        }
    }

    /// Asks for a sign of life: a keepalive goes out now, unless a request is under way or there is nothing to keep alive.
    pub fn keep_alive(&mut self, now: Instant) {
        if self.exchange.is_none() && self.keepalive_at().is_some() {
            self.send(Step::KeepAlive(self.learned.keepalive), Attempt::First, now);
        }
    }

    /// How long a request waits for its response.
    pub(super) fn patience(&self, step: &Step) -> Duration {
        let limit = self.config.response_timeout;
        match step {
            Step::TearDown => limit.min(TEARDOWN_PATIENCE),
            // Soon enough for another method to come in time (Q98).
            Step::KeepAlive(_) => limit.min(self.keepalive_interval / 2),
            Step::Describe => self.config.describe_timeout.unwrap_or(limit),
            Step::Options | Step::SetUp { .. } | Step::Play | Step::Pause => limit,
        }
    }

    /// When a keepalive is due, counted from the last request. Media do not count: servers wait for requests.
    fn keepalive_at(&self) -> Option<Instant> {
        let is_held = match self.state {
            State::Playing | State::Paused => true,
            State::Described => self.session_id.is_some(),
            State::New | State::Connecting | State::Describing | State::TearingDown | State::Ended => false,
        };
        let last_sent = self.last_sent.filter(|_| is_held)?;
        last_sent.checked_add(self.keepalive_interval)
    }

    /// The request that is under way was not answered in time.
    fn handle_silence(&mut self, now: Instant) {
        let Some(exchange) = self.exchange.take() else {
            return;
        };
        self.abandoned = Some(exchange.cseq);
        let error = Error::Timeout {
            method: exchange.step.method(),
            cseq: exchange.cseq,
            waited: exchange.patience,
        };
        match exchange.step {
            Step::KeepAlive(method) => self.keepalive_unanswered(method, error, now),
            _ => self.fail(error),
        }
    }
}
