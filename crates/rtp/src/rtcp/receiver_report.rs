//! Receiver reports (RR).

use super::raw::{RawPacket, word, write_header, write_word};
use super::{ReportBlocks, RtcpFault};
use crate::ids::Ssrc;
use crate::tolerance::Reading;

/// RR: what one who sends nothing has received
/// ([RFC 3550 §6.4.2](https://www.rfc-editor.org/rfc/rfc3550#section-6.4.2)). Some cameras stop without it (Q36).
///
/// ```text
/// +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
/// |V=2|P|    RC   |   PT = 201    |             length            |
/// +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
/// |                         SSRC of sender                        |
/// +=+=+=+=+=+=+=+=+=+=+=+=+=+=+=+=+=+=+=+=+=+=+=+=+=+=+=+=+=+=+=+=+
/// |                       RC x report block                       |
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ReceiverReport<'b> {
    /// Who reports.
    pub ssrc: Ssrc,
    /// One block for each source heard; empty while there is none.
    pub reports: ReportBlocks<'b>,
}

impl<'b> ReceiverReport<'b> {
    pub(super) const PACKET_TYPE: u8 = 201;

    pub(super) fn parse(raw: RawPacket<'b>, leniency: &mut Reading) -> Result<Self, RtcpFault> {
        let (ssrc, blocks) = raw.body::<4>()?;
        Ok(Self {
            ssrc: Ssrc(word(ssrc, 0)),
            reports: ReportBlocks::counted(&raw, blocks, leniency)?,
        })
    }

    /// Appends the packet.
    pub fn write(&self, out: &mut Vec<u8>) {
        let body = 4 + self.reports.written_len();
        write_header(Self::PACKET_TYPE, self.reports.count(), body, out);
        write_word(self.ssrc.0, out);
        self.reports.write(out);
    }
}
