use std::fmt;

use crate::fields::{Bandwidth, Connection};
use crate::format::{Fmtp, Format, Rtpmap, VIDEO_CLOCK_RATE, static_format};
use crate::line::{self, Attribute, Content, Line};

/// What a media description carries: the first field of `m=`.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum MediaKind {
    /// `video`.
    Video,
    /// `audio`.
    Audio,
    /// `application`: metadata, ONVIF events.
    Application,
    /// Anything else, as written (Q55, Q129).
    Other(String),
}

impl MediaKind {
    pub(crate) fn new(name: &str) -> Self {
        [Self::Video, Self::Audio, Self::Application]
            .into_iter()
            .find(|kind| kind.as_str().eq_ignore_ascii_case(name))
            .unwrap_or_else(|| Self::Other(name.to_owned()))
    }

    /// As an `m=` line writes it.
    pub fn as_str(&self) -> &str {
        match self {
            Self::Video => "video",
            Self::Audio => "audio",
            Self::Application => "application",
            Self::Other(name) => name,
        }
    }
}

impl fmt::Display for MediaKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Which way media flows, in the words of the describing side:
/// [RFC 8866 §6.7](https://www.rfc-editor.org/rfc/rfc8866#section-6.7).
///
/// A camera that describes its own picture should say `recvonly` (that is what the *receiver* of the description is
/// to do), but cameras use the three freely (Q70).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Direction {
    /// `sendrecv`, also where nothing is stated.
    #[default]
    SendRecv,
    /// `sendonly`.
    SendOnly,
    /// `recvonly`.
    RecvOnly,
    /// `inactive`.
    Inactive,
}

impl Direction {
    pub(crate) fn of(lines: &[Line]) -> Option<Self> {
        line::attributes(lines).find_map(|attribute| {
            [
                ("sendrecv", Self::SendRecv),
                ("sendonly", Self::SendOnly),
                ("recvonly", Self::RecvOnly),
                ("inactive", Self::Inactive),
            ]
            .into_iter()
            .find_map(|(name, direction)| attribute.name.eq_ignore_ascii_case(name).then_some(direction))
        })
    }
}

/// One `m=` line and those below it: [RFC 8866 §5.14](https://www.rfc-editor.org/rfc/rfc8866#section-5.14).
///
/// One that makes no sense (Q55) is here all the same, without formats, so that the places of the others stay true.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MediaDescription {
    pub(crate) kind: MediaKind,
    pub(crate) port: u16,
    pub(crate) protocol: String,
    pub(crate) payload_types: Vec<u8>,
    /// The session's, for a media description that states none.
    pub(crate) session_direction: Direction,
    /// The `m=` line first.
    pub(crate) lines: Vec<Line>,
}

impl MediaDescription {
    /// What it carries.
    pub const fn kind(&self) -> &MediaKind {
        &self.kind
    }

    /// The port, mostly 0 under RTSP, where SETUP negotiates it.
    pub const fn port(&self) -> u16 {
        self.port
    }

    /// The transport protocol, such as `RTP/AVP`; empty where the line had none.
    pub fn protocol(&self) -> &str {
        &self.protocol
    }

