//! What comes out of a camera that works.

use std::time::{Duration, UNIX_EPOCH};

use throughline_rtp::rtcp::{Bye, ReportBlocks, SenderReport, Sources};
use throughline_rtp::{NtpTimestamp, PacketHeader, PayloadType, RtpTimestamp, SequenceNumber, Ssrc};

use throughline_ingest::{DelayHandling, Event, KeyframeReason, Transport, TransportPolicy};

use crate::peer::{Carrier, FRAME, SPROP, Script, frame, picture, sdp};
use crate::sim::{SECOND, Sim, config};

fn over(transport: TransportPolicy, script: Script) -> Sim {
    let mut config = config();
    config.transport = transport;
    Sim::new(config, script)
}

#[test]
fn pictures_come_out_as_the_camera_sent_them_over_either_transport() {
    for (policy, transport) in [
        (TransportPolicy::Auto, Transport::Tcp),
        (TransportPolicy::Udp, Transport::Udp),
    ] {
        let mut sim = over(policy, Script::default());
        sim.run_to(2 * SECOND);
        let expected: Vec<Vec<u8>> = (0..50).map(|n| picture(n, n % 25, n % 25 == 0)).collect();
        assert!(sim.pictures.len() >= 50);
        for (got, expected) in sim.pictures.iter().zip(&expected) {
            assert_eq!(got.data, expected, "{transport}");
        }
        for pair in sim.pictures.windows(2) {
            assert_eq!(pair[1].timestamp.0 - pair[0].timestamp.0, 3600);
        }
        assert!(
            sim.pictures
                .iter()
                .all(|unit| unit.parameters.width == 1280 && unit.lost_before == 0)
        );
        assert_eq!(sim.camera.stats().transport, Some(transport));
        assert_eq!(
            sim.event_count(|event| matches!(event, Event::Playing { transport: t } if *t == transport)),
            1
        );
    }
}

#[test]
fn each_step_to_the_first_packet_is_told_once() {
    for policy in [TransportPolicy::Tcp, TransportPolicy::Udp] {
        let mut sim = over(policy, Script::default());
        sim.run_to(SECOND);
        let steps: Vec<&str> = sim
            .events
            .iter()
            .filter_map(|(_, event)| match event {
                Event::Connecting { .. } => Some("connecting"),
                Event::Connected {
                    address,
                    scheme,
                    took,
                } => {
                    assert_eq!(address.to_string(), "192.0.2.7:554");
                    assert_eq!((scheme.as_str(), *took), ("rtsp", Duration::ZERO));
                    Some("connected")
                }
                Event::Described(_) => Some("described"),
                Event::Playing { .. } => Some("playing"),
                Event::FirstPacket => Some("first packet"),
                _ => None,
            })
            .collect();
        assert_eq!(
            steps,
            ["connecting", "connected", "described", "playing", "first packet"],
            "{policy:?}"
        );
    }
}

#[test]
fn one_request_goes_out_for_each_step_and_only_h264_is_set_up() {
    let mut sim = over(TransportPolicy::Auto, Script::default());
    sim.run_to(SECOND);
    assert_eq!(sim.peer.methods(), ["DESCRIBE", "SETUP", "PLAY"]);
    assert_eq!(sim.camera.stats().requests, 3);
    assert!(
        sim.peer.requests[1].contains("rtsp://192.0.2.7/cam/trackID=0 "),
        "{}",
        sim.peer.requests[1]
    );
}

#[test]
fn q27_q120_no_backchannel_is_asked_for() {
    let backchannel = "m=audio 0 RTP/AVP 8\r\na=sendonly\r\na=control:trackID=2\r\n";
    let script = Script {
        sdp: sdp("96", "a=rtpmap:96 H264/90000\r\n") + backchannel,
        ..Script::default()
    };
    let mut sim = over(TransportPolicy::Auto, script);
    sim.run_to(SECOND);
    assert_eq!(sim.peer.methods(), ["DESCRIBE", "SETUP", "PLAY"]);
    assert!(
        sim.peer
            .requests
            .iter()
            .all(|request| !request.contains("Require"))
    );
    assert!(
        sim.peer.requests[1].contains("trackID=0 "),
        "{}",
        sim.peer.requests[1]
    );
}

