//! One piece of work of a fixed size, whose instructions `bench/count` counts: those inside [`counted`] only.
//!
//! `counted NAME` does it, checks what came out, and prints what [`Done`] says, as JSON.

use std::alloc::System;
use std::hint::black_box;
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail, ensure};
use stats_alloc::{INSTRUMENTED_SYSTEM, Region, StatsAlloc};
use throughline_bench_pure::camera::{Listening, playing_session};
use throughline_bench_pure::conversation::{DESCRIPTIONS, MESSAGES, sequence_parameter_sets};
use throughline_bench_pure::counts::Done;
use throughline_bench_pure::digest::Digest;
use throughline_bench_pure::stream::Stream;
use throughline_h264::{Depacketizer, DepacketizerConfig, RtpPayload, Sps, Timestamp};
use throughline_ingest::{CameraStream, Config, TransportPolicy};
use throughline_rtp::{ClockRate, Packet, Pushed, ReceptionStatistics, ReorderBuffer, ReorderConfig};
use throughline_rtsp::Parsed;
use throughline_rtsp::client::Received;
use throughline_sdp::SessionDescription;

#[global_allocator]
static ALLOCATOR: &StatsAlloc<System> = &INSTRUMENTED_SYSTEM;

/// Times that the stream goes round; enough for the exceptional to weigh as much as it does for hours.
const PASSES: u32 = 40;

/// Times that it goes round before: buffers come to be as many and as large as they will be.
const WARM_UP: u32 = 4;

/// Times that the conversations are read.
const ROUNDS: u32 = 200;

fn main() -> anyhow::Result<()> {
    let name = std::env::args().nth(1).context("the name of a piece of work")?;
    let done = match name.as_str() {
        "depacketize" => depacketize(),
        "order" => order(Stream::in_order),
        "reorder" => order(Stream::reordered),
        "interleaved" => interleaved(),
        "rtsp" => rtsp(),
        "sdp" => sdp(),
        "sps" => sps(),
        "tcp" => ingest(TransportPolicy::Tcp),
        "udp" => ingest(TransportPolicy::Udp),
        _ => bail!("no work is called {name}"),
    }?;
    println!("{}", serde_json::to_string(&done)?);
    Ok(())
}

/// Does the work, and gives its allocations. It is where counting begins and ends, so it stays a function of its own.
#[inline(never)]
fn counted(work: &mut dyn FnMut()) -> usize {
    let region = Region::new(ALLOCATOR);
    work();
    let change = region.change();
    change.allocations + change.reallocations
}

/// Takes the packets of a stream and gives what it makes of them.
type Work<'w> = dyn FnMut(&Stream, &mut dyn FnMut(&[u8])) + 'w;

/// Does the work over and over, the first time to get warm, and to look at what it gives by `look`.
fn over_stream(
    mut stream: Stream,
    (expected, look): (Digest, fn(&mut Digest, &[u8])),
    work: &mut Work<'_>,
) -> anyhow::Result<Done> {
    let mut digest = Digest::default();
    work(&stream, &mut |output| look(&mut digest, output));
    ensure!(digest == expected, "{digest:?} came out in place of {expected:?}");
    let mut allocations = 0;
    for pass in 1..=WARM_UP + PASSES {
        stream.renumber(pass);
        let mut count = 0;
        if pass <= WARM_UP {
            work(&stream, &mut |_| {});
            continue;
        }
        allocations += counted(&mut || work(&stream, &mut |_| count += 1));
        ensure!(
            count == expected.count,
            "{count} came out in place of {}",
            expected.count
        );
    }
    let done = Done::new("packet", stream.packets().len() * PASSES as usize, allocations);
    // One for each picture, where pictures come out.
    let is_packets = expected.count == stream.packets().len();
    Ok(done.with_limit(if is_packets {
        0
    } else {
        expected.count * PASSES as usize
    }))
}

/// Packets to pictures.
fn depacketize() -> anyhow::Result<Done> {
    let stream = Stream::hot();
    let expected = (stream.digest(), Digest::annex_b as _);
    let mut depacketizer = Depacketizer::new(DepacketizerConfig::default());
    over_stream(stream, expected, &mut |stream, output| {
        for packet in stream.packets().filter_map(|bytes| Packet::parse(bytes).ok()) {
            let _ = black_box(depacketizer.push(RtpPayload {
                data: packet.payload(),
                timestamp: Timestamp(packet.timestamp().0.into()),
                marker: packet.marker(),
                lost_before: 0,
            }));
            while let Some(unit) = depacketizer.pop() {
                output(&unit.data);
            }
        }
    })
}

fn payloads_of(stream: &Stream) -> (Digest, fn(&mut Digest, &[u8])) {
    let mut digest = Digest::default();
    let packets = stream.packets().filter_map(|bytes| Packet::parse(bytes).ok());
    packets.for_each(|packet| digest.packet(packet.payload()));
    (digest, Digest::packet)
}

