//! A scripted RTSP server without I/O: what a camera would send, byte by byte, at the time that a test says.

use std::collections::VecDeque;
use std::time::Duration;

use throughline_h264::annexb::nal_units;
use throughline_h264::{Packetizer, ParameterSets};
use throughline_rtp::rtcp::{self, Bye, ReportBlocks, RtcpPacket, SenderReport, Sources};
use throughline_rtp::{NtpTimestamp, PacketHeader, PayloadType, RtpTimestamp, SequenceNumber, Ssrc};
use throughline_rtsp::headers::KeyMgmt;
use throughline_srtp::mikey::{CryptoSession, Message, Timestamp};
use throughline_srtp::transform::{Protector, Unprotector};
use throughline_srtp::{Keys, Reading, Suite};

/// 1280x720, Constrained Baseline, level 3.1.
pub(crate) const SPROP: &str = "Z0LAH9kAUAW7ARAAAAMAEAAAAwPA8YMkgA==,aMuDyyA=";
/// One picture at 25 a second.
pub(crate) const FRAME: Duration = Duration::from_millis(40);
/// What the sender reports of the peer begin at: 2026-01-01 in NTP seconds.
pub(crate) const NTP_EPOCH: u64 = 3_976_214_400;
/// Soon wraps.
const FIRST_SEQUENCE: SequenceNumber = SequenceNumber(65_530);
/// The ports of the peer's media.
pub(crate) const SERVER_PORTS: (u16, u16) = (6970, 6971);

/// Which transports the peer serves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Serves {
    Both,
    /// 461 to the others.
    UdpOnly,
    /// 461 to the others.
    TcpOnly,
    /// 200 with a UDP transport to whatever is asked (Q119).
    UdpWhateverIsAsked,
    /// 461 to everything.
    Neither,
    /// 461 to unicast.
    MulticastOnly,
    /// 200 with a multicast transport to whatever is asked.
    MulticastWhateverIsAsked,
}

/// What stands behind the header of each NAL unit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Content {
    Plain,
    /// The camera encrypts it (Q140).
    Scrambled,
}

/// Whose keys protect the media, where it is SRTP.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Encryption {
    None,
    /// [`camera_keys`], which the description or the answer to SETUP tells.
    Camera {
        in_answer: bool,
        /// How often sequence numbers have wrapped before.
        rollover_counter: u32,
    },
    /// [`camera_keys`] for both directions.
    Declared,
    /// Those of the client, if they have an identifier; 463 to others (Q106).
    Client,
    /// Whole packets, with the headers, and nobody says so (Q105).
    Whole,
}

/// How the peer behaves.
#[derive(Clone, Debug)]
pub(crate) struct Script {
    pub(crate) serves: Serves,
    /// What the answer to a SETUP of multicast says of the group.
    pub(crate) group: &'static str,
    /// Whether RTCP goes to the port of RTP where that is asked for.
    pub(crate) mux: Mux,
    pub(crate) sdp: String,
    /// Media over these is never sent.
    pub(crate) silent_over: Vec<Carrier>,
    /// Pictures from one IDR to the next; none for no IDR at all.
    pub(crate) group_of_pictures: Option<u32>,
    /// Whether a PLI brings an IDR.
    pub(crate) honours_pli: bool,
    /// Whether SPS and PPS are in the stream.
    pub(crate) in_band: bool,
    /// What comes in one piece with a 461.
    pub(crate) behind_refusal: &'static str,
    /// The status line to answer a method with, instead of 200.
    pub(crate) refuse: Option<(&'static str, &'static str)>,
    /// What methods are answered with, whatever that is; nothing for silence.
    pub(crate) instead: Vec<(&'static str, &'static [u8])>,
    /// The status line to answer a request without credentials with.
    pub(crate) protected_by: Option<&'static str>,
    /// RTP packets that are not sent, by their number from 0.
    pub(crate) lost: Vec<u32>,
    /// Of so many RTP datagrams, one is not sent.
    pub(crate) loses_one_in: Option<u32>,
    /// Where RTP timestamps start.
    pub(crate) first_timestamp: u32,
    pub(crate) ssrc: u32,
    /// RTCP goes out on the channel of RTP (Q34).
    pub(crate) rtcp_on_rtp_channel: bool,
    /// Pictures that come before the answer to PLAY (Q31).
    pub(crate) early: u32,
    /// Header lines of the answer to PLAY.
    pub(crate) rtp_info: &'static str,
    /// After so many pictures, a BYE.
    pub(crate) bye_after: Option<u32>,
    pub(crate) content: Content,
    pub(crate) encryption: Encryption,
}

