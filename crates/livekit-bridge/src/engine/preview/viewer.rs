//! One viewer of the preview.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::broadcast;
use tokio::sync::broadcast::error::RecvError;
use tokio_util::sync::CancellationToken;

use super::App;
use crate::chain::KeyframeChain;
use crate::engine::peer::{CONGESTION_CHECK, Peer, PeerError, PeerEvent};
use crate::frame::EncodedVideoFrame;

/// How long a browser may take from its offer to a connection.
const CONNECT_LIMIT: Duration = Duration::from_secs(15);

/// Sends frames to one browser until it leaves, is removed, or the preview closes.
pub(super) async fn serve(app: Arc<App>, id: String, peer: Peer, removed: CancellationToken) {
    let mut viewer = Viewer {
        frames: app.frames.subscribe(),
        chain: KeyframeChain::new(),
        connected: false,
        app: &app,
        peer,
    };
    let ended = tokio::select! {
        ended = viewer.run() => ended,
        () = removed.cancelled() => Ok(()),
        () = app.closing.cancelled() => Ok(()),
    };
    match ended {
        Ok(()) => tracing::debug!(%id, "preview viewer left"),
        Err(error) => tracing::info!(%id, %error, "preview viewer failed"),
    }
    viewer.peer.close();
    app.viewers().remove(&id);
    app.count_viewers();
}

struct Viewer<'a> {
    app: &'a App,
    peer: Peer,
    frames: broadcast::Receiver<EncodedVideoFrame>,
    chain: KeyframeChain,
    connected: bool,
}

impl Viewer<'_> {
    async fn run(&mut self) -> Result<(), PeerError> {
        let connect_limit = tokio::time::sleep(CONNECT_LIMIT);
        tokio::pin!(connect_limit);
        loop {
            let congested = self.peer.is_congested();
            tokio::select! {
                event = self.peer.next_event() => match event? {
                    PeerEvent::Connected => {
                        self.connected = true;
                        self.app.port.request_keyframe();
                    }
                    PeerEvent::KeyframeRequested => self.app.port.request_keyframe(),
                    PeerEvent::Disconnected => return Ok(()),
                    PeerEvent::Estimate(_) | PeerEvent::Stats(_) => {}
                },
                // Frames that pile up while the way is too narrow are skipped, down to the next IDR.
                frame = self.frames.recv(), if !congested => match frame {
                    Ok(frame) => self.forward(&frame),
                    Err(RecvError::Lagged(_)) => {
                        self.chain.break_off();
                        self.app.port.request_keyframe();
                    }
                    Err(RecvError::Closed) => return Ok(()),
                },
                () = tokio::time::sleep(CONGESTION_CHECK), if congested => {}
                () = &mut connect_limit, if !self.connected => return Ok(()),
            }
        }
    }

    /// What comes before the connection stands is not kept: the viewer starts at the next IDR, which was asked for.
    fn forward(&mut self, frame: &EncodedVideoFrame) {
        if self.connected && self.chain.admits(frame) {
            self.peer.set_camera_rate(self.app.port.figures());
            self.peer.send(frame, std::time::Instant::now());
        }
    }
}
