use std::fmt;

/// A user name and its password.
///
/// `Debug` hides the password; there is no `Display`.
#[derive(Clone, PartialEq, Eq)]
pub struct Credentials {
    username: String,
    password: String,
}

impl Credentials {
    /// Credentials as they are, nothing percent-encoded.
    pub fn new(username: impl Into<String>, password: impl Into<String>) -> Self {
        Self {
            username: username.into(),
            password: password.into(),
        }
    }

    /// Who.
    pub fn username(&self) -> &str {
        &self.username
    }

    /// The secret: for hashing and for the wire, never for people.
    pub fn password(&self) -> &str {
        &self.password
    }

    /// The part of a URL before the `@`, `None` where it is empty.
    pub(super) fn from_userinfo(userinfo: &str) -> Option<Self> {
        let (username, password) = userinfo.split_once(':').unwrap_or((userinfo, ""));
        (!userinfo.is_empty()).then(|| Self::new(percent_decode(username), percent_decode(password)))
    }
}

impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Credentials")
            .field("username", &self.username)
            .finish_non_exhaustive()
    }
}

/// Whether a user's name and password are percent-encoded where they have to be
/// ([RFC 3986 §3.2.1](https://www.rfc-editor.org/rfc/rfc3986#section-3.2.1)).
pub(super) fn is_escaped(userinfo: &str) -> bool {
    let mut escapes = userinfo.split('%');
    let is_plain = |text: &str| {
        text.bytes()
            .all(|b| b.is_ascii_alphanumeric() || b"-._~!$&'()*+,;=:".contains(&b))
    };
    escapes.next().is_none_or(is_plain)
        && escapes.all(|text| {
            let (digits, rest) = text.split_at_checked(2).unwrap_or(("", text));
            digits.len() == 2 && digits.bytes().all(|b| b.is_ascii_hexdigit()) && is_plain(rest)
        })
}

/// A `%` that begins no escape is itself (Q54), and so is all of what does not decode to UTF-8.
pub(crate) fn percent_decode(text: &str) -> String {
    let mut decoded = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((&first, after)) = rest.split_first() {
        let escape = if first == b'%' {
            after.split_first_chunk()
        } else {
            None
        };
        let escaped =
            escape.and_then(|(&[high, low], after)| Some((hex_digit(high)? << 4 | hex_digit(low)?, after)));
        let (byte, after) = escaped.unwrap_or((first, after));
        decoded.push(byte);
        rest = after;
    }
    String::from_utf8(decoded).unwrap_or_else(|_| text.to_owned())
}

fn hex_digit(digit: u8) -> Option<u8> {
    char::from(digit)
        .to_digit(16)
        .and_then(|value| value.try_into().ok())
}
