//! A UDP socket that sends runs of datagrams, each run in one system call.

use std::cell::Cell;
use std::io::{self, IoSliceMut};
use std::mem;
use std::net::SocketAddr;
use std::task::{Context, Poll};

use quinn_udp::{RecvMeta, Transmit, UdpSocketState};
use tokio::io::Interest;
use tokio::net::UdpSocket;

/// Most bytes of a run: what str0m's pacer lets go at once, so that a run is no larger burst than single datagrams would
/// be. The kernel takes 64 KiB.
const MAX_RUN_BYTES: usize = 63_000;

thread_local! {
    /// Memory for a run. All who send on a thread take turns with it, for none leaves a run waiting when another's turn comes;
    /// it stays in the processor's cache, where one for each would not.
    static SPARE: Cell<Vec<u8>> = const { Cell::new(Vec::new()) };
}

/// Datagrams of one size to one place, of which the last may be shorter: the kernel takes them as one, and cuts them up as
/// late as it can.
#[derive(Debug)]
pub(super) struct Run {
    /// The place, and the size.
    to: Option<(SocketAddr, usize)>,
    contents: Vec<u8>,
}

impl Run {
    pub(super) fn new() -> Self {
        Self {
            to: None,
            contents: Vec::new(),
        }
    }

    /// Whether a datagram of `length` bytes can go with what waits, at most `most` of them in all.
    fn takes(&self, destination: SocketAddr, length: usize, most: usize) -> bool {
        let Some((place, size)) = self.to else {
            return true;
        };
        place == destination
            && length <= size
            && self.contents.len().is_multiple_of(size)
            && self.contents.len() / size < most
            && self.contents.len() + length <= MAX_RUN_BYTES
    }
}

/// What one system call received: datagrams of `size` bytes, of which the last may be shorter.
#[derive(Debug, Clone, Copy)]
pub(super) struct Received {
    pub(super) source: SocketAddr,
    pub(super) length: usize,
    pub(super) size: usize,
}

#[derive(Debug)]
pub(super) struct Udp {
    socket: UdpSocket,
    state: UdpSocketState,
    pub(super) local: SocketAddr,
    /// Set on a connected socket.
    pub(super) peer: Option<SocketAddr>,
}

impl Udp {
    pub(super) fn new(socket: std::net::UdpSocket, peer: Option<SocketAddr>) -> io::Result<Self> {
        socket.set_nonblocking(true)?;
        let local = socket.local_addr()?;
        let state = UdpSocketState::new((&socket).into())?;
        #[cfg(any(target_os = "linux", target_os = "android"))]
        allow_fragments(&socket);
        Ok(Self {
            socket: UdpSocket::from_std(socket)?,
            state,
            local,
            peer,
        })
    }

    pub(super) fn poll_receive_ready(&self, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.socket.poll_recv_ready(context)
    }

    /// Sends what waits in `run` if the datagram does not fit behind it, and adds the datagram.
    pub(super) fn queue(&self, run: &mut Run, destination: SocketAddr, contents: &[u8]) -> io::Result<()> {
        let flushed = if run.takes(destination, contents.len(), self.longest_run()) {
            Ok(())
        } else {
            self.flush(run)
        };
        if run.to.is_none() {
            run.to = Some((destination, contents.len().max(1)));
            run.contents = SPARE.take();
        }
        run.contents.extend_from_slice(contents);
        flushed
    }

    /// Sends what waits in `run`. A kernel or a device that does not take it as one gets its datagrams one by one, as after
    /// a report about earlier ones, which comes in place of sending, and is the error even so.
    pub(super) fn flush(&self, run: &mut Run) -> io::Result<()> {
        let Some((destination, size)) = run.to.take() else {
            return Ok(());
        };
        let sent = if run.contents.len() > size {
            let transmit = Transmit {
                destination,
                ecn: None,
                contents: &run.contents,
                segment_size: Some(size),
                src_ip: None,
            };
            self.socket.try_io(Interest::WRITABLE, || {
                self.state.try_send((&self.socket).into(), &transmit)
            })
        } else {
            Err(io::ErrorKind::Unsupported.into())
        };
        let sent = match sent {
            Err(error) if error.kind() != io::ErrorKind::WouldBlock => {
                let datagrams = run.contents.chunks(size);
                let sent = datagrams
                    .map(|datagram| self.send(destination, datagram))
                    .fold(Ok(()), Result::and);
                if error.kind() == io::ErrorKind::ConnectionRefused {
                    Err(error)
                } else {
                    sent
                }
            }
            sent => sent,
        };
        run.contents.clear();
        SPARE.set(mem::take(&mut run.contents));
        sent
    }

    fn send(&self, destination: SocketAddr, datagram: &[u8]) -> io::Result<()> {
        match self.peer {
            Some(_) => self.socket.try_send(datagram),
            None => self.socket.try_send_to(datagram, destination),
        }
        .map(drop)
    }

    /// Elsewhere than on Linux a connected socket refuses to be told a destination, which a run has.
    fn longest_run(&self) -> usize {
        if cfg!(any(target_os = "linux", target_os = "android")) {
            self.state.max_gso_segments()
        } else {
            1
        }
    }

