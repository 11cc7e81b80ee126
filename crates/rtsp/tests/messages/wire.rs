//! `Parser` and `write`: split points, limits, garbage.

use throughline_rtsp::headers::RtpInfo;
use throughline_rtsp::{
    Fault, MAX_BODY_BYTES, MAX_GARBAGE_BYTES, MAX_HEADER_BYTES, MAX_HEADERS, Message, Method, ParseError,
    Request, StatusCode,
};

use crate::fixture;
use crate::support::{Item, Xorshift, frame, read, request, response};

/// Every fixture, with frames, line ends and garbage around them.
fn busy_stream() -> Vec<u8> {
    let mut stream = Vec::new();
    for (i, (_, fixture)) in fixture::FIXTURES.iter().enumerate() {
        stream.extend_from_slice(fixture);
        match i % 4 {
            0 => stream.extend(frame(0, 60)),
            1 => stream.extend(b"\r\n\r\n"),
            2 => stream.extend(b"\x07RTP$\xff\xff\xffRTSPDESCRI"),
            _ => {}
        }
        stream.extend(frame(1, 16));
    }
    stream
}

#[test]
fn q47_a_stream_reads_the_same_at_every_split_point() {
    let stream = busy_stream();
    let whole = read([stream.as_slice()]);
    let messages = whole
        .iter()
        .filter(|item| matches!(item, Item::Message(_)))
        .count();
    let frames = whole
        .iter()
        .filter(|item| matches!(item, Item::Interleaved(..)))
        .count();
    assert_eq!(messages, fixture::FIXTURES.len());
    assert_eq!(
        frames,
        fixture::FIXTURES.len() + fixture::FIXTURES.len().div_ceil(4)
    );
    for split in 0..=stream.len() {
        let (first, second) = stream.split_at(split);
        assert_eq!(read([first, second]), whole, "split at {split}");
    }
    assert_eq!(read(stream.chunks(1)), whole);
}

#[test]
fn each_fixture_alone_reads_the_same_at_every_split_point() {
    for (name, fixture) in fixture::FIXTURES {
        let whole = read([*fixture]);
        assert!(
            matches!(whole.as_slice(), [Item::Message(_)]),
            "{name}: {whole:?}"
        );
        assert_eq!(read(fixture.chunks(1)), whole, "{name}");
    }
}

#[test]
fn what_was_read_is_written_and_read_back_unchanged() {
    for (name, fixture) in fixture::FIXTURES {
        let items = read([*fixture]);
        let [Item::Message(message)] = items.as_slice() else {
            panic!("{name}")
        };
        let mut written = Vec::new();
        message.write(&mut written);
        let mut again = Vec::new();
        let [Item::Message(read_back)] = &read([written.as_slice()])[..] else {
            panic!("{name}")
        };
        read_back.write(&mut again);
        assert_eq!(again, written, "{name}");
        match (message, read_back) {
            (Message::Request(a), Message::Request(b)) => {
                assert_eq!((&a.method, &a.body), (&b.method, &b.body));
            }
            (Message::Response(a), Message::Response(b)) => {
                assert_eq!((a.status, &a.body), (b.status, &b.body));
            }
            _ => panic!("{name} changed its kind"),
        }
    }
}

#[test]
fn damaged_bytes_never_panic_and_read_the_same_however_they_are_cut() {
    let clean = busy_stream();
    let mut random = Xorshift(0x5eed);
    for _ in 0..2_000 {
        let mut stream = clean.clone();
        let start = random.below(stream.len());
        stream.drain(..start);
        stream.truncate(3_000);
        for _ in 0..=random.below(20) {
            let at = random.below(stream.len());
            match random.below(3) {
                0 => stream[at] = u8::try_from(random.below(256)).unwrap(),
                1 => stream.insert(at, b"$\r\n: RTSP/"[random.below(10)]),
                _ => stream.truncate(at.max(1)),
            }
        }
        assert_eq!(read(random.chunks(&stream)), read([stream.as_slice()]));
    }
}

