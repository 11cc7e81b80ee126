use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;
use std::time::{Duration, Instant};

use throughline_rtp::{
    DropReason, GapPolicy, Ordered, Packet, PacketHeader, PayloadType, Policy, Pushed, ReorderBuffer,
    ReorderConfig, RtpTimestamp, SequenceNumber, Ssrc,
};

use crate::input::Input;

/// How far ahead and behind a packet is still the stream's: the contract of [`ReorderBuffer`].
const AHEAD: i64 = 3000;
const BEHIND: i64 = 100;

/// As many packets in a row are a new stream; until then they wait beside the others.
const CANDIDATES: u64 = 3;

/// Packets in any order at any time come out in order, each once and not too late, and with those counted as lost they
/// add up to the sequence.
pub fn rtp_reorder(data: &[u8]) {
    let mut input = Input::new(data);
    let config = ReorderConfig {
        max_delay: Duration::from_millis(u64::from(input.u8() % 32)),
        min_delay: Duration::from_millis(10),
        max_packets: usize::from(input.u8() % 16),
        loss: if input.u8().is_multiple_of(2) {
            GapPolicy::Wait
        } else {
            GapPolicy::Immediate
        },
        policy: Policy::default(),
    };
    let mut bench = Bench::new(config);
    let (mut sequence, mut ssrc) = (input.u16(), 0);
    while !input.is_empty() {
        let operation = input.u8();
        match operation % 8 {
            0..=3 => {
                sequence = sequence
                    .wrapping_add(u16::from(operation >> 3 & 7))
                    .wrapping_sub(2);
            }
            4 => sequence = sequence.wrapping_add_signed(i16::from(input.u8().cast_signed()) * 16),
            5 => ssrc = input.u8() % 3,
            6 => {
                bench.pass(Duration::from_millis(u64::from(input.u8() % 64)));
                continue;
            }
            _ => {
                bench.reset();
                continue;
            }
        }
        bench.push(sequence, ssrc);
        sequence = sequence.wrapping_add(1);
        if operation & 0x80 == 0 {
            bench.drain();
        }
    }
    bench.drain();
    bench.reset();
    assert_eq!(
        bench.inside(),
        0,
        "each packet is counted once: {:?}",
        bench.buffer.stats()
    );
}

/// The buffer, and beside it what is known of its stream without any cleverness.
struct Bench {
    config: ReorderConfig,
    buffer: ReorderBuffer,
    now: Instant,
    pushed: Vec<Record>,
    stream: Option<Stream>,
    drained: bool,
    lost: u64,
    /// The greatest lately of a packet that was overtaken.
    lateness: Duration,
    /// The packets before this one may have waited for a new stream to be believed, which has no limit in time.
    on_time_from: usize,
}

/// A packet that was pushed; its number is the RTP timestamp that it carries.
struct Record {
    sequence: u16,
    ssrc: u8,
    arrival: Instant,
    is_out: bool,
}

/// Positions are sequence numbers that do not wrap.
struct Stream {
    ssrc: u8,
    next: i64,
    out: BTreeSet<i64>,
    /// With their arrival.
    held: BTreeMap<i64, Instant>,
    /// The gap that was given up last, and when it was seen.
    given_up: Option<(Range<i64>, Instant)>,
}

impl Stream {
    fn starting_with(sequence: u16, ssrc: u8) -> Self {
        Self {
            ssrc,
            next: i64::from(sequence),
            out: BTreeSet::new(),
            held: BTreeMap::new(),
            given_up: None,
        }
    }

    /// Where a sequence number is, the shorter way round from the next one.
    fn position(&self, sequence: u16) -> i64 {
        let away = i64::from(sequence) - self.next;
        self.next + (away + 0x8000).rem_euclid(0x1_0000) - 0x8000
    }

    /// The same, if the packet is of this stream.
    fn position_of(&self, sequence: u16, ssrc: u8) -> Option<i64> {
        let position = self.position(sequence);
        (ssrc == self.ssrc && (-BEHIND..AHEAD).contains(&(position - self.next))).then_some(position)
    }

