use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use throughline_rtsp::headers::{CSeq, LowerTransport, Transport, name};
use throughline_rtsp::{Method, Request, Response, StatusCode};

use super::{Quirk, Quirks};
use crate::server::{CAMERA, TRACK, resource};

/// How long a nonce is good for with [`Quirk::NonceExpires`].
const NONCE_LIFE: Duration = Duration::from_secs(150);

/// Refusals after which [`Quirk::BansAfterTwoRefusals`] bans.
const MAX_REFUSALS: u64 = 2;

/// Where [`Quirk::Redirects`] leads, behind the URL that was asked for.
const REDIRECTED: &str = "?moved=1";

/// What becomes of a response.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fate {
    Sent,
    Withheld,
    /// The camera hangs up once it is sent.
    LastWords,
    /// The camera hangs up in place of it.
    HangUp,
}

/// What all connections of one camera remember for their quirks.
#[derive(Debug, Default)]
pub(crate) struct Memory {
    refusals: AtomicU64,
}

/// Whether and what one connection answers at all.
#[derive(Debug, Default)]
pub(crate) struct Conduct {
    quirks: Quirks,
    had_options: bool,
    described: u32,
    last_cseq: Option<CSeq>,
    /// When the present nonce was first answered rightly.
    nonce_since: Option<Instant>,
    had_stale_nonce: bool,
    /// The transport that was set up since the last DESCRIBE.
    set_up: Option<LowerTransport>,
    /// RTCP came before PLAY.
    is_confused: bool,
}

impl Conduct {
    pub(crate) fn new(quirks: Quirks) -> Self {
        Self {
            quirks,
            ..Self::default()
        }
    }

    pub(crate) fn is_banned(&self, memory: &Memory) -> bool {
        self.quirks.contains(Quirk::BansAfterTwoRefusals)
            && memory.refusals.load(Ordering::Relaxed) >= MAX_REFUSALS
    }

    /// The answer to a request that is not looked at any further.
    pub(crate) fn preempt(&self, request: &Request) -> Option<Response> {
        self.quirks.iter().find_map(|quirk| self.refusal(quirk, request))
    }

    fn refusal(&self, quirk: Quirk, request: &Request) -> Option<Response> {
        let headers = &request.headers;
        let is = |method: Method| request.method == method;
        let status = match quirk {
            Quirk::UserAgentRequired if headers.get(name::USER_AGENT).is_none() => {
                let mut refusal = Response::new(StatusCode::UNAUTHORIZED);
                refusal
                    .headers
                    .set(name::WWW_AUTHENTICATE, "Basic realm=\"camera\"");
                return Some(refusal);
            }
            Quirk::OptionsRefused if is(Method::Options) => StatusCode::NOT_IMPLEMENTED,
            Quirk::ModeRefused
                if headers
                    .get(name::TRANSPORT)
                    .is_some_and(|transport| transport.to_ascii_lowercase().contains("mode=")) =>
            {
                StatusCode::BAD_REQUEST
            }
            Quirk::HeaderOrder if headers.iter().next().is_none_or(|(first, _)| first != name::CSEQ) => {
                StatusCode::BAD_REQUEST
            }
            Quirk::Redirects if is(Method::Describe) && !request.uri.ends_with(REDIRECTED) => {
                let (authority, _) = resource(&request.uri).ok()?;
                let mut redirect = Response::new(StatusCode(302));
                redirect
                    .headers
                    .set(name::LOCATION, format!("rtsp://{authority}/{CAMERA}{REDIRECTED}"));
                return Some(redirect);
            }
            Quirk::NotEnoughBandwidth if is(Method::Setup) => StatusCode::NOT_ENOUGH_BANDWIDTH,
            Quirk::TransportNeedsDescribe if is(Method::Setup) && self.set_up.is_some() => {
                let asked = headers.typed::<Transport>().ok().flatten()?;
                if Some(asked.lower) == self.set_up {
                    return None;
                }
                StatusCode::METHOD_NOT_VALID_IN_THIS_STATE
            }
            Quirk::OneDescribe if is(Method::Describe) && self.described > 0 => StatusCode::BAD_REQUEST,
            _ => return None,
        };
        Some(Response::new(status))
    }

    /// Whether the request is no sign of life.
    pub(crate) fn is_deaf_to(&self, request: &Request) -> bool {
        let has = |quirk| self.quirks.contains(quirk);
        (has(Quirk::OptionsDoesNotRefresh) && request.method == Method::Options)
            || (has(Quirk::KeepaliveNeedsAggregate) && is_keepalive(request) && request.uri.ends_with(TRACK))
    }

    pub(crate) fn renames_session(&self, request: &Request) -> bool {
        self.quirks.contains(Quirk::SessionIdChanges)
            && matches!(request.method, Method::Setup | Method::Play)
    }

