use std::fmt;

use crate::keys::{KeyError, Mki};
use crate::tolerance::Tolerance;

/// Why a message could not be read, and where.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("MIKEY message, byte {offset}: {fault}")]
pub struct ParseError {
    /// Bytes before what is wrong.
    pub offset: usize,
    /// What is wrong.
    pub fault: Fault,
}

/// What is wrong with a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Fault {
    /// It is longer than [`MAX_MESSAGE`](super::MAX_MESSAGE).
    #[error("message of {length} bytes, above {}", super::MAX_MESSAGE)]
    TooLong {
        /// Its length in bytes.
        length: usize,
    },
    /// It is not base64, in which session descriptions and headers have it.
    #[error("not in base64")]
    Base64,
    /// It ends within a field.
    #[error("{needed} bytes needed, {available} left")]
    CutShort {
        /// Bytes of the field.
        needed: usize,
        /// Bytes that are left.
        available: usize,
    },
    /// Its version is not 1.
    #[error("version {0}")]
    Version(u8),
    /// Its crypto sessions are mapped in a way that is neither SRTP's nor empty.
    #[error("crypto sessions are mapped by type {0}")]
    MapType(u8),
    /// The header's map is empty and counts sessions all the same.
    #[error("map of {0} sessions is empty")]
    EmptyMap(u8),
    /// A payload has a type whose length is not known, so that none behind it can be found.
    #[error("payload of type {0}")]
    PayloadType(u8),
    /// There are more payloads than [`MAX_PAYLOADS`](super::MAX_PAYLOADS).
    #[error("more than {} payloads", super::MAX_PAYLOADS)]
    TooManyPayloads,
    /// A timestamp is of a type that has no length.
    #[error("timestamp of type {0}")]
    TimestampType(u8),
    /// A random value has less than 16 bytes ([RFC 3830 §6.11](https://www.rfc-editor.org/rfc/rfc3830#section-6.11)).
    #[error("random value of {0} bytes, below 16")]
    RandomTooShort(u8),
    /// A key is of a type that RFC 3830 does not know.
    #[error("key of type {0}")]
    KeyType(u8),
    /// The validity of a key is stated in a way that RFC 3830 does not know.
    #[error("key validity of type {0}")]
    KeyValidity(u8),
    /// The key data are authenticated by an algorithm whose length is not known.
    #[error("authentication of type {0}")]
    MacAlgorithm(u8),
    /// There are bytes behind the last payload, or in the key data behind the last key.
    #[error("{0} bytes behind the last payload")]
    Behind(usize),
    /// The policy refuses what would have to be overlooked.
    #[error("{0}")]
    NotTolerated(Tolerance),
}

/// Why a message that can be read gives no keys.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum KeysError {
    /// It is no message that begins an exchange by pre-shared key, the only kind that holds keys in the clear.
    #[error("MIKEY message is no initiation by pre-shared key: {0}")]
    DataType(super::DataType),
    /// It has no key data transport payload.
    #[error("MIKEY message has no keys (KEMAC)")]
    NoKeys,
    /// The keys are encrypted, and RTSP has no key to open them.
    #[error("keys of the MIKEY message are encrypted (algorithm {0})")]
    Encrypted(u8),
    /// The keys are authenticated, and RTSP has no key to check that.
    #[error("keys of the MIKEY message are authenticated (algorithm {0})")]
    Authenticated(u8),
    /// The key is one to derive others from, a TGK. No camera is known to send one.
    #[error("key of the MIKEY message is a TGK")]
    GenerationKey,
    /// The key is valid from one time to another only.
    #[error("key of the MIKEY message is valid for an interval")]
    Interval,
    /// There are several keys that packets cannot tell apart, or more than [`MAX_KEYS`](super::MAX_KEYS).
    #[error("{0} keys of the MIKEY message that packets cannot tell apart")]
    Ambiguous(usize),
    /// An identifier has no bytes, or more than [`Mki::MAX_LEN`].
    #[error("key identifier of the MIKEY message has {0} bytes, not 1 to {max}", max = Mki::MAX_LEN)]
    Mki(usize),
    /// The policy is of another protocol than SRTP.
    #[error("security policy of the MIKEY message is of protocol {0}, not SRTP")]
    Protocol(u8),
    /// The policy asks for what no [`Suite`](crate::Suite) has.
    #[error("security policy of the MIKEY message: {parameter} is {value}")]
    Policy {
        /// Of what.
        parameter: super::PolicyParameter,
        /// The value in the message.
        value: u8,
    },
    /// A key has another length than the policy wants.
    #[error("MIKEY message: {0}")]
    Key(#[from] KeyError),
}

impl fmt::Display for super::DataType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::PreSharedKey => "initiation by pre-shared key",
            Self::PreSharedKeyResponse => "response by pre-shared key",
            Self::PublicKey => "initiation by public key",
            Self::PublicKeyResponse => "response by public key",
            Self::DiffieHellman => "initiation by Diffie-Hellman",
            Self::DiffieHellmanResponse => "response by Diffie-Hellman",
            Self::Error => "report of an error",
            Self::Other(other) => return write!(f, "message of type {other}"),
        })
    }
}
