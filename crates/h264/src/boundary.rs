//! Where one access unit ends and the next begins
//! ([ITU-T H.264](https://www.itu.int/rec/T-REC-H.264) §7.4.1.2.3 and §7.4.1.2.4).

use crate::nal::{NalHeader, NalUnitType};
use crate::parameter_sets::ParameterSets;
use crate::slice::{PictureStructure, SliceError, SliceHeader, SliceStart, is_first_in_picture};

/// What a NAL unit behind a picture says about the access unit that it belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Boundary {
    /// It is the first one of the next access unit.
    Begins,
    /// It is one more slice of the picture.
    Continues,
    /// It may stand in front of a picture or behind one, or is a first slice that comes behind later ones, which
    /// Baseline and Extended allow, but may also be what is left of a picture like it.
    Open,
}

/// A slice, as far as its header can be read.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Slice {
    pub(crate) is_idr: bool,
    /// `first_mb_in_slice` is 0; unknown without a byte of it.
    is_first: Option<bool>,
    pub(crate) start: Option<SliceStart>,
    /// With the parameter sets that it names.
    pub(crate) header: Option<SliceHeader>,
    /// Its header cannot be right: it cannot be read, or says of an IDR picture what no IDR picture is. Unknown without the
    /// parameter sets that it names, which may be lost or yet to come.
    pub(crate) is_absurd: Option<bool>,
}

impl Slice {
    /// Reads a NAL unit or the beginning of one; none if its type has no slice header.
    pub(crate) fn read(nal: &[u8], sets: &ParameterSets) -> Option<Self> {
        let nal_unit_type = NalHeader::from_byte(*nal.first()?).nal_unit_type();
        nal_unit_type.has_slice_header().then(|| {
            let header = SliceHeader::parse(nal, sets);
            let is_absurd = match &header {
                Ok(header) => {
                    let is_sound_idr = header.frame_num == 0 && header.start.slice_type.is_intra();
                    Some(header.is_idr && !is_sound_idr)
                }
                Err(SliceError::UnknownPps { .. } | SliceError::UnknownSps { .. }) => None,
                Err(_) => Some(true),
            };
            let header = header.ok();
            let start = header
                .map(|header| header.start)
                .or_else(|| SliceStart::parse(nal).ok());
            Self {
                is_idr: nal_unit_type == NalUnitType::IdrSlice,
                is_first: nal.get(1).copied().map(is_first_in_picture),
                start,
                header,
                is_absurd,
            }
        })
    }

    /// Whether it is not the first slice by its address: in Baseline and Extended, whose slices may come in any order, one
    /// like this can begin a picture all the same.
    pub(crate) fn is_later(&self) -> bool {
        self.is_first == Some(false)
    }
}

/// The primary coded picture of an access unit, as its slices tell it from others.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct CodedPicture {
    is_idr: bool,
    /// The slice with macroblock 0 has come, or one whose address cannot be read.
    has_first: bool,
    /// Of its first slice that could be read.
    header: Option<SliceHeader>,
}

impl CodedPicture {
    /// A picture of which no slice has come as a whole.
    pub(crate) fn new(is_idr: bool) -> Self {
        Self {
            is_idr,
            ..Self::default()
        }
    }

    /// One more of its slices.
    pub(crate) fn insert(&mut self, slice: &Slice) {
        self.has_first |= !slice.is_later();
        self.header = self.header.or(slice.header);
    }

    /// Whether it is an IDR picture.
    pub(crate) const fn is_idr(&self) -> bool {
        self.is_idr
    }

    /// Whether a slice is there for the beginning of the picture.
    pub(crate) const fn has_first(&self) -> bool {
        self.has_first
    }

    /// What its slices have in common.
    pub(crate) const fn header(&self) -> Option<&SliceHeader> {
        self.header.as_ref()
    }

    /// Whether a slice is of the other field of this one's frame.
    pub(crate) fn is_other_field(&self, slice: &Slice) -> bool {
        use PictureStructure::{BottomField, TopField};
        match (&self.header, &slice.header) {
            (Some(first), Some(second)) => {
                let opposite = matches!(
                    (first.structure, second.structure),
                    (TopField, BottomField) | (BottomField, TopField)
                );
                opposite && first.frame_num == second.frame_num
            }
            _ => false,
        }
    }

    /// What a NAL unit behind this picture says.
    pub(crate) fn boundary(&self, nal_unit_type: NalUnitType, slice: Option<&Slice>) -> Boundary {
        match (nal_unit_type, slice) {
            // §7.4.1.2.3. It lists 14 too, but SVC puts one in front of every slice, not of every picture.
            (
                NalUnitType::AccessUnitDelimiter
                | NalUnitType::Sps
                | NalUnitType::Pps
                | NalUnitType::Sei
                | NalUnitType::SubsetSps
                | NalUnitType::Other(16..=18),
                _,
            ) => Boundary::Begins,
            (_, Some(slice)) if self.is_of_another_picture(slice) => Boundary::Begins,
            (_, Some(slice)) if slice.is_later() => Boundary::Continues,
            _ => Boundary::Open,
        }
    }

