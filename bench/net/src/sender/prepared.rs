//! Packets in memory, ready to be written.

use std::fs::File;
use std::io::{BufWriter, Write};
use std::ops::Range;

use anyhow::{Context, Result, ensure};
use nix::sys::memfd::{MFdFlags, memfd_create};
use throughline_bench_pure::digest::{Digest, hash};
use throughline_h264::{Packetizer, ParameterSets, annexb};
use throughline_rtp::{PacketHeader, PayloadType, RtpTimestamp, SequenceNumber, Ssrc};
use throughline_rtsp::write_interleaved_header;
use throughline_sdp::{MediaBuilder, MediaKind, Origin, SessionDescription};

use crate::report::Amount;

/// Bytes of an RTP packet at most, its header included.
const PACKET_BYTES: usize = 1400;
const RTP_HEADER: usize = 12;
const PAYLOAD_TYPE: u8 = 96;
/// Ticks of the media clock from one picture to the next.
const TICKS: u32 = 3000;

/// What stands in front of each packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Framing {
    /// Four bytes for the interleaved channel.
    Interleaved,
    /// Nothing.
    Datagrams,
}

/// Where the packets are.
#[derive(Debug)]
pub(super) enum Store {
    /// For writes that copy, as servers do them.
    Memory(Vec<u8>),
    /// A file in memory, for writes that copy nothing: who saturates a reader must not be slower than it.
    File(File),
}

/// A stream played as often as it takes to fill the run, as packets one behind the other.
#[derive(Debug)]
pub(super) struct Prepared {
    pub(super) store: Store,
    /// What DESCRIBE is answered with.
    pub(super) description: String,
    /// Where each packet begins, and the end of the last.
    edges: Vec<u64>,
    /// The first packet of each access unit, and the number of all.
    units: Vec<usize>,
    /// Bytes of all access units before each, and of all.
    payload: Vec<u64>,
    /// Of each access unit of the stream, which the run repeats.
    hashes: Vec<u64>,
}

impl Prepared {
    /// Cuts `stream`, in Annex-B form, into packets for `length` access units.
    pub(super) fn new(stream: &[u8], length: usize, framing: Framing, file: bool) -> Result<Self> {
        let mut sets = ParameterSets::default();
        let mut pictures = Vec::new();
        for unit in annexb::access_units(stream) {
            let mut picture = Vec::with_capacity(unit.data.len() + 16);
            for nal in annexb::nal_units(unit.data) {
                // Slices are no parameter sets, which is no error here.
                let _ = sets.insert(nal);
                annexb::append(&mut picture, nal);
            }
            pictures.push(picture);
        }
        ensure!(sets.is_complete(), "the stream has no parameter sets");
        let mut prepared = Prepared {
            store: Store::Memory(Vec::new()),
            description: describe(&sets),
            edges: vec![0],
            units: vec![0],
            payload: vec![0],
            hashes: pictures.iter().map(|picture| hash(picture)).collect(),
        };
        let (mut at, mut bytes) = (0, 0);
        let mut memory = Vec::new();
        let mut output = None;
        if file {
            output = Some(BufWriter::new(File::from(memfd_create(
                "packets",
                MFdFlags::empty(),
            )?)));
        }
        for (picture, number) in pictures.iter().cycle().zip(0..length) {
            write_unit(
                picture,
                number,
                framing,
                &mut prepared.edges,
                &mut at,
                &mut memory,
            )?;
            bytes += picture.len() as u64;
            prepared.units.push(prepared.edges.len() - 1);
            prepared.payload.push(bytes);
            if let Some(output) = &mut output {
                output.write_all(&memory)?;
                memory.clear();
            }
        }
        prepared.store = match output {
            Some(output) => Store::File(output.into_inner()?),
            None => Store::Memory(memory),
        };
        Ok(prepared)
    }

    /// Of the first `units` access units.
    pub(super) fn amount(&self, units: usize) -> Amount {
        let packets = self.first_packet(units);
        Amount {
            units: units as u64,
            packets: packets as u64,
            payload: self.payload.get(units).copied().unwrap_or_default(),
            wire: self.edge(packets),
        }
    }

    /// Over the first `units` access units.
    pub(super) fn digest(&self, units: usize) -> Digest {
        let mut digest = Digest::default();
        for hash in self.hashes.iter().cycle().take(units) {
            digest.add(*hash);
        }
        digest
    }

    /// Access units there are.
    pub(super) fn len(&self) -> usize {
        self.units.len() - 1
    }

    /// The first packet of an access unit; for the one behind the last, the number of packets.
    pub(super) fn first_packet(&self, unit: usize) -> usize {
        self.units
            .get(unit)
            .or(self.units.last())
            .copied()
            .unwrap_or_default()
    }

    /// Where a packet begins; for the one behind the last, where the last one ends.
    pub(super) fn edge(&self, packet: usize) -> u64 {
        self.edges
            .get(packet)
            .or(self.edges.last())
            .copied()
            .unwrap_or_default()
    }

