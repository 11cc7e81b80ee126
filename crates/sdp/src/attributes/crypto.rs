use std::fmt;

use nom::Parser;
use nom::bytes::complete::{tag, take_while_m_n, take_while1};
use nom::character::complete::{char, digit1};
use nom::combinator::{map_opt, map_res, opt, success, verify};
use nom::multi::{many0, separated_list1};
use nom::sequence::{preceded, separated_pair};
use nom::{AsChar, IResult};

use super::TypedAttribute;
use crate::grammar::{is_base64, number, whole};

/// Keys for SRTP: `a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:..`,
/// [RFC 4568 §9](https://www.rfc-editor.org/rfc/rfc4568#section-9). `Debug` hides keys and session parameters, one of
/// which (`FEC_KEY`) is a key as well.
#[derive(Clone, PartialEq, Eq)]
pub struct Crypto {
    /// Numbers the offers of a media description, at most nine digits.
    pub tag: u32,
    /// Cipher and authentication, such as `AES_CM_128_HMAC_SHA1_80`.
    pub suite: String,
    /// The keys, at least one; several are told apart by their [`MasterKeyIdentifier`].
    pub keys: Vec<CryptoKey>,
    /// What follows them, as written: `KDR=0`, `UNENCRYPTED_SRTP`.
    pub session_parameters: Vec<String>,
}

/// One key of a [`Crypto`], by the method `inline`, the only one there is. `Debug` hides the key.
#[derive(Clone, PartialEq, Eq)]
pub struct CryptoKey {
    /// Master key and salt, one behind the other, in base64.
    pub key_and_salt: String,
    /// How many packets it is good for.
    pub lifetime: Option<u64>,
    /// Its name in the packets, where they name it.
    pub mki: Option<MasterKeyIdentifier>,
}

/// What packets name their key by: `1:4`.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct MasterKeyIdentifier {
    /// Decimal digits.
    pub value: String,
    /// How many bytes it takes in a packet, 1 to 128.
    pub length: u8,
}

impl TypedAttribute for Crypto {
    const NAME: &'static str = "crypto";

    fn parse(value: &str) -> Option<Self> {
        let tag = map_res(take_while_m_n(1, 9, AsChar::is_dec_digit), str::parse);
        let suite = take_while1(|c: char| c.is_ascii_alphanumeric() || c == '_');
        let keys = separated_list1(char(';'), preceded(tag_inline, key));
        let parameter = preceded(spaces, take_while1(|c: char| c.is_ascii_graphic()));
        let mut parameters = many0(parameter.map(str::to_owned));
        let fields = (tag, spaces, suite, spaces, keys, |i| parameters.parse(i));
        whole(
            fields.map(|(tag, _, suite, _, keys, session_parameters)| Self {
                tag,
                suite: str::to_owned(suite),
                keys,
                session_parameters,
            }),
            value,
        )
    }
}

fn spaces(input: &str) -> IResult<&str, &str> {
    take_while1(|c| c == ' ' || c == '\t').parse(input)
}

fn tag_inline(input: &str) -> IResult<&str, &str> {
    tag("inline:").parse(input)
}

fn key(input: &str) -> IResult<&str, CryptoKey> {
    let key_and_salt = verify(
        take_while1(|c: char| c.is_ascii_graphic() && c != '|' && c != ';'),
        is_base64,
    );
    let lifetime = preceded(char('|'), lifetime);
    let mki = separated_pair(
        digit1,
        char(':'),
        verify(number, |length| (1..=128).contains(length)),
    );
    let mki = preceded(char('|'), mki);
    let mut fields = (key_and_salt, opt(lifetime), opt(mki));
    let (behind, (key_and_salt, lifetime, mki)) = fields.parse(input)?;
    let mki = mki.map(|(value, length): (&str, u8)| MasterKeyIdentifier {
        value: value.to_owned(),
        length,
    });
    let key_and_salt = str::to_owned(key_and_salt);
    Ok((
        behind,
        CryptoKey {
            key_and_salt,
            lifetime,
            mki,
        },
    ))
}

