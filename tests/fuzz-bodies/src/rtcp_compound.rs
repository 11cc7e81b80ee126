use throughline_rtp::rtcp::{self, RtcpPacket};
use throughline_rtp::{Policy, Tolerance};

/// Each packet of a compound reads the same when it is written alone, and all of them together read the same. What a
/// policy refuses is an error, and what it lets pass reads as ever.
pub fn rtcp_compound(data: &[u8]) {
    let mut all = Vec::new();
    let mut known = Vec::new();
    let mut compound = rtcp::compound(data);
    for (index, packet) in compound.by_ref().enumerate() {
        assert!(
            index < data.len().div_ceil(4),
            "more packets than there is room for"
        );
        match packet {
            Ok(packet) => {
                take_apart(&packet);
                let mut written = Vec::new();
                packet.write(&mut written);
                assert!(written.len() % 4 == 0, "{packet:?}");
                assert_eq!(rtcp::compound(&written).collect::<Vec<_>>(), [Ok(packet)]);
                let mut strict = rtcp::compound_with(&written, Policy::strict());
                assert!(
                    strict.all(|packet| packet.is_ok()),
                    "what is written bends nothing: {packet:?}"
                );
                all.extend(written);
                known.push(packet);
            }
            Err(error) => assert!(error.offset < data.len(), "{error}"),
        }
    }
    assert!(rtcp::compound(&all).flatten().eq(known.iter().copied()));

    let used = compound.tolerated();
    for tolerance in Tolerance::ALL {
        let refused = rtcp::compound_with(data, Policy::default().refuse(*tolerance));
        let read = refused.flatten().count();
        assert!(if used.contains(*tolerance) {
            read <= known.len()
        } else {
            read == known.len()
        });
    }
}

/// What lies behind the fields is as bounded as they are.
fn take_apart(packet: &RtcpPacket<'_>) {
    match packet {
        RtcpPacket::SenderReport(report) => assert!(report.reports.iter().count() <= 31),
        RtcpPacket::GenericNack(nack) => assert!(nack.lost().count() <= 17 * nack.entries.iter().count()),
        RtcpPacket::ExtendedReport(report) => {
            let blocks: usize = report.blocks().map(|block| 4 + block.body.len()).sum();
            assert!(blocks <= report.data.len());
        }
        RtcpPacket::Bye(bye) => assert!((1..=31).contains(&bye.sources.iter().count())),
        RtcpPacket::FullIntraRequest(request) => assert!(request.entries.iter().next().is_some()),
        RtcpPacket::SourceDescription(description) => assert!(description.sources().count() <= 31),
        _ => {}
    }
}
