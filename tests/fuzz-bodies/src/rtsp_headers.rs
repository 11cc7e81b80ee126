use throughline_rtsp::headers::{
    Authorization, CSeq, Public, Range, RtpInfo, Session, Transport, TypedHeader, WwwAuthenticate,
};

use crate::input::text;

/// What each header makes of a value is written so that it is read and written the same again.
pub fn rtsp_headers(data: &[u8]) {
    let value = text(data);
    is_stable::<Authorization>(&value);
    is_stable::<CSeq>(&value);
    is_stable::<Public>(&value);
    is_stable::<Range>(&value);
    is_stable::<RtpInfo>(&value);
    is_stable::<Session>(&value);
    is_stable::<Transport>(&value);
    is_stable::<WwwAuthenticate>(&value);
    if let Ok(alternatives) = Transport::parse_list(&value) {
        assert!(!alternatives.is_empty());
        let written = alternatives
            .iter()
            .map(ToString::to_string)
            .collect::<Vec<_>>()
            .join(",");
        assert_eq!(Transport::parse_list(&written), Ok(alternatives), "{written}");
    }
}

fn is_stable<H: TypedHeader>(value: &str) {
    match value.parse::<H>() {
        Ok(header) => {
            let written = header.to_string();
            let again = written.parse::<H>().map(|header| header.to_string());
            assert_eq!(again.as_ref(), Ok(&written), "{}: {value}", H::NAME);
        }
        Err(error) => assert!(error.offset <= value.len(), "{error}: {value}"),
    }
}
