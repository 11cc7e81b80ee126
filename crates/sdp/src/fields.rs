//! What the session-level lines hold, each with its written form.

use std::fmt;
use std::net::IpAddr;

/// The address family of an `o=` or `c=` line.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum AddressType {
    /// `IP4`.
    Ip4,
    /// `IP6`.
    Ip6,
}

impl AddressType {
    fn of(address: IpAddr) -> Self {
        match address {
            IpAddr::V4(_) => Self::Ip4,
            IpAddr::V6(_) => Self::Ip6,
        }
    }
}

impl fmt::Display for AddressType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Ip4 => "IP4",
            Self::Ip6 => "IP6",
        })
    }
}

/// Who made the session: `o=`, [RFC 8866 §5.2](https://www.rfc-editor.org/rfc/rfc8866#section-5.2).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Origin {
    /// The originator's login, `-` where there is none.
    pub username: String,
    /// Decimal digits, of any length: some servers go past 64 bits (Q129).
    pub session_id: String,
    /// Decimal digits, of any length; grows with each change of the description.
    pub session_version: String,
    /// The family of `address`.
    pub address_type: AddressType,
    /// An IP address or a host name.
    pub address: String,
}

impl Origin {
    /// An origin without a user name.
    pub fn new(session_id: u64, session_version: u64, address: IpAddr) -> Self {
        Self {
            username: "-".to_owned(),
            session_id: session_id.to_string(),
            session_version: session_version.to_string(),
            address_type: AddressType::of(address),
            address: address.to_string(),
        }
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            username,
            session_id,
            session_version,
            address_type,
            address,
        } = self;
        write!(
            f,
            "{username} {session_id} {session_version} IN {address_type} {address}"
        )
    }
}

/// Where media goes: `c=`, [RFC 8866 §5.7](https://www.rfc-editor.org/rfc/rfc8866#section-5.7).
///
/// Under RTSP a unicast address here says nothing (SETUP negotiates it) and is mostly `0.0.0.0`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Connection {
    /// The family of `address`.
    pub address_type: AddressType,
    /// An IP address or a host name.
    pub address: String,
    /// The scope of an IPv4 multicast, in hops.
    pub ttl: Option<u8>,
    /// How many multicast groups follow one another from `address`.
    pub group_count: Option<u16>,
}

impl Connection {
    /// A single address without a time to live.
    pub fn new(address: IpAddr) -> Self {
        Self {
            address_type: AddressType::of(address),
            address: address.to_string(),
            ttl: None,
            group_count: None,
        }
    }

    /// The address, where it is one and not a host name.
    pub fn ip(&self) -> Option<IpAddr> {
        self.address.parse().ok()
    }
}

impl fmt::Display for Connection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "IN {} {}", self.address_type, self.address)?;
        if let Some(ttl) = self.ttl {
            write!(f, "/{ttl}")?;
        }
        if let Some(count) = self.group_count {
            write!(f, "/{count}")?;
        }
        Ok(())
    }
}

/// How much the session or a medium may send: `b=`,
/// [RFC 8866 §5.8](https://www.rfc-editor.org/rfc/rfc8866#section-5.8).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Bandwidth {
    /// `AS` and `CT` count kilobits a second, `TIAS`, `RR` and `RS` bits a second.
    pub modifier: String,
    /// In the unit of the modifier.
    pub value: u64,
}

/// When the session is active: `t=`, [RFC 8866 §5.9](https://www.rfc-editor.org/rfc/rfc8866#section-5.9).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Timing {
    /// Seconds since 1900, 0 for "always was".
    pub start: u64,
    /// Seconds since 1900, 0 for "for ever".
    pub stop: u64,
}