impl Default for Script {
    fn default() -> Self {
        Script {
            serves: Serves::Both,
            group: ";destination=239.1.2.3;port=6000-6001;ttl=4",
            mux: Mux::Ignored,
            sdp: sdp("96", "a=rtpmap:96 H264/90000\r\n"),
            silent_over: Vec::new(),
            rtp_info: "",
            group_of_pictures: Some(25),
            honours_pli: true,
            in_band: true,
            behind_refusal: "",
            refuse: None,
            instead: Vec::new(),
            protected_by: None,
            lost: Vec::new(),
            loses_one_in: None,
            first_timestamp: 4_294_900_000,
            ssrc: 0x5eed_0001,
            rtcp_on_rtp_channel: false,
            early: 0,
            bye_after: None,
            content: Content::Plain,
            encryption: Encryption::None,
        }
    }
}

/// The keys of the peer.
pub(crate) fn camera_keys() -> Keys {
    Keys::generate(Suite::AesCm128HmacSha1_80, &[0xca; Keys::MAX_LEN], None)
}

/// The peer's message of MIKEY.
pub(crate) fn camera_message(script: &Script) -> Message {
    let rollover_counter = match script.encryption {
        Encryption::Camera { rollover_counter, .. } => rollover_counter,
        _ => 0,
    };
    let session = CryptoSession {
        policy: 0,
        ssrc: Ssrc(script.ssrc),
        rollover_counter,
    };
    Message::initiate(
        &camera_keys(),
        &[session],
        Timestamp::NtpUtc(NTP_EPOCH << 32),
        &[1; 20],
    )
}

/// A description with one video media that is encrypted.
pub(crate) fn secure_sdp(attributes: &str) -> String {
    sdp("96", &format!("a=rtpmap:96 H264/90000\r\n{attributes}"))
        .replace("video 0 RTP/AVP", "video 0 RTP/SAVP")
}

fn empty_packet(ssrc: u32, sequence: u16) -> Vec<u8> {
    let mut packet = Vec::new();
    PacketHeader {
        payload_type: PayloadType(96),
        marker: false,
        sequence_number: SequenceNumber(sequence),
        timestamp: RtpTimestamp(0),
        ssrc: Ssrc(ssrc),
    }
    .write(&mut packet);
    packet
}

/// A description with one video media.
pub(crate) fn sdp(formats: &str, attributes: &str) -> String {
    format!(
        "v=0\r\no=- 1 1 IN IP4 192.0.2.7\r\ns=Scripted\r\nt=0 0\r\nm=audio 0 RTP/AVP 0\r\na=control:trackID=1\r\n\
         m=video 0 RTP/AVP {formats}\r\n{attributes}a=control:trackID=0\r\n"
    )
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Carrier {
    Tcp,
    Udp,
    Multicast,
}

/// What becomes of `RTCP-mux` in a SETUP.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Mux {
    Granted,
    Ignored,
}

/// What the peer sends.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Sent {
    Stream(Vec<u8>),
    Rtp(Vec<u8>),
    Rtcp(Vec<u8>),
}

/// What the peer got by RTCP.
#[derive(Clone, Debug, Default)]
pub(crate) struct Heard {
    pub(crate) reports: u32,
    pub(crate) plis: u32,
    /// About another stream than the peer's.
    pub(crate) stray_plis: u32,
    pub(crate) firs: Vec<u8>,
    pub(crate) before_play: u32,
}

impl Sent {
    fn into_bytes(self) -> Vec<u8> {
        let (Sent::Stream(bytes) | Sent::Rtp(bytes) | Sent::Rtcp(bytes)) = self;
        bytes
    }
}

