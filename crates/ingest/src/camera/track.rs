//! The H.264 track: packets to access units.

use std::ops::ControlFlow;
use std::time::{Duration, Instant};

use throughline_h264::{
    DepacketizeError, Depacketizer, DepacketizerConfig, Diagnosis, RtpPayload, Timestamp,
};
use throughline_rtp::rtcp::{self, ReportBlock, RtcpPacket};
use throughline_rtp::{
    ClockRate, ExtendedTimestamp, GapPolicy, NtpTimestamp, Ordered, Packet, PacketHeader, PayloadType,
    Policy, Pushed, ReceptionStatistics, ReorderBuffer, ReorderConfig, ReplayExtension, RtpTimestamp,
    SequenceNumber, Ssrc, Timeline, Tolerance, Tolerances,
};

use super::lasting::Lasting;
use super::loss::Tally;
use super::pace::{Fate, Lateness, Pace};
use super::select::Selection;
use crate::{CameraStats, Missing, Transport};

/// At the end of a stream nothing is waited for any more: longer than any packet is held.
const PAST_ALL_DELAYS: Duration = Duration::from_secs(60);

/// What one input led to: nothing, with nearly every packet.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Progress {
    /// A picture came.
    pub(super) has_picture: bool,
    /// An IDR was among them.
    pub(super) has_idr: bool,
    /// A picture was withheld because one that it refers to was lost.
    pub(super) needs_idr: bool,
}

/// How much of what came can be read.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Legibility {
    pub(super) unreadable: u64,
    pub(super) packets: u64,
    pub(super) pictures: u64,
}

/// One SSRC's worth of reordering, statistics, clock and depacketizing, for one connection.
#[derive(Debug)]
pub(super) struct Track {
    payload_type: PayloadType,
    policy: Policy,
    reorder: ReorderBuffer,
    reception: ReceptionStatistics,
    assembler: Assembler,
    packets: u64,
    bytes: u64,
    malformed: u64,
    foreign: u64,
    /// Here, and not by the parts.
    tolerated: Tolerances,
}

/// What comes behind the reorder buffer, apart from it because the buffer lends its packets.
#[derive(Debug)]
struct Assembler {
    ssrc: Option<Ssrc>,
    timeline: Timeline,
    /// Of a source that no packet has come from yet: many cameras report before they send.
    early: Option<ClockReading>,
    depacketizer: Depacketizer,
    /// The first packet of the latest picture.
    late: Lateness,
    pace: Pace,
    delayed: u64,
    /// Up to where it is seen to what the depacketizer has made.
    seen: Made,
}

/// Pictures that the depacketizer has given out, and that it withheld because one that they refer to was lost.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Made {
    delivered: u64,
    withheld: u64,
}

impl Made {
    fn by(depacketizer: &Depacketizer) -> Self {
        let stats = depacketizer.stats();
        Made {
            delivered: stats.delivered,
            withheld: stats.reference_missing,
        }
    }
}

/// What a sender report says about its source's clock.
#[derive(Clone, Copy, Debug)]
struct ClockReading {
    ssrc: Ssrc,
    ntp: NtpTimestamp,
    rtp: RtpTimestamp,
    arrival: Instant,
}

impl Track {
    pub(super) fn new(selection: &Selection, transport: Transport, lasting: &mut Lasting) -> Self {
        lasting.rebase();
        let policy = lasting.policies.rtp;
        let config = DepacketizerConfig {
            format: selection.payload_format,
            policy: lasting.policies.h264,
            ..DepacketizerConfig::default()
        };
        let mut depacketizer = Depacketizer::with_buffers(config, lasting.buffers.clone());
        if let Some(sets) = &selection.parameter_sets {
            depacketizer.set_parameter_sets(sets);
        }
        let loss = match transport {
            Transport::Tcp => GapPolicy::Immediate,
            Transport::Udp | Transport::Multicast => GapPolicy::Wait,
        };
        Track {
            payload_type: selection.payload_type,
            policy,
            reorder: ReorderBuffer::new(ReorderConfig {
                loss,
                policy,
                ..ReorderConfig::default()
            }),
            reception: ReceptionStatistics::with_policy(ClockRate::VIDEO, policy),
            assembler: Assembler {
                ssrc: None,
                timeline: Timeline::with_policy(ClockRate::VIDEO, policy),
                early: None,
                depacketizer,
                late: Lateness::default(),
                pace: Pace::Live,
                delayed: 0,
                seen: Made::default(),
            },
            packets: 0,
            bytes: 0,
            malformed: 0,
            foreign: 0,
            tolerated: Tolerances::default(),
        }
    }

