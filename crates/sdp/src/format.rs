//! Formats of a media description: what `a=rtpmap`, `a=fmtp` and the static table say of a payload type.

/// [RFC 3550 §5.1](https://www.rfc-editor.org/rfc/rfc3550#section-5.1): the payload type has seven bits.
pub(crate) const MAX_PAYLOAD_TYPE: u8 = 127;

/// The clock of every video encoding of [RFC 3551 §5](https://www.rfc-editor.org/rfc/rfc3551#section-5), in hertz.
pub(crate) const VIDEO_CLOCK_RATE: u32 = 90_000;

/// One format of a media description: a payload type and what is known of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Format<'a> {
    /// 0 to 127. Means nothing outside its media description: two may use the same number (Q127).
    pub payload_type: u8,
    /// The encoding name from `a=rtpmap`, else from the static table of
    /// [RFC 3551 §6](https://www.rfc-editor.org/rfc/rfc3551#section-6) (Q64), else empty. Case means nothing.
    pub encoding: &'a str,
    /// RTP timestamp units a second. Where an rtpmap has none or 0 (Q65): the static table's, 90 000 for video,
    /// otherwise 0.
    pub clock_rate: u32,
    /// Audio channels, where they are stated.
    pub channels: Option<u8>,
    /// The parameters, where there are any.
    pub fmtp: Option<Fmtp<'a>>,
}

impl Format<'_> {
    /// Whether this is [RFC 6184](https://www.rfc-editor.org/rfc/rfc6184)'s H.264.
    pub fn is_h264(&self) -> bool {
        self.encoding.eq_ignore_ascii_case("H264")
    }

    /// Whose parameters an H.264 or H.265 format has, `"H264"` or `"H265"`, by their names in
    /// [RFC 6184 §8.1](https://www.rfc-editor.org/rfc/rfc6184#section-8.1) and
    /// [RFC 7798 §7.1](https://www.rfc-editor.org/rfc/rfc7798#section-7.1). Where it is not
    /// [`encoding`](Self::encoding), one of the two lies (Q128). `None` for other encodings, and where no name tells.
    pub fn fmtp_encoding(&self) -> Option<&'static str> {
        const H264: [&str; 3] = ["sprop-parameter-sets", "packetization-mode", "profile-level-id"];
        const H265: [&str; 3] = ["sprop-vps", "sprop-sps", "sprop-pps"];
        let fmtp = self.fmtp?;
        if !["H264", "H265"]
            .iter()
            .any(|name| self.encoding.eq_ignore_ascii_case(name))
        {
            return None;
        }
        let has = |names: [&str; 3]| names.iter().any(|name| fmtp.get(name).is_some());
        match (has(H264), has(H265)) {
            (true, false) => Some("H264"),
            (false, true) => Some("H265"),
            _ => None,
        }
    }
}

/// The format-specific parameters of one `a=fmtp`,
/// [RFC 8866 §6.15](https://www.rfc-editor.org/rfc/rfc8866#section-6.15), in the usual `name=value;name=value` form.
///
/// Values are as written: `sprop-parameter-sets` and `profile-level-id` are often wrong (Q67, Q68), and making sense of
/// them is the codec's business.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fmtp<'a> {
    text: &'a str,
}

impl<'a> Fmtp<'a> {
    /// The parameters as written.
    pub const fn as_str(&self) -> &'a str {
        self.text
    }

    /// The value of the first parameter of this name, whatever its case; empty for one without `=`.
    pub fn get(&self, name: &str) -> Option<&'a str> {
        self.iter()
            .find(|(key, _)| key.eq_ignore_ascii_case(name))
            .map(|(_, value)| value)
    }

    /// Names and values in order, white space around them removed.
    pub fn iter(&self) -> impl Iterator<Item = (&'a str, &'a str)> + use<'a> {
        self.text
            .split(';')
            .map(str::trim)
            .filter(|parameter| !parameter.is_empty())
            .map(|parameter| {
                // Only at the first `=`: base64 values end in more of them.
                let (name, value) = parameter.split_once('=').unwrap_or((parameter, ""));
                (name.trim_end(), value.trim_start())
            })
    }
}

