//! Bytes to packets in order. Times are of one packet.
//!
//! | | beside |
//! |---|---|
//! | walk: an RTSP connection's bytes to packets | retina's `Parser`, which is its client's, over one buffer |
//! | order: header, statistics for receiver reports, reorder buffer | retina's `InorderParser`, which drops what comes late, and counts nothing |
//! | reorder: the same, where one packet in a hundred is overtaken | nobody: retina drops these, str0m's and webrtc-rs's buffers cannot be called |

#![expect(clippy::expect_used, reason = "what a bench cannot do ends it")]

use std::hint::black_box;
use std::time::Instant;

use criterion::{Criterion, criterion_group, criterion_main};
use retina::client::rtp::InorderParser;
use retina::client::{Timeline, UnknownRtcpSsrcPolicy};
use retina::rtsp::msg::Message;
use throughline_bench_pure::camera::playing_session;
use throughline_bench_pure::digest::Digest;
use throughline_bench_pure::nanoseconds_each;
use throughline_bench_pure::stream::Stream;
use throughline_rtp::{ClockRate, Packet, Pushed, ReceptionStatistics, ReorderBuffer, ReorderConfig};
use throughline_rtsp::client::Received;

type Output<'o> = dyn FnMut(&[u8]) + 'o;

/// Times `pass`, which gives what it makes of the stream once round: all payloads in order at first, then as many.
fn bench(criterion: &mut Criterion, group: &str, name: &str, mut pass: impl FnMut(&Stream, &mut Output<'_>)) {
    let mut stream = Stream::hot();
    let mut expected = Digest::default();
    stream.packets().for_each(|packet| expected.packet(&packet[12..]));
    let mut digest = Digest::default();
    pass(&stream, &mut |payload| digest.packet(payload));
    assert_eq!(digest, expected, "{name}");
    let mut number = 0;
    criterion.benchmark_group(group).bench_function(name, |bencher| {
        bencher.iter_custom(|passes| {
            nanoseconds_each(expected.count, passes, || {
                number += 1;
                stream.renumber(number);
                let mut count = 0;
                let started = Instant::now();
                pass(&stream, &mut |payload| {
                    black_box(payload);
                    count += 1;
                });
                let elapsed = started.elapsed();
                assert_eq!(count, expected.count, "{name}");
                elapsed
            })
        });
    });
}

fn walk(criterion: &mut Criterion) {
    let now = Instant::now();
    let mut session = playing_session(now).expect("a session");
    bench(criterion, "walk", "throughline", |stream, output| {
        let mut rest = stream.interleaved();
        while let (consumed, Received::Interleaved { payload, .. }) = session.receive(now, rest) {
            output(&payload[12..]);
            rest = &rest[consumed..];
        }
    });
    let mut parser = retina::rtsp::parse::Parser::builder().build();
    bench(criterion, "walk", "retina", |stream, output| {
        let mut rest = stream.interleaved();
        while let Ok(Some((Message::Data(_), packet))) = parser.feed(&mut rest) {
            output(&packet[12..]);
        }
    });
}

fn ordered(places: &[usize]) -> impl FnMut(&Stream, &mut Output<'_>) {
    let mut statistics = ReceptionStatistics::new(ClockRate::VIDEO);
    let mut buffer = ReorderBuffer::new(ReorderConfig::default());
    move |stream, output| {
        let now = Instant::now();
        for packet in places.iter().map(|&place| stream.packet(place)) {
            let packet = Packet::parse(packet).expect("a packet");
            statistics.on_packet(&packet, now);
            if let Pushed::InOrder(ordered) = buffer.push(now, packet) {
                output(ordered.packet.payload());
            }
            while let Some(ordered) = buffer.pop_held(now) {
                output(ordered.packet.payload());
            }
        }
    }
}

fn order(criterion: &mut Criterion) {
    let stream = Stream::hot();
    bench(criterion, "order", "throughline", ordered(&stream.in_order()));
    let options = retina::client::SessionOptions::default();
    let (context, connection) = (retina::StreamContext::dummy(), retina::ConnectionContext::dummy());
    let mut parser = InorderParser::new(None, None, UnknownRtcpSsrcPolicy::Default);
    let mut timeline = Timeline::new(None, 90_000, None).expect("a clock rate");
    bench(criterion, "order", "retina", |stream, output| {
        let received = retina::PacketContext::dummy();
        for packet in stream.packets() {
            let (header, payload) = retina::rtp::PacketHeader::validate(packet).expect("a packet");
            let meta = parser.rtp(
                &options,
                &context,
                None,
                &connection,
                &received,
                &mut timeline,
                0,
                &header,
            );
            black_box(meta.expect("a packet in order"));
            output(&packet[payload.start.into()..payload.end.into()]);
        }
    });
    bench(criterion, "reorder", "throughline", ordered(&stream.reordered()));
}

criterion_group!(benches, walk, order);
criterion_main!(benches);
