//! The clients. Each takes the same media off the same sender, one process, one core, and tells what it took.

mod ffmpeg;
mod floor;
mod meter;
mod retina;
mod throughline;

use std::io::{self, Write};
use std::sync::{Arc, Mutex, PoisonError};

use anyhow::Result;
use clap::{Parser, Subcommand};

use crate::process;
use meter::Meter;

/// Calls of the allocator that gave memory, so far.
pub type Allocations = fn() -> u64;

/// What a client is to do.
#[derive(Clone, Debug, Parser)]
pub struct Options {
    /// `host:port` of the sender.
    #[arg(long)]
    address: String,
    /// Cameras at once.
    #[arg(long, default_value_t = 1)]
    cameras: usize,
    /// Access units to be asked for of each camera.
    #[arg(long)]
    units: u64,
    /// What those are in bytes as they travel: all that the floor can count.
    #[arg(long)]
    wire: u64,
    /// Bytes that the sender keeps in the client's UDP socket at most; 0 for whatever comes.
    #[arg(long, default_value_t = 0)]
    window: usize,
    /// Datagrams in place of interleaved packets.
    #[arg(long)]
    udp: bool,
    /// Hashes the pictures: not for what is measured.
    #[arg(long)]
    digest: bool,
    /// Notes when each picture came.
    #[arg(long)]
    times: bool,
    /// The core that it keeps to.
    #[arg(long, default_value_t = 1)]
    core: usize,
    #[command(subcommand)]
    client: Kind,
}

/// Which client.
#[derive(Clone, Copy, Debug, Subcommand)]
enum Kind {
    /// Receives and throws away: epoll and 256 KiB at a time, or GRO.
    Floor,
    /// The same with `recvmmsg` of 64 datagrams.
    FloorRecvmmsg,
    /// The ingest engine by its public API.
    Throughline,
    /// The crate `retina`.
    Retina,
    /// `ffmpeg -c copy -f null -`.
    Ffmpeg,
}

impl Options {
    fn url(&self, camera: usize) -> String {
        let Options {
            address,
            units,
            window,
            ..
        } = self;
        format!("rtsp://{address}/{units}/{window}/{camera}")
    }
}

/// Runs one client and prints its report.
pub fn run(options: &Options, allocations: Allocations) -> Result<()> {
    process::settle(options.core)?;
    let report = match options.client {
        Kind::Floor => floor::run(options, floor::Datagrams::Gro, allocations)?,
        Kind::FloorRecvmmsg => floor::run(options, floor::Datagrams::Recvmmsg, allocations)?,
        Kind::Throughline => throughline::run(options, allocations)?,
        Kind::Retina => retina::run(options, allocations)?,
        Kind::Ffmpeg => ffmpeg::run(options)?,
    };
    let mut line = serde_json::to_vec(&report)?;
    line.push(b'\n');
    io::stdout().write_all(&line)?;
    Ok(())
}

/// The meter, as the tasks of one runtime share it.
#[derive(Clone)]
struct SharedMeter(Arc<Mutex<Meter>>);

impl SharedMeter {
    fn new(options: &Options, allocations: Allocations) -> Self {
        SharedMeter(Arc::new(Mutex::new(Meter::new(
            options,
            options.units,
            allocations,
        ))))
    }

    fn with<T>(&self, what: impl FnOnce(&mut Meter) -> T) -> T {
        what(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// One thread, as for the floor.
fn runtime() -> io::Result<tokio::runtime::Runtime> {
    tokio::runtime::Builder::new_current_thread().enable_all().build()
}
