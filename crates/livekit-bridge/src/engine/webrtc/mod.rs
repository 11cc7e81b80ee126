//! Engine `webrtc`: one participant in a LiveKit room, one PeerConnection, one H.264 track, in pure Rust.
//!
//! The signalling is LiveKit's own crate, the media `str0m` in RTP mode with our packetizer, so every NAL unit of the
//! camera arrives as it was sent. Media goes by UDP and, where that is blocked or refused, by ICE-TCP to the server's
//! TCP port. TURN is not spoken. While the signalling connection blinks the media goes on; when the media path or the
//! server is gone, the room is joined anew with a growing pause.

mod error;
mod room;
mod session;

use std::fmt;

use url::Url;

pub use error::LiveKitError;

use crate::encoder::Readiness;
use crate::engine::EngineError;
use crate::engine::backoff::Backoff;
use crate::port::{Engine, Port};
use crate::token::{PublisherToken, without_tokens};
use session::Outcome;

/// What a publisher may choose beside server and token.
#[derive(Debug, Clone)]
pub struct WebRtcOptions {
    /// Name of the published track, shown to subscribers.
    pub track_name: String,
}

impl Default for WebRtcOptions {
    fn default() -> Self {
        Self {
            track_name: "camera".to_owned(),
        }
    }
}

/// Publishes into a LiveKit room.
pub struct WebRtc {
    url: Url,
    token: PublisherToken,
    options: WebRtcOptions,
}

impl WebRtc {
    /// A publisher to the server at `url` (`ws`, `wss`, `http` or `https`). Nothing is connected before the engine
    /// runs.
    pub fn new(url: &str, token: PublisherToken, options: WebRtcOptions) -> Result<Self, LiveKitError> {
        let shown = |url: &str| without_tokens(url.rsplit('@').next().unwrap_or_default());
        let refused = |reason: String| LiveKitError::Url {
            url: shown(url),
            reason,
        };
        let parsed = Url::parse(url).map_err(|error| refused(error.to_string()))?;
        if !["ws", "wss", "http", "https"].contains(&parsed.scheme()) {
            return Err(refused(format!(
                "the scheme must be ws or wss, not {}",
                parsed.scheme()
            )));
        }
        if parsed.host_str().is_none_or(str::is_empty) {
            return Err(refused("it names no host".to_owned()));
        }
        Ok(Self {
            url: parsed,
            token,
            options,
        })
    }

    /// Host and port of the server, for messages.
    pub fn server(&self) -> String {
        let host = self.url.host_str().unwrap_or_default();
        match self.url.port() {
            Some(port) => format!("{host}:{port}"),
            None => host.to_owned(),
        }
    }
}

impl fmt::Debug for WebRtc {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WebRtc")
            .field("server", &self.server())
            .field("token", &self.token)
            .field("options", &self.options)
            .finish_non_exhaustive()
    }
}

impl Engine for WebRtc {
    async fn run(mut self, port: Port) -> Result<(), EngineError> {
        let mut backoff = Backoff::new();
        loop {
            port.set_readiness(Readiness::Connecting);
            // Boxed: str0m's state is tens of kilobytes.
            match Box::pin(session::run(&self, &port, &mut backoff)).await {
                Outcome::Closed => return Ok(()),
                Outcome::Failed { error, token } => {
                    if let Some(token) = token {
                        self.token.renew(&token);
                    }
                    if backoff.pause(error, &port).await?.is_break() {
                        return Ok(());
                    }
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn engine(url: &str) -> Result<WebRtc, LiveKitError> {
        let token = PublisherToken::from_api_key("key", "secret", "room", "cam").unwrap();
        WebRtc::new(url, token, WebRtcOptions::default())
    }

    #[test]
    fn urls_of_a_livekit_server_are_taken_and_others_say_why_not() {
        assert_eq!(
            engine("wss://project.livekit.cloud").unwrap().server(),
            "project.livekit.cloud"
        );
        assert_eq!(engine("ws://[::1]:7880/").unwrap().server(), "[::1]:7880");
        for (url, word) in [
            ("rtsp://host/cam", "rtsp"),
            ("localhost:7880", "scheme"),
            ("", "relative"),
            ("ws://", "host"),
        ] {
            let error = engine(url).unwrap_err();
            assert!(error.is_terminal());
            assert!(error.to_string().contains(word), "{error}");
        }
    }

    #[test]
    fn neither_debug_nor_an_error_shows_a_password_in_the_url() {
        let error = engine("ftp://user:hunter2@host").unwrap_err();
        let debug = format!("{:?}", engine("ws://user:hunter2@host").unwrap());
        assert!(
            !error.to_string().contains("hunter2") && !debug.contains("hunter2"),
            "{error} {debug}"
        );
    }
}
