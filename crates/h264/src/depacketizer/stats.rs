//! What a depacketizer has seen and withheld.

use crate::access_unit::{PictureKind, Timestamp};
use crate::boundary::Slice;
use crate::slice::SliceType;

/// Counters of a [`Depacketizer`](crate::Depacketizer) since its creation. Every picture that came is in one of
/// `delivered` and the reasons from `waiting_for_idr` to `not_collected`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct DepacketizerStats {
    /// Payloads pushed.
    pub payloads: u64,
    /// Payloads that gave an error and were passed over.
    pub unreadable: u64,
    /// Packets that the caller reported lost.
    pub lost: u64,
    /// Access units handed out or ready to be.
    pub delivered: u64,
    /// IDR pictures seen, delivered or not: see
    /// [`diagnosis`](Self::diagnosis) for cameras that send none (Q143).
    pub idr_pictures: u64,
    /// Other pictures seen, delivered or not.
    pub non_idr_pictures: u64,
    /// Recovery points from which on every picture is right, other than IDR pictures: open groups of pictures (Q143).
    pub open_group_starts: u64,
    /// Recovery points from which on pictures become right bit by bit: intra refresh (Q143).
    pub gradual_refreshes: u64,
    /// From the last IDR picture but one up to the last (Q139).
    pub last_group: Option<GroupOfPictures>,
    /// The longest such group so far.
    pub longest_group: Option<GroupOfPictures>,
    /// From the last IDR picture, or else the first picture, up to the latest one.
    pub open_group: GroupOfPictures,
    /// B slices seen (Q91).
    pub b_slices: u64,
    /// Slices seen.
    pub slices: u64,
    /// Of these, from the first IDR picture on, those whose parameter sets are known. What is behind other ones, or read by
    /// those of a description that is out of date (Q141), tells nothing.
    pub judged_slices: u64,
    /// Of these, those whose header cannot be right (Q140).
    pub unreadable_slices: u64,
    /// SPS and PPS that cannot be read (Q140).
    pub unreadable_parameter_sets: u64,
    /// Pictures in front of which others are missing although no packet is (Q90).
    pub frame_num_gaps: u64,
    /// Withheld: pictures before the first IDR picture.
    pub waiting_for_idr: u64,
    /// Withheld: IDR pictures whose SPS or PPS is not known (Q74).
    pub missing_parameter_sets: u64,
    /// Withheld: packets were missing in them.
    pub damaged: u64,
    /// Withheld: they may refer to a picture that was lost, damaged or withheld.
    pub reference_missing: u64,
    /// Withheld: past [`MAX_ACCESS_UNIT_BYTES`](crate::MAX_ACCESS_UNIT_BYTES) or [`MAX_NAL_UNITS`](crate::MAX_NAL_UNITS).
    pub oversized: u64,
    /// Withheld: [`MAX_READY`](crate::MAX_READY) access units waited for `pop` already.
    pub not_collected: u64,
    /// Fragments whose beginning did not come (Q81).
    pub orphan_fragments: u64,
    /// Parameter sets that replaced another one of the same identifier (Q141).
    pub parameter_set_changes: u64,
    /// IDR pictures that got stored parameter sets in front.
    pub parameter_sets_inserted: u64,
    /// NAL units that turned out to be several behind start codes (Q82).
    pub split_nal_units: u64,
    /// Timestamp changes inside a picture that were overlooked (Q77).
    pub timestamp_changes: u64,
    /// Markers that did not end an access unit (Q75, Q134).
    pub misplaced_markers: u64,
}

/// Pictures from one IDR picture up to the next.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct GroupOfPictures {
    /// From the timestamp of the first one up to that of the next IDR picture, or of the latest picture, in units of
    /// 1/90,000 s.
    pub ticks: u64,
    /// Pictures in it.
    pub pictures: u32,
    begin: Timestamp,
}

impl GroupOfPictures {
    fn beginning_at(begin: Timestamp) -> Self {
        Self {
            ticks: 0,
            pictures: 0,
            begin,
        }
    }

    fn extend_to(&mut self, timestamp: Timestamp) {
        // Timestamps may step back, for a while or because the camera's clock did.
        let ticks = timestamp.0.saturating_sub(self.begin.0);
        self.ticks = self.ticks.max(u64::try_from(ticks).unwrap_or(0));
    }
}

/// Why a picture does not leave.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Withheld {
    WaitingForIdr,
    MissingParameterSets,
    Damaged,
    ReferenceMissing,
    Oversized,
    NotCollected,
}

impl DepacketizerStats {
    pub(super) fn slice(&mut self, slice: &Slice) {
        self.slices += 1;
        if let Some(is_absurd) = slice.is_absurd.filter(|_| slice.is_idr || self.idr_pictures > 0) {
            self.judged_slices += 1;
            self.unreadable_slices += u64::from(is_absurd);
        }
        let is_b = slice.start.is_some_and(|start| start.slice_type == SliceType::B);
        self.b_slices += u64::from(is_b);
    }

    /// A picture has come to its end.
    pub(super) fn picture(&mut self, kind: PictureKind, timestamp: Timestamp) {
        if let PictureKind::RecoveryPoint(point) = kind {
            let is_gradual = point.recovery_frame_cnt > 0;
            self.gradual_refreshes += u64::from(is_gradual);
            self.open_group_starts += u64::from(!is_gradual);
        }
        if kind == PictureKind::Idr {
            self.idr_pictures += 1;
            if self.idr_pictures > 1 {
                let mut group = self.open_group;
                group.extend_to(timestamp);
                self.last_group = Some(group);
                self.longest_group = self.longest_group.max(Some(group));
            }
            self.open_group = GroupOfPictures::beginning_at(timestamp);
        } else {
            self.non_idr_pictures += 1;
            if self.open_group.pictures == 0 {
                self.open_group = GroupOfPictures::beginning_at(timestamp);
            }
            self.open_group.extend_to(timestamp);
        }
        self.open_group.pictures = self.open_group.pictures.saturating_add(1);
    }

    pub(super) fn withheld(&mut self, reason: Withheld) {
        let counter = match reason {
            Withheld::WaitingForIdr => &mut self.waiting_for_idr,
            Withheld::MissingParameterSets => &mut self.missing_parameter_sets,
            Withheld::Damaged => &mut self.damaged,
            Withheld::ReferenceMissing => &mut self.reference_missing,
            Withheld::Oversized => &mut self.oversized,
            Withheld::NotCollected => &mut self.not_collected,
        };
        *counter += 1;
    }
}
