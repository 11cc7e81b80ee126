//! The wish to end: Ctrl-C, and SIGTERM where there is such a thing.

use super::trouble::{Exit, Trouble};

/// Hears signals from its making on.
pub(crate) struct Shutdown {
    #[cfg(unix)]
    signals: [tokio::signal::unix::Signal; 2],
}

impl Shutdown {
    /// Needs a tokio runtime.
    #[cfg(unix)]
    pub(crate) fn listen() -> Result<Self, Trouble> {
        use tokio::signal::unix::{SignalKind, signal};
        let listen = |kind| {
            signal(kind).map_err(|error| {
                Trouble::new(
                    Exit::Machine,
                    format_args!("signals cannot be heard: {error}"),
                    "run with fewer restrictions",
                )
            })
        };
        Ok(Shutdown {
            signals: [listen(SignalKind::interrupt())?, listen(SignalKind::terminate())?],
        })
    }

    /// Resolves when the program was asked to end. Cancel safe.
    #[cfg(unix)]
    pub(crate) async fn requested(&mut self) {
        let [interrupt, terminate] = &mut self.signals;
        tokio::select! {
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
        }
    }

    #[cfg(not(unix))]
    #[expect(clippy::unnecessary_wraps, reason = "fails elsewhere")]
    pub(crate) fn listen() -> Result<Self, Trouble> {
        Ok(Shutdown {})
    }

    #[cfg(not(unix))]
    pub(crate) async fn requested(&mut self) {
        if tokio::signal::ctrl_c().await.is_err() {
            std::future::pending::<()>().await;
        }
    }
}
