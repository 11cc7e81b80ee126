use std::net::Ipv6Addr;

use super::authority::{split_authority, split_port};
use super::{RtspUrl, Scheme, UrlError};
use crate::{Reading, Tolerance};
use url::Host;

impl RtspUrl {
    /// The URL of a stream, or of the whole presentation, from the `control` attribute of its description; `self` is the
    /// [base URL](base_url).
    ///
    /// - None (Q6), an empty one and `*` are the base itself
    ///   ([RFC 2326 §C.1.1](https://www.rfc-editor.org/rfc/rfc2326#appendix-C.1.1)).
    /// - An absolute URL counts with its path only: its host is often one that is reached from inside (Q4).
    /// - Everything else is put behind the base as text, behind its query as well (Q132), with a `/` between unless there is one
    ///   or a `?` follows (Q5). That is not what RFC 3986 says, but what cameras are built for.
    #[must_use]
    pub fn join_control(&self, control: Option<&str>) -> Self {
        self.join_control_with(control, &mut Reading::default())
    }

    /// [`join_control`](Self::join_control) under a policy: with [`Tolerance::TextualControl`] refused, by RFC 3986.
    #[must_use]
    pub fn join_control_with(&self, control: Option<&str>, reading: &mut Reading) -> Self {
        let control = control.unwrap_or_default().trim();
        if matches!(control, "" | "*") {
            return self.clone();
        }
        if let Some(location) = strip_schemes(control) {
            return self
                .join_absolute(control, location, reading)
                .unwrap_or_else(|| self.clone());
        }
        let base = self.path();
        let separator = if base.ends_with('/') || control.starts_with(['/', '?']) {
            ""
        } else {
            "/"
        };
        let textual = self.with_path(&format!("{base}{separator}{control}"));
        match self.resolve(control) {
            Some(resolved) if resolved != textual && !reading.tolerates(Tolerance::TextualControl) => {
                resolved
            }
            _ => textual,
        }
    }

    /// Where a redirect leads: `location` is an absolute URL, or a path at the same server. Its credentials are dropped.
    ///
    /// A server does not know by which tunnel it was reached: one that names itself is meant to be reached through the same
    /// again. To any other place the way is as the URL says.
    ///
    /// Fails like [`parse`](Self::parse).
    pub fn join_location(&self, location: &str) -> Result<Self, UrlError> {
        let location = location.trim();
        if location.starts_with('/') {
            return Ok(self.with_path(location));
        }
        let (mut url, _) = Self::parse(location)?;
        if url.is_at(self) {
            return Ok(self.with_path(url.path()));
        }
        // No server knows by which interface of ours it is reached (Q150).
        let is_link_local = |host: &str| {
            host.parse()
                .is_ok_and(|host: Ipv6Addr| host.is_unicast_link_local())
        };
        if let Some((_, zone)) = self.host.split_once('%').filter(|_| is_link_local(&url.host)) {
            url.host = format!("{}%{zone}", url.host);
        }
        Ok(url)
    }

    /// An absolute URL at this server, or where it leads with [`Tolerance::OtherServer`] refused; `None` for one that cannot
    /// be read where that is not tolerated. `location` is what stands behind its schemes.
    fn join_absolute(&self, given: &str, location: &str, reading: &mut Reading) -> Option<Self> {
        let mut leniency = Reading::default();
        let url = Self::parse_with(given, &mut leniency).ok().map(|(url, _)| url);
        let is_whole = given.len() - location.len() == given.find("://").map_or(0, |at| at + 3)
            && !leniency.tolerated().contains(Tolerance::Ipv6Literal);
        match url.filter(|_| is_whole) {
            Some(url) if url.is_at(self) || reading.tolerates(Tolerance::OtherServer) => {
                Some(self.with_path(url.path()))
            }
            Some(url) => Some(url),
            None => {
                let (_, path) = split_authority(location);
                reading
                    .tolerates(Tolerance::BrokenAuthority)
                    .then(|| self.with_path(path))
            }
        }
    }

