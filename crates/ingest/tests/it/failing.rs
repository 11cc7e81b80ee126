//! What a camera that does not work leads to.

use std::net::SocketAddr;
use std::time::{Duration, Instant, SystemTime};

use throughline_ingest::camera::{Camera, Output};
use throughline_ingest::{Error, Event, Missing, ReceiveBuffer, StreamEnd, TransportPolicy};

use crate::peer::{Carrier, Content, Door, FRAME, SPROP, Script, sdp};
use crate::sim::{SECOND, Sim, config, once};

#[test]
fn a_receive_buffer_smaller_than_asked_for_is_told_once() {
    let mut sim = once(TransportPolicy::Udp, Script::default());
    let small = ReceiveBuffer {
        asked: 4 << 20,
        granted: 208 << 10,
    };
    for _ in 0..3 {
        sim.camera.handle_receive_buffer(small);
    }
    sim.run_to(SECOND);
    assert_eq!(
        sim.event_count(|event| matches!(event, Event::ReceiveBuffer(buffer) if *buffer == small)),
        1
    );
    assert_eq!(sim.camera.stats().receive_buffer, Some(small));
}

#[test]
fn drops_of_the_kernel_are_counted_while_packets_are_lost_and_told_once() {
    let script = Script {
        lost: vec![100, 700],
        ..Script::default()
    };
    let mut sim = once(TransportPolicy::Udp, script);
    let buffer = ReceiveBuffer {
        asked: 4 << 20,
        granted: 4 << 20,
    };
    sim.camera.handle_receive_buffer(buffer);
    sim.kernel_drops = 1;
    sim.run_to(5 * SECOND);
    assert_eq!((sim.counts, sim.camera.stats().dropped_by_kernel), (1, 1));
    sim.kernel_drops = 2;
    sim.run_to(60 * SECOND);
    // After each loss, and once more.
    assert_eq!((sim.counts, sim.camera.stats().dropped_by_kernel), (4, 2));
    assert_eq!(sim.camera.stats().lost, 2);
    let told = |event: &Event| matches!(event, Event::KernelDrops(drops) if drops.dropped == 1 && drops.receive_buffer == Some(buffer));
    assert_eq!(sim.event_count(told), 1);
    assert_eq!(sim.event_count(|event| matches!(event, Event::KernelDrops(_))), 1);
}

#[test]
fn the_kernel_is_not_asked_about_what_came_over_tcp_or_whole() {
    for (policy, lost) in [(TransportPolicy::Tcp, vec![100]), (TransportPolicy::Udp, vec![])] {
        let mut sim = once(
            policy,
            Script {
                lost,
                ..Script::default()
            },
        );
        sim.run_to(60 * SECOND);
        assert_eq!(sim.counts, 0);
    }
}

#[test]
fn silence_over_udp_is_an_error_that_names_the_firewall() {
    let mut sim = once(
        TransportPolicy::Udp,
        Script {
            silent_over: vec![Carrier::Udp],
            ..Script::default()
        },
    );
    sim.run_to(10 * SECOND);
    assert!(
        matches!(sim.error(), Error::UdpBlocked { waited, .. } if *waited == 3 * SECOND),
        "{}",
        sim.error()
    );
    assert!(sim.error().to_string().contains("firewall"), "{}", sim.error());
    assert_eq!(sim.peer.methods().last(), Some(&"TEARDOWN"));
}

#[test]
fn silence_over_tcp_alone_is_no_media() {
    let mut sim = once(
        TransportPolicy::Tcp,
        Script {
            silent_over: vec![Carrier::Tcp],
            ..Script::default()
        },
    );
    sim.run_to(40 * SECOND);
    assert!(
        matches!(sim.error(), Error::NoMedia { waited, ssrc: None, .. } if *waited == 30 * SECOND),
        "{}",
        sim.error()
    );
}

