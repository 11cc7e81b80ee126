use throughline_rtsp::{Credentials, Policy, Reading, RtspUrl, base_url, base_url_with};

/// A password that no input holds by chance, and that no escape before it can reach into.
const SECRET: &str = "hunterTwo";

/// A URL reads the same again, stays at its server and fit for a request line whatever is joined to it, and shows no
/// password. The lines of the input are: the URL; what is joined to it; what stands behind and before a password.
pub fn rtsp_url(data: &[u8]) {
    let data = String::from_utf8_lossy(data);
    let mut lines = data.split('\n');
    let mut line = || lines.next().unwrap_or_default();
    let (url, control, behind, before) = (line(), line(), line(), line());
    if let Ok((url, _)) = RtspUrl::parse(url) {
        check(&url);
        join(&url, control);
    }
    if !data.contains(SECRET) {
        let plain = format!("rtsp://viewer:{SECRET}{behind}");
        if let Ok((_, credentials)) = RtspUrl::parse(&plain) {
            let password = credentials.as_ref().map_or("", Credentials::password);
            assert!(password.starts_with(SECRET), "{plain}");
        }
        hide(&plain);
        hide(&format!("rtsp://viewer:{before}{SECRET}@192.0.2.1/{behind}"));
    }
}

fn check(url: &RtspUrl) {
    is_fit(url);
    let text = url.as_str();
    let again = RtspUrl::parse(text).map(|(again, credentials)| (again.as_str().to_owned(), credentials));
    assert_eq!(again, Ok((text.to_owned(), None)));
    // A tunnel is never in a request.
    assert!(
        text.starts_with("rtsp://") || text.starts_with("rtsps://"),
        "{text}"
    );
    assert!(url.to_string().starts_with(url.scheme().as_str()));
}

fn is_fit(url: &RtspUrl) {
    let text = url.as_str();
    assert!(text.bytes().all(|byte| byte.is_ascii_graphic()), "{text}");
    assert!(!url.host().is_empty() && url.port() > 0, "{text}");
}

fn join(url: &RtspUrl, control: &str) {
    let server = (url.scheme(), url.host(), url.port());
    for joined in [
        url.join_control(Some(control)),
        base_url(url, Some(control), None),
        base_url(url, None, Some(control)).join_control(Some(control)),
    ] {
        is_fit(&joined);
        assert_eq!(
            (joined.scheme(), joined.host(), joined.port()),
            server,
            "{control}"
        );
    }
    if let Ok(moved) = url.join_location(control) {
        check(&moved);
    }
    let mut strict = Reading::new(Policy::strict());
    is_fit(&url.join_control_with(Some(control), &mut strict));
    is_fit(&base_url_with(url, Some(control), Some(control), &mut strict));
    assert!(strict.tolerated().is_empty());
}

/// A URL with [`SECRET`] in its password, as a person or a camera may write it, is shown without.
fn hide(text: &str) {
    let conceals = |shown: String| assert!(!shown.contains(SECRET), "{text:?} is shown as {shown:?}");
    match RtspUrl::parse(text) {
        Ok((url, credentials)) => {
            let joined = [url.join_control(Some(text)), base_url(&url, Some(text), None)];
            conceals(format!("{url} {url:?} {credentials:?} {joined:?}"));
        }
        Err(error) => conceals(format!("{error} {error:?}")),
    }
}
