//! What a caller says about a camera.

use std::time::Duration;

use throughline_rtsp::client::{Endpoint, ExtraHeaders, Tunnel};
use throughline_rtsp::{Credentials, RtspUrl, Security, UrlError};

use crate::{Policies, TlsConfig};

/// What to connect to, and how patiently.
///
/// [`Config::parse`] is enough for most cameras; the fields are public for the rest.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Config {
    /// The camera's address. Holds no credentials.
    pub url: RtspUrl,
    /// Answers a 401. Default: those of the URL, or none.
    pub credentials: Option<Credentials>,
    /// What a tunnel's HTTP requests ask for, where it is not the URL's path: `/rtsp-over-websocket` at Axis cameras
    /// (Q116). Default: none.
    pub tunnel_path: Option<String>,
    /// How media travels. Default: [`TransportPolicy::Auto`].
    pub transport: TransportPolicy,
    /// Whom to believe behind TLS. Default: the system's roots.
    pub tls: TlsConfig,
    /// What follows a failure. Default: [`Retry::Forever`].
    pub retry: Retry,
    /// How long each step may take.
    pub timeouts: Timeouts,
    /// How much longer than the fastest a packet may take before pictures are dropped up to the next key frame: after a
    /// pause, some cameras and networks deliver all that was captured meanwhile, and would stay behind (Q95), and so does a
    /// consumer that is too slow. It goes on for as long as that mends something, and is not done again where it does not.
    /// Default: 3 s; `Duration::MAX` drops nothing, for a recording.
    pub max_delay: Duration,
    /// What is overlooked of the camera's protocols. Default: everything.
    pub policies: Policies,
    /// Added to the RTSP requests. Default: none.
    pub extra_headers: ExtraHeaders,
    /// Sent with each request; some cameras answer 401 to a request without one (Q15).
    /// Default: `throughline/` and the version.
    pub user_agent: String,
}

impl Config {
    /// The defaults for the camera at `url`.
    pub fn new(url: RtspUrl) -> Self {
        Config {
            url,
            credentials: None,
            tunnel_path: None,
            transport: TransportPolicy::default(),
            tls: TlsConfig::default(),
            retry: Retry::default(),
            timeouts: Timeouts::default(),
            max_delay: Duration::from_secs(3),
            policies: Policies::default(),
            extra_headers: ExtraHeaders::default(),
            user_agent: concat!("throughline/", env!("CARGO_PKG_VERSION")).to_owned(),
        }
    }

    /// Reads `rtsp://user:password@host:port/path`; everything after the host is the camera's business.
    /// Special characters in the password may be percent-encoded or not (Q54).
    ///
    /// # Errors
    ///
    /// Whatever is no RTSP URL. The error never repeats the password.
    pub fn parse(url: &str) -> Result<Self, UrlError> {
        let (url, credentials) = RtspUrl::parse(url)?;
        Ok(Config {
            credentials,
            ..Config::new(url)
        })
    }
}

/// Which transport of the media to ask for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum TransportPolicy {
    /// TCP first, for it passes every firewall and loses nothing; then UDP, where the camera refuses TCP, or where nothing
    /// arrives; then multicast, where the camera refuses unicast or describes a group. The camera is given up only after all of
    /// them; what worked is tried first after a reconnect. UDP and multicast are left for TCP again where so much is lost for 10 s
    /// that most pictures are ([`Error::Lossy`](crate::Error::Lossy)), unless TCP was refused or silent. What the connection's TLS
    /// encrypts is never asked for in the clear: over `rtsps`, only SRTP comes by another transport than TCP.
    #[default]
    Auto,
    /// The same, but UDP before TCP: for the lowest latency, at the price of up to
    /// [`Timeouts::first_packet_udp`] where a firewall drops it. Beside TLS, too, and without SRTP in the clear.
    UdpFirst,
    /// Interleaved in the RTSP connection, or an error.
    Tcp,
    /// UDP, or an error: the lowest latency on a network without loss or firewalls.
    Udp,
    /// Multicast, or an error: many viewers cost the camera no more than one.
    Multicast,
}

