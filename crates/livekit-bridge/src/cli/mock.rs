//! `throughline mock-camera`: the test camera alone.

use std::fmt::Write as _;

use bytes::Bytes;
use throughline_ingest::Credentials;
use throughline_mock_camera::{Authentication, BuiltInClip, Clip, MockCamera, Quirk, Transports};

use super::args::{AuthArg, ClipProfile, MockCameraArgs, MockTransportArg};
use super::print;
use super::report::{Report, Tone};
use super::settings::Environment;
use super::shutdown::Shutdown;
use super::trouble::{Exit, Trouble};

pub(crate) async fn mock_camera(
    args: MockCameraArgs,
    environment: Environment<'_>,
    report: &mut Report,
) -> Result<(), Trouble> {
    if args.list_quirks {
        return print(&quirks());
    }
    let mut shutdown = Shutdown::listen()?;
    let camera = MockCamera::builder()
        .clip(clip(&args).await?)
        .listen(args.listen)
        .authentication(authentication(&args, environment)?)
        .transports(match args.transport {
            MockTransportArg::Auto => Transports::Both,
            MockTransportArg::Tcp => Transports::Tcp,
            MockTransportArg::Udp => Transports::Udp,
        })
        .quirks(args.quirk.iter().copied())
        .start()
        .await
        .map_err(|error| Trouble::new(Exit::Machine, error, "choose another --listen address"))?;
    report.line(Tone::Good, &format!("playing at {}", camera.url()));
    for quirk in &args.quirk {
        report.line(Tone::Plain, &format!("{quirk}: {}", quirk.description()));
    }
    shutdown.requested().await;
    camera.stop().await;
    Ok(())
}

/// A line for each quirk.
fn quirks() -> String {
    let mut table = String::new();
    for quirk in Quirk::ALL {
        // Writing to a String cannot fail.
        let _ = writeln!(table, "{:<5}{}", quirk.to_string(), quirk.description());
    }
    table
}

async fn clip(args: &MockCameraArgs) -> Result<Clip, Trouble> {
    let Some(path) = &args.clip else {
        return Ok(Clip::built_in(match args.clip_profile {
            ClipProfile::ConstrainedBaseline => BuiltInClip::ConstrainedBaseline,
            ClipProfile::Baseline => BuiltInClip::Baseline,
            ClipProfile::High => BuiltInClip::High,
        }));
    };
    let name = path.display();
    let bytes = tokio::fs::read(path).await.map_err(|error| {
        Trouble::new(
            Exit::Usage,
            format_args!("cannot read {name}: {error}"),
            "give an Annex-B H.264 file",
        )
    })?;
    Clip::from_annex_b(Bytes::from(bytes), None).map_err(|error| {
        Trouble::new(
            Exit::Usage,
            format_args!("{name}: {error}"),
            "give an Annex-B H.264 file",
        )
    })
}

fn authentication(args: &MockCameraArgs, environment: Environment<'_>) -> Result<Authentication, Trouble> {
    let make: fn(Credentials) -> Authentication = match args.auth {
        AuthArg::None => return Ok(Authentication::None),
        AuthArg::Basic => Authentication::Basic,
        AuthArg::Digest => Authentication::Digest,
        AuthArg::DigestSha256 => Authentication::DigestSha256,
        AuthArg::Any => Authentication::Any,
    };
    let password = environment("RTSP_PASSWORD").ok_or_else(|| {
        Trouble::new(
            Exit::Usage,
            "--auth needs a password",
            "set RTSP_PASSWORD to what clients must present",
        )
    })?;
    Ok(make(Credentials::new(args.username.clone(), password)))
}
