//! What comes out.

use std::time::Instant;

use bytes::Bytes;
use throughline_h264::{Timestamp, VideoParameters};
use throughline_rtp::CaptureTime;

/// One picture as the camera coded it.
#[derive(Clone, Debug, PartialEq)]
pub struct AccessUnit {
    /// The NAL units of the picture as the camera sent them, each behind a four-byte start code (Annex B). Cheap
    /// to clone.
    pub data: Bytes,
    /// In 90 kHz ticks. The camera's own spacing, on one timeline for the life of the
    /// [`Camera`](crate::camera::Camera): after a reconnect, a new SSRC or a jump of the camera's clock it goes on from
    /// the latest timestamp by the time that passed between the arrivals. Only B-pictures step back.
    pub timestamp: Timestamp,
    /// When it was captured by the camera's own clock, and how well that is known, where sender reports or a replay
    /// extension tell (Q137, Q142).
    pub capture_time: Option<CaptureTime>,
    /// When its last packet arrived here.
    pub arrival: Instant,
    /// Whether decoding can begin here. Such a unit has its SPS and PPS in front of it.
    pub is_idr: bool,
    /// Whether `data` holds an SPS and a PPS.
    pub has_parameter_sets: bool,
    /// Of the active SPS: profile, level, size, frame rate.
    pub parameters: VideoParameters,
    /// Packets lost since the unit before.
    pub lost_before: u32,
    /// Whether it has B slices, which WebRTC viewers show with jitter (Q91).
    pub has_b_slice: bool,
}
