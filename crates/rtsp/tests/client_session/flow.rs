use throughline_rtsp::Policy;
use throughline_rtsp::client::{ClientSession, Event, SessionConfig, SessionStats, TransportRequest};
use throughline_rtsp::headers::LowerTransport;

use crate::script::{LABEL, SDP, Script, TCP, config, frame, seconds};

/// RTP, as far as a look at its first bytes can tell: behind garbage only that counts as a frame.
const BEFORE: &[u8] = b"\x80\x60\x00\x07before the reply";
const AFTER: &[u8] = b"\x80\x60\x00\x08after the reply";
const REPORT: &[u8] = b"\x80\xc8\x00\x06a sender report of 28 B";

/// From DESCRIBE to TEARDOWN over TCP, with media before and after the reply to PLAY and dirt between; everything that came out.
fn whole_conversation(cut: Option<usize>) -> (Script, Vec<String>) {
    let mut script = Script::connected_and_cut(config(), cut);
    let mut events = Vec::new();
    let mut note = |script: &mut Script| events.push(format!("{:?}", script.event()));

    let describe = script.turn(
        "DESCRIBE rtsp://192.0.2.1/live",
        "200 OK",
        &["Server: mill/1.0"],
        SDP,
    );
    assert_eq!(describe.headers.get("Accept"), Some("application/sdp"));
    note(&mut script);

    script.setup(0, TransportRequest::Tcp);
    script.setup(1, TransportRequest::Tcp);
    script.call(ClientSession::play);
    let transport = "Transport: RTP/AVP/TCP;unicast;interleaved=0-1;ssrc=1D4A3B2C";
    let setup = script.turn(
        "SETUP rtsp://192.0.2.1/live/trackID=0",
        "200 OK",
        &["Session: 4711;timeout=60", transport],
        "",
    );
    assert_eq!(
        setup.headers.get("Transport"),
        Some("RTP/AVP/TCP;unicast;interleaved=0-1")
    );
    assert_eq!(setup.headers.get("Session"), None);
    note(&mut script);
    let setup = script.turn(
        "SETUP rtsp://192.0.2.1/live/trackID=1",
        "200 OK",
        &["Session: 4711"],
        "",
    );
    assert_eq!(
        setup.headers.get("Transport"),
        Some("RTP/AVP/TCP;unicast;interleaved=2-3")
    );
    assert_eq!(setup.headers.get("Session"), Some("4711"));
    note(&mut script);

    let play = script.expect("PLAY rtsp://192.0.2.1/live");
    assert_eq!(play.headers.get("Range"), Some("npt=0.000-"));
    assert_eq!(play.headers.get("Session"), Some("4711"));
    script.say(&frame(0, BEFORE));
    script.answer(
        4,
        "200 OK",
        &["RTP-Info: url=rtsp://192.0.2.1/live/trackID=0;seq=7;rtptime=90000"],
        "",
    );
    note(&mut script);
    script.say(&frame(2, AFTER));
    script.say(b"\r\n");
    script.say(&frame(1, REPORT));

    script.call(ClientSession::teardown);
    let teardown = script.turn("TEARDOWN rtsp://192.0.2.1/live", "200 OK", &[], "");
    assert_eq!(teardown.headers.get("Session"), Some("4711"));
    note(&mut script);
    script.expect_nothing();
    (script, events)
}

#[test]
fn a_camera_plays_over_tcp_from_describe_to_teardown() {
    let (script, events) = whole_conversation(None);
    assert!(events[0].starts_with("Described("));
    assert!(events[1].contains(";interleaved=0-1"), "{}", events[1]);
    assert!(events[2].contains(";interleaved=2-3"), "{}", events[2]);
    assert!(events[3].contains("seq: Some(7)"), "{}", events[3]);
    assert_eq!(events[4], "TornDown");
    let packets: Vec<_> = script
        .packets
        .iter()
        .map(|(channel, payload)| (*channel, payload.as_slice()))
        .collect();
    assert_eq!(packets, [(0, BEFORE), (2, AFTER), (1, REPORT)]);
    assert_eq!(script.session.server(), Some("mill/1.0"));
    let expected = SessionStats {
        requests: 5,
        responses: 5,
        skipped_bytes: 2,
        ..SessionStats::default()
    };
    assert_eq!(script.stats(), expected);
}

#[test]
fn a_server_by_the_book_needs_no_leniency() {
    let mut script = Script::connected_with(SessionConfig {
        policy: Policy::strict(),
        ..config()
    });
    let base = "Content-Base: rtsp://192.0.2.1/live/";
    let challenge = "WWW-Authenticate: Digest realm=\"camera\", nonce=\"n1\"";
    script.turn(
        "DESCRIBE rtsp://192.0.2.1/live",
        "401 Unauthorized",
        &[challenge],
        "",
    );
    script.turn("DESCRIBE rtsp://192.0.2.1/live", "200 OK", &[LABEL, base], SDP);
    assert!(matches!(script.event(), Event::Described(_)));
    script.setup(0, TransportRequest::Tcp);
    script.call(ClientSession::play);
    let answer = ["Session: 4711;timeout=60", TCP];
    script.turn("SETUP rtsp://192.0.2.1/live/trackID=0", "200 OK", &answer, "");
    script.event();
    let info = "RTP-Info: url=rtsp://192.0.2.1/live/trackID=0;seq=7;rtptime=90000";
    script.turn(
        "PLAY rtsp://192.0.2.1/live/",
        "200 OK",
        &["Session: 4711", info],
        "",
    );
    assert!(matches!(script.event(), Event::Playing { .. }));
    script.say(&frame(0, AFTER));
    assert_eq!(script.packets.len(), 1);
    script.wait(seconds(30));
    script.turn("GET_PARAMETER rtsp://192.0.2.1/live/", "200 OK", &[], "");
    script.call(ClientSession::teardown);
    script.turn("TEARDOWN rtsp://192.0.2.1/live/", "200 OK", &[], "");
    assert_eq!(script.event(), Event::TornDown);
    assert!(
        script.session.tolerated().is_empty(),
        "{}",
        script.session.tolerated()
    );
}

