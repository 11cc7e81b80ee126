//! MIKEY messages ([RFC 3830](https://www.rfc-editor.org/rfc/rfc3830)) as RTSP carries them
//! ([RFC 4567](https://www.rfc-editor.org/rfc/rfc4567)): in `a=key-mgmt` of the session description and in the header
//! `KeyMgmt` of SETUP, both ways.
//!
//! GStreamer, gortsplib and Axis send one kind only: an initiation by pre-shared key whose keys are encrypted and
//! authenticated by nothing, for the connection's TLS is to keep them; the key is a TEK with the salt right behind it, and
//! both are SRTP's master key and salt as they are, without a derivation. Such messages give keys; every other is read as
//! far as its lengths can be known, and [`Message::keys`] says what it is.
//!
//! ```
//! use throughline_rtp::Ssrc;
//! use throughline_srtp::mikey::{CryptoSession, Message, Timestamp};
//! use throughline_srtp::{Keys, Suite};
//!
//! let keys = Keys::new(Suite::AesCm128HmacSha1_80, &[7; 30], None)?;
//! let session = CryptoSession { policy: 0, ssrc: Ssrc(0x1234), rollover_counter: 2 };
//! let message = Message::initiate(&keys, &[session], Timestamp::NtpUtc(0xe5a0_0000 << 32), &[9; 20]);
//!
//! let received = Message::from_base64(&message.to_base64(), &mut Default::default())?;
//! assert_eq!(received.keys()?, [keys]);
//! assert_eq!(received.header.sessions, [session]);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod error;
mod header;
mod key_data;
mod key_data_transport;
mod random;
mod reader;
mod security_policy;
mod skipped;
#[cfg(test)]
mod tests;
mod timestamp;

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use zeroize::Zeroizing;

use crate::keys::{Keys, Mki, Suite};
use crate::sdes::are_told_apart;
use crate::tolerance::{Reading, Tolerance};

pub use error::{Fault, KeysError, ParseError};
pub use header::{CryptoSession, DataType, Header, Verification};
pub use key_data::{KeyData, KeyKind, KeyValidity};
pub use key_data_transport::{Content, KeyDataTransport, Mac};
pub use random::Random;
pub use security_policy::{PolicyParameter, SecurityPolicy};
pub use skipped::Skipped;
pub use timestamp::Timestamp;

use reader::Reader;

/// The longest message that is read, in bytes. Those of the field have some 120; a certificate may make it 2 KiB.
pub const MAX_MESSAGE: usize = 4096;

/// The most payloads of a message, and keys of a payload, that are read. Those of the field have four, and one.
pub const MAX_PAYLOADS: usize = 16;

/// The most keys that are taken of one message, as of security descriptions.
pub const MAX_KEYS: usize = crate::sdes::MAX_KEYS;

/// The type that says that no payload follows.
const LAST: u8 = 0;
const KEMAC: u8 = 1;
const TIMESTAMP: u8 = 5;
const SECURITY_POLICY: u8 = 10;
const RANDOM: u8 = 11;

/// A message. `Debug` shows no keys.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Message {
    /// What it does, and for which streams.
    pub header: Header,
    /// What is in it, at most [`MAX_PAYLOADS`].
    pub payloads: Vec<Payload>,
}

/// One payload of a [`Message`].
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Payload {
    /// When it was made (T).
    Timestamp(Timestamp),
    /// What makes derived keys differ (RAND).
    Random(Random),
    /// How packets are protected (SP).
    SecurityPolicy(SecurityPolicy),
    /// The keys (KEMAC).
    KeyDataTransport(KeyDataTransport),
    /// What says nothing of keys.
    Skipped(Skipped),
}

impl Message {
    /// Reads a message, and overlooks what [`Tolerance`] lists.
    pub fn parse(bytes: &[u8]) -> Result<Self, ParseError> {
        Self::read(bytes, &mut Reading::default())
    }

