use super::*;
use crate::bitreader::from_bits;
use crate::tolerance::Policy;

fn payloads<'a>(nal: &'a [u8], sps: Option<&Sps>) -> Vec<Result<SeiPayload<'a>, SeiError>> {
    messages(nal)
        .expect("SEI")
        .map(|message| message?.read(sps))
        .collect()
}

#[test]
fn several_messages_are_told_apart() {
    // Type 300 (255 + 45) of 2 bytes, type 6 of 1 byte, type 7 of none.
    let nal = [0x06, 0xff, 45, 2, 0xaa, 0x80, 6, 1, 0xc4, 7, 0, 0x80, 0, 0];
    let found: Vec<(u32, Vec<u8>)> = messages(&nal)
        .expect("SEI")
        .map(|message| message.expect("a message"))
        .map(|message| (message.payload_type(), message.bytes().collect()))
        .collect();
    assert_eq!(found, [(300, vec![0xaa, 0x80]), (6, vec![0xc4]), (7, vec![])]);
}

#[test]
fn sizes_do_not_count_emulation_prevention() {
    let rbsp = [&[5, 18][..], &[0; 16], &[9, 8, 6, 1, 0xc4, 0x80]].concat();
    let mut nal = vec![0x06];
    crate::emulation::escape(&rbsp, &mut nal);
    assert!(nal.len() > rbsp.len() + 1);
    let found = payloads(&nal, None);
    let Ok(SeiPayload::UserDataUnregistered(data)) = &found[0] else {
        panic!("user data, not {found:?}");
    };
    assert_eq!(data.uuid, [0; 16]);
    assert_eq!(data.data.clone().collect::<Vec<u8>>(), [9, 8]);
    assert!(matches!(found[1], Ok(SeiPayload::RecoveryPoint(_))));
}

#[test]
fn a_message_beyond_the_end_is_the_last() {
    let found = payloads(&[0x06, 6, 1, 0xc4, 5, 200, 1, 2, 3], None);
    assert!(matches!(found[0], Ok(SeiPayload::RecoveryPoint(_))));
    let error = found[1].as_ref().expect_err("cut off");
    assert_eq!(
        error.to_string(),
        "SEI: NAL unit ends at bit 40 in payload type 5 of 200 bytes"
    );
    assert_eq!(found.len(), 2);
    assert!(payloads(&[0x06, 0xff, 0xff], None)[0].is_err());
    assert!(payloads(&[0x06, 0x80], None).is_empty());
    assert!(matches!(messages(&[0x67]), Err(SeiError::WrongType)));
    assert!(matches!(messages(&[]), Err(SeiError::WrongType)));
}

#[test]
fn q143_a_recovery_point_says_when_the_picture_is_right() {
    // 7 frames (0001000), inexact, link whole, 0; bits of payload 0001 0000 0001
    let found = payloads(&[0x06, 6, 2, 0b0001_0000, 0b0001_0000, 0x80], None);
    let Ok(SeiPayload::RecoveryPoint(point)) = &found[0] else {
        panic!("a recovery point, not {found:?}");
    };
    assert_eq!((point.recovery_frame_cnt, point.is_exact_match), (7, false));
    assert!(!point.is_broken_link);
}

#[test]
fn registered_user_data_tells_its_country() {
    let found = payloads(&[0x06, 4, 4, 0xb5, 0, 0x31, 7, 0x80], None);
    let Ok(SeiPayload::UserDataRegistered(data)) = &found[0] else {
        panic!("user data, not {found:?}");
    };
    assert_eq!((data.country_code, data.country_code_extension), (0xb5, None));
    assert_eq!(data.data.clone().collect::<Vec<u8>>(), [0, 0x31, 7]);
    let found = payloads(&[0x06, 4, 1, 0xff, 0x80], None);
    assert!(matches!(found[0], Err(SeiError::Syntax { payload_type: 4, .. })));
}

