use std::collections::VecDeque;
use std::time::{Duration, Instant};

use bytes::BytesMut;

use super::exchange::{Attempt, Exchange, Step};
use super::keepalive::{KeepAlive, KeepAliveMethod};
use super::{
    Endpoint, Error, Event, MAX_TRACKS, Output, Received, ReconnectReason, SessionConfig, SessionStats,
    TransportRequest, transport,
};
use crate::auth::Authenticator;
use crate::headers::{CSeq, Range, name};
use crate::{Message, Parsed, Request, RtspUrl, Scheme, parse};

/// How long TEARDOWN waits for its response: the session is over either way, and a program wants to end.
const TEARDOWN_PATIENCE: Duration = Duration::from_secs(2);

/// One session with one server, from the first connection to TEARDOWN, without I/O: see the [module](super).
#[derive(Debug)]
pub struct ClientSession {
    pub(super) config: SessionConfig,
    pub(super) state: State,
    /// Where the presentation is: the configured URL, or where redirects have led to.
    pub(super) url: RtspUrl,
    pub(super) presentation: Option<Presentation>,
    /// What is to be asked next, one at a time; the front first.
    pub(super) steps: VecDeque<Step>,
    /// The request that is waited for.
    pub(super) exchange: Option<Exchange>,
    /// The CSeq of a request that is not waited for any more; its response may still come (Q38).
    pub(super) abandoned: Option<u32>,
    pub(super) authenticator: Authenticator,
    /// The Session header of all requests after the first SETUP.
    pub(super) session_id: Option<String>,
    /// The channels of the tracks over TCP.
    pub(super) channels: Vec<(u8, u8)>,
    /// Media sections that the caller has asked for.
    pub(super) tracks: usize,
    pub(super) keepalive: KeepAlive,
    last_sent: Option<Instant>,
    last_cseq: u32,
    pub(super) redirects: usize,
    reconnected: Vec<ReconnectReason>,
    pub(super) server: Option<String>,
    pub(super) outputs: VecDeque<Output>,
    pub(super) stats: SessionStats,
}

/// Where the conversation is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum State {
    /// Nothing has been asked for; `start` asks for a connection.
    New,
    /// A connection has been asked for; when there is one, the first step goes out.
    Connecting,
    /// DESCRIBE, or OPTIONS before it, waits for its response; a description leads on.
    Describing,
    /// The caller has the description; each `setup` and then `play` is asked for, one after the other.
    Described,
    /// PLAY was answered; media flow, and a keepalive goes out whenever nothing else has for its interval.
    Playing,
    /// TEARDOWN waits for its response; that, silence or a closed connection ends the session.
    TearingDown,
    /// The session is over; whatever comes is ignored.
    Ended,
}

/// What DESCRIBE has told about URLs.
#[derive(Debug)]
pub(super) struct Presentation {
    /// What PLAY, keepalives and TEARDOWN are about: the whole, never a track (Q41).
    pub(super) aggregate: RtspUrl,
    /// What SETUP is about, for each media section.
    pub(super) media: Vec<RtspUrl>,
}

impl ClientSession {
    /// A session that waits for [`start`](Self::start). The nonces of Digest authentication come from `seed`, which should
    /// be random.
    pub fn new(config: SessionConfig, seed: u64) -> Self {
        Self {
            state: State::New,
            url: config.url.clone(),
            presentation: None,
            steps: VecDeque::from([Step::Describe]),
            exchange: None,
            abandoned: None,
            authenticator: Authenticator::new(config.credentials.clone(), seed),
            session_id: None,
            channels: Vec::new(),
            tracks: 0,
            keepalive: KeepAlive::new(),
            last_sent: None,
            last_cseq: 0,
            redirects: 0,
            reconnected: Vec::new(),
            server: None,
            outputs: VecDeque::new(),
            stats: SessionStats::default(),
            config,
        }
    }

    /// Asks for a connection, and goes on to the description by itself.
    pub fn start(&mut self, _now: Instant) {
        if self.state == State::New {
            self.connect();
        }
    }

