//! The bounded queue between the one who injects frames and the engine that takes them, as plain data: time is an
//! argument, waiting is someone else's.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use serde::Serialize;

use crate::chain::KeyframeChain;
use crate::frame::EncodedVideoFrame;

/// Most frames that wait for an engine: two seconds of the fastest cameras (60 pictures a second).
pub(crate) const MAX_QUEUED_FRAMES: usize = 120;

/// Most bytes that wait for an engine: two seconds of a 4K camera at 40 Mbit/s, with room for a large IDR.
pub(crate) const MAX_QUEUED_BYTES: usize = 16 * 1024 * 1024;

/// Longest wait in the queue. What is older is of no use to someone who watches live; it also covers the time in
/// which an engine connects (some 0.2 s), so that the first viewer gets the camera's first IDR.
pub(crate) const MAX_QUEUE_DELAY: Duration = Duration::from_secs(2);

/// Once the oldest frame has waited this long, an arriving IDR replaces all that wait: the viewer jumps to the
/// present in place of watching the past.
pub(crate) const IDR_OVERTAKES_AFTER: Duration = Duration::from_millis(250);

/// Largest single access unit: an intra picture of 4K at the highest rates is under 4 MiB.
pub(crate) const MAX_FRAME_BYTES: usize = 8 * 1024 * 1024;

/// What became of an injected frame.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Injected {
    /// It waits for the engine.
    Queued,
    /// It was dropped and counted; nothing follows until the next IDR.
    Dropped(DropReason),
}

/// Why a frame was dropped.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DropReason {
    /// Its references are missing: it came before the first IDR, or between a drop and the next IDR.
    AwaitingKeyframe,
    /// The engine is too slow or not connected: 120 frames or 16 MiB waited, or the oldest for 2 s.
    QueueFull,
    /// An IDR without SPS and PPS, which no viewer could show.
    NoParameterSets,
    /// No bytes, or more than 8 MiB.
    BadSize,
    /// The encoder is closed.
    Closed,
}

/// How many frames were dropped, by reason.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct DropCounts {
    /// See [`DropReason::AwaitingKeyframe`].
    pub awaiting_keyframe: u64,
    /// See [`DropReason::QueueFull`]; counts the frames thrown out of the queue too.
    pub queue_full: u64,
    /// Frames that waited in the queue when a newer IDR overtook them.
    pub overtaken: u64,
    /// See [`DropReason::NoParameterSets`].
    pub no_parameter_sets: u64,
    /// See [`DropReason::BadSize`].
    pub bad_size: u64,
    /// See [`DropReason::Closed`].
    pub closed: u64,
}

impl DropCounts {
    /// All drops together.
    pub fn total(&self) -> u64 {
        self.awaiting_keyframe
            + self.queue_full
            + self.overtaken
            + self.no_parameter_sets
            + self.bad_size
            + self.closed
    }

    pub(crate) fn count(&mut self, reason: DropReason) {
        match reason {
            DropReason::AwaitingKeyframe => self.awaiting_keyframe += 1,
            DropReason::QueueFull => self.queue_full += 1,
            DropReason::NoParameterSets => self.no_parameter_sets += 1,
            DropReason::BadSize => self.bad_size += 1,
            DropReason::Closed => self.closed += 1,
        }
    }
}

/// Bounded, first in first out; what leaves it can always be decoded by someone who got all that left before.
#[derive(Debug, Default)]
pub(crate) struct FrameQueue {
    waiting: VecDeque<(Instant, EncodedVideoFrame)>,
    bytes: usize,
    chain: KeyframeChain,
    drops: DropCounts,
}

impl FrameQueue {
    pub(crate) fn push(&mut self, now: Instant, frame: EncodedVideoFrame) -> Injected {
        if let Some(reason) = self.refusal(now, &frame) {
            self.drops.count(reason);
            self.chain.break_off();
            return Injected::Dropped(reason);
        }
        self.bytes += frame.data.len();
        self.waiting.push_back((now, frame));
        Injected::Queued
    }

    /// Decides about one frame, and makes room where it is an IDR.
    fn refusal(&mut self, now: Instant, frame: &EncodedVideoFrame) -> Option<DropReason> {
        if frame.data.is_empty() || frame.data.len() > MAX_FRAME_BYTES {
            return Some(DropReason::BadSize);
        }
        if frame.is_idr && !frame.has_parameter_sets {
            return Some(DropReason::NoParameterSets);
        }
        if !self.chain.admits(frame) {
            return Some(DropReason::AwaitingKeyframe);
        }
        let waited = self
            .waiting
            .front()
            .map_or(Duration::ZERO, |(since, _)| now.saturating_duration_since(*since));
        if frame.is_idr && waited > IDR_OVERTAKES_AFTER {
            self.drops.overtaken += self.clear();
        } else if waited > MAX_QUEUE_DELAY
            || self.waiting.len() >= MAX_QUEUED_FRAMES
            || self.bytes + frame.data.len() > MAX_QUEUED_BYTES
        {
            // What waits belongs to a past that nobody wants any more, and its successor is about to be lost.
            self.drops.queue_full += self.clear();
            return (!frame.is_idr).then_some(DropReason::QueueFull);
        }
        None
    }

