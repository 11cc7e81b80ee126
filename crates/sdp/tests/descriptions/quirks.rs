//! One test a quirk. [`read`] asserts both results: what is tolerated on which line, and the error where it is not.
//! What is within the RFC is read strictly too: its list of tolerances is empty.

use throughline_sdp::{
    AddressType, Direction, MediaDescription, MediaKind, Range, SessionDescription, Tolerance,
};

use crate::fixtures::{h264, read};

fn macrovideo() -> SessionDescription {
    read(
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
    )
}

fn repeated_lines() -> SessionDescription {
    read(
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
    )
}

fn unifi() -> SessionDescription {
    read(
        "unifi_same-payload-type",
        &[(Tolerance::Bandwidth, 17), (Tolerance::Fmtp, 23)],
    )
}

fn eufy() -> SessionDescription {
    read("eufy_bogus-profile", &[(Tolerance::OrphanFormat, 8)])
}

fn verint() -> SessionDescription {
    read(
        "verint_decimal-origin",
        &[(Tolerance::Origin, 2), (Tolerance::Connection, 4)],
    )
}

fn vivotek() -> SessionDescription {
    read("vivotek_several-formats", &[(Tolerance::FmtpSeveralTypes, 10)])
}

fn bosch() -> SessionDescription {
    read(
        "bosch_payload-type-35",
        &[(Tolerance::StaticTypeRedefined, 8), (Tolerance::OrphanFormat, 9)],
    )
}

fn reolink() -> SessionDescription {
    let out_of_order = [14, 15, 21, 22].map(|line| (Tolerance::LineOrder, line));
    read("reolink_control-first", &out_of_order)
}

fn parameter<'a>(media: &'a MediaDescription, name: &str) -> Option<&'a str> {
    h264(media).fmtp?.get(name)
}

/// Q6, the description's part: the control is found wherever it stands, and its lack is not an error.
#[test]
fn control_before_other_lines_or_missing_is_taken_as_it_is() {
    let description = reolink();
    assert_eq!(description.control(), Some("*"));
    assert_eq!(description.media()[0].control(), Some("track1"));
    assert_eq!(macrovideo().control(), None);
}

