//! From the description to PLAY, over one transport or another.

use std::io;
use std::time::Instant;

use throughline_rtsp::client::{self, TransportRequest};
use throughline_rtsp::headers::{self, Delivery};

use super::super::keying::Keying;
use super::super::lasting::Lasting;
use super::super::media::Media;
use super::super::path::{Channels, DatagramPath, MediaPath};
use super::super::select::Selection;
use super::super::srtp::Srtp;
use super::super::transport::TransportChoice;
use super::super::{Output, UdpPorts};
use super::Attempt;
use crate::{Error, MulticastProblem, Transport};

impl Attempt {
    pub(in crate::camera) fn handle_udp_bound(
        &mut self,
        now: Instant,
        ports: UdpPorts,
        lasting: &mut Lasting,
    ) {
        if let Some(selection) = &self.selection {
            let request = if selection.multiplexes_rtcp {
                TransportRequest::UdpMux {
                    rtp_port: ports.rtp,
                    rtcp_port: ports.rtcp,
                }
            } else {
                TransportRequest::Udp {
                    rtp_port: ports.rtp,
                    rtcp_port: ports.rtcp,
                }
            };
            self.request(now, request, lasting);
            self.advance(now, lasting);
        }
    }

    pub(in crate::camera) fn handle_udp_bind_failed(&mut self, cause: io::Error) {
        let peer = self.peer.name.clone();
        self.fail(Error::NoUdpPorts { peer, cause });
    }

    pub(in crate::camera) fn handle_multicast_joined(&mut self, now: Instant, lasting: &mut Lasting) {
        if let (Some((membership, srtp)), Some((peer, _))) = (self.joining.take(), self.peer.addresses) {
            let path = DatagramPath::multicast(peer, &membership);
            self.play(now, MediaPath::Datagrams(path), srtp, lasting);
            self.advance(now, lasting);
        }
    }

    pub(in crate::camera) fn handle_multicast_join_failed(&mut self, cause: io::Error) {
        if let Some((membership, _)) = self.joining.take() {
            let group = membership.rtp;
            self.fail_multicast(MulticastProblem::Join { group, cause });
        }
    }

    fn fail_multicast(&mut self, cause: MulticastProblem) {
        let peer = self.peer.name.clone();
        self.fail(Error::NoMulticast { peer, cause });
    }

    /// Whether multicast is worth a try after `error`.
    pub(in crate::camera) fn offers_multicast(&self, error: &Error) -> bool {
        let is_described = self
            .selection
            .as_ref()
            .is_some_and(|selection| selection.group.is_there());
        let Error::TransportRefused { cause, .. } = error else {
            return is_described;
        };
        is_described
            || match cause {
                client::Error::TransportRefused { transport, .. } => matches!(
                    transport,
                    TransportRequest::Udp { .. } | TransportRequest::UdpMux { .. }
                ),
                client::Error::TransportMismatch { delivery, .. } => *delivery == Delivery::Multicast,
                _ => false,
            }
    }

    /// Asks for another transport on the same connection, after a SETUP that was refused: the session is as it was before.
    pub(in crate::camera) fn set_up_over(
        &mut self,
        now: Instant,
        choice: &TransportChoice,
        lasting: &mut Lasting,
    ) {
        self.transport = choice.current();
        self.on_loss = choice.on_loss();
        if let Some(selection) = self.selection.take() {
            self.set_up(now, selection, lasting);
            self.advance(now, lasting);
        }
    }

    pub(super) fn set_up(&mut self, now: Instant, selection: Selection, lasting: &mut Lasting) {
        self.selection = Some(selection);
        match (self.transport, self.peer.addresses) {
            (Transport::Udp, Some((_, local))) => lasting.outputs.push_back(Output::BindUdp { local }),
            (Transport::Multicast, _) => {
                // The group is the server's to choose: what it describes it may not send just now.
                let request = TransportRequest::Multicast { group: None };
                self.request(now, request, lasting);
            }
            _ => self.request(now, TransportRequest::Tcp, lasting),
        }
    }

    /// SETUP, with keys of ours where the camera encrypts.
    fn request(&mut self, now: Instant, transport: TransportRequest, lasting: &mut Lasting) {
        let Some(selection) = &self.selection else { return };
        let protection = &selection.protection;
        if !protection.is_secure() {
            return self.session.setup(now, selection.media, transport);
        }
        let keying = self
            .keying
            .get_or_insert_with(|| Keying::new(protection, lasting));
        let request = keying.request(now, transport, protection, lasting);
        self.session.setup(now, selection.media, request);
    }

    /// Cameras of Axis manage no keys, and take those of ours that have an identifier for what they send (Q106).
    pub(super) fn keys_refused(&mut self, now: Instant, cause: client::Error, lasting: &mut Lasting) {
        let again = match (&self.keying, &self.selection) {
            (Some(keying), Some(selection)) => keying.again(&selection.protection, lasting),
            _ => None,
        };
        match (again, self.selection.take()) {
            (Some(again), Some(selection)) => {
                self.keying = Some(again);
                self.set_up(now, selection, lasting);
            }
            (_, selection) => {
                self.selection = selection;
                let peer = self.peer.name.clone();
                self.fail(Error::KeysRefused { peer, cause });
            }
        }
    }

    pub(super) fn set_up_answered(
        &mut self,
        now: Instant,
        answer: &headers::Transport,
        keys: Option<&headers::KeyMgmt>,
        lasting: &mut Lasting,
    ) {
        let (Some(selection), Some((peer, local))) = (&self.selection, self.peer.addresses) else {
            return;
        };
        let srtp = match self.keying.take() {
            Some(keying) => match keying.agree(keys, &selection.protection, lasting) {
                Ok(srtp) => Some(srtp),
                Err(cause) => {
                    let peer = self.peer.name.clone();
                    return self.fail(Error::NoKeys { peer, cause });
                }
            },
            None => None,
        };
        let path = match self.transport {
            Transport::Tcp => MediaPath::Tcp(Channels::new(answer)),
            Transport::Udp => MediaPath::Datagrams(DatagramPath::unicast(peer, answer)),
            Transport::Multicast => match selection.group.membership(answer, peer, local) {
                Ok(membership) => {
                    lasting
                        .outputs
                        .push_back(Output::JoinMulticast(membership.clone()));
                    self.joining = Some((membership, srtp));
                    return;
                }
                Err(problem) => return self.fail_multicast(problem),
            },
        };
        self.play(now, path, srtp, lasting);
    }

    fn play(&mut self, now: Instant, path: MediaPath, srtp: Option<Srtp>, lasting: &mut Lasting) {
        if let Some(selection) = &self.selection {
            self.media = Some(Media::new(path, selection, srtp, lasting));
            self.session.play(now);
        }
    }
}
