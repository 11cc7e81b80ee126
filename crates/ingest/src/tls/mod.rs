//! What a caller says about TLS, and what can go wrong with it.

use std::path::PathBuf;

mod error;
mod fingerprint;

pub use error::{CertificateProblem, Incompatibility, TlsError, TrustError};
pub use fingerprint::{Fingerprint, FingerprintError};

/// Whom to believe behind TLS, and what to tell about the camera before it is encrypted.
///
/// A camera made its certificate itself, mostly: it is refused, and the error holds the fingerprint to pin.
///
/// ```
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// use throughline_ingest::{Config, Trust};
///
/// let mut config = Config::parse("rtsps://192.0.2.7/stream1")?;
/// let fingerprint = "9F:86:D0:81:88:4C:7D:65:9A:2F:EA:A0:C5:5A:D0:15:A3:BF:4F:1B:2B:0B:82:2C:D1:5D:6C:15:B0:F0:0A:08";
/// config.tls.trust = Trust::Pinned(vec![fingerprint.parse()?]);
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct TlsConfig {
    /// Which certificates are accepted. Default: [`Trust::SystemRoots`].
    pub trust: Trust,
    /// Whether the host's name is sent in the clear. Default: [`ServerNameIndication::Names`].
    pub server_name: ServerNameIndication,
}

/// Which certificates are accepted. There is no way to accept all: who sits between could then read the password.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Trust {
    /// Those for the host of the URL that an authority of this system signed.
    #[default]
    SystemRoots,
    /// Those for the host of the URL that an authority in this PEM file signed; and those in the file themselves, as if
    /// they were pinned. It is read at the first connection over TLS.
    CaFile(PathBuf),
    /// The same, with the contents of such a file.
    CaPem(Vec<u8>),
    /// Those with one of these fingerprints, whatever else they say: expired, self-signed, for another name. That the camera
    /// has the certificate's key is verified all the same.
    Pinned(Vec<Fingerprint>),
}

/// Whether the host's name is sent with the first message of TLS, in the clear
/// ([RFC 6066 §3](https://www.rfc-editor.org/rfc/rfc6066#section-3)). Addresses never are.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ServerNameIndication {
    /// Where the host is a name: gateways with many cameras behind them choose by it.
    #[default]
    Names,
    /// Never: some cameras hang up on a name that they do not know (Q118).
    Never,
}
