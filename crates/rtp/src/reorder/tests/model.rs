//! The buffer's rules all at once, against a naive model and against its own promises.

use super::*;
use crate::test_support::Random;
use std::collections::BTreeMap;
use std::ops::Range;

/// What the buffer should do, on sequence numbers that do not wrap, with no thought for cost.
struct Model {
    config: ReorderConfig,
    /// The next to come out.
    expected: u64,
    delivered: Vec<u64>,
    lost: u64,
    dropped: u64,
    /// With their arrival in milliseconds.
    held: BTreeMap<u64, u64>,
    /// The greatest lately, in nanoseconds.
    lateness: u64,
    /// The gap that was given up last, and when it was seen.
    given_up: (Range<u64>, u64),
}

impl Model {
    fn push(&mut self, millis: u64, sequence: u64) {
        let overtaken = self.held.range(sequence..).map(|(_, arrival)| *arrival).min();
        if self.held.contains_key(&sequence) || self.delivered.binary_search(&sequence).is_ok() {
            self.dropped += 1;
        } else if sequence < self.expected {
            self.dropped += 1;
            if self.given_up.0.contains(&sequence) {
                self.learn(millis - self.given_up.1);
            }
        } else {
            if let Some(overtaken) = overtaken {
                self.learn(millis - overtaken);
            }
            self.held.insert(sequence, millis);
        }
        self.release(millis);
    }

    fn learn(&mut self, lateness: u64) {
        if Duration::from_millis(lateness) <= self.config.max_delay {
            self.lateness -= self.lateness / 256;
            self.lateness = self.lateness.max(lateness * 1_000_000);
        }
    }

    fn delay(&self) -> Duration {
        Duration::from_nanos(2 * self.lateness).clamp(self.config.min_delay, self.config.max_delay)
    }

    fn release(&mut self, millis: u64) {
        while let Some((&first, _)) = self.held.first_key_value() {
            let oldest = *self.held.values().min().unwrap();
            let overdue = Duration::from_millis(millis - oldest) >= self.delay();
            let full = self.held.len() >= self.config.max_packets;
            if first > self.expected && self.config.loss == GapPolicy::Wait {
                if !overdue && !full {
                    return;
                }
                self.lateness -= self.lateness / 256;
                self.given_up = (self.expected..first, oldest);
            }
            self.held.pop_first();
            self.lost += first - self.expected;
            self.delivered.push(first);
            self.expected = first + 1;
        }
    }
}

/// A seeded network: loses, delays and doubles packets. Arrival in milliseconds, and sequence number; in order of
/// arrival, no packet displaced beyond what counts as a restart.
fn arrivals(random: &mut Random, packets: u64) -> Vec<(u64, u64)> {
    let loss = random.below(200);
    let spread = 1 + random.below(60);
    let first = 60_000 + random.below(10_000);
    let mut arrivals = vec![(0, first)];
    for index in 1..packets {
        if random.below(1000) >= loss {
            arrivals.push((index + random.below(spread), first + index));
        }
        if random.below(100) < 3 {
            arrivals.push((index + random.below(spread), first + index));
        }
    }
    arrivals.sort_by_key(|(millis, _)| *millis);
    arrivals
}

