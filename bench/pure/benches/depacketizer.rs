//! Packets to pictures, beside peers. Times are of one packet, 1386 bytes of payload for most.
//!
//! | | what it does with a packet |
//! |---|---|
//! | memcpy | copies the payload to a picture's buffer: the floor |
//! | throughline | reads the header, depacketizes, looks for start codes |
//! | throughline chain | the same behind statistics, reorder buffer and timeline: what the ingest engine does |
//! | retina | header, order, timeline, its ring buffer, depacketizer: as its own bench does, and its client |
//! | str0m | `H264Depacketizer` alone: no header, order or timestamp, nothing of slices or parameter sets |
//! | webrtc-rs | `Packet::unmarshal` and `H264Packet`, what it gives put together: nothing else either |

#![expect(clippy::expect_used, clippy::panic, reason = "what a bench cannot do ends it")]

use std::hint::black_box;
use std::time::Instant;

use bytes::Bytes;
use criterion::{BenchmarkGroup, Criterion, criterion_group, criterion_main, measurement::WallTime};
use retina::client::rtp::InorderParser;
use retina::client::{Timeline, UnknownRtcpSsrcPolicy};
use retina::codec::CodecItem;
use retina::testutil::DepacketizeBuf;
use rtp::packetizer::Depacketizer as _;
use str0m::format::CodecExtra;
use str0m::unversioned::Depacketizer as _;
use throughline_bench_pure::digest::Digest;
use throughline_bench_pure::nanoseconds_each;
use throughline_bench_pure::stream::Stream;
use throughline_h264::{Depacketizer, DepacketizerConfig, RtpPayload, Timestamp};
use throughline_rtp::{ClockRate, Packet, Pushed, ReceptionStatistics, ReorderBuffer, ReorderConfig};
use util::marshal::Unmarshal as _;

type Output<'o> = dyn FnMut(&[u8]) + 'o;

/// One of those that are compared.
trait Client {
    const NAME: &str;
    /// How it frames the pictures that it gives.
    const LOOK: fn(&mut Digest, &[u8]) = Digest::annex_b;
    fn new(stream: &Stream) -> Self;
    /// The stream goes round once more.
    fn pass(&mut self, stream: &Stream, output: &mut Output<'_>);
}

struct Throughline(Depacketizer);

impl Client for Throughline {
    const NAME: &str = "throughline";

    fn new(_: &Stream) -> Self {
        Self(Depacketizer::new(DepacketizerConfig::default()))
    }

    fn pass(&mut self, stream: &Stream, output: &mut Output<'_>) {
        for packet in stream.packets() {
            let packet = Packet::parse(packet).expect("a packet");
            let timestamp = Timestamp(packet.timestamp().0.into());
            push(&mut self.0, &packet, timestamp, 0, output);
        }
    }
}

fn push(
    depacketizer: &mut Depacketizer,
    packet: &Packet<'_>,
    timestamp: Timestamp,
    lost_before: u32,
    output: &mut Output<'_>,
) {
    let pushed = depacketizer.push(RtpPayload {
        data: packet.payload(),
        timestamp,
        marker: packet.marker(),
        lost_before,
    });
    pushed.expect("a payload");
    while let Some(unit) = depacketizer.pop() {
        output(&unit.data);
    }
}

struct Chain {
    statistics: ReceptionStatistics,
    reorder: ReorderBuffer,
    timeline: throughline_rtp::Timeline,
    depacketizer: Depacketizer,
}

impl Client for Chain {
    const NAME: &str = "throughline chain";

    fn new(_: &Stream) -> Self {
        Self {
            statistics: ReceptionStatistics::new(ClockRate::VIDEO),
            reorder: ReorderBuffer::new(ReorderConfig::default()),
            timeline: throughline_rtp::Timeline::new(ClockRate::VIDEO),
            depacketizer: Depacketizer::new(DepacketizerConfig::default()),
        }
    }

    fn pass(&mut self, stream: &Stream, output: &mut Output<'_>) {
        // The engine reads the clock once a wake-up.
        let now = Instant::now();
        for packet in stream.packets() {
            let packet = Packet::parse(packet).expect("a packet");
            self.statistics.on_packet(&packet, now);
            let Pushed::InOrder(ordered) = self.reorder.push(now, packet) else {
                panic!("the stream is in order");
            };
            let timestamp = self.timeline.unwrap(packet.timestamp(), now);
            push(
                &mut self.depacketizer,
                &packet,
                Timestamp(timestamp.0),
                ordered.lost_before,
                output,
            );
        }
    }
}

struct Retina {
    options: retina::client::SessionOptions,
    stream: retina::StreamContext,
    connection: retina::ConnectionContext,
    packet: retina::PacketContext,
    order: InorderParser,
    timeline: Timeline,
    buffer: DepacketizeBuf,
    depacketizer: retina::codec::Depacketizer,
}

impl Client for Retina {
    const NAME: &str = "retina";
    const LOOK: fn(&mut Digest, &[u8]) = Digest::avcc;

    fn new(_: &Stream) -> Self {
        Self {
            options: retina::client::SessionOptions::default(),
            stream: retina::StreamContext::dummy(),
            connection: retina::ConnectionContext::dummy(),
            packet: retina::PacketContext::dummy(),
            order: InorderParser::new(None, None, UnknownRtcpSsrcPolicy::Default),
            timeline: Timeline::new(None, 90_000, None).expect("a clock rate"),
            buffer: DepacketizeBuf::new(128 * 1024),
            depacketizer: retina::codec::Depacketizer::new(
                "video",
                "h264",
                90_000,
                None,
                Some("packetization-mode=1"),
            )
            .expect("a codec"),
        }
    }

