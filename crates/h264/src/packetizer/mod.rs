//! Access units to RTP payloads, for a sender.

mod interleaved;

use std::iter::Peekable;

use thiserror::Error;

use crate::annexb::{NalUnits, nal_units};
use crate::nal::{NalHeader, NalUnitType};

pub use interleaved::{
    InterleavedConfig, InterleavedPacket, InterleavedPacketizer, MAX_INTERLEAVING_DEPTH, Mixture,
};

/// Header byte of a STAP-A without the NRI bits.
const STAP_A: u8 = 24;

/// Indicator byte of an FU-A without the NRI bits.
const FU_A: u8 = 28;

/// The bits F and NRI, which every payload structure takes over from its NAL units.
const INDICATOR: u8 = 0xe0;

/// Payload bytes below which nothing useful can be sent.
const MIN_PAYLOAD: usize = 16;

/// Payload bytes above which UDP could not carry them.
const MAX_PAYLOAD: usize = 65_000;

/// Which neighbouring NAL units share a payload (STAP-A) where they fit.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Aggregation {
    /// None.
    Never,
    /// Those that hold no picture: delimiter, SPS, PPS, SEI.
    #[default]
    WithoutPicture,
    /// Any.
    Always,
}

/// A NAL unit that would have to be fragmented, which the single NAL unit mode does not have.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("{nal_unit_type} of {length} bytes does not fit into a payload of {max_payload}")]
pub struct NalUnitTooLarge {
    /// Its type.
    pub nal_unit_type: NalUnitType,
    /// Its length in bytes.
    pub length: usize,
    /// Bytes that a payload may have.
    pub max_payload: usize,
}

/// Cuts access units into RTP payloads ([RFC 6184](https://www.rfc-editor.org/rfc/rfc6184)).
///
/// | `packetization-mode` | |
/// |---|---|
/// | 0, single NAL unit | [`packetize_single`](Self::packetize_single), which fails where a NAL unit does not fit |
/// | 1, non-interleaved | [`packetize`](Self::packetize) |
/// | 2, interleaved | [`InterleavedPacketizer`] |
///
/// Every NAL unit is kept. Neighbouring NAL units share a STAP-A as [`Aggregation`] says, a NAL unit above the limit goes
/// into FU-As, any other one is a payload as it is. Nothing is allocated.
///
/// ```
/// use throughline_h264::Packetizer;
///
/// let access_unit = [0, 0, 0, 1, 0x67, 1, 2, 0, 0, 0, 1, 0x68, 3, 0, 0, 0, 1, 0x65, 0x88, 0x80];
/// let mut packet = Vec::new();
/// for fragment in Packetizer::new(1200).packetize(&access_unit) {
///     packet.clear(); // here goes the RTP header, with the marker bit from `fragment.is_last`
///     fragment.write(&mut packet);
///     println!("{} bytes, last: {}", fragment.len(), fragment.is_last);
/// }
/// ```
#[derive(Clone, Copy, Debug)]
pub struct Packetizer {
    max_payload: usize,
    aggregation: Aggregation,
}

impl Packetizer {
    /// A packetizer for payloads of at most `max_payload` bytes, taken into the range 16 to 65,000.
    pub fn new(max_payload: usize) -> Self {
        Self {
            max_payload: max_payload.clamp(MIN_PAYLOAD, MAX_PAYLOAD),
            aggregation: Aggregation::default(),
        }
    }

    /// This packetizer with another rule of aggregation.
    #[must_use]
    pub const fn with_aggregation(self, aggregation: Aggregation) -> Self {
        Self { aggregation, ..self }
    }

    /// Cuts an access unit in Annex-B form.
    pub fn packetize<'a>(&self, access_unit: &'a [u8]) -> Fragments<'a> {
        Fragments {
            packetizer: *self,
            units: nal_units(access_unit).peekable(),
            cut: None,
        }
    }

    /// Makes a payload of each NAL unit of an access unit in Annex-B form.
    pub fn packetize_single<'a>(&self, access_unit: &'a [u8]) -> Result<Fragments<'a>, NalUnitTooLarge> {
        let max_payload = self.max_payload;
        if let Some(nal) = nal_units(access_unit).find(|nal| nal.len() > max_payload) {
            let header = NalHeader::from_byte(nal.first().copied().unwrap_or_default());
            return Err(NalUnitTooLarge {
                nal_unit_type: header.nal_unit_type(),
                length: nal.len(),
                max_payload,
            });
        }
        Ok(self.with_aggregation(Aggregation::Never).packetize(access_unit))
    }
}

/// Iterator of [`Packetizer::packetize`].
#[derive(Clone, Debug)]
pub struct Fragments<'a> {
    packetizer: Packetizer,
    units: Peekable<NalUnits<'a>>,
    /// The rest of a NAL unit in fragments.
    cut: Option<Cut<'a>>,
}

