//! Lines to a description. Each line is read by itself; the reader adds what needs the lines before it: order,
//! repetition, and the formats of the `m=` line above.

use std::borrow::Cow;

use crate::attributes;
use crate::description::SessionDescription;
use crate::error::ParseError;
use crate::format::{FormatParameters, Rtpmap};
use crate::grammar::{self, LineEnd, MediaFields, single_spaced};
use crate::line::{Content, Line};
use crate::media::{Direction, MediaDescription, MediaKind};
use crate::tolerance::{Policy, Tolerance, Tolerated};
use crate::{MAX_INPUT, MAX_LINES, MAX_MEDIA};

pub(crate) fn parse(input: &[u8], policy: Policy) -> Result<SessionDescription, ParseError> {
    if input.len() > MAX_INPUT {
        return Err(ParseError::TooLong { length: input.len() });
    }
    let mut reader = Reader::new(policy);
    let mut behind = input;
    while let Some((line, end, next)) = grammar::next_line(behind) {
        behind = next;
        if reader.number == MAX_LINES {
            return Err(ParseError::TooManyLines);
        }
        reader.bytes(line, end);
        reader.check()?;
        if reader.media.len() > MAX_MEDIA {
            return Err(ParseError::TooManyMedia { line: reader.number });
        }
    }
    if !reader.is_description {
        return Err(ParseError::NotADescription { length: input.len() });
    }
    reader.finish();
    reader.check()?;
    Ok(reader.into_description())
}

/// Collects lines into sections, and notes what they bend.
pub(crate) struct Reader {
    policy: Policy,
    /// Of the line being read, counted from 1.
    number: usize,
    /// Some line had the form `<type>=<value>`.
    is_description: bool,
    lines: Vec<Line>,
    media: Vec<MediaDescription>,
    /// Type letters of the present section, in order of appearance, each once.
    letters: String,
    tolerated: Vec<Tolerated>,
    refused: Option<Tolerated>,
}

impl Reader {
    pub(crate) const fn new(policy: Policy) -> Self {
        Self {
            policy,
            number: 0,
            is_description: false,
            lines: Vec::new(),
            media: Vec::new(),
            letters: String::new(),
            tolerated: Vec::new(),
            refused: None,
        }
    }

    fn bytes(&mut self, line: &[u8], end: LineEnd) {
        self.number += 1;
        match end {
            LineEnd::CrLf => {}
            LineEnd::Lone => {
                if !self
                    .tolerated
                    .iter()
                    .any(|used| used.tolerance == Tolerance::LineEnding)
                {
                    self.note(Tolerance::LineEnding);
                }
            }
            LineEnd::Input => self.note(Tolerance::UnterminatedLastLine),
        }
        let mut text = String::from_utf8_lossy(line);
        if matches!(text, Cow::Owned(_)) {
            self.note(Tolerance::NotUtf8);
        }
        if text.contains('\0') {
            self.note(Tolerance::NulByte);
            text = text.replace('\0', "").into();
        }
        let unindented = text.trim_start_matches(['\u{feff}', ' ', '\t']);
        if unindented.is_empty() {
            self.note(Tolerance::BlankLine);
            return;
        }
        if unindented.len() < text.len() {
            self.note(Tolerance::IndentedLine);
        }
        self.text(unindented);
    }

    /// The next line of a description that is being built, free of line breaks.
    pub(crate) fn line(&mut self, text: &str) {
        self.number += 1;
        self.text(text);
    }

    fn text(&mut self, text: &str) {
        let Some((letter, value)) = grammar::type_and_value(text) else {
            self.note(Tolerance::NotALine);
            return self.keep(text, Content::Text);
        };
        self.is_description = true;
        if letter == 'm' {
            return self.media_line(text, value);
        }
        self.check_place(letter);
        let content = self.content(letter, value);
        self.keep(text, content);
    }

    fn content(&mut self, letter: char, value: &str) -> Content {
        let content = match letter {
            'v' => self
                .read(value, grammar::version, Tolerance::Version)
                .map(|()| Content::Text),
            'o' => self
                .read(value, grammar::origin, Tolerance::Origin)
                .map(Content::Origin),
            'c' => self
                .read(value, grammar::connection, Tolerance::Connection)
                .map(Content::Connection),
            'b' => self
                .read(value, grammar::bandwidth, Tolerance::Bandwidth)
                .map(Content::Bandwidth),
            't' => self
                .read(value, grammar::timing, Tolerance::Timing)
                .map(Content::Timing),
            'r' => self
                .read(value, grammar::repeat, Tolerance::Repeat)
                .map(|()| Content::Text),
            'a' => self.attribute(value),
            's' if value.is_empty() => {
                self.note(Tolerance::EmptySessionName);
                None
            }
            _ => None,
        };
        content.unwrap_or(Content::Text)
    }

