use throughline_h264::{Inserted, MAX_PARAMETER_SET_BYTES, ParameterSets, Policy, Sps, Tolerance, annexb};

/// Parameter sets stay within their limits, and survive being written as `sprop-parameter-sets`. The bytes are taken
/// for the value of such a parameter, for a byte stream, and for one NAL unit.
pub fn h264_parameter_sets(data: &[u8]) {
    let sprop = String::from_utf8_lossy(data);
    let sets = ParameterSets::from_sprop(&sprop);
    check(&sets);
    let strict = ParameterSets::from_sprop_with(&sprop, &Policy::strict());
    // A PPS that does not suit the SPS behind it is no error: it goes.
    assert!(strict.is_ok() || !sets.tolerated().is_empty());
    assert!(!sets.tolerated().is_empty() || strict == Ok(sets));

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
    let strict = Policy::default().refuse(Tolerance::Sprop);
    let again = ParameterSets::from_sprop_with(&sets.to_sprop(), &strict);
    if sets.sps().chain(sets.pps()).next().is_none() {
        assert!(again.is_err(), "an empty list is none");
        return;
    }
    let Ok(again) = again else {
        unreachable!("what was written needs no tolerance");
    };
    assert!(again.sps().eq(sets.sps()) && again.pps().eq(sets.pps()));
}
