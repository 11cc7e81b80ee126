//! What ends a command: one line that says what is wrong and what to do, and the exit code.

use std::fmt;
use std::process::ExitCode;

use livekit_bridge::engine::EngineError;
use livekit_bridge::engine::preview::PreviewError;
use livekit_bridge::engine::webrtc::LiveKitError;
use throughline_ingest as ingest;

use super::verdict::Problem;

/// The documented exit codes (`throughline --help`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Exit {
    /// May pass by itself: camera or network away.
    Failed = 1,
    /// The command line or the environment is wrong.
    Usage = 2,
    /// The camera refuses the credentials, or wants some.
    CameraCredentials = 3,
    /// The camera's content cannot be shown.
    CameraContent = 4,
    /// LiveKit refuses key, token, room or permission.
    LiveKit = 5,
    /// Another publisher took this identity.
    Replaced = 6,
    /// Something on this machine is in the way.
    Machine = 7,
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        ExitCode::from(exit as u8)
    }
}

/// Why a command ends, for a person.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Trouble {
    /// Selects the exit code.
    pub(crate) exit: Exit,
    what: String,
    remedy: String,
}

impl Trouble {
    pub(crate) fn new(exit: Exit, what: impl fmt::Display, remedy: impl fmt::Display) -> Self {
        Trouble {
            exit,
            what: what.to_string(),
            remedy: remedy.to_string(),
        }
    }
}

impl fmt::Display for Trouble {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}; {}", self.what, self.remedy)
    }
}

impl From<&ingest::Error> for Trouble {
    fn from(error: &ingest::Error) -> Self {
        use ingest::Error as E;
        let (exit, remedy) = match error {
            E::Unresolvable { .. } => (Exit::Failed, "check the host name in the URL"),
            E::ConnectRefused { .. } => (
                Exit::Failed,
                "check the port (RTSP is mostly 554) and that RTSP is switched on in the camera",
            ),
            E::ConnectTimeout { .. } | E::Unreachable { .. } => (
                Exit::Failed,
                "check the address, and that this machine reaches the camera's network",
            ),
            E::ConnectionLost { .. } | E::StreamEnded { .. } => (
                Exit::Failed,
                "the camera may have restarted, or the network dropped the connection",
            ),
            E::UnsupportedScheme { .. } => (Exit::Usage, "use the camera's rtsp:// address"),
            E::NoCredentials { .. } => (
                Exit::CameraCredentials,
                "set RTSP_USERNAME and RTSP_PASSWORD, or write rtsp://user:password@host/..",
            ),
            E::CredentialsRefused { .. } => (
                Exit::CameraCredentials,
                "check user and password (some cameras have a separate RTSP or ONVIF account); \
                 not tried again, since cameras lock accounts",
            ),
            E::Asleep { .. } => (
                Exit::CameraCredentials,
                "wake the camera up, or check whether its password was changed",
            ),
            E::NotFound { .. } => (
                Exit::Failed,
                "check the path in the URL; README lists those of common makes",
            ),
            E::Busy { .. } => (
                Exit::Failed,
                "close another viewer of the camera, or use its second stream",
            ),
            E::NoH264 { found, .. } => (Exit::CameraContent, no_h264_remedy(found)),
            E::TransportRefused { .. } => (Exit::Failed, "use --transport auto"),
            E::UdpBlocked { .. } => (
                Exit::Failed,
                "use --transport tcp, or let UDP from the camera through the firewall",
            ),
            E::NoUdpPorts { .. } => (Exit::Machine, "use --transport tcp"),
            E::NoMedia { .. } => (
                Exit::Failed,
                "the camera answers but sends nothing: restart it, or try --transport udp or tcp",
            ),
            E::NoIdr { .. } => (
                Exit::CameraContent,
                "set the camera's I-frame interval (GOV length) to 1 or 2 s, and switch intra refresh and smart codecs off",
            ),
            E::Scrambled { .. } => (
                Exit::CameraContent,
                "switch image or stream encryption off in the camera's settings, or in its app",
            ),
            E::NoParameterSets { .. } => (
                Exit::CameraContent,
                "the stream cannot be decoded by anyone: restart the camera, or switch stream encryption off in its settings",
            ),
            _ => (Exit::Failed, "see `throughline probe` for what the camera says"),
        };
        Trouble::new(exit, error, remedy)
    }
}

