//! What to do about each way in which a camera gives no pictures.

use std::borrow::Cow;

use throughline_h264::Diagnosis;
use throughline_ingest::{
    CertificateProblem, Error, Fingerprint, Incompatibility, StreamEnd, TlsError, Transport,
};
use throughline_rtsp::{Method, StatusCode, client};

use super::trouble::{Exit, Trouble};

/// What is told of errors that this program does not know. A test sees to it that it knows all.
pub(super) const GENERIC: &str = "see `throughline probe` for what the camera says";

impl From<&Error> for Trouble {
    fn from(error: &Error) -> Self {
        if let Error::Tls {
            peer,
            cause: TlsError::CertificateRefused { reason, fingerprint },
        } = error
        {
            // The error's own words hold the fingerprint too, and once is enough for a line.
            return Trouble::new(
                Exit::Certificate,
                format_args!("{peer}: certificate refused: {reason}"),
                pin(reason, *fingerprint),
            );
        }
        let (exit, remedy) = of_camera(error);
        Trouble::new(exit, error, remedy)
    }
}

/// With the flag as it is to be pasted.
fn pin(reason: &CertificateProblem, fingerprint: Fingerprint) -> String {
    let first = match reason {
        CertificateProblem::Expired => {
            "renew it in the camera's settings, or, if it is the camera's own, trust"
        }
        CertificateProblem::NotYetValid => {
            "set the clocks of the camera and of this machine, or, if it is the camera's own, trust"
        }
        CertificateProblem::WrongName { .. } => {
            "write a host in the URL that it is for, or, if it is the camera's own, trust"
        }
        CertificateProblem::UnknownIssuer => {
            "give its authority with --tls-ca, or compare it with what the camera's settings show and trust"
        }
        CertificateProblem::NotPinned => {
            "somebody may sit between; if it was renewed, compare it with what the camera's settings show and trust"
        }
        _ => "make a new one in the camera's settings, or, if it is the camera's own, trust",
    };
    format!("{first} it with --tls-fingerprint {fingerprint}")
}

fn of_camera(error: &Error) -> (Exit, Cow<'static, str>) {
    let (exit, remedy) = match error {
        Error::NoCredentials { .. } => (
            Exit::CameraCredentials,
            "set RTSP_USERNAME and RTSP_PASSWORD, or write rtsp://user:password@host/..",
        ),
        Error::CredentialsRefused { .. } => (
            Exit::CameraCredentials,
            "check user and password (some cameras have a separate RTSP or ONVIF account); \
             not tried again, since cameras lock accounts",
        ),
        Error::Asleep { .. } => (
            Exit::CameraCredentials,
            "wake the camera up, or check whether its password was changed",
        ),
        Error::NotFound { .. } => (
            Exit::Failed,
            "check the path in the URL; README lists those of common makes",
        ),
        Error::Busy { .. } => (
            Exit::Failed,
            "close another viewer of the camera, or use its second stream",
        ),
        Error::Tls { cause, .. } => of_tls(cause),
        Error::Rtsp { cause, .. } => of_rtsp(cause),
        Error::NoH264 { .. }
        | Error::NoIdr { .. }
        | Error::Scrambled { .. }
        | Error::NoParameterSets { .. } => (Exit::CameraContent, of_content(error)),
        Error::TransportRefused { .. }
        | Error::UdpBlocked { .. }
        | Error::NoUdpPorts { .. }
        | Error::NoMulticast { .. }
        | Error::Lossy { .. }
        | Error::NoMedia { .. }
        | Error::StreamEnded { .. } => of_media(error),
        _ => of_connection(error),
    };
    (exit, remedy.into())
}

