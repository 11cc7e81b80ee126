use std::fmt;
use std::str::FromStr;

/// Declares the enum, its list and its texts from one table; each value is its quirk's number.
macro_rules! quirks {
    ($($name:ident = $number:literal: $text:literal,)+) => {
        /// Something that real cameras and servers do and that the RFCs do not foresee, by the number that this
        /// project gives it.
        ///
        /// `Display` and `FromStr` are the number, `Q75`; `FromStr` takes `q75` and `75` as well.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[non_exhaustive]
        pub enum Quirk {
            $(#[doc = concat!("Q", $number, ": ", $text, ".")] $name = $number,)+
        }

        impl Quirk {
            /// All of them, by number.
            pub const ALL: &[Self] = &[$(Self::$name),+];

            /// What the camera does, in one line.
            pub fn description(self) -> &'static str {
                match self {
                    $(Self::$name => $text,)+
                }
            }
        }
    };
}

quirks! {
    ContentBaseWithoutScheme = 1: "Content-Base has no scheme",
    ContentBaseWithTwoSchemes = 2: "Content-Base begins with rtsp://rtsp://",
    ContentBaseIsPath = 3: "Content-Base is a path alone",
    ContentBaseUnreachable = 4: "Content-Base names a host that only the camera knows",
    ControlWithSlash = 5: "the media's control begins with a slash and is to be put behind a base without one",
    NoControl = 6: "the description has no control; SETUP goes to the camera's own URL",
    NoContentType = 7: "DESCRIBE is answered without Content-Type",
    ContentTypeWithCharset = 8: "Content-Type has a charset behind application/sdp",
    SessionIdChanges = 9: "SETUP and PLAY each answer with a new session id",
    SpacedSessionTimeout = 10: "blanks stand around the session's timeout",
    ShortSessionTimeout = 11: "the session dies after 20 s without a sign of life",
    NoCSeq = 12: "responses have no CSeq",
    LowerCaseHeaders = 13: "names of headers are in lower case",
    CSeqBelowOneIgnored = 14: "a CSeq below 1 is not sent back",
    UserAgentRequired = 15: "a request without User-Agent is answered with 401",
    OptionsRefused = 16: "OPTIONS is answered with 501",
    NoReasonPhrase = 17: "the status line ends behind the status",
    OddColons = 18: "headers have no blank behind the colon, or several, or no value",
    NoTransport = 19: "SETUP is answered without Transport",
    TransportWithoutTcp = 20: "Transport lacks /TCP and is interleaved nevertheless",
    OtherChannels = 21: "other interleaved channels are given than asked for, by one number",
    OddTransportSsrc = 22: "Transport has an ssrc of seven digits behind a blank, before everything else",
    CommaInTransport = 23: "Transport has a comma before ssrc",
    NoServerPorts = 24: "SETUP names server_port 0-1, and packets come from other ports",
    ModeRefused = 25: "a Transport with a mode is answered with 400",
    RangeRequired = 26: "PLAY without Range is answered and nothing comes",
    RequireUnanswered = 27: "a request with Require is not answered",
    ClosesAfterUnauthorized = 28: "the connection is closed behind a 401",
    TransportNeedsDescribe = 29: "SETUP over another transport than before is answered with 455 until a new DESCRIBE",
    StaleData = 30: "packets of a forgotten session come before the first response",
    EarlyData = 31: "the first picture comes before the answer to PLAY",
    UnknownChannel = 32: "frames come on channels that were never set up",
    GarbageBetweenFrames = 33: "empty lines and garbage stand between interleaved frames",
    RtcpOnRtpChannel = 34: "RTCP comes on the channel, or port, of RTP",
    ReportsRequired = 36: "nothing comes any more after 5 s without a receiver report",
    RtcpBeforePlayConfuses = 37: "after RTCP before PLAY nothing ever comes",
    KeepaliveUnanswered = 38: "keepalives are heeded and never answered",
    KeepaliveRefused = 39: "keepalives are heeded and answered with 400, without CSeq",
    ParametersUnsupported = 40: "SET_PARAMETER makes the camera hang up, GET_PARAMETER is answered with 405",
    KeepaliveNeedsAggregate = 41: "a keepalive counts only at the camera's own URL, never at a track's",
    NonceExpires = 42: "the nonce is exchanged every 150 s, so that a keepalive is answered with 401",
    NothingBeforeClientSends = 43: "nothing comes before the client has sent RTCP, as behind a NAT",
    LargeDatagrams = 44: "packets are up to 10,000 bytes long",
    OneMessagePerRead = 45: "of what is read at once only the first message is looked at, and only if it is whole",
    RtcpLengthBeyondEnd = 46: "a report says that it is longer than its packet",
    OddWrites = 47: "what is sent is cut anywhere",
    OddRealm = 49: "the realm has parentheses, a comma, quotes and an equals sign",
    WeakestChallengeFirst = 50: "whatever it asks for, Basic, MD5 and SHA-256 are offered, the weakest first",
    StaleNonce = 52: "challenges have an opaque, and the nonce is stale after its first use",
    UnreadableMedia = 55: "media that nobody can read stand before the video",
    NoSessionLines = 56: "the description has no v=, o=, s=, t=",
    OddOrigin = 57: "o= has no numbers that fit and no type that exists",
    OddConnection = 58: "there are two c= lines, both wrong",
    SeveralNames = 59: "there are several s= lines",
    OddTiming = 60: "t= says now-",
    OddBandwidth = 61: "there are b= lines of all kinds, an empty one too",
    UnorderedLines = 62: "session attributes stand before o=, and session lines behind the media",
    UnixLines = 63: "lines end in LF, some are blank, and the last has no end",
    AudioWithoutRtpmap = 64: "there is audio of a static type without an rtpmap",
    OddRtpmap = 65: "rtpmap ends in a blank, and one of audio has no clock",
    OddFmtp = 66: "fmtp stands before rtpmap and names several payload types",
    OddParameterSets = 67: "sprop-parameter-sets holds things that are none, and no SPS",
    OddProfile = 68: "profile-level-id is no profile and no level",
    PacketizationModeZero = 69: "the description says packetization mode 0, yet STAP-A and FU-A come",
    ManyFormats = 71: "a backchannel lists twenty payload types without a word on them",
    NegativePort = 72: "the port of the video is negative, and its connection nonsense",
    ParameterSetsInDescriptionOnly = 74: "SPS and PPS are in the description and never in the stream",
    MarkerOnParameterSets = 75: "packets of parameter sets and SEI have the marker",
    NoMarker = 76: "no packet has the marker",
    OddTimestampsInPicture = 77: "parameter sets have the timestamp of the picture before, later fragments another",
    StartAndEndInOneFragment = 78: "single NAL units come as one fragment with start and end bit",
    ChangingFragmentHeaders = 79: "later fragments have another NAL unit type and NRI than the first",
    OddFragments = 80: "fragments have the reserved bit, no end bit, and an empty one among them",
    FragmentStartLost = 81: "each second the first fragment of a picture is missing",
    StartCodesInPayload = 82: "all NAL units of a picture come as one, with start codes between",
    TrailingZeros = 83: "NAL units and STAP-A end in zeros",
    AggregateTooShort = 84: "the last unit of a STAP-A says that it is longer than it is",
    ForeignPayloadType = 85: "each packet comes a second time with payload type 50",
    OtherSsrc = 86: "the ssrc of Transport is not that of the packets, which changes after 20 pictures",
    OddRtpInfo = 87: "RTP-Info has seq 0, rtptime -1, another URL and a semicolon at its end",
    OddReports = 88: "reports come from an unknown SSRC too, without the end of SDES, with zeros behind",
    SequenceRestarts = 89: "sequence numbers and timestamps begin anew after 20 pictures",
    LossOverTcp = 90: "each second a packet is missing, over TCP as well",
    ClockOf1970 = 94: "sender reports begin in 1970",
    HeaderOrder = 96: "a request that does not begin with CSeq is answered with 400, and every CSeq in return is 0",
    SetParameterRefused = 97: "SET_PARAMETER is answered with 400 and the CSeq before",
    OptionsDoesNotRefresh = 98: "OPTIONS keeps no session alive, GET_PARAMETER does and is hidden; timeout 30 s",
    SessionRequired = 99: "a keepalive without Session is not answered",
    OnePictureASecond = 100: "there is one picture a second",
    Redirects = 101: "DESCRIBE is answered with 302, to the same URL with a query",
    NotEnoughBandwidth = 102: "SETUP is answered with 453",
    BansAfterTwoRefusals = 103: "after two refused answers to its challenge the camera hangs up on everybody",
    SourceIsName = 108: "Transport has host names as source and destination",
    ChallengeInSuccess = 109: "the 200 to SETUP holds a challenge",
    ShortTransportSsrc = 110: "Transport has an ssrc of 16 bits with 0x, RTP-Info one in decimal",
    TearDownOfUnknownSession = 111: "TEARDOWN of a session of another connection is answered with 500",
    OneDescribe = 112: "the second DESCRIBE on a connection is answered with 400",
    OptionsFirst = 113: "the connection is closed on DESCRIBE unless OPTIONS came before",
    TornFrames = 114: "now and then half of a frame is left out, so that it swallows those behind it",
    UdpWhateverIsAsked = 119: "a SETUP over TCP is answered with 200 and a transport over UDP",
    SlowStart = 123: "the first picture comes 20 s after PLAY",
    StaticPayloadType = 124: "H.264 has payload type 35",
    OrphanRtpmap = 125: "an rtpmap is of a payload type that the media does not list",
    SeveralFormats = 126: "the video lists H.265 before H.264",
    SamePayloadTypeTwice = 127: "audio has the payload type of the video",
    OddLines = 129: "there is text, metadata, a second i=, and o= beyond 64 bits",
    BareDescription = 130: "the description has only m= and a= lines",
    SessionInDescribe = 131: "DESCRIBE is answered with a Session and a Range that ends before it begins",
    ContentBaseWithQuery = 132: "Content-Base has another name and port, and a slash behind a query",
    MarkerOnEveryNalUnit = 134: "the last packet of each NAL unit has the marker",
    TimestampsStepBack = 135: "timestamps step back by 5 s after 20 pictures, sequence numbers go on",
    RtptimeZero = 136: "RTP-Info says rtptime=0",
    NoReports = 137: "there are no sender reports",
    ClockSteps = 138: "sender reports step ahead by an hour with the third",
    Scrambled = 140: "behind the headers of NAL units everything is noise, as with stream encryption",
    OtherParameterSetsInDescription = 141: "the description's parameter sets are not those of the stream",
    HeaderExtension = 142: "packets have the extension of ONVIF replay",
    LonePackets = 144: "delimiters, SEI and fillers come as packets of their own",
    LargePayloads = 145: "NAL units up to 65,000 bytes come in one packet",
    ConnectionIp6 = 150: "c= says IN IP6 before an IPv4 address",
}

