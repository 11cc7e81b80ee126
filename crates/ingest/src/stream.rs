//! The tokio driver: sockets and a timer under a [`Camera`].

use std::fmt;
use std::future::{Future, poll_fn};
use std::io;
use std::mem;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::{Instant, SystemTime};

use futures_core::Stream;
use tokio::time::Sleep;

use crate::camera::{Camera, ConnectError, Output, SharedBuffers, UdpSocket};
use crate::connect::{self, Connected, Connection, Connector, Read};
use crate::datagram::{DatagramSocket, UdpPair};
use crate::{AccessUnit, CameraStats, Config, Error, Event};

/// Inputs handled in one poll while nothing comes of them: a flood of them would keep everything else on the thread waiting,
/// a signal to end for one. Eight reads are 1 MiB, a millisecond or so.
const MAX_INPUTS_PER_POLL: u32 = 8;

// Of a thread, not of a camera: pictures are put together in memory that is still in the cache of its core. A camera that
// moves to another thread takes its handle along.
thread_local! {
    static BUFFERS: SharedBuffers = SharedBuffers::default();
}

/// One thing that a [`CameraStream`] yields.
#[derive(Debug)]
pub enum Item {
    /// A picture.
    AccessUnit(AccessUnit),
    /// News.
    Event(Event),
}

/// A camera as a [`Stream`] of pictures and events.
///
/// There is no task and no queue inside: the network is read while the stream is polled. A consumer that polls slowly
/// slows the camera down over TCP and loses packets over UDP, so hand the pictures to something that decides what to
/// drop. It needs a tokio runtime with I/O and time enabled when it is first polled, and connects then.
///
/// An `Err` is the last item: see [`Retry`](crate::Retry) for which errors come so and which as
/// [`Event::Disconnected`]. Dropping the stream closes the sockets; [`close`](Self::close) also says goodbye.
pub struct CameraStream {
    camera: Camera,
    connector: Arc<Connector>,
    stage: Stage,
    link: Link,
    udp: Option<UdpPair>,
    sleep: Option<Pin<Box<Sleep>>>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    /// Not polled yet.
    Lazy,
    Running,
    /// The last item was given.
    Ended,
}

type Connecting = Pin<Box<dyn Future<Output = Result<Connected, ConnectError>> + Send>>;

/// How far the connection is.
enum Link {
    Down,
    Connecting(Connecting),
    Up(Connection),
}

impl fmt::Debug for CameraStream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CameraStream")
            .field("stage", &self.stage)
            .field("stats", &self.stats())
            .finish_non_exhaustive()
    }
}

impl CameraStream {
    /// A camera that is connected to when the stream is first polled.
    pub fn open(config: Config) -> Self {
        CameraStream {
            connector: Connector::new(&config),
            camera: Camera::new(config, seed()),
            stage: Stage::Lazy,
            link: Link::Down,
            udp: None,
            sleep: None,
        }
    }

    /// The next picture or event; `None` after the end. Dropping the future loses nothing.
    pub async fn next(&mut self) -> Option<Result<Item, Error>> {
        poll_fn(|cx| self.poll_item(cx)).await
    }

    /// The next picture; events are passed over. Dropping the future loses nothing but events.
    pub async fn next_access_unit(&mut self) -> Option<Result<AccessUnit, Error>> {
        loop {
            match self.next().await? {
                Ok(Item::AccessUnit(access_unit)) => return Some(Ok(access_unit)),
                Ok(Item::Event(_)) => {}
                Err(error) => return Some(Err(error)),
            }
        }
    }

    /// Asks the camera for a key frame, by RTCP. Takes effect when the stream is next polled; as often as one likes,
    /// for what goes out is limited to two a second.
    pub fn request_keyframe(&mut self) {
        self.camera.request_keyframe(now());
    }

    /// Figures of now.
    pub fn stats(&self) -> CameraStats {
        self.camera.stats()
    }

