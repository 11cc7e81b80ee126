use std::fmt::Write as _;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use sha1::{Digest as _, Sha1};

use super::Channel::{Get, Post};
use super::*;
use crate::auth::Verifier;
use crate::headers::{Challenge, DigestAlgorithm, DigestChallenge, Qop};
use crate::{Credentials, MAX_HEADERS, StatusCode};

const OK: &str = "HTTP/1.0 200 OK\r\nContent-Type: application/x-rtsp-tunnelled\r\n\r\n";
const DESCRIBE: &[u8] = b"DESCRIBE rtsp://192.0.2.1/cam RTSP/1.0\r\nCSeq: 1\r\n\r\n";

fn credentials() -> Credentials {
    Credentials::new("viewer", "sesame")
}

fn target(credentials: Option<Credentials>) -> TunnelTarget {
    TunnelTarget {
        path: "/cam?x=1".to_owned(),
        host: "[fe80::1]:8080".to_owned(),
        credentials,
    }
}

/// A tunnel whose outputs are seen one by one.
struct Script {
    tunnel: HttpTunnel,
    /// Everything that could end up in a log.
    shown: String,
}

impl Script {
    fn new(credentials: Option<Credentials>) -> Self {
        let mut tunnel = HttpTunnel::new(target(credentials), "test/1", 1);
        tunnel.start();
        let shown = String::new();
        Self { tunnel, shown }
    }

    fn poll(&mut self) -> Output {
        let output = self.tunnel.poll_output();
        let _ = write!(self.shown, "{output:?} {:?}", self.tunnel);
        output
    }

    /// The channel's connection is asked for, and is there: the request on it.
    fn connect(&mut self, channel: Channel) -> Request {
        assert_eq!(self.poll(), Output::Connect(channel));
        self.tunnel.handle_connected(channel);
        let Output::Transmit { channel: on, bytes } = self.poll() else {
            panic!()
        };
        assert_eq!(on, channel);
        request(&bytes, "HTTP/1.0")
    }

    fn say(&mut self, channel: Channel, text: &str) {
        assert_eq!(self.tunnel.receive(channel, text.as_bytes()), text.len());
    }

    fn open(credentials: Option<Credentials>) -> Self {
        let mut script = Self::new(credentials);
        script.connect(Get);
        script.say(Get, OK);
        script.connect(Post);
        assert_eq!(script.poll(), Output::Open);
        script
    }

    /// What POST carries next.
    fn carried(&mut self) -> Vec<u8> {
        match self.poll() {
            Output::Transmit { channel: Post, bytes } => STANDARD.decode(bytes).unwrap(),
            other => panic!("{other:?}"),
        }
    }

    fn failure(&mut self) -> TunnelError {
        let Output::Failed(error) = self.poll() else {
            panic!()
        };
        assert_eq!(self.poll(), Output::Idle);
        error
    }
}

/// The head of an HTTP request, for the verifier.
fn request(bytes: &[u8], version: &str) -> Request {
    let text = std::str::from_utf8(bytes).unwrap();
    let mut lines = text.strip_suffix("\r\n\r\n").unwrap().split("\r\n");
    let words: Vec<_> = lines.next().unwrap().split(' ').collect();
    let [method, path, said] = words[..] else {
        panic!("{text}")
    };
    assert_eq!(said, version);
    let mut request = Request::new(Method::from(method), path);
    for line in lines {
        let (name, value) = line.split_once(": ").unwrap();
        request.headers.append(name, value);
    }
    request
}

fn digest(algorithm: DigestAlgorithm) -> Challenge {
    Challenge::Digest(DigestChallenge {
        realm: "camera".to_owned(),
        algorithm: Some(algorithm),
        qop: vec![Qop::Auth],
        ..DigestChallenge::default()
    })
}

fn schemes() -> [Vec<Challenge>; 4] {
    let basic = || Challenge::Basic {
        realm: "camera".to_owned(),
    };
    let (md5, sha256) = (
        || digest(DigestAlgorithm::Md5),
        || digest(DigestAlgorithm::Sha256),
    );
    [
        vec![basic()],
        vec![md5()],
        vec![sha256()],
        vec![basic(), md5(), sha256()],
    ]
}

