//! The preview's HTTP, through real sockets on loopback.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::net::SocketAddr;

use livekit_bridge::PassthroughEncoder;
use livekit_bridge::engine::preview::{MAX_VIEWERS, Preview, PreviewError};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

struct Answer {
    status: u16,
    head: String,
    body: String,
}

impl Answer {
    fn header(&self, name: &str) -> Option<&str> {
        self.head
            .lines()
            .filter_map(|line| line.split_once(": "))
            .find_map(|(key, value)| key.eq_ignore_ascii_case(name).then_some(value))
    }
}

async fn ask(address: SocketAddr, request: &str, headers: &str, body: &str) -> Answer {
    let mut stream = TcpStream::connect(address).await.unwrap();
    let length = body.len();
    let text =
        format!("{request} HTTP/1.1\r\n{headers}Content-Length: {length}\r\nConnection: close\r\n\r\n{body}");
    stream.write_all(text.as_bytes()).await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    let status = head.split(' ').nth(1).unwrap().parse().unwrap();
    Answer {
        status,
        head: head.to_owned(),
        body: body.to_owned(),
    }
}

async fn get(address: SocketAddr, path: &str) -> Answer {
    ask(
        address,
        &format!("GET {path}"),
        &format!("Host: {address}\r\n"),
        "",
    )
    .await
}

async fn offer(address: SocketAddr, sdp: &str) -> Answer {
    ask(
        address,
        "POST /whep",
        &format!("Host: {address}\r\nContent-Type: application/sdp\r\n"),
        sdp,
    )
    .await
}

async fn serving() -> (PassthroughEncoder, SocketAddr) {
    let preview = Preview::bind(([127, 0, 0, 1], 0).into()).await.unwrap();
    let address = preview.local_addr();
    assert_eq!(preview.url(), format!("http://{address}/"));
    preview
        .camera_status()
        .send_modify(|camera| camera.source.push_str("rtsp://camera/1"));
    (PassthroughEncoder::start(preview), address)
}

/// What a browser sends, cut down to what matters.
const OFFER: &str = "v=0\r\no=- 1 2 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\na=group:BUNDLE 0\r\n\
    m=video 9 UDP/TLS/RTP/SAVPF 102 103\r\nc=IN IP4 0.0.0.0\r\na=rtcp:9 IN IP4 0.0.0.0\r\n\
    a=ice-ufrag:aaaa\r\na=ice-pwd:aaaaaaaaaaaaaaaaaaaaaaaa\r\na=ice-options:trickle\r\n\
    a=fingerprint:sha-256 \
    00:11:22:33:44:55:66:77:88:99:AA:BB:CC:DD:EE:FF:00:11:22:33:44:55:66:77:88:99:AA:BB:CC:DD:EE:FF\r\n\
    a=setup:actpass\r\na=mid:0\r\na=recvonly\r\na=rtcp-mux\r\na=rtpmap:102 H264/90000\r\n\
    a=rtcp-fb:102 nack\r\na=rtcp-fb:102 nack pli\r\n\
    a=fmtp:102 level-asymmetry-allowed=1;packetization-mode=1;profile-level-id=42e01f\r\n\
    a=rtpmap:103 rtx/90000\r\na=fmtp:103 apt=102\r\n";

#[tokio::test]
async fn the_page_needs_nothing_from_elsewhere() {
    let (_encoder, address) = serving().await;
    let page = get(address, "/").await;
    assert_eq!(
        (page.status, page.header("content-type")),
        (200, Some("text/html; charset=utf-8"))
    );
    assert!(
        page.header("content-security-policy")
            .unwrap()
            .starts_with("default-src 'none'")
    );
    assert!(page.body.contains("LIVEKIT_URL"));
    assert!(
        !page.body.contains("http://") && !page.body.contains("https://"),
        "an external resource"
    );
    let icon = get(address, "/favicon.ico").await;
    assert_eq!(
        (icon.status, icon.header("content-type")),
        (200, Some("image/svg+xml"))
    );
    assert_eq!(get(address, "/other").await.status, 404);
}

#[tokio::test]
async fn the_status_is_json_with_the_camera_in_it() {
    let (_encoder, address) = serving().await;
    let status = get(address, "/api/status").await;
    let json: serde_json::Value = serde_json::from_str(&status.body).unwrap();
    assert_eq!(json["camera"]["source"], "rtsp://camera/1");
    assert_eq!(json["video"], serde_json::Value::Null);
    assert_eq!(json["encoder"]["queued"], 0);
}

#[tokio::test]
async fn only_requests_for_this_machine_by_address_are_answered() {
    let (_encoder, address) = serving().await;
    let port = address.port();
    for host in [
        format!("localhost:{port}"),
        format!("127.0.0.1:{port}"),
        format!("[::1]:{port}"),
        "LOCALHOST".into(),
    ] {
        assert_eq!(
            ask(address, "GET /", &format!("Host: {host}\r\n"), "")
                .await
                .status,
            200,
            "{host}"
        );
    }
    for host in [
        "evil.example",
        "localhost.evil.example",
        "192.0.2.1:80",
        "",
        "127.0.0.1.evil.example",
    ] {
        assert_eq!(
            ask(address, "GET /", &format!("Host: {host}\r\n"), "")
                .await
                .status,
            421,
            "{host}"
        );
    }
}

#[tokio::test]
async fn an_offer_is_answered_with_a_location_that_ends_the_viewer() {
    let (encoder, address) = serving().await;
    let answer = offer(address, OFFER).await;
    assert_eq!(
        (answer.status, answer.header("content-type")),
        (201, Some("application/sdp"))
    );
    assert!(
        answer.body.contains("a=sendonly") && answer.body.contains("a=candidate"),
        "{}",
        answer.body
    );
    let location = answer.header("location").unwrap().to_owned();
    assert_eq!(encoder.stats().viewers, Some(1));

    let host = format!("Host: {address}\r\n");
    assert_eq!(
        ask(address, &format!("DELETE {location}"), &host, "")
            .await
            .status,
        200
    );
    while encoder.stats().viewers != Some(0) {
        tokio::task::yield_now().await;
    }
    assert_eq!(
        ask(address, &format!("DELETE {location}"), &host, "")
            .await
            .status,
        404
    );
}

#[tokio::test]
async fn bad_offers_and_too_many_viewers_are_refused_with_a_reason() {
    let (_encoder, address) = serving().await;
    let host = format!("Host: {address}\r\n");
    assert_eq!(ask(address, "POST /whep", &host, OFFER).await.status, 415);
    assert_eq!(offer(address, "not an offer").await.status, 400);
    assert_eq!(offer(address, &OFFER.replace("H264", "VP8")).await.status, 400);
    assert_eq!(offer(address, &"a".repeat(100_000)).await.status, 413);
    for _ in 0..MAX_VIEWERS {
        assert_eq!(offer(address, OFFER).await.status, 201);
    }
    let refused = offer(address, OFFER).await;
    assert_eq!(
        (refused.status, refused.body.as_str()),
        (503, "too many viewers\n")
    );
}

#[tokio::test]
async fn a_port_in_use_is_a_typed_error() {
    let (_encoder, address) = serving().await;
    let error = Preview::bind(address).await.unwrap_err();
    assert!(matches!(error, PreviewError::InUse { address: taken } if taken == address));
}

#[tokio::test]
async fn closing_frees_the_port_at_once() {
    let (encoder, address) = serving().await;
    assert_eq!(offer(address, OFFER).await.status, 201);
    encoder.close().await.unwrap();
    Preview::bind(address).await.unwrap();
}