#[test]
fn the_description_is_told_with_what_was_selected() {
    let attributes = format!(
        "a=rtpmap:98 H265/90000\r\na=rtpmap:96 H264/90000\r\na=fmtp:96 sprop-parameter-sets={SPROP}\r\n"
    );
    // H.264 not first (Q126), and parameter sets in the description only (Q74).
    let script = Script {
        sdp: sdp("98 96", &attributes),
        in_band: false,
        ..Script::default()
    };
    let mut sim = over(TransportPolicy::Auto, script);
    sim.run_to(SECOND);
    let described = sim.events.iter().find_map(|(_, event)| match event {
        Event::Described(described) => Some(described.clone()),
        _ => None,
    });
    let described = described.expect("a description");
    assert_eq!(described.server.as_deref(), Some("Scripted/1"));
    assert_eq!(described.tracks[described.selected].encoding, "H264");
    assert_eq!(described.tracks[described.selected].payload_type, 96);
    assert_eq!(
        described.parameters.map(|parameters| parameters.height),
        Some(720)
    );
    assert!(sim.pictures[0].is_idr && sim.pictures[0].has_parameter_sets);
}

#[test]
fn the_stream_reads_the_same_in_pieces_of_every_size() {
    let mut whole = over(TransportPolicy::Auto, Script::default());
    whole.run_to(SECOND);
    assert!(whole.pictures.len() >= 25);
    for piece in (1..80).chain([1000, 1015, 1016, 1017, 1021]) {
        let mut sim = over(TransportPolicy::Auto, Script::default());
        sim.piece = piece;
        sim.run_to(SECOND);
        assert_eq!(sim.numbers(), whole.numbers(), "in pieces of {piece}");
        assert_eq!(sim.camera.stats().malformed, 0);
    }
}

#[test]
fn capture_time_follows_from_sender_reports_on_either_channel() {
    for rtcp_on_rtp_channel in [false, true] {
        let mut sim = over(
            TransportPolicy::Auto,
            Script {
                rtcp_on_rtp_channel,
                ..Script::default()
            },
        );
        sim.run_to(2 * SECOND);
        let known: Vec<_> = sim
            .pictures
            .iter()
            .filter_map(|unit| unit.capture_time.map(|captured| captured.time))
            .collect();
        assert_eq!(known.len(), sim.pictures.len());
        for pair in known.windows(2) {
            let step = pair[1].duration_since(pair[0]).expect("time goes on");
            assert!(step.abs_diff(FRAME) < Duration::from_millis(1), "{step:?}");
        }
        let year_2026 = UNIX_EPOCH + Duration::from_secs(1_767_225_600);
        assert!(
            known[0]
                .duration_since(year_2026)
                .is_ok_and(|since| since < 5 * SECOND)
        );
    }
}

#[test]
fn what_was_overlooked_is_told_by_protocol() {
    let script = Script {
        rtcp_on_rtp_channel: true,
        ..Script::default()
    };
    let mut sim = over(TransportPolicy::Tcp, script);
    sim.run_to(2 * SECOND);
    let tolerated = sim.camera.stats().tolerated;
    let lines: Vec<String> = tolerated.lines().collect();
    assert_eq!(
        lines,
        [
            "SDP: no connection (c=) for this media description",
            "RTP: rtcp on the channel of rtp"
        ],
        "{tolerated}"
    );
}

