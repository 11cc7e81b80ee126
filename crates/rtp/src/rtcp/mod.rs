//! RTCP: compound packets in, single packets out
//! ([RFC 3550 §6](https://www.rfc-editor.org/rfc/rfc3550#section-6)). One file per packet type.

mod bye;
mod full_intra_request;
mod picture_loss_indication;
mod receiver_report;
mod report_block;
mod sender_report;
mod source_description;

pub use bye::Bye;
pub use full_intra_request::FullIntraRequest;
pub use picture_loss_indication::PictureLossIndication;
pub use receiver_report::ReceiverReport;
pub use report_block::{ReportBlock, ReportBlocks};
pub use sender_report::SenderReport;
pub use source_description::SourceDescription;

const VERSION: u8 = 2;
const PADDING: u8 = 0x20;
const COUNT: u8 = 0x1f;
const HEADER: usize = 4;

/// Payload-specific feedback ([RFC 4585 §6.3](https://www.rfc-editor.org/rfc/rfc4585#section-6.3)): the packet
/// type that PLI and FIR share.
const PAYLOAD_SPECIFIC_FEEDBACK: u8 = 206;

/// Whether `bytes` hold RTCP and not RTP, whatever channel or port they came by (Q34): version 2 and one of the
/// packet types 200 (SR) to 207 (XR), which no RTP payload type with its marker may use
/// ([RFC 5761 §4](https://www.rfc-editor.org/rfc/rfc5761#section-4)).
#[inline]
pub fn is_rtcp(bytes: &[u8]) -> bool {
    matches!(bytes, [first, 200..=207, ..] if first >> 6 == VERSION)
}

/// The packets of one datagram or interleaved frame, in order.
///
/// A packet with a fault inside costs that packet; where the next one begins is no longer known (a header of
/// another version, a length beyond the end), the fault ends the iteration. What came before stands in both cases.
/// Zeros after the last packet are taken for padding (Q88), and a compound need not begin with a report
/// ([RFC 5506](https://www.rfc-editor.org/rfc/rfc5506)).
pub fn compound(bytes: &[u8]) -> Compound<'_> {
    Compound {
        rest: bytes,
        offset: 0,
    }
}

/// Iterator over the packets of a compound: see [`compound`].
#[derive(Debug, Clone)]
pub struct Compound<'b> {
    rest: &'b [u8],
    offset: usize,
}

impl<'b> Iterator for Compound<'b> {
    type Item = Result<RtcpPacket<'b>, RtcpError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.rest.iter().all(|byte| *byte == 0) {
            return None;
        }
        let offset = self.offset;
        match RawPacket::split_from(self.rest) {
            Ok((packet, rest)) => {
                self.offset += self.rest.len() - rest.len();
                self.rest = rest;
                Some(RtcpPacket::parse(packet).map_err(|what| RtcpError { offset, what }))
            }
            Err(what) => {
                self.rest = &[];
                Some(Err(RtcpError { offset, what }))
            }
        }
    }
}

/// One packet of a compound: the header taken apart, the body without its padding.
///
/// ```text
///  0                   1                   2                   3
///  0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
/// +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
/// |V=2|P|  count  |  packet type  |  words after this one         |
/// +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
/// ```
#[derive(Clone, Copy)]
struct RawPacket<'b> {
    packet_type: u8,
    count: u8,
    body: &'b [u8],
}

impl<'b> RawPacket<'b> {
    fn split_from(bytes: &'b [u8]) -> Result<(Self, &'b [u8]), RtcpFault> {
        let Some(([first, packet_type, l0, l1], rest)) = bytes.split_first_chunk::<HEADER>() else {
            return Err(RtcpFault::CutShort {
                needed: HEADER,
                available: bytes.len(),
            });
        };
        if first >> 6 != VERSION {
            return Err(RtcpFault::Version(first >> 6));
        }
        let body_len = 4 * usize::from(u16::from_be_bytes([*l0, *l1]));
        let Some((body, rest)) = rest.split_at_checked(body_len) else {
            return Err(RtcpFault::CutShort {
                needed: HEADER + body_len,
                available: bytes.len(),
            });
        };
        let body = if first & PADDING == 0 {
            body
        } else {
            without_padding(body)
        };
        Ok((
            Self {
                packet_type: *packet_type,
                count: first & COUNT,
                body,
            },
            rest,
        ))
    }

