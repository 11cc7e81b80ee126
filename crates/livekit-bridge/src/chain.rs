//! The rules of publishing that hold for every engine: which picture may follow which, when a key frame is asked
//! for, how an encoder is primed and how calls are spaced.
//!
//! Nothing here knows an engine, a socket or a clock: time is an argument. A program that speaks to an encoder of
//! its own (over a pipe, say) can use the same rules the engines use.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use throughline_h264::Timestamp;

use crate::frame::EncodedVideoFrame;

/// Least time between two key-frame requests that reach the camera, and the pace at which an unanswered one is
/// repeated: livekit-server lets a subscriber's PLI through twice a second, so a slower pace would delay a late
/// viewer and a faster one would only make the camera send IDRs nobody asked for.
pub const KEYFRAME_REQUEST_INTERVAL: Duration = Duration::from_millis(500);

/// How long the first picture is held after a WebRTC connection stands. Media written at once met a server whose
/// track was not wired up yet in 9 of 40 tries, and its PLI came a second later; after 100 ms in none of 20.
pub const FIRST_KEYFRAME_HOLD: Duration = Duration::from_millis(100);

/// Distance between the repeated IDRs that make libwebrtc switch to its passthrough encoder.
pub const PRIMING_INTERVAL: Duration = Duration::from_millis(33);

/// Least time between two calls into libwebrtc: it drops a frame that comes within a millisecond of the last one,
/// which costs every picture up to the next IDR.
pub const MIN_CALL_SPACING: Duration = Duration::from_millis(1);

/// Pictures an [`EncoderFeed`] keeps. Priming takes 3 to 5 calls, some 170 ms; two seconds at 30 frames a second say
/// that it is not going to succeed with this IDR, or that the encoder is not being fed at all.
pub const MAX_BACKLOG: usize = 60;

/// Time of the first frame of a feed: to libwebrtc 0 means "now".
const FIRST_TIMESTAMP_US: i64 = 1_000_000;

/// One millisecond on the 90 kHz clock: the resolution libwebrtc keeps of a timestamp.
const MILLISECOND_TICKS: i64 = 90;

/// Lets through only pictures whose references went through before: after a start or a gap, nothing until an IDR.
#[derive(Debug, Default, Clone, Copy)]
pub struct KeyframeChain {
    intact: bool,
}

impl KeyframeChain {
    /// A chain that waits for its first IDR.
    pub fn new() -> Self {
        Self::default()
    }

    /// Says that a picture was lost: nothing passes until the next IDR.
    pub fn break_off(&mut self) {
        self.intact = false;
    }

    /// Whether `frame` can be decoded by someone who got every frame admitted so far. An IDR mends the chain.
    pub fn admits(&mut self, frame: &EncodedVideoFrame) -> bool {
        self.intact |= frame.is_idr;
        self.intact
    }

    /// Whether only an IDR would pass.
    pub fn awaits_keyframe(&self) -> bool {
        !self.intact
    }
}

/// Paces the wish for a key frame on its way to the camera: the first goes at once, more within
/// [`KEYFRAME_REQUEST_INTERVAL`] wait, and an unanswered one is repeated until an IDR comes.
#[derive(Debug, Default, Clone, Copy)]
pub struct KeyframeRequests {
    wanted: bool,
    last_sent: Option<Instant>,
}

impl KeyframeRequests {
    /// No wish yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Somebody needs a key frame.
    pub fn request(&mut self) {
        self.wanted = true;
    }

    /// A key frame came: the wish is fulfilled.
    pub fn fulfil(&mut self) {
        self.wanted = false;
    }

    /// True when the camera is to be asked now. The wish stays until [`fulfil`](Self::fulfil).
    pub fn poll(&mut self, now: Instant) -> bool {
        let due = self.next_poll(now).is_some_and(|at| at <= now);
        if due {
            self.last_sent = Some(now);
        }
        due
    }