    fn pass(&mut self, stream: &Stream, output: &mut Output<'_>) {
        for packet in stream.packets() {
            let (header, payload) = retina::rtp::PacketHeader::validate(packet).expect("a packet");
            let meta = self.order.rtp(
                &self.options,
                &self.stream,
                None,
                &self.connection,
                &self.packet,
                &mut self.timeline,
                0,
                &header,
            );
            let meta = meta.expect("a packet in order").expect("no stray");
            let payload = &packet[payload.start.into()..payload.end.into()];
            let pushed = self.buffer.push(&mut self.depacketizer, meta, payload);
            pushed.expect("a payload");
            while let Some(item) = self.depacketizer.pull() {
                let CodecItem::VideoFrame(frame) = item.expect("a frame") else {
                    panic!("no video");
                };
                output(frame.data());
            }
        }
    }
}

struct Str0m {
    depacketizer: str0m::unversioned::H264Depacketizer,
    picture: Vec<u8>,
}

impl Client for Str0m {
    const NAME: &str = "str0m";

    fn new(_: &Stream) -> Self {
        Self {
            depacketizer: str0m::unversioned::H264Depacketizer::default(),
            picture: Vec::new(),
        }
    }

    fn pass(&mut self, stream: &Stream, output: &mut Output<'_>) {
        for packet in stream.packets() {
            let (marker, payload) = marker_and_payload(packet);
            let mut extra = CodecExtra::None;
            let pushed = self
                .depacketizer
                .depacketize(payload, &mut self.picture, &mut extra);
            pushed.expect("a payload");
            black_box(extra);
            if marker {
                output(&self.picture);
                self.picture.clear();
            }
        }
    }
}

struct WebrtcRs {
    packets: Vec<Bytes>,
    depacketizer: rtp::codecs::h264::H264Packet,
    picture: Vec<u8>,
}

impl Client for WebrtcRs {
    const NAME: &str = "webrtc-rs";

    fn new(stream: &Stream) -> Self {
        // In one piece of memory, as they are for the others.
        let all = Bytes::copy_from_slice(stream.interleaved());
        let place = |packet: &[u8]| packet.as_ptr().addr() - stream.interleaved().as_ptr().addr();
        let packets = stream.packets();
        Self {
            packets: packets
                .map(|packet| all.slice(place(packet)..place(packet) + packet.len()))
                .collect(),
            depacketizer: rtp::codecs::h264::H264Packet::default(),
            picture: Vec::new(),
        }
    }

    fn pass(&mut self, _: &Stream, output: &mut Output<'_>) {
        for packet in &self.packets {
            let packet = rtp::packet::Packet::unmarshal(&mut packet.clone()).expect("a packet");
            let units = self.depacketizer.depacketize(&packet.payload).expect("a payload");
            self.picture.extend_from_slice(&units);
            if packet.header.marker {
                output(&self.picture);
                self.picture.clear();
            }
        }
    }
}

struct Memcpy(Vec<u8>);

impl Client for Memcpy {
    const NAME: &str = "memcpy";
    /// They are no pictures.
    const LOOK: fn(&mut Digest, &[u8]) = |_, _| {};

    fn new(_: &Stream) -> Self {
        Self(Vec::new())
    }

    fn pass(&mut self, stream: &Stream, output: &mut Output<'_>) {
        for packet in stream.packets() {
            let (marker, payload) = marker_and_payload(packet);
            self.0.extend_from_slice(payload);
            if marker {
                output(&self.0);
                self.0.clear();
            }
        }
    }
}

fn marker_and_payload(packet: &[u8]) -> (bool, &[u8]) {
    (packet[1] & 0x80 != 0, &packet[12..])
}

/// `anew`: whether each pass is by another client, so that the headers need no new numbers, for which they would be read.
fn bench<C: Client>(group: &mut BenchmarkGroup<'_, WallTime>, stream: &mut Stream, anew: Anew) {
    let mut digest = Digest::default();
    stream.renumber(0);
    let mut client = C::new(stream);
    client.pass(stream, &mut |picture| C::LOOK(&mut digest, picture));
    if digest != Digest::default() {
        assert_eq!(digest, stream.digest(), "{}", C::NAME);
    }
    let packets = stream.packets().len();
    let mut pass = 0;
    group.bench_function(C::NAME, |bencher| {
        bencher.iter_custom(|passes| {
            nanoseconds_each(packets, passes, || {
                if anew == Anew::EachPass {
                    client = C::new(stream);
                } else {
                    pass += 1;
                    stream.renumber(pass);
                }
                let mut pictures = 0;
                let started = Instant::now();
                client.pass(stream, &mut |picture| {
                    black_box(picture);
                    pictures += 1;
                });
                let elapsed = started.elapsed();
                assert_eq!(pictures, stream.digest().count, "{}", C::NAME);
                elapsed
            })
        });
    });
}

#[derive(Clone, Copy, PartialEq)]
enum Anew {
    EachPass,
    Never,
}

fn depacketizer(criterion: &mut Criterion) {
    for (name, mut stream, anew) in [
        ("hot", Stream::hot(), Anew::Never),
        ("cold", Stream::cold(), Anew::EachPass),
    ] {
        let mut group = criterion.benchmark_group(format!("depacketizer {name}"));
        bench::<Memcpy>(&mut group, &mut stream, anew);
        bench::<Throughline>(&mut group, &mut stream, anew);
        bench::<Chain>(&mut group, &mut stream, anew);
        bench::<Retina>(&mut group, &mut stream, anew);
        bench::<Str0m>(&mut group, &mut stream, anew);
        bench::<WebrtcRs>(&mut group, &mut stream, anew);
        group.finish();
    }
}

criterion_group!(benches, depacketizer);
criterion_main!(benches);
