use std::time::{Duration, Instant};

use throughline_rtp::{ClockRate, ExtendedTimestamp, NtpTimestamp, RtpTimestamp, Timeline};

use crate::input::Input;

/// Unwrapped timestamps keep the wire's bits and go the shorter way round; capture times run at the clock's rate, and
/// there are none without a sender report.
pub fn rtp_timeline(data: &[u8]) {
    let mut input = Input::new(data);
    let mut timeline = Timeline::new(ClockRate::VIDEO);
    let mut arrival = Instant::now();
    let mut last: Option<ExtendedTimestamp> = None;
    let mut reported = false;
    while !input.is_empty() {
        match input.u8() % 4 {
            0 => last = Some(unwrap(&mut timeline, last, input.u32())),
            // A step from where the stream is, as streams make them.
            1 => {
                let here = last.map_or(0, low_32);
                last = Some(unwrap(
                    &mut timeline,
                    last,
                    here.wrapping_add(u32::from(input.u16())),
                ));
            }
            2 => {
                arrival += Duration::from_millis(input.u16().into());
                timeline.on_sender_report(NtpTimestamp(input.u64()), RtpTimestamp(input.u32()), arrival);
                reported = true;
            }
            _ => {
                timeline.forget_sender_reports();
                reported = false;
            }
        }
        let now = last.unwrap_or(ExtendedTimestamp(0));
        let captured = timeline.capture_time(now);
        assert!(reported || captured.is_none());
        let later = timeline.capture_time(ExtendedTimestamp(now.0 + 90_000));
        if let (Some(captured), Some(later)) = (captured, later) {
            let second = later.duration_since(captured).unwrap_or_default();
            assert!(
                second.abs_diff(Duration::from_secs(1)) < Duration::from_micros(1),
                "{second:?}"
            );
        }
    }
    let stats = timeline.stats();
    assert!(stats.implausible + stats.contradicting <= stats.sender_reports);
    assert!(stats.steps <= stats.contradicting);
}

fn unwrap(timeline: &mut Timeline, last: Option<ExtendedTimestamp>, timestamp: u32) -> ExtendedTimestamp {
    let unwrapped = timeline.unwrap(RtpTimestamp(timestamp));
    assert_eq!(low_32(unwrapped), timestamp);
    if let Some(last) = last {
        assert!(unwrapped.0.abs_diff(last.0) <= 1 << 31);
    }
    unwrapped
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "the bits of the wire"
)]
fn low_32(timestamp: ExtendedTimestamp) -> u32 {
    timestamp.0 as u32
}
