//! From transmission order to decoding order
//! ([RFC 6184 §7.2.2](https://www.rfc-editor.org/rfc/rfc6184#section-7.2.2)).

use std::collections::VecDeque;

use bytes::{Bytes, BytesMut};

use crate::access_unit::Timestamp;
use crate::depacketizer::PayloadFormat;
use crate::nal::NalHeader;

/// Bytes held to be put into decoding order, which is what `deint-buf-cap` may promise: a second of 64 Mbit/s, and a
/// whole access unit at its limit.
pub const MAX_DEINTERLEAVING_BYTES: usize = 8 * 1024 * 1024;

/// Bytes held whatever a `sprop-deint-buf-req` says that is too small to be true.
const MIN_DEINTERLEAVING_BYTES: usize = 256 * 1024;

/// NAL units held: 32 slices of each of 32 pictures, more than a sender could use for hiding bursts of loss.
pub const MAX_DEINTERLEAVED_NAL_UNITS: usize = 1024;

/// Slices held where `sprop-interleaving-depth` is not stated and a number is missing: a picture of many slices.
const UNSTATED_DEPTH: usize = 16;

/// Bytes allocated at a time: many small NAL units share them.
const ARENA_BYTES: usize = 64 * 1024;

/// Numbers by which lost NAL units may be ahead of what was sent behind them, where `sprop-max-don-diff` does not say: depth
/// counts slices only, and a number may be looked for too far without harm, but not too near.
const LOSS_REACH: Order = 4096;

/// `AbsDON`: a decoding order number unwrapped.
type Order = i64;

/// A NAL unit on its way.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Held {
    order: Order,
    pub(super) timestamp: Timestamp,
    pub(super) nal: Bytes,
    /// Where it stood in its payload.
    pub(super) offset: usize,
}

/// What comes next in decoding order.
#[derive(Debug, PartialEq)]
pub(super) enum Released {
    NalUnit(Held),
    /// As many packets are missing here, or perhaps here.
    Loss(u32),
}

/// Why a NAL unit was not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Refused {
    /// One behind it in decoding order has left already. Its number.
    TooLate(u16),
    /// Past [`MAX_DEINTERLEAVING_BYTES`].
    TooLarge,
}

/// Packets were lost, and which NAL units they held nobody says: they are looked for wherever a number is missing.
#[derive(Clone, Copy, Debug)]
struct Search {
    packets: u32,
    /// The highest number that they can have, once something that was sent behind them has come.
    until: Option<Order>,
}

/// Holds NAL units until no earlier one can come.
///
/// With `sprop-interleaving-depth` or `sprop-max-don-diff` that is told as the RFC says. Without both a NAL unit waits
/// only where numbers are missing in front of it, up to [`UNSTATED_DEPTH`] slices long.
#[derive(Debug)]
pub(super) struct Deinterleaver {
    depth: Option<usize>,
    max_don_diff: Option<Order>,
    max_bytes: usize,
    arena: BytesMut,
    /// A NAL unit in fragments whose bytes are in the arena.
    open: Option<(Order, Timestamp)>,
    /// In decoding order.
    held: VecDeque<Held>,
    bytes: usize,
    slices: usize,
    last_received: Option<Order>,
    highest: Order,
    last_released: Option<Order>,
    search: Option<Search>,
}

impl Deinterleaver {
    pub(super) fn new(format: &PayloadFormat) -> Self {
        Self {
            depth: format.interleaving_depth.map(usize::from),
            max_don_diff: format.max_don_diff.map(Order::from),
            max_bytes: format
                .deint_buf_req
                .and_then(|bytes| usize::try_from(bytes).ok())
                .unwrap_or(MAX_DEINTERLEAVING_BYTES)
                .clamp(MIN_DEINTERLEAVING_BYTES, MAX_DEINTERLEAVING_BYTES),
            arena: BytesMut::new(),
            open: None,
            held: VecDeque::new(),
            bytes: 0,
            slices: 0,
            last_received: None,
            highest: Order::MIN,
            last_released: None,
            search: None,
        }
    }

    /// Takes a whole NAL unit. Without a number it follows the one sent before it.
    pub(super) fn push(
        &mut self,
        number: Option<u16>,
        timestamp: Timestamp,
        offset: usize,
        nal: &[u8],
    ) -> Result<(), Refused> {
        self.abort();
        let order = self.order_of(number);
        self.append(nal)?;
        self.insert(order, timestamp, offset)
    }

    /// Begins a NAL unit in fragments.
    pub(super) fn open(
        &mut self,
        number: Option<u16>,
        timestamp: Timestamp,
        header: NalHeader,
    ) -> Result<(), Refused> {
        self.abort();
        self.open = Some((self.order_of(number), timestamp));
        self.append(&[header.byte()])
    }

    pub(super) fn has_open(&self) -> bool {
        self.open.is_some()
    }

    /// More of the NAL unit in fragments.
    pub(super) fn extend(&mut self, fragment: &[u8]) -> Result<(), Refused> {
        if self.open.is_some() {
            self.append(fragment)?;
        }
        Ok(())
    }

    /// A fragment whose NAL unit did not begin: unless it is known why, something is missing.
    pub(super) fn orphan(&mut self) {
        if self.search.is_none() {
            self.note_loss(1);
        }
    }

    /// The NAL unit in fragments has come to its end.
    pub(super) fn close(&mut self) -> Result<(), Refused> {
        match self.open.take() {
            Some((order, timestamp)) => self.insert(order, timestamp, 0),
            None => Ok(()),
        }
    }