/// The steps before RTSP.
fn of_connection(error: &Error) -> (Exit, &'static str) {
    match error {
        Error::Unresolvable { .. } => (
            Exit::Failed,
            "check the host name in the URL, or write the camera's IP address there",
        ),
        Error::ResolveTimeout { .. } => (
            Exit::Failed,
            "check this machine's name server (DNS), or write the camera's IP address in the URL",
        ),
        Error::ConnectRefused { .. } => (
            Exit::Failed,
            "check the port (rtsp:// is mostly 554, rtsps:// 322) and that RTSP is switched on in the camera",
        ),
        Error::ConnectTimeout { .. } => (
            Exit::Failed,
            "check the address, that the camera has power, and that no firewall drops TCP to this port",
        ),
        Error::Unreachable { .. } => (
            Exit::Failed,
            "check the address, and that this machine reaches the camera's network",
        ),
        Error::TlsTimeout { .. } => (
            Exit::Failed,
            "what answers may not speak TLS: check the port (rtsps:// is mostly 322), or use rtsp://",
        ),
        Error::ConnectionLost { .. } => (
            Exit::Failed,
            "the camera may have restarted, or the network dropped the connection",
        ),
        Error::UnsupportedScheme { .. } => (Exit::Usage, "use the camera's rtsp:// address"),
        _ => (Exit::Failed, GENERIC),
    }
}

fn of_tls(cause: &TlsError) -> (Exit, &'static str) {
    match cause {
        TlsError::Trust(_) => (
            Exit::Usage,
            "give --tls-ca a PEM file with -----BEGIN CERTIFICATE----- in it, or --tls-fingerprint",
        ),
        TlsError::Incompatible(Incompatibility::Version) => (
            Exit::Failed,
            "update the camera's firmware, or use rtsp:// on a network that nobody else is in",
        ),
        TlsError::Incompatible(_) => (
            Exit::Failed,
            "switch TLS 1.2 with ECDHE on in the camera or update its firmware, \
             or use rtsp:// on a network that nobody else is in",
        ),
        TlsError::NotTls => (
            Exit::Failed,
            "check the port (rtsps:// is mostly 322), or use rtsp:// at this one",
        ),
        TlsError::Closed { name: Some(_) } => (Exit::Failed, "try --tls-no-sni"),
        TlsError::Closed { name: None } => (
            Exit::Failed,
            "check the port (rtsps:// is mostly 322) and that RTSP over TLS is switched on in the camera",
        ),
        _ => (
            Exit::Failed,
            "check that TLS 1.2 or 1.3 is switched on in the camera, and that its firmware is not too old",
        ),
    }
}

fn of_rtsp(cause: &client::Error) -> (Exit, &'static str) {
    use client::Error as E;
    match cause {
        E::UnsupportedAuthentication { .. } => (
            Exit::CameraCredentials,
            "set the camera's RTSP authentication to Digest or Basic",
        ),
        // The first of a conversation.
        E::Timeout {
            method: Method::Options | Method::Describe,
            ..
        } => (
            Exit::Failed,
            "what answers at this port may not speak RTSP: check the port, or restart the camera",
        ),
        E::Timeout { .. } | E::Unfinished { .. } => (
            Exit::Failed,
            "the camera is slow: close other viewers of it, restart it, or look for a bad network between",
        ),
        E::Closed { .. } => (
            Exit::Failed,
            "the camera hangs up: check the port (rtsp:// is mostly 554), and close other viewers of it",
        ),
        E::Protocol { .. } | E::NotTolerated { .. } | E::Describe { .. } => (
            Exit::Failed,
            "check that the port is the one of RTSP (mostly 554); if it is, update the camera's firmware",
        ),
        E::Status {
            status: StatusCode::FORBIDDEN,
            ..
        } => (
            Exit::Failed,
            "give this account the right to view in the camera's settings, or allow this machine's address there",
        ),
        E::KeysRefused { .. } => (
            Exit::Failed,
            "switch SRTP off in the camera (rtsps:// with --transport tcp encrypts as well), or update its firmware",
        ),
        E::TooManyRedirects | E::RedirectUnsupported { .. } => {
            (Exit::Failed, "give the address that the camera redirects to")
        }
        E::SessionNotFound { .. } | E::TornDownByServer { .. } => {
            (Exit::Failed, "the camera may have restarted: start it again")
        }
        _ => (
            Exit::Failed,
            "check the path in the URL (README lists those of common makes), restart the camera or update its firmware",
        ),
    }
}

