//! TLS by rustls: which certificates are believed, and what its refusals mean.

use std::io::{self, Read};
use std::path::Path;
use std::sync::Arc;

use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, WebPkiSupportedAlgorithms, ring};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::server::ParsedCertificate;
use rustls::{
    AlertDescription, CertificateError, ClientConfig, DigitallySignedStruct, InvalidMessage, OtherError,
    PeerIncompatible, PeerMisbehaved, RootCertStore, SignatureScheme,
};
use tokio::net::TcpStream;
use tokio::sync::OnceCell;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use crate::{
    CertificateProblem, Fingerprint, Incompatibility, ServerNameIndication, TlsConfig, TlsError, Trust,
    TrustError,
};

/// No file of authorities is longer: the systems' own are a quarter of it.
const MAX_CA_BYTES: u64 = 1024 * 1024;

/// The TLS of one camera's connections.
#[derive(Debug)]
pub(super) struct Tls {
    config: TlsConfig,
    /// Made for the first connection that needs it.
    client: OnceCell<Arc<ClientConfig>>,
}

impl Tls {
    pub(super) fn new(config: TlsConfig) -> Self {
        Tls {
            config,
            client: OnceCell::new(),
        }
    }

    pub(super) async fn handshake(
        &self,
        host: &str,
        stream: TcpStream,
    ) -> Result<TlsStream<TcpStream>, TlsError> {
        let client = self
            .client
            .get_or_try_init(|| client(self.config.clone()))
            .await?;
        // The zone is this machine's own (Q150).
        let unzoned = host.split_once('%').map_or(host, |(address, _)| address);
        let name = ServerName::try_from(unzoned.to_owned()).map_err(|cause| TlsError::Handshake {
            cause: io::Error::new(io::ErrorKind::InvalidInput, cause),
        })?;
        let is_named = matches!(name, ServerName::DnsName(_)) && client.enable_sni;
        let handshake = TlsConnector::from(Arc::clone(client)).connect(name, stream).await;
        handshake.map_err(|cause| explain(cause, is_named.then_some(host)))
    }
}

async fn client(config: TlsConfig) -> Result<Arc<ClientConfig>, TlsError> {
    // rustls has no default to fall back on where a program's crates bring two of them.
    let provider = Arc::new(ring::default_provider());
    let verifier = {
        let provider = Arc::clone(&provider);
        let trust = config.trust;
        // Reading files blocks.
        tokio::task::spawn_blocking(move || Verifier::new(trust, &provider))
    };
    let verifier = verifier
        .await
        .map_err(|cause| failed(io::Error::other(cause)))??;
    let mut client = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|cause| failed(io::Error::other(cause)))?
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(verifier))
        .with_no_client_auth();
    client.enable_sni = config.server_name == ServerNameIndication::Names;
    Ok(Arc::new(client))
}

fn failed(cause: io::Error) -> TlsError {
    TlsError::Handshake { cause }
}

/// Refuses a certificate with its fingerprint. Signatures of the handshake are always verified: they prove that the
/// camera has the key of its certificate.
#[derive(Debug)]
struct Verifier {
    algorithms: WebPkiSupportedAlgorithms,
    accepted: Accepted,
}

#[derive(Debug)]
enum Accepted {
    /// By an authority; nobody, where there is none on this system. Or one of these themselves.
    Authorized(Option<Arc<WebPkiServerVerifier>>, Vec<CertificateDer<'static>>),
    Pinned(Vec<Fingerprint>),
}

/// What the verifier tells through rustls.
#[derive(Debug, thiserror::Error)]
#[error("{reason}")]
struct Refusal {
    reason: CertificateProblem,
    fingerprint: Fingerprint,
}

impl Verifier {
    fn new(trust: Trust, provider: &Arc<CryptoProvider>) -> Result<Self, TlsError> {
        let (authorities, themselves) = match trust {
            Trust::SystemRoots => {
                let found = rustls_native_certs::load_native_certs();
                for error in found.errors {
                    tracing::warn!(%error, "trusted certificates of this system not read");
                }
                (found.certs, Vec::new())
            }
            Trust::CaFile(path) => {
                let found = certificates(&read(&path)?, Some(&path))?;
                (found.clone(), found)
            }
            Trust::CaPem(pem) => {
                let found = certificates(&pem, None)?;
                (found.clone(), found)
            }
            Trust::Pinned(fingerprints) => {
                return Ok(Verifier {
                    algorithms: provider.signature_verification_algorithms,
                    accepted: Accepted::Pinned(fingerprints),
                });
            }
        };
        let mut roots = RootCertStore::empty();
        roots.add_parsable_certificates(authorities);
        let webpki =
            WebPkiServerVerifier::builder_with_provider(Arc::new(roots), Arc::clone(provider)).build();
        Ok(Verifier {
            algorithms: provider.signature_verification_algorithms,
            // It fails where there are no roots, and on no other account.
            accepted: Accepted::Authorized(webpki.ok(), themselves),
        })
    }

