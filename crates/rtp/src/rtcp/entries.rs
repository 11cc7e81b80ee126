//! Lists of entries of one size.

use super::RtcpFault;
use super::raw::{COUNT, RawPacket, tolerate};
use crate::tolerance::{Reading, Tolerance};
use std::fmt;

/// What [`Entries`] are made of.
pub trait Entry: Copy {
    /// Bytes on the wire.
    const LEN: usize;
    /// How many are sent in one packet at most.
    const MAX: usize;
    /// Reads the entry that `bytes` begin with; `None` if they are too few.
    fn read(bytes: &[u8]) -> Option<Self>;
    /// Appends the entry.
    fn write(&self, out: &mut Vec<u8>);
}

/// The entries of one packet: lent by the bytes that were received, or by the slice to send.
#[derive(Clone, Copy)]
pub struct Entries<'b, T>(Lender<'b, T>);

#[derive(Clone, Copy)]
enum Lender<'b, T> {
    Wire(&'b [u8]),
    Values(&'b [T]),
}

impl<'b, T: Entry> Entries<'b, T> {
    /// How many are sent in one packet at most.
    pub const MAX: usize = T::MAX;

    /// No entry at all.
    pub const NONE: Self = Self(Lender::Values(&[]));

    /// Entries to send; of more than [`MAX`](Self::MAX), the first ones.
    pub fn new(entries: &'b [T]) -> Self {
        Self(Lender::Values(entries.get(..T::MAX).unwrap_or(entries)))
    }

    /// All that `bytes` hold; a rest too short for an entry is left out.
    pub(super) fn on_wire(bytes: &'b [u8]) -> Self {
        Self(Lender::Wire(bytes))
    }

    /// The entries that `raw` counts out of `bytes`, or as many as are there: a report whose count is too high still
    /// carries its sender's clock.
    pub(super) fn counted(
        raw: &RawPacket<'_>,
        bytes: &'b [u8],
        leniency: &mut Reading,
    ) -> Result<Self, RtcpFault> {
        let counted = bytes.get(..usize::from(raw.count) * T::LEN);
        if counted.is_none() {
            tolerate(Tolerance::RtcpCount, leniency)?;
        }
        Ok(Self::on_wire(counted.unwrap_or(bytes)))
    }

    /// The entries, in their order.
    pub fn iter(&self) -> impl Iterator<Item = T> + use<'b, T> {
        let (wire, values): (&[u8], &[T]) = match self.0 {
            Lender::Wire(wire) => (wire, &[]),
            Lender::Values(values) => (&[], values),
        };
        let read = wire.chunks_exact(T::LEN).filter_map(T::read);
        read.chain(values.iter().copied())
    }

    fn len(&self) -> usize {
        match self.0 {
            Lender::Wire(wire) => wire.len() / T::LEN,
            Lender::Values(values) => values.len(),
        }
    }

    /// How many, of those whose packets count them in the header's five bits.
    pub(super) fn count(&self) -> u8 {
        u8::try_from(self.len()).map_or(COUNT, |count| count.min(COUNT))
    }

    /// Bytes that [`write`](Self::write) appends.
    pub(super) fn written_len(&self) -> usize {
        self.len() * T::LEN
    }

    pub(super) fn write(&self, out: &mut Vec<u8>) {
        for entry in self.iter() {
            entry.write(out);
        }
    }
}

impl<T: Entry> Default for Entries<'_, T> {
    fn default() -> Self {
        Self::NONE
    }
}

impl<T: Entry + fmt::Debug> fmt::Debug for Entries<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.iter()).finish()
    }
}

impl<T: Entry + PartialEq> PartialEq for Entries<'_, T> {
    fn eq(&self, other: &Self) -> bool {
        self.iter().eq(other.iter())
    }
}

impl<T: Entry + Eq> Eq for Entries<'_, T> {}
