//! Descriptions in the manner of real cameras and servers that bend little or nothing.

use throughline_sdp::{
    AddressType, Crypto, CryptoKey, FilterMode, FrameSize, Group, KeyManagement, MasterKeyIdentifier,
    MediaClock, MediaClockSource, MediaKind, NptTime, ParseError, Policy, PtpServer, Range, ReferenceClock,
    Rtcp, RtcpFeedback, SessionDescription, SourceFilter, Tolerance,
};

use crate::fixtures::{bytes, h264, read};

#[test]
fn hikvision_reads_strictly() {
    let description = read("hikvision_main", &[]);
    assert!(SessionDescription::parse_with(bytes("hikvision_main"), &Policy::strict()).is_ok());
    assert_eq!(description.session_name(), Some("Media Presentation"));
    assert_eq!(
        description.control(),
        Some("rtsp://192.0.2.64/Streaming/Channels/101/")
    );
    let [video, audio] = description.media() else {
        panic!("two media descriptions")
    };
    assert_eq!(
        (video.kind(), audio.kind()),
        (&MediaKind::Video, &MediaKind::Audio)
    );
    assert_eq!(
        video.control(),
        Some("rtsp://192.0.2.64/Streaming/Channels/101/trackID=1")
    );
    assert_eq!(video.bandwidths().next().unwrap().value, 5000);
    assert_eq!(video.attribute("X-Dimensions"), Some("1920,1080"));
    let format = h264(video);
    assert_eq!((format.payload_type, format.clock_rate), (96, 90_000));
    let fmtp = format.fmtp.unwrap();
    assert_eq!(fmtp.get("Packetization-Mode"), Some("1"));
    assert!(fmtp.get("sprop-parameter-sets").unwrap().ends_with("=="));
    assert_eq!(fmtp.get("sprop-interleaving-depth"), None);
    assert_eq!(audio.attribute("appversion"), Some("1.0"));
}

#[test]
fn axis_controls_keep_their_queries() {
    let description = read("axis_metadata", &[]);
    assert_eq!(
        description.media()[0].control(),
        Some("rtsp://192.0.2.90/axis-media/media.amp/stream=0?videocodec=h264&fps=30")
    );
    assert_eq!(description.media()[0].frame_rate(), Some(30.0));
}

#[test]
fn gstreamer_feedback_is_read_per_payload_type_and_for_all() {
    let description = read("gstreamer_feedback", &[]);
    let video = &description.media()[0];
    assert_eq!(video.protocol(), "RTP/AVPF");
    assert!(video.supports_feedback(96, "nack pli"));
    assert!(video.supports_feedback(96, "nack"));
    assert!(video.supports_feedback(96, "CCM  FIR"));
    assert!(video.supports_feedback(97, "ccm fir"));
    assert!(!video.supports_feedback(97, "nack pli"));
    assert!(!video.supports_feedback(96, "nack sli"));
    assert!(!video.supports_feedback(96, "ccm"));
}

#[test]
fn gstreamer_srtp_keys_are_written_but_not_debugged() {
    let description = read("gstreamer_srtp", &[]);
    for key in ["dGhyb3VnaGxpbmUgdGVzdCBrZXk", "AQAVgM0ADAUAAAA"] {
        assert!(description.to_string().contains(key));
        assert!(!format!("{description:?}").contains(key));
    }
}

#[test]
fn gortsplib_reads_strictly() {
    let description = read("gortsplib_plain", &[]);
    assert_eq!(
        h264(&description.media()[0])
            .fmtp
            .unwrap()
            .get("profile-level-id"),
        Some("42E01F")
    );
    let opus = description.media()[1].formats().next().unwrap();
    assert_eq!(
        (opus.encoding, opus.clock_rate, opus.channels),
        ("opus", 48_000, Some(2))
    );
}

#[test]
fn live555_multicast_has_port_group_and_scope() {
    let description = read("live555_multicast", &[]);
    let video = &description.media()[0];
    assert_eq!(video.port(), 18_888);
    let connection = video.connection().unwrap();
    assert_eq!(connection.ip(), Some("232.11.22.33".parse().unwrap()));
    assert_eq!((connection.ttl, connection.group_count), (Some(255), None));
    assert_eq!(
        description.attribute("source-filter"),
        Some("incl IN IP4 * 192.0.2.12")
    );
}

#[test]
fn latin_1_session_name_is_replaced_where_it_is_not_utf_8() {
    let description = read("generic_latin-1-name", &[(Tolerance::NotUtf8, 3)]);
    assert_eq!(
        description.session_name(),
        Some("Entr\u{fffd}e du b\u{fffd}timent")
    );
}

