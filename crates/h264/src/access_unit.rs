//! Access units.

use bytes::Bytes;

use crate::parameters::VideoParameters;
use crate::sei::RecoveryPoint;

/// An extended RTP timestamp in units of 1/90,000 s: the 32-bit one of the packets, unwrapped.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Timestamp(pub i64);

/// What a picture is to a decoder that has seen nothing yet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PictureKind {
    /// An IDR picture: decoding can begin here, and nothing behind it refers to anything in front of it.
    Idr,
    /// Not an IDR picture, but one that SEI calls a recovery point: streams of open groups of pictures and those that are
    /// refreshed bit by bit have these (Q143). No WebRTC receiver begins here.
    RecoveryPoint(RecoveryPoint),
    /// Any other.
    Other,
}

/// One picture with everything that belongs to it, ready to be decoded or forwarded.
#[derive(Clone, Debug, PartialEq)]
pub struct AccessUnit {
    /// The NAL units as the camera sent them, in order, each behind a four-byte start code. An IDR picture has its
    /// parameter sets in front of it, put there if they did not come in-band (Q74).
    pub data: Bytes,
    /// Timestamp of the picture.
    pub timestamp: Timestamp,
    /// Whether decoding can begin here.
    pub kind: PictureKind,
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

impl AccessUnit {
    /// Whether it is an IDR picture: decoding can begin here.
    pub fn is_idr(&self) -> bool {
        self.kind == PictureKind::Idr
    }
}
