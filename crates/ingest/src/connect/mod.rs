//! From an [`Endpoint`] to a connection that RTSP goes over: the name, an address of it, TLS, and the tunnel, each with
//! its own time-out.

use std::collections::hash_map::RandomState;
use std::hash::BuildHasher;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;

use throughline_rtsp::Security;
use throughline_rtsp::client::Tunnel;
use tokio::net::{TcpStream, lookup_host};
use tokio::time::{Instant, timeout};

use crate::camera::{ConnectError, Endpoint};
use crate::{Config, Timeouts};

mod connection;
mod eyeballs;
mod http_tunnel;
mod pipe;
mod tls;
mod websocket;

use connection::Road;
pub(crate) use connection::{Connection, Read};
use http_tunnel::HttpTunnel;
use pipe::Pipe;
use tls::Tls;
use websocket::WebSocket;

/// What a camera's connections have in common.
#[derive(Debug)]
pub(crate) struct Connector {
    timeouts: Timeouts,
    tls: Tls,
    user_agent: String,
}

/// A connection and its two ends.
#[derive(Debug)]
pub(crate) struct Connected {
    pub(crate) connection: Connection,
    pub(crate) peer: SocketAddr,
    pub(crate) local: SocketAddr,
}

impl Connector {
    pub(crate) fn new(config: &Config) -> Arc<Self> {
        Arc::new(Connector {
            timeouts: config.timeouts.bounded(),
            tls: Tls::new(config.tls.clone()),
            user_agent: config.user_agent.clone(),
        })
    }

    pub(crate) async fn connect(self: Arc<Self>, endpoint: Endpoint) -> Result<Connected, ConnectError> {
        let addresses = self.resolve(&endpoint).await?;
        let stream = self.open(&addresses).await?;
        let (peer, local) = stream
            .peer_addr()
            .and_then(|peer| Ok((peer, stream.local_addr()?)))
            .map_err(ConnectError::Connect)?;
        let waited = self.timeouts.tls;
        let pipe = timeout(waited, self.secure(&endpoint, stream)).await;
        let pipe = pipe.map_err(|_| ConnectError::TlsTimeout { waited })??;
        let road = match &endpoint.tunnel {
            Tunnel::None => Road::Direct(pipe),
            tunnel => {
                let waited = self.timeouts.tunnel;
                let route = Arc::new(Route {
                    connector: Arc::clone(&self),
                    endpoint: endpoint.clone(),
                    peer,
                });
                let road = timeout(waited, route.tunnel(tunnel, pipe)).await;
                road.map_err(|_| ConnectError::TunnelTimeout { waited })??
            }
        };
        Ok(Connected {
            connection: Connection::new(road),
            peer,
            local,
        })
    }

    async fn secure(&self, endpoint: &Endpoint, stream: TcpStream) -> Result<Pipe, ConnectError> {
        Ok(match endpoint.security {
            Security::Plain => Pipe::Tcp(stream),
            Security::Tls => Pipe::Tls(Box::new(self.tls.handshake(&endpoint.host, stream).await?)),
        })
    }

    async fn resolve(&self, endpoint: &Endpoint) -> Result<Vec<SocketAddr>, ConnectError> {
        let waited = self.timeouts.resolve;
        let resolved = timeout(waited, lookup_host((endpoint.host.as_str(), endpoint.port))).await;
        let resolved = resolved
            .map_err(|_| ConnectError::ResolveTimeout { waited })?
            .map_err(ConnectError::Resolve)?;
        let addresses = eyeballs::order(resolved);
        if addresses.is_empty() {
            let nobody = io::Error::new(io::ErrorKind::NotFound, "the name has no address");
            return Err(ConnectError::Resolve(nobody));
        }
        Ok(addresses)
    }

    async fn open(&self, addresses: &[SocketAddr]) -> Result<TcpStream, ConnectError> {
        let begun = Instant::now();
        let timed_out = || ConnectError::ConnectTimeout {
            waited: begun.elapsed(),
            addresses: addresses.to_vec(),
        };
        match timeout(self.timeouts.connect, eyeballs::race(addresses, pipe::open)).await {
            Ok(Ok(stream)) => Ok(stream),
            // The system's own patience, where it is shorter than ours.
            Ok(Err(error)) if error.kind() == io::ErrorKind::TimedOut => Err(timed_out()),
            Ok(Err(error)) => Err(ConnectError::Connect(error)),
            Err(_) => Err(timed_out()),
        }
    }
}

/// The way to a server that was reached once: the further connections of a tunnel go to the same address.
#[derive(Debug)]
struct Route {
    connector: Arc<Connector>,
    endpoint: Endpoint,
    peer: SocketAddr,
}

impl Route {
    async fn tunnel(self: Arc<Self>, tunnel: &Tunnel, pipe: Pipe) -> Result<Road, ConnectError> {
        Ok(match tunnel {
            Tunnel::None => Road::Direct(pipe),
            Tunnel::Http(target) => Road::Http(Box::new(HttpTunnel::open(self, pipe, target).await?)),
            Tunnel::WebSocket(target) => Road::WebSocket(WebSocket::open(&self, pipe, target).await?),
        })
    }

    /// One more connection.
    async fn connect(&self) -> Result<Pipe, ConnectError> {
        let stream = pipe::open(self.peer).await.map_err(ConnectError::Connect)?;
        self.connector.secure(&self.endpoint, stream).await
    }

    /// The same while the tunnel is open, where nothing else ends it.
    async fn reconnect(&self) -> Result<Pipe, ConnectError> {
        let waited = self.connector.timeouts.tunnel;
        let connected = timeout(waited, self.connect()).await;
        connected.map_err(|_| ConnectError::TunnelTimeout { waited })?
    }

    fn user_agent(&self) -> &str {
        &self.connector.user_agent
    }
}

/// Of the system's randomness. A kernel that has none yet lets the standard library wait for its hash keys.
pub(crate) fn random() -> u64 {
    getrandom::u64().unwrap_or_else(|_| RandomState::new().hash_one(0_u8))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_refused_connection_is_told_from_an_unknown_host() {
        let connector = Connector::new(&Config::parse("rtsp://camera.invalid").expect("a URL"));
        let closed = std::net::TcpListener::bind("127.0.0.1:0").and_then(|listener| listener.local_addr());
        let port = closed.expect("a port").port();
        let at = |host: &str, port| Endpoint {
            host: host.to_owned(),
            port,
            security: Security::Plain,
            tunnel: Tunnel::None,
        };
        let refused = Arc::clone(&connector).connect(at("127.0.0.1", port)).await;
        assert!(
            matches!(&refused, Err(ConnectError::Connect(error)) if error.kind() == io::ErrorKind::ConnectionRefused),
            "{refused:?}"
        );
        let unknown = connector.connect(at("camera.invalid", 554)).await;
        assert!(matches!(&unknown, Err(ConnectError::Resolve(_))), "{unknown:?}");
    }
}
