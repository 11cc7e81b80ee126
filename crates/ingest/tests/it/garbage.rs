//! Cameras that send what cannot be read, for an hour.

use std::time::Duration;

use throughline_ingest::{Config, Event, TransportPolicy};

use crate::peer::{Script, Serves};
use crate::sim::{Sim, config};

const HOUR: Duration = Duration::from_secs(3600);

/// Bytes that mean nothing, the same in each run.
struct Noise(u32);

impl Noise {
    fn fill(&mut self, bytes: &mut [u8]) {
        for byte in bytes {
            self.0 = self.0.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            *byte = self.0.to_be_bytes()[0];
        }
    }
}

fn over(transport: TransportPolicy) -> Config {
    let mut config = config();
    config.transport = transport;
    // The clock of a peer that is slowed down is wrong.
    config.max_delay = Duration::MAX;
    config
}

/// An hour with a camera whose media are noise from a byte on: the fourth is behind the header of a frame.
fn an_hour(transport: TransportPolicy, from: usize, script: Script) -> Sim {
    let mut sim = Sim::new(over(transport), script);
    let mut noise = Noise(1);
    sim.distort = Box::new(move |bytes| noise.fill(bytes.get_mut(from..).unwrap_or_default()));
    // Warnings are counted by time: an hour of a picture a second has as many.
    sim.frame = Duration::from_secs(1);
    sim.run_to(HOUR);
    sim
}

#[test]
fn a_minute_of_noise_at_full_rate_takes_no_more_than_its_bytes() {
    for (policy, from) in [
        (TransportPolicy::Tcp, 0),
        (TransportPolicy::Tcp, 4),
        (TransportPolicy::Udp, 0),
        (TransportPolicy::Udp, 12),
    ] {
        let minute = |frame| {
            let mut sim = Sim::new(over(policy), Script::default());
            let mut noise = Noise(1);
            sim.distort = Box::new(move |bytes| noise.fill(bytes.get_mut(from..).unwrap_or_default()));
            sim.frame = frame;
            sim.run_to(HOUR / 60);
            sim
        };
        let (flood, trickle) = (minute(HOUR / 3600 / 25), minute(HOUR / 3600));
        let what = format!("{policy:?} from {from}");
        // What is done of our own accord is by time, whatever comes: no byte of noise makes more of it.
        assert!(
            flood.wakes <= 3 * 60 && flood.wakes <= 2 * trickle.wakes + 60,
            "{what}: {} and {} wake-ups",
            flood.wakes,
            trickle.wakes
        );
        assert!(
            flood.events.len() <= 4 * 60,
            "{what}: {} events",
            flood.events.len()
        );
        assert!(
            flood.connects.len() <= 30,
            "{what}: {} connections",
            flood.connects.len()
        );
        let stats = flood.camera.stats();
        assert!(stats.waiting <= 512, "{what}: {} packets wait", stats.waiting);
        let sent = flood.peer.methods().len();
        assert!(sent <= 6 * flood.connects.len() + 4, "{what}: {sent} requests");
    }
}

/// What a person is told of, with the second.
fn warnings(sim: &Sim) -> Vec<(u64, &Event)> {
    let is_warning = |event: &Event| {
        matches!(
            event,
            Event::NoPicture { .. }
                | Event::Delayed { .. }
                | Event::Lossy(_)
                | Event::Unreadable { .. }
                | Event::Disconnected { .. }
        )
    };
    sim.events
        .iter()
        .filter(|(_, event)| is_warning(event))
        .map(|(at, event)| (at.as_secs(), event))
        .collect()
}

fn check(sim: &Sim, what: &str) {
    let warnings = warnings(sim);
    assert!(!warnings.is_empty(), "{what}: nobody was told");
    assert!(
        warnings.len() <= 60,
        "{what}: {} warnings in an hour: {:?}",
        warnings.len(),
        &warnings[..20]
    );
    let moves = sim.event_count(|event| matches!(event, Event::TransportFallback { .. }));
    assert!(moves <= warnings.len() + 1, "{what}: {moves} moves");
    // Reports and keepalives, no more than with a camera that works.
    assert!(sim.wakes <= 3600 * 3, "{what}: {} wake-ups", sim.wakes);
    assert!(sim.ended.is_none(), "{what}: {:?}", sim.ended);
    // Chance makes a picture now and then.
    assert!(sim.pictures.len() < 5, "{what}: {}", sim.pictures.len());
}

#[test]
fn an_hour_of_frames_full_of_noise_is_a_warning_a_minute() {
    for policy in [TransportPolicy::Auto, TransportPolicy::Tcp] {
        check(&an_hour(policy, 4, Script::default()), &format!("{policy:?}"));
    }
}

#[test]
fn an_hour_of_noise_in_place_of_frames_is_a_warning_a_minute() {
    check(&an_hour(TransportPolicy::Tcp, 0, Script::default()), "noise");
}

#[test]
fn an_hour_of_datagrams_full_of_noise_is_a_warning_a_minute() {
    for policy in [TransportPolicy::Udp, TransportPolicy::UdpFirst] {
        check(&an_hour(policy, 0, Script::default()), &format!("{policy:?}"));
    }
    let script = Script {
        serves: Serves::MulticastOnly,
        ..Script::default()
    };
    check(&an_hour(TransportPolicy::Multicast, 0, script), "multicast");
}

#[test]
fn an_hour_of_packets_with_noise_in_place_of_pictures_is_a_warning_a_minute() {
    for (policy, header) in [(TransportPolicy::Tcp, 16), (TransportPolicy::Udp, 12)] {
        check(
            &an_hour(policy, header, Script::default()),
            &format!("{policy:?}"),
        );
    }
}

#[test]
fn an_hour_of_noise_in_place_of_answers_is_a_warning_a_minute() {
    for (method, answer) in [
        (
            "DESCRIBE",
            b"\x93\x07\xf1 nothing \0\0 that anybody\r\n\r\ncould read".as_slice(),
        ),
        (
            "DESCRIBE",
            b"RTSP/1.0 200 OK\r\nCSeq: 1\r\nContent-Length: 5\r\n\r\nhello",
        ),
        ("SETUP", b"HTTP/1.1 200 OK\r\n\r\n"),
        ("PLAY", b"RTSP/1.0 two hundred\r\n\r\n"),
    ] {
        let script = Script {
            instead: vec![(method, answer)],
            ..Script::default()
        };
        check(&an_hour(TransportPolicy::Tcp, 0, script), method);
    }
}

#[test]
fn a_tenth_of_the_packets_unreadable_is_told_each_minute_and_the_rest_is_played() {
    for policy in [TransportPolicy::Tcp, TransportPolicy::Udp] {
        let mut sim = Sim::new(over(policy), Script::default());
        let mut sent = 0_u32;
        // An empty datagram, or frame.
        sim.distort = Box::new(move |bytes| {
            sent += 1;
            if sent.is_multiple_of(10) {
                let header = if bytes[0] == b'$' { 4 } else { 0 };
                bytes.truncate(header);
                bytes.iter_mut().skip(2).for_each(|byte| *byte = 0);
            }
        });
        sim.run_to(HOUR / 20 + Duration::from_secs(1));
        let told = sim.event_count(|event| matches!(event, Event::Unreadable { .. }));
        assert_eq!(told, 3, "{policy:?}");
        assert_eq!(
            sim.camera.stats().warnings.unreadable,
            u32::try_from(told).expect("few")
        );
        assert!(sim.pictures.len() > 1000, "{policy:?}: {}", sim.pictures.len());
    }
}
