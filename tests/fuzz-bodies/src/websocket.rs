use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

use throughline_ingest::{CameraStream, Config, Retry};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::runtime::{Builder, Runtime};
use tokio_tungstenite::tungstenite::handshake::derive_accept_key;

use crate::input::Input;

/// Beyond all that one input can make of a camera that never waits.
const LIMIT: Duration = Duration::from_secs(20);

/// What the server's end of a WebSocket says: an answer to the upgrade of its own making, or the right one and frames behind it.
/// The camera comes to an end with it, after as many connections as it asks for, and tells no password.
///
/// The first byte says which, the second in pieces of how many bytes; the rest is what is said on each connection.
pub fn websocket(data: &[u8]) {
    thread_local! {
        static RUNTIME: Runtime = Builder::new_current_thread().enable_all().build().unwrap_or_else(|error| unreachable!("{error}"));
    }
    let mut input = Input::new(data);
    let opening = if input.u8().is_multiple_of(2) {
        Opening::Right
    } else {
        Opening::Own
    };
    let piece = usize::from(input.u8()) + 1;
    let said = input.bytes(usize::MAX).to_vec();
    RUNTIME.with(|runtime| {
        runtime.block_on(async {
            let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))
                .await
                .unwrap_or_else(|error| unreachable!("{error}"));
            let at = listener
                .local_addr()
                .unwrap_or_else(|error| unreachable!("{error}"));
            let watched = tokio::time::timeout(LIMIT, watch(at));
            tokio::select! {
                watched = watched => assert!(watched.is_ok(), "the camera comes to no end"),
                () = serve(listener, opening, piece, said) => {}
            }
        });
    });
}

#[derive(Clone, Copy)]
enum Opening {
    Right,
    Own,
}

async fn watch(at: SocketAddr) {
    let mut config = Config::parse(&format!("rtsp+ws://viewer:hunterTwo@{at}/cam"))
        .unwrap_or_else(|error| unreachable!("{error}"));
    config.retry = Retry::Never;
    let mut camera = CameraStream::open(config);
    while let Some(item) = camera.next().await {
        let shown = format!("{item:?}");
        assert!(!shown.contains("hunterTwo"), "{shown}");
        assert!(
            item.is_ok() || camera.next().await.is_none(),
            "an item behind the error"
        );
    }
}

async fn serve(listener: TcpListener, opening: Opening, piece: usize, said: Vec<u8>) {
    while let Ok((stream, _)) = listener.accept().await {
        // The camera may hang up at any byte.
        let _ = say(stream, opening, piece, &said).await;
    }
}

async fn say(mut stream: TcpStream, opening: Opening, piece: usize, said: &[u8]) -> std::io::Result<()> {
    stream.set_nodelay(true)?;
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(stream.read_u8().await?);
    }
    if let Opening::Right = opening {
        let head = String::from_utf8_lossy(&head);
        let key = head
            .split("Sec-WebSocket-Key: ")
            .nth(1)
            .and_then(|rest| rest.split('\r').next());
        let accept = derive_accept_key(key.unwrap_or_default().as_bytes());
        let answer = format!(
            "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nSec-WebSocket-Accept: {accept}\r\n\r\n"
        );
        stream.write_all(answer.as_bytes()).await?;
    }
    for piece in said.chunks(piece) {
        stream.write_all(piece).await?;
        tokio::task::yield_now().await;
    }
    stream.shutdown().await?;
    stream.read_to_end(&mut Vec::new()).await.map(|_| ())
}
