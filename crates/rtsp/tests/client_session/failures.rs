use throughline_rtsp::client::{
    ClientSession, Error, Event, MAX_PENDING_OUTPUTS, MAX_TRACKS, Output, Received, SessionConfig,
    SetUpRequest, TransportRequest,
};
use throughline_rtsp::headers::{Delivery, KeyMgmt, Profile};
use throughline_rtsp::{Fault, StatusCode, Tolerance};

use crate::script::{SDP, Script, config, frame, refusing, seconds};

const DESCRIBE: &str = "DESCRIBE rtsp://192.0.2.1/live";
const SETUP: &str = "SETUP rtsp://192.0.2.1/live/trackID=0";
const TEARDOWN: &str = "TEARDOWN rtsp://192.0.2.1/live";
const UDP: TransportRequest = TransportRequest::Udp {
    rtp_port: 5000,
    rtcp_port: 5001,
};

fn assert_timeout(script: &mut Script, expected: &str) {
    let Error::Timeout { method, waited, .. } = script.failure() else {
        panic!()
    };
    assert_eq!(method.as_str(), expected);
    assert_eq!(waited, seconds(10));
}

#[test]
fn each_step_has_its_own_time_limit() {
    let mut script = Script::connected();
    script.expect(DESCRIBE);
    script.wait(seconds(10));
    assert_timeout(&mut script, "DESCRIBE");

    let mut script = Script::described();
    script.setup(0, TransportRequest::Tcp);
    script.expect(SETUP);
    script.wait(seconds(10));
    assert_timeout(&mut script, "SETUP");

    let mut script = Script::connected();
    script.expect(DESCRIBE);
    script.close();
    script.event();
    script.expect_connect("192.0.2.1", 554);
    script.expect("OPTIONS rtsp://192.0.2.1/live");
    script.wait(seconds(10));
    assert_timeout(&mut script, "OPTIONS");
}

#[test]
fn q123_describe_may_take_longer_than_what_follows_it() {
    let mut script = Script::connected_with(SessionConfig {
        describe_timeout: Some(seconds(30)),
        ..config()
    });
    script.expect(DESCRIBE);
    script.wait(seconds(29));
    script.expect_nothing();
    script.wait(seconds(1));
    let error = script.failure();
    assert_eq!(
        error.to_string(),
        "DESCRIBE was not answered within 30.0s (CSeq 1)"
    );
}

#[test]
fn a_request_behind_a_redirect_is_named_as_well() {
    let mut script = Script::described();
    script.say(b"REDIRECT rtsp://192.0.2.1/live RTSP/1.0\r\nCSeq: 1\r\nLocation: rtsp://192.0.2.1/b\r\n\r\n");
    script.expect_response("200 OK");
    script.event();
    script.expect_connect("192.0.2.1", 554);
    script.expect("DESCRIBE rtsp://192.0.2.1/b");
    script.wait(seconds(10));
    assert_timeout(&mut script, "DESCRIBE");
}

#[test]
fn play_that_is_not_answered_ends_the_session_and_the_server_is_told() {
    let mut script = Script::described();
    script.setup(0, TransportRequest::Tcp);
    script.call(ClientSession::play);
    script.turn(SETUP, "200 OK", &["Session: 4711"], "");
    script.event();
    script.expect("PLAY rtsp://192.0.2.1/live");
    script.wait(seconds(10));
    assert_eq!(script.expect(TEARDOWN).headers.get("Session"), Some("4711"));
    let error = script.failure();
    assert_eq!(error.to_string(), "PLAY was not answered within 10.0s (CSeq 3)");
}

#[test]
fn a_teardown_that_is_not_answered_is_done_soon() {
    let mut script = Script::playing("4711");
    script.call(ClientSession::teardown);
    script.expect(TEARDOWN);
    script.wait(seconds(2));
    assert_eq!(script.event(), Event::TornDown);
    script.expect_nothing();
}

#[test]
fn a_time_limit_past_the_end_of_time_is_none() {
    let mut script = Script::connected_with(SessionConfig {
        response_timeout: std::time::Duration::MAX,
        ..config()
    });
    script.expect(DESCRIBE);
    assert_eq!(script.sleeps_for(), None);
}

#[test]
fn a_refused_transport_is_told_apart_from_other_refusals() {
    let mut script = Script::described();
    script.setup(0, UDP);
    script.call(ClientSession::play);
    script.turn(SETUP, "461 Unsupported Transport", &[], "");
    let error = Error::TransportRefused {
        media: 0,
        transport: UDP,
        profile: Profile::Avp,
        status: StatusCode::UNSUPPORTED_TRANSPORT,
        cseq: 2,
    };
    assert_eq!(
        error.to_string(),
        "the server refuses UDP for media 0 with 461 (SETUP, CSeq 2)"
    );
    assert_eq!(script.event(), Event::SetUpRefused(error));
    // Nothing that counted on it goes out, and the session goes on.
    script.setup(0, TransportRequest::Tcp);
    script.expect(SETUP);
}

