use throughline_h264::{ParameterSets, RefPicMarking, SliceError, SliceHeader, SliceStart, annexb};

/// Slice headers of a byte stream say what is possible by its parameter sets, and stay the same whatever follows them.
pub fn h264_slice(data: &[u8]) {
    let mut sets = ParameterSets::default();
    let mut previous: Option<SliceHeader> = None;
    for nal in annexb::nal_units(data) {
        let _ = sets.insert(nal);
        let start = SliceStart::parse(nal);
        let header = match SliceHeader::parse(nal, &sets) {
            Ok(header) => header,
            Err(error) => {
                let refers = matches!(
                    error,
                    SliceError::UnknownPps { .. } | SliceError::UnknownSps { .. }
                );
                assert!(!refers || start.is_ok());
                continue;
            }
        };
        assert_eq!(start, Ok(header.start));
        assert_eq!(
            SliceHeader::parse(&[nal, &[0x5a, 0xff]].concat(), &sets),
            Ok(header)
        );
        let pps = sets.pps_by_id(header.start.pps_id);
        let sps = pps.and_then(|pps| sets.sps_by_id(pps.sps_id()));
        assert!(sps.is_some_and(|sps| u32::from(header.frame_num) < 1 << sps.log2_max_frame_num()));
        assert_eq!(header.is_idr, header.idr_pic_id.is_some());
        assert_eq!(header.nal_ref_idc == 0, header.marking == RefPicMarking::None);
        assert!(header.num_ref_idx_active.iter().all(|entries| *entries <= 32));
        assert_eq!(
            header.start.slice_type.is_intra(),
            header.num_ref_idx_active == [0, 0]
        );
        assert!(!header.begins_picture_after(&header));
        if let Some(previous) = previous {
            let redundant = header.redundant_pic_cnt > 0 || previous.redundant_pic_cnt > 0;
            let (forth, back) = (
                header.begins_picture_after(&previous),
                previous.begins_picture_after(&header),
            );
            assert!(
                redundant || forth == back,
                "one picture or two, whichever comes first"
            );
        }
        previous = Some(header);
    }
}
