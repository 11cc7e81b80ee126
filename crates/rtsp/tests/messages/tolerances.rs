//! Each tolerance of messages by itself: with it, the bytes are read and the use is reported; without it, reading ends with
//! the error that names rule and place.

use throughline_rtsp::headers::{CSeq, name};
use throughline_rtsp::{Fault, Message, ParseError, Policy, StatusCode, Tolerance};

use crate::fixture;
use crate::support::{Item, bytes_of, read_with};

/// One test for each case.
macro_rules! cases {
    ($(#[test] fn $name:ident(): $tolerance:ident at $offset:literal in $bytes:expr, $seen:expr;)+) => {
        $(
            #[test]
            fn $name() {
                check(Tolerance::$tolerance, $offset, $bytes.as_ref(), $seen);
            }
        )+
    };
}

fn check(tolerance: Tolerance, offset: usize, bytes: &[u8], seen: fn(&[Item]) -> bool) {
    let (items, tolerated) = read_with([bytes], Policy::default());
    assert_eq!(tolerated.iter().collect::<Vec<_>>(), [tolerance]);
    assert!(seen(&items), "{items:?}");

    let only_this = Policy::strict().tolerate(tolerance);
    assert_eq!(read_with([bytes], only_this), (items, tolerated));

    let all_but_this = Policy::default().refuse(tolerance);
    let error = ParseError {
        offset,
        what: Fault::NotTolerated(tolerance),
    };
    let (items, tolerated) = read_with([bytes], all_but_this);
    assert!(
        matches!(items.as_slice(), [.., Item::Fault(_, fault)] if *fault == error),
        "{items:?}"
    );
    assert!(tolerated.is_empty());
    assert_eq!(
        error.to_string(),
        format!("{tolerance} at byte {offset} of the message")
    );
}

fn is_ok(items: &[Item]) -> bool {
    matches!(items, [Item::Message(Message::Response(response))] if response.status == StatusCode::OK)
}

fn is_request_of(items: &[Item], uri: &str) -> bool {
    matches!(items, [Item::Message(Message::Request(request))] if request.uri == uri)
}

fn has(items: &[Item], name: &str, value: &str) -> bool {
    let [Item::Message(message)] = items else {
        return false;
    };
    message.headers().get(name) == Some(value)
}

cases! {
    #[test]
    fn q17_a_status_line_may_lack_its_reason(): MissingReason at 12 in fixture::foscam_options_without_reason,
        |items| is_ok(items) && has(items, name::SERVER, "");
    #[test]
    fn lines_may_end_in_lf_alone(): LineEnding at 15 in fixture::xiongmai_describe_line_feeds_only, is_ok;
    #[test]
    fn a_url_may_hold_a_space(): StartLineBlanks at 5 in fixture::vlc_setup_two_transports,
        |items| is_request_of(items, "rtsp://192.0.2.10:554/my stream/trackID=1");
    #[test]
    fn two_spaces_may_stand_before_a_status(): StartLineBlanks at 8 in "RTSP/1.0  200 OK\r\n\r\n", is_ok;
    #[test]
    fn a_request_line_may_end_in_a_blank(): StartLineBlanks at 7 in "OPTIONS * RTSP/1.0 \r\n\r\n",
        |items| is_request_of(items, "*");
    #[test]
    fn a_response_of_another_version_is_read(): Version at 0 in "RTSP/2.0 200 OK\r\n\r\n", is_ok;
    #[test]
    fn a_request_of_another_version_is_read(): Version at 10 in "OPTIONS * RTSP/1.1\r\n\r\n",
        |items| is_request_of(items, "*");
    #[test]
    fn a_blank_may_stand_before_a_colon(): BlankBeforeColon at 17 in "RTSP/1.0 200 OK\r\nCSeq : 2\r\n\r\n",
        |items| has(items, name::CSEQ, "2");
    #[test]
    fn a_line_without_a_colon_is_left_out(): NotAHeader at 17 in "RTSP/1.0 200 OK\r\nhello\r\nCSeq: 2\r\n\r\n",
        |items| has(items, name::CSEQ, "2");
    #[test]
    fn a_line_without_a_name_is_left_out(): NotAHeader at 17 in "RTSP/1.0 200 OK\r\n: hello\r\nCSeq: 2\r\n\r\n",
        |items| has(items, name::CSEQ, "2");
    #[test]
    fn latin_1_is_replaced(): NotUtf8 at 37 in fixture::bosch_server_header_not_utf8,
        |items| has(items, name::SERVER, "Geb\u{fffd}ude \u{fffd}");
    #[test]
    fn a_control_character_is_a_space(): ControlCharacter at 26 in "RTSP/1.0 200 OK\r\nServer: a\0b\r\n\r\n",
        |items| has(items, name::SERVER, "a b");
    #[test]
    fn a_content_length_may_be_empty(): ContentLength at 17 in "RTSP/1.0 200 OK\r\nContent-Length:\r\n\r\n", is_ok;
    #[test]
    fn a_content_length_may_be_repeated(): ContentLength at 36 in
        "RTSP/1.0 200 OK\r\nContent-Length: 0\r\nContent-Length: 0\r\n\r\n", is_ok;
    #[test]
    fn q33_garbage_between_frames_is_skipped(): Garbage at 2 in bytes_of(fixture::GARBAGE_BETWEEN_FRAMES),
        |items| matches!(items, [
            Item::Interleaved(0, _), Item::Skipped(2), Item::Interleaved(0, _), Item::Skipped(_), Item::Interleaved(0, last),
        ] if last.get(2..4) == Some(&[0, 3]));
}

#[test]
fn q114_a_torn_frame_is_skipped_and_the_one_that_it_swallowed_is_read() {
    let stream = bytes_of(fixture::TORN_FRAME);
    let sequence_numbers = |items: &[Item]| -> Vec<u8> {
        let number = |item: &Item| match item {
            Item::Interleaved(0, packet) => packet.get(3).copied(),
            _ => None,
        };
        items.iter().filter_map(number).collect()
    };
    let (items, tolerated) = read_with([stream.as_slice()], Policy::default());
    assert!(tolerated.contains(Tolerance::TornFrame));
    assert_eq!(sequence_numbers(&items), [1, 3, 4]);
    assert_eq!(items.get(1), Some(&Item::Skipped(26)));

    // The torn packet, with what it swallowed, and the rest of that as garbage.
    let (items, tolerated) = read_with(
        [stream.as_slice()],
        Policy::default().refuse(Tolerance::TornFrame),
    );
    assert!(!tolerated.contains(Tolerance::TornFrame));
    assert_eq!(sequence_numbers(&items), [1, 2, 4]);
}

#[test]
fn q114_a_packet_that_only_looks_torn_is_read_where_the_next_one_follows_it() {
    let packet = |number: u8| [0x80, 96, 0, number, 0, 0, 0, 0, 1, 2, 3, 4];
    let frame = |packet: &[u8]| [&[b'$', 0, 0, u8::try_from(packet.len()).unwrap()][..], packet].concat();
    // A whole frame of the stream is its payload.
    let first = [&packet(1)[..], &frame(&packet(9))].concat();
    let stream = [frame(&first), frame(&packet(2)), frame(&packet(3))].concat();
    let expected =
        [first.as_slice(), &packet(2), &packet(3)].map(|packet| Item::Interleaved(0, packet.to_vec()));
    for split in 0..stream.len() {
        let (start, rest) = stream.split_at(split);
        let (items, tolerated) = read_with([start, rest], Policy::default());
        assert_eq!(
            (items.as_slice(), tolerated.is_empty()),
            (&expected[..], true),
            "{split}"
        );
    }

    // A gap in the numbers, and no more than that, is what swallowed packets leave.
    let stream = [frame(&first), frame(&packet(3))].concat();
    for split in 0..stream.len() {
        let (start, rest) = stream.split_at(split);
        let (items, tolerated) = read_with([start, rest], Policy::default());
        let swallowed = [&packet(9)[..], &packet(3)].map(|packet| Item::Interleaved(0, packet.to_vec()));
        assert_eq!(items.first(), Some(&Item::Skipped(4 + 12)), "{split}");
        assert_eq!(
            (&items[1..], tolerated.contains(Tolerance::TornFrame)),
            (&swallowed[..], true),
            "{split}"
        );
    }
}

#[test]
fn nothing_is_tolerated_in_what_the_rfc_allows() {
    // Folded headers, empty ones (Q18), blanks around values (Q12, Q18), names in any case (Q13), an empty reason, empty
    // lines before a message.
    let allowed: [&[u8]; 6] = [
        fixture::avigilon_describe_folded_header,
        fixture::hikvision_options,
        fixture::client_set_parameter_with_body,
        fixture::longse_unauthorized_cseq_with_spaces,
        b"RTSP/1.0 200 \r\ncseq:\t 2 \r\nServer:\r\n\r\n",
        b"\r\n\r\nOPTIONS * RTSP/1.0\r\nCSeq: 1\r\n\r\n",
    ];
    for bytes in allowed {
        let (items, tolerated) = read_with([bytes], Policy::strict());
        assert!(matches!(items.last(), Some(Item::Message(_))), "{items:?}");
        assert!(tolerated.is_empty());
    }
}

#[test]
fn q12_spaces_around_a_cseq_are_no_part_of_it() {
    let (items, _) = read_with([fixture::longse_unauthorized_cseq_with_spaces], Policy::strict());
    let [Item::Message(message)] = items.as_slice() else {
        panic!("{items:?}")
    };
    assert_eq!(message.headers().typed(), Ok(Some(CSeq(2))));
}