    fn judge(
        &self,
        certificate: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        name: &ServerName<'_>,
        now: UnixTime,
    ) -> Result<(), CertificateProblem> {
        usable(certificate)?;
        match &self.accepted {
            Accepted::Pinned(pinned) if pinned.contains(&Fingerprint::of(certificate)) => Ok(()),
            Accepted::Pinned(_) => Err(CertificateProblem::NotPinned),
            Accepted::Authorized(_, themselves) if themselves.contains(certificate) => Ok(()),
            Accepted::Authorized(None, _) => Err(CertificateProblem::UnknownIssuer),
            Accepted::Authorized(Some(webpki), _) => webpki
                .verify_server_cert(certificate, intermediates, name, &[], now)
                .map(|_| ())
                .map_err(|error| problem(error, name)),
        }
    }
}

impl ServerCertVerifier for Verifier {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        _ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        self.judge(end_entity, intermediates, server_name, now)
            .map(|()| ServerCertVerified::assertion())
            .map_err(|reason| refuse(reason, end_entity))
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        rustls::crypto::verify_tls12_signature(message, certificate, signature, &self.algorithms)
            .map_err(|error| refuse(unproven(&error), certificate))
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        rustls::crypto::verify_tls13_signature(message, certificate, signature, &self.algorithms)
            .map_err(|error| refuse(unproven(&error), certificate))
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.algorithms.supported_schemes()
    }
}

fn read(path: &Path) -> Result<Vec<u8>, TrustError> {
    let mut pem = Vec::new();
    std::fs::File::open(path)
        .and_then(|file| file.take(MAX_CA_BYTES + 1).read_to_end(&mut pem))
        .map_err(|cause| TrustError::Unreadable {
            path: path.to_owned(),
            cause,
        })?;
    Ok(pem)
}

fn certificates(pem: &[u8], path: Option<&Path>) -> Result<Vec<CertificateDer<'static>>, TrustError> {
    if pem.len() as u64 > MAX_CA_BYTES {
        return Err(TrustError::TooLong { limit: MAX_CA_BYTES });
    }
    let found: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(pem).collect();
    let found = found.map_err(|error| TrustError::Malformed {
        reason: error.to_string(),
    })?;
    if found.is_empty() {
        let path = path.map(Path::to_owned);
        return Err(TrustError::Empty { path });
    }
    Ok(found)
}

fn refuse(reason: CertificateProblem, certificate: &CertificateDer<'_>) -> rustls::Error {
    let fingerprint = Fingerprint::of(certificate);
    let refusal = Refusal { reason, fingerprint };
    CertificateError::Other(OtherError(Arc::new(refusal))).into()
}

/// Whether the certificate's key can be verified, without which no trust helps.
fn usable(certificate: &CertificateDer<'_>) -> Result<(), CertificateProblem> {
    /// rsaEncryption of [RFC 8017 appendix C](https://www.rfc-editor.org/rfc/rfc8017#appendix-C), in DER.
    const RSA: [u8; 11] = [0x06, 0x09, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x01];
    /// The length of the least modulus that is accepted: no key is shorter than its modulus.
    const RSA_MODULUS_BYTES: usize = 2048 / 8;

    let parsed = ParsedCertificate::try_from(certificate).map_err(|error| match words(&error) {
        words if words == "UnsupportedCertVersion" => CertificateProblem::OldVersion,
        words => CertificateProblem::Unreadable(words),
    })?;
    let key = parsed.subject_public_key_info();
    if key.len() < RSA_MODULUS_BYTES && key.windows(RSA.len()).any(|oid| oid == RSA) {
        return Err(CertificateProblem::WeakKey);
    }
    Ok(())
}

/// A signature of the handshake that cannot be verified.
fn unproven(error: &rustls::Error) -> CertificateProblem {
    CertificateProblem::Unproven(words(error))
}

