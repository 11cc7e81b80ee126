//! The engine's end of a [`PassthroughEncoder`](crate::PassthroughEncoder), and what an engine is.

use std::future::Future;
use std::mem::discriminant;
use std::sync::Arc;
use std::time::Instant;

use tokio::sync::watch;

use crate::encoder::{EncoderStats, RateTarget, Readiness, Shared, TransportStats, VideoFormat};
use crate::engine::EngineError;
use crate::figures::VideoFigures;
use crate::frame::EncodedVideoFrame;

/// Something that carries frames to viewers.
pub trait Engine: Send + 'static {
    /// Carries what comes out of `port` until it is closed (then leaves cleanly and returns `Ok`), or until an
    /// error that only a changed configuration mends. Everything else is retried inside.
    fn run(self, port: Port) -> impl Future<Output = Result<(), EngineError>> + Send;
}

/// The engine's end of the queue: frames come out of it, feedback goes into it.
///
/// What comes out is always decodable in order: after any drop the next frame is an IDR.
#[derive(Debug)]
pub struct Port {
    shared: Arc<Shared>,
}

impl Port {
    pub(crate) fn new(shared: Arc<Shared>) -> Self {
        Self { shared }
    }

    /// The next frame; waits for one. Pending for ever once the handle is closed: select with
    /// [`closed`](Self::closed). Cancel safe.
    ///
    /// While an engine waits here, outstanding key-frame requests are passed on and repeated. One that is not
    /// connected yet does not call this: the queue keeps the newest group of pictures for it, bounded.
    pub async fn recv(&self) -> EncodedVideoFrame {
        loop {
            let arrived = self.shared.arrived.notified();
            let now = Instant::now();
            let (frame, wake_at) = self.shared.take(now);
            if let Some(frame) = frame {
                return frame;
            }
            match wake_at {
                Some(at) => drop(tokio::time::timeout_at(at.into(), arrived).await),
                None => arrived.await,
            }
        }
    }

    /// Resolves when the handle was closed or dropped.
    pub async fn closed(&self) {
        self.shared.closing.cancelled().await;
    }

    /// Passes a viewer's wish for a key frame on to the handle, at most every
    /// [`KEYFRAME_REQUEST_INTERVAL`](crate::chain::KEYFRAME_REQUEST_INTERVAL), repeated until an IDR comes.
    pub fn request_keyframe(&self) {
        self.shared.request_keyframe(Instant::now());
    }

    /// Says how far the engine has come; saying the same twice wakes nobody.
    pub fn set_readiness(&self, readiness: Readiness) {
        self.shared.readiness.send_if_modified(|current| {
            let changed = discriminant(current) != discriminant(&readiness)
                || matches!(readiness, Readiness::Reconnecting { .. });
            *current = readiness;
            changed
        });
    }

    /// Says how much the way to the viewers can carry.
    pub fn set_rate_target(&self, target: RateTarget) {
        self.shared.lock().stats.rate_target = Some(target);
    }

    /// Says what the network reported of the way to the viewers.
    pub fn set_transport_stats(&self, transport: TransportStats) {
        self.shared.lock().stats.transport = transport;
    }

    /// Says how many watch.
    pub fn set_viewers(&self, viewers: u32) {
        self.shared.lock().stats.viewers = Some(viewers);
    }

    /// Size and profile of the newest IDR, `None` before the first.
    pub fn format(&self) -> watch::Receiver<Option<VideoFormat>> {
        self.shared.format.subscribe()
    }

    /// Measured figures of what is injected.
    pub fn figures(&self) -> VideoFigures {
        self.shared.lock().meter.figures()
    }

    /// Counters so far.
    pub fn stats(&self) -> EncoderStats {
        self.shared.stats()
    }
}
