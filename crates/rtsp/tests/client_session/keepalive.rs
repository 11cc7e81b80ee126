use throughline_rtsp::Tolerance;
use throughline_rtsp::client::{Error, Event, SessionConfig};

use crate::script::{Script, config, frame, refusing, seconds};

const GET_PARAMETER: &str = "GET_PARAMETER rtsp://192.0.2.1/live";
const TEARDOWN: &str = "TEARDOWN rtsp://192.0.2.1/live";
const PACKET: &[u8] = b"\x80\x60\x00\x07a packet";
const OPTIONS: &str = "OPTIONS rtsp://192.0.2.1/live";

#[test]
fn q11_keepalives_are_sent_at_the_pace_that_the_timeout_asks_for() {
    for (session, pause) in [
        ("1", 30),
        ("1;timeout=60", 30),
        ("1 ; timeout = 20", 10),
        ("1;timeout=8", 3),
    ] {
        let mut script = Script::playing(session);
        for _ in 0..3 {
            assert_eq!(script.sleeps_for(), Some(seconds(pause)), "{session}");
            script.wait(seconds(pause - 1));
            script.expect_nothing();
            script.wait(seconds(1));
            let keepalive = script.turn(GET_PARAMETER, "200 OK", &[], "");
            assert_eq!(keepalive.headers.get("Session"), Some("1"));
        }
    }
}

#[test]
fn media_do_not_count_as_a_sign_of_life() {
    let mut script = Script::playing("1;timeout=60");
    script.wait(seconds(29));
    script.say(&frame(0, b"packet"));
    script.wait(seconds(1));
    script.expect(GET_PARAMETER);
}

#[test]
fn a_late_answer_is_not_taken_for_the_next_one() {
    let mut script = Script::playing("1;timeout=60");
    script.wait(seconds(40));
    script.expect(GET_PARAMETER);
    script.event();
    script.expect(OPTIONS);
    script.answer(4, "454 Session Not Found", &[], "");
    script.expect_nothing();
    assert_eq!(script.stats().unexpected_responses, 1);
    script.answer(5, "200 OK", &[], "");
    script.expect_nothing();
}

#[test]
fn a_session_that_the_server_has_forgotten_is_over() {
    let mut script = Script::playing("1;timeout=60");
    script.wait(seconds(30));
    script.turn(GET_PARAMETER, "454 Session Not Found", &[], "");
    let error = script.failure();
    assert!(matches!(error, Error::SessionNotFound { cseq: 4, .. }));
    assert_eq!(
        error.to_string(),
        "the server has forgotten the session (GET_PARAMETER, CSeq 4)"
    );
}

#[test]
fn q38_keepalive_that_is_never_answered_does_not_end_the_session() {
    let mut script = Script::playing("1;timeout=60");
    script.wait(seconds(40));
    script.expect(GET_PARAMETER);
    assert_eq!(script.event(), Event::KeepAliveChanged);
    for _ in 0..5 {
        script.expect(OPTIONS);
        script.wait(seconds(30));
        script.say(&frame(0, PACKET));
    }
    assert_eq!(script.packets.len(), 5);

    let mut script = Script::playing_with(refusing(Tolerance::UnansweredKeepAlive), "1;timeout=60");
    script.wait(seconds(40));
    script.expect(GET_PARAMETER);
    script.expect(TEARDOWN);
    assert_eq!(
        script.failure().to_string(),
        "GET_PARAMETER was not answered within 10.0s (CSeq 4)"
    );
}

#[test]
fn q39_keepalives_that_are_all_refused_do_not_end_the_session() {
    let mut script = Script::playing("1;timeout=60");
    script.wait(seconds(30));
    script.turn(GET_PARAMETER, "400 Bad Request", &[], "");
    script.event();
    script.turn(OPTIONS, "400 Bad Request", &[], "");
    script.expect_nothing();
    script.wait(seconds(30));
    script.turn(OPTIONS, "400 Bad Request", &[], "");
    script.expect_nothing();
    assert_eq!(script.stats().failed_keepalives, 3);

    let mut script = Script::playing_with(refusing(Tolerance::RefusedKeepAlive), "1;timeout=60");
    script.wait(seconds(30));
    script.turn(GET_PARAMETER, "400 Bad Request", &[], "");
    script.expect(TEARDOWN);
    assert!(matches!(script.failure(), Error::Status { cseq: 4, .. }));
}

#[test]
fn q40_method_that_cost_a_session_is_not_used_in_the_next() {
    let mut script = Script::playing("1;timeout=60");
    script.wait(seconds(30));
    script.expect(GET_PARAMETER);
    script.close();
    assert!(matches!(script.failure(), Error::Closed { .. }));
    let learned = script.session.learned();
    let warned = SessionConfig { learned, ..config() };
    for (config, keepalive) in [(warned, OPTIONS), (config(), GET_PARAMETER)] {
        let mut script = Script::playing_with(config, "1;timeout=60");
        script.wait(seconds(30));
        script.expect(keepalive);
    }
}

#[test]
fn q41_keepalive_is_about_the_whole_and_not_a_track() {
    let mut script = Script::playing("1;timeout=60");
    script.wait(seconds(30));
    script.expect(GET_PARAMETER);
}

#[test]
fn q97_refusal_of_a_keepalive_with_the_previous_cseq_is_its_answer() {
    let fixture = "tapo_bad_request_with_previous_cseq";
    let refused = |config| {
        let mut script = Script::playing_with(config, "1;timeout=60");
        script.wait(seconds(30));
        script.expect(GET_PARAMETER);
        script.say_fixture(fixture);
        script
    };
    let mut script = refused(config());
    assert_eq!(script.event(), Event::KeepAliveChanged);
    script.expect(OPTIONS);
    refused(refusing(Tolerance::OtherCSeq)).expect_nothing();
}

#[test]
fn q98_get_parameter_gives_way_to_options_at_once_and_for_good() {
    let mut script = Script::playing("1;timeout=60");
    script.wait(seconds(30));
    let public = "Public: OPTIONS, GET_PARAMETER";
    script.turn(GET_PARAMETER, "501 Not Implemented", &[public], "");
    assert_eq!(script.event(), Event::KeepAliveChanged);
    script.turn(OPTIONS, "200 OK", &[], "");
    script.wait(seconds(30));
    script.turn(OPTIONS, "200 OK", &[], "");
    assert_eq!(script.stats().failed_keepalives, 1);

    // Not answered is refused, and noticed before the session can end.
    let mut script = Script::playing("1;timeout=20");
    script.wait(seconds(10));
    script.expect(GET_PARAMETER);
    script.wait(seconds(5));
    assert_eq!(script.event(), Event::KeepAliveChanged);
    script.turn(OPTIONS, "200 OK", &[], "");

    // Where it is answered, OPTIONS is never sent.
    let mut script = Script::playing("1;timeout=60");
    for _ in 0..2 {
        script.wait(seconds(30));
        script.turn(GET_PARAMETER, "200 OK", &["Public: OPTIONS"], "");
    }
    script.expect_nothing();
}

#[test]
fn q99_keepalives_carry_the_session_by_either_method() {
    let mut script = Script::playing("4711;timeout=60");
    script.wait(seconds(30));
    let by_get_parameter = script.turn(GET_PARAMETER, "501 Not Implemented", &[], "");
    script.event();
    let by_options = script.expect(OPTIONS);
    for keepalive in [by_get_parameter, by_options] {
        assert_eq!(keepalive.headers.get("Session"), Some("4711"));
    }
}
