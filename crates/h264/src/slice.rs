//! Slice headers, up to the marking of reference pictures: what tells pictures apart, and what they are kept for.

use thiserror::Error;

use crate::bitreader::{BitReader, SyntaxError};
use crate::nal::{NalHeader, NalUnitType};
use crate::parameter_sets::ParameterSets;
use crate::pps::Pps;
use crate::sps::{ChromaFormat, PicOrderCnt, Sps};

/// `first_mb_in_slice`: macroblocks of the largest frame (`MaxFS` of level 6.2) less one.
const MAX_FIRST_MB: u32 = 139_263;

/// Changes to one reference picture list, or to the marking of pictures: every field of 16 frames twice over, and the end.
const MAX_OPERATIONS: usize = 66;

/// Why a slice header cannot be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum SliceError {
    /// The NAL unit has no slice header, or is empty.
    #[error("not a slice")]
    WrongType,
    /// A syntax element is cut off or out of range.
    #[error("slice header: {0}")]
    Syntax(#[from] SyntaxError),
    /// Its picture parameter set is not known.
    #[error("slice header: PPS {pps_id} is not known")]
    UnknownPps {
        /// `pic_parameter_set_id`.
        pps_id: u8,
    },
    /// The sequence parameter set of its picture parameter set is not known.
    #[error("slice header: SPS {sps_id} of PPS {pps_id} is not known")]
    UnknownSps {
        /// `pic_parameter_set_id`.
        pps_id: u8,
        /// `seq_parameter_set_id`.
        sps_id: u8,
    },
    /// It changes a list or marks pictures more often than there can be pictures.
    #[error("slice header: more than {MAX_OPERATIONS} of {element}")]
    TooManyOperations {
        /// Name in the H.264 specification.
        element: &'static str,
    },
}

/// `slice_type`, [ITU-T H.264](https://www.itu.int/rec/T-REC-H.264) Table 7-6.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum SliceType {
    /// Refers to one earlier picture for each block.
    P,
    /// May refer to two: such pictures can leave the encoder out of output order.
    B,
    /// Refers to no other picture.
    I,
    /// P, for switching between streams.
    Sp,
    /// I, for switching between streams.
    Si,
}

impl SliceType {
    const fn from_number(number: u8) -> Self {
        match number % 5 {
            0 => Self::P,
            1 => Self::B,
            2 => Self::I,
            3 => Self::Sp,
            _ => Self::Si,
        }
    }

    /// Whether it refers to no other picture: I or SI.
    pub const fn is_intra(self) -> bool {
        matches!(self, Self::I | Self::Si)
    }
}

/// The elements of a slice header that can be read without parameter sets.
///
/// ```
/// use throughline_h264::{SliceStart, SliceType};
///
/// let start = SliceStart::parse(&[0x65, 0x88, 0x84, 0x21])?;
/// assert_eq!((start.first_mb_in_slice, start.slice_type), (0, SliceType::I));
/// # Ok::<(), throughline_h264::SliceError>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SliceStart {
    /// Address of the first macroblock, or pair of them; 0 begins a picture unless slices come in any order.
    pub first_mb_in_slice: u32,
    /// The type.
    pub slice_type: SliceType,
    /// Whether all slices of the picture are of this type (`slice_type` 5 to 9).
    pub is_type_of_picture: bool,
    /// `pic_parameter_set_id`, 0 to 255.
    pub pps_id: u8,
}

impl SliceStart {
    /// Reads a whole NAL unit of type 1, 2 or 5, start code not.
    pub fn parse(nal: &[u8]) -> Result<Self, SliceError> {
        let (_, mut reader) = open(nal)?;
        Ok(Self::read(&mut reader)?)
    }

    fn read(reader: &mut BitReader<'_>) -> Result<Self, SyntaxError> {
        let first_mb_in_slice = reader.ue_up_to(MAX_FIRST_MB, "first_mb_in_slice")?;
        let slice_type = reader.ue_u8(9, "slice_type")?;
        Ok(Self {
            first_mb_in_slice,
            slice_type: SliceType::from_number(slice_type),
            is_type_of_picture: slice_type >= 5,
            pps_id: reader.ue_u8(u8::MAX, "pic_parameter_set_id")?,
        })
    }
}

