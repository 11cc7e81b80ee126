use std::fmt;

use super::grammar::{AuthScheme, Quoted, Value, auth_schemes, write_list};
use super::{HeaderError, Repetition, TypedHeader, name};
use crate::{Reading, Tolerance};

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
///
/// `domain` and what no RFC knows are ignored: a session stays at its server.
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
    /// The server can do with a hash of the user's name instead of the name itself.
    pub userhash: bool,
    /// The server reads names and passwords as UTF-8, and understands a name outside of ASCII.
    pub utf8: bool,
}

/// The hash of a Digest exchange ([RFC 7616 §6.1](https://www.rfc-editor.org/rfc/rfc7616#section-6.1)).
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum DigestAlgorithm {
    /// MD5, what nearly every camera has.
    Md5,
    /// MD5, the password hashed with the first nonces of a session.
    Md5Sess,
    /// SHA-256.
    Sha256,
    /// SHA-256 in the same way.
    Sha256Sess,
    /// SHA-512/256 of FIPS 180-4.
    Sha512_256,
    /// SHA-512/256 in the same way.
    Sha512_256Sess,
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
    const KNOWN: [Self; 6] = [
        Self::Md5,
        Self::Md5Sess,
        Self::Sha256,
        Self::Sha256Sess,
        Self::Sha512_256,
        Self::Sha512_256Sess,
    ];

    /// The name on the wire.
    pub fn as_str(&self) -> &str {
        match self {
            Self::Md5 => "MD5",
            Self::Md5Sess => "MD5-sess",
            Self::Sha256 => "SHA-256",
            Self::Sha256Sess => "SHA-256-sess",
            Self::Sha512_256 => "SHA-512-256",
            Self::Sha512_256Sess => "SHA-512-256-sess",
            Self::Other(name) => name,
        }
    }
}

impl From<&str> for DigestAlgorithm {
    fn from(name: &str) -> Self {
        Self::KNOWN
            .into_iter()
            .find(|known| known.as_str().eq_ignore_ascii_case(name))
            .unwrap_or_else(|| Self::Other(name.to_owned()))
    }
}

impl fmt::Display for DigestAlgorithm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Other(name) => Quoted(name).fmt(f),
            known => f.write_str(known.as_str()),
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

    /// Quoted strings are read with all that may stand in them (Q49); several challenges in one value are told apart (Q50).
    fn read(value: &str, reading: &mut Reading) -> Result<Self, HeaderError> {
        let mut read = Value::new::<Self>(value, reading);
        let mut challenges = Vec::new();
        for scheme in auth_schemes(&mut read)? {
            challenges.push(Challenge::new(&scheme, &mut read)?);
        }
        if challenges.is_empty() {
            return Err(read.fault("no challenge", value));
        }
        Ok(Self(challenges))
    }
}

impl Challenge {
    fn new(scheme: &AuthScheme<'_>, value: &mut Value<'_, '_>) -> Result<Self, HeaderError> {
        let mut needed = |name| match scheme.text(name) {
            Some(text) => Ok(text),
            None => value
                .tolerate(Tolerance::ChallengeParameter, scheme.name)
                .map(|()| String::new()),
        };
        Ok(match scheme.name.to_ascii_lowercase().as_str() {
            "basic" => Self::Basic {
                realm: needed("realm")?,
            },
            "digest" => Self::Digest(DigestChallenge {
                realm: needed("realm")?,
                nonce: needed("nonce")?,
                opaque: scheme.text("opaque"),
                algorithm: scheme.get("algorithm").map(DigestAlgorithm::from),
                qop: scheme
                    .get("qop")
                    .unwrap_or_default()
                    .split(',')
                    .filter_map(Qop::from_name)
                    .collect(),
                stale: scheme.is_true("stale"),
                userhash: scheme.is_true("userhash"),
                utf8: scheme
                    .get("charset")
                    .is_some_and(|charset| charset.eq_ignore_ascii_case("utf-8")),
            }),
            _ => Self::Other {
                scheme: scheme.name.to_owned(),
            },
        })
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
        if self.userhash {
            f.write_str(", userhash=true")?;
        }
        if self.utf8 {
            f.write_str(", charset=UTF-8")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::headers::tests::{check, check_strict, check_tolerance};

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
        check(
            include_str!("../../../../fuzz/corpus/rtsp_headers/www-authenticate"),
            &[
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
                (
                    r#"Digest realm="r",nonce="n",userhash=TRUE,charset="utf-8",algorithm=sha-512-256-SESS,qop=auth"#,
                    list(vec![Challenge::Digest(DigestChallenge {
                        algorithm: Some(DigestAlgorithm::Sha512_256Sess),
                        qop: vec![Qop::Auth],
                        userhash: true,
                        utf8: true,
                        ..digest("r", "n")
                    })]),
                    r#"Digest realm="r", nonce="n", algorithm=SHA-512-256-sess, qop="auth", userhash=true, charset=UTF-8"#,
                ),
                // The string never ends.
                (
                    r#"Basic realm="cam"#,
                    list(vec![basic("cam")]),
                    r#"Basic realm="cam""#,
                ),
            ],
        );
    }

    #[test]
    fn a_challenge_may_lack_what_it_needs() {
        let tolerance = Tolerance::ChallengeParameter;
        check_tolerance(tolerance, 0, "Basic", &WwwAuthenticate(vec![basic("")]));
        let no_nonce = WwwAuthenticate(vec![basic("r"), Challenge::Digest(digest("r", ""))]);
        check_tolerance(tolerance, 17, r#"Basic realm="r", Digest realm="r""#, &no_nonce);
    }

    #[test]
    fn parameters_may_be_separated_by_other_things_than_commas() {
        let read = WwwAuthenticate(vec![Challenge::Digest(digest("r", "n"))]);
        let tolerance = Tolerance::AuthSeparator;
        check_tolerance(tolerance, 17, r#"Digest realm="r" nonce="n""#, &read);
        check_tolerance(tolerance, 16, r#"Digest realm="r"; nonce="n""#, &read);
        check_tolerance(tolerance, 18, r#"Digest realm="r", "", nonce="n""#, &read);
    }

    #[test]
    fn a_quoted_string_may_lack_its_end() {
        let read = WwwAuthenticate(vec![basic("cam")]);
        check_tolerance(Tolerance::UnterminatedString, 12, r#"Basic realm="cam"#, &read);
    }

    #[test]
    fn q49_q50_strings_and_lists_are_the_rfcs_own() {
        check_strict::<WwwAuthenticate>(&[
            r#"Digest realm="IP Camera(AB705), \"yard\" = west", nonce="n=,", qop="auth,auth-int""#,
            r#"Digest realm="r", nonce="1", algorithm=SHA-256, Digest realm="r", nonce="2",Basic realm="r""#,
            "Negotiate abc==, , Bearer",
        ]);
    }

    #[test]
    fn a_header_without_challenge_is_an_error() {
        for value in ["", " , ", "\"\""] {
            assert!(value.parse::<WwwAuthenticate>().is_err(), "{value}");
        }
    }
}
