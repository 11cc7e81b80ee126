use throughline_h264::avcc::{self, AvccError, DecoderConfiguration, LengthSize};

/// Samples read as they were written at every size of length, and so do the records that describe them.
pub fn h264_avcc(data: &[u8]) {
    for length_size in [LengthSize::One, LengthSize::Two, LengthSize::Four] {
        let mut written = Vec::new();
        let mut units = Vec::new();
        for nal in avcc::nal_units(data, length_size) {
            let nal = match nal {
                Ok(nal) => nal,
                Err(AvccError::UnitCutOff { offset, length, left }) => {
                    assert!(length > left && offset + left == data.len());
                    break;
                }
                Err(error) => {
                    assert!(matches!(error, AvccError::LengthCutOff { offset } if offset < data.len()));
                    break;
                }
            };
            assert!(!nal.is_empty());
            assert_eq!(avcc::append(&mut written, nal, length_size), Ok(()));
            units.push(nal);
        }
        assert!(avcc::nal_units(&written, length_size).eq(units.into_iter().map(Ok)));
    }
    let Ok(record) = DecoderConfiguration::parse(data) else {
        return;
    };
    let Ok(bytes) = record.to_bytes() else {
        unreachable!("it has no more than was read");
    };
    let Ok(again) = DecoderConfiguration::parse(&bytes) else {
        unreachable!("what was written reads");
    };
    assert!(again.parameter_sets.sps().eq(record.parameter_sets.sps()));
    assert!(again.parameter_sets.pps().eq(record.parameter_sets.pps()));
    assert_eq!(again.sps_extensions, record.sps_extensions);
    assert_eq!(again.to_bytes(), Ok(bytes));
}
