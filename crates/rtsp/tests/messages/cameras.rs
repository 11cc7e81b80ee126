//! What cameras and players say, read through their headers.

use std::fmt::Debug;
use std::time::Duration;

use throughline_rtsp::headers::{
    CSeq, Challenge, DigestAlgorithm, HeaderFault, Public, RtpInfo, RtpInfoEntry, Session, Transport,
    TransportMode, TypedHeader, WwwAuthenticate, name,
};
use throughline_rtsp::{Method, Policy, Reading, RtspUrl, StatusCode, Tolerance, base_url_with};

use crate::fixture;
use crate::support::{request, response};

#[test]
fn q18_an_empty_header_is_one() {
    let response = response(fixture::foscam_options_without_reason);
    assert_eq!((response.status, response.reason.as_str()), (StatusCode::OK, ""));
    assert_eq!(response.headers.get(name::SERVER), Some(""));
    let public: Public = response.headers.typed().unwrap().unwrap();
    assert_eq!(public.0, [Method::Options, Method::Describe]);
}

#[test]
fn q13_names_may_be_in_any_case() {
    let response = response(fixture::xiongmai_describe_line_feeds_only);
    assert_eq!(response.headers.typed(), Ok(Some(CSeq(3))));
    assert_eq!(response.headers.get("Content-Type"), Some("application/sdp"));
    assert!(response.body.starts_with(b"v=0\r\n"));
}

#[test]
fn a_folded_header_is_one_value() {
    let response = response(fixture::avigilon_describe_folded_header);
    let words: Vec<_> = response
        .headers
        .get(name::SERVER)
        .unwrap()
        .split_whitespace()
        .collect();
    assert_eq!(words, ["gate", "way", "2.0", "(build", "7)"]);
    assert!(!response.body.is_empty());
}

#[test]
fn bytes_that_are_not_utf8_spoil_only_their_own_header() {
    let response = response(fixture::bosch_server_header_not_utf8);
    assert_eq!(
        response.headers.get(name::SERVER),
        Some("Geb\u{fffd}ude \u{fffd}")
    );
    assert_eq!(
        response.headers.typed::<Session>().unwrap().unwrap().id,
        "12345678"
    );
}

#[test]
fn q18_a_header_may_have_many_spaces_or_none() {
    let response = response(fixture::longse_unauthorized_cseq_with_spaces);
    assert_eq!(response.headers.typed(), Ok(Some(CSeq(2))));
    let basic = Challenge::Basic {
        realm: "LongSe".to_owned(),
    };
    assert_eq!(response.headers.typed(), Ok(Some(WwwAuthenticate(vec![basic]))));
}

