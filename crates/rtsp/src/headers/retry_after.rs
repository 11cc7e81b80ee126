use std::fmt;
use std::time::Duration;

use super::grammar::{Value, number};
use super::{HeaderError, TypedHeader, name};
use crate::Reading;

/// When a server that cannot serve now may be asked again
/// ([RFC 2326 §12.31](https://www.rfc-editor.org/rfc/rfc2326#section-12.31)).
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RetryAfter {
    /// After this time, in whole seconds.
    Delay(Duration),
    /// At this date, as it stands: a camera's clock is not ours.
    Date(String),
}

impl TypedHeader for RetryAfter {
    const NAME: &'static str = name::RETRY_AFTER;

    fn read(value: &str, reading: &mut Reading) -> Result<Self, HeaderError> {
        // A comment or a parameter may follow the seconds (RFC 2068 §14.38).
        let word = value.split(['(', ';']).next().unwrap_or_default().trim();
        if let Some(seconds) = number::<u32>(word) {
            return Ok(Self::Delay(Duration::from_secs(seconds.into())));
        }
        let date = value.trim();
        if !date.starts_with(|c: char| c.is_ascii_alphabetic()) {
            return Err(Value::new::<Self>(value, reading).fault("neither seconds nor a date", date));
        }
        Ok(Self::Date(date.to_owned()))
    }
}

impl fmt::Display for RetryAfter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Delay(delay) => write!(f, "{}", delay.as_secs()),
            Self::Date(date) => f.write_str(date),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::headers::tests::check;

    #[test]
    fn reads_seconds_and_dates() {
        let date = "Fri, 31 Dec 1999 23:59:59 GMT";
        check(
            include_str!("../../../../fuzz/corpus/rtsp_headers/retry-after"),
            &[
                ("120", RetryAfter::Delay(Duration::from_secs(120)), "120"),
                (
                    " 18000 ;duration=3600",
                    RetryAfter::Delay(Duration::from_secs(18_000)),
                    "18000",
                ),
                (
                    "120 (in two minutes)",
                    RetryAfter::Delay(Duration::from_secs(120)),
                    "120",
                ),
                (date, RetryAfter::Date(date.to_owned()), date),
            ],
        );
    }

    #[test]
    fn what_is_neither_is_an_error_that_says_where() {
        for value in ["", "-1", "4294967296", "(soon)"] {
            assert!(value.parse::<RetryAfter>().is_err(), "{value}");
        }
        assert_eq!(
            " -1".parse::<RetryAfter>().unwrap_err().to_string(),
            "Retry-After header: neither seconds nor a date at byte 1"
        );
    }
}
