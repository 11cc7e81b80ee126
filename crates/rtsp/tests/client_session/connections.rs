use throughline_rtsp::client::{
    ClientSession, Error, Event, MAX_REDIRECTS, ReconnectReason, SessionConfig, TransportRequest,
};
use throughline_rtsp::{RtspUrl, UrlError};

use crate::script::{DIGEST, SDP, Script, config};

const DESCRIBE: &str = "DESCRIBE rtsp://192.0.2.1/live";
const UNAUTHORIZED: &str = "401 Unauthorized";

#[test]
fn a_camera_that_hangs_up_after_401_gets_the_credentials_on_a_new_connection() {
    let mut script = Script::connected();
    script.turn(DESCRIBE, UNAUTHORIZED, &[DIGEST], "");
    script.expect(DESCRIBE);
    script.close();
    assert_eq!(
        script.event(),
        Event::Reconnecting(ReconnectReason::ClosedAfterUnauthorized)
    );
    script.expect_connect("192.0.2.1", 554);
    let again = script.turn(DESCRIBE, "200 OK", &[], SDP);
    assert!(again.headers.get("Authorization").is_some());
    assert!(matches!(script.event(), Event::Described(_)));
}

#[test]
fn a_nonce_that_counts_for_one_connection_only_is_no_wrong_password() {
    let mut script = Script::connected();
    script.turn(DESCRIBE, UNAUTHORIZED, &[DIGEST], "");
    script.expect(DESCRIBE);
    script.close();
    script.event();
    script.expect_connect("192.0.2.1", 554);
    script.turn(
        DESCRIBE,
        UNAUTHORIZED,
        &["WWW-Authenticate: Digest realm=\"camera\", nonce=\"n2\""],
        "",
    );
    script.turn(DESCRIBE, "200 OK", &[], SDP);
    assert!(matches!(script.event(), Event::Described(_)));
}

#[test]
fn a_camera_that_hangs_up_after_401_on_setup_gets_the_credentials_too() {
    let mut script = Script::described();
    script.setup(0, TransportRequest::Tcp);
    script.turn(
        "SETUP rtsp://192.0.2.1/live/trackID=0",
        UNAUTHORIZED,
        &[DIGEST],
        "",
    );
    script.expect("SETUP rtsp://192.0.2.1/live/trackID=0");
    script.close();
    script.event();
    script.expect_connect("192.0.2.1", 554);
    script.turn(
        "SETUP rtsp://192.0.2.1/live/trackID=0",
        "200 OK",
        &["Session: 1"],
        "",
    );
    assert!(matches!(script.event(), Event::SetUp { media: 0, .. }));
}

#[test]
fn vstarcam_that_hangs_up_on_describe_is_asked_for_its_options_first() {
    let mut script = Script::connected();
    script.turn(DESCRIBE, UNAUTHORIZED, &[DIGEST], "");
    script.expect(DESCRIBE);
    script.close();
    assert_eq!(
        script.event(),
        Event::Reconnecting(ReconnectReason::ClosedAfterUnauthorized)
    );
    script.expect_connect("192.0.2.1", 554);
    script.expect(DESCRIBE);
    script.close();
    assert_eq!(
        script.event(),
        Event::Reconnecting(ReconnectReason::ClosedOnDescribe)
    );
    script.expect_connect("192.0.2.1", 554);
    script.turn(
        "OPTIONS rtsp://192.0.2.1/live",
        "200 OK",
        &["Public: OPTIONS, DESCRIBE"],
        "",
    );
    script.turn(DESCRIBE, "200 OK", &[], SDP);
    assert!(matches!(script.event(), Event::Described(_)));
}

#[test]
fn refused_options_are_ignored() {
    for status in ["404 Not Found", "405 Method Not Allowed", "501 Not Implemented"] {
        let mut script = Script::connected();
        script.expect(DESCRIBE);
        script.close();
        script.event();
        script.expect_connect("192.0.2.1", 554);
        script.turn("OPTIONS rtsp://192.0.2.1/live", status, &[], "");
        script.turn(DESCRIBE, "200 OK", &[], SDP);
        assert!(matches!(script.event(), Event::Described(_)));
    }
}

#[test]
fn a_camera_that_hangs_up_again_and_again_is_left_alone() {
    let mut script = Script::connected();
    script.expect(DESCRIBE);
    script.close();
    script.event();
    script.expect_connect("192.0.2.1", 554);
    script.turn("OPTIONS rtsp://192.0.2.1/live", "200 OK", &[], "");
    script.expect(DESCRIBE);
    script.close();
    let error = script.failure();
    assert_eq!(
        error.to_string(),
        "the connection was closed while DESCRIBE was waited for"
    );
}

#[test]
fn a_session_dies_with_its_connection() {
    let mut script = Script::playing("4711");
    script.close();
    assert_eq!(script.failure(), Error::Closed { awaiting: None });
}

#[test]
fn a_connection_closed_during_teardown_is_the_end_that_was_wanted() {
    let mut script = Script::playing("4711");
    script.call(ClientSession::teardown);
    script.expect("TEARDOWN rtsp://192.0.2.1/live");
    script.close();
    assert_eq!(script.event(), Event::TornDown);
}

