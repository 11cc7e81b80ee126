//! One test for each quirk: with the leniency, and without.

use std::time::Duration;

use throughline_rtsp::client::{
    ClientSession, Error, Event, Learned, MAX_RETRY_AFTER, ReconnectReason, SessionConfig, TransportRequest,
};
use throughline_rtsp::headers::{Delivery, LowerTransport, Profile};
use throughline_rtsp::{StatusCode, Tolerance};

use crate::script::{DIGEST, LABEL, SDP, Script, TCP, config, frame, refusing, seconds};

const DESCRIBE: &str = "DESCRIBE rtsp://192.0.2.1/live";
const OPTIONS: &str = "OPTIONS rtsp://192.0.2.1/live";
const SETUP: &str = "SETUP rtsp://192.0.2.1/live/trackID=0";
const PLAY: &str = "PLAY rtsp://192.0.2.1/live";
const GET_PARAMETER: &str = "GET_PARAMETER rtsp://192.0.2.1/live";
const TEARDOWN: &str = "TEARDOWN rtsp://192.0.2.1/live";
const UNAUTHORIZED: &str = "401 Unauthorized";
const PACKET: &[u8] = b"\x80\x60\x00\x07a packet";

/// Its answer to DESCRIBE is this file.
fn described_by(config: SessionConfig, fixture: &str) -> Script {
    let mut script = Script::connected_with(config);
    script.expect(DESCRIBE);
    script.say_fixture(fixture);
    script
}

/// Its answer to the first SETUP is this file.
fn set_up_by(config: SessionConfig, fixture: &str) -> Script {
    let mut script = Script::described_with(config);
    script.setup(0, TransportRequest::Tcp);
    script.expect(SETUP);
    script.say_fixture(fixture);
    script
}

fn assert_channels(script: &mut Script, expected: (u8, u8)) {
    let Event::SetUp { transport, .. } = script.event() else {
        panic!()
    };
    assert_eq!(
        (transport.lower, transport.interleaved),
        (LowerTransport::Tcp, Some(expected))
    );
}

fn learned(learned: Learned) -> SessionConfig {
    SessionConfig { learned, ..config() }
}

#[test]
fn q7_description_without_content_type_is_read() {
    let fixture = "cpplus_describe_without_content_type";
    let mut script = described_by(config(), fixture);
    assert!(matches!(script.event(), Event::Described(_)));
    assert!(script.session.tolerated().contains(Tolerance::ContentType));
    described_by(refusing(Tolerance::ContentType), fixture).refusal(Tolerance::ContentType);
}

#[test]
fn q8_charset_of_a_content_type_means_nothing() {
    // As RFC 2616 §3.7 has it, so no leniency: a type of another name needs one.
    let config = refusing(Tolerance::ContentType);
    let mut script = described_by(config.clone(), "generic_describe_content_type_with_charset");
    assert!(matches!(script.event(), Event::Described(_)));
    let mut script = Script::connected_with(config);
    script.turn(DESCRIBE, "200 OK", &["Content-Type: application/sdpx"], SDP);
    script.refusal(Tolerance::ContentType);
}

#[test]
fn q9_session_id_that_changes_is_followed() {
    let second_setup = |config| {
        let mut script = Script::described_with(config);
        script.setup(0, TransportRequest::Tcp);
        script.setup(1, TransportRequest::Tcp);
        script.call(ClientSession::play);
        script.turn(SETUP, "200 OK", &["Session: 1;timeout=60", TCP], "");
        script.event();
        script.expect("SETUP rtsp://192.0.2.1/live/trackID=1");
        script.say_fixture("xiongmai_setup_another_session_id");
        script
    };
    let mut script = second_setup(config());
    assert_eq!(script.expect(PLAY).headers.get("Session"), Some("2"));
    second_setup(refusing(Tolerance::SessionIdChange)).refusal(Tolerance::SessionIdChange);
}

#[test]
fn q12_reply_without_cseq_answers_the_only_request() {
    let fixture = "longse_describe_without_cseq";
    let mut script = described_by(config(), fixture);
    assert!(matches!(script.event(), Event::Described(_)));
    assert_eq!(script.stats().cseq_mismatches, 1);
    described_by(refusing(Tolerance::MissingCSeq), fixture).refusal(Tolerance::MissingCSeq);
}

