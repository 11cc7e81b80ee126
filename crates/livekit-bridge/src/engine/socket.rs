//! The sockets of one PeerConnection: UDP, and TCP with the framing of
//! [RFC 4571](https://www.rfc-editor.org/rfc/rfc4571#section-2) where UDP is blocked.

use std::future::poll_fn;
use std::io;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::{Buf, BufMut, BytesMut};
use str0m::net::{Protocol, Transmit};
use tokio::net::{TcpStream, UdpSocket};
use tokio::task::JoinSet;

/// Sockets per protocol: a server announces one or two candidates of each; more would be somebody's joke.
pub(crate) const MAX_SOCKETS: usize = 4;

/// Largest datagram taken: what str0m works with at most is 2000 bytes.
const MAX_DATAGRAM: usize = 2048;

/// Longest wait for a TCP connection to a candidate.
const DIAL_TIMEOUT: Duration = Duration::from_secs(5);

/// Bytes that wait for a slow TCP peer: half a second at 16 Mbit/s. What comes on top is dropped, as a network would.
const MAX_TCP_BACKLOG: usize = 1024 * 1024;

/// The length field before each TCP frame.
const FRAME_HEADER: usize = 2;

/// What [`Sockets::ready`] waited for.
pub(crate) enum Ready {
    /// Something can be read or written: call [`Sockets::receive`] until it returns `None`.
    Io,
    /// A TCP connection stands; its local address.
    Dialled(SocketAddr),
}

/// One datagram that arrived.
pub(crate) struct Datagram<'b> {
    pub(crate) protocol: Protocol,
    pub(crate) source: SocketAddr,
    pub(crate) local: SocketAddr,
    pub(crate) contents: &'b [u8],
}

/// What became of a datagram that was to be sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Sent {
    /// Handed to the kernel, or dropped as a busy network would.
    Done,
    /// Its TCP connection is gone.
    PathLost,
}

#[derive(Debug)]
struct Udp {
    socket: UdpSocket,
    local: SocketAddr,
    /// Set on a connected socket.
    peer: Option<SocketAddr>,
}

#[derive(Debug)]
struct Tcp {
    stream: TcpStream,
    local: SocketAddr,
    peer: SocketAddr,
    inbox: BytesMut,
    outbox: BytesMut,
    open: bool,
}

/// All sockets of one PeerConnection. No two PeerConnections share one: the server tells cameras apart by address.
#[derive(Debug)]
pub(crate) struct Sockets {
    udp: Vec<Udp>,
    tcp: Vec<Tcp>,
    dials: JoinSet<io::Result<TcpStream>>,
    buffer: Box<[u8]>,
    udp_refused: bool,
}

impl Sockets {
    pub(crate) fn new() -> Self {
        Self {
            udp: Vec::new(),
            tcp: Vec::new(),
            dials: JoinSet::new(),
            buffer: vec![0; MAX_DATAGRAM].into_boxed_slice(),
            udp_refused: false,
        }
    }

    /// Opens a UDP socket connected to `remote` and returns its local address: the one this machine reaches
    /// `remote` from. `None` when there are enough sockets already.
    pub(crate) fn connect_udp(&mut self, remote: SocketAddr) -> io::Result<Option<SocketAddr>> {
        if self.udp.len() >= MAX_SOCKETS || self.udp.iter().any(|udp| udp.peer == Some(remote)) {
            return Ok(None);
        }
        let socket = connected_socket(remote)?;
        socket.set_nonblocking(true)?;
        let local = socket.local_addr()?;
        self.udp.push(Udp {
            socket: UdpSocket::from_std(socket)?,
            local,
            peer: Some(remote),
        });
        Ok(Some(local))
    }

    /// Opens a UDP socket that takes datagrams from anybody, on the address this machine reaches `remote` from.
    pub(crate) fn open_udp_towards(&mut self, remote: SocketAddr) -> io::Result<SocketAddr> {
        let address = connected_socket(remote)?.local_addr()?.ip();
        let socket = std::net::UdpSocket::bind((address, 0))?;
        socket.set_nonblocking(true)?;
        let local = socket.local_addr()?;
        self.udp.push(Udp {
            socket: UdpSocket::from_std(socket)?,
            local,
            peer: None,
        });
        Ok(local)
    }

    /// Starts a TCP connection to `remote`; [`ready`](Self::ready) tells when it stands.
    pub(crate) fn dial_tcp(&mut self, remote: SocketAddr) {
        let known = self.tcp.iter().any(|tcp| tcp.peer == remote);
        if known || self.tcp.len() + self.dials.len() >= MAX_SOCKETS {
            return;
        }
        self.dials.spawn(async move {
            let stream = tokio::time::timeout(DIAL_TIMEOUT, TcpStream::connect(remote)).await??;
            stream.set_nodelay(true)?;
            Ok(stream)
        });
    }

    /// Whether the other side's host said that nobody listens on its UDP port.
    pub(crate) fn udp_refused(&self) -> bool {
        self.udp_refused
    }

