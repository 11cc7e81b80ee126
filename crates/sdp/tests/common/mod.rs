//! The fixtures of `testdata/sdp`.

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
    "eufy_bogus-profile",
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
    "tapo_vendor-media",
    "tuya_negative-port",
    "unifi_same-payload-type",
    "verint_decimal-origin",
    "vivotek_several-formats",
    "vstarcam_extra-parameter-set",
}
