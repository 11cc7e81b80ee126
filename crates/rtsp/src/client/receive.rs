//! What the bytes of the connection are.

use std::time::Instant;

use super::error::Place;
use super::exchange::{Exchange, Step};
use super::session::ClientSession;
use super::state::State;
use super::{Error, Received};
use crate::message::{FRAME_HEADER, WholeFrame};
use crate::{Message, Parsed, Tolerance};

impl ClientSession {
    /// Takes in bytes from the connection: `input` is everything that has arrived and was not consumed yet. Gives how many
    /// bytes to drop from its front, and what they were. Call it, and drain the outputs, until it says
    /// [`Received::Incomplete`].
    ///
    /// A server that never lets the caller sleep does not stop the clock: a time limit that has passed counts before
    /// anything but a response.
    #[inline]
    pub fn receive<'b>(&mut self, now: Instant, input: &'b [u8]) -> (usize, Received<'b>) {
        let (mut consumed, mut rest) = (0, input);
        loop {
            // The usual is inlined, and all else apart from it.
            if let Some(WholeFrame { channel, payload }) = self.parser.frame(rest) {
                if self.is_playing(channel) && !self.is_overdue(now) {
                    let framed = FRAME_HEADER + payload.len();
                    self.consume(framed);
                    return (consumed + framed, Received::Interleaved { channel, payload });
                }
            }
            let (taken, received) = self.receive_other(now, rest);
            consumed += taken;
            rest = rest.get(taken..).unwrap_or_default();
            if let Some(received) = received {
                return (consumed, received);
            }
        }
    }

    /// Takes in what is no packet of a track that plays. Nothing comes of what nobody has asked for.
    #[inline(never)]
    fn receive_other<'b>(&mut self, now: Instant, input: &'b [u8]) -> (usize, Option<Received<'b>>) {
        if !self.state.is_connected() {
            // The rest of a connection that is not ours any more.
            return (input.len(), Some(Received::Incomplete));
        }
        let is_overdue = self.is_overdue(now);
        if is_overdue && !input.starts_with(b"RTSP/") {
            self.handle_timeout(now);
            return (0, Some(Received::Control));
        }
        match self.parser.parse(input) {
            Ok(Parsed::Incomplete) if is_overdue => {
                self.handle_timeout(now);
                (0, Some(Received::Control))
            }
            Ok(Parsed::Incomplete) => {
                self.note_unfinished(now, input);
                (0, Some(Received::Incomplete))
            }
            Ok(Parsed::Skipped { consumed }) => {
                self.skip(now, input.get(..consumed).unwrap_or_default());
                (consumed, None)
            }
            Ok(Parsed::Interleaved {
                consumed,
                channel,
                payload,
            }) => (consumed, self.screen(now, channel, payload)),
            Ok(Parsed::Message { consumed, message }) => {
                self.consume(consumed);
                match message {
                    Message::Request(request) => self.handle_request(now, &request),
                    Message::Response(response) => self.handle_response(now, &response),
                }
                // A provisional response is no answer.
                self.handle_timeout(now);
                (consumed, Some(Received::Control))
            }
            Err(source) => {
                self.fail(Error::Protocol {
                    source,
                    offset: self.offset,
                    awaiting: self.exchange.as_ref().map(Exchange::awaited),
                });
                (input.len(), Some(Received::Control))
            }
        }
    }

    fn consume(&mut self, bytes: usize) {
        self.offset += bytes as u64;
        self.unfinished = None;
    }

    /// Begins to wait for the rest of a message or frame. Dirt that does not end, a stray line break for one, is not waited
    /// for.
    fn note_unfinished(&mut self, now: Instant, rest: &[u8]) {
        match rest.first() {
            Some(b'$' | b'A'..=b'Z') => {
                self.unfinished.get_or_insert(now);
            }
            _ => self.unfinished = None,
        }
    }

    /// Takes in bytes that belong to nothing.
    fn skip(&mut self, now: Instant, bytes: &[u8]) {
        self.consume(bytes.len());
        self.stats.skipped_bytes += bytes.len() as u64;
        // Many end a message with one line break too many.
        if bytes.iter().any(|byte| !matches!(byte, b'\r' | b'\n')) {
            self.warn(now, "the server sends what is neither message nor packet");
        }
    }

    /// Whether frames of this channel are asked for, and PLAY was answered.
    #[inline]
    fn is_playing(&self, channel: u8) -> bool {
        matches!(self.state, State::Playing | State::Paused | State::TearingDown) && self.is_known(channel)
    }

    #[inline]
    fn is_known(&self, channel: u8) -> bool {
        self.channels
            .iter()
            .any(|&(rtp, rtcp)| channel == rtp || channel == rtcp)
    }

    /// Takes in a frame that is early, or that nobody has asked for.
    fn screen<'b>(&mut self, now: Instant, channel: u8, payload: &'b [u8]) -> Option<Received<'b>> {
        let is_asking = matches!(&self.exchange, Some(exchange) if exchange.step == Step::Play);
        let is_early = self.state == State::Described && is_asking && self.is_known(channel);
        let tolerance = if is_early {
            Tolerance::EarlyMedia
        } else {
            Tolerance::StrayMedia
        };
        let offset = self.offset;
        self.consume(FRAME_HEADER + payload.len());
        if !self.reading.tolerates(tolerance) {
            let place = Place::Frame { channel, offset };
            self.fail(Error::NotTolerated { tolerance, place });
            return Some(Received::Control);
        }
        if is_early {
            return Some(Received::Interleaved { channel, payload });
        }
        self.stats.stray_frames += 1;
        self.warn(now, "the server sends packets that nobody has asked for");
        None
    }

    /// For people, and at most once a minute.
    pub(super) fn warn(&mut self, now: Instant, what: &'static str) {
        if self.learned.may_warn(now) {
            let (host, port) = (self.peer().host(), self.peer().port());
            tracing::warn!(host, port, offset = self.offset, stats = ?self.stats, "{what}");
        }
    }
}
