//! rtsps over loopback: which certificates are believed, and what each way to fail is called.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair, date_time_ymd};
use rustls::ServerConfig;
use rustls::crypto::ring;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::{Acceptor, ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;
use throughline_ingest::{
    CertificateProblem, Config, Error, Fingerprint, Incompatibility, Retry, ServerNameIndication, TlsError,
    Trust, TrustError,
};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio_rustls::LazyConfigAcceptor;

use crate::loopback::{expect_closed, expect_pictures, failure, listen, serve_one};
use crate::peer::{Peer, Script};

/// A certificate and the key of it.
struct Identity {
    certificate: CertificateDer<'static>,
    /// The same as in a file of trusted certificates.
    pem: String,
    key: KeyPair,
}

impl Identity {
    fn fingerprint(&self) -> Fingerprint {
        Fingerprint::of(&self.certificate)
    }
}

/// An authority that the tests trust, or do not.
struct Authority {
    pem: String,
    issuer: Issuer<'static, KeyPair>,
}

impl Authority {
    fn new() -> Self {
        let key = KeyPair::generate().expect("a key");
        let mut params = CertificateParams::default();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let pem = params.self_signed(&key).expect("a certificate").pem();
        Authority {
            pem,
            issuer: Issuer::new(params, key),
        }
    }

    fn sign(&self, params: &CertificateParams) -> Identity {
        let key = KeyPair::generate().expect("a key");
        let certificate = params.signed_by(&key, &self.issuer).expect("a certificate");
        Identity {
            certificate: certificate.der().clone(),
            pem: certificate.pem(),
            key,
        }
    }
}

fn for_hosts(hosts: &[&str]) -> CertificateParams {
    let hosts: Vec<String> = hosts.iter().map(|&host| host.to_owned()).collect();
    CertificateParams::new(hosts).expect("host names")
}

fn self_signed(params: &CertificateParams) -> Identity {
    let key = KeyPair::generate().expect("a key");
    let certificate = params.self_signed(&key).expect("a certificate");
    Identity {
        certificate: certificate.der().clone(),
        pem: certificate.pem(),
        key,
    }
}

/// Serves a certificate with whatever key, unlike rustls, which checks that they belong together.
#[derive(Debug)]
struct Shows(Arc<CertifiedKey>);

impl ResolvesServerCert for Shows {
    fn resolve(&self, _: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(Arc::clone(&self.0))
    }
}

/// What the front does about a host name in the first message.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Names {
    Ignored,
    /// It hangs up (Q118).
    Abhorred,
}

fn tls_of(certificate: &CertificateDer<'static>, key: &KeyPair) -> Arc<ServerConfig> {
    let provider = Arc::new(ring::default_provider());
    let key = PrivateKeyDer::try_from(key.serialize_der()).expect("a key");
    let key = provider.key_provider.load_private_key(key).expect("a key");
    let shown = Shows(Arc::new(CertifiedKey::new(vec![certificate.clone()], key)));
    let config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .expect("versions")
        .with_no_client_auth()
        .with_cert_resolver(Arc::new(shown));
    Arc::new(config)
}

/// A camera behind TLS that shows `certificate` and proves to have `key`; where it listens.
async fn serve(certificate: &CertificateDer<'static>, key: &KeyPair, names: Names) -> SocketAddr {
    let config = tls_of(certificate, key);
    listen(move |stream| {
        let config = Arc::clone(&config);
        async move {
            let hello = LazyConfigAcceptor::new(Acceptor::default(), stream).await?;
            if names == Names::Abhorred && hello.client_hello().server_name().is_some() {
                return Ok(());
            }
            let stream = hello.into_stream(config).await?;
            serve_one(stream, &mut Peer::new(Script::default())).await
        }
    })
    .await
}

fn config(host: &str, at: SocketAddr, trust: Trust) -> Config {
    let mut config = Config::parse(&format!("rtsps://{host}:{}/cam", at.port())).expect("a URL");
    config.retry = Retry::Never;
    config.tls.trust = trust;
    config
}

