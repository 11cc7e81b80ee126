use std::fmt::{self, Write};
use std::net::Ipv6Addr;

use url::Host;

/// The address of a presentation or of one of its streams, without credentials.
///
/// Safe to print: `Display` and `Debug` also hide the value of a parameter that is named like a password, which some
/// cameras want in the path or the query; [`as_str`](Self::as_str) is the whole.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct RtspUrl {
    scheme: Scheme,
    /// For connecting: no brackets, but the zone.
    host: String,
    port: u16,
    /// For the request line: `rtsp://host:port`, with brackets and without the zone.
    origin: String,
    /// The whole, beginning with `origin`.
    text: String,
}

/// How the connection is made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Scheme {
    /// `rtsp`: plain TCP, port 554.
    Rtsp,
    /// `rtsps`: TLS, port 322.
    Rtsps,
}

impl Scheme {
    /// The port where a URL names none.
    pub fn default_port(self) -> u16 {
        match self {
            Self::Rtsp => 554,
            Self::Rtsps => 322,
        }
    }

    /// The name in a URL.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Rtsp => "rtsp",
            Self::Rtsps => "rtsps",
        }
    }

    fn from_name(name: &str) -> Result<Self, UrlError> {
        let is_scheme_byte = |c: char| c.is_ascii_alphanumeric() || matches!(c, '+' | '-' | '.');
        match name.to_ascii_lowercase().as_str() {
            "rtsp" => Ok(Self::Rtsp),
            "rtsps" => Ok(Self::Rtsps),
            "" => Err(UrlError::NoScheme),
            other if other.chars().all(is_scheme_byte) => Err(UrlError::UnsupportedScheme(other.to_owned())),
            _ => Err(UrlError::NoScheme),
        }
    }
}

/// A user name and its password.
///
/// `Debug` hides the password; there is no `Display`.
#[derive(Clone, PartialEq, Eq)]
pub struct Credentials {
    username: String,
    password: String,
}

impl Credentials {
    /// Credentials as they are, nothing percent-encoded.
    pub fn new(username: impl Into<String>, password: impl Into<String>) -> Self {
        Self {
            username: username.into(),
            password: password.into(),
        }
    }

    /// Who.
    pub fn username(&self) -> &str {
        &self.username
    }

    /// The secret: for hashing and for the wire, never for people.
    pub fn password(&self) -> &str {
        &self.password
    }

    /// The part of a URL before the `@`, `None` where it is empty.
    fn from_userinfo(userinfo: &str) -> Option<Self> {
        let (username, password) = userinfo.split_once(':').unwrap_or((userinfo, ""));
        (!userinfo.is_empty()).then(|| Self::new(percent_decode(username), percent_decode(password)))
    }
}

impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Credentials")
            .field("username", &self.username)
            .finish_non_exhaustive()
    }
}

