//! Hypothetical reference decoder parameters: how fast the bits come and how many may wait.

use crate::bitreader::{BitReader, SyntaxError};

/// Limit of `cpb_cnt_minus1` + 1 ([ITU-T H.264](https://www.itu.int/rec/T-REC-H.264) §E.2.2).
pub const MAX_SCHEDULES: usize = 32;

/// One way to deliver the stream: rate and buffer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Schedule {
    /// Highest rate in bits per second.
    pub bit_rate: u64,
    /// Size of the coded picture buffer in bits.
    pub cpb_size: u64,
    /// Whether the rate is constant (`cbr_flag`).
    pub is_constant: bool,
}

/// `hrd_parameters()` ([ITU-T H.264](https://www.itu.int/rec/T-REC-H.264) §E.1.2).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hrd {
    /// One to [`MAX_SCHEDULES`], the slowest first.
    pub schedules: Box<[Schedule]>,
    /// Bits of `initial_cpb_removal_delay` in SEI, 1 to 32.
    pub initial_cpb_removal_delay_length: u8,
    /// Bits of `cpb_removal_delay` in SEI, 1 to 32.
    pub cpb_removal_delay_length: u8,
    /// Bits of `dpb_output_delay` in SEI, 1 to 32.
    pub dpb_output_delay_length: u8,
    /// Bits of `time_offset` in SEI, 0 to 31.
    pub time_offset_length: u8,
}

impl Hrd {
    pub(super) fn read(reader: &mut BitReader<'_>) -> Result<Self, SyntaxError> {
        let count = reader.ue_up_to(31, "cpb_cnt_minus1")? + 1;
        let bit_rate_scale = reader.u8(4, "bit_rate_scale")?;
        let cpb_size_scale = reader.u8(4, "cpb_size_scale")?;
        let schedules = (0..count).map(|_| {
            Ok(Schedule {
                bit_rate: (u64::from(reader.ue("bit_rate_value_minus1")?) + 1) << (6 + bit_rate_scale),
                cpb_size: (u64::from(reader.ue("cpb_size_value_minus1")?) + 1) << (4 + cpb_size_scale),
                is_constant: reader.flag("cbr_flag")?,
            })
        });
        Ok(Self {
            schedules: schedules.collect::<Result<_, SyntaxError>>()?,
            initial_cpb_removal_delay_length: reader.u8(5, "initial_cpb_removal_delay_length_minus1")? + 1,
            cpb_removal_delay_length: reader.u8(5, "cpb_removal_delay_length_minus1")? + 1,
            dpb_output_delay_length: reader.u8(5, "dpb_output_delay_length_minus1")? + 1,
            time_offset_length: reader.u8(5, "time_offset_length")?,
        })
    }

    /// The highest rate of all schedules in bits per second.
    pub fn max_bit_rate(&self) -> u64 {
        self.schedules
            .iter()
            .map(|schedule| schedule.bit_rate)
            .max()
            .unwrap_or(0)
    }
}
