//! The bare command: a camera, or the test camera, into a LiveKit room or the preview, until it is told to end.

use std::fmt::Write as _;
use std::ops::ControlFlow;

use livekit_bridge::engine::EngineError;
use livekit_bridge::engine::preview::{CameraStatus, Preview};
use livekit_bridge::engine::webrtc::{WebRtc, WebRtcOptions};
use livekit_bridge::{PassthroughEncoder, PublisherToken, Readiness};
use throughline_ingest::{AccessUnit, CameraStream, Config, Error, ErrorKind, Event, Item, Transport};
use throughline_mock_camera::MockCamera;
use tokio::sync::watch;

use super::advice;
use super::args::EngineArg;
use super::report::{Report, Tone};
use super::settings::{RoomSettings, RunSettings, Target};
use super::shutdown::Shutdown;
use super::trouble::{Exit, Trouble};
use super::verdict::{self, Problem};

pub(crate) async fn run(settings: RunSettings, report: &mut Report) -> Result<(), Trouble> {
    let mut shutdown = Shutdown::listen()?;
    let (config, mock) = camera(settings.camera).await?;
    let name = if mock.is_some() {
        "the built-in test camera".to_owned()
    } else {
        config.url.to_string()
    };
    report.line(Tone::Plain, &format!("camera: {name}"));
    let output = match settings.target {
        Target::Preview { listen } => preview(listen, report).await?,
        Target::Room(room) => publisher(room)?,
    };
    let mut relay = Relay {
        camera: CameraStream::open(config),
        status: CameraStatus {
            source: name,
            state: "connecting".to_owned(),
            ..CameraStatus::default()
        },
        output,
        force: settings.force,
        camera_trouble: Said::default(),
        room_trouble: Said::default(),
        told: Told::default(),
    };
    let ended = relay.carry(&mut shutdown, report).await;
    let (left, ()) = tokio::join!(relay.output.encoder.close(), relay.camera.close());
    if let Some(mock) = mock {
        mock.stop().await;
    }
    // Why the engine ended outranks what followed from that.
    left.map_err(|error| Trouble::from(&error))?;
    ended
}

async fn camera(config: Option<Config>) -> Result<(Config, Option<MockCamera>), Trouble> {
    if let Some(config) = config {
        return Ok((config, None));
    }
    let trouble =
        |error: &dyn std::fmt::Display| Trouble::new(Exit::Machine, error, "give the URL of a camera");
    let mock = MockCamera::builder()
        .start()
        .await
        .map_err(|error| trouble(&error))?;
    let config = Config::parse(&mock.url()).map_err(|error| trouble(&error))?;
    Ok((config, Some(mock)))
}

/// Where pictures go, and what is said of it.
struct Output {
    encoder: PassthroughEncoder,
    /// What the preview page shows of the camera.
    page: Option<watch::Sender<CameraStatus>>,
    /// The room's name and the identity in it.
    room: Option<(String, String)>,
    /// Told once, when there is something to watch.
    how_to_watch: Option<String>,
}

async fn preview(listen: std::net::SocketAddr, report: &mut Report) -> Result<Output, Trouble> {
    let preview = Preview::bind(listen)
        .await
        .map_err(|error| Trouble::from(&EngineError::from(error)))?;
    report.line(
        Tone::Good,
        &format!("preview: open {} in a browser (Ctrl-C ends)", preview.url()),
    );
    let page = Some(preview.camera_status());
    Ok(Output {
        encoder: PassthroughEncoder::start(preview),
        page,
        room: None,
        how_to_watch: None,
    })
}

fn publisher(settings: RoomSettings) -> Result<Output, Trouble> {
    let RoomSettings {
        url,
        token,
        track_name,
        ..
    } = settings;
    let room = Some((token.room().to_owned(), token.identity().to_owned()));
    let how_to_watch = Some(how_to_watch(&url, &token));
    let encoder = match settings.engine {
        EngineArg::Webrtc => {
            let engine = WebRtc::new(&url, token, WebRtcOptions { track_name });
            PassthroughEncoder::start(engine.map_err(|error| Trouble::from(&EngineError::from(error)))?)
        }
        #[cfg(feature = "libwebrtc")]
        EngineArg::Libwebrtc => PassthroughEncoder::start(livekit_bridge::engine::libwebrtc::LibWebRtc::new(
            &url, token, track_name,
        )),
    };
    Ok(Output {
        encoder,
        page: None,
        room,
        how_to_watch,
    })
}

