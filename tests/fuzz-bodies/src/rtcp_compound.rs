use throughline_rtp::rtcp::{self, RtcpPacket};

/// Each packet of a compound that can be written reads the same alone, and all of them together read the same.
pub fn rtcp_compound(data: &[u8]) {
    let mut all = Vec::new();
    let mut known = Vec::new();
    for (index, packet) in rtcp::compound(data).enumerate() {
        assert!(
            index < data.len().div_ceil(4),
            "more packets than there is room for"
        );
        match packet {
            Ok(packet) => {
                let mut written = Vec::new();
                if write(&packet, &mut written) {
                    assert!(written.len() % 4 == 0 && rtcp::is_rtcp(&written), "{packet:?}");
                    assert_eq!(rtcp::compound(&written).collect::<Vec<_>>(), [Ok(packet)]);
                    all.extend(written);
                    known.push(packet);
                }
            }
            Err(error) => assert!(error.offset < data.len(), "{error}"),
        }
    }
    assert!(rtcp::compound(&all).flatten().eq(known));
}

/// Whether it is of a type that this crate writes.
fn write(packet: &RtcpPacket<'_>, out: &mut Vec<u8>) -> bool {
    match packet {
        RtcpPacket::SenderReport(report) => report.write(out),
        RtcpPacket::ReceiverReport(report) => report.write(out),
        RtcpPacket::SourceDescription(description) => description.write(out),
        RtcpPacket::Bye(bye) => bye.write(out),
        RtcpPacket::PictureLossIndication(request) => request.write(out),
        RtcpPacket::FullIntraRequest(request) => request.write(out),
        _ => return false,
    }
    true
}
