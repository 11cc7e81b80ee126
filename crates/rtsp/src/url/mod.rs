//! Addresses: reading them, and the joins that real cameras need.

mod authority;
mod credentials;
mod join;
mod redacted;
mod scheme;

use std::fmt::{self, Write};

use url::Host;

use authority::{is_bracketed, split_authority, split_port};
pub use credentials::Credentials;
pub(crate) use credentials::percent_decode;
pub use join::{base_url, base_url_with};
pub(crate) use redacted::Redacted;
pub use scheme::{Scheme, Security};

use crate::{Reading, Tolerance};

/// The address of a presentation or of one of its streams, without credentials.
///
/// Safe to print: `Display` and `Debug` also hide the value of a parameter that is named like a password, which some
/// cameras want in the path or the query; [`as_str`](Self::as_str) is the whole.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct RtspUrl {
    scheme: Scheme,
    /// For connecting: no brackets, but the zone.
    host: String,
    /// Where the URL names one.
    port: Option<u16>,
    /// For the request line: `rtsp://host:port` or `rtsps://host:port`, with brackets and without the zone.
    origin: String,
    /// The whole, beginning with `origin`.
    text: String,
}

/// A URL that does not lead to a camera. No variant holds the URL: it may carry a password.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum UrlError {
    /// There is no `rtsp://` at its beginning.
    #[error("no rtsp:// at the beginning of the url")]
    NoScheme,
    /// Another protocol's URL.
    #[error("url scheme {0} is none of rtsp, rtsps, rtsp+http, rtsp+https, rtsp+ws, rtsp+wss")]
    UnsupportedScheme(String),
    /// There is no host, or one that cannot be.
    #[error(
        "no valid host in the url; write special characters of the password as %40 (@), %2F (/), %3A (:)"
    )]
    Host,
    /// The port is not a number from 1 to 65535.
    #[error(
        "the url's port is not a number from 1 to 65535; write special characters of the password as %40 (@), %2F (/), %3A (:)"
    )]
    Port,
    /// A rule is bent that the [`Policy`](crate::Policy) holds to.
    #[error("{tolerance}")]
    NotTolerated {
        /// The rule.
        tolerance: Tolerance,
    },
}

impl RtspUrl {
    /// Reads a URL and takes the credentials out of it, percent-decoded.
    ///
    /// The password may hold `@ # ? % :` as they are (Q54): the host begins after the last `@` before the path, and a `%`
    /// without two digits behind it is itself. A password with `/` is understood where the host would be none otherwise.
    /// An IPv6 address may lack its brackets and have a zone (Q150). A fragment is cut off; what a request line cannot
    /// hold is percent-encoded.
    ///
    /// Fails on another scheme, and where host or port cannot be.
    pub fn parse(input: &str) -> Result<(Self, Option<Credentials>), UrlError> {
        Self::parse_with(input, &mut Reading::default())
    }

    /// [`parse`](Self::parse) under a policy.
    pub fn parse_with(input: &str, reading: &mut Reading) -> Result<(Self, Option<Credentials>), UrlError> {
        let (scheme, rest) = input.trim().split_once("://").ok_or(UrlError::NoScheme)?;
        let scheme = Scheme::from_name(scheme)?;
        let before_path = rest.split('/').next().unwrap_or_default();
        let (userinfo, location) = match (before_path.rsplit_once('@'), rest.rsplit_once('@')) {
            (Some((userinfo, _)), _) => (userinfo, rest.get(userinfo.len() + 1..).unwrap_or_default()),
            // The password holds a slash, if nothing else makes sense.
            (None, Some(halves)) if Self::at(scheme, rest, &mut Reading::default()).is_err() => halves,
            (None, _) => ("", rest),
        };
        if !credentials::is_escaped(userinfo) {
            tolerate(reading, Tolerance::UnescapedCredentials)?;
        }
        let url = Self::at(scheme, location, reading)?;
        Ok((url, Credentials::from_userinfo(userinfo)))
    }