/// `2^31` or the number itself; not the digits of a master key identifier.
fn lifetime(input: &str) -> IResult<&str, u64> {
    let (behind, (power, number)) = (opt(tag("2^")), number::<u64>).parse(input)?;
    let packets = match power {
        Some(_) => u32::try_from(number)
            .ok()
            .and_then(|bits| 1_u64.checked_shl(bits)),
        None => Some(number).filter(|_| !behind.starts_with(':')),
    };
    map_opt(success(packets), |packets| packets).parse(behind)
}

impl fmt::Display for Crypto {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {} ", self.tag, self.suite)?;
        for (index, key) in self.keys.iter().enumerate() {
            let separator = if index == 0 { "" } else { ";" };
            write!(f, "{separator}inline:{}", key.key_and_salt)?;
            match key.lifetime {
                Some(packets) if packets.is_power_of_two() => write!(f, "|2^{}", packets.ilog2())?,
                Some(packets) => write!(f, "|{packets}")?,
                None => {}
            }
            if let Some(MasterKeyIdentifier { value, length }) = &key.mki {
                write!(f, "|{value}:{length}")?;
            }
        }
        self.session_parameters
            .iter()
            .try_for_each(|parameter| write!(f, " {parameter}"))
    }
}

impl fmt::Debug for Crypto {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Crypto")
            .field("tag", &self.tag)
            .field("suite", &self.suite)
            .field("keys", &self.keys)
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for CryptoKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CryptoKey")
            .field("lifetime", &self.lifetime)
            .field("mki", &self.mki)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::attributes::tests::{check, check_refused};

    fn key(lifetime: Option<u64>, mki: Option<(&str, u8)>) -> CryptoKey {
        CryptoKey {
            key_and_salt: "dGhyb3VnaGxpbmUgdGVzdA==".to_owned(),
            lifetime,
            mki: mki.map(|(value, length)| MasterKeyIdentifier {
                value: value.to_owned(),
                length,
            }),
        }
    }

    fn crypto(keys: Vec<CryptoKey>, session_parameters: &[&str]) -> Crypto {
        Crypto {
            tag: 1,
            suite: "AES_CM_128_HMAC_SHA1_80".to_owned(),
            keys,
            session_parameters: session_parameters.iter().map(|p| (*p).to_owned()).collect(),
        }
    }

    #[test]
    fn reads_and_writes_keys_lifetimes_and_identifiers() {
        check(&[
            (
                "1 AES_CM_128_HMAC_SHA1_80 inline:dGhyb3VnaGxpbmUgdGVzdA==",
                crypto(vec![key(None, None)], &[]),
            ),
            (
                "1 AES_CM_128_HMAC_SHA1_80 inline:dGhyb3VnaGxpbmUgdGVzdA==|2^20|1:4;\
                 inline:dGhyb3VnaGxpbmUgdGVzdA==|1000 KDR=0 UNENCRYPTED_SRTP",
                crypto(
                    vec![key(Some(1 << 20), Some(("1", 4))), key(Some(1000), None)],
                    &["KDR=0", "UNENCRYPTED_SRTP"],
                ),
            ),
            (
                "1 AES_CM_128_HMAC_SHA1_80 inline:dGhyb3VnaGxpbmUgdGVzdA==|24:128",
                crypto(vec![key(None, Some(("24", 128)))], &[]),
            ),
        ]);
        check_refused::<Crypto>(&[
            "",
            "1",
            "1 AES",
            "1 AES inline:",
            "1234567890 AES inline:dGhy",
            "1 AES inline:dGhy|2^64",
            "1 AES inline:dGhy|1:0",
            "1 AES inline:dGhy|1:129",
            "1 AES uri:dGhy",
            "1 AES inline:dGhy ",
        ]);
    }

    #[test]
    fn debug_shows_no_key() {
        let debug = format!(
            "{:?}",
            crypto(vec![key(Some(5), None)], &["FEC_KEY=inline:dGhyb3Vn"])
        );
        assert!(
            debug.contains("lifetime: Some(5)") && !debug.contains("dGhyb3Vn"),
            "{debug}"
        );
    }
}
