//! Full intra requests (FIR).

use super::RtcpFault;
use super::raw::{PAYLOAD_SPECIFIC_FEEDBACK, RawPacket, word, write_header, write_word};
use crate::ids::Ssrc;

/// FIR: the command to send a key frame, for a new viewer rather than after a loss
/// ([RFC 5104 §4.3.1](https://www.rfc-editor.org/rfc/rfc5104#section-4.3.1)).
///
/// ```text
/// +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
/// |V=2|P| FMT = 4 |   PT = 206    |          length = 4           |
/// +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
/// |                     SSRC of packet sender                     |
/// +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
/// |                           0 (unused)                          |
/// +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
/// |                      SSRC of media source                     |
/// +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
/// |   sequence    |                  0 (reserved)                 |
/// +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
/// ```
///
/// Of a request to several sources, which only goes to a conference, the first is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FullIntraRequest {
    /// Who asks.
    pub sender: Ssrc,
    /// Who is to send a key frame.
    pub media: Ssrc,
    /// One more for each new request, modulo 256; a repetition keeps it.
    pub sequence: u8,
}

impl FullIntraRequest {
    pub(super) const FORMAT: u8 = 4;

    pub(super) fn parse(raw: RawPacket<'_>) -> Result<Self, RtcpFault> {
        let (words, _) = raw.body::<16>()?;
        let [sequence, ..] = word(words, 3).to_be_bytes();
        Ok(Self {
            sender: Ssrc(word(words, 0)),
            media: Ssrc(word(words, 2)),
            sequence,
        })
    }

    /// Appends the packet.
    pub fn write(&self, out: &mut Vec<u8>) {
        write_header(PAYLOAD_SPECIFIC_FEEDBACK, Self::FORMAT, 16, out);
        for value in [
            self.sender.0,
            0,
            self.media.0,
            u32::from_be_bytes([self.sequence, 0, 0, 0]),
        ] {
            write_word(value, out);
        }
    }
}
