//! What loss costs: a camera that numbers its pictures, a link that does to its packets what networks do, and
//! `ingest::camera` at the other end, in simulated time. An oracle that knows what was sent and what arrived says what
//! has to come out.
//!
//! - No access unit comes out that differs by a byte from what was sent, or that lacks what it refers to.
//! - Every whole IDR picture comes out, and with it every picture up to the next loss.
//! - Every packet and every access unit is in exactly one of the counts.
//! - No more packets wait than the reorder buffer's limit.

mod cells;
mod link;
mod oracle;
mod peer;
mod random;
mod receiver;
mod source;

use std::fmt;
use std::time::{Duration, Instant};

use throughline_h264::Packetizer;
use throughline_ingest::{AccessUnit, CameraStats, DroppedPictures, TransportPolicy};
use throughline_rtp::{PacketHeader, PayloadType, ReorderConfig, RtpTimestamp, SequenceNumber, Ssrc};

pub use cells::CELLS;
pub use link::Faults;
pub use source::{Front, Stream};

use link::{Arrival, Link};
use oracle::{InOrder, Remains, Verdict, Viewer};
use receiver::Receiver;

/// Bytes of an RTP payload: small, so that small pictures have several.
const MAX_PAYLOAD: usize = 300;

/// From one packet of a picture to the next.
const PACING: Duration = Duration::from_micros(100);

/// Soon wraps.
const FIRST_SEQUENCE: u16 = 65_000;

/// Wraps after a minute.
const FIRST_TIMESTAMP: u32 = u32::MAX - 60 * 90_000;

/// One combination of a stream, a transport and a link.
#[derive(Clone, Copy, Debug)]
pub struct Cell {
    /// What the table calls it.
    pub name: &'static str,
    /// How packets travel. Over TCP nothing is reordered, and what is missing was dropped by the camera (Q90).
    pub transport: TransportPolicy,
    /// What is sent.
    pub stream: Stream,
    /// What happens to it.
    pub faults: Faults,
}

/// What happened in a [`Cell`].
#[derive(Clone, Copy, Debug, Default)]
pub struct Outcome {
    /// Access units sent.
    pub units: u32,
    /// Of them, those that came out.
    pub delivered: u64,
    /// Those that came in part, or as a whole but without what they refer to.
    pub withheld: DroppedPictures,
    /// Those of which no slice came.
    pub unseen: u64,
    /// Of the withheld ones, those that a receiver who knows what was lost could have shown.
    pub withheld_in_doubt: u64,
    /// Packets sent.
    pub packets: u64,
    /// Packets cut off by the link.
    pub truncated: u64,
    /// What the receiver counted.
    pub stats: CameraStats,
    /// The most packets that waited at once.
    pub most_waiting: u64,
}

/// What should not have happened.
#[derive(Debug)]
pub struct Violation(String);

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Violation {}

/// Sends `units` access units through `cell`.
///
/// # Errors
///
/// The first promise that was not kept.
pub fn run(cell: &Cell, units: u32, seed: u64) -> Result<Outcome, Violation> {
    let mut simulation = Simulation::new(cell, seed)?;
    for number in 0..units {
        simulation.send(number)?;
    }
    simulation.finish(units)
}

/// An access unit that was sent.
#[derive(Clone, Copy, Debug)]
struct Sent {
    first_packet: usize,
    packets: usize,
    /// Those before the first with a slice in it.
    front: usize,
}

struct Simulation<'a> {
    cell: &'a Cell,
    now: Instant,
    next_picture: Instant,
    link: Link,
    receiver: Receiver,
    in_order: InOrder,
    sent: Vec<Sent>,
    /// Packets sent.
    packets: usize,
    /// Numbers of the access units that came out.
    delivered: Vec<u32>,
    most_waiting: u64,
    scratch: Vec<u8>,
}

