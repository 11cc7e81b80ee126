//! Servers that flood, stall, trickle and lie, at every step.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use throughline_rtsp::client::{
    ClientSession, Error, Event, MESSAGE_PATIENCE, Output, Received, SessionConfig, TransportRequest,
};
use throughline_rtsp::{Fault, MAX_BODY_BYTES, MAX_GARBAGE_BYTES, MAX_HEADER_BYTES};
use tracing::span::{Attributes, Id, Record};
use tracing::{Event as Line, Level, Metadata, Subscriber};

use crate::script::{DIGEST, SDP, Script, TCP, config, frame, seconds};

const PACKET: &[u8] = b"\x80\x60\x00\x07a packet";

/// A session that waits for the answer to its `step`th request: OPTIONS, DESCRIBE, SETUP, PLAY, PAUSE.
fn waiting(step: usize) -> (Script, &'static str) {
    const STEPS: [&str; 5] = ["OPTIONS", "DESCRIBE", "SETUP", "PLAY", "PAUSE"];
    let mut script = Script::connected();
    script.expect("DESCRIBE rtsp://192.0.2.1/live");
    script.close();
    script.event();
    script.expect_connect("192.0.2.1", 554);
    let answers: [(&str, &str, &[&str], &str); 4] = [
        ("OPTIONS rtsp://192.0.2.1/live", "200 OK", &[], ""),
        ("DESCRIBE rtsp://192.0.2.1/live", "200 OK", &[], SDP),
        (
            "SETUP rtsp://192.0.2.1/live/trackID=0",
            "200 OK",
            &["Session: 1", TCP],
            "",
        ),
        ("PLAY rtsp://192.0.2.1/live", "200 OK", &[], ""),
    ];
    for (line, status, headers, body) in &answers[..step] {
        script.turn(line, status, headers, body);
        match *line {
            "DESCRIBE rtsp://192.0.2.1/live" => {
                script.event();
                script.setup(0, TransportRequest::Tcp);
                script.call(ClientSession::play);
            }
            "OPTIONS rtsp://192.0.2.1/live" => {}
            _ => drop(script.event()),
        }
    }
    if step == 4 {
        script.call(ClientSession::pause);
    }
    let target = if step == 2 { "/trackID=0" } else { "" };
    script.expect(&format!("{} rtsp://192.0.2.1/live{target}", STEPS[step]));
    (script, STEPS[step])
}

/// What the server does each second instead of answering must not keep the session past its limit.
fn assert_limited(name: &str, mut each_second: impl FnMut(&mut Script, u64)) {
    for step in 0..5 {
        let (mut script, method) = waiting(step);
        for second in 0..9 {
            each_second(&mut script, second);
            script.wait(seconds(1));
        }
        script.wait(seconds(1));
        // The driver is too busy to tell the time, and only reads.
        script.forget_outputs();
        each_second(&mut script, 10);
        let Error::Timeout {
            method: asked,
            waited,
            ..
        } = script.last_failure()
        else {
            panic!("{name}")
        };
        assert_eq!((asked.as_str(), waited), (method, seconds(10)), "{name}");
    }
}

#[test]
fn a_header_that_trickles_does_not_move_the_limit() {
    assert_limited("header", |script, second| {
        script.say(match second {
            0 => b"RTSP/1.0 200 OK\r\n",
            _ => b"X-Filler: 1\r\n",
        });
    });
}

#[test]
fn a_body_that_trickles_does_not_move_the_limit() {
    assert_limited("body", |script, second| {
        script.say(match second {
            0 => b"RTSP/1.0 200 OK\r\nContent-Length: 60000\r\n\r\n",
            _ => b"v",
        });
    });
}

#[test]
fn a_flood_of_packets_does_not_move_the_limit() {
    let packets = frame(0, PACKET).repeat(100);
    assert_limited("packets", |script, _| script.say(&packets));
}

#[test]
fn a_flood_of_requests_does_not_move_the_limit() {
    let requests = b"OPTIONS * RTSP/1.0\r\nCSeq: 1\r\n\r\n".repeat(100);
    assert_limited("requests", |script, _| script.say(&requests));
}

