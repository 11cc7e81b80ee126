//! A camera that says just enough to be played, in lockstep with its client: it sends when it is told to.

use std::io::{Read as _, Write as _};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream, UdpSocket};
use std::time::Instant;

use anyhow::{Context as _, bail, ensure};
use quinn_udp::{Transmit, UdpSocketState};
use throughline_rtsp::client::{ClientSession, Event, Output, SessionConfig, TransportRequest};
use throughline_rtsp::headers::Transport;
use throughline_rtsp::{Method, RtspUrl};

use crate::server::{answer, next_request};

const DESCRIPTION: &str = "v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=bench\r\nt=0 0\r\nm=video 0 RTP/AVP 96\r\n\
    a=rtpmap:96 H264/90000\r\na=fmtp:96 packetization-mode=1\r\na=control:track1\r\n";

/// Packets in one GSO send at most: 40 of 1400 bytes are just below what UDP carries.
const MAX_SEGMENTS: usize = 40;

/// A session that plays over TCP.
pub fn playing_session(now: Instant) -> anyhow::Result<ClientSession> {
    let (url, _) = RtspUrl::parse("rtsp://192.0.2.1/stream")?;
    let mut session = ClientSession::new(SessionConfig::new(url), 1);
    let mut unread = Vec::new();
    session.start(now);
    loop {
        match session.poll_output() {
            Output::Connect(_) => session.handle_connected(now),
            Output::Transmit(request) => {
                let request = next_request(&mut request.into())?.context("no request")?;
                unread.extend(answer(&request, DESCRIPTION, Ok)?);
            }
            Output::Event(Event::Described(_)) => {
                session.setup(now, 0, TransportRequest::Tcp);
                session.play(now);
            }
            Output::Event(Event::Playing { .. }) => return Ok(session),
            Output::Event(Event::Failed(error)) => bail!(error),
            Output::Event(_) => {}
            Output::Idle { .. } => {
                let (consumed, _) = session.receive(now, &unread);
                ensure!(consumed > 0, "the session waits for something else");
                unread.drain(..consumed);
            }
        }
    }
}

/// Waits for one client.
pub struct Listening {
    listener: TcpListener,
    media: UdpSocket,
}

/// Its client plays.
pub struct Playing {
    connection: TcpStream,
    media: UdpSocket,
    batches: UdpSocketState,
    /// Where the client wants packets by UDP.
    destination: Option<SocketAddr>,
}

impl Listening {
    pub fn new() -> anyhow::Result<Self> {
        Ok(Self {
            listener: TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?,
            media: UdpSocket::bind((Ipv4Addr::LOCALHOST, 0))?,
        })
    }

    pub fn url(&self) -> anyhow::Result<String> {
        Ok(format!("rtsp://{}/stream", self.listener.local_addr()?))
    }

    /// Answers one client's requests up to its PLAY.
    pub fn play(self) -> anyhow::Result<Playing> {
        let (mut connection, _) = self.listener.accept()?;
        connection.set_nodelay(true)?;
        let server_port = self.media.local_addr()?.port();
        let mut destination = None;
        let mut received = Vec::new();
        loop {
            let mut bytes = [0; 4096];
            let read = connection.read(&mut bytes)?;
            ensure!(read > 0, "the client hangs up");
            received.extend_from_slice(bytes.get(..read).unwrap_or_default());
            let Some(request) = next_request(&mut received)? else {
                continue;
            };
            let answer = answer(&request, DESCRIPTION, |asked| {
                destination = asked
                    .client_port
                    .map(|(rtp, _)| SocketAddr::from((Ipv4Addr::LOCALHOST, rtp)));
                Ok(Transport {
                    server_port: destination.map(|_| (server_port, server_port + 1)),
                    ..asked
                })
            })?;
            connection.write_all(&answer)?;
            if request.method == Method::Play {
                return Ok(Playing {
                    batches: UdpSocketState::new((&self.media).into())?,
                    media: self.media,
                    connection,
                    destination,
                });
            }
        }
    }
}

impl Playing {
    /// Sends the interleaved frames of one picture: in one write, or as datagrams in as few batches as can be.
    pub fn send(&mut self, frames: &[u8]) -> anyhow::Result<()> {
        let Some(destination) = self.destination else {
            return Ok(self.connection.write_all(frames)?);
        };
        let packets: Vec<&[u8]> = packets_in(frames).collect();
        for alike in packets.chunk_by(|first, second| first.len() == second.len()) {
            for batch in alike.chunks(MAX_SEGMENTS) {
                let contents = batch.concat();
                let transmit = Transmit {
                    destination,
                    ecn: None,
                    contents: &contents,
                    segment_size: batch.first().map(|packet| packet.len()),
                    src_ip: None,
                };
                self.batches.try_send((&self.media).into(), &transmit)?;
            }
        }
        Ok(())
    }
}

/// The packets in interleaved frames.
fn packets_in(frames: &[u8]) -> impl Iterator<Item = &[u8]> {
    let mut rest = frames;
    std::iter::from_fn(move || {
        let (&[_, _, high, low], behind) = rest.split_first_chunk()?;
        let (packet, behind) = behind.split_at_checked(u16::from_be_bytes([high, low]).into())?;
        rest = behind;
        Some(packet)
    })
}