#[test]
fn terminator_of_a_c_string_is_left_out() {
    let tolerated = [
        Tolerance::UnterminatedLastLine,
        Tolerance::NulByte,
        Tolerance::BlankLine,
    ];
    let description = read(
        "generic_nul-terminated",
        &tolerated.map(|tolerance| (tolerance, 19)),
    );
    assert_eq!(description.to_string().as_bytes(), bytes("foscam_static-audio"));
}

#[test]
fn error_page_is_not_a_description() {
    let page = include_bytes!("../../../../testdata/sdp/generic_error-page.html");
    let error = SessionDescription::parse(page).unwrap_err();
    assert_eq!(error, ParseError::NotADescription { length: page.len() });
}

#[test]
fn every_typed_attribute_is_read_where_it_stands() {
    let description = read("studio_every-attribute", &[]);
    let group = Group {
        semantics: "LS".to_owned(),
        media: vec!["v".to_owned(), "a".to_owned()],
    };
    assert!(description.typed::<Group>().eq([group]));
    assert!(matches!(
        description.typed::<Range>().next(),
        Some(Range::Npt {
            start: Some(NptTime::At(_)),
            end: Some(NptTime::At(end))
        }) if end.as_millis() == 12_500
    ));
    let grandmaster = PtpServer::Grandmaster {
        identity: "39-A7-94-FF-FE-07-CB-D0".to_owned(),
        domain: Some("37".to_owned()),
    };
    let ptp = ReferenceClock::Ptp {
        version: "IEEE1588-2008".to_owned(),
        server: grandmaster,
    };
    assert!(description.typed::<ReferenceClock>().eq([ptp]));

    let [video, audio] = description.media() else {
        panic!("two media descriptions")
    };
    assert_eq!((video.mid(), audio.mid()), (Some("v"), Some("a")));
    assert_eq!(
        (video.multiplexes_rtcp(), audio.multiplexes_rtcp()),
        (false, true)
    );
    assert!(video.typed::<SourceFilter>().eq([SourceFilter {
        mode: FilterMode::Include,
        address_type: Some(AddressType::Ip4),
        destination: "232.11.22.33".to_owned(),
        sources: vec!["192.0.2.15".to_owned()],
    }]));
    assert!(video.typed::<Rtcp>().eq([Rtcp {
        port: 5010,
        address: Some((AddressType::Ip4, "192.0.2.15".to_owned())),
    }]));
    assert_eq!(video.frame_rate(), Some(29.97));
    assert!(video.typed::<FrameSize>().eq([FrameSize {
        payload_type: 96,
        width: 1280,
        height: 720,
    }]));
    let feedback: Vec<_> = video
        .typed()
        .map(|offer: RtcpFeedback| offer.to_string())
        .collect();
    assert_eq!(feedback, ["96 nack pli", "* trr-int 100"]);
    assert!(video.typed::<MediaClock>().eq([MediaClock {
        id: None,
        source: MediaClockSource::Direct {
            offset: Some(963_214_424),
            rate: Some((1000, 1001)),
        },
    }]));
    assert!(audio.typed::<MediaClock>().eq([MediaClock {
        id: None,
        source: MediaClockSource::Sender,
    }]));
    assert!(
        audio
            .typed::<ReferenceClock>()
            .eq([ReferenceClock::Ntp("192.0.2.123".to_owned())])
    );
}

#[test]
fn keys_are_read_and_written_but_not_debugged() {
    let description = read("studio_every-attribute", &[]);
    let video = &description.media()[0];
    let crypto: Crypto = video.typed().next().unwrap();
    let management: KeyManagement = video.typed().next().unwrap();
    assert_eq!(
        (crypto.tag, crypto.suite.as_str()),
        (1, "AES_CM_128_HMAC_SHA1_80")
    );
    let mki = MasterKeyIdentifier {
        value: "1".to_owned(),
        length: 4,
    };
    assert_eq!(
        crypto.keys,
        [CryptoKey {
            key_and_salt: "dGhyb3VnaGxpbmUgdGVzdCBrZXkgb25seSAwMQ==".to_owned(),
            lifetime: Some(1 << 20),
            mki: Some(mki),
        }]
    );
    assert_eq!(management.protocol, "mikey");
    let debug = format!("{description:?} {crypto:?} {management:?}");
    for key in ["dGhyb3VnaGxpbmUgdGVzdCBrZXk", "AQAVgM0ADAUAAAA"] {
        assert!(description.to_string().contains(key) && !debug.contains(key));
    }
}
