use std::fmt;

use super::error::{Fault, KeysError, ParseError};
use super::reader::{Reader, write_long, write_short};
use crate::keys::Suite;
use crate::tolerance::{Reading, Tolerance};

const SRTP: u8 = 0;
const AES_CM: u8 = 1;
const AES_GCM: u8 = 6;
const HMAC_SHA1: u8 = 1;
/// Bytes of the tag that GStreamer states as those of the authentication key (Q107).
const SHORT_TAG: u8 = 4;

/// How packets are protected (SP, [RFC 3830 §6.10](https://www.rfc-editor.org/rfc/rfc3830#section-6.10)).
///
/// ```text
/// +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
/// | next payload  |   policy no   |   protocol    | length ..     |
/// +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
/// | .. length     |  parameter    |    length     | value ..      |
/// +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SecurityPolicy {
    /// Its number, by which crypto sessions refer to it.
    pub number: u8,
    /// The security protocol: 0 is SRTP, which is all there is.
    pub protocol: u8,
    /// Its parameters. What is not stated has SRTP's default.
    pub parameters: Vec<(PolicyParameter, Vec<u8>)>,
}

/// A parameter of SRTP ([RFC 3830 §6.10.1](https://www.rfc-editor.org/rfc/rfc3830#section-6.10.1), the last by
/// [RFC 7714 §14.3](https://www.rfc-editor.org/rfc/rfc7714#section-14.3)).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PolicyParameter(pub u8);

impl PolicyParameter {
    /// 1 is AES in counter mode, 6 in Galois/counter mode.
    pub const ENCRYPTION: Self = Self(0);
    /// Bytes.
    pub const ENCRYPTION_KEY_LENGTH: Self = Self(1);
    /// 1 is HMAC-SHA-1.
    pub const AUTHENTICATION: Self = Self(2);
    /// Bytes.
    pub const AUTHENTICATION_KEY_LENGTH: Self = Self(3);
    /// Bytes.
    pub const SALT_LENGTH: Self = Self(4);
    /// 0 is AES in counter mode.
    pub const PSEUDO_RANDOM_FUNCTION: Self = Self(5);
    /// A power of two, 0 for never.
    pub const KEY_DERIVATION_RATE: Self = Self(6);
    /// Whether RTP is encrypted.
    pub const SRTP_ENCRYPTION: Self = Self(7);
    /// Whether RTCP is encrypted.
    pub const SRTCP_ENCRYPTION: Self = Self(8);
    /// Whether RTP is authenticated.
    pub const SRTP_AUTHENTICATION: Self = Self(10);
    /// Bytes.
    pub const AUTHENTICATION_TAG_LENGTH: Self = Self(11);
    /// Bytes of what precedes the packets.
    pub const PREFIX_LENGTH: Self = Self(12);
    /// Bytes, of Galois/counter mode.
    pub const AEAD_TAG_LENGTH: Self = Self(20);
}

impl fmt::Display for PolicyParameter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match *self {
            Self::ENCRYPTION => "encryption",
            Self::ENCRYPTION_KEY_LENGTH => "encryption key length",
            Self::AUTHENTICATION => "authentication",
            Self::AUTHENTICATION_KEY_LENGTH => "authentication key length",
            Self::SALT_LENGTH => "salt length",
            Self::PSEUDO_RANDOM_FUNCTION => "pseudo-random function",
            Self::KEY_DERIVATION_RATE => "key derivation rate",
            Self::SRTP_ENCRYPTION => "SRTP encryption",
            Self::SRTCP_ENCRYPTION => "SRTCP encryption",
            Self::SRTP_AUTHENTICATION => "SRTP authentication",
            Self::AUTHENTICATION_TAG_LENGTH => "authentication tag length",
            Self::PREFIX_LENGTH => "SRTP prefix length",
            Self::AEAD_TAG_LENGTH => "AEAD tag length",
            Self(other) => return write!(f, "parameter {other}"),
        })
    }
}

impl SecurityPolicy {
    /// The policy of a suite, with every parameter that peers look for.
    pub fn of(suite: Suite) -> Self {
        let byte = |length: usize| u8::try_from(length).unwrap_or(u8::MAX);
        let encryption = match suite {
            Suite::AeadAes128Gcm | Suite::AeadAes256Gcm => AES_GCM,
            _ => AES_CM,
        };
        let mut parameters = vec![
            (PolicyParameter::ENCRYPTION, encryption),
            (PolicyParameter::ENCRYPTION_KEY_LENGTH, byte(suite.key_len())),
        ];
        if encryption == AES_CM {
            // GStreamer takes the length of the key for the tag's, and knows no other way to say 32 bits.
            let key_length = if suite.tag_len() == SHORT_TAG.into() {
                SHORT_TAG
            } else {
                20
            };
            parameters.extend([
                (PolicyParameter::AUTHENTICATION, HMAC_SHA1),
                (PolicyParameter::AUTHENTICATION_KEY_LENGTH, key_length),
            ]);
        }
        parameters.extend([
            (PolicyParameter::SRTP_ENCRYPTION, 1),
            (PolicyParameter::SRTCP_ENCRYPTION, 1),
            (PolicyParameter::SRTP_AUTHENTICATION, 1),
        ]);
        parameters.push(if encryption == AES_CM {
            (PolicyParameter::AUTHENTICATION_TAG_LENGTH, byte(suite.tag_len()))
        } else {
            (PolicyParameter::AEAD_TAG_LENGTH, byte(suite.tag_len()))
        });
        Self {
            number: 0,
            protocol: SRTP,
            parameters: parameters
                .into_iter()
                .map(|(parameter, value)| (parameter, vec![value]))
                .collect(),
        }
    }