    /// Whether a new nonce comes in place of the present one.
    pub(crate) fn renews_nonce(&mut self, now: Instant) -> bool {
        let Some(since) = self.nonce_since else {
            return false;
        };
        let is_stale = self.quirks.contains(Quirk::StaleNonce) && !self.had_stale_nonce;
        let is_old = self.quirks.contains(Quirk::NonceExpires) && now >= since + NONCE_LIFE;
        self.had_stale_nonce |= is_stale;
        if is_stale || is_old {
            self.nonce_since = None;
        }
        is_stale || is_old
    }

    /// The client's credentials were right.
    pub(crate) fn accepted(&mut self, now: Instant) {
        self.nonce_since.get_or_insert(now);
    }

    /// RTCP came while nothing played.
    pub(crate) fn heard_early(&mut self) {
        self.is_confused |= self.quirks.contains(Quirk::RtcpBeforePlayConfuses);
    }

    /// Whether what is due goes before the response.
    pub(crate) fn plays_early(&self, request: &Request) -> bool {
        self.quirks.contains(Quirk::EarlyData) && request.method == Method::Play
    }

    /// Whether a PLAY that was answered with 200 starts nothing.
    pub(crate) fn plays_nothing(&self, request: &Request, lower: LowerTransport) -> bool {
        let has = |quirk| self.quirks.contains(quirk);
        self.is_confused
            || (has(Quirk::RangeRequired) && request.headers.get(name::RANGE).is_none())
            || (has(Quirk::UdpWhateverIsAsked) && lower == LowerTransport::Tcp)
    }

    /// What becomes of the response to `request`, which may change for it.
    pub(crate) fn fate(
        &mut self,
        memory: &Memory,
        request: &Request,
        response: &mut Response,
        in_session: InSession,
    ) -> Fate {
        self.had_options |= request.method == Method::Options;
        let is_ok = response.status == StatusCode::OK;
        self.described += u32::from(is_ok && request.method == Method::Describe);
        match request.method {
            Method::Describe => self.set_up = None,
            Method::Setup if is_ok => {
                let asked = request.headers.typed::<Transport>().ok().flatten();
                self.set_up = asked.map(|asked| asked.lower);
            }
            _ => {}
        }
        if response.status == StatusCode::UNAUTHORIZED && request.headers.get(name::AUTHORIZATION).is_some() {
            memory.refusals.fetch_add(1, Ordering::Relaxed);
        }
        let keeps_alive = in_session == InSession::Yes && is_keepalive(request);
        let fate = self
            .quirks
            .iter()
            .map(|quirk| self.bend(quirk, request, response, keeps_alive.then_some(request)))
            .find(|fate| *fate != Fate::Sent);
        self.last_cseq = request.headers.typed().ok().flatten();
        fate.unwrap_or(Fate::Sent)
    }

    fn bend(
        &self,
        quirk: Quirk,
        request: &Request,
        response: &mut Response,
        keepalive: Option<&Request>,
    ) -> Fate {
        match (quirk, &request.method) {
            (Quirk::RequireUnanswered, _) if request.headers.get(name::REQUIRE).is_some() => {
                return Fate::Withheld;
            }
            (Quirk::ClosesAfterUnauthorized, _) if response.status == StatusCode::UNAUTHORIZED => {
                return Fate::LastWords;
            }
            (Quirk::KeepaliveUnanswered, _) if keepalive.is_some() => return Fate::Withheld,
            (Quirk::KeepaliveRefused, _) if keepalive.is_some() => {
                refuse(response, StatusCode::BAD_REQUEST);
                response.headers.remove(name::CSEQ);
            }
            (Quirk::ParametersUnsupported, Method::SetParameter) => return Fate::HangUp,
            (Quirk::ParametersUnsupported, Method::GetParameter) => {
                refuse(response, StatusCode::METHOD_NOT_ALLOWED);
            }
            (Quirk::SetParameterRefused, Method::SetParameter) => {
                refuse(response, StatusCode::BAD_REQUEST);
                if let Some(last) = self.last_cseq {
                    response.headers.set_typed(&last);
                }
            }
            (Quirk::SessionRequired, _)
                if keepalive.is_some_and(|request| request.headers.get(name::SESSION).is_none()) =>
            {
                return Fate::Withheld;
            }
            (Quirk::TearDownOfUnknownSession, Method::Teardown)
                if response.status == StatusCode::SESSION_NOT_FOUND =>
            {
                refuse(response, StatusCode::INTERNAL_SERVER_ERROR);
            }
            (Quirk::OptionsFirst, Method::Describe)
                if response.status == StatusCode::OK && !self.had_options =>
            {
                return Fate::HangUp;
            }
            _ => {}
        }
        Fate::Sent
    }
}

/// Whether there is a session when a request comes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum InSession {
    Yes,
    No,
}

fn is_keepalive(request: &Request) -> bool {
    matches!(
        request.method,
        Method::Options | Method::GetParameter | Method::SetParameter
    )
}

fn refuse(response: &mut Response, status: StatusCode) {
    response.status = status;
    status.reason().clone_into(&mut response.reason);
}