#[test]
fn a_stream_that_stops_is_noticed_after_ten_seconds() {
    let mut sim = once(TransportPolicy::Auto, Script::default());
    sim.run_to(2 * SECOND);
    sim.peer.script.silent_over = vec![Carrier::Tcp];
    sim.run_to(11 * SECOND);
    assert!(sim.ended.is_none());
    sim.run_to(13 * SECOND);
    assert!(
        matches!(
            sim.error(),
            Error::NoMedia {
                ssrc: Some(0x5eed_0001),
                ..
            }
        ),
        "{}",
        sim.error()
    );
    assert_eq!(
        sim.event_count(|event| matches!(event, Event::TransportFallback { .. })),
        0
    );
}

#[test]
fn q140_scrambled_pictures_are_named_within_seconds_wherever_the_parameter_sets_are() {
    let sprop = format!("a=rtpmap:96 H264/90000\r\na=fmtp:96 sprop-parameter-sets={SPROP}\r\n");
    for (sdp, in_band) in [(sdp("96", &sprop), false), (Script::default().sdp, true)] {
        let script = Script {
            content: Content::Scrambled,
            sdp,
            in_band,
            ..Script::default()
        };
        let mut sim = once(TransportPolicy::Auto, script);
        sim.run_to(10 * SECOND);
        let error = sim.error();
        assert!(matches!(error, Error::Scrambled { .. }), "{error}");
        assert!(!error.is_configuration(), "a firmware's mood may pass");
    }
}

#[test]
fn q93_packets_without_an_idr_are_told_after_twenty_seconds_and_given_up_after_ninety() {
    let no_idr = Script {
        group_of_pictures: None,
        ..Script::default()
    };
    let no_sets = Script {
        in_band: false,
        ..Script::default()
    };
    for (script, expected) in [(no_idr, Missing::Idr), (no_sets, Missing::ParameterSets)] {
        let mut sim = once(TransportPolicy::Auto, script);
        sim.run_to(21 * SECOND);
        let told: Vec<_> = sim
            .events
            .iter()
            .filter_map(|(at, event)| match event {
                Event::NoPicture { missing, .. } => Some((*at, *missing)),
                _ => None,
            })
            .collect();
        assert_eq!(told, [(20 * SECOND, expected)]);
        assert!(sim.peer.heard.plis > 0);
        sim.run_to(91 * SECOND);
        match expected {
            Missing::Idr => assert!(matches!(sim.error(), Error::NoIdr { .. }), "{}", sim.error()),
            Missing::ParameterSets => {
                assert!(
                    matches!(sim.error(), Error::NoParameterSets { .. }),
                    "{}",
                    sim.error()
                );
            }
        }
        assert!(sim.pictures.is_empty());
    }
}

#[test]
fn a_camera_without_h264_is_named_by_what_it_has_and_never_retried() {
    let mut sim = Sim::new(
        config(),
        Script {
            sdp: sdp("98", "a=rtpmap:98 H265/90000\r\n"),
            ..Script::default()
        },
    );
    sim.run_to(30 * SECOND);
    assert!(
        matches!(sim.error(), Error::NoH264 { found, .. } if found == &["H265"]),
        "{}",
        sim.error()
    );
    assert!(sim.error().is_configuration());
    assert_eq!(sim.connects.len(), 1);
}

#[test]
fn statuses_become_errors_of_their_own() {
    type Check = fn(&Error) -> bool;
    let cases: [(&str, &str, Check); 4] = [
        ("DESCRIBE", "404 Not Found", |error| {
            matches!(error, Error::NotFound { .. })
        }),
        ("SETUP", "453 Not Enough Bandwidth", |error| {
            matches!(error, Error::Busy { .. })
        }),
        ("PLAY", "455 Method Not Valid", |error| {
            matches!(error, Error::Rtsp { .. })
        }),
        (
            "DESCRIBE",
            "401 Unauthorized\r\nWWW-Authenticate: Basic realm=\"x\"",
            |error| matches!(error, Error::CredentialsRefused { .. }) && error.is_configuration(),
        ),
    ];
    for (method, status, check) in cases {
        let mut sim = once(
            TransportPolicy::Auto,
            Script {
                refuse: Some((method, status)),
                ..Script::default()
            },
        );
        sim.run_to(SECOND);
        assert!(check(sim.error()), "{:?}", sim.error());
        let text = sim.error().to_string();
        assert!(
            text.contains("CSeq") && !text.contains("secret") && !text.contains('\n'),
            "{text}"
        );
    }
}

