use throughline_rtsp::client::{ClientSession, Error, Event, ExtraHeaders, SessionConfig};
use throughline_rtsp::{Method, StatusCode};

use crate::script::{Script, config, frame, seconds};

const PLAY: &str = "PLAY rtsp://192.0.2.1/live";
const PAUSE: &str = "PAUSE rtsp://192.0.2.1/live";
const PACKET: &[u8] = b"\x80\x60\x00\x07a packet";

fn paused() -> Script {
    let mut script = Script::playing("4711;timeout=60");
    script.call(ClientSession::pause);
    let pause = script.turn(PAUSE, "200 OK", &[], "");
    assert_eq!(pause.headers.get("Session"), Some("4711"));
    assert_eq!(script.event(), Event::Paused);
    script
}

#[test]
fn what_was_paused_is_kept_alive_and_goes_on_where_it_stopped() {
    let mut script = paused();
    script.say(&frame(0, PACKET));
    assert_eq!(script.packets.len(), 1, "what was under way is handed out");
    for _ in 0..3 {
        script.wait(seconds(30));
        script.turn("GET_PARAMETER rtsp://192.0.2.1/live", "200 OK", &[], "");
    }
    script.call(ClientSession::play);
    let play = script.turn(PLAY, "200 OK", &[], "");
    assert_eq!(play.headers.get("Range"), None, "no range means to go on");
    assert!(matches!(script.event(), Event::Playing { .. }));
    script.call(ClientSession::teardown);
    script.expect("TEARDOWN rtsp://192.0.2.1/live");
}

#[test]
fn a_live_camera_that_refuses_to_pause_plays_on() {
    let mut script = Script::playing("4711");
    script.call(ClientSession::pause);
    script.turn(PAUSE, "405 Method Not Allowed", &[], "");
    let Event::PauseRefused(Error::Status { method, status, .. }) = script.event() else {
        panic!()
    };
    assert_eq!((method, status), (Method::Pause, StatusCode::METHOD_NOT_ALLOWED));
    script.say(&frame(0, PACKET));
    assert_eq!(script.packets.len(), 1);
    script.expect_nothing();
}

#[test]
fn of_several_wishes_that_have_not_gone_out_the_last_counts() {
    let mut script = Script::playing("4711");
    script.wait(seconds(30));
    // The keepalive is under way.
    for _ in 0..1000 {
        script.call(ClientSession::pause);
        script.call(ClientSession::play);
    }
    script.turn("GET_PARAMETER rtsp://192.0.2.1/live", "200 OK", &[], "");
    script.expect_nothing();

    script.call(ClientSession::pause);
    script.expect(PAUSE);
    script.call(ClientSession::play);
    script.answer(5, "200 OK", &[], "");
    assert_eq!(script.event(), Event::Paused);
    script.expect(PLAY);
}

#[test]
fn there_is_nothing_to_pause_before_play() {
    let mut script = Script::described();
    script.call(ClientSession::pause);
    script.expect_nothing();
}

#[test]
fn a_pause_that_is_not_answered_ends_the_session_by_name() {
    let mut script = Script::playing("4711");
    script.call(ClientSession::pause);
    script.expect(PAUSE);
    script.wait(seconds(10));
    script.expect("TEARDOWN rtsp://192.0.2.1/live");
    assert_eq!(
        script.failure().to_string(),
        "PAUSE was not answered within 10.0s (CSeq 4)"
    );
}

#[test]
fn headers_of_the_callers_own_go_out_with_their_method_only() {
    let mut extra_headers = ExtraHeaders::default();
    extra_headers
        .add(Method::Play, "Require", "onvif-replay")
        .unwrap();
    extra_headers
        .add(Method::Play, "Range", "clock=20260101T120000Z-")
        .unwrap();
    let config = SessionConfig {
        extra_headers,
        ..config()
    };
    let mut script = Script::playing_with(config, "4711");
    script.call(ClientSession::pause);
    let pause = script.turn(PAUSE, "200 OK", &[], "");
    assert_eq!(pause.headers.get("Require"), None);
    script.event();
    script.call(ClientSession::play);
    let play = script.expect(PLAY);
    assert_eq!(play.headers.get("Require"), Some("onvif-replay"));
    let ranges: Vec<_> = play.headers.get_all("Range").collect();
    assert_eq!(ranges, ["clock=20260101T120000Z-"]);
}
