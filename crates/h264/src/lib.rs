//! H.264 as RTP carries it ([RFC 6184](https://www.rfc-editor.org/rfc/rfc6184)): payloads to Annex-B access units and
//! back, and what the parameter sets say. No decoding, no encoding, no I/O, no clock.
//!
//! [`Depacketizer`] takes payloads in sequence order and gives whole pictures:
//!
//! ```
//! use throughline_h264::{Depacketizer, DepacketizerConfig, ParameterSets, RtpPayload, Timestamp};
//!
//! let mut depacketizer = Depacketizer::new(DepacketizerConfig::default());
//! // From the session description, if it has them.
//! let described = ParameterSets::from_sprop("Z0LACtoR7ARAAAADAEAAAAyDxImo,aM4DnIA=");
//! depacketizer.set_parameter_sets(&described);
//!
//! // Two packets of an IDR picture (FU-A), one of the next picture: payload, timestamp, marker.
//! let packets: [(&[u8], i64, bool); 3] = [
//!     (&[0x7c, 0x85, 0x88, 0x84, 0x21], 0, false),
//!     (&[0x7c, 0x45, 0xa0, 0xff], 0, true),
//!     (&[0x41, 0x9a, 0x22, 0x80], 3600, true),
//! ];
//! let mut sizes = Vec::new();
//! for (data, timestamp, marker) in packets {
//!     let timestamp = Timestamp(timestamp);
//!     if let Err(error) = depacketizer.push(RtpPayload { data, timestamp, marker, lost_before: 0 }) {
//!         eprintln!("payload passed over: {error}");
//!     }
//!     while let Some(unit) = depacketizer.pop() {
//!         assert!(unit.data.starts_with(&[0, 0, 0, 1]));
//!         let video = unit.parameters;
//!         println!("{} bytes of {} {}x{}", unit.data.len(), video.profile, video.width, video.height);
//!         sizes.push((unit.is_idr(), unit.data.len()));
//!     }
//! }
//! // SPS and PPS were put in front of the IDR picture: 4 + 21 + 4 + 5 bytes.
//! assert_eq!(sizes, [(true, 34 + 4 + 6), (false, 4 + 4)]);
//! ```
//!
//! Beside it there is what a stream says of itself, and every way to frame it:
//!
//! | | |
//! |---|---|
//! | [`Packetizer`], [`InterleavedPacketizer`] | access units to payloads, in all three packetization modes |
//! | [`ParameterSets`] | SPS and PPS by identifier, changes seen, `sprop-parameter-sets` read and written |
//! | [`Sps`], [`Pps`] | every element, usability information and scaling lists included, of all profiles without layers |
//! | [`SliceHeader`] | up to the marking of reference pictures; whether a picture begins, by §7.4.1.2.4 |
//! | [`sei`] | buffering period, picture timing, recovery point, user data; the rest as bytes |
//! | [`annexb`], [`avcc`] | byte streams, samples behind lengths, and the `avcC` record, each read and written |
//! | [`emulation`] | emulation prevention, put in and taken out |
//!
//! Parameter sets, slice headers and SEI are read from NAL units as they are, emulation prevention included, and their
//! errors name the element and the bit. Slice headers and SEI allocate nothing, but for a buffering period's delays.
//!
//! # What an access unit promises
//!
//! - Its NAL units are the camera's, byte for byte and in decoding order, each behind a four-byte start code; only zero
//!   bytes behind a NAL unit are left out.
//! - It holds one picture: a frame, or a field of one. The slices tell which picture they are of (§7.4.1.2.4 of H.264), so
//!   they may come in any order; timestamps and markers count where the slices say nothing.
//! - It is whole, and so is everything it refers to: the first one is an IDR picture, and where packets were lost nothing
//!   leaves up to the next IDR picture, unless the loss was within a picture that nothing refers to (`nal_ref_idc` 0).
//!   A jump of `frame_num` tells of a lost picture too, where no packet is missing (Q90). [`Damaged::Deliver`] lifts this,
//!   and [`StartAt::ExactRecoveryPoint`] takes recovery points for a beginning (Q143).
//! - An IDR picture has SPS and PPS in front: its own, or else the latest known ones, those from in-band before those of
//!   the session description.
//! - What does not leave is counted by reason in [`DepacketizerStats`], whose
//!   [`diagnosis`](DepacketizerStats::diagnosis) names the camera's setting where one is to blame (Q139, Q140, Q143).
//!
//! A picture leaves with its marker bit, once a first picture has shown what the marker means. From cameras whose markers
//! are missing or misplaced, and where NAL units are interleaved, it leaves when the next one begins. `push` never blocks;
//! `pop` until `None` after each. Timestamps are taken as given, in units of 1/90,000 s and unwrapped; they need not grow.
//!
//! Not seen is a lost slice behind the first one of its picture where no packet is missing: only decoding tells where a
//! slice ends. Nor are pictures lost at a multiple of the range of `frame_num`, or where the SPS allows its gaps.
//!
//! # What is tolerated
//!
//! Numbers are those of the project's list of camera quirks. Each [`Tolerance`] can be refused alone, in
//! [`DepacketizerConfig::policy`] or where sets are read, and those that were used can be asked for
//! ([`Depacketizer::tolerated`]). A payload that does what is refused is an error and counts as lost.
//!
//! | | |
//! |---|---|
//! | Q67, Q68 | faulty `sprop-parameter-sets` and `profile-level-id`: what decodes is used, the SPS is right |
//! | Q69 | any payload structure, whatever `packetization-mode` says |
//! | Q74 | parameter sets only in the session description (no fault, so nothing to refuse) |
//! | Q75, Q76, Q134, Q144 | markers on parameter sets, SEI or every slice, or none at all; lone NAL units |
//! | Q77, Q135 | a timestamp that changes inside a picture, or stays for the next one |
//! | Q78, Q79, Q80 | FU-A with start and end in one, with differing headers, without end |
//! | Q82, Q83, Q84 | start codes inside payloads, trailing zeros, sizes beyond the end of an aggregation |
//! | Q92 | usability information (VUI) that is cut off or absurd |
//! | Q141 | parameter sets that are not those of the session description any more |
//!
//! # Limits
//!
//! [`MAX_ACCESS_UNIT_BYTES`], [`MAX_NAL_UNITS`], [`MAX_READY`], [`MAX_PARAMETER_SET_BYTES`], [`MAX_DEINTERLEAVING_BYTES`]
//! and [`MAX_DEINTERLEAVED_NAL_UNITS`] bound all memory, and 16 MiB what a [`BufferPool`] keeps. A payload byte is copied
//! once, an interleaved one twice. Access units are put together in memory of [`Buffers`], which depacketizers may share:
//! it is used again once they are dropped, so that nothing is allocated while they are dropped as fast as they come; a few
//! that are kept share a block.
//!
//! Layers of SVC and MVC pass as they are, their parameter sets too. Of slices nothing is read behind the marking of
//! reference pictures, and no SPS or PPS is written.
//!
//! # Neighbours
//!
//! | | where it is the better choice |
//! |---|---|
//! | [`h264-reader`](https://docs.rs/h264-reader) | NAL units that come in pieces, read before their end is there; subset SPS, prefix NAL units and SPS extensions; SPS written. No RTP |
//! | [`retina`](https://docs.rs/retina) | a whole RTSP client with its own depacketizer, well tried with real cameras, for more codecs, audio among them; frames as MP4 wants them |
//! | [`rtp`](https://docs.rs/rtp) of webrtc-rs | payloads of many codecs behind one trait, as its PeerConnection uses them; single NAL units, STAP-A and FU-A |
//!
//! # Requirements
//!
//! Rust 1.85. Dependencies: `base64`, `bytes`, `memchr`, `thiserror` and the tolerances of this project. It builds for
//! wasm32.

