//! An RTSP server of one thread that never lets a client wait: its packets are prepared, and it does one thing at a time.

mod media;
mod prepared;
mod queue;
mod session;

use std::cmp::Reverse;
use std::collections::{BTreeMap, BinaryHeap};
use std::io::{self, Write};
use std::net::{Ipv4Addr, TcpListener};
use std::path::PathBuf;
use std::time::Duration;

use anyhow::Result;
use clap::{Parser, ValueEnum};
use nix::sys::epoll::{Epoll, EpollCreateFlags, EpollEvent, EpollFlags, EpollTimeout};
use nix::sys::time::TimeSpec;
use nix::sys::timerfd::{ClockId, Expiration, TimerFd, TimerFlags, TimerSetTimeFlags};

use crate::report::Ready;
use crate::{clock, process};
use media::Pumped;
use prepared::{Framing, Prepared};
use session::{Answer, Session};

/// When what was sent is left to the client, before the connection is closed.
const LINGER: u64 = 300_000_000;
const LISTENER: u64 = u64::MAX;
const TIMER: u64 = u64::MAX - 1;
/// From one picture to the next, in ns.
pub const INTERVAL: u64 = 1_000_000_000 / 30;
/// The golden ratio's fraction, in millionths: multiples of it spread any number of cameras evenly.
const SPREAD: u64 = 618_034;

/// When packets are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Rate {
    /// As fast as the client reads.
    Saturated,
    /// Each access unit at its time, thirty a second.
    RealTime,
}

/// What one write, or one system call for datagrams, holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum WriteStyle {
    /// An access unit.
    AccessUnit,
    /// A packet, those of an access unit one right behind the other: what servers do that write as they packetize.
    Packet,
    /// A packet, those of an access unit evenly over the time to the next: what a pacing camera does.
    Spread,
}

/// What the sender sends.
#[derive(Debug, Parser)]
pub struct Options {
    /// An H.264 byte stream.
    pub stream: PathBuf,
    /// Access units that are prepared: the longest session.
    #[arg(long)]
    pub units: usize,
    /// When.
    #[arg(long, value_enum)]
    pub rate: Rate,
    /// How.
    #[arg(long, value_enum, default_value = "access-unit")]
    pub style: WriteStyle,
    /// Datagrams in place of interleaved packets.
    #[arg(long)]
    pub udp: bool,
    /// Each answer takes as long, in ms.
    #[arg(long, default_value_t = 0)]
    pub answer_delay: u64,
    /// Cameras begin so long after the first PLAY, in ms: time for the others to connect, which is not measured.
    #[arg(long, default_value_t = 0)]
    pub hold: u64,
    /// And then within this time, in ms, each at its own phase.
    #[arg(long, default_value_t = 0)]
    pub spread: u64,
    /// The core that it keeps to.
    #[arg(long, default_value_t = 0)]
    pub core: usize,
}

/// What is to be done at a time.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Task {
    Answer { bytes: Vec<u8>, plays: bool },
    Media,
    Close,
}

struct Server {
    options: Options,
    prepared: Prepared,
    epoll: Epoll,
    timer: TimerFd,
    listener: TcpListener,
    sessions: BTreeMap<u64, Session>,
    tasks: BinaryHeap<Reverse<(u64, u64, Task)>>,
    spinning: Vec<u64>,
    next: u64,
    /// When the phases of the sessions that there are count from.
    epoch: Option<u64>,
}

/// Serves until it is ended.
pub fn run(options: Options) -> Result<()> {
    process::settle(options.core)?;
    let framing = if options.udp {
        Framing::Datagrams
    } else {
        Framing::Interleaved
    };
    let in_file = options.rate == Rate::Saturated && !options.udp && options.style == WriteStyle::AccessUnit;
    let prepared = Prepared::new(&std::fs::read(&options.stream)?, options.units, framing, in_file)?;
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
    listener.set_nonblocking(true)?;
    let ready = Ready {
        port: listener.local_addr()?.port(),
        whole: prepared.amount(prepared.len()),
    };
    let epoll = Epoll::new(EpollCreateFlags::EPOLL_CLOEXEC)?;
    let timer = TimerFd::new(ClockId::CLOCK_MONOTONIC, TimerFlags::TFD_NONBLOCK)?;
    epoll.add(&listener, EpollEvent::new(EpollFlags::EPOLLIN, LISTENER))?;
    epoll.add(
        &timer,
        EpollEvent::new(EpollFlags::EPOLLIN | EpollFlags::EPOLLET, TIMER),
    )?;
    tell(&ready)?;
    Server {
        options,
        prepared,
        epoll,
        timer,
        listener,
        sessions: BTreeMap::new(),
        tasks: BinaryHeap::new(),
        spinning: Vec::new(),
        next: 0,
        epoch: None,
    }
    .run()
}

fn tell(what: &impl serde::Serialize) -> Result<()> {
    let mut line = serde_json::to_vec(what)?;
    line.push(b'\n');
    io::stdout().write_all(&line)?;
    Ok(())
}

