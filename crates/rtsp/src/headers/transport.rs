use std::fmt;
use std::str::FromStr;

use super::{HeaderError, TypedHeader, name};

/// How the packets of one stream travel ([RFC 2326 §12.39](https://www.rfc-editor.org/rfc/rfc2326#section-12.39)).
///
/// A request may offer several, see [`Transport::parse_list`]; `FromStr` reads the first, which is the only one in a response.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Transport {
    /// What carries the RTP packets.
    pub lower: LowerTransport,
    /// `RTP/AVP`, `RTP/SAVP`, ..
    pub profile: String,
    /// To one receiver or to many.
    pub delivery: Delivery,
    /// The channels of RTP and RTCP on the RTSP connection.
    pub interleaved: Option<(u8, u8)>,
    /// The client's UDP ports for RTP and RTCP.
    pub client_port: Option<(u16, u16)>,
    /// The server's UDP ports for RTP and RTCP; cameras name useless ones (Q24).
    pub server_port: Option<(u16, u16)>,
    /// The SSRC that the server will send with: a hint, packets differ (Q110).
    pub ssrc: Option<u32>,
    /// Where the packets come from, an address or a host name (Q108).
    pub source: Option<String>,
    /// Where the packets go to, an address or a host name (Q108).
    pub destination: Option<String>,
    /// Who sends; left out means PLAY, and some cameras refuse a request that says so (Q25).
    pub mode: Option<TransportMode>,
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
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TransportMode {
    /// From the server.
    Play,
    /// To the server.
    Record,
}

impl Transport {
    /// A request for interleaved frames on these channels.
    #[expect(clippy::similar_names, reason = "the protocols' names")]
    pub fn interleaved(rtp: u8, rtcp: u8) -> Self {
        Self {
            lower: LowerTransport::Tcp,
            interleaved: Some((rtp, rtcp)),
            ..Self::unicast()
        }
    }

    /// A request for UDP packets to these ports of the client.
    #[expect(clippy::similar_names, reason = "the protocols' names")]
    pub fn udp(rtp: u16, rtcp: u16) -> Self {
        Self {
            client_port: Some((rtp, rtcp)),
            ..Self::unicast()
        }
    }

    fn unicast() -> Self {
        Self {
            lower: LowerTransport::Udp,
            profile: "RTP/AVP".to_owned(),
            delivery: Delivery::Unicast,
            interleaved: None,
            client_port: None,
            server_port: None,
            ssrc: None,
            source: None,
            destination: None,
            mode: None,
        }
    }

    /// Reads every alternative that a request offers, in order of preference; at least one.
    ///
    /// Parameters may come in any order, with blanks around them (Q22), and after a comma (Q23); those that are unknown or
    /// unreadable count as absent. Without `unicast` and `multicast` it is unicast, and with `interleaved` TCP (Q20).
    ///
    /// Fails where there is no `RTP/AVP` or the like.
    pub fn parse_list(value: &str) -> Result<Vec<Self>, HeaderError> {
        let mut alternatives: Vec<Self> = Vec::new();
        let mut stray = Vec::new();
        for part in value.split([';', ',']).map(str::trim) {
            match (specification(part), alternatives.last_mut()) {
                (Some(transport), _) => alternatives.push(transport),
                (None, Some(transport)) => transport.read_parameter(part),
                (None, None) => stray.push(part),
            }
        }
        for part in stray {
            alternatives.first_mut().ok_or(NOTHING)?.read_parameter(part);
        }
        Ok(alternatives)
    }

