//! One request on its way: what it asks, and how long it may take.

use std::time::{Duration, Instant};

use super::SetUpRequest;
use super::error::Awaited;
use super::keepalive::KeepAliveMethod;
use crate::{Method, RtspUrl};

/// Something that the session has to ask for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Step {
    /// Sent before DESCRIBE only to a camera that hung up without it (Q113).
    Options,
    Describe,
    SetUp {
        media: usize,
        url: RtspUrl,
        request: SetUpRequest,
    },
    Play,
    Pause,
    KeepAlive(KeepAliveMethod),
    TearDown,
}

impl Step {
    pub(super) fn method(&self) -> Method {
        match self {
            Self::Options => Method::Options,
            Self::Describe => Method::Describe,
            Self::SetUp { .. } => Method::Setup,
            Self::Play => Method::Play,
            Self::Pause => Method::Pause,
            Self::KeepAlive(method) => method.method(),
            Self::TearDown => Method::Teardown,
        }
    }
}

/// A request that is waited for; there is never more than one.
#[derive(Debug)]
pub(super) struct Exchange {
    pub(super) step: Step,
    pub(super) attempt: Attempt,
    pub(super) cseq: u32,
    pub(super) patience: Duration,
    /// `None` if the caller's patience reaches past the end of time.
    pub(super) deadline: Option<Instant>,
}

impl Exchange {
    pub(super) fn awaited(&self) -> Awaited {
        Awaited {
            method: self.step.method(),
            cseq: self.cseq,
        }
    }
}

/// How often the step has been asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Attempt {
    First,
    /// Again, because the one before was answered with 401.
    AfterUnauthorized,
}