impl<'a> Simulation<'a> {
    fn new(cell: &'a Cell, seed: u64) -> Result<Self, Violation> {
        let now = Instant::now();
        let receiver =
            Receiver::new(now, cell.transport, seed).map_err(|error| Violation(error.to_string()))?;
        let max_delay = match cell.transport {
            TransportPolicy::Udp => ReorderConfig::default().max_delay,
            _ => Duration::ZERO,
        };
        Ok(Simulation {
            cell,
            now,
            next_picture: now + source::INTERVAL,
            link: Link::new(cell.faults, seed),
            receiver,
            in_order: InOrder::new(max_delay),
            sent: Vec::new(),
            packets: 0,
            delivered: Vec::new(),
            most_waiting: 0,
            scratch: Vec::new(),
        })
    }

    /// Sends an access unit, after everything that arrives before it.
    fn send(&mut self, number: u32) -> Result<(), Violation> {
        self.run_to(self.next_picture)?;
        let mut access_unit = std::mem::take(&mut self.scratch);
        self.cell.stream.write(number, &mut access_unit);
        let first_packet = self.packets;
        let mut front = 0;
        for fragment in Packetizer::new(MAX_PAYLOAD).packetize(&access_unit) {
            let at =
                self.next_picture + PACING * u32::try_from(self.packets - first_packet).unwrap_or_default();
            let mut packet = Vec::with_capacity(12 + fragment.len());
            PacketHeader {
                payload_type: PayloadType(96),
                marker: fragment.is_last,
                sequence_number: sequence_number(self.packets),
                timestamp: RtpTimestamp(FIRST_TIMESTAMP.wrapping_add(number * source::TICKS)),
                ssrc: Ssrc(0x1055),
            }
            .write(&mut packet);
            fragment.write(&mut packet);
            front += usize::from(!holds_slice(packet.get(12..).unwrap_or_default()));
            self.link.send(at, self.packets, packet);
            self.packets += 1;
        }
        self.sent.push(Sent {
            first_packet,
            packets: self.packets - first_packet,
            front,
        });
        self.scratch = access_unit;
        self.next_picture += source::INTERVAL;
        Ok(())
    }

    /// Lets arrive what arrives up to `until`.
    fn run_to(&mut self, until: Instant) -> Result<(), Violation> {
        while let Some(arrival) = self.link.next(Some(until)) {
            self.keep_appointments(arrival.at)?;
            self.arrive(&arrival)?;
        }
        self.keep_appointments(until)
    }

    fn keep_appointments(&mut self, until: Instant) -> Result<(), Violation> {
        while let Some(at) = self.receiver.wake_at(until) {
            self.now = self.now.max(at);
            self.receiver.handle_timeout(self.now);
            self.collect()?;
            let moves_on = self.receiver.wake_at(self.now).is_none();
            ensure(moves_on, || "an appointment that does not move".to_owned())?;
        }
        self.now = self.now.max(until);
        Ok(())
    }

    fn arrive(&mut self, arrival: &Arrival) -> Result<(), Violation> {
        if let Some(packet) = arrival.packet {
            self.in_order.arrives(self.now, packet);
        }
        self.receiver.handle_rtp(self.now, &arrival.bytes);
        self.collect()
    }

    /// Takes what came out, and compares it with what was sent, and what waits with what has to.
    fn collect(&mut self) -> Result<(), Violation> {
        let settled = self.in_order.settle(self.now, self.receiver.stats().lost);
        settled.map_err(Violation)?;
        let waiting = self.receiver.stats().waiting;
        self.most_waiting = self.most_waiting.max(waiting);
        let (expected, limit) = (self.in_order.waiting(), ReorderConfig::default().max_packets);
        ensure(waiting == expected as u64 && expected <= limit, || {
            format!("{waiting} packets wait in place of {expected}, of {limit} that may")
        })?;
        let stream = &self.cell.stream;
        for picture in self.receiver.pictures() {
            let number = expect_as_sent(stream, &picture, &mut self.scratch)?;
            let in_order = self.delivered.last().is_none_or(|last| *last < number);
            ensure(in_order, || {
                format!("access unit {number} came out late or twice")
            })?;
            self.delivered.push(number);
        }
        Ok(())
    }

