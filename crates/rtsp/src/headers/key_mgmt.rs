use std::fmt;

use super::grammar::{Parts, Quoted, Value, Word, unquote, write_list};
use super::{HeaderError, KeyMaterial, Repetition, TypedHeader, name};
use crate::Reading;
use crate::url::Redacted;

/// Keys for SRTP, one entry for each protocol by which they are offered
/// ([RFC 4567 §3.2](https://www.rfc-editor.org/rfc/rfc4567#section-3.2)).
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct KeyMgmt(pub Vec<KeyMgmtEntry>);

/// The message of one protocol. `Debug` hides it, and the secrets of the URL.
#[derive(Clone, PartialEq, Eq)]
pub struct KeyMgmtEntry {
    /// Which, `mikey` for one.
    pub prot: String,
    /// What the keys are for: the URL of the stream, or of the presentation.
    pub uri: Option<String>,
    /// The message, in base64.
    pub data: KeyMaterial,
}

impl KeyMgmt {
    /// A MIKEY message in base64, not yet for any URL.
    pub fn mikey(data: impl Into<String>) -> Self {
        Self(vec![KeyMgmtEntry {
            prot: "mikey".to_owned(),
            uri: None,
            data: KeyMaterial(data.into()),
        }])
    }

    /// The first MIKEY message, in base64.
    pub fn mikey_data(&self) -> Option<&str> {
        let mut entries = self.0.iter();
        let entry = entries.find(|entry| entry.prot.eq_ignore_ascii_case("mikey"))?;
        Some(&entry.data.0)
    }
}

impl TypedHeader for KeyMgmt {
    const NAME: &'static str = name::KEY_MGMT;
    const REPETITION: Repetition = Repetition::OneList;

    /// Parameters that the RFC does not know are left out.
    fn read(value: &str, reading: &mut Reading) -> Result<Self, HeaderError> {
        let mut read = Value::new::<Self>(value, reading);
        let entries = Parts::new(value, &[','])
            .filter(|(_, part)| !part.is_empty())
            .map(|(_, part)| KeyMgmtEntry::read(part, &mut read))
            .collect::<Result<Vec<_>, _>>()?;
        if entries.is_empty() {
            return Err(read.fault("no key management protocol", value));
        }
        Ok(Self(entries))
    }
}

impl KeyMgmtEntry {
    fn read(entry: &str, value: &mut Value<'_, '_>) -> Result<Self, HeaderError> {
        let (mut prot, mut uri, mut data) = (None, None, None);
        for (_, part) in Parts::new(entry, &[';']) {
            let (name, raw) = part.split_once('=').unwrap_or((part, ""));
            let field = match name.trim().to_ascii_lowercase().as_str() {
                "prot" => &mut prot,
                "uri" => &mut uri,
                "data" => &mut data,
                _ => continue,
            };
            *field = Some(unquote(raw.trim(), value)?).filter(|text| !text.is_empty());
        }
        let Some(prot) = prot else {
            return Err(value.fault("no key management protocol", entry));
        };
        let Some(data) = data.map(KeyMaterial) else {
            return Err(value.fault("no key management data", entry));
        };
        Ok(Self { prot, uri, data })
    }
}

impl fmt::Debug for KeyMgmtEntry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("KeyMgmtEntry")
            .field("prot", &self.prot)
            .field("uri", &self.uri.as_ref().map(|uri| Redacted(uri).to_string()))
            .field("data", &self.data)
            .finish()
    }
}

impl fmt::Display for KeyMgmt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write_list(f, &self.0)
    }
}

/// Without blanks, as all peers write it.
impl fmt::Display for KeyMgmtEntry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "prot={}", Word(&self.prot))?;
        if let Some(uri) = &self.uri {
            write!(f, ";uri={}", Quoted(uri))?;
        }
        write!(f, ";data={}", Quoted(&self.data.0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Tolerance;
    use crate::headers::tests::{check, check_strict, check_tolerance};

    const MIKEY: &str = "prot=mikey;uri=\"rtsp://h/a,b;c/video\";data=\"AQAFgM0=\"";

    fn mikey() -> KeyMgmt {
        KeyMgmt(vec![entry("mikey", Some("rtsp://h/a,b;c/video"), "AQAFgM0=")])
    }

    fn entry(prot: &str, uri: Option<&str>, data: &str) -> KeyMgmtEntry {
        KeyMgmtEntry {
            prot: prot.to_owned(),
            uri: uri.map(str::to_owned),
            data: KeyMaterial(data.to_owned()),
        }
    }

    #[test]
    fn reads_each_protocol_with_its_message() {
        check(
            include_str!("../../../../fuzz/corpus/rtsp_headers/key_mgmt"),
            &[
                (MIKEY, mikey(), MIKEY),
                (
                    " PROT = mikey; uri = \"rtsp://h/a,b;c/video\" ; data=AQAFgM0= ",
                    mikey(),
                    MIKEY,
                ),
                (
                    "prot=mikey;data=\"AQ==\",prot=\"x,y\";uri=\"\";data=\"z\"; more=1",
                    KeyMgmt(vec![entry("mikey", None, "AQ=="), entry("x,y", None, "z")]),
                    "prot=mikey;data=\"AQ==\", prot=\"x,y\";data=\"z\"",
                ),
            ],
        );
        check_strict::<KeyMgmt>(&[MIKEY, "prot=mikey; uri=\"rtsp://h/\"; data=\"AQ==\""]);
        assert_eq!(mikey().mikey_data(), Some("AQAFgM0="));
        assert_eq!(KeyMgmt(vec![entry("x", None, "z")]).mikey_data(), None);
    }

    #[test]
    fn a_string_may_lack_its_end_or_must_not() {
        let expected = KeyMgmt(vec![entry("mikey", None, "AQ==")]);
        let value = "prot=mikey;data=\"AQ==";
        check_tolerance(Tolerance::UnterminatedString, 16, value, &expected);
    }

    #[test]
    fn what_holds_no_keys_is_an_error_that_says_where() {
        let cases = [
            ("", "no key management protocol at byte 0"),
            (",", "no key management protocol at byte 0"),
            ("data=\"AQ==\"", "no key management protocol at byte 0"),
            (
                "prot=mikey;data=\"AQ==\", prot=mikey",
                "no key management data at byte 24",
            ),
            (
                "prot=mikey;uri=\"u\";data=\"\"",
                "no key management data at byte 0",
            ),
        ];
        for (value, what) in cases {
            let error = value.parse::<KeyMgmt>().unwrap_err().to_string();
            assert_eq!(error, format!("KeyMgmt header: {what}"), "{value}");
        }
    }

    #[test]
    fn debug_hides_the_keys() {
        let keys = entry("mikey", Some("rtsp://u:sesame@h/?token=sesame"), "AQAFgM0=");
        let shown = format!("{keys:?} {:?}", KeyMgmt::mikey("AQAFgM0="));
        assert!(shown.contains("mikey"), "{shown}");
        assert!(!shown.contains("AQAFgM0") && !shown.contains("sesame"), "{shown}");
    }
}
