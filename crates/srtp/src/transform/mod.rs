//! Packets protected and unprotected with keys.
//!
//! ```
//! use throughline_srtp::transform::{Protector, Unprotector, UnprotectFault};
//! use throughline_srtp::{Keys, Suite};
//!
//! let keys = Keys::new(Suite::AesCm128HmacSha1_80, &[7; 30], None)?;
//! let mut camera = Protector::new(&keys)?;
//! let mut viewer = Unprotector::new(&[keys], &[])?;
//!
//! let packet = *b"\x80\x60\x00\x01\x00\x00\x00\x00\x00\x00\x12\x34payload";
//! let protected = camera.protect_rtp(&packet)?.to_vec();
//! assert_eq!(protected.len(), packet.len() + 10);
//! assert_eq!(viewer.unprotect_rtp(&protected)?, packet);
//!
//! let error = viewer.unprotect_rtp(&protected).unwrap_err();
//! assert_eq!(error.fault(), UnprotectFault::Replayed);
//! assert_eq!(error.to_string(), "SSRC 0x00001234, sequence number 1: came before, or is too old to tell");
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod error;
mod protector;
#[cfg(test)]
mod tests;
mod unprotector;

use libsrtp::{MasterKey, ProtectionProfile, StreamConfig};

use crate::keys::{Keys, Suite};

pub use error::{ProtectError, SetupError, UnprotectError, UnprotectFault};
pub use protector::Protector;
pub use unprotector::{UnprotectStats, Unprotector};

/// The most sources that state is kept for. A camera has one for each medium; one that restarts has another.
///
/// A receiver forgets the one that was heard least recently, and with it which of its packets came: none but the holder of
/// the key can bring it there. A sender refuses one more, for to forget a source is to use its key stream again.
pub const MAX_SOURCES: usize = 8;

/// How far behind the newest a packet may come, in packets. A key frame in a burst, and paths that reorder, stay below;
/// [RFC 3711 §3.3.2](https://www.rfc-editor.org/rfc/rfc3711#section-3.3.2) wants 64 at least.
pub const REPLAY_WINDOW: u16 = 1024;

fn config(keys: &[Keys]) -> Result<StreamConfig, SetupError> {
    let suite = keys.first().ok_or(SetupError)?.suite();
    if keys.iter().any(|keys| keys.suite() != suite) {
        return Err(SetupError);
    }
    let master_keys = keys
        .iter()
        .map(|keys| {
            let mki = keys.mki().map(|mki| mki.as_bytes().to_vec());
            MasterKey::new(keys.master_key(), keys.master_salt(), &mki)
        })
        .collect();
    let [packets, reports] = profiles(suite);
    let mut config = StreamConfig::new(master_keys, &packets, &reports);
    config.set_replay_window_size(REPLAY_WINDOW);
    Ok(config)
}

/// Of RTP and of RTCP, whose tags are never short
/// ([RFC 4568 §6.2.1](https://www.rfc-editor.org/rfc/rfc4568#section-6.2.1)).
fn profiles(suite: Suite) -> [ProtectionProfile; 2] {
    use ProtectionProfile as Profile;
    match suite {
        Suite::AesCm128HmacSha1_80 => [Profile::Aes128CmHmacSha180, Profile::Aes128CmHmacSha180],
        Suite::AesCm128HmacSha1_32 => [Profile::Aes128CmHmacSha132, Profile::Aes128CmHmacSha180],
        Suite::AesCm256HmacSha1_80 => [Profile::Aes256CmHmacSha180, Profile::Aes256CmHmacSha180],
        Suite::AesCm256HmacSha1_32 => [Profile::Aes256CmHmacSha132, Profile::Aes256CmHmacSha180],
        Suite::AeadAes128Gcm => [Profile::AeadAes128Gcm, Profile::AeadAes128Gcm],
        Suite::AeadAes256Gcm => [Profile::AeadAes256Gcm, Profile::AeadAes256Gcm],
    }
}