    /// What must become of a packet of this stream.
    fn foretell(&self, position: i64, loss: GapPolicy) -> Fate {
        if self.out.contains(&position) || self.held.contains_key(&position) {
            Fate::Dropped(DropReason::Duplicate)
        } else if position < self.next {
            Fate::Dropped(DropReason::Late)
        } else if position == self.next || loss == GapPolicy::Immediate {
            Fate::InOrder
        } else {
            Fate::Held
        }
    }
}

/// What became of a packet, without the packet.
#[derive(Debug, PartialEq)]
enum Fate {
    InOrder,
    Held,
    Dropped(DropReason),
}

impl Bench {
    fn new(config: ReorderConfig) -> Self {
        Self {
            config,
            buffer: ReorderBuffer::new(config),
            now: Instant::now(),
            pushed: Vec::new(),
            stream: None,
            drained: true,
            lost: 0,
            lateness: config.max_delay / 2,
            on_time_from: 0,
        }
    }

    fn push(&mut self, sequence: u16, ssrc: u8) {
        let number = self.pushed.len();
        self.pushed.push(Record {
            sequence,
            ssrc,
            arrival: self.now,
            is_out: false,
        });
        let stream = self
            .stream
            .get_or_insert_with(|| Stream::starting_with(sequence, ssrc));
        let position = stream.position_of(sequence, ssrc);
        let foretold = position.map(|position| stream.foretell(position, self.config.loss));

        let overtaken = position.and_then(|position| {
            let after = stream.held.range(position..).map(|(_, arrival)| *arrival).min();
            let given_up = stream
                .given_up
                .as_ref()
                .filter(|(gap, _)| gap.contains(&position));
            after
                .filter(|_| position >= stream.next)
                .or(given_up.map(|(_, seen)| *seen))
        });

        let bytes = packet(number, sequence, ssrc);
        let Ok(packet) = Packet::parse(&bytes) else {
            unreachable!("written by this crate")
        };
        let fate = match self.buffer.push(self.now, packet) {
            Pushed::InOrder(ordered) => {
                let out = Out::of(&ordered);
                self.deliver(&out);
                Fate::InOrder
            }
            Pushed::Held => Fate::Held,
            Pushed::Dropped(reason) => Fate::Dropped(reason),
        };
        match foretold {
            // Before it is drained, the buffer may have no room.
            _ if !self.drained => {}
            Some(foretold) => assert_eq!(fate, foretold, "packet {number}, sequence number {sequence}"),
            None => assert_ne!(fate, Fate::InOrder, "packet {number} is of no stream yet"),
        }
        if let Some(overtaken) = overtaken
            && matches!(fate, Fate::InOrder | Fate::Held | Fate::Dropped(DropReason::Late))
        {
            self.learn(self.now - overtaken);
        }
        if let (Fate::Held, Some(position), Some(stream)) = (fate, position, &mut self.stream) {
            stream.held.insert(position, self.now);
        }
        self.drained = false;
        assert!(self.inside() <= self.config.max_packets.max(1) as u64 + CANDIDATES);
    }

    fn drain(&mut self) {
        while let Some(out) = self.buffer.pop_held(self.now).map(|ordered| Out::of(&ordered)) {
            self.note_given_up(&out);
            self.deliver(&out);
        }
        self.drained = true;
        let bounds = (
            self.config.min_delay.min(self.config.max_delay),
            self.config.max_delay,
        );
        assert_eq!(self.buffer.delay(), (self.lateness * 2).clamp(bounds.0, bounds.1));
        assert!(
            self.buffer.wake_at().is_none_or(|at| at > self.now),
            "it would wake at once, for nothing"
        );
    }

    /// Lets time pass as a caller does that keeps its appointments.
    fn pass(&mut self, time: Duration) {
        let end = self.now + time;
        self.drain();
        while let Some(at) = self.buffer.wake_at().filter(|at| *at <= end) {
            self.now = at;
            self.drain();
        }
        self.now = end;
    }

