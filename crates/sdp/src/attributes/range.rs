use std::fmt;
use std::time::Duration;

use nom::branch::alt;
use nom::bytes::complete::{tag_no_case, take_while_m_n};
use nom::character::complete::{char, digit0, one_of};
use nom::combinator::{map_opt, map_res, opt, value, verify};
use nom::sequence::{preceded, separated_pair, terminated};
use nom::{AsChar, IResult, Parser};

use super::TypedAttribute;
use crate::grammar::{number, whole};
use crate::tolerance::Tolerance;

/// Which stretch of time there is to play: `a=range:npt=0-7.741`,
/// [RFC 2326 appendix C.1.5](https://www.rfc-editor.org/rfc/rfc2326#appendix-C.1.5).
///
/// One that ends before it begins (Q131) is none. `smpte=` is left as text.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Range {
    /// `npt=`, normal play time, [RFC 2326 §3.6](https://www.rfc-editor.org/rfc/rfc2326#section-3.6).
    Npt {
        /// `None` for "from wherever it is".
        start: Option<NptTime>,
        /// `None` for "open".
        end: Option<NptTime>,
    },
    /// `clock=`, time of day, [RFC 2326 §3.7](https://www.rfc-editor.org/rfc/rfc2326#section-3.7): an archive's.
    Clock {
        /// Its begin.
        start: UtcTime,
        /// `None` for "open".
        end: Option<UtcTime>,
    },
}

/// A point in normal play time, [RFC 2326 §3.6](https://www.rfc-editor.org/rfc/rfc2326#section-3.6). The live edge comes after
/// every other.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum NptTime {
    /// Time since the beginning of the presentation.
    At(Duration),
    /// `now`: the live edge.
    Now,
}

/// A point in time, in UTC, [RFC 2326 §3.7](https://www.rfc-editor.org/rfc/rfc2326#section-3.7). Ordered as time is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct UtcTime {
    /// 0 to 9999.
    pub year: u16,
    /// 1 to 12.
    pub month: u8,
    /// 1 to 31; whether the month has it is not checked.
    pub day: u8,
    /// 0 to 23.
    pub hour: u8,
    /// 0 to 59.
    pub minute: u8,
    /// 0 to 60, that one being a leap second.
    pub second: u8,
    /// Below 1,000,000,000.
    pub nanosecond: u32,
}

impl Range {
    fn is_reversed(&self) -> bool {
        match self {
            Self::Npt { start, end } => matches!((start, end), (Some(start), Some(end)) if end < start),
            Self::Clock { start, end } => end.is_some_and(|end| end < *start),
        }
    }
}

impl NptTime {
    /// Reads `now`, seconds such as `7.741`, or `hours:minutes:seconds`; `None` unless all of it is one of them.
    pub fn parse(text: &str) -> Option<Self> {
        whole(npt_time, text)
    }
}

impl UtcTime {
    /// Reads `19961108T143720.25Z`, and as
    /// [RFC 2326 appendix C.1.5](https://www.rfc-editor.org/rfc/rfc2326#appendix-C.1.5) has it in its example, without seconds and
    /// `Z`; `None` unless all of it is one of them.
    pub fn parse(text: &str) -> Option<Self> {
        whole(utc_time, text)
    }
}

impl TypedAttribute for Range {
    const NAME: &'static str = "range";

    fn parse(value: &str) -> Option<Self> {
        read(value).filter(|range| !range.is_reversed())
    }
}

/// What a value bends, if it does.
pub(super) fn fault(value: &str) -> Option<Tolerance> {
    match read(value) {
        Some(range) => range.is_reversed().then_some(Tolerance::ReversedRange),
        None if value.starts_with("smpte") => None,
        None => Some(Tolerance::AttributeValue),
    }
}

fn read(value: &str) -> Option<Range> {
    let npt = separated_pair(opt(npt_time), char('-'), opt(npt_time));
    let npt = verify(npt, |(start, end)| start.is_some() || end.is_some());
    let npt = preceded(tag_no_case("npt="), npt).map(|(start, end)| Range::Npt { start, end });
    let clock = separated_pair(utc_time, char('-'), opt(utc_time));
    let clock = preceded(tag_no_case("clock="), clock).map(|(start, end)| Range::Clock { start, end });
    whole(alt((npt, clock)), value)
}

fn npt_time(input: &str) -> IResult<&str, NptTime> {
    let sixtieth = || verify(digits(1, 2), |number: &u16| *number < 60);
    let sixties = (number::<u64>, char(':'), sixtieth(), char(':'), sixtieth());
    let sixties = map_opt(sixties, |(hours, _, minutes, _, seconds)| {
        let minutes = hours.checked_mul(60)?.checked_add(minutes.into())?;
        minutes.checked_mul(60)?.checked_add(seconds.into())
    });
    let time = (alt((sixties, number)), fraction);
    let time = time.map(|(seconds, nanoseconds)| NptTime::At(Duration::new(seconds, nanoseconds)));
    alt((value(NptTime::Now, tag_no_case("now")), time)).parse(input)
}

fn utc_time(input: &str) -> IResult<&str, UtcTime> {
    let date = (digits(4, 4), two_digits(1, 12), two_digits(1, 31));
    let seconds = opt((two_digits(0, 60), fraction));
    let time = (two_digits(0, 23), two_digits(0, 59), seconds);
    let (behind, ((year, month, day), _, (hour, minute, seconds))) =
        terminated((date, one_of("Tt"), time), opt(one_of("Zz"))).parse(input)?;
    let (second, nanosecond) = seconds.unwrap_or_default();
    Ok((
        behind,
        UtcTime {
            year,
            month,
            day,
            hour,
            minute,
            second,
            nanosecond,
        },
    ))
}

