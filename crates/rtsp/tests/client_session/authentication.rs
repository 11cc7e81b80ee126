use throughline_rtsp::auth::Verifier;
use throughline_rtsp::client::{ClientSession, Error, Event, SessionConfig, TransportRequest};
use throughline_rtsp::headers::{
    Authorization, Challenge, DigestAlgorithm, DigestAnswer, DigestChallenge, Qop,
};
use throughline_rtsp::{Credentials, Method, Request};

use crate::script::{BASIC, DIGEST, PASSWORD, PASSWORD_IN_BASE64, SDP, Script, config, seconds};

const DESCRIBE: &str = "DESCRIBE rtsp://192.0.2.1/live";
const UNAUTHORIZED: &str = "401 Unauthorized";
const SHA_256: &str =
    "WWW-Authenticate: Digest realm=\"camera\", algorithm=SHA-256, qop=\"auth\", nonce=\"n2\"";

fn digest(request: &Request) -> DigestAnswer {
    match request.headers.typed() {
        Ok(Some(Authorization::Digest(answer))) => answer,
        other => panic!("expected a digest, got {other:?}"),
    }
}

#[test]
fn credentials_go_out_only_when_the_server_asks() {
    let mut script = Script::connected();
    let first = script.turn(DESCRIBE, UNAUTHORIZED, &[DIGEST], "");
    assert_eq!(first.headers.get("Authorization"), None);
    let second = script.turn(DESCRIBE, "200 OK", &[], SDP);
    let answer = digest(&second);
    assert_eq!(
        (answer.username.as_str(), answer.realm.as_str()),
        ("viewer", "IP Camera(AB705)")
    );
    assert_eq!(
        (answer.nonce.as_str(), answer.uri.as_str()),
        ("n1", "rtsp://192.0.2.1/live")
    );
    assert_eq!(second.headers.get("CSeq"), Some("2"));
    assert!(matches!(script.event(), Event::Described(_)));
}

/// What makes the next request go out.
type Then = fn(&mut Script);

#[test]
fn q51_the_digest_names_what_is_on_the_request_line_of_every_request() {
    let mut script = Script::connected();
    script.turn(DESCRIBE, UNAUTHORIZED, &[SHA_256], "");
    script.turn(DESCRIBE, "200 OK", &[], SDP);
    script.setup(0, TransportRequest::Tcp);
    script.call(ClientSession::play);
    let steps: [(&str, Then); 6] = [
        ("SETUP rtsp://192.0.2.1/live/trackID=0", |_| {}),
        ("PLAY rtsp://192.0.2.1/live", |script| {
            script.call(ClientSession::pause);
        }),
        ("PAUSE rtsp://192.0.2.1/live", |script| {
            script.call(ClientSession::play);
        }),
        ("PLAY rtsp://192.0.2.1/live", |script| script.wait(seconds(30))),
        ("GET_PARAMETER rtsp://192.0.2.1/live", |script| {
            script.call(ClientSession::teardown);
        }),
        ("TEARDOWN rtsp://192.0.2.1/live", |_| {}),
    ];
    for (count, (line, then)) in (2..).zip(steps) {
        let request = script.turn(line, "200 OK", &["Session: 1"], "");
        let answer = digest(&request);
        assert_eq!(answer.uri, request.uri, "{line}");
        assert_eq!(answer.nc, Some(count), "the same nonce counts on: {line}");
        then(&mut script);
    }
}

/// A whole session against the server's end of authentication: each request that it refuses is answered with 401.
fn converse(offers: Vec<Challenge>, password: &str) -> (Script, usize) {
    let mut verifier = Verifier::new(Credentials::new("viewer", password), offers, 9);
    let mut script = Script::connected();
    let mut refused = 0;
    for (line, body) in [(DESCRIBE, SDP), ("SETUP rtsp://192.0.2.1/live/trackID=0", "")] {
        loop {
            let request = script.expect(line);
            let cseq = request.headers.get("CSeq").unwrap().parse().unwrap();
            let Err(challenges) = verifier.verify(&request) else {
                script.answer(cseq, "200 OK", &["Session: 1"], body);
                break;
            };
            refused += 1;
            script.answer(
                cseq,
                UNAUTHORIZED,
                &[&format!("WWW-Authenticate: {challenges}")],
                "",
            );
            if script.session.stats().requests == u64::from(cseq) {
                return (script, refused);
            }
        }
        script.event();
        if body == SDP {
            script.setup(0, TransportRequest::Tcp);
        }
    }
    (script, refused)
}

fn every_offer() -> Vec<Challenge> {
    let digest = |algorithm, qop| {
        let realm = "camera".to_owned();
        Challenge::Digest(DigestChallenge {
            realm,
            algorithm,
            qop,
            ..DigestChallenge::default()
        })
    };
    vec![
        Challenge::Basic {
            realm: "camera".to_owned(),
        },
        digest(None, vec![]),
        digest(Some(DigestAlgorithm::Md5), vec![Qop::Auth]),
        digest(Some(DigestAlgorithm::Sha256), vec![Qop::Auth]),
    ]
}

