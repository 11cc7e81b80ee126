//! Datagrams: the sockets of media over UDP and multicast, and how many datagrams are read at a time.

use std::cell::RefCell;
use std::io::{self, IoSliceMut};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::slice::Chunks;
use std::task::{Context, Poll, ready};
use std::time::Instant;

use quinn_udp::{RecvMeta, Transmit, UdpSocketState};
use socket2::{Domain, Protocol, Socket, Type};
use tokio::io::Interest;
use tokio::net::UdpSocket;

use crate::ReceiveBuffer;
use crate::camera::{Membership, UdpPorts};
use crate::kernel_drops::Counted;

/// Asked of the kernel per UDP socket: its default loses packets at 300 Mbit/s.
const DATAGRAM_KERNEL_BYTES: usize = 4 * 1024 * 1024;
/// The largest datagram there is, and the largest run of datagrams that GRO hands over as one (Q44).
const DATAGRAM_BYTES: usize = 64 * 1024;
/// Datagrams, or GRO runs of them, per system call at most.
const DATAGRAM_BATCH: usize = 16;
/// About as many bytes per system call, where the last runs were long: what is read, and the pictures that it is copied
/// to, are then still in the core's cache. Measured, 1 MiB of 4K costs half as much again.
const BATCH_BYTES: usize = 128 * 1024;
/// Whether fewer than asked for mean that no more are there, and another system call would only say so: where they come by
/// `recvmmsg`, and the next one to arrive wakes us up.
const SHORT_BATCH_DRAINS: bool = cfg!(any(target_os = "linux", target_os = "android"));
/// Pairs of ports tried before the host counts as out of them.
const MAX_PORT_TRIALS: usize = 32;

// One buffer a thread, not a camera: what is in it is consumed before the next read.
thread_local! {
    static DATAGRAM_BUFFER: RefCell<Vec<u8>> = RefCell::new(vec![0; DATAGRAM_BATCH * DATAGRAM_BYTES]);
}

