//! The handle that publishes: frames go in, feedback comes out.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use serde::Serialize;
use throughline_h264::{ProfileLevelId, VideoParameters};
use tokio::sync::{Notify, watch};
use tokio::task::JoinHandle;
use tokio_util::sync::{CancellationToken, DropGuard};

use crate::chain::KeyframeRequests;
use crate::engine::EngineError;
use crate::figures::{Meter, VideoFigures};
use crate::frame::EncodedVideoFrame;
use crate::port::{Engine, Port};
use crate::queue::{DropCounts, DropReason, FrameQueue, Injected};

/// How far an engine has come. In place of waiting "long enough": watch for [`Publishing`](Self::Publishing).
#[derive(Debug, Clone)]
#[non_exhaustive]
pub enum Readiness {
    /// A connection is being made.
    Connecting,
    /// Connected; the first IDR has not come yet.
    WaitingForKeyframe,
    /// Frames reach the server (or the preview takes viewers).
    Publishing,
    /// The connection failed or was lost; it is made again after `retry_in`.
    Reconnecting {
        /// What went wrong.
        error: Arc<EngineError>,
        /// Time until the next attempt.
        retry_in: Duration,
    },
    /// The engine has ended. [`PassthroughEncoder::close`] says why.
    Closed,
}

/// What the way to the viewers can carry, as the congestion control estimates it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct RateTarget {
    /// Bits a second. A camera above this only loses packets: lower its rate or take its substream.
    pub bitrate_bps: u64,
}

/// Size and profile of the newest IDR.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct VideoFormat {
    /// Displayed width in pixels.
    pub width: u32,
    /// Displayed height in pixels.
    pub height: u32,
    /// Profile and level.
    pub profile_level_id: ProfileLevelId,
}

/// What the network said of the way to the viewers. `None` where nothing was reported.
#[derive(Debug, Default, Clone, Copy, PartialEq, Serialize)]
pub struct TransportStats {
    /// Round-trip time.
    pub rtt: Option<Duration>,
    /// Share of packets lost, 0 to 1, over the last report.
    pub loss: Option<f64>,
    /// Requests for retransmission received.
    pub nacks: u64,
    /// Requests for a key frame received (PLI and FIR).
    pub plis: u64,
    /// RTP packets sent, retransmissions included.
    pub packets: u64,
}

/// What went through a [`PassthroughEncoder`] so far.
#[derive(Debug, Default, Clone, Copy, PartialEq, Serialize)]
pub struct EncoderStats {
    /// Frames taken into the queue.
    pub queued: u64,
    /// Frames the engine took out of it.
    pub sent: u64,
    /// Bytes of the frames the engine took.
    pub sent_bytes: u64,
    /// Frames dropped.
    pub dropped: DropCounts,
    /// Key-frame requests latched for the camera, after rate limiting.
    pub keyframe_requests: u64,
    /// Measured rate, pictures a second and group of pictures of what is injected.
    pub figures: VideoFigures,
    /// The newest rate target.
    pub rate_target: Option<RateTarget>,
    /// How many watch, where the engine knows.
    pub viewers: Option<u32>,
    /// What the network reported.
    pub transport: TransportStats,
}

/// Publishes pre-encoded H.264 through an [`Engine`].
///
/// Frames go into a bounded queue; feedback is latched until cleared. Dropping the handle is as good as
/// [`close`](Self::close), without waiting for the engine to leave.
#[derive(Debug)]
pub struct PassthroughEncoder {
    shared: Arc<Shared>,
    engine: JoinHandle<Result<(), EngineError>>,
    closing: DropGuard,
}

