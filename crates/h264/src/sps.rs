//! Sequence parameter sets.

use thiserror::Error;

use crate::bitreader::{BitReader, SyntaxError};
use crate::nal::{NalHeader, NalUnitType};
use crate::parameters::{ProfileLevelId, VideoParameters};

/// Macroblocks a side: the square root of 8 times level 6.2's `MaxFS` (139,264), beyond which no level goes.
const MAX_SIDE_IN_MBS: u32 = 1055;

/// Pictures per second above which `time_scale` and `num_units_in_tick` are taken for nonsense (Q92): cameras exist up to 240.
const MAX_FRAME_RATE: f64 = 480.0;

/// Extended_SAR of Table E-1.
const EXTENDED_SAR: u32 = 255;

/// Table E-1, from `aspect_ratio_idc` 1.
const SAMPLE_ASPECT_RATIOS: [(u16, u16); 16] = [
    (1, 1),
    (12, 11),
    (10, 11),
    (16, 11),
    (40, 33),
    (24, 11),
    (20, 11),
    (32, 11),
    (80, 33),
    (18, 11),
    (15, 11),
    (64, 33),
    (160, 99),
    (4, 3),
    (3, 2),
    (2, 1),
];

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
}

/// A sequence parameter set ([ITU-T H.264](https://www.itu.int/rec/T-REC-H.264) §7.3.2.1.1), of any profile.
///
/// What comes before the picture size has to be right; usability information (VUI) that is cut off or absurd counts as
/// absent from there on, as such cameras' streams decode well (Q92).
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Sps {
    id: u8,
    parameters: VideoParameters,
}

impl Sps {
    /// Reads a whole NAL unit, header byte included, start code not.
    pub fn parse(nal: &[u8]) -> Result<Self, SpsError> {
        let Some((&header, payload)) = nal.split_first() else {
            return Err(SpsError::WrongType);
        };
        if NalHeader::from_byte(header).nal_unit_type() != NalUnitType::Sps {
            return Err(SpsError::WrongType);
        }
        let mut reader = BitReader::new(payload);
        let profile_level_id = ProfileLevelId([
            u8_of(&mut reader, "profile_idc")?,
            u8_of(&mut reader, "constraint_set_flags")?,
            u8_of(&mut reader, "level_idc")?,
        ]);
        let id = reader.ue_u8(31, "seq_parameter_set_id")?;
        let chroma = Chroma::read(&mut reader, profile_level_id)?;
        reader.ue_up_to(12, "log2_max_frame_num_minus4")?;
        skip_picture_order_count(&mut reader)?;
        reader.ue("max_num_ref_frames")?;
        reader.flag("gaps_in_frame_num_value_allowed_flag")?;
        let (width, height) = read_size(&mut reader, chroma)?;
        let vui = Vui::read(&mut reader);
        Ok(Self {
            id,
            parameters: VideoParameters {
                profile: profile_level_id.profile(),
                level: profile_level_id.level(),
                profile_level_id,
                width,
                height,
                sample_aspect_ratio: vui.sample_aspect_ratio,
                frame_rate: vui.frame_rate,
                max_num_reorder_frames: vui.max_num_reorder_frames,
            },
        })
    }

    /// `seq_parameter_set_id`, 0 to 31.
    pub const fn id(&self) -> u8 {
        self.id
    }

    /// What it says about the video.
    pub const fn parameters(&self) -> VideoParameters {
        self.parameters
    }
}

fn u8_of(reader: &mut BitReader<'_>, element: &'static str) -> Result<u8, SyntaxError> {
    Ok(u8::try_from(reader.bits(8, element)?).unwrap_or(u8::MAX))
}

/// `ChromaArrayType` with its effect on the units of cropping.
#[derive(Clone, Copy)]
enum Chroma {
    Yuv420,
    Yuv422,
    /// 4:4:4, monochrome, and three separate planes.
    Unsubsampled,
}

