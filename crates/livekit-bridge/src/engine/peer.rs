//! One PeerConnection that sends one H.264 track: str0m in RTP mode, our packetizer, the sockets. LiveKit's
//! publisher and each viewer of the preview are one of these.

use std::collections::VecDeque;
use std::net::{Ipv4Addr, SocketAddr, SocketAddrV4};
use std::time::{Duration, Instant};

use str0m::bwe::{Bitrate, BweKind};
use str0m::change::{SdpAnswer, SdpOffer, SdpPendingOffer};
use str0m::format::{Codec, PayloadParams};
use str0m::media::{Direction, MediaKind, Mid, Pt};
use str0m::net::{Protocol, Receive, TcpType, Transmit};
use str0m::rtp::StreamTxQueueInfo;
use str0m::{Candidate, Event, IceConnectionState, Input, Output, Rtc};
use thiserror::Error;
use throughline_h264::ProfileLevelId;

use crate::encoder::TransportStats;
use crate::engine::clock::OutputClock;
use crate::engine::outgoing::{BATCH, Outgoing};
use crate::engine::rtc::{config, host_candidate, profile_distance, random, start_rate, video_mid};
use crate::engine::socket::{MAX_SOCKETS, Ready, Sent, Sockets};
use crate::figures::VideoFigures;
use crate::frame::EncodedVideoFrame;

/// How long sent packets are kept for retransmission: time for one request over a round trip of 300 ms, or for two over
/// half of that. At 8 Mbit/s that is 300 packets and, behind an IDR, 500: up to 0.9 MiB.
const RETRANSMISSION_AGE: Duration = Duration::from_millis(350);

/// Most packets kept for retransmission: those of 50 Mbit/s.
const RETRANSMISSION_PACKETS: usize = 2000;

/// Share of retransmissions in what is sent beyond which they only make congestion worse.
const RETRANSMISSION_SHARE: f32 = 0.15;

/// Change of the measured rate that is worth telling the pacer.
const RATE_CHANGE_PERCENT: u64 = 20;

/// Age of the oldest packet before the pacer at which no more frames are taken: the way is too narrow for the camera just
/// now, and what would be added could only come late.
const CONGESTED_AFTER: Duration = Duration::from_millis(500);

/// Age of the oldest packet that str0m has not got yet at which it gets all there are: its pacer hurries by how much waits in its
/// queue, so that no more than two seconds' worth ever does. Where the way is wide enough, a picture has left within its own time.
const HELD_UP_AFTER: Duration = Duration::from_millis(100);

/// Any address beyond this machine ([RFC 5737](https://www.rfc-editor.org/rfc/rfc5737#section-3)), to ask for the way to
/// it; nothing is sent there.
const ELSEWHERE: SocketAddr = SocketAddr::V4(SocketAddrV4::new(Ipv4Addr::new(192, 0, 2, 1), 9));

/// How soon to look again whether [`Peer::is_congested`] still holds.
pub(crate) const CONGESTION_CHECK: Duration = Duration::from_millis(50);

