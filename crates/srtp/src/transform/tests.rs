//! Vectors of the RFCs and of other implementations, streams that wrap and begin late, and packets of nobody.

use ctr::cipher::{KeyIvInit, StreamCipher};
use hmac::{Hmac, Mac};
use libsrtp::SendSession;
use sha1::Sha1;
use throughline_rtp::{SequenceNumber, Ssrc};

use super::*;
use crate::keys::Mki;

/// Bytes of hexadecimal digits.
fn hex(digits: &str) -> Vec<u8> {
    let digits: Vec<u8> = digits.bytes().filter(u8::is_ascii_hexdigit).collect();
    let pair = |pair: &[u8]| u8::from_str_radix(std::str::from_utf8(pair).unwrap(), 16).unwrap();
    digits.chunks(2).map(pair).collect()
}

fn keys(suite: Suite, mki: &[u8]) -> Keys {
    Keys::generate(suite, &[0xa7; Keys::MAX_LEN], Mki::new(mki))
}

/// The packet whose sequence number is the low end of `index`.
fn rtp(ssrc: u32, index: u32) -> Vec<u8> {
    let mut packet = hex("8060 0000 00000000");
    packet[2..4].copy_from_slice(&index.to_be_bytes()[2..]);
    packet.extend(ssrc.to_be_bytes());
    packet.extend([0x5a; 40]);
    packet
}

fn rtcp(ssrc: u32) -> Vec<u8> {
    [&hex("80c90001")[..], &ssrc.to_be_bytes()].concat()
}

/// Both ends of one key.
fn ends(suite: Suite) -> (Protector, Unprotector) {
    let keys = keys(suite, &[]);
    (
        Protector::new(&keys).unwrap(),
        Unprotector::new(&[keys], &[]).unwrap(),
    )
}

fn fault(result: Result<&[u8], UnprotectError>) -> UnprotectFault {
    result.unwrap_err().fault()
}

/// Counts the sequence numbers up to `index`, and gives the packet of that index.
fn protected_at(protector: &mut Protector, ssrc: u32, index: u32) -> Vec<u8> {
    let mut at = 0;
    while at + 0x7000 < index {
        at += 0x7000;
        protector.protect_rtp(&rtp(ssrc, at)).unwrap();
    }
    protector.protect_rtp(&rtp(ssrc, index)).unwrap().to_vec()
}

#[test]
fn packets_are_those_of_other_implementations() {
    // The key, RTP and RTCP of the test driver of Cisco's libsrtp.
    let plain = hex("800f1234 decafbad cafebabe abababab abababab abababab abababab");
    let master = hex("e1f97a0d3e018be0d64fa32c06de4139 0ec675ad498afeebb6960b3aabe6");
    let keys = Keys::new(Suite::AesCm128HmacSha1_80, &master, None).unwrap();
    let mut protector = Protector::new(&keys).unwrap();
    let expected = hex("800f1234 decafbad cafebabe 4e55dc4c e79978d8 8ca4d215 949d2402 b78d6acc99ea179b8dbb");
    assert_eq!(protector.protect_rtp(&plain).unwrap(), expected);
    let mut unprotector = Unprotector::new(&[keys], &[]).unwrap();
    assert_eq!(unprotector.unprotect_rtp(&expected).unwrap(), plain);
    let report = hex("81c8000b cafebabe abababab abababab abababab abababab");
    let expected = hex("81c8000b cafebabe 71280 35be487b9bdbef89041f977a5a8 80000001 993e08cd54d6c1230798");
    assert_eq!(unprotector.unprotect_rtcp(&expected).unwrap(), report);
}

/// What the RFC says that a master key gives: cipher key, salt, authentication key.
fn check_derived<C: KeyIvInit + StreamCipher>(suite: Suite, master: &str, derived: [&str; 3]) {
    let [cipher_key, salt, authentication_key] = derived.map(hex);
    let keys = Keys::new(suite, &hex(master), None).unwrap();
    let plain = rtp(0xcafe_babe, 0x1234);

    let mut counter = salt;
    counter.extend([0, 0]);
    for (byte, ssrc) in counter[4..8].iter_mut().zip(0xcafe_babe_u32.to_be_bytes()) {
        *byte ^= ssrc;
    }
    counter[12] ^= 0x12;
    counter[13] ^= 0x34;
    let mut expected = plain.clone();
    C::new_from_slices(&cipher_key, &counter)
        .unwrap()
        .apply_keystream(&mut expected[12..]);
    let mut mac = Hmac::<Sha1>::new_from_slice(&authentication_key).unwrap();
    mac.update(&expected);
    mac.update(&[0; 4]);
    expected.extend(&mac.finalize().into_bytes()[..suite.tag_len()]);

    assert_eq!(
        Protector::new(&keys).unwrap().protect_rtp(&plain).unwrap(),
        expected
    );
}

