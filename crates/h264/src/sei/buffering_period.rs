use crate::bitreader::{BitReader, SyntaxError};
use crate::sps::{Hrd, Sps};

/// How long the first bits wait in the buffer, for one schedule. Units of 1/90,000 s.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct InitialDelay {
    /// `initial_cpb_removal_delay`.
    pub delay: u32,
    /// `initial_cpb_removal_delay_offset`.
    pub offset: u32,
}

/// `buffering_period` ([ITU-T H.264](https://www.itu.int/rec/T-REC-H.264) §D.2.2). Each list has an entry for each schedule of the SPS, at most
/// [`MAX_SCHEDULES`](crate::MAX_SCHEDULES), and none without such parameters.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BufferingPeriod {
    /// `seq_parameter_set_id`.
    pub sps_id: u8,
    /// For the stream with all its NAL units.
    pub nal: Box<[InitialDelay]>,
    /// For its slices only.
    pub vcl: Box<[InitialDelay]>,
}

impl BufferingPeriod {
    /// Reads what follows `seq_parameter_set_id`, which is that of `sps`.
    pub(super) fn read(reader: &mut BitReader<'_>, sps: &Sps) -> Result<Self, SyntaxError> {
        let vui = sps.vui();
        Ok(Self {
            sps_id: sps.id(),
            nal: read_delays(reader, vui.and_then(|vui| vui.nal_hrd.as_ref()))?,
            vcl: read_delays(reader, vui.and_then(|vui| vui.vcl_hrd.as_ref()))?,
        })
    }
}

fn read_delays(reader: &mut BitReader<'_>, hrd: Option<&Hrd>) -> Result<Box<[InitialDelay]>, SyntaxError> {
    let Some(hrd) = hrd else {
        return Ok(Box::default());
    };
    let length = hrd.initial_cpb_removal_delay_length;
    let delays = hrd.schedules.iter().map(|_| {
        Ok(InitialDelay {
            delay: reader.bits(length, "initial_cpb_removal_delay")?,
            offset: reader.bits(length, "initial_cpb_removal_delay_offset")?,
        })
    });
    delays.collect()
}