    /// Whether it names this server: by its URL, or as the server knows itself from request lines, which tell neither the
    /// tunnel nor the zone (Q150).
    fn is_at(&self, server: &Self) -> bool {
        fn address(url: &RtspUrl) -> Option<&str> {
            url.host.split('%').next()
        }
        let port = server.port.unwrap_or(self.scheme.default_port());
        [server.scheme, server.scheme.in_requests()].contains(&self.scheme)
            && address(self) == address(server)
            && self.port() == port
    }

    /// [RFC 3986 §5.2](https://www.rfc-editor.org/rfc/rfc3986#section-5.2), at this server.
    fn resolve(&self, reference: &str) -> Option<Self> {
        let resolved = url::Url::parse(&self.text).ok()?.join(reference).ok()?;
        let query = resolved.query().map(|query| format!("?{query}"));
        Some(self.with_path(&format!("{}{}", resolved.path(), query.unwrap_or_default())))
    }
}

/// The URL that the `control` attributes of the answer to DESCRIBE count from: Content-Base, else Content-Location, else the
/// URL of the request ([RFC 2326 §C.1.1](https://www.rfc-editor.org/rfc/rfc2326#appendix-C.1.1)).
///
/// Always at the request's own scheme, host and port: cameras name hosts that only they know (Q4, Q132). So a header without a
/// scheme (Q1), with two, or with an IPv6 address that is none (Q2) does no harm; one that is a path (Q3) is a path at that
/// server, and one that does not begin with `/` counts from the directory of the request.
pub fn base_url(request: &RtspUrl, content_base: Option<&str>, content_location: Option<&str>) -> RtspUrl {
    base_url_with(request, content_base, content_location, &mut Reading::default())
}

/// [`base_url`] under a policy. A header that bends what is refused is passed over.
pub fn base_url_with(
    request: &RtspUrl,
    content_base: Option<&str>,
    content_location: Option<&str>,
    reading: &mut Reading,
) -> RtspUrl {
    // Only Content-Location may be relative.
    [
        (content_base, Some(Tolerance::RelativeBase)),
        (content_location, None),
    ]
    .into_iter()
    .filter_map(|(text, relative)| Some((text?.trim(), relative)))
    .filter(|(text, _)| !text.is_empty())
    .find_map(|(text, relative)| read_base(request, text, relative, reading))
    .unwrap_or_else(|| request.clone())
}