    /// `location` is host, port, path and query.
    fn at(scheme: Scheme, location: &str, reading: &mut Reading) -> Result<Self, UrlError> {
        let (authority, path) = split_authority(location);
        let (host, zone, port) = split_port(authority)?;
        let is_ipv6 = authority.starts_with('[') || host.contains(':');
        let parsed = if is_ipv6 {
            Host::parse(&format!("[{host}]"))
        } else {
            Host::parse(host)
        };
        let parsed = parsed.map_err(|_| UrlError::Host)?;
        if !is_bracketed(authority, host) {
            tolerate(reading, Tolerance::Ipv6Literal)?;
        }
        if !without_fragment(path).chars().all(is_url_character) {
            tolerate(reading, Tolerance::UnescapedUrl)?;
        }
        let in_requests = scheme.in_requests().as_str();
        let origin = match port {
            Some(port) => format!("{in_requests}://{parsed}:{port}"),
            None => format!("{in_requests}://{parsed}"),
        };
        let host = match parsed {
            Host::Ipv6(address) => format!("{address}{zone}"),
            other => other.to_string(),
        };
        Ok(Self {
            scheme,
            host,
            port,
            text: origin.clone(),
            origin,
        }
        .with_path(path))
    }

    /// The same server, another path (with its query, and textually: nothing is normalized).
    pub(crate) fn with_path(&self, path: &str) -> Self {
        let mut text = self.origin.clone();
        for c in without_fragment(path).chars() {
            if is_url_character(c) {
                text.push(c);
            } else {
                let mut buffer = [0; 4];
                for byte in c.encode_utf8(&mut buffer).bytes() {
                    let _ = write!(text, "%{byte:02X}");
                }
            }
        }
        Self { text, ..self.clone() }
    }

    /// As it goes on the request line: all but credentials. Through a tunnel it is the `rtsp` or `rtsps` URL of what is behind
    /// it, with the port only where the URL names one, as other clients have it.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// How to connect.
    pub fn scheme(&self) -> Scheme {
        self.scheme
    }

    /// Where to connect: a name or an address, an IPv6 one without brackets and with its zone.
    pub fn host(&self) -> &str {
        &self.host
    }

    /// Where to connect, the scheme's default where the URL has none.
    pub fn port(&self) -> u16 {
        self.port.unwrap_or(self.scheme.default_port())
    }

    /// What the `Host` header of a tunnel's HTTP request says: no zone (Q150), and the port where the URL names one.
    pub(crate) fn authority(&self) -> &str {
        self.origin
            .split_once("://")
            .map_or("", |(_, authority)| authority)
    }

    /// What a tunnel's HTTP request asks for: path and query, never empty and never the whole URL (Q115).
    pub(crate) fn http_path(&self) -> String {
        let path = self.path();
        let slash = if path.starts_with('/') { "" } else { "/" };
        format!("{slash}{path}")
    }

    fn path(&self) -> &str {
        self.text.strip_prefix(&self.origin).unwrap_or_default()
    }
}

impl fmt::Display for RtspUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.scheme.as_str())?;
        let in_requests = self.scheme.in_requests().as_str();
        Redacted(self.text.strip_prefix(in_requests).unwrap_or(&self.text)).fmt(f)
    }
}

impl fmt::Debug for RtspUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "RtspUrl({self})")
    }
}

fn without_fragment(path: &str) -> &str {
    path.split('#').next().unwrap_or_default()
}

/// What a request line can hold, be it a URL's by the letter or not: cameras' own brackets and bars stay as they are.
fn is_url_character(c: char) -> bool {
    c.is_ascii_graphic() && !matches!(c, '"' | '<' | '>')
}