    /// When to call [`poll`](Self::poll) next, if a request is outstanding.
    pub fn next_poll(&self, now: Instant) -> Option<Instant> {
        let due = self.last_sent.map_or(now, |at| at + KEYFRAME_REQUEST_INTERVAL);
        self.wanted.then(|| due.max(now))
    }
}

/// What an encoder said since it was last asked.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub struct EncoderFeedback {
    /// It named a target rate: only the passthrough encoder itself does, so it is the one that gets the frames.
    pub rate_control: bool,
    /// It asked for a key frame.
    pub keyframe_requested: bool,
}

/// What to do next with an encoder fed by [`EncoderFeed`].
#[derive(Debug)]
pub enum FeedStep {
    /// Hand this frame to the encoder now, then collect its feedback.
    Feed {
        /// The frame.
        frame: EncodedVideoFrame,
        /// Its time for the encoder, in microseconds from an origin of the feed's own.
        timestamp_us: i64,
    },
    /// Nothing before this time, unless a frame arrives first.
    WaitUntil(Instant),
    /// Nothing until a frame arrives.
    WaitForFrame,
}

/// Feeds an encoder that must be coaxed into taking over (libwebrtc's passthrough encoder).
///
/// The first frames after publishing are always lost, and only flowing frames make it switch. So the latest IDR is
/// repeated every [`PRIMING_INTERVAL`] with rising timestamps until the encoder answers with a rate and without a
/// wish for a key frame; then the pictures that followed that IDR go, each at least [`MIN_CALL_SPACING`] apart.
///
/// After every [`FeedStep::Feed`], before the next [`poll`](Self::poll): [`handle_feedback`](Self::handle_feedback).
#[derive(Debug, Default)]
pub struct EncoderFeed {
    /// The IDR that primes; `None` before the first one.
    primer: Option<EncodedVideoFrame>,
    backlog: VecDeque<EncodedVideoFrame>,
    chain: KeyframeChain,
    live: bool,
    /// The encoder named a rate at some time: it is the passthrough encoder that gets the frames.
    heard_rate: bool,
    /// An IDR went in since the encoder last asked for one.
    satisfied: bool,
    repeats: u32,
    last_call: Option<Instant>,
    first_timestamp: Option<Timestamp>,
    last_timestamp: Option<Timestamp>,
}

impl EncoderFeed {
    /// A feed for an encoder just created, or created anew after a reconnect.
    pub fn new() -> Self {
        Self::default()
    }

    /// Whether the encoder answered: what is fed from now on reaches the network.
    pub fn is_live(&self) -> bool {
        self.live
    }

    /// Takes the camera's next frame. A frame without its references is dropped, as are those behind an IDR that
    /// an IDR overtakes while priming.
    pub fn push(&mut self, frame: EncodedVideoFrame) {
        if !self.chain.admits(&frame) {
            return;
        }
        if frame.is_idr && !self.live {
            self.backlog.clear();
            self.repeats = 0;
            self.primer = Some(frame);
        } else if self.backlog.len() < MAX_BACKLOG {
            self.backlog.push_back(frame);
        } else {
            self.backlog.clear();
            self.chain.break_off();
        }
    }

    /// Takes what the encoder said after the last frame it was fed. Returns whether the camera is to be asked for a key
    /// frame: while the encoder is primed, the repeated IDR is the answer to its wish.
    pub fn handle_feedback(&mut self, feedback: EncoderFeedback) -> bool {
        let ask_camera = self.live && feedback.keyframe_requested;
        self.heard_rate |= feedback.rate_control;
        self.satisfied &= !feedback.keyframe_requested;
        if !self.live && self.heard_rate && self.satisfied {
            self.live = true;
            self.primer = None;
        }
        ask_camera
    }

