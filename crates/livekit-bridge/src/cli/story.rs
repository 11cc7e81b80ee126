//! The story of a camera's connection: what was tried, what was refused and why, and what came of it.

use std::fmt;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use serde::Serialize;
use throughline_ingest::{Described, Error, Event, Loss, Missing, ReceiveBuffer, Transport, VideoParameters};

use super::advice;
use super::verdict::Problem;

/// More is counted only: a probe may listen for a day, and somebody reads the story.
const MAX_MOMENTS: usize = 100;

/// Steps with their moments, in their order. A part of what `--json` prints: `story`.
#[derive(Debug)]
pub(crate) struct Story {
    start: Instant,
    pub(crate) moments: Vec<Moment>,
    /// What came after [`MAX_MOMENTS`].
    pub(crate) left_out: u64,
    advice: Vec<Problem>,
    transport: Option<Transport>,
}

/// One step.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub(crate) struct Moment {
    /// Seconds since the start, to the millisecond.
    at: f64,
    #[serde(flatten)]
    step: Step,
}

/// What happened. In JSON `step` names it, as `connecting`, `first_packet` and so on; durations are seconds, and a
/// `reason` is one of `ErrorKind`'s, in words. `Display` is a line for people.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(tag = "step", rename_all = "snake_case")]
pub(crate) enum Step {
    /// The name is resolved and an address connected to.
    Connecting {
        /// `host:port`.
        peer: String,
    },
    /// RTSP can begin, TLS and tunnel are up.
    Connected {
        /// Which of the host's addresses it was.
        address: SocketAddr,
        /// As in a URL: says whether there is TLS, and which tunnel.
        scheme: &'static str,
        took: f64,
    },
    /// DESCRIBE was answered, and H.264 is in it.
    Described {
        server: Option<String>,
        /// Encoding names.
        tracks: Vec<String>,
    },
    /// PLAY was answered.
    Playing { transport: String },
    /// The first RTP packet of the track came.
    FirstPacket,
    /// The first picture that can be decoded came.
    FirstPicture {
        width: u32,
        height: u32,
        /// RTSP requests that went out before it.
        requests: u64,
    },
    /// A transport did not do, another is tried.
    Fallback {
        from: String,
        to: String,
        reason: String,
        /// The whole error.
        error: String,
    },
    /// Packets come, but no picture out of them.
    NoPicture {
        /// `parameter_sets` or `idr`.
        missing: &'static str,
        waited: f64,
    },
    /// Pictures come late.
    Delayed { delay: f64 },
    /// Most pictures are lost.
    Lossy { lost: u64, expected: u64, over: f64 },
    /// Packets or payloads that cannot be read are passed over.
    Unreadable { unreadable: u64, packets: u64 },
    /// The kernel gave less than it was asked for, in bytes.
    ReceiveBuffer { asked: usize, granted: usize },
    /// The kernel dropped packets, for nobody read them in time.
    KernelDrops { dropped: u64 },
    /// The end of it, before the probe had listened as long as it should.
    Failed { reason: String, error: String },
}

impl Story {
    pub(crate) fn new(start: Instant) -> Self {
        Story {
            start,
            moments: Vec::new(),
            left_out: 0,
            advice: Vec::new(),
            transport: None,
        }
    }

    /// Keeps what an event tells. Requests for key frames are only counted, in the statistics.
    pub(crate) fn tell(&mut self, now: Instant, event: &Event) {
        let step = match event {
            Event::Connecting { peer } => Step::Connecting { peer: peer.clone() },
            Event::Connected {
                address,
                scheme,
                took,
            } => Step::Connected {
                address: *address,
                scheme: scheme.as_str(),
                took: seconds(*took),
            },
            Event::Described(description) => described(description),
            Event::Playing { transport } => {
                self.transport = Some(*transport);
                Step::Playing {
                    transport: name(*transport),
                }
            }
            Event::FirstPacket => Step::FirstPacket,
            Event::TransportFallback { from, to, reason } => {
                self.advise(advice::fallback(*from, *to, reason.kind()));
                Step::Fallback {
                    from: name(*from),
                    to: name(*to),
                    reason: reason.kind().to_string(),
                    error: reason.to_string(),
                }
            }
            Event::NoPicture { missing, waited } => {
                self.advise(advice::no_picture(*missing, *waited));
                Step::NoPicture {
                    missing: match missing {
                        Missing::ParameterSets => "parameter_sets",
                        Missing::Idr => "idr",
                    },
                    waited: seconds(*waited),
                }
            }
            Event::Delayed { delay, handling } => {
                self.advise(advice::delayed(*delay, *handling));
                Step::Delayed {
                    delay: seconds(*delay),
                }
            }
            Event::Lossy(loss) => {
                self.advise(advice::lossy(self.transport, loss));
                lossy(loss)
            }
            Event::Unreadable { unreadable, packets } => {
                let (unreadable, packets) = (*unreadable, *packets);
                self.advise(advice::unreadable(unreadable, packets));
                Step::Unreadable { unreadable, packets }
            }
            Event::ReceiveBuffer(buffer) => {
                self.advise(advice::receive_buffer(buffer));
                let ReceiveBuffer { asked, granted } = *buffer;
                Step::ReceiveBuffer { asked, granted }
            }
            Event::KernelDrops(drops) => {
                self.advise(advice::kernel_drops(drops));
                Step::KernelDrops {
                    dropped: drops.dropped,
                }
            }
            _ => return,
        };
        self.add(now, step);
    }

