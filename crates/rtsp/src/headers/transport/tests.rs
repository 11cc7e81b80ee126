use super::*;
use crate::headers::tests::{check, check_strict, check_tolerance};
use crate::{Policy, Tolerance};

const TCP: &str = "RTP/AVP/TCP;unicast;interleaved=0-1";
const UDP: &str = "RTP/AVP;unicast;client_port=5000-5001";

fn tcp() -> Transport {
    Transport::interleaved(0, 1)
}

fn udp() -> Transport {
    Transport::udp(5000, 5001)
}

#[test]
#[expect(clippy::too_many_lines, reason = "one table")]
fn reads_what_servers_say_and_writes_the_rfcs_form() {
    let multicast = Transport {
        delivery: Delivery::Multicast,
        destination: Some("224.2.0.1".into()),
        ttl: Some(127),
        port: Some((3456, 3457)),
        layers: Some(2),
        ..Transport::default()
    };
    let record = Transport {
        profile: "RTP/SAVP".into(),
        destination: Some(String::new()),
        append: true,
        mode: vec![TransportMode::Record, TransportMode::Other("X".into())],
        ..Transport::default()
    };
    let parameters = Rtsp2Parameters {
        dest_addr: vec![":9000".into(), "[2001:db8::1]:9001".into()],
        src_addr: vec!["192.0.2.5:9000".into()],
        setup: Some(Setup::Active),
        connection: Some(ConnectionUse::New),
        rtcp_mux: true,
        mikey: Some(KeyMaterial("AQAFgM0A".into())),
    };
    let two = Transport {
        rtsp2: Some(Box::new(parameters)),
        mode: vec![TransportMode::Play],
        ..Transport::default()
    };
    let two_text = "RTP/AVP;unicast;dest_addr=\":9000\"/\"[2001:db8::1]:9001\";src_addr=\"192.0.2.5:9000\";setup=active;\
                    connection=new;RTCP-mux;MIKEY=\"AQAFgM0A\";mode=\"PLAY\"";
    check(
        include_str!("../../../../../fuzz/corpus/rtsp_headers/transport"),
        &[
            (TCP, tcp(), TCP),
            (UDP, udp(), UDP),
            (
                "rtp/avp/udp;Unicast;Client_Port=5000",
                Transport {
                    profile: "rtp/avp".into(),
                    ..udp()
                },
                "rtp/avp;unicast;client_port=5000-5001",
            ),
            ("RTP/AVP;unicast;interleaved=0-1", tcp(), TCP),
            ("RTP/AVP/TCP;interleaved=0", tcp(), TCP),
            (
                "RTP/AVP/TCP;unicast;interleaved=6-7",
                Transport::interleaved(6, 7),
                "RTP/AVP/TCP;unicast;interleaved=6-7",
            ),
            (
                "RTP/AVP/TCP; ssrc= 0x4d8c1f ;unicast;interleaved = 0 - 1",
                Transport {
                    ssrc: Some(0x4d_8c1f),
                    ..tcp()
                },
                "RTP/AVP/TCP;unicast;interleaved=0-1;ssrc=004D8C1F",
            ),
            (
                "ssrc=0X1;RTP/AVP/TCP;unicast;interleaved=0-1",
                Transport {
                    ssrc: Some(1),
                    ..tcp()
                },
                "RTP/AVP/TCP;unicast;interleaved=0-1;ssrc=00000001",
            ),
            ("RTP/AVP/TCP;unicast;interleaved=0-1;ssrc=F00F00F00F", tcp(), TCP),
            (
                "RTP/AVP;unicast;client_port=5000-5001,ssrc=A046",
                Transport {
                    ssrc: Some(0xa046),
                    ..udp()
                },
                "RTP/AVP;unicast;client_port=5000-5001;ssrc=0000A046",
            ),
            (
                "RTP/AVP;unicast;client_port=5000-5001;server_port=0-1;source=192.0.2.10",
                Transport {
                    server_port: Some((0, 1)),
                    source: Some("192.0.2.10".into()),
                    ..udp()
                },
                "RTP/AVP;unicast;source=192.0.2.10;client_port=5000-5001;server_port=0-1",
            ),
            (
                "RTP/AVP/TCP;unicast;destination=viewer.local;interleaved=0-1;mode=play",
                Transport {
                    destination: Some("viewer.local".into()),
                    mode: vec![TransportMode::Play],
                    ..tcp()
                },
                "RTP/AVP/TCP;unicast;destination=viewer.local;interleaved=0-1;mode=\"PLAY\"",
            ),
            (
                "RTP/AVP;multicast;ttl=127;port=3456;layers=2;destination=224.2.0.1",
                multicast,
                "RTP/AVP;multicast;destination=224.2.0.1;layers=2;ttl=127;port=3456-3457",
            ),
            (
                "RTP/SAVP;unicast;mode=\"RECORD, X\";append;destination",
                record,
                "RTP/SAVP;unicast;destination;append;mode=\"RECORD,X\"",
            ),
            (two_text, two, two_text),
            (
                "RTP/AVP;unicast;x-own=\"a;b\";y;client_port=x;interleaved=300-301;server_port=",
                Transport {
                    other: vec!["x-own=\"a;b\"".into(), "y".into()],
                    ..Transport::default()
                },
                "RTP/AVP;unicast;x-own=\"a;b\";y",
            ),
            (
                "RTP/AVP;unicast;source=\"a;b",
                Transport {
                    source: Some("a;b".into()),
                    ..Transport::default()
                },
                "RTP/AVP;unicast;source=\"a;b\"",
            ),
        ],
    );
    check_strict::<Transport>(&[
        TCP,
        UDP,
        two_text,
        "RTP/AVP/TCP; unicast ; interleaved = 0",
        "RTP/AVP;unicast;ssrc= 0000A046",
        "RTP/AVP/UDP;multicast;x=1, , RTP/AVP;unicast",
    ]);
}