impl PassthroughEncoder {
    /// Starts `engine` on the current tokio runtime: best the one of the thread that injects.
    ///
    /// # Panics
    ///
    /// Outside a tokio runtime.
    pub fn start(engine: impl Engine) -> Self {
        let shared = Arc::new(Shared::new());
        let port = Port::new(Arc::clone(&shared));
        let ended = EndsReadiness(Arc::clone(&shared));
        let engine = tokio::spawn(async move {
            let _ended = ended;
            engine.run(port).await
        });
        let closing = shared.closing.clone().drop_guard();
        Self {
            shared,
            engine,
            closing,
        }
    }

    /// Queues one access unit. Never waits: an engine that cannot keep up costs whole groups of pictures, counted,
    /// never memory, and never a picture whose references are missing.
    pub fn inject_frame(&self, frame: impl Into<EncodedVideoFrame>) -> Injected {
        self.shared.inject(Instant::now(), frame.into())
    }

    /// Whether a viewer (or a drop in the queue) asks for a key frame. Latched until
    /// [`clear_keyframe_request`](Self::clear_keyframe_request).
    pub fn is_keyframe_requested(&self) -> bool {
        *self.shared.keyframe_requested.borrow()
    }

    /// Clears the latch. Clear first and ask the camera then, so that a request in between is not lost.
    pub fn clear_keyframe_request(&self) {
        self.shared.keyframe_requested.send_replace(false);
    }

    /// Waits until a key frame is requested; at once if the latch is set. For `select!`; cancel safe.
    pub async fn keyframe_requested(&self) {
        let mut latch = self.shared.keyframe_requested.subscribe();
        // The sender lives in `self.shared`, so the wait cannot fail.
        drop(latch.wait_for(|requested| *requested).await);
    }

    /// The newest estimate of what the way to the viewers can carry.
    pub fn rate_target(&self) -> Option<RateTarget> {
        self.shared.lock().stats.rate_target
    }

    /// How far the engine has come, as a watch.
    pub fn readiness(&self) -> watch::Receiver<Readiness> {
        self.shared.readiness.subscribe()
    }

    /// Counters so far.
    pub fn stats(&self) -> EncoderStats {
        self.shared.stats()
    }

    /// Waits until the engine has ended by itself. For `select!`; cancel safe. [`close`](Self::close) then says why.
    pub async fn ended(&self) {
        let mut readiness = self.readiness();
        drop(
            readiness
                .wait_for(|readiness| matches!(readiness, Readiness::Closed))
                .await,
        );
    }

    /// Ends the engine cleanly (it leaves the room, viewers see the track end) and returns what it ended with.
    pub async fn close(self) -> Result<(), EngineError> {
        drop(self.closing);
        self.engine.await.unwrap_or(Err(EngineError::Aborted))
    }
}

/// What handle and port share. The lock is held for moments only, never across an await.
#[derive(Debug)]
pub(crate) struct Shared {
    state: Mutex<State>,
    pub(crate) arrived: Notify,
    pub(crate) closing: CancellationToken,
    pub(crate) readiness: watch::Sender<Readiness>,
    pub(crate) format: watch::Sender<Option<VideoFormat>>,
    keyframe_requested: watch::Sender<bool>,
}

#[derive(Debug, Default)]
pub(crate) struct State {
    queue: FrameQueue,
    requests: KeyframeRequests,
    pub(crate) meter: Meter,
    pub(crate) stats: EncoderStats,
}

impl Shared {
    fn new() -> Self {
        Self {
            state: Mutex::default(),
            arrived: Notify::new(),
            closing: CancellationToken::new(),
            readiness: watch::Sender::new(Readiness::Connecting),
            format: watch::Sender::new(None),
            keyframe_requested: watch::Sender::new(false),
        }
    }

