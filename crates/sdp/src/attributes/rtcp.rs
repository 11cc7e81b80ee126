use std::fmt;

use nom::Parser;
use nom::bytes::complete::tag;
use nom::combinator::opt;
use nom::sequence::{preceded, separated_pair};

use super::TypedAttribute;
use crate::fields::AddressType;
use crate::grammar::{address_type, host, number, whole};

/// Where RTCP goes if not to the port above RTP's: `a=rtcp:53020 IN IP4 126.16.64.4`,
/// [RFC 3605 §2.1](https://www.rfc-editor.org/rfc/rfc3605#section-2.1).
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Rtcp {
    /// The UDP port.
    pub port: u16,
    /// An IP address or a host name, where it is not that of the `c=` line.
    pub address: Option<(AddressType, String)>,
}

impl TypedAttribute for Rtcp {
    const NAME: &'static str = "rtcp";

    fn parse(value: &str) -> Option<Self> {
        let address = preceded(
            tag(" IN "),
            separated_pair(address_type, tag(" "), host.map(str::to_owned)),
        );
        whole(
            (number, opt(address)).map(|(port, address)| Self { port, address }),
            value,
        )
    }
}

impl fmt::Display for Rtcp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.port)?;
        match &self.address {
            Some((address_type, address)) => write!(f, " IN {address_type} {address}"),
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::attributes::tests::{check, check_refused};

    #[test]
    fn reads_and_writes_ports_with_and_without_address() {
        let rtcp = |address: Option<(AddressType, &str)>| Rtcp {
            port: 53_020,
            address: address.map(|(address_type, address)| (address_type, address.to_owned())),
        };
        check(&[
            ("53020", rtcp(None)),
            (
                "53020 IN IP4 192.0.2.4",
                rtcp(Some((AddressType::Ip4, "192.0.2.4"))),
            ),
            (
                "53020 IN IP6 2001:db8::4",
                rtcp(Some((AddressType::Ip6, "2001:db8::4"))),
            ),
        ]);
        check_refused::<Rtcp>(&["", "70000", "53020 IN", "53020 IN IP4", "53020 IN IP5 192.0.2.4"]);
    }
}