#[test]
fn reads_every_alternative_in_order() {
    let offers = Transport::parse_list(&format!("{TCP},{UDP}"));
    assert_eq!(offers, Ok(vec![tcp(), udp()]));
    let offers =
        Transport::parse_list("RTP/AVP;unicast;mode=\"PLAY,RECORD\", RTP/AVP/TCP;unicast;interleaved=0-1");
    assert_eq!(offers.map(|offers| offers.len()), Ok(2));
}

#[test]
fn a_transport_without_specification_is_an_error() {
    for value in ["", ";", "unicast;interleaved=0-1", "RTP", "/", "RTP/"] {
        let error = value.parse::<Transport>().unwrap_err().to_string();
        assert_eq!(
            error, "Transport header: no transport specification at byte 0",
            "{value}"
        );
    }
}

#[test]
fn q20_interleaved_channels_mean_tcp() {
    let tolerance = Tolerance::InterleavedWithoutTcp;
    check_tolerance(tolerance, 0, "RTP/AVP;unicast;interleaved=0-1", &tcp());
}

#[test]
fn q21_one_channel_is_that_of_rtp() {
    // The RFC's own form, so there is nothing to refuse.
    let mut strict = Reading::new(Policy::strict());
    assert_eq!(
        Transport::read("RTP/AVP/TCP;unicast;interleaved=0", &mut strict),
        Ok(tcp())
    );
}

#[test]
fn q22_an_ssrc_may_have_any_number_of_digits_and_stand_anywhere() {
    let with_ssrc = |ssrc| Transport { ssrc, ..tcp() };
    let tolerance = Tolerance::TransportSsrc;
    let value = "RTP/AVP/TCP;unicast;ssrc= 4d8c1f;interleaved=0-1";
    check_tolerance(tolerance, 26, value, &with_ssrc(Some(0x4d_8c1f)));
    let tolerance = Tolerance::TransportOrder;
    let value = "ssrc=0000A046;RTP/AVP/TCP;unicast;interleaved=0-1";
    check_tolerance(tolerance, 14, value, &with_ssrc(Some(0xa046)));
    let value = "interleaved=0-1,RTP/AVP/TCP;unicast";
    check_tolerance(tolerance, 0, value, &tcp());
}

#[test]
fn q110_an_ssrc_is_a_hint_and_never_an_error() {
    let with_ssrc = |ssrc| Transport { ssrc, ..tcp() };
    let cases = [
        ("0x6f7c", Some(0x6f7c)),
        ("A046", Some(0xa046)),
        ("F00F00F00F", None),
        ("x", None),
        ("", None),
    ];
    for (ssrc, expected) in cases {
        let value = format!("{TCP};ssrc={ssrc}");
        check_tolerance(Tolerance::TransportSsrc, 41, &value, &with_ssrc(expected));
    }
}

