use std::time::{Duration, Instant};

use throughline_rtp::rtcp::{ReportBlocks, SenderReport};
use throughline_rtp::{
    ClockRate, NtpTimestamp, Packet, PacketHeader, PayloadType, Policy, ReceptionStatistics, RtpTimestamp,
    SequenceNumber, Ssrc, Tolerance,
};

use crate::input::Input;

/// Whatever arrives when, the figures stay within what arrived; what a policy refuses was not used.
pub fn rtp_reception(data: &[u8]) {
    let mut input = Input::new(data);
    let Some(rate) = ClockRate::new(input.u32()) else {
        return;
    };
    let all = [
        Tolerance::SsrcChange,
        Tolerance::SequenceRestart,
        Tolerance::ForeignReport,
    ];
    let bits = input.u8();
    let refused = all
        .into_iter()
        .enumerate()
        .filter(|(bit, _)| bits >> bit & 1 == 1)
        .map(|(_, tolerance)| tolerance);
    let policy = refused.fold(Policy::default(), Policy::refuse);
    let mut statistics = ReceptionStatistics::with_policy(rate, policy);
    let mut now = Instant::now();
    let mut header = PacketHeader {
        payload_type: PayloadType(96),
        marker: false,
        sequence_number: SequenceNumber(input.u16()),
        timestamp: RtpTimestamp(0),
        ssrc: Ssrc(1),
    };
    let mut pushed = 0;
    while !input.is_empty() {
        let operation = input.u8();
        now += Duration::from_millis(input.u16().into());
        match operation % 8 {
            0..=2 => header.sequence_number = header.sequence_number.next(),
            3 => header.sequence_number = SequenceNumber(input.u16()),
            4 => header.ssrc = Ssrc(u32::from(input.u8() % 3)),
            5 => header.timestamp = RtpTimestamp(input.u32()),
            6 => statistics.on_sender_report(&sender_report(input.u64()), now),
            _ => report(&mut statistics, now),
        }
        let mut bytes = Vec::new();
        header.write(&mut bytes);
        if let Ok(packet) = Packet::parse(&bytes) {
            statistics.on_packet(&packet, now);
            pushed += 1;
        }
        assert!(statistics.stats().received <= pushed);
        assert!(statistics.tolerated().iter().all(|used| policy.tolerates(used)));
    }
    report(&mut statistics, now);
}

fn sender_report(ntp: u64) -> SenderReport<'static> {
    SenderReport {
        ssrc: Ssrc(1),
        ntp: NtpTimestamp(ntp),
        rtp: RtpTimestamp(0),
        packet_count: 0,
        octet_count: 0,
        reports: ReportBlocks::NONE,
    }
}

fn report(statistics: &mut ReceptionStatistics, now: Instant) {
    let block = statistics.report_block(now);
    let stats = statistics.stats();
    assert_eq!(block.is_some(), stats.received > 0);
    if let Some(block) = block {
        assert_eq!(
            (block.fraction_lost, block.jitter),
            (stats.fraction_lost, stats.jitter)
        );
        assert_eq!(
            i64::from(block.cumulative_lost),
            stats.lost.clamp(-0x80_0000, 0x7f_ffff)
        );
    }
}