#[test]
fn q13_q96_a_request_is_written_with_cseq_first_and_canonical_names() {
    let mut request = Request::new(Method::SetParameter, "rtsp://192.0.2.10/a");
    request.headers.append("user-agent", "throughline");
    request.headers.append("X-Own", "1");
    request.headers.append("content-length", "999");
    request.headers.append("cseq", "7");
    request.body = "a: b\r\n".into();
    let mut written = Vec::new();
    request.write(&mut written);
    let expected = "SET_PARAMETER rtsp://192.0.2.10/a RTSP/1.0\r\nCSeq: 7\r\nUser-Agent: throughline\r\nX-Own: 1\r\n\
                    Content-Length: 6\r\n\r\na: b\r\n";
    assert_eq!(String::from_utf8(written).unwrap(), expected);
}

#[test]
fn nothing_in_a_request_can_end_its_line() {
    let mut request = Request::new(Method::Options, "rtsp://h/ RTSP/1.0\r\nEvil: 1\r\n");
    request.headers.append("CSeq", "1\r\nEvil: 2");
    request.headers.append("X\r\nEvil", "3\n");
    let mut written = Vec::new();
    request.write(&mut written);
    let lines = String::from_utf8(written).unwrap();
    assert_eq!(lines.matches('\n').count(), 4, "{lines}");
    assert!(!lines.contains("\nEvil"), "{lines}");
}

#[test]
fn debug_shows_no_credentials() {
    let mut request = request(fixture::ffmpeg_describe);
    request.uri = "rtsp://viewer:hunter2@192.0.2.10/cam?user=a&password=hunter2&x=1".to_owned();
    request
        .headers
        .append("proxy-authorization", "Basic aHVudGVyMg==");
    let debug = format!("{:?}", Message::Request(request));
    for secret in ["hunter2", "aHVudGVyMg", "00112233445566778899aabbccddeeff"] {
        assert!(!debug.contains(secret), "{debug}");
    }
    assert!(
        debug.contains("192.0.2.10/cam?user=a&password=***&x=1"),
        "{debug}"
    );
}

#[test]
fn debug_shows_no_credentials_that_a_server_repeats() {
    let body = "a=control:rtsp://viewer:hunter2@192.0.2.10/cam";
    let message = format!(
        "RTSP/1.0 200 OK\r\nContent-Base: rtsp://viewer:hunter2@192.0.2.10/cam/\r\n\
         Content-Location: rtsp://192.0.2.10/cam?loginpas=hunter2\r\n\
         RTP-Info: url=rtsp://192.0.2.10/user=a_password=hunter2_channel=1;seq=7\r\n\
         Content-Length: {}\r\n\r\n{body}",
        body.len()
    );
    let response = response(message.as_bytes());
    let info: RtpInfo = response.headers.typed().unwrap().unwrap();
    let debug = format!("{response:?} {info:?}");
    assert!(!debug.contains("hunter2"), "{debug}");
    assert!(
        debug.contains("46 bytes") && debug.contains("seq: Some(7)"),
        "{debug}"
    );
}

#[test]
fn control_characters_of_a_reason_are_spaces() {
    assert_eq!(
        response(b"RTSP/1.0 404 Not\rFound\xc2\x9b2J\r\n\r\n").reason,
        "Not Found 2J"
    );
}

#[test]
fn garbage_between_frames_is_skipped_to_the_next_believable_one() {
    // Neither a `$` on an absurd channel, nor one with an absurd length, nor one that holds no RTP.
    let garbage = b"\x00\x01$\x40\x00\x10\x80$\x00\x00\x03\x80$\x00\x01\x00\x7fRTSPx";
    let next = frame(2, 20);
    let items = read([
        &garbage[..],
        &next,
        b"\r\n",
        &frame(3, 8),
        b"xRTSP/1.0 200 OK\r\n\r\n",
    ]);
    assert_eq!(items[0], Item::Skipped(garbage.len()));
    assert_eq!(items[1], Item::Interleaved(2, next[4..].to_vec()));
    assert_eq!(items[2], Item::Skipped(2));
    assert!(matches!(items[3], Item::Interleaved(3, _)));
    assert_eq!(items[4], Item::Skipped(1));
    assert!(matches!(&items[5], Item::Message(Message::Response(ok)) if ok.status == StatusCode::OK));
}

