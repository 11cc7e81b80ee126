//! What the fuzz targets in `fuzz/` do with their bytes, one function each, named as the target is.
//!
//! They live in a library of the workspace so that `cargo test --workspace` runs every one over its committed corpus:
//! an input that once broke something is a regression test from then on, on any compiler.
//!
//! A body takes any bytes, and panics where a parser or a state machine breaks its promise. There are three kinds:
//!
//! | kind | what is held against the code |
//! |---|---|
//! | parser | what is read is written so that it reads the same; however the bytes are cut, the same comes out |
//! | model | operations made of the bytes, run on the real thing and on a simple one beside it |
//! | conversation | hostile bytes from the other end in simulated time: nothing hangs, grows or tells a password |
//!
//! Where a body needs more than bytes it takes numbers from their front, or reads them as a script in which 0xff begins
//! an instruction.

#![expect(
    clippy::missing_panics_doc,
    reason = "to panic is what a body is for: where the first sentence of its doc does not hold"
)]

mod camera;
mod h264_access_units;
mod h264_annexb;
mod h264_avcc;
mod h264_depacketizer;
mod h264_interleaved;
mod h264_loss;
mod h264_packetizer;
mod h264_parameter_sets;
mod h264_pps;
mod h264_sei;
mod h264_slice;
mod h264_sps;
mod http_tunnel;
mod input;
mod mikey;
mod mock_camera_server;
mod rtcp_compound;
mod rtcp_schedule;
mod rtp_packet;
mod rtp_reception;
mod rtp_reorder;
mod rtp_timeline;
mod rtsp_challenge;
mod rtsp_client;
mod rtsp_headers;
mod rtsp_message;
mod rtsp_url;
mod sdes;
mod sdp;
mod srtp;
mod websocket;

pub use camera::camera;
pub use h264_access_units::h264_access_units;
pub use h264_annexb::h264_annexb;
pub use h264_avcc::h264_avcc;
pub use h264_depacketizer::h264_depacketizer;
pub use h264_interleaved::h264_interleaved;
pub use h264_loss::h264_loss;
pub use h264_packetizer::h264_packetizer;
pub use h264_parameter_sets::h264_parameter_sets;
pub use h264_pps::h264_pps;
pub use h264_sei::h264_sei;
pub use h264_slice::h264_slice;
pub use h264_sps::h264_sps;
pub use http_tunnel::http_tunnel;
pub use mikey::mikey;
pub use mock_camera_server::mock_camera_server;
pub use rtcp_compound::rtcp_compound;
pub use rtcp_schedule::rtcp_schedule;
pub use rtp_packet::rtp_packet;
pub use rtp_reception::rtp_reception;
pub use rtp_reorder::rtp_reorder;
pub use rtp_timeline::rtp_timeline;
pub use rtsp_challenge::rtsp_challenge;
pub use rtsp_client::rtsp_client;
pub use rtsp_headers::rtsp_headers;
pub use rtsp_message::rtsp_message;
pub use rtsp_url::rtsp_url;
pub use sdes::sdes;
pub use sdp::sdp;
pub use srtp::srtp;
pub use websocket::websocket;

/// A body: it takes the fuzzer's bytes, and panics where something is wrong.
pub type Body = fn(&[u8]);

/// Every body by its target's name.
pub const BODIES: &[(&str, Body)] = &[
    ("camera", camera),
    ("h264_access_units", h264_access_units),
    ("h264_annexb", h264_annexb),
    ("h264_avcc", h264_avcc),
    ("h264_depacketizer", h264_depacketizer),
    ("h264_interleaved", h264_interleaved),
    ("h264_loss", h264_loss),
    ("h264_packetizer", h264_packetizer),
    ("h264_parameter_sets", h264_parameter_sets),
    ("h264_pps", h264_pps),
    ("h264_sei", h264_sei),
    ("h264_slice", h264_slice),
    ("h264_sps", h264_sps),
    ("http_tunnel", http_tunnel),
    ("mikey", mikey),
    ("mock_camera_server", mock_camera_server),
    ("rtcp_compound", rtcp_compound),
    ("rtcp_schedule", rtcp_schedule),
    ("rtp_packet", rtp_packet),
    ("rtp_reception", rtp_reception),
    ("rtp_reorder", rtp_reorder),
    ("rtp_timeline", rtp_timeline),
    ("rtsp_challenge", rtsp_challenge),
    ("rtsp_client", rtsp_client),
    ("rtsp_headers", rtsp_headers),
    ("rtsp_message", rtsp_message),
    ("rtsp_url", rtsp_url),
    ("sdes", sdes),
    ("sdp", sdp),
    ("srtp", srtp),
    ("websocket", websocket),
];
