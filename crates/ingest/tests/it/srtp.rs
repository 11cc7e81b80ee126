//! Streams that are encrypted: whose keys open them, and what is said where none do.

use std::cell::RefCell;
use std::rc::Rc;

use throughline_ingest::camera::UdpSocket;
use throughline_ingest::{Config, Error, ErrorKind, KeysFault, Transport, TransportPolicy};
use throughline_srtp::mikey::{Message, Timestamp};
use throughline_srtp::transform::UnprotectFault;
use throughline_srtp::{Keys, Policy, Suite, Tolerance, sdes};

use crate::peer::{Carrier, Encryption, Script, Serves, camera_keys, camera_message, picture, secure_sdp};
use crate::sim::{SECOND, Sim, config, once};

const DESCRIBED: Encryption = Encryption::Camera {
    in_answer: false,
    rollover_counter: 0,
};

/// A camera that says its keys in the description, where `encryption` has it so.
fn camera(encryption: Encryption) -> Script {
    let script = Script {
        encryption,
        ..Script::default()
    };
    let keys = match encryption {
        Encryption::Camera { in_answer: false, .. } => {
            format!("a=key-mgmt:mikey {}\r\n", camera_message(&script).to_base64())
        }
        Encryption::Declared => format!("a=crypto:{}\r\n", sdes::crypto(1, &camera_keys())),
        _ => String::new(),
    };
    Script {
        sdp: secure_sdp(&keys),
        ..script
    }
}

fn expect_pictures(sim: &Sim, what: &str) {
    assert!(sim.pictures.len() >= 50, "{what}: {:?}", sim.ended);
    for (number, got) in (0..).zip(&sim.pictures) {
        assert_eq!(got.data, picture(number, number % 25, number % 25 == 0), "{what}");
    }
}

#[test]
fn encrypted_media_may_leave_tls() {
    let mut config = Config::parse("rtsps://192.0.2.7:554/cam").expect("a URL");
    config.retry = throughline_ingest::Retry::Never;
    let script = Script {
        serves: Serves::UdpOnly,
        ..camera(Encryption::Declared)
    };
    let mut sim = Sim::new(config, script);
    sim.run_to(3 * SECOND);
    assert_eq!(sim.camera.stats().transport, Some(Transport::Udp));
    expect_pictures(&sim, "SRTP over UDP beside TLS");
}

#[test]
fn pictures_come_by_keys_of_the_description_or_of_the_answer_over_every_transport() {
    for policy in [
        TransportPolicy::Auto,
        TransportPolicy::Udp,
        TransportPolicy::Multicast,
    ] {
        for encryption in [
            DESCRIBED,
            Encryption::Camera {
                in_answer: false,
                rollover_counter: 3,
            },
            Encryption::Camera {
                in_answer: true,
                rollover_counter: 2,
            },
            Encryption::Declared,
        ] {
            let what = format!("{policy:?} {encryption:?}");
            let mut script = camera(encryption);
            if policy == TransportPolicy::Multicast {
                script.serves = Serves::MulticastOnly;
            }
            let mut sim = once(policy, script);
            sim.run_to(10 * SECOND);
            expect_pictures(&sim, &what);
            assert!(sim.peer.requests[1].contains("RTP/SAVP"), "{what}");
            let stats = sim.camera.stats();
            assert_eq!(stats.srtp, Some(Suite::AesCm128HmacSha1_80), "{what}");
            assert_eq!(
                (stats.undecryptable, stats.lost, stats.malformed),
                (0, 0, 0),
                "{what}"
            );
            assert!(sim.peer.heard.reports > 0, "what leaves us is protected: {what}");
        }
    }
}

#[test]
fn a_key_frame_is_asked_for_with_our_own_keys() {
    let mut script = camera(DESCRIBED);
    script.lost = vec![40];
    script.group_of_pictures = Some(1000);
    let mut sim = once(TransportPolicy::Udp, script);
    sim.run_to(10 * SECOND);
    assert!(sim.peer.heard.plis > 0);
    assert!(sim.camera.stats().idrs > 1);
}

