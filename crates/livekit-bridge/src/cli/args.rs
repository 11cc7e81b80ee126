//! The command line as people type it. Meaning is given to it in [`settings`](super::settings).

use std::ffi::OsString;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use clap::error::ContextValue;
use clap::{Args, Parser, Subcommand, ValueEnum};
use throughline_mock_camera::Quirk;

/// Carries an IP camera's own H.264 to every viewer of a LiveKit room, without a decoder or an encoder.
///
/// Without a camera it plays a built-in test camera; without LiveKit it serves a preview page on this machine.
#[derive(Debug, Parser)]
#[command(
    name = "throughline",
    version,
    args_conflicts_with_subcommands = true,
    after_help = EXAMPLES,
    after_long_help = LONG_EXAMPLES,
)]
pub(crate) struct Cli {
    #[command(subcommand)]
    pub(crate) command: Option<Command>,

    #[command(flatten)]
    pub(crate) run: RunArgs,

    /// Say more on standard error: -v what happens, -vv every message (RUST_LOG overrides)
    #[arg(short, long, action = clap::ArgAction::Count, global = true)]
    pub(crate) verbose: u8,
}

/// Reads the command line; help, version and mistakes end the program here.
pub(crate) fn parse() -> Cli {
    Cli::try_parse().unwrap_or_else(|mut error| {
        // What is out of place is quoted, and may be a URL with a password.
        let quoted: Vec<_> = error
            .context()
            .filter_map(|(kind, value)| match value {
                ContextValue::String(text) => Some((kind, ContextValue::String(without_credentials(text)?))),
                _ => None,
            })
            .collect();
        for (kind, text) in quoted {
            error.insert(kind, text);
        }
        error.exit()
    })
}

/// `text` with what stands before its last `@` left out, the scheme excepted; `None` where there is none.
fn without_credentials(text: &str) -> Option<String> {
    let (before, rest) = text.rsplit_once('@')?;
    let scheme = before.split_once("://").map_or("", |(scheme, _)| scheme);
    Some(format!("{scheme}://[credentials]@{rest}"))
}

/// What `--help` says of the URL; the bare command adds to it.
const SCHEMES: &str = "\
The camera, rtsp://host/path or rtsp://user:password@host:port/path

rtsps:// is the same over TLS (port 322). Where nothing but web traffic passes, and the camera offers it: \
rtsp+http:// and rtsp+https:// inside HTTP, rtsp+ws:// and rtsp+wss:// inside a WebSocket (ports 80 and 443)";

const EXAMPLES: &str = "\
Examples:
  throughline                                   test camera, preview in the browser
  throughline rtsp://192.168.1.20/stream1       your camera, preview in the browser
  throughline probe rtsp://192.168.1.20/stream1 is this camera ready for LiveKit?

With LIVEKIT_URL, LIVEKIT_API_KEY and LIVEKIT_API_SECRET set, the camera is published to a room.";

const LONG_EXAMPLES: &str = "\
Examples:
  throughline
      test camera, preview in the browser
  RTSP_USERNAME=admin RTSP_PASSWORD='s@cret' throughline rtsp://192.168.1.20/stream1
      your camera, preview in the browser
  LIVEKIT_URL=wss://my.livekit.cloud LIVEKIT_API_KEY=.. LIVEKIT_API_SECRET=.. throughline rtsp://192.168.1.20/stream1
      your camera in the LiveKit room `throughline`
  throughline probe rtsp://192.168.1.20/stream1
      is this camera ready for LiveKit, and if not, which setting to change
  throughline record rtsp://192.168.1.20/stream1 -o door.h264 --duration 30s

Environment:
  LIVEKIT_URL          ws:// or wss:// address of the LiveKit server; without it the preview is served
  LIVEKIT_API_KEY      API key, together with
  LIVEKIT_API_SECRET   its secret; or, in place of both,
  LIVEKIT_TOKEN        a ready token that may publish
  RTSP_URL             the camera, where no URL is given
  RTSP_USERNAME        camera login, where the URL has none
  RTSP_PASSWORD        camera password (there is no flag: arguments are seen by every user of a machine)
  RTSP_TRANSPORT, RTSP_TUNNEL_PATH, RTSP_TLS_CA, RTSP_TLS_FINGERPRINT  as the flags of these names