impl From<&EngineError> for Trouble {
    fn from(error: &EngineError) -> Self {
        let (exit, remedy) = match error {
            EngineError::LiveKit(error) => livekit(error),
            EngineError::Preview(PreviewError::InUse { .. } | PreviewError::Listen { .. }) => (
                Exit::Machine,
                "choose another address, --listen 127.0.0.1:0 takes any free port",
            ),
            _ => (Exit::Failed, "start it again, with -v to see more"),
        };
        Trouble::new(exit, error, remedy)
    }
}

fn livekit(error: &LiveKitError) -> (Exit, &'static str) {
    use LiveKitError as E;
    match error {
        E::Url { .. } => (Exit::Usage, "LIVEKIT_URL looks like wss://host or ws://host:7880"),
        E::Token(_) => (
            Exit::Usage,
            "check LIVEKIT_TOKEN, or LIVEKIT_API_KEY and LIVEKIT_API_SECRET",
        ),
        E::Unauthorized { .. } => (
            Exit::LiveKit,
            "check LIVEKIT_API_KEY and LIVEKIT_API_SECRET (or LIVEKIT_TOKEN), and that they are this server's",
        ),
        E::RoomRefused { .. } => (
            Exit::LiveKit,
            "check --room, and that the key or token may use it",
        ),
        E::PublishRefused { .. } => (
            Exit::LiveKit,
            "the token must grant canPublish for a camera track",
        ),
        E::DuplicateIdentity { .. } => (
            Exit::Replaced,
            "stop the other one, or give this one another --identity",
        ),
        E::Removed { .. } => (
            Exit::LiveKit,
            "somebody did that on the server; start it again when it is wanted",
        ),
        E::NoMediaPath { .. } => (
            Exit::Failed,
            "open the server's media ports to this machine (mostly UDP 7882 or 50000-60000, TCP 7881)",
        ),
        _ => (Exit::Failed, "check LIVEKIT_URL and the network between"),
    }
}

impl From<Problem> for Trouble {
    fn from(problem: Problem) -> Self {
        Trouble::new(
            Exit::CameraContent,
            problem.what,
            format_args!("{}; --force publishes it all the same", problem.remedy),
        )
    }
}

fn no_h264_remedy(found: &[String]) -> &'static str {
    let h265 = found
        .iter()
        .any(|name| name.eq_ignore_ascii_case("H265") || name.eq_ignore_ascii_case("HEVC"));
    if h265 {
        "set the camera's video codec to H.264 (browsers do not show its H.265), or use its second stream"
    } else {
        "set the camera's video codec to H.264"
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn q104_refused_credentials_lead_to_the_account_that_cameras_keep_apart() {
        let error = ingest::Error::CredentialsRefused {
            peer: "cam:554".to_owned(),
            cause: throughline_rtsp::client::Error::CredentialsRefused {
                method: throughline_rtsp::Method::Describe,
                cseq: 2,
            },
        };
        let trouble = Trouble::from(&error);
        assert_eq!(trouble.exit, Exit::CameraCredentials);
        assert!(
            trouble.to_string().contains("separate RTSP or ONVIF account"),
            "{trouble}"
        );
    }

    #[test]
    fn a_trouble_is_one_line_of_what_and_remedy() {
        let error = ingest::Error::NoH264 {
            peer: "cam:554".to_owned(),
            found: vec!["H265".to_owned()],
        };
        let trouble = Trouble::from(&error);
        assert_eq!(trouble.exit, Exit::CameraContent);
        let line = trouble.to_string();
        assert!(
            line.contains("H265") && line.contains("set the camera's video codec to H.264"),
            "{line}"
        );
        assert!(!line.contains('\n'));
    }
}
