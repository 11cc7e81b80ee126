use libsrtp::SrtpError;
use throughline_rtp::{SequenceNumber, Ssrc};

/// Keys that no packet could be told to belong to: none, of several suites, or without identifiers of one length.
///
/// What [`sdes::keys`](crate::sdes::keys) and [`Message::keys`](crate::mikey::Message::keys) give is never so.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("keys cannot be used together")]
pub struct SetupError;

/// Why a packet could not be unprotected, and which.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum UnprotectError {
    /// It has no room for a header and a tag, or says that it is of another version than 2.
    #[error("{len} bytes that are no SRTP")]
    NotSrtp {
        /// Its length in bytes.
        len: usize,
    },
    /// An RTP packet.
    #[error("SSRC {ssrc}, sequence number {sequence_number}: {fault}")]
    Rtp {
        /// Who it says that sent it.
        ssrc: Ssrc,
        /// Which it says that it is.
        sequence_number: SequenceNumber,
        /// What is wrong with it.
        fault: UnprotectFault,
    },
    /// RTCP packets.
    #[error("RTCP of SSRC {ssrc}: {fault}")]
    Rtcp {
        /// Who it says that sent them.
        ssrc: Ssrc,
        /// What is wrong with them.
        fault: UnprotectFault,
    },
}

impl UnprotectError {
    /// What is wrong with the packet.
    pub const fn fault(&self) -> UnprotectFault {
        match self {
            Self::NotSrtp { .. } => UnprotectFault::TooShort,
            Self::Rtp { fault, .. } | Self::Rtcp { fault, .. } => *fault,
        }
    }
}

/// What is wrong with a packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum UnprotectFault {
    /// It has no room for its header and a tag.
    #[error("too short to be SRTP")]
    TooShort,
    /// Another key protects it, or it was changed on its way, or its rollover counter cannot be known.
    #[error("authentication failed")]
    NotAuthentic,
    /// RTCP packets that say that they are not encrypted
    /// ([RFC 3711 §3.4](https://www.rfc-editor.org/rfc/rfc3711#section-3.4)), which no [`Keys`](crate::Keys) allow.
    #[error("not encrypted")]
    NotEncrypted,
    /// It came before, or is older than [`REPLAY_WINDOW`](super::REPLAY_WINDOW).
    #[error("came before, or is too old to tell")]
    Replayed,
    /// It names a key that is not there.
    #[error("names an unknown master key")]
    UnknownKey,
    /// The key has protected as many packets as it may
    /// ([RFC 3711 §9.2](https://www.rfc-editor.org/rfc/rfc3711#section-9.2)).
    #[error("master key is used up")]
    KeyUsedUp,
}

impl From<SrtpError> for UnprotectFault {
    fn from(error: SrtpError) -> Self {
        match error {
            SrtpError::InvalidPacket => Self::TooShort,
            SrtpError::InvalidPacketIndex => Self::Replayed,
            SrtpError::InvalidMki => Self::UnknownKey,
            SrtpError::KeyLimit { .. } => Self::KeyUsedUp,
            // The others are of the setup, which was checked.
            _ => Self::NotAuthentic,
        }
    }
}

/// Why a packet could not be protected.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ProtectError {
    /// It is no packet.
    #[error("{len} bytes that are no packet")]
    NotAPacket {
        /// Its length in bytes.
        len: usize,
    },
    /// It is of one source more than [`MAX_SOURCES`](super::MAX_SOURCES).
    #[error("SSRC {0}: too many sources")]
    TooManySources(Ssrc),
    /// A packet of that number was protected before: to do it again would show both.
    #[error("SSRC {0}: number was used before")]
    Repeated(Ssrc),
    /// The key has protected as many packets as it may
    /// ([RFC 3711 §9.2](https://www.rfc-editor.org/rfc/rfc3711#section-9.2)).
    #[error("SSRC {0}: master key is used up")]
    KeyUsedUp(Ssrc),
}

impl ProtectError {
    pub(super) fn new(error: &SrtpError, ssrc: Ssrc, len: usize) -> Self {
        match error {
            SrtpError::InvalidPacketIndex => Self::Repeated(ssrc),
            SrtpError::KeyLimit { .. } => Self::KeyUsedUp(ssrc),
            _ => Self::NotAPacket { len },
        }
    }
}
