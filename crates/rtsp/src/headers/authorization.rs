use std::fmt;

use base64::Engine;
use base64::prelude::BASE64_STANDARD;

use super::grammar::{Quoted, Value, auth_schemes, hex_number};
use super::{DigestAlgorithm, HeaderError, Qop, TypedHeader, name};
use crate::url::percent_decode;
use crate::{Credentials, Reading};

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
    /// Who answers, or the hash of it, as `username_form` says.
    pub username: String,
    /// How the name is written.
    pub username_form: UsernameForm,
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

/// How a Digest answer names its user ([RFC 7616 §3.4](https://www.rfc-editor.org/rfc/rfc7616#section-3.4)).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum UsernameForm {
    /// `username`, the name as it is.
    #[default]
    Plain,
    /// `username*`, percent-encoded UTF-8 ([RFC 5987 §3.2](https://www.rfc-editor.org/rfc/rfc5987#section-3.2)).
    Extended,
    /// `username` with `userhash=true`: a hash of name and realm, in lower-case hexadecimal.
    Hashed,
}

impl TypedHeader for Authorization {
    const NAME: &'static str = name::AUTHORIZATION;

    fn read(value: &str, reading: &mut Reading) -> Result<Self, HeaderError> {
        let mut read = Value::new::<Self>(value, reading);
        let text = value.trim();
        let (scheme, rest) = text.split_once(' ').unwrap_or((text, ""));
        match scheme.to_ascii_lowercase().as_str() {
            "basic" => basic(rest.trim())
                .map(Self::Basic)
                .ok_or_else(|| read.fault("no base64 of user:password", rest)),
            "digest" => digest(&mut read)?
                .map(Self::Digest)
                .ok_or_else(|| read.fault("a parameter is missing or unreadable", rest)),
            _ => Err(read.fault("neither Basic nor Digest", scheme)),
        }
    }
}

fn basic(encoded: &str) -> Option<Credentials> {
    let decoded = String::from_utf8(BASE64_STANDARD.decode(encoded).ok()?).ok()?;
    decoded
        .split_once(':')
        .map(|(username, password)| Credentials::new(username, password))
}

fn digest(value: &mut Value<'_, '_>) -> Result<Option<DigestAnswer>, HeaderError> {
    Ok(auth_schemes(value)?.first().and_then(|scheme| {
        let nc = match scheme.get("nc") {
            Some(count) => Some(hex_number(count)?),
            None => None,
        };
        let (username, username_form) = match (scheme.get("username*"), scheme.text("username")) {
            (Some(extended), _) => (decode_extended(extended)?, UsernameForm::Extended),
            (None, name) if scheme.is_true("userhash") => (name?, UsernameForm::Hashed),
            (None, name) => (name?, UsernameForm::Plain),
        };
        Some(DigestAnswer {
            username,
            username_form,
            realm: scheme.text("realm")?,
            nonce: scheme.text("nonce")?,
            uri: scheme.text("uri")?,
            response: scheme.text("response")?,
            algorithm: scheme.get("algorithm").map(DigestAlgorithm::from),
            opaque: scheme.text("opaque"),
            qop: scheme.get("qop").and_then(Qop::from_name),
            cnonce: scheme.text("cnonce"),
            nc,
        })
    }))
}

fn decode_extended(text: &str) -> Option<String> {
    let (charset, rest) = text.split_once('\'')?;
    let (_language, encoded) = rest.split_once('\'')?;
    charset
        .eq_ignore_ascii_case("utf-8")
        .then(|| percent_decode(encoded))
}

/// What [RFC 5987 §3.2.1](https://www.rfc-editor.org/rfc/rfc5987#section-3.2.1) makes of a text.
struct Extended<'a>(&'a str);

impl fmt::Display for Extended<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("UTF-8\'\'")?;
        self.0.bytes().try_for_each(|byte| match byte {
            b'-' | b'.' | b'_' | b'~' | b'0'..=b'9' | b'a'..=b'z' | b'A'..=b'Z' => {
                write!(f, "{}", char::from(byte))
            }
            _ => write!(f, "%{byte:02X}"),
        })
    }
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
        match self.username_form {
            UsernameForm::Extended => write!(f, "Digest username*={}", Extended(&self.username)),
            _ => write!(f, "Digest username={}", Quoted(&self.username)),
        }?;
        write!(
            f,
            ", realm={}, nonce={}, uri={}, response={}",
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
        if self.username_form == UsernameForm::Hashed {
            f.write_str(", userhash=true")?;
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
            username_form: UsernameForm::Plain,
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
        let extended = DigestAnswer {
            username: "J\u{e4}s\u{f8}n Doe".to_owned(),
            username_form: UsernameForm::Extended,
            ..older()
        };
        let hashed = DigestAnswer {
            username: "00ff".to_owned(),
            username_form: UsernameForm::Hashed,
            ..older()
        };
        let extended_text = r#"Digest username*=UTF-8''J%C3%A4s%C3%B8n%20Doe, realm="r", nonce="n", uri="rtsp://h/a,b", response="0123""#;
        let hashed_text = r#"Digest username="00ff", realm="r", nonce="n", uri="rtsp://h/a,b", response="0123", userhash=true"#;
        check(
            include_str!("../../../../fuzz/corpus/rtsp_headers/authorization"),
            &[
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
                (extended_text, Authorization::Digest(extended), extended_text),
                (hashed_text, Authorization::Digest(hashed), hashed_text),
                (
                    r#"digest response=0123,uri="rtsp://h/a,b",nonce=n,realm=r,username="us\"er",cnonce="c",nc=0000001F,qop="auth",opaque="",algorithm="SHA-256""#,
                    Authorization::Digest(newer),
                    r#"Digest username="us\"er", realm="r", nonce="n", uri="rtsp://h/a,b", response="0123", algorithm=SHA-256, opaque="", qop=auth, nc=0000001f, cnonce="c""#,
                ),
            ],
        );
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
