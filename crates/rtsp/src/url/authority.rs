//! The part of a URL that names the server.

use std::net::Ipv6Addr;

use super::UrlError;
use crate::headers::number;

/// Host and port, path and query.
pub(super) fn split_authority(location: &str) -> (&str, &str) {
    location.split_at(location.find(['/', '?', '#']).unwrap_or(location.len()))
}

/// Host without brackets, zone with its `%` (Q150), port.
pub(super) fn split_port(authority: &str) -> Result<(&str, String, Option<u16>), UrlError> {
    let (host, port) = if let Some(bracketed) = authority.strip_prefix('[') {
        bracketed.split_once(']').ok_or(UrlError::Host)?
    } else if split_zone(authority).0.parse::<Ipv6Addr>().is_ok() {
        (authority, "")
    } else {
        authority.split_at(authority.rfind(':').unwrap_or(authority.len()))
    };
    let port = match port.strip_prefix(':') {
        None if port.is_empty() => None,
        None => return Err(UrlError::Port),
        Some("") => None,
        Some(digits) => Some(
            number(digits)
                .filter(|&port: &u16| port > 0)
                .ok_or(UrlError::Port)?,
        ),
    };
    let (host, zone) = if host.contains(':') {
        split_zone(host)
    } else {
        (host, String::new())
    };
    Ok((host, zone, port))
}

/// `%eth0` and `%25eth0` are the same zone.
fn split_zone(address: &str) -> (&str, String) {
    match address.split_once('%') {
        Some((address, zone)) => (address, format!("%{}", zone.strip_prefix("25").unwrap_or(zone))),
        None => (address, String::new()),
    }
}

/// Whether an IPv6 address has its brackets, and its zone a `%25` ([RFC 6874 §2](https://www.rfc-editor.org/rfc/rfc6874#section-2)).
pub(super) fn is_bracketed(authority: &str, host: &str) -> bool {
    let is_escaped = || {
        authority
            .split_once('%')
            .is_none_or(|(_, zone)| zone.starts_with("25"))
    };
    !host.contains(':') || (authority.starts_with('[') && is_escaped())
}
