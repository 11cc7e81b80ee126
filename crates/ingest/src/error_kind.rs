//! What kind of error something is, for figures.

use std::fmt;

macro_rules! kinds {
    ($($(#[$doc:meta])+ $name:ident => $text:literal,)+) => {
        /// An [`Error`](crate::Error) without its particulars: what [`CameraStats`](crate::CameraStats) counts by. `Display`
        /// gives it in a few words.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        #[non_exhaustive]
        pub enum ErrorKind {
            $($(#[$doc])+ $name,)+
        }

        impl ErrorKind {
            /// Each of them.
            pub const ALL: [Self; [$(Self::$name),+].len()] = [$(Self::$name),+];
        }

        impl fmt::Display for ErrorKind {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(match self {
                    $(Self::$name => $text,)+
                })
            }
        }
    };
}

kinds! {
    /// [`Error::Unresolvable`](crate::Error::Unresolvable).
    Unresolvable => "host name not resolved",
    /// [`Error::ResolveTimeout`](crate::Error::ResolveTimeout).
    ResolveTimeout => "host name not resolved in time",
    /// [`Error::ConnectRefused`](crate::Error::ConnectRefused).
    ConnectRefused => "connection refused",
    /// [`Error::ConnectTimeout`](crate::Error::ConnectTimeout).
    ConnectTimeout => "no connection in time",
    /// [`Error::Unreachable`](crate::Error::Unreachable).
    Unreachable => "not reachable",
    /// [`Error::TlsTimeout`](crate::Error::TlsTimeout).
    TlsTimeout => "no TLS in time",
    /// [`Error::Tls`](crate::Error::Tls), for the camera's certificate.
    CertificateRefused => "certificate refused",
    /// [`Error::Tls`](crate::Error::Tls), for anything else.
    Tls => "no TLS",
    /// [`Error::TunnelTimeout`](crate::Error::TunnelTimeout).
    TunnelTimeout => "no tunnel in time",
    /// [`Error::Tunnel`](crate::Error::Tunnel), for anything but credentials.
    Tunnel => "no tunnel",
    /// [`Error::ConnectionLost`](crate::Error::ConnectionLost).
    ConnectionLost => "connection lost",
    /// [`Error::NoCredentials`](crate::Error::NoCredentials), or a tunnel that wants some.
    NoCredentials => "no credentials",
    /// [`Error::CredentialsRefused`](crate::Error::CredentialsRefused), or a tunnel that refuses them.
    CredentialsRefused => "credentials refused",
    /// [`Error::Asleep`](crate::Error::Asleep).
    Asleep => "asleep",
    /// [`Error::NotFound`](crate::Error::NotFound).
    NotFound => "no such stream",
    /// [`Error::Busy`](crate::Error::Busy).
    Busy => "busy",
    /// [`Error::NoH264`](crate::Error::NoH264).
    NoH264 => "no H.264",
    /// [`Error::TransportRefused`](crate::Error::TransportRefused).
    TransportRefused => "transport refused",
    /// [`Error::UdpBlocked`](crate::Error::UdpBlocked).
    UdpBlocked => "UDP blocked",
    /// [`Error::NoUdpPorts`](crate::Error::NoUdpPorts).
    NoUdpPorts => "no UDP ports",
    /// [`Error::NoMulticast`](crate::Error::NoMulticast).
    NoMulticast => "no multicast",
    /// [`Error::NoMedia`](crate::Error::NoMedia) before the first packet.
    NoMedia => "no packet",
    /// [`Error::NoMedia`](crate::Error::NoMedia) after packets came.
    Stalled => "no packet any more",
    /// [`Error::ConnectionDead`](crate::Error::ConnectionDead).
    ConnectionDead => "connection dead",
    /// [`Error::Lossy`](crate::Error::Lossy).
    Lossy => "packets lost",
    /// [`Error::Undecryptable`](crate::Error::Undecryptable).
    Undecryptable => "keys do not open the packets",
    /// [`Error::NotRtp`](crate::Error::NotRtp).
    NotRtp => "packets are no RTP",
    /// [`Error::NoKeys`](crate::Error::NoKeys).
    NoKeys => "no keys",
    /// [`Error::KeysRefused`](crate::Error::KeysRefused).
    KeysRefused => "keys refused",
    /// [`Error::NoIdr`](crate::Error::NoIdr).
    NoIdr => "no IDR",
    /// [`Error::Scrambled`](crate::Error::Scrambled).
    Scrambled => "scrambled",
    /// [`Error::NoParameterSets`](crate::Error::NoParameterSets).
    NoParameterSets => "no SPS and PPS",
    /// [`Error::StreamEnded`](crate::Error::StreamEnded).
    StreamEnded => "ended by the camera",
    /// [`Error::Rtsp`](crate::Error::Rtsp): a request was not answered in time, or a message not finished.
    NoResponse => "no response",
    /// [`Error::Rtsp`](crate::Error::Rtsp): the camera closed the connection while it was asked.
    Closed => "connection closed",
    /// [`Error::Rtsp`](crate::Error::Rtsp): what the camera sent cannot be read, or only leniently.
    Unreadable => "not readable",
    /// [`Error::Rtsp`](crate::Error::Rtsp): anything else in the conversation.
    Rtsp => "request refused",
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_kind_has_its_place() {
        for (place, kind) in ErrorKind::ALL.into_iter().enumerate() {
            assert_eq!(kind as usize, place, "{kind}");
        }
    }
}