#[test]
fn provisional_responses_do_not_move_the_limit() {
    assert_limited("1xx", |script, _| {
        script.say(b"RTSP/1.0 100 Continue\r\nCSeq: 1\r\n\r\n");
        script.say(b"garbage\r\n");
    });
}

#[test]
fn silence_at_each_step_is_named() {
    assert_limited("silence", |script, second| {
        if second == 10 {
            script.call(ClientSession::handle_timeout);
        }
    });
}

#[test]
fn unauthorized_without_end_is_answered_a_few_times() {
    let mut script = Script::connected();
    let mut count = 0;
    while script.has_sent() {
        script.turn(
            "DESCRIBE rtsp://192.0.2.1/live",
            "401 Unauthorized",
            &[DIGEST],
            "",
        );
        count += 1;
    }
    assert_eq!(count, 2);
    script.failure();
}

#[test]
fn an_endless_header_or_body_ends_at_its_limit() {
    for (beginning, filler, limit, fault) in [
        (
            "RTSP/1.0 200 OK\r\n",
            "X-Filler: 1\r\n",
            MAX_HEADER_BYTES,
            Fault::HeaderTooLong,
        ),
        (
            "RTSP/1.0 200 OK\r\nX: ",
            "x",
            MAX_HEADER_BYTES,
            Fault::HeaderTooLong,
        ),
        (
            "RTSP/1.0 200 OK\r\nContent-Length: 65537\r\n\r\n",
            "x",
            0,
            Fault::BodyTooLong,
        ),
        ("RTSP/1.0 200 OK ", "x", MAX_HEADER_BYTES, Fault::HeaderTooLong),
    ] {
        let mut script = Script::connected();
        script.expect("DESCRIBE rtsp://192.0.2.1/live");
        script.say(beginning.as_bytes());
        while script.said() < limit && !script.has_ended() {
            script.say(filler.repeat(100).as_bytes());
        }
        script.say(b"\r\n\r\n");
        let error = script.failure();
        assert!(
            matches!(&error, Error::Protocol { source, offset: 0, .. } if source.what == fault),
            "{error}"
        );
        assert!(script.said() < MAX_HEADER_BYTES + 4096);
    }
    const { assert!(MAX_BODY_BYTES < 65537) };
}

#[test]
fn what_is_begun_and_not_finished_ends_the_session_by_its_place() {
    for beginning in [
        b"$\x00\x03\xe8\x80\x60".to_vec(),
        b"$\x00".to_vec(),
        b"ANNOUNCE rtsp://192.0.2.1/live RTSP/1.0\r\nContent-Length: 9000\r\n\r\nv=0".to_vec(),
    ] {
        let mut script = Script::playing("4711;timeout=4000");
        script.say(&frame(0, PACKET));
        let offset = script.said() as u64;
        script.say(&beginning);
        for _ in 0..29 {
            script.wait(seconds(1));
            script.say(b"\xff");
        }
        script.expect_nothing();
        script.wait(seconds(1));
        let error = script.failure();
        let waited = MESSAGE_PATIENCE;
        assert_eq!(error, Error::Unfinished { waited, offset });
        assert_eq!(
            error.to_string(),
            format!("what begins at byte {offset} of the connection was not finished within 30.0s")
        );
    }
}

#[test]
fn a_stray_line_break_is_no_beginning_of_anything() {
    let mut script = Script::playing("4711;timeout=60");
    script.say(b"\r\n");
    for _ in 0..4 {
        script.wait(seconds(30));
        script.turn("GET_PARAMETER rtsp://192.0.2.1/live", "200 OK", &[], "");
    }
    script.expect_nothing();
}

#[test]
fn words_of_the_server_are_cut_short_in_errors() {
    let mut script = Script::connected();
    let reason = format!("404 {}", "\u{e4}".repeat(7000));
    script.turn("DESCRIBE rtsp://192.0.2.1/live", &reason, &[], "");
    let error = script.failure().to_string();
    assert!(error.len() < 200 && error.ends_with("(CSeq 1)"), "{error}");
}

/// Counts warnings.
struct Counter(Arc<AtomicUsize>);

