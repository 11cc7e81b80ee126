//! RTSP in a WebSocket ([RFC 6455](https://www.rfc-editor.org/rfc/rfc6455)), as ONVIF's streaming specification has it:
//! the upgrade, and binary messages as a stream of bytes.

use std::collections::VecDeque;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use futures_core::Stream;
use futures_sink::Sink;
use throughline_rtsp::auth::Authenticator;
use throughline_rtsp::client::TunnelTarget;
use throughline_rtsp::headers::WwwAuthenticate;
use throughline_rtsp::{Headers, Method, Request};
use tokio::io::{AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::error::Error as WebSocketError;
use tokio_tungstenite::tungstenite::handshake::client::generate_key;
use tokio_tungstenite::tungstenite::handshake::derive_accept_key;
use tokio_tungstenite::tungstenite::protocol::{Role, WebSocketConfig};
use tokio_tungstenite::tungstenite::{Message, http::StatusCode};

use super::connection::{MAX_UNSENT_BYTES, Read};
use super::{ConnectError, Pipe, Route};
use crate::TunnelError;

/// The subprotocols to ask for, in turn: ONVIF's, and what Axis cameras want in its place (Q116). One at a time, for
/// some servers compare the whole header.
const SUBPROTOCOLS: [&str; 2] = ["rtsp.onvif.org", "binary"];
/// The answer to the upgrade is no longer: a real one is below 1 KiB.
const MAX_HEAD_BYTES: usize = 16 * 1024;
/// Nor has it more header fields.
const MAX_FIELDS: usize = 64;
/// No message is longer: servers send one RTSP message or frame in each, which is 64 KiB at most, or what one write of
/// theirs holds.
const MAX_MESSAGE_BYTES: usize = 1024 * 1024;
/// Read at a time.
const READ_BYTES: usize = 64 * 1024;

#[derive(Debug)]
pub(super) struct WebSocket(Box<WebSocketStream<Pipe>>);

impl WebSocket {
    /// Asks for the upgrade, on `pipe` first and on a new connection after each refusal that can be answered:
    /// with credentials, or by another subprotocol.
    pub(super) async fn open(
        route: &Route<'_>,
        pipe: Pipe,
        target: &TunnelTarget,
    ) -> Result<Self, ConnectError> {
        let mut pipe = Some(pipe);
        let mut authenticator = Authenticator::new(target.credentials.clone(), super::random());
        let mut subprotocols = SUBPROTOCOLS.into_iter();
        let mut subprotocol = subprotocols.next().unwrap_or_default();
        loop {
            let pipe = match pipe.take() {
                Some(pipe) => pipe,
                None => route.connect().await?,
            };
            let mut request = Request::new(Method::from("GET"), target.path.as_str());
            request.headers.set("User-Agent", route.user_agent());
            authenticator.authorize(&mut request);
            let refusal = match upgrade(pipe, &request, &target.host, subprotocol).await? {
                Answer::Upgraded(socket) => return Ok(socket),
                Answer::Unauthorized(challenges) => {
                    let challenges = challenges.typed::<WwwAuthenticate>().ok().flatten();
                    authenticator
                        .challenged(&challenges.unwrap_or_default().0)
                        .map_err(|cause| TunnelError::Unauthorized { cause })?;
                    continue;
                }
                Answer::Refused(refusal) => refusal,
            };
            subprotocol = subprotocols.next().ok_or(refusal)?;
            authenticator.not_refused();
        }
    }

    pub(super) fn poll_read(
        &mut self,
        cx: &mut Context<'_>,
        consume: impl FnOnce(&[u8]),
    ) -> Poll<io::Result<Read>> {
        Poll::Ready(Ok(match ready!(Pin::new(&mut *self.0).poll_next(cx)) {
            None | Some(Ok(Message::Close(_))) => Read::Closed,
            Some(Ok(Message::Binary(bytes))) => {
                if !bytes.is_empty() {
                    consume(&bytes);
                }
                Read::Open
            }
            Some(Ok(Message::Text(_))) => {
                return Poll::Ready(Err(io::Error::new(
                    io::ErrorKind::InvalidData,
                    "a WebSocket message is text, where RTSP is binary",
                )));
            }
            // A ping has its pong under way.
            Some(Ok(Message::Ping(_) | Message::Pong(_) | Message::Frame(_))) => Read::Open,
            Some(Err(error)) => return Poll::Ready(Err(broken(error))),
        }))
    }

    /// Each of `unsent` is a message of its own.
    pub(super) fn poll_send(
        &mut self,
        cx: &mut Context<'_>,
        unsent: &mut VecDeque<Bytes>,
    ) -> Poll<io::Result<()>> {
        let mut socket = Pin::new(&mut *self.0);
        while !unsent.is_empty() {
            ready!(socket.as_mut().poll_ready(cx)).map_err(broken)?;
            if let Some(bytes) = unsent.pop_front() {
                socket
                    .as_mut()
                    .start_send(Message::Binary(bytes))
                    .map_err(broken)?;
            }
        }
        socket.poll_flush(cx).map_err(broken)
    }

    pub(super) fn poll_close(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        ready!(Pin::new(&mut *self.0).poll_close(cx)).map_err(broken)?;
        Pin::new(self.0.get_mut()).poll_shutdown(cx)
    }
}

enum Answer {
    Upgraded(WebSocket),
    /// With these challenges.
    Unauthorized(Headers),
    Refused(TunnelError),
}

/// One request for the upgrade and its answer.
async fn upgrade(
    mut pipe: Pipe,
    request: &Request,
    host: &str,
    subprotocol: &str,
) -> Result<Answer, TunnelError> {
    let key = generate_key();
    let mut text = format!(
        "GET {} HTTP/1.1\r\nHost: {host}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
         Sec-WebSocket-Key: {key}\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Protocol: {subprotocol}\r\n",
        request.uri
    );
    for (name, value) in request.headers.iter() {
        text.extend([name, ": ", value, "\r\n"]);
    }
    text.push_str("\r\n");
    let sent = async {
        pipe.write_all(text.as_bytes()).await?;
        pipe.flush().await
    };
    sent.await.map_err(|cause| TunnelError::Lost { cause })?;

    let mut read = Vec::new();
    let Some(length) = read_head(&mut pipe, &mut read).await? else {
        return Ok(Answer::Refused(TunnelError::Closed));
    };
    let rest = read.split_off(length);
    let mut fields = [httparse::EMPTY_HEADER; MAX_FIELDS];
    let mut response = httparse::Response::new(&mut fields);
    response.parse(&read).map_err(|_| TunnelError::NotHttp)?;
    let status = response.code.unwrap_or_default();
    if status == StatusCode::UNAUTHORIZED {
        let mut challenges = Headers::new();
        for field in response.headers.iter() {
            challenges.append(field.name, String::from_utf8_lossy(field.value));
        }
        return Ok(Answer::Unauthorized(challenges));
    }
    if status != StatusCode::SWITCHING_PROTOCOLS {
        return Ok(Answer::Refused(TunnelError::Refused { status }));
    }
    if !is_agreed(response.headers, &key, subprotocol) {
        return Err(TunnelError::NotWebSocket);
    }
    let config = WebSocketConfig::default()
        .read_buffer_size(READ_BYTES)
        .write_buffer_size(0)
        .max_write_buffer_size(2 * MAX_UNSENT_BYTES)
        .max_message_size(Some(MAX_MESSAGE_BYTES))
        .max_frame_size(Some(MAX_MESSAGE_BYTES));
    let socket = WebSocketStream::from_partially_read(pipe, rest, Role::Client, Some(config));
    Ok(Answer::Upgraded(WebSocket(Box::new(socket.await))))
}

/// Whether an answer of 101 is the one to our request ([RFC 6455 §4.1](https://www.rfc-editor.org/rfc/rfc6455#section-4.1)).
/// It need not name the subprotocol, and some servers do not.
fn is_agreed(fields: &[httparse::Header<'_>], key: &str, subprotocol: &str) -> bool {
    let lists = |name, token: &[u8]| values(fields, name).any(|value| value.eq_ignore_ascii_case(token));
    lists("Upgrade", b"websocket")
        && lists(
            "Sec-WebSocket-Accept",
            derive_accept_key(key.as_bytes()).as_bytes(),
        )
        && values(fields, "Sec-WebSocket-Protocol").all(|value| value == subprotocol.as_bytes())
}

/// What the fields of this name list.
fn values<'f>(fields: &'f [httparse::Header<'_>], name: &str) -> impl Iterator<Item = &'f [u8]> {
    fields
        .iter()
        .filter(move |field| field.name.eq_ignore_ascii_case(name))
        .flat_map(|field| field.value.split(|&byte| byte == b','))
        .map(<[u8]>::trim_ascii)
}

/// Reads until the end of the head; how long it is, or nothing where the server hung up before.
async fn read_head(pipe: &mut Pipe, read: &mut Vec<u8>) -> Result<Option<usize>, TunnelError> {
    const END: &[u8] = b"\r\n\r\n";
    let mut piece = [0; 2048];
    loop {
        let count = match pipe.read(&mut piece).await {
            Ok(count) => count,
            // Said by resetting the connection.
            Err(error) if error.kind() == io::ErrorKind::ConnectionReset => 0,
            Err(cause) => return Err(TunnelError::Lost { cause }),
        };
        if count == 0 {
            return Ok(None);
        }
        let seen = read.len().saturating_sub(END.len() - 1);
        read.extend_from_slice(piece.get(..count).unwrap_or_default());
        let unseen = read.get(seen..).unwrap_or_default();
        if let Some(at) = unseen.windows(END.len()).position(|window| window == END) {
            return Ok(Some(seen + at + END.len()));
        }
        if read.len() > MAX_HEAD_BYTES {
            return Err(TunnelError::HeadTooLong {
                limit: MAX_HEAD_BYTES,
            });
        }
    }
}

/// What is told of a broken WebSocket; never the message that could not be sent, which may hold the password.
fn broken(error: WebSocketError) -> io::Error {
    match error {
        WebSocketError::Io(error) => error,
        WebSocketError::WriteBufferFull(_) => {
            io::Error::new(io::ErrorKind::TimedOut, "the camera reads nothing")
        }
        other => io::Error::new(io::ErrorKind::InvalidData, other),
    }
}
