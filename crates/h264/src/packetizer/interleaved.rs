//! The interleaved mode: NAL units out of decoding order, each with its number in it.

use std::collections::VecDeque;

use super::{FU_A, INDICATOR, MAX_PAYLOAD, MIN_PAYLOAD, merged_indicator};
use crate::access_unit::Timestamp;
use crate::annexb::nal_units;
use crate::nal::NalHeader;

/// NAL units that may be sent before one that precedes them: what the 8 bits of an MTAP's order numbers can tell.
pub const MAX_INTERLEAVING_DEPTH: usize = 255;

const STAP_B: u8 = 25;
const MTAP16: u8 = 26;
const MTAP24: u8 = 27;
const FU_B: u8 = 29;

/// Which payload structure holds NAL units that fit.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Mixture {
    /// STAP-B: NAL units of one time, in decoding order.
    #[default]
    StapB,
    /// MTAP16: in any order, times up to 65,535 units apart.
    Mtap16,
    /// MTAP24: in any order, times up to 16,777,215 units apart.
    Mtap24,
}

impl Mixture {
    /// Bytes in front of the first NAL unit's own ones.
    const HEADER: usize = 3;

    const fn payload_type(self) -> u8 {
        match self {
            Self::StapB => STAP_B,
            Self::Mtap16 => MTAP16,
            Self::Mtap24 => MTAP24,
        }
    }

    /// Bytes in front of each NAL unit.
    const fn unit_header(self) -> usize {
        match self {
            Self::StapB => 2,
            Self::Mtap16 => 5,
            Self::Mtap24 => 6,
        }
    }

    /// Bytes of a timestamp's offset, low ones.
    const fn offset_bytes(self) -> usize {
        match self {
            Self::StapB => 0,
            Self::Mtap16 => 2,
            Self::Mtap24 => 3,
        }
    }
}

/// Settings of an [`InterleavedPacketizer`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct InterleavedConfig {
    /// Bytes of a payload, taken into the range 16 to 65,000. Default: 1200.
    pub max_payload: usize,
    /// How NAL units are put together. Default: STAP-B.
    pub mixture: Mixture,
    /// `sprop-interleaving-depth`: how many NAL units overtake another one, [`MAX_INTERLEAVING_DEPTH`] at most. With 0
    /// transmission order is decoding order. Default: 2.
    pub depth: usize,
    /// Decoding order number of the first NAL unit, as it wraps at 65,536. Default: 0.
    pub first_don: u16,
}

impl Default for InterleavedConfig {
    fn default() -> Self {
        Self {
            max_payload: 1200,
            mixture: Mixture::default(),
            depth: 2,
            first_don: 0,
        }
    }
}

/// One RTP packet's content.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InterleavedPacket {
    /// The payload.
    pub payload: Vec<u8>,
    /// Of the earliest NAL unit in it.
    pub timestamp: Timestamp,
    /// The marker bit: its last NAL unit is its access unit's last one in decoding order.
    pub marker: bool,
}

/// Cuts access units into RTP payloads of the interleaved mode
/// ([RFC 6184 §5.5](https://www.rfc-editor.org/rfc/rfc6184#section-5.5), `packetization-mode` 2).
///
/// Of each `depth` + 1 NAL units the first one is sent last. It is made for trying receivers out: it holds NAL units
/// back, and copies and allocates, which [`Packetizer`](crate::Packetizer) does not. What it holds is bounded by the depth
/// and one payload.
///
/// ```
/// use throughline_h264::{InterleavedConfig, InterleavedPacketizer, Timestamp};
///
/// let mut packetizer = InterleavedPacketizer::new(InterleavedConfig { depth: 0, ..InterleavedConfig::default() });
/// packetizer.push(&[0, 0, 1, 0x65, 0x88, 0x80], Timestamp(0));
/// packetizer.flush();
/// // STAP-B, decoding order number 0, three bytes
/// assert_eq!(packetizer.pop().expect("a packet").payload, [0x79, 0, 0, 0, 3, 0x65, 0x88, 0x80]);
/// ```
#[derive(Clone, Debug)]
pub struct InterleavedPacketizer {
    config: InterleavedConfig,
    next_don: u16,
    /// In decoding order, until there are enough to change their order.
    held: Vec<Unit>,
    /// In transmission order, for the payload under construction.
    together: Vec<Unit>,
    ready: VecDeque<InterleavedPacket>,
}

