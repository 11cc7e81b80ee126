//! The whole camera over loopback sockets, with a client that knows RTSP only by its text.

#![cfg(test)]

use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

use throughline_h264::annexb;
use throughline_mock_camera::{
    Authentication, Builder, BuiltInClip, Clip, Credentials, MAX_CLIENTS, MockCamera, MockCameraError,
    Transports,
};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpStream, UdpSocket};

/// A wait that fails a test; every one of them takes far less.
const PATIENCE: Duration = Duration::from_secs(20);

struct Client {
    stream: TcpStream,
    url: String,
    cseq: u32,
    session: String,
    frames: Vec<(u8, Vec<u8>)>,
}

impl Client {
    async fn connect(camera: &MockCamera) -> Self {
        let stream = TcpStream::connect(camera.local_addr()).await.unwrap();
        Self {
            stream,
            url: camera.url(),
            cseq: 0,
            session: String::new(),
            frames: Vec::new(),
        }
    }

    /// Sends a request and reads on to its answer; frames on the way are kept.
    async fn request(&mut self, method: &str, path: &str, headers: &str) -> String {
        self.cseq += 1;
        let (url, cseq, session) = (&self.url, self.cseq, &self.session);
        let request = format!("{method} {url}{path} RTSP/1.0\r\nCSeq: {cseq}\r\n{session}{headers}\r\n");
        self.stream.write_all(request.as_bytes()).await.unwrap();
        loop {
            if let Some(answer) = self.read().await {
                return answer;
            }
        }
    }

    /// Reads one message, or one frame into `frames`.
    async fn read(&mut self) -> Option<String> {
        let mut first = [0];
        self.stream.read_exact(&mut first).await.unwrap();
        if first == *b"$" {
            let channel = self.stream.read_u8().await.unwrap();
            let length = self.stream.read_u16().await.unwrap();
            let mut frame = vec![0; usize::from(length)];
            self.stream.read_exact(&mut frame).await.unwrap();
            self.frames.push((channel, frame));
            return None;
        }
        let mut message = first.to_vec();
        while !message.ends_with(b"\r\n\r\n") {
            message.push(self.stream.read_u8().await.unwrap());
        }
        let mut message = String::from_utf8(message).unwrap();
        if let Some((_, after)) = message.split_once("Content-Length: ") {
            let length: u64 = after.split("\r\n").next().unwrap().parse().unwrap();
            (&mut self.stream)
                .take(length)
                .read_to_string(&mut message)
                .await
                .unwrap();
        }
        Some(message)
    }

    async fn set_up(&mut self, transport: &str) -> String {
        let answer = self
            .request("SETUP", "/trackID=0", &format!("Transport: {transport}\r\n"))
            .await;
        assert!(answer.starts_with("RTSP/1.0 200 OK\r\n"), "{answer}");
        let (_, after) = answer.split_once("Session: ").unwrap();
        self.session = format!("Session: {}\r\n", after.split(';').next().unwrap());
        answer
    }

    async fn play(&mut self) {
        let answer = self.request("PLAY", "", "Range: npt=0.000-\r\n").await;
        assert!(answer.starts_with("RTSP/1.0 200 OK\r\n"), "{answer}");
    }

    /// Reads until so many frames of the channel are there.
    async fn frames(&mut self, channel: u8, count: usize) -> Vec<Vec<u8>> {
        while self.frames.iter().filter(|(of, _)| *of == channel).count() < count {
            assert_eq!(self.read().await, None);
        }
        self.frames
            .iter()
            .filter(|(of, _)| *of == channel)
            .map(|(_, frame)| frame.clone())
            .collect()
    }
}

fn sequence_number(packet: &[u8]) -> u16 {
    u16::from_be_bytes([packet[2], packet[3]])
}

/// Is the packet the one that begins an IDR of the built-in clips: SPS and PPS in a STAP-A?
fn begins_idr(packet: &[u8]) -> bool {
    packet[12] & 31 == 24 && packet[15] & 31 == 7
}

