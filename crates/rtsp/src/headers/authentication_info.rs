use std::fmt;

use super::grammar::{Quoted, Value, auth_parameters, hex_number, write_list};
use super::{HeaderError, Qop, TypedHeader, name};
use crate::Reading;

/// What a server says with the response to a request that it let pass
/// ([RFC 7616 §3.5](https://www.rfc-editor.org/rfc/rfc7616#section-3.5)).
///
/// `Debug` hides the hash: with the nonces beside it, it lets the password be guessed at leisure.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct AuthenticationInfo {
    /// The nonce to answer with from here on.
    pub nextnonce: Option<String>,
    /// The protection of this response.
    pub qop: Option<Qop>,
    /// A hash by which the server shows that it knows the password too, in hexadecimal.
    pub rspauth: Option<String>,
    /// The request's, sent back.
    pub cnonce: Option<String>,
    /// The request's, sent back.
    pub nc: Option<u32>,
}

impl TypedHeader for AuthenticationInfo {
    const NAME: &'static str = name::AUTHENTICATION_INFO;

    /// What no RFC knows is ignored, and so is a qop or a count that cannot be read.
    fn read(value: &str, reading: &mut Reading) -> Result<Self, HeaderError> {
        let parameters = auth_parameters(&mut Value::new::<Self>(value, reading))?;
        Ok(Self {
            nextnonce: parameters.text("nextnonce"),
            qop: parameters.get("qop").and_then(Qop::from_name),
            rspauth: parameters.text("rspauth"),
            cnonce: parameters.text("cnonce"),
            nc: parameters.get("nc").and_then(hex_number),
        })
    }
}

impl fmt::Display for AuthenticationInfo {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let quoted = |name: &str, text: &Option<String>| {
            text.as_deref().map(|text| format!("{name}={}", Quoted(text)))
        };
        let parameters = [
            quoted("nextnonce", &self.nextnonce),
            self.qop.map(|qop| format!("qop={}", qop.as_str())),
            quoted("rspauth", &self.rspauth),
            quoted("cnonce", &self.cnonce),
            self.nc.map(|nc| format!("nc={nc:08x}")),
        ];
        write_list(f, &parameters.into_iter().flatten().collect::<Vec<_>>())
    }
}

impl fmt::Debug for AuthenticationInfo {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AuthenticationInfo")
            .field("nextnonce", &self.nextnonce)
            .field("qop", &self.qop)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::headers::tests::check;

    #[test]
    fn reads_and_writes_what_the_server_says() {
        let next = AuthenticationInfo {
            nextnonce: Some("n, \"2\"".to_owned()),
            ..AuthenticationInfo::default()
        };
        let all = AuthenticationInfo {
            nextnonce: Some("n".to_owned()),
            qop: Some(Qop::AuthInt),
            rspauth: Some("00ff".to_owned()),
            cnonce: Some("c".to_owned()),
            nc: Some(0x1f),
        };
        check(
            include_str!("../../../../fuzz/corpus/rtsp_headers/authentication-info"),
            &[
                (r#"nextnonce="n, \"2\"""#, next, r#"nextnonce="n, \"2\"""#),
                (
                    r#"NC=0000001F,cnonce = "c",rspauth="00ff", qop="auth-int",nextnonce=n,x=y"#,
                    all,
                    r#"nextnonce="n", qop=auth-int, rspauth="00ff", cnonce="c", nc=0000001f"#,
                ),
                (" , ", AuthenticationInfo::default(), ""),
            ],
        );
    }

    #[test]
    fn debug_hides_the_hash() {
        let info: AuthenticationInfo = r#"rspauth="secret""#.parse().unwrap();
        assert!(!format!("{info:?}").contains("secret"));
    }
}
