mod profile;
mod read;
mod write;

use std::fmt;

pub use profile::Profile;

use super::{HeaderError, TypedHeader, name};
use crate::Reading;
use crate::url::Redacted;

/// How the packets of one stream travel ([RFC 2326 §12.39](https://www.rfc-editor.org/rfc/rfc2326#section-12.39)), with what
/// RTSP 2.0 adds to it ([RFC 7826 §18.54](https://www.rfc-editor.org/rfc/rfc7826#section-18.54)).
///
/// A request may offer several, see [`Transport::parse_list`]; `FromStr` reads the first, which is the only one in a response.
/// `Debug` leaves out what may be a key.
#[derive(Clone, PartialEq, Eq)]
pub struct Transport {
    /// What carries the RTP packets.
    pub lower: LowerTransport,
    /// `RTP/AVP`, `RTP/SAVP`, .., of which [`Profile`] knows some.
    pub profile: String,
    /// To one receiver or to many.
    pub delivery: Delivery,
    /// Where the packets go to, an address or a host name (Q108); empty where the server may choose.
    pub destination: Option<String>,
    /// Where the packets come from, an address or a host name (Q108).
    pub source: Option<String>,
    /// How many layers a multicast stream has.
    pub layers: Option<u32>,
    /// What is recorded is put behind what is there.
    pub append: bool,
    /// The channels of RTP and RTCP on the RTSP connection; where only one is named, RTCP has the next (Q21).
    pub interleaved: Option<(u8, u8)>,
    /// How many routers a multicast packet may pass.
    pub ttl: Option<u8>,
    /// The multicast ports for RTP and RTCP.
    pub port: Option<(u16, u16)>,
    /// The client's UDP ports for RTP and RTCP.
    pub client_port: Option<(u16, u16)>,
    /// The server's UDP ports for RTP and RTCP; cameras name useless ones (Q24).
    pub server_port: Option<(u16, u16)>,
    /// The SSRC that the server will send with: a hint, packets differ (Q110).
    pub ssrc: Option<u32>,
    /// Which way the packets go; empty means PLAY, and some cameras refuse a request that says so (Q25).
    pub mode: Vec<TransportMode>,
    /// What RTSP 2.0 adds; `None` where nothing of it is said.
    pub rtsp2: Option<Box<Rtsp2Parameters>>,
    /// Parameters that no RFC knows, each as it stood.
    pub other: Vec<String>,
}

/// What RTSP 2.0 adds to a transport ([RFC 7826 §18.54](https://www.rfc-editor.org/rfc/rfc7826#section-18.54)).
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Rtsp2Parameters {
    /// Where the packets go to, `host:port` or `:port` each, RTP first and RTCP second.
    pub dest_addr: Vec<String>,
    /// Where the packets come from, in the same form.
    pub src_addr: Vec<String>,
    /// Who opens a TCP connection for the packets.
    pub setup: Option<Setup>,
    /// Whether that is a new one.
    pub connection: Option<ConnectionUse>,
    /// RTCP goes where RTP goes.
    pub rtcp_mux: bool,
    /// Keys for SRTP.
    pub mikey: Option<KeyMaterial>,
}

/// What carries the RTP packets.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LowerTransport {
    /// Datagrams of their own.
    Udp,
    /// Interleaved frames on the RTSP connection.
    Tcp,
}

impl fmt::Display for LowerTransport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Udp => "UDP",
            Self::Tcp => "TCP",
        })
    }
}

/// To one receiver or to many.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Delivery {
    /// To one.
    Unicast,
    /// To a group address.
    Multicast,
}

/// Which way the packets go.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TransportMode {
    /// From the server.
    Play,
    /// To the server.
    Record,
    /// Another method, as it stood.
    Other(String),
}

/// Who opens a TCP connection ([RFC 4145 §4](https://www.rfc-editor.org/rfc/rfc4145#section-4)).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Setup {
    /// Whoever says so.
    Active,
    /// The other.
    Passive,
    /// Either.
    ActPass,
}

/// Whether a TCP connection is a new one ([RFC 4145 §5](https://www.rfc-editor.org/rfc/rfc4145#section-5)).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ConnectionUse {
    /// It is.
    New,
    /// One that is there.
    Existing,
}

/// A MIKEY message in base64 ([RFC 7826 §C.1.4.1](https://www.rfc-editor.org/rfc/rfc7826#appendix-C.1.4.1)). It may hold keys:
/// `Debug` hides it.
#[derive(Clone, PartialEq, Eq)]
pub struct KeyMaterial(pub String);

impl fmt::Debug for KeyMaterial {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("KeyMaterial(..)")
    }
}

impl fmt::Debug for Transport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Transport({})", self.redacted())
    }
}

/// `RTP/AVP;unicast` and nothing else.
impl Default for Transport {
    fn default() -> Self {
        Self {
            lower: LowerTransport::Udp,
            profile: "RTP/AVP".to_owned(),
            delivery: Delivery::Unicast,
            destination: None,
            source: None,
            layers: None,
            append: false,
            interleaved: None,
            ttl: None,
            port: None,
            client_port: None,
            server_port: None,
            ssrc: None,
            mode: Vec::new(),
            rtsp2: None,
            other: Vec::new(),
        }
    }
}

impl Transport {
    /// A request for interleaved frames on these channels.
    #[expect(clippy::similar_names, reason = "the protocols' names")]
    pub fn interleaved(rtp: u8, rtcp: u8) -> Self {
        Self {
            lower: LowerTransport::Tcp,
            interleaved: Some((rtp, rtcp)),
            ..Self::default()
        }
    }

    /// A request for UDP packets to these ports of the client.
    #[expect(clippy::similar_names, reason = "the protocols' names")]
    pub fn udp(rtp: u16, rtcp: u16) -> Self {
        Self {
            client_port: Some((rtp, rtcp)),
            ..Self::default()
        }
    }

    /// Whether RTCP goes where RTP goes ([RFC 7826 §C.1.6.4](https://www.rfc-editor.org/rfc/rfc7826#appendix-C.1.6.4)).
    pub fn is_rtcp_mux(&self) -> bool {
        self.rtsp2.as_ref().is_some_and(|rtsp2| rtsp2.rtcp_mux)
    }

    /// Whether packets are SRTP and SRTCP, as far as the profile is one that is known.
    pub fn is_secure(&self) -> bool {
        Profile::from_name(&self.profile).is_some_and(Profile::is_secure)
    }

    /// For people: without the MIKEY message, and without what no RFC knows, which may hold a key as well or the secrets of a
    /// URL.
    pub(crate) fn redacted(&self) -> String {
        let mut public = Self {
            other: Vec::new(),
            ..self.clone()
        };
        if let Some(rtsp2) = &mut public.rtsp2 {
            rtsp2.mikey = None;
        }
        Redacted(&public.to_string()).to_string()
    }

    /// Reads every alternative that a request offers, in order of preference; at least one.
    ///
    /// Fails where there is no `RTP/AVP` or the like.
    pub fn parse_list(value: &str) -> Result<Vec<Self>, HeaderError> {
        Self::read_list(value, &mut Reading::default())
    }
}

impl TypedHeader for Transport {
    const NAME: &'static str = name::TRANSPORT;

    fn read(value: &str, reading: &mut Reading) -> Result<Self, HeaderError> {
        let first = Self::read_list(value, reading)?.into_iter().next();
        Ok(first.unwrap_or_default())
    }
}

#[cfg(test)]
mod tests;
