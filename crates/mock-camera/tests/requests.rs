//! The protocol half by messages: what each request is answered, without a socket.

#![cfg(test)]

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use throughline_mock_camera::server::{
    Clocks, Connection, Delivery, Pair, SESSION_TIMEOUT, Server, ServerConfig,
};
use throughline_mock_camera::{Authentication, BuiltInClip, Clip, Credentials, Quirks, Transports};
use throughline_rtsp::auth::Authenticator;
use throughline_rtsp::headers::{Authorization, Challenge, WwwAuthenticate};
use throughline_rtsp::{Method, Request, Response};
use throughline_sdp::SessionDescription;

const PEER: IpAddr = IpAddr::V4(Ipv4Addr::new(192, 0, 2, 7));
const CAMERA: &str = "rtsp://192.0.2.1:8554/cam";
const TRACK: &str = "rtsp://192.0.2.1:8554/cam/trackID=0";

fn config() -> ServerConfig {
    ServerConfig {
        clip: Clip::built_in(BuiltInClip::ConstrainedBaseline),
        authentication: Authentication::None,
        transports: Transports::Both,
        quirks: Quirks::default(),
        udp_ports: (6000, 6001),
    }
}

struct Client {
    connection: Connection,
    now: Instant,
    cseq: u32,
}

impl Client {
    fn of(config: ServerConfig) -> Self {
        let now = Instant::now();
        let clocks = Clocks {
            monotonic: now,
            wall: SystemTime::UNIX_EPOCH,
        };
        Self {
            connection: Connection::new(Arc::new(Server::new(config)), PEER, clocks, 1),
            now,
            cseq: 0,
        }
    }

    fn new() -> Self {
        Self::of(config())
    }

    fn send(&mut self, method: Method, uri: &str, headers: &[(&str, &str)]) -> Response {
        let mut request = Request::new(method, uri);
        self.cseq += 1;
        request.headers.set("CSeq", self.cseq.to_string());
        for (name, value) in headers {
            request.headers.append(name, *value);
        }
        let response = self.connection.handle_request(self.now, &request);
        assert_eq!(response.headers.get("CSeq"), Some(self.cseq.to_string().as_str()));
        response
    }

    /// The status alone.
    fn status(&mut self, method: Method, uri: &str, headers: &[(&str, &str)]) -> u16 {
        self.send(method, uri, headers).status.0
    }

    /// Sets the track up over TCP; gives the session's id.
    fn set_up(&mut self) -> String {
        let response = self.send(
            Method::Setup,
            TRACK,
            &[("Transport", "RTP/AVP/TCP;unicast;interleaved=0-1")],
        );
        assert_eq!(response.status.0, 200);
        let session = response.headers.get("Session").unwrap();
        session.strip_suffix(";timeout=60").unwrap().to_owned()
    }
}

#[test]
fn options_names_the_methods() {
    let response = Client::new().send(Method::Options, CAMERA, &[]);
    assert_eq!(response.status.0, 200);
    let public = response.headers.get("Public").unwrap();
    assert_eq!(
        public,
        "OPTIONS, DESCRIBE, SETUP, PLAY, PAUSE, TEARDOWN, GET_PARAMETER, SET_PARAMETER"
    );
}

#[test]
fn describe_tells_a_client_all_it_needs() {
    let response = Client::new().send(Method::Describe, CAMERA, &[]);
    assert_eq!(response.headers.get("Content-Type"), Some("application/sdp"));
    assert_eq!(
        response.headers.get("Content-Base"),
        Some("rtsp://192.0.2.1:8554/cam/")
    );
    let text = std::str::from_utf8(&response.body).unwrap();
    for line in [
        "v=0",
        "a=control:*",
        "m=video 0 RTP/AVP 96",
        "a=rtpmap:96 H264/90000",
        "a=framerate:30",
        "a=rtcp-fb:96 nack pli",
        "a=rtcp-fb:96 ccm fir",
        "a=control:trackID=0",
    ] {
        assert_eq!(text.lines().filter(|l| *l == line).count(), 1, "{line} in {text}");
    }
    let description = SessionDescription::parse(&response.body).unwrap();
    assert!(
        description.tolerated().is_empty(),
        "{:?}",
        description.tolerated()
    );
    let format = description.media()[0].formats().next().unwrap();
    let fmtp = format.fmtp.unwrap();
    assert_eq!(fmtp.get("packetization-mode"), Some("1"));
    assert_eq!(fmtp.get("profile-level-id"), Some("42e01f"));
    let clip = Clip::built_in(BuiltInClip::ConstrainedBaseline);
    assert_eq!(
        fmtp.get("sprop-parameter-sets"),
        Some(clip.parameter_sets().to_sprop().as_str())
    );
}