    pub(crate) fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn inject(&self, now: Instant, frame: EncodedVideoFrame) -> Injected {
        let format = frame.is_idr.then(|| VideoFormat::from(frame.parameters));
        let injected = {
            let mut state = self.lock();
            if self.closing.is_cancelled() || matches!(*self.readiness.borrow(), Readiness::Closed) {
                state.queue.count_drop(DropReason::Closed);
                return Injected::Dropped(DropReason::Closed);
            }
            state.meter.add(now, &frame);
            let injected = state.queue.push(now, frame);
            if injected == Injected::Queued {
                state.stats.queued += 1;
                if format.is_some() {
                    state.requests.fulfil();
                }
            }
            injected
        };
        if injected == Injected::Queued {
            if format.is_some() {
                self.format
                    .send_if_modified(|current| std::mem::replace(current, format) != format);
            }
            self.arrived.notify_one();
        }
        injected
    }

    /// For a waiting engine: the next frame, or else the time at which a key-frame request falls due.
    pub(crate) fn take(&self, now: Instant) -> (Option<EncodedVideoFrame>, Option<Instant>) {
        let mut state = self.lock();
        if let Some(frame) = state.queue.pop() {
            state.stats.sent += 1;
            state.stats.sent_bytes += frame.data.len() as u64;
            return (Some(frame), None);
        }
        // A queue that starves after pictures flowed would wait for the camera's own next IDR, which may be far off.
        if state.queue.starves() && state.stats.queued > 0 {
            state.requests.request();
        }
        self.pass_on_request(&mut state, now);
        (None, state.requests.next_poll(now))
    }

    pub(crate) fn request_keyframe(&self, now: Instant) {
        let mut state = self.lock();
        state.requests.request();
        self.pass_on_request(&mut state, now);
        drop(state);
        // The engine's wait in `take` now has a time to wake at.
        self.arrived.notify_one();
    }

    fn pass_on_request(&self, state: &mut State, now: Instant) {
        if state.requests.poll(now) {
            state.stats.keyframe_requests += 1;
            self.keyframe_requested.send_replace(true);
        }
    }

    pub(crate) fn stats(&self) -> EncoderStats {
        let state = self.lock();
        EncoderStats {
            dropped: state.queue.drops(),
            figures: state.meter.figures(),
            ..state.stats
        }
    }
}

/// Marks the handle closed however the engine's task ends, a panic or an abort included.
struct EndsReadiness(Arc<Shared>);

impl Drop for EndsReadiness {
    fn drop(&mut self) {
        self.0.readiness.send_replace(Readiness::Closed);
    }
}

impl From<VideoParameters> for VideoFormat {
    fn from(parameters: VideoParameters) -> Self {
        Self {
            width: parameters.width,
            height: parameters.height,
            profile_level_id: parameters.profile_level_id(),
        }
    }
}

#[cfg(test)]
mod tests {
    use tokio::sync::mpsc;

    use super::*;
    use crate::engine::preview::PreviewError;
    use crate::frame::testing::{delta, idr};

    /// Gives its port away and waits to be closed.
    struct Scripted {
        ports: mpsc::UnboundedSender<Arc<Port>>,
        result: Result<(), EngineError>,
    }

    impl Engine for Scripted {
        async fn run(self, port: Port) -> Result<(), EngineError> {
            let port = Arc::new(port);
            self.ports.send(Arc::clone(&port)).unwrap();
            if self.result.is_ok() {
                port.closed().await;
            }
            self.result
        }
    }

    async fn started() -> (PassthroughEncoder, Arc<Port>) {
        let (ports, mut port) = mpsc::unbounded_channel();
        let encoder = PassthroughEncoder::start(Scripted {
            ports,
            result: Ok(()),
        });
        let port = port.recv().await.unwrap();
        (encoder, port)
    }

    #[tokio::test]
    async fn frames_reach_the_engine_in_order_and_are_counted() {
        let (encoder, port) = started().await;
        encoder.inject_frame(delta(0));
        encoder.inject_frame(idr(1));
        encoder.inject_frame(delta(2));
        assert_eq!(port.recv().await.timestamp, crate::Timestamp(1));
        assert_eq!(port.recv().await.timestamp, crate::Timestamp(2));
        let stats = encoder.stats();
        assert_eq!((stats.queued, stats.sent, stats.sent_bytes), (2, 2, 12));
        assert_eq!((stats.dropped.awaiting_keyframe, stats.dropped.total()), (1, 1));
    }

