//! Validated settings, made of the command line and the environment; what is wrong with those ends here.

use std::net::SocketAddr;
use std::path::PathBuf;

use livekit_bridge::PublisherToken;
use throughline_ingest::{
    Config, Credentials, Fingerprint, Retry, ServerNameIndication, TransportPolicy, Trust,
};

use super::args::{CameraArgs, EngineArg, RunArgs, TransportArg};
use super::trouble::{Exit, Trouble};

/// Reads a variable of the environment; an empty one counts as not set.
pub(crate) type Environment<'a> = &'a (dyn Fn(&str) -> Option<String> + Sync);

/// The process's own environment.
pub(crate) fn environment(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.is_empty())
}

/// What the bare command is to do.
#[derive(Debug)]
pub(crate) struct RunSettings {
    /// `None`: the built-in test camera.
    pub(crate) camera: Option<Config>,
    pub(crate) target: Target,
    pub(crate) force: bool,
}

/// Where the pictures go.
#[derive(Debug)]
pub(crate) enum Target {
    /// No LiveKit is configured.
    Preview { listen: SocketAddr },
    /// A LiveKit room.
    Room(RoomSettings),
}

#[derive(Debug)]
pub(crate) struct RoomSettings {
    pub(crate) url: String,
    pub(crate) token: PublisherToken,
    pub(crate) track_name: String,
    pub(crate) engine: EngineArg,
}

impl RunSettings {
    pub(crate) fn new(args: &RunArgs, environment: Environment<'_>) -> Result<Self, Trouble> {
        let camera = match args.url.as_deref().filter(|url| !url.is_empty()) {
            Some(url) => Some(camera(url, &args.camera, Retry::Forever, environment)?),
            None => None,
        };
        let target = match room(args, camera.as_ref(), environment)? {
            Some(room) => Target::Room(room),
            None => Target::Preview { listen: args.listen },
        };
        Ok(RunSettings {
            camera,
            target,
            force: args.force,
        })
    }
}

/// The camera's configuration: credentials come from the URL, else from the environment.
pub(crate) fn camera(
    url: &str,
    args: &CameraArgs,
    retry: Retry,
    environment: Environment<'_>,
) -> Result<Config, Trouble> {
    let mut config = Config::parse(url).map_err(|error| {
        Trouble::new(
            Exit::Usage,
            error,
            "a camera's address looks like rtsp://host/path or rtsps://host/path",
        )
    })?;
    if config.credentials.is_none() {
        let username = args.username.clone().filter(|name| !name.is_empty());
        let password = environment("RTSP_PASSWORD");
        if username.is_some() || password.is_some() {
            config.credentials = Some(Credentials::new(
                username.unwrap_or_default(),
                password.unwrap_or_default(),
            ));
        }
    }
    config.transport = match args.transport {
        TransportArg::Auto => TransportPolicy::Auto,
        TransportArg::UdpFirst => TransportPolicy::UdpFirst,
        TransportArg::Tcp => TransportPolicy::Tcp,
        TransportArg::Udp => TransportPolicy::Udp,
        TransportArg::Multicast => TransportPolicy::Multicast,
    };
    config.tunnel_path = args.tunnel_path.clone().filter(|path| !path.is_empty());
    if config
        .tunnel_path
        .as_ref()
        .is_some_and(|path| !path.starts_with('/'))
    {
        return Err(Trouble::new(
            Exit::Usage,
            "--tunnel-path is a path of the camera's web server, and begins with /",
            "a good one looks like /rtsp-over-websocket",
        ));
    }
    config.tls.trust = trust(args)?;
    if args.tls_no_sni {
        config.tls.server_name = ServerNameIndication::Never;
    }
    config.retry = retry;
    Ok(config)
}

