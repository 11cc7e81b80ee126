//! SHA-256 fingerprints of certificates.

use std::fmt;
use std::str::FromStr;

use sha2::{Digest, Sha256};

/// SHA-256 of a certificate in its DER form: what `openssl x509 -fingerprint -sha256` and browsers show.
///
/// Reads 64 hexadecimal digits in either case, with or without a colon between the bytes; `Display` gives upper case
/// with colons.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Fingerprint(pub [u8; 32]);

/// Why a text is no [`Fingerprint`].
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FingerprintError {
    /// Neither a hexadecimal digit nor a colon between two bytes.
    #[error("a fingerprint is written in hexadecimal digits, and {found:?} at byte {at} is none")]
    NoDigit {
        /// What stands there.
        found: char,
        /// From 0.
        at: usize,
    },
    /// Too short or too long; 40 digits are a SHA-1 fingerprint, which proves nothing any more.
    #[error("a SHA-256 fingerprint has 64 hexadecimal digits, not {digits}")]
    Length {
        /// How many there are.
        digits: usize,
    },
}

impl Fingerprint {
    /// That of a certificate in DER form.
    pub fn of(certificate: &[u8]) -> Self {
        Fingerprint(Sha256::digest(certificate).into())
    }
}

impl FromStr for Fingerprint {
    type Err = FingerprintError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let mut bytes = [0_u8; 32];
        let mut digits = 0;
        for (at, found) in text.char_indices() {
            // In `AA:BB` a colon stands behind every second digit but the last.
            if found == ':' && digits > 0 && digits % 2 == 0 && !text[..at].ends_with(':') {
                continue;
            }
            let value = found
                .to_digit(16)
                .and_then(|value| u8::try_from(value).ok())
                .ok_or(FingerprintError::NoDigit { found, at })?;
            if let Some(byte) = bytes.get_mut(digits / 2) {
                *byte = *byte << 4 | value;
            }
            digits += 1;
        }
        if digits == 64 {
            Ok(Fingerprint(bytes))
        } else {
            Err(FingerprintError::Length { digits })
        }
    }
}

impl fmt::Display for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, byte) in self.0.iter().enumerate() {
            let colon = if index == 0 { "" } else { ":" };
            write!(f, "{colon}{byte:02X}")?;
        }
        Ok(())
    }
}

impl fmt::Debug for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Fingerprint({self})")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Of no bytes at all.
    const PLAIN: &str = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

    #[test]
    fn every_spelling_prints_in_one_form() {
        let fingerprint = Fingerprint::of(b"");
        let printed = fingerprint.to_string();
        assert!(
            printed.starts_with("E3:B0:C4:42:") && printed.len() == 95,
            "{printed}"
        );
        for spelling in [PLAIN, &PLAIN.to_uppercase(), &printed, &printed.to_lowercase()] {
            assert_eq!(spelling.parse(), Ok(fingerprint));
        }
    }

    #[test]
    fn what_is_no_fingerprint_is_told_where_and_why() {
        let parse = |text: &str| text.parse::<Fingerprint>();
        for (text, found, at) in [
            ("zz", 'z', 0),
            (":AA", ':', 0),
            ("AA::BB", ':', 3),
            ("A:A", ':', 1),
            ("AÄ", 'Ä', 1),
        ] {
            assert_eq!(
                parse(text),
                Err(FingerprintError::NoDigit { found, at }),
                "{text}"
            );
        }
        for digits in [0, 40, 63, 66] {
            assert_eq!(
                parse(&"a".repeat(digits)),
                Err(FingerprintError::Length { digits })
            );
        }
    }
}