/// An interleaved frame.
pub(crate) fn frame(channel: u8, packet: &[u8]) -> Vec<u8> {
    let length = u16::try_from(packet.len()).expect("a packet").to_be_bytes();
    [&[b'$', channel, length[0], length[1]], packet].concat()
}

#[derive(Debug)]
pub(crate) struct Peer {
    pub(crate) script: Script,
    /// Method and headers of each request.
    pub(crate) requests: Vec<String>,
    pub(crate) heard: Heard,
    /// The transport that was set up.
    pub(crate) carrier: Option<Carrier>,
    pub(crate) playing: bool,
    unread: Vec<u8>,
    pictures: u32,
    packets: u32,
    sequence: SequenceNumber,
    since_idr: u32,
    /// Of what is sent.
    protector: Option<Protector>,
    /// Of what the client sends.
    unprotector: Option<Unprotector>,
}

impl Peer {
    pub(crate) fn new(script: Script) -> Self {
        Peer {
            script,
            requests: Vec::new(),
            heard: Heard::default(),
            carrier: None,
            playing: false,
            unread: Vec::new(),
            pictures: 0,
            packets: 0,
            sequence: FIRST_SEQUENCE,
            since_idr: 0,
            protector: None,
            unprotector: None,
        }
    }

    pub(crate) fn methods(&self) -> Vec<&str> {
        self.requests
            .iter()
            .filter_map(|request| request.split(' ').next())
            .collect()
    }

    /// A new connection: what belonged to the last one is gone.
    pub(crate) fn connected(&mut self) {
        self.unread.clear();
        self.carrier = None;
        self.playing = false;
        self.pictures = 0;
        self.packets = 0;
        self.sequence = FIRST_SEQUENCE;
        self.since_idr = 0;
    }

    /// Bytes of the client; the answer.
    pub(crate) fn handle_stream(&mut self, bytes: &[u8]) -> Vec<u8> {
        self.unread.extend_from_slice(bytes);
        let mut answer = Vec::new();
        loop {
            if let [b'$', _, high, low, rest @ ..] = self.unread.as_slice() {
                let length = usize::from(u16::from_be_bytes([*high, *low]));
                let Some(packet) = rest.get(..length).map(<[u8]>::to_vec) else {
                    return answer;
                };
                self.unread.drain(..4 + length);
                self.handle_rtcp(&packet);
                continue;
            }
            let text = String::from_utf8_lossy(&self.unread).into_owned();
            let Some(end) = text.find("\r\n\r\n") else {
                return answer;
            };
            self.unread.drain(..end + 4);
            answer.extend(self.answer(&text[..end]));
        }
    }

    pub(crate) fn handle_rtcp(&mut self, compound: &[u8]) {
        if !self.playing {
            self.heard.before_play += 1;
        }
        let compound = match &mut self.unprotector {
            Some(unprotector) => unprotector
                .unprotect_rtcp(compound)
                .expect("of the agreed keys")
                .to_vec(),
            None => compound.to_vec(),
        };
        for packet in rtcp::compound(&compound) {
            match packet.expect("whole RTCP") {
                RtcpPacket::ReceiverReport(_) => self.heard.reports += 1,
                RtcpPacket::PictureLossIndication(pli) => {
                    if pli.media == Ssrc(self.script.ssrc) {
                        self.heard.plis += 1;
                    } else {
                        self.heard.stray_plis += 1;
                    }
                    if self.script.honours_pli {
                        self.since_idr = 0;
                    }
                }
                RtcpPacket::FullIntraRequest(fir) => {
                    self.heard
                        .firs
                        .extend(fir.entries.iter().map(|entry| entry.sequence));
                }
                _ => {}
            }
        }
    }

