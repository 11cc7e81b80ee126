//! Transport-wide congestion control feedback.

use super::RtcpFault;
use super::raw::{RawPacket, TRANSPORT_FEEDBACK, word, write_padded};
use crate::ids::Ssrc;

/// What a WebRTC receiver says about the arrival of each packet
/// ([draft-holmer-rmcat-transport-wide-cc-extensions](https://datatracker.ietf.org/doc/html/draft-holmer-rmcat-transport-wide-cc-extensions-01#section-3.1)).
/// It is passed through uninterpreted.
///
/// ```text
/// +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
/// |V=2|P| FMT = 15|   PT = 205    |             length            |
/// +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
/// |                     SSRC of packet sender                     |
/// +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
/// |                      SSRC of media source                     |
/// +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
/// | base sequence number, counts, chunks, deltas ...              |
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TransportWideFeedback<'b> {
    /// Who reports.
    pub sender: Ssrc,
    /// A source whose packets are reported on.
    pub media: Ssrc,
    /// All that follows, without padding.
    pub data: &'b [u8],
}

impl<'b> TransportWideFeedback<'b> {
    pub(super) const FORMAT: u8 = 15;

    pub(super) fn parse(raw: RawPacket<'b>) -> Result<Self, RtcpFault> {
        let (words, data) = raw.body::<8>()?;
        Ok(Self {
            sender: Ssrc(word(words, 0)),
            media: Ssrc(word(words, 1)),
            data,
        })
    }

    /// Appends the packet.
    pub fn write(&self, out: &mut Vec<u8>) {
        let words = [self.sender.0, self.media.0];
        write_padded(TRANSPORT_FEEDBACK, Self::FORMAT, &words, self.data, out);
    }
}