#[test]
fn q87_rtp_info_that_the_first_packet_contradicts_is_overlooked() {
    for (rtp_info, contradicts) in [
        ("RTP-Info: url=rtsp://192.0.2.7/;seq=1;rtptime=900000\r\n", false),
        ("RTP-Info: url=rtsp://192.0.2.7/;seq=1;rtptime=90000000\r\n", true),
    ] {
        let script = Script {
            rtp_info,
            first_timestamp: 900_000,
            ..Script::default()
        };
        let mut sim = over(TransportPolicy::Tcp, script);
        sim.run_to(SECOND);
        let tolerated = sim.camera.stats().tolerated.rtp;
        let overlooked = tolerated.contains(throughline_rtp::Tolerance::RtpInfo);
        assert_eq!(overlooked, contradicts, "{rtp_info}");
    }
}

#[test]
fn q34_q85_what_the_policy_refuses_of_rtp_is_malformed() {
    let script = Script {
        rtcp_on_rtp_channel: true,
        ..Script::default()
    };
    let mut config = config();
    config.policies.rtp = throughline_rtp::Policy::strict();
    let mut sim = Sim::new(config, script);
    sim.run_to(2 * SECOND);
    assert!(sim.pictures.len() >= 50);
    assert!(sim.pictures.iter().all(|unit| unit.capture_time.is_none()));
    // Three sender reports, which are of no payload type that was negotiated.
    let stats = sim.camera.stats();
    assert_eq!((stats.malformed, stats.foreign), (3, 0));
}

#[test]
fn q36_q37_the_camera_gets_receiver_reports_at_least_every_five_seconds_and_none_before_play() {
    for policy in [TransportPolicy::Tcp, TransportPolicy::Udp] {
        let mut sim = over(policy, Script::default());
        sim.run_to(30 * SECOND);
        assert!(
            (7..=20).contains(&sim.peer.heard.reports),
            "{}",
            sim.peer.heard.reports
        );
        assert_eq!(sim.peer.heard.before_play, 0);
    }
}

#[test]
fn q95_pictures_that_come_too_late_are_dropped_up_to_the_next_key_frame_or_kept() {
    for (max_delay, drops) in [(config().max_delay, true), (Duration::MAX, false)] {
        let mut config = config();
        config.max_delay = max_delay;
        let mut sim = Sim::new(
            config,
            Script {
                group_of_pictures: Some(250),
                ..Script::default()
            },
        );
        sim.run_to(2 * SECOND);
        let before = sim.pictures.len();
        sim.next_picture += 4 * SECOND;
        sim.run_to(10 * SECOND);
        let stats = sim.camera.stats();
        assert_eq!(stats.dropped.delayed > 0, drops);
        let numbers = sim.numbers();
        let gap = numbers.windows(2).position(|pair| pair[1] != pair[0] + 1);
        assert_eq!(gap.map(|gap| gap + 1), drops.then_some(before));
        if drops {
            assert!(sim.pictures[before].is_idr);
            assert_eq!(
                stats.dropped.total(),
                u64::from(numbers[before] - numbers[before - 1] - 1)
            );
            assert!(sim.peer.heard.plis > 0);
            // It stays late, and is not dropped for again.
            assert!(stats.excess_delay > max_delay, "{:?}", stats.excess_delay);
        }
        let told: Vec<_> = sim
            .events
            .iter()
            .filter_map(|(_, event)| match event {
                Event::Delayed { delay, handling } => Some((*delay > max_delay, *handling)),
                _ => None,
            })
            .collect();
        let expected = [(true, DelayHandling::Drop), (true, DelayHandling::Keep)];
        assert_eq!(told, &expected[..if drops { 2 } else { 0 }]);
        assert_eq!(stats.warnings.delayed, if drops { 2 } else { 0 });
    }
}

#[test]
fn q43_udp_opens_the_firewall_before_media_comes() {
    let mut sim = over(TransportPolicy::Udp, Script::default());
    sim.run_to(FRAME);
    // One before PLAY, and one with each report until packets come.
    assert_eq!((sim.punches, sim.peer.heard.reports), (2, 1));
}

