//! What a camera tells its program besides pictures.

use std::net::SocketAddr;
use std::time::Duration;

use throughline_h264::VideoParameters;
use throughline_rtsp::Scheme;

use crate::{Error, Loss};

/// News of a camera's life, in the order in which it happened.
#[derive(Debug)]
#[non_exhaustive]
pub enum Event {
    /// A connection is being made.
    Connecting {
        /// `host:port`.
        peer: String,
    },
    /// The connection stands: its TLS and its tunnel, too, and RTSP begins.
    Connected {
        /// The one of the host's addresses that answered.
        address: SocketAddr,
        /// Of a URL that leads there; a redirect may have changed it.
        scheme: Scheme,
        /// Since [`Event::Connecting`].
        took: Duration,
    },
    /// The camera described its stream, and H.264 is in it.
    Described(Described),
    /// PLAY was answered; packets are to be expected.
    Playing {
        /// How they come.
        transport: Transport,
    },
    /// The first packet of the stream came over this connection.
    FirstPacket,
    /// [`TransportPolicy::Auto`](crate::TransportPolicy::Auto) or
    /// [`UdpFirst`](crate::TransportPolicy::UdpFirst) goes on with another transport.
    TransportFallback {
        /// What was tried.
        from: Transport,
        /// What is tried next.
        to: Transport,
        /// Why.
        reason: Error,
    },
    /// The camera was asked for a key frame by RTCP.
    KeyframeRequested {
        /// Who wants it.
        reason: KeyframeReason,
        /// 1 for the first request of a row, which goes on until an IDR arrives or the camera seems to ignore it.
        attempt: u32,
    },
    /// Packets arrive, but no picture comes out of them. The camera is asked for a key frame; if it never comes,
    /// the connection ends with [`Error::NoIdr`] or [`Error::NoParameterSets`].
    NoPicture {
        /// What is missing.
        missing: Missing,
        /// Since PLAY, or since the last picture.
        waited: Duration,
    },
    /// Pictures come much later than they could ([`Config::max_delay`](crate::Config::max_delay), Q95): they were held up by the
    /// camera or the network, this machine or who takes the pictures is too slow, or the camera's clock is wrong. At most once a
    /// minute.
    Delayed {
        /// By how much longer the latest packet took than the fastest.
        delay: Duration,
        /// What becomes of such pictures.
        handling: DelayHandling,
    },
    /// So many packets are lost over UDP or multicast that most pictures are, for 10 s, and there is no other transport to go on
    /// with. At most once a minute.
    Lossy(Loss),
    /// Beside pictures, the camera sends packets, RTCP or payloads that cannot be read: a hundredth of all or more, over a
    /// minute. They are passed over. At most once a minute.
    Unreadable {
        /// How many.
        unreadable: u64,
        /// Of how many.
        packets: u64,
    },
    /// The kernel gives the UDP sockets a smaller receive buffer than was asked for, and will lose packets in bursts. On Linux
    /// `sysctl net.core.rmem_max` is the limit: set it to as much as was asked for. Told once for a camera.
    ReceiveBuffer(ReceiveBuffer),
    /// The kernel dropped packets of the camera, for its receive buffer was full: where it gave less than was asked for, that is
    /// why; else this machine, or who takes the pictures, is too slow. Told once for a camera, and only on Linux.
    KernelDrops(KernelDrops),
    /// The connection ended and is made again. The first picture after it is an IDR.
    Disconnected {
        /// Why.
        error: Error,
        /// When.
        retry_in: Duration,
    },
}

/// What the session description says.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Described {
    /// What the camera's RTSP server calls itself.
    pub server: Option<String>,
    /// The session's name: often the make or model.
    pub session_name: Option<String>,
    /// Every format of every media of the description, in its order.
    pub tracks: Vec<TrackDescription>,
    /// The one that is played, as an index into `tracks`.
    pub selected: usize,
    /// What the description's SPS says; the stream's own counts where they differ (Q92, Q141).
    pub parameters: Option<VideoParameters>,
}

/// One format of one media of a session description.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct TrackDescription {
    /// `video`, `audio`, `application`, ..
    pub kind: String,
    /// The encoding's name, `H264`; empty where the description does not tell.
    pub encoding: String,
    /// The RTP payload type.
    pub payload_type: u8,
    /// In Hz; 0 where the description does not tell.
    pub clock_rate: u32,
}

/// How media travels.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Transport {
    /// Interleaved in the RTSP connection.
    Tcp,
    /// RTP and RTCP datagrams.
    Udp,
    /// RTP and RTCP datagrams to a group that anybody may join.
    Multicast,
}

impl std::fmt::Display for Transport {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Transport::Tcp => "TCP",
            Transport::Udp => "UDP",
            Transport::Multicast => "multicast",
        })
    }
}

/// What becomes of pictures that come too late.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DelayHandling {
    /// They are dropped up to the first key frame that is in time, for as long as dropping gains any.
    Drop,
    /// They are given out: a second or more was dropped, and the key frame behind was hardly less late.
    Keep,
}

/// What the kernel was asked for, and what it gave, in bytes for one socket.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ReceiveBuffer {
    /// By us.
    pub asked: usize,
    /// By the kernel. (Linux doubles what it gives, for its own bookkeeping; this is before that.)
    pub granted: usize,
}

/// Packets that arrived at this machine and not here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct KernelDrops {
    /// How many, so far.
    pub dropped: u64,
    /// What they did not fit into.
    pub receive_buffer: Option<ReceiveBuffer>,
}

/// Who wants a key frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeyframeReason {
    /// The stream did not begin with one.
    Start,
    /// Packets were lost, and pictures lack their references.
    Loss,
    /// No picture came for long.
    NoPicture,
    /// The caller, by `request_keyframe`.
    Caller,
}

/// What keeps packets from being pictures.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Missing {
    /// No SPS and PPS, neither in the stream nor in the SDP.
    ParameterSets,
    /// Parameter sets are there, but no IDR picture to begin with.
    Idr,
}