/// A 401 for a request that the verifier does not let in.
fn unauthorized(verifier: &mut Verifier, request: &Request) -> Option<String> {
    let challenges = verifier.verify(request).err()?;
    let length = "Content-Length: 4\r\n\r\nno!!";
    Some(format!(
        "HTTP/1.1 401 Unauthorized\r\nWWW-Authenticate: {challenges}\r\n{length}"
    ))
}

#[test]
fn get_and_post_are_as_servers_know_them() {
    let mut script = Script::new(Some(credentials()));
    let get = script.connect(Get);
    script.say(Get, OK);
    let post = script.connect(Post);
    assert_eq!((get.method.as_str(), post.method.as_str()), ("GET", "POST"));
    let cookie = get.headers.get("x-sessioncookie").unwrap();
    assert_eq!(cookie.len(), 22);
    let both = [
        ("Host", Some("[fe80::1]:8080")),
        ("User-Agent", Some("test/1")),
        ("x-sessioncookie", Some(cookie)),
        ("Pragma", Some("no-cache")),
        ("Cache-Control", Some("no-cache")),
        ("Authorization", None),
    ];
    for (name, value) in both {
        assert_eq!(
            (get.headers.get(name), post.headers.get(name)),
            (value, value),
            "{name}"
        );
    }
    assert_eq!(get.headers.get("Accept"), Some("application/x-rtsp-tunnelled"));
    assert_eq!(
        post.headers.get("Content-Type"),
        Some("application/x-rtsp-tunnelled")
    );
    assert_eq!(post.headers.get("Content-Length"), Some("32767"));
    assert!(post.headers.get("Expires").is_some());
    // Another tunnel has another cookie.
    let mut other = HttpTunnel::new(target(None), "test/1", 2);
    other.start();
    other.poll_output();
    other.handle_connected(Get);
    let Output::Transmit { bytes, .. } = other.poll_output() else {
        panic!()
    };
    assert_ne!(
        request(&bytes, "HTTP/1.0").headers.get("x-sessioncookie"),
        Some(cookie)
    );
}

#[test]
fn q115_no_answer_to_post_is_waited_for_and_both_ask_for_a_path() {
    let mut script = Script::new(None);
    assert_eq!(script.connect(Get).uri, "/cam?x=1");
    script.say(Get, OK);
    assert_eq!(script.connect(Post).uri, "/cam?x=1");
    assert_eq!(script.poll(), Output::Open);
    script.tunnel.send(DESCRIBE);
    assert_eq!(script.carried(), DESCRIBE);
    // One that comes late means nothing more.
    for answer in ["HTTP/1.1 100 Continue\r\n\r\n", OK, "whatever", OK] {
        script.say(Post, answer);
        assert_eq!(script.poll(), Output::Idle);
    }
    script.tunnel.send(DESCRIBE);
    assert_eq!(script.carried(), DESCRIBE);
}

#[test]
fn q45_each_message_is_encoded_whole_and_in_one_write() {
    let mut script = Script::open(None);
    for message in [b"abcd".as_slice(), b"$\x01\x00\x02hi", b"e"] {
        script.tunnel.send(message);
        assert_eq!(script.carried(), message);
    }
    assert_eq!(script.poll(), Output::Idle);
}

#[test]
fn what_follows_the_head_of_get_is_left_alone() {
    let mut script = Script::new(None);
    script.connect(Get);
    let bytes = [OK.as_bytes(), b"RTSP/1.0 200 OK\r\n\r\n"].concat();
    for end in 0..OK.len() {
        assert_eq!(script.tunnel.receive(Get, &bytes[..end]), 0);
        assert_eq!(script.poll(), Output::Idle);
    }
    assert_eq!(script.tunnel.receive(Get, &bytes), OK.len());
    assert_eq!(script.tunnel.receive(Get, &bytes[OK.len()..]), 0);
    script.connect(Post);
    assert_eq!(script.poll(), Output::Open);
    assert_eq!(
        script.tunnel.receive(Get, b"HTTP/1.0 401 Unauthorized\r\n\r\n"),
        0
    );
    assert_eq!(script.poll(), Output::Idle);
}

