//! RTP payloads to access units: the state that outlives a payload. How each payload structure is taken apart is in a
//! file of its own.

mod assembly;
mod error;
mod fu_a;
mod marker;
mod single;
mod stap_a;
mod stats;

use std::collections::VecDeque;

use crate::access_unit::{AccessUnit, Role, Timestamp};
use crate::annexb::nal_units_within;
use crate::nal::{NalHeader, NalUnitType};
use crate::parameter_sets::{Inserted, ParameterSets};
use crate::parameters::VideoParameters;
use crate::slice::{SliceStart, SliceType};
use assembly::{Assembly, Closed, Full, Integrity, Picture};
use marker::Marker;
use stats::Withheld;

pub use error::{DepacketizeError, PayloadStructure};
pub use stats::DepacketizerStats;

/// Bytes of one access unit. An IDR picture of an 8K camera at level 6.2's peak rates stays below.
pub const MAX_ACCESS_UNIT_BYTES: usize = 8 * 1024 * 1024;

/// NAL units of one access unit: eight times the most slices that a picture of 8K may have (one a macroblock row).
pub const MAX_NAL_UNITS: usize = 4096;

/// Access units waiting for [`Depacketizer::pop`]: a payload rarely ends more than two.
pub const MAX_READY: usize = 32;

/// What becomes of an access unit in which packets are missing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Damaged {
    /// It is withheld, and so is everything that may refer to it, up to the next IDR picture.
    #[default]
    Withhold,
    /// It leaves with [`AccessUnit::is_damaged`] set, without the NAL units that are not whole, and so does what refers
    /// to it: for those who would rather see a broken picture than none.
    Deliver,
}

/// Settings of a [`Depacketizer`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DepacketizerConfig {
    /// What becomes of damaged access units. Default: [`Damaged::Withhold`].
    pub damaged: Damaged,
    /// Bytes of one access unit, past which it is given up. Default, and limit, is [`MAX_ACCESS_UNIT_BYTES`].
    pub max_access_unit_bytes: usize,
}

impl Default for DepacketizerConfig {
    fn default() -> Self {
        Self {
            damaged: Damaged::default(),
            max_access_unit_bytes: MAX_ACCESS_UNIT_BYTES,
        }
    }
}

/// One RTP packet's payload with what its header says.
#[derive(Clone, Copy, Debug)]
pub struct RtpPayload<'a> {
    /// The payload, padding removed.
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
    /// No IDR picture has left yet.
    NotStarted,
    /// A picture that later ones may refer to did not leave.
    Broken,
    /// Everything since the last IDR picture left, but for pictures that nothing refers to.
    Unbroken,
}

/// The access unit that a NAL unit belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Place {
    UnderConstruction,
    /// The one after it.
    Next,
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
    parameter_sets: ParameterSets,
    /// Whether an SPS came in-band: then an IDR picture without one has lost it.
    in_band_sps: bool,
    assembly: Assembly,
    /// Timestamp of the payload being read.
    timestamp: Timestamp,
    gap: Option<Gap>,
    /// Packets are missing before the access unit under construction, perhaps its own.
    head_unsure: bool,
    marker: Marker,
    continuity: Continuity,
    active: Option<VideoParameters>,
    lost_since_delivery: u32,
    ready: VecDeque<AccessUnit>,
    stats: DepacketizerStats,
}

