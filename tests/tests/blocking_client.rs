//! The example of that name against the mock camera.

#![cfg(test)]

#[path = "../../crates/rtsp/examples/blocking_client.rs"]
#[expect(dead_code, reason = "its main is the example's")]
mod blocking_client;

use throughline_h264::annexb::nal_units;
use throughline_mock_camera::{Authentication, BuiltInClip, Clip, Credentials, MockCamera};

#[tokio::test]
async fn the_blocking_client_shows_the_clip_from_its_first_picture() {
    let clip = Clip::built_in(BuiltInClip::ConstrainedBaseline);
    let camera = MockCamera::builder()
        .clip(clip.clone())
        .authentication(Authentication::Digest(Credentials::new("viewer", "p@ss")))
        .start()
        .await
        .unwrap();
    let url = camera.url().replace("rtsp://", "rtsp://viewer:p%40ss@");
    let played = tokio::task::spawn_blocking(move || {
        let mut units = Vec::new();
        let played = blocking_client::play(&url, |unit| {
            units.push(unit.clone());
            units.len() < 20
        });
        played.map(|()| units).map_err(|error| error.to_string())
    });
    let units = played.await.unwrap().unwrap();

    assert_eq!(units.len(), 20);
    assert!(units[0].is_idr() && units[0].has_parameter_sets);
    for (index, unit) in units.iter().enumerate() {
        assert!(
            nal_units(&unit.data).eq(nal_units(clip.picture(index).unwrap())),
            "picture {index} differs"
        );
        assert_eq!((unit.lost_before, unit.is_damaged), (0, false));
    }
    camera.stop().await;
}

#[tokio::test]
async fn the_blocking_client_says_why_it_was_refused_and_no_password() {
    let camera = MockCamera::builder()
        .authentication(Authentication::Digest(Credentials::new("viewer", "sesame")))
        .start()
        .await
        .unwrap();
    let url = camera.url().replace("rtsp://", "rtsp://viewer:wrong-one@");
    let played = tokio::task::spawn_blocking(move || {
        blocking_client::play(&url, |_| true).map_err(|error| error.to_string())
    });
    let error = played.await.unwrap().unwrap_err();
    assert!(error.contains("refused the credentials"), "{error}");
    assert!(!error.contains("wrong-one"), "{error}");
    camera.stop().await;
}
