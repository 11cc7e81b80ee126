use std::io;
use std::time::Duration;

use throughline_ingest::{ErrorKind, KeysFault, Loss, TrustError, UnprotectError};
use throughline_rtsp::Tolerance;
use throughline_rtsp::client::{Awaited, Place, TransportRequest};
use throughline_rtsp::headers::Profile;
use throughline_rtsp::tunnel::Channel;

use super::*;

const WAITED: Duration = Duration::from_secs(3);
const SSRC: Option<u32> = Some(7);

fn peer() -> String {
    "cam:554".to_owned()
}

fn tls(cause: TlsError) -> Error {
    Error::Tls { peer: peer(), cause }
}

fn refused(reason: CertificateProblem) -> Error {
    tls(TlsError::CertificateRefused {
        reason,
        fingerprint: Fingerprint([0xab; 32]),
    })
}

fn refused_tunnel() -> TunnelError {
    TunnelError::Refused {
        channel: Channel::Get,
        status: StatusCode(404),
        reason: "Not Found".to_owned(),
    }
}

fn tunnel(cause: TunnelError) -> Error {
    Error::Tunnel { peer: peer(), cause }
}

fn rtsp(cause: client::Error) -> Error {
    Error::Rtsp { peer: peer(), cause }
}

fn silent(transport: Transport, ssrc: Option<u32>) -> Error {
    Error::NoMedia {
        peer: peer(),
        transport,
        payload_type: 96,
        waited: WAITED,
        others: 0,
        ssrc,
    }
}

fn no_idr(diagnosis: Option<Diagnosis>) -> Error {
    Error::NoIdr {
        peer: peer(),
        waited: WAITED,
        packets: 9,
        ssrc: SSRC,
        diagnosis,
    }
}

/// One of each kind. A kind that is missing here has no remedy yet.
fn sample(kind: ErrorKind) -> Error {
    let peer = peer();
    let cause = || io::Error::other("x");
    let (method, cseq, waited) = (Method::Describe, 2, WAITED);
    match kind {
        ErrorKind::Unresolvable => Error::Unresolvable { peer, cause: cause() },
        ErrorKind::ResolveTimeout => Error::ResolveTimeout { peer, waited },
        ErrorKind::ConnectRefused => Error::ConnectRefused { peer },
        ErrorKind::ConnectTimeout => Error::ConnectTimeout {
            peer,
            waited,
            addresses: Vec::new(),
        },
        ErrorKind::Unreachable => Error::Unreachable { peer, cause: cause() },
        ErrorKind::TlsTimeout => Error::TlsTimeout { peer, waited },
        ErrorKind::CertificateRefused => refused(CertificateProblem::UnknownIssuer),
        ErrorKind::Tls => tls(TlsError::NotTls),
        ErrorKind::TunnelTimeout => Error::TunnelTimeout { peer, waited },
        ErrorKind::Tunnel => tunnel(refused_tunnel()),
        ErrorKind::ConnectionLost => Error::ConnectionLost {
            peer,
            awaiting: None,
            cause: cause(),
        },
        ErrorKind::NoCredentials => Error::NoCredentials {
            peer,
            cause: client::Error::NoCredentials { method, cseq },
        },
        ErrorKind::CredentialsRefused => Error::CredentialsRefused {
            peer,
            cause: client::Error::CredentialsRefused { method, cseq },
        },
        ErrorKind::Asleep => Error::Asleep {
            peer,
            cause: client::Error::Asleep { method, cseq },
        },
        ErrorKind::NotFound => Error::NotFound {
            peer,
            cause: status(StatusCode::NOT_FOUND),
        },
        ErrorKind::Busy => Error::Busy {
            peer,
            cause: client::Error::Busy {
                method,
                status: StatusCode::NOT_ENOUGH_BANDWIDTH,
                retry_after: None,
                cseq,
            },
        },
        ErrorKind::NoResponse => rtsp(client::Error::Timeout { method, cseq, waited }),
        ErrorKind::Closed => rtsp(client::Error::Closed {
            awaiting: Some(Awaited { method, cseq }),
        }),
        ErrorKind::Unreadable => rtsp(client::Error::NotTolerated {
            tolerance: Tolerance::UnescapedCredentials,
            place: Place::Frame {
                channel: 0,
                offset: 9,
            },
        }),
        ErrorKind::Rtsp => rtsp(status(StatusCode::FORBIDDEN)),
        kind => sample_of_media(kind),
    }
}

