//! What can be wrong with a payload.

use std::fmt;

use thiserror::Error;

use crate::access_unit::Timestamp;
use crate::depacketizer::{MAX_DEINTERLEAVING_BYTES, MAX_NAL_UNITS};
use crate::parameter_sets::ParameterSetError;
use crate::tolerance::Tolerance;

/// How a payload holds NAL units ([RFC 6184 §5.2](https://www.rfc-editor.org/rfc/rfc6184#section-5.2)), told by the
/// type in its first byte.
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
    #[inline]
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

/// Why a payload, or a part of it, was passed over, and where. The caller knows its sequence number and adds it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("timestamp {}, payload byte {offset}: {kind}", timestamp.0)]
pub struct DepacketizeError {
    /// Timestamp of the payload; of the NAL unit, where the payload is interleaved.
    pub timestamp: Timestamp,
    /// Offset in the payload of the NAL unit or the header that is meant. 0 for a NAL unit that began in another payload.
    pub offset: usize,
    /// What is wrong.
    pub kind: DepacketizeErrorKind,
}

/// What is wrong with a payload.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum DepacketizeErrorKind {
    /// There is no byte in it.
    #[error("empty payload")]
    Empty,
    /// It ends inside its own headers.
    #[error("{structure} payload of {length} bytes ends inside its headers")]
    Truncated {
        /// What the payload is.
        structure: PayloadStructure,
        /// Its length in bytes.
        length: usize,
    },
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
    #[error("access unit is above the limit of bytes")]
    AccessUnitTooLarge,
    /// The access unit went past [`MAX_NAL_UNITS`] and was given up.
    #[error("access unit has more than {MAX_NAL_UNITS} NAL units")]
    TooManyNalUnits,
    /// An interleaved NAL unit in fragments went past [`MAX_DEINTERLEAVING_BYTES`] and was given up.
    #[error("interleaved NAL unit is above {MAX_DEINTERLEAVING_BYTES} bytes")]
    InterleavedNalUnitTooLarge,
    /// An interleaved NAL unit came after one that it precedes in decoding order had left: later than
    /// `sprop-interleaving-depth` and `sprop-max-don-diff` allow.
    #[error("NAL unit of decoding order number {decoding_order_number} came too late")]
    TooLateToDeinterleave {
        /// Its decoding order number.
        decoding_order_number: u16,
    },
    /// The policy refuses what the camera does. What does it counts as lost.
    #[error("not tolerated: {0}")]
    NotTolerated(Tolerance),
}