#[test]
fn a_session_goes_from_setup_to_teardown() {
    let mut client = Client::new();
    let id = client.set_up();
    assert_eq!(
        client.connection.delivery(),
        Some(Delivery::Interleaved(Pair { rtp: 0, rtcp: 1 }))
    );
    let session = [("Session", id.as_str())];
    let play = client.send(Method::Play, CAMERA, &session);
    assert_eq!(play.status.0, 200);
    let info = play.headers.get("RTP-Info").unwrap();
    assert!(
        info.starts_with("url=rtsp://192.0.2.1:8554/cam/trackID=0;seq="),
        "{info}"
    );
    assert_eq!(client.status(Method::GetParameter, CAMERA, &session), 200);
    assert_eq!(client.status(Method::Pause, CAMERA, &session), 200);
    assert_eq!(client.status(Method::Play, CAMERA, &session), 200);
    assert_eq!(client.status(Method::Teardown, CAMERA, &session), 200);
    assert_eq!(client.connection.delivery(), None);
    assert_eq!(client.status(Method::Teardown, CAMERA, &session), 454);
}

#[test]
fn setup_answers_the_first_transport_that_it_can() {
    for (transports, offer, answer) in [
        (
            Transports::Both,
            "RTP/AVP;unicast;client_port=4000-4001",
            Some("client_port=4000-4001;server_port=6000-6001"),
        ),
        (
            Transports::Both,
            "RTP/AVP/TCP;unicast;interleaved=4-5",
            Some("interleaved=4-5"),
        ),
        (Transports::Both, "RTP/AVP/TCP;unicast", Some("interleaved=0-1")),
        (
            Transports::Tcp,
            "RTP/AVP;unicast;client_port=4000-4001,RTP/AVP/TCP;interleaved=2-3",
            Some("interleaved=2-3"),
        ),
        (Transports::Tcp, "RTP/AVP;unicast;client_port=4000-4001", None),
        (Transports::Udp, "RTP/AVP/TCP;unicast;interleaved=0-1", None),
        (Transports::Both, "RTP/AVP;multicast;client_port=4000-4001", None),
        (Transports::Both, "RTP/SAVP;unicast;client_port=4000-4001", None),
        (Transports::Both, "RTP/AVP;unicast", None),
        (
            Transports::Both,
            "RTP/AVP/TCP;unicast;interleaved=0-1;mode=record",
            None,
        ),
    ] {
        let mut client = Client::of(ServerConfig {
            transports,
            ..config()
        });
        let response = client.send(Method::Setup, TRACK, &[("Transport", offer)]);
        match answer {
            None => assert_eq!(response.status.0, 461, "{offer}"),
            Some(answer) => {
                let transport = response.headers.get("Transport").unwrap();
                assert!(transport.contains(answer), "{offer} was answered {transport}");
                assert!(transport.contains("ssrc="), "{transport}");
            }
        }
    }
}

#[test]
fn udp_goes_to_the_client_whatever_destination_it_names() {
    let mut client = Client::new();
    let transport = "RTP/AVP;unicast;destination=198.51.100.9;client_port=4000-4001";
    assert_eq!(
        client.status(Method::Setup, TRACK, &[("Transport", transport)]),
        200
    );
    let addresses = Pair {
        rtp: SocketAddr::new(PEER, 4000),
        rtcp: SocketAddr::new(PEER, 4001),
    };
    assert_eq!(client.connection.delivery(), Some(Delivery::Udp(addresses)));
}