#[test]
fn a_401_on_get_is_answered_on_a_new_connection_and_post_needs_none() {
    for challenges in schemes() {
        let mut verifier = Verifier::new(credentials(), challenges, 7);
        let mut script = Script::new(Some(credentials()));
        let bare = script.connect(Get);
        assert_eq!(bare.headers.get("Authorization"), None);
        let refusal = unauthorized(&mut verifier, &bare).unwrap();
        script.say(Get, &refusal);
        let again = script.connect(Get);
        assert_eq!(unauthorized(&mut verifier, &again), None);
        script.say(Get, OK);
        let post = script.connect(Post);
        assert_eq!(unauthorized(&mut verifier, &post), None);
        assert_eq!(script.poll(), Output::Open);
        assert!(!script.shown.contains("sesame") && !script.shown.contains("dmlld2Vy"));
    }
}

#[test]
fn a_401_on_post_has_what_it_carried_sent_again() {
    for challenges in schemes() {
        let mut verifier = Verifier::new(credentials(), challenges, 7);
        let mut script = Script::new(Some(credentials()));
        script.connect(Get);
        script.say(Get, OK);
        let bare = script.connect(Post);
        assert_eq!(script.poll(), Output::Open);
        script.tunnel.send(DESCRIBE);
        assert_eq!(script.carried(), DESCRIBE);
        let refusal = unauthorized(&mut verifier, &bare).unwrap();
        script.say(Post, &refusal);
        // What comes meanwhile waits for the connection.
        script.tunnel.send(b"$");
        let again = script.connect(Post);
        assert_eq!(unauthorized(&mut verifier, &again), None);
        assert_eq!(script.carried(), DESCRIBE);
        assert_eq!(script.carried(), b"$");
        assert_eq!(script.poll(), Output::Idle);
        script.tunnel.send(b"x");
        assert_eq!(script.carried(), b"x");
    }
}

#[test]
fn a_post_that_is_closed_before_the_server_speaks_is_connected_once_more() {
    for answer in ["", OK] {
        let mut script = Script::open(None);
        script.tunnel.send(DESCRIBE);
        assert_eq!(script.carried(), DESCRIBE);
        script.say(Post, answer);
        script.tunnel.handle_closed(Post);
        assert_eq!(script.connect(Post).method.as_str(), "POST");
        assert_eq!(script.carried(), DESCRIBE);
        script.tunnel.handle_closed(Post);
        assert_eq!(script.failure(), TunnelError::Closed { channel: Post });
    }
}

#[test]
fn post_repeats_no_more_than_a_first_request() {
    let mut script = Script::open(Some(credentials()));
    script.tunnel.send(&[b'x'; MAX_REPEATED_BYTES]);
    script.carried();
    let refusal = "HTTP/1.0 401 Unauthorized\r\nWWW-Authenticate: Basic realm=\"x\"\r\n\r\n";
    script.say(Post, refusal);
    let status = StatusCode::UNAUTHORIZED;
    assert!(
        matches!(script.failure(), TunnelError::Refused { channel: Post, status: of, .. } if of == status)
    );
    let mut script = Script::open(Some(credentials()));
    script.say(Post, refusal);
    script.tunnel.send(&[b'x'; MAX_REPEATED_BYTES]);
    assert_eq!(script.poll(), Output::Connect(Post));
    assert_eq!(script.failure(), TunnelError::Closed { channel: Post });
}