#[test]
fn wrong_credentials_are_never_tried_again() {
    let refuse = Some((
        "DESCRIBE",
        "401 Unauthorized\r\nWWW-Authenticate: Basic realm=\"x\"",
    ));
    let mut sim = Sim::new(
        config(),
        Script {
            refuse,
            ..Script::default()
        },
    );
    sim.run_to(120 * SECOND);
    assert!(
        matches!(sim.error(), Error::CredentialsRefused { .. }),
        "{}",
        sim.error()
    );
    assert_eq!((sim.connects.len(), sim.peer.requests.len()), (1, 2));
}

#[test]
fn q122_camera_that_refuses_what_it_accepted_is_tried_again_after_a_minute() {
    let refusal = "401 Unauthorized\r\nWWW-Authenticate: Basic realm=\"x\"";
    let mut sim = Sim::new(
        config(),
        Script {
            protected_by: Some(refusal),
            ..Script::default()
        },
    );
    sim.run_to(5 * SECOND);
    assert!(!sim.pictures.is_empty());
    // It falls asleep, and wakes up after a while.
    sim.peer.script.refuse = Some(("DESCRIBE", refusal));
    sim.hang_up();
    sim.run_to(40 * SECOND);
    let told = sim.event_count(
        |event| matches!(event, Event::Disconnected { error: Error::Asleep { .. }, retry_in } if *retry_in >= 45 * SECOND),
    );
    assert_eq!((told, sim.connects.len()), (1, 2));
    sim.peer.script.refuse = None;
    let before = sim.pictures.len();
    sim.run_to(90 * SECOND);
    assert!(sim.ended.is_none() && sim.pictures.len() > before);
}

#[test]
fn q40_method_that_the_camera_hung_up_on_is_not_used_again() {
    let mut sim = Sim::new(
        config(),
        Script {
            refuse: Some(("GET_PARAMETER", "100 Continue")),
            ..Script::default()
        },
    );
    sim.run_to(31 * SECOND);
    assert_eq!(sim.peer.methods().last(), Some(&"GET_PARAMETER"));
    sim.hang_up();
    sim.peer.requests.clear();
    sim.run_to(120 * SECOND);
    assert!(sim.peer.methods().contains(&"OPTIONS"));
    assert!(!sim.peer.methods().contains(&"GET_PARAMETER"));
}

#[test]
fn a_camera_that_sends_its_viewers_elsewhere_is_followed() {
    let mut sim = once(TransportPolicy::Auto, Script::default());
    sim.run_to(2 * SECOND);
    let before = sim.pictures.len();
    sim.feed(b"REDIRECT * RTSP/1.0\r\nCSeq: 1\r\nLocation: rtsp://192.0.2.7/cam\r\n\r\n");
    sim.run_to(4 * SECOND);
    assert!(sim.ended.is_none() && sim.pictures.len() > before + 25);
    assert_eq!(sim.connects.len(), 2);
    let stats = sim.camera.stats();
    assert_eq!(stats.access_units, sim.pictures.len() as u64);
    assert!(stats.packets > stats.access_units, "of both connections");
}

#[test]
fn a_camera_that_tears_the_session_down_has_ended_the_stream() {
    let mut sim = once(TransportPolicy::Auto, Script::default());
    sim.run_to(2 * SECOND);
    sim.feed(b"TEARDOWN * RTSP/1.0\r\nCSeq: 1\r\n\r\n");
    sim.run_to(2 * SECOND);
    let ended = StreamEnd::TornDown;
    assert!(
        matches!(sim.error(), Error::StreamEnded { how, .. } if *how == ended),
        "{}",
        sim.error()
    );
}

