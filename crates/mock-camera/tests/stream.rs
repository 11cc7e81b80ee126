//! The stream of one client in simulated time.

#![cfg(test)]

use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use bytes::Bytes;
use throughline_h264::annexb;
use throughline_mock_camera::server::{Clocks, Connection, Protocol, Room, Server, ServerConfig};
use throughline_mock_camera::{Authentication, BuiltInClip, Clip, Quirks, Transports};
use throughline_rtp::Ssrc;
use throughline_rtp::rtcp::{
    FirEntries, FirEntry, FullIntraRequest, PictureLossIndication, ReceiverReport, ReportBlocks, RtcpPacket,
    SenderReport, compound,
};
use throughline_rtsp::{Method, Request};

const TRACK: &str = "rtsp://192.0.2.1/cam/trackID=0";
const SECOND: Duration = Duration::from_secs(1);

/// One packet as it was sent.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Sent {
    at: Duration,
    sequence_number: u16,
    timestamp: u32,
    marker: bool,
    payload: Bytes,
}

struct Receiver {
    server: Arc<Server>,
    connection: Connection,
    start: Instant,
    now: Instant,
    session: String,
    ssrc: u32,
    first_sequence_number: u16,
    first_timestamp: u32,
    rtp: Vec<Sent>,
    reports: Vec<(Duration, Vec<u8>)>,
}

impl Receiver {
    fn playing(clip: Clip) -> Self {
        let config = ServerConfig {
            clip,
            authentication: Authentication::None,
            transports: Transports::Both,
            quirks: Quirks::default(),
            udp_ports: (6000, 6001),
        };
        let server = Arc::new(Server::new(config));
        let start = Instant::now();
        let clocks = Clocks {
            monotonic: start,
            wall: SystemTime::UNIX_EPOCH,
        };
        let connection = Connection::new(Arc::clone(&server), IpAddr::V4(Ipv4Addr::LOCALHOST), clocks, 7);
        let mut receiver = Self {
            server,
            connection,
            start,
            now: start,
            session: String::new(),
            ssrc: 0,
            first_sequence_number: 0,
            first_timestamp: 0,
            rtp: Vec::new(),
            reports: Vec::new(),
        };
        let set_up = receiver.request(Method::Setup, &[("Transport", "RTP/AVP/TCP;interleaved=0-1")]);
        receiver.session = value(&set_up.0, "").split(';').next().unwrap().to_owned();
        receiver.ssrc = u32::from_str_radix(value(&set_up.1, "ssrc="), 16).unwrap();
        let play = receiver.play();
        receiver.first_sequence_number = value(&play, "seq=").parse().unwrap();
        receiver.first_timestamp = value(&play, "rtptime=").parse().unwrap();
        receiver
    }

    /// Session and Transport of the answer.
    fn request(&mut self, method: Method, headers: &[(&str, &str)]) -> (String, String) {
        let response = self.send(method, headers);
        let header = |name| response.headers.get(name).unwrap_or_default().to_owned();
        (header("Session"), header("Transport"))
    }

    fn send(&mut self, method: Method, headers: &[(&str, &str)]) -> throughline_rtsp::Response {
        let mut request = Request::new(method, TRACK);
        request.headers.set("CSeq", "1");
        for (name, value) in headers {
            request.headers.set(name, *value);
        }
        let response = self.connection.handle_request(self.now, &request);
        assert_eq!(response.status.0, 200);
        response
    }

    fn play(&mut self) -> String {
        let session = self.session.clone();
        let response = self.send(Method::Play, &[("Session", &session)]);
        response.headers.get("RTP-Info").unwrap().to_owned()
    }

    fn pause(&mut self) {
        let session = self.session.clone();
        self.send(Method::Pause, &[("Session", &session)]);
    }

    /// Lets time pass, calling the connection whenever it wants to be.
    fn run(&mut self, time: Duration, room: Room) {
        let end = self.now + time;
        // Once a millisecond is far more often than there are pictures.
        for _ in 0..=time.as_millis() {
            let wake_at = self.connection.wake_at();
            if wake_at >= end {
                self.now = end;
                return;
            }
            self.now = self.now.max(wake_at);
            assert!(!self.connection.is_expired(self.now));
            self.poll(room);
        }
        panic!("it wants to be called again and again");
    }

