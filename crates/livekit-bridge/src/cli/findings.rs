//! What a probe found out, for people and as JSON.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use serde::Serialize;
use throughline_ingest::{CameraStats, DroppedPictures, ErrorKind, ReceiveBuffer, Warnings};

use super::probe::{Heard, Seen};
use super::report;
use super::story::{self, Moment};
use super::trouble::{Exit, Trouble};
use super::verdict::{self, Problem};

/// Text is broken here, for a terminal or a mail; a word that is longer, a fingerprint for one, stays whole.
const COLUMNS: usize = 100;
/// Where the values begin.
const INDENT: usize = 14;

/// What `--json` prints. Names are stable, and what is not known is `null`, but for [`Picture`]'s, which are missing where
/// no picture was seen. No secret is in it: URLs are without credentials.
#[derive(Debug, Serialize)]
pub(crate) struct Findings {
    url: String,
    /// Viewers will see this camera.
    ready: bool,
    /// Why there was no picture at all.
    error: Option<Failure>,
    /// Of the content: what keeps viewers from seeing it (`blocks`), or makes it worse than it needs to be.
    problems: Vec<Problem>,
    /// Of the way to here: what to set on the camera, on a firewall or on this machine. Never `blocks`.
    advice: Vec<Problem>,
    /// What the camera's RTSP server calls itself.
    server: Option<String>,
    session_name: Option<String>,
    /// Encoding names of all tracks, in the description's order.
    tracks: Vec<String>,
    /// `tcp`, `udp` or `multicast`: what the pictures came over.
    transport: Option<String>,
    /// SRTP's suite, such as `AES_CM_128_HMAC_SHA1_80`; `null`: the packets are not encrypted.
    srtp: Option<String>,
    #[serde(flatten)]
    picture: Option<Picture>,
    #[serde(flatten)]
    counts: Counts,
    /// What the camera does against the standards.
    tolerated: Vec<String>,
    /// What happened, in its order: `at` in seconds since the start, `step`, and what belongs to the step.
    story: Vec<Moment>,
    /// Moments that the story has no room for.
    story_left_out: u64,
}

/// What ended the probe before there was a picture.
#[derive(Debug, Serialize)]
struct Failure {
    /// What kind, in words that do not change: `connection refused`, `no packet` and so on; `null`: it was stopped.
    reason: Option<String>,
    what: String,
    remedy: String,
    /// Of this program.
    exit_code: u8,
}

/// Of the pictures that were seen.
#[derive(Debug, Serialize)]
struct Picture {
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
}

/// Over all connections of the probe.
#[derive(Debug, Serialize)]
struct Counts {
    /// RTP packets of the video that came, those that came twice or late among them.
    packets: u64,
    /// Packets that never came, or too late.
    packets_lost: u64,
    /// Those of them that reached this machine, whose kernel dropped them. Linux only.
    packets_dropped_by_kernel: u64,
    packets_late: u64,
    packets_twice: u64,
    packets_reordered: u64,
    /// Of other senders, channels or payload types.
    packets_foreign: u64,
    /// Packets and payloads that cannot be read.
    packets_unreadable: u64,
    /// Of SRTP, that its keys do not open.
    packets_undecryptable: u64,
    jitter_ms: f64,
    /// Given out.
    pictures: u64,
    /// Pictures that came at least in part and were not given out, and why.
    pictures_withheld: Withheld,
    keyframe_requests: u64,
    /// Moves to another transport; the story says which and why.
    fallbacks: u32,
    /// Connections that failed, by their `reason`. Going on over another transport is none.
    failures: BTreeMap<String, u32>,
    /// How often something was not as it should be.
    warnings: Warned,
    /// In bytes, for UDP: what was asked of the kernel, and what it gave.
    receive_buffer: Option<Buffer>,
}

/// Pictures that were not given out.
#[derive(Debug, Serialize)]
struct Withheld {
    /// Before the first IDR.
    waiting_for_idr: u64,
    missing_parameter_sets: u64,
    damaged: u64,
    reference_missing: u64,
    oversized: u64,
    delayed: u64,
}

/// How often a watchdog barked.
#[derive(Debug, Serialize)]
struct Warned {
    no_picture: u32,
    delayed: u32,
    lossy: u32,
    unreadable: u32,
}

/// Bytes of a receive buffer.
#[derive(Debug, Serialize)]
struct Buffer {
    asked: usize,
    granted: usize,
}

