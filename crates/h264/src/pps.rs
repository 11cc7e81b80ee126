//! Picture parameter sets.

use thiserror::Error;

use crate::bitreader::{BitReader, SyntaxError};
use crate::nal::NalUnitType;
use crate::parameters::Profile;
use crate::sps::{ScalingLists, ScalingMatrix, Sps};

/// Why a picture parameter set cannot be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum PpsError {
    /// The NAL unit is of another type, or empty.
    #[error("not a PPS")]
    WrongType,
    /// A syntax element is cut off or out of range.
    #[error("PPS: {0}")]
    Syntax(#[from] SyntaxError),
}

/// How a picture's macroblocks are spread over slice groups (flexible macroblock ordering, Baseline and Extended only).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct SliceGroups {
    /// 2 to 8.
    pub count: u8,
    /// `slice_group_map_type`, 0 to 6; the map itself is not kept.
    pub map_type: u8,
}

/// A picture parameter set ([ITU-T H.264](https://www.itu.int/rec/T-REC-H.264) §7.3.2.2).
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "independent flags of the standard, each read by its name"
)]
pub struct Pps {
    id: u8,
    sps_id: u8,
    is_cabac: bool,
    is_bottom_field_pic_order_in_frame_present: bool,
    slice_groups: Option<SliceGroups>,
    num_ref_idx_default_active: [u8; 2],
    is_weighted_pred: bool,
    weighted_bipred_idc: u8,
    pic_init_qp: i8,
    pic_init_qs: i8,
    chroma_qp_index_offsets: [i8; 2],
    is_deblocking_filter_control_present: bool,
    is_constrained_intra_pred: bool,
    is_redundant_pic_cnt_present: bool,
    is_transform_8x8_mode: bool,
    scaling: Option<Box<ScalingMatrix>>,
}

impl Pps {
    /// Reads a whole NAL unit, header byte included, start code not, whose SPS is not at hand: the part that only the
    /// High profiles have is taken for absent.
    pub fn parse(nal: &[u8]) -> Result<Self, PpsError> {
        Self::read_nal(nal).map(|(pps, _)| pps)
    }

    /// Reads a whole NAL unit that refers to this SPS.
    pub fn parse_for(nal: &[u8], sps: &Sps) -> Result<Self, PpsError> {
        match Self::lists_8x8_for(sps) {
            None => Self::parse(nal),
            Some(lists_8x8) => Self::parse_high(nal, lists_8x8),
        }
    }

    /// Reads a whole NAL unit whose SPS is of a High profile, with as many scaling lists of 8x8 as that may have.
    pub(crate) fn parse_high(nal: &[u8], lists_8x8: usize) -> Result<Self, PpsError> {
        let (mut pps, mut reader) = Self::read_nal(nal)?;
        if reader.more_rbsp_data() {
            pps.read_high_syntax(&mut reader, lists_8x8)?;
        }
        Ok(pps)
    }

    /// Scaling lists of 8x8 that a PPS of this SPS may have. In the older profiles it has no part that could hold any,
    /// whatever an encoder left behind.
    pub(crate) const fn lists_8x8_for(sps: &Sps) -> Option<usize> {
        match sps.profile() {
            Profile::ConstrainedBaseline | Profile::Baseline | Profile::Main | Profile::Extended => None,
            _ => Some(sps.scaling_lists_8x8()),
        }
    }

    fn read_nal(nal: &[u8]) -> Result<(Self, BitReader<'_>), PpsError> {
        let (_, mut reader) = BitReader::of_nal(nal, NalUnitType::Pps).ok_or(PpsError::WrongType)?;
        let pps = Self::read(&mut reader)?;
        Ok((pps, reader))
    }

    fn read(reader: &mut BitReader<'_>) -> Result<Self, SyntaxError> {
        let id = reader.ue_u8(u8::MAX, "pic_parameter_set_id")?;
        let sps_id = reader.ue_u8(31, "seq_parameter_set_id")?;
        let is_cabac = reader.flag("entropy_coding_mode_flag")?;
        let is_bottom_field_pic_order_in_frame_present =
            reader.flag("bottom_field_pic_order_in_frame_present_flag")?;
        let slice_groups = SliceGroups::read(reader)?;
        let num_ref_idx_default_active = [
            1 + reader.ue_u8(31, "num_ref_idx_l0_default_active_minus1")?,
            1 + reader.ue_u8(31, "num_ref_idx_l1_default_active_minus1")?,
        ];
        let is_weighted_pred = reader.flag("weighted_pred_flag")?;
        let weighted_bipred_idc = reader.u8(2, "weighted_bipred_idc")?;
        Ok(Self {
            id,
            sps_id,
            is_cabac,
            is_bottom_field_pic_order_in_frame_present,
            slice_groups,
            num_ref_idx_default_active,
            is_weighted_pred,
            weighted_bipred_idc,
            // Down to -26 at 8 bits, and 6 further for each bit of depth more.
            pic_init_qp: 26 + reader.se_i8(-62, 25, "pic_init_qp_minus26")?,
            pic_init_qs: 26 + reader.se_i8(-26, 25, "pic_init_qs_minus26")?,
            chroma_qp_index_offsets: [reader.se_i8(-12, 12, "chroma_qp_index_offset")?; 2],
            is_deblocking_filter_control_present: reader.flag("deblocking_filter_control_present_flag")?,
            is_constrained_intra_pred: reader.flag("constrained_intra_pred_flag")?,
            is_redundant_pic_cnt_present: reader.flag("redundant_pic_cnt_present_flag")?,
            is_transform_8x8_mode: false,
            scaling: None,
        })
    }

