//! The head of a message as a whole: where it ends, its fields, and what it bends.

use std::str;

use super::parse::{Fault, MAX_BODY_BYTES, MAX_HEADERS, ParseError, tolerate};
use super::start_line::{self, is_blank};
use crate::headers::{name, number};
use crate::{Reading, Tolerance};

/// Where the head ends, with the empty line that ends it; sought from this offset on.
pub(crate) fn end(input: &[u8], from: usize) -> Option<usize> {
    let ends = |rest: &[u8]| match rest {
        [b'\n', b'\n', ..] => Some(2),
        [b'\n', b'\r', b'\n', ..] => Some(3),
        _ => None,
    };
    let searched = input.get(from..)?;
    memchr::memchr_iter(b'\n', searched).find_map(|at| Some(from + at + ends(searched.get(at..)?)?))
}

/// Checks a whole head against the limits and the policy, and finds the length of the body.
pub(super) fn check(head: &[u8], fields: Fields<'_>, reading: &mut Reading) -> Result<usize, ParseError> {
    let lines = head.split_inclusive(|&b| b == b'\n');
    let mut offset = 0;
    for line in lines {
        offset += line.len();
        if !line.ends_with(b"\r\n") {
            tolerate(reading, Tolerance::LineEnding, offset - 1)?;
            break;
        }
    }
    let start_line = head.get(..fields.offset).unwrap_or_default();
    start_line::check(without_line_end(start_line), reading)?;
    check_text(head, reading)?;
    check_fields(fields, reading)
}

fn without_line_end(line: &[u8]) -> &[u8] {
    let line = line.strip_suffix(b"\n").unwrap_or(line);
    line.strip_suffix(b"\r").unwrap_or(line)
}

fn check_text(head: &[u8], reading: &mut Reading) -> Result<(), ParseError> {
    let mut offset = 0;
    for chunk in head.utf8_chunks() {
        let text = chunk.valid();
        let is_stray = |&(at, c): &(usize, char)| match c {
            '\n' | '\t' => false,
            '\r' => !text.get(at + 1..).is_some_and(|rest| rest.starts_with('\n')),
            c => c.is_control(),
        };
        if let Some((at, _)) = text.char_indices().find(is_stray) {
            tolerate(reading, Tolerance::ControlCharacter, offset + at)?;
        }
        offset += text.len();
        if !chunk.invalid().is_empty() {
            tolerate(reading, Tolerance::NotUtf8, offset)?;
        }
        offset += chunk.invalid().len();
    }
    Ok(())
}

fn check_fields(mut fields: Fields<'_>, reading: &mut Reading) -> Result<usize, ParseError> {
    let (mut count, mut body_length) = (0, None);
    while let Some(line) = fields.next_line() {
        let offset = line.offset;
        let fault = |what| Err(ParseError { offset, what });
        let Some(Field { name, value, .. }) = line.field() else {
            tolerate(reading, Tolerance::NotAHeader, offset)?;
            continue;
        };
        count += 1;
        if count > MAX_HEADERS {
            return fault(Fault::TooManyHeaders);
        }
        if !line.text.starts_with(name) || line.text.get(name.len()) != Some(&b':') {
            tolerate(reading, Tolerance::BlankBeforeColon, offset)?;
        }
        if !name.eq_ignore_ascii_case(name::CONTENT_LENGTH.as_bytes()) {
            continue;
        }
        if value.is_empty() || body_length.is_some() {
            tolerate(reading, Tolerance::ContentLength, offset)?;
        }
        if value.is_empty() {
            continue;
        }
        let length = str::from_utf8(value).ok().and_then(number::<usize>);
        match length {
            None => return fault(Fault::ContentLength),
            Some(length) if body_length.is_some_and(|other| other != length) => {
                return fault(Fault::ContentLength);
            }
            Some(length) if length > MAX_BODY_BYTES => return fault(Fault::BodyTooLong),
            Some(length) => body_length = Some(length),
        }
    }
    Ok(body_length.unwrap_or(0))
}

pub(crate) struct Field<'b> {
    pub(crate) name: &'b [u8],
    pub(crate) value: &'b [u8],
}

/// The lines of one field, or of something that is none.
struct FieldLine<'b> {
    /// Where it begins in the message.
    offset: usize,
    text: &'b [u8],
}

impl<'b> FieldLine<'b> {
    fn field(&self) -> Option<Field<'b>> {
        let colon = self.text.iter().position(|&b| b == b':')?;
        let (name, value) = self.text.split_at(colon);
        let name = name.trim_ascii();
        let value = value.get(1..)?.trim_ascii();
        (!name.is_empty()).then_some(Field { name, value })
    }
}

/// The fields of a whole head.
#[derive(Clone)]
pub(crate) struct Fields<'b> {
    rest: &'b [u8],
    offset: usize,
}

impl<'b> Fields<'b> {
    /// The fields behind a start line of this length.
    pub(crate) fn new(head: &'b [u8], start_line: usize) -> Self {
        let fields = head.get(start_line..).unwrap_or_default();
        let fields = fields.strip_suffix(b"\n").unwrap_or_default();
        Self {
            rest: fields.strip_suffix(b"\r").unwrap_or(fields),
            offset: start_line,
        }
    }

    fn next_line(&mut self) -> Option<FieldLine<'b>> {
        let mut length = 0;
        for line in self.rest.split_inclusive(|&b| b == b'\n') {
            // A line that begins blank belongs to the one before it (RFC 2326 §15.1).
            if length > 0 && !line.first().is_some_and(|&b| is_blank(b)) {
                break;
            }
            length += line.len();
        }
        if length == 0 {
            return None;
        }
        let (text, rest) = self.rest.split_at(length);
        let offset = self.offset;
        self.rest = rest;
        self.offset += length;
        Some(FieldLine { offset, text })
    }
}

impl<'b> Iterator for Fields<'b> {
    type Item = Field<'b>;

    fn next(&mut self) -> Option<Field<'b>> {
        while let Some(line) = self.next_line() {
            if let Some(field) = line.field() {
                return Some(field);
            }
        }
        None
    }
}
