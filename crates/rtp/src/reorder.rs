//! The reorder buffer: packets in order of sequence, at once where they come so.

mod held;
mod patience;

use crate::ids::{SequenceNumber, Ssrc};
use crate::packet::Packet;
use crate::reception::{MAX_DROPOUT, MAX_MISORDER};
use crate::tolerance::{Policy, Reading, Tolerance, Tolerances};
use held::{HeldPacket, Pool, Queue};
use patience::Patience;
use std::time::{Duration, Instant};

/// How many packets in a row must agree with each other before a stream that continues somewhere else is believed
/// (Q86, Q89). One may be a stray; RFC 3550 A.1 takes two, and one more costs nothing because none is lost.
const COHERENT_PACKETS: usize = 3;

/// Limit of the bytes held behind a gap, whatever [`ReorderConfig::max_packets`] says: 100 ms at 160 Mbit/s.
/// It is what bounds memory when the packets are giants (64 KiB over TCP, Q145).
const MAX_HELD_BYTES: usize = 2 * 1024 * 1024;

/// What the sequence history remembers, in packets: enough for all that [`MAX_MISORDER`] lets pass as late.
type History = u128;
const _: () = assert!((MAX_MISORDER as u32) < History::BITS);

/// How a [`ReorderBuffer`] behaves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ReorderConfig {
    /// How long a packet may at most be held for one before it that is missing; how long it is, is measured
    /// ([`ReorderBuffer::delay`]). 100 ms: longer than what a local network or Wi-Fi reorders by, shorter than viewers
    /// notice. It delays nothing while nothing is missing; after a loss it is what the loss costs at worst.
    pub max_delay: Duration,
    /// How long a packet is held at least, whatever was measured. 20 ms: what a retransmission on Wi-Fi takes, and half
    /// of what a picture does. [`max_delay`](Self::max_delay) goes first where it is shorter.
    pub min_delay: Duration,
    /// How many packets may be held; at least 1 is taken. 512: 100 ms of a 4K camera at 40 Mbit/s, and some.
    /// When one more comes, the first gap is given up before its time.
    pub max_packets: usize,
    /// Whether there is a point in waiting at all.
    pub loss: GapPolicy,
    /// What may be followed: [`Tolerance::SsrcChange`] and [`Tolerance::SequenceRestart`].
    pub policy: Policy,
}

impl Default for ReorderConfig {
    fn default() -> Self {
        Self {
            max_delay: Duration::from_millis(100),
            min_delay: Duration::from_millis(20),
            max_packets: 512,
            loss: GapPolicy::Wait,
            policy: Policy::default(),
        }
    }
}

/// What a missing sequence number means.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum GapPolicy {
    /// UDP: the packet may still come.
    #[default]
    Wait,
    /// TCP: nothing overtakes there, so the camera dropped the packet before it sent it (Q90).
    Immediate,
}

/// A packet at its place in the stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ordered<'b> {
    /// The packet.
    pub packet: Packet<'b>,
    /// How many packets are missing right before it. Exact, but for one case: where the stream goes on somewhere
    /// else ([`resynchronized`](Self::resynchronized)) nobody can tell, and it is 1, so that what is cut there
    /// counts as damaged.
    pub lost_before: u32,
    /// The first packet of a new sequence: the camera has restarted or changed its encoder (Q86, Q89). Timestamps
    /// and sender reports from before have no relation to it; a depacketizer should end what it has begun.
    pub resynchronized: bool,
}

/// What became of a packet given to [`ReorderBuffer::push`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Pushed<'b> {
    /// It was next: here it is again, not copied.
    InOrder(Ordered<'b>),
    /// It was copied, to wait for those before it; [`ReorderBuffer::pop_held`] returns it.
    Held,
    /// It is of no use.
    Dropped(DropReason),
}

/// Why a packet was dropped.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum DropReason {
    /// Its sequence number was there already.
    Duplicate,
    /// It had been given up. Many of them say that [`ReorderConfig::max_delay`] is too short for this network.
    Late,
    /// It is far from the stream or of another source, and the policy refuses to follow.
    NotTolerated(Tolerance),
    /// No room: the caller has not called [`ReorderBuffer::pop_held`] until `None` after the last push.
    Undrained,
}

/// Counters of a [`ReorderBuffer`] since its creation. Each packet pushed is in exactly one of `delivered`,
/// `duplicates`, `late`, `refused`, `discarded` and `undrained`, or still held.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct ReorderStats {
    /// Packets that came out, in order.
    pub delivered: u64,
    /// Sequence numbers given up. What resynchronizing skipped is not known and not in here.
    pub lost: u64,
    /// Packets that were copied because they were not next.
    pub held: u64,
    /// Packets dropped as [`DropReason::Duplicate`].
    pub duplicates: u64,
    /// Packets dropped as [`DropReason::Late`].
    pub late: u64,
    /// Packets dropped as [`DropReason::NotTolerated`].
    pub refused: u64,
    /// Packets far from the stream that nothing followed up, and those held at a [`ReorderBuffer::reset`].
    pub discarded: u64,
    /// Packets dropped as [`DropReason::Undrained`].
    pub undrained: u64,
    /// How often the stream went on somewhere else.
    pub resynchronizations: u64,
}

