use bytes::BytesMut;
use throughline_rtsp::Response;

use super::{Quirk, Quirks};

/// Appends the response to `out`, with what only the written bytes can have.
pub(crate) fn write(quirks: Quirks, response: &Response, out: &mut BytesMut) {
    if quirks.is_empty() {
        return response.write(out);
    }
    let mut bytes = Vec::new();
    response.write(&mut bytes);
    let head_length = bytes.len() - response.body.len();
    let (head, body) = bytes.split_at(head_length);
    // What a message is written from is text.
    let mut head = String::from_utf8_lossy(head).into_owned();
    for quirk in quirks.iter() {
        head = match quirk {
            Quirk::LowerCaseHeaders => fields(&head, |_, name, value| {
                format!("{}: {value}", name.to_ascii_lowercase())
            }),
            Quirk::NoReasonPhrase => head.replacen(" \r\n", "\r\n", 1),
            Quirk::OddColons => fields(&head, |number, name, value| {
                let colon = if number % 2 == 0 { ":" } else { ":   " };
                format!("{name}{colon}{value}")
            })
            .replacen("\r\n", "\r\nX-Empty:\r\n", 1),
            _ => head,
        };
    }
    out.extend_from_slice(head.as_bytes());
    out.extend_from_slice(body);
}

/// Rewrites each header from its place, name and value.
fn fields(head: &str, write: impl Fn(usize, &str, &str) -> String) -> String {
    head.split("\r\n")
        .enumerate()
        .map(|(number, line)| match line.split_once(':') {
            Some((name, value)) if number > 0 => write(number, name, value.trim_start()),
            _ => line.to_owned(),
        })
        .collect::<Vec<_>>()
        .join("\r\n")
}

#[cfg(test)]
mod tests {
    use super::*;
    use throughline_rtsp::StatusCode;

    fn written(quirk: Quirk) -> String {
        let mut response = Response::new(StatusCode::OK);
        response.headers.set("CSeq", "3");
        response.headers.set("Session", "7");
        response.body = "v=0\r\na: b".into();
        if quirk == Quirk::NoReasonPhrase {
            response.reason.clear();
        }
        let mut out = BytesMut::new();
        write([quirk].into_iter().collect(), &response, &mut out);
        String::from_utf8(out.to_vec()).unwrap()
    }

    #[test]
    fn heads_are_bent_and_bodies_left_alone() {
        let body = "Content-Length: 9\r\n\r\nv=0\r\na: b";
        assert_eq!(
            written(Quirk::NoMarker),
            format!("RTSP/1.0 200 OK\r\nCSeq: 3\r\nSession: 7\r\n{body}")
        );
        assert_eq!(
            written(Quirk::NoReasonPhrase),
            format!("RTSP/1.0 200\r\nCSeq: 3\r\nSession: 7\r\n{body}")
        );
        assert_eq!(
            written(Quirk::LowerCaseHeaders),
            "RTSP/1.0 200 OK\r\ncseq: 3\r\nsession: 7\r\ncontent-length: 9\r\n\r\nv=0\r\na: b"
        );
        assert_eq!(
            written(Quirk::OddColons),
            "RTSP/1.0 200 OK\r\nX-Empty:\r\nCSeq:   3\r\nSession:7\r\nContent-Length:   9\r\n\r\nv=0\r\na: b"
        );
    }
}
