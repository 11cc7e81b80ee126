//! The media of one session: what is due, what is written, and how.

use std::io::{self, Write};
use std::net::{SocketAddr, TcpStream, UdpSocket};

use anyhow::{Context, Result};
use nix::errno::Errno;
use nix::sys::sendfile::sendfile;
use quinn_udp::{Transmit, UdpSocketState};

use super::prepared::{Prepared, Store};
use super::queue::ReceiveQueue;
use super::{INTERVAL, Rate, WriteStyle};
use crate::clock;

/// A write that came later than this was not in real time.
const LATE: u64 = 10_000_000;
/// Bytes of one write where nothing paces them.
const SATURATED_WRITE: u64 = 1 << 20;
/// Bytes of the datagrams of one system call.
const MAX_RUN: usize = 65_000;
/// Bytes that the kernel counts for a datagram in a receive buffer beside its contents, roughly.
const DATAGRAM_OVERHEAD: usize = 1024;

/// How packets get to the client.
#[derive(Debug)]
pub(super) enum Road {
    Interleaved,
    Datagrams {
        state: UdpSocketState,
        rtp: UdpSocket,
        /// Held, so that the client's reports find somebody.
        _rtcp: UdpSocket,
        destination: SocketAddr,
        queue: ReceiveQueue,
    },
}

/// Whether there is more to do now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Pumped {
    /// All that is due is written.
    Idle,
    /// The socket tells when the client has read.
    Blocked,
    /// Nothing tells when the client has read: look again.
    Spinning,
}

#[derive(Debug)]
pub(super) struct Media {
    pub(super) road: Road,
    /// Access units that are asked for.
    pub(super) units: usize,
    /// The next packet, of which some bytes may be written.
    packet: usize,
    /// Bytes written.
    cursor: u64,
    /// Packets before this one are due.
    due: usize,
    /// Access units that are written.
    pub(super) written: usize,
    /// Just before the last packet of each.
    pub(super) log: Vec<u64>,
    pub(super) late: u64,
    pub(super) latest: u64,
    begun: u64,
    ended: u64,
    waiting_since: Option<u64>,
    waited: u64,
}

impl Media {
    pub(super) fn new(road: Road, units: usize) -> Self {
        Media {
            road,
            units,
            packet: 0,
            cursor: 0,
            due: 0,
            written: 0,
            log: Vec::new(),
            late: 0,
            latest: 0,
            begun: 0,
            ended: 0,
            waiting_since: None,
            waited: 0,
        }
    }

    /// Makes due what `at` brings, and says when the next comes.
    pub(super) fn advance(
        &mut self,
        prepared: &Prepared,
        style: WriteStyle,
        rate: Rate,
        at: u64,
    ) -> Option<u64> {
        let end = prepared.first_packet(self.units);
        if self.begun == 0 {
            self.begun = clock::now();
        }
        if rate == Rate::Saturated {
            self.due = end;
            return None;
        }
        let unit = self.units_before(prepared, self.due);
        let (first, next) = (prepared.first_packet(unit), prepared.first_packet(unit + 1));
        let lateness = clock::now().saturating_sub(at);
        self.latest = self.latest.max(lateness);
        self.late += u64::from(lateness > LATE);
        let wait = if style == WriteStyle::Spread {
            self.due += 1;
            // What a division leaves over goes behind the last packet.
            let step = INTERVAL / (next - first) as u64;
            if self.due < next {
                step
            } else {
                INTERVAL - step * (next - first - 1) as u64
            }
        } else {
            self.due = next;
            INTERVAL
        };
        (self.due < end).then_some(at + wait)
    }

    /// Access units whose packets all come before this one. They are never far from those that are written.
    fn units_before(&self, prepared: &Prepared, packet: usize) -> usize {
        (self.written..self.units)
            .take_while(|unit| prepared.first_packet(unit + 1) <= packet)
            .count()
            + self.written
    }

    pub(super) fn is_complete(&self) -> bool {
        self.written == self.units
    }

    /// Whether an answer may be written without cutting a packet in two.
    pub(super) fn is_between_packets(&self, prepared: &Prepared) -> bool {
        self.cursor == prepared.edge(self.packet)
    }

