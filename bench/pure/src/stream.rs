//! A stream like that of a 1080p camera at 8 Mbit/s.

use std::ops::Range;

use throughline_h264::{Aggregation, Packetizer, annexb, emulation};
use throughline_mock_camera::{BuiltInClip, Clip};
use throughline_rtp::{PacketHeader, PayloadType, RtpTimestamp, SequenceNumber, Ssrc};
use throughline_rtsp::write_interleaved_header;

use crate::digest::Digest;

/// The channel that packets are framed for.
pub const CHANNEL: u8 = 0;

/// Bytes of a payload at most, so that a fragment is 1386 and a packet 1400 long.
const PAYLOAD: usize = 1388;

/// Bytes of a packet's header.
const HEADER: usize = 12;

/// From one picture to the next, in 1/90,000 s.
const INTERVAL: u32 = 3000;

/// RTP packets, each in its interleaved frame, one behind the other in memory.
///
/// A picture begins as x264 has written it (the mock camera's clip), so that its headers can be read, and goes on with
/// random bytes with emulation prevention, which is what entropy coding looks like. In front of an IDR picture there are
/// SPS and PPS in packets of their own (single NAL units), the slices are FU-As.
pub struct Stream {
    bytes: Vec<u8>,
    /// The RTP packets in `bytes`, and the number of the picture that each belongs to.
    packets: Vec<(Range<usize>, u32)>,
    pictures: u32,
    picture_bytes: usize,
    digest: Digest,
}

impl Stream {
    /// 256 KiB, which a core's own cache holds: one group of eight pictures.
    pub fn hot() -> Self {
        Self::new(30, 8, 1)
    }

    /// 42 MB, which no cache holds: groups of thirty pictures.
    pub fn cold() -> Self {
        Self::new(30, 30, 45)
    }

    /// So many groups of so many pictures, those of the clip from `first` on. Its very first one has x264's settings with
    /// it, in SEI of 700 bytes, as no stream has over and over.
    fn new(first: usize, pictures: usize, groups: usize) -> Self {
        let clip = Clip::built_in(BuiltInClip::High);
        let mut stream = Self {
            bytes: Vec::new(),
            packets: Vec::new(),
            pictures: 0,
            picture_bytes: 0,
            digest: Digest::default(),
        };
        let mut random = Random(1);
        for _ in 0..groups {
            for picture in (first..first + pictures).filter_map(|index| clip.picture(index)) {
                let picture = enlarged(picture, &mut random);
                stream.digest.annex_b(&picture);
                stream.picture_bytes += picture.len();
                stream.push(&picture);
            }
        }
        stream.renumber(0);
        stream
    }

    /// The whole of it, as it comes over TCP.
    pub fn interleaved(&self) -> &[u8] {
        &self.bytes
    }

    /// The interleaved frames of each picture.
    pub fn pictures(&self) -> impl Iterator<Item = &[u8]> {
        self.packets
            .chunk_by(|first, second| first.1 == second.1)
            .filter_map(|packets| {
                let (first, last) = (packets.first()?, packets.last()?);
                self.bytes.get(first.0.start - 4..last.0.end)
            })
    }

    /// The RTP packets.
    pub fn packets(&self) -> impl ExactSizeIterator<Item = &[u8]> {
        let packet = |(range, _): &(Range<usize>, u32)| self.bytes.get(range.clone()).unwrap_or_default();
        self.packets.iter().map(packet)
    }

    /// An RTP packet by its place.
    pub fn packet(&self, index: usize) -> &[u8] {
        let range = self.packets.get(index).map(|(range, _)| range.clone());
        range.and_then(|range| self.bytes.get(range)).unwrap_or_default()
    }

    /// The places of the packets.
    pub fn in_order(&self) -> Vec<usize> {
        (0..self.packets.len()).collect()
    }

    /// The same in order but that one in a hundred is overtaken by the next.
    pub fn reordered(&self) -> Vec<usize> {
        let mut places = self.in_order();
        for hundred in places.chunks_exact_mut(100) {
            hundred.swap(50, 51);
        }
        places
    }

    /// Its pictures.
    pub fn digest(&self) -> Digest {
        self.digest
    }

    /// Bytes of its pictures, in Annex-B form with start codes of four bytes.
    pub fn picture_bytes(&self) -> usize {
        self.picture_bytes
    }

    /// Gives the packets the sequence numbers and timestamps of the `pass`th time round, counted from 0.
    pub fn renumber(&mut self, pass: u32) {
        let length = u32::try_from(self.packets.len()).unwrap_or(u32::MAX);
        let numbers = (0_u32..).map(|index| pass.wrapping_mul(length).wrapping_add(index));
        for (number, (range, picture)) in numbers.zip(&self.packets) {
            let timestamp = pass
                .wrapping_mul(self.pictures)
                .wrapping_add(*picture)
                .wrapping_mul(INTERVAL);
            let header = self.bytes.get_mut(range.clone()).unwrap_or_default();
            let [_, _, high, low, rest @ ..] = header else {
                continue;
            };
            let [_, _, sequence_high, sequence_low] = number.to_be_bytes();
            (*high, *low) = (sequence_high, sequence_low);
            if let Some(stamp) = rest.first_chunk_mut() {
                *stamp = timestamp.to_be_bytes();
            }
        }
    }

    fn push(&mut self, picture: &[u8]) {
        let packetizer = Packetizer::new(PAYLOAD).with_aggregation(Aggregation::Never);
        for fragment in packetizer.packetize(picture) {
            let length = u16::try_from(HEADER + fragment.len()).unwrap_or(u16::MAX);
            write_interleaved_header(CHANNEL, length, &mut self.bytes);
            let start = self.bytes.len();
            PacketHeader {
                payload_type: PayloadType(96),
                marker: fragment.is_last,
                sequence_number: SequenceNumber(0),
                timestamp: RtpTimestamp(0),
                ssrc: Ssrc(0x5eed),
            }
            .write(&mut self.bytes);
            fragment.write(&mut self.bytes);
            self.packets.push((start..self.bytes.len(), self.pictures));
        }
        self.pictures += 1;
    }
}

/// The picture with its slice filled up to the size that it has at 8 Mbit/s.
fn enlarged(picture: &[u8], random: &mut Random) -> Vec<u8> {
    let mut enlarged = Vec::new();
    for nal in annexb::nal_units(picture) {
        annexb::append(&mut enlarged, nal);
        let room = match nal.first().map(|header| header & 0x1f) {
            Some(5) => 56_000,
            Some(1) => 18_000 + usize::from(u16::from_be_bytes([random.byte(), random.byte()])) % 20_000,
            _ => continue,
        };
        let filling: Vec<u8> = (0..room.saturating_sub(nal.len()))
            .map(|_| random.byte())
            .collect();
        emulation::escape(&filling, &mut enlarged);
        // The stop bit, and no zero at the end.
        enlarged.push(0x80);
    }
    enlarged
}

/// xorshift64.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    fn byte(&mut self) -> u8 {
        let [.., byte, _, _, _] = self.next().to_be_bytes();
        byte
    }
}
