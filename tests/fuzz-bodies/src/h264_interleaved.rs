use throughline_h264::{InterleavedConfig, InterleavedPacketizer, Mixture, Timestamp, annexb};

use crate::input::Input;

/// What is sent out of order has the numbers and times by which a simple receiver finds the NAL units' order again.
pub fn h264_interleaved(data: &[u8]) {
    let mut input = Input::new(data);
    let mixtures = [Mixture::StapB, Mixture::Mtap16, Mixture::Mtap24];
    let config = InterleavedConfig {
        max_payload: usize::from(input.u16() % 1500),
        mixture: mixtures[usize::from(input.u8()) % 3],
        depth: usize::from(input.u8() % 16),
        first_don: input.u16(),
    };
    let mut packetizer = InterleavedPacketizer::new(config);
    let mut timestamp = 0;
    let mut sent = Vec::new();
    let mut received = Vec::new();
    while !input.is_empty() {
        timestamp += i64::from(input.u16()) << (input.u8() % 10);
        let length = usize::from(input.u16() % 4096);
        let access_unit = [&[0, 0, 1], input.bytes(length)].concat();
        sent.extend(annexb::nal_units(&access_unit).map(|nal| (timestamp, nal.to_vec())));
        packetizer.push(&access_unit, Timestamp(timestamp));
        if input.is_empty() {
            packetizer.flush();
        }
        while let Some(packet) = packetizer.pop() {
            assert!(packet.payload.len() <= config.max_payload.max(16));
            receive(&packet.payload, packet.timestamp.0, &mut received);
        }
    }
    let place = |don: u16| usize::from(don.wrapping_sub(config.first_don));
    for (at, (don, ..)) in received.iter().enumerate() {
        let overtaken_by = received[..at]
            .iter()
            .filter(|(other, ..)| place(*other) > place(*don));
        assert!(overtaken_by.count() <= config.depth);
    }
    received.sort_by_key(|(don, ..)| place(*don));
    let received: Vec<(i64, Vec<u8>)> = received
        .into_iter()
        .map(|(_, timestamp, nal)| (timestamp, nal))
        .collect();
    assert!(received == sent, "{config:?}");
}

/// Takes a payload apart by RFC 6184 §5.7 and §5.8: decoding order number, time, bytes.
fn receive(payload: &[u8], timestamp: i64, received: &mut Vec<(u16, i64, Vec<u8>)>) {
    let nal_header = payload[0] & 0xe0 | payload[1] & 0x1f;
    let structure = payload[0] & 0x1f;
    let mut input = Input::new(&payload[1..]);
    match structure {
        29 => {
            assert_eq!(
                input.u8() & 0xc0,
                0x80,
                "an FU-B begins a NAL unit and does not end it"
            );
            received.push((input.u16(), timestamp, [&[nal_header], &payload[4..]].concat()));
        }
        28 => {
            let Some((.., nal)) = received.last_mut() else {
                unreachable!("an FU-B comes before it");
            };
            nal.extend(&payload[2..]);
        }
        25..=27 => {
            let base = input.u16();
            let mut place = 0;
            while !input.is_empty() {
                let size = input.u16();
                let (difference, offset) = match structure {
                    25 => (place, 0),
                    26 => (u16::from(input.u8()), u32::from(input.u16())),
                    _ => (
                        u16::from(input.u8()),
                        u32::from(input.u8()) << 16 | u32::from(input.u16()),
                    ),
                };
                let nal = input.bytes(usize::from(size)).to_vec();
                assert_eq!(nal.len(), usize::from(size));
                received.push((base.wrapping_add(difference), timestamp + i64::from(offset), nal));
                place += 1;
            }
        }
        other => unreachable!("payload structure {other} is not of this mode"),
    }
}