impl Quirk {
    /// Its number in the list of camera quirks.
    pub fn number(self) -> u8 {
        self as u8
    }
}

impl fmt::Display for Quirk {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Q{}", self.number())
    }
}

/// No quirk of this camera has that number. What was read is not repeated: on a command line it may be anything.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("no quirk of this camera, they are numbered as in Q75")]
pub struct UnknownQuirk;

impl FromStr for Quirk {
    type Err = UnknownQuirk;

    fn from_str(text: &str) -> Result<Self, UnknownQuirk> {
        let trimmed = text.trim();
        let digits = trimmed.strip_prefix(['Q', 'q']).unwrap_or(trimmed);
        digits
            .parse()
            .ok()
            .and_then(|number: u8| Self::ALL.iter().find(|quirk| quirk.number() == number))
            .copied()
            .ok_or(UnknownQuirk)
    }
}

/// Any number of quirks together.
///
/// They act in the order of their numbers. Of two that bend the same thing in ways that cannot both be, two forms
/// of Content-Base for one, that of the greater number is seen.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Quirks {
    /// One bit for each number.
    bits: [u64; 4],
}

impl Quirks {
    /// Whether there are none: a camera as the RFCs have it.
    pub fn is_empty(self) -> bool {
        self.bits == [0; 4]
    }