impl Subscriber for Counter {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        *metadata.level() <= Level::WARN
    }
    fn new_span(&self, _: &Attributes<'_>) -> Id {
        Id::from_u64(1)
    }
    fn record(&self, _: &Id, _: &Record<'_>) {}
    fn record_follows_from(&self, _: &Id, _: &Id) {}
    fn event(&self, _: &Line<'_>) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }
    fn enter(&self, _: &Id) {}
    fn exit(&self, _: &Id) {}
}

#[test]
fn an_hour_of_garbage_costs_one_warning_a_minute() {
    let warnings = Arc::new(AtomicUsize::new(0));
    let mut state = 7_u32;
    let mut garbage = vec![0; 100];
    for byte in &mut garbage {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        // Nothing that a frame or a message begins with.
        *byte = (state >> 24) as u8 & 0x1f;
    }
    tracing::subscriber::with_default(Counter(warnings.clone()), || {
        let mut script = Script::playing("4711;timeout=60");
        let mut packets = 0;
        for second in 0..3600 {
            // A session that breaks does not begin to count anew.
            if second % 600 == 599 {
                packets += script.packets.len();
                assert!(script.stats().skipped_bytes > 590 * 100);
                let learned = script.session.learned();
                let now = script.now;
                script = Script::playing_at(now, SessionConfig { learned, ..config() }, "4711;timeout=60");
            }
            script.say(&[garbage.as_slice(), &frame(9, PACKET), &frame(0, PACKET)].concat());
            script.wait(seconds(1));
            script.forget_outputs();
        }
        assert!(packets > 3500, "{packets}");
    });
    assert_eq!(warnings.load(Ordering::Relaxed), 60);
}

#[test]
fn a_line_break_too_many_is_not_worth_a_warning() {
    let warnings = Arc::new(AtomicUsize::new(0));
    tracing::subscriber::with_default(Counter(warnings.clone()), || {
        let mut script = Script::playing("4711");
        for dirt in ["\r\n", "\n", "\r\n\r\n"] {
            script.say(dirt.as_bytes());
            script.say(&frame(0, PACKET));
        }
        assert_eq!(script.packets.len(), 3);
        assert_eq!(warnings.load(Ordering::Relaxed), 0);
        script.say(b"dirt\r\n");
        script.say(&frame(0, PACKET));
    });
    assert_eq!(warnings.load(Ordering::Relaxed), 1);
}

#[test]
fn garbage_is_looked_through_in_steps_of_one_size() {
    let mut script = Script::playing("4711");
    let garbage = vec![0x1f; 10 * MAX_GARBAGE_BYTES];
    let (consumed, received) = script.session.receive(script.now, &garbage);
    assert!(consumed >= 9 * MAX_GARBAGE_BYTES, "{consumed}");
    assert_eq!(received, Received::Incomplete);
}

#[test]
fn a_server_that_redirects_as_soon_as_it_plays_is_left() {
    let mut session = ClientSession::new(config(), 1);
    let now = std::time::Instant::now();
    session.start(now);
    let (mut connects, mut ended, mut unread) = (0, false, Vec::new());
    for _ in 0..1000 {
        match session.poll_output() {
            Output::Connect(_) => {
                connects += 1;
                unread.clear();
                session.handle_connected(now);
            }
            Output::Transmit(request) if request.starts_with(b"DESCRIBE") => {
                let length = SDP.len();
                unread.extend(format!("RTSP/1.0 200 OK\r\nContent-Length: {length}\r\n\r\n{SDP}").bytes());
            }
            Output::Transmit(request) if request.starts_with(b"PLAY") => {
                unread.extend(b"RTSP/1.0 200 OK\r\n\r\n");
                unread.extend(b"REDIRECT * RTSP/1.0\r\nLocation: rtsp://192.0.2.1/live\r\n\r\n");
            }
            Output::Transmit(request) if request.starts_with(b"SETUP") => {
                unread.extend(b"RTSP/1.0 200 OK\r\nSession: 1\r\n\r\n");
            }
            Output::Event(Event::Described(_)) => {
                session.setup(now, 0, TransportRequest::Tcp);
                session.play(now);
            }
            Output::Event(Event::Failed(error)) => {
                assert_eq!(error, Error::TooManyRedirects);
                ended = true;
            }
            Output::Idle { .. } => {
                let (consumed, _) = session.receive(now + Duration::from_millis(1), &unread);
                unread.drain(..consumed);
            }
            _ => {}
        }
    }
    assert!(ended);
    assert_eq!(connects, 6);
}