#[derive(Clone, Debug)]
struct Unit {
    don: u16,
    timestamp: Timestamp,
    is_last: bool,
    nal: Vec<u8>,
}

impl InterleavedPacketizer {
    /// A packetizer that has seen nothing yet.
    pub fn new(mut config: InterleavedConfig) -> Self {
        config.max_payload = config.max_payload.clamp(MIN_PAYLOAD, MAX_PAYLOAD);
        config.depth = config.depth.min(MAX_INTERLEAVING_DEPTH);
        Self {
            config,
            next_don: config.first_don,
            held: Vec::new(),
            together: Vec::new(),
            ready: VecDeque::new(),
        }
    }

    /// Takes the next access unit, in Annex-B form. Then [`pop`](Self::pop) until it gives none: what is ready is that
    /// access unit's size and what was held before.
    pub fn push(&mut self, access_unit: &[u8], timestamp: Timestamp) {
        let mut nals = nal_units(access_unit).peekable();
        while let Some(nal) = nals.next() {
            self.held.push(Unit {
                don: self.next_don,
                timestamp,
                is_last: nals.peek().is_none(),
                nal: nal.to_vec(),
            });
            self.next_don = self.next_don.wrapping_add(1);
            if self.held.len() > self.config.depth {
                self.transmit_held();
            }
        }
    }

    /// Makes packets of what is held, as no more will come.
    pub fn flush(&mut self) {
        self.transmit_held();
        self.end_payload();
    }

    /// The next packet in transmission order.
    pub fn pop(&mut self) -> Option<InterleavedPacket> {
        self.ready.pop_front()
    }

    fn transmit_held(&mut self) {
        let mut units = std::mem::take(&mut self.held);
        if !units.is_empty() {
            units.rotate_left(1);
        }
        for unit in units.drain(..) {
            self.transmit(unit);
        }
        self.held = units;
    }

    fn transmit(&mut self, unit: Unit) {
        let mixture = self.config.mixture;
        let alone = Mixture::HEADER + mixture.unit_header() + unit.nal.len();
        if alone > self.config.max_payload {
            self.end_payload();
            self.fragment(&unit);
            return;
        }
        if !self.may_join(&unit) {
            self.end_payload();
        }
        self.together.push(unit);
    }

    fn may_join(&self, unit: &Unit) -> bool {
        let mixture = self.config.mixture;
        let units = || self.together.iter().chain([unit]);
        let size: usize = units().map(|unit| mixture.unit_header() + unit.nal.len()).sum();
        if Mixture::HEADER + size > self.config.max_payload || self.together.len() > MAX_INTERLEAVING_DEPTH {
            return false;
        }
        if mixture == Mixture::StapB {
            let follows =
                |last: &Unit| last.don.wrapping_add(1) == unit.don && last.timestamp == unit.timestamp;
            return self.together.last().is_none_or(follows);
        }
        let max_offset = (1i64 << (8 * mixture.offset_bytes())) - 1;
        let base = base_of(&self.together, unit);
        let earliest = units().map(|unit| unit.timestamp).min();
        units().all(|unit| {
            let offset = earliest.map_or(0, |earliest| unit.timestamp.0.saturating_sub(earliest.0));
            u8::try_from(unit.don.wrapping_sub(base)).is_ok() && offset <= max_offset
        })
    }

