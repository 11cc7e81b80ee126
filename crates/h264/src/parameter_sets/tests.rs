use super::*;
use crate::annexb::nal_units;

const SPS: &[u8] = &[
    0x67, 0x42, 0xc0, 0x0a, 0xda, 0x11, 0xec, 0x04, 0x40, 0x00, 0x00, 0x03, 0x00, 0x40, 0x00, 0x00, 0x0c,
    0x83, 0xc4, 0x89, 0xa8,
];
const PPS: &[u8] = &[0x68, 0xce, 0x03, 0x9c, 0x80];
const SPROP: &str = "Z0LACtoR7ARAAAADAEAAAAyDxImo,aM4DnIA=";

/// What is wrong, and the value.
fn faults(quirk: &str) -> impl Iterator<Item = (&str, &str)> {
    let file = include_str!("../../../../testdata/h264/described_faults.tsv");
    file.lines().filter_map(move |line| {
        let mut fields = line.split('\t');
        (fields.next()? == quirk).then_some((fields.next()?, fields.next()?))
    })
}

fn nals(sets: &ParameterSets) -> Vec<&[u8]> {
    sets.sps().chain(sets.pps()).collect()
}

#[test]
fn sprop_reads_and_writes_back() {
    let sets = ParameterSets::from_sprop(SPROP);
    assert_eq!(nals(&sets), [SPS, PPS]);
    assert_eq!(sets.to_sprop(), SPROP);
    assert!(sets.is_complete());
}

#[test]
fn q67_what_decodes_of_a_faulty_sprop_is_used() {
    let strict = Policy::default().refuse(Tolerance::Sprop);
    for (what, sprop) in faults("Q67") {
        let sets = ParameterSets::from_sprop(sprop);
        assert_eq!(nals(&sets), [SPS, PPS], "{what}");
        assert!(sets.tolerated().contains(Tolerance::Sprop), "{what}");
        let refused = ParameterSets::from_sprop_with(sprop, &strict);
        let tolerance = Tolerance::Sprop;
        assert!(
            matches!(refused, Err(SpropError::NotTolerated { tolerance: t, .. }) if t == tolerance),
            "{what}"
        );
    }
    let sets = ParameterSets::from_sprop_with(SPROP, &Policy::strict()).expect("nothing is bent");
    assert_eq!(nals(&sets), [SPS, PPS]);
    assert!(sets.tolerated().is_empty());
}

#[test]
fn q67_an_empty_pps_leaves_the_sps() {
    let strict = Policy::default().refuse(Tolerance::Sprop);
    for (what, sprop) in faults("Q67, PPS empty") {
        let sets = ParameterSets::from_sprop(sprop);
        assert_eq!(nals(&sets), [SPS], "{what}");
        assert!(!sets.is_complete());
        assert!(ParameterSets::from_sprop_with(sprop, &strict).is_err(), "{what}");
    }
    assert_eq!(nals(&ParameterSets::from_sprop("")), <[&[u8]; 0]>::default());
}

#[test]
fn the_latest_set_of_an_identifier_stays() {
    let mut sets = ParameterSets::default();
    assert_eq!(sets.insert(SPS), Ok(Inserted::New));
    assert_eq!(sets.insert(SPS), Ok(Inserted::Known));
    let mut other_level = SPS.to_vec();
    other_level[3] = 0x1f;
    assert_eq!(sets.insert(&other_level), Ok(Inserted::Changed));
    assert_eq!(sets.sps().collect::<Vec<_>>(), [other_level]);
    assert_eq!(
        sets.profile_level_id().map(|id| id.to_string()).as_deref(),
        Some("42c01f")
    );
}

#[test]
fn known_identifiers_win_over_those_added() {
    let mut other_level = SPS.to_vec();
    other_level[3] = 0x1f;
    let mut in_band = ParameterSets::default();
    in_band.insert(&other_level).expect("SPS");
    in_band.add_missing(&ParameterSets::from_sprop(SPROP));
    assert_eq!(nals(&in_band), [&other_level[..], PPS]);
}

#[test]
fn what_is_no_parameter_set_is_refused() {
    let mut sets = ParameterSets::default();
    assert_eq!(sets.insert(&[]), Err(ParameterSetError::WrongType));
    assert_eq!(sets.insert(&[0x65, 0x88]), Err(ParameterSetError::WrongType));
    assert_eq!(
        sets.insert(&[0x68; 5000]),
        Err(ParameterSetError::TooLong { length: 5000 })
    );
    assert!(matches!(
        sets.insert(&[0x67, 0x42]),
        Err(ParameterSetError::Sps(SpsError::Syntax(_)))
    ));
}

