//! The server's side of RTSP, as little of it as clients ask for.

use anyhow::Context as _;
use throughline_rtsp::headers::Transport;
use throughline_rtsp::{Message, Method, Parsed, Request, Response, StatusCode, parse};

const SESSION: &str = "12345678;timeout=60";

/// Takes the next request out of what was received, and what is before it: the client's reports.
pub fn next_request(received: &mut Vec<u8>) -> anyhow::Result<Option<Request>> {
    loop {
        let (consumed, request) = match parse(received)? {
            Parsed::Incomplete => return Ok(None),
            Parsed::Message {
                consumed,
                message: Message::Request(request),
            } => (consumed, Some(request)),
            Parsed::Message { consumed, .. }
            | Parsed::Interleaved { consumed, .. }
            | Parsed::Skipped { consumed } => (consumed, None),
        };
        received.drain(..consumed);
        if request.is_some() {
            return Ok(request);
        }
    }
}

/// The answer to a request. `set_up` says what becomes of the transport that SETUP asks for.
pub fn answer(
    request: &Request,
    description: &str,
    set_up: impl FnOnce(Transport) -> anyhow::Result<Transport>,
) -> anyhow::Result<Vec<u8>> {
    let mut response = Response::new(StatusCode::OK);
    let headers = &mut response.headers;
    if let Some(number) = request.headers.get("CSeq") {
        headers.append("CSeq", number);
    }
    match request.method {
        Method::Options => headers.append(
            "Public",
            "OPTIONS, DESCRIBE, SETUP, PLAY, TEARDOWN, GET_PARAMETER",
        ),
        Method::Describe => {
            headers.append("Content-Type", "application/sdp");
            headers.append("Content-Base", format!("{}/", request.uri.trim_end_matches('/')));
            response.body = description.to_owned().into();
        }
        Method::Setup => {
            let asked = request.headers.typed()?.context("SETUP without Transport")?;
            headers.append("Transport", set_up(asked)?.to_string());
            headers.append("Session", SESSION);
        }
        _ => headers.append("Session", SESSION),
    }
    let mut bytes = Vec::new();
    response.write(&mut bytes);
    Ok(bytes)
}