    /// The RTP formats in the order of the `m=` line, which is the order of preference. The wanted one may stand
    /// anywhere (Q126). Empty under a protocol that is not RTP. At most 128: a repeated payload type counts once.
    pub fn formats(&self) -> impl Iterator<Item = Format<'_>> {
        self.payload_types
            .iter()
            .map(|payload_type| self.format(*payload_type))
    }

    /// The attributes in order.
    pub fn attributes(&self) -> impl Iterator<Item = Attribute<'_>> {
        line::attributes(&self.lines)
    }

    /// The value of the first attribute of this name, whatever its case; empty for a flag.
    pub fn attribute(&self, name: &str) -> Option<&str> {
        line::find_attribute(&self.lines, name)
    }

    /// `a=control`, [RFC 2326 appendix C.1.1](https://www.rfc-editor.org/rfc/rfc2326#appendix-C.1.1): the URL to set
    /// this medium up with, mostly relative.
    pub fn control(&self) -> Option<&str> {
        self.attribute("control")
    }

    /// The first readable `c=` of this media description. It wins over the session's (Q133).
    pub fn connection(&self) -> Option<&Connection> {
        line::find_connection(&self.lines)
    }

    /// The readable `b=` lines.
    pub fn bandwidths(&self) -> impl Iterator<Item = &Bandwidth> {
        line::bandwidths(&self.lines)
    }

    /// `a=framerate` in pictures a second, where it is a positive number.
    pub fn frame_rate(&self) -> Option<f64> {
        let rate: f64 = self.attribute("framerate")?.parse().ok()?;
        (rate.is_finite() && rate > 0.0).then_some(rate)
    }

    /// The direction stated here, else that of the session.
    pub fn direction(&self) -> Direction {
        Direction::of(&self.lines).unwrap_or(self.session_direction)
    }

    /// Whether an `a=rtcp-fb` line ([RFC 4585 §4.2](https://www.rfc-editor.org/rfc/rfc4585#section-4.2)) offers
    /// `feedback`, such as `nack pli` or `ccm fir`, for this payload type or for all (`*`).
    pub fn supports_feedback(&self, payload_type: u8, feedback: &str) -> bool {
        self.attributes()
            .filter(|attribute| attribute.name.eq_ignore_ascii_case("rtcp-fb"))
            .filter_map(|attribute| attribute.value?.split_once(char::is_whitespace))
            .any(|(format, offered)| {
                (format == "*" || format.parse() == Ok(payload_type))
                    && offered
                        .split_whitespace()
                        .map(str::to_ascii_lowercase)
                        .eq(feedback.split_whitespace().map(str::to_ascii_lowercase))
            })
    }

    /// The lines in order, the `m=` line first.
    pub fn lines(&self) -> &[Line] {
        &self.lines
    }

    pub(crate) fn line_number(&self) -> usize {
        self.lines.first().map_or(0, Line::number)
    }

    fn format(&self, payload_type: u8) -> Format<'_> {
        let known = static_format(payload_type);
        let stated = self.rtpmap(payload_type);
        let clock_rate = match (stated, known) {
            (Some(Rtpmap { clock_rate: 1.., .. }), _) => stated.map(|rtpmap| rtpmap.clock_rate),
            (_, Some(known)) => Some(known.clock_rate),
            (_, None) => (self.kind == MediaKind::Video).then_some(VIDEO_CLOCK_RATE),
        };
        Format {
            payload_type,
            encoding: match (stated, known) {
                (Some(rtpmap), _) => &rtpmap.encoding,
                (None, Some(known)) => known.encoding,
                (None, None) => "",
            },
            clock_rate: clock_rate.unwrap_or(0),
            channels: match stated {
                Some(rtpmap) => rtpmap.channels,
                None => known.and_then(|known| known.channels),
            },
            fmtp: self.fmtp(payload_type),
        }
    }

    fn rtpmap(&self, payload_type: u8) -> Option<&Rtpmap> {
        self.lines.iter().find_map(|line| match line.content() {
            Content::Rtpmap(rtpmap) if rtpmap.payload_type == payload_type => Some(rtpmap),
            _ => None,
        })
    }

    fn fmtp(&self, payload_type: u8) -> Option<Fmtp<'_>> {
        let all = || {
            self.lines.iter().filter_map(|line| match line.content() {
                Content::Fmtp(parameters) => Some(parameters),
                _ => None,
            })
        };
        let own = all().find(|parameters| parameters.payload_types.contains(&payload_type));
        // With one format there is no doubt whose parameters a wrong number means (Q66).
        let only = || {
            if self.payload_types.len() == 1 {
                all().next()
            } else {
                None
            }
        };
        own.or_else(only).map(|parameters| parameters.view())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::SessionDescription;

    fn frame_rate(value: &str) -> Option<f64> {
        let body = format!("m=video 0 RTP/AVP 96\r\na=framerate:{value}\r\n");
        SessionDescription::parse(body.as_bytes()).unwrap().media()[0].frame_rate()
    }

    #[test]
    fn frame_rate_is_a_positive_number_or_nothing() {
        assert_eq!(frame_rate("29.97"), Some(29.97));
        assert_eq!(frame_rate(" 25.000000 "), Some(25.0));
        for value in ["", "0", "-25", "nan", "inf", "1e999", "25 fps"] {
            assert_eq!(frame_rate(value), None, "{value}");
        }
    }

    #[test]
    fn direction_of_a_medium_wins_over_the_session() {
        let body = b"a=inactive\r\nm=video 0 RTP/AVP 96\r\na=SendRecv\r\nm=audio 0 RTP/AVP 0\r\n";
        let description = SessionDescription::parse(body).unwrap();
        let directions: Vec<_> = description
            .media()
            .iter()
            .map(MediaDescription::direction)
            .collect();
        assert_eq!(directions, [Direction::SendRecv, Direction::Inactive]);
    }
}
