//! Usability information: what the samples mean and when they are shown.

use super::hrd::Hrd;
use crate::bitreader::{BitReader, SyntaxError};

/// Pictures per second above which `time_scale` and `num_units_in_tick` are taken for nonsense (Q92): cameras exist up to 240.
const MAX_FRAME_RATE: f64 = 480.0;

/// Extended_SAR of Table E-1.
const EXTENDED_SAR: u8 = 255;

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

/// What the numbers of `video_signal_type` mean for colours; [ITU-T H.273](https://www.itu.int/rec/T-REC-H.273) lists the values.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Colour {
    /// `colour_primaries`; 1 is BT.709, 2 unspecified.
    pub primaries: u8,
    /// `transfer_characteristics`; 1 is BT.709, 2 unspecified.
    pub transfer: u8,
    /// `matrix_coefficients`; 1 is BT.709, 2 unspecified.
    pub matrix: u8,
}

/// `timing_info` as it stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Timing {
    /// `num_units_in_tick`: units of the clock in a tick, which is a field.
    pub num_units_in_tick: u32,
    /// `time_scale`: units of the clock in a second.
    pub time_scale: u32,
    /// `fixed_frame_rate_flag`.
    pub is_fixed_frame_rate: bool,
}

impl Timing {
    /// Frames per second, where that is believable: above 0, up to 480. Two ticks make a frame (§E.2.1).
    pub fn frame_rate(&self) -> Option<f64> {
        let rate = f64::from(self.time_scale) / (2.0 * f64::from(self.num_units_in_tick));
        (rate > 0.0 && rate <= MAX_FRAME_RATE).then_some(rate)
    }
}

/// `bitstream_restriction`: what an encoder promises not to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BitstreamRestriction {
    /// `motion_vectors_over_pic_boundaries_flag`.
    pub motion_vectors_over_pic_boundaries: bool,
    /// `max_bytes_per_pic_denom`, 0 to 16; 0 is no promise.
    pub max_bytes_per_pic_denom: u8,
    /// `max_bits_per_mb_denom`, 0 to 16; 0 is no promise.
    pub max_bits_per_mb_denom: u8,
    /// `log2_max_mv_length_horizontal`, 0 to 16: quarters of a sample.
    pub log2_max_mv_length_horizontal: u8,
    /// `log2_max_mv_length_vertical`, 0 to 16: quarters of a sample.
    pub log2_max_mv_length_vertical: u8,
    /// `max_num_reorder_frames`, 0 to 16: frames that may precede another one in decoding order and follow it in output order.
    pub max_num_reorder_frames: u8,
    /// `max_dec_frame_buffering`, 0 to 16: frames a decoder has to keep.
    pub max_dec_frame_buffering: u8,
}

/// `vui_parameters()` ([ITU-T H.264](https://www.itu.int/rec/T-REC-H.264) §E.1.1). `None` is what is not signalled.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Vui {
    /// Width and height of one sample relative to each other, neither of them 0.
    pub sample_aspect_ratio: Option<(u16, u16)>,
    /// `overscan_appropriate_flag`.
    pub is_overscan_appropriate: Option<bool>,
    /// `video_format`, 0 to 7; 5 is unspecified.
    pub video_format: Option<u8>,
    /// `video_full_range_flag`: luma uses 0 to 255, not 16 to 235.
    pub is_full_range: bool,
    /// How to turn samples into colours.
    pub colour: Option<Colour>,
    /// `chroma_sample_loc_type` of the top and the bottom field, 0 to 5.
    pub chroma_sample_location: Option<(u8, u8)>,
    /// The clock of the frames.
    pub timing: Option<Timing>,
    /// Rate and buffer of the stream with all its NAL units.
    pub nal_hrd: Option<Hrd>,
    /// Rate and buffer of its slices only.
    pub vcl_hrd: Option<Hrd>,
    /// `low_delay_hrd_flag`.
    pub is_low_delay: bool,
    /// `pic_struct_present_flag`: picture timing SEI says how each picture is shown.
    pub is_pic_struct_present: bool,
    /// What the encoder promises.
    pub restriction: Option<BitstreamRestriction>,
}

/// Where usability information stops being sound.
#[derive(Clone, Copy, Debug)]
pub(super) struct Fault {
    pub(super) element: &'static str,
    pub(super) bit: usize,
}

impl From<SyntaxError> for Fault {
    fn from(error: SyntaxError) -> Self {
        Self {
            element: error.element(),
            bit: error.bit(),
        }
    }
}

impl Vui {
    /// The information if there is some, and where it goes wrong first. What was read before a fault stays.
    pub(super) fn read(reader: &mut BitReader<'_>) -> (Option<Self>, Option<Fault>) {
        match reader.flag("vui_parameters_present_flag") {
            Ok(false) => (None, None),
            Err(error) => (None, Some(error.into())),
            Ok(true) => {
                let mut vui = Self::default();
                let mut absurd = None;
                let result = vui.read_parameters(reader, &mut absurd);
                (Some(vui), absurd.or(result.err().map(Fault::from)))
            }
        }
    }

