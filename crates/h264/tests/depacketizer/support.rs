//! What the tests of this crate share.

use throughline_h264::{
    AccessUnit, DepacketizeErrorKind, Depacketizer, DepacketizerConfig, DepacketizerStats, NalHeader,
    RtpPayload, Timestamp, annexb,
};

/// 64x48, Constrained Baseline, level 1.0, 25 pictures per second.
pub(crate) const SPS: &[u8] = &[
    0x67, 0x42, 0xc0, 0x0a, 0xda, 0x11, 0xec, 0x04, 0x40, 0x00, 0x00, 0x03, 0x00, 0x40, 0x00, 0x00, 0x0c,
    0x83, 0xc4, 0x89, 0xa8,
];
pub(crate) const PPS: &[u8] = &[0x68, 0xce, 0x03, 0x9c, 0x80];
pub(crate) const AUD: &[u8] = &[0x09, 0xf0];
pub(crate) const SEI: &[u8] = &[0x06, 0x05, 0x04, 0xde, 0xad, 0xbe, 0xef, 0x80];

/// One payload of a `.txt` fixture.
#[derive(Clone)]
pub(crate) struct Line {
    pub(crate) data: Vec<u8>,
    pub(crate) timestamp: i64,
    pub(crate) marker: bool,
    pub(crate) lost_before: u32,
}

impl Line {
    pub(crate) fn payload(&self) -> RtpPayload<'_> {
        RtpPayload {
            data: &self.data,
            timestamp: Timestamp(self.timestamp),
            marker: self.marker,
            lost_before: self.lost_before,
        }
    }
}

/// Reads a fixture, whose form `testdata/README.md` tells.
pub(crate) fn lines(fixture: &str) -> Vec<Line> {
    let hex = |byte: &str| u8::from_str_radix(byte, 16).expect("a byte in hexadecimal");
    fixture
        .lines()
        .filter(|line| !line.starts_with('#'))
        .map(|line| {
            let mut words = line.split_whitespace();
            Line {
                timestamp: words
                    .next()
                    .and_then(|word| word.parse().ok())
                    .expect("a timestamp"),
                marker: words.next().expect("a marker") == "M",
                lost_before: words
                    .next()
                    .and_then(|word| word.parse().ok())
                    .expect("packets lost"),
                data: words.map(hex).collect(),
            }
        })
        .collect()
}

/// What came out of a depacketizer.
pub(crate) struct Played {
    pub(crate) units: Vec<AccessUnit>,
    pub(crate) errors: Vec<DepacketizeErrorKind>,
    pub(crate) stats: DepacketizerStats,
}

impl Played {
    /// Each access unit as its timestamp and the types of its NAL units.
    pub(crate) fn summary(&self) -> Vec<String> {
        self.units
            .iter()
            .map(|unit| format!("{}: {}", unit.timestamp.0, types(&unit.data)))
            .collect()
    }

    /// The NAL units of an access unit.
    pub(crate) fn nals(&self, index: usize) -> Vec<&[u8]> {
        annexb::nal_units(&self.units[index].data).collect()
    }
}

pub(crate) fn types(access_unit: &[u8]) -> String {
    let numbers: Vec<String> = annexb::nal_units(access_unit)
        .map(|nal| NalHeader::from_byte(nal[0]).nal_unit_type().number().to_string())
        .collect();
    numbers.join(" ")
}

/// Plays a fixture through a new depacketizer, flush included.
pub(crate) fn play(fixture: &str) -> Played {
    play_through(Depacketizer::new(DepacketizerConfig::default()), &lines(fixture))
}

pub(crate) fn play_through(mut depacketizer: Depacketizer, lines: &[Line]) -> Played {
    let (mut units, mut errors) = (Vec::new(), Vec::new());
    for line in lines {
        errors.extend(depacketizer.push(line.payload()).err().map(|error| error.kind));
        units.extend(std::iter::from_fn(|| depacketizer.pop()));
    }
    depacketizer.flush();
    units.extend(std::iter::from_fn(|| depacketizer.pop()));
    Played {
        units,
        errors,
        stats: depacketizer.stats(),
    }
}

pub(crate) fn annex_b<'a>(nals: impl IntoIterator<Item = &'a [u8]>) -> Vec<u8> {
    nals.into_iter()
        .flat_map(|nal| [&[0, 0, 0, 1], nal].concat())
        .collect()
}

/// xorshift64*: the same numbers on every machine.
pub(crate) struct Rng(u64);

impl Rng {
    pub(crate) fn new(seed: u64) -> Self {
        Self(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1)
    }

    pub(crate) fn next(&mut self) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_f491_4f6c_dd1d)
    }

    /// A number below `limit`.
    pub(crate) fn below(&mut self, limit: usize) -> usize {
        usize::try_from(self.next() >> 33).expect("31 bits") % limit
    }

    pub(crate) fn chance(&mut self, one_in: usize) -> bool {
        self.below(one_in) == 0
    }

    /// A NAL unit that begins with `head` and goes on with data that needs no emulation prevention.
    pub(crate) fn nal(&mut self, head: &[u8], length: usize) -> Vec<u8> {
        let mut nal = head.to_vec();
        while nal.len() < length {
            let byte = self.next().to_le_bytes()[3];
            nal.push(if nal.last() == Some(&0) { byte | 4 } else { byte });
        }
        nal.push(0x80);
        nal
    }
}
