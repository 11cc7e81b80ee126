//! What is asked for in SETUP, and what of the answer is believed.

use super::TransportRequest;
use crate::headers::{Delivery, LowerTransport, Transport};
use crate::{Reading, Tolerance};

/// The Transport header to ask with. For TCP it takes the lowest even pair of channels of which neither is in `taken`:
/// a server may have given an earlier track others than were asked for (Q21).
pub(super) fn ask(request: TransportRequest, taken: &[(u8, u8)]) -> Transport {
    match request {
        TransportRequest::Udp { rtp_port, rtcp_port } => Transport::udp(rtp_port, rtcp_port),
        TransportRequest::Tcp => {
            let is_free = |channel: u8| !taken.iter().any(|&(rtp, rtcp)| channel == rtp || channel == rtcp);
            // `MAX_TRACKS` tracks cannot block all 128 pairs, so the search always ends with one.
            let rtp = (0..u8::MAX)
                .step_by(2)
                .find(|&rtp| is_free(rtp) && is_free(rtp + 1))
                .unwrap_or_default();
            Transport::interleaved(rtp, rtp + 1)
        }
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
    match asked.lower {
        LowerTransport::Tcp => {
            // Ports without channels mean UDP. (Channels without "/TCP" were read as TCP, Q20.)
            let has_ports = answered.client_port.is_some() || answered.server_port.is_some();
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
        LowerTransport::Udp => {
            let is_tcp = answered.lower == LowerTransport::Tcp || answered.interleaved.is_some();
            if is_tcp || answered.delivery == Delivery::Multicast {
                return Err(Disagreement::Other(Box::new(answered)));
            }
            // Our sockets are bound where we said, whatever the server makes of it.
            answered.client_port = asked.client_port;
        }
    }
    Ok(answered)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn agree(asked: &Transport, answered: Option<Transport>) -> Result<Transport, Disagreement> {
        super::agree(asked, answered, &mut Reading::default())
    }

    #[test]
    fn the_first_free_pair_of_channels_is_asked_for() {
        let channels = |taken: &[(u8, u8)]| ask(TransportRequest::Tcp, taken).interleaved;
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
        assert_eq!(
            agree(&udp, Some(tcp.clone())),
            Err(Disagreement::Other(Box::new(tcp)))
        );
        assert_eq!(
            agree(&udp, Some(multicast.clone())),
            Err(Disagreement::Other(Box::new(multicast)))
        );
    }
}
