//! RTSP in a WebSocket over loopback.

use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use futures_util::{SinkExt, StreamExt};
use throughline_ingest::{Config, Error, Retry, TunnelError};
use throughline_rtsp::Credentials;
use throughline_rtsp::auth::Verifier;
use tokio::io::{AsyncReadExt, AsyncWriteExt, duplex};
use tokio::net::TcpStream;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::handshake::derive_accept_key;
use tokio_tungstenite::tungstenite::protocol::Role;

use crate::http::{Head, verifier};
use crate::loopback::{
    expect_closed, expect_pictures, expect_pictures_again, failure, listen, serve_one, silent,
};
use crate::peer::{Peer, Script};

/// How a server with a WebSocket behaves.
#[derive(Clone, Debug)]
struct Server {
    /// The one subprotocol that it knows.
    subprotocol: &'static str,
    /// Whether it names the subprotocol in its answer.
    names_it: NamesIt,
    /// How the upgrade is protected.
    verifier: Option<Arc<Mutex<Verifier>>>,
    script: Script,
    /// Sent before each message of the server.
    interlude: Vec<Message>,
    heard: Arc<Mutex<Heard>>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum NamesIt {
    Yes,
    No,
}

/// What a server got.
#[derive(Debug, Default)]
struct Heard {
    /// Target, subprotocol and status of each answer.
    upgrades: Vec<(String, String, u16)>,
    /// The RTSP requests inside.
    inside: String,
}

impl Default for Server {
    fn default() -> Self {
        Server {
            subprotocol: "rtsp.onvif.org",
            names_it: NamesIt::Yes,
            verifier: None,
            script: Script::default(),
            interlude: Vec::new(),
            heard: Arc::default(),
        }
    }
}

impl Server {
    fn judge(&self, head: &Head) -> Result<(), String> {
        if let Some(verifier) = &self.verifier {
            head.verify(verifier)?;
        }
        if head.field("Sec-WebSocket-Protocol") == self.subprotocol {
            Ok(())
        } else {
            Err("HTTP/1.1 400 Bad Request\r\n\r\n".to_owned())
        }
    }

    async fn serve(self, mut stream: TcpStream) -> io::Result<()> {
        let head = Head::read(&mut stream).await?;
        assert_eq!(
            (head.line[0].as_str(), head.line[2].as_str()),
            ("GET", "HTTP/1.1")
        );
        let judged = self.judge(&head);
        let answer = judged.clone().err().unwrap_or_else(|| {
            let accept = derive_accept_key(head.field("Sec-WebSocket-Key").as_bytes());
            let named = match self.names_it {
                NamesIt::Yes => format!("Sec-WebSocket-Protocol: {}\r\n", self.subprotocol),
                NamesIt::No => String::new(),
            };
            format!(
                "HTTP/1.1 101 Switching Protocols\r\nupgrade: WebSocket\r\nConnection: keep-alive, upgrade\r\n\
                 Sec-WebSocket-Accept: {accept}\r\n{named}\r\n"
            )
        });
        let status = answer[9..12].parse().expect("a status");
        self.heard.lock().expect("a lock").upgrades.push((
            head.line[1].clone(),
            head.field("Sec-WebSocket-Protocol").to_owned(),
            status,
        ));
        stream.write_all(answer.as_bytes()).await?;
        if judged.is_err() {
            return Ok(());
        }
        let socket = WebSocketStream::from_raw_socket(stream, Role::Server, None).await;
        self.carry(socket).await
    }

    /// Between the WebSocket and the RTSP server behind it.
    async fn carry(self, mut socket: WebSocketStream<TcpStream>) -> io::Result<()> {
        let (mut near, far) = duplex(64 * 1024);
        let script = self.script.clone();
        let served = tokio::spawn(async move { serve_one(far, &mut Peer::new(script)).await });
        let mut buffer = vec![0; 32 * 1024];
        loop {
            tokio::select! {
                message = socket.next() => match message {
                    Some(Ok(Message::Binary(bytes))) => {
                        let text = String::from_utf8_lossy(&bytes).into_owned();
                        self.heard.lock().expect("a lock").inside += &text;
                        near.write_all(&bytes).await?;
                    }
                    Some(Ok(Message::Pong(_))) => {}
                    _ => break,
                },
                read = near.read(&mut buffer) => {
                    for message in &self.interlude {
                        socket.send(message.clone()).await.map_err(io::Error::other)?;
                    }
                    let bytes = buffer[..read?].to_vec();
                    if bytes.is_empty() {
                        break;
                    }
                    socket.send(Message::Binary(bytes.into())).await.map_err(io::Error::other)?;
                }
            }
        }
        drop(near);
        served.await.expect("no panic")
    }