impl Depacketizer {
    /// A depacketizer that has seen nothing yet and waits for an IDR picture.
    pub fn new(config: DepacketizerConfig) -> Self {
        Self {
            config,
            parameter_sets: ParameterSets::default(),
            in_band_sps: false,
            assembly: Assembly::new(config.max_access_unit_bytes.min(MAX_ACCESS_UNIT_BYTES)),
            timestamp: Timestamp::default(),
            // A stream may be joined in the middle of a picture.
            gap: Some(Gap::default()),
            head_unsure: false,
            marker: Marker::default(),
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
    }

    /// Takes the next payload in sequence.
    ///
    /// An error costs this payload only: go on with the next one. A payload that cannot be read counts as lost, but
    /// for one that is empty or of a reserved NAL unit type, which no picture needs.
    pub fn push(&mut self, payload: RtpPayload<'_>) -> Result<(), DepacketizeError> {
        self.stats.payloads += 1;
        self.timestamp = payload.timestamp;
        if payload.lost_before > 0 {
            self.stats.lost += u64::from(payload.lost_before);
            self.note_loss(payload.lost_before);
        }
        let result = match PayloadStructure::of(payload.data) {
            Some(PayloadStructure::FuA) => fu_a::push(self, payload.data),
            Some(PayloadStructure::SingleNalUnit) => single::push(self, payload.data),
            Some(PayloadStructure::StapA) => stap_a::push(self, payload.data.get(1..).unwrap_or_default()),
            Some(unsupported) => {
                self.note_loss(1);
                Err(DepacketizeError::Unsupported(unsupported))
            }
            None => Err(DepacketizeError::Empty),
        };
        if payload.marker {
            self.on_marker(&result);
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
    /// sets no markers (Q76), that is the last one.
    pub fn flush(&mut self) {
        if self.assembly.abort() || !self.marker.is_pending() {
            self.assembly.damage();
        }
        self.finish();
        self.assembly.reset();
        self.break_continuity();
        self.gap = Some(Gap::default());
    }

    /// What has been seen so far.
    pub fn stats(&self) -> DepacketizerStats {
        self.stats
    }

    /// What should have been one NAL unit, but holds start codes (Q82).
    fn several_nal_units(&mut self, bytes: &[u8]) -> Result<(), DepacketizeError> {
        self.stats.split_nal_units += 1;
        let mut result = Ok(());
        for nal in nal_units_within(bytes) {
            result = result.and(self.nal_unit(nal));
        }
        result
    }

    /// A NAL unit that is there as a whole.
    fn nal_unit(&mut self, nal: &[u8]) -> Result<(), DepacketizeError> {
        let Some((&header, body)) = nal.split_first() else {
            return Ok(());
        };
        let header = NalHeader::from_byte(header);
        self.check_header(header)?;
        // The end bit of the fragments before never came (Q80).
        let ended = self.end_nal_unit();
        let begun = self.begin_nal_unit(header, body.first().copied());
        let extended = if self.assembly.has_open_nal() {
            self.assembly.extend(body)
        } else {
            Ok(())
        };
        ended
            .and(begun)
            .and(self.check(extended))
            .and(self.end_nal_unit())
    }

    /// Whether a NAL unit with this header can be read.
    fn check_header(&mut self, header: NalHeader) -> Result<(), DepacketizeError> {
        if header.forbidden_zero_bit() {
            self.note_loss(1);
            return Err(DepacketizeError::ForbiddenBit {
                header: header.byte(),
            });
        }
        if !header.nal_unit_type().is_in_stream() {
            return Err(DepacketizeError::ReservedType {
                nal_unit_type: header.nal_unit_type().number(),
            });
        }
        Ok(())
    }

    fn has_open_nal(&self) -> bool {
        self.assembly.has_open_nal()
    }

    /// The first bytes of a NAL unit are here: decides which access unit it belongs to.
    fn begin_nal_unit(&mut self, header: NalHeader, first_byte: Option<u8>) -> Result<(), DepacketizeError> {
        let nal_unit_type = header.nal_unit_type();
        let role = Role::of(nal_unit_type, first_byte);
        let place = self.place(nal_unit_type, role);
        self.settle_gap(place);
        if place == Place::Next {
            self.finish();
        } else if role == Role::LaterSlice {
            self.check_marker();
        }
        if self.assembly.picture.is_some() {
            self.stats.timestamp_changes += u64::from(self.assembly.timestamp != self.timestamp);
        } else {
            self.assembly.timestamp = self.timestamp;
            if nal_unit_type.is_vcl() {
                self.check_head(role);
            }
        }
        if nal_unit_type == NalUnitType::IdrSlice {
            self.complete_parameter_sets()?;
        }
        let opened = self.assembly.open(header);
        self.check(opened)
    }

    /// To which access unit a NAL unit belongs.
    fn place(&self, nal_unit_type: NalUnitType, role: Role) -> Place {
        // Without a picture an access unit never ends, whatever marker or timestamp say (Q75, Q144).
        let Some(picture) = self.assembly.picture else {
            return Place::UnderConstruction;
        };
        let same_timestamp = self.assembly.timestamp == self.timestamp;
        let stays = match role {
            Role::Begins => false,
            // In spite of a new timestamp (Q77), if nothing is missing between.
            Role::LaterSlice => {
                let same_kind = picture.is_idr == (nal_unit_type == NalUnitType::IdrSlice);
                same_kind && (same_timestamp || self.gap.is_none())
            }
            Role::Anywhere => same_timestamp,
        };
        if stays {
            Place::UnderConstruction
        } else {
            Place::Next
        }
    }

    /// The first part of a picture came: is something of its access unit missing in front?
    fn check_head(&mut self, role: Role) {
        let begins_visibly = self.assembly.has_delimiter || self.assembly.has_sps || !self.in_band_sps;
        let may_be_whole = role == Role::Begins && begins_visibly;
        // Slices in any order, which Baseline would allow, no camera sends and no browser shows.
        if role == Role::LaterSlice || (self.head_unsure && !may_be_whole) {
            self.assembly.damage();
        }
        self.head_unsure = false;
    }

    /// An IDR picture gets the stored parameter sets in front unless it came with its own (Q74).
    fn complete_parameter_sets(&mut self) -> Result<(), DepacketizeError> {
        if (self.assembly.has_sps && self.assembly.has_pps) || !self.parameter_sets.is_complete() {
            return Ok(());
        }
        self.stats.parameter_sets_inserted += 1;
        let inserted = self.assembly.insert_parameter_sets(&self.parameter_sets);
        self.check(inserted)
    }

    /// More bytes of the open NAL unit.
    fn append(&mut self, fragment: &[u8]) -> Result<(), DepacketizeError> {
        if !self.assembly.has_open_nal() {
            return Ok(());
        }
        let appended = self.assembly.append(fragment);
        self.check(appended)
    }

    /// The open NAL unit, if there is one, is whole.
    fn end_nal_unit(&mut self) -> Result<(), DepacketizeError> {
        match self.assembly.close() {
            None => Ok(()),
            Some(Closed::At(start)) => self.record(start),
            Some(Closed::Several(bytes)) => self.several_nal_units(&bytes),
        }
    }

    /// Notes what a whole NAL unit means for the access unit and the stream.
    fn record(&mut self, start: usize) -> Result<(), DepacketizeError> {
        let nal = self.assembly.nal(start);
        let Some(&header) = nal.first() else {
            return Ok(());
        };
        let header = NalHeader::from_byte(header);
        match header.nal_unit_type() {
            NalUnitType::AccessUnitDelimiter => self.assembly.set_delimiter(),
            set @ (NalUnitType::Sps | NalUnitType::Pps) => {
                let inserted = self.parameter_sets.insert(nal)?;
                self.stats.parameter_set_changes += u64::from(inserted == Inserted::Changed);
                self.in_band_sps |= set == NalUnitType::Sps;
                self.assembly.has_sps |= set == NalUnitType::Sps;
                self.assembly.has_pps |= set == NalUnitType::Pps;
            }
            vcl if vcl.is_vcl() => {
                let slice = SliceStart::parse(nal).ok();
                let picture = self.assembly.picture.get_or_insert(Picture::of(header));
                if let Some(slice) = slice {
                    picture.pps_id.get_or_insert(slice.pps_id);
                    let is_b = slice.slice_type == SliceType::B;
                    picture.has_b_slice |= is_b;
                    self.stats.b_slices += u64::from(is_b);
                }
            }
            _ => {}
        }
        Ok(())
    }

    /// A fragment whose NAL unit did not begin, or was torn: it is dropped, and its picture has a hole (Q81).
    fn orphan_fragment(&mut self, header: NalHeader) {
        self.stats.orphan_fragments += 1;
        let other_picture = self.assembly.timestamp != self.timestamp;
        if self.assembly.picture.is_some() && !other_picture {
            // Whatever is missing is this picture's.
            self.gap = None;
            self.assembly.damage();
            return;
        }
        // One missing packet is the one that began this NAL unit, unless it tore the NAL unit before.
        let own_gap = self.assembly.picture.is_none() && self.gap.is_some_and(|gap| gap.packets == 1);
        if own_gap {
            self.gap = None;
        }
        self.settle_gap(Place::Next);
        self.finish();
        self.head_unsure = false;
        self.assembly.timestamp = self.timestamp;
        self.assembly.damage();
        if header.nal_unit_type().is_vcl() {
            self.assembly.picture = Some(Picture::of(header));
        }
    }

    /// Packets are missing, or could not be read, before what comes next.
    fn note_loss(&mut self, packets: u32) {
        let in_fragment = self.assembly.abort();
        if self.assembly.picture.is_some() {
            self.assembly.damage();
        } else {
            // These NAL units may belong to a picture that is lost as a whole.
            self.assembly.reset();
        }
        let gap = self.gap.get_or_insert_default();
        gap.packets = gap.packets.saturating_add(packets);
        gap.in_fragment |= in_fragment;
        self.lost_since_delivery = self.lost_since_delivery.saturating_add(packets);
    }

    /// What comes next tells where packets were missing: in the picture under construction only, or perhaps whole
    /// pictures and the beginning of the next.
    fn settle_gap(&mut self, place: Place) {
        let Some(gap) = self.gap.take() else { return };
        let own = place == Place::UnderConstruction || (gap.in_fragment && gap.packets == 1);
        if self.assembly.picture.is_none() || !own {
            self.break_continuity();
            self.head_unsure = true;
        }
    }

    fn break_continuity(&mut self) {
        if self.continuity == Continuity::Unbroken {
            self.continuity = Continuity::Broken;
        }
    }

    /// A slice came that does not begin a picture: was there a marker in the middle of its picture?
    fn check_marker(&mut self) {
        let cut_off = self.assembly.picture.is_none() && self.marker.has_ended(self.timestamp);
        if cut_off || self.marker.is_pending() {
            self.stats.misplaced_markers += 1;
            self.marker.refute();
        }
    }

    /// The marker came on the payload just read.
    fn on_marker(&mut self, read: &Result<(), DepacketizeError>) {
        // With fragments still to come it ends nothing; without the end bit, what comes next does (Q80).
        if !self.assembly.has_open_nal() && self.assembly.picture.is_some() {
            if self.marker.ends_picture(self.assembly.timestamp) {
                self.finish();
            }
        } else if read.is_ok() {
            self.stats.misplaced_markers += 1;
            self.marker.misplaced();
        }
    }

    /// The access unit under construction is over. Without a picture it is not one.
    fn finish(&mut self) {
        let Some(picture) = self.assembly.picture else {
            return;
        };
        self.marker.picture_over();
        if picture.is_idr {
            self.stats.idr_pictures += 1;
        } else {
            self.stats.non_idr_pictures += 1;
        }
        match self.judge(picture) {
            Ok(parameters) => self.deliver(picture, parameters),
            Err(reason) => {
                self.stats.withheld(reason);
                if picture.is_reference {
                    self.break_continuity();
                }
            }
        }
        self.assembly.reset();
    }

    /// Whether the finished access unit may leave, and with which parameters.
    fn judge(&self, picture: Picture) -> Result<VideoParameters, Withheld> {
        let withhold = self.config.damaged == Damaged::Withhold;
        match (self.assembly.integrity, self.continuity) {
            _ if self.ready.len() >= MAX_READY => Err(Withheld::NotCollected),
            (Integrity::Oversized, _) => Err(Withheld::Oversized),
            (_, Continuity::NotStarted) if !picture.is_idr => Err(Withheld::WaitingForIdr),
            (_, Continuity::Broken) if withhold && !picture.is_idr => Err(Withheld::ReferenceMissing),
            (Integrity::Damaged, _) if withhold || picture.pps_id.is_none() => Err(Withheld::Damaged),
            _ if picture.is_idr => picture
                .pps_id
                .and_then(|pps_id| self.parameter_sets.parameters_of(pps_id))
                .ok_or(Withheld::MissingParameterSets),
            _ => self.active.ok_or(Withheld::WaitingForIdr),
        }
    }

    fn deliver(&mut self, picture: Picture, parameters: VideoParameters) {
        if picture.is_idr {
            self.continuity = Continuity::Unbroken;
            self.active = Some(parameters);
        }
        self.stats.delivered += 1;
        let is_damaged = self.assembly.integrity == Integrity::Damaged;
        self.ready.push_back(AccessUnit {
            data: self.assembly.take_data(),
            timestamp: self.assembly.timestamp,
            is_idr: picture.is_idr,
            has_parameter_sets: self.assembly.has_sps && self.assembly.has_pps,
            parameters,
            lost_before: std::mem::take(&mut self.lost_since_delivery),
            has_b_slice: picture.has_b_slice,
            is_damaged,
        });
    }

    /// Gives up the access unit under construction where it went past a limit.
    fn check(&mut self, result: Result<(), Full>) -> Result<(), DepacketizeError> {
        let Err(full) = result else { return Ok(()) };
        self.assembly.overflow();
        if self.assembly.picture.is_none() {
            // NAL units without any picture, on and on.
            self.assembly.reset();
            self.break_continuity();
        }
        let timestamp = self.assembly.timestamp;
        Err(match full {
            Full::Bytes => DepacketizeError::AccessUnitTooLarge { timestamp },
            Full::NalUnits => DepacketizeError::TooManyNalUnits { timestamp },
        })
    }
}
