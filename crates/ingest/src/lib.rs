//! A camera as a stream of H.264 pictures, as the camera coded them: RTSP in, access units out, nothing decoded.
//!
//! ```no_run
//! # async fn example() -> Result<(), Box<dyn std::error::Error>> {
//! use throughline_ingest::{CameraStream, Config};
//!
//! let mut camera = CameraStream::open(Config::parse("rtsp://user:password@192.0.2.7/stream1")?);
//! while let Some(picture) = camera.next_access_unit().await {
//!     println!("{} bytes", picture?.data.len());
//! }
//! # Ok(())
//! # }
//! ```
//!
//! [`CameraStream`] is the tokio driver: it connects when it is first polled, and reads the network while it is polled.
//! It also tells what happens, answers with figures and asks the camera for key frames:
//!
//! ```no_run
//! # async fn example(viewer_lost_a_picture: impl Fn() -> bool) -> Result<(), Box<dyn std::error::Error>> {
//! use throughline_ingest::{CameraStream, Config, Event, Item, Retry, TransportPolicy};
//!
//! let mut config = Config::parse("rtsp://192.0.2.7/stream1")?;
//! config.transport = TransportPolicy::Udp;
//! config.retry = Retry::Never;
//! let mut camera = CameraStream::open(config);
//! while let Some(item) = camera.next().await {
//!     match item? {
//!         Item::AccessUnit(picture) => println!("{} {}", picture.timestamp.0, picture.parameters.profile),
//!         Item::Event(Event::Disconnected { error, retry_in }) => eprintln!("{error}; again in {retry_in:.1?}"),
//!         Item::Event(_) => {}
//!     }
//!     if viewer_lost_a_picture() {
//!         camera.request_keyframe();
//!     }
//!     if camera.stats().access_units == 1000 {
//!         break;
//!     }
//! }
//! camera.close().await;
//! # Ok(())
//! # }
//! ```
//!
//! Many cameras share a few threads by [`Workers`], which also keep wake-ups in bounds; one is served by any tokio runtime.
//!
//! # Contract
//!
//! - The first picture is an IDR, and so is the first after a reconnect. Each IDR has its SPS and PPS in front of it.
//! - No picture comes out whose references are missing: after a loss, the next is an IDR, which the camera is asked
//!   for.
//! - Timestamps keep the camera's spacing and go on over reconnects ([`AccessUnit::timestamp`]).
//! - What a camera or a network does is an [`Event`] or, at the end, an [`Error`]; nothing of it panics, and no
//!   credential is in any of them.
//! - A consumer that does not poll stops the reading: TCP slows the camera down, UDP loses packets. No queue grows. What is
//!   too old when it is read is dropped in whole runs, up to a key frame that is in time ([`Config::max_delay`]), and counted.
//!
//! # Layers
//!
//! All decisions (transport, fall-back, RTCP, key frame requests, watchdogs, reconnects) are made in [`camera`], which
//! does no I/O and takes time as an argument. The driver above it knows sockets and one timer, and nothing about RTSP.
//!
//! # Limits
//!
//! `rtsp://` over TCP, `rtsps://` over TLS ([`TlsConfig`]), and both through HTTP (`rtsp+http://`, `rtsp+https://`) and in a
//! WebSocket (`rtsp+ws://`, `rtsp+wss://`); media interleaved, by UDP or by multicast ([`TransportPolicy`]), plain or as SRTP
//! with keys by MIKEY or in the description; H.264 only, other codecs are named in the error. Audio is not served. The
//! crates below bound what a peer can send: message, description, reorder buffer and picture each have a named limit.

mod access_unit;
pub mod camera;
mod config;
mod connect;
mod datagram;
mod error;
mod error_kind;
mod event;
mod kernel_drops;
mod stats;
mod stream;
mod tls;
mod tolerance;
mod workers;

pub use access_unit::AccessUnit;
pub use config::{Config, Retry, Timeouts, TransportPolicy};
pub use error::{Error, KeysFault, Loss, MulticastProblem, StreamEnd};
pub use error_kind::ErrorKind;
pub use event::{
    DelayHandling, Described, Event, KernelDrops, KeyframeReason, Missing, ReceiveBuffer, TrackDescription,
    Transport,
};
pub use stats::{CameraStats, DroppedPictures, Failures, Fallback, Fallbacks, Warnings};
pub use stream::{CameraStream, Item};
pub use throughline_h264::{Level, Profile, ProfileLevelId, Timestamp, VideoParameters};
pub use throughline_rtp::CaptureTime;
pub use throughline_rtsp::tunnel::TunnelError;
pub use throughline_rtsp::{Credentials, RtspUrl, Scheme, UrlError};
pub use throughline_srtp::Suite as SrtpSuite;
pub use throughline_srtp::transform::UnprotectError;
pub use tls::{
    CertificateProblem, Fingerprint, FingerprintError, Incompatibility, ServerNameIndication, TlsConfig,
    TlsError, Trust, TrustError,
};
pub use tolerance::{Policies, Tolerated};
pub use workers::{WorkerStats, Workers};
