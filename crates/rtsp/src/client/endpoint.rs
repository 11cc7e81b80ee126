use std::fmt;

use crate::url::Redacted;
use crate::{Credentials, RtspUrl, Scheme, Security};

/// Where to connect to, and how.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Endpoint {
    /// A name or an address, an IPv6 one without brackets and with its zone (Q150).
    pub host: String,
    /// The TCP port.
    pub port: u16,
    /// Whether the connection is TLS; of a tunnel over HTTP, both are.
    pub security: Security,
    /// What stands between the connection and RTSP.
    pub tunnel: Tunnel,
}

/// What stands between the connection and RTSP.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Tunnel {
    /// Nothing.
    None,
    /// HTTP: [`HttpTunnel`](crate::tunnel::HttpTunnel).
    Http(TunnelTarget),
    /// A WebSocket: [`WebSocketUpgrade`](crate::tunnel::WebSocketUpgrade).
    WebSocket(TunnelTarget),
}

/// What a tunnel's HTTP requests ask for.
///
/// `Debug` leaves out the path's secrets.
#[derive(Clone, PartialEq, Eq)]
pub struct TunnelTarget {
    /// The request target: path and query (Q115).
    pub path: String,
    /// The `Host` header: host and port, an IPv6 address in brackets and without its zone (Q150).
    pub host: String,
    /// What a 401 of the tunnel may be answered with: the session's own credentials, at their host only.
    pub credentials: Option<Credentials>,
}

impl Endpoint {
    /// The server of this URL. `path` takes the place of the URL's in a tunnel's HTTP requests.
    pub(super) fn new(url: &RtspUrl, path: Option<&str>, credentials: Option<&Credentials>) -> Self {
        let target = || TunnelTarget {
            path: path.map_or_else(|| url.http_path(), |path| url.with_path(path).http_path()),
            host: url.authority().to_owned(),
            credentials: credentials.cloned(),
        };
        Self {
            host: url.host().to_owned(),
            port: url.port(),
            security: url.scheme().security(),
            tunnel: match url.scheme() {
                Scheme::Rtsp | Scheme::Rtsps => Tunnel::None,
                Scheme::RtspHttp | Scheme::RtspHttps => Tunnel::Http(target()),
                Scheme::RtspWs | Scheme::RtspWss => Tunnel::WebSocket(target()),
            },
        }
    }

    /// That of a URL that leads here.
    pub fn scheme(&self) -> Scheme {
        match (&self.tunnel, self.security) {
            (Tunnel::None, Security::Plain) => Scheme::Rtsp,
            (Tunnel::None, Security::Tls) => Scheme::Rtsps,
            (Tunnel::Http(_), Security::Plain) => Scheme::RtspHttp,
            (Tunnel::Http(_), Security::Tls) => Scheme::RtspHttps,
            (Tunnel::WebSocket(_), Security::Plain) => Scheme::RtspWs,
            (Tunnel::WebSocket(_), Security::Tls) => Scheme::RtspWss,
        }
    }
}

impl fmt::Debug for TunnelTarget {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TunnelTarget")
            .field("path", &Redacted(&self.path).to_string())
            .field("host", &self.host)
            .field("credentials", &self.credentials)
            .finish()
    }
}
