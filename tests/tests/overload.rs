//! A consumer that is too slow for its camera, over real sockets: what it does not get is counted, and it recovers.

#![cfg(test)]

use std::time::Duration;

use throughline_ingest::{AccessUnit, CameraStream, Config, Event, Item, Retry, TransportPolicy};
use throughline_mock_camera::MockCamera;

/// Far beyond what any of this takes; a test that hangs should say so.
const LIMIT: Duration = Duration::from_secs(30);

/// Ticks of 90 kHz from one picture of the clips to the next.
const PICTURE: i64 = 3000;

/// A stream and what it gave.
struct Viewer {
    stream: CameraStream,
    pictures: Vec<AccessUnit>,
    told: usize,
}

impl Viewer {
    fn new(mock: &MockCamera, transport: TransportPolicy) -> Self {
        let mut config = Config::parse(&mock.url()).unwrap();
        config.transport = transport;
        config.retry = Retry::Never;
        // The kernel keeps a minute of these clips: what is too late has to be less.
        config.max_delay = Duration::from_millis(400);
        Viewer {
            stream: CameraStream::open(config),
            pictures: Vec::new(),
            told: 0,
        }
    }

    async fn picture(&mut self) -> &AccessUnit {
        loop {
            let next = tokio::time::timeout(LIMIT, self.stream.next()).await;
            match next.expect("in time").expect("goes on").expect("no error") {
                Item::AccessUnit(unit) => {
                    self.pictures.push(unit);
                    return &self.pictures[self.pictures.len() - 1];
                }
                Item::Event(Event::Delayed { .. }) => self.told += 1,
                Item::Event(_) => {}
            }
        }
    }
}

#[tokio::test]
async fn what_a_slow_consumer_does_not_get_is_counted_and_it_recovers() {
    for transport in [TransportPolicy::Tcp, TransportPolicy::Udp] {
        let mock = MockCamera::builder().start().await.unwrap();
        let mut viewer = Viewer::new(&mock, transport);
        viewer.picture().await;
        // Each takes three pictures' time.
        while viewer.stream.stats().dropped.delayed == 0 {
            viewer.picture().await;
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        // It keeps up again when pictures come in their order for a while.
        let mut in_order = 0;
        while in_order < 45 {
            let before = viewer.pictures[viewer.pictures.len() - 1].timestamp.0;
            let picture = viewer.picture().await;
            in_order = if picture.timestamp.0 - before == PICTURE {
                in_order + 1
            } else {
                0
            };
        }
        // What is counted and not given out yet.
        while (viewer.pictures.len() as u64) < viewer.stream.stats().access_units {
            viewer.picture().await;
        }
        let (stats, sent) = (viewer.stream.stats(), mock.stats());
        let first = &viewer.pictures[0];
        assert!(first.is_idr && viewer.told > 0);
        for pair in viewer.pictures.windows(2) {
            let follows = pair[1].timestamp.0 - pair[0].timestamp.0 == PICTURE;
            assert!(follows || pair[1].is_idr, "its reference is missing");
        }
        // From the first picture to the last each was given out or counted, but for those that the camera left out.
        let last = &viewer.pictures[viewer.pictures.len() - 1];
        let spanned = (last.timestamp.0 - first.timestamp.0) / PICTURE + 1;
        let counted = stats.access_units + stats.dropped.total() + sent.pictures_dropped;
        assert_eq!(i64::try_from(counted), Ok(spanned), "{stats:?} {sent:?}");
        assert_eq!(
            (stats.lost, stats.access_units),
            (0, viewer.pictures.len() as u64)
        );
        assert!(stats.dropped.total() == stats.dropped.delayed && sent.packets >= stats.packets);
        viewer.stream.close().await;
        mock.stop().await;
    }
}
