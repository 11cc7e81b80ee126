//! What to do about each way in which a camera gives no pictures.

use std::borrow::Cow;

use throughline_h264::Diagnosis;
use throughline_ingest::{
    CertificateProblem, Error, Fingerprint, Incompatibility, MulticastProblem, StreamEnd, TlsError,
    Transport, TunnelError,
};
use throughline_rtsp::{Method, StatusCode, client};

use super::trouble::{Exit, Trouble};

/// What is told of errors that this program does not know. A test sees to it that it knows all.
pub(super) const GENERIC: &str = "see `throughline probe` for what the camera says";

const NO_CREDENTIALS: &str = "set RTSP_USERNAME and RTSP_PASSWORD, or write rtsp://user:password@host/..";
const CREDENTIALS_REFUSED: &str = "check user and password (some cameras have a separate RTSP or ONVIF account); \
     not tried again, since cameras lock accounts";

const OTHER_ENCRYPTION: &str =
    "switch SRTP off in the camera (rtsps:// with --transport tcp encrypts as well), or update its firmware";

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
                of_certificate(reason, *fingerprint),
            );
        }
        let (exit, remedy) = of_camera(error);
        Trouble::new(exit, error, remedy)
    }
}

/// With the flag as it is to be pasted, where that helps.
fn of_certificate(reason: &CertificateProblem, fingerprint: Fingerprint) -> String {
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
        CertificateProblem::OldVersion | CertificateProblem::WeakKey | CertificateProblem::Unreadable(_) => {
            return "make a new one in the camera's settings (X.509 version 3, with RSA of 2048 bits or ECDSA) or update \
                its firmware, or use rtsp:// on a network that nobody else is in"
                .to_owned();
        }
        CertificateProblem::Unproven(_) => {
            return "somebody may sit between; if nobody does, restart the camera or make a new one in its settings"
                .to_owned();
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
        Error::NoCredentials { .. } => (Exit::CameraCredentials, NO_CREDENTIALS),
        Error::CredentialsRefused { .. } => (Exit::CameraCredentials, CREDENTIALS_REFUSED),
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
        Error::Tunnel { cause, .. } => of_tunnel(cause),
        Error::Rtsp { cause, .. } | Error::KeysRefused { cause, .. } => of_rtsp(cause),
        Error::NoH264 { .. }
        | Error::NoIdr { .. }
        | Error::Scrambled { .. }
        | Error::NoParameterSets { .. }
        | Error::NoKeys { .. }
        | Error::Undecryptable { .. }
        | Error::NotRtp { .. } => (Exit::CameraContent, of_content(error)),
        Error::TransportRefused { .. }
        | Error::UdpBlocked { .. }
        | Error::NoUdpPorts { .. }
        | Error::NoMulticast { .. }
        | Error::Lossy { .. }
        | Error::NoMedia { .. }
        | Error::ConnectionDead { .. }
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
        Error::TunnelTimeout { .. } => (
            Exit::Failed,
            "check the port (mostly 80, or 443 with TLS), and that RTSP over HTTP or WebSocket is switched on in the camera",
        ),
        // The first of a conversation: a port of TLS, for one, resets the connection.
        Error::ConnectionLost {
            awaiting:
                Some(client::Awaited {
                    method: Method::Options | Method::Describe,
                    ..
                }),
            ..
        } => (
            Exit::Failed,
            "what answers at this port may not speak plain RTSP: try rtsps://, check the port, or restart the camera",
        ),
        Error::ConnectionLost { .. } => (
            Exit::Failed,
            "the camera may have restarted, or the network dropped the connection",
        ),
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

fn of_tunnel(cause: &TunnelError) -> (Exit, &'static str) {
    match cause {
        TunnelError::NoCredentials { .. } => (Exit::CameraCredentials, NO_CREDENTIALS),
        TunnelError::UnsupportedAuthentication { .. } => (
            Exit::CameraCredentials,
            "set the authentication of the camera's web server to Digest or Basic",
        ),
        TunnelError::CredentialsRefused { .. } => (Exit::CameraCredentials, CREDENTIALS_REFUSED),
        TunnelError::NotATunnel { .. } | TunnelError::Refused { .. } => (
            Exit::Failed,
            "give the camera's own path with --tunnel-path (Axis: /rtsp-over-websocket), \
             or switch RTSP over HTTP or WebSocket on in the camera",
        ),
        TunnelError::Closed { .. } => (
            Exit::Failed,
            "check the port (mostly 80, or 443 with TLS), or use rtsp:// at this one",
        ),
        TunnelError::Malformed { .. } | TunnelError::TooLong { .. } => (
            Exit::Failed,
            "what answers may be a proxy, or another server: try rtsp+http:// in place of rtsp+ws://, or rtsp://",
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
            "the camera hangs up: check the port (rtsp:// is mostly 554), try rtsps://, and close other viewers of it",
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
        E::KeysRefused { .. } => (Exit::Failed, OTHER_ENCRYPTION),
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
            "use --transport auto, or switch this one on in the camera's settings \
             (beside TLS, udp and multicast without encryption must be asked for)",
        ),
        Error::UdpBlocked { .. } => (
            Exit::Failed,
            "use --transport tcp, or let UDP from the camera through the firewall",
        ),
        Error::NoUdpPorts { .. } => (Exit::Machine, "use --transport tcp"),
        Error::NoMulticast {
            cause: MulticastProblem::Join { .. },
            ..
        } => (
            Exit::Machine,
            "give this machine a route for multicast towards the camera, or use --transport auto",
        ),
        Error::NoMulticast { .. } => (
            Exit::Failed,
            "switch multicast on in the camera's stream settings, or use --transport auto",
        ),
        Error::Lossy { .. } => (
            Exit::Failed,
            "use --transport tcp, a cable in place of Wi-Fi, or a lower bitrate in the camera",
        ),
        Error::NoMedia { ssrc: Some(_), .. } => (
            Exit::Failed,
            "the camera answers but stopped to send: restart it, or update its firmware",
        ),
        Error::ConnectionDead { .. } => (
            Exit::Failed,
            "the camera may have restarted, or the network between is down",
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
        Error::NoKeys { .. } | Error::Undecryptable { .. } => OTHER_ENCRYPTION,
        Error::NotRtp { .. } => "leave enableSrtp out of the URL, or switch SRTP off in the camera",
        _ => GENERIC,
    }
}

#[cfg(test)]
mod tests;
