use std::ops::Range;

use super::{Quirk, Quirks};
use crate::clip::{BuiltInClip, Clip};

/// Bends what DESCRIBE tells of `clip`.
pub(crate) fn bend(quirks: Quirks, clip: &Clip, description: String) -> String {
    if quirks.is_empty() {
        return description;
    }
    let mut lines = Lines(description.lines().map(str::to_owned).collect());
    for quirk in quirks.iter() {
        session(quirk, &mut lines);
        media(quirk, &mut lines);
        format(quirk, &mut lines, clip);
    }
    let end = if quirks.contains(Quirk::UnixLines) {
        "\n"
    } else {
        "\r\n"
    };
    let mut text = lines.0.join(end);
    if !quirks.contains(Quirk::UnixLines) {
        text.push_str(end);
    }
    text
}

/// What stands above the media.
fn session(quirk: Quirk, lines: &mut Lines) {
    match quirk {
        Quirk::NoSessionLines => ["v=", "o=", "s=", "t="]
            .iter()
            .for_each(|line| lines.remove(line)),
        Quirk::OddOrigin => lines.replace("o=", &["o=RTSP 0x5F -2 IN IPV4"]),
        Quirk::OddConnection => lines.replace("c=", &["c=IN", "c=IN c=IN IP4 0.0.0.0"]),
        Quirk::SeveralNames => {
            lines.replace("s=", &["s=Media Presentation", "s=", "s=streamed by the camera"]);
        }
        Quirk::OddTiming => lines.replace("t=", &["t=now-"]),
        Quirk::OddBandwidth => lines.add_before("t=", &["b=RR:0", "b=RS:", "b=TIAS:2000000.5", "b=", "b=AS"]),
        Quirk::UnorderedLines => {
            lines.add_before("o=", &["a=tool:mock", "a=type:broadcast"]);
            lines.remove("t=");
            lines.0.extend(["t=0 0".to_owned(), "a=range:npt=0-".to_owned()]);
        }
        Quirk::UnixLines => lines.add_before("m=video", &["", " "]),
        Quirk::OddLines => {
            let origin = "o=- 99999999999999999999999 1 IN IP4 127.0.0.1";
            lines.replace("o=", &[origin]);
            lines.add_before("c=", &["i=first", "i=second"]);
            lines.add_before("a=control:*", &["r=7d 1h"]);
            lines.add_before("m=video", &["m=text 0 RTP/AVP 100", "m=meta 0 RTP/AVP 108"]);
        }
        Quirk::BareDescription => lines.0.retain(|line| line.starts_with(['m', 'a'])),
        Quirk::ConnectionIp6 => lines.replace("c=", &["c=IN IP6 127.0.0.1"]),
        _ => {}
    }
}

/// Media sections, and what of the video's is not about its format.
fn media(quirk: Quirk, lines: &mut Lines) {
    match quirk {
        Quirk::ControlWithSlash => lines.replace("a=control:trackID", &["a=control:/trackID=0"]),
        Quirk::NoControl => lines.remove("a=control:"),
        Quirk::UnreadableMedia => lines.add_before(
            "m=video",
            &[
                "m=application 0 RTP/AVP smart/1/90000",
                "m=vana 0 RTP/AVP vzinfo",
                "m=application/TP-LINK 0 RTP/AVP smart/1/90000",
                "a=control:track9",
            ],
        ),
        Quirk::AudioWithoutRtpmap => {
            lines.add_before("m=video", &["m=audio 0 RTP/AVP 0", "a=control:trackID=1"]);
        }
        Quirk::OddRtpmap => {
            lines.change("a=rtpmap:", |rtpmap| format!("{rtpmap} "));
            lines.add_before(
                "m=video",
                &[
                    "m=audio 0 RTP/AVP 0",
                    "a=rtpmap:0 MPEG4-GENERIC",
                    "a=rtpmap:11 PCM/0",
                ],
            );
        }
        Quirk::ManyFormats => {
            let types: Vec<String> = (96..116).map(|number: u8| number.to_string()).collect();
            let backchannel = format!("m=audio 0 RTP/AVP {}", types.join(" "));
            lines.add_before("m=video", &[&backchannel, "a=sendonly", "a=control:trackID=5"]);
        }
        Quirk::NegativePort => {
            lines.change("m=video", |line| line.replacen(" 0 ", " -1 ", 1));
            lines.add_before("a=framerate", &["c=SM 1.2"]);
        }
        Quirk::SamePayloadTypeTwice => lines.add_before(
            "m=video",
            &[
                "m=audio 0 RTP/AVP 96",
                "a=rtpmap:96 OPUS/48000/2",
                "a=control:trackID=1",
            ],
        ),
        _ => {}
    }
}