    /// Reads a message, and overlooks what `reading` may.
    pub fn read(bytes: &[u8], reading: &mut Reading) -> Result<Self, ParseError> {
        let mut reader = Reader::new(bytes);
        if bytes.len() > MAX_MESSAGE {
            let length = bytes.len();
            return Err(reader.fault_before(0, Fault::TooLong { length }));
        }
        let (header, mut next) = Header::read(&mut reader)?;
        let mut payloads = Vec::new();
        while next != LAST {
            if payloads.len() == MAX_PAYLOADS {
                return Err(reader.fault_before(0, Fault::TooManyPayloads));
            }
            let payload_type = next;
            next = reader.u8()?;
            payloads.push(Payload::read(payload_type, &mut reader, reading)?);
        }
        match *reader.rest() {
            [] => {}
            [0] if reading.tolerates(Tolerance::Padding) => {}
            [0] => return Err(reader.fault_before(0, Fault::NotTolerated(Tolerance::Padding))),
            [_, ..] => return Err(reader.fault_before(0, Fault::Behind(reader.rest().len()))),
        }
        Ok(Self { header, payloads })
    }

    /// Reads a message in base64, as session descriptions and headers have it.
    pub fn from_base64(text: &str, reading: &mut Reading) -> Result<Self, ParseError> {
        let offset = 0;
        // Base64 makes four characters of three bytes.
        if text.len() > MAX_MESSAGE.div_ceil(3) * 4 {
            let length = text.len() / 4 * 3;
            let fault = Fault::TooLong { length };
            return Err(ParseError { offset, fault });
        }
        let bytes = BASE64_STANDARD.decode(text).map(Zeroizing::new);
        let fault = Fault::Base64;
        Self::read(&bytes.map_err(|_| ParseError { offset, fault })?, reading)
    }

    /// Appends the message. Secret: it holds the keys.
    pub fn write(&self, out: &mut Vec<u8>) {
        let types = self.payloads.iter().map(Payload::payload_type);
        let mut next = types.skip(1).chain([LAST]);
        let first = self.payloads.first().map_or(LAST, Payload::payload_type);
        self.header.write(first, out);
        for payload in &self.payloads {
            out.push(next.next().unwrap_or(LAST));
            payload.write(out);
        }
    }

    /// The message in base64, as session descriptions and headers have it. Secret: it holds the keys.
    pub fn to_base64(&self) -> String {
        // A vector that grows leaves a copy behind.
        let mut bytes = Zeroizing::new(Vec::with_capacity(MAX_MESSAGE));
        self.write(&mut bytes);
        BASE64_STANDARD.encode(&*bytes)
    }

    /// The message that hands `keys` to the other side, for the streams of `sessions`, at most 255.
    ///
    /// A peer may refuse a `timestamp` that is far from its own clock: gortsplib, by an hour. `random` need not be secret.
    pub fn initiate(
        keys: &Keys,
        sessions: &[CryptoSession],
        timestamp: Timestamp,
        random: &[u8; 20],
    ) -> Self {
        let [b0, b1, b2, b3, random @ ..] = random;
        let header = Header {
            data_type: DataType::PreSharedKey,
            verification: Verification::NotWanted,
            prf: 0,
            bundle: u32::from_be_bytes([*b0, *b1, *b2, *b3]),
            sessions: sessions.to_vec(),
        };
        let key = KeyData {
            kind: KeyKind::TrafficEncryption,
            key: Zeroizing::new(keys.key_and_salt().to_vec()),
            salt: None,
            validity: keys.mki().map_or(KeyValidity::Always, |mki| {
                KeyValidity::Identifier(mki.as_bytes().to_vec())
            }),
        };
        let transport = KeyDataTransport {
            content: Content::Keys(vec![key]),
            mac: Mac::None,
        };
        Self {
            header,
            payloads: vec![
                Payload::Timestamp(timestamp),
                Payload::Random(Random(random.to_vec())),
                Payload::SecurityPolicy(SecurityPolicy::of(keys.suite())),
                Payload::KeyDataTransport(transport),
            ],
        }
    }

