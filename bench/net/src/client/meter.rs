//! What is measured, and from when to when.

use anyhow::Result;
use throughline_bench_pure::digest::hash;

use super::{Allocations, Options};
use crate::clock;
use crate::process::{Spent, memory};
use crate::report::{Client, Measured, Received};

/// The measured part begins when every camera has come as far as one in so many of all its pictures.
const WARM_UP: u64 = 10;

/// Counts what comes, and reads the process's figures when the measured part begins and when it ends.
///
/// It begins when the last camera is warm and ends when the first has all: in between all of them play, and neither
/// connecting nor the end is in it.
pub(super) struct Meter {
    cameras: Vec<Received>,
    connecting: Vec<u64>,
    /// What each camera is to bring.
    full: u64,
    cold: usize,
    progress: u64,
    payload: u64,
    begun: Option<Reading>,
    measured: Option<Measured>,
    resident: u64,
    digests: bool,
    times: bool,
    allocations: Allocations,
}

struct Reading {
    at: u64,
    spent: Spent,
    allocations: u64,
    progress: u64,
    payload: u64,
}

impl Meter {
    /// For `full` of whatever the client counts.
    pub(super) fn new(options: &Options, full: u64, allocations: Allocations) -> Self {
        let handed = if options.times {
            usize::try_from(full).unwrap_or_default()
        } else {
            0
        };
        let received = || Received {
            handed: Vec::with_capacity(handed),
            ..Received::default()
        };
        Meter {
            cameras: (0..options.cameras).map(|_| received()).collect(),
            connecting: vec![0; options.cameras],
            full,
            cold: options.cameras,
            progress: 0,
            payload: 0,
            begun: None,
            measured: None,
            resident: 0,
            digests: options.digest,
            times: options.times,
            allocations,
        }
    }

    /// The camera is about to be connected to.
    pub(super) fn connects(&mut self, camera: usize) {
        if let Some(connecting) = self.connecting.get_mut(camera) {
            *connecting = clock::now();
        }
    }

    /// A picture is in the caller's hands. Whether the camera has brought all.
    pub(super) fn picture(&mut self, camera: usize, data: &[u8]) -> bool {
        self.payload += data.len() as u64;
        if let Some(received) = self.cameras.get_mut(camera) {
            received.payload += data.len() as u64;
            if self.times {
                received.handed.push(clock::now());
            }
            if self.digests {
                received.digest.add(hash(data));
            }
        }
        self.advance(camera, 1)
    }

    /// So much more has come. Whether the camera has brought all.
    pub(super) fn advance(&mut self, camera: usize, by: u64) -> bool {
        let Some(received) = self.cameras.get_mut(camera) else {
            return true;
        };
        if received.progress == 0 {
            let connecting = self.connecting.get(camera).copied().unwrap_or_default();
            received.first = clock::now() - connecting;
        }
        let warm = self.full / WARM_UP;
        let was_cold = received.progress < warm;
        received.progress += by;
        self.progress += by;
        let (is_warm, is_full) = (received.progress >= warm, received.progress >= self.full);
        if was_cold && is_warm {
            self.cold -= 1;
            if self.cold == 0 {
                self.begun = self.read().ok();
            }
        }
        if is_full && self.measured.is_none() {
            self.measured = self.measure().ok().flatten();
            self.resident = memory("VmRSS").unwrap_or_default();
        }
        is_full
    }

    fn read(&self) -> Result<Reading> {
        Ok(Reading {
            at: clock::now(),
            spent: Spent::by_this_process()?,
            allocations: (self.allocations)(),
            progress: self.progress,
            payload: self.payload,
        })
    }

    fn measure(&self) -> Result<Option<Measured>> {
        let Some(begun) = &self.begun else { return Ok(None) };
        let now = self.read()?;
        Ok(Some(Measured {
            elapsed: now.at - begun.at,
            cpu: now.spent.cpu - begun.spent.cpu,
            sleeps: now.spent.sleeps - begun.spent.sleeps,
            allocations: now.allocations - begun.allocations,
            progress: now.progress - begun.progress,
            payload: now.payload - begun.payload,
        }))
    }

    /// What there is to tell.
    pub(super) fn report(&mut self) -> Result<Client> {
        Ok(Client {
            cameras: std::mem::take(&mut self.cameras),
            measured: self.measured,
            resident: self.resident,
            peak: memory("VmHWM")?,
        })
    }
}
