//! What can go wrong with a camera.

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use throughline_h264::Diagnosis;
use throughline_rtsp::client::Awaited;
use throughline_srtp::mikey;
use throughline_srtp::sdes::SdesError;
use throughline_srtp::transform::{SetupError, UnprotectError};

use crate::{ErrorKind, TlsError, Transport, TunnelError};

/// Why a camera gives no pictures. Each is one line that names the peer and its cause; none holds a credential.
/// (A cause is part of the line, and so no [`source`](std::error::Error::source) repeats it.)
///
/// `peer` is `host:port` as configured, with the address behind it once that is known.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The host name has no address.
    #[error("{peer}: host name not resolved: {cause}")]
    Unresolvable {
        /// The camera.
        peer: String,
        /// What the resolver said.
        cause: io::Error,
    },
    /// The resolver does not answer.
    #[error("{peer}: host name not resolved within {waited:.1?}")]
    ResolveTimeout {
        /// The camera.
        peer: String,
        /// How long it was tried.
        waited: Duration,
    },
    /// The host is there; nothing listens on the port.
    #[error("{peer}: connection refused")]
    ConnectRefused {
        /// The camera.
        peer: String,
    },
    /// Nobody answered: host down, wrong address, or a firewall.
    #[error("{peer}: no connection within {waited:.1?}{}", tried(peer, addresses))]
    ConnectTimeout {
        /// The camera.
        peer: String,
        /// How long it was tried.
        waited: Duration,
        /// The addresses that were tried, in their order.
        addresses: Vec<SocketAddr>,
    },
    /// The network says that the host cannot be reached.
    #[error("{peer}: not reachable: {cause}")]
    Unreachable {
        /// The camera.
        peer: String,
        /// What the system said.
        cause: io::Error,
    },
    /// The camera took the connection, but does not go on with TLS: it may not speak it at this port.
    #[error("{peer}: TLS handshake not over within {waited:.1?}")]
    TlsTimeout {
        /// The camera.
        peer: String,
        /// How long it was tried.
        waited: Duration,
    },
    /// There is no TLS with the camera, or its certificate is refused.
    #[error("{peer}: {cause}")]
    Tls {
        /// The camera.
        peer: String,
        /// Why.
        cause: TlsError,
    },
    /// The camera took the connection, but does not answer for the tunnel.
    #[error("{peer}: no answer for the tunnel within {waited:.1?}")]
    TunnelTimeout {
        /// The camera.
        peer: String,
        /// How long it was tried.
        waited: Duration,
    },
    /// The tunnel over HTTP or WebSocket was refused, or is none.
    #[error("{peer}: {cause}")]
    Tunnel {
        /// The camera.
        peer: String,
        /// Why.
        cause: TunnelError,
    },
    /// The connection broke: reset, or a failed read or write.
    #[error("{peer}: connection lost{}: {cause}", while_waiting(awaiting.as_ref()))]
    ConnectionLost {
        /// The camera.
        peer: String,
        /// The request whose response was waited for.
        awaiting: Option<Awaited>,
        /// What the system said.
        cause: io::Error,
    },
    /// The camera wants credentials, and none are configured.
    #[error("{peer}: {cause}")]
    NoCredentials {
        /// The camera.
        peer: String,
        /// Names method and CSeq.
        cause: throughline_rtsp::client::Error,
    },
    /// The camera refuses the configured credentials. Never retried: some cameras lock the account (Q103).
    #[error("{peer}: {cause}")]
    CredentialsRefused {
        /// The camera.
        peer: String,
        /// Names method and CSeq.
        cause: throughline_rtsp::client::Error,
    },
    /// The camera refuses credentials that it has accepted before: a battery camera that sleeps does so (Q122). Tried again
    /// after a minute, then more and more rarely down to every half an hour, for the password may have been changed (Q103).
    #[error("{peer}: {cause}")]
    Asleep {
        /// The camera.
        peer: String,
        /// Names method and CSeq.
        cause: throughline_rtsp::client::Error,
    },
    /// The camera has no stream at the URL's path.
    #[error("{peer}: no such stream: {cause}")]
    NotFound {
        /// The camera.
        peer: String,
        /// Names method and CSeq.
        cause: throughline_rtsp::client::Error,
    },
    /// The camera has no session left to give (Q102). Tried again after a minute, or when it says.
    #[error("{peer}: {cause}")]
    Busy {
        /// The camera.
        peer: String,
        /// Names method and CSeq.
        cause: throughline_rtsp::client::Error,
    },
    /// The camera has no H.264 stream.
    #[error("{peer}: no H.264 video track, the camera offers {}", offered(found))]
    NoH264 {
        /// The camera.
        peer: String,
        /// The codecs of its video tracks, or of all its tracks where it has no video: encoding names of the SDP.
        found: Vec<String>,
    },
    /// The camera does not serve the transport that the policy asks for, or none at all.
    #[error("{peer}: {cause}")]
    TransportRefused {
        /// The camera.
        peer: String,
        /// What was asked for last, and the CSeq.
        cause: throughline_rtsp::client::Error,
    },
    /// The camera plays, but no datagram of it arrives: mostly a firewall or NAT. TCP is the remedy.
    #[error("{peer}: no UDP packet arrived within {waited:.1?} of PLAY, a firewall seems to block them")]
    UdpBlocked {
        /// The camera.
        peer: String,
        /// Since the answer to PLAY.
        waited: Duration,
    },
    /// No pair of UDP ports could be had on this host.
    #[error("{peer}: no UDP ports for the media: {cause}")]
    NoUdpPorts {
        /// The camera.
        peer: String,
        /// What the system said.
        cause: io::Error,
    },
    /// No multicast group could be joined.
    #[error("{peer}: {cause}")]
    NoMulticast {
        /// The camera.
        peer: String,
        /// Why not.
        cause: MulticastProblem,
    },
    /// So much is lost that most pictures are, and TCP may do better.
    #[error("{peer}: {loss} over {transport}{}", of(*ssrc))]
    Lossy {
        /// The camera.
        peer: String,
        /// In use.
        transport: Transport,
        /// How much.
        loss: Loss,
        /// Of the packets.
        ssrc: Option<u32>,
    },
    /// The camera plays, but sends no RTP packet, or no more.
    #[error(
        "{peer}: no RTP packet of payload type {payload_type} over {transport} for {waited:.1?}{}{}",
        beside(*others),
        of(*ssrc)
    )]
    NoMedia {
        /// The camera.
        peer: String,
        /// In use.
        transport: Transport,
        /// Of the H.264 format; packets of others do not count.
        payload_type: u8,
        /// Since the answer to PLAY, or since the last packet.
        waited: Duration,
        /// Packets of this connection that cannot be read or are of another payload type.
        others: u64,
        /// Of the packets before the silence, if there were any.
        ssrc: Option<u32>,
    },
    /// Packets came, and then nothing at all, not even an answer to a keepalive: the camera or the network is gone, and nobody
    /// told us.
    #[error("{peer}: neither a packet nor an answer for {waited:.1?}, the connection is dead{}", of(*ssrc))]
    ConnectionDead {
        /// The camera.
        peer: String,
        /// Since the last packet.
        waited: Duration,
        /// Of the packets before the silence.
        ssrc: Option<u32>,
    },
    /// Packets arrive, and the keys do not open them: they are those of another stream, or the camera has changed them.
    #[error("{peer}: {packets} SRTP packets that the keys do not open, none else for {waited:.1?}: {cause}")]
    Undecryptable {
        /// The camera.
        peer: String,
        /// Received over this connection.
        packets: u64,
        /// Since the answer to PLAY, or since the last packet that was opened.
        waited: Duration,
        /// Names SSRC and sequence number of the latest.
        cause: UnprotectError,
    },
    /// What arrives in place of RTP packets is none, though the description says so: some recorders encrypt where the URL
    /// asks for it, and do not describe it (Q105).
    #[error(
        "{peer}: {packets} packets in {waited:.1?} that are no RTP: they look encrypted, \
         though the description has no RTP/SAVP; ask without (enableSrtp in the URL)"
    )]
    NotRtp {
        /// The camera.
        peer: String,
        /// Received over this connection.
        packets: u64,
        /// Since the answer to PLAY.
        waited: Duration,
    },
    /// The camera encrypts its packets, and there are no keys for them that can be used.
    #[error("{peer}: {cause}")]
    NoKeys {
        /// The camera.
        peer: String,
        /// What there is in their place.
        cause: KeysFault,
    },
    /// The camera refuses every key that is offered for SRTP (Q106).
    #[error("{peer}: {cause}")]
    KeysRefused {
        /// The camera.
        peer: String,
        /// Names method and CSeq.
        cause: throughline_rtsp::client::Error,
    },
    /// Packets arrive, but no key frame to begin with.
    #[error(
        "{peer}: {packets} packets in {waited:.1?}, but no IDR among them{}{}",
        instead(*diagnosis),
        of(*ssrc)
    )]
    NoIdr {
        /// The camera.
        peer: String,
        /// Without a picture.
        waited: Duration,
        /// Received over this connection.
        packets: u64,
        /// Of the packets.
        ssrc: Option<u32>,
        /// What there is in place of IDR pictures (Q143).
        diagnosis: Option<Diagnosis>,
    },
    /// Packets arrive and are framed as they should be, but their content makes no sense: the camera encrypts it (Q140).
    #[error("{peer}: the pictures are scrambled, {packets} packets so far{}", of(*ssrc))]
    Scrambled {
        /// The camera.
        peer: String,
        /// Received over this connection.
        packets: u64,
        /// Of the packets.
        ssrc: Option<u32>,
    },
    /// Packets arrive, but neither they nor the SDP hold SPS and PPS.
    #[error("{peer}: {packets} packets in {waited:.1?}, but no SPS and PPS, nor in the SDP{}", of(*ssrc))]
    NoParameterSets {
        /// The camera.
        peer: String,
        /// Without a picture.
        waited: Duration,
        /// Received over this connection.
        packets: u64,
        /// Of the packets.
        ssrc: Option<u32>,
    },
    /// The camera ended a stream that played: it closed the connection, said BYE, or tore the session down.
    #[error("{peer}: the camera ended the stream: {how}")]
    StreamEnded {
        /// The camera.
        peer: String,
        /// By which sign.
        how: StreamEnd,
    },
    /// The RTSP conversation failed.
    #[error("{peer}: {cause}")]
    Rtsp {
        /// The camera.
        peer: String,
        /// Names method and CSeq.
        cause: throughline_rtsp::client::Error,
    },
}

