//! What this crate overlooks, and how each of it is turned off.

use crate::ids::{SequenceNumber, Ssrc};
use throughline_tolerance::tolerances;

tolerances! {
    /// A rule of RTP or RTCP that cameras bend and this crate can overlook.
    ///
    /// Each can be refused alone ([`Policy::refuse`](throughline_tolerance::Policy::refuse)); its text says what happens
    /// then. What was used is told by `tolerated` of the part that used it. `Display` says what is bent.
    ///
    /// Some quirks need no switch. Losses over TCP (Q90) are [`GapPolicy`](crate::GapPolicy)'s, a stream without sender
    /// reports (Q137) is within the standard, and so is RTCP of reduced size
    /// ([RFC 5506](https://www.rfc-editor.org/rfc/rfc5506)).
    pub enum Tolerance {
        /// RTCP comes by the channel or port of RTP (Q34). Refused, all that comes there is taken for RTP.
        RtcpAmongRtp => "rtcp on the channel of rtp",
        /// The length of an RTCP packet points beyond the end of its compound, or to what is no packet (Q46). What came
        /// before stands. Refused, the whole compound is an error, as [RFC 3550 A.2](https://www.rfc-editor.org/rfc/rfc3550#appendix-A.2) has it.
        RtcpLength => "rtcp length points beyond the end",
        /// RTCP has zeros behind its last packet, or padding longer than the packet (Q88). Zeros are left out, impossible
        /// padding is left in. Refused, an error.
        RtcpPadding => "rtcp padding cannot be",
        /// An RTCP packet counts more blocks, sources or characters than it holds. What is there is read. Refused, an error.
        RtcpCount => "rtcp counts more than it holds",
        /// The items of a source description do not end with a zero byte (Q88), or the last is cut short. Refused, an error.
        SourceDescriptionEnd => "source description has no end",
        /// A sender report names another SSRC than the packets have (Q88). Report blocks repeat its time all the same.
        /// Refused, it is another source's and ignored.
        ForeignReport => "sender report names another ssrc",
        /// Packets have a payload type that was not negotiated (Q85). They are to be dropped. Refused, an error.
        PayloadType => "payload type was not negotiated",
        /// The stream goes on with another SSRC (Q86). It is followed. Refused, packets of another SSRC are dropped for good.
        SsrcChange => "ssrc changes",
        /// The sequence goes on somewhere else (Q89). It is followed. Refused, packets far from the stream are dropped for
        /// good.
        SequenceRestart => "sequence goes on somewhere else",
        /// The RTP-Info of PLAY's answer gives a timestamp that is 0 or that the first packet contradicts (Q87, Q136). It is
        /// ignored. Refused, it is believed, as [RFC 2326 §12.33](https://www.rfc-editor.org/rfc/rfc2326#section-12.33) has
        /// it.
        RtpInfo => "rtp-info contradicts the first packet",
        /// The wall clock of a sender report cannot be: 1970, 2000 (Q94). Only its differences are used. Refused, it is
        /// believed.
        ImplausibleClock => "wall clock cannot be right",
        /// The wall clock of a sender report contradicts the reports before it (Q138). Two must agree. Refused, the last
        /// report counts, as the standard has it.
        ClockStep => "wall clock steps",
        /// The timestamps step where no media clock does, with a sequence that goes on (Q135). Time goes on without the
        /// step. Refused, the step stands.
        TimestampStep => "timestamps step",
        /// A live stream carries ONVIF's replay extension (Q142). Its time is taken for the capture time. Refused, it is
        /// passed over, as an extension that was not negotiated is.
        ReplayExtension => "replay extension on a live stream",
        /// The camera stops where no report comes within 5 s (Q36). Reports keep to that. Refused, they keep to the standard's
        /// intervals only, 5 s in the middle.
        ReportPace => "no report within 5 s is a reason to stop",
    }
}

/// Which tolerances may be used. The default is all of them.
///
/// ```
/// use throughline_rtp::rtcp::{Channel, is_rtcp_on};
/// use throughline_rtp::{Policy, Tolerance};
///
/// let receiver_report = [0x80, 201, 0, 1, 0, 0, 0, 7];
/// assert!(is_rtcp_on(Channel::Rtp, &receiver_report, &Policy::default()));
///
/// let policy = Policy::default().refuse(Tolerance::RtcpAmongRtp);
/// assert!(!is_rtcp_on(Channel::Rtp, &receiver_report, &policy));
/// ```
pub type Policy = throughline_tolerance::Policy<Tolerance>;

/// Some tolerances, each at most once: those that were used.
pub type Tolerances = throughline_tolerance::Set<Tolerance>;

/// A packet did what its [`Policy`] refuses to overlook.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("SSRC {ssrc}, sequence number {sequence_number}: {tolerance}")]
pub struct NotTolerated {
    /// What was refused.
    pub tolerance: Tolerance,
    /// Who sent the packet.
    pub ssrc: Ssrc,
    /// Which packet it was.
    pub sequence_number: SequenceNumber,
}

/// A [`Policy`], and what was used of it so far: the part that all who use tolerances share.
pub(crate) type Reading = throughline_tolerance::Reading<Tolerance>;
