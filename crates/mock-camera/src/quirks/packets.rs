use std::borrow::Cow;
use std::time::{Duration, Instant};

use throughline_h264::{NalHeader, NalUnitType, annexb};
use throughline_rtp::{Packet, PacketHeader, PayloadType, RtpTimestamp, SequenceNumber, Ssrc};

use super::{Quirk, Quirks};
use crate::server::{Burst, Protocol};

/// RTP payload in bytes: with all headers it fits the 1280 bytes that every IPv6 link carries.
const MAX_PAYLOAD: usize = 1200;
/// [`Quirk::LargeDatagrams`]: with the RTP header 10,000 bytes, as a Tapo sends.
const LARGE_PAYLOAD: usize = 9988;
/// [`Quirk::LargePayloads`]: what an interleaved frame holds beside the headers.
const LARGEST_PAYLOAD: usize = 65_000;

/// [`Quirk::ReportsRequired`]: how long a camera plays for one that does not report.
const PATIENCE: Duration = Duration::from_secs(5);
/// [`Quirk::SlowStart`]: bridges of battery cameras take up to 28 s.
const WAKE_UP: Duration = Duration::from_secs(20);

/// Pictures before the stream changes, with the quirks that change it once.
const PICTURES_BEFORE_CHANGE: u64 = 20;
/// Pictures from one loss to the next, and from the beginning to the first.
const LOSS_PERIOD: u64 = 30;
const FIRST_LOSS: u64 = 20;

const STAP_A: u8 = 24;
const FU_A: u8 = 28;
const START: u8 = 0x80;
const END: u8 = 0x40;
const RESERVED: u8 = 0x20;

/// By how much a stream's numbers jump.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Jump {
    pub(crate) ssrc: u32,
    pub(crate) sequence_number: u16,
    pub(crate) timestamp: u32,
}

/// The quirks of one client's packets.
#[derive(Debug, Default)]
pub(crate) struct PacketQuirks {
    quirks: Quirks,
    playing_since: Option<Instant>,
    /// When RTCP came last.
    heard: Option<Instant>,
    last_picture: Option<Instant>,
    pictures: u64,
    changed: bool,
    last_timestamp: Option<RtpTimestamp>,
}

impl PacketQuirks {
    pub(crate) fn new(quirks: Quirks) -> Self {
        Self {
            quirks,
            ..Self::default()
        }
    }

    pub(crate) fn quirks(&self) -> Quirks {
        self.quirks
    }

    /// The stream plays from now on.
    pub(crate) fn started(&mut self, now: Instant) {
        self.playing_since = Some(now);
    }

    /// RTCP came.
    pub(crate) fn heard(&mut self, now: Instant) {
        self.heard = Some(now);
    }

    /// Whether what is due now is left out.
    pub(crate) fn withholds(&self, now: Instant, protocol: Protocol) -> bool {
        let has = |quirk| self.quirks.contains(quirk);
        let within = |moment: Option<Instant>, time| moment.is_some_and(|moment| now < moment + time);
        let unheard = has(Quirk::NothingBeforeClientSends) && self.heard.is_none();
        match protocol {
            Protocol::Rtcp => unheard || has(Quirk::NoReports),
            Protocol::Rtp => {
                let unreported = !within(self.heard.max(self.playing_since), PATIENCE);
                unheard
                    || (has(Quirk::ReportsRequired) && unreported)
                    || (has(Quirk::OnePictureASecond) && within(self.last_picture, Duration::from_secs(1)))
                    || (has(Quirk::SlowStart) && within(self.playing_since, WAKE_UP))
            }
        }
    }

    /// A picture is about to be sent, an IDR or not: do the numbers jump before it?
    pub(crate) fn begin_picture(&mut self, now: Instant, picture: &[u8]) -> Option<Jump> {
        self.last_picture = Some(now);
        self.pictures += 1;
        if self.changed || self.pictures <= PICTURES_BEFORE_CHANGE {
            return None;
        }
        let is_idr = annexb::nal_units(picture).any(|nal| nal_unit_type(nal) == NalUnitType::IdrSlice);
        let jump = self.quirks.iter().find_map(|quirk| match quirk {
            Quirk::OtherSsrc if is_idr => Some(Jump {
                ssrc: 0x5a5a_5a5a,
                sequence_number: 20_000,
                timestamp: 1_000_000,
            }),
            Quirk::SequenceRestarts if is_idr => Some(Jump {
                sequence_number: 30_000,
                timestamp: 900_000_000,
                ..Jump::default()
            }),
            Quirk::TimestampsStepBack => Some(Jump {
                timestamp: 450_000_u32.wrapping_neg(),
                ..Jump::default()
            }),
            _ => None,
        });
        self.changed = jump.is_some();
        jump
    }

