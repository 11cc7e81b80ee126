//! Whose keys protect the stream, where it is SRTP.

use std::time::Instant;

use throughline_rtp::Ssrc;
use throughline_rtsp::client::{SetUpRequest, TransportRequest};
use throughline_rtsp::headers::{KeyMgmt, Profile};
use throughline_sdp::{Crypto, KeyManagement, MediaDescription, SessionDescription};
use throughline_srtp::mikey::{CryptoSession, Message, Timestamp};
use throughline_srtp::{Keys, Mki, Reading, Suite, Tolerance, sdes};

use super::lasting::Lasting;
use super::srtp::Srtp;
use crate::KeysFault;

/// What GStreamer and gortsplib use where the camera does not say.
const USUAL_SUITE: Suite = Suite::AesCm128HmacSha1_80;

/// Bytes of the identifier of a key of ours, as gortsplib has it for Axis.
const MKI_LEN: usize = 4;

/// What the description says of a media section's protection.
#[derive(Debug)]
pub(super) struct Protection {
    /// Secure or not.
    profile: Profile,
    keys: Result<CameraKeys, KeysFault>,
}

/// What the camera protects its packets with.
#[derive(Clone, Debug)]
struct CameraKeys {
    keys: Vec<Keys>,
    rollover_counters: Vec<(Ssrc, u32)>,
    /// When they were made, by the camera's clock; none of security descriptions.
    made: Option<Timestamp>,
    declared_for: Direction,
}

/// Whose packets keys protect.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Direction {
    /// The camera's, by MIKEY.
    FromCamera,
    /// All of the session's, by a security description.
    Both,
}

impl Protection {
    pub(super) fn of(
        description: &SessionDescription,
        media: &MediaDescription,
        reading: &mut Reading,
    ) -> Self {
        let protocol = media.protocol();
        let name = protocol.get(..protocol.len().saturating_sub(4));
        let name = name.filter(|_| protocol.to_ascii_uppercase().ends_with("/TCP"));
        let profile = Profile::from_name(name.unwrap_or(protocol))
            .filter(|profile| profile.is_secure())
            // Feedback needs no profile: most cameras that heed it have RTP/AVP.
            .unwrap_or(Profile::Avp);
        Protection {
            profile,
            keys: if profile.is_secure() {
                described_keys(description, media, reading)
            } else {
                Err(KeysFault::Missing)
            },
        }
    }

    pub(super) fn is_secure(&self) -> bool {
        self.profile.is_secure()
    }

    /// Whether nothing is missing. Keys may still come with the answer to SETUP.
    pub(super) fn is_complete(&self) -> bool {
        !self.is_secure() || self.keys.is_ok()
    }
}

/// By MIKEY for the section or the session, else by a security description: the first that can be used.
fn described_keys(
    description: &SessionDescription,
    media: &MediaDescription,
    reading: &mut Reading,
) -> Result<CameraKeys, KeysFault> {
    let messages = media
        .typed::<KeyManagement>()
        .chain(description.typed::<KeyManagement>());
    let mut first_fault = None;
    for message in messages {
        if !message.protocol.eq_ignore_ascii_case("mikey") {
            first_fault.get_or_insert(KeysFault::Protocol(message.protocol));
            continue;
        }
        match CameraKeys::of_message(&message.data, reading) {
            Ok(keys) => return Ok(keys),
            Err(fault) => {
                first_fault.get_or_insert(fault);
            }
        }
    }
    for crypto in media.typed::<Crypto>() {
        match sdes::keys(&crypto) {
            Ok(keys) => {
                return Ok(CameraKeys {
                    keys,
                    rollover_counters: Vec::new(),
                    made: None,
                    declared_for: Direction::Both,
                });
            }
            Err(fault) => {
                first_fault.get_or_insert(fault.into());
            }
        }
    }
    Err(first_fault.unwrap_or(KeysFault::Missing))
}

impl CameraKeys {
    /// Of a MIKEY message in base64.
    fn of_message(data: &str, reading: &mut Reading) -> Result<Self, KeysFault> {
        let message = Message::from_base64(data, reading)?;
        let sessions = message.header.sessions.iter();
        Ok(CameraKeys {
            keys: message.keys()?,
            rollover_counters: sessions
                .map(|session| (session.ssrc, session.rollover_counter))
                .collect(),
            made: message.timestamp(),
            declared_for: Direction::FromCamera,
        })
    }
}