impl Error {
    /// Whether only a changed configuration mends this. Such an error ends the stream whatever
    /// [`Retry`](crate::Retry) says: trying again is useless, and with a wrong password harmful (Q103).
    pub fn is_configuration(&self) -> bool {
        matches!(
            self,
            Error::NoCredentials { .. }
                | Error::CredentialsRefused { .. }
                | Error::NoH264 { .. }
                | Error::Tunnel {
                    cause: TunnelError::NoCredentials { .. }
                        | TunnelError::CredentialsRefused { .. }
                        | TunnelError::UnsupportedAuthentication { .. },
                    ..
                }
                | Error::NoKeys { .. }
                | Error::KeysRefused { .. }
                | Error::Rtsp {
                    cause: throughline_rtsp::client::Error::UnsupportedAuthentication { .. },
                    ..
                }
        ) || matches!(self, Error::Tls { cause, .. } if cause.is_configuration())
    }

    /// What kind of error this is.
    pub fn kind(&self) -> ErrorKind {
        use throughline_rtsp::client::Error as Cause;
        match self {
            Error::Unresolvable { .. } => ErrorKind::Unresolvable,
            Error::ResolveTimeout { .. } => ErrorKind::ResolveTimeout,
            Error::ConnectRefused { .. } => ErrorKind::ConnectRefused,
            Error::ConnectTimeout { .. } => ErrorKind::ConnectTimeout,
            Error::Unreachable { .. } => ErrorKind::Unreachable,
            Error::TlsTimeout { .. } => ErrorKind::TlsTimeout,
            Error::Tls {
                cause: TlsError::CertificateRefused { .. },
                ..
            } => ErrorKind::CertificateRefused,
            Error::Tls { .. } => ErrorKind::Tls,
            Error::TunnelTimeout { .. } => ErrorKind::TunnelTimeout,
            Error::ConnectionLost { .. } => ErrorKind::ConnectionLost,
            Error::NoCredentials { .. }
            | Error::Tunnel {
                cause: TunnelError::NoCredentials { .. },
                ..
            } => ErrorKind::NoCredentials,
            Error::CredentialsRefused { .. }
            | Error::Tunnel {
                cause: TunnelError::CredentialsRefused { .. },
                ..
            } => ErrorKind::CredentialsRefused,
            Error::Tunnel { .. } => ErrorKind::Tunnel,
            Error::Asleep { .. } => ErrorKind::Asleep,
            Error::NotFound { .. } => ErrorKind::NotFound,
            Error::Busy { .. } => ErrorKind::Busy,
            Error::NoH264 { .. } => ErrorKind::NoH264,
            Error::TransportRefused { .. } => ErrorKind::TransportRefused,
            Error::UdpBlocked { .. } => ErrorKind::UdpBlocked,
            Error::NoUdpPorts { .. } => ErrorKind::NoUdpPorts,
            Error::NoMulticast { .. } => ErrorKind::NoMulticast,
            Error::Lossy { .. } => ErrorKind::Lossy,
            Error::Undecryptable { .. } => ErrorKind::Undecryptable,
            Error::NotRtp { .. } => ErrorKind::NotRtp,
            Error::NoKeys { .. } => ErrorKind::NoKeys,
            Error::KeysRefused { .. } => ErrorKind::KeysRefused,
            Error::NoMedia { ssrc: None, .. } => ErrorKind::NoMedia,
            Error::NoMedia { .. } => ErrorKind::Stalled,
            Error::ConnectionDead { .. } => ErrorKind::ConnectionDead,
            Error::NoIdr { .. } => ErrorKind::NoIdr,
            Error::Scrambled { .. } => ErrorKind::Scrambled,
            Error::NoParameterSets { .. } => ErrorKind::NoParameterSets,
            Error::StreamEnded { .. } => ErrorKind::StreamEnded,
            Error::Rtsp { cause, .. } => match cause {
                Cause::Timeout { .. } | Cause::Unfinished { .. } => ErrorKind::NoResponse,
                Cause::Closed { .. } => ErrorKind::Closed,
                Cause::Protocol { .. } | Cause::NotTolerated { .. } | Cause::Describe { .. } => {
                    ErrorKind::Unreadable
                }
                _ => ErrorKind::Rtsp,
            },
        }
    }
}

