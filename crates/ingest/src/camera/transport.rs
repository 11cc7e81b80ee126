//! Which transport is asked for.

use throughline_rtsp::Scheme;

use crate::{ErrorKind, Transport, TransportPolicy};

/// The transport of the next attempt.
#[derive(Debug)]
pub(super) struct TransportChoice {
    policy: TransportPolicy,
    current: Transport,
    /// Failed since one last worked: none is tried twice.
    failed: TransportSet,
    /// Whether the camera has been found to send multicast: nobody else is asked for it.
    multicast: MulticastOffer,
    /// Refused or silent when last tried: worse than one that loses packets.
    useless: TransportSet,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum MulticastOffer {
    Unknown,
    Made,
}

/// What an attempt does when too much is lost.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum OnLoss {
    /// Says so.
    Stay,
    /// Ends, for TCP may do better.
    Leave,
}

impl TransportChoice {
    pub(super) fn new(policy: TransportPolicy) -> Self {
        TransportChoice {
            policy,
            current: first(policy),
            failed: TransportSet::default(),
            useless: TransportSet::default(),
            multicast: MulticastOffer::Unknown,
        }
    }

    pub(super) fn current(&self) -> Transport {
        self.current
    }

    pub(super) fn on_loss(&self) -> OnLoss {
        if order(self.policy).contains(&Transport::Tcp)
            && self.current != Transport::Tcp
            && !self.useless.contains(Transport::Tcp)
        {
            OnLoss::Leave
        } else {
            OnLoss::Stay
        }
    }

    /// The camera refused unicast, or describes a group.
    pub(super) fn offer_multicast(&mut self) {
        self.multicast = MulticastOffer::Made;
    }

    /// Packets arrived: what works stays first, also after a reconnect.
    pub(super) fn worked(&mut self) {
        self.failed = TransportSet::default();
        self.useless.remove(self.current);
    }

    /// The current transport failed: the next one to try, or nothing when all have failed, and the next attempt begins
    /// from the first again.
    pub(super) fn fall_back(&mut self, reason: ErrorKind) -> Option<Transport> {
        if reason == ErrorKind::Lossy {
            // If TCP does not work at all, this is to return to.
            self.current = Transport::Tcp;
            return Some(self.current);
        }
        self.failed.insert(self.current);
        self.useless.insert(self.current);
        let next = order(self.policy)
            .iter()
            .filter(|transport| **transport != Transport::Multicast || self.multicast == MulticastOffer::Made)
            .find(|transport| !self.failed.contains(**transport))
            .copied();
        match next {
            Some(next) => self.current = next,
            None => *self = TransportChoice::new(self.policy),
        }
        next
    }
}

/// A policy that leaves the choice to us means TCP through a tunnel: who tunnels has no other way to the camera, and media
/// beside the tunnel would be held up for [`Timeouts::first_packet_udp`](crate::Timeouts::first_packet_udp) and more.
pub(super) fn policy_through(scheme: Scheme, policy: TransportPolicy) -> TransportPolicy {
    let is_tunnel = match scheme {
        Scheme::Rtsp | Scheme::Rtsps => false,
        Scheme::RtspHttp | Scheme::RtspHttps | Scheme::RtspWs | Scheme::RtspWss => true,
    };
    match policy {
        TransportPolicy::Auto | TransportPolicy::UdpFirst if is_tunnel => TransportPolicy::Tcp,
        policy => policy,
    }
}

/// What a policy tries, and in which order.
fn order(policy: TransportPolicy) -> &'static [Transport] {
    match policy {
        TransportPolicy::Auto => &[Transport::Tcp, Transport::Udp, Transport::Multicast],
        TransportPolicy::UdpFirst => &[Transport::Udp, Transport::Tcp, Transport::Multicast],
        TransportPolicy::Tcp => &[Transport::Tcp],
        TransportPolicy::Udp => &[Transport::Udp],
        TransportPolicy::Multicast => &[Transport::Multicast],
    }
}