    async fn start(&self) -> SocketAddr {
        let server = self.clone();
        listen(move |stream| server.clone().serve(stream)).await
    }

    fn upgrades(&self) -> Vec<(String, String, u16)> {
        self.heard.lock().expect("a lock").upgrades.clone()
    }
}

fn config(at: SocketAddr) -> Config {
    let mut config = Config::parse(&format!("rtsp+ws://admin:secret@{at}/cam?channel=1")).expect("a URL");
    config.retry = Retry::Never;
    config
}

fn upgrade(target: &str, subprotocol: &str, status: u16) -> (String, String, u16) {
    (target.to_owned(), subprotocol.to_owned(), status)
}

#[tokio::test]
async fn pictures_come_in_binary_messages() {
    let server = Server::default();
    expect_pictures(config(server.start().await)).await;
    assert_eq!(
        server.upgrades(),
        [upgrade("/cam?channel=1", "rtsp.onvif.org", 101)]
    );
    let heard = server.heard.lock().expect("a lock");
    assert!(
        heard.inside.starts_with("DESCRIBE rtsp://127.0.0.1:"),
        "{}",
        heard.inside
    );
    assert!(heard.inside.contains("TEARDOWN"), "{}", heard.inside);
}

#[tokio::test]
async fn q116_axis_wants_binary_and_digest_on_the_upgrade_and_none_inside() {
    let server = Server {
        subprotocol: "binary",
        verifier: Some(verifier()),
        ..Server::default()
    };
    let mut config = config(server.start().await);
    config.tunnel_path = Some("/rtsp-over-websocket".to_owned());
    expect_pictures(config).await;
    let path = "/rtsp-over-websocket";
    assert_eq!(
        server.upgrades(),
        [
            upgrade(path, "rtsp.onvif.org", 401),
            upgrade(path, "rtsp.onvif.org", 400),
            upgrade(path, "binary", 101)
        ]
    );
    let heard = server.heard.lock().expect("a lock");
    assert!(
        heard.inside.contains("rtsp://127.0.0.1") && heard.inside.contains("/cam?channel=1"),
        "{}",
        heard.inside
    );
    assert!(!heard.inside.contains("Authorization"), "{}", heard.inside);
}

#[tokio::test]
async fn q116_dahua_wants_no_credentials_on_the_upgrade_and_digest_inside() {
    let server = Server {
        // It need not say which subprotocol it took.
        names_it: NamesIt::No,
        script: Script {
            protected_by: Some("401 Unauthorized\r\nWWW-Authenticate: Digest realm=\"camera\", nonce=\"1\""),
            ..Script::default()
        },
        ..Server::default()
    };
    expect_pictures(config(server.start().await)).await;
    assert_eq!(server.upgrades().len(), 1);
    let heard = server.heard.lock().expect("a lock");
    assert!(heard.inside.contains("Authorization: Digest"), "{}", heard.inside);
}

#[tokio::test]
async fn refused_credentials_are_tried_once_and_never_again() {
    let server = Server {
        verifier: Some(verifier()),
        ..Server::default()
    };
    let at = server.start().await;
    let mut config = config(at);
    config.retry = Retry::Forever;
    config.credentials = Some(Credentials::new("admin", "wrong"));
    let error = failure(config.clone()).await;
    assert!(
        matches!(
            &error,
            Error::Tunnel {
                cause: TunnelError::CredentialsRefused { .. },
                ..
            }
        ),
        "{error}"
    );
    assert!(
        error.is_configuration() && server.upgrades().len() == 2,
        "{:?}",
        server.upgrades()
    );
    assert!(!format!("{error} {error:?}").contains("wrong"), "{error:?}");

    config.credentials = None;
    let error = failure(config).await;
    assert!(error.to_string().contains("none were given"), "{error}");
}

#[tokio::test]
async fn pings_and_empty_messages_between_pictures_do_no_harm() {
    let server = Server {
        interlude: vec![
            Message::Ping(vec![7; 125].into()),
            Message::Binary(Vec::new().into()),
            Message::Pong(Vec::new().into()),
        ],
        ..Server::default()
    };
    expect_pictures(config(server.start().await)).await;
}

#[tokio::test]
async fn a_text_message_is_an_error_that_says_so() {
    let server = Server {
        interlude: vec![Message::Text("RTSP/1.0 200 OK".into())],
        ..Server::default()
    };
    let error = failure(config(server.start().await)).await;
    assert!(
        matches!(&error, Error::ConnectionLost { .. }) && error.to_string().contains("text"),
        "{error}"
    );
}

#[tokio::test]
async fn a_message_beyond_the_limit_is_an_error_that_says_so() {
    let server = Server {
        interlude: vec![Message::Binary(vec![b'x'; 1024 * 1024 + 1].into())],
        ..Server::default()
    };
    let error = failure(config(server.start().await)).await;
    assert!(
        matches!(&error, Error::ConnectionLost { .. }) && error.to_string().contains("1048576"),
        "{error}"
    );
}

/// A server that answers the request for the upgrade with `bytes`, and then again and again with `more`.
async fn answering(bytes: &'static [u8], more: &'static [u8]) -> SocketAddr {
    listen(move |mut stream| async move {
        Head::read(&mut stream).await?;
        stream.write_all(bytes).await?;
        while !more.is_empty() {
            stream.write_all(more).await?;
        }
        Ok(())
    })
    .await
}

#[tokio::test]
async fn what_is_no_answer_to_the_upgrade_is_told_apart() {
    let cases: [(&[u8], &[u8], &str); 7] = [
        (b"HTTP/1.1 404 Not Found\r\n\r\n", b"", "404"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", b"", "200"),
        (b"RTSP/1.0 400 Bad Request\r\n\r\n", b"", "no HTTP status line"),
        (
            b"HTTP/1.1 101 Switching Protocols\r\n\r\n",
            b"",
            "Sec-WebSocket-Key",
        ),
        (
            b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nSec-WebSocket-Accept: AAAA\r\n\r\n",
            b"",
            "Sec-WebSocket-Key",
        ),
        (b"HTTP/1.1 200 OK\r\n", b"X: y\r\n", "more than 8192 bytes"),
        (b"", b"", "was closed"),
    ];
    for (bytes, more, expected) in cases {
        let error = failure(config(answering(bytes, more).await)).await;
        assert!(
            matches!(&error, Error::Tunnel { .. }) && error.to_string().contains(expected),
            "{error} for {expected}"
        );
        assert!(!error.is_configuration());
    }
}

#[tokio::test]
async fn silence_is_over_in_its_time_before_the_upgrade_and_after_it() {
    let mut config = config(silent().await);
    let limit = Duration::from_millis(200);
    config.timeouts.tunnel = limit;
    let error = failure(config).await;
    assert!(
        matches!(error, Error::TunnelTimeout { waited, .. } if waited == limit),
        "{error}"
    );

    let upgraded = listen(|mut stream| async move {
        let head = Head::read(&mut stream).await?;
        let accept = derive_accept_key(head.field("Sec-WebSocket-Key").as_bytes());
        let answer =
            format!("HTTP/1.1 101 X\r\nUpgrade: websocket\r\nSec-WebSocket-Accept: {accept}\r\n\r\n");
        stream.write_all(answer.as_bytes()).await?;
        stream.read_to_end(&mut Vec::new()).await.map(|_| ())
    })
    .await;
    let mut config = self::config(upgraded);
    config.timeouts.describe = limit;
    let error = failure(config).await;
    assert!(error.to_string().contains("DESCRIBE"), "{error}");
}

#[tokio::test]
async fn a_camera_that_hangs_up_without_a_word_of_websocket_has_closed() {
    let at = listen(|mut stream| async move {
        let head = Head::read(&mut stream).await?;
        let accept = derive_accept_key(head.field("Sec-WebSocket-Key").as_bytes());
        let answer =
            format!("HTTP/1.1 101 X\r\nUpgrade: websocket\r\nSec-WebSocket-Accept: {accept}\r\n\r\n");
        stream.write_all(answer.as_bytes()).await?;
        stream.read(&mut [0; 2048]).await.map(drop)
    })
    .await;
    expect_closed(config(at)).await;
}

#[tokio::test]
async fn the_stream_goes_on_after_the_websocket_was_closed() {
    let server = Server {
        script: Script {
            bye_after: Some(40),
            ..Script::default()
        },
        ..Server::default()
    };
    expect_pictures_again(config(server.start().await)).await;
}
