//! Where the conversation is.

/// Where the conversation is. Only in the four in the middle is there a connection to speak on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum State {
    /// Nothing has been asked for; `start` asks for a connection.
    New,
    /// A connection has been asked for; when there is one, the first step goes out.
    Connecting,
    /// DESCRIBE, or OPTIONS before it, waits for its response; a description leads on.
    Describing,
    /// The caller has the description; each `setup` and then `play` is asked for, one after the other.
    Described,
    /// PLAY was answered; media flow until `pause`.
    Playing,
    /// PAUSE was answered; nothing flows until `play`.
    Paused,
    /// TEARDOWN waits for its response; that, silence or a closed connection ends the session.
    TearingDown,
    /// The session is over; whatever comes is ignored.
    Ended,
}

impl State {
    /// Whether the next step may go out.
    pub(super) fn takes_steps(self) -> bool {
        match self {
            Self::Describing | Self::Described | Self::Playing | Self::Paused => true,
            Self::New | Self::Connecting | Self::TearingDown | Self::Ended => false,
        }
    }

    /// Whether there is a connection.
    pub(super) fn is_connected(self) -> bool {
        self.takes_steps() || self == Self::TearingDown
    }
}