async fn tls_failure(config: Config) -> TlsError {
    match failure(config).await {
        Error::Tls { peer, cause } => {
            assert!(peer.contains(':'), "{peer}");
            cause
        }
        other => panic!("{other}"),
    }
}

/// The error about a refused certificate, with its reason and fingerprint.
async fn refusal(config: Config) -> (Error, CertificateProblem, Fingerprint) {
    let error = failure(config).await;
    let Error::Tls {
        cause: TlsError::CertificateRefused { reason, fingerprint },
        ..
    } = &error
    else {
        panic!("{error}");
    };
    let (reason, fingerprint) = (reason.clone(), *fingerprint);
    (error, reason, fingerprint)
}

#[tokio::test]
async fn what_a_trusted_authority_signed_for_the_host_is_accepted() {
    let authority = Authority::new();
    let camera = authority.sign(&for_hosts(&["localhost", "127.0.0.1"]));
    let at = serve(&camera.certificate, &camera.key, Names::Ignored).await;
    for host in ["localhost", "127.0.0.1"] {
        expect_pictures(config(host, at, Trust::CaPem(authority.pem.clone().into_bytes()))).await;
    }
    let path = std::env::temp_dir().join(format!("throughline-ca-{}.pem", std::process::id()));
    std::fs::write(&path, &authority.pem).expect("a file");
    expect_pictures(config("127.0.0.1", at, Trust::CaFile(path.clone()))).await;
    std::fs::remove_file(path).expect("the file");
}

#[tokio::test]
async fn each_refusal_says_why_and_which_fingerprint_to_pin() {
    let (authority, stranger) = (Authority::new(), Authority::new());
    let mut expired = for_hosts(&["127.0.0.1"]);
    (expired.not_before, expired.not_after) = (date_time_ymd(2001, 1, 1), date_time_ymd(2002, 1, 1));
    let mut early = for_hosts(&["127.0.0.1"]);
    early.not_before = date_time_ymd(4000, 1, 1);
    // What `openssl req -x509` makes.
    let mut own_authority = for_hosts(&["127.0.0.1"]);
    own_authority.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let wrong_name = CertificateProblem::WrongName {
        host: "127.0.0.1".to_owned(),
        names: vec!["camera.example".to_owned(), "192.0.2.9".to_owned()],
    };
    let trusted = Trust::CaPem(authority.pem.clone().into_bytes());
    let cases = [
        (
            authority.sign(&expired),
            trusted.clone(),
            CertificateProblem::Expired,
        ),
        (
            authority.sign(&early),
            trusted.clone(),
            CertificateProblem::NotYetValid,
        ),
        (
            self_signed(&for_hosts(&["127.0.0.1"])),
            trusted.clone(),
            CertificateProblem::UnknownIssuer,
        ),
        (
            self_signed(&own_authority),
            trusted.clone(),
            CertificateProblem::UnknownIssuer,
        ),
        (
            stranger.sign(&for_hosts(&["127.0.0.1"])),
            trusted.clone(),
            CertificateProblem::UnknownIssuer,
        ),
        (
            stranger.sign(&for_hosts(&["127.0.0.1"])),
            Trust::SystemRoots,
            CertificateProblem::UnknownIssuer,
        ),
        (
            authority.sign(&for_hosts(&["camera.example", "192.0.2.9"])),
            trusted.clone(),
            wrong_name,
        ),
        (
            authority.sign(&for_hosts(&["127.0.0.1"])),
            Trust::Pinned(vec![Fingerprint([7; 32])]),
            CertificateProblem::NotPinned,
        ),
    ];
    for (camera, trust, expected) in cases {
        let at = serve(&camera.certificate, &camera.key, Names::Ignored).await;
        let (error, reason, fingerprint) = refusal(config("127.0.0.1", at, trust)).await;
        assert_eq!((&reason, fingerprint), (&expected, camera.fingerprint()));
        // The clock may yet be set.
        assert_eq!(
            error.is_configuration(),
            expected != CertificateProblem::NotYetValid
        );
        let line = error.to_string();
        assert!(
            line.contains(&fingerprint.to_string()) && !line.contains('\n'),
            "{line}"
        );

        // And what it says mends it, whatever was wrong.
        expect_pictures(config(
            "127.0.0.1",
            at,
            Trust::Pinned(vec![Fingerprint([7; 32]), fingerprint]),
        ))
        .await;
    }
}

