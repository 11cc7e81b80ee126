use crate::tolerance::Tolerance;
use crate::{MAX_INPUT, MAX_LINES, MAX_MEDIA};

/// Why bytes could not be read as a session description.
///
/// With the default [`Policy`](crate::Policy) only the limits and [`ParseError::NotADescription`] remain: whatever
/// else is wrong with a line costs that line alone. No message quotes the input, which may hold keys or passwords.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ParseError {
    /// The input is longer than [`MAX_INPUT`].
    #[error("session description of {length} bytes is over the limit of {MAX_INPUT}")]
    TooLong {
        /// Bytes in the input.
        length: usize,
    },
    /// The input has more than [`MAX_LINES`] lines.
    #[error("session description has more than {MAX_LINES} lines")]
    TooManyLines,
    /// The input has more than [`MAX_MEDIA`] `m=` lines.
    #[error("session description line {line}: more than {MAX_MEDIA} media descriptions")]
    TooManyMedia {
        /// The line of the first `m=` past the limit, counted from 1.
        line: usize,
    },
    /// Not one line has the form `x=...`: an HTML page, an empty body, another format.
    #[error("no session description in {length} bytes: no line of the form <type>=<value>")]
    NotADescription {
        /// Bytes in the input.
        length: usize,
    },
    /// A line bends a rule that the [`Policy`](crate::Policy) holds to.
    #[error("session description line {line}: {tolerance}")]
    NotTolerated {
        /// The rule.
        tolerance: Tolerance,
        /// The line, counted from 1.
        line: usize,
    },
}