    fn poll(&mut self, room: Room) {
        let at = self.now - self.start;
        for packet in self.connection.handle_timeout(self.now, room).unwrap().packets() {
            match packet.protocol {
                Protocol::Rtp => {
                    let packet = throughline_rtp::Packet::parse(packet.bytes).unwrap();
                    assert_eq!((packet.ssrc(), packet.payload_type().0), (Ssrc(self.ssrc), 96));
                    self.rtp.push(Sent {
                        at,
                        sequence_number: packet.sequence_number().0,
                        timestamp: packet.timestamp().0,
                        marker: packet.marker(),
                        payload: Bytes::copy_from_slice(packet.payload()),
                    });
                }
                Protocol::Rtcp => self.reports.push((at, packet.bytes.to_vec())),
            }
        }
    }

    fn feed_back(&mut self, write: impl FnOnce(&mut Vec<u8>)) {
        let mut bytes = Vec::new();
        write(&mut bytes);
        self.connection.handle_interleaved(self.now, 1, &bytes);
    }

    fn ask_for_picture(&mut self) {
        let media = Ssrc(self.ssrc);
        self.feed_back(|out| {
            PictureLossIndication {
                sender: Ssrc(1),
                media,
            }
            .write(out);
        });
    }

    /// The packets of each picture.
    fn pictures(&self) -> Vec<&[Sent]> {
        self.rtp.chunk_by(|a, b| a.timestamp == b.timestamp).collect()
    }

    /// For each picture: does it begin with an SPS, as only the clips' IDRs do?
    fn idrs(&self) -> Vec<bool> {
        self.pictures()
            .iter()
            .map(|packets| nal_type_of_first(&packets[0].payload) == 7)
            .collect()
    }
}

/// The type of the first NAL unit in a payload, aggregated or not.
fn nal_type_of_first(payload: &[u8]) -> u8 {
    match payload[0] & 31 {
        24 => payload[3] & 31,
        28 => payload[1] & 31,
        single => single,
    }
}

/// What follows `key` up to the next semicolon.
fn value<'h>(header: &'h str, key: &str) -> &'h str {
    let after = &header[header.find(key).unwrap() + key.len()..];
    after.split(';').next().unwrap()
}

/// The NAL units of a picture, read from its packets without any code of the packetizer's crate.
fn nal_units(packets: &[Sent]) -> Vec<Vec<u8>> {
    let mut units: Vec<Vec<u8>> = Vec::new();
    for Sent { payload, .. } in packets {
        match payload[0] & 31 {
            24 => {
                let mut rest = &payload[1..];
                while let [high, low, after @ ..] = rest {
                    let (unit, next) = after.split_at(usize::from(u16::from_be_bytes([*high, *low])));
                    units.push(unit.to_vec());
                    rest = next;
                }
            }
            28 if payload[1] & 0x80 != 0 => {
                units.push(vec![payload[0] & 0xe0 | payload[1] & 0x1f]);
                units.last_mut().unwrap().extend_from_slice(&payload[2..]);
            }
            28 => units.last_mut().unwrap().extend_from_slice(&payload[2..]),
            _ => units.push(payload.to_vec()),
        }
    }
    units
}

fn built_in() -> Clip {
    Clip::built_in(BuiltInClip::ConstrainedBaseline)
}

#[test]
fn every_nal_unit_of_the_clip_arrives_in_order_and_again_after_its_end() {
    for clip in BuiltInClip::ALL.map(Clip::built_in) {
        let mut receiver = Receiver::playing(clip.clone());
        receiver.run(20 * SECOND, Room::Available);
        let pictures = receiver.pictures();
        assert_eq!(pictures.len(), 600);
        for (index, packets) in pictures.into_iter().enumerate() {
            let sent: Vec<&[u8]> = annexb::nal_units(clip.picture(index % 300).unwrap()).collect();
            assert_eq!(nal_units(packets), sent, "picture {index}");
        }
    }
}

#[test]
fn timestamps_and_sequence_numbers_are_continuous_over_the_clips_end() {
    let mut receiver = Receiver::playing(built_in());
    receiver.run(25 * SECOND, Room::Available);
    let pictures = receiver.pictures();
    assert_eq!(pictures.len(), 750);
    for (index, packets) in (0_u32..).zip(pictures) {
        assert_eq!(
            packets[0].timestamp,
            receiver.first_timestamp.wrapping_add(index * 3000)
        );
        assert_eq!(packets[0].at.as_millis(), u128::from(index) * 1000 / 30);
        let (last, others) = packets.split_last().unwrap();
        assert!(
            last.marker && others.iter().all(|packet| !packet.marker),
            "the marker ends picture {index}"
        );
    }
    let mut expected = receiver.first_sequence_number;
    for packet in &receiver.rtp {
        assert_eq!(packet.sequence_number, expected);
        assert!(packet.payload.len() <= 1200);
        expected = expected.wrapping_add(1);
    }
}

