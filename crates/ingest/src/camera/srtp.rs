//! The packets of a stream that is SRTP, in and out.

use throughline_rtp::Ssrc;
use throughline_srtp::transform::{Protector, SetupError, UnprotectError, UnprotectFault, Unprotector};
use throughline_srtp::{Keys, Suite};

use crate::CameraStats;

/// Both directions of a stream. They are apart, for packets go out while one that came in is read.
#[derive(Debug)]
pub(super) struct Srtp {
    pub(super) incoming: Incoming,
    pub(super) outgoing: Outgoing,
}

/// The camera's packets.
#[derive(Debug)]
pub(super) struct Incoming {
    unprotector: Unprotector,
    suite: Option<Suite>,
    /// Why the latest packet could not be read, if it could not.
    trouble: Option<UnprotectError>,
}

/// Our packets.
#[derive(Debug)]
pub(super) struct Outgoing {
    /// Which our keys are for.
    ssrc: Ssrc,
    protector: Protector,
    /// The empty packet that opens ways: protected once, for a number must not be used again.
    punch: Vec<u8>,
}

/// What a packet is, by the channel that it came by and its own word.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum PacketKind {
    Rtp,
    Rtcp,
}

impl Srtp {
    pub(super) fn new(
        ssrc: Ssrc,
        own: &Keys,
        of_camera: &[Keys],
        rollover_counters: &[(Ssrc, u32)],
    ) -> Result<Self, SetupError> {
        Ok(Srtp {
            incoming: Incoming {
                unprotector: Unprotector::new(of_camera, rollover_counters)?,
                suite: of_camera.first().map(Keys::suite),
                trouble: None,
            },
            outgoing: Outgoing {
                ssrc,
                protector: Protector::new(own)?,
                punch: Vec::new(),
            },
        })
    }
}

impl Incoming {
    /// The packet in the clear; nothing of one that the keys do not open.
    pub(super) fn unprotect(&mut self, kind: PacketKind, packet: &[u8]) -> Option<&[u8]> {
        let result = match kind {
            PacketKind::Rtp => self.unprotector.unprotect_rtp(packet),
            PacketKind::Rtcp => self.unprotector.unprotect_rtcp(packet),
        };
        match result {
            Ok(plain) => {
                self.trouble = None;
                Some(plain)
            }
            Err(error) => {
                tracing::trace!(%error, "packet not unprotected");
                // The keys open what comes twice.
                if !is_replayed(&error) {
                    self.trouble = Some(error);
                }
                None
            }
        }
    }

    pub(super) fn suite(&self) -> Option<Suite> {
        self.suite
    }

    /// Why the latest packet could not be read, and how many could not so far.
    pub(super) fn trouble(&self) -> Option<(UnprotectError, u64)> {
        let stats = self.unprotector.stats();
        self.trouble
            .map(|error| (error, stats.not_authentic + stats.too_short))
    }

    pub(super) fn add_to(&self, stats: &mut CameraStats) {
        let unprotected = self.unprotector.stats();
        stats.undecryptable += unprotected.not_authentic + unprotected.too_short;
        stats.duplicates += unprotected.replayed;
    }
}

fn is_replayed(error: &UnprotectError) -> bool {
    matches!(
        error,
        UnprotectError::Rtp {
            fault: UnprotectFault::Replayed,
            ..
        } | UnprotectError::Rtcp {
            fault: UnprotectFault::Replayed,
            ..
        }
    )
}

impl Outgoing {
    pub(super) fn ssrc(&self) -> Ssrc {
        self.ssrc
    }

    /// What is sent in place of these RTCP packets; nothing once the key is used up.
    pub(super) fn protect_rtcp(&mut self, compound: &[u8]) -> Option<&[u8]> {
        self.protector.protect_rtcp(compound).ok()
    }

    /// What is sent in place of this empty packet, which is the same each time.
    pub(super) fn protect_punch(&mut self, packet: &[u8]) -> Option<&[u8]> {
        if self.punch.is_empty() {
            self.punch = self.protector.protect_rtp(packet).ok()?.to_vec();
        }
        Some(&self.punch)
    }
}