/// Why a PeerConnection cannot be made or goes on no more.
#[derive(Debug, Error)]
pub(crate) enum PeerError {
    #[error("{0}")]
    Rtc(#[from] str0m::RtcError),
    #[error("session description: {0}")]
    Sdp(#[from] str0m::error::SdpError),
    #[error("the other side takes no H.264 with packetization-mode=1")]
    NoH264,
    #[error("there is nothing to offer")]
    NoOffer,
    #[error("no socket: {0}")]
    Socket(#[from] std::io::Error),
}

/// What happened on a PeerConnection.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum PeerEvent {
    /// ICE and DTLS stand: media can flow.
    Connected,
    /// The way to the other side is gone, or it hung up.
    Disconnected,
    /// PLI or FIR.
    KeyframeRequested,
    /// Bits a second the way can carry.
    Estimate(u64),
    /// A new report.
    Stats(TransportStats),
}

/// A PeerConnection with its sockets. Drive it by awaiting [`next_event`](Self::next_event) over and over.
pub(crate) struct Peer {
    rtc: Rtc,
    sockets: Sockets,
    mid: Mid,
    pending: Option<SdpPendingOffer>,
    payload_type: Option<Pt>,
    outgoing: Outgoing,
    clock: OutputClock,
    remote_tcp: Vec<SocketAddr>,
    tcp_wanted: bool,
    paced_bps: u64,
    stats: TransportStats,
    events: VecDeque<PeerEvent>,
    heard_at: Instant,
    connected: bool,
}

impl Peer {
    /// A publisher, and the offer to send. `track_id` is what a LiveKit server knows the track by.
    pub(crate) fn publisher(track_id: &str, figures: VideoFigures) -> Result<(Self, String), PeerError> {
        let mut config = config(figures);
        // Nothing on the way compares this with the SPS; every server and browser knows this one.
        config
            .codec_config()
            .add_h264(108.into(), Some(109.into()), true, 0x42_e01f);
        let mut rtc = config.build(Instant::now());
        let mut api = rtc.sdp_api();
        let mid = api.add_media(
            MediaKind::Video,
            Direction::SendOnly,
            Some("camera".to_owned()),
            Some(track_id.to_owned()),
            None,
        );
        let (offer, pending) = api.apply().ok_or(PeerError::NoOffer)?;
        let mut peer = Self::new(rtc, mid);
        peer.pending = Some(pending);
        Ok((peer, offer.to_sdp_string()))
    }

    /// Takes the answer to the publisher's offer. One said twice is ignored.
    pub(crate) fn accept_answer(&mut self, sdp: &str) -> Result<(), PeerError> {
        let Some(pending) = self.pending.take() else {
            return Ok(());
        };
        let answer = SdpAnswer::from_sdp_string(sdp)?;
        self.rtc.sdp_api().accept_answer(pending, answer)?;
        for candidate in sdp.lines().filter_map(|line| line.strip_prefix("a=")) {
            self.reach(candidate);
        }
        self.start_media(None)
    }

    /// Takes a candidate of the other side (`candidate:..`).
    pub(crate) fn add_remote_candidate(&mut self, candidate: &str) {
        if let Ok(parsed) = Candidate::from_sdp_string(candidate) {
            self.rtc.add_remote_candidate(parsed);
            self.reach(candidate);
        }
    }

    /// A viewer that offered `sdp` from `remote`, and the answer. `profile_level_id` is the camera's.
    pub(crate) fn viewer(
        sdp: &str,
        remote: SocketAddr,
        profile_level_id: Option<ProfileLevelId>,
        figures: VideoFigures,
    ) -> Result<(Self, String), PeerError> {
        let offer = SdpOffer::from_sdp_string(sdp)?;
        let mut rtc = config(figures).enable_h264(true).build(Instant::now());
        let mut sockets = Sockets::new();
        let local = sockets.open_udp_towards(remote)?;
        // Browsers do not gather loopback addresses, and not every system lets its other addresses reach those.
        let beside = remote
            .ip()
            .is_loopback()
            .then(|| sockets.open_udp_towards(ELSEWHERE).ok());
        for local in [Some(local), beside.flatten()].into_iter().flatten() {
            if let Some(candidate) = host_candidate(local, Protocol::Udp) {
                rtc.add_local_candidate(candidate);
            }
        }
        let answer = rtc.sdp_api().accept_offer(offer)?;
        let answer = answer.to_sdp_string();
        let mut peer = Self::new(rtc, video_mid(&answer).ok_or(PeerError::NoH264)?);
        peer.sockets = sockets;
        peer.start_media(profile_level_id)?;
        Ok((peer, answer))
    }

    fn new(rtc: Rtc, mid: Mid) -> Self {
        let now = Instant::now();
        Self {
            rtc,
            sockets: Sockets::new(),
            mid,
            pending: None,
            payload_type: None,
            outgoing: Outgoing::new(),
            clock: OutputClock::new(u32::try_from(random() >> 32).unwrap_or_default()),
            remote_tcp: Vec::new(),
            tcp_wanted: false,
            paced_bps: 0,
            stats: TransportStats::default(),
            events: VecDeque::new(),
            heard_at: now,
            connected: false,
        }
    }

    /// Opens the way to one remote candidate: a UDP socket at once, TCP when it turns out to be needed.
    fn reach(&mut self, candidate: &str) {
        let Ok(parsed) = Candidate::from_sdp_string(candidate) else {
            return;
        };
        let remote = parsed.addr();
        match parsed.proto() {
            Protocol::Udp => match self.sockets.connect_udp(remote) {
                Ok(Some(local)) => self.add_local(local, Protocol::Udp),
                Ok(None) => {}
                Err(error) => tracing::debug!(%error, %remote, "no UDP socket towards the candidate"),
            },
            Protocol::Tcp if parsed.tcptype() == Some(TcpType::Passive) => {
                if self.remote_tcp.len() < MAX_SOCKETS {
                    self.remote_tcp.push(remote);
                }
                if self.tcp_wanted {
                    self.sockets.dial_tcp(remote);
                }
            }
            _ => {}
        }
    }

    fn add_local(&mut self, local: SocketAddr, protocol: Protocol) {
        if let Some(candidate) = host_candidate(local, protocol) {
            self.rtc.add_local_candidate(candidate);
        }
    }

    /// Tries ICE-TCP beside UDP from now on.
    pub(crate) fn use_tcp(&mut self) {
        if std::mem::replace(&mut self.tcp_wanted, true) {
            return;
        }
        for remote in &self.remote_tcp {
            self.sockets.dial_tcp(*remote);
        }
    }

    /// Whether ICE-TCP is tried.
    pub(crate) fn uses_tcp(&self) -> bool {
        self.tcp_wanted
    }

    /// Whether there is a UDP candidate to try.
    pub(crate) fn has_udp(&self) -> bool {
        self.sockets.has_udp()
    }

    /// Chooses the payload type and sizes the retransmission cache. `profile_level_id`: prefer what matches it.
    fn start_media(&mut self, profile_level_id: Option<ProfileLevelId>) -> Result<(), PeerError> {
        let media = self.rtc.media(self.mid).ok_or(PeerError::NoH264)?;
        let offered = media.remote_pts();
        let usable = |params: &&PayloadParams| {
            let spec = params.spec();
            spec.codec == Codec::H264
                && spec.format.packetization_mode == Some(1)
                && offered.contains(&params.pt())
        };
        let rank = |params: &&PayloadParams| {
            profile_distance(params.spec().format.profile_level_id, profile_level_id)
        };
        let best = self
            .rtc
            .codec_config()
            .params()
            .iter()
            .filter(usable)
            .min_by_key(rank);
        self.payload_type = Some(best.ok_or(PeerError::NoH264)?.pt());
        if let Some(stream) = self.rtc.direct_api().stream_tx_by_mid(self.mid, None) {
            stream.set_rtx_cache(
                RETRANSMISSION_PACKETS,
                RETRANSMISSION_AGE,
                Some(RETRANSMISSION_SHARE),
            );
        }
        Ok(())
    }

    /// Sends one access unit, paced, as [`next_event`](Self::next_event) goes on. Nothing is sent before
    /// [`PeerEvent::Connected`].
    pub(crate) fn send(&mut self, frame: &EncodedVideoFrame, now: Instant) {
        if self.connected {
            let stamp = self.clock.stamp(frame.timestamp, now);
            self.outgoing.push(frame, stamp, now);
        }
    }

    /// Gives str0m the next packets where all earlier ones have left its queue, or the way is narrow, and tells whether there
    /// were any.
    fn feed(&mut self, now: Instant) -> Result<bool, PeerError> {
        let Some(oldest) = self.outgoing.oldest() else {
            return Ok(false);
        };
        let payload_type = self.payload_type.ok_or(PeerError::NoH264)?;
        let mut api = self.rtc.direct_api();
        let stream = api.stream_tx_by_mid(self.mid, None).ok_or(PeerError::NoH264)?;
        let queued = stream.queue_info().map_or(0, StreamTxQueueInfo::packet_count);
        let most = if now.saturating_duration_since(oldest) > HELD_UP_AFTER {
            usize::MAX
        } else if queued == 0 {
            BATCH
        } else {
            return Ok(false);
        };
        Ok(self.outgoing.write(stream, payload_type, most) > 0)
    }

    /// How long nothing has come from the other side. Reports answer what is sent about every second.
    pub(crate) fn silence(&self) -> Duration {
        self.heard_at.elapsed()
    }

    /// Whether packets pile up before the pacer. Frames kept back now can still be dropped whole, down to the next IDR;
    /// frames sent would pile up behind, without bound.
    pub(crate) fn is_congested(&mut self) -> bool {
        let mut api = self.rtc.direct_api();
        let queued = api
            .stream_tx_by_mid(self.mid, None)
            .and_then(|stream| stream.queue_info()?.first_unsent());
        // To str0m a packet is as old as its batch.
        let queued = queued.map(|since| self.outgoing.given().map_or(since, |given| given.min(since)));
        let oldest = [queued, self.outgoing.oldest()].into_iter().flatten().min();
        oldest.is_some_and(|since| since.elapsed() > CONGESTED_AFTER)
    }

    /// Tells the pacer what the camera sends, where that changed.
    pub(crate) fn set_camera_rate(&mut self, figures: VideoFigures) {
        let wanted = start_rate(figures);
        if wanted.abs_diff(self.paced_bps) * 100 > self.paced_bps * RATE_CHANGE_PERCENT {
            self.paced_bps = wanted;
            self.rtc.bwe().set_bitrate(Bitrate::ZERO, Bitrate::from(wanted));
        }
    }

    /// Runs the connection until something happens. Cancel safe.
    pub(crate) async fn next_event(&mut self) -> Result<PeerEvent, PeerError> {
        loop {
            let wake_at = self.advance()?;
            if self.sockets.udp_refused() {
                self.use_tcp();
            }
            if let Some(event) = self.events.pop_front() {
                return Ok(event);
            }
            match tokio::time::timeout_at(wake_at.into(), self.sockets.ready()).await {
                Ok(Ready::Io) => self.receive()?,
                Ok(Ready::Dialled(local)) => self.add_local(local, Protocol::Tcp),
                Err(_elapsed) => {}
            }
        }
    }

    /// Hangs up: queued goodbyes (RTCP BYE, DTLS close_notify) leave before this returns.
    pub(crate) fn close(mut self) {
        if self.rtc.close().is_err() {
            return;
        }
        // Nobody is left to tell about a failure.
        while let Ok(output @ (Output::Transmit(_) | Output::Event(_))) = self.rtc.poll_output() {
            if let Output::Transmit(transmit) = output {
                self.transmit(&transmit);
            }
        }
        self.sockets.flush();
    }

    fn receive(&mut self) -> Result<(), PeerError> {
        let now = Instant::now();
        while let Some(datagram) = self.sockets.receive() {
            self.heard_at = now;
            // What is no STUN, DTLS or SRTP is a stray.
            let Ok(receive) = Receive::new(
                datagram.protocol,
                datagram.source,
                datagram.local,
                datagram.contents,
            ) else {
                continue;
            };
            self.rtc.handle_input(Input::Receive(now, receive))?;
            self.advance()?;
        }
        Ok(())
    }

    /// Lets str0m do all that is due, and tells when it is to be called again. What it sends leaves together.
    fn advance(&mut self) -> Result<Instant, PeerError> {
        let mut now = Instant::now();
        loop {
            // Not taken apart by `?`, which would copy each of these large values once more.
            match self.rtc.poll_output() {
                Ok(Output::Transmit(transmit)) => {
                    self.transmit(&transmit);
                    // The pacer releases a burst packet by packet, each after a timeout of its own.
                    self.rtc.handle_input(Input::Timeout(now))?;
                }
                Ok(Output::Timeout(due)) => {
                    now = Instant::now();
                    if due > now && !self.feed(now)? {
                        self.sockets.flush();
                        return Ok(due);
                    }
                    self.rtc.handle_input(Input::Timeout(now))?;
                }
                Ok(Output::Event(event)) => self.handle(event),
                Err(error) => return Err(error.into()),
            }
        }
    }

    fn transmit(&mut self, transmit: &Transmit) {
        // ICE checks go along every path, all else along the chosen one.
        let is_stun = transmit.contents.first().is_some_and(|first| *first < 4);
        if self.sockets.send(transmit) == Sent::PathLost && !is_stun {
            self.disconnected();
        }
    }

    fn disconnected(&mut self) {
        if std::mem::replace(&mut self.connected, false) {
            self.events.push_back(PeerEvent::Disconnected);
        }
    }

    fn handle(&mut self, event: Event) {
        match event {
            Event::Connected => {
                self.connected = true;
                self.events.push_back(PeerEvent::Connected);
            }
            Event::IceConnectionStateChange(IceConnectionState::Disconnected) | Event::Closed => {
                self.disconnected();
            }
            Event::KeyframeRequest(_) => self.events.push_back(PeerEvent::KeyframeRequested),
            Event::EgressBitrateEstimate(BweKind::Twcc { estimate, .. }) => {
                self.events.push_back(PeerEvent::Estimate(estimate.as_u64()));
            }
            Event::MediaEgressStats(egress) => {
                self.stats = TransportStats {
                    rtt: egress.rtt.or(self.stats.rtt),
                    loss: egress.loss.map(f64::from),
                    nacks: egress.nacks,
                    plis: egress.plis + egress.firs,
                    packets: egress.packets,
                };
                self.events.push_back(PeerEvent::Stats(self.stats));
            }
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests;