#[test]
fn a_picture_loss_indication_makes_the_next_picture_an_idr_and_keeps_time() {
    let mut receiver = Receiver::playing(built_in());
    receiver.run(SECOND / 3, Room::Available);
    receiver.ask_for_picture();
    receiver.run(SECOND, Room::Available);
    let idrs: Vec<usize> = (0..)
        .zip(receiver.idrs())
        .filter_map(|(index, idr)| idr.then_some(index))
        .collect();
    assert_eq!(idrs, [0, 10], "and the one after that is 30 pictures later");
    let steps: Vec<u32> = receiver
        .pictures()
        .windows(2)
        .map(|two| two[1][0].timestamp.wrapping_sub(two[0][0].timestamp))
        .collect();
    assert!(steps.iter().all(|step| *step == 3000), "{steps:?}");
    assert_eq!(receiver.server.stats().keyframe_requests, 1);
}

#[test]
fn a_full_intra_request_that_is_repeated_is_one_request() {
    let mut receiver = Receiver::playing(built_in());
    let media = Ssrc(receiver.ssrc);
    for sequence in [4, 4, 4, 5] {
        receiver.run(SECOND / 10, Room::Available);
        receiver.feed_back(|out| {
            FullIntraRequest {
                sender: Ssrc(1),
                entries: FirEntries::new(&[FirEntry { media, sequence }]),
            }
            .write(out);
        });
    }
    receiver.run(SECOND / 10, Room::Available);
    assert_eq!(
        receiver.idrs().iter().filter(|idr| **idr).count(),
        3,
        "at the start, for 4 and for 5"
    );
    assert_eq!(receiver.server.stats().keyframe_requests, 4);
}

#[test]
fn feedback_for_another_source_is_not_ours() {
    let mut receiver = Receiver::playing(built_in());
    receiver.run(SECOND / 10, Room::Available);
    let media = Ssrc(receiver.ssrc.wrapping_add(1));
    receiver.feed_back(|out| {
        PictureLossIndication {
            sender: Ssrc(1),
            media,
        }
        .write(out);
    });
    receiver
        .connection
        .handle_interleaved(receiver.now, 5, b"on a channel of nobody");
    receiver.run(SECOND / 10, Room::Available);
    assert_eq!(receiver.idrs().iter().filter(|idr| **idr).count(), 1);
    assert_eq!(receiver.server.stats().keyframe_requests, 0);
}

#[test]
fn receiver_reports_are_counted_and_keep_the_session() {
    let mut receiver = Receiver::playing(built_in());
    for _ in 0..20 {
        receiver.run(5 * SECOND, Room::Available);
        receiver.feed_back(|out| {
            ReceiverReport {
                ssrc: Ssrc(1),
                reports: ReportBlocks::NONE,
            }
            .write(out);
        });
    }
    assert_eq!(receiver.server.stats().receiver_reports, 20);
    assert!(
        !receiver.connection.is_expired(receiver.now),
        "100 s without a request"
    );
}

#[test]
fn sender_reports_tie_media_time_to_the_wall_clock() {
    let mut receiver = Receiver::playing(built_in());
    receiver.run(20 * SECOND, Room::Available);
    let times: Vec<u64> = receiver.reports.iter().map(|(at, _)| at.as_secs()).collect();
    assert_eq!(times, [0, 1, 2, 3, 4, 9, 14, 19]);
    for (at, bytes) in &receiver.reports {
        let packets: Vec<_> = compound(bytes).map(Result::unwrap).collect();
        let [
            RtcpPacket::SenderReport(SenderReport {
                ssrc,
                ntp,
                rtp,
                packet_count,
                octet_count,
                ..
            }),
            RtcpPacket::SourceDescription(description),
        ] = packets[..]
        else {
            panic!("{packets:?}");
        };
        assert_eq!(
            (ssrc, description.ssrc()),
            (Ssrc(receiver.ssrc), Ssrc(receiver.ssrc))
        );
        assert!(!description.cname().is_empty());
        assert_eq!(
            ntp.to_system_time()
                .duration_since(SystemTime::UNIX_EPOCH)
                .unwrap(),
            *at
        );
        assert_eq!(
            u64::from(rtp.0.wrapping_sub(receiver.first_timestamp)),
            at.as_secs() * 90_000
        );
        let before: Vec<&Sent> = receiver.rtp.iter().filter(|packet| packet.at <= *at).collect();
        assert_eq!(packet_count as usize, before.len());
        assert_eq!(
            octet_count as usize,
            before.iter().map(|packet| packet.payload.len()).sum::<usize>()
        );
    }
}

