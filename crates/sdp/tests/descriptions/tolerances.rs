//! Each tolerance by itself: with it, the body is read and the use is recorded at its line; without it, reading ends
//! with the error that names rule and line.

use throughline_sdp::{
    Crypto, Direction, Format, MediaDescription, MediaKind, ParseError, Policy, Range, SessionDescription,
    Tolerance, Tolerated,
};

const V: &str = "v=0\r\n";
const O: &str = "o=- 1 1 IN IP4 192.0.2.7\r\n";
const S: &str = "s=cam\r\n";
const C: &str = "c=IN IP4 0.0.0.0\r\n";
const T: &str = "t=0 0\r\n";
/// Lines 1 to 5, all of the above.
const SESSION: &str = "v=0\r\no=- 1 1 IN IP4 192.0.2.7\r\ns=cam\r\nc=IN IP4 0.0.0.0\r\nt=0 0\r\n";
/// Lines 6 and 7 behind [`SESSION`].
const VIDEO: &str = "m=video 0 RTP/AVP 96\r\na=rtpmap:96 H264/90000\r\n";

/// One test for each case, and one that no tolerance is without a case.
macro_rules! cases {
    ($($name:ident: $tolerance:ident at $line:literal in $body:expr, $seen:expr;)+) => {
        $(
            #[test]
            fn $name() {
                check(Tolerance::$tolerance, $line, $body.concat().as_ref(), $seen);
            }
        )+

        #[test]
        fn every_tolerance_has_a_test() {
            let tested = [$(Tolerance::$tolerance),+];
            for tolerance in Tolerance::ALL {
                assert!(tested.contains(tolerance), "{tolerance:?}");
            }
        }
    };
}

#[expect(
    clippy::unwrap_used,
    reason = "the test ends here where reading does not go as the case says"
)]
fn check(tolerance: Tolerance, line: usize, body: &[u8], seen: fn(&SessionDescription) -> bool) {
    let description = SessionDescription::parse(body).unwrap();
    assert_eq!(description.tolerated(), [Tolerated { tolerance, line }]);
    assert!(seen(&description), "{description:#?}");

    let only_this = Policy::strict().tolerate(tolerance);
    assert_eq!(SessionDescription::parse_with(body, &only_this), Ok(description));

    let all_but_this = Policy::default().refuse(tolerance);
    let error = SessionDescription::parse_with(body, &all_but_this).unwrap_err();
    assert_eq!(error, ParseError::NotTolerated { tolerance, line });
    assert_eq!(
        error.to_string(),
        format!("session description line {line}: {tolerance}")
    );
}

fn has_h264(description: &SessionDescription) -> bool {
    description
        .media()
        .iter()
        .flat_map(MediaDescription::formats)
        .any(|format| format.is_h264())
}

fn h264_parameter<'a>(description: &'a SessionDescription, name: &str) -> Option<&'a str> {
    let format = description.media().first()?.formats().find(Format::is_h264)?;
    format.fmtp?.get(name)
}

