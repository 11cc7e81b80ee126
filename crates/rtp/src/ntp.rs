//! The 64-bit wall clock of RTCP sender reports.

use std::time::{Duration, SystemTime};

/// 1 January 1970 in seconds since 1 January 1900.
const UNIX_EPOCH_SECONDS: u64 = 2_208_988_800;

/// Seconds in one NTP era, 136 years: the 32-bit seconds run over in February 2036.
const ERA_SECONDS: u64 = 1 << 32;

/// An NTP timestamp: 32 bits of seconds since 1900, 32 bits of fraction
/// ([RFC 3550 §4](https://www.rfc-editor.org/rfc/rfc3550#section-4)). Resolution 233 ps.
///
/// The seconds run over in February 2036. As [RFC 4330 §3](https://www.rfc-editor.org/rfc/rfc4330#section-3)
/// has it, a set top bit means 1968 to 2036, a clear one 2036 to 2104.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct NtpTimestamp(pub u64);

impl NtpTimestamp {
    /// The timestamp of `time`, to the nanosecond, for the years 1968 to 2104.
    #[must_use]
    pub fn from_system_time(time: SystemTime) -> Self {
        let (seconds, nanos) = match time.duration_since(SystemTime::UNIX_EPOCH) {
            Ok(after) => (
                UNIX_EPOCH_SECONDS.wrapping_add(after.as_secs()),
                after.subsec_nanos(),
            ),
            Err(error) => {
                let before = error.duration();
                let whole = before.as_secs() + u64::from(before.subsec_nanos() > 0);
                (
                    UNIX_EPOCH_SECONDS.wrapping_sub(whole),
                    (1_000_000_000 - before.subsec_nanos()) % 1_000_000_000,
                )
            }
        };
        // Rounded up, so that the way back, which rounds down, returns the same nanosecond.
        let fraction = (u64::from(nanos) << 32).div_ceil(1_000_000_000);
        Self((seconds << 32) | fraction)
    }

    /// The time it stands for, to the nanosecond.
    #[must_use]
    pub fn to_system_time(self) -> SystemTime {
        let mut seconds = self.0 >> 32;
        if seconds < ERA_SECONDS / 2 {
            seconds += ERA_SECONDS;
        }
        let nanos = ((self.0 & 0xffff_ffff) * 1_000_000_000) >> 32;
        let whole = match seconds.checked_sub(UNIX_EPOCH_SECONDS) {
            Some(after) => SystemTime::UNIX_EPOCH.checked_add(Duration::from_secs(after)),
            None => SystemTime::UNIX_EPOCH.checked_sub(Duration::from_secs(UNIX_EPOCH_SECONDS - seconds)),
        };
        // None only where time begins in 1970, as on wasm32, and only for what comes before.
        whole.unwrap_or(SystemTime::UNIX_EPOCH) + Duration::from_nanos(nanos)
    }

    /// The middle 32 bits, in units of 1/65536 s: what a report block repeats as "last SR"
    /// ([RFC 3550 §6.4.1](https://www.rfc-editor.org/rfc/rfc3550#section-6.4.1)).
    #[must_use]
    #[expect(
        clippy::cast_possible_truncation,
        reason = "the middle 32 bits are what is asked for"
    )]
    pub const fn middle_bits(self) -> u32 {
        (self.0 >> 16) as u32
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn unix(seconds: u64, nanos: u32) -> SystemTime {
        SystemTime::UNIX_EPOCH + Duration::new(seconds, nanos)
    }

    #[test]
    fn known_instants_have_their_known_timestamps() {
        for (ntp, time) in [
            (0x83aa_7e80_0000_0000, SystemTime::UNIX_EPOCH),
            (0xb44d_b705_2000_0000, unix(816_003_205, 125_000_000)),
            (0x0000_0000_0000_0000, unix(2_085_978_496, 0)),
            (
                0x83aa_7e7f_8000_0000,
                SystemTime::UNIX_EPOCH - Duration::from_millis(500),
            ),
        ] {
            assert_eq!(NtpTimestamp(ntp).to_system_time(), time);
            assert_eq!(NtpTimestamp::from_system_time(time), NtpTimestamp(ntp));
        }
    }

    #[test]
    fn every_nanosecond_survives_the_round_trip() {
        for nanos in [0, 1, 2, 3, 499_999_999, 999_999_998, 999_999_999] {
            for seconds in [0, 1_700_000_000, 2_085_978_495, 2_085_978_496, 3_000_000_000] {
                let time = unix(seconds, nanos);
                assert_eq!(NtpTimestamp::from_system_time(time).to_system_time(), time);
            }
            let before_1970 = SystemTime::UNIX_EPOCH - Duration::new(1_000, nanos);
            assert_eq!(
                NtpTimestamp::from_system_time(before_1970).to_system_time(),
                before_1970
            );
        }
    }

    #[test]
    fn middle_bits_are_those_of_the_rfcs_example() {
        // RFC 3550 §6.4.1, figure 2: the report sent at 0xb44db705.20000000 is "last SR" 0xb705:2000.
        assert_eq!(NtpTimestamp(0xb44d_b705_2000_0000).middle_bits(), 0xb705_2000);
    }
}
