use std::time::{Duration, Instant};

use throughline_rtp::{
    ClockRate, ExtendedTimestamp, MonotonicClock, NtpTimestamp, Policy, ReplayExtension, RtpTimestamp,
    Timeline, Tolerance,
};

use crate::input::Input;

/// Unwrapped timestamps keep the wire's bits and go the shorter way round; capture times run at the clock's rate, and
/// there are none without a reading of the camera's clock; what is given out never steps back by more than B-pictures do.
pub fn rtp_timeline(data: &[u8]) {
    let mut input = Input::new(data);
    let mut bench = Bench::new(policy(input.u8()));
    while !input.is_empty() {
        match input.u8() % 8 {
            0 => bench.packet(input.u32()),
            // A step from where the stream is, as streams make them.
            1 | 2 => {
                let here = bench.last.map_or(0, low_32);
                bench.packet(here.wrapping_add(u32::from(input.u16())));
            }
            3 => bench.sender_report(input.u64(), input.u32()),
            4 => bench.replay_extension(input.u64()),
            5 => bench.arrival += Duration::from_millis(input.u16().into()),
            6 => bench.timeline.on_rtp_info(RtpTimestamp(input.u32())),
            _ => bench.restart(),
        }
        bench.check();
    }
}

/// Each bit refuses one of those that concern time.
fn policy(bits: u8) -> Policy {
    let tolerances = [
        Tolerance::ImplausibleClock,
        Tolerance::ClockStep,
        Tolerance::TimestampStep,
        Tolerance::ReplayExtension,
        Tolerance::RtpInfo,
    ];
    let refused = tolerances
        .iter()
        .enumerate()
        .filter(|(bit, _)| bits >> bit & 1 == 1);
    refused.fold(Policy::default(), |policy, (_, tolerance)| {
        policy.refuse(*tolerance)
    })
}

struct Bench {
    policy: Policy,
    timeline: Timeline,
    clock: MonotonicClock,
    arrival: Instant,
    last: Option<ExtendedTimestamp>,
    given_out: Option<i64>,
    readings: u64,
    read_since_restart: bool,
}

impl Bench {
    fn new(policy: Policy) -> Self {
        Self {
            policy,
            timeline: Timeline::with_policy(ClockRate::VIDEO, policy),
            clock: MonotonicClock::new(ClockRate::VIDEO, policy),
            arrival: Instant::now(),
            last: None,
            given_out: None,
            readings: 0,
            read_since_restart: false,
        }
    }

    fn packet(&mut self, timestamp: u32) {
        let unwrapped = self.timeline.unwrap(RtpTimestamp(timestamp), self.arrival);
        assert_eq!(low_32(unwrapped), timestamp);
        if let Some(last) = self.last.replace(unwrapped) {
            assert!(unwrapped.0.abs_diff(last.0) <= 1 << 31);
        }
        let given_out = self.clock.map(unwrapped, self.arrival).0;
        if self.policy.tolerates(Tolerance::TimestampStep) {
            assert!(self.given_out.is_none_or(|before| given_out >= before - 90_000));
            self.given_out = Some(given_out);
        }
    }

    fn sender_report(&mut self, ntp: u64, rtp: u32) {
        self.timeline
            .on_sender_report(NtpTimestamp(ntp), RtpTimestamp(rtp), self.arrival);
        self.readings += 1;
        self.read_since_restart = true;
    }

    fn replay_extension(&mut self, ntp: u64) {
        let extension = ReplayExtension {
            ntp: NtpTimestamp(ntp),
            clean_point: false,
            end_of_section: false,
            discontinuity: false,
            terminal: false,
            cseq: 0,
        };
        if let Some(last) = self.last {
            self.timeline.on_replay_extension(&extension, last, self.arrival);
            self.readings += 1;
            self.read_since_restart |= self.policy.tolerates(Tolerance::ReplayExtension);
        }
    }

    fn restart(&mut self) {
        self.timeline.restart();
        self.clock.restart();
        self.read_since_restart = false;
    }

    fn check(&self) {
        let now = self.last.unwrap_or(ExtendedTimestamp(0));
        let captured = self.timeline.capture_time(now);
        assert!(self.read_since_restart || captured.is_none());
        let later = self.timeline.capture_time(ExtendedTimestamp(now.0 + 90_000));
        if let (Some(captured), Some(later)) = (captured, later) {
            let second = later.time.duration_since(captured.time).unwrap_or_default();
            assert!(
                second.abs_diff(Duration::from_secs(1)) < Duration::from_micros(1),
                "{second:?}"
            );
            assert!(captured.uncertainty >= Duration::from_millis(1));
        }
        let _ = self.timeline.wall_clock_at(self.arrival);
        let stats = self.timeline.stats();
        assert!(stats.implausible <= self.readings && stats.contradicting <= self.readings);
        assert!(stats.clock_steps <= stats.contradicting);
        assert_eq!(stats.excess_delay, self.timeline.excess_delay());
        assert!(self.timeline.start().is_none() || self.last.is_some());
    }
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "the bits of the wire"
)]
fn low_32(timestamp: ExtendedTimestamp) -> u32 {
    timestamp.0 as u32
}
