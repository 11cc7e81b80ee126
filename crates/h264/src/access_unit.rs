//! Access units and where one ends.

use bytes::Bytes;

use crate::nal::NalUnitType;
use crate::parameters::VideoParameters;
use crate::slice::is_first_in_picture;

/// An extended RTP timestamp in units of 1/90,000 s: the 32-bit one of the packets, unwrapped.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Timestamp(pub i64);

/// One picture with everything that belongs to it, ready to be decoded or forwarded.
#[derive(Clone, Debug, PartialEq)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "independent facts, each read by its name"
)]
pub struct AccessUnit {
    /// The NAL units as the camera sent them, in order, each behind a four-byte start code. An IDR picture has its
    /// parameter sets in front of it, put there if they did not come in-band (Q74).
    pub data: Bytes,
    /// Timestamp of the picture.
    pub timestamp: Timestamp,
    /// Whether it is an IDR picture: decoding can begin here.
    pub is_idr: bool,
    /// Whether it carries an SPS and a PPS.
    pub has_parameter_sets: bool,
    /// What the active SPS says.
    pub parameters: VideoParameters,
    /// Packets lost or unreadable since the access unit that left before this one.
    pub lost_before: u32,
    /// Whether a slice is a B slice: such a stream stutters in WebRTC (Q91).
    pub has_b_slice: bool,
    /// Whether packets are missing in it: only with [`Damaged::Deliver`](crate::Damaged::Deliver).
    pub is_damaged: bool,
}

/// Where a NAL unit may stand in an access unit, told by its type and the byte behind its header
/// ([ITU-T H.264](https://www.itu.int/rec/T-REC-H.264) §7.4.1.2.3).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Role {
    /// In front of a picture or as its first slice: behind a picture it begins the next access unit.
    Begins,
    /// A slice, but not the first of its picture.
    LaterSlice,
    /// Anywhere, as far as can be told.
    Anywhere,
}

impl Role {
    pub(crate) fn of(nal_unit_type: NalUnitType, first_byte: Option<u8>) -> Self {
        match (nal_unit_type, first_byte) {
            (
                NalUnitType::AccessUnitDelimiter
                | NalUnitType::Sps
                | NalUnitType::Pps
                | NalUnitType::Sei
                | NalUnitType::SubsetSps
                | NalUnitType::Other(16..=18),
                _,
            ) => Self::Begins,
            // The specification lists 14 too, but SVC puts one in front of every slice, not of every picture.
            (slice, Some(byte)) if slice.has_slice_header() && is_first_in_picture(byte) => Self::Begins,
            (slice, Some(_)) if slice.has_slice_header() => Self::LaterSlice,
            _ => Self::Anywhere,
        }
    }
}
