use std::fmt;

use super::grammar::write_list;
use super::{HeaderError, Repetition, TypedHeader, name};
use crate::{Method, Reading};

/// The methods that a server says it knows ([RFC 2326 §12.28](https://www.rfc-editor.org/rfc/rfc2326#section-12.28)).
///
/// A hint at most: cameras leave out what works and list what does not (Q38, Q98).
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Public(pub Vec<Method>);

impl TypedHeader for Public {
    const NAME: &'static str = name::PUBLIC;
    const REPETITION: Repetition = Repetition::OneList;

    /// Never fails.
    fn read(value: &str, _reading: &mut Reading) -> Result<Self, HeaderError> {
        let names = value.split(',').map(str::trim).filter(|name| !name.is_empty());
        Ok(Self(names.map(Method::from).collect()))
    }
}

impl fmt::Display for Public {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write_list(f, &self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::headers::tests::check;

    #[test]
    fn reads_and_writes_methods_known_or_not() {
        use Method::{Describe, Extension, Options};
        check(
            include_str!("../../../../fuzz/corpus/rtsp_headers/public"),
            &[
                (
                    "OPTIONS, DESCRIBE",
                    Public(vec![Options, Describe]),
                    "OPTIONS, DESCRIBE",
                ),
                (
                    "OPTIONS ,DESCRIBE,, ",
                    Public(vec![Options, Describe]),
                    "OPTIONS, DESCRIBE",
                ),
                (
                    "options",
                    Public(vec![Extension("options".to_owned())]),
                    "options",
                ),
                ("", Public(vec![]), ""),
            ],
        );
    }
}
