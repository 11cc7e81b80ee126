//! Figures.

use std::time::Duration;

use throughline_h264::VideoParameters;
use throughline_srtp::Suite;

use crate::{ErrorKind, ReceiveBuffer, Tolerated, Transport};

/// What a camera did so far, over all its connections.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
#[non_exhaustive]
pub struct CameraStats {
    /// What the camera did against the standards, and was overlooked.
    pub tolerated: Tolerated,
    /// In use now; none while not connected, or not that far.
    pub transport: Option<Transport>,
    /// With what the packets are encrypted that come now; none where they are not.
    pub srtp: Option<Suite>,
    /// RTP packets of the track.
    pub packets: u64,
    /// Their bytes, RTP headers included.
    pub bytes: u64,
    /// Packets that never came.
    pub lost: u64,
    /// Packets that the kernel dropped, for nobody read them in time: nearly all of them are among [`lost`](Self::lost). Over UDP
    /// and multicast, on Linux only; looked at every 10 s while packets are lost.
    pub dropped_by_kernel: u64,
    /// Packets that came before one that they follow.
    pub reordered: u64,
    /// Packets that came twice.
    pub duplicates: u64,
    /// Packets that came after they were given up.
    pub late: u64,
    /// Packets that wait now for one before them: 512 at most, or 2 MiB.
    pub waiting: u64,
    /// Packets and RTCP that could not be read.
    pub malformed: u64,
    /// SRTP and SRTCP packets that the keys did not open. Those that came twice are [`duplicates`](Self::duplicates).
    pub undecryptable: u64,
    /// Packets of other payload types, channels or senders (Q24, Q32, Q85).
    pub foreign: u64,
    /// RTP payloads that could not be read.
    pub unreadable_payloads: u64,
    /// Pictures given out.
    pub access_units: u64,
    /// IDR pictures among them.
    pub idrs: u64,
    /// Pictures kept back.
    pub dropped: DroppedPictures,
    /// Requests for a key frame that went out.
    pub keyframe_requests: u64,
    /// RTSP requests that went out: DESCRIBE, SETUP and PLAY to the first picture, one more where the camera asks for a
    /// password, then what keeps the session alive. Answers to the camera's own, which are rare, count as well.
    pub requests: u64,
    /// Connections made again after one failed; going on over another transport is none.
    pub reconnects: u64,
    /// Connections that ended with an error, and by which. Going on over another transport is none.
    pub failures: Failures,
    /// What [`Event::TransportFallback`](crate::Event::TransportFallback) told.
    pub fallbacks: Fallbacks,
    /// What was not as it should be, without the connection's end.
    pub warnings: Warnings,
    /// Of the UDP sockets, once there were any.
    pub receive_buffer: Option<ReceiveBuffer>,
    /// Steps of the camera's timestamps that no media clock makes (Q89, Q135).
    pub timestamp_steps: u64,
    /// By how much longer the latest packet took than the fastest (Q95).
    pub excess_delay: Duration,
    /// By how many millionths the camera's media clock is faster than ours, once a minute of it was seen.
    pub clock_drift_ppm: Option<i32>,
    /// Interarrival jitter of now, [RFC 3550 §6.4.1](https://www.rfc-editor.org/rfc/rfc3550#section-6.4.1).
    pub jitter: Duration,
    /// Of the latest picture.
    pub parameters: Option<VideoParameters>,
    /// Pictures from one IDR to the next, as lately seen.
    pub group_of_pictures: Option<u32>,
    /// Pictures a second by the camera's timestamps, over the last second or so.
    pub frame_rate: Option<f64>,
    /// Bits of pictures a second, over the last second or so.
    pub bitrate: Option<u64>,
}

/// Connections that ended with an error.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Failures {
    counts: [u32; ErrorKind::ALL.len()],
    last: Option<ErrorKind>,
}

impl Default for Failures {
    fn default() -> Self {
        Failures {
            // No derive fills more than 32.
            counts: [0; ErrorKind::ALL.len()],
            last: None,
        }
    }
}

impl Failures {
    /// Of this kind.
    pub fn of(&self, kind: ErrorKind) -> u32 {
        self.counts.get(kind as usize).copied().unwrap_or_default()
    }

    /// Of every kind.
    pub fn total(&self) -> u32 {
        self.counts
            .iter()
            .fold(0, |total, count| total.saturating_add(*count))
    }

    /// The latest one's.
    pub fn last(&self) -> Option<ErrorKind> {
        self.last
    }

    pub(crate) fn count(&mut self, kind: ErrorKind) {
        if let Some(count) = self.counts.get_mut(kind as usize) {
            *count = count.saturating_add(1);
        }
        self.last = Some(kind);
    }
}

/// Moves from one transport to another.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Fallbacks {
    /// How many.
    pub count: u32,
    /// The latest.
    pub last: Option<Fallback>,
}

/// A move from one transport to another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fallback {
    /// What was tried.
    pub from: Transport,
    /// What was tried next.
    pub to: Transport,
    /// Why.
    pub reason: ErrorKind,
}

/// How often something was not as it should be, told by an event each time or, where its doc says so, once a minute.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Warnings {
    /// [`Event::NoPicture`](crate::Event::NoPicture).
    pub no_picture: u32,
    /// [`Event::Delayed`](crate::Event::Delayed).
    pub delayed: u32,
    /// [`Event::Lossy`](crate::Event::Lossy).
    pub lossy: u32,
    /// [`Event::Unreadable`](crate::Event::Unreadable).
    pub unreadable: u32,
}

/// Pictures that arrived, at least in part, and were not given out.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct DroppedPictures {
    /// They came before the first IDR.
    pub waiting_for_idr: u64,
    /// IDRs without SPS or PPS.
    pub missing_parameter_sets: u64,
    /// A part of them was lost.
    pub damaged: u64,
    /// They refer to a picture that was lost.
    pub reference_missing: u64,
    /// They exceed the bound of one picture.
    pub oversized: u64,
    /// They came too late, or refer to one that did (Q95).
    pub delayed: u64,
}

impl DroppedPictures {
    /// Of every reason.
    pub fn total(&self) -> u64 {
        self.waiting_for_idr
            + self.missing_parameter_sets
            + self.damaged
            + self.reference_missing
            + self.oversized
            + self.delayed
    }
}
