use std::time::Duration;

use throughline_sdp as sdp;

use super::{ExtraHeaders, Learned};
use crate::{Credentials, Policy, RtspUrl};

/// What a [`ClientSession`](super::ClientSession) needs to know before it starts.
#[derive(Debug, Clone)]
pub struct SessionConfig {
    /// The presentation, for instance a camera's main stream.
    pub url: RtspUrl,
    /// Sent only when the server or its tunnel asks, and only to the host of [`url`](Self::url), even after a redirect. `None` by default.
    pub credentials: Option<Credentials>,
    /// What a tunnel's HTTP requests ask for in place of the URL's path: `/rtsp-over-websocket` at Axis cameras, whose RTSP
    /// URL is another (Q116), at whatever host redirects lead to. The URL's path and query by default, which is where HTTP tunnels
    /// are.
    pub tunnel_path: Option<String>,
    /// Who we say we are; some cameras answer 401 to a request without (Q15). The crate's name and version by default.
    pub user_agent: String,
    /// How long each request waits for its response, 10 s by default; a dead server is noticed this late. Keepalives and
    /// TEARDOWN wait for less.
    pub response_timeout: Duration,
    /// How long DESCRIBE waits in place of that: bridges of battery cameras wake the camera first (Q123). The same by default.
    pub describe_timeout: Option<Duration>,
    /// What the caller adds to the requests, at whatever host redirects lead to; nothing by default.
    pub extra_headers: ExtraHeaders,
    /// What an earlier session with the same URL and credentials has found out; nothing by default.
    pub learned: Learned,
    /// Which leniencies the session may use; all of them by default. A description is read by
    /// [`description_policy`](Self::description_policy).
    pub policy: Policy,
    /// Which leniencies a session description may need; all of them by default.
    pub description_policy: sdp::Policy,
}

impl SessionConfig {
    /// The defaults for this URL.
    pub fn new(url: RtspUrl) -> Self {
        Self {
            url,
            credentials: None,
            tunnel_path: None,
            user_agent: concat!(env!("CARGO_PKG_NAME"), "/", env!("CARGO_PKG_VERSION")).to_owned(),
            response_timeout: Duration::from_secs(10),
            describe_timeout: None,
            extra_headers: ExtraHeaders::default(),
            learned: Learned::default(),
            policy: Policy::default(),
            description_policy: sdp::Policy::default(),
        }
    }
}