Exit codes:
  0  ended as asked (Ctrl-C included)
  1  failed for a reason that may pass: camera or network away (probe and record only, the rest retries)
  2  the command line or the environment is wrong
  3  the camera refuses the credentials, or wants some
  4  the camera's content cannot be shown: no H.264, B-frames, profile; see the line and --force
  5  LiveKit refuses: key, secret, token, room or permission
  6  another publisher took this identity
  7  this machine is in the way: port in use, file cannot be written
  8  the camera's certificate is refused; the line has the flag that trusts it";

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Connect to a camera, listen a few seconds, say what it is and whether it is ready for LiveKit
    Probe(ProbeArgs),
    /// Write a camera's H.264 to a file as Annex-B, starting at an IDR picture
    Record(RecordArgs),
    /// Run the test camera alone, for your own tests
    MockCamera(MockCameraArgs),
}

#[derive(Debug, Args)]
pub(crate) struct RunArgs {
    /// The camera, rtsp://host/path or rtsp://user:password@host:port/path; without it the test camera plays
    #[arg(
        value_name = "RTSP_URL",
        env = "RTSP_URL",
        hide_env_values = true,
        long_help = format!("{SCHEMES}. Without any, the test camera plays")
    )]
    pub(crate) url: Option<String>,

    #[command(flatten)]
    pub(crate) camera: CameraArgs,

    /// LiveKit server, ws:// or wss://; without it the preview is served
    #[arg(long, value_name = "URL", env = "LIVEKIT_URL", help_heading = "LiveKit")]
    pub(crate) livekit_url: Option<String>,

    /// Room to publish to
    #[arg(
        long,
        env = "LIVEKIT_ROOM",
        default_value = "throughline",
        help_heading = "LiveKit"
    )]
    pub(crate) room: String,

    /// Participant identity [default: made of this host's name and the camera, the same at every start]
    #[arg(long, env = "LIVEKIT_IDENTITY", help_heading = "LiveKit")]
    pub(crate) identity: Option<String>,

    /// Name of the published track
    #[arg(
        long,
        env = "LIVEKIT_TRACK_NAME",
        default_value = "camera",
        help_heading = "LiveKit"
    )]
    pub(crate) track_name: String,

    /// Which implementation publishes
    #[arg(long, value_enum, default_value_t = EngineArg::Webrtc, help_heading = "LiveKit")]
    pub(crate) engine: EngineArg,

    /// Address of the preview page (served only without LiveKit)
    #[arg(
        long,
        value_name = "ADDR",
        env = "THROUGHLINE_LISTEN",
        default_value = "127.0.0.1:8089"
    )]
    pub(crate) listen: SocketAddr,

    /// Publish even what was refused for its content (B-frames, unsuited profile)
    #[arg(long)]
    pub(crate) force: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum EngineArg {
    /// Pure Rust
    Webrtc,
    #[cfg(feature = "libwebrtc")]
    /// The official SDK's pre-encoded passthrough encoder
    Libwebrtc,
}

#[derive(Debug, Args)]
pub(crate) struct CameraArgs {
    /// How the camera's packets travel
    #[arg(long, value_enum, env = "RTSP_TRANSPORT", default_value_t = TransportArg::Auto, help_heading = "Camera")]
    pub(crate) transport: TransportArg,

    /// Camera login, where the URL has none (the password comes from RTSP_PASSWORD)
    #[arg(long, env = "RTSP_USERNAME", help_heading = "Camera")]
    pub(crate) username: Option<String>,

    /// What a tunnel's HTTP requests ask for, where it is not the URL's path: /rtsp-over-websocket at Axis cameras
    #[arg(long, value_name = "PATH", env = "RTSP_TUNNEL_PATH", help_heading = "Camera")]
    pub(crate) tunnel_path: Option<String>,

    /// PEM file of whom to trust in place of this system's authorities: an authority, or the camera's own certificate
    #[arg(long, value_name = "FILE", env = "RTSP_TLS_CA", help_heading = "Camera")]
    pub(crate) tls_ca: Option<OsString>,

