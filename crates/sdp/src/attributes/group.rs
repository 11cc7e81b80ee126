use std::fmt;

use super::TypedAttribute;
use crate::grammar::is_token;

/// Media that belong together: `a=group:LS 1 2`, [RFC 5888 §5](https://www.rfc-editor.org/rfc/rfc5888#section-5).
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Group {
    /// What for: `LS` to be played in step, `FID` one flow, `FEC`, `BUNDLE` on one port.
    pub semantics: String,
    /// What [`MediaDescription::mid`](crate::MediaDescription::mid) of each says.
    pub media: Vec<String>,
}

impl TypedAttribute for Group {
    const NAME: &'static str = "group";

    fn parse(value: &str) -> Option<Self> {
        let mut words = value
            .split(' ')
            .map(|word| is_token(word).then(|| word.to_owned()));
        Some(Self {
            semantics: words.next()??,
            media: words.collect::<Option<_>>()?,
        })
    }
}

impl fmt::Display for Group {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.semantics)?;
        self.media.iter().try_for_each(|mid| write!(f, " {mid}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::attributes::tests::{check, check_refused};

    #[test]
    fn reads_and_writes_groups() {
        let group = |semantics: &str, media: &[&str]| Group {
            semantics: semantics.to_owned(),
            media: media.iter().map(|mid| (*mid).to_owned()).collect(),
        };
        check(&[
            ("LS 1 2", group("LS", &["1", "2"])),
            ("BUNDLE", group("BUNDLE", &[])),
        ]);
        check_refused::<Group>(&["", "LS  1", "LS 1:2"]);
    }
}
