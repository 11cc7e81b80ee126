use std::str;

use nom::branch::alt;
use nom::bytes::streaming::{tag, take, take_while, take_while_m_n};
use nom::character::streaming::satisfy;
use nom::combinator::map_opt;
use nom::sequence::terminated;
use nom::{IResult, Parser};

use super::StatusCode;
use super::parse::{ParseError, tolerate};
use crate::{Reading, Tolerance};

/// The longest name of a method, in bytes; `SET_PARAMETER` has 13.
const MAX_METHOD_BYTES: usize = 32;

/// The most blanks between two words, of which the grammar has one.
const MAX_BLANKS: usize = 16;

pub(super) enum StartLine<'b> {
    Request { method: &'b [u8], uri: &'b [u8] },
    Response { status: StatusCode, reason: &'b [u8] },
}

/// A request line or a status line, with its line end.
pub(super) fn start_line(input: &[u8]) -> IResult<&[u8], StartLine<'_>> {
    alt((status_line, request_line)).parse(input)
}

/// [RFC 2326 §7.1](https://www.rfc-editor.org/rfc/rfc2326#section-7.1), with or without a reason (Q17).
fn status_line(input: &[u8]) -> IResult<&[u8], StartLine<'_>> {
    let (input, _) = (version, blanks).parse(input)?;
    let (input, status) = map_opt(take(3_usize), status_code).parse(input)?;
    let (input, reason) = map_opt(line, |rest: &[u8]| match rest.first() {
        Some(b) if !b.is_ascii_whitespace() => None,
        _ => Some(rest),
    })
    .parse(input)?;
    Ok((input, StartLine::Response { status, reason }))
}

/// [RFC 2326 §6.1](https://www.rfc-editor.org/rfc/rfc2326#section-6.1). The URL may hold blanks: only the last word is the version.
fn request_line(input: &[u8]) -> IResult<&[u8], StartLine<'_>> {
    let (input, method) = take_while_m_n(1, MAX_METHOD_BYTES, is_method_byte).parse(input)?;
    let (input, _) = blanks(input)?;
    let (input, uri) = map_opt(line, |rest: &[u8]| {
        let rest = rest.trim_ascii_end();
        let end = rest.iter().rposition(|&b| is_blank(b))?;
        let (uri, last_word) = rest.split_at(end);
        let (after, ()) = version(last_word.trim_ascii_start()).ok()?;
        (after.is_empty() && !uri.trim_ascii().is_empty()).then_some(uri)
    })
    .parse(input)?;
    Ok((input, StartLine::Request { method, uri }))
}

/// The rest of a line of text. A control character before its end is an error: then it is no text.
fn line(input: &[u8]) -> IResult<&[u8], &[u8]> {
    terminated(
        take_while(|b: u8| !b.is_ascii_control() || matches!(b, b'\t' | b'\r')),
        tag("\n"),
    )
    .parse(input)
}

fn version(input: &[u8]) -> IResult<&[u8], ()> {
    let digit = || satisfy(|c| c.is_ascii_digit());
    (tag("RTSP/"), digit(), tag("."), digit())
        .map(|_| ())
        .parse(input)
}

fn blanks(input: &[u8]) -> IResult<&[u8], &[u8]> {
    take_while_m_n(1, MAX_BLANKS, is_blank).parse(input)
}

fn status_code(digits: &[u8]) -> Option<StatusCode> {
    let code = str::from_utf8(digits).ok()?.parse().ok()?;
    (100..=999).contains(&code).then_some(StatusCode(code))
}

pub(super) fn is_blank(b: u8) -> bool {
    matches!(b, b' ' | b'\t')
}

fn is_method_byte(b: u8) -> bool {
    b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-')
}

/// Records what a line that [`start_line`] read bends; it is without its line end here.
pub(super) fn check(line: &[u8], reading: &mut Reading) -> Result<(), ParseError> {
    const VERSION: &[u8] = b"RTSP/1.0";
    let mut words = line.split(|&b| is_blank(b));
    let is_well_spaced = if line.starts_with(b"RTSP/") {
        let [version, status] = [words.next(), words.next()].map(Option::unwrap_or_default);
        if version != VERSION {
            tolerate(reading, Tolerance::Version, 0)?;
        }
        if line.len() == version.len() + 1 + status.len() {
            tolerate(reading, Tolerance::MissingReason, line.len())?;
        }
        status.len() == 3
    } else {
        if !line.trim_ascii_end().ends_with(VERSION) {
            let offset = line.trim_ascii_end().len().saturating_sub(VERSION.len());
            tolerate(reading, Tolerance::Version, offset)?;
        }
        words.clone().count() == 3 && words.all(|word| !word.is_empty())
    };
    if is_well_spaced {
        return Ok(());
    }
    let first = line.iter().position(|&b| is_blank(b)).unwrap_or_default();
    tolerate(reading, Tolerance::StartLineBlanks, first)
}
