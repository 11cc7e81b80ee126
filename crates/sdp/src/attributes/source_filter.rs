use std::fmt;

use super::TypedAttribute;
use crate::fields::AddressType;
use crate::grammar::is_host;

/// Which senders a multicast group is joined for: `a=source-filter: incl IN IP4 232.3.4.5 192.0.2.10`,
/// [RFC 4570 §3](https://www.rfc-editor.org/rfc/rfc4570#section-3).
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct SourceFilter {
    /// Whether the sources are the only ones, or the ones left out.
    pub mode: FilterMode,
    /// The family of the addresses, `None` for `*`: host names of either.
    pub address_type: Option<AddressType>,
    /// The group, an IP address or a host name, or `*` for that of every `c=` line.
    pub destination: String,
    /// IP addresses or host names, at least one.
    pub sources: Vec<String>,
}

/// What a [`SourceFilter`] does with its sources.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum FilterMode {
    /// `incl`: only they are received.
    Include,
    /// `excl`: they are not received.
    Exclude,
}

impl TypedAttribute for SourceFilter {
    const NAME: &'static str = "source-filter";

    fn parse(value: &str) -> Option<Self> {
        // The RFC's grammar has a space behind the colon.
        let mut words = value.strip_prefix(' ').unwrap_or(value).split(' ');
        let mode = match words.next()? {
            "incl" => FilterMode::Include,
            "excl" => FilterMode::Exclude,
            _ => return None,
        };
        words.next().filter(|network| *network == "IN")?;
        let address_type = match words.next()? {
            "IP4" => Some(AddressType::Ip4),
            "IP6" => Some(AddressType::Ip6),
            "*" => None,
            _ => return None,
        };
        let destination = words.next().filter(|word| *word == "*" || is_host(word))?;
        let sources: Vec<_> = words
            .map(|word| is_host(word).then(|| word.to_owned()))
            .collect::<Option<_>>()?;
        (!sources.is_empty()).then(|| Self {
            mode,
            address_type,
            destination: destination.to_owned(),
            sources,
        })
    }
}

impl fmt::Display for SourceFilter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.mode {
            FilterMode::Include => " incl IN ",
            FilterMode::Exclude => " excl IN ",
        })?;
        match self.address_type {
            Some(address_type) => write!(f, "{address_type}")?,
            None => f.write_str("*")?,
        }
        write!(f, " {}", self.destination)?;
        self.sources.iter().try_for_each(|source| write!(f, " {source}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::attributes::tests::{check, check_refused};

    #[test]
    fn reads_and_writes_filters_with_the_space_of_the_grammar() {
        let filter = |mode, address_type, destination: &str, sources: &[&str]| SourceFilter {
            mode,
            address_type,
            destination: destination.to_owned(),
            sources: sources.iter().map(|source| (*source).to_owned()).collect(),
        };
        let include = filter(FilterMode::Include, Some(AddressType::Ip4), "*", &["192.0.2.12"]);
        assert_eq!(
            SourceFilter::parse("incl IN IP4 * 192.0.2.12").as_ref(),
            Some(&include)
        );
        check(&[
            (" incl IN IP4 * 192.0.2.12", include),
            (
                " excl IN IP6 ff15::101 2001:db8::1 2001:db8::2",
                filter(
                    FilterMode::Exclude,
                    Some(AddressType::Ip6),
                    "ff15::101",
                    &["2001:db8::1", "2001:db8::2"],
                ),
            ),
            (
                " incl IN * group.example cam.example",
                filter(FilterMode::Include, None, "group.example", &["cam.example"]),
            ),
        ]);
        check_refused::<SourceFilter>(&[
            "",
            "incl",
            "incl IN IP4 232.3.4.5",
            "only IN IP4 * 192.0.2.1",
            "incl IN IP5 * 192.0.2.1",
            "incl  IN IP4 * 192.0.2.1",
        ]);
    }
}