    fn attribute(&mut self, text: &str) -> Option<Content> {
        if grammar::attribute(text).is_none() {
            self.note(Tolerance::Attribute);
        }
        let (name, value) = text.split_once(':').unwrap_or((text, ""));
        let name = name.trim();
        if name.eq_ignore_ascii_case("rtpmap") {
            return self.rtpmap(value).map(Content::Rtpmap);
        }
        if name.eq_ignore_ascii_case("fmtp") {
            return self.fmtp(value).map(Content::Fmtp);
        }
        if let Some(fault) = attributes::fault(name, value) {
            let spaced = attributes::fault(name, &single_spaced(value));
            self.note(if spaced.is_none() {
                Tolerance::Spacing
            } else {
                fault
            });
        }
        None
    }

    fn rtpmap(&mut self, value: &str) -> Option<Rtpmap> {
        let rtpmap = self
            .read(value, grammar::rtpmap, Tolerance::Rtpmap)
            .or_else(|| grammar::bent_rtpmap(&single_spaced(value)))?;
        if !self.lists(rtpmap.payload_type) {
            self.note(Tolerance::OrphanFormat);
        } else if rtpmap.redefines_static_type() {
            self.note(Tolerance::StaticTypeRedefined);
        }
        Some(rtpmap)
    }

    fn fmtp(&mut self, value: &str) -> Option<FormatParameters> {
        let parameters = self.read(value, grammar::fmtp, Tolerance::Fmtp)?;
        if parameters.payload_types.len() > 1 {
            self.note(Tolerance::FmtpSeveralTypes);
        }
        if !parameters
            .payload_types
            .iter()
            .all(|payload_type| self.lists(*payload_type))
        {
            self.note(Tolerance::OrphanFormat);
        }
        Some(parameters)
    }

    fn media_line(&mut self, text: &str, value: &str) {
        self.letters.clear();
        let fields = self
            .read(value, grammar::media, Tolerance::MediaLine)
            .unwrap_or_else(|| grammar::bent_media(&single_spaced(value)));
        let port = grammar::port(&fields.port).unwrap_or_else(|| {
            if !fields.port.is_empty() {
                self.note(Tolerance::MediaPort);
            }
            0
        });
        let payload_types = self.payload_types(&fields);
        self.media.push(MediaDescription {
            kind: MediaKind::new(&fields.kind),
            port,
            payload_types,
            protocol: fields.protocol,
            session_direction: Direction::default(),
            is_backchannel: false,
            lines: vec![Line::new(self.number, text, Content::Text)],
        });
    }

    fn payload_types(&mut self, fields: &MediaFields) -> Vec<u8> {
        let mut payload_types = Vec::new();
        // Under other protocols a format is a word, such as `webrtc-datachannel`.
        if !fields.protocol.to_ascii_uppercase().contains("RTP/") {
            return payload_types;
        }
        let mut bent = false;
        for format in &fields.formats {
            match grammar::payload_type(format) {
                Some(payload_type) if !payload_types.contains(&payload_type) => {
                    payload_types.push(payload_type);
                }
                Some(_) => {}
                None => bent = true,
            }
        }
        if bent {
            self.note(Tolerance::MediaFormat);
        }
        payload_types
    }

    /// Reads with `grammar`, then once more with white space put right; notes which way it went.
    fn read<T>(
        &mut self,
        value: &str,
        grammar: impl Fn(&str) -> Option<T>,
        otherwise: Tolerance,
    ) -> Option<T> {
        grammar(value).or_else(|| {
            let read = grammar(&single_spaced(value));
            self.note(if read.is_some() {
                Tolerance::Spacing
            } else {
                otherwise
            });
            read
        })
    }

    /// Notes a line that stands where it may not, [RFC 8866 §5](https://www.rfc-editor.org/rfc/rfc8866#section-5).
    fn check_place(&mut self, letter: char) {
        if rank(letter).is_none() {
            return self.note(Tolerance::UnknownType);
        }
        let in_media = !self.media.is_empty();
        if in_media && "vosueptrz".contains(letter) {
            return self.note(Tolerance::SessionLineInMedia);
        }
        if self.letters.chars().any(|earlier| rank(earlier) > rank(letter)) {
            self.note(Tolerance::LineOrder);
        }
        if self.letters.contains(letter) {
            let once = if in_media { "ik" } else { "vosiuck" };
            if once.contains(letter) {
                self.note(Tolerance::RepeatedLine);
            }
        } else {
            self.letters.push(letter);
        }
    }

    /// Whether the present media description's `m=` line lists it.
    fn lists(&self, payload_type: u8) -> bool {
        self.media
            .last()
            .is_some_and(|media| media.payload_types.contains(&payload_type))
    }

    fn keep(&mut self, text: &str, content: Content) {
        let line = Line::new(self.number, text, content);
        match self.media.last_mut() {
            Some(media) => media.lines.push(line),
            None => self.lines.push(line),
        }
    }

    fn note(&mut self, tolerance: Tolerance) {
        self.note_at(tolerance, self.number);
    }

