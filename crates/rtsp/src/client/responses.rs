//! What each response means to the session.

use std::time::{Duration, Instant};

use throughline_sdp::SessionDescription;

use super::error::quoted;
use super::exchange::{Attempt, Exchange, Step};
use super::learned::{Acceptance, Opening};
use super::session::{ClientSession, Presentation};
use super::state::State;
use super::transport::Disagreement;
use super::{Error, Event, MAX_RETRY_AFTER, ReconnectReason, keepalive, transport};
use crate::auth::AuthError;
use crate::headers::{CSeq, RtpInfo, Session, Transport, WwwAuthenticate, name};
use crate::{Headers, Response, RtspUrl, StatusCode, Tolerance, base_url};

impl ClientSession {
    pub(super) fn handle_response(&mut self, now: Instant, response: &Response) {
        // 1xx means that the response proper is still to come.
        if response.status.0 < 200 {
            return;
        }
        let Some(exchange) = self.take_exchange(response) else {
            return;
        };
        self.stats.responses += 1;
        tracing::debug!(cseq = exchange.cseq, status = response.status.0, "response");
        if let Some(server) = response.headers.get(name::SERVER) {
            self.server = Some(quoted(server));
        }
        if response.status == StatusCode::UNAUTHORIZED {
            return self.unauthorized(exchange, response, now);
        }
        if response.status.is_success() {
            self.succeeded(&exchange, response);
        } else {
            self.refused(&exchange, response, now);
        }
        self.advance(now);
    }

    /// The exchange that a response belongs to. With a single one under way it is that one, whatever the CSeq says (Q12,
    /// Q96); only a keepalive that was given up can be the other.
    fn take_exchange(&mut self, response: &Response) -> Option<Exchange> {
        let cseq = response
            .headers
            .typed::<CSeq>()
            .ok()
            .flatten()
            .map(|CSeq(number)| number);
        if cseq.is_some() && cseq == self.abandoned {
            self.abandoned = None;
            self.stats.unexpected_responses += 1;
            return None;
        }
        let awaited = self.exchange.as_ref().map(|exchange| exchange.cseq);
        let is_taken = match (cseq, awaited) {
            (_, None) => false,
            (None, Some(_)) if !self.reading.tolerates(Tolerance::MissingCSeq) => {
                let awaited = self.exchange.as_ref().map(Exchange::awaited)?;
                self.fail(Error::not_tolerated(Tolerance::MissingCSeq, awaited));
                return None;
            }
            (Some(cseq), Some(awaited)) if cseq != awaited => self.reading.tolerates(Tolerance::OtherCSeq),
            _ => true,
        };
        if !is_taken {
            self.stats.unexpected_responses += 1;
            return None;
        }
        if cseq != awaited {
            self.stats.cseq_mismatches += 1;
        }
        self.exchange.take()
    }

    /// 401, at any point and on any method, is answered on the same connection (Q42). Only here are challenges looked at: a
    /// 200 may carry one too (Q109).
    fn unauthorized(&mut self, exchange: Exchange, response: &Response, now: Instant) {
        let challenges = response
            .headers
            .typed::<WwwAuthenticate>()
            .ok()
            .flatten()
            .unwrap_or_default();
        let refusal = match self.authenticator.challenged(&challenges.0) {
            Ok(()) => return self.send(exchange.step, Attempt::AfterUnauthorized, now),
            Err(refusal) => refusal,
        };
        let (method, cseq) = (exchange.step.method(), exchange.cseq);
        let is_refusal = refusal == AuthError::Refused;
        if is_refusal
            && self.learned.credentials == Acceptance::Accepted
            && self.reading.tolerates(Tolerance::RefusedAfterAcceptance)
        {
            return self.fail(Error::Asleep { method, cseq });
        }
        let error = Error::from_auth(refusal, method, cseq);
        match exchange.step {
            // It was let in without, so that there is nothing to refuse: a whim like any other answer (Q39).
            Step::KeepAlive(used) if !is_refusal => self.keepalive_refused(used, error, now),
            _ => self.fail(error),
        }
    }

    fn succeeded(&mut self, exchange: &Exchange, response: &Response) {
        if exchange.attempt == Attempt::AfterUnauthorized {
            self.learned.credentials = Acceptance::Accepted;
        }
        match &exchange.step {
            Step::Options | Step::KeepAlive(_) => {}
            Step::Describe => self.described(exchange, response),
            Step::SetUp { .. } => self.set_up(exchange, response),
            Step::Play => self.plays(exchange, response),
            Step::Pause => {
                self.state = State::Paused;
                self.emit(Event::Paused);
            }
            Step::TearDown => self.end(Event::TornDown),
        }
    }

    /// The body counts, not its Content-Type, which may be missing or another (Q7); parameters of it mean nothing (Q8).
    fn described(&mut self, exchange: &Exchange, response: &Response) {
        let parsed = SessionDescription::parse_with(&response.body, &self.config.description_policy);
        let description = match parsed {
            Ok(description) => description,
            Err(source) => {
                let cseq = exchange.cseq;
                return self.fail(Error::Describe { source, cseq });
            }
        };
        let label = response.headers.get(name::CONTENT_TYPE).unwrap_or_default();
        let media_type = label.split(';').next().unwrap_or_default().trim();
        if !media_type.eq_ignore_ascii_case("application/sdp") {
            if let Err(error) = self.overlook(Tolerance::ContentType, exchange) {
                return self.fail(error);
            }
        }
        if self.reconnected.contains(&ReconnectReason::ClosedOnDescribe) {
            self.learned.opening = Opening::Options;
        }
        self.presentation = Some(Presentation {
            aggregate: self.base(&response.headers).join_control(description.control()),
            media: self.media_urls(&response.headers, &description),
        });
        self.state = State::Described;
        self.emit(Event::Described(description));
    }

