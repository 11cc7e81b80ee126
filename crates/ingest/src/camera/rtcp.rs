//! RTCP to the camera: receiver reports that keep it sending, and key frame requests.

use std::time::{Duration, Instant};

use throughline_rtp::Ssrc;
use throughline_rtp::rtcp::{
    FullIntraRequest, PictureLossIndication, ReceiverReport, ReportBlock, ReportBlocks, SourceDescription,
};

use super::random::Random;
use super::select::FullIntraRequestSupport;

/// Some cameras stop when no report comes for 5 s (Q36), over TCP as well.
const REPORT_INTERVAL: Duration = Duration::from_millis(4500);

/// Writes compound packets, [RFC 3550 §6.1](https://www.rfc-editor.org/rfc/rfc3550#section-6.1): each begins with a
/// receiver report and names us.
#[derive(Debug)]
pub(super) struct Reporter {
    ssrc: Ssrc,
    /// Random, so that it tells nothing about the host,
    /// [RFC 7022 §4.2](https://www.rfc-editor.org/rfc/rfc7022#section-4.2).
    cname: String,
    full_intra_request: FullIntraRequestSupport,
    full_intra_requests: u8,
    /// None until PLAY is answered: reports before that confuse servers (Q37).
    next_report: Option<Instant>,
}

impl Reporter {
    pub(super) fn new(random: &mut Random, full_intra_request: FullIntraRequestSupport) -> Self {
        Reporter {
            ssrc: Ssrc(random.next_u32()),
            cname: format!("{:016x}", random.next()),
            full_intra_request,
            full_intra_requests: 0,
            next_report: None,
        }
    }

    /// Ours.
    pub(super) fn ssrc(&self) -> Ssrc {
        self.ssrc
    }

    /// PLAY was answered.
    pub(super) fn start(&mut self, now: Instant) {
        self.next_report = Some(now);
    }

    pub(super) fn wake_at(&self) -> Option<Instant> {
        self.next_report
    }

    /// Whether a report is due; the next is then set.
    pub(super) fn is_due(&mut self, now: Instant) -> bool {
        let is_due = self.next_report.is_some_and(|next| next <= now);
        if is_due {
            self.next_report = Some(now + REPORT_INTERVAL);
        }
        is_due
    }

    pub(super) fn report(&self, block: Option<ReportBlock>) -> Vec<u8> {
        let mut out = Vec::with_capacity(128);
        ReceiverReport {
            ssrc: self.ssrc,
            reports: ReportBlocks::new(block.as_slice()),
        }
        .write(&mut out);
        SourceDescription::new(self.ssrc, self.cname.as_bytes()).write(&mut out);
        out
    }

    /// A PLI whether or not the SDP announces it: most cameras that honour it do not say so, and to the rest it is
    /// harmless. A FIR only where announced, for there it is not.
    pub(super) fn keyframe_request(
        &mut self,
        attempt: u32,
        block: Option<ReportBlock>,
        media: Ssrc,
    ) -> Vec<u8> {
        let mut out = self.report(block);
        PictureLossIndication {
            sender: self.ssrc,
            media,
        }
        .write(&mut out);
        if self.full_intra_request == FullIntraRequestSupport::Announced {
            // A repetition keeps its number, https://www.rfc-editor.org/rfc/rfc5104#section-4.3.1.1.
            self.full_intra_requests = self.full_intra_requests.wrapping_add(u8::from(attempt == 1));
            FullIntraRequest {
                sender: self.ssrc,
                media,
                sequence: self.full_intra_requests,
            }
            .write(&mut out);
        }
        out
    }
}