#[test]
fn q15_every_request_says_who_asks() {
    let user_agent = "mill/1.0";
    let mut script = Script::connected_with(SessionConfig {
        user_agent: user_agent.to_owned(),
        ..config()
    });
    let bare = script.turn(DESCRIBE, UNAUTHORIZED, &[DIGEST], "");
    let again = script.expect(DESCRIBE);
    for request in [bare, again] {
        assert_eq!(request.headers.get("User-Agent"), Some(user_agent));
    }
}

#[test]
fn q16_refused_options_are_ignored() {
    let refused = |config, status| {
        let mut script = Script::connected_with(config);
        script.expect(DESCRIBE);
        script.close();
        script.event();
        script.expect_connect("192.0.2.1", 554);
        script.turn(OPTIONS, status, &[], "");
        script
    };
    for status in ["404 Not Found", "405 Method Not Allowed", "501 Not Implemented"] {
        let mut script = refused(config(), status);
        script.turn(DESCRIBE, "200 OK", &[LABEL], SDP);
        assert!(matches!(script.event(), Event::Described(_)));
    }
    let mut script = refused(refusing(Tolerance::OptionsRefused), "404 Not Found");
    assert_eq!(
        script.failure().to_string(),
        "OPTIONS was answered with 404 Not Found (CSeq 2)"
    );
}

#[test]
fn q19_setup_reply_without_transport_means_what_was_asked() {
    let fixture = "generic_setup_without_transport";
    assert_channels(&mut set_up_by(config(), fixture), (0, 1));
    set_up_by(refusing(Tolerance::MissingTransport), fixture).refusal(Tolerance::MissingTransport);
}

#[test]
fn q20_channels_without_slash_tcp_are_an_answer_to_tcp() {
    let answer = "Transport: RTP/AVP;unicast;interleaved=0-1";
    let set_up = |config| {
        let mut script = Script::described_with(config);
        script.setup(0, TransportRequest::Tcp);
        script.turn(SETUP, "200 OK", &["Session: 4711", answer], "");
        script
    };
    assert_channels(&mut set_up(config()), (0, 1));
    set_up(refusing(Tolerance::InterleavedWithoutTcp)).refusal(Tolerance::InterleavedWithoutTcp);
}

#[test]
fn q21_channels_of_the_reply_count_and_are_not_asked_for_again() {
    let fixture = "generic_setup_other_channels";
    let mut script = set_up_by(config(), fixture);
    assert_channels(&mut script, (4, 5));
    for channel in [0, 2] {
        script.setup(1, TransportRequest::Tcp);
        let setup = script.turn("SETUP rtsp://192.0.2.1/live/trackID=1", "200 OK", &[], "");
        let expected = format!("RTP/AVP/TCP;unicast;interleaved={channel}-{}", channel + 1);
        assert_eq!(setup.headers.get("Transport"), Some(expected.as_str()));
        script.event();
    }
    script.setup(1, TransportRequest::Tcp);
    let setup = script.expect("SETUP rtsp://192.0.2.1/live/trackID=1");
    let expected = Some("RTP/AVP/TCP;unicast;interleaved=6-7");
    assert_eq!(setup.headers.get("Transport"), expected, "4 and 5 are taken");
    set_up_by(refusing(Tolerance::OtherChannels), fixture).refusal(Tolerance::OtherChannels);
}

#[test]
fn q25_setup_asks_for_no_mode() {
    let mut script = Script::described();
    script.setup(0, TransportRequest::Tcp);
    let setup = script.expect(SETUP);
    assert!(!setup.headers.get("Transport").unwrap().contains("mode"));
}

#[test]
fn q26_play_always_says_from_where() {
    let mut script = Script::described();
    script.setup(0, TransportRequest::Tcp);
    script.call(ClientSession::play);
    script.turn(SETUP, "200 OK", &["Session: 1", TCP], "");
    assert_eq!(script.expect(PLAY).headers.get("Range"), Some("npt=0.000-"));
}

