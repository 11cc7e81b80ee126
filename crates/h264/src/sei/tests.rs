use super::*;

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
