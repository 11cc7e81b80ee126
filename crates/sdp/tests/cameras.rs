//! Descriptions in the manner of real cameras: what is read, and what is tolerated on which line.

mod common;

use common::FIXTURES;
use throughline_sdp::{
    AddressType, Direction, Format, MediaDescription, MediaKind, ParseError, Policy, SessionDescription,
    Tolerance,
};

#[expect(
    clippy::unwrap_used,
    reason = "the test ends here where a fixture is not as it was made"
)]
fn bytes(name: &str) -> &'static [u8] {
    FIXTURES.iter().find(|(known, _)| *known == name).unwrap().1
}

/// Reads a fixture and checks all that was tolerated in it, with the lines.
#[expect(
    clippy::unwrap_used,
    reason = "the test ends here where a fixture is not as it was made"
)]
fn read(name: &str, tolerated: &[(Tolerance, usize)]) -> SessionDescription {
    let description = SessionDescription::parse(bytes(name)).unwrap();
    let found: Vec<_> = description
        .tolerated()
        .iter()
        .map(|used| (used.tolerance, used.line))
        .collect();
    assert_eq!(found, tolerated, "{name}");
    description
}

#[expect(
    clippy::unwrap_used,
    reason = "the test ends here where a fixture is not as it was made"
)]
fn h264(media: &MediaDescription) -> Format<'_> {
    media.formats().find(Format::is_h264).unwrap()
}

#[test]
fn hikvision_reads_strictly() {
    let description = read("hikvision_main", &[]);
    assert!(SessionDescription::parse_with(bytes("hikvision_main"), &Policy::strict()).is_ok());
    assert_eq!(description.session_name(), Some("Media Presentation"));
    assert_eq!(
        description.control(),
        Some("rtsp://192.0.2.64/Streaming/Channels/101/")
    );
    let [video, audio] = description.media() else {
        panic!("two media descriptions")
    };
    assert_eq!(
        (video.kind(), audio.kind()),
        (&MediaKind::Video, &MediaKind::Audio)
    );
    assert_eq!(
        video.control(),
        Some("rtsp://192.0.2.64/Streaming/Channels/101/trackID=1")
    );
    assert_eq!(video.bandwidths().next().unwrap().value, 5000);
    assert_eq!(video.attribute("X-Dimensions"), Some("1920,1080"));
    let format = h264(video);
    assert_eq!((format.payload_type, format.clock_rate), (96, 90_000));
    let fmtp = format.fmtp.unwrap();
    assert_eq!(fmtp.get("Packetization-Mode"), Some("1"));
    assert!(fmtp.get("sprop-parameter-sets").unwrap().ends_with("=="));
    assert_eq!(fmtp.get("sprop-interleaving-depth"), None);
    assert_eq!(audio.attribute("appversion"), Some("1.0"));
}

#[test]
fn hikvision_h265_is_not_taken_for_h264() {
    let description = read("hikvision_h265", &[]);
    assert!(!description.media()[0].formats().any(|format| format.is_h264()));
}

/// Q65.
#[test]
fn hikvision_rtpmap_wins_over_the_static_table() {
    let description = read("hikvision_pcm", &[(Tolerance::StaticTypeRedefined, 18)]);
    let format = description.media()[1].formats().next().unwrap();
    assert_eq!(
        (format.payload_type, format.encoding, format.clock_rate),
        (11, "PCM", 48_000)
    );
}

/// Q71.
#[test]
fn dahua_backchannel_of_unbound_payload_types_leaves_the_video_alone() {
    let description = read("dahua_backchannel", &[]);
    let [video, _, metadata, backchannel] = description.media() else {
        panic!("four media descriptions")
    };
    assert_eq!(h264(video).payload_type, 96);
    assert_eq!(video.frame_rate(), Some(25.0));
    assert_eq!(metadata.kind(), &MediaKind::Application);
    assert_eq!(backchannel.formats().count(), 20);
    assert_eq!(backchannel.direction(), Direction::SendOnly);
    let unbound = backchannel.formats().last().unwrap();
    assert_eq!(
        (unbound.payload_type, unbound.encoding, unbound.clock_rate),
        (114, "", 0)
    );
}

#[test]
fn axis_controls_keep_their_queries() {
    let description = read("axis_metadata", &[]);
    assert_eq!(
        description.media()[0].control(),
        Some("rtsp://192.0.2.90/axis-media/media.amp/stream=0?videocodec=h264&fps=30")
    );
    assert_eq!(description.media()[0].frame_rate(), Some(30.0));
}