fn assert_continuous(packets: &[Vec<u8>]) {
    for two in packets.windows(2) {
        assert_eq!(sequence_number(&two[1]), sequence_number(&two[0]).wrapping_add(1));
    }
}

/// The number in an answer's `ssrc=`.
fn ssrc(answer: &str) -> u32 {
    let (_, after) = answer.split_once("ssrc=").unwrap();
    u32::from_str_radix(&after[..8], 16).unwrap()
}

fn picture_loss_indication(media: u32) -> Vec<u8> {
    let mut packet = vec![0x81, 206, 0, 2, 0, 0, 0, 1];
    packet.extend_from_slice(&media.to_be_bytes());
    packet
}

async fn start(builder: Builder) -> MockCamera {
    builder.start().await.unwrap()
}

/// Fails a test that hangs.
async fn within<T>(work: impl Future<Output = T>) -> T {
    tokio::time::timeout(PATIENCE, work).await.expect("in time")
}

/// Waits for something that the camera does on its own.
async fn until(mut holds: impl FnMut() -> bool) {
    within(async {
        while !holds() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    })
    .await;
}

/// A client's pair of ports.
struct Ports {
    rtp: UdpSocket,
    rtcp: UdpSocket,
}

impl Ports {
    async fn bind() -> Self {
        let bind = || async { UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap() };
        Self {
            rtp: bind().await,
            rtcp: bind().await,
        }
    }

    fn transport(&self) -> String {
        let port = |socket: &UdpSocket| socket.local_addr().unwrap().port();
        format!(
            "RTP/AVP;unicast;client_port={}-{}",
            port(&self.rtp),
            port(&self.rtcp)
        )
    }
}

#[tokio::test]
async fn a_tcp_client_gets_a_stream_that_begins_with_an_idr() {
    within(async {
        let camera = start(MockCamera::builder()).await;
        let mut client = Client::connect(&camera).await;
        let description = client
            .request("DESCRIBE", "", "Accept: application/sdp\r\n")
            .await;
        assert!(description.contains("m=video 0 RTP/AVP 96\r\n"), "{description}");
        client.set_up("RTP/AVP/TCP;unicast;interleaved=2-3").await;
        client.play().await;
        let packets = client.frames(2, 60).await;
        assert!(begins_idr(&packets[0]));
        assert_continuous(&packets);
        let reports = client.frames(3, 1).await;
        assert_eq!(reports[0][1], 200, "a sender report");
        assert!(
            client
                .request("TEARDOWN", "", "")
                .await
                .starts_with("RTSP/1.0 200 OK\r\n")
        );
        drop(client);
        until(|| camera.stats().clients == 0).await;
        assert_eq!((camera.stats().connections, camera.stats().plays), (1, 1));
    })
    .await;
}

#[tokio::test]
async fn a_udp_client_gets_the_same_from_the_ports_it_was_told() {
    within(async {
        let camera = start(MockCamera::builder()).await;
        let mut client = Client::connect(&camera).await;
        let ports = Ports::bind().await;
        let answer = client.set_up(&ports.transport()).await;
        client.play().await;
        let (mut packets, mut from, mut buffer) = (Vec::new(), Vec::new(), [0; 2000]);
        while packets.len() < 40 {
            let (length, sender) = ports.rtp.recv_from(&mut buffer).await.unwrap();
            packets.push(buffer[..length].to_vec());
            from.push(sender);
        }
        assert!(begins_idr(&packets[0]));
        assert_continuous(&packets);
        let (_, reporter) = ports.rtcp.recv_from(&mut buffer).await.unwrap();
        assert_eq!(buffer[1], 200, "a sender report");
        let told = format!("server_port={}-{}", from[0].port(), reporter.port());
        assert!(answer.contains(&told), "{answer} {told}");
        assert_eq!((from[0].port() % 2, from[0].port() + 1), (0, reporter.port()));
        assert!(from.iter().all(|sender| *sender == from[0]));
    })
    .await;
}