/// Puts the packets of one stream into the order of their sequence numbers.
///
/// A packet that is next passes straight through: no copy, no delay, no allocation. Only packets behind a gap
/// are held, in buffers that are used again, until the gap fills, or its time ([`delay`](Self::delay)) or room ([`max_packets`](ReorderConfig::max_packets)) runs out.
///
/// The time follows what is measured. An overtaken packet is late by the time since the first packet that overtook it
/// came, and the greatest lateness is remembered, a 256th of it forgotten with each overtaken packet and each gap given
/// up:
///
/// ```text
/// lateness = max(lateness * 255/256, measured)
/// delay    = min(max(2 * lateness, min_delay), max_delay)
/// ```
///
/// It begins with `max_delay`, and by default takes some 400 losses to come down to `min_delay`: a network that only loses
/// packets is waited for less and less, and one that reorders as long as it takes, if it does so but once in hundreds of
/// losses.
///
/// What holds whatever is pushed:
/// - between two resynchronizations no packet comes out twice or behind a later one;
/// - there, packets that came out and packets counted in `lost_before` are together the span of the sequence;
/// - no packet is held longer than `max_delay`, if the caller comes back at [`wake_at`](Self::wake_at);
/// - no more than `max_packets` and some 2 MiB are held.
///
/// The first packet starts the stream at once; one that it overtook is late. A sequence that jumps more than
/// 3000 ahead or 100 back, or another SSRC, is a new stream once three packets in a row say so with none of the
/// old one between them (Q86, Q89); they are held meanwhile, not lost. A single stray changes nothing.
///
/// ```
/// use std::time::Instant;
/// use throughline_rtp::{Packet, Pushed, ReorderBuffer, ReorderConfig};
///
/// fn packet(sequence: u8) -> [u8; 12] {
///     [0x80, 96, 0, sequence, 0, 0, 0, 0, 0, 0, 0, 1]
/// }
///
/// let now = Instant::now();
/// let mut buffer = ReorderBuffer::new(ReorderConfig::default());
/// assert!(matches!(buffer.push(now, Packet::parse(&packet(1))?), Pushed::InOrder(_)));
/// assert!(matches!(buffer.push(now, Packet::parse(&packet(3))?), Pushed::Held));
/// assert!(matches!(buffer.push(now, Packet::parse(&packet(2))?), Pushed::InOrder(_)));
/// assert_eq!(buffer.pop_held(now).map(|ordered| ordered.packet.sequence_number().0), Some(3));
/// # Ok::<(), throughline_rtp::PacketError>(())
/// ```
#[derive(Debug)]
pub struct ReorderBuffer {
    config: ReorderConfig,
    stream: Option<Stream>,
    /// Behind a gap of the stream.
    held: Queue,
    /// Packets in a row that may be the start of another stream.
    candidates: Queue,
    /// The candidates are enough: the stream ends, theirs begins.
    turning: bool,
    patience: Patience,
    leniency: Reading,
    /// What `pop_held` has lent to its caller.
    lent: Option<HeldPacket>,
    pool: Pool,
    stats: ReorderStats,
}

/// Where the stream stands.
#[derive(Debug, Clone, Copy)]
struct Stream {
    ssrc: Ssrc,
    /// The next sequence number to come out.
    expected: SequenceNumber,
    /// Bit n: sequence number `expected - 1 - n` came out.
    history: History,
}

/// A packet as the stream sees it.
enum Position {
    /// Next, or with so many missing before it.
    Ahead {
        missing: u16,
    },
    Past(DropReason),
    Elsewhere,
}

/// What becomes of a packet that was not next.
enum Place {
    /// It comes out all the same, behind so many that are missing.
    InOrder {
        missing: u16,
    },
    Held,
    Nowhere(DropReason),
}

impl Stream {
    /// A stream whose next packet is `packet`.
    fn before(packet: &Packet<'_>) -> Self {
        Self {
            ssrc: packet.ssrc(),
            expected: packet.sequence_number(),
            history: 0,
        }
    }

    #[inline]
    fn is_next(&self, packet: &Packet<'_>) -> bool {
        packet.sequence_number() == self.expected && packet.ssrc() == self.ssrc
    }