/// Why there are no keys for a stream that is encrypted. It shows none.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum KeysFault {
    /// There are none.
    #[error(
        "the stream is encrypted (RTP/SAVP), and neither its description nor the answer to SETUP has keys"
    )]
    Missing,
    /// They come by another protocol than MIKEY.
    #[error("keys by {0}, which is not served")]
    Protocol(String),
    /// The MIKEY message cannot be read.
    #[error(transparent)]
    Unreadable(#[from] mikey::ParseError),
    /// The MIKEY message has no keys that can be used.
    #[error(transparent)]
    Unusable(#[from] mikey::KeysError),
    /// The security description has no keys that can be used.
    #[error(transparent)]
    Description(#[from] SdesError),
    /// The keys cannot be used together.
    #[error(transparent)]
    SetUp(#[from] SetupError),
}

/// What was lost while it was looked at. `Display` puts it in a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Loss {
    /// Packets that did not come, or too late.
    pub lost: u64,
    /// Packets that should have come.
    pub expected: u64,
    /// Pictures that were damaged, had lost one that they refer to, or came before the first IDR.
    pub dropped: u64,
    /// Pictures that should have come out, as far as anything of them arrived.
    pub pictures: u64,
    /// How long it was looked at.
    pub over: Duration,
}

impl std::fmt::Display for Loss {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Loss {
            lost,
            expected,
            dropped,
            pictures,
            over,
        } = self;
        write!(
            f,
            "{lost} of {expected} packets lost and {dropped} of {pictures} pictures dropped in {over:.0?}"
        )
    }
}

/// Why no multicast group could be joined.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum MulticastProblem {
    /// Neither the answer to SETUP nor the description names one.
    #[error("the camera names no multicast group, neither in its answer to SETUP nor in its description")]
    NoGroup,
    /// Neither the answer to SETUP nor the description names its port.
    #[error("the camera names no port of its multicast group")]
    NoPort,
    /// The system refuses it: mostly there is no route for multicast.
    #[error("the multicast group {group} cannot be joined: {cause}")]
    Join {
        /// And its RTP port.
        group: SocketAddr,
        /// What the system said.
        cause: io::Error,
    },
}