#[tokio::test]
async fn a_picture_loss_indication_is_heeded_over_both_transports() {
    within(async {
        let camera = start(MockCamera::builder()).await;
        let mut over_tcp = Client::connect(&camera).await;
        let media = ssrc(&over_tcp.set_up("RTP/AVP/TCP;unicast;interleaved=0-1").await);
        over_tcp.play().await;
        over_tcp.frames(0, 20).await;
        let mut frame = vec![b'$', 1, 0, 12];
        frame.extend_from_slice(&picture_loss_indication(media));
        over_tcp.stream.write_all(&frame).await.unwrap();
        until(|| camera.stats().keyframe_requests == 1).await;

        let mut over_udp = Client::connect(&camera).await;
        let ports = Ports::bind().await;
        let answer = over_udp.set_up(&ports.transport()).await;
        over_udp.play().await;
        let mut buffer = [0; 2000];
        let (_, camera_rtcp) = ports.rtcp.recv_from(&mut buffer).await.unwrap();
        let mut idrs = 0;
        for _ in 0..20 {
            ports.rtp.recv_from(&mut buffer).await.unwrap();
            idrs += u32::from(begins_idr(&buffer));
        }
        assert_eq!(idrs, 1);
        ports
            .rtcp
            .send_to(&picture_loss_indication(ssrc(&answer)), camera_rtcp)
            .await
            .unwrap();
        until(|| camera.stats().keyframe_requests == 2).await;
        let mut pictures = 0;
        while !begins_idr(&buffer) {
            ports.rtp.recv_from(&mut buffer).await.unwrap();
            pictures += u32::from(buffer[1] & 0x80 != 0);
        }
        assert!(pictures <= 10, "an IDR at once, and not in {pictures} pictures");
    })
    .await;
}

#[tokio::test]
async fn several_clients_play_at_once_each_from_an_idr() {
    within(async {
        let camera = start(MockCamera::builder()).await;
        let mut clients = Vec::new();
        for _ in 0..5 {
            let mut client = Client::connect(&camera).await;
            client.set_up("RTP/AVP/TCP;unicast;interleaved=0-1").await;
            client.play().await;
            clients.push(client);
        }
        for client in &mut clients {
            let packets = client.frames(0, 30).await;
            assert!(begins_idr(&packets[0]));
            assert_continuous(&packets);
        }
        assert_eq!(camera.stats().clients, 5);
    })
    .await;
}

#[tokio::test]
async fn a_client_that_reads_nothing_loses_pictures_and_nothing_else() {
    within(async {
        // 300 kB a picture, 240 a second: more than any socket holds for a second.
        let mut picture = Vec::new();
        for nal in annexb::nal_units(BuiltInClip::High.annex_b()).take(2) {
            picture.extend_from_slice(&[0, 0, 0, 1]);
            picture.extend_from_slice(nal);
        }
        picture.extend_from_slice(&[0, 0, 0, 1, 0x65, 0x88]);
        picture.resize(300_000, 0x55);
        let clip = Clip::from_annex_b(picture, Some(240.0)).unwrap();
        let camera = start(MockCamera::builder().clip(clip)).await;
        let mut client = Client::connect(&camera).await;
        client.set_up("RTP/AVP/TCP;unicast;interleaved=0-1").await;
        client.play().await;
        until(|| camera.stats().pictures_dropped > 20).await;
        let waiting = camera.stats().packets;
        let packets = client.frames(0, usize::try_from(waiting).unwrap() + 300).await;
        assert_continuous(&packets);
        assert!(
            client
                .request("OPTIONS", "", "")
                .await
                .starts_with("RTSP/1.0 200 OK\r\n")
        );
    })
    .await;
}

#[tokio::test]
async fn only_a_client_with_the_password_gets_a_description() {
    within(async {
        let credentials = Credentials::new("viewer", "sesame");
        let camera = start(MockCamera::builder().authentication(Authentication::Basic(credentials))).await;
        let mut client = Client::connect(&camera).await;
        let refused = client.request("DESCRIBE", "", "").await;
        assert!(refused.starts_with("RTSP/1.0 401 Unauthorized\r\n"), "{refused}");
        assert!(refused.contains("WWW-Authenticate: Basic realm="), "{refused}");
        // viewer:sesame
        let granted = client
            .request("DESCRIBE", "", "Authorization: Basic dmlld2VyOnNlc2FtZQ==\r\n")
            .await;
        assert!(granted.starts_with("RTSP/1.0 200 OK\r\n"), "{granted}");
    })
    .await;
}