#[test]
fn after_a_loss_the_next_picture_is_an_idr_that_the_camera_was_asked_for() {
    // The first IDR is three packets, each picture behind it is one.
    let script = Script {
        lost: vec![7],
        group_of_pictures: Some(250),
        ..Script::default()
    };
    let mut sim = over(TransportPolicy::Udp, script);
    sim.run_to(2 * SECOND);
    let numbers = sim.numbers();
    let gap = numbers
        .windows(2)
        .position(|pair| pair[1] != pair[0] + 1)
        .expect("a gap");
    assert!(sim.pictures[gap + 1].is_idr && sim.pictures[gap + 1].lost_before == 1);
    assert!(numbers[gap + 1] - numbers[gap] <= 6, "{numbers:?}");
    assert_eq!(
        numbers
            .iter()
            .zip(&numbers[gap + 1..])
            .filter(|(a, b)| a >= b)
            .count(),
        0
    );
    let stats = sim.camera.stats();
    assert_eq!(
        (stats.lost, stats.keyframe_requests, sim.peer.heard.plis),
        (1, 1, 1)
    );
    assert!(stats.dropped.reference_missing > 0);
    let asked = |event: &Event| {
        matches!(
            event,
            Event::KeyframeRequested {
                reason: KeyframeReason::Loss,
                attempt: 1
            }
        )
    };
    assert_eq!(sim.event_count(asked), 1);
}

#[test]
fn a_key_frame_is_asked_for_by_pli_and_by_fir_only_where_announced() {
    let announced = "a=rtpmap:96 H264/90000\r\na=rtcp-fb:96 ccm fir\r\n";
    for (attributes, firs) in [
        ("a=rtpmap:96 H264/90000\r\n", vec![]),
        (announced, vec![1, 1, 1, 2]),
    ] {
        let script = Script {
            sdp: sdp("96", attributes),
            group_of_pictures: Some(10_000),
            honours_pli: false,
            ..Script::default()
        };
        let mut sim = over(TransportPolicy::Auto, script);
        sim.run_to(SECOND);
        sim.camera.request_keyframe(sim.now);
        sim.run_to(2 * SECOND + 5 * FRAME);
        assert_eq!(sim.peer.heard.plis, 2, "repeated once a second");
        sim.peer.script.honours_pli = true;
        sim.camera.request_keyframe(sim.now);
        sim.run_to(4 * SECOND);
        assert_eq!(
            (sim.peer.heard.plis, sim.camera.stats().idrs),
            (3, 2),
            "fulfilled by an IDR"
        );
        sim.camera.request_keyframe(sim.now);
        sim.run_to(6 * SECOND);
        assert_eq!((sim.peer.heard.plis, sim.camera.stats().idrs), (4, 3));
        assert_eq!(sim.peer.heard.firs, firs, "a repetition keeps its number");
    }
}

#[test]
fn figures_tell_rate_group_and_codec() {
    let mut sim = over(TransportPolicy::Auto, Script::default());
    sim.run_to(5 * SECOND);
    let stats = sim.camera.stats();
    assert_eq!(stats.group_of_pictures, Some(25));
    assert!(
        stats.frame_rate.is_some_and(|rate| (rate - 25.0).abs() < 0.01),
        "{:?}",
        stats.frame_rate
    );
    // An IDR of 1,845 bytes and 24 pictures of some 315 a second.
    assert!(
        stats.bitrate.is_some_and(|rate| (70_000..85_000).contains(&rate)),
        "{:?}",
        stats.bitrate
    );
    assert_eq!(stats.access_units, sim.pictures.len() as u64);
    assert_eq!(
        stats.idrs,
        sim.pictures.iter().filter(|unit| unit.is_idr).count() as u64
    );
    assert_eq!(
        stats.parameters.map(|p| p.profile.to_string()).as_deref(),
        Some("Constrained Baseline")
    );
    assert_eq!(
        (stats.lost, stats.malformed, stats.foreign, stats.dropped.total()),
        (0, 0, 0, 0)
    );
}

#[test]
fn close_tears_the_session_down_and_ends_well() {
    let mut sim = over(TransportPolicy::Auto, Script::default());
    sim.run_to(SECOND);
    sim.camera.close(sim.now);
    sim.run_to(SECOND);
    assert!(matches!(sim.ended, Some(Ok(()))));
    assert_eq!(sim.peer.methods().last(), Some(&"TEARDOWN"));
}

