//! Which transport carries the media, and why.

use std::io;
use std::net::{IpAddr, SocketAddr};

use throughline_ingest::camera::UdpSocket;
use throughline_ingest::{
    Config, Error, ErrorKind, Event, MulticastProblem, Retry, Transport, TransportPolicy,
};
use throughline_rtp::Ssrc;
use throughline_rtp::rtcp::{Bye, Sources};

use crate::peer::{Mux, SERVER_PORTS, Script, Sent, Serves, sdp};
use crate::sim::{SECOND, Sim, once};

fn at(address: &str) -> SocketAddr {
    address.parse().expect("an address")
}

fn ip(address: &str) -> IpAddr {
    address.parse().expect("an address")
}

fn multicast(group: &'static str) -> Script {
    Script {
        serves: Serves::MulticastOnly,
        group,
        ..Script::default()
    }
}

#[test]
fn a_group_is_joined_before_play_and_left_with_the_connection() {
    let mut sim = once(
        TransportPolicy::Multicast,
        Script {
            serves: Serves::MulticastOnly,
            ..Script::default()
        },
    );
    sim.run_to(6 * SECOND);
    let [membership] = sim.joins.as_slice() else {
        panic!("{:?}", sim.joins);
    };
    assert_eq!(membership.local, at("192.0.2.1:40000"));
    assert_eq!(
        (membership.rtp, membership.rtcp),
        (at("239.1.2.3:6000"), at("239.1.2.3:6001"))
    );
    assert_eq!(
        (membership.ttl, membership.sources.as_slice()),
        (4, [].as_slice())
    );
    assert_eq!(sim.camera.stats().transport, Some(Transport::Multicast));
    assert!(sim.pictures.len() > 100 && sim.pictures[0].is_idr);
    // Nothing opens a firewall towards a group; reports go to it.
    assert_eq!((sim.punches, sim.peer.heard.before_play), (0, 0));
    assert_eq!(sim.reported_to, Some((UdpSocket::Rtcp, at("239.1.2.3:6001"))));
    assert!(sim.peer.heard.reports > 0);
}

#[test]
fn q133_what_the_answer_leaves_out_is_in_the_description_and_the_media_wins() {
    let described = sdp(
        "96",
        "c=IN IP4 239.1.2.3/7\r\na=source-filter: incl IN IP4 * 192.0.2.9\r\na=rtpmap:96 H264/90000\r\n",
    )
    .replace("t=0 0\r\n", "c=IN IP4 239.9.9.9/99\r\nt=0 0\r\n")
    .replace("m=video 0", "m=video 7000");
    for (group, expected, sources) in [
        ("", ("239.1.2.3:7000", "239.1.2.3:7001", 7), vec!["192.0.2.9"]),
        (
            ";destination=239.4.4.4;port=5000-5003;ttl=2;source=192.0.2.8",
            ("239.4.4.4:5000", "239.4.4.4:5003", 2),
            vec!["192.0.2.8", "192.0.2.9"],
        ),
        // A destination that is our own address, and one that is a name, say nothing of a group.
        (
            ";destination=192.0.2.1",
            ("239.1.2.3:7000", "239.1.2.3:7001", 7),
            vec!["192.0.2.9"],
        ),
        (
            ";destination=cam.local;port=0-0",
            ("239.1.2.3:7000", "239.1.2.3:7001", 7),
            vec!["192.0.2.9"],
        ),
    ] {
        let mut sim = once(
            TransportPolicy::Multicast,
            Script {
                sdp: described.clone(),
                ..multicast(group)
            },
        );
        sim.run_to(SECOND);
        let membership = &sim.joins[0];
        assert_eq!(
            (membership.rtp, membership.rtcp, membership.ttl),
            (at(expected.0), at(expected.1), expected.2),
            "{group}"
        );
        assert_eq!(
            membership.sources,
            sources.into_iter().map(ip).collect::<Vec<_>>(),
            "{group}"
        );
        assert!(!sim.pictures.is_empty());
    }
}

