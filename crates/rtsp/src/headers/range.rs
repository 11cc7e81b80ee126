use std::fmt::{self, Display};
use std::time::Duration;

use super::grammar::Value;
use super::{HeaderError, NptTime, SmpteRate, SmpteTime, TypedHeader, UtcTime, name};
use crate::{Reading, Tolerance};

/// The stretch of the stream that PLAY is about ([RFC 2326 §12.29](https://www.rfc-editor.org/rfc/rfc2326#section-12.29)).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Range {
    /// From where to where.
    pub span: Span,
    /// When the request is to take effect, `None` for at once.
    pub time: Option<UtcTime>,
}

/// From where to where, in one of the RFC's units.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Span {
    /// Normal play time, from the beginning of the presentation.
    Npt(Interval<NptTime>),
    /// Time codes of a recording.
    Smpte(SmpteRate, Interval<SmpteTime>),
    /// Absolute time, for recorders.
    Clock(Interval<UtcTime>),
}

/// Half open: it begins at its start and ends before its end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Interval<T> {
    /// Where it begins, `None` for "wherever you are".
    pub start: Option<T>,
    /// Where it ends, `None` for "open".
    pub end: Option<T>,
}

impl<T> Interval<T> {
    /// From here on.
    pub const fn from(start: T) -> Self {
        Self {
            start: Some(start),
            end: None,
        }
    }
}

impl Range {
    /// `npt=0.000-`: what every PLAY should carry, some cameras send nothing without it (Q26).
    pub const FROM_START: Self = Self::of(Span::Npt(Interval::from(NptTime::At(Duration::ZERO))));

    /// `npt=now-`: what a live source plays.
    pub const LIVE: Self = Self::of(Span::Npt(Interval::from(NptTime::Now)));

    /// This span, at once.
    pub const fn of(span: Span) -> Self {
        Self { span, time: None }
    }
}

impl TypedHeader for Range {
    const NAME: &'static str = name::RANGE;

    fn read(value: &str, reading: &mut Reading) -> Result<Self, HeaderError> {
        let mut read = Value::new::<Self>(value, reading);
        let (range, time) = value.split_once(';').unwrap_or((value, ""));
        let Some((unit, times)) = range.split_once('=') else {
            return Err(read.fault("no unit", value));
        };
        let span = match (unit.trim(), SmpteRate::from_unit(unit.trim())) {
            (_, Some(rate)) => {
                let interval = interval(&mut read, times, SmpteTime::from_text)?;
                Span::Smpte(rate, is_forward(&mut read, times, interval)?)
            }
            (unit, _) if unit.eq_ignore_ascii_case("npt") => {
                let interval = interval(&mut read, times, NptTime::parse)?;
                Span::Npt(is_forward(&mut read, times, interval)?)
            }
            (unit, _) if unit.eq_ignore_ascii_case("clock") => {
                let interval = interval(&mut read, times, UtcTime::parse)?;
                Span::Clock(is_forward(&mut read, times, interval)?)
            }
            (unit, _) => return Err(read.fault("unit is not npt, smpte or clock", unit)),
        };
        let time = match time.split_once('=') {
            None => None,
            Some((_, time)) => match UtcTime::parse(time.trim()) {
                None => return Err(read.fault("not a time", time)),
                time => time,
            },
        };
        Ok(Self { span, time })
    }
}

fn interval<T>(
    value: &mut Value<'_, '_>,
    times: &str,
    read: fn(&str) -> Option<T>,
) -> Result<Interval<T>, HeaderError> {
    let Some((start, end)) = times.split_once('-') else {
        return Err(value.fault("no hyphen", times));
    };
    let time = |text: &str| match text.trim() {
        "" => Ok(None),
        text => read(text)
            .map(Some)
            .ok_or_else(|| value.fault("not a time", text)),
    };
    let (start, end) = (time(start)?, time(end)?);
    Ok(Interval { start, end })
}

/// Records an interval that ends before it begins (Q131).
fn is_forward<T: PartialOrd>(
    value: &mut Value<'_, '_>,
    times: &str,
    interval: Interval<T>,
) -> Result<Interval<T>, HeaderError> {
    if interval.end.is_some() && interval.end < interval.start {
        value.tolerate(Tolerance::BackwardRange, times)?;
    }
    Ok(interval)
}

impl Display for Range {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.span {
            Span::Npt(interval) => write!(f, "npt={interval}"),
            Span::Smpte(rate, interval) => write!(f, "{}={interval}", rate.unit()),
            Span::Clock(interval) => write!(f, "clock={interval}"),
        }?;
        match self.time {
            Some(time) => write!(f, ";time={time}"),
            None => Ok(()),
        }
    }
}