#[test]
fn q55_vendor_media_keep_their_place_and_harm_no_other() {
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

#[test]
fn q56_missing_session_lines_are_none() {
    let description = macrovideo();
    assert_eq!(
        (
            description.origin(),
            description.session_name(),
            description.timing()
        ),
        (None, None, None)
    );
    assert_eq!(h264(&description.media()[0]).payload_type, 96);
}

#[test]
fn q57_origin_of_decimals_is_ignored() {
    let description = verint();
    assert_eq!(description.origin(), None);
    assert_eq!(description.session_name(), Some("S2200 Series"));
}

#[test]
fn q58_first_readable_connection_counts() {
    assert_eq!(repeated_lines().connection().unwrap().address, "192.0.2.9");
    assert_eq!(verint().connection(), None, "IPV4 is no address type");
}

#[test]
fn q59_first_session_name_counts() {
    assert_eq!(repeated_lines().session_name(), Some("first name"));
}

#[test]
fn q60_timing_of_now_and_empty_timing_are_ignored() {
    let description = read("flir_timing-now", &[(Tolerance::Timing, 6)]);
    assert_eq!(description.timing(), None);
    assert_eq!(h264(&description.media()[0]).payload_type, 96);
    assert_eq!(repeated_lines().timing().unwrap().start, 0, "the second one");
}

#[test]
fn q61_empty_bandwidths_are_ignored_and_others_have_their_modifier() {
    let description = unifi();
    let audio = description.media()[0].bandwidths();
    let audio: Vec<_> = audio.map(|b| (b.modifier.as_str(), b.value)).collect();
    assert!(
        audio.ends_with(&[("RS", 0), ("RR", 0), ("TIAS", 32_000)]),
        "{audio:?}"
    );
    assert_eq!(description.media()[1].bandwidths().count(), 0);
    assert_eq!(repeated_lines().bandwidths().count(), 0);
}

#[test]
fn q62_lines_out_of_order_and_behind_the_media_count() {
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

#[test]
fn q63_line_feeds_blank_lines_and_no_final_newline_are_read() {
    let description = macrovideo();
    assert_eq!(description.media().len(), 2);
    assert_eq!(description.media()[1].control(), Some("trackID=1"));
}

/// Within the RFC: static payload types need no rtpmap.
#[test]
fn q64_audio_without_rtpmap_comes_from_the_static_table() {
    let description = read("foscam_static-audio", &[]);
    let format = description.media()[1].formats().next().unwrap();
    assert_eq!(
        (format.encoding, format.clock_rate, format.channels),
        ("PCMU", 8_000, Some(1))
    );
}

#[test]
fn q65_rtpmap_with_odd_space_clock_or_payload_type_counts() {
    let description = read(
        "anpviz_static-redefined",
        &[(Tolerance::Spacing, 10), (Tolerance::StaticTypeRedefined, 14)],
    );
    assert!(h264(&description.media()[0]).fmtp.is_some());
    let audio = description.media()[1].formats().next().unwrap();
    assert_eq!((audio.encoding, audio.clock_rate), ("MPEG4-GENERIC", 16_000));

    let description = read("hikvision_pcm", &[(Tolerance::StaticTypeRedefined, 18)]);
    let pcm = description.media()[1].formats().next().unwrap();
    assert_eq!(
        (pcm.payload_type, pcm.encoding, pcm.clock_rate),
        (11, "PCM", 48_000)
    );

    let description = repeated_lines();
    assert_eq!(h264(&description.media()[0]).clock_rate, 90_000, "0 is none");
}

#[test]
fn q66_fmtp_finds_its_format() {
    assert_eq!(unifi().media()[2].formats().next().unwrap().fmtp, None, "empty");
    let before_its_rtpmap = read("ffmpeg_fmtp-before-rtpmap", &[]);
    assert_eq!(
        parameter(&before_its_rtpmap.media()[0], "packetization-mode"),
        Some("1")
    );
    let of_another_payload_type = eufy();
    assert_eq!(
        parameter(&of_another_payload_type.media()[0], "packetization-mode"),
        Some("0")
    );
    let of_several = vivotek();
    assert_eq!(
        parameter(&of_several.media()[0], "profile-level-id"),
        Some("420029")
    );
    assert_eq!(of_several.media()[0].formats().last().unwrap().fmtp, None);
}

/// Within the RFC: what the parameter sets are worth is the codec's to say.
#[test]
fn q67_faulty_parameter_sets_are_handed_on_as_written() {
    let description = read("vstarcam_extra-parameter-set", &[]);
    assert_eq!(
        parameter(&description.media()[0], "sprop-parameter-sets"),
        Some("AAAAAWdCAB6VoCgPZA==,,aM48gA==AAAAAAE=")
    );
    let names = h264(&description.media()[0]).fmtp.unwrap().iter();
    assert!(names.map(|(name, _)| name).eq([
        "packetization-mode",
        "sprop-parameter-sets",
        "profile-level-id"
    ]));
    assert_eq!(parameter(&eufy().media()[0], "sprop-parameter-sets"), Some(""));
}

/// Within the RFC: what the profile is worth is the codec's to say.
#[test]
fn q68_bogus_profile_is_handed_on_as_written() {
    let description = read("vstarcam_extra-parameter-set", &[]);
    assert_eq!(
        parameter(&description.media()[0], "profile-level-id"),
        Some("5046302")
    );
    assert_eq!(parameter(&eufy().media()[0], "profile-level-id"), Some("TeAo"));
}

/// Within the RFC: which payloads then come is between camera and codec.
#[test]
fn q69_packetization_mode_is_handed_on_or_absent() {
    assert_eq!(parameter(&eufy().media()[0], "packetization-mode"), Some("0"));
    let absent = read(
        "minimal_media-only",
        &[
            Tolerance::MissingVersion,
            Tolerance::MissingOrigin,
            Tolerance::MissingSessionName,
            Tolerance::MissingTiming,
            Tolerance::MissingConnection,
        ]
        .map(|tolerance| (tolerance, 1)),
    );
    assert_eq!(h264(&absent.media()[0]).fmtp, None);
}

#[test]
fn q70_sendonly_is_a_backchannel_unless_the_camera_says_it_of_its_picture() {
    let backchannels = |description: &SessionDescription| {
        let media = description.media().iter();
        media.map(MediaDescription::is_backchannel).collect::<Vec<_>>()
    };
    let honest = read("onvif_backchannel", &[]);
    assert_eq!(backchannels(&honest), [false, false, true]);

    let fake = read(
        "dlink_own-microphone-sendonly",
        &[(Tolerance::SenderSide, 9), (Tolerance::SenderSide, 15)],
    );
    assert_eq!(backchannels(&fake), [false, false]);
    assert_eq!(fake.media()[1].direction(), Direction::SendOnly, "as written");
}

/// Within the RFC: an unbound payload type is one that nothing is known of.
#[test]
fn q71_backchannel_of_unbound_payload_types_leaves_the_video_alone() {
    let description = read("dahua_backchannel", &[]);
    let [video, _, metadata, backchannel] = description.media() else {
        panic!("four media descriptions")
    };
    assert_eq!(h264(video).payload_type, 96);
    assert_eq!(video.frame_rate(), Some(25.0));
    assert_eq!(metadata.kind(), &MediaKind::Application);
    assert_eq!(backchannel.formats().count(), 20);
    assert!(backchannel.is_backchannel());
    let unbound = backchannel.formats().last().unwrap();
    assert_eq!(
        (unbound.payload_type, unbound.encoding, unbound.clock_rate),
        (114, "", 0)
    );
}

#[test]
fn q72_impossible_ports_and_connections_are_ignored() {
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

/// Within the RFC: parameter sets may be left out, here the VPS.
#[test]
fn q73_incomplete_h265_parameter_sets_are_handed_on() {
    let description = read("hikvision_h265", &[]);
    let format = description.media()[0].formats().next().unwrap();
    assert_eq!((format.encoding, format.is_h264()), ("H265", false));
    let fmtp = format.fmtp.unwrap();
    assert!(fmtp.get("sprop-sps").is_some() && fmtp.get("sprop-pps").is_some());
    assert_eq!(fmtp.get("sprop-vps"), None);
}

#[test]
fn q74_parameter_sets_of_the_description_are_there() {
    assert_eq!(
        parameter(&reolink().media()[0], "sprop-parameter-sets"),
        Some("Z2QAM6wrQBQAWsg=,aO48gA==")
    );
}

#[test]
fn q124_h264_on_a_static_payload_type_is_found() {
    let description = bosch();
    let format = h264(&description.media()[0]);
    assert_eq!((format.payload_type, format.clock_rate), (35, 90_000));
}

#[test]
fn q125_rtpmap_of_an_unlisted_payload_type_is_ignored() {
    let description = bosch();
    let formats = description.media()[0].formats();
    assert!(formats.map(|f| (f.payload_type, f.encoding)).eq([(35, "H264")]));
}

#[test]
fn q126_h264_is_found_behind_other_formats() {
    let description = verint();
    let format = h264(&description.media()[0]);
    assert_eq!(format.payload_type, 96);
    assert_eq!(format.fmtp.unwrap().get("profile-level-id"), Some("42001e"));
    let description = vivotek();
    let format = h264(&description.media()[0]);
    assert_eq!((format.payload_type, format.encoding), (97, "h264"));
}

/// Within the RFC: a payload type means something in its media description only.
#[test]
fn q127_one_payload_type_in_two_media_is_kept_apart() {
    let description = unifi();
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

#[test]
fn q128_h265_with_the_parameters_of_h264_is_told() {
    let description = read(
        "ezviz_h265-with-h264-parameters",
        &[(Tolerance::ForeignParameters, 8)],
    );
    let format = description.media()[0].formats().next().unwrap();
    assert_eq!((format.encoding, format.fmtp_encoding()), ("H265", Some("H264")));
}

#[test]
fn q129_text_media_second_information_and_long_identifiers_are_read() {
    let description = read(
        "hanwha_wave-archive",
        &[(Tolerance::RepeatedLine, 5), (Tolerance::Repeat, 7)],
    );
    assert_eq!(
        description.origin().unwrap().session_id,
        "98837465019283746501928374650"
    );
    assert_eq!(description.timing().unwrap().start, 3_930_000_000);
    let kinds = description.media().iter().map(|media| media.kind().as_str());
    assert!(kinds.eq(["text", "video", "meta"]));
}

#[test]
fn q130_three_lines_of_media_and_attributes_are_a_description() {
    let missing = [
        Tolerance::MissingVersion,
        Tolerance::MissingOrigin,
        Tolerance::MissingSessionName,
        Tolerance::MissingTiming,
        Tolerance::MissingConnection,
    ];
    let description = read("minimal_media-only", &missing.map(|tolerance| (tolerance, 1)));
    assert_eq!(h264(&description.media()[0]).payload_type, 96);
}

#[test]
fn q131_range_that_ends_before_it_begins_is_none() {
    let description = read(
        "hanwha_reversed-range",
        &[(Tolerance::ReversedRange, 6), (Tolerance::ReversedRange, 8)],
    );
    assert_eq!(description.typed::<Range>().count(), 0);
    assert_eq!(description.media()[0].typed::<Range>().count(), 0);
    assert_eq!(
        description.media()[0].attribute("range"),
        Some("npt=600-0"),
        "still there to see"
    );
}

/// Within the RFC.
#[test]
fn q133_connection_of_a_medium_wins_over_the_session() {
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