#[test]
fn each_refusal_has_its_own_status() {
    let mut client = Client::new();
    let transport = ("Transport", "RTP/AVP/TCP;unicast;interleaved=0-1");
    for (status, method, uri) in [
        (404, Method::Describe, "rtsp://192.0.2.1/other"),
        (404, Method::Describe, TRACK),
        (404, Method::Setup, "rtsp://192.0.2.1/cam/trackID=1"),
        (400, Method::Describe, "http://192.0.2.1/cam"),
        (400, Method::Describe, "cam"),
        (405, Method::Announce, CAMERA),
        (405, Method::Record, CAMERA),
        (501, Method::Extension("BREW".to_owned()), CAMERA),
        (455, Method::Play, CAMERA),
        (455, Method::Pause, CAMERA),
        (455, Method::Teardown, CAMERA),
    ] {
        assert_eq!(
            client.status(method.clone(), uri, &[transport]),
            status,
            "{method} {uri}"
        );
    }
    assert_eq!(client.status(Method::Setup, TRACK, &[]), 400, "no Transport");
    assert_eq!(
        client.status(Method::Play, CAMERA, &[("Session", "unknown")]),
        454
    );
    let id = client.set_up();
    assert_eq!(
        client.status(Method::Play, CAMERA, &[]),
        454,
        "the session is not named"
    );
    assert_eq!(
        client.status(Method::Play, CAMERA, &[("Session", "unknown")]),
        454
    );
    assert_eq!(client.status(Method::Play, CAMERA, &[("Session", &id)]), 200);
    assert_eq!(
        client.status(Method::Setup, TRACK, &[("Session", &id), transport]),
        455,
        "it plays"
    );
}

#[test]
fn a_request_without_a_cseq_is_bad() {
    let mut client = Client::new();
    let request = Request::new(Method::Options, CAMERA);
    assert_eq!(
        client.connection.handle_request(client.now, &request).status.0,
        400
    );
}

#[test]
fn what_a_client_requires_is_refused_by_name() {
    let response = Client::new().send(
        Method::Describe,
        CAMERA,
        &[("Require", "www.onvif.org/ver20/backchannel")],
    );
    assert_eq!(response.status.0, 551);
    assert_eq!(
        response.headers.get("Unsupported"),
        Some("www.onvif.org/ver20/backchannel")
    );
}

#[test]
fn a_parameter_that_is_asked_for_is_not_understood() {
    let mut client = Client::new();
    let mut request = Request::new(Method::GetParameter, CAMERA);
    request.headers.set("CSeq", "1");
    request.body = "packets_received\r\n".into();
    assert_eq!(
        client.connection.handle_request(client.now, &request).status.0,
        451
    );
}

#[test]
fn a_second_setup_before_play_changes_the_transport_and_keeps_the_session() {
    let mut client = Client::new();
    let id = client.set_up();
    let again = [
        ("Session", id.as_str()),
        ("Transport", "RTP/AVP;unicast;client_port=4000-4001"),
    ];
    let response = client.send(Method::Setup, TRACK, &again);
    assert_eq!(
        response.headers.get("Session"),
        Some(format!("{id};timeout=60").as_str())
    );
    assert!(matches!(client.connection.delivery(), Some(Delivery::Udp(_))));
}

#[test]
fn credentials_in_a_uri_are_not_sent_back() {
    let response = Client::new().send(Method::Describe, "rtsp://viewer:sesame@192.0.2.1/cam?x=1", &[]);
    assert_eq!(
        response.headers.get("Content-Base"),
        Some("rtsp://192.0.2.1/cam/")
    );
}

#[test]
fn a_query_and_a_slash_behind_the_path_change_nothing() {
    for uri in [
        "rtsp://192.0.2.1/cam/",
        "rtsp://192.0.2.1/cam?profile=1",
        "RTSP://192.0.2.1/cam",
    ] {
        assert_eq!(Client::new().status(Method::Describe, uri, &[]), 200, "{uri}");
    }
}

