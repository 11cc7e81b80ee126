//! Sequence parameter sets.

mod hrd;
mod scaling;
#[cfg(test)]
mod tests;
mod vui;

use thiserror::Error;

use crate::bitreader::{BitReader, SyntaxError};
use crate::nal::NalUnitType;
use crate::parameters::{Level, Profile, ProfileLevelId, VideoParameters};
use crate::tolerance::{Policy, Tolerance, Tolerances};

pub use hrd::{Hrd, MAX_SCHEDULES, Schedule};
pub use scaling::ScalingLists;
pub(crate) use scaling::ScalingMatrix;
pub use vui::{BitstreamRestriction, Colour, Timing, Vui};

/// Macroblocks a side: the square root of 8 times level 6.2's `MaxFS` (139,264), beyond which no level goes.
const MAX_SIDE_IN_MBS: u32 = 1055;

/// Frames that a decoder may have to keep, and so the highest reorder depth (§A.3.1).
const MAX_DPB_FRAMES: u8 = 16;

/// Why a sequence parameter set cannot be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum SpsError {
    /// The NAL unit is of another type, or empty.
    #[error("not an SPS")]
    WrongType,
    /// A syntax element is cut off or out of range. Where the framing is sound but the content is random, the camera
    /// may be encrypting its stream (Q140).
    #[error("SPS: {0}")]
    Syntax(#[from] SyntaxError),
    /// The cropping leaves nothing of the picture.
    #[error("SPS: cropping leaves nothing of {width}x{height}")]
    NothingLeft {
        /// Luma samples per row before cropping.
        width: u32,
        /// Luma rows before cropping.
        height: u32,
    },
    /// The policy refuses what would have to be overlooked.
    #[error("SPS: {tolerance}: {element} at bit {bit}")]
    NotTolerated {
        /// What is refused.
        tolerance: Tolerance,
        /// Name in the H.264 specification of the element at fault.
        element: &'static str,
        /// Bits read up to the fault, emulation prevention bytes not counted.
        bit: usize,
    },
}

/// How colours are sampled (`chroma_format_idc` with `separate_colour_plane_flag`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ChromaFormat {
    /// 0: luma alone.
    Monochrome,
    /// 1: half the width and half the height; the only one outside of the High profiles.
    Yuv420,
    /// 2: half the width.
    Yuv422,
    /// 3: all of it.
    Yuv444,
    /// 3, each plane coded as a picture of its own.
    SeparatePlanes,
}

impl ChromaFormat {
    /// `chroma_format_idc`.
    pub const fn idc(self) -> u8 {
        match self {
            Self::Monochrome => 0,
            Self::Yuv420 => 1,
            Self::Yuv422 => 2,
            Self::Yuv444 | Self::SeparatePlanes => 3,
        }
    }

    /// Whether slices hold chroma beside luma (`ChromaArrayType` is not 0).
    pub(crate) const fn has_chroma(self) -> bool {
        !matches!(self, Self::Monochrome | Self::SeparatePlanes)
    }

    /// Luma samples and rows of a frame that one unit of cropping takes.
    const fn crop_unit(self) -> (u32, u32) {
        match self {
            Self::Yuv420 => (2, 2),
            Self::Yuv422 => (2, 1),
            Self::Monochrome | Self::Yuv444 | Self::SeparatePlanes => (1, 1),
        }
    }
}

/// How output order is told (`pic_order_cnt_type`, [ITU-T H.264](https://www.itu.int/rec/T-REC-H.264) §8.2.1).
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PicOrderCnt {
    /// 0: slice headers carry the low bits of a count.
    Lsb {
        /// `log2_max_pic_order_cnt_lsb`, 4 to 16.
        log2_max: u8,
    },
    /// 1: from `frame_num` by an expected pattern.
    Cycle {
        /// `delta_pic_order_always_zero_flag`: no picture leaves the pattern, and slice headers say nothing of it.
        is_delta_always_zero: bool,
        /// `offset_for_non_ref_pic`.
        offset_for_non_ref_pic: i32,
        /// `offset_for_top_to_bottom_field`.
        offset_for_top_to_bottom_field: i32,
        /// `offset_for_ref_frame`, 255 at most.
        offsets_for_ref_frame: Box<[i32]>,
    },
    /// 2: output order is decoding order.
    DecodingOrder,
}

