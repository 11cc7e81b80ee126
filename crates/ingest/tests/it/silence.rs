//! Cameras and networks that fall silent: nothing waits for ever.

use std::time::Duration;

use throughline_ingest::{Error, ErrorKind, Transport, TransportPolicy};

use crate::peer::{Carrier, Door, FRAME, Script};
use crate::sim::{Cable, SECOND, Sim, config, once};

/// The second at which it ended.
fn ends(sim: &mut Sim) -> u64 {
    (0..3600)
        .find(|second| sim.run_to(Duration::from_secs(*second)).ended.is_some())
        .expect("an end within the hour")
}

#[test]
fn each_request_that_is_not_answered_is_named_in_its_time() {
    for (method, limit) in [("DESCRIBE", 30), ("SETUP", 10), ("PLAY", 10)] {
        for beginning in [b"".as_slice(), b"RTSP/1.0 2"] {
            let script = Script {
                instead: vec![(method, beginning)],
                ..Script::default()
            };
            let mut sim = once(TransportPolicy::Tcp, script);
            assert_eq!(ends(&mut sim), limit, "{method}");
            assert_eq!(sim.error().kind(), ErrorKind::NoResponse, "{}", sim.error());
            assert!(sim.error().to_string().contains(method), "{}", sim.error());
        }
    }
}

#[test]
fn a_connection_that_does_not_come_about_is_given_up() {
    // Each door is met by the next connection, which begins after the failure of the one before.
    let mut sim = Sim::new(config(), Script::default());
    sim.run_to(SECOND);
    sim.doors.extend([Door::Silent; 3]);
    sim.hang_up();
    sim.run_to(60 * SECOND);
    assert_eq!(sim.camera.stats().failures.of(ErrorKind::ConnectTimeout), 3);
    assert!(sim.camera.stats().transport.is_some());
}

#[test]
fn a_cut_cable_is_noticed_after_ten_seconds_and_told_from_a_camera_that_only_stalls() {
    for (policy, carrier) in [
        (TransportPolicy::Tcp, Carrier::Tcp),
        (TransportPolicy::Udp, Carrier::Udp),
    ] {
        let mut dead = once(policy, Script::default());
        dead.run_to(2 * SECOND);
        dead.cable = Cable::Cut;
        assert_eq!(ends(&mut dead), 12, "{policy:?}");
        assert!(
            matches!(dead.error(), Error::ConnectionDead { waited, .. } if *waited == 10 * SECOND),
            "{}",
            dead.error()
        );
        let mut stalls = once(policy, Script::default());
        stalls.run_to(2 * SECOND);
        stalls.peer.script.silent_over = vec![carrier];
        assert_eq!(ends(&mut stalls), 12, "{policy:?}");
        assert_eq!(stalls.error().kind(), ErrorKind::Stalled, "{}", stalls.error());
        // It was asked whether it is there.
        assert!(stalls.peer.methods().contains(&"GET_PARAMETER"));
    }
}

#[test]
fn q38_keepalives_that_nobody_answers_end_nothing_while_pictures_come() {
    for policy in [TransportPolicy::Tcp, TransportPolicy::Udp] {
        let script = Script {
            instead: vec![("GET_PARAMETER", b""), ("OPTIONS", b"")],
            ..Script::default()
        };
        let mut sim = once(policy, script);
        sim.frame = 10 * FRAME;
        sim.run_to(600 * SECOND);
        assert!(sim.ended.is_none(), "{:?}", sim.ended);
        assert!(sim.camera.stats().packets > 599 * 5 / 2);
        assert!(
            sim.camera.stats().transport.is_some_and(|transport| {
                (transport == Transport::Udp) == (policy == TransportPolicy::Udp)
            })
        );
    }
}
