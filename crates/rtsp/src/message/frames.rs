//! Telling frames and messages from what only looks like them.

use std::ops::RangeInclusive;

use super::Method;

/// `$`, channel and length.
pub(crate) const FRAME_HEADER: usize = 4;

/// The highest channel that is believed when a frame follows garbage and no stream is known yet: two for each of
/// [`MAX_TRACKS`](crate::client::MAX_TRACKS).
const MAX_PLAUSIBLE_CHANNEL: u8 = 63;

/// What every RTP packet begins with; the last four bytes are its SSRC.
const RTP_HEADER: usize = 12;

/// The shortest RTCP packet.
const MIN_PLAUSIBLE_LENGTH: u16 = 8;

/// Streams that are remembered: RTP and RTCP of a recorder's eight tracks. The oldest makes room.
const MAX_STREAMS: usize = 16;

/// How much garbage only a known stream ends, in bytes: what the longest frame may have swallowed. A camera that has
/// restarted its streams in the middle of it is understood after this.
const MAX_SEARCH: usize = 64 * 1024;

/// Where RTP has its marker and payload type, RTCP has one of these.
const RTCP_TYPES: RangeInclusive<u8> = 192..=223;

/// Is this, after garbage, the beginning of something?
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Beginning {
    Plausible,
    Unlikely,
    NeedsMore,
}

/// An interleaved frame that is there as a whole.
#[derive(Debug, Clone, Copy)]
pub(crate) struct WholeFrame<'b> {
    pub(crate) channel: u8,
    pub(crate) payload: &'b [u8],
}

impl<'b> WholeFrame<'b> {
    /// The frame that `input` begins with, if it is there as a whole, and what is behind it.
    #[inline]
    pub(super) fn split_from(input: &'b [u8]) -> Option<(Self, &'b [u8])> {
        let (&[b'$', channel, high, low], rest) = input.split_first_chunk()? else {
            return None;
        };
        let (payload, behind) = rest.split_at_checked(u16::from_be_bytes([high, low]).into())?;
        Some((Self { channel, payload }, behind))
    }

    /// Whether the packet right behind this frame's packet is the next of its stream: then it has swallowed none (Q114), and
    /// nobody has to look through all of it for one. Unknown until its header is there.
    #[inline]
    pub(super) fn is_followed(&self, behind: &[u8]) -> Option<bool> {
        let (frame, behind) = behind.split_first_chunk::<FRAME_HEADER>()?;
        let next = behind.first_chunk()?;
        let Some(packet) = self.payload.first_chunk() else {
            return Some(false);
        };
        let number = |packet: &[u8; RTP_HEADER]| u16::from_be_bytes([packet[2], packet[3]]);
        let is_rtp = |packet: &[u8; RTP_HEADER]| packet[0] >> 6 == 2 && !RTCP_TYPES.contains(&packet[1]);
        let is_same_stream = frame[..2] == [b'$', self.channel] && packet[8..] == next[8..];
        Some(
            is_same_stream
                && is_rtp(packet)
                && is_rtp(next)
                && number(next) == number(packet).wrapping_add(1),
        )
    }
}

/// Which SSRC was met on which channel: 56 bits by which a frame is known wherever it stands (Q114).
#[derive(Debug, Clone, Default)]
pub(super) struct Streams {
    known: [Option<(u8, [u8; 4])>; MAX_STREAMS],
    next: usize,
    /// Of the last frame, one of those.
    latest: Option<(u8, [u8; 4])>,
    /// Garbage since the last frame or message.
    garbage: usize,
}

impl Streams {
    /// Whether a frame, which stood where one was expected, is of the stream that the last one was of, and the next of that
    /// stream is behind it: then there is nothing else to see to.
    #[inline]
    pub(super) fn go_on(&mut self, frame: &WholeFrame<'_>, behind: &[u8]) -> bool {
        let Some(packet) = frame.payload.first_chunk::<RTP_HEADER>() else {
            return false;
        };
        let [.., a, b, c, d] = *packet;
        let goes_on =
            self.latest == Some((frame.channel, [a, b, c, d])) && frame.is_followed(behind) == Some(true);
        if goes_on {
            self.garbage = 0;
        }
        goes_on
    }

