//! One client's connection: RTSP, as little of it as clients ask for.

use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpStream, UdpSocket};

use anyhow::{Context, Result, bail};
use quinn_udp::UdpSocketState;
use throughline_bench_pure::server::{answer, next_request};
use throughline_rtsp::headers::{LowerTransport, Transport};
use throughline_rtsp::{Method, Request};

use super::media::{Media, Road};
use super::prepared::Prepared;
use super::queue::ReceiveQueue;
use crate::report;

/// Pairs of ports that are tried.
const PORT_TRIALS: usize = 64;

/// An answer, and what it begins.
#[derive(Debug)]
pub(super) struct Answer {
    pub(super) bytes: Vec<u8>,
    pub(super) plays: bool,
}

#[derive(Debug)]
pub(super) struct Session {
    pub(super) stream: TcpStream,
    peer: SocketAddr,
    received: Vec<u8>,
    /// Answers that are due, not yet written.
    pub(super) out: Vec<u8>,
    pub(super) camera: usize,
    units: usize,
    window: usize,
    requests: Vec<String>,
    pub(super) media: Option<Media>,
    pub(super) is_closed: bool,
}

impl Session {
    pub(super) fn new(stream: TcpStream, peer: SocketAddr) -> Self {
        Session {
            stream,
            peer,
            received: Vec::new(),
            out: Vec::new(),
            camera: 0,
            units: 0,
            window: 0,
            requests: Vec::new(),
            media: None,
            is_closed: false,
        }
    }

    /// Reads what has come, and gives the answers to it.
    pub(super) fn read(&mut self, prepared: &Prepared) -> Result<Vec<Answer>> {
        let mut answers = Vec::new();
        let mut chunk = [0; 4096];
        loop {
            match self.stream.read(&mut chunk) {
                Ok(0) => self.is_closed = true,
                Ok(read) => {
                    self.received
                        .extend_from_slice(chunk.get(..read).unwrap_or_default());
                    continue;
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                Err(_) => self.is_closed = true,
            }
            break;
        }
        while let Some(request) = next_request(&mut self.received)? {
            answers.push(self.answer(prepared, &request)?);
        }
        Ok(answers)
    }

    fn answer(&mut self, prepared: &Prepared, request: &Request) -> Result<Answer> {
        self.requests.push(request.method.as_str().to_owned());
        self.read_path(&request.uri);
        self.units = self.units.min(prepared.len());
        self.is_closed |= request.method == Method::Teardown;
        Ok(Answer {
            bytes: answer(request, &prepared.description, |asked| self.set_up(asked))?,
            plays: request.method == Method::Play,
        })
    }

    /// `rtsp://host/UNITS/WINDOW/CAMERA/..`.
    fn read_path(&mut self, uri: &str) {
        let path = uri.splitn(4, '/').nth(3).unwrap_or_default();
        let mut numbers = path.split('/').map_while(|part| part.parse().ok());
        if let (Some(units), Some(window), Some(camera)) = (numbers.next(), numbers.next(), numbers.next()) {
            (self.units, self.window, self.camera) = (units, window, camera);
        }
    }

    fn set_up(&mut self, asked: Transport) -> Result<Transport> {
        if asked.lower == LowerTransport::Tcp {
            self.media = Some(Media::new(Road::Interleaved, self.units));
            return Ok(Transport::interleaved(0, 1));
        }
        let (port, _) = asked.client_port.context("neither TCP nor a port")?;
        let destination = SocketAddr::new(self.peer.ip(), port);
        let (rtp, reports) = pair(self.stream.local_addr()?)?;
        let server = rtp.local_addr()?.port();
        self.media = Some(Media::new(
            Road::Datagrams {
                state: UdpSocketState::new((&rtp).into())?,
                rtp,
                _rtcp: reports,
                destination,
                queue: ReceiveQueue::new(destination, self.window)?,
            },
            self.units,
        ));
        Ok(Transport {
            server_port: Some((server, server + 1)),
            ..asked
        })
    }

    /// Writes the answers that are due.
    pub(super) fn flush(&mut self) -> io::Result<()> {
        while !self.out.is_empty() {
            match self.stream.write(&self.out) {
                Ok(written) => drop(self.out.drain(..written)),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(()),
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    /// What there is to tell of it.
    pub(super) fn report(&mut self, prepared: &Prepared) -> report::Session {
        let mut report = report::Session {
            camera: self.camera,
            requests: std::mem::take(&mut self.requests),
            ..report::Session::default()
        };
        if let Some(media) = &mut self.media {
            report.sent = prepared.amount(media.written);
            report.digest = prepared.digest(media.written);
            report.waited = media.waited();
            report.dropped = media.dropped();
            report.late = media.late;
            report.latest = media.latest;
            report.written = std::mem::take(&mut media.log);
        }
        report
    }
}

/// A port with an even number and the next.
fn pair(local: SocketAddr) -> Result<(UdpSocket, UdpSocket)> {
    for _ in 0..PORT_TRIALS {
        let rtp = UdpSocket::bind(SocketAddr::new(local.ip(), 0))?;
        let port = rtp.local_addr()?.port();
        if port % 2 == 0
            && let Ok(rtcp) = UdpSocket::bind(SocketAddr::new(local.ip(), port + 1))
        {
            return Ok((rtp, rtcp));
        }
    }
    bail!("no pair of ports is free")
}
