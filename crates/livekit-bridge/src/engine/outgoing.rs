//! From access units to RTP packets for str0m: a batch at a time, and in memory that is used again.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::{Instant, SystemTime};

use bytes::Bytes;
use str0m::media::Pt;
use str0m::rtp::{AbsCaptureTime, ExtensionValues, RtpWrite, StreamTx};
use throughline_h264::{Fragment, Packetizer};

use crate::engine::clock::Stamp;
use crate::engine::rtc::random;
use crate::frame::EncodedVideoFrame;

/// Bytes of H.264 in one packet. With the headers of IPv6 (40), UDP (8) and RTP (12), header extensions (28, which is more than
/// ours and as much as a server puts in their place), RTX (2) and the SRTP tag (16) it stays below 1280, which every
/// network carries.
const MAX_PAYLOAD: usize = 1170;

/// Packets that str0m gets at once: a picture of 18 Mbit/s, and somewhat more than its pacer lets go in one burst. In its queue a
/// packet takes as much again as in the access unit, and its queue keeps the room that it once needed.
pub(crate) const BATCH: usize = 64;

/// Access units on their way into str0m. The one who gives them keeps them within bounds, by their [age](Self::oldest).
#[derive(Debug)]
pub(crate) struct Outgoing {
    waiting: VecDeque<Picture>,
    /// The oldest picture of the last batch.
    given: Option<Instant>,
    packetizer: Packetizer,
    payloads: Payloads,
    sequence: u64,
}

/// An access unit, whole or what is left of it.
#[derive(Debug)]
struct Picture {
    data: Bytes,
    capture_time: Option<SystemTime>,
    stamp: Stamp,
    since: Instant,
    written: usize,
}

impl Outgoing {
    pub(crate) fn new() -> Self {
        Self {
            waiting: VecDeque::new(),
            given: None,
            packetizer: Packetizer::new(MAX_PAYLOAD),
            payloads: Payloads::new(MAX_PAYLOAD),
            sequence: random() & 0x7fff,
        }
    }

    pub(crate) fn push(&mut self, frame: &EncodedVideoFrame, stamp: Stamp, now: Instant) {
        self.waiting.push_back(Picture {
            data: frame.data.clone(),
            capture_time: frame.capture_time,
            stamp,
            since: now,
            written: 0,
        });
    }

    /// Since when the oldest of those that are not all with str0m is here.
    pub(crate) fn oldest(&self) -> Option<Instant> {
        self.waiting.front().map(|picture| picture.since)
    }

    /// Since when the oldest picture is here of which packets were in the last batch.
    pub(crate) fn given(&self) -> Option<Instant> {
        self.given
    }

    /// Gives the next packets to `stream`, `most` of them, and returns how many that are.
    pub(crate) fn write(&mut self, stream: &mut StreamTx, payload_type: Pt, most: usize) -> usize {
        self.given = self.oldest();
        let mut written = 0;
        while let Some(picture) = self.waiting.front_mut().filter(|_| written < most) {
            let room = most - written;
            // Goes through what has left once more: some 0.1 ms for the last batch of 1 MiB.
            let fragments = self.packetizer.packetize(&picture.data).skip(picture.written);
            let mut whole = true;
            for fragment in fragments.take(room) {
                let mut packet = RtpWrite::new(
                    payload_type,
                    self.sequence.into(),
                    picture.stamp.rtp,
                    picture.stamp.wallclock,
                    self.payloads.make(&fragment),
                )
                .marker(fragment.is_last)
                .nackable(true);
                // The first packet of a picture carries its capture time for all of them.
                if let Some(capture_time) = picture.capture_time.take() {
                    packet = packet.ext_vals(captured(capture_time));
                }
                stream.write_rtp(packet);
                self.sequence += 1;
                picture.written += 1;
                written += 1;
                whole = fragment.is_last;
            }
            if whole {
                self.waiting.pop_front();
            }
        }
        written
    }
}

fn captured(capture_time: SystemTime) -> ExtensionValues {
    ExtensionValues {
        abs_capture_time: Some(AbsCaptureTime {
            capture_time,
            clock_offset: None,
        }),
        ..ExtensionValues::default()
    }
}

/// Makes the payloads of packets. str0m keeps each until it is too old to be asked for again; then its memory takes another one.
///
/// Only those of the largest size, which most have: those fit each other.
#[derive(Debug)]
struct Payloads {
    largest: usize,
    /// In the order in which they were made, and so about that in which str0m lets them go: a share in each, beside str0m's.
    kept: VecDeque<Arc<[u8]>>,
    scratch: Vec<u8>,
}

impl Payloads {
    fn new(largest: usize) -> Self {
        Self {
            largest,
            kept: VecDeque::new(),
            scratch: Vec::with_capacity(largest),
        }
    }

    fn make(&mut self, fragment: &Fragment<'_>) -> Arc<[u8]> {
        self.scratch.clear();
        fragment.write(&mut self.scratch);
        if fragment.is_last && self.oldest_is_free() {
            // Behind an IDR fewer are needed: one is given back a picture.
            self.kept.pop_front();
        }
        if self.scratch.len() != self.largest {
            return Arc::from(self.scratch.as_slice());
        }
        let made = self
            .refilled()
            .unwrap_or_else(|| Arc::from(self.scratch.as_slice()));
        self.kept.push_back(Arc::clone(&made));
        made
    }

    fn oldest_is_free(&mut self) -> bool {
        self.kept.front_mut().and_then(Arc::get_mut).is_some()
    }

    /// The oldest, if str0m has let it go.
    fn refilled(&mut self) -> Option<Arc<[u8]>> {
        Arc::get_mut(self.kept.front_mut()?)?.copy_from_slice(&self.scratch);
        self.kept.pop_front()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LARGEST: usize = 100;

    /// The payloads of a NAL unit: `count` of the largest size, and a short one.
    fn send(payloads: &mut Payloads, count: usize, fill: u8) -> Vec<Arc<[u8]>> {
        let mut unit = vec![0, 0, 1, 0x41];
        unit.resize(4 + count * (LARGEST - 2) + 2, fill);
        Packetizer::new(LARGEST)
            .packetize(&unit)
            .map(|fragment| payloads.make(&fragment))
            .collect()
    }

    fn places(sent: &[Arc<[u8]>]) -> Vec<*const [u8]> {
        sent.iter().map(Arc::as_ptr).collect()
    }

    #[test]
    fn what_is_still_held_elsewhere_stays_as_it_is_and_what_is_let_go_is_filled_anew() {
        let mut payloads = Payloads::new(LARGEST);
        let (first, second) = (send(&mut payloads, 3, 7), send(&mut payloads, 2, 8));
        let lengths = first.iter().map(|payload| payload.len());
        assert!(lengths.eq([LARGEST, LARGEST, LARGEST, 4]));
        let was = places(&first);
        drop(first);
        let third = send(&mut payloads, 1, 9);
        assert_eq!(places(&third)[0], was[0]);
        for (sent, fill) in [(second, 8), (third, 9)] {
            assert!(
                sent.iter()
                    .all(|payload| payload[2..].iter().all(|byte| *byte == fill))
            );
        }
    }

    #[test]
    fn no_more_is_kept_than_was_in_use_and_less_once_less_is_needed() {
        let mut payloads = Payloads::new(LARGEST);
        drop(send(&mut payloads, 200, 1));
        assert_eq!(payloads.kept.len(), 200);
        for _ in 0..200 {
            drop(send(&mut payloads, 1, 2));
        }
        assert_eq!(payloads.kept.len(), 1);
    }
}
