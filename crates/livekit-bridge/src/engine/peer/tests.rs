use std::net::UdpSocket;
use std::time::SystemTime;

use bytes::Bytes;
use str0m::media::KeyframeRequestKind;
use str0m::rtp::{Extension, RtpPacket};
use throughline_h264::{AccessUnit, Depacketizer, DepacketizerConfig, RtpPayload, Timestamp, annexb};

use super::*;
use crate::frame::testing::idr;

/// The receiving end, as a browser would be: str0m alone, on a blocking socket.
struct Browser {
    rtc: Rtc,
    socket: UdpSocket,
    pending: Option<SdpPendingOffer>,
    packets: Vec<RtpPacket>,
}

impl Browser {
    fn new() -> (Self, String) {
        let mut config = Rtc::builder()
            .clear_codecs()
            .set_rtp_mode(true)
            .set_extension(5, Extension::AbsoluteCaptureTime);
        for (pt, profile) in [(96, 0x42_001f), (98, 0x42_e01f), (100, 0x64_001f)] {
            config
                .codec_config()
                .add_h264(pt.into(), Some((pt + 1).into()), true, profile);
        }
        let mut rtc = config.build(Instant::now());
        let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
        socket.set_nonblocking(true).unwrap();
        rtc.add_local_candidate(Candidate::host(socket.local_addr().unwrap(), "udp").unwrap());
        let mut api = rtc.sdp_api();
        api.add_media(MediaKind::Video, Direction::RecvOnly, None, None, None);
        let (offer, pending) = api.apply().unwrap();
        (
            Self {
                rtc,
                socket,
                pending: Some(pending),
                packets: Vec::new(),
            },
            offer.to_sdp_string(),
        )
    }

    fn accept(&mut self, answer: &str) {
        let answer = SdpAnswer::from_sdp_string(answer).unwrap();
        self.rtc
            .sdp_api()
            .accept_answer(self.pending.take().unwrap(), answer)
            .unwrap();
    }

    fn run(&mut self) {
        let (mut buffer, local) = ([0; 2000], self.socket.local_addr().unwrap());
        while let Ok((length, source)) = self.socket.recv_from(&mut buffer) {
            let receive = Receive::new(Protocol::Udp, source, local, &buffer[..length]).unwrap();
            self.rtc
                .handle_input(Input::Receive(Instant::now(), receive))
                .unwrap();
            self.drain();
        }
        self.rtc.handle_input(Input::Timeout(Instant::now())).unwrap();
        self.drain();
    }

    fn drain(&mut self) {
        loop {
            match self.rtc.poll_output().unwrap() {
                Output::Timeout(_) => return,
                Output::Transmit(transmit) => {
                    self.socket
                        .send_to(&transmit.contents, transmit.destination)
                        .unwrap();
                }
                Output::Event(Event::RtpPacket(packet)) => self.packets.push(packet),
                Output::Event(_) => {}
            }
        }
    }

    fn whole_pictures(&self) -> usize {
        let last = |packet: &&RtpPacket| packet.header.marker;
        self.packets.iter().filter(last).count()
    }

    fn access_units(&self) -> Vec<AccessUnit> {
        let mut received = Depacketizer::new(DepacketizerConfig::default());
        let first = self.packets[0].header.timestamp;
        let mut units = Vec::new();
        for packet in &self.packets {
            let payload = RtpPayload {
                data: &packet.payload,
                timestamp: Timestamp(i64::from(packet.header.timestamp.wrapping_sub(first))),
                marker: packet.header.marker,
                lost_before: 0,
            };
            received.push(payload).unwrap();
            units.extend(std::iter::from_fn(|| received.pop()));
        }
        received.flush();
        units.extend(std::iter::from_fn(|| received.pop()));
        units
    }

    fn ask_for_keyframe(&mut self) {
        let ssrc = self.packets[0].header.ssrc;
        let mut api = self.rtc.direct_api();
        api.stream_rx(&ssrc)
            .unwrap()
            .request_keyframe(KeyframeRequestKind::Pli);
    }
}

async fn run_until(
    peer: &mut Peer,
    browser: &mut Browser,
    done: impl Fn(Option<PeerEvent>, &Browser) -> bool,
) {
    for _ in 0..2000 {
        let event = tokio::time::timeout(Duration::from_millis(5), peer.next_event()).await;
        browser.run();
        if done(event.ok().map(Result::unwrap), browser) {
            return;
        }
    }
    panic!("not within ten seconds");
}

/// Pictures of the test camera: SPS, PPS, SEI and an IDR of several packets, then smaller ones.
fn pictures() -> Vec<Bytes> {
    let clip = include_bytes!("../../../../mock-camera/clips/constrained_baseline.h264");
    annexb::access_units(clip)
        .take(4)
        .map(|unit| Bytes::copy_from_slice(unit.data))
        .collect()
}

