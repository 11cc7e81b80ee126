//! Each quirk is seen on the wire by somebody; without quirks nothing of it is.

#![cfg(test)]

use std::net::Ipv4Addr;
use std::sync::{Arc, LazyLock};
use std::time::{Duration, Instant, SystemTime};

use bytes::BytesMut;
use throughline_h264::{Depacketizer, DepacketizerConfig, Diagnosis, RtpPayload, Timestamp};
use throughline_mock_camera::server::{Clocks, Connection, Room, Server, ServerConfig};
use throughline_mock_camera::{
    Authentication, BuiltInClip, Clip, Credentials, MockCamera, Quirk, Quirks, Transports,
};
use throughline_rtp::rtcp::{ReceiverReport, ReportBlocks};
use throughline_rtp::{Packet, Ssrc};
use throughline_rtsp::auth::Authenticator;
use throughline_rtsp::headers::{Session, WwwAuthenticate};
use throughline_rtsp::{Message, Method, Parsed, Request, Response, parse};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

const CAMERA: &str = "rtsp://192.0.2.1/cam";
const TRACK: &str = "rtsp://192.0.2.1/cam/trackID=0";
const TCP: (&str, &str) = ("Transport", "RTP/AVP/TCP;unicast;interleaved=0-1");
const SECOND: Duration = Duration::from_secs(1);

/// Few pictures a second, for it is the time that counts.
static CLIP: LazyLock<Clip> =
    LazyLock::new(|| Clip::from_annex_b(BuiltInClip::default().annex_b(), Some(1.5)).unwrap());

/// A client that writes down whatever it sees.
struct Witness {
    connection: Connection,
    authenticator: Authenticator,
    now: Instant,
    cseq: u32,
    session: Option<String>,
    seen: Vec<u8>,
}

impl Witness {
    fn of(quirks: Quirks, authentication: Authentication, now: Instant) -> Self {
        let server = Server::new(ServerConfig {
            clip: CLIP.clone(),
            authentication,
            transports: Transports::Both,
            quirks,
            udp_ports: (6000, 6001),
        });
        let clocks = Clocks {
            monotonic: now,
            wall: SystemTime::UNIX_EPOCH + 1_800_000_000 * SECOND,
        };
        Self {
            connection: Connection::new(Arc::new(server), Ipv4Addr::LOCALHOST.into(), clocks, 1),
            authenticator: Authenticator::new(Some(Credentials::new("viewer", "sesame")), 2),
            now,
            cseq: 0,
            session: None,
            seen: Vec::new(),
        }
    }

    fn ask(&mut self, method: Method, uri: &str, headers: &[(&str, &str)]) -> Option<Response> {
        if self.is_gone() {
            return None;
        }
        let mut request = Request::new(method, uri);
        for (name, value) in headers {
            request.headers.append(name, *value);
        }
        if request.headers.get("CSeq").is_none() {
            self.cseq += 1;
            request.headers.set("CSeq", self.cseq.to_string());
        }
        if let Some(session) = self
            .session
            .as_ref()
            .filter(|_| !headers.contains(&("Session", "")))
        {
            request.headers.set("Session", session.as_str());
        } else {
            request.headers.remove("Session");
        }
        self.authenticator.authorize(&mut request);
        let mut out = BytesMut::new();
        self.connection.respond(self.now, &request, &mut out);
        self.seen.extend_from_slice(&out);
        if self.is_gone() {
            self.seen.extend_from_slice(b"gone");
        }
        let response = response(&out)?;
        if let Ok(Some(Session { id, .. })) = response.headers.typed() {
            self.session = Some(id);
        }
        if response.status.0 == 401 {
            let challenges = response.headers.typed::<WwwAuthenticate>().ok()??;
            let _ = self.authenticator.challenged(&challenges.0);
        } else {
            self.authenticator.not_refused();
        }
        Some(response)
    }

    fn is_gone(&self) -> bool {
        self.connection.hangs_up() || self.connection.is_expired(self.now)
    }

