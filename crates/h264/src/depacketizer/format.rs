//! What the session description says about the payloads.

use thiserror::Error;

use crate::depacketizer::PayloadStructure;

/// `packetization-mode` ([RFC 6184 §6.1](https://www.rfc-editor.org/rfc/rfc6184#section-6.1)).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum PacketizationMode {
    /// 0, or not stated: single NAL units only.
    #[default]
    SingleNalUnit,
    /// 1: single NAL units, STAP-A and FU-A.
    NonInterleaved,
    /// 2: STAP-B, MTAP, FU-A and FU-B, perhaps in another order than that of decoding.
    Interleaved,
}

impl PacketizationMode {
    /// Whether the mode has a payload structure
    /// ([RFC 6184 §5.4](https://www.rfc-editor.org/rfc/rfc6184#section-5.4), table 3).
    pub const fn has(self, structure: PayloadStructure) -> bool {
        use PayloadStructure as S;
        match self {
            Self::SingleNalUnit => matches!(structure, S::SingleNalUnit),
            Self::NonInterleaved => matches!(structure, S::SingleNalUnit | S::StapA | S::FuA),
            Self::Interleaved => !matches!(structure, S::SingleNalUnit | S::StapA),
        }
    }
}

/// The parameters of `a=fmtp` on which reading payloads depends
/// ([RFC 6184 §8.1](https://www.rfc-editor.org/rfc/rfc6184#section-8.1)).
///
/// ```
/// use throughline_h264::{PacketizationMode, PayloadFormat};
///
/// let fmtp = [("packetization-mode", "2"), ("sprop-interleaving-depth", "5"), ("profile-level-id", "42e01f")];
/// let format = PayloadFormat::from_parameters(fmtp)?;
/// assert_eq!(format.packetization_mode, Some(PacketizationMode::Interleaved));
/// assert_eq!(format.interleaving_depth, Some(5));
///
/// let error = PayloadFormat::from_parameters([("sprop-max-don-diff", "many")]).expect_err("not a number");
/// assert_eq!(error.to_string(), "sprop-max-don-diff is not a number from 0 to 32767");
/// # Ok::<(), throughline_h264::PayloadFormatError>(())
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct PayloadFormat {
    /// `packetization-mode`. Without one nothing is held against any payload structure.
    pub packetization_mode: Option<PacketizationMode>,
    /// `sprop-interleaving-depth`: the most slices that are sent in front of one that they follow in decoding order.
    pub interleaving_depth: Option<u16>,
    /// `sprop-deint-buf-req`: bytes that putting them into decoding order takes.
    pub deint_buf_req: Option<u32>,
    /// `sprop-max-don-diff`: how far the decoding order numbers of the NAL units in that buffer are apart at most.
    pub max_don_diff: Option<u16>,
}

/// A parameter of `a=fmtp` that has no possible value. Everything can be read without it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("{parameter} is not a number from 0 to {limit}")]
pub struct PayloadFormatError {
    /// Name of the parameter.
    pub parameter: &'static str,
    /// Its highest value.
    pub limit: u32,
}

impl PayloadFormat {
    /// Reads names and values, whatever the case of the names; those that do not matter here are passed over.
    pub fn from_parameters<'a>(
        parameters: impl IntoIterator<Item = (&'a str, &'a str)>,
    ) -> Result<Self, PayloadFormatError> {
        let mut format = Self {
            packetization_mode: Some(PacketizationMode::default()),
            ..Self::default()
        };
        for (name, value) in parameters {
            let is = |parameter: &str| name.eq_ignore_ascii_case(parameter);
            if is("packetization-mode") {
                let mode = number(value, "packetization-mode", 2)?;
                format.packetization_mode = Some(match mode {
                    0 => PacketizationMode::SingleNalUnit,
                    1 => PacketizationMode::NonInterleaved,
                    _ => PacketizationMode::Interleaved,
                });
            } else if is("sprop-interleaving-depth") {
                format.interleaving_depth = Some(number_16(value, "sprop-interleaving-depth")?);
            } else if is("sprop-deint-buf-req") {
                format.deint_buf_req = Some(number(value, "sprop-deint-buf-req", u32::MAX)?);
            } else if is("sprop-max-don-diff") {
                format.max_don_diff = Some(number_16(value, "sprop-max-don-diff")?);
            }
        }
        Ok(format)
    }
}

fn number(value: &str, parameter: &'static str, limit: u32) -> Result<u32, PayloadFormatError> {
    let number = value.trim().parse().ok().filter(|number| *number <= limit);
    number.ok_or(PayloadFormatError { parameter, limit })
}

fn number_16(value: &str, parameter: &'static str) -> Result<u16, PayloadFormatError> {
    const LIMIT: u16 = 32_767;
    let number = number(value, parameter, u32::from(LIMIT))?;
    Ok(u16::try_from(number).unwrap_or(LIMIT))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_stated_is_mode_0() {
        let format = PayloadFormat::from_parameters([("profile-level-id", "42e01f")]).expect("sound");
        assert_eq!(format.packetization_mode, Some(PacketizationMode::SingleNalUnit));
        assert_eq!(format.interleaving_depth, None);
    }

    #[test]
    fn a_value_beyond_its_range_is_named() {
        let error = PayloadFormat::from_parameters([("Packetization-Mode", "3")]).expect_err("no such mode");
        assert_eq!(
            error.to_string(),
            "packetization-mode is not a number from 0 to 2"
        );
        for name in ["sprop-interleaving-depth", "sprop-max-don-diff"] {
            assert!(
                PayloadFormat::from_parameters([(name, "32768")]).is_err(),
                "{name}"
            );
            assert!(PayloadFormat::from_parameters([(name, "-1")]).is_err(), "{name}");
        }
        assert!(PayloadFormat::from_parameters([("sprop-deint-buf-req", "4294967295")]).is_ok());
    }
}