#[tokio::test]
async fn a_certificate_in_the_file_of_authorities_is_trusted_itself() {
    let camera = self_signed(&for_hosts(&["camera.example"]));
    let at = serve(&camera.certificate, &camera.key, Names::Ignored).await;
    let both = Authority::new().pem + &camera.pem;
    expect_pictures(config("127.0.0.1", at, Trust::CaPem(both.into_bytes()))).await;
}

#[tokio::test]
async fn a_pinned_certificate_without_its_key_is_refused() {
    let camera = self_signed(&for_hosts(&["127.0.0.1"]));
    let thief = KeyPair::generate().expect("a key");
    let at = serve(&camera.certificate, &thief, Names::Ignored).await;
    let error = tls_failure(config("127.0.0.1", at, Trust::Pinned(vec![camera.fingerprint()]))).await;
    assert!(
        matches!(
            &error,
            TlsError::CertificateRefused {
                reason: CertificateProblem::Unproven(_),
                ..
            }
        ),
        "{error}"
    );
}

/// Of X.509 version 1, for a key of P-256: `openssl x509 -req -signkey`.
const VERSION_1: &str = "\
-----BEGIN CERTIFICATE-----
MIIBHzCBxQIUbBzc9lI1E+4L6W3mOjTx6Vm3LqMwCgYIKoZIzj0EAwIwETEPMA0G
A1UEAwwGY2FtZXJhMCAXDTI2MTEyNjE2MDQxM1oYDzIxMjYxMTAyMTYwNDEzWjAR
MQ8wDQYDVQQDDAZjYW1lcmEwWTATBgcqhkjOPQIBBggqhkjOPQMBBwNCAAS9/sRB
Znrx6R2AqlU8eZvz3JeqDB43TC4yvtbIHHbzjnoYlAx5MeOLg/fZwiVzPnHd/Pui
14C45eGLg1xQ+YrGMAoGCCqGSM49BAMCA0kAMEYCIQCXayZ9zL0wuY+2UDh7WtG8
xG01EwtXD7/XwX9DVRa9hgIhALNY50KLOyN27udnDasV8nITFNHMTYzRjk7oFwrS
mEhp
-----END CERTIFICATE-----
";
/// For a key of 1024 bits: `openssl req -x509 -newkey rsa:1024`.
const RSA_1024: &str = "\
-----BEGIN CERTIFICATE-----
MIICADCCAWmgAwIBAgIUI8IYcHC9tnBl4QncjGDhElrDzXcwDQYJKoZIhvcNAQEL
BQAwETEPMA0GA1UEAwwGY2FtZXJhMCAXDTI2MTEyNjE2MDQxNFoYDzIxMjYxMTAy
MTYwNDE0WjARMQ8wDQYDVQQDDAZjYW1lcmEwgZ8wDQYJKoZIhvcNAQEBBQADgY0A
MIGJAoGBALflhMmu95MojRq39xI4OxcK29MCRcDZIVgJwper4VsZDyQn5FxYyj8p
yh4u/3babCtsApQhV9rEWtHDEMpG1O+pdwH9e1OZezxg+aBP9YyoLw6h6R/jOMtU
S8+MoX9QHgYarFDcD3Qvd9qo3jHr48CvFopeyIlwi184YNIFw55bAgMBAAGjUzBR
MB0GA1UdDgQWBBSf2arvblmw+2b+n6wScBjV/MIjFDAfBgNVHSMEGDAWgBSf2arv
blmw+2b+n6wScBjV/MIjFDAPBgNVHRMBAf8EBTADAQH/MA0GCSqGSIb3DQEBCwUA
A4GBAI2tSw3E/vpa4pxzZJ9vAfyS5UVCi+slGQ0ZsKcb6GNpSP7avALVVYzDpSC4
LrweGmV4LXem/qK0MM0L5ZHUP7fJhJ8yu2b553BZf++JaNgLjug4ybDf/SOQT+0T
87TtCk5tbpAf3qXFVNZ2v3cxPdt0Ckmle5lh3u/PlYrMH+yE
-----END CERTIFICATE-----
";

