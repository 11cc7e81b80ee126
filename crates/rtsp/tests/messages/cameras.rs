//! What cameras and players say, read through their headers.

use throughline_rtsp::headers::{
    CSeq, Challenge, DigestAlgorithm, LowerTransport, Public, RtpInfo, Session, Transport, WwwAuthenticate,
    name,
};
use throughline_rtsp::{Method, RtspUrl, StatusCode, base_url};

use crate::fixture;
use crate::support::{request, response};

#[test]
fn a_status_without_reason_and_an_empty_header_are_accepted() {
    // Q17, Q18
    let response = response(fixture::foscam_options_without_reason);
    assert_eq!((response.status, response.reason.as_str()), (StatusCode::OK, ""));
    assert_eq!(response.headers.get(name::SERVER), Some(""));
    let public: Public = response.headers.typed().unwrap().unwrap();
    assert_eq!(public.0, [Method::Options, Method::Describe]);
}

#[test]
fn lines_may_end_without_carriage_return_and_names_be_in_any_case() {
    // Q13
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
fn cseq_with_spaces_and_a_header_without_any_are_read() {
    // Q12, Q18
    let response = response(fixture::longse_unauthorized_cseq_with_spaces);
    assert_eq!(response.headers.typed(), Ok(Some(CSeq(2))));
    let basic = Challenge::Basic {
        realm: "LongSe".to_owned(),
    };
    assert_eq!(response.headers.typed(), Ok(Some(WwwAuthenticate(vec![basic]))));
}

#[test]
fn a_realm_with_parentheses_commas_and_escapes_is_one_string() {
    // Q49
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
fn challenges_in_two_headers_and_in_one_are_all_found_in_order() {
    // Q50
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

#[test]
fn a_transport_is_read_in_the_cameras_own_spelling() {
    let transport = |bytes| response(bytes).headers.typed::<Transport>().unwrap().unwrap();
    // Q22
    let hikvision = transport(fixture::hikvision_setup_ssrc_with_space);
    assert_eq!(
        (hikvision.ssrc, hikvision.interleaved),
        (Some(0x4d_8c1f), Some((0, 1)))
    );
    // Q20
    assert_eq!(
        transport(fixture::escam_setup_interleaved_without_tcp).lower,
        LowerTransport::Tcp
    );
    // Q23, Q110
    let vivotek = transport(fixture::vivotek_setup_comma_before_ssrc);
    assert_eq!(
        (vivotek.client_port, vivotek.ssrc),
        (Some((40000, 40001)), Some(0x6f7c))
    );
}

#[test]
fn a_session_timeout_with_spaces_is_read() {
    // Q10
    let session: Session = response(fixture::vivotek_setup_comma_before_ssrc)
        .headers
        .typed()
        .unwrap()
        .unwrap();
    assert_eq!(
        (session.id.as_str(), session.timeout.map(|t| t.as_secs())),
        ("12345678", Some(80))
    );
}

#[test]
fn rtp_info_with_bogus_parts_keeps_the_others() {
    // Q87
    let info = |bytes| response(bytes).headers.typed::<RtpInfo>().unwrap().unwrap().0;
    let laureii = info(fixture::laureii_play_trailing_semicolon);
    assert_eq!(
        (laureii[0].seq, laureii[0].rtptime),
        (Some(21434), Some(3_141_593))
    );
    let omny = info(fixture::omny_play_negative_rtptime);
    assert_eq!((omny[0].seq, omny[0].rtptime), (Some(0), None));
    assert_eq!((omny[1].seq, omny[1].rtptime), (None, Some(90)));
}

#[test]
fn a_broken_content_base_still_leads_to_the_stream() {
    // Q1, Q2
    let url = RtspUrl::parse("rtsp://198.51.100.7:8554/stream1").unwrap().0;
    for fixture in [
        fixture::anjvision_describe_content_base_without_scheme,
        fixture::unifi_describe_content_base_with_two_schemes,
    ] {
        let response = response(fixture);
        let base = base_url(&url, response.headers.get(name::CONTENT_BASE), None);
        let control = base.join_control(Some("trackID=1"));
        assert_eq!(control.as_str(), "rtsp://198.51.100.7:8554/stream1/trackID=1");
    }
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