    /// Whether there is a UDP socket.
    pub(crate) fn has_udp(&self) -> bool {
        !self.udp.is_empty()
    }

    /// Waits until there is something to do. Cancel safe.
    pub(crate) async fn ready(&mut self) -> Ready {
        poll_fn(|context| self.poll_ready(context)).await
    }

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Ready> {
        while let Poll::Ready(Some(dialled)) = self.dials.poll_join_next(context) {
            match dialled
                .unwrap_or_else(|error| Err(io::Error::other(error)))
                .and_then(Tcp::new)
            {
                Ok(tcp) => {
                    let local = tcp.local;
                    self.tcp.push(tcp);
                    return Poll::Ready(Ready::Dialled(local));
                }
                Err(error) => tracing::debug!(%error, "ICE-TCP connection failed"),
            }
        }
        let mut ready = false;
        for udp in &self.udp {
            ready |= udp.socket.poll_recv_ready(context).is_ready();
        }
        for tcp in self.tcp.iter_mut().filter(|tcp| tcp.open) {
            ready |= tcp.stream.poll_read_ready(context).is_ready();
            if !tcp.outbox.is_empty() && tcp.stream.poll_write_ready(context).is_ready() {
                tcp.flush();
                // Registers for the next time, if the kernel did not take all.
                ready |= !tcp.outbox.is_empty() && tcp.stream.poll_write_ready(context).is_ready();
            }
        }
        if ready {
            Poll::Ready(Ready::Io)
        } else {
            Poll::Pending
        }
    }

    /// The next datagram that has arrived, on any socket.
    pub(crate) fn receive(&mut self) -> Option<Datagram<'_>> {
        for udp in &self.udp {
            match receive_udp(udp, &mut self.buffer) {
                Ok(Some((length, source))) => {
                    let contents = self.buffer.get(..length)?;
                    return Some(Datagram {
                        protocol: Protocol::Udp,
                        source,
                        local: udp.local,
                        contents,
                    });
                }
                Ok(None) => {}
                Err(error) => {
                    self.udp_refused |= error.kind() == io::ErrorKind::ConnectionRefused;
                    tracing::debug!(%error, local = %udp.local, "UDP receive failed");
                }
            }
        }
        for tcp in &mut self.tcp {
            if let Some(length) = tcp.next_frame(&mut self.buffer) {
                let contents = self.buffer.get(..length)?;
                return Some(Datagram {
                    protocol: Protocol::Tcp,
                    source: tcp.peer,
                    local: tcp.local,
                    contents,
                });
            }
        }
        None
    }

    /// Sends one datagram by the socket it names as its source.
    pub(crate) fn send(&mut self, transmit: &Transmit) -> Sent {
        if transmit.proto == Protocol::Tcp {
            let open = |tcp: &&mut Tcp| tcp.local == transmit.source && tcp.open;
            let Some(tcp) = self.tcp.iter_mut().find(open) else {
                return Sent::PathLost;
            };
            tcp.send(&transmit.contents);
            return Sent::Done;
        }
        let Some(udp) = self.udp.iter().find(|udp| udp.local == transmit.source) else {
            return Sent::Done;
        };
        let sent = match udp.peer {
            // ICE pairs every local with every remote candidate; this socket reaches one of them.
            Some(peer) if peer != transmit.destination => return Sent::Done,
            Some(_) => udp.socket.try_send(&transmit.contents),
            None => udp.socket.try_send_to(&transmit.contents, transmit.destination),
        };
        if let Err(error) = sent {
            self.udp_refused |= error.kind() == io::ErrorKind::ConnectionRefused;
            tracing::trace!(%error, local = %udp.local, "UDP send failed");
        }
        Sent::Done
    }
}

fn connected_socket(remote: SocketAddr) -> io::Result<std::net::UdpSocket> {
    let socket = match remote {
        SocketAddr::V4(_) => std::net::UdpSocket::bind((Ipv4Addr::UNSPECIFIED, 0)),
        SocketAddr::V6(_) => std::net::UdpSocket::bind((Ipv6Addr::UNSPECIFIED, 0)),
    }?;
    socket.connect(remote)?;
    Ok(socket)
}

fn receive_udp(udp: &Udp, buffer: &mut [u8]) -> io::Result<Option<(usize, SocketAddr)>> {
    let received = match udp.peer {
        Some(peer) => udp.socket.try_recv(buffer).map(|length| (length, peer)),
        None => udp.socket.try_recv_from(buffer),
    };
    match received {
        Err(error) if error.kind() == io::ErrorKind::WouldBlock => Ok(None),
        other => other.map(Some),
    }
}

impl Tcp {
    fn new(stream: TcpStream) -> io::Result<Self> {
        let (local, peer) = (stream.local_addr()?, stream.peer_addr()?);
        Ok(Self {
            stream,
            local,
            peer,
            inbox: BytesMut::new(),
            outbox: BytesMut::new(),
            open: true,
        })
    }

