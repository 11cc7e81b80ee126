//! The fixtures of `testdata/sdp`, and what reading them must give.

use throughline_sdp::{Format, MediaDescription, ParseError, Policy, SessionDescription, Tolerance};

macro_rules! fixtures {
    ($($name:literal,)+) => {
        /// Name and content of each.
        pub(crate) const FIXTURES: &[(&str, &[u8])] =
            &[$(($name, include_bytes!(concat!("../../../../testdata/sdp/", $name, ".sdp")))),+];
    };
}

fixtures! {
    "anpviz_static-redefined",
    "axis_metadata",
    "bosch_payload-type-35",
    "dahua_backchannel",
    "dlink_own-microphone-sendonly",
    "eufy_bogus-profile",
    "ezviz_h265-with-h264-parameters",
    "ffmpeg_fmtp-before-rtpmap",
    "flir_timing-now",
    "foscam_static-audio",
    "generic_latin-1-name",
    "generic_nul-terminated",
    "generic_repeated-lines",
    "generic_unordered",
    "gortsplib_plain",
    "gstreamer_feedback",
    "gstreamer_srtp",
    "hanwha_reversed-range",
    "hanwha_wave-archive",
    "hikvision_h265",
    "hikvision_main",
    "hikvision_pcm",
    "live555_multicast",
    "macrovideo_bare",
    "minimal_media-only",
    "onvif_backchannel",
    "panasonic_multicast-groups",
    "reolink_control-first",
    "studio_every-attribute",
    "tapo_vendor-media",
    "tuya_negative-port",
    "unifi_same-payload-type",
    "verint_decimal-origin",
    "vivotek_several-formats",
    "vstarcam_extra-parameter-set",
}

#[expect(
    clippy::unwrap_used,
    reason = "the test ends here where a fixture is not as it was made"
)]
pub(crate) fn bytes(name: &str) -> &'static [u8] {
    FIXTURES.iter().find(|(known, _)| *known == name).unwrap().1
}

/// Reads a fixture and checks all that was tolerated in it, with the lines, both ways: what is refused is an error that
/// names rule and line, and a policy that tolerates nothing else reads the same.
#[track_caller]
#[expect(
    clippy::unwrap_used,
    reason = "the test ends here where a fixture is not as it was made"
)]
pub(crate) fn read(name: &str, tolerated: &[(Tolerance, usize)]) -> SessionDescription {
    let description = SessionDescription::parse(bytes(name)).unwrap();
    let found: Vec<_> = description
        .tolerated()
        .iter()
        .map(|used| (used.tolerance, used.line))
        .collect();
    assert_eq!(found, tolerated, "{name}");
    let mut only_these = Policy::strict();
    for &(tolerance, _) in tolerated {
        only_these = only_these.tolerate(tolerance);
        let all_but_this = Policy::default().refuse(tolerance);
        let first = tolerated.iter().find(|(other, _)| *other == tolerance);
        let line = first.unwrap().1;
        assert_eq!(
            SessionDescription::parse_with(bytes(name), &all_but_this),
            Err(ParseError::NotTolerated { tolerance, line }),
            "{name}"
        );
    }
    let read_strictly_but_for_these = SessionDescription::parse_with(bytes(name), &only_these);
    assert_eq!(read_strictly_but_for_these.as_ref(), Ok(&description), "{name}");
    description
}

#[track_caller]
#[expect(
    clippy::unwrap_used,
    reason = "the test ends here where a fixture is not as it was made"
)]
pub(crate) fn h264(media: &MediaDescription) -> Format<'_> {
    media.formats().find(Format::is_h264).unwrap()
}