    fn read_high_syntax(&mut self, reader: &mut BitReader<'_>, lists_8x8: usize) -> Result<(), SyntaxError> {
        self.is_transform_8x8_mode = reader.flag("transform_8x8_mode_flag")?;
        if reader.flag("pic_scaling_matrix_present_flag")? {
            let count_8x8 = if self.is_transform_8x8_mode { lists_8x8 } else { 0 };
            self.scaling = Some(Box::new(ScalingMatrix::read(reader, count_8x8)?));
        }
        self.chroma_qp_index_offsets[1] = reader.se_i8(-12, 12, "second_chroma_qp_index_offset")?;
        Ok(())
    }

    /// `pic_parameter_set_id`, 0 to 255.
    pub const fn id(&self) -> u8 {
        self.id
    }

    /// `seq_parameter_set_id` of the SPS it builds on, 0 to 31.
    pub const fn sps_id(&self) -> u8 {
        self.sps_id
    }

    /// `entropy_coding_mode_flag`: CABAC, or else CAVLC.
    pub const fn is_cabac(&self) -> bool {
        self.is_cabac
    }

    /// `bottom_field_pic_order_in_frame_present_flag`: slice headers of frames tell the order of the two fields.
    pub const fn is_bottom_field_pic_order_in_frame_present(&self) -> bool {
        self.is_bottom_field_pic_order_in_frame_present
    }

    /// The slice groups, if there is more than one.
    pub const fn slice_groups(&self) -> Option<SliceGroups> {
        self.slice_groups
    }

    /// `num_ref_idx_default_active` of lists 0 and 1, 1 to 32: entries where a slice does not say otherwise.
    pub const fn num_ref_idx_default_active(&self) -> [u8; 2] {
        self.num_ref_idx_default_active
    }

    /// `weighted_pred_flag`: P and SP slices carry weights.
    pub const fn is_weighted_pred(&self) -> bool {
        self.is_weighted_pred
    }

    /// `weighted_bipred_idc`, 0 to 3: with 1, B slices carry weights; 3 is reserved.
    pub const fn weighted_bipred_idc(&self) -> u8 {
        self.weighted_bipred_idc
    }

    /// `pic_init_qp`, -36 to 51: the quantizer that slices refer to.
    pub const fn pic_init_qp(&self) -> i8 {
        self.pic_init_qp
    }

    /// `pic_init_qs`, 0 to 51: the same for SP and SI slices.
    pub const fn pic_init_qs(&self) -> i8 {
        self.pic_init_qs
    }

    /// `chroma_qp_index_offset` of Cb and Cr, -12 to 12.
    pub const fn chroma_qp_index_offsets(&self) -> [i8; 2] {
        self.chroma_qp_index_offsets
    }

    /// `deblocking_filter_control_present_flag`.
    pub const fn is_deblocking_filter_control_present(&self) -> bool {
        self.is_deblocking_filter_control_present
    }

    /// `constrained_intra_pred_flag`.
    pub const fn is_constrained_intra_pred(&self) -> bool {
        self.is_constrained_intra_pred
    }

    /// `redundant_pic_cnt_present_flag`: slices may be of redundant pictures.
    pub const fn is_redundant_pic_cnt_present(&self) -> bool {
        self.is_redundant_pic_cnt_present
    }

    /// `transform_8x8_mode_flag`.
    pub const fn is_transform_8x8_mode(&self) -> bool {
        self.is_transform_8x8_mode
    }

    /// The scaling lists, fall-back rules applied: those of `sps` where this set has none.
    pub fn scaling_lists(&self, sps: &Sps) -> ScalingLists {
        let outer = sps.scaling_lists();
        self.scaling.as_ref().map_or(outer, |matrix| {
            matrix.resolve(sps.has_scaling_matrix().then_some(&outer))
        })
    }
}

