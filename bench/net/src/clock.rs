//! The clock that sender and clients share.

use nix::time::{ClockId, clock_gettime};

/// Nanoseconds of the machine's monotonic clock, the same in all processes.
pub fn now() -> u64 {
    let Ok(time) = clock_gettime(ClockId::CLOCK_MONOTONIC) else {
        return 0;
    };
    let whole = u64::try_from(time.tv_sec()).unwrap_or_default();
    whole * 1_000_000_000 + u64::try_from(time.tv_nsec()).unwrap_or_default()
}
