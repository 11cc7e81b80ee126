//! NAL units, whole or in fragments, to the access unit that each belongs to.

use crate::annexb::{find_start_code, nal_units_within};
use crate::boundary::{Boundary, Slice};
use crate::depacketizer::assembly::{Closed, Full, Integrity, Picture};
use crate::depacketizer::fu_a::FuHeader;
use crate::depacketizer::{DepacketizeError, DepacketizeErrorKind, Depacketizer};
use crate::nal::{NalHeader, NalUnitType};
use crate::parameter_sets::Inserted;
use crate::sei::{self, RecoveryPoint, SeiPayload};
use crate::tolerance::Tolerance;

/// Bytes of a first fragment in which its slice header is looked for: with weights for 32 pictures it takes more, and then
/// its first byte has to do.
const MAX_HEADER_BYTES: usize = 128;

/// The access unit that a NAL unit belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Place {
    UnderConstruction,
    /// The one after it.
    Next,
}

impl Depacketizer {
    /// A NAL unit that is there as a whole, with its decoding order number where it has one.
    pub(super) fn whole_nal_unit(&mut self, number: Option<u16>, nal: &[u8]) -> Result<(), DepacketizeError> {
        if number.is_some() {
            self.deinterleave();
        }
        if self.deinterleaver.is_some() {
            self.interleaved_nal_unit(number, nal)
        } else {
            self.nal_units(nal)
        }
    }

    /// A fragment of a NAL unit, with its decoding order number where it has one.
    #[inline]
    pub(super) fn fragment(
        &mut self,
        fu: FuHeader,
        number: Option<u16>,
        fragment: &[u8],
    ) -> Result<(), DepacketizeError> {
        if fu.is_start && fu.is_end {
            self.tolerate_payload(Tolerance::LoneFragment)?;
        }
        if number.is_some() {
            self.deinterleave();
        }
        if self.deinterleaver.is_some() {
            return self.interleaved_fragment(fu, number, fragment);
        }
        // Errors are large: only where there is one, it is moved.
        let mut result = Ok(());
        if fu.is_start {
            result = self.first_fragment(fu.nal, fragment);
        } else {
            let Some(open) = self.assembly.open_nal() else {
                self.check_type(fu.nal)?;
                self.orphan_fragment(fu.nal);
                return Ok(());
            };
            if open.header != fu.nal || open.timestamp != self.timestamp || self.marker.is_in_fragment() {
                self.check_fragment(fu.nal)?;
            }
        }
        if self.assembly.has_open_nal() {
            if let Err(full) = self.assembly.append(fragment) {
                result = result.and(Err(self.give_up(full)));
            }
        }
        if fu.is_end {
            result = result.and(self.end_nal_unit());
        }
        result
    }

    /// A fragment came that is not as the one before it lets expect.
    fn check_fragment(&mut self, header: NalHeader) -> Result<(), DepacketizeError> {
        if self.marker.take_in_fragment() {
            self.tolerate(Tolerance::MarkerInPicture)?;
        }
        let timestamp = self.timestamp;
        let Some(open) = self.assembly.open_nal_mut() else {
            return Ok(());
        };
        let is_header_changed = open.header != header;
        if std::mem::replace(&mut open.timestamp, timestamp) != timestamp {
            self.stats.timestamp_changes += 1;
            self.tolerate(Tolerance::TimestampChange)?;
        }
        if is_header_changed {
            self.tolerate(Tolerance::FragmentHeader)?;
        }
        Ok(())
    }

    /// A NAL unit, or several behind start codes (Q82).
    pub(super) fn nal_units(&mut self, bytes: &[u8]) -> Result<(), DepacketizeError> {
        match find_start_code(bytes) {
            None => self.nal_unit(bytes),
            Some(_) => self.several_nal_units(bytes),
        }
    }

    fn several_nal_units(&mut self, bytes: &[u8]) -> Result<(), DepacketizeError> {
        self.tolerate(Tolerance::StartCode)?;
        self.stats.split_nal_units += 1;
        let mut result = Ok(());
        for nal in nal_units_within(bytes) {
            result = result.and(self.nal_unit(nal));
        }
        result
    }

    fn nal_unit(&mut self, nal: &[u8]) -> Result<(), DepacketizeError> {
        let Some((&header, body)) = nal.split_first() else {
            return Ok(());
        };
        self.check_header(NalHeader::from_byte(header))?;
        let ended = self.end_fragments()?;
        let begun = self.begin_nal_unit(nal);
        let extended = if self.assembly.has_open_nal() {
            let extended = self.assembly.extend(body);
            self.check(extended)
        } else {
            Ok(())
        };
        ended.and(begun).and(extended).and(self.end_nal_unit())
    }

    /// The first fragment of a NAL unit.
    fn first_fragment(&mut self, header: NalHeader, fragment: &[u8]) -> Result<(), DepacketizeError> {
        // Whatever begins here, nothing of it belongs to the NAL unit before.
        let ended = self.end_fragments()?;
        self.check_header(header)?;
        let sent = fragment.get(..MAX_HEADER_BYTES - 1).unwrap_or(fragment);
        let mut head = [header.byte(); MAX_HEADER_BYTES];
        let head = head.get_mut(..=sent.len()).unwrap_or_default();
        if let Some((_, body)) = head.split_first_mut() {
            body.copy_from_slice(sent);
        }
        ended.and(self.begin_nal_unit(head))
    }

