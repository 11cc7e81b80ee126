//! Packets that wait: copies in recycled buffers.

use crate::packet::{FIXED_HEADER, Packet};
use std::collections::VecDeque;
use std::time::Instant;

/// A buffer that has grown beyond this is freed after use: packets over a network of the usual MTU fit, and
/// the rare giant (Q44, Q145) must not pin its size for good.
const RECYCLED_CAPACITY: usize = 2048;

/// A copy of a packet.
#[derive(Debug)]
pub(super) struct HeldPacket {
    header: [u8; FIXED_HEADER],
    options_len: usize,
    /// Options, then payload.
    bytes: Vec<u8>,
    pub(super) arrival: Instant,
}

impl HeldPacket {
    pub(super) fn copy_of(packet: &Packet<'_>, arrival: Instant, mut bytes: Vec<u8>) -> Self {
        let (header, options, payload) = packet.parts();
        bytes.extend_from_slice(options);
        bytes.extend_from_slice(payload);
        Self {
            header: *header,
            options_len: options.len(),
            bytes,
            arrival,
        }
    }

    pub(super) fn packet(&self) -> Packet<'_> {
        let (options, payload) = self.bytes.split_at(self.options_len);
        Packet::from_parts(&self.header, options, payload)
    }
}

/// Empty buffers for the next packets to be copied into.
#[derive(Debug, Default)]
pub(super) struct Pool(Vec<Vec<u8>>);

impl Pool {
    pub(super) fn take(&mut self) -> Vec<u8> {
        self.0.pop().unwrap_or_default()
    }

    pub(super) fn recycle(&mut self, mut packet: HeldPacket) {
        if packet.bytes.capacity() <= RECYCLED_CAPACITY {
            packet.bytes.clear();
            self.0.push(packet.bytes);
        }
    }

    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        self.0.len()
    }
}

/// Held packets in the order of their sequence numbers.
#[derive(Debug, Default)]
pub(super) struct Queue {
    packets: VecDeque<HeldPacket>,
    payload_bytes: usize,
    /// The earliest arrival among them: when the gap before the front was first seen.
    pub(super) oldest: Option<Instant>,
}

impl Queue {
    pub(super) fn len(&self) -> usize {
        self.packets.len()
    }

    #[inline]
    pub(super) fn is_empty(&self) -> bool {
        self.packets.is_empty()
    }

    /// What the packets take, their fixed headers not counted.
    pub(super) fn bytes(&self) -> usize {
        self.payload_bytes
    }

    pub(super) fn front(&self) -> Option<Packet<'_>> {
        self.packets.front().map(HeldPacket::packet)
    }

    pub(super) fn back(&self) -> Option<Packet<'_>> {
        self.packets.back().map(HeldPacket::packet)
    }

    /// Where `packet` belongs; `None` if its sequence number is held already.
    pub(super) fn place_of(&self, packet: &Packet<'_>) -> Option<usize> {
        let ahead = |held: &HeldPacket| {
            held.packet()
                .sequence_number()
                .distance_from(packet.sequence_number())
        };
        // Nearly always behind all the others, which spares the search.
        match self.packets.back() {
            Some(last) if ahead(last) >= 0 => self.packets.binary_search_by_key(&0, ahead).err(),
            _ => Some(self.packets.len()),
        }
    }

    /// The earliest arrival among the packets from `place` on: of those that have overtaken what belongs there.
    pub(super) fn earliest_from(&self, place: usize) -> Option<Instant> {
        if place == 0 {
            return self.oldest;
        }
        self.packets.range(place..).map(|held| held.arrival).min()
    }

    pub(super) fn insert(&mut self, place: usize, packet: HeldPacket) {
        self.payload_bytes += packet.bytes.len();
        self.oldest = Some(
            self.oldest
                .map_or(packet.arrival, |oldest| oldest.min(packet.arrival)),
        );
        self.packets.insert(place, packet);
    }

    pub(super) fn pop_front(&mut self) -> Option<HeldPacket> {
        let packet = self.packets.pop_front()?;
        self.payload_bytes -= packet.bytes.len();
        if self.oldest.is_some_and(|oldest| packet.arrival <= oldest) {
            self.oldest = self.packets.iter().map(|held| held.arrival).min();
        }
        Some(packet)
    }
}
