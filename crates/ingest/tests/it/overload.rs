//! A consumer that is slower than its camera, in simulated time.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use throughline_ingest::camera::UdpSocket;
use throughline_ingest::{DelayHandling, Event, TransportPolicy};

use crate::peer::{FRAME, Script, Sent};
use crate::sim::{SECOND, Sim, config};

/// What a read brings, or a batch of datagrams: some pictures, as of a camera of 8 Mbit/s.
const PIECES_PER_READ: usize = 12;

/// A camera, what the kernel holds of it, and a consumer.
struct Slow {
    sim: Sim,
    kernel: VecDeque<Sent>,
    /// Datagrams that the kernel has room for.
    room: usize,
    /// Pieces of media that were sent, and those that found no room.
    sent: u64,
    overrun: u64,
    /// When the consumer is done with what it took last.
    free: Instant,
    /// For each picture, how long it was under way.
    ages: Vec<Duration>,
}

impl Slow {
    fn new(transport: TransportPolicy) -> Self {
        let mut config = config();
        config.transport = transport;
        let script = Script {
            group_of_pictures: Some(50),
            ..Script::default()
        };
        let mut sim = Sim::new(config, script);
        sim.run_to(2 * SECOND);
        let free = sim.now;
        Slow {
            sim,
            kernel: VecDeque::new(),
            room: usize::MAX,
            sent: 0,
            overrun: 0,
            free,
            ages: Vec::new(),
        }
    }

    /// Goes on for so long with a consumer that takes `cost` for each picture.
    fn run(&mut self, duration: Duration, cost: Duration) -> &mut Self {
        let until = self.sim.now + duration;
        while self.sim.now < until {
            if self.free < self.sim.next_picture && !self.kernel.is_empty() {
                self.sim.now = self.sim.now.max(self.free);
                self.consume(cost);
            } else {
                self.sim.now = self.sim.now.max(self.sim.next_picture);
                self.sim.next_picture += FRAME;
                self.send_picture();
            }
        }
        self
    }

    fn send_picture(&mut self) {
        for piece in self.sim.peer.next_picture() {
            // Reports are not what this is about.
            if matches!(&piece, Sent::Rtcp(_)) || matches!(&piece, Sent::Stream(frame) if frame[1] != 0) {
                continue;
            }
            self.sent += 1;
            match piece {
                // There is no flow control here: the kernel's buffer for TCP is never full.
                Sent::Rtp(_) if self.kernel.len() >= self.room => {
                    self.overrun += 1;
                    self.sim.kernel_drops += 1;
                }
                piece => self.kernel.push_back(piece),
            }
        }
    }

    fn consume(&mut self, cost: Duration) {
        let taken = self.sim.pictures.len();
        for _ in 0..PIECES_PER_READ {
            match self.kernel.pop_front() {
                Some(Sent::Stream(bytes)) => self.sim.feed(&bytes),
                Some(Sent::Rtp(packet)) => self.sim.datagram_of(UdpSocket::Rtp, &packet),
                Some(Sent::Rtcp(_)) | None => break,
            }
        }
        // As a driver does that is late with everything.
        self.sim.run_to(self.sim.now - self.sim.start);
        let pictures = &self.sim.pictures[taken..];
        self.free = self.sim.now + cost * u32::try_from(pictures.len()).expect("few");
        let number = |data| FRAME * crate::peer::number(data);
        let first = self.sim.start;
        self.ages.extend(
            pictures
                .iter()
                .map(|picture| (self.sim.now - first).saturating_sub(number(&picture.data))),
        );
    }

    /// Each follows the one before, or is an IDR.
    fn assert_decodable(&self) {
        let numbers = self.sim.numbers();
        for (pair, pictures) in numbers.windows(2).zip(self.sim.pictures.windows(2)) {
            assert!(pair[1] == pair[0] + 1 || pictures[1].is_idr, "{pair:?}");
        }
    }
}

const QUICK: Duration = Duration::from_millis(10);
/// A picture comes each 40 ms.
const TOO_SLOW: Duration = Duration::from_millis(100);