/// The video's format.
fn format(quirk: Quirk, lines: &mut Lines, clip: &Clip) {
    match quirk {
        Quirk::OddFmtp => {
            let fmtp = lines.take("a=fmtp:").unwrap_or_default();
            lines.add_before("a=rtpmap:96", &[&fmtp.replacen(":96 ", ":97 96 ", 1)]);
        }
        Quirk::OddParameterSets => lines.parameter("sprop-parameter-sets", "AAAAAWdC,,AAAAAAE=,%%%"),
        Quirk::OddProfile => lines.parameter("profile-level-id", "TeAo"),
        Quirk::PacketizationModeZero => lines.parameter("packetization-mode", "0"),
        Quirk::StaticPayloadType => {
            for prefix in ["m=video", "a=rtpmap:", "a=fmtp:", "a=rtcp-fb:"] {
                lines.change(prefix, |line| line.replacen("96", "35", 1));
            }
        }
        Quirk::OrphanRtpmap => lines.add_before("a=framerate", &["a=rtpmap:102 H265/90000"]),
        Quirk::SeveralFormats => {
            lines.change("m=video", |line| line.replacen("AVP ", "AVP 98 ", 1));
            lines.add_before("a=rtpmap:", &["a=rtpmap:98 H265/90000"]);
        }
        Quirk::OtherParameterSetsInDescription => {
            let others = BuiltInClip::ALL
                .map(Clip::built_in)
                .into_iter()
                .map(|other| other.parameter_sets().to_sprop());
            let own = clip.parameter_sets().to_sprop();
            if let Some(other) = others.into_iter().find(|sprop| *sprop != own) {
                lines.parameter("sprop-parameter-sets", &other);
            }
        }
        _ => {}
    }
}

/// The lines of a description, found by how they begin.
struct Lines(Vec<String>);

impl Lines {
    fn remove(&mut self, prefix: &str) {
        self.0.retain(|line| !line.starts_with(prefix));
    }

    fn take(&mut self, prefix: &str) -> Option<String> {
        let place = self.place(prefix)?;
        Some(self.0.remove(place))
    }

    fn change(&mut self, prefix: &str, change: impl Fn(&str) -> String) {
        for line in self.0.iter_mut().filter(|line| line.starts_with(prefix)) {
            *line = change(line);
        }
    }

    /// In front of the first such line; nowhere if there is none.
    fn add_before(&mut self, prefix: &str, lines: &[&str]) {
        if let Some(place) = self.place(prefix) {
            self.put(place..place, lines);
        }
    }

    /// In place of the first such line.
    fn replace(&mut self, prefix: &str, lines: &[&str]) {
        if let Some(place) = self.place(prefix) {
            self.put(place..place + 1, lines);
        }
    }

    fn place(&self, prefix: &str) -> Option<usize> {
        self.0.iter().position(|line| line.starts_with(prefix))
    }

    fn put(&mut self, places: Range<usize>, lines: &[&str]) {
        self.0.splice(places, lines.iter().map(|line| (*line).to_owned()));
    }

    /// Gives a parameter of the format another value.
    fn parameter(&mut self, name: &str, value: &str) {
        self.change("a=fmtp:", |fmtp| {
            let parts: Vec<String> = fmtp
                .split(';')
                .map(|part| match part.split_once(name) {
                    Some((before, after)) if after.starts_with('=') => format!("{before}{name}={value}"),
                    _ => part.to_owned(),
                })
                .collect();
            parts.join(";")
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::server::describe;

    #[test]
    fn every_quirk_of_descriptions_changes_the_description() {
        let clip = Clip::built_in(BuiltInClip::default());
        let plain = describe(&clip);
        let bending: Vec<Quirk> = Quirk::ALL
            .iter()
            .copied()
            .filter(|quirk| bend([*quirk].into_iter().collect(), &clip, plain.clone()) != plain)
            .collect();
        let expected: Vec<Quirk> = Quirk::ALL
            .iter()
            .copied()
            .filter(|quirk| {
                matches!(
                    quirk.number(),
                    5 | 6 | 55..=72 | 124..=127 | 129 | 130 | 141 | 150
                )
            })
            .collect();
        assert_eq!(bending, expected);
    }
}
