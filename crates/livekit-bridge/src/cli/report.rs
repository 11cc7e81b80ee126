//! What people see on standard error: lines that stay, and on a terminal one line of figures that is renewed in place.

use std::io::{IsTerminal, Write};

/// How often the figures are renewed on a terminal, and how often they are logged elsewhere.
const LIVE_SECONDS: u64 = 1;
const LOGGED_SECONDS: u64 = 5;

/// Around the figures: a line broken at the terminal's edge could not be renewed in place.
const WRAP_OFF: &str = "\x1b[?7l";
const WRAP_ON: &str = "\x1b[?7h";

/// Writes to standard error. Nothing that goes through here may hold a credential.
pub(crate) struct Report {
    /// Figures are renewed in place. Not with `-v`: log lines would run into them.
    live: bool,
    colours: bool,
    figures_shown: bool,
}

/// Whether standard error shows colours: a terminal does, unless its user does not want that (<https://no-color.org>).
pub(crate) fn colours() -> bool {
    std::io::stderr().is_terminal() && std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty())
}

/// Without what would steer a terminal: cameras and servers choose some of the words.
pub(crate) fn printable(text: &str) -> String {
    text.replace(char::is_control, " ")
}

/// How lines are marked.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Tone {
    Plain,
    Good,
    Bad,
}

impl Report {
    /// `verbosity` counts the `-v`.
    pub(crate) fn new(verbosity: u8) -> Self {
        Report {
            live: verbosity == 0 && std::io::stderr().is_terminal(),
            colours: colours(),
            figures_shown: false,
        }
    }

    /// How often [`figures`](Self::figures) is worth calling.
    pub(crate) fn period(&self) -> std::time::Duration {
        std::time::Duration::from_secs(if self.live { LIVE_SECONDS } else { LOGGED_SECONDS })
    }

    /// A line that stays.
    pub(crate) fn line(&mut self, tone: Tone, text: &str) {
        let colour = match tone {
            _ if !self.colours => None,
            Tone::Plain => None,
            Tone::Good => Some(32),
            Tone::Bad => Some(31),
        };
        let text = printable(text);
        self.erase_figures();
        match colour {
            Some(code) => self.write(&format!("\x1b[{code}m{text}\x1b[0m\n")),
            None => self.write(&format!("{text}\n")),
        }
    }

    /// The line of figures: renewed in place on a terminal, a plain line elsewhere.
    pub(crate) fn figures(&mut self, text: &str) {
        self.erase_figures();
        if self.live {
            self.write(&format!("{WRAP_OFF}{text}{WRAP_ON}"));
            self.figures_shown = true;
        } else {
            self.write(&format!("{text}\n"));
        }
    }

    fn erase_figures(&mut self) {
        if std::mem::take(&mut self.figures_shown) {
            self.write("\r\x1b[2K");
        }
    }

    /// Nobody is left to tell when standard error is closed, so a failed write is nobody's news.
    #[expect(clippy::unused_self, reason = "all writing goes through the one report")]
    fn write(&self, text: &str) {
        let mut out = std::io::stderr().lock();
        let _ = out.write_all(text.as_bytes());
        let _ = out.flush();
    }
}

impl Drop for Report {
    fn drop(&mut self) {
        if self.figures_shown {
            self.write("\n");
        }
    }
}
