use throughline_rtsp::Credentials;
use throughline_rtsp::auth::Verifier;
use throughline_rtsp::headers::{Challenge, DigestAlgorithm, DigestChallenge, Qop};

use crate::quirks::{Quirks, challenges};

const REALM: &str = "Throughline mock camera";

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
        let (credentials, offers) = match self {
            Self::None => return None,
            Self::Basic(credentials) => (credentials, vec![basic()]),
            Self::Digest(credentials) => (credentials, vec![md5()]),
            Self::DigestSha256(credentials) => (credentials, vec![sha_256()]),
            Self::Any(credentials) => (credentials, vec![sha_256(), md5(), basic()]),
        };
        let offers = challenges::bend(quirks, offers);
        let seed = challenges::seed(quirks, seed);
        Some(Verifier::new(credentials.clone(), offers, seed))
    }
}

pub(crate) fn basic() -> Challenge {
    Challenge::Basic {
        realm: REALM.to_owned(),
    }
}

pub(crate) fn md5() -> Challenge {
    Challenge::Digest(DigestChallenge {
        realm: REALM.to_owned(),
        ..DigestChallenge::default()
    })
}

pub(crate) fn sha_256() -> Challenge {
    Challenge::Digest(DigestChallenge {
        realm: REALM.to_owned(),
        algorithm: Some(DigestAlgorithm::Sha256),
        qop: vec![Qop::Auth],
        ..DigestChallenge::default()
    })
}
