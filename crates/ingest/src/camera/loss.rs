//! How much of the stream is lost, and when that is hopeless.

use std::time::{Duration, Instant};

use crate::Loss;

/// Measured at a time. What is judged is the network's state, not one outage: that fills a window or two.
const WINDOW: Duration = Duration::from_secs(2);
/// So many windows in a row, 10 s, and it is the state.
const WINDOWS: u32 = 5;
/// From this share of packets on a window is bad: a picture of 20 packets is whole with 0.95^20, a third of the time, and a
/// group of pictures never. TCP repeats what is lost.
const BAD_PACKETS_PERCENT: u64 = 5;
/// Or from this share of pictures on: with few key frames, less loss suffices to see nothing half of the time.
const BAD_PICTURES_PERCENT: u64 = 50;

/// Counted since the start of a connection.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Tally {
    /// In time, each once.
    pub(super) received: u64,
    pub(super) lost: u64,
    /// Given out.
    pub(super) pictures: u64,
    /// Damaged, or without their references.
    pub(super) dropped: u64,
    /// Before the first IDR, which may be lost.
    pub(super) waiting: u64,
}

/// Looks at what was lost, window by window.
#[derive(Debug)]
pub(super) struct LossMeter {
    /// Of this window.
    start: (Instant, Tally),
    /// Of the row of bad windows before it.
    row_start: (Instant, Tally),
    bad: u32,
}

impl LossMeter {
    pub(super) fn new(now: Instant) -> Self {
        let start = (now, Tally::default());
        LossMeter {
            start,
            row_start: start,
            bad: 0,
        }
    }

    pub(super) fn wake_at(&self) -> Instant {
        self.start.0 + WINDOW
    }

    /// At the end of a window: what was lost in a whole row of bad ones.
    pub(super) fn poll(&mut self, now: Instant, tally: Tally) -> Option<Loss> {
        if now < self.wake_at() {
            return None;
        }
        if is_bad(self.start, (now, tally)) {
            self.bad += 1;
        } else {
            self.bad = 0;
        }
        self.start = (now, tally);
        let hopeless = self.bad == WINDOWS;
        let loss = loss_between(self.row_start, self.start);
        if hopeless || self.bad == 0 {
            self.bad = 0;
            self.row_start = self.start;
        }
        hopeless.then_some(loss)
    }
}

fn loss_between(from: (Instant, Tally), to: (Instant, Tally)) -> Loss {
    let (before, after) = (from.1, to.1);
    let lost = after.lost.saturating_sub(before.lost);
    let dropped = (after.dropped + after.waiting).saturating_sub(before.dropped + before.waiting);
    Loss {
        lost,
        expected: after.received.saturating_sub(before.received) + lost,
        dropped,
        pictures: after.pictures.saturating_sub(before.pictures) + dropped,
        over: to.0.saturating_duration_since(from.0),
    }
}

/// Pictures count only where packets were lost, and packets where pictures were. Those before the first IDR do not count by
/// themselves: with few key frames, it may just be long in coming.
fn is_bad(from: (Instant, Tally), to: (Instant, Tally)) -> bool {
    let loss = loss_between(from, to);
    let waiting = to.1.waiting.saturating_sub(from.1.waiting);
    let reaches = |part: u64, whole: u64, percent: u64| part > 0 && part * 100 >= whole * percent;
    loss.lost > 0
        && loss.dropped > 0
        && (reaches(loss.lost, loss.expected, BAD_PACKETS_PERCENT)
            || reaches(
                loss.dropped.saturating_sub(waiting),
                loss.pictures,
                BAD_PICTURES_PERCENT,
            ))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The second at which a row of windows of (lost, dropped), of 500 packets and 50 pictures each, is hopeless.
    fn hopeless_after(windows: &[(u64, u64)]) -> Option<(u64, Loss)> {
        let start = Instant::now();
        let (mut meter, mut tally) = (LossMeter::new(start), Tally::default());
        for (second, (lost, dropped)) in (2..).step_by(2).zip(windows) {
            tally.lost += lost;
            tally.received += 500 - lost;
            tally.dropped += dropped;
            tally.pictures += 50 - dropped;
            assert!(
                meter
                    .poll(start + Duration::from_secs(second - 1), tally)
                    .is_none()
            );
            if let Some(loss) = meter.poll(start + Duration::from_secs(second), tally) {
                return Some((second, loss));
            }
        }
        None
    }

    #[test]
    fn a_twentieth_of_the_packets_or_half_of_the_pictures_for_ten_seconds_is_hopeless() {
        for window in [(25, 1), (1, 25)] {
            let (second, loss) = hopeless_after(&[window; 5]).expect("hopeless");
            assert_eq!(second, 10);
            assert_eq!((loss.lost, loss.expected), (5 * window.0, 2500));
            assert_eq!((loss.dropped, loss.pictures), (5 * window.1, 250));
            assert_eq!(loss.over, Duration::from_secs(10));
        }
    }

    #[test]
    fn an_outage_a_little_loss_and_pictures_dropped_for_other_reasons_are_not() {
        assert_eq!(
            hopeless_after(&[(500, 50), (250, 50), (0, 0), (500, 50), (25, 1), (0, 20), (25, 1)]),
            None
        );
        assert_eq!(hopeless_after(&[(24, 24); 20]), None);
        assert_eq!(
            hopeless_after(&[(25, 0); 20]),
            None,
            "what is lost is of no picture"
        );
        assert_eq!(hopeless_after(&[(0, 40); 20]), None);
    }

    #[test]
    fn pictures_before_the_first_idr_are_lost_where_many_packets_are() {
        let bad = |lost, waiting| {
            let (start, received) = (Instant::now(), 500 - lost);
            let after = Tally {
                received,
                lost,
                waiting,
                ..Tally::default()
            };
            is_bad((start, Tally::default()), (start + WINDOW, after))
        };
        assert!(bad(25, 50));
        assert!(!bad(1, 50), "the first IDR is long in coming");
        assert!(!bad(0, 50) && !bad(25, 0));
    }

    #[test]
    fn a_row_is_measured_from_its_own_beginning() {
        let mut windows = vec![(0, 0); 7];
        windows.extend([(100, 50); 5]);
        let (second, loss) = hopeless_after(&windows).expect("hopeless");
        assert_eq!((second, loss.lost, loss.expected), (24, 500, 2500));
    }
}
