//! What `GET /api/status` tells.

use serde::Serialize;

use crate::encoder::{EncoderStats, VideoFormat};

/// What the page shows of the camera itself. Whoever reads the camera keeps it up to date.
#[derive(Debug, Default, Clone, PartialEq, Serialize)]
pub struct CameraStatus {
    /// The camera's URL, without credentials.
    pub source: String,
    /// One line for people: `connecting`, `playing`, `not reachable: .., again in 2 s`.
    pub state: String,
    /// How its packets travel (`TCP`, `UDP`).
    pub transport: Option<String>,
    /// What its server calls itself.
    pub server: Option<String>,
    /// RTP packets received.
    pub packets_received: u64,
    /// RTP packets lost before they reached us.
    pub packets_lost: u64,
    /// Interarrival jitter in milliseconds.
    pub jitter_ms: Option<f64>,
}

/// The whole answer.
#[derive(Debug, Serialize)]
pub(super) struct Status {
    version: &'static str,
    camera: CameraStatus,
    video: Option<Video>,
    encoder: EncoderStats,
}

#[derive(Debug, Serialize)]
struct Video {
    codec: &'static str,
    profile: String,
    level: String,
    profile_level_id: String,
    width: u32,
    height: u32,
}

impl Status {
    pub(super) fn new(camera: CameraStatus, format: Option<VideoFormat>, encoder: EncoderStats) -> Self {
        let video = format.map(|format| Video {
            codec: "H.264",
            profile: format.profile_level_id.profile().to_string(),
            level: format.profile_level_id.level().to_string(),
            profile_level_id: format.profile_level_id.to_string(),
            width: format.width,
            height: format.height,
        });
        Self {
            version: env!("CARGO_PKG_VERSION"),
            camera,
            video,
            encoder,
        }
    }
}
