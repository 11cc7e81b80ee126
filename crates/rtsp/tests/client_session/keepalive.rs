use throughline_rtsp::client::Error;

use crate::script::{Script, frame, seconds};

const GET_PARAMETER: &str = "GET_PARAMETER rtsp://192.0.2.1/live";
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
