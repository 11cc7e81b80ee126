//! What streams of x264 say, held against what FFmpeg's `trace_headers` reads in them.

#![cfg(test)]

use throughline_h264::sei::{self, PicStruct, SeiPayload};
use throughline_h264::{
    ChromaFormat, Cropping, NalHeader, NalUnitType, ParameterSets, PicOrderCnt, PictureStructure, Policy,
    Pps, RefPicMarking, SliceHeader, SliceType, Sps, annexb,
};

macro_rules! stream {
    ($name:literal) => {
        include_bytes!(concat!("../../../../testdata/h264/", $name, ".h264")).as_slice()
    };
}

fn units_of(stream: &[u8], wanted: NalUnitType) -> impl Iterator<Item = &[u8]> {
    annexb::nal_units(stream).filter(move |nal| NalHeader::from_byte(nal[0]).nal_unit_type() == wanted)
}

fn sps_of(stream: &[u8]) -> Sps {
    let nal = units_of(stream, NalUnitType::Sps).next().expect("an SPS");
    Sps::parse_with(nal, &Policy::strict()).expect("nothing is bent")
}

fn pps_of(stream: &[u8]) -> Pps {
    let nal = units_of(stream, NalUnitType::Pps).next().expect("a PPS");
    Pps::parse_for(nal, &sps_of(stream)).expect("a PPS")
}

fn slices_of(stream: &[u8]) -> Vec<SliceHeader> {
    let mut sets = ParameterSets::default();
    let headers = annexb::nal_units(stream).filter_map(|nal| {
        let _ = sets.insert(nal);
        let has_slice_header = NalHeader::from_byte(nal[0]).nal_unit_type().has_slice_header();
        has_slice_header.then(|| SliceHeader::parse(nal, &sets).expect("a slice header"))
    });
    headers.collect()
}

#[test]
fn interlaced_streams_say_so() {
    let stream = stream!("x264_interlaced_hrd");
    let sps = sps_of(stream);
    assert!(!sps.is_frame_mbs_only() && sps.is_mb_adaptive_frame_field() && sps.is_direct_8x8_inference());
    assert_eq!((sps.coded_width(), sps.coded_height()), (64, 64));
    assert_eq!(sps.pic_order_cnt(), &PicOrderCnt::Lsb { log2_max: 6 });
    assert!(pps_of(stream).is_bottom_field_pic_order_in_frame_present());
    let orders: Vec<(u16, i32, PictureStructure)> = slices_of(stream)
        .iter()
        .map(|slice| {
            (
                slice.pic_order_cnt_lsb,
                slice.delta_pic_order_cnt_bottom,
                slice.structure,
            )
        })
        .collect();
    let frame = PictureStructure::Frame;
    assert_eq!(orders, [(1, -1, frame), (5, -1, frame), (3, -1, frame)]);
}

#[test]
fn rates_and_buffers_are_in_bits() {
    let sps = sps_of(stream!("x264_interlaced_hrd"));
    let vui = sps.vui().expect("usability information");
    let hrd = vui.hrd().expect("a hypothetical decoder");
    let [schedule] = *hrd.schedules else {
        panic!("one schedule, not {hrd:?}");
    };
    // bit_rate_value_minus1 14061 << 6, cpb_size_value_minus1 28124 << 5
    assert_eq!((schedule.bit_rate, schedule.cpb_size), (14_062 << 6, 28_125 << 5));
    assert_eq!((schedule.is_constant, hrd.max_bit_rate()), (false, 899_968));
    assert_eq!(hrd.initial_cpb_removal_delay_length, 19);
    assert_eq!(
        (hrd.cpb_removal_delay_length, hrd.dpb_output_delay_length),
        (13, 7)
    );
    assert_eq!(hrd.time_offset_length, 0);
    assert_eq!(vui.chroma_sample_location, Some((2, 2)));
    assert!(vui.is_pic_struct_present && !vui.is_low_delay && vui.vcl_hrd.is_none());
}

#[test]
fn supplemental_information_tells_timing() {
    let stream = stream!("x264_interlaced_hrd");
    let sps = sps_of(stream);
    let mut timings = Vec::new();
    let mut encoder = String::new();
    for nal in units_of(stream, NalUnitType::Sei) {
        for message in sei::messages(nal).expect("SEI") {
            match message.expect("a message").read(Some(&sps)).expect("a payload") {
                SeiPayload::BufferingPeriod(period) => {
                    assert_eq!((period.nal[0].delay, period.nal[0].offset), (81_002, 9001));
                }
                SeiPayload::PicTiming(timing) => {
                    let delays = timing.delays.expect("delays");
                    assert_eq!(timing.pic_struct, Some(PicStruct::TopBottom));
                    timings.push((delays.cpb_removal_delay, delays.dpb_output_delay));
                }
                SeiPayload::UserDataUnregistered(data) => {
                    encoder.extend(data.data.take(4).map(char::from));
                }
                other => panic!("not in this stream: {other:?}"),
            }
        }
    }
    assert_eq!(timings, [(0, 4), (2, 6), (4, 2)]);
    assert_eq!(encoder, "x264");
}