    fn report(&mut self) {
        let mut report = Vec::new();
        ReceiverReport {
            ssrc: Ssrc(3),
            reports: ReportBlocks::NONE,
        }
        .write(&mut report);
        self.connection.handle_rtcp(self.now, &report);
    }

    fn watch(&mut self, duration: Duration) {
        let end = self.now + duration;
        while self.connection.wake_at() <= end && !self.is_gone() {
            self.now = self.now.max(self.connection.wake_at());
            let mut out = BytesMut::new();
            self.connection.write_due(self.now, Room::Available, &mut out);
            self.seen.extend_from_slice(&out);
        }
        self.seen
            .extend_from_slice(if self.is_gone() { b"gone" } else { b"here" });
        self.now = end;
    }
}

/// The response among what was sent.
fn response(mut bytes: &[u8]) -> Option<Response> {
    loop {
        match parse(bytes).unwrap() {
            Parsed::Message {
                message: Message::Response(response),
                ..
            } => return Some(response),
            Parsed::Interleaved { consumed, .. } | Parsed::Skipped { consumed } => bytes = &bytes[consumed..],
            _ => return None,
        }
    }
}

/// Everything that a client may do right or wrong.
fn scripts(quirks: Quirks, now: Instant) -> Vec<Vec<u8>> {
    let open = || Witness::of(quirks, Authentication::None, now);
    let mut seen = Vec::new();

    let mut careless = open();
    careless.ask(Method::Options, CAMERA, &[("CSeq", "0")]);
    careless.ask(Method::Describe, CAMERA, &[]);
    careless.ask(Method::Describe, CAMERA, &[("Range", ""), ("CSeq", "9")]);
    careless.ask(Method::Setup, TRACK, &[TCP]);
    careless.ask(Method::Play, CAMERA, &[]);
    careless.watch(50 * SECOND);
    careless.ask(Method::GetParameter, TRACK, &[]);
    careless.watch(50 * SECOND);
    seen.push(careless.seen);

    let mut careful = open();
    careful.ask(Method::Describe, CAMERA, &[]);
    let mode = ("Transport", "RTP/AVP/TCP;unicast;interleaved=0-1;mode=play");
    careful.ask(Method::Setup, TRACK, &[mode]);
    careful.ask(Method::Play, CAMERA, &[("Range", "npt=0-")]);
    careful.report();
    careful.watch(28 * SECOND);
    for method in [Method::Options, Method::GetParameter, Method::SetParameter] {
        careful.ask(method.clone(), CAMERA, &[("Session", "")]);
        careful.ask(method, CAMERA, &[]);
    }
    careful.watch(5 * SECOND);
    seen.push(careful.seen);

    let mut patient = open();
    patient.ask(Method::Setup, TRACK, &[TCP]);
    patient.ask(Method::Play, CAMERA, &[]);
    patient.watch(25 * SECOND);
    patient.ask(Method::Options, CAMERA, &[]);
    patient.watch(25 * SECOND);
    seen.push(patient.seen);

    let mut hasty = open();
    hasty.ask(Method::Setup, TRACK, &[TCP]);
    hasty.report();
    hasty.ask(Method::Play, CAMERA, &[]);
    hasty.watch(2 * SECOND);
    seen.push(hasty.seen);

    let mut by_datagram = open();
    let udp = ("Transport", "RTP/AVP;unicast;client_port=5000-5001");
    by_datagram.ask(Method::Setup, TRACK, &[udp]);
    by_datagram.ask(Method::Setup, TRACK, &[TCP]);
    by_datagram.ask(
        Method::Options,
        CAMERA,
        &[("Require", "www.onvif.org/ver20/backchannel")],
    );
    by_datagram.session = Some("1".to_owned());
    by_datagram.ask(Method::Teardown, CAMERA, &[]);
    seen.push(by_datagram.seen);

    let digest = Authentication::Digest(Credentials::new("viewer", "sesame"));
    let mut known = Witness::of(quirks, digest, now);
    for _ in 0..3 {
        known.ask(Method::Describe, CAMERA, &[]);
    }
    let mut stranger = Witness::of(
        quirks,
        Authentication::Digest(Credentials::new("viewer", "open")),
        now,
    );
    for _ in 0..4 {
        stranger.ask(Method::Describe, CAMERA, &[]);
    }
    seen.extend([known.seen, stranger.seen]);
    seen
}

