use std::fmt;

use crate::attributes::{self, RtcpFeedback, TypedAttribute};
use crate::fields::{Bandwidth, Connection};
use crate::format::{Fmtp, Format, FormatParameters, Rtpmap, VIDEO_CLOCK_RATE, static_format};
use crate::grammar;
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
    pub(crate) is_backchannel: bool,
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

    /// The readable attributes of one type, such as [`Crypto`](crate::Crypto).
    pub fn typed<T: TypedAttribute>(&self) -> impl Iterator<Item = T> {
        attributes::typed(&self.lines)
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

    /// `a=framerate` in pictures a second, where it is a positive number,
    /// [RFC 8866 §6.13](https://www.rfc-editor.org/rfc/rfc8866#section-6.13).
    pub fn frame_rate(&self) -> Option<f64> {
        grammar::frame_rate(self.attribute("framerate")?)
    }

    /// `a=mid`, the name by which a [`Group`](crate::Group) means this media description,
    /// [RFC 5888 §4](https://www.rfc-editor.org/rfc/rfc5888#section-4).
    pub fn mid(&self) -> Option<&str> {
        self.attribute("mid")
    }

    /// `a=rtcp-mux`: RTCP goes to RTP's port, [RFC 5761 §5.1.1](https://www.rfc-editor.org/rfc/rfc5761#section-5.1.1).
    pub fn multiplexes_rtcp(&self) -> bool {
        self.attribute("rtcp-mux").is_some()
    }

    /// The direction stated here, else that of the session.
    pub fn direction(&self) -> Direction {
        Direction::of(&self.lines).unwrap_or(self.session_direction)
    }

    /// Whether this is ONVIF's way to the camera's loudspeaker: audio that the receiver is to send.
    ///
    /// `a=sendonly` alone does not tell, for some cameras describe their own microphone with it (Q70). Those say it of
    /// their picture too, or of all they have: then nothing is a backchannel, and [`Tolerance::SenderSide`] is recorded.
    ///
    /// [`Tolerance::SenderSide`]: crate::Tolerance::SenderSide
    pub const fn is_backchannel(&self) -> bool {
        self.is_backchannel
    }

    /// Whether an `a=rtcp-fb` line ([RFC 4585 §4.2](https://www.rfc-editor.org/rfc/rfc4585#section-4.2)) offers
    /// `feedback`, such as `nack pli` or `ccm fir`, for this payload type or for all (`*`).
    pub fn supports_feedback(&self, payload_type: u8, feedback: &str) -> bool {
        let wanted = |offered: &str| {
            let offered = offered.split_whitespace().map(str::to_ascii_lowercase);
            offered.eq(feedback.split_whitespace().map(str::to_ascii_lowercase))
        };
        self.typed::<RtcpFeedback>().any(|offer| {
            offer.payload_type.is_none_or(|offered| offered == payload_type) && wanted(&offer.feedback)
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

    /// The lines whose parameters are those of another encoding than their format's.
    pub(crate) fn foreign_parameters(&self) -> impl Iterator<Item = usize> {
        self.payload_types.iter().filter_map(|payload_type| {
            let format = self.format(*payload_type);
            let meant = format.fmtp_encoding()?;
            let (line, parameters) = self.parameters(*payload_type)?;
            // One for several formats (Q66) cannot suit them all.
            let is_its_own = parameters.payload_types.len() == 1;
            (is_its_own && !format.encoding.eq_ignore_ascii_case(meant)).then_some(line)
        })
    }

    fn fmtp(&self, payload_type: u8) -> Option<Fmtp<'_>> {
        self.parameters(payload_type)
            .map(|(_, parameters)| parameters.view())
    }

    /// With the number of their line.
    fn parameters(&self, payload_type: u8) -> Option<(usize, &FormatParameters)> {
        let all = || {
            self.lines.iter().filter_map(|line| match line.content() {
                Content::Fmtp(parameters) => Some((line.number(), parameters)),
                _ => None,
            })
        };
        let own = all().find(|(_, parameters)| parameters.payload_types.contains(&payload_type));
        // With one format there is no doubt whose parameters a wrong number means (Q66).
        let only = || {
            if self.payload_types.len() == 1 {
                all().next()
            } else {
                None
            }
        };
        own.or_else(only)
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
