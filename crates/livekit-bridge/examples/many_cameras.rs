//! Many cameras in one process, each a participant of its own in one LiveKit room. As many threads as there are cores share
//! them: what a camera, its encoder and its engine do is all done by one.
//!
//! `cargo run --release --example many_cameras -- rtsp://user:password@host/path ..`, with these variables of the
//! environment: `LIVEKIT_URL`, `LIVEKIT_API_KEY`, `LIVEKIT_API_SECRET`, and `LIVEKIT_ROOM` where it is not `throughline`.
//! Ctrl-C ends it; a line for each camera then tells what it sent.

use std::env;

use anyhow::{Context, Result};
use livekit_bridge::engine::webrtc::{WebRtc, WebRtcOptions};
use livekit_bridge::{EncoderStats, PassthroughEncoder, PublisherToken};
use throughline_ingest::{CameraStream, Config, Item, Workers};
use tokio_util::sync::CancellationToken;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<()> {
    let (workers, ending) = (Workers::per_core()?, CancellationToken::new());
    let mut running = Vec::new();
    for (number, url) in (1..).zip(env::args().skip(1)) {
        let camera = Config::parse(&url).context("the URL of a camera")?;
        let engine = engine(&format!("camera-{number}"))?;
        running.push(workers.spawn(carry(camera, engine, ending.clone())));
    }
    tokio::signal::ctrl_c().await?;
    ending.cancel();
    for (number, camera) in (1..).zip(running) {
        let sent = match camera.await? {
            Ok(sent) => sent,
            Err(error) => {
                println!("camera-{number}: {error:#}");
                continue;
            }
        };
        println!(
            "camera-{number}: {} pictures, {} bytes, {} packets, {} dropped, loss {:?}, {} NACKs, {:?}",
            sent.sent,
            sent.sent_bytes,
            sent.transport.packets,
            sent.dropped.total(),
            sent.transport.loss,
            sent.transport.nacks,
            sent.rate_target
        );
    }
    Ok(())
}

fn engine(identity: &str) -> Result<WebRtc> {
    let variable = |name| env::var(name).context(name);
    let room = env::var("LIVEKIT_ROOM").unwrap_or_else(|_| "throughline".to_owned());
    let (key, secret) = (variable("LIVEKIT_API_KEY")?, variable("LIVEKIT_API_SECRET")?);
    let token = PublisherToken::from_api_key(&key, &secret, &room, identity)?;
    Ok(WebRtc::new(
        &variable("LIVEKIT_URL")?,
        token,
        WebRtcOptions::default(),
    )?)
}

/// From the camera to the room until `ending`, or until an error that waiting does not mend.
async fn carry(camera: Config, engine: WebRtc, ending: CancellationToken) -> Result<EncoderStats> {
    let mut camera = CameraStream::open(camera);
    let encoder = PassthroughEncoder::start(engine);
    loop {
        tokio::select! {
            item = camera.next() => match item {
                Some(Ok(Item::AccessUnit(unit))) => drop(encoder.inject_frame(unit)),
                Some(Ok(Item::Event(_))) => {}
                Some(Err(error)) => return Err(error.into()),
                None => break,
            },
            () = encoder.keyframe_requested() => {
                encoder.clear_keyframe_request();
                camera.request_keyframe();
            }
            () = encoder.ended() => break,
            () = ending.cancelled() => break,
        }
    }
    let sent = encoder.stats();
    camera.close().await;
    encoder.close().await?;
    Ok(sent)
}
