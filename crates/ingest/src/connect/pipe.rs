//! TCP, or TLS over it.

use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpSocket, TcpStream};
use tokio_rustls::client::TlsStream;

/// Asked of the kernel per connection, so that a stalled reader does not fill the camera's window (Q114).
const KERNEL_BYTES: u32 = 4 * 1024 * 1024;

/// What all else goes over.
#[derive(Debug)]
pub(crate) enum Pipe {
    Tcp(TcpStream),
    Tls(Box<TlsStream<TcpStream>>),
}

pub(super) async fn open(peer: SocketAddr) -> io::Result<TcpStream> {
    let new = || {
        if peer.is_ipv4() {
            TcpSocket::new_v4()
        } else {
            TcpSocket::new_v6()
        }
    };
    let mut socket = new()?;
    let granted = socket
        .set_recv_buffer_size(KERNEL_BYTES)
        .and_then(|()| socket.recv_buffer_size());
    if !granted.is_ok_and(|granted| granted >= KERNEL_BYTES) {
        // A fixed size switches the kernel's tuning off: where little is granted, tuning reaches further. Some systems
        // grant nothing above their limit.
        socket = new()?;
    }
    let stream = socket.connect(peer).await?;
    stream.set_nodelay(true)?;
    Ok(stream)
}

impl AsyncRead for Pipe {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Pipe::Tcp(stream) => Pin::new(stream).poll_read(cx, buffer),
            Pipe::Tls(stream) => match Pin::new(stream).poll_read(cx, buffer) {
                // Without close_notify, as cameras hang up. It hides nothing: RTSP says itself how long a message is.
                Poll::Ready(Err(error)) if error.kind() == io::ErrorKind::UnexpectedEof => {
                    Poll::Ready(Ok(()))
                }
                read => read,
            },
        }
    }
}

impl AsyncWrite for Pipe {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        match self.get_mut() {
            Pipe::Tcp(stream) => Pin::new(stream).poll_write(cx, bytes),
            Pipe::Tls(stream) => Pin::new(stream).poll_write(cx, bytes),
        }
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Pipe::Tcp(stream) => Pin::new(stream).poll_flush(cx),
            Pipe::Tls(stream) => Pin::new(stream).poll_flush(cx),
        }
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Pipe::Tcp(stream) => Pin::new(stream).poll_shutdown(cx),
            Pipe::Tls(stream) => Pin::new(stream).poll_shutdown(cx),
        }
    }
}
