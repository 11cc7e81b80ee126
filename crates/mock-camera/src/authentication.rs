use throughline_rtsp::Credentials;
use throughline_rtsp::auth::Verifier;
use throughline_rtsp::headers::{Challenge, DigestAlgorithm, DigestChallenge, Qop};

use crate::quirks::{Quirk, Quirks};

const REALM: &str = "Throughline mock camera";
/// [`Quirk::OddRealm`].
const ODD_REALM: &str = "IP Camera(AB705), \"front door\", qop=none";

/// What the camera asks of clients, on every request but OPTIONS.
#[derive(Debug, Clone, Default)]
pub enum Authentication {
    /// Nothing.
    #[default]
    None,
    /// Basic.
    Basic(Credentials),
    /// Digest with MD5 in the old form without `qop`, as most cameras have it.
    Digest(Credentials),
    /// Digest with SHA-256 and `qop=auth`, as the newest cameras have it.
    DigestSha256(Credentials),
    /// Whichever of the above the client prefers, the strongest offered first
    /// ([RFC 7616 §3.7](https://www.rfc-editor.org/rfc/rfc7616#section-3.7)).
    Any(Credentials),
}

impl Authentication {
    pub(crate) fn verifier(&self, quirks: Quirks, seed: u64) -> Option<Verifier> {
        let (credentials, mut offers) = match self {
            Self::None => return None,
            Self::Basic(credentials) => (credentials, vec![basic()]),
            Self::Digest(credentials) => (credentials, vec![md5()]),
            Self::DigestSha256(credentials) => (credentials, vec![sha_256()]),
            Self::Any(credentials) => (credentials, vec![sha_256(), md5(), basic()]),
        };
        if quirks.contains(Quirk::WeakestChallengeFirst) {
            offers = vec![basic(), md5(), sha_256()];
        }
        for offer in &mut offers {
            bend(quirks, offer);
        }
        Some(Verifier::new(credentials.clone(), offers, seed))
    }
}

fn bend(quirks: Quirks, offer: &mut Challenge) {
    match offer {
        Challenge::Basic { realm } | Challenge::Digest(DigestChallenge { realm, .. })
            if quirks.contains(Quirk::OddRealm) =>
        {
            ODD_REALM.clone_into(realm);
        }
        _ => {}
    }
    match offer {
        Challenge::Digest(digest) if quirks.contains(Quirk::StaleNonce) => {
            digest.opaque = Some("5ccc069c403ebaf9".to_owned());
        }
        _ => {}
    }
}

fn basic() -> Challenge {
    Challenge::Basic {
        realm: REALM.to_owned(),
    }
}

fn md5() -> Challenge {
    Challenge::Digest(DigestChallenge {
        realm: REALM.to_owned(),
        ..DigestChallenge::default()
    })
}

fn sha_256() -> Challenge {
    Challenge::Digest(DigestChallenge {
        realm: REALM.to_owned(),
        algorithm: Some(DigestAlgorithm::Sha256),
        qop: vec![Qop::Auth],
        ..DigestChallenge::default()
    })
}
