//! RTP payloads to access units: the state that outlives a payload. How each payload structure is taken apart is in a
//! file of its own.

mod assembly;
mod config;
mod deinterleaver;
mod diagnosis;
mod error;
mod format;
mod frame_num;
mod fu_a;
mod fu_b;
mod interleaved;
mod marker;
mod mtap;
mod nal_units;
mod pictures;
mod pool;
mod single;
mod stap_a;
mod stap_b;
mod stats;

use std::collections::VecDeque;

use crate::access_unit::{AccessUnit, Timestamp};
use crate::boundary::CodedPicture;
use crate::parameter_sets::ParameterSets;
use crate::parameters::VideoParameters;
use crate::tolerance::{Tolerance, Tolerances};
use assembly::Assembly;
use deinterleaver::Deinterleaver;
use frame_num::FrameNumbers;
use marker::Marker;

pub use config::{Damaged, DepacketizerConfig, StartAt};
pub use deinterleaver::{MAX_DEINTERLEAVED_NAL_UNITS, MAX_DEINTERLEAVING_BYTES};
pub use diagnosis::Diagnosis;
pub use error::{DepacketizeError, DepacketizeErrorKind, PayloadStructure};
pub use format::{PacketizationMode, PayloadFormat, PayloadFormatError};
pub use pool::{Block, BufferPool, Buffers};
pub use stats::{DepacketizerStats, GroupOfPictures};

/// Bytes of one access unit. An IDR picture of an 8K camera at level 6.2's peak rates stays below.
pub const MAX_ACCESS_UNIT_BYTES: usize = 8 * 1024 * 1024;

/// NAL units of one access unit: eight times the most slices that a picture of 8K may have (one a macroblock row).
pub const MAX_NAL_UNITS: usize = 4096;

/// Access units waiting for [`Depacketizer::pop`]: a payload rarely ends more than two.
pub const MAX_READY: usize = 32;

/// One RTP packet's payload with what its header says.
#[derive(Clone, Copy, Debug)]
pub struct RtpPayload<'a> {
    /// The payload, padding removed. Of any length that a packet can have (Q145).
    pub data: &'a [u8],
    /// The packet's timestamp, unwrapped.
    pub timestamp: Timestamp,
    /// The packet's marker bit.
    pub marker: bool,
    /// Packets missing in sequence before this one.
    pub lost_before: u32,
}

/// Whether what a picture refers to has left.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Continuity {
    /// No picture that decoding can begin with has left yet.
    NotStarted,
    /// A picture that later ones may refer to did not leave.
    Broken,
    /// A recovery point has left; B pictures right behind it may refer to what was in front of it.
    Leading,
    /// Everything since the beginning left, but for pictures that nothing refers to.
    Unbroken,
}

impl Continuity {
    /// A picture that later ones may refer to does not leave.
    fn end(&mut self) {
        if *self != Self::NotStarted {
            *self = Self::Broken;
        }
    }
}

/// Packets are missing before the NAL unit that comes next.
#[derive(Clone, Copy, Debug, Default)]
struct Gap {
    packets: u32,
    /// It tore a fragmented NAL unit, so that at least one packet was that unit's.
    in_fragment: bool,
}

/// Puts access units together from RTP payloads in sequence order.
///
/// After each [`push`](Self::push), call [`pop`](Self::pop) until it gives none. The whole contract is on the
/// [crate's front page](crate).
#[derive(Debug)]
pub struct Depacketizer {
    config: DepacketizerConfig,
    tolerated: Tolerances,
    parameter_sets: ParameterSets,
    /// Those of the session description.
    described: ParameterSets,
    /// Whether an SPS came in-band: then an IDR picture without one has lost it.
    in_band_sps: bool,
    /// There is one once a payload with decoding order numbers came.
    deinterleaver: Option<Box<Deinterleaver>>,
    assembly: Assembly,
    /// Timestamp of the payload or NAL unit being read.
    timestamp: Timestamp,
    /// Where it begins in its payload.
    offset: usize,
    gap: Option<Gap>,
    /// Packets are missing before the access unit under construction, perhaps its own.
    head_unsure: bool,
    /// How many, until its picture is finished: perhaps they were pictures that others refer to.
    lost_before_picture: Option<u32>,
    marker: Marker,
    frame_numbers: FrameNumbers,
    /// The last finished picture.
    previous: Option<(Timestamp, CodedPicture)>,
    continuity: Continuity,
    active: Option<VideoParameters>,
    lost_since_delivery: u32,
    ready: VecDeque<AccessUnit>,
    stats: DepacketizerStats,
}

impl Depacketizer {
    /// A depacketizer that has seen nothing yet and waits for an IDR picture, with a [`BufferPool`] of its own. Where there are
    /// many, let those of a thread share one: see [`Buffers`].
    pub fn new(config: DepacketizerConfig) -> Self {
        Self::with_buffers(config, BufferPool::default())
    }

    /// The same, whose access units are in memory that it may share with others.
    pub fn with_buffers(config: DepacketizerConfig, buffers: impl Buffers + 'static) -> Self {
        Self {
            config,
            tolerated: Tolerances::default(),
            parameter_sets: ParameterSets::default(),
            described: ParameterSets::default(),
            in_band_sps: false,
            deinterleaver: None,
            assembly: Assembly::new(
                config.max_access_unit_bytes.min(MAX_ACCESS_UNIT_BYTES),
                Box::new(buffers),
            ),
            timestamp: Timestamp::default(),
            offset: 0,
            // A stream may be joined in the middle of a picture.
            gap: Some(Gap::default()),
            head_unsure: false,
            lost_before_picture: None,
            marker: Marker::default(),
            frame_numbers: FrameNumbers::default(),
            previous: None,
            continuity: Continuity::NotStarted,
            active: None,
            lost_since_delivery: 0,
            ready: VecDeque::new(),
            stats: DepacketizerStats::default(),
        }
    }

