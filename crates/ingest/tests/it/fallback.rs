//! What leads from one transport to another.

use std::cell::RefCell;
use std::rc::Rc;

use throughline_ingest::camera::UdpSocket;
use throughline_ingest::{Error, ErrorKind, Event, Fallback, Retry, Transport, TransportPolicy};

use crate::peer::{Carrier, FRAME, Script, Serves};
use crate::sim::{SECOND, Sim, config, once};

fn fallbacks(sim: &Sim) -> Vec<(Transport, Transport)> {
    let fallback = |event: &Event| match event {
        Event::TransportFallback { from, to, .. } => Some((*from, *to)),
        _ => None,
    };
    sim.events
        .iter()
        .filter_map(|(_, event)| fallback(event))
        .collect()
}

#[test]
fn a_camera_with_udp_only_is_served_by_udp_by_the_shortest_way() {
    // After a 461 the session goes on; after a wrong answer there is one to end (Q119).
    for (serves, connections) in [(Serves::UdpOnly, 1), (Serves::UdpWhateverIsAsked, 2)] {
        let mut sim = once(
            TransportPolicy::Auto,
            Script {
                serves,
                ..Script::default()
            },
        );
        sim.run_to(SECOND);
        assert_eq!(fallbacks(&sim), [(Transport::Tcp, Transport::Udp)], "{serves:?}");
        assert_eq!(sim.connects.len(), connections);
        assert!(sim.ended.is_none() && sim.pictures.len() >= 20);
    }
}

#[test]
fn what_comes_behind_a_refusal_is_read_as_well() {
    let mut sim = once(
        TransportPolicy::Auto,
        Script {
            serves: Serves::UdpOnly,
            // A frame of a channel that nobody asked for.
            behind_refusal: "$\x09\0\x04late",
            ..Script::default()
        },
    );
    sim.run_to(SECOND);
    assert_eq!(sim.camera.stats().foreign, 1);
    assert!(sim.ended.is_none() && sim.pictures.len() >= 20);
}

#[test]
fn a_fixed_transport_that_is_refused_is_an_error() {
    for (policy, serves) in [
        (TransportPolicy::Tcp, Serves::UdpOnly),
        (TransportPolicy::Udp, Serves::TcpOnly),
    ] {
        let mut sim = once(
            policy,
            Script {
                serves,
                ..Script::default()
            },
        );
        sim.run_to(SECOND);
        let Error::TransportRefused { peer, .. } = sim.error() else {
            panic!("{}", sim.error());
        };
        assert_eq!(peer, "192.0.2.7:554");
    }
}

#[test]
fn auto_fails_only_after_every_transport() {
    let mut sim = once(
        TransportPolicy::Auto,
        Script {
            serves: Serves::Neither,
            ..Script::default()
        },
    );
    sim.run_to(SECOND);
    assert!(
        matches!(sim.error(), Error::TransportRefused { .. }),
        "{}",
        sim.error()
    );
    assert_eq!(
        fallbacks(&sim),
        [
            (Transport::Tcp, Transport::Udp),
            (Transport::Udp, Transport::Multicast)
        ]
    );
    assert_eq!(sim.connects.len(), 2);
}

#[test]
fn silence_over_tcp_leads_to_udp_and_what_works_stays_after_a_reconnect() {
    let mut config = config();
    config.retry = Retry::Forever;
    let mut sim = Sim::new(
        config,
        Script {
            silent_over: vec![Carrier::Tcp],
            ..Script::default()
        },
    );
    sim.run_to(32 * SECOND);
    assert_eq!(fallbacks(&sim), [(Transport::Tcp, Transport::Udp)]);
    assert!(!sim.pictures.is_empty());
    sim.hang_up();
    sim.run_to(35 * SECOND);
    assert_eq!(fallbacks(&sim).len(), 1);
    assert_eq!(sim.camera.stats().transport, Some(Transport::Udp));
}

#[test]
fn q29_udp_that_is_refused_after_a_reconnect_leads_back_to_tcp_without_its_sockets() {
    let mut sim = Sim::new(
        config(),
        Script {
            silent_over: vec![Carrier::Tcp],
            ..Script::default()
        },
    );
    sim.run_to(32 * SECOND);
    assert_eq!(sim.camera.stats().transport, Some(Transport::Udp));
    sim.peer.script.silent_over.clear();
    sim.peer.script.serves = Serves::TcpOnly;
    sim.hang_up();
    sim.run_to(35 * SECOND);
    assert_eq!(sim.camera.stats().transport, Some(Transport::Tcp));
    // A new connection is what drops the sockets.
    assert_eq!(sim.connects.len(), 4);
}

#[test]
fn silence_over_udp_first_leads_to_tcp_within_three_seconds() {
    let mut sim = once(
        TransportPolicy::UdpFirst,
        Script {
            silent_over: vec![Carrier::Udp],
            ..Script::default()
        },
    );
    sim.run_to(4 * SECOND);
    let stats = sim.camera.stats();
    assert_eq!(stats.transport, Some(Transport::Tcp));
    let fallback = Fallback {
        from: Transport::Udp,
        to: Transport::Tcp,
        reason: ErrorKind::NoMedia,
    };
    assert_eq!((stats.fallbacks.count, stats.fallbacks.last), (1, Some(fallback)));
    assert_eq!((stats.failures.total(), stats.reconnects), (0, 0));
    assert!(!sim.pictures.is_empty());
}