    /// The first `N` bytes of the body, and what follows them.
    fn body<const N: usize>(&self) -> Result<(&'b [u8; N], &'b [u8]), RtcpFault> {
        let short = RtcpFault::CutShort {
            needed: HEADER + N,
            available: HEADER + self.body.len(),
        };
        self.body.split_first_chunk().ok_or(short)
    }
}

/// A padding length that cannot be is left unread: every body says for itself where it ends (Q88).
fn without_padding(body: &[u8]) -> &[u8] {
    let padding = body.last().copied().map_or(0, usize::from);
    body.len()
        .checked_sub(padding)
        .and_then(|kept| body.get(..kept))
        .unwrap_or(body)
}

/// The big-endian number in the `N`th word of `words`, whose length the caller's type has checked.
fn word<const N: usize>(words: &[u8; N], index: usize) -> u32 {
    words
        .chunks_exact(4)
        .nth(index)
        .and_then(<[u8]>::first_chunk)
        .map_or(0, |word| u32::from_be_bytes(*word))
}

/// Writes a packet's header; `body` is the number of bytes that will follow, a multiple of four.
fn write_header(packet_type: u8, count: u8, body: usize, out: &mut Vec<u8>) {
    // Every body written here is bounded by the five-bit count or by one text of 255 bytes.
    let words = u16::try_from(body / 4).unwrap_or(u16::MAX);
    out.extend_from_slice(&[VERSION << 6 | (count & COUNT), packet_type]);
    out.extend_from_slice(&words.to_be_bytes());
}

fn write_word(value: u32, out: &mut Vec<u8>) {
    out.extend_from_slice(&value.to_be_bytes());
}

