//! A connection as the driver knows it: bytes in, messages out, whatever is between.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::fmt;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::{Buf, Bytes};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::{HttpTunnel, Pipe, WebSocket};

/// Read at a time from a connection: few system calls for a backlog, while what is read, and the pictures that it is copied
/// to, are still in the core's cache. Measured, half and twice as much cost some hundredths more.
const BUFFER_BYTES: usize = 128 * 1024;

// One buffer a thread, not a camera: what is in it is consumed before the next read.
thread_local! {
    static BUFFER: RefCell<Vec<u8>> = RefCell::new(vec![0; BUFFER_BYTES]);
}

/// What the camera has not taken yet; one that reads nothing is lost. At the most that is sent, a key frame request
/// twice a second, this fills in five minutes.
pub(super) const MAX_UNSENT_BYTES: usize = 64 * 1024;

/// What RTSP goes over.
pub(crate) struct Connection {
    road: Road,
    unsent: VecDeque<Bytes>,
    sending: Sending,
}

pub(super) enum Road {
    Direct(Pipe),
    Http(Box<HttpTunnel>),
    WebSocket(WebSocket),
}

/// Whether the system has all that was sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Sending {
    Done,
    /// Not yet: something is in the queue, or in what encrypts it.
    UnderWay,
}

/// How a read ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Read {
    /// There may be more to come.
    Open,
    /// The peer closed.
    Closed,
}

impl Connection {
    pub(super) fn new(road: Road) -> Self {
        Connection {
            road,
            unsent: VecDeque::new(),
            sending: Sending::Done,
        }
    }

    /// Reads once what is there and hands it to `consume`, which is not called without any bytes.
    pub(crate) fn poll_read(
        &mut self,
        cx: &mut Context<'_>,
        consume: impl FnOnce(&[u8]),
    ) -> Poll<io::Result<Read>> {
        match &mut self.road {
            Road::Direct(pipe) => poll_read(pipe, cx, consume),
            Road::Http(tunnel) => tunnel.poll_read(cx, consume),
            Road::WebSocket(socket) => socket.poll_read(cx, consume),
        }
    }

    /// Sends `message` in one write of its own (Q45), or as soon as the camera takes it.
    pub(crate) fn send(&mut self, cx: &mut Context<'_>, message: Bytes) -> io::Result<()> {
        self.unsent.push_back(message);
        self.sending = Sending::UnderWay;
        self.go_on_sending(cx)
    }

    /// For its waker, too: a socket that was full becomes writable without anything to read.
    pub(crate) fn go_on_sending(&mut self, cx: &mut Context<'_>) -> io::Result<()> {
        if self.sending == Sending::Done {
            return Ok(());
        }
        let sent = match &mut self.road {
            Road::Direct(pipe) => poll_write(pipe, cx, &mut self.unsent),
            Road::Http(tunnel) => tunnel.poll_send(cx, &mut self.unsent),
            Road::WebSocket(socket) => socket.poll_send(cx, &mut self.unsent),
        };
        if let Poll::Ready(sent) = sent {
            self.sending = Sending::Done;
            return sent;
        }
        if self.unsent.iter().map(Bytes::len).sum::<usize>() > MAX_UNSENT_BYTES {
            return Err(io::Error::new(
                io::ErrorKind::TimedOut,
                "the camera reads nothing",
            ));
        }
        Ok(())
    }

    /// Says goodbye, as far as the system takes it at once: an answer is not waited for.
    pub(crate) fn close(mut self, cx: &mut Context<'_>) {
        let closed = match &mut self.road {
            Road::Direct(pipe) => Pin::new(pipe).poll_shutdown(cx),
            Road::Http(tunnel) => tunnel.poll_close(cx),
            Road::WebSocket(socket) => socket.poll_close(cx),
        };
        if let Poll::Ready(Err(error)) = closed {
            tracing::debug!(%error, "no goodbye");
        }
    }
}

/// What is under way may hold the password.
impl fmt::Debug for Connection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Connection").finish_non_exhaustive()
    }
}

pub(super) fn poll_write(
    pipe: &mut (impl AsyncWrite + Unpin),
    cx: &mut Context<'_>,
    unsent: &mut VecDeque<Bytes>,
) -> Poll<io::Result<()>> {
    while let Some(bytes) = unsent.front_mut() {
        let sent = ready!(Pin::new(&mut *pipe).poll_write(cx, bytes))?;
        bytes.advance(sent);
        if bytes.is_empty() {
            unsent.pop_front();
        }
    }
    Pin::new(pipe).poll_flush(cx)
}

pub(super) fn poll_read(
    pipe: &mut (impl AsyncRead + Unpin),
    cx: &mut Context<'_>,
    consume: impl FnOnce(&[u8]),
) -> Poll<io::Result<Read>> {
    BUFFER.with_borrow_mut(|buffer| {
        let mut buffer = ReadBuf::new(buffer);
        ready!(Pin::new(pipe).poll_read(cx, &mut buffer))?;
        Poll::Ready(Ok(match buffer.filled() {
            [] => Read::Closed,
            bytes => {
                consume(bytes);
                Read::Open
            }
        }))
    })
}
