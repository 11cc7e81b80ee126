//! Application-defined packets (APP).

use super::RtcpFault;
use super::raw::{RawPacket, word, write_padded};
use crate::ids::Ssrc;

/// APP: what one application says to another ([RFC 3550 §6.7](https://www.rfc-editor.org/rfc/rfc3550#section-6.7)).
///
/// ```text
/// +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
/// |V=2|P| subtype |   PT = 204    |             length            |
/// +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
/// |                              SSRC                             |
/// +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
/// |                     name, four ASCII letters                  |
/// +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
/// | data ...                                                      |
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ApplicationDefined<'b> {
    /// Who sends it.
    pub ssrc: Ssrc,
    /// The application's own, 0 to 31.
    pub subtype: u8,
    /// Which application, in ASCII.
    pub name: [u8; 4],
    /// The application's own. Padded when written with another length than a multiple of four.
    pub data: &'b [u8],
}

impl<'b> ApplicationDefined<'b> {
    pub(super) const PACKET_TYPE: u8 = 204;

    pub(super) fn parse(raw: RawPacket<'b>) -> Result<Self, RtcpFault> {
        let (words, data) = raw.body::<8>()?;
        Ok(Self {
            ssrc: Ssrc(word(words, 0)),
            subtype: raw.count,
            name: word(words, 1).to_be_bytes(),
            data,
        })
    }

    /// Appends the packet.
    pub fn write(&self, out: &mut Vec<u8>) {
        let words = [self.ssrc.0, u32::from_be_bytes(self.name)];
        write_padded(Self::PACKET_TYPE, self.subtype, &words, self.data, out);
    }
}

#[cfg(test)]
mod tests {
    use super::super::{RtcpPacket, compound};
    use super::*;

    #[test]
    fn data_of_any_length_survives_the_round_trip() {
        for len in 0..9 {
            let data = vec![0xdd; len];
            let packet = RtcpPacket::ApplicationDefined(ApplicationDefined {
                ssrc: Ssrc(7),
                subtype: 31,
                name: *b"qtss",
                data: &data,
            });
            let mut bytes = Vec::new();
            packet.write(&mut bytes);
            assert_eq!(bytes.len(), 12 + len.next_multiple_of(4));
            assert_eq!(compound(&bytes).collect::<Vec<_>>(), [Ok(packet)]);
        }
    }
}
