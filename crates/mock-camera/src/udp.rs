use std::collections::HashMap;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use tokio::net::UdpSocket;
use tokio::sync::mpsc;

use crate::server::{Packet, Pair};

/// Tries to find an even port with a free neighbour. Every other one succeeds on an idle machine.
const BIND_ATTEMPTS: usize = 64;

/// RTCP datagrams that wait for one client; more are dropped. A client sends one every few seconds.
const RTCP_QUEUE: usize = 16;

/// Time until the next try after the socket failed.
const RECEIVE_RETRY: Duration = Duration::from_millis(10);

/// Longest RTCP datagram that is read whole: a link's packet.
const MAX_RTCP: usize = 1500;

/// The camera's pair of UDP ports, which all clients share: RTP, and RTCP on the port above it.
#[derive(Debug)]
pub(crate) struct UdpPorts {
    sockets: Pair<UdpSocket>,
    ports: (u16, u16),
    routes: Mutex<HashMap<SocketAddr, mpsc::Sender<Bytes>>>,
}

impl UdpPorts {
    pub(crate) async fn bind(address: IpAddr) -> io::Result<Self> {
        let mut failure = io::Error::from(io::ErrorKind::AddrInUse);
        for _ in 0..BIND_ATTEMPTS {
            let even = UdpSocket::bind((address, 0)).await?;
            let port = even.local_addr()?.port();
            // https://www.rfc-editor.org/rfc/rfc3550#section-11
            if !port.is_multiple_of(2) {
                continue;
            }
            match UdpSocket::bind((address, port + 1)).await {
                Ok(odd) => {
                    let sockets = Pair { rtp: even, rtcp: odd };
                    return Ok(Self {
                        sockets,
                        ports: (port, port + 1),
                        routes: Mutex::default(),
                    });
                }
                Err(error) => failure = error,
            }
        }
        Err(failure)
    }

    pub(crate) fn ports(&self) -> (u16, u16) {
        self.ports
    }

    pub(crate) async fn send(&self, packet: Packet<'_>, to: SocketAddr) -> io::Result<()> {
        self.sockets
            .of(packet.protocol)
            .send_to(packet.bytes, to)
            .await
            .map(drop)
    }

    /// Hands what comes in to the clients that it comes from, for ever.
    pub(crate) async fn receive_rtcp(&self) {
        let mut buffer = vec![0; MAX_RTCP];
        loop {
            match self.sockets.rtcp.recv_from(&mut buffer).await {
                Ok((length, from)) => {
                    if let (Some(route), Some(datagram)) = (self.routes().get(&from), buffer.get(..length)) {
                        let _ = route.try_send(Bytes::copy_from_slice(datagram));
                    }
                }
                // Some systems report here that an earlier packet found nobody; a socket that is really gone
                // fails at once and for ever, and must not keep a core busy.
                Err(error) => {
                    tracing::debug!(%error, "no RTCP");
                    tokio::time::sleep(RECEIVE_RETRY).await;
                }
            }
        }
    }

    /// Gives what comes from `client` to the receiver, until the route is dropped.
    pub(crate) fn route(self: &Arc<Self>, client: SocketAddr) -> Route {
        let (sender, datagrams) = mpsc::channel(RTCP_QUEUE);
        self.routes().insert(client, sender.clone());
        Route {
            ports: Arc::clone(self),
            client,
            sender,
            datagrams,
        }
    }

    fn routes(&self) -> MutexGuard<'_, HashMap<SocketAddr, mpsc::Sender<Bytes>>> {
        self.routes.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// One client's RTCP.
#[derive(Debug)]
pub(crate) struct Route {
    ports: Arc<UdpPorts>,
    client: SocketAddr,
    sender: mpsc::Sender<Bytes>,
    datagrams: mpsc::Receiver<Bytes>,
}

impl Route {
    pub(crate) fn client(&self) -> SocketAddr {
        self.client
    }

    /// The next datagram. Cancel safe.
    pub(crate) async fn receive(&mut self) -> Option<Bytes> {
        self.datagrams.recv().await
    }
}

impl Drop for Route {
    fn drop(&mut self) {
        let mut routes = self.ports.routes();
        // The same address may have been given to a newer session meanwhile.
        if routes
            .get(&self.client)
            .is_some_and(|sender| sender.same_channel(&self.sender))
        {
            routes.remove(&self.client);
        }
    }
}
