//! What is the matter with a stream that cannot be shown, or not soon.

use std::fmt;

use crate::depacketizer::DepacketizerStats;

/// Units of 1/90,000 s without an IDR picture that are too long: a viewer who joins or loses a packet waits as long.
/// Ten seconds are what encoders set when nobody tells them.
const LONG: u64 = 10 * 90_000;

/// Slices judged before it is said how many of them cannot be right.
const ENOUGH_SLICES: u64 = 32;

/// Unreadable parameter sets that are no accident.
const ENOUGH_PARAMETER_SETS: u64 = 2;

/// A habit of the camera that keeps its pictures from being shown. `Display` names the setting to change.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Diagnosis {
    /// NAL units are framed as they should be, but parameter sets or slice headers make no sense (Q140).
    Scrambled,
    /// No IDR picture came, but intra refresh (Q143).
    GradualRefresh,
    /// No IDR picture came, but open groups of pictures (Q143).
    OpenGroups,
    /// No IDR picture came, nor anything in its place (Q143).
    NoIdr,
    /// IDR pictures are more than ten seconds apart (Q139).
    LongGroups,
}

impl fmt::Display for Diagnosis {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Scrambled => "the pictures are scrambled: switch image or stream encryption off in the camera",
            Self::GradualRefresh => "no IDR pictures, only intra refresh: switch it off in the camera",
            Self::OpenGroups => "no IDR pictures, only open groups of pictures: have the camera close them",
            Self::NoIdr => "no IDR pictures: set an interval for them in the camera",
            Self::LongGroups => {
                "IDR pictures are more than ten seconds apart: switch the smart codec off in the camera, or shorten the \
                 interval"
            }
        })
    }
}

impl DepacketizerStats {
    /// What these figures say about the camera, the worst first.
    pub fn diagnosis(&self) -> Option<Diagnosis> {
        let judged = self.judged_slices;
        let absurd_slices = judged >= ENOUGH_SLICES && self.unreadable_slices >= judged / 4;
        let absurd_sets = self.delivered == 0 && self.unreadable_parameter_sets >= ENOUGH_PARAMETER_SETS;
        let longest = self.longest_group.map_or(0, |group| group.ticks);
        if absurd_slices || absurd_sets {
            Some(Diagnosis::Scrambled)
        } else if longest.max(self.open_group.ticks) <= LONG {
            None
        } else if self.idr_pictures > 0 {
            Some(Diagnosis::LongGroups)
        } else if self.gradual_refreshes > 0 {
            Some(Diagnosis::GradualRefresh)
        } else if self.open_group_starts > 0 {
            Some(Diagnosis::OpenGroups)
        } else {
            Some(Diagnosis::NoIdr)
        }
    }
}