    /// Trust the certificate of this SHA-256 fingerprint alone, whatever else it says; several are separated by commas
    #[arg(
        long,
        value_name = "SHA256",
        env = "RTSP_TLS_FINGERPRINT",
        value_delimiter = ',',
        help_heading = "Camera"
    )]
    pub(crate) tls_fingerprint: Vec<String>,

    /// Do not send the host's name before TLS is up: some cameras hang up on it
    #[arg(long, help_heading = "Camera")]
    pub(crate) tls_no_sni: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum TransportArg {
    /// TCP, and UDP where the camera wants that; beside TLS only if it is encrypted
    Auto,
    /// UDP, and TCP where packets do not arrive or too many are lost
    UdpFirst,
    /// Inside the RTSP connection: passes every firewall
    Tcp,
    /// UDP packets: a lost packet delays nothing
    Udp,
    /// UDP packets to a group: many viewers cost the camera no more than one
    Multicast,
}

#[derive(Debug, Args)]
pub(crate) struct ProbeArgs {
    /// The camera, rtsp://host/path or rtsp://user:password@host:port/path
    #[arg(value_name = "RTSP_URL", env = "RTSP_URL", hide_env_values = true, long_help = SCHEMES)]
    pub(crate) url: String,

    #[command(flatten)]
    pub(crate) camera: CameraArgs,

    /// Print the findings as JSON on standard output
    #[arg(long)]
    pub(crate) json: bool,

    /// How long to listen after the first picture
    #[arg(long, value_name = "TIME", value_parser = humantime::parse_duration, default_value = "5s")]
    pub(crate) duration: Duration,
}

#[derive(Debug, Args)]
pub(crate) struct RecordArgs {
    /// The camera, rtsp://host/path or rtsp://user:password@host:port/path
    #[arg(value_name = "RTSP_URL", env = "RTSP_URL", hide_env_values = true, long_help = SCHEMES)]
    pub(crate) url: String,

    #[command(flatten)]
    pub(crate) camera: CameraArgs,

    /// File to write; `-` is standard output
    #[arg(short, long, value_name = "FILE")]
    pub(crate) output: PathBuf,

    /// Stop after this long, counted from the first picture [default: until Ctrl-C or the camera's end]
    #[arg(long, value_name = "TIME", value_parser = humantime::parse_duration)]
    pub(crate) duration: Option<Duration>,
}

#[derive(Debug, Args)]
pub(crate) struct MockCameraArgs {
    /// Annex-B H.264 file to play [default: a built-in clip]
    #[arg(value_name = "CLIP.h264", conflicts_with = "clip_profile")]
    pub(crate) clip: Option<PathBuf>,

    /// Which built-in clip to play
    #[arg(long, value_enum, value_name = "PROFILE", default_value_t = ClipProfile::ConstrainedBaseline)]
    pub(crate) clip_profile: ClipProfile,

    /// Address to listen on
    #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:8554")]
    pub(crate) listen: SocketAddr,

    /// What clients must present
    #[arg(long, value_enum, default_value_t = AuthArg::None)]
    pub(crate) auth: AuthArg,

    /// Login that clients must present (the password comes from RTSP_PASSWORD)
    #[arg(long, env = "RTSP_USERNAME", default_value = "admin")]
    pub(crate) username: String,

    /// Which transports are served; the others are answered with 461
    #[arg(long, value_enum, default_value_t = MockTransportArg::Auto)]
    pub(crate) transport: MockTransportArg,

    /// What to do as real cameras do and no RFC has it, such as Q75,Q36; where two contradict each other, the one of the
    /// greater number is seen
    #[arg(long, value_name = "NUMBER", value_delimiter = ',')]
    pub(crate) quirk: Vec<Quirk>,

    /// List the quirks on standard output, and end
    #[arg(long)]
    pub(crate) list_quirks: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum MockTransportArg {
    /// As the client likes
    Auto,
    /// Inside the RTSP connection only
    Tcp,
    /// UDP packets only
    Udp,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum ClipProfile {
    /// 42e01f
    ConstrainedBaseline,
    /// 42001f
    Baseline,
    /// 640c1f
    High,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum AuthArg {
    None,
    Basic,
    /// Digest with MD5
    Digest,
    /// Digest with SHA-256
    DigestSha256,
    /// All of them at once, as the client likes
    Any,
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    #[test]
    fn the_command_line_is_consistent() {
        Cli::command().debug_assert();
    }
}