#[test]
fn q106_a_camera_that_refuses_keys_gets_others_with_an_identifier_or_none() {
    for policy in [TransportPolicy::Auto, TransportPolicy::Udp] {
        let mut sim = once(policy, camera(Encryption::Client));
        sim.run_to(3 * SECOND);
        expect_pictures(&sim, "keys of ours");
        assert_eq!(sim.peer.methods()[..4], ["DESCRIBE", "SETUP", "SETUP", "PLAY"]);
        let used: Vec<Tolerance> = sim.camera.stats().tolerated.srtp.iter().collect();
        assert_eq!(used, [Tolerance::ClientKeys]);
    }
    let mut config = config();
    config.policies.srtp = Policy::default().refuse(Tolerance::ClientKeys);
    let mut sim = Sim::new(config, camera(Encryption::Client));
    sim.run_to(3 * SECOND);
    assert_eq!(
        sim.error().to_string(),
        "192.0.2.7:554: the server refuses the keys for media 1: 463 Key Management Failure (SETUP, CSeq 2)"
    );
    assert_eq!(sim.error().kind(), ErrorKind::KeysRefused);
}

#[test]
fn a_camera_that_refuses_every_key_is_asked_twice() {
    let mut script = camera(Encryption::Client);
    script.refuse = Some(("SETUP", "463 Key Management Failure"));
    let mut sim = once(TransportPolicy::Tcp, script);
    sim.run_to(3 * SECOND);
    assert_eq!(sim.peer.methods(), ["DESCRIBE", "SETUP", "SETUP"]);
    assert!(
        matches!(sim.error(), Error::KeysRefused { .. }),
        "{}",
        sim.error()
    );
}

#[test]
fn what_there_is_in_place_of_keys_is_named() {
    let missing =
        "the stream is encrypted (RTP/SAVP), and neither its description nor the answer to SETUP has keys";
    for (attributes, expected) in [
        ("", missing),
        (
            "a=key-mgmt:kerberos AAAA\r\n",
            "keys by kerberos, which is not served",
        ),
        ("a=key-mgmt:mikey AAAA\r\n", "MIKEY message, byte 0: version 0"),
        (
            "a=key-mgmt:mikey AQIAAAAAAAAAAA==\r\n",
            "MIKEY message is no initiation by pre-shared key: initiation by public key",
        ),
        (
            "a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:c2hvcnQ=\r\n",
            "a=crypto:1: key and salt of AES_CM_128_HMAC_SHA1_80 have 30 bytes, not 5",
        ),
    ] {
        let mut script = camera(Encryption::None);
        script.sdp = secure_sdp(attributes);
        let mut sim = once(TransportPolicy::Tcp, script);
        sim.run_to(SECOND);
        assert_eq!(sim.error().to_string(), format!("192.0.2.7:554: {expected}"));
        assert!(sim.error().is_configuration());
    }
    assert_eq!(KeysFault::Missing.to_string(), missing);
}

#[test]
fn of_two_offers_the_one_that_can_be_opened_is_played() {
    let plain = "m=video 0 RTP/AVP 96\r\na=rtpmap:96 H264/90000\r\na=control:trackID=9\r\n";
    let mut script = camera(Encryption::None);
    script.sdp += plain;
    let mut sim = once(TransportPolicy::Tcp, script);
    sim.run_to(3 * SECOND);
    expect_pictures(&sim, "the plain one");
    assert!(
        sim.peer.requests[1].contains("/trackID=9 "),
        "{}",
        sim.peer.requests[1]
    );

    let mut script = camera(DESCRIBED);
    script.sdp += plain;
    let mut sim = once(TransportPolicy::Tcp, script);
    sim.run_to(3 * SECOND);
    expect_pictures(&sim, "the first");
}