    /// The picture as it is sent.
    pub(crate) fn picture<'a>(&self, picture: &'a [u8]) -> Cow<'a, [u8]> {
        if !self.quirks.contains(Quirk::ParameterSetsInDescriptionOnly) {
            return Cow::Borrowed(picture);
        }
        let is_set = |nal: &&[u8]| matches!(nal_unit_type(nal), NalUnitType::Sps | NalUnitType::Pps);
        let mut kept = Vec::with_capacity(picture.len());
        for nal in annexb::nal_units(picture).filter(|nal| !is_set(nal)) {
            kept.extend_from_slice(&[0, 0, 0, 1]);
            kept.extend_from_slice(nal);
        }
        Cow::Owned(kept)
    }

    pub(crate) fn max_payload(&self) -> usize {
        if self.quirks.contains(Quirk::LargePayloads) {
            LARGEST_PAYLOAD
        } else if self.quirks.contains(Quirk::LargeDatagrams) {
            LARGE_PAYLOAD
        } else {
            MAX_PAYLOAD
        }
    }

    /// Bends the packets of one picture, from the burst's `first` on; gives the number of the packet behind them.
    pub(crate) fn bend(
        &mut self,
        picture: &[u8],
        burst: &mut Burst,
        first: usize,
        next: SequenceNumber,
    ) -> SequenceNumber {
        if self.quirks.is_empty() {
            return next;
        }
        let mut packets: Vec<Outgoing> = burst
            .take_from(first)
            .iter()
            .filter_map(|bytes| Outgoing::read(bytes))
            .collect();
        let Some(head) = packets.first().map(|packet| packet.header) else {
            return next;
        };
        for quirk in self.quirks.iter() {
            self.bend_structure(quirk, picture, &mut packets);
            bend_payloads(quirk, &mut packets);
            self.bend_headers(quirk, &mut packets);
        }
        self.last_timestamp = Some(head.timestamp);
        let mut next = head.sequence_number;
        for packet in &mut packets {
            if packet.kind == Kind::Twin {
                packet.header.sequence_number = SequenceNumber(next.0.wrapping_sub(1));
            } else {
                packet.header.sequence_number = next;
                next = next.next();
            }
            if packet.kind != Kind::Lost {
                burst.push(Protocol::Rtp, |out| packet.write(out));
            }
        }
        next
    }

    /// Which packets there are.
    fn bend_structure(&self, quirk: Quirk, picture: &[u8], packets: &mut Vec<Outgoing>) {
        let loses = self.pictures % LOSS_PERIOD == FIRST_LOSS;
        match quirk {
            Quirk::OddFragments => {
                if let Some(place) = packets.iter().position(|packet| packet.is_fragment(START)) {
                    let mut empty = packets.get(place).cloned().unwrap_or_default();
                    empty.payload.truncate(2);
                    if let [_, fu] = empty.payload.as_mut_slice() {
                        *fu &= !START;
                    }
                    packets.insert(place + 1, empty);
                }
            }
            Quirk::FragmentStartLost if loses => {
                if let Some(packet) = packets.iter_mut().find(|packet| packet.is_fragment(START)) {
                    packet.kind = Kind::Lost;
                }
            }
            Quirk::StartCodesInPayload => {
                let Some(header) = packets.first().map(|packet| packet.header) else {
                    return;
                };
                let units: Vec<&[u8]> = annexb::nal_units(picture).collect();
                *packets = fragments(header, &units.join(&[0, 0, 0, 1][..]));
            }
            Quirk::ForeignPayloadType => {
                *packets = packets
                    .drain(..)
                    .flat_map(|packet| {
                        let mut twin = packet.clone();
                        twin.header.payload_type = PayloadType(50);
                        twin.kind = Kind::Twin;
                        [packet, twin]
                    })
                    .collect();
            }
            Quirk::LossOverTcp if loses => {
                if let Some(packet) = packets.last_mut() {
                    packet.kind = Kind::Lost;
                }
            }
            Quirk::LonePackets => lone_packets(packets),
            Quirk::Scrambled => packets.iter_mut().for_each(Outgoing::scramble),
            _ => {}
        }
    }

    fn bend_headers(&self, quirk: Quirk, packets: &mut [Outgoing]) {
        match quirk {
            Quirk::MarkerOnParameterSets => {
                for packet in packets.iter_mut().filter(|packet| !packet.is_of_picture()) {
                    packet.header.marker = true;
                }
            }
            Quirk::NoMarker => packets.iter_mut().for_each(|packet| packet.header.marker = false),
            Quirk::OddTimestampsInPicture => {
                for packet in packets {
                    if !packet.is_of_picture() {
                        packet.header.timestamp = self.last_timestamp.unwrap_or(packet.header.timestamp);
                    } else if packet.is_fragment(0) && !packet.is_fragment(START) {
                        packet.header.timestamp = RtpTimestamp(packet.header.timestamp.0.wrapping_add(90));
                    }
                }
            }
            Quirk::StaticPayloadType => {
                for packet in packets {
                    packet.header.payload_type = PayloadType(35);
                }
            }
            Quirk::MarkerOnEveryNalUnit => {
                for packet in packets {
                    packet.header.marker |= !packet.is_fragment(0) || packet.is_fragment(END);
                }
            }
            Quirk::HeaderExtension => packets
                .iter_mut()
                .for_each(|packet| packet.extension = Extension::Replay),
            _ => {}
        }
    }
}

