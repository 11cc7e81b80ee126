//! Source descriptions (SDES).

use super::RtcpFault;
use super::raw::{RawPacket, tolerate, write_header, write_word};
use crate::ids::Ssrc;
use crate::tolerance::{Reading, Tolerance};
use std::fmt;

const END: u8 = 0;
const MAX_TEXT: usize = 255;

/// SDES: the names of sources that stay the same when their SSRCs change
/// ([RFC 3550 §6.5](https://www.rfc-editor.org/rfc/rfc3550#section-6.5)).
///
/// ```text
/// +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
/// |V=2|P|    SC   |   PT = 202    |             length            |
/// +=+=+=+=+=+=+=+=+=+=+=+=+=+=+=+=+=+=+=+=+=+=+=+=+=+=+=+=+=+=+=+=+
/// |                              SSRC                             |
/// +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
/// |   CNAME = 1   |     length    | name ...   zeros to a word    |
/// +=+=+=+=+=+=+=+=+=+=+=+=+=+=+=+=+=+=+=+=+=+=+=+=+=+=+=+=+=+=+=+=+
/// |                       SC - 1 more of these                    |
/// ```
///
/// ```
/// use throughline_rtp::Ssrc;
/// use throughline_rtp::rtcp::SourceDescription;
///
/// let description = SourceDescription::new(Ssrc(7), b"camera");
/// let mut bytes = Vec::new();
/// description.write(&mut bytes);
/// assert_eq!(bytes.len(), 20);
/// assert_eq!((description.ssrc(), description.cname()), (Ssrc(7), b"camera".as_slice()));
/// ```
#[derive(Clone, Copy)]
pub struct SourceDescription<'b>(Sources<'b>);

#[derive(Clone, Copy)]
enum Sources<'b> {
    Wire { count: u8, bytes: &'b [u8] },
    One(DescriptionOfSource<'b>),
}

/// What a [`SourceDescription`] says of one source.
#[derive(Clone, Copy)]
pub struct DescriptionOfSource<'b> {
    /// Whose names these are.
    pub ssrc: Ssrc,
    items: Items<'b>,
}

#[derive(Clone, Copy)]
enum Items<'b> {
    Wire(&'b [u8]),
    Cname(&'b [u8]),
}

/// One name or note of a source.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DescriptionItem<'b> {
    /// What it is; one of the constants, or another that IANA knows.
    pub kind: u8,
    /// The text, in UTF-8 if the sender keeps to the rule. At most 255 bytes.
    pub text: &'b [u8],
}

impl DescriptionItem<'_> {
    /// The canonical name, the only item that must be.
    pub const CNAME: u8 = 1;
    /// The name of the user or device.
    pub const NAME: u8 = 2;
    /// A mail address.
    pub const EMAIL: u8 = 3;
    /// A telephone number.
    pub const PHONE: u8 = 4;
    /// A place.
    pub const LOCATION: u8 = 5;
    /// The program that sends.
    pub const TOOL: u8 = 6;
    /// A passing notice.
    pub const NOTE: u8 = 7;
    /// An extension: a prefix with its length, and a value.
    pub const PRIVATE: u8 = 8;
}

impl<'b> SourceDescription<'b> {
    pub(super) const PACKET_TYPE: u8 = 202;

    /// The description of one source to be sent: `cname` is the name that outlives the SSRC. Of one longer than 255
    /// bytes the first ones count.
    pub fn new(ssrc: Ssrc, cname: &'b [u8]) -> Self {
        let items = Items::Cname(cname.get(..MAX_TEXT).unwrap_or(cname));
        Self(Sources::One(DescriptionOfSource { ssrc, items }))
    }

    pub(super) fn parse(raw: RawPacket<'b>, leniency: &mut Reading) -> Result<Self, RtcpFault> {
        // The first SSRC must be there.
        raw.body::<4>()?;
        let mut rest = raw.body;
        for _ in 0..raw.count {
            let Some((_, end, following)) = split_source(rest) else {
                tolerate(Tolerance::RtcpCount, leniency)?;
                break;
            };
            if end == End::Missing {
                tolerate(Tolerance::SourceDescriptionEnd, leniency)?;
            }
            rest = following;
        }
        Ok(Self(Sources::Wire {
            count: raw.count,
            bytes: raw.body,
        }))
    }

    /// The sources, in their order; at most 31.
    pub fn sources(&self) -> impl Iterator<Item = DescriptionOfSource<'b>> + use<'b> {
        let (count, mut rest, one) = match self.0 {
            Sources::Wire { count, bytes } => (count, bytes, None),
            Sources::One(source) => (0, [].as_slice(), Some(source)),
        };
        let wire = (0..count).map_while(move |_| {
            let (source, _, following) = split_source(rest)?;
            rest = following;
            Some(source)
        });
        wire.chain(one)
    }

    /// The first source, the only one that anything but a mixer sends.
    pub fn ssrc(&self) -> Ssrc {
        self.sources().next().map_or(Ssrc(0), |source| source.ssrc)
    }

    /// The canonical name of the first source; empty where there is none.
    pub fn cname(&self) -> &'b [u8] {
        self.sources().next().map_or(&[], |source| source.cname())
    }

    /// Appends the packet.
    pub fn write(&self, out: &mut Vec<u8>) {
        let count = u8::try_from(self.sources().count()).unwrap_or_default();
        let body = self.sources().map(|source| source.written_len()).sum();
        write_header(Self::PACKET_TYPE, count, body, out);
        for source in self.sources() {
            let end = out.len() + source.written_len();
            write_word(source.ssrc.0, out);
            for item in source.items() {
                out.extend_from_slice(&[item.kind, u8::try_from(item.text.len()).unwrap_or_default()]);
                out.extend_from_slice(item.text);
            }
            out.resize(end, END);
        }
    }
}

