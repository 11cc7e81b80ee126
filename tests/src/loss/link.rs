//! The network: what it does to packets, in simulated time.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::time::{Duration, Instant};

use super::random::Random;

/// From one end to the other, where nothing delays.
const LATENCY: Duration = Duration::from_millis(2);

/// What goes wrong. Shares are in packets of a thousand.
#[derive(Clone, Copy, Debug, Default)]
pub struct Faults {
    /// Lost on average.
    pub loss: u32,
    /// Packets that are lost in a row, on average (the model of Gilbert and Elliott, everything lost in its bad
    /// state); 0 and 1 for losses that know nothing of each other.
    pub burst: u32,
    /// Delayed so that others overtake them.
    pub reordered: u32,
    /// By at most so much; the receiver waits 100 ms at most.
    pub reordered_by: Duration,
    /// Arriving twice.
    pub duplicated: u32,
    /// Cut off within their RTP header. What is cut further behind is not seen in simulation, for no receiver of
    /// RTP could: that is for the checksum of UDP.
    pub truncated: u32,
    /// The delay of the others changes by up to so much, and keeps their order.
    pub jitter: Duration,
}

/// What comes out at the other end.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Arrival {
    pub(super) at: Instant,
    /// In the order of sending, so that what arrives at one time keeps it.
    order: u64,
    /// Which packet it is: none if it was cut off.
    pub(super) packet: Option<usize>,
    pub(super) bytes: Vec<u8>,
}

#[derive(Debug)]
pub(super) struct Link {
    faults: Faults,
    random: Random,
    is_bad: bool,
    under_way: BinaryHeap<Reverse<Arrival>>,
    /// When the last packet that keeps its order arrives.
    latest: Option<Instant>,
    sent: u64,
    pub(super) truncated: u64,
}

impl Link {
    pub(super) fn new(faults: Faults, seed: u64) -> Self {
        Link {
            faults,
            random: Random::new(seed),
            is_bad: false,
            under_way: BinaryHeap::new(),
            latest: None,
            sent: 0,
            truncated: 0,
        }
    }

    pub(super) fn send(&mut self, at: Instant, packet: usize, mut bytes: Vec<u8>) {
        if self.loses() {
            return;
        }
        let mut packet = Some(packet);
        if self.random.happens(self.faults.truncated) {
            bytes.truncate(self.below(11));
            packet = None;
            self.truncated += 1;
        }
        let mut arrival = at + LATENCY + self.up_to(self.faults.jitter);
        if self.random.happens(self.faults.reordered) {
            arrival += self.up_to(self.faults.reordered_by);
        } else {
            arrival = self.latest.map_or(arrival, |latest| latest.max(arrival));
            self.latest = Some(arrival);
        }
        if packet.is_some() && self.random.happens(self.faults.duplicated) {
            let again = arrival + self.up_to(Duration::from_millis(20));
            self.put(again, packet, bytes.clone());
        }
        self.put(arrival, packet, bytes);
    }

    /// What arrives next, up to `until`.
    pub(super) fn next(&mut self, until: Option<Instant>) -> Option<Arrival> {
        let Reverse(first) = self.under_way.peek()?;
        if until.is_some_and(|until| first.at > until) {
            return None;
        }
        self.under_way.pop().map(|Reverse(arrival)| arrival)
    }

    fn put(&mut self, at: Instant, packet: Option<usize>, bytes: Vec<u8>) {
        let order = self.sent;
        self.sent += 1;
        self.under_way.push(Reverse(Arrival {
            at,
            order,
            packet,
            bytes,
        }));
    }

    fn loses(&mut self) -> bool {
        let Faults { loss, burst, .. } = self.faults;
        if burst < 2 {
            return self.random.happens(loss);
        }
        // Leaves the bad state once in `burst` packets, and enters it so often that the share of losses is right.
        let turns = if self.is_bad {
            self.random.below(u64::from(burst)) == 0
        } else {
            self.random.below(u64::from(burst * (1000 - loss))) < u64::from(loss)
        };
        self.is_bad ^= turns;
        self.is_bad
    }

    fn up_to(&mut self, limit: Duration) -> Duration {
        let micros = u64::try_from(limit.as_micros()).unwrap_or(u64::MAX);
        Duration::from_micros(self.random.below(micros.saturating_add(1)))
    }

    fn below(&mut self, limit: u64) -> usize {
        usize::try_from(self.random.below(limit)).unwrap_or_default()
    }
}