#[tokio::test]
async fn a_camera_without_udp_says_so() {
    within(async {
        let camera = start(MockCamera::builder().transports(Transports::Tcp)).await;
        let mut client = Client::connect(&camera).await;
        let answer = client
            .request(
                "SETUP",
                "/trackID=0",
                "Transport: RTP/AVP;unicast;client_port=4000-4001\r\n",
            )
            .await;
        assert!(answer.starts_with("RTSP/1.0 461 "), "{answer}");
    })
    .await;
}

#[tokio::test]
async fn what_is_not_rtsp_is_answered_once_and_the_connection_closed() {
    within(async {
        let camera = start(MockCamera::builder()).await;
        let mut client = Client::connect(&camera).await;
        let endless = format!("OPTIONS * RTSP/1.0\r\nX: {}", "x".repeat(64 * 1024));
        client.stream.write_all(endless.as_bytes()).await.unwrap();
        let mut answer = Vec::new();
        // What the camera has not read may turn its end into a reset.
        let _ = client.stream.read_to_end(&mut answer).await;
        assert!(answer.is_empty() || answer.starts_with(b"RTSP/1.0 400 Bad Request\r\n"));
        until(|| camera.stats().clients == 0).await;
    })
    .await;
}

#[tokio::test]
async fn a_stopped_camera_is_gone_and_its_port_free() {
    within(async {
        let camera = start(MockCamera::builder()).await;
        let address = camera.local_addr();
        let mut client = Client::connect(&camera).await;
        client.set_up("RTP/AVP/TCP;unicast;interleaved=0-1").await;
        client.play().await;
        camera.stop().await;
        let mut rest = Vec::new();
        let _ = client.stream.read_to_end(&mut rest).await;
        let again = start(MockCamera::builder().listen(address)).await;
        assert_eq!(again.local_addr(), address);
        let taken = MockCamera::builder().listen(address).start().await.unwrap_err();
        assert!(matches!(taken, MockCameraError::Listen { address: of, .. } if of == address));
        assert!(
            taken
                .to_string()
                .starts_with(&format!("cannot listen on {address}: "))
        );
    })
    .await;
}

#[tokio::test]
async fn a_dropped_camera_stops() {
    within(async {
        let camera = start(MockCamera::builder()).await;
        let mut client = Client::connect(&camera).await;
        client.request("OPTIONS", "", "").await;
        drop(camera);
        assert_eq!(client.stream.read(&mut [0]).await.unwrap_or(0), 0);
    })
    .await;
}

#[tokio::test]
async fn one_client_more_than_the_limit_is_turned_away() {
    within(async {
        let camera = start(MockCamera::builder()).await;
        let mut clients = Vec::new();
        for _ in 0..MAX_CLIENTS {
            clients.push(Client::connect(&camera).await);
        }
        until(|| camera.stats().clients == MAX_CLIENTS as u64).await;
        let mut turned_away = Client::connect(&camera).await;
        assert_eq!(turned_away.stream.read(&mut [0]).await.unwrap_or(0), 0);
        assert_eq!(camera.stats().connections_refused, 1);
        clients.pop();
        until(|| camera.stats().clients < MAX_CLIENTS as u64).await;
        let mut next = Client::connect(&camera).await;
        assert!(
            next.request("OPTIONS", "", "")
                .await
                .starts_with("RTSP/1.0 200 OK\r\n")
        );
    })
    .await;
}

#[tokio::test]
async fn a_camera_on_every_address_is_named_by_the_loopback_one() {
    let everywhere = SocketAddr::from((Ipv4Addr::UNSPECIFIED, 0));
    let camera = start(MockCamera::builder().listen(everywhere)).await;
    assert_eq!(
        camera.url(),
        format!("rtsp://127.0.0.1:{}/cam", camera.local_addr().port())
    );
}