/// Q6, Q74.
#[test]
fn reolink_control_before_the_connection_is_found() {
    let out_of_order = [14, 15, 21, 22].map(|line| (Tolerance::LineOrder, line));
    let description = read("reolink_control-first", &out_of_order);
    assert_eq!(description.control(), Some("*"));
    assert_eq!(description.media()[0].control(), Some("track1"));
    assert_eq!(
        h264(&description.media()[0])
            .fmtp
            .unwrap()
            .get("profile-level-id"),
        Some("640033")
    );
}

/// Q64.
#[test]
fn foscam_audio_without_rtpmap_comes_from_the_static_table() {
    let description = read("foscam_static-audio", &[]);
    let format = description.media()[1].formats().next().unwrap();
    assert_eq!(
        (format.encoding, format.clock_rate, format.channels),
        ("PCMU", 8_000, Some(1))
    );
}

/// Q60.
#[test]
fn flir_timing_of_now_is_ignored() {
    let description = read("flir_timing-now", &[(Tolerance::Timing, 6)]);
    assert_eq!(description.timing(), None);
    assert_eq!(h264(&description.media()[0]).payload_type, 96);
}

#[test]
fn gstreamer_feedback_is_read_per_payload_type_and_for_all() {
    let description = read("gstreamer_feedback", &[]);
    let video = &description.media()[0];
    assert_eq!(video.protocol(), "RTP/AVPF");
    assert!(video.supports_feedback(96, "nack pli"));
    assert!(video.supports_feedback(96, "nack"));
    assert!(video.supports_feedback(96, "CCM  FIR"));
    assert!(video.supports_feedback(97, "ccm fir"));
    assert!(!video.supports_feedback(97, "nack pli"));
    assert!(!video.supports_feedback(96, "nack sli"));
    assert!(!video.supports_feedback(96, "ccm"));
}

#[test]
fn gstreamer_srtp_keys_are_written_but_not_debugged() {
    let description = read("gstreamer_srtp", &[]);
    for key in ["dGhyb3VnaGxpbmUgdGVzdCBrZXk", "AQAVgM0ADAUAAAA"] {
        assert!(description.to_string().contains(key));
        assert!(!format!("{description:?}").contains(key));
    }
}

#[test]
fn gortsplib_reads_strictly() {
    let description = read("gortsplib_plain", &[]);
    assert_eq!(
        h264(&description.media()[0])
            .fmtp
            .unwrap()
            .get("profile-level-id"),
        Some("42E01F")
    );
    let opus = description.media()[1].formats().next().unwrap();
    assert_eq!(
        (opus.encoding, opus.clock_rate, opus.channels),
        ("opus", 48_000, Some(2))
    );
}

#[test]
fn live555_multicast_has_port_group_and_scope() {
    let description = read("live555_multicast", &[]);
    let video = &description.media()[0];
    assert_eq!(video.port(), 18_888);
    let connection = video.connection().unwrap();
    assert_eq!(connection.ip(), Some("232.11.22.33".parse().unwrap()));
    assert_eq!((connection.ttl, connection.group_count), (Some(255), None));
    assert_eq!(
        description.attribute("source-filter"),
        Some("incl IN IP4 * 192.0.2.12")
    );
}

/// Q133.
#[test]
fn panasonic_media_connections_differ_from_the_session() {
    let description = read("panasonic_multicast-groups", &[]);
    assert_eq!(description.connection().unwrap().address, "233.252.0.1");
    let [video, audio] = description.media() else {
        panic!("two media descriptions")
    };
    let connection = video.connection().unwrap();
    assert_eq!(connection.address_type, AddressType::Ip4);
    assert_eq!(
        (connection.address.as_str(), connection.group_count),
        ("233.252.0.2", Some(2))
    );
    assert_eq!((audio.connection(), audio.port()), (None, 37_008));
}

/// Q61, Q66, Q127.
#[test]
fn unifi_same_payload_type_twice_is_kept_apart_by_media() {
    let description = read(
        "unifi_same-payload-type",
        &[(Tolerance::Bandwidth, 17), (Tolerance::Fmtp, 23)],
    );
    let [aac, video, opus] = description.media() else {
        panic!("three media descriptions")
    };
    let [aac, opus] = [aac, opus].map(|media| media.formats().next().unwrap());
    assert_eq!((aac.payload_type, aac.encoding), (96, "mpeg4-generic"));
    assert_eq!((opus.payload_type, opus.encoding), (96, "opus"));
    assert_eq!(aac.fmtp.unwrap().get("sizelength"), Some("13"));
    assert_eq!(opus.fmtp, None);
    assert_eq!(video.direction(), Direction::RecvOnly, "from the session");
}

