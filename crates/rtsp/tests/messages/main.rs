//! Messages, frames and headers: cameras' wording, every split point, limits, hostile bytes.

#[cfg(test)]
mod cameras;
#[cfg(test)]
mod support;
mod tolerances;
mod wire;

#[expect(non_upper_case_globals, reason = "each is named like its file")]
mod fixture {
    macro_rules! fixtures {
        ($($name:ident)*) => {
            $(
                pub(crate) const $name: &[u8] =
                    include_bytes!(concat!("../../../../testdata/rtsp/", stringify!($name), ".txt"));
            )*
            pub(crate) const FIXTURES: &[(&str, &[u8])] = &[$((stringify!($name), $name)),*];
        };
    }

    pub(crate) const GARBAGE_BETWEEN_FRAMES: &str =
        include_str!("../../../../testdata/rtsp/go2rtc_garbage_between_frames.hex");
    pub(crate) const TORN_FRAME: &str = include_str!("../../../../testdata/rtsp/live555_torn_frame.hex");

    fixtures! {
        anjvision_describe_content_base_without_scheme
        avigilon_describe_folded_header
        bosch_server_header_not_utf8
        client_set_parameter_with_body
        dahua_unauthorized_two_headers
        dvr_describe_content_base_behind_query
        escam_setup_interleaved_without_tcp
        ffmpeg_describe
        foscam_options_without_reason
        generic_describe_content_base_path
        generic_setup_one_channel
        generic_setup_timeout_zero
        hikvision_options
        hikvision_setup_ssrc_with_space
        laureii_play_trailing_semicolon
        live555_get_parameter_from_server
        longse_unauthorized_cseq_with_spaces
        nvr_announce_from_server
        omny_play_negative_rtptime
        prama_unauthorized_two_digests_in_one_header
        tplink_unauthorized_realm_with_parentheses
        unifi_describe_content_base_with_two_schemes
        unifi_play_rtptime_zero
        vivotek_setup_comma_before_ssrc
        vlc_setup_two_transports
        xiongmai_describe_line_feeds_only
    }
}
