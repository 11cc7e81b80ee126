use std::fmt;

use super::TypedAttribute;
use crate::grammar::{is_base64, is_token};

/// A message of a key management protocol: `a=key-mgmt:mikey AQAFg..`,
/// [RFC 4567 §3.1](https://www.rfc-editor.org/rfc/rfc4567#section-3.1). `Debug` hides what may hold the key.
#[derive(Clone, PartialEq, Eq)]
pub struct KeyManagement {
    /// The protocol's identifier, such as `mikey`.
    pub protocol: String,
    /// The message in base64. Secret where the protocol protects it by nothing else.
    pub data: String,
}

impl TypedAttribute for KeyManagement {
    const NAME: &'static str = "key-mgmt";

    fn parse(value: &str) -> Option<Self> {
        let (protocol, data) = value.split_once(' ')?;
        (is_token(protocol) && is_base64(data)).then(|| Self {
            protocol: protocol.to_owned(),
            data: data.to_owned(),
        })
    }
}

impl fmt::Display for KeyManagement {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.protocol, self.data)
    }
}

impl fmt::Debug for KeyManagement {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("KeyManagement")
            .field("protocol", &self.protocol)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::attributes::tests::{check, check_refused};

    #[test]
    fn reads_and_writes_messages_and_shows_none() {
        let message = KeyManagement {
            protocol: "mikey".to_owned(),
            data: "AQAFgM0XflABAAA=".to_owned(),
        };
        assert_eq!(
            format!("{message:?}"),
            "KeyManagement { protocol: \"mikey\", .. }"
        );
        check(&[("mikey AQAFgM0XflABAAA=", message)]);
        check_refused::<KeyManagement>(&["", "mikey", "mikey ", "mikey AQAF!", "mi:key AQAF", "mikey AQ=AF"]);
    }
}
