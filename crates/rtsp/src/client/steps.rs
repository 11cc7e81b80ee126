//! How the conversation moves on.

use std::time::Instant;

use bytes::BytesMut;

use super::exchange::{Attempt, Exchange, Step};
use super::learned::Opening;
use super::session::ClientSession;
use super::state::State;
use super::{Error, Event, Output, transport};
use crate::Request;
use crate::headers::{CSeq, Range, name};

impl ClientSession {
    /// What a conversation begins with.
    pub(super) fn queue_opening(&mut self) {
        self.steps.clear();
        if self.learned.opening == Opening::Options {
            self.steps.push_back(Step::Options);
        }
        self.steps.push_back(Step::Describe);
    }

    /// Sends the next step if none is waited for.
    pub(super) fn advance(&mut self, now: Instant) {
        if self.state.takes_steps() && self.exchange.is_none() {
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
        if matches!(step, Step::KeepAlive(_)) {
            self.stats.keepalives += 1;
        }
        let cseq = self.transmit(&step);
        let patience = self.patience(&step);
        self.last_sent = Some(now);
        self.quiet_at = None;
        self.exchange = Some(Exchange {
            step,
            attempt,
            cseq,
            patience,
            deadline: now.checked_add(patience),
        });
    }

    /// Puts a request out, in one piece (Q45), and gives its number.
    pub(super) fn transmit(&mut self, step: &Step) -> u32 {
        self.last_cseq = self.last_cseq.wrapping_add(1);
        let mut request = self.request(step);
        self.config
            .extra_headers
            .apply(&request.method, &mut request.headers);
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
        tracing::debug!(method = %request.method, cseq = self.last_cseq, "request");
        self.stats.requests += 1;
        self.outputs.push_back(Output::Transmit(bytes.freeze()));
        self.last_cseq
    }

    fn request(&self, step: &Step) -> Request {
        let url = match step {
            Step::Options | Step::Describe => &self.url,
            Step::SetUp { url, .. } => url,
            Step::Play | Step::Pause | Step::KeepAlive(_) | Step::TearDown => self
                .presentation
                .as_ref()
                .map_or(&self.url, |known| &known.aggregate),
        };
        let mut request = Request::new(step.method(), url.as_str());
        match step {
            Step::Describe => request.headers.set(name::ACCEPT, "application/sdp"),
            Step::SetUp { request: wanted, .. } => {
                request.headers.set_typed(&transport::ask(wanted, &self.channels));
                if let Some(keys) = &wanted.key_mgmt {
                    request.headers.set_typed(keys);
                }
            }
            Step::Play if self.state != State::Paused => request.headers.set_typed(&Range::FROM_START),
            Step::Options | Step::Play | Step::Pause | Step::KeepAlive(_) | Step::TearDown => {}
        }
        request
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
                | Error::Unfinished { .. }
                | Error::Protocol { .. }
                | Error::SessionNotFound { .. }
                | Error::TornDownByServer { .. }
                | Error::CredentialsRefused { .. }
                | Error::Asleep { .. }
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