/// Luma samples and rows cut off each side of the frame for display.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Cropping {
    /// Samples from the left.
    pub left: u32,
    /// Samples from the right.
    pub right: u32,
    /// Rows from the top.
    pub top: u32,
    /// Rows from the bottom.
    pub bottom: u32,
}

/// A sequence parameter set ([ITU-T H.264](https://www.itu.int/rec/T-REC-H.264) §7.3.2.1.1), of any profile.
///
/// What comes before the usability information (VUI) has to be right. What of that is cut off or absurd counts as absent,
/// as such cameras' streams decode well (Q92, [`Tolerance::Vui`]).
///
/// ```
/// use throughline_h264::Sps;
///
/// let nal = [
///     0x67, 0x64, 0x00, 0x28, 0xac, 0xd9, 0x40, 0x78, 0x02, 0x27, 0xe5, 0xc0, 0x44, 0x00, 0x00, 0x0f, 0xa4, 0x00, 0x03,
///     0xa9, 0x80, 0x3c, 0x60, 0xc6, 0x58,
/// ];
/// let sps = Sps::parse(&nal)?;
/// assert_eq!((sps.width(), sps.height(), sps.cropping().bottom), (1920, 1080, 8));
/// assert_eq!((sps.profile().to_string(), sps.level().to_string()), ("High".to_owned(), "4.0".to_owned()));
/// assert_eq!(sps.reorder_depth(), 2);
/// let timing = sps.vui().and_then(|vui| vui.timing).expect("timing");
/// assert_eq!((timing.time_scale, timing.num_units_in_tick), (60_000, 1001));
/// # Ok::<(), throughline_h264::SpsError>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "independent flags of the standard, each read by its name"
)]
pub struct Sps {
    profile_level_id: ProfileLevelId,
    id: u8,
    chroma_format: ChromaFormat,
    bit_depth_luma: u8,
    bit_depth_chroma: u8,
    is_lossless_possible: bool,
    scaling: Option<Box<ScalingMatrix>>,
    log2_max_frame_num: u8,
    pic_order_cnt: PicOrderCnt,
    max_num_ref_frames: u8,
    are_gaps_in_frame_num_allowed: bool,
    width_in_mbs: u32,
    height_in_map_units: u32,
    is_frame_mbs_only: bool,
    is_mb_adaptive_frame_field: bool,
    is_direct_8x8_inference: bool,
    cropping: Cropping,
    vui: Option<Box<Vui>>,
    tolerated: Tolerances,
}

impl Sps {
    /// Reads a whole NAL unit, header byte included, start code not.
    pub fn parse(nal: &[u8]) -> Result<Self, SpsError> {
        Self::parse_with(nal, &Policy::default())
    }

    /// Reads a whole NAL unit with the tolerances that `policy` allows.
    pub fn parse_with(nal: &[u8], policy: &Policy) -> Result<Self, SpsError> {
        let (_, mut reader) = BitReader::of_nal(nal, NalUnitType::Sps).ok_or(SpsError::WrongType)?;
        let mut sps = Self::read(&mut reader)?;
        sps.check_cropping()?;
        let (vui, fault) = Vui::read(&mut reader);
        sps.vui = vui.map(Box::new);
        if let Some(fault) = fault {
            let tolerance = Tolerance::Vui;
            if !policy.tolerates(tolerance) {
                return Err(SpsError::NotTolerated {
                    tolerance,
                    element: fault.element,
                    bit: fault.bit,
                });
            }
            sps.tolerated.insert(tolerance);
        }
        Ok(sps)
    }

