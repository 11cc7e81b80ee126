use std::fmt::{self, Display};

use super::{ConnectionUse, Delivery, LowerTransport, Rtsp2Parameters, Setup, Transport, TransportMode};
use crate::headers::grammar::{Quoted, Word};

impl Display for Transport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.profile)?;
        if self.lower == LowerTransport::Tcp {
            f.write_str("/TCP")?;
        }
        f.write_str(match self.delivery {
            Delivery::Unicast => ";unicast",
            Delivery::Multicast => ";multicast",
        })?;
        match self.destination.as_deref() {
            Some("") => f.write_str(";destination"),
            destination => parameter(f, "destination", destination.map(Word)),
        }?;
        parameter(f, "source", self.source.as_deref().map(Word))?;
        parameter(f, "layers", self.layers)?;
        if self.append {
            f.write_str(";append")?;
        }
        parameter(f, "interleaved", self.interleaved.map(Pair))?;
        parameter(f, "ttl", self.ttl)?;
        parameter(f, "port", self.port.map(Pair))?;
        parameter(f, "client_port", self.client_port.map(Pair))?;
        parameter(f, "server_port", self.server_port.map(Pair))?;
        parameter(f, "ssrc", self.ssrc.map(|ssrc| format!("{ssrc:08X}")))?;
        if let Some(rtsp2) = &self.rtsp2 {
            rtsp2.fmt(f)?;
        }
        if !self.mode.is_empty() {
            let modes: Vec<_> = self.mode.iter().map(TransportMode::as_str).collect();
            parameter(f, "mode", Some(Quoted(&modes.join(","))))?;
        }
        self.other.iter().try_for_each(|other| write!(f, ";{other}"))
    }
}

impl Display for Rtsp2Parameters {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        addresses(f, "dest_addr", &self.dest_addr)?;
        addresses(f, "src_addr", &self.src_addr)?;
        parameter(f, "setup", self.setup.map(Setup::as_str))?;
        parameter(f, "connection", self.connection.map(ConnectionUse::as_str))?;
        if self.rtcp_mux {
            f.write_str(";RTCP-mux")?;
        }
        parameter(f, "MIKEY", self.mikey.as_ref().map(|keys| Quoted(&keys.0)))
    }
}

fn parameter(f: &mut fmt::Formatter<'_>, name: &str, value: Option<impl Display>) -> fmt::Result {
    value.map_or(Ok(()), |value| write!(f, ";{name}={value}"))
}

fn addresses(f: &mut fmt::Formatter<'_>, name: &str, addresses: &[String]) -> fmt::Result {
    for (i, address) in addresses.iter().enumerate() {
        f.write_str(if i == 0 { ";" } else { "/" })?;
        if i == 0 {
            write!(f, "{name}=")?;
        }
        Quoted(address).fmt(f)?;
    }
    Ok(())
}

struct Pair<T>((T, T));

impl<T: Display> Display for Pair<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}", self.0.0, self.0.1)
    }
}

impl TransportMode {
    /// The name on the wire.
    pub fn as_str(&self) -> &str {
        match self {
            Self::Play => "PLAY",
            Self::Record => "RECORD",
            Self::Other(method) => method,
        }
    }
}

impl Setup {
    /// The name on the wire.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Active => "active",
            Self::Passive => "passive",
            Self::ActPass => "actpass",
        }
    }
}

impl ConnectionUse {
    /// The name on the wire.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::New => "new",
            Self::Existing => "existing",
        }
    }
}
