//! What the caller asks for in SETUP.

use std::fmt;
use std::net::IpAddr;

use crate::headers::{KeyMgmt, Profile};

/// How the caller wants a media section delivered, and with what keys.
///
/// A [`TransportRequest`] alone means `RTP/AVP` without keys.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SetUpRequest {
    /// What carries the packets.
    pub transport: TransportRequest,
    /// As the media section has it: a server that has only `RTP/SAVP` there refuses `RTP/AVP`.
    pub profile: Profile,
    /// Our keys for SRTP, sent with SETUP ([RFC 4567 §3.2](https://www.rfc-editor.org/rfc/rfc4567#section-3.2)). The session adds
    /// the URL of the stream where an entry has none.
    pub key_mgmt: Option<KeyMgmt>,
}

impl From<TransportRequest> for SetUpRequest {
    fn from(transport: TransportRequest) -> Self {
        Self {
            transport,
            profile: Profile::Avp,
            key_mgmt: None,
        }
    }
}

/// What is to carry a media section's packets.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TransportRequest {
    /// Interleaved on the RTSP connection; the session chooses the channels.
    Tcp,
    /// In datagrams to these ports of ours. They should be a pair, RTP even and RTCP one above
    /// ([RFC 3550 §11](https://www.rfc-editor.org/rfc/rfc3550#section-11)), which some servers insist on (Q35).
    Udp {
        /// The port for RTP.
        rtp_port: u16,
        /// The port for RTCP.
        rtcp_port: u16,
    },
    /// The same, and RTCP on RTP's port if the server will: [`Transport::is_rtcp_mux`](crate::headers::Transport::is_rtcp_mux)
    /// of the answer tells. Only for a media section with `a=rtcp-mux`; other servers may refuse the parameter
    /// ([RFC 7826 §C.1.6.4](https://www.rfc-editor.org/rfc/rfc7826#appendix-C.1.6.4)).
    UdpMux {
        /// The port for RTP, and for RTCP where the server agrees.
        rtp_port: u16,
        /// The port for RTCP where it does not.
        rtcp_port: u16,
    },
    /// In datagrams to a group.
    Multicast {
        /// Which; `None` leaves it to the server, as most want it.
        group: Option<MulticastGroup>,
    },
}

/// Where a multicast stream goes to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MulticastGroup {
    /// The group.
    pub destination: IpAddr,
    /// The ports for RTP and RTCP.
    pub port: (u16, u16),
    /// How many routers a packet may pass.
    pub ttl: Option<u8>,
}

impl fmt::Display for TransportRequest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Tcp => "TCP",
            Self::Udp { .. } | Self::UdpMux { .. } => "UDP",
            Self::Multicast { .. } => "multicast",
        })
    }
}
