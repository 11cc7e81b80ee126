//! One encoded picture on its way from the camera to an engine.

use std::time::SystemTime;

use bytes::Bytes;
use throughline_h264::{Timestamp, VideoParameters};

/// One access unit of H.264, as it came from the camera, with what an engine needs to know of it.
///
/// Made from an access unit of `throughline-ingest` by `From`; cloning shares the bytes.
#[derive(Debug, Clone)]
pub struct EncodedVideoFrame {
    /// The access unit in Annex-B form (3- or 4-byte start codes). An IDR has its SPS and PPS in front.
    pub data: Bytes,
    /// The camera's RTP timestamp, unwrapped, 90 kHz. Only differences count.
    pub timestamp: Timestamp,
    /// When the picture was taken, in UTC, where the camera's sender reports say so.
    pub capture_time: Option<SystemTime>,
    /// Whether this is an IDR picture: decodable without anything before it.
    pub is_idr: bool,
    /// Whether `data` holds an SPS and a PPS. An IDR without them cannot be shown by anybody and is refused.
    pub has_parameter_sets: bool,
    /// What the active SPS says: profile, level, size, frame rate.
    pub parameters: VideoParameters,
}

impl EncodedVideoFrame {
    /// Displayed width in pixels.
    pub fn width(&self) -> u32 {
        self.parameters.width
    }

    /// Displayed height in pixels.
    pub fn height(&self) -> u32 {
        self.parameters.height
    }
}

impl From<throughline_ingest::AccessUnit> for EncodedVideoFrame {
    fn from(unit: throughline_ingest::AccessUnit) -> Self {
        Self {
            data: unit.data,
            timestamp: unit.timestamp,
            capture_time: unit.capture_time.map(|captured| captured.time),
            is_idr: unit.is_idr,
            has_parameter_sets: unit.has_parameter_sets,
            parameters: unit.parameters,
        }
    }
}

/// Frames for the tests of other modules.
#[cfg(test)]
pub(crate) mod testing {
    use throughline_h264::Sps;

    use super::*;

    /// Constrained baseline, level 3.1, 640x360.
    const SPS: [u8; 25] = [
        0x67, 0x42, 0xe0, 0x1f, 0xd9, 0x00, 0xa0, 0x2f, 0xf9, 0x70, 0x11, 0x00, 0x00, 0x03, 0x00, 0x01, 0x00,
        0x00, 0x03, 0x00, 0x3c, 0x0f, 0x18, 0x32, 0x48,
    ];

    pub(crate) fn idr(timestamp: i64) -> EncodedVideoFrame {
        EncodedVideoFrame {
            is_idr: true,
            has_parameter_sets: true,
            ..delta(timestamp)
        }
    }

    pub(crate) fn delta(timestamp: i64) -> EncodedVideoFrame {
        EncodedVideoFrame {
            data: Bytes::from_static(&[0, 0, 0, 1, 0x41, 0x9a]),
            timestamp: Timestamp(timestamp),
            capture_time: None,
            is_idr: false,
            has_parameter_sets: false,
            parameters: Sps::parse(&SPS).unwrap().parameters(),
        }
    }
}
