//! Publishes a camera's own H.264 into a LiveKit room, bit for bit: access units in, WebRTC out, nothing decoded and
//! nothing encoded. The program `throughline` is built on it.
//!
//! A [`PassthroughEncoder`] takes [`EncodedVideoFrame`]s and hands back what an encoder would be told: key-frame
//! requests, a target rate, how far the connection has come. An [`Engine`] behind it carries the frames:
//!
//! | engine | viewers are reached by | |
//! |---|---|---|
//! | [`engine::webrtc`] | a LiveKit room, pure Rust | the default |
//! | [`engine::preview`] | a page that this machine serves, over WHEP | no LiveKit at hand |
//! | `engine::libwebrtc` | a LiveKit room, by the official SDK's passthrough encoder | cargo feature `libwebrtc` |
//!
//! ```no_run
//! use livekit_bridge::engine::webrtc::{WebRtc, WebRtcOptions};
//! use livekit_bridge::{PassthroughEncoder, PublisherToken};
//! use throughline_ingest::{CameraStream, Config};
//!
//! # async fn example() -> Result<(), Box<dyn std::error::Error>> {
//! let token = PublisherToken::from_api_key("devkey", "secret", "yard", "camera-1")?;
//! let engine = WebRtc::new("ws://127.0.0.1:7880", token, WebRtcOptions::default())?;
//! let encoder = PassthroughEncoder::start(engine);
//! let mut camera = CameraStream::open(Config::parse("rtsp://192.0.2.7/stream1")?);
//! loop {
//!     tokio::select! {
//!         picture = camera.next_access_unit() => match picture {
//!             Some(picture) => drop(encoder.inject_frame(picture?)),
//!             None => break,
//!         },
//!         () = encoder.keyframe_requested() => {
//!             encoder.clear_keyframe_request();
//!             camera.request_keyframe();
//!         }
//!         () = encoder.ended() => break,
//!     }
//! }
//! camera.close().await;
//! encoder.close().await?;
//! # Ok(())
//! # }
//! ```
//!
//! # Contract
//!
//! - [`inject_frame`](PassthroughEncoder::inject_frame) never waits. What the network cannot take costs whole groups
//!   of pictures, counted by reason in [`EncoderStats`], and never a picture whose references are missing.
//! - A key-frame request stays latched until it is cleared, reaches the camera at most twice a second, and is repeated
//!   until an IDR comes.
//! - The camera's timestamps keep their spacing up to the viewer, and its capture time goes along where it is known.
//! - What only another configuration mends (key, room, permission, an identity taken over) ends the engine with a typed
//!   error; everything else is retried for ever, with pauses from 0.3 to 7 s.
//! - No error, log line or `Debug` output holds a token, a key or a secret.
//!
//! # Many cameras
//!
//! In one process they share threads by [`Workers`](throughline_ingest::Workers): put the loop above into
//! [`spawn`](throughline_ingest::Workers::spawn), with [`start`](PassthroughEncoder::start) inside it, so that camera,
//! encoder and engine run on the same thread and no picture wakes up another one. The example `many_cameras` does that.
//!
//! # Limits
//!
//! H.264 without B-frames only: WebRTC has no place for them. At most 120 frames, 16 MiB or 2 s wait for an engine. A
//! LiveKit server is reached by UDP or ICE-TCP; TURN is not spoken. One track per participant, no audio. The preview
//! serves 16 viewers.
//!
//! The rules that hold for every engine (key-frame chain, priming, spacing of calls, pace of requests) are in
//! [`chain`], free of I/O and clocks, for those who drive an encoder of their own.

pub mod chain;
mod encoder;
pub mod engine;
mod figures;
mod frame;
mod port;
mod queue;
mod token;

pub use encoder::{EncoderStats, PassthroughEncoder, RateTarget, Readiness, TransportStats, VideoFormat};
pub use figures::VideoFigures;
pub use frame::EncodedVideoFrame;
pub use port::{Engine, Port};
pub use queue::{DropCounts, DropReason, Injected};
pub use throughline_h264::Timestamp;
pub use token::{PublisherToken, TokenError};
