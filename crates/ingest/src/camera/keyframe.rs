//! When to ask the camera for a key frame.

use std::time::{Duration, Instant};

use crate::KeyframeReason;

/// No two requests are closer: a camera needs about this long to make an IDR, and viewers ask in bursts.
const MIN_INTERVAL: Duration = Duration::from_millis(500);
/// A request that no IDR answered is repeated this long after: RTCP is lost like any datagram.
const REPEAT_AFTER: Duration = Duration::from_secs(1);
/// After so many unanswered requests the camera is taken for one that ignores them; its own next IDR will come, and
/// until then only others than the stream itself ask again.
const MAX_REQUESTS: u32 = 5;
/// A stream mostly starts with an IDR: ask only where this one did not within this time of its first packet, or of PLAY's
/// answer if that was later.
const START_GRACE: Duration = Duration::from_millis(500);

/// A request due now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct KeyframeRequest {
    pub(super) reason: KeyframeReason,
    /// 1 for the first of a row.
    pub(super) attempt: u32,
}

#[derive(Debug)]
struct Wanted {
    reason: KeyframeReason,
    sent: u32,
    next: Instant,
}

/// Latches the wish for a key frame until an IDR fulfils it.
#[derive(Debug, Default)]
pub(super) struct KeyframeRequester {
    wanted: Option<Wanted>,
    last_sent: Option<Instant>,
    /// A row of requests was not answered, and no IDR came since.
    ignored: bool,
}

impl KeyframeRequester {
    /// Wishes made while one is latched are one wish.
    pub(super) fn want(&mut self, now: Instant, reason: KeyframeReason) {
        let earliest = match reason {
            KeyframeReason::Loss if self.ignored => return,
            KeyframeReason::Start => now + START_GRACE,
            KeyframeReason::Loss | KeyframeReason::NoPicture | KeyframeReason::Caller => now,
        };
        let allowed = self
            .last_sent
            .map_or(earliest, |sent| earliest.max(sent + MIN_INTERVAL));
        match &mut self.wanted {
            Some(wanted) if wanted.sent == 0 => wanted.next = wanted.next.min(allowed),
            Some(_) => {}
            None => {
                let next = allowed;
                self.wanted = Some(Wanted {
                    reason,
                    sent: 0,
                    next,
                });
            }
        }
    }

    pub(super) fn on_idr(&mut self) {
        self.wanted = None;
        self.ignored = false;
    }

    pub(super) fn wake_at(&self) -> Option<Instant> {
        self.wanted.as_ref().map(|wanted| wanted.next)
    }

    pub(super) fn poll(&mut self, now: Instant) -> Option<KeyframeRequest> {
        let wanted = self.wanted.as_mut().filter(|wanted| wanted.next <= now)?;
        wanted.sent += 1;
        wanted.next = now + REPEAT_AFTER;
        self.last_sent = Some(now);
        let request = KeyframeRequest {
            reason: wanted.reason,
            attempt: wanted.sent,
        };
        if wanted.sent >= MAX_REQUESTS {
            self.ignored = true;
            self.wanted = None;
        }
        Some(request)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: Duration = Duration::from_millis(1);

    fn sent_at(requester: &mut KeyframeRequester, start: Instant, until: Duration) -> Vec<u128> {
        let mut sent = Vec::new();
        while let Some(wake) = requester.wake_at().filter(|wake| *wake <= start + until) {
            assert!(requester.poll(wake).is_some());
            sent.push((wake - start).as_millis());
        }
        sent
    }

    #[test]
    fn a_request_goes_at_once_and_repeats_each_second_five_times() {
        let (mut requester, start) = (KeyframeRequester::default(), Instant::now());
        requester.want(start, KeyframeReason::Caller);
        requester.want(start + MS, KeyframeReason::Caller);
        assert_eq!(
            sent_at(&mut requester, start, 60_000 * MS),
            [0, 1000, 2000, 3000, 4000]
        );
    }

    #[test]
    fn an_idr_fulfils_the_wish_and_the_next_keeps_its_distance() {
        let (mut requester, start) = (KeyframeRequester::default(), Instant::now());
        requester.want(start, KeyframeReason::Loss);
        assert_eq!(
            requester.poll(start),
            Some(KeyframeRequest {
                reason: KeyframeReason::Loss,
                attempt: 1
            })
        );
        requester.on_idr();
        assert_eq!(requester.wake_at(), None);
        requester.want(start + 100 * MS, KeyframeReason::Caller);
        assert_eq!(requester.wake_at(), Some(start + MIN_INTERVAL));
    }

    #[test]
    fn a_camera_that_ignores_requests_is_not_bothered_for_each_lost_picture() {
        let (mut requester, start) = (KeyframeRequester::default(), Instant::now());
        requester.want(start, KeyframeReason::Loss);
        assert_eq!(sent_at(&mut requester, start, 10_000 * MS).len(), 5);
        requester.want(start + 10_000 * MS, KeyframeReason::Loss);
        assert_eq!(requester.wake_at(), None);
        requester.want(start + 10_000 * MS, KeyframeReason::Caller);
        assert_eq!(requester.wake_at(), Some(start + 10_000 * MS));
    }

    #[test]
    fn a_caller_does_not_wait_for_the_grace_of_the_start() {
        let (mut requester, start) = (KeyframeRequester::default(), Instant::now());
        requester.want(start, KeyframeReason::Start);
        assert_eq!(requester.wake_at(), Some(start + START_GRACE));
        requester.want(start + MS, KeyframeReason::Caller);
        assert_eq!(requester.wake_at(), Some(start + MS));
    }
}
