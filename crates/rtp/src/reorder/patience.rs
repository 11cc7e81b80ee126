//! How long to wait for a missing packet: twice as long as others lately were late.

use super::ReorderConfig;
use crate::ids::SequenceNumber;
use std::time::{Duration, Instant};

/// How much of what was learned is forgotten with each event, as a divisor. Slowly: what a gap is waited for too long
/// delays nothing that can be shown, and what it is waited for too short is a picture and all that refers to it. With 16,
/// a network that loses ten packets for each that it delays by up to 60 ms had 171 of 600 such packets given up; with
/// 256, one.
const FORGETTING: u32 = 256;

/// How many times the lateness is waited for: the next overtaken packet may be later than those before it.
const MARGIN: u32 = 2;

/// Learns from packets that were overtaken, and from gaps that stayed.
#[derive(Debug)]
pub(super) struct Patience {
    /// By how much overtaken packets came after the first that overtook them: the greatest lately.
    lateness: Duration,
    given_up: Option<GivenUp>,
}

/// The gap that was given up last: its packets may yet show how long would have been enough.
#[derive(Debug)]
struct GivenUp {
    first: SequenceNumber,
    missing: u16,
    seen: Instant,
}

impl Patience {
    /// Nothing is known yet: as patient as may be.
    pub(super) fn new(config: &ReorderConfig) -> Self {
        Self {
            lateness: config.max_delay / MARGIN,
            given_up: None,
        }
    }

    pub(super) fn delay(&self, config: &ReorderConfig) -> Duration {
        self.lateness
            .saturating_mul(MARGIN)
            .max(config.min_delay)
            .min(config.max_delay)
    }

    /// A packet filled its place at `now`; the first that overtook it had come at `overtaken`.
    pub(super) fn on_overtaken(&mut self, overtaken: Instant, now: Instant, config: &ReorderConfig) {
        let lateness = now.saturating_duration_since(overtaken);
        // What no delay that is allowed would have caught teaches nothing.
        if lateness <= config.max_delay {
            self.forget();
            self.lateness = self.lateness.max(lateness);
        }
    }

    /// The gap of `missing` packets from `first` on, seen at `seen`, was given up.
    pub(super) fn on_given_up(&mut self, first: SequenceNumber, missing: u16, seen: Instant) {
        self.forget();
        self.given_up = Some(GivenUp { first, missing, seen });
    }

    /// A packet came after it had been given up.
    pub(super) fn on_late(&mut self, sequence: SequenceNumber, now: Instant, config: &ReorderConfig) {
        let gap = self
            .given_up
            .as_ref()
            .filter(|gap| sequence.0.wrapping_sub(gap.first.0) < gap.missing);
        if let Some(seen) = gap.map(|gap| gap.seen) {
            self.on_overtaken(seen, now, config);
        }
    }

    /// The sequence goes on somewhere else.
    pub(super) fn forget_gap(&mut self) {
        self.given_up = None;
    }

    fn forget(&mut self) {
        self.lateness -= self.lateness / FORGETTING;
    }
}
