//! Where pictures end, and which of them leave.

use crate::access_unit::{AccessUnit, PictureKind};
use crate::boundary::{Boundary, Slice};
use crate::depacketizer::assembly::{Integrity, Picture};
use crate::depacketizer::frame_num::Step;
use crate::depacketizer::nal_units::Place;
use crate::depacketizer::stats::Withheld;
use crate::depacketizer::{Continuity, Damaged, DepacketizeError, Depacketizer, Gap, MAX_READY, StartAt};
use crate::nal::NalUnitType;
use crate::parameters::VideoParameters;
use crate::sei::RecoveryPoint;
use crate::tolerance::Tolerance;

impl Depacketizer {
    /// Packets are missing, or could not be read, before what comes next in decoding order.
    pub(super) fn note_loss(&mut self, packets: u32) {
        let in_fragment = self.assembly.abort();
        if self.assembly.picture.is_some() {
            // A marker in front of the gap is believed unless the picture goes on behind it.
            if in_fragment || !self.marker.is_pending() {
                self.assembly.damage();
            }
        } else {
            // These NAL units may belong to a picture that is lost as a whole.
            self.assembly.reset();
        }
        let gap = self.gap.get_or_insert_default();
        gap.packets = gap.packets.saturating_add(packets);
        gap.in_fragment |= in_fragment;
    }

    /// What comes next tells where packets were missing: in the picture under construction only, or perhaps whole
    /// pictures and the beginning of the next.
    pub(super) fn settle_gap(&mut self, place: Place) {
        if self.gap.is_none() {
            return;
        }
        let had_picture = match place {
            Place::UnderConstruction => {
                let had_picture = self.assembly.picture.is_some();
                if had_picture {
                    self.assembly.damage();
                }
                had_picture
            }
            Place::Next => {
                self.finish_marked();
                self.assembly.picture.is_some()
            }
        };
        let gap = self.take_gap();
        if place == Place::Next {
            self.finish();
        }
        let own = place == Place::UnderConstruction || (gap.in_fragment && gap.packets == 1);
        if !had_picture || !own {
            let before = self.lost_before_picture.unwrap_or(0);
            self.lost_before_picture = Some(before.saturating_add(gap.packets));
            self.head_unsure = true;
        }
    }

    /// What is missing is accounted for.
    pub(super) fn take_gap(&mut self) -> Gap {
        let gap = self.gap.take().unwrap_or_default();
        self.lost_since_delivery = self.lost_since_delivery.saturating_add(gap.packets);
        gap
    }

    /// The picture under construction is over if there is a marker behind it, which this does not prove.
    pub(super) fn finish_marked(&mut self) {
        if self.marker.is_pending() {
            self.marker.leave_unproven();
            self.finish();
        }
    }

    pub(super) fn break_continuity(&mut self) {
        self.continuity.end();
    }

    /// A slice came that does not begin a picture: was there a marker in the middle of its picture (Q134)?
    pub(super) fn check_marker(
        &mut self,
        nal_unit_type: NalUnitType,
        slice: &Slice,
    ) -> Result<(), DepacketizeError> {
        let cut_off = self.assembly.picture.is_none()
            && self.marker.has_ended(self.timestamp)
            && self.previous.is_some_and(|(_, previous)| {
                previous.boundary(nal_unit_type, Some(slice)) == Boundary::Continues
            });
        if cut_off || self.marker.is_pending() {
            self.stats.misplaced_markers += 1;
            self.marker.refute();
            self.tolerate(Tolerance::MarkerInPicture)?;
        }
        Ok(())
    }

    /// The marker came on the payload just read.
    pub(super) fn on_marker(&mut self, read: Result<(), DepacketizeError>) -> Result<(), DepacketizeError> {
        if self.assembly.has_open_nal() {
            // With fragments still to come it ends nothing; without the end bit, what comes next does (Q80).
            if read.is_ok() {
                self.stats.misplaced_markers += 1;
                self.marker.on_fragment();
            }
        } else if self.assembly.picture.is_some() {
            if self.marker.ends_picture(self.assembly.timestamp) {
                self.finish();
            }
        } else if read.is_ok() {
            self.stats.misplaced_markers += 1;
            return self.tolerate(Tolerance::MarkerWithoutPicture);
        }
        read
    }

    /// The next access unit begins, and no marker has ended the one under construction (Q76), which is no fault between
    /// two fields of one time.
    pub(super) fn check_missing_marker(&mut self, slice: Option<&Slice>) -> Result<(), DepacketizeError> {
        let was_marked =
            self.marker.is_pending() || self.marker.take_in_fragment() || self.marker.is_refuted();
        let is_whole = self.gap.is_none() && self.assembly.integrity == Integrity::Whole;
        let is_between_fields = self.assembly.timestamp == self.timestamp
            && self
                .assembly
                .picture
                .as_ref()
                .zip(slice)
                .is_some_and(|(picture, slice)| picture.coded.is_other_field(slice));
        if was_marked || !is_whole || is_between_fields || self.deinterleaver.is_some() {
            return Ok(());
        }
        self.tolerate(Tolerance::MissingMarker)
    }