    /// The suite that it asks for.
    pub fn suite(&self) -> Result<Suite, KeysError> {
        if self.protocol != SRTP {
            return Err(KeysError::Protocol(self.protocol));
        }
        for (parameter, expected) in [
            (PolicyParameter::PSEUDO_RANDOM_FUNCTION, 0),
            (PolicyParameter::KEY_DERIVATION_RATE, 0),
            (PolicyParameter::SRTP_ENCRYPTION, 1),
            (PolicyParameter::SRTCP_ENCRYPTION, 1),
            (PolicyParameter::SRTP_AUTHENTICATION, 1),
            (PolicyParameter::PREFIX_LENGTH, 0),
        ] {
            self.expect(parameter, expected)?;
        }
        let key_length = self.value(PolicyParameter::ENCRYPTION_KEY_LENGTH).unwrap_or(16);
        let wrong_key = refused(PolicyParameter::ENCRYPTION_KEY_LENGTH, key_length);
        match self.value(PolicyParameter::ENCRYPTION).unwrap_or(AES_CM) {
            AES_CM => {
                self.expect(PolicyParameter::AUTHENTICATION, HMAC_SHA1)?;
                match (key_length, self.tag_length()) {
                    (16, 10) => Ok(Suite::AesCm128HmacSha1_80),
                    (16, 4) => Ok(Suite::AesCm128HmacSha1_32),
                    (32, 10) => Ok(Suite::AesCm256HmacSha1_80),
                    (32, 4) => Ok(Suite::AesCm256HmacSha1_32),
                    (16 | 32, tag) => Err(refused(PolicyParameter::AUTHENTICATION_TAG_LENGTH, tag)),
                    _ => Err(wrong_key),
                }
            }
            AES_GCM => {
                self.expect(PolicyParameter::AEAD_TAG_LENGTH, 16)?;
                match key_length {
                    16 => Ok(Suite::AeadAes128Gcm),
                    32 => Ok(Suite::AeadAes256Gcm),
                    _ => Err(wrong_key),
                }
            }
            other => Err(refused(PolicyParameter::ENCRYPTION, other)),
        }
    }

    fn tag_length(&self) -> u8 {
        let stated = self.value(PolicyParameter::AUTHENTICATION_TAG_LENGTH);
        let of_key = self
            .value(PolicyParameter::AUTHENTICATION_KEY_LENGTH)
            .filter(|length| *length == SHORT_TAG);
        stated.or(of_key).unwrap_or(10)
    }

    /// An error if the parameter is stated and is not that.
    fn expect(&self, parameter: PolicyParameter, expected: u8) -> Result<(), KeysError> {
        match self.value(parameter) {
            Some(value) if value != expected => Err(refused(parameter, value)),
            _ => Ok(()),
        }
    }

    /// A number; what is above 255 counts as that, for nothing has such a value.
    fn value(&self, parameter: PolicyParameter) -> Option<u8> {
        let (_, value) = self.parameters.iter().find(|(stated, _)| *stated == parameter)?;
        Some(match value.split_last() {
            Some((low, high)) if high.iter().all(|byte| *byte == 0) => *low,
            Some(_) => u8::MAX,
            None => 0,
        })
    }

    pub(super) fn read(reader: &mut Reader<'_>, reading: &mut Reading) -> Result<Self, ParseError> {
        let start = reader.offset();
        let number = reader.u8()?;
        let protocol = reader.u8()?;
        let length = reader.u16()?.into();
        let mut part = reader.part(length)?;
        let mut parameters = Vec::new();
        while !part.rest().is_empty() {
            let parameter = PolicyParameter(part.u8()?);
            let length = part.u8()?.into();
            parameters.push((parameter, part.bytes(length)?.to_vec()));
        }
        let policy = Self {
            number,
            protocol,
            parameters,
        };
        let is_stated = |parameter| policy.value(parameter).is_some();
        let has_tag = policy.value(PolicyParameter::ENCRYPTION).unwrap_or(AES_CM) == AES_CM;
        if protocol == SRTP
            && has_tag
            && !is_stated(PolicyParameter::AUTHENTICATION_TAG_LENGTH)
            && !reading.tolerates(Tolerance::AuthenticationTagLength)
        {
            let fault = Fault::NotTolerated(Tolerance::AuthenticationTagLength);
            return Err(ParseError { offset: start, fault });
        }
        Ok(policy)
    }

    pub(super) fn write(&self, out: &mut Vec<u8>) {
        out.extend([self.number, self.protocol]);
        let mut parameters = Vec::new();
        for (parameter, value) in &self.parameters {
            parameters.push(parameter.0);
            write_short(value, &mut parameters);
        }
        write_long(&parameters, out);
    }
}

const fn refused(parameter: PolicyParameter, value: u8) -> KeysError {
    KeysError::Policy { parameter, value }
}