/// Whom to believe behind TLS. Empty values, as variables of the environment have, count as not set.
fn trust(args: &CameraArgs) -> Result<Trust, Trouble> {
    let file = args
        .tls_ca
        .as_ref()
        .filter(|name| !name.is_empty())
        .map(PathBuf::from);
    let pinned: Vec<&str> = args
        .tls_fingerprint
        .iter()
        .map(|text| text.trim())
        .filter(|text| !text.is_empty())
        .collect();
    match file {
        Some(_) if !pinned.is_empty() => Err(Trouble::new(
            Exit::Usage,
            "--tls-ca and --tls-fingerprint exclude each other",
            "with a fingerprint no authority is asked: leave one of them out",
        )),
        Some(path) => match std::fs::metadata(&path) {
            Ok(_) => Ok(Trust::CaFile(path)),
            Err(error) => Err(Trouble::new(
                Exit::Usage,
                format_args!("--tls-ca: cannot read {}: {error}", path.display()),
                "give a PEM file with -----BEGIN CERTIFICATE----- in it",
            )),
        },
        None if pinned.is_empty() => Ok(Trust::SystemRoots),
        None => pinned
            .into_iter()
            .map(fingerprint)
            .collect::<Result<_, _>>()
            .map(Trust::Pinned),
    }
}

fn fingerprint(text: &str) -> Result<Fingerprint, Trouble> {
    text.parse().map_err(|error| {
        Trouble::new(
            Exit::Usage,
            format_args!("--tls-fingerprint: {error}"),
            "a good one looks like 9F:86:D0:..:0A:08, 32 bytes; `throughline probe` tells the camera's",
        )
    })
}

/// The room to publish to; `None` where nothing of LiveKit is configured. A part of it is an error that names the rest.
fn room(
    args: &RunArgs,
    camera: Option<&Config>,
    environment: Environment<'_>,
) -> Result<Option<RoomSettings>, Trouble> {
    let url = args.livekit_url.clone().filter(|url| !url.is_empty());
    let (key, secret) = (environment("LIVEKIT_API_KEY"), environment("LIVEKIT_API_SECRET"));
    let token = environment("LIVEKIT_TOKEN");
    if url.is_none() && key.is_none() && secret.is_none() && token.is_none() {
        return Ok(None);
    }
    let url = url.ok_or_else(|| missing("LIVEKIT_URL"))?;
    if url.contains('@') {
        // It is shown to people, and credentials have variables of their own.
        return Err(Trouble::new(
            Exit::Usage,
            "LIVEKIT_URL takes no user and password",
            "use LIVEKIT_API_KEY and LIVEKIT_API_SECRET, or LIVEKIT_TOKEN",
        ));
    }
    let token = match (token, key, secret) {
        (Some(jwt), _, _) => PublisherToken::from_jwt(&jwt),
        (None, Some(key), Some(secret)) => {
            let identity = args
                .identity
                .clone()
                .filter(|name| !name.is_empty())
                .unwrap_or_else(|| identity(camera));
            PublisherToken::from_api_key(&key, &secret, &args.room, &identity)
        }
        (None, None, Some(_)) => return Err(missing("LIVEKIT_API_KEY")),
        (None, Some(_), None) => return Err(missing("LIVEKIT_API_SECRET")),
        (None, None, None) => return Err(missing("LIVEKIT_API_KEY and LIVEKIT_API_SECRET")),
    };
    let token = token.map_err(|error| {
        Trouble::new(
            Exit::Usage,
            error,
            "check LIVEKIT_TOKEN, or LIVEKIT_API_KEY and LIVEKIT_API_SECRET",
        )
    })?;
    Ok(Some(RoomSettings {
        url,
        token,
        track_name: args.track_name.clone(),
        engine: args.engine,
    }))
}

fn missing(variable: &str) -> Trouble {
    Trouble::new(
        Exit::Usage,
        format_args!("LiveKit is configured in part: {variable} is missing"),
        "set LIVEKIT_URL, LIVEKIT_API_KEY and LIVEKIT_API_SECRET, or none of them for the preview",
    )
}