    /// The connection that [`Output::Connect`] asked for is there.
    pub fn handle_connected(&mut self, now: Instant) {
        if self.state == State::Connecting {
            self.state = if self.presentation.is_some() {
                State::Described
            } else {
                State::Describing
            };
            self.advance(now);
        }
    }

    /// The connection was closed by the other side, or broke.
    pub fn handle_closed(&mut self, _now: Instant) {
        match self.state {
            State::New | State::Connecting | State::Ended => {}
            State::Describing | State::Described | State::Playing | State::TearingDown => {
                if let Some(reason) = self.why_reconnect() {
                    return self.reconnect(reason);
                }
                let awaiting = self.exchange.as_ref().map(|exchange| exchange.step.method());
                self.fail(Error::Closed { awaiting });
            }
        }
    }

    /// Takes in bytes from the connection: `input` is everything that has arrived and was not consumed yet. Gives how many
    /// bytes to drop from its front, and what they were. Call it, and drain the outputs, until it says
    /// [`Received::Incomplete`].
    pub fn receive<'b>(&mut self, now: Instant, input: &'b [u8]) -> (usize, Received<'b>) {
        let mut consumed = 0;
        loop {
            if matches!(self.state, State::New | State::Connecting | State::Ended) {
                // The rest of a connection that is not ours any more.
                return (input.len(), Received::Incomplete);
            }
            match parse(input.get(consumed..).unwrap_or_default()) {
                Ok(Parsed::Incomplete) => return (consumed, Received::Incomplete),
                Ok(Parsed::Skipped { consumed: skipped }) => {
                    consumed += skipped;
                    self.stats.skipped_bytes += skipped as u64;
                }
                Ok(Parsed::Interleaved {
                    consumed: framed,
                    channel,
                    payload,
                }) => {
                    return (consumed + framed, Received::Interleaved { channel, payload });
                }
                Ok(Parsed::Message {
                    consumed: read,
                    message,
                }) => {
                    match message {
                        Message::Request(request) => self.handle_request(&request),
                        Message::Response(response) => self.handle_response(now, &response),
                    }
                    return (consumed + read, Received::Control);
                }
                Err(error) => {
                    self.fail(Error::Protocol(error));
                    return (input.len(), Received::Control);
                }
            }
        }
    }

    /// The time that [`Output::Idle`] named has come. Harmless when it has not.
    pub fn handle_timeout(&mut self, now: Instant) {
        match &self.exchange {
            Some(exchange) if exchange.deadline.is_some_and(|deadline| now >= deadline) => {
                self.handle_silence(now);
            }
            None if self.keepalive_at().is_some_and(|due| now >= due) => {
                self.send(Step::KeepAlive(self.keepalive.method), Attempt::First, now);
            }
            _ => {}
        }
    }

    /// Asks for a media section of the description, counted from 0. Several calls in a row are worked off one by one.
    ///
    /// A section that does not exist, or one above [`MAX_TRACKS`], ends the session with that error.
    pub fn setup(&mut self, now: Instant, media: usize, request: TransportRequest) {
        if matches!(self.state, State::TearingDown | State::Ended) {
            return;
        }
        let Some(url) = self
            .presentation
            .as_ref()
            .and_then(|known| known.media.get(media))
            .cloned()
        else {
            return self.fail(Error::NoSuchMedia { media });
        };
        self.tracks += 1;
        if self.tracks > MAX_TRACKS {
            return self.fail(Error::TooManyTracks);
        }
        self.steps.push_back(Step::SetUp { media, url, request });
        self.advance(now);
    }

    /// Asks for the media to begin, after every SETUP that was asked for.
    pub fn play(&mut self, now: Instant) {
        if self.state != State::Ended && !self.steps.contains(&Step::Play) {
            self.steps.push_back(Step::Play);
            self.advance(now);
        }
    }

    /// Ends the session. Where the server holds one, it is told at once; [`Event::TornDown`] comes in any case.
    pub fn teardown(&mut self, now: Instant) {
        match self.state {
            State::TearingDown | State::Ended => {}
            _ if self.session_id.is_none() => self.end(Event::TornDown),
            _ => {
                self.steps.clear();
                if let Some(exchange) = self.exchange.take() {
                    self.abandoned = Some(exchange.cseq);
                }
                self.state = State::TearingDown;
                self.send(Step::TearDown, Attempt::First, now);
            }
        }
    }

    /// What is to be done next. Drain it to [`Output::Idle`] after each call of anything else.
    pub fn poll_output(&mut self) -> Output {
        self.outputs.pop_front().unwrap_or_else(|| Output::Idle {
            wake_at: match &self.exchange {
                Some(exchange) => exchange.deadline,
                None => self.keepalive_at(),
            },
        })
    }

    /// What has been counted so far.
    pub fn stats(&self) -> SessionStats {
        self.stats
    }

    /// What the server calls itself, once it has answered.
    pub fn server(&self) -> Option<&str> {
        self.server.as_deref()
    }
}

