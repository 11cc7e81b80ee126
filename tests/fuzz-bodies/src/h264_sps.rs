use throughline_h264::{Policy, ScalingLists, Sps};

/// What an SPS says is possible, and stays so whatever follows it.
pub fn h264_sps(data: &[u8]) {
    let Ok(sps) = Sps::parse(data) else { return };
    let parameters = sps.parameters();
    assert!(sps.id() <= 31);
    // The largest side of level 6.2 is 1055 macroblocks; in field pairs a map unit has two.
    assert!((1..=1055 * 16).contains(&parameters.width), "{parameters:?}");
    assert!((1..=1055 * 32).contains(&parameters.height), "{parameters:?}");
    assert!(
        parameters
            .frame_rate
            .is_none_or(|rate| rate > 0.0 && rate <= 480.0),
        "{parameters:?}"
    );
    assert!(
        parameters
            .max_num_reorder_frames
            .is_none_or(|frames| frames <= 16)
    );
    assert!(
        parameters
            .sample_aspect_ratio
            .is_none_or(|(width, height)| width > 0 && height > 0)
    );
    assert!(
        parameters
            .max_num_reorder_frames
            .is_none_or(|frames| frames == parameters.reorder_depth)
    );
    assert!(parameters.reorder_depth <= 16);
    let (width, height) = parameters.display_size();
    assert!(width >= parameters.width && height >= parameters.height);
    check_scaling(&sps.scaling_lists());
    let strict = Sps::parse_with(data, &Policy::strict());
    assert_eq!(strict.is_ok(), sps.tolerated().is_empty());
    assert!(strict.is_ok_and(|strict| strict == sps) || !sps.tolerated().is_empty());
    assert_eq!(parameters.profile_level_id().profile(), parameters.profile);
    assert_eq!(parameters.profile_level_id().level(), parameters.level);
    assert_eq!(parameters.profile_level_id().to_string().len(), 6);

    // What follows an SPS can only add to its optional part, the last.
    let longer = Sps::parse(&[data, &[0x80]].concat());
    let facts = |sps: &Sps| (sps.id(), sps.width(), sps.height());
    assert_eq!(longer.as_ref().map(facts), Ok(facts(&sps)));
}

/// Nothing is scaled to nothing.
pub(crate) fn check_scaling(lists: &ScalingLists) {
    let smaller = lists.lists_4x4.iter().flatten();
    let larger = lists.lists_8x8.iter().flatten();
    assert!(smaller.chain(larger).all(|scale| *scale > 0));
}