#[test]
fn q49_a_realm_with_parentheses_commas_and_escapes_is_one_string() {
    let response = response(fixture::tplink_unauthorized_realm_with_parentheses);
    let WwwAuthenticate(challenges) = response.headers.typed().unwrap().unwrap();
    let [Challenge::Digest(digest)] = challenges.as_slice() else {
        panic!("{challenges:?}")
    };
    assert_eq!(digest.realm, r#"IP Camera(AB705), "yard" = west"#);
    assert_eq!(digest.nonce, "6b1f0c29d1e84d5f");
    assert!(!digest.stale);
}

#[test]
fn q50_challenges_in_two_headers_and_in_one_are_all_found_in_order() {
    let in_two = response(fixture::dahua_unauthorized_two_headers);
    let WwwAuthenticate(in_two) = in_two.headers.typed().unwrap().unwrap();
    assert!(
        matches!(in_two.as_slice(), [Challenge::Digest(_), Challenge::Basic { .. }]),
        "{in_two:?}"
    );

    let in_one = response(fixture::prama_unauthorized_two_digests_in_one_header);
    let WwwAuthenticate(in_one) = in_one.headers.typed().unwrap().unwrap();
    let [
        Challenge::Digest(first),
        Challenge::Digest(second),
        Challenge::Basic { realm },
    ] = in_one.as_slice()
    else {
        panic!("{in_one:?}")
    };
    assert_eq!(
        (&first.algorithm, first.nonce.as_str()),
        (&Some(DigestAlgorithm::Sha256), "aa01")
    );
    assert_eq!(
        (&second.algorithm, second.nonce.as_str()),
        (&Some(DigestAlgorithm::Md5), "aa02")
    );
    assert_eq!(realm, "IPC");
}

/// What a header says with this tolerance alone; without it, reading it fails or says what `refused` does.
fn check<H: TypedHeader + Debug + PartialEq>(bytes: &[u8], tolerance: Tolerance, value: &H) -> Option<H> {
    let headers = response(bytes).headers;
    let mut reading = Reading::new(Policy::strict().tolerate(tolerance));
    let read = headers.typed_with::<H>(&mut reading);
    assert_eq!(read.as_ref().map(Option::as_ref), Ok(Some(value)));
    assert_eq!(headers.typed::<H>(), read);
    assert_eq!(reading.tolerated().iter().collect::<Vec<_>>(), [tolerance]);
    let mut reading = Reading::new(Policy::default().refuse(tolerance));
    match headers.typed_with::<H>(&mut reading) {
        Err(error) => {
            assert_eq!(error.what, HeaderFault::NotTolerated(tolerance));
            None
        }
        Ok(read) => read,
    }
}

#[test]
fn q10_a_timeout_of_0_says_nothing() {
    let session = Session {
        id: "12345678".to_owned(),
        timeout: None,
    };
    let refused = check(
        fixture::generic_setup_timeout_zero,
        Tolerance::SessionParameter,
        &session,
    );
    assert_eq!(refused, None);
}

#[test]
fn q10_a_timeout_may_have_spaces_around_it() {
    // As the RFC allows.
    let headers = response(fixture::vivotek_setup_comma_before_ssrc).headers;
    let mut strict = Reading::new(Policy::strict());
    let session = Session {
        id: "12345678".to_owned(),
        timeout: Some(Duration::from_secs(80)),
    };
    assert_eq!(headers.typed_with(&mut strict), Ok(Some(session)));
}

#[test]
fn q20_channels_without_tcp_mean_tcp() {
    let tcp = Transport::interleaved(0, 1);
    let refused = check(
        fixture::escam_setup_interleaved_without_tcp,
        Tolerance::InterleavedWithoutTcp,
        &tcp,
    );
    assert_eq!(refused, None);
}

#[test]
fn q21_one_channel_has_the_next_for_rtcp() {
    // As the RFC has it.
    let headers = response(fixture::generic_setup_one_channel).headers;
    let mut strict = Reading::new(Policy::strict());
    assert_eq!(
        headers.typed_with(&mut strict),
        Ok(Some(Transport::interleaved(0, 1)))
    );
}

#[test]
fn q22_an_ssrc_may_have_a_space_and_six_digits() {
    let transport = Transport {
        ssrc: Some(0x4d_8c1f),
        mode: vec![TransportMode::Play],
        ..Transport::interleaved(0, 1)
    };
    let refused = check(
        fixture::hikvision_setup_ssrc_with_space,
        Tolerance::TransportSsrc,
        &transport,
    );
    assert_eq!(refused, None);
}

#[test]
fn q23_q110_a_comma_may_stand_before_an_ssrc_of_16_bits() {
    let headers = response(fixture::vivotek_setup_comma_before_ssrc).headers;
    let transport = Transport {
        ssrc: Some(0x6f7c),
        ..Transport::udp(40000, 40001)
    };
    assert_eq!(headers.typed(), Ok(Some(transport)));
    for refused in [Tolerance::TransportComma, Tolerance::TransportSsrc] {
        let mut reading = Reading::new(Policy::default().refuse(refused));
        let error = headers.typed_with::<Transport>(&mut reading).unwrap_err();
        assert_eq!(error.what, HeaderFault::NotTolerated(refused));
    }
}

#[test]
fn q87_rtp_info_with_bogus_parts_keeps_the_others() {
    let entry = |track: u8, seq, rtptime| RtpInfoEntry {
        url: format!("rtsp://192.0.2.10/stream1/trackID={track}"),
        seq,
        rtptime,
    };
    let laureii = RtpInfo(vec![entry(1, Some(21434), Some(3_141_593))]);
    let refused = check(
        fixture::laureii_play_trailing_semicolon,
        Tolerance::RtpInfo,
        &laureii,
    );
    assert_eq!(refused, None);
    let omny = RtpInfo(vec![entry(1, Some(0), None), entry(2, None, Some(90))]);
    let refused = check(fixture::omny_play_negative_rtptime, Tolerance::RtpInfo, &omny);
    assert_eq!(refused, None);
}

#[test]
fn q136_a_camera_that_says_0_names_no_timestamp() {
    let info = |rtptime| {
        RtpInfo(vec![RtpInfoEntry {
            url: "rtsp://192.0.2.10:7447/cam/trackID=1".to_owned(),
            seq: Some(17),
            rtptime,
        }])
    };
    let refused = check(
        fixture::unifi_play_rtptime_zero,
        Tolerance::ZeroRtpTime,
        &info(None),
    );
    assert_eq!(refused, Some(info(Some(0))));
}

/// The URL of the stream with this tolerance alone, and without it.
fn stream_urls(bytes: &[u8], tolerance: Tolerance) -> [String; 2] {
    let request = RtspUrl::parse("rtsp://198.51.100.7:8554/stream1").unwrap().0;
    let headers = response(bytes).headers;
    let text = Policy::strict().tolerate(Tolerance::TextualControl);
    [text.tolerate(tolerance), text].map(|policy| {
        let mut reading = Reading::new(policy);
        let base = base_url_with(&request, headers.get(name::CONTENT_BASE), None, &mut reading);
        assert_eq!(
            reading.tolerated().contains(tolerance),
            policy.tolerates(tolerance)
        );
        let url = base.join_control_with(Some("trackID=1"), &mut reading);
        url.as_str().to_owned()
    })
}

const AT_THE_REQUEST: &str = "rtsp://198.51.100.7:8554/stream1/trackID=1";

#[test]
fn q1_q2_a_broken_content_base_is_mended_or_passed_over() {
    // The path is that of the request, so both lead to the stream.
    let urls = stream_urls(
        fixture::anjvision_describe_content_base_without_scheme,
        Tolerance::MissingScheme,
    );
    assert_eq!(urls, [AT_THE_REQUEST; 2]);
    let urls = stream_urls(
        fixture::unifi_describe_content_base_with_two_schemes,
        Tolerance::BrokenAuthority,
    );
    assert_eq!(urls, [AT_THE_REQUEST; 2]);
}

#[test]
fn q3_a_content_base_that_is_a_path_counts_or_is_passed_over() {
    let urls = stream_urls(
        fixture::generic_describe_content_base_path,
        Tolerance::RelativeBase,
    );
    assert_eq!(urls, ["rtsp://198.51.100.7:8554/trackID=1", AT_THE_REQUEST]);
}

#[test]
fn q4_q132_a_content_base_elsewhere_counts_with_its_path_or_as_it_stands() {
    let urls = stream_urls(
        fixture::dvr_describe_content_base_behind_query,
        Tolerance::OtherServer,
    );
    assert_eq!(
        urls,
        [
            "rtsp://198.51.100.7:8554/live?channel=1/trackID=1",
            "rtsp://dvr.dyn.example:9554/live?channel=1/trackID=1",
        ]
    );
}

#[test]
fn a_request_url_may_hold_a_space() {
    let request = request(fixture::vlc_setup_two_transports);
    assert_eq!(request.uri, "rtsp://192.0.2.10:554/my stream/trackID=1");
    let offers = Transport::parse_list(request.headers.get(name::TRANSPORT).unwrap()).unwrap();
    assert_eq!(offers, [Transport::interleaved(0, 1), Transport::udp(5000, 5001)]);
}

#[test]
fn requests_from_the_server_are_told_from_its_responses() {
    assert_eq!(
        request(fixture::live555_get_parameter_from_server).method,
        Method::GetParameter
    );
    let announce = request(fixture::nvr_announce_from_server);
    assert_eq!(announce.method, Method::Announce);
    assert!(announce.body.ends_with(b"a=control:trackID=1\r\n"));
    let set_parameter = request(fixture::client_set_parameter_with_body);
    assert_eq!(set_parameter.body, "barparam: barstuff\r\n");
    assert_eq!(response(fixture::hikvision_options).reason, "OK");
}