/// What part of a frame a picture is (`field_pic_flag`, `bottom_field_flag`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum PictureStructure {
    /// The whole frame.
    Frame,
    /// Its even rows.
    TopField,
    /// Its odd rows.
    BottomField,
}

/// What a picture does to the pictures that are kept for reference (`dec_ref_pic_marking`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum RefPicMarking {
    /// Nothing: it is not kept itself (`nal_ref_idc` 0).
    None,
    /// All go, as it is an IDR picture.
    Idr {
        /// `no_output_of_prior_pics_flag`: those not shown yet need not be.
        is_prior_output_dropped: bool,
        /// `long_term_reference_flag`: the picture is kept until told otherwise.
        is_long_term: bool,
    },
    /// The oldest one goes.
    SlidingWindow,
    /// Those named go (`memory_management_control_operation`).
    Adaptive {
        /// All go and counting begins again at this picture (operation 5): the next one follows `frame_num` 0.
        resets_frame_num: bool,
    },
}

/// A slice header ([ITU-T H.264](https://www.itu.int/rec/T-REC-H.264) §7.3.3) up to the marking of reference pictures.
///
/// What is absent from the header has the value that the standard infers, which is 0 for all numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SliceHeader {
    /// `nal_ref_idc` of the NAL unit, 0 to 3.
    pub nal_ref_idc: u8,
    /// Whether the picture is an IDR picture (`nal_unit_type` 5).
    pub is_idr: bool,
    /// The first three elements.
    pub start: SliceStart,
    /// `colour_plane_id`, 0 to 2, where planes are coded apart.
    pub colour_plane_id: u8,
    /// `frame_num`, below 2 to the power of [`Sps::log2_max_frame_num`].
    pub frame_num: u16,
    /// Frame or field.
    pub structure: PictureStructure,
    /// `idr_pic_id` of an IDR picture: differs between two in a row.
    pub idr_pic_id: Option<u16>,
    /// `pic_order_cnt_lsb`.
    pub pic_order_cnt_lsb: u16,
    /// `delta_pic_order_cnt_bottom`.
    pub delta_pic_order_cnt_bottom: i32,
    /// `delta_pic_order_cnt`.
    pub delta_pic_order_cnt: [i32; 2],
    /// `redundant_pic_cnt`, 0 to 127: above 0 the slice belongs to a copy that is needed after a loss only.
    pub redundant_pic_cnt: u8,
    /// Entries of reference lists 0 and 1, 0 to 32.
    pub num_ref_idx_active: [u8; 2],
    /// What the picture does to others.
    pub marking: RefPicMarking,
}

impl SliceHeader {
    /// Reads a whole NAL unit of type 1, 2 or 5, start code not, by the parameter sets that it names. Nothing is
    /// allocated, and as much of the slice is looked at as the header takes.
    pub fn parse(nal: &[u8], sets: &ParameterSets) -> Result<Self, SliceError> {
        let (header, mut reader) = open(nal)?;
        let start = SliceStart::read(&mut reader)?;
        let pps_id = start.pps_id;
        let pps = sets.pps_by_id(pps_id).ok_or(SliceError::UnknownPps { pps_id })?;
        let sps_id = pps.sps_id();
        let sps = sets
            .sps_by_id(sps_id)
            .ok_or(SliceError::UnknownSps { pps_id, sps_id })?;
        Self::read(header, start, reader, sps, pps)
    }

