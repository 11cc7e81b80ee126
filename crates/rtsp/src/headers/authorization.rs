use std::fmt;
use std::str::FromStr;

use base64::Engine;
use base64::prelude::BASE64_STANDARD;

use super::grammar::{Quoted, auth_schemes};
use super::{DigestAlgorithm, HeaderError, Qop, TypedHeader, name};
use crate::Credentials;

/// The answer to a challenge ([RFC 2326 §12.5](https://www.rfc-editor.org/rfc/rfc2326#section-12.5)).
///
/// `Display` is the header's value, so it carries the secret; `Debug` does not.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Authorization {
    /// User name and password ([RFC 7617 §2](https://www.rfc-editor.org/rfc/rfc7617#section-2)).
    Basic(Credentials),
    /// A hash over them ([RFC 7616 §3.4](https://www.rfc-editor.org/rfc/rfc7616#section-3.4)).
    Digest(DigestAnswer),
}

/// The parameters of a Digest answer ([RFC 7616 §3.4](https://www.rfc-editor.org/rfc/rfc7616#section-3.4)).
///
/// `Debug` hides the hash: with the nonce beside it, it lets the password be guessed at leisure.
#[derive(Clone, PartialEq, Eq)]
pub struct DigestAnswer {
    /// Who answers.
    pub username: String,
    /// The challenge's realm.
    pub realm: String,
    /// The challenge's nonce.
    pub nonce: String,
    /// Exactly what stands on the request line (Q51).
    pub uri: String,
    /// The hash, in lower-case hexadecimal.
    pub response: String,
    /// The hash's name where the challenge had one.
    pub algorithm: Option<DigestAlgorithm>,
    /// The challenge's opaque, sent back (Q52).
    pub opaque: Option<String>,
    /// The protection chosen; `None` for the older form, and then `cnonce` and `nc` are `None` too.
    pub qop: Option<Qop>,
    /// The client's part of the hash.
    pub cnonce: Option<String>,
    /// How many answers, this one included, the nonce has been used for.
    pub nc: Option<u32>,
}

impl TypedHeader for Authorization {
    const NAME: &'static str = name::AUTHORIZATION;
}

impl FromStr for Authorization {
    type Err = HeaderError;

    fn from_str(value: &str) -> Result<Self, HeaderError> {
        let fault = |what| HeaderError {
            header: Self::NAME,
            offset: 0,
            what,
        };
        let (scheme, rest) = value.trim().split_once(' ').unwrap_or((value.trim(), ""));
        match scheme.to_ascii_lowercase().as_str() {
            "basic" => basic(rest.trim())
                .map(Self::Basic)
                .ok_or(fault("no base64 of user:password")),
            "digest" => digest(value)
                .map(Self::Digest)
                .ok_or(fault("a parameter is missing or unreadable")),
            _ => Err(fault("neither Basic nor Digest")),
        }
    }
}

fn basic(encoded: &str) -> Option<Credentials> {
    let decoded = String::from_utf8(BASE64_STANDARD.decode(encoded).ok()?).ok()?;
    decoded
        .split_once(':')
        .map(|(username, password)| Credentials::new(username, password))
}

fn digest(value: &str) -> Option<DigestAnswer> {
    let scheme = auth_schemes(value).into_iter().next()?;
    let get = |name| scheme.get(name).map(str::to_owned);
    let nc = match scheme.get("nc") {
        Some(count) => Some(u32::from_str_radix(count, 16).ok()?),
        None => None,
    };
    Some(DigestAnswer {
        username: get("username")?,
        realm: get("realm")?,
        nonce: get("nonce")?,
        uri: get("uri")?,
        response: get("response")?,
        algorithm: scheme.get("algorithm").map(DigestAlgorithm::from),
        opaque: get("opaque"),
        qop: scheme.get("qop").and_then(Qop::from_name),
        cnonce: get("cnonce"),
        nc,
    })
}

