use std::fmt;

use zeroize::Zeroizing;

use super::error::{Fault, ParseError};
use super::key_data::KeyData;
use super::reader::{Reader, write_long};
use super::{LAST, MAX_MESSAGE, MAX_PAYLOADS};

/// Type of a [`KeyData`] within the payload.
const KEY_DATA: u8 = 20;
const NONE: u8 = 0;
const HMAC_SHA1_160: u8 = 1;
const HMAC_SHA1_160_LEN: usize = 20;

/// The keys, encrypted and authenticated or in the clear (KEMAC,
/// [RFC 3830 §6.2](https://www.rfc-editor.org/rfc/rfc3830#section-6.2)). In RTSP they are in the clear, and it is for the
/// connection to keep them: TLS.
///
/// ```text
/// +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
/// | next payload  |   encr alg    |         encr data length      |
/// +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
/// | encr data: keys ..            |    MAC alg    | MAC ..
/// +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyDataTransport {
    /// What is in it.
    pub content: Content,
    /// What authenticates the message.
    pub mac: Mac,
}

/// What is in a [`KeyDataTransport`]. `Debug` shows no key.
#[derive(Clone, PartialEq, Eq)]
pub enum Content {
    /// Keys in the clear.
    Keys(Vec<KeyData>),
    /// Keys that another key encrypts, in bytes as they came.
    Encrypted {
        /// The algorithm, not 0.
        algorithm: u8,
        /// The bytes.
        data: Vec<u8>,
    },
}

/// What authenticates a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mac {
    /// Nothing.
    None,
    /// HMAC-SHA-1 over all of it.
    HmacSha1([u8; HMAC_SHA1_160_LEN]),
}

impl Mac {
    /// The number of its algorithm.
    pub(super) const fn algorithm(self) -> u8 {
        match self {
            Self::None => NONE,
            Self::HmacSha1(_) => HMAC_SHA1_160,
        }
    }
}

impl KeyDataTransport {
    pub(super) fn read(reader: &mut Reader<'_>) -> Result<Self, ParseError> {
        let algorithm = reader.u8()?;
        let length = reader.u16()?.into();
        let mut data = reader.part(length)?;
        let content = match algorithm {
            NONE => Content::Keys(read_keys(&mut data)?),
            algorithm => Content::Encrypted {
                algorithm,
                data: data.rest().to_vec(),
            },
        };
        let mac = match reader.u8()? {
            NONE => Mac::None,
            HMAC_SHA1_160 => {
                let mut mac = [0; HMAC_SHA1_160_LEN];
                mac.copy_from_slice(reader.bytes(HMAC_SHA1_160_LEN)?);
                Mac::HmacSha1(mac)
            }
            other => return Err(reader.fault_before(1, Fault::MacAlgorithm(other))),
        };
        Ok(Self { content, mac })
    }

    pub(super) fn write(&self, out: &mut Vec<u8>) {
        match &self.content {
            Content::Keys(keys) => {
                out.push(NONE);
                // A vector that grows leaves a copy behind.
                let mut data = Zeroizing::new(Vec::with_capacity(MAX_MESSAGE));
                for (index, key) in keys.iter().enumerate() {
                    let is_last = index + 1 == keys.len();
                    data.push(if is_last { LAST } else { KEY_DATA });
                    key.write(&mut data);
                }
                write_long(&data, out);
            }
            Content::Encrypted { algorithm, data } => {
                out.push(*algorithm);
                write_long(data, out);
            }
        }
        out.push(self.mac.algorithm());
        if let Mac::HmacSha1(mac) = self.mac {
            out.extend(mac);
        }
    }
}

fn read_keys(reader: &mut Reader<'_>) -> Result<Vec<KeyData>, ParseError> {
    let mut keys = Vec::new();
    let mut next = KEY_DATA;
    while next != LAST {
        if next != KEY_DATA {
            return Err(reader.fault_before(0, Fault::PayloadType(next)));
        }
        if keys.len() == MAX_PAYLOADS {
            return Err(reader.fault_before(0, Fault::TooManyPayloads));
        }
        next = reader.u8()?;
        keys.push(KeyData::read(reader)?);
    }
    match reader.rest().len() {
        0 => Ok(keys),
        behind => Err(reader.fault_before(0, Fault::Behind(behind))),
    }
}

impl fmt::Debug for Content {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Keys(keys) => f.debug_tuple("Keys").field(keys).finish(),
            Self::Encrypted { algorithm, .. } => f
                .debug_struct("Encrypted")
                .field("algorithm", algorithm)
                .finish_non_exhaustive(),
        }
    }
}