    /// Packets are missing, or could not be read, before what comes next.
    ///
    /// Where their NAL units belong is told by numbers that are missing. Where a sender leaves numbers out on purpose,
    /// more places than those look so: none of them is passed over.
    pub(super) fn note_loss(&mut self, packets: u32) {
        self.abort();
        let packets = self
            .search
            .map_or(packets, |search| search.packets.saturating_add(packets));
        let until = None;
        self.search = Some(Search { packets, until });
    }

    /// What may be decoded now, as long as there is some.
    pub(super) fn pop(&mut self) -> Option<Released> {
        let first = self.held.front()?;
        let is_next = self.last_released.is_some_and(|last| first.order - last <= 1);
        let is_due = match (self.depth, self.max_don_diff) {
            (None, None) => is_next || self.slices > UNSTATED_DEPTH,
            (depth, max_don_diff) => {
                depth.is_some_and(|depth| self.slices > depth)
                    || max_don_diff.is_some_and(|limit| self.highest - first.order > limit)
            }
        };
        let is_full = self.held.len() > MAX_DEINTERLEAVED_NAL_UNITS || self.bytes > self.max_bytes;
        if is_due || is_full { self.release() } else { None }
    }

    /// What is left, in decoding order, as nothing more will come: wherever a number is missing, something may be.
    pub(super) fn drain(&mut self) -> Option<Released> {
        self.abort();
        let packets = self.search.map_or(0, |search| search.packets);
        let until = None;
        self.search = Some(Search { packets, until });
        self.release()
    }

    fn release(&mut self) -> Option<Released> {
        let first = self.held.front()?;
        if let Some(loss) = self.loss_before(first.order) {
            return Some(Released::Loss(loss));
        }
        let first = self.held.pop_front()?;
        self.last_released = Some(first.order);
        self.bytes -= first.nal.len();
        self.slices -= usize::from(is_slice(&first.nal));
        Some(Released::NalUnit(first))
    }

    /// Whether packets that are looked for may have held what is missing in front of this number; each place is told
    /// once, by counting the numbers missing there as seen.
    fn loss_before(&mut self, order: Order) -> Option<u32> {
        let search = self.search?;
        let is_behind = search.until.is_some_and(|until| order > until);
        let is_hole = self.last_released.is_none_or(|last| order - last > 1);
        if !is_hole && !is_behind {
            return None;
        }
        if is_behind {
            self.search = None;
            // Told at a hole already, or else the numbers have none: then it may be anywhere up to here.
            if search.packets == 0 && !is_hole {
                return None;
            }
        } else {
            self.search = Some(Search { packets: 0, ..search });
        }
        self.last_released = Some(order - 1);
        Some(search.packets)
    }

    fn order_of(&mut self, number: Option<u16>) -> Order {
        let order = match (self.last_received, number) {
            (Some(last), Some(number)) => last + don_diff(wrapped(last), number),
            (Some(last), None) => last + 1,
            (None, number) => Order::from(number.unwrap_or_default()),
        };
        self.last_received = Some(order);
        order
    }

    fn append(&mut self, bytes: &[u8]) -> Result<(), Refused> {
        if self.arena.len() + bytes.len() > MAX_DEINTERLEAVING_BYTES {
            self.abort();
            return Err(Refused::TooLarge);
        }
        // One allocation serves many NAL units, and is used again when all of them have left.
        if self.arena.capacity() - self.arena.len() < bytes.len() && !self.arena.try_reclaim(bytes.len()) {
            self.arena
                .reserve(bytes.len().max(self.arena.len()).max(ARENA_BYTES));
        }
        self.arena.extend_from_slice(bytes);
        Ok(())
    }

    fn insert(&mut self, order: Order, timestamp: Timestamp, offset: usize) -> Result<(), Refused> {
        if self.last_released.is_some_and(|last| order < last) {
            self.arena.clear();
            return Err(Refused::TooLate(wrapped(order)));
        }
        let nal = self.arena.split().freeze();
        self.bytes += nal.len();
        self.slices += usize::from(is_slice(&nal));
        self.highest = self.highest.max(order);
        let reach = self.max_don_diff.unwrap_or(LOSS_REACH);
        if let Some(search) = &mut self.search {
            search.until.get_or_insert(self.highest.saturating_add(reach));
        }
        // Behind those of the same number, which may be decoded in any order.
        let at = self.held.partition_point(|held| held.order <= order);
        let held = Held {
            order,
            timestamp,
            nal,
            offset,
        };
        self.held.insert(at, held);
        Ok(())
    }

    /// Drops the NAL unit in fragments.
    fn abort(&mut self) {
        self.arena.clear();
        self.open = None;
    }
}

fn is_slice(nal: &[u8]) -> bool {
    nal.first()
        .is_some_and(|byte| NalHeader::from_byte(*byte).nal_unit_type().is_vcl())
}

fn wrapped(order: Order) -> u16 {
    let [.., high, low] = order.to_be_bytes();
    u16::from_be_bytes([high, low])
}

/// [RFC 6184 §5.5](https://www.rfc-editor.org/rfc/rfc6184#section-5.5): how far `to` is behind `from` in decoding order.
fn don_diff(from: u16, to: u16) -> Order {
    const HALF: u16 = 0x8000;
    let forward = to.wrapping_sub(from);
    if forward < HALF || (forward == HALF && from > to) {
        Order::from(forward)
    } else {
        Order::from(forward) - 0x1_0000
    }
}