    fn read(
        nal: NalHeader,
        start: SliceStart,
        mut reader: BitReader<'_>,
        sps: &Sps,
        pps: &Pps,
    ) -> Result<Self, SliceError> {
        let reader = &mut reader;
        let mut header = Self {
            nal_ref_idc: nal.nal_ref_idc(),
            is_idr: nal.nal_unit_type() == NalUnitType::IdrSlice,
            start,
            colour_plane_id: 0,
            frame_num: 0,
            structure: PictureStructure::Frame,
            idr_pic_id: None,
            pic_order_cnt_lsb: 0,
            delta_pic_order_cnt_bottom: 0,
            delta_pic_order_cnt: [0; 2],
            redundant_pic_cnt: 0,
            num_ref_idx_active: [0; 2],
            marking: RefPicMarking::None,
        };
        if sps.chroma_format() == ChromaFormat::SeparatePlanes {
            header.colour_plane_id = reader.u8(2, "colour_plane_id")?;
        }
        header.frame_num = read_u16(reader, sps.log2_max_frame_num(), "frame_num")?;
        if !sps.is_frame_mbs_only() && reader.flag("field_pic_flag")? {
            header.structure = if reader.flag("bottom_field_flag")? {
                PictureStructure::BottomField
            } else {
                PictureStructure::TopField
            };
        }
        if header.is_idr {
            let idr_pic_id = reader.ue_up_to(u16::MAX.into(), "idr_pic_id")?;
            header.idr_pic_id = Some(u16::try_from(idr_pic_id).unwrap_or(u16::MAX));
        }
        header.read_pic_order_cnt(reader, sps, pps)?;
        if pps.is_redundant_pic_cnt_present() {
            header.redundant_pic_cnt = reader.ue_u8(127, "redundant_pic_cnt")?;
        }
        header.read_references(reader, sps, pps)?;
        if header.nal_ref_idc != 0 {
            header.marking = RefPicMarking::read(reader, header.is_idr)?;
        }
        Ok(header)
    }

    fn read_pic_order_cnt(
        &mut self,
        reader: &mut BitReader<'_>,
        sps: &Sps,
        pps: &Pps,
    ) -> Result<(), SyntaxError> {
        let has_both_fields =
            pps.is_bottom_field_pic_order_in_frame_present() && self.structure == PictureStructure::Frame;
        match sps.pic_order_cnt() {
            PicOrderCnt::Lsb { log2_max } => {
                self.pic_order_cnt_lsb = read_u16(reader, *log2_max, "pic_order_cnt_lsb")?;
                if has_both_fields {
                    self.delta_pic_order_cnt_bottom = reader.se("delta_pic_order_cnt_bottom")?;
                }
            }
            PicOrderCnt::Cycle {
                is_delta_always_zero: false,
                ..
            } => {
                self.delta_pic_order_cnt[0] = reader.se("delta_pic_order_cnt[0]")?;
                if has_both_fields {
                    self.delta_pic_order_cnt[1] = reader.se("delta_pic_order_cnt[1]")?;
                }
            }
            PicOrderCnt::Cycle { .. } | PicOrderCnt::DecodingOrder => {}
        }
        Ok(())
    }

    /// From `direct_spatial_mv_pred_flag` to `pred_weight_table`.
    fn read_references(
        &mut self,
        reader: &mut BitReader<'_>,
        sps: &Sps,
        pps: &Pps,
    ) -> Result<(), SliceError> {
        let is_b = self.start.slice_type == SliceType::B;
        if self.start.slice_type.is_intra() {
            return Ok(());
        }
        if is_b {
            reader.flag("direct_spatial_mv_pred_flag")?;
        }
        let [l0, l1] = pps.num_ref_idx_default_active();
        self.num_ref_idx_active = [l0, if is_b { l1 } else { 0 }];
        if reader.flag("num_ref_idx_active_override_flag")? {
            self.num_ref_idx_active[0] = 1 + reader.ue_u8(31, "num_ref_idx_l0_active_minus1")?;
            if is_b {
                self.num_ref_idx_active[1] = 1 + reader.ue_u8(31, "num_ref_idx_l1_active_minus1")?;
            }
        }
        for _ in 0..if is_b { 2 } else { 1 } {
            skip_list_modification(reader)?;
        }
        let has_weights = if is_b {
            pps.weighted_bipred_idc() == 1
        } else {
            pps.is_weighted_pred()
        };
        if has_weights {
            self.skip_weights(reader, sps)?;
        }
        Ok(())
    }