    /// Everything up to the usability information.
    fn read(reader: &mut BitReader<'_>) -> Result<Self, SyntaxError> {
        let profile_level_id = ProfileLevelId([
            reader.u8(8, "profile_idc")?,
            reader.u8(8, "constraint_set_flags")?,
            reader.u8(8, "level_idc")?,
        ]);
        let mut sps = Self {
            profile_level_id,
            id: reader.ue_u8(31, "seq_parameter_set_id")?,
            chroma_format: ChromaFormat::Yuv420,
            bit_depth_luma: 8,
            bit_depth_chroma: 8,
            is_lossless_possible: false,
            scaling: None,
            log2_max_frame_num: 0,
            pic_order_cnt: PicOrderCnt::DecodingOrder,
            max_num_ref_frames: 0,
            are_gaps_in_frame_num_allowed: false,
            width_in_mbs: 0,
            height_in_map_units: 0,
            is_frame_mbs_only: true,
            is_mb_adaptive_frame_field: false,
            is_direct_8x8_inference: false,
            cropping: Cropping::default(),
            vui: None,
            tolerated: Tolerances::default(),
        };
        if has_high_syntax(profile_level_id) {
            sps.read_high_syntax(reader)?;
        }
        sps.log2_max_frame_num = 4 + reader.ue_u8(12, "log2_max_frame_num_minus4")?;
        sps.pic_order_cnt = PicOrderCnt::read(reader)?;
        sps.max_num_ref_frames = reader.ue_u8(MAX_DPB_FRAMES, "max_num_ref_frames")?;
        sps.are_gaps_in_frame_num_allowed = reader.flag("gaps_in_frame_num_value_allowed_flag")?;
        sps.width_in_mbs = 1 + reader.ue_up_to(MAX_SIDE_IN_MBS - 1, "pic_width_in_mbs_minus1")?;
        sps.height_in_map_units =
            1 + reader.ue_up_to(MAX_SIDE_IN_MBS - 1, "pic_height_in_map_units_minus1")?;
        sps.is_frame_mbs_only = reader.flag("frame_mbs_only_flag")?;
        if !sps.is_frame_mbs_only {
            sps.is_mb_adaptive_frame_field = reader.flag("mb_adaptive_frame_field_flag")?;
        }
        sps.is_direct_8x8_inference = reader.flag("direct_8x8_inference_flag")?;
        if reader.flag("frame_cropping_flag")? {
            let (unit_x, unit_y) = sps.chroma_format.crop_unit();
            let unit_y = unit_y * sps.fields_per_map_unit();
            sps.cropping = Cropping {
                left: reader.ue("frame_crop_left_offset")?.saturating_mul(unit_x),
                right: reader.ue("frame_crop_right_offset")?.saturating_mul(unit_x),
                top: reader.ue("frame_crop_top_offset")?.saturating_mul(unit_y),
                bottom: reader.ue("frame_crop_bottom_offset")?.saturating_mul(unit_y),
            };
        }
        Ok(sps)
    }

    /// The part that only the High profiles have, and those of layers.
    fn read_high_syntax(&mut self, reader: &mut BitReader<'_>) -> Result<(), SyntaxError> {
        self.chroma_format = match reader.ue_up_to(3, "chroma_format_idc")? {
            0 => ChromaFormat::Monochrome,
            1 => ChromaFormat::Yuv420,
            2 => ChromaFormat::Yuv422,
            _ if reader.flag("separate_colour_plane_flag")? => ChromaFormat::SeparatePlanes,
            _ => ChromaFormat::Yuv444,
        };
        self.bit_depth_luma = 8 + reader.ue_u8(6, "bit_depth_luma_minus8")?;
        self.bit_depth_chroma = 8 + reader.ue_u8(6, "bit_depth_chroma_minus8")?;
        self.is_lossless_possible = reader.flag("qpprime_y_zero_transform_bypass_flag")?;
        if reader.flag("seq_scaling_matrix_present_flag")? {
            self.scaling = Some(Box::new(ScalingMatrix::read(reader, self.scaling_lists_8x8())?));
        }
        Ok(())
    }

    fn check_cropping(&self) -> Result<(), SpsError> {
        let (width, height) = (self.coded_width(), self.coded_height());
        let Cropping {
            left,
            right,
            top,
            bottom,
        } = self.cropping;
        if left.saturating_add(right) >= width || top.saturating_add(bottom) >= height {
            return Err(SpsError::NothingLeft { width, height });
        }
        Ok(())
    }