/// Q55.
#[test]
fn tapo_vendor_media_keeps_its_place_and_harms_no_other() {
    let description = read(
        "tapo_vendor-media",
        &[
            (Tolerance::Origin, 2),
            (Tolerance::MediaLine, 15),
            (Tolerance::MediaFormat, 15),
            (Tolerance::OrphanFormat, 16),
            (Tolerance::MissingConnection, 12),
            (Tolerance::MissingConnection, 15),
        ],
    );
    let [video, _, vendor] = description.media() else {
        panic!("three media descriptions")
    };
    assert_eq!(h264(video).payload_type, 96);
    assert_eq!(vendor.kind(), &MediaKind::Other("application/TP-LINK".to_owned()));
    assert_eq!((vendor.formats().count(), vendor.control()), (0, Some("track3")));
}

/// Q65.
#[test]
fn anpviz_aac_on_payload_type_0_is_aac() {
    let description = read(
        "anpviz_static-redefined",
        &[(Tolerance::Spacing, 10), (Tolerance::StaticTypeRedefined, 14)],
    );
    assert!(h264(&description.media()[0]).fmtp.is_some());
    let audio = description.media()[1].formats().next().unwrap();
    assert_eq!((audio.encoding, audio.clock_rate), ("MPEG4-GENERIC", 16_000));
}

/// Q124, Q125.
#[test]
fn bosch_h264_on_payload_type_35_is_found_beside_an_orphan() {
    let description = read(
        "bosch_payload-type-35",
        &[(Tolerance::StaticTypeRedefined, 8), (Tolerance::OrphanFormat, 9)],
    );
    let formats: Vec<_> = description.media()[0]
        .formats()
        .map(|f| (f.payload_type, f.encoding))
        .collect();
    assert_eq!(formats, [(35, "H264")]);
}

/// Q58, Q72.
#[test]
fn tuya_ports_and_connections_are_ignored() {
    let description = read(
        "tuya_negative-port",
        &[
            (Tolerance::Connection, 4),
            (Tolerance::MediaPort, 6),
            (Tolerance::Connection, 7),
            (Tolerance::MediaPort, 11),
        ],
    );
    assert_eq!(description.connection(), None);
    let ports: Vec<_> = description.media().iter().map(MediaDescription::port).collect();
    assert_eq!(ports, [0, 0]);
    assert_eq!(h264(&description.media()[0]).payload_type, 96);
}

/// Q56, Q63.
#[test]
fn macrovideo_without_a_session_section_is_read() {
    let description = read(
        "macrovideo_bare",
        &[
            (Tolerance::LineEnding, 1),
            (Tolerance::BlankLine, 6),
            (Tolerance::UnterminatedLastLine, 8),
            (Tolerance::MissingOrigin, 2),
            (Tolerance::MissingSessionName, 2),
            (Tolerance::MissingTiming, 2),
            (Tolerance::MissingConnection, 2),
            (Tolerance::MissingConnection, 7),
        ],
    );
    assert_eq!(
        (
            description.origin(),
            description.session_name(),
            description.timing()
        ),
        (None, None, None)
    );
    assert_eq!(description.media()[1].control(), Some("trackID=1"));
}

/// Q130.
#[test]
fn three_lines_of_media_and_attributes_are_a_description() {
    let missing = [
        Tolerance::MissingVersion,
        Tolerance::MissingOrigin,
        Tolerance::MissingSessionName,
        Tolerance::MissingTiming,
        Tolerance::MissingConnection,
    ];
    let description = read("minimal_media-only", &missing.map(|tolerance| (tolerance, 1)));
    assert_eq!(h264(&description.media()[0]).fmtp, None);
}

/// Q57, Q126.
#[test]
fn verint_h264_is_found_behind_another_format() {
    let description = read(
        "verint_decimal-origin",
        &[(Tolerance::Origin, 2), (Tolerance::Connection, 4)],
    );
    assert_eq!(description.origin(), None);
    let format = h264(&description.media()[0]);
    assert_eq!(format.payload_type, 96);
    assert_eq!(format.fmtp.unwrap().get("profile-level-id"), Some("42001e"));
}

/// Q129.
#[test]
fn hanwha_text_media_and_long_identifiers_are_read() {
    let description = read(
        "hanwha_wave-archive",
        &[(Tolerance::RepeatedLine, 5), (Tolerance::Repeat, 7)],
    );
    assert_eq!(
        description.origin().unwrap().session_id,
        "98837465019283746501928374650"
    );
    assert_eq!(description.timing().unwrap().start, 3_930_000_000);
    let kinds: Vec<_> = description
        .media()
        .iter()
        .map(|media| media.kind().as_str())
        .collect();
    assert_eq!(kinds, ["text", "video", "meta"]);
}

/// Q66, Q126.
#[test]
fn vivotek_fmtp_of_two_payload_types_counts_for_both() {
    let description = read("vivotek_several-formats", &[(Tolerance::FmtpSeveralTypes, 10)]);
    let format = h264(&description.media()[0]);
    assert_eq!((format.payload_type, format.encoding), (97, "h264"));
    assert_eq!(format.fmtp.unwrap().get("profile-level-id"), Some("420029"));
    assert_eq!(description.media()[0].formats().last().unwrap().fmtp, None);
}

