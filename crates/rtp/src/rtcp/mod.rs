//! RTCP: compound packets in, single packets out
//! ([RFC 3550 §6](https://www.rfc-editor.org/rfc/rfc3550#section-6)). One file per packet type.
//!
//! | read and written | not taken apart |
//! |---|---|
//! | [`SenderReport`], [`ReceiverReport`] with [`ReportBlocks`], [`SourceDescription`], [`Bye`], [`GenericNack`], [`PictureLossIndication`], [`FullIntraRequest`] | [`ApplicationDefined`]'s data, [`ExtendedReport`]'s blocks, [`TransportWideFeedback`]'s chunks, [`RtcpPacket::Other`] |
//!
//! A compound is written packet by packet into one `Vec`. It begins with a report and has a CNAME
//! ([RFC 3550 §6.1](https://www.rfc-editor.org/rfc/rfc3550#section-6.1)), unless the session negotiated reduced size
//! ([RFC 5506](https://www.rfc-editor.org/rfc/rfc5506)); what is read may be either. When to send is
//! [`RtcpSchedule`](crate::RtcpSchedule)'s to say.

mod application_defined;
mod bye;
mod compound;
mod entries;
mod extended_report;
mod full_intra_request;
mod generic_nack;
mod packet;
mod picture_loss_indication;
mod raw;
mod receiver_report;
mod report_block;
mod sender_report;
mod source_description;
mod transport_wide_feedback;

pub use application_defined::ApplicationDefined;
pub use bye::{Bye, Sources};
pub use compound::{Compound, RtcpError, RtcpFault, compound, compound_with};
pub use entries::Entries;
pub use extended_report::{ExtendedReport, ExtendedReportBlock};
pub use full_intra_request::{FirEntries, FirEntry, FullIntraRequest};
pub use generic_nack::{GenericNack, NackEntries, NackEntry};
pub use packet::RtcpPacket;
pub use picture_loss_indication::PictureLossIndication;
pub use receiver_report::ReceiverReport;
pub use report_block::{ReportBlock, ReportBlocks};
pub use sender_report::SenderReport;
pub use source_description::{DescriptionItem, DescriptionOfSource, SourceDescription};
pub use transport_wide_feedback::TransportWideFeedback;

use crate::tolerance::{Policy, Tolerance};

/// Where bytes came from: which channel of an interleaved connection, or which UDP port.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Channel {
    /// RTP's.
    Rtp,
    /// RTCP's.
    Rtcp,
    /// One for both: `a=rtcp-mux` ([RFC 5761](https://www.rfc-editor.org/rfc/rfc5761)).
    Both,
}

/// Whether `bytes` that came by `channel` are RTCP. Some cameras send it by RTP's (Q34): their packets are known by
/// [`is_rtcp`], unless the policy refuses [`Tolerance::RtcpAmongRtp`].
#[inline]
pub fn is_rtcp_on(channel: Channel, bytes: &[u8], policy: &Policy) -> bool {
    match channel {
        Channel::Rtcp => true,
        Channel::Both => is_rtcp(bytes),
        Channel::Rtp => is_rtcp(bytes) && policy.tolerates(Tolerance::RtcpAmongRtp),
    }
}

/// Whether `bytes` hold RTCP and not RTP, whatever channel or port they came by: version 2 and one of the
/// packet types 200 (SR) to 207 (XR), which no RTP payload type with its marker may use
/// ([RFC 5761 §4](https://www.rfc-editor.org/rfc/rfc5761#section-4)).
#[inline]
pub fn is_rtcp(bytes: &[u8]) -> bool {
    matches!(bytes, [first, 200..=207, ..] if first >> 6 == raw::VERSION)
}

#[cfg(test)]
mod tests;
