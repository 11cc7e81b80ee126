//! Extended reports (XR).

use super::RtcpFault;
use super::raw::{RawPacket, word, write_padded};
use crate::ids::Ssrc;

/// XR: reports of other kinds ([RFC 3611 §2](https://www.rfc-editor.org/rfc/rfc3611#section-2)). Its blocks are told
/// apart, not interpreted.
///
/// ```text
/// +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
/// |V=2|P|reserved |   PT = 207    |             length            |
/// +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
/// |                              SSRC                             |
/// +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
/// |  block type   | type-specific |     words after this one      |
/// +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
/// | ...                                                           |
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ExtendedReport<'b> {
    /// Who reports.
    pub ssrc: Ssrc,
    /// The blocks as they are on the wire.
    pub data: &'b [u8],
}

/// One block of an [`ExtendedReport`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ExtendedReportBlock<'b> {
    /// What it reports: 4 is a receiver's reference time, 5 the answer to it.
    pub block_type: u8,
    /// The type's own.
    pub type_specific: u8,
    /// All after the block's first word; a multiple of four bytes.
    pub body: &'b [u8],
}

impl<'b> ExtendedReport<'b> {
    pub(super) const PACKET_TYPE: u8 = 207;

    pub(super) fn parse(raw: RawPacket<'b>) -> Result<Self, RtcpFault> {
        let (ssrc, data) = raw.body::<4>()?;
        Ok(Self {
            ssrc: Ssrc(word(ssrc, 0)),
            data,
        })
    }

    /// The blocks, in their order; one that is longer than what is left is left out.
    pub fn blocks(&self) -> impl Iterator<Item = ExtendedReportBlock<'b>> + use<'b> {
        let mut rest = self.data;
        std::iter::from_fn(move || {
            let ([block_type, type_specific, l0, l1], following) = rest.split_first_chunk()?;
            let len = 4 * usize::from(u16::from_be_bytes([*l0, *l1]));
            let (body, following) = following.split_at_checked(len)?;
            rest = following;
            Some(ExtendedReportBlock {
                block_type: *block_type,
                type_specific: *type_specific,
                body,
            })
        })
    }

    /// Appends the packet.
    pub fn write(&self, out: &mut Vec<u8>) {
        write_padded(Self::PACKET_TYPE, 0, &[self.ssrc.0], self.data, out);
    }
}

#[cfg(test)]
mod tests {
    use super::super::{RtcpPacket, compound};
    use super::*;

    #[test]
    fn blocks_are_told_apart_and_written_back_as_they_were() {
        let bytes = [
            0x80, 207, 0, 6, 0, 0, 0, 7, // XR of source 7
            4, 0, 0, 2, 1, 2, 3, 4, 5, 6, 7, 8, // reference time
            1, 9, 0, 0, // a block without a body
            6, 0, 0, 9, // one that is cut short
        ];
        let packet = compound(&bytes).next().unwrap().unwrap();
        let RtcpPacket::ExtendedReport(report) = packet else {
            panic!("{packet:?}")
        };
        let blocks: Vec<_> = report.blocks().collect();
        let block = |block_type, type_specific, body| ExtendedReportBlock {
            block_type,
            type_specific,
            body,
        };
        assert_eq!(
            blocks,
            [block(4, 0, &[1, 2, 3, 4, 5, 6, 7, 8][..]), block(1, 9, &[])]
        );
        let mut written = Vec::new();
        packet.write(&mut written);
        assert_eq!(written, bytes);
    }
}
