//! Connections: how they are opened, and how much is read from them at a time.

use std::cell::RefCell;
use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use tokio::io::{AsyncRead, ReadBuf};
use tokio::net::{TcpSocket, TcpStream, lookup_host};
use tokio::time::timeout;

use crate::Timeouts;
use crate::camera::{ConnectError, Endpoint};

/// Read at a time from a connection: measured, 64 KiB doubles the cost of a backlog.
const STREAM_BUFFER_BYTES: usize = 256 * 1024;
/// Asked of the kernel per connection, so that a stalled reader does not fill the camera's window (Q114).
const STREAM_KERNEL_BYTES: u32 = 4 * 1024 * 1024;
/// No host name is tried at more addresses.
const MAX_ADDRESSES: usize = 4;

// One buffer a thread, not a camera: what is in it is consumed before the next read.
thread_local! {
    static STREAM_BUFFER: RefCell<Vec<u8>> = RefCell::new(vec![0; STREAM_BUFFER_BYTES]);
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

#[cfg(test)]
mod tests {
    use throughline_rtsp::Security;
    use throughline_rtsp::client::Tunnel;

    use super::*;

    #[tokio::test]
    async fn a_refused_connection_is_told_from_an_unknown_host() {
        let closed = std::net::TcpListener::bind("127.0.0.1:0").and_then(|listener| listener.local_addr());
        let port = closed.expect("a port").port();
        let at = |host: &str, port| Endpoint {
            host: host.to_owned(),
            port,
            security: Security::Plain,
            tunnel: Tunnel::None,
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