#[test]
fn endless_garbage_is_let_go_in_bounded_pieces() {
    let garbage = vec![b'\n'; 3 * MAX_GARBAGE_BYTES + 1];
    assert_eq!(
        read([garbage.as_slice()]),
        vec![Item::Skipped(MAX_GARBAGE_BYTES); 3]
    );
}

#[test]
fn a_frame_in_its_place_may_hold_anything() {
    let items = read([&b"$\xc8\x00\x03abc$\x07\x00\x00"[..]]);
    assert_eq!(
        items,
        [
            Item::Interleaved(200, b"abc".to_vec()),
            Item::Interleaved(7, Vec::new())
        ]
    );
}

#[test]
fn a_body_may_hold_what_looks_like_a_frame_or_a_message() {
    let mut bytes = b"RTSP/1.0 200 OK\r\nContent-Length: 20\r\n\r\n$\x00\x00\x01RTSP/1.0 200 OK\r".to_vec();
    bytes.extend(frame(0, 12));
    let items = read([bytes.as_slice()]);
    assert!(matches!(&items[0], Item::Message(Message::Response(response)) if response.body.len() == 20));
    assert!(matches!(items[1], Item::Interleaved(0, _)));
}

#[test]
fn a_limit_passed_is_an_error_that_names_it() {
    let fault = |bytes: &[u8]| match read([bytes]).as_slice() {
        [Item::Fault(0, error)] => *error,
        other => panic!("{other:?}"),
    };
    let mut endless_header = b"RTSP/1.0 200 OK\r\nServer: ".to_vec();
    endless_header.resize(MAX_HEADER_BYTES, b'a');
    let too_long = ParseError {
        offset: MAX_HEADER_BYTES,
        what: Fault::HeaderTooLong,
    };
    assert_eq!(fault(&endless_header), too_long);
    endless_header.extend(b"\r\n\r\n");
    assert_eq!(fault(&endless_header), too_long);

    let mut many = b"RTSP/1.0 200 OK\r\n".to_vec();
    many.extend(b"A: b\r\n".repeat(MAX_HEADERS + 1));
    many.extend(b"\r\n");
    assert_eq!(
        fault(&many),
        ParseError {
            offset: 17 + 6 * MAX_HEADERS,
            what: Fault::TooManyHeaders
        }
    );

    let body = format!(
        "RTSP/1.0 200 OK\r\nContent-Length: {}\r\n\r\n",
        MAX_BODY_BYTES + 1
    );
    assert_eq!(
        fault(body.as_bytes()),
        ParseError {
            offset: 17,
            what: Fault::BodyTooLong
        }
    );
    assert_eq!(
        fault(body.as_bytes()).to_string(),
        "body longer than 65536 bytes at byte 17 of the message"
    );
}

#[test]
fn a_content_length_that_says_nothing_or_two_things_is_an_error() {
    for headers in [
        "Content-Length: -1",
        "Content-Length: +1",
        "Content-Length: 1e3",
        "Content-Length: 3\r\nContent-Length: 4",
    ] {
        let message = format!("RTSP/1.0 200 OK\r\n{headers}\r\n\r\nabcd");
        let items = read([message.as_bytes()]);
        assert!(
            matches!(
                items[..],
                [Item::Fault(
                    0,
                    ParseError {
                        what: Fault::ContentLength,
                        ..
                    }
                )]
            ),
            "{items:?}"
        );
    }
    for headers in [
        "Content-Length:",
        "Content-Length: 0\r\nContent-Length: 0",
        "content-length : 0",
    ] {
        assert!(
            response(format!("RTSP/1.0 200 OK\r\n{headers}\r\n\r\n").as_bytes())
                .body
                .is_empty()
        );
    }
}

