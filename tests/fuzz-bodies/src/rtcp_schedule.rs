use std::time::{Duration, Instant};

use throughline_rtp::{FeedbackTiming, Policy, RtcpDue, RtcpSchedule, RtcpScheduleConfig, Tolerance};

use crate::input::Input;

/// Who comes when he is told to sends a report every 4.5 s at least, and feedback with the next at the latest; nothing is
/// due before its time, and nothing twice.
pub fn rtcp_schedule(data: &[u8]) {
    let mut input = Input::new(data);
    let bits = input.u8();
    let bounded = bits & 2 == 0;
    let config = RtcpScheduleConfig {
        session_bandwidth: input.u32(),
        feedback: if bits & 1 == 0 {
            FeedbackTiming::Early
        } else {
            FeedbackTiming::Regular
        },
        policy: if bounded {
            Policy::default()
        } else {
            Policy::default().refuse(Tolerance::ReportPace)
        },
    };
    let mut schedule = RtcpSchedule::new(config, input.u64());
    let mut now = Instant::now();
    let mut last_report = None;
    while !input.is_empty() {
        match input.u8() % 8 {
            0 => schedule.on_compound(input.u16().into()),
            1 => {
                schedule.start(now);
                last_report = Some(now);
            }
            2 => schedule.withdraw_feedback(),
            3 | 4 => schedule.request_feedback(),
            _ => now += Duration::from_millis(input.u16().into()).min(until(&schedule, now)),
        }
        let Some(wake_at) = schedule.wake_at() else {
            assert!(last_report.is_none() && schedule.poll(now).is_none());
            continue;
        };
        let due = schedule.poll(now);
        assert_eq!(due.is_some(), wake_at <= now);
        assert!(
            schedule.wake_at().is_some_and(|next| next > now),
            "it is due for ever"
        );
        if let (Some(last), true) = (last_report, bounded) {
            assert!(now.duration_since(last) <= Duration::from_millis(4_500));
        }
        if due == Some(RtcpDue::Report) {
            last_report = Some(now);
        }
        assert!(due != Some(RtcpDue::Feedback) || config.feedback == FeedbackTiming::Early);
    }
}

/// The time to the next appointment.
fn until(schedule: &RtcpSchedule, now: Instant) -> Duration {
    schedule
        .wake_at()
        .map_or(Duration::MAX, |at| at.saturating_duration_since(now))
}
