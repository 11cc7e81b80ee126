use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use super::{HeaderError, TypedHeader, name};

/// The stretch of the stream that PLAY is about, in normal play time
/// ([RFC 2326 §12.29](https://www.rfc-editor.org/rfc/rfc2326#section-12.29)).
///
/// Other units (`clock=`, `smpte=`) are an error: live video has no use for them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Range {
    /// Where it begins, `None` for "wherever you are".
    pub start: Option<NptTime>,
    /// Where it ends, `None` for "open".
    pub end: Option<NptTime>,
}

/// A point in normal play time ([RFC 2326 §3.6](https://www.rfc-editor.org/rfc/rfc2326#section-3.6)).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NptTime {
    /// The live edge.
    Now,
    /// Time since the beginning of the presentation.
    At(Duration),
}

impl Range {
    /// `npt=0.000-`: what every PLAY should carry, some cameras send nothing without it (Q26).
    pub const FROM_START: Self = Self {
        start: Some(NptTime::At(Duration::ZERO)),
        end: None,
    };
}

impl TypedHeader for Range {
    const NAME: &'static str = name::RANGE;
}

impl FromStr for Range {
    type Err = HeaderError;

    fn from_str(value: &str) -> Result<Self, HeaderError> {
        let fault = |offset, what| HeaderError {
            header: Self::NAME,
            offset,
            what,
        };
        // What follows a semicolon is the time at which the range takes effect.
        let range = value.split(';').next().unwrap_or_default();
        let (unit, times) = range.split_once('=').ok_or(fault(0, "no unit"))?;
        if !unit.trim().eq_ignore_ascii_case("npt") {
            return Err(fault(0, "unit is not npt"));
        }
        let (start, end) = times.split_once('-').ok_or(fault(unit.len() + 1, "no hyphen"))?;
        Ok(Self {
            start: npt_time(start).map_err(|what| fault(unit.len() + 1, what))?,
            end: npt_time(end).map_err(|what| fault(unit.len() + start.len() + 2, what))?,
        })
    }
}

/// `now`, seconds, or `hours:minutes:seconds`; nothing is `None`.
fn npt_time(text: &str) -> Result<Option<NptTime>, &'static str> {
    let text = text.trim();
    if text.is_empty() {
        return Ok(None);
    }
    if text.eq_ignore_ascii_case("now") {
        return Ok(Some(NptTime::Now));
    }
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    let mut seconds = Some(0_u64);
    for part in whole.split(':') {
        let part = part.parse().map_err(|_| "not a time")?;
        seconds = seconds.and_then(|seconds| seconds.checked_mul(60)?.checked_add(part));
    }
    let milliseconds = format!("{fraction:0<3.3}").parse().map_err(|_| "not a time")?;
    let time = Duration::from_secs(seconds.ok_or("not a time")?) + Duration::from_millis(milliseconds);
    Ok(Some(NptTime::At(time)))
}

impl fmt::Display for Range {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "npt={}-{}", Optional(self.start), Optional(self.end))
    }
}

struct Optional(Option<NptTime>);

impl fmt::Display for Optional {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            None => Ok(()),
            Some(NptTime::Now) => f.write_str("now"),
            Some(NptTime::At(time)) => write!(f, "{}.{:03}", time.as_secs(), time.subsec_millis()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::headers::tests::check;

    fn at(millis: u64) -> NptTime {
        NptTime::At(Duration::from_millis(millis))
    }

    #[test]
    fn reads_and_writes_normal_play_time() {
        check(&[
            ("npt=0.000-", Range::FROM_START, "npt=0.000-"),
            ("NPT = 0 - ", Range::FROM_START, "npt=0.000-"),
            (
                "npt=now-",
                Range {
                    start: Some(NptTime::Now),
                    end: None,
                },
                "npt=now-",
            ),
            (
                "npt=10-15.5",
                Range {
                    start: Some(at(10_000)),
                    end: Some(at(15_500)),
                },
                "npt=10.000-15.500",
            ),
            (
                "npt=-20",
                Range {
                    start: None,
                    end: Some(at(20_000)),
                },
                "npt=-20.000",
            ),
            (
                "npt=1:02:03.250-",
                Range {
                    start: Some(at(3_723_250)),
                    end: None,
                },
                "npt=3723.250-",
            ),
            (
                "npt=0.000-;time=19970123T143720Z",
                Range::FROM_START,
                "npt=0.000-",
            ),
        ]);
    }

    #[test]
    fn what_is_no_normal_play_time_is_an_error_that_says_where() {
        let message = |value: &str| value.parse::<Range>().unwrap_err().to_string();
        assert_eq!(
            message("clock=19961108T142300Z-"),
            "Range header: unit is not npt at byte 0"
        );
        assert_eq!(message("npt=0-x"), "Range header: not a time at byte 6");
        for value in ["", "npt", "npt=5", "npt=1e300-", "npt=nan-", "npt=-1-"] {
            assert!(value.parse::<Range>().is_err(), "{value}");
        }
    }
}
