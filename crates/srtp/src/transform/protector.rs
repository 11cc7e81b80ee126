use std::fmt;

use libsrtp::{SendSession, SrtpError};
use throughline_rtp::Ssrc;

use super::unprotector::{rtcp_source, rtp_source};
use super::{MAX_SOURCES, ProtectError, SetupError, config};
use crate::keys::Keys;

type Transform = fn(&mut SendSession, Vec<u8>, &Option<Vec<u8>>) -> Result<Vec<u8>, SrtpError>;

/// Protects the packets of one end with its master key.
///
/// Its SRTCP index begins at 0: a key is good for one `Protector`, and a second one with the same key needs other SSRCs.
pub struct Protector {
    session: SendSession,
    mki: Option<Vec<u8>>,
    sources: Vec<Ssrc>,
    buffer: Vec<u8>,
}

impl Protector {
    /// One that protects with `keys`.
    pub fn new(keys: &Keys) -> Result<Self, SetupError> {
        let mut session = SendSession::new();
        let config = config(std::slice::from_ref(keys))?;
        session.add_stream(None, &config).map_err(|_| SetupError)?;
        Ok(Self {
            session,
            mki: keys.mki().map(|mki| mki.as_bytes().to_vec()),
            sources: Vec::new(),
            buffer: Vec::new(),
        })
    }

    /// The SRTP packet of an RTP packet, until the next call.
    pub fn protect_rtp(&mut self, packet: &[u8]) -> Result<&[u8], ProtectError> {
        let source = rtp_source(packet).map(|(ssrc, _)| ssrc);
        self.protect(packet, source, SendSession::rtp_protect_mki)
    }

    /// The SRTCP packet of a compound of RTCP packets, until the next call.
    pub fn protect_rtcp(&mut self, packet: &[u8]) -> Result<&[u8], ProtectError> {
        self.protect(packet, rtcp_source(packet), SendSession::rtcp_protect_mki)
    }

    fn protect(
        &mut self,
        packet: &[u8],
        source: Option<Ssrc>,
        transform: Transform,
    ) -> Result<&[u8], ProtectError> {
        let len = packet.len();
        let source = source.ok_or(ProtectError::NotAPacket { len })?;
        let is_new = !self.sources.contains(&source);
        if is_new && self.sources.len() == MAX_SOURCES {
            return Err(ProtectError::TooManySources(source));
        }
        let mut buffer = std::mem::take(&mut self.buffer);
        buffer.clear();
        buffer.extend_from_slice(packet);
        self.buffer = transform(&mut self.session, buffer, &self.mki)
            .map_err(|error| ProtectError::new(&error, source, len))?;
        if is_new {
            self.sources.push(source);
        }
        Ok(&self.buffer)
    }
}

impl fmt::Debug for Protector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Protector")
            .field("sources", &self.sources)
            .finish_non_exhaustive()
    }
}
