//! RTSP over HTTP over loopback.

use std::collections::HashMap;
use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use throughline_ingest::{Config, Error, Retry, TunnelError};
use throughline_rtsp::Credentials;
use throughline_rtsp::auth::Verifier;
use throughline_rtsp::tunnel::Channel;
use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream, duplex};
use tokio::net::TcpStream;
use tokio::net::tcp::OwnedReadHalf;

use crate::http::{Head, verifier};
use crate::loopback::{expect_pictures, expect_pictures_again, failure, listen, serve_one, silent};
use crate::peer::{Peer, Script};

/// What a server answers to a GET.
const TUNNELLED: &str = "HTTP/1.0 200 OK\r\nContent-Type: application/x-rtsp-tunnelled\r\n\r\n";

/// A server with a tunnel over HTTP. It never answers POST (Q115), but to refuse it.
#[derive(Clone, Debug, Default)]
struct Server {
    get_verifier: Option<Arc<Mutex<Verifier>>>,
    post_verifier: Option<Arc<Mutex<Verifier>>>,
    script: Script,
    heard: Arc<Mutex<Heard>>,
    /// GETs that wait for their POST, by cookie.
    waiting: Arc<tokio::sync::Mutex<HashMap<String, TcpStream>>>,
    post: PostIs,
}

/// What becomes of POST.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum PostIs {
    #[default]
    Taken,
    /// With 404.
    Refused,
    /// Together with its first bytes.
    Closed,
    /// So, but for the second: the first came before its GET was known.
    TooSoon,
}

/// What a server got.
#[derive(Debug, Default)]
struct Heard {
    /// Method and target of each request.
    requests: Vec<(String, String)>,
    /// The RTSP requests inside.
    inside: String,
}

impl Server {
    async fn start(&self) -> SocketAddr {
        let server = self.clone();
        listen(move |stream| server.clone().serve(stream)).await
    }

    async fn serve(self, mut stream: TcpStream) -> io::Result<()> {
        let head = Head::read(&mut stream).await?;
        let [method, target, _] = head.line.clone();
        let is_get = method == "GET";
        let count = {
            let requests = &mut self.heard.lock().expect("a lock").requests;
            requests.push((method, target));
            requests.len()
        };
        let verifier = if is_get {
            &self.get_verifier
        } else {
            &self.post_verifier
        };
        let judged = verifier.as_ref().map_or(Ok(()), |verifier| head.verify(verifier));
        if let Err(refusal) = judged {
            stream.write_all(refusal.as_bytes()).await?;
            // What POST carries is read and thrown away: to hang up on it would take the refusal back.
            return stream.read_to_end(&mut Vec::new()).await.map(|_| ());
        }
        let cookie = head.field("x-sessioncookie").to_owned();
        assert!(!cookie.is_empty());
        if is_get {
            assert_eq!(head.field("Accept"), "application/x-rtsp-tunnelled");
            // Known once the lock is let go, and no POST comes before the answer.
            let mut waiting = self.waiting.lock().await;
            stream.write_all(TUNNELLED.as_bytes()).await?;
            waiting.insert(cookie, stream);
            return Ok(());
        }
        assert_eq!(head.field("Content-Type"), "application/x-rtsp-tunnelled");
        match self.post {
            PostIs::TooSoon if count == 2 => return Ok(()),
            PostIs::Taken | PostIs::TooSoon => {}
            PostIs::Refused => {
                stream.write_all(b"HTTP/1.1 404 Not Found\r\n\r\n").await?;
                return stream.read_to_end(&mut Vec::new()).await.map(|_| ());
            }
            PostIs::Closed => return Ok(()),
        }
        let get = self.waiting.lock().await.remove(&cookie);
        self.carry(get.expect("GET comes first"), stream).await
    }

