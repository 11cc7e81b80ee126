use std::borrow::Cow;
use std::fmt;

use crate::Reading;
use crate::headers::{HeaderError, Repetition, TypedHeader, name};
use crate::url::Redacted;

/// The headers of one message, in their order, each name any number of times.
///
/// Names are found in any case and written in the RFC's own (Q13). Nothing in a value can end its line:
/// control characters become spaces as it goes in. `Debug` hides what an `Authorization` says, keys, and the secrets in URLs.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Headers(Vec<(Cow<'static, str>, String)>);

impl Headers {
    /// No headers.
    pub fn new() -> Self {
        Self::default()
    }

    /// The first value of that name.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.get_all(name).next()
    }

    /// Every value of that name, in order.
    pub fn get_all<'h>(&'h self, name: &str) -> impl Iterator<Item = &'h str> {
        self.iter()
            .filter(move |(n, _)| n.eq_ignore_ascii_case(name))
            .map(|(_, value)| value)
    }

    /// The header as its type, `None` when it is absent.
    ///
    /// Fails when it is there and cannot be read as one.
    pub fn typed<H: TypedHeader>(&self) -> Result<Option<H>, HeaderError> {
        self.typed_with(&mut Reading::default())
    }

    /// [`typed`](Self::typed) under a policy.
    pub fn typed_with<H: TypedHeader>(&self, reading: &mut Reading) -> Result<Option<H>, HeaderError> {
        let mut values = self.get_all(H::NAME);
        let Some(first) = values.next() else {
            return Ok(None);
        };
        match H::REPETITION {
            Repetition::FirstCounts => H::read(first, reading).map(Some),
            Repetition::OneList => {
                let mut list = first.to_owned();
                for value in values {
                    list.push_str(", ");
                    list.push_str(value);
                }
                H::read(&list, reading).map(Some)
            }
        }
    }

    /// Adds one more header at the end.
    pub fn append(&mut self, name: &str, value: impl Into<String>) {
        let name = match name::canonical(name) {
            Some(known) => Cow::Borrowed(known),
            None => Cow::Owned(name.replace(|c: char| c.is_control() || c == ':' || c == ' ', "-")),
        };
        let mut value = value.into();
        if value.contains(char::is_control) {
            value = value.replace(char::is_control, " ");
        }
        self.0.push((name, value));
    }

    /// Puts this value in the place of all of that name.
    pub fn set(&mut self, name: &str, value: impl Into<String>) {
        self.remove(name);
        self.append(name, value);
    }

    /// Puts this header in the place of all of its name.
    pub fn set_typed<H: TypedHeader>(&mut self, header: &H) {
        self.set(H::NAME, header.to_string());
    }

    /// Takes every header of that name out.
    pub fn remove(&mut self, name: &str) {
        self.0.retain(|(n, _)| !n.eq_ignore_ascii_case(name));
    }

    /// Name and value of each header, in order.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().map(|(name, value)| (name.as_ref(), value.as_str()))
    }
}

impl fmt::Debug for Headers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_map()
            .entries(self.iter().map(|(name, value)| {
                let secret = match name {
                    name::AUTHORIZATION
                    | name::AUTHENTICATION_INFO
                    | name::PROXY_AUTHORIZATION
                    | name::KEY_MGMT => true,
                    name::TRANSPORT => {
                        let value = value.to_ascii_lowercase();
                        ["key", "crypto", "inline"]
                            .iter()
                            .any(|word| value.contains(word))
                    }
                    _ => false,
                };
                let shown = if secret { "<redacted>" } else { value };
                (name, Redacted(shown).to_string())
            }))
            .finish()
    }
}