    fn answer(&mut self, request: &str) -> Vec<u8> {
        self.requests.push(request.to_owned());
        let method = request.split(' ').next().unwrap_or_default().to_owned();
        let header = |name: &str| {
            request
                .lines()
                .find_map(|line| line.strip_prefix(name)?.strip_prefix(": "))
                .unwrap_or_default()
        };
        let cseq = header("CSeq");
        if let Some((_, answer)) = self.script.instead.iter().find(|(asked, _)| *asked == method) {
            return answer.to_vec();
        }
        if let Some((refused, status)) = self.script.refuse
            && refused == method
        {
            return format!("RTSP/1.0 {status}\r\nCSeq: {cseq}\r\n\r\n").into_bytes();
        }
        if let Some(status) = self.script.protected_by
            && header("Authorization").is_empty()
        {
            return format!("RTSP/1.0 {status}\r\nCSeq: {cseq}\r\n\r\n").into_bytes();
        }
        let ok = format!("RTSP/1.0 200 OK\r\nCSeq: {cseq}\r\nServer: Scripted/1\r\n");
        let answer = match method.as_str() {
            "DESCRIBE" => format!(
                "{ok}Content-Base: rtsp://192.0.2.7/cam/\r\nContent-Type: application/sdp\r\nContent-Length: {}\r\n\r\n{}",
                self.script.sdp.len(),
                self.script.sdp
            ),
            "SETUP" => self.set_up(header("Transport"), header("KeyMgmt"), cseq, &ok),
            "PLAY" => {
                self.playing = true;
                let early = (0..self.script.early).flat_map(|_| self.next_picture());
                let early: Vec<u8> = early.flat_map(Sent::into_bytes).collect();
                return [
                    early.as_slice(),
                    ok.as_bytes(),
                    self.script.rtp_info.as_bytes(),
                    b"Session: 1234;timeout=60\r\n\r\n",
                ]
                .concat();
            }
            "TEARDOWN" => {
                self.playing = false;
                format!("{ok}\r\n")
            }
            _ => format!("{ok}\r\n"),
        };
        answer.into_bytes()
    }

    fn set_up(&mut self, transport: &str, keys: &str, cseq: &str, ok: &str) -> String {
        let Some(keys) = self.agree(keys) else {
            return format!("RTSP/1.0 463 Key Management Failure\r\nCSeq: {cseq}\r\n\r\n");
        };
        let profile = transport.split(['/', ';']).nth(1).unwrap_or_default();
        let asked = if transport.contains("interleaved") {
            Carrier::Tcp
        } else if transport.contains("multicast") {
            Carrier::Multicast
        } else {
            Carrier::Udp
        };
        let carrier = match (self.script.serves, asked) {
            (Serves::UdpWhateverIsAsked, _) => Carrier::Udp,
            (Serves::MulticastWhateverIsAsked, _) | (Serves::MulticastOnly, Carrier::Multicast) => {
                Carrier::Multicast
            }
            (Serves::Neither | Serves::MulticastOnly, _)
            | (_, Carrier::Multicast)
            | (Serves::UdpOnly, Carrier::Tcp)
            | (Serves::TcpOnly, Carrier::Udp) => {
                let behind = self.script.behind_refusal;
                return format!("RTSP/1.0 461 Unsupported Transport\r\nCSeq: {cseq}\r\n\r\n{behind}");
            }
            _ => asked,
        };
        self.carrier = Some(carrier);
        let agreed = match carrier {
            Carrier::Tcp => transport.to_owned(),
            Carrier::Multicast => format!("RTP/{profile};multicast{}", self.script.group),
            Carrier::Udp if self.shares_port(transport) => {
                format!("RTP/AVP;unicast;server_port={};RTCP-mux", SERVER_PORTS.0)
            }
            Carrier::Udp => {
                let ports = transport
                    .split(';')
                    .find(|part| part.starts_with("client_port"))
                    .unwrap_or("client_port=1-2");
                format!(
                    "RTP/{profile};unicast;{ports};server_port={}-{}",
                    SERVER_PORTS.0, SERVER_PORTS.1
                )
            }
        };
        format!("{ok}Session: 1234;timeout=60\r\nTransport: {agreed}\r\n{keys}\r\n")
    }