#[test]
fn it_does_what_the_naive_model_does() {
    for seed in 0..300 {
        let mut random = Random::new(seed);
        let config = ReorderConfig {
            max_delay: Duration::from_millis(20 + random.below(60)),
            min_delay: Duration::from_millis(random.below(20)),
            max_packets: 1 + usize::try_from(random.below(40)).unwrap(),
            loss: if random.below(4) == 0 {
                GapPolicy::Immediate
            } else {
                GapPolicy::Wait
            },
            policy: Policy::default(),
        };
        let arrivals = arrivals(&mut random, 1_000);
        let first = arrivals[0].1;
        let mut model = Model {
            config,
            expected: first,
            delivered: Vec::new(),
            lost: 0,
            dropped: 0,
            held: BTreeMap::new(),
            lateness: u64::try_from(config.max_delay.as_nanos()).unwrap() / 2,
            given_up: (0..0, 0),
        };
        let mut receiver = Receiver::new(config);
        let (mut sequence, mut lost) = (first - 1, 0);
        let mut clock = 0;
        let mut delivered = Vec::new();
        for (millis, pushed) in arrivals {
            let mut out = Vec::new();
            // The timer rings in time, every millisecond that it asks for.
            for tick in clock..millis {
                model.release(tick);
                if receiver
                    .buffer
                    .wake_at()
                    .is_some_and(|wake| wake <= receiver.at(tick))
                {
                    out.extend(receiver.wait_until(tick));
                }
                assert_eq!(
                    (receiver.buffer.held.len(), receiver.buffer.delay()),
                    (model.held.len(), model.delay()),
                    "seed {seed}, {tick} ms"
                );
            }
            clock = millis;
            model.push(millis, pushed);
            out.extend(receiver.push(millis, SSRC, u16::try_from(pushed % 65_536).unwrap()));
            for (wire, lost_before, resynchronized) in out {
                assert!(!resynchronized, "seed {seed}");
                sequence += u64::from(lost_before) + 1;
                lost += u64::from(lost_before);
                assert_eq!(
                    u64::from(wire),
                    sequence % 65_536,
                    "seed {seed}: out of order, or counted wrongly"
                );
                delivered.push(sequence);
            }
            assert!(receiver.buffer.held.len() < config.max_packets, "seed {seed}");
        }
        let stats = receiver.buffer.stats();
        assert_eq!(delivered, model.delivered, "seed {seed}");
        assert_eq!((stats.lost, lost), (model.lost, model.lost), "seed {seed}");
        assert_eq!(stats.duplicates + stats.late, model.dropped, "seed {seed}");
        assert_eq!(
            stats.delivered + stats.lost,
            sequence - first + 1,
            "seed {seed}: the span"
        );
    }
}

/// Anything at all, drained or not: no panic, and the promises of the type's documentation.
#[test]
fn its_promises_hold_whatever_is_pushed() {
    for seed in 0..200 {
        let mut random = Random::new(seed);
        let loss = if seed % 3 == 0 {
            GapPolicy::Immediate
        } else {
            GapPolicy::Wait
        };
        let config = ReorderConfig {
            max_packets: 8,
            loss,
            ..ReorderConfig::default()
        };
        let mut receiver = Receiver::new(config);
        let (mut base, mut pushed, mut last) = (0_u16, 0, None::<(Ssrc, u16)>);
        for millis in 0..3_000 {
            let sequence = match random.below(40) {
                0 => u16::try_from(random.below(65_536)).unwrap(),
                1 => base.wrapping_sub(u16::try_from(random.below(200)).unwrap()),
                2 => base.wrapping_add(u16::try_from(random.below(5_000)).unwrap()),
                3 => {
                    base = u16::try_from(random.below(65_536)).unwrap();
                    base
                }
                _ => base.wrapping_add(u16::try_from(random.below(3)).unwrap()),
            };
            base = base.wrapping_add(1);
            let ssrc = if random.below(50) == 0 { 8 } else { SSRC };
            let bytes = packet_bytes(ssrc, sequence, 0, b"");
            let now = receiver.at(millis);
            let mut check = |ordered: Ordered<'_>| {
                let this = (ordered.packet.ssrc(), ordered.packet.sequence_number().0);
                if let (Some((ssrc, sequence)), false) = (last, ordered.resynchronized) {
                    let skipped = u16::try_from(ordered.lost_before).unwrap();
                    assert_eq!(
                        this,
                        (ssrc, sequence.wrapping_add(skipped + 1)),
                        "seed {seed}, {millis} ms"
                    );
                }
                last = Some(this);
            };
            pushed += 1;
            if let Pushed::InOrder(ordered) = receiver.buffer.push(now, Packet::parse(&bytes).unwrap()) {
                check(ordered);
            }
            // Drained as it should be, mostly; sometimes in part, sometimes not at all.
            let pops = [0, 1, usize::MAX][usize::try_from(random.below(12).min(2)).unwrap()];
            for _ in 0..pops {
                let Some(ordered) = receiver.buffer.pop_held(now) else {
                    break;
                };
                check(ordered);
            }
            let held = receiver.buffer.held.len() + receiver.buffer.candidates.len();
            assert!(
                held <= config.max_packets + COHERENT_PACKETS,
                "seed {seed}: {held}"
            );
            let stats = receiver.buffer.stats();
            let accounted =
                stats.delivered + stats.duplicates + stats.late + stats.discarded + stats.undrained;
            assert_eq!(stats.refused, 0);
            assert_eq!(
                accounted + u64::try_from(held).unwrap(),
                pushed,
                "seed {seed}, {millis} ms: {stats:?}"
            );
        }
        assert!(
            receiver.buffer.stats().resynchronizations > 0,
            "seed {seed}: no restart was tried"
        );
    }
}
