//! The program as people run it: exit codes, what it says, and what it must never say.

#![cfg(test)]

use std::io::{BufRead, BufReader};
use std::net::TcpListener;
use std::path::Path;
use std::process::{Command, Output, Stdio};

use throughline_h264::annexb;
use throughline_ingest::Credentials;
use throughline_mock_camera::{Authentication, BuiltInClip, Clip, MockCamera, Quirk};

/// What the environment of the tests must not bring in.
const VARIABLES: [&str; 13] = [
    "LIVEKIT_URL",
    "LIVEKIT_API_KEY",
    "LIVEKIT_API_SECRET",
    "LIVEKIT_TOKEN",
    "LIVEKIT_ROOM",
    "LIVEKIT_IDENTITY",
    "LIVEKIT_TRACK_NAME",
    "RTSP_URL",
    "RTSP_USERNAME",
    "RTSP_PASSWORD",
    "RTSP_TRANSPORT",
    "THROUGHLINE_LISTEN",
    "RUST_LOG",
];

fn throughline() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_throughline"));
    for variable in VARIABLES {
        command.env_remove(variable);
    }
    command
}

fn text(output: &Output) -> String {
    format!(
        "{}{}",
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    )
}

/// A test camera with a runtime of its own.
struct Camera {
    runtime: tokio::runtime::Runtime,
    camera: Option<MockCamera>,
}

impl Camera {
    fn new(clip: BuiltInClip, authentication: Authentication) -> Self {
        Self::playing(Clip::built_in(clip), authentication)
    }

    fn playing(clip: Clip, authentication: Authentication) -> Self {
        let runtime = tokio::runtime::Runtime::new().unwrap();
        let builder = MockCamera::builder().clip(clip).authentication(authentication);
        let camera = Some(runtime.block_on(builder.start()).unwrap());
        Camera { runtime, camera }
    }

    fn url(&self) -> String {
        self.camera.as_ref().unwrap().url()
    }
}

impl Drop for Camera {
    fn drop(&mut self) {
        self.runtime.block_on(self.camera.take().unwrap().stop());
    }
}

#[test]
fn a_wrong_password_ends_every_command_with_its_exit_code_and_is_never_printed() {
    let (right, wrong) = ("r1ght-and-secret", "wr0ng-and-secret");
    let credentials = Credentials::new("admin", right);
    for authentication in [
        Authentication::Basic(credentials.clone()),
        Authentication::Any(credentials),
    ] {
        let camera = Camera::new(BuiltInClip::High, authentication);
        let url = camera.url().replace("rtsp://", &format!("rtsp://admin:{wrong}@"));
        for command in [
            &["probe"][..],
            &["record", "-o", "-"],
            &["--listen", "127.0.0.1:0"],
        ] {
            let output = throughline().args(command).args([&url, "-vvv"]).output().unwrap();
            let said = text(&output);
            assert_eq!(output.status.code(), Some(3), "{command:?}: {said}");
            assert!(said.contains("refused the credentials"), "{said}");
            assert!(!said.contains(wrong) && !said.contains(right), "{said}");
            assert!(!said.contains("YWRtaW46"), "`admin:` in base64: {said}");
        }
    }
}

#[test]
fn a_url_that_is_out_of_place_is_quoted_without_its_password() {
    let url = "rtsp://admin:h1dden@ss@10.0.0.7/a";
    for line in [
        &["proobe", url][..],
        &["probe", "rtsp://10.0.0.7/a", url],
        &["--listen", url],
        &["mock-camera", "clip.h264", url],
        &["mock-camera", "--quirk", url],
        &["record", "-o", "-", "rtsp://10.0.0.7/a", "--duration", url],
    ] {
        let output = throughline().args(line).output().unwrap();
        let said = text(&output);
        assert_eq!(output.status.code(), Some(2), "{line:?}: {said}");
        assert!(said.contains("@10.0.0.7/a"), "{said}");
        assert!(!said.contains("h1dden"), "{said}");
    }
}

