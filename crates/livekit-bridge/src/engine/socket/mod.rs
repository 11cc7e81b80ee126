//! The sockets of one PeerConnection: UDP, and TCP with the framing of
//! [RFC 4571](https://www.rfc-editor.org/rfc/rfc4571#section-2) where UDP is blocked.

mod tcp;
mod udp;

use std::future::poll_fn;
use std::io;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};
use std::task::{Context, Poll};
use std::time::Duration;

use str0m::net::{Protocol, Transmit};
use tokio::net::TcpStream;
use tokio::task::JoinSet;

use tcp::Tcp;
use udp::{Received, Run, Udp};

/// Sockets per protocol: a server announces one or two candidates of each; more would be somebody's joke.
pub(crate) const MAX_SOCKETS: usize = 4;

/// Largest datagram taken: what str0m works with at most is 2000 bytes.
const MAX_DATAGRAM: usize = 2048;

/// Room for a run of datagrams that the kernel hands over as one: many reports, or a flight of DTLS. Of what is longer the end is
/// lost, as on a network.
const READ_BYTES: usize = 16 * 1024;

/// Longest wait for a TCP connection to a candidate.
const DIAL_TIMEOUT: Duration = Duration::from_secs(5);

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

/// All sockets of one PeerConnection. No two PeerConnections share one: the server tells cameras apart by address.
#[derive(Debug)]
pub(crate) struct Sockets {
    udp: Vec<Udp>,
    /// What waits to be sent, and by which of them.
    run: Run,
    run_by: usize,
    /// What was read last and is not consumed yet, where in `buffer` it begins, and by which of them.
    received: Option<(Received, usize, SocketAddr)>,
    tcp: Vec<Tcp>,
    dials: JoinSet<io::Result<TcpStream>>,
    buffer: Box<[u8]>,
    udp_refused: bool,
}

impl Sockets {
    pub(crate) fn new() -> Self {
        Self {
            udp: Vec::new(),
            run: Run::new(),
            run_by: 0,
            received: None,
            tcp: Vec::new(),
            dials: JoinSet::new(),
            buffer: vec![0; READ_BYTES].into_boxed_slice(),
            udp_refused: false,
        }
    }

    /// Opens a UDP socket connected to `remote` and returns its local address: the one this machine reaches
    /// `remote` from. `None` when there are enough sockets already.
    pub(crate) fn connect_udp(&mut self, remote: SocketAddr) -> io::Result<Option<SocketAddr>> {
        if self.udp.len() >= MAX_SOCKETS || self.udp.iter().any(|udp| udp.peer == Some(remote)) {
            return Ok(None);
        }
        let udp = Udp::new(connected_socket(remote)?, Some(remote))?;
        let local = udp.local;
        self.udp.push(udp);
        Ok(Some(local))
    }

    /// Opens a UDP socket that takes datagrams from anybody, on the address this machine reaches `remote` from.
    pub(crate) fn open_udp_towards(&mut self, remote: SocketAddr) -> io::Result<SocketAddr> {
        let address = connected_socket(remote)?.local_addr()?.ip();
        let udp = Udp::new(std::net::UdpSocket::bind((address, 0))?, None)?;
        let local = udp.local;
        self.udp.push(udp);
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
            ready |= udp.poll_receive_ready(context).is_ready();
        }
        for tcp in self.tcp.iter_mut().filter(|tcp| tcp.open) {
            ready |= tcp.poll_ready(context);
        }
        if ready {
            Poll::Ready(Ready::Io)
        } else {
            Poll::Pending
        }
    }

    /// The next datagram that has arrived, on any socket.
    pub(crate) fn receive(&mut self) -> Option<Datagram<'_>> {
        if self.received.is_none() {
            self.received = self.read_udp();
        }
        if let Some((received, start, local)) = self.received.take() {
            let end = received.length.min(start + received.size);
            if end < received.length {
                self.received = Some((received, end, local));
            }
            return Some(Datagram {
                protocol: Protocol::Udp,
                source: received.source,
                local,
                contents: self.buffer.get(start..end)?,
            });
        }
        for tcp in &mut self.tcp {
            if let Some(length) = tcp.next_frame(self.buffer.get_mut(..MAX_DATAGRAM)?) {
                return Some(Datagram {
                    protocol: Protocol::Tcp,
                    source: tcp.peer,
                    local: tcp.local,
                    contents: self.buffer.get(..length)?,
                });
            }
        }
        None
    }

    /// Reads from the first UDP socket where something is; what str0m cannot take is passed over.
    fn read_udp(&mut self) -> Option<(Received, usize, SocketAddr)> {
        for udp in &self.udp {
            loop {
                match udp.receive(&mut self.buffer) {
                    Ok(Some(received)) if received.size.min(received.length) > MAX_DATAGRAM => {}
                    Ok(Some(received)) => return Some((received, 0, udp.local)),
                    Ok(None) => break,
                    Err(error) => {
                        self.udp_refused |= error.kind() == io::ErrorKind::ConnectionRefused;
                        tracing::debug!(%error, local = %udp.local, "UDP receive failed");
                        break;
                    }
                }
            }
        }
        None
    }

    /// Sends one datagram by the socket it names as its source; over UDP at the latest with the next
    /// [`flush`](Self::flush).
    pub(crate) fn send(&mut self, transmit: &Transmit) -> Sent {
        if transmit.proto == Protocol::Tcp {
            let open = |tcp: &&mut Tcp| tcp.local == transmit.source && tcp.open;
            let Some(tcp) = self.tcp.iter_mut().find(open) else {
                return Sent::PathLost;
            };
            tcp.send(&transmit.contents);
            return Sent::Done;
        }
        let Some(by) = self.udp.iter().position(|udp| udp.local == transmit.source) else {
            return Sent::Done;
        };
        if by != self.run_by {
            self.flush();
            self.run_by = by;
        }
        let Some(udp) = self.udp.get(by) else {
            return Sent::Done;
        };
        // ICE pairs every local with every remote candidate; a connected socket reaches one of them.
        if udp.peer.is_none_or(|peer| peer == transmit.destination) {
            let flushed = udp.queue(&mut self.run, transmit.destination, &transmit.contents);
            self.note(flushed);
        }
        Sent::Done
    }

    /// Sends what [`send`](Self::send) kept.
    pub(crate) fn flush(&mut self) {
        if let Some(udp) = self.udp.get(self.run_by) {
            let flushed = udp.flush(&mut self.run);
            self.note(flushed);
        }
    }

    fn note(&mut self, sent: io::Result<()>) {
        if let Err(error) = sent {
            self.udp_refused |= error.kind() == io::ErrorKind::ConnectionRefused;
            tracing::trace!(%error, "UDP send failed");
        }
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
            sockets.flush();
            tokio::task::yield_now().await;
        }
        assert!(sockets.udp_refused());
        assert!(sockets.receive().is_none());
    }
}