    /// The header of the answer with keys, if there is one; nothing where the client's are refused.
    fn agree(&mut self, keys: &str) -> Option<String> {
        let client = || {
            let header: KeyMgmt = keys.parse().expect("KeyMgmt of SETUP");
            assert!(keys.contains("uri=\"rtsp://192.0.2.7/cam/trackID=0\""), "{keys}");
            Message::from_base64(header.mikey_data().expect("MIKEY"), &mut Reading::default()).expect("MIKEY")
        };
        let ours = camera_keys();
        let (own, theirs) = match self.script.encryption {
            Encryption::None | Encryption::Whole => return Some(String::new()),
            Encryption::Camera { .. } => (ours, client().keys().expect("keys")),
            Encryption::Declared => {
                assert_eq!(keys, "", "nothing is to be told");
                (ours.clone(), vec![ours])
            }
            Encryption::Client => {
                let keys = client().keys().expect("keys");
                keys[0].mki()?;
                (keys[0].clone(), keys)
            }
        };
        let mut protector = Protector::new(&own).expect("keys");
        if let Encryption::Camera { rollover_counter, .. } = self.script.encryption {
            for sequence in (0..=rollover_counter).flat_map(|_| [0, 0x6000, 0xc000]) {
                let _ = protector.protect_rtp(&empty_packet(self.script.ssrc, sequence));
            }
        }
        self.protector = Some(protector);
        self.unprotector = Some(Unprotector::new(&theirs, &[]).expect("keys"));
        Some(match self.script.encryption {
            Encryption::Camera { in_answer: true, .. } => {
                let keys = KeyMgmt::mikey(camera_message(&self.script).to_base64());
                format!("KeyMgmt: {keys}\r\n")
            }
            _ => String::new(),
        })
    }

    fn shares_port(&self, transport: &str) -> bool {
        self.script.mux == Mux::Granted && transport.contains("RTCP-mux")
    }

    /// The next picture, in packets; nothing unless it plays. A sender report precedes every 25th.
    pub(crate) fn next_picture(&mut self) -> Vec<Sent> {
        let Some(carrier) = self.carrier.filter(|_| self.playing) else {
            return Vec::new();
        };
        let mut sent = Vec::new();
        if self.script.bye_after.is_some_and(|after| after <= self.pictures) {
            let mut bye = Vec::new();
            Bye {
                // Its audio leaves with it.
                sources: Sources::new(&[Ssrc(!self.script.ssrc), Ssrc(self.script.ssrc)]),
                reason: b"",
            }
            .write(&mut bye);
            sent.push(self.carry(carrier, Kind::Rtcp, bye));
            return sent;
        }
        if self.pictures.is_multiple_of(25) {
            let report = self.sender_report();
            sent.push(self.carry(carrier, Kind::Rtcp, report));
        }
        let is_idr = self.since_idr == 0 && self.script.group_of_pictures.is_some();
        let since_idr = if self.script.group_of_pictures.is_some() {
            self.since_idr
        } else {
            self.pictures + 1
        };
        let mut picture = picture(self.pictures, since_idr, self.script.in_band && is_idr);
        if self.script.content == Content::Scrambled {
            picture = scrambled(&picture);
        }
        for fragment in Packetizer::new(1000).packetize(&picture) {
            let mut packet = Vec::new();
            PacketHeader {
                payload_type: PayloadType(96),
                marker: fragment.is_last,
                sequence_number: self.sequence,
                timestamp: RtpTimestamp(self.timestamp()),
                ssrc: Ssrc(self.script.ssrc),
            }
            .write(&mut packet);
            fragment.write(&mut packet);
            let is_lost = self.script.lost.contains(&self.packets)
                || carrier != Carrier::Tcp
                    && self
                        .script
                        .loses_one_in
                        .is_some_and(|packets| self.packets % packets == packets - 1);
            if !is_lost {
                sent.push(self.carry(carrier, Kind::Rtp, packet));
            }
            self.packets += 1;
            self.sequence = self.sequence.next();
        }
        self.pictures += 1;
        self.since_idr = (self.since_idr + 1) % self.script.group_of_pictures.unwrap_or(25);
        if self.script.silent_over.contains(&carrier) {
            Vec::new()
        } else {
            sent
        }
    }

