use std::fmt;
use std::str::FromStr;

use super::grammar::{AuthScheme, Quoted, auth_schemes, write_list};
use super::{HeaderError, Repetition, TypedHeader, name};

/// The ways of authentication that a server offers with 401
/// ([RFC 2326 §12.44](https://www.rfc-editor.org/rfc/rfc2326#section-12.44), [RFC 7235 §4.1](https://www.rfc-editor.org/rfc/rfc7235#section-4.1)).
///
/// Several in one header or in several are all here, in order (Q50).
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct WwwAuthenticate(pub Vec<Challenge>);

/// One way of authentication.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Challenge {
    /// User name and password in clear ([RFC 7617](https://www.rfc-editor.org/rfc/rfc7617)).
    Basic {
        /// What the password is for.
        realm: String,
    },
    /// A hash over the password ([RFC 7616](https://www.rfc-editor.org/rfc/rfc7616)).
    Digest(DigestChallenge),
    /// A scheme that this crate does not know.
    Other {
        /// Its name, as it stood on the wire.
        scheme: String,
    },
}

/// The parameters of a Digest challenge ([RFC 7616 §3.3](https://www.rfc-editor.org/rfc/rfc7616#section-3.3)).
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct DigestChallenge {
    /// What the password is for.
    pub realm: String,
    /// The server's part of the hash.
    pub nonce: String,
    /// To be sent back as it is (Q52).
    pub opaque: Option<String>,
    /// The hash; `None` where the server does not say, which means MD5.
    pub algorithm: Option<DigestAlgorithm>,
    /// The protections on offer; empty means the older form without a client nonce
    /// ([RFC 2069](https://www.rfc-editor.org/rfc/rfc2069)).
    pub qop: Vec<Qop>,
    /// The answer was right and only its nonce too old: answer again with this one (Q52).
    pub stale: bool,
}

/// The hash of a Digest exchange ([RFC 7616 §6.1](https://www.rfc-editor.org/rfc/rfc7616#section-6.1)).
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum DigestAlgorithm {
    /// MD5, what nearly every camera has.
    Md5,
    /// SHA-256.
    Sha256,
    /// One that this crate does not know, as it stood on the wire.
    Other(String),
}

/// What a Digest answer protects ([RFC 7616 §3.3](https://www.rfc-editor.org/rfc/rfc7616#section-3.3)).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Qop {
    /// Method and URI.
    Auth,
    /// The body as well.
    AuthInt,
}

impl DigestAlgorithm {
    /// The name on the wire.
    pub fn as_str(&self) -> &str {
        match self {
            Self::Md5 => "MD5",
            Self::Sha256 => "SHA-256",
            Self::Other(name) => name,
        }
    }
}

impl From<&str> for DigestAlgorithm {
    fn from(name: &str) -> Self {
        [Self::Md5, Self::Sha256]
            .into_iter()
            .find(|known| known.as_str().eq_ignore_ascii_case(name))
            .unwrap_or_else(|| Self::Other(name.to_owned()))
    }
}

impl fmt::Display for DigestAlgorithm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Md5 | Self::Sha256 => f.write_str(self.as_str()),
            Self::Other(name) => Quoted(name).fmt(f),
        }
    }
}

impl Qop {
    /// The name on the wire.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Auth => "auth",
            Self::AuthInt => "auth-int",
        }
    }

    /// `None` for one that no RFC has, which is as if it had not been offered.
    pub(super) fn from_name(name: &str) -> Option<Self> {
        [Self::Auth, Self::AuthInt]
            .into_iter()
            .find(|qop| qop.as_str().eq_ignore_ascii_case(name.trim()))
    }
}

impl TypedHeader for WwwAuthenticate {
    const NAME: &'static str = name::WWW_AUTHENTICATE;
    const REPETITION: Repetition = Repetition::OneList;
}

impl FromStr for WwwAuthenticate {
    type Err = HeaderError;

    fn from_str(value: &str) -> Result<Self, HeaderError> {
        let challenges: Vec<_> = auth_schemes(value).into_iter().map(Challenge::from).collect();
        if challenges.is_empty() {
            return Err(HeaderError {
                header: Self::NAME,
                offset: 0,
                what: "no challenge",
            });
        }
        Ok(Self(challenges))
    }
}

impl From<AuthScheme> for Challenge {
    fn from(scheme: AuthScheme) -> Self {
        let get = |name| scheme.get(name).map(str::to_owned);
        match scheme.name.to_ascii_lowercase().as_str() {
            "basic" => Self::Basic {
                realm: get("realm").unwrap_or_default(),
            },
            "digest" => Self::Digest(DigestChallenge {
                realm: get("realm").unwrap_or_default(),
                nonce: get("nonce").unwrap_or_default(),
                opaque: get("opaque"),
                algorithm: scheme.get("algorithm").map(DigestAlgorithm::from),
                qop: scheme
                    .get("qop")
                    .unwrap_or_default()
                    .split(',')
                    .filter_map(Qop::from_name)
                    .collect(),
                stale: scheme
                    .get("stale")
                    .is_some_and(|stale| stale.eq_ignore_ascii_case("true")),
            }),
            _ => Self::Other { scheme: scheme.name },
        }
    }
}

