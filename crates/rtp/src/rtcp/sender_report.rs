//! Sender reports (SR).

use super::raw::{RawPacket, word, write_header, write_word};
use super::{ReportBlocks, RtcpFault};
use crate::ids::{RtpTimestamp, Ssrc};
use crate::ntp::NtpTimestamp;
use crate::tolerance::Reading;

/// SSRC, two clocks, two counts.
const SENDER_INFO: usize = 24;

/// SR: a sender's wall clock beside its media clock, and what it has sent
/// ([RFC 3550 §6.4.1](https://www.rfc-editor.org/rfc/rfc3550#section-6.4.1)).
///
/// ```text
/// +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
/// |V=2|P|    RC   |   PT = 200    |             length            |
/// +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
/// |                         SSRC of sender                        |
/// +=+=+=+=+=+=+=+=+=+=+=+=+=+=+=+=+=+=+=+=+=+=+=+=+=+=+=+=+=+=+=+=+
/// |                    NTP timestamp, two words                   |
/// |                                                               |
/// +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
/// |                         RTP timestamp                         |
/// +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
/// |                     sender's packet count                     |
/// +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
/// |                      sender's octet count                     |
/// +=+=+=+=+=+=+=+=+=+=+=+=+=+=+=+=+=+=+=+=+=+=+=+=+=+=+=+=+=+=+=+=+
/// |                       RC x report block                       |
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SenderReport<'b> {
    /// Who reports. Some cameras use another number here than in their packets (Q88).
    pub ssrc: Ssrc,
    /// The sender's wall clock when it sent this.
    pub ntp: NtpTimestamp,
    /// The media time of that same moment.
    pub rtp: RtpTimestamp,
    /// Packets sent since the start, modulo 2^32.
    pub packet_count: u32,
    /// Bytes of payload sent since the start, modulo 2^32.
    pub octet_count: u32,
    /// What the sender in its turn receives; cameras receive nothing.
    pub reports: ReportBlocks<'b>,
}

impl<'b> SenderReport<'b> {
    pub(super) const PACKET_TYPE: u8 = 200;

    pub(super) fn parse(raw: RawPacket<'b>, leniency: &mut Reading) -> Result<Self, RtcpFault> {
        let (info, blocks) = raw.body::<SENDER_INFO>()?;
        Ok(Self {
            ssrc: Ssrc(word(info, 0)),
            ntp: NtpTimestamp(u64::from(word(info, 1)) << 32 | u64::from(word(info, 2))),
            rtp: RtpTimestamp(word(info, 3)),
            packet_count: word(info, 4),
            octet_count: word(info, 5),
            reports: ReportBlocks::counted(&raw, blocks, leniency)?,
        })
    }

    /// Appends the packet.
    pub fn write(&self, out: &mut Vec<u8>) {
        let body = SENDER_INFO + self.reports.written_len();
        write_header(Self::PACKET_TYPE, self.reports.count(), body, out);
        write_word(self.ssrc.0, out);
        out.extend_from_slice(&self.ntp.0.to_be_bytes());
        write_word(self.rtp.0, out);
        write_word(self.packet_count, out);
        write_word(self.octet_count, out);
        self.reports.write(out);
    }
}

#[cfg(test)]
mod tests {
    use super::super::{ReportBlock, RtcpPacket, compound};
    use super::*;

    #[test]
    fn report_with_blocks_survives_the_round_trip() {
        let block = ReportBlock {
            ssrc: Ssrc(9),
            fraction_lost: 1,
            cumulative_lost: 2,
            highest_sequence: 3,
            jitter: 4,
            last_sr: 5,
            delay_since_last_sr: 6,
        };
        for blocks in [&[][..], &[block], &[block; 31]] {
            let report = SenderReport {
                ssrc: Ssrc(0xcafe_f00d),
                ntp: NtpTimestamp(0xb44d_b705_2000_0000),
                rtp: RtpTimestamp(u32::MAX),
                packet_count: 10,
                octet_count: 11,
                reports: ReportBlocks::new(blocks),
            };
            let mut bytes = Vec::new();
            report.write(&mut bytes);
            assert_eq!(
                compound(&bytes).collect::<Vec<_>>(),
                [Ok(RtcpPacket::SenderReport(report))]
            );
        }
    }
}
