//! Protocol numbers with their units and their arithmetic.

use std::fmt;
use std::num::NonZeroU32;
use std::time::Duration;

/// The sequence number of an RTP packet: one more for each packet sent, modulo 65536, from a random start
/// ([RFC 3550 §5.1](https://www.rfc-editor.org/rfc/rfc3550#section-5.1)).
///
/// It has no `Ord`, because modulo 65536 "greater" depends on where one stands: see
/// [`distance_from`](Self::distance_from).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct SequenceNumber(pub u16);

impl SequenceNumber {
    /// The number of the packet that the sender sends after this one.
    #[inline]
    #[must_use]
    pub const fn next(self) -> Self {
        Self(self.0.wrapping_add(1))
    }

    /// How many packets `self` is ahead of `earlier`, the shorter way round: negative when it is behind.
    ///
    /// ```
    /// use throughline_rtp::SequenceNumber;
    ///
    /// assert_eq!(SequenceNumber(2).distance_from(SequenceNumber(65_535)), 3);
    /// assert_eq!(SequenceNumber(65_535).distance_from(SequenceNumber(2)), -3);
    /// ```
    #[inline]
    #[expect(
        clippy::cast_possible_wrap,
        reason = "the upper half of the circle is what lies behind"
    )]
    pub const fn distance_from(self, earlier: Self) -> i16 {
        self.0.wrapping_sub(earlier.0) as i16
    }
}

impl fmt::Display for SequenceNumber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// A synchronization source: the random number by which a stream's packets know their sender
/// ([RFC 3550 §8](https://www.rfc-editor.org/rfc/rfc3550#section-8)). Printed as Wireshark does, `0x1234abcd`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Ssrc(pub u32);

impl fmt::Display for Ssrc {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:#010x}", self.0)
    }
}

/// An RTP payload type, 0 to 127: what the session description's `m=` line calls a format
/// ([RFC 3550 §5.1](https://www.rfc-editor.org/rfc/rfc3550#section-5.1)).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct PayloadType(pub u8);

impl fmt::Display for PayloadType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// The 32-bit media time of an RTP packet, in ticks of the payload's clock, from a random start
/// ([RFC 3550 §5.1](https://www.rfc-editor.org/rfc/rfc3550#section-5.1)).
///
/// It wraps (after 13 hours at 90 kHz): [`Timeline::unwrap`](crate::Timeline::unwrap) makes an
/// [`ExtendedTimestamp`] of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct RtpTimestamp(pub u32);

/// Media time in ticks of the payload's clock that does not wrap: an [`RtpTimestamp`] with the turns counted.
///
/// Only differences mean something. It may be negative, where a stream's first packets came out of order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ExtendedTimestamp(pub i64);

/// The rate of a payload's clock, in ticks a second; never zero.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct ClockRate(NonZeroU32);

impl ClockRate {
    /// 90 kHz, the clock of H.264 and of every other video payload
    /// ([RFC 6184 §8.2.1](https://www.rfc-editor.org/rfc/rfc6184#section-8.2.1)).
    pub const VIDEO: Self = Self(NonZeroU32::MIN.saturating_add(89_999));

    /// The clock of `hz` ticks a second; `None` for 0, which a session description may well say.
    pub fn new(hz: u32) -> Option<Self> {
        NonZeroU32::new(hz).map(Self)
    }

    /// Ticks a second.
    #[inline]
    pub const fn hz(self) -> u32 {
        self.0.get()
    }

    /// Whole ticks in `duration`.
    #[inline]
    pub(crate) fn ticks(self, duration: Duration) -> i64 {
        let rate = u64::from(self.hz());
        let ticks = duration
            .as_secs()
            .saturating_mul(rate)
            .saturating_add(u64::from(duration.subsec_nanos()) * rate / 1_000_000_000);
        i64::try_from(ticks).unwrap_or(i64::MAX)
    }

    /// The time that `ticks` take, to the nanosecond.
    pub(crate) fn duration(self, ticks: u64) -> Duration {
        let rate = u64::from(self.hz());
        Duration::from_secs(ticks / rate) + Duration::from_nanos(ticks % rate * 1_000_000_000 / rate)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn distance_is_taken_the_shorter_way_round() {
        for (a, b, distance) in [
            (5, 5, 0),
            (6, 5, 1),
            (0, 65_535, 1),
            (65_535, 0, -1),
            (32_767, 0, 32_767),
            (32_768, 0, -32_768),
        ] {
            assert_eq!(
                SequenceNumber(a).distance_from(SequenceNumber(b)),
                distance,
                "{a} from {b}"
            );
        }
        assert_eq!(SequenceNumber(65_535).next(), SequenceNumber(0));
    }

    #[test]
    fn ssrc_prints_as_in_wireshark() {
        assert_eq!(Ssrc(0xa046).to_string(), "0x0000a046");
    }

    #[test]
    fn clock_rate_of_zero_is_refused() {
        assert_eq!(ClockRate::new(0), None);
        assert_eq!(ClockRate::new(90_000), Some(ClockRate::VIDEO));
    }
}
