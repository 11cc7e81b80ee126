//! `throughline probe`: what a camera is, and whether viewers in a browser will see it.

use std::fmt::Write as _;
use std::time::{Duration, Instant};

use serde::Serialize;
use throughline_h264::VideoParameters;
use throughline_ingest::{AccessUnit, CameraStats, CameraStream, Config, Described, Event, Item};

use super::report;
use super::shutdown::Shutdown;
use super::trouble::{Exit, Trouble};
use super::verdict::{self, Problem};

#[derive(Debug)]
pub(crate) struct ProbeSettings {
    pub(crate) camera: Config,
    pub(crate) json: bool,
    /// Counted from the first picture.
    pub(crate) duration: Duration,
}

/// Prints the findings on standard output. A camera that is not ready is an error, so that scripts can tell.
pub(crate) async fn probe(settings: ProbeSettings) -> Result<(), Trouble> {
    let url = settings.camera.url.to_string();
    let heard = listen(settings.camera, settings.duration).await?;
    let findings = Findings::new(url, &heard);
    let text = if settings.json {
        findings.json()?
    } else {
        findings.text()
    };
    super::print(&text)?;
    match findings.problems.iter().find(|problem| problem.blocks) {
        Some(problem) => Err(Trouble::new(Exit::CameraContent, &problem.what, problem.remedy)),
        None => Ok(()),
    }
}

struct Heard {
    described: Option<Described>,
    parameters: VideoParameters,
    stats: CameraStats,
    b_slices: bool,
    capture_time: bool,
    largest_idr: usize,
    newest_idr: i64,
    /// Ticks of 90 kHz from an IDR to the last picture seen before the next one, the longest. A group of pictures
    /// that is longer than the probe has no other measure.
    longest_wait: i64,
}

async fn listen(camera: Config, duration: Duration) -> Result<Heard, Trouble> {
    let mut shutdown = Shutdown::listen()?;
    let mut stream = CameraStream::open(camera);
    let mut described = None;
    let mut heard: Option<Heard> = None;
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
        match item {
            Some(Ok(Item::AccessUnit(unit))) => {
                until.get_or_insert_with(|| Instant::now() + duration);
                add(&mut heard, &unit, &stream.stats());
            }
            Some(Ok(Item::Event(Event::Described(description)))) => described = Some(description),
            Some(Ok(Item::Event(event))) => tracing::info!(?event),
            // A camera that ends has still been heard.
            Some(Err(error)) if heard.is_none() => return Err(Trouble::from(&error)),
            Some(Err(_)) | None => break,
        }
    }
    stream.close().await;
    let heard =
        heard.ok_or_else(|| Trouble::new(Exit::Failed, "no picture was seen", "let the probe run longer"))?;
    Ok(Heard { described, ..heard })
}

fn add(heard: &mut Option<Heard>, unit: &AccessUnit, stats: &CameraStats) {
    let before = heard.take();
    let largest_idr = before.as_ref().map_or(0, |heard| heard.largest_idr);
    let newest_idr = match &before {
        Some(heard) if !unit.is_idr => heard.newest_idr,
        _ => unit.timestamp.0,
    };
    let longest_wait = before.as_ref().map_or(0, |heard| heard.longest_wait);
    *heard = Some(Heard {
        described: None,
        parameters: unit.parameters,
        stats: *stats,
        b_slices: unit.has_b_slice || before.as_ref().is_some_and(|heard| heard.b_slices),
        capture_time: unit.capture_time.is_some(),
        largest_idr: if unit.is_idr {
            largest_idr.max(unit.data.len())
        } else {
            largest_idr
        },
        newest_idr,
        longest_wait: longest_wait.max(unit.timestamp.0 - newest_idr),
    });
}

/// What `--json` prints. Names are stable.
#[derive(Serialize)]
struct Findings {
    url: String,
    ready: bool,
    problems: Vec<Problem>,
    server: Option<String>,
    session_name: Option<String>,
    /// Encoding names of all tracks, in the description's order.
    tracks: Vec<String>,
    transport: Option<String>,
    codec: &'static str,
    profile: String,
    level: String,
    profile_level_id: String,
    width: u32,
    height: u32,
    /// Measured, pictures a second.
    frame_rate: Option<f64>,
    /// What the SPS says.
    declared_frame_rate: Option<f64>,
    /// Measured, bits a second.
    bitrate: Option<u64>,
    /// Pictures from IDR to IDR; `null`: fewer than two were seen.
    group_of_pictures: Option<u32>,
    largest_idr_bytes: usize,
    b_frames: bool,
    /// Whether sender reports say when pictures were taken.
    capture_time: bool,
    packets: u64,
    packets_lost: u64,
    jitter_ms: f64,
    /// What the camera does against the standards.
    tolerated: Vec<String>,
}

