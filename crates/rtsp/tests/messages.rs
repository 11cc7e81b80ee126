//! Messages and frames through `parse`: cameras' wording, every split point, limits, hostile bytes.

use throughline_rtsp::headers::{
    CSeq, Challenge, DigestAlgorithm, LowerTransport, Public, RtpInfo, Session, Transport, WwwAuthenticate,
    name,
};
use throughline_rtsp::{
    Fault, MAX_BODY_BYTES, MAX_GARBAGE_BYTES, MAX_HEADER_BYTES, MAX_HEADERS, Message, Method, ParseError,
    Request, RtspUrl, StatusCode, base_url,
};

use support::{Item, Xorshift, frame, read, request, response};

#[expect(non_upper_case_globals, reason = "each is named like its file")]
mod fixture {
    macro_rules! fixtures {
        ($($name:ident)*) => {
            $(
                pub(super) const $name: &[u8] =
                    include_bytes!(concat!("../../../testdata/rtsp/", stringify!($name), ".txt"));
            )*
            pub(super) const FIXTURES: &[(&str, &[u8])] = &[$((stringify!($name), $name)),*];
        };
    }

    fixtures! {
        anjvision_describe_content_base_without_scheme
        avigilon_describe_folded_header
        bosch_server_header_not_utf8
        client_set_parameter_with_body
        dahua_unauthorized_two_headers
        escam_setup_interleaved_without_tcp
        ffmpeg_describe
        foscam_options_without_reason
        hikvision_options
        hikvision_setup_ssrc_with_space
        laureii_play_trailing_semicolon
        live555_get_parameter_from_server
        longse_unauthorized_cseq_with_spaces
        nvr_announce_from_server
        omny_play_negative_rtptime
        prama_unauthorized_two_digests_in_one_header
        tplink_unauthorized_realm_with_parentheses
        unifi_describe_content_base_with_two_schemes
        vivotek_setup_comma_before_ssrc
        vlc_setup_two_transports
        xiongmai_describe_line_feeds_only
    }
}

#[cfg(test)]
mod support {
    use throughline_rtsp::{Message, ParseError, Parsed, Request, Response, parse, write_interleaved_header};

    /// What came out of a stream of bytes.
    #[derive(Debug, Clone, PartialEq)]
    pub(super) enum Item {
        Message(Message),
        Interleaved(u8, Vec<u8>),
        Skipped(usize),
        /// Where in the stream the message with the fault begins, and the fault.
        Fault(usize, ParseError),
    }

    /// Everything that comes out of the chunks, as a caller reads who gets them one by one.
    pub(super) fn read<'b>(chunks: impl IntoIterator<Item = &'b [u8]>) -> Vec<Item> {
        let (mut items, mut buffer, mut offset) = (Vec::new(), Vec::new(), 0);
        for chunk in chunks {
            buffer.extend_from_slice(chunk);
            loop {
                let (consumed, item) = match parse(&buffer) {
                    Ok(Parsed::Incomplete) => break,
                    Ok(Parsed::Message { consumed, message }) => (consumed, Item::Message(message)),
                    Ok(Parsed::Interleaved {
                        consumed,
                        channel,
                        payload,
                    }) => (consumed, Item::Interleaved(channel, payload.to_vec())),
                    Ok(Parsed::Skipped { consumed }) => (consumed, Item::Skipped(consumed)),
                    Err(error) => {
                        items.push(Item::Fault(offset, error));
                        return items;
                    }
                };
                assert!(consumed > 0, "no progress");
                buffer.drain(..consumed);
                offset += consumed;
                items.push(item);
            }
        }
        items
    }

    pub(super) fn response(bytes: &[u8]) -> Response {
        match read([bytes]).as_slice() {
            [Item::Message(Message::Response(response))] => response.clone(),
            other => panic!("not one response: {other:?}"),
        }
    }

    pub(super) fn request(bytes: &[u8]) -> Request {
        match read([bytes]).as_slice() {
            [Item::Message(Message::Request(request))] => request.clone(),
            other => panic!("not one request: {other:?}"),
        }
    }

    /// An RTP packet of `length` bytes, sequence number included, in its frame.
    pub(super) fn frame(channel: u8, length: u16) -> Vec<u8> {
        let mut bytes = Vec::new();
        write_interleaved_header(channel, length, &mut bytes);
        bytes.extend((0..length).map(|i| if i == 0 { 0x80 } else { i.to_be_bytes()[1] }));
        bytes
    }

    /// Seeded and good enough to wreck messages.
    pub(super) struct Xorshift(pub(super) u64);

    impl Xorshift {
        pub(super) fn below(&mut self, bound: usize) -> usize {
            self.0 ^= self.0 << 13;
            self.0 ^= self.0 >> 7;
            self.0 ^= self.0 << 17;
            usize::try_from(self.0 % bound as u64).unwrap()
        }

        pub(super) fn chunks<'b>(&mut self, mut bytes: &'b [u8]) -> Vec<&'b [u8]> {
            let mut chunks = Vec::new();
            while !bytes.is_empty() {
                let (chunk, rest) = bytes.split_at(1 + self.below(bytes.len()));
                chunks.push(chunk);
                bytes = rest;
            }
            chunks
        }
    }
}

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
        stream.extend(frame(1, 8));
    }
    stream
}

