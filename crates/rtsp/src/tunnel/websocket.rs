use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use sha1::{Digest as _, Sha1};

use super::{Channel, MAX_HEAD_BYTES, TunnelError, head, request_head};
use crate::auth::{Authenticator, Nonces};
use crate::client::TunnelTarget;
use crate::headers::WwwAuthenticate;
use crate::{Response, StatusCode};

/// What RTSP is called inside of a WebSocket, in the order in which the names are tried, one at a time as servers compare the whole
/// header: ONVIF's, and what Axis cameras want (Q116).
pub const WEBSOCKET_PROTOCOLS: [&str; 2] = ["rtsp.onvif.org", "binary"];

/// What makes a key's answer ([RFC 6455 §1.3](https://www.rfc-editor.org/rfc/rfc6455#section-1.3)).
const GUID: &str = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";

/// The client's handshake of a WebSocket, with the credentials that its server asks for (Q116)
/// ([RFC 6455 §4.1](https://www.rfc-editor.org/rfc/rfc6455#section-4.1)). The frames behind it are the caller's: RTSP goes in binary
/// messages, each message or interleaved frame in one, and comes in messages that may be cut anywhere.
///
/// ```
/// use throughline_rtsp::client::TunnelTarget;
/// use throughline_rtsp::tunnel::{Upgrade, WebSocketUpgrade};
///
/// # fn exchange(_: &[u8]) -> &'static [u8] { b"HTTP/1.1 101 Switching Protocols\r\nSec-WebSocket-Accept: " }
/// let target = TunnelTarget { path: "/cam".to_owned(), host: "192.0.2.10".to_owned(), credentials: None };
/// let mut upgrade = WebSocketUpgrade::new(target, "example/1.0", 7);
/// let answer = exchange(&upgrade.request());
/// match upgrade.receive(answer)? {
///     Upgrade::Incomplete => println!("read more behind it"),
///     Upgrade::Again => println!("connect anew, and send another request"),
///     Upgrade::Open { consumed } => println!("frames begin at byte {consumed}"),
/// }
/// # Ok::<(), throughline_rtsp::tunnel::TunnelError>(())
/// ```
pub struct WebSocketUpgrade {
    target: TunnelTarget,
    user_agent: String,
    authenticator: Authenticator,
    nonces: Nonces,
    key: String,
    protocols: std::slice::Iter<'static, &'static str>,
    protocol: &'static str,
}

/// What an answer means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Upgrade {
    /// It is not whole: call again when there are more bytes behind these.
    Incomplete,
    /// It may succeed with another [request](WebSocketUpgrade::request), on a new connection.
    Again,
    /// The WebSocket stands.
    Open {
        /// Where its first frame begins.
        consumed: usize,
    },
}

impl WebSocketUpgrade {
    /// Keys, and the nonces of Digest authentication, come from `seed`, which should be random.
    pub fn new(target: TunnelTarget, user_agent: &str, seed: u64) -> Self {
        let mut protocols = WEBSOCKET_PROTOCOLS.iter();
        Self {
            authenticator: Authenticator::new(target.credentials.clone(), seed),
            target,
            user_agent: user_agent.to_owned(),
            nonces: Nonces::new(!seed),
            key: String::new(),
            protocol: protocols.next().copied().unwrap_or_default(),
            protocols,
        }
    }

    /// What to send on each new connection, in one write.
    pub fn request(&mut self) -> Bytes {
        self.key = STANDARD.encode(self.nonces.bytes());
        let headers = [
            ("User-Agent", self.user_agent.as_str()),
            // In the spelling that servers compare with.
            ("Upgrade", "websocket"),
            ("Connection", "Upgrade"),
            ("Sec-WebSocket-Key", self.key.as_str()),
            ("Sec-WebSocket-Version", "13"),
            ("Sec-WebSocket-Protocol", self.protocol),
        ];
        let method = Channel::Get.as_str();
        request_head(
            method,
            "HTTP/1.1",
            &self.target,
            &headers,
            &mut self.authenticator,
        )
    }

    /// Takes in what the server has answered so far to the last request.
    ///
    /// Which protocol it names is not looked at: some that serve RTSP name none.
    pub fn receive(&mut self, input: &[u8]) -> Result<Upgrade, TunnelError> {
        let mut consumed = 0;
        loop {
            let rest = input.get(consumed..).unwrap_or_default();
            let Some((length, answer)) = head::read(Channel::Get, rest)? else {
                return Ok(Upgrade::Incomplete);
            };
            consumed += length;
            match answer.status {
                StatusCode(101) => return self.check(&answer).map(|()| Upgrade::Open { consumed }),
                // The caller keeps them until the answer proper has come.
                StatusCode(..200) if consumed > MAX_HEAD_BYTES => {
                    return Err(TunnelError::TooLong {
                        channel: Channel::Get,
                    });
                }
                StatusCode(..200) => {}
                StatusCode::UNAUTHORIZED => return self.unauthorized(&answer).map(|()| Upgrade::Again),
                _ => {
                    // The credentials were not refused. With the next protocol the server may want another nonce.
                    self.authenticator.not_refused();
                    return self.refused(TunnelError::from_answer(Channel::Get, &answer));
                }
            }
        }
    }

    /// The server closed the connection instead of answering.
    pub fn handle_closed(&mut self) -> Result<Upgrade, TunnelError> {
        self.refused(TunnelError::Closed {
            channel: Channel::Get,
        })
    }

    /// The protocol of the last request.
    pub fn protocol(&self) -> &'static str {
        self.protocol
    }

    fn check(&self, answer: &Response) -> Result<(), TunnelError> {
        let expected = Sha1::new().chain_update(&self.key).chain_update(GUID).finalize();
        let accepted = answer.headers.get("Sec-WebSocket-Accept");
        if accepted == Some(STANDARD.encode(expected).as_str()) {
            return Ok(());
        }
        Err(TunnelError::Malformed {
            channel: Channel::Get,
            what: "no answer to Sec-WebSocket-Key",
            offset: 0,
        })
    }

    fn unauthorized(&mut self, answer: &Response) -> Result<(), TunnelError> {
        let challenges = answer.headers.typed::<WwwAuthenticate>().ok().flatten();
        self.authenticator
            .challenged(&challenges.unwrap_or_default().0)
            .map_err(|error| TunnelError::from_auth(Channel::Get, error))
    }

    /// Servers say in many ways that they do not know a protocol. Where there is no WebSocket at all, another one does not help.
    fn refused(&mut self, error: TunnelError) -> Result<Upgrade, TunnelError> {
        if matches!(error, TunnelError::NotATunnel { .. }) {
            return Err(error);
        }
        let Some(protocol) = self.protocols.next() else {
            return Err(error);
        };
        self.protocol = protocol;
        Ok(Upgrade::Again)
    }
}

/// `Debug` shows nothing of what is sent: it may hold the password.
impl fmt::Debug for WebSocketUpgrade {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WebSocketUpgrade")
            .field("target", &self.target)
            .field("protocol", &self.protocol)
            .finish_non_exhaustive()
    }
}
