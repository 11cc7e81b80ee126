use throughline_rtp::Ssrc;

use super::error::{Fault, ParseError};
use super::reader::Reader;

const VERSION: u8 = 1;
const MAP_SRTP: u8 = 0;
/// [RFC 4563 §5](https://www.rfc-editor.org/rfc/rfc4563#section-5).
const MAP_EMPTY: u8 = 1;

/// The header of a message ([RFC 3830 §6.1](https://www.rfc-editor.org/rfc/rfc3830#section-6.1)).
///
/// ```text
/// +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
/// |  version = 1  |   data type   | next payload  |V|  PRF func   |
/// +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
/// |                            CSB ID                             |
/// +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
/// |      #CS      | CS ID map type| policy no     | SSRC ..       |
/// +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
/// | .. SSRC                       | ROC ..                        |
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Header {
    /// What the message does.
    pub data_type: DataType,
    /// Whether the sender wants an answer that proves that the keys arrived.
    pub verification: Verification,
    /// The pseudo-random function for keys to be derived; 0 is the only one there is.
    pub prf: u8,
    /// Names the crypto session bundle, at random.
    pub bundle: u32,
    /// The streams that the keys are for, at most 255.
    pub sessions: Vec<CryptoSession>,
}

/// The V flag of a [`Header`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verification {
    /// No answer is wanted. RTSP has no way to give one.
    NotWanted,
    /// An answer is wanted.
    Wanted,
}

/// What a message does ([RFC 3830 table 6.1.a](https://www.rfc-editor.org/rfc/rfc3830#section-6.1)).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DataType {
    /// Begins an exchange by pre-shared key. The only one that RTSP uses, with keys in the clear.
    PreSharedKey,
    /// Answers it.
    PreSharedKeyResponse,
    /// Begins an exchange by public key.
    PublicKey,
    /// Answers it.
    PublicKeyResponse,
    /// Begins an exchange by Diffie-Hellman.
    DiffieHellman,
    /// Answers it.
    DiffieHellmanResponse,
    /// Reports an error.
    Error,
    /// What came after RFC 3830, and the rest.
    Other(u8),
}

impl DataType {
    const fn from_byte(byte: u8) -> Self {
        match byte {
            0 => Self::PreSharedKey,
            1 => Self::PreSharedKeyResponse,
            2 => Self::PublicKey,
            3 => Self::PublicKeyResponse,
            4 => Self::DiffieHellman,
            5 => Self::DiffieHellmanResponse,
            6 => Self::Error,
            other => Self::Other(other),
        }
    }

    const fn byte(self) -> u8 {
        match self {
            Self::PreSharedKey => 0,
            Self::PreSharedKeyResponse => 1,
            Self::PublicKey => 2,
            Self::PublicKeyResponse => 3,
            Self::DiffieHellman => 4,
            Self::DiffieHellmanResponse => 5,
            Self::Error => 6,
            Self::Other(other) => other,
        }
    }
}

/// A stream that the keys are for ([RFC 3830 §6.1.1](https://www.rfc-editor.org/rfc/rfc3830#section-6.1.1)).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CryptoSession {
    /// Which [`SecurityPolicy`](super::SecurityPolicy) it follows.
    pub policy: u8,
    /// Its SSRC; 0 where it is not known yet.
    pub ssrc: Ssrc,
    /// How often its sequence numbers have wrapped. One who comes late cannot know, and authentication fails without.
    pub rollover_counter: u32,
}

impl Header {
    /// Reads a header, and gives the type of the first payload with it.
    pub(super) fn read(reader: &mut Reader<'_>) -> Result<(Self, u8), ParseError> {
        let version = reader.u8()?;
        if version != VERSION {
            return Err(reader.fault_before(1, Fault::Version(version)));
        }
        let data_type = DataType::from_byte(reader.u8()?);
        let next = reader.u8()?;
        let flags = reader.u8()?;
        let bundle = reader.u32()?;
        let count = reader.u8()?;
        let sessions = match (reader.u8()?, count) {
            (MAP_SRTP, count) => (0..count)
                .map(|_| CryptoSession::read(reader))
                .collect::<Result<_, _>>()?,
            (MAP_EMPTY, 0) => Vec::new(),
            (MAP_EMPTY, count) => return Err(reader.fault_before(2, Fault::EmptyMap(count))),
            (other, _) => return Err(reader.fault_before(1, Fault::MapType(other))),
        };
        let header = Self {
            data_type,
            verification: if flags & 0x80 == 0 {
                Verification::NotWanted
            } else {
                Verification::Wanted
            },
            prf: flags & 0x7f,
            bundle,
            sessions,
        };
        Ok((header, next))
    }

    /// Appends the header; sessions beyond 255 are left out.
    pub(super) fn write(&self, next: u8, out: &mut Vec<u8>) {
        let flag = match self.verification {
            Verification::NotWanted => 0,
            Verification::Wanted => 0x80,
        };
        out.extend([VERSION, self.data_type.byte(), next, flag | self.prf & 0x7f]);
        out.extend(self.bundle.to_be_bytes());
        let count = u8::try_from(self.sessions.len()).unwrap_or(u8::MAX);
        out.extend([count, MAP_SRTP]);
        for session in self.sessions.iter().take(count.into()) {
            out.push(session.policy);
            out.extend(session.ssrc.0.to_be_bytes());
            out.extend(session.rollover_counter.to_be_bytes());
        }
    }
}

impl CryptoSession {
    fn read(reader: &mut Reader<'_>) -> Result<Self, ParseError> {
        Ok(Self {
            policy: reader.u8()?,
            ssrc: Ssrc(reader.u32()?),
            rollover_counter: reader.u32()?,
        })
    }
}