#[test]
fn a_transport_may_be_refused_by_another_name() {
    let set_up = |config| {
        let mut script = Script::described_with(config);
        script.setup(0, TransportRequest::Tcp);
        script.turn(SETUP, "400 Bad Request", &[], "");
        script
    };
    let mut script = set_up(config());
    let Event::SetUpRefused(error) = script.event() else {
        panic!()
    };
    let text = "the server refuses TCP for media 0 with 400 (SETUP, CSeq 2)";
    assert_eq!(error.to_string(), text);
    script.setup(0, UDP);
    script.expect(SETUP);
    let strict = set_up(refusing(Tolerance::TransportRefusal)).failure();
    assert!(matches!(
        strict,
        Error::Status {
            status: StatusCode::BAD_REQUEST,
            ..
        }
    ));
}

#[test]
fn tcp_in_answer_to_udp_is_a_mismatch_too() {
    let mut script = Script::described();
    script.setup(0, UDP);
    script.turn(
        SETUP,
        "200 OK",
        &["Transport: RTP/AVP/TCP;unicast;interleaved=0-1"],
        "",
    );
    assert!(matches!(
        script.failure(),
        Error::TransportMismatch { transport: UDP, .. }
    ));
}

#[test]
fn a_mismatch_tells_whether_it_is_a_group_whatever_else_is_called_multicast() {
    for (answer, expected) in [
        ("RTP/AVP;multicast;port=6000-6001", Delivery::Multicast),
        (
            "RTP/AVP;unicast;server_port=6970-6971;source=multicast.example",
            Delivery::Unicast,
        ),
    ] {
        let mut script = Script::described();
        script.setup(0, TransportRequest::Tcp);
        script.turn(SETUP, "200 OK", &[&format!("Transport: {answer}")], "");
        let Error::TransportMismatch { delivery, .. } = script.failure() else {
            panic!("{answer}")
        };
        assert_eq!(delivery, expected, "{answer}");
    }
}

#[test]
fn refused_keys_are_told_apart_and_others_may_follow() {
    let savp = |data: Option<&str>| SetUpRequest {
        profile: Profile::Savp,
        key_mgmt: data.map(KeyMgmt::mikey),
        ..UDP.into()
    };
    for status in [
        StatusCode::KEY_MANAGEMENT_FAILURE,
        StatusCode::KEY_MANAGEMENT_ERROR,
    ] {
        let mut script = Script::described();
        script.setup(0, savp(None));
        script.call(ClientSession::play);
        let line = format!("{status} {}", status.reason());
        let bare = script.turn(SETUP, &line, &[], "");
        assert_eq!(bare.headers.get("KeyMgmt"), None);
        let error = Error::KeysRefused {
            media: 0,
            status,
            reason: status.reason().to_owned(),
            cseq: 2,
        };
        assert!(error.to_string().contains("for media 0: 46"), "{error}");
        assert_eq!(script.event(), Event::SetUpRefused(error));
        script.setup(0, savp(Some("c2VzYW1l")));
        let keys = "KeyMgmt: prot=mikey;uri=\"rtsp://192.0.2.1/live/trackID=0\";data=\"b3Blbg==\"";
        let transport = "Transport: RTP/SAVP;unicast;client_port=5000-5001;server_port=6970-6971";
        let again = script.turn(SETUP, "200 OK", &["Session: 4711", transport, keys], "");
        assert_eq!(
            again.headers.get("KeyMgmt"),
            Some("prot=mikey;uri=\"rtsp://192.0.2.1/live/trackID=0\";data=\"c2VzYW1l\"")
        );
        let Event::SetUp { key_mgmt, .. } = script.event() else {
            panic!()
        };
        assert_eq!(key_mgmt.as_ref().and_then(KeyMgmt::mikey_data), Some("b3Blbg=="));
        assert!(!script.shown.contains("c2VzYW1l") && !script.shown.contains("b3Blbg"));
    }
}

#[test]
fn without_keys_463_is_a_status_like_any_other() {
    let mut script = Script::described();
    script.setup(0, UDP);
    script.turn(SETUP, "463 Destination Prohibited", &[], "");
    let error = script.failure();
    assert!(matches!(error, Error::Status { .. }), "{error}");
}

