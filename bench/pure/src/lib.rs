//! What the benches and the counted programs share: a stream, a camera that plays it, the texts of conversations; and with
//! the bench over sockets: what a server answers, and a digest of what came out.
//!
//! Everything is made from fixed seeds: each run does the same work.

use std::time::Duration;

pub mod camera;
pub mod conversation;
pub mod counts;
pub mod digest;
pub mod server;
pub mod stream;

/// What a bench says about one thing: nanoseconds of each item, and not of the whole.
pub fn nanoseconds_each(items: usize, passes: u64, mut pass: impl FnMut() -> Duration) -> Duration {
    let total: Duration = (0..passes).map(|_| pass()).sum();
    total / u32::try_from(items).unwrap_or(u32::MAX)
}