    fn read_parameters(
        &mut self,
        reader: &mut BitReader<'_>,
        absurd: &mut Option<Fault>,
    ) -> Result<(), SyntaxError> {
        if reader.flag("aspect_ratio_info_present_flag")? {
            self.sample_aspect_ratio = read_aspect_ratio(reader)?;
        }
        if reader.flag("overscan_info_present_flag")? {
            self.is_overscan_appropriate = Some(reader.flag("overscan_appropriate_flag")?);
        }
        if reader.flag("video_signal_type_present_flag")? {
            self.read_signal_type(reader)?;
        }
        if reader.flag("chroma_loc_info_present_flag")? {
            let top = reader.ue_u8(5, "chroma_sample_loc_type_top_field")?;
            let bottom = reader.ue_u8(5, "chroma_sample_loc_type_bottom_field")?;
            self.chroma_sample_location = Some((top, bottom));
        }
        if reader.flag("timing_info_present_flag")? {
            let timing = Timing {
                num_units_in_tick: reader.bits(32, "num_units_in_tick")?,
                time_scale: reader.bits(32, "time_scale")?,
                is_fixed_frame_rate: reader.flag("fixed_frame_rate_flag")?,
            };
            self.timing = Some(timing);
            if timing.frame_rate().is_none() {
                absurd.get_or_insert(Fault {
                    element: "time_scale",
                    bit: reader.position(),
                });
            }
        }
        if reader.flag("nal_hrd_parameters_present_flag")? {
            self.nal_hrd = Some(Hrd::read(reader)?);
        }
        if reader.flag("vcl_hrd_parameters_present_flag")? {
            self.vcl_hrd = Some(Hrd::read(reader)?);
        }
        if self.hrd().is_some() {
            self.is_low_delay = reader.flag("low_delay_hrd_flag")?;
        }
        self.is_pic_struct_present = reader.flag("pic_struct_present_flag")?;
        if reader.flag("bitstream_restriction_flag")? {
            let restriction = BitstreamRestriction::read(reader)?;
            if restriction.max_num_reorder_frames <= restriction.max_dec_frame_buffering {
                self.restriction = Some(restriction);
            } else {
                absurd.get_or_insert(Fault {
                    element: "max_num_reorder_frames",
                    bit: reader.position(),
                });
            }
        }
        Ok(())
    }

    fn read_signal_type(&mut self, reader: &mut BitReader<'_>) -> Result<(), SyntaxError> {
        self.video_format = Some(reader.u8(3, "video_format")?);
        self.is_full_range = reader.flag("video_full_range_flag")?;
        if reader.flag("colour_description_present_flag")? {
            self.colour = Some(Colour {
                primaries: reader.u8(8, "colour_primaries")?,
                transfer: reader.u8(8, "transfer_characteristics")?,
                matrix: reader.u8(8, "matrix_coefficients")?,
            });
        }
        Ok(())
    }

    /// The parameters by which SEI messages are read: those of the NAL units, else those of the slices.
    pub fn hrd(&self) -> Option<&Hrd> {
        self.nal_hrd.as_ref().or(self.vcl_hrd.as_ref())
    }
}

impl BitstreamRestriction {
    fn read(reader: &mut BitReader<'_>) -> Result<Self, SyntaxError> {
        Ok(Self {
            motion_vectors_over_pic_boundaries: reader.flag("motion_vectors_over_pic_boundaries_flag")?,
            max_bytes_per_pic_denom: reader.ue_u8(16, "max_bytes_per_pic_denom")?,
            max_bits_per_mb_denom: reader.ue_u8(16, "max_bits_per_mb_denom")?,
            log2_max_mv_length_horizontal: reader.ue_u8(16, "log2_max_mv_length_horizontal")?,
            log2_max_mv_length_vertical: reader.ue_u8(16, "log2_max_mv_length_vertical")?,
            max_num_reorder_frames: reader.ue_u8(16, "max_num_reorder_frames")?,
            max_dec_frame_buffering: reader.ue_u8(16, "max_dec_frame_buffering")?,
        })
    }
}

fn read_aspect_ratio(reader: &mut BitReader<'_>) -> Result<Option<(u16, u16)>, SyntaxError> {
    let aspect_ratio_idc = reader.u8(8, "aspect_ratio_idc")?;
    if aspect_ratio_idc == EXTENDED_SAR {
        let width = reader.u16("sar_width")?;
        let height = reader.u16("sar_height")?;
        return Ok((width != 0 && height != 0).then_some((width, height)));
    }
    let index = usize::from(aspect_ratio_idc).checked_sub(1);
    Ok(index.and_then(|index| SAMPLE_ASPECT_RATIOS.get(index)).copied())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn q92_an_absurd_frame_rate_is_none() {
        let frame_rate = |num_units_in_tick, time_scale| {
            let is_fixed_frame_rate = true;
            let timing = Timing {
                num_units_in_tick,
                time_scale,
                is_fixed_frame_rate,
            };
            timing.frame_rate()
        };
        assert_eq!(frame_rate(1, 90_000), None);
        assert_eq!(frame_rate(0, 50), None);
        assert_eq!(frame_rate(0, 0), None);
        assert_eq!(frame_rate(1, 50), Some(25.0));
    }
}
