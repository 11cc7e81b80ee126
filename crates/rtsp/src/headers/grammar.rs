//! What the header grammars share.

use std::fmt::{self, Display, Write};
use std::str::FromStr;

use nom::branch::alt;
use nom::bytes::complete::{tag, take_while1};
use nom::character::complete::{anychar, char, none_of, space0};
use nom::combinator::opt;
use nom::multi::fold_many0;
use nom::sequence::preceded;
use nom::{IResult, Parser};

use super::{HeaderError, HeaderFault, TypedHeader};
use crate::{Reading, Tolerance};

/// A header's value while it is read.
pub(super) struct Value<'v, 'r> {
    header: &'static str,
    text: &'v str,
    reading: &'r mut Reading,
}

impl<'v, 'r> Value<'v, 'r> {
    pub(super) fn new<H: TypedHeader>(text: &'v str, reading: &'r mut Reading) -> Self {
        let header = H::NAME;
        Self {
            header,
            text,
            reading,
        }
    }

    /// Uses a tolerance for this part of the text, or is the error that it is refused.
    pub(super) fn tolerate(&mut self, tolerance: Tolerance, part: &str) -> Result<(), HeaderError> {
        if self.reading.tolerates(tolerance) {
            return Ok(());
        }
        Err(self.error(HeaderFault::NotTolerated(tolerance), part))
    }

    /// The same, where refusing is no error.
    pub(super) fn tolerates(&mut self, tolerance: Tolerance) -> bool {
        self.reading.tolerates(tolerance)
    }

    /// The error that this part of the text is not what it should be.
    pub(super) fn fault(&self, what: &'static str, part: &str) -> HeaderError {
        self.error(HeaderFault::Grammar(what), part)
    }

    fn error(&self, what: HeaderFault, part: &str) -> HeaderError {
        let offset = part.as_ptr().addr().wrapping_sub(self.text.as_ptr().addr());
        HeaderError {
            header: self.header,
            offset: offset.min(self.text.len()),
            what,
        }
    }
}

/// A number without a sign, which `FromStr` would take.
pub(crate) fn number<T: FromStr>(text: &str) -> Option<T> {
    let is_number = text.bytes().all(|b| b.is_ascii_digit());
    text.parse().ok().filter(|_| is_number)
}

/// The same in hexadecimal.
pub(super) fn hex_number(text: &str) -> Option<u32> {
    let is_number = text.bytes().all(|b| b.is_ascii_hexdigit());
    u32::from_str_radix(text, 16).ok().filter(|_| is_number)
}

/// Writes the items with a comma and a space between them.
pub(super) fn write_list(f: &mut fmt::Formatter<'_>, items: &[impl Display]) -> fmt::Result {
    for (i, item) in items.iter().enumerate() {
        f.write_str(if i == 0 { "" } else { ", " })?;
        item.fmt(f)?;
    }
    Ok(())
}

/// A quoted string as it is written ([RFC 7230 §3.2.6](https://www.rfc-editor.org/rfc/rfc7230#section-3.2.6)).
pub(super) struct Quoted<'a>(pub(super) &'a str);

impl Display for Quoted<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_char('"')?;
        for c in self.0.chars() {
            if matches!(c, '"' | '\\') {
                f.write_char('\\')?;
            }
            f.write_char(c)?;
        }
        f.write_char('"')
    }
}

/// A word as it is, or in quotes where it could not stand for itself between semicolons.
pub(super) struct Word<'a>(pub(super) &'a str);

impl Display for Word<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let is_plain = |c: char| c.is_ascii_graphic() && !matches!(c, ',' | ';' | '"' | '\\');
        if !self.0.is_empty() && self.0.chars().all(is_plain) {
            f.write_str(self.0)
        } else {
            Quoted(self.0).fmt(f)
        }
    }
}

/// The parts between separators that stand outside of quoted strings, each with the separator before it, and blanks
/// trimmed.
pub(super) struct Parts<'v> {
    rest: Option<&'v str>,
    separators: &'static [char],
    before: Option<char>,
}

impl<'v> Parts<'v> {
    pub(super) fn new(text: &'v str, separators: &'static [char]) -> Self {
        Self {
            rest: Some(text),
            separators,
            before: None,
        }
    }
}

impl<'v> Iterator for Parts<'v> {
    type Item = (Option<char>, &'v str);

    fn next(&mut self) -> Option<Self::Item> {
        let rest = self.rest?;
        let mut quotes = Quotes::default();
        let end = rest
            .char_indices()
            .find(|(_, c)| quotes.step(*c) == Place::Outside && self.separators.contains(c));
        let before = self.before.take();
        self.before = end.map(|(_, separator)| separator);
        self.rest = end.and_then(|(at, separator)| rest.get(at + separator.len_utf8()..));
        let part = end.and_then(|(at, _)| rest.get(..at)).unwrap_or(rest);
        Some((before, part.trim()))
    }
}

/// Where a character stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Place {
    Outside,
    /// It is a quotation mark, or stands between two.
    Inside,
}

/// Follows a text into its quoted strings and out of them.
#[derive(Default)]
struct Quotes {
    is_quoted: bool,
    is_escaped: bool,
}