impl Chroma {
    /// Reads the part that only the High profiles have.
    fn read(reader: &mut BitReader<'_>, id: ProfileLevelId) -> Result<Self, SyntaxError> {
        let [profile_idc, ..] = id.0;
        if !matches!(
            profile_idc,
            100 | 110 | 122 | 244 | 44 | 83 | 86 | 118 | 128 | 138 | 139 | 134 | 135
        ) {
            return Ok(Self::Yuv420);
        }
        let chroma_format_idc = reader.ue_up_to(3, "chroma_format_idc")?;
        if chroma_format_idc == 3 {
            reader.flag("separate_colour_plane_flag")?;
        }
        reader.ue_up_to(6, "bit_depth_luma_minus8")?;
        reader.ue_up_to(6, "bit_depth_chroma_minus8")?;
        reader.flag("qpprime_y_zero_transform_bypass_flag")?;
        if reader.flag("seq_scaling_matrix_present_flag")? {
            let lists = if chroma_format_idc == 3 { 12 } else { 8 };
            for list in 0..lists {
                if reader.flag("seq_scaling_list_present_flag")? {
                    skip_scaling_list(reader, if list < 6 { 16 } else { 64 })?;
                }
            }
        }
        Ok(match chroma_format_idc {
            1 => Self::Yuv420,
            2 => Self::Yuv422,
            _ => Self::Unsubsampled,
        })
    }
}

/// §7.3.2.1.1.1
fn skip_scaling_list(reader: &mut BitReader<'_>, size: usize) -> Result<(), SyntaxError> {
    let mut last_scale = 8;
    for _ in 0..size {
        let next_scale = (last_scale + reader.se("delta_scale")? % 256 + 256) % 256;
        if next_scale == 0 {
            break;
        }
        last_scale = next_scale;
    }
    Ok(())
}

fn skip_picture_order_count(reader: &mut BitReader<'_>) -> Result<(), SyntaxError> {
    match reader.ue_up_to(2, "pic_order_cnt_type")? {
        0 => {
            reader.ue_up_to(12, "log2_max_pic_order_cnt_lsb_minus4")?;
        }
        1 => {
            reader.flag("delta_pic_order_always_zero_flag")?;
            reader.se("offset_for_non_ref_pic")?;
            reader.se("offset_for_top_to_bottom_field")?;
            for _ in 0..reader.ue_up_to(255, "num_ref_frames_in_pic_order_cnt_cycle")? {
                reader.se("offset_for_ref_frame")?;
            }
        }
        _ => {}
    }
    Ok(())
}

/// Width and height in luma samples, cropped.
fn read_size(reader: &mut BitReader<'_>, chroma: Chroma) -> Result<(u32, u32), SpsError> {
    let width = 16 * (reader.ue_up_to(MAX_SIDE_IN_MBS - 1, "pic_width_in_mbs_minus1")? + 1);
    let map_units = reader.ue_up_to(MAX_SIDE_IN_MBS - 1, "pic_height_in_map_units_minus1")? + 1;
    let fields_per_map_unit = if reader.flag("frame_mbs_only_flag")? {
        1
    } else {
        reader.flag("mb_adaptive_frame_field_flag")?;
        2
    };
    let height = 16 * map_units * fields_per_map_unit;
    reader.flag("direct_8x8_inference_flag")?;
    if !reader.flag("frame_cropping_flag")? {
        return Ok((width, height));
    }
    let left = reader.ue("frame_crop_left_offset")?;
    let right = reader.ue("frame_crop_right_offset")?;
    let top = reader.ue("frame_crop_top_offset")?;
    let bottom = reader.ue("frame_crop_bottom_offset")?;
    let (unit_x, unit_y) = match chroma {
        Chroma::Yuv420 => (2, 2 * fields_per_map_unit),
        Chroma::Yuv422 => (2, fields_per_map_unit),
        Chroma::Unsubsampled => (1, fields_per_map_unit),
    };
    let crop = |side: u32, first: u32, second: u32, unit: u32| {
        let cropped = first.saturating_add(second).saturating_mul(unit);
        side.checked_sub(cropped)
            .filter(|&left| left > 0)
            .ok_or(SpsError::NothingLeft { width, height })
    };
    Ok((
        crop(width, left, right, unit_x)?,
        crop(height, top, bottom, unit_y)?,
    ))
}

