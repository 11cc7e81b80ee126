//! What a receiver reports back about a stream.

use crate::ids::{ClockRate, SequenceNumber, Ssrc};
use crate::packet::Packet;
use crate::rtcp::{ReportBlock, SenderReport};
use crate::tolerance::{Policy, Reading, Tolerance, Tolerances};
use std::time::{Duration, Instant};

/// How far ahead a sequence number may be and still belong to the stream, in packets: [RFC 3550 A.1]'s value.
///
/// [RFC 3550 A.1]: https://www.rfc-editor.org/rfc/rfc3550#appendix-A.1
pub(crate) const MAX_DROPOUT: u16 = 3000;

/// At how far behind it does not: [RFC 3550 A.1]'s value.
///
/// [RFC 3550 A.1]: https://www.rfc-editor.org/rfc/rfc3550#appendix-A.1
pub(crate) const MAX_MISORDER: u16 = 100;

/// Reception statistics of one stream, and the report block made of them
/// ([RFC 3550 §6.4](https://www.rfc-editor.org/rfc/rfc3550#section-6.4) and appendices
/// [A.1](https://www.rfc-editor.org/rfc/rfc3550#appendix-A.1),
/// [A.3](https://www.rfc-editor.org/rfc/rfc3550#appendix-A.3),
/// [A.8](https://www.rfc-editor.org/rfc/rfc3550#appendix-A.8)).
///
/// It takes packets as they arrive, before the reorder buffer: late ones and duplicates count as received there,
/// as the RFC has it, and jitter is measured on arrival.
///
/// Three things differ from appendix A.1. There is no probation (`MIN_SEQUENTIAL` is 0): it tells streams
/// from noise on a multicast group, while here the session has been negotiated and the first packets are an IDR.
/// Another SSRC is treated as a sequence that jumps: two packets in a row, and the statistics begin anew with it, jitter
/// included (Q86); one stray changes nothing. And the two must be in a row: a packet of the stream between them voids the
/// first (`bad_seq`).
#[derive(Debug)]
pub struct ReceptionStatistics {
    clock_rate: ClockRate,
    leniency: Reading,
    source: Option<Source>,
    /// The packet that would confirm that the stream goes on somewhere else.
    suspect: Option<(Ssrc, SequenceNumber)>,
    last_sender_report: Option<LastSenderReport>,
}

#[derive(Debug, Clone, Copy)]
struct LastSenderReport {
    ssrc: Ssrc,
    /// Of its NTP timestamp.
    middle_bits: u32,
    arrival: Instant,
}

/// What is known of the source that is being received; named as in the RFC.
#[derive(Debug)]
struct Source {
    ssrc: Ssrc,
    max_seq: SequenceNumber,
    /// The same with the wraps of the sequence counted in.
    extended_max: u64,
    base_seq: SequenceNumber,
    received: u64,
    /// As they were at the last report.
    expected_prior: u64,
    received_prior: u64,
    fraction_lost: u8,
    first_arrival: Instant,
    /// Of the last packet: what is read at once arrives at one time.
    last_arrival: Instant,
    /// The same in ticks since the first arrival, modulo 2^32.
    arrival: u32,
    /// Arrival minus timestamp of the last packet, in ticks, modulo 2^32.
    transit: u32,
    /// Sixteen times the jitter in ticks.
    jitter: u64,
}

/// Figures of a [`ReceptionStatistics`], since the source was first heard.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct ReceptionStats {
    /// Packets received, late ones and duplicates included.
    pub received: u64,
    /// Packets expected minus packets received; negative where duplicates outnumber losses.
    pub lost: i64,
    /// Lost in 1/256 of what was expected, between the last two reports.
    pub fraction_lost: u8,
    /// Interarrival jitter in ticks of the payload's clock.
    pub jitter: u32,
}

impl ReceptionStatistics {
    /// For a stream whose timestamps tick at `clock_rate`, with every tolerance.
    pub fn new(clock_rate: ClockRate) -> Self {
        Self::with_policy(clock_rate, Policy::default())
    }

    /// The same, with the tolerances that `policy` allows: [`Tolerance::SsrcChange`], [`Tolerance::SequenceRestart`]
    /// and [`Tolerance::ForeignReport`].
    pub fn with_policy(clock_rate: ClockRate, policy: Policy) -> Self {
        Self {
            clock_rate,
            leniency: Reading::new(policy),
            source: None,
            suspect: None,
            last_sender_report: None,
        }
    }

