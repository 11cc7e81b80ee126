//! An IP camera's H.264 into a LiveKit room as it is: no decoder, no encoder.
//!
//! `cargo run --example rtsp_h264_passthrough`, with these variables of the environment:
//!
//! - `RTSP_URL`: the camera, `rtsp://user:password@host/path`; without it a mock camera plays.
//! - `LIVEKIT_URL`, `LIVEKIT_API_KEY`, `LIVEKIT_API_SECRET`: the server; without them a preview page is served.

use std::env;

use anyhow::{Context, Result};
use livekit_bridge::engine::preview::Preview;
use livekit_bridge::engine::webrtc::{WebRtc, WebRtcOptions};
use livekit_bridge::{EncodedVideoFrame, PassthroughEncoder, PublisherToken};
use throughline_ingest::{CameraStream, Config, Event, Item};
use throughline_mock_camera::MockCamera;

#[tokio::main]
async fn main() -> Result<()> {
    // 1. The source: a camera, or a mock camera that speaks real RTSP on loopback.
    let mock;
    let url = if let Ok(url) = env::var("RTSP_URL") {
        url
    } else {
        mock = MockCamera::builder().start().await?;
        mock.url()
    };
    let mut camera = CameraStream::open(Config::parse(&url).context("RTSP_URL")?);

    // 2. Publish an H.264 track and take its passthrough encoder. No waiting for readiness: what comes before the track
    //    stands is dropped up to an IDR, so that viewers never get a picture whose references are missing.
    let encoder = publish().await?;

    // 3. Receive, inject, answer key-frame requests, until Ctrl-C.
    let ended = tokio::select! {
        biased; // so that Ctrl-C is heard from the first moment on
        _ = tokio::signal::ctrl_c() => Ok(()),
        ended = relay(&mut camera, &encoder) => ended,
        () = encoder.ended() => Ok(()), // of itself only for what trying again does not mend; `close` says what
    };

    // 4. Let the camera go, and leave the room, so that viewers see the track end.
    camera.close().await;
    encoder.close().await?;
    ended
}

/// Into a room where LiveKit is configured, else onto a page of this machine.
async fn publish() -> Result<PassthroughEncoder> {
    let Ok(url) = env::var("LIVEKIT_URL") else {
        let preview = Preview::bind(([127, 0, 0, 1], 8089).into()).await?;
        println!("open {}", preview.url());
        return Ok(PassthroughEncoder::start(preview));
    };
    let key = env::var("LIVEKIT_API_KEY").context("LIVEKIT_API_KEY")?;
    let secret = env::var("LIVEKIT_API_SECRET").context("LIVEKIT_API_SECRET")?;
    let token = PublisherToken::from_api_key(&key, &secret, "throughline", "rtsp-h264-passthrough")?;
    println!(
        "publishing to the room `{}` as `{}`",
        token.room(),
        token.identity()
    );
    Ok(PassthroughEncoder::start(WebRtc::new(
        &url,
        token,
        WebRtcOptions::default(),
    )?))
}

/// Each access unit goes in with the camera's own timestamp; each wish of a viewer for a key frame goes to the camera.
async fn relay(camera: &mut CameraStream, encoder: &PassthroughEncoder) -> Result<()> {
    while let Some(item) = camera.next().await {
        match item? {
            Item::AccessUnit(unit) => {
                // Annex-B, SPS and PPS in front of every IDR, 90 kHz timestamp, capture time where the camera tells.
                encoder.inject_frame(EncodedVideoFrame::from(unit));
            }
            Item::Event(Event::Playing { transport }) => println!("camera plays over {transport}"),
            Item::Event(Event::Disconnected { error, retry_in }) => {
                println!("{error}; again in {retry_in:.1?}");
            }
            Item::Event(_) => {}
        }
        if encoder.is_keyframe_requested() {
            // In this order, so that a request in between is not lost.
            encoder.clear_keyframe_request();
            camera.request_keyframe(); // RTCP PLI, and FIR where the camera announces it
        }
    }
    Ok(())
}