#[test]
fn q28_camera_that_hangs_up_after_401_gets_the_credentials_on_a_new_connection() {
    let closed = |config| {
        let mut script = Script::connected_with(config);
        script.turn(DESCRIBE, UNAUTHORIZED, &[DIGEST], "");
        script.expect(DESCRIBE);
        script.close();
        script
    };
    let mut script = closed(config());
    assert_eq!(
        script.event(),
        Event::Reconnecting(ReconnectReason::ClosedAfterUnauthorized)
    );
    script.expect_connect("192.0.2.1", 554);
    script.turn(OPTIONS, "200 OK", &[], "");
    let again = script.turn(DESCRIBE, "200 OK", &[LABEL], SDP);
    assert!(again.headers.get("Authorization").is_some());
    assert!(matches!(script.event(), Event::Described(_)));

    let mut script = closed(refusing(Tolerance::CloseAfterUnauthorized));
    assert!(matches!(script.failure(), Error::Closed { .. }));
}

#[test]
fn q30_packets_of_an_older_session_are_dropped() {
    let stale = |config| {
        let mut script = Script::described_with(config);
        script.setup(0, TransportRequest::Tcp);
        script.turn(SETUP, "200 OK", &["Session: 4711", TCP], "");
        script.event();
        // On its own channel, but nobody said PLAY.
        script.say(&frame(0, PACKET));
        script
    };
    let mut script = stale(config());
    assert_eq!((script.packets.len(), script.stats().stray_frames), (0, 1));
    script.call(ClientSession::play);
    script.turn(PLAY, "200 OK", &[], "");
    script.say(&frame(0, PACKET));
    assert_eq!(script.packets.len(), 1);
    stale(refusing(Tolerance::StrayMedia)).refusal(Tolerance::StrayMedia);
}

#[test]
fn q31_packets_before_the_reply_to_play_are_handed_out() {
    let early = |config| {
        let mut script = Script::described_with(config);
        script.setup(0, TransportRequest::Tcp);
        script.call(ClientSession::play);
        script.turn(SETUP, "200 OK", &["Session: 4711", TCP], "");
        script.event();
        script.expect(PLAY);
        script.say(&frame(0, PACKET));
        script
    };
    let mut script = early(config());
    assert_eq!(script.packets, [(0, PACKET.to_vec())]);
    script.answer(3, "200 OK", &[], "");
    assert!(matches!(script.event(), Event::Playing { .. }));
    early(refusing(Tolerance::EarlyMedia)).refusal(Tolerance::EarlyMedia);
}

#[test]
fn q32_packets_on_a_channel_that_was_not_set_up_are_dropped() {
    let mut script = Script::playing("4711");
    script.say(&[frame(6, PACKET), frame(0, PACKET)].concat());
    assert_eq!(script.packets, [(0, PACKET.to_vec())]);
    assert_eq!(script.stats().stray_frames, 1);

    let mut script = Script::playing_with(refusing(Tolerance::StrayMedia), "4711");
    let before = script.said();
    script.say(&[frame(0, PACKET), frame(6, PACKET)].concat());
    script.expect(TEARDOWN);
    let offset = before + frame(0, PACKET).len();
    assert_eq!(
        script.failure().to_string(),
        format!(
            "not tolerated: packet that nobody has asked for (channel 6, byte {offset} of the connection)"
        )
    );
}

#[test]
fn q45_each_message_is_one_write() {
    let mut script = Script::playing("4711");
    script.say(b"OPTIONS * RTSP/1.0\r\nCSeq: 1\r\n\r\n");
    script.call(ClientSession::teardown);
    // Both look that what was transmitted is one whole message.
    script.expect_response("200 OK");
    script.expect(TEARDOWN);
    script.expect_nothing();
}

#[test]
fn q96_reply_with_another_cseq_answers_the_only_request() {
    let fixture = "foscam_describe_cseq_zero";
    let mut script = described_by(config(), fixture);
    assert!(matches!(script.event(), Event::Described(_)));
    // By the standard it answers nothing, and the request waits on.
    let mut script = described_by(refusing(Tolerance::OtherCSeq), fixture);
    script.expect_nothing();
    assert_eq!(script.stats().unexpected_responses, 1);
    script.answer(1, "200 OK", &[LABEL], SDP);
    assert!(matches!(script.event(), Event::Described(_)));
}

