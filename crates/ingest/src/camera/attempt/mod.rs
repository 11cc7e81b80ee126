//! One try at the camera over one transport, from its connection to its end.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use throughline_rtsp::client::{self, ClientSession, Endpoint, Learned, SessionConfig};
use throughline_rtsp::{Scheme, Security};
use throughline_srtp::Suite;

use super::Output;
use super::group::Membership;
use super::keying::Keying;
use super::lasting::Lasting;
use super::media::{Media, Vigil};
use super::select::{Selection, select};
use super::srtp::Srtp;
use super::track::Track;
use super::transport::{OnLoss, TransportChoice};
use crate::{CameraStats, Config, Error, Event, KeyframeReason, Timeouts, Transport, TransportPolicy};

mod failure;
mod peer;
mod receive;
mod set_up;

use peer::Peer;
use receive::Carry;

/// How an attempt ended.
#[derive(Debug)]
pub(super) enum End {
    /// As asked for by `close`.
    Left,
    Failed(Error),
}

#[derive(Debug)]
pub(super) struct Attempt {
    session: ClientSession,
    session_wake: Option<Instant>,
    policy: TransportPolicy,
    transport: Transport,
    on_loss: OnLoss,
    timeouts: Timeouts,
    /// Of the connection: a redirect may have changed it.
    scheme: Scheme,
    peer: Peer,
    step: Step,
    carry: Carry,
    selection: Option<Selection>,
    /// SETUP was answered with this group, which the driver joins, and these keys.
    joining: Option<(Membership, Option<Srtp>)>,
    /// The keys of a SETUP that is not answered.
    keying: Option<Keying>,
    media: Option<Media>,
    /// When bytes last came by the connection, and when the camera was last asked for a sign of life.
    heard: Option<Instant>,
    asked: Option<Instant>,
    /// In a box, for it is asked for with each packet.
    end: Option<Box<End>>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Step {
    /// The driver connects, and should be done with all steps of it in time.
    Connecting { since: Instant, until: Instant },
    /// The session asks its way through to PLAY.
    Asking,
    /// PLAY was answered.
    Playing,
    /// TEARDOWN was sent.
    Leaving { until: Instant },
}

impl Attempt {
    pub(super) fn new(config: &Config, choice: &TransportChoice, lasting: &mut Lasting) -> Self {
        let session = SessionConfig {
            credentials: config.credentials.clone(),
            user_agent: config.user_agent.clone(),
            response_timeout: config.timeouts.response,
            describe_timeout: Some(config.timeouts.describe),
            extra_headers: config.extra_headers.clone(),
            tunnel_path: config.tunnel_path.clone(),
            learned: lasting.learned,
            policy: config.policies.rtsp,
            description_policy: config.policies.sdp,
            ..SessionConfig::new(config.url.clone())
        };
        Attempt {
            session: ClientSession::new(session, lasting.random.next()),
            session_wake: None,
            policy: config.transport,
            transport: choice.current(),
            on_loss: choice.on_loss(),
            timeouts: config.timeouts,
            scheme: config.url.scheme(),
            peer: Peer::default(),
            step: Step::Asking,
            carry: Carry::default(),
            selection: None,
            joining: None,
            keying: None,
            media: None,
            heard: None,
            asked: None,
            end: None,
        }
    }

    pub(super) fn transport(&self) -> Transport {
        self.transport
    }

    /// Whether the media are inside TLS, and would be in the clear over another transport: a peer in between who holds packets
    /// back must not bring that about.
    pub(super) fn keeps_to_tls(&self) -> bool {
        self.policy == TransportPolicy::Auto
            && self.transport == Transport::Tcp
            && self.scheme.security() == Security::Tls
            && self
                .selection
                .as_ref()
                .is_some_and(|selection| !selection.protection.is_secure())
    }

    pub(super) fn track(&self) -> Option<&Track> {
        self.media.as_ref().map(Media::track)
    }

    /// Adds the figures of this attempt.
    pub(super) fn add_to(&self, stats: &mut CameraStats) {
        // For a session that the camera forgot to end, or on channels that nobody asked for (Q30, Q32).
        stats.foreign += self.session.stats().stray_frames;
        stats.tolerated.rtsp |= self.session.tolerated();
        if let Some(selection) = &self.selection {
            stats.tolerated.sdp |= selection.tolerated;
            stats.tolerated.srtp |= selection.tolerated_keys;
        }
        if let Some(media) = &self.media {
            media.add_to(stats);
        }
    }

