use throughline_h264::{annexb, emulation};

/// A byte stream is cut at its start codes and nowhere else, and bytes that are escaped hold none.
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
