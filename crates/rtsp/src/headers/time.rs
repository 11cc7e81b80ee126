use std::fmt;
use std::time::Duration;

/// A point in normal play time ([RFC 2326 §3.6](https://www.rfc-editor.org/rfc/rfc2326#section-3.6)).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NptTime {
    /// The live edge.
    Now,
    /// Time since the beginning of the presentation, in whole milliseconds.
    At(Duration),
}

/// A point in absolute time, UTC ([RFC 2326 §3.7](https://www.rfc-editor.org/rfc/rfc2326#section-3.7)).
///
/// Ordered as time is. Whether the day exists in its month is not checked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct UtcTime {
    /// 0 to 9999.
    pub year: u16,
    /// 1 to 12.
    pub month: u8,
    /// 1 to 31.
    pub day: u8,
    /// 0 to 23.
    pub hour: u8,
    /// 0 to 59.
    pub minute: u8,
    /// 0 to 60: there are leap seconds.
    pub second: u8,
    /// Nanoseconds, below 10^9.
    pub nanosecond: u32,
}

/// A point in a recording, by its time code ([RFC 2326 §3.5](https://www.rfc-editor.org/rfc/rfc2326#section-3.5)).
///
/// Each part has two digits at most. Ordered as time is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct SmpteTime {
    /// 0 to 99.
    pub hours: u8,
    /// 0 to 99.
    pub minutes: u8,
    /// 0 to 99.
    pub seconds: u8,
    /// 0 to 99.
    pub frames: u8,
    /// Hundredths of a frame.
    pub subframes: u8,
}

/// How many frames of a time code make a second.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SmpteRate {
    /// `smpte`: 29.97, with dropped numbers.
    Default,
    /// `smpte-30-drop`: the same by its name.
    Drop30,
    /// `smpte-25`: 25.
    Fps25,
}

impl NptTime {
    /// `now`, seconds, or `hours:minutes:seconds`.
    pub(super) fn from_text(text: &str) -> Option<Self> {
        if text.eq_ignore_ascii_case("now") {
            return Some(Self::Now);
        }
        let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
        let mut seconds = 0_u64;
        for part in whole.split(':') {
            seconds = seconds.checked_mul(60)?.checked_add(digits(part)?)?;
        }
        let milliseconds = format!("{fraction:0<3.3}");
        Some(Self::At(
            Duration::from_secs(seconds) + Duration::from_millis(digits(&milliseconds)?),
        ))
    }
}

impl fmt::Display for NptTime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Now => f.write_str("now"),
            Self::At(time) => write!(f, "{}.{:03}", time.as_secs(), time.subsec_millis()),
        }
    }
}

impl UtcTime {
    /// `20080713T142300Z`, or with a fraction of a second.
    pub(super) fn from_text(text: &str) -> Option<Self> {
        let (date, time) = text.split_once(['T', 't'])?;
        let time = time.strip_suffix(['Z', 'z'])?;
        let (time, fraction) = time.split_once('.').unwrap_or((time, ""));
        if (date.len(), time.len()) != (8, 6) {
            return None;
        }
        let two = |text: &str, at: usize, range: std::ops::RangeInclusive<u8>| {
            let number = digits(text.get(at..at + 2)?)?;
            u8::try_from(number).ok().filter(|number| range.contains(number))
        };
        Some(Self {
            year: digits(date.get(..4)?)?.try_into().ok()?,
            month: two(date, 4, 1..=12)?,
            day: two(date, 6, 1..=31)?,
            hour: two(time, 0, 0..=23)?,
            minute: two(time, 2, 0..=59)?,
            second: two(time, 4, 0..=60)?,
            nanosecond: digits(&format!("{fraction:0<9.9}"))?.try_into().ok()?,
        })
    }
}

impl fmt::Display for UtcTime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:04}{:02}{:02}T", self.year, self.month, self.day)?;
        write!(f, "{:02}{:02}{:02}", self.hour, self.minute, self.second)?;
        if self.nanosecond > 0 {
            let fraction = format!("{:09}", self.nanosecond);
            write!(f, ".{}", fraction.trim_end_matches('0'))?;
        }
        f.write_str("Z")
    }
}

impl SmpteTime {
    /// `10:07:33`, and frames and their hundredths behind it: `10:07:33:05.01`.
    pub(super) fn from_text(text: &str) -> Option<Self> {
        let (time, subframes) = text.split_once('.').unwrap_or((text, "0"));
        let two = |text: &str| {
            let number = digits(text).filter(|_| text.len() <= 2)?;
            u8::try_from(number).ok()
        };
        let mut parts = time.split(':').map(two);
        let time = Self {
            hours: parts.next()??,
            minutes: parts.next()??,
            seconds: parts.next()??,
            frames: parts.next().unwrap_or(Some(0))?,
            subframes: two(subframes)?,
        };
        parts.next().is_none().then_some(time)
    }
}

impl fmt::Display for SmpteTime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:02}:{:02}:{:02}", self.hours, self.minutes, self.seconds)?;
        if (self.frames, self.subframes) != (0, 0) {
            write!(f, ":{:02}", self.frames)?;
        }
        if self.subframes != 0 {
            write!(f, ".{:02}", self.subframes)?;
        }
        Ok(())
    }
}

impl SmpteRate {
    const ALL: [Self; 3] = [Self::Default, Self::Drop30, Self::Fps25];

    pub(super) fn from_unit(unit: &str) -> Option<Self> {
        Self::ALL
            .into_iter()
            .find(|rate| rate.unit().eq_ignore_ascii_case(unit))
    }

    pub(super) fn unit(self) -> &'static str {
        match self {
            Self::Default => "smpte",
            Self::Drop30 => "smpte-30-drop",
            Self::Fps25 => "smpte-25",
        }
    }
}

/// A number without a sign.
fn digits(text: &str) -> Option<u64> {
    text.parse()
        .ok()
        .filter(|_| text.bytes().all(|b| b.is_ascii_digit()))
}