/// Uses a tolerance, or is the error that it is refused.
fn tolerate(reading: &mut Reading, tolerance: Tolerance) -> Result<(), UrlError> {
    if reading.tolerates(tolerance) {
        Ok(())
    } else {
        Err(UrlError::NotTolerated { tolerance })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Policy;

    fn url(text: &str) -> RtspUrl {
        RtspUrl::parse(text).unwrap().0
    }

    #[test]
    fn q54_credentials_leave_the_url_decoded_and_special_characters_may_stand_in_them() {
        let cases = [
            ("rtsp://h/cam", None),
            ("rtsp://@h/cam", None),
            ("rtsp://user@h/cam", Some(("user", ""))),
            ("rtsp://user:pass@h/cam", Some(("user", "pass"))),
            ("rtsp://user:p@ss#1@h/cam", Some(("user", "p@ss#1"))),
            ("rtsp://user:a?b:c@h/cam", Some(("user", "a?b:c"))),
            ("rtsp://user:p/w@h/cam", Some(("user", "p/w"))),
            ("rtsp://us%65r:p%40%2f%3A@h/cam", Some(("user", "p@/:"))),
            ("rtsp://user:100%@h/cam", Some(("user", "100%"))),
            ("rtsp://user:%zz%4@h/cam", Some(("user", "%zz%4"))),
            ("rtsp://user:%ff@h/cam", Some(("user", "%ff"))),
            ("rtsp://user:p%C3%A4ss@h/cam", Some(("user", "p\u{e4}ss"))),
        ];
        for (text, expected) in cases {
            let (url, credentials) = RtspUrl::parse(text).unwrap();
            assert_eq!(url.as_str(), "rtsp://h/cam", "{text}");
            let expected = expected.map(|(username, password)| Credentials::new(username, password));
            assert_eq!(credentials, expected, "{text}");
        }
    }

    #[test]
    fn host_and_port_are_read_and_the_path_is_left_as_it_is() {
        let cases = [
            (
                " RTSP://Cam.Local:8554/a//b?c=d/ ",
                "rtsp://cam.local:8554/a//b?c=d/",
                "cam.local",
                8554,
            ),
            ("rtsp://192.0.2.10", "rtsp://192.0.2.10", "192.0.2.10", 554),
            ("rtsp://192.0.2.10:/", "rtsp://192.0.2.10/", "192.0.2.10", 554),
            ("rtsp://my_cam?x", "rtsp://my_cam?x", "my_cam", 554),
            ("rtsps://h:322/x#part", "rtsps://h:322/x", "h", 322),
            ("rtsps://h", "rtsps://h", "h", 322),
            (
                "rtsp://h/a b\u{e4}\r\n<\"",
                "rtsp://h/a%20b%C3%A4%0D%0A%3C%22",
                "h",
                554,
            ),
        ];
        for (text, whole, host, port) in cases {
            let url = url(text);
            assert_eq!(
                (url.as_str(), url.host(), url.port()),
                (whole, host, port),
                "{text}"
            );
        }
        assert_eq!(
            (url("rtsps://h").scheme(), url("rtsp://h").scheme()),
            (Scheme::Rtsps, Scheme::Rtsp)
        );
    }

    #[test]
    fn q150_an_ipv6_address_needs_no_brackets_and_its_zone_stays_off_the_request_line() {
        for text in ["rtsp://[fe80::1%25eth0]:8554/a", "rtsp://[fe80::1%eth0]:8554/a"] {
            let url = url(text);
            assert_eq!(
                (url.as_str(), url.host(), url.port()),
                ("rtsp://[fe80::1]:8554/a", "fe80::1%eth0", 8554)
            );
        }
        for text in ["rtsp://fe80::1%eth0/a", "rtsp://u:p@fe80::1%25eth0/a"] {
            let url = url(text);
            assert_eq!(
                (url.as_str(), url.host(), url.port()),
                ("rtsp://[fe80::1]/a", "fe80::1%eth0", 554)
            );
        }
        assert_eq!(url("rtsp://::ffff:192.0.2.10/a").host(), "::ffff:192.0.2.10");
    }

    #[test]
    fn the_scheme_says_how_to_connect_and_a_tunnel_is_not_in_requests() {
        let cases = [
            ("rtsp", Scheme::Rtsp, 554, Security::Plain, "rtsp"),
            ("rtsps", Scheme::Rtsps, 322, Security::Tls, "rtsps"),
            ("rtsp+http", Scheme::RtspHttp, 80, Security::Plain, "rtsp"),
            ("rtsph", Scheme::RtspHttp, 80, Security::Plain, "rtsp"),
            ("rtsp+https", Scheme::RtspHttps, 443, Security::Tls, "rtsps"),
            ("RTSPS+HTTP", Scheme::RtspHttps, 443, Security::Tls, "rtsps"),
            ("rtspsh", Scheme::RtspHttps, 443, Security::Tls, "rtsps"),
            ("rtsp+ws", Scheme::RtspWs, 80, Security::Plain, "rtsp"),
            ("rtsp+wss", Scheme::RtspWss, 443, Security::Tls, "rtsps"),
            ("rtsps+ws", Scheme::RtspWss, 443, Security::Tls, "rtsps"),
        ];
        for (name, scheme, port, security, in_requests) in cases {
            for (authority, port) in [("192.0.2.1", port), ("192.0.2.1:8080", 8080)] {
                let (url, credentials) =
                    RtspUrl::parse(&format!("{name}://u:p@{authority}/cam?x=1")).unwrap();
                assert_eq!(
                    url.as_str(),
                    format!("{in_requests}://{authority}/cam?x=1"),
                    "{name}"
                );
                assert_eq!((url.scheme(), url.port()), (scheme, port), "{name}");
                assert_eq!(url.scheme().security(), security, "{name}");
                assert_eq!(
                    url.to_string(),
                    format!("{}://{authority}/cam?x=1", scheme.as_str())
                );
                assert!(credentials.is_some());
            }
        }
    }

    #[test]
    fn q115_a_tunnel_asks_for_a_path() {
        let cases = [
            ("rtsp+http://h", "/"),
            ("rtsp+http://h/", "/"),
            ("rtsp+http://h?x=1", "/?x=1"),
            ("rtsp+http://u:p@h:8080//a b/?c=d#e", "//a%20b/?c=d"),
        ];
        for (text, path) in cases {
            assert_eq!(url(text).http_path(), path, "{text}");
        }
    }

    #[test]
    fn q150_a_zone_is_for_connecting_whatever_the_scheme() {
        for scheme in ["rtsp", "rtsps", "rtsp+http", "rtsp+https", "rtsp+ws", "rtsp+wss"] {
            for (authority, named) in [
                ("[fe80::1%25eth0]:8080", "[fe80::1]:8080"),
                ("[fe80::1%eth0]", "[fe80::1]"),
                ("fe80::1%eth0", "[fe80::1]"),
            ] {
                let url = url(&format!("{scheme}://{authority}/cam"));
                let (_, in_request) = url.as_str().split_once("://").unwrap();
                assert_eq!(in_request, format!("{named}/cam"), "{scheme}");
                assert_eq!((url.authority(), url.host()), (named, "fe80::1%eth0"), "{scheme}");
            }
        }
    }

    #[test]
    fn what_leads_to_no_camera_is_an_error_that_names_the_scheme_and_never_the_password() {
        let error = |text: &str| RtspUrl::parse(text).unwrap_err();
        for (text, scheme) in [
            ("http://h/", "http"),
            ("RTMP://h", "rtmp"),
            ("rtspt://u:secret@h", "rtspt"),
        ] {
            assert_eq!(error(text), UrlError::UnsupportedScheme(scheme.to_owned()));
        }
        for text in ["", "192.0.2.10/cam", "rtsp:/h", "://h", "u:secret@h://x"] {
            assert_eq!(error(text), UrlError::NoScheme, "{text}");
        }
        let long = format!("{}://h", "x".repeat(5000));
        assert_eq!(error(&long), UrlError::NoScheme, "an error is one line");
        for text in [
            "rtsp://",
            "rtsp:///cam",
            "rtsp://u:secret@/cam",
            "rtsp://a b/",
            "rtsp://[::1/",
            "rtsp://[x]/",
        ] {
            assert_eq!(error(text), UrlError::Host, "{text}");
        }
        for text in [
            "rtsp://h:0/",
            "rtsp://h:+554/",
            "rtsp://h:65536/",
            "rtsp://user:secret/w",
            "rtsp://[::1]x/",
        ] {
            assert_eq!(error(text), UrlError::Port, "{text}");
        }
        for text in ["rtsp://u:secret@/cam", "rtsp://user:secret/w", "u:secret@h://x"] {
            assert!(!format!("{0} {0:?}", error(text)).contains("secret"));
        }
    }

    #[test]
    fn no_text_panics() {
        let alphabet: Vec<char> = "rtsp://@:[]%?#/.a1\u{e4}\0".chars().collect();
        let mut seed = 1_u32;
        for _ in 0..20_000 {
            let mut text = String::from("rtsp://");
            for _ in 0..12 {
                seed = seed.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                text.push(alphabet[(seed >> 16) as usize % alphabet.len()]);
            }
            if let Ok((parsed, _)) = RtspUrl::parse(&text) {
                assert_eq!(url(parsed.as_str()).as_str(), parsed.as_str(), "{text}");
            }
            let base = url("rtsp://h/a/b");
            let _ = (
                base_url(&base, Some(&text), None),
                base.join_control(Some(&text)),
                base.to_string(),
            );
        }
    }

    /// Read with this tolerance alone and refused without it.
    fn check_tolerance(tolerance: Tolerance, text: &str, whole: &str) {
        for policy in [Policy::default(), Policy::strict().tolerate(tolerance)] {
            let mut reading = Reading::new(policy);
            let (url, _) = RtspUrl::parse_with(text, &mut reading).unwrap();
            assert_eq!(url.as_str(), whole, "{text}");
            assert_eq!(
                reading.tolerated().iter().collect::<Vec<_>>(),
                [tolerance],
                "{text}"
            );
        }
        let mut reading = Reading::new(Policy::default().refuse(tolerance));
        let error = UrlError::NotTolerated { tolerance };
        assert_eq!(RtspUrl::parse_with(text, &mut reading), Err(error), "{text}");
    }

    #[test]
    fn q54_credentials_may_be_unescaped_or_must_not() {
        for userinfo in [
            "u:p@ss",
            "u:p#ss",
            "u:p?ss",
            "u:p/ss",
            "u:100%",
            "u:%zz",
            "u:p\u{e4}ss",
        ] {
            let text = format!("rtsp://{userinfo}@h/cam");
            check_tolerance(Tolerance::UnescapedCredentials, &text, "rtsp://h/cam");
        }
        for userinfo in ["u", "u:", "u:p%40%2Fss!$&'()*+,;=:"] {
            let text = format!("rtsp://{userinfo}@h/cam");
            let read = RtspUrl::parse_with(&text, &mut Reading::new(Policy::strict()));
            assert!(read.is_ok(), "{text}");
        }
    }

    #[test]
    fn q150_an_ipv6_address_may_lack_its_form_or_must_not() {
        let tolerance = Tolerance::Ipv6Literal;
        check_tolerance(tolerance, "rtsp://fe80::1/a", "rtsp://[fe80::1]/a");
        check_tolerance(tolerance, "rtsp://fe80::1%25eth0/a", "rtsp://[fe80::1]/a");
        check_tolerance(
            tolerance,
            "rtsp://[fe80::1%eth0]:8554/a",
            "rtsp://[fe80::1]:8554/a",
        );
        let strict = |text| {
            RtspUrl::parse_with(text, &mut Reading::new(Policy::strict()))
                .unwrap()
                .0
        };
        assert_eq!(strict("rtsp://[fe80::1%25eth0]/a").host(), "fe80::1%eth0");
        assert_eq!(strict("rtsp://[2001:db8::1]:8554/a").host(), "2001:db8::1");
    }

    #[test]
    fn what_a_url_cannot_hold_may_be_escaped_or_must_not_be_there() {
        check_tolerance(Tolerance::UnescapedUrl, "rtsp://h/my cam", "rtsp://h/my%20cam");
    }
}