    /// What became of the NAL unit in fragments whose end bit never came (Q80), unless that is not tolerated.
    fn end_fragments(&mut self) -> Result<Result<(), DepacketizeError>, DepacketizeError> {
        if self.assembly.has_open_nal() {
            self.tolerate(Tolerance::MissingFragmentEnd)?;
        }
        Ok(self.end_nal_unit())
    }

    fn check_header(&mut self, header: NalHeader) -> Result<(), DepacketizeError> {
        if header.forbidden_zero_bit() {
            self.note_loss(1);
            let header = header.byte();
            return Err(self.error(DepacketizeErrorKind::ForbiddenBit { header }));
        }
        self.check_type(header)
    }

    fn check_type(&self, header: NalHeader) -> Result<(), DepacketizeError> {
        if !header.nal_unit_type().is_in_stream() {
            let nal_unit_type = header.nal_unit_type().number();
            return Err(self.error(DepacketizeErrorKind::ReservedType { nal_unit_type }));
        }
        Ok(())
    }

    /// The first bytes of a NAL unit are here: decides which access unit it belongs to.
    fn begin_nal_unit(&mut self, head: &[u8]) -> Result<(), DepacketizeError> {
        let Some(header) = head.first().copied().map(NalHeader::from_byte) else {
            return Ok(());
        };
        let nal_unit_type = header.nal_unit_type();
        let slice = Slice::read(head, &self.parameter_sets);
        let place = self.place(nal_unit_type, slice.as_ref());
        if place == Place::Next {
            self.check_missing_marker(slice.as_ref())?;
        }
        self.settle_gap(place);
        if place == Place::Next {
            self.finish();
        } else if let Some(slice) = &slice {
            self.check_marker(nal_unit_type, slice)?;
        }
        if !self.assembly.is_empty() && self.assembly.timestamp != self.timestamp {
            self.tolerate(Tolerance::TimestampChange)?;
            self.stats.timestamp_changes += 1;
        }
        if self.assembly.picture.is_none() {
            self.assembly.timestamp = self.timestamp;
            if nal_unit_type.is_vcl() {
                self.check_head(slice.as_ref())?;
            }
        }
        let may_begin = nal_unit_type == NalUnitType::IdrSlice || self.is_at_start_point();
        if may_begin && nal_unit_type.is_vcl() {
            self.complete_parameter_sets()?;
        }
        let opened = self.assembly.open(header, self.timestamp, slice);
        self.check(opened)
    }

    /// To which access unit a NAL unit belongs: what it says itself counts most, then the timestamp. Markers have ended
    /// the access unit already, where they are believed.
    fn place(&self, nal_unit_type: NalUnitType, slice: Option<&Slice>) -> Place {
        // Without a picture an access unit never ends, whatever marker or timestamp say (Q75, Q144).
        let Some(picture) = &self.assembly.picture else {
            return Place::UnderConstruction;
        };
        let same_timestamp = self.assembly.timestamp == self.timestamp;
        let stays = match picture.coded.boundary(nal_unit_type, slice) {
            Boundary::Begins => false,
            // In spite of a new timestamp (Q77), if nothing is missing between.
            Boundary::Continues => same_timestamp || self.gap.is_none(),
            Boundary::Open => same_timestamp,
        };
        if stays {
            Place::UnderConstruction
        } else {
            Place::Next
        }
    }

    /// The first part of a picture came: is something of its access unit missing in front?
    fn check_head(&mut self, slice: Option<&Slice>) -> Result<(), DepacketizeError> {
        if let Some((timestamp, previous)) = &self.previous {
            let is_other_field = slice.is_some_and(|slice| previous.is_other_field(slice));
            if *timestamp == self.timestamp && !is_other_field {
                self.tolerate(Tolerance::RepeatedTimestamp)?;
            }
        }
        // What came since the gap begins an access unit, or the picture itself does.
        let begins_visibly = self.assembly.has_delimiter || self.assembly.has_sps;
        let begins_with_picture = !self.in_band_sps && slice.is_some_and(|slice| !slice.is_later());
        let may_be_whole = begins_visibly || begins_with_picture;
        if self.head_unsure && !may_be_whole {
            self.assembly.damage();
        }
        self.head_unsure = false;
        Ok(())
    }

    /// An IDR picture gets the stored parameter sets in front unless it came with its own (Q74).
    fn complete_parameter_sets(&mut self) -> Result<(), DepacketizeError> {
        let is_gone = self.assembly.integrity == Integrity::Oversized;
        let has_both = self.assembly.has_sps && self.assembly.has_pps;
        if is_gone || has_both || !self.parameter_sets.is_complete() {
            return Ok(());
        }
        self.stats.parameter_sets_inserted += 1;
        let inserted = self.assembly.insert_parameter_sets(&self.parameter_sets);
        self.check(inserted)
    }

