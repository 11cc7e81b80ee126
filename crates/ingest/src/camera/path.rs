//! Where packets come from and go to.

use std::net::{IpAddr, SocketAddr};

use throughline_rtsp::headers;

use super::UdpSocket;
use crate::Transport;

/// Where the packets of the stream travel, once SETUP was answered.
#[derive(Debug)]
pub(super) enum MediaPath {
    Tcp(Channels),
    Udp(UdpPath),
}

/// Interleaved channels, [RFC 2326 §10.12](https://www.rfc-editor.org/rfc/rfc2326#section-10.12).
#[derive(Clone, Copy, Debug)]
pub(super) struct Channels {
    pub(super) rtp: u8,
    pub(super) rtcp: u8,
}

impl MediaPath {
    pub(super) fn transport(&self) -> Transport {
        match self {
            MediaPath::Tcp(_) => Transport::Tcp,
            MediaPath::Udp(_) => Transport::Udp,
        }
    }
}

impl Channels {
    /// Of SETUP's answer; the session fills in what the answer leaves out.
    pub(super) fn new(answer: &headers::Transport) -> Self {
        let channels = answer.interleaved.unwrap_or((0, 1));
        Channels {
            rtp: channels.0,
            rtcp: channels.1,
        }
    }
}

/// The camera's ends of RTP and RTCP.
#[derive(Debug)]
pub(super) struct UdpPath {
    camera: SocketAddr,
    /// Another address that SETUP's answer names as the source.
    source: Option<IpAddr>,
    rtp: Option<SocketAddr>,
    rtcp: Option<SocketAddr>,
}

impl UdpPath {
    /// `camera` is the far end of the RTSP connection, `transport` its answer to SETUP.
    pub(super) fn new(camera: SocketAddr, transport: &headers::Transport) -> Self {
        // A host name here is ignored: the camera's own address is right nearly always (Q108).
        let source = transport
            .source
            .as_deref()
            .and_then(|source| source.parse::<IpAddr>().ok());
        let source = source.filter(|source| !source.is_unspecified());
        // Ports 0 and 1 are a camera's way to say nothing (Q24).
        let ports = transport.server_port.filter(|(rtp, rtcp)| *rtp > 1 && *rtcp > 1);
        let at = |port| match source {
            Some(source) => SocketAddr::new(source, port),
            None => with_port(camera, port),
        };
        UdpPath {
            camera,
            source,
            rtp: ports.map(|(rtp, _)| at(rtp)),
            rtcp: ports.map(|(_, rtcp)| at(rtcp)),
        }
    }

    /// Datagrams count from the camera's address, whatever the port (Q24). Where SETUP named no ports, the first
    /// datagram tells them.
    pub(super) fn accept(&mut self, socket: UdpSocket, from: SocketAddr) -> bool {
        let ip = from.ip().to_canonical();
        if ip != self.camera.ip().to_canonical()
            && Some(ip) != self.source.map(|source| source.to_canonical())
        {
            return false;
        }
        match socket {
            UdpSocket::Rtp => self.rtp.get_or_insert(from),
            UdpSocket::Rtcp => self.rtcp.get_or_insert(from),
        };
        true
    }

    /// Where to send, once that is known.
    pub(super) fn destination(&self, socket: UdpSocket) -> Option<SocketAddr> {
        match socket {
            UdpSocket::Rtp => self.rtp,
            UdpSocket::Rtcp => self
                .rtcp
                .or_else(|| self.rtp.map(|rtp| with_port(rtp, rtp.port().wrapping_add(1)))),
        }
    }
}

/// Keeps what else an address has: a link-local one is useless without its scope.
fn with_port(mut address: SocketAddr, port: u16) -> SocketAddr {
    address.set_port(port);
    address
}

#[cfg(test)]
mod tests {
    use super::*;

    fn path(answer: &str) -> UdpPath {
        UdpPath::new(
            ([192, 0, 2, 7], 554).into(),
            &answer.parse().expect("a transport"),
        )
    }

    #[test]
    fn q24_packets_count_by_address_and_not_by_port() {
        let mut path = path("RTP/AVP;unicast;client_port=5000-5001;server_port=6000-6001");
        assert!(path.accept(UdpSocket::Rtp, "192.0.2.7:7000".parse().expect("an address")));
        assert!(path.accept(
            UdpSocket::Rtp,
            "[::ffff:192.0.2.7]:6000".parse().expect("an address")
        ));
        assert!(!path.accept(UdpSocket::Rtp, "192.0.2.8:6000".parse().expect("an address")));
        assert_eq!(path.destination(UdpSocket::Rtcp), "192.0.2.7:6001".parse().ok());
    }

    #[test]
    fn q24_useless_server_ports_are_learned_from_the_packets() {
        let mut path = path("RTP/AVP;unicast;client_port=5000-5001;server_port=0-1");
        assert_eq!(path.destination(UdpSocket::Rtp), None);
        assert!(path.accept(UdpSocket::Rtp, "192.0.2.7:7000".parse().expect("an address")));
        assert_eq!(path.destination(UdpSocket::Rtp), "192.0.2.7:7000".parse().ok());
        assert_eq!(path.destination(UdpSocket::Rtcp), "192.0.2.7:7001".parse().ok());
    }

    #[test]
    fn q108_a_source_that_is_a_name_is_the_camera() {
        let path = path("RTP/AVP;unicast;client_port=5000-5001;server_port=6000-6001;source=cam.local");
        assert_eq!(path.destination(UdpSocket::Rtp), "192.0.2.7:6000".parse().ok());
    }

    #[test]
    fn a_media_server_beside_the_camera_is_heard() {
        let mut path = path("RTP/AVP;unicast;client_port=5000-5001;server_port=6000-6001;source=192.0.2.9");
        assert!(path.accept(UdpSocket::Rtp, "192.0.2.9:6000".parse().expect("an address")));
        assert_eq!(path.destination(UdpSocket::Rtp), "192.0.2.9:6000".parse().ok());
    }
}