#[test]
fn the_password_is_in_no_debug_output() {
    let now = Instant::now();
    let mut camera = Camera::new(config(), [7; 32]);
    camera.start(now, SystemTime::now());
    let ends = [([192, 0, 2, 7], 554), ([192, 0, 2, 1], 40_000)].map(SocketAddr::from);
    camera.handle_connected(now, ends[0], ends[1]);
    camera.handle_stream(
        now,
        b"RTSP/1.0 401 Unauthorized\r\nCSeq: 1\r\nWWW-Authenticate: Basic realm=\"x\"\r\n\r\n",
    );
    let shown = format!("{camera:?}");
    let sent = std::iter::from_fn(|| match camera.poll_output() {
        Output::Idle { .. } => None,
        Output::Transmit(bytes) => Some(String::from_utf8_lossy(&bytes).into_owned()),
        _ => Some(String::new()),
    });
    // admin:secret
    assert!(sent.collect::<String>().contains("YWRtaW46c2VjcmV0"));
    assert!(
        !shown.contains("secret") && !shown.contains("YWRtaW46c2VjcmV0"),
        "{shown}"
    );
}

#[test]
fn a_driver_that_never_comes_back_is_a_timeout_after_all_steps() {
    let mut sim = once(TransportPolicy::Auto, Script::default());
    sim.doors.push_back(Door::Silent);
    sim.run_to(11 * SECOND);
    assert!(
        matches!(sim.error(), Error::ConnectTimeout { waited, .. } if *waited == 10 * SECOND),
        "{}",
        sim.error()
    );
}

#[test]
fn an_absent_camera_is_tried_again_with_growing_waits_until_it_is_there() {
    let mut sim = Sim::new(config(), Script::default());
    sim.doors.extend([Door::Refuses; 8]);
    sim.run_to(80 * SECOND);
    let waits: Vec<f64> = sim
        .connects
        .windows(2)
        .map(|pair| pair[1].abs_diff(pair[0]).as_secs_f64())
        .collect();
    for (wait, expected) in waits.iter().zip([0.5, 1.0, 2.0, 4.0, 8.0, 15.0, 15.0, 15.0]) {
        assert!((0.75..=1.25).contains(&(wait / expected)), "{waits:?}");
    }
    assert_eq!(sim.connects.len(), 9);
    assert_eq!(
        sim.event_count(|event| matches!(event, Event::Disconnected { .. })),
        8
    );
    assert!(!sim.pictures.is_empty() && sim.camera.stats().reconnects == 8);
}

#[test]
fn a_camera_that_hangs_up_while_playing_has_ended_the_stream() {
    let mut sim = once(TransportPolicy::Auto, Script::default());
    sim.run_to(SECOND);
    sim.hang_up();
    assert!(
        matches!(
            sim.error(),
            Error::StreamEnded {
                how: StreamEnd::Closed,
                ..
            }
        ),
        "{}",
        sim.error()
    );
}

#[test]
fn a_goodbye_ends_the_stream_after_its_last_picture() {
    let mut sim = once(
        TransportPolicy::Auto,
        Script {
            bye_after: Some(30),
            ..Script::default()
        },
    );
    sim.run_to(2 * SECOND);
    assert!(
        matches!(
            sim.error(),
            Error::StreamEnded {
                how: StreamEnd::Bye,
                ..
            }
        ),
        "{}",
        sim.error()
    );
    assert_eq!(sim.pictures.len(), 30);
}

