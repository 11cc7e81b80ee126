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
//! # Writing
//!
//! ```
//! use std::net::Ipv4Addr;
//!
//! use throughline_sdp::{MediaBuilder, MediaKind, Origin, SessionDescription};
//!
//! let description = SessionDescription::builder(Origin::new(1, 1, Ipv4Addr::LOCALHOST.into()), "Gate")
//!     .attribute("control", "*")
//!     .media(
//!         MediaBuilder::new(MediaKind::Video, 0, "RTP/AVP", &[96])
//!             .attribute("rtpmap", "96 H264/90000")
//!             .attribute("recvonly", "")
//!             .attribute("control", "trackID=0"),
//!     )
//!     .build();
//! assert_eq!(
//!     description.to_string(),
//!     "v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=Gate\r\nc=IN IP4 0.0.0.0\r\nt=0 0\r\na=control:*\r\n\
//!      m=video 0 RTP/AVP 96\r\na=rtpmap:96 H264/90000\r\na=recvonly\r\na=control:trackID=0\r\n"
//! );
//! ```
//!
//! # Limits
//!
//! [`MAX_INPUT`] bytes, [`MAX_LINES`] lines, [`MAX_MEDIA`] media descriptions; past them a [`ParseError`]. A media
//! description has at most 128 formats, one for each payload type.
//!
//! # What it does not do
//!
//! | it does | it does not |
//! |---|---|
//! | origin, name, connection, bandwidth, timing, direction | check `r=` beyond its grammar, `z=` at all |
//! | rtpmap, fmtp, the static payload types of [RFC 3551](https://www.rfc-editor.org/rfc/rfc3551), rtcp-fb, framerate | decode what is in an fmtp: parameter sets are the codec's |
//! | any attribute by its name | join control URLs: that needs the RTSP request |
//! | say what is offered | offer and answer, [RFC 3264](https://www.rfc-editor.org/rfc/rfc3264) |

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

pub use builder::{MediaBuilder, SessionBuilder};
pub use description::SessionDescription;
pub use error::ParseError;
pub use fields::{AddressType, Bandwidth, Connection, Origin, Timing};
pub use format::{Fmtp, Format};
pub use line::{Attribute, Line};
pub use media::{Direction, MediaDescription, MediaKind};
pub use tolerance::{Policy, Tolerance, Tolerated};

/// The longest input that is read, in bytes. The longest that cameras send, with a backchannel and keys, is some 4 KiB.
pub const MAX_INPUT: usize = 64 * 1024;

/// The most lines that are read, blank ones included. Twenty media descriptions with twenty lines each are 400.
pub const MAX_LINES: usize = 1024;

/// The most media descriptions that are read. Cameras have up to six, recorders' composite streams some more.
pub const MAX_MEDIA: usize = 64;
