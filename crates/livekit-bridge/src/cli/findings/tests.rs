use std::time::{Duration, Instant};

use bytes::Bytes;
use serde_json::{Value, json};
use throughline_ingest::{
    AccessUnit, DelayHandling, Error, Event, Fallback, Loss, Missing, Scheme, Timestamp, Transport,
};
use throughline_mock_camera::{BuiltInClip, Clip};
use throughline_rtsp::client::{self, TransportRequest};
use throughline_rtsp::{StatusCode, headers};

use super::super::story::Story;
use super::*;

const URL: &str = "rtsp://cam.example/stream1";

fn at(start: Instant, millis: u64) -> Instant {
    start + Duration::from_millis(millis)
}

fn connecting(story: &mut Story, start: Instant) {
    story.tell(
        start,
        &Event::Connecting {
            peer: "cam.example:554".to_owned(),
        },
    );
    story.tell(
        at(start, 12),
        &Event::Connected {
            address: ([192, 0, 2, 7], 554).into(),
            scheme: Scheme::Rtsp,
            took: Duration::from_millis(12),
        },
    );
}

fn tcp_refused() -> Error {
    Error::TransportRefused {
        peer: "cam.example:554 (192.0.2.7)".to_owned(),
        cause: client::Error::TransportRefused {
            media: 0,
            transport: TransportRequest::Tcp,
            profile: headers::Profile::Avp,
            status: StatusCode::UNSUPPORTED_TRANSPORT,
            cseq: 3,
        },
    }
}

fn seen() -> Seen {
    let mut stats = CameraStats::default();
    stats.transport = Some(Transport::Udp);
    stats.frame_rate = Some(25.0);
    let unit = AccessUnit {
        data: Bytes::from_static(&[0; 100]),
        timestamp: Timestamp(0),
        arrival: Instant::now(),
        has_parameter_sets: true,
        is_idr: true,
        has_b_slice: false,
        lost_before: 0,
        capture_time: None,
        parameters: Clip::built_in(BuiltInClip::High).parameters().unwrap(),
    };
    Seen::after(None, &unit, &stats)
}

/// A camera without TCP, over UDP with a small receive buffer.
fn after_a_fallback() -> Heard {
    let start = Instant::now();
    let mut story = Story::new(start);
    connecting(&mut story, start);
    let (from, to, reason) = (Transport::Tcp, Transport::Udp, tcp_refused());
    story.tell(at(start, 30), &Event::TransportFallback { from, to, reason });
    story.tell(
        at(start, 31),
        &Event::ReceiveBuffer(ReceiveBuffer {
            asked: 4_194_304,
            granted: 212_992,
        }),
    );
    story.tell(at(start, 60), &Event::Playing { transport: to });
    story.tell(at(start, 80), &Event::FirstPacket);
    let seen = seen();
    story.picture(at(start, 1234), &seen.parameters, 4);
    let mut stats = CameraStats::default();
    (stats.packets, stats.lost, stats.late, stats.duplicates) = (900, 3, 2, 1);
    stats.dropped_by_kernel = 2;
    (stats.access_units, stats.undecryptable) = (120, 5);
    (stats.dropped.damaged, stats.dropped.reference_missing) = (2, 4);
    stats.fallbacks.count = 1;
    stats.fallbacks.last = Some(Fallback {
        from,
        to,
        reason: ErrorKind::TransportRefused,
    });
    Heard {
        story,
        described: None,
        seen: Some(seen),
        stats,
        trouble: None,
    }
}

/// Nobody listens there.
fn without_a_connection() -> Heard {
    let start = Instant::now();
    let mut story = Story::new(start);
    let peer = "cam.example:554".to_owned();
    story.tell(start, &Event::Connecting { peer: peer.clone() });
    let error = Error::ConnectRefused { peer };
    story.failed(at(start, 5), &error);
    Heard {
        story,
        described: None,
        seen: None,
        stats: CameraStats::default(),
        trouble: Some((Some(error.kind()), Trouble::from(&error))),
    }
}

fn json_of(heard: Heard) -> Value {
    serde_json::from_str(&Findings::new(URL.to_owned(), heard).json().unwrap()).unwrap()
}

#[test]
fn the_story_of_a_fallback_is_told_in_json_by_stable_names() {
    let found = json_of(after_a_fallback());
    let error = tcp_refused().to_string();
    assert!(error.contains("461"), "{error}");
    assert_eq!(
        found["story"],
        json!([
            {"at": 0.0, "step": "connecting", "peer": "cam.example:554"},
            {"at": 0.012, "step": "connected", "address": "192.0.2.7:554", "scheme": "rtsp", "took": 0.012},
            {"at": 0.03, "step": "fallback", "from": "tcp", "to": "udp", "reason": "transport refused", "error": error},
            {"at": 0.031, "step": "receive_buffer", "asked": 4_194_304, "granted": 212_992},
            {"at": 0.06, "step": "playing", "transport": "udp"},
            {"at": 0.08, "step": "first_packet"},
            {"at": 1.234, "step": "first_picture", "width": 640, "height": 360, "requests": 4},
        ])
    );
    assert_eq!((&found["ready"], &found["error"]), (&json!(true), &Value::Null));
    assert_eq!(
        (&found["transport"], &found["fallbacks"]),
        (&json!("udp"), &json!(1))
    );
    let advice = found["advice"].as_array().unwrap();
    assert!(
        advice[0]["remedy"]
            .as_str()
            .unwrap()
            .contains("RTP over RTSP (TCP)")
    );
    assert_eq!(advice[1]["remedy"], "sysctl -w net.core.rmem_max=4194304");
    assert!(advice.iter().all(|advice| advice["blocks"] == json!(false)));
}

