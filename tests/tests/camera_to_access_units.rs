//! The mock camera over real sockets into the ingest engine: what comes out is what went in.

#![cfg(test)]

use std::time::Duration;

use throughline_h264::annexb;
use throughline_ingest::{
    AccessUnit, CameraStream, Config, Credentials, Event, Item, Retry, Transport, TransportPolicy,
};
use throughline_mock_camera::{Authentication, BuiltInClip, Clip, MockCamera, Transports};

/// Far beyond what any of this takes; a test that hangs should say so.
const LIMIT: Duration = Duration::from_secs(30);

/// Ticks of 90 kHz from one picture of the clips to the next.
const PICTURE: i64 = 3000;

async fn pictures(camera: &mut CameraStream, count: usize) -> Vec<AccessUnit> {
    let mut taken = Vec::new();
    while taken.len() < count {
        let next = tokio::time::timeout(LIMIT, camera.next_access_unit()).await;
        taken.push(next.expect("in time").expect("goes on").expect("no error"));
    }
    taken
}

fn config(camera: &MockCamera, transport: TransportPolicy) -> Config {
    let mut config = Config::parse(&camera.url()).unwrap();
    config.transport = transport;
    config.retry = Retry::Never;
    config
}

/// The clip's pictures in a loop, from the one that `first` is.
fn expect_the_clip(taken: &[AccessUnit], clip: &Clip) {
    let is_picture = |unit: &AccessUnit, index: usize| {
        annexb::nal_units(&unit.data).eq(annexb::nal_units(clip.picture(index).unwrap()))
    };
    let start = (0..clip.pictures())
        .find(|&index| is_picture(&taken[0], index))
        .expect("of the clip");
    for (offset, unit) in taken.iter().enumerate() {
        assert!(
            is_picture(unit, (start + offset) % clip.pictures()),
            "picture {offset} differs"
        );
    }
}

#[tokio::test]
async fn every_profile_arrives_whole_over_both_transports() {
    let mut cells = Vec::new();
    for built_in in BuiltInClip::ALL {
        for transport in [TransportPolicy::Tcp, TransportPolicy::Udp] {
            cells.push(tokio::spawn(async move {
                let clip = Clip::built_in(built_in);
                let mock = MockCamera::builder().clip(clip.clone()).start().await.unwrap();
                let mut camera = CameraStream::open(config(&mock, transport));
                let taken = pictures(&mut camera, 45).await;
                assert!(taken[0].is_idr && taken[0].has_parameter_sets);
                expect_the_clip(&taken, &clip);
                assert!(
                    taken
                        .windows(2)
                        .all(|pair| pair[1].timestamp.0 - pair[0].timestamp.0 == PICTURE)
                );
                assert_eq!(taken[0].parameters, clip.parameters().unwrap());
                assert_eq!((camera.stats().lost, camera.stats().dropped.total()), (0, 0));
                camera.close().await;
            }));
        }
    }
    for cell in cells {
        cell.await.unwrap();
    }
}

#[tokio::test]
async fn a_key_frame_request_brings_the_next_idr_at_once() {
    let mock = MockCamera::builder().start().await.unwrap();
    let mut camera = CameraStream::open(config(&mock, TransportPolicy::Tcp));
    // The clip has an IDR every 30 pictures; ask well between two of them.
    pictures(&mut camera, 5).await;
    camera.request_keyframe();
    let after = pictures(&mut camera, 10).await;
    assert!(
        after.iter().any(|unit| unit.is_idr),
        "the camera answers within some pictures"
    );
    assert!(
        after
            .windows(2)
            .all(|pair| pair[1].timestamp.0 - pair[0].timestamp.0 == PICTURE),
        "timestamps go on"
    );
    assert_eq!(camera.stats().keyframe_requests, 1);
}

#[tokio::test]
async fn every_scheme_of_authentication_opens_the_camera() {
    let credentials = Credentials::new("viewer", "p@ss:w/rd#1");
    for authentication in [
        Authentication::Basic(credentials.clone()),
        Authentication::Digest(credentials.clone()),
        Authentication::DigestSha256(credentials.clone()),
        Authentication::Any(credentials.clone()),
    ] {
        let mock = MockCamera::builder()
            .authentication(authentication)
            .start()
            .await
            .unwrap();
        let mut config = config(&mock, TransportPolicy::Tcp);
        config.credentials = Some(credentials.clone());
        assert_eq!(pictures(&mut CameraStream::open(config), 1).await.len(), 1);
    }
}

#[tokio::test]
async fn auto_goes_by_udp_where_the_camera_refuses_tcp() {
    let mock = MockCamera::builder()
        .transports(Transports::Udp)
        .start()
        .await
        .unwrap();
    let mut camera = CameraStream::open(config(&mock, TransportPolicy::Auto));
    let (mut fell_back, mut playing) = (false, None);
    loop {
        match tokio::time::timeout(LIMIT, camera.next())
            .await
            .expect("in time")
            .expect("goes on")
            .expect("no error")
        {
            Item::AccessUnit(_) => break,
            Item::Event(Event::TransportFallback { from, to, .. }) => {
                fell_back = (from, to) == (Transport::Tcp, Transport::Udp);
            }
            Item::Event(Event::Playing { transport }) => playing = Some(transport),
            Item::Event(_) => {}
        }
    }
    assert!(fell_back);
    assert_eq!(playing, Some(Transport::Udp));
}

#[tokio::test]
async fn a_camera_that_comes_back_goes_on_with_an_idr_on_the_same_timeline() {
    let mock = MockCamera::builder().start().await.unwrap();
    let address = mock.local_addr();
    let mut config = config(&mock, TransportPolicy::Tcp);
    config.retry = Retry::Forever;
    let mut camera = CameraStream::open(config);
    let before = pictures(&mut camera, 3).await;
    mock.stop().await;
    let mock = MockCamera::builder().listen(address).start().await.unwrap();
    let after = pictures(&mut camera, 20).await;
    let first = after.iter().position(|unit| unit.is_idr).expect("an IDR");
    // What was under way when the camera went may come first.
    assert!(after[first].timestamp > before[2].timestamp);
    assert!(after.windows(2).all(|pair| pair[0].timestamp < pair[1].timestamp));
    assert_eq!(camera.stats().reconnects, 1);
    camera.close().await;
    mock.stop().await;
}