/// With an API key at hand: a token that can do nothing but watch this room. In any case: where to paste one.
fn how_to_watch(url: &str, token: &PublisherToken) -> String {
    let viewer = match token.viewer_jwt("viewer") {
        Some(Ok(jwt)) => format!("token (12 h)        {jwt}"),
        _ => "token               one that may subscribe; it takes the API key and its secret to make one"
            .to_owned(),
    };
    format!(
        "to watch, open https://meet.livekit.io/?tab=custom and paste\n  LiveKit server URL  {url}\n  {viewer}\n"
    )
}

/// Carries pictures one way and the wish for key frames the other.
struct Relay {
    camera: CameraStream,
    output: Output,
    status: CameraStatus,
    force: bool,
    camera_trouble: Said,
    room_trouble: Said,
    told: Told,
}

/// What was said last: a camera that is away for a night is one line, not one for each retry.
#[derive(Default)]
struct Said(Option<String>);

impl Said {
    fn is_new(&mut self, text: &str) -> bool {
        let new = self.0.as_deref() != Some(text);
        if new {
            self.0 = Some(text.to_owned());
        }
        new
    }
}

/// What is told once and then only counted, for it may come back every minute.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Cause {
    Fallback(Transport, Transport, ErrorKind),
    Lossy,
    Delayed,
    Unreadable,
    ReceiveBuffer,
    KernelDrops,
}

/// The causes that were told of, each once: no more than there are.
#[derive(Default)]
struct Told(Vec<Cause>);

impl Told {
    fn is_new(&mut self, cause: Cause) -> bool {
        let new = !self.0.contains(&cause);
        if new {
            self.0.push(cause);
        }
        new
    }
}

