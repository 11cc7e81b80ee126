use throughline_rtsp::RtspUrl;
use throughline_rtsp::UrlError;
use throughline_rtsp::client::{
    ClientSession, Error, Event, MAX_REDIRECTS, SessionConfig, TransportRequest, Tunnel,
};

use crate::script::{DIGEST, LABEL, SDP, Script, TCP, config};

const DESCRIBE: &str = "DESCRIBE rtsp://192.0.2.1/live";
const UNAUTHORIZED: &str = "401 Unauthorized";

#[test]
fn each_kind_of_redirect_is_followed_on_a_new_connection() {
    for status in [
        "301 Moved Permanently",
        "302 Found",
        "303 See Other",
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
fn q101_platform_on_another_port_is_found_on_a_new_connection() {
    let mut script = Script::connected();
    script.expect(DESCRIBE);
    script.say_fixture("platform_found_other_port");
    assert!(matches!(script.event(), Event::Redirected { .. }));
    script.expect_connect("192.0.2.1", 1554);
    script.expect("DESCRIBE rtsp://192.0.2.1:1554/live");
}

#[test]
fn a_proxy_is_connected_to_and_asked_for_the_same_url() {
    let mut script = Script::connected();
    script.turn(
        DESCRIBE,
        "305 Use Proxy",
        &["Location: rtsp://198.51.100.7:8554/"],
        "",
    );
    let Event::Redirected { url } = script.event() else {
        panic!()
    };
    assert_eq!(url.as_str(), "rtsp://198.51.100.7:8554/");
    script.expect_connect("198.51.100.7", 8554);
    script.turn(DESCRIBE, "200 OK", &[LABEL], SDP);
    script.event();
    script.setup(0, TransportRequest::Tcp);
    let setup = "SETUP rtsp://192.0.2.1/live/trackID=0";
    script.turn(setup, UNAUTHORIZED, &[DIGEST], "");
    // It is another host than the credentials are for.
    assert!(matches!(script.failure(), Error::NoCredentials { .. }));
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
    let ways = [
        ("rtsps", "rtsp"),
        ("rtsps", "rtsp+http"),
        ("rtsp+https", "rtsp"),
        ("rtsp+https", "rtsp+http"),
        ("rtsp+wss", "rtsp+ws"),
    ];
    for (own, other) in ways {
        let (url, _) = RtspUrl::parse(&format!("{own}://192.0.2.1:554/live")).unwrap();
        let mut script = Script::connected_with(SessionConfig { url, ..config() });
        let location = format!("Location: {other}://192.0.2.1:554/live");
        script.turn(
            "DESCRIBE rtsps://192.0.2.1:554/live",
            "302 Found",
            &[&location],
            "",
        );
        script.event();
        let endpoint = script.expect_endpoint();
        assert_eq!(endpoint.scheme().as_str(), other);
        if let Tunnel::Http(target) | Tunnel::WebSocket(target) = endpoint.tunnel {
            assert_eq!(target.credentials, None, "{own} {other}");
        }
        script.turn("DESCRIBE rtsp://192.0.2.1:554/live", UNAUTHORIZED, &[DIGEST], "");
        assert!(
            matches!(script.failure(), Error::NoCredentials { .. }),
            "{own} {other}"
        );
    }
}

#[test]
fn q101_redirects_to_the_same_place_are_followed_five_times() {
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

#[test]
fn setup_and_play_are_redirected_to_a_new_description() {
    let mut script = Script::described();
    script.setup(0, TransportRequest::Tcp);
    script.call(ClientSession::play);
    let location = ["Location: rtsp://192.0.2.1/b"];
    script.turn(
        "SETUP rtsp://192.0.2.1/live/trackID=0",
        "302 Found",
        &location,
        "",
    );
    assert!(matches!(script.event(), Event::Redirected { .. }));
    script.expect_connect("192.0.2.1", 554);
    script.turn("DESCRIBE rtsp://192.0.2.1/b", "200 OK", &[LABEL], SDP);
    assert!(matches!(script.event(), Event::Described(_)));
    script.expect_nothing();

    script.setup(0, TransportRequest::Tcp);
    script.call(ClientSession::play);
    let answer = ["Session: 7", TCP];
    script.turn("SETUP rtsp://192.0.2.1/b/trackID=0", "200 OK", &answer, "");
    script.event();
    let location = ["Location: rtsp://192.0.2.1/c"];
    script.turn("PLAY rtsp://192.0.2.1/b", "303 See Other", &location, "");
    let teardown = script.expect("TEARDOWN rtsp://192.0.2.1/b");
    assert_eq!(teardown.headers.get("Session"), Some("7"));
    script.event();
    script.expect_connect("192.0.2.1", 554);
    let describe = script.expect("DESCRIBE rtsp://192.0.2.1/c");
    assert_eq!(describe.headers.get("Session"), None);
}