#[tokio::test]
async fn a_viewer_gets_every_nal_unit_with_the_cameras_spacing_and_capture_time_and_its_pli_is_heard() {
    let (mut browser, offer) = Browser::new();
    let remote = browser.socket.local_addr().unwrap();
    let camera = ProfileLevelId([0x64, 0x0c, 0x1f]);
    let (mut peer, answer) = Peer::viewer(&offer, remote, Some(camera), VideoFigures::default()).unwrap();
    assert_eq!(
        peer.payload_type,
        Some(100.into()),
        "the high profile is nearest to the camera's"
    );
    browser.accept(&answer);
    run_until(&mut peer, &mut browser, |event, _| {
        event == Some(PeerEvent::Connected)
    })
    .await;

    let captured = SystemTime::UNIX_EPOCH + Duration::from_secs(1_800_000_000);
    for (picture, data) in (0..).zip(pictures()) {
        let frame = EncodedVideoFrame {
            data,
            capture_time: Some(captured),
            ..idr(picture * 3003)
        };
        peer.send(&frame, Instant::now());
    }
    run_until(&mut peer, &mut browser, |_, browser| {
        browser.whole_pictures() == pictures().len()
    })
    .await;

    let units = browser.access_units();
    assert_eq!(units.len(), pictures().len());
    for ((picture, sent), unit) in (0..).zip(pictures()).zip(&units) {
        assert_eq!(unit.timestamp, Timestamp(picture * 3003));
        assert!(
            annexb::nal_units(&unit.data).eq(annexb::nal_units(&sent)),
            "picture {picture}"
        );
    }
    let carried = browser.packets[0]
        .header
        .ext_vals
        .abs_capture_time
        .unwrap()
        .capture_time;
    assert!(
        carried
            .duration_since(captured)
            .unwrap_or_else(|early| early.duration())
            < Duration::from_millis(1)
    );

    browser.ask_for_keyframe();
    run_until(&mut peer, &mut browser, |event, _| {
        event == Some(PeerEvent::KeyframeRequested)
    })
    .await;
}

#[tokio::test]
async fn a_picture_of_many_batches_arrives_whole_and_is_waited_for_until_all_of_it_has_left() {
    let (mut browser, offer) = Browser::new();
    let remote = browser.socket.local_addr().unwrap();
    // Slow enough for the browser's socket.
    let figures = VideoFigures {
        bitrate_bps: 1_000_000,
        ..VideoFigures::default()
    };
    let (mut peer, answer) = Peer::viewer(&offer, remote, None, figures).unwrap();
    browser.accept(&answer);
    run_until(&mut peer, &mut browser, |event, _| {
        event == Some(PeerEvent::Connected)
    })
    .await;

    // The IDR, its last NAL unit made longer.
    let mut data = pictures()[0].to_vec();
    data.extend((1..=250).cycle().take(200_000));
    let frame = EncodedVideoFrame {
        data: Bytes::from(data),
        ..idr(0)
    };
    peer.send(&frame, Instant::now());
    assert!(!peer.is_congested());
    run_until(&mut peer, &mut browser, |_, browser| {
        browser.whole_pictures() == 1
    })
    .await;

    let late = EncodedVideoFrame {
        data: frame.data.clone(),
        ..idr(3003)
    };
    let now = Instant::now();
    peer.send(&late, now.checked_sub(Duration::from_secs(1)).unwrap());
    assert!(peer.is_congested());
    assert!(peer.feed(now).unwrap());
    assert!(!peer.feed(now).unwrap(), "str0m has got all of it, to hurry by");
    peer.rtc.handle_input(Input::Timeout(now)).unwrap();
    assert!(peer.is_congested());
    run_until(&mut peer, &mut browser, |_, browser| {
        browser.whole_pictures() == 2
    })
    .await;
    assert!(!peer.is_congested());
    for unit in browser.access_units() {
        assert!(annexb::nal_units(&unit.data).eq(annexb::nal_units(&frame.data)));
    }
}

#[tokio::test]
async fn a_viewer_that_hangs_up_is_noticed() {
    let (mut browser, offer) = Browser::new();
    let remote = browser.socket.local_addr().unwrap();
    let (mut peer, answer) = Peer::viewer(&offer, remote, None, VideoFigures::default()).unwrap();
    assert_eq!(
        peer.payload_type,
        Some(98.into()),
        "constrained baseline when the camera is not known yet"
    );
    browser.accept(&answer);
    run_until(&mut peer, &mut browser, |event, _| {
        event == Some(PeerEvent::Connected)
    })
    .await;
    browser.rtc.close().unwrap();
    run_until(&mut peer, &mut browser, |event, _| {
        event == Some(PeerEvent::Disconnected)
    })
    .await;
}

#[tokio::test]
async fn an_offer_without_h264_and_one_that_is_none_are_refused() {
    let remote = "127.0.0.1:9".parse().unwrap();
    let viewer = |sdp: &str| Peer::viewer(sdp, remote, None, VideoFigures::default()).map(drop);
    assert!(matches!(viewer("hello"), Err(PeerError::Sdp(_))));
    let mut rtc = Rtc::builder()
        .clear_codecs()
        .enable_vp8(true)
        .build(Instant::now());
    let mut api = rtc.sdp_api();
    api.add_media(MediaKind::Video, Direction::RecvOnly, None, None, None);
    let (offer, _pending) = api.apply().unwrap();
    let error = viewer(&offer.to_sdp_string()).unwrap_err();
    assert!(matches!(error, PeerError::NoH264), "{error:?}");
}

#[tokio::test]
async fn the_publishers_offer_names_the_track_and_h264_and_what_a_packet_carries_and_no_address() {
    let (peer, offer) = Peer::publisher("camera-h264", VideoFigures::default()).unwrap();
    assert!(
        offer.contains("camera-h264") && offer.contains("profile-level-id=42e01f"),
        "{offer}"
    );
    let extensions = offer.lines().filter(|line| line.starts_with("a=extmap:"));
    assert!(
        extensions
            .map(|line| line.rsplit(['/', ':']).next().unwrap())
            .eq([
                "draft-holmer-rmcat-transport-wide-cc-extensions-01",
                "mid",
                "abs-capture-time"
            ]),
        "{offer}"
    );
    assert!(
        !offer.contains("m=application") && !offer.contains("a=candidate"),
        "{offer}"
    );
    assert!(!peer.has_udp());
}
