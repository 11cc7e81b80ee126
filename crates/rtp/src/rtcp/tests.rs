//! Compounds as cameras send them, and what is not theirs.

use super::raw::HEADER;
use super::*;
use crate::ids::Ssrc;
use crate::ntp::NtpTimestamp;
use crate::test_support::{fixture, mutations};

/// The faults of a compound where `tolerance` is refused; with it there are none, and it was used.
fn refused(bytes: &[u8], tolerance: Tolerance) -> Vec<RtcpError> {
    let mut lenient = compound(bytes);
    assert_eq!(lenient.by_ref().find(Result::is_err), None);
    assert_eq!(lenient.tolerated().iter().collect::<Vec<_>>(), [tolerance]);
    compound_with(bytes, Policy::default().refuse(tolerance))
        .filter_map(Result::err)
        .collect()
}

fn not_tolerated(offset: usize, tolerance: Tolerance) -> RtcpError {
    RtcpError {
        offset,
        what: RtcpFault::NotTolerated(tolerance),
    }
}

/// A fixture's packets, all without a fault.
fn packets(bytes: &[u8]) -> Vec<RtcpPacket<'_>> {
    compound(bytes).map(|packet| packet.unwrap()).collect()
}

#[test]
fn a_compound_of_report_and_description_is_read_in_order() {
    let bytes = fixture(include_str!("../../../../testdata/rtp/axis_sr_sdes.hex"));
    let [
        RtcpPacket::SenderReport(report),
        RtcpPacket::SourceDescription(description),
    ] = packets(&bytes)[..]
    else {
        panic!("{:?}", packets(&bytes));
    };
    assert_eq!(report.ssrc, Ssrc(0x5e8a_11c2));
    assert_eq!(report.ntp, NtpTimestamp(0xe9d5_2a80_8000_0000));
    assert_eq!((report.packet_count, report.octet_count), (1_500, 1_950_000));
    assert_eq!(report.reports.iter().count(), 0);
    assert_eq!(
        (description.ssrc(), description.cname()),
        (report.ssrc, b"axis-cam".as_slice())
    );
}

#[test]
fn q88_description_without_end_byte_is_read_or_an_error() {
    let bytes = fixture(include_str!(
        "../../../../testdata/rtp/hanwha_sdes_without_end_byte.hex"
    ));
    let all = packets(&bytes);
    let Some(RtcpPacket::SourceDescription(description)) = all.get(1) else {
        panic!("{all:?}")
    };
    assert_eq!(description.cname(), b"camera");
    let tolerance = Tolerance::SourceDescriptionEnd;
    assert_eq!(refused(&bytes, tolerance), [not_tolerated(28, tolerance)]);
}

#[test]
fn q88_zeros_after_the_last_packet_are_padding_or_an_error() {
    let bytes = fixture(include_str!("../../../../testdata/rtp/tapo_sr_zero_padding.hex"));
    assert!(matches!(packets(&bytes)[..], [RtcpPacket::SenderReport(_)]));
    let tolerance = Tolerance::RtcpPadding;
    assert_eq!(refused(&bytes, tolerance), [not_tolerated(28, tolerance)]);
}

#[test]
fn q46_length_beyond_the_end_keeps_what_came_before_or_nothing() {
    let bytes = fixture(include_str!(
        "../../../../testdata/rtp/hikvision_rtcp_length_beyond_end.hex"
    ));
    let mut packets = compound(&bytes);
    let all: Vec<_> = packets.by_ref().collect();
    assert!(packets.tolerated().contains(Tolerance::RtcpLength));
    assert!(matches!(all[0], Ok(RtcpPacket::SenderReport(_))));
    let what = RtcpFault::CutShort {
        needed: 4 + 4 * 0x4000,
        available: 12,
    };
    assert_eq!(all[1..], [Err(RtcpError { offset: 28, what })]);
    let refused = compound_with(&bytes, Policy::default().refuse(Tolerance::RtcpLength));
    assert_eq!(
        refused.collect::<Vec<_>>(),
        [Err(not_tolerated(28, Tolerance::RtcpLength))]
    );
}