#[test]
fn a_client_that_does_not_keep_up_goes_on_with_an_idr_and_the_right_time() {
    let mut receiver = Receiver::playing(built_in());
    receiver.run(SECOND / 2, Room::Available);
    let sent_before = receiver.pictures().len();
    receiver.run(2 * SECOND, Room::Full);
    assert_eq!(
        receiver.pictures().len(),
        sent_before,
        "nothing is added to what waits"
    );
    assert_eq!(receiver.server.stats().pictures_dropped, 60);
    receiver.run(SECOND / 2, Room::Available);
    let resumed = receiver.pictures()[sent_before].to_vec();
    assert!(receiver.idrs()[sent_before]);
    let slots = resumed[0].timestamp.wrapping_sub(receiver.first_timestamp) / 3000;
    assert_eq!(
        u128::from(slots) * 1000 / 30,
        resumed[0].at.as_millis(),
        "its timestamp is that of its time"
    );
}

#[test]
fn a_machine_that_slept_sends_no_burst() {
    let mut receiver = Receiver::playing(built_in());
    receiver.run(SECOND, Room::Available);
    receiver.now += 30 * SECOND;
    receiver.rtp.clear();
    receiver.poll(Room::Available);
    receiver.poll(Room::Available);
    assert_eq!(receiver.pictures().len(), 1);
    assert_eq!(receiver.idrs(), [true]);
    assert_eq!(
        receiver.rtp[0].timestamp,
        receiver.first_timestamp.wrapping_add(31 * 90_000)
    );
}

#[test]
fn a_machine_that_was_busy_catches_up() {
    let mut receiver = Receiver::playing(built_in());
    receiver.run(SECOND, Room::Available);
    receiver.now += SECOND / 2;
    receiver.run(SECOND / 30, Room::Available);
    assert_eq!(
        receiver.pictures().len(),
        46,
        "all pictures of 1.5 s and one more"
    );
}

#[test]
fn a_paused_stream_is_silent_and_goes_on_with_an_idr() {
    let mut receiver = Receiver::playing(built_in());
    receiver.run(SECOND / 2, Room::Available);
    receiver.pause();
    let before = receiver.rtp.clone();
    receiver.run(10 * SECOND, Room::Available);
    assert_eq!(receiver.rtp, before);
    receiver.play();
    receiver.run(SECOND / 2, Room::Available);
    let idrs = receiver.idrs();
    assert_eq!(
        (
            idrs.len(),
            idrs[before.chunk_by(|a, b| a.timestamp == b.timestamp).count()]
        ),
        (30, true)
    );
    let first_after = &receiver.rtp[before.len()];
    let last_before = before.last().unwrap();
    assert_eq!(
        first_after.sequence_number,
        last_before.sequence_number.wrapping_add(1)
    );
    assert_eq!(first_after.timestamp, last_before.timestamp.wrapping_add(3000));
    assert_eq!(receiver.server.stats().plays, 2);
}

#[test]
fn playing_what_plays_changes_nothing() {
    let mut receiver = Receiver::playing(built_in());
    receiver.run(SECOND / 2, Room::Available);
    receiver.play();
    receiver.run(SECOND / 2, Room::Available);
    assert_eq!(receiver.pictures().len(), 30);
    assert_eq!(receiver.idrs().iter().filter(|idr| **idr).count(), 1);
}

#[test]
fn any_frame_rate_is_played_at_its_own_pace() {
    let stream = Bytes::from_static(BuiltInClip::Baseline.annex_b());
    let clip = Clip::from_annex_b(stream, Some(12.5)).unwrap();
    let mut receiver = Receiver::playing(clip);
    receiver.run(4 * SECOND, Room::Available);
    let pictures = receiver.pictures();
    assert_eq!(pictures.len(), 50);
    assert_eq!(
        pictures[49][0].timestamp.wrapping_sub(pictures[48][0].timestamp),
        7200
    );
}