/// What is in packets.
fn bend_payloads(quirk: Quirk, packets: &mut [Outgoing]) {
    for packet in packets {
        let is_later = packet.is_fragment(0) && !packet.is_fragment(START);
        let is_end = packet.is_fragment(END);
        let structure = packet.structure();
        match (quirk, packet.payload.as_mut_slice()) {
            (Quirk::StartAndEndInOneFragment, [header, ..]) if structure < STAP_A => {
                let (indicator, fu) = (*header & 0xe0 | FU_A, START | END | *header & 0x1f);
                packet.payload.splice(..1, [indicator, fu]);
            }
            (Quirk::ChangingFragmentHeaders, [indicator, fu, ..]) if is_later => {
                *indicator ^= 0x60;
                *fu ^= 0x04;
            }
            (Quirk::OddFragments, [_, fu, ..]) if structure == FU_A => *fu = (*fu | RESERVED) & !END,
            (Quirk::TrailingZeros, _) if structure != FU_A || is_end => {
                packet.payload.extend_from_slice(&[0; 4]);
            }
            (Quirk::AggregateTooShort, payload) if structure == STAP_A => lengthen_last(payload),
            _ => {}
        }
    }
}

/// Makes the last unit of a STAP-A say that it is longer than it is.
fn lengthen_last(stap_a: &mut [u8]) {
    let mut units = stap_a.get_mut(1..).unwrap_or_default();
    while let [high, low, rest @ ..] = units {
        let length = usize::from(u16::from_be_bytes([*high, *low]));
        if length >= rest.len() {
            *high = high.saturating_add(1);
            return;
        }
        units = rest.get_mut(length..).unwrap_or_default();
    }
}

/// A delimiter in front, every unit of an aggregate and an SEI by itself, a filler at the end.
fn lone_packets(packets: &mut Vec<Outgoing>) {
    const DELIMITER: [u8; 2] = [0x09, 0xf0];
    const FILLER: [u8; 3] = [0x0c, 0xff, 0x80];
    /// User data that nobody has registered.
    const SEI: [u8; 20] = [
        0x06, 0x05, 0x10, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 0x80,
    ];
    let Some(header) = packets.first().map(|packet| packet.header) else {
        return;
    };
    let lone = |payload: &[u8]| {
        let marker = false;
        Outgoing::new(PacketHeader { marker, ..header }, payload)
    };
    let mut all = vec![lone(&DELIMITER)];
    for packet in packets.drain(..) {
        if packet.structure() == STAP_A {
            let mut units = packet.payload.get(1..).unwrap_or_default();
            while let [high, low, rest @ ..] = units {
                let length = usize::from(u16::from_be_bytes([*high, *low])).min(rest.len());
                let (unit, next) = rest.split_at(length);
                all.push(lone(unit));
                units = next;
            }
            continue;
        }
        if packet.is_of_picture() && all.last().is_some_and(|last| !last.is_of_picture()) {
            all.push(lone(&SEI));
        }
        all.push(packet);
    }
    all.push(lone(&FILLER));
    *packets = all;
}