#[derive(Clone, Copy, Debug)]
struct Cut<'a> {
    header: NalHeader,
    rest: &'a [u8],
    position: Position,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Position {
    First,
    Later,
}

/// One RTP payload.
#[derive(Clone, Debug)]
pub struct Fragment<'a> {
    /// Whether it is the access unit's last one, whose packet carries the marker bit.
    pub is_last: bool,
    content: Content<'a>,
}

#[derive(Clone, Debug)]
enum Content<'a> {
    Single(&'a [u8]),
    StapA {
        header: u8,
        units: Peekable<NalUnits<'a>>,
        count: usize,
        length: usize,
    },
    FuA {
        headers: [u8; 2],
        fragment: &'a [u8],
    },
}

impl<'a> Iterator for Fragments<'a> {
    type Item = Fragment<'a>;

    fn next(&mut self) -> Option<Self::Item> {
        let content = match self.cut.take() {
            Some(cut) => self.next_fragment(cut),
            None => self.next_content()?,
        };
        Some(Fragment {
            is_last: self.cut.is_none() && self.units.peek().is_none(),
            content,
        })
    }
}

impl<'a> Fragments<'a> {
    fn next_content(&mut self) -> Option<Content<'a>> {
        if let Some(content) = self.next_aggregated() {
            return Some(content);
        }
        let nal = self.units.next()?;
        if nal.len() <= self.packetizer.max_payload {
            return Some(Content::Single(nal));
        }
        let (&header, rest) = nal.split_first()?;
        Some(self.next_fragment(Cut {
            header: NalHeader::from_byte(header),
            rest,
            position: Position::First,
        }))
    }

    /// As many of the NAL units in front that may be aggregated as fit into one payload.
    fn next_aggregated(&mut self) -> Option<Content<'a>> {
        // Looked for before the copies are made, so that the end of a slice is sought only once.
        self.units.peek()?;
        let mut units = self.units.clone();
        let (mut count, mut length, mut indicator) = (0, 1, 0);
        let mut after = self.units.clone();
        while let Some(nal) = after.peek() {
            let header = NalHeader::from_byte(*nal.first()?);
            let aggregation = self.packetizer.aggregation;
            let fits = length + 2 + nal.len() <= self.packetizer.max_payload;
            if !fits || !aggregation.includes(header.nal_unit_type()) {
                break;
            }
            count += 1;
            length += 2 + nal.len();
            indicator = merged_indicator(indicator, header);
            after.next();
        }
        if count == 0 {
            return None;
        }
        self.units = after;
        if count == 1 {
            return units.next().map(Content::Single);
        }
        Some(Content::StapA {
            header: indicator | STAP_A,
            units,
            count,
            length,
        })
    }

    fn next_fragment(&mut self, cut: Cut<'a>) -> Content<'a> {
        let (fragment, rest) = cut
            .rest
            .split_at(cut.rest.len().min(self.packetizer.max_payload - 2));
        let start = if cut.position == Position::First { 0x80 } else { 0 };
        let end = if rest.is_empty() { 0x40 } else { 0 };
        let headers = [
            cut.header.byte() & INDICATOR | FU_A,
            start | end | cut.header.nal_unit_type().number(),
        ];
        if !rest.is_empty() {
            self.cut = Some(Cut {
                header: cut.header,
                rest,
                position: Position::Later,
            });
        }
        Content::FuA { headers, fragment }
    }
}

impl Aggregation {
    const fn includes(self, nal_unit_type: NalUnitType) -> bool {
        match self {
            Self::Never => false,
            Self::WithoutPicture => matches!(
                nal_unit_type,
                NalUnitType::AccessUnitDelimiter | NalUnitType::Sps | NalUnitType::Pps | NalUnitType::Sei
            ),
            Self::Always => true,
        }
    }
}

/// The bits of an aggregate that holds one NAL unit more: the highest NRI, and F if any has it
/// ([RFC 6184 §5.7](https://www.rfc-editor.org/rfc/rfc6184#section-5.7)).
fn merged_indicator(indicator: u8, header: NalHeader) -> u8 {
    let (f, nri) = (0x80, 0x60);
    (indicator | header.byte()) & f | (indicator & nri).max(header.byte() & nri)
}