impl<T: Display> Display for Interval<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(start) = &self.start {
            start.fmt(f)?;
        }
        f.write_str("-")?;
        self.end.as_ref().map_or(Ok(()), |end| end.fmt(f))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::headers::tests::{check, check_strict, check_tolerance};

    fn npt(start: Option<u64>, end: Option<u64>) -> Range {
        let at = |millis: Option<u64>| millis.map(|millis| NptTime::At(Duration::from_millis(millis)));
        let (start, end) = (at(start), at(end));
        Range::of(Span::Npt(Interval { start, end }))
    }

    fn utc(hour: u8, second: u8, nanosecond: u32) -> UtcTime {
        UtcTime {
            year: 1996,
            month: 11,
            day: 8,
            hour,
            minute: 23,
            second,
            nanosecond,
        }
    }

    fn smpte(hours: u8, frames: u8, subframes: u8) -> SmpteTime {
        SmpteTime {
            hours,
            minutes: 7,
            seconds: 33,
            frames,
            subframes,
        }
    }

    #[test]
    fn reads_and_writes_every_unit() {
        let clock = |start, end| {
            Range::of(Span::Clock(Interval {
                start: Some(start),
                end,
            }))
        };
        check(
            include_str!("../../../../fuzz/corpus/rtsp_headers/range"),
            &[
                ("npt=0.000-", Range::FROM_START, "npt=0.000-"),
                ("NPT = 0 - ", Range::FROM_START, "npt=0.000-"),
                ("npt=now-", Range::LIVE, "npt=now-"),
                (
                    "npt=10-15.5",
                    npt(Some(10_000), Some(15_500)),
                    "npt=10.000-15.500",
                ),
                ("npt=-20", npt(None, Some(20_000)), "npt=-20.000"),
                ("npt=1:02:03.250-", npt(Some(3_723_250), None), "npt=3723.250-"),
                (
                    "npt=0.000-;time=19961108T142333Z",
                    Range {
                        time: Some(utc(14, 33, 0)),
                        ..Range::FROM_START
                    },
                    "npt=0.000-;time=19961108T142333Z",
                ),
                (
                    "clock=19961108T142300Z-19961108T152300.25Z",
                    clock(utc(14, 0, 0), Some(utc(15, 0, 250_000_000))),
                    "clock=19961108T142300Z-19961108T152300.25Z",
                ),
                (
                    "Clock = 19961108t142300.0z -",
                    clock(utc(14, 0, 0), None),
                    "clock=19961108T142300Z-",
                ),
                (
                    "smpte=10:07:33-",
                    Range::of(Span::Smpte(SmpteRate::Default, Interval::from(smpte(10, 0, 0)))),
                    "smpte=10:07:33-",
                ),
                (
                    "smpte-25=10:07:33-11:7:33:5.01",
                    Range::of(Span::Smpte(
                        SmpteRate::Fps25,
                        Interval {
                            start: Some(smpte(10, 0, 0)),
                            end: Some(smpte(11, 5, 1)),
                        },
                    )),
                    "smpte-25=10:07:33-11:07:33:05.01",
                ),
                (
                    "SMPTE-30-drop=10:07:33:00.05-",
                    Range::of(Span::Smpte(SmpteRate::Drop30, Interval::from(smpte(10, 0, 5)))),
                    "smpte-30-drop=10:07:33:00.05-",
                ),
            ],
        );
        check_strict::<Range>(&["npt=now-", "clock=19961108T142300Z-", "npt=5-5"]);
    }

    #[test]
    fn q131_a_range_that_ends_before_it_begins_is_kept_as_it_stands() {
        let backward = npt(Some(10_000), Some(5_000));
        check_tolerance(Tolerance::BackwardRange, 4, "npt=10-5", &backward);
        let from_live = Range::of(Span::Npt(Interval {
            end: Some(NptTime::At(Duration::from_secs(5))),
            ..Interval::from(NptTime::Now)
        }));
        check_tolerance(Tolerance::BackwardRange, 4, "npt=now-5", &from_live);
        let clock = Range::of(Span::Clock(Interval {
            start: Some(utc(14, 33, 0)),
            end: Some(utc(13, 33, 0)),
        }));
        check_tolerance(
            Tolerance::BackwardRange,
            6,
            "clock=19961108T142333Z-19961108T132333Z",
            &clock,
        );
    }

    #[test]
    fn what_is_no_range_is_an_error_that_says_where() {
        let message = |value: &str| value.parse::<Range>().unwrap_err().to_string();
        assert_eq!(
            message("bytes=0-"),
            "Range header: unit is not npt, smpte or clock at byte 0"
        );
        assert_eq!(message("npt=0-x"), "Range header: not a time at byte 6");
        assert_eq!(message("npt=0-;time=x"), "Range header: not a time at byte 12");
        for value in [
            "",
            "npt",
            "npt=5",
            "npt=1e300-",
            "npt=+1-",
            "npt=nan-",
            "npt=-1-",
            "npt=1:02-",
            "npt=1:60:03-",
            "npt=18446744073709551616-",
            "clock=19961108-",
            "clock=19961308T142300Z-",
            "clock=19961108T242300Z-",
            "smpte=10:07-",
            "smpte=100:07:33-",
            "smpte=10:07:33:01:01-",
        ] {
            assert!(value.parse::<Range>().is_err(), "{value}");
        }
    }
}