#[test]
fn hopeless_loss_over_udp_leads_to_tcp_which_is_kept() {
    let mut sim = Sim::new(
        {
            let mut config = config();
            config.transport = TransportPolicy::UdpFirst;
            config
        },
        Script {
            loses_one_in: Some(12),
            ..Script::default()
        },
    );
    sim.run_to(15 * SECOND);
    let reasons: Vec<_> = sim
        .events
        .iter()
        .filter_map(|(at, event)| match event {
            Event::TransportFallback { from, to, reason } => Some((*at, *from, *to, reason)),
            _ => None,
        })
        .collect();
    let [(at, Transport::Udp, Transport::Tcp, Error::Lossy { loss, .. })] = reasons.as_slice() else {
        panic!("{reasons:?}");
    };
    assert_eq!(at.as_secs(), 10);
    assert_eq!(loss.over, 10 * SECOND);
    assert!(
        loss.lost * 11 <= loss.expected && loss.expected <= loss.lost * 13,
        "{loss}"
    );
    assert_eq!(sim.camera.stats().transport, Some(Transport::Tcp));
    let before = sim.pictures.len();
    sim.hang_up();
    sim.run_to(20 * SECOND);
    assert_eq!(sim.camera.stats().transport, Some(Transport::Tcp));
    assert_eq!(sim.camera.stats().failures.last(), Some(ErrorKind::StreamEnded));
    assert_eq!(sim.camera.stats().failures.of(ErrorKind::StreamEnded), 1);
    assert!(sim.pictures.len() > before + 50);
}

#[test]
fn loss_that_lets_no_idr_through_is_hopeless_as_well() {
    for lost in [vec![2], vec![0, 1, 2, 3]] {
        let mut sim = once(
            TransportPolicy::UdpFirst,
            Script {
                group_of_pictures: Some(1000),
                honours_pli: false,
                lost,
                loses_one_in: Some(12),
                ..Script::default()
            },
        );
        sim.run_to(9 * SECOND);
        assert_eq!(sim.camera.stats().transport, Some(Transport::Udp));
        assert_eq!(sim.pictures.len(), 0);
        sim.run_to(11 * SECOND);
        let fallback = Fallback {
            from: Transport::Udp,
            to: Transport::Tcp,
            reason: ErrorKind::Lossy,
        };
        assert_eq!(sim.camera.stats().fallbacks.last, Some(fallback));
    }
}

#[test]
fn packets_that_come_twice_hide_no_loss() {
    let script = Script {
        loses_one_in: Some(15),
        ..Script::default()
    };
    let mut sim = once(TransportPolicy::UdpFirst, script);
    let arrived = Rc::new(RefCell::new(Vec::new()));
    let kept = Rc::clone(&arrived);
    sim.distort = Box::new(move |packet| kept.borrow_mut().push(packet.clone()));
    for picture in 1..=25 * 10 {
        sim.run_to(picture * FRAME);
        for packet in arrived.take() {
            sim.datagram_of(UdpSocket::Rtp, &packet);
        }
    }
    sim.run_to(11 * SECOND);
    assert!(sim.camera.stats().duplicates > 200);
    assert_eq!(
        sim.camera.stats().fallbacks.last.map(|last| last.reason),
        Some(ErrorKind::Lossy)
    );
}

#[test]
fn hopeless_loss_is_told_once_a_minute_where_there_is_nothing_else() {
    for (policy, serves) in [
        (TransportPolicy::Udp, Serves::Both),
        (TransportPolicy::Auto, Serves::UdpOnly),
    ] {
        let script = Script {
            serves,
            loses_one_in: Some(12),
            ..Script::default()
        };
        let mut sim = once(policy, script);
        sim.run_to(185 * SECOND);
        assert!(sim.ended.is_none());
        assert_eq!(sim.camera.stats().transport, Some(Transport::Udp));
        assert_eq!(sim.event_count(|event| matches!(event, Event::Lossy(_))), 3);
        assert_eq!(sim.camera.stats().warnings.lossy, 18);
    }
}

#[test]
fn auto_does_not_advise_tcp_when_tcp_was_silent_too() {
    let silent_over = vec![Carrier::Tcp, Carrier::Udp];
    let mut sim = once(
        TransportPolicy::Auto,
        Script {
            silent_over,
            ..Script::default()
        },
    );
    sim.run_to(40 * SECOND);
    assert_eq!(fallbacks(&sim), [(Transport::Tcp, Transport::Udp)]);
    assert!(
        matches!(
            sim.error(),
            Error::NoMedia {
                transport: Transport::Udp,
                ..
            }
        ),
        "{}",
        sim.error()
    );
}