impl fmt::Display for Authorization {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Basic(credentials) => {
                let plain = format!("{}:{}", credentials.username(), credentials.password());
                write!(f, "Basic {}", BASE64_STANDARD.encode(plain))
            }
            Self::Digest(answer) => answer.fmt(f),
        }
    }
}

impl fmt::Display for DigestAnswer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "Digest username={}, realm={}, nonce={}, uri={}, response={}",
            Quoted(&self.username),
            Quoted(&self.realm),
            Quoted(&self.nonce),
            Quoted(&self.uri),
            Quoted(&self.response),
        )?;
        if let Some(algorithm) = &self.algorithm {
            write!(f, ", algorithm={algorithm}")?;
        }
        if let Some(opaque) = &self.opaque {
            write!(f, ", opaque={}", Quoted(opaque))?;
        }
        if let Some(qop) = self.qop {
            write!(f, ", qop={}", qop.as_str())?;
        }
        if let Some(nc) = self.nc {
            write!(f, ", nc={nc:08x}")?;
        }
        if let Some(cnonce) = &self.cnonce {
            write!(f, ", cnonce={}", Quoted(cnonce))?;
        }
        Ok(())
    }
}

impl fmt::Debug for DigestAnswer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DigestAnswer")
            .field("username", &self.username)
            .field("realm", &self.realm)
            .field("uri", &self.uri)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::headers::tests::check;

    #[test]
    fn reads_and_writes_answers() {
        let older = || DigestAnswer {
            username: "us\"er".to_owned(),
            realm: "r".to_owned(),
            nonce: "n".to_owned(),
            uri: "rtsp://h/a,b".to_owned(),
            response: "0123".to_owned(),
            algorithm: None,
            opaque: None,
            qop: None,
            cnonce: None,
            nc: None,
        };
        let newer = DigestAnswer {
            algorithm: Some(DigestAlgorithm::Sha256),
            opaque: Some(String::new()),
            qop: Some(Qop::Auth),
            cnonce: Some("c".to_owned()),
            nc: Some(0x1f),
            ..older()
        };
        let older_text =
            r#"Digest username="us\"er", realm="r", nonce="n", uri="rtsp://h/a,b", response="0123""#;
        check(&[
            (
                "Basic dXNlcjpwYTpzcw==",
                Authorization::Basic(Credentials::new("user", "pa:ss")),
                "Basic dXNlcjpwYTpzcw==",
            ),
            (
                "basic   Og== ",
                Authorization::Basic(Credentials::new("", "")),
                "Basic Og==",
            ),
            (older_text, Authorization::Digest(older()), older_text),
            (
                r#"digest response=0123,uri="rtsp://h/a,b",nonce=n,realm=r,username="us\"er",cnonce="c",nc=0000001F,qop="auth",opaque="",algorithm="SHA-256""#,
                Authorization::Digest(newer),
                r#"Digest username="us\"er", realm="r", nonce="n", uri="rtsp://h/a,b", response="0123", algorithm=SHA-256, opaque="", qop=auth, nc=0000001f, cnonce="c""#,
            ),
        ]);
    }

    #[test]
    fn what_is_no_answer_is_an_error_without_the_secret() {
        for value in [
            "",
            "Basic",
            "Basic c2VjcmV0",
            "Basic !",
            "Bearer secret",
            r#"Digest username="secret""#,
        ] {
            let error = value.parse::<Authorization>().unwrap_err();
            assert!(!format!("{error} {error:?}").contains("secret"), "{error}");
        }
    }

    #[test]
    fn debug_shows_neither_password_nor_hash() {
        let basic: Authorization = "Basic dXNlcjpzZWNyZXQ=".parse().unwrap();
        let digest = r#"Digest username="u", realm="r", nonce="n", uri="/", response="secret""#;
        let digest: Authorization = digest.parse().unwrap();
        assert!(!format!("{basic:?} {digest:?}").contains("secret"));
    }
}
