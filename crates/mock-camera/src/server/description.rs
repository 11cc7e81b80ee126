use std::net::Ipv4Addr;

use throughline_sdp::{MediaBuilder, MediaKind, Origin, SessionDescription};

use super::TRACK;
use super::playout::PAYLOAD_TYPE;
use crate::clip::Clip;

/// What DESCRIBE answers.
pub(crate) fn describe(clip: &Clip) -> String {
    let sets = clip.parameter_sets();
    let profile_level_id = sets
        .profile_level_id()
        .map(|id| format!("profile-level-id={id};"))
        .unwrap_or_default();
    let sprop = sets.to_sprop();
    let format =
        format!("{PAYLOAD_TYPE} packetization-mode=1;{profile_level_id}sprop-parameter-sets={sprop}");
    let video = MediaBuilder::new(MediaKind::Video, 0, "RTP/AVP", &[PAYLOAD_TYPE])
        .attribute("rtpmap", &format!("{PAYLOAD_TYPE} H264/90000"))
        .attribute("fmtp", &format)
        .attribute("framerate", &clip.frame_rate().to_string())
        .attribute("rtcp-fb", &format!("{PAYLOAD_TYPE} nack pli"))
        .attribute("rtcp-fb", &format!("{PAYLOAD_TYPE} ccm fir"))
        .attribute("control", TRACK);
    // The session never changes, and neither does its origin.
    SessionDescription::builder(
        Origin::new(1, 1, Ipv4Addr::LOCALHOST.into()),
        "Throughline mock camera",
    )
    .attribute("control", "*")
    .attribute("range", "npt=now-")
    .media(video)
    .build()
    .to_string()
}