    /// Counts a packet that arrived at `arrival`.
    #[inline]
    pub fn on_packet(&mut self, packet: &Packet<'_>, arrival: Instant) {
        match &mut self.source {
            Some(source) if source.is_continued_by(packet) => {
                source.update_sequence(packet.sequence_number());
                source.update_jitter(packet.timestamp().0, arrival, self.clock_rate);
                self.suspect = None;
            }
            _ => self.suspect = self.begin_anew(*packet, arrival),
        }
    }

    /// Notes a sender report that arrived at `arrival`: the report block repeats its time. It may name another SSRC than
    /// the packets have, as some cameras' do (Q88), unless the policy refuses [`Tolerance::ForeignReport`].
    pub fn on_sender_report(&mut self, report: &SenderReport<'_>, arrival: Instant) {
        let is_foreign = self
            .source
            .as_ref()
            .is_some_and(|source| source.ssrc != report.ssrc);
        if !is_foreign || self.leniency.tolerates(Tolerance::ForeignReport) {
            self.last_sender_report = Some(LastSenderReport {
                ssrc: report.ssrc,
                middle_bits: report.ntp.middle_bits(),
                arrival,
            });
        }
    }

    /// The block for a receiver report sent at `now`; `None` before the first packet. It begins the interval of the
    /// next `fraction_lost`.
    pub fn report_block(&mut self, now: Instant) -> Option<ReportBlock> {
        let source = self.source.as_mut()?;
        source.close_interval();
        let (last_sr, delay_since_last_sr) = match self.last_sender_report {
            Some(last) => (
                last.middle_bits,
                in_65536ths(now.saturating_duration_since(last.arrival)),
            ),
            None => (0, 0),
        };
        Some(ReportBlock {
            ssrc: source.ssrc,
            fraction_lost: source.fraction_lost,
            cumulative_lost: i32::try_from(source.lost().clamp(-0x80_0000, 0x7f_ffff)).unwrap_or_default(),
            highest_sequence: low_32(source.extended_max),
            jitter: source.jitter_ticks(),
            last_sr,
            delay_since_last_sr,
        })
    }

    /// The figures.
    pub fn stats(&self) -> ReceptionStats {
        self.source
            .as_ref()
            .map_or_else(ReceptionStats::default, |source| ReceptionStats {
                received: source.received,
                lost: source.lost(),
                fraction_lost: source.fraction_lost,
                jitter: source.jitter_ticks(),
            })
    }

    /// Which tolerances were used.
    pub fn tolerated(&self) -> Tolerances {
        self.leniency.tolerated()
    }

    /// Takes `packet`, which does not follow what there was, if it is the first or the second of a new sequence. If not,
    /// the one after it may be, which this gives.
    #[cold]
    fn begin_anew(&mut self, packet: Packet<'_>, arrival: Instant) -> Option<(Ssrc, SequenceNumber)> {
        let (ssrc, sequence_number) = (packet.ssrc(), packet.sequence_number());
        if let Some(source) = &self.source {
            let needed = if source.ssrc == ssrc {
                Tolerance::SequenceRestart
            } else {
                Tolerance::SsrcChange
            };
            if self.suspect != Some((ssrc, sequence_number)) {
                return Some((ssrc, sequence_number.next()));
            }
            if !self.leniency.tolerates(needed) {
                return self.suspect;
            }
        }
        let is_first = self.source.replace(Source::new(&packet, arrival)).is_none();
        self.last_sender_report = self.last_sender_report.filter(|last| {
            last.ssrc == ssrc || (is_first && self.leniency.tolerates(Tolerance::ForeignReport))
        });
        None
    }
}

impl Source {
    fn new(packet: &Packet<'_>, arrival: Instant) -> Self {
        Self {
            ssrc: packet.ssrc(),
            max_seq: packet.sequence_number(),
            extended_max: packet.sequence_number().0.into(),
            base_seq: packet.sequence_number(),
            received: 1,
            expected_prior: 0,
            received_prior: 0,
            fraction_lost: 0,
            first_arrival: arrival,
            last_arrival: arrival,
            arrival: 0,
            transit: packet.timestamp().0.wrapping_neg(),
            jitter: 0,
        }
    }

    /// Appendix A.1: whether the packet belongs to this source and is not too far away.
    #[inline]
    fn is_continued_by(&self, packet: &Packet<'_>) -> bool {
        let ahead = packet.sequence_number().0.wrapping_sub(self.max_seq.0);
        // The appendix: at 100 behind the stream ends, not at 101.
        let elsewhere = (MAX_DROPOUT..=MAX_MISORDER.wrapping_neg()).contains(&ahead);
        !elsewhere && packet.ssrc() == self.ssrc
    }