impl Quotes {
    fn step(&mut self, c: char) -> Place {
        if self.is_escaped {
            self.is_escaped = false;
            return Place::Inside;
        }
        match c {
            '\\' if self.is_quoted => self.is_escaped = true,
            '"' => self.is_quoted = !self.is_quoted,
            _ if !self.is_quoted => return Place::Outside,
            _ => {}
        }
        Place::Inside
    }
}

/// Whether each quoted string in it has its end.
pub(super) fn is_terminated(text: &str) -> bool {
    let mut quotes = Quotes::default();
    for c in text.chars() {
        quotes.step(c);
    }
    !quotes.is_quoted
}

/// A quoted string without its quotes and escapes (Q49), or any other text as it is.
pub(super) fn unquote(text: &str, value: &mut Value<'_, '_>) -> Result<String, HeaderError> {
    let Ok((rest, (unquoted, end))) = quoted_string(text) else {
        return Ok(text.to_owned());
    };
    if end.is_none() {
        value.tolerate(Tolerance::UnterminatedString, text)?;
    }
    // What follows the string belongs to nothing.
    if !rest.trim().is_empty() {
        return Ok(text.to_owned());
    }
    Ok(unquoted)
}

/// A quoted string with its escapes (Q49), and its end; one that never ends is taken to the end of the text.
fn quoted_string(input: &str) -> IResult<&str, (String, Option<char>)> {
    let character = || alt((preceded(char('\\'), anychar), none_of("\"")));
    let text = fold_many0(character(), String::new, |mut text, c| {
        text.push(c);
        text
    });
    preceded(char('"'), (text, opt(char('"')))).parse(input)
}

/// One scheme of a `WWW-Authenticate` or `Authorization` header with what belongs to it.
#[derive(Debug, Default)]
pub(super) struct AuthScheme<'v> {
    pub(super) name: &'v str,
    parameters: Vec<(&'v str, String)>,
}

impl AuthScheme<'_> {
    /// The first parameter of that name.
    pub(super) fn get(&self, name: &str) -> Option<&str> {
        self.parameters
            .iter()
            .find(|(n, _)| n.eq_ignore_ascii_case(name))
            .map(|(_, value)| value.as_str())
    }

    /// The same, owned.
    pub(super) fn text(&self, name: &str) -> Option<String> {
        self.get(name).map(str::to_owned)
    }

    /// Whether the parameter of that name is `true`.
    pub(super) fn is_true(&self, name: &str) -> bool {
        self.get(name)
            .is_some_and(|value| value.eq_ignore_ascii_case("true"))
    }
}

/// Reads parameters that belong to no scheme.
pub(super) fn auth_parameters<'v>(value: &mut Value<'v, '_>) -> Result<AuthScheme<'v>, HeaderError> {
    read_auth(value, vec![AuthScheme::default()])
        .map(|schemes| schemes.into_iter().next().unwrap_or_default())
}

/// Reads every scheme with its parameters ([RFC 7235 §2.1](https://www.rfc-editor.org/rfc/rfc7235#section-2.1)).
///
/// A word that no `=` follows begins a scheme where a comma or nothing is before it, and is ignored elsewhere.
pub(super) fn auth_schemes<'v>(value: &mut Value<'v, '_>) -> Result<Vec<AuthScheme<'v>>, HeaderError> {
    read_auth(value, Vec::new())
}

fn read_auth<'v>(
    value: &mut Value<'v, '_>,
    mut schemes: Vec<AuthScheme<'v>>,
) -> Result<Vec<AuthScheme<'v>>, HeaderError> {
    let mut rest = value.text;
    // Whether the next parameter may follow without a comma.
    let mut is_first = true;
    loop {
        let item = rest.trim_start_matches([' ', '\t', ',']);
        if item.is_empty() {
            return Ok(schemes);
        }
        let gap = rest.get(..rest.len() - item.len()).unwrap_or_default();
        let is_separated = gap.contains(',');
        rest = match (auth_item(item), schemes.last_mut()) {
            (Ok((after, (name, Some(text)))), Some(scheme)) => {
                if !is_first && !is_separated {
                    value.tolerate(Tolerance::AuthSeparator, item)?;
                }
                is_first = false;
                scheme.parameters.push((name, unquote(text, value)?));
                after
            }
            (Ok((after, (name, None))), last) if is_separated || last.is_none() => {
                is_first = true;
                let parameters = Vec::new();
                schemes.push(AuthScheme { name, parameters });
                after
            }
            // Not a word, or one that belongs to nothing: step over it.
            (stray, _) => {
                value.tolerate(Tolerance::AuthSeparator, item)?;
                stray.map_or_else(|_| after_first(item), |(after, _)| after)
            }
        };
    }
}

fn after_first(text: &str) -> &str {
    let mut characters = text.chars();
    characters.next();
    characters.as_str()
}

/// `word` or `word = value`, the value with its quotes.
fn auth_item(input: &str) -> IResult<&str, (&str, Option<&str>)> {
    let word = take_while1(|c: char| !c.is_whitespace() && !matches!(c, ',' | '=' | '"'));
    let token = take_while1(|c: char| !c.is_whitespace() && c != ',');
    let text = alt((nom::combinator::recognize(quoted_string), token));
    (word, opt(preceded((space0, tag("="), space0), text))).parse(input)
}
