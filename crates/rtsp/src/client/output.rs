use std::fmt;
use std::time::Instant;

use bytes::Bytes;
use throughline_sdp::SessionDescription;

use super::{Endpoint, Error};
use crate::RtspUrl;
use crate::headers::{KeyMgmt, RtpInfoEntry, Transport};

/// What the session wants done, see [`ClientSession::poll_output`](super::ClientSession::poll_output).
///
/// `Debug` gives only the length of what is sent: it may hold the password.
#[derive(Clone, PartialEq)]
pub enum Output {
    /// Drop the connection that there is, forget what was read from it, connect here and call
    /// [`handle_connected`](super::ClientSession::handle_connected). If that fails, so has the session.
    Connect(Endpoint),
    /// Send these bytes on the connection, in one write: some servers parse one message a read (Q45).
    Transmit(Bytes),
    /// Something that the program may want to know.
    Event(Event),
    /// Nothing more for now.
    Idle {
        /// When to call [`handle_timeout`](super::ClientSession::handle_timeout), unless something else comes first.
        wake_at: Option<Instant>,
    },
}

impl fmt::Debug for Output {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Connect(endpoint) => f.debug_tuple("Connect").field(endpoint).finish(),
            Self::Transmit(bytes) => write!(f, "Transmit({} bytes)", bytes.len()),
            Self::Event(event) => f.debug_tuple("Event").field(event).finish(),
            Self::Idle { wake_at } => f.debug_struct("Idle").field("wake_at", wake_at).finish(),
        }
    }
}

/// What happened.
#[derive(Debug, Clone, PartialEq)]
pub enum Event {
    /// DESCRIBE was answered. Go on with [`setup`](super::ClientSession::setup) for each media section that is wanted.
    Described(SessionDescription),
    /// A SETUP was answered.
    SetUp {
        /// Which media section of the description, from 0.
        media: usize,
        /// What was agreed on: the channels or the ports of unicast are always there. Of multicast, what the server did not say
        /// is in the description: the group in the media section's `c=` line (Q133), the port in its `m=` line.
        transport: Transport,
        /// The keys that came with the answer.
        key_mgmt: Option<KeyMgmt>,
    },
    /// A SETUP was refused in a way that asking otherwise may mend: the server does not serve that transport
    /// ([`Error::TransportRefused`]), or not with those keys ([`Error::KeysRefused`], Q106). The session is as it was before; ask
    /// again with [`setup`](super::ClientSession::setup), or tear it down.
    SetUpRefused(Error),
    /// PLAY was answered. Media may have begun before (Q31). RTCP may go from here on: before, it confuses some servers (Q37).
    Playing {
        /// Where each stream begins, if the server says so; often wrong (Q87).
        rtp_info: Vec<RtpInfoEntry>,
    },
    /// PAUSE was answered: [`play`](super::ClientSession::play) goes on, [`teardown`](super::ClientSession::teardown) ends it.
    /// What is still under way arrives all the same.
    Paused,
    /// PAUSE was refused, as most live cameras do. The session is as it was before.
    PauseRefused(Error),
    /// The session is over because the caller wanted so. The last event.
    TornDown,
    /// The session is over for this reason. The last event.
    Failed(Error),
    /// The server sent us elsewhere, with a redirect or a REDIRECT request, and we follow: an [`Output::Connect`] comes next.
    /// What was set up before is gone; go on at the [`Event::Described`] that follows.
    Redirected {
        /// Where to.
        url: RtspUrl,
    },
    /// The server has described the presentation anew, with ANNOUNCE. [`setup`](super::ClientSession::setup) counts from this
    /// description now; what was set up before goes on.
    Announced(SessionDescription),
    /// The server closed the connection in a way that a new one may mend; an [`Output::Connect`] follows.
    Reconnecting(ReconnectReason),
    /// The server does not answer GET_PARAMETER well: OPTIONS keeps the session alive from here on (Q98).
    KeepAliveChanged,
}

/// What a new connection may mend. Each is tried once in a session.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ReconnectReason {
    /// The server closed the connection after a 401: repeated with credentials (Q28), DESCRIBE with OPTIONS first, which may be
    /// what it missed (Q113).
    ClosedAfterUnauthorized,
    /// The server closed the connection instead of answering DESCRIBE: repeated with OPTIONS first (Q113).
    ClosedOnDescribe,
}

/// What [`ClientSession::receive`](super::ClientSession::receive) found at the beginning of the bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Received<'b> {
    /// RTP or RTCP.
    Interleaved {
        /// The channel: one that was agreed on in [`Event::SetUp`].
        channel: u8,
        /// The packet.
        payload: &'b [u8],
    },
    /// Something for the session: it has been dealt with, drain [`poll_output`](super::ClientSession::poll_output).
    Control,
    /// Nothing whole: call again when there are more bytes behind these.
    Incomplete,
}

/// What a session has counted so far.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct SessionStats {
    /// Requests sent, repeated ones and keepalives included.
    pub requests: u64,
    /// Responses that belonged to a request.
    pub responses: u64,
    /// Responses that came too late or to nothing, and were ignored.
    pub unexpected_responses: u64,
    /// Responses accepted although their CSeq was another or missing (Q12, Q96).
    pub cseq_mismatches: u64,
    /// Requests of the server that were answered.
    pub server_requests: u64,
    /// Requests of the server that were not answered because the caller did not drain the outputs.
    pub dropped_server_requests: u64,
    /// Keepalives sent.
    pub keepalives: u64,
    /// Keepalives that were refused or not answered.
    pub failed_keepalives: u64,
    /// Bytes between messages that belonged to nothing (Q33).
    pub skipped_bytes: u64,
    /// Frames that were dropped because nobody has asked for them (Q30, Q32).
    pub stray_frames: u64,
}