impl Findings {
    fn new(url: String, heard: &Heard) -> Self {
        let (parameters, stats) = (heard.parameters, heard.stats);
        let longest_wait = super::seconds(heard.longest_wait);
        let mut problems = Vec::new();
        problems.extend(heard.b_slices.then(verdict::b_frames));
        problems.extend(verdict::unsuited_profile(&parameters));
        problems.extend(verdict::drawbacks(&parameters, longest_wait, stats.lost));
        let described = heard.described.as_ref();
        Findings {
            url,
            ready: !problems.iter().any(|problem| problem.blocks),
            problems,
            server: described.and_then(|d| d.server.clone()),
            session_name: described.and_then(|d| d.session_name.clone()),
            tracks: described.map_or_else(Vec::new, |d| {
                d.tracks.iter().map(|t| t.encoding.clone()).collect()
            }),
            transport: stats
                .transport
                .map(|transport| transport.to_string().to_lowercase()),
            codec: "H.264",
            profile: parameters.profile.to_string(),
            level: parameters.level.to_string(),
            profile_level_id: parameters.profile_level_id().to_string(),
            width: parameters.width,
            height: parameters.height,
            frame_rate: stats.frame_rate,
            declared_frame_rate: parameters.frame_rate,
            bitrate: stats.bitrate,
            group_of_pictures: stats.group_of_pictures,
            largest_idr_bytes: heard.largest_idr,
            b_frames: heard.b_slices,
            capture_time: heard.capture_time,
            packets: stats.packets,
            packets_lost: stats.lost,
            jitter_ms: stats.jitter.as_secs_f64() * 1000.0,
            tolerated: stats.tolerated.lines().collect(),
        }
    }

    fn json(&self) -> Result<String, Trouble> {
        serde_json::to_string_pretty(self)
            .map(|json| json + "\n")
            .map_err(|error| Trouble::new(Exit::Failed, error, "leave --json out"))
    }

    fn text(&self) -> String {
        let or_unknown = |text: Option<String>| text.unwrap_or_else(|| "not seen".to_owned());
        let rows = [
            ("camera", self.url.clone()),
            ("server", or_unknown(self.server.clone())),
            ("name", or_unknown(self.session_name.clone())),
            ("tracks", self.tracks.join(", ")),
            ("transport", or_unknown(self.transport.clone())),
            (
                "codec",
                format!(
                    "{} {}, level {} ({})",
                    self.codec, self.profile, self.level, self.profile_level_id
                ),
            ),
            ("size", format!("{}x{}", self.width, self.height)),
            (
                "frame rate",
                or_unknown(self.frame_rate.map(|rate| format!("{rate:.1} pictures a second"))),
            ),
            ("bitrate", or_unknown(self.bitrate.map(super::megabits))),
            (
                "IDR every",
                or_unknown(
                    self.group_of_pictures
                        .map(|pictures| format!("{pictures} pictures")),
                ),
            ),
            ("largest IDR", format!("{} bytes", self.largest_idr_bytes)),
            ("B-frames", if self.b_frames { "yes" } else { "no" }.to_owned()),
            (
                "capture time",
                if self.capture_time { "yes" } else { "not seen" }.to_owned(),
            ),
            (
                "packets",
                format!(
                    "{}, {} lost, jitter {:.1} ms",
                    self.packets, self.packets_lost, self.jitter_ms
                ),
            ),
        ];
        let mut text = String::new();
        for (name, value) in rows {
            // Writing to a String cannot fail.
            let _ = writeln!(text, "{name:<13} {}", report::printable(&value));
        }
        for tolerated in &self.tolerated {
            let _ = writeln!(text, "{:<13} {tolerated}", "tolerated");
        }
        for problem in &self.problems {
            let _ = writeln!(
                text,
                "{:<13} {}; {}",
                if problem.blocks { "PROBLEM" } else { "note" },
                problem.what,
                problem.remedy
            );
        }
        let _ = writeln!(
            text,
            "{:<13} {}",
            "verdict",
            if self.ready {
                "ready for LiveKit"
            } else {
                "not ready for LiveKit"
            }
        );
        text
    }
}