/// The parts of the video usability information (Annex E) that are of use here.
#[derive(Default)]
struct Vui {
    sample_aspect_ratio: Option<(u16, u16)>,
    frame_rate: Option<f64>,
    max_num_reorder_frames: Option<u8>,
}

impl Vui {
    fn read(reader: &mut BitReader<'_>) -> Self {
        let mut vui = Self::default();
        if reader.flag("vui_parameters_present_flag") == Ok(true) {
            // What was read before a fault stays: the stream decodes without the rest.
            let _ = vui.read_parameters(reader);
        }
        vui
    }

    fn read_parameters(&mut self, reader: &mut BitReader<'_>) -> Result<(), SyntaxError> {
        if reader.flag("aspect_ratio_info_present_flag")? {
            self.sample_aspect_ratio = read_aspect_ratio(reader)?;
        }
        if reader.flag("overscan_info_present_flag")? {
            reader.flag("overscan_appropriate_flag")?;
        }
        if reader.flag("video_signal_type_present_flag")? {
            reader.bits(4, "video_format, video_full_range_flag")?;
            if reader.flag("colour_description_present_flag")? {
                reader.bits(
                    24,
                    "colour_primaries, transfer_characteristics, matrix_coefficients",
                )?;
            }
        }
        if reader.flag("chroma_loc_info_present_flag")? {
            reader.ue("chroma_sample_loc_type_top_field")?;
            reader.ue("chroma_sample_loc_type_bottom_field")?;
        }
        if reader.flag("timing_info_present_flag")? {
            let num_units_in_tick = reader.bits(32, "num_units_in_tick")?;
            let time_scale = reader.bits(32, "time_scale")?;
            reader.flag("fixed_frame_rate_flag")?;
            self.frame_rate = frame_rate(num_units_in_tick, time_scale);
        }
        let nal_hrd = reader.flag("nal_hrd_parameters_present_flag")?;
        if nal_hrd {
            skip_hrd(reader)?;
        }
        let vcl_hrd = reader.flag("vcl_hrd_parameters_present_flag")?;
        if vcl_hrd {
            skip_hrd(reader)?;
        }
        if nal_hrd || vcl_hrd {
            reader.flag("low_delay_hrd_flag")?;
        }
        reader.flag("pic_struct_present_flag")?;
        if reader.flag("bitstream_restriction_flag")? {
            reader.flag("motion_vectors_over_pic_boundaries_flag")?;
            reader.ue("max_bytes_per_pic_denom")?;
            reader.ue("max_bits_per_mb_denom")?;
            reader.ue("log2_max_mv_length_horizontal")?;
            reader.ue("log2_max_mv_length_vertical")?;
            self.max_num_reorder_frames = Some(reader.ue_u8(16, "max_num_reorder_frames")?);
        }
        Ok(())
    }
}

fn read_aspect_ratio(reader: &mut BitReader<'_>) -> Result<Option<(u16, u16)>, SyntaxError> {
    let aspect_ratio_idc = reader.bits(8, "aspect_ratio_idc")?;
    if aspect_ratio_idc == EXTENDED_SAR {
        let width = u16::try_from(reader.bits(16, "sar_width")?).unwrap_or(0);
        let height = u16::try_from(reader.bits(16, "sar_height")?).unwrap_or(0);
        return Ok((width != 0 && height != 0).then_some((width, height)));
    }
    let index = usize::try_from(aspect_ratio_idc)
        .ok()
        .and_then(|idc| idc.checked_sub(1));
    Ok(index.and_then(|index| SAMPLE_ASPECT_RATIOS.get(index)).copied())
}

/// A tick is a field (§E.2.1), so a frame takes two.
fn frame_rate(num_units_in_tick: u32, time_scale: u32) -> Option<f64> {
    let rate = f64::from(time_scale) / (2.0 * f64::from(num_units_in_tick));
    (rate > 0.0 && rate <= MAX_FRAME_RATE).then_some(rate)
}

