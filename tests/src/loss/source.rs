//! The camera's end: access units that can be told apart, and made again from their number.

use std::time::Duration;

use super::random::Random;

/// From one picture to the next, 30 a second.
pub(super) const INTERVAL: Duration = Duration::from_micros(33_333);

/// The same in ticks of 90 kHz.
pub(super) const TICKS: u32 = 3000;

/// Macroblocks of a picture, 20 by 12: 320x192.
const MACROBLOCKS: u32 = 240;

/// Of the slice headers.
const FRAME_NUM_BITS: u32 = 8;
const PICTURE_ORDER_BITS: u32 = 8;

/// Of the access unit's number, at the end of each slice, four bits a byte.
const NUMBER_BYTES: usize = 8;

/// In each byte of noise, so that none is 0 and no start code comes about.
const NO_ZEROS: u64 = 0x1010_1010_1010_1010;

/// What the pictures of a stream are like.
#[derive(Clone, Copy, Debug)]
pub struct Stream {
    /// Pictures from one IDR to the next; at most 100, so that `frame_num` and the picture order count never wrap.
    pub group: u32,
    /// Slices of a picture, 1 or more.
    pub slices: u32,
    /// Every so many pictures of a group one that nothing refers to; 0 for none. At least 2.
    pub disposable_every: u32,
    /// What stands in front of each picture.
    pub front: Front,
}

/// What stands in front of each picture.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Front {
    /// Nothing, but for the parameter sets of an IDR picture.
    Nothing,
    /// An access unit delimiter.
    Delimiter,
}

/// What a picture costs when it is lost.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Idr,
    Reference,
    /// Nothing refers to it: `nal_ref_idc` is 0.
    Disposable,
}

impl Stream {
    pub(super) fn kind(&self, number: u32) -> Kind {
        match number % self.group {
            0 => Kind::Idr,
            place if self.disposable_every > 1 && place % self.disposable_every == 0 => Kind::Disposable,
            _ => Kind::Reference,
        }
    }

    /// Writes access unit `number` in Annex-B form.
    pub(super) fn write(&self, number: u32, out: &mut Vec<u8>) {
        out.clear();
        let kind = self.kind(number);
        if self.front == Front::Delimiter {
            push(out, &[0x09, 0xf0]);
        }
        if kind == Kind::Idr {
            push(out, &sequence_parameter_set());
            push(out, &picture_parameter_set());
        }
        let mut random = Random::new(u64::from(number));
        for slice in 0..self.slices {
            self.write_slice(number, slice, kind, &mut random, out);
        }
    }

    /// The slice header is what an encoder would write; behind it stand noise and the picture's number.
    fn write_slice(&self, number: u32, slice: u32, kind: Kind, random: &mut Random, out: &mut Vec<u8>) {
        let place = number % self.group;
        // A disposable picture takes the next number, and so does the reference behind it.
        let disposable = place.saturating_sub(1).checked_div(self.disposable_every);
        let mut bits = Bits::new(match kind {
            Kind::Idr => 0x65,
            Kind::Reference => 0x41,
            Kind::Disposable => 0x01,
        });
        bits.ue(MACROBLOCKS * slice / self.slices);
        bits.ue(if kind == Kind::Idr { 7 } else { 5 });
        bits.ue(0);
        bits.put(FRAME_NUM_BITS, place - disposable.unwrap_or(0));
        if kind == Kind::Idr {
            bits.ue(number / self.group % 2);
        }
        bits.put(PICTURE_ORDER_BITS, 2 * place);
        // Flags: how references are marked, and before that, in P slices, how many there are and in which order.
        bits.put(if kind == Kind::Reference { 3 } else { 2 }, 0);
        let slice_qp_delta = 0;
        bits.ue(slice_qp_delta);
        let mut nal_unit = bits.padded();
        let most = if kind == Kind::Idr { 2500 } else { 700 };
        for _ in 0..2 + random.below(most / u64::from(8 * self.slices)) {
            nal_unit.extend((random.next() | NO_ZEROS).to_be_bytes());
        }
        nal_unit.extend(
            (0..NUMBER_BYTES)
                .rev()
                .map(|digit| 0x40 | low_bits(number >> (4 * digit), 4)),
        );
        nal_unit.push(0x80);
        push(out, &nal_unit);
    }
}

/// The number of the access unit that `data` claims to be, as its last slice says.
pub(super) fn number_of(data: &[u8]) -> Option<u32> {
    let slice = throughline_h264::annexb::nal_units(data).last()?;
    let (digits, _) = slice
        .get(slice.len().checked_sub(NUMBER_BYTES + 1)?..)?
        .split_last_chunk::<1>()?;
    Some(
        digits
            .iter()
            .fold(0, |number, digit| number << 4 | u32::from(digit & 15)),
    )
}

/// Baseline, level 3, 320x192, one reference.
fn sequence_parameter_set() -> Vec<u8> {
    let mut bits = Bits::new(0x67);
    bits.put(8, 66);
    bits.put(8, 0xc0);
    bits.put(8, 30);
    bits.ue(0);
    bits.ue(FRAME_NUM_BITS - 4);
    bits.ue(0);
    bits.ue(PICTURE_ORDER_BITS - 4);
    bits.ue(1);
    // gaps_in_frame_num_value_allowed_flag
    bits.put(1, 0);
    bits.ue(20 - 1);
    bits.ue(12 - 1);
    // Frames only, direct_8x8_inference_flag, no cropping, no VUI.
    bits.put(4, 0b1100);
    bits.stopped()
}

fn picture_parameter_set() -> Vec<u8> {
    let mut bits = Bits::new(0x68);
    bits.ue(0);
    bits.ue(0);
    // CAVLC, nothing about the order of fields.
    bits.put(2, 0);
    // One slice group, one reference in each list.
    (0..3).for_each(|_| bits.ue(0));
    // No weighted prediction.
    bits.put(3, 0);
    // Quantizers as they are.
    (0..3).for_each(|_| bits.ue(0));
    // No deblocking control, constrained intra prediction or redundant pictures.
    bits.put(3, 0);
    bits.stopped()
}

fn push(out: &mut Vec<u8>, nal_unit: &[u8]) {
    out.extend_from_slice(&[0, 0, 0, 1]);
    out.extend_from_slice(nal_unit);
}

fn low_bits(value: u32, count: u32) -> u8 {
    u8::try_from(value & ((1 << count) - 1)).unwrap_or_default()
}

/// A NAL unit under construction. Nothing written here has two zero bytes in a row, so that no emulation is to be
/// prevented.
struct Bits {
    bytes: Vec<u8>,
    /// Bits of the last byte that are not taken yet.
    free: u32,
}

impl Bits {
    fn new(header: u8) -> Self {
        Bits {
            bytes: vec![header],
            free: 0,
        }
    }

    fn put(&mut self, count: u32, value: u32) {
        for bit in (0..count).rev() {
            if self.free == 0 {
                self.bytes.push(0);
                self.free = 8;
            }
            self.free -= 1;
            if let Some(last) = self.bytes.last_mut() {
                *last |= low_bits(value >> bit, 1) << self.free;
            }
        }
    }

    /// Exp-Golomb, H.264 §9.1.
    fn ue(&mut self, value: u32) {
        self.put(2 * (value + 1).ilog2() + 1, value + 1);
    }

    /// Ones up to the next byte.
    fn padded(mut self) -> Vec<u8> {
        self.put(self.free, u32::MAX);
        self.bytes
    }

    /// With a stop bit.
    fn stopped(mut self) -> Vec<u8> {
        self.put(1, 1);
        self.bytes
    }
}
