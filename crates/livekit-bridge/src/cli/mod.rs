//! The program `throughline`: arguments -> validated settings -> run -> exit code.
//! Data goes to standard output, everything else to standard error.

mod advice;
mod args;
mod findings;
mod mock;
mod probe;
mod record;
mod remedy;
mod report;
mod run;
mod settings;
mod shutdown;
mod story;
mod trouble;
mod verdict;

use std::io::{ErrorKind, Write};
use std::num::NonZeroUsize;
use std::process::ExitCode;
use std::time::Duration;

use throughline_ingest::{Retry, Workers};
use tracing_subscriber::EnvFilter;

use args::{Cli, Command};
use probe::ProbeSettings;
use record::RecordSettings;
use report::Report;
use settings::{RunSettings, environment};
use trouble::{Exit, Trouble};

/// How long a probe waits for a picture that can be decoded: somebody sits before the terminal.
const PROBE_PATIENCE: Duration = Duration::from_secs(20);

pub(crate) fn main() -> ExitCode {
    let cli = args::parse();
    log(cli.verbose);
    let mut report = Report::new(cli.verbose);
    let program = async move {
        match dispatch(cli, &mut report).await {
            Ok(()) => ExitCode::SUCCESS,
            Err(trouble) => trouble.tell(&mut report),
        }
    };
    on_one_thread(program).unwrap_or_else(|error| {
        Trouble::new(Exit::Machine, error, "raise the limits of this account").tell(&mut Report::new(0))
    })
}

/// One camera, its encoder and its engine are little work: on one thread they need not wake each other up across cores, and
/// wake-ups are coalesced where a camera makes too many of them.
fn on_one_thread(program: impl Future<Output = ExitCode> + Send + 'static) -> std::io::Result<ExitCode> {
    let worker = Workers::new(NonZeroUsize::MIN)?;
    let waiting = tokio::runtime::Builder::new_current_thread().build()?;
    let ended = waiting.block_on(worker.spawn(program));
    ended.or_else(|error| match error.try_into_panic() {
        Ok(panic) => std::panic::resume_unwind(panic),
        Err(cancelled) => Err(std::io::Error::other(cancelled)),
    })
}

async fn dispatch(cli: Cli, report: &mut Report) -> Result<(), Trouble> {
    match cli.command {
        None => run::run(RunSettings::new(&cli.run, &environment)?, report).await,
        Some(Command::Probe(args)) => {
            let mut camera = settings::camera(&args.url, &args.camera, Retry::Never, &environment)?;
            camera.timeouts.no_picture = PROBE_PATIENCE;
            probe::probe(ProbeSettings {
                camera,
                json: args.json,
                duration: args.duration,
            })
            .await
        }
        Some(Command::Record(args)) => {
            let camera = settings::camera(&args.url, &args.camera, Retry::Never, &environment)?;
            let settings = RecordSettings {
                camera,
                output: args.output,
                duration: args.duration,
            };
            record::record(settings, report).await
        }
        Some(Command::MockCamera(args)) => mock::mock_camera(args, &environment, report).await,
    }
}

/// Logs of our own crates only, unless `RUST_LOG` says otherwise: those of others may quote what must not be seen.
fn log(verbosity: u8) {
    let level = match verbosity {
        0 => "off",
        1 => "info",
        2 => "debug",
        _ => "trace",
    };
    let ours = format!(
        "off,throughline={level},livekit_bridge={level},throughline_ingest={level},throughline_rtsp={level},throughline_mock_camera={level}"
    );
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new(ours));
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .with_ansi(report::colours())
        .init();
}

/// Data for standard output. A reader that has enough is no error.
fn print(text: &str) -> Result<(), Trouble> {
    let mut out = std::io::stdout().lock();
    match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
        Err(error) if error.kind() != ErrorKind::BrokenPipe => Err(Trouble::new(
            Exit::Machine,
            format_args!("cannot write to standard output: {error}"),
            "make room",
        )),
        _ => Ok(()),
    }
}

/// Bits a second for people.
#[expect(clippy::cast_precision_loss, reason = "one decimal is shown")]
fn megabits(bits_per_second: u64) -> String {
    format!("{:.1} Mbit/s", bits_per_second as f64 / 1e6)
}

/// Ticks of the access units' clock as seconds.
#[expect(clippy::cast_precision_loss, reason = "a recording lasts days at most")]
fn seconds(ticks: i64) -> f64 {
    ticks as f64 / 90_000.0
}