/// The same at every start for this host and this camera, so that a restart replaces its own forerunner and nobody else.
fn identity(camera: Option<&Config>) -> String {
    let host = gethostname::gethostname();
    let host = host.to_string_lossy();
    let Some(camera) = camera else {
        return format!("{host}-test-camera");
    };
    // A digest, for the path may hold a password.
    let digest = md5::compute(camera.url.as_str());
    let [a, b, c, ..] = digest.0;
    format!("{host}-{}-{a:02x}{b:02x}{c:02x}", camera.url.host())
}

#[cfg(test)]
mod tests {
    use clap::Parser;
    use throughline_ingest::TlsConfig;

    use super::super::args::Cli;
    use super::*;

    fn settings(line: &[&str], environment: &[(&str, &str)]) -> Result<RunSettings, Trouble> {
        let cli = Cli::try_parse_from([&["throughline"], line].concat()).unwrap();
        let find = |name: &str| {
            environment
                .iter()
                .find(|(n, _)| *n == name)
                .map(|(_, value)| (*value).to_owned())
        };
        RunSettings::new(&cli.run, &find)
    }

    const KEY: (&str, &str) = ("LIVEKIT_API_KEY", "key");
    const SECRET: (&str, &str) = ("LIVEKIT_API_SECRET", "a-secret-that-must-not-be-seen");
    const URL: [&str; 2] = ["--livekit-url", "ws://127.0.0.1:7880"];

    #[test]
    fn nothing_configured_is_the_test_camera_in_the_preview() {
        let settings = settings(&[], &[]).unwrap();
        assert!(settings.camera.is_none());
        assert!(matches!(settings.target, Target::Preview { listen } if listen.ip().is_loopback()));
    }

    #[test]
    fn a_part_of_the_livekit_variables_names_the_missing_one() {
        let line = |line: &[&str], environment: &[(&str, &str)]| {
            let trouble = settings(line, environment).unwrap_err();
            assert_eq!(trouble.exit, Exit::Usage);
            trouble.to_string()
        };
        assert!(line(&[], &[KEY, SECRET]).contains("LIVEKIT_URL is missing"));
        assert!(line(&URL, &[KEY]).contains("LIVEKIT_API_SECRET is missing"));
        assert!(line(&URL, &[SECRET]).contains("LIVEKIT_API_KEY is missing"));
        assert!(line(&URL, &[]).contains("LIVEKIT_API_KEY and LIVEKIT_API_SECRET"));
    }

    #[test]
    fn credentials_in_the_livekit_url_are_refused_unseen() {
        let line = ["--livekit-url", "wss://key:hidden@example.com"];
        let trouble = settings(&line, &[KEY, SECRET]).unwrap_err();
        assert_eq!(trouble.exit, Exit::Usage);
        assert!(!trouble.to_string().contains("hidden"));
    }

    #[test]
    fn the_whole_of_them_is_a_room_with_a_stable_identity() {
        let identity = |camera: &str| {
            let line = [&[camera][..], &URL].concat();
            match settings(&line, &[KEY, SECRET]).unwrap().target {
                Target::Room(room) => (room.token.room().to_owned(), room.token.identity().to_owned()),
                Target::Preview { .. } => panic!("a room is configured"),
            }
        };
        let (room, first) = identity("rtsp://u:p@10.0.0.7/a");
        assert_eq!(room, "throughline");
        assert_eq!(
            identity("rtsp://10.0.0.7/a").1,
            first,
            "credentials are no part of it"
        );
        assert_ne!(identity("rtsp://10.0.0.7/b").1, first);
    }

