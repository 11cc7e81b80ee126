//! The grammars of single lines, [RFC 8866 §9](https://www.rfc-editor.org/rfc/rfc8866#section-9) to the letter: each
//! takes a line's value and gives nothing unless all of it matches. Leniency is the reader's.

use std::str::FromStr;

use nom::branch::alt;
use nom::bytes::complete::{tag, take_till, take_till1, take_while1};
use nom::character::complete::{char, digit0, digit1, one_of, satisfy};
use nom::combinator::{all_consuming, map_opt, map_res, opt, peek, rest, value, verify};
use nom::error::Error;
use nom::multi::{many1_count, separated_list1};
use nom::sequence::{preceded, separated_pair, terminated};
use nom::{IResult, Parser};

use crate::fields::{AddressType, Bandwidth, Connection, Origin, Timing};
use crate::format::{FormatParameters, MAX_PAYLOAD_TYPE, Rtpmap};

/// How a line ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum LineEnd {
    CrLf,
    /// LF or CR alone.
    Lone,
    /// With the input.
    Input,
}

/// The next line, how it ends, and the input behind it. Nothing at the end of the input.
pub(crate) fn next_line(input: &[u8]) -> Option<(&[u8], LineEnd, &[u8])> {
    let line = take_till::<_, &[u8], Error<&[u8]>>(|byte| byte == b'\r' || byte == b'\n');
    let end = opt(alt((
        value(LineEnd::CrLf, tag("\r\n")),
        value(LineEnd::Lone, alt((tag("\n"), tag("\r")))),
    )));
    let (behind, (line, end)) = (line, end).parse(input).ok()?;
    (!input.is_empty()).then_some((line, end.unwrap_or(LineEnd::Input), behind))
}

/// `<type>=<value>`.
pub(crate) fn type_and_value(line: &str) -> Option<(char, &str)> {
    whole(
        separated_pair(satisfy(|c| c.is_ascii_alphabetic()), char('='), rest),
        line,
    )
}

/// `0`
pub(crate) fn version(input: &str) -> Option<()> {
    whole(value((), char('0')), input)
}

/// `- 1 1 IN IP4 192.0.2.1`
pub(crate) fn origin(input: &str) -> Option<Origin> {
    let (username, _, session_id, _, session_version, _, address_type, _, address) = whole(
        (
            field,
            char(' '),
            digit1,
            char(' '),
            digit1,
            tag(" IN "),
            address_type,
            char(' '),
            host,
        ),
        input,
    )?;
    Some(Origin {
        username: username.to_owned(),
        session_id: session_id.to_owned(),
        session_version: session_version.to_owned(),
        address_type,
        address: address.to_owned(),
    })
}

/// `IN IP4 233.252.0.1/127/3`: only IPv4 has a time to live, [RFC 8866 §5.7](https://www.rfc-editor.org/rfc/rfc8866#section-5.7).
pub(crate) fn connection(input: &str) -> Option<Connection> {
    let ip4 = (
        preceded(tag("IN IP4 "), host),
        opt((
            preceded(char('/'), number::<u8>),
            opt(preceded(char('/'), number::<u16>)),
        )),
    )
        .map(|(address, suffix)| {
            (
                AddressType::Ip4,
                address,
                suffix.map(|s| s.0),
                suffix.and_then(|s| s.1),
            )
        });
    let ip6 = (
        preceded(tag("IN IP6 "), host),
        opt(preceded(char('/'), number::<u16>)),
    )
        .map(|(address, count)| (AddressType::Ip6, address, None, count));
    let (address_type, address, ttl, group_count) = whole(alt((ip4, ip6)), input)?;
    Some(Connection {
        address_type,
        address: address.to_owned(),
        ttl,
        group_count,
    })
}

/// `AS:5000`
pub(crate) fn bandwidth(input: &str) -> Option<Bandwidth> {
    let (modifier, value) = whole(separated_pair(token, char(':'), number), input)?;
    Some(Bandwidth {
        modifier: modifier.to_owned(),
        value,
    })
}

/// `0 0`
pub(crate) fn timing(input: &str) -> Option<Timing> {
    let (start, stop) = whole(separated_pair(number, char(' '), number), input)?;
    Some(Timing { start, stop })
}

/// `7d 1h 0 25h`: an interval, a duration and at least one offset.
pub(crate) fn repeat(input: &str) -> Option<()> {
    let typed_time = |i| terminated(digit1::<&str, Error<&str>>, opt(one_of("dhms"))).parse(i);
    let offsets = many1_count(preceded(char(' '), typed_time));
    whole(value((), (typed_time, char(' '), typed_time, offsets)), input)
}

/// The fields of an `m=` line, not yet judged.
pub(crate) struct MediaFields {
    pub(crate) kind: String,
    pub(crate) port: String,
    pub(crate) protocol: String,
    pub(crate) formats: Vec<String>,
}

/// `video 49170/2 RTP/AVP 96 97`
pub(crate) fn media(input: &str) -> Option<MediaFields> {
    let fields = (
        token,
        char(' '),
        field,
        char(' '),
        field,
        many1_count(preceded(char(' '), field)),
    );
    whole(value((), fields), input)?;
    Some(bent_media(input))
}

/// What there is of an `m=` line, its fields separated by single spaces.
pub(crate) fn bent_media(input: &str) -> MediaFields {
    let mut fields = input.split(' ').map(str::to_owned);
    let mut next = || fields.next().unwrap_or_default();
    MediaFields {
        kind: next(),
        port: next(),
        protocol: next(),
        formats: fields.collect(),
    }
}

