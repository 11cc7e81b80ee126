use throughline_h264::{Pps, Sps};

use crate::h264_sps::check_scaling;

/// SPS of Baseline, of High 4:2:2 with usability information, and of High 4:4:4.
const SPS: [&[u8]; 3] = [
    &[
        0x67, 0x42, 0xc0, 0x0a, 0xda, 0x11, 0xec, 0x04, 0x40, 0x00, 0x00, 0x03, 0x00, 0x40, 0x00, 0x00, 0x0c,
        0x83, 0xc4, 0x89, 0xa8,
    ],
    &[
        0x67, 0x7a, 0x00, 0x1e, 0xb6, 0xcd, 0x94, 0x0b, 0x42, 0x4d, 0x82, 0x25, 0x01, 0x01, 0x01, 0x40, 0x00,
        0x00, 0x03, 0x00, 0x40, 0x00, 0x00, 0x0c, 0x98, 0x98, 0x00, 0x3d, 0x09, 0x00, 0x07, 0xa1, 0x29, 0x30,
        0xc0, 0x3e, 0x28, 0x53, 0x2c,
    ],
    &[
        0x67, 0xf4, 0x00, 0x1e, 0x91, 0x9b, 0x28, 0x14, 0x05, 0xff, 0x13, 0x80, 0x88, 0x00, 0x00, 0x03, 0x00,
        0x08, 0x00, 0x00, 0x03, 0x01, 0xe0, 0x78, 0xb1, 0x6c, 0xb0,
    ],
];

/// What a PPS says is possible, and all but the part of the High profiles is the same under any SPS.
pub fn h264_pps(data: &[u8]) {
    let alone = Pps::parse(data);
    for sps in SPS {
        let Ok(sps) = Sps::parse(sps) else {
            unreachable!("an SPS");
        };
        match (&alone, Pps::parse_for(data, &sps)) {
            (Err(error), with_sps) => assert_eq!(Err(*error), with_sps),
            (Ok(alone), Ok(with_sps)) => check(alone, &with_sps, &sps),
            (Ok(_), Err(_)) => assert!(sps.profile_level_id().0[0] >= 100, "there is no such part"),
        }
    }
}

fn check(alone: &Pps, pps: &Pps, sps: &Sps) {
    assert_eq!(
        (alone.id(), alone.sps_id(), alone.is_cabac()),
        (pps.id(), pps.sps_id(), pps.is_cabac())
    );
    assert_eq!(
        alone.num_ref_idx_default_active(),
        pps.num_ref_idx_default_active()
    );
    assert!(pps.sps_id() <= 31);
    assert!(
        pps.slice_groups()
            .is_none_or(|groups| (2..=8).contains(&groups.count) && groups.map_type <= 6)
    );
    assert!(
        pps.num_ref_idx_default_active()
            .iter()
            .all(|entries| (1..=32).contains(entries))
    );
    assert!((-36..=51).contains(&pps.pic_init_qp()) && (0..=51).contains(&pps.pic_init_qs()));
    assert!(
        pps.chroma_qp_index_offsets()
            .iter()
            .all(|offset| (-12..=12).contains(offset))
    );
    check_scaling(&pps.scaling_lists(sps));
}
