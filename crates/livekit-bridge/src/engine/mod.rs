//! The engines: what carries frames from a [`Port`](crate::Port) to viewers.

mod backoff;
mod clock;
mod outgoing;
mod peer;
pub mod preview;
mod rtc;
mod socket;
pub mod webrtc;

#[cfg(feature = "libwebrtc")]
pub mod libwebrtc;

use thiserror::Error;

use preview::PreviewError;
use webrtc::LiveKitError;

/// Why an engine ended.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum EngineError {
    /// LiveKit refused or cannot be reached.
    #[error(transparent)]
    LiveKit(#[from] LiveKitError),
    /// The preview cannot be served.
    #[error(transparent)]
    Preview(#[from] PreviewError),
    /// The engine's task was ended from outside, or by a fault of its own.
    #[error("the publishing engine was aborted")]
    Aborted,
}