#[test]
fn bytes_of_a_dropped_connection_are_not_the_new_ones() {
    let mut script = Script::connected();
    script.expect(DESCRIBE);
    script.close();
    script.event();
    script.say(b"RTSP/1.0 200 OK\r\nCSeq: 1\r\nContent-Le");
    script.expect_connect("192.0.2.1", 554);
    script.turn("OPTIONS rtsp://192.0.2.1/live", "200 OK", &[], "");
    script.turn(DESCRIBE, "200 OK", &[], SDP);
    assert!(matches!(script.event(), Event::Described(_)));
}

#[test]
fn each_kind_of_redirect_is_followed_on_a_new_connection() {
    for status in [
        "301 Moved Permanently",
        "302 Found",
        "303 See Other",
        "305 Use Proxy",
        "307 Temporary Redirect",
    ] {
        let mut script = Script::connected();
        script.turn(DESCRIBE, status, &["Location: rtsp://192.0.2.1:1554/real"], "");
        let Event::Redirected { url } = script.event() else {
            panic!()
        };
        assert_eq!(url.as_str(), "rtsp://192.0.2.1:1554/real");
        script.expect_connect("192.0.2.1", 1554);
        script.turn("DESCRIBE rtsp://192.0.2.1:1554/real", "200 OK", &[], SDP);
        assert!(matches!(script.event(), Event::Described(_)));
        script.setup(0, TransportRequest::Tcp);
        script.expect("SETUP rtsp://192.0.2.1:1554/real/trackID=0");
    }
}

#[test]
fn credentials_go_along_to_the_same_host() {
    let mut script = Script::connected();
    script.turn(
        DESCRIBE,
        "302 Found",
        &["Location: rtsp://192.0.2.1:1554/live"],
        "",
    );
    script.event();
    script.expect_connect("192.0.2.1", 1554);
    let bare = script.turn("DESCRIBE rtsp://192.0.2.1:1554/live", UNAUTHORIZED, &[DIGEST], "");
    assert_eq!(bare.headers.get("Authorization"), None);
    let again = script.expect("DESCRIBE rtsp://192.0.2.1:1554/live");
    assert!(again.headers.get("Authorization").is_some());
}

#[test]
fn credentials_do_not_go_to_another_host_but_come_back() {
    let mut script = Script::connected();
    script.turn(DESCRIBE, UNAUTHORIZED, &[DIGEST], "");
    script.turn(DESCRIBE, "302 Found", &["Location: rtsp://198.51.100.7/live"], "");
    script.event();
    script.expect_connect("198.51.100.7", 554);
    let bare = script.turn(
        "DESCRIBE rtsp://198.51.100.7/live",
        "302 Found",
        &["Location: rtsp://192.0.2.1/b"],
        "",
    );
    assert_eq!(bare.headers.get("Authorization"), None);
    script.event();
    script.expect_connect("192.0.2.1", 554);
    script.turn("DESCRIBE rtsp://192.0.2.1/b", UNAUTHORIZED, &[DIGEST], "");
    let again = script.expect("DESCRIBE rtsp://192.0.2.1/b");
    assert!(again.headers.get("Authorization").is_some());
}

#[test]
fn another_host_that_asks_for_credentials_gets_none() {
    let mut script = Script::connected();
    script.turn(
        DESCRIBE,
        "301 Moved Permanently",
        &["Location: rtsp://someone:else@198.51.100.7/live"],
        "",
    );
    script.event();
    script.expect_connect("198.51.100.7", 554);
    script.turn("DESCRIBE rtsp://198.51.100.7/live", UNAUTHORIZED, &[DIGEST], "");
    assert!(matches!(script.failure(), Error::NoCredentials { .. }));
}

#[test]
fn credentials_for_tls_are_not_sent_in_the_clear() {
    let (url, _) = RtspUrl::parse("rtsps://192.0.2.1:554/live").unwrap();
    let mut script = Script::connected_with(SessionConfig { url, ..config() });
    let location = ["Location: rtsp://192.0.2.1:554/live"];
    script.turn("DESCRIBE rtsps://192.0.2.1:554/live", "302 Found", &location, "");
    script.event();
    script.expect_connect("192.0.2.1", 554);
    script.turn("DESCRIBE rtsp://192.0.2.1:554/live", UNAUTHORIZED, &[DIGEST], "");
    assert!(matches!(script.failure(), Error::NoCredentials { .. }));
}

#[test]
fn a_circle_of_redirects_ends() {
    let mut script = Script::connected();
    for _ in 0..MAX_REDIRECTS {
        script.turn(DESCRIBE, "302 Found", &["Location: rtsp://192.0.2.1/live"], "");
        assert!(matches!(script.event(), Event::Redirected { .. }));
        script.expect_connect("192.0.2.1", 554);
    }
    script.turn(DESCRIBE, "302 Found", &["Location: rtsp://192.0.2.1/live"], "");
    assert_eq!(script.failure(), Error::TooManyRedirects);
}

#[test]
fn a_redirect_to_another_protocol_is_an_error() {
    let mut script = Script::connected();
    script.turn(DESCRIBE, "302 Found", &["Location: http://192.0.2.1/"], "");
    let Error::RedirectUnsupported { source, cseq: 1, .. } = script.failure() else {
        panic!()
    };
    assert!(matches!(source, UrlError::UnsupportedScheme(_)));
}
