//! What sender and clients tell the driver, one line of JSON each.

use serde::{Deserialize, Serialize};
use throughline_bench_pure::digest::Digest;

/// How much media a run is, or was.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Amount {
    /// Access units.
    pub units: u64,
    /// RTP packets.
    pub packets: u64,
    /// Bytes of the access units in Annex-B form: what the figures "per GiB" are about.
    pub payload: u64,
    /// Bytes as they travel: RTP packets, over TCP with the four bytes in front of each.
    pub wire: u64,
}

/// The sender has prepared its packets.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Ready {
    /// Where it listens.
    pub port: u16,
    /// Of one session as long as the prepared packets.
    pub whole: Amount,
}

/// A session is over, told by the sender.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Session {
    /// The camera's number, from the URL.
    pub camera: usize,
    /// Methods in the order of the requests.
    pub requests: Vec<String>,
    /// What was written, of the session's length.
    pub sent: Amount,
    /// Over the access units that were written.
    pub digest: Digest,
    /// Share of the time from the first write to the last in which the sender waited for the client.
    pub waited: f64,
    /// Datagrams that the kernel dropped for want of room in the client's receive buffer.
    pub dropped: u64,
    /// Real time: access units that were written more than 10 ms after their time.
    pub late: u64,
    /// Real time: the latest of them, in ns.
    pub latest: u64,
    /// Real time: just before the last packet of each access unit was written, by the monotonic clock in ns.
    pub written: Vec<u64>,
}

/// What one client saw of one camera.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Received {
    /// Access units; bytes for the floor, which knows no pictures.
    pub progress: u64,
    /// Bytes of access units.
    pub payload: u64,
    /// From the start of connecting to the first access unit, in ns.
    pub first: u64,
    /// Over the access units, where asked for.
    pub digest: Digest,
    /// When each access unit was in the caller's hands, by the monotonic clock in ns, where asked for.
    pub handed: Vec<u64>,
}

/// Over the part of a run that is measured: all cameras play, and the first of them has not ended.
#[derive(Clone, Copy, Debug, Default, Serialize, Deserialize)]
pub struct Measured {
    /// By the clock on the wall, in ns.
    pub elapsed: u64,
    /// CPU time of the process, in ns.
    pub cpu: u64,
    /// Times that a thread went to sleep.
    pub sleeps: u64,
    /// Calls of the allocator that gave memory, where counted.
    pub allocations: u64,
    /// What was received in that time, in the units of [`Received::progress`].
    pub progress: u64,
    /// Bytes of access units among it; 0 for the floor.
    pub payload: u64,
}

/// A client has ended.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Client {
    /// One for each camera.
    pub cameras: Vec<Received>,
    /// Absent where the end was not reached.
    pub measured: Option<Measured>,
    /// Resident at the end of the measured part, in bytes.
    pub resident: u64,
    /// The most that was ever resident, in bytes.
    pub peak: u64,
}
