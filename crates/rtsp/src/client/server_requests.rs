//! What each request of the server means to the session.

use std::time::Instant;

use bytes::BytesMut;
use throughline_sdp::SessionDescription;

use super::session::ClientSession;
use super::state::State;
use super::{Error, Event, MAX_PENDING_OUTPUTS, Output};
use crate::headers::{CSeq, Public, Session, name};
use crate::{Method, Request, Response, RtspUrl, StatusCode};

/// What a server may ask.
const METHODS: [Method; 6] = [
    Method::Options,
    Method::GetParameter,
    Method::SetParameter,
    Method::Announce,
    Method::Redirect,
    Method::Teardown,
];

/// What follows the answer.
enum Then {
    Nothing,
    Announced(SessionDescription),
    Follow(RtspUrl),
    End,
}

impl ClientSession {
    /// Answers with what costs nothing: yes to questions after our health, no to what a player cannot do. A server that asks
    /// without end while nobody drains the outputs gets no answer.
    pub(super) fn handle_request(&mut self, now: Instant, request: &Request) {
        if self.outputs.len() >= MAX_PENDING_OUTPUTS {
            self.stats.dropped_server_requests += 1;
            self.warn(now, "the server sends more requests than are answered");
            return;
        }
        self.stats.server_requests += 1;
        let (status, then) = self.judge(request);
        self.answer(request, status);
        match then {
            Then::Nothing => {}
            Then::Announced(description) => self.announced(request, description),
            Then::Follow(url) => self.follow(url, None),
            Then::End => self.fail(Error::TornDownByServer {
                cseq: request
                    .headers
                    .typed()
                    .ok()
                    .flatten()
                    .map_or(0, |CSeq(number)| number),
            }),
        }
    }

    fn judge(&self, request: &Request) -> (StatusCode, Then) {
        if request.headers.get(name::REQUIRE).is_some() {
            return (StatusCode::OPTION_NOT_SUPPORTED, Then::Nothing);
        }
        match request.method {
            Method::Options | Method::GetParameter | Method::SetParameter => (StatusCode::OK, Then::Nothing),
            Method::Announce | Method::Redirect | Method::Teardown if !self.is_meant(request) => {
                (StatusCode::SESSION_NOT_FOUND, Then::Nothing)
            }
            // Some only say with it that the stream ends.
            Method::Announce if request.body.is_empty() => (StatusCode::OK, Then::Nothing),
            Method::Announce => {
                match SessionDescription::parse_with(&request.body, &self.config.description_policy) {
                    Ok(description) => (StatusCode::OK, Then::Announced(description)),
                    Err(_) => (StatusCode::BAD_REQUEST, Then::Nothing),
                }
            }
            Method::Redirect if self.state == State::TearingDown => (StatusCode::OK, Then::Nothing),
            // Its Range says from when on; this session has no clock to wait by, and goes at once.
            Method::Redirect => {
                let location = request.headers.get(name::LOCATION).unwrap_or_default();
                match self.url.join_location(location) {
                    Ok(url) => (StatusCode::OK, Then::Follow(url)),
                    Err(_) => (StatusCode::BAD_REQUEST, Then::Nothing),
                }
            }
            Method::Teardown => (StatusCode::OK, Then::End),
            _ => (StatusCode::NOT_IMPLEMENTED, Then::Nothing),
        }
    }

    /// Whether a request is about this session, and not about one that the server forgot to end (Q30).
    fn is_meant(&self, request: &Request) -> bool {
        match request.headers.typed::<Session>() {
            Ok(Some(Session { id, .. })) => self.session_id.as_ref() == Some(&id),
            _ => true,
        }
    }

    fn answer(&mut self, request: &Request, status: StatusCode) {
        let mut response = Response::new(status);
        for echoed in [name::CSEQ, name::SESSION] {
            if let Some(value) = request.headers.get(echoed) {
                response.headers.set(echoed, value);
            }
        }
        if request.method == Method::Options {
            response.headers.set_typed(&Public(METHODS.to_vec()));
        }
        if let Some(required) = request
            .headers
            .get(name::REQUIRE)
            .filter(|_| status == StatusCode::OPTION_NOT_SUPPORTED)
        {
            response.headers.set(name::UNSUPPORTED, required);
        }
        let mut bytes = BytesMut::new();
        response.write(&mut bytes);
        self.outputs.push_back(Output::Transmit(bytes.freeze()));
    }

    /// New media sections can be set up; what PLAY and TEARDOWN are about stays.
    fn announced(&mut self, request: &Request, description: SessionDescription) {
        let base = self.base(&request.headers);
        let media = self.media_urls(&base, &description);
        if let Some(presentation) = &mut self.presentation {
            presentation.media = media;
            self.emit(Event::Announced(description));
        }
    }
}
