//! What the header grammars share.

use std::fmt::{self, Display, Write};

use nom::branch::alt;
use nom::bytes::complete::{tag, take_while1};
use nom::character::complete::{anychar, char, none_of, space0};
use nom::combinator::{map, opt};
use nom::multi::fold_many0;
use nom::sequence::{delimited, preceded};
use nom::{IResult, Parser};

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

/// Reads a quoted string with its escapes (Q49); one that never ends is taken to the end.
fn quoted_string(input: &str) -> IResult<&str, String> {
    let character = || alt((preceded(char('\\'), anychar), none_of("\"")));
    let text = fold_many0(character(), String::new, |mut text, c| {
        text.push(c);
        text
    });
    delimited(char('"'), text, opt(char('"'))).parse(input)
}

/// One scheme of a `WWW-Authenticate` or `Authorization` header with what belongs to it.
#[derive(Debug, Default)]
pub(super) struct AuthScheme {
    pub(super) name: String,
    parameters: Vec<(String, String)>,
}

impl AuthScheme {
    /// The first parameter of that name.
    pub(super) fn get(&self, name: &str) -> Option<&str> {
        self.parameters
            .iter()
            .find(|(n, _)| n.eq_ignore_ascii_case(name))
            .map(|(_, value)| value.as_str())
    }
}

/// Reads every scheme with its parameters ([RFC 7235 §2.1](https://www.rfc-editor.org/rfc/rfc7235#section-2.1)).
///
/// A word that no `=` follows begins a scheme where a comma or nothing is before it, and is ignored elsewhere.
pub(super) fn auth_schemes(value: &str) -> Vec<AuthScheme> {
    let mut schemes: Vec<AuthScheme> = Vec::new();
    let mut rest = value;
    loop {
        let trimmed = rest.trim_start_matches([' ', '\t', ',']);
        let separated = schemes.is_empty()
            || rest
                .get(..rest.len() - trimmed.len())
                .is_some_and(|gap| gap.contains(','));
        rest = match (auth_item(trimmed), schemes.last_mut()) {
            (Ok((after, (name, Some(value)))), Some(scheme)) => {
                scheme.parameters.push((name.to_owned(), value));
                after
            }
            (Ok((after, (name, None))), _) if separated => {
                schemes.push(AuthScheme {
                    name: name.to_owned(),
                    parameters: Vec::new(),
                });
                after
            }
            (Ok((after, _)), _) => after,
            // Not a word: step over it.
            (Err(_), _) => {
                let mut characters = trimmed.chars();
                if characters.next().is_none() {
                    return schemes;
                }
                characters.as_str()
            }
        };
    }
}

/// `word` or `word = value`.
fn auth_item(input: &str) -> IResult<&str, (&str, Option<String>)> {
    let word = take_while1(|c: char| !c.is_whitespace() && !matches!(c, ',' | '=' | '"'));
    let token = take_while1(|c: char| !c.is_whitespace() && c != ',');
    let value = alt((quoted_string, map(token, str::to_owned)));
    (word, opt(preceded((space0, tag("="), space0), value))).parse(input)
}
