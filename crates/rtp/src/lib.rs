//! RTP and RTCP without I/O ([RFC 3550](https://www.rfc-editor.org/rfc/rfc3550)): what a receiver of camera streams
//! needs between the socket and the depacketizer, and what a sender needs to write its packets.
//!
//! | part | what it does |
//! |---|---|
//! | [`Packet`], [`PacketHeader`] | reads a packet in place; writes a header |
//! | [`rtcp`] | compound packets: SR, RR, SDES, BYE, PLI, FIR, read and written; others passed through |
//! | [`ReorderBuffer`] | packets in order, duplicates gone, losses counted, restarts followed |
//! | [`ReceptionStatistics`] | loss and jitter, and the report block that tells the sender |
//! | [`Timeline`] | timestamps that do not wrap; capture time in UTC |
//!
//! # Contract
//!
//! Nothing here opens a socket, reads a clock or starts a thread. Bytes come in as slices and time as an
//! [`Instant`](std::time::Instant) argument, which should not go backwards. A packet in order costs no allocation and
//! no copy: what goes in is what comes out. Any bytes are fine: what cannot be read is an error that says which byte, and
//! costs that packet only.
//!
//! # A receiver, whole
//!
//! ```
//! use std::time::{Duration, Instant};
//! use throughline_rtp::rtcp::{ReceiverReport, ReportBlocks, RtcpPacket, SourceDescription};
//! use throughline_rtp::*;
//!
//! struct Track {
//!     payload_type: PayloadType,
//!     statistics: ReceptionStatistics,
//!     reorder: ReorderBuffer,
//!     timeline: Timeline,
//! }
//!
//! impl Track {
//!     /// One datagram, or one interleaved frame.
//!     fn receive(&mut self, now: Instant, bytes: &[u8]) -> Result<(), PacketError> {
//!         if rtcp::is_rtcp(bytes) {
//!             self.receive_rtcp(now, bytes);
//!             return Ok(());
//!         }
//!         let packet = Packet::parse(bytes)?;
//!         if packet.payload_type() != self.payload_type {
//!             return Ok(()); // Q85: not what was negotiated
//!         }
//!         self.statistics.on_packet(&packet, now);
//!         if let Pushed::InOrder(ordered) = self.reorder.push(now, packet) {
//!             deliver(&mut self.timeline, now, &ordered);
//!         }
//!         self.handle_timeout(now);
//!         Ok(())
//!     }
//!
//!     /// After each packet, and when `self.reorder.wake_at()` has come.
//!     fn handle_timeout(&mut self, now: Instant) {
//!         while let Some(ordered) = self.reorder.pop_held(now) {
//!             deliver(&mut self.timeline, now, &ordered);
//!         }
//!     }
//!
//!     fn receive_rtcp(&mut self, now: Instant, bytes: &[u8]) {
//!         for packet in rtcp::compound(bytes) {
//!             match packet {
//!                 Ok(RtcpPacket::SenderReport(report)) => {
//!                     self.statistics.on_sender_report(&report, now);
//!                     self.timeline.on_sender_report(report.ntp, report.rtp, now);
//!                 }
//!                 Ok(RtcpPacket::Bye(bye)) => println!("{} leaves", bye.ssrc),
//!                 Ok(_) => {}
//!                 Err(error) => eprintln!("{error}"),
//!             }
//!         }
//!     }
//!
//!     /// To send every few seconds: some cameras stop without it (Q36).
//!     fn report(&mut self, now: Instant, ssrc: Ssrc) -> Vec<u8> {
//!         let block = self.statistics.report_block(now);
//!         let mut compound = Vec::new();
//!         ReceiverReport { ssrc, reports: ReportBlocks::new(block.as_slice()) }.write(&mut compound);
//!         SourceDescription::new(ssrc, b"receiver").write(&mut compound);
//!         compound
//!     }
//! }
//!
//! /// Where the depacketizer takes over.
//! fn deliver(timeline: &mut Timeline, now: Instant, ordered: &Ordered<'_>) {
//!     if ordered.resynchronized {
//!         timeline.restart();
//!     }
//!     let timestamp = timeline.unwrap(ordered.packet.timestamp(), now);
//!     let (lost, captured) = (ordered.lost_before, timeline.capture_time(timestamp));
//!     println!("{timestamp:?}, {lost} lost before, {captured:?}: {:?}", ordered.packet.payload());
//! }
//!
//! let mut track = Track {
//!     payload_type: PayloadType(96),
//!     statistics: ReceptionStatistics::new(ClockRate::VIDEO),
//!     reorder: ReorderBuffer::new(ReorderConfig::default()),
//!     timeline: Timeline::new(ClockRate::VIDEO),
//! };
//! let mut now = Instant::now();
//! for sequence_number in [1, 2, 4, 3, 6] {
//!     let mut bytes = Vec::new();
//!     let header = PacketHeader {
//!         payload_type: PayloadType(96),
//!         marker: false,
//!         sequence_number: SequenceNumber(sequence_number),
//!         timestamp: RtpTimestamp(0),
//!         ssrc: Ssrc(0x5e8a_11c2),
//!     };
//!     header.write(&mut bytes);
//!     bytes.extend_from_slice(b"payload");
//!     track.receive(now, &bytes)?;
//!     now += Duration::from_millis(10);
//! }
//! track.handle_timeout(now + Duration::from_millis(100));
//! let stats = track.reorder.stats();
//! assert_eq!((stats.delivered, stats.lost), (5, 1));
//! assert_eq!(track.report(now, Ssrc(1)).len(), 32 + 20);
//! # Ok::<(), PacketError>(())
//! ```
//!
//! # Limits
//!
//! - A gap holds packets back for 100 ms, 512 packets or 2 MiB, whichever comes first; the first two are
//!   [`ReorderConfig`]'s.
//! - A jump of the sequence by more than 3000 ahead or 100 back is a restart, once three packets in a row confirm it.
//! - Timestamps that pause for more than six hours (at 90 kHz) may unwrap to the wrong turn.
//! - At most 31 report blocks a packet: the wire's own limit.
//!
//! # What it does not do
//!
//! When to send RTCP is the caller's to decide. There is no SRTP, no retransmission, no congestion control; header
//! extensions are handed out uninterpreted, and so are RTCP types that are not in the list above.
//!
//! Numbers such as Q88 name camera quirks: what real cameras do and the RFCs did not foresee.

mod extension;
mod ids;
mod monotonic_clock;
mod ntp;
mod packet;
mod reception;
mod reorder;
mod replay_extension;
pub mod rtcp;
mod rtcp_schedule;
#[cfg(test)]
mod test_support;
mod timeline;
mod tolerance;

pub use extension::{Element, ElementCutShort, Elements, Extension};
pub use ids::{ClockRate, ExtendedTimestamp, PayloadType, RtpTimestamp, SequenceNumber, Ssrc};
pub use monotonic_clock::MonotonicClock;
pub use ntp::NtpTimestamp;
pub use packet::{Packet, PacketError, PacketFault, PacketHeader};
pub use reception::{ReceptionStatistics, ReceptionStats};
pub use reorder::{DropReason, GapPolicy, Ordered, Pushed, ReorderBuffer, ReorderConfig, ReorderStats};
pub use replay_extension::ReplayExtension;
pub use rtcp_schedule::{FeedbackTiming, RtcpDue, RtcpSchedule, RtcpScheduleConfig};
pub use timeline::{CaptureTime, Timeline, TimelineStats};
pub use tolerance::{NotTolerated, Policy, Tolerance, Tolerances};
