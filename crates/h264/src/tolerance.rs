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
    }
}

/// Which tolerances a reader may use. The default is all of them.
pub type Policy = throughline_tolerance::Policy<Tolerance>;

/// The tolerances that were used.
pub type Tolerances = throughline_tolerance::Set<Tolerance>;
