//! What of a camera's protocols is overlooked, in all five of them.

use std::fmt;

/// What may be overlooked, by the crate that reads it. The default is everything: cameras cannot be changed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Policies {
    /// Of session descriptions.
    pub sdp: throughline_sdp::Policy,
    /// Of the RTSP conversation.
    pub rtsp: throughline_rtsp::Policy,
    /// Of RTP and RTCP.
    pub rtp: throughline_rtp::Policy,
    /// Of H.264 and its payloads.
    pub h264: throughline_h264::Policy,
    /// Of keys for SRTP.
    pub srtp: throughline_srtp::Policy,
}

impl Policies {
    /// Nothing: what is not in the standards is an error, or counts as lost. For the test of a camera.
    pub fn strict() -> Self {
        Policies {
            sdp: throughline_sdp::Policy::strict(),
            rtsp: throughline_rtsp::Policy::strict(),
            rtp: throughline_rtp::Policy::strict(),
            h264: throughline_h264::Policy::strict(),
            srtp: throughline_srtp::Policy::strict(),
        }
    }
}

/// What was overlooked. `Display` lists it, each behind its protocol.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tolerated {
    /// Of session descriptions.
    pub sdp: throughline_sdp::Tolerances,
    /// Of the RTSP conversation.
    pub rtsp: throughline_rtsp::Tolerances,
    /// Of RTP and RTCP.
    pub rtp: throughline_rtp::Tolerances,
    /// Of H.264 and its payloads.
    pub h264: throughline_h264::Tolerances,
    /// Of keys for SRTP.
    pub srtp: throughline_srtp::Tolerances,
}

impl Tolerated {
    /// A line for each thing that was overlooked.
    pub fn lines(&self) -> impl Iterator<Item = String> {
        let description = self.sdp.iter().map(|tolerance| format!("SDP: {tolerance}"));
        let conversation = self.rtsp.iter().map(|tolerance| format!("RTSP: {tolerance}"));
        let packets = self.rtp.iter().map(|tolerance| format!("RTP: {tolerance}"));
        let video = self.h264.iter().map(|tolerance| format!("H.264: {tolerance}"));
        let keys = self.srtp.iter().map(|tolerance| format!("SRTP: {tolerance}"));
        description
            .chain(conversation)
            .chain(packets)
            .chain(video)
            .chain(keys)
    }
}

impl fmt::Display for Tolerated {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.lines().collect::<Vec<_>>().join("; "))
    }
}
