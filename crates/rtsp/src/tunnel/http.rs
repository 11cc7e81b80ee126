use std::collections::VecDeque;
use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;

use super::{Channel, MAX_REPEATED_BYTES, MEDIA_TYPE, Output, POST_LENGTH, TunnelError, head, request_head};
use crate::auth::{Authenticator, Nonces};
use crate::client::TunnelTarget;
use crate::headers::{WwwAuthenticate, name};
use crate::{Response, StatusCode};

/// To HTTP/1.0 no server answers in chunks.
const VERSION: &str = "HTTP/1.0";

/// The length of a session cookie: Darwin Streaming Server takes no other.
const COOKIE_LENGTH: usize = 22;

/// The client's end of RTSP over HTTP: see the [module](super).
pub struct HttpTunnel {
    target: TunnelTarget,
    user_agent: String,
    cookie: String,
    authenticator: Authenticator,
    get: Get,
    post: Post,
    /// What POST has carried, each message in one piece; `None` once that does not go out again.
    repeatable: Option<Vec<Bytes>>,
    /// Whether POST may be closed unheard once more.
    patience: Patience,
    outputs: VecDeque<Output>,
}

/// How far the server's side is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Get {
    New,
    /// A connection is asked for.
    Connecting,
    /// The answer is waited for.
    Asking,
    /// It was 200, and what follows is RTSP.
    Streaming,
    /// The tunnel has failed.
    Failed,
}

/// How far our side is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Post {
    /// GET comes first.
    New,
    /// The first connection is asked for.
    Connecting,
    /// Another one is asked for, behind a 401 or one that was closed unheard.
    Reconnecting,
    /// RTSP goes out; an answer may come or not.
    Open,
    /// It has come, and what follows means nothing.
    Answered,
}

/// What follows when POST is closed before the server has heard it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Patience {
    /// It is connected again: the server may have answered GET before it knew the tunnel.
    Left,
    /// The tunnel has failed.
    Spent,
}

impl HttpTunnel {
    /// A tunnel that waits for [`start`](Self::start). Its cookie, by which the server knows that POST belongs to GET, and the
    /// nonces of Digest authentication come from `seed`, which should be random.
    pub fn new(target: TunnelTarget, user_agent: &str, seed: u64) -> Self {
        let mut cookie = Nonces::new(!seed).next();
        cookie.truncate(COOKIE_LENGTH);
        Self {
            authenticator: Authenticator::new(target.credentials.clone(), seed),
            target,
            user_agent: user_agent.to_owned(),
            cookie,
            get: Get::New,
            post: Post::New,
            repeatable: Some(Vec::new()),
            patience: Patience::Left,
            outputs: VecDeque::new(),
        }
    }

    /// Asks for the connection of GET.
    pub fn start(&mut self) {
        if self.get == Get::New {
            self.get = Get::Connecting;
            self.outputs.push_back(Output::Connect(Channel::Get));
        }
    }

    /// The connection that [`Output::Connect`] asked for is there.
    pub fn handle_connected(&mut self, channel: Channel) {
        match (channel, self.get, self.post) {
            (Channel::Get, Get::Connecting, _) => {
                self.ask(channel, &[("Accept", MEDIA_TYPE)]);
                self.get = Get::Asking;
            }
            (Channel::Post, Get::Streaming, Post::Connecting) => {
                self.open_post();
                self.outputs.push_back(Output::Open);
            }
            (Channel::Post, Get::Streaming, Post::Reconnecting) => self.open_post(),
            _ => {}
        }
    }

    /// Takes in bytes from a channel's connection: `input` is everything that has arrived on it and was not consumed yet. Gives
    /// how many bytes to drop from its front; call it whenever there are more, and drain the outputs. Behind the head of GET's
    /// answer it consumes nothing: that is RTSP, for the session once the tunnel is [open](Output::Open), and shows here that the
    /// server hears POST.
    pub fn receive(&mut self, channel: Channel, input: &[u8]) -> usize {
        let mut consumed = 0;
        loop {
            match (channel, self.get, self.post) {
                (Channel::Get, Get::Asking, _) | (Channel::Post, Get::Streaming, Post::Open) => {}
                (Channel::Get, Get::Streaming, post) => {
                    if matches!(post, Post::Open | Post::Answered) && consumed < input.len() {
                        self.repeatable = None;
                    }
                    return consumed;
                }
                // Of no account, or of a connection that is not ours any more.
                _ => return input.len(),
            }
            match head::read(channel, input.get(consumed..).unwrap_or_default()) {
                Ok(Some((length, answer))) => {
                    consumed += length;
                    self.handle_answer(channel, &answer);
                }
                Ok(None) => return consumed,
                Err(error) => self.fail(error),
            }
        }
    }

    /// The channel's connection was closed by the other side, or broke. Once the tunnel is [open](Output::Open), the end of GET's
    /// connection is for the session.
    pub fn handle_closed(&mut self, channel: Channel) {
        match (channel, self.get, self.post) {
            (Channel::Post, Get::Streaming, Post::Open | Post::Answered)
                if self.repeatable.is_some() && self.patience == Patience::Left =>
            {
                self.patience = Patience::Spent;
                self.reconnect(channel);
            }
            (Channel::Get, Get::Asking, _)
            | (Channel::Get, Get::Streaming, Post::Connecting)
            | (Channel::Post, Get::Streaming, Post::Open | Post::Answered) => {
                self.fail(TunnelError::Closed { channel });
            }
            _ => {}
        }
    }