#[test]
fn packets_in_the_clear_are_no_answer_to_encrypted_ones() {
    let mut script = Script::described();
    let transport = TransportRequest::Tcp;
    script.setup(
        0,
        SetUpRequest {
            profile: Profile::Savpf,
            ..transport.into()
        },
    );
    let answer = "Transport: RTP/AVP/TCP;unicast;interleaved=0-1";
    let setup = script.turn(SETUP, "200 OK", &["Session: 4711", answer], "");
    assert_eq!(
        setup.headers.get("Transport"),
        Some("RTP/SAVPF/TCP;unicast;interleaved=0-1")
    );
    script.expect(TEARDOWN);
    assert_eq!(
        script.failure().to_string(),
        "the server was asked for RTP/SAVPF over TCP and answers `RTP/AVP/TCP;unicast;interleaved=0-1` for media 0 \
         (SETUP, CSeq 2)"
    );
}

#[test]
fn keys_in_a_transport_that_is_refused_are_in_no_error() {
    let mut script = Script::described();
    script.setup(0, TransportRequest::Tcp);
    let transport =
        "Transport: RTP/SAVP;unicast;client_port=0-1;server_port=6970-6971;MIKEY=\"c2VzYW1l\"; key=sesame";
    script.turn(SETUP, "200 OK", &[transport], "");
    let error = script.failure();
    assert!(matches!(error, Error::TransportMismatch { .. }));
    let text = format!("{error} {error:?}").to_lowercase();
    assert!(!text.contains("sesame") && !text.contains("c2vz"), "{text}");
}

#[test]
fn secrets_that_the_server_repeats_are_in_no_error() {
    let mut script = Script::connected();
    let reason = "404 No rtsp://viewer:sesame@192.0.2.1/user=viewer_password=sesame_channel=1";
    script.turn(DESCRIBE, reason, &["Server: http://viewer:sesame@192.0.2.1/"], "");
    assert_eq!(script.session.server(), Some("http://***@192.0.2.1/"));
    let error = script.failure();
    let text = format!("{error} {error:?}");
    assert!(text.contains("404 No rtsp://***@192.0.2.1/"), "{text}");
    assert!(!text.contains("sesame"), "{text}");

    let mut script = Script::described();
    script.setup(0, TransportRequest::Tcp);
    let transport = "Transport: RTP/AVP;unicast;client_port=0-1;source=rtsp://viewer:sesame@192.0.2.1";
    script.turn(SETUP, "200 OK", &[transport], "");
    let error = script.failure();
    assert!(matches!(error, Error::TransportMismatch { .. }));
    let text = format!("{error} {error:?}");
    assert!(!text.contains("sesame"), "{text}");
}

#[test]
fn any_other_status_is_named_with_its_request() {
    let mut script = Script::connected();
    script.turn(DESCRIBE, "404 Stream Not Found", &[], "");
    let error = script.failure();
    assert!(matches!(
        &error,
        Error::Status {
            status: StatusCode::NOT_FOUND,
            ..
        }
    ));
    assert_eq!(
        error.to_string(),
        "DESCRIBE was answered with 404 Stream Not Found (CSeq 1)"
    );
}

#[test]
fn a_body_that_is_no_description_is_an_error() {
    let mut script = Script::connected();
    script.turn(DESCRIBE, "200 OK", &[], "<html>hello</html>");
    assert!(matches!(script.failure(), Error::Describe { cseq: 1, .. }));
}

#[test]
fn bytes_past_every_limit_end_the_session() {
    let mut script = Script::connected();
    script.expect(DESCRIBE);
    script.say(b"RTSP/1.0 200 OK\r\nCSeq: 1\r\nContent-Length: 99999999\r\n\r\n");
    let error = script.failure();
    assert!(matches!(&error, Error::Protocol { source, .. } if source.what == Fault::BodyTooLong));
    assert_eq!(
        error.to_string(),
        "what the server sent is not RTSP: body longer than 65536 bytes at byte 26 of the message, which begins at \
         byte 0 of the connection while DESCRIBE was waited for (CSeq 1)"
    );
}

#[test]
fn media_that_are_not_there_cannot_be_set_up() {
    let mut script = Script::described();
    script.setup(2, TransportRequest::Tcp);
    assert_eq!(script.failure(), Error::NoSuchMedia { media: 2 });
    let mut script = Script::connected();
    script.expect(DESCRIBE);
    script.setup(0, TransportRequest::Tcp);
    assert_eq!(script.failure(), Error::NoSuchMedia { media: 0 });
}

#[test]
fn setups_are_bounded() {
    let mut script = Script::connected();
    script.turn(DESCRIBE, "200 OK", &[], SDP);
    script.event();
    for _ in 0..=MAX_TRACKS {
        script.setup(0, TransportRequest::Tcp);
    }
    script.expect(SETUP);
    assert_eq!(script.failure(), Error::TooManyTracks);
}

