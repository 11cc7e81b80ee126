use std::collections::VecDeque;
use std::time::{Duration, Instant};

use super::exchange::{Attempt, Exchange, Step};
use super::state::State;
use super::{
    Error, Event, Learned, MAX_TRACKS, Output, ReconnectReason, SessionConfig, SessionStats, SetUpRequest,
    keepalive,
};
use crate::auth::Authenticator;
use crate::{Parser, Reading, RtspUrl, Tolerances};

/// One session with one server, from the first connection to TEARDOWN, without I/O: see the [module](super).
#[derive(Debug)]
pub struct ClientSession {
    pub(super) config: SessionConfig,
    pub(super) state: State,
    /// Where the presentation is: the configured URL, or where redirects have led to.
    pub(super) url: RtspUrl,
    /// Who is connected to in its place, once the server has said 305.
    pub(super) proxy: Option<RtspUrl>,
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
    pub(super) keepalive_interval: Duration,
    pub(super) last_sent: Option<Instant>,
    pub(super) last_cseq: u32,
    pub(super) redirects: usize,
    /// What was tried since the last redirect; each reason once.
    pub(super) reconnected: Vec<ReconnectReason>,
    /// Bytes of this connection that were consumed.
    pub(super) offset: u64,
    /// Since when the message or frame at `offset` lacks its end.
    pub(super) unfinished: Option<Instant>,
    /// When it was last seen that no timer had run out, if none has been set since that may have run out by then.
    pub(super) quiet_at: Option<Instant>,
    /// Of this connection.
    pub(super) parser: Parser,
    /// Of all that is read but the connections' bytes, and what earlier connections needed.
    pub(super) reading: Reading,
    pub(super) learned: Learned,
    pub(super) server: Option<String>,
    pub(super) outputs: VecDeque<Output>,
    pub(super) stats: SessionStats,
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
        let mut session = Self {
            state: State::New,
            url: config.url.clone(),
            proxy: None,
            presentation: None,
            steps: VecDeque::new(),
            exchange: None,
            abandoned: None,
            authenticator: Authenticator::new(config.credentials.clone(), seed),
            session_id: None,
            channels: Vec::new(),
            tracks: 0,
            keepalive_interval: keepalive::interval(None),
            last_sent: None,
            last_cseq: 0,
            redirects: 0,
            reconnected: Vec::new(),
            offset: 0,
            unfinished: None,
            quiet_at: None,
            parser: Parser::new(config.policy),
            reading: Reading::new(config.policy),
            learned: config.learned,
            server: None,
            outputs: VecDeque::new(),
            stats: SessionStats::default(),
            config,
        };
        session.queue_opening();
        session
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
        if !self.state.is_connected() {
            return;
        }
        if let Some(reason) = self.why_reconnect() {
            return self.reconnect(reason);
        }
        if let Some(Step::KeepAlive(method)) = self.exchange.as_ref().map(|exchange| &exchange.step) {
            self.keepalive_killed(*method);
        }
        let awaiting = self.exchange.as_ref().map(Exchange::awaited);
        let error = match awaiting {
            Some(awaited) if self.hung_up_on_credentials() => self.credentials_refused(awaited),
            awaiting => Error::Closed { awaiting },
        };
        self.fail(error);
    }

    /// Asks for a media section of the description, counted from 0. Several calls in a row are worked off one by one.
    ///
    /// A section that does not exist, or one above [`MAX_TRACKS`], ends the session with that error.
    pub fn setup(&mut self, now: Instant, media: usize, request: impl Into<SetUpRequest>) {
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
        let mut request = request.into();
        for entry in request.key_mgmt.iter_mut().flat_map(|keys| &mut keys.0) {
            entry.uri.get_or_insert_with(|| url.as_str().to_owned());
        }
        self.steps.push_back(Step::SetUp { media, url, request });
        self.advance(now);
    }

    /// Asks for the media to begin, after every SETUP that was asked for, or to go on after [`pause`](Self::pause).
    ///
    /// From the beginning, `Range: npt=0.000-` goes along: some cameras send nothing without (Q26). After a pause none does,
    /// which means to go on ([RFC 2326 §10.5](https://www.rfc-editor.org/rfc/rfc2326#section-10.5)). Another range is an
    /// [extra header](SessionConfig::extra_headers).
    pub fn play(&mut self, now: Instant) {
        if !matches!(self.state, State::TearingDown | State::Ended) {
            self.steps
                .retain(|step| !matches!(step, Step::Play | Step::Pause));
            if !self.is_to_play() {
                self.steps.push_back(Step::Play);
            }
            self.advance(now);
        }
    }

    /// Asks for the media to stop until the next [`play`](Self::play); the session is kept alive meanwhile. Of several wishes
    /// that have not gone out yet, the last counts.
    pub fn pause(&mut self, now: Instant) {
        if !matches!(self.state, State::TearingDown | State::Ended) {
            self.steps
                .retain(|step| !matches!(step, Step::Play | Step::Pause));
            if self.is_to_play() {
                self.steps.push_back(Step::Pause);
            }
            self.advance(now);
        }
    }

    /// Whether the media flow once what is under way is answered.
    fn is_to_play(&self) -> bool {
        match self.exchange.as_ref().map(|exchange| &exchange.step) {
            Some(Step::Play) => true,
            Some(Step::Pause) => false,
            _ => self.state == State::Playing,
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
            wake_at: self.next_timer().map(|(at, _)| at),
        })
    }

    /// What has been counted so far.
    pub fn stats(&self) -> SessionStats {
        self.stats
    }

    /// What of the [policy](SessionConfig::policy) was used so far.
    pub fn tolerated(&self) -> Tolerances {
        let mut tolerated = self.reading.tolerated();
        tolerated |= self.parser.tolerated();
        tolerated
    }

    /// What the next session with this server should know.
    pub fn learned(&self) -> Learned {
        self.learned
    }

    /// What the server calls itself, once it has answered.
    pub fn server(&self) -> Option<&str> {
        self.server.as_deref()
    }
}