mod access_unit;
pub mod annexb;
pub mod avcc;
mod bitreader;
mod boundary;
mod depacketizer;
pub mod emulation;
mod nal;
mod packetizer;
mod parameter_sets;
mod parameters;
mod pps;
pub mod sei;
mod slice;
mod sps;
mod tolerance;

pub use access_unit::{AccessUnit, PictureKind, Timestamp};
pub use bitreader::SyntaxError;
pub use depacketizer::{
    Block, BufferPool, Buffers, Damaged, DepacketizeError, DepacketizeErrorKind, Depacketizer,
    DepacketizerConfig, DepacketizerStats, Diagnosis, GroupOfPictures, MAX_ACCESS_UNIT_BYTES,
    MAX_DEINTERLEAVED_NAL_UNITS, MAX_DEINTERLEAVING_BYTES, MAX_NAL_UNITS, MAX_READY, PacketizationMode,
    PayloadFormat, PayloadFormatError, PayloadStructure, RtpPayload, StartAt,
};
pub use nal::{NalHeader, NalUnitType};
pub use packetizer::{
    Aggregation, Fragment, Fragments, InterleavedConfig, InterleavedPacket, InterleavedPacketizer,
    MAX_INTERLEAVING_DEPTH, Mixture, NalUnitTooLarge, Packetizer,
};
pub use parameter_sets::{Inserted, MAX_PARAMETER_SET_BYTES, ParameterSetError, ParameterSets, SpropError};
pub use parameters::{Level, Profile, ProfileLevelId, ProfileLevelIdError, VideoParameters};
pub use pps::{Pps, PpsError, SliceGroups};
pub use slice::{PictureStructure, RefPicMarking, SliceError, SliceHeader, SliceStart, SliceType};
pub use sps::{
    BitstreamRestriction, ChromaFormat, Colour, Cropping, Hrd, MAX_SCHEDULES, PicOrderCnt, ScalingLists,
    Schedule, Sps, SpsError, Timing, Vui,
};
pub use tolerance::{Policy, Tolerance, Tolerances};