fn sample_of_media(kind: ErrorKind) -> Error {
    let (peer, waited) = (peer(), WAITED);
    match kind {
        ErrorKind::NoH264 => Error::NoH264 {
            peer,
            found: vec!["H265".to_owned()],
        },
        ErrorKind::TransportRefused => Error::TransportRefused {
            peer,
            cause: client::Error::TransportRefused {
                media: 0,
                transport: TransportRequest::Tcp,
                profile: Profile::Avp,
                status: StatusCode::UNSUPPORTED_TRANSPORT,
                cseq: 3,
            },
        },
        ErrorKind::UdpBlocked => Error::UdpBlocked { peer, waited },
        ErrorKind::NoUdpPorts => Error::NoUdpPorts {
            peer,
            cause: io::Error::other("x"),
        },
        ErrorKind::NoMulticast => Error::NoMulticast {
            peer,
            cause: MulticastProblem::NoGroup,
        },
        ErrorKind::NoMedia => silent(Transport::Udp, None),
        ErrorKind::Stalled => silent(Transport::Udp, SSRC),
        ErrorKind::ConnectionDead => Error::ConnectionDead {
            peer,
            waited,
            ssrc: SSRC,
        },
        ErrorKind::Lossy => Error::Lossy {
            peer,
            transport: Transport::Udp,
            loss: Loss {
                lost: 1,
                expected: 2,
                dropped: 3,
                pictures: 4,
                over: WAITED,
            },
            ssrc: SSRC,
        },
        ErrorKind::NoIdr => no_idr(None),
        ErrorKind::Scrambled => Error::Scrambled {
            peer,
            packets: 9,
            ssrc: SSRC,
        },
        ErrorKind::NoParameterSets => Error::NoParameterSets {
            peer,
            waited,
            packets: 9,
            ssrc: SSRC,
        },
        ErrorKind::NoKeys => Error::NoKeys {
            peer,
            cause: KeysFault::Missing,
        },
        ErrorKind::KeysRefused => Error::KeysRefused {
            peer,
            cause: client::Error::KeysRefused {
                media: 0,
                status: StatusCode(463),
                reason: "Key Management Failure".to_owned(),
                cseq: 3,
            },
        },
        ErrorKind::Undecryptable => Error::Undecryptable {
            peer,
            packets: 9,
            waited,
            cause: UnprotectError::NotSrtp { len: 3 },
        },
        ErrorKind::NotRtp => Error::NotRtp {
            peer,
            packets: 9,
            waited,
        },
        ErrorKind::StreamEnded => Error::StreamEnded {
            peer,
            how: StreamEnd::Bye,
        },
        kind => panic!("no sample and no remedy: {kind}"),
    }
}

fn status(status: StatusCode) -> client::Error {
    client::Error::Status {
        method: Method::Describe,
        status,
        reason: String::new(),
        cseq: 2,
    }
}

#[test]
fn every_kind_of_error_has_a_remedy_of_its_own_in_one_line() {
    for kind in ErrorKind::ALL {
        let error = sample(kind);
        assert_eq!(error.kind(), kind, "the sample is one of its kind");
        let trouble = Trouble::from(&error);
        let line = trouble.to_string();
        assert_ne!(trouble.remedy, GENERIC, "{kind}");
        assert!(line.starts_with("cam:554: ") && !line.contains('\n'), "{line}");
    }
}

#[test]
fn a_refused_certificate_has_its_own_exit_code_and_the_flag_to_paste() {
    let flag = format!("--tls-fingerprint {}", ["AB"; 32].join(":"));
    let wrong_name = CertificateProblem::WrongName {
        host: "cam".to_owned(),
        names: vec!["door".to_owned()],
    };
    for (problem, hint) in [
        (CertificateProblem::Expired, "renew it"),
        (CertificateProblem::NotYetValid, "clocks"),
        (wrong_name, "door"),
        (CertificateProblem::UnknownIssuer, "--tls-ca"),
        (CertificateProblem::NotPinned, "somebody may sit between"),
        (CertificateProblem::Invalid("bad".to_owned()), "bad"),
    ] {
        let trouble = Trouble::from(&refused(problem));
        let line = trouble.to_string();
        assert_eq!(trouble.exit, Exit::Certificate);
        assert!(line.ends_with(&flag) && line.contains(hint), "{line}");
        assert_eq!(
            line.matches("AB:AB").count(),
            16,
            "the fingerprint is told once: {line}"
        );
    }
}

