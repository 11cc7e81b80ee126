//! What arrives on the connection and the UDP sockets, and to whom it goes.

use std::fmt;
use std::net::SocketAddr;
use std::time::Instant;

use throughline_rtp::Tolerance;
use throughline_rtp::rtcp::{Channel, is_rtcp_on};
use throughline_rtsp::client::Received;

use super::super::UdpSocket;
use super::super::lasting::Lasting;
use super::super::media::Media;
use super::super::path::MediaPath;
use super::super::srtp::PacketKind;
use super::Attempt;
use crate::{Error, StreamEnd};

/// Bytes of a frame whose rest has not arrived, or what was read together with the refusal of a SETUP. The session fails on a
/// frame longer than its limits, so this ends at [`throughline_rtsp::MAX_HEADER_BYTES`] and
/// [`throughline_rtsp::MAX_BODY_BYTES`] together, and one read.
///
/// `Debug` gives only their number: there may be keys among them.
#[derive(Default)]
pub(super) struct Carry(pub(super) Vec<u8>);

impl fmt::Debug for Carry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Carry({} bytes)", self.0.len())
    }
}

impl Attempt {
    pub(in crate::camera) fn handle_stream(&mut self, now: Instant, mut input: &[u8], lasting: &mut Lasting) {
        self.heard = Some(now);
        while !self.carry.0.is_empty() && !input.is_empty() && self.end.is_none() {
            let mut carry = std::mem::take(&mut self.carry.0);
            let held = carry.len();
            let taken = missing(&carry).min(input.len());
            carry.extend_from_slice(input.get(..taken).unwrap_or_default());
            let used = self.walk(now, &carry, lasting);
            // What follows the frame is walked through in place.
            let consumed = if used < held { taken } else { used - held };
            input = input.get(consumed..).unwrap_or_default();
            if used < held {
                carry.drain(..used);
            } else {
                carry.clear();
            }
            // Its room serves the next cut frame.
            self.carry.0 = carry;
        }
        let used = self.walk(now, input, lasting);
        self.carry
            .0
            .extend_from_slice(input.get(used..).unwrap_or_default());
    }

    /// Goes through whole frames in place; returns how many bytes they took. Stops where the attempt ends: after a
    /// refused SETUP the connection goes on.
    fn walk(&mut self, now: Instant, input: &[u8], lasting: &mut Lasting) -> usize {
        let mut rest = input;
        while self.end.is_none() {
            let (consumed, received) = self.session.receive(now, rest);
            rest = rest.get(consumed..).unwrap_or_default();
            match received {
                Received::Interleaved { channel, payload } => {
                    self.handle_interleaved(now, channel, payload, lasting);
                }
                Received::Control => self.advance(now, lasting),
                Received::Incomplete => break,
            }
        }
        input.len() - rest.len()
    }

    #[inline]
    fn handle_interleaved(&mut self, now: Instant, channel: u8, payload: &[u8], lasting: &mut Lasting) {
        let channel = match self.media.as_mut().map(Media::path) {
            Some(MediaPath::Tcp(channels)) if channel == channels.rtp => Channel::Rtp,
            Some(MediaPath::Tcp(channels)) if channel == channels.rtcp => Channel::Rtcp,
            // Of a track that is not this one.
            _ => return lasting.totals.foreign += 1,
        };
        self.handle_media(now, channel, payload, lasting);
    }

    pub(in crate::camera) fn handle_datagrams<'d>(
        &mut self,
        now: Instant,
        (socket, source): (UdpSocket, SocketAddr),
        datagrams: impl Iterator<Item = &'d [u8]>,
        lasting: &mut Lasting,
    ) {
        let Some(MediaPath::Datagrams(path)) = self.media.as_mut().map(Media::path) else {
            return;
        };
        if !path.accept(socket, source) {
            lasting.totals.foreign += datagrams.count() as u64;
            return;
        }
        let channel = path.channel(socket);
        for contents in datagrams {
            if self.end.is_some() {
                break;
            }
            self.handle_media(now, channel, contents, lasting);
        }
    }

    pub(in crate::camera) fn handle_kernel_drops(&mut self, dropped: u32, lasting: &mut Lasting) {
        if let Some(media) = &mut self.media {
            media.handle_kernel_drops(dropped, lasting);
        }
    }

    #[expect(
        clippy::inline_always,
        reason = "all packets go through it, and it would be two calls"
    )]
    #[inline(always)]
    fn handle_media(&mut self, now: Instant, channel: Channel, contents: &[u8], lasting: &mut Lasting) {
        let kind = if is_rtcp_on(channel, contents, &lasting.policies.rtp) {
            PacketKind::Rtcp
        } else {
            PacketKind::Rtp
        };
        if kind == PacketKind::Rtcp && channel == Channel::Rtp {
            lasting.totals.tolerated.rtp.insert(Tolerance::RtcpAmongRtp);
        }
        let Some(media) = &mut self.media else { return };
        let mut incoming = media.take_incoming();
        let plain = match &mut incoming {
            Some(incoming) => incoming.unprotect(kind, contents),
            None => Some(contents),
        };
        match (plain, kind) {
            (Some(packet), PacketKind::Rtp) => media.handle_rtp(now, packet, lasting),
            (Some(packet), PacketKind::Rtcp) => self.handle_rtcp(now, packet),
            (None, _) => {}
        }
        if let (Some(incoming), Some(media)) = (incoming, &mut self.media) {
            media.put_incoming(incoming);
        }
    }

    fn handle_rtcp(&mut self, now: Instant, compound: &[u8]) {
        if let Some(media) = &mut self.media
            && media.handle_rtcp(now, compound).is_break()
        {
            let peer = self.peer.name.clone();
            self.fail(Error::StreamEnded {
                peer,
                how: StreamEnd::Bye,
            });
        }
    }
}

/// How many bytes to add to the beginning of a frame: those that it lacks as far as its header tells, so that what
/// follows the frame is not copied.
fn missing(carry: &[u8]) -> usize {
    /// Of a text message, whose length its header does not begin with.
    const TEXT_STEP: usize = 1024;
    let whole = match carry {
        [b'$', _, high, low, ..] => 4 + usize::from(u16::from_be_bytes([*high, *low])),
        [b'$', ..] => 4,
        _ => carry.len() + TEXT_STEP,
    };
    whole.saturating_sub(carry.len()).max(1)
}