    /// Lists of 8x8 that a scaling matrix has.
    pub(crate) const fn scaling_lists_8x8(&self) -> usize {
        if self.chroma_format.idc() == 3 { 6 } else { 2 }
    }

    pub(crate) const fn has_scaling_matrix(&self) -> bool {
        self.scaling.is_some()
    }

    const fn fields_per_map_unit(&self) -> u32 {
        if self.is_frame_mbs_only { 1 } else { 2 }
    }

    /// `seq_parameter_set_id`, 0 to 31.
    pub const fn id(&self) -> u8 {
        self.id
    }

    /// Profile, constraint flags and level as SDP writes them.
    pub const fn profile_level_id(&self) -> ProfileLevelId {
        self.profile_level_id
    }

    /// The profile.
    pub const fn profile(&self) -> Profile {
        self.profile_level_id.profile()
    }

    /// The level.
    pub const fn level(&self) -> Level {
        self.profile_level_id.level()
    }

    /// How colours are sampled.
    pub const fn chroma_format(&self) -> ChromaFormat {
        self.chroma_format
    }

    /// Bits of a luma sample, 8 to 14.
    pub const fn bit_depth_luma(&self) -> u8 {
        self.bit_depth_luma
    }

    /// Bits of a chroma sample, 8 to 14.
    pub const fn bit_depth_chroma(&self) -> u8 {
        self.bit_depth_chroma
    }

    /// Whether macroblocks at QP' 0 are lossless (`qpprime_y_zero_transform_bypass_flag`).
    pub const fn is_lossless_possible(&self) -> bool {
        self.is_lossless_possible
    }

    /// The scaling lists, fall-back rules applied; all flat where there is no matrix. A PPS may have others.
    pub fn scaling_lists(&self) -> ScalingLists {
        self.scaling
            .as_ref()
            .map_or(ScalingLists::FLAT, |matrix| matrix.resolve(None))
    }

    /// `log2_max_frame_num`, 4 to 16: `frame_num` counts modulo 2 to the power of this.
    pub const fn log2_max_frame_num(&self) -> u8 {
        self.log2_max_frame_num
    }

    /// How output order is told.
    pub const fn pic_order_cnt(&self) -> &PicOrderCnt {
        &self.pic_order_cnt
    }

    /// `max_num_ref_frames`, 0 to 16.
    pub const fn max_num_ref_frames(&self) -> u8 {
        self.max_num_ref_frames
    }

    /// `gaps_in_frame_num_value_allowed_flag`: a jump of `frame_num` need not be a loss (temporal layers).
    pub const fn are_gaps_in_frame_num_allowed(&self) -> bool {
        self.are_gaps_in_frame_num_allowed
    }

    /// `frame_mbs_only_flag`: no field is ever coded alone.
    pub const fn is_frame_mbs_only(&self) -> bool {
        self.is_frame_mbs_only
    }

    /// `mb_adaptive_frame_field_flag`: pairs of macroblocks may be coded as fields.
    pub const fn is_mb_adaptive_frame_field(&self) -> bool {
        self.is_mb_adaptive_frame_field
    }

    /// `direct_8x8_inference_flag`.
    pub const fn is_direct_8x8_inference(&self) -> bool {
        self.is_direct_8x8_inference
    }

    /// Luma samples per row as coded, a multiple of 16.
    pub const fn coded_width(&self) -> u32 {
        16 * self.width_in_mbs
    }

    /// Luma rows of a frame as coded, a multiple of 16.
    pub const fn coded_height(&self) -> u32 {
        16 * self.height_in_map_units * self.fields_per_map_unit()
    }

    /// What is cut off for display.
    pub const fn cropping(&self) -> Cropping {
        self.cropping
    }

    /// Luma samples per row, cropping applied.
    pub const fn width(&self) -> u32 {
        self.coded_width() - self.cropping.left - self.cropping.right
    }

    /// Luma rows of a frame, cropping applied.
    pub const fn height(&self) -> u32 {
        self.coded_height() - self.cropping.top - self.cropping.bottom
    }

