//! Messages as peers send them, and what is none.

use super::*;
use crate::tolerance::Policy;
use throughline_rtp::Ssrc;

/// The bytes of a fixture: pairs of hexadecimal digits, `#` begins a comment.
fn fixture(text: &str) -> Vec<u8> {
    let digits = text
        .lines()
        .flat_map(|line| line.split('#').next().unwrap().split_whitespace());
    digits.map(|pair| u8::from_str_radix(pair, 16).unwrap()).collect()
}

fn gstreamer() -> Vec<u8> {
    fixture(include_str!("../../../../testdata/srtp/gstreamer_sdp.hex"))
}

fn gortsplib() -> Vec<u8> {
    fixture(include_str!("../../../../testdata/srtp/gortsplib_client.hex"))
}

fn milestone() -> Vec<u8> {
    fixture(include_str!("../../../../testdata/srtp/milestone_padding.hex"))
}

fn every_payload() -> Vec<u8> {
    fixture(include_str!("../../../../testdata/srtp/studio_every_payload.hex"))
}

fn session(policy: u8, ssrc: u32, rollover_counter: u32) -> CryptoSession {
    CryptoSession {
        policy,
        ssrc: Ssrc(ssrc),
        rollover_counter,
    }
}

fn key(suite: Suite, first: u8, mki: &[u8]) -> Keys {
    let bytes: Vec<u8> = (first..).take(suite.key_len() + suite.salt_len()).collect();
    Keys::new(suite, &bytes, Mki::new(mki)).unwrap()
}

fn written(message: &Message) -> Vec<u8> {
    let mut out = Vec::new();
    message.write(&mut out);
    out
}

/// What `read` says where `tolerance` is refused; with it there is no error, and it was used.
fn refused(bytes: &[u8], tolerance: Tolerance) -> ParseError {
    let mut lenient = Reading::default();
    Message::read(bytes, &mut lenient).unwrap();
    assert_eq!(lenient.tolerated().iter().collect::<Vec<_>>(), [tolerance]);
    Message::read(bytes, &mut Reading::new(Policy::default().refuse(tolerance))).unwrap_err()
}

/// A header without sessions, and payloads behind it.
fn message(first: u8, payloads: &[u8]) -> Vec<u8> {
    [&[1, 0, first, 0, 0, 0, 0, 7, 0, 0], payloads].concat()
}

fn faults(first: u8, payloads: &[u8]) -> (usize, Fault) {
    let error = Message::parse(&message(first, payloads)).unwrap_err();
    (error.offset, error.fault)
}

/// The message that hands over 30 bytes, with a policy of these parameters.
fn with_policy(parameters: &[u8]) -> Result<Vec<Keys>, KeysError> {
    let kemac = [&[0, 0, 0, 34, 0, 0x20, 0, 30][..], &[1; 30], &[0]].concat();
    let head = [KEMAC, 0, 0, 0, u8::try_from(parameters.len()).unwrap()];
    let payloads = [&head, parameters, &kemac].concat();
    Message::parse(&message(SECURITY_POLICY, &payloads))
        .unwrap()
        .keys()
}

#[test]
fn what_peers_send_is_read_and_written_back() {
    let cases = [
        (
            gstreamer(),
            vec![session(0, 0x2d41_b06e, 3)],
            key(Suite::AesCm128HmacSha1_80, 0xa0, &[]),
        ),
        (
            gortsplib(),
            vec![],
            key(Suite::AesCm128HmacSha1_80, 0xc0, &[0x9f, 0x8e, 0x7d, 0x6c]),
        ),
    ];
    for (bytes, sessions, keys) in cases {
        let message = Message::parse(&bytes).unwrap();
        assert_eq!(message.header.sessions, sessions);
        assert_eq!(message.keys(), Ok(vec![keys]));
        assert_eq!(written(&message), bytes);
        let text = message.to_base64();
        assert_eq!(Message::from_base64(&text, &mut Reading::default()), Ok(message));
    }
}