#[test]
fn credentials_that_do_not_help_are_an_error_of_their_own() {
    let basic = "HTTP/1.0 401 Unauthorized\r\nWWW-Authenticate: Basic realm=\"x\"\r\n\r\n";
    let strange = "HTTP/1.0 401 Unauthorized\r\nWWW-Authenticate: Negotiate\r\n\r\n";
    let on_get = |credentials: Option<Credentials>, answers: &[&str]| {
        let mut script = Script::new(credentials);
        for answer in answers {
            script.connect(Get);
            script.say(Get, answer);
        }
        assert!(!script.shown.contains("sesame"));
        script.failure()
    };
    assert_eq!(
        on_get(None, &[basic]),
        TunnelError::NoCredentials { channel: Get }
    );
    assert_eq!(
        on_get(Some(credentials()), &[basic, basic]),
        TunnelError::CredentialsRefused { channel: Get }
    );
    let schemes = vec!["Negotiate".to_owned()];
    let unsupported = TunnelError::UnsupportedAuthentication {
        channel: Get,
        schemes,
    };
    assert_eq!(on_get(Some(credentials()), &[strange]), unsupported);
    assert_eq!(
        unsupported.to_string(),
        "tunnel: the server offers no way to authenticate that is supported (offered: Negotiate) (GET)"
    );
    let mut script = Script::open(None);
    script.say(Post, basic);
    assert_eq!(script.failure(), TunnelError::NoCredentials { channel: Post });
}

#[test]
fn what_is_no_tunnel_is_told_apart() {
    let not_there = ["404 Not Found", "405 Method Not Allowed", "501 Not Implemented"];
    for status in not_there {
        for channel in [Get, Post] {
            let mut script = if channel == Get {
                Script::new(None)
            } else {
                Script::open(None)
            };
            if channel == Get {
                script.connect(Get);
            }
            script.say(channel, &format!("HTTP/1.1 {status}\r\n\r\n"));
            let error = script.failure();
            assert!(matches!(error, TunnelError::NotATunnel { .. }), "{error:?}");
            let text = format!("no tunnel is there: {channel} was answered with {status}");
            assert_eq!(error.to_string(), text);
        }
    }
    let on_get = |answer: &str| {
        let mut script = Script::new(None);
        script.connect(Get);
        script.tunnel.receive(Get, answer.as_bytes());
        script.failure().to_string()
    };
    let long = format!("HTTP/1.0 200 OK\r\nX: {}\r\n\r\n", "x".repeat(MAX_HEAD_BYTES));
    let many = format!("HTTP/1.0 200 OK\r\n{}\r\n", "X: x\r\n".repeat(MAX_HEADERS + 1));
    let too_long =
        format!("the head of the answer to GET has more than {MAX_HEAD_BYTES} bytes or {MAX_HEADERS} lines");
    let cases = [
        (
            "HTTP/1.1 200 OK\r\nContent-Type: Text/HTML\r\n\r\n",
            "no tunnel is there: GET was answered with 200 OK",
        ),
        (
            "HTTP/1.1 403 No http://u:sesame@h/\r\n\r\n",
            "the tunnel is refused: GET was answered with 403 No http://***@h/",
        ),
        (
            "HTTP/1.1 403 No\rway\x1b[2J\r\n\r\n",
            "the tunnel is refused: GET was answered with 403 No way [2J",
        ),
        (
            "HTTP/1.1 302 Found\r\n\r\n",
            "the tunnel is refused: GET was answered with 302 Found",
        ),
        (
            "RTSP/1.0 400 Bad Request\r\n\r\n",
            "the answer to GET is no tunnel's: no HTTP status line at byte 0",
        ),
        (
            "HTTP/2 200\r\n\r\n",
            "the answer to GET is no tunnel's: no HTTP status line at byte 5",
        ),
        (
            "HTTP/1.0 20 OK\r\n\r\n",
            "the answer to GET is no tunnel's: no status at byte 8",
        ),
        (
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n",
            "the answer to GET is no tunnel's: a Transfer-Encoding at byte 0",
        ),
        (long.as_str(), too_long.as_str()),
        (many.as_str(), too_long.as_str()),
    ];
    for (answer, text) in cases {
        assert_eq!(on_get(answer), text, "{answer}");
    }
}

