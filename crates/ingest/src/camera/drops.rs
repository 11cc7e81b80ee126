//! What the kernel dropped of the media over UDP.

use std::time::{Duration, Instant};

/// So often the driver is asked: some hundred cameras may lose packets at the same time.
const ASK_EVERY: Duration = Duration::from_secs(10);

/// Asks while packets are lost, and once more, for what is known may be as old as [`ASK_EVERY`].
#[derive(Debug, Default)]
pub(super) struct KernelDrops {
    asked_at: Option<Instant>,
    /// Packets that were lost when it was asked, and the time before.
    lost: [u64; 2],
    /// By this connection's socket.
    dropped: u32,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Wish {
    None,
    /// To be told how many there are by now.
    Count,
}

impl KernelDrops {
    pub(super) fn poll(&mut self, now: Instant, lost: u64) -> Wish {
        let [asked, before] = self.lost;
        let is_due = self.asked_at.is_none_or(|asked_at| asked_at + ASK_EVERY <= now);
        if !is_due || (lost == asked && asked == before) {
            return Wish::None;
        }
        self.asked_at = Some(now);
        self.lost = [lost, asked];
        Wish::Count
    }

    /// Of `dropped` since the socket was bound, those that are new. The kernel's count may wrap, and another thread's reading
    /// of it may be older than the one before.
    pub(super) fn on_count(&mut self, dropped: u32) -> u32 {
        let new = dropped.wrapping_sub(self.dropped);
        if new > u32::MAX / 2 {
            return 0;
        }
        self.dropped = dropped;
        new
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_asked_while_packets_are_lost_and_once_more() {
        let start = Instant::now();
        let mut drops = KernelDrops::default();
        let lost_by = |second: u64| match second {
            0..10 => 0,
            10..35 => second,
            _ => 35,
        };
        let asked: Vec<u64> = (0..120)
            .step_by(2)
            .filter(|second| {
                drops.poll(start + Duration::from_secs(*second), lost_by(*second)) == Wish::Count
            })
            .collect();
        assert_eq!(asked, [10, 20, 30, 40, 50]);
    }

    #[test]
    fn only_what_is_new_counts() {
        let mut drops = KernelDrops::default();
        assert_eq!([7, 7, 12].map(|dropped| drops.on_count(dropped)), [7, 0, 5]);
        assert_eq!(drops.on_count(9), 0, "an older reading");
        drops.dropped = u32::MAX;
        assert_eq!(drops.on_count(3), 4);
    }
}
