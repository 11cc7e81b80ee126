//! Sockets: how they are opened, and how much is read from them at a time.

use std::cell::RefCell;
use std::io::{self, IoSliceMut};
use std::net::SocketAddr;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use quinn_udp::{RecvMeta, Transmit, UdpSocketState};
use tokio::io::{AsyncRead, Interest, ReadBuf};
use tokio::net::{TcpSocket, TcpStream, UdpSocket, lookup_host};
use tokio::time::timeout;

use crate::Timeouts;
use crate::camera::{ConnectError, Endpoint, UdpPorts};

/// Read at a time from a connection: measured, 64 KiB doubles the cost of a backlog.
const STREAM_BUFFER_BYTES: usize = 256 * 1024;
/// Asked of the kernel per connection, so that a stalled reader does not fill the camera's window (Q114).
const STREAM_KERNEL_BYTES: u32 = 4 * 1024 * 1024;
/// Asked of the kernel per UDP socket: its default loses packets at 300 Mbit/s.
const DATAGRAM_KERNEL_BYTES: usize = 4 * 1024 * 1024;
/// The largest datagram there is, and the largest run of datagrams that GRO hands over as one (Q44).
const DATAGRAM_BYTES: usize = 64 * 1024;
/// Datagrams, or GRO runs of them, per system call.
const DATAGRAM_BATCH: usize = 16;
/// No host name is tried at more addresses.
const MAX_ADDRESSES: usize = 4;
/// Pairs of ports tried before the host counts as out of them.
const MAX_PORT_TRIALS: usize = 32;

// One buffer a thread, not a camera: what is in it is consumed before the next read.
thread_local! {
    static STREAM_BUFFER: RefCell<Vec<u8>> = RefCell::new(vec![0; STREAM_BUFFER_BYTES]);
    static DATAGRAM_BUFFER: RefCell<Vec<u8>> = RefCell::new(vec![0; DATAGRAM_BATCH * DATAGRAM_BYTES]);
}

/// A connection and its two ends.
#[derive(Debug)]
pub(crate) struct Connected {
    pub(crate) stream: TcpStream,
    pub(crate) peer: SocketAddr,
    pub(crate) local: SocketAddr,
}

/// Resolves the host and tries its addresses in turn, each for its share of the time.
pub(crate) async fn connect(endpoint: Endpoint, timeouts: Timeouts) -> Result<Connected, ConnectError> {
    let waited = timeouts.resolve;
    let resolved = timeout(waited, lookup_host((endpoint.host.as_str(), endpoint.port))).await;
    let addresses: Vec<SocketAddr> = resolved
        .map_err(|_| ConnectError::ResolveTimeout { waited })?
        .map_err(ConnectError::Resolve)?
        .take(MAX_ADDRESSES)
        .collect();
    let waited = timeouts.connect;
    let share = waited / u32::try_from(addresses.len().max(1)).unwrap_or(1);
    let mut failure =
        ConnectError::Resolve(io::Error::new(io::ErrorKind::NotFound, "the name has no address"));
    for &address in &addresses {
        match timeout(share, open(address)).await {
            Ok(Ok(connected)) => return Ok(connected),
            Ok(Err(error)) if error.kind() != io::ErrorKind::TimedOut => {
                failure = ConnectError::Connect(error);
            }
            _ => {
                failure = ConnectError::ConnectTimeout {
                    waited,
                    addresses: addresses.clone(),
                }
            }
        }
    }
    Err(failure)
}

async fn open(peer: SocketAddr) -> io::Result<Connected> {
    let new = || {
        if peer.is_ipv4() {
            TcpSocket::new_v4()
        } else {
            TcpSocket::new_v6()
        }
    };
    let mut socket = new()?;
    let granted = socket
        .set_recv_buffer_size(STREAM_KERNEL_BYTES)
        .and_then(|()| socket.recv_buffer_size());
    if !granted.is_ok_and(|granted| granted >= STREAM_KERNEL_BYTES) {
        // A fixed size switches the kernel's tuning off: where little is granted, tuning reaches further. Some systems
        // grant nothing above their limit.
        socket = new()?;
    }
    let stream = socket.connect(peer).await?;
    stream.set_nodelay(true)?;
    let local = stream.local_addr()?;
    Ok(Connected { stream, peer, local })
}

/// Reads once what `stream` holds and hands it to `consume`; nothing means that the peer closed.
pub(crate) fn poll_read(
    stream: &mut TcpStream,
    cx: &mut Context<'_>,
    consume: impl FnOnce(&[u8]),
) -> Poll<io::Result<()>> {
    STREAM_BUFFER.with_borrow_mut(|buffer| {
        let mut buffer = ReadBuf::new(buffer);
        ready!(Pin::new(stream).poll_read(cx, &mut buffer))?;
        consume(buffer.filled());
        Poll::Ready(Ok(()))
    })
}

/// An RTP socket and the RTCP socket at the next higher port,
/// [RFC 3550 §11](https://www.rfc-editor.org/rfc/rfc3550#section-11).
#[derive(Debug)]
pub(crate) struct UdpPair {
    pub(crate) rtp: DatagramSocket,
    pub(crate) rtcp: DatagramSocket,
}

impl UdpPair {
    /// Binds to the address, not the port, of `local`: the one by which the camera is reached.
    pub(crate) fn bind(local: SocketAddr) -> io::Result<Self> {
        let mut failure = io::Error::from(io::ErrorKind::AddrInUse);
        for _ in 0..MAX_PORT_TRIALS {
            let any = bind_to(local, 0)?;
            let port = any.local_addr()?.port();
            let even = port & !1;
            let pair = if port == even {
                bind_to(local, even | 1).map(|rtcp| (any, rtcp))
            } else {
                bind_to(local, even).map(|rtp| (rtp, any))
            };
            match pair {
                Ok(pair) => {
                    return Ok(UdpPair {
                        rtp: DatagramSocket::new(pair.0)?,
                        rtcp: DatagramSocket::new(pair.1)?,
                    });
                }
                Err(error) => failure = error,
            }
        }
        Err(failure)
    }