    /// The next thing to do.
    pub fn poll(&mut self, now: Instant) -> FeedStep {
        let spacing = if self.live {
            MIN_CALL_SPACING
        } else {
            PRIMING_INTERVAL
        };
        let has_frame = if self.live {
            !self.backlog.is_empty()
        } else {
            self.primer.is_some()
        };
        if !has_frame {
            return FeedStep::WaitForFrame;
        }
        if let Some(due) = self.last_call.map(|at| at + spacing).filter(|due| *due > now) {
            return FeedStep::WaitUntil(due);
        }
        let next = if self.live {
            self.backlog.pop_front()
        } else {
            self.repeat_primer()
        };
        let Some(mut frame) = next else {
            return FeedStep::WaitForFrame;
        };
        if let Some(last) = self.last_timestamp {
            frame.timestamp = Timestamp(frame.timestamp.0.max(last.0 + MILLISECOND_TICKS));
        }
        self.last_call = Some(now);
        self.last_timestamp = Some(frame.timestamp);
        let first = *self.first_timestamp.get_or_insert(frame.timestamp);
        // 90 kHz to microseconds.
        let timestamp_us = FIRST_TIMESTAMP_US + (frame.timestamp.0 - first.0) * 100 / 9;
        FeedStep::Feed { frame, timestamp_us }
    }