    /// A frame stood where one was expected.
    pub(super) fn handle_frame(&mut self, frame: &WholeFrame<'_>) {
        self.garbage = 0;
        let Some(ssrc) = ssrc(frame.payload) else {
            return;
        };
        let stream = Some((frame.channel, ssrc));
        self.latest = stream;
        if !self.known.contains(&stream) {
            if let Some(oldest) = self.known.get_mut(self.next) {
                *oldest = stream;
            }
            self.next = (self.next + 1) % MAX_STREAMS;
        }
    }

    /// A message stood where one was expected.
    pub(super) fn handle_message(&mut self) {
        self.garbage = 0;
    }

    pub(super) fn handle_garbage(&mut self, length: usize) {
        self.garbage = self.garbage.saturating_add(length);
    }

    /// Where in a frame's payload the next frame of a known stream begins (Q114).
    pub(super) fn find_frame(&self, payload: &[u8]) -> Option<usize> {
        memchr::memchr_iter(b'$', payload).find(|&at| {
            let frame = payload.get(at..).unwrap_or_default();
            self.is_known(frame) == Beginning::Plausible
        })
    }

    /// Judges what stands behind garbage: a frame counts that continues a known stream.
    pub(super) fn beginning(&self, bytes: &[u8]) -> Beginning {
        if bytes.first() == Some(&b'$') && self.is_searching() {
            self.is_known(bytes)
        } else {
            beginning(bytes)
        }
    }

    fn is_searching(&self) -> bool {
        self.garbage < MAX_SEARCH && self.known.iter().any(Option::is_some)
    }

    fn is_known(&self, bytes: &[u8]) -> Beginning {
        let Some((&[_, channel, high, low], packet)) = bytes.split_first_chunk() else {
            return Beginning::NeedsMore;
        };
        let is_channel = |stream: &&(u8, [u8; 4])| stream.0 == channel;
        let mut streams = self.known.iter().flatten().filter(is_channel).peekable();
        if streams.peek().is_none() || u16::from_be_bytes([high, low]) < MIN_PLAUSIBLE_LENGTH {
            return Beginning::Unlikely;
        }
        match (packet.first(), ssrc(packet)) {
            (Some(first), _) if first >> 6 != 2 => Beginning::Unlikely,
            (_, None) => Beginning::NeedsMore,
            (_, Some(ssrc)) if streams.any(|stream| stream.1 == ssrc) => Beginning::Plausible,
            _ => Beginning::Unlikely,
        }
    }
}

/// Whose packet it is: the SSRC of RTP, or the sender's of RTCP, which
/// [RFC 5761 §4](https://www.rfc-editor.org/rfc/rfc5761#section-4) tells apart.
fn ssrc(packet: &[u8]) -> Option<[u8; 4]> {
    let [first, packet_type, _, _, rest @ ..] = packet else {
        return None;
    };
    let ssrc = if RTCP_TYPES.contains(packet_type) {
        rest
    } else {
        rest.get(4..)?
    };
    ssrc.first_chunk().copied().filter(|_| first >> 6 == 2)
}

/// Judges what stands where nothing is known.
pub(super) fn beginning(bytes: &[u8]) -> Beginning {
    match bytes.first() {
        None => Beginning::NeedsMore,
        Some(b'$') => frame_beginning(bytes),
        Some(b'A'..=b'Z') => message_beginning(bytes),
        Some(_) => Beginning::Unlikely,
    }
}

/// A `$` is one garbage byte in 256: it counts with a low channel, a length, and RTP version 2 behind it.
fn frame_beginning(bytes: &[u8]) -> Beginning {
    let Some(&[_, channel, high, low, first]) = bytes.first_chunk() else {
        return Beginning::NeedsMore;
    };
    let plausible = channel <= MAX_PLAUSIBLE_CHANNEL
        && u16::from_be_bytes([high, low]) >= MIN_PLAUSIBLE_LENGTH
        && first >> 6 == 2;
    if plausible {
        Beginning::Plausible
    } else {
        Beginning::Unlikely
    }
}

fn message_beginning(bytes: &[u8]) -> Beginning {
    let methods = Method::KNOWN
        .iter()
        .map(|method| (method.as_str().as_bytes(), b' '));
    for (word, end) in methods.chain([(b"RTSP".as_slice(), b'/')]) {
        match bytes.strip_prefix(word) {
            Some([]) => return Beginning::NeedsMore,
            Some([next, ..]) if *next == end => return Beginning::Plausible,
            None if word.starts_with(bytes) => return Beginning::NeedsMore,
            _ => {}
        }
    }
    Beginning::Unlikely
}