impl Relay {
    async fn carry(&mut self, shutdown: &mut Shutdown, report: &mut Report) -> Result<(), Trouble> {
        let mut readiness = self.output.encoder.readiness();
        let mut ticks = tokio::time::interval(report.period());
        // A machine that slept has no use for the figures of the time between.
        ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Skip);
        ticks.reset();
        loop {
            tokio::select! {
                item = self.camera.next() => match self.take(item, report)? {
                    ControlFlow::Continue(()) => {}
                    ControlFlow::Break(()) => return Ok(()),
                },
                () = self.output.encoder.keyframe_requested() => {
                    self.output.encoder.clear_keyframe_request();
                    self.camera.request_keyframe();
                }
                Ok(()) = readiness.changed() => {
                    let now = readiness.borrow_and_update().clone();
                    if matches!(now, Readiness::Closed) {
                        return Ok(());
                    }
                    self.tell_readiness(&now, report)?;
                }
                _ = ticks.tick() => {
                    self.renew_page();
                    report.figures(&self.figures());
                }
                () = shutdown.requested() => return Ok(()),
            }
        }
    }

    fn take(
        &mut self,
        item: Option<Result<Item, Error>>,
        report: &mut Report,
    ) -> Result<ControlFlow<()>, Trouble> {
        match item {
            Some(Ok(Item::AccessUnit(unit))) => self.inject(unit)?,
            Some(Ok(Item::Event(event))) => self.tell(event, report),
            Some(Err(error)) => return Err(Trouble::from(&error)),
            None => return Ok(ControlFlow::Break(())),
        }
        Ok(ControlFlow::Continue(()))
    }

    fn inject(&mut self, unit: AccessUnit) -> Result<(), Trouble> {
        if !self.force {
            if unit.has_b_slice {
                return Err(verdict::b_frames().into());
            }
            if unit.is_idr
                && let Some(problem) = verdict::unsuited_profile(&unit.parameters)
            {
                return Err(problem.into());
            }
        }
        // What is dropped there is counted there.
        self.output.encoder.inject_frame(unit);
        Ok(())
    }

    fn tell(&mut self, event: Event, report: &mut Report) {
        tracing::info!(?event);
        match event {
            Event::Described(description) => self.status.server = description.server,
            Event::Playing { transport } => {
                self.camera_trouble = Said::default();
                "playing".clone_into(&mut self.status.state);
                report.line(Tone::Good, &format!("camera: playing over {transport}"));
            }
            Event::TransportFallback { from, to, reason } => {
                let kind = reason.kind();
                if self.told.is_new(Cause::Fallback(from, to, kind)) {
                    let remedy = advice::fallback(from, to, kind).remedy;
                    report.line(
                        Tone::Plain,
                        &format!("camera: {to} in place of {from}, for {reason}; {remedy}"),
                    );
                }
            }
            Event::NoPicture { missing, waited } => {
                self.tell_trouble(&advice::no_picture(missing, waited).to_string(), "", report);
            }
            Event::Lossy(loss) => {
                let transport = self.camera.stats().transport;
                self.advise(Cause::Lossy, &advice::lossy(transport, &loss), report);
            }
            Event::Delayed { delay, handling } => {
                self.advise(Cause::Delayed, &advice::delayed(delay, handling), report);
            }
            Event::Unreadable { unreadable, packets } => {
                self.advise(
                    Cause::Unreadable,
                    &advice::unreadable(unreadable, packets),
                    report,
                );
            }
            Event::ReceiveBuffer(buffer) => {
                self.advise(Cause::ReceiveBuffer, &advice::receive_buffer(&buffer), report);
            }
            Event::KernelDrops(drops) => {
                self.advise(Cause::KernelDrops, &advice::kernel_drops(&drops), report);
            }
            Event::Disconnected { error, retry_in } => {
                let trouble = Trouble::from(&error).to_string();
                self.tell_trouble(
                    &trouble,
                    &format!(" (trying again in {retry_in:.1?}, and so on)"),
                    report,
                );
            }
            _ => {}
        }
        self.renew_page();
    }

    fn advise(&mut self, cause: Cause, advice: &Problem, report: &mut Report) {
        if self.told.is_new(cause) {
            report.line(Tone::Plain, &format!("camera: {advice}"));
        }
    }

    fn tell_trouble(&mut self, trouble: &str, outlook: &str, report: &mut Report) {
        trouble.clone_into(&mut self.status.state);
        if self.camera_trouble.is_new(trouble) {
            report.line(Tone::Bad, &format!("camera: {trouble}{outlook}"));
        }
    }

    fn tell_readiness(&mut self, readiness: &Readiness, report: &mut Report) -> Result<(), Trouble> {
        let Some((room, identity)) = &self.output.room else {
            return Ok(());
        };
        match readiness {
            Readiness::Publishing => {
                self.room_trouble = Said::default();
                report.line(
                    Tone::Good,
                    &format!("publishing to the room `{room}` as `{identity}`"),
                );
                self.output
                    .how_to_watch
                    .take()
                    .map_or(Ok(()), |text| super::print(&text))
            }
            Readiness::Reconnecting { error, retry_in } => {
                let trouble = Trouble::from(error.as_ref()).to_string();
                if self.room_trouble.is_new(&trouble) {
                    report.line(
                        Tone::Bad,
                        &format!("{trouble} (trying again in {retry_in:.1?}, and so on)"),
                    );
                }
                Ok(())
            }
            _ => Ok(()),
        }
    }

    fn renew_page(&mut self) {
        let Some(page) = &self.output.page else { return };
        let stats = self.camera.stats();
        self.status.transport = stats.transport.map(|transport| transport.to_string());
        self.status.packets_received = stats.packets;
        self.status.packets_lost = stats.lost;
        self.status.jitter_ms = Some(stats.jitter.as_secs_f64() * 1000.0);
        page.send_replace(self.status.clone());
    }

    fn figures(&self) -> String {
        let (camera, encoder) = (self.camera.stats(), self.output.encoder.stats());
        let Some(format) = camera.parameters else {
            return "no picture yet".to_owned();
        };
        let mut text = format!("{}x{} {}", format.width, format.height, format.profile);
        // Writing to a String cannot fail.
        let _ = write!(
            text,
            " | {:.1} pictures/s | {}",
            camera.frame_rate.unwrap_or_default(),
            super::megabits(camera.bitrate.unwrap_or_default())
        );
        if let Some(pictures) = camera.group_of_pictures {
            let _ = write!(text, " | IDR every {pictures}");
        }
        let _ = write!(
            text,
            " | lost {} | dropped {}",
            camera.lost,
            camera.dropped.total() + encoder.dropped.total()
        );
        if let Some(viewers) = encoder.viewers {
            let _ = write!(text, " | viewers {viewers}");
        }
        if let Some(rtt) = encoder.transport.rtt {
            let _ = write!(text, " | rtt {:.0} ms", rtt.as_secs_f64() * 1000.0);
        }
        if camera.reconnects > 0 {
            let _ = write!(text, " | reconnects {}", camera.reconnects);
        }
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cause_is_told_once_however_often_it_comes_back() {
        let mut told = Told::default();
        let fallback = |reason| Cause::Fallback(Transport::Udp, Transport::Tcp, reason);
        for cause in [
            Cause::Lossy,
            Cause::Delayed,
            Cause::ReceiveBuffer,
            fallback(ErrorKind::NoMedia),
            fallback(ErrorKind::Lossy),
        ] {
            assert!(told.is_new(cause));
            assert!(!told.is_new(cause));
        }
    }

    #[test]
    fn a_camera_that_is_away_for_a_night_is_one_line() {
        let mut said = Said::default();
        assert!(said.is_new("connection refused"));
        assert!(!said.is_new("connection refused"));
        assert!(said.is_new("no connection"));
    }
}
