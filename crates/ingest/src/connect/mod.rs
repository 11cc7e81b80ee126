//! From an [`Endpoint`] to a connection that RTSP goes over: the name, an address of it, TLS, and the tunnel, each with
//! its own time-out.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;

use throughline_rtsp::Security;
use tokio::net::{TcpStream, lookup_host};
use tokio::time::timeout;

use crate::camera::{ConnectError, Endpoint};
use crate::{Config, Timeouts};

mod connection;
mod eyeballs;
mod pipe;
mod tls;

use connection::Road;
pub(crate) use connection::{Connection, Read};
use pipe::Pipe;
use tls::Tls;

/// What a camera's connections have in common.
#[derive(Debug)]
pub(crate) struct Connector {
    timeouts: Timeouts,
    tls: Tls,
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
        })
    }

    pub(crate) async fn connect(self: Arc<Self>, endpoint: Endpoint) -> Result<Connected, ConnectError> {
        let addresses = self.resolve(&endpoint).await?;
        let stream = self.open(&addresses).await?;
        let (peer, local) = stream
            .peer_addr()
            .and_then(|peer| Ok((peer, stream.local_addr()?)))
            .map_err(ConnectError::Connect)?;
        let pipe = match endpoint.security {
            Security::Plain => Pipe::Tcp(stream),
            Security::Tls => {
                let waited = self.timeouts.tls;
                let secured = timeout(waited, self.tls.handshake(&endpoint.host, stream)).await;
                let secured = secured.map_err(|_| ConnectError::TlsTimeout { waited })?;
                Pipe::Tls(Box::new(secured.map_err(ConnectError::Tls)?))
            }
        };
        Ok(Connected {
            connection: Connection::new(Road::Direct(pipe)),
            peer,
            local,
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
        let waited = self.timeouts.connect;
        let timed_out = || ConnectError::ConnectTimeout {
            waited,
            addresses: addresses.to_vec(),
        };
        match timeout(waited, eyeballs::race(addresses, pipe::open)).await {
            Ok(Ok(stream)) => Ok(stream),
            // The system's own patience, where it is shorter than ours.
            Ok(Err(error)) if error.kind() == io::ErrorKind::TimedOut => Err(timed_out()),
            Ok(Err(error)) => Err(ConnectError::Connect(error)),
            Err(_) => Err(timed_out()),
        }
    }
}

#[cfg(test)]
mod tests {
    use throughline_rtsp::client::Tunnel;

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