/// A URL that does not lead to a camera. No variant holds the URL: it may carry a password.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum UrlError {
    /// There is no `rtsp://` at its beginning.
    #[error("no rtsp:// at the beginning of the url")]
    NoScheme,
    /// Another protocol's URL.
    #[error("url scheme {0} is neither rtsp nor rtsps")]
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
        let (scheme, rest) = input.trim().split_once("://").ok_or(UrlError::NoScheme)?;
        let scheme = Scheme::from_name(scheme)?;
        let before_path = rest.split('/').next().unwrap_or_default();
        match before_path.rsplit_once('@') {
            Some((userinfo, _)) => {
                let location = rest.get(userinfo.len() + 1..).unwrap_or_default();
                Ok((Self::at(scheme, location)?, Credentials::from_userinfo(userinfo)))
            }
            None => match (Self::at(scheme, rest), rest.rsplit_once('@')) {
                (Err(_), Some((userinfo, location))) => {
                    Ok((Self::at(scheme, location)?, Credentials::from_userinfo(userinfo)))
                }
                (parsed, _) => Ok((parsed?, None)),
            },
        }
    }

    /// `location` is host, port, path and query.
    fn at(scheme: Scheme, location: &str) -> Result<Self, UrlError> {
        let (authority, path) = split_authority(location);
        let (host, zone, port) = split_port(authority)?;
        let is_ipv6 = authority.starts_with('[') || host.contains(':');
        let parsed = if is_ipv6 {
            Host::parse(&format!("[{host}]"))
        } else {
            Host::parse(host)
        };
        let parsed = parsed.map_err(|_| UrlError::Host)?;
        let origin = match port {
            Some(port) => format!("{}://{parsed}:{port}", scheme.as_str()),
            None => format!("{}://{parsed}", scheme.as_str()),
        };
        let host = match parsed {
            Host::Ipv6(address) => format!("{address}{zone}"),
            other => other.to_string(),
        };
        let port = port.unwrap_or(scheme.default_port());
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
    fn with_path(&self, path: &str) -> Self {
        let mut text = self.origin.clone();
        let path = path.split('#').next().unwrap_or_default();
        for c in path.chars() {
            if c.is_ascii_graphic() && !matches!(c, '"' | '<' | '>') {
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

    /// As it goes on the request line: all but credentials.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// Plain or TLS.
    pub fn scheme(&self) -> Scheme {
        self.scheme
    }

    /// Where to connect: a name or an address, an IPv6 one without brackets and with its zone.
    pub fn host(&self) -> &str {
        &self.host
    }

    /// Where to connect, the scheme's default where the URL has none.
    pub fn port(&self) -> u16 {
        self.port
    }

    fn path(&self) -> &str {
        self.text.strip_prefix(&self.origin).unwrap_or_default()
    }

    /// The URL of a stream, or of the whole presentation, from the `control` attribute of its description; `self` is the
    /// [base URL](base_url).
    ///
    /// - None, an empty one and `*` are the base itself ([RFC 2326 §C.1.1](https://www.rfc-editor.org/rfc/rfc2326#appendix-C.1.1)).
    /// - An absolute URL counts with its path only: its host is often one that is reached from inside (Q4).
    /// - Everything else is put behind the base as text, behind its query as well (Q132), with a `/` between unless there is one
    ///   or a `?` follows (Q5). That is not what RFC 3986 says, but what cameras are built for.
    #[must_use]
    pub fn join_control(&self, control: Option<&str>) -> Self {
        let control = control.unwrap_or_default().trim();
        if matches!(control, "" | "*") {
            return self.clone();
        }
        if let Some(location) = strip_schemes(control) {
            return self.with_path(split_authority(location).1);
        }
        let base = self.path();
        let separator = if base.ends_with('/') || control.starts_with(['/', '?']) {
            ""
        } else {
            "/"
        };
        self.with_path(&format!("{base}{separator}{control}"))
    }

    /// Where a redirect leads: `location` is an absolute URL, or a path at the same server. Its credentials are dropped.
    ///
    /// Fails like [`parse`](Self::parse).
    pub fn join_location(&self, location: &str) -> Result<Self, UrlError> {
        let location = location.trim();
        if location.starts_with('/') {
            Ok(self.with_path(location))
        } else {
            Ok(Self::parse(location)?.0)
        }
    }
}

/// The URL that the `control` attributes of the answer to DESCRIBE count from: Content-Base, else Content-Location, else the
/// URL of the request ([RFC 2326 §C.1.1](https://www.rfc-editor.org/rfc/rfc2326#appendix-C.1.1)).
///
/// Always at the request's own scheme, host and port: cameras name hosts that only they know (Q4, Q132). So a header without a
/// scheme (Q1), with two, or with an IPv6 address that is none (Q2) does no harm; one that is a path (Q3) is a path at that
/// server, and one that does not begin with `/` counts from the directory of the request.
pub fn base_url(request: &RtspUrl, content_base: Option<&str>, content_location: Option<&str>) -> RtspUrl {
    let given = [content_base, content_location]
        .into_iter()
        .flatten()
        .map(str::trim)
        .find(|text| !text.is_empty());
    let Some(given) = given else {
        return request.clone();
    };
    if let Some(location) = strip_schemes(given) {
        return request.with_path(split_authority(location).1);
    }
    let (authority, path) = split_authority(given);
    let is_host = authority.is_empty()
        || split_port(authority).is_ok_and(|(host, _, port)| {
            port.is_some() || host == request.host || matches!(Host::parse(host), Ok(Host::Ipv4(_)))
        });
    if is_host {
        return request.with_path(path);
    }
    let path = request.path();
    let (directory, _) = path
        .split('?')
        .next()
        .and_then(|path| path.rsplit_once('/'))
        .unwrap_or_default();
    request.with_path(&format!("{directory}/{given}"))
}

/// What follows `rtsp://`, be it there once or more often (Q2); `None` where it is not.
fn strip_schemes(text: &str) -> Option<&str> {
    let mut rest = text;
    while let Some((scheme, after)) = rest.split_once("://") {
        if Scheme::from_name(scheme) == Err(UrlError::NoScheme) {
            break;
        }
        rest = after;
    }
    (rest.len() < text.len()).then_some(rest)
}

/// Host and port, path and query.
fn split_authority(location: &str) -> (&str, &str) {
    location.split_at(location.find(['/', '?', '#']).unwrap_or(location.len()))
}

/// Host without brackets, zone with its `%` (Q150), port.
fn split_port(authority: &str) -> Result<(&str, String, Option<u16>), UrlError> {
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
            digits
                .parse()
                .ok()
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

/// A `%` that begins no escape is itself (Q54), and so is all of what does not decode to UTF-8.
pub(crate) fn percent_decode(text: &str) -> String {
    let mut decoded = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((&first, after)) = rest.split_first() {
        let escape = if first == b'%' {
            after.split_first_chunk()
        } else {
            None
        };
        let escaped =
            escape.and_then(|(&[high, low], after)| Some((hex_digit(high)? << 4 | hex_digit(low)?, after)));
        let (byte, after) = escaped.unwrap_or((first, after));
        decoded.push(byte);
        rest = after;
    }
    String::from_utf8(decoded).unwrap_or_else(|_| text.to_owned())
}

fn hex_digit(digit: u8) -> Option<u8> {
    char::from(digit)
        .to_digit(16)
        .and_then(|value| value.try_into().ok())
}

/// Parameters whose value is a secret, as cameras name them in path or query.
const SECRET_PARAMETERS: [&str; 8] = [
    "password=",
    "passwd=",
    "pwd=",
    "psw=",
    "pass=",
    "pas=",
    "token=",
    "auth=",
];

impl fmt::Display for RtspUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        Redacted(&self.text).fmt(f)
    }
}

impl fmt::Debug for RtspUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "RtspUrl({self})")
    }
}

