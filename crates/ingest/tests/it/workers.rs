//! Many cameras on few threads, over real sockets.

use std::future::pending;
use std::io::Write;
use std::num::NonZeroUsize;
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use throughline_ingest::{CameraStream, Config, TransportPolicy, Workers};
use tokio::io::AsyncReadExt;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::oneshot;
use tokio::time::timeout;

use crate::loopback::{PATIENCE, listen, next_picture_number, serve_one};
use crate::peer::{Peer, Script};

fn workers(count: usize) -> Workers {
    Workers::new(NonZeroUsize::new(count).expect("some")).expect("threads")
}

fn name() -> String {
    thread::current().name().unwrap_or_default().to_owned()
}

#[tokio::test]
async fn cameras_play_on_workers() {
    const CAMERAS: usize = 16;
    let address = listen(|mut stream| async move {
        let mut peer = Peer::new(Script::default());
        peer.connected();
        serve_one(&mut stream, &mut peer).await
    })
    .await;
    let mut config = Config::parse(&format!("rtsp://{address}/cam")).expect("a URL");
    config.transport = TransportPolicy::Tcp;
    let workers = workers(2);
    let cameras: Vec<_> = (0..CAMERAS)
        .map(|_| {
            let config = config.clone();
            workers.spawn(async move {
                let mut stream = CameraStream::open(config);
                for expected in 0..60 {
                    assert_eq!(next_picture_number(&mut stream).await, expected);
                }
            })
        })
        .collect();
    let placed: Vec<_> = workers.stats().map(|worker| worker.futures).collect();
    assert_eq!(placed, [CAMERAS / 2; 2]);
    for camera in cameras {
        camera.await.expect("no panic");
    }
}

/// A thread writes to many sockets in turn, a packet at a time, and the kernel would wake the reader for each.
#[tokio::test]
async fn many_writers_make_no_more_wakeups_than_the_brake_lets_through() {
    const SOCKETS: usize = 64;
    const PACKETS: usize = 20_000;
    const PACKET: [u8; 1_400] = [7; 1_400];
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = listener.local_addr().expect("an address");
    let workers = workers(1);
    let (mut writers, mut readers) = (Vec::new(), Vec::new());
    for _ in 0..SOCKETS {
        let mut writer = std::net::TcpStream::connect(address).expect("a connection");
        writer.set_nodelay(true).expect("an option");
        writers.push(move || writer.write_all(&PACKET).expect("a reader"));
        let (socket, _) = listener.accept().await.expect("a connection");
        let socket = socket.into_std().expect("a socket");
        readers.push(workers.spawn(async move {
            let mut socket = TcpStream::from_std(socket).expect("a runtime");
            let (mut buffer, mut bytes) = (vec![0; 64 * 1024], 0);
            loop {
                match socket.read(&mut buffer).await.expect("no error") {
                    0 => return bytes,
                    read => bytes += read,
                }
            }
        }));
    }
    let begun = Instant::now();
    let writing = thread::spawn(move || {
        for packet in 0..PACKETS {
            writers[packet % SOCKETS]();
            // Time for the reader to wake up, as on a network.
            thread::sleep(Duration::from_micros(20));
        }
    });
    let mut bytes = 0;
    for reader in readers {
        bytes += reader.await.expect("no panic");
    }
    writing.join().expect("no panic");
    assert_eq!(bytes, PACKETS * PACKET.len());
    let wakeups = workers.stats().next().expect("a worker").wakeups;
    // As many as it takes to see a load; and in each second 400 at the ticks, 32 at a look, and once more as many as it takes
    // where that look found nothing because this machine was busy.
    let seconds = begun.elapsed().as_secs() + 1;
    assert!(wakeups <= 2_000 + 2_500 * seconds, "{wakeups} in {seconds} s");
}

#[tokio::test]
async fn a_future_stays_on_one_thread_and_the_next_goes_to_another() {
    let workers = workers(2);
    let (first, waits) = oneshot::channel::<()>();
    let one = workers.spawn(async move {
        let before = name();
        waits.await.expect("a word");
        (before, name())
    });
    let other = workers.spawn(async { name() }).await.expect("a name");
    first.send(()).expect("somebody");
    assert_eq!(
        one.await.expect("a name"),
        ("throughline-0".to_owned(), "throughline-0".to_owned())
    );
    assert_eq!(other, "throughline-1");
}

#[tokio::test]
async fn a_future_that_panics_ends_only_itself() {
    let workers = workers(1);
    let calm = workers.spawn(async { 7 });
    let panics = workers.spawn(async { panic!("as a test wants") });
    assert!(panics.await.expect_err("a panic").is_panic());
    assert_eq!(calm.await.expect("no panic"), 7);
    assert_eq!(workers.spawn(async { 8 }).await.expect("no panic"), 8);
}

#[tokio::test]
async fn dropping_the_workers_cancels_what_runs_on_them() {
    let workers = Arc::new(workers(2));
    let held = Arc::new(());
    let futures: Vec<_> = (0..4)
        .map(|_| {
            let held = Arc::clone(&held);
            workers.spawn(async move {
                pending::<()>().await;
                drop(held);
            })
        })
        .collect();
    // The last owner may be one of their own futures.
    let its_own = Arc::clone(&workers);
    let (go, goes) = oneshot::channel::<()>();
    drop(workers.spawn(async move {
        let _ = goes.await;
        drop(its_own);
    }));
    drop(workers);
    go.send(()).expect("somebody");
    for future in futures {
        let ended = timeout(PATIENCE, future).await.expect("in time");
        assert!(ended.expect_err("an end").is_cancelled());
    }
    assert_eq!(Arc::strong_count(&held), 1);
}
