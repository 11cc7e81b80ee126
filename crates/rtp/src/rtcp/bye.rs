//! Goodbyes (BYE).

use super::RtcpFault;
use super::entries::{Entries, Entry};
use super::raw::{COUNT, RawPacket, tolerate, write_header, write_word};
use crate::ids::Ssrc;
use crate::tolerance::{Reading, Tolerance};

const MAX_TEXT: usize = 255;

/// BYE: sources leave ([RFC 3550 §6.6](https://www.rfc-editor.org/rfc/rfc3550#section-6.6)).
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
/// Anything but a mixer names one source.
///
/// ```
/// use throughline_rtp::Ssrc;
/// use throughline_rtp::rtcp::{Bye, Sources};
///
/// let mut bytes = Vec::new();
/// Bye { sources: Sources::new(&[Ssrc(7)]), reason: b"" }.write(&mut bytes);
/// assert_eq!(bytes, [0x81, 203, 0, 1, 0, 0, 0, 7]);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Bye<'b> {
    /// Who leaves.
    pub sources: Sources<'b>,
    /// Why, for people, in UTF-8 if the sender keeps to the rule; empty where nothing is said. Of one to be
    /// written, the first 255 bytes count.
    pub reason: &'b [u8],
}

impl<'b> Bye<'b> {
    pub(super) const PACKET_TYPE: u8 = 203;

    /// A reason that is cut short is left out: what counts is that the source leaves.
    pub(super) fn parse(raw: RawPacket<'b>, leniency: &mut Reading) -> Result<Self, RtcpFault> {
        // The first SSRC must be there.
        raw.body::<{ Ssrc::LEN }>()?;
        let sources = Sources::counted(&raw, raw.body, leniency)?;
        let reason = match raw.body.get(usize::from(raw.count) * Ssrc::LEN..) {
            None | Some([]) => Some([].as_slice()),
            Some([len, text @ ..]) => text.get(..usize::from(*len)),
        };
        if reason.is_none() {
            tolerate(Tolerance::RtcpCount, leniency)?;
        }
        Ok(Self {
            sources,
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
        let body = self.sources.written_len() + text;
        write_header(Self::PACKET_TYPE, self.sources.count(), body, out);
        self.sources.write(out);
        if !reason.is_empty() {
            let end = out.len() + text;
            out.push(u8::try_from(reason.len()).unwrap_or(u8::MAX));
            out.extend_from_slice(reason);
            out.resize(end, 0);
        }
    }
}

impl Entry for Ssrc {
    const LEN: usize = 4;
    /// A five-bit count says how many.
    const MAX: usize = COUNT as usize;

    fn read(bytes: &[u8]) -> Option<Self> {
        bytes.first_chunk().map(|word| Self(u32::from_be_bytes(*word)))
    }

    fn write(&self, out: &mut Vec<u8>) {
        write_word(self.0, out);
    }
}

/// The sources that a [`Bye`] names, at most 31: a five-bit count says how many.
pub type Sources<'b> = Entries<'b, Ssrc>;

#[cfg(test)]
mod tests {
    use super::super::{RtcpError, RtcpPacket, compound};
    use super::*;
    use crate::tolerance::Tolerances;

    fn bye<'b>(sources: &'b [Ssrc], reason: &'b [u8]) -> RtcpPacket<'b> {
        RtcpPacket::Bye(Bye {
            sources: Sources::new(sources),
            reason,
        })
    }

    fn read(bytes: &[u8]) -> (Option<Result<RtcpPacket<'_>, RtcpError>>, Tolerances) {
        let mut packets = compound(bytes);
        (packets.next(), packets.tolerated())
    }

    #[test]
    fn sources_of_every_number_and_reasons_of_every_length_survive_the_round_trip() {
        let (sources, reason) = ([1, 2, 3].map(Ssrc), [b'r'; MAX_TEXT]);
        for sources in [&sources[..1], &sources, &[Ssrc(9); 31]] {
            for len in 0..=MAX_TEXT {
                let bye = bye(sources, &reason[..len]);
                let mut bytes = Vec::new();
                bye.write(&mut bytes);
                assert_eq!(compound(&bytes).collect::<Vec<_>>(), [Ok(bye)]);
            }
        }
    }

    #[test]
    fn a_reason_behind_two_sources_is_found_and_written_back() {
        let bytes = [0x82, 203, 0, 3, 0, 0, 0, 1, 0, 0, 0, 2, 3, b'e', b'n', b'd'];
        let expected = bye(&[Ssrc(1), Ssrc(2)], b"end");
        assert_eq!(read(&bytes).0, Some(Ok(expected)));
        let mut written = Vec::new();
        expected.write(&mut written);
        assert_eq!(written, bytes);
    }

    #[test]
    fn a_reason_cut_short_costs_only_the_reason() {
        let bytes = [0x81, 203, 0, 2, 0, 0, 0, 1, 9, b'e', b'n', b'd'];
        let (packet, tolerated) = read(&bytes);
        assert_eq!(packet, Some(Ok(bye(&[Ssrc(1)], b""))));
        assert!(tolerated.contains(Tolerance::RtcpCount));
    }

    #[test]
    fn a_count_beyond_the_body_yields_the_sources_that_are_there() {
        let bytes = [0x83, 203, 0, 2, 0, 0, 0, 1, 0, 0, 0, 2];
        let (packet, tolerated) = read(&bytes);
        assert_eq!(packet, Some(Ok(bye(&[Ssrc(1), Ssrc(2)], b""))));
        assert!(tolerated.contains(Tolerance::RtcpCount));
    }
}