/// An RTP socket and the RTCP socket at the next higher port,
/// [RFC 3550 §11](https://www.rfc-editor.org/rfc/rfc3550#section-11).
#[derive(Debug)]
pub(crate) struct UdpPair {
    pub(crate) rtp: DatagramSocket,
    pub(crate) rtcp: DatagramSocket,
    /// What the kernel drops of the RTP socket.
    counted: Option<Counted>,
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
                Ok(pair) => return UdpPair::new(pair),
                Err(error) => failure = error,
            }
        }
        Err(failure)
    }

    /// Joins a group, which dropping the sockets leaves.
    pub(crate) fn join(membership: &Membership) -> io::Result<Self> {
        let rtp = joined(membership.rtp, membership)?;
        UdpPair::new((rtp, joined(membership.rtcp, membership)?))
    }

    fn new(sockets: (std::net::UdpSocket, std::net::UdpSocket)) -> io::Result<Self> {
        Ok(UdpPair {
            counted: Counted::new(&sockets.0).ok(),
            rtp: DatagramSocket::new(sockets.0)?,
            rtcp: DatagramSocket::new(sockets.1)?,
        })
    }

    /// What the kernel dropped of RTP because it was not received in time, as far as that is known.
    pub(crate) fn dropped(&self, now: Instant) -> Option<u32> {
        self.counted.and_then(|counted| counted.dropped(now))
    }

    /// Of the RTP socket; the other one is asked for as much.
    pub(crate) fn receive_buffer(&self) -> ReceiveBuffer {
        self.rtp.receive_buffer
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

/// A socket at a group's port. It shares the port, for cameras send to different groups at the same.
fn joined(group: SocketAddr, membership: &Membership) -> io::Result<std::net::UdpSocket> {
    let socket = Socket::new(Domain::for_address(group), Type::DGRAM, Some(Protocol::UDP))?;
    socket.set_reuse_address(true)?;
    socket.set_nonblocking(true)?;
    let address = match group {
        // This system binds to no group; what else comes in by the port is of no source that counts.
        _ if cfg!(windows) => SocketAddr::new(unspecified(group), group.port()),
        // The group's own address keeps out what is sent to other groups and to this host alone.
        group => group,
    };
    socket.bind(&address.into())?;
    match group.ip() {
        IpAddr::V4(ip) => join_v4(&socket, ip, membership)?,
        IpAddr::V6(ip) => join_v6(&socket, ip, membership)?,
    }
    Ok(socket.into())
}

fn unspecified(like: SocketAddr) -> IpAddr {
    match like {
        SocketAddr::V4(_) => Ipv4Addr::UNSPECIFIED.into(),
        SocketAddr::V6(_) => Ipv6Addr::UNSPECIFIED.into(),
    }
}

fn join_v4(socket: &Socket, group: Ipv4Addr, membership: &Membership) -> io::Result<()> {
    let interface = match membership.local.ip().to_canonical() {
        IpAddr::V4(local) => local,
        IpAddr::V6(_) => Ipv4Addr::UNSPECIFIED,
    };
    let sources = membership.sources.iter().filter_map(|source| match source {
        IpAddr::V4(source) => Some(source),
        IpAddr::V6(_) => None,
    });
    // Where the system knows no sources, the camera passes over what others send.
    let joined = sources
        .filter(|source| socket.join_ssm_v4(source, &group, &interface).is_ok())
        .count();
    if joined == 0 {
        socket.join_multicast_v4(&group, &interface)?;
    }
    socket.set_multicast_if_v4(&interface)?;
    socket.set_multicast_ttl_v4(membership.ttl.into())?;
    // Our reports are for the camera.
    socket.set_multicast_loop_v4(false)
}

/// For all sources: the options for one are in no crate that is kept well. The camera passes over what others send.
fn join_v6(socket: &Socket, group: Ipv6Addr, membership: &Membership) -> io::Result<()> {
    let interface = interface_of(membership.local);
    socket.join_multicast_v6(&group, interface)?;
    socket.set_multicast_if_v6(interface)?;
    socket.set_multicast_hops_v6(membership.ttl.into())?;
    socket.set_multicast_loop_v6(false)
}

/// The number of the interface that has this address; 0 leaves it to the system.
fn interface_of(local: SocketAddr) -> u32 {
    match local {
        SocketAddr::V6(local) if local.scope_id() != 0 => local.scope_id(),
        local => interface_by_address(local.ip()).unwrap_or(0),
    }
}

#[cfg(unix)]
fn interface_by_address(local: IpAddr) -> Option<u32> {
    let interface = nix::ifaddrs::getifaddrs().ok()?.find(|interface| {
        interface
            .address
            .as_ref()
            .and_then(|address| address.as_sockaddr_in6())
            .is_some_and(|address| IpAddr::V6(address.ip()) == local)
    })?;
    nix::net::if_::if_nametoindex(interface.interface_name.as_str()).ok()
}

#[cfg(not(unix))]
fn interface_by_address(_: IpAddr) -> Option<u32> {
    None
}

/// A socket that receives many datagrams in one system call.
#[derive(Debug)]
pub(crate) struct DatagramSocket {
    socket: UdpSocket,
    state: UdpSocketState,
    /// Datagrams, or runs of them, that the next system call may bring: 2 to [`DATAGRAM_BATCH`].
    batch: usize,
    receive_buffer: ReceiveBuffer,
}

impl DatagramSocket {
    fn new(socket: std::net::UdpSocket) -> io::Result<Self> {
        let receive_buffer = grow_receive_buffer(&socket);
        let state = UdpSocketState::new((&socket).into())?;
        Ok(DatagramSocket {
            socket: UdpSocket::from_std(socket)?,
            state,
            batch: DATAGRAM_BATCH,
            receive_buffer,
        })
    }

    /// Receives one batch and hands the datagrams to `consume` with their source, those that came in one run together.
    pub(crate) fn poll_receive(
        &mut self,
        cx: &mut Context<'_>,
        mut consume: impl FnMut(SocketAddr, Chunks<'_, u8>),
    ) -> Poll<io::Result<()>> {
        DATAGRAM_BUFFER.with_borrow_mut(|buffer| {
            loop {
                ready!(self.socket.poll_recv_ready(cx))?;
                let mut slots = buffer.chunks_exact_mut(DATAGRAM_BYTES);
                let mut slots: [IoSliceMut<'_>; DATAGRAM_BATCH] =
                    std::array::from_fn(|_| IoSliceMut::new(slots.next().unwrap_or_default()));
                let slots = slots.get_mut(..self.batch).unwrap_or_default();
                let mut metas = [RecvMeta::default(); DATAGRAM_BATCH];
                let mut received = 0;
                let tried = self.socket.try_io(Interest::READABLE, || {
                    received = self.state.recv((&self.socket).into(), slots, &mut metas)?;
                    if received < self.batch && SHORT_BATCH_DRAINS {
                        return Err(io::ErrorKind::WouldBlock.into());
                    }
                    Ok(())
                });
                match tried {
                    Err(error) if error.kind() != io::ErrorKind::WouldBlock => {
                        return Poll::Ready(Err(error));
                    }
                    Err(_) if received == 0 => continue,
                    _ => {}
                }
                self.batch = batch_after(&metas, received);
                for (slot, meta) in slots.iter().zip(&metas).take(received) {
                    let run = slot.get(..meta.len).unwrap_or_default();
                    consume(meta.addr, run.chunks(meta.stride.max(1)));
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

/// How many to ask for next.
fn batch_after(metas: &[RecvMeta], received: usize) -> usize {
    let bytes: usize = metas.iter().take(received).map(|meta| meta.len).sum();
    (BATCH_BYTES * received / bytes.max(1)).clamp(BATCH_BYTES / DATAGRAM_BYTES, DATAGRAM_BATCH)
}

/// Linux gives less than was asked for without a word, other systems refuse, and their default has to do.
fn grow_receive_buffer(socket: &std::net::UdpSocket) -> ReceiveBuffer {
    let socket = socket2::SockRef::from(socket);
    let _ = socket.set_recv_buffer_size(DATAGRAM_KERNEL_BYTES);
    let size = socket.recv_buffer_size().unwrap_or_default();
    // Linux counts its own bookkeeping in: twice what was asked for, https://man7.org/linux/man-pages/man7/socket.7.html.
    let granted = if cfg!(target_os = "linux") { size / 2 } else { size };
    ReceiveBuffer {
        asked: DATAGRAM_KERNEL_BYTES,
        granted,
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
        let mut pair = UdpPair::bind((Ipv4Addr::LOCALHOST, 0).into())?;
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
                    .poll_receive(cx, |_, datagrams| received.extend(datagrams.map(<[u8]>::to_vec)))
            })
            .await?;
        }
        assert_eq!(received, sent);
        Ok(())
    }

    #[tokio::test]
    async fn fewer_are_asked_for_where_they_are_long() -> io::Result<()> {
        let mut pair = UdpPair::bind((Ipv4Addr::LOCALHOST, 0).into())?;
        let destination = pair.rtp.socket.local_addr()?;
        // No more at once than the kernel's default buffer takes.
        let (long, short) = ([60_000, 60_000], [12; 40]);
        let mut asked = Vec::new();
        for sizes in [&long[..], &short, &long] {
            for size in sizes {
                pair.rtcp.send(destination, &vec![7; *size]);
            }
            let mut received = Vec::new();
            while received.len() < sizes.len() {
                poll_fn(|cx| {
                    pair.rtp
                        .poll_receive(cx, |_, run| received.extend(run.map(<[u8]>::len)))
                })
                .await?;
            }
            assert_eq!(received, sizes);
            asked.push(pair.rtp.batch);
        }
        assert_eq!(asked, [2, DATAGRAM_BATCH, 2]);
        Ok(())
    }

    #[cfg(unix)]
    #[tokio::test]
    async fn q43_a_datagram_that_nobody_took_does_not_stop_what_is_received() -> io::Result<()> {
        let closed = std::net::UdpSocket::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()?;
        let socket = std::net::UdpSocket::bind((Ipv4Addr::LOCALHOST, 0))?;
        let at = socket.local_addr()?;
        // Connected, so that this system reports it as others do without.
        socket.connect(closed)?;
        socket.send(b"punch")?;
        let mut socket = DatagramSocket::new(socket)?;
        std::net::UdpSocket::bind(closed)?.send_to(b"media", at)?;
        let error = next(&mut socket).await.expect_err("the report of the punch");
        assert_eq!(error.kind(), io::ErrorKind::ConnectionRefused);
        assert_eq!(next(&mut socket).await?, b"media");
        Ok(())
    }

    /// A group on the loopback interface, and a socket that sends to it from there.
    fn group(
        rtp: SocketAddr,
        local: IpAddr,
        sources: &[IpAddr],
    ) -> io::Result<(UdpPair, std::net::UdpSocket)> {
        let membership = Membership {
            local: SocketAddr::new(local, 554),
            rtp,
            rtcp: SocketAddr::new(rtp.ip(), rtp.port() + 1),
            sources: sources.to_vec(),
            ttl: 1,
        };
        let pair = UdpPair::join(&membership)?;
        let sender = std::net::UdpSocket::bind((local, 0))?;
        let options = socket2::SockRef::from(&sender);
        match local {
            IpAddr::V4(local) => options.set_multicast_if_v4(&local)?,
            IpAddr::V6(_) => options.set_multicast_if_v6(interface_of(membership.local))?,
        }
        Ok((pair, sender))
    }

    async fn next(socket: &mut DatagramSocket) -> io::Result<Vec<u8>> {
        let mut first = None;
        while first.is_none() {
            poll_fn(|cx| {
                socket.poll_receive(cx, |_, mut datagrams| {
                    first = first.take().or_else(|| datagrams.next().map(<[u8]>::to_vec));
                })
            })
            .await?;
        }
        Ok(first.unwrap_or_default())
    }

    #[tokio::test]
    async fn groups_that_share_a_port_do_not_hear_each_other() -> io::Result<()> {
        let local = IpAddr::from(Ipv4Addr::LOCALHOST);
        // Any free port will do, and the next.
        let port = UdpPair::bind((local, 0).into())?.ports()?.rtp;
        let at = |last| SocketAddr::from(([239, 255, 7, last], port));
        let (mut one, sender) = group(at(1), local, &[local])?;
        let (mut two, _) = group(at(2), local, &[])?;
        for (group, contents) in [(at(2), b"two"), (at(1), b"one")] {
            sender.send_to(contents, group)?;
        }
        assert_eq!(next(&mut one.rtp).await?, b"one");
        assert_eq!(next(&mut two.rtp).await?, b"two");
        sender.send_to(b"report", SocketAddr::from(([239, 255, 7, 1], port + 1)))?;
        assert_eq!(next(&mut one.rtcp).await?, b"report");
        Ok(())
    }

    #[cfg(target_os = "linux")]
    #[tokio::test]
    async fn a_group_of_another_source_is_not_heard() -> io::Result<()> {
        let local = IpAddr::from(Ipv4Addr::LOCALHOST);
        let port = UdpPair::bind((local, 0).into())?.ports()?.rtp;
        let address = SocketAddr::from(([239, 255, 7, 3], port));
        let (mut pair, stranger) = group(address, local, &["127.0.0.2".parse().expect("an address")])?;
        let source = std::net::UdpSocket::bind("127.0.0.2:0")?;
        socket2::SockRef::from(&source).set_multicast_if_v4(&Ipv4Addr::LOCALHOST)?;
        stranger.send_to(b"stranger", address)?;
        source.send_to(b"source", address)?;
        assert_eq!(next(&mut pair.rtp).await?, b"source");
        Ok(())
    }

    #[cfg(target_os = "linux")]
    #[tokio::test]
    async fn an_ipv6_group_is_joined_on_the_interface_of_the_connection() -> io::Result<()> {
        let local = IpAddr::from(Ipv6Addr::LOCALHOST);
        let Ok(bound) = UdpPair::bind((local, 0).into()) else {
            // A host without IPv6.
            return Ok(());
        };
        let address = SocketAddr::new("ff15::7:7".parse().expect("a group"), bound.ports()?.rtp);
        let (pair, _) = group(address, local, &[])?;
        // The loopback interface has no route for a group of IPv6: what would arrive cannot be sent.
        let options = socket2::SockRef::from(&pair.rtp.socket);
        assert_eq!(options.multicast_if_v6()?, interface_of((local, 0).into()));
        assert_ne!(options.multicast_if_v6()?, 0);
        assert_eq!(pair.rtp.socket.local_addr()?, address);
        Ok(())
    }
}