    fn position(&self, packet: &Packet<'_>) -> Position {
        let distance = packet.sequence_number().distance_from(self.expected);
        let away = distance.unsigned_abs();
        if packet.ssrc() != self.ssrc {
            Position::Elsewhere
        } else if distance >= 0 && away < MAX_DROPOUT {
            Position::Ahead { missing: away }
        } else if distance < 0 && away <= MAX_MISORDER {
            let delivered = self.history >> (away - 1) & 1 == 1;
            Position::Past(if delivered {
                DropReason::Duplicate
            } else {
                DropReason::Late
            })
        } else {
            Position::Elsewhere
        }
    }

    /// Steps over `missing` packets and the one that comes out after them.
    #[inline]
    fn advance(&mut self, missing: u16) {
        let kept = self.history.checked_shl(u32::from(missing) + 1).unwrap_or(0);
        self.history = kept | 1;
        self.expected = SequenceNumber(self.expected.0.wrapping_add(missing).wrapping_add(1));
    }
}

impl ReorderBuffer {
    /// An empty buffer; the first packet starts the stream.
    pub fn new(config: ReorderConfig) -> Self {
        Self {
            patience: Patience::new(&config),
            leniency: Reading::new(config.policy),
            config,
            stream: None,
            held: Queue::default(),
            candidates: Queue::default(),
            turning: false,
            lent: None,
            pool: Pool::default(),
            stats: ReorderStats::default(),
        }
    }