#[test]
fn q102_busy_camera_is_named_as_such_with_the_time_to_wait() {
    let mut script = described_by(config(), "wiwacam_not_enough_bandwidth");
    let error = script.failure();
    let Error::Busy {
        retry_after, status, ..
    } = &error
    else {
        panic!()
    };
    assert_eq!(*retry_after, Some(seconds(90)));
    assert_eq!(*status, StatusCode::NOT_ENOUGH_BANDWIDTH);
    assert_eq!(
        error.to_string(),
        "the server is busy, its limit of streams is reached and it asks to come back in 90 s (DESCRIBE, CSeq 1)"
    );
    for (header, expected) in [
        ("Retry-After: 4000000000", Some(MAX_RETRY_AFTER)),
        ("Retry-After: Thu, 01 Jan 2026 00:00:00 GMT", None),
        ("Server: mill", None),
    ] {
        let mut script = Script::connected();
        script.turn(DESCRIBE, "503 Service Unavailable", &[header], "");
        assert!(
            matches!(script.failure(), Error::Busy { retry_after, .. } if retry_after == expected),
            "{header}"
        );
    }
}

#[test]
fn q109_challenge_in_a_200_is_not_looked_at() {
    let mut script = set_up_by(config(), "rubetek_setup_with_challenge");
    assert_channels(&mut script, (0, 1));
    script.call(ClientSession::play);
    assert_eq!(script.expect(PLAY).headers.get("Authorization"), None);
    // With 401 it is.
    let mut script = Script::described();
    script.setup(0, TransportRequest::Tcp);
    script.turn(SETUP, UNAUTHORIZED, &[DIGEST], "");
    assert!(script.expect(SETUP).headers.get("Authorization").is_some());
}

#[test]
fn q111_session_that_is_gone_at_teardown_is_the_end_that_was_wanted() {
    for status in ["454 Session Not Found", "500 Internal Server Error"] {
        let mut script = Script::playing("4711");
        script.call(ClientSession::teardown);
        script.turn(TEARDOWN, status, &[], "");
        assert_eq!(script.event(), Event::TornDown);
        script.expect_nothing();
    }
    // A session dies with its connection: no new one is made for its TEARDOWN.
    let mut script = Script::playing("4711");
    script.close();
    assert_eq!(script.failure(), Error::Closed { awaiting: None });
}

#[test]
fn q112_connection_is_asked_for_one_description_only() {
    let mut script = Script::described();
    script.setup(0, TransportRequest::Tcp);
    script.turn(SETUP, "302 Found", &["Location: rtsp://192.0.2.1/live"], "");
    script.event();
    script.expect_connect("192.0.2.1", 554);
    script.expect(DESCRIBE);
}

#[test]
fn q113_camera_that_hangs_up_on_describe_is_asked_for_its_options_first() {
    for is_protected in [true, false] {
        let closed = |config| {
            let mut script = Script::connected_with(config);
            if is_protected {
                script.turn(DESCRIBE, UNAUTHORIZED, &[DIGEST], "");
            }
            script.expect(DESCRIBE);
            script.close();
            script
        };
        let mut script = closed(config());
        let reason = if is_protected {
            ReconnectReason::ClosedAfterUnauthorized
        } else {
            ReconnectReason::ClosedOnDescribe
        };
        assert_eq!(script.event(), Event::Reconnecting(reason));
        script.expect_connect("192.0.2.1", 554);
        script.turn(OPTIONS, "200 OK", &["Public: OPTIONS, DESCRIBE"], "");
        script.turn(DESCRIBE, "200 OK", &[LABEL], SDP);
        assert!(matches!(script.event(), Event::Described(_)));
        // The next session does so from the beginning.
        let mut script = Script::connected_with(learned(script.session.learned()));
        script.turn(OPTIONS, "200 OK", &[], "");
        script.expect(DESCRIBE);

        let mut script = closed(refusing(Tolerance::CloseOnDescribe));
        if is_protected {
            script.event();
            script.expect_connect("192.0.2.1", 554);
            script.expect(DESCRIBE);
            script.close();
        }
        assert!(matches!(script.failure(), Error::Closed { .. }));
    }
}