#[test]
fn every_payload_is_read_and_written_back() {
    let bytes = every_payload();
    let mut reading = Reading::new(Policy::strict());
    let message = Message::read(&bytes, &mut reading).unwrap();
    assert_eq!(written(&message), bytes);
    assert_eq!(message.header.verification, Verification::Wanted);
    assert_eq!(message.timestamp(), Some(Timestamp::Counter(5)));
    let skipped: Vec<_> = message
        .payloads
        .iter()
        .filter_map(|payload| match payload {
            Payload::Skipped(skipped) => Some((skipped.payload_type(), skipped.body().len())),
            _ => None,
        })
        .collect();
    assert_eq!(skipped, [(6, 15), (14, 6), (7, 6), (21, 4), (12, 3)]);
    let suites: Vec<_> = message
        .payloads
        .iter()
        .filter_map(|payload| match payload {
            Payload::SecurityPolicy(policy) => Some((policy.number, policy.suite())),
            _ => None,
        })
        .collect();
    assert_eq!(
        suites,
        [(0, Ok(Suite::AeadAes256Gcm)), (1, Ok(Suite::AesCm128HmacSha1_32))]
    );
    assert_eq!(message.keys(), Err(KeysError::GenerationKey));
}

#[test]
fn our_own_messages_are_read_in_every_suite() {
    for suite in Suite::ALL {
        for mki in [&[][..], &[1, 2, 3, 4]] {
            let keys = key(*suite, 9, mki);
            let sessions = [session(0, 1, 0), session(0, 2, u32::MAX)];
            let ours = Message::initiate(&keys, &sessions, Timestamp::NtpUtc(77), &[5; 20]);
            let mut reading = Reading::new(Policy::strict());
            let read = Message::read(&written(&ours), &mut reading).unwrap();
            assert_eq!(read, ours);
            assert_eq!(read.keys(), Ok(vec![keys]));
            assert_eq!(read.header.sessions, sessions);
        }
    }
}

#[test]
fn q107_one_byte_of_padding_is_overlooked_or_refused() {
    let error = refused(&milestone(), Tolerance::Padding);
    assert_eq!(
        error.to_string(),
        "MIKEY message, byte 111: one byte of padding behind the last payload"
    );
    let message = Message::parse(&milestone()).unwrap();
    assert_eq!(written(&message), milestone()[..111]);
    let salted: Vec<u8> = (0xe0..=0xff).chain(0x40..0x4e).collect();
    assert_eq!(
        message.keys(),
        Ok(vec![
            Keys::new(Suite::AesCm256HmacSha1_80, &salted, None).unwrap()
        ])
    );

    let [mut two, mut other] = [milestone(), milestone()];
    two.push(0);
    assert_eq!(
        Message::parse(&two).map_err(|error| error.fault),
        Err(Fault::Behind(2))
    );
    other[111] = 1;
    assert_eq!(
        Message::parse(&other).map_err(|error| error.fault),
        Err(Fault::Behind(1))
    );
}

#[test]
fn q107_a_policy_without_the_length_of_tags_has_the_usual_one_or_is_refused() {
    let error = refused(&gstreamer(), Tolerance::AuthenticationTagLength);
    assert_eq!(
        error.to_string(),
        "MIKEY message, byte 48: security policy without the length of authentication tags"
    );
    let aes = [0, 1, 1, 1, 1, 16, 2, 1, 1];
    for (length, suite) in [
        (10, Suite::AesCm128HmacSha1_80),
        (20, Suite::AesCm128HmacSha1_80),
        (4, Suite::AesCm128HmacSha1_32),
    ] {
        let keys = with_policy(&[&aes[..], &[3, 1, length]].concat()).unwrap();
        assert_eq!(keys[0].suite(), suite, "{length}");
        // What is stated counts.
        let keys = with_policy(&[&aes[..], &[3, 1, length, 11, 1, 10]].concat()).unwrap();
        assert_eq!(keys[0].suite(), Suite::AesCm128HmacSha1_80);
    }
}

