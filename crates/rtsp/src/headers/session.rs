use std::fmt;
use std::time::Duration;

use super::grammar::{Value, number};
use super::{HeaderError, TypedHeader, name};
use crate::{Reading, Tolerance};

/// The session that SETUP made ([RFC 2326 §12.37](https://www.rfc-editor.org/rfc/rfc2326#section-12.37)).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Session {
    /// Its name, opaque to the client.
    pub id: String,
    /// How long the server keeps it without a sign of life, in whole seconds and never zero;
    /// `None` where it does not say (Q10), which means [`Session::DEFAULT_TIMEOUT`].
    pub timeout: Option<Duration>,
}

impl Session {
    /// What a server that names no timeout grants.
    pub const DEFAULT_TIMEOUT: Duration = Duration::from_secs(60);
}

impl TypedHeader for Session {
    const NAME: &'static str = name::SESSION;

    /// Parameters that are not a timeout above 0 are ignored (Q10).
    fn read(value: &str, reading: &mut Reading) -> Result<Self, HeaderError> {
        let mut parts = value.split(';').map(str::trim);
        let id = parts.next().unwrap_or_default();
        let mut value = Value::new::<Self>(value, reading);
        if id.is_empty() {
            return Err(value.fault("no session id", id));
        }
        let mut timeout = None;
        for part in parts {
            match read_timeout(part) {
                Some(seconds) if timeout.is_none() => timeout = Some(seconds),
                _ => value.tolerate(Tolerance::SessionParameter, part)?,
            }
        }
        let id = id.to_owned();
        Ok(Self { id, timeout })
    }
}

fn read_timeout(parameter: &str) -> Option<Duration> {
    let (name, seconds) = parameter.split_once('=')?;
    let seconds: u32 = number(seconds.trim())?;
    (seconds > 0 && name.trim_end().eq_ignore_ascii_case("timeout"))
        .then(|| Duration::from_secs(seconds.into()))
}

impl fmt::Display for Session {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.id)?;
        match self.timeout {
            Some(timeout) => write!(f, ";timeout={}", timeout.as_secs()),
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::headers::tests::{check, check_strict, check_tolerance};

    fn session(id: &str, seconds: Option<u64>) -> Session {
        Session {
            id: id.to_owned(),
            timeout: seconds.map(Duration::from_secs),
        }
    }

    #[test]
    fn reads_the_timeout_where_it_says_something() {
        check(
            include_str!("../../../../fuzz/corpus/rtsp_headers/session"),
            &[
                ("12345678", session("12345678", None), "12345678"),
                ("A1b2;timeout=60", session("A1b2", Some(60)), "A1b2;timeout=60"),
                (
                    "  A1b2 ; Timeout = 20 ",
                    session("A1b2", Some(20)),
                    "A1b2;timeout=20",
                ),
                ("A1b2;timeout=0", session("A1b2", None), "A1b2"),
                ("A1b2;timeout=;x=y;", session("A1b2", None), "A1b2"),
                (
                    "A1b2;mode=x;timeout=5",
                    session("A1b2", Some(5)),
                    "A1b2;timeout=5",
                ),
            ],
        );
    }

    #[test]
    fn q10_a_timeout_that_says_nothing_and_unknown_parameters_are_ignored() {
        let none = session("A1b2", None);
        check_tolerance(Tolerance::SessionParameter, 5, "A1b2;timeout=0", &none);
        check_tolerance(Tolerance::SessionParameter, 6, "A1b2; timeout", &none);
        check_tolerance(Tolerance::SessionParameter, 5, "A1b2;", &none);
        let twenty = session("A1b2", Some(20));
        check_tolerance(Tolerance::SessionParameter, 5, "A1b2;mode=x;timeout=20", &twenty);
        check_tolerance(
            Tolerance::SessionParameter,
            16,
            "A1b2;timeout=20;timeout=30",
            &twenty,
        );
        check_strict::<Session>(&["A1b2", "  A1b2 ; Timeout = 20 "]);
    }

    #[test]
    fn a_session_without_id_is_an_error() {
        for value in ["", " ", ";timeout=60"] {
            assert!(value.parse::<Session>().is_err(), "{value}");
        }
    }
}
