use throughline_rtsp::client::TunnelTarget;
use throughline_rtsp::tunnel::{
    Channel, HttpTunnel, MAX_HEAD_BYTES, Output, TunnelError, Upgrade, WebSocketUpgrade,
};
use throughline_rtsp::{Credentials, Method, Parsed, Request, parse};

use crate::input::says;

const PASSWORD: &str = "quietSesame";

/// The first connections, and one for each way to authenticate and each way to be too late with it.
const MAX_CONNECTS: usize = 20;

const MESSAGE: &[u8] = b"OPTIONS * RTSP/1.0\r\nCSeq: 1\r\n\r\n";

/// Whatever a server says by GET and POST, and however its bytes are cut, a tunnel does the same: it stands or fails for one
/// reason, asks with whole requests and shows no password. So does the handshake of a WebSocket.
///
/// The input is cut at each 0xff: what the server says on the first connection, on the second, ..
pub fn http_tunnel(data: &[u8]) {
    let answers: Vec<_> = data.split(|byte| *byte == 0xff).collect();
    let discreet = !says(data, PASSWORD);
    let whole = tunnel(&answers, discreet, usize::MAX);
    let size = data.first().map_or(1, |byte| usize::from(byte % 7) + 1);
    assert_eq!(tunnel(&answers, discreet, size), whole, "cut every {size} bytes");
    assert_eq!(
        websocket(&answers, discreet, size),
        websocket(&answers, discreet, usize::MAX),
        "cut every {size} bytes"
    );
}

/// What is seen of a tunnel from outside.
#[derive(Debug, Default, PartialEq)]
struct Seen {
    connects: Vec<Channel>,
    sent: Vec<Vec<u8>>,
    /// What is left of GET's bytes for the session.
    stream: Vec<u8>,
    opened: usize,
    failed: Option<TunnelError>,
}

fn target() -> TunnelTarget {
    TunnelTarget {
        path: "/cam".to_owned(),
        host: "192.0.2.1".to_owned(),
        credentials: Some(Credentials::new("viewer", PASSWORD)),
    }
}

fn tunnel(answers: &[&[u8]], discreet: bool, size: usize) -> Seen {
    let mut tunnel = HttpTunnel::new(target(), "fuzz/1", 1);
    let mut seen = Seen::default();
    let mut answers = answers.iter();
    tunnel.start();
    drain(&mut tunnel, &mut seen, discreet);
    let mut served = 0;
    while let (Some(channel), Some(answer)) = (seen.connects.get(served).copied(), answers.next()) {
        served += 1;
        let before = seen.connects.len();
        tunnel.handle_connected(channel);
        drain(&mut tunnel, &mut seen, discreet);
        if seen.opened > 0 {
            tunnel.send(MESSAGE);
            drain(&mut tunnel, &mut seen, discreet);
        }
        let mut unread = Vec::new();
        for piece in answer.chunks(size.min(answer.len()).max(1)) {
            // The connection was dropped for another.
            if seen.connects[before..].contains(&channel) {
                break;
            }
            unread.extend_from_slice(piece);
            let consumed = tunnel.receive(channel, &unread);
            unread.drain(..consumed);
            drain(&mut tunnel, &mut seen, discreet);
        }
        if channel == Channel::Get && seen.connects[before..].contains(&Channel::Post) {
            seen.stream = unread;
        } else {
            assert!(unread.len() < MAX_HEAD_BYTES, "it waits for more than a head");
        }
    }
    for channel in [Channel::Post, Channel::Get] {
        tunnel.handle_closed(channel);
    }
    drain(&mut tunnel, &mut seen, discreet);
    seen
}

fn drain(tunnel: &mut HttpTunnel, seen: &mut Seen, discreet: bool) {
    loop {
        let output = tunnel.poll_output();
        let shown = format!("{tunnel:?} {output:?}");
        assert!(!discreet || !shown.contains(PASSWORD));
        assert!(
            seen.failed.is_none() || output == Output::Idle,
            "{output:?} after the last"
        );
        match output {
            Output::Connect(channel) => {
                seen.connects.push(channel);
                assert!(seen.connects.len() <= MAX_CONNECTS, "it connects without end");
            }
            Output::Transmit { channel, bytes } => {
                if !bytes.starts_with(b"T1BUSU9OUyAq") {
                    is_one_request(channel, &bytes);
                }
                seen.sent.push(bytes.to_vec());
            }
            Output::Open => {
                seen.opened += 1;
                assert_eq!(seen.opened, 1);
            }
            Output::Failed(error) => {
                assert!(!discreet || !error.to_string().contains(PASSWORD));
                seen.failed = Some(error);
            }
            Output::Idle => return,
        }
    }
}

/// With RTSP's version in place of HTTP's, the session's parser knows a request.
fn is_one_request(channel: Channel, bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes).replacen("HTTP/1.", "RTSP/1.", 1);
    // POST's body is still to come, and WebSockets are of HTTP/1.1.
    let text = text
        .replace("Content-Length", "X-Length")
        .replacen("RTSP/1.1", "RTSP/1.0", 1);
    let method = Method::from(channel.to_string().as_str());
    match parse(text.as_bytes()) {
        Ok(Parsed::Message {
            consumed,
            message: throughline_rtsp::Message::Request(Request { method: said, .. }),
        }) if consumed == text.len() && said == method => {}
        other => unreachable!("{text} was sent, which is {other:?}"),
    }
}

/// How the handshake ends, and after how many requests.
fn websocket(answers: &[&[u8]], discreet: bool, size: usize) -> (usize, Result<Upgrade, TunnelError>) {
    let mut upgrade = WebSocketUpgrade::new(target(), "fuzz/1", 1);
    let mut last = Ok(Upgrade::Again);
    let mut requests = 0;
    let mut answers = answers.iter();
    while let (Ok(Upgrade::Again), Some(answer)) = (&last, answers.next()) {
        requests += 1;
        assert!(requests <= MAX_CONNECTS, "it asks without end");
        is_one_request(Channel::Get, &upgrade.request());
        last = Ok(Upgrade::Incomplete);
        let mut end = 0;
        while last == Ok(Upgrade::Incomplete) && end < answer.len() {
            end = end.saturating_add(size).min(answer.len());
            last = upgrade.receive(&answer[..end]);
        }
        if last == Ok(Upgrade::Incomplete) {
            last = upgrade.handle_closed();
        }
        assert!(!discreet || !format!("{upgrade:?} {last:?}").contains(PASSWORD));
    }
    (requests, last)
}
