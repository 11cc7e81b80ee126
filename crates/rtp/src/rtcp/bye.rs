//! Goodbyes (BYE).

use super::RtcpFault;
use super::raw::{RawPacket, tolerate, word, write_header, write_word};
use crate::ids::Ssrc;
use crate::tolerance::{Leniency, Tolerance};

const MAX_TEXT: usize = 255;

/// BYE: a source leaves ([RFC 3550 §6.6](https://www.rfc-editor.org/rfc/rfc3550#section-6.6)).
///
/// ```text
/// +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
/// |V=2|P|    SC   |   PT = 203    |             length            |
/// +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
/// |                           SC x SSRC                           |
/// +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
/// |     length    | reason ...                  zeros to a word   |
/// ```
///
/// Read is the first source, the only one that anything but a mixer sends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Bye<'b> {
    /// Who leaves.
    pub ssrc: Ssrc,
    /// Why, for people, in UTF-8 if the sender keeps to the rule; empty where nothing is said. Of one to be
    /// written, the first 255 bytes count.
    pub reason: &'b [u8],
}

impl<'b> Bye<'b> {
    pub(super) const PACKET_TYPE: u8 = 203;

    /// A reason that is cut short is left out: what counts is that the source leaves.
    pub(super) fn parse(raw: RawPacket<'b>, leniency: &mut Leniency) -> Result<Self, RtcpFault> {
        let (ssrc, _) = raw.body::<4>()?;
        let reason = match raw.body.get(4 * usize::from(raw.count)..) {
            Some([]) => Some([].as_slice()),
            Some([len, text @ ..]) => text.get(..usize::from(*len)),
            None => None,
        };
        if reason.is_none() {
            tolerate(Tolerance::RtcpCount, leniency)?;
        }
        Ok(Self {
            ssrc: Ssrc(word(ssrc, 0)),
            reason: reason.unwrap_or_default(),
        })
    }

    /// Appends the packet.
    pub fn write(&self, out: &mut Vec<u8>) {
        let reason = self.reason.get(..MAX_TEXT).unwrap_or(self.reason);
        let text = if reason.is_empty() {
            0
        } else {
            (1 + reason.len()).next_multiple_of(4)
        };
        write_header(Self::PACKET_TYPE, 1, 4 + text, out);
        write_word(self.ssrc.0, out);
        if !reason.is_empty() {
            let end = out.len() + text;
            out.push(u8::try_from(reason.len()).unwrap_or(u8::MAX));
            out.extend_from_slice(reason);
            out.resize(end, 0);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::{RtcpPacket, compound};
    use super::*;

    #[test]
    fn reasons_of_every_length_survive_the_round_trip() {
        for len in 0..=MAX_TEXT {
            let reason = vec![b'r'; len];
            let bye = Bye {
                ssrc: Ssrc(7),
                reason: &reason,
            };
            let mut bytes = Vec::new();
            bye.write(&mut bytes);
            assert_eq!(compound(&bytes).collect::<Vec<_>>(), [Ok(RtcpPacket::Bye(bye))]);
        }
    }

    #[test]
    fn a_reason_behind_two_sources_is_found() {
        let bytes = [0x82, 203, 0, 3, 0, 0, 0, 1, 0, 0, 0, 2, 3, b'e', b'n', b'd'];
        let expected = RtcpPacket::Bye(Bye {
            ssrc: Ssrc(1),
            reason: b"end",
        });
        assert_eq!(compound(&bytes).next(), Some(Ok(expected)));
    }

    #[test]
    fn a_reason_cut_short_costs_only_the_reason() {
        let bytes = [0x81, 203, 0, 2, 0, 0, 0, 1, 9, b'e', b'n', b'd'];
        let expected = RtcpPacket::Bye(Bye {
            ssrc: Ssrc(1),
            reason: b"",
        });
        assert_eq!(compound(&bytes).next(), Some(Ok(expected)));
    }
}
