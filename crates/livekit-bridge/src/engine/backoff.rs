//! Pauses between attempts to join a room.

use std::ops::ControlFlow;
use std::sync::Arc;
use std::time::Duration;

use crate::encoder::Readiness;
use crate::engine::EngineError;
use crate::engine::rtc::random;
use crate::engine::webrtc::LiveKitError;
use crate::port::Port;

/// First pause: a server that was restarted is often back at once.
const FIRST: Duration = Duration::from_millis(300);

/// Longest pause: a camera should be back soon after its server is.
const LONGEST: Duration = Duration::from_secs(7);

/// Doubling pauses up to [`LONGEST`], with up to a quarter of jitter so that many cameras do not come back at once.
#[derive(Debug)]
pub(crate) struct Backoff {
    failures: u32,
}

impl Backoff {
    pub(crate) fn new() -> Self {
        Self { failures: 0 }
    }

    /// The connection stood: the next failure begins with the first pause.
    pub(crate) fn reset(&mut self) {
        self.failures = 0;
    }

    /// Tells the handle of `error` and waits until it is time to join again. `Break`: the handle was closed meanwhile.
    /// An error that waiting does not mend comes back as it is.
    pub(crate) async fn pause(
        &mut self,
        error: LiveKitError,
        port: &Port,
    ) -> Result<ControlFlow<()>, EngineError> {
        if error.is_terminal() {
            return Err(error.into());
        }
        let retry_in = self.next_pause();
        tracing::warn!(%error, ?retry_in, "joining LiveKit again");
        port.set_readiness(Readiness::Reconnecting {
            error: Arc::new(error.into()),
            retry_in,
        });
        tokio::select! {
            () = tokio::time::sleep(retry_in) => Ok(ControlFlow::Continue(())),
            () = port.closed() => Ok(ControlFlow::Break(())),
        }
    }

    fn next_pause(&mut self) -> Duration {
        let pause = FIRST.saturating_mul(1 << self.failures.min(10)).min(LONGEST);
        let parts = u32::try_from(random() % 256).unwrap_or_default();
        self.failures = self.failures.saturating_add(1);
        pause * (1024 - parts) / 1024
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_double_up_to_seven_seconds_and_begin_anew_after_success() {
        let mut backoff = Backoff::new();
        for nominal in [300, 600, 1200, 2400, 4800, 7000, 7000, 7000] {
            let pause = backoff.next_pause();
            let nominal = Duration::from_millis(nominal);
            assert!(
                pause <= nominal && pause >= nominal * 3 / 4,
                "{pause:?} for {nominal:?}"
            );
        }
        backoff.reset();
        assert!(backoff.next_pause() <= FIRST);
    }
}
