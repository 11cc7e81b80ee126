//! What the receiver should do, told in the plainest way from what arrives.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use super::source::Kind;

/// Packets in the order of sequence: what the reorder buffer promises, without its economies. Sequence numbers here are
/// the packets' places in what was sent.
#[derive(Debug, Default)]
pub(super) struct InOrder {
    max_delay: Duration,
    expected: Option<usize>,
    first: usize,
    /// With the arrival.
    waiting: BTreeMap<usize, Instant>,
    /// Whether each packet sent so far came out.
    came_out: Vec<bool>,
    /// Packets that had to wait.
    pub(super) reordered: u64,
    pub(super) duplicates: u64,
    pub(super) late: u64,
}

impl InOrder {
    pub(super) fn new(max_delay: Duration) -> Self {
        InOrder {
            max_delay,
            ..InOrder::default()
        }
    }

    pub(super) fn arrives(&mut self, now: Instant, packet: usize) {
        let expected = *self.expected.get_or_insert_with(|| {
            self.first = packet;
            packet
        });
        if packet < expected {
            if self.came_out(packet) {
                self.duplicates += 1;
            } else {
                self.late += 1;
            }
        } else if self.waiting.contains_key(&packet) {
            self.duplicates += 1;
        } else {
            let waits = packet > expected && self.max_delay > Duration::ZERO;
            self.reordered += u64::from(waits);
            self.waiting.insert(packet, now);
        }
        self.time_passes(now);
    }

    /// Lets out what waits no longer.
    pub(super) fn time_passes(&mut self, now: Instant) {
        while let Some((&packet, _)) = self.waiting.first_key_value() {
            let is_over = |since: &Instant| now.saturating_duration_since(*since) >= self.max_delay;
            if Some(packet) != self.expected && !self.waiting.values().any(is_over) {
                return;
            }
            self.waiting.remove(&packet);
            self.came_out.resize(packet, false);
            self.came_out.push(true);
            self.expected = Some(packet + 1);
        }
    }

    pub(super) fn came_out(&self, packet: usize) -> bool {
        self.came_out.get(packet).copied().unwrap_or(false)
    }

    /// Packets that wait.
    pub(super) fn waiting(&self) -> usize {
        self.waiting.len()
    }

    /// Packets between the first and the last that came out, which did not.
    pub(super) fn missing(&self) -> u64 {
        let span = self.came_out.get(self.first..).unwrap_or_default();
        span.iter().filter(|came_out| !**came_out).count() as u64
    }
}

/// What came out of the packets of one access unit.
#[derive(Clone, Copy, Debug)]
pub(super) struct Remains {
    pub(super) kind: Kind,
    pub(super) whole: bool,
    /// The first packet came out, the first with a slice, and the last one, so that what is missing is this access unit's beyond doubt.
    pub(super) has_both_ends: bool,
}

/// Which pictures a receiver may show, and which it has to.
#[derive(Debug, Default)]
pub(super) struct Viewer {
    /// Everything that the next picture may refer to has been whole.
    may_go_on: bool,
    /// And nothing is missing that could have been more than it was.
    must_go_on: bool,
}

/// What is to become of an access unit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// It is whole, and so is all that it refers to.
    Must,
    /// The same, but packets are missing before it of which nobody can tell what they were.
    May,
    /// It has a hole, or what it refers to.
    MustNot,
}

impl Viewer {
    pub(super) fn judge(&mut self, unit: Remains) -> Verdict {
        if unit.kind == Kind::Idr {
            self.may_go_on = unit.whole;
            self.must_go_on = unit.whole;
        }
        let verdict = match (unit.whole, self.may_go_on, self.must_go_on) {
            (true, _, true) => Verdict::Must,
            (true, true, false) => Verdict::May,
            _ => Verdict::MustNot,
        };
        if !unit.whole {
            let costs_nothing = unit.kind == Kind::Disposable;
            self.may_go_on &= costs_nothing;
            self.must_go_on &= costs_nothing && unit.has_both_ends;
        }
        verdict
    }
}
