use std::fmt::Debug;

use throughline_sdp::{
    Crypto, Direction, FrameSize, Group, KeyManagement, MediaClock, MediaDescription, ParseError, Policy,
    Range, ReferenceClock, Rtcp, RtcpFeedback, SessionDescription, SourceFilter, Tolerance, TypedAttribute,
};

/// What is read leniently is read strictly up to the first tolerance, and is written so that it reads the same.
pub fn sdp(data: &[u8]) {
    let strict = SessionDescription::parse_with(data, &Policy::strict());
    let Ok(description) = SessionDescription::parse(data) else {
        assert!(strict.is_err());
        return;
    };
    match description.tolerated().first() {
        None => {
            assert_eq!(description.to_string().as_bytes(), data);
            assert_eq!(strict.as_ref(), Ok(&description));
        }
        Some(used) => {
            let refused = ParseError::NotTolerated {
                tolerance: used.tolerance,
                line: used.line,
            };
            assert_eq!(strict, Err(refused));
        }
    }
    // Each tolerance is refused by itself too; the last one stands for all.
    if let Some(last) = description.tolerated().last() {
        let first = description
            .tolerated()
            .iter()
            .find(|used| used.tolerance == last.tolerance);
        let refused = SessionDescription::parse_with(data, &Policy::default().refuse(last.tolerance));
        let line = first.map_or(0, |used| used.line);
        assert_eq!(
            refused,
            Err(ParseError::NotTolerated {
                tolerance: last.tolerance,
                line
            })
        );
    }

    check_notes(&description);
    let written = description.to_string();
    let again = SessionDescription::parse(written.as_bytes());
    assert_eq!(again.as_ref().map(ToString::to_string), Ok(written));
    assert_eq!(again.as_ref().map(facts), Ok(facts(&description)));
    assert!(again.is_ok_and(|again| again.tolerated().len() <= description.tolerated().len()));
}

/// Everything that a caller can ask for.
fn facts(description: &SessionDescription) -> Vec<String> {
    let mut facts = vec![format!(
        "{:?} {:?} {:?} {:?} {:?}",
        description.origin(),
        description.session_name(),
        description.connection(),
        description.timing(),
        description.control(),
    )];
    facts.extend(description.attributes().map(|attribute| format!("{attribute:?}")));
    facts.extend(typed(description.typed::<Range>()));
    facts.extend(typed(description.typed::<Group>()));
    facts.extend(typed(description.typed::<KeyManagement>()));
    facts.extend(typed(description.typed::<ReferenceClock>()));
    facts.extend(typed(description.typed::<MediaClock>()));
    facts.extend(typed(description.typed::<SourceFilter>()));
    for media in description.media() {
        facts.push(format!(
            "{} {} {} {:?} {:?} {:?} {:?}",
            media.kind(),
            media.port(),
            media.protocol(),
            media.connection(),
            media.control(),
            media.frame_rate(),
            media.direction(),
        ));
        assert!(media.formats().count() <= 128);
        facts.extend(typed(media.typed::<Range>()));
        facts.extend(typed(media.typed::<Crypto>()));
        facts.extend(typed(media.typed::<FrameSize>()));
        facts.extend(typed(media.typed::<Rtcp>()));
        facts.extend(typed(media.typed::<RtcpFeedback>()));
        facts.push(format!("{:?} {}", media.mid(), media.multiplexes_rtcp()));
        facts.extend(media.formats().map(|format| {
            let parameters = format.fmtp.map(|fmtp| fmtp.iter().collect::<Vec<_>>());
            let pli = media.supports_feedback(format.payload_type, "nack pli");
            let encoding = format.fmtp_encoding();
            format!("{format:?} {parameters:?} {pli} {encoding:?}")
        }));
    }
    facts
}

/// Each is written so that it reads the same.
fn typed<T: TypedAttribute + Debug + PartialEq>(values: impl Iterator<Item = T>) -> Vec<String> {
    values
        .map(|value| {
            assert_eq!(T::parse(&value.to_string()).as_ref(), Some(&value));
            format!("{value:?}")
        })
        .collect()
}

/// Whatever is sent but by no backchannel is noted.
fn check_notes(description: &SessionDescription) {
    let count = |tolerance| {
        let used = description.tolerated().iter();
        used.filter(|used| used.tolerance == tolerance).count()
    };
    let is_sent = |media: &&MediaDescription| media.direction() == Direction::SendOnly;
    let from_camera = description.media().iter().filter(is_sent);
    assert_eq!(
        from_camera.filter(|media| !media.is_backchannel()).count(),
        count(Tolerance::SenderSide)
    );
}