#[test]
fn a_packet_with_a_fault_inside_costs_only_itself() {
    let mut bytes = Vec::new();
    PictureLossIndication {
        sender: Ssrc(1),
        media: Ssrc(2),
    }
    .write(&mut bytes);
    let bad = [0x80, 200, 0, 1, 0, 0, 0, 9]; // a sender report of one word
    bytes.extend_from_slice(&bad);
    Bye {
        sources: Sources::new(&[Ssrc(3)]),
        reason: b"",
    }
    .write(&mut bytes);
    let all: Vec<_> = compound(&bytes).collect();
    assert!(matches!(all[0], Ok(RtcpPacket::PictureLossIndication(_))));
    assert_eq!(
        all[1].unwrap_err().to_string(),
        "invalid RTCP packet at byte 12: 28 bytes needed, 8 there"
    );
    assert_eq!(
        all[2],
        Ok(RtcpPacket::Bye(Bye {
            sources: Sources::new(&[Ssrc(3)]),
            reason: b""
        }))
    );
    assert_eq!(all.len(), 3);
}

#[test]
fn unknown_types_pass_through_whole() {
    let bytes = [0xa3, 205, 0, 2, 1, 2, 3, 4, 5, 0, 0, 3];
    let expected = RtcpPacket::Other {
        packet_type: 205,
        count: 3,
        body: &[1, 2, 3, 4, 5],
    };
    assert_eq!(packets(&bytes), [expected]);
}

#[test]
fn q88_padding_longer_than_its_packet_is_left_unread_or_an_error() {
    let bytes = [0xa3, 205, 0, 1, 1, 2, 3, 77];
    let expected = RtcpPacket::Other {
        packet_type: 205,
        count: 3,
        body: &[1, 2, 3, 77],
    };
    assert_eq!(packets(&bytes), [expected]);
    let tolerance = Tolerance::RtcpPadding;
    assert_eq!(refused(&bytes, tolerance), [not_tolerated(0, tolerance)]);
}

#[test]
fn description_and_bye_of_no_source_are_no_fault() {
    let bytes = [0x80, 202, 0, 0, 0x80, 203, 0, 0];
    for (packet, expected) in packets(&bytes).into_iter().zip([202, 203]) {
        assert_eq!(
            packet,
            RtcpPacket::Other {
                packet_type: expected,
                count: 0,
                body: &[]
            }
        );
    }
}

#[test]
fn rtcp_is_told_from_rtp_by_its_second_byte() {
    let report = fixture(include_str!("../../../../testdata/rtp/tapo_sr_zero_padding.hex"));
    assert!(is_rtcp(&report));
    for not in [&[][..], &[0x80], &[0x80, 96], &[0x80, 0xe0], &[0x40, 200]] {
        assert!(!is_rtcp(not), "{not:?}");
    }
}

#[test]
fn q34_rtcp_on_the_channel_of_rtp_is_known_or_taken_for_rtp() {
    let report = fixture(include_str!("../../../../testdata/rtp/axis_sr_sdes.hex"));
    let refused = Policy::default().refuse(Tolerance::RtcpAmongRtp);
    assert!(is_rtcp_on(Channel::Rtp, &report, &Policy::default()));
    assert!(!is_rtcp_on(Channel::Rtp, &report, &refused));
    for channel in [Channel::Rtcp, Channel::Both] {
        assert!(is_rtcp_on(channel, &report, &refused), "{channel:?}");
    }
    assert!(!is_rtcp_on(Channel::Both, &[0x80, 96], &refused));
}

#[test]
fn no_mutation_makes_the_iterator_panic_or_run_on() {
    for text in [
        include_str!("../../../../testdata/rtp/axis_sr_sdes.hex"),
        include_str!("../../../../testdata/rtp/hanwha_sdes_without_end_byte.hex"),
        include_str!("../../../../testdata/rtp/go2rtc_rr_pli_fir_bye.hex"),
    ] {
        mutations(&fixture(text), |bytes| {
            let all: Vec<_> = compound(bytes).collect();
            assert!(all.len() <= bytes.len() / HEADER + 1);
            let _ = format!("{all:?}");
        });
    }
}

#[test]
fn everything_written_reads_back_the_same() {
    let bytes = fixture(include_str!("../../../../testdata/rtp/go2rtc_rr_pli_fir_bye.hex"));
    let mut written = Vec::new();
    for packet in packets(&bytes) {
        packet.write(&mut written);
    }
    assert_eq!(written, bytes);
}