#[test]
fn what_came_and_what_became_of_it_adds_up_in_json() {
    let found = json_of(after_a_fallback());
    for (name, count) in [
        ("packets", 900),
        ("packets_lost", 3),
        ("packets_dropped_by_kernel", 2),
        ("packets_late", 2),
        ("packets_twice", 1),
        ("packets_undecryptable", 5),
        ("pictures", 120),
    ] {
        assert_eq!(found[name], json!(count), "{name}");
    }
    assert_eq!(found["pictures_withheld"]["damaged"], json!(2));
    assert_eq!(found["pictures_withheld"]["reference_missing"], json!(4));
}

#[test]
fn the_story_is_told_in_text_within_a_hundred_columns() {
    let text = Findings::new(URL.to_owned(), after_a_fallback()).text();
    for line in text.lines() {
        assert!(line.chars().count() <= COLUMNS, "{line}");
    }
    for row in [
        "camera        rtsp://cam.example/stream1\n",
        "packets       900 came, 1 of them twice, 2 late, 5 not opened by their keys; 3 lost, 2 of them by\n",
        "pictures      120 given out; withheld: 2 damaged, 4 refer to a lost one\n",
        "story           0.000 s connecting to cam.example:554\n",
        "                0.012 s connected to 192.0.2.7:554 as rtsp:// in 12 ms\n",
        "                0.030 s udp in place of tcp: cam.example:554 (192.0.2.7): ",
        "                0.060 s playing over udp\n",
        "                1.234 s first picture, 640x360, after 4 requests\n",
        "note          3 packets were lost",
        "verdict       ready for LiveKit\n",
    ] {
        assert!(text.contains(row), "{row} in\n{text}");
    }
    assert!(text.contains("sysctl -w net.core.rmem_max=4194304"), "{text}");
}

#[test]
fn a_probe_that_fails_tells_its_story_and_why() {
    let found = json_of(without_a_connection());
    assert_eq!(found["ready"], json!(false));
    assert_eq!(found["error"]["reason"], "connection refused");
    assert_eq!(found["error"]["exit_code"], json!(1));
    assert!(
        found["error"]["remedy"]
            .as_str()
            .unwrap()
            .contains("check the port")
    );
    assert_eq!(found["story"][1]["step"], "failed");
    assert_eq!(found["story"][1]["reason"], "connection refused");
    assert!(found.get("codec").is_none(), "no picture was seen");
    let text = Findings::new(URL.to_owned(), without_a_connection()).text();
    assert_eq!(
        text,
        "camera        rtsp://cam.example/stream1\n\
         story           0.000 s connecting to cam.example:554\n\
        \x20               0.005 s failed: cam.example:554: connection refused\n\
         verdict       not ready for LiveKit\n"
    );
}

#[test]
fn watchdogs_bark_in_the_story_and_become_advice_once() {
    let start = Instant::now();
    let mut story = Story::new(start);
    let (missing, waited) = (Missing::Idr, Duration::from_secs(20));
    let loss = Loss {
        lost: 30,
        expected: 100,
        dropped: 20,
        pictures: 25,
        over: Duration::from_secs(10),
    };
    for second in [20, 80] {
        let now = at(start, second * 1000);
        story.tell(now, &Event::NoPicture { missing, waited });
        story.tell(now, &Event::Lossy(loss));
        story.tell(
            now,
            &Event::Delayed {
                delay: Duration::from_millis(second * 100),
                handling: DelayHandling::Drop,
            },
        );
    }
    let told: Vec<String> = story.moments.iter().map(ToString::to_string).collect();
    assert_eq!(
        &told[..3],
        [
            " 20.000 s no IDR picture for 20 s",
            " 20.000 s 30 of 100 packets lost in 10 s",
            " 20.000 s pictures come 2 s late",
        ]
    );
    assert_eq!((told.len(), story.advice().len()), (6, 3));
}

#[test]
fn a_story_without_end_is_cut_and_counted_but_for_its_end() {
    let start = Instant::now();
    let mut story = Story::new(start);
    for _ in 0..1000 {
        story.tell(start, &Event::FirstPacket);
    }
    let length = story.moments.len() as u64;
    assert_eq!(length + story.left_out, 1000);
    story.failed(
        start,
        &Error::ConnectRefused {
            peer: "cam:554".to_owned(),
        },
    );
    assert_eq!(story.moments.len() as u64, length);
    assert!(
        story
            .moments
            .last()
            .unwrap()
            .to_string()
            .contains("failed: cam:554")
    );
    assert_eq!(
        length + story.left_out,
        1001,
        "what the end took the place of is counted"
    );
}

#[test]
fn rows_break_between_words_and_keep_what_is_longer() {
    let mut text = String::new();
    row(
        &mut text,
        "note",
        &format!("{} {}", "word ".repeat(20).trim(), "x".repeat(120)),
    );
    let lines: Vec<&str> = text.lines().collect();
    assert_eq!(lines.len(), 3);
    assert!(lines[0].starts_with("note          word") && lines[0].len() <= COLUMNS);
    assert_eq!(lines[2], format!("{:14}{}", "", "x".repeat(120)));
}