/// What an `a=rtpmap` says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Rtpmap {
    pub(crate) payload_type: u8,
    pub(crate) encoding: String,
    /// 0 where it is not stated.
    pub(crate) clock_rate: u32,
    pub(crate) channels: Option<u8>,
}

impl Rtpmap {
    /// Whether this says of a payload type below 96 something else than the static table does.
    pub(crate) fn redefines_static_type(&self) -> bool {
        self.payload_type < FIRST_DYNAMIC
            && static_format(self.payload_type).is_none_or(|known| {
                !known.encoding.eq_ignore_ascii_case(&self.encoding)
                    || ![0, known.clock_rate].contains(&self.clock_rate)
            })
    }
}

/// What an `a=fmtp` says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct FormatParameters {
    pub(crate) payload_types: Vec<u8>,
    pub(crate) text: String,
}

impl FormatParameters {
    pub(crate) fn view(&self) -> Fmtp<'_> {
        Fmtp { text: &self.text }
    }
}

/// [RFC 3551 §3](https://www.rfc-editor.org/rfc/rfc3551#section-3): 96 to 127 are bound by the session.
const FIRST_DYNAMIC: u8 = 96;

/// A row of the static table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct StaticFormat {
    pub(crate) encoding: &'static str,
    pub(crate) clock_rate: u32,
    pub(crate) channels: Option<u8>,
}

/// The payload types that mean something without an rtpmap,
/// [RFC 3551 §6](https://www.rfc-editor.org/rfc/rfc3551#section-6), tables 4 and 5.
pub(crate) const fn static_format(payload_type: u8) -> Option<StaticFormat> {
    let (encoding, clock_rate, channels) = match payload_type {
        0 => ("PCMU", 8_000, Some(1)),
        3 => ("GSM", 8_000, Some(1)),
        4 => ("G723", 8_000, Some(1)),
        5 => ("DVI4", 8_000, Some(1)),
        6 => ("DVI4", 16_000, Some(1)),
        7 => ("LPC", 8_000, Some(1)),
        8 => ("PCMA", 8_000, Some(1)),
        9 => ("G722", 8_000, Some(1)),
        10 => ("L16", 44_100, Some(2)),
        11 => ("L16", 44_100, Some(1)),
        12 => ("QCELP", 8_000, Some(1)),
        13 => ("CN", 8_000, Some(1)),
        14 => ("MPA", 90_000, None),
        15 => ("G728", 8_000, Some(1)),
        16 => ("DVI4", 11_025, Some(1)),
        17 => ("DVI4", 22_050, Some(1)),
        18 => ("G729", 8_000, Some(1)),
        25 => ("CelB", VIDEO_CLOCK_RATE, None),
        26 => ("JPEG", VIDEO_CLOCK_RATE, None),
        28 => ("nv", VIDEO_CLOCK_RATE, None),
        31 => ("H261", VIDEO_CLOCK_RATE, None),
        32 => ("MPV", VIDEO_CLOCK_RATE, None),
        33 => ("MP2T", VIDEO_CLOCK_RATE, None),
        34 => ("H263", VIDEO_CLOCK_RATE, None),
        _ => return None,
    };
    Some(StaticFormat {
        encoding,
        clock_rate,
        channels,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fmtp_splits_at_semicolons_and_first_equals_signs() {
        let fmtp = Fmtp {
            text: " a=1;; B = x==y= ;flag; =z",
        };
        let parameters: Vec<_> = fmtp.iter().collect();
        assert_eq!(parameters, [("a", "1"), ("B", "x==y="), ("flag", ""), ("", "z")]);
        assert_eq!(fmtp.get("b"), Some("x==y="));
        assert_eq!(fmtp.get("Flag"), Some(""));
        assert_eq!(fmtp.get("c"), None);
    }

    #[test]
    fn rtpmap_that_repeats_the_static_table_redefines_nothing() {
        let rtpmap = |payload_type, encoding: &str, clock_rate| Rtpmap {
            payload_type,
            encoding: encoding.to_owned(),
            clock_rate,
            channels: None,
        };
        assert!(!rtpmap(8, "pcma", 8_000).redefines_static_type());
        assert!(!rtpmap(96, "PCMA", 8_000).redefines_static_type());
        assert!(rtpmap(8, "PCMA", 16_000).redefines_static_type());
        assert!(rtpmap(35, "H264", 90_000).redefines_static_type());
    }
}
