//! Source descriptions (SDES).

use super::{RawPacket, RtcpFault, word, write_header, write_word};
use crate::ids::Ssrc;

const END: u8 = 0;
const CNAME: u8 = 1;
const MAX_TEXT: usize = 255;

/// SDES: the name of a source that stays the same when its SSRC changes
/// ([RFC 3550 §6.5](https://www.rfc-editor.org/rfc/rfc3550#section-6.5)).
///
/// ```text
/// +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
/// |V=2|P|    SC   |   PT = 202    |             length            |
/// +=+=+=+=+=+=+=+=+=+=+=+=+=+=+=+=+=+=+=+=+=+=+=+=+=+=+=+=+=+=+=+=+
/// |                              SSRC                             |
/// +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
/// |   CNAME = 1   |     length    | name ...   zeros to a word    |
/// ```
///
/// Read is the first chunk, the only one that anything but a mixer sends, and of its items the CNAME.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SourceDescription<'b> {
    /// Whose name it is.
    pub ssrc: Ssrc,
    /// The canonical name, in UTF-8 if the sender keeps to the rule; empty where there is none. Of one to be
    /// written, the first 255 bytes count.
    pub cname: &'b [u8],
}

impl<'b> SourceDescription<'b> {
    pub(super) const PACKET_TYPE: u8 = 202;

    /// A name that is cut short is left out: the source is known without it.
    pub(super) fn parse(raw: RawPacket<'b>) -> Result<Self, RtcpFault> {
        let (ssrc, mut items) = raw.body::<4>()?;
        let ssrc = Ssrc(word(ssrc, 0));
        // The end of the packet ends the items too: not every camera writes the end byte (Q88).
        while let [kind, len, rest @ ..] = items {
            let Some((text, rest)) = rest.split_at_checked(usize::from(*len)).filter(|_| *kind != END) else {
                break;
            };
            if *kind == CNAME {
                return Ok(Self { ssrc, cname: text });
            }
            items = rest;
        }
        Ok(Self { ssrc, cname: &[] })
    }

    /// Appends the packet.
    pub fn write(&self, out: &mut Vec<u8>) {
        let cname = self.cname.get(..MAX_TEXT).unwrap_or(self.cname);
        let items = 2 + cname.len();
        // One to four zeros: the end byte, and up to the next word.
        let zeros = 4 - items % 4;
        write_header(Self::PACKET_TYPE, 1, 4 + items + zeros, out);
        let end = out.len() + 4 + items + zeros;
        write_word(self.ssrc.0, out);
        out.extend_from_slice(&[CNAME, u8::try_from(cname.len()).unwrap_or(u8::MAX)]);
        out.extend_from_slice(cname);
        out.resize(end, END);
    }
}

#[cfg(test)]
mod tests {
    use super::super::{RtcpPacket, compound};
    use super::*;

    #[test]
    fn names_of_every_length_survive_the_round_trip() {
        for len in 0..=MAX_TEXT {
            let cname = vec![b'n'; len];
            let description = SourceDescription {
                ssrc: Ssrc(7),
                cname: &cname,
            };
            let mut bytes = Vec::new();
            description.write(&mut bytes);
            assert_eq!(bytes.len() % 4, 0);
            assert_eq!(
                compound(&bytes).collect::<Vec<_>>(),
                [Ok(RtcpPacket::SourceDescription(description))]
            );
        }
    }

    #[test]
    fn a_name_too_long_for_the_wire_is_cut() {
        let mut bytes = Vec::new();
        SourceDescription {
            ssrc: Ssrc(7),
            cname: &[b'n'; 300],
        }
        .write(&mut bytes);
        let Some(Ok(RtcpPacket::SourceDescription(read))) = compound(&bytes).next() else {
            panic!()
        };
        assert_eq!(read.cname.len(), MAX_TEXT);
    }

    #[test]
    fn the_name_is_found_behind_other_items() {
        let bytes = [
            0x81, 202, 0, 4, 0, 0, 0, 7, 6, 3, b'c', b'a', b'm', 1, 2, b'm', b'e', 0, 0, 0,
        ];
        let expected = SourceDescription {
            ssrc: Ssrc(7),
            cname: b"me",
        };
        assert_eq!(
            compound(&bytes).next(),
            Some(Ok(RtcpPacket::SourceDescription(expected)))
        );
    }

    #[test]
    fn a_name_cut_short_costs_only_the_name() {
        let bytes = [0x81, 202, 0, 2, 0, 0, 0, 7, 1, 9, b'm', b'e'];
        let expected = SourceDescription {
            ssrc: Ssrc(7),
            cname: b"",
        };
        assert_eq!(
            compound(&bytes).next(),
            Some(Ok(RtcpPacket::SourceDescription(expected)))
        );
    }
}
