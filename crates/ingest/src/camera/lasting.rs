//! What outlives a connection: the outputs, the timeline, the figures, and what the caller wants of the media.

use std::collections::VecDeque;
use std::time::{Duration, Instant, SystemTime};

use bytes::Bytes;
use throughline_h264 as h264;
use throughline_rtp::{CaptureTime, ClockRate, ExtendedTimestamp, MonotonicClock, NtpTimestamp};
use throughline_rtsp::client::Learned;

use super::Output;
use super::attempt::Attempt;
use super::buffers::SharedBuffers;
use super::random::{KeyRandom, Random};
use crate::{AccessUnit, CameraStats, Config, DelayHandling, Event, KernelDrops, Loss, Policies};

/// What goes on for hours is told so often.
const TOLD_EVERY: Duration = Duration::from_secs(60);

#[derive(Debug)]
pub(super) struct Lasting {
    /// Bounded by the bytes of one input, for the caller drains it after each.
    pub(super) outputs: VecDeque<Output>,
    pub(super) random: Random,
    pub(super) key_random: KeyRandom,
    clock: MonotonicClock,
    pub(super) policies: Policies,
    /// Where access units are put together.
    pub(super) buffers: SharedBuffers,
    pub(super) max_delay: Duration,
    /// What the sessions so far have found out about the camera.
    pub(super) learned: Learned,
    /// Of connections that have ended, and what belongs to none.
    pub(super) totals: CameraStats,
    meter: Meter,
    told: Told,
    /// What the wall clock said at the start.
    started: Option<(Instant, SystemTime)>,
}

/// When something was last told that may come to happen often.
#[derive(Debug, Default)]
struct Told {
    dropping: Option<Instant>,
    keeping: Option<Instant>,
    loss: Option<Instant>,
}

impl Lasting {
    pub(super) fn new(config: &Config, seed: [u8; 32]) -> Self {
        let mut key_random = KeyRandom::new(seed);
        Lasting {
            outputs: VecDeque::new(),
            random: Random::new(u64::from_be_bytes(key_random.bytes())),
            key_random,
            clock: MonotonicClock::new(ClockRate::VIDEO, config.policies.rtp),
            policies: config.policies,
            buffers: SharedBuffers::default(),
            max_delay: config.max_delay,
            learned: Learned::default(),
            totals: CameraStats::default(),
            meter: Meter::default(),
            told: Told::default(),
            started: None,
        }
    }

    pub(super) fn start(&mut self, now: Instant, wall_clock: SystemTime) {
        self.started = Some((now, wall_clock));
    }

    /// What the wall clock says now, if nobody has set it since.
    pub(super) fn wall_clock(&self, now: Instant) -> NtpTimestamp {
        NtpTimestamp::from_system_time(self.started.map_or(SystemTime::UNIX_EPOCH, |(then, wall_clock)| {
            wall_clock + now.saturating_duration_since(then)
        }))
    }

    pub(super) fn event(&mut self, event: Event) {
        tracing::debug!(?event);
        self.outputs.push_back(Output::Event(event));
    }

    /// What the RTSP session says.
    pub(super) fn request(&mut self, bytes: Bytes) {
        self.totals.requests += 1;
        self.outputs.push_back(Output::Transmit(bytes));
    }

    pub(super) fn tell_delay(&mut self, now: Instant, delay: Duration, handling: DelayHandling) {
        self.totals.warnings.delayed = self.totals.warnings.delayed.saturating_add(1);
        let told = match handling {
            DelayHandling::Drop => &mut self.told.dropping,
            DelayHandling::Keep => &mut self.told.keeping,
        };
        if is_due(told, now) {
            self.event(Event::Delayed { delay, handling });
        }
    }

    pub(super) fn tell_loss(&mut self, now: Instant, loss: Loss) {
        self.totals.warnings.lossy = self.totals.warnings.lossy.saturating_add(1);
        if is_due(&mut self.told.loss, now) {
            self.event(Event::Lossy(loss));
        }
    }