    async fn carry(self, mut get: TcpStream, post: TcpStream) -> io::Result<()> {
        let (near, far) = duplex(64 * 1024);
        let script = self.script.clone();
        let served = tokio::spawn(async move { serve_one(far, &mut Peer::new(script)).await });
        let (mut said, mut heard) = tokio::io::split(near);
        // Its other half stays open: it says nothing (Q115).
        let (post, unsaid) = post.into_split();
        tokio::select! {
            copied = tokio::io::copy(&mut said, &mut get) => copied.map(|_| ())?,
            decoded = self.decode(post, &mut heard) => decoded?,
        }
        drop((said, heard, unsaid));
        served.await.expect("no panic")
    }

    async fn decode(
        &self,
        mut post: OwnedReadHalf,
        inside: &mut tokio::io::WriteHalf<DuplexStream>,
    ) -> io::Result<()> {
        let mut four = [0; 4];
        while post.read_exact(&mut four).await.is_ok() {
            let bytes = STANDARD.decode(four).expect("base64");
            self.heard.lock().expect("a lock").inside += &String::from_utf8_lossy(&bytes);
            inside.write_all(&bytes).await?;
        }
        Ok(())
    }

    fn requests(&self) -> Vec<(String, String)> {
        self.heard.lock().expect("a lock").requests.clone()
    }
}

fn config(at: SocketAddr) -> Config {
    let mut config = Config::parse(&format!("rtsp+http://admin:secret@{at}/cam?channel=1")).expect("a URL");
    config.retry = Retry::Never;
    config
}

fn requests(methods: &[&str]) -> Vec<(String, String)> {
    let target = "/cam?channel=1";
    methods
        .iter()
        .map(|&method| (method.to_owned(), target.to_owned()))
        .collect()
}

#[tokio::test]
async fn q115_pictures_come_by_get_though_post_is_never_answered() {
    let server = Server::default();
    expect_pictures(config(server.start().await)).await;
    assert_eq!(server.requests(), requests(&["GET", "POST"]));
    let heard = server.heard.lock().expect("a lock");
    assert!(
        heard.inside.starts_with("DESCRIBE rtsp://127.0.0.1:"),
        "{}",
        heard.inside
    );
    assert!(heard.inside.contains("TEARDOWN"), "{}", heard.inside);
}

#[tokio::test]
async fn a_401_to_either_request_is_answered_on_a_new_connection() {
    for (get, post, expected) in [
        (Some(verifier()), None, &["GET", "GET", "POST"][..]),
        (None, Some(verifier()), &["GET", "POST", "POST"]),
    ] {
        let server = Server {
            get_verifier: get,
            post_verifier: post,
            ..Server::default()
        };
        expect_pictures(config(server.start().await)).await;
        assert_eq!(server.requests(), requests(expected));
        let heard = server.heard.lock().expect("a lock");
        // The request that went with the refused POST goes out once more, and not inside of RTSP is it authenticated.
        assert!(
            heard.inside.starts_with("DESCRIBE") && !heard.inside.contains("Authorization"),
            "{}",
            heard.inside
        );
    }
}

#[tokio::test]
async fn one_verifier_for_both_requests_is_asked_once() {
    let both = verifier();
    let server = Server {
        get_verifier: Some(Arc::clone(&both)),
        post_verifier: Some(both),
        ..Server::default()
    };
    expect_pictures(config(server.start().await)).await;
    assert_eq!(server.requests(), requests(&["GET", "GET", "POST"]));
}

#[tokio::test]
async fn refused_credentials_end_the_camera_whichever_request_they_are_refused_to() {
    for (get, post) in [(Some(verifier()), None), (None, Some(verifier()))] {
        let is_post = post.is_some();
        let server = Server {
            get_verifier: get,
            post_verifier: post,
            ..Server::default()
        };
        let mut config = config(server.start().await);
        config.credentials = Some(Credentials::new("admin", "wrong"));
        config.retry = Retry::Forever;
        let error = failure(config).await;
        assert!(error.is_configuration(), "{error}");
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
        assert!(!format!("{error} {error:?}").contains("wrong"), "{error:?}");
        // Asked, and answered once.
        assert_eq!(server.requests().len(), 2 + usize::from(is_post));
    }
}

