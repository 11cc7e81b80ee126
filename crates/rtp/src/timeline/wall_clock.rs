//! The camera's wall clock beside its media clock.

use super::{CaptureTime, TimelineStats};
use crate::ids::ClockRate;
use crate::tolerance::{Reading, Tolerance};
use std::time::{Duration, Instant, SystemTime};

/// The earliest wall clock that is believed, in seconds since 1970: 1 January 2020. Cameras that lost their clock say
/// 1970 or 2000 (Q94).
const EARLIEST: Duration = Duration::from_secs(1_577_836_800);

/// Start of the second NTP era, 7 February 2036, in seconds since 1970. A camera that counts from its own start
/// seems to live in that era's first year, and is not believed (Q94).
const SECOND_ERA: Duration = Duration::from_secs(2_085_978_496);
const YEAR: Duration = Duration::from_secs(366 * 86_400);

/// How far a reading may be from what the ones before it foretell: well above the drift of a bad
/// crystal (100 ppm is 30 ms in five minutes) and the haste with which cameras read their two clocks, well below
/// any step that is worth to be called one (Q138).
const MAX_DEVIATION: Duration = Duration::from_millis(500);

/// By how much the two clocks of a camera may drift apart, as a divisor: 500 ppm, two very bad crystals.
const APART: u32 = 2_000;

/// How finely cameras read their clocks.
const RESOLUTION: Duration = Duration::from_millis(1);

/// How much of a deviation is forgotten with each reading that agrees better, as a divisor.
const FORGETTING: u32 = 4;

/// How many times the greatest deviation of late a reading may be off: two that are off alike do not deviate.
const MARGIN: u32 = 3;

/// One moment on both clocks of the camera.
#[derive(Debug, Clone, Copy)]
pub(super) struct ClockReading {
    pub(super) timestamp: i64,
    pub(super) wall: SystemTime,
    /// How well the two are known to belong together; `None` if only other readings can tell.
    pub(super) deviation: Option<Duration>,
}

#[derive(Debug)]
pub(super) struct WallClock {
    clock_rate: ClockRate,
    mapping: Option<Mapping>,
    /// A reading that contradicts the mapping.
    contradiction: Option<ClockReading>,
}

#[derive(Debug, Clone, Copy)]
struct Mapping {
    reading: ClockReading,
    belief: Belief,
    /// Where skew is measured from.
    first_wall: SystemTime,
    first_arrival: Instant,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Belief {
    /// It is the time.
    Time,
    /// It goes at the pace of time, and that is all (Q94).
    Pace,
}

impl WallClock {
    pub(super) fn new(clock_rate: ClockRate) -> Self {
        Self {
            clock_rate,
            mapping: None,
            contradiction: None,
        }
    }

    pub(super) fn forget(&mut self) {
        self.mapping = None;
        self.contradiction = None;
    }

    pub(super) fn on_reading(
        &mut self,
        reading: ClockReading,
        arrival: Instant,
        leniency: &mut Reading,
        stats: &mut TimelineStats,
    ) {
        let mut belief = Belief::Time;
        if !is_plausible(reading.wall) {
            stats.implausible += 1;
            if leniency.tolerates(Tolerance::ImplausibleClock) {
                belief = Belief::Pace;
            }
        }
        let new = Mapping {
            reading,
            belief,
            first_wall: reading.wall,
            first_arrival: arrival,
        };
        let contradiction = self.contradiction.take();
        let Some(mapping) = &mut self.mapping else {
            self.mapping = Some(new);
            return;
        };
        match (mapping.belief, belief) {
            (Belief::Time, Belief::Pace) => return,
            (Belief::Pace, Belief::Time) => *mapping = new,
            _ => {}
        }
        if let Some(deviation) = agreement(mapping.reading, reading, self.clock_rate) {
            mapping.continue_with(reading, deviation);
            stats.skew_micros = mapping.skew_micros(arrival);
            return;
        }
        stats.contradicting += 1;
        let confirmed = contradiction.and_then(|earlier| agreement(earlier, reading, self.clock_rate));
        if !leniency.tolerates(Tolerance::ClockStep) {
            *mapping = new;
        } else if let Some(deviation) = confirmed {
            *mapping = new;
            mapping.continue_with(reading, deviation);
        } else {
            self.contradiction = Some(reading);
            return;
        }
        stats.clock_steps += 1;
        stats.skew_micros = 0;
    }

    pub(super) fn capture_time(&self, timestamp: i64) -> Option<CaptureTime> {
        let mapping = self.mapping.filter(|mapping| mapping.belief == Belief::Time)?;
        let reading = mapping.reading;
        let away = self.clock_rate.duration(timestamp.abs_diff(reading.timestamp));
        let deviation = reading.deviation.unwrap_or(MAX_DEVIATION);
        Some(CaptureTime {
            time: project(reading, timestamp, self.clock_rate)?,
            uncertainty: (deviation + RESOLUTION).saturating_add(away / APART),
        })
    }
}

impl Mapping {
    fn continue_with(&mut self, reading: ClockReading, deviation: Duration) {
        let before = self.reading.deviation.unwrap_or(MAX_DEVIATION);
        let remembered = before.saturating_sub(before / FORGETTING);
        self.reading = reading;
        self.reading.deviation = Some((deviation * MARGIN).min(MAX_DEVIATION).max(remembered));
    }

    fn skew_micros(&self, arrival: Instant) -> i64 {
        let ours = arrival.saturating_duration_since(self.first_arrival);
        let foretold = self.first_wall.checked_add(ours).unwrap_or(self.reading.wall);
        let micros = i64::try_from(distance(foretold, self.reading.wall).as_micros()).unwrap_or(i64::MAX);
        if self.reading.wall < foretold {
            -micros
        } else {
            micros
        }
    }
}

/// By how much the two differ, if it is little enough for one clock.
fn agreement(earlier: ClockReading, later: ClockReading, rate: ClockRate) -> Option<Duration> {
    let foretold = project(earlier, later.timestamp, rate)?;
    Some(distance(foretold, later.wall)).filter(|deviation| *deviation <= MAX_DEVIATION)
}

fn project(reading: ClockReading, timestamp: i64, rate: ClockRate) -> Option<SystemTime> {
    let distance = rate.duration(timestamp.abs_diff(reading.timestamp));
    if timestamp < reading.timestamp {
        reading.wall.checked_sub(distance)
    } else {
        reading.wall.checked_add(distance)
    }
}

fn is_plausible(wall: SystemTime) -> bool {
    let since_1970 = wall.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    since_1970 >= EARLIEST && !(SECOND_ERA..SECOND_ERA + YEAR).contains(&since_1970)
}

fn distance(a: SystemTime, b: SystemTime) -> Duration {
    a.duration_since(b).unwrap_or_else(|error| error.duration())
}