    /// The usability information.
    pub fn vui(&self) -> Option<&Vui> {
        self.vui.as_deref()
    }

    /// What was overlooked to read it.
    pub const fn tolerated(&self) -> Tolerances {
        self.tolerated
    }

    /// How many frames may have to be held to bring them into output order, 0 to 16: what is signalled, or else what the
    /// profile and level allow.
    ///
    /// 0 stands for profiles without B slices as well: they might reorder pictures, but no encoder does.
    pub fn reorder_depth(&self) -> u8 {
        self.signalled_reorder_depth().unwrap_or_else(|| {
            use Profile::{Baseline, ConstrainedBaseline, ConstrainedHigh};
            match self.profile() {
                Baseline | ConstrainedBaseline | ConstrainedHigh => 0,
                _ => self.max_dpb_frames(),
            }
        })
    }

    /// The reorder depth as far as it is signalled: in the usability information, by `pic_order_cnt_type` 2, or by the
    /// flag of the profiles that have intra pictures only (§E.2.1).
    fn signalled_reorder_depth(&self) -> Option<u8> {
        const SET3: u8 = 0x10;
        let [profile_idc, flags, _] = self.profile_level_id.0;
        let is_intra_only = matches!(profile_idc, 44 | 86 | 100 | 110 | 122 | 244) && flags & SET3 != 0;
        if is_intra_only || self.pic_order_cnt == PicOrderCnt::DecodingOrder {
            return Some(0);
        }
        let restriction = self.vui.as_ref()?.restriction?;
        Some(restriction.max_num_reorder_frames)
    }

    /// `MaxDpbFrames` of the level at this size (§A.3.1).
    fn max_dpb_frames(&self) -> u8 {
        let frame_in_mbs = self.width_in_mbs * self.height_in_map_units * self.fields_per_map_unit();
        let frames = self.level().max_dpb_mbs().map(|dpb| dpb / frame_in_mbs);
        frames
            .and_then(|frames| u8::try_from(frames).ok())
            .map_or(MAX_DPB_FRAMES, |frames| frames.min(MAX_DPB_FRAMES))
    }

    /// The facts that whoever forwards the video needs.
    pub fn parameters(&self) -> VideoParameters {
        let vui = self.vui();
        VideoParameters {
            profile: self.profile(),
            level: self.level(),
            profile_level_id: self.profile_level_id,
            width: self.width(),
            height: self.height(),
            sample_aspect_ratio: vui.and_then(|vui| vui.sample_aspect_ratio),
            frame_rate: vui.and_then(|vui| vui.timing?.frame_rate()),
            max_num_reorder_frames: self.signalled_reorder_depth(),
            reorder_depth: self.reorder_depth(),
        }
    }
}

/// Whether the profile has a syntax for other formats than 4:2:0 in 8 bits.
const fn has_high_syntax(id: ProfileLevelId) -> bool {
    let [profile_idc, ..] = id.0;
    matches!(
        profile_idc,
        100 | 110 | 122 | 244 | 44 | 83 | 86 | 118 | 128 | 138 | 139 | 134 | 135
    )
}

impl PicOrderCnt {
    fn read(reader: &mut BitReader<'_>) -> Result<Self, SyntaxError> {
        Ok(match reader.ue_up_to(2, "pic_order_cnt_type")? {
            0 => Self::Lsb {
                log2_max: 4 + reader.ue_u8(12, "log2_max_pic_order_cnt_lsb_minus4")?,
            },
            1 => Self::Cycle {
                is_delta_always_zero: reader.flag("delta_pic_order_always_zero_flag")?,
                offset_for_non_ref_pic: reader.se("offset_for_non_ref_pic")?,
                offset_for_top_to_bottom_field: reader.se("offset_for_top_to_bottom_field")?,
                offsets_for_ref_frame: {
                    let count = reader.ue_up_to(255, "num_ref_frames_in_pic_order_cnt_cycle")?;
                    (0..count)
                        .map(|_| reader.se("offset_for_ref_frame"))
                        .collect::<Result<_, _>>()?
                },
            },
            _ => Self::DecodingOrder,
        })
    }
}
