use throughline_h264::{NalHeader, NalUnitType, annexb};

/// Access units are the byte stream without a gap, each holds one picture, and what follows one does not change it.
pub fn h264_access_units(data: &[u8]) {
    let units: Vec<annexb::StreamAccessUnit<'_>> = annexb::access_units(data).collect();
    let mut end = None;
    let mut covered = 0;
    for unit in &units {
        let start = unit.data.as_ptr().addr() - data.as_ptr().addr();
        assert!(end.is_none_or(|end| end == start), "a gap before byte {start}");
        end = Some(start + unit.data.len());
        covered += check_one_picture(unit);
    }
    let rest = annexb::nal_units(data).skip(covered);
    assert_eq!(
        rest.filter(|nal| type_of(nal).is_vcl()).count(),
        0,
        "a picture is left out"
    );

    // Up to the end of the middle one.
    let middle = units.len().div_ceil(2);
    if let Some(last) = middle.checked_sub(1).and_then(|last| units.get(last)) {
        let end = last.data.as_ptr().addr() - data.as_ptr().addr() + last.data.len();
        assert!(annexb::access_units(&data[..end]).eq(units[..middle].iter().copied()));
    }
}

/// Returns how many NAL units there are.
fn check_one_picture(unit: &annexb::StreamAccessUnit<'_>) -> usize {
    let types: Vec<NalUnitType> = annexb::nal_units(unit.data).map(type_of).collect();
    let first = types.iter().position(|nal_unit_type| nal_unit_type.is_vcl());
    assert!(first.is_some(), "no picture: {types:?}");
    let behind = &types[first.unwrap_or_default()..];
    let begins_another = |nal_unit_type: &NalUnitType| {
        matches!(
            nal_unit_type,
            NalUnitType::AccessUnitDelimiter | NalUnitType::Sps | NalUnitType::Pps | NalUnitType::Sei
        )
    };
    assert!(!behind.iter().any(begins_another), "{types:?}");
    let slices = || {
        behind
            .iter()
            .filter(|nal_unit_type| nal_unit_type.has_slice_header())
    };
    let is_idr = |nal_unit_type: &&NalUnitType| **nal_unit_type == NalUnitType::IdrSlice;
    assert_eq!(
        slices().filter(is_idr).count(),
        if unit.is_idr { slices().count() } else { 0 }
    );
    types.len()
}

fn type_of(nal: &[u8]) -> NalUnitType {
    NalHeader::from_byte(nal.first().copied().unwrap_or_default()).nal_unit_type()
}
