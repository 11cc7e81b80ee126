//! The RTP packet: a view that copies nothing, and the header of packets to send.

use crate::extension::Extension;
use crate::ids::{PayloadType, RtpTimestamp, SequenceNumber, Ssrc};
use crate::tolerance::{NotTolerated, Policy, Tolerance};

/// Bytes of the header that every packet has.
pub(crate) const FIXED_HEADER: usize = 12;

const VERSION: u8 = 2;
const PADDING: u8 = 0x20;
const EXTENSION: u8 = 0x10;
const MARKER: u8 = 0x80;

/// A received RTP packet, read in place
/// ([RFC 3550 §5.1](https://www.rfc-editor.org/rfc/rfc3550#section-5.1)).
///
/// ```text
///  0                   1                   2                   3
///  0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
/// +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
/// |V=2|P|X|  CC   |M|     PT      |       sequence number         |
/// +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
/// |                           timestamp                           |
/// +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
/// |           synchronization source (SSRC) identifier            |
/// +=+=+=+=+=+=+=+=+=+=+=+=+=+=+=+=+=+=+=+=+=+=+=+=+=+=+=+=+=+=+=+=+
/// |       CC x contributing source (CSRC) identifiers             |
/// +=+=+=+=+=+=+=+=+=+=+=+=+=+=+=+=+=+=+=+=+=+=+=+=+=+=+=+=+=+=+=+=+
/// |  X: profile of the extension  |    its length in words        |
/// +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
/// |                        header extension                       |
/// +=+=+=+=+=+=+=+=+=+=+=+=+=+=+=+=+=+=+=+=+=+=+=+=+=+=+=+=+=+=+=+=+
/// |                            payload                            |
/// |               +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
/// |               | P: padding, its last byte says how many       |
/// +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Packet<'b> {
    header: &'b [u8; FIXED_HEADER],
    /// CSRC list and header extension, as on the wire.
    options: &'b [u8],
    payload: &'b [u8],
}

impl<'b> Packet<'b> {
    /// Reads the packet that `bytes` (one datagram, or one interleaved frame) holds.
    ///
    /// Fails where the bytes are no RTP packet: too short, of another version, or with a CSRC list, extension or
    /// padding that does not fit. An empty payload is fine: some senders keep a path open with it.
    #[inline]
    pub fn parse(bytes: &'b [u8]) -> Result<Self, PacketError> {
        let Some((header, rest)) = bytes.split_first_chunk::<FIXED_HEADER>() else {
            return Err(PacketError {
                offset: bytes.len(),
                what: PacketFault::HeaderCutShort,
            });
        };
        // What nearly every packet is, without a branch for each of the three options.
        let (options, payload) = if header[0] == VERSION << 6 {
            (&[][..], rest)
        } else {
            split_options(header, rest)?
        };
        Ok(Self {
            header,
            options,
            payload,
        })
    }

    /// The packet whose parts were taken from a parsed one by [`parts`](Self::parts).
    #[inline]
    pub(crate) fn from_parts(header: &'b [u8; FIXED_HEADER], options: &'b [u8], payload: &'b [u8]) -> Self {
        Self {
            header,
            options,
            payload,
        }
    }

    /// Fixed header; CSRC list and extension; payload.
    #[inline]
    pub(crate) fn parts(&self) -> (&'b [u8; FIXED_HEADER], &'b [u8], &'b [u8]) {
        (self.header, self.options, self.payload)
    }

    /// The packet's place in its stream.
    #[inline]
    pub const fn sequence_number(&self) -> SequenceNumber {
        SequenceNumber(u16::from_be_bytes([self.header[2], self.header[3]]))
    }

    /// The media time of the payload's first byte. H.264: the same for all packets of one picture.
    #[inline]
    pub const fn timestamp(&self) -> RtpTimestamp {
        RtpTimestamp(u32::from_be_bytes([
            self.header[4],
            self.header[5],
            self.header[6],
            self.header[7],
        ]))
    }

    /// Who sent it.
    #[inline]
    pub const fn ssrc(&self) -> Ssrc {
        Ssrc(u32::from_be_bytes([
            self.header[8],
            self.header[9],
            self.header[10],
            self.header[11],
        ]))
    }

    /// What the payload is; [`has_type`](Self::has_type) compares it with what was negotiated.
    #[inline]
    pub const fn payload_type(&self) -> PayloadType {
        PayloadType(self.header[1] & !MARKER)
    }

