//! What the stream of injected frames amounts to: rate, pictures a second, group of pictures.

use std::time::{Duration, Instant};

use serde::Serialize;

use crate::frame::EncodedVideoFrame;

/// How long frames are added up before the figures move.
const WINDOW: Duration = Duration::from_secs(1);

/// A window this long had a pause in it, and says nothing of the rate.
const STALE: Duration = Duration::from_secs(3);

/// Share of the newest window in the smoothed rate: an IDR every few windows should not make the figure jump.
const NEWEST_SHARE: f64 = 0.4;

/// Figures of the injected stream. Zero or `None` until a second of it was seen.
#[derive(Debug, Default, Clone, Copy, PartialEq, Serialize)]
pub struct VideoFigures {
    /// Bits a second of H.264, smoothed over some three seconds.
    pub bitrate_bps: u64,
    /// Pictures a second over the last second.
    pub frame_rate: f64,
    /// Pictures from one IDR to the next, the last time.
    pub gop_frames: Option<u32>,
    /// Seconds from one IDR to the next, the last time, by the camera's clock.
    pub gop_seconds: Option<f64>,
}

/// Adds up frames into [`VideoFigures`].
#[derive(Debug, Default)]
pub(crate) struct Meter {
    window: Option<(Instant, u64, u32)>,
    last_idr: Option<(i64, u32)>,
    figures: VideoFigures,
}

impl Meter {
    pub(crate) fn add(&mut self, now: Instant, frame: &EncodedVideoFrame) {
        let (since, bytes, frames) = self.window.unwrap_or((now, 0, 0));
        let elapsed = now.saturating_duration_since(since);
        let window = if elapsed < WINDOW {
            (since, bytes, frames)
        } else {
            if elapsed < STALE {
                self.close_window(elapsed, bytes, frames);
            }
            (now, 0, 0)
        };
        self.window = Some((window.0, window.1 + frame.data.len() as u64, window.2 + 1));
        self.count_picture(frame);
    }

    pub(crate) fn figures(&self) -> VideoFigures {
        self.figures
    }

    #[expect(
        clippy::cast_precision_loss,
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "rates of a few Gbit/s at most, never negative"
    )]
    fn close_window(&mut self, elapsed: Duration, bytes: u64, frames: u32) {
        let newest = bytes as f64 * 8.0 / elapsed.as_secs_f64();
        let smoothed = match self.figures.bitrate_bps {
            0 => newest,
            before => before as f64 * (1.0 - NEWEST_SHARE) + newest * NEWEST_SHARE,
        };
        self.figures.bitrate_bps = smoothed as u64;
        self.figures.frame_rate = f64::from(frames) / elapsed.as_secs_f64();
    }

    #[expect(
        clippy::cast_precision_loss,
        reason = "a group of pictures lasts minutes at most"
    )]
    fn count_picture(&mut self, frame: &EncodedVideoFrame) {
        if frame.is_idr {
            if let Some((timestamp, frames)) = self.last_idr {
                let ticks = frame.timestamp.0 - timestamp;
                self.figures.gop_frames = Some(frames);
                self.figures.gop_seconds = (ticks > 0).then_some(ticks as f64 / 90_000.0);
            }
            self.last_idr = Some((frame.timestamp.0, 1));
        } else if let Some((_, frames)) = &mut self.last_idr {
            *frames = frames.saturating_add(1);
        }
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::*;
    use crate::frame::testing::{delta, idr};

    #[test]
    fn rate_frame_rate_and_group_of_pictures_are_those_of_the_stream() {
        let (mut meter, start) = (Meter::default(), Instant::now());
        for picture in 0..200_u32 {
            let timestamp = i64::from(picture) * 3600;
            let frame = if picture % 50 == 0 {
                idr(timestamp)
            } else {
                delta(timestamp)
            };
            let frame = EncodedVideoFrame {
                data: Bytes::from_static(&[0; 5000]),
                ..frame
            };
            meter.add(start + Duration::from_millis(40) * picture, &frame);
        }
        let figures = meter.figures();
        assert_eq!(figures.bitrate_bps, 1_000_000);
        assert!((figures.frame_rate - 25.0).abs() < 0.01);
        assert_eq!(figures.gop_frames, Some(50));
        assert_eq!(figures.gop_seconds, Some(2.0));
    }

    #[test]
    fn a_pause_does_not_lower_the_rate() {
        let (mut meter, start) = (Meter::default(), Instant::now());
        for picture in 0..60_u32 {
            meter.add(start + Duration::from_millis(40) * picture, &delta(0));
        }
        let before = meter.figures().bitrate_bps;
        meter.add(start + Duration::from_secs(60), &delta(0));
        assert_eq!(meter.figures().bitrate_bps, before);
        assert!(before > 0);
    }
}
