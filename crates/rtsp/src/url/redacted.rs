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
}