#[test]
fn formats_beyond_420_in_8_bits_are_read() {
    let sps = sps_of(stream!("x264_high444_matrix"));
    assert_eq!(sps.chroma_format(), ChromaFormat::Yuv444);
    assert_eq!((sps.bit_depth_luma(), sps.bit_depth_chroma()), (8, 8));
    assert_eq!(
        (sps.coded_width(), sps.coded_height(), sps.width(), sps.height()),
        (80, 64, 66, 50)
    );
    let bottom_right = Cropping {
        right: 14,
        bottom: 14,
        ..Cropping::default()
    };
    assert_eq!(sps.cropping(), bottom_right);
    let sps = sps_of(stream!("x264_high422_usability"));
    assert_eq!(sps.chroma_format(), ChromaFormat::Yuv422);
    assert_eq!((sps.bit_depth_luma(), sps.bit_depth_chroma()), (10, 10));
    assert_eq!((sps.width(), sps.height()), (66, 50));
}

#[test]
fn scaling_matrices_of_a_picture_are_read() {
    let stream = stream!("x264_high444_matrix");
    let lists = pps_of(stream).scaling_lists(&sps_of(stream));
    // The matrices of the standard, Tables 7-3 and 7-4.
    assert_eq!(lists.lists_4x4[0][..6], [6, 13, 13, 20, 20, 20]);
    assert_eq!(lists.lists_4x4[5][..6], [10, 14, 14, 20, 20, 20]);
    assert_eq!(lists.lists_8x8[0][60..], [38, 40, 40, 42]);
    assert_eq!(lists.lists_8x8[5][60..], [32, 33, 33, 35]);
    assert!(pps_of(stream).is_transform_8x8_mode());
}

#[test]
fn usability_information_is_read_whole() {
    let sps = sps_of(stream!("x264_high422_usability"));
    let vui = sps.vui().expect("usability information");
    assert_eq!(vui.sample_aspect_ratio, Some((16, 11)));
    assert_eq!(
        (vui.is_overscan_appropriate, vui.video_format),
        (Some(false), Some(1))
    );
    assert!(vui.is_full_range);
    let colour = vui.colour.expect("a colour description");
    assert_eq!((colour.primaries, colour.transfer, colour.matrix), (1, 1, 1));
    assert_eq!(vui.chroma_sample_location, None);
    let timing = vui.timing.expect("timing");
    assert_eq!((timing.num_units_in_tick, timing.time_scale), (1, 50));
    let restriction = vui.restriction.expect("restrictions");
    assert_eq!(
        (
            restriction.max_num_reorder_frames,
            restriction.max_dec_frame_buffering
        ),
        (2, 4)
    );
    assert_eq!(sps.reorder_depth(), 2);
}

#[test]
fn slices_with_weights_and_marking_are_read_to_the_end_of_the_header() {
    let stream = stream!("x264_weighted_references");
    assert!(pps_of(stream).is_weighted_pred());
    let (i, p, b) = (SliceType::I, SliceType::P, SliceType::B);
    let adaptive = RefPicMarking::Adaptive {
        resets_frame_num: false,
    };
    let idr = RefPicMarking::Idr {
        is_prior_output_dropped: false,
        is_long_term: false,
    };
    let slices: Vec<(SliceType, u16, u16, u8, RefPicMarking)> = slices_of(stream)
        .iter()
        .map(|slice| {
            let entries = slice.num_ref_idx_active[0];
            (
                slice.start.slice_type,
                slice.frame_num,
                slice.pic_order_cnt_lsb,
                entries,
                slice.marking,
            )
        })
        .collect();
    assert_eq!(
        slices,
        [
            (i, 0, 0, 0, idr),
            (p, 1, 2, 1, RefPicMarking::SlidingWindow),
            (p, 2, 8, 4, RefPicMarking::SlidingWindow),
            (b, 3, 4, 2, adaptive),
            (b, 4, 6, 2, RefPicMarking::None),
            (i, 4, 12, 0, RefPicMarking::SlidingWindow),
            (b, 5, 10, 3, RefPicMarking::None),
            (p, 5, 14, 1, adaptive),
        ]
    );
}

#[test]
fn q143_an_open_group_of_pictures_begins_with_a_recovery_point() {
    let points: Vec<(u16, bool)> = units_of(stream!("x264_weighted_references"), NalUnitType::Sei)
        .flat_map(|nal| sei::messages(nal).expect("SEI"))
        .filter_map(|message| match message.expect("a message").read(None) {
            Ok(SeiPayload::RecoveryPoint(point)) => Some((point.recovery_frame_cnt, point.is_exact_match)),
            _ => None,
        })
        .collect();
    assert_eq!(points, [(0, true)]);
}
