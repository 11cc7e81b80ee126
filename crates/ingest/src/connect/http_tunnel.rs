//! The two connections of RTSP over HTTP, under the machine of [`throughline_rtsp::tunnel`].

use std::collections::VecDeque;
use std::io;
use std::mem;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use throughline_rtsp::client::TunnelTarget;
use throughline_rtsp::tunnel::{self, Channel, Output};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, ReadBuf};

use super::connection::{self, Read};
use super::{ConnectError, Pipe, Route};

/// Read at a time while HTTP is spoken: a head, mostly.
const READ_BYTES: usize = 2048;

pub(super) struct HttpTunnel {
    machine: tunnel::HttpTunnel,
    route: Arc<Route>,
    get: Pipe,
    /// What came behind the head of GET's answer.
    early: Vec<u8>,
    post: Post,
    /// In base64, or the head of POST.
    outgoing: VecDeque<Bytes>,
}

/// The connection that our messages go by.
enum Post {
    Up {
        pipe: Pipe,
        /// Of a head that is not whole: the machine fails past [`tunnel::MAX_HEAD_BYTES`].
        received: Vec<u8>,
    },
    /// Anew, for POST was answered with 401 or closed unheard.
    Connecting(Pin<Box<dyn Future<Output = Result<Pipe, ConnectError>> + Send>>),
}

impl HttpTunnel {
    /// Asks for the tunnel, by GET on `pipe`.
    pub(super) async fn open(
        route: Arc<Route>,
        pipe: Pipe,
        target: &TunnelTarget,
    ) -> Result<Self, ConnectError> {
        let mut machine = tunnel::HttpTunnel::new(target.clone(), route.user_agent(), super::random());
        machine.start();
        let mut get = pipe;
        let mut is_fresh = true;
        let mut received = Vec::new();
        let mut post = None;
        loop {
            match machine.poll_output() {
                Output::Connect(Channel::Get) => {
                    if !mem::take(&mut is_fresh) {
                        get = route.connect().await?;
                    }
                    received.clear();
                    machine.handle_connected(Channel::Get);
                }
                Output::Connect(Channel::Post) => {
                    post = Some(route.connect().await?);
                    machine.handle_connected(Channel::Post);
                }
                Output::Transmit { channel, bytes } => {
                    let pipe = match (channel, &mut post) {
                        (Channel::Post, Some(post)) => post,
                        _ => &mut get,
                    };
                    if write(pipe, &bytes).await.is_err() {
                        machine.handle_closed(channel);
                    }
                }
                Output::Failed(error) => return Err(ConnectError::Tunnel(error)),
                Output::Open | Output::Idle => match post.take() {
                    Some(pipe) => {
                        return Ok(HttpTunnel {
                            machine,
                            route,
                            get,
                            early: received,
                            post: Post::up(pipe),
                            outgoing: VecDeque::new(),
                        });
                    }
                    None => match read(&mut get, &mut received).await {
                        Ok(1..) => {
                            let taken = machine.receive(Channel::Get, &received);
                            received.drain(..taken);
                        }
                        Ok(0) | Err(_) => machine.handle_closed(Channel::Get),
                    },
                },
            }
        }
    }

    /// What GET's connection brings.
    pub(super) fn poll_read(
        &mut self,
        cx: &mut Context<'_>,
        consume: impl FnOnce(&[u8]),
    ) -> Poll<io::Result<Read>> {
        // What POST is answered may make a new connection of it, which is listened to as well.
        loop {
            if let Poll::Ready(Err(error)) = self.poll_outgoing(cx) {
                return Poll::Ready(Err(error));
            }
            if self.poll_answer(cx)?.is_pending() {
                break;
            }
        }
        if self.early.is_empty() {
            let machine = &mut self.machine;
            return connection::poll_read(&mut self.get, cx, |bytes| {
                machine.receive(Channel::Get, bytes);
                consume(bytes);
            });
        }
        // Said before POST could be heard.
        consume(&mem::take(&mut self.early));
        Poll::Ready(Ok(Read::Open))
    }