    /// Whether the payload is of the `wanted` type. What is of another is to be dropped before it reaches statistics and
    /// order ([RFC 3550 §5.1](https://www.rfc-editor.org/rfc/rfc3550#section-5.1)): a camera may send each packet a
    /// second time under another type and the same number (Q85). It is an error where the policy refuses
    /// [`Tolerance::PayloadType`].
    #[inline]
    pub fn has_type(&self, wanted: PayloadType, policy: &Policy) -> Result<bool, NotTolerated> {
        if self.payload_type() == wanted {
            return Ok(true);
        }
        if policy.tolerates(Tolerance::PayloadType) {
            return Ok(false);
        }
        Err(NotTolerated {
            tolerance: Tolerance::PayloadType,
            ssrc: self.ssrc(),
            sequence_number: self.sequence_number(),
        })
    }

    /// The marker bit. H.264: the last packet of an access unit, if the camera can be trusted
    /// ([RFC 6184 §5.1](https://www.rfc-editor.org/rfc/rfc6184#section-5.1); Q75, Q134).
    #[inline]
    pub const fn marker(&self) -> bool {
        self.header[1] & MARKER != 0
    }

    /// What the packet carries, without padding.
    #[inline]
    pub const fn payload(&self) -> &'b [u8] {
        self.payload
    }

    /// The sources that a mixer put together, at most 15. Cameras send none.
    pub fn csrcs(&self) -> impl Iterator<Item = Ssrc> + use<'b> {
        let (csrcs, _) = self
            .options
            .split_at(csrc_bytes(self.header).min(self.options.len()));
        csrcs
            .chunks_exact(4)
            .filter_map(|word| word.first_chunk().map(|word| Ssrc(u32::from_be_bytes(*word))))
    }

    /// The header extension, if the packet has one.
    #[inline]
    pub fn extension(&self) -> Option<Extension<'b>> {
        if self.header[0] & EXTENSION == 0 {
            return None;
        }
        self.options
            .get(csrc_bytes(self.header)..)
            .and_then(Extension::split_from)
    }
}

#[inline]
fn csrc_bytes(header: &[u8; FIXED_HEADER]) -> usize {
    4 * usize::from(header[0] & 0x0f)
}

/// Behind the fixed header of a packet: CSRC list and header extension, and the payload without padding.
fn split_options<'b>(
    header: &[u8; FIXED_HEADER],
    rest: &'b [u8],
) -> Result<(&'b [u8], &'b [u8]), PacketError> {
    let version = header[0] >> 6;
    if version != VERSION {
        return Err(PacketError {
            offset: 0,
            what: PacketFault::Version(version),
        });
    }
    let csrcs = csrc_bytes(header);
    let mut options_len = csrcs;
    if rest.len() < csrcs {
        return Err(PacketError {
            offset: FIXED_HEADER,
            what: PacketFault::CsrcsCutShort,
        });
    }
    if header[0] & EXTENSION != 0 {
        let Some(extension) = rest.get(csrcs..).and_then(Extension::split_from) else {
            return Err(PacketError {
                offset: FIXED_HEADER + csrcs,
                what: PacketFault::ExtensionCutShort,
            });
        };
        options_len += Extension::HEAD + extension.data.len();
    }
    let (options, mut payload) = rest.split_at(options_len);
    if header[0] & PADDING != 0 {
        let padding = payload.last().copied().unwrap_or(0);
        let kept = payload
            .len()
            .checked_sub(usize::from(padding))
            .filter(|_| padding > 0);
        let Some(unpadded) = kept.and_then(|kept| payload.get(..kept)) else {
            let offset = FIXED_HEADER + rest.len() - 1;
            return Err(PacketError {
                offset,
                what: PacketFault::Padding(padding),
            });
        };
        payload = unpadded;
    }
    Ok((options, payload))
}

/// Why bytes are no RTP packet, and where.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("invalid RTP packet at byte {offset}: {what}")]
pub struct PacketError {
    /// The byte, counted from the packet's start, that is wrong or missing.
    pub offset: usize,
    /// What is wrong with it.
    pub what: PacketFault,
}