impl Findings {
    pub(crate) fn new(url: String, heard: Heard) -> Self {
        let picture = heard.seen.as_ref().map(Picture::new);
        let stats = heard.stats;
        // While it played; at the end nothing is in use.
        let last = heard.seen.as_ref().map(|seen| seen.stats).unwrap_or_default();
        let problems = heard
            .seen
            .as_ref()
            .map_or_else(Vec::new, |seen| problems(seen, stats.lost));
        let described = heard.described;
        Findings {
            url,
            ready: picture.is_some() && !problems.iter().any(|problem| problem.blocks),
            error: heard.trouble.map(|(kind, trouble)| Failure::new(kind, trouble)),
            problems,
            advice: heard.story.advice().to_vec(),
            server: described.as_ref().and_then(|d| d.server.clone()),
            session_name: described.as_ref().and_then(|d| d.session_name.clone()),
            tracks: described.map_or_else(Vec::new, |d| {
                d.tracks.into_iter().map(|track| track.encoding).collect()
            }),
            transport: last.transport.map(story::name),
            srtp: last.srtp.map(|suite| suite.to_string()),
            picture,
            counts: Counts::new(&stats),
            tolerated: stats.tolerated.lines().collect(),
            story_left_out: heard.story.left_out,
            story: heard.story.moments,
        }
    }

    pub(crate) fn problems(&self) -> &[Problem] {
        &self.problems
    }

    pub(crate) fn json(&self) -> Result<String, Trouble> {
        serde_json::to_string_pretty(self)
            .map(|json| json + "\n")
            .map_err(|error| Trouble::new(Exit::Failed, error, "leave --json out"))
    }

    pub(crate) fn text(&self) -> String {
        let mut text = String::new();
        row(&mut text, "camera", &self.url);
        if self.story.iter().any(Moment::is_described) {
            row(&mut text, "server", or_unknown(self.server.as_ref()));
            row(&mut text, "name", or_unknown(self.session_name.as_ref()));
            row(&mut text, "tracks", &self.tracks.join(", "));
        }
        if let Some(picture) = &self.picture {
            row(&mut text, "transport", or_unknown(self.transport.as_ref()));
            if let Some(suite) = &self.srtp {
                row(&mut text, "SRTP", suite);
            }
            picture.rows(&mut text);
        }
        if self.counts.packets > 0 {
            self.counts.rows(&mut text);
        }
        for tolerated in &self.tolerated {
            row(&mut text, "tolerated", tolerated);
        }
        for (index, moment) in self.story.iter().enumerate() {
            let name = if index == 0 { "story" } else { "" };
            hanging_row(&mut text, name, &moment.to_string(), Moment::INDENT);
        }
        if self.story_left_out > 0 {
            row(&mut text, "", &format!("and {} more", self.story_left_out));
        }
        for problem in self.problems.iter().chain(&self.advice) {
            let name = if problem.blocks { "PROBLEM" } else { "note" };
            row(&mut text, name, &problem.to_string());
        }
        let verdict = if self.ready {
            "ready for LiveKit"
        } else {
            "not ready for LiveKit"
        };
        row(&mut text, "verdict", verdict);
        text
    }
}

fn problems(seen: &Seen, packets_lost: u64) -> Vec<Problem> {
    let mut problems = Vec::new();
    problems.extend(seen.b_slices.then(verdict::b_frames));
    problems.extend(verdict::unsuited_profile(&seen.parameters));
    problems.extend(verdict::drawbacks(
        &seen.parameters,
        super::seconds(seen.longest_wait),
        packets_lost,
        seen.stats.transport,
    ));
    problems
}

impl Failure {
    fn new(kind: Option<ErrorKind>, trouble: Trouble) -> Self {
        Failure {
            reason: kind.map(|kind| kind.to_string()),
            exit_code: trouble.exit as u8,
            what: trouble.what,
            remedy: trouble.remedy,
        }
    }
}

impl Picture {
    fn new(seen: &Seen) -> Self {
        let (parameters, stats) = (seen.parameters, seen.stats);
        Picture {
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
            largest_idr_bytes: seen.largest_idr,
            b_frames: seen.b_slices,
            capture_time: seen.capture_time,
        }
    }

    fn rows(&self, text: &mut String) {
        let Picture {
            codec,
            profile,
            level,
            profile_level_id,
            ..
        } = self;
        let frame_rate = self.frame_rate.map(|rate| format!("{rate:.1} pictures a second"));
        let bitrate = self.bitrate.map(super::megabits);
        let group = self
            .group_of_pictures
            .map(|pictures| format!("{pictures} pictures"));
        row(
            text,
            "codec",
            &format!("{codec} {profile}, level {level} ({profile_level_id})"),
        );
        row(text, "size", &format!("{}x{}", self.width, self.height));
        row(text, "frame rate", or_unknown(frame_rate.as_ref()));
        row(text, "bitrate", or_unknown(bitrate.as_ref()));
        row(text, "IDR every", or_unknown(group.as_ref()));
        row(text, "largest IDR", &format!("{} bytes", self.largest_idr_bytes));
        row(text, "B-frames", if self.b_frames { "yes" } else { "no" });
        row(
            text,
            "capture time",
            if self.capture_time { "yes" } else { "not seen" },
        );
    }
}