    /// The first picture.
    pub(crate) fn picture(&mut self, now: Instant, parameters: &VideoParameters, requests: u64) {
        let (width, height) = (parameters.width, parameters.height);
        let step = Step::FirstPicture {
            width,
            height,
            requests,
        };
        self.add(now, step);
    }

    pub(crate) fn failed(&mut self, now: Instant, error: &Error) {
        let (reason, error) = (error.kind().to_string(), error.to_string());
        // The end is worth more than what went before it.
        if self.moments.len() == MAX_MOMENTS {
            self.moments.pop();
            self.left_out += 1;
        }
        self.add(now, Step::Failed { reason, error });
    }

    /// What to set on the camera, the network or this machine; no two are the same.
    pub(crate) fn advice(&self) -> &[Problem] {
        &self.advice
    }

    fn advise(&mut self, advice: Problem) {
        // Those that differ in a number only say the same.
        let is_new = self.advice.iter().all(|known| known.remedy != advice.remedy);
        if is_new {
            self.advice.push(advice);
        }
    }

    fn add(&mut self, now: Instant, step: Step) {
        if self.moments.len() == MAX_MOMENTS {
            self.left_out += 1;
            return;
        }
        let at = seconds(now.saturating_duration_since(self.start));
        self.moments.push(Moment { at, step });
    }
}

fn described(description: &Described) -> Step {
    Step::Described {
        server: description.server.clone(),
        tracks: description
            .tracks
            .iter()
            .map(|track| track.encoding.clone())
            .collect(),
    }
}

fn lossy(loss: &Loss) -> Step {
    Step::Lossy {
        lost: loss.lost,
        expected: loss.expected,
        over: seconds(loss.over),
    }
}

/// `tcp`, `udp`, `multicast`.
pub(crate) fn name(transport: Transport) -> String {
    transport.to_string().to_lowercase()
}

/// To the millisecond: more is noise.
fn seconds(duration: Duration) -> f64 {
    (duration.as_secs_f64() * 1000.0).round() / 1000.0
}

impl Moment {
    /// Characters before the step in its line.
    pub(crate) const INDENT: usize = 10;

    pub(crate) fn is_described(&self) -> bool {
        matches!(self.step, Step::Described { .. })
    }
}

impl fmt::Display for Moment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:7.3} s {}", self.at, self.step)
    }
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Step::Connecting { peer } => write!(f, "connecting to {peer}"),
            Step::Connected {
                address,
                scheme,
                took,
            } => {
                let millis = took * 1000.0;
                write!(f, "connected to {address} as {scheme}:// in {millis:.0} ms")
            }
            Step::Described { server, tracks } => {
                write!(f, "described: {}", tracks.join(", "))?;
                match server {
                    Some(server) => write!(f, " by {server}"),
                    None => Ok(()),
                }
            }
            Step::Playing { transport } => write!(f, "playing over {transport}"),
            Step::FirstPacket => f.write_str("first packet"),
            Step::FirstPicture {
                width,
                height,
                requests,
            } => write!(f, "first picture, {width}x{height}, after {requests} requests"),
            Step::Fallback { from, to, error, .. } => write!(f, "{to} in place of {from}: {error}"),
            Step::NoPicture { missing, waited } => {
                let missing = match *missing {
                    "idr" => "no IDR picture",
                    _ => "no SPS and PPS",
                };
                write!(f, "{missing} for {waited} s")
            }
            Step::Delayed { delay } => write!(f, "pictures come {delay} s late"),
            Step::Lossy { lost, expected, over } => {
                write!(f, "{lost} of {expected} packets lost in {over} s")
            }
            Step::Unreadable { unreadable, packets } => {
                write!(f, "{unreadable} of {packets} packets cannot be read")
            }
            Step::ReceiveBuffer { asked, granted } => write!(
                f,
                "receive buffer of {} KiB in place of {} KiB",
                granted / 1024,
                asked / 1024
            ),
            Step::KernelDrops { dropped } => write!(f, "the kernel dropped {dropped} packets"),
            Step::Failed { error, .. } => write!(f, "failed: {error}"),
        }
    }
}