#[tokio::test]
async fn a_certificate_that_proves_nothing_is_refused_whatever_is_trusted_and_no_pin_is_offered() {
    let key = KeyPair::generate().expect("a key");
    for (pem, expected) in [
        (VERSION_1, CertificateProblem::OldVersion),
        (RSA_1024, CertificateProblem::WeakKey),
    ] {
        let certificate = CertificateDer::from_pem_slice(pem.as_bytes()).expect("a certificate");
        let at = serve(&certificate, &key, Names::Ignored).await;
        for trust in [
            Trust::SystemRoots,
            Trust::CaPem(pem.as_bytes().to_owned()),
            Trust::Pinned(vec![Fingerprint::of(&certificate)]),
        ] {
            let (error, reason, fingerprint) = refusal(config("127.0.0.1", at, trust)).await;
            assert_eq!((&reason, fingerprint), (&expected, Fingerprint::of(&certificate)));
            let line = error.to_string();
            assert!(
                error.is_configuration() && !line.contains("pin") && !line.contains("Other"),
                "{line}"
            );
        }
    }
}

#[tokio::test]
async fn trust_that_cannot_be_had_is_an_error_of_the_configuration() {
    let camera = self_signed(&for_hosts(&["127.0.0.1"]));
    let at = serve(&camera.certificate, &camera.key, Names::Ignored).await;
    let damaged = camera.pem.replacen("MII", "M*I", 1);
    let cases = [
        Trust::CaFile("/nonexistent/authorities.pem".into()),
        Trust::CaPem(Vec::new()),
        Trust::CaPem(damaged.into_bytes()),
        Trust::CaPem(camera.pem.repeat(4000).into_bytes()),
    ];
    for (trust, expected) in cases
        .into_iter()
        .zip(["cannot be read", "no trusted", "no PEM", "more than"])
    {
        let error = failure(config("127.0.0.1", at, trust)).await;
        assert!(
            error.is_configuration() && error.to_string().contains(expected),
            "{error}"
        );
    }
    let unreadable = tls_failure(config("127.0.0.1", at, Trust::CaFile("/nonexistent".into()))).await;
    assert!(
        matches!(unreadable, TlsError::Trust(TrustError::Unreadable { .. })),
        "{unreadable}"
    );
}

#[tokio::test]
async fn q118_a_host_name_is_sent_addresses_are_not_and_names_can_be_left_out() {
    let camera = self_signed(&for_hosts(&["localhost"]));
    let trust = Trust::Pinned(vec![camera.fingerprint()]);
    let at = serve(&camera.certificate, &camera.key, Names::Abhorred).await;

    let error = tls_failure(config("localhost", at, trust.clone())).await;
    assert!(
        matches!(&error, TlsError::Closed { name: Some(name) } if name == "localhost"),
        "{error}"
    );
    expect_pictures(config("127.0.0.1", at, trust.clone())).await;
    let mut nameless = config("localhost", at, trust);
    nameless.tls.server_name = ServerNameIndication::Never;
    expect_pictures(nameless).await;
}

