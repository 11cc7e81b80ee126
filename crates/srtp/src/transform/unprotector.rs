use std::fmt;

use libsrtp::{RecvSession, SrtpError};
use throughline_rtp::{SequenceNumber, Ssrc};

use super::{MAX_SOURCES, SetupError, UnprotectError, UnprotectFault, config};
use crate::keys::{Keys, Suite};

/// Bytes of a datagram or interleaved packet that is not fragmented, which most are.
const TYPICAL_PACKET: usize = 1500;

/// Bytes of RTCP packets before what is encrypted.
const RTCP_HEADER: usize = 8;

/// Bytes of the tag of HMAC-SHA-1 on RTCP packets, which is never short.
const RTCP_TAG: usize = 10;

/// Unprotects the packets of the other end.
///
/// A source is believed, and remembered, once a packet of it is authentic; a flood of made-up ones leaves nothing behind.
/// Of those that are believed, [`MAX_SOURCES`] are kept.
pub struct Unprotector {
    session: RecvSession,
    /// Those with state, the one heard least recently first.
    sources: Vec<Source>,
    /// Bytes from the index of an SRTCP packet, whose first bit says that it is encrypted, to the packet's end.
    index_from_end: usize,
    stats: UnprotectStats,
    buffer: Vec<u8>,
}

struct Source {
    ssrc: Ssrc,
    /// The rollover counter that the other end told, until a packet proves it.
    told: Option<u32>,
}

/// What became of the packets.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct UnprotectStats {
    /// Unprotected, RTP and RTCP.
    pub unprotected: u64,
    /// Not authentic, not encrypted, or of an unknown or used up key.
    pub not_authentic: u64,
    /// Came before, or older than [`REPLAY_WINDOW`](super::REPLAY_WINDOW).
    pub replayed: u64,
    /// No SRTP at all.
    pub too_short: u64,
}

impl Unprotector {
    /// One for the packets that `keys` protect, at least one; several have identifiers.
    ///
    /// `rollover_counters` are what the other end tells of streams that have begun already; those beyond [`MAX_SOURCES`]
    /// are not kept. Where one has wrapped since, the next higher value is tried as well.
    pub fn new(keys: &[Keys], rollover_counters: &[(Ssrc, u32)]) -> Result<Self, SetupError> {
        let mut session = RecvSession::new();
        let config = config(keys)?;
        session.add_stream(None, &config).map_err(|_| SetupError)?;
        let mut sources: Vec<Source> = Vec::new();
        for (ssrc, counter) in rollover_counters.iter().copied() {
            if sources.len() == MAX_SOURCES {
                break;
            }
            if sources.iter().any(|source| source.ssrc == ssrc) {
                continue;
            }
            session
                .add_stream(Some(ssrc.0), &config)
                .and_then(|()| session.set_roc(ssrc.0, counter))
                .map_err(|_| SetupError)?;
            let told = Some(counter);
            sources.push(Source { ssrc, told });
        }
        Ok(Self {
            session,
            sources,
            index_from_end: keys.first().map_or(0, index_from_end),
            stats: UnprotectStats::default(),
            buffer: Vec::new(),
        })
    }

    /// The RTP packet of an SRTP packet, until the next call.
    pub fn unprotect_rtp(&mut self, packet: &[u8]) -> Result<&[u8], UnprotectError> {
        let Some((ssrc, sequence_number)) = rtp_source(packet) else {
            return Err(self.not_srtp(packet));
        };
        let result = match self.transform(packet, RecvSession::rtp_unprotect) {
            Err(SrtpError::Authentication) => self.unprotect_after_a_wrap(packet, ssrc),
            result => result,
        };
        match self.settle(ssrc, result.map_err(UnprotectFault::from)) {
            Ok(()) => {
                if let Some(source) = self.sources.last_mut() {
                    source.told = None;
                }
                Ok(&self.buffer)
            }
            Err(fault) => Err(UnprotectError::Rtp {
                ssrc,
                sequence_number,
                fault,
            }),
        }
    }

    /// The RTCP packets of an SRTCP packet, until the next call.
    pub fn unprotect_rtcp(&mut self, packet: &[u8]) -> Result<&[u8], UnprotectError> {
        let Some(ssrc) = rtcp_source(packet) else {
            return Err(self.not_srtp(packet));
        };
        let result = if self.is_unencrypted(packet) {
            Err(UnprotectFault::NotEncrypted)
        } else {
            self.transform(packet, RecvSession::rtcp_unprotect)
                .map_err(UnprotectFault::from)
        };
        match self.settle(ssrc, result) {
            Ok(()) => Ok(&self.buffer),
            Err(fault) => Err(UnprotectError::Rtcp { ssrc, fault }),
        }
    }

    /// What became of the packets so far.
    pub fn stats(&self) -> UnprotectStats {
        self.stats
    }

