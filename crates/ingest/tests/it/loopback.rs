//! The driver over real sockets, against a [`Peer`] behind them.

use std::future::{pending, poll_fn};
use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::time::Duration;

use throughline_ingest::{
    CameraStream, Config, Error, Event, Item, Retry, StreamEnd, Transport, TransportPolicy,
};
use throughline_rtsp::client;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream, UdpSocket};
use tokio::time::{Interval, interval, timeout};

use crate::peer::{Peer, SERVER_PORTS, Script, Sent, number};

/// Faster than a camera: the test waits for it.
const FRAME: Duration = Duration::from_millis(2);
pub(crate) const PATIENCE: Duration = Duration::from_secs(20);

/// Serves one connection after the other.
async fn serve(listener: TcpListener, script: Script) -> io::Result<()> {
    let mut peer = Peer::new(script);
    loop {
        let (stream, _) = listener.accept().await?;
        peer.connected();
        // The client may leave in the middle of a picture.
        let _ = serve_one(stream, &mut peer).await;
    }
}

pub(crate) async fn serve_one(
    mut stream: impl AsyncRead + AsyncWrite + Unpin,
    peer: &mut Peer,
) -> io::Result<()> {
    let media = UdpSocket::bind("127.0.0.1:0").await?;
    let control = UdpSocket::bind("127.0.0.1:0").await?;
    let ports = format!("{}-{}", media.local_addr()?.port(), control.local_addr()?.port());
    let mut frames = interval(FRAME);
    let (mut buffer, mut report) = ([0; 2048], [0; 2048]);
    loop {
        tokio::select! {
            read = stream.read(&mut buffer) => match read? {
                0 => return Ok(()),
                read => {
                    let answer = String::from_utf8_lossy(&peer.handle_stream(&buffer[..read])).into_owned();
                    let scripted = format!("{}-{}", SERVER_PORTS.0, SERVER_PORTS.1);
                    let answer = answer.replace(&scripted, &ports);
                    stream.write_all(answer.as_bytes()).await?;
                    stream.flush().await?;
                }
            },
            received = control.recv(&mut report) => peer.handle_rtcp(&report[..received?]),
            () = tick(&mut frames, peer.playing) => {
                let client = client_ports(peer);
                let sent = peer.next_picture();
                let over = sent.is_empty();
                for sent in sent {
                    match sent {
                        Sent::Stream(bytes) => {
                            stream.write_all(&bytes).await?;
                            stream.flush().await?;
                        }
                        Sent::Rtp(packet) => drop(media.send_to(&packet, client.0).await?),
                        Sent::Rtcp(packet) => drop(control.send_to(&packet, client.1).await?),
                    }
                }
                if over {
                    return Ok(());
                }
            }
        }
    }
}

async fn tick(frames: &mut Interval, playing: bool) {
    if playing {
        frames.tick().await
    } else {
        pending().await
    };
}

fn client_ports(peer: &Peer) -> (SocketAddr, SocketAddr) {
    let setup = peer
        .requests
        .iter()
        .rfind(|request| request.starts_with("SETUP"))
        .expect("a SETUP");
    let ports = setup
        .split("client_port=")
        .nth(1)
        .and_then(|ports| ports.split(['\r', ';']).next());
    let ports = ports
        .and_then(|ports| ports.split_once('-'))
        .unwrap_or(("9", "9"));
    let at = |port: &str| SocketAddr::from(([127, 0, 0, 1], port.parse().expect("a port")));
    (at(ports.0), at(ports.1))
}

/// The configuration for a camera of this script.
async fn camera(script: Script) -> Config {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = listener.local_addr().expect("an address");
    tokio::spawn(serve(listener, script));
    Config::parse(&format!("rtsp://{address}/cam")).expect("a URL")
}

pub(crate) async fn next_picture_number(stream: &mut CameraStream) -> u32 {
    let picture = timeout(PATIENCE, stream.next_access_unit())
        .await
        .expect("in time")
        .expect("a picture");
    number(&picture.expect("no error").data)
}

#[tokio::test]
async fn pictures_arrive_in_order_over_tcp_and_udp() {
    for (policy, transport) in [
        (TransportPolicy::Tcp, Transport::Tcp),
        (TransportPolicy::Udp, Transport::Udp),
    ] {
        let mut config = camera(Script::default()).await;
        config.transport = policy;
        let mut stream = CameraStream::open(config);
        for expected in 0..200 {
            assert_eq!(next_picture_number(&mut stream).await, expected, "{transport}");
        }
        assert_eq!(stream.stats().transport, Some(transport));
        timeout(Duration::from_secs(2), stream.close())
            .await
            .expect("a goodbye in time");
    }
}

