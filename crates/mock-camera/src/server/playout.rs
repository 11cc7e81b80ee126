use std::ops::Range;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use throughline_h264::Packetizer;
use throughline_rtp::rtcp::{self, ReportBlocks, RtcpPacket, SenderReport, SourceDescription};
use throughline_rtp::{NtpTimestamp, PacketHeader, PayloadType, RtpTimestamp, SequenceNumber, Ssrc};

use crate::clip::Clip;
use crate::interval::ticks;
use crate::quirks;
use crate::quirks::packets::PacketQuirks;
use crate::stats::{Counters, count};

/// Payload type of the video in the session description and in every packet.
pub(crate) const PAYLOAD_TYPE: u8 = 96;

/// Lateness above which the play-out skips to the present. Less is a busy machine, and is made good by
/// sending faster; more is a suspended one, and would become a burst.
const MAX_LATENESS: Duration = Duration::from_secs(1);

/// The first reports come faster, so that a receiver learns the clocks early.
const EARLY_REPORTS: u32 = 5;
const EARLY_REPORT_INTERVAL: Duration = Duration::from_secs(1);
/// [RFC 3550 §6.2](https://www.rfc-editor.org/rfc/rfc3550#section-6.2)'s least interval.
const REPORT_INTERVAL: Duration = Duration::from_secs(5);

/// Can the client's connection take another picture?
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Room {
    /// It keeps up.
    Available,
    /// It does not: what is due now is left out, and the next picture sent is an IDR.
    Full,
}

/// One packet that is to be sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Packet<'a> {
    /// What it is, and so where it goes.
    pub protocol: Protocol,
    /// The whole packet.
    pub bytes: &'a [u8],
}

/// The two streams of packets that make up a session.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Protocol {
    /// A packet of a picture.
    Rtp,
    /// A sender report with its source description.
    Rtcp,
}

/// The packets that are due at one moment; reused from one moment to the next.
#[derive(Debug, Default)]
pub struct Burst {
    bytes: Vec<u8>,
    packets: Vec<(Protocol, Range<usize>)>,
}

impl Burst {
    /// The packets, in the order in which to send them.
    pub fn packets(&self) -> impl Iterator<Item = Packet<'_>> {
        self.packets.iter().map(|(protocol, range)| Packet {
            protocol: *protocol,
            bytes: self.bytes.get(range.clone()).unwrap_or_default(),
        })
    }

    /// Adds the packet that `write` writes.
    pub(crate) fn push(&mut self, protocol: Protocol, write: impl FnOnce(&mut Vec<u8>)) {
        let start = self.bytes.len();
        write(&mut self.bytes);
        self.packets.push((protocol, start..self.bytes.len()));
    }

    /// Takes the packets from the `first` on out again.
    pub(crate) fn take_from(&mut self, first: usize) -> Vec<Vec<u8>> {
        let taken = self.packets.split_off(first.min(self.packets.len()));
        let packets = taken
            .iter()
            .map(|(_, range)| self.bytes.get(range.clone()).unwrap_or_default().to_vec())
            .collect();
        if let Some((_, range)) = taken.first() {
            self.bytes.truncate(range.start);
        }
        packets
    }

    fn clear(&mut self) {
        self.bytes.clear();
        self.packets.clear();
    }
}

/// Relates the two clocks of the machine: reading the wall clock once is enough.
#[derive(Debug, Clone, Copy)]
pub struct Clocks {
    /// A moment.
    pub monotonic: Instant,
    /// The same moment in UTC.
    pub wall: SystemTime,
}

#[derive(Debug)]
enum State {
    /// Before PLAY and after PAUSE.
    Stopped,
    Playing {
        /// When `first_slot` was due.
        since: Instant,
        first_slot: u64,
        next_report: Instant,
    },
}