    #[test]
    fn credentials_of_the_url_win_over_those_of_the_environment() {
        let environment = [("RTSP_PASSWORD", "outer")];
        let username = |line: &[&str]| {
            let settings = settings(line, &environment).unwrap();
            settings
                .camera
                .unwrap()
                .credentials
                .unwrap()
                .username()
                .to_owned()
        };
        assert_eq!(
            username(&["rtsp://inner:secret@10.0.0.7/a", "--username", "outer"]),
            "inner"
        );
        assert_eq!(username(&["rtsp://10.0.0.7/a", "--username", "outer"]), "outer");
    }

    #[test]
    fn the_camera_is_trusted_as_the_flags_say() {
        let tls = |line: &[&str]| {
            let line = [&["rtsps://10.0.0.7/a"][..], line].concat();
            settings(&line, &[]).map(|settings| settings.camera.unwrap().tls)
        };
        assert_eq!(tls(&[]).unwrap(), TlsConfig::default());
        assert_eq!(
            tls(&["--tls-ca", "", "--tls-fingerprint", ""]).unwrap(),
            TlsConfig::default(),
            "as variables that are set to nothing"
        );
        let (first, second) = ("ab".repeat(32), "AB:".repeat(31) + "CD");
        let both = format!("{first}, {second}");
        assert_eq!(
            tls(&["--tls-fingerprint", &both]).unwrap().trust,
            Trust::Pinned(vec![first.parse().unwrap(), second.parse().unwrap()])
        );
        let file = concat!(env!("CARGO_MANIFEST_DIR"), "/Cargo.toml");
        let with_file = tls(&["--tls-ca", file, "--tls-no-sni"]).unwrap();
        assert_eq!(with_file.trust, Trust::CaFile(file.into()));
        assert_eq!(with_file.server_name, ServerNameIndication::Never);
    }

    #[test]
    fn a_tunnel_has_a_path_of_its_own_where_one_is_given() {
        let path = |path: &str| {
            let line = ["rtsp+ws://10.0.0.7/a", "--tunnel-path", path];
            settings(&line, &[]).map(|settings| settings.camera.unwrap().tunnel_path)
        };
        assert_eq!(path("/ws").unwrap().as_deref(), Some("/ws"));
        assert_eq!(path("").unwrap(), None);
        let trouble = path("ws").unwrap_err();
        assert_eq!(trouble.exit, Exit::Usage);
        assert!(trouble.to_string().contains("/rtsp-over-websocket"), "{trouble}");
    }

    #[test]
    fn what_cannot_be_trusted_is_told_with_an_example() {
        let refused = |line: &[&str]| {
            let line = [&["rtsps://10.0.0.7/a"][..], line].concat();
            let trouble = settings(&line, &[]).unwrap_err();
            assert_eq!(trouble.exit, Exit::Usage);
            trouble.to_string()
        };
        for (fingerprint, why) in [("AA:XY", "'X'"), (&*"ab".repeat(20), "not 40"), ("ab,", "not 2")] {
            let said = refused(&["--tls-fingerprint", fingerprint]);
            assert!(
                said.contains(why) && said.contains("looks like 9F:86:D0"),
                "{said}"
            );
        }
        let said = refused(&["--tls-ca", "/nowhere/ca.pem"]);
        assert!(
            said.contains("/nowhere/ca.pem") && said.contains("BEGIN CERTIFICATE"),
            "{said}"
        );
        let said = refused(&[
            "--tls-ca",
            "/nowhere/ca.pem",
            "--tls-fingerprint",
            &"ab".repeat(32),
        ]);
        assert!(said.contains("exclude each other"), "{said}");
    }

    #[test]
    fn no_secret_is_seen_in_the_debug_form() {
        let line = [&["rtsp://u:hidden1@10.0.0.7/a"][..], &URL].concat();
        let text = format!(
            "{:?}",
            settings(&line, &[KEY, SECRET, ("RTSP_PASSWORD", "hidden2")]).unwrap()
        );
        for secret in [SECRET.1, "hidden1", "hidden2"] {
            assert!(!text.contains(secret), "{text}");
        }
    }
}
