use std::time::Duration;

use throughline_rtsp::headers::{CSeq, name};
use throughline_rtsp::{Method, Request, Response, StatusCode};

use super::{Quirk, Quirks};
use crate::server::{Pair, SESSION_TIMEOUT};

/// How long a session is kept without a sign of life.
pub(crate) fn session_timeout(quirks: Quirks) -> Duration {
    if quirks.contains(Quirk::ShortSessionTimeout) {
        Duration::from_secs(20)
    } else if quirks.contains(Quirk::OptionsDoesNotRefresh) {
        Duration::from_secs(30)
    } else {
        SESSION_TIMEOUT
    }
}

/// The channels that a client gets for those that it asks for.
pub(crate) fn channels(quirks: Quirks, asked: Pair<u8>) -> Pair<u8> {
    if quirks.contains(Quirk::OtherChannels) {
        let rtp = asked.rtp ^ 6;
        Pair { rtp, rtcp: rtp ^ 1 }
    } else {
        asked
    }
}

/// Bends the response to `request`.
pub(crate) fn bend(quirks: Quirks, request: &Request, response: &mut Response) {
    for quirk in quirks.iter() {
        any(quirk, request, response);
        if response.status == StatusCode::OK {
            match request.method {
                Method::Describe => describe(quirk, response),
                Method::Setup => set_up(quirk, response),
                Method::Play => play(quirk, response),
                _ => {}
            }
        }
    }
}

/// Whatever the request was.
fn any(quirk: Quirk, request: &Request, response: &mut Response) {
    let headers = &mut response.headers;
    match quirk {
        Quirk::SpacedSessionTimeout => {
            edit(response, name::SESSION, |session| {
                session.replacen(";timeout=", " ; timeout = ", 1)
            });
        }
        Quirk::NoCSeq => headers.remove(name::CSEQ),
        Quirk::CSeqBelowOneIgnored if request.headers.typed() == Ok(Some(CSeq(0))) => {
            headers.remove(name::CSEQ);
        }
        Quirk::NoReasonPhrase => response.reason.clear(),
        Quirk::HeaderOrder => headers.set_typed(&CSeq(0)),
        Quirk::OptionsDoesNotRefresh => {
            edit(response, name::PUBLIC, |methods| {
                methods.replacen(", GET_PARAMETER", "", 1)
            });
        }
        _ => {}
    }
}

fn describe(quirk: Quirk, response: &mut Response) {
    let headers = &mut response.headers;
    let base = |change: fn(&str) -> String| change;
    let change = match quirk {
        Quirk::ContentBaseWithoutScheme => base(|url| url.replacen("rtsp://", "", 1)),
        Quirk::ContentBaseWithTwoSchemes => base(|url| format!("rtsp://{url}")),
        Quirk::ContentBaseIsPath => base(|url| with_authority(url, "")),
        Quirk::ContentBaseUnreachable => base(|url| with_authority(url, "rtsp://10.255.255.1:10554")),
        Quirk::ControlWithSlash => base(|url| url.trim_end_matches('/').to_owned()),
        Quirk::ContentBaseWithQuery => base(|url| {
            let url = with_authority(url, "rtsp://camera.example.net:8555");
            format!("{}?channel=1/", url.trim_end_matches('/'))
        }),
        Quirk::NoContentType => return headers.remove(name::CONTENT_TYPE),
        Quirk::ContentTypeWithCharset => {
            return headers.set(name::CONTENT_TYPE, "Application/SDP;charset=utf-8");
        }
        Quirk::SessionInDescribe => {
            headers.set(name::SESSION, "0;timeout=0");
            return headers.set(name::RANGE, "npt=10-0");
        }
        _ => return,
    };
    edit(response, name::CONTENT_BASE, change);
}

fn set_up(quirk: Quirk, response: &mut Response) {
    let transport = |change: fn(&str) -> String| change;
    let change = match quirk {
        Quirk::NoTransport => return response.headers.remove(name::TRANSPORT),
        Quirk::TransportWithoutTcp => transport(|value| value.replacen("AVP/TCP", "AVP", 1)),
        Quirk::OtherChannels => transport(|value| {
            parameters(value, |parameter| match parameter.strip_prefix("interleaved=") {
                Some(channels) => format!("interleaved={}", channels.split('-').next().unwrap_or_default()),
                None => parameter.to_owned(),
            })
        }),
        Quirk::OddTransportSsrc => transport(|value| {
            let (protocol, rest) = value.split_once(';').unwrap_or((value, ""));
            let ssrc = ssrc(value).chars().skip(1).collect::<String>();
            format!("{protocol};ssrc= {ssrc};{}", without_ssrc(rest))
        }),
        Quirk::CommaInTransport => transport(|value| value.replacen(";ssrc", ",ssrc", 1)),
        Quirk::NoServerPorts => transport(|value| {
            parameters(value, |parameter| {
                if parameter.starts_with("server_port=") {
                    "server_port=0-1".to_owned()
                } else {
                    parameter.to_owned()
                }
            })
        }),
        Quirk::OtherSsrc => transport(|value| format!("{};ssrc=0BADCAFE", without_ssrc(value))),
        Quirk::SourceIsName => {
            transport(|value| format!("{value};source=camera.local;destination=viewer.local"))
        }
        Quirk::ChallengeInSuccess => {
            return response
                .headers
                .set(name::WWW_AUTHENTICATE, "Digest realm=\"none\", nonce=\"0\"");
        }
        Quirk::ShortTransportSsrc => transport(|value| {
            let ssrc = ssrc(value).chars().take(4).collect::<String>();
            format!("{};ssrc=0x{ssrc}", without_ssrc(value))
        }),
        Quirk::UdpWhateverIsAsked => transport(|value| {
            if value.contains("interleaved") {
                "RTP/AVP;unicast;client_port=0-1;server_port=6970-6971".to_owned()
            } else {
                value.to_owned()
            }
        }),
        _ => return,
    };
    edit(response, name::TRANSPORT, change);
}

fn play(quirk: Quirk, response: &mut Response) {
    let change: fn(&str) -> String = match quirk {
        Quirk::OddRtpInfo => |_| "url=rtsp://0.0.0.0/stream;seq=0;rtptime=-1;".to_owned(),
        Quirk::ShortTransportSsrc => |value| format!("{value};ssrc=4294967295"),
        Quirk::RtptimeZero => |value| {
            let (before, _) = value.split_once("rtptime=").unwrap_or((value, ""));
            format!("{before}rtptime=0")
        },
        _ => return,
    };
    edit(response, name::RTP_INFO, change);
}

/// Changes a header, where there is one.
fn edit(response: &mut Response, name: &str, change: impl Fn(&str) -> String) {
    if let Some(value) = response.headers.get(name).map(change) {
        response.headers.set(name, value);
    }
}

/// The URL at another server: `authority` comes in place of scheme, host and port.
fn with_authority(url: &str, authority: &str) -> String {
    let location = url.rsplit_once("://").map_or(url, |(_, location)| location);
    let path = location.split_once('/').map_or("", |(_, path)| path);
    format!("{authority}/{path}")
}

fn parameters(value: &str, change: impl Fn(&str) -> String) -> String {
    value.split(';').map(change).collect::<Vec<_>>().join(";")
}

fn ssrc(transport: &str) -> &str {
    transport
        .split(';')
        .find_map(|parameter| parameter.strip_prefix("ssrc="))
        .unwrap_or_default()
}

fn without_ssrc(transport: &str) -> String {
    let kept: Vec<&str> = transport
        .split(';')
        .filter(|parameter| !parameter.starts_with("ssrc="))
        .collect();
    kept.join(";")
}
