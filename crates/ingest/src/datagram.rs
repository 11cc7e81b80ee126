//! Datagrams: the sockets of media over UDP, and how many datagrams are read at a time.

use std::cell::RefCell;
use std::io::{self, IoSliceMut};
use std::net::SocketAddr;
use std::task::{Context, Poll, ready};

use quinn_udp::{RecvMeta, Transmit, UdpSocketState};
use tokio::io::Interest;
use tokio::net::UdpSocket;

use crate::ReceiveBuffer;
use crate::camera::UdpPorts;

/// Asked of the kernel per UDP socket: its default loses packets at 300 Mbit/s.
const DATAGRAM_KERNEL_BYTES: usize = 4 * 1024 * 1024;
/// The largest datagram there is, and the largest run of datagrams that GRO hands over as one (Q44).
const DATAGRAM_BYTES: usize = 64 * 1024;
/// Datagrams, or GRO runs of them, per system call.
const DATAGRAM_BATCH: usize = 16;
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

/// A socket that receives many datagrams in one system call.
#[derive(Debug)]
pub(crate) struct DatagramSocket {
    socket: UdpSocket,
    state: UdpSocketState,
    receive_buffer: ReceiveBuffer,
}

impl DatagramSocket {
    fn new(socket: std::net::UdpSocket) -> io::Result<Self> {
        let receive_buffer = grow_receive_buffer(&socket);
        let state = UdpSocketState::new((&socket).into())?;
        Ok(DatagramSocket {
            socket: UdpSocket::from_std(socket)?,
            state,
            receive_buffer,
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
}
