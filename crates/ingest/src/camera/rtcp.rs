//! RTCP to the camera: receiver reports that keep it sending, and key frame requests.

use std::time::Instant;

use throughline_rtp::rtcp::{
    FirEntries, FirEntry, FullIntraRequest, PictureLossIndication, ReceiverReport, ReportBlock, ReportBlocks,
    SourceDescription,
};
use throughline_rtp::{FeedbackTiming, Policy, RtcpDue, RtcpSchedule, RtcpScheduleConfig, Ssrc};

use super::keyframe::KeyframeRequest;
use super::random::Random;
use super::select::FullIntraRequestSupport;

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
    schedule: RtcpSchedule,
    /// What the next compound asks for.
    request: Option<KeyframeRequest>,
}

impl Reporter {
    /// `ssrc` is ours, where it is decided on already.
    pub(super) fn new(
        ssrc: Option<Ssrc>,
        random: &mut Random,
        full_intra_request: FullIntraRequestSupport,
        policy: Policy,
    ) -> Self {
        let config = RtcpScheduleConfig {
            // Also where RTP/AVPF was not negotiated: most cameras that honour a PLI do not say so.
            feedback: FeedbackTiming::Early,
            policy,
            ..RtcpScheduleConfig::default()
        };
        Reporter {
            ssrc: ssrc.unwrap_or_else(|| Ssrc(random.next_u32())),
            cname: format!("{:016x}", random.next()),
            full_intra_request,
            full_intra_requests: 0,
            schedule: RtcpSchedule::new(config, random.next()),
            request: None,
        }
    }

    /// Ours.
    pub(super) fn ssrc(&self) -> Ssrc {
        self.ssrc
    }

    /// PLAY was answered: reports before that confuse servers (Q37).
    pub(super) fn start(&mut self, now: Instant) {
        self.schedule.start(now);
    }

    pub(super) fn wake_at(&self) -> Option<Instant> {
        self.schedule.wake_at()
    }

    pub(super) fn request_keyframe(&mut self, request: KeyframeRequest) {
        self.request = Some(request);
        self.schedule.request_feedback();
    }

    /// What was asked for has come.
    pub(super) fn on_idr(&mut self) {
        self.request = None;
        self.schedule.withdraw_feedback();
    }

    /// What is due, and the key frame request that belongs into it.
    pub(super) fn poll(&mut self, now: Instant) -> Option<(RtcpDue, Option<KeyframeRequest>)> {
        let due = self.schedule.poll(now)?;
        Some((due, self.request.take()))
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
    pub(super) fn write_keyframe_request(&mut self, attempt: u32, media: Ssrc, out: &mut Vec<u8>) {
        PictureLossIndication {
            sender: self.ssrc,
            media,
        }
        .write(out);
        if self.full_intra_request == FullIntraRequestSupport::Announced {
            // A repetition keeps its number, https://www.rfc-editor.org/rfc/rfc5104#section-4.3.1.1.
            self.full_intra_requests = self.full_intra_requests.wrapping_add(u8::from(attempt == 1));
            FullIntraRequest {
                sender: self.ssrc,
                entries: FirEntries::new(&[FirEntry {
                    media,
                    sequence: self.full_intra_requests,
                }]),
            }
            .write(out);
        }
    }

    /// Notes a compound of `bytes`, sent or received.
    pub(super) fn on_compound(&mut self, bytes: usize) {
        self.schedule.on_compound(bytes);
    }
}