#[test]
fn a_label_may_be_missing_and_lines_may_end_in_lf() {
    for answer in [
        "HTTP/1.1 200\r\n\r\n",
        "HTTP/1.0 200 OK\nServer: x\n\n",
        "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\n\r\n",
    ] {
        let mut script = Script::new(None);
        script.connect(Get);
        script.say(Get, answer);
        script.connect(Post);
        assert_eq!(script.poll(), Output::Open);
    }
}

#[test]
fn a_connection_that_closes_ends_the_tunnel_until_it_is_the_sessions() {
    let mut script = Script::new(None);
    script.connect(Get);
    script.tunnel.handle_closed(Get);
    assert_eq!(script.failure(), TunnelError::Closed { channel: Get });
    let mut script = Script::open(None);
    assert_eq!(script.tunnel.receive(Get, b"RTSP"), 0);
    script.tunnel.handle_closed(Get);
    assert_eq!(script.poll(), Output::Idle);
    script.tunnel.handle_closed(Post);
    assert_eq!(script.failure(), TunnelError::Closed { channel: Post });
    // Nothing follows a failure.
    script.tunnel.send(DESCRIBE);
    script.tunnel.handle_closed(Post);
    script.tunnel.handle_connected(Post);
    assert_eq!(script.tunnel.receive(Post, b"x"), 1);
    assert_eq!(script.poll(), Output::Idle);
}

/// The answer that a server of WebSockets gives to the key.
const ACCEPT: &str = "HTTP/1.1 101 Switching Protocols\r\nSec-WebSocket-Accept: ";

fn accept(request: &Request) -> String {
    let key = request.headers.get("Sec-WebSocket-Key").unwrap();
    assert_eq!(STANDARD.decode(key).unwrap().len(), 16);
    let hash = Sha1::digest(format!("{key}258EAFA5-E914-47DA-95CA-C5AB0DC85B11"));
    format!("{ACCEPT}{}\r\n\r\n", STANDARD.encode(hash))
}

#[test]
fn a_websocket_is_asked_for_and_its_frames_are_left_alone() {
    let mut upgrade = WebSocketUpgrade::new(target(None), "test/1", 1);
    let request = request(&upgrade.request(), "HTTP/1.1");
    assert_eq!(request.uri, "/cam?x=1");
    for (name, value) in [
        ("Host", "[fe80::1]:8080"),
        ("Upgrade", "websocket"),
        ("Connection", "Upgrade"),
        ("Sec-WebSocket-Version", "13"),
        ("Sec-WebSocket-Protocol", "rtsp.onvif.org"),
    ] {
        assert_eq!(request.headers.get(name), Some(value), "{name}");
    }
    let answer = accept(&request);
    let bytes = [answer.as_bytes(), b"\x82\x00"].concat();
    for end in 0..answer.len() {
        assert_eq!(upgrade.receive(&bytes[..end]), Ok(Upgrade::Incomplete));
    }
    let consumed = answer.len();
    assert_eq!(upgrade.receive(&bytes), Ok(Upgrade::Open { consumed }));
    // The answer to another key is none.
    upgrade.request();
    assert!(matches!(
        upgrade.receive(&bytes),
        Err(TunnelError::Malformed { .. })
    ));
}

#[test]
fn q116_a_401_on_the_upgrade_is_answered_for_get_and_the_path() {
    for challenges in schemes() {
        let mut verifier = Verifier::new(credentials(), challenges, 7);
        let mut upgrade = WebSocketUpgrade::new(target(Some(credentials())), "test/1", 1);
        let bare = request(&upgrade.request(), "HTTP/1.1");
        assert_eq!(bare.headers.get("Authorization"), None);
        let refusal = unauthorized(&mut verifier, &bare).unwrap();
        assert_eq!(upgrade.receive(refusal.as_bytes()), Ok(Upgrade::Again));
        let again = request(&upgrade.request(), "HTTP/1.1");
        assert_eq!(unauthorized(&mut verifier, &again), None);
        assert_ne!(
            bare.headers.get("Sec-WebSocket-Key"),
            again.headers.get("Sec-WebSocket-Key")
        );
        let answer = accept(&again);
        assert!(matches!(
            upgrade.receive(answer.as_bytes()),
            Ok(Upgrade::Open { .. })
        ));
        assert!(!format!("{upgrade:?}").contains("sesame"));
    }
    let mut upgrade = WebSocketUpgrade::new(target(None), "test/1", 1);
    upgrade.request();
    let refusal = upgrade.receive(b"HTTP/1.1 401 Unauthorized\r\n\r\n");
    assert_eq!(refusal, Err(TunnelError::NoCredentials { channel: Get }));
}

