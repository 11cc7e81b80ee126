//! When a thread that would wait for its sockets sleeps first.

use std::time::{Duration, Instant};

/// Under load, wake-ups fall on a grid of this: the most by which anything is delayed.
pub(super) const TICK: Duration = Duration::from_millis(5);
/// Under load, so often it is seen whether it is still there.
const LOOK_EVERY: Duration = Duration::from_secs(1);
/// Over a usual group of pictures, so that the many packets of one IDR are no load: 1,000 a second, for a camera of 8 Mbit/s
/// sends 714 packets a second.
const FREE: Window = Window {
    length: Duration::from_secs(2),
    many: 2_000,
};
/// Whether the load is still there. At 25 pictures a second, over one of each camera; 800 a second, so that it does not come
/// and go.
const LOOKING: Window = Window {
    length: Duration::from_millis(40),
    many: 32,
};

/// How long wake-ups are counted without sleep, at most, and how many mean a load.
#[derive(Clone, Copy, Debug)]
struct Window {
    length: Duration,
    many: u32,
}

/// Counts a thread's wake-ups. One that reads a packet costs as much as one that reads a hundred; where there are many, it
/// has the thread sleep while packets gather.
///
/// After each sleep there are two wake-ups. What the first reads is acknowledged by that, and a TCP that has sent all it may
/// goes on at once: with the rest of a picture, which would lie there for another tick.
#[derive(Clone, Copy, Debug)]
pub(super) struct Brake {
    /// Where the grid lies.
    origin: Instant,
    state: State,
}

#[derive(Clone, Copy, Debug)]
enum State {
    /// Without sleep.
    Counting {
        since: Instant,
        wakeups: u32,
        window: Window,
    },
    Braking {
        look_at: Instant,
        next: Next,
    },
}

/// What comes before the next wake-up under load.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Next {
    Sleep,
    /// Nothing, for there was a sleep before the one that was.
    Wakeup,
}

impl Brake {
    pub(super) fn new(now: Instant) -> Self {
        Brake {
            origin: now,
            state: State::Counting {
                since: now,
                wakeups: 0,
                window: FREE,
            },
        }
    }

    /// The thread is about to wait for its sockets: how long it is to sleep before.
    pub(super) fn on_park(&mut self, now: Instant) -> Duration {
        self.state = self.state.after_wakeup(now);
        match self.state {
            State::Braking {
                next: Next::Sleep, ..
            } => self.until_next_tick(now),
            State::Counting { .. } | State::Braking { .. } => Duration::ZERO,
        }
    }

    fn until_next_tick(&self, now: Instant) -> Duration {
        let past_tick = now.saturating_duration_since(self.origin).as_nanos() % TICK.as_nanos();
        TICK.saturating_sub(Duration::from_nanos(u64::try_from(past_tick).unwrap_or(0)))
    }
}