/// Moving on.
impl ClientSession {
    /// Sends the next step if none is waited for.
    pub(super) fn advance(&mut self, now: Instant) {
        let is_connected = matches!(self.state, State::Describing | State::Described | State::Playing);
        if is_connected && self.exchange.is_none() {
            if let Some(step) = self.steps.pop_front() {
                self.send(step, Attempt::First, now);
            }
        }
    }

    pub(super) fn send(&mut self, step: Step, attempt: Attempt, now: Instant) {
        if attempt == Attempt::First {
            // The step before was let pass, or was never judged; a refusal would have ended the session.
            self.authenticator.not_refused();
        }
        let cseq = self.transmit(&step);
        let patience = match step {
            Step::TearDown => self.config.response_timeout.min(TEARDOWN_PATIENCE),
            // Soon enough for another method to come in time (Q98).
            Step::KeepAlive(_) => self.config.response_timeout.min(self.keepalive.interval / 2),
            _ => self.config.response_timeout,
        };
        if matches!(step, Step::KeepAlive(_)) {
            self.stats.keepalives += 1;
        }
        self.last_sent = Some(now);
        self.exchange = Some(Exchange {
            step,
            attempt,
            cseq,
            patience,
            deadline: now.checked_add(patience),
        });
    }

    /// Puts a request out, in one piece (Q45), and gives its number.
    fn transmit(&mut self, step: &Step) -> u32 {
        self.last_cseq = self.last_cseq.wrapping_add(1);
        let mut request = self.request(step);
        request.headers.set_typed(&CSeq(self.last_cseq));
        request
            .headers
            .set(name::USER_AGENT, self.config.user_agent.as_str());
        if let Some(id) = &self.session_id {
            request.headers.set(name::SESSION, id.as_str());
        }
        self.authenticator.authorize(&mut request);
        let mut bytes = BytesMut::new();
        request.write(&mut bytes);
        self.stats.requests += 1;
        tracing::debug!(method = %request.method, cseq = self.last_cseq, "request");
        self.outputs.push_back(Output::Transmit(bytes.freeze()));
        self.last_cseq
    }

    fn request(&self, step: &Step) -> Request {
        let url = match step {
            Step::Options | Step::Describe => &self.url,
            Step::SetUp { url, .. } => url,
            Step::Play | Step::KeepAlive(_) | Step::TearDown => self
                .presentation
                .as_ref()
                .map_or(&self.url, |known| &known.aggregate),
        };
        let mut request = Request::new(step.method(), url.as_str());
        match step {
            Step::Describe => request.headers.set(name::ACCEPT, "application/sdp"),
            Step::SetUp { request: wanted, .. } => {
                request
                    .headers
                    .set_typed(&transport::ask(*wanted, &self.channels));
            }
            Step::Play => request.headers.set_typed(&Range::FROM_START),
            Step::Options | Step::KeepAlive(_) | Step::TearDown => {}
        }
        request
    }

