use std::fmt;

use super::TypedAttribute;
use crate::grammar::{is_extension, is_token};

/// The clock behind NTP timestamps and [`MediaClock`](crate::MediaClock)s: `a=ts-refclk:ntp=192.0.2.123`,
/// [RFC 7273 §4](https://www.rfc-editor.org/rfc/rfc7273#section-4). Two streams with the same one can be played in step.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum ReferenceClock {
    /// `ntp=`, a server: host and port as written.
    Ntp(String),
    /// `ntp=/traceable/`: some NTP server that follows UTC.
    NtpTraceable,
    /// `ptp=`.
    Ptp {
        /// Such as `IEEE1588-2008`.
        version: String,
        /// Which of its clocks.
        server: PtpServer,
    },
    /// `gps`.
    Gps,
    /// `gal`: Galileo.
    Galileo,
    /// `glonass`.
    Glonass,
    /// `local`: the sender's own, nobody else's.
    Local,
    /// `private`: one that only some share.
    Private,
    /// `private:traceable`: such a one, which follows UTC.
    PrivateTraceable,
    /// Any other, as written, such as `localmac=CA-FE-01-02-03-04`.
    Other(String),
}

/// Which clock of a [`ReferenceClock::Ptp`].
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum PtpServer {
    /// A grandmaster.
    Grandmaster {
        /// Its EUI-64: eight bytes in hexadecimal with hyphens between.
        identity: String,
        /// The domain as written, where there is one: `0`, `domain-nmbr=0`, `domain-name=..`.
        domain: Option<String>,
    },
    /// `traceable`: any that follows UTC.
    Traceable,
}

impl TypedAttribute for ReferenceClock {
    const NAME: &'static str = "ts-refclk";

    fn parse(value: &str) -> Option<Self> {
        if let Some(server) = value.strip_prefix("ntp=") {
            return match server {
                "/traceable/" => Some(Self::NtpTraceable),
                "" => None,
                _ => (!server.contains(char::is_whitespace)).then(|| Self::Ntp(server.to_owned())),
            };
        }
        if let Some(ptp) = value.strip_prefix("ptp=") {
            let (version, server) = ptp.split_once(':')?;
            return is_token(version).then_some(Self::Ptp {
                version: version.to_owned(),
                server: ptp_server(server)?,
            });
        }
        Some(match value {
            "gps" => Self::Gps,
            "gal" => Self::Galileo,
            "glonass" => Self::Glonass,
            "local" => Self::Local,
            "private" => Self::Private,
            "private:traceable" => Self::PrivateTraceable,
            _ => return is_extension(value).then(|| Self::Other(value.to_owned())),
        })
    }
}

fn ptp_server(text: &str) -> Option<PtpServer> {
    if text == "traceable" {
        return Some(PtpServer::Traceable);
    }
    let (identity, domain) = match text.split_once(':') {
        Some((identity, domain)) => (identity, Some(domain)),
        None => (text, None),
    };
    let is_byte = |byte: &str| byte.len() == 2 && byte.bytes().all(|digit| digit.is_ascii_hexdigit());
    let is_eui_64 = identity.split('-').count() == 8 && identity.split('-').all(is_byte);
    (is_eui_64 && domain != Some("")).then(|| PtpServer::Grandmaster {
        identity: identity.to_owned(),
        domain: domain.map(str::to_owned),
    })
}

impl fmt::Display for ReferenceClock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Ntp(server) => write!(f, "ntp={server}"),
            Self::NtpTraceable => f.write_str("ntp=/traceable/"),
            Self::Ptp { version, server } => {
                write!(f, "ptp={version}:")?;
                match server {
                    PtpServer::Traceable => f.write_str("traceable"),
                    PtpServer::Grandmaster { identity, domain } => {
                        f.write_str(identity)?;
                        domain.iter().try_for_each(|domain| write!(f, ":{domain}"))
                    }
                }
            }
            Self::Gps => f.write_str("gps"),
            Self::Galileo => f.write_str("gal"),
            Self::Glonass => f.write_str("glonass"),
            Self::Local => f.write_str("local"),
            Self::Private => f.write_str("private"),
            Self::PrivateTraceable => f.write_str("private:traceable"),
            Self::Other(text) => f.write_str(text),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::attributes::tests::{check, check_refused};

    #[test]
    fn reads_and_writes_every_clock() {
        let ptp = |server| ReferenceClock::Ptp {
            version: "IEEE1588-2008".to_owned(),
            server,
        };
        let grandmaster = |domain: Option<&str>| PtpServer::Grandmaster {
            identity: "39-A7-94-FF-FE-07-CB-D0".to_owned(),
            domain: domain.map(str::to_owned),
        };
        check(&[
            (
                "ntp=192.0.2.123:123",
                ReferenceClock::Ntp("192.0.2.123:123".to_owned()),
            ),
            ("ntp=/traceable/", ReferenceClock::NtpTraceable),
            (
                "ptp=IEEE1588-2008:39-A7-94-FF-FE-07-CB-D0",
                ptp(grandmaster(None)),
            ),
            (
                "ptp=IEEE1588-2008:39-A7-94-FF-FE-07-CB-D0:37",
                ptp(grandmaster(Some("37"))),
            ),
            ("ptp=IEEE1588-2008:traceable", ptp(PtpServer::Traceable)),
            ("gps", ReferenceClock::Gps),
            ("gal", ReferenceClock::Galileo),
            ("glonass", ReferenceClock::Glonass),
            ("local", ReferenceClock::Local),
            ("private", ReferenceClock::Private),
            ("private:traceable", ReferenceClock::PrivateTraceable),
            (
                "localmac=CA-FE-01-02-03-04",
                ReferenceClock::Other("localmac=CA-FE-01-02-03-04".to_owned()),
            ),
        ]);
        check_refused::<ReferenceClock>(&[
            "",
            "ntp=",
            "ptp=",
            "ptp=IEEE1588-2008",
            "ptp=IEEE1588-2008:39-A7",
            "ptp=IEEE1588-2008:39-A7-94-FF-FE-07-CB-D0:",
            "private:other",
            "=x",
        ]);
    }
}
