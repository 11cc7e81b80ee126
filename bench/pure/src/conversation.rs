//! What is said, as cameras say it: the project's own test data.

use throughline_h264::ParameterSets;

/// RTSP messages: requests and responses, with authentication, a folded header, a body.
pub const MESSAGES: [&str; 6] = [
    include_str!("../../../testdata/rtsp/hikvision_options.txt"),
    include_str!("../../../testdata/rtsp/ffmpeg_describe.txt"),
    include_str!("../../../testdata/rtsp/generic_describe_content_base_path.txt"),
    include_str!("../../../testdata/rtsp/hikvision_setup_ssrc_with_space.txt"),
    include_str!("../../../testdata/rtsp/unifi_play_rtptime_zero.txt"),
    include_str!("../../../testdata/rtsp/live555_get_parameter_from_server.txt"),
];

/// Session descriptions that peers read too.
pub const DESCRIPTIONS: [&str; 3] = [
    include_str!("../../../testdata/sdp/dahua_backchannel.sdp"),
    include_str!("../../../testdata/sdp/hikvision_main.sdp"),
    include_str!("../../../testdata/sdp/vivotek_several-formats.sdp"),
];

/// Sequence parameter sets as session descriptions carry them: High, Main and Baseline, two with usability information.
const SPROPS: [&str; 3] = [
    "Z2QAKqwrQBIAUcg=",
    "Z00AKZWgHgCJ+WEAAAMAAQAAAwAyhA==",
    "Z0LACtoR7ARAAAADAEAAAAyDxImo",
];

/// The same as NAL units.
pub fn sequence_parameter_sets() -> Vec<Vec<u8>> {
    let sets = SPROPS.map(ParameterSets::from_sprop);
    sets.iter()
        .flat_map(ParameterSets::sps)
        .map(<[u8]>::to_vec)
        .collect()
}
