use std::fmt;
use std::str::FromStr;

use super::grammar::write_list;
use super::{HeaderError, Repetition, TypedHeader, name};
use crate::url::Redacted;

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
    /// The RTP timestamp of the range's start.
    pub rtptime: Option<u32>,
}

impl TypedHeader for RtpInfo {
    const NAME: &'static str = name::RTP_INFO;
    const REPETITION: Repetition = Repetition::OneList;
}

impl FromStr for RtpInfo {
    type Err = HeaderError;

    /// Never fails: what cannot be read of an entry is `None`, and only a comma before `url=` ends an entry, for a URL may
    /// hold one.
    fn from_str(value: &str) -> Result<Self, HeaderError> {
        let begins_entry = |text: &str| {
            text.trim_start().split_at_checked(3).is_some_and(|(name, rest)| {
                name.eq_ignore_ascii_case("url") && rest.trim_start().starts_with('=')
            })
        };
        let mut entries = Vec::new();
        let mut rest = value;
        while !rest.is_empty() {
            let comma = rest
                .match_indices(',')
                .find(|(at, _)| rest.get(at + 1..).is_some_and(begins_entry));
            let (entry, after) = rest.split_at(comma.map_or(rest.len(), |(at, _)| at));
            let entry = RtpInfoEntry::from(entry);
            if entry != RtpInfoEntry::default() {
                entries.push(entry);
            }
            rest = after.strip_prefix(',').unwrap_or_default();
        }
        Ok(Self(entries))
    }
}

impl From<&str> for RtpInfoEntry {
    fn from(text: &str) -> Self {
        let mut entry = Self::default();
        for (name, value) in text.split(';').filter_map(|parameter| parameter.split_once('=')) {
            let value = value.trim_matches([' ', ',']);
            match name.trim().to_ascii_lowercase().as_str() {
                "url" => value.clone_into(&mut entry.url),
                "seq" => entry.seq = value.parse().ok(),
                "rtptime" => entry.rtptime = value.parse().ok(),
                _ => {}
            }
        }
        entry
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
    use crate::headers::tests::check;

    fn entry(url: &str, seq: Option<u16>, rtptime: Option<u32>) -> RtpInfoEntry {
        RtpInfoEntry {
            url: url.to_owned(),
            seq,
            rtptime,
        }
    }

    #[test]
    fn reads_what_can_be_read_of_each_entry() {
        // Q87
        let both = || {
            RtpInfo(vec![
                entry("rtsp://h/1", Some(5), Some(6)),
                entry("rtsp://h/2", Some(7), None),
            ])
        };
        check(&[
            (
                "url=rtsp://h/1;seq=5;rtptime=6,url=rtsp://h/2;seq=7",
                both(),
                "url=rtsp://h/1;seq=5;rtptime=6, url=rtsp://h/2;seq=7",
            ),
            (
                " url = rtsp://h/1 ; seq = 5; rtptime=6; , URL=rtsp://h/2;seq=7;rtptime=-1;",
                both(),
                "url=rtsp://h/1;seq=5;rtptime=6, url=rtsp://h/2;seq=7",
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
        ]);
    }
}
