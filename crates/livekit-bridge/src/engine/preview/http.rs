//! The preview's HTTP: page, status, WHEP.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use axum::Json;
use axum::Router;
use axum::extract::{ConnectInfo, DefaultBodyLimit, Path, Request, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use axum::routing::{delete, get, post};

use super::status::Status;
use super::{App, MAX_VIEWERS, viewer};
use crate::engine::peer::Peer;
use crate::engine::rtc::random;

/// Largest offer taken. A browser's for one track is some 6 KB.
const MAX_OFFER_BYTES: usize = 64 * 1024;

const PAGE: &str = include_str!("page.html");

const ICON: &str = r##"<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 32 32"><rect width="32" height="32" rx="7" fill="#0d9488"/><path d="M6 16h13m-4-5 5 5-5 5" fill="none" stroke="#fff" stroke-width="3" stroke-linecap="round" stroke-linejoin="round"/><path d="M25 9v14" stroke="#fff" stroke-width="3" stroke-linecap="round"/></svg>"##;

/// The page needs itself and nothing else.
const CONTENT_SECURITY_POLICY: &str = "default-src 'none'; script-src 'unsafe-inline'; style-src 'unsafe-inline'; \
    img-src 'self' data:; media-src 'self' blob: mediastream:; connect-src 'self'; base-uri 'none'; \
    form-action 'none'; frame-ancestors 'none'";

pub(super) fn router(app: Arc<App>) -> Router {
    Router::new()
        .route("/", get(page))
        .route("/favicon.ico", get(icon))
        .route("/api/status", get(status))
        .route("/whep", post(subscribe))
        .route("/whep/{id}", delete(unsubscribe))
        .layer(DefaultBodyLimit::max(MAX_OFFER_BYTES))
        .layer(middleware::from_fn_with_state(Arc::clone(&app), guard))
        .with_state(app)
}

/// Refuses requests for another host and sets the headers every answer has.
async fn guard(State(app): State<Arc<App>>, request: Request, next: Next) -> Response {
    let host = request
        .headers()
        .get(header::HOST)
        .and_then(|host| host.to_str().ok());
    if !host.is_some_and(|host| is_own_host(host, app.address)) {
        return (
            StatusCode::MISDIRECTED_REQUEST,
            "this preview is served under its address only\n",
        )
            .into_response();
    }
    let mut response = next.run(request).await;
    let headers = response.headers_mut();
    for (name, value) in [
        (header::CONTENT_SECURITY_POLICY, CONTENT_SECURITY_POLICY),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::REFERRER_POLICY, "no-referrer"),
        (header::CACHE_CONTROL, "no-store"),
    ] {
        headers.insert(name, HeaderValue::from_static(value));
    }
    response
}

/// A foreign page that rebinds its DNS name to this machine still sends its name. An address it cannot fake: served
/// on loopback, only loopback addresses count; served to the network, any address does.
fn is_own_host(host: &str, listening: SocketAddr) -> bool {
    let name = match host.rsplit_once(':') {
        Some((name, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) && !name.is_empty() => name,
        _ => host,
    };
    if name.eq_ignore_ascii_case("localhost") {
        return true;
    }
    let literal = name
        .strip_prefix('[')
        .and_then(|name| name.strip_suffix(']'))
        .unwrap_or(name);
    literal
        .parse::<IpAddr>()
        .is_ok_and(|address| !listening.ip().is_loopback() || address.is_loopback())
}

async fn page() -> impl IntoResponse {
    ([(header::CONTENT_TYPE, "text/html; charset=utf-8")], PAGE)
}

async fn icon() -> impl IntoResponse {
    ([(header::CONTENT_TYPE, "image/svg+xml")], ICON)
}

async fn status(State(app): State<Arc<App>>) -> Json<Status> {
    let camera = app.camera.borrow().clone();
    let format = *app.port.format().borrow();
    Json(Status::new(camera, format, app.port.stats()))
}

async fn subscribe(
    State(app): State<Arc<App>>,
    ConnectInfo(remote): ConnectInfo<SocketAddr>,
    headers: HeaderMap,
    offer: String,
) -> Response {
    let content_type = headers
        .get(header::CONTENT_TYPE)
        .and_then(|value| value.to_str().ok())
        .unwrap_or_default();
    let media_type = content_type.split(';').next().unwrap_or_default().trim();
    if !media_type.eq_ignore_ascii_case("application/sdp") {
        return (
            StatusCode::UNSUPPORTED_MEDIA_TYPE,
            "send an SDP offer as application/sdp\n",
        )
            .into_response();
    }
    let full = || (StatusCode::SERVICE_UNAVAILABLE, "too many viewers\n").into_response();
    if app.closing.is_cancelled() || app.viewers().len() >= MAX_VIEWERS {
        return full();
    }
    // An IPv4 viewer of an IPv6 listener wants an IPv4 candidate.
    let remote = SocketAddr::new(remote.ip().to_canonical(), remote.port());
    let profile = app.port.format().borrow().map(|format| format.profile_level_id);
    let (peer, answer) = match Peer::viewer(&offer, remote, profile, app.port.figures()) {
        Ok(viewer) => viewer,
        Err(error) => return (StatusCode::BAD_REQUEST, format!("{error}\n")).into_response(),
    };
    let id = format!("{:016x}", random());
    let removed = app.closing.child_token();
    {
        let mut viewers = app.viewers();
        // Others may have come since the first look.
        if viewers.len() >= MAX_VIEWERS {
            return full();
        }
        viewers.insert(id.clone(), removed.clone());
    }
    app.count_viewers();
    let location = format!("/whep/{id}");
    tokio::spawn(viewer::serve(Arc::clone(&app), id, peer, removed));
    let headers = [
        (header::CONTENT_TYPE, "application/sdp".to_owned()),
        (header::LOCATION, location),
    ];
    (StatusCode::CREATED, headers, answer).into_response()
}

async fn unsubscribe(State(app): State<Arc<App>>, Path(id): Path<String>) -> StatusCode {
    match app.viewers().get(&id) {
        Some(viewer) => {
            viewer.cancel();
            StatusCode::OK
        }
        None => StatusCode::NOT_FOUND,
    }
}