    fn read_parameter(&mut self, parameter: &str) {
        let (name, value) = parameter.split_once('=').unwrap_or((parameter, ""));
        let value = value.trim_matches(['"', ' ']);
        match name.trim().to_ascii_lowercase().as_str() {
            "unicast" => self.delivery = Delivery::Unicast,
            "multicast" => self.delivery = Delivery::Multicast,
            "interleaved" => {
                self.interleaved =
                    pair(value).and_then(|(rtp, rtcp)| Some((rtp.try_into().ok()?, rtcp.try_into().ok()?)));
                if self.interleaved.is_some() {
                    self.lower = LowerTransport::Tcp;
                }
            }
            "client_port" => self.client_port = pair(value),
            "server_port" => self.server_port = pair(value),
            "ssrc" => self.ssrc = hexadecimal(value),
            "source" => self.source = Some(value.to_owned()),
            "destination" => self.destination = Some(value.to_owned()),
            "mode" if value.eq_ignore_ascii_case("play") => self.mode = Some(TransportMode::Play),
            "mode" if value.eq_ignore_ascii_case("record") => self.mode = Some(TransportMode::Record),
            _ => {}
        }
    }
}

const NOTHING: HeaderError = HeaderError {
    header: name::TRANSPORT,
    offset: 0,
    what: "no transport specification",
};

/// `RTP/AVP` and what may follow it.
fn specification(part: &str) -> Option<Transport> {
    let mut words = part.splitn(3, '/').map(str::trim);
    let (protocol, profile, lower) = (words.next()?, words.next()?, words.next());
    if part.contains('=') {
        return None;
    }
    let lower = match lower {
        Some(lower) if lower.eq_ignore_ascii_case("tcp") => LowerTransport::Tcp,
        _ => LowerTransport::Udp,
    };
    Some(Transport {
        lower,
        profile: format!("{protocol}/{profile}"),
        ..Transport::unicast()
    })
}

/// With or without `0x` before it.
fn hexadecimal(text: &str) -> Option<u32> {
    let digits = text
        .strip_prefix("0x")
        .or_else(|| text.strip_prefix("0X"))
        .unwrap_or(text);
    u32::from_str_radix(digits, 16).ok()
}

/// `4-5`, or `4` alone, whose neighbour is 5 (Q21).
fn pair(text: &str) -> Option<(u16, u16)> {
    match text.split_once('-') {
        Some((first, second)) => Some((first.trim().parse().ok()?, second.trim().parse().ok()?)),
        None => text
            .parse()
            .ok()
            .and_then(|first: u16| Some((first, first.checked_add(1)?))),
    }
}

impl TypedHeader for Transport {
    const NAME: &'static str = name::TRANSPORT;
}

impl FromStr for Transport {
    type Err = HeaderError;

    fn from_str(value: &str) -> Result<Self, HeaderError> {
        Self::parse_list(value)?.into_iter().next().ok_or(NOTHING)
    }
}

