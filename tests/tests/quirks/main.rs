//! Every quirk of the mock camera into the ingest engine: what comes out is what went in, or the documented error.

#![cfg(test)]

mod clip;
mod simulation;

use std::sync::Arc;
use std::time::Duration;

use throughline_ingest::{
    AccessUnit, CameraStats, CameraStream, Config, Credentials, Error, Retry, TransportPolicy,
};
use throughline_mock_camera::{Authentication, Builder, MockCamera, Quirk};
use tokio::sync::Semaphore;
use tokio::task::JoinSet;

/// Far beyond what any of this takes; a test that hangs should say so.
const LIMIT: Duration = Duration::from_secs(60);

/// Beyond the first change of every quirk that changes something in the middle of a stream, and the IDR after it.
const PICTURES: usize = 50;

/// Cameras that play at once: enough that waiting costs little, few enough that none falls behind.
const AT_ONCE: usize = 24;

/// What becomes of a client that plays a camera with this quirk alone.
fn is_expected_error(quirk: Quirk, error: &Error) -> bool {
    matches!((quirk, error), (Quirk::NotEnoughBandwidth, Error::Busy { .. }))
}

/// Those whose packets do not all come.
fn loses(quirk: Quirk) -> bool {
    matches!(
        quirk,
        Quirk::FragmentStartLost | Quirk::LossOverTcp | Quirk::TornFrames
    )
}

/// Those that take their time: played in simulation, or by a test of their own.
fn is_slow(quirk: Quirk) -> bool {
    matches!(
        quirk,
        Quirk::OnePictureASecond | Quirk::SlowStart | Quirk::Scrambled
    )
}

fn transports(quirk: Quirk) -> &'static [TransportPolicy] {
    match quirk {
        Quirk::UdpWhateverIsAsked => &[TransportPolicy::Auto],
        Quirk::CommaInTransport
        | Quirk::NoServerPorts
        | Quirk::RtcpOnRtpChannel
        | Quirk::NothingBeforeClientSends
        | Quirk::LargeDatagrams
        | Quirk::ForeignPayloadType
        | Quirk::OtherSsrc
        | Quirk::SequenceRestarts
        | Quirk::LossOverTcp
        | Quirk::SourceIsName
        | Quirk::ShortTransportSsrc => &[TransportPolicy::Tcp, TransportPolicy::Udp],
        _ => &[TransportPolicy::Tcp],
    }
}

fn authentication(quirk: Quirk) -> Authentication {
    match quirk {
        Quirk::ClosesAfterUnauthorized
        | Quirk::NonceExpires
        | Quirk::OddRealm
        | Quirk::WeakestChallengeFirst
        | Quirk::StaleNonce
        | Quirk::BansAfterTwoRefusals
        | Quirk::ChallengeInSuccess
        | Quirk::OptionsFirst => Authentication::Digest(credentials()),
        _ => Authentication::None,
    }
}

fn credentials() -> Credentials {
    Credentials::new("viewer", "sesame")
}

fn config(mock: &MockCamera, transport: TransportPolicy) -> Config {
    let mut config = Config::parse(&mock.url()).unwrap();
    config.credentials = Some(credentials());
    config.transport = transport;
    config.retry = Retry::Never;
    config
}

/// So many pictures, or the error before.
async fn pictures(config: Config, count: usize) -> Result<(Vec<AccessUnit>, CameraStats), Error> {
    let mut camera = CameraStream::open(config);
    let mut taken = Vec::new();
    while taken.len() < count {
        let next = tokio::time::timeout(LIMIT, camera.next_access_unit()).await;
        let Some(unit) = next.expect("in time") else { break };
        taken.push(unit?);
    }
    let stats = camera.stats();
    camera.close().await;
    Ok((taken, stats))
}