    /// Reads once; `None` when nothing is there.
    pub(super) fn receive(&self, buffer: &mut [u8]) -> io::Result<Option<Received>> {
        let (mut slots, mut metas) = ([IoSliceMut::new(buffer)], [RecvMeta::default()]);
        let received = self.socket.try_io(Interest::READABLE, || {
            self.state.recv((&self.socket).into(), &mut slots, &mut metas)
        });
        let [meta] = metas;
        match received {
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => Ok(None),
            received => received.map(|_| {
                Some(Received {
                    source: meta.addr,
                    length: meta.len,
                    size: meta.stride.max(1),
                })
            }),
        }
    }
}

/// Takes back what `quinn-udp` sets for QUIC, which looks for the path's largest datagram itself: with it, a path below some
/// 1240 bytes, as in some tunnels, would lose all datagrams of video, and the kernel not mind what routers report. IPv6 has no
/// such paths.
#[cfg(any(target_os = "linux", target_os = "android"))]
fn allow_fragments(socket: &std::net::UdpSocket) {
    use rustix::net::sockopt::{Ipv4PathMtuDiscovery, set_ip_mtu_discover};
    if let Err(error) = set_ip_mtu_discover(socket, Ipv4PathMtuDiscovery::WANT) {
        tracing::debug!(%error, "datagrams larger than the path takes will be lost");
    }
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;
    use std::time::Duration;

    use super::*;

    fn pair() -> (Udp, std::net::UdpSocket) {
        let receiver = std::net::UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        receiver.set_read_timeout(Some(Duration::from_secs(5))).unwrap();
        let socket = std::net::UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let peer = receiver.local_addr().unwrap();
        socket.connect(peer).unwrap();
        (Udp::new(socket, Some(peer)).unwrap(), receiver)
    }

    fn datagrams(sizes: &[usize]) -> Vec<Vec<u8>> {
        (0..).zip(sizes).map(|(n, size)| vec![n; *size]).collect()
    }

    fn received(receiver: &std::net::UdpSocket, count: usize) -> Vec<Vec<u8>> {
        let mut buffer = vec![0; 65_536];
        (0..count)
            .map(|_| {
                let length = receiver.recv(&mut buffer).unwrap();
                buffer[..length].to_vec()
            })
            .collect()
    }

    #[tokio::test]
    async fn datagrams_of_any_sizes_keep_their_bounds_and_order_and_the_last_waits_for_the_flush() {
        let (udp, receiver) = pair();
        udp.socket.writable().await.unwrap();
        let peer = udp.peer.unwrap();
        let mut sizes = vec![1200, 1188, 1188, 1188, 400, 1188, 90, 90, 91, 1];
        // More than a run holds, less than the receiver's buffer.
        sizes.extend([1188; 60]);
        let (sent, mut run) = (datagrams(&sizes), Run::new());
        let mut buffer = Vec::new();
        for datagram in &sent {
            udp.queue(&mut run, peer, datagram).unwrap();
            assert!(run.contents.len() <= MAX_RUN_BYTES);
        }
        let waiting = run.contents.len() / 1188;
        assert!(waiting > 0);
        buffer.extend(received(&receiver, sent.len() - waiting));
        udp.flush(&mut run).unwrap();
        assert!(run.contents.is_empty() && run.to.is_none());
        buffer.extend(received(&receiver, waiting));
        assert_eq!(buffer, sent);
    }

    #[tokio::test]
    async fn datagrams_to_two_places_are_two_runs() {
        let socket = std::net::UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let udp = Udp::new(socket, None).unwrap();
        udp.socket.writable().await.unwrap();
        let (one, other) = (pair().1, pair().1);
        let (at_one, at_other) = (one.local_addr().unwrap(), other.local_addr().unwrap());
        let mut run = Run::new();
        for destination in [at_one, at_one, at_other, at_one] {
            udp.queue(&mut run, destination, &[7; 100]).unwrap();
        }
        udp.flush(&mut run).unwrap();
        assert_eq!(received(&one, 3), vec![vec![7; 100]; 3]);
        assert_eq!(received(&other, 1), vec![vec![7; 100]]);
    }

    #[cfg(unix)]
    #[tokio::test]
    async fn a_run_that_is_refused_goes_datagram_by_datagram() {
        let (udp, receiver) = pair();
        udp.socket.writable().await.unwrap();
        let at = udp.peer.unwrap();
        drop(receiver);
        udp.send(at, b"to nobody").unwrap();
        let receiver = std::net::UdpSocket::bind(at).unwrap();
        receiver.set_read_timeout(Some(Duration::from_secs(5))).unwrap();
        let (sent, mut run) = (datagrams(&[100, 100, 5]), Run::new());
        for datagram in &sent {
            udp.queue(&mut run, at, datagram).unwrap();
        }
        // The report of the first datagram comes in place of sending the run.
        let report = udp.flush(&mut run).unwrap_err();
        assert_eq!(report.kind(), io::ErrorKind::ConnectionRefused);
        assert_eq!(received(&receiver, 3), sent);
    }

    #[cfg(target_os = "linux")]
    #[tokio::test]
    async fn the_kernel_may_fragment_what_a_path_does_not_take() {
        use rustix::net::sockopt::{Ipv4PathMtuDiscovery, ip_mtu_discover};
        let discovery = ip_mtu_discover(&pair().0.socket).unwrap();
        assert_eq!(discovery, Ipv4PathMtuDiscovery::WANT);
    }
}