    /// Share of the time in which the client was what was waited for.
    pub(super) fn waited(&self) -> f64 {
        #[expect(clippy::cast_precision_loss, reason = "a share")]
        let share = |of: u64, all: u64| of as f64 / all.max(1) as f64;
        share(self.waited, self.ended.saturating_sub(self.begun))
    }

    /// Datagrams that the kernel dropped.
    pub(super) fn dropped(&mut self) -> u64 {
        match &mut self.road {
            Road::Interleaved => 0,
            Road::Datagrams { queue, .. } => queue.dropped().unwrap_or_default(),
        }
    }

    /// Writes what is due.
    pub(super) fn pump(
        &mut self,
        prepared: &Prepared,
        style: WriteStyle,
        rate: Rate,
        stream: &TcpStream,
    ) -> Result<Pumped> {
        while self.packet < self.due {
            let before = clock::now();
            let pumped = match &self.road {
                Road::Interleaved => self.write(prepared, style, stream)?,
                Road::Datagrams { .. } => self.send(prepared, style)?,
            };
            if pumped != Pumped::Idle {
                self.waiting_since.get_or_insert(before);
                return Ok(pumped);
            }
            if let Some(since) = self.waiting_since.take() {
                self.waited += before - since;
            }
            while self.written < self.units && prepared.first_packet(self.written + 1) <= self.packet {
                self.written += 1;
                if rate == Rate::RealTime {
                    self.log.push(before);
                }
            }
            self.ended = before;
        }
        Ok(Pumped::Idle)
    }

    fn write(&mut self, prepared: &Prepared, style: WriteStyle, stream: &TcpStream) -> Result<Pumped> {
        let end = match style {
            WriteStyle::AccessUnit => prepared.edge(self.due),
            WriteStyle::Packet | WriteStyle::Spread => prepared.edge(self.packet + 1),
        };
        let written = match &prepared.store {
            Store::Memory(bytes) => {
                let range = usize::try_from(self.cursor)?..usize::try_from(end)?;
                let mut stream = stream;
                stream.write(bytes.get(range).context("no such packet")?)
            }
            Store::File(file) => {
                let length = (end - self.cursor).min(SATURATED_WRITE);
                let mut offset = i64::try_from(self.cursor)?;
                sendfile(stream, file, Some(&mut offset), usize::try_from(length)?).map_err(Errno::into)
            }
        };
        match written {
            Ok(written) => self.cursor += written as u64,
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(Pumped::Blocked),
            Err(error) => return Err(error.into()),
        }
        while self.packet < self.due && prepared.edge(self.packet + 1) <= self.cursor {
            self.packet += 1;
        }
        Ok(Pumped::Idle)
    }

    /// Packets of one size and a shorter one behind them go out in one system call.
    fn send(&mut self, prepared: &Prepared, style: WriteStyle) -> Result<Pumped> {
        let Road::Datagrams {
            state,
            rtp,
            destination,
            queue,
            ..
        } = &mut self.road
        else {
            return Ok(Pumped::Idle);
        };
        let size = |packet| prepared.bytes(packet..packet + 1).len();
        let first = size(self.packet);
        let mut end = self.packet + 1;
        let most = match style {
            WriteStyle::AccessUnit => state.max_gso_segments().min(MAX_RUN / first),
            WriteStyle::Packet | WriteStyle::Spread => 1,
        };
        while end < self.due && end - self.packet < most && size(end) <= first {
            end += 1;
            if size(end - 1) < first {
                break;
            }
        }
        let range = prepared.bytes(self.packet..end);
        if !queue.has_room_for(range.len() + (end - self.packet) * DATAGRAM_OVERHEAD)? {
            return Ok(Pumped::Spinning);
        }
        let Store::Memory(bytes) = &prepared.store else {
            anyhow::bail!("datagrams come from memory");
        };
        let transmit = Transmit {
            destination: *destination,
            ecn: None,
            contents: bytes.get(range).context("no such packet")?,
            segment_size: (end - self.packet > 1).then_some(first),
            src_ip: None,
        };
        match state.try_send((&*rtp).into(), &transmit) {
            Ok(()) => self.packet = end,
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(Pumped::Spinning),
            // The client has closed its socket.
            Err(error) if error.kind() == io::ErrorKind::ConnectionRefused => self.packet = end,
            Err(error) => return Err(error.into()),
        }
        Ok(Pumped::Idle)
    }
}