    /// Sends a message of the session or an interleaved frame, whole (Q45).
    pub fn send(&mut self, message: &[u8]) {
        if self.get != Get::Streaming {
            return;
        }
        let bytes = Bytes::from(STANDARD.encode(message));
        if let Some(repeatable) = &mut self.repeatable {
            repeatable.push(bytes.clone());
            if repeatable.iter().map(Bytes::len).sum::<usize>() > MAX_REPEATED_BYTES {
                self.repeatable = None;
            }
        }
        match (self.post, &self.repeatable) {
            (Post::Open | Post::Answered, _) => self.outputs.push_back(Output::Transmit {
                channel: Channel::Post,
                bytes,
            }),
            // It goes out once there is a connection.
            (_, Some(_)) => {}
            (_, None) => self.fail(TunnelError::Closed {
                channel: Channel::Post,
            }),
        }
    }

    /// What is to be done next. Drain it to [`Output::Idle`] after each call of anything else.
    pub fn poll_output(&mut self) -> Output {
        self.outputs.pop_front().unwrap_or(Output::Idle)
    }

    fn ask(&mut self, channel: Channel, own: &[(&str, &str)]) {
        let headers = [
            ("User-Agent", self.user_agent.as_str()),
            ("x-sessioncookie", self.cookie.as_str()),
            ("Pragma", "no-cache"),
            ("Cache-Control", "no-cache"),
        ];
        let headers = [&headers, own].concat();
        let method = channel.as_str();
        let bytes = request_head(method, VERSION, &self.target, &headers, &mut self.authenticator);
        self.outputs.push_back(Output::Transmit { channel, bytes });
    }

    /// Asks, and goes on without an answer (Q115).
    fn open_post(&mut self) {
        let length = POST_LENGTH.to_string();
        let own = [
            (name::CONTENT_TYPE, MEDIA_TYPE),
            (name::CONTENT_LENGTH, length.as_str()),
            // A date long past, so that nothing on the way keeps it.
            ("Expires", "Sun, 9 Jan 1972 00:00:00 GMT"),
        ];
        self.ask(Channel::Post, &own);
        let channel = Channel::Post;
        let again = self.repeatable.iter().flatten().cloned();
        self.outputs
            .extend(again.map(|bytes| Output::Transmit { channel, bytes }));
        self.post = Post::Open;
    }

    fn handle_answer(&mut self, channel: Channel, answer: &Response) {
        match (answer.status, channel) {
            // The answer proper is still to come.
            (StatusCode(..200), _) => {}
            (StatusCode::UNAUTHORIZED, _) => self.unauthorized(channel, answer),
            (StatusCode::OK, Channel::Get) => match stream_fault(answer) {
                None => {
                    self.authenticator.not_refused();
                    self.get = Get::Streaming;
                    self.post = Post::Connecting;
                    self.outputs.push_back(Output::Connect(Channel::Post));
                }
                Some(error) => self.fail(error),
            },
            (status, Channel::Post) if status.is_success() => self.post = Post::Answered,
            _ => self.fail(TunnelError::from_answer(channel, answer)),
        }
    }

    /// Asks again on a new connection: the old one is the server's to close, and the body of its answer is not looked at.
    fn unauthorized(&mut self, channel: Channel, answer: &Response) {
        if channel == Channel::Post && self.repeatable.is_none() {
            return self.fail(TunnelError::from_answer(channel, answer));
        }
        let challenges = answer.headers.typed::<WwwAuthenticate>().ok().flatten();
        match self.authenticator.challenged(&challenges.unwrap_or_default().0) {
            Ok(()) => self.reconnect(channel),
            Err(error) => self.fail(TunnelError::from_auth(channel, error)),
        }
    }

    fn reconnect(&mut self, channel: Channel) {
        match channel {
            Channel::Get => self.get = Get::Connecting,
            Channel::Post => self.post = Post::Reconnecting,
        }
        self.outputs.push_back(Output::Connect(channel));
    }

    fn fail(&mut self, error: TunnelError) {
        self.get = Get::Failed;
        self.outputs.push_back(Output::Failed(error));
    }
}

/// What makes a 200 to GET no tunnel: a page of a web server, which has one for every path, or a stream in pieces.
fn stream_fault(answer: &Response) -> Option<TunnelError> {
    let channel = Channel::Get;
    let media_type = answer.headers.get(name::CONTENT_TYPE).unwrap_or_default();
    if media_type
        .get(..5)
        .is_some_and(|kind| kind.eq_ignore_ascii_case("text/"))
    {
        return Some(TunnelError::from_answer(channel, answer));
    }
    answer
        .headers
        .get("Transfer-Encoding")
        .map(|_| TunnelError::Malformed {
            channel,
            what: "a Transfer-Encoding",
            offset: 0,
        })
}

/// `Debug` shows nothing of what is sent: it may hold the password.
impl fmt::Debug for HttpTunnel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HttpTunnel")
            .field("target", &self.target)
            .field("get", &self.get)
            .field("post", &self.post)
            .finish_non_exhaustive()
    }
}
