//! `throughline probe`: what a camera is, how it is reached, and whether viewers in a browser will see it.

use std::time::{Duration, Instant};

use throughline_h264::VideoParameters;
use throughline_ingest::{AccessUnit, CameraStats, CameraStream, Config, Described, ErrorKind, Event, Item};

use super::findings::Findings;
use super::shutdown::Shutdown;
use super::story::Story;
use super::trouble::{Exit, Trouble};

#[derive(Debug)]
pub(crate) struct ProbeSettings {
    pub(crate) camera: Config,
    pub(crate) json: bool,
    /// Counted from the first picture.
    pub(crate) duration: Duration,
}

/// Prints the findings on standard output, also where no picture came: they are what support wants to see. A camera that
/// is not ready is an error, so that scripts can tell.
pub(crate) async fn probe(settings: ProbeSettings) -> Result<(), Trouble> {
    let url = settings.camera.url.to_string();
    let heard = listen(settings.camera, settings.duration).await?;
    let trouble = heard.trouble.clone();
    let findings = Findings::new(url, heard);
    let text = if settings.json {
        findings.json()?
    } else {
        findings.text()
    };
    super::print(&text)?;
    if let Some((_, trouble)) = trouble {
        return Err(trouble);
    }
    match findings.problems().iter().find(|problem| problem.blocks) {
        Some(problem) => Err(Trouble::new(Exit::CameraContent, &problem.what, &problem.remedy)),
        None => Ok(()),
    }
}

/// What came of listening.
#[derive(Debug)]
pub(crate) struct Heard {
    pub(crate) story: Story,
    pub(crate) described: Option<Described>,
    pub(crate) seen: Option<Seen>,
    /// At the end.
    pub(crate) stats: CameraStats,
    /// Why nothing was seen.
    pub(crate) trouble: Option<(Option<ErrorKind>, Trouble)>,
}

/// Of the pictures.
#[derive(Debug)]
pub(crate) struct Seen {
    pub(crate) parameters: VideoParameters,
    /// At the latest picture: a connection that ended has no rates.
    pub(crate) stats: CameraStats,
    pub(crate) b_slices: bool,
    pub(crate) capture_time: bool,
    pub(crate) largest_idr: usize,
    newest_idr: i64,
    /// Ticks of 90 kHz from an IDR to the last picture seen before the next one, the longest. A group of pictures
    /// that is longer than the probe has no other measure.
    pub(crate) longest_wait: i64,
}

async fn listen(camera: Config, duration: Duration) -> Result<Heard, Trouble> {
    let mut shutdown = Shutdown::listen()?;
    let mut stream = CameraStream::open(camera);
    let mut story = Story::new(Instant::now());
    let (mut described, mut seen, mut error) = (None, None, None);
    let mut until: Option<Instant> = None;
    loop {
        let over = async {
            match until {
                Some(until) => tokio::time::sleep_until(until.into()).await,
                None => std::future::pending().await,
            }
        };
        let item = tokio::select! {
            item = stream.next() => item,
            () = over => break,
            () = shutdown.requested() => break,
        };
        let now = Instant::now();
        match item {
            Some(Ok(Item::AccessUnit(unit))) => {
                if seen.is_none() {
                    story.picture(now, &unit.parameters, stream.stats().requests);
                    until = Some(now + duration);
                }
                seen = Some(Seen::after(seen.take(), &unit, &stream.stats()));
            }
            Some(Ok(Item::Event(event))) => {
                tracing::info!(?event);
                story.tell(now, &event);
                if let Event::Described(description) = event {
                    described = Some(description);
                }
            }
            Some(Err(failure)) => {
                story.failed(now, &failure);
                error = Some(failure);
                break;
            }
            None => break,
        }
    }
    let stats = stream.stats();
    stream.close().await;
    // A camera that ends has still been heard.
    let trouble = match (&seen, error) {
        (Some(_), _) => None,
        (None, Some(error)) => Some((Some(error.kind()), Trouble::from(&error))),
        (None, None) => {
            let stopped = Trouble::new(Exit::Failed, "no picture was seen", "let the probe run longer");
            Some((None, stopped))
        }
    };
    Ok(Heard {
        story,
        described,
        seen,
        stats,
        trouble,
    })
}

impl Seen {
    pub(crate) fn after(before: Option<Seen>, unit: &AccessUnit, stats: &CameraStats) -> Self {
        let largest_idr = before.as_ref().map_or(0, |seen| seen.largest_idr);
        let newest_idr = match &before {
            Some(seen) if !unit.is_idr => seen.newest_idr,
            _ => unit.timestamp.0,
        };
        let longest_wait = before.as_ref().map_or(0, |seen| seen.longest_wait);
        Seen {
            parameters: unit.parameters,
            stats: *stats,
            b_slices: unit.has_b_slice || before.is_some_and(|seen| seen.b_slices),
            capture_time: unit.capture_time.is_some(),
            largest_idr: if unit.is_idr {
                largest_idr.max(unit.data.len())
            } else {
                largest_idr
            },
            newest_idr,
            longest_wait: longest_wait.max(unit.timestamp.0 - newest_idr),
        }
    }
}