    /// The access unit under construction is over. Without a picture it is not one.
    pub(super) fn finish(&mut self) {
        let Some(picture) = self.assembly.picture else {
            return;
        };
        self.marker.picture_over();
        if !picture.coded.has_first() {
            self.assembly.damage();
        }
        self.previous = Some((self.assembly.timestamp, picture.coded));
        self.follow_frame_num(&picture);
        self.stats
            .picture(self.kind_of(&picture), self.assembly.timestamp);
        match self.judge(&picture) {
            Ok(parameters) => self.deliver(&picture, parameters),
            Err(reason) => {
                self.stats.withheld(reason);
                let is_leading =
                    self.continuity == Continuity::Leading && reason == Withheld::ReferenceMissing;
                if picture.is_reference && !is_leading {
                    self.break_continuity();
                }
            }
        }
        self.assembly.reset();
    }

    /// Whether pictures that others refer to are missing in front of this one, with packets or without (Q90).
    fn follow_frame_num(&mut self, picture: &Picture) {
        let header = picture.coded.header();
        let sps = header
            .and_then(|header| self.parameter_sets.pps_by_id(header.start.pps_id))
            .and_then(|pps| self.parameter_sets.sps_by_id(pps.sps_id()));
        let lost = self.lost_before_picture.take();
        // Of interleaved packets, and of payloads that hold several pictures, one may have held many.
        let has_one_picture_each = self.deinterleaver.is_none()
            && !self.tolerated.contains(Tolerance::StartCode)
            && !self.tolerated.contains(Tolerance::RepeatedTimestamp);
        let (Some(header), Some(sps)) = (header, sps) else {
            if lost.is_some() {
                self.break_continuity();
            }
            return self.frame_numbers.forget();
        };
        let is_harmful = lost.is_some_and(|packets| {
            !has_one_picture_each || !self.frame_numbers.excludes_reference(packets, header, sps)
        });
        if is_harmful {
            self.frame_numbers.forget();
            self.continuity.end();
        }
        match self.frame_numbers.follow(header, sps) {
            Step::Follows => {}
            Step::Meaningless if self.config.policy.tolerates(Tolerance::FrameNum) => {
                self.tolerated.insert(Tolerance::FrameNum);
            }
            Step::Gap | Step::Meaningless => {
                self.stats.frame_num_gaps += 1;
                self.break_continuity();
            }
        }
    }

    fn kind_of(&self, picture: &Picture) -> PictureKind {
        match self.assembly.recovery_point {
            _ if picture.is_idr => PictureKind::Idr,
            Some(point) => PictureKind::RecoveryPoint(point),
            None => PictureKind::Other,
        }
    }

    /// Whether decoding may begin at the access unit under construction although it is no IDR picture.
    pub(super) fn is_at_start_point(&self) -> bool {
        let is_exact = |point: RecoveryPoint| point.recovery_frame_cnt == 0 && point.is_exact_match;
        self.config.start_at == StartAt::ExactRecoveryPoint
            && self.assembly.recovery_point.is_some_and(is_exact)
            && self.continuity != Continuity::Unbroken
    }

    /// Whether the finished access unit may leave, and with which parameters.
    fn judge(&self, picture: &Picture) -> Result<VideoParameters, Withheld> {
        let withhold = self.config.damaged == Damaged::Withhold;
        let begins = picture.is_idr || self.is_at_start_point();
        match (self.assembly.integrity, self.continuity) {
            _ if self.ready.len() >= MAX_READY => Err(Withheld::NotCollected),
            (Integrity::Oversized, _) => Err(Withheld::Oversized),
            (_, Continuity::NotStarted) if !begins => Err(Withheld::WaitingForIdr),
            (_, Continuity::Broken) if withhold && !begins => Err(Withheld::ReferenceMissing),
            (_, Continuity::Leading) if picture.has_b_slice => Err(Withheld::ReferenceMissing),
            (Integrity::Damaged, _) if withhold || picture.pps_id.is_none() => Err(Withheld::Damaged),
            _ if begins => picture
                .pps_id
                .and_then(|pps_id| self.parameter_sets.parameters_of(pps_id))
                .ok_or(Withheld::MissingParameterSets),
            _ => self.active.ok_or(Withheld::WaitingForIdr),
        }
    }

    fn deliver(&mut self, picture: &Picture, parameters: VideoParameters) {
        if !picture.is_idr && self.is_at_start_point() {
            self.continuity = Continuity::Leading;
            self.active = Some(parameters);
        } else if picture.is_idr || self.continuity == Continuity::Leading {
            self.continuity = Continuity::Unbroken;
            self.active = Some(parameters);
        }
        self.stats.delivered += 1;
        let kind = self.kind_of(picture);
        let is_damaged = self.assembly.integrity == Integrity::Damaged;
        self.ready.push_back(AccessUnit {
            data: self.assembly.take_data(),
            timestamp: self.assembly.timestamp,
            kind,
            has_parameter_sets: self.assembly.has_sps && self.assembly.has_pps,
            parameters,
            lost_before: std::mem::take(&mut self.lost_since_delivery),
            has_b_slice: picture.has_b_slice,
            is_damaged,
        });
    }
}