    fn note_at(&mut self, tolerance: Tolerance, line: usize) {
        let used = Tolerated { tolerance, line };
        if !self.policy.tolerates(tolerance) {
            self.refused.get_or_insert(used);
        }
        self.tolerated.push(used);
    }

    const fn check(&self) -> Result<(), ParseError> {
        match self.refused {
            Some(Tolerated { tolerance, line }) => Err(ParseError::NotTolerated { tolerance, line }),
            None => Ok(()),
        }
    }

    /// Notes what is missing, now that all lines are read, and hands down what the session says for all media.
    pub(crate) fn finish(&mut self) {
        let end = self
            .media
            .first()
            .map_or(self.number, MediaDescription::line_number);
        for (letter, tolerance) in [
            ('v', Tolerance::MissingVersion),
            ('o', Tolerance::MissingOrigin),
            ('s', Tolerance::MissingSessionName),
            ('t', Tolerance::MissingTiming),
        ] {
            if !has(&self.lines, letter) && !self.media.iter().any(|media| has(&media.lines, letter)) {
                self.note_at(tolerance, end);
            }
        }
        if !has(&self.lines, 'c') {
            let bare = self.media.iter().filter(|media| !has(&media.lines, 'c'));
            for line in bare.map(MediaDescription::line_number).collect::<Vec<_>>() {
                self.note_at(Tolerance::MissingConnection, line);
            }
        }
        let direction = Direction::of(&self.lines).unwrap_or_default();
        for media in &mut self.media {
            media.session_direction = direction;
        }
        self.find_backchannels();
        let foreign = self.media.iter().flat_map(MediaDescription::foreign_parameters);
        for line in foreign.collect::<Vec<_>>() {
            self.note_at(Tolerance::ForeignParameters, line);
        }
    }

    /// Tells backchannels from what the camera sends but calls `sendonly`, seen from its own side.
    fn find_backchannels(&mut self) {
        let is_sent = |media: &MediaDescription| media.direction() == Direction::SendOnly;
        let is_sent_video = |media: &MediaDescription| is_sent(media) && *media.kind() == MediaKind::Video;
        let is_senders_view = self.media.iter().all(is_sent) || self.media.iter().any(is_sent_video);
        let mut from_camera = Vec::new();
        for media in self.media.iter_mut().filter(|media| is_sent(media)) {
            media.is_backchannel = !is_senders_view && *media.kind() == MediaKind::Audio;
            if !media.is_backchannel {
                from_camera.push(media.line_number());
            }
        }
        for line in from_camera {
            self.note_at(Tolerance::SenderSide, line);
        }
    }

    pub(crate) fn into_description(self) -> SessionDescription {
        SessionDescription {
            lines: self.lines,
            media: self.media,
            tolerated: self.tolerated,
        }
    }
}

fn has(lines: &[Line], letter: char) -> bool {
    lines.iter().any(|line| line.type_letter() == Some(letter))
}

/// The place of a type letter in its section, session or media: both keep the same order.
fn rank(letter: char) -> Option<usize> {
    // A session may have several groups of these three.
    let letter = if matches!(letter, 'r' | 'z') { 't' } else { letter };
    "vosiuepcbtka".find(letter)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn repeated(line: &str, times: usize) -> Result<SessionDescription, ParseError> {
        parse(line.repeat(times).as_bytes(), Policy::default())
    }

    #[test]
    fn input_past_the_limit_is_an_error() {
        let mut input = b"s=".to_vec();
        input.resize(MAX_INPUT, b'x');
        assert!(parse(&input, Policy::default()).is_ok());
        input.push(b'x');
        let error = ParseError::TooLong {
            length: MAX_INPUT + 1,
        };
        assert_eq!(parse(&input, Policy::default()), Err(error));
    }

    #[test]
    fn lines_past_the_limit_are_an_error() {
        assert_eq!(
            repeated("a=x\r\n", MAX_LINES).map(|read| read.lines.len()),
            Ok(MAX_LINES)
        );
        assert_eq!(repeated("a=x\r\n", MAX_LINES + 1), Err(ParseError::TooManyLines));
    }

    #[test]
    fn media_past_the_limit_are_an_error() {
        assert_eq!(
            repeated("m=video 0 RTP/AVP 96\r\n", MAX_MEDIA).map(|read| read.media.len()),
            Ok(MAX_MEDIA)
        );
        let error = ParseError::TooManyMedia { line: MAX_MEDIA + 1 };
        assert_eq!(repeated("m=video 0 RTP/AVP 96\r\n", MAX_MEDIA + 1), Err(error));
    }

    #[test]
    fn repeated_payload_type_is_one_format() {
        let line = format!("m=video 0 RTP/AVP{}\r\n", " 96 97".repeat(1_000));
        assert_eq!(
            repeated(&line, 1).map(|read| read.media[0].formats().count()),
            Ok(2)
        );
    }

    #[test]
    fn empty_input_is_not_a_description() {
        assert_eq!(
            parse(b"", Policy::default()),
            Err(ParseError::NotADescription { length: 0 })
        );
    }
}
