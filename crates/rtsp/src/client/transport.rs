//! What is asked for in SETUP, and what of the answer is believed.

use super::{SetUpRequest, TransportRequest};
use crate::headers::{Delivery, LowerTransport, Rtsp2Parameters, Transport};
use crate::{Reading, Tolerance};

/// The Transport header to ask with. For TCP it takes the lowest even pair of channels of which neither is in `taken`:
/// a server may have given an earlier track others than were asked for (Q21).
pub(super) fn ask(request: &SetUpRequest, taken: &[(u8, u8)]) -> Transport {
    let transport = match request.transport {
        TransportRequest::Tcp => {
            let is_free = |channel: u8| !taken.iter().any(|&(rtp, rtcp)| channel == rtp || channel == rtcp);
            // `MAX_TRACKS` tracks cannot block all 128 pairs, so the search always ends with one.
            let rtp = (0..u8::MAX)
                .step_by(2)
                .find(|&rtp| is_free(rtp) && is_free(rtp + 1))
                .unwrap_or_default();
            Transport::interleaved(rtp, rtp + 1)
        }
        TransportRequest::Udp { rtp_port, rtcp_port } => Transport::udp(rtp_port, rtcp_port),
        TransportRequest::UdpMux { rtp_port, rtcp_port } => Transport {
            rtsp2: Some(Box::new(Rtsp2Parameters {
                rtcp_mux: true,
                ..Rtsp2Parameters::default()
            })),
            ..Transport::udp(rtp_port, rtcp_port)
        },
        TransportRequest::Multicast { group } => Transport {
            delivery: Delivery::Multicast,
            destination: group.map(|group| group.destination.to_string()),
            port: group.map(|group| group.port),
            ttl: group.and_then(|group| group.ttl),
            ..Transport::default()
        },
    };
    Transport {
        profile: request.profile.as_str().to_owned(),
        ..transport
    }
}

/// Why there is no agreement.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Disagreement {
    /// Another transport than was asked for (Q119).
    Other(Box<Transport>),
    Refused(Tolerance),
}

