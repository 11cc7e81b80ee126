use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use super::{HeaderError, TypedHeader, name};

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
}

impl FromStr for Session {
    type Err = HeaderError;

    fn from_str(value: &str) -> Result<Self, HeaderError> {
        let mut parts = value.split(';').map(str::trim);
        let id = parts.next().unwrap_or_default();
        if id.is_empty() {
            return Err(HeaderError {
                header: Self::NAME,
                offset: 0,
                what: "no session id",
            });
        }
        let timeout = parts
            .filter_map(|part| part.split_once('='))
            .find(|(name, _)| name.trim_end().eq_ignore_ascii_case("timeout"))
            .and_then(|(_, seconds)| seconds.trim().parse().ok())
            .filter(|&seconds: &u32| seconds > 0)
            .map(|seconds| Duration::from_secs(seconds.into()));
        Ok(Self {
            id: id.to_owned(),
            timeout,
        })
    }
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
    use crate::headers::tests::check;

    fn session(id: &str, seconds: Option<u64>) -> Session {
        Session {
            id: id.to_owned(),
            timeout: seconds.map(Duration::from_secs),
        }
    }

    #[test]
    fn reads_the_timeout_where_it_says_something() {
        // Q10
        check(&[
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
        ]);
    }

    #[test]
    fn a_session_without_id_is_an_error() {
        for value in ["", " ", ";timeout=60"] {
            assert!(value.parse::<Session>().is_err(), "{value}");
        }
    }
}