fn read_base(
    request: &RtspUrl,
    given: &str,
    relative: Option<Tolerance>,
    reading: &mut Reading,
) -> Option<RtspUrl> {
    if let Some(location) = strip_schemes(given) {
        return request.join_absolute(given, location, reading);
    }
    let (authority, path) = split_authority(given);
    let is_host = split_port(authority).is_ok_and(|(host, _, port)| {
        port.is_some() || host == request.host || matches!(Host::parse(host), Ok(Host::Ipv4(_)))
    });
    if is_host {
        let is_tolerated = reading.tolerates(Tolerance::MissingScheme);
        return is_tolerated.then(|| request.with_path(path));
    }
    if relative.is_some_and(|tolerance| !reading.tolerates(tolerance)) {
        return None;
    }
    if authority.is_empty() {
        return Some(request.with_path(given));
    }
    let (directory, _) = request
        .path()
        .split('?')
        .next()
        .and_then(|path| path.rsplit_once('/'))
        .unwrap_or_default();
    Some(request.with_path(&format!("{directory}/{given}")))
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Policy;

    fn url(text: &str) -> RtspUrl {
        RtspUrl::parse(text).unwrap().0
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
    fn a_server_that_names_itself_is_reached_by_the_same_way() {
        let cases = [
            ("rtsp+http://h/cam", "rtsp://h/x", "rtsp+http://h/x", 80),
            ("rtsp+http://h/cam", "rtsp://h:554/x", "rtsp+http://h/x", 80),
            (
                "rtsp+http://h:8080/cam",
                "rtsp://h:8080/x",
                "rtsp+http://h:8080/x",
                8080,
            ),
            ("rtsp+wss://h/cam", "rtsps://h/x", "rtsp+wss://h/x", 443),
            ("rtsp+wss://h/cam", "/x", "rtsp+wss://h/x", 443),
            // Other places, by the way that the URL says.
            ("rtsp+http://h:8080/cam", "rtsp://h/x", "rtsp://h/x", 554),
            ("rtsp+http://h/cam", "rtsp://other/x", "rtsp://other/x", 554),
            ("rtsp+https://h/cam", "rtsp://h/x", "rtsp://h/x", 554),
            ("rtsp://h/cam", "rtsp+ws://h/x", "rtsp+ws://h/x", 80),
        ];
        for (own, location, place, port) in cases {
            let moved = url(own).join_location(location).unwrap();
            assert_eq!(
                (moved.to_string().as_str(), moved.port()),
                (place, port),
                "{own} {location}"
            );
        }
    }

    #[test]
    fn q150_a_redirect_to_a_link_local_address_stays_on_its_interface() {
        let own = url("rtsp://[fe80::1%25eth0]:8554/cam");
        let host = |location| own.join_location(location).unwrap().host().to_owned();
        assert_eq!(host("rtsp://[fe80::1]:8554/x"), "fe80::1%eth0");
        assert_eq!(host("rtsp://[fe80::2]/x"), "fe80::2%eth0");
        assert_eq!(host("rtsp://[fe80::2%25eth1]/x"), "fe80::2%eth1");
        assert_eq!(host("rtsp://[2001:db8::1]/x"), "2001:db8::1");
    }

    #[test]
    fn through_a_tunnel_a_server_speaks_of_itself_without_it() {
        let request = url("rtsp+https://[fe80::1%25eth0]/dir/cam");
        let mut strict = Reading::new(Policy::strict());
        for content_base in ["rtsps://[fe80::1]/dir/cam/", "rtsps://[fe80::1]:322/dir/cam/"] {
            let base = base_url_with(&request, Some(content_base), None, &mut strict);
            assert_eq!(base.to_string(), "rtsp+https://[fe80::1]/dir/cam/");
            let track = base.join_control_with(Some("rtsps://[fe80::1]/dir/cam/video"), &mut strict);
            assert_eq!(track.as_str(), "rtsps://[fe80::1]/dir/cam/video");
            assert_eq!(
                (track.scheme(), track.host()),
                (Scheme::RtspHttps, "fe80::1%eth0")
            );
        }
        assert!(strict.tolerated().is_empty());
    }

    const REQUEST: &str = "rtsp://198.51.100.7:8554/dir/cam";

    /// The base URL with this tolerance alone, and without it.
    fn check_base(tolerance: Tolerance, content_base: &str, path: &str, refused: &str) {
        let base = |policy| {
            let mut reading = Reading::new(policy);
            let base = base_url_with(&url(REQUEST), Some(content_base), None, &mut reading);
            (
                base.as_str().to_owned(),
                reading.tolerated().iter().collect::<Vec<_>>(),
            )
        };
        let tolerated = (format!("rtsp://198.51.100.7:8554{path}"), vec![tolerance]);
        assert_eq!(base(Policy::default()), tolerated);
        assert_eq!(base(Policy::strict().tolerate(tolerance)), tolerated);
        assert_eq!(
            base(Policy::default().refuse(tolerance)),
            (refused.to_owned(), vec![])
        );
    }

    #[test]
    fn q1_a_content_base_may_lack_its_scheme() {
        check_base(Tolerance::MissingScheme, "198.51.100.7/cam/", "/cam/", REQUEST);
        check_base(Tolerance::MissingScheme, "camera:554/cam/", "/cam/", REQUEST);
    }

    #[test]
    fn q2_a_content_base_may_have_two_schemes_or_a_bare_ipv6_address() {
        let tolerance = Tolerance::BrokenAuthority;
        check_base(tolerance, "rtsp://rtsp://192.0.2.10/cam/", "/cam/", REQUEST);
        check_base(tolerance, "rtsp://::ffff:192.0.2.10:554/cam/", "/cam/", REQUEST);
        check_base(tolerance, "http://198.51.100.7/cam/", "/cam/", REQUEST);
    }

    #[test]
    fn q3_a_content_base_may_be_a_path() {
        check_base(Tolerance::RelativeBase, "/", "/", REQUEST);
        check_base(Tolerance::RelativeBase, "cam2/", "/dir/cam2/", REQUEST);
        // Content-Location may by the RFC.
        let mut strict = Reading::new(Policy::strict());
        let base = base_url_with(&url(REQUEST), None, Some("cam2/"), &mut strict);
        assert_eq!(base.as_str(), "rtsp://198.51.100.7:8554/dir/cam2/");
    }

    #[test]
    fn q4_a_content_base_may_name_another_server() {
        let other = "rtsp://camera.internal:554/cam/";
        check_base(Tolerance::OtherServer, other, "/cam/", other);
        let mut strict = Reading::new(Policy::strict());
        let same = "rtsp://198.51.100.7:8554/cam/";
        assert_eq!(
            base_url_with(&url(REQUEST), Some(same), None, &mut strict).as_str(),
            same
        );
    }

    /// The URL of a stream at this base with this tolerance alone, and without it.
    fn check_control(tolerance: Tolerance, base: &str, control: &str, joined: &str, refused: &str) {
        let join = |policy| {
            let mut reading = Reading::new(policy);
            let joined = url(base).join_control_with(Some(control), &mut reading);
            (
                joined.as_str().to_owned(),
                reading.tolerated().iter().collect::<Vec<_>>(),
            )
        };
        let tolerated = (joined.to_owned(), vec![tolerance]);
        assert_eq!(join(Policy::default()), tolerated);
        assert_eq!(join(Policy::strict().tolerate(tolerance)), tolerated);
        assert_eq!(
            join(Policy::default().refuse(tolerance)),
            (refused.to_owned(), vec![])
        );
    }

    #[test]
    fn q5_a_control_attribute_is_put_behind_the_base_as_text() {
        let tolerance = Tolerance::TextualControl;
        check_control(
            tolerance,
            "rtsp://h/cam",
            "trackID=1",
            "rtsp://h/cam/trackID=1",
            "rtsp://h/trackID=1",
        );
        check_control(
            tolerance,
            "rtsp://h/a/b/",
            "/trackID=1",
            "rtsp://h/a/b//trackID=1",
            "rtsp://h/trackID=1",
        );
        check_control(
            tolerance,
            "rtsp://h/a?x=1",
            "?y=2",
            "rtsp://h/a?x=1?y=2",
            "rtsp://h/a?y=2",
        );
        // Where RFC 3986 says the same, nothing is bent.
        let mut strict = Reading::new(Policy::strict());
        for (base, control, joined) in [
            ("rtsp://h/cam/", "trackID=1", "rtsp://h/cam/trackID=1"),
            ("rtsp://h/cam", "?ctype=video", "rtsp://h/cam?ctype=video"),
            ("rtsp://h/cam/", "*", "rtsp://h/cam/"),
        ] {
            assert_eq!(
                url(base).join_control_with(Some(control), &mut strict).as_str(),
                joined
            );
        }
    }

    #[test]
    fn q6_a_stream_without_control_attribute_is_the_base() {
        let mut strict = Reading::new(Policy::strict());
        assert_eq!(url(REQUEST).join_control_with(None, &mut strict), url(REQUEST));
    }

    #[test]
    fn q132_a_control_attribute_is_put_behind_the_query_of_another_servers_base() {
        let other = "rtsp://cam.dyn.example:9554/cam?x=1/";
        check_base(Tolerance::OtherServer, other, "/cam?x=1/", other);
        let base = "rtsp://198.51.100.7:8554/cam?x=1/";
        check_control(
            Tolerance::TextualControl,
            base,
            "trackID=1",
            "rtsp://198.51.100.7:8554/cam?x=1/trackID=1",
            "rtsp://198.51.100.7:8554/trackID=1",
        );
    }

    #[test]
    fn an_absolute_control_attribute_counts_with_its_path() {
        let other = "rtsp://10.0.0.1/cam/trackID=1";
        check_control(
            Tolerance::OtherServer,
            REQUEST,
            other,
            "rtsp://198.51.100.7:8554/cam/trackID=1",
            other,
        );
        let broken = "rtsp://rtsp://10.0.0.1/cam/trackID=1";
        let joined = "rtsp://198.51.100.7:8554/cam/trackID=1";
        check_control(Tolerance::BrokenAuthority, REQUEST, broken, joined, REQUEST);
    }
}