impl Counts {
    fn new(stats: &CameraStats) -> Self {
        let DroppedPictures {
            waiting_for_idr,
            missing_parameter_sets,
            damaged,
            reference_missing,
            oversized,
            delayed,
            ..
        } = stats.dropped;
        let Warnings {
            no_picture,
            delayed: late,
            lossy,
            unreadable,
            ..
        } = stats.warnings;
        Counts {
            packets: stats.packets,
            packets_lost: stats.lost,
            packets_dropped_by_kernel: stats.dropped_by_kernel,
            packets_late: stats.late,
            packets_twice: stats.duplicates,
            packets_reordered: stats.reordered,
            packets_foreign: stats.foreign,
            packets_unreadable: stats.malformed + stats.unreadable_payloads,
            packets_undecryptable: stats.undecryptable,
            jitter_ms: stats.jitter.as_secs_f64() * 1000.0,
            pictures: stats.access_units,
            pictures_withheld: Withheld {
                waiting_for_idr,
                missing_parameter_sets,
                damaged,
                reference_missing,
                oversized,
                delayed,
            },
            keyframe_requests: stats.keyframe_requests,
            fallbacks: stats.fallbacks.count,
            failures: ErrorKind::ALL
                .into_iter()
                .map(|kind| (kind.to_string(), stats.failures.of(kind)))
                .filter(|(_, count)| *count > 0)
                .collect(),
            warnings: Warned {
                no_picture,
                delayed: late,
                lossy,
                unreadable,
            },
            receive_buffer: stats
                .receive_buffer
                .map(|ReceiveBuffer { asked, granted }| Buffer { asked, granted }),
        }
    }

    fn rows(&self, text: &mut String) {
        let mut packets = format!("{} came", self.packets);
        for (count, what) in [
            (self.packets_twice, "of them twice"),
            (self.packets_late, "late"),
            (self.packets_reordered, "out of order"),
            (self.packets_unreadable, "unreadable"),
            (self.packets_undecryptable, "not opened by their keys"),
            (self.packets_foreign, "foreign"),
        ] {
            if count > 0 {
                // Writing to a String cannot fail.
                let _ = write!(packets, ", {count} {what}");
            }
        }
        let _ = write!(packets, "; {} lost", self.packets_lost);
        if self.packets_dropped_by_kernel > 0 {
            let _ = write!(
                packets,
                ", {} of them by the kernel",
                self.packets_dropped_by_kernel
            );
        }
        let _ = write!(packets, "; jitter {:.1} ms", self.jitter_ms);
        row(text, "packets", &packets);
        let reasons: Vec<String> = self.pictures_withheld.reasons();
        let withheld = if reasons.is_empty() {
            "none withheld".to_owned()
        } else {
            format!("withheld: {}", reasons.join(", "))
        };
        row(
            text,
            "pictures",
            &format!("{} given out; {withheld}", self.pictures),
        );
        if self.keyframe_requests > 0 {
            row(
                text,
                "key frames",
                &format!("asked for {} times", self.keyframe_requests),
            );
        }
    }
}

impl Withheld {
    fn reasons(&self) -> Vec<String> {
        [
            (self.waiting_for_idr, "before the first IDR"),
            (self.missing_parameter_sets, "without SPS or PPS"),
            (self.damaged, "damaged"),
            (self.reference_missing, "refer to a lost one"),
            (self.oversized, "too large"),
            (self.delayed, "too late"),
        ]
        .into_iter()
        .filter(|(count, _)| *count > 0)
        .map(|(count, why)| format!("{count} {why}"))
        .collect()
    }
}

fn or_unknown(text: Option<&String>) -> &str {
    text.map_or("not seen", String::as_str)
}

fn row(text: &mut String, name: &str, value: &str) {
    hanging_row(text, name, value, 0);
}

/// A name and its value, broken between words; `hang`: how much further in its other lines are.
fn hanging_row(text: &mut String, name: &str, value: &str, hang: usize) {
    let value = report::printable(value);
    // Spaces that line figures up stay.
    let lead = value.len() - value.trim_start().len();
    let _ = write!(text, "{name:<INDENT$}{:lead$}", "");
    let (mut column, mut first) = (INDENT + lead, true);
    for word in value.trim_start().split(' ') {
        let width = word.chars().count();
        if !first && column + 1 + width > COLUMNS {
            column = INDENT + hang;
            let _ = write!(text, "\n{:column$}", "");
        } else if !first {
            text.push(' ');
            column += 1;
        }
        text.push_str(word);
        column += width;
        first = false;
    }
    text.push('\n');
}

#[cfg(test)]
mod tests;
