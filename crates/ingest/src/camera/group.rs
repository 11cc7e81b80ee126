//! Which multicast group a stream goes to, and who sends it.

use std::net::{IpAddr, SocketAddr, SocketAddrV6};

use throughline_rtsp::headers;
use throughline_sdp::{Connection, FilterMode, MediaDescription, SessionDescription, SourceFilter};

use super::path::with_port;
use crate::MulticastProblem;

/// No group is joined for more senders: a camera has one address, or one of each family.
const MAX_SOURCES: usize = 4;
/// Of our reports, where neither the answer nor the description says how far the stream goes: the site,
/// [RFC 2365 §9](https://www.rfc-editor.org/rfc/rfc2365#section-9).
const DEFAULT_TTL: u8 = 16;

/// A multicast group to join, [RFC 1112](https://www.rfc-editor.org/rfc/rfc1112).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Membership {
    /// The near end of the connection: join on the interface that has this address.
    pub local: SocketAddr,
    /// The group and its RTP port; an IPv6 group of the link or the interface has the interface's number as its scope.
    pub rtp: SocketAddr,
    /// The group and its RTCP port; the same where both share one.
    pub rtcp: SocketAddr,
    /// Join for these senders alone, where the system can ([RFC 4607](https://www.rfc-editor.org/rfc/rfc4607)); for all if
    /// there are none. What others send is passed over here as well.
    pub sources: Vec<IpAddr>,
    /// How many routers our reports may pass.
    pub ttl: u8,
}

/// What a description says of multicast.
#[derive(Clone, Debug, Default)]
pub(super) struct DescribedGroup {
    group: Option<IpAddr>,
    port: u16,
    ttl: Option<u8>,
    sources: Vec<IpAddr>,
}

impl DescribedGroup {
    /// The `c=` line of the media wins over the session's (Q133).
    pub(super) fn new(description: &SessionDescription, media: &MediaDescription) -> Self {
        let connection = media.connection().or_else(|| description.connection());
        let group = connection.and_then(Connection::ip).filter(IpAddr::is_multicast);
        let filters = media
            .typed::<SourceFilter>()
            .chain(description.typed::<SourceFilter>());
        let is_for = |filter: &SourceFilter| {
            filter.mode == FilterMode::Include
                && (filter.destination == "*"
                    || filter
                        .destination
                        .parse()
                        .is_ok_and(|named: IpAddr| Some(named) == group))
        };
        let sources = filters
            .filter(is_for)
            .flat_map(|filter| filter.sources)
            .filter_map(|source| source.parse().ok());
        DescribedGroup {
            group,
            port: media.port(),
            ttl: connection.and_then(|connection| connection.ttl),
            sources: sources.take(MAX_SOURCES).collect(),
        }
    }

    pub(super) fn is_there(&self) -> bool {
        self.group.is_some()
    }

    /// What to join, after SETUP was answered: what the answer says counts before what the description does.
    pub(super) fn membership(
        &self,
        answer: &headers::Transport,
        camera: SocketAddr,
        local: SocketAddr,
    ) -> Result<Membership, MulticastProblem> {
        let named = answer.destination.as_deref().and_then(|named| named.parse().ok());
        let group = named
            .filter(IpAddr::is_multicast)
            .or(self.group)
            .ok_or(MulticastProblem::NoGroup)?;
        let described = Some((self.port, self.port.saturating_add(1)));
        // Some servers name the group's ports as their own, or as ours.
        let mut ports = [answer.port, answer.server_port, answer.client_port, described]
            .into_iter()
            .flatten()
            .find(|(rtp, rtcp)| *rtp > 1 && *rtcp > 1)
            .ok_or(MulticastProblem::NoPort)?;
        if answer.is_rtcp_mux() {
            ports.1 = ports.0;
        }
        let mut sources: Vec<IpAddr> = answer
            .source
            .as_deref()
            .and_then(|source| source.parse().ok())
            .into_iter()
            .chain(self.sources.iter().copied())
            .filter(|source: &IpAddr| {
                source.is_ipv4() == group.is_ipv4() && !source.is_unspecified() && !source.is_multicast()
            })
            .take(MAX_SOURCES)
            .collect();
        if sources.is_empty() && is_source_specific(group) {
            sources.push(camera.ip().to_canonical());
        }
        let at = |port| with_port(in_scope_of(group, local), port);
        Ok(Membership {
            local,
            rtp: at(ports.0),
            rtcp: at(ports.1),
            sources,
            ttl: answer
                .ttl
                .or(self.ttl)
                .filter(|ttl| *ttl > 0)
                .unwrap_or(DEFAULT_TTL),
        })
    }
}

/// 232.0.0.0/8 and ff3x::/32, in which nothing is received without a source,
/// [RFC 4607 §1](https://www.rfc-editor.org/rfc/rfc4607#section-1).
fn is_source_specific(group: IpAddr) -> bool {
    match group {
        IpAddr::V4(group) => group.octets().starts_with(&[232]),
        IpAddr::V6(group) => matches!(group.segments(), [first, 0, ..] if first & 0xfff0 == 0xff30),
    }
}

/// A link-local address means nothing without the interface, and the other end's is ours.
pub(super) fn in_scope_of(address: IpAddr, other: SocketAddr) -> SocketAddr {
    match (address, other) {
        (IpAddr::V6(ip), SocketAddr::V6(other)) if is_of_link(IpAddr::V6(ip)) => {
            SocketAddrV6::new(ip, 0, 0, other.scope_id()).into()
        }
        _ => SocketAddr::new(address, 0),
    }
}

fn is_of_link(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(_) => false,
        // Between the 0xff and the scope of a group are its flags, https://www.rfc-editor.org/rfc/rfc4291#section-2.7.
        IpAddr::V6(ip) => {
            ip.is_unicast_link_local()
                || matches!(ip.segments(), [first, ..] if matches!(first & 0xff0f, 0xff01 | 0xff02))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_group_of_the_link_or_the_interface_has_its_scope_whatever_its_flags() {
        let local = "[fe80::1%3]:40000".parse().expect("an address with its scope");
        for (group, expected) in [
            ("ff02::1234", "[ff02::1234%3]:0"),
            ("ff12::1234", "[ff12::1234%3]:0"),
            ("ff32::8000:1", "[ff32::8000:1%3]:0"),
            ("ff11::1", "[ff11::1%3]:0"),
            ("ff15::1234", "[ff15::1234]:0"),
            ("ff3e::8000:1", "[ff3e::8000:1]:0"),
        ] {
            let group = group.parse().expect("an address");
            assert_eq!(in_scope_of(group, local), expected.parse().expect("an address"));
        }
    }
}