#[test]
fn q68_the_profile_is_that_of_the_sps() {
    let strict = Policy::default().refuse(Tolerance::ProfileLevelId);
    for (_, garbage) in faults("Q68") {
        let mut sets = ParameterSets::from_sprop(SPROP);
        let id = sets.profile_level_id_or(garbage, &Policy::default());
        assert_eq!(id, Ok(Some(ProfileLevelId([0x42, 0xc0, 0x0a]))), "{garbage}");
        assert!(sets.tolerated().contains(Tolerance::ProfileLevelId));
        assert_eq!(
            ParameterSets::from_sprop(SPROP).profile_level_id_or(garbage, &strict),
            Err(ParameterSetError::NotTolerated {
                tolerance: Tolerance::ProfileLevelId
            }),
            "{garbage}"
        );
    }
    let mut sets = ParameterSets::from_sprop(SPROP);
    assert!(sets.profile_level_id_or("42C00A", &strict).is_ok());
    assert!(sets.tolerated().is_empty());
    // Without an SPS there is nothing better.
    let described = ParameterSets::default().profile_level_id_or("42e01f", &strict);
    assert_eq!(described, Ok(Some(ProfileLevelId([0x42, 0xe0, 0x1f]))));
    assert_eq!(
        ParameterSets::default().profile_level_id_or("TeAo", &Policy::default()),
        Ok(None)
    );
}

#[test]
fn q83_zeros_behind_a_set_are_left_out() {
    let mut sets = ParameterSets::default();
    let padded = [SPS, &[0, 0, 0]].concat();
    assert_eq!(sets.insert(&padded), Ok(Inserted::New));
    assert_eq!(sets.insert(SPS), Ok(Inserted::Known));
    assert_eq!(nals(&sets), [SPS]);
    assert_eq!(sets.tolerated().to_string(), "zero bytes behind the nal unit");

    let strict = Policy::default().refuse(Tolerance::TrailingZeros);
    assert_eq!(
        ParameterSets::default().insert_with(&padded, &strict),
        Err(ParameterSetError::NotTolerated {
            tolerance: Tolerance::TrailingZeros
        })
    );
    assert_eq!(
        ParameterSets::default().insert_with(SPS, &strict),
        Ok(Inserted::New)
    );
}

#[test]
fn a_pps_is_read_again_by_the_sps_that_replaces_its_own() {
    let set = |nal_unit_type: u8, stream: &'static [u8]| {
        nal_units(stream)
            .find(move |nal| nal[0] & 0x1f == nal_unit_type)
            .expect("a set")
    };
    let high444 = include_bytes!("../../../../testdata/h264/x264_high444_matrix.h264");
    let (sps, pps) = (set(7, high444), set(8, high444));
    let mut sets = ParameterSets::default();
    // A Main SPS, under which a PPS has no matrices.
    sets.insert(SPS).expect("SPS");
    sets.insert(pps).expect("PPS");
    assert!(!sets.pps_by_id(0).expect("PPS").is_transform_8x8_mode());
    assert_eq!(sets.insert(sps), Ok(Inserted::Changed));
    assert!(sets.pps_by_id(0).expect("PPS").is_transform_8x8_mode());
    assert_eq!(sets.insert(SPS), Ok(Inserted::Changed));
    assert!(!sets.pps_by_id(0).expect("PPS").is_transform_8x8_mode());
}

#[test]
fn a_pps_whose_end_is_absurd_is_used_without() {
    let high444 = include_bytes!("../../../../testdata/h264/x264_high444_matrix.h264");
    let set = |nal_unit_type| nal_units(high444).find(|nal| nal[0] & 0x1f == nal_unit_type);
    let (sps, whole) = (set(7).expect("SPS"), set(8).expect("PPS"));
    let cut = &whole[..whole.len() - 2];
    let strict = Policy::default().refuse(Tolerance::PpsEnd);
    let refused = Err(ParameterSetError::NotTolerated {
        tolerance: Tolerance::PpsEnd,
    });

    let mut sets = ParameterSets::default();
    assert_eq!(
        (sets.insert(sps), sets.insert(cut)),
        (Ok(Inserted::New), Ok(Inserted::New))
    );
    assert!(sets.is_complete() && sets.tolerated().contains(Tolerance::PpsEnd));
    assert_eq!(sets.insert(whole), Ok(Inserted::Changed));
    let mut sets = ParameterSets::default();
    assert_eq!(sets.insert_with(sps, &strict), Ok(Inserted::New));
    assert_eq!(sets.insert_with(cut, &strict), refused);
    assert_eq!(sets.insert_with(whole, &strict), Ok(Inserted::New));

    // The SPS comes last.
    let mut sets = ParameterSets::default();
    assert_eq!(
        (sets.insert(cut), sets.insert(sps)),
        (Ok(Inserted::New), Ok(Inserted::New))
    );
    assert!(sets.is_complete() && sets.tolerated().contains(Tolerance::PpsEnd));
    let mut sets = ParameterSets::default();
    assert_eq!(sets.insert_with(cut, &strict), Ok(Inserted::New));
    assert_eq!(sets.insert_with(sps, &strict), Ok(Inserted::New));
    assert_eq!(nals(&sets), [sps]);
}