/// From SETUP on.
fn of_media(error: &Error) -> (Exit, &'static str) {
    match error {
        Error::TransportRefused { .. } => (
            Exit::Failed,
            "use --transport auto, which tries the others, or switch this one on in the camera's settings",
        ),
        Error::UdpBlocked { .. } => (
            Exit::Failed,
            "use --transport tcp, or let UDP from the camera through the firewall",
        ),
        Error::NoUdpPorts { .. } => (Exit::Machine, "use --transport tcp"),
        Error::NoMulticast { .. } => (Exit::Failed, "use --transport auto, which asks for unicast"),
        Error::Lossy { .. } => (
            Exit::Failed,
            "use --transport tcp, a cable in place of Wi-Fi, or a lower bitrate in the camera",
        ),
        Error::NoMedia { ssrc: Some(_), .. } => (
            Exit::Failed,
            "the camera stopped to send: it may have restarted, or the network between is down",
        ),
        Error::NoMedia {
            transport: Transport::Tcp,
            ..
        } => (
            Exit::Failed,
            "the camera answers but sends nothing: restart it, or try --transport udp",
        ),
        Error::NoMedia {
            transport: Transport::Multicast,
            ..
        } => (
            Exit::Failed,
            "let UDP from the camera through the firewall and multicast (IGMP) through the switches, \
             or use --transport tcp",
        ),
        Error::NoMedia { .. } => (
            Exit::Failed,
            "let UDP from the camera through the firewall, or use --transport tcp",
        ),
        Error::StreamEnded {
            how: StreamEnd::Closed,
            ..
        } => (
            Exit::Failed,
            "the camera may have restarted, or given its place to another viewer",
        ),
        Error::StreamEnded { .. } => (
            Exit::Failed,
            "the camera may have restarted, or its settings been changed",
        ),
        _ => (Exit::Failed, GENERIC),
    }
}

fn of_content(error: &Error) -> &'static str {
    match error {
        Error::NoH264 { found, .. }
            if found
                .iter()
                .any(|name| name.eq_ignore_ascii_case("H265") || name.eq_ignore_ascii_case("HEVC")) =>
        {
            "set the camera's video codec to H.264 (browsers do not show its H.265), or use its second stream"
        }
        Error::NoH264 { .. } => "set the camera's video codec to H.264",
        Error::NoIdr {
            diagnosis: Some(Diagnosis::OpenGroups),
            ..
        } => "switch open groups of pictures (open GOP) off in the camera's H.264 settings",
        Error::NoIdr { .. } => {
            "set the camera's I-frame interval (GOV length) to 1 or 2 s, and switch intra refresh and smart codecs off"
        }
        Error::Scrambled { .. } => {
            "switch image or stream encryption off in the camera's settings, or in its app"
        }
        Error::NoParameterSets { .. } => {
            "the stream cannot be decoded by anyone: restart the camera, or switch stream encryption off in its settings"
        }
        _ => GENERIC,
    }
}

#[cfg(test)]
mod tests {
    use std::io;
    use std::time::Duration;

    use throughline_ingest::{ErrorKind, Loss, TrustError};
    use throughline_rtsp::Tolerance;
    use throughline_rtsp::client::{Awaited, Place, TransportRequest};
    use throughline_rtsp::headers::Profile;

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

    fn rtsp(cause: client::Error) -> Error {
        Error::Rtsp { peer: peer(), cause }
    }

    fn silent(transport: Transport, ssrc: Option<u32>) -> Error {
        Error::NoMedia {
            peer: peer(),
            transport,
            payload_type: 96,
            waited: WAITED,
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
            ErrorKind::ConnectionLost => Error::ConnectionLost {
                peer,
                awaiting: None,
                cause: cause(),
            },
            ErrorKind::UnsupportedScheme => Error::UnsupportedScheme {
                peer,
                scheme: "rtsp+ws",
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
            ErrorKind::NoMulticast => Error::NoMulticast { peer },
            ErrorKind::NoMedia => silent(Transport::Udp, None),
            ErrorKind::Stalled => silent(Transport::Udp, SSRC),
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
}
