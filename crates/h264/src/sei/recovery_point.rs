use crate::bitreader::{BitReader, SyntaxError};

/// `recovery_point` ([ITU-T H.264](https://www.itu.int/rec/T-REC-H.264) §D.2.8): decoding may begin at this access unit, and the picture is right
/// some frames on. So begin streams that are refreshed row by row, and open groups of pictures (Q143).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RecoveryPoint {
    /// `recovery_frame_cnt`: frames, counted by `frame_num`, until the picture is right. 0 is at once.
    pub recovery_frame_cnt: u16,
    /// `exact_match_flag`: right to the last bit, not only about so.
    pub is_exact_match: bool,
    /// `broken_link_flag`: the pictures right behind refer to some that were cut away.
    pub is_broken_link: bool,
    /// `changing_slice_group_idc`, 0 to 3: 1 and 2 say that slice groups wander to refresh the picture.
    pub changing_slice_group_idc: u8,
}

impl RecoveryPoint {
    pub(super) fn read(reader: &mut BitReader<'_>) -> Result<Self, SyntaxError> {
        let recovery_frame_cnt = reader.ue_up_to(u16::MAX.into(), "recovery_frame_cnt")?;
        Ok(Self {
            recovery_frame_cnt: u16::try_from(recovery_frame_cnt).unwrap_or(u16::MAX),
            is_exact_match: reader.flag("exact_match_flag")?,
            is_broken_link: reader.flag("broken_link_flag")?,
            changing_slice_group_idc: reader.u8(2, "changing_slice_group_idc")?,
        })
    }
}