/// `49170` or `49170/2`, the second being how many port pairs follow one another.
pub(crate) fn port(input: &str) -> Option<u16> {
    whole(terminated(number, opt((char('/'), number::<u16>))), input)
}

/// `96`
pub(crate) fn payload_type(input: &str) -> Option<u8> {
    whole(payload_type_number, input)
}

/// `<name>` or `<name>:<value>`, the value not empty.
pub(crate) fn attribute(input: &str) -> Option<()> {
    whole(value((), (token, opt((char(':'), take_while1(|_| true))))), input)
}

/// `97 L16/44100/2`: the last number is a parameter of the encoding, channels where it is audio.
pub(crate) fn rtpmap(input: &str) -> Option<Rtpmap> {
    let clock_rate = verify(number::<u32>, |hertz| *hertz != 0);
    let (payload_type, _, encoding, _, clock_rate, parameters) = whole(
        (
            payload_type_number,
            char(' '),
            encoding,
            char('/'),
            clock_rate,
            opt(preceded(char('/'), token)),
        ),
        input,
    )?;
    let channels = parameters.and_then(|channels| whole(number, channels));
    Some(Rtpmap {
        payload_type,
        encoding: encoding.to_owned(),
        clock_rate,
        channels,
    })
}

/// What there is of an rtpmap that is not one: payload type and encoding, and the clock rate if it is a number.
pub(crate) fn bent_rtpmap(input: &str) -> Option<Rtpmap> {
    let (payload_type, _, encoding, clock_rate, _) = whole(
        (
            payload_type_number,
            char(' '),
            encoding,
            opt(preceded(char('/'), number)),
            rest,
        ),
        input,
    )?;
    Some(Rtpmap {
        payload_type,
        encoding: encoding.to_owned(),
        clock_rate: clock_rate.unwrap_or(0),
        channels: None,
    })
}

/// `96 packetization-mode=1;profile-level-id=42e01f`, and the bent `98 96 packetization-mode=1`.
pub(crate) fn fmtp(input: &str) -> Option<FormatParameters> {
    let payload_types = separated_list1(char(' '), terminated(payload_type_number, peek(char(' '))));
    let text = verify(rest, |text: &str| !text.trim().is_empty());
    let (payload_types, _, text) = whole((payload_types, char(' '), text), input)?;
    Some(FormatParameters {
        payload_types,
        text: text.trim().to_owned(),
    })
}

/// `29.97`: `a=framerate` in pictures a second, where it is a positive number. To the letter of the grammar it would not
/// end in zeros, which nobody heeds.
pub(crate) fn frame_rate(input: &str) -> Option<f64> {
    let number = (digit1, opt((char('.'), digit0)));
    whole(value((), number), input)?;
    let rate: f64 = input.parse().ok()?;
    (rate.is_finite() && rate > 0.0).then_some(rate)
}

/// Whether it is a token as RFC 8866 has it.
pub(crate) fn is_token(input: &str) -> bool {
    whole(token, input).is_some()
}

/// Whether it is an IP address or a host name.
pub(crate) fn is_host(input: &str) -> bool {
    whole(host, input).is_some()
}

/// Whether it is a token, alone or with `=` and something behind it.
pub(crate) fn is_extension(input: &str) -> bool {
    whole(value((), (token, opt((char('='), take_while1(|_| true))))), input).is_some()
}

/// Whether it is base64, with at most two characters of padding at its end.
pub(crate) fn is_base64(input: &str) -> bool {
    let digits = input.trim_end_matches('=');
    let is_digit = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/');
    !digits.is_empty() && digits.bytes().all(is_digit) && input.len() - digits.len() <= 2
}

/// With one space in place of each run of white space, none around.
pub(crate) fn single_spaced(value: &str) -> String {
    value.split_ascii_whitespace().collect::<Vec<_>>().join(" ")
}

pub(crate) fn whole<'a, T>(
    grammar: impl Parser<&'a str, Output = T, Error = Error<&'a str>>,
    input: &'a str,
) -> Option<T> {
    all_consuming(grammar).parse(input).ok().map(|(_, read)| read)
}

pub(crate) fn address_type(input: &str) -> IResult<&str, AddressType> {
    alt((
        value(AddressType::Ip4, tag("IP4")),
        value(AddressType::Ip6, tag("IP6")),
    ))
    .parse(input)
}

/// An IP address or a host name.
pub(crate) fn host(input: &str) -> IResult<&str, &str> {
    take_while1(|c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | ':')).parse(input)
}

fn field(input: &str) -> IResult<&str, &str> {
    take_till1(|c: char| c.is_ascii_whitespace()).parse(input)
}

fn encoding(input: &str) -> IResult<&str, &str> {
    take_till1(|c: char| c == '/' || c.is_ascii_whitespace()).parse(input)
}

fn token(input: &str) -> IResult<&str, &str> {
    take_while1(|c: char| c.is_ascii_graphic() && !"\"(),/:;<=>?@[\\]".contains(c)).parse(input)
}

pub(crate) fn number<T: FromStr>(input: &str) -> IResult<&str, T> {
    map_res(digit1, str::parse).parse(input)
}

pub(crate) fn payload_type_number(input: &str) -> IResult<&str, u8> {
    map_opt(number::<u8>, |number| {
        (number <= MAX_PAYLOAD_TYPE).then_some(number)
    })
    .parse(input)
}