    /// Appendix A.1: counts a packet.
    #[inline]
    fn update_sequence(&mut self, seq: SequenceNumber) {
        let ahead = seq.0.wrapping_sub(self.max_seq.0);
        if ahead < MAX_DROPOUT {
            self.extended_max += u64::from(ahead);
            self.max_seq = seq;
        }
        self.received += 1;
    }

    /// Appendix A.8, in its integer form: the estimate times sixteen, each packet moving it by a sixteenth, rounded.
    #[inline]
    fn update_jitter(&mut self, timestamp: u32, arrival: Instant, clock_rate: ClockRate) {
        if arrival != self.last_arrival {
            self.go_on_to(arrival, clock_rate);
        }
        let transit = self.arrival.wrapping_sub(timestamp);
        let difference = transit.wrapping_sub(self.transit);
        let difference = difference.min(difference.wrapping_neg());
        self.transit = transit;
        self.jitter = self.jitter + u64::from(difference) - ((self.jitter + 8) >> 4);
    }

    fn go_on_to(&mut self, arrival: Instant, clock_rate: ClockRate) {
        let elapsed = arrival.saturating_duration_since(self.first_arrival);
        self.arrival = low_32(clock_rate.ticks(elapsed).unsigned_abs());
        self.last_arrival = arrival;
    }

    fn jitter_ticks(&self) -> u32 {
        low_32(self.jitter >> 4)
    }

    fn expected(&self) -> u64 {
        self.extended_max - u64::from(self.base_seq.0) + 1
    }

    #[expect(
        clippy::cast_possible_wrap,
        reason = "a difference, negative where the second is greater"
    )]
    fn lost(&self) -> i64 {
        self.expected().wrapping_sub(self.received) as i64
    }

    /// Appendix A.3: the loss since the last report.
    fn close_interval(&mut self) {
        let expected = self.expected() - self.expected_prior;
        let received = self.received - self.received_prior;
        self.expected_prior = self.expected();
        self.received_prior = self.received;
        let lost = expected.saturating_sub(received);
        // All lost would be 256/256, which eight bits cannot hold.
        let fraction = (lost << 8).checked_div(expected).unwrap_or(0);
        self.fraction_lost = u8::try_from(fraction).unwrap_or(u8::MAX);
    }
}

fn in_65536ths(elapsed: Duration) -> u32 {
    let fraction = u64::from(elapsed.subsec_nanos()) * 65_536 / 1_000_000_000;
    let units = elapsed.as_secs().saturating_mul(65_536).saturating_add(fraction);
    u32::try_from(units).unwrap_or(u32::MAX)
}

