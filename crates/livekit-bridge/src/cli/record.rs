//! `throughline record`: the camera's H.264 into a file.

use std::path::{Path, PathBuf};
use std::time::Duration;

use throughline_h264::VideoParameters;
use throughline_ingest::{AccessUnit, CameraStats, CameraStream, Config, Item};
use tokio::io::{AsyncWrite, AsyncWriteExt, BufWriter};

use super::report::{Report, Tone};
use super::shutdown::Shutdown;
use super::trouble::{Exit, Trouble};

#[derive(Debug)]
pub(crate) struct RecordSettings {
    pub(crate) camera: Config,
    pub(crate) output: PathBuf,
    /// Counted on the camera's clock from the first picture; `None`: without end.
    pub(crate) duration: Option<Duration>,
}

/// Ends well on the duration, on a signal, when the camera ends and when the reader of a pipe has enough, if anything was recorded.
pub(crate) async fn record(settings: RecordSettings, report: &mut Report) -> Result<(), Trouble> {
    let mut shutdown = Shutdown::listen()?;
    let mut stream = CameraStream::open(settings.camera);
    let mut recording = Recording::open(&settings.output, settings.duration).await?;
    let ended = loop {
        let item = tokio::select! {
            item = stream.next() => item,
            () = shutdown.requested() => break None,
        };
        match item {
            Some(Ok(Item::AccessUnit(unit))) => {
                if recording.write(&unit).await? == Progress::Complete {
                    break None;
                }
            }
            Some(Ok(Item::Event(event))) => tracing::info!(?event),
            Some(Err(error)) => break Some(error),
            None => break None,
        }
    };
    let stats = stream.stats();
    stream.close().await;
    recording.finish().await?;
    match ended {
        Some(error) if recording.pictures == 0 => return Err(Trouble::from(&error)),
        Some(error) => report.line(Tone::Plain, &error.to_string()),
        None if recording.pictures == 0 => {
            return Err(Trouble::new(
                Exit::Failed,
                "nothing was recorded",
                "a recording begins with the camera's first IDR picture",
            ));
        }
        None => {}
    }
    report.line(Tone::Plain, &recording.summary(&stats));
    Ok(())
}

/// Whether there is more to write.
#[derive(PartialEq, Eq)]
enum Progress {
    Ongoing,
    Complete,
}

struct Recording {
    name: String,
    out: BufWriter<Box<dyn AsyncWrite + Send + Unpin>>,
    duration: Option<Duration>,
    pictures: u64,
    bytes: u64,
    first_and_last: Option<(i64, i64)>,
    parameters: Option<VideoParameters>,
}

impl Recording {
    async fn open(path: &Path, duration: Option<Duration>) -> Result<Self, Trouble> {
        let standard_output = path == Path::new("-");
        let name = if standard_output {
            "standard output".to_owned()
        } else {
            path.display().to_string()
        };
        let out: Box<dyn AsyncWrite + Send + Unpin> = if standard_output {
            Box::new(tokio::io::stdout())
        } else {
            Box::new(
                tokio::fs::File::create(path)
                    .await
                    .map_err(|error| unwritable(&name, &error))?,
            )
        };
        let out = BufWriter::new(out);
        Ok(Recording {
            name,
            out,
            duration,
            pictures: 0,
            bytes: 0,
            first_and_last: None,
            parameters: None,
        })
    }

    async fn write(&mut self, unit: &AccessUnit) -> Result<Progress, Trouble> {
        let (first, _) = self.first_and_last.unwrap_or((unit.timestamp.0, 0));
        let enough = self
            .duration
            .is_some_and(|duration| super::seconds(unit.timestamp.0 - first) >= duration.as_secs_f64());
        if enough {
            return Ok(Progress::Complete);
        }
        match self.out.write_all(&unit.data).await {
            Ok(()) => {}
            Err(error) if error.kind() == std::io::ErrorKind::BrokenPipe => return Ok(Progress::Complete),
            Err(error) => return Err(unwritable(&self.name, &error)),
        }
        self.pictures += 1;
        self.bytes += unit.data.len() as u64;
        self.first_and_last = Some((first, unit.timestamp.0));
        self.parameters = Some(unit.parameters);
        Ok(Progress::Ongoing)
    }

    async fn finish(&mut self) -> Result<(), Trouble> {
        match self.out.shutdown().await {
            Err(error) if error.kind() != std::io::ErrorKind::BrokenPipe => {
                Err(unwritable(&self.name, &error))
            }
            _ => Ok(()),
        }
    }

    fn summary(&self, stats: &CameraStats) -> String {
        let (first, last) = self.first_and_last.unwrap_or_default();
        let format = self.parameters.map_or_else(String::new, |p| {
            format!(
                "H.264 {}, level {}, {}x{}, ",
                p.profile, p.level, p.width, p.height
            )
        });
        let by_kernel = match stats.dropped_by_kernel {
            0 => String::new(),
            dropped => format!(", {dropped} of them by the kernel"),
        };
        format!(
            "{}: {} pictures in {:.1} s, {format}{} bytes; \
             {} packets came, {} of them twice, {} late; {} lost{by_kernel}; {} pictures withheld",
            self.name,
            self.pictures,
            super::seconds(last - first),
            self.bytes,
            stats.packets,
            stats.duplicates,
            stats.late,
            stats.lost,
            stats.dropped.total(),
        )
    }
}

fn unwritable(name: &str, error: &std::io::Error) -> Trouble {
    Trouble::new(
        Exit::Machine,
        format_args!("cannot write {name}: {error}"),
        "choose another file, or make room",
    )
}