/// Cuts what is one NAL unit to the receiver into as many packets as it needs.
fn fragments(header: PacketHeader, unit: &[u8]) -> Vec<Outgoing> {
    let with_marker = |marker| PacketHeader { marker, ..header };
    let [first, rest @ ..] = unit else {
        return Vec::new();
    };
    if unit.len() <= MAX_PAYLOAD {
        return vec![Outgoing::new(with_marker(true), unit)];
    }
    let last = rest.len().div_ceil(MAX_PAYLOAD) - 1;
    rest.chunks(MAX_PAYLOAD)
        .enumerate()
        .map(|(place, chunk)| {
            let start = if place == 0 { START } else { 0 };
            let end = if place == last { END } else { 0 };
            let headers = [first & 0xe0 | FU_A, start | end | first & 0x1f];
            Outgoing::new(with_marker(place == last), &[&headers, chunk].concat())
        })
        .collect()
}

fn nal_unit_type(nal: &[u8]) -> NalUnitType {
    NalHeader::from_byte(nal.first().copied().unwrap_or_default()).nal_unit_type()
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
enum Kind {
    #[default]
    Sent,
    /// Takes a sequence number and is not sent.
    Lost,
    /// Has the sequence number of the packet before.
    Twin,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
enum Extension {
    #[default]
    None,
    /// 0xABAC of ONVIF's replay: NTP time, flags, a sequence number.
    Replay,
}

/// A packet that is not written yet.
#[derive(Debug, Clone)]
struct Outgoing {
    header: PacketHeader,
    payload: Vec<u8>,
    kind: Kind,
    extension: Extension,
}

impl Default for Outgoing {
    fn default() -> Self {
        let header = PacketHeader {
            payload_type: PayloadType(0),
            marker: false,
            sequence_number: SequenceNumber(0),
            timestamp: RtpTimestamp(0),
            ssrc: Ssrc(0),
        };
        Self::new(header, &[])
    }
}

impl Outgoing {
    fn new(header: PacketHeader, payload: &[u8]) -> Self {
        Self {
            header,
            payload: payload.to_vec(),
            kind: Kind::default(),
            extension: Extension::default(),
        }
    }

    /// What the plain camera wrote.
    fn read(bytes: &[u8]) -> Option<Self> {
        let packet = Packet::parse(bytes).ok()?;
        let header = PacketHeader {
            payload_type: packet.payload_type(),
            marker: packet.marker(),
            sequence_number: packet.sequence_number(),
            timestamp: packet.timestamp(),
            ssrc: packet.ssrc(),
        };
        Some(Self::new(header, packet.payload()))
    }

    fn write(&self, out: &mut Vec<u8>) {
        let start = out.len();
        self.header.write(out);
        if self.extension == Extension::Replay {
            if let Some(first) = out.get_mut(start) {
                *first |= 0x10;
            }
            out.extend_from_slice(&[0xab, 0xac, 0, 3, 0xe9, 0xd5, 0x2a, 0x80, 0, 0, 0, 0, 0, 0, 0, 1]);
        }
        out.extend_from_slice(&self.payload);
    }

    /// Puts noise behind the headers of NAL units and of what holds them.
    fn scramble(&mut self) {
        let mut noise = u32::from(self.header.sequence_number.0);
        let mut cover = |bytes: Option<&mut [u8]>| {
            for byte in bytes.unwrap_or_default() {
                // The generator of Numerical Recipes; its high bits are the better ones.
                noise = noise.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                [*byte, ..] = noise.to_be_bytes();
            }
        };
        match self.structure() {
            STAP_A => {
                let mut units = self.payload.get_mut(1..).unwrap_or_default();
                while let [high, low, rest @ ..] = units {
                    let length = usize::from(u16::from_be_bytes([*high, *low])).min(rest.len());
                    let (unit, next) = rest.split_at_mut(length);
                    cover(unit.get_mut(1..));
                    units = next;
                }
            }
            FU_A => cover(self.payload.get_mut(2..)),
            _ => cover(self.payload.get_mut(1..)),
        }
    }

    /// The number that tells how NAL units are held.
    fn structure(&self) -> u8 {
        self.payload.first().map_or(0, |first| first & 0x1f)
    }

    /// Whether it is an FU-A with these bits.
    fn is_fragment(&self, bits: u8) -> bool {
        matches!(self.payload.as_slice(), [indicator, fu, ..] if indicator & 0x1f == FU_A && fu & bits == bits)
    }

    /// Whether it holds a part of a picture, and not what stands beside pictures.
    fn is_of_picture(&self) -> bool {
        self.structure() == FU_A || nal_unit_type(&self.payload).is_vcl()
    }
}