#[expect(
    clippy::cast_possible_truncation,
    reason = "these fields count modulo 2^32 on the wire"
)]
fn low_32(value: u64) -> u32 {
    value as u32
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ids::RtpTimestamp;
    use crate::ntp::NtpTimestamp;
    use crate::rtcp::{self, ReportBlocks, RtcpPacket};
    use crate::test_support::{Random, fixture, packet_bytes};

    struct Receiver {
        start: Instant,
        statistics: ReceptionStatistics,
    }

    impl Receiver {
        fn new() -> Self {
            Self {
                start: Instant::now(),
                statistics: ReceptionStatistics::new(ClockRate::VIDEO),
            }
        }

        fn refusing(tolerance: Tolerance) -> Self {
            let policy = Policy::default().refuse(tolerance);
            Self {
                start: Instant::now(),
                statistics: ReceptionStatistics::with_policy(ClockRate::VIDEO, policy),
            }
        }

        fn receive(&mut self, ssrc: u32, sequence: u16) {
            self.receive_at(ssrc, sequence, 0, Duration::ZERO);
        }

        fn receive_at(&mut self, ssrc: u32, sequence: u16, timestamp: u32, after: Duration) {
            let bytes = packet_bytes(ssrc, sequence, timestamp, b"");
            self.statistics
                .on_packet(&Packet::parse(&bytes).unwrap(), self.start + after);
        }

        fn block(&mut self) -> ReportBlock {
            self.statistics.report_block(self.start).unwrap()
        }
    }

    #[test]
    fn there_is_nothing_to_report_before_the_first_packet() {
        let mut receiver = Receiver::new();
        assert_eq!(receiver.statistics.report_block(receiver.start), None);
        assert_eq!(receiver.statistics.stats(), ReceptionStats::default());
    }

    #[test]
    fn the_first_packet_counts_without_probation() {
        let mut receiver = Receiver::new();
        receiver.receive(7, 1000);
        let block = receiver.block();
        assert_eq!((block.ssrc, block.highest_sequence), (Ssrc(7), 1000));
        assert_eq!((block.cumulative_lost, block.fraction_lost), (0, 0));
        assert_eq!(receiver.statistics.stats().received, 1);
    }

    #[test]
    fn loss_is_counted_across_the_wrap_and_per_interval() {
        let mut receiver = Receiver::new();
        for sequence in [65_533, 65_534, 0, 1] {
            receiver.receive(7, sequence); // 65535 is lost: 1 of 5
        }
        let block = receiver.block();
        assert_eq!(block.highest_sequence, 0x0001_0001);
        assert_eq!((block.cumulative_lost, block.fraction_lost), (1, 51));
        for sequence in 2..=11 {
            receiver.receive(7, sequence);
        }
        let block = receiver.block();
        assert_eq!((block.cumulative_lost, block.fraction_lost), (1, 0));
    }

    #[test]
    fn duplicates_can_make_the_loss_negative() {
        let mut receiver = Receiver::new();
        for sequence in [1, 1, 1, 2] {
            receiver.receive(7, sequence);
        }
        assert_eq!(
            (receiver.block().cumulative_lost, receiver.block().fraction_lost),
            (-2, 0)
        );
        assert_eq!(receiver.statistics.stats().lost, -2);
    }

    #[test]
    fn an_interval_in_which_nearly_all_was_lost_fills_the_eight_bits() {
        let mut receiver = Receiver::new();
        receiver.receive(7, 0);
        receiver.block();
        receiver.receive(7, 2999);
        assert_eq!(receiver.block().fraction_lost, 255);
    }

    #[test]
    fn a_late_packet_makes_good_its_loss() {
        let mut receiver = Receiver::new();
        for sequence in [0, 2, 1] {
            receiver.receive(7, sequence);
        }
        let block = receiver.block();
        assert_eq!((block.cumulative_lost, block.highest_sequence), (0, 2));
    }

    #[test]
    fn q89_a_jump_is_believed_when_the_next_packet_confirms_it_or_refused() {
        let mut refusing = Receiver::refusing(Tolerance::SequenceRestart);
        for sequence in [100, 30_000, 30_001, 30_002] {
            refusing.receive(7, sequence);
        }
        assert_eq!(refusing.block().highest_sequence, 100);
        let mut receiver = Receiver::new();
        receiver.receive(7, 100);
        receiver.receive(7, 30_000);
        assert_eq!(
            receiver.statistics.stats().received,
            1,
            "one stray changes nothing"
        );
        receiver.receive(7, 30_001);
        assert_eq!(
            (
                receiver.block().highest_sequence,
                receiver.block().cumulative_lost
            ),
            (30_001, 0)
        );
    }

    #[test]
    fn a_restart_begins_where_appendix_a_1_draws_the_line() {
        for (sequence, received) in [
            (10_000 + 2_999, 2),
            (10_000 + 3_000, 1),
            (10_000 - 99, 2),
            (10_000 - 100, 1),
        ] {
            let mut receiver = Receiver::new();
            receiver.receive(7, 10_000);
            receiver.receive(7, sequence);
            assert_eq!(receiver.statistics.stats().received, received, "{sequence}");
        }
    }

    #[test]
    fn q86_another_ssrc_is_believed_when_its_next_packet_follows_or_refused() {
        let mut refusing = Receiver::refusing(Tolerance::SsrcChange);
        refusing.receive(7, 100);
        for sequence in 101..104 {
            refusing.receive(8, sequence);
        }
        assert_eq!(
            (refusing.block().ssrc, refusing.statistics.stats().received),
            (Ssrc(7), 1)
        );
        let mut receiver = Receiver::new();
        receiver.receive(7, 100);
        receiver.receive(8, 101);
        receiver.receive(7, 101);
        receiver.receive(8, 102);
        assert_eq!(receiver.block().ssrc, Ssrc(7), "the old one goes on between them");
        receiver.receive(8, 103);
        assert_eq!(receiver.block().ssrc, Ssrc(8));
    }

    #[test]
    fn jitter_is_what_the_appendix_computes() {
        let mut receiver = Receiver::new();
        let mut random = Random::new(8);
        let (mut integer, mut float, mut last_transit) = (0_i64, 0.0_f64, None);
        let first_arrival = 7_000;
        for index in 0..5_000_u32 {
            let timestamp = 0xffff_0000_u32.wrapping_add(index * 3000);
            let jitter = if index == 0 {
                first_arrival
            } else {
                random.below(20_000)
            };
            let micros = u64::from(index) * 33_333 + jitter;
            receiver.receive_at(
                7,
                u16::try_from(index).unwrap(),
                timestamp,
                Duration::from_micros(micros),
            );
            // Appendix A.8, word for word, on numbers wide enough not to wrap; time begins with the first arrival.
            let since_first = micros - first_arrival;
            let transit = i64::try_from(since_first * 90_000 / 1_000_000).unwrap() - i64::from(index) * 3000;
            if let Some(last) = last_transit.replace(transit) {
                let d = (transit - last).abs();
                integer += d - ((integer + 8) >> 4);
                #[expect(clippy::cast_precision_loss, reason = "small")]
                let d = d as f64;
                float += (1.0 / 16.0) * (d - float);
            }
            assert_eq!(
                i64::from(receiver.statistics.stats().jitter),
                integer >> 4,
                "packet {index}"
            );
        }
        assert!(
            (f64::from(receiver.statistics.stats().jitter) - float).abs() <= 1.0,
            "{float}"
        );
        assert!(float > 300.0, "{float}: the test must have had some jitter");
    }

    #[test]
    fn absurd_timestamps_do_not_overflow_the_jitter() {
        let mut receiver = Receiver::new();
        for sequence in 0..1_000_u16 {
            let timestamp = if sequence % 2 == 0 { 0 } else { 1 << 31 };
            receiver.receive_at(7, sequence, timestamp, Duration::ZERO);
        }
        assert!(receiver.block().jitter > 1 << 30);
    }

    #[test]
    fn q88_a_report_that_names_another_ssrc_is_repeated_or_ignored() {
        let bytes = fixture(include_str!("../../../testdata/rtp/tapo_sr_zero_padding.hex"));
        let Some(Ok(RtcpPacket::SenderReport(report))) = rtcp::compound(&bytes).next() else {
            panic!("{bytes:x?}")
        };
        let refusing = Receiver::refusing(Tolerance::ForeignReport);
        for (mut receiver, last_sr) in [(Receiver::new(), 0x2a80_4000), (refusing, 0)] {
            receiver.receive(7, 1);
            receiver.statistics.on_sender_report(&report, receiver.start);
            assert_eq!(receiver.block().last_sr, last_sr);
            assert_eq!(receiver.statistics.tolerated().is_empty(), last_sr == 0);
        }
    }

    #[test]
    fn the_report_of_one_source_is_not_repeated_to_another() {
        let report = |ssrc| SenderReport {
            ssrc: Ssrc(ssrc),
            ntp: NtpTimestamp(0xb44d_b705_2000_0000),
            rtp: RtpTimestamp(0),
            packet_count: 0,
            octet_count: 0,
            reports: ReportBlocks::NONE,
        };
        // Before the first packet it may still be the camera's that names another SSRC (Q88).
        for (mut receiver, foreign) in [
            (Receiver::new(), 0xb705_2000),
            (Receiver::refusing(Tolerance::ForeignReport), 0),
        ] {
            receiver.statistics.on_sender_report(&report(9), receiver.start);
            receiver.receive(7, 100);
            assert_eq!(receiver.block().last_sr, foreign);
            receiver.statistics.on_sender_report(&report(7), receiver.start);
            assert_eq!(receiver.block().last_sr, 0xb705_2000);
            receiver.receive(8, 500);
            receiver.receive(8, 501);
            assert_eq!((receiver.block().ssrc, receiver.block().last_sr), (Ssrc(8), 0));
        }
    }

    #[test]
    fn the_block_repeats_the_last_sender_report_and_its_age() {
        let mut receiver = Receiver::new();
        receiver.receive(7, 1);
        assert_eq!(
            (receiver.block().last_sr, receiver.block().delay_since_last_sr),
            (0, 0)
        );
        let report = SenderReport {
            ssrc: Ssrc(7),
            ntp: NtpTimestamp(0xb44d_b705_2000_0000),
            rtp: RtpTimestamp(0),
            packet_count: 0,
            octet_count: 0,
            reports: ReportBlocks::NONE,
        };
        receiver.statistics.on_sender_report(&report, receiver.start);
        // RFC 3550 §6.4.1, figure 2: a delay of 5.250 s.
        let block = receiver
            .statistics
            .report_block(receiver.start + Duration::from_millis(5_250))
            .unwrap();
        assert_eq!(
            (block.last_sr, block.delay_since_last_sr),
            (0xb705_2000, 0x0005_4000)
        );
        let block = receiver
            .statistics
            .report_block(receiver.start + Duration::from_secs(100_000))
            .unwrap();
        assert_eq!(block.delay_since_last_sr, u32::MAX);
    }
}
