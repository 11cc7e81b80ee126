//! What ends a command: one line that says what is wrong and what to do, and the exit code.

use std::fmt;
use std::process::ExitCode;

use livekit_bridge::engine::EngineError;
use livekit_bridge::engine::preview::PreviewError;
use livekit_bridge::engine::webrtc::LiveKitError;

use super::report::{Report, Tone};
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
    /// The camera's certificate is refused.
    Certificate = 8,
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
    pub(crate) what: String,
    pub(crate) remedy: String,
}

impl Trouble {
    pub(crate) fn new(exit: Exit, what: impl fmt::Display, remedy: impl fmt::Display) -> Self {
        Trouble {
            exit,
            what: what.to_string(),
            remedy: remedy.to_string(),
        }
    }

    /// The last line, and what the program ends with.
    pub(crate) fn tell(&self, report: &mut Report) -> ExitCode {
        report.line(Tone::Bad, &format!("throughline: {self}"));
        self.exit.into()
    }
}

impl fmt::Display for Trouble {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}; {}", self.what, self.remedy)
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