#[test]
fn q23_a_comma_may_stand_before_a_parameter() {
    let with_ssrc = Transport {
        ssrc: Some(0xa046),
        ..udp()
    };
    let value = "RTP/AVP;unicast;client_port=5000-5001,ssrc=0000A046";
    check_tolerance(Tolerance::TransportComma, 38, value, &with_ssrc);
}

#[test]
fn q25_a_request_does_not_say_its_mode() {
    assert_eq!(tcp().to_string(), TCP);
    assert_eq!(udp().to_string(), UDP);
}

#[test]
fn q108_source_and_destination_may_be_host_names() {
    // As the RFC allows.
    let value = "RTP/AVP;unicast;source=cam.local;destination=viewer.local";
    let transport = Transport::read(value, &mut Reading::new(Policy::strict())).unwrap();
    assert_eq!(transport.source.as_deref(), Some("cam.local"));
    assert_eq!(transport.destination.as_deref(), Some("viewer.local"));
}

#[test]
fn what_cannot_be_read_is_absent() {
    let tolerance = Tolerance::TransportParameter;
    for parameter in [
        "client_port=x",
        "client_port=+5000-5001",
        "client_port=",
        "client_port=65536-1",
        "ttl=256",
        "mode=\"\"",
        "setup=x",
        "",
    ] {
        let value = format!("RTP/AVP;unicast;{parameter}");
        check_tolerance(tolerance, 16, &value, &Transport::default());
    }
    check_tolerance(tolerance, 0, "RTP/AVP/DCCP;unicast", &Transport::default());
    let value = "RTP/AVP;unicast;source=\"192.0.2.1";
    let transport = Transport {
        source: Some("192.0.2.1".into()),
        ..Transport::default()
    };
    check_tolerance(Tolerance::UnterminatedString, 23, value, &transport);
}

#[test]
fn an_unknown_parameter_whose_string_has_no_end_is_not_kept() {
    let value = "x=y;RTP/AVP;unicast;z=a\"b;append";
    let transport: Transport = value.parse().unwrap();
    assert_eq!(transport.other, ["x=y"]);
    assert_eq!(transport.to_string().parse(), Ok(transport));
}

#[test]
fn without_a_delivery_it_is_unicast_or_by_the_rfc_multicast() {
    let value = "RTP/AVP;client_port=5000-5001";
    let mut reading = Reading::default();
    assert_eq!(Transport::read(value, &mut reading), Ok(udp()));
    assert!(reading.tolerated().contains(Tolerance::MissingDelivery));
    let multicast = Transport {
        delivery: Delivery::Multicast,
        ..udp()
    };
    let mut strict = Reading::new(Policy::strict());
    assert_eq!(Transport::read(value, &mut strict), Ok(multicast));
}

#[test]
fn debug_hides_keys() {
    let transport: Transport = "RTP/SAVP;unicast;MIKEY=\"c2VjcmV0\"".parse().unwrap();
    assert!(!format!("{transport:?}").contains("c2VjcmV0"));
}

#[test]
fn no_debug_output_holds_a_key_or_the_secrets_of_a_url() {
    for parameter in [
        "MIKEY=\"c2VjcmV0\"",
        "x-keymgmt=\"mikey c2VjcmV0\"",
        "a=crypto:1 AES inline:c2VjcmV0",
        "inline:c2VjcmV0",
        "source=\"rtsp://u:c2VjcmV0@192.0.2.1/\"",
        "source=\"rtsp://h/?token=c2VjcmV0\"",
    ] {
        let value = format!("RTP/SAVP;unicast;client_port=1-2;{parameter}");
        let transport: Transport = value.parse().unwrap();
        let mut headers = crate::Headers::new();
        headers.append("transport", value);
        let shown = format!("{transport:?} {headers:?}");
        assert!(!shown.contains("c2VjcmV0"), "{shown}");
        assert!(shown.contains("Transport(RTP/SAVP;unicast"), "{shown}");
    }
}
