//! What can go wrong with TLS.

use std::io;
use std::path::PathBuf;

use super::Fingerprint;

/// Why there is no TLS connection.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TlsError {
    /// The certificate is not one that [`Trust`](super::Trust) accepts. If it is the camera's (compare it with what the
    /// camera shows, or connect by a network that nobody else is in), pin it, where
    /// [that helps](CertificateProblem::is_mended_by_pin).
    #[error("certificate refused: {reason}{}", or_pin(reason, *fingerprint))]
    CertificateRefused {
        /// What is wrong with it.
        reason: CertificateProblem,
        /// Of the certificate that was shown.
        fingerprint: Fingerprint,
    },
    /// [`Trust`](super::Trust) cannot be had.
    #[error(transparent)]
    Trust(#[from] TrustError),
    /// There is no version or cipher that both ends speak.
    #[error("{0}")]
    Incompatible(Incompatibility),
    /// What answered does not speak TLS at this port.
    #[error("what answers at this port does not speak TLS; is it the port of rtsp:// rather than rtsps://?")]
    NotTls,
    /// The camera hung up in the middle of the handshake.
    #[error("the camera hung up during the TLS handshake{}", about(name.as_deref()))]
    Closed {
        /// The name that was sent to it; some cameras hang up on one (Q118).
        name: Option<String>,
    },
    /// The camera refused for a reason of its own, or broke the protocol.
    #[error("TLS handshake failed: {cause}")]
    Handshake {
        /// What the TLS library says.
        cause: io::Error,
    },
}

impl TlsError {
    /// Whether only a changed configuration mends this. A clock that is wrong after a power cut rights itself.
    pub(crate) fn is_configuration(&self) -> bool {
        match self {
            TlsError::CertificateRefused { reason, .. } => *reason != CertificateProblem::NotYetValid,
            TlsError::Trust(_) | TlsError::Incompatible(_) | TlsError::NotTls => true,
            TlsError::Closed { .. } | TlsError::Handshake { .. } => false,
        }
    }
}

/// What is wrong with a certificate.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum CertificateProblem {
    /// Its time is over.
    #[error("it has expired")]
    Expired,
    /// Its time has not come: the clock of this machine may be wrong, or the camera's was.
    #[error("it is not valid yet")]
    NotYetValid,
    /// It is for other hosts.
    #[error("it is not for {host} (but for {})", listed(names))]
    WrongName {
        /// The host of the URL.
        host: String,
        /// Whom it is for, at most [`MAX_NAMES`](Self::MAX_NAMES) of them.
        names: Vec<String>,
    },
    /// Nobody who is trusted has signed it: mostly it is self-signed.
    #[error("it is self-signed, or signed by an authority that is not trusted")]
    UnknownIssuer,
    /// It is not among those that were pinned.
    #[error("its fingerprint is not a pinned one")]
    NotPinned,
    /// It is of X.509 version 1 or 2, which is not read here.
    #[error("it is of X.509 version 1 or 2, from before 1999, and not of version 3")]
    OldVersion,
    /// Its key is RSA of less than 2048 bits: by it, nobody can prove anything.
    #[error("its RSA key has less than 2048 bits, which proves nothing")]
    WeakKey,
    /// It is none, or damaged.
    #[error("it cannot be read: {0}")]
    Unreadable(String),
    /// The camera does not prove that it has the certificate's key: somebody else may show it.
    #[error("the camera does not prove that it has its key: {0}")]
    Unproven(String),
    /// Whatever else: a purpose, or a restriction of its authority.
    #[error("{0}")]
    Invalid(String),
}

impl CertificateProblem {
    /// Names of a certificate that are kept for the error.
    pub const MAX_NAMES: usize = 4;

    /// Whether the certificate is accepted if it is pinned. One whose key cannot be verified never is.
    pub fn is_mended_by_pin(&self) -> bool {
        match self {
            CertificateProblem::Expired
            | CertificateProblem::NotYetValid
            | CertificateProblem::WrongName { .. }
            | CertificateProblem::UnknownIssuer
            | CertificateProblem::NotPinned
            | CertificateProblem::Invalid(_) => true,
            CertificateProblem::OldVersion
            | CertificateProblem::WeakKey
            | CertificateProblem::Unreadable(_)
            | CertificateProblem::Unproven(_) => false,
        }
    }
}

/// Why there is nobody to trust.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TrustError {
    /// The file of authorities cannot be read.
    #[error("the file of trusted certificates, {}, cannot be read: {cause}", path.display())]
    Unreadable {
        /// As configured.
        path: PathBuf,
        /// What the system said.
        cause: io::Error,
    },
    /// The file of authorities is longer than any that makes sense.
    #[error("the trusted certificates are more than {limit} bytes")]
    TooLong {
        /// In bytes.
        limit: u64,
    },
    /// What is configured as PEM is not.
    #[error("the trusted certificates are no PEM: {reason}")]
    Malformed {
        /// What the parser says.
        reason: String,
    },
    /// There is no certificate in what is configured.
    #[error("there is no trusted certificate{}", in_file(path.as_ref()))]
    Empty {
        /// As configured.
        path: Option<PathBuf>,
    },
}

/// What two ends of TLS do not have in common.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Incompatibility {
    /// The camera speaks nothing newer than TLS 1.1, which is broken.
    #[error("the camera speaks no TLS of version 1.2 or 1.3")]
    Version,
    /// The camera shares no cipher with us: mostly it knows only RSA key exchange, without forward secrecy, which is not
    /// spoken here (Q117).
    #[error(
        "the camera's TLS shares no cipher with ours: it may know RSA key exchange only (no ECDHE), which is not spoken here"
    )]
    Cipher,
}

fn or_pin(reason: &CertificateProblem, fingerprint: Fingerprint) -> String {
    if reason.is_mended_by_pin() {
        format!("; the camera's own is trusted if its fingerprint is pinned: {fingerprint}")
    } else {
        String::new()
    }
}

fn about(name: Option<&str>) -> String {
    name.map(|name| format!(" (some do when they are sent a host name, here {name}: it can be left out)"))
        .unwrap_or_default()
}

fn listed(names: &[String]) -> String {
    if names.is_empty() {
        "nobody".to_owned()
    } else {
        names.join(", ")
    }
}

fn in_file(path: Option<&PathBuf>) -> String {
    path.map(|path| format!(" in {}", path.display()))
        .unwrap_or_default()
}
