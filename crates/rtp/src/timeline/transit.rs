//! Arrival beside media time: delay that grows, clocks that drift, timestamps that step.

use crate::ids::ClockRate;
use std::time::{Duration, Instant};

/// A step back of the timestamps over more than this is a new clock; less is the display order of B-pictures (Q135).
pub(crate) const MAX_STEP_BACK: Duration = Duration::from_secs(1);

/// A step ahead of the time that passed by more than this is a new clock; less is a camera that sends ahead.
pub(crate) const MAX_STEP_AHEAD: Duration = Duration::from_secs(10);

/// The least delay is allowed to grow by one in so many: what grows more slowly than 10 ms a second is two clocks that
/// differ, not a backlog. Crystals differ by a ten-thousandth; cameras that pace by frames have been a hundredth off.
const FORGIVEN: i64 = 100;

/// Drift is measured between the least delays of windows of this length.
const WINDOW: Duration = Duration::from_secs(10);

/// Over so many windows at least: in a minute, 6 ms of jitter are 100 ppm.
const MIN_WINDOWS: i64 = 6;

/// What the timestamp of a packet is to the one before.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Course {
    Goes,
    Steps,
}

/// The time that packets are on their way, but for a constant that nobody knows. In ticks.
#[derive(Debug)]
pub(super) struct Transit {
    clock_rate: ClockRate,
    origin: Option<Origin>,
}

#[derive(Debug)]
struct Origin {
    arrival: Instant,
    timestamp: i64,
    /// Of the latest packet, since the origin.
    last_arrival: i64,
    last_timestamp: i64,
    /// The least transit, grown by what is forgiven.
    least: i64,
    forgiven_until: i64,
    excess: i64,
    drift: Drift,
}

#[derive(Debug)]
struct Drift {
    /// Of the first window, and of the one that ended last.
    first: Option<Sample>,
    last: Option<Sample>,
    /// Of the window that goes on, which ends at `window_end`.
    current: Sample,
    window_end: i64,
    ppm: Option<i32>,
}

/// A transit and when it was.
#[derive(Debug, Clone, Copy)]
struct Sample {
    transit: i64,
    arrival: i64,
}

impl Transit {
    pub(super) fn new(clock_rate: ClockRate) -> Self {
        Self {
            clock_rate,
            origin: None,
        }
    }

    pub(super) fn forget(&mut self) {
        self.origin = None;
    }

    pub(super) fn on_packet(&mut self, timestamp: i64, arrival: Instant) -> Course {
        let rate = self.clock_rate;
        let Some(origin) = &mut self.origin else {
            self.origin = Some(Origin::new(timestamp, arrival, rate));
            return Course::Goes;
        };
        let now = rate.ticks(arrival.saturating_duration_since(origin.arrival));
        let elapsed = now.saturating_sub(origin.last_arrival).max(0);
        if is_step(timestamp.saturating_sub(origin.last_timestamp), elapsed, rate) {
            self.origin = Some(Origin::new(timestamp, arrival, rate));
            return Course::Steps;
        }
        origin.last_arrival = now;
        origin.last_timestamp = timestamp;
        let transit = now.saturating_sub(timestamp.saturating_sub(origin.timestamp));
        let forgiven = now.saturating_sub(origin.forgiven_until) / FORGIVEN;
        origin.forgiven_until += forgiven * FORGIVEN;
        origin.least = origin.least.saturating_add(forgiven).min(transit);
        origin.excess = transit.saturating_sub(origin.least);
        let sample = Sample {
            transit,
            arrival: now,
        };
        origin.drift.on_sample(sample, rate.ticks(WINDOW));
        Course::Goes
    }

    pub(super) fn excess_delay(&self) -> Duration {
        let excess = self.origin.as_ref().map_or(0, |origin| origin.excess);
        self.clock_rate.duration(excess.unsigned_abs())
    }

    pub(super) fn drift_ppm(&self) -> Option<i32> {
        self.origin.as_ref().and_then(|origin| origin.drift.ppm)
    }

    /// The timestamp that arrives at `at` after the least delay of late.
    pub(super) fn timestamp_at(&self, at: Instant) -> Option<i64> {
        let origin = self.origin.as_ref()?;
        let elapsed = self
            .clock_rate
            .ticks(at.saturating_duration_since(origin.arrival));
        let timestamp = origin.timestamp.saturating_add(elapsed);
        Some(timestamp.saturating_sub(origin.drift.least_lately()))
    }
}

/// Whether no media clock goes on by `step` ticks within `elapsed`.
pub(crate) fn is_step(step: i64, elapsed: i64, rate: ClockRate) -> bool {
    step < -rate.ticks(MAX_STEP_BACK) || step > elapsed.saturating_add(rate.ticks(MAX_STEP_AHEAD))
}

impl Origin {
    fn new(timestamp: i64, arrival: Instant, rate: ClockRate) -> Self {
        Self {
            arrival,
            timestamp,
            last_arrival: 0,
            last_timestamp: timestamp,
            least: 0,
            forgiven_until: 0,
            excess: 0,
            drift: Drift {
                first: None,
                last: None,
                current: Sample {
                    transit: 0,
                    arrival: 0,
                },
                window_end: rate.ticks(WINDOW),
                ppm: None,
            },
        }
    }
}

impl Drift {
    fn least_lately(&self) -> i64 {
        let current = self.current.transit;
        self.last.map_or(current, |last| last.transit.min(current))
    }

    fn on_sample(&mut self, sample: Sample, window: i64) {
        if sample.arrival < self.window_end {
            if sample.transit < self.current.transit {
                self.current = sample;
            }
            return;
        }
        let ended = std::mem::replace(&mut self.current, sample);
        self.window_end = sample.arrival.saturating_add(window);
        self.last = Some(ended);
        let first = *self.first.get_or_insert(ended);
        let elapsed = ended.arrival.saturating_sub(first.arrival);
        if elapsed >= window.saturating_mul(MIN_WINDOWS) {
            let growth = i128::from(ended.transit) - i128::from(first.transit);
            // What takes ever longer comes from a clock that is too slow.
            let ppm = -(growth * 1_000_000).checked_div(elapsed.into()).unwrap_or(0);
            self.ppm = Some(i32::try_from(ppm).unwrap_or(if ppm < 0 { i32::MIN } else { i32::MAX }));
        }
    }
}
