//! Picture loss indications (PLI).

use super::RtcpFault;
use super::raw::{PAYLOAD_SPECIFIC_FEEDBACK, RawPacket, word, write_header, write_word};
use crate::ids::Ssrc;

/// PLI: the receiver cannot go on with what it has and asks for a key frame
/// ([RFC 4585 §6.3.1](https://www.rfc-editor.org/rfc/rfc4585#section-6.3.1)).
///
/// ```text
/// +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
/// |V=2|P| FMT = 1 |   PT = 206    |          length = 2           |
/// +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
/// |                     SSRC of packet sender                     |
/// +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
/// |                      SSRC of media source                     |
/// +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PictureLossIndication {
    /// Who asks.
    pub sender: Ssrc,
    /// Whose picture was lost.
    pub media: Ssrc,
}

impl PictureLossIndication {
    pub(super) const FORMAT: u8 = 1;

    pub(super) fn parse(raw: RawPacket<'_>) -> Result<Self, RtcpFault> {
        let (words, _) = raw.body::<8>()?;
        Ok(Self {
            sender: Ssrc(word(words, 0)),
            media: Ssrc(word(words, 1)),
        })
    }

    /// Appends the packet.
    pub fn write(&self, out: &mut Vec<u8>) {
        write_header(PAYLOAD_SPECIFIC_FEEDBACK, Self::FORMAT, 8, out);
        write_word(self.sender.0, out);
        write_word(self.media.0, out);
    }
}