    /// §7.3.3.2
    fn skip_weights(&self, reader: &mut BitReader<'_>, sps: &Sps) -> Result<(), SyntaxError> {
        let has_chroma = sps.chroma_format().has_chroma();
        reader.ue_up_to(7, "luma_log2_weight_denom")?;
        if has_chroma {
            reader.ue_up_to(7, "chroma_log2_weight_denom")?;
        }
        let entries = self.num_ref_idx_active.iter().copied().map(u32::from).sum();
        for _ in 0..entries {
            if reader.flag("luma_weight_flag")? {
                reader.se_i8(i8::MIN, i8::MAX, "luma_weight")?;
                reader.se_i8(i8::MIN, i8::MAX, "luma_offset")?;
            }
            if has_chroma && reader.flag("chroma_weight_flag")? {
                for _ in 0..2 {
                    reader.se_i8(i8::MIN, i8::MAX, "chroma_weight")?;
                    reader.se("chroma_offset")?;
                }
            }
        }
        Ok(())
    }

    /// Whether the slice begins another primary coded picture than that of the slice before it
    /// ([ITU-T H.264](https://www.itu.int/rec/T-REC-H.264) §7.4.1.2.4). Slices of redundant pictures begin none.
    pub fn begins_picture_after(&self, previous: &Self) -> bool {
        if self.redundant_pic_cnt > 0 {
            return false;
        }
        self.frame_num != previous.frame_num
            || self.start.pps_id != previous.start.pps_id
            || self.structure != previous.structure
            || (self.nal_ref_idc == 0) != (previous.nal_ref_idc == 0)
            || self.idr_pic_id != previous.idr_pic_id
            || self.pic_order_cnt_lsb != previous.pic_order_cnt_lsb
            || self.delta_pic_order_cnt_bottom != previous.delta_pic_order_cnt_bottom
            || self.delta_pic_order_cnt != previous.delta_pic_order_cnt
    }
}

impl RefPicMarking {
    /// §7.3.3.3
    fn read(reader: &mut BitReader<'_>, is_idr: bool) -> Result<Self, SliceError> {
        if is_idr {
            return Ok(Self::Idr {
                is_prior_output_dropped: reader.flag("no_output_of_prior_pics_flag")?,
                is_long_term: reader.flag("long_term_reference_flag")?,
            });
        }
        if !reader.flag("adaptive_ref_pic_marking_mode_flag")? {
            return Ok(Self::SlidingWindow);
        }
        let mut resets_frame_num = false;
        for _ in 0..MAX_OPERATIONS {
            match reader.ue_u8(6, "memory_management_control_operation")? {
                0 => return Ok(Self::Adaptive { resets_frame_num }),
                1 => _ = reader.ue("difference_of_pic_nums_minus1")?,
                2 => _ = reader.ue("long_term_pic_num")?,
                3 => {
                    reader.ue("difference_of_pic_nums_minus1")?;
                    reader.ue("long_term_frame_idx")?;
                }
                4 => _ = reader.ue("max_long_term_frame_idx_plus1")?,
                5 => resets_frame_num = true,
                _ => _ = reader.ue("long_term_frame_idx")?,
            }
        }
        Err(SliceError::TooManyOperations {
            element: "memory_management_control_operation",
        })
    }
}

fn open(nal: &[u8]) -> Result<(NalHeader, BitReader<'_>), SliceError> {
    let (&header, payload) = nal.split_first().ok_or(SliceError::WrongType)?;
    let header = NalHeader::from_byte(header);
    if !header.nal_unit_type().has_slice_header() {
        return Err(SliceError::WrongType);
    }
    Ok((header, BitReader::new(payload)))
}

fn read_u16(reader: &mut BitReader<'_>, count: u8, element: &'static str) -> Result<u16, SyntaxError> {
    Ok(u16::try_from(reader.bits(count, element)?).unwrap_or(u16::MAX))
}

/// One list of §7.3.3.1.
fn skip_list_modification(reader: &mut BitReader<'_>) -> Result<(), SliceError> {
    if !reader.flag("ref_pic_list_modification_flag")? {
        return Ok(());
    }
    for _ in 0..MAX_OPERATIONS {
        match reader.ue_u8(3, "modification_of_pic_nums_idc")? {
            3 => return Ok(()),
            2 => _ = reader.ue("long_term_pic_num")?,
            _ => _ = reader.ue("abs_diff_pic_num_minus1")?,
        }
    }
    Err(SliceError::TooManyOperations {
        element: "modification_of_pic_nums_idc",
    })
}