    fn finish(mut self, units: u32) -> Result<Outcome, Violation> {
        while let Some(arrival) = self.link.next(None) {
            self.keep_appointments(arrival.at)?;
            self.arrive(&arrival)?;
        }
        // What is still held comes out at the end of it.
        self.keep_appointments(self.now + ReorderConfig::default().max_delay)?;
        self.receiver.close(self.now);
        self.collect()?;
        let ended = self.receiver.ended();
        ensure(matches!(ended, Some(Ok(()))), || {
            format!("it did not end well: {ended:?}")
        })?;

        let mut outcome = Outcome {
            units,
            delivered: self.delivered.len() as u64,
            withheld: self.receiver.stats().dropped,
            packets: self.packets as u64,
            truncated: self.link.truncated,
            stats: self.receiver.stats(),
            most_waiting: self.most_waiting,
            ..Outcome::default()
        };
        self.expect_the_right_pictures(&mut outcome)?;
        self.expect_the_right_counts(&outcome)?;
        Ok(outcome)
    }

    fn expect_the_right_pictures(&self, outcome: &mut Outcome) -> Result<(), Violation> {
        let mut viewer = Viewer::default();
        let mut delivered = self.delivered.iter().copied().peekable();
        for (number, sent) in (0..).zip(&self.sent) {
            let came_out = |packet: usize| self.in_order.came_out(sent.first_packet + packet);
            outcome.unseen += u64::from(!(sent.front..sent.packets).any(came_out));
            let verdict = viewer.judge(Remains {
                kind: self.cell.stream.kind(number),
                whole: (0..sent.packets).all(came_out),
                has_both_ends: [0, sent.front, sent.packets - 1].into_iter().all(came_out),
            });
            let was_delivered = delivered.next_if_eq(&number).is_some();
            match verdict {
                Verdict::Must => ensure(was_delivered, || {
                    format!("access unit {number} is whole and did not come out")
                })?,
                Verdict::May => outcome.withheld_in_doubt += u64::from(!was_delivered),
                Verdict::MustNot => ensure(!was_delivered, || {
                    format!("access unit {number} lacks something and came out")
                })?,
            }
        }
        Ok(())
    }

    fn expect_the_right_counts(&self, outcome: &Outcome) -> Result<(), Violation> {
        let stats = &outcome.stats;
        let Outcome {
            delivered, unseen, ..
        } = *outcome;
        let withheld = outcome.withheld.total();
        let counts = [
            (
                "access units",
                delivered + withheld + unseen,
                u64::from(outcome.units),
            ),
            ("access units given out", stats.access_units, delivered),
            ("packets lost", stats.lost, self.in_order.lost),
            ("packets late", stats.late, self.in_order.late),
            ("packets twice", stats.duplicates, self.in_order.duplicates),
            ("packets out of order", stats.reordered, self.in_order.reordered),
            ("packets cut off", stats.malformed, outcome.truncated),
            ("packets foreign", stats.foreign, 0),
            ("payloads unreadable", stats.unreadable_payloads, 0),
        ];
        for (what, counted, expected) in counts {
            ensure(counted == expected, || {
                format!("{what}: {counted} counted, {expected} expected")
            })?;
        }
        Ok(())
    }
}

/// The number of `picture`, which is that access unit byte for byte.
fn expect_as_sent(stream: &Stream, picture: &AccessUnit, scratch: &mut Vec<u8>) -> Result<u32, Violation> {
    let number = source::number_of(&picture.data);
    let number =
        number.ok_or_else(|| Violation(format!("{} bytes without a number came out", picture.data.len())))?;
    stream.write(number, scratch);
    ensure(picture.data == *scratch, || {
        format!("access unit {number} is not what was sent")
    })?;
    let is_idr = stream.kind(number) == source::Kind::Idr;
    ensure(picture.is_idr == is_idr, || {
        format!("access unit {number} is taken for another kind")
    })?;
    Ok(number)
}

fn sequence_number(packet: usize) -> SequenceNumber {
    let [.., high, low] = packet.to_be_bytes();
    SequenceNumber(FIRST_SEQUENCE.wrapping_add(u16::from_be_bytes([high, low])))
}

/// Whether a payload holds a slice or a part of one.
fn holds_slice(payload: &[u8]) -> bool {
    matches!(payload.first().map(|byte| byte & 0x1f), Some(1 | 5 | 28))
}

fn ensure(kept: bool, violation: impl FnOnce() -> String) -> Result<(), Violation> {
    if kept { Ok(()) } else { Err(Violation(violation())) }
}