#[test]
fn a_group_that_takes_sources_only_is_joined_for_the_camera() {
    let mut sim = once(
        TransportPolicy::Multicast,
        multicast(";destination=232.1.2.3;port=6000-6001"),
    );
    sim.run_to(SECOND);
    assert_eq!(
        (sim.joins[0].sources.as_slice(), sim.joins[0].ttl),
        ([ip("192.0.2.7")].as_slice(), 16)
    );
}

#[test]
fn what_others_send_to_the_group_is_foreign() {
    let mut sim = once(
        TransportPolicy::Multicast,
        multicast(";destination=239.1.2.3;port=6000-6001;source=192.0.2.7"),
    );
    sim.run_to(SECOND);
    let before = sim.camera.stats();
    for packet in [[0x80, 96, 0, 1], [0x80, 200, 0, 0]] {
        sim.datagram_from(at("192.0.2.66:9"), UdpSocket::Rtp, &packet);
    }
    let after = sim.camera.stats();
    assert_eq!((after.foreign - before.foreign, after.malformed), (2, 0));
    assert_eq!(after.packets, before.packets);
}

#[test]
fn auto_comes_to_multicast_where_unicast_is_refused_or_answered_with_it() {
    use Transport::{Multicast, Tcp, Udp};
    for (serves, policy, expected) in [
        (
            Serves::MulticastOnly,
            TransportPolicy::Auto,
            [(Tcp, Udp), (Udp, Multicast)],
        ),
        (
            Serves::MulticastOnly,
            TransportPolicy::UdpFirst,
            [(Udp, Tcp), (Tcp, Multicast)],
        ),
        (
            Serves::MulticastWhateverIsAsked,
            TransportPolicy::Auto,
            [(Tcp, Udp), (Udp, Multicast)],
        ),
    ] {
        let mut sim = once(
            policy,
            Script {
                serves,
                ..Script::default()
            },
        );
        sim.run_to(2 * SECOND);
        let moves: Vec<_> = sim
            .events
            .iter()
            .filter_map(|(_, event)| match event {
                Event::TransportFallback { from, to, reason } => {
                    assert_eq!(reason.kind(), ErrorKind::TransportRefused);
                    Some((*from, *to))
                }
                _ => None,
            })
            .collect();
        assert_eq!(moves, expected, "{serves:?}");
        assert!(sim.pictures.len() > 20, "{serves:?}");
        assert_eq!(sim.camera.stats().fallbacks.count, 2);
    }
}

#[test]
fn media_leave_tls_in_the_clear_only_where_that_was_asked_for() {
    for (url, policy, expected) in [
        (
            "rtsp://192.0.2.7/cam",
            TransportPolicy::Auto,
            Some(Transport::Udp),
        ),
        ("rtsps://192.0.2.7:554/cam", TransportPolicy::Auto, None),
        (
            "rtsps://192.0.2.7:554/cam",
            TransportPolicy::UdpFirst,
            Some(Transport::Udp),
        ),
        (
            "rtsps://192.0.2.7:554/cam",
            TransportPolicy::Udp,
            Some(Transport::Udp),
        ),
    ] {
        let mut config = Config::parse(url).expect("a URL");
        config.transport = policy;
        config.retry = Retry::Never;
        let mut sim = Sim::new(
            config,
            Script {
                serves: Serves::UdpOnly,
                ..Script::default()
            },
        );
        sim.run_to(2 * SECOND);
        assert_eq!(sim.camera.stats().transport, expected, "{url} {policy:?}");
        if expected.is_none() {
            assert_eq!(sim.error().kind(), ErrorKind::TransportRefused);
            assert_eq!(sim.camera.stats().fallbacks.count, 0);
        }
    }
}

