use throughline_h264::{NalHeader, NalUnitType, annexb, emulation};

/// A byte stream is cut at its start codes and nowhere else, and its access units are the stream without a gap.
pub fn h264_annexb(data: &[u8]) {
    let units: Vec<&[u8]> = annexb::nal_units(data).collect();
    assert_eq!(units, naive_units(data));
    let written: Vec<u8> = units
        .iter()
        .flat_map(|nal| [&[0, 0, 0, 1], *nal].concat())
        .collect();
    assert!(annexb::nal_units(&written).eq(units.iter().copied()));

    let mut ebsp = Vec::new();
    emulation::escape(data, &mut ebsp);
    assert_eq!(annexb::nal_units(&ebsp).count(), 0);
    assert!(emulation::RbspBytes::new(&ebsp).eq(data.iter().copied()));

    let mut end = None;
    let mut covered = 0;
    for unit in annexb::access_units(data) {
        let start = unit.data.as_ptr().addr() - data.as_ptr().addr();
        assert!(end.is_none_or(|end| end == start), "a gap before byte {start}");
        end = Some(start + unit.data.len());
        let types: Vec<NalUnitType> = annexb::nal_units(unit.data).map(type_of).collect();
        assert!(types.iter().any(|nal_unit_type| nal_unit_type.is_vcl()));
        assert_eq!(types.contains(&NalUnitType::IdrSlice), unit.is_idr);
        assert!(
            annexb::access_units(unit.data).eq([unit]),
            "cut again, it is not one access unit"
        );
        covered += types.len();
    }
    let rest = units.get(covered..).unwrap_or_default();
    assert!(
        !rest.iter().any(|nal| type_of(nal).is_vcl()),
        "a picture is left out"
    );
}

fn type_of(nal: &[u8]) -> NalUnitType {
    NalHeader::from_byte(nal.first().copied().unwrap_or_default()).nal_unit_type()
}

/// The NAL units, looked for byte by byte.
fn naive_units(data: &[u8]) -> Vec<&[u8]> {
    let mut starts = Vec::new();
    let mut at = 0;
    while at + 3 <= data.len() {
        if data[at..].starts_with(&[0, 0, 1]) {
            starts.push(at);
            at += 3;
        } else {
            at += 1;
        }
    }
    let ends = starts.iter().skip(1).copied().chain([data.len()]);
    let bodies = starts.iter().zip(ends).map(|(start, end)| {
        let mut body = &data[start + 3..end];
        while let [shorter @ .., 0] = body {
            body = shorter;
        }
        body
    });
    bodies.filter(|body| !body.is_empty()).collect()
}
