use std::fmt;

use zeroize::Zeroizing;

/// Cipher and authentication of a stream: a crypto-suite of
/// [RFC 4568 §6.2](https://www.rfc-editor.org/rfc/rfc4568#section-6.2),
/// [RFC 6188 §4](https://www.rfc-editor.org/rfc/rfc6188#section-4) or
/// [RFC 7714 §14.2](https://www.rfc-editor.org/rfc/rfc7714#section-14.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Suite {
    /// AES in counter mode with 128-bit keys, tags of 80 bits: what every camera has.
    AesCm128HmacSha1_80,
    /// The same with tags of 32 bits on RTP; those on RTCP keep their 80.
    AesCm128HmacSha1_32,
    /// AES in counter mode with 256-bit keys, tags of 80 bits.
    AesCm256HmacSha1_80,
    /// The same with tags of 32 bits on RTP; those on RTCP keep their 80.
    AesCm256HmacSha1_32,
    /// AES in Galois/counter mode with 128-bit keys, tags of 128 bits.
    AeadAes128Gcm,
    /// AES in Galois/counter mode with 256-bit keys, tags of 128 bits.
    AeadAes256Gcm,
}

impl Suite {
    /// Every suite there is.
    pub const ALL: &[Self] = &[
        Self::AesCm128HmacSha1_80,
        Self::AesCm128HmacSha1_32,
        Self::AesCm256HmacSha1_80,
        Self::AesCm256HmacSha1_32,
        Self::AeadAes128Gcm,
        Self::AeadAes256Gcm,
    ];

    /// Its name in security descriptions.
    pub const fn name(self) -> &'static str {
        match self {
            Self::AesCm128HmacSha1_80 => "AES_CM_128_HMAC_SHA1_80",
            Self::AesCm128HmacSha1_32 => "AES_CM_128_HMAC_SHA1_32",
            Self::AesCm256HmacSha1_80 => "AES_256_CM_HMAC_SHA1_80",
            Self::AesCm256HmacSha1_32 => "AES_256_CM_HMAC_SHA1_32",
            Self::AeadAes128Gcm => "AEAD_AES_128_GCM",
            Self::AeadAes256Gcm => "AEAD_AES_256_GCM",
        }
    }

    /// The suite of that name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|suite| suite.name() == name)
    }

    /// Bytes of a master key.
    pub const fn key_len(self) -> usize {
        match self {
            Self::AesCm128HmacSha1_80 | Self::AesCm128HmacSha1_32 | Self::AeadAes128Gcm => 16,
            Self::AesCm256HmacSha1_80 | Self::AesCm256HmacSha1_32 | Self::AeadAes256Gcm => 32,
        }
    }

    /// Bytes of a master salt.
    pub const fn salt_len(self) -> usize {
        match self {
            Self::AeadAes128Gcm | Self::AeadAes256Gcm => 12,
            _ => 14,
        }
    }

    /// Bytes of the authentication tag of an RTP packet.
    pub const fn tag_len(self) -> usize {
        match self {
            Self::AesCm128HmacSha1_80 | Self::AesCm256HmacSha1_80 => 10,
            Self::AesCm128HmacSha1_32 | Self::AesCm256HmacSha1_32 => 4,
            Self::AeadAes128Gcm | Self::AeadAes256Gcm => 16,
        }
    }
}

impl fmt::Display for Suite {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// What packets name their master key by, the master key identifier
/// ([RFC 3711 §3.1](https://www.rfc-editor.org/rfc/rfc3711#section-3.1)). Not a secret: every packet shows it.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Mki(Vec<u8>);

impl Mki {
    /// The longest that is read, in bytes. RFC 4568 has up to 128; every packet carries it, and the field uses 1 to 4.
    pub const MAX_LEN: usize = 16;

    /// The identifier of these bytes; `None` without any, and above [`MAX_LEN`](Self::MAX_LEN).
    pub fn new(bytes: &[u8]) -> Option<Self> {
        (1..=Self::MAX_LEN)
            .contains(&bytes.len())
            .then(|| Self(bytes.to_vec()))
    }

    /// Its bytes as packets have them.
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }
}

/// A master key with its salt, the suite it is for, and its name in the packets.
///
/// `Debug` shows neither key nor salt, and both are overwritten when this is dropped.
///
/// ```
/// use throughline_srtp::{Keys, Suite};
///
/// let keys = Keys::new(Suite::AesCm128HmacSha1_80, &[0x5a; 30], None)?;
/// assert_eq!((keys.master_key().len(), keys.master_salt().len()), (16, 14));
/// assert_eq!(format!("{keys:?}"), "Keys { suite: AesCm128HmacSha1_80, mki: None, .. }");
/// # Ok::<(), throughline_srtp::KeyError>(())
/// ```
#[derive(Clone, PartialEq, Eq)]
pub struct Keys {
    suite: Suite,
    key_and_salt: Zeroizing<Vec<u8>>,
    mki: Option<Mki>,
}