    /// Of the format that is played.
    pub(super) fn payload_type(&self) -> PayloadType {
        self.payload_type
    }

    /// Of the packets, once there were any.
    pub(super) fn ssrc(&self) -> Option<Ssrc> {
        self.assembler.ssrc
    }

    pub(super) fn packets(&self) -> u64 {
        self.packets
    }

    /// Packets that are no RTP, where no other came.
    pub(super) fn unreadable(&self) -> u64 {
        if self.packets == 0 { self.malformed } else { 0 }
    }

    pub(super) fn has_delivered(&self) -> bool {
        self.assembler.depacketizer.stats().delivered > 0
    }

    /// When the reorder buffer gives up waiting.
    pub(super) fn wake_at(&self) -> Option<Instant> {
        self.reorder.wake_at()
    }

    /// Where the stream begins, if the camera is right (Q87).
    pub(super) fn handle_rtp_info(&mut self, rtptime: RtpTimestamp) {
        self.assembler.timeline.on_rtp_info(rtptime);
    }

    /// Nothing if it is no packet of this track.
    #[expect(
        clippy::inline_always,
        reason = "as for the media's, which hands each packet on"
    )]
    #[inline(always)]
    pub(super) fn handle_rtp(
        &mut self,
        now: Instant,
        packet: &[u8],
        lasting: &mut Lasting,
    ) -> Option<Progress> {
        let bytes = packet.len();
        let Ok(packet) = Packet::parse(packet) else {
            self.malformed += 1;
            return None;
        };
        match packet.has_type(self.payload_type, &self.policy) {
            Ok(true) => {}
            Ok(false) => {
                self.tolerated.insert(Tolerance::PayloadType);
                self.foreign += 1;
                return None;
            }
            Err(error) => {
                tracing::debug!(%error, "packet refused");
                self.malformed += 1;
                return None;
            }
        }
        self.packets += 1;
        self.bytes += bytes as u64;
        self.reception.on_packet(&packet, now);
        let mut progress = Progress::default();
        if let Pushed::InOrder(ordered) = self.reorder.push(now, packet) {
            progress = self.assembler.push(now, ordered, lasting, progress);
        }
        Some(self.drain_held(now, now, lasting, progress))
    }

    pub(super) fn handle_timeout(&mut self, now: Instant, lasting: &mut Lasting) -> Progress {
        self.drain_held(now, now, lasting, Progress::default())
    }

    /// Takes sender reports to heart; breaks where the camera says goodbye.
    pub(super) fn handle_rtcp(&mut self, now: Instant, compound: &[u8]) -> ControlFlow<()> {
        let mut compound = rtcp::compound_with(compound, self.policy);
        for packet in &mut compound {
            match packet {
                Ok(RtcpPacket::SenderReport(report)) => {
                    self.reception.on_sender_report(&report, now);
                    self.assembler.handle_clock_reading(ClockReading {
                        ssrc: report.ssrc,
                        ntp: report.ntp,
                        rtp: report.rtp,
                        arrival: now,
                    });
                }
                Ok(RtcpPacket::Bye(bye))
                    if bye
                        .sources
                        .iter()
                        .any(|source| Some(source) == self.assembler.ssrc) =>
                {
                    return ControlFlow::Break(());
                }
                Ok(_) => {}
                Err(_) => self.malformed += 1,
            }
        }
        self.tolerated |= compound.tolerated();
        ControlFlow::Continue(())
    }

    /// The stream has ended: what is still held comes out.
    pub(super) fn finish(&mut self, now: Instant, lasting: &mut Lasting) {
        let progress = self.drain_held(now, now + PAST_ALL_DELAYS, lasting, Progress::default());
        self.assembler.depacketizer.flush();
        self.assembler.collect(now, lasting, progress);
    }

    /// What keeps the packets from being pictures.
    pub(super) fn missing(&self) -> Missing {
        let stats = self.assembler.depacketizer.stats();
        if stats.delivered == 0 && stats.missing_parameter_sets > 0 {
            Missing::ParameterSets
        } else {
            Missing::Idr
        }
    }

    pub(super) fn tally(&self) -> Tally {
        let packets = self.reorder.stats();
        let pictures = self.assembler.depacketizer.stats();
        Tally {
            received: packets.delivered,
            lost: packets.lost,
            pictures: pictures.delivered,
            dropped: pictures.damaged + pictures.reference_missing,
            waiting: pictures.waiting_for_idr,
        }
    }

    /// Packets that are none of the stream.
    pub(super) fn others(&self) -> u64 {
        self.malformed + self.foreign
    }

    /// What cannot be read, of all that came.
    pub(super) fn legibility(&self) -> Legibility {
        let stats = self.assembler.depacketizer.stats();
        Legibility {
            unreadable: self.malformed + stats.unreadable,
            packets: self.malformed + self.packets,
            pictures: stats.delivered,
        }
    }

    /// What is the matter with the stream.
    pub(super) fn diagnosis(&self) -> Option<Diagnosis> {
        self.assembler.depacketizer.stats().diagnosis()
    }

    pub(super) fn report_block(&mut self, now: Instant) -> Option<ReportBlock> {
        self.reception.report_block(now)
    }

    /// A packet without payload, as a sender of `ssrc` would begin with.
    pub(super) fn empty_packet(&self, ssrc: Ssrc) -> Vec<u8> {
        let mut packet = Vec::with_capacity(12);
        PacketHeader {
            payload_type: self.payload_type,
            marker: false,
            sequence_number: SequenceNumber(0),
            timestamp: RtpTimestamp(0),
            ssrc,
        }
        .write(&mut packet);
        packet
    }

    pub(super) fn add_to(&self, stats: &mut CameraStats) {
        let reorder = self.reorder.stats();
        let pictures = self.assembler.depacketizer.stats();
        stats.packets += self.packets;
        stats.bytes += self.bytes;
        stats.malformed += self.malformed;
        stats.foreign += self.foreign;
        stats.lost += reorder.lost;
        stats.reordered += reorder.held;
        stats.duplicates += reorder.duplicates;
        stats.late += reorder.late;
        let settled = reorder.delivered
            + reorder.duplicates
            + reorder.late
            + reorder.refused
            + reorder.discarded
            + reorder.undrained;
        stats.waiting = self.packets.saturating_sub(settled);
        stats.unreadable_payloads += pictures.unreadable;
        stats.dropped.waiting_for_idr += pictures.waiting_for_idr;
        stats.dropped.missing_parameter_sets += pictures.missing_parameter_sets;
        stats.dropped.damaged += pictures.damaged;
        stats.dropped.reference_missing += pictures.reference_missing;
        stats.dropped.oversized += pictures.oversized;
        stats.dropped.delayed += self.assembler.delayed;
        stats.tolerated.rtp |= self.tolerated;
        stats.tolerated.rtp |= self.reorder.tolerated();
        stats.tolerated.rtp |= self.reception.tolerated();
        stats.tolerated.rtp |= self.assembler.timeline.tolerated();
        stats.tolerated.h264 |= self.assembler.depacketizer.tolerated();
        let timeline = self.assembler.timeline.stats();
        stats.excess_delay = timeline.excess_delay;
        stats.clock_drift_ppm = timeline.drift_ppm;
        // 90 kHz ticks to microseconds.
        stats.jitter = Duration::from_micros(u64::from(self.reception.stats().jitter) * 100 / 9);
    }

    #[inline]
    fn drain_held(
        &mut self,
        arrival: Instant,
        until: Instant,
        lasting: &mut Lasting,
        mut progress: Progress,
    ) -> Progress {
        while let Some(ordered) = self.reorder.pop_held(until) {
            progress = self.assembler.push_held(arrival, ordered, lasting, progress);
        }
        progress
    }
}

