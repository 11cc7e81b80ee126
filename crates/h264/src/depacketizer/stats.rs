//! What a depacketizer has seen and withheld.

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
    /// IDR pictures seen, delivered or not: with 0 after a while, the camera sends none (Q143).
    pub idr_pictures: u64,
    /// Other pictures seen, delivered or not.
    pub non_idr_pictures: u64,
    /// B slices seen (Q91).
    pub b_slices: u64,
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
