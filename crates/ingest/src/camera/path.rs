//! Where packets come from and go to.

use std::net::{IpAddr, SocketAddr};

use throughline_rtp::rtcp::Channel;
use throughline_rtsp::headers;

use super::UdpSocket;
use super::group::{Membership, in_scope_of};
use crate::Transport;

/// Where the packets of the stream travel, once SETUP was answered.
#[derive(Debug)]
pub(super) enum MediaPath {
    Tcp(Channels),
    Datagrams(DatagramPath),
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
            MediaPath::Datagrams(path) => path.transport,
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

/// Where datagrams come from and go to: the camera's ends of RTP and RTCP, or the group's.
#[derive(Debug)]
pub(super) struct DatagramPath {
    transport: Transport,
    camera: IpAddr,
    /// Other addresses that may send, as SETUP's answer or the description names them.
    sources: Vec<IpAddr>,
    /// Where nobody is named as the sender to a group: who sent to it first. The camera itself comes before anybody.
    first: Option<IpAddr>,
    rtp: Option<SocketAddr>,
    rtcp: Option<SocketAddr>,
    reports: ReportSocket,
}

/// The socket of RTCP.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum ReportSocket {
    Own,
    /// RTP's, [RFC 5761](https://www.rfc-editor.org/rfc/rfc5761).
    Shared,
}

impl ReportSocket {
    fn new(is_shared: impl FnOnce() -> bool) -> Self {
        if is_shared() {
            ReportSocket::Shared
        } else {
            ReportSocket::Own
        }
    }
}

impl DatagramPath {
    /// `camera` is the far end of the RTSP connection, `transport` its answer to SETUP.
    pub(super) fn unicast(camera: SocketAddr, transport: &headers::Transport) -> Self {
        // A host name here is ignored: the camera's own address is right nearly always (Q108).
        let source = transport
            .source
            .as_deref()
            .and_then(|source| source.parse::<IpAddr>().ok());
        let source = source.filter(|source| !source.is_unspecified());
        // Ports 0 and 1 are a camera's way to say nothing (Q24).
        let ports = transport.server_port.filter(|(rtp, rtcp)| *rtp > 1 && *rtcp > 1);
        let at = |port| match source {
            Some(source) => with_port(in_scope_of(source, camera), port),
            None => with_port(camera, port),
        };
        DatagramPath {
            transport: Transport::Udp,
            camera: camera.ip().to_canonical(),
            sources: source.map(|source| source.to_canonical()).into_iter().collect(),
            first: None,
            rtp: ports.map(|(rtp, _)| at(rtp)),
            rtcp: ports.map(|(_, rtcp)| at(rtcp)),
            reports: ReportSocket::new(|| transport.is_rtcp_mux()),
        }
    }

    /// Reports go to the group as well: so GStreamer and gortsplib have it, and
    /// [RFC 3550 §6](https://www.rfc-editor.org/rfc/rfc3550#section-6).
    pub(super) fn multicast(camera: SocketAddr, membership: &Membership) -> Self {
        DatagramPath {
            transport: Transport::Multicast,
            camera: camera.ip().to_canonical(),
            sources: membership.sources.clone(),
            first: None,
            rtp: Some(membership.rtp),
            rtcp: Some(membership.rtcp),
            reports: ReportSocket::new(|| membership.rtp == membership.rtcp),
        }
    }

    /// Datagrams count from the camera's address, whatever the port (Q24). Where SETUP named no ports, the first
    /// datagram tells them.
    pub(super) fn accept(&mut self, socket: UdpSocket, from: SocketAddr) -> bool {
        let ip = from.ip().to_canonical();
        if ip == self.camera {
            self.first = Some(ip);
        } else if !self.sources.contains(&ip) && !self.is_first_of_group(socket, ip) {
            return false;
        }
        match socket {
            UdpSocket::Rtp => self.rtp.get_or_insert(from),
            UdpSocket::Rtcp => self.rtcp.get_or_insert(from),
        };
        true
    }

    /// A server of several addresses may send to a group from any. Who only reports may be another receiver.
    fn is_first_of_group(&mut self, socket: UdpSocket, ip: IpAddr) -> bool {
        if self.transport != Transport::Multicast || !self.sources.is_empty() {
            return false;
        }
        match socket {
            UdpSocket::Rtp => *self.first.get_or_insert(ip) == ip,
            UdpSocket::Rtcp => self.first == Some(ip),
        }
    }

    /// What may come by a socket.
    pub(super) fn channel(&self, socket: UdpSocket) -> Channel {
        match (socket, self.reports) {
            (UdpSocket::Rtp, ReportSocket::Own) => Channel::Rtp,
            (UdpSocket::Rtp, ReportSocket::Shared) => Channel::Both,
            (UdpSocket::Rtcp, _) => Channel::Rtcp,
        }
    }

    /// Where to send RTP, once that is known. Nothing is sent to a group: there is no way through a firewall to open.
    pub(super) fn rtp_destination(&self) -> Option<(UdpSocket, SocketAddr)> {
        let is_unicast = self.transport == Transport::Udp;
        self.rtp.filter(|_| is_unicast).map(|rtp| (UdpSocket::Rtp, rtp))
    }

    /// From which socket to send RTCP, and where to, once that is known.
    pub(super) fn rtcp_destination(&self) -> Option<(UdpSocket, SocketAddr)> {
        if self.reports == ReportSocket::Shared {
            return self.rtp.map(|rtp| (UdpSocket::Rtp, rtp));
        }
        let next = || self.rtp.map(|rtp| with_port(rtp, rtp.port().wrapping_add(1)));
        self.rtcp.or_else(next).map(|rtcp| (UdpSocket::Rtcp, rtcp))
    }
}