    fn timestamp(&self) -> u32 {
        self.script.first_timestamp.wrapping_add(self.pictures * 3600)
    }

    fn sender_report(&self) -> Vec<u8> {
        let mut report = Vec::new();
        // 40 ms a picture in 1/2^32 s.
        let fraction = u64::from(self.pictures) * (1 << 32) / 25;
        SenderReport {
            ssrc: Ssrc(self.script.ssrc),
            ntp: NtpTimestamp((NTP_EPOCH << 32) + fraction),
            rtp: RtpTimestamp(self.timestamp()),
            packet_count: self.packets,
            octet_count: 0,
            reports: ReportBlocks::NONE,
        }
        .write(&mut report);
        report
    }

    fn carry(&mut self, carrier: Carrier, kind: Kind, packet: Vec<u8>) -> Sent {
        let packet = match (&mut self.protector, kind) {
            (Some(protector), Kind::Rtp) => protector.protect_rtp(&packet).expect("a packet").to_vec(),
            (Some(protector), Kind::Rtcp) => protector.protect_rtcp(&packet).expect("a packet").to_vec(),
            (None, _) if self.script.encryption == Encryption::Whole => {
                packet.iter().map(|byte| byte.rotate_left(3) ^ 0x5a).collect()
            }
            (None, _) => packet,
        };
        match (carrier, kind) {
            (Carrier::Udp | Carrier::Multicast, Kind::Rtp) => Sent::Rtp(packet),
            (Carrier::Udp | Carrier::Multicast, Kind::Rtcp) => Sent::Rtcp(packet),
            (Carrier::Tcp, kind) => {
                let channel = u8::from(kind == Kind::Rtcp && !self.script.rtcp_on_rtp_channel);
                Sent::Stream(frame(channel, &packet))
            }
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Rtp,
    Rtcp,
}

/// Picture `number` in Annex-B form: two packets and more as an IDR, one otherwise. An IDR is 0 pictures since one.
pub(crate) fn picture(number: u32, since_idr: u32, with_sets: bool) -> Vec<u8> {
    let mut out = Vec::new();
    if with_sets {
        let sets = ParameterSets::from_sprop(SPROP);
        for set in sets.sps().chain(sets.pps()) {
            out.extend_from_slice(&[0, 0, 0, 1]);
            out.extend_from_slice(set);
        }
    }
    // First macroblock 0, an I or a P slice, PPS 0, four bits of frame_num, and nothing out of the ordinary.
    let is_idr = since_idr == 0;
    let frame_num = (since_idr & 15).to_be_bytes()[3];
    let header = if is_idr {
        [0x65, 0x88, 0x84]
    } else {
        [0x41, 0x9a | frame_num >> 3, frame_num << 5 | 0b11]
    };
    out.extend_from_slice(&[0, 0, 0, 1]);
    out.extend_from_slice(&header);
    // Eight bits a byte would make start codes.
    out.extend(
        number
            .to_be_bytes()
            .iter()
            .flat_map(|byte| [0x40 | byte >> 4, 0x40 | byte & 15]),
    );
    out.resize(out.len() + if is_idr { 1800 } else { 300 }, 0xab);
    out
}

/// The same NAL units with nonsense in them.
fn scrambled(picture: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    let mut state = picture.iter().fold(1_u32, |state, byte| {
        state.wrapping_mul(0x0100_0193) ^ u32::from(*byte)
    });
    for nal in nal_units(picture) {
        out.extend_from_slice(&[0, 0, 0, 1, nal[0]]);
        out.extend(nal[1..].iter().map(|byte| {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            // Without zeros there are no start codes.
            (byte ^ state.to_be_bytes()[0]).max(1)
        }));
    }
    out
}

/// The number of a [`picture`].
pub(crate) fn number(data: &[u8]) -> u32 {
    let slice = nal_units(data).last().expect("a slice");
    slice[3..11]
        .iter()
        .fold(0, |number, byte| number << 4 | u32::from(byte & 15))
}

/// The connections of a peer that goes away and comes back: what the next attempts to connect meet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Door {
    Open,
    Refuses,
    Silent,
}

pub(crate) type Doors = VecDeque<Door>;