impl Assembler {
    #[inline(never)]
    fn push_held(
        &mut self,
        now: Instant,
        ordered: Ordered<'_>,
        lasting: &mut Lasting,
        mut progress: Progress,
    ) -> Progress {
        if ordered.resynchronized {
            // What came before belongs to the old clock.
            self.depacketizer.flush();
            progress = self.collect(now, lasting, progress);
            self.timeline.restart();
            lasting.rebase();
        }
        self.push(now, ordered, lasting, progress)
    }

    #[expect(
        clippy::inline_always,
        reason = "as for the track's; what waited goes another way"
    )]
    #[inline(always)]
    fn push(
        &mut self,
        now: Instant,
        ordered: Ordered<'_>,
        lasting: &mut Lasting,
        mut progress: Progress,
    ) -> Progress {
        let packet = ordered.packet;
        let timestamp = self.timeline.unwrap(packet.timestamp(), now);
        let extension = packet.extension();
        if let Some(replay) = extension.as_ref().and_then(ReplayExtension::from_extension) {
            self.timeline.on_replay_extension(&replay, timestamp, now);
        }
        if self.ssrc != Some(packet.ssrc()) {
            self.begin_source(packet.ssrc());
        }
        // The packets of a picture have its timestamp and are as late.
        if timestamp.0 != self.late.timestamp {
            progress = self.begin_picture(now, timestamp, lasting, progress);
        }
        let pushed = self.depacketizer.push(RtpPayload {
            data: packet.payload(),
            timestamp: Timestamp(timestamp.0),
            marker: packet.marker(),
            lost_before: ordered.lost_before,
        });
        if let Err(error) = pushed {
            pass_over(packet, &error);
        }
        let made = Made::by(&self.depacketizer);
        if made != self.seen {
            let lacks_reference = made.withheld > self.seen.withheld;
            progress = self.collect(now, lasting, progress);
            progress.needs_idr |= lacks_reference;
        }
        progress
    }

    fn begin_source(&mut self, ssrc: Ssrc) {
        self.ssrc = Some(ssrc);
        if let Some(early) = self.early.take() {
            self.handle_clock_reading(early);
        }
    }

    #[inline(never)]
    fn begin_picture(
        &mut self,
        now: Instant,
        timestamp: ExtendedTimestamp,
        lasting: &mut Lasting,
        mut progress: Progress,
    ) -> Progress {
        self.late = Lateness {
            timestamp: timestamp.0,
            delay: self.timeline.excess_delay(),
        };
        if let Some(handling) = self.pace.on_packet(self.late, lasting.max_delay) {
            progress.needs_idr = true;
            lasting.tell_delay(now, self.late.delay, handling);
        }
        progress.needs_idr |= self.pace.lacks_idr(self.late, lasting.max_delay);
        progress
    }

    /// The clock of another source tells nothing about this one (Q88).
    fn handle_clock_reading(&mut self, reading: ClockReading) {
        if Some(reading.ssrc) == self.ssrc {
            self.timeline
                .on_sender_report(reading.ntp, reading.rtp, reading.arrival);
        } else {
            self.early = Some(reading);
        }
    }

    #[inline(never)]
    fn collect(&mut self, now: Instant, lasting: &mut Lasting, mut progress: Progress) -> Progress {
        self.seen = Made::by(&self.depacketizer);
        while let Some(unit) = self.depacketizer.pop() {
            progress.has_picture = true;
            let fate = if unit.is_idr() {
                let (fate, told) = self.pace.on_idr(self.late, lasting.max_delay);
                if let Some(handling) = told {
                    lasting.tell_delay(now, self.late.delay, handling);
                }
                // One that comes too late answers what was asked for as well, and another one is asked for.
                progress.has_idr = true;
                progress.needs_idr = fate == Fate::Drop;
                fate
            } else {
                self.pace.on_picture()
            };
            if fate == Fate::Drop {
                self.delayed += 1;
                continue;
            }
            let capture_time = self.timeline.capture_time(ExtendedTimestamp(unit.timestamp.0));
            lasting.deliver(unit, capture_time, now);
        }
        progress
    }
}

#[cold]
fn pass_over(packet: Packet<'_>, error: &DepacketizeError) {
    let (sequence, ssrc) = (packet.sequence_number().0, packet.ssrc());
    tracing::debug!(%error, sequence, %ssrc, "payload passed over");
}
