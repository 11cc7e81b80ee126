//! Engine `preview`: a page and a WHEP endpoint on this machine, for seeing a camera without any LiveKit.
//!
//! `GET /` is the page, `POST /whep` takes a browser's offer
//! ([WHEP](https://datatracker.ietf.org/doc/draft-ietf-wish-whep/)) and answers it, `DELETE /whep/{id}` ends that
//! viewer, `GET /api/status` tells the figures. It answers only to requests for this machine by address or as
//! `localhost`, so that no foreign web page can reach it by a name of its own (DNS rebinding).

mod http;
mod status;
mod viewer;

use std::collections::HashMap;
use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use thiserror::Error;
use tokio::net::TcpListener;
use tokio::sync::{broadcast, watch};
use tokio_util::sync::CancellationToken;

pub use status::CameraStatus;

use crate::encoder::Readiness;
use crate::engine::EngineError;
use crate::frame::EncodedVideoFrame;
use crate::port::{Engine, Port};

/// Viewers at once. Each gets its own encrypted copy, and this is a look at one camera, not a distribution service.
pub const MAX_VIEWERS: usize = 16;

/// Frames a viewer may lag behind before it skips to the next IDR: two seconds at 30 a second.
const VIEWER_BACKLOG: usize = 64;

/// How long open requests may take to end on close.
const CLOSE_LIMIT: Duration = Duration::from_secs(1);

/// Why the preview cannot be served.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum PreviewError {
    /// Another program listens there.
    #[error("the preview address {address} is in use by another program")]
    InUse {
        /// The address.
        address: SocketAddr,
    },
    /// The address cannot be listened on.
    #[error("the preview cannot listen on {address}: {error}")]
    Listen {
        /// The address.
        address: SocketAddr,
        /// What the system said.
        error: io::Error,
    },
}

/// Serves the preview page.
#[derive(Debug)]
pub struct Preview {
    listener: TcpListener,
    address: SocketAddr,
    camera: watch::Sender<CameraStatus>,
}

impl Preview {
    /// Listens on `address` (port 0 takes any free one), so that a port in use is known before anything else starts.
    pub async fn bind(address: SocketAddr) -> Result<Self, PreviewError> {
        let failed = |error: io::Error| match error.kind() {
            io::ErrorKind::AddrInUse => PreviewError::InUse { address },
            _ => PreviewError::Listen { address, error },
        };
        let listener = TcpListener::bind(address).await.map_err(failed)?;
        let address = listener.local_addr().map_err(failed)?;
        Ok(Self {
            listener,
            address,
            camera: watch::Sender::default(),
        })
    }

    /// The address it listens on.
    pub fn local_addr(&self) -> SocketAddr {
        self.address
    }

    /// The page's URL on this machine.
    pub fn url(&self) -> String {
        if self.address.ip().is_unspecified() {
            format!("http://localhost:{}/", self.address.port())
        } else {
            format!("http://{}/", self.address)
        }
    }

    /// What the page shows of the camera; keep it and update it.
    pub fn camera_status(&self) -> watch::Sender<CameraStatus> {
        self.camera.clone()
    }
}

impl Engine for Preview {
    async fn run(self, port: Port) -> Result<(), EngineError> {
        let app = Arc::new(App {
            port,
            frames: broadcast::Sender::new(VIEWER_BACKLOG),
            viewers: Mutex::default(),
            camera: self.camera.subscribe(),
            address: self.address,
            closing: CancellationToken::new(),
        });
        let closing = app.closing.clone();
        let service = http::router(Arc::clone(&app)).into_make_service_with_connect_info::<SocketAddr>();
        let serving = axum::serve(self.listener, service)
            .with_graceful_shutdown(closing.clone().cancelled_owned())
            .into_future();
        let mut serving = std::pin::pin!(serving);
        app.port.set_readiness(Readiness::WaitingForKeyframe);
        let ended = tokio::select! {
            ended = &mut serving => ended,
            never = app.fan_out() => match never {},
            () = app.port.closed() => {
                closing.cancel();
                // A browser that keeps its connection open is not waited for.
                tokio::time::timeout(CLOSE_LIMIT, serving).await.unwrap_or(Ok(()))
            }
        };
        ended.map_err(|error| {
            PreviewError::Listen {
                address: app.address,
                error,
            }
            .into()
        })
    }
}

/// What the requests share.
#[derive(Debug)]
struct App {
    port: Port,
    frames: broadcast::Sender<EncodedVideoFrame>,
    viewers: Mutex<HashMap<String, CancellationToken>>,
    camera: watch::Receiver<CameraStatus>,
    address: SocketAddr,
    closing: CancellationToken,
}

impl App {
    async fn fan_out(&self) -> std::convert::Infallible {
        loop {
            let frame = self.port.recv().await;
            self.port.set_readiness(Readiness::Publishing);
            // Nobody watching is no error.
            drop(self.frames.send(frame));
        }
    }

    fn viewers(&self) -> MutexGuard<'_, HashMap<String, CancellationToken>> {
        self.viewers.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Tells the handle how many watch.
    fn count_viewers(&self) {
        let viewers = self.viewers().len();
        self.port.set_viewers(u32::try_from(viewers).unwrap_or(u32::MAX));
    }
}