    /// Takes a packet that arrived at `now`. After each push, [`pop_held`](Self::pop_held) until `None`.
    #[inline]
    pub fn push<'b>(&mut self, now: Instant, packet: Packet<'b>) -> Pushed<'b> {
        let lost_before = match &mut self.stream {
            Some(stream) if stream.is_next(&packet) && self.held.is_empty() && self.candidates.is_empty() => {
                stream.advance(0);
                self.stats.delivered += 1;
                0
            }
            _ => match self.push_out_of_order(now, packet) {
                Place::InOrder { missing } => u32::from(missing),
                Place::Held => return Pushed::Held,
                Place::Nowhere(reason) => return Pushed::Dropped(reason),
            },
        };
        Pushed::InOrder(Ordered {
            packet,
            lost_before,
            resynchronized: false,
        })
    }

    /// The next packet that waits no longer: the gap before it is filled, or given up at `now`.
    ///
    /// To be called until `None`: after each push, and when [`wake_at`](Self::wake_at) has come. At a stream's
    /// end, a `now` in the future returns all that is left.
    #[inline]
    pub fn pop_held(&mut self, now: Instant) -> Option<Ordered<'_>> {
        if self.held.is_empty() && !self.turning {
            return None;
        }
        self.pop_waiting(now)
    }

    /// When [`pop_held`](Self::pop_held) should be called again, if nothing is pushed before; `None` while nothing
    /// is held.
    pub fn wake_at(&self) -> Option<Instant> {
        self.held
            .oldest
            .and_then(|oldest| oldest.checked_add(self.delay()))
    }

    /// How long a gap is waited for at present.
    pub fn delay(&self) -> Duration {
        self.patience.delay(&self.config)
    }

    /// Forgets the stream and what is held; the next packet starts anew. For a new connection. The counters go on.
    pub fn reset(&mut self) {
        self.discard_candidates();
        while let Some(packet) = self.held.pop_front() {
            self.stats.discarded += 1;
            self.pool.recycle(packet);
        }
        self.patience.forget_gap();
        self.stream = None;
    }

    /// The counters.
    pub fn stats(&self) -> ReorderStats {
        self.stats
    }

    /// Which tolerances were used.
    pub fn tolerated(&self) -> Tolerances {
        self.leniency.tolerated()
    }

    #[inline(never)]
    fn pop_waiting(&mut self, now: Instant) -> Option<Ordered<'_>> {
        let resynchronized = self.held.is_empty() && self.turning;
        if resynchronized {
            self.turn();
        }
        let expected = self.stream?.expected;
        let missing = self.held.front()?.sequence_number().0.wrapping_sub(expected.0);
        if missing > 0 {
            if !self.gives_up(now) {
                return None;
            }
            self.patience
                .on_given_up(expected, missing, self.held.oldest.unwrap_or(now));
        }
        let next = self.held.pop_front()?;
        if let Some(read) = self.lent.take() {
            self.pool.recycle(read);
        }
        self.count_delivery(missing);
        let lost_before = if resynchronized { 1 } else { u32::from(missing) };
        let packet = self.lent.insert(next).packet();
        Some(Ordered {
            packet,
            lost_before,
            resynchronized,
        })
    }

    #[inline(never)]
    fn push_out_of_order(&mut self, now: Instant, packet: Packet<'_>) -> Place {
        if self.turning {
            return self.drop(DropReason::Undrained);
        }
        let position = self
            .stream
            .get_or_insert_with(|| Stream::before(&packet))
            .position(&packet);
        match position {
            Position::Ahead { missing } => {
                self.discard_candidates();
                let Some(place) = self.held.place_of(&packet) else {
                    return self.drop(DropReason::Duplicate);
                };
                // Immediate with packets held: the caller has not drained, and those come first.
                let waits = self.config.loss == GapPolicy::Wait || !self.held.is_empty();
                let overtaken = self.held.earliest_from(place);
                if missing > 0 && waits && self.is_full() {
                    return self.drop(DropReason::Undrained);
                }
                if let Some(overtaken) = overtaken {
                    self.patience.on_overtaken(overtaken, now, &self.config);
                }
                if missing > 0 && waits {
                    return self.hold(now, &packet, place);
                }
                self.count_delivery(missing);
                Place::InOrder { missing }
            }
            Position::Past(reason) => {
                if reason == DropReason::Late {
                    self.patience.on_late(packet.sequence_number(), now, &self.config);
                }
                self.drop(reason)
            }
            Position::Elsewhere => match self.refusal(&packet) {
                Some(refused) => self.drop(DropReason::NotTolerated(refused)),
                None => self.hold_candidate(now, &packet),
            },
        }
    }

    fn hold(&mut self, now: Instant, packet: &Packet<'_>, place: usize) -> Place {
        self.stats.held += 1;
        self.held
            .insert(place, HeldPacket::copy_of(packet, now, self.pool.take()));
        Place::Held
    }

    fn hold_candidate(&mut self, now: Instant, packet: &Packet<'_>) -> Place {
        let follows = self.candidates.back().map(|last| {
            let same_source = last.ssrc() == packet.ssrc();
            (
                same_source,
                packet.sequence_number().distance_from(last.sequence_number()),
            )
        });
        match follows {
            // Also where each packet comes twice, the stream must be found.
            Some((true, 0)) => return self.drop(DropReason::Duplicate),
            Some((true, 1)) => {}
            _ => self.discard_candidates(),
        }
        self.stats.held += 1;
        let place = self.candidates.len();
        self.candidates
            .insert(place, HeldPacket::copy_of(packet, now, self.pool.take()));
        self.turning = self.candidates.len() == COHERENT_PACKETS;
        Place::Held
    }

    /// What a packet from elsewhere would need, and the policy refuses.
    fn refusal(&self, packet: &Packet<'_>) -> Option<Tolerance> {
        let needed = change(self.stream?.ssrc, packet.ssrc());
        (!self.leniency.policy().tolerates(needed)).then_some(needed)
    }

    /// The stream ends; the candidates' begins.
    fn turn(&mut self) {
        std::mem::swap(&mut self.held, &mut self.candidates);
        self.turning = false;
        let next = self.held.front().map(|first| Stream::before(&first));
        if let (Some(old), Some(new)) = (self.stream, next) {
            self.leniency.tolerates(change(old.ssrc, new.ssrc));
        }
        self.stream = next;
        self.patience.forget_gap();
        self.stats.resynchronizations += 1;
    }

    fn is_full(&self) -> bool {
        self.held.len() >= self.config.max_packets.max(1) || self.held.bytes() >= MAX_HELD_BYTES
    }

    /// Whether the gap before the first held packet has had its time, or must make room. It was first seen when the
    /// oldest of the held packets arrived, for all of them lie behind it.
    fn gives_up(&self, now: Instant) -> bool {
        let waited = self
            .held
            .oldest
            .map(|oldest| now.saturating_duration_since(oldest));
        let waits = self.config.loss == GapPolicy::Wait && !self.turning && !self.is_full();
        !waits || waited.is_some_and(|waited| waited >= self.delay())
    }

    fn count_delivery(&mut self, missing: u16) {
        if let Some(stream) = &mut self.stream {
            stream.advance(missing);
        }
        self.stats.delivered += 1;
        self.stats.lost += u64::from(missing);
    }

    fn drop(&mut self, reason: DropReason) -> Place {
        *match reason {
            DropReason::Duplicate => &mut self.stats.duplicates,
            DropReason::Late => &mut self.stats.late,
            DropReason::NotTolerated(_) => &mut self.stats.refused,
            DropReason::Undrained => &mut self.stats.undrained,
        } += 1;
        Place::Nowhere(reason)
    }

    fn discard_candidates(&mut self) {
        while let Some(packet) = self.candidates.pop_front() {
            self.stats.discarded += 1;
            self.pool.recycle(packet);
        }
        self.turning = false;
    }
}

/// What a stream does that goes on with `new` after `old`.
fn change(old: Ssrc, new: Ssrc) -> Tolerance {
    if old == new {
        Tolerance::SequenceRestart
    } else {
        Tolerance::SsrcChange
    }
}

#[cfg(test)]
mod tests;
