//! What can be wrong with a payload.

use std::fmt;

use thiserror::Error;

use crate::access_unit::Timestamp;
use crate::depacketizer::MAX_NAL_UNITS;
use crate::parameter_sets::ParameterSetError;

/// How a payload holds NAL units ([RFC 6184 §5.2](https://www.rfc-editor.org/rfc/rfc6184#section-5.2)), told by the
/// type in its first byte. All are read whatever `packetization-mode` the session description declares (Q69).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum PayloadStructure {
    /// 1 to 23: one NAL unit. Also what the reserved numbers 0, 30 and 31 are taken for.
    SingleNalUnit,
    /// 24: several NAL units of one timestamp.
    StapA,
    /// 25: the same with a decoding order number.
    StapB,
    /// 26: several NAL units of several timestamps, 16-bit offsets.
    Mtap16,
    /// 27: the same with 24-bit offsets.
    Mtap24,
    /// 28: a fragment of a NAL unit.
    FuA,
    /// 29: the same with a decoding order number.
    FuB,
}

impl PayloadStructure {
    /// The structure of a payload; none if it is empty.
    pub fn of(payload: &[u8]) -> Option<Self> {
        Some(match payload.first()? & 0x1f {
            24 => Self::StapA,
            25 => Self::StapB,
            26 => Self::Mtap16,
            27 => Self::Mtap24,
            28 => Self::FuA,
            29 => Self::FuB,
            _ => Self::SingleNalUnit,
        })
    }
}

impl fmt::Display for PayloadStructure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::SingleNalUnit => "single NAL unit",
            Self::StapA => "STAP-A",
            Self::StapB => "STAP-B",
            Self::Mtap16 => "MTAP16",
            Self::Mtap24 => "MTAP24",
            Self::FuA => "FU-A",
            Self::FuB => "FU-B",
        })
    }
}

/// Why a payload, or a part of it, was passed over. The caller knows its sequence number and adds it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum DepacketizeError {
    /// There is no byte in it.
    #[error("empty payload")]
    Empty,
    /// An FU-A payload without the FU header.
    #[error("FU-A payload of {length} bytes has no FU header")]
    TruncatedFragment {
        /// Bytes of the payload.
        length: usize,
    },
    /// A structure that is not read.
    #[error("{0} payloads are not supported")]
    Unsupported(PayloadStructure),
    /// A number that no NAL unit may have: 0, or RTP's own inside of an aggregation or fragment. Encrypted payloads
    /// look so too.
    #[error("NAL unit type {nal_unit_type} is not allowed here")]
    ReservedType {
        /// The number.
        nal_unit_type: u8,
    },
    /// `forbidden_zero_bit` is set: somebody found bit errors in the NAL unit.
    #[error("NAL unit header {header:#04x} has the forbidden bit set")]
    ForbiddenBit {
        /// The header byte.
        header: u8,
    },
    /// An SPS or PPS that cannot be used; the NAL unit stays in its access unit.
    #[error(transparent)]
    ParameterSet(#[from] ParameterSetError),
    /// The access unit went past
    /// [`max_access_unit_bytes`](crate::DepacketizerConfig::max_access_unit_bytes) and was given up.
    #[error("access unit of timestamp {} is above the limit of bytes", timestamp.0)]
    AccessUnitTooLarge {
        /// Timestamp of the access unit.
        timestamp: Timestamp,
    },
    /// The access unit went past [`MAX_NAL_UNITS`] and was given up.
    #[error("access unit of timestamp {} has more than {MAX_NAL_UNITS} NAL units", timestamp.0)]
    TooManyNalUnits {
        /// Timestamp of the access unit.
        timestamp: Timestamp,
    },
}