async fn play(quirk: Quirk, builder: Builder, transport: TransportPolicy) {
    let context = format!("{quirk} ({}) over {transport:?}", quirk.description());
    let mock = builder.quirks([quirk]).start().await.unwrap();
    match pictures(config(&mock, transport), PICTURES).await {
        Ok((taken, stats)) => {
            assert!(!matches!(quirk, Quirk::NotEnoughBandwidth), "{context}: played");
            assert_eq!(taken.len(), PICTURES, "{context}");
            clip::expect_the_clip(quirk, &taken);
            // Where a stream begins anew, what was between is neither known nor missed.
            if !matches!(quirk, Quirk::OtherSsrc | Quirk::SequenceRestarts) {
                assert_eq!(stats.lost > 0, loses(quirk), "{context}");
                assert!(loses(quirk) || stats.dropped.total() == 0, "{context}");
            }
        }
        Err(error) => assert!(is_expected_error(quirk, &error), "{context}: {error}"),
    }
    mock.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_quirk_is_survived_over_real_sockets() {
    let permits = Arc::new(Semaphore::new(AT_ONCE));
    let mut cells = JoinSet::new();
    for &quirk in Quirk::ALL.iter().filter(|quirk| !is_slow(**quirk)) {
        for &transport in transports(quirk) {
            let permits = Arc::clone(&permits);
            cells.spawn(async move {
                let _permit = permits.acquire_owned().await.unwrap();
                let builder = MockCamera::builder()
                    .clip(clip::FAST.clone())
                    .authentication(authentication(quirk));
                play(quirk, builder, transport).await;
            });
        }
    }
    let mut failures = 0;
    while let Some(cell) = cells.join_next().await {
        failures += u32::from(cell.is_err());
    }
    assert_eq!(failures, 0, "see above");
}

#[tokio::test]
async fn a_camera_with_many_quirks_at_once_is_survived() {
    let mock = MockCamera::builder()
        .clip(clip::FAST.clone())
        .authentication(Authentication::Any(credentials()))
        .quirks([
            Quirk::ContentBaseWithTwoSchemes,
            Quirk::NoCSeq,
            Quirk::LowerCaseHeaders,
            Quirk::OtherChannels,
            Quirk::EarlyData,
            Quirk::GarbageBetweenFrames,
            Quirk::OddWrites,
            Quirk::StaleNonce,
            Quirk::UnreadableMedia,
            Quirk::ParameterSetsInDescriptionOnly,
            Quirk::MarkerOnParameterSets,
            Quirk::StartAndEndInOneFragment,
            Quirk::TrailingZeros,
            Quirk::HeaderExtension,
        ])
        .start()
        .await
        .unwrap();
    let (taken, stats) = pictures(config(&mock, TransportPolicy::Tcp), PICTURES)
        .await
        .unwrap();
    clip::expect_the_clip(Quirk::TrailingZeros, &taken);
    assert_eq!((stats.lost, stats.dropped.total()), (0, 0));
}

#[tokio::test]
async fn q140_a_scrambled_stream_ends_within_seconds_and_says_so() {
    let mock = MockCamera::builder()
        .quirks([Quirk::Scrambled])
        .start()
        .await
        .unwrap();
    let error = pictures(config(&mock, TransportPolicy::Tcp), usize::MAX)
        .await
        .unwrap_err();
    assert!(matches!(error, Error::Scrambled { .. }), "{error}");
}

#[tokio::test]
async fn q103_a_wrong_password_is_tried_once_and_no_ban_follows() {
    let mock = MockCamera::builder()
        .authentication(Authentication::Digest(credentials()))
        .quirks([Quirk::BansAfterTwoRefusals])
        .start()
        .await
        .unwrap();
    let mut wrong = config(&mock, TransportPolicy::Tcp);
    wrong.retry = Retry::Forever;
    wrong.credentials = Some(Credentials::new("viewer", "open"));
    let error = pictures(wrong, 1).await.unwrap_err();
    assert!(matches!(error, Error::CredentialsRefused { .. }), "{error}");
    assert_eq!(mock.stats().requests, 2);
    assert!(pictures(config(&mock, TransportPolicy::Tcp), 1).await.is_ok());
}
