//! The floor: what it costs to have the bytes at all, which are then thrown away.

use std::io::{self, IoSliceMut, Read, Write};
use std::net::{Ipv4Addr, TcpStream, UdpSocket};
use std::os::fd::AsRawFd;

use anyhow::{Context, Result, ensure};
use nix::errno::Errno;
use nix::sys::epoll::{Epoll, EpollCreateFlags, EpollEvent, EpollFlags, EpollTimeout};
use nix::sys::socket::{MsgFlags, MultiHeaders, SockaddrStorage, recvmmsg};
use quinn_udp::{RecvMeta, UdpSocketState};
use socket2::SockRef;

use super::meter::Meter;
use super::{Allocations, Options};
use crate::report::Client;

/// Bytes of one read.
const READ: usize = 256 * 1024;
/// Datagrams of one `recvmmsg`, and bytes of one of them.
const BATCH: usize = 64;
const DATAGRAM: usize = 2048;
/// Runs of datagrams of one system call with GRO, and bytes of one of them.
const GRO_BATCH: usize = 16;
const GRO_RUN: usize = 64 * 1024;
/// Asked of the kernel for a UDP socket.
const RECEIVE_BUFFER: usize = 4 * 1024 * 1024;

/// How datagrams are received.
#[derive(Clone, Copy, Debug)]
pub(super) enum Datagrams {
    Gro,
    Recvmmsg,
}

enum Socket {
    Tcp(TcpStream),
    /// With the connection, which is kept.
    Gro(
        UdpSocketState,
        UdpSocket,
        #[expect(dead_code, reason = "held open")] TcpStream,
    ),
    Recvmmsg(UdpSocket, #[expect(dead_code, reason = "held open")] TcpStream),
}

pub(super) fn run(options: &Options, datagrams: Datagrams, allocations: Allocations) -> Result<Client> {
    let mut meter = Meter::new(options, options.wire, allocations);
    let epoll = Epoll::new(EpollCreateFlags::empty())?;
    let mut sockets = Vec::new();
    for number in 0..options.cameras {
        meter.connects(number);
        let (socket, already) = connect(options, number, datagrams)?;
        let event = EpollEvent::new(EpollFlags::EPOLLIN, number as u64);
        match &socket {
            Socket::Tcp(stream) => epoll.add(stream, event)?,
            Socket::Gro(_, socket, _) | Socket::Recvmmsg(socket, _) => epoll.add(socket, event)?,
        }
        sockets.push(Some(socket));
        if already > 0 {
            meter.advance(number, already);
        }
    }
    let mut buffer = Buffer {
        bytes: vec![0; GRO_BATCH * GRO_RUN],
        headers: MultiHeaders::preallocate(BATCH, None),
    };
    let mut events = [EpollEvent::empty(); 1024];
    let mut open = sockets.len();
    while open > 0 {
        // A sender that has stopped would keep it waiting for ever.
        let ready = epoll.wait(&mut events, EpollTimeout::try_from(5000)?)?;
        if ready == 0 {
            break;
        }
        for event in events.iter().take(ready) {
            let number = usize::try_from(event.data())?;
            let Some(slot) = sockets.get_mut(number) else {
                continue;
            };
            let Some(socket) = slot else { continue };
            let read = buffer.receive(socket)?;
            if read == 0 || meter.advance(number, read as u64) {
                open -= 1;
                *slot = None;
            }
        }
    }
    meter.report()
}

struct Buffer {
    bytes: Vec<u8>,
    headers: MultiHeaders<SockaddrStorage>,
}

impl Buffer {
    /// Bytes that were received; none at the end of the connection.
    fn receive(&mut self, socket: &Socket) -> Result<usize> {
        match socket {
            Socket::Tcp(stream) => {
                let mut stream = stream;
                let buffer = self.bytes.get_mut(..READ).context("a small buffer")?;
                match stream.read(buffer) {
                    Err(error) if error.kind() == io::ErrorKind::ConnectionReset => Ok(0),
                    read => Ok(read?),
                }
            }
            Socket::Gro(state, socket, _) => {
                let mut runs = self.bytes.chunks_exact_mut(GRO_RUN);
                let mut slots: [IoSliceMut<'_>; GRO_BATCH] =
                    std::array::from_fn(|_| IoSliceMut::new(runs.next().unwrap_or_default()));
                let mut metas = [RecvMeta::default(); GRO_BATCH];
                let received = state.recv(socket.into(), &mut slots, &mut metas)?;
                Ok(metas.iter().take(received).map(|meta| meta.len).sum())
            }
            Socket::Recvmmsg(socket, _) => {
                let datagrams = self.bytes.chunks_exact_mut(DATAGRAM).take(BATCH);
                let mut slots: Vec<_> = datagrams.map(|datagram| [IoSliceMut::new(datagram)]).collect();
                let flags = MsgFlags::MSG_DONTWAIT;
                match recvmmsg(socket.as_raw_fd(), &mut self.headers, &mut slots, flags, None) {
                    Ok(received) => Ok(received.map(|message| message.bytes).sum()),
                    Err(Errno::EAGAIN) => Ok(0),
                    Err(error) => Err(error.into()),
                }
            }
        }
    }
}

/// SETUP and PLAY. Also says how many bytes of media came with PLAY's answer.
fn connect(options: &Options, number: usize, datagrams: Datagrams) -> Result<(Socket, u64)> {
    let mut stream = TcpStream::connect(&options.address)?;
    stream.set_nodelay(true)?;
    let url = options.url(number);
    if !options.udp {
        ask(
            &mut stream,
            &format!("SETUP {url}/track"),
            "Transport: RTP/AVP/TCP;unicast;interleaved=0-1\r\n",
        )?;
        let already = ask(&mut stream, &format!("PLAY {url}"), "Session: 12345678\r\n")?;
        stream.set_nonblocking(true)?;
        return Ok((Socket::Tcp(stream), already));
    }
    let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0))?;
    SockRef::from(&socket).set_recv_buffer_size(RECEIVE_BUFFER)?;
    let port = socket.local_addr()?.port();
    let socket = match datagrams {
        Datagrams::Gro => Socket::Gro(
            UdpSocketState::new((&socket).into())?,
            socket,
            stream.try_clone()?,
        ),
        Datagrams::Recvmmsg => Socket::Recvmmsg(socket, stream.try_clone()?),
    };
    let transport = format!(
        "Transport: RTP/AVP;unicast;client_port={port}-{}\r\n",
        port.wrapping_add(1)
    );
    ask(&mut stream, &format!("SETUP {url}/track"), &transport)?;
    ask(&mut stream, &format!("PLAY {url}"), "Session: 12345678\r\n")?;
    Ok((socket, 0))
}

/// Sends a request, waits for its answer, and says how many bytes came behind it. These answers have no bodies.
fn ask(stream: &mut TcpStream, request: &str, headers: &str) -> Result<u64> {
    stream.write_all(format!("{request} RTSP/1.0\r\nCSeq: 1\r\n{headers}\r\n").as_bytes())?;
    let mut answer = Vec::new();
    loop {
        let mut chunk = [0; 4096];
        let read = stream.read(&mut chunk)?;
        ensure!(read > 0, "the sender hung up");
        answer.extend_from_slice(chunk.get(..read).unwrap_or_default());
        let end = answer.windows(4).position(|window| window == b"\r\n\r\n");
        if let Some(end) = end {
            ensure!(answer.starts_with(b"RTSP/1.0 200"), "refused");
            return Ok((answer.len() - end - 4) as u64);
        }
    }
}
