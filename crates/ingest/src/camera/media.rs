//! The stream of one connection: its track, and what goes back to the camera for it.

use std::net::SocketAddr;
use std::ops::ControlFlow;
use std::time::{Duration, Instant};

use bytes::Bytes;
use throughline_h264::Diagnosis;
use throughline_rtp::{RtcpDue, RtpTimestamp, Ssrc};
use throughline_rtsp::headers::RtpInfoEntry;
use throughline_rtsp::write_interleaved_header;
use throughline_srtp::Suite;

use super::drops::{KernelDrops, Wish};
use super::keyframe::KeyframeRequester;
use super::lasting::Lasting;
use super::loss::LossMeter;
use super::path::MediaPath;
use super::rtcp::Reporter;
use super::select::Selection;
use super::srtp::{Incoming, Outgoing, Srtp};
use super::track::{Legibility, Progress, Track};
use super::transport::OnLoss;
use super::watchdog::{Alarm, Watchdog};
use super::{Output, UdpSocket};
use crate::{CameraStats, Error, Event, KeyframeReason, Missing, Timeouts, Transport};

/// So long what cannot be read is counted before it is told.
const LEGIBILITY_WINDOW: Duration = Duration::from_secs(60);
/// From this share on it is told: below, it is some device's mood and no fault that anybody could mend.
const UNREADABLE_PERCENT: u64 = 1;

/// Whether the camera is still there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Vigil {
    Waits,
    /// It is to be asked: packets have ceased.
    Asks,
}

/// What exists once SETUP was answered.
#[derive(Debug)]
pub(super) struct Media {
    path: MediaPath,
    track: Track,
    /// What is between the path and the rest, if packets are encrypted. The first is out while a packet that lies in it is read.
    incoming: Option<Box<Incoming>>,
    outgoing: Option<Outgoing>,
    reporter: Reporter,
    keyframes: KeyframeRequester,
    /// None until PLAY is answered.
    watchdog: Option<Watchdog>,
    /// None over TCP, and before the first packet.
    loss: Option<LossMeter>,
    kernel_drops: KernelDrops,
    /// When it was last looked at what can be read, and what there was then.
    legibility: Option<(Instant, Legibility)>,
}

impl Media {
    pub(super) fn new(
        path: MediaPath,
        selection: &Selection,
        srtp: Option<Srtp>,
        lasting: &mut Lasting,
    ) -> Self {
        let track = Track::new(selection, path.transport(), lasting);
        let (incoming, outgoing) = srtp.map_or((None, None), |Srtp { incoming, outgoing }| {
            (Some(Box::new(incoming)), Some(outgoing))
        });
        let reporter = Reporter::new(
            outgoing.as_ref().map(Outgoing::ssrc),
            &mut lasting.random,
            selection.full_intra_request,
            lasting.policies.rtp,
        );
        let mut media = Media {
            path,
            track,
            incoming,
            outgoing,
            reporter,
            keyframes: KeyframeRequester::default(),
            watchdog: None,
            loss: None,
            kernel_drops: KernelDrops::default(),
            legibility: None,
        };
        // Before PLAY, so that a firewall is open when the first IDR comes (Q43).
        media.punch(lasting);
        media
    }

    pub(super) fn path(&mut self) -> &mut MediaPath {
        &mut self.path
    }

    pub(super) fn track(&self) -> &Track {
        &self.track
    }

    /// What unprotects the camera's packets, to be put back.
    pub(super) fn take_incoming(&mut self) -> Option<Box<Incoming>> {
        self.incoming.take()
    }

    /// With what the camera encrypts, if it does.
    pub(super) fn srtp(&self) -> Option<Suite> {
        self.incoming.as_ref().and_then(|incoming| incoming.suite())
    }

    pub(super) fn put_incoming(&mut self, incoming: Box<Incoming>) {
        self.incoming = Some(incoming);
    }

