use std::fmt;

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

/// A URL for people: without credentials, and without the values of parameters that are named like secrets.
pub(crate) struct Redacted<'a>(pub(crate) &'a str);

impl fmt::Display for Redacted<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const ENDS: [char; 4] = ['/', '?', '&', ';'];
        let (before, rest) = split_userinfo(self.0);
        f.write_str(before)?;
        for part in rest.split_inclusive(ENDS) {
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

/// Takes out what stands between `://` and the last `@` before the path, which may hold the characters that end a part.
fn split_userinfo(text: &str) -> (&str, &str) {
    let start = text.find("://").map_or(0, |at| at + 3);
    let (before, rest) = text.split_at(start);
    let authority = rest.split(['/', ' ']).next().unwrap_or_default();
    let host = authority.rfind('@').filter(|_| start > 0).unwrap_or_default();
    (before, rest.get(host..).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Credentials, RtspUrl};

    fn url(text: &str) -> RtspUrl {
        RtspUrl::parse(text).unwrap().0
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
            ("rtsp://h/cam@2", "rtsp://h/***@2"),
        ];
        for (text, shown) in cases {
            assert_eq!(url(text).to_string(), shown);
            assert_eq!(format!("{:?}", url(text)), format!("RtspUrl({shown})"));
        }
        for text in ["rtsp://u:secret;a&b?c@h/cam", "Found rtsp://u:a?secret@h/cam"] {
            let shown = Redacted(text).to_string();
            assert!(shown.ends_with("rtsp://***@h/cam"), "{shown}");
        }
        assert_eq!(
            format!("{:?}", Credentials::new("u", "secret")),
            "Credentials { username: \"u\", .. }"
        );
    }
}