#[test]
fn session_keys_are_those_of_rfc_3711_b_3() {
    check_derived::<ctr::Ctr128BE<aes::Aes128>>(
        Suite::AesCm128HmacSha1_80,
        "e1f97a0d3e018be0d64fa32c06de4139 0ec675ad498afeebb6960b3aabe6",
        [
            "c61e7a93744f39ee10734afe3ff7a087",
            "30cbbc08863d8c85d49db34a9ae1",
            "cebe321f6ff7716b6fd4ab49af256a156d38baa4",
        ],
    );
}

#[test]
fn session_keys_are_those_of_rfc_6188_7_4() {
    for suite in [Suite::AesCm256HmacSha1_80, Suite::AesCm256HmacSha1_32] {
        check_derived::<ctr::Ctr128BE<aes::Aes256>>(
            suite,
            "f0f04914b513f2763a1b1fa130f10e29 98f6f6e43e4309d1e622a0e332b9f1b6 3b04803de51ee7c96423ab5b78d2",
            [
                "5ba1064e30ec51613cad926c5a28ef73 1ec7fb397f70a960653caf06554cd8c4",
                "fa31791685ca444a9e07c6c64e93",
                "fd9c32d39ed5fbb5a9dc96b30818454d1313dc05",
            ],
        );
    }
}