#[tokio::test]
async fn a_post_that_is_refused_or_closed_is_named() {
    for (post, expected) in [(PostIs::Refused, "404"), (PostIs::Closed, "POST was closed")] {
        let server = Server {
            post,
            ..Server::default()
        };
        let error = failure(config(server.start().await)).await;
        assert!(error.to_string().contains(expected), "{error}");
    }
}

#[tokio::test]
async fn a_post_that_comes_before_its_get_is_known_comes_again() {
    let server = Server {
        post: PostIs::TooSoon,
        ..Server::default()
    };
    expect_pictures(config(server.start().await)).await;
    assert_eq!(server.requests(), requests(&["GET", "POST", "POST"]));
}

#[tokio::test]
async fn rtsp_in_one_piece_with_the_head_is_not_lost() {
    // The answer to GET with a whole interleaved frame behind it, of which nothing may be made before PLAY.
    let server = listen(|mut stream| async move {
        let head = Head::read(&mut stream).await?;
        if head.line[0] == "GET" {
            let early = [
                TUNNELLED.as_bytes(),
                b"RTSP/1.0 454 Session Not Found\r\nCSeq: 1\r\n\r\n",
            ]
            .concat();
            stream.write_all(&early).await?;
        }
        stream.read_to_end(&mut Vec::new()).await.map(|_| ())
    })
    .await;
    let error = failure(config(server)).await;
    assert!(error.to_string().contains("forgotten the session"), "{error}");
}

#[tokio::test]
async fn silence_to_get_and_behind_the_tunnel_are_over_in_their_time() {
    let limit = Duration::from_millis(200);
    let mut silence = config(silent().await);
    silence.timeouts.tunnel = limit;
    let error = failure(silence).await;
    assert!(
        matches!(error, Error::TunnelTimeout { waited, .. } if waited == limit),
        "{error}"
    );

    let open = listen(|mut stream| async move {
        let head = Head::read(&mut stream).await?;
        if head.line[0] == "GET" {
            stream.write_all(TUNNELLED.as_bytes()).await?;
        }
        stream.read_to_end(&mut Vec::new()).await.map(|_| ())
    })
    .await;
    let mut silence = config(open);
    silence.timeouts.describe = limit;
    let error = failure(silence).await;
    assert!(error.to_string().contains("DESCRIBE"), "{error}");
}

#[tokio::test]
async fn an_answer_without_end_is_bounded_in_bytes_and_in_time() {
    let endless = listen(|mut stream| async move {
        Head::read(&mut stream).await?;
        stream.write_all(b"HTTP/1.0 200 OK\r\n").await?;
        loop {
            stream.write_all(b"X-Filler: xxxxxxxx\r\n").await?;
        }
    })
    .await;
    let error = failure(config(endless)).await;
    assert!(
        matches!(
            error,
            Error::Tunnel {
                cause: TunnelError::TooLong {
                    channel: Channel::Get
                },
                ..
            }
        ),
        "{error}"
    );
    let trickling = listen(|mut stream| async move {
        Head::read(&mut stream).await?;
        loop {
            stream.write_all(b"H").await?;
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    })
    .await;
    let mut config = config(trickling);
    config.timeouts.tunnel = Duration::from_millis(200);
    let error = failure(config).await;
    assert!(
        matches!(error, Error::TunnelTimeout { .. } | Error::Tunnel { .. }),
        "{error}"
    );
}

#[tokio::test]
async fn the_stream_goes_on_after_the_tunnel_was_closed() {
    let server = Server {
        script: Script {
            bye_after: Some(40),
            ..Script::default()
        },
        ..Server::default()
    };
    expect_pictures_again(config(server.start().await)).await;
    assert_eq!(server.requests(), requests(&["GET", "POST", "GET", "POST"]));
}
