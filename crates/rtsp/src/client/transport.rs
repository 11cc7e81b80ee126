//! What is asked for in SETUP, and what of the answer is believed.

use super::TransportRequest;
use crate::headers::{Delivery, LowerTransport, Transport};

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

/// What both sides have agreed on, or the answer if it is another transport than was asked for (Q119).
///
/// An answer without a Transport header, and anything that it leaves out, means what was asked (Q19).
#[expect(clippy::result_large_err, reason = "once for each track")]
pub(super) fn agree(asked: &Transport, answered: Option<Transport>) -> Result<Transport, Transport> {
    let Some(mut answered) = answered else {
        return Ok(asked.clone());
    };
    match asked.lower {
        LowerTransport::Tcp => {
            // Interleaved channels count more than a missing "/TCP" (Q20); ports without channels mean UDP.
            let has_ports = answered.client_port.is_some() || answered.server_port.is_some();
            let is_udp = answered.lower == LowerTransport::Udp && has_ports;
            if answered.interleaved.is_none() && is_udp {
                return Err(answered);
            }
            answered.lower = LowerTransport::Tcp;
            answered.interleaved = answered.interleaved.or(asked.interleaved);
        }
        LowerTransport::Udp => {
            let is_tcp = answered.lower == LowerTransport::Tcp || answered.interleaved.is_some();
            if is_tcp || answered.delivery == Delivery::Multicast {
                return Err(answered);
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
    fn interleaved_channels_count_more_than_a_missing_slash_tcp() {
        let answered = Transport {
            lower: LowerTransport::Udp,
            ..Transport::interleaved(4, 5)
        };
        let agreed = agree(&Transport::interleaved(0, 1), Some(answered)).unwrap();
        assert_eq!(agreed, Transport::interleaved(4, 5));
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
        assert_eq!(agree(&tcp, Some(udp.clone())), Err(udp.clone()));
        assert_eq!(agree(&udp, Some(tcp.clone())), Err(tcp));
        assert_eq!(agree(&udp, Some(multicast.clone())), Err(multicast));
    }
}
