use std::fmt;

use super::grammar::number;

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

impl SmpteTime {
    /// `10:07:33`, and frames and their hundredths behind it: `10:07:33:05.01`.
    pub(super) fn from_text(text: &str) -> Option<Self> {
        let (time, subframes) = text.split_once('.').unwrap_or((text, "0"));
        let two = |text: &str| number::<u8>(text).filter(|_| text.len() <= 2);
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