/// By which sign a camera ended a stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StreamEnd {
    /// It closed the RTSP connection.
    Closed,
    /// It sent an RTCP BYE for the stream.
    Bye,
    /// It sent a TEARDOWN for the session.
    TornDown,
}

impl std::fmt::Display for StreamEnd {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            StreamEnd::Closed => "connection closed",
            StreamEnd::Bye => "RTCP BYE",
            StreamEnd::TornDown => "RTSP TEARDOWN",
        })
    }
}

fn offered(found: &[String]) -> String {
    if found.is_empty() {
        "no track at all".to_owned()
    } else {
        found.join(", ")
    }
}

/// Nothing where the URL has the address itself.
fn tried(peer: &str, addresses: &[SocketAddr]) -> String {
    let addresses: Vec<String> = addresses.iter().map(SocketAddr::to_string).collect();
    match addresses.join(", ") {
        none if none.is_empty() || none == peer => String::new(),
        tried => format!(" (tried {tried})"),
    }
}

fn while_waiting(awaiting: Option<&Awaited>) -> String {
    awaiting
        .map(|Awaited { method, cseq }| format!(" while {method} was waited for (CSeq {cseq})"))
        .unwrap_or_default()
}

fn beside(others: u64) -> String {
    match others {
        0 => String::new(),
        others => format!(", {others} others"),
    }
}

fn instead(diagnosis: Option<Diagnosis>) -> &'static str {
    match diagnosis {
        Some(Diagnosis::GradualRefresh) => ", only intra refresh",
        Some(Diagnosis::OpenGroups) => ", only open groups of pictures",
        _ => "",
    }
}

fn of(ssrc: Option<u32>) -> String {
    ssrc.map(|ssrc| format!(" (SSRC {ssrc:#010x})"))
        .unwrap_or_default()
}