#[test]
fn timestamps_go_on_over_a_reconnect_and_the_first_picture_is_an_idr() {
    let mut sim = Sim::new(config(), Script::default());
    sim.run_to(20 * SECOND);
    let before = sim.pictures.len();
    sim.doors.extend([Door::Refuses; 3]);
    // Another boot of the camera: other clock, other SSRC, and pictures between its IDRs.
    sim.peer.script.first_timestamp = 77;
    sim.peer.script.ssrc = 0x5eed_0002;
    sim.hang_up();
    sim.run_to(40 * SECOND);
    let (last, first) = (&sim.pictures[before - 1], &sim.pictures[before]);
    assert!(first.is_idr);
    let (ticks, elapsed) = (first.timestamp.0 - last.timestamp.0, first.arrival - last.arrival);
    assert!(elapsed > 5 * SECOND);
    assert_eq!(
        ticks,
        i64::try_from(elapsed.as_micros()).expect("short") * 9 / 100
    );
    assert!(
        sim.pictures
            .windows(2)
            .all(|pair| pair[1].timestamp > pair[0].timestamp)
    );
    assert_eq!(sim.camera.stats().reconnects, 4);
    assert_eq!(sim.camera.stats().access_units, sim.pictures.len() as u64);
}

#[test]
fn another_ssrc_in_mid_stream_goes_on_at_its_idr() {
    let mut sim = Sim::new(config(), Script::default());
    sim.run_to(2 * SECOND);
    let before = sim.pictures.len();
    sim.peer.script.ssrc = 0x5eed_0002;
    sim.peer.script.first_timestamp = 1_000_000_000;
    sim.run_to(5 * SECOND);
    assert!(sim.pictures.len() > before + 25);
    assert!(sim.pictures[before].is_idr || sim.pictures[before + 1].is_idr);
    assert!(sim.pictures.windows(2).all(|pair| {
        let step = pair[1].timestamp.0 - pair[0].timestamp.0;
        (3600..90_000).contains(&step)
    }));
    assert_eq!(sim.connects.len(), 1);
}

#[test]
fn closing_while_waiting_to_reconnect_ends_at_once() {
    let mut sim = Sim::new(config(), Script::default());
    sim.doors.push_back(Door::Refuses);
    sim.run_to(FRAME);
    sim.camera.close(sim.now);
    sim.run_to(FRAME);
    assert!(matches!(sim.ended, Some(Ok(()))));
    assert_eq!(sim.connects.len(), 1);
}

#[test]
fn no_distortion_of_the_stream_stops_the_camera_for_good() {
    for seed in 1..20_u32 {
        let mut config = config();
        config.transport = TransportPolicy::Tcp;
        let mut sim = Sim::new(config, Script::default());
        sim.piece = 700;
        let mut state = seed;
        sim.distort = Box::new(move |bytes| {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            let place = state as usize % bytes.len();
            match state >> 28 {
                0 => bytes[place] ^= 1 << (state >> 16 & 7),
                1 => drop(bytes.drain(place..)),
                2 => bytes.insert(place, state.to_be_bytes()[1]),
                _ => {}
            }
        });
        sim.run_to(30 * SECOND);
        sim.distort = Box::new(|_| {});
        let before = sim.pictures.len();
        sim.run_to(90 * SECOND);
        assert!(
            sim.ended.is_none() && sim.pictures.len() > before + 25,
            "seed {seed}: {:?}",
            sim.events
        );
        // Within a second, a step back may be the order of B-pictures.
        let steps = sim
            .pictures
            .windows(2)
            .map(|pair| pair[1].timestamp.0 - pair[0].timestamp.0);
        assert!(steps.min().is_some_and(|step| step > -90_000), "seed {seed}");
    }
}

#[test]
fn timeouts_of_for_ever_are_waited_for() {
    let mut config = config();
    let ever = Duration::MAX;
    (
        config.timeouts.resolve,
        config.timeouts.tls,
        config.timeouts.tunnel,
    ) = (ever, ever, ever);
    (
        config.timeouts.connect,
        config.timeouts.response,
        config.timeouts.describe,
        config.timeouts.stalled,
    ) = (ever, ever, ever, ever);
    (
        config.timeouts.first_packet,
        config.timeouts.picture,
        config.timeouts.close,
    ) = (ever, ever, ever);
    let mut sim = Sim::new(
        config,
        Script {
            silent_over: vec![Carrier::Tcp],
            ..Script::default()
        },
    );
    sim.run_to(100 * SECOND);
    assert!(sim.ended.is_none() && sim.connects.len() == 1);
}