impl Keys {
    /// Bytes of the longest key and salt.
    pub const MAX_LEN: usize = 46;

    /// Keys of `suite`: the master key and behind it the salt, as security descriptions and MIKEY have them.
    pub fn new(suite: Suite, key_and_salt: &[u8], mki: Option<Mki>) -> Result<Self, KeyError> {
        let (expected, found) = (suite.key_len() + suite.salt_len(), key_and_salt.len());
        if expected != found {
            return Err(KeyError {
                suite,
                expected,
                found,
            });
        }
        Ok(Self {
            suite,
            key_and_salt: Zeroizing::new(key_and_salt.to_vec()),
            mki,
        })
    }

    /// New keys out of the caller's random bytes, which must be good enough for secrets.
    pub fn generate(suite: Suite, random: &[u8; Self::MAX_LEN], mki: Option<Mki>) -> Self {
        let length = suite.key_len() + suite.salt_len();
        Self {
            suite,
            key_and_salt: Zeroizing::new(random.iter().copied().take(length).collect()),
            mki,
        }
    }

    /// Cipher and authentication.
    pub fn suite(&self) -> Suite {
        self.suite
    }

    /// The master key, 16 or 32 bytes. Secret.
    pub fn master_key(&self) -> &[u8] {
        self.split().0
    }

    /// The master salt, 14 or 12 bytes. Kept like a secret.
    pub fn master_salt(&self) -> &[u8] {
        self.split().1
    }

    /// Key and salt, one behind the other. Secret.
    pub fn key_and_salt(&self) -> &[u8] {
        &self.key_and_salt
    }

    /// Its name in the packets, where they name it.
    pub fn mki(&self) -> Option<&Mki> {
        self.mki.as_ref()
    }

    fn split(&self) -> (&[u8], &[u8]) {
        self.key_and_salt
            .split_at_checked(self.suite.key_len())
            .unwrap_or_default()
    }
}

impl fmt::Debug for Keys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Keys")
            .field("suite", &self.suite)
            .field("mki", &self.mki)
            .finish_non_exhaustive()
    }
}

/// Key and salt have not the length that their suite wants.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("key and salt of {suite} have {expected} bytes, not {found}")]
pub struct KeyError {
    /// The suite.
    pub suite: Suite,
    /// Bytes of its key and salt.
    pub expected: usize,
    /// Bytes that there are.
    pub found: usize,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_suite_is_known_by_its_name() {
        for suite in Suite::ALL {
            assert_eq!(Suite::from_name(&suite.to_string()), Some(*suite));
        }
        assert_eq!(Suite::from_name("F8_128_HMAC_SHA1_80"), None);
        assert_eq!(Suite::from_name("aes_cm_128_hmac_sha1_80"), None);
    }

    #[test]
    fn keys_have_the_length_of_their_suite() {
        for (suite, length) in Suite::ALL.iter().zip([30, 30, 46, 46, 28, 44]) {
            assert!(Keys::new(*suite, &vec![1; length], None).is_ok());
            let error = Keys::new(*suite, &vec![1; length + 1], None).unwrap_err();
            assert_eq!((error.expected, error.found), (length, length + 1));
            let mut random = [1; Keys::MAX_LEN];
            random[suite.key_len()] = 2;
            let keys = Keys::generate(*suite, &random, None);
            assert_eq!(keys.key_and_salt().len(), length);
            assert_eq!(keys.master_salt().first(), Some(&2));
        }
    }

    #[test]
    fn debug_shows_nothing_secret() {
        let keys = Keys::new(Suite::AesCm128HmacSha1_80, &[0x77; 30], Mki::new(&[1, 2])).unwrap();
        assert_eq!(
            format!("{keys:?}"),
            "Keys { suite: AesCm128HmacSha1_80, mki: Some(Mki([1, 2])), .. }"
        );
    }

    #[test]
    fn an_identifier_has_1_to_16_bytes() {
        assert_eq!(Mki::new(&[]), None);
        assert_eq!(Mki::new(&[0; 17]), None);
        assert_eq!(Mki::new(&[7; 16]).map(|mki| mki.as_bytes().len()), Some(16));
    }
}
