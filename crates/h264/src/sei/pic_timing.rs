use crate::bitreader::{BitReader, SyntaxError};
use crate::sps::Sps;

/// Bits of `time_offset` where the SPS does not say (§E.2.2).
const DEFAULT_TIME_OFFSET_LENGTH: u8 = 24;

/// How a picture is shown (`pic_struct`, [ITU-T H.264](https://www.itu.int/rec/T-REC-H.264) Table D-1).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum PicStruct {
    /// 0
    Frame,
    /// 1
    TopField,
    /// 2
    BottomField,
    /// 3: top field, then bottom field.
    TopBottom,
    /// 4: bottom field, then top field.
    BottomTop,
    /// 5: top, bottom, top again.
    TopBottomTop,
    /// 6: bottom, top, bottom again.
    BottomTopBottom,
    /// 7: the frame twice.
    FrameDoubling,
    /// 8: the frame thrice.
    FrameTripling,
}

impl PicStruct {
    const ALL: [Self; 9] = [
        Self::Frame,
        Self::TopField,
        Self::BottomField,
        Self::TopBottom,
        Self::BottomTop,
        Self::TopBottomTop,
        Self::BottomTopBottom,
        Self::FrameDoubling,
        Self::FrameTripling,
    ];

    /// `NumClockTS`, 1 to 3.
    const fn clock_timestamps(self) -> usize {
        match self {
            Self::Frame | Self::TopField | Self::BottomField => 1,
            Self::TopBottom | Self::BottomTop | Self::FrameDoubling => 2,
            Self::TopBottomTop | Self::BottomTopBottom | Self::FrameTripling => 3,
        }
    }
}

/// When an access unit leaves the buffers of the hypothetical decoder, in ticks ([`Timing`](crate::Timing)).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CpbDelays {
    /// `cpb_removal_delay`: from the last buffering period to decoding.
    pub cpb_removal_delay: u32,
    /// `dpb_output_delay`: from decoding to output.
    pub dpb_output_delay: u32,
}

/// When the picture was taken, by the encoder's own clock.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "independent flags of the standard, each read by its name"
)]
pub struct ClockTimestamp {
    /// `ct_type`: 0 progressive, 1 interlaced, 2 unknown, 3 reserved.
    pub ct_type: u8,
    /// `nuit_field_based_flag`: counts fields, not frames.
    pub is_field_based: bool,
    /// `counting_type`, 0 to 31: which counts are left out.
    pub counting_type: u8,
    /// `full_timestamp_flag`: seconds, minutes and hours are all there.
    pub is_full: bool,
    /// `discontinuity_flag`: not to be set against the timestamp before.
    pub is_discontinuity: bool,
    /// `cnt_dropped_flag`: a count was left out.
    pub is_count_dropped: bool,
    /// `n_frames`: frames within the second.
    pub n_frames: u8,
    /// `seconds_value`, 0 to 59.
    pub seconds: Option<u8>,
    /// `minutes_value`, 0 to 59.
    pub minutes: Option<u8>,
    /// `hours_value`, 0 to 23.
    pub hours: Option<u8>,
    /// `time_offset`: units of `time_scale` to add.
    pub time_offset: i32,
}

/// `pic_timing` ([ITU-T H.264](https://www.itu.int/rec/T-REC-H.264) §D.1.3).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PicTiming {
    /// Where the SPS has parameters of a hypothetical decoder.
    pub delays: Option<CpbDelays>,
    /// Where the SPS says that it is there.
    pub pic_struct: Option<PicStruct>,
    /// For each field or repetition, as many as `pic_struct` has.
    pub clock_timestamps: [Option<ClockTimestamp>; 3],
}

impl PicTiming {
    pub(super) fn read(reader: &mut BitReader<'_>, sps: &Sps) -> Result<Self, SyntaxError> {
        let mut timing = Self {
            delays: None,
            pic_struct: None,
            clock_timestamps: [None; 3],
        };
        let Some(vui) = sps.vui() else {
            return Ok(timing);
        };
        let mut time_offset_length = DEFAULT_TIME_OFFSET_LENGTH;
        if let Some(hrd) = vui.hrd() {
            time_offset_length = hrd.time_offset_length;
            timing.delays = Some(CpbDelays {
                cpb_removal_delay: reader.bits(hrd.cpb_removal_delay_length, "cpb_removal_delay")?,
                dpb_output_delay: reader.bits(hrd.dpb_output_delay_length, "dpb_output_delay")?,
            });
        }
        if vui.is_pic_struct_present {
            let pic_struct = read_pic_struct(reader)?;
            timing.pic_struct = Some(pic_struct);
            for timestamp in timing
                .clock_timestamps
                .iter_mut()
                .take(pic_struct.clock_timestamps())
            {
                if reader.flag("clock_timestamp_flag")? {
                    *timestamp = Some(ClockTimestamp::read(reader, time_offset_length)?);
                }
            }
        }
        Ok(timing)
    }
}

fn read_pic_struct(reader: &mut BitReader<'_>) -> Result<PicStruct, SyntaxError> {
    let number = reader.u8_up_to(4, 8, "pic_struct")?;
    Ok(PicStruct::ALL
        .get(usize::from(number))
        .copied()
        .unwrap_or(PicStruct::Frame))
}

impl ClockTimestamp {
    fn read(reader: &mut BitReader<'_>, time_offset_length: u8) -> Result<Self, SyntaxError> {
        let mut timestamp = Self {
            ct_type: reader.u8(2, "ct_type")?,
            is_field_based: reader.flag("nuit_field_based_flag")?,
            counting_type: reader.u8(5, "counting_type")?,
            is_full: reader.flag("full_timestamp_flag")?,
            is_discontinuity: reader.flag("discontinuity_flag")?,
            is_count_dropped: reader.flag("cnt_dropped_flag")?,
            n_frames: reader.u8(8, "n_frames")?,
            seconds: None,
            minutes: None,
            hours: None,
            time_offset: 0,
        };
        let is_full = timestamp.is_full;
        if is_full || reader.flag("seconds_flag")? {
            timestamp.seconds = Some(reader.u8_up_to(6, 59, "seconds_value")?);
            if is_full || reader.flag("minutes_flag")? {
                timestamp.minutes = Some(reader.u8_up_to(6, 59, "minutes_value")?);
                if is_full || reader.flag("hours_flag")? {
                    timestamp.hours = Some(reader.u8_up_to(5, 23, "hours_value")?);
                }
            }
        }
        timestamp.time_offset = reader.signed(time_offset_length, "time_offset")?;
        Ok(timestamp)
    }
}
