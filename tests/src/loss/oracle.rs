//! What the receiver should do, told in the plainest way from what arrives.

use std::collections::BTreeMap;
use std::ops::RangeInclusive;
use std::time::{Duration, Instant};

use super::source::Kind;

/// No packet is given up sooner, so that what a network overtakes by less is never lost.
const MIN_DELAY: Duration = Duration::from_millis(20);

/// Packets in the order of sequence: what the reorder buffer promises, without its economies. Sequence numbers here are
/// the packets' places in what was sent.
#[derive(Debug)]
pub(super) struct InOrder {
    /// How long a gap may be waited for.
    delays: RangeInclusive<Duration>,
    expected: Option<usize>,
    /// With the arrival.
    waiting: BTreeMap<usize, Instant>,
    /// Whether each packet sent so far came out.
    came_out: Vec<bool>,
    /// Packets given up.
    pub(super) lost: u64,
    /// Packets that had to wait.
    pub(super) reordered: u64,
    pub(super) duplicates: u64,
    pub(super) late: u64,
}

impl InOrder {
    /// Where nothing overtakes, `max_delay` is zero.
    pub(super) fn new(max_delay: Duration) -> Self {
        InOrder {
            delays: MIN_DELAY.min(max_delay)..=max_delay,
            expected: None,
            waiting: BTreeMap::new(),
            came_out: Vec::new(),
            lost: 0,
            reordered: 0,
            duplicates: 0,
            late: 0,
        }
    }

    /// A packet arrives; [`settle`](Self::settle) is called next.
    pub(super) fn arrives(&mut self, now: Instant, packet: usize) {
        let expected = *self.expected.get_or_insert(packet);
        if self.came_out(packet) || self.waiting.contains_key(&packet) {
            self.duplicates += 1;
        } else if packet < expected {
            self.late += 1;
        } else {
            self.reordered += u64::from(packet > expected && !self.delays.end().is_zero());
            self.waiting.insert(packet, now);
        }
    }

    /// Lets out what waits no longer. How long a gap is waited for is the receiver's choice, within bounds: it has given
    /// up `lost` packets by now. Fails where that breaks a bound.
    pub(super) fn settle(&mut self, now: Instant, lost: u64) -> Result<(), String> {
        while let Some((&packet, _)) = self.waiting.first_key_value() {
            let gap = packet - self.expected.unwrap_or(packet);
            let oldest = self.waiting.values().min();
            let waited = oldest.map_or(Duration::ZERO, |oldest| now.saturating_duration_since(*oldest));
            if gap > 0 && self.lost + gap as u64 > lost {
                // At the very end of it the receiver's timer is about to fire.
                if waited > *self.delays.end() {
                    return Err(format!("packet {packet} is still held after {waited:?}"));
                }
                break;
            }
            if gap > 0 && waited < *self.delays.start() {
                return Err(format!(
                    "what is missing before packet {packet} is given up after {waited:?}"
                ));
            }
            self.lost += gap as u64;
            self.waiting.remove(&packet);
            self.came_out.resize(packet, false);
            self.came_out.push(true);
            self.expected = Some(packet + 1);
        }
        if self.lost != lost {
            return Err(format!("{lost} packets are counted as lost, {} are", self.lost));
        }
        Ok(())
    }

    pub(super) fn came_out(&self, packet: usize) -> bool {
        self.came_out.get(packet).copied().unwrap_or(false)
    }

    /// Packets that wait.
    pub(super) fn waiting(&self) -> usize {
        self.waiting.len()
    }
}

/// What came out of the packets of one access unit.
#[derive(Clone, Copy, Debug)]
pub(super) struct Remains {
    pub(super) kind: Kind,
    pub(super) whole: bool,
    /// The first packet came out, the first with a slice, and the last one, so that what is missing is this access unit's
    /// beyond doubt.
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