impl fmt::Display for Transport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.profile)?;
        f.write_str(match self.lower {
            LowerTransport::Udp => "",
            LowerTransport::Tcp => "/TCP",
        })?;
        f.write_str(match self.delivery {
            Delivery::Unicast => ";unicast",
            Delivery::Multicast => ";multicast",
        })?;
        if let Some(destination) = &self.destination {
            write!(f, ";destination={destination}")?;
        }
        if let Some(source) = &self.source {
            write!(f, ";source={source}")?;
        }
        if let Some((rtp, rtcp)) = self.interleaved {
            write!(f, ";interleaved={rtp}-{rtcp}")?;
        }
        if let Some((rtp, rtcp)) = self.client_port {
            write!(f, ";client_port={rtp}-{rtcp}")?;
        }
        if let Some((rtp, rtcp)) = self.server_port {
            write!(f, ";server_port={rtp}-{rtcp}")?;
        }
        if let Some(ssrc) = self.ssrc {
            write!(f, ";ssrc={ssrc:08X}")?;
        }
        f.write_str(match self.mode {
            None => "",
            Some(TransportMode::Play) => ";mode=\"PLAY\"",
            Some(TransportMode::Record) => ";mode=\"RECORD\"",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::headers::tests::check;

    #[test]
    fn reads_what_servers_say_and_writes_the_rfcs_form() {
        let tcp = || Transport::interleaved(0, 1);
        let tcp_text = "RTP/AVP/TCP;unicast;interleaved=0-1";
        let udp = || Transport::udp(5000, 5001);
        let udp_text = "RTP/AVP;unicast;client_port=5000-5001";
        check(&[
            (tcp_text, tcp(), tcp_text),
            (udp_text, udp(), udp_text),
            (
                "rtp/avp/udp;Unicast;Client_Port=5000",
                Transport {
                    profile: "rtp/avp".into(),
                    ..udp()
                },
                "rtp/avp;unicast;client_port=5000-5001",
            ),
            // Q20
            ("RTP/AVP;unicast;interleaved=0-1", tcp(), tcp_text),
            // Q21
            ("RTP/AVP/TCP;interleaved=0", tcp(), tcp_text),
            (
                "RTP/AVP/TCP;unicast;interleaved=6-7",
                Transport::interleaved(6, 7),
                "RTP/AVP/TCP;unicast;interleaved=6-7",
            ),
            // Q22
            (
                "RTP/AVP/TCP; ssrc= 0x4d8c1f ;unicast;interleaved = 0 - 1",
                Transport {
                    ssrc: Some(0x4d_8c1f),
                    ..tcp()
                },
                "RTP/AVP/TCP;unicast;interleaved=0-1;ssrc=004D8C1F",
            ),
            (
                "ssrc=0X1;RTP/AVP/TCP;unicast;interleaved=0-1",
                Transport {
                    ssrc: Some(1),
                    ..tcp()
                },
                "RTP/AVP/TCP;unicast;interleaved=0-1;ssrc=00000001",
            ),
            (
                "RTP/AVP/TCP;unicast;interleaved=0-1;ssrc=F00F00F00F",
                tcp(),
                tcp_text,
            ),
            // Q23
            (
                "RTP/AVP;unicast;client_port=5000-5001,ssrc=A046",
                Transport {
                    ssrc: Some(0xa046),
                    ..udp()
                },
                "RTP/AVP;unicast;client_port=5000-5001;ssrc=0000A046",
            ),
            // Q24
            (
                "RTP/AVP;unicast;client_port=5000-5001;server_port=0-1;source=192.0.2.10",
                Transport {
                    server_port: Some((0, 1)),
                    source: Some("192.0.2.10".into()),
                    ..udp()
                },
                "RTP/AVP;unicast;source=192.0.2.10;client_port=5000-5001;server_port=0-1",
            ),
            // Q108
            (
                "RTP/AVP/TCP;unicast;destination=viewer.local;interleaved=0-1;mode=play",
                Transport {
                    destination: Some("viewer.local".into()),
                    mode: Some(TransportMode::Play),
                    ..tcp()
                },
                "RTP/AVP/TCP;unicast;destination=viewer.local;interleaved=0-1;mode=\"PLAY\"",
            ),
            (
                "RTP/SAVP;multicast;mode=\"RECORD\";ttl=16;append",
                Transport {
                    profile: "RTP/SAVP".into(),
                    delivery: Delivery::Multicast,
                    mode: Some(TransportMode::Record),
                    ..Transport::unicast()
                },
                "RTP/SAVP;multicast;mode=\"RECORD\"",
            ),
            // What cannot be read is absent.
            (
                "RTP/AVP;unicast;client_port=x;interleaved=300-301;server_port=",
                Transport::unicast(),
                "RTP/AVP;unicast",
            ),
        ]);
    }

    #[test]
    fn reads_every_alternative_in_order() {
        let offers = Transport::parse_list(
            "RTP/AVP/TCP;unicast;interleaved=0-1, RTP/AVP;unicast;client_port=5000-5001",
        );
        assert_eq!(
            offers,
            Ok(vec![Transport::interleaved(0, 1), Transport::udp(5000, 5001)])
        );
    }

    #[test]
    fn a_transport_without_specification_is_an_error() {
        for value in ["", ";", "unicast;interleaved=0-1", "RTP"] {
            assert_eq!(value.parse::<Transport>(), Err(NOTHING), "{value}");
        }
    }
}
