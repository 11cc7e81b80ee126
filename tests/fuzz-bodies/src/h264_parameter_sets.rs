use throughline_h264::{Inserted, MAX_PARAMETER_SET_BYTES, ParameterSets, Pps, Sps, annexb};

/// Parameter sets stay within their limits, and survive being written as `sprop-parameter-sets`. The bytes are taken
/// for the value of such a parameter, for a byte stream, and for one NAL unit.
pub fn h264_parameter_sets(data: &[u8]) {
    if let Ok(pps) = Pps::parse(data) {
        assert!(pps.sps_id() <= 31);
    }
    check(&ParameterSets::from_sprop(&String::from_utf8_lossy(data)));

    let mut sets = ParameterSets::default();
    for nal in annexb::nal_units(data) {
        match sets.insert(nal) {
            Ok(_) => assert_eq!(sets.insert(nal), Ok(Inserted::Known)),
            Err(error) => assert_eq!(sets.insert(nal), Err(error)),
        }
    }
    check(&sets);
}

fn check(sets: &ParameterSets) {
    for set in sets.sps().chain(sets.pps()) {
        assert!(set.len() <= MAX_PARAMETER_SET_BYTES);
    }
    // As many as there are identifiers.
    assert!(sets.sps().count() <= 32 && sets.pps().count() <= 256);
    assert_eq!(
        sets.is_complete(),
        sets.sps().next().is_some() && sets.pps().next().is_some()
    );
    assert_eq!(
        sets.parameters(),
        sets.sps()
            .next()
            .and_then(|nal| Sps::parse(nal).ok())
            .map(|sps| sps.parameters())
    );
    assert_eq!(&ParameterSets::from_sprop(&sets.to_sprop()), sets);
}
