use std::time::Duration;

/// Time from one picture to the next, in thousandths of the 90 kHz clock's tick: exact for every usual frame
/// rate, those of NTSC (30000/1001) included.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct PictureInterval(u64);

/// A [`PictureInterval`] of one second.
const PER_SECOND: f64 = 90_000_000.0;

impl PictureInterval {
    /// 25 pictures per second.
    pub(crate) const DEFAULT: Self = Self(3_600_000);

    /// `None` for a rate that is not between 0.1 and 240 pictures per second.
    pub(crate) fn from_frame_rate(pictures_per_second: f64) -> Option<Self> {
        if !(0.1..=240.0).contains(&pictures_per_second) {
            return None;
        }
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "between 375,000 and 900,000,000"
        )]
        let interval = (PER_SECOND / pictures_per_second).round() as u64;
        Some(Self(interval))
    }

    /// In pictures per second.
    pub(crate) fn frame_rate(self) -> f64 {
        #[expect(clippy::cast_precision_loss, reason = "below 2^53")]
        let interval = self.0 as f64;
        PER_SECOND / interval
    }

    /// So many pictures in ticks of the 90 kHz clock.
    pub(crate) fn ticks(self, pictures: u64) -> u64 {
        pictures.saturating_mul(self.0) / 1000
    }

    /// So many pictures in time.
    pub(crate) fn duration(self, pictures: u64) -> Duration {
        Duration::from_nanos(pictures.saturating_mul(self.0).saturating_mul(100) / 9)
    }

    /// How many whole pictures pass in that time.
    pub(crate) fn pictures_in(self, time: Duration) -> u64 {
        (time.as_nanos() * 9 / 100 / u128::from(self.0))
            .try_into()
            .unwrap_or(u64::MAX)
    }
}

/// A stretch of time in ticks of the 90 kHz clock.
pub(crate) fn ticks(time: Duration) -> u64 {
    (time.as_nanos() * 9 / 100_000).try_into().unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn usual_frame_rates_have_exact_ticks_after_a_day() {
        for (rate, pictures, ticks) in [
            (30.0, 30 * 86_400, 90_000 * 86_400),
            (25.0, 25 * 86_400, 90_000 * 86_400),
            (30_000.0 / 1001.0, 30_000, 1001 * 90_000),
            (24_000.0 / 1001.0, 24_000, 1001 * 90_000),
            (240.0, 240, 90_000),
            (0.1, 1, 900_000),
        ] {
            let interval = PictureInterval::from_frame_rate(rate).unwrap();
            assert_eq!(interval.ticks(pictures), ticks, "{rate}");
            assert!((interval.frame_rate() - rate).abs() < 1e-6, "{rate}");
        }
    }

    #[test]
    fn time_and_pictures_agree() {
        let interval = PictureInterval::from_frame_rate(30.0).unwrap();
        assert_eq!(interval.duration(30), Duration::from_secs(1));
        assert_eq!(interval.pictures_in(Duration::from_secs(1)), 30);
        assert_eq!(
            interval.pictures_in(interval.duration(7)),
            6,
            "a duration is rounded down to whole nanoseconds"
        );
        assert_eq!(ticks(Duration::from_secs(2)), 180_000);
    }

    #[test]
    fn rates_out_of_range_are_refused() {
        for rate in [0.0, -1.0, 0.09, 240.1, f64::NAN, f64::INFINITY] {
            assert_eq!(PictureInterval::from_frame_rate(rate), None);
        }
    }
}