#[test]
fn q119_udp_camera_that_answers_tcp_with_udp_is_seen_and_its_session_ended() {
    let mut script = set_up_by(config(), "generic_setup_udp_for_tcp");
    assert_eq!(script.expect(TEARDOWN).headers.get("Session"), Some("4711"));
    let Error::TransportMismatch {
        media: 0,
        transport,
        profile: Profile::Avp,
        delivery: Delivery::Unicast,
        answered,
        cseq: 2,
    } = script.failure()
    else {
        panic!()
    };
    assert_eq!(transport, TransportRequest::Tcp);
    assert!(answered.contains("server_port=6970-6971"), "{answered}");
}

#[test]
fn q122_refusal_of_credentials_that_were_accepted_before_means_asleep() {
    let mut script = Script::connected();
    script.turn(DESCRIBE, UNAUTHORIZED, &[DIGEST], "");
    script.turn(DESCRIBE, "200 OK", &[LABEL], SDP);
    let lesson = script.session.learned();
    let refused = |config: SessionConfig| {
        let mut script = Script::connected_with(config);
        script.turn(DESCRIBE, UNAUTHORIZED, &[DIGEST], "");
        script.turn(DESCRIBE, UNAUTHORIZED, &[DIGEST], "");
        script.failure()
    };
    assert!(matches!(refused(learned(lesson)), Error::Asleep { cseq: 2, .. }));
    assert!(matches!(
        refused(config()),
        Error::CredentialsRefused { cseq: 2, .. }
    ));
    let strict = SessionConfig {
        learned: lesson,
        ..refusing(Tolerance::RefusedAfterAcceptance)
    };
    assert!(matches!(refused(strict), Error::CredentialsRefused { .. }));
}

#[test]
fn q122_second_401_on_a_keepalive_means_asleep() {
    let mut script = Script::connected();
    script.turn(DESCRIBE, UNAUTHORIZED, &[DIGEST], "");
    script.turn(DESCRIBE, "200 OK", &[LABEL], SDP);
    script.event();
    script.setup(0, TransportRequest::Tcp);
    script.call(ClientSession::play);
    script.turn(SETUP, "200 OK", &["Session: 1", TCP], "");
    script.event();
    script.turn(PLAY, "200 OK", &[], "");
    script.event();
    script.wait(seconds(30));
    for _ in 0..2 {
        script.turn(GET_PARAMETER, UNAUTHORIZED, &[DIGEST], "");
    }
    assert!(matches!(script.failure(), Error::Asleep { .. }));
}

#[test]
fn q123_slow_camera_has_the_time_that_the_configuration_gives_it() {
    for (limit, is_over) in [(10, true), (30, false)] {
        let mut script = Script::connected_with(SessionConfig {
            response_timeout: seconds(limit),
            ..config()
        });
        script.expect(DESCRIBE);
        script.wait(seconds(28) + Duration::from_millis(1));
        if is_over {
            assert!(matches!(script.failure(), Error::Timeout { .. }));
        } else {
            script.answer(1, "200 OK", &[LABEL], SDP);
            assert!(matches!(script.event(), Event::Described(_)));
        }
    }
}

#[test]
fn q131_session_and_range_of_a_description_mean_nothing() {
    let mut script = described_by(config(), "nvr_describe_session_and_backward_range");
    assert!(matches!(script.event(), Event::Described(_)));
    script.setup(0, TransportRequest::Tcp);
    assert_eq!(script.expect(SETUP).headers.get("Session"), None);
    script.answer(2, "200 OK", &["Session: 4711", TCP], "");
    script.event();
    script.call(ClientSession::play);
    let play = script.expect(PLAY);
    assert_eq!(play.headers.get("Session"), Some("4711"));
    assert_eq!(play.headers.get("Range"), Some("npt=0.000-"));
}
