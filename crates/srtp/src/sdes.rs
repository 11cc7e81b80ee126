//! Security descriptions: keys in the clear, in `a=crypto` of a session description
//! ([RFC 4568](https://www.rfc-editor.org/rfc/rfc4568)).
//!
//! The attribute's grammar is [`throughline_sdp::Crypto`]'s; what its key, identifier and parameters mean is read here.
//! RTSP has no answer, so that what is offered is declared, and counts for both directions
//! ([RFC 4568 §5.2](https://www.rfc-editor.org/rfc/rfc4568#section-5.2)): what we send is protected with the camera's keys,
//! under an SSRC of our own.
//!
//! ```
//! use throughline_sdp::{Crypto, TypedAttribute};
//! use throughline_srtp::{Suite, sdes};
//!
//! let line = "1 AES_CM_128_HMAC_SHA1_80 inline:d0RmdmcmVCspeEc3QGZiNWpVLFJhQX1cfHAwJSoj|2^20|1:4";
//! let crypto = Crypto::parse(line).ok_or("grammar")?;
//! let keys = sdes::keys(&crypto)?;
//! assert_eq!(keys[0].suite(), Suite::AesCm128HmacSha1_80);
//! assert_eq!(keys[0].mki().map(|mki| mki.as_bytes()), Some(&[0, 0, 0, 1][..]));
//!
//! let written = sdes::crypto(1, &keys[0]);
//! assert_eq!(sdes::keys(&written)?, keys);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use throughline_sdp::{Crypto, CryptoKey, MasterKeyIdentifier};
use zeroize::Zeroizing;

use crate::keys::{KeyError, Keys, Mki, Suite};

/// The most keys that are read of one attribute. Several are for changing them; nobody announces more than a few.
pub const MAX_KEYS: usize = 8;

/// Why the keys of an `a=crypto` cannot be used. It shows no key.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a=crypto:{tag}: {fault}")]
pub struct SdesError {
    /// The number of the attribute.
    pub tag: u32,
    /// What is wrong with it.
    pub fault: Fault,
}

/// What is wrong with an `a=crypto`.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Fault {
    /// The suite is none of [`Suite`].
    #[error("crypto-suite {0} is not supported")]
    Suite(String),
    /// The session parameter would switch something off, or is unknown and not marked as one to ignore
    /// ([RFC 4568 §6.3](https://www.rfc-editor.org/rfc/rfc4568#section-6.3)).
    #[error("session parameter {0} is not supported")]
    SessionParameter(String),
    /// A key is not in base64.
    #[error("key is not in base64")]
    Base64,
    /// A key has another length than its suite wants.
    #[error(transparent)]
    Key(#[from] KeyError),
    /// An identifier does not fit into the length that is stated with it, or that length is above [`Mki::MAX_LEN`].
    #[error("master key identifier does not fit into {length} bytes, or is longer than 16")]
    Mki {
        /// The stated length.
        length: u8,
    },
    /// There are several keys, and not each has an identifier, all of one length.
    #[error("several keys that packets cannot tell apart")]
    Ambiguous,
    /// There are more than [`MAX_KEYS`].
    #[error("more than {MAX_KEYS} keys")]
    TooMany,
}

/// The keys of an `a=crypto`, at least one; all of one suite, and of identifiers of one length where there are several.
///
/// The lifetime of a key is the sender's to keep and is not looked at.
pub fn keys(crypto: &Crypto) -> Result<Vec<Keys>, SdesError> {
    let refused = |fault| SdesError {
        tag: crypto.tag,
        fault,
    };
    let suite = Suite::from_name(&crypto.suite).ok_or_else(|| refused(Fault::Suite(crypto.suite.clone())))?;
    if let Some(parameter) = crypto.session_parameters.iter().find(|p| !is_harmless(p)) {
        // FEC_KEY has a key for its value, and so has `inline:` behind a blank.
        let name = parameter.split(['=', ':']).next().unwrap_or_default();
        return Err(refused(Fault::SessionParameter(name.to_owned())));
    }
    if crypto.keys.len() > MAX_KEYS {
        return Err(refused(Fault::TooMany));
    }
    let keys: Vec<Keys> = crypto
        .keys
        .iter()
        .map(|key| read(suite, key))
        .collect::<Result<_, _>>()
        .map_err(refused)?;
    if !are_told_apart(&keys) {
        return Err(refused(Fault::Ambiguous));
    }
    Ok(keys)
}