    /// What belongs together goes into one payload.
    fn end_payload(&mut self) {
        let Some(first) = self.together.first() else {
            return;
        };
        let mixture = self.config.mixture;
        let base = base_of(&self.together, first);
        let timestamp = self.together.iter().map(|unit| unit.timestamp).min();
        let timestamp = timestamp.unwrap_or(first.timestamp);
        let mut payload = vec![0];
        payload.extend_from_slice(&base.to_be_bytes());
        let mut indicator = 0;
        let mut marker = false;
        for unit in self.together.drain(..) {
            let header = NalHeader::from_byte(unit.nal.first().copied().unwrap_or_default());
            indicator = merged_indicator(indicator, header);
            marker = unit.is_last;
            // It fits into a payload, whose size has 16 bits.
            let size = u16::try_from(unit.nal.len()).unwrap_or(u16::MAX);
            payload.extend_from_slice(&size.to_be_bytes());
            if mixture != Mixture::StapB {
                let difference = unit.don.wrapping_sub(base);
                payload.push(u8::try_from(difference).unwrap_or(u8::MAX));
                let offset = unit.timestamp.0.wrapping_sub(timestamp.0).to_be_bytes();
                payload.extend(offset.iter().skip(offset.len() - mixture.offset_bytes()));
            }
            payload.extend_from_slice(&unit.nal);
        }
        if let Some(first) = payload.first_mut() {
            *first = indicator | mixture.payload_type();
        }
        self.ready.push_back(InterleavedPacket {
            payload,
            timestamp,
            marker,
        });
    }

    /// An FU-B, which has the decoding order number, and FU-As behind it
    /// ([RFC 6184 §5.8](https://www.rfc-editor.org/rfc/rfc6184#section-5.8)).
    fn fragment(&mut self, unit: &Unit) {
        let Some((&header, mut rest)) = unit.nal.split_first() else {
            return;
        };
        let (indicator, nal_unit_type) = (header & INDICATOR, header & !INDICATOR);
        // Start and end never share a fragment, so something is left for the end.
        let first = (self.config.max_payload - 4).min(rest.len().saturating_sub(1));
        let [don_high, don_low] = unit.don.to_be_bytes();
        let mut headers = vec![indicator | FU_B, 0x80 | nal_unit_type, don_high, don_low];
        let mut size = first;
        while !rest.is_empty() {
            let (fragment, after) = rest.split_at(size.min(rest.len()));
            let is_end = after.is_empty();
            if let Some(fu_header) = headers.get_mut(1) {
                *fu_header |= if is_end { 0x40 } else { 0 };
            }
            headers.extend_from_slice(fragment);
            self.ready.push_back(InterleavedPacket {
                payload: headers,
                timestamp: unit.timestamp,
                marker: is_end && unit.is_last,
            });
            headers = vec![indicator | FU_A, nal_unit_type];
            size = self.config.max_payload - 2;
            rest = after;
        }
    }
}

