//! What holds for any bytes: reading never panics, and what was read is written so that it reads the same.

use std::fmt::Debug;

use throughline_sdp::{
    Crypto, FrameSize, Group, KeyManagement, MediaClock, ParseError, Policy, Range, ReferenceClock, Rtcp,
    RtcpFeedback, SessionDescription, SourceFilter, TypedAttribute,
};

use crate::fixtures::FIXTURES;

/// All that a caller can ask, so that no view is left out of the tests with damaged input.
fn views(description: &SessionDescription) -> Vec<String> {
    let mut views = vec![
        format!(
            "{:?} {:?} {:?}",
            description.origin(),
            description.session_name(),
            description.connection()
        ),
        format!(
            "{:?} {:?}",
            description.timing(),
            description.bandwidths().collect::<Vec<_>>()
        ),
        format!("{:?}", description.attributes().collect::<Vec<_>>()),
    ];
    views.push(format!(
        "{:?} {:?} {:?} {:?}",
        written(description.typed::<Range>()),
        written(description.typed::<Group>()),
        written(description.typed::<KeyManagement>()),
        written(description.typed::<ReferenceClock>()),
    ));
    views.extend(description.media().iter().map(|media| {
        format!(
            "{:?} {:?} {:?} {:?} {:?} {:?} {:?} {:?} {} {}",
            written(media.typed::<Crypto>()),
            written(media.typed::<FrameSize>()),
            written(media.typed::<MediaClock>()),
            written(media.typed::<Range>()),
            written(media.typed::<Rtcp>()),
            written(media.typed::<RtcpFeedback>()),
            written(media.typed::<SourceFilter>()),
            media.mid(),
            media.multiplexes_rtcp(),
            media.is_backchannel(),
        )
    }));
    views.extend(description.media().iter().map(|media| {
        format!(
            "{} {} {} {:?} {:?} {:?} {:?} {} {:?} {:?}",
            media.kind(),
            media.port(),
            media.protocol(),
            media.connection(),
            media.control(),
            media.frame_rate(),
            media.direction(),
            media.supports_feedback(96, "nack pli"),
            media.bandwidths().collect::<Vec<_>>(),
            media
                .formats()
                .map(|format| (format, format.fmtp.map(|fmtp| fmtp.iter().collect::<Vec<_>>())))
                .collect::<Vec<_>>(),
        )
    }));
    views
}

/// Each is written so that it reads the same.
fn written<T: TypedAttribute + Debug + PartialEq>(values: impl Iterator<Item = T>) -> Vec<String> {
    values
        .map(|value| {
            assert_eq!(T::parse(&value.to_string()).as_ref(), Some(&value));
            format!("{value:?}")
        })
        .collect()
}

/// Whatever was read is written so that it reads the same.
#[expect(
    clippy::unwrap_used,
    reason = "the test ends here where writing broke what was read"
)]
fn assert_round_trip(description: &SessionDescription) {
    let written = description.to_string();
    let again = SessionDescription::parse(written.as_bytes()).unwrap();
    assert_eq!(again.to_string(), written);
    assert_eq!(views(&again), views(description));
    assert!(again.tolerated().len() <= description.tolerated().len());
}

#[test]
fn every_fixture_survives_writing_and_reading() {
    for (_, bytes) in FIXTURES {
        assert_round_trip(&SessionDescription::parse(bytes).unwrap());
    }
}

#[test]
fn well_formed_fixtures_are_written_byte_for_byte() {
    for (name, bytes) in FIXTURES {
        let description = SessionDescription::parse(bytes).unwrap();
        let strict = SessionDescription::parse_with(bytes, &Policy::strict());
        assert_eq!(strict.is_ok(), description.tolerated().is_empty(), "{name}");
        if strict.is_ok() {
            assert_eq!(description.to_string().as_bytes(), *bytes, "{name}");
        }
    }
}

#[test]
fn truncated_fixtures_never_panic() {
    for (_, bytes) in FIXTURES {
        for end in 0..bytes.len() {
            check(&bytes[..end], end);
        }
    }
}

#[test]
fn damaged_fixtures_never_panic() {
    for (_, bytes) in FIXTURES {
        for (offset, byte) in bytes.iter().enumerate() {
            let flips = [byte ^ 0x01, byte ^ 0x10, byte ^ 0x80];
            let damage = [&[0, b'\n', b'\r', b' ', b'=', b':', b'/', 0xff], flips.as_slice()].concat();
            let mut damaged = bytes.to_vec();
            damaged[offset] = damage[offset % damage.len()];
            check(&damaged, offset);
        }
    }
}

/// Reads, strictly too, and makes a round trip now and then: one of 23 meets each kind of damage and takes no
/// minutes.
fn check(bytes: &[u8], turn: usize) {
    let Ok(description) = SessionDescription::parse(bytes) else {
        return;
    };
    let refused = SessionDescription::parse_with(bytes, &Policy::strict()).err();
    let first_used = description.tolerated().first();
    let expected = first_used.map(|used| ParseError::NotTolerated {
        tolerance: used.tolerance,
        line: used.line,
    });
    assert_eq!(refused, expected);
    if turn % 23 == 0 {
        assert_round_trip(&description);
    }
}