#[test]
fn each_scheme_lets_the_right_password_in_with_one_challenge() {
    for offer in every_offer() {
        let (script, refused) = converse(vec![offer.clone()], PASSWORD);
        assert_eq!(refused, 1, "{offer:?}");
        script.expect_nothing();
    }
    assert_eq!(converse(every_offer(), PASSWORD).1, 1, "all of them at once");
}

#[test]
fn q103_wrong_password_is_sent_once_for_each_challenge_and_no_more() {
    for offer in every_offer() {
        let (mut script, refused) = converse(vec![offer.clone()], "another");
        assert_eq!(refused, 2, "bare, then with the password: {offer:?}");
        let Error::CredentialsRefused { method, cseq } = script.failure() else {
            panic!()
        };
        assert_eq!(method, Method::Describe);
        assert_eq!(cseq, 2);
    }
}

#[test]
fn of_several_challenges_the_strongest_is_tried_first_and_basic_not_at_all_after_it() {
    let mut script = Script::connected();
    let both = [BASIC, DIGEST, SHA_256];
    script.turn(DESCRIBE, UNAUTHORIZED, &both, "");
    let second = script.turn(DESCRIBE, UNAUTHORIZED, &both, "");
    assert_eq!(digest(&second).algorithm, Some(DigestAlgorithm::Sha256));
    let third = script.turn(DESCRIBE, UNAUTHORIZED, &both, "");
    assert_eq!(digest(&third).algorithm, None);
    assert!(matches!(
        script.failure(),
        Error::CredentialsRefused { cseq: 3, .. }
    ));
}

#[test]
fn basic_is_sent_where_nothing_else_is_offered() {
    let mut script = Script::connected();
    script.turn(DESCRIBE, UNAUTHORIZED, &[BASIC], "");
    let second = script.expect(DESCRIBE);
    let expected = format!("Basic {PASSWORD_IN_BASE64}");
    assert_eq!(second.headers.get("Authorization"), Some(expected.as_str()));
}

#[test]
fn without_credentials_the_session_says_that_they_are_asked_for() {
    let mut script = Script::connected_with(SessionConfig {
        credentials: None,
        ..config()
    });
    script.turn(DESCRIBE, UNAUTHORIZED, &[DIGEST], "");
    let error = script.failure();
    assert!(matches!(error, Error::NoCredentials { cseq: 1, .. }));
    assert_eq!(
        error.to_string(),
        "the server asks for credentials and none were given (DESCRIBE, CSeq 1)"
    );
}

#[test]
fn an_authentication_that_is_not_spoken_is_named() {
    let mut script = Script::connected();
    script.turn(DESCRIBE, UNAUTHORIZED, &["WWW-Authenticate: Negotiate"], "");
    let Error::UnsupportedAuthentication { schemes, .. } = script.failure() else {
        panic!()
    };
    assert_eq!(schemes, ["Negotiate"]);
}

#[test]
fn what_a_challenge_echoes_begins_no_header() {
    let mut script = Script::connected();
    let challenge = "WWW-Authenticate: Digest realm=\"a\rX-Evil: 1\", nonce=\"n\\\"\r\n X-Evil: 2\", \
        opaque=\"o\\\\\u{85}X-Evil: 3\", algorithm=\"MD5\"";
    script.turn(DESCRIBE, UNAUTHORIZED, &[challenge], "");
    let request = script.expect(DESCRIBE);
    assert_eq!(request.headers.get("X-Evil"), None);
    let answer = digest(&request);
    assert_eq!(answer.realm, "a X-Evil: 1");
    assert_eq!(answer.nonce, "n\"   X-Evil: 2");
    assert_eq!(answer.opaque.as_deref(), Some("o\\ X-Evil: 3"));
}

#[test]
fn a_401_without_any_challenge_is_no_refusal_of_credentials() {
    let mut script = Script::connected();
    script.turn(DESCRIBE, UNAUTHORIZED, &[], "");
    let error = script.failure();
    assert!(matches!(&error, Error::UnsupportedAuthentication { schemes, .. } if schemes.is_empty()));
    assert!(
        error
            .to_string()
            .ends_with("(offered: nothing) (DESCRIBE, CSeq 1)"),
        "{error}"
    );
}

#[test]
fn a_stale_nonce_is_replaced_once() {
    let stale = "WWW-Authenticate: Digest realm=\"camera\", nonce=\"n2\", stale=true";
    let mut script = Script::connected();
    script.turn(DESCRIBE, UNAUTHORIZED, &[DIGEST], "");
    script.turn(DESCRIBE, UNAUTHORIZED, &[stale], "");
    let third = script.turn(DESCRIBE, UNAUTHORIZED, &[stale], "");
    assert_eq!(digest(&third).nonce, "n2");
    assert!(matches!(script.failure(), Error::CredentialsRefused { .. }));
}