#[test]
fn a_line_of_text_that_starts_no_message_is_garbage() {
    for text in [
        "HTTP/1.1 400 Bad Request\r\n",
        "hello there\r\n",
        "RTSP/1.0 2000 OK\r\n",
        "RTSP/1.0 099 OK\r\n",
    ] {
        let items = read([text.as_bytes(), &frame(0, 12)]);
        assert!(
            matches!(items.as_slice(), [Item::Skipped(_), Item::Interleaved(0, _)]),
            "{text}: {items:?}"
        );
    }
}

#[test]
fn a_request_of_an_unknown_method_is_a_request() {
    let request = request(b"X_OWN * RTSP/1.0\r\nCSeq: 9\r\n\r\n");
    assert_eq!(
        (request.method, request.uri.as_str()),
        (Method::Extension("X_OWN".to_owned()), "*")
    );
}

#[test]
fn what_trickles_in_reads_the_same_up_to_the_limits() {
    let mut whole = b"RTSP/1.0 200 OK\r\nContent-Length: 65536\r\nServer: ".to_vec();
    whole.resize(MAX_HEADER_BYTES - 4, b'a');
    whole.extend(b"\r\n\r\n");
    whole.resize(MAX_HEADER_BYTES + MAX_BODY_BYTES, b'b');
    assert!(matches!(
        read(whole.chunks(1)).as_slice(),
        [Item::Message(Message::Response(response))] if response.body.len() == MAX_BODY_BYTES
    ));

    let too_long = Item::Fault(
        0,
        ParseError {
            offset: MAX_HEADER_BYTES,
            what: Fault::HeaderTooLong,
        },
    );
    for endless in [
        &b"OPTIONS "[..],
        b"OPTIONS * RTSP/1.0\r\nA: ",
        b"OPTIONS * RTSP/1.0\r\n",
    ] {
        let mut bytes = endless.to_vec();
        bytes.resize(2 * MAX_HEADER_BYTES, b'a');
        assert_eq!(read(bytes.chunks(1)), std::slice::from_ref(&too_long));
    }
}

#[test]
fn a_stream_that_restarts_behind_garbage_is_found_again() {
    let packet = |ssrc: u8| {
        let mut bytes = frame(0, 60);
        bytes[12..16].fill(ssrc);
        bytes
    };
    let mut stream = packet(1);
    stream.extend([b'x'; 8]);
    while stream.len() < 70 * 1024 {
        stream.extend(packet(2));
    }
    let frames = read(stream.chunks(1460));
    let found = frames
        .iter()
        .filter(|item| matches!(item, Item::Interleaved(..)))
        .count();
    assert!((50..100).contains(&found), "{found} frames");
}

#[test]
fn q46_a_frame_is_as_long_as_it_says_and_no_longer_than_16_bits() {
    // A hostile or broken length costs the wait for 64 KiB, and nothing of what follows.
    let mut stream = b"$\x01\xff\xff\x80\xc8".to_vec();
    assert_eq!(read([stream.as_slice()]), []);
    stream.resize(4 + 0xffff, 0);
    stream.extend(frame(0, 20));
    let items = read(stream.chunks(1460));
    assert!(
        matches!(items.as_slice(), [Item::Interleaved(1, long), Item::Interleaved(0, _)] if long.len() == 0xffff),
        "{} items",
        items.len()
    );
}

#[test]
fn q45_a_message_is_written_in_one_piece() {
    let mut request = Request::new(Method::SetParameter, "*");
    request.body = "a: b".into();
    let mut written = b"before".to_vec();
    request.write(&mut written);
    assert!(written.starts_with(b"beforeSET_PARAMETER * RTSP/1.0\r\n") && written.ends_with(b"\r\n\r\na: b"));
}