#[test]
fn q47_reads_that_end_anywhere_change_nothing() {
    let (whole, events) = whole_conversation(None);
    for cut in 0..whole.said() {
        let (script, events_when_cut) = whole_conversation(Some(cut));
        assert_eq!(events_when_cut, events, "cut at byte {cut}");
        assert_eq!(script.packets, whole.packets, "cut at byte {cut}");
        assert_eq!(script.stats(), whole.stats(), "cut at byte {cut}");
    }
}

#[test]
fn a_camera_plays_over_udp() {
    let mut script = Script::described();
    script.setup(
        0,
        TransportRequest::Udp {
            rtp_port: 5000,
            rtcp_port: 5001,
        },
    );
    let setup = script.turn(
        "SETUP rtsp://192.0.2.1/live/trackID=0",
        "200 OK",
        &[
            "Session: 4711",
            "Transport: RTP/AVP;unicast;client_port=5000-5001;server_port=6970-6971",
        ],
        "",
    );
    assert_eq!(
        setup.headers.get("Transport"),
        Some("RTP/AVP;unicast;client_port=5000-5001")
    );
    let Event::SetUp {
        media: 0,
        transport,
        key_mgmt: None,
    } = script.event()
    else {
        panic!()
    };
    assert_eq!(transport.lower, LowerTransport::Udp);
    assert_eq!(transport.client_port, Some((5000, 5001)));
    assert_eq!(transport.server_port, Some((6970, 6971)));
}

#[test]
fn q14_cseq_begins_at_one_and_rises() {
    let mut script = Script::connected();
    let describe = script.turn("DESCRIBE rtsp://192.0.2.1/live", "200 OK", &[], SDP);
    assert_eq!(describe.headers.get("CSeq"), Some("1"));
    script.setup(0, TransportRequest::Tcp);
    let setup = script.expect("SETUP rtsp://192.0.2.1/live/trackID=0");
    assert_eq!(setup.headers.get("CSeq"), Some("2"));
}

#[test]
fn a_response_to_nothing_is_counted_and_ignored() {
    let mut script = Script::described();
    script.answer(1, "200 OK", &[], "");
    script.answer(99, "454 Session Not Found", &[], "");
    script.expect_nothing();
    assert_eq!(script.stats().unexpected_responses, 2);
}

#[test]
fn a_provisional_response_is_not_the_answer() {
    let mut script = Script::connected();
    script.expect("DESCRIBE rtsp://192.0.2.1/live");
    script.answer(1, "100 Continue", &[], "");
    script.expect_nothing();
    script.answer(1, "200 OK", &[], SDP);
    assert!(matches!(script.event(), Event::Described(_)));
}

#[test]
fn control_urls_count_from_content_base_but_stay_at_the_server_that_answers() {
    let mut script = Script::connected();
    let base = "Content-Base: rtsp://10.0.0.9:8554/inside/";
    script.turn("DESCRIBE rtsp://192.0.2.1/live", "200 OK", &[base], SDP);
    script.event();
    script.setup(1, TransportRequest::Tcp);
    script.call(ClientSession::play);
    script.turn(
        "SETUP rtsp://192.0.2.1/inside/trackID=1",
        "200 OK",
        &["Session: 1"],
        "",
    );
    script.expect("PLAY rtsp://192.0.2.1/inside/");
}

#[test]
fn teardown_before_anything_was_set_up_asks_nothing_of_the_server() {
    let mut script = Script::described();
    script.call(ClientSession::teardown);
    assert_eq!(script.event(), Event::TornDown);
    script.expect_nothing();
}

#[test]
fn teardown_does_not_wait_for_what_is_under_way() {
    let mut script = Script::described();
    script.setup(0, TransportRequest::Tcp);
    script.call(ClientSession::play);
    script.turn(
        "SETUP rtsp://192.0.2.1/live/trackID=0",
        "200 OK",
        &["Session: 4711"],
        "",
    );
    script.event();
    script.expect("PLAY rtsp://192.0.2.1/live");
    script.call(ClientSession::teardown);
    script.expect("TEARDOWN rtsp://192.0.2.1/live");
    script.answer(3, "200 OK", &[], "");
    script.expect_nothing();
    script.answer(4, "500 Internal Server Error", &[], "");
    assert_eq!(script.event(), Event::TornDown);
}

#[test]
fn after_the_end_nothing_has_any_effect() {
    let (mut script, _) = whole_conversation(None);
    script.call(ClientSession::start);
    script.call(ClientSession::handle_connected);
    script.setup(0, TransportRequest::Tcp);
    script.call(ClientSession::play);
    script.call(ClientSession::teardown);
    script.call(ClientSession::handle_timeout);
    script.close();
    script.say(&frame(0, b"late"));
    script.expect_nothing();
    assert_eq!(script.packets.len(), 3);
}