fn two_digits<'a>(
    least: u8,
    most: u8,
) -> impl Parser<&'a str, Output = u8, Error = nom::error::Error<&'a str>> {
    map_opt(digits(2, 2), move |number| {
        let number = u8::try_from(number).ok()?;
        (least..=most).contains(&number).then_some(number)
    })
}

fn digits<'a>(
    least: usize,
    most: usize,
) -> impl Parser<&'a str, Output = u16, Error = nom::error::Error<&'a str>> {
    map_res(take_while_m_n(least, most, AsChar::is_dec_digit), str::parse)
}

/// Nanoseconds of `.25`, 0 without; digits past the ninth say nothing.
fn fraction(input: &str) -> IResult<&str, u32> {
    let (behind, digits) = opt(preceded(char('.'), digit0)).parse(input)?;
    let digits = digits.unwrap_or_default();
    let nanoseconds = digits
        .bytes()
        .chain(std::iter::repeat(b'0'))
        .take(9)
        .fold(0, |number, digit| number * 10 + u32::from(digit - b'0'));
    Ok((behind, nanoseconds))
}

impl fmt::Display for Range {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Npt { start, end } => write!(f, "npt={}-{}", Optional(*start), Optional(*end)),
            Self::Clock { start, end } => write!(f, "clock={start}-{}", Optional(*end)),
        }
    }
}

struct Optional<T>(Option<T>);

impl<T: fmt::Display> fmt::Display for Optional<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|value| value.fmt(f))
    }
}

/// Seconds with three digits behind the point or more, or `now`.
impl fmt::Display for NptTime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Now => f.write_str("now"),
            Self::At(time) => {
                let fraction = format!("{:09}", time.subsec_nanos());
                let digits = fraction.trim_end_matches('0').len().max(3);
                write!(f, "{}.{fraction:.digits$}", time.as_secs())
            }
        }
    }
}

/// As `clock=` has it: `19961108T143720.25Z`.
impl fmt::Display for UtcTime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:04}{:02}{:02}T", self.year, self.month, self.day)?;
        write!(f, "{:02}{:02}{:02}", self.hour, self.minute, self.second)?;
        if self.nanosecond > 0 {
            write!(f, ".{}", format!("{:09}", self.nanosecond).trim_end_matches('0'))?;
        }
        f.write_str("Z")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::attributes::tests::{check, check_refused};

    const fn at(milliseconds: u64) -> NptTime {
        NptTime::At(Duration::from_millis(milliseconds))
    }

    const MORNING: UtcTime = UtcTime {
        year: 1997,
        month: 11,
        day: 13,
        hour: 9,
        minute: 15,
        second: 0,
        nanosecond: 0,
    };

    #[test]
    fn reads_and_writes_normal_play_time() {
        let npt = |start, end| Range::Npt { start, end };
        check(&[
            ("npt=0.000-", npt(Some(at(0)), None)),
            ("npt=now-", npt(Some(NptTime::Now), None)),
            ("npt=0.250-7.741", npt(Some(at(250)), Some(at(7_741)))),
            ("npt=-20.000", npt(None, Some(at(20_000)))),
        ]);
        for spelling in ["NPT=1:02:03.250-", "npt=1:2:3.25-", "npt=3723.25-"] {
            assert_eq!(Range::parse(spelling), Some(npt(Some(at(3_723_250)), None)));
        }
        assert_eq!(Range::parse("npt=0-"), Some(npt(Some(at(0)), None)));
        let nanosecond = NptTime::At(Duration::from_nanos(1));
        assert_eq!(nanosecond.to_string(), "0.000000001");
        assert_eq!(NptTime::parse("0.000000001"), Some(nanosecond));
        assert_eq!(
            Range::parse("npt=0.000000-0.0000000001"),
            Some(npt(Some(at(0)), Some(at(0))))
        );
        check_refused::<Range>(&[
            "",
            "npt",
            "npt=",
            "npt=-",
            "npt=0",
            "npt=x-",
            "npt=0-1s",
            "npt=1:60:00-",
            "npt=1:000:00-",
            "npt=1:00-",
            "npt=99999999999999999999-",
            "smpte=10:07:00-",
        ]);
    }

    #[test]
    fn reads_and_writes_time_of_day() {
        let noon = UtcTime {
            hour: 12,
            nanosecond: 250_000_000,
            ..MORNING
        };
        check(&[
            (
                "clock=19971113T091500Z-",
                Range::Clock {
                    start: MORNING,
                    end: None,
                },
            ),
            (
                "clock=19971113T091500Z-19971113T121500.25Z",
                Range::Clock {
                    start: MORNING,
                    end: Some(noon),
                },
            ),
        ]);
        assert_eq!(UtcTime::parse("19971113t121500.25z"), Some(noon));
        let example = Range::parse("clock=19971113T0915-19971113T2203");
        assert!(matches!(
            example,
            Some(Range::Clock {
                start: MORNING,
                end: Some(_)
            })
        ));
        check_refused::<Range>(&[
            "clock=-",
            "clock=19971313T0915-",
            "clock=19971113T2415-",
            "clock=1997-",
        ]);
    }

    #[test]
    fn range_that_ends_before_it_begins_is_none() {
        for reversed in ["npt=10-9.999", "npt=now-5", "clock=19971113T0915-19971113T0914"] {
            assert_eq!(fault(reversed), Some(Tolerance::ReversedRange), "{reversed}");
        }
        check_refused::<Range>(&["npt=10-9.999", "npt=now-5", "clock=19971113T0915-19971113T0914"]);
        assert_eq!(fault("npt=10-10"), None);
        assert_eq!(fault("smpte=10:07:33-10:07:00"), None);
        assert_eq!(fault("npt="), Some(Tolerance::AttributeValue));
    }
}
