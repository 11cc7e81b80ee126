//! Generic negative acknowledgements (NACK).

use super::RtcpFault;
use super::entries::{Entries, Entry};
use super::raw::{RawPacket, TRANSPORT_FEEDBACK, word, write_header, write_word};
use crate::ids::{SequenceNumber, Ssrc};

/// Generic NACK: which packets are missing ([RFC 4585 §6.2.1](https://www.rfc-editor.org/rfc/rfc4585#section-6.2.1)).
///
/// ```text
/// +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
/// |V=2|P| FMT = 1 |   PT = 205    |             length            |
/// +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
/// |                     SSRC of packet sender                     |
/// +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
/// |                      SSRC of media source                     |
/// +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
/// |       a packet's number       |     which of the next 16      | ...
/// +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
/// ```
///
/// ```
/// use throughline_rtp::rtcp::{GenericNack, NackEntries, NackEntry};
/// use throughline_rtp::{SequenceNumber, Ssrc};
///
/// let entries: Vec<_> = NackEntry::covering([65_535, 0, 9, 40].map(SequenceNumber)).collect();
/// assert_eq!(entries.len(), 2, "the first covers up to 16 numbers behind it");
/// let nack = GenericNack { sender: Ssrc(1), media: Ssrc(2), entries: NackEntries::new(&entries) };
/// assert!(nack.lost().map(|lost| lost.0).eq([65_535, 0, 9, 40]));
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct GenericNack<'b> {
    /// Who misses them.
    pub sender: Ssrc,
    /// Who has sent them.
    pub media: Ssrc,
    /// Which they are.
    pub entries: NackEntries<'b>,
}

impl<'b> GenericNack<'b> {
    pub(super) const FORMAT: u8 = 1;

    pub(super) fn parse(raw: RawPacket<'b>) -> Result<Self, RtcpFault> {
        let (words, entries) = raw.body::<8>()?;
        Ok(Self {
            sender: Ssrc(word(words, 0)),
            media: Ssrc(word(words, 1)),
            entries: NackEntries::on_wire(entries),
        })
    }

    /// The sequence numbers of the missing packets, in the order of the entries.
    pub fn lost(&self) -> impl Iterator<Item = SequenceNumber> + use<'b> {
        self.entries.iter().flat_map(NackEntry::lost)
    }

    /// Appends the packet.
    pub fn write(&self, out: &mut Vec<u8>) {
        let body = 8 + self.entries.written_len();
        write_header(TRANSPORT_FEEDBACK, Self::FORMAT, body, out);
        write_word(self.sender.0, out);
        write_word(self.media.0, out);
        self.entries.write(out);
    }
}

/// Up to 17 missing packets: one, and any of the 16 behind it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NackEntry {
    /// The first of them (PID).
    pub first: SequenceNumber,
    /// Bit n, counted from the lowest: the packet `first + 1 + n` is missing too (BLP).
    pub following: u16,
}

impl NackEntry {
    /// The missing packets, in order.
    pub fn lost(self) -> impl Iterator<Item = SequenceNumber> {
        let following = (0..16_u16)
            .filter(move |bit| self.following >> bit & 1 == 1)
            .map(move |bit| SequenceNumber(self.first.0.wrapping_add(bit).wrapping_add(1)));
        std::iter::once(self.first).chain(following)
    }

    /// As few entries as cover the numbers of `lost`, if these are in order.
    pub fn covering(lost: impl IntoIterator<Item = SequenceNumber>) -> impl Iterator<Item = Self> {
        let mut lost = lost.into_iter().peekable();
        std::iter::from_fn(move || {
            let first = lost.next()?;
            let mut following = 0;
            let mut place = |number: &SequenceNumber| {
                let distance = number.0.wrapping_sub(first.0);
                let covered = (1..=16).contains(&distance);
                if covered {
                    following |= 1 << (distance - 1);
                }
                covered || distance == 0
            };
            while lost.next_if(&mut place).is_some() {}
            Some(Self { first, following })
        })
    }
}

impl Entry for NackEntry {
    const LEN: usize = 4;
    /// They make a packet of 1372 bytes, which fits the usual MTU together with a report.
    const MAX: usize = 340;

    fn read(bytes: &[u8]) -> Option<Self> {
        let [p0, p1, b0, b1] = *bytes.first_chunk()?;
        Some(Self {
            first: SequenceNumber(u16::from_be_bytes([p0, p1])),
            following: u16::from_be_bytes([b0, b1]),
        })
    }

    fn write(&self, out: &mut Vec<u8>) {
        write_word(u32::from(self.first.0) << 16 | u32::from(self.following), out);
    }
}

/// The entries of a [`GenericNack`]. At most 340 are sent in one packet, which makes 1372 bytes and fits the usual MTU
/// together with a report.
pub type NackEntries<'b> = Entries<'b, NackEntry>;

#[cfg(test)]
mod tests {
    use super::super::{RtcpPacket, compound};
    use super::*;

    fn entry(first: u16, following: u16) -> NackEntry {
        NackEntry {
            first: SequenceNumber(first),
            following,
        }
    }

    #[test]
    fn numbers_are_gathered_over_the_wrap() {
        let covering =
            |lost: &[u16]| NackEntry::covering(lost.iter().copied().map(SequenceNumber)).collect::<Vec<_>>();
        assert_eq!(covering(&[]), []);
        assert_eq!(covering(&[7]), [entry(7, 0)]);
        assert_eq!(covering(&[65_530, 65_531, 10]), [entry(65_530, 0x8001)]);
        assert_eq!(covering(&[65_530, 11]), [entry(65_530, 0), entry(11, 0)]);
        assert_eq!(covering(&[5, 5, 4]), [entry(5, 0), entry(4, 0)]);
    }

    #[test]
    fn every_lost_number_survives_the_round_trip() {
        let lost: Vec<_> = (0..400_u16)
            .filter(|n| n % 3 == 0 || n % 31 < 4)
            .map(SequenceNumber)
            .collect();
        let entries: Vec<_> = NackEntry::covering(lost.iter().copied()).collect();
        let nack = GenericNack {
            sender: Ssrc(1),
            media: Ssrc(2),
            entries: NackEntries::new(&entries),
        };
        let mut bytes = Vec::new();
        nack.write(&mut bytes);
        let Some(Ok(RtcpPacket::GenericNack(read))) = compound(&bytes).next() else {
            panic!("{bytes:x?}")
        };
        assert_eq!(read, nack);
        assert!(read.lost().eq(lost));
    }
}
