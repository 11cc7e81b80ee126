use std::net::SocketAddr;

use throughline_rtsp::headers::LowerTransport;

use super::Protocol;

/// Where a session's packets go.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Delivery {
    /// As interleaved frames on the RTSP connection, by channel.
    Interleaved(Pair<u8>),
    /// As datagrams, by the client's address; its RTCP comes from the second one.
    Udp(Pair<SocketAddr>),
}

impl Delivery {
    pub(super) fn lower(self) -> LowerTransport {
        match self {
            Self::Interleaved(_) => LowerTransport::Tcp,
            Self::Udp(_) => LowerTransport::Udp,
        }
    }
}

/// Something that RTP and RTCP each have one of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pair<T> {
    /// The one of RTP.
    pub rtp: T,
    /// The one of RTCP.
    pub rtcp: T,
}

impl<T> Pair<T> {
    /// The one of that protocol.
    pub fn of(&self, protocol: Protocol) -> &T {
        match protocol {
            Protocol::Rtp => &self.rtp,
            Protocol::Rtcp => &self.rtcp,
        }
    }
}

impl<T> From<(T, T)> for Pair<T> {
    fn from(both: (T, T)) -> Self {
        Self {
            rtp: both.0,
            rtcp: both.1,
        }
    }
}
