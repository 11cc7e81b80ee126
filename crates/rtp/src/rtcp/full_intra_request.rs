//! Full intra requests (FIR).

use super::RtcpFault;
use super::entries::{Entries, Entry};
use super::raw::{PAYLOAD_SPECIFIC_FEEDBACK, RawPacket, word, write_header, write_word};
use crate::ids::Ssrc;

/// FIR: the command to send a key frame, for a new viewer rather than after a loss
/// ([RFC 5104 §4.3.1](https://www.rfc-editor.org/rfc/rfc5104#section-4.3.1)).
///
/// ```text
/// +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
/// |V=2|P| FMT = 4 |   PT = 206    |        length = 2 + 2n        |
/// +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
/// |                     SSRC of packet sender                     |
/// +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
/// |                           0 (unused)                          |
/// +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
/// |                      SSRC of media source                     |
/// +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
/// |   sequence    |                  0 (reserved)                 | ...
/// +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
/// ```
///
/// Only a conference has more than one entry.
///
/// ```
/// use throughline_rtp::Ssrc;
/// use throughline_rtp::rtcp::{FirEntries, FirEntry, FullIntraRequest};
///
/// let entry = FirEntry { media: Ssrc(2), sequence: 1 };
/// let mut bytes = Vec::new();
/// FullIntraRequest { sender: Ssrc(1), entries: FirEntries::new(&[entry]) }.write(&mut bytes);
/// assert_eq!(bytes.len(), 20);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FullIntraRequest<'b> {
    /// Who asks.
    pub sender: Ssrc,
    /// Who is asked.
    pub entries: FirEntries<'b>,
}

/// What a [`FullIntraRequest`] asks of one source.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FirEntry {
    /// Who is to send a key frame.
    pub media: Ssrc,
    /// One more for each new request, modulo 256; a repetition keeps it.
    pub sequence: u8,
}

impl<'b> FullIntraRequest<'b> {
    pub(super) const FORMAT: u8 = 4;

    pub(super) fn parse(raw: RawPacket<'b>) -> Result<Self, RtcpFault> {
        // The first entry must be there.
        raw.body::<{ 8 + FirEntry::LEN }>()?;
        let (words, entries) = raw.body::<8>()?;
        Ok(Self {
            sender: Ssrc(word(words, 0)),
            entries: FirEntries::on_wire(entries),
        })
    }

    /// Appends the packet.
    pub fn write(&self, out: &mut Vec<u8>) {
        let body = 8 + self.entries.written_len();
        write_header(PAYLOAD_SPECIFIC_FEEDBACK, Self::FORMAT, body, out);
        write_word(self.sender.0, out);
        write_word(0, out);
        self.entries.write(out);
    }
}

impl Entry for FirEntry {
    const LEN: usize = 8;
    /// They make a packet of 1372 bytes, which fits the usual MTU together with a report.
    const MAX: usize = 170;

    fn read(bytes: &[u8]) -> Option<Self> {
        let words: &[u8; Self::LEN] = bytes.first_chunk()?;
        let [sequence, ..] = word(words, 1).to_be_bytes();
        Some(Self {
            media: Ssrc(word(words, 0)),
            sequence,
        })
    }

    fn write(&self, out: &mut Vec<u8>) {
        write_word(self.media.0, out);
        write_word(u32::from_be_bytes([self.sequence, 0, 0, 0]), out);
    }
}

/// The entries of a [`FullIntraRequest`]. At most 170 are sent in one packet, which makes 1372 bytes and fits the usual
/// MTU together with a report.
pub type FirEntries<'b> = Entries<'b, FirEntry>;

#[cfg(test)]
mod tests {
    use super::super::{RtcpPacket, compound};
    use super::*;

    #[test]
    fn every_entry_is_read_and_written_back() {
        let bytes = [
            0x84, 206, 0, 6, 0, 0, 0, 1, 0, 0, 0, 0, // from source 1
            0, 0, 0, 2, 7, 0, 0, 0, // to source 2
            0, 0, 0, 3, 255, 0, 0, 0, // to source 3
        ];
        let entries = [(2, 7), (3, 255)].map(|(media, sequence)| FirEntry {
            media: Ssrc(media),
            sequence,
        });
        let request = RtcpPacket::FullIntraRequest(FullIntraRequest {
            sender: Ssrc(1),
            entries: FirEntries::new(&entries),
        });
        assert_eq!(compound(&bytes).collect::<Vec<_>>(), [Ok(request)]);
        let mut written = Vec::new();
        request.write(&mut written);
        assert_eq!(written, bytes);
    }

    #[test]
    fn a_request_of_nobody_is_cut_short() {
        let bytes = [0x84, 206, 0, 2, 0, 0, 0, 1, 0, 0, 0, 0];
        let error = compound(&bytes).next().and_then(Result::err);
        let (needed, available) = (20, 12);
        assert_eq!(
            error.map(|error| error.what),
            Some(RtcpFault::CutShort { needed, available })
        );
    }
}
