//! What the engine allocates while it plays, sockets included: nothing for a packet, and for a picture at most its bytes.

#![cfg(test)]

use std::alloc::System;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream, UdpSocket};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread;

use stats_alloc::{INSTRUMENTED_SYSTEM, Stats, StatsAlloc};
use throughline_h264::Packetizer;
use throughline_ingest::{CameraStream, Config, Retry, TransportPolicy};
use throughline_rtp::{PacketHeader, PayloadType, RtpTimestamp, SequenceNumber, Ssrc};

use peer::{Carrier, Peer, Script, frame, picture};

#[path = "it/peer.rs"]
#[expect(dead_code, reason = "what other tests need of it")]
mod peer;

#[global_allocator]
static ALLOCATOR: &StatsAlloc<System> = &INSTRUMENTED_SYSTEM;

/// Until buffers have the size that the stream needs.
const WARM_UP: u32 = 200;
const MEASURED: u32 = 600;
/// From one IDR to the next.
const GROUP: u32 = 50;
/// Reports to the camera, timers and what else is not of a packet: some, however many pictures there are.
const BESIDE: usize = 50;

/// What one camera holds between two pictures, beside the buffers that those of a thread share: what is read, and pictures.
const MAX_BYTES: usize = 64 * 1024;

/// The packets of picture `number` in their frames: 4 to 60 KB of it, 100 KB of an IDR, as of 1080p at 8 Mbit/s.
fn packets(number: u32, sequence: &mut SequenceNumber) -> Vec<Vec<u8>> {
    let since_idr = number % GROUP;
    let mut unit = picture(number, since_idr, since_idr == 0);
    let size = if since_idr == 0 {
        100_000
    } else {
        4_000 + number as usize * 7_919 % 56_000
    };
    unit.resize(size, 0xab);
    let fragments = Packetizer::new(1_400).packetize(&unit);
    let mut packets = Vec::new();
    for fragment in fragments {
        let mut packet = Vec::new();
        PacketHeader {
            payload_type: PayloadType(96),
            marker: fragment.is_last,
            sequence_number: *sequence,
            timestamp: RtpTimestamp(number * 3_600),
            ssrc: Ssrc(7),
        }
        .write(&mut packet);
        fragment.write(&mut packet);
        packets.push(frame(0, &packet));
        *sequence = sequence.next();
    }
    packets
}

enum Media {
    Tcp(TcpStream),
    Udp(UdpSocket, SocketAddr),
}

impl Media {
    /// The port that the client told in its SETUP, if it did.
    fn of(peer: &Peer, stream: TcpStream) -> Self {
        if peer.carrier == Some(Carrier::Tcp) {
            return Media::Tcp(stream);
        }
        let setup = peer.requests.iter().find(|request| request.starts_with("SETUP"));
        let port = setup.and_then(|setup| setup.split("client_port=").nth(1)?.split('-').next());
        let port = port.expect("a port").parse().expect("a number");
        let socket = UdpSocket::bind("127.0.0.1:0").expect("a port");
        Media::Udp(socket, SocketAddr::from(([127, 0, 0, 1], port)))
    }

    fn send(&mut self, framed: &[u8]) {
        match self {
            Media::Tcp(stream) => stream.write_all(framed).expect("a client"),
            Media::Udp(socket, client) => drop(socket.send_to(&framed[4..], *client).expect("a client")),
        }
    }
}

/// A camera that sends the next picture each time that it is told to.
fn serve(listener: &TcpListener, pictures: &[Vec<Vec<u8>>], go: &Receiver<()>) {
    let (mut stream, _) = listener.accept().expect("a client");
    let mut peer = Peer::new(Script::default());
    peer.connected();
    let mut buffer = [0; 2_048];
    while !peer.playing {
        let read = stream.read(&mut buffer).expect("a request");
        let answer = peer.handle_stream(&buffer[..read]);
        stream.write_all(&answer).expect("a client");
    }
    let mut media = Media::of(&peer, stream.try_clone().expect("a socket"));
    for (number, picture) in pictures.iter().enumerate() {
        // One ahead: whether to believe the marker is seen by the picture behind the first.
        if number > 1 && go.recv().is_err() {
            break;
        }
        for packet in picture {
            media.send(packet);
        }
    }
    // The client hangs up.
    while go.recv().is_ok() {}
}

/// Of memory that is in use.
fn live_bytes() -> usize {
    let stats = ALLOCATOR.stats();
    stats.bytes_allocated - stats.bytes_deallocated
}

async fn play(stream: &mut CameraStream, pictures: u32, go: &SyncSender<()>) {
    for _ in 0..pictures {
        let picture = stream.next_access_unit().await.expect("a picture");
        drop(picture.expect("no error"));
        go.send(()).expect("the camera");
    }
}

#[test]
fn no_packet_and_at_most_one_allocation_a_picture_after_warm_up() {
    // Made before: the camera's thread is not to allocate while the client's is watched.
    let mut sequence = SequenceNumber(0);
    let pictures: Arc<[_]> = (0..WARM_UP + MEASURED)
        .map(|number| packets(number, &mut sequence))
        .collect();
    for policy in [TransportPolicy::Tcp, TransportPolicy::Udp] {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let address = listener.local_addr().expect("an address");
        let mut config = Config::parse(&format!("rtsp://{address}/cam")).expect("a URL");
        config.transport = policy;
        config.retry = Retry::Never;
        let (go, goes) = sync_channel(2);
        let media = Arc::clone(&pictures);
        let camera = thread::spawn(move || serve(&listener, &media, &goes));
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        let (packets, allocations) = runtime.expect("a runtime").block_on(async move {
            let mut stream = CameraStream::open(config);
            play(&mut stream, WARM_UP, &go).await;
            let (packets, before) = (stream.stats().packets, ALLOCATOR.stats());
            play(&mut stream, MEASURED, &go).await;
            let after = ALLOCATOR.stats();
            let (stats, held) = (stream.stats(), live_bytes());
            drop(stream);
            let held = held - live_bytes();
            assert!(held < MAX_BYTES, "{held} bytes over {policy:?}");
            assert_eq!((stats.lost, stats.dropped.total()), (0, 0));
            let given = |stats: Stats| stats.allocations + stats.reallocations;
            (stats.packets - packets, given(after) - given(before))
        });
        camera.join().expect("no panic");
        assert!(packets > u64::from(MEASURED) * 8, "{packets}");
        assert!(
            allocations <= MEASURED as usize + BESIDE,
            "{allocations} for {packets} packets over {policy:?}"
        );
    }
}