#[test]
fn what_a_policy_asks_for_and_no_suite_has_is_named() {
    for (parameters, expected) in [
        (&[0, 1, 0][..], "encryption is 0"),
        (&[0, 1, 2], "encryption is 2"),
        (&[0, 2, 1, 1], "encryption is 255"),
        (&[1, 1, 24], "encryption key length is 24"),
        (&[2, 1, 0], "authentication is 0"),
        (&[5, 1, 1], "pseudo-random function is 1"),
        (&[6, 1, 3], "key derivation rate is 3"),
        (&[7, 1, 0], "SRTP encryption is 0"),
        (&[8, 1, 0], "SRTCP encryption is 0"),
        (&[10, 1, 0], "SRTP authentication is 0"),
        (&[11, 1, 8], "authentication tag length is 8"),
        (&[12, 1, 4], "SRTP prefix length is 4"),
        (&[0, 1, 6, 20, 1, 8], "AEAD tag length is 8"),
        (&[0, 1, 6, 1, 1, 24], "encryption key length is 24"),
    ] {
        assert_eq!(
            with_policy(parameters).unwrap_err().to_string(),
            format!("security policy of the MIKEY message: {expected}")
        );
    }
    // A value of several bytes is a number all the same, and one of none is 0.
    assert!(with_policy(&[0, 2, 0, 1, 6, 0]).is_ok());
    assert_eq!(
        with_policy(&[0, 1, 6]).unwrap_err().to_string(),
        "MIKEY message: key and salt of AEAD_AES_128_GCM have 28 bytes, not 30"
    );
}

#[test]
fn keys_that_cannot_be_used_say_why() {
    for (data_type, text) in [
        (1, "response by pre-shared key"),
        (2, "initiation by public key"),
        (3, "response by public key"),
        (4, "initiation by Diffie-Hellman"),
        (5, "response by Diffie-Hellman"),
        (6, "report of an error"),
        (7, "message of type 7"),
    ] {
        let mut bytes = gortsplib();
        bytes[1] = data_type;
        let message = Message::parse(&bytes).unwrap();
        assert_eq!(written(&message), bytes);
        assert_eq!(
            message.keys().unwrap_err().to_string(),
            format!("MIKEY message is no initiation by pre-shared key: {text}")
        );
    }
    let key = [&[0x20, 0, 30][..], &[1; 30]].concat();
    let named = |mki: &[u8]| {
        let key = [&[0x21, 0, 30][..], &[1; 30]].concat();
        [&key[..], &[u8::try_from(mki.len()).unwrap()], mki].concat()
    };
    let kemac = |keys: &[&[u8]]| {
        let mut data = Vec::new();
        for (index, key) in keys.iter().enumerate() {
            data.push(if index + 1 == keys.len() { 0 } else { 20 });
            data.extend_from_slice(key);
        }
        let [high, low] = u16::try_from(data.len()).unwrap().to_be_bytes();
        message(KEMAC, &[&[0, 0, high, low], &data[..], &[0]].concat())
    };
    let mac = [&[0, 0, 0, 34, 0][..], &key, &[1], &[0; 20]].concat();
    for (bytes, expected) in [
        (message(0, &[]), KeysError::NoKeys),
        (message(KEMAC, &[0, 1, 0, 2, 9, 9, 0]), KeysError::Encrypted(1)),
        (message(KEMAC, &mac), KeysError::Authenticated(1)),
        (kemac(&[&[0x00, 0, 1, 7]]), KeysError::GenerationKey),
        (kemac(&[&[0x22, 0, 1, 7, 0, 0]]), KeysError::Interval),
        (kemac(&[&named(&[])]), KeysError::Mki(0)),
        (kemac(&[&named(&[1; 17])]), KeysError::Mki(17)),
        (kemac(&[&key, &key]), KeysError::Ambiguous(2)),
        (kemac(&[&named(&[1]), &named(&[1])]), KeysError::Ambiguous(2)),
        (kemac(&[&named(&[1]), &named(&[1, 2])]), KeysError::Ambiguous(2)),
    ] {
        let message = Message::parse(&bytes).unwrap();
        assert_eq!(message.keys(), Err(expected));
        assert_eq!(written(&message), bytes);
    }
    let two = Message::parse(&kemac(&[&named(&[1]), &named(&[2])])).unwrap();
    assert_eq!(two.keys().map(|keys| keys.len()), Ok(2));
}