impl Server {
    fn run(mut self) -> Result<()> {
        let mut events = [EpollEvent::empty(); 64];
        loop {
            let timeout = self.timeout()?;
            let ready = self.epoll.wait(&mut events, timeout)?;
            for event in events.iter().take(ready) {
                match event.data() {
                    LISTENER => self.accept()?,
                    TIMER => {}
                    id => self.serve(id, event.events())?,
                }
            }
            let now = clock::now();
            while self.tasks.peek().is_some_and(|Reverse((at, ..))| *at <= now) {
                let Some(Reverse((at, id, task))) = self.tasks.pop() else {
                    break;
                };
                self.perform(at, id, task)?;
            }
            for id in std::mem::take(&mut self.spinning) {
                self.pump(id)?;
            }
        }
    }

    /// Not at all while a session spins, else until the next task.
    fn timeout(&self) -> Result<EpollTimeout> {
        let Some(Reverse((at, ..))) = self.tasks.peek() else {
            return Ok(if self.spinning.is_empty() {
                EpollTimeout::NONE
            } else {
                EpollTimeout::ZERO
            });
        };
        if !self.spinning.is_empty() || *at <= clock::now() {
            return Ok(EpollTimeout::ZERO);
        }
        let at = TimeSpec::from(Duration::from_nanos(*at));
        self.timer
            .set(Expiration::OneShot(at), TimerSetTimeFlags::TFD_TIMER_ABSTIME)?;
        Ok(EpollTimeout::NONE)
    }

    fn accept(&mut self) -> Result<()> {
        loop {
            let (stream, peer) = match self.listener.accept() {
                Ok(accepted) => accepted,
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(()),
                Err(error) => return Err(error.into()),
            };
            stream.set_nonblocking(true)?;
            stream.set_nodelay(true)?;
            let flags = EpollFlags::EPOLLIN | EpollFlags::EPOLLOUT | EpollFlags::EPOLLET;
            self.epoll.add(&stream, EpollEvent::new(flags, self.next))?;
            self.sessions.insert(self.next, Session::new(stream, peer));
            self.next += 1;
        }
    }

    fn serve(&mut self, id: u64, events: EpollFlags) -> Result<()> {
        let Some(session) = self.sessions.get_mut(&id) else {
            return Ok(());
        };
        if events.intersects(EpollFlags::EPOLLIN | EpollFlags::EPOLLHUP | EpollFlags::EPOLLERR) {
            let at = clock::now() + self.options.answer_delay * 1_000_000;
            for Answer { bytes, plays } in session.read(&self.prepared)? {
                self.tasks.push(Reverse((at, id, Task::Answer { bytes, plays })));
            }
            if session.is_closed {
                return self.close(id);
            }
        }
        self.pump(id)
    }

    fn perform(&mut self, at: u64, id: u64, task: Task) -> Result<()> {
        let Some(session) = self.sessions.get_mut(&id) else {
            return Ok(());
        };
        match task {
            Task::Answer { bytes, plays } => {
                session.out.extend(bytes);
                if plays {
                    let epoch = *self.epoch.get_or_insert(at + self.options.hold * 1_000_000);
                    // Millionths of a time in ms are nanoseconds.
                    let phase = session.camera as u64 * SPREAD % 1_000_000 * self.options.spread;
                    self.tasks
                        .push(Reverse(((epoch + phase).max(at), id, Task::Media)));
                }
            }
            Task::Media => {
                let (style, rate) = (self.options.style, self.options.rate);
                let next = session
                    .media
                    .as_mut()
                    .and_then(|media| media.advance(&self.prepared, style, rate, at));
                if let Some(next) = next {
                    self.tasks.push(Reverse((next, id, Task::Media)));
                }
            }
            Task::Close => return self.close(id),
        }
        self.pump(id)
    }

    /// Writes what is due of answers and media.
    fn pump(&mut self, id: u64) -> Result<()> {
        let Some(session) = self.sessions.get_mut(&id) else {
            return Ok(());
        };
        let between = session
            .media
            .as_ref()
            .is_none_or(|media| media.is_between_packets(&self.prepared));
        if between && session.flush().is_err() {
            return self.close(id);
        }
        let Some(media) = session.media.as_mut() else {
            return Ok(());
        };
        let was_complete = media.is_complete();
        match media.pump(
            &self.prepared,
            self.options.style,
            self.options.rate,
            &session.stream,
        ) {
            Ok(Pumped::Spinning) => self.spinning.push(id),
            Ok(Pumped::Idle | Pumped::Blocked) => {}
            // The client has all it wanted, or has failed, of which it tells itself.
            Err(_) => return self.close(id),
        }
        if !was_complete && media.is_complete() {
            self.tasks.push(Reverse((clock::now() + LINGER, id, Task::Close)));
        }
        Ok(())
    }

    fn close(&mut self, id: u64) -> Result<()> {
        let Some(mut session) = self.sessions.remove(&id) else {
            return Ok(());
        };
        if session.media.as_ref().is_some_and(|media| media.written > 0) {
            tell(&session.report(&self.prepared))?;
        }
        if self.sessions.is_empty() {
            self.epoch = None;
        }
        Ok(())
    }
}