/// One client's play of the clip, looped without an end: one RTP stream.
///
/// Time is cut into slots of one picture each. A slot's number gives its RTP timestamp, whether its picture
/// was sent or left out and wherever in the clip the picture came from: so timestamps stay continuous over
/// the clip's end and over every jump.
#[derive(Debug)]
pub(crate) struct Playout {
    clip: Clip,
    counters: Arc<Counters>,
    clocks: Clocks,
    ssrc: Ssrc,
    cname: String,
    state: State,
    slot: u64,
    /// Index of the next picture in the clip.
    next: usize,
    first_timestamp: u32,
    sequence_number: SequenceNumber,
    packets: u32,
    octets: u32,
    reports: u32,
    last_fir: Option<u8>,
    quirks: PacketQuirks,
    burst: Burst,
}

impl Playout {
    /// A stream that stands still. The seed chooses what RFC 3550 wants at random: SSRC, first timestamp and
    /// first sequence number.
    pub(crate) fn new(
        clip: Clip,
        counters: Arc<Counters>,
        clocks: Clocks,
        quirks: PacketQuirks,
        seed: u64,
    ) -> Self {
        let ssrc = Ssrc(low_32(seed));
        Self {
            clip,
            counters,
            clocks,
            ssrc,
            cname: format!("camera-{ssrc}"),
            state: State::Stopped,
            slot: 0,
            next: 0,
            first_timestamp: low_32(seed >> 32),
            sequence_number: SequenceNumber(low_16(seed >> 24)),
            packets: 0,
            octets: 0,
            reports: 0,
            last_fir: None,
            quirks,
            burst: Burst::default(),
        }
    }

    pub(crate) fn is_playing(&self) -> bool {
        matches!(self.state, State::Playing { .. })
    }

    pub(crate) fn ssrc(&self) -> Ssrc {
        self.ssrc
    }

    /// Sequence number and timestamp of the next packet.
    pub(crate) fn position(&self) -> (SequenceNumber, RtpTimestamp) {
        (self.sequence_number, self.timestamp(self.slot))
    }

    /// Plays from now on, from an IDR. A stream that plays already goes on as it is.
    pub(crate) fn play(&mut self, now: Instant) {
        if !self.is_playing() {
            count(&self.counters.plays);
            self.quirks.started(now);
            self.next = self.clip.next_idr(self.next);
            self.state = State::Playing {
                since: now,
                first_slot: self.slot,
                next_report: now,
            };
        }
    }

    pub(crate) fn pause(&mut self) {
        self.state = State::Stopped;
    }

    /// When to call [`handle_timeout`](Self::handle_timeout).
    pub(crate) fn wake_at(&self) -> Option<Instant> {
        match self.state {
            State::Stopped => None,
            State::Playing {
                since,
                first_slot,
                next_report,
            } => Some(next_report.min(since + self.clip.interval().duration(self.slot - first_slot))),
        }
    }

    /// What is due now.
    pub(crate) fn handle_timeout(&mut self, now: Instant, room: Room) -> &Burst {
        self.burst.clear();
        let State::Playing {
            since,
            first_slot,
            next_report,
        } = self.state
        else {
            return &self.burst;
        };
        let due = |slot: u64| since + self.clip.interval().duration(slot - first_slot);
        if now >= due(self.slot) + MAX_LATENESS {
            self.slot = first_slot + self.clip.interval().pictures_in(now - since);
            self.next = self.clip.next_idr(self.next);
        }
        if now >= due(self.slot) {
            match room {
                Room::Available if !self.quirks.withholds(now, Protocol::Rtp) => self.send_picture(now),
                _ => {
                    count(&self.counters.pictures_dropped);
                    self.next = self.clip.next_idr(self.next);
                }
            }
            self.slot += 1;
        }
        if now >= next_report {
            if room == Room::Available && !self.quirks.withholds(now, Protocol::Rtcp) {
                self.send_report(now, since, first_slot);
            }
            let interval = if self.reports < EARLY_REPORTS {
                EARLY_REPORT_INTERVAL
            } else {
                REPORT_INTERVAL
            };
            self.state = State::Playing {
                since,
                first_slot,
                next_report: now + interval,
            };
        }
        &self.burst
    }