#[test]
fn close_does_not_wait_longer_than_a_second() {
    let mut sim = over(TransportPolicy::Auto, Script::default());
    sim.run_to(SECOND);
    sim.piece = usize::MAX;
    sim.peer.script.refuse = Some(("TEARDOWN", "100 Continue"));
    sim.camera.close(sim.now);
    sim.run_to(3 * SECOND);
    assert!(matches!(sim.ended, Some(Ok(()))));
}

#[test]
fn a_goodbye_on_the_way_out_is_no_reason_to_come_back() {
    let mut sim = over(TransportPolicy::Tcp, Script::default());
    sim.run_to(SECOND);
    sim.peer.script.refuse = Some(("TEARDOWN", "100 Continue"));
    sim.camera.close(sim.now);
    sim.run_to(SECOND);
    let mut goodbye = Vec::new();
    Bye {
        sources: Sources::new(&[Ssrc(sim.peer.script.ssrc)]),
        reason: b"",
    }
    .write(&mut goodbye);
    sim.feed(&frame(1, &goodbye));
    sim.run_to(3 * SECOND);
    assert!(matches!(sim.ended, Some(Ok(()))), "{:?}", sim.ended);
    assert_eq!(sim.connects.len(), 1);
}

#[test]
fn a_late_stream_that_soon_brings_an_idr_is_not_asked_for_one() {
    let mut sim = over(
        TransportPolicy::Tcp,
        Script {
            silent_over: vec![Carrier::Tcp],
            ..Script::default()
        },
    );
    sim.run_to(SECOND + 20 * FRAME);
    sim.peer.script.silent_over.clear();
    sim.run_to(3 * SECOND);
    assert!(!sim.pictures.is_empty());
    assert_eq!(sim.peer.heard.plis, 0);
}

#[test]
fn q31_pictures_before_the_answer_to_play_are_not_lost() {
    let mut sim = over(
        TransportPolicy::Tcp,
        Script {
            early: 3,
            ..Script::default()
        },
    );
    sim.run_to(SECOND);
    assert_eq!(sim.numbers()[..10], [0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
    assert_eq!(sim.peer.heard.plis, 0);
}

#[test]
fn q32_q85_q88_what_is_not_of_the_stream_changes_nothing() {
    let mut sim = over(TransportPolicy::Tcp, Script::default());
    for step in 1..50 {
        sim.run_to(step * FRAME);
        let mut packet = Vec::new();
        let ours = PacketHeader {
            payload_type: PayloadType(96),
            marker: true,
            sequence_number: SequenceNumber(65_530),
            timestamp: RtpTimestamp(7),
            ssrc: Ssrc(sim.peer.script.ssrc),
        };
        PacketHeader {
            payload_type: PayloadType(50),
            ..ours
        }
        .write(&mut packet);
        sim.feed(&frame(0, &packet));
        packet.clear();
        ours.write(&mut packet);
        sim.feed(&frame(9, &packet));
        packet.clear();
        SenderReport {
            ssrc: Ssrc(0xbad),
            ntp: NtpTimestamp(1 << 60),
            rtp: RtpTimestamp(0),
            packet_count: 0,
            octet_count: 0,
            reports: ReportBlocks::NONE,
        }
        .write(&mut packet);
        sim.feed(&frame(1, &packet));
    }
    assert_eq!(sim.camera.stats().foreign, 2 * 49);
    assert!(sim.numbers().iter().copied().eq(0..50), "{:?}", sim.numbers());
    let year_2026 = UNIX_EPOCH + Duration::from_secs(1_767_225_600);
    for time in sim
        .pictures
        .iter()
        .filter_map(|unit| unit.capture_time.map(|captured| captured.time))
    {
        assert!(
            time.duration_since(year_2026)
                .is_ok_and(|since| since < 5 * SECOND),
            "{time:?}"
        );
    }
}