    /// Where packets are in a store in memory.
    pub(super) fn bytes(&self, packets: Range<usize>) -> Range<usize> {
        let at = |packet| usize::try_from(self.edge(packet)).unwrap_or(usize::MAX);
        at(packets.start)..at(packets.end)
    }
}

/// What DESCRIBE is answered with.
fn describe(sets: &ParameterSets) -> String {
    let sprop = sets.to_sprop();
    let video = MediaBuilder::new(MediaKind::Video, 0, "RTP/AVP", &[PAYLOAD_TYPE])
        .attribute("rtpmap", &format!("{PAYLOAD_TYPE} H264/90000"))
        .attribute(
            "fmtp",
            &format!("{PAYLOAD_TYPE} packetization-mode=1;sprop-parameter-sets={sprop}"),
        )
        .attribute("control", "track");
    SessionDescription::builder(Origin::new(1, 1, [127, 0, 0, 1].into()), "bench")
        .attribute("control", "*")
        .media(video)
        .build()
        .to_string()
}

/// Appends the packets of one access unit, and where each of them ends.
fn write_unit(
    picture: &[u8],
    number: usize,
    framing: Framing,
    edges: &mut Vec<u64>,
    at: &mut u64,
    out: &mut Vec<u8>,
) -> Result<()> {
    let number = u32::try_from(number).context("too many access units")?;
    let timestamp = RtpTimestamp(number.wrapping_mul(TICKS));
    for fragment in Packetizer::new(PACKET_BYTES - RTP_HEADER).packetize(picture) {
        let begin = out.len();
        if framing == Framing::Interleaved {
            write_interleaved_header(0, u16::try_from(RTP_HEADER + fragment.len())?, out);
        }
        PacketHeader {
            payload_type: PayloadType(PAYLOAD_TYPE),
            marker: fragment.is_last,
            sequence_number: SequenceNumber(u16::try_from((edges.len() - 1) & 0xffff)?),
            timestamp,
            ssrc: Ssrc(0x5eed_0001),
        }
        .write(out);
        fragment.write(out);
        *at += (out.len() - begin) as u64;
        edges.push(*at);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::io::{Read, Seek};

    use super::*;

    fn stream() -> Vec<u8> {
        let sets = ParameterSets::from_sprop("Z0LACtoR7ARAAAADAEAAAAyDxImo,aM4DnIA=");
        let mut stream = Vec::new();
        for nal in sets.sps().chain(sets.pps()) {
            annexb::append(&mut stream, nal);
        }
        annexb::append(&mut stream, &[&[0x65, 0x88, 0x84][..], &[0x55; 3000]].concat());
        annexb::append(&mut stream, &[0x41, 0x9a, 0x22, 0x80]);
        stream
    }

    #[test]
    fn a_run_goes_on_where_the_stream_begins_again() -> Result<()> {
        let prepared = Prepared::new(&stream(), 4, Framing::Datagrams, false)?;
        let Store::Memory(bytes) = &prepared.store else {
            anyhow::bail!("not in memory");
        };
        // The parameter sets, three fragments, and the next picture; then the same.
        let amount = prepared.amount(4);
        assert_eq!(
            (amount.units, amount.packets, amount.wire),
            (4, 10, bytes.len() as u64)
        );
        let packets: Vec<_> = (0..10)
            .map(|packet| &bytes[prepared.bytes(packet..packet + 1)])
            .collect();
        for (number, packet) in packets.iter().enumerate() {
            let is_last = [3, 4, 8, 9].contains(&number);
            assert_eq!(packet[1], if is_last { 0xe0 } else { 0x60 });
            assert_eq!(usize::from(packet[3]), number);
            assert!(packet.len() <= PACKET_BYTES);
        }
        assert_eq!(&packets[9][4..8], 9000_u32.to_be_bytes());
        Ok(())
    }

    #[test]
    fn the_digest_is_that_of_the_pictures_in_their_order() -> Result<()> {
        let prepared = Prepared::new(&stream(), 3, Framing::Interleaved, false)?;
        let mut digest = Digest::default();
        for picture in [0, 1, 0] {
            digest.add(prepared.hashes[picture]);
        }
        assert_eq!(prepared.digest(3), digest);
        assert_ne!(prepared.digest(2), digest);
        Ok(())
    }

    #[test]
    fn file_and_memory_hold_the_same() -> Result<()> {
        let memory = Prepared::new(&stream(), 5, Framing::Interleaved, false)?;
        let file = Prepared::new(&stream(), 5, Framing::Interleaved, true)?;
        let (Store::Memory(expected), Store::File(mut file)) = (memory.store, file.store) else {
            anyhow::bail!("not where they should be");
        };
        let mut bytes = Vec::new();
        file.rewind()?;
        file.read_to_end(&mut bytes)?;
        assert_eq!(bytes, expected);
        Ok(())
    }
}