    fn repeat_primer(&mut self) -> Option<EncodedVideoFrame> {
        let mut frame = self.primer.clone()?;
        let elapsed = PRIMING_INTERVAL.as_millis().try_into().unwrap_or(i64::MAX) * i64::from(self.repeats);
        frame.timestamp = Timestamp(frame.timestamp.0 + elapsed * MILLISECOND_TICKS);
        self.repeats += 1;
        self.satisfied = true;
        Some(frame)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::frame::testing::{delta, idr};

    fn fed(step: FeedStep) -> EncodedVideoFrame {
        match step {
            FeedStep::Feed { frame, .. } => frame,
            other => panic!("expected a frame, got {other:?}"),
        }
    }

    #[test]
    fn nothing_passes_before_the_first_idr_nor_between_a_gap_and_the_next_one() {
        let mut chain = KeyframeChain::new();
        assert!(!chain.admits(&delta(0)));
        assert!(chain.admits(&idr(1)));
        assert!(chain.admits(&delta(2)));
        chain.break_off();
        assert!(chain.awaits_keyframe());
        assert!(!chain.admits(&delta(3)));
        assert!(chain.admits(&idr(4)));
        assert!(!chain.awaits_keyframe());
    }

    #[test]
    fn the_first_request_goes_at_once_and_a_storm_becomes_two_a_second() {
        let start = Instant::now();
        let mut requests = KeyframeRequests::new();
        let mut sent = 0;
        for millisecond in 0..2000 {
            requests.request();
            sent += u32::from(requests.poll(start + Duration::from_millis(millisecond)));
        }
        assert_eq!(sent, 4);
    }

    #[test]
    fn a_request_is_repeated_until_a_key_frame_comes_and_then_no_more() {
        let start = Instant::now();
        let mut requests = KeyframeRequests::new();
        assert_eq!(requests.next_poll(start), None);
        requests.request();
        assert_eq!(requests.next_poll(start), Some(start));
        assert!(requests.poll(start));
        assert_eq!(requests.next_poll(start), Some(start + KEYFRAME_REQUEST_INTERVAL));
        assert!(!requests.poll(start + Duration::from_millis(499)));
        assert!(requests.poll(start + Duration::from_millis(500)));
        requests.fulfil();
        assert!(!requests.poll(start + Duration::from_secs(9)));
    }

    #[test]
    fn the_idr_is_repeated_33_ms_apart_with_rising_timestamps_until_the_encoder_answers() {
        let start = Instant::now();
        let mut feed = EncoderFeed::new();
        feed.push(delta(0));
        assert!(matches!(feed.poll(start), FeedStep::WaitForFrame));
        feed.push(idr(3000));
        feed.push(delta(6000));

        let mut timestamps = Vec::new();
        for repeat in 0..4 {
            let now = start + PRIMING_INTERVAL * repeat;
            let frame = fed(feed.poll(now));
            assert!(frame.is_idr);
            timestamps.push(frame.timestamp.0);
            feed.handle_feedback(EncoderFeedback {
                rate_control: repeat == 3,
                keyframe_requested: repeat < 3,
            });
            if repeat < 3 {
                assert!(!feed.is_live());
                assert!(
                    matches!(feed.poll(now + MIN_CALL_SPACING), FeedStep::WaitUntil(at) if at == now + PRIMING_INTERVAL)
                );
            }
        }
        assert_eq!(timestamps, [3000, 5970, 8940, 11910]);
        assert!(feed.is_live());

        let now = start + PRIMING_INTERVAL * 3;
        assert!(matches!(feed.poll(now), FeedStep::WaitUntil(at) if at == now + MIN_CALL_SPACING));
        let frame = fed(feed.poll(now + MIN_CALL_SPACING));
        assert!(!frame.is_idr);
        assert!(
            frame.timestamp.0 > 11910,
            "the picture after the IDR must not go back in time"
        );
    }

    #[test]
    fn a_rate_together_with_a_wish_for_a_key_frame_is_answered_by_one_more_idr() {
        let start = Instant::now();
        let mut feed = EncoderFeed::new();
        feed.push(idr(0));
        fed(feed.poll(start));
        feed.handle_feedback(EncoderFeedback {
            rate_control: true,
            keyframe_requested: true,
        });
        assert!(!feed.is_live());
        feed.handle_feedback(EncoderFeedback::default());
        assert!(!feed.is_live(), "nothing went in since it asked");
        fed(feed.poll(start + PRIMING_INTERVAL));
        feed.handle_feedback(EncoderFeedback::default());
        assert!(feed.is_live());
    }

    #[test]
    fn a_newer_idr_takes_over_the_priming_and_drops_what_followed_the_old_one() {
        let start = Instant::now();
        let mut feed = EncoderFeed::new();
        feed.push(idr(0));
        feed.push(delta(3000));
        fed(feed.poll(start));
        feed.push(idr(90_000));
        feed.push(delta(93_000));
        assert_eq!(fed(feed.poll(start + PRIMING_INTERVAL)).timestamp.0, 90_000);
        feed.handle_feedback(EncoderFeedback {
            rate_control: true,
            keyframe_requested: false,
        });
        let next = fed(feed.poll(start + PRIMING_INTERVAL + MIN_CALL_SPACING));
        assert_eq!(next.timestamp.0, 93_000);
    }

    #[test]
    fn an_encoder_that_never_answers_holds_a_bounded_backlog() {
        let mut feed = EncoderFeed::new();
        feed.push(idr(0));
        for picture in 1..1000 {
            feed.push(delta(picture * 3000));
            assert!(feed.backlog.len() <= MAX_BACKLOG);
        }
    }

    #[test]
    fn a_burst_reaches_a_live_encoder_one_millisecond_apart_and_whole() {
        let start = Instant::now();
        let mut feed = EncoderFeed::new();
        feed.push(idr(0));
        fed(feed.poll(start));
        feed.handle_feedback(EncoderFeedback {
            rate_control: true,
            keyframe_requested: false,
        });
        for picture in 1..=10 {
            feed.push(delta(picture * 3000));
        }
        let (mut now, mut calls) = (start, Vec::new());
        loop {
            match feed.poll(now) {
                FeedStep::Feed { frame, timestamp_us } => {
                    assert_eq!(timestamp_us, 1_000_000 + frame.timestamp.0 * 100 / 9);
                    calls.push((now, frame.timestamp.0));
                }
                FeedStep::WaitUntil(at) => now = at,
                FeedStep::WaitForFrame => break,
            }
        }
        assert_eq!(calls.len(), 10);
        assert!(
            calls
                .windows(2)
                .all(|pair| pair[1].0 - pair[0].0 >= MIN_CALL_SPACING && pair[1].1 > pair[0].1)
        );
    }
}