    fn learn(&mut self, lateness: Duration) {
        if lateness <= self.config.max_delay {
            self.lateness -= self.lateness / 256;
            self.lateness = self.lateness.max(lateness);
        }
    }

    /// A packet that was held comes out; what is missing before it has been given up.
    fn note_given_up(&mut self, out: &Out) {
        let Some(stream) = self
            .stream
            .as_mut()
            .filter(|_| out.lost_before > 0 && !out.resynchronized)
        else {
            return;
        };
        let seen = stream.held.values().min().copied();
        let gap = stream.next..stream.next + i64::from(out.lost_before);
        stream.given_up = seen.map(|seen| (gap, seen));
        self.lateness -= self.lateness / 256;
    }

    fn reset(&mut self) {
        self.buffer.reset();
        self.stream = None;
        self.drained = true;
        assert_eq!(self.buffer.wake_at(), None);
        assert!(self.buffer.pop_held(self.now).is_none());
    }

    fn deliver(&mut self, out: &Out) {
        let count = self.pushed.len();
        let record = &mut self.pushed[out.number];
        assert!(!record.is_out, "packet {} comes out twice", out.number);
        record.is_out = true;
        assert_eq!((out.sequence, out.ssrc), (record.sequence, record.ssrc));
        if out.resynchronized {
            assert_eq!(out.lost_before, 1);
            self.stream = Some(Stream::starting_with(out.sequence, out.ssrc));
            self.on_time_from = count;
        } else {
            self.lost += u64::from(out.lost_before);
        }
        if out.number >= self.on_time_from {
            assert!(
                self.now - record.arrival <= self.config.max_delay,
                "packet {} comes too late",
                out.number
            );
        }
        let Some(stream) = &mut self.stream else {
            unreachable!("a packet without a stream")
        };
        let skipped = if out.resynchronized {
            0
        } else {
            i64::from(out.lost_before)
        };
        let position = stream.position(out.sequence);
        assert_eq!(
            (position, out.ssrc),
            (stream.next + skipped, stream.ssrc),
            "out of order"
        );
        stream.next = position + 1;
        stream.out.insert(position);
        stream.held.remove(&position);
        assert_eq!(self.buffer.stats().lost, self.lost);
    }

    /// Packets that have neither come out nor been dropped.
    fn inside(&self) -> u64 {
        let stats = self.buffer.stats();
        let gone = stats.delivered + stats.duplicates + stats.late + stats.discarded + stats.undrained;
        self.pushed.len() as u64 - gone
    }
}

/// What came out, without the bytes.
struct Out {
    number: usize,
    sequence: u16,
    ssrc: u8,
    lost_before: u32,
    resynchronized: bool,
}

impl Out {
    fn of(ordered: &Ordered<'_>) -> Self {
        let header = ordered.packet;
        let number = header.timestamp().0 as usize;
        let (sequence, ssrc) = (header.sequence_number().0, header.ssrc().0.to_be_bytes()[3]);
        let bytes = packet(number, sequence, ssrc);
        assert_eq!(Packet::parse(&bytes), Ok(header), "not what was pushed");
        Self {
            number,
            sequence,
            ssrc,
            lost_before: ordered.lost_before,
            resynchronized: ordered.resynchronized,
        }
    }
}

/// A packet whose payload tells it from others of the same length too.
fn packet(number: usize, sequence: u16, ssrc: u8) -> Vec<u8> {
    let mut bytes = Vec::new();
    PacketHeader {
        payload_type: PayloadType(96),
        marker: false,
        sequence_number: SequenceNumber(sequence),
        timestamp: RtpTimestamp(u32::try_from(number).unwrap_or(u32::MAX)),
        ssrc: Ssrc(ssrc.into()),
    }
    .write(&mut bytes);
    bytes.extend(number.to_be_bytes().repeat(number % 4));
    bytes
}