    /// Whether this one is among them.
    pub fn contains(self, quirk: Quirk) -> bool {
        let (word, bit) = place(quirk);
        self.bits.get(word).is_some_and(|bits| bits & bit != 0)
    }

    /// Each of them, by number.
    pub fn iter(self) -> impl Iterator<Item = Quirk> {
        Quirk::ALL
            .iter()
            .copied()
            .filter(move |quirk| self.contains(*quirk))
    }
}

fn place(quirk: Quirk) -> (usize, u64) {
    let number = quirk.number();
    (usize::from(number / 64), 1 << (number % 64))
}

impl FromIterator<Quirk> for Quirks {
    fn from_iter<I: IntoIterator<Item = Quirk>>(quirks: I) -> Self {
        let mut set = Self::default();
        for quirk in quirks {
            let (word, bit) = place(quirk);
            if let Some(bits) = set.bits.get_mut(word) {
                *bits |= bit;
            }
        }
        set
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_read_in_every_form_and_written_in_one() {
        for quirk in Quirk::ALL {
            let number = quirk.number();
            for text in [quirk.to_string(), format!("q{number}"), format!(" {number} ")] {
                assert_eq!(text.parse(), Ok(*quirk), "{text}");
            }
        }
        for text in ["", "Q", "Q0", "Q999", "QQ1", "-1", "Q70"] {
            assert_eq!(Quirk::from_str(text), Err(UnknownQuirk), "{text}");
        }
    }

    #[test]
    fn a_set_holds_each_once_and_in_order() {
        let set: Quirks = [Quirk::LargePayloads, Quirk::NoControl, Quirk::NoControl]
            .into_iter()
            .collect();
        assert_eq!(
            set.iter().collect::<Vec<_>>(),
            [Quirk::NoControl, Quirk::LargePayloads]
        );
        assert!(!set.is_empty() && Quirks::default().is_empty());
        let all: Quirks = Quirk::ALL.iter().copied().collect();
        assert!(all.iter().eq(Quirk::ALL.iter().copied()));
    }

    #[test]
    fn descriptions_fit_a_line_of_the_table() {
        for quirk in Quirk::ALL {
            let length = quirk.description().len();
            assert!((10..=100).contains(&length), "{quirk}: {length}");
        }
    }
}