    pub(super) fn count_kernel_drops(&mut self, dropped: u32) {
        let is_news = self.totals.dropped_by_kernel == 0 && dropped > 0;
        self.totals.dropped_by_kernel += u64::from(dropped);
        if is_news {
            self.event(Event::KernelDrops(KernelDrops {
                dropped: self.totals.dropped_by_kernel,
                receive_buffer: self.totals.receive_buffer,
            }));
        }
    }

    /// Another RTP timeline begins.
    pub(super) fn rebase(&mut self) {
        self.clock.restart();
        self.meter = Meter::default();
    }

    pub(super) fn deliver(
        &mut self,
        unit: h264::AccessUnit,
        capture_time: Option<CaptureTime>,
        arrival: Instant,
    ) {
        let timestamp = self.clock.map(ExtendedTimestamp(unit.timestamp.0), arrival);
        let unit = AccessUnit {
            timestamp: h264::Timestamp(timestamp.0),
            is_idr: unit.is_idr(),
            data: unit.data,
            capture_time,
            arrival,
            has_parameter_sets: unit.has_parameter_sets,
            parameters: unit.parameters,
            lost_before: unit.lost_before,
            has_b_slice: unit.has_b_slice,
        };
        self.totals.access_units += 1;
        self.totals.idrs += u64::from(unit.is_idr);
        self.totals.parameters = Some(unit.parameters);
        self.meter.measure(&unit, &mut self.totals);
        self.outputs.push_back(Output::AccessUnit(unit));
    }

    /// Keeps the figures of an attempt that has ended, and what it has learned.
    pub(super) fn absorb(&mut self, ended: &Attempt) {
        self.learned = ended.learned();
        ended.add_to(&mut self.totals);
        self.totals.jitter = Duration::ZERO;
        self.totals.excess_delay = Duration::ZERO;
        self.totals.clock_drift_ppm = None;
        self.totals.waiting = 0;
    }

    pub(super) fn stats(&self, running: Option<&Attempt>) -> CameraStats {
        let mut stats = self.totals;
        stats.timestamp_steps = self.clock.steps();
        stats.tolerated.rtp |= self.clock.tolerated();
        if let Some(attempt) = running {
            attempt.add_to(&mut stats);
            stats.transport = attempt.track().map(|_| attempt.transport());
            stats.srtp = attempt.srtp();
        }
        stats
    }
}

fn is_due(told: &mut Option<Instant>, now: Instant) -> bool {
    let due = told.is_none_or(|told| told + TOLD_EVERY <= now);
    if due {
        *told = Some(now);
    }
    due
}

/// Rates over windows of a second.
#[derive(Debug, Default)]
struct Meter {
    window: Option<Window>,
    since_idr: Option<u32>,
}

#[derive(Debug)]
struct Window {
    start: Instant,
    start_timestamp: h264::Timestamp,
    pictures: u32,
    bytes: usize,
}

impl Meter {
    const WINDOW: Duration = Duration::from_secs(1);

    fn measure(&mut self, unit: &AccessUnit, stats: &mut CameraStats) {
        if unit.is_idr {
            stats.group_of_pictures = self.since_idr.or(stats.group_of_pictures);
            self.since_idr = Some(0);
        }
        self.since_idr = self.since_idr.map(|pictures| pictures.saturating_add(1));

        let window = self.window.get_or_insert(Window {
            start: unit.arrival,
            start_timestamp: unit.timestamp,
            pictures: 0,
            bytes: 0,
        });
        let elapsed = unit.arrival.saturating_duration_since(window.start);
        let ticks = u32::try_from(unit.timestamp.0.saturating_sub(window.start_timestamp.0)).unwrap_or(0);
        if elapsed >= Self::WINDOW && ticks > 0 {
            stats.frame_rate = Some(f64::from(window.pictures) * 90_000.0 / f64::from(ticks));
            let bits = window.bytes as u128 * 8 * 1_000_000 / elapsed.as_micros();
            stats.bitrate = u64::try_from(bits).ok();
            *window = Window {
                start: unit.arrival,
                start_timestamp: unit.timestamp,
                pictures: 0,
                bytes: 0,
            };
        }
        window.pictures += 1;
        window.bytes += unit.data.len();
    }
}