    fn send(&mut self, contents: &[u8]) {
        let Ok(length) = u16::try_from(contents.len()) else {
            return;
        };
        if self.outbox.len() + FRAME_HEADER + contents.len() > MAX_TCP_BACKLOG {
            return;
        }
        self.outbox.put_u16(length);
        self.outbox.put_slice(contents);
        self.flush();
    }

    fn flush(&mut self) {
        while !self.outbox.is_empty() {
            match self.stream.try_write(&self.outbox) {
                Ok(written) => self.outbox.advance(written),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return,
                Err(error) => return self.fail(&error),
            }
        }
    }

    /// Copies the next whole frame into `buffer` and returns its length.
    fn next_frame(&mut self, buffer: &mut [u8]) -> Option<usize> {
        loop {
            if let Some(length) = self.take_frame(buffer) {
                return Some(length);
            }
            if !self.open {
                return None;
            }
            match self.stream.try_read_buf(&mut self.inbox) {
                Ok(0) => self.fail(&io::ErrorKind::UnexpectedEof.into()),
                Ok(_) => {}
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return None,
                Err(error) => self.fail(&error),
            }
        }
    }

    /// Skips frames that `buffer` cannot hold: no packet of WebRTC is that large.
    fn take_frame(&mut self, buffer: &mut [u8]) -> Option<usize> {
        loop {
            let length = usize::from(u16::from_be_bytes(self.inbox.first_chunk().copied()?));
            if self.inbox.len() < FRAME_HEADER + length {
                return None;
            }
            self.inbox.advance(FRAME_HEADER);
            let frame = self.inbox.split_to(length);
            if let Some(target) = buffer.get_mut(..length) {
                target.copy_from_slice(&frame);
                return Some(length);
            }
        }
    }

    fn fail(&mut self, error: &io::Error) {
        tracing::debug!(%error, peer = %self.peer, "ICE-TCP connection lost");
        self.open = false;
        self.outbox.clear();
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::TcpListener;

    use super::*;

    async fn dialled(sockets: &mut Sockets) -> SocketAddr {
        loop {
            if let Ready::Dialled(local) = sockets.ready().await {
                return local;
            }
        }
    }

    #[tokio::test]
    async fn tcp_frames_survive_any_split_and_oversized_ones_are_skipped() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let mut sockets = Sockets::new();
        sockets.dial_tcp(listener.local_addr().unwrap());
        let (mut server, _) = listener.accept().await.unwrap();
        dialled(&mut sockets).await;

        let mut wire = vec![0, 3, b'a', b'b', b'c'];
        wire.extend(4000_u16.to_be_bytes());
        wire.extend([0; 4000]);
        wire.extend([0, 1, b'd']);
        let mut received = Vec::new();
        for byte in wire {
            server.write_all(&[byte]).await.unwrap();
            tokio::task::yield_now().await;
            while let Some(datagram) = sockets.receive() {
                received.push(datagram.contents.to_vec());
            }
        }
        while received.len() < 2 {
            sockets.ready().await;
            while let Some(datagram) = sockets.receive() {
                received.push(datagram.contents.to_vec());
            }
        }
        assert_eq!(received, [b"abc".to_vec(), b"d".to_vec()]);
    }

    #[tokio::test]
    async fn a_tcp_connection_sends_framed_and_says_when_it_is_gone() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let peer = listener.local_addr().unwrap();
        let mut sockets = Sockets::new();
        sockets.dial_tcp(peer);
        let (mut server, _) = listener.accept().await.unwrap();
        let local = dialled(&mut sockets).await;
        let transmit = Transmit {
            proto: Protocol::Tcp,
            source: local,
            destination: peer,
            contents: vec![1, 2, 3].into(),
        };
        assert_eq!(sockets.send(&transmit), Sent::Done);
        let mut frame = [0; 5];
        server.read_exact(&mut frame).await.unwrap();
        assert_eq!(frame, [0, 3, 1, 2, 3]);

        drop(server);
        while sockets.send(&transmit) == Sent::Done {
            sockets.ready().await;
            assert!(sockets.receive().is_none());
        }
    }

    #[tokio::test]
    async fn a_closed_udp_port_is_noticed() {
        let closed = std::net::UdpSocket::bind("127.0.0.1:0")
            .unwrap()
            .local_addr()
            .unwrap();
        let mut sockets = Sockets::new();
        let local = sockets.connect_udp(closed).unwrap().unwrap();
        assert_eq!(sockets.connect_udp(closed).unwrap(), None);
        let transmit = Transmit {
            proto: Protocol::Udp,
            source: local,
            destination: closed,
            contents: vec![0].into(),
        };
        // The refusal of one datagram is told to the next.
        for _ in 0..100 {
            sockets.send(&transmit);
            tokio::task::yield_now().await;
        }
        assert!(sockets.udp_refused());
        assert!(sockets.receive().is_none());
    }
}