/// The attribute that offers `keys`, without a lifetime.
pub fn crypto(tag: u32, keys: &Keys) -> Crypto {
    let mki = keys.mki().map(|mki| {
        let value = mki
            .as_bytes()
            .iter()
            .fold(0_u128, |value, byte| value << 8 | u128::from(*byte));
        MasterKeyIdentifier {
            value: value.to_string(),
            length: u8::try_from(mki.as_bytes().len()).unwrap_or(u8::MAX),
        }
    });
    Crypto {
        tag,
        suite: keys.suite().name().to_owned(),
        keys: vec![CryptoKey {
            key_and_salt: BASE64_STANDARD.encode(keys.key_and_salt()),
            lifetime: None,
            mki,
        }],
        session_parameters: Vec::new(),
    }
}

/// Whether each has an identifier of its own, all of one length, or is alone.
pub(crate) fn are_told_apart(keys: &[Keys]) -> bool {
    let length = |keys: &Keys| keys.mki().map(|mki| mki.as_bytes().len());
    match keys {
        [] => false,
        [_] => true,
        [first, ..] => {
            length(first).is_some()
                && keys.iter().all(|keys| length(keys) == length(first))
                && (keys.iter().enumerate())
                    .all(|(index, one)| keys.iter().skip(index + 1).all(|other| one.mki() != other.mki()))
        }
    }
}

/// Neither `UNENCRYPTED_SRTP` and its like, nor a rate at which keys change, nor what is unknown.
fn is_harmless(parameter: &str) -> bool {
    match parameter.split_once('=') {
        Some(("KDR", rate)) => rate == "0",
        // The window's size is advice, and forward error correction is nothing that cameras do.
        Some(("WSH" | "FEC_ORDER", _)) => true,
        _ => parameter.starts_with('-'),
    }
}

fn read(suite: Suite, key: &CryptoKey) -> Result<Keys, Fault> {
    let secret = BASE64_STANDARD
        .decode(&key.key_and_salt)
        .map(Zeroizing::new)
        .map_err(|_| Fault::Base64)?;
    let mki = match &key.mki {
        Some(MasterKeyIdentifier { value, length }) => {
            Some(mki(value, *length).ok_or(Fault::Mki { length: *length })?)
        }
        None => None,
    };
    Ok(Keys::new(suite, &secret, mki)?)
}

/// `value` in decimal as a big-endian number of `length` bytes.
fn mki(value: &str, length: u8) -> Option<Mki> {
    let value: u128 = value.parse().ok()?;
    let number = value.to_be_bytes();
    let (lost, kept) = number.split_at_checked(number.len().checked_sub(usize::from(length))?)?;
    if lost.iter().any(|byte| *byte != 0) {
        return None;
    }
    Mki::new(kept)
}

#[cfg(test)]
mod tests {
    use super::*;
    use throughline_sdp::TypedAttribute;

    const KEY: &str = "d0RmdmcmVCspeEc3QGZiNWpVLFJhQX1cfHAwJSoj";

    fn read(line: &str) -> Result<Vec<Keys>, Fault> {
        keys(&Crypto::parse(line).expect("grammar")).map_err(|error| error.fault)
    }