/// A URL for people: without credentials, and without the values of parameters that are named like secrets.
pub(crate) struct Redacted<'a>(pub(crate) &'a str);

impl fmt::Display for Redacted<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const ENDS: [char; 4] = ['/', '?', '&', ';'];
        for part in self.0.split_inclusive(ENDS) {
            let shown = match part.rsplit_once('@') {
                Some((_, host)) => host,
                None => part,
            };
            if shown.len() < part.len() {
                f.write_str("***@")?;
            }
            let lower = shown.to_ascii_lowercase();
            let secret = SECRET_PARAMETERS
                .iter()
                .filter_map(|name| lower.find(name).map(|at| at + name.len()))
                .min();
            match secret.and_then(|secret| shown.split_at_checked(secret)) {
                Some((name, value)) => {
                    let end = value.trim_start_matches(|c| !ENDS.contains(&c));
                    write!(f, "{name}***{end}")?;
                }
                None => f.write_str(shown)?,
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn url(text: &str) -> RtspUrl {
        RtspUrl::parse(text).unwrap().0
    }

    #[test]
    fn credentials_leave_the_url_decoded_and_special_characters_may_stand_in_them() {
        // Q54
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
    fn an_ipv6_address_needs_no_brackets_and_its_zone_stays_off_the_request_line() {
        // Q150
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
    fn printing_leaves_secrets_out() {
        let cases = [
            (
                "rtsp://u:secret@h/cam?a=b&Password=secret&c=d",
                "rtsp://h/cam?a=b&Password=***&c=d",
            ),
            (
                "rtsp://h/user=admin_password=secret_channel=1_stream=0.sdp",
                "rtsp://h/user=admin_password=***",
            ),
            ("rtsp://h/?token=secret", "rtsp://h/?token=***"),
            ("rtsp://h/?loginpas=secret", "rtsp://h/?loginpas=***"),
            ("rtsp://h/pass/b", "rtsp://h/pass/b"),
        ];
        for (text, shown) in cases {
            assert_eq!(url(text).to_string(), shown);
            assert_eq!(format!("{:?}", url(text)), format!("RtspUrl({shown})"));
        }
        assert_eq!(
            format!("{:?}", Credentials::new("u", "secret")),
            "Credentials { username: \"u\", .. }"
        );
    }

    #[test]
    fn the_base_url_is_where_the_headers_say_at_the_host_that_was_asked() {
        let request = url("rtsp://198.51.100.7:8554/dir/cam?x=1");
        let cases = [
            (None, None, "/dir/cam?x=1"),
            (Some(""), Some(" "), "/dir/cam?x=1"),
            (
                Some("rtsp://198.51.100.7:8554/cam/"),
                Some("rtsp://h/other"),
                "/cam/",
            ),
            (None, Some("rtsp://198.51.100.7:8554/cam/"), "/cam/"),
            // Q1
            (Some("198.51.100.7/cam/"), None, "/cam/"),
            (Some("192.0.2.10:554/cam/"), None, "/cam/"),
            (Some("camera:554/cam/"), None, "/cam/"),
            // Q2
            (Some("rtsp://rtsp://192.0.2.10/cam/"), None, "/cam/"),
            (Some("rtsp://::ffff:192.0.2.10:554/cam/"), None, "/cam/"),
            // Q3
            (Some("/"), None, "/"),
            (Some("/cam/"), None, "/cam/"),
            (Some("cam2/"), None, "/dir/cam2/"),
            // Q4, Q132
            (
                Some("rtsp://u:secret@camera.internal:554/cam?x=1/"),
                None,
                "/cam?x=1/",
            ),
            (Some("rtsp://camera.internal"), None, ""),
        ];
        for (content_base, content_location, path) in cases {
            let base = base_url(&request, content_base, content_location);
            assert_eq!(
                base.as_str(),
                format!("rtsp://198.51.100.7:8554{path}"),
                "{content_base:?}"
            );
        }
    }

    #[test]
    fn a_control_attribute_is_joined_as_cameras_expect() {
        let cases = [
            ("/cam", None, "/cam"),
            ("/cam/", Some("*"), "/cam/"),
            ("/cam", Some(" "), "/cam"),
            ("/cam", Some("trackID=1"), "/cam/trackID=1"),
            ("/cam/", Some("trackID=1"), "/cam/trackID=1"),
            ("", Some("trackID=1"), "/trackID=1"),
            // Q5
            ("/cam", Some("/trackID=1"), "/cam/trackID=1"),
            ("/cam", Some("?ctype=video"), "/cam?ctype=video"),
            // Q132
            ("/cam?x=1/", Some("trackID=1"), "/cam?x=1/trackID=1"),
            ("/cam?x=1", Some("trackID=1"), "/cam?x=1/trackID=1"),
            // Q4
            (
                "/cam",
                Some("rtsp://u:secret@10.0.0.1:554/cam/trackID=1"),
                "/cam/trackID=1",
            ),
            ("/cam", Some("RTSP://10.0.0.1/x?y"), "/x?y"),
            ("/cam", Some("track?at=rtsp://h/x"), "/cam/track?at=rtsp://h/x"),
        ];
        for (base, control, path) in cases {
            let base = url(&format!("rtsp://198.51.100.7:8554{base}"));
            assert_eq!(
                base.join_control(control).as_str(),
                format!("rtsp://198.51.100.7:8554{path}"),
                "{control:?}"
            );
        }
    }

    #[test]
    fn a_redirect_leads_to_its_own_host_and_brings_no_credentials() {
        // Q101
        let url = url("rtsp://h:8554/cam");
        let location = |text| url.join_location(text).map(|url| url.as_str().to_owned());
        assert_eq!(
            location("rtsp://u:p@other:554/x"),
            Ok("rtsp://other:554/x".to_owned())
        );
        assert_eq!(location("/x"), Ok("rtsp://h:8554/x".to_owned()));
        assert_eq!(
            location("https://other/x"),
            Err(UrlError::UnsupportedScheme("https".to_owned()))
        );
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
}
