//! What each response means to the session.

use std::time::{Duration, Instant};

use throughline_sdp::SessionDescription;

use super::error::{Awaited, quoted};
use super::exchange::{Attempt, Exchange, Step};
use super::learned::{Acceptance, Opening};
use super::session::{ClientSession, Presentation};
use super::state::State;
use super::transport::Disagreement;
use super::{Error, Event, MAX_RETRY_AFTER, SetUpRequest, keepalive, transport};
use crate::auth::AuthError;
use crate::headers::{
    AuthenticationInfo, CSeq, HeaderError, HeaderFault, RetryAfter, RtpInfo, Session, TypedHeader,
    WwwAuthenticate, name,
};
use crate::{Headers, Response, RtspUrl, StatusCode, Tolerance, base_url_with};

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
        let challenges = match self.read::<WwwAuthenticate>(&exchange, response) {
            Ok(challenges) => challenges.unwrap_or_default(),
            Err(error) => return self.fail(error),
        };
        let refusal = match self.authenticator.challenged(&challenges.0) {
            Ok(()) => return self.send(exchange.step, Attempt::AfterUnauthorized, now),
            Err(refusal) => refusal,
        };
        let awaited = exchange.awaited();
        match (exchange.step, refusal) {
            (_, AuthError::Refused) => {
                let error = self.credentials_refused(awaited);
                self.fail(error);
            }
            // It was let in without, so that there is nothing to refuse: a whim like any other answer (Q39).
            (Step::KeepAlive(used), other) => {
                self.keepalive_refused(used, Error::from_auth(other, awaited.method, awaited.cseq), now);
            }
            (_, other) => self.fail(Error::from_auth(other, awaited.method, awaited.cseq)),
        }
    }

    /// The credentials open nothing (any more).
    pub(super) fn credentials_refused(&mut self, awaited: Awaited) -> Error {
        let Awaited { method, cseq } = awaited;
        let were_accepted = self.learned.credentials == Acceptance::Accepted;
        if were_accepted && self.reading.tolerates(Tolerance::RefusedAfterAcceptance) {
            Error::Asleep { method, cseq }
        } else {
            Error::CredentialsRefused { method, cseq }
        }
    }

    fn succeeded(&mut self, exchange: &Exchange, response: &Response) {
        // OPTIONS is answered to anybody.
        if self.authenticator.is_answering() && exchange.step != Step::Options {
            self.learned.credentials = Acceptance::Accepted;
        }
        let understood = match &exchange.step {
            Step::Options | Step::KeepAlive(_) => Ok(()),
            Step::Describe => self.described(exchange, response),
            Step::SetUp { media, request, .. } => self.set_up((*media, request), exchange, response),
            Step::Play => self.plays(exchange, response),
            Step::Pause => {
                self.state = State::Paused;
                self.emit(Event::Paused);
                Ok(())
            }
            Step::TearDown => return self.end(Event::TornDown),
        };
        let informed = understood.and_then(|()| self.inform_authenticator(exchange, response));
        if let Err(error) = informed {
            self.fail(error);
        }
    }

    /// The nonce for the next request may come with the response to the last
    /// ([RFC 7616 §3.5](https://www.rfc-editor.org/rfc/rfc7616#section-3.5)).
    fn inform_authenticator(&mut self, exchange: &Exchange, response: &Response) -> Result<(), Error> {
        if let Some(info) = self.read::<AuthenticationInfo>(exchange, response)? {
            self.authenticator.informed(&info);
        }
        Ok(())
    }

    /// The body counts, not its Content-Type, which may be missing or another (Q7); parameters of it mean nothing (Q8).
    fn described(&mut self, exchange: &Exchange, response: &Response) -> Result<(), Error> {
        let description = SessionDescription::parse_with(&response.body, &self.config.description_policy)
            .map_err(|source| Error::Describe {
                source,
                cseq: exchange.cseq,
            })?;
        let label = response.headers.get(name::CONTENT_TYPE).unwrap_or_default();
        let media_type = label.split(';').next().unwrap_or_default().trim();
        if !media_type.eq_ignore_ascii_case("application/sdp") {
            self.overlook(Tolerance::ContentType, exchange)?;
        }
        if !self.reconnected.is_empty() && self.reading.policy().tolerates(Tolerance::CloseOnDescribe) {
            self.learned.opening = Opening::Options;
        }
        let base = self.base(&response.headers);
        self.presentation = Some(Presentation {
            aggregate: base.join_control_with(description.control(), &mut self.reading),
            media: self.media_urls(&base, &description),
        });
        self.state = State::Described;
        self.emit(Event::Described(description));
        Ok(())
    }

    /// What the control attributes of a description count from.
    pub(super) fn base(&mut self, headers: &Headers) -> RtspUrl {
        base_url_with(
            &self.url,
            headers.get(name::CONTENT_BASE),
            headers.get(name::CONTENT_LOCATION),
            &mut self.reading,
        )
    }

    pub(super) fn media_urls(&mut self, base: &RtspUrl, description: &SessionDescription) -> Vec<RtspUrl> {
        description
            .media()
            .iter()
            .map(|media| base.join_control_with(media.control(), &mut self.reading))
            .collect()
    }

    fn set_up(
        &mut self,
        (media, request): (usize, &SetUpRequest),
        exchange: &Exchange,
        response: &Response,
    ) -> Result<(), Error> {
        // Also of an answer that is refused below: the server holds the session.
        self.learn_session(exchange, response)?;
        let asked = transport::ask(request, &self.channels);
        let answered = self.read(exchange, response)?;
        let agreed = transport::agree(&asked, answered, &mut self.reading).map_err(|why| match why {
            Disagreement::Refused(tolerance) => Error::not_tolerated(tolerance, exchange.awaited()),
            Disagreement::Other(other) => Error::TransportMismatch {
                media,
                transport: request.transport,
                profile: request.profile,
                delivery: other.delivery,
                answered: quoted(&other.redacted()),
                cseq: exchange.cseq,
            },
        })?;
        self.channels.extend(agreed.interleaved);
        let key_mgmt = self.read(exchange, response)?;
        self.emit(Event::SetUp {
            media,
            transport: agreed,
            key_mgmt,
        });
        Ok(())
    }

    fn plays(&mut self, exchange: &Exchange, response: &Response) -> Result<(), Error> {
        self.learn_session(exchange, response)?;
        let info: Option<RtpInfo> = self.read(exchange, response)?;
        self.state = State::Playing;
        self.emit(Event::Playing {
            rtp_info: info.unwrap_or_default().0,
        });
        Ok(())
    }

    /// The newest id counts: some cameras change it from SETUP to SETUP (Q9). Not called for DESCRIBE, whose id means
    /// nothing (Q131).
    fn learn_session(&mut self, exchange: &Exchange, response: &Response) -> Result<(), Error> {
        let Some(Session { id, timeout }) = self.read(exchange, response)? else {
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

    /// What cannot be read says as little as what is missing; what the policy refuses is an error.
    fn read<H: TypedHeader>(&mut self, exchange: &Exchange, response: &Response) -> Result<Option<H>, Error> {
        match response.headers.typed_with(&mut self.reading) {
            Err(HeaderError {
                what: HeaderFault::NotTolerated(tolerance),
                ..
            }) => Err(Error::not_tolerated(tolerance, exchange.awaited())),
            read => Ok(read.ok().flatten()),
        }
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
            Step::SetUp {
                media, ref request, ..
            } if refuses_keys(status, request) || self.refuses_transport(status) => {
                // What was asked for behind it counted on it.
                let is_setup = |step: &Step| matches!(step, Step::SetUp { .. });
                self.tracks -= 1 + self.steps.drain(..).filter(is_setup).count();
                let refusal = if refuses_keys(status, request) {
                    Error::KeysRefused {
                        media,
                        status,
                        reason: quoted(&response.reason),
                        cseq,
                    }
                } else {
                    Error::TransportRefused {
                        media,
                        transport: request.transport,
                        profile: request.profile,
                        status,
                        cseq,
                    }
                };
                self.emit(Event::SetUpRefused(refusal));
            }
            Step::Pause if status != StatusCode::SESSION_NOT_FOUND => self.emit(Event::PauseRefused(error)),
            Step::KeepAlive(used) if status != StatusCode::SESSION_NOT_FOUND => {
                self.keepalive_refused(used, error, now);
            }
            _ => self.fail(error),
        }
    }

    /// Whether a SETUP that was answered so may succeed with another transport.
    fn refuses_transport(&mut self, status: StatusCode) -> bool {
        let by_another_name = matches!(
            status,
            StatusCode::BAD_REQUEST
                | StatusCode::PARAMETER_NOT_UNDERSTOOD
                | StatusCode::HEADER_FIELD_NOT_VALID
                | StatusCode::NOT_IMPLEMENTED
                | StatusCode::OPTION_NOT_SUPPORTED
        );
        status == StatusCode::UNSUPPORTED_TRANSPORT
            || by_another_name && self.reading.tolerates(Tolerance::TransportRefusal)
    }
}

/// Whether a SETUP was refused for its keys. 463 is about keys where there could have been any; to RTSP 2.0 it is a destination
/// that is prohibited.
fn refuses_keys(status: StatusCode, request: &SetUpRequest) -> bool {
    let is_about_keys = matches!(
        status,
        StatusCode::KEY_MANAGEMENT_FAILURE | StatusCode::KEY_MANAGEMENT_ERROR
    );
    is_about_keys && (request.profile.is_secure() || request.key_mgmt.is_some())
}

/// A date does not help: there is no clock to compare it with.
fn retry_after(headers: &Headers) -> Option<Duration> {
    match headers.typed() {
        Ok(Some(RetryAfter::Delay(delay))) => Some(delay.min(MAX_RETRY_AFTER)),
        _ => None,
    }
}
