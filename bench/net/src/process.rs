//! What a process is told about where it runs, and what it finds out about itself.

use std::fs;

use anyhow::Result;
use nix::sched::{CpuSet, sched_setaffinity};
use nix::sys::prctl;
use nix::sys::resource::{Usage, UsageWho, getrusage};
use nix::sys::signal::Signal;
use nix::sys::time::TimeValLike;
use nix::unistd::Pid;

/// Keeps this process, and those that it starts, on one core, and ends it when who started it is gone.
pub fn settle(core: usize) -> Result<()> {
    prctl::set_pdeathsig(Signal::SIGKILL)?;
    let mut cores = CpuSet::new();
    cores.set(core)?;
    sched_setaffinity(Pid::from_raw(0), &cores)?;
    Ok(())
}

/// CPU time and context switches of all threads.
#[derive(Clone, Copy, Debug, Default)]
pub struct Spent {
    /// In user mode and in the kernel, in ns.
    pub cpu: u64,
    /// Times that a thread went to sleep.
    pub sleeps: u64,
}

impl Spent {
    /// By this process so far.
    pub fn by_this_process() -> Result<Self> {
        Ok(getrusage(UsageWho::RUSAGE_SELF)?.into())
    }

    /// By the children that were waited for.
    pub fn by_children() -> Result<Self> {
        Ok(getrusage(UsageWho::RUSAGE_CHILDREN)?.into())
    }
}

impl From<Usage> for Spent {
    fn from(usage: Usage) -> Self {
        let cpu = usage.user_time().num_microseconds() + usage.system_time().num_microseconds();
        Spent {
            cpu: u64::try_from(cpu).unwrap_or_default() * 1000,
            sleeps: u64::try_from(usage.voluntary_context_switches()).unwrap_or_default(),
        }
    }
}

/// The largest resident size of the children that were waited for, in bytes.
pub fn peak_of_children() -> Result<u64> {
    let kib = getrusage(UsageWho::RUSAGE_CHILDREN)?.max_rss();
    Ok(u64::try_from(kib).unwrap_or_default() * 1024)
}

/// A figure of `/proc/self/status`, such as `VmHWM`, in bytes.
pub fn memory(name: &str) -> Result<u64> {
    let status = fs::read_to_string("/proc/self/status")?;
    let line = status.lines().find_map(|line| line.strip_prefix(name));
    let kib = line.and_then(|line| line.trim_matches([':', '\t', ' ', 'k', 'B']).parse::<u64>().ok());
    Ok(kib.unwrap_or_default() * 1024)
}