/// What both sides have agreed on. Where the answer leaves something out, what was asked counts (Q19); where it says
/// something else about channels, that does (Q21).
pub(super) fn agree(
    asked: &Transport,
    answered: Option<Transport>,
    reading: &mut Reading,
) -> Result<Transport, Disagreement> {
    let mut overlook = |tolerance| {
        if reading.tolerates(tolerance) {
            Ok(())
        } else {
            Err(Disagreement::Refused(tolerance))
        }
    };
    let Some(mut answered) = answered else {
        return overlook(Tolerance::MissingTransport).map(|()| asked.clone());
    };
    if !answered.profile.eq_ignore_ascii_case(&asked.profile) {
        // Packets in the clear where encrypted ones were asked for, or encrypted ones without keys.
        if answered.is_secure() != asked.is_secure() {
            return Err(Disagreement::Other(Box::new(answered)));
        }
        overlook(Tolerance::OtherProfile)?;
    }
    match (asked.lower, asked.delivery) {
        (LowerTransport::Tcp, _) => {
            // Ports without channels mean UDP. (Channels without "/TCP" were read as TCP, Q20.)
            let has_ports = [answered.client_port, answered.server_port, answered.port]
                .iter()
                .any(Option::is_some);
            let is_udp = answered.lower == LowerTransport::Udp;
            match answered.interleaved {
                None if is_udp && has_ports => return Err(Disagreement::Other(Box::new(answered))),
                None => overlook(Tolerance::MissingTransport)?,
                Some(_) if is_udp => return Err(Disagreement::Other(Box::new(answered))),
                Some(_) => {}
            }
            answered.lower = LowerTransport::Tcp;
            answered.interleaved = answered.interleaved.or(asked.interleaved);
            if answered.interleaved != asked.interleaved {
                overlook(Tolerance::OtherChannels)?;
            }
        }
        (LowerTransport::Udp, delivery) => {
            let is_tcp = answered.lower == LowerTransport::Tcp || answered.interleaved.is_some();
            if is_tcp || answered.delivery != delivery {
                return Err(Disagreement::Other(Box::new(answered)));
            }
            if delivery == Delivery::Multicast {
                let named = answered.destination.filter(|named| !named.is_empty());
                answered.destination = named.or_else(|| asked.destination.clone());
                answered.port = answered.port.or(asked.port);
                answered.ttl = answered.ttl.or(asked.ttl);
            } else {
                // Our sockets are bound where we said, whatever the server makes of it.
                answered.client_port = asked.client_port;
            }
            if answered.is_rtcp_mux() {
                let one = |pair: Option<(u16, u16)>| pair.map(|(rtp, _)| (rtp, rtp));
                answered.client_port = one(answered.client_port);
                answered.server_port = one(answered.server_port);
            }
        }
    }
    Ok(answered)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Policy;
    use crate::client::MulticastGroup;
    use crate::headers::Profile;

    fn agree(asked: &Transport, answered: Option<Transport>) -> Result<Transport, Disagreement> {
        super::agree(asked, answered, &mut Reading::default())
    }

    #[test]
    fn the_first_free_pair_of_channels_is_asked_for() {
        let channels = |taken: &[(u8, u8)]| ask(&TransportRequest::Tcp.into(), taken).interleaved;
        assert_eq!(channels(&[]), Some((0, 1)));
        assert_eq!(channels(&[(0, 1)]), Some((2, 3)));
        assert_eq!(channels(&[(2, 3)]), Some((0, 1)));
        assert_eq!(channels(&[(1, 2)]), Some((4, 5)));
    }

    #[test]
    fn an_answer_that_leaves_things_out_means_what_was_asked() {
        let asked = Transport::interleaved(0, 1);
        assert_eq!(agree(&asked, None).as_ref(), Ok(&asked));
        let bare = Transport {
            interleaved: None,
            ..Transport::interleaved(0, 1)
        };
        assert_eq!(agree(&asked, Some(bare)).as_ref(), Ok(&asked));
        let udp = Transport::udp(5000, 5001);
        let other_ports = Transport {
            server_port: Some((6970, 6971)),
            ..Transport::udp(7000, 7001)
        };
        assert_eq!(
            agree(&udp, Some(other_ports)).unwrap().client_port,
            Some((5000, 5001))
        );
    }

    #[test]
    fn another_transport_than_was_asked_for_is_no_agreement() {
        let udp = Transport {
            server_port: Some((6970, 6971)),
            ..Transport::udp(5000, 5001)
        };
        let tcp = Transport::interleaved(0, 1);
        let multicast = Transport {
            delivery: Delivery::Multicast,
            ..udp.clone()
        };
        assert_eq!(
            agree(&tcp, Some(udp.clone())),
            Err(Disagreement::Other(Box::new(udp.clone())))
        );
        let group = Transport {
            delivery: Delivery::Multicast,
            port: Some((6000, 6001)),
            ..Transport::default()
        };
        assert_eq!(
            agree(&tcp, Some(group.clone())),
            Err(Disagreement::Other(Box::new(group)))
        );
        assert_eq!(
            agree(&udp, Some(tcp.clone())),
            Err(Disagreement::Other(Box::new(tcp)))
        );
        assert_eq!(
            agree(&udp, Some(multicast.clone())),
            Err(Disagreement::Other(Box::new(multicast)))
        );
    }

    #[test]
    fn each_transport_is_asked_for_with_its_profile() {
        let udp = |rtp_port, rtcp_port| TransportRequest::Udp { rtp_port, rtcp_port };
        let mux = TransportRequest::UdpMux {
            rtp_port: 5000,
            rtcp_port: 5001,
        };
        let group = MulticastGroup {
            destination: "239.1.2.3".parse().unwrap(),
            port: (6000, 6001),
            ttl: Some(8),
        };
        let cases = [
            (
                TransportRequest::Tcp,
                Profile::Avp,
                "RTP/AVP/TCP;unicast;interleaved=0-1",
            ),
            (
                TransportRequest::Tcp,
                Profile::Savpf,
                "RTP/SAVPF/TCP;unicast;interleaved=0-1",
            ),
            (
                udp(5000, 5001),
                Profile::Avpf,
                "RTP/AVPF;unicast;client_port=5000-5001",
            ),
            (
                udp(5000, 5001),
                Profile::Savp,
                "RTP/SAVP;unicast;client_port=5000-5001",
            ),
            (
                mux,
                Profile::Avp,
                "RTP/AVP;unicast;client_port=5000-5001;RTCP-mux",
            ),
            (
                TransportRequest::Multicast { group: None },
                Profile::Savp,
                "RTP/SAVP;multicast",
            ),
            (
                TransportRequest::Multicast { group: Some(group) },
                Profile::Avp,
                "RTP/AVP;multicast;destination=239.1.2.3;ttl=8;port=6000-6001",
            ),
        ];
        for (transport, profile, written) in cases {
            let request = SetUpRequest {
                profile,
                ..transport.into()
            };
            assert_eq!(ask(&request, &[]).to_string(), written);
        }
    }

    #[test]
    fn an_answer_is_believed_or_is_none() {
        const TCP: &str = "RTP/AVP/TCP;unicast;interleaved=0-1";
        const UDP: &str = "RTP/AVP;unicast;client_port=5000-5001";
        const MUX: &str = "RTP/AVP;unicast;client_port=5000-5001;RTCP-mux";
        const MULTICAST: &str = "RTP/AVP;multicast";
        const GROUP: &str = "RTP/AVP;multicast;destination=239.1.2.3;ttl=8;port=6000-6001";
        let agreed = [
            // Multicast: what is missing was asked for, or is in the description.
            (MULTICAST, MULTICAST, MULTICAST),
            (GROUP, "RTP/AVP;multicast;destination", GROUP),
            (
                GROUP,
                "RTP/AVP;multicast;destination=239.9.9.9;source=192.0.2.7;ttl=1;port=7000-7001",
                "RTP/AVP;multicast;destination=239.9.9.9;source=192.0.2.7;ttl=1;port=7000-7001",
            ),
            // RTCP on RTP's port, where the server says so.
            (
                MUX,
                "RTP/AVP;unicast;client_port=5000;server_port=6970;RTCP-mux",
                "RTP/AVP;unicast;client_port=5000-5000;server_port=6970-6970;RTCP-mux",
            ),
            (
                MUX,
                "RTP/AVP;unicast;client_port=5000-5001;server_port=6970-6971",
                "RTP/AVP;unicast;client_port=5000-5001;server_port=6970-6971",
            ),
            // Another profile that is as secure.
            (
                "RTP/SAVPF/TCP;unicast;interleaved=0-1",
                "RTP/SAVP/TCP;unicast;interleaved=0-1",
                "RTP/SAVP/TCP;unicast;interleaved=0-1",
            ),
            (
                UDP,
                "rtp/avp/udp;unicast;server_port=1-2",
                "rtp/avp;unicast;client_port=5000-5001;server_port=1-2",
            ),
        ];
        for (asked, answered, expected) in agreed {
            let asked = asked.parse().unwrap();
            let transport = agree(&asked, Some(answered.parse().unwrap())).unwrap();
            assert_eq!(transport.to_string(), expected, "{answered}");
        }
        let other = [
            (MULTICAST, UDP),
            (MULTICAST, TCP),
            (GROUP, "RTP/AVP;unicast;destination=239.1.2.3"),
            (UDP, MULTICAST),
            (MUX, MULTICAST),
            // Never in the clear what was to be encrypted, and never encrypted without keys.
            ("RTP/SAVP;unicast;client_port=5000-5001", UDP),
            ("RTP/SAVPF/TCP;unicast;interleaved=0-1", TCP),
            ("RTP/SAVP;multicast", MULTICAST),
            (TCP, "RTP/SAVP/TCP;unicast;interleaved=0-1"),
            (
                "RTP/SAVP;unicast;client_port=5000-5001",
                "RTP/XXX;unicast;client_port=5000-5001",
            ),
        ];
        for (asked, answered) in other {
            let asked = asked.parse().unwrap();
            let answered: Transport = answered.parse().unwrap();
            let disagreement = Disagreement::Other(Box::new(answered.clone()));
            assert_eq!(agree(&asked, Some(answered)), Err(disagreement), "{asked}");
        }
    }

    #[test]
    fn another_profile_may_be_answered_or_must_not() {
        let asked = "RTP/AVPF;unicast;client_port=5000-5001".parse().unwrap();
        let answered: Transport = "RTP/AVP;unicast;client_port=5000-5001".parse().unwrap();
        let tolerance = Tolerance::OtherProfile;
        let agree = |policy| super::agree(&asked, Some(answered.clone()), &mut Reading::new(policy));
        assert_eq!(
            agree(Policy::strict().tolerate(tolerance)).as_ref(),
            Ok(&answered)
        );
        assert_eq!(
            agree(Policy::default().refuse(tolerance)),
            Err(Disagreement::Refused(tolerance))
        );
    }
}