#[test]
fn q42_new_nonce_at_a_keepalive_is_answered_on_the_same_connection() {
    let mut script = Script::playing("4711;timeout=60");
    script.wait(seconds(30));
    let keepalive = script.turn("GET_PARAMETER rtsp://192.0.2.1/live", UNAUTHORIZED, &[DIGEST], "");
    assert_eq!(keepalive.headers.get("Authorization"), None);
    let again = script.turn("GET_PARAMETER rtsp://192.0.2.1/live", "200 OK", &[], "");
    assert_eq!(digest(&again).nonce, "n1");
    script.wait(seconds(30));
    let later = "WWW-Authenticate: Digest realm=\"camera\", nonce=\"n9\"";
    let next = script.turn("GET_PARAMETER rtsp://192.0.2.1/live", UNAUTHORIZED, &[later], "");
    assert_eq!(digest(&next).nonce, "n1");
    let again = script.turn("GET_PARAMETER rtsp://192.0.2.1/live", "200 OK", &[], "");
    assert_eq!(digest(&again).nonce, "n9");
    script.expect_nothing();
}

#[test]
fn a_keepalive_that_was_answered_with_401_and_then_not_at_all_is_no_refusal() {
    let mut script = Script::playing("4711;timeout=60");
    script.wait(seconds(30));
    script.turn("GET_PARAMETER rtsp://192.0.2.1/live", UNAUTHORIZED, &[DIGEST], "");
    script.expect("GET_PARAMETER rtsp://192.0.2.1/live");
    script.wait(seconds(10));
    assert_eq!(script.event(), Event::KeepAliveChanged);
    script.turn("OPTIONS rtsp://192.0.2.1/live", UNAUTHORIZED, &[DIGEST], "");
    script.turn("OPTIONS rtsp://192.0.2.1/live", "200 OK", &[], "");
    script.expect_nothing();
}

#[test]
fn each_method_may_be_answered_with_401() {
    let mut script = Script::described();
    script.setup(0, TransportRequest::Tcp);
    script.call(ClientSession::play);
    for (line, header) in [
        ("SETUP rtsp://192.0.2.1/live/trackID=0", "Session: 4711"),
        ("PLAY rtsp://192.0.2.1/live", "Server: mill"),
        ("TEARDOWN rtsp://192.0.2.1/live", "Server: mill"),
    ] {
        script.turn(line, UNAUTHORIZED, &[DIGEST], "");
        let again = script.turn(line, "200 OK", &[header], "");
        assert_eq!(digest(&again).nonce, "n1");
        script.event();
        if line.starts_with("PLAY") {
            script.call(ClientSession::teardown);
        }
    }
    script.expect_nothing();
}

#[test]
fn the_password_is_in_nothing_that_could_be_logged() {
    // The script checks each output, each error and the session itself; here is a whole refused conversation of both kinds.
    for challenge in [BASIC, DIGEST] {
        let mut script = Script::connected();
        script.turn(DESCRIBE, UNAUTHORIZED, &[challenge], "");
        script.turn(DESCRIBE, UNAUTHORIZED, &[challenge], "");
        assert!(matches!(script.failure(), Error::CredentialsRefused { .. }));
        assert!(script.shown.contains("Transmit("));
        assert!(!script.shown.contains(PASSWORD) && !script.shown.contains(PASSWORD_IN_BASE64));
    }
}

#[test]
fn the_nonce_for_the_next_request_may_come_with_a_response() {
    let mut script = Script::connected();
    script.turn(DESCRIBE, UNAUTHORIZED, &[SHA_256], "");
    let info = "Authentication-Info: nextnonce=\"n3\"";
    let first = script.turn(DESCRIBE, "200 OK", &[info], SDP);
    script.event();
    script.setup(0, TransportRequest::Tcp);
    let second = script.expect("SETUP rtsp://192.0.2.1/live/trackID=0");
    let nonces = [first, second].map(|request| (digest(&request).nonce, digest(&request).nc));
    assert_eq!(nonces, [("n2".to_owned(), Some(1)), ("n3".to_owned(), Some(1))]);
}

#[test]
fn q39_keepalive_that_asks_for_credentials_that_nothing_else_needed_is_not_obeyed() {
    let none = SessionConfig {
        credentials: None,
        ..config()
    };
    let mut script = Script::playing_with(none, "4711;timeout=60");
    script.wait(seconds(30));
    script.turn("GET_PARAMETER rtsp://192.0.2.1/live", UNAUTHORIZED, &[DIGEST], "");
    assert_eq!(script.event(), Event::KeepAliveChanged);
    script.turn("OPTIONS rtsp://192.0.2.1/live", UNAUTHORIZED, &[], "");
    script.expect_nothing();
    assert_eq!(script.stats().failed_keepalives, 2);
}