/// What can be wrong with an RTP packet; [`PacketError`] says where.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum PacketFault {
    /// Fewer than the 12 bytes of the fixed header.
    #[error("the fixed header is cut short")]
    HeaderCutShort,
    /// The first two bits are not 2. Encrypted or foreign data, mostly (Q105).
    #[error("version {0} instead of 2")]
    Version(u8),
    /// The CSRC list is longer than the packet.
    #[error("the CSRC list is cut short")]
    CsrcsCutShort,
    /// The header extension is longer than the packet.
    #[error("the header extension is cut short")]
    ExtensionCutShort,
    /// The padding, whose length this is, is empty or longer than the payload.
    #[error("padding of {0} bytes does not fit the payload")]
    Padding(u8),
}

/// The fixed header of a packet to send, without CSRCs, extension and padding.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PacketHeader {
    /// What the payload is; the lower seven bits are sent.
    pub payload_type: PayloadType,
    /// The marker bit. H.264: set on the last packet of an access unit.
    pub marker: bool,
    /// One more than the packet sent before.
    pub sequence_number: SequenceNumber,
    /// The media time of the payload.
    pub timestamp: RtpTimestamp,
    /// The sender's own number.
    pub ssrc: Ssrc,
}

impl PacketHeader {
    /// Appends the twelve bytes; the payload follows.
    pub fn write(&self, out: &mut Vec<u8>) {
        let marker = if self.marker { MARKER } else { 0 };
        out.extend_from_slice(&[VERSION << 6, marker | (self.payload_type.0 & !MARKER)]);
        out.extend_from_slice(&self.sequence_number.0.to_be_bytes());
        out.extend_from_slice(&self.timestamp.0.to_be_bytes());
        out.extend_from_slice(&self.ssrc.0.to_be_bytes());
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ntp::NtpTimestamp;
    use crate::replay_extension::ReplayExtension;
    use crate::test_support::{fixture, mutations};

    const HEADER: PacketHeader = PacketHeader {
        payload_type: PayloadType(96),
        marker: true,
        sequence_number: SequenceNumber(0xfffe),
        timestamp: RtpTimestamp(0x1234_5678),
        ssrc: Ssrc(0xdead_beef),
    };

    fn packet_with(first_byte: u8, rest: &[u8]) -> Vec<u8> {
        let mut bytes = Vec::new();
        HEADER.write(&mut bytes);
        bytes[0] = first_byte;
        bytes.extend_from_slice(rest);
        bytes
    }

    fn fault(bytes: &[u8]) -> (usize, PacketFault) {
        let error = Packet::parse(bytes).unwrap_err();
        (error.offset, error.what)
    }

    #[test]
    fn a_written_header_reads_back() {
        let bytes = packet_with(0x80, b"payload");
        let packet = Packet::parse(&bytes).unwrap();
        assert_eq!(packet.payload_type(), HEADER.payload_type);
        assert!(packet.marker());
        assert_eq!(packet.sequence_number(), HEADER.sequence_number);
        assert_eq!(packet.timestamp(), HEADER.timestamp);
        assert_eq!(packet.ssrc(), HEADER.ssrc);
        assert_eq!(packet.payload(), b"payload");
        assert_eq!(packet.csrcs().count(), 0);
        assert_eq!(packet.extension(), None);
    }

    #[test]
    fn csrcs_extension_and_padding_are_told_from_the_payload() {
        let mut rest = vec![0, 0, 0, 1, 0, 0, 0, 2]; // two CSRCs
        rest.extend_from_slice(&[0xbe, 0xde, 0, 1, 0x10, 0xaa, 0, 0]); // one word of extension
        rest.extend_from_slice(b"H264");
        rest.extend_from_slice(&[0, 0, 3]);
        let bytes = packet_with(0x80 | PADDING | EXTENSION | 2, &rest);
        let packet = Packet::parse(&bytes).unwrap();
        assert_eq!(packet.csrcs().collect::<Vec<_>>(), [Ssrc(1), Ssrc(2)]);
        assert_eq!(
            packet.extension(),
            Some(Extension {
                profile: 0xbede,
                data: &[0x10, 0xaa, 0, 0]
            })
        );
        assert_eq!(packet.payload(), b"H264");
    }

    #[test]
    fn padding_alone_is_an_empty_payload() {
        let bytes = packet_with(0x80 | PADDING, &[0, 0, 0, 4]);
        assert_eq!(Packet::parse(&bytes).unwrap().payload(), b"");
        assert_eq!(Packet::parse(&packet_with(0x80, b"")).unwrap().payload(), b"");
    }

    #[test]
    fn each_fault_is_named_with_its_byte() {
        assert_eq!(fault(b""), (0, PacketFault::HeaderCutShort));
        assert_eq!(
            fault(&packet_with(0x80, b"")[..11]),
            (11, PacketFault::HeaderCutShort)
        );
        assert_eq!(fault(&packet_with(0x40, b"x")), (0, PacketFault::Version(1)));
        assert_eq!(
            fault(&packet_with(0x82, &[0; 7])),
            (12, PacketFault::CsrcsCutShort)
        );
        assert_eq!(
            fault(&packet_with(0x91, &[0; 7])),
            (16, PacketFault::ExtensionCutShort)
        );
        assert_eq!(
            fault(&packet_with(0x90, &[0, 0, 0, 1, 9, 9, 9])),
            (12, PacketFault::ExtensionCutShort)
        );
        assert_eq!(fault(&packet_with(0xa0, &[1, 0])), (13, PacketFault::Padding(0)));
        assert_eq!(fault(&packet_with(0xa0, &[1, 3])), (13, PacketFault::Padding(3)));
        assert_eq!(fault(&packet_with(0xa0, &[])), (11, PacketFault::Padding(0)));
        assert_eq!(
            Packet::parse(&packet_with(0xa0, &[1, 3]))
                .unwrap_err()
                .to_string(),
            "invalid RTP packet at byte 13: padding of 3 bytes does not fit the payload"
        );
    }

    #[test]
    fn a_large_payload_type_cannot_set_the_marker() {
        let mut bytes = Vec::new();
        PacketHeader {
            payload_type: PayloadType(0xff),
            marker: false,
            ..HEADER
        }
        .write(&mut bytes);
        let packet = Packet::parse(&bytes).unwrap();
        assert!(!packet.marker());
        assert_eq!(packet.payload_type(), PayloadType(127));
    }

    #[test]
    fn q142_replay_extension_on_a_live_stream_is_told_from_the_payload() {
        let bytes = fixture(include_str!(
            "../../../testdata/rtp/axis_onvif_replay_extension.hex"
        ));
        let packet = Packet::parse(&bytes).unwrap();
        let extension = packet.extension().unwrap();
        assert_eq!((extension.profile, extension.data.len()), (0xabac, 12));
        let replay = ReplayExtension::from_extension(&extension).unwrap();
        assert_eq!(replay.ntp, NtpTimestamp(0xe9d5_2a80_8000_0000));
        assert_eq!((replay.clean_point, replay.end_of_section), (true, false));
        assert_eq!((replay.discontinuity, replay.terminal), (true, false));
        assert_eq!(replay.cseq, 1);
        assert_eq!(packet.payload(), [0x09, 0xf0]);
    }

    #[test]
    fn q85_packets_of_another_payload_type_are_to_be_dropped_or_an_error() {
        let bytes = fixture(include_str!(
            "../../../testdata/rtp/geovision_payload_type_50.hex"
        ));
        let packet = Packet::parse(&bytes).unwrap();
        let refused = Policy::default().refuse(Tolerance::PayloadType);
        assert_eq!(packet.has_type(PayloadType(96), &Policy::default()), Ok(false));
        let error = packet.has_type(PayloadType(96), &refused).unwrap_err();
        assert_eq!(
            error.to_string(),
            "SSRC 0x5e8a11c2, sequence number 258: payload type was not negotiated"
        );
        assert_eq!(packet.has_type(PayloadType(50), &refused), Ok(true));
    }

    #[test]
    fn no_mutation_makes_the_parser_panic_or_read_beyond_the_packet() {
        for text in [
            include_str!("../../../testdata/rtp/axis_onvif_replay_extension.hex"),
            include_str!("../../../testdata/rtp/bosch_padding_and_csrc.hex"),
        ] {
            mutations(&fixture(text), |bytes| {
                let Ok(packet) = Packet::parse(bytes) else { return };
                let extension = packet.extension().map_or(0, |extension| 4 + extension.data.len());
                let parts = FIXED_HEADER + 4 * packet.csrcs().count() + extension + packet.payload().len();
                let padding = if bytes[0] & PADDING == 0 {
                    0
                } else {
                    usize::from(bytes[bytes.len() - 1])
                };
                assert_eq!(parts + padding, bytes.len());
            });
        }
    }
}
