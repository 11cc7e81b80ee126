//! A client that blocks on `std::net`: plays a camera's H.264 over the RTSP connection, Annex-B to stdout.
//!
//!     cargo run -p throughline-rtsp --example blocking_client -- rtsp://user:password@192.0.2.10/ | ffplay -

use std::error::Error;
use std::io::{ErrorKind, Read as _, Write as _, stdout};
use std::net::TcpStream;
use std::time::{Duration, Instant, UNIX_EPOCH};

use throughline_h264::{AccessUnit, Depacketizer, DepacketizerConfig, ParameterSets, RtpPayload, Timestamp};
use throughline_rtp::{ClockRate, Packet, Timeline};
use throughline_rtsp::client::{
    ClientSession, Event, Output, Received, SessionConfig, TransportRequest, Tunnel,
};
use throughline_rtsp::{RtspUrl, Security};
use throughline_sdp::Format;

fn main() -> Result<(), Box<dyn Error>> {
    let url = std::env::args().nth(1);
    let url = url.ok_or("usage: blocking_client rtsp://..")?;
    play(&url, |unit| stdout().write_all(&unit.data).is_ok())
}

/// Plays until `picture` has had enough and returns false.
pub(crate) fn play(url: &str, mut picture: impl FnMut(&AccessUnit) -> bool) -> Result<(), Box<dyn Error>> {
    let (url, credentials) = RtspUrl::parse(url)?;
    let mut config = SessionConfig::new(url);
    config.credentials = credentials;
    // The seed: Digest answers want a number that the last session did not have.
    let mut session = ClientSession::new(config, UNIX_EPOCH.elapsed()?.subsec_nanos().into());
    let (mut connection, mut unread) = (None::<TcpStream>, Vec::new());
    let (mut payload_type, mut next) = (None, None);
    let mut timeline = Timeline::new(ClockRate::VIDEO);
    let mut depacketizer = Depacketizer::new(DepacketizerConfig::default());
    session.start(Instant::now());
    loop {
        let now = Instant::now();
        match (session.poll_output(), &mut connection) {
            (Output::Connect(to), _) if to.security == Security::Tls || to.tunnel != Tunnel::None => {
                return Err("neither TLS nor a tunnel here".into());
            }
            (Output::Connect(to), _) => {
                connection = Some(TcpStream::connect((to.host.as_str(), to.port))?);
                unread.clear();
                session.handle_connected(now);
            }
            (Output::Transmit(bytes), Some(connection)) => connection.write_all(&bytes)?,
            (Output::Event(Event::Described(description)), _) => {
                let mut media = description.media().iter().enumerate();
                let h264 = media.find_map(|(at, media)| Some((at, media.formats().find(Format::is_h264)?)));
                let (at, format) = h264.ok_or("the camera has no H.264")?;
                if let Some(sets) = format.fmtp.and_then(|fmtp| fmtp.get("sprop-parameter-sets")) {
                    depacketizer.set_parameter_sets(&ParameterSets::from_sprop(sets));
                }
                (payload_type, next) = (Some(format.payload_type), None);
                session.setup(now, at, TransportRequest::Tcp);
                session.play(now);
            }
            (Output::Event(Event::Failed(error) | Event::SetUpRefused(error)), _) => return Err(error.into()),
            (Output::Event(Event::TornDown), _) => return Ok(()),
            (Output::Idle { wake_at }, Some(connection)) => {
                let (consumed, received) = session.receive(now, &unread);
                let is_incomplete = received == Received::Incomplete;
                let packet = match received {
                    Received::Interleaved { payload, .. } => Packet::parse(payload).ok(),
                    _ => None,
                };
                // RTCP, read as RTP, has another payload type.
                if let Some(packet) = packet.filter(|packet| payload_type == Some(packet.payload_type().0)) {
                    // Nothing overtakes on TCP: what is missing was never sent.
                    let number = packet.sequence_number().0;
                    let expected = next.replace(number.wrapping_add(1)).unwrap_or(number);
                    let pushed = depacketizer.push(RtpPayload {
                        data: packet.payload(),
                        timestamp: Timestamp(timeline.unwrap(packet.timestamp(), now).0),
                        marker: packet.marker(),
                        lost_before: number.wrapping_sub(expected).into(),
                    });
                    pushed.unwrap_or_else(|error| eprintln!("payload passed over: {error}"));
                }
                unread.drain(..consumed);
                if is_incomplete {
                    // The millisecond because zero would mean no limit.
                    let left = |at: Instant| at.saturating_duration_since(now) + Duration::from_millis(1);
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
            _ => {}
        }
        while let Some(unit) = depacketizer.pop() {
            if payload_type.is_some() && !picture(&unit) {
                payload_type = None;
                session.teardown(now);
            }
        }
    }
}