    /// With what the camera encrypts, if it does.
    pub(super) fn srtp(&self) -> Option<Suite> {
        self.media.as_ref().and_then(Media::srtp)
    }

    pub(super) fn learned(&self) -> Learned {
        self.session.learned()
    }

    /// Whether packets arrive.
    pub(super) fn hears(&self) -> bool {
        self.track().is_some_and(|track| track.ssrc().is_some())
    }

    /// How long pictures came for.
    pub(super) fn played(&self) -> Duration {
        self.media.as_ref().map_or(Duration::ZERO, Media::played)
    }

    pub(super) fn take_end(&mut self) -> Option<End> {
        self.end.take().map(|end| *end)
    }

    pub(super) fn wake_at(&self) -> Option<Instant> {
        let step = match self.step {
            Step::Connecting { until, .. } | Step::Leaving { until } => Some(until),
            Step::Asking | Step::Playing => None,
        };
        let media = self.media.as_ref().and_then(Media::wake_at);
        [step, self.session_wake, media].into_iter().flatten().min()
    }

    pub(super) fn start(&mut self, now: Instant, lasting: &mut Lasting) {
        self.session.start(now);
        self.advance(now, lasting);
    }

    pub(super) fn handle_connected(
        &mut self,
        now: Instant,
        addresses: (SocketAddr, SocketAddr),
        lasting: &mut Lasting,
    ) {
        if let Step::Connecting { since, .. } = self.step {
            self.step = Step::Asking;
            lasting.event(Event::Connected {
                address: addresses.0,
                scheme: self.scheme,
                took: now.saturating_duration_since(since),
            });
            self.peer.connected(addresses);
            self.session.handle_connected(now);
            self.advance(now, lasting);
        }
    }

    pub(super) fn handle_timeout(&mut self, now: Instant, lasting: &mut Lasting) {
        match self.step {
            Step::Connecting { since, until } if until <= now => {
                let peer = self.peer.name.clone();
                return self.fail(Error::ConnectTimeout {
                    peer,
                    waited: now - since,
                    addresses: Vec::new(),
                });
            }
            Step::Leaving { until } if until <= now => return self.end = Some(Box::new(End::Left)),
            _ => {}
        }
        if self.session_wake.is_some_and(|wake| wake <= now) {
            self.session.handle_timeout(now);
            self.advance(now, lasting);
        }
        let vigil = self
            .media
            .as_mut()
            .map(|media| media.handle_timeout(now, &self.peer.name, self.on_loss, lasting));
        match vigil {
            Some(Ok(Vigil::Asks)) => {
                self.asked = Some(now);
                self.session.keep_alive(now);
                self.advance(now, lasting);
            }
            Some(Err(error)) => {
                let error = self.silence(error);
                self.fail(error);
            }
            Some(Ok(Vigil::Waits)) | None => {}
        }
    }

    pub(super) fn request_keyframe(&mut self, now: Instant, lasting: &mut Lasting) {
        if self.step == Step::Playing
            && let Some(media) = &mut self.media
        {
            media.request_keyframe(now, KeyframeReason::Caller, lasting);
        }
    }

    pub(super) fn close(&mut self, now: Instant, lasting: &mut Lasting) {
        match self.step {
            Step::Connecting { .. } => self.end = Some(Box::new(End::Left)),
            Step::Leaving { .. } => {}
            Step::Asking | Step::Playing => {
                self.step = Step::Leaving {
                    until: now + self.timeouts.close,
                };
                self.session.teardown(now);
                self.advance(now, lasting);
            }
        }
    }

    /// The last words of an attempt that has ended: what is still held comes out, and a session that the camera still
    /// knows of is taken from its few.
    pub(super) fn part(&mut self, now: Instant, lasting: &mut Lasting) {
        if let Some(media) = &mut self.media {
            media.finish(now, lasting);
        }
        // Also where nothing came of its SETUP, for want of keys or of a group.
        if !matches!(self.step, Step::Connecting { .. }) {
            self.session.teardown(now);
            loop {
                match self.session.poll_output() {
                    client::Output::Transmit(bytes) => lasting.request(bytes),
                    client::Output::Idle { .. } => break,
                    client::Output::Connect(_) | client::Output::Event(_) => {}
                }
            }
        }
        lasting.absorb(self);
    }

