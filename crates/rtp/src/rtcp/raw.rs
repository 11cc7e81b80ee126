//! The frame that all packets have: header, body, padding.

use super::RtcpFault;
use crate::tolerance::{Reading, Tolerance};

pub(super) const VERSION: u8 = 2;
pub(super) const COUNT: u8 = 0x1f;
pub(super) const HEADER: usize = 4;
const PADDING: u8 = 0x20;

/// Transport-layer feedback ([RFC 4585 §6.2](https://www.rfc-editor.org/rfc/rfc4585#section-6.2)): the packet type that
/// generic NACK and transport-wide feedback share.
pub(super) const TRANSPORT_FEEDBACK: u8 = 205;

/// Payload-specific feedback ([RFC 4585 §6.3](https://www.rfc-editor.org/rfc/rfc4585#section-6.3)): the packet
/// type that PLI and FIR share.
pub(super) const PAYLOAD_SPECIFIC_FEEDBACK: u8 = 206;

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
pub(super) struct RawPacket<'b> {
    pub(super) packet_type: u8,
    pub(super) count: u8,
    pub(super) body: &'b [u8],
    /// The padding's length could not be.
    padding: Option<PaddingFault>,
}

#[derive(Clone, Copy)]
struct PaddingFault;

impl<'b> RawPacket<'b> {
    pub(super) fn split_from(bytes: &'b [u8]) -> Result<(Self, &'b [u8]), RtcpFault> {
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
        let (body, padding) = match (first & PADDING, without_padding(body)) {
            (0, _) => (body, None),
            (_, Some(unpadded)) => (unpadded, None),
            // Every body says for itself where it ends.
            (_, None) => (body, Some(PaddingFault)),
        };
        let packet = Self {
            packet_type: *packet_type,
            count: first & COUNT,
            body,
            padding,
        };
        Ok((packet, rest))
    }

    pub(super) fn check_padding(&self, leniency: &mut Reading) -> Result<(), RtcpFault> {
        match self.padding {
            Some(PaddingFault) => tolerate(Tolerance::RtcpPadding, leniency),
            None => Ok(()),
        }
    }

    /// The first `N` bytes of the body, and what follows them.
    pub(super) fn body<const N: usize>(&self) -> Result<(&'b [u8; N], &'b [u8]), RtcpFault> {
        let short = RtcpFault::CutShort {
            needed: HEADER + N,
            available: HEADER + self.body.len(),
        };
        self.body.split_first_chunk().ok_or(short)
    }
}

/// Fails where the policy refuses `tolerance`.
pub(super) fn tolerate(tolerance: Tolerance, leniency: &mut Reading) -> Result<(), RtcpFault> {
    if leniency.tolerates(tolerance) {
        Ok(())
    } else {
        Err(RtcpFault::NotTolerated(tolerance))
    }
}

fn without_padding(body: &[u8]) -> Option<&[u8]> {
    let padding = body.last().copied().map(usize::from)?;
    body.len()
        .checked_sub(padding)
        .filter(|_| padding > 0)
        .and_then(|kept| body.get(..kept))
}

/// The big-endian number in the `N`th word of `words`, whose length the caller's type has checked.
pub(super) fn word<const N: usize>(words: &[u8; N], index: usize) -> u32 {
    words
        .chunks_exact(4)
        .nth(index)
        .and_then(<[u8]>::first_chunk)
        .map_or(0, |word| u32::from_be_bytes(*word))
}

/// Writes a packet's header; `body` is the number of bytes that will follow, a multiple of four.
pub(super) fn write_header(packet_type: u8, count: u8, body: usize, out: &mut Vec<u8>) {
    // Every body written here is bounded by its count, by a text of 255 bytes, or by the packet that it was read from.
    let words = u16::try_from(body / 4).unwrap_or(u16::MAX);
    out.extend_from_slice(&[VERSION << 6 | (count & COUNT), packet_type]);
    out.extend_from_slice(&words.to_be_bytes());
}

pub(super) fn write_word(value: u32, out: &mut Vec<u8>) {
    out.extend_from_slice(&value.to_be_bytes());
}

/// Writes a whole packet of some words and of data of any length, padded where that is no multiple of four. Of data
/// beyond what the length field can say, the first bytes count.
pub(super) fn write_padded(packet_type: u8, count: u8, words: &[u32], data: &[u8], out: &mut Vec<u8>) {
    let room = 4 * (usize::from(u16::MAX) - words.len());
    let data = data.get(..room).unwrap_or(data);
    let padding = data.len().next_multiple_of(4) - data.len();
    let start = out.len();
    write_header(packet_type, count, 4 * words.len() + data.len() + padding, out);
    for word in words {
        write_word(*word, out);
    }
    out.extend_from_slice(data);
    if padding > 0 {
        out.resize(out.len() + padding - 1, 0);
        out.push(u8::try_from(padding).unwrap_or_default());
        if let Some(first) = out.get_mut(start) {
            *first |= PADDING;
        }
    }
}