#[test]
fn what_cannot_be_read_is_named_with_its_place() {
    let header = |bytes: &[u8]| {
        let error = Message::parse(bytes).unwrap_err();
        (error.offset, error.fault)
    };
    let cut = |needed, available| Fault::CutShort { needed, available };
    assert_eq!(header(&[]), (0, cut(1, 0)));
    assert_eq!(header(&[2, 0, 0, 0, 0, 0, 0, 0, 0, 0]), (0, Fault::Version(2)));
    assert_eq!(header(&[1, 0, 0, 0, 0, 0, 0, 0, 0, 2]), (9, Fault::MapType(2)));
    assert_eq!(header(&[1, 0, 0, 0, 0, 0, 0, 0, 3, 1]), (8, Fault::EmptyMap(3)));
    assert_eq!(header(&[1, 0, 0, 0, 0, 0, 0, 0, 1, 0, 5, 1]), (11, cut(4, 1)));
    assert_eq!(
        header(&[0; MAX_MESSAGE + 1]),
        (0, Fault::TooLong { length: 4097 })
    );

    assert_eq!(faults(3, &[0, 0, 0]), (10, Fault::PayloadType(3)));
    assert_eq!(faults(TIMESTAMP, &[0, 3, 0]), (11, Fault::TimestampType(3)));
    assert_eq!(faults(RANDOM, &[0, 15]), (11, Fault::RandomTooShort(15)));
    assert_eq!(faults(RANDOM, &[0, 16, 1]), (12, cut(16, 1)));
    assert_eq!(faults(SECURITY_POLICY, &[0, 0, 0, 0, 2, 0, 1]), (17, cut(1, 0)));
    assert_eq!(faults(KEMAC, &[0, 0, 0, 9]), (14, cut(9, 0)));
    assert_eq!(faults(KEMAC, &[0, 0, 0, 2, 0, 0x40, 0]), (15, Fault::KeyType(4)));
    assert_eq!(
        faults(KEMAC, &[0, 0, 0, 2, 0, 0x23, 0]),
        (15, Fault::KeyValidity(3))
    );
    assert_eq!(
        faults(KEMAC, &[0, 0, 0, 4, 9, 0x20, 0, 0, 0]),
        (18, Fault::PayloadType(9))
    );
    assert_eq!(
        faults(KEMAC, &[0, 0, 0, 5, 0, 0x20, 0, 0, 7, 0]),
        (18, Fault::Behind(1))
    );
    assert_eq!(faults(KEMAC, &[0, 1, 0, 0, 2]), (14, Fault::MacAlgorithm(2)));
    let many = [[12, 0, 0, 0]; MAX_PAYLOADS + 1].concat();
    assert_eq!(faults(12, &many), (74, Fault::TooManyPayloads));

    let base64 = |text: &str| {
        Message::from_base64(text, &mut Reading::default())
            .unwrap_err()
            .fault
    };
    assert_eq!(base64("AQA!"), Fault::Base64);
    assert_eq!(base64(&"A".repeat(6000)), Fault::TooLong { length: 4500 });
}

#[test]
fn debug_and_errors_show_no_key() {
    for bytes in [gstreamer(), gortsplib(), milestone(), every_payload()] {
        let debug = format!("{:?}", Message::parse(&bytes).unwrap());
        for secret in ["160, 161", "192, 193", "224, 225", "96, 97", "112, 113"] {
            assert!(!debug.contains(secret), "{debug}");
        }
    }
}

#[test]
fn every_prefix_is_cut_short_and_no_change_is_a_panic() {
    for bytes in [gstreamer(), gortsplib(), every_payload()] {
        for end in 0..bytes.len() {
            let error = Message::parse(&bytes[..end]).unwrap_err();
            assert!(matches!(error.fault, Fault::CutShort { .. }), "{end}: {error}");
            assert!(error.offset <= end);
        }
        for place in 0..bytes.len() {
            for value in [0, 1, 2, 0x7f, 0x80, 0xff] {
                let mut changed = bytes.clone();
                changed[place] = value;
                if let Ok(message) = Message::parse(&changed) {
                    let _ = message.keys();
                    assert_eq!(Message::parse(&written(&message)), Ok(message));
                }
            }
        }
    }
}
