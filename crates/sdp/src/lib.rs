//! Session descriptions ([RFC 8866](https://www.rfc-editor.org/rfc/rfc8866)) as RTSP servers send them: read leniently
//! line by line, and written back.
//!
//! Cameras bend most rules of SDP somewhere. This reader loses no more than the line that makes no sense, and says
//! which rule was bent where: [`SessionDescription::tolerated`] lists each [`Tolerance`] that was used with its line.
//! A [`Policy`] turns each of them off, one by one or all at once, and then it is an error instead.
//!
//! # The contract
//!
//! - [`SessionDescription::parse`] takes any bytes, never panics, and fails only where they are over a limit or hold
//!   not one `<type>=<value>` line.
//! - Every line is kept in order with its text, save what a tolerance says is left out, and `Display` writes them all
//!   with CRLF. What was read without tolerance is written byte for byte.
//! - No I/O, no clock, no randomness: bytes in, values out. It builds for `wasm32-unknown-unknown`.
//! - `Debug` and errors never show keys, nor URLs with a user or a password in them. `Display` writes everything.
//!
//! # Reading
//!
//! ```
//! use throughline_sdp::{Format, MediaKind, SessionDescription, Tolerance};
//!
//! // A thermal camera's answer to DESCRIBE. `t=now-` is not in the grammar.
//! let body = b"v=0\r\n\
//!     o=- 0 0 IN IP4 192.0.2.200\r\n\
//!     s=IR stream\r\n\
//!     c=IN IP4 0.0.0.0\r\n\
//!     t=now-\r\n\
//!     m=video 0 RTP/AVP 26 96\r\n\
//!     a=control:trackID=0\r\n\
//!     a=framerate:30\r\n\
//!     a=rtpmap:96 H264/90000\r\n\
//!     a=fmtp:96 packetization-mode=1;profile-level-id=42e01e\r\n\
//!     a=rtcp-fb:96 nack pli\r\n";
//! let description = SessionDescription::parse(body)?;
//!
//! // The first H.264 format, whatever its place, with the medium it belongs to.
//! let (media, format) = description
//!     .media()
//!     .iter()
//!     .filter(|media| *media.kind() == MediaKind::Video)
//!     .find_map(|media| Some((media, media.formats().find(Format::is_h264)?)))
//!     .ok_or("no H.264")?;
//! assert_eq!(media.control(), Some("trackID=0"));
//! assert_eq!(media.frame_rate(), Some(30.0));
//! assert_eq!((format.payload_type, format.clock_rate), (96, 90_000));
//! assert_eq!(format.fmtp.and_then(|fmtp| fmtp.get("profile-level-id")), Some("42e01e"));
//! assert!(media.supports_feedback(format.payload_type, "nack pli"));
//!
//! for used in description.tolerated() {
//!     println!("{used}"); // line 5: timing does not follow the grammar
//! }
//! assert_eq!(description.tolerated()[0].tolerance, Tolerance::Timing);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! Attributes with a grammar of their own have types: [`Range`], [`FrameSize`], [`RtcpFeedback`], [`Rtcp`], [`Crypto`],
//! [`KeyManagement`], [`ReferenceClock`], [`MediaClock`], [`SourceFilter`], [`Group`]. They are read with
//! [`typed`](MediaDescription::typed), and [`TypedAttribute`] lets others join them:
//!
//! ```
//! use throughline_sdp::{Crypto, NptTime, Range, SessionDescription};
//!
//! let body = b"v=0\r\no=- 1 1 IN IP4 192.0.2.7\r\ns=-\r\nc=IN IP4 0.0.0.0\r\nt=0 0\r\na=range:npt=now-\r\n\
//!     m=video 0 RTP/SAVP 96\r\na=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:dGVzdA==|2^31\r\n";
//! let description = SessionDescription::parse(body)?;
//!
//! let live = Range::Npt { start: Some(NptTime::Now), end: None };
//! assert!(description.typed::<Range>().eq([live]));
//! let crypto: Crypto = description.media()[0].typed().next().ok_or("no key")?;
//! assert_eq!(crypto.keys[0].lifetime, Some(1 << 31));
//! assert!(!format!("{crypto:?}").contains("dGVzdA"));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # Writing
//!
//! ```
//! use std::net::Ipv4Addr;
//!
//! use throughline_sdp::{MediaBuilder, MediaKind, NptTime, Origin, Range, SessionDescription};
//!
//! let description = SessionDescription::builder(Origin::new(1, 1, Ipv4Addr::LOCALHOST.into()), "Gate")
//!     .attribute("control", "*")
//!     .typed(&Range::Npt { start: Some(NptTime::Now), end: None })
//!     .media(
//!         MediaBuilder::new(MediaKind::Video, 0, "RTP/AVP", &[96])
//!             .attribute("rtpmap", "96 H264/90000")
//!             .attribute("recvonly", "")
//!             .attribute("control", "trackID=0"),
//!     )
//!     .build();
//! assert_eq!(
//!     description.to_string(),
//!     "v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=Gate\r\nc=IN IP4 0.0.0.0\r\nt=0 0\r\na=control:*\r\na=range:npt=now-\r\n\
//!      m=video 0 RTP/AVP 96\r\na=rtpmap:96 H264/90000\r\na=recvonly\r\na=control:trackID=0\r\n"
//! );
//! ```
//!
//! # Limits
//!
//! [`MAX_INPUT`] bytes, [`MAX_LINES`] lines, [`MAX_MEDIA`] media descriptions; past them a [`ParseError`]. A media
//! description has at most 128 formats, one for each payload type.
//!
//! # What it does and does not do
//!
//! | it does | it does not |
//! |---|---|
//! | origin, name, connection, bandwidth, timing, direction | check `r=` beyond its grammar, `z=` at all |
//! | rtpmap, fmtp, framerate, the static payload types of [RFC 3551](https://www.rfc-editor.org/rfc/rfc3551) | decode what is in an fmtp: parameter sets are the codec's |
//! | the typed attributes above, any other by its name | read `smpte=` ranges; ICE, DTLS, simulcast |
//! | keys as they are offered, hidden in `Debug` | decode them: base64 and MIKEY are SRTP's |
//! | tell backchannels from cameras that say `sendonly` of themselves (Q70) | offer and answer, [RFC 3264](https://www.rfc-editor.org/rfc/rfc3264) |
//! | say where rtpmap and fmtp contradict each other (Q128) | decide which is right: only the payloads tell |
//! | read bytes that are not UTF-8, losing those bytes | heed `a=charset` |
//!
//! # Neighbours
//!
//! [`sdp-types`](https://docs.rs/sdp-types) reads and writes RFC 8866 as plain structs with public fields, addresses and
//! the like as text, and has typed attributes as well: the choice to take a description apart, edit it and put it together.
//! [`webrtc-sdp`](https://docs.rs/webrtc-sdp) is made for browsers: it has types for what JSEP needs, ICE candidates,
//! fingerprints and simulcast among them, which are text here. This crate is for descriptions that cameras send.
//!
//! # Compilers
//!
//! Rust 1.85 and later. Depends on `nom`, `thiserror` and this project's `throughline-tolerance`.