#[test]
fn galois_counter_mode_is_that_of_other_implementations() {
    // The vector of pion and webrtc-rs.
    let master = hex("000102030405060708090a0b0c0d0e0f a0a1a2a3a4a5a6a7a8a9aaab");
    let keys = Keys::new(Suite::AeadAes128Gcm, &master, None).unwrap();
    let plain = hex("800f1234 decafbad cafebabe abababab abababab abababab abababab");
    let expected = hex("800f1234 decafbad cafebabe c5002ede04cfdd2eb91159e0880aa06e
        d2976826f796b201df3131a127e8a392");
    assert_eq!(
        Protector::new(&keys).unwrap().protect_rtp(&plain).unwrap(),
        expected
    );
    let mut unprotector = Unprotector::new(&[keys], &[]).unwrap();
    assert_eq!(unprotector.unprotect_rtp(&expected).unwrap(), plain);
    let report = hex("81c8000b cafebabe abababab abababab abababab abababab");
    let expected = hex("81c8000b cafebabe c98b8b5df0392a55852b6c21ac8e7025
        c52c6fbea2b3b446ea31123ba88ce61e 80000001");
    assert_eq!(unprotector.unprotect_rtcp(&expected).unwrap(), report);
}

#[test]
fn every_suite_protects_and_unprotects_with_and_without_an_identifier() {
    for suite in Suite::ALL {
        for mki in [&[][..], &[7, 8, 9, 1]] {
            let keys = keys(*suite, mki);
            let mut protector = Protector::new(&keys).unwrap();
            let mut unprotector = Unprotector::new(&[keys], &[]).unwrap();
            let (packet, report) = (rtp(1, 1), rtcp(1));
            let protected = protector.protect_rtp(&packet).unwrap();
            assert_eq!(protected.len(), packet.len() + suite.tag_len() + mki.len());
            assert_eq!(unprotector.unprotect_rtp(protected).unwrap(), packet);
            let protected = protector.protect_rtcp(&report).unwrap();
            assert_eq!(
                protected.len(),
                report.len() + 4 + suite.tag_len().max(10) + mki.len()
            );
            assert_eq!(unprotector.unprotect_rtcp(protected).unwrap(), report);
            assert_eq!(unprotector.stats().unprotected, 2);
        }
    }
}

#[test]
fn packets_say_by_identifier_which_of_several_keys_is_theirs() {
    let one = keys(Suite::AesCm128HmacSha1_80, &[1]);
    let two = Keys::generate(Suite::AesCm128HmacSha1_80, &[0xee; Keys::MAX_LEN], Mki::new(&[2]));
    let three = Keys::generate(Suite::AesCm128HmacSha1_80, &[0xdd; Keys::MAX_LEN], Mki::new(&[3]));
    let mut unprotector = Unprotector::new(&[one.clone(), two.clone()], &[]).unwrap();
    for (sequence_number, keys) in [(1, &one), (2, &two)] {
        let packet = rtp(1, sequence_number);
        let mut protector = Protector::new(keys).unwrap();
        let protected = protector.protect_rtp(&packet).unwrap();
        assert_eq!(unprotector.unprotect_rtp(protected).unwrap(), packet);
    }
    let mut protector = Protector::new(&three).unwrap();
    let foreign = protector.protect_rtp(&rtp(1, 3)).unwrap();
    assert_eq!(
        fault(unprotector.unprotect_rtp(foreign)),
        UnprotectFault::UnknownKey
    );
    let unnamed = keys(Suite::AesCm128HmacSha1_80, &[]);
    let other_suite = keys(Suite::AeadAes128Gcm, &[2]);
    for together in [&[][..], &[one.clone(), unnamed], &[one, other_suite]] {
        assert!(Unprotector::new(together, &[]).is_err());
    }
}

#[test]
fn faults_are_told_apart_named_and_counted() {
    let (mut protector, mut unprotector) = ends(Suite::AesCm128HmacSha1_80);
    let first = protector.protect_rtp(&rtp(0xabcd, 7)).unwrap().to_vec();
    unprotector.unprotect_rtp(&first).unwrap();
    let error = unprotector.unprotect_rtp(&first).unwrap_err();
    let place = |fault| UnprotectError::Rtp {
        ssrc: Ssrc(0xabcd),
        sequence_number: SequenceNumber(7),
        fault,
    };
    assert_eq!(error, place(UnprotectFault::Replayed));

    let mut forged = protector.protect_rtp(&rtp(0xabcd, 8)).unwrap().to_vec();
    forged[20] ^= 1;
    let error = unprotector.unprotect_rtp(&forged).unwrap_err();
    assert_eq!(
        error.to_string(),
        "SSRC 0x0000abcd, sequence number 8: authentication failed"
    );
    assert_eq!(
        fault(unprotector.unprotect_rtp(&rtp(0xabcd, 9)[..20])),
        UnprotectFault::TooShort
    );
    assert_eq!(
        unprotector.unprotect_rtp(&[0x40; 60]).unwrap_err(),
        UnprotectError::NotSrtp { len: 60 }
    );
    let report = protector.protect_rtcp(&rtcp(0xabcd)).unwrap().to_vec();
    unprotector.unprotect_rtcp(&report).unwrap();
    assert_eq!(
        unprotector.unprotect_rtcp(&report).unwrap_err().to_string(),
        "RTCP of SSRC 0x0000abcd: came before, or is too old to tell"
    );
    assert_eq!(
        fault(unprotector.unprotect_rtcp(&report[..9])),
        UnprotectFault::TooShort
    );
    assert_eq!(
        unprotector.stats(),
        UnprotectStats {
            unprotected: 2,
            not_authentic: 1,
            replayed: 2,
            too_short: 3,
        }
    );
}

#[test]
fn reports_in_the_clear_are_not_read_as_encrypted_ones() {
    for mki in [&[][..], &[7, 8]] {
        let keys = keys(Suite::AesCm128HmacSha1_80, mki);
        let mki = keys.mki().map(|mki| mki.as_bytes().to_vec());
        let config = StreamConfig::new(
            vec![MasterKey::new(keys.master_key(), keys.master_salt(), &mki)],
            &ProtectionProfile::Aes128CmHmacSha180,
            &ProtectionProfile::NullCipherHmacSha180,
        );
        let mut camera = SendSession::new();
        camera.add_stream(None, &config).unwrap();
        let report = [rtcp(1), rtcp(1)].concat();
        let clear = camera.rtcp_protect_mki(report.clone(), &mki).unwrap();
        assert!(clear.starts_with(&report));
        let mut unprotector = Unprotector::new(&[keys], &[]).unwrap();
        assert_eq!(
            fault(unprotector.unprotect_rtcp(&clear)),
            UnprotectFault::NotEncrypted
        );
        assert_eq!(unprotector.stats().not_authentic, 1);
        // The shortest that has an index.
        let short = &clear[..8 + 14 + mki.map_or(0, |mki| mki.len()) - 1];
        assert_eq!(fault(unprotector.unprotect_rtcp(short)), UnprotectFault::TooShort);
    }
}

#[test]
fn a_packet_may_come_late_within_the_window_once() {
    let (mut protector, mut unprotector) = ends(Suite::AesCm128HmacSha1_80);
    let packets: Vec<Vec<u8>> = (0..=u32::from(REPLAY_WINDOW))
        .map(|number| {
            protector
                .protect_rtp(&rtp(1, 65_000 + (number % 536)))
                .map(<[u8]>::to_vec)
        })
        .map_while(Result::ok)
        .collect();
    assert_eq!(packets.len(), 536, "a number is used once");
    let newest = packets.last().unwrap();
    unprotector.unprotect_rtp(newest).unwrap();
    for packet in packets.iter().rev().skip(1) {
        unprotector.unprotect_rtp(packet).unwrap();
        assert_eq!(fault(unprotector.unprotect_rtp(packet)), UnprotectFault::Replayed);
    }

    let (mut protector, mut unprotector) = ends(Suite::AesCm128HmacSha1_80);
    let early = protector.protect_rtp(&rtp(1, 1)).unwrap().to_vec();
    let late = protector
        .protect_rtp(&rtp(1, 2 + u32::from(REPLAY_WINDOW)))
        .unwrap();
    unprotector.unprotect_rtp(late).unwrap();
    assert_eq!(fault(unprotector.unprotect_rtp(&early)), UnprotectFault::Replayed);
}

#[test]
fn sequence_numbers_wrap() {
    let (mut protector, mut unprotector) = ends(Suite::AesCm128HmacSha1_80);
    let mut late = Vec::new();
    for index in (60_000..140_000).step_by(10) {
        let packet = rtp(1, index);
        let protected = protector.protect_rtp(&packet).unwrap();
        // One is held back over the first wrap.
        if index == 65_530 {
            late = protected.to_vec();
        } else {
            assert_eq!(unprotector.unprotect_rtp(protected).unwrap(), packet, "{index}");
        }
        if index == 65_540 {
            assert_eq!(unprotector.unprotect_rtp(&late).unwrap(), rtp(1, 65_530));
        }
    }
}

#[test]
fn one_who_joins_late_needs_the_rollover_counter() {
    let keys = keys(Suite::AesCm128HmacSha1_80, &[]);
    let index = 3 * 65_536 + 500;
    let packet = protected_at(&mut Protector::new(&keys).unwrap(), 0x77, index);
    let joined = |told: &[(Ssrc, u32)]| {
        let mut unprotector = Unprotector::new(std::slice::from_ref(&keys), told).unwrap();
        unprotector.unprotect_rtp(&packet).map(<[u8]>::to_vec).ok()
    };
    let plain = Some(rtp(0x77, 500));
    assert_eq!(joined(&[(Ssrc(0x77), 3)]), plain);
    assert_eq!(joined(&[(Ssrc(0x77), 2)]), plain, "wrapped after it was told");
    assert_eq!(joined(&[(Ssrc(0x77), 1)]), None);
    assert_eq!(joined(&[(Ssrc(0x77), 4)]), None);
    assert_eq!(joined(&[(Ssrc(0x78), 3)]), None);
    assert_eq!(joined(&[]), None);
    assert_eq!(
        joined(&[(Ssrc(0x77), 3), (Ssrc(0x77), 1)]),
        plain,
        "the first counts"
    );
}

#[test]
fn packets_of_others_do_not_spoil_a_told_rollover_counter() {
    let keys = keys(Suite::AesCm128HmacSha1_80, &[]);
    let mut protector = Protector::new(&keys).unwrap();
    let mut unprotector = Unprotector::new(&[keys], &[(Ssrc(0x77), 1)]).unwrap();
    let mut forged = protected_at(&mut protector, 0x77, 65_536 + 30);
    forged[30] ^= 1;
    for _ in 0..10 {
        assert_eq!(
            fault(unprotector.unprotect_rtp(&forged)),
            UnprotectFault::NotAuthentic
        );
    }
    // RTCP has an index of its own, and proves nothing.
    let report = protector.protect_rtcp(&rtcp(0x77)).unwrap();
    unprotector.unprotect_rtcp(report).unwrap();
    for sequence_number in 31..40 {
        let packet = rtp(0x77, sequence_number);
        let protected = protector.protect_rtp(&packet).unwrap();
        assert_eq!(unprotector.unprotect_rtp(protected).unwrap(), packet);
    }
    // Proven, it is not tried with the next: this packet is of the second wrap.
    let ahead = protected_at(&mut protector, 0x77, 65_536 + 50);
    assert_eq!(
        fault(unprotector.unprotect_rtp(&ahead)),
        UnprotectFault::NotAuthentic
    );
}

#[test]
fn a_flood_of_sources_leaves_nothing_behind() {
    let (mut protector, mut unprotector) = ends(Suite::AesCm128HmacSha1_80);
    unprotector
        .unprotect_rtp(protector.protect_rtp(&rtp(1, 1)).unwrap())
        .unwrap();
    for ssrc in 1000..6000 {
        assert_eq!(
            fault(unprotector.unprotect_rtp(&rtp(ssrc, 1))),
            UnprotectFault::NotAuthentic
        );
        assert_eq!(
            fault(unprotector.unprotect_rtcp(&[rtcp(ssrc), vec![0x80; 14]].concat())),
            UnprotectFault::NotAuthentic
        );
    }
    assert!(format!("{unprotector:?}").starts_with("Unprotector { sources: [Ssrc(1)],"));
    assert_eq!(unprotector.stats().not_authentic, 10_000);
}

#[test]
fn of_authentic_sources_the_last_are_kept() {
    let keys = keys(Suite::AesCm128HmacSha1_80, &[]);
    let mut unprotector = Unprotector::new(std::slice::from_ref(&keys), &[]).unwrap();
    let mut protected = |ssrc: u32, sequence_number: u32| {
        let mut protector = Protector::new(&keys).unwrap();
        let packet = protector.protect_rtp(&rtp(ssrc, sequence_number)).unwrap();
        unprotector
            .unprotect_rtp(packet)
            .map(|_| ())
            .map_err(|error| error.fault())
    };
    protected(1, 1).unwrap();
    for ssrc in 2..20 {
        protected(ssrc, 1).unwrap();
        // Heard again and again, it is not forgotten.
        protected(1, ssrc).unwrap();
    }
    assert_eq!(protected(1, 1), Err(UnprotectFault::Replayed));
    assert_eq!(protected(19, 1), Err(UnprotectFault::Replayed));
    assert_eq!(protected(2, 1), Ok(()), "forgotten");
    let debug = format!("{unprotector:?}");
    assert_eq!(debug.matches("Ssrc(").count(), MAX_SOURCES, "{debug}");
}

#[test]
fn a_sender_never_uses_a_key_stream_twice() {
    let (mut protector, _) = ends(Suite::AesCm128HmacSha1_80);
    for ssrc in 0..8 {
        protector.protect_rtp(&rtp(ssrc, 1)).unwrap();
        assert_eq!(
            protector.protect_rtp(&rtp(ssrc, 1)),
            Err(ProtectError::Repeated(Ssrc(ssrc)))
        );
    }
    assert_eq!(
        protector.protect_rtp(&rtp(8, 1)),
        Err(ProtectError::TooManySources(Ssrc(8)))
    );
    assert_eq!(
        protector.protect_rtcp(&rtcp(9)),
        Err(ProtectError::TooManySources(Ssrc(9)))
    );
    assert_eq!(
        protector.protect_rtcp(&[0x80; 7]),
        Err(ProtectError::NotAPacket { len: 7 })
    );
    assert_eq!(
        protector.protect_rtp(&[0x00; 70]),
        Err(ProtectError::NotAPacket { len: 70 })
    );
    assert!(protector.protect_rtcp(&rtcp(1)).is_ok());
}