    /// Whatever goes wrong while leaving, a BYE for one, is what was asked for.
    fn fail(&mut self, error: Error) {
        let end = match self.step {
            Step::Leaving { .. } => End::Left,
            Step::Connecting { .. } | Step::Asking | Step::Playing => End::Failed(error),
        };
        self.end.get_or_insert(Box::new(end));
    }

    /// Passes on what the session wants, and answers its events, until it wants no more.
    fn advance(&mut self, now: Instant, lasting: &mut Lasting) {
        loop {
            let mut news = Vec::new();
            loop {
                match self.session.poll_output() {
                    client::Output::Connect(endpoint) => self.connect(now, endpoint, lasting),
                    client::Output::Transmit(bytes) => lasting.request(bytes),
                    client::Output::Event(event) => news.push(event),
                    client::Output::Idle { wake_at } => {
                        self.session_wake = wake_at;
                        break;
                    }
                }
            }
            if news.is_empty() {
                return;
            }
            for event in news {
                self.handle_event(now, event, lasting);
            }
        }
    }

    fn connect(&mut self, now: Instant, endpoint: Endpoint, lasting: &mut Lasting) {
        self.peer = Peer::new(&endpoint.host, endpoint.port);
        self.carry.0.clear();
        let limit = self.timeouts.connecting(&endpoint);
        self.step = Step::Connecting {
            since: now,
            until: now + limit,
        };
        self.scheme = endpoint.scheme();
        lasting.event(Event::Connecting {
            peer: self.peer.name.clone(),
        });
        lasting.outputs.push_back(Output::Connect { endpoint, limit });
    }

    fn handle_event(&mut self, now: Instant, event: client::Event, lasting: &mut Lasting) {
        match event {
            client::Event::Described(description) => {
                match select(&description, self.session.server(), &lasting.policies) {
                    Ok(selection) => {
                        lasting.event(Event::Described(selection.described.clone()));
                        self.set_up(now, selection, lasting);
                    }
                    Err(found) => {
                        let peer = self.peer.name.clone();
                        self.fail(Error::NoH264 { peer, found });
                    }
                }
            }
            client::Event::SetUp {
                transport, key_mgmt, ..
            } => {
                self.set_up_answered(now, &transport, key_mgmt.as_ref(), lasting);
            }
            client::Event::SetUpRefused(cause @ client::Error::KeysRefused { .. }) => {
                self.keys_refused(now, cause, lasting);
            }
            client::Event::Playing { rtp_info } => {
                if let Some(media) = &mut self.media {
                    // Only one track was set up; which entry of several is its own, their URLs do not say surely (Q87).
                    if let [entry] = rtp_info.as_slice() {
                        media.handle_rtp_info(entry);
                    }
                    self.step = Step::Playing;
                    lasting.event(Event::Playing {
                        transport: self.transport,
                    });
                    media.start(now, &self.timeouts, lasting);
                }
            }
            client::Event::TornDown => self.end = Some(Box::new(End::Left)),
            client::Event::Failed(cause) | client::Event::SetUpRefused(cause) => {
                let error = self.session_error(cause);
                self.fail(error);
            }
            client::Event::Redirected { .. } => {
                tracing::debug!(peer = %self.peer.name, ?event, "news of the session");
                self.drop_media(now, lasting);
            }
            client::Event::Reconnecting(_)
            | client::Event::KeepAliveChanged
            | client::Event::Announced(_)
            | client::Event::Paused
            | client::Event::PauseRefused(_) => {
                tracing::debug!(peer = %self.peer.name, ?event, "news of the session");
            }
        }
    }

    /// What was set up is left behind at another server: what is still held of it comes out.
    fn drop_media(&mut self, now: Instant, lasting: &mut Lasting) {
        self.joining = None;
        self.keying = None;
        if let Some(media) = &mut self.media {
            media.finish(now, lasting);
            media.add_to(&mut lasting.totals);
            self.media = None;
        }
    }
}
