use std::hash::{BuildHasher, RandomState};
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use throughline_rtsp::headers::LowerTransport;
use tokio::net::TcpListener;
use tokio::sync::oneshot;
use tokio::task::{JoinHandle, JoinSet};

use crate::authentication::Authentication;
use crate::client;
use crate::clip::{BuiltInClip, Clip};
use crate::quirks::{Quirk, Quirks};
use crate::server::{CAMERA, Clocks, Connection, Server, ServerConfig};
use crate::stats::{MockCameraStats, count};
use crate::transports::Transports;
use crate::udp::UdpPorts;

/// Connections open at once; one more is closed as soon as it comes. Each may hold
/// [`MAX_SEND_QUEUE`](crate::MAX_SEND_QUEUE) bytes and a picture: 128 MiB and 256 pictures all together.
pub const MAX_CLIENTS: usize = 256;

/// Time until the next try after a connection could not be taken: mostly there are no file descriptors left,
/// and at once there would be none again.
const ACCEPT_RETRY: Duration = Duration::from_millis(100);

/// What goes wrong when a camera is started.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum MockCameraError {
    /// The address cannot be listened on: in use, or not this machine's.
    #[error("cannot listen on {address}: {source}")]
    Listen {
        /// The RTSP address.
        address: SocketAddr,
        /// What the system says.
        source: io::Error,
    },
    /// No pair of UDP ports could be had there.
    #[error("no two neighbouring UDP ports to be had on {address}: {source}")]
    UdpPorts {
        /// The address of the camera.
        address: IpAddr,
        /// What the system said last.
        source: io::Error,
    },
}

/// How the camera is to be; made by [`MockCamera::builder`].
#[derive(Debug, Clone)]
#[must_use = "a camera plays only once it is started"]
pub struct Builder {
    clip: Clip,
    listen: SocketAddr,
    authentication: Authentication,
    transports: Transports,
    quirks: Quirks,
}

impl Builder {
    /// What it plays. Default: [`BuiltInClip::ConstrainedBaseline`].
    pub fn clip(mut self, clip: Clip) -> Self {
        self.clip = clip;
        self
    }

    /// Where it listens; port 0 takes any free one. Default: `127.0.0.1:0`, which only this machine reaches.
    pub fn listen(mut self, address: SocketAddr) -> Self {
        self.listen = address;
        self
    }

    /// What it asks of clients. Default: nothing.
    pub fn authentication(mut self, authentication: Authentication) -> Self {
        self.authentication = authentication;
        self
    }

    /// How packets may travel; other wishes are answered with 461. Default: both ways.
    pub fn transports(mut self, transports: Transports) -> Self {
        self.transports = transports;
        self
    }

    /// What it does as real cameras do and no RFC has it; see [`Quirks`] for those that contradict each other.
    /// Default: nothing.
    ///
    /// ```
    /// # use throughline_mock_camera::{MockCamera, Quirk};
    /// let camera = MockCamera::builder().quirks([Quirk::MarkerOnParameterSets, Quirk::NoControl]);
    /// ```
    pub fn quirks(mut self, quirks: impl IntoIterator<Item = Quirk>) -> Self {
        self.quirks = quirks.into_iter().collect();
        self
    }

    /// Starts it, on the tokio runtime that this is called from.
    ///
    /// Fails where no socket can be had.
    pub async fn start(self) -> Result<MockCamera, MockCameraError> {
        let listen = |source| MockCameraError::Listen {
            address: self.listen,
            source,
        };
        let listener = TcpListener::bind(self.listen).await.map_err(listen)?;
        let local_addr = listener.local_addr().map_err(listen)?;
        let address = local_addr.ip();
        let udp = if self.transports.has(LowerTransport::Udp) {
            let ports = UdpPorts::bind(address).await;
            Some(Arc::new(
                ports.map_err(|source| MockCameraError::UdpPorts { address, source })?,
            ))
        } else {
            None
        };
        let server = Arc::new(Server::new(ServerConfig {
            clip: self.clip,
            authentication: self.authentication,
            transports: self.transports,
            quirks: self.quirks,
            udp_ports: udp.as_ref().map_or((0, 0), |udp| udp.ports()),
        }));
        let (stop, stopped) = oneshot::channel();
        let task = tokio::spawn(run(listener, Arc::clone(&server), udp, stopped));
        Ok(MockCamera {
            local_addr,
            server,
            stop,
            task,
        })
    }
}

/// A camera that is running. Dropping it stops it.
#[derive(Debug)]
pub struct MockCamera {
    local_addr: SocketAddr,
    server: Arc<Server>,
    stop: oneshot::Sender<()>,
    task: JoinHandle<()>,
}

impl MockCamera {
    /// A camera with every setting at its default.
    pub fn builder() -> Builder {
        Builder {
            clip: Clip::built_in(BuiltInClip::default()),
            listen: SocketAddr::from((Ipv4Addr::LOCALHOST, 0)),
            authentication: Authentication::default(),
            transports: Transports::default(),
            quirks: Quirks::default(),
        }
    }

    /// The URL to play, without credentials. A camera that listens on every address is named by the loopback
    /// one.
    pub fn url(&self) -> String {
        let mut address = self.local_addr;
        match address.ip() {
            IpAddr::V4(ip) if ip.is_unspecified() => address.set_ip(Ipv4Addr::LOCALHOST.into()),
            IpAddr::V6(ip) if ip.is_unspecified() => address.set_ip(Ipv6Addr::LOCALHOST.into()),
            _ => {}
        }
        format!("rtsp://{address}/{CAMERA}")
    }

    /// Where it listens.
    pub fn local_addr(&self) -> SocketAddr {
        self.local_addr
    }

    /// What it has done so far.
    pub fn stats(&self) -> MockCameraStats {
        self.server.stats()
    }

    /// Closes every connection and the listener; when it returns, the port is free.
    pub async fn stop(self) {
        drop(self.stop);
        // The task can fail only by a panic of its own, which has been reported then.
        let _ = self.task.await;
    }
}

/// Serves until the camera is stopped or dropped.
async fn run(
    listener: TcpListener,
    server: Arc<Server>,
    udp: Option<Arc<UdpPorts>>,
    stopped: oneshot::Receiver<()>,
) {
    let mut connections = JoinSet::new();
    let rtcp = async {
        match &udp {
            Some(udp) => udp.receive_rtcp().await,
            None => std::future::pending().await,
        }
    };
    tokio::select! {
        _ = stopped => {}
        () = accept(&listener, &server, udp.as_ref(), &mut connections) => {}
        () = rtcp => {}
    }
    connections.shutdown().await;
}

async fn accept(
    listener: &TcpListener,
    server: &Arc<Server>,
    udp: Option<&Arc<UdpPorts>>,
    connections: &mut JoinSet<()>,
) {
    let seeds = RandomState::new();
    for number in 0_u64.. {
        let accepted = loop {
            tokio::select! {
                Some(_) = connections.join_next() => {}
                accepted = listener.accept() => break accepted,
            }
        };
        match accepted {
            Ok(_) if connections.len() >= MAX_CLIENTS => count(&server.counters.connections_refused),
            Ok((stream, peer)) => {
                let clocks = Clocks {
                    monotonic: Instant::now(),
                    wall: SystemTime::now(),
                };
                let connection =
                    Connection::new(Arc::clone(server), peer.ip(), clocks, seeds.hash_one(number));
                connections.spawn(client::serve(stream, connection, udp.cloned()));
            }
            Err(error) => {
                tracing::warn!(%error, "cannot take a connection");
                tokio::time::sleep(ACCEPT_RETRY).await;
            }
        }
    }
}
