use std::fmt;

use super::grammar::Value;
use super::{HeaderError, TypedHeader, name};
use crate::Reading;
use crate::url::Redacted;

/// Where the body is at home ([RFC 2326 §12.14](https://www.rfc-editor.org/rfc/rfc2326#section-12.14)).
///
/// The text as it stands: cameras write all kinds of things here, and [`base_url`](crate::base_url) makes sense of them.
/// `Debug` leaves the secrets out.
#[derive(Clone, PartialEq, Eq)]
pub struct ContentLocation(pub String);

impl TypedHeader for ContentLocation {
    const NAME: &'static str = name::CONTENT_LOCATION;

    fn read(value: &str, reading: &mut Reading) -> Result<Self, HeaderError> {
        let url = value.trim();
        if url.is_empty() {
            return Err(Value::new::<Self>(value, reading).fault("no url", url));
        }
        Ok(Self(url.to_owned()))
    }
}

impl fmt::Display for ContentLocation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for ContentLocation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ContentLocation({})", Redacted(&self.0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::headers::tests::check;

    #[test]
    fn is_the_text_without_the_blanks_around_it() {
        check(
            include_str!("../../../../fuzz/corpus/rtsp_headers/content-location"),
            &[
                (
                    " rtsp://192.0.2.10/cam/ ",
                    ContentLocation("rtsp://192.0.2.10/cam/".to_owned()),
                    "rtsp://192.0.2.10/cam/",
                ),
                ("/", ContentLocation("/".to_owned()), "/"),
            ],
        );
        assert!(" ".parse::<ContentLocation>().is_err());
    }

    #[test]
    fn debug_leaves_the_password_out() {
        let url = ContentLocation("rtsp://viewer:secret@192.0.2.10/cam".to_owned());
        assert!(!format!("{url:?}").contains("secret"), "{url:?}");
    }
}
