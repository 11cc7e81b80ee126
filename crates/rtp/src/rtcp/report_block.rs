//! Report blocks, the part that sender and receiver reports share.

use super::entries::{Entries, Entry};
use super::raw::{self, COUNT, write_word};
use crate::ids::Ssrc;

/// What a receiver says about one source: one of the blocks of a sender or receiver report
/// ([RFC 3550 §6.4.1](https://www.rfc-editor.org/rfc/rfc3550#section-6.4.1)).
///
/// ```text
/// +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
/// |                    SSRC of the source                         |
/// +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
/// | fraction lost |    cumulative number of packets lost (signed) |
/// +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
/// |           extended highest sequence number received           |
/// +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
/// |                      interarrival jitter                      |
/// +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
/// |                         last SR (LSR)                         |
/// +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
/// |                   delay since last SR (DLSR)                  |
/// +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ReportBlock {
    /// The source that is reported on.
    pub ssrc: Ssrc,
    /// Lost since the previous report, in 1/256 of what was expected.
    pub fraction_lost: u8,
    /// Lost since the beginning; negative where duplicates outnumber losses. The wire has 24 bits: written
    /// values are limited to -8388608..=8388607.
    pub cumulative_lost: i32,
    /// Highest sequence number received (lower 16 bits) and how often the sequence has wrapped (upper 16 bits).
    pub highest_sequence: u32,
    /// Interarrival jitter in ticks of the payload's clock.
    pub jitter: u32,
    /// The middle bits of the last sender report's NTP timestamp; 0 before the first.
    pub last_sr: u32,
    /// Time since that report arrived, in 1/65536 s; 0 before the first.
    pub delay_since_last_sr: u32,
}

const LEN: usize = 24;

impl ReportBlock {
    fn parse(bytes: &[u8; LEN]) -> Self {
        let word = |index| raw::word(bytes, index);
        let [fraction_lost, lost @ ..] = word(1).to_be_bytes();
        // Into the upper 24 bits and back, so that the sign is kept.
        let cumulative_lost = i32::from_be_bytes([lost[0], lost[1], lost[2], 0]) >> 8;
        Self {
            ssrc: Ssrc(word(0)),
            fraction_lost,
            cumulative_lost,
            highest_sequence: word(2),
            jitter: word(3),
            last_sr: word(4),
            delay_since_last_sr: word(5),
        }
    }
}

impl Entry for ReportBlock {
    const LEN: usize = LEN;
    /// A five-bit count says how many.
    const MAX: usize = COUNT as usize;

    fn read(bytes: &[u8]) -> Option<Self> {
        bytes.first_chunk().map(Self::parse)
    }

    fn write(&self, out: &mut Vec<u8>) {
        let [_, lost @ ..] = self.cumulative_lost.clamp(-0x80_0000, 0x7f_ffff).to_be_bytes();
        write_word(self.ssrc.0, out);
        out.push(self.fraction_lost);
        out.extend_from_slice(&lost);
        for value in [
            self.highest_sequence,
            self.jitter,
            self.last_sr,
            self.delay_since_last_sr,
        ] {
            write_word(value, out);
        }
    }
}

/// The report blocks of one packet, at most 31: a five-bit count says how many.
pub type ReportBlocks<'b> = Entries<'b, ReportBlock>;

#[cfg(test)]
mod tests {
    use super::super::{ReceiverReport, RtcpFault, RtcpPacket, compound, compound_with};
    use super::*;
    use crate::tolerance::{Policy, Tolerance};

    const BLOCK: ReportBlock = ReportBlock {
        ssrc: Ssrc(0x0102_0304),
        fraction_lost: 64,
        cumulative_lost: -2,
        highest_sequence: 0x0001_ffff,
        jitter: 7,
        last_sr: 0xb705_2000,
        delay_since_last_sr: 0x0005_4000,
    };

    #[test]
    fn the_24_bit_loss_keeps_its_sign_and_its_bounds() {
        for (lost, read_back) in [
            (-2, -2),
            (0, 0),
            (0x7f_ffff, 0x7f_ffff),
            (0x80_0000, 0x7f_ffff),
            (-0x80_0000, -0x80_0000),
            (i32::MIN, -0x80_0000),
        ] {
            let mut bytes = Vec::new();
            ReportBlock {
                cumulative_lost: lost,
                ..BLOCK
            }
            .write(&mut bytes);
            let parsed = ReportBlock::parse(bytes.first_chunk().unwrap());
            assert_eq!(
                parsed,
                ReportBlock {
                    cumulative_lost: read_back,
                    ..BLOCK
                }
            );
        }
    }

    #[test]
    fn no_more_than_31_blocks_are_sent() {
        let blocks = ReportBlocks::new(&[BLOCK; 40]).iter().count();
        assert_eq!(blocks, ReportBlocks::MAX);
        assert_eq!(ReportBlocks::new(&[BLOCK; 40]).count(), 31);
    }

    #[test]
    fn a_count_beyond_the_body_yields_the_blocks_that_are_there_or_an_error() {
        let mut bytes = vec![0x85, 201, 0, 8, 0, 0, 0, 7];
        BLOCK.write(&mut bytes);
        bytes.extend_from_slice(&[1, 2, 3, 4]);
        let report = ReceiverReport {
            ssrc: Ssrc(7),
            reports: ReportBlocks::new(&[BLOCK]),
        };
        let mut packets = compound(&bytes);
        assert_eq!(packets.next(), Some(Ok(RtcpPacket::ReceiverReport(report))));
        assert!(packets.tolerated().contains(Tolerance::RtcpCount));
        let refused = Policy::default().refuse(Tolerance::RtcpCount);
        let error = compound_with(&bytes, refused).next().unwrap().unwrap_err();
        assert_eq!(error.what, RtcpFault::NotTolerated(Tolerance::RtcpCount));
    }
}