    #[tokio::test]
    async fn a_request_stays_latched_until_cleared_and_wakes_the_waiting() {
        let (encoder, port) = started().await;
        assert!(!encoder.is_keyframe_requested());
        let waiting = encoder.keyframe_requested();
        port.request_keyframe();
        waiting.await;
        encoder.keyframe_requested().await;
        assert!(encoder.is_keyframe_requested());
        encoder.clear_keyframe_request();
        assert!(!encoder.is_keyframe_requested());
        assert_eq!(encoder.stats().keyframe_requests, 1);
    }

    #[test]
    fn a_starving_engine_asks_for_a_key_frame_only_after_pictures_flowed() {
        let (shared, now) = (Shared::new(), Instant::now());
        assert!(
            matches!(shared.take(now), (None, None)),
            "nothing to ask a camera that has not begun"
        );
        shared.inject(now, idr(0));
        assert!(shared.take(now).0.is_some());
        shared.inject(
            now,
            EncodedVideoFrame {
                data: bytes::Bytes::new(),
                ..delta(1)
            },
        );
        assert!(matches!(shared.take(now), (None, Some(_))));
        assert!(*shared.keyframe_requested.borrow());
        shared.inject(now, idr(2));
        assert!(shared.take(now).0.is_some());
        assert!(matches!(shared.take(now), (None, None)));
        assert_eq!(shared.stats().keyframe_requests, 1);
    }

    #[tokio::test]
    async fn the_format_is_that_of_the_newest_idr() {
        let (encoder, port) = started().await;
        let mut format = port.format();
        assert_eq!(*format.borrow_and_update(), None);
        encoder.inject_frame(idr(0));
        encoder.inject_frame(idr(1));
        let seen = format.borrow_and_update().unwrap();
        assert_eq!(
            (seen.width, seen.height, seen.profile_level_id.to_string()),
            (640, 360, "42e01f".to_owned())
        );
        let mut wider = idr(2);
        wider.parameters.width = 1280;
        encoder.inject_frame(wider);
        assert!(format.has_changed().unwrap());
        assert_eq!(format.borrow().unwrap().width, 1280);
    }

    #[tokio::test]
    async fn closing_ends_the_engine_and_returns_what_it_ended_with() {
        let (encoder, port) = started().await;
        let readiness = encoder.readiness();
        drop(port);
        assert!(encoder.close().await.is_ok());
        assert!(matches!(*readiness.borrow(), Readiness::Closed));
    }

    #[tokio::test]
    async fn dropping_the_handle_closes_the_port() {
        let (encoder, port) = started().await;
        drop(encoder);
        port.closed().await;
    }

    #[tokio::test]
    async fn an_engine_that_fails_ends_the_handle_with_its_error() {
        let (ports, _port) = mpsc::unbounded_channel();
        let failure = PreviewError::InUse {
            address: ([127, 0, 0, 1], 80).into(),
        };
        let encoder = PassthroughEncoder::start(Scripted {
            ports,
            result: Err(failure.into()),
        });
        encoder.ended().await;
        assert_eq!(
            encoder.inject_frame(idr(0)),
            Injected::Dropped(DropReason::Closed)
        );
        let error = encoder.close().await.unwrap_err();
        assert!(matches!(error, EngineError::Preview(PreviewError::InUse { .. })));
    }

    #[tokio::test]
    async fn readiness_is_told_once_per_step() {
        let (encoder, port) = started().await;
        let mut readiness = encoder.readiness();
        readiness.borrow_and_update();
        port.set_readiness(Readiness::Publishing);
        assert!(readiness.has_changed().unwrap());
        readiness.borrow_and_update();
        port.set_readiness(Readiness::Publishing);
        assert!(!readiness.has_changed().unwrap());
    }
}