#[test]
fn without_the_password_everything_but_options_is_unauthorized() {
    let authentication = Authentication::Any(Credentials::new("viewer", "sesame"));
    let mut client = Client::of(ServerConfig {
        authentication,
        ..config()
    });
    assert_eq!(client.status(Method::Options, CAMERA, &[]), 200);
    for method in [
        Method::Describe,
        Method::Setup,
        Method::Play,
        Method::GetParameter,
        Method::Teardown,
    ] {
        let response = client.send(method, CAMERA, &[]);
        assert_eq!(response.status.0, 401);
        let offers: Vec<&str> = response.headers.get_all("WWW-Authenticate").collect();
        assert_eq!(offers.len(), 3, "a line for each: {offers:?}");
        let WwwAuthenticate(challenges) = response.headers.typed().unwrap().unwrap();
        let [
            Challenge::Digest(sha_256),
            Challenge::Digest(md5),
            Challenge::Basic { .. },
        ] = &challenges[..]
        else {
            panic!("{challenges:?}");
        };
        assert_eq!(md5.nonce, sha_256.nonce);
    }
    let mut request = Request::new(Method::Describe, CAMERA);
    request.headers.set("CSeq", "9");
    request
        .headers
        .set_typed(&Authorization::Basic(Credentials::new("viewer", "wrong")));
    assert_eq!(
        client.connection.handle_request(client.now, &request).status.0,
        401
    );
    request
        .headers
        .set_typed(&Authorization::Basic(Credentials::new("viewer", "sesame")));
    assert_eq!(
        client.connection.handle_request(client.now, &request).status.0,
        200
    );
}

#[test]
fn the_right_answer_to_any_challenge_is_let_in_and_a_wrong_one_is_not() {
    for kind in [
        Authentication::Basic,
        Authentication::Digest,
        Authentication::DigestSha256,
        Authentication::Any,
    ] {
        for (password, status) in [("sesame", 200), ("open", 401)] {
            let authentication = kind(Credentials::new("viewer", "sesame"));
            let mut client = Client::of(ServerConfig {
                authentication,
                ..config()
            });
            let mut request = Request::new(Method::Describe, CAMERA);
            request.headers.set("CSeq", "1");
            let refusal = client.connection.handle_request(client.now, &request);
            let mut answerer = Authenticator::new(Some(Credentials::new("viewer", password)), 2);
            let WwwAuthenticate(challenges) = refusal.headers.typed().unwrap().unwrap();
            answerer.challenged(&challenges).unwrap();
            answerer.authorize(&mut request);
            let answer = client.connection.handle_request(client.now, &request);
            assert_eq!(answer.status.0, status, "{challenges:?}");
        }
    }
}

#[test]
fn the_password_is_in_no_debug_output() {
    let authentication = Authentication::Digest(Credentials::new("viewer", "sesame"));
    let client = Client::of(ServerConfig {
        authentication,
        ..config()
    });
    let shown = format!("{:?}", client.connection);
    assert!(!shown.contains("sesame"));
}

#[test]
fn q99_only_requests_that_name_the_session_keep_it() {
    let mut client = Client::new();
    let id = client.set_up();
    let half = SESSION_TIMEOUT / 2;
    client.now += half;
    assert_eq!(
        client.status(Method::GetParameter, CAMERA, &[("Session", &id)]),
        200
    );
    client.now += half;
    assert_eq!(client.status(Method::GetParameter, CAMERA, &[]), 200);
    assert!(!client.connection.is_expired(client.now));
    client.now += half;
    assert!(client.connection.is_expired(client.now));
    assert!(client.connection.wake_at() <= client.now);
}

#[test]
fn a_connection_without_a_session_is_kept_by_any_request() {
    const ALMOST: Duration = Duration::from_secs(59);
    let mut client = Client::new();
    client.now += ALMOST;
    client.send(Method::Options, CAMERA, &[]);
    client.now += ALMOST;
    assert!(!client.connection.is_expired(client.now));
    client.now += Duration::from_secs(1);
    assert!(client.connection.is_expired(client.now));
}

#[test]
fn no_two_sessions_have_the_same_id_and_ssrc() {
    let mut client = Client::new();
    let mut seen = Vec::new();
    for _ in 0..3 {
        let response = client.send(Method::Setup, TRACK, &[("Transport", "RTP/AVP/TCP;unicast")]);
        let header = |name| response.headers.get(name).unwrap().to_owned();
        seen.push((header("Session"), header("Transport")));
    }
    assert!(
        seen[0].0 != seen[1].0 && seen[1].0 != seen[2].0 && seen[0].0 != seen[2].0,
        "{seen:?}"
    );
    assert!(
        seen[0].1 != seen[1].1 && seen[1].1 != seen[2].1 && seen[0].1 != seen[2].1,
        "{seen:?}"
    );
}

#[test]
fn malformed_bytes_end_the_session() {
    let mut client = Client::new();
    client.set_up();
    assert_eq!(client.connection.handle_malformed().status.0, 400);
    assert_eq!(client.connection.delivery(), None);
}