/// The decoding order number that comes first among some that are close together.
fn base_of(together: &[Unit], unit: &Unit) -> u16 {
    let dons = together.iter().map(|unit| unit.don);
    dons.fold(unit.don, |base, don| {
        if don.wrapping_sub(base) > u16::MAX / 2 {
            don
        } else {
            base
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn packets(config: InterleavedConfig, access_units: &[(&[u8], i64)]) -> Vec<InterleavedPacket> {
        let mut packetizer = InterleavedPacketizer::new(config);
        for (access_unit, timestamp) in access_units {
            packetizer.push(access_unit, Timestamp(*timestamp));
        }
        packetizer.flush();
        std::iter::from_fn(|| packetizer.pop()).collect()
    }

    fn packet(payload: &[u8], timestamp: i64, marker: bool) -> InterleavedPacket {
        InterleavedPacket {
            payload: payload.to_vec(),
            timestamp: Timestamp(timestamp),
            marker,
        }
    }

    const SETS_AND_IDR: &[u8] = &[0, 0, 1, 0x67, 1, 0, 0, 1, 0x48, 2, 0, 0, 1, 0x65, 3];
    const NEXT: &[u8] = &[0, 0, 1, 0x41, 4];

    #[test]
    fn stap_b_holds_what_follows_in_decoding_order() {
        let config = InterleavedConfig {
            depth: 0,
            first_don: 65_535,
            ..InterleavedConfig::default()
        };
        let sent = packets(config, &[(SETS_AND_IDR, 0), (NEXT, 3600)]);
        let expected = [
            packet(
                &[0x79, 0xff, 0xff, 0, 2, 0x67, 1, 0, 2, 0x48, 2, 0, 2, 0x65, 3],
                0,
                true,
            ),
            packet(&[0x59, 0, 2, 0, 2, 0x41, 4], 3600, true),
        ];
        assert_eq!(sent, expected);
    }

    #[test]
    fn the_first_of_each_block_is_sent_last() {
        let config = InterleavedConfig {
            depth: 1,
            ..InterleavedConfig::default()
        };
        let sent = packets(config, &[(SETS_AND_IDR, 0), (NEXT, 3600)]);
        let expected = [
            packet(&[0x59, 0, 1, 0, 2, 0x48, 2], 0, false),
            packet(&[0x79, 0, 0, 0, 2, 0x67, 1], 0, false),
            packet(&[0x59, 0, 3, 0, 2, 0x41, 4], 3600, true),
            packet(&[0x79, 0, 2, 0, 2, 0x65, 3], 0, true),
        ];
        assert_eq!(sent, expected);
    }

    #[test]
    fn mtap_holds_any_order_and_several_times() {
        let config = |mixture| InterleavedConfig {
            depth: 1,
            first_don: 65_535,
            mixture,
            ..InterleavedConfig::default()
        };
        let units = [(SETS_AND_IDR, 900), (NEXT, 4500)];
        let mtap16 = [
            0x7a, 0xff, 0xff, 0, 2, 1, 0, 0, 0x48, 2, 0, 2, 0, 0, 0, 0x67, 1, 0, 2, 3, 0x0e, 0x10, 0x41, 4,
            0, 2, 2, 0, 0, 0x65, 3,
        ];
        assert_eq!(
            packets(config(Mixture::Mtap16), &units),
            [packet(&mtap16, 900, true)]
        );
        let mtap24 = [
            0x7b, 0xff, 0xff, 0, 2, 1, 0, 0, 0, 0x48, 2, 0, 2, 0, 0, 0, 0, 0x67, 1, 0, 2, 3, 0, 0x0e, 0x10,
            0x41, 4, 0, 2, 2, 0, 0, 0, 0x65, 3,
        ];
        assert_eq!(
            packets(config(Mixture::Mtap24), &units),
            [packet(&mtap24, 900, true)]
        );
        // 65,536 units apart, which 16 bits cannot tell.
        let far = [(NEXT, 0), (NEXT, 65_536)];
        assert_eq!(packets(config(Mixture::Mtap16), &far).len(), 2);
        assert_eq!(packets(config(Mixture::Mtap24), &far).len(), 1);
    }

    #[test]
    fn a_large_nal_unit_is_an_fu_b_and_fu_as() {
        let config = InterleavedConfig {
            max_payload: 16,
            depth: 0,
            first_don: 0x0102,
            ..InterleavedConfig::default()
        };
        let body: Vec<u8> = (1..=27).collect();
        let sent = packets(config, &[(&[&[0, 0, 1, 0x65][..], &body].concat(), 0)]);
        let expected = [
            packet(&[&[0x7d, 0x85, 1, 2][..], &body[..12]].concat(), 0, false),
            packet(&[&[0x7c, 0x05][..], &body[12..26]].concat(), 0, false),
            packet(&[&[0x7c, 0x45][..], &body[26..]].concat(), 0, true),
        ];
        assert_eq!(sent, expected);
        // Too long for a STAP-B, short enough for an FU-B alone, which must not be.
        let sent = packets(config, &[(&[&[0, 0, 1, 0x65][..], &body[..11]].concat(), 0)]);
        let sizes: Vec<usize> = sent.iter().map(|packet| packet.payload.len()).collect();
        assert_eq!(sizes, [14, 3]);
    }
}
