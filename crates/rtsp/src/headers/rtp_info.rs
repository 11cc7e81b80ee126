use std::fmt;

use super::grammar::{Value, number, write_list};
use super::{HeaderError, Repetition, TypedHeader, name};
use crate::url::Redacted;
use crate::{Reading, Tolerance};

/// Where each stream begins ([RFC 2326 §12.33](https://www.rfc-editor.org/rfc/rfc2326#section-12.33)).
///
/// Cameras get it wrong in every part: use it only where the first packet agrees (Q87).
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct RtpInfo(pub Vec<RtpInfoEntry>);

/// One stream of an [`RtpInfo`].
///
/// `Debug` leaves the secrets out of the URL.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct RtpInfoEntry {
    /// The stream's control URL, as the server wrote it.
    pub url: String,
    /// The sequence number of its first packet.
    pub seq: Option<u16>,
    /// The RTP timestamp of the range's start. 0 means unknown, and is `None` (Q136).
    pub rtptime: Option<u32>,
}

impl TypedHeader for RtpInfo {
    const NAME: &'static str = name::RTP_INFO;
    const REPETITION: Repetition = Repetition::OneList;

    /// What cannot be read of an entry is `None` (Q87), and only a comma before `url=` ends an entry, for a URL may hold
    /// one.
    fn read(value: &str, reading: &mut Reading) -> Result<Self, HeaderError> {
        let begins_entry = |text: &str| {
            text.trim_start().split_at_checked(3).is_some_and(|(name, rest)| {
                name.eq_ignore_ascii_case("url") && rest.trim_start().starts_with('=')
            })
        };
        let mut entries = Vec::new();
        let mut rest = value;
        let mut value = Value::new::<Self>(value, reading);
        while !rest.is_empty() {
            let comma = rest
                .match_indices(',')
                .find(|(at, _)| rest.get(at + 1..).is_some_and(begins_entry));
            let (text, after) = rest.split_at(comma.map_or(rest.len(), |(at, _)| at));
            let entry = RtpInfoEntry::read(text, &mut value)?;
            if entry != RtpInfoEntry::default() {
                entries.push(entry);
            }
            rest = after.strip_prefix(',').unwrap_or_default();
        }
        Ok(Self(entries))
    }
}

impl RtpInfoEntry {
    fn read(text: &str, value: &mut Value<'_, '_>) -> Result<Self, HeaderError> {
        let mut entry = Self::default();
        for parameter in text.split(';') {
            let (name, word) = parameter.split_once('=').unwrap_or((parameter, ""));
            let word = word.trim_matches([' ', ',']);
            let is_readable = match name.trim().to_ascii_lowercase().as_str() {
                "url" => {
                    word.clone_into(&mut entry.url);
                    !word.is_empty()
                }
                "seq" => {
                    entry.seq = number(word);
                    entry.seq.is_some()
                }
                "rtptime" => {
                    let rtptime = number(word);
                    let is_unknown = rtptime == Some(0) && value.tolerates(Tolerance::ZeroRtpTime);
                    entry.rtptime = rtptime.filter(|_| !is_unknown);
                    rtptime.is_some()
                }
                _ => false,
            };
            if !is_readable {
                value.tolerate(Tolerance::RtpInfo, parameter.trim_start())?;
            }
        }
        Ok(entry)
    }
}

impl fmt::Debug for RtpInfoEntry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RtpInfoEntry")
            .field("url", &format_args!("{}", Redacted(&self.url)))
            .field("seq", &self.seq)
            .field("rtptime", &self.rtptime)
            .finish()
    }
}

impl fmt::Display for RtpInfo {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write_list(f, &self.0)
    }
}

impl fmt::Display for RtpInfoEntry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "url={}", self.url)?;
        if let Some(seq) = self.seq {
            write!(f, ";seq={seq}")?;
        }
        if let Some(rtptime) = self.rtptime {
            write!(f, ";rtptime={rtptime}")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Policy;
    use crate::headers::tests::{check, check_strict, check_tolerance};

    fn entry(url: &str, seq: Option<u16>, rtptime: Option<u32>) -> RtpInfoEntry {
        RtpInfoEntry {
            url: url.to_owned(),
            seq,
            rtptime,
        }
    }

    #[test]
    fn reads_what_can_be_read_of_each_entry() {
        let both = || {
            RtpInfo(vec![
                entry("rtsp://h/1", Some(5), Some(6)),
                entry("rtsp://h/2", Some(7), None),
            ])
        };
        let written = "url=rtsp://h/1;seq=5;rtptime=6, url=rtsp://h/2;seq=7";
        check(
            include_str!("../../../../fuzz/corpus/rtsp_headers/rtp-info"),
            &[
                (
                    "url=rtsp://h/1;seq=5;rtptime=6,url=rtsp://h/2;seq=7",
                    both(),
                    written,
                ),
                (
                    " url = rtsp://h/1 ; seq = 5; rtptime=6; , URL=rtsp://h/2;seq=7;rtptime=-1;",
                    both(),
                    written,
                ),
                (
                    "url=rtsp://h/1;seq=5;rtptime=6,url=rtsp://h/2;seq=7;rtptime=0",
                    both(),
                    written,
                ),
                (
                    "seq=70000;rtptime=4294967295;ssrc=1;url=trackID=1",
                    RtpInfo(vec![entry("trackID=1", None, Some(u32::MAX))]),
                    "url=trackID=1;rtptime=4294967295",
                ),
                (
                    "url=rtsp://h/a,b;seq=1",
                    RtpInfo(vec![entry("rtsp://h/a,b", Some(1), None)]),
                    "url=rtsp://h/a,b;seq=1",
                ),
                (",;,", RtpInfo::default(), ""),
            ],
        );
        check_strict::<RtpInfo>(&["url=rtsp://h/a,b;seq=1;rtptime=2, url=trackID=2;rtptime=3"]);
    }

    #[test]
    fn q87_what_cannot_be_read_is_absent() {
        let one = |seq, rtptime| RtpInfo(vec![entry("u", seq, rtptime)]);
        let tolerance = Tolerance::RtpInfo;
        check_tolerance(tolerance, 12, "url=u;seq=1;rtptime=-1", &one(Some(1), None));
        check_tolerance(tolerance, 6, "url=u;seq=70000;rtptime=1", &one(None, Some(1)));
        check_tolerance(tolerance, 12, "url=u;seq=1;", &one(Some(1), None));
        check_tolerance(tolerance, 6, "url=u;ssrc=1;seq=1", &one(Some(1), None));
    }

    #[test]
    fn q136_a_timestamp_of_0_is_unknown() {
        let value = "url=u;seq=1;rtptime=0";
        let mut reading = Reading::default();
        assert_eq!(
            RtpInfo::read(value, &mut reading),
            Ok(RtpInfo(vec![entry("u", Some(1), None)]))
        );
        assert!(reading.tolerated().contains(Tolerance::ZeroRtpTime));
        assert_eq!(
            RtpInfo::read(value, &mut Reading::new(Policy::strict())),
            Ok(RtpInfo(vec![entry("u", Some(1), Some(0))]))
        );
    }
}
