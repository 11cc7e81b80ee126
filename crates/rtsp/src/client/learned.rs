use std::time::{Duration, Instant};

use super::keepalive::KeepAliveMethod;

/// Between two warnings about one server: a camera that sends garbage for an hour fills no log.
const WARNING_INTERVAL: Duration = Duration::from_secs(60);

/// What a session has found out about its server, for the next session with the same URL and credentials: by
/// [`ClientSession::learned`](super::ClientSession::learned) into [`SessionConfig::learned`](super::SessionConfig::learned).
///
/// - Which method keeps a session alive (Q40): each attempt of the wrong one may cost a session.
/// - Whether OPTIONS has to come before DESCRIBE (Q113), which saves a connection.
/// - Whether the credentials were ever accepted, so that a camera that refuses them while asleep is told apart from a wrong
///   password (Q122).
/// - When it was last warned of, so that reconnecting does not make more of it than one warning a minute.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Learned {
    pub(super) keepalive: KeepAliveMethod,
    pub(super) opening: Opening,
    pub(super) credentials: Acceptance,
    warned: Option<Instant>,
}

/// What is asked first.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) enum Opening {
    #[default]
    Describe,
    /// OPTIONS, then DESCRIBE (Q113).
    Options,
}

/// Whether the credentials have opened the door.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) enum Acceptance {
    #[default]
    Unknown,
    Accepted,
}

impl Learned {
    /// Whether a warning is due, which counts as one.
    pub(super) fn may_warn(&mut self, now: Instant) -> bool {
        let is_due = self
            .warned
            .is_none_or(|last| now.saturating_duration_since(last) >= WARNING_INTERVAL);
        if is_due {
            self.warned = Some(now);
        }
        is_due
    }
}