#[test]
fn a_livekit_server_that_is_away_is_named_and_waited_for_without_a_word_of_key_secret_or_token() {
    let port = TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap()
        .port();
    let secret = "hidden-secret-of-the-api-key-of-livekit";
    let mut program = throughline()
        .arg("-vvv")
        .env("LIVEKIT_URL", format!("ws://127.0.0.1:{port}"))
        .env("LIVEKIT_API_KEY", "hidden-key")
        .env("LIVEKIT_API_SECRET", secret)
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut said = String::new();
    let mut lines = BufReader::new(program.stderr.take().unwrap()).lines();
    while !said.contains("(trying again in") {
        said += &lines.next().expect("it goes on").unwrap();
        said.push('\n');
    }
    program.kill().unwrap();
    program.wait().unwrap();
    assert!(
        said.contains(&format!("LiveKit at 127.0.0.1:{port} cannot be reached"))
            && said.contains("check LIVEKIT_URL"),
        "{said}"
    );
    for hidden in [secret, "hidden-key", "eyJ"] {
        assert!(!said.contains(hidden), "{said}");
    }
}

#[test]
fn missing_credentials_are_asked_for_by_name() {
    let camera = Camera::new(
        BuiltInClip::High,
        Authentication::Digest(Credentials::new("admin", "secret")),
    );
    let output = throughline().args(["probe", &camera.url()]).output().unwrap();
    assert_eq!(output.status.code(), Some(3));
    assert!(text(&output).contains("RTSP_PASSWORD"), "{}", text(&output));
}

#[test]
fn the_password_of_the_environment_opens_the_camera() {
    let camera = Camera::new(
        BuiltInClip::High,
        Authentication::DigestSha256(Credentials::new("admin", "p@ss:w/rd#1")),
    );
    let output = throughline()
        .args(["probe", &camera.url(), "--json", "--duration", "1s"])
        .env("RTSP_USERNAME", "admin")
        .env("RTSP_PASSWORD", "p@ss:w/rd#1")
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(0), "{}", text(&output));
    let found: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(found["profile_level_id"], "640c1f");
    assert_eq!(
        (&found["ready"], &found["b_frames"]),
        (&true.into(), &false.into())
    );
}

#[test]
fn a_recording_is_a_whole_part_of_the_clip() {
    let camera = Camera::new(BuiltInClip::ConstrainedBaseline, Authentication::None);
    let output = throughline()
        .args(["record", &camera.url(), "-o", "-", "--duration", "1s"])
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(0), "{}", text(&output));
    let recorded: Vec<&[u8]> = annexb::nal_units(&output.stdout).collect();
    let clip: Vec<&[u8]> = annexb::nal_units(BuiltInClip::ConstrainedBaseline.annex_b()).collect();
    let at = clip.iter().position(|nal| *nal == recorded[0]).unwrap();
    assert_eq!(recorded, clip[at..at + recorded.len()]);
    assert!(
        String::from_utf8_lossy(&output.stderr).contains("30 pictures"),
        "{}",
        text(&output)
    );
}

#[test]
fn b_frames_are_refused_with_the_setting_that_mends_them() {
    let clip = Clip::from_annex_b(
        include_bytes!("../../../testdata/h264/x264_b_slices.h264").as_slice(),
        None,
    )
    .unwrap();
    let camera = Camera::playing(clip, Authentication::None);
    for command in [&["probe", "--duration", "2s"][..], &["--listen", "127.0.0.1:0"]] {
        let output = throughline().args(command).arg(camera.url()).output().unwrap();
        assert_eq!(output.status.code(), Some(4), "{command:?}: {}", text(&output));
        assert!(text(&output).contains("switch B-frames off"), "{}", text(&output));
    }
}