cases! {
    // Lines
    line_may_end_in_lf_alone: LineEnding at 6 in [SESSION, "a=tool:x\na=control:*\n"],
        |d| d.control() == Some("*");
    line_may_end_in_cr_alone: LineEnding at 6 in [SESSION, "a=tool:x\ra=control:*\r"],
        |d| d.control() == Some("*");
    last_line_may_lack_its_ending: UnterminatedLastLine at 6 in [SESSION, "a=control:*"],
        |d| d.control() == Some("*");
    blank_line_is_left_out_but_counted: BlankLine at 6 in [SESSION, "\r\n", VIDEO],
        |d| has_h264(d) && d.lines().nth(5).is_some_and(|line| line.number() == 7);
    indented_line_is_read: IndentedLine at 6 in [SESSION, " \ta=control:*\r\n"],
        |d| d.control() == Some("*");
    byte_order_mark_is_left_out: IndentedLine at 1 in ["\u{feff}", SESSION],
        |d| d.session_name() == Some("cam");
    latin_1_is_replaced: NotUtf8 at 6 in [SESSION.as_bytes(), b"a=control:caf\xe9\r\n"],
        |d| d.control() == Some("caf\u{fffd}");
    nul_byte_is_left_out: NulByte at 6 in [SESSION, "a=control:*\0\0\r\n"],
        |d| d.control() == Some("*");
    garbage_between_lines_is_kept_as_text: NotALine at 6 in [SESSION, "RTSP/1.0 200 OK\r\n", VIDEO],
        |d| has_h264(d) && d.lines().nth(5).is_some_and(|line| line.type_letter().is_none());
    unknown_type_letter_is_kept_as_text: UnknownType at 6 in [SESSION, "y=0100000001\r\n", VIDEO],
        |d| has_h264(d) && d.lines().nth(5).is_some_and(|line| line.value() == Some("0100000001"));
    white_space_behind_an_rtpmap_is_ignored: Spacing at 7 in
        [SESSION, "m=video 0 RTP/AVP 96\r\na=rtpmap:96 H264/90000 \t\r\n"], has_h264;
    white_space_around_media_fields_is_ignored: Spacing at 6 in
        [SESSION, "m= video  0 RTP/AVP\t96 \r\na=rtpmap:96 H264/90000\r\n"], has_h264;
    white_space_before_an_fmtp_is_ignored: Spacing at 8 in
        [SESSION, VIDEO, "a=fmtp: 96 packetization-mode=1\r\n"],
        |d| h264_parameter(d, "packetization-mode") == Some("1");

    // Sections
    connection_may_stand_behind_an_attribute: LineOrder at 8 in [SESSION, VIDEO, "c=IN IP4 192.0.2.9\r\n"],
        |d| d.media()[0].connection().is_some_and(|connection| connection.address == "192.0.2.9");
    attribute_may_stand_before_the_timing: LineOrder at 6 in [V, O, S, C, "a=control:*\r\n", T],
        |d| d.control() == Some("*") && d.timing().is_some();
    first_session_name_of_two_counts: RepeatedLine at 4 in [V, O, S, "s=second\r\n", C, T],
        |d| d.session_name() == Some("cam");
    first_connection_of_two_counts: RepeatedLine at 5 in [V, O, S, C, "c=IN IP4 192.0.2.9\r\n", T],
        |d| d.connection().is_some_and(|connection| connection.address == "0.0.0.0");
    second_information_line_of_a_medium_is_kept: RepeatedLine at 8 in
        [SESSION, "m=video 0 RTP/AVP 96\r\ni=one\r\ni=two\r\na=rtpmap:96 H264/90000\r\n"], has_h264;
    session_line_behind_the_media_counts_for_the_session: SessionLineInMedia at 7 in
        [V, O, S, C, VIDEO, T], |d| d.timing().is_some() && has_h264(d);
    version_may_be_missing: MissingVersion at 4 in [O, S, C, T], |d| d.session_name() == Some("cam");
    origin_may_be_missing: MissingOrigin at 5 in [V, S, C, T, VIDEO], |d| d.origin().is_none() && has_h264(d);
    session_name_may_be_missing: MissingSessionName at 5 in [V, O, C, T, VIDEO],
        |d| d.session_name().is_none() && has_h264(d);
    timing_may_be_missing: MissingTiming at 5 in [V, O, S, C, VIDEO],
        |d| d.timing().is_none() && has_h264(d);
    connection_may_be_missing: MissingConnection at 5 in [V, O, S, T, VIDEO],
        |d| d.connection().is_none() && has_h264(d);

    // Session-level lines
    version_1_is_read_as_version_0: Version at 1 in ["v=1\r\n", O, S, C, T, VIDEO], has_h264;
    origin_with_hexadecimal_identifiers_is_ignored: Origin at 2 in
        [V, "o=- 3ad71f 1 IN IP4 192.0.2.7\r\n", S, C, T, VIDEO], |d| d.origin().is_none() && has_h264(d);
    origin_with_negative_identifiers_is_ignored: Origin at 2 in
        [V, "o=- -17 -1 IN IP4 192.0.2.7\r\n", S, C, T, VIDEO], |d| d.origin().is_none() && has_h264(d);
    origin_of_ipv4_is_ignored: Origin at 2 in [V, "o=- 1 1 IN IPV4 192.0.2.7\r\n", S, C, T, VIDEO],
        |d| d.origin().is_none() && has_h264(d);
    origin_without_address_is_ignored: Origin at 2 in [V, "o=- 1 1 IN IP4 \r\n", S, C, T, VIDEO],
        |d| d.origin().is_none() && has_h264(d);
    session_name_may_be_empty: EmptySessionName at 3 in [V, O, "s=\r\n", C, T, VIDEO],
        |d| d.session_name() == Some("") && has_h264(d);
    connection_of_network_type_alone_is_ignored: Connection at 4 in [V, O, S, "c=IN\r\n", T, VIDEO],
        |d| d.connection().is_none() && has_h264(d);
    connection_without_address_type_is_ignored: Connection at 4 in [V, O, S, "c=IN 192.0.2.7\r\n", T, VIDEO],
        |d| d.connection().is_none() && has_h264(d);
    connection_within_a_connection_is_ignored: Connection at 4 in
        [V, O, S, "c=IN c=IN IP4 192.0.2.7\r\n", T, VIDEO], |d| d.connection().is_none() && has_h264(d);
    empty_bandwidth_is_ignored: Bandwidth at 8 in [SESSION, "m=video 0 RTP/AVP 96\r\nb=AS:5000\r\nb=\r\n"],
        |d| d.media()[0].bandwidths().map(|bandwidth| bandwidth.value).eq([5000]);
    bandwidth_without_value_is_ignored: Bandwidth at 7 in [SESSION, "m=video 0 RTP/AVP 96\r\nb=TIAS:\r\n"],
        |d| d.media()[0].bandwidths().count() == 0;
    timing_of_now_is_ignored: Timing at 5 in [V, O, S, C, "t=now-\r\n", VIDEO],
        |d| d.timing().is_none() && has_h264(d);
    empty_timing_is_ignored: Timing at 5 in [V, O, S, C, "t=\r\n", VIDEO],
        |d| d.timing().is_none() && has_h264(d);
    repeat_without_offsets_is_ignored: Repeat at 6 in [SESSION, "r=7d 1h\r\n", VIDEO], has_h264;

    // Media
    media_of_one_word_is_kept_without_formats: MediaLine at 6 in [SESSION, "m=vana\r\n", VIDEO],
        |d| d.media()[0].kind() == &MediaKind::Other("vana".to_owned())
            && d.media()[0].formats().count() == 0
            && has_h264(d);
    media_without_formats_is_kept: MediaLine at 6 in [SESSION, "m=audio 0 RTP/AVP\r\n", VIDEO],
        |d| d.media()[0].kind() == &MediaKind::Audio && has_h264(d);
    negative_port_is_0: MediaPort at 6 in
        [SESSION, "m=video -1 RTP/AVP 96\r\na=rtpmap:96 H264/90000\r\n"],
        |d| d.media()[0].port() == 0 && has_h264(d);
    port_past_16_bits_is_0: MediaPort at 6 in
        [SESSION, "m=video 65536 RTP/AVP 96\r\na=rtpmap:96 H264/90000\r\n"],
        |d| d.media()[0].port() == 0 && has_h264(d);
    format_that_is_no_payload_type_is_left_out: MediaFormat at 6 in
        [SESSION, "m=application 0 RTP/AVP smart/1/90000 128 107\r\n", VIDEO],
        |d| d.media()[0].formats().map(|format| format.payload_type).eq([107]) && has_h264(d);

    // Attributes
    attribute_without_name_is_kept_as_text: Attribute at 6 in [SESSION, "a=:x\r\na=control:*\r\n"],
        |d| d.attributes().count() == 1 && d.control() == Some("*");
    attribute_name_may_be_spaced: Attribute at 6 in [SESSION, "a= control:*\r\n"],
        |d| d.control() == Some("*");
    attribute_may_lack_the_value_behind_its_colon: Attribute at 6 in [SESSION, "a=control:\r\n"],
        |d| d.control() == Some("");
    rtpmap_clock_of_0_is_none: Rtpmap at 7 in
        [SESSION, "m=video 0 RTP/AVP 96\r\na=rtpmap:96 H264/0\r\n"],
        |d| d.media()[0].formats().all(|format| format.is_h264() && format.clock_rate == 90_000);
    rtpmap_may_lack_its_clock: Rtpmap at 7 in [SESSION, "m=video 0 RTP/AVP 96\r\na=rtpmap:96 H264\r\n"],
        |d| d.media()[0].formats().all(|format| format.is_h264() && format.clock_rate == 90_000);
    rtpmap_clock_may_have_a_tail: Rtpmap at 7 in
        [SESSION, "m=audio 0 RTP/AVP 97\r\na=rtpmap:97 opus/48000Hz\r\n"],
        |d| d.media()[0].formats().all(|format| format.clock_rate == 48_000);
    rtpmap_without_encoding_is_ignored: Rtpmap at 8 in [SESSION, VIDEO, "a=rtpmap:96\r\n"], has_h264;
    fmtp_without_parameters_is_ignored: Fmtp at 8 in [SESSION, VIDEO, "a=fmtp:96 \r\n"],
        |d| d.media()[0].formats().all(|format| format.is_h264() && format.fmtp.is_none());
    fmtp_may_name_several_payload_types: FmtpSeveralTypes at 8 in
        [SESSION, "m=video 0 RTP/AVP 98 96\r\na=rtpmap:96 H264/90000\r\na=fmtp:98 96 packetization-mode=1\r\n"],
        |d| h264_parameter(d, "packetization-mode") == Some("1");
    rtpmap_of_an_unlisted_payload_type_is_ignored: OrphanFormat at 8 in
        [SESSION, VIDEO, "a=rtpmap:102 H265/90000\r\n"],
        |d| d.media()[0].formats().map(|format| format.encoding).eq(["H264"]);
    fmtp_of_an_unlisted_payload_type_counts_for_the_only_format: OrphanFormat at 8 in
        [SESSION, VIDEO, "a=fmtp:97 packetization-mode=1\r\n"],
        |d| h264_parameter(d, "packetization-mode") == Some("1");
    fmtp_of_an_unlisted_payload_type_counts_for_none_of_two_formats: OrphanFormat at 8 in
        [SESSION, "m=video 0 RTP/AVP 96 98\r\na=rtpmap:96 H264/90000\r\na=fmtp:97 packetization-mode=1\r\n"],
        |d| has_h264(d) && h264_parameter(d, "packetization-mode").is_none();
    rtpmap_wins_over_the_static_table: StaticTypeRedefined at 7 in
        [SESSION, "m=audio 0 RTP/AVP 11\r\na=rtpmap:11 PCM/48000\r\n"],
        |d| d.media()[0].formats().all(|format| (format.encoding, format.clock_rate) == ("PCM", 48_000));
    h264_may_have_an_unassigned_payload_type: StaticTypeRedefined at 7 in
        [SESSION, "m=video 0 RTP/AVP 35\r\na=rtpmap:35 H264/90000\r\n"], has_h264;
    values_of_known_attributes_that_follow_no_grammar_are_text: AttributeValue at 8 in
        [SESSION, VIDEO, "a=framerate:25 fps\r\n"],
        |d| d.media()[0].frame_rate().is_none() && d.media()[0].attribute("framerate") == Some("25 fps");
    crypto_of_no_grammar_is_none: AttributeValue at 8 in [SESSION, VIDEO, "a=crypto:x\r\n"],
        |d| d.media()[0].typed::<Crypto>().count() == 0;
    white_space_in_the_value_of_a_known_attribute_is_ignored: Spacing at 8 in
        [SESSION, VIDEO, "a=rtcp-fb: 96  nack\tpli \r\n"],
        |d| d.media()[0].supports_feedback(96, "nack pli");
    range_that_ends_before_it_begins_is_ignored: ReversedRange at 6 in [SESSION, "a=range:npt=5-4\r\n", VIDEO],
        |d| d.typed::<Range>().count() == 0 && has_h264(d);
    h264_may_have_the_parameters_of_h265: ForeignParameters at 8 in
        [SESSION, VIDEO, "a=fmtp:96 sprop-vps=QAE=;sprop-sps=QgE=;sprop-pps=RAE=\r\n"],
        |d| d.media()[0].formats().all(|format| format.is_h264() && format.fmtp_encoding() == Some("H265"));
    camera_may_call_its_own_picture_sendonly: SenderSide at 6 in [SESSION, VIDEO, "a=sendonly\r\n"],
        |d| has_h264(d) && d.media()[0].direction() == Direction::SendOnly && !d.media()[0].is_backchannel();
    camera_may_call_its_own_microphone_sendonly: SenderSide at 6 in
        [SESSION, "m=audio 0 RTP/AVP 0\r\na=sendonly\r\n"], |d| !d.media()[0].is_backchannel();
}

