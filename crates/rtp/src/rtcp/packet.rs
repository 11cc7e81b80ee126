//! One packet of any type.

use super::raw::{PAYLOAD_SPECIFIC_FEEDBACK, RawPacket, TRANSPORT_FEEDBACK, write_padded};
use super::{
    ApplicationDefined, Bye, ExtendedReport, FullIntraRequest, GenericNack, PictureLossIndication,
    ReceiverReport, RtcpFault, SenderReport, SourceDescription, TransportWideFeedback,
};
use crate::tolerance::Reading;

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
    /// APP, type 204.
    ApplicationDefined(ApplicationDefined<'b>),
    /// Generic NACK, type 205, format 1.
    GenericNack(GenericNack<'b>),
    /// Transport-wide congestion control feedback, type 205, format 15.
    TransportWideFeedback(TransportWideFeedback<'b>),
    /// PLI, type 206, format 1.
    PictureLossIndication(PictureLossIndication),
    /// FIR, type 206, format 4.
    FullIntraRequest(FullIntraRequest<'b>),
    /// XR, type 207.
    ExtendedReport(ExtendedReport<'b>),
    /// A type that this crate does not read, and SDES and BYE that name no source.
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
    pub(super) fn parse(raw: RawPacket<'b>, leniency: &mut Reading) -> Result<Self, RtcpFault> {
        raw.check_padding(leniency)?;
        Ok(match (raw.packet_type, raw.count) {
            (SenderReport::PACKET_TYPE, _) => Self::SenderReport(SenderReport::parse(raw, leniency)?),
            (ReceiverReport::PACKET_TYPE, _) => Self::ReceiverReport(ReceiverReport::parse(raw, leniency)?),
            (SourceDescription::PACKET_TYPE, 1..) => {
                Self::SourceDescription(SourceDescription::parse(raw, leniency)?)
            }
            (Bye::PACKET_TYPE, 1..) => Self::Bye(Bye::parse(raw, leniency)?),
            (ApplicationDefined::PACKET_TYPE, _) => Self::ApplicationDefined(ApplicationDefined::parse(raw)?),
            (TRANSPORT_FEEDBACK, GenericNack::FORMAT) => Self::GenericNack(GenericNack::parse(raw)?),
            (TRANSPORT_FEEDBACK, TransportWideFeedback::FORMAT) => {
                Self::TransportWideFeedback(TransportWideFeedback::parse(raw)?)
            }
            (PAYLOAD_SPECIFIC_FEEDBACK, PictureLossIndication::FORMAT) => {
                Self::PictureLossIndication(PictureLossIndication::parse(raw)?)
            }
            (PAYLOAD_SPECIFIC_FEEDBACK, FullIntraRequest::FORMAT) => {
                Self::FullIntraRequest(FullIntraRequest::parse(raw)?)
            }
            (ExtendedReport::PACKET_TYPE, _) => Self::ExtendedReport(ExtendedReport::parse(raw)?),
            (packet_type, count) => Self::Other {
                packet_type,
                count,
                body: raw.body,
            },
        })
    }

    /// Appends the packet, of whatever type it is.
    pub fn write(&self, out: &mut Vec<u8>) {
        match self {
            Self::SenderReport(packet) => packet.write(out),
            Self::ReceiverReport(packet) => packet.write(out),
            Self::SourceDescription(packet) => packet.write(out),
            Self::Bye(packet) => packet.write(out),
            Self::ApplicationDefined(packet) => packet.write(out),
            Self::GenericNack(packet) => packet.write(out),
            Self::TransportWideFeedback(packet) => packet.write(out),
            Self::PictureLossIndication(packet) => packet.write(out),
            Self::FullIntraRequest(packet) => packet.write(out),
            Self::ExtendedReport(packet) => packet.write(out),
            Self::Other {
                packet_type,
                count,
                body,
            } => write_padded(*packet_type, *count, &[], body, out),
        }
    }
}