#[test]
fn nobody_listening_is_one_line_with_a_remedy_and_the_story_on_standard_output() {
    let port = TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap()
        .port();
    let output = throughline()
        .args(["probe", &format!("rtsp://127.0.0.1:{port}/cam")])
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{said}");
    assert_eq!(said.lines().count(), 1, "{said}");
    assert!(
        said.contains("connection refused") && said.contains("check the port"),
        "{said}"
    );
    let story = String::from_utf8_lossy(&output.stdout);
    assert!(
        story.contains("connecting to 127.0.0.1") && story.contains("not ready for LiveKit"),
        "{story}"
    );
}

#[test]
fn a_probe_that_fails_is_json_with_its_error_and_story_without_the_password() {
    let port = TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap()
        .port();
    let url = format!("rtsp://viewer:quiet-sesame@127.0.0.1:{port}/cam");
    let output = throughline().args(["probe", "--json", &url]).output().unwrap();
    assert!(!text(&output).contains("quiet-sesame"), "{}", text(&output));
    let found: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(found["ready"], false);
    assert_eq!(found["error"]["reason"], "connection refused");
    assert_eq!(found["error"]["exit_code"], output.status.code().unwrap());
    assert_eq!(found["failures"]["connection refused"], 1);
    assert_eq!(found["story"][0]["step"], "connecting");
}

#[test]
fn a_preview_address_in_use_is_said_before_anything_starts() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let output = throughline().args(["--listen", &address]).output().unwrap();
    assert_eq!(output.status.code(), Some(7), "{}", text(&output));
    assert!(
        text(&output).contains("in use") && text(&output).contains("--listen"),
        "{}",
        text(&output)
    );
}

#[test]
fn a_part_of_the_livekit_variables_is_an_error() {
    let output = throughline()
        .env("LIVEKIT_URL", "ws://127.0.0.1:1")
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(2));
    assert!(text(&output).contains("LIVEKIT_API_KEY"), "{}", text(&output));
}

#[test]
fn schemes_that_are_no_camera_are_refused_with_an_example() {
    for url in ["http://10.0.0.7/video", "10.0.0.7", "rtsp://"] {
        let output = throughline().args(["probe", url]).output().unwrap();
        assert_eq!(output.status.code(), Some(2), "{url}: {}", text(&output));
        assert!(
            text(&output).contains("rtsp://host/path"),
            "{url}: {}",
            text(&output)
        );
    }
}

#[test]
fn quirks_of_the_test_camera_are_listed_and_an_unknown_one_is_refused() {
    let run = |arguments: &[&str]| throughline().args(arguments).output().unwrap();
    let listed = run(&["mock-camera", "--list-quirks"]);
    assert_eq!(listed.status.code(), Some(0));
    let listed = String::from_utf8(listed.stdout).unwrap();
    assert_eq!(listed.lines().count(), Quirk::ALL.len());
    assert!(listed.contains("\nQ75  packets of parameter sets and SEI have the marker\n"));
    let refused = run(&["mock-camera", "--quirk", "Q75,Q0"]);
    assert_eq!(refused.status.code(), Some(2), "{}", text(&refused));
    assert!(
        text(&refused).contains("no quirk of this camera"),
        "{}",
        text(&refused)
    );
}

/// A changed help text is a change that users see: run with `UPDATE_SNAPSHOTS=1` and look at the difference.
#[test]
fn the_help_is_the_one_that_was_agreed_on() {
    for (arguments, name) in [
        (&["--help"][..], "help.txt"),
        (&["probe", "--help"], "probe.txt"),
        (&["record", "--help"], "record.txt"),
        (&["mock-camera", "--help"], "mock-camera.txt"),
    ] {
        let path = Path::new(env!("CARGO_MANIFEST_DIR"))
            .join("tests/snapshots")
            .join(name);
        let help = String::from_utf8(
            throughline()
                .env("COLUMNS", "100")
                .args(arguments)
                .output()
                .unwrap()
                .stdout,
        )
        .unwrap();
        if std::env::var_os("UPDATE_SNAPSHOTS").is_some() {
            std::fs::write(&path, &help).unwrap();
        }
        assert_eq!(help, std::fs::read_to_string(&path).unwrap(), "{name}");
    }
}
