//! How str0m is set up for one H.264 track, and what it does not tell by itself.

use std::hash::{BuildHasher, RandomState};
use std::net::SocketAddr;
use std::time::Duration;

use str0m::bwe::Bitrate;
use str0m::media::Mid;
use str0m::net::{Protocol, TcpType};
use str0m::rtp::Extension;
use str0m::{Candidate, Rtc, RtcConfig};
use throughline_h264::ProfileLevelId;

use crate::figures::VideoFigures;

/// Pacer and estimate start at this multiple of the camera's rate: an IDR is many times an average picture, and at
/// 1 x it would wait for seconds in the pacer.
const RATE_HEADROOM: u64 = 5;
const RATE_HEADROOM_DIVISOR: u64 = 2;

/// Assumed rate of a camera nobody has measured yet (1080p of a common setting).
const UNMEASURED_BPS: u64 = 8_000_000;

/// Pacing below this would stretch the IDR of even a small camera over many pictures.
const MIN_START_BPS: u64 = 2_000_000;

/// How often statistics are gathered.
const STATS_INTERVAL: Duration = Duration::from_secs(1);

/// The header extensions of our offers, by identifier. What str0m would add serves audio, simulcast or another estimate
/// (abs-send-time), and each costs its time in every packet.
const EXTENSIONS: [(u8, Extension); 3] = [
    (3, Extension::TransportSequenceNumber),
    (4, Extension::RtpMid),
    (5, Extension::AbsoluteCaptureTime),
];

/// RTP mode, no codec yet, pacer and estimate fit for a camera with these figures.
pub(super) fn config(figures: VideoFigures) -> RtcConfig {
    let config = Rtc::builder()
        .clear_codecs()
        .clear_extension_map()
        .set_rtp_mode(true)
        .set_stats_interval(Some(STATS_INTERVAL))
        .enable_bwe(Some(Bitrate::from(start_rate(figures))));
    EXTENSIONS.into_iter().fold(config, |config, (id, extension)| {
        config.set_extension(id, extension)
    })
}

/// What pacer and estimate start with and aim at, in bits a second.
pub(super) fn start_rate(figures: VideoFigures) -> u64 {
    let camera = if figures.bitrate_bps == 0 {
        UNMEASURED_BPS
    } else {
        figures.bitrate_bps
    };
    (camera * RATE_HEADROOM / RATE_HEADROOM_DIVISOR).max(MIN_START_BPS)
}

/// Identifier of the first video section; str0m itself tells it only once media flows.
pub(super) fn video_mid(sdp: &str) -> Option<Mid> {
    let (_, video) = sdp.split_once("m=video")?;
    video
        .lines()
        .find_map(|line| line.strip_prefix("a=mid:"))
        .map(Mid::from)
}

/// A candidate for a socket of ours; TCP is always the dialling side.
pub(super) fn host_candidate(local: SocketAddr, protocol: Protocol) -> Option<Candidate> {
    let builder = Candidate::builder();
    match protocol {
        Protocol::Tcp => builder.tcp().host(local).tcptype(TcpType::Active).build(),
        _ => builder.udp().host(local).build(),
    }
    .ok()
}

/// How far an offered profile is from the camera's: the same one first, then any of the same `profile_idc`, then
/// constrained baseline, which every browser has.
pub(super) fn profile_distance(offered: Option<u32>, camera: Option<ProfileLevelId>) -> u8 {
    const CONSTRAINED_BASELINE: [u8; 2] = [0x42, 0xe0];
    let [_, profile_idc, flags, _] = offered.unwrap_or_default().to_be_bytes();
    match camera {
        Some(ProfileLevelId([idc, constraints, _])) if [profile_idc, flags] == [idc, constraints] => 0,
        Some(ProfileLevelId([idc, ..])) if profile_idc == idc => 1,
        _ if [profile_idc, flags] == CONSTRAINED_BASELINE => 2,
        _ => 3,
    }
}

/// The standard library's hasher keys are the system's randomness, enough for what RFC 3550 wants unpredictable.
pub(super) fn random() -> u64 {
    RandomState::new().hash_one(0_u8)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_profile_beats_its_kin_and_those_beat_constrained_baseline() {
        let distance = |offered, camera| profile_distance(Some(offered), Some(ProfileLevelId(camera)));
        assert_eq!(distance(0x42_e01f, [0x42, 0xe0, 0x28]), 0);
        assert_eq!(distance(0x42_001f, [0x42, 0xe0, 0x1f]), 1);
        assert_eq!(distance(0x64_001f, [0x64, 0x0c, 0x1f]), 1);
        assert_eq!(distance(0x42_e01f, [0x64, 0x00, 0x1f]), 2);
        assert_eq!(distance(0x4d_001f, [0x64, 0x00, 0x1f]), 3);
        assert_eq!(profile_distance(None, None), 3);
    }

    #[test]
    fn the_pacer_gets_two_and_a_half_times_the_cameras_rate() {
        let rate = |bitrate_bps| {
            start_rate(VideoFigures {
                bitrate_bps,
                ..VideoFigures::default()
            })
        };
        assert_eq!(rate(8_000_000), 20_000_000);
        assert_eq!(rate(100_000), MIN_START_BPS);
        assert_eq!(rate(0), 20_000_000);
    }

    #[test]
    fn the_video_section_is_found_behind_others() {
        let sdp = "v=0\r\nm=audio 9 X 0\r\na=mid:0\r\nm=video 9 X 96\r\na=mid:1\r\n";
        assert_eq!(video_mid(sdp), Some(Mid::from("1")));
        assert_eq!(video_mid("v=0\r\n"), None);
    }
}