#[tokio::test]
async fn a_key_frame_request_reaches_the_camera() {
    let mut config = camera(Script {
        group_of_pictures: Some(1_000_000),
        ..Script::default()
    })
    .await;
    config.transport = TransportPolicy::Udp;
    let mut stream = CameraStream::open(config);
    next_picture_number(&mut stream).await;
    stream.request_keyframe();
    let idr = async {
        loop {
            let picture = stream
                .next_access_unit()
                .await
                .expect("a picture")
                .expect("no error");
            if picture.is_idr {
                return number(&picture.data);
            }
        }
    };
    assert!(timeout(PATIENCE, idr).await.expect("in time") > 0);
    assert_eq!(stream.stats().keyframe_requests, 1);
}

#[tokio::test]
async fn the_stream_goes_on_after_the_camera_hung_up() {
    // A BYE after the fortieth picture of each connection.
    let config = camera(Script {
        bye_after: Some(40),
        ..Script::default()
    })
    .await;
    let mut stream = CameraStream::open(config);
    let (mut timestamps, mut disconnected) = (Vec::new(), 0);
    while timestamps.len() < 60 {
        match timeout(PATIENCE, stream.next())
            .await
            .expect("in time")
            .expect("an item")
            .expect("no error")
        {
            Item::AccessUnit(picture) => timestamps.push(picture.timestamp),
            Item::Event(Event::Disconnected { error, .. }) => {
                assert!(
                    matches!(
                        error,
                        Error::StreamEnded {
                            how: StreamEnd::Bye,
                            ..
                        }
                    ),
                    "{error}"
                );
                disconnected += 1;
            }
            Item::Event(_) => {}
        }
    }
    assert_eq!((disconnected, stream.stats().reconnects), (1, 1));
    assert!(timestamps.is_sorted());
}

#[tokio::test]
async fn an_error_is_the_last_item_of_the_stream() {
    let mut config = camera(Script {
        refuse: Some(("DESCRIBE", "404 Not Found")),
        ..Script::default()
    })
    .await;
    config.retry = Retry::Never;
    let mut stream = CameraStream::open(config);
    let mut items = Vec::new();
    let all = async {
        while let Some(item) = poll_fn(|cx| futures_core::Stream::poll_next(Pin::new(&mut stream), cx)).await
        {
            items.push(item);
        }
    };
    timeout(PATIENCE, all).await.expect("in time");
    assert!(
        matches!(items.first(), Some(Ok(Item::Event(Event::Connecting { .. })))),
        "{items:?}"
    );
    assert!(
        matches!(items.last(), Some(Err(Error::NotFound { .. }))),
        "{items:?}"
    );
    assert!(stream.next().await.is_none());
}

/// Runs `serve` for each connection; where it listens.
pub(crate) async fn listen<F>(serve: impl Fn(TcpStream) -> F + Send + 'static) -> SocketAddr
where
    F: Future<Output = io::Result<()>> + Send + 'static,
{
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = listener.local_addr().expect("an address");
    tokio::spawn(async move {
        loop {
            let (stream, _) = listener.accept().await.expect("a connection");
            // The client may leave at any time.
            tokio::spawn(serve(stream));
        }
    });
    address
}

pub(crate) async fn expect_pictures(config: Config) {
    let mut stream = CameraStream::open(config);
    for expected in 0..60 {
        assert_eq!(next_picture_number(&mut stream).await, expected);
    }
    timeout(PATIENCE, stream.close())
        .await
        .expect("a goodbye in time");
}

/// What a camera without pictures ends with.
pub(crate) async fn failure(config: Config) -> Error {
    let mut stream = CameraStream::open(config);
    let ended = timeout(PATIENCE, stream.next_access_unit())
        .await
        .expect("in time");
    ended.expect("an end with an error").expect_err("no picture")
}

/// Forty pictures, and twenty more after the camera has hung up.
pub(crate) async fn expect_pictures_again(mut config: Config) {
    config.retry = Retry::Forever;
    let mut stream = CameraStream::open(config);
    for expected in (0..40).chain(0..20) {
        assert_eq!(next_picture_number(&mut stream).await, expected);
    }
    assert_eq!(stream.stats().reconnects, 1);
    timeout(PATIENCE, stream.close())
        .await
        .expect("a goodbye in time");
}

/// A server that hears all and says nothing.
pub(crate) async fn silent() -> SocketAddr {
    listen(|mut stream| async move { stream.read_to_end(&mut Vec::new()).await.map(drop) }).await
}

/// Of a camera that hangs up on a request.
pub(crate) async fn expect_closed(config: Config) {
    let error = failure(config).await;
    assert!(
        matches!(
            &error,
            Error::Rtsp {
                cause: client::Error::Closed { .. },
                ..
            }
        ),
        "{error}"
    );
}