    pub(super) fn add_to(&self, stats: &mut CameraStats) {
        self.track.add_to(stats);
        if let Some(incoming) = &self.incoming {
            incoming.add_to(stats);
        }
    }

    /// How long pictures came for.
    pub(super) fn played(&self) -> Duration {
        self.watchdog.as_ref().map_or(Duration::ZERO, Watchdog::played)
    }

    pub(super) fn wake_at(&self) -> Option<Instant> {
        let watchdog = self.watchdog.as_ref().map(Watchdog::wake_at);
        let keyframe = self.feedback_target().and_then(|_| self.keyframes.wake_at());
        let loss = self.loss.as_ref().map(LossMeter::wake_at);
        let legibility = self
            .legibility
            .map(|(looked_at, _)| looked_at + LEGIBILITY_WINDOW);
        let (track, reporter) = (self.track.wake_at(), self.reporter.wake_at());
        [watchdog, keyframe, loss, legibility, track, reporter]
            .into_iter()
            .flatten()
            .min()
    }

    /// PLAY was answered.
    pub(super) fn start(&mut self, now: Instant, limits: &Timeouts, lasting: &mut Lasting) {
        let mut watchdog = Watchdog::new(now, self.path.transport(), limits);
        if self.track.ssrc().is_some() {
            watchdog.on_packet(now);
            if !self.track.has_delivered() {
                self.keyframes.want(now, KeyframeReason::Start);
            }
        }
        self.watchdog = Some(watchdog);
        self.legibility = Some((now, Legibility::default()));
        self.reporter.start(now);
        self.send_due_rtcp(now, lasting);
    }

    pub(super) fn handle_rtp_info(&mut self, entry: &RtpInfoEntry) {
        if let Some(rtptime) = entry.rtptime {
            self.track.handle_rtp_info(RtpTimestamp(rtptime));
        }
    }

