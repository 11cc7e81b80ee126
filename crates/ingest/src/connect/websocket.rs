//! RTSP in a WebSocket: the upgrade of [`throughline_rtsp::tunnel`], and binary messages as a stream of bytes.

use std::collections::VecDeque;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use futures_core::Stream;
use futures_sink::Sink;
use throughline_rtsp::client::TunnelTarget;
use throughline_rtsp::tunnel::{Upgrade, WebSocketUpgrade};
use tokio::io::AsyncWrite;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::error::{Error as WebSocketError, ProtocolError};
use tokio_tungstenite::tungstenite::protocol::{Role, WebSocketConfig};

use super::connection::{MAX_UNSENT_BYTES, Read};
use super::http_tunnel::{read, write};
use super::{ConnectError, Pipe, Route};

/// No message is longer: servers send one RTSP message or frame in each, which is 64 KiB at most, or what one write of
/// theirs holds.
const MAX_MESSAGE_BYTES: usize = 1024 * 1024;
/// Read at a time.
const READ_BYTES: usize = 64 * 1024;

pub(super) struct WebSocket(Box<WebSocketStream<Pipe>>);

impl WebSocket {
    /// Asks for the upgrade, on `pipe` first and on a new connection after each refusal that can be answered:
    /// with credentials, or by another subprotocol.
    pub(super) async fn open(
        route: &Route,
        mut pipe: Pipe,
        target: &TunnelTarget,
    ) -> Result<Self, ConnectError> {
        let mut upgrade = WebSocketUpgrade::new(target.clone(), route.user_agent(), super::random());
        loop {
            let mut received = Vec::new();
            // Whoever hung up on it has no answer to read.
            let _ = write(&mut pipe, &upgrade.request()).await;
            let answer = loop {
                let answer = match read(&mut pipe, &mut received).await {
                    Ok(1..) => upgrade.receive(&received)?,
                    Ok(0) | Err(_) => upgrade.handle_closed()?,
                };
                if answer != Upgrade::Incomplete {
                    break answer;
                }
            };
            if let Upgrade::Open { consumed } = answer {
                received.drain(..consumed);
                let config = WebSocketConfig::default()
                    .read_buffer_size(READ_BYTES)
                    .write_buffer_size(0)
                    .max_write_buffer_size(2 * MAX_UNSENT_BYTES)
                    .max_message_size(Some(MAX_MESSAGE_BYTES))
                    .max_frame_size(Some(MAX_MESSAGE_BYTES));
                let socket = WebSocketStream::from_partially_read(pipe, received, Role::Client, Some(config));
                return Ok(WebSocket(Box::new(socket.await)));
            }
            pipe = route.connect().await?;
        }
    }

    pub(super) fn poll_read(
        &mut self,
        cx: &mut Context<'_>,
        consume: impl FnOnce(&[u8]),
    ) -> Poll<io::Result<Read>> {
        Poll::Ready(Ok(match ready!(Pin::new(&mut *self.0).poll_next(cx)) {
            None
            | Some(
                Ok(Message::Close(_))
                // Without a word of WebSocket, as cameras hang up.
                | Err(WebSocketError::Protocol(ProtocolError::ResetWithoutClosingHandshake)),
            ) => Read::Closed,
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