    /// The master keys that it hands over, at least one; all of one suite, and of identifiers of one length where there
    /// are several.
    pub fn keys(&self) -> Result<Vec<Keys>, KeysError> {
        if self.header.data_type != DataType::PreSharedKey {
            return Err(KeysError::DataType(self.header.data_type));
        }
        let suite = self.suite()?;
        let mut keys = Vec::new();
        for payload in &self.payloads {
            let Payload::KeyDataTransport(transport) = payload else {
                continue;
            };
            match &transport.content {
                Content::Encrypted { algorithm, .. } => return Err(KeysError::Encrypted(*algorithm)),
                Content::Keys(_) if transport.mac != Mac::None => {
                    return Err(KeysError::Authenticated(transport.mac.algorithm()));
                }
                Content::Keys(data) => {
                    for data in data {
                        keys.push(data.master_key(suite)?);
                    }
                }
            }
        }
        match keys.len() {
            0 => Err(KeysError::NoKeys),
            1..=MAX_KEYS if are_told_apart(&keys) => Ok(keys),
            count => Err(KeysError::Ambiguous(count)),
        }
    }

    /// When it was made, as it says.
    pub fn timestamp(&self) -> Option<Timestamp> {
        self.payloads.iter().find_map(|payload| match payload {
            Payload::Timestamp(timestamp) => Some(*timestamp),
            _ => None,
        })
    }

    /// That of the first stream's policy, else of the first; SRTP's default without any.
    fn suite(&self) -> Result<Suite, KeysError> {
        let policies = || {
            self.payloads.iter().filter_map(|payload| match payload {
                Payload::SecurityPolicy(policy) => Some(policy),
                _ => None,
            })
        };
        let named = self.header.sessions.first().map(|session| session.policy);
        policies()
            .find(|policy| Some(policy.number) == named)
            .or_else(|| policies().next())
            .map_or(Ok(Suite::AesCm128HmacSha1_80), SecurityPolicy::suite)
    }
}

impl KeyData {
    fn master_key(&self, suite: Suite) -> Result<Keys, KeysError> {
        if self.kind == KeyKind::Generation {
            return Err(KeysError::GenerationKey);
        }
        let mki = match &self.validity {
            KeyValidity::Always => None,
            KeyValidity::Identifier(bytes) => Some(Mki::new(bytes).ok_or(KeysError::Mki(bytes.len()))?),
            KeyValidity::Interval(..) => return Err(KeysError::Interval),
        };
        let salt = self.salt.as_deref().map_or(&[][..], Vec::as_slice);
        // Put together at once: a vector that grows leaves a copy behind.
        let key_and_salt = Zeroizing::new([&self.key, salt].concat());
        Ok(Keys::new(suite, &key_and_salt, mki)?)
    }
}

impl Payload {
    const fn payload_type(&self) -> u8 {
        match self {
            Self::KeyDataTransport(_) => KEMAC,
            Self::Timestamp(_) => TIMESTAMP,
            Self::SecurityPolicy(_) => SECURITY_POLICY,
            Self::Random(_) => RANDOM,
            Self::Skipped(skipped) => skipped.payload_type,
        }
    }

    fn read(payload_type: u8, reader: &mut Reader<'_>, reading: &mut Reading) -> Result<Self, ParseError> {
        Ok(match payload_type {
            KEMAC => Self::KeyDataTransport(KeyDataTransport::read(reader)?),
            TIMESTAMP => Self::Timestamp(Timestamp::read(reader)?),
            SECURITY_POLICY => Self::SecurityPolicy(SecurityPolicy::read(reader, reading)?),
            RANDOM => Self::Random(Random::read(reader)?),
            other => match Skipped::read(other, reader)? {
                Some(skipped) => Self::Skipped(skipped),
                None => return Err(reader.fault_before(1, Fault::PayloadType(other))),
            },
        })
    }

    fn write(&self, out: &mut Vec<u8>) {
        match self {
            Self::KeyDataTransport(transport) => transport.write(out),
            Self::Timestamp(timestamp) => timestamp.write(out),
            Self::SecurityPolicy(policy) => policy.write(out),
            Self::Random(random) => random.write(out),
            Self::Skipped(skipped) => skipped.write(out),
        }
    }
}
