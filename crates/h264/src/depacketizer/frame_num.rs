//! Pictures that are missing although no packet is.

use crate::slice::{RefPicMarking, SliceHeader};
use crate::sps::Sps;

/// How far doubt goes before the numbers are not believed any more.
const DISBELIEF: u8 = 24;

/// What a gap adds to the doubt; a number that follows takes 1 away. So more than every fourth picture has to be behind
/// a gap, over ten of them and more: then it is not pictures that are missing.
const GAP: u8 = 3;

/// What a picture's `frame_num` says about the pictures in front of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Step {
    /// Nothing is missing, or that cannot be told.
    Follows,
    /// Pictures that others refer to are missing.
    Gap,
    /// It does not follow, as has been so often that it means nothing.
    Meaningless,
}

/// Follows `frame_num` from picture to picture ([ITU-T H.264](https://www.itu.int/rec/T-REC-H.264) §7.4.3): it is that of
/// the reference picture before, or the one behind that.
///
/// Where the SPS allows gaps they mean nothing, for encoders leave layers out so. A picture that nothing refers to leaves
/// no gap when it is lost, and need not.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct FrameNumbers {
    /// `PrevRefFrameNum`, if it is known.
    previous: Option<u16>,
    doubt: u8,
}

impl FrameNumbers {
    /// What comes next need not follow.
    pub(super) fn forget(&mut self) {
        self.previous = None;
    }

    pub(super) fn follow(&mut self, slice: &SliceHeader, sps: &Sps) -> Step {
        let step = self.step(slice, sps);
        if slice.is_idr {
            // Counting begins anew, though its `nal_ref_idc` may say 0, which is wrong.
            self.forget();
        }
        if slice.nal_ref_idc != 0 {
            self.previous = Some(match slice.marking {
                RefPicMarking::Adaptive {
                    resets_frame_num: true,
                } => 0,
                _ => slice.frame_num,
            });
        }
        step
    }

    /// Whether a picture behind a gap of so many packets shows that no picture that others refer to was in the gap: its
    /// number is the next one, and fewer packets are missing than it would have taken to come to this number again, all
    /// the way round, or over a picture that begins at 0. Where there are fields, one of two may be missing unseen.
    pub(super) fn excludes_reference(self, packets: u32, slice: &SliceHeader, sps: &Sps) -> bool {
        let Some(previous) = self.previous.map(u32::from) else {
            return false;
        };
        let range = 1 << sps.log2_max_frame_num();
        let is_next = u32::from(slice.frame_num) == (previous + 1) % range;
        let means_something =
            self.doubt < DISBELIEF && !sps.are_gaps_in_frame_num_allowed() && sps.is_frame_mbs_only();
        means_something && is_next && packets > 0 && packets <= previous
    }

    fn step(&mut self, slice: &SliceHeader, sps: &Sps) -> Step {
        let Some(previous) = self.previous.filter(|_| !slice.is_idr) else {
            return Step::Follows;
        };
        let next = (u32::from(previous) + 1) % (1 << sps.log2_max_frame_num());
        let follows = slice.frame_num == previous || u32::from(slice.frame_num) == next;
        if follows || sps.are_gaps_in_frame_num_allowed() {
            self.doubt -= u8::from((1..DISBELIEF).contains(&self.doubt));
            return Step::Follows;
        }
        self.doubt = self.doubt.saturating_add(GAP).min(DISBELIEF);
        if self.doubt == DISBELIEF {
            Step::Meaningless
        } else {
            Step::Gap
        }
    }
}