    pub(crate) fn pop(&mut self) -> Option<EncodedVideoFrame> {
        let (_, frame) = self.waiting.pop_front()?;
        self.bytes -= frame.data.len();
        Some(frame)
    }

    /// Whether nothing waits and nothing but an IDR would be taken.
    pub(crate) fn starves(&self) -> bool {
        self.waiting.is_empty() && self.chain.awaits_keyframe()
    }

    pub(crate) fn drops(&self) -> DropCounts {
        self.drops
    }

    pub(crate) fn count_drop(&mut self, reason: DropReason) {
        self.drops.count(reason);
    }

    fn clear(&mut self) -> u64 {
        self.bytes = 0;
        let dropped = self.waiting.len();
        self.waiting.clear();
        dropped as u64
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::*;
    use crate::frame::testing::{delta, idr};

    const FRAME: Duration = Duration::from_millis(33);

    fn drain(queue: &mut FrameQueue) -> Vec<i64> {
        std::iter::from_fn(|| queue.pop())
            .map(|frame| frame.timestamp.0)
            .collect()
    }

    #[test]
    fn deltas_before_the_first_idr_are_dropped_and_counted() {
        let (mut queue, now) = (FrameQueue::default(), Instant::now());
        assert_eq!(
            queue.push(now, delta(0)),
            Injected::Dropped(DropReason::AwaitingKeyframe)
        );
        assert_eq!(queue.push(now, idr(1)), Injected::Queued);
        assert_eq!(queue.push(now, delta(2)), Injected::Queued);
        assert_eq!(drain(&mut queue), [1, 2]);
        assert_eq!(queue.drops().awaiting_keyframe, 1);
    }

    #[test]
    fn an_engine_that_takes_nothing_costs_bounded_memory_and_resumes_at_an_idr() {
        let (mut queue, start) = (FrameQueue::default(), Instant::now());
        let mut now = start;
        queue.push(now, idr(0));
        for picture in 1..10_000 {
            now += FRAME;
            queue.push(now, delta(picture));
            assert!(queue.waiting.len() <= MAX_QUEUED_FRAMES && queue.bytes <= MAX_QUEUED_BYTES);
        }
        assert!(queue.starves());
        assert_eq!(queue.push(now, idr(10_000)), Injected::Queued);
        assert_eq!(queue.push(now, delta(10_001)), Injected::Queued);
        assert_eq!(drain(&mut queue), [10_000, 10_001]);
        assert_eq!(queue.drops().total(), 10_000);
    }

    #[test]
    fn a_burst_that_fits_is_kept_whole_and_one_that_does_not_ends_at_the_next_idr() {
        let (mut queue, now) = (FrameQueue::default(), Instant::now());
        queue.push(now, idr(0));
        for picture in 1..120 {
            assert_eq!(queue.push(now, delta(picture)), Injected::Queued);
        }
        assert_eq!(
            queue.push(now, delta(120)),
            Injected::Dropped(DropReason::QueueFull)
        );
        assert_eq!(
            queue.push(now, delta(121)),
            Injected::Dropped(DropReason::AwaitingKeyframe)
        );
        assert_eq!(queue.push(now, idr(122)), Injected::Queued);
        assert_eq!(drain(&mut queue), [122]);
        assert_eq!(queue.drops().queue_full, 121);
    }

    #[test]
    fn an_idr_overtakes_what_has_waited_but_not_what_just_came() {
        let (mut queue, start) = (FrameQueue::default(), Instant::now());
        queue.push(start, idr(0));
        queue.push(start + FRAME, idr(1));
        assert_eq!(queue.waiting.len(), 2);
        queue.push(start + Duration::from_millis(300), idr(2));
        assert_eq!(drain(&mut queue), [2]);
        assert_eq!(queue.drops().overtaken, 2);
    }

    #[test]
    fn the_byte_limit_holds_where_the_frames_are_large() {
        let (mut queue, now) = (FrameQueue::default(), Instant::now());
        let large = |frame: EncodedVideoFrame| EncodedVideoFrame {
            data: Bytes::from(vec![0; MAX_FRAME_BYTES]),
            ..frame
        };
        queue.push(now, large(idr(0)));
        queue.push(now, large(delta(1)));
        assert_eq!(
            queue.push(now, large(delta(2))),
            Injected::Dropped(DropReason::QueueFull)
        );
        assert_eq!(queue.bytes, 0);
    }

    #[test]
    fn empty_oversized_and_undecodable_frames_are_refused_and_break_the_chain() {
        let (mut queue, now) = (FrameQueue::default(), Instant::now());
        let bare = EncodedVideoFrame {
            has_parameter_sets: false,
            ..idr(0)
        };
        assert_eq!(
            queue.push(now, bare),
            Injected::Dropped(DropReason::NoParameterSets)
        );
        queue.push(now, idr(1));
        let empty = EncodedVideoFrame {
            data: Bytes::new(),
            ..delta(2)
        };
        assert_eq!(queue.push(now, empty), Injected::Dropped(DropReason::BadSize));
        assert_eq!(
            queue.push(now, delta(3)),
            Injected::Dropped(DropReason::AwaitingKeyframe)
        );
        let huge = EncodedVideoFrame {
            data: Bytes::from(vec![0; MAX_FRAME_BYTES + 1]),
            ..idr(4)
        };
        assert_eq!(queue.push(now, huge), Injected::Dropped(DropReason::BadSize));
    }
}
