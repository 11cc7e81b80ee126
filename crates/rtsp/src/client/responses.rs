//! What each response, and each request of the server, means to the session.

use std::time::Instant;

use bytes::BytesMut;
use throughline_sdp::SessionDescription;

use super::exchange::{Attempt, Exchange, Step};
use super::session::{ClientSession, Presentation, State};
use super::{Error, Event, MAX_PENDING_OUTPUTS, MAX_REDIRECTS, Output, transport};
use crate::headers::{CSeq, Public, RtpInfo, Session, Transport, WwwAuthenticate, name};
use crate::{Method, Request, Response, RtspUrl, Scheme, StatusCode, base_url};

/// Responses.
impl ClientSession {
    pub(super) fn handle_response(&mut self, now: Instant, response: &Response) {
        // 1xx means that the response proper is still to come.
        if response.status.0 < 200 {
            return;
        }
        let Some(exchange) = self.take_exchange(response) else {
            self.stats.unexpected_responses += 1;
            return;
        };
        self.stats.responses += 1;
        tracing::debug!(cseq = exchange.cseq, status = response.status.0, "response");
        if let Some(server) = response.headers.get(name::SERVER) {
            self.server = Some(server.to_owned());
        }
        if response.status == StatusCode::UNAUTHORIZED {
            return self.unauthorized(exchange, response, now);
        }
        if response.status.is_success() {
            self.succeeded(&exchange, response);
        } else {
            self.refused(exchange, response, now);
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
            return None;
        }
        let exchange = self.exchange.take()?;
        if cseq != Some(exchange.cseq) {
            self.stats.cseq_mismatches += 1;
        }
        Some(exchange)
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
        match self.authenticator.challenged(&challenges.0) {
            Ok(()) => self.send(exchange.step, Attempt::AfterUnauthorized, now),
            Err(error) => {
                self.fail(Error::from_auth(error, exchange.step.method(), exchange.cseq));
            }
        }
    }

    fn succeeded(&mut self, exchange: &Exchange, response: &Response) {
        match &exchange.step {
            Step::Options | Step::KeepAlive(_) => {}
            Step::Describe => self.described(exchange, response),
            Step::SetUp { .. } => self.set_up(exchange, response),
            Step::Play => {
                self.learn_session(response);
                self.state = State::Playing;
                let info = response
                    .headers
                    .typed::<RtpInfo>()
                    .ok()
                    .flatten()
                    .unwrap_or_default();
                self.emit(Event::Playing { rtp_info: info.0 });
            }
            Step::TearDown => self.end(Event::TornDown),
        }
    }

    /// The body counts, not its Content-Type, which may be missing or decorated (Q7, Q8).
    fn described(&mut self, exchange: &Exchange, response: &Response) {
        let description = match SessionDescription::parse(&response.body) {
            Ok(description) => description,
            Err(source) => {
                return self.fail(Error::Describe {
                    source,
                    cseq: exchange.cseq,
                });
            }
        };
        let header = |name| response.headers.get(name);
        let base = base_url(
            &self.url,
            header(name::CONTENT_BASE),
            header(name::CONTENT_LOCATION),
        );
        self.presentation = Some(Presentation {
            aggregate: base.join_control(description.control()),
            media: description
                .media()
                .iter()
                .map(|media| base.join_control(media.control()))
                .collect(),
        });
        self.state = State::Described;
        self.emit(Event::Described(description));
    }

    fn set_up(&mut self, exchange: &Exchange, response: &Response) {
        let Step::SetUp { media, request, .. } = exchange.step else {
            return;
        };
        self.learn_session(response);
        let asked = transport::ask(request, &self.channels);
        // What cannot be read says as little as what is missing (Q19).
        let answered = response.headers.typed::<Transport>().ok().flatten();
        match transport::agree(&asked, answered) {
            Ok(agreed) => {
                self.channels.extend(agreed.interleaved);
                self.emit(Event::SetUp {
                    media,
                    transport: agreed,
                });
            }
            Err(other) => self.fail(Error::TransportMismatch {
                media,
                transport: asked.lower,
                answered: other.to_string(),
                cseq: exchange.cseq,
            }),
        }
    }

