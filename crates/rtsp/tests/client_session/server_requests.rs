use throughline_rtsp::client::{ClientSession, Error, Event, MAX_REDIRECTS, TransportRequest};

use crate::script::{LABEL, SDP, Script, TCP, seconds};

fn ask(script: &mut Script, method: &str, headers: &[&str], body: &str) {
    let mut lines = vec![
        format!("{method} rtsp://192.0.2.1/live RTSP/1.0"),
        "CSeq: 77".to_owned(),
    ];
    lines.extend(headers.iter().map(ToString::to_string));
    lines.push(format!("Content-Length: {}", body.len()));
    script.say(format!("{}\r\n\r\n{body}", lines.join("\r\n")).as_bytes());
}

#[test]
fn questions_of_the_server_are_answered() {
    let mut script = Script::playing("4711");
    for (method, status) in [
        ("OPTIONS", "200 OK"),
        ("GET_PARAMETER", "200 OK"),
        ("ANNOUNCE", "200 OK"),
        ("SET_PARAMETER", "200 OK"),
        ("RECORD", "501 Not Implemented"),
        ("X_METHOD", "501 Not Implemented"),
    ] {
        ask(&mut script, method, &["Session: 4711"], "");
        let response = script.expect_response(status);
        assert!(
            response.contains("\r\nCSeq: 77\r\n") && response.contains("\r\nSession: 4711\r\n"),
            "{response}"
        );
    }
    assert_eq!(script.stats().server_requests, 6);
    script.expect_nothing();
}

#[test]
fn an_option_that_a_server_requires_is_refused_by_name() {
    let mut script = Script::playing("4711");
    ask(&mut script, "SET_PARAMETER", &["Require: x.example.feature"], "");
    let response = script.expect_response("551 Option not supported");
    assert!(
        response.contains("\r\nUnsupported: x.example.feature\r\n"),
        "{response}"
    );
}

#[test]
fn an_announced_description_is_told_and_its_media_can_be_set_up() {
    let mut script = Script::playing("4711");
    let announced = format!("{SDP}m=application 0 RTP/AVP 107\r\na=control:trackID=9\r\n");
    ask(&mut script, "ANNOUNCE", &["Session: 4711", LABEL], &announced);
    script.expect_response("200 OK");
    let Event::Announced(description) = script.event() else {
        panic!()
    };
    assert_eq!(description.media().len(), 3);
    script.setup(2, TransportRequest::Tcp);
    let setup = script.expect("SETUP rtsp://192.0.2.1/live/trackID=9");
    assert_eq!(setup.headers.get("Session"), Some("4711"));
}

#[test]
fn an_announcement_that_cannot_be_read_costs_nothing_but_itself() {
    let mut script = Script::playing("4711");
    ask(&mut script, "ANNOUNCE", &[], "<html>hello</html>");
    script.expect_response("400 Bad Request");
    script.expect_nothing();
}

#[test]
fn a_teardown_of_the_server_is_answered_and_is_the_end() {
    let mut script = Script::playing("4711");
    ask(&mut script, "TEARDOWN", &["Session: 4711"], "");
    script.expect_response("200 OK");
    assert_eq!(script.failure(), Error::TornDownByServer { cseq: 77 });
}

#[test]
fn what_is_about_another_session_is_not_about_this_one() {
    let mut script = Script::playing("4711");
    for (method, header) in [
        ("TEARDOWN", "Session: 4"),
        ("ANNOUNCE", "Session: 4"),
        ("REDIRECT", "Session: 4"),
    ] {
        ask(
            &mut script,
            method,
            &[header, "Location: rtsp://192.0.2.2/live"],
            SDP,
        );
        script.expect_response("454 Session Not Found");
    }
    script.expect_nothing();
}

#[test]
fn a_redirect_request_is_followed_to_the_other_server() {
    let mut script = Script::playing("4711");
    let headers = [
        "Location: rtsp://192.0.2.1:1554/b",
        "Range: clock=20260101T120000Z-",
    ];
    ask(&mut script, "REDIRECT", &headers, "");
    script.expect_response("200 OK");
    let teardown = script.expect("TEARDOWN rtsp://192.0.2.1/live");
    assert_eq!(teardown.headers.get("Session"), Some("4711"));
    let Event::Redirected { url } = script.event() else {
        panic!()
    };
    assert_eq!(url.as_str(), "rtsp://192.0.2.1:1554/b");
    script.expect_connect("192.0.2.1", 1554);
    let describe = script.turn("DESCRIBE rtsp://192.0.2.1:1554/b", "200 OK", &[LABEL], SDP);
    assert_eq!(describe.headers.get("Session"), None);
    assert!(matches!(script.event(), Event::Described(_)));
    script.setup(0, TransportRequest::Tcp);
    script.call(ClientSession::play);
    let setup = script.turn(
        "SETUP rtsp://192.0.2.1:1554/b/trackID=0",
        "200 OK",
        &["Session: 1", TCP],
        "",
    );
    assert_eq!(
        setup.headers.get("Transport"),
        Some("RTP/AVP/TCP;unicast;interleaved=0-1")
    );
    assert!(matches!(script.event(), Event::SetUp { media: 0, .. }));
    script.expect("PLAY rtsp://192.0.2.1:1554/b");
}

#[test]
fn a_redirect_request_to_nowhere_is_a_bad_request() {
    for headers in [&[][..], &["Location: http://192.0.2.2/"], &["Location: "]] {
        let mut script = Script::playing("4711");
        ask(&mut script, "REDIRECT", headers, "");
        script.expect_response("400 Bad Request");
        script.expect_nothing();
    }
}

#[test]
fn redirect_requests_are_bounded_like_redirects() {
    let mut script = Script::connected();
    for _ in 0..MAX_REDIRECTS {
        script.expect("DESCRIBE rtsp://192.0.2.1/live");
        ask(&mut script, "REDIRECT", &["Location: rtsp://192.0.2.1/live"], "");
        script.expect_response("200 OK");
        script.event();
        script.expect_connect("192.0.2.1", 554);
    }
    script.expect("DESCRIBE rtsp://192.0.2.1/live");
    ask(&mut script, "REDIRECT", &["Location: rtsp://192.0.2.1/live"], "");
    script.expect_response("200 OK");
    assert_eq!(script.failure(), Error::TooManyRedirects);
}

#[test]
fn a_redirect_request_while_leaving_changes_nothing() {
    let mut script = Script::playing("4711");
    script.call(ClientSession::teardown);
    script.expect("TEARDOWN rtsp://192.0.2.1/live");
    ask(&mut script, "REDIRECT", &["Location: rtsp://192.0.2.2/live"], "");
    script.expect_response("200 OK");
    script.wait(seconds(2));
    assert_eq!(script.event(), Event::TornDown);
    script.expect_nothing();
}
