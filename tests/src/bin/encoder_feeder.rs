//! Feeds LiveKit's own pre-encoded encoder, which lives in a process at the other end of standard input and output, by the rules of
//! `livekit_bridge::chain`: the test `interop/test_official_encoder.py` starts it with the URL of a camera.
//!
//! A picture goes out as its length (4 bytes), microseconds (8), width (2), height (2) and whether it is an IDR (1), all big-endian,
//! and its access unit. One byte comes back: bit 0, the encoder named a rate; bit 1, it wants a key frame.

use std::error::Error;
use std::io;
use std::time::Instant;

use livekit_bridge::chain::{EncoderFeed, EncoderFeedback, FeedStep};
use livekit_bridge::engine::EngineError;
use livekit_bridge::{EncodedVideoFrame, Engine, PassthroughEncoder, Port};
use throughline_ingest::{CameraStream, Config};
use tokio::io::{AsyncReadExt, AsyncWriteExt, Stdin, Stdout};

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let url = std::env::args().nth(1).ok_or("usage: encoder_feeder RTSP_URL")?;
    let mut camera = CameraStream::open(Config::parse(&url)?);
    let encoder = PassthroughEncoder::start(Pipe {
        input: tokio::io::stdin(),
        output: tokio::io::stdout(),
    });
    loop {
        tokio::select! {
            picture = camera.next_access_unit() => {
                let Some(picture) = picture else { break };
                encoder.inject_frame(picture?);
            }
            () = encoder.keyframe_requested() => {
                encoder.clear_keyframe_request();
                camera.request_keyframe();
            }
            () = encoder.ended() => break,
        }
    }
    Ok(encoder.close().await?)
}

/// The engine: an encoder at the other end of a pipe.
struct Pipe {
    input: Stdin,
    output: Stdout,
}

impl Pipe {
    async fn exchange(
        &mut self,
        frame: &EncodedVideoFrame,
        timestamp_us: i64,
    ) -> io::Result<EncoderFeedback> {
        let invalid = |_| io::Error::other("a picture beyond the header's fields");
        let mut header = Vec::with_capacity(17);
        header.extend(u32::try_from(frame.data.len()).map_err(invalid)?.to_be_bytes());
        header.extend(timestamp_us.to_be_bytes());
        header.extend(u16::try_from(frame.width()).map_err(invalid)?.to_be_bytes());
        header.extend(u16::try_from(frame.height()).map_err(invalid)?.to_be_bytes());
        header.push(u8::from(frame.is_idr));
        self.output.write_all(&header).await?;
        self.output.write_all(&frame.data).await?;
        self.output.flush().await?;
        let answer = self.input.read_u8().await?;
        Ok(EncoderFeedback {
            rate_control: answer & 1 != 0,
            keyframe_requested: answer & 2 != 0,
        })
    }
}

impl Engine for Pipe {
    async fn run(mut self, port: Port) -> Result<(), EngineError> {
        let mut feed = EncoderFeed::new();
        loop {
            let wait = match feed.poll(Instant::now()) {
                FeedStep::Feed { frame, timestamp_us } => {
                    // The other end left: so do we.
                    let Ok(feedback) = self.exchange(&frame, timestamp_us).await else {
                        return Ok(());
                    };
                    if feed.handle_feedback(feedback) {
                        port.request_keyframe();
                    }
                    continue;
                }
                FeedStep::WaitUntil(at) => Some(at),
                FeedStep::WaitForFrame => None,
            };
            let due = async {
                match wait {
                    Some(at) => tokio::time::sleep_until(at.into()).await,
                    None => std::future::pending().await,
                }
            };
            tokio::select! {
                frame = port.recv() => feed.push(frame),
                () = due => {}
                () = port.closed() => return Ok(()),
            }
        }
    }
}