#[test]
fn every_quirk_is_seen_by_somebody() {
    let now = Instant::now();
    let plain = scripts(Quirks::default(), now);
    assert_eq!(plain, scripts(Quirks::default(), now), "the same is the same");
    let unseen: Vec<Quirk> = Quirk::ALL
        .iter()
        .copied()
        .filter(|quirk| scripts([*quirk].into_iter().collect(), now) == plain)
        .collect();
    // These have tests of their own.
    assert_eq!(
        unseen,
        [Quirk::NonceExpires, Quirk::OneMessagePerRead, Quirk::OddWrites]
    );
}

#[test]
fn q42_the_nonce_is_exchanged_after_150_seconds() {
    let digest = Authentication::Digest(Credentials::new("viewer", "sesame"));
    let quirks = [Quirk::NonceExpires].into_iter().collect();
    let mut client = Witness::of(quirks, digest, Instant::now());
    client.ask(Method::Describe, CAMERA, &[]);
    let mut statuses = Vec::new();
    for _ in 0..10 {
        let response = client.ask(Method::GetParameter, CAMERA, &[]).unwrap();
        statuses.push(response.status.0);
        client.now += 20 * SECOND;
    }
    assert_eq!(statuses, [200, 200, 200, 200, 200, 200, 200, 200, 401, 200]);
}

#[test]
fn q140_noise_in_sound_packets_is_told_from_a_stream() {
    let diagnosis = |quirks: Quirks| {
        let mut client = Witness::of(quirks, Authentication::None, Instant::now());
        client.ask(Method::Setup, TRACK, &[TCP]);
        client.ask(Method::Play, CAMERA, &[]);
        client.seen.clear();
        client.watch(30 * SECOND);
        let mut depacketizer = Depacketizer::new(DepacketizerConfig::default());
        let mut bytes = client.seen.as_slice();
        while let Parsed::Interleaved {
            consumed,
            channel,
            payload,
        } = parse(bytes).unwrap()
        {
            bytes = &bytes[consumed..];
            let packet = Packet::parse(payload).unwrap();
            if channel == 0 {
                let _ = depacketizer.push(RtpPayload {
                    data: packet.payload(),
                    timestamp: Timestamp(packet.timestamp().0.into()),
                    marker: packet.marker(),
                    lost_before: 0,
                });
            }
        }
        depacketizer.stats().diagnosis()
    };
    let scrambled = diagnosis([Quirk::Scrambled].into_iter().collect());
    assert_eq!(scrambled, Some(Diagnosis::Scrambled));
    // At its rate an IDR comes every 20 s, which is said as well.
    assert_eq!(diagnosis(Quirks::default()), Some(Diagnosis::LongGroups));
}

#[tokio::test]
async fn q45_of_two_requests_in_one_write_the_second_is_lost() {
    let camera = MockCamera::builder()
        .quirks([Quirk::OneMessagePerRead])
        .start()
        .await
        .unwrap();
    let mut stream = tokio::net::TcpStream::connect(camera.local_addr()).await.unwrap();
    let request = |cseq| format!("OPTIONS * RTSP/1.0\r\nCSeq: {cseq}\r\n\r\n");
    stream
        .write_all((request(1) + &request(2)).as_bytes())
        .await
        .unwrap();
    let mut read = vec![0; 1024];
    let length = stream.read(&mut read).await.unwrap();
    let answer = String::from_utf8(read[..length].to_vec()).unwrap();
    assert!(
        answer.contains("CSeq: 1\r\n") && !answer.contains("CSeq: 2\r\n"),
        "{answer}"
    );
    stream.write_all(request(3).as_bytes()).await.unwrap();
    let length = stream.read(&mut read).await.unwrap();
    assert!(String::from_utf8_lossy(&read[..length]).contains("CSeq: 3\r\n"));
    assert_eq!(camera.stats().requests, 2);
}
