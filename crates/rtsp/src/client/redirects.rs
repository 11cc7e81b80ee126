//! From one connection to the next: redirects, and connections that are closed too early.

use super::exchange::{Attempt, Exchange, Step};
use super::session::ClientSession;
use super::state::State;
use super::{Endpoint, Error, Event, MAX_REDIRECTS, Output, ReconnectReason, keepalive};
use crate::headers::name;
use crate::{Parser, Response, RtspUrl, Security, StatusCode, Tolerance};

impl ClientSession {
    /// A request was answered with 3xx.
    ///
    /// 305 names a proxy ([RFC 2326 §11.3](https://www.rfc-editor.org/rfc/rfc2326#section-11.3)): that is connected to, and
    /// asked for the same URL as before. Everything else names the presentation's new place, and what it is for how long is
    /// of no account to a session.
    pub(super) fn redirected(&mut self, exchange: &Exchange, response: &Response) {
        let location = response.headers.get(name::LOCATION).unwrap_or_default();
        match self.url.join_location(location) {
            Ok(proxy) if response.status == StatusCode::USE_PROXY => {
                let url = self.url.clone();
                self.follow(url, Some(proxy));
            }
            Ok(url) => self.follow(url, None),
            Err(source) => self.fail(Error::RedirectUnsupported {
                status: response.status,
                cseq: exchange.cseq,
                source,
            }),
        }
    }

    /// Leaves for another place and begins anew there, on a new connection even where that is the same place (Q101).
    /// Credentials go along only to the host that they are for, and never from TLS into the clear, where a redirect is followed
    /// without them and [`Event::Redirected`] tells.
    pub(super) fn follow(&mut self, url: RtspUrl, proxy: Option<RtspUrl>) {
        if self.redirects == MAX_REDIRECTS {
            return self.fail(Error::TooManyRedirects);
        }
        self.redirects += 1;
        if self.session_id.is_some() {
            self.transmit(&Step::TearDown);
        }
        self.url = url;
        self.proxy = proxy;
        self.presentation = None;
        self.session_id = None;
        self.channels.clear();
        self.tracks = 0;
        self.keepalive_interval = keepalive::interval(None);
        self.reconnected.clear();
        self.queue_opening();

        let (own, peer) = (&self.config.url, self.peer());
        let is_same_host = own.host().eq_ignore_ascii_case(peer.host());
        let is_downgrade =
            own.scheme().security() == Security::Tls && peer.scheme().security() == Security::Plain;
        let credentials = self
            .config
            .credentials
            .clone()
            .filter(|_| is_same_host && !is_downgrade);
        let url = peer.clone();
        self.authenticator.change_server(credentials);
        self.emit(Event::Redirected { url });
        self.connect();
    }

    /// Who is connected to.
    pub(super) fn peer(&self) -> &RtspUrl {
        self.proxy.as_ref().unwrap_or(&self.url)
    }

    pub(super) fn connect(&mut self) {
        self.exchange = None;
        self.abandoned = None;
        self.last_sent = None;
        self.unfinished = None;
        self.offset = 0;
        for tolerance in self.parser.tolerated().iter() {
            self.reading.tolerates(tolerance);
        }
        self.parser = Parser::new(self.config.policy);
        self.state = State::Connecting;
        let peer = self.peer();
        let path = self.config.tunnel_path.as_deref();
        let endpoint = Endpoint::new(peer, path, self.authenticator.credentials());
        self.outputs.push_back(Output::Connect(endpoint));
    }

    /// Whether a new connection may mend that this one was closed. Never once something was set up: a session dies with its
    /// connection (Q111).
    pub(super) fn why_reconnect(&mut self) -> Option<ReconnectReason> {
        let is_held = self.session_id.is_some() || self.has_set_up();
        let exchange = self.exchange.as_ref().filter(|_| !is_held)?;
        let (reason, tolerance) = match (exchange.attempt, &exchange.step) {
            (Attempt::AfterUnauthorized, _) => (
                ReconnectReason::ClosedAfterUnauthorized,
                Tolerance::CloseAfterUnauthorized,
            ),
            (Attempt::First, Step::Describe) => {
                (ReconnectReason::ClosedOnDescribe, Tolerance::CloseOnDescribe)
            }
            _ => return None,
        };
        let may_mend = !self.reconnected.contains(&reason) && self.reading.tolerates(tolerance);
        may_mend.then_some(reason)
    }

    /// Whether a SETUP was answered, be it without a session id.
    fn has_set_up(&self) -> bool {
        let under_way = self.exchange.as_ref().map(|exchange| &exchange.step);
        let unanswered = self.steps.iter().chain(under_way);
        self.tracks
            > unanswered
                .filter(|step| matches!(step, Step::SetUp { .. }))
                .count()
    }

    /// Whether the credentials were refused on a new connection too, by a server that hangs up after each 401 (Q28). To call
    /// that a closed connection would have them tried again, and again (Q103).
    pub(super) fn hung_up_on_credentials(&self) -> bool {
        self.state == State::Describing
            && self
                .reconnected
                .contains(&ReconnectReason::ClosedAfterUnauthorized)
            && self
                .exchange
                .as_ref()
                .is_some_and(|exchange| exchange.attempt == Attempt::AfterUnauthorized)
    }

    pub(super) fn reconnect(&mut self, reason: ReconnectReason) {
        // It was meant for the connection that is gone.
        self.outputs
            .retain(|output| !matches!(output, Output::Transmit(_)));
        self.reconnected.push(reason);
        if let Some(exchange) = self.exchange.take() {
            // A camera that hung up on credentials may have missed OPTIONS instead (Q113). Asked now, it costs no third
            // connection, and no third use of credentials that may be wrong (Q103).
            let may_miss_options = exchange.step == Step::Describe
                && self.reading.policy().tolerates(Tolerance::CloseOnDescribe);
            self.steps.push_front(exchange.step);
            if may_miss_options {
                self.steps.push_front(Step::Options);
            }
        }
        self.emit(Event::Reconnecting(reason));
        self.connect();
    }
}
