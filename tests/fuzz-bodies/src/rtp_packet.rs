use throughline_rtp::{Extension, Packet, PacketHeader, ReplayExtension, rtcp};

/// A packet's parts lie inside its bytes, and its header and payload alone are a packet that says the same.
pub fn rtp_packet(data: &[u8]) {
    let packet = match Packet::parse(data) {
        Ok(packet) => packet,
        Err(error) => {
            assert!(error.offset <= data.len(), "{error}");
            return;
        }
    };
    let csrcs = packet.csrcs().count();
    let extension = packet.extension().map_or(0, |extension| 4 + extension.data.len());
    assert!(12 + 4 * csrcs + extension + packet.payload().len() <= data.len());
    if let Some(extension) = packet.extension() {
        take_apart(&extension);
    }

    let header = PacketHeader {
        payload_type: packet.payload_type(),
        marker: packet.marker(),
        sequence_number: packet.sequence_number(),
        timestamp: packet.timestamp(),
        ssrc: packet.ssrc(),
    };
    let mut written = Vec::new();
    header.write(&mut written);
    written.extend_from_slice(packet.payload());
    let facts = |packet: Packet<'_>| {
        let numbers = (packet.payload_type(), packet.marker(), packet.sequence_number());
        (
            numbers,
            packet.timestamp(),
            packet.ssrc(),
            packet.payload().to_vec(),
        )
    };
    assert_eq!(Packet::parse(&written).map(facts), Ok(facts(packet)));
    assert_eq!(rtcp::is_rtcp(&written), rtcp::is_rtcp(data));
}

/// The elements lie inside their extension, in order; what is read of ONVIF's is written the same.
fn take_apart(extension: &Extension<'_>) {
    let mut used = 0;
    for element in extension.elements() {
        match element {
            Ok(element) => {
                assert!(element.id != 0);
                used += 1 + element.data.len();
            }
            Err(error) => assert!((used..extension.data.len()).contains(&error.offset), "{error}"),
        }
        assert!(used <= extension.data.len());
    }
    if let Some(replay) = ReplayExtension::from_extension(extension) {
        let mut bytes = vec![0x90, 96, 0, 1, 0, 0, 0, 0, 0, 0, 0, 1];
        replay.write(&mut bytes);
        let extension = Packet::parse(&bytes).ok().and_then(|packet| packet.extension());
        assert_eq!(
            extension.as_ref().and_then(ReplayExtension::from_extension),
            Some(replay)
        );
    }
}
