use std::fmt::Write;

use bytes::{BufMut, Bytes};

use super::{Headers, Message, Request, Response};
use crate::headers::name;

impl Message {
    /// Appends the message to `out`, which is to be a buffer that grows, as it goes on the wire.
    pub fn write(&self, out: &mut impl BufMut) {
        match self {
            Self::Request(request) => request.write(out),
            Self::Response(response) => response.write(out),
        }
    }
}

impl Request {
    /// Appends the request to `out`, which is to be a buffer that grows, as it goes on the wire.
    pub fn write(&self, out: &mut impl BufMut) {
        let start = format!("{} {} RTSP/1.0", self.method, self.uri);
        write_message(start, &self.headers, &self.body, out);
    }
}

impl Response {
    /// Appends the response to `out`, which is to be a buffer that grows, as it goes on the wire.
    pub fn write(&self, out: &mut impl BufMut) {
        let start = format!("RTSP/1.0 {} {}", self.status, self.reason);
        write_message(start, &self.headers, &self.body, out);
    }
}

/// CSeq comes first, whatever the order in `headers`: some recorders answer 400 otherwise (Q96).
fn write_message(start: String, headers: &Headers, body: &Bytes, out: &mut impl BufMut) {
    let mut head = if start.contains(char::is_control) {
        start.replace(char::is_control, " ")
    } else {
        start
    };
    head.push_str("\r\n");
    let is_cseq = |name: &str| name == name::CSEQ;
    let cseq = headers.iter().filter(|(name, _)| is_cseq(name));
    let others = headers
        .iter()
        .filter(|(name, _)| !is_cseq(name) && *name != name::CONTENT_LENGTH);
    for (name, value) in cseq.chain(others) {
        let _ = write!(head, "{name}: {value}\r\n");
    }
    if !body.is_empty() {
        let _ = write!(head, "{}: {}\r\n", name::CONTENT_LENGTH, body.len());
    }
    head.push_str("\r\n");
    out.put_slice(head.as_bytes());
    out.put_slice(body);
}

/// Appends the four bytes that go before `len` bytes of RTP or RTCP on the RTSP connection
/// ([RFC 2326 §10.12](https://www.rfc-editor.org/rfc/rfc2326#section-10.12)).
pub fn write_interleaved_header(channel: u8, len: u16, out: &mut impl BufMut) {
    out.put_u8(b'$');
    out.put_u8(channel);
    out.put_u16(len);
}
