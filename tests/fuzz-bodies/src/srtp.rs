#![expect(clippy::unwrap_used, reason = "what is of our own making is right")]

use std::collections::BTreeSet;

use throughline_rtp::{PacketHeader, PayloadType, RtpTimestamp, SequenceNumber, Ssrc};
use throughline_srtp::transform::{Protector, REPLAY_WINDOW, UnprotectFault, Unprotector};
use throughline_srtp::{Keys, Mki, Suite};

use crate::input::Input;

/// How many sources send.
const SOURCES: u8 = 3;

/// What was sent comes out as it was, once, in any order within the window and over wraps; what was changed on its way
/// or was never sent does not come out, and changes nothing.
pub fn srtp(data: &[u8]) {
    let mut input = Input::new(data);
    let mut bench = Bench::new(&mut input);
    while !input.is_empty() {
        let operation = input.u8();
        let source = operation >> 4 & 3;
        match operation & 0x0f {
            0..=4 => bench.send(source % SOURCES, u64::from(operation & 0x0f) + 1),
            5 => bench.send(source % SOURCES, u64::from(input.u8()) * 100 + 1),
            6 => bench.hold(source % SOURCES),
            7 | 8 => bench.release(input.u8().into()),
            9 | 10 => bench.change(input.u8().into(), input.u16().into(), input.u8()),
            11 | 12 => bench.foreign(input.bytes(usize::from(operation >> 4) * 8)),
            _ => bench.report(source % SOURCES),
        }
    }
}

/// A packet of one source: its index is the sequence number with the wraps counted.
#[derive(Clone)]
struct Sent {
    source: u8,
    index: u64,
    protected: Vec<u8>,
}

struct Bench {
    protector: Protector,
    unprotector: Unprotector,
    /// The rollover counter that it was told of the first source.
    told: u64,
    /// The last index that each source has used.
    last: [u64; SOURCES as usize],
    /// The highest that came out.
    highest: [Option<u64>; SOURCES as usize],
    came: BTreeSet<(u8, u64)>,
    held: Vec<Sent>,
    reports: Vec<Vec<u8>>,
}

impl Bench {
    fn new(input: &mut Input<'_>) -> Self {
        let suite = Suite::ALL[usize::from(input.u8()) % Suite::ALL.len()];
        let mki = input.u8();
        let keys = Keys::generate(
            suite,
            &[0x3c; Keys::MAX_LEN],
            Mki::new(&vec![mki; usize::from(mki % 5)]),
        );
        let mut protector = Protector::new(&keys).unwrap();
        // One source has wrapped before the other end came, and told so, perhaps one wrap ago.
        let late = input.u8();
        let rollover_counter = u64::from(late % 3);
        let begun = (rollover_counter << 16) + 100;
        let told = rollover_counter.saturating_sub(u64::from(late >> 7));
        let mut last = [0; SOURCES as usize];
        while last[0] + 0x7000 < begun {
            last[0] += 0x7000;
            protector.protect_rtp(&packet(0, last[0])).unwrap();
        }
        last[0] = begun;
        protector.protect_rtp(&packet(0, begun)).unwrap();
        Self {
            protector,
            unprotector: Unprotector::new(&[keys], &[(Ssrc(0), u32::try_from(told).unwrap())]).unwrap(),
            told,
            last,
            highest: [None; SOURCES as usize],
            came: BTreeSet::new(),
            held: Vec::new(),
            reports: Vec::new(),
        }
    }

    fn make(&mut self, source: u8, ahead: u64) -> Sent {
        let last = &mut self.last[usize::from(source)];
        *last += ahead;
        let index = *last;
        let protected = self
            .protector
            .protect_rtp(&packet(source, index))
            .unwrap()
            .to_vec();
        Sent {
            source,
            index,
            protected,
        }
    }

    fn send(&mut self, source: u8, ahead: u64) {
        let sent = self.make(source, ahead);
        self.deliver(&sent);
    }

    fn hold(&mut self, source: u8) {
        let sent = self.make(source, 1);
        self.held.push(sent);
    }

    /// A packet that was held back, or comes again.
    fn release(&mut self, choice: usize) {
        if let Some(sent) = self.held.get(choice % self.held.len().max(1)).cloned() {
            self.deliver(&sent);
        }
    }

    fn deliver(&mut self, sent: &Sent) {
        let highest = &mut self.highest[usize::from(sent.source)];
        let is_new = !self.came.contains(&(sent.source, sent.index));
        match self.unprotector.unprotect_rtp(&sent.protected) {
            Ok(plain) => {
                assert!(is_new, "came twice");
                assert_eq!(plain, packet(sent.source, sent.index));
                *highest = (*highest).max(Some(sent.index));
                self.came.insert((sent.source, sent.index));
            }
            Err(error) => {
                let behind = highest.map_or(0, |highest| highest.saturating_sub(sent.index));
                let is_late = behind >= u64::from(REPLAY_WINDOW);
                let is_lost = match *highest {
                    // Half a turn on, nobody can know the rollover counter.
                    Some(highest) => sent.index.saturating_sub(highest) > 0x7fff,
                    None if sent.source == 0 => !(self.told..=self.told + 1).contains(&(sent.index >> 16)),
                    None => sent.index >> 16 > 0,
                };
                assert!(!is_new || is_late || is_lost, "{error}");
                if !is_new && !is_late {
                    assert_eq!(error.fault(), UnprotectFault::Replayed);
                }
            }
        }
    }

    fn change(&mut self, choice: usize, place: usize, by: u8) {
        let Some(sent) = self.held.get(choice % self.held.len().max(1)) else {
            return;
        };
        let mut changed = sent.protected.clone();
        let place = place % changed.len();
        changed[place] ^= by.max(1);
        assert!(self.unprotector.unprotect_rtp(&changed).is_err());
        assert!(self.unprotector.unprotect_rtcp(&changed).is_err());
        assert!(self.unprotector.unprotect_rtp(&changed[..place]).is_err());
    }

    fn foreign(&mut self, bytes: &[u8]) {
        assert!(self.unprotector.unprotect_rtp(bytes).is_err());
        assert!(self.unprotector.unprotect_rtcp(bytes).is_err());
    }

    fn report(&mut self, source: u8) {
        let plain = [0x80, 201, 0, 1, 0, 0, 0, source];
        let protected = self.protector.protect_rtcp(&plain).unwrap().to_vec();
        assert_eq!(self.unprotector.unprotect_rtcp(&protected), Ok(&plain[..]));
        self.reports.push(protected);
        for again in &self.reports {
            assert!(self.unprotector.unprotect_rtcp(again).is_err(), "came twice");
        }
        self.reports.truncate(8);
    }
}

fn packet(source: u8, index: u64) -> Vec<u8> {
    let mut bytes = Vec::new();
    let [.., high, low] = index.to_be_bytes();
    PacketHeader {
        payload_type: PayloadType(96),
        marker: index.is_multiple_of(7),
        sequence_number: SequenceNumber(u16::from_be_bytes([high, low])),
        timestamp: RtpTimestamp(0),
        ssrc: Ssrc(source.into()),
    }
    .write(&mut bytes);
    bytes.extend(index.to_be_bytes());
    bytes
}