/// Whether `first_mb_in_slice` is 0, from the first byte behind the NAL unit's header.
pub(crate) fn is_first_in_picture(first_payload_byte: u8) -> bool {
    // ue(v) writes 0 as a single set bit, and every other value with a clear one first.
    first_payload_byte & 0x80 != 0
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::annexb::nal_units;
    use crate::bitreader::from_bits;
    use crate::parameter_sets::Inserted;

    #[test]
    fn slice_type_and_pps_id_are_read_without_parameter_sets() {
        // first_mb 0 (1), slice_type 6 = B (00111), pps 2 (011)
        assert_eq!(
            SliceStart::parse(&[0x01, 0b1001_1101, 0b1000_0000]),
            Ok(SliceStart {
                first_mb_in_slice: 0,
                slice_type: SliceType::B,
                is_type_of_picture: true,
                pps_id: 2
            })
        );
        // first_mb 1 (010), slice_type 2 = I (011), pps 0 (1)
        assert_eq!(
            SliceStart::parse(&[0x65, 0b0100_1110]),
            Ok(SliceStart {
                first_mb_in_slice: 1,
                slice_type: SliceType::I,
                is_type_of_picture: false,
                pps_id: 0
            })
        );
    }

    #[test]
    fn a_slice_type_above_nine_is_an_error() {
        // first_mb 0 (1), slice_type 10 (0001011)
        let error = SliceStart::parse(&[0x41, 0b1000_1011, 0x80]).expect_err("no such type");
        assert_eq!(
            error.to_string(),
            "slice header: slice_type is 10, not 0 to 9, at bit 8"
        );
        assert_eq!(SliceStart::parse(&[0x67, 0x42]), Err(SliceError::WrongType));
        assert_eq!(SliceStart::parse(&[]), Err(SliceError::WrongType));
    }

    #[test]
    fn the_first_slice_of_a_picture_shows_in_one_bit() {
        assert!(is_first_in_picture(0x88));
        assert!(!is_first_in_picture(0x5a));
    }

    /// The slice headers of a byte stream.
    fn headers(stream: &[u8]) -> Vec<SliceHeader> {
        let mut sets = ParameterSets::default();
        let mut headers = Vec::new();
        for nal in nal_units(stream) {
            let _ = sets.insert(nal);
            match SliceHeader::parse(nal, &sets) {
                Err(SliceError::WrongType) => {}
                header => headers.push(header.expect("a slice header")),
            }
        }
        headers
    }

    #[test]
    fn pictures_are_told_apart_by_their_slice_headers() {
        let two_slices = headers(include_bytes!("../../../testdata/h264/x264_two_slices.h264"));
        let begins: Vec<bool> = two_slices
            .windows(2)
            .map(|pair| pair[1].begins_picture_after(&pair[0]))
            .collect();
        assert_eq!(
            begins,
            [
                false, true, false, true, false, true, false, true, false, true, false
            ]
        );
        let frame_nums: Vec<u16> = two_slices.iter().map(|header| header.frame_num).collect();
        assert_eq!(frame_nums, [0, 0, 1, 1, 2, 2, 0, 0, 1, 1, 2, 2]);
    }

    #[test]
    fn an_unknown_parameter_set_is_named() {
        let error = SliceHeader::parse(&[0x65, 0x88, 0x84], &ParameterSets::default());
        assert_eq!(error, Err(SliceError::UnknownPps { pps_id: 0 }));
    }

    /// Interlaced, 16 frames of `frame_num`, order by a pattern, three planes apart.
    const SPS: &str = "1  00100 1 1 1 0 0   1 010 0 1 1 1 010 0   1 1 0 0 1 0 0  1";

    /// Orders of both fields and redundant pictures in slice headers; 2 and 1 entries; weights for P and B.
    const PPS: &str = "1 1 0 1 1 010 1 1 01 1 1 1 0 0 1 1";

    fn sets() -> ParameterSets {
        let mut sets = ParameterSets::default();
        let sps = [&[0x67, 244, 0, 30][..], &from_bits(SPS)].concat();
        assert_eq!(sets.insert(&sps), Ok(Inserted::New));
        assert_eq!(
            sets.insert(&[&[0x68][..], &from_bits(PPS)].concat()),
            Ok(Inserted::New)
        );
        sets
    }

    fn read(nal_header: u8, bits: &str) -> Result<SliceHeader, SliceError> {
        SliceHeader::parse(&[&[nal_header][..], &from_bits(bits)].concat(), &sets())
    }

    #[test]
    fn fields_orders_planes_and_copies_are_told_apart() {
        // First macroblock, I, PPS 0, plane 2, frame_num 5, bottom field, IDR 3, order +2, copy 1; both flags.
        let idr = read(0x65, "1 011 1  10 0101 1 1 00100  00100  010  1 1").expect("a header");
        assert_eq!((idr.colour_plane_id, idr.frame_num), (2, 5));
        assert_eq!(idr.structure, PictureStructure::BottomField);
        assert_eq!((idr.idr_pic_id, idr.redundant_pic_cnt), (Some(3), 1));
        assert_eq!(idr.delta_pic_order_cnt, [2, 0], "a field has one order");
        assert_eq!(
            idr.marking,
            RefPicMarking::Idr {
                is_prior_output_dropped: true,
                is_long_term: true
            }
        );
        // A frame has two orders, +1 and -1.
        let frame = read(0x65, "1 011 1  10 0101 0 1  010 011  1  0 0").expect("a header");
        assert_eq!(
            (frame.structure, frame.delta_pic_order_cnt),
            (PictureStructure::Frame, [1, -1])
        );
        assert!(frame.begins_picture_after(&idr));
        assert!(!idr.begins_picture_after(&frame), "a copy begins no picture");
    }

    #[test]
    fn operation_5_resets_frame_num() {
        // P, no order, no copy, default entries, no change of the list, weights of two entries, luma alone.
        let to_marking = "1 1 1  00 0001 0  1 1  1  0  0  011 1 010 1 0";
        let read =
            |marking: &str| read(0x61, &format!("{to_marking} {marking}")).map(|header| header.marking);
        let resets = |resets_frame_num| Ok(RefPicMarking::Adaptive { resets_frame_num });
        assert_eq!(read("0"), Ok(RefPicMarking::SlidingWindow));
        // Operations 1 (of 2), 3 (0, 1), 5 and the end.
        assert_eq!(read("1 010 011 00100 1 010 00110 1"), resets(true));
        assert_eq!(read("1 011 1 00101 011 00111 1 1"), resets(false));
        assert_eq!(
            read(&format!("1 {}", "00110".repeat(70))),
            Err(SliceError::TooManyOperations {
                element: "memory_management_control_operation"
            })
        );
        let error = read("1 0001000 1").expect_err("7 is none");
        assert!(
            error
                .to_string()
                .contains("memory_management_control_operation is 7")
        );
    }

    #[test]
    fn lists_of_b_slices_are_passed_over() {
        // B, spatial, 1 and 2 entries, both lists changed: a short and a long term picture, then nothing but the end.
        let lists = "1 1 1 010  1 1 010 011 010 00100  1 00100";
        // Weights of 3 entries: luma 1 and -1, none, none.
        let weights = "1 1 010 011 0 0";
        let slice =
            read(0x01, &format!("1 010 1  00 0001 0  1 1  1  {lists} {weights} 1")).expect("a header");
        assert_eq!(slice.start.slice_type, SliceType::B);
        assert_eq!(
            (slice.num_ref_idx_active, slice.marking),
            ([1, 2], RefPicMarking::None)
        );
        let endless = format!("1 1 1  00 0001 0  1 1  1  0  1 {}", "11".repeat(70));
        assert_eq!(
            read(0x01, &endless),
            Err(SliceError::TooManyOperations {
                element: "modification_of_pic_nums_idc"
            })
        );
    }
}
