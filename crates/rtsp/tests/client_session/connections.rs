use throughline_rtsp::client::{
    ClientSession, Error, Event, SessionConfig, TransportRequest, Tunnel, TunnelTarget,
};
use throughline_rtsp::{RtspUrl, Security};

use crate::script::{DIGEST, SDP, Script, TCP, config, seconds};

const DESCRIBE: &str = "DESCRIBE rtsp://192.0.2.1/live";
const OPTIONS: &str = "OPTIONS rtsp://192.0.2.1/live";
const UNAUTHORIZED: &str = "401 Unauthorized";

/// The camera hangs up on the credentials, and is asked for its options on the next connection.
fn hung_up_once(mut script: Script) -> Script {
    script.turn(DESCRIBE, UNAUTHORIZED, &[DIGEST], "");
    script.expect(DESCRIBE);
    script.close();
    script.event();
    script.expect_connect("192.0.2.1", 554);
    script.turn(OPTIONS, "200 OK", &[], "");
    script
}

#[test]
fn a_nonce_that_counts_for_one_connection_only_is_no_wrong_password() {
    let mut script = hung_up_once(Script::connected());
    script.turn(
        DESCRIBE,
        UNAUTHORIZED,
        &["WWW-Authenticate: Digest realm=\"camera\", nonce=\"n2\""],
        "",
    );
    script.turn(DESCRIBE, "200 OK", &[], SDP);
    assert!(matches!(script.event(), Event::Described(_)));
}

/// The credentials are sent and the camera hangs up on them, on one connection and on the next.
fn refused_by_hanging_up(script: Script) -> Script {
    let mut script = hung_up_once(script);
    script.turn(DESCRIBE, UNAUTHORIZED, &[DIGEST], "");
    script.expect(DESCRIBE);
    script.close();
    script
}

#[test]
fn q103_a_camera_that_hangs_up_after_each_401_refuses_the_credentials() {
    let mut script = refused_by_hanging_up(Script::connected());
    let error = script.failure();
    assert!(
        matches!(error, Error::CredentialsRefused { cseq: 5, .. }),
        "{error}"
    );
}

#[test]
fn q122_credentials_that_were_accepted_on_a_new_connection_are_known_to_be_right() {
    let mut script = hung_up_once(Script::connected());
    script.turn(DESCRIBE, "200 OK", &[], SDP);
    let learned = script.session.learned();
    let mut script = Script::connected_with(SessionConfig { learned, ..config() });
    script.turn(OPTIONS, "200 OK", &[], "");
    let mut script = refused_by_hanging_up(script);
    let error = script.failure();
    assert!(matches!(error, Error::Asleep { cseq: 6, .. }), "{error}");
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
        "the connection was closed while DESCRIBE was waited for (CSeq 3)"
    );
}

#[test]
fn a_session_dies_with_its_connection() {
    let mut script = Script::playing("4711");
    script.close();
    assert_eq!(script.failure(), Error::Closed { awaiting: None });
}

#[test]
fn a_session_without_an_id_dies_with_its_connection_too() {
    let setup = "SETUP rtsp://192.0.2.1/live/trackID=0";
    let mut script = Script::described();
    script.setup(0, TransportRequest::Tcp);
    script.turn(setup, "200 OK", &[TCP], "");
    script.event();
    script.setup(1, TransportRequest::Tcp);
    let second = "SETUP rtsp://192.0.2.1/live/trackID=1";
    script.turn(second, UNAUTHORIZED, &[DIGEST], "");
    script.expect(second);
    script.close();
    let error = script.failure();
    assert!(matches!(error, Error::Closed { awaiting: Some(_) }), "{error}");

    let mut script = Script::described();
    script.setup(0, TransportRequest::Tcp);
    script.call(ClientSession::play);
    script.turn(setup, "200 OK", &[TCP], "");
    script.event();
    script.turn("PLAY rtsp://192.0.2.1/live", "200 OK", &[], "");
    script.event();
    script.wait(seconds(30));
    let keepalive = "GET_PARAMETER rtsp://192.0.2.1/live";
    script.turn(keepalive, UNAUTHORIZED, &[DIGEST], "");
    script.expect(keepalive);
    script.close();
    let error = script.failure();
    assert!(matches!(error, Error::Closed { awaiting: Some(_) }), "{error}");
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

/// The tunnel's target, without credentials.
fn target(path: &str, host: &str) -> TunnelTarget {
    TunnelTarget {
        path: path.to_owned(),
        host: host.to_owned(),
        credentials: None,
    }
}

#[test]
fn an_endpoint_says_how_to_connect() {
    let (plain, tls) = (Security::Plain, Security::Tls);
    let cam = || target("/cam?x=1", "[fe80::1]");
    let own = || target("/rtsp-over-websocket", "[fe80::1]");
    let cases = [
        ("rtsp", None, 554, plain, Tunnel::None),
        ("rtsps", None, 322, tls, Tunnel::None),
        ("rtsp+http", None, 80, plain, Tunnel::Http(cam())),
        ("rtsp+https", None, 443, tls, Tunnel::Http(cam())),
        ("rtsp+ws", None, 80, plain, Tunnel::WebSocket(cam())),
        (
            "rtsp+wss",
            Some("/rtsp-over-websocket"),
            443,
            tls,
            Tunnel::WebSocket(own()),
        ),
    ];
    for (scheme, path, port, security, tunnel) in cases {
        let (url, _) = RtspUrl::parse(&format!("{scheme}://[fe80::1%25eth0]/cam?x=1")).unwrap();
        let tunnel_path = path.map(str::to_owned);
        let config = SessionConfig {
            tunnel_path,
            ..SessionConfig::new(url)
        };
        let mut script = Script::new(ClientSession::new(config, 1));
        script.call(ClientSession::start);
        let endpoint = script.expect_endpoint();
        assert_eq!(
            (endpoint.host.as_str(), endpoint.port),
            ("fe80::1%eth0", port),
            "{scheme}"
        );
        assert_eq!(endpoint.scheme().as_str(), scheme);
        assert_eq!(
            (endpoint.security, endpoint.tunnel),
            (security, tunnel),
            "{scheme}"
        );
        let request = if security == tls { "rtsps" } else { "rtsp" };
        script.expect(&format!("DESCRIBE {request}://[fe80::1]/cam?x=1"));
    }
}

#[test]
fn a_tunnel_has_the_credentials_only_at_the_host_that_they_are_for() {
    let (url, _) = RtspUrl::parse("rtsp+http://192.0.2.1/live?token=sesame").unwrap();
    let mut script = Script::new(ClientSession::new(SessionConfig { url, ..config() }, 1));
    script.call(ClientSession::start);
    let endpoint = script.expect_endpoint();
    let Tunnel::Http(target) = &endpoint.tunnel else {
        panic!()
    };
    assert_eq!(target.credentials, config().credentials);
    assert!(!format!("{endpoint:?}").contains("sesame"));
    let location = ["Location: rtsp+http://198.51.100.7/live"];
    script.turn(
        "DESCRIBE rtsp://192.0.2.1/live?token=sesame",
        "302 Found",
        &location,
        "",
    );
    script.event();
    let Tunnel::Http(target) = script.expect_endpoint().tunnel else {
        panic!()
    };
    assert_eq!((target.host.as_str(), target.credentials), ("198.51.100.7", None));
}
