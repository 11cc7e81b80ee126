//! What this crate overlooks.

use throughline_tolerance::tolerances;

tolerances! {
    /// A rule of H.264 or [RFC 6184](https://www.rfc-editor.org/rfc/rfc6184) that cameras bend and this crate can
    /// overlook. Each can be refused alone ([`Policy::refuse`]). `Display` says what is wrong.
    pub enum Tolerance {
        /// `sprop-parameter-sets` has wrong padding, stray symbols, start codes, empty or surplus items (Q67). What
        /// decodes is used.
        Sprop => "sprop-parameter-sets is not a list of parameter sets in base64",
        /// `profile-level-id` is not six hexadecimal digits, or not what the SPS says (Q68). The SPS is right.
        ProfileLevelId => "profile-level-id is not that of the sps",
        /// Zero bytes stand behind a NAL unit (Q83). They are left out.
        TrailingZeros => "zero bytes behind the nal unit",
        /// The part of a PPS that only the High profiles have is cut off or absurd. It counts as absent, as only decoders
        /// need it.
        PpsEnd => "end of the pps is cut off or absurd",
        /// The usability information of an SPS (VUI) is cut off or absurd (Q92). What is sound in it is used.
        Vui => "usability information is cut off or absurd",
        /// A payload structure that the declared `packetization-mode` does not have (Q69). It is read.
        PayloadStructure => "payload structure is not one of the declared packetization-mode",
        /// The marker bit is set where there is no picture yet, on parameter sets or SEI (Q75, Q144). It ends nothing.
        MarkerWithoutPicture => "marker bit without a picture",
        /// The marker bit is set inside of a picture (Q134). It is not believed any more.
        MarkerInPicture => "marker bit inside of a picture",
        /// The last packet of a picture has no marker bit (Q76). The picture ends where the next one begins.
        MissingMarker => "picture ends without a marker bit",
        /// The timestamp changes inside of an access unit (Q77, Q144). The first one of its picture stays.
        TimestampChange => "timestamp changes inside of an access unit",
        /// A picture has the timestamp of the one before, and is not the other field of its frame (Q135).
        RepeatedTimestamp => "picture has the timestamp of the one before",
        /// A fragment has both the start and the end bit (Q78). It is a whole NAL unit.
        LoneFragment => "fragment has both the start and the end bit",
        /// A fragment's type or `nal_ref_idc` is not that of the first one (Q79). The first one's stands.
        FragmentHeader => "fragment has another nal unit header than the first one",
        /// The last fragment of a NAL unit has no end bit (Q80). The NAL unit ends where the next one begins.
        MissingFragmentEnd => "last fragment has no end bit",
        /// A payload holds start codes (Q82). They separate NAL units.
        StartCode => "start code inside of a payload",
        /// A size in an aggregation goes past its end (Q84). It is cut to it.
        AggregationSize => "size goes past the end of the aggregation",
        /// `frame_num` jumps more often than pictures could be missing. It means nothing from then on.
        FrameNum => "frame_num does not follow",
        /// A parameter set is not the one of the same identifier in `sprop-parameter-sets` (Q141). The latest one counts.
        DescribedParameterSet => "parameter set differs from the one in the session description",
    }
}

/// Which tolerances a reader may use. The default is all of them.
pub type Policy = throughline_tolerance::Policy<Tolerance>;

/// The tolerances that were used.
pub type Tolerances = throughline_tolerance::Set<Tolerance>;