#[test]
fn timing_needs_its_parameter_set() {
    assert!(matches!(
        payloads(&[0x06, 1, 1, 0x40, 0x80], None)[0],
        Err(SeiError::UnknownSps { payload_type: 1 })
    ));
}

/// Main, 16x16, with a tick of 1/50 s, and what the caller adds to the usability information.
fn sps_with(hrd: &str, is_pic_struct_present: &str) -> Sps {
    let vui = format!("1 0 0 0 0 0 {hrd} {is_pic_struct_present} 0");
    let bits = format!("1 1 011 010 0 1 1 1 1 0 {vui} 1");
    Sps::parse_with(
        &[&[0x67, 77, 0, 30][..], &from_bits(&bits)].concat(),
        &Policy::strict(),
    )
    .expect("an SPS")
}

fn pic_timing(sps: &Sps, bits: &str) -> Result<PicTiming, SeiError> {
    let payload = from_bits(bits);
    let nal = [
        &[0x06, 1, u8::try_from(payload.len()).expect("short")][..],
        &payload,
        &[0x80],
    ]
    .concat();
    let message = messages(&nal)
        .expect("SEI")
        .next()
        .expect("a message")
        .expect("whole");
    match message.read(Some(sps))? {
        SeiPayload::PicTiming(timing) => Ok(timing),
        other => panic!("picture timing, not {other:?}"),
    }
}

#[test]
fn the_clock_of_the_encoder_is_read() {
    let sps = sps_with("0 0", "1");
    // Top and bottom field. Full: 12:34:56 and 3 frames, 1 unit earlier. Then seconds alone.
    let full = "1  01 1 00010 1 0 1 00000011  111000 100010 01100  111111111111111111111111";
    let seconds = "1  00 0 00000 0 1 0 00000100  1 000111 0  000000000000000000000010";
    let timing = pic_timing(&sps, &format!("0011 {full} {seconds}")).expect("timing");
    assert_eq!(
        (timing.delays, timing.pic_struct),
        (None, Some(PicStruct::TopBottom))
    );
    let [Some(first), Some(second), None] = timing.clock_timestamps else {
        panic!("two timestamps, not {timing:?}");
    };
    assert_eq!(
        (first.hours, first.minutes, first.seconds),
        (Some(12), Some(34), Some(56))
    );
    assert_eq!(
        (first.n_frames, first.time_offset, first.counting_type),
        (3, -1, 2)
    );
    assert!(first.is_field_based && first.is_full && first.is_count_dropped && !first.is_discontinuity);
    assert_eq!(
        (second.hours, second.minutes, second.seconds),
        (None, None, Some(7))
    );
    assert_eq!((second.time_offset, second.is_discontinuity), (2, true));
    let error = pic_timing(&sps, "1001 0").expect_err("reserved");
    assert_eq!(
        error.to_string(),
        "SEI payload type 1: pic_struct is 9, not 0 to 8, at bit 20"
    );
    let error =
        pic_timing(&sps, &format!("0000 {}", full.replace("111000", "111100"))).expect_err("60 seconds");
    assert!(error.to_string().contains("seconds_value is 60, not 0 to 59"));
}

#[test]
fn lengths_of_timing_are_those_of_the_parameter_set() {
    // VCL parameters only: one schedule; delays of 1, 4 and 6 bits, no offset; not of low delay.
    let sps = sps_with("0 1  1 0000 0000 1 1 0  00000 00011 00101 00000  0", "0");
    let timing = pic_timing(&sps, "1010 110001").expect("timing");
    let delays = timing.delays.expect("delays");
    assert_eq!((delays.cpb_removal_delay, delays.dpb_output_delay), (10, 49));
    assert_eq!(timing.pic_struct, None);
    let nothing = pic_timing(&sps_with("0 0", "0"), "0").expect("timing");
    assert_eq!((nothing.delays, nothing.pic_struct), (None, None));
}