#[test]
fn packets_that_the_keys_do_not_open_end_with_the_latest_of_them() {
    let mut script = camera(DESCRIBED);
    let other = Keys::generate(Suite::AesCm128HmacSha1_80, &[0xbb; Keys::MAX_LEN], None);
    let message = Message::initiate(&other, &[], Timestamp::Counter(0), &[1; 20]);
    script.sdp = secure_sdp(&format!("a=key-mgmt:mikey {}\r\n", message.to_base64()));
    let mut config = config();
    config.transport = TransportPolicy::Udp;
    config.retry = throughline_ingest::Retry::Never;
    config.timeouts.first_packet_udp = SECOND / 2;
    let mut sim = Sim::new(config, script);
    sim.run_to(2 * SECOND);
    let Error::Undecryptable { packets, cause, .. } = sim.error() else {
        panic!("{}", sim.error());
    };
    assert!(*packets > 10);
    assert_eq!(cause.fault(), UnprotectFault::NotAuthentic);
    let text = sim.error().to_string();
    assert!(text.contains("SSRC 0x5eed0001, sequence number "), "{text}");
    assert!(sim.camera.stats().undecryptable >= *packets);
}

#[test]
fn q105_packets_that_are_encrypted_where_nobody_says_so_are_named() {
    let script = Script {
        encryption: Encryption::Whole,
        ..Script::default()
    };
    for policy in [TransportPolicy::Tcp, TransportPolicy::Udp] {
        let mut sim = once(policy, script.clone());
        sim.run_to(40 * SECOND);
        assert_eq!(sim.error().kind(), ErrorKind::NotRtp, "{}", sim.error());
        assert!(
            sim.error().to_string().contains("they look encrypted"),
            "{}",
            sim.error()
        );
    }
}

#[test]
fn q86_another_ssrc_is_followed_under_the_same_keys() {
    let mut sim = once(TransportPolicy::Udp, camera(DESCRIBED));
    sim.run_to(2 * SECOND);
    sim.peer.script.ssrc = 0x0dd5_55cc;
    sim.run_to(4 * SECOND);
    let stats = sim.camera.stats();
    assert!(stats.access_units >= 95, "{stats:?}");
    assert_eq!(stats.undecryptable, 0);
}

#[test]
fn packets_of_nobody_are_counted_and_change_nothing() {
    let mut sim = once(TransportPolicy::Udp, camera(DESCRIBED));
    sim.run_to(SECOND);
    for number in 0..2000_u32 {
        let ssrc = number.to_be_bytes();
        let forged = [&[0x80, 96, 0, 9, 0, 0, 0, 0][..], &ssrc, &[7; 40]].concat();
        sim.datagram_of(UdpSocket::Rtp, &forged);
        sim.datagram_of(
            UdpSocket::Rtcp,
            &[&[0x80, 200, 0, 6][..], &ssrc, &[0; 34]].concat(),
        );
    }
    sim.run_to(3 * SECOND);
    expect_pictures(&sim, "beside a flood");
    assert_eq!(sim.camera.stats().undecryptable, 4000);
}

#[test]
fn a_packet_that_comes_twice_before_silence_is_no_fault_of_the_keys() {
    let mut sim = once(TransportPolicy::Udp, camera(DESCRIBED));
    let latest = Rc::new(RefCell::new(Vec::new()));
    let kept = Rc::clone(&latest);
    sim.distort = Box::new(move |packet| kept.borrow_mut().clone_from(packet));
    sim.run_to(2 * SECOND);
    sim.peer.script.silent_over.push(Carrier::Udp);
    let packet = latest.take();
    sim.datagram_of(UdpSocket::Rtp, &packet);
    assert_eq!(sim.camera.stats().duplicates, 1);
    sim.run_to(15 * SECOND);
    assert_eq!(sim.error().kind(), ErrorKind::Stalled, "{}", sim.error());
}

#[test]
fn no_key_is_in_any_debug_output() {
    let mut sim = once(TransportPolicy::Tcp, camera(DESCRIBED));
    sim.run_to(SECOND);
    let shown = format!("{:?}", sim.camera);
    assert!(shown.contains("unprotector: "));
    assert!(!shown.contains("202, 202"));
    // An answer whose rest has not come.
    sim.feed(b"RTSP/1.0 200 OK\r\nKeyMgmt: prot=mikey;uri=\"\";data=\"c2VjcmV0");
    let shown = format!("{:?}", sim.camera);
    let digits = format!("{:?}", b"c2VjcmV0");
    assert!(!shown.contains(digits.trim_matches(['[', ']'])));
    assert!(shown.contains("Carry(58 bytes)"), "{shown}");
}
