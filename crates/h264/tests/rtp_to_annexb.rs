//! The example of that name: packets that another crate wrote come out as the stream that they were made of.

#![cfg(test)]

#[path = "../examples/rtp_to_annexb.rs"]
#[expect(dead_code, reason = "its main is the example's")]
mod rtp_to_annexb;

use rtp_to_annexb::convert;
use rtp_types::RtpPacketBuilder;
use throughline_h264::Packetizer;
use throughline_h264::annexb::{access_units, nal_units};

const TWO_SLICES: &[u8] = include_bytes!("../../../testdata/h264/x264_two_slices.h264");
const B_SLICES: &[u8] = include_bytes!("../../../testdata/h264/x264_b_slices.h264");

/// Payloads of at most 200 bytes, so that some slices are cut; sequence numbers and timestamps wrap on the way.
fn packets(stream: &[u8]) -> Vec<Vec<u8>> {
    let mut packets = Vec::new();
    let (mut sequence_number, mut timestamp) = (u16::MAX - 3, u32::MAX - 3600);
    for unit in access_units(stream) {
        for fragment in Packetizer::new(200).packetize(unit.data) {
            let mut payload = Vec::new();
            fragment.write(&mut payload);
            let packet = RtpPacketBuilder::<&[u8], &[u8]>::new()
                .payload_type(96)
                .sequence_number(sequence_number)
                .timestamp(timestamp)
                .ssrc(0x5e8a_11c2)
                .marker_bit(fragment.is_last)
                .payload(&payload);
            packets.push(packet.write_vec().unwrap());
            sequence_number = sequence_number.wrapping_add(1);
        }
        timestamp = timestamp.wrapping_add(3600);
    }
    packets
}

fn framed(packets: &[Vec<u8>]) -> Vec<u8> {
    let frame = |packet: &Vec<u8>| {
        let length = u16::try_from(packet.len()).unwrap();
        [&length.to_be_bytes(), packet.as_slice()].concat()
    };
    packets.iter().flat_map(frame).collect()
}

fn converted(input: &[u8]) -> Vec<u8> {
    let mut output = Vec::new();
    convert(input, &mut output).unwrap();
    output
}

#[test]
fn packets_of_another_crate_come_out_as_the_same_nal_units() {
    for stream in [TWO_SLICES, B_SLICES] {
        let packets = packets(stream);
        assert!(packets.len() > access_units(stream).count(), "something is cut");
        assert!(nal_units(&converted(&framed(&packets))).eq(nal_units(stream)));
    }
}

#[test]
fn a_missing_packet_costs_the_pictures_up_to_the_next_idr() {
    // An IDR picture each third one.
    let pictures: Vec<_> = access_units(TWO_SLICES).map(|unit| unit.data).collect();
    let (first, rest) = pictures.split_first().unwrap();
    let mut packets = packets(TWO_SLICES);
    packets.remove(self::packets(first).len());
    let expected = [first].into_iter().chain(&rest[2..]);
    assert!(nal_units(&converted(&framed(&packets))).eq(expected.flat_map(|picture| nal_units(picture))));
}

#[test]
fn input_that_ends_within_a_packet_is_an_error() {
    let input = framed(&packets(TWO_SLICES));
    let (_, cut_off) = input.split_last().unwrap();
    let within_a_length = [&input, &[0][..]].concat();
    for input in [cut_off, &within_a_length] {
        assert!(convert(input, Vec::new()).is_err(), "{} bytes", input.len());
    }
}