    /// The newest id counts: some cameras change it from SETUP to SETUP (Q9). Not called for DESCRIBE, whose id means
    /// nothing (Q131).
    fn learn_session(&mut self, response: &Response) {
        let Ok(Some(Session { id, timeout })) = response.headers.typed() else {
            return;
        };
        self.session_id = Some(id);
        if let Some(timeout) = timeout {
            self.keepalive.set_timeout(timeout);
        }
    }

    fn refused(&mut self, exchange: Exchange, response: &Response, now: Instant) {
        let (method, cseq) = (exchange.step.method(), exchange.cseq);
        let is_redirect = matches!(response.status.0, 301 | 302 | 303 | 305 | 307);
        match (exchange.step, response.status) {
            (step @ (Step::Options | Step::Describe), status) if is_redirect => {
                let location = response.headers.get(name::LOCATION).unwrap_or_default();
                match self.url.join_location(location) {
                    Ok(_) if self.redirects == MAX_REDIRECTS => self.fail(Error::TooManyRedirects),
                    Ok(url) => self.redirect(url, step),
                    Err(source) => self.fail(Error::RedirectUnsupported { status, cseq, source }),
                }
            }
            // Not every server knows OPTIONS, and it was sent only to please (Q16).
            (Step::Options, _) => {}
            (_, StatusCode::SESSION_NOT_FOUND) => self.fail(Error::SessionNotFound { method, cseq }),
            (Step::KeepAlive(used), _) => self.keepalive_failed(used, now),
            (_, StatusCode::NOT_ENOUGH_BANDWIDTH) => self.fail(Error::Busy { method, cseq }),
            (Step::SetUp { media, request, .. }, StatusCode::UNSUPPORTED_TRANSPORT) => {
                // What was asked for behind it counted on it.
                let is_setup = |step: &Step| matches!(step, Step::SetUp { .. });
                self.tracks -= 1 + self.steps.drain(..).filter(is_setup).count();
                self.emit(Event::SetUpRefused(Error::TransportRefused {
                    media,
                    transport: request.lower(),
                    cseq,
                }));
            }
            (_, status) => {
                self.fail(Error::Status {
                    method,
                    status,
                    reason: response.reason.clone(),
                    cseq,
                });
            }
        }
    }

    /// Repeats the step elsewhere, on a new connection even where that is the same place (Q101). Credentials go along only
    /// to the host that they are for, and never from TLS into the clear.
    fn redirect(&mut self, url: RtspUrl, step: Step) {
        let own = &self.config.url;
        let is_same_host = own.host().eq_ignore_ascii_case(url.host());
        let is_downgrade = own.scheme() == Scheme::Rtsps && url.scheme() == Scheme::Rtsp;
        let credentials = self
            .config
            .credentials
            .clone()
            .filter(|_| is_same_host && !is_downgrade);
        self.authenticator.change_server(credentials);
        self.redirects += 1;
        self.url = url.clone();
        self.emit(Event::Redirected { url });
        self.steps.push_front(step);
        self.connect();
    }
}

/// Requests of the server.
impl ClientSession {
    /// Answers with what costs nothing: yes to questions after our health, no to what a player cannot do. A server that asks
    /// without end while nobody drains the outputs gets no answer.
    pub(super) fn handle_request(&mut self, request: &Request) {
        if self.outputs.len() >= MAX_PENDING_OUTPUTS {
            self.stats.dropped_server_requests += 1;
            return;
        }
        self.stats.server_requests += 1;
        let mut response = Response::new(match request.method {
            Method::Options
            | Method::GetParameter
            | Method::SetParameter
            | Method::Announce
            | Method::Redirect => StatusCode::OK,
            _ => StatusCode::NOT_IMPLEMENTED,
        });
        for echoed in [name::CSEQ, name::SESSION] {
            if let Some(value) = request.headers.get(echoed) {
                response.headers.set(echoed, value);
            }
        }
        if request.method == Method::Options {
            response.headers.set_typed(&Public(vec![
                Method::Options,
                Method::GetParameter,
                Method::SetParameter,
                Method::Announce,
                Method::Redirect,
            ]));
        }
        let mut bytes = BytesMut::new();
        response.write(&mut bytes);
        self.outputs.push_back(Output::Transmit(bytes.freeze()));
        if request.method == Method::Redirect {
            let location = request.headers.get(name::LOCATION);
            let url = location.and_then(|location| self.url.join_location(location).ok());
            self.emit(Event::RedirectRequested { url });
        }
    }
}
