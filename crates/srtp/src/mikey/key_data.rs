use std::fmt;

use zeroize::Zeroizing;

use super::error::{Fault, ParseError};
use super::reader::{Reader, write_long, write_short};

/// A key (KEY, [RFC 3830 §6.13](https://www.rfc-editor.org/rfc/rfc3830#section-6.13)). `Debug` shows neither it nor the
/// salt.
///
/// ```text
/// +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
/// | next payload  | type  |  KV   |           key length          |
/// +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
/// | key .. | salt length, salt .. | validity ..
/// +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
/// ```
#[derive(Clone, PartialEq, Eq)]
pub struct KeyData {
    /// What it is for.
    pub kind: KeyKind,
    /// The key. Servers put the salt right behind it, as if both were the key.
    pub key: Zeroizing<Vec<u8>>,
    /// The salt, where it has a field of its own.
    pub salt: Option<Zeroizing<Vec<u8>>>,
    /// What it is valid for.
    pub validity: KeyValidity,
}

/// What a key is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeyKind {
    /// To derive others from (TGK).
    Generation,
    /// To protect packets (TEK): a master key.
    TrafficEncryption,
}

/// What a key is valid for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum KeyValidity {
    /// Everything.
    Always,
    /// Packets that name it so: the SPI, which is SRTP's MKI. At most 255 bytes.
    Identifier(Vec<u8>),
    /// From one time to another, in an encoding that is the security protocol's. At most 255 bytes each.
    Interval(Vec<u8>, Vec<u8>),
}

impl KeyData {
    pub(super) fn read(reader: &mut Reader<'_>) -> Result<Self, ParseError> {
        let types = reader.u8()?;
        let (kind, has_salt) = match types >> 4 {
            0 => (KeyKind::Generation, false),
            1 => (KeyKind::Generation, true),
            2 => (KeyKind::TrafficEncryption, false),
            3 => (KeyKind::TrafficEncryption, true),
            other => return Err(reader.fault_before(1, Fault::KeyType(other))),
        };
        let validity = types & 0x0f;
        if validity > 2 {
            return Err(reader.fault_before(1, Fault::KeyValidity(validity)));
        }
        let key = secret(reader)?;
        let salt = if has_salt { Some(secret(reader)?) } else { None };
        Ok(Self {
            kind,
            key,
            salt,
            validity: match validity {
                1 => KeyValidity::Identifier(short(reader)?),
                2 => KeyValidity::Interval(short(reader)?, short(reader)?),
                _ => KeyValidity::Always,
            },
        })
    }

    pub(super) fn write(&self, out: &mut Vec<u8>) {
        let kind = match self.kind {
            KeyKind::Generation => 0,
            KeyKind::TrafficEncryption => 2,
        };
        let validity = match self.validity {
            KeyValidity::Always => 0,
            KeyValidity::Identifier(_) => 1,
            KeyValidity::Interval(..) => 2,
        };
        out.push((kind | u8::from(self.salt.is_some())) << 4 | validity);
        write_long(&self.key, out);
        if let Some(salt) = &self.salt {
            write_long(salt, out);
        }
        match &self.validity {
            KeyValidity::Always => {}
            KeyValidity::Identifier(identifier) => write_short(identifier, out),
            KeyValidity::Interval(from, to) => {
                write_short(from, out);
                write_short(to, out);
            }
        }
    }
}

fn secret(reader: &mut Reader<'_>) -> Result<Zeroizing<Vec<u8>>, ParseError> {
    let length = reader.u16()?.into();
    Ok(Zeroizing::new(reader.bytes(length)?.to_vec()))
}

fn short(reader: &mut Reader<'_>) -> Result<Vec<u8>, ParseError> {
    let length = reader.u8()?.into();
    Ok(reader.bytes(length)?.to_vec())
}

impl fmt::Debug for KeyData {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("KeyData")
            .field("kind", &self.kind)
            .field("validity", &self.validity)
            .finish_non_exhaustive()
    }
}