    /// The open NAL unit, if there is one, is whole.
    fn end_nal_unit(&mut self) -> Result<(), DepacketizeError> {
        match self.assembly.close() {
            None => Ok(()),
            Some(Closed::At {
                start,
                was_padded,
                slice,
            }) => {
                if was_padded {
                    let tolerated = self.use_tolerance(Tolerance::TrailingZeros);
                    if tolerated.is_err() {
                        self.assembly.take_out(start);
                        self.note_loss(1);
                        return tolerated;
                    }
                }
                self.record(start, slice)
            }
            Some(Closed::Several(bytes)) => self.several_nal_units(&bytes),
        }
    }

    /// Notes what a whole NAL unit means for the access unit and the stream.
    fn record(&mut self, start: usize, slice: Option<Slice>) -> Result<(), DepacketizeError> {
        let nal = self.assembly.nal(start);
        let Some(&header) = nal.first() else {
            return Ok(());
        };
        let header = NalHeader::from_byte(header);
        match header.nal_unit_type() {
            NalUnitType::AccessUnitDelimiter => self.assembly.set_delimiter(),
            NalUnitType::Sps | NalUnitType::Pps => return self.record_parameter_set(start),
            // Its place is in front of the picture.
            NalUnitType::Sei if self.assembly.picture.is_none() => {
                let found = recovery_point(nal);
                self.assembly.recovery_point = found.or(self.assembly.recovery_point);
            }
            vcl if vcl.is_vcl() => {
                let slice = slice.or_else(|| Slice::read(nal, &self.parameter_sets));
                let picture = self.assembly.picture.get_or_insert(Picture::of(header));
                if let Some(slice) = slice {
                    picture.insert(&slice);
                    self.stats.slice(&slice);
                }
            }
            _ => {}
        }
        Ok(())
    }

    fn record_parameter_set(&mut self, start: usize) -> Result<(), DepacketizeError> {
        let nal = self.assembly.nal(start);
        let is_sps = nal
            .first()
            .is_some_and(|byte| byte & 0x1f == NalUnitType::Sps.number());
        if self.is_unlike_described(nal) {
            let tolerated = self.use_tolerance(Tolerance::DescribedParameterSet);
            if tolerated.is_err() {
                self.assembly.take_out(start);
                self.note_loss(1);
                return tolerated;
            }
        }
        let nal = self.assembly.nal(start);
        let inserted = self.parameter_sets.insert_with(nal, &self.config.policy);
        let inserted = inserted.map_err(|error| {
            self.stats.unreadable_parameter_sets += u64::from(!error.is_refusal());
            self.error(error.into())
        })?;
        if inserted == Inserted::Changed {
            self.stats.parameter_set_changes += 1;
            self.marker.doubt();
        }
        self.in_band_sps |= is_sps;
        self.assembly.has_sps |= is_sps;
        self.assembly.has_pps |= !is_sps;
        Ok(())
    }

    /// Whether a parameter set differs from the one of its identifier in the session description.
    fn is_unlike_described(&self, nal: &[u8]) -> bool {
        let known = &self.parameter_sets;
        if known.sps().chain(known.pps()).any(|known| known == nal) {
            return false;
        }
        self.described.has_other(nal)
    }

    /// A fragment whose NAL unit did not begin, or was torn: it is dropped, and its picture has a hole (Q81).
    fn orphan_fragment(&mut self, header: NalHeader) {
        self.stats.orphan_fragments += 1;
        let other_picture = self.assembly.timestamp != self.timestamp;
        if self.assembly.picture.is_some() && !other_picture {
            // Whatever is missing is this picture's.
            self.take_gap();
            self.assembly.damage();
            return;
        }
        self.finish_marked();
        // One missing packet is the one that began this NAL unit, unless it tore the NAL unit before.
        let own_gap = self.assembly.picture.is_none() && self.gap.is_some_and(|gap| gap.packets == 1);
        if own_gap {
            self.take_gap();
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

    /// Gives up the access unit under construction where it went past a limit.
    fn check(&mut self, result: Result<(), Full>) -> Result<(), DepacketizeError> {
        result.map_err(|full| self.give_up(full))
    }

    /// Gives up the access unit under construction, which went past a limit.
    fn give_up(&mut self, full: Full) -> DepacketizeError {
        self.assembly.overflow();
        if self.assembly.picture.is_none() {
            // NAL units without any picture, on and on.
            self.assembly.reset();
            self.break_continuity();
        }
        self.error(match full {
            Full::Bytes => DepacketizeErrorKind::AccessUnitTooLarge,
            Full::NalUnits => DepacketizeErrorKind::TooManyNalUnits,
        })
    }
}

fn recovery_point(sei: &[u8]) -> Option<RecoveryPoint> {
    // What cannot be read is no message for whoever only passes it on.
    let mut messages = sei::messages(sei).ok()?.filter_map(Result::ok);
    messages.find_map(|message| match message.read(None) {
        Ok(SeiPayload::RecoveryPoint(point)) => Some(point),
        _ => None,
    })
}
