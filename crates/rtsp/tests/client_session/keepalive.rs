use throughline_rtsp::client::{Error, Event};

use crate::script::{Script, frame, seconds};

const GET_PARAMETER: &str = "GET_PARAMETER rtsp://192.0.2.1/live";
const OPTIONS: &str = "OPTIONS rtsp://192.0.2.1/live";

#[test]
fn keepalives_are_sent_at_the_pace_that_the_timeout_asks_for() {
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
fn refused_get_parameter_is_replaced_by_options_at_once_and_for_good() {
    let mut script = Script::playing("1;timeout=60");
    script.wait(seconds(30));
    script.turn(
        GET_PARAMETER,
        "501 Not Implemented",
        &["Public: OPTIONS, GET_PARAMETER"],
        "",
    );
    assert_eq!(script.event(), Event::KeepAliveChanged);
    let options = script.turn(OPTIONS, "200 OK", &[], "");
    assert_eq!(options.headers.get("Session"), Some("1"));
    script.wait(seconds(30));
    script.turn(OPTIONS, "200 OK", &[], "");
    assert_eq!(script.stats().failed_keepalives, 1);
}

#[test]
fn tapo_that_refuses_every_keepalive_goes_on_playing() {
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
}

#[test]
fn an_unanswered_get_parameter_is_replaced_by_options_before_the_session_can_end() {
    let mut script = Script::playing("1;timeout=20");
    script.wait(seconds(10));
    script.expect(GET_PARAMETER);
    script.wait(seconds(5));
    assert_eq!(script.event(), Event::KeepAliveChanged);
    script.turn(OPTIONS, "200 OK", &[], "");
    script.expect_nothing();
}

#[test]
fn a_keepalive_that_is_never_answered_does_not_end_the_session() {
    let mut script = Script::playing("1;timeout=60");
    script.wait(seconds(40));
    script.expect(GET_PARAMETER);
    script.event();
    for _ in 0..5 {
        script.expect(OPTIONS);
        script.wait(seconds(30));
        script.say(&frame(0, b"packet"));
    }
    assert_eq!(script.packets.len(), 5);
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