#[test]
fn a_certificate_that_no_pin_helps_is_told_without_one() {
    for (problem, hint) in [
        (CertificateProblem::OldVersion, "update its firmware"),
        (CertificateProblem::WeakKey, "use rtsp://"),
        (
            CertificateProblem::Unreadable("BadDer".to_owned()),
            "make a new one",
        ),
        (
            CertificateProblem::Unproven("BadSignature".to_owned()),
            "somebody may sit between",
        ),
    ] {
        assert!(!problem.is_mended_by_pin(), "{problem}");
        let trouble = Trouble::from(&refused(problem));
        let line = trouble.to_string();
        assert_eq!(trouble.exit, Exit::Certificate);
        assert!(
            line.contains(hint) && !line.contains("--tls-fingerprint") && !line.contains("AB:AB"),
            "{line}"
        );
    }
}

#[test]
fn tls_that_does_not_come_about_is_told_by_its_cause() {
    let closed = |name: Option<&str>| TlsError::Closed {
        name: name.map(str::to_owned),
    };
    for (cause, exit, hint) in [
        (closed(Some("cam")), Exit::Failed, "--tls-no-sni"),
        (closed(None), Exit::Failed, "322"),
        (TlsError::NotTls, Exit::Failed, "use rtsp://"),
        (
            TlsError::Incompatible(Incompatibility::Version),
            Exit::Failed,
            "firmware",
        ),
        (
            TlsError::Trust(TrustError::Empty { path: None }),
            Exit::Usage,
            "--tls-ca",
        ),
    ] {
        let trouble = Trouble::from(&tls(cause));
        assert_eq!(trouble.exit, exit);
        assert!(trouble.remedy.contains(hint), "{trouble}");
    }
}

#[test]
fn a_camera_of_rsa_key_exchange_only_is_told_what_to_switch_on() {
    let trouble = Trouble::from(&tls(TlsError::Incompatible(Incompatibility::Cipher)));
    let line = trouble.to_string();
    assert!(
        line.contains("RSA key exchange") && trouble.remedy.contains("ECDHE"),
        "{line}"
    );
}

#[test]
fn a_tunnel_that_does_not_come_about_is_told_by_its_cause() {
    let channel = Channel::Get;
    for (cause, exit, hint) in [
        (
            TunnelError::NoCredentials { channel },
            Exit::CameraCredentials,
            "RTSP_PASSWORD",
        ),
        (
            TunnelError::CredentialsRefused { channel },
            Exit::CameraCredentials,
            "check user and password",
        ),
        (refused_tunnel(), Exit::Failed, "--tunnel-path"),
        (TunnelError::Closed { channel }, Exit::Failed, "use rtsp://"),
        (TunnelError::TooLong { channel }, Exit::Failed, "rtsp+http://"),
    ] {
        let trouble = Trouble::from(&tunnel(cause));
        assert_eq!(trouble.exit, exit, "{trouble}");
        assert!(trouble.remedy.contains(hint), "{trouble}");
    }
}

#[test]
fn silence_is_told_by_the_transport_and_the_step() {
    for (error, hint) in [
        (silent(Transport::Udp, None), "firewall"),
        (silent(Transport::Tcp, None), "--transport udp"),
        (silent(Transport::Multicast, None), "IGMP"),
        (silent(Transport::Udp, SSRC), "stopped to send"),
        (
            rtsp(client::Error::Timeout {
                method: Method::Options,
                cseq: 1,
                waited: WAITED,
            }),
            "may not speak RTSP",
        ),
        (
            Error::ConnectionLost {
                peer: peer(),
                awaiting: Some(Awaited {
                    method: Method::Describe,
                    cseq: 1,
                }),
                cause: io::Error::other("x"),
            },
            "try rtsps://",
        ),
        (
            rtsp(client::Error::Timeout {
                method: Method::Play,
                cseq: 4,
                waited: WAITED,
            }),
            "slow",
        ),
    ] {
        let trouble = Trouble::from(&error);
        assert!(trouble.remedy.contains(hint), "{trouble}");
    }
}

#[test]
fn q104_refused_credentials_lead_to_the_account_that_cameras_keep_apart() {
    let trouble = Trouble::from(&sample(ErrorKind::CredentialsRefused));
    assert_eq!(trouble.exit, Exit::CameraCredentials);
    assert!(
        trouble.remedy.contains("separate RTSP or ONVIF account"),
        "{trouble}"
    );
}

#[test]
fn content_that_no_browser_shows_is_told_with_the_setting() {
    for (error, hint) in [
        (sample(ErrorKind::NoH264), "do not show its H.265"),
        (no_idr(Some(Diagnosis::OpenGroups)), "open GOP"),
        (no_idr(Some(Diagnosis::GradualRefresh)), "intra refresh"),
    ] {
        let trouble = Trouble::from(&error);
        assert_eq!(trouble.exit, Exit::CameraContent);
        assert!(trouble.remedy.contains(hint), "{trouble}");
    }
}