fn packets_of(stream: &Stream) -> (Digest, fn(&mut Digest, &[u8])) {
    let mut digest = Digest::default();
    stream.packets().for_each(|packet| digest.packet(packet));
    (digest, Digest::packet)
}

/// Packets, in the order that is asked for, read, counted for receiver reports, and put in order.
fn order(places: fn(&Stream) -> Vec<usize>) -> anyhow::Result<Done> {
    let stream = Stream::hot();
    let places = places(&stream);
    let now = Instant::now();
    let mut statistics = ReceptionStatistics::new(ClockRate::VIDEO);
    let mut buffer = ReorderBuffer::new(ReorderConfig::default());
    let expected = payloads_of(&stream);
    over_stream(stream, expected, &mut |stream, output| {
        let packets = places.iter().map(|&place| stream.packet(place));
        for packet in packets.filter_map(|bytes| Packet::parse(bytes).ok()) {
            statistics.on_packet(&packet, now);
            if let Pushed::InOrder(ordered) = buffer.push(now, packet) {
                output(ordered.packet.payload());
            }
            while let Some(ordered) = buffer.pop_held(now) {
                output(ordered.packet.payload());
            }
        }
    })
}

/// Bytes of a connection to packets.
fn interleaved() -> anyhow::Result<Done> {
    let stream = Stream::hot();
    let now = Instant::now();
    let mut session = playing_session(now)?;
    let expected = packets_of(&stream);
    over_stream(stream, expected, &mut |stream, output| {
        let mut rest = stream.interleaved();
        while let (consumed, Received::Interleaved { payload, .. }) = session.receive(now, rest) {
            output(payload);
            rest = rest.get(consumed..).unwrap_or_default();
        }
    })
}

/// Reads each of the texts over and over. `read` says whether it could.
fn over_texts<T>(unit: &str, texts: &[T], mut read: impl FnMut(&T) -> bool) -> anyhow::Result<Done> {
    ensure!(texts.iter().all(&mut read), "not all can be read");
    let mut count = 0;
    let allocations = counted(&mut || {
        for _ in 0..ROUNDS {
            count += texts.iter().filter(|text| read(black_box(text))).count();
        }
    });
    Ok(Done::new(unit, count, allocations))
}

fn rtsp() -> anyhow::Result<Done> {
    over_texts("message", &MESSAGES, |text| {
        matches!(
            black_box(throughline_rtsp::parse(text.as_bytes())),
            Ok(Parsed::Message { .. })
        )
    })
}

fn sdp() -> anyhow::Result<Done> {
    over_texts("description", &DESCRIPTIONS, |text| {
        black_box(SessionDescription::parse(text.as_bytes())).is_ok()
    })
}

fn sps() -> anyhow::Result<Done> {
    over_texts("SPS", &sequence_parameter_sets(), |nal| {
        black_box(Sps::parse(nal)).is_ok()
    })
}

/// A camera on loopback, from the socket to pictures in the caller's hands: one is sent, then received.
fn ingest(transport: TransportPolicy) -> anyhow::Result<Done> {
    let listening = Listening::new()?;
    let mut config = Config::parse(&listening.url()?)?;
    config.transport = transport;
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    let mut client = CameraStream::open(config);
    let camera = std::thread::spawn(|| listening.play());
    runtime.block_on(async {
        while !camera.is_finished() {
            // News, up to that of playing.
            let _ = tokio::time::timeout(Duration::from_millis(10), client.next()).await;
        }
    });
    let mut camera = camera.join().ok().context("the camera has panicked")??;

    let mut stream = Stream::hot();
    let (mut digest, mut allocations, mut bytes) = (Digest::default(), 0, 0);
    for pass in 0..=PASSES {
        stream.renumber(pass);
        for (index, picture) in stream.pictures().enumerate() {
            camera.send(picture)?;
            let due = match (pass, index) {
                // What a marker means is known from the second picture on.
                (0, 0) => 0..0,
                (0, 1) => 0..2,
                _ => 0..1,
            };
            let mut received = [None, None];
            let mut receive = || {
                for place in received.get_mut(due.clone()).unwrap_or_default() {
                    *place = runtime.block_on(client.next_access_unit());
                }
            };
            if pass == 0 {
                receive();
            } else {
                allocations += counted(&mut receive);
            }
            for unit in received.into_iter().take(due.end) {
                let unit = unit.context("the stream has ended")??;
                if pass == 0 {
                    digest.annex_b(&unit.data);
                }
                bytes += unit.data.len();
            }
        }
        if pass == 0 {
            ensure!(
                digest == stream.digest(),
                "{digest:?} came out in place of {:?}",
                stream.digest()
            );
            bytes = 0;
        }
    }
    ensure!(
        bytes == stream.picture_bytes() * PASSES as usize,
        "{bytes} bytes came out"
    );
    Ok(
        Done::new("packet", stream.packets().len() * PASSES as usize, allocations)
            .with_limit(stream.digest().count * PASSES as usize),
    )
}
