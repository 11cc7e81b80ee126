//! The scheme of a URL, which says how the connection is made.

use super::UrlError;

/// How the connection is made: in the clear or with TLS, as it is or through a tunnel.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Scheme {
    /// `rtsp`: plain TCP, port 554.
    Rtsp,
    /// `rtsps`: TLS, port 322.
    Rtsps,
    /// `rtsp+http`, also `rtsph`: through HTTP, port 80.
    RtspHttp,
    /// `rtsp+https`, also `rtsps+http` and `rtspsh`: through HTTP on TLS, port 443.
    RtspHttps,
    /// `rtsp+ws`: through a WebSocket, port 80.
    RtspWs,
    /// `rtsp+wss`, also `rtsps+ws`: through a WebSocket on TLS, port 443.
    RtspWss,
}

/// Whether others can read and change what the connection carries.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Security {
    /// They can: TCP as it is.
    Plain,
    /// They cannot: TLS.
    Tls,
}

impl Scheme {
    /// The port where a URL names none.
    pub fn default_port(self) -> u16 {
        match self {
            Self::Rtsp => 554,
            Self::Rtsps => 322,
            Self::RtspHttp | Self::RtspWs => 80,
            Self::RtspHttps | Self::RtspWss => 443,
        }
    }

    /// The name in a URL.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Rtsp => "rtsp",
            Self::Rtsps => "rtsps",
            Self::RtspHttp => "rtsp+http",
            Self::RtspHttps => "rtsp+https",
            Self::RtspWs => "rtsp+ws",
            Self::RtspWss => "rtsp+wss",
        }
    }

    /// Whether the connection is TLS.
    pub fn security(self) -> Security {
        match self {
            Self::Rtsp | Self::RtspHttp | Self::RtspWs => Security::Plain,
            Self::Rtsps | Self::RtspHttps | Self::RtspWss => Security::Tls,
        }
    }

    /// The scheme on the request line: a server knows nothing of the tunnel that a request came through.
    pub(super) fn in_requests(self) -> Self {
        match self.security() {
            Security::Plain => Self::Rtsp,
            Security::Tls => Self::Rtsps,
        }
    }

    pub(super) fn from_name(name: &str) -> Result<Self, UrlError> {
        /// A server's redirect may say anything before `://`, and an error is one line.
        const MAX_SCHEME_BYTES: usize = 32;

        let is_scheme_byte = |c: char| c.is_ascii_alphanumeric() || matches!(c, '+' | '-' | '.');
        match name.to_ascii_lowercase().as_str() {
            "rtsp" => Ok(Self::Rtsp),
            "rtsps" => Ok(Self::Rtsps),
            "rtsp+http" | "rtsph" => Ok(Self::RtspHttp),
            "rtsp+https" | "rtsps+http" | "rtspsh" => Ok(Self::RtspHttps),
            "rtsp+ws" => Ok(Self::RtspWs),
            "rtsp+wss" | "rtsps+ws" => Ok(Self::RtspWss),
            "" => Err(UrlError::NoScheme),
            other if other.len() <= MAX_SCHEME_BYTES && other.chars().all(is_scheme_byte) => {
                Err(UrlError::UnsupportedScheme(other.to_owned()))
            }
            _ => Err(UrlError::NoScheme),
        }
    }
}