/// The keys of one SETUP.
#[derive(Debug)]
pub(super) struct Keying {
    /// Ours.
    ssrc: Ssrc,
    /// For what we send, or for all (Q106).
    own: Keys,
    management: Management,
}

/// Who manages the keys of what the camera sends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Management {
    Camera,
    /// The camera has refused to (Q106).
    Us,
}

impl Keying {
    pub(super) fn new(protection: &Protection, lasting: &mut Lasting) -> Self {
        Keying::managed_by(Management::Camera, None, protection, lasting)
    }

    /// After the camera has refused our keys: others, with an identifier, that it may use for what it sends (Q106). Nothing
    /// where it refuses those.
    pub(super) fn again(&self, protection: &Protection, lasting: &mut Lasting) -> Option<Self> {
        if self.management == Management::Us || !lasting.policies.srtp.tolerates(Tolerance::ClientKeys) {
            return None;
        }
        let identifier: [u8; MKI_LEN] = lasting.key_random.bytes();
        let mki = Mki::new(&identifier);
        Some(Keying::managed_by(Management::Us, mki, protection, lasting))
    }

    fn managed_by(
        management: Management,
        mki: Option<Mki>,
        protection: &Protection,
        lasting: &mut Lasting,
    ) -> Self {
        let described = protection.keys.as_ref().ok().and_then(|known| known.keys.first());
        let suite = described.map_or(USUAL_SUITE, Keys::suite);
        Keying {
            ssrc: Ssrc(lasting.random.next_u32()),
            own: Keys::generate(suite, &lasting.key_random.bytes(), mki),
            management,
        }
    }

    /// SETUP with our keys, and the SSRC that they are for: servers find them by it.
    pub(super) fn request(
        &self,
        now: Instant,
        transport: TransportRequest,
        protection: &Protection,
        lasting: &mut Lasting,
    ) -> SetUpRequest {
        let described = protection.keys.as_ref().ok();
        let is_declared = described.is_some_and(|known| known.declared_for == Direction::Both);
        let key_mgmt = (!is_declared).then(|| {
            let session = CryptoSession {
                policy: 0,
                ssrc: self.ssrc,
                rollover_counter: 0,
            };
            // By the camera's own clock, where that is known: servers compare.
            let made = described
                .and_then(|known| known.made)
                .unwrap_or_else(|| Timestamp::NtpUtc(lasting.wall_clock(now).0));
            let message = Message::initiate(&self.own, &[session], made, &lasting.key_random.bytes());
            KeyMgmt::mikey(message.to_base64())
        });
        SetUpRequest {
            transport,
            profile: protection.profile,
            key_mgmt,
        }
    }

    /// What was agreed on. The answer's keys count before the description's, for they are newer.
    pub(super) fn agree(
        self,
        answer: Option<&KeyMgmt>,
        protection: &Protection,
        lasting: &mut Lasting,
    ) -> Result<Srtp, KeysFault> {
        let answered = match answer.and_then(KeyMgmt::mikey_data) {
            Some(data) => {
                let mut reading = Reading::new(lasting.policies.srtp);
                let keys = CameraKeys::of_message(data, &mut reading);
                lasting.totals.tolerated.srtp |= reading.tolerated();
                Some(keys?)
            }
            None => None,
        };
        let of_camera = match (answered, self.management) {
            (Some(answered), _) => answered,
            (None, Management::Camera) => protection.keys.clone()?,
            (None, Management::Us) => {
                lasting.totals.tolerated.srtp.insert(Tolerance::ClientKeys);
                CameraKeys {
                    keys: vec![self.own.clone()],
                    rollover_counters: Vec::new(),
                    made: None,
                    declared_for: Direction::FromCamera,
                }
            }
        };
        let own = match (of_camera.declared_for, of_camera.keys.first()) {
            (Direction::Both, Some(declared)) => declared,
            _ => &self.own,
        };
        Ok(Srtp::new(
            self.ssrc,
            own,
            &of_camera.keys,
            &of_camera.rollover_counters,
        )?)
    }
}
