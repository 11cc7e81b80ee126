//! A client that blocks on `std::net`: plays a camera's H.264 over the RTSP connection, Annex-B to stdout.
//!
//!     cargo run -p throughline-rtsp --example blocking_client -- rtsp://user:password@192.0.2.10/ | ffplay -

use std::error::Error;
use std::io::{ErrorKind, Read as _, Write as _, stdout};
use std::net::TcpStream;
use std::time::{Duration, Instant, UNIX_EPOCH};

use throughline_h264::{AccessUnit, Depacketizer, DepacketizerConfig, ParameterSets, RtpPayload, Timestamp};
use throughline_rtp::{ClockRate, GapPolicy, Packet, Pushed, ReorderBuffer, ReorderConfig, Timeline};
use throughline_rtsp::RtspUrl;
use throughline_rtsp::client::{ClientSession, Event, Output, Received, SessionConfig, TransportRequest};
use throughline_sdp::Format;

fn main() -> Result<(), Box<dyn Error>> {
    let url = std::env::args()
        .nth(1)
        .ok_or("usage: blocking_client rtsp://..")?;
    play(&url, |unit| stdout().write_all(&unit.data).is_ok())
}

/// Plays until `picture` has had enough and returns false.
pub(crate) fn play(url: &str, mut picture: impl FnMut(&AccessUnit) -> bool) -> Result<(), Box<dyn Error>> {
    let (url, credentials) = RtspUrl::parse(url)?;
    let config = SessionConfig {
        credentials,
        ..SessionConfig::new(url)
    };
    // The seed: Digest answers want a number that the last session did not have.
    let mut session = ClientSession::new(config, UNIX_EPOCH.elapsed()?.subsec_nanos().into());
    let (mut connection, mut track, mut unread) = (None, None, Vec::new());
    session.start(Instant::now());
    loop {
        let now = Instant::now();
        let wake_at = match (session.poll_output(), &mut connection) {
            (Output::Connect(to), _) => {
                connection = Some(TcpStream::connect((to.host.as_str(), to.port))?);
                unread.clear();
                session.handle_connected(now);
                continue;
            }
            (Output::Transmit(bytes), Some(connection)) => {
                connection.write_all(&bytes)?;
                continue;
            }
            (Output::Event(Event::Described(description)), _) => {
                let mut media = description.media().iter().enumerate();
                let h264 = media.find_map(|(at, media)| Some((at, media.formats().find(Format::is_h264)?)));
                let (index, format) = h264.ok_or("the camera has no H.264")?;
                track = Some(Track::new(&format));
                session.setup(now, index, TransportRequest::Tcp);
                session.play(now);
                continue;
            }
            (Output::Event(Event::SetUp { transport, .. }), _) => {
                if let (Some(track), Some((rtp, _))) = (&mut track, transport.interleaved) {
                    track.channel = Some(rtp);
                }
                continue;
            }
            (Output::Event(Event::Failed(error) | Event::SetUpRefused(error)), _) => return Err(error.into()),
            (Output::Event(Event::TornDown), _) => return Ok(()),
            (Output::Event(_) | Output::Transmit(_), _) => continue,
            (Output::Idle { wake_at }, _) => wake_at,
        };
        let (consumed, received) = session.receive(now, &unread);
        if let (Received::Interleaved { channel, payload }, Some(track)) = (received, &mut track) {
            track.receive(now, channel, payload);
            while let Some(unit) = track.depacketizer.pop() {
                if !picture(&unit) {
                    session.teardown(now);
                }
            }
        }
        let is_incomplete = received == Received::Incomplete;
        unread.drain(..consumed);
        if let (true, Some(connection)) = (is_incomplete, &mut connection) {
            // Zero would mean no limit.
            let left = |at: Instant| at.saturating_duration_since(now).max(Duration::from_millis(1));
            connection.set_read_timeout(wake_at.map(left))?;
            let mut chunk = [0; 16_384];
            match connection.read(&mut chunk) {
                Ok(0) => session.handle_closed(Instant::now()),
                Ok(length) => unread.extend(chunk.iter().take(length)),
                Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => {
                    session.handle_timeout(Instant::now());
                }
                Err(error) => return Err(error.into()),
            }
        }
    }
}

struct Track {
    payload_type: u8,
    channel: Option<u8>,
    reorder: ReorderBuffer,
    timeline: Timeline,
    depacketizer: Depacketizer,
}

impl Track {
    fn new(format: &Format<'_>) -> Self {
        let mut depacketizer = Depacketizer::new(DepacketizerConfig::default());
        if let Some(sets) = format.fmtp.and_then(|fmtp| fmtp.get("sprop-parameter-sets")) {
            depacketizer.set_parameter_sets(&ParameterSets::from_sprop(sets));
        }
        Self {
            payload_type: format.payload_type,
            channel: None,
            // Nothing overtakes on TCP: what is missing was never sent.
            reorder: ReorderBuffer::new(ReorderConfig {
                loss: GapPolicy::Immediate,
                ..ReorderConfig::default()
            }),
            timeline: Timeline::new(ClockRate::VIDEO),
            depacketizer,
        }
    }

    fn receive(&mut self, now: Instant, channel: u8, bytes: &[u8]) {
        let packet = Packet::parse(bytes).ok();
        let packet = packet
            .filter(|packet| self.channel == Some(channel) && packet.payload_type().0 == self.payload_type);
        if let Some(Pushed::InOrder(ordered)) = packet.map(|packet| self.reorder.push(now, packet)) {
            let pushed = self.depacketizer.push(RtpPayload {
                data: ordered.packet.payload(),
                timestamp: Timestamp(self.timeline.unwrap(ordered.packet.timestamp(), now).0),
                marker: ordered.packet.marker(),
                lost_before: ordered.lost_before,
            });
            pushed.unwrap_or_else(|error| eprintln!("payload passed over: {error}"));
        }
    }
}