#[tokio::test]
async fn a_camera_that_hangs_up_without_a_word_of_tls_has_closed() {
    let camera = self_signed(&for_hosts(&["127.0.0.1"]));
    let tls = tls_of(&camera.certificate, &camera.key);
    let at = listen(move |stream| {
        let tls = Arc::clone(&tls);
        async move {
            let hello = LazyConfigAcceptor::new(Acceptor::default(), stream).await?;
            let mut stream = hello.into_stream(tls).await?;
            // Dropped without close_notify, as cameras do it.
            stream.read(&mut [0; 2048]).await.map(drop)
        }
    })
    .await;
    expect_closed(config("127.0.0.1", at, Trust::Pinned(vec![camera.fingerprint()]))).await;
}

/// A server that reads the first message and answers with `bytes`, whatever it was; then it stays, or hangs up.
async fn answering(bytes: &'static [u8], then: Then) -> SocketAddr {
    listen(move |mut stream| async move {
        let mut hello = [0; 4096];
        let _ = stream.read(&mut hello).await?;
        for byte in bytes {
            stream.write_all(&[*byte]).await?;
            if then == Then::Trickles {
                tokio::time::sleep(Duration::from_millis(30)).await;
            }
        }
        if then != Then::HangsUp {
            let _ = stream.read_to_end(&mut Vec::new()).await;
        }
        Ok(())
    })
    .await
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Then {
    HangsUp,
    Stays,
    /// And takes its time before.
    Trickles,
}

#[tokio::test]
async fn q117_no_common_cipher_names_rsa_key_exchange() {
    // Alert, TLS 1.2, fatal, handshake_failure: what a server says that has only RSA key exchange.
    let at = answering(&[21, 3, 3, 0, 2, 2, 40], Then::Stays).await;
    let error = failure(config("127.0.0.1", at, Trust::SystemRoots)).await;
    assert!(
        matches!(
            error,
            Error::Tls {
                cause: TlsError::Incompatible(Incompatibility::Cipher),
                ..
            }
        ),
        "{error}"
    );
    assert!(
        error.is_configuration() && error.to_string().contains("RSA key exchange"),
        "{error}"
    );
}

#[tokio::test]
async fn what_is_not_tls_or_not_enough_of_it_is_told_apart() {
    let http = answering(b"HTTP/1.0 400 Bad Request\r\n\r\n", Then::HangsUp).await;
    let error = tls_failure(config("127.0.0.1", http, Trust::SystemRoots)).await;
    assert!(matches!(error, TlsError::NotTls), "{error}");

    // Alert, TLS 1.0, fatal, protocol_version.
    let old = answering(&[21, 3, 1, 0, 2, 2, 70], Then::Stays).await;
    let error = tls_failure(config("127.0.0.1", old, Trust::SystemRoots)).await;
    assert!(
        matches!(error, TlsError::Incompatible(Incompatibility::Version)),
        "{error}"
    );

    let closing = answering(&[], Then::HangsUp).await;
    let error = tls_failure(config("127.0.0.1", closing, Trust::SystemRoots)).await;
    assert!(matches!(error, TlsError::Closed { name: None }), "{error}");
    assert!(!error.to_string().contains("host name"), "{error}");
}

#[tokio::test]
async fn a_handshake_that_stalls_or_trickles_is_over_in_its_time() {
    // The head of a handshake record of 16 KiB, and zeros.
    static TRICKLE: [u8; 1000] = {
        let mut bytes = [0; 1000];
        (bytes[0], bytes[1], bytes[2], bytes[3], bytes[5]) = (22, 3, 3, 0x3f, 2);
        bytes
    };
    for (bytes, then) in [(&[][..], Then::Stays), (&TRICKLE[..], Then::Trickles)] {
        let at = answering(bytes, then).await;
        let mut config = config("127.0.0.1", at, Trust::SystemRoots);
        config.timeouts.tls = Duration::from_millis(200);
        let error = failure(config).await;
        assert!(
            matches!(error, Error::TlsTimeout { waited, .. } if waited == Duration::from_millis(200)),
            "{error}"
        );
    }
}