    /// Reads what a receiver reports and asks for; what cannot be read costs itself alone.
    pub(crate) fn handle_rtcp(&mut self, now: Instant, data: &[u8]) {
        self.quirks.heard(now);
        for packet in rtcp::compound(data).flatten() {
            match packet {
                RtcpPacket::ReceiverReport(_) => count(&self.counters.receiver_reports),
                RtcpPacket::PictureLossIndication(pli) if pli.media == self.ssrc => self.jump_to_idr(),
                // A request that is only repeated keeps its number:
                // https://www.rfc-editor.org/rfc/rfc5104#section-4.3.1.1
                RtcpPacket::FullIntraRequest(fir) => {
                    let media = self.ssrc;
                    for entry in fir.entries.iter().filter(|entry| entry.media == media) {
                        if self.last_fir.replace(entry.sequence) == Some(entry.sequence) {
                            count(&self.counters.keyframe_requests);
                        } else {
                            self.jump_to_idr();
                        }
                    }
                }
                _ => {}
            }
        }
    }

    fn jump_to_idr(&mut self) {
        count(&self.counters.keyframe_requests);
        self.next = self.clip.next_idr(self.next);
    }

    fn timestamp(&self, slot: u64) -> RtpTimestamp {
        RtpTimestamp(
            self.first_timestamp
                .wrapping_add(low_32(self.clip.interval().ticks(slot))),
        )
    }

    fn send_picture(&mut self, now: Instant) {
        let clip = self.clip.clone();
        let Some(picture) = clip.picture(self.next) else {
            return;
        };
        if let Some(jump) = self.quirks.begin_picture(now, picture) {
            self.ssrc.0 ^= jump.ssrc;
            self.sequence_number.0 = self.sequence_number.0.wrapping_add(jump.sequence_number);
            self.first_timestamp = self.first_timestamp.wrapping_add(jump.timestamp);
        }
        let timestamp = self.timestamp(self.slot);
        let first = self.burst.packets.len();
        let picture = self.quirks.picture(picture);
        for fragment in Packetizer::new(self.quirks.max_payload()).packetize(&picture) {
            let header = PacketHeader {
                payload_type: PayloadType(PAYLOAD_TYPE),
                marker: fragment.is_last,
                sequence_number: self.sequence_number,
                timestamp,
                ssrc: self.ssrc,
            };
            self.burst.push(Protocol::Rtp, |out| {
                header.write(out);
                fragment.write(out);
            });
            self.sequence_number = self.sequence_number.next();
            self.packets = self.packets.wrapping_add(1);
            self.octets = self.octets.wrapping_add(low_32(fragment.len() as u64));
            count(&self.counters.packets);
        }
        self.sequence_number = self
            .quirks
            .bend(&picture, &mut self.burst, first, self.sequence_number);
        count(&self.counters.pictures);
        self.next = self.clip.after(self.next);
    }

    fn send_report(&mut self, now: Instant, since: Instant, first_slot: u64) {
        let elapsed = self.clip.interval().ticks(first_slot) + ticks(now - since);
        let quirks = self.quirks.quirks();
        let open = now - self.clocks.monotonic;
        let wall = quirks::rtcp::clock(quirks, self.clocks.wall + open, open, self.reports);
        let report = SenderReport {
            ssrc: self.ssrc,
            ntp: NtpTimestamp::from_system_time(wall),
            rtp: RtpTimestamp(self.first_timestamp.wrapping_add(low_32(elapsed))),
            packet_count: self.packets,
            octet_count: self.octets,
            reports: ReportBlocks::NONE,
        };
        let description = SourceDescription::new(self.ssrc, self.cname.as_bytes());
        self.burst.push(quirks::rtcp::protocol(quirks), |out| {
            report.write(out);
            description.write(out);
            quirks::rtcp::bend(quirks, report.ssrc, out);
        });
        self.reports += 1;
    }
}

/// How counters and timestamps wrap on the wire.
#[expect(
    clippy::cast_possible_truncation,
    reason = "the fields are defined modulo 2^32"
)]
fn low_32(number: u64) -> u32 {
    number as u32
}

#[expect(
    clippy::cast_possible_truncation,
    reason = "sequence numbers are defined modulo 2^16"
)]
fn low_16(number: u64) -> u16 {
    number as u16
}