/// What follows a failure.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Retry {
    /// The first failure ends the stream with its error: for a probe or a recording.
    Never,
    /// Connect again after 0.5 s, doubling to 15 s, with a quarter of jitter, or to 80 s where the camera is there and sends
    /// nothing of use; one that is busy or asleep is left alone for longer ([`Error::Busy`](crate::Error::Busy), [`Error::Asleep`](crate::Error::Asleep)). What only a changed
    /// configuration mends ([`Error::is_configuration`](crate::Error::is_configuration)) ends the stream all the same.
    #[default]
    Forever,
}

/// How long each step may take before it counts as failed. `Duration::MAX` stands for ever.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Timeouts {
    /// The resolution of the host's name. Default: 5 s, in which a resolver asks twice.
    pub resolve: Duration,
    /// The TCP connection, by whichever address of the host. Default: 5 s, in which TCP sends its SYN three times.
    pub connect: Duration,
    /// The TLS handshake. Default: 5 s; small cameras take 2 s for their RSA.
    pub tls: Duration,
    /// A tunnel over HTTP or WebSocket, from the first connection on: its requests, the second round that
    /// authentication takes, and the connections for both. Default: 10 s.
    pub tunnel: Duration,
    /// The answer to one RTSP request. Default: 10 s; slow cameras take 3 s to answer PLAY.
    pub response: Duration,
    /// The answer to DESCRIBE in place of that. Default: 30 s, for bridges of battery cameras wake the camera first (Q123).
    pub describe: Duration,
    /// From PLAY's answer to the first RTP packet over TCP. Default: 30 s, for bridges of battery cameras take up to
    /// 28 s to begin (Q123).
    pub first_packet: Duration,
    /// From PLAY's answer to the first RTP packet over UDP. Default: 3 s; shorter than over TCP, for here
    /// silence mostly means a firewall, and another transport may be left.
    pub first_packet_udp: Duration,
    /// Without any RTP packet while playing. Default: 10 s, so that a camera of one picture a second passes (Q100).
    pub stalled: Duration,
    /// With packets but without a picture, until a key frame is asked for and
    /// [`Event::NoPicture`](crate::Event::NoPicture) says why. Default: 20 s.
    pub picture: Duration,
    /// With packets but without a picture, until the connection is given up. Default: 90 s; cameras with
    /// "smart" codecs leave 60 s between key frames (Q139).
    pub no_picture: Duration,
    /// For the camera to answer TEARDOWN. Default: 1 s.
    pub close: Duration,
}

/// Longer than any process waits, and short enough to be added to any moment.
const NEVER: Duration = Duration::from_secs(365 * 24 * 3600);

impl Timeouts {
    /// The same, with `Duration::MAX` and the like as [`NEVER`].
    pub(crate) fn bounded(self) -> Self {
        Timeouts {
            resolve: self.resolve.min(NEVER),
            connect: self.connect.min(NEVER),
            tls: self.tls.min(NEVER),
            tunnel: self.tunnel.min(NEVER),
            response: self.response.min(NEVER),
            describe: self.describe.min(NEVER),
            first_packet: self.first_packet.min(NEVER),
            first_packet_udp: self.first_packet_udp.min(NEVER),
            stalled: self.stalled.min(NEVER),
            picture: self.picture.min(NEVER),
            no_picture: self.no_picture.min(NEVER),
            close: self.close.min(NEVER),
        }
    }

    /// How long all steps to a connection may take together.
    pub(crate) fn connecting(&self, endpoint: &Endpoint) -> Duration {
        let tls = match endpoint.security {
            Security::Plain => Duration::ZERO,
            Security::Tls => self.tls,
        };
        let tunnel = match endpoint.tunnel {
            Tunnel::None => Duration::ZERO,
            Tunnel::Http(_) | Tunnel::WebSocket(_) => self.tunnel,
        };
        self.resolve + self.connect + tls + tunnel
    }
}

impl Default for Timeouts {
    fn default() -> Self {
        Timeouts {
            resolve: Duration::from_secs(5),
            connect: Duration::from_secs(5),
            tls: Duration::from_secs(5),
            tunnel: Duration::from_secs(10),
            response: Duration::from_secs(10),
            describe: Duration::from_secs(30),
            first_packet: Duration::from_secs(30),
            first_packet_udp: Duration::from_secs(3),
            stalled: Duration::from_secs(10),
            picture: Duration::from_secs(20),
            no_picture: Duration::from_secs(90),
            close: Duration::from_secs(1),
        }
    }
}