#[test]
fn a_consumer_that_is_too_slow_gets_whole_runs_that_are_not_too_old() {
    let mut slow = Slow::new(TransportPolicy::Tcp);
    let packets = slow.sim.camera.stats().packets;
    slow.run(20 * SECOND, QUICK);
    assert_eq!(slow.sim.camera.stats().dropped.total(), 0);

    slow.run(50 * SECOND, TOO_SLOW);
    let stats = slow.sim.camera.stats();
    assert!(stats.dropped.delayed > 500, "{:?}", stats.dropped);
    // What was read together with the last picture that is in time waits for the consumer.
    let oldest = config().max_delay + TOO_SLOW * u32::try_from(PIECES_PER_READ).expect("few");
    assert!(slow.ages.iter().all(|age| *age <= oldest), "{:?}", slow.ages);
    let held = slow.kernel.len();
    assert!(held < 200, "{held}");
    let told =
        |event: &Event| matches!(event, Event::Delayed { handling, .. } if *handling == DelayHandling::Drop);
    assert_eq!(slow.sim.event_count(told), 1);

    slow.run(5 * SECOND, QUICK);
    let recovered = slow.sim.camera.stats().dropped;
    slow.ages.clear();
    slow.run(20 * SECOND, QUICK);
    let stats = slow.sim.camera.stats();
    assert_eq!(stats.dropped, recovered);
    assert!(
        slow.ages.len() >= 490 && slow.ages.iter().all(|age| *age <= FRAME),
        "{:?}",
        slow.ages
    );

    slow.assert_decodable();
    assert_eq!(
        slow.sim
            .event_count(|event| matches!(event, Event::Delayed { .. })),
        1
    );
    assert_eq!(slow.sent, stats.packets - packets + slow.kernel.len() as u64);
    let sent = slow.sim.numbers().last().map_or(0, |last| u64::from(*last) + 1);
    assert_eq!(
        (stats.access_units + stats.dropped.total(), stats.lost),
        (sent, 0)
    );
}

#[test]
fn a_backlog_of_twenty_seconds_is_dropped_at_once() {
    let mut slow = Slow::new(TransportPolicy::Tcp);
    slow.run(10 * SECOND, QUICK);
    // The consumer was stuck.
    slow.free += 20 * SECOND;
    slow.ages.clear();
    slow.run(40 * SECOND, QUICK);
    let stats = slow.sim.camera.stats();
    assert!(stats.dropped.delayed >= 400, "{:?}", stats.dropped);
    // It is caught up with before another picture comes.
    assert!(slow.ages[0] <= config().max_delay, "{:?}", slow.ages);
    assert!(slow.ages.len() >= 25 * 19);
    assert!(
        slow.ages.iter().skip(100).all(|age| *age <= FRAME),
        "{:?}",
        slow.ages
    );
    slow.assert_decodable();
}

#[test]
fn what_the_kernel_drops_over_udp_is_counted_and_ends_with_the_overload() {
    let mut slow = Slow::new(TransportPolicy::Udp);
    let packets = slow.sim.camera.stats().packets;
    slow.room = 60;
    slow.run(20 * SECOND, QUICK);
    assert_eq!(slow.sim.camera.stats().lost, 0);
    slow.run(50 * SECOND, TOO_SLOW);
    slow.run(25 * SECOND, QUICK);
    let (overrun, stats) = (slow.overrun, slow.sim.camera.stats());
    assert!(overrun > 100, "{overrun}");
    assert_eq!((stats.lost, stats.dropped_by_kernel), (overrun, overrun));
    assert_eq!(
        slow.sent,
        stats.packets - packets + stats.lost + slow.kernel.len() as u64
    );
    assert!(stats.dropped.damaged + stats.dropped.reference_missing > 0);
    assert_eq!(
        slow.sim
            .event_count(|event| matches!(event, Event::KernelDrops(_))),
        1
    );
    slow.assert_decodable();
    let settled = slow.sim.camera.stats().dropped;
    slow.run(10 * SECOND, QUICK);
    assert_eq!(
        (slow.overrun, slow.sim.camera.stats().dropped),
        (overrun, settled)
    );
}