/// One RTCP packet. Those with content of variable size lend it from the received bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum RtcpPacket<'b> {
    /// SR, type 200.
    SenderReport(SenderReport<'b>),
    /// RR, type 201.
    ReceiverReport(ReceiverReport<'b>),
    /// SDES, type 202.
    SourceDescription(SourceDescription<'b>),
    /// BYE, type 203.
    Bye(Bye<'b>),
    /// PLI, type 206, format 1.
    PictureLossIndication(PictureLossIndication),
    /// FIR, type 206, format 4.
    FullIntraRequest(FullIntraRequest),
    /// A type that this crate does not read (APP, XR, NACK, transport-wide feedback and the unknown), and SDES and
    /// BYE that name no source.
    Other {
        /// The packet type.
        packet_type: u8,
        /// The five bits after the padding bit: a count, a subtype or a feedback format. 0 to 31.
        count: u8,
        /// All after the header's first word, without padding.
        body: &'b [u8],
    },
}

impl<'b> RtcpPacket<'b> {
    fn parse(raw: RawPacket<'b>) -> Result<Self, RtcpFault> {
        Ok(match (raw.packet_type, raw.count) {
            (SenderReport::PACKET_TYPE, _) => Self::SenderReport(SenderReport::parse(raw)?),
            (ReceiverReport::PACKET_TYPE, _) => Self::ReceiverReport(ReceiverReport::parse(raw)?),
            (SourceDescription::PACKET_TYPE, 1..) => Self::SourceDescription(SourceDescription::parse(raw)?),
            (Bye::PACKET_TYPE, 1..) => Self::Bye(Bye::parse(raw)?),
            (PAYLOAD_SPECIFIC_FEEDBACK, PictureLossIndication::FORMAT) => {
                Self::PictureLossIndication(PictureLossIndication::parse(raw)?)
            }
            (PAYLOAD_SPECIFIC_FEEDBACK, FullIntraRequest::FORMAT) => {
                Self::FullIntraRequest(FullIntraRequest::parse(raw)?)
            }
            (packet_type, count) => Self::Other {
                packet_type,
                count,
                body: raw.body,
            },
        })
    }
}

/// Why an RTCP packet could not be read, and where it begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("invalid RTCP packet at byte {offset}: {what}")]
pub struct RtcpError {
    /// The first byte of the packet, counted from the start of the compound.
    pub offset: usize,
    /// What is wrong with it.
    pub what: RtcpFault,
}

/// What can be wrong with an RTCP packet; [`RtcpError`] says where.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum RtcpFault {
    /// The first two bits are not 2.
    #[error("version {0} instead of 2")]
    Version(u8),
    /// The packet ends before what its length field or its type asks for.
    #[error("{needed} bytes needed, {available} there")]
    CutShort {
        /// Bytes that the packet should have, header included.
        needed: usize,
        /// Bytes that it has.
        available: usize,
    },
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ids::Ssrc;
    use crate::ntp::NtpTimestamp;
    use crate::test_support::{fixture, mutations};

    /// A fixture's packets, all without a fault.
    fn packets(bytes: &[u8]) -> Vec<RtcpPacket<'_>> {
        compound(bytes).map(|packet| packet.unwrap()).collect()
    }

    #[test]
    fn a_compound_of_report_and_description_is_read_in_order() {
        let bytes = fixture(include_str!("../../../../testdata/rtp/axis_sr_sdes.hex"));
        let [
            RtcpPacket::SenderReport(report),
            RtcpPacket::SourceDescription(description),
        ] = packets(&bytes)[..]
        else {
            panic!("{:?}", packets(&bytes));
        };
        assert_eq!(report.ssrc, Ssrc(0x5e8a_11c2));
        assert_eq!(report.ntp, NtpTimestamp(0xe9d5_2a80_8000_0000));
        assert_eq!((report.packet_count, report.octet_count), (1_500, 1_950_000));
        assert_eq!(report.reports.iter().count(), 0);
        assert_eq!(
            (description.ssrc, description.cname),
            (report.ssrc, b"axis-cam".as_slice())
        );
    }

    #[test]
    fn q88_description_without_end_byte_is_read() {
        let bytes = fixture(include_str!(
            "../../../../testdata/rtp/hanwha_sdes_without_end_byte.hex"
        ));
        let all = packets(&bytes);
        let Some(RtcpPacket::SourceDescription(description)) = all.get(1) else {
            panic!("{all:?}")
        };
        assert_eq!(description.cname, b"camera");
    }

    #[test]
    fn q88_zeros_after_the_last_packet_are_padding() {
        let bytes = fixture(include_str!("../../../../testdata/rtp/tapo_sr_zero_padding.hex"));
        assert!(matches!(packets(&bytes)[..], [RtcpPacket::SenderReport(_)]));
    }

    #[test]
    fn q46_length_beyond_the_end_keeps_what_came_before() {
        let bytes = fixture(include_str!(
            "../../../../testdata/rtp/hikvision_rtcp_length_beyond_end.hex"
        ));
        let all: Vec<_> = compound(&bytes).collect();
        assert!(matches!(all[0], Ok(RtcpPacket::SenderReport(_))));
        let what = RtcpFault::CutShort {
            needed: 4 + 4 * 0x4000,
            available: 12,
        };
        assert_eq!(all[1..], [Err(RtcpError { offset: 28, what })]);
    }

    #[test]
    fn a_packet_with_a_fault_inside_costs_only_itself() {
        let mut bytes = Vec::new();
        PictureLossIndication {
            sender: Ssrc(1),
            media: Ssrc(2),
        }
        .write(&mut bytes);
        let bad = [0x80, 200, 0, 1, 0, 0, 0, 9]; // a sender report of one word
        bytes.extend_from_slice(&bad);
        Bye {
            ssrc: Ssrc(3),
            reason: b"",
        }
        .write(&mut bytes);
        let all: Vec<_> = compound(&bytes).collect();
        assert!(matches!(all[0], Ok(RtcpPacket::PictureLossIndication(_))));
        assert_eq!(
            all[1].unwrap_err().to_string(),
            "invalid RTCP packet at byte 12: 28 bytes needed, 8 there"
        );
        assert_eq!(
            all[2],
            Ok(RtcpPacket::Bye(Bye {
                ssrc: Ssrc(3),
                reason: b""
            }))
        );
        assert_eq!(all.len(), 3);
    }

    #[test]
    fn unknown_types_pass_through_whole() {
        let bytes = [0xa3, 205, 0, 2, 1, 2, 3, 4, 5, 0, 0, 3];
        let expected = RtcpPacket::Other {
            packet_type: 205,
            count: 3,
            body: &[1, 2, 3, 4, 5],
        };
        assert_eq!(packets(&bytes), [expected]);
    }

    #[test]
    fn padding_longer_than_its_packet_is_left_unread() {
        let bytes = [0xa3, 205, 0, 1, 1, 2, 3, 77];
        let expected = RtcpPacket::Other {
            packet_type: 205,
            count: 3,
            body: &[1, 2, 3, 77],
        };
        assert_eq!(packets(&bytes), [expected]);
    }

    #[test]
    fn description_and_bye_of_no_source_are_no_fault() {
        let bytes = [0x80, 202, 0, 0, 0x80, 203, 0, 0];
        for (packet, expected) in packets(&bytes).into_iter().zip([202, 203]) {
            assert_eq!(
                packet,
                RtcpPacket::Other {
                    packet_type: expected,
                    count: 0,
                    body: &[]
                }
            );
        }
    }

    #[test]
    fn q34_rtcp_is_told_from_rtp_by_its_second_byte() {
        let report = fixture(include_str!("../../../../testdata/rtp/tapo_sr_zero_padding.hex"));
        assert!(is_rtcp(&report));
        for not in [&[][..], &[0x80], &[0x80, 96], &[0x80, 0xe0], &[0x40, 200]] {
            assert!(!is_rtcp(not), "{not:?}");
        }
    }

    #[test]
    fn no_mutation_makes_the_iterator_panic_or_run_on() {
        for text in [
            include_str!("../../../../testdata/rtp/axis_sr_sdes.hex"),
            include_str!("../../../../testdata/rtp/hanwha_sdes_without_end_byte.hex"),
            include_str!("../../../../testdata/rtp/go2rtc_rr_pli_fir_bye.hex"),
        ] {
            mutations(&fixture(text), |bytes| {
                let all: Vec<_> = compound(bytes).collect();
                assert!(all.len() <= bytes.len() / HEADER + 1);
                let _ = format!("{all:?}");
            });
        }
    }

    #[test]
    fn everything_written_reads_back_the_same() {
        let bytes = fixture(include_str!("../../../../testdata/rtp/go2rtc_rr_pli_fir_bye.hex"));
        let mut written = Vec::new();
        for packet in packets(&bytes) {
            match packet {
                RtcpPacket::SenderReport(packet) => packet.write(&mut written),
                RtcpPacket::ReceiverReport(packet) => packet.write(&mut written),
                RtcpPacket::SourceDescription(packet) => packet.write(&mut written),
                RtcpPacket::Bye(packet) => packet.write(&mut written),
                RtcpPacket::PictureLossIndication(packet) => packet.write(&mut written),
                RtcpPacket::FullIntraRequest(packet) => packet.write(&mut written),
                RtcpPacket::Other { .. } => panic!("not in this fixture"),
            }
        }
        assert_eq!(written, bytes);
    }
}
