use bytes::BytesMut;
use throughline_rtsp::write_interleaved_header;

use super::{Quirk, Quirks};
use crate::server::{Packet, Pair};

/// A channel that no client asks for.
const UNKNOWN_CHANNEL: u8 = 40;

/// An RTP packet of nobody's.
const STRAY_PACKET: &[u8] = b"\x80\x60\x12\x34\x00\x00\x00\x00\xde\xad\xbe\xef\x41\x9a\x00\x01\x02\x03";

/// Frames from one oddity to the next.
const UNKNOWN_CHANNEL_EVERY: u64 = 4;
const EMPTY_LINE_EVERY: u64 = 5;
const GARBAGE_EVERY: u64 = 12;
const TORN_EVERY: u64 = 40;

/// What goes onto the RTSP connection beside responses, in which pieces, and in which it is read.
#[derive(Debug, Default)]
pub(crate) struct Framing {
    quirks: Quirks,
    frames: u64,
    responses: u64,
    pieces: usize,
}

impl Framing {
    pub(crate) fn new(quirks: Quirks) -> Self {
        Self {
            quirks,
            ..Self::default()
        }
    }

    /// Appends a packet as an interleaved frame.
    pub(crate) fn write(&mut self, channels: Pair<u8>, packet: Packet<'_>, out: &mut BytesMut) {
        self.frames += 1;
        let is_time = |quirk, every| self.quirks.contains(quirk) && self.frames.is_multiple_of(every);
        if is_time(Quirk::UnknownChannel, UNKNOWN_CHANNEL_EVERY) {
            frame(UNKNOWN_CHANNEL, STRAY_PACKET, out);
        }
        if is_time(Quirk::GarbageBetweenFrames, EMPTY_LINE_EVERY) {
            out.extend_from_slice(b"\r\n");
        }
        if is_time(Quirk::GarbageBetweenFrames, GARBAGE_EVERY) {
            out.extend_from_slice(b"\0\x01garbage: of 21 bytes");
        }
        frame(*channels.of(packet.protocol), packet.bytes, out);
        if is_time(Quirk::TornFrames, TORN_EVERY) {
            out.truncate(out.len() - packet.bytes.len() / 2);
        }
    }

    /// Appends what comes before a response.
    pub(crate) fn before_response(&mut self, out: &mut BytesMut) {
        if self.quirks.contains(Quirk::StaleData) && self.responses == 0 {
            frame(0, STRAY_PACKET, out);
            frame(1, &[0x80, 201, 0, 1, 0xde, 0xad, 0xbe, 0xef], out);
        }
        self.responses += 1;
    }

    /// Whether only the first message of what is read at once counts.
    pub(crate) fn reads_once(&self) -> bool {
        self.quirks.contains(Quirk::OneMessagePerRead)
    }

    /// How many of `queued` bytes are the next write.
    pub(crate) fn piece(&mut self, queued: usize) -> usize {
        if !self.quirks.contains(Quirk::OddWrites) {
            return queued;
        }
        self.pieces = self.pieces.wrapping_add(1);
        queued.min(1 + self.pieces.wrapping_mul(37) % 101)
    }
}

fn frame(channel: u8, packet: &[u8], out: &mut BytesMut) {
    // No packet comes near the 64 KiB that a frame holds.
    if let Ok(length) = u16::try_from(packet.len()) {
        write_interleaved_header(channel, length, out);
        out.extend_from_slice(packet);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn q47_writes_are_of_every_length_and_never_empty() {
        let mut framing = Framing::new([Quirk::OddWrites].into_iter().collect());
        let pieces: Vec<usize> = (0..101).map(|_| framing.piece(1000)).collect();
        assert!((1..=101).all(|length| pieces.contains(&length)), "{pieces:?}");
        assert_eq!((framing.piece(0), framing.piece(1)), (0, 1));
        assert_eq!(Framing::default().piece(1000), 1000);
    }
}