    /// What the control attributes of a description count from.
    fn base(&self, headers: &Headers) -> RtspUrl {
        base_url(
            &self.url,
            headers.get(name::CONTENT_BASE),
            headers.get(name::CONTENT_LOCATION),
        )
    }

    pub(super) fn media_urls(&self, headers: &Headers, description: &SessionDescription) -> Vec<RtspUrl> {
        let base = self.base(headers);
        description
            .media()
            .iter()
            .map(|media| base.join_control(media.control()))
            .collect()
    }

    fn set_up(&mut self, exchange: &Exchange, response: &Response) {
        let Step::SetUp { media, request, .. } = exchange.step else {
            return;
        };
        // Also of an answer that is refused below: the server holds the session.
        if let Err(error) = self.learn_session(exchange, response) {
            return self.fail(error);
        }
        let asked = transport::ask(request, &self.channels);
        // What cannot be read says as little as what is missing (Q19).
        let answered = response.headers.typed::<Transport>().ok().flatten();
        match transport::agree(&asked, answered, &mut self.reading) {
            Ok(agreed) => {
                self.channels.extend(agreed.interleaved);
                self.emit(Event::SetUp {
                    media,
                    transport: agreed,
                });
            }
            Err(Disagreement::Other(other)) => self.fail(Error::TransportMismatch {
                media,
                transport: asked.lower,
                answered: quoted(&other.to_string()),
                cseq: exchange.cseq,
            }),
            Err(Disagreement::Refused(tolerance)) => {
                self.fail(Error::not_tolerated(tolerance, exchange.awaited()));
            }
        }
    }

    fn plays(&mut self, exchange: &Exchange, response: &Response) {
        if let Err(error) = self.learn_session(exchange, response) {
            return self.fail(error);
        }
        self.state = State::Playing;
        let info = response
            .headers
            .typed::<RtpInfo>()
            .ok()
            .flatten()
            .unwrap_or_default();
        self.emit(Event::Playing { rtp_info: info.0 });
    }

    /// The newest id counts: some cameras change it from SETUP to SETUP (Q9). Not called for DESCRIBE, whose id means
    /// nothing (Q131).
    fn learn_session(&mut self, exchange: &Exchange, response: &Response) -> Result<(), Error> {
        let Ok(Some(Session { id, timeout })) = response.headers.typed() else {
            return Ok(());
        };
        if self.session_id.as_ref().is_some_and(|known| *known != id) {
            self.overlook(Tolerance::SessionIdChange, exchange)?;
        }
        self.session_id = Some(id);
        if timeout.is_some() {
            self.keepalive_interval = keepalive::interval(timeout);
        }
        Ok(())
    }

    fn overlook(&mut self, tolerance: Tolerance, exchange: &Exchange) -> Result<(), Error> {
        if self.reading.tolerates(tolerance) {
            Ok(())
        } else {
            Err(Error::not_tolerated(tolerance, exchange.awaited()))
        }
    }

    fn refused(&mut self, exchange: &Exchange, response: &Response, now: Instant) {
        let (method, cseq, status) = (exchange.step.method(), exchange.cseq, response.status);
        let is_redirect = matches!(status.0, 301 | 302 | 303 | 305 | 307);
        let error = match status {
            StatusCode::SESSION_NOT_FOUND => Error::SessionNotFound { method, cseq },
            StatusCode::NOT_ENOUGH_BANDWIDTH | StatusCode::SERVICE_UNAVAILABLE => Error::Busy {
                method,
                status,
                retry_after: retry_after(&response.headers),
                cseq,
            },
            _ => Error::Status {
                method,
                status,
                reason: quoted(&response.reason),
                cseq,
            },
        };
        match exchange.step {
            Step::Options | Step::Describe | Step::SetUp { .. } | Step::Play if is_redirect => {
                self.redirected(exchange, response);
            }
            // Not every server knows OPTIONS, and it was sent only to please (Q16).
            Step::Options if self.reading.tolerates(Tolerance::OptionsRefused) => {}
            Step::SetUp { media, request, .. } if status == StatusCode::UNSUPPORTED_TRANSPORT => {
                // What was asked for behind it counted on it.
                let is_setup = |step: &Step| matches!(step, Step::SetUp { .. });
                self.tracks -= 1 + self.steps.drain(..).filter(is_setup).count();
                self.emit(Event::SetUpRefused(Error::TransportRefused {
                    media,
                    transport: request.lower(),
                    cseq,
                }));
            }
            Step::Pause if status != StatusCode::SESSION_NOT_FOUND => self.emit(Event::PauseRefused(error)),
            Step::KeepAlive(used) if status != StatusCode::SESSION_NOT_FOUND => {
                self.keepalive_refused(used, error, now);
            }
            _ => self.fail(error),
        }
    }
}

/// Of the two forms of the header only the number of seconds: a date needs a clock.
fn retry_after(headers: &Headers) -> Option<Duration> {
    let seconds = headers.get(name::RETRY_AFTER)?.trim().parse().ok()?;
    Some(Duration::from_secs(seconds).min(MAX_RETRY_AFTER))
}