    /// Each of `unsent` goes out in one write (Q45).
    pub(super) fn poll_send(
        &mut self,
        cx: &mut Context<'_>,
        unsent: &mut VecDeque<Bytes>,
    ) -> Poll<io::Result<()>> {
        loop {
            ready!(self.poll_outgoing(cx))?;
            let Some(message) = unsent.pop_front() else {
                return Poll::Ready(Ok(()));
            };
            self.machine.send(&message);
        }
    }

    pub(super) fn poll_close(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        if let Post::Up { pipe, .. } = &mut self.post {
            ready!(Pin::new(pipe).poll_shutdown(cx))?;
        }
        Pin::new(&mut self.get).poll_shutdown(cx)
    }

    /// POST is not answered before it ends, mostly; a refusal is. Ready when something was heard.
    fn poll_answer(&mut self, cx: &mut Context<'_>) -> io::Result<Poll<()>> {
        let Post::Up { pipe, received } = &mut self.post else {
            return Ok(Poll::Pending);
        };
        let mut piece = [0; READ_BYTES];
        let mut piece = ReadBuf::new(&mut piece);
        let Poll::Ready(read) = Pin::new(pipe).poll_read(cx, &mut piece) else {
            return Ok(Poll::Pending);
        };
        if read.is_err() || piece.filled().is_empty() {
            self.machine.handle_closed(Channel::Post);
            self.obey()?;
            return Ok(match self.post {
                Post::Connecting(_) => Poll::Ready(()),
                Post::Up { .. } => Poll::Pending,
            });
        }
        received.extend_from_slice(piece.filled());
        let taken = self.machine.receive(Channel::Post, received);
        received.drain(..taken);
        Ok(Poll::Ready(()))
    }

    /// Ready when the system has all that the machine wanted to send.
    fn poll_outgoing(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.obey()?;
        loop {
            match &mut self.post {
                Post::Connecting(attempt) => {
                    let pipe = ready!(attempt.as_mut().poll(cx)).map_err(|_| {
                        io::Error::new(
                            io::ErrorKind::NotConnected,
                            "no new connection for the tunnel's POST",
                        )
                    })?;
                    self.post = Post::up(pipe);
                    self.machine.handle_connected(Channel::Post);
                    self.obey()?;
                }
                Post::Up { pipe, .. } => {
                    let Err(error) = ready!(connection::poll_write(pipe, cx, &mut self.outgoing)) else {
                        return Poll::Ready(Ok(()));
                    };
                    self.machine.handle_closed(Channel::Post);
                    self.obey()?;
                    if matches!(self.post, Post::Up { .. }) {
                        return Poll::Ready(Err(error));
                    }
                }
            }
        }
    }

    /// Takes up what the machine wants.
    fn obey(&mut self) -> io::Result<()> {
        loop {
            match self.machine.poll_output() {
                Output::Connect(_) => {
                    self.outgoing.clear();
                    let route = Arc::clone(&self.route);
                    self.post = Post::Connecting(Box::pin(async move { route.reconnect().await }));
                }
                Output::Transmit { bytes, .. } => self.outgoing.push_back(bytes),
                Output::Open => {}
                Output::Failed(error) => return Err(io::Error::other(error)),
                Output::Idle => return Ok(()),
            }
        }
    }
}

impl Post {
    fn up(pipe: Pipe) -> Self {
        Post::Up {
            pipe,
            received: Vec::new(),
        }
    }
}

pub(super) async fn write(pipe: &mut Pipe, bytes: &[u8]) -> io::Result<()> {
    pipe.write_all(bytes).await?;
    pipe.flush().await
}

/// Reads once what is there; how much it was.
pub(super) async fn read(pipe: &mut Pipe, received: &mut Vec<u8>) -> io::Result<usize> {
    let mut piece = [0; READ_BYTES];
    let count = pipe.read(&mut piece).await?;
    received.extend_from_slice(piece.get(..count).unwrap_or_default());
    Ok(count)
}
