//! Supplemental enhancement information.

mod buffering_period;
mod pic_timing;
mod recovery_point;
mod user_data;

use thiserror::Error;

use crate::bitreader::{BitReader, SyntaxError};
use crate::emulation::RbspBytes;
use crate::nal::{NalHeader, NalUnitType};
use crate::sps::Sps;

pub use buffering_period::{BufferingPeriod, InitialDelay};
pub use pic_timing::{ClockTimestamp, CpbDelays, PicStruct, PicTiming};
pub use recovery_point::RecoveryPoint;
pub use user_data::{UserDataRegistered, UserDataUnregistered};

/// Why SEI cannot be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum SeiError {
    /// The NAL unit is of another type, or empty.
    #[error("not SEI")]
    WrongType,
    /// The NAL unit ends inside a message. There is none behind it.
    #[error("SEI: NAL unit ends at bit {bit} in payload type {payload_type} of {size} bytes")]
    CutOff {
        /// `payloadType`.
        payload_type: u32,
        /// `payloadSize` in bytes, as far as it could be read.
        size: usize,
        /// Bits in front of the payload, emulation prevention bytes not counted.
        bit: usize,
    },
    /// A syntax element of a payload is cut off or out of range.
    #[error("SEI payload type {payload_type}: {error}")]
    Syntax {
        /// `payloadType`.
        payload_type: u32,
        /// What is wrong.
        error: SyntaxError,
    },
    /// The payload cannot be read without its sequence parameter set, or the one at hand is another.
    #[error("SEI payload type {payload_type}: its SPS is not known")]
    UnknownSps {
        /// `payloadType`.
        payload_type: u32,
    },
}

/// The messages of an SEI NAL unit, header byte included, start code not.
///
/// ```
/// use throughline_h264::sei::{self, SeiPayload};
///
/// for message in sei::messages(&[0x06, 0x06, 0x01, 0xc4, 0x80])? {
///     let message = message?;
///     if let SeiPayload::RecoveryPoint(point) = message.read(None)? {
///         assert_eq!((point.recovery_frame_cnt, point.is_exact_match), (0, true));
///     }
/// }
/// # Ok::<(), sei::SeiError>(())
/// ```
pub fn messages(nal: &[u8]) -> Result<SeiMessages<'_>, SeiError> {
    let (&header, payload) = nal.split_first().ok_or(SeiError::WrongType)?;
    if NalHeader::from_byte(header).nal_unit_type() != NalUnitType::Sei {
        return Err(SeiError::WrongType);
    }
    let end = payload
        .iter()
        .rposition(|&byte| byte != 0)
        .map_or(0, |last| last + 1);
    let trimmed = payload.get(..end).unwrap_or_default();
    // Messages are whole bytes, so the trailing bits are one as well.
    let messages = trimmed.strip_suffix(&[0x80]).unwrap_or(trimmed);
    Ok(SeiMessages {
        rest: RbspBytes::new(messages),
        bytes_read: 0,
    })
}

/// Iterator of [`messages`]. Each message takes two bytes at least, and an error is the last item.
#[derive(Clone, Debug)]
pub struct SeiMessages<'a> {
    rest: RbspBytes<'a>,
    bytes_read: usize,
}

impl<'a> Iterator for SeiMessages<'a> {
    type Item = Result<SeiMessage<'a>, SeiError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.rest.is_empty() {
            return None;
        }
        let message = self.read_message();
        if message.is_err() {
            self.rest = RbspBytes::new(&[]);
        }
        Some(message)
    }
}

impl<'a> SeiMessages<'a> {
    fn read_message(&mut self) -> Result<SeiMessage<'a>, SeiError> {
        let payload_type = self.read_number();
        let size = self.read_number();
        let bit = self.bytes_read.saturating_mul(8);
        let cut_off = SeiError::CutOff {
            payload_type: payload_type.unwrap_or(u32::MAX),
            size: usize::try_from(size.unwrap_or(u32::MAX)).unwrap_or(usize::MAX),
            bit,
        };
        let (Some(payload_type), Some(size)) = (payload_type, size) else {
            return Err(cut_off);
        };
        let size = usize::try_from(size).unwrap_or(usize::MAX);
        let payload = self.rest.split_off(size).ok_or(cut_off)?;
        self.bytes_read += size;
        Ok(SeiMessage {
            payload_type,
            size,
            bit,
            payload,
        })
    }

    /// Bytes of 255 and one of less, added up.
    fn read_number(&mut self) -> Option<u32> {
        let mut number = 0u32;
        loop {
            let byte = self.rest.next()?;
            self.bytes_read += 1;
            number = number.saturating_add(u32::from(byte));
            if byte != u8::MAX {
                return Some(number);
            }
        }
    }
}

/// One message as it stands.
#[derive(Clone, Debug)]
pub struct SeiMessage<'a> {
    payload_type: u32,
    size: usize,
    /// Bits of the NAL unit in front of the payload.
    bit: usize,
    payload: RbspBytes<'a>,
}

/// What a message says ([ITU-T H.264](https://www.itu.int/rec/T-REC-H.264) Annex D).
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum SeiPayload<'a> {
    /// 0: how full the decoder's buffer is here.
    BufferingPeriod(BufferingPeriod),
    /// 1: when and how the picture is shown.
    PicTiming(PicTiming),
    /// 4: user data by ITU-T T.35, such as captions.
    UserDataRegistered(UserDataRegistered<'a>),
    /// 5: user data under an identifier, such as an encoder's name.
    UserDataUnregistered(UserDataUnregistered<'a>),
    /// 6: decoding may begin here, though this is no IDR picture.
    RecoveryPoint(RecoveryPoint),
    /// Any other type; [`SeiMessage::bytes`] has it.
    Other,
}

impl<'a> SeiMessage<'a> {
    /// `payloadType`.
    pub const fn payload_type(&self) -> u32 {
        self.payload_type
    }

    /// `payloadSize` in bytes, emulation prevention bytes not counted.
    pub const fn size(&self) -> usize {
        self.size
    }

    /// The payload, emulation prevention removed.
    pub fn bytes(&self) -> RbspBytes<'a> {
        self.payload.clone()
    }

    /// Reads the payload. `sps` is the active sequence parameter set, without which buffering periods and picture
    /// timings cannot be read.
    pub fn read(&self, sps: Option<&Sps>) -> Result<SeiPayload<'a>, SeiError> {
        let payload_type = self.payload_type;
        let reader = &mut BitReader::at(self.bytes(), self.bit);
        let with_sps = sps.ok_or(SeiError::UnknownSps { payload_type });
        let payload = match payload_type {
            0 => {
                let sps = with_sps?;
                let id = reader
                    .ue_u8(31, "seq_parameter_set_id")
                    .map_err(|error| SeiError::Syntax { payload_type, error })?;
                if id != sps.id() {
                    return Err(SeiError::UnknownSps { payload_type });
                }
                BufferingPeriod::read(reader, sps).map(SeiPayload::BufferingPeriod)
            }
            1 => PicTiming::read(reader, with_sps?).map(SeiPayload::PicTiming),
            4 => UserDataRegistered::read(self.bytes(), self.bit).map(SeiPayload::UserDataRegistered),
            5 => UserDataUnregistered::read(self.bytes(), self.bit).map(SeiPayload::UserDataUnregistered),
            6 => RecoveryPoint::read(reader).map(SeiPayload::RecoveryPoint),
            _ => Ok(SeiPayload::Other),
        };
        payload.map_err(|error| SeiError::Syntax { payload_type, error })
    }
}

#[cfg(test)]
mod tests;