#[test]
fn nothing_is_tolerated_in_what_the_rfc_allows() {
    let allowed = [
        // A line of each type, in order.
        "v=0\r\no=gate 17 18 IN IP4 192.0.2.7\r\ns=Gate north\r\ni=By the barrier\r\n\
         u=http://cam.example/about\r\ne=guard@cam.example\r\ne=post@cam.example\r\np=+49 30 000000\r\n\
         c=IN IP4 192.0.2.7\r\nb=CT:900\r\nt=0 0\r\nz=3930000000 -1h\r\nk=prompt\r\na=recvonly\r\n\
         m=audio 5000 RTP/AVP 0\r\nm=video 5002/2 RTP/AVP 99\r\ni=Lens two\r\nc=IN IP6 2001:db8::2\r\n\
         b=AS:800\r\nk=clear:none\r\na=rtpmap:99 H264/90000\r\n",
        // Several timings with repeats; no media at all; a space for a name.
        "v=0\r\no=- 1 1 IN IP6 ::1\r\ns= \r\nt=1 2\r\nr=7d 1h 0 25h\r\nt=3 4\r\n",
        // Formats that are words, where the protocol is not RTP.
        "v=0\r\no=- 1 1 IN IP4 cam.example\r\ns=-\r\nt=0 0\r\nm=application 9 UDP/DTLS/SCTP webrtc-datachannel\r\n\
         c=IN IP6 ff15::101/3\r\na=sctp-port:5000\r\n",
    ];
    for body in allowed {
        let description = SessionDescription::parse_with(body.as_bytes(), &Policy::strict()).unwrap();
        assert_eq!(description.to_string(), body);
    }
}
