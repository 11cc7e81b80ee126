use throughline_h264::{
    Aggregation, Depacketizer, DepacketizerConfig, Packetizer, RtpPayload, Timestamp, annexb,
};

use crate::input::Input;

const SPS: &[u8] = &[
    0x67, 0x42, 0xc0, 0x0a, 0xda, 0x11, 0xec, 0x04, 0x40, 0x00, 0x00, 0x03, 0x00, 0x40, 0x00, 0x00, 0x0c,
    0x83, 0xc4, 0x89, 0xa8,
];
const PPS: &[u8] = &[0x68, 0xce, 0x03, 0x9c, 0x80];

/// Header bytes and slice headers: `first_mb_in_slice` 0, picture parameter set 0, `frame_num` 0 or 1.
const IDR: &[u8] = &[0x65, 0x88, 0x84];
const REFERENCE: &[u8] = &[0x41, 0x9a, 0x20];
const DISPOSABLE: &[u8] = &[0x01, 0x9a, 0x20];

/// Later slices of a picture, `first_mb_in_slice` 1.
const LATER_IDR: &[u8] = &[0x65, 0x42, 0x21, 0x3f];
const LATER_REFERENCE: &[u8] = &[0x41, 0x46, 0x88];
const LATER_DISPOSABLE: &[u8] = &[0x01, 0x46, 0x88];

/// NAL units without a picture: in front of it, and behind it.
const IN_FRONT: [&[u8]; 2] = [&[0x09, 0xf0], &[0x06, 0x05]];
const BEHIND: &[u8] = &[0x0c, 0xff];

/// Flags of an access unit: an IDR picture; another one that nothing refers to.
pub(crate) const IS_IDR: u8 = 0x04;
pub(crate) const IS_DISPOSABLE: u8 = 0x08;

/// What a packetizer cuts, at any size of payload, a depacketizer puts together again byte by byte.
pub fn h264_packetizer(data: &[u8]) {
    let mut input = Input::new(data);
    let max_payload = usize::from(input.u16() % 1500);
    let aggregations = [
        Aggregation::WithoutPicture,
        Aggregation::Never,
        Aggregation::Always,
    ];
    let packetizer = Packetizer::new(max_payload).with_aggregation(aggregations[max_payload % 3]);
    let mut depacketizer = Depacketizer::new(DepacketizerConfig::default());
    // A picture that cannot leave, but shows what the marker means.
    let proof = RtpPayload {
        data: &[REFERENCE, &[0x80]].concat(),
        timestamp: Timestamp(-3600),
        marker: true,
        lost_before: 0,
    };
    assert_eq!(depacketizer.push(proof), Ok(()));
    let mut timestamp = 0;
    loop {
        let first = if timestamp == 0 { IS_IDR } else { 0 };
        let access_unit = access_unit(first | input.u8(), &mut input);
        check_single(packetizer, &access_unit);
        let mut fragments = packetizer.packetize(&access_unit).peekable();
        while let Some(fragment) = fragments.next() {
            let mut payload = Vec::new();
            fragment.write(&mut payload);
            assert_eq!(payload.len(), fragment.len());
            assert!(payload.len() <= max_payload.max(16));
            assert_eq!(fragment.is_last, fragments.peek().is_none());
            let payload = RtpPayload {
                data: &payload,
                timestamp: Timestamp(timestamp),
                marker: fragment.is_last,
                lost_before: 0,
            };
            assert_eq!(depacketizer.push(payload), Ok(()));
        }
        let unit = depacketizer.pop();
        assert_eq!(unit.as_ref().map(|unit| &*unit.data), Some(&*access_unit));
        assert!(unit.is_some_and(|unit| unit.timestamp.0 == timestamp && !unit.is_damaged));
        timestamp += 3600;
        if input.is_empty() {
            break;
        }
    }
    assert_eq!(depacketizer.pop(), None);
}

/// Without fragments and aggregates, payloads are the NAL units.
fn check_single(packetizer: Packetizer, access_unit: &[u8]) {
    let Ok(fragments) = packetizer.packetize_single(access_unit) else {
        return;
    };
    let payloads = fragments.map(|fragment| {
        let mut payload = Vec::new();
        fragment.write(&mut payload);
        payload
    });
    assert!(payloads.eq(annexb::nal_units(access_unit).map(<[u8]>::to_vec)));
}

/// An access unit in four-byte start codes of the kind that the flags say, with bodies made of the input.
pub(crate) fn access_unit(flags: u8, input: &mut Input<'_>) -> Vec<u8> {
    let mut nals = Vec::new();
    for (index, head) in IN_FRONT.into_iter().enumerate() {
        if flags & 1 << index != 0 {
            nals.push(nal(head, input));
        }
    }
    let (first, later) = if flags & IS_IDR != 0 {
        nals.extend([SPS.to_vec(), PPS.to_vec()]);
        (IDR, LATER_IDR)
    } else if flags & IS_DISPOSABLE != 0 {
        (DISPOSABLE, LATER_DISPOSABLE)
    } else {
        (REFERENCE, LATER_REFERENCE)
    };
    nals.push(nal(first, input));
    nals.extend((0..flags >> 4 & 3).map(|_| nal(later, input)));
    if flags & 0x40 != 0 {
        nals.push(nal(BEHIND, input));
    }
    nals.iter()
        .flat_map(|nal| [&[0, 0, 0, 1], nal.as_slice()].concat())
        .collect()
}

/// A NAL unit with a body of the input's, written as encoders do: emulation prevented, and a stop bit behind it.
fn nal(head: &[u8], input: &mut Input<'_>) -> Vec<u8> {
    let length = usize::from(input.u16() % 4096);
    let mut nal = head.to_vec();
    for byte in input.bytes(length) {
        if nal.ends_with(&[0, 0]) && *byte <= 3 {
            nal.push(3);
        }
        nal.push(*byte);
    }
    nal.push(0x80);
    nal
}