    fn keepalive_at(&self) -> Option<Instant> {
        let last_sent = self.last_sent.filter(|_| self.state == State::Playing)?;
        last_sent.checked_add(self.keepalive.interval)
    }

    /// The request that is waited for was not answered in time.
    fn handle_silence(&mut self, now: Instant) {
        let Some(exchange) = self.exchange.take() else {
            return;
        };
        self.abandoned = Some(exchange.cseq);
        match exchange.step {
            Step::KeepAlive(method) => self.keepalive_failed(method, now),
            step => {
                let (method, cseq, waited) = (step.method(), exchange.cseq, exchange.patience);
                self.fail(Error::Timeout { method, cseq, waited });
            }
        }
    }

    /// A keepalive that fails is information, not an error: the media show whether the session lives (Q38, Q39). Only the
    /// method changes, and is tried at once: half the server's patience is gone.
    pub(super) fn keepalive_failed(&mut self, method: KeepAliveMethod, now: Instant) {
        self.stats.failed_keepalives += 1;
        if method == KeepAliveMethod::GetParameter {
            self.keepalive.method = KeepAliveMethod::Options;
            self.emit(Event::KeepAliveChanged);
            self.send(Step::KeepAlive(KeepAliveMethod::Options), Attempt::First, now);
        } else {
            self.advance(now);
        }
    }

    /// Whether a new connection may mend that this one was closed. Never once something was set up: a session dies with its
    /// connection (Q111).
    fn why_reconnect(&self) -> Option<ReconnectReason> {
        let exchange = self.exchange.as_ref().filter(|_| self.session_id.is_none())?;
        let is_new = |reason: &ReconnectReason| !self.reconnected.contains(reason);
        let unauthorized = (exchange.attempt == Attempt::AfterUnauthorized)
            .then_some(ReconnectReason::ClosedAfterUnauthorized)
            .filter(is_new);
        let describe = (exchange.step == Step::Describe).then_some(ReconnectReason::ClosedOnDescribe);
        unauthorized.or_else(|| describe.filter(is_new))
    }

    fn reconnect(&mut self, reason: ReconnectReason) {
        self.reconnected.push(reason);
        if let Some(exchange) = self.exchange.take() {
            self.steps.push_front(exchange.step);
        }
        if reason == ReconnectReason::ClosedOnDescribe {
            self.steps.push_front(Step::Options);
        }
        self.emit(Event::Reconnecting(reason));
        self.connect();
    }

    pub(super) fn connect(&mut self) {
        self.outputs
            .retain(|output| !matches!(output, Output::Transmit(_)));
        self.abandoned = None;
        self.state = State::Connecting;
        self.outputs.push_back(Output::Connect(Endpoint {
            host: self.url.host().to_owned(),
            port: self.url.port(),
            tls: self.url.scheme() == Scheme::Rtsps,
        }));
    }

    pub(super) fn emit(&mut self, event: Event) {
        self.outputs.push_back(Output::Event(event));
    }

    /// Ends the session with an error. A server that may still hold it is told, so that it does not go on sending to nobody
    /// (Q30) or count us among its few viewers (Q104); the answer is not waited for.
    ///
    /// Once TEARDOWN is out, whatever goes wrong is the end that the caller wanted.
    pub(super) fn fail(&mut self, error: Error) {
        if self.state == State::TearingDown {
            return self.end(Event::TornDown);
        }
        let is_worth_telling = !matches!(
            error,
            Error::Closed { .. }
                | Error::Protocol(_)
                | Error::SessionNotFound { .. }
                | Error::CredentialsRefused { .. }
                | Error::NoCredentials { .. }
                | Error::UnsupportedAuthentication { .. }
        );
        if is_worth_telling && self.session_id.is_some() {
            self.transmit(&Step::TearDown);
        }
        self.end(Event::Failed(error));
    }

    pub(super) fn end(&mut self, last: Event) {
        self.state = State::Ended;
        self.exchange = None;
        self.steps.clear();
        self.emit(last);
    }
}