/// §E.1.2
fn skip_hrd(reader: &mut BitReader<'_>) -> Result<(), SyntaxError> {
    let schedules = reader.ue_up_to(31, "cpb_cnt_minus1")? + 1;
    reader.bits(8, "bit_rate_scale, cpb_size_scale")?;
    for _ in 0..schedules {
        reader.ue("bit_rate_value_minus1")?;
        reader.ue("cpb_size_value_minus1")?;
        reader.flag("cbr_flag")?;
    }
    reader.bits(
        20,
        "initial_cpb_removal_delay_length_minus1, .., time_offset_length",
    )?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::parameters::Profile;

    /// Made by x264 from a test picture of the size and rate expected.
    const TWO_SLICES: &str = "6742c00ada11ec0440000003004000000c83c489a8";
    const HIGH: &str = "67640028acd940780227e5c04400000fa40003a9803c60c658";
    const INTERLACED: &str = "677a001eb6cd940b424d822501010140000003004000000c9898003d090007a12930c03e28532c";
    const ODD_SIZE: &str = "6742c016d900a42fe226c044000003000400000300783c58b920";
    const YUV444: &str = "67f4001e919b281405ff138088000003000800000301e078b16cb0";
    const GRAY: &str = "6764001ef3650280bfe27016c8000003000800000301e078b16cb0";
    const B_SLICES: &str = "674d400ae8823d80880000030008000003019078912890";

    fn bytes(hex: &str) -> Vec<u8> {
        let byte = |at: usize| u8::from_str_radix(&hex[at..at + 2], 16).expect("hexadecimal");
        (0..hex.len()).step_by(2).map(byte).collect()
    }

    fn parameters(hex: &str) -> VideoParameters {
        Sps::parse(&bytes(hex)).expect("an SPS").parameters()
    }

    #[test]
    fn profiles_levels_sizes_and_rates_are_read() {
        let cases = [
            (TWO_SLICES, Profile::ConstrainedBaseline, "1.0", (64, 48), 25.0, 0),
            (HIGH, Profile::High, "4.0", (1920, 1080), 30000.0 / 1001.0, 2),
            (INTERLACED, Profile::High422, "3.0", (720, 576), 25.0, 2),
            (ODD_SIZE, Profile::ConstrainedBaseline, "2.2", (642, 358), 15.0, 0),
            (YUV444, Profile::High444Predictive, "3.0", (640, 360), 30.0, 2),
            (GRAY, Profile::High, "3.0", (640, 360), 30.0, 2),
            (B_SLICES, Profile::Main, "1.0", (64, 48), 25.0, 1),
        ];
        for (hex, profile, level, size, frame_rate, reorder) in cases {
            let read = parameters(hex);
            assert_eq!(read.profile, profile, "{hex}");
            assert_eq!(read.level.to_string(), level, "{hex}");
            assert_eq!((read.width, read.height), size, "{hex}");
            assert_eq!(read.max_num_reorder_frames, Some(reorder), "{hex}");
            assert!(
                read.frame_rate
                    .is_some_and(|read| (read - frame_rate).abs() < 1e-9),
                "{hex}: {read:?}"
            );
        }
    }

    #[test]
    fn the_shape_of_a_pixel_is_read() {
        assert_eq!(parameters(INTERLACED).sample_aspect_ratio, Some((16, 11)));
        assert_eq!(parameters(HIGH).sample_aspect_ratio, Some((1, 1)));
    }

    /// Bytes from zeros and ones; the rest of the last byte is zeros.
    fn from_bits(bits: &str) -> Vec<u8> {
        let bits: Vec<u8> = bits
            .bytes()
            .filter(|bit| matches!(bit, b'0' | b'1'))
            .map(|bit| bit - b'0')
            .collect();
        bits.chunks(8)
            .map(|byte| (0..8).fold(0, |read, at| read << 1 | byte.get(at).unwrap_or(&0)))
            .collect()
    }

    #[test]
    fn scaling_lists_are_passed_over() {
        // Of the eight lists: a 4x4 one that falls back at its first entry (-8), a flat 4x4 one, a flat 8x8 one.
        let flat_4x4 = "1".repeat(16);
        let flat_8x8 = "1".repeat(64);
        let lists = format!("1 000010001  1 {flat_4x4}  0 0 0 0  1 {flat_8x8}  0");
        let before = "1 010 1 1 0 1"; // SPS 0, 4:2:0, 8 bits twice, no bypass, lists follow
        let size = "00000 101000 0000 10111 1 1 0 0"; // 40 and 23 macroblocks, frames only, no cropping, no VUI
        let bits = format!("{before} {lists} 1 1 1 010 0 {size} 1");
        let sps = [&[0x67, 100, 0, 31][..], &from_bits(&bits)].concat();
        let read = Sps::parse(&sps).expect("an SPS").parameters();
        assert_eq!((read.width, read.height), (640, 368));
    }

    #[test]
    fn constraint_flags_tell_the_profiles_of_one_number_apart() {
        let mut sps = bytes(TWO_SLICES);
        for (profile_idc, flags, name) in [
            (66, 0xe0, "Constrained Baseline"),
            (66, 0x00, "Baseline"),
            (77, 0x00, "Main"),
            (99, 0x00, "profile_idc 99"),
        ] {
            sps[1] = profile_idc;
            sps[2] = flags;
            let read = Sps::parse(&sps).expect("an SPS").parameters();
            assert_eq!(read.profile.to_string(), name);
            assert_eq!(
                read.profile_level_id().to_string(),
                format!("{profile_idc:02x}{flags:02x}0a")
            );
        }
        let mut sps = bytes(HIGH);
        for (flags, name) in [
            (0x00, "High"),
            (0x08, "Progressive High"),
            (0x0c, "Constrained High"),
        ] {
            sps[2] = flags;
            assert_eq!(
                Sps::parse(&sps).expect("an SPS").parameters().profile.to_string(),
                name
            );
        }
    }

    #[test]
    fn q92_an_sps_cut_off_in_its_vui_is_used_without() {
        let sps = bytes(HIGH);
        let mut sizes = Vec::new();
        for end in 0..sps.len() {
            if let Ok(cut) = Sps::parse(&sps[..end]) {
                sizes.push((cut.parameters().width, cut.parameters().frame_rate.is_some()));
            }
        }
        assert!(sizes.contains(&(1920, false)) && sizes.contains(&(1920, true)));
        assert!(sizes.iter().all(|&(width, _)| width == 1920));
    }

    #[test]
    fn q92_an_absurd_frame_rate_is_none() {
        assert_eq!(frame_rate(1, 90_000), None);
        assert_eq!(frame_rate(0, 50), None);
        assert_eq!(frame_rate(0, 0), None);
        assert_eq!(frame_rate(1, 50), Some(25.0));
    }

    #[test]
    fn q140_random_bytes_are_an_error_that_names_the_element() {
        let encrypted = Sps::parse(&[0x67, 0x8a, 0x93, 0x1c, 0x00, 0x40, 0x11, 0x5e]).expect_err("no SPS");
        assert_eq!(
            encrypted.to_string(),
            "SPS: seq_parameter_set_id is 511, above 31, at bit 43"
        );
    }

    #[test]
    fn cropping_that_leaves_nothing_is_an_error() {
        // 16x16, cropped by 8 pairs of columns: profile 66, level 10, then ue 0 0 2 1, 0, ue 0 0, 1, 1, 1, ue 8 0 0 0
        let sps = [
            0x67,
            66,
            0,
            10,
            0b1101_1010,
            0b0111_1100,
            0b0100_1111,
            0b1000_0000,
        ];
        let error = Sps::parse(&sps).expect_err("nothing is left");
        assert_eq!(
            error,
            SpsError::NothingLeft {
                width: 16,
                height: 16
            }
        );
    }

    #[test]
    fn another_nal_unit_is_no_sps() {
        assert_eq!(Sps::parse(&[]), Err(SpsError::WrongType));
        assert_eq!(Sps::parse(&[0x68, 0xce]), Err(SpsError::WrongType));
    }
}