    #[test]
    fn the_example_of_the_rfc_is_read() {
        // RFC 4568 §6.1.
        let keys = read(&format!(
            "1 AES_CM_128_HMAC_SHA1_80 inline:{KEY}|2^20|1:4;inline:MTIzNDU2Nzg5QUJDREUwMTIzNDU2Nzg5QUJjZGVm|2^20|2:4"
        ))
        .unwrap();
        assert_eq!(keys.len(), 2);
        assert_eq!(keys[1].key_and_salt(), b"123456789ABCDE0123456789ABcdef");
        assert_eq!(keys[1].mki(), Mki::new(&[0, 0, 0, 2]).as_ref());
    }

    #[test]
    fn every_suite_is_written_as_it_is_read() {
        for suite in Suite::ALL {
            for mki in [None, Mki::new(&[1]), Mki::new(&[0, 7]), Mki::new(&[9; 16])] {
                let keys = Keys::generate(*suite, &[0xa5; Keys::MAX_LEN], mki);
                let line = crypto(3, &keys).to_string();
                assert_eq!(read(&line), Ok(vec![keys]), "{line}");
            }
        }
    }

    #[test]
    fn what_would_weaken_the_stream_is_refused_by_name() {
        for (parameters, refused) in [
            ("KDR=0 WSH=128 FEC_ORDER=FEC_SRTP -NEW=1", None),
            ("UNENCRYPTED_SRTP", Some("UNENCRYPTED_SRTP")),
            ("UNENCRYPTED_SRTCP", Some("UNENCRYPTED_SRTCP")),
            ("KDR=0 UNAUTHENTICATED_SRTP", Some("UNAUTHENTICATED_SRTP")),
            ("KDR=1", Some("KDR")),
            ("FEC_KEY=inline:c2VjcmV0", Some("FEC_KEY")),
            ("NEW", Some("NEW")),
            // A blank where a semicolon should be: the name must not be a key.
            ("inline:c2VjcmV0", Some("inline")),
        ] {
            let result = read(&format!("1 AES_CM_128_HMAC_SHA1_80 inline:{KEY} {parameters}"));
            let expected = refused.map(|name| Fault::SessionParameter(name.to_owned()));
            assert_eq!(result.err(), expected, "{parameters}");
        }
    }

    #[test]
    fn what_cannot_be_a_key_is_told_apart_and_shows_none() {
        let suite = "AES_CM_128_HMAC_SHA1_80";
        let nine = vec![format!("inline:{KEY}|1:1"); 9].join(";");
        for (line, fault) in [
            (
                format!("1 F8_128_HMAC_SHA1_80 inline:{KEY}"),
                "crypto-suite F8_128_HMAC_SHA1_80 is not supported",
            ),
            (
                format!("1 {suite} inline:dGhyb3VnaGxpbmUgdGVzdA=="),
                "key and salt of AES_CM_128_HMAC_SHA1_80 have 30 bytes, not 16",
            ),
            (format!("1 {suite} inline:{KEY}A"), "key is not in base64"),
            (
                format!("1 {suite} inline:{KEY}|256:1"),
                "master key identifier does not fit into 1 bytes, or is longer than 16",
            ),
            (
                format!("1 {suite} inline:{KEY}|1:17"),
                "master key identifier does not fit into 17 bytes, or is longer than 16",
            ),
            (
                format!("1 {suite} inline:{KEY};inline:{KEY}"),
                "several keys that packets cannot tell apart",
            ),
            (
                format!("1 {suite} inline:{KEY}|1:1;inline:{KEY}|1:1"),
                "several keys that packets cannot tell apart",
            ),
            (
                format!("1 {suite} inline:{KEY}|1:1;inline:{KEY}|2:2"),
                "several keys that packets cannot tell apart",
            ),
            (format!("1 {suite} {nine}"), "more than 8 keys"),
        ] {
            let error = keys(&Crypto::parse(&line).expect(&line)).unwrap_err();
            assert_eq!(error.to_string(), format!("a=crypto:1: {fault}"));
            assert!(!format!("{error:?}").contains("d0Rm"));
        }
    }
}