    /// Gives the parameter sets of the session description. Those that came in-band stay (Q141).
    pub fn set_parameter_sets(&mut self, sets: &ParameterSets) {
        if self.in_band_sps {
            self.parameter_sets.add_missing(sets);
        } else {
            self.parameter_sets = sets.clone();
        }
        self.described = sets.clone();
    }

    /// Takes the next payload in sequence.
    ///
    /// An error costs this payload only: go on with the next one. A payload that cannot be read or is not tolerated
    /// counts as lost, but for one that is empty or of a reserved NAL unit type, which no picture needs.
    pub fn push(&mut self, payload: RtpPayload<'_>) -> Result<(), DepacketizeError> {
        self.stats.payloads += 1;
        self.timestamp = payload.timestamp;
        self.offset = 0;
        if payload.lost_before > 0 {
            self.stats.lost += u64::from(payload.lost_before);
            self.note_missing(payload.lost_before);
        }
        let mut result = self.read(payload.data);
        if self.deinterleaver.is_some() {
            // A marker says that the picture's last packet in transmission order was sent, which tells nothing here.
            result = result.and(self.take_deinterleaved());
        } else if payload.marker {
            result = self.on_marker(result);
        }
        self.stats.unreadable += u64::from(result.is_err());
        result
    }

    /// The next finished access unit.
    pub fn pop(&mut self) -> Option<AccessUnit> {
        self.ready.pop_front()
    }

    /// Ends the access unit under construction, as no more payloads will come, and makes ready for another beginning.
    ///
    /// What only waited for the next picture leaves, but not a picture whose end has not been seen: with a camera that
    /// sets no markers (Q76) or interleaves, that is the last one.
    pub fn flush(&mut self) {
        self.drain_deinterleaver();
        if self.assembly.abort() || !self.marker.is_pending() {
            self.assembly.damage();
        }
        self.finish();
        self.assembly.reset();
        self.break_continuity();
        self.lost_before_picture = None;
        self.frame_numbers.forget();
        self.take_gap();
        self.gap = Some(Gap::default());
        self.previous = None;
    }

    /// What has been seen so far.
    pub const fn stats(&self) -> &DepacketizerStats {
        &self.stats
    }

    /// What has been overlooked so far, in parameter sets too.
    pub fn tolerated(&self) -> Tolerances {
        let mut tolerated = self.tolerated;
        tolerated |= self.parameter_sets.tolerated();
        tolerated
    }

    /// Takes a payload apart by its structure.
    fn read(&mut self, data: &[u8]) -> Result<(), DepacketizeError> {
        use PayloadStructure as S;
        let Some(structure) = S::of(data) else {
            return Err(self.error(DepacketizeErrorKind::Empty));
        };
        let declared = self.config.format.packetization_mode;
        if declared.is_some_and(|mode| !mode.has(structure)) {
            self.tolerate_payload(Tolerance::PayloadStructure)?;
        }
        match structure {
            S::FuA => fu_a::push(self, data),
            S::SingleNalUnit => single::push(self, data),
            S::StapA => stap_a::push(self, data),
            S::StapB => stap_b::push(self, data),
            S::Mtap16 | S::Mtap24 => mtap::push(self, structure, data),
            S::FuB => fu_b::push(self, data),
        }
    }

    /// The payload being read ends inside its own headers.
    fn truncated(&mut self, structure: PayloadStructure, payload: &[u8]) -> Result<(), DepacketizeError> {
        self.note_missing(1);
        let length = payload.len();
        Err(self.error(DepacketizeErrorKind::Truncated { structure, length }))
    }

    /// The bytes of a NAL unit of a stated size in an aggregation.
    fn aggregated<'a>(&mut self, rest: &'a [u8], size: usize) -> Result<&'a [u8], DepacketizeError> {
        if size > rest.len() {
            self.tolerate_payload(Tolerance::AggregationSize)?;
        } else if size == 0 {
            // Padding, as far as the whole of it goes (Q83).
            self.tolerate_payload(Tolerance::TrailingZeros)?;
        }
        Ok(rest.get(..size).unwrap_or(rest))
    }

    /// Packets are missing in transmission order, or could not be read, before what comes next.
    fn note_missing(&mut self, packets: u32) {
        match &mut self.deinterleaver {
            Some(deinterleaver) => deinterleaver.note_loss(packets),
            None => self.note_loss(packets),
        }
    }

    /// Uses a tolerance for the payload being read, or passes the payload over.
    fn tolerate_payload(&mut self, tolerance: Tolerance) -> Result<(), DepacketizeError> {
        let tolerated = self.use_tolerance(tolerance);
        if tolerated.is_err() {
            self.note_missing(1);
        }
        tolerated
    }

    /// Uses a tolerance for the NAL unit that is next in decoding order, or passes its payload over.
    fn tolerate(&mut self, tolerance: Tolerance) -> Result<(), DepacketizeError> {
        let tolerated = self.use_tolerance(tolerance);
        if tolerated.is_err() {
            self.note_loss(1);
        }
        tolerated
    }

    fn use_tolerance(&mut self, tolerance: Tolerance) -> Result<(), DepacketizeError> {
        if !self.config.policy.tolerates(tolerance) {
            return Err(self.error(DepacketizeErrorKind::NotTolerated(tolerance)));
        }
        self.tolerated.insert(tolerance);
        Ok(())
    }

    fn error(&self, kind: DepacketizeErrorKind) -> DepacketizeError {
        DepacketizeError {
            timestamp: self.timestamp,
            offset: self.offset,
            kind,
        }
    }
}