#[test]
fn a_group_that_is_not_named_or_not_joined_is_an_error_that_says_so() {
    let mut sim = once(TransportPolicy::Multicast, multicast(""));
    sim.run_to(SECOND);
    assert!(
        matches!(
            sim.error(),
            Error::NoMulticast {
                cause: MulticastProblem::NoGroup,
                ..
            }
        ),
        "{}",
        sim.error()
    );
    let mut sim = once(TransportPolicy::Multicast, multicast(";destination=239.1.2.3"));
    sim.run_to(SECOND);
    assert!(
        matches!(
            sim.error(),
            Error::NoMulticast {
                cause: MulticastProblem::NoPort,
                ..
            }
        ),
        "{}",
        sim.error()
    );
    let mut sim = once(
        TransportPolicy::Multicast,
        multicast(";destination=239.1.2.3;port=6000-6001"),
    );
    sim.join_error = Some(io::ErrorKind::NetworkUnreachable);
    sim.run_to(SECOND);
    assert!(
        sim.error()
            .to_string()
            .starts_with("192.0.2.7:554: the multicast group 239.1.2.3:6000 cannot be joined: "),
        "{}",
        sim.error()
    );
    assert_eq!(sim.error().kind(), ErrorKind::NoMulticast);
    assert_eq!(
        sim.peer.methods().last(),
        Some(&"TEARDOWN"),
        "the camera has a session"
    );
}

#[test]
fn rtcp_shares_a_port_where_the_description_and_the_answer_say_so() {
    let muxed = || sdp("96", "a=rtcp-mux\r\na=rtpmap:96 H264/90000\r\n");
    for (sdp, mux, asked, expected) in [
        (muxed(), Mux::Granted, true, (UdpSocket::Rtp, SERVER_PORTS.0)),
        (muxed(), Mux::Ignored, true, (UdpSocket::Rtcp, SERVER_PORTS.1)),
        (
            Script::default().sdp,
            Mux::Granted,
            false,
            (UdpSocket::Rtcp, SERVER_PORTS.1),
        ),
    ] {
        let mut sim = once(
            TransportPolicy::Udp,
            Script {
                mux,
                sdp,
                ..Script::default()
            },
        );
        sim.rtcp_socket = expected.0;
        sim.run_to(6 * SECOND);
        let setup = sim
            .peer
            .requests
            .iter()
            .find(|request| request.starts_with("SETUP"));
        assert_eq!(setup.expect("a SETUP").contains("RTCP-mux"), asked);
        let to = SocketAddr::from(([192, 0, 2, 7], expected.1));
        assert_eq!(sim.reported_to, Some((expected.0, to)));
        // The sender reports were read, and are no leniency.
        let picture = sim.pictures.last().expect("pictures");
        assert!(picture.capture_time.is_some());
        assert!(sim.camera.stats().tolerated.rtp.is_empty());
        assert_eq!(sim.camera.stats().malformed, 0);
    }
}

/// What comes of four pictures, of which these packets are lost and this one says goodbye.
fn outcome(hand_over: fn(&mut Sim, &[Vec<u8>]), lost: &[usize], goodbye_at: usize) -> (Vec<u32>, String) {
    let mut sim = once(TransportPolicy::Udp, Script::default());
    sim.run_to(SECOND);
    let sent = (0..4).flat_map(|_| sim.peer.next_picture());
    let mut packets: Vec<_> = sent
        .filter_map(|sent| match sent {
            Sent::Rtp(packet) => Some(packet),
            _ => None,
        })
        .enumerate()
        .filter(|(place, _)| !lost.contains(place))
        .map(|(_, packet)| packet)
        .collect();
    let mut goodbye = Vec::new();
    Bye {
        sources: Sources::new(&[Ssrc(sim.peer.script.ssrc)]),
        reason: b"",
    }
    .write(&mut goodbye);
    packets.insert(goodbye_at.min(packets.len()), goodbye);
    hand_over(&mut sim, &packets);
    assert!(matches!(sim.ended, Some(Err(Error::StreamEnded { .. }))));
    (sim.numbers(), format!("{:?}", sim.camera.stats()))
}

#[test]
fn datagrams_in_a_row_do_what_they_do_one_by_one() {
    let in_a_row = |sim: &mut Sim, packets: &[Vec<u8>]| sim.datagrams_of(UdpSocket::Rtp, packets);
    let one_by_one = |sim: &mut Sim, packets: &[Vec<u8>]| {
        for packet in packets {
            sim.datagram_of(UdpSocket::Rtp, packet);
        }
    };
    for (lost, goodbye_at) in [(&[][..], 2), (&[], usize::MAX), (&[1], usize::MAX)] {
        let outcome = |hand_over| outcome(hand_over, lost, goodbye_at);
        assert_eq!(outcome(in_a_row), outcome(one_by_one), "{lost:?} lost");
    }
}
