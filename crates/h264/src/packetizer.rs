//! Access units to RTP payloads, for a sender.

use std::iter::Peekable;

use crate::annexb::{NalUnits, nal_units};
use crate::nal::{NalHeader, NalUnitType};

/// Header byte of a STAP-A without the NRI bits.
const STAP_A: u8 = 24;

/// Indicator byte of an FU-A without the NRI bits.
const FU_A: u8 = 28;

/// Payload bytes below which nothing useful can be sent.
const MIN_PAYLOAD: usize = 16;

/// Payload bytes above which UDP could not carry them.
const MAX_PAYLOAD: usize = 65_000;

/// Cuts access units into RTP payloads ([RFC 6184](https://www.rfc-editor.org/rfc/rfc6184), non-interleaved mode).
///
/// Every NAL unit is kept. Neighbouring NAL units that hold no picture (delimiter, SPS, PPS, SEI) share a STAP-A where
/// they fit, a NAL unit above the limit goes into FU-As, any other one is a payload as it is. Nothing is allocated.
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
}

impl Packetizer {
    /// A packetizer for payloads of at most `max_payload` bytes, taken into the range 16 to 65,000.
    pub fn new(max_payload: usize) -> Self {
        Self {
            max_payload: max_payload.clamp(MIN_PAYLOAD, MAX_PAYLOAD),
        }
    }

    /// Cuts an access unit in Annex-B form.
    pub fn packetize<'a>(&self, access_unit: &'a [u8]) -> Fragments<'a> {
        Fragments {
            max_payload: self.max_payload,
            units: nal_units(access_unit).peekable(),
            cut: None,
        }
    }
}

/// Iterator of [`Packetizer::packetize`].
#[derive(Clone, Debug)]
pub struct Fragments<'a> {
    max_payload: usize,
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
        if let Some(content) = self.next_without_picture() {
            return Some(content);
        }
        let nal = self.units.next()?;
        if nal.len() <= self.max_payload {
            return Some(Content::Single(nal));
        }
        let (&header, rest) = nal.split_first()?;
        Some(self.next_fragment(Cut {
            header: NalHeader::from_byte(header),
            rest,
            position: Position::First,
        }))
    }

    /// As many of the NAL units in front that hold no picture as fit into one payload.
    fn next_without_picture(&mut self) -> Option<Content<'a>> {
        // Looked for before the copies are made, so that the end of a slice is sought only once.
        self.units.peek()?;
        let mut units = self.units.clone();
        let (mut count, mut length, mut nal_ref_idc) = (0, 1, 0);
        let mut after = self.units.clone();
        while let Some(nal) = after.peek() {
            let header = NalHeader::from_byte(*nal.first()?);
            if !is_aggregated(header.nal_unit_type()) || length + 2 + nal.len() > self.max_payload {
                break;
            }
            count += 1;
            length += 2 + nal.len();
            nal_ref_idc = nal_ref_idc.max(header.nal_ref_idc());
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
            header: nal_ref_idc << 5 | STAP_A,
            units,
            count,
            length,
        })
    }

    fn next_fragment(&mut self, cut: Cut<'a>) -> Content<'a> {
        let (fragment, rest) = cut.rest.split_at(cut.rest.len().min(self.max_payload - 2));
        let start = if cut.position == Position::First { 0x80 } else { 0 };
        let end = if rest.is_empty() { 0x40 } else { 0 };
        let headers = [
            cut.header.nal_ref_idc() << 5 | FU_A,
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

fn is_aggregated(nal_unit_type: NalUnitType) -> bool {
    matches!(
        nal_unit_type,
        NalUnitType::AccessUnitDelimiter | NalUnitType::Sps | NalUnitType::Pps | NalUnitType::Sei
    )
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
    fn nothing_gives_no_payload() {
        assert_eq!(payloads(1200, &[]), <[Vec<u8>; 0]>::default());
    }
}
