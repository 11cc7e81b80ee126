use throughline_h264::sei::{self, SeiError};
use throughline_h264::{Sps, emulation};

/// SPS with a hypothetical decoder and `pic_struct`.
const SPS: &[u8] = &[
    0x67, 0x7a, 0x00, 0x1e, 0xb6, 0xcd, 0x94, 0x0b, 0x42, 0x4d, 0x82, 0x25, 0x01, 0x01, 0x01, 0x40, 0x00,
    0x00, 0x03, 0x00, 0x40, 0x00, 0x00, 0x0c, 0x98, 0x98, 0x00, 0x3d, 0x09, 0x00, 0x07, 0xa1, 0x29, 0x30,
    0xc0, 0x3e, 0x28, 0x53, 0x2c,
];

/// The messages of SEI, written anew, read the same; what they say can be asked for without a panic.
pub fn h264_sei(data: &[u8]) {
    let nal = [&[0x06], data].concat();
    let read = all(&nal);
    let mut rbsp = Vec::new();
    for (payload_type, payload) in &read {
        put_number(usize::try_from(*payload_type).unwrap_or(usize::MAX), &mut rbsp);
        put_number(payload.len(), &mut rbsp);
        rbsp.extend(payload);
    }
    rbsp.push(0x80);
    let mut written = vec![0x06];
    emulation::escape(&rbsp, &mut written);
    assert_eq!(all(&written), read);
}

fn put_number(number: usize, rbsp: &mut Vec<u8>) {
    rbsp.extend(std::iter::repeat_n(0xff, number / 255));
    rbsp.extend(u8::try_from(number % 255));
}

/// Type and payload of each message.
fn all(nal: &[u8]) -> Vec<(u32, Vec<u8>)> {
    let sps = Sps::parse(SPS).ok();
    let mut all = Vec::new();
    let mut ended = false;
    for message in sei::messages(nal).into_iter().flatten() {
        assert!(!ended, "an error is the last item");
        let Ok(message) = message else {
            ended = true;
            continue;
        };
        let payload: Vec<u8> = message.bytes().collect();
        assert_eq!(payload.len(), message.size());
        let alone = message.read(None).map(|payload| format!("{payload:?}"));
        let with_sps = message.read(sps.as_ref()).map(|payload| format!("{payload:?}"));
        assert!(alone == with_sps || matches!(alone, Err(SeiError::UnknownSps { payload_type: 0 | 1 })));
        all.push((message.payload_type(), payload));
    }
    all
}