impl<'b> DescriptionOfSource<'b> {
    /// Its items, in their order. One that is cut short is left out: the source is known without it.
    pub fn items(&self) -> impl Iterator<Item = DescriptionItem<'b>> + use<'b> {
        let (mut wire, cname) = match self.items {
            Items::Wire(wire) => (wire, None),
            Items::Cname(text) => ([].as_slice(), Some(text)),
        };
        let items = std::iter::from_fn(move || {
            let (item, rest) = split_item(wire)?;
            wire = rest;
            Some(item)
        });
        items.chain(cname.map(|text| DescriptionItem {
            kind: DescriptionItem::CNAME,
            text,
        }))
    }

    /// Its canonical name; empty where there is none.
    pub fn cname(&self) -> &'b [u8] {
        self.items()
            .find(|item| item.kind == DescriptionItem::CNAME)
            .map_or(&[], |item| item.text)
    }

    /// SSRC, items, and one to four zeros: the end byte, and up to the next word.
    fn written_len(&self) -> usize {
        let items: usize = self.items().map(|item| 2 + item.text.len()).sum();
        4 + items + 4 - items % 4
    }
}

#[derive(PartialEq, Eq)]
enum End {
    Zero,
    /// The end of the packet ends the items too: not every camera writes the end byte (Q88).
    Missing,
}

/// The source at the start of `bytes`, and what follows it at the next word.
fn split_source(bytes: &[u8]) -> Option<(DescriptionOfSource<'_>, End, &[u8])> {
    let (ssrc, all) = bytes.split_first_chunk()?;
    let mut rest = all;
    while let Some((_, following)) = split_item(rest) {
        rest = following;
    }
    let len = all.len() - rest.len();
    let end = if rest.first() == Some(&END) {
        End::Zero
    } else {
        End::Missing
    };
    let source = DescriptionOfSource {
        ssrc: Ssrc(u32::from_be_bytes(*ssrc)),
        items: Items::Wire(all.get(..len).unwrap_or_default()),
    };
    let following = match end {
        End::Zero => all.get((len + 1).next_multiple_of(4)..).unwrap_or_default(),
        End::Missing => &[],
    };
    Some((source, end, following))
}

/// The item at the start of `bytes`; none at the end, or where it is cut short.
fn split_item(bytes: &[u8]) -> Option<(DescriptionItem<'_>, &[u8])> {
    let ([kind, len], rest) = bytes.split_first_chunk()?;
    let (text, rest) = rest.split_at_checked(usize::from(*len))?;
    (*kind != END).then_some((DescriptionItem { kind: *kind, text }, rest))
}

impl fmt::Debug for SourceDescription<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.sources()).finish()
    }
}

impl PartialEq for SourceDescription<'_> {
    fn eq(&self, other: &Self) -> bool {
        self.sources().eq(other.sources())
    }
}

impl Eq for SourceDescription<'_> {}

impl fmt::Debug for DescriptionOfSource<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ", self.ssrc)?;
        f.debug_list().entries(self.items()).finish()
    }
}

impl PartialEq for DescriptionOfSource<'_> {
    fn eq(&self, other: &Self) -> bool {
        self.ssrc == other.ssrc && self.items().eq(other.items())
    }
}

impl Eq for DescriptionOfSource<'_> {}

#[cfg(test)]
mod tests {
    use super::super::{RtcpPacket, compound};
    use super::*;

    fn read(bytes: &[u8]) -> SourceDescription<'_> {
        match compound(bytes).next() {
            Some(Ok(RtcpPacket::SourceDescription(description))) => description,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn names_of_every_length_survive_the_round_trip() {
        for len in 0..=MAX_TEXT {
            let cname = vec![b'n'; len];
            let description = SourceDescription::new(Ssrc(7), &cname);
            let mut bytes = Vec::new();
            description.write(&mut bytes);
            assert_eq!(bytes.len() % 4, 0);
            assert_eq!(read(&bytes), description);
        }
    }

    #[test]
    fn a_name_too_long_for_the_wire_is_cut() {
        let mut bytes = Vec::new();
        SourceDescription::new(Ssrc(7), &[b'n'; 300]).write(&mut bytes);
        assert_eq!(read(&bytes).cname().len(), MAX_TEXT);
    }

    #[test]
    fn every_item_of_every_source_is_read_and_written_back() {
        let bytes = [
            0x82, 202, 0, 7, 0, 0, 0, 7, 6, 3, b'c', b'a', b'm', 1, 2, b'm', b'e', 0, 0, 0, // first
            0, 0, 0, 8, 1, 2, b'i', b't', 0, 0, 0, 0, // second
        ];
        let description = read(&bytes);
        assert_eq!(description.cname(), b"me");
        let items: Vec<_> = description
            .sources()
            .flat_map(|source| {
                source
                    .items()
                    .map(move |item| (source.ssrc.0, item.kind, item.text))
            })
            .collect();
        assert_eq!(items, [(7, 6, b"cam".as_slice()), (7, 1, b"me"), (8, 1, b"it")]);
        let mut written = Vec::new();
        description.write(&mut written);
        assert_eq!(written, bytes);
        assert_eq!(
            format!("{description:?}").matches("DescriptionItem").count(),
            3,
            "{description:?}"
        );
    }

    #[test]
    fn a_name_cut_short_costs_only_the_name() {
        let bytes = [0x81, 202, 0, 2, 0, 0, 0, 7, 1, 9, b'm', b'e'];
        assert_eq!(
            (read(&bytes).ssrc(), read(&bytes).cname()),
            (Ssrc(7), b"".as_slice())
        );
    }
}
