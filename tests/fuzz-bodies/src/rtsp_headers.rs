use throughline_rtsp::headers::{
    AuthenticationInfo, Authorization, CSeq, ContentBase, ContentLocation, KeyMgmt, Public, Range,
    RetryAfter, RtpInfo, Session, Transport, TypedHeader, WwwAuthenticate,
};
use throughline_rtsp::{Policy, Reading};

use crate::input::text;

/// What each header makes of a value is written so that it is read and written the same again; and what is read without
/// leniency is read the same with it. Each line of the input is a value.
pub fn rtsp_headers(data: &[u8]) {
    for line in data.split(|byte| *byte == b'\n') {
        let value = text(line);
        check::<AuthenticationInfo>(&value);
        check::<Authorization>(&value);
        check::<CSeq>(&value);
        check::<ContentBase>(&value);
        check::<ContentLocation>(&value);
        check::<KeyMgmt>(&value);
        check::<Public>(&value);
        check::<Range>(&value);
        check::<RetryAfter>(&value);
        check::<RtpInfo>(&value);
        check::<Session>(&value);
        check::<Transport>(&value);
        check::<WwwAuthenticate>(&value);
        offers(&value);
    }
}

fn check<H: TypedHeader>(value: &str) {
    let mut lenient = Reading::default();
    let read = H::read(value, &mut lenient);
    match &read {
        Ok(header) => {
            let written = header.to_string();
            let again = written.parse::<H>().map(|header| header.to_string());
            assert_eq!(again.as_ref(), Ok(&written), "{}: {value}", H::NAME);
        }
        Err(error) => assert!(error.offset <= value.len(), "{error}: {value}"),
    }
    let strict = H::read(value, &mut Reading::new(Policy::strict()));
    match (read, strict) {
        (Ok(read), Ok(strict)) if lenient.tolerated().is_empty() => {
            assert_eq!(read.to_string(), strict.to_string(), "{value}");
        }
        (Ok(_), Err(error)) => assert!(!lenient.tolerated().is_empty(), "{error}: {value}"),
        (Err(error), Ok(_)) => unreachable!("{error} only with leniency: {value}"),
        _ => {}
    }
}

fn offers(value: &str) {
    let Ok(offers) = Transport::parse_list(value) else {
        return;
    };
    assert!(!offers.is_empty());
    let written: Vec<_> = offers.iter().map(ToString::to_string).collect();
    let written = written.join(",");
    assert_eq!(Transport::parse_list(&written), Ok(offers), "{written}");
}
