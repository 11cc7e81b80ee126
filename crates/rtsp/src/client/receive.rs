//! What the bytes of the connection are.

use std::time::Instant;

use super::error::Place;
use super::exchange::{Exchange, Step};
use super::session::ClientSession;
use super::state::State;
use super::{Error, Received};
use crate::{Message, Parsed, Tolerance};

impl ClientSession {
    /// Takes in bytes from the connection: `input` is everything that has arrived and was not consumed yet. Gives how many
    /// bytes to drop from its front, and what they were. Call it, and drain the outputs, until it says
    /// [`Received::Incomplete`].
    ///
    /// A server that never lets the caller sleep does not stop the clock: a time limit that has passed counts before
    /// anything but a response.
    pub fn receive<'b>(&mut self, now: Instant, input: &'b [u8]) -> (usize, Received<'b>) {
        let is_overdue = self.is_overdue(now);
        let mut consumed = 0;
        loop {
            if !self.state.is_connected() {
                // The rest of a connection that is not ours any more.
                return (input.len(), Received::Incomplete);
            }
            let rest = input.get(consumed..).unwrap_or_default();
            if is_overdue && !rest.starts_with(b"RTSP/") {
                self.handle_timeout(now);
                return (consumed, Received::Control);
            }
            match self.parser.parse(rest) {
                Ok(Parsed::Incomplete) if is_overdue => {
                    self.handle_timeout(now);
                    return (consumed, Received::Control);
                }
                Ok(Parsed::Incomplete) => {
                    self.note_unfinished(now, rest);
                    return (consumed, Received::Incomplete);
                }
                Ok(Parsed::Skipped { consumed: skipped }) => {
                    consumed += skipped;
                    self.consume(skipped);
                    self.stats.skipped_bytes += skipped as u64;
                    // Many end a message with one line break too many.
                    if rest
                        .iter()
                        .take(skipped)
                        .any(|byte| !matches!(byte, b'\r' | b'\n'))
                    {
                        self.warn(now, "the server sends what is neither message nor packet");
                    }
                }
                Ok(Parsed::Interleaved {
                    consumed: framed,
                    channel,
                    payload,
                }) => {
                    let screened = self.screen(channel);
                    consumed += framed;
                    self.consume(framed);
                    match screened {
                        Ok(Screened::Wanted) => {
                            return (consumed, Received::Interleaved { channel, payload });
                        }
                        Ok(Screened::Stray) => {
                            self.stats.stray_frames += 1;
                            self.warn(now, "the server sends packets that nobody has asked for");
                        }
                        Err(error) => {
                            self.fail(error);
                            return (consumed, Received::Control);
                        }
                    }
                }
                Ok(Parsed::Message {
                    consumed: read,
                    message,
                }) => {
                    consumed += read;
                    self.consume(read);
                    match message {
                        Message::Request(request) => self.handle_request(now, &request),
                        Message::Response(response) => self.handle_response(now, &response),
                    }
                    // A provisional response is no answer.
                    self.handle_timeout(now);
                    return (consumed, Received::Control);
                }
                Err(source) => {
                    self.fail(Error::Protocol {
                        source,
                        offset: self.offset,
                        awaiting: self.exchange.as_ref().map(Exchange::awaited),
                    });
                    return (input.len(), Received::Control);
                }
            }
        }
    }

    fn consume(&mut self, bytes: usize) {
        self.offset = self.offset.saturating_add(bytes as u64);
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

    /// Whether anybody has asked for a frame on this channel at this time.
    fn screen(&mut self, channel: u8) -> Result<Screened, Error> {
        let is_known = self
            .channels
            .iter()
            .any(|&(rtp, rtcp)| channel == rtp || channel == rtcp);
        let is_asking = || matches!(&self.exchange, Some(exchange) if exchange.step == Step::Play);
        let (tolerance, screened) = match self.state {
            State::Playing | State::Paused | State::TearingDown if is_known => return Ok(Screened::Wanted),
            State::Described if is_known && is_asking() => (Tolerance::EarlyMedia, Screened::Wanted),
            _ => (Tolerance::StrayMedia, Screened::Stray),
        };
        if self.reading.tolerates(tolerance) {
            return Ok(screened);
        }
        let offset = self.offset;
        Err(Error::NotTolerated {
            tolerance,
            place: Place::Frame { channel, offset },
        })
    }

    /// For people, and at most once a minute.
    pub(super) fn warn(&mut self, now: Instant, what: &'static str) {
        if self.learned.may_warn(now) {
            let (host, port) = (self.peer().host(), self.peer().port());
            tracing::warn!(host, port, offset = self.offset, stats = ?self.stats, "{what}");
        }
    }
}

/// What becomes of a frame.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Screened {
    Wanted,
    Stray,
}