/// Q70.
#[test]
fn onvif_backchannel_is_told_by_its_direction() {
    let description = read("onvif_backchannel", &[]);
    let directions: Vec<_> = description
        .media()
        .iter()
        .map(MediaDescription::direction)
        .collect();
    assert_eq!(
        directions,
        [Direction::RecvOnly, Direction::RecvOnly, Direction::SendOnly]
    );
}

#[test]
fn latin_1_session_name_is_replaced_where_it_is_not_utf_8() {
    let description = read("generic_latin-1-name", &[(Tolerance::NotUtf8, 3)]);
    assert_eq!(
        description.session_name(),
        Some("Entr\u{fffd}e du b\u{fffd}timent")
    );
}

#[test]
fn terminator_of_a_c_string_is_left_out() {
    let tolerated = [
        Tolerance::UnterminatedLastLine,
        Tolerance::NulByte,
        Tolerance::BlankLine,
    ];
    let description = read(
        "generic_nul-terminated",
        &tolerated.map(|tolerance| (tolerance, 19)),
    );
    assert_eq!(description.to_string().as_bytes(), bytes("foscam_static-audio"));
}

/// Q58, Q59, Q60, Q61, Q65, Q66.
#[test]
fn first_readable_line_of_several_counts() {
    let description = read(
        "generic_repeated-lines",
        &[
            (Tolerance::RepeatedLine, 4),
            (Tolerance::Connection, 5),
            (Tolerance::RepeatedLine, 6),
            (Tolerance::RepeatedLine, 7),
            (Tolerance::Connection, 7),
            (Tolerance::Timing, 8),
            (Tolerance::LineOrder, 10),
            (Tolerance::Bandwidth, 10),
            (Tolerance::Rtpmap, 12),
            (Tolerance::Fmtp, 13),
        ],
    );
    assert_eq!(description.session_name(), Some("first name"));
    assert_eq!(description.connection().unwrap().address, "192.0.2.9");
    assert_eq!(description.timing().unwrap().start, 0);
    assert_eq!(
        h264(&description.media()[0]).clock_rate,
        90_000,
        "a clock of 0 is none"
    );
}

/// Q66.
#[test]
fn ffmpeg_fmtp_before_its_rtpmap_is_matched() {
    let description = read("ffmpeg_fmtp-before-rtpmap", &[]);
    assert_eq!(
        h264(&description.media()[0])
            .fmtp
            .unwrap()
            .get("packetization-mode"),
        Some("1")
    );
}

/// Q62.
#[test]
fn lines_out_of_order_and_behind_the_media_count() {
    let description = read(
        "generic_unordered",
        &[
            (Tolerance::LineOrder, 3),
            (Tolerance::LineOrder, 4),
            (Tolerance::LineOrder, 5),
            (Tolerance::LineOrder, 9),
            (Tolerance::SessionLineInMedia, 10),
            (Tolerance::SessionLineInMedia, 11),
        ],
    );
    assert_eq!(description.origin().unwrap().session_id, "5");
    assert_eq!(description.session_name(), Some("out of order"));
    assert_eq!(description.control(), Some("*"));
}

/// Q66, Q68.
#[test]
fn eufy_fmtp_of_another_payload_type_counts_for_the_only_format() {
    let description = read("eufy_bogus-profile", &[(Tolerance::OrphanFormat, 8)]);
    let fmtp = h264(&description.media()[0]).fmtp.unwrap();
    assert_eq!(fmtp.get("profile-level-id"), Some("TeAo"));
    assert_eq!(fmtp.get("sprop-parameter-sets"), Some(""));
}

/// Q67.
#[test]
fn vstarcam_parameter_sets_are_handed_on_as_written() {
    let description = read("vstarcam_extra-parameter-set", &[]);
    let fmtp = h264(&description.media()[0]).fmtp.unwrap();
    assert_eq!(
        fmtp.get("sprop-parameter-sets"),
        Some("AAAAAWdCAB6VoCgPZA==,,aM48gA==AAAAAAE=")
    );
    let names: Vec<_> = fmtp.iter().map(|(name, _)| name).collect();
    assert_eq!(
        names,
        ["packetization-mode", "sprop-parameter-sets", "profile-level-id"]
    );
}

#[test]
fn error_page_is_not_a_description() {
    let page = include_bytes!("../../../testdata/sdp/generic_error-page.html");
    let error = SessionDescription::parse(page).unwrap_err();
    assert_eq!(error, ParseError::NotADescription { length: page.len() });
}
