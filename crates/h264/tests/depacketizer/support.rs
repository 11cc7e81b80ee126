//! What the tests of this crate share.

use throughline_h264::{
    AccessUnit, DepacketizeErrorKind, Depacketizer, DepacketizerConfig, DepacketizerStats, NalHeader,
    RtpPayload, Timestamp, Tolerances, annexb,
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
    pub(crate) tolerated: Tolerances,
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
        stats: *depacketizer.stats(),
        tolerated: depacketizer.tolerated(),
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

/// The header of a slice that [`SPS`] and [`PPS`] explain, with data that is not real behind it.
#[derive(Clone, Copy)]
pub(crate) struct Slice {
    /// `nal_unit_type` and `nal_ref_idc`.
    pub(crate) nal_header: u8,
    pub(crate) first_mb: u32,
    /// `slice_type`: 5 is P, 6 is B, 7 is I.
    pub(crate) coding: u32,
    pub(crate) frame_num: u32,
    pub(crate) idr_pic_id: u32,
    /// Operation 5 of the marking of reference pictures.
    pub(crate) resets: bool,
}

impl Slice {
    pub(crate) const IDR: Self = Self {
        nal_header: 0x65,
        first_mb: 0,
        coding: 7,
        frame_num: 0,
        idr_pic_id: 0,
        resets: false,
    };

    /// The picture of this number behind an IDR picture, which is number 0.
    pub(crate) fn number(number: u8) -> Self {
        if number == 0 {
            return Self::IDR;
        }
        Self {
            nal_header: 0x41,
            coding: 5,
            frame_num: u32::from(number) % 16,
            ..Self::IDR
        }
    }

    pub(crate) fn nal(&self) -> Vec<u8> {
        let mut bits = Bits::default();
        bits.ue(self.first_mb);
        bits.ue(self.coding);
        bits.ue(0); // pic_parameter_set_id
        bits.write(4, self.frame_num);
        if self.nal_header & 0x1f == 5 {
            bits.ue(self.idr_pic_id);
        }
        if self.coding == 6 {
            bits.write(1, 0); // direct_spatial_mv_pred_flag
        }
        if self.coding != 7 {
            bits.write(2, 0); // num_ref_idx_active_override_flag, ref_pic_list_modification_flag
        }
        if self.coding == 6 {
            bits.write(1, 0); // the flag of list 1
        }
        if self.nal_header & 0x1f == 5 {
            bits.write(2, 0);
        } else if self.nal_header & 0x60 != 0 {
            bits.write(1, u32::from(self.resets));
            if self.resets {
                bits.ue(5);
                bits.ue(0);
            }
        }
        bits.write(24, 0x00a5_c5e5);
        [&[self.nal_header][..], &bits.bytes(), &[0x80]].concat()
    }
}

#[derive(Default)]
pub(crate) struct Bits(Vec<bool>);

impl Bits {
    pub(crate) fn write(&mut self, count: u32, value: u32) {
        self.0.extend((0..count).rev().map(|bit| value >> bit & 1 == 1));
    }

    pub(crate) fn ue(&mut self, value: u32) {
        let bits = (value + 1).ilog2();
        self.write(bits, 0);
        self.write(bits + 1, value + 1);
    }

    pub(crate) fn bytes(&self) -> Vec<u8> {
        let byte = |bits: &[bool]| {
            (0..8).fold(0, |byte, at| {
                byte << 1 | u8::from(bits.get(at).copied().unwrap_or_default())
            })
        };
        self.0.chunks(8).map(byte).collect()
    }
}