    #[expect(
        clippy::inline_always,
        reason = "all packets go through it, and it would be two calls"
    )]
    #[inline(always)]
    pub(super) fn handle_rtp(&mut self, now: Instant, packet: &[u8], lasting: &mut Lasting) {
        if let Some(progress) = self.track.handle_rtp(now, packet, lasting) {
            if let Some(watchdog) = &mut self.watchdog {
                watchdog.on_packet(now);
            }
            if self.track.packets() == 1 {
                self.note_first(now, lasting);
            }
            if progress != Progress::default() {
                self.note(now, progress, lasting);
            }
        }
    }

    #[cold]
    fn note_first(&mut self, now: Instant, lasting: &mut Lasting) {
        if self.watchdog.is_some() {
            self.keyframes.want(now, KeyframeReason::Start);
        }
        lasting.event(Event::FirstPacket);
        if self.path.transport() != Transport::Tcp {
            self.loss = Some(LossMeter::new(now));
        }
    }

    /// Breaks where the camera says goodbye.
    pub(super) fn handle_rtcp(&mut self, now: Instant, compound: &[u8]) -> ControlFlow<()> {
        self.reporter.on_compound(compound.len());
        self.track.handle_rtcp(now, compound)
    }

    pub(super) fn handle_kernel_drops(&mut self, dropped: u32, lasting: &mut Lasting) {
        lasting.count_kernel_drops(self.kernel_drops.on_count(dropped));
    }

    /// Whether a sign of life of the camera is worth asking for. Fails where what should have happened by now did not.
    pub(super) fn handle_timeout(
        &mut self,
        now: Instant,
        peer: &str,
        on_loss: OnLoss,
        lasting: &mut Lasting,
    ) -> Result<Vigil, Error> {
        if self.track.wake_at().is_some_and(|wake| wake <= now) {
            let progress = self.track.handle_timeout(now, lasting);
            self.note(now, progress, lasting);
        }
        if self.track.diagnosis() == Some(Diagnosis::Scrambled) {
            return Err(Error::Scrambled {
                peer: peer.to_owned(),
                packets: self.track.packets(),
                ssrc: self.track.ssrc().map(|ssrc| ssrc.0),
            });
        }
        let tally = self.track.tally();
        if self.path.transport() != Transport::Tcp && self.kernel_drops.poll(now, tally.lost) == Wish::Count {
            lasting.outputs.push_back(Output::CountKernelDrops);
        }
        if let Some(loss) = self.loss.as_mut().and_then(|meter| meter.poll(now, tally)) {
            if on_loss == OnLoss::Leave {
                return Err(Error::Lossy {
                    peer: peer.to_owned(),
                    transport: self.path.transport(),
                    loss,
                    ssrc: self.track.ssrc().map(|ssrc| ssrc.0),
                });
            }
            lasting.tell_loss(now, loss);
        }
        self.look_at_legibility(now, lasting);
        let mut vigil = Vigil::Waits;
        if let Some(alarm) = self.watchdog.as_mut().and_then(|watchdog| watchdog.poll(now)) {
            if alarm == Alarm::Quiet {
                vigil = Vigil::Asks;
            }
            self.handle_alarm(now, alarm, peer, lasting)?;
        }
        self.send_due_rtcp(now, lasting);
        Ok(vigil)
    }

    fn look_at_legibility(&mut self, now: Instant, lasting: &mut Lasting) {
        let Some((_, before)) = self
            .legibility
            .filter(|(looked_at, _)| *looked_at + LEGIBILITY_WINDOW <= now)
        else {
            return;
        };
        let seen = self.track.legibility();
        self.legibility = Some((now, seen));
        let unreadable = seen.unreadable - before.unreadable;
        let packets = seen.packets - before.packets;
        // Where no picture comes, that is told.
        let plays = seen.pictures > before.pictures;
        if plays && unreadable > 0 && unreadable * 100 >= packets * UNREADABLE_PERCENT {
            let warnings = &mut lasting.totals.warnings;
            warnings.unreadable = warnings.unreadable.saturating_add(1);
            lasting.event(Event::Unreadable { unreadable, packets });
        }
    }

    pub(super) fn request_keyframe(&mut self, now: Instant, reason: KeyframeReason, lasting: &mut Lasting) {
        self.keyframes.want(now, reason);
        self.send_due_rtcp(now, lasting);
    }

    /// The stream has ended.
    pub(super) fn finish(&mut self, now: Instant, lasting: &mut Lasting) {
        self.track.finish(now, lasting);
    }

    /// Draws the conclusions from what the track made of its packets.
    #[inline(never)]
    fn note(&mut self, now: Instant, progress: Progress, lasting: &mut Lasting) {
        if progress.has_picture
            && let Some(watchdog) = &mut self.watchdog
        {
            watchdog.on_picture(now);
        }
        if progress.has_idr {
            self.keyframes.on_idr();
            self.reporter.on_idr();
        }
        if progress.needs_idr {
            self.request_keyframe(now, KeyframeReason::Loss, lasting);
        }
    }

    fn handle_alarm(
        &mut self,
        now: Instant,
        alarm: Alarm,
        peer: &str,
        lasting: &mut Lasting,
    ) -> Result<(), Error> {
        let peer = peer.to_owned();
        let (ssrc, packets) = (self.track.ssrc().map(|ssrc| ssrc.0), self.track.packets());
        match alarm {
            Alarm::Quiet => Ok(()),
            Alarm::NothingArrived { waited } | Alarm::Stalled { waited } => Err(self.silence(peer, waited)),
            Alarm::NoPictureYet { waited } => {
                let missing = self.track.missing();
                let warnings = &mut lasting.totals.warnings;
                warnings.no_picture = warnings.no_picture.saturating_add(1);
                lasting.event(Event::NoPicture { missing, waited });
                self.request_keyframe(now, KeyframeReason::NoPicture, lasting);
                Ok(())
            }
            Alarm::NoPicture { waited } => Err(match self.track.missing() {
                Missing::ParameterSets => Error::NoParameterSets {
                    peer,
                    waited,
                    packets,
                    ssrc,
                },
                Missing::Idr => Error::NoIdr {
                    peer,
                    waited,
                    packets,
                    ssrc,
                    diagnosis: self.track.diagnosis(),
                },
            }),
        }
    }

    /// Why no packet of the track came: what did come may tell.
    fn silence(&self, peer: String, waited: Duration) -> Error {
        if let Some((cause, packets)) = self.incoming.as_ref().and_then(|incoming| incoming.trouble()) {
            return Error::Undecryptable {
                peer,
                packets,
                waited,
                cause,
            };
        }
        match self.track.unreadable() {
            0 => Error::NoMedia {
                peer,
                transport: self.path.transport(),
                payload_type: self.track.payload_type().0,
                waited,
                others: self.track.others(),
                ssrc: self.track.ssrc().map(|ssrc| ssrc.0),
            },
            packets => Error::NotRtp {
                peer,
                packets,
                waited,
            },
        }
    }

    /// Whom feedback is about: known from the first packet on, and told to nobody before PLAY is answered (Q37).
    fn feedback_target(&self) -> Option<Ssrc> {
        self.watchdog.as_ref().and_then(|_| self.track.ssrc())
    }

    fn send_due_rtcp(&mut self, now: Instant, lasting: &mut Lasting) {
        let target = self.feedback_target();
        if let Some(request) = target.and_then(|_| self.keyframes.poll(now)) {
            self.reporter.request_keyframe(request);
        }
        let Some((due, request)) = self.reporter.poll(now) else {
            return;
        };
        let mut compound = self.reporter.report(self.track.report_block(now));
        if let (Some(request), Some(ssrc)) = (request, target) {
            self.reporter
                .write_keyframe_request(request.attempt, ssrc, &mut compound);
            lasting.totals.keyframe_requests += 1;
            lasting.event(Event::KeyframeRequested {
                reason: request.reason,
                attempt: request.attempt,
            });
        }
        self.reporter.on_compound(compound.len());
        self.send_rtcp(&compound, lasting);
        if due == RtcpDue::Report && self.track.ssrc().is_none() {
            self.punch(lasting);
        }
    }

    fn send_rtcp(&mut self, compound: &[u8], lasting: &mut Lasting) {
        let contents = match &mut self.outgoing {
            Some(outgoing) => outgoing.protect_rtcp(compound).unwrap_or_default(),
            None => compound,
        };
        if contents.is_empty() {
            return;
        }
        match &self.path {
            MediaPath::Tcp(channels) => {
                let mut framed = Vec::with_capacity(4 + contents.len());
                let length = u16::try_from(contents.len()).unwrap_or(u16::MAX);
                write_interleaved_header(channels.rtcp, length, &mut framed);
                framed.extend_from_slice(contents);
                lasting.outputs.push_back(Output::Transmit(framed.into()));
            }
            MediaPath::Datagrams(path) => send_datagram(path.rtcp_destination(), contents, lasting),
        }
    }

    /// Opens a way back through NAT and firewalls (Q43): an empty RTP packet now, RTCP by the reports.
    fn punch(&mut self, lasting: &mut Lasting) {
        if let MediaPath::Datagrams(path) = &self.path {
            let packet = self.track.empty_packet(self.reporter.ssrc());
            let contents = match &mut self.outgoing {
                Some(outgoing) => outgoing.protect_punch(&packet).unwrap_or_default(),
                None => &packet,
            };
            send_datagram(path.rtp_destination(), contents, lasting);
        }
    }
}

fn send_datagram(to: Option<(UdpSocket, SocketAddr)>, contents: &[u8], lasting: &mut Lasting) {
    if let Some((socket, destination)) = to {
        lasting.outputs.push_back(Output::Datagram {
            socket,
            destination,
            contents: Bytes::copy_from_slice(contents),
        });
    }
}