/// What is wrong with a certificate, in the words of whoever says so.
fn words(error: &rustls::Error) -> String {
    match error {
        rustls::Error::InvalidCertificate(CertificateError::Other(OtherError(cause))) => cause.to_string(),
        rustls::Error::InvalidCertificate(cause) => cause.to_string(),
        other => other.to_string(),
    }
}

fn problem(error: rustls::Error, name: &ServerName<'_>) -> CertificateProblem {
    use CertificateError as E;
    match error {
        rustls::Error::InvalidCertificate(E::Expired | E::ExpiredContext { .. }) => {
            CertificateProblem::Expired
        }
        rustls::Error::InvalidCertificate(E::NotValidYet | E::NotValidYetContext { .. }) => {
            CertificateProblem::NotYetValid
        }
        // An authority of the same name, but another key.
        rustls::Error::InvalidCertificate(E::UnknownIssuer | E::BadSignature) => {
            CertificateProblem::UnknownIssuer
        }
        // What `openssl req -x509` makes is its own authority, and says so.
        rustls::Error::InvalidCertificate(E::Other(other)) if other.to_string() == "CaUsedAsEndEntity" => {
            CertificateProblem::UnknownIssuer
        }
        rustls::Error::InvalidCertificate(E::NotValidForNameContext { presented, .. }) => {
            CertificateProblem::WrongName {
                host: name.to_str().into_owned(),
                names: presented
                    .iter()
                    .take(CertificateProblem::MAX_NAMES)
                    .map(|name| host_name(name))
                    .collect(),
            }
        }
        other => CertificateProblem::Invalid(words(&other)),
    }
}

/// The name in `DnsName("camera.example")`, which is how it comes. It is the peer's own words.
fn host_name(presented: &str) -> String {
    /// No host name is longer ([RFC 1035 §2.3.4](https://www.rfc-editor.org/rfc/rfc1035#section-2.3.4)).
    const MAX_CHARS: usize = 255;
    let kind_removed = presented
        .split_once('(')
        .map_or(presented, |(_, name)| name.strip_suffix(')').unwrap_or(name));
    kind_removed
        .trim_matches('"')
        .escape_debug()
        .take(MAX_CHARS)
        .collect()
}

/// What a failed handshake means. `name` is what was sent in the clear.
fn explain(cause: io::Error, name: Option<&str>) -> TlsError {
    use io::ErrorKind::{BrokenPipe, ConnectionAborted, ConnectionReset, UnexpectedEof};
    let closed = || TlsError::Closed {
        name: name.map(str::to_owned),
    };
    if matches!(
        cause.kind(),
        BrokenPipe | ConnectionAborted | ConnectionReset | UnexpectedEof
    ) {
        return closed();
    }
    let inner = cause
        .get_ref()
        .and_then(|inner| inner.downcast_ref::<rustls::Error>());
    match inner {
        Some(rustls::Error::InvalidCertificate(CertificateError::Other(OtherError(other)))) => {
            match other.downcast_ref::<Refusal>() {
                Some(Refusal { reason, fingerprint }) => TlsError::CertificateRefused {
                    reason: reason.clone(),
                    fingerprint: *fingerprint,
                },
                None => failed(cause),
            }
        }
        Some(rustls::Error::AlertReceived(AlertDescription::UnrecognisedName)) => closed(),
        Some(
            rustls::Error::AlertReceived(AlertDescription::ProtocolVersion)
            | rustls::Error::PeerIncompatible(PeerIncompatible::ServerDoesNotSupportTls12Or13),
        ) => TlsError::Incompatible(Incompatibility::Version),
        Some(
            rustls::Error::AlertReceived(
                AlertDescription::HandshakeFailure | AlertDescription::InsufficientSecurity,
            )
            | rustls::Error::PeerIncompatible(
                PeerIncompatible::NoCipherSuitesInCommon | PeerIncompatible::NoKxGroupsInCommon,
            )
            | rustls::Error::PeerMisbehaved(PeerMisbehaved::SelectedUnofferedCipherSuite),
        ) => TlsError::Incompatible(Incompatibility::Cipher),
        Some(rustls::Error::InvalidMessage(
            InvalidMessage::InvalidContentType
            | InvalidMessage::UnknownProtocolVersion
            | InvalidMessage::MessageTooLarge,
        )) => TlsError::NotTls,
        _ => failed(cause),
    }
}