    /// Where the two are bound.
    pub(crate) fn ports(&self) -> io::Result<UdpPorts> {
        Ok(UdpPorts {
            rtp: self.rtp.socket.local_addr()?.port(),
            rtcp: self.rtcp.socket.local_addr()?.port(),
        })
    }
}

fn bind_to(mut local: SocketAddr, port: u16) -> io::Result<std::net::UdpSocket> {
    local.set_port(port);
    std::net::UdpSocket::bind(local)
}

/// A socket that receives many datagrams in one system call.
#[derive(Debug)]
pub(crate) struct DatagramSocket {
    socket: UdpSocket,
    state: UdpSocketState,
}

impl DatagramSocket {
    fn new(socket: std::net::UdpSocket) -> io::Result<Self> {
        // Refused where the system's limit is lower; then its default has to do.
        let _ = socket2::SockRef::from(&socket).set_recv_buffer_size(DATAGRAM_KERNEL_BYTES);
        let state = UdpSocketState::new((&socket).into())?;
        Ok(DatagramSocket {
            socket: UdpSocket::from_std(socket)?,
            state,
        })
    }

    /// Receives one batch and hands each datagram to `consume` with its source.
    pub(crate) fn poll_receive(
        &self,
        cx: &mut Context<'_>,
        mut consume: impl FnMut(SocketAddr, &[u8]),
    ) -> Poll<io::Result<()>> {
        DATAGRAM_BUFFER.with_borrow_mut(|buffer| {
            loop {
                ready!(self.socket.poll_recv_ready(cx))?;
                let mut slots = buffer.chunks_exact_mut(DATAGRAM_BYTES);
                let mut slots: [IoSliceMut<'_>; DATAGRAM_BATCH] =
                    std::array::from_fn(|_| IoSliceMut::new(slots.next().unwrap_or_default()));
                let mut metas = [RecvMeta::default(); DATAGRAM_BATCH];
                let received = self.socket.try_io(Interest::READABLE, || {
                    self.state.recv((&self.socket).into(), &mut slots, &mut metas)
                });
                let received = match received {
                    Err(error) if error.kind() == io::ErrorKind::WouldBlock => continue,
                    received => received?,
                };
                for (slot, meta) in slots.iter().zip(&metas).take(received) {
                    let run = slot.get(..meta.len).unwrap_or_default();
                    for datagram in run.chunks(meta.stride.max(1)) {
                        consume(meta.addr, datagram);
                    }
                }
                return Poll::Ready(Ok(()));
            }
        })
    }

    /// Sends, or does not: RTCP reports and punches are repeated anyway.
    pub(crate) fn send(&self, destination: SocketAddr, contents: &[u8]) {
        let transmit = Transmit {
            destination,
            ecn: None,
            contents,
            segment_size: None,
            src_ip: None,
        };
        if let Err(error) = self.state.try_send((&self.socket).into(), &transmit) {
            tracing::debug!(%destination, %error, "a datagram was not sent");
        }
    }
}

#[cfg(test)]
mod tests {
    use std::future::poll_fn;
    use std::net::Ipv4Addr;

    use super::*;

    #[tokio::test]
    async fn q35_a_pair_is_an_even_port_and_the_next() -> io::Result<()> {
        for _ in 0..8 {
            let ports = UdpPair::bind((Ipv4Addr::LOCALHOST, 554).into())?.ports()?;
            assert_eq!((ports.rtp % 2, ports.rtcp), (0, ports.rtp + 1));
        }
        Ok(())
    }

    #[tokio::test]
    async fn q44_datagrams_of_any_size_keep_their_bounds_and_order() -> io::Result<()> {
        let pair = UdpPair::bind((Ipv4Addr::LOCALHOST, 0).into())?;
        let destination = pair.rtp.socket.local_addr()?;
        let sent: Vec<Vec<u8>> = (0..100_u8)
            .map(|n| {
                vec![
                    n;
                    if n % 50 == 7 {
                        10_000
                    } else {
                        10 + usize::from(n % 3)
                    }
                ]
            })
            .collect();
        for contents in &sent {
            pair.rtcp.send(destination, contents);
        }
        let mut received = Vec::new();
        while received.len() < sent.len() {
            poll_fn(|cx| {
                pair.rtp
                    .poll_receive(cx, |_, datagram| received.push(datagram.to_vec()))
            })
            .await?;
        }
        assert_eq!(received, sent);
        Ok(())
    }

    #[tokio::test]
    async fn a_refused_connection_is_told_from_an_unknown_host() {
        let closed = std::net::TcpListener::bind("127.0.0.1:0").and_then(|listener| listener.local_addr());
        let port = closed.expect("a port").port();
        let at = |host: &str, port| Endpoint {
            host: host.to_owned(),
            port,
            tls: false,
        };
        let refused = connect(at("127.0.0.1", port), Timeouts::default()).await;
        assert!(
            matches!(&refused, Err(ConnectError::Connect(error)) if error.kind() == io::ErrorKind::ConnectionRefused),
            "{refused:?}"
        );
        let unknown = connect(at("camera.invalid", 554), Timeouts::default()).await;
        assert!(matches!(&unknown, Err(ConnectError::Resolve(_))), "{unknown:?}");
    }
}