fn first(policy: TransportPolicy) -> Transport {
    order(policy).first().copied().unwrap_or(Transport::Tcp)
}

#[derive(Clone, Copy, Debug, Default)]
struct TransportSet(u8);

impl TransportSet {
    fn contains(self, transport: Transport) -> bool {
        self.0 & 1 << transport as u8 != 0
    }

    fn insert(&mut self, transport: Transport) {
        self.0 |= 1 << transport as u8;
    }

    fn remove(&mut self, transport: Transport) {
        self.0 &= !(1 << transport as u8);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_transport_is_tried_once_and_what_works_is_kept() {
        for (policy, first, second) in [
            (TransportPolicy::Auto, Transport::Tcp, Transport::Udp),
            (TransportPolicy::UdpFirst, Transport::Udp, Transport::Tcp),
        ] {
            let mut choice = TransportChoice::new(policy);
            assert_eq!(choice.current(), first);
            assert_eq!(choice.fall_back(ErrorKind::NoMedia), Some(second));
            assert_eq!(choice.fall_back(ErrorKind::NoMedia), None);
            assert_eq!(choice.current(), first);
            assert_eq!(choice.fall_back(ErrorKind::NoMedia), Some(second));
            choice.worked();
            assert_eq!(choice.current(), second);
            assert_eq!(choice.fall_back(ErrorKind::NoMedia), Some(first));
        }
    }

    #[test]
    fn what_is_left_to_us_is_tcp_through_a_tunnel() {
        for (scheme, policy, expected) in [
            (Scheme::RtspHttp, TransportPolicy::Auto, TransportPolicy::Tcp),
            (Scheme::RtspWss, TransportPolicy::UdpFirst, TransportPolicy::Tcp),
            (Scheme::RtspHttps, TransportPolicy::Udp, TransportPolicy::Udp),
            (Scheme::Rtsps, TransportPolicy::Auto, TransportPolicy::Auto),
        ] {
            assert_eq!(policy_through(scheme, policy), expected, "{scheme:?}");
        }
    }

    #[test]
    fn multicast_comes_last_and_only_where_it_is_offered() {
        for policy in [TransportPolicy::Auto, TransportPolicy::UdpFirst] {
            let mut choice = TransportChoice::new(policy);
            choice.fall_back(ErrorKind::TransportRefused);
            choice.offer_multicast();
            assert_eq!(
                choice.fall_back(ErrorKind::TransportRefused),
                Some(Transport::Multicast)
            );
            choice.worked();
            assert_eq!(choice.current(), Transport::Multicast);
        }
    }

    #[test]
    fn a_fixed_policy_has_nothing_to_fall_back_to() {
        for (policy, transport) in [
            (TransportPolicy::Tcp, Transport::Tcp),
            (TransportPolicy::Udp, Transport::Udp),
            (TransportPolicy::Multicast, Transport::Multicast),
        ] {
            let mut choice = TransportChoice::new(policy);
            assert_eq!(choice.current(), transport);
            assert_eq!(choice.on_loss(), OnLoss::Stay);
            assert_eq!(choice.fall_back(ErrorKind::NoMedia), None);
        }
    }

    #[test]
    fn loss_leads_to_tcp_once_and_back_only_where_tcp_does_not_work() {
        let mut choice = TransportChoice::new(TransportPolicy::UdpFirst);
        choice.worked();
        assert_eq!(choice.on_loss(), OnLoss::Leave);
        assert_eq!(choice.fall_back(ErrorKind::Lossy), Some(Transport::Tcp));
        assert_eq!(choice.on_loss(), OnLoss::Stay);
        assert_eq!(
            choice.fall_back(ErrorKind::TransportRefused),
            Some(Transport::Udp)
        );
        choice.worked();
        assert_eq!(choice.on_loss(), OnLoss::Stay, "TCP was refused");
    }
}