impl SliceGroups {
    /// Each turn of a loop takes a bit at least, so the NAL unit's length bounds them all.
    fn read(reader: &mut BitReader<'_>) -> Result<Option<Self>, SyntaxError> {
        let last = reader.ue_u8(7, "num_slice_groups_minus1")?;
        if last == 0 {
            return Ok(None);
        }
        let map_type = reader.ue_u8(6, "slice_group_map_type")?;
        match map_type {
            0 => {
                for _ in 0..=last {
                    reader.ue("run_length_minus1")?;
                }
            }
            2 => {
                for _ in 0..last {
                    reader.ue("top_left")?;
                    reader.ue("bottom_right")?;
                }
            }
            3..=5 => {
                reader.flag("slice_group_change_direction_flag")?;
                reader.ue("slice_group_change_rate_minus1")?;
            }
            6 => {
                // Ceil(Log2(number of groups))
                let id_bits = match last {
                    1 => 1,
                    2 | 3 => 2,
                    _ => 3,
                };
                for _ in 0..=reader.ue("pic_size_in_map_units_minus1")? {
                    reader.u8(id_bits, "slice_group_id")?;
                }
            }
            _ => {}
        }
        Ok(Some(Self {
            count: last + 1,
            map_type,
        }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bitreader::from_bits;

    #[test]
    fn identifiers_and_flags_are_read() {
        // 00101 (4), 011 (2), CABAC, no order, one group, 3 and 1 entries, weights, 1, -3, 0, 2, 1, 0, 1, stop bit
        // 00101 011 | 1 0 1 00100 | 1... : 011 for 3 - 1 = 2, 1 for 0, 1, 01, 00111 (-3), 1 (0), 00100 (2), 1 0 1 1
        let pps = Pps::parse(&[
            0x68,
            0b0010_1011,
            0b1010_1111,
            0b0100_1111,
            0b0010_0101,
            0b1000_0000,
        ]);
        let pps = pps.expect("PPS");
        assert_eq!((pps.id(), pps.sps_id()), (4, 2));
        assert!(pps.is_cabac() && pps.is_weighted_pred());
        assert!(!pps.is_bottom_field_pic_order_in_frame_present());
        assert_eq!(pps.slice_groups(), None);
        assert_eq!(pps.num_ref_idx_default_active(), [3, 1]);
        assert_eq!(pps.weighted_bipred_idc(), 1);
        assert_eq!((pps.pic_init_qp(), pps.pic_init_qs()), (23, 26));
        assert_eq!(pps.chroma_qp_index_offsets(), [2, 2]);
        assert!(pps.is_deblocking_filter_control_present() && pps.is_redundant_pic_cnt_present());
        assert!(!pps.is_constrained_intra_pred() && !pps.is_transform_8x8_mode());
    }

    #[test]
    fn slice_groups_of_every_kind_are_passed_over() {
        // After the groups: 1 and 1 entries, no weights, 0, 0, 0, 0, and the last flag set.
        let rest = "1 1 0 00 1 1 1 0 0 1 1";
        for (groups, count, map_type) in [
            ("010 1 1 010", 2, 0),
            ("011 010", 3, 1),
            ("011 011 1 010 011 1", 3, 2),
            ("010 00100 1 1", 2, 3),
            ("010 00101 0 010", 2, 4),
            ("010 00110 0 010", 2, 5),
            ("010 00111 00100 1 0 0 1", 2, 6),
            ("011 00111 011 01 00 10", 3, 6),
            ("00101 00111 010 100 000", 5, 6),
        ] {
            let nal = [&[0x68][..], &from_bits(&format!("1 1 0 0 {groups} {rest}"))].concat();
            let pps = Pps::parse(&nal).expect("a PPS");
            assert_eq!(pps.slice_groups(), Some(SliceGroups { count, map_type }));
            assert!(pps.is_redundant_pic_cnt_present() && !pps.is_constrained_intra_pred());
        }
        // A map of 2^32 - 1 entries ends with the NAL unit.
        let endless = format!("1 1 0 0 010 00111 {}1{} 0101", "0".repeat(31), "1".repeat(31));
        let error = Pps::parse(&[&[0x68][..], &from_bits(&endless)].concat()).expect_err("cut off");
        assert!(error.to_string().contains("slice_group_id"));
    }

    #[test]
    fn an_empty_pps_is_an_error() {
        assert_eq!(Pps::parse(&[]), Err(PpsError::WrongType));
        assert_eq!(
            Pps::parse(&[0x68]).expect_err("nothing in it").to_string(),
            "PPS: NAL unit ends at bit 0 in pic_parameter_set_id"
        );
    }

    #[test]
    fn an_sps_is_no_pps() {
        assert_eq!(Pps::parse(&[0x67, 0xff]), Err(PpsError::WrongType));
    }
}