    /// §7.4.1.2.4, where both headers can be read; and a picture has macroblock 0 once, which is all that can be said
    /// without them, and tells all-intra cameras' pictures apart that repeat `idr_pic_id`.
    fn is_of_another_picture(&self, slice: &Slice) -> bool {
        if slice.is_idr != self.is_idr {
            return true;
        }
        let is_first = slice.is_first == Some(true);
        match (&self.header, &slice.header) {
            (Some(header), Some(next)) => {
                let is_same_plane = next.colour_plane_id == header.colour_plane_id;
                let repeats = is_first && self.has_first && next.redundant_pic_cnt == 0 && is_same_plane;
                repeats || next.begins_picture_after(header)
            }
            _ => is_first,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::slice::{RefPicMarking, SliceType};

    const START: SliceStart = SliceStart {
        first_mb_in_slice: 0,
        slice_type: SliceType::P,
        is_type_of_picture: true,
        pps_id: 0,
    };

    const HEADER: SliceHeader = SliceHeader {
        nal_ref_idc: 2,
        is_idr: false,
        start: START,
        colour_plane_id: 0,
        frame_num: 4,
        structure: PictureStructure::Frame,
        idr_pic_id: None,
        pic_order_cnt_lsb: 8,
        delta_pic_order_cnt_bottom: 0,
        delta_pic_order_cnt: [0; 2],
        redundant_pic_cnt: 0,
        num_ref_idx_active: [1, 0],
        marking: RefPicMarking::SlidingWindow,
    };

    const FIRST: Slice = Slice {
        is_idr: false,
        is_first: Some(true),
        start: Some(START),
        header: Some(HEADER),
        is_absurd: Some(false),
    };

    const LATER: Slice = Slice {
        is_first: Some(false),
        ..FIRST
    };

    fn picture_of(slice: &Slice) -> CodedPicture {
        let mut picture = CodedPicture::new(slice.is_idr);
        picture.insert(slice);
        picture
    }

    fn behind(first: &Slice, next: &Slice) -> Boundary {
        picture_of(first).boundary(NalUnitType::Slice, Some(next))
    }

    #[test]
    fn what_stands_in_front_of_a_picture_begins_an_access_unit() {
        let begins: Vec<u8> = (0..32)
            .filter(|&number| {
                let nal_unit_type = NalUnitType::from_number(number);
                picture_of(&FIRST).boundary(nal_unit_type, None) == Boundary::Begins
            })
            .collect();
        assert_eq!(begins, [6, 7, 8, 9, 15, 16, 17, 18]);
    }

    #[test]
    fn a_slice_of_the_same_picture_continues_it_in_any_order() {
        assert_eq!(behind(&FIRST, &LATER), Boundary::Continues);
        assert_eq!(behind(&LATER, &LATER), Boundary::Continues);
        assert_eq!(behind(&LATER, &FIRST), Boundary::Open);
        assert!(!picture_of(&LATER).has_first());
    }

    #[test]
    fn each_element_of_the_standard_tells_pictures_apart() {
        let others = [
            SliceHeader {
                frame_num: 5,
                ..HEADER
            },
            SliceHeader {
                start: SliceStart { pps_id: 1, ..START },
                ..HEADER
            },
            SliceHeader {
                structure: PictureStructure::TopField,
                ..HEADER
            },
            SliceHeader {
                nal_ref_idc: 0,
                ..HEADER
            },
            SliceHeader {
                pic_order_cnt_lsb: 9,
                ..HEADER
            },
            SliceHeader {
                delta_pic_order_cnt_bottom: 1,
                ..HEADER
            },
            SliceHeader {
                delta_pic_order_cnt: [0, 1],
                ..HEADER
            },
        ];
        for other in others {
            let next = Slice {
                header: Some(other),
                ..LATER
            };
            assert_eq!(behind(&FIRST, &next), Boundary::Begins, "{other:?}");
        }
        // Only whether it is 0 counts.
        let header = Some(SliceHeader {
            nal_ref_idc: 1,
            ..HEADER
        });
        assert_eq!(behind(&FIRST, &Slice { header, ..LATER }), Boundary::Continues);
    }

    #[test]
    fn an_idr_picture_is_another_one() {
        let idr = Slice {
            is_idr: true,
            ..LATER
        };
        assert_eq!(behind(&FIRST, &idr), Boundary::Begins);
        assert_eq!(behind(&idr, &LATER), Boundary::Begins);
    }

    #[test]
    fn a_second_first_slice_begins_a_picture_unless_it_is_a_copy_or_of_another_plane() {
        let next = |header| Slice {
            header: Some(header),
            ..FIRST
        };
        assert_eq!(behind(&FIRST, &FIRST), Boundary::Begins);
        let copy = SliceHeader {
            redundant_pic_cnt: 1,
            ..HEADER
        };
        assert_eq!(behind(&FIRST, &next(copy)), Boundary::Open);
        let plane = SliceHeader {
            colour_plane_id: 1,
            ..HEADER
        };
        assert_eq!(behind(&FIRST, &next(plane)), Boundary::Open);
    }

    #[test]
    fn without_headers_the_first_slice_begins_a_picture() {
        let (first, later) = (
            Slice {
                header: None,
                ..FIRST
            },
            Slice {
                header: None,
                ..LATER
            },
        );
        assert_eq!(behind(&first, &first), Boundary::Begins);
        assert_eq!(behind(&later, &first), Boundary::Begins);
        assert_eq!(behind(&first, &later), Boundary::Continues);
    }
}