#[test]
fn q116_a_refused_protocol_is_followed_by_the_next() {
    type Refuse = fn(&mut WebSocketUpgrade) -> Result<Upgrade, TunnelError>;
    let refusals: [Refuse; 2] = [
        |upgrade| upgrade.receive(b"HTTP/1.1 400 Bad Request\r\n\r\n"),
        WebSocketUpgrade::handle_closed,
    ];
    for refuse in refusals {
        let mut upgrade = WebSocketUpgrade::new(target(None), "test/1", 1);
        for (index, name) in WEBSOCKET_PROTOCOLS.into_iter().enumerate() {
            let asked = request(&upgrade.request(), "HTTP/1.1");
            assert_eq!(asked.headers.get("Sec-WebSocket-Protocol"), Some(name));
            let is_last = index + 1 == WEBSOCKET_PROTOCOLS.len();
            assert_eq!(refuse(&mut upgrade).is_err(), is_last);
        }
    }
    let mut upgrade = WebSocketUpgrade::new(target(None), "test/1", 1);
    let refusal = upgrade.receive(b"HTTP/1.1 404 Not Found\r\n\r\n");
    assert!(matches!(refusal, Err(TunnelError::NotATunnel { .. })));
}

#[test]
fn q116_another_protocol_may_need_another_nonce() {
    let challenge = |nonce: &str| {
        let digest = format!("Digest realm=\"camera\", nonce=\"{nonce}\"");
        format!("HTTP/1.1 401 Unauthorized\r\nWWW-Authenticate: {digest}\r\n\r\n")
    };
    let mut upgrade = WebSocketUpgrade::new(target(Some(credentials())), "test/1", 1);
    let mut answered = |answer: &str| {
        let asked = request(&upgrade.request(), "HTTP/1.1");
        let answer = upgrade.receive(answer.as_bytes());
        (asked, answer)
    };
    let again = Ok(Upgrade::Again);
    assert_eq!(answered(&challenge("first")).1, again);
    assert_eq!(answered("HTTP/1.1 400 Bad Request\r\n\r\n").1, again);
    assert_eq!(answered(&challenge("second")).1, again);
    let (asked, answer) = answered(&challenge("third"));
    let authorization = asked.headers.get("Authorization").unwrap();
    assert!(authorization.contains("nonce=\"second\""), "{authorization}");
    let refused = Err(TunnelError::CredentialsRefused { channel: Get });
    assert_eq!(answer, refused, "it is not asked for ever");
}

#[test]
fn answers_before_the_answer_are_bounded_as_it_is() {
    const CONTINUE: &str = "HTTP/1.1 100 Continue\r\n\r\n";
    let mut upgrade = WebSocketUpgrade::new(target(None), "test/1", 1);
    let asked = request(&upgrade.request(), "HTTP/1.1");
    let few = format!("{CONTINUE}{}", accept(&asked));
    assert!(
        matches!(upgrade.receive(few.as_bytes()), Ok(Upgrade::Open { consumed }) if consumed == few.len())
    );
    let many = CONTINUE.repeat(MAX_HEAD_BYTES / CONTINUE.len());
    assert_eq!(upgrade.receive(many.as_bytes()), Ok(Upgrade::Incomplete));
    let too_many = many + CONTINUE;
    let too_long = TunnelError::TooLong { channel: Get };
    assert_eq!(upgrade.receive(too_many.as_bytes()), Err(too_long));
}
