//! Compound packets: what one datagram or interleaved frame holds.

use super::RtcpPacket;
use super::raw::{RawPacket, tolerate};
use crate::tolerance::{Policy, Reading, Tolerance, Tolerances};

/// The packets of one datagram or interleaved frame, in order, with every tolerance.
///
/// A packet with a fault inside costs that packet; where the next one begins is no longer known (a header of
/// another version, a length beyond the end), the fault ends the iteration. What came before stands in both cases (Q46).
/// Zeros after the last packet are taken for padding (Q88), and a compound need not begin with a report
/// ([RFC 5506](https://www.rfc-editor.org/rfc/rfc5506)).
pub fn compound(bytes: &[u8]) -> Compound<'_> {
    compound_with(bytes, Policy::default())
}

/// The same as [`compound`], with the tolerances that `policy` allows.
///
/// ```
/// use throughline_rtp::rtcp::{RtcpFault, compound_with};
/// use throughline_rtp::{Policy, Tolerance};
///
/// let report_and_zeros = [0x80, 201, 0, 1, 0, 0, 0, 7, 0, 0, 0, 0];
/// let policy = Policy::default().refuse(Tolerance::RtcpPadding);
/// let mut packets = compound_with(&report_and_zeros, policy);
/// assert!(packets.next().is_some_and(|packet| packet.is_ok()));
/// let error = packets.next().and_then(Result::err);
/// assert_eq!(error.map(|error| error.what), Some(RtcpFault::NotTolerated(Tolerance::RtcpPadding)));
/// ```
pub fn compound_with(bytes: &[u8], policy: Policy) -> Compound<'_> {
    Compound {
        rest: bytes,
        offset: 0,
        leniency: Reading::new(policy),
    }
}

/// Iterator over the packets of a compound: see [`compound`].
#[derive(Debug, Clone)]
pub struct Compound<'b> {
    rest: &'b [u8],
    offset: usize,
    leniency: Reading,
}

impl Compound<'_> {
    /// Which tolerances were used so far.
    pub fn tolerated(&self) -> Tolerances {
        self.leniency.tolerated()
    }

    fn fail<T>(&mut self, offset: usize, what: RtcpFault) -> Result<T, RtcpError> {
        self.rest = &[];
        Err(RtcpError { offset, what })
    }
}

impl<'b> Iterator for Compound<'b> {
    type Item = Result<RtcpPacket<'b>, RtcpError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.rest.is_empty() {
            return None;
        }
        let offset = self.offset;
        if self.rest.iter().all(|byte| *byte == 0) {
            let fault = tolerate(Tolerance::RtcpPadding, &mut self.leniency).err();
            self.rest = &[];
            return fault.map(|what| Err(RtcpError { offset, what }));
        }
        if offset == 0 && !self.leniency.policy().tolerates(Tolerance::RtcpLength) {
            if let Some(offset) = overrun(self.rest) {
                return Some(self.fail(offset, RtcpFault::NotTolerated(Tolerance::RtcpLength)));
            }
        }
        match RawPacket::split_from(self.rest) {
            Ok((packet, rest)) => {
                self.offset += self.rest.len() - rest.len();
                self.rest = rest;
                let parsed = RtcpPacket::parse(packet, &mut self.leniency);
                Some(parsed.map_err(|what| RtcpError { offset, what }))
            }
            Err(what) => {
                if offset > 0 {
                    self.leniency.tolerates(Tolerance::RtcpLength);
                }
                Some(self.fail(offset, what))
            }
        }
    }
}

/// Where what is no packet begins, or one whose length points beyond the end.
fn overrun(bytes: &[u8]) -> Option<usize> {
    let mut rest = bytes;
    while rest.iter().any(|byte| *byte != 0) {
        match RawPacket::split_from(rest) {
            Ok((_, following)) => rest = following,
            Err(_) => return Some(bytes.len() - rest.len()),
        }
    }
    None
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
    /// It could be read, and the policy refuses to.
    #[error("not tolerated: {0}")]
    NotTolerated(Tolerance),
}
