use throughline_rtsp::headers::{Challenge, DigestChallenge};

use super::{Quirk, Quirks};
use crate::authentication::{basic, md5, sha_256};

const ODD_REALM: &str = "IP Camera(AB705), \"front door\", qop=none";
const OPAQUE: &str = "5ccc069c403ebaf9";

/// Bends what clients are challenged with.
pub(crate) fn bend(quirks: Quirks, mut challenges: Vec<Challenge>) -> Vec<Challenge> {
    if quirks.contains(Quirk::WeakestChallengeFirst) {
        challenges = vec![basic(), md5(), sha_256()];
    }
    for quirk in quirks.iter() {
        for challenge in &mut challenges {
            one(quirk, challenge);
        }
    }
    challenges
}

fn one(quirk: Quirk, challenge: &mut Challenge) {
    match (quirk, challenge) {
        (Quirk::OddRealm, Challenge::Basic { realm } | Challenge::Digest(DigestChallenge { realm, .. })) => {
            ODD_REALM.clone_into(realm);
        }
        (Quirk::StaleNonce, Challenge::Digest(digest)) => digest.opaque = Some(OPAQUE.to_owned()),
        _ => {}
    }
}

/// The seed of a connection's nonces.
pub(crate) fn seed(quirks: Quirks, seed: u64) -> u64 {
    // A nonce must outlive the connection that a challenge ends.
    if quirks.contains(Quirk::ClosesAfterUnauthorized) {
        0
    } else {
        seed
    }
}