/// Keeps what else an address has: a link-local one is useless without its scope.
pub(super) fn with_port(mut address: SocketAddr, port: u16) -> SocketAddr {
    address.set_port(port);
    address
}

#[cfg(test)]
mod tests {
    use super::*;

    fn path(answer: &str) -> DatagramPath {
        DatagramPath::unicast(
            ([192, 0, 2, 7], 554).into(),
            &answer.parse().expect("a transport"),
        )
    }

    fn to(destination: Option<(UdpSocket, SocketAddr)>) -> Option<SocketAddr> {
        destination.map(|(_, address)| address)
    }

    fn at(address: &str) -> SocketAddr {
        address.parse().expect("an address")
    }

    #[test]
    fn rtcp_shares_the_port_of_rtp_where_the_answer_says_so() {
        let mut path = path("RTP/AVP;unicast;client_port=5000-5000;server_port=6000-6000;RTCP-mux");
        assert_eq!(path.channel(UdpSocket::Rtp), Channel::Both);
        assert_eq!(
            path.rtcp_destination(),
            Some((UdpSocket::Rtp, at("192.0.2.7:6000")))
        );
        assert!(path.accept(UdpSocket::Rtp, at("192.0.2.7:6000")));
    }

    #[test]
    fn a_link_local_camera_is_answered_in_its_own_scope() {
        let camera = "[fe80::7%3]:554".parse().expect("an address with its scope");
        for answer in [
            "RTP/AVP;unicast;client_port=5000-5001;server_port=6000-6001",
            "RTP/AVP;unicast;client_port=5000-5001;server_port=6000-6001;source=fe80::7",
        ] {
            let path = DatagramPath::unicast(camera, &answer.parse().expect("a transport"));
            assert_eq!(to(path.rtp_destination()), "[fe80::7%3]:6000".parse().ok());
        }
    }

    #[test]
    fn a_group_is_sent_to_by_its_sources_or_by_the_camera_or_by_the_first() {
        let membership = |sources: &[&str]| Membership {
            local: at("192.0.2.1:40000"),
            rtp: at("239.1.2.3:6000"),
            rtcp: at("239.1.2.3:6001"),
            sources: sources
                .iter()
                .map(|source| source.parse().expect("an address"))
                .collect(),
            ttl: 1,
        };
        let mut path = DatagramPath::multicast(at("192.0.2.7:554"), &membership(&["192.0.2.9"]));
        let mut heard = |from: &str| path.accept(UdpSocket::Rtp, at(from));
        assert!(heard("192.0.2.9:1000") && heard("192.0.2.7:1000") && !heard("192.0.2.8:1000"));
        let mut path = DatagramPath::multicast(at("192.0.2.7:554"), &membership(&[]));
        let mut heard = |from: &str| path.accept(UdpSocket::Rtp, at(from));
        assert!(heard("192.0.2.8:1000") && !heard("192.0.2.9:1000") && heard("192.0.2.7:1000"));
        assert!(!heard("192.0.2.8:1000"), "the camera itself has come");
        assert_eq!(path.rtp_destination(), None);
        assert_eq!(
            path.rtcp_destination(),
            Some((UdpSocket::Rtcp, at("239.1.2.3:6001")))
        );
    }

    #[test]
    fn a_receiver_that_reports_to_the_group_is_not_its_sender() {
        let membership = Membership {
            local: at("192.0.2.1:40000"),
            rtp: at("239.1.2.3:6000"),
            rtcp: at("239.1.2.3:6001"),
            sources: Vec::new(),
            ttl: 1,
        };
        let mut path = DatagramPath::multicast(at("192.0.2.7:554"), &membership);
        assert!(!path.accept(UdpSocket::Rtcp, at("192.0.2.50:6001")));
        assert!(path.accept(UdpSocket::Rtp, at("192.0.2.8:1000")));
        assert!(path.accept(UdpSocket::Rtcp, at("192.0.2.8:1001")));
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
        assert_eq!(to(path.rtcp_destination()), "192.0.2.7:6001".parse().ok());
    }

    #[test]
    fn q24_useless_server_ports_are_learned_from_the_packets() {
        let mut path = path("RTP/AVP;unicast;client_port=5000-5001;server_port=0-1");
        assert_eq!(path.rtp_destination(), None);
        assert!(path.accept(UdpSocket::Rtp, "192.0.2.7:7000".parse().expect("an address")));
        assert_eq!(to(path.rtp_destination()), "192.0.2.7:7000".parse().ok());
        assert_eq!(to(path.rtcp_destination()), "192.0.2.7:7001".parse().ok());
    }

    #[test]
    fn q108_a_source_that_is_a_name_is_the_camera() {
        let path = path("RTP/AVP;unicast;client_port=5000-5001;server_port=6000-6001;source=cam.local");
        assert_eq!(to(path.rtp_destination()), "192.0.2.7:6000".parse().ok());
    }

    #[test]
    fn a_media_server_beside_the_camera_is_heard() {
        let mut path = path("RTP/AVP;unicast;client_port=5000-5001;server_port=6000-6001;source=192.0.2.9");
        assert!(path.accept(UdpSocket::Rtp, "192.0.2.9:6000".parse().expect("an address")));
        assert_eq!(to(path.rtp_destination()), "192.0.2.9:6000".parse().ok());
    }
}