#[test]
fn a_stream_reads_the_same_at_every_split_point() {
    // Q47
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
fn a_request_is_written_with_cseq_first_and_canonical_names() {
    // Q13, Q96
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
fn a_status_without_reason_and_an_empty_header_are_accepted() {
    // Q17, Q18
    let response = response(fixture::foscam_options_without_reason);
    assert_eq!((response.status, response.reason.as_str()), (StatusCode::OK, ""));
    assert_eq!(response.headers.get(name::SERVER), Some(""));
    let public: Public = response.headers.typed().unwrap().unwrap();
    assert_eq!(public.0, [Method::Options, Method::Describe]);
}

#[test]
fn lines_may_end_without_carriage_return_and_names_be_in_any_case() {
    // Q13
    let response = response(fixture::xiongmai_describe_line_feeds_only);
    assert_eq!(response.headers.typed(), Ok(Some(CSeq(3))));
    assert_eq!(response.headers.get("Content-Type"), Some("application/sdp"));
    assert!(response.body.starts_with(b"v=0\r\n"));
}

#[test]
fn a_folded_header_is_one_value() {
    let response = response(fixture::avigilon_describe_folded_header);
    let words: Vec<_> = response
        .headers
        .get(name::SERVER)
        .unwrap()
        .split_whitespace()
        .collect();
    assert_eq!(words, ["gate", "way", "2.0", "(build", "7)"]);
    assert!(!response.body.is_empty());
}

#[test]
fn bytes_that_are_not_utf8_spoil_only_their_own_header() {
    let response = response(fixture::bosch_server_header_not_utf8);
    assert_eq!(
        response.headers.get(name::SERVER),
        Some("Geb\u{fffd}ude \u{fffd}")
    );
    assert_eq!(
        response.headers.typed::<Session>().unwrap().unwrap().id,
        "12345678"
    );
}

#[test]
fn cseq_with_spaces_and_a_header_without_any_are_read() {
    // Q12, Q18
    let response = response(fixture::longse_unauthorized_cseq_with_spaces);
    assert_eq!(response.headers.typed(), Ok(Some(CSeq(2))));
    let basic = Challenge::Basic {
        realm: "LongSe".to_owned(),
    };
    assert_eq!(response.headers.typed(), Ok(Some(WwwAuthenticate(vec![basic]))));
}

#[test]
fn a_realm_with_parentheses_commas_and_escapes_is_one_string() {
    // Q49
    let response = response(fixture::tplink_unauthorized_realm_with_parentheses);
    let WwwAuthenticate(challenges) = response.headers.typed().unwrap().unwrap();
    let [Challenge::Digest(digest)] = challenges.as_slice() else {
        panic!("{challenges:?}")
    };
    assert_eq!(digest.realm, r#"IP Camera(AB705), "yard" = west"#);
    assert_eq!(digest.nonce, "6b1f0c29d1e84d5f");
    assert!(!digest.stale);
}

#[test]
fn challenges_in_two_headers_and_in_one_are_all_found_in_order() {
    // Q50
    let in_two = response(fixture::dahua_unauthorized_two_headers);
    let WwwAuthenticate(in_two) = in_two.headers.typed().unwrap().unwrap();
    assert!(
        matches!(in_two.as_slice(), [Challenge::Digest(_), Challenge::Basic { .. }]),
        "{in_two:?}"
    );

    let in_one = response(fixture::prama_unauthorized_two_digests_in_one_header);
    let WwwAuthenticate(in_one) = in_one.headers.typed().unwrap().unwrap();
    let [
        Challenge::Digest(first),
        Challenge::Digest(second),
        Challenge::Basic { realm },
    ] = in_one.as_slice()
    else {
        panic!("{in_one:?}")
    };
    assert_eq!(
        (&first.algorithm, first.nonce.as_str()),
        (&Some(DigestAlgorithm::Sha256), "aa01")
    );
    assert_eq!(
        (&second.algorithm, second.nonce.as_str()),
        (&Some(DigestAlgorithm::Md5), "aa02")
    );
    assert_eq!(realm, "IPC");
}

#[test]
fn a_transport_is_read_in_the_cameras_own_spelling() {
    let transport = |bytes| response(bytes).headers.typed::<Transport>().unwrap().unwrap();
    // Q22
    let hikvision = transport(fixture::hikvision_setup_ssrc_with_space);
    assert_eq!(
        (hikvision.ssrc, hikvision.interleaved),
        (Some(0x4d_8c1f), Some((0, 1)))
    );
    // Q20
    assert_eq!(
        transport(fixture::escam_setup_interleaved_without_tcp).lower,
        LowerTransport::Tcp
    );
    // Q23, Q110
    let vivotek = transport(fixture::vivotek_setup_comma_before_ssrc);
    assert_eq!(
        (vivotek.client_port, vivotek.ssrc),
        (Some((40000, 40001)), Some(0x6f7c))
    );
}

#[test]
fn a_session_timeout_with_spaces_is_read() {
    // Q10
    let session: Session = response(fixture::vivotek_setup_comma_before_ssrc)
        .headers
        .typed()
        .unwrap()
        .unwrap();
    assert_eq!(
        (session.id.as_str(), session.timeout.map(|t| t.as_secs())),
        ("12345678", Some(80))
    );
}

#[test]
fn rtp_info_with_bogus_parts_keeps_the_others() {
    // Q87
    let info = |bytes| response(bytes).headers.typed::<RtpInfo>().unwrap().unwrap().0;
    let laureii = info(fixture::laureii_play_trailing_semicolon);
    assert_eq!(
        (laureii[0].seq, laureii[0].rtptime),
        (Some(21434), Some(3_141_593))
    );
    let omny = info(fixture::omny_play_negative_rtptime);
    assert_eq!((omny[0].seq, omny[0].rtptime), (Some(0), None));
    assert_eq!((omny[1].seq, omny[1].rtptime), (None, Some(90)));
}

#[test]
fn a_broken_content_base_still_leads_to_the_stream() {
    // Q1, Q2
    let url = RtspUrl::parse("rtsp://198.51.100.7:8554/stream1").unwrap().0;
    for fixture in [
        fixture::anjvision_describe_content_base_without_scheme,
        fixture::unifi_describe_content_base_with_two_schemes,
    ] {
        let response = response(fixture);
        let base = base_url(&url, response.headers.get(name::CONTENT_BASE), None);
        let control = base.join_control(Some("trackID=1"));
        assert_eq!(control.as_str(), "rtsp://198.51.100.7:8554/stream1/trackID=1");
    }
}

#[test]
fn a_request_url_may_hold_a_space() {
    let request = request(fixture::vlc_setup_two_transports);
    assert_eq!(request.uri, "rtsp://192.0.2.10:554/my stream/trackID=1");
    let offers = Transport::parse_list(request.headers.get(name::TRANSPORT).unwrap()).unwrap();
    assert_eq!(offers, [Transport::interleaved(0, 1), Transport::udp(5000, 5001)]);
}

#[test]
fn garbage_between_frames_is_skipped_to_the_next_believable_one() {
    // Q33: neither a `$` on an absurd channel, nor one with an absurd length, nor one that holds no RTP.
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
fn requests_from_the_server_are_told_from_its_responses() {
    assert_eq!(
        request(fixture::live555_get_parameter_from_server).method,
        Method::GetParameter
    );
    let announce = request(fixture::nvr_announce_from_server);
    assert_eq!(announce.method, Method::Announce);
    assert!(announce.body.ends_with(b"a=control:trackID=1\r\n"));
    let set_parameter = request(fixture::client_set_parameter_with_body);
    assert_eq!(set_parameter.body, "barparam: barstuff\r\n");
    assert_eq!(response(fixture::hikvision_options).reason, "OK");
}