#[test]
fn setups_behind_a_refused_one_do_not_count() {
    let mut script = Script::described();
    for _ in 0..MAX_TRACKS {
        script.setup(0, UDP);
    }
    script.turn(SETUP, "461 Unsupported Transport", &[], "");
    assert!(matches!(script.event(), Event::SetUpRefused(_)));
    for _ in 0..MAX_TRACKS {
        script.setup(0, TransportRequest::Tcp);
    }
    script.expect(SETUP);
    script.expect_nothing();
}

#[test]
fn whatever_goes_wrong_after_teardown_is_the_end_that_was_wanted() {
    let mistakes: [fn(&mut Script); 2] = [
        |script| script.say(b"RTSP/1.0 200 OK\r\nContent-Length: 99999999\r\n\r\n"),
        |script| {
            script.setup(9, TransportRequest::Tcp);
            script.close();
        },
    ];
    for mistake in mistakes {
        let mut script = Script::playing("4711");
        script.call(ClientSession::teardown);
        script.expect(TEARDOWN);
        mistake(&mut script);
        assert_eq!(script.event(), Event::TornDown);
        script.expect_nothing();
    }
}

#[test]
fn a_server_that_asks_without_end_is_not_answered_without_end() {
    let mut script = Script::playing("4711");
    let request = b"OPTIONS * RTSP/1.0\r\nCSeq: 1\r\n\r\n";
    for _ in 0..1000 {
        assert_eq!(
            script.session.receive(script.now, request),
            (request.len(), Received::Control)
        );
    }
    let mut answers = 0;
    while let Output::Transmit(_) = script.session.poll_output() {
        answers += 1;
    }
    assert_eq!(answers, MAX_PENDING_OUTPUTS);
    assert_eq!(
        script.stats().dropped_server_requests,
        1000 - MAX_PENDING_OUTPUTS as u64
    );
}

/// What a server says in a whole session, for a hostile one to garble.
fn honest_words() -> Vec<Vec<u8>> {
    let describe = format!(
        "RTSP/1.0 200 OK\r\nCSeq: 1\r\nContent-Length: {}\r\n\r\n{SDP}",
        SDP.len()
    );
    let setup = "RTSP/1.0 200 OK\r\nCSeq: 2\r\nSession: 1;timeout=1\r\n\
        Transport: RTP/AVP/TCP;unicast;interleaved=0-1\r\n\r\n";
    let challenge = "RTSP/1.0 401 Unauthorized\r\nWWW-Authenticate: Digest realm=\"c\", nonce=\"n\"\r\n\r\n";
    let redirect = "RTSP/1.0 302 Found\r\nLocation: rtsp://192.0.2.1/b\r\n\r\n";
    let play = "RTSP/1.0 200 OK\r\nCSeq: 3\r\nRTP-Info: url=x;seq=1;rtptime=2\r\n\r\n";
    let question = "OPTIONS * RTSP/1.0\r\nCSeq: 1\r\n\r\n";
    let words = [challenge, describe.as_str(), setup, play, question, redirect];
    words
        .iter()
        .map(|words| words.as_bytes().to_vec())
        .chain([frame(0, b"\x80\x60packet")])
        .collect()
}

#[test]
fn a_hostile_server_gets_a_bounded_number_of_requests_and_one_end() {
    let honest = honest_words();
    let mut state = 1_u64;
    let mut random = |below: usize| {
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(state >> 33).unwrap() % below
    };
    for _ in 0..300 {
        let mut session = ClientSession::new(config(), 1);
        let (mut now, mut unread, mut ends, mut sent) = (std::time::Instant::now(), Vec::new(), 0, 0);
        session.start(now);
        for _ in 0..60 {
            let mut words = honest[random(honest.len())].clone();
            for _ in 0..random(3) {
                let at = random(words.len());
                words[at] = u8::try_from(random(256)).unwrap();
            }
            unread.extend_from_slice(&words);
            loop {
                let (consumed, received) = session.receive(now, &unread);
                let is_done = received == Received::Incomplete;
                unread.drain(..consumed);
                loop {
                    match session.poll_output() {
                        Output::Connect(_) => session.handle_connected(now),
                        Output::Transmit(_) => sent += 1,
                        Output::Event(Event::Described(_)) => {
                            session.setup(now, 0, TransportRequest::Tcp);
                            session.play(now);
                        }
                        Output::Event(Event::Failed(_) | Event::TornDown) => ends += 1,
                        Output::Event(_) => assert_eq!(ends, 0, "the end is the last event"),
                        Output::Idle { .. } => break,
                    }
                }
                if is_done {
                    break;
                }
            }
            now += std::time::Duration::from_millis(200);
            session.handle_timeout(now);
        }
        assert!(ends <= 1 && sent < 200, "{ends} ends after {sent} messages");
    }
}