    /// Whether an SRTCP packet says so. The transform takes what does for encrypted, and makes noise of it.
    fn is_unencrypted(&self, packet: &[u8]) -> bool {
        let index = packet.len().checked_sub(self.index_from_end);
        index
            .filter(|at| *at >= RTCP_HEADER)
            .and_then(|at| packet.get(at))
            .is_some_and(|byte| byte & 0x80 == 0)
    }

    /// Leaves what comes of the packet in the buffer.
    fn transform(
        &mut self,
        packet: &[u8],
        transform: fn(&mut RecvSession, Vec<u8>) -> Result<Vec<u8>, SrtpError>,
    ) -> Result<(), SrtpError> {
        let mut buffer = std::mem::take(&mut self.buffer);
        // It does not come back from a packet that fails.
        if buffer.capacity() == 0 {
            buffer.reserve(packet.len().max(TYPICAL_PACKET));
        }
        buffer.clear();
        buffer.extend_from_slice(packet);
        self.buffer = transform(&mut self.session, buffer)?;
        Ok(())
    }

    /// The told rollover counter is that of the time when it was told; the sequence numbers may have wrapped since.
    fn unprotect_after_a_wrap(&mut self, packet: &[u8], ssrc: Ssrc) -> Result<(), SrtpError> {
        let told = self
            .sources
            .iter()
            .find(|source| source.ssrc == ssrc)
            .and_then(|source| source.told);
        let Some((counter, next)) = told.and_then(|told| Some((told, told.checked_add(1)?))) else {
            return Err(SrtpError::Authentication);
        };
        self.session.set_roc(ssrc.0, next)?;
        let result = self.transform(packet, RecvSession::rtp_unprotect);
        if result.is_err() {
            self.session.set_roc(ssrc.0, counter)?;
        }
        result
    }

    /// Counts a packet, and puts the source of an authentic one last.
    fn settle(&mut self, ssrc: Ssrc, result: Result<(), UnprotectFault>) -> Result<(), UnprotectFault> {
        if let Err(fault) = result {
            *match fault {
                UnprotectFault::TooShort => &mut self.stats.too_short,
                UnprotectFault::Replayed => &mut self.stats.replayed,
                UnprotectFault::NotAuthentic
                | UnprotectFault::NotEncrypted
                | UnprotectFault::UnknownKey
                | UnprotectFault::KeyUsedUp => &mut self.stats.not_authentic,
            } += 1;
            return Err(fault);
        }
        self.stats.unprotected += 1;
        let place = self.sources.iter().position(|source| source.ssrc == ssrc);
        if let Some(behind) = place.and_then(|place| self.sources.get_mut(place..)) {
            behind.rotate_left(1);
            return Ok(());
        }
        if self.sources.len() == MAX_SOURCES {
            let forgotten = self.sources.remove(0);
            // It is there: only those that are kept here have state.
            let _ = self.session.remove_stream(forgotten.ssrc.0);
        }
        self.sources.push(Source { ssrc, told: None });
        Ok(())
    }

    fn not_srtp(&mut self, packet: &[u8]) -> UnprotectError {
        self.stats.too_short += 1;
        UnprotectError::NotSrtp { len: packet.len() }
    }
}

impl fmt::Debug for Unprotector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sources = self.sources.iter().map(|source| source.ssrc);
        f.debug_struct("Unprotector")
            .field("sources", &sources.collect::<Vec<_>>())
            .field("stats", &self.stats)
            .finish_non_exhaustive()
    }
}

/// The index, the identifier, and a tag unless it is part of what is encrypted.
fn index_from_end(keys: &Keys) -> usize {
    let tag = match keys.suite() {
        Suite::AeadAes128Gcm | Suite::AeadAes256Gcm => 0,
        _ => RTCP_TAG,
    };
    4 + keys.mki().map_or(0, |mki| mki.as_bytes().len()) + tag
}

/// Who sent an RTP packet, and which it is; those fields are in the clear.
pub(super) fn rtp_source(packet: &[u8]) -> Option<(Ssrc, SequenceNumber)> {
    let [first, _, s0, s1, _, _, _, _, c0, c1, c2, c3] = packet.first_chunk()?;
    let ssrc = Ssrc(u32::from_be_bytes([*c0, *c1, *c2, *c3]));
    let sequence_number = SequenceNumber(u16::from_be_bytes([*s0, *s1]));
    (first >> 6 == 2).then_some((ssrc, sequence_number))
}

/// Who sent RTCP packets.
pub(super) fn rtcp_source(packet: &[u8]) -> Option<Ssrc> {
    let [first, _, _, _, ssrc @ ..]: &[u8; 8] = packet.first_chunk()?;
    (first >> 6 == 2).then_some(Ssrc(u32::from_be_bytes(*ssrc)))
}
