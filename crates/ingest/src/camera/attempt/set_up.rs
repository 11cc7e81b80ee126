//! From the description to PLAY, over one transport or another.

use std::io;
use std::time::Instant;

use throughline_rtsp::client::TransportRequest;
use throughline_rtsp::headers;

use super::super::lasting::Lasting;
use super::super::media::Media;
use super::super::path::{Channels, MediaPath, UdpPath};
use super::super::select::Selection;
use super::super::transport::TransportChoice;
use super::super::{Output, UdpPorts};
use super::Attempt;
use crate::{Error, Transport};

impl Attempt {
    pub(in crate::camera) fn handle_udp_bound(
        &mut self,
        now: Instant,
        ports: UdpPorts,
        lasting: &mut Lasting,
    ) {
        if let Some(selection) = &self.selection {
            let request = TransportRequest::Udp {
                rtp_port: ports.rtp,
                rtcp_port: ports.rtcp,
            };
            self.session.setup(now, selection.media, request);
            self.advance(now, lasting);
        }
    }

    pub(in crate::camera) fn handle_udp_bind_failed(&mut self, cause: io::Error) {
        let peer = self.peer.name.clone();
        self.fail(Error::NoUdpPorts { peer, cause });
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
        match (self.transport, self.peer.addresses) {
            (Transport::Udp, Some((_, local))) => lasting.outputs.push_back(Output::BindUdp { local }),
            (Transport::Multicast, _) => {
                let peer = self.peer.name.clone();
                self.fail(Error::NoMulticast { peer });
            }
            _ => self.session.setup(now, selection.media, TransportRequest::Tcp),
        }
        self.selection = Some(selection);
    }

    pub(super) fn set_up_answered(
        &mut self,
        now: Instant,
        answer: &headers::Transport,
        lasting: &mut Lasting,
    ) {
        let (Some(selection), Some((peer, _))) = (&self.selection, self.peer.addresses) else {
            return;
        };
        let path = match self.transport {
            Transport::Tcp => MediaPath::Tcp(Channels::new(answer)),
            Transport::Udp | Transport::Multicast => MediaPath::Udp(UdpPath::new(peer, answer)),
        };
        self.media = Some(Media::new(path, selection, lasting));
        self.session.play(now);
    }
}
