//! RTP and RTCP without I/O ([RFC 3550](https://www.rfc-editor.org/rfc/rfc3550)): what a receiver of camera streams
//! needs between the socket and the depacketizer, and what a sender needs to write its packets.
//!
//! | part | what it does |
//! |---|---|
//! | [`Packet`], [`PacketHeader`] | reads a packet in place; writes a header |
//! | [`Extension`], [`ReplayExtension`] | header extensions: the elements of [RFC 8285](https://www.rfc-editor.org/rfc/rfc8285), and ONVIF's |
//! | [`rtcp`] | compound packets, of reduced size too: SR, RR, SDES, BYE, APP, XR, NACK, PLI, FIR, transport-wide feedback |
//! | [`RtcpSchedule`] | when to send reports and feedback |
//! | [`ReorderBuffer`] | packets in order, duplicates gone, losses counted, restarts followed |
//! | [`ReceptionStatistics`] | loss and jitter, and the report block that tells the sender |
//! | [`Timeline`], [`MonotonicClock`] | timestamps that do not wrap, capture time in UTC, drift and delay; a clock that does not step back |
//! | [`Tolerance`], [`Policy`] | what is overlooked of what cameras do, and a switch for each of it |
//!
//! # Contract
//!
//! Nothing here opens a socket, reads a clock or starts a thread. Bytes come in as slices, time as an
//! [`Instant`](std::time::Instant) argument, which should not go backwards, and randomness as a seed. A packet in order
//! costs no allocation and no copy: what goes in is what comes out. Any bytes are fine: what cannot be read is an error
//! that says which byte, and costs that packet only.
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
//!     policy: Policy,
//!     statistics: ReceptionStatistics,
//!     reorder: ReorderBuffer,
//!     timeline: Timeline,
//!     schedule: RtcpSchedule,
//! }
//!
//! impl Track {
//!     /// One datagram, or one interleaved frame.
//!     fn receive(&mut self, now: Instant, bytes: &[u8]) -> Result<(), Box<dyn std::error::Error>> {
//!         if rtcp::is_rtcp(bytes) {
//!             self.receive_rtcp(now, bytes);
//!             return Ok(());
//!         }
//!         let packet = Packet::parse(bytes)?;
//!         if !packet.has_type(self.payload_type, &self.policy)? {
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
//!     /// After each packet, and when the earlier of `self.reorder.wake_at()` and `self.schedule.wake_at()` has come.
//!     fn handle_timeout(&mut self, now: Instant) {
//!         while let Some(ordered) = self.reorder.pop_held(now) {
//!             deliver(&mut self.timeline, now, &ordered);
//!         }
//!         if self.schedule.poll(now).is_some() {
//!             let compound = self.report(now, Ssrc(1));
//!             self.schedule.on_compound(compound.len());
//!             println!("to send: {compound:x?}");
//!         }
//!     }
//!
//!     fn receive_rtcp(&mut self, now: Instant, bytes: &[u8]) {
//!         self.schedule.on_compound(bytes.len());
//!         for packet in rtcp::compound_with(bytes, self.policy) {
//!             match packet {
//!                 Ok(RtcpPacket::SenderReport(report)) => {
//!                     self.statistics.on_sender_report(&report, now);
//!                     self.timeline.on_sender_report(report.ntp, report.rtp, now);
//!                 }
//!                 Ok(RtcpPacket::Bye(bye)) => println!("{:?} leave", bye.sources),
//!                 Ok(_) => {}
//!                 Err(error) => eprintln!("{error}"),
//!             }
//!         }
//!     }
//!
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
//!     policy: Policy::default(),
//!     statistics: ReceptionStatistics::new(ClockRate::VIDEO),
//!     reorder: ReorderBuffer::new(ReorderConfig::default()),
//!     timeline: Timeline::new(ClockRate::VIDEO),
//!     schedule: RtcpSchedule::new(RtcpScheduleConfig::default(), 42),
//! };
//! let mut now = Instant::now();
//! track.schedule.start(now);
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
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # Limits
//!
//! - A gap holds packets back for 20 to 100 ms, as the network is measured, for 512 packets or 2 MiB, whichever comes
//!   first; all but the last are [`ReorderConfig`]'s.
//! - A jump of the sequence by 3000 or more ahead or more than 100 back is a restart, once three packets in a row
//!   confirm it.
//! - Timestamps that pause for more than six hours (at 90 kHz) may unwrap to the wrong turn.
//! - At most 31 report blocks or sources a packet: the wire's own limit. At most 340 entries in a NACK and 170 in a FIR to be
//!   sent.
//!
//! # What it does not do
//!
//! | it does | it does not |
//! |---|---|
//! | tell header extensions apart, and read ONVIF's | read the others: `a=extmap` says what they are |
//! | read and write every packet of the table above | take apart APP data, XR blocks and transport-wide feedback |
//! | schedule a session between two, with early feedback | groups: members are not counted, timers not reconsidered |
//! | report which packets are lost | retransmission, forward error correction, congestion control |
//! | relate timestamps to the camera's wall clock | know whether that clock is right |
//! | write headers without options | packetize: payloads are the codec's |
//! | | SRTP |
//!
//! # Neighbours
//!
//! [`rtp-types`](https://docs.rs/rtp-types) and [`rtcp-types`](https://docs.rs/rtcp-types) read packets in place and
//! build them with every option, more kinds of feedback than here among them: the choice for one who wants the wire
//! format and brings the rest. The [`rtp`](https://docs.rs/rtp) and [`rtcp`](https://docs.rs/rtcp) crates of webrtc-rs
//! have WebRTC's header extensions as types and packetizers for many codecs: the choice for one who sends to browsers.
//! This crate is for receiving from cameras: what is special to it is the way from packets to an ordered stream with
//! times, and that it bears with what cameras do.
//!
//! # Versions
//!
//! It builds with Rust 1.85 and later, for `wasm32-unknown-unknown` too, and depends on `thiserror` and
//! `throughline-tolerance`.
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
mod streams;
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