mod attributes;
mod builder;
mod description;
mod error;
mod fields;
mod format;
mod grammar;
mod line;
mod media;
mod parse;
mod tolerance;

pub use attributes::{
    Crypto, CryptoKey, FilterMode, FrameSize, Group, KeyManagement, MasterKeyIdentifier, MediaClock,
    MediaClockSource, NptTime, PtpServer, Range, ReferenceClock, Rtcp, RtcpFeedback, SourceFilter,
    TypedAttribute, UtcTime,
};
pub use builder::{MediaBuilder, SessionBuilder};
pub use description::SessionDescription;
pub use error::ParseError;
pub use fields::{AddressType, Bandwidth, Connection, Origin, Timing};
pub use format::{Fmtp, Format};
pub use line::{Attribute, Line};
pub use media::{Direction, MediaDescription, MediaKind};
pub use tolerance::{Policy, Tolerance, Tolerances, Tolerated};

/// The longest input that is read, in bytes. The longest that cameras send, with a backchannel and keys, is some 4 KiB.
pub const MAX_INPUT: usize = 64 * 1024;

/// The most lines that are read, blank ones included. Twenty media descriptions with twenty lines each are 400.
pub const MAX_LINES: usize = 1024;

/// The most media descriptions that are read. Cameras have up to six, recorders' composite streams some more.
pub const MAX_MEDIA: usize = 64;