    /// Ends the session with TEARDOWN, for which the camera gets one second
    /// ([`Timeouts::close`](crate::Timeouts::close)), and closes the sockets.
    pub async fn close(mut self) {
        self.camera.close(now());
        if self.stage == Stage::Lazy {
            self.stage = Stage::Ended;
        }
        while self.next().await.is_some() {}
    }

    fn poll_item(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Item, Error>>> {
        match self.stage {
            Stage::Ended => return Poll::Ready(None),
            Stage::Lazy => {
                self.stage = Stage::Running;
                self.camera.start(now(), SystemTime::now());
            }
            Stage::Running => {}
        }
        let mut inputs = 0;
        loop {
            match self.camera.poll_output() {
                Output::AccessUnit(access_unit) => {
                    return Poll::Ready(Some(Ok(Item::AccessUnit(access_unit))));
                }
                Output::Event(event) => return Poll::Ready(Some(Ok(Item::Event(event)))),
                Output::Ended(result) => {
                    self.stage = Stage::Ended;
                    self.disconnect(cx);
                    return Poll::Ready(result.err().map(Err));
                }
                Output::Idle { .. } if inputs == MAX_INPUTS_PER_POLL => {
                    cx.waker().wake_by_ref();
                    return Poll::Pending;
                }
                Output::Idle { wake_at } => {
                    ready!(self.poll_input(cx, wake_at));
                    inputs += 1;
                }
                output => self.perform(cx, output),
            }
        }
    }

    /// Does to the sockets what the camera asks for.
    fn perform(&mut self, cx: &mut Context<'_>, output: Output) {
        match output {
            Output::Connect { endpoint, .. } => {
                self.disconnect(cx);
                self.camera.set_buffers(BUFFERS.with(SharedBuffers::clone));
                let connector = Arc::clone(&self.connector);
                self.link = Link::Connecting(Box::pin(connector.connect(endpoint)));
            }
            Output::Disconnect => self.disconnect(cx),
            Output::Transmit(bytes) => {
                if let Link::Up(connection) = &mut self.link
                    && let Err(error) = connection.send(cx, bytes)
                {
                    self.lose(Some(error));
                }
            }
            Output::BindUdp { local } => {
                match UdpPair::bind(local).and_then(|pair| Ok((pair.ports()?, pair))) {
                    Ok((ports, pair)) => {
                        self.camera.handle_receive_buffer(pair.receive_buffer());
                        self.udp = Some(pair);
                        self.camera.handle_udp_bound(now(), ports);
                    }
                    Err(error) => self.camera.handle_udp_bind_failed(now(), error),
                }
            }
            Output::JoinMulticast(membership) => match UdpPair::join(&membership) {
                Ok(pair) => {
                    self.camera.handle_receive_buffer(pair.receive_buffer());
                    self.udp = Some(pair);
                    self.camera.handle_multicast_joined(now());
                }
                Err(error) => self.camera.handle_multicast_join_failed(now(), error),
            },
            Output::CountKernelDrops => {
                if let Some(dropped) = self.udp.as_ref().and_then(|pair| pair.dropped(now())) {
                    self.camera.handle_kernel_drops(dropped);
                }
            }
            Output::Datagram {
                socket,
                destination,
                contents,
            } => {
                if let Some(pair) = &self.udp {
                    let socket = match socket {
                        UdpSocket::Rtp => &pair.rtp,
                        UdpSocket::Rtcp => &pair.rtcp,
                    };
                    socket.send(destination, &contents);
                }
            }
            Output::AccessUnit(_) | Output::Event(_) | Output::Ended(_) | Output::Idle { .. } => {}
        }
    }

    fn disconnect(&mut self, cx: &mut Context<'_>) {
        if let Link::Up(connection) = mem::replace(&mut self.link, Link::Down) {
            connection.close(cx);
        }
        self.udp = None;
    }

    /// The connection is gone: closed by the camera, or broken.
    fn lose(&mut self, error: Option<io::Error>) {
        self.link = Link::Down;
        self.camera.handle_closed(now(), error);
    }

    /// Waits until something was handed to the camera. What comes rarely goes first, so that what comes often starves
    /// nothing.
    fn poll_input(&mut self, cx: &mut Context<'_>, wake_at: Option<Instant>) -> Poll<()> {
        if self.poll_timer(cx, wake_at).is_ready() {
            self.camera.handle_timeout(now());
            return Poll::Ready(());
        }
        if self.poll_connection(cx).is_ready() {
            return Poll::Ready(());
        }
        let Some(pair) = &mut self.udp else {
            return Poll::Pending;
        };
        let mut received = Poll::Pending;
        for (kind, socket) in [(UdpSocket::Rtcp, &mut pair.rtcp), (UdpSocket::Rtp, &mut pair.rtp)] {
            // Both in each round: anybody can flood either.
            if poll_datagrams(cx, socket, kind, &mut self.camera).is_ready() {
                received = Poll::Ready(());
            }
        }
        received
    }

    fn poll_connection(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        match &mut self.link {
            Link::Down => Poll::Pending,
            Link::Connecting(attempt) => {
                match ready!(attempt.as_mut().poll(cx)) {
                    Ok(Connected {
                        connection,
                        peer,
                        local,
                    }) => {
                        self.link = Link::Up(connection);
                        self.camera.handle_connected(now(), peer, local);
                    }
                    Err(error) => {
                        self.link = Link::Down;
                        self.camera.handle_connect_failed(now(), error);
                    }
                }
                Poll::Ready(())
            }
            Link::Up(connection) => {
                let read = match connection.go_on_sending(cx) {
                    Ok(()) => ready!(connection.poll_read(cx, |bytes| {
                        self.camera.handle_stream(now(), bytes);
                    })),
                    Err(error) => Err(error),
                };
                match read {
                    Ok(Read::Open) => {}
                    Ok(Read::Closed) => self.lose(None),
                    Err(error) => self.lose(Some(error)),
                }
                Poll::Ready(())
            }
        }
    }

    /// Ready when `wake_at` has come. A timer that is set too early stays so and is set anew when it fires: the
    /// camera's deadlines move with each packet, and resetting a timer costs more than one idle wake-up.
    fn poll_timer(&mut self, cx: &mut Context<'_>, wake_at: Option<Instant>) -> Poll<()> {
        let Some(wake_at) = wake_at.map(tokio::time::Instant::from_std) else {
            return Poll::Pending;
        };
        let sleep = self
            .sleep
            .get_or_insert_with(|| Box::pin(tokio::time::sleep_until(wake_at)));
        if sleep.deadline() > wake_at {
            sleep.as_mut().reset(wake_at);
        }
        loop {
            ready!(sleep.as_mut().poll(cx));
            if sleep.deadline() == wake_at {
                return Poll::Ready(());
            }
            sleep.as_mut().reset(wake_at);
        }
    }
}

impl Stream for CameraStream {
    type Item = Result<Item, Error>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.poll_item(cx)
    }
}

fn poll_datagrams(
    cx: &mut Context<'_>,
    socket: &mut DatagramSocket,
    kind: UdpSocket,
    camera: &mut Camera,
) -> Poll<()> {
    let mut arrival = None;
    let received = ready!(socket.poll_receive(cx, |source, datagrams| {
        camera.handle_datagrams(*arrival.get_or_insert_with(now), kind, source, datagrams);
    }));
    if let Err(error) = received {
        // Not fatal: some systems report an earlier datagram of ours as undeliverable here (Q43).
        tracing::debug!(%error, "no datagram received");
    }
    Poll::Ready(())
}

fn seed() -> [u8; 32] {
    let mut seed = [0; 32];
    for chunk in seed.chunks_exact_mut(8) {
        chunk.copy_from_slice(&connect::random().to_be_bytes());
    }
    seed
}

/// tokio's clock, so that a paused runtime pauses the camera too.
fn now() -> Instant {
    tokio::time::Instant::now().into_std()
}