impl fmt::Display for WwwAuthenticate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write_list(f, &self.0)
    }
}

impl fmt::Display for Challenge {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Basic { realm } => write!(f, "Basic realm={}", Quoted(realm)),
            Self::Digest(challenge) => challenge.fmt(f),
            Self::Other { scheme } => f.write_str(scheme),
        }
    }
}

impl fmt::Display for DigestChallenge {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "Digest realm={}, nonce={}",
            Quoted(&self.realm),
            Quoted(&self.nonce)
        )?;
        if let Some(opaque) = &self.opaque {
            write!(f, ", opaque={}", Quoted(opaque))?;
        }
        if let Some(algorithm) = &self.algorithm {
            write!(f, ", algorithm={algorithm}")?;
        }
        if !self.qop.is_empty() {
            let names: Vec<_> = self.qop.iter().map(|qop| qop.as_str()).collect();
            write!(f, ", qop={}", Quoted(&names.join(",")))?;
        }
        if self.stale {
            f.write_str(", stale=true")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::headers::tests::check;

    fn basic(realm: &str) -> Challenge {
        Challenge::Basic {
            realm: realm.to_owned(),
        }
    }

    fn digest(realm: &str, nonce: &str) -> DigestChallenge {
        DigestChallenge {
            realm: realm.to_owned(),
            nonce: nonce.to_owned(),
            ..DigestChallenge::default()
        }
    }

    #[test]
    fn reads_challenges_in_every_spelling() {
        let list = WwwAuthenticate;
        check(&[
            (
                r#"Basic realm="cam""#,
                list(vec![basic("cam")]),
                r#"Basic realm="cam""#,
            ),
            (
                "basic Realm = cam",
                list(vec![basic("cam")]),
                r#"Basic realm="cam""#,
            ),
            ("Basic", list(vec![basic("")]), r#"Basic realm="""#),
            // Q49
            (
                r#"Digest realm="a, b=\"c\" (d\\e)", nonce="n=,""#,
                list(vec![Challenge::Digest(digest(r#"a, b="c" (d\e)"#, "n=,"))]),
                r#"Digest realm="a, b=\"c\" (d\\e)", nonce="n=,""#,
            ),
            (
                r#"Digest realm="r" nonce="n", opaque="o",algorithm="md5",qop="auth, auth-int,x", stale=TRUE, domain="/""#,
                list(vec![Challenge::Digest(DigestChallenge {
                    opaque: Some("o".to_owned()),
                    algorithm: Some(DigestAlgorithm::Md5),
                    qop: vec![Qop::Auth, Qop::AuthInt],
                    stale: true,
                    ..digest("r", "n")
                })]),
                r#"Digest realm="r", nonce="n", opaque="o", algorithm=MD5, qop="auth,auth-int", stale=true"#,
            ),
            // Q50
            (
                r#"Digest realm="r", nonce="1", algorithm=SHA-256, Digest realm="r", nonce="2",Basic realm="r""#,
                list(vec![
                    Challenge::Digest(DigestChallenge {
                        algorithm: Some(DigestAlgorithm::Sha256),
                        ..digest("r", "1")
                    }),
                    Challenge::Digest(digest("r", "2")),
                    basic("r"),
                ]),
                r#"Digest realm="r", nonce="1", algorithm=SHA-256, Digest realm="r", nonce="2", Basic realm="r""#,
            ),
            (
                r#"Negotiate abc==, Bearer, Digest realm="r", nonce="1", algorithm=SM3"#,
                list(vec![
                    Challenge::Other {
                        scheme: "Negotiate".to_owned(),
                    },
                    Challenge::Other {
                        scheme: "Bearer".to_owned(),
                    },
                    Challenge::Digest(DigestChallenge {
                        algorithm: Some(DigestAlgorithm::Other("SM3".to_owned())),
                        ..digest("r", "1")
                    }),
                ]),
                r#"Negotiate, Bearer, Digest realm="r", nonce="1", algorithm="SM3""#,
            ),
            // The string never ends.
            (
                r#"Basic realm="cam"#,
                list(vec![basic("cam")]),
                r#"Basic realm="cam""#,
            ),
        ]);
    }

    #[test]
    fn a_header_without_challenge_is_an_error() {
        for value in ["", " , ", "\"\""] {
            assert!(value.parse::<WwwAuthenticate>().is_err(), "{value}");
        }
    }
}