impl Fragment<'_> {
    /// Bytes of the payload.
    #[expect(clippy::len_without_is_empty, reason = "no payload is empty")]
    pub fn len(&self) -> usize {
        match &self.content {
            Content::Single(nal) => nal.len(),
            Content::StapA { length, .. } => *length,
            Content::FuA { headers, fragment } => headers.len() + fragment.len(),
        }
    }

    /// Appends the payload to `out`.
    pub fn write(&self, out: &mut Vec<u8>) {
        match &self.content {
            Content::Single(nal) => out.extend_from_slice(nal),
            Content::StapA {
                header, units, count, ..
            } => {
                out.push(*header);
                for nal in units.clone().take(*count) {
                    // Each is shorter than the largest payload, which has 16 bits.
                    out.extend_from_slice(&u16::try_from(nal.len()).unwrap_or(u16::MAX).to_be_bytes());
                    out.extend_from_slice(nal);
                }
            }
            Content::FuA { headers, fragment } => {
                out.extend_from_slice(headers);
                out.extend_from_slice(fragment);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn payloads(max_payload: usize, access_unit: &[u8]) -> Vec<Vec<u8>> {
        let fragments: Vec<Fragment<'_>> = Packetizer::new(max_payload).packetize(access_unit).collect();
        let marked: Vec<usize> = (0..fragments.len())
            .filter(|&index| fragments[index].is_last)
            .collect();
        assert_eq!(
            marked,
            fragments.len().checked_sub(1).into_iter().collect::<Vec<_>>()
        );
        let written = fragments.iter().map(|fragment| {
            let mut payload = Vec::new();
            fragment.write(&mut payload);
            assert_eq!(payload.len(), fragment.len());
            payload
        });
        written.collect()
    }

    #[test]
    fn parameter_sets_share_a_payload() {
        let access_unit = [
            0, 0, 0, 1, 0x67, 1, 2, 0, 0, 0, 1, 0x48, 3, 0, 0, 0, 1, 0x65, 0x88, 0x80,
        ];
        let expected = [
            vec![0x78, 0, 3, 0x67, 1, 2, 0, 2, 0x48, 3],
            vec![0x65, 0x88, 0x80],
        ];
        assert_eq!(payloads(100, &access_unit), expected);
    }

    #[test]
    fn what_does_not_fit_together_goes_alone() {
        let access_unit = [&[0, 0, 1, 0x67][..], &[1; 10], &[0, 0, 1, 0x68], &[2; 10]].concat();
        let expected = [[&[0x67][..], &[1; 10]].concat(), [&[0x68][..], &[2; 10]].concat()];
        assert_eq!(payloads(16, &access_unit), expected);
    }

    #[test]
    fn a_large_nal_unit_is_cut_into_full_fragments() {
        let access_unit = [&[0, 0, 1, 0x65][..], &(1..=30).collect::<Vec<u8>>()].concat();
        let expected = [
            [&[0x7c, 0x85][..], &(1..=14).collect::<Vec<u8>>()].concat(),
            [&[0x7c, 0x05][..], &(15..=28).collect::<Vec<u8>>()].concat(),
            [&[0x7c, 0x45][..], &[29, 30]].concat(),
        ];
        assert_eq!(payloads(16, &access_unit), expected);
    }

    #[test]
    fn a_nal_unit_of_just_the_limit_is_not_cut() {
        let access_unit = [&[0, 0, 1, 0x65][..], &[7; 15]].concat();
        assert_eq!(payloads(16, &access_unit), [&access_unit[3..]]);
    }

    #[test]
    fn slices_share_a_payload_only_on_demand() {
        let access_unit = [0, 0, 1, 0x61, 1, 0, 0, 1, 0xe1, 2, 0, 0, 1, 0x01, 3];
        let written = |aggregation| -> Vec<Vec<u8>> {
            let packetizer = Packetizer::new(100).with_aggregation(aggregation);
            let fragments = packetizer.packetize(&access_unit);
            fragments
                .map(|fragment| {
                    let mut payload = Vec::new();
                    fragment.write(&mut payload);
                    payload
                })
                .collect()
        };
        let alone = [[0x61, 1], [0xe1, 2], [0x01, 3]];
        assert_eq!(written(Aggregation::Never), alone);
        assert_eq!(written(Aggregation::WithoutPicture), alone);
        let together = [0xf8, 0, 2, 0x61, 1, 0, 2, 0xe1, 2, 0, 2, 0x01, 3];
        assert_eq!(written(Aggregation::Always), [together]);
    }

    #[test]
    fn single_nal_units_fit_or_fail() {
        let small = [0, 0, 1, 0x67, 1, 0, 0, 1, 0x68, 2, 0, 0, 1, 0x65, 3];
        let packetizer = Packetizer::new(20);
        let lengths: Vec<usize> = packetizer
            .packetize_single(&small)
            .expect("all fit")
            .map(|fragment| fragment.len())
            .collect();
        assert_eq!(lengths, [2, 2, 2]);
        let large = [&small[..], &[3; 30]].concat();
        let error = packetizer.packetize_single(&large).expect_err("too large");
        assert_eq!(
            error.to_string(),
            "IDR slice of 32 bytes does not fit into a payload of 20"
        );
    }

    #[test]
    fn nothing_gives_no_payload() {
        assert_eq!(payloads(1200, &[]), <[Vec<u8>; 0]>::default());
    }
}