impl State {
    fn after_wakeup(self, now: Instant) -> Self {
        match self {
            State::Counting { since, window, .. } if now >= since + window.length => State::Counting {
                since: now,
                wakeups: 1,
                window: FREE,
            },
            State::Counting {
                since,
                wakeups,
                window,
            } if wakeups + 1 < window.many => State::Counting {
                since,
                wakeups: wakeups + 1,
                window,
            },
            State::Counting { .. } => State::Braking {
                look_at: now + LOOK_EVERY,
                next: Next::Sleep,
            },
            State::Braking { look_at, .. } if now >= look_at => State::Counting {
                since: now,
                wakeups: 1,
                window: LOOKING,
            },
            State::Braking { look_at, next } => State::Braking {
                look_at,
                next: match next {
                    Next::Sleep => Next::Wakeup,
                    Next::Wakeup => Next::Sleep,
                },
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);
    /// What a wake-up and what it reads take a thread.
    const WORK: Duration = Duration::from_micros(10);

    /// A thread under a brake, and what it wakes up for.
    struct Thread {
        brake: Brake,
        start: Instant,
        now: Instant,
        /// When it woke up.
        wakeups: Vec<Duration>,
        /// For each arrival, how long it lay there.
        delays: Vec<Duration>,
    }

    impl Thread {
        fn new() -> Self {
            let start = Instant::now();
            Thread {
                brake: Brake::new(start),
                start,
                now: start,
                wakeups: Vec::new(),
                delays: Vec::new(),
            }
        }

        /// Arrivals are times since the start, in order.
        fn run(&mut self, arrivals: &[Duration]) -> &mut Self {
            let mut left = arrivals;
            while let Some(next) = left.first() {
                let sleep = self.brake.on_park(self.now);
                self.now = (self.now + sleep).max(self.start + *next);
                let elapsed = self.now - self.start;
                let there = left.partition_point(|arrival| *arrival <= elapsed);
                self.wakeups.push(elapsed);
                self.delays.extend(
                    left[..there]
                        .iter()
                        .map(|arrival| elapsed.saturating_sub(*arrival)),
                );
                left = &left[there..];
                self.now += WORK;
            }
            self
        }

        fn wakeups_between(&self, from: Duration, to: Duration) -> usize {
            let within = |time: &&Duration| (from..to).contains(*time);
            self.wakeups.iter().filter(within).count()
        }
    }

    /// So many a second, evenly.
    fn evenly(rate: u32, from: Duration, to: Duration) -> Vec<Duration> {
        let count = u32::try_from(to.saturating_sub(from).as_secs()).expect("few") * rate;
        (0..count).map(|n| from + SECOND * n / rate).collect()
    }

    /// Pictures of `packets` each, one after the other and 50 us apart, at 30 a second; every sixtieth of ten times as many.
    fn camera(packets: u32, to: Duration) -> Vec<Duration> {
        let pictures = u32::try_from(to.as_secs()).expect("few") * 30;
        let picture = |number: u32| {
            let packets = if number.is_multiple_of(60) {
                packets * 10
            } else {
                packets
            };
            (0..packets).map(move |packet| SECOND * number / 30 + Duration::from_micros(50) * packet)
        };
        (0..pictures).flat_map(picture).collect()
    }

    /// How long an arrival lies there that is never delayed: while the one before is read.
    fn undelayed(thread: &Thread) -> bool {
        thread.delays.iter().all(|delay| *delay <= WORK)
    }

    #[test]
    fn below_a_thousand_wakeups_a_second_nothing_is_delayed() {
        for rate in [1, 30, 500, 714, 900, 990] {
            let mut thread = Thread::new();
            thread.run(&evenly(rate, Duration::ZERO, 60 * SECOND));
            assert!(undelayed(&thread), "{rate} a second");
        }
    }

    #[test]
    fn one_camera_that_writes_each_packet_by_itself_is_never_delayed() {
        // 1080p at 8 Mbit/s: 714 packets a second, with pictures of 180 packets among them.
        let mut thread = Thread::new();
        let arrivals = camera(20, 60 * SECOND);
        assert!(arrivals.len() > 650 * 60);
        thread.run(&arrivals);
        assert!(undelayed(&thread));
    }

    #[test]
    fn under_load_there_are_two_wakeups_a_tick_but_for_a_look() {
        let mut thread = Thread::new();
        thread.run(&evenly(20_000, Duration::ZERO, 60 * SECOND));
        let (from, to) = (2 * SECOND, 60 * SECOND);
        let on_grid = thread
            .wakeups
            .iter()
            .filter(|time| (from..to).contains(*time) && time.as_nanos().is_multiple_of(TICK.as_nanos()))
            .count();
        let off_grid = thread.wakeups_between(from, to) - on_grid;
        let (ticks, looks) = (58 * 200, 58);
        assert!(on_grid > ticks * 9 / 10, "{on_grid}");
        assert!(off_grid <= ticks + looks * LOOKING.many as usize, "{off_grid}");
        assert!(thread.delays.iter().all(|delay| *delay <= TICK));
        // Without the brake it would be 20,000 a second.
        assert!(thread.wakeups.len() < 60 * 500, "{}", thread.wakeups.len());
    }

    #[test]
    fn a_load_is_seen_within_two_seconds_and_its_end_within_little_more_than_one() {
        let mut thread = Thread::new();
        let mut arrivals = evenly(1_100, Duration::ZERO, 10 * SECOND);
        arrivals.extend(evenly(30, 10 * SECOND, 20 * SECOND));
        thread.run(&arrivals);
        assert!(thread.wakeups_between(2 * SECOND, 3 * SECOND) <= 400 + LOOKING.many as usize);
        let undelayed_from = 10 * SECOND + LOOK_EVERY + LOOKING.length + TICK;
        let late = arrivals
            .iter()
            .zip(&thread.delays)
            .rfind(|(_, delay)| **delay > WORK)
            .map(|(arrival, _)| *arrival);
        assert!(
            late.is_some_and(|late| late > 9 * SECOND && late < undelayed_from),
            "{late:?}"
        );
    }

    #[test]
    fn what_comes_first_after_silence_is_not_delayed() {
        let mut thread = Thread::new();
        let mut arrivals = evenly(20_000, Duration::ZERO, 5 * SECOND);
        arrivals.extend(evenly(25, 60 * SECOND, 70 * SECOND));
        thread.run(&arrivals);
        let after: Vec<_> = arrivals
            .iter()
            .zip(&thread.delays)
            .filter(|(arrival, _)| **arrival > 30 * SECOND)
            .collect();
        assert_eq!(after.len(), 250);
        assert!(after.iter().all(|(_, delay)| **delay <= WORK));
    }

    #[test]
    fn one_camera_that_is_left_of_many_is_soon_undelayed() {
        let mut thread = Thread::new();
        let mut arrivals = evenly(20_000, Duration::ZERO, 5 * SECOND);
        arrivals.extend(camera(20, 20 * SECOND).iter().filter(|time| **time >= 5 * SECOND));
        thread.run(&arrivals);
        let late = arrivals
            .iter()
            .zip(&thread.delays)
            .rfind(|(_, delay)| **delay > WORK)
            .map(|(arrival, _)| *arrival);
        assert!(late.is_some_and(|late| late < 9 * SECOND), "{late:?}");
    }
}
