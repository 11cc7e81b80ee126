use std::fmt;

use throughline_tolerance::tolerances;

tolerances! {
    /// A rule of [RFC 8866](https://www.rfc-editor.org/rfc/rfc8866) that cameras bend and this reader can overlook.
    ///
    /// Each is recorded where it was used ([`SessionDescription::tolerated`](crate::SessionDescription::tolerated)),
    /// and each can be refused alone ([`Policy::refuse`]), which turns it into
    /// [`ParseError::NotTolerated`](crate::ParseError::NotTolerated). `Display` says what is wrong with the line.
    pub enum Tolerance {
        /// A line ends in LF or CR alone, not CRLF (Q63). Recorded once, at the first such line.
        LineEnding => "line ends in lf or cr alone, not crlf",
        /// The last line has no line ending (Q63).
        UnterminatedLastLine => "last line has no line ending",
        /// A line is empty (Q63). It is not kept.
        BlankLine => "line is blank",
        /// White space or a byte order mark stands before the type letter. It is not kept.
        IndentedLine => "white space before the type letter",
        /// A line holds bytes that are not UTF-8. They are kept as U+FFFD.
        NotUtf8 => "line is not utf-8",
        /// A line holds NUL bytes; some firmware sends its C string's terminator. They are not kept.
        NulByte => "line holds a nul byte",
        /// A line does not have the form `<type>=<value>`. It is kept, and means nothing.
        NotALine => "line has not the form <type>=<value>",
        /// A line's type letter is not one of RFC 8866's. It is kept, and means nothing.
        UnknownType => "unknown type letter",
        /// White space other than the one space of the grammar stands around or between a line's fields (Q65).
        Spacing => "fields are not separated by single spaces",
        /// A line stands after one that it must precede (Q62).
        LineOrder => "line is out of order",
        /// A line that may occur once in its section occurs again (Q58, Q59, Q129). The first readable one counts.
        RepeatedLine => "line may occur only once",
        /// A session-level line (`v o s u e p t r z`) stands in a media description (Q62). It counts for the session.
        SessionLineInMedia => "session-level line in a media description",
        /// There is no `v=` (Q56, Q130). Recorded, as are the next three, at the first `m=` line or the last line.
        MissingVersion => "no version (v=)",
        /// There is no `o=` (Q56, Q130).
        MissingOrigin => "no origin (o=)",
        /// There is no `s=` (Q56, Q59, Q130).
        MissingSessionName => "no session name (s=)",
        /// There is no `t=` (Q56, Q130).
        MissingTiming => "no timing (t=)",
        /// Neither the session nor this media description has a `c=` (Q130). Recorded at the `m=` line.
        MissingConnection => "no connection (c=) for this media description",
        /// `v=` is not `0`. Read as version 0.
        Version => "version is not 0",
        /// `o=` does not follow the grammar: hexadecimal or negative identifiers, `IPV4`, no address (Q57). Ignored.
        Origin => "origin does not follow the grammar",
        /// `s=` is empty.
        EmptySessionName => "session name is empty",
        /// `c=` does not follow the grammar (Q58, Q72). Ignored.
        Connection => "connection does not follow the grammar",
        /// `b=` does not follow the grammar (Q61). Ignored.
        Bandwidth => "bandwidth does not follow the grammar",
        /// `t=` does not follow the grammar, such as `t=now-` (Q60). Ignored.
        Timing => "timing does not follow the grammar",
        /// `r=` does not follow the grammar, such as one without offsets (Q129). Ignored.
        Repeat => "repeat times do not follow the grammar",
        /// `m=` lacks fields or has an impossible media type (Q55). What there is of it is read.
        MediaLine => "media line does not follow the grammar",
        /// The port of an `m=` line is not a number from 0 to 65535 (Q72). Read as 0.
        MediaPort => "media port is not a number from 0 to 65535",
        /// A format of an RTP media line is not a payload type from 0 to 127 (Q55). That format is left out.
        MediaFormat => "format is not a payload type from 0 to 127",
        /// `a=` has no name, a name with forbidden characters, or a colon without a value. Read as far as it goes.
        Attribute => "attribute does not follow the grammar",
        /// The value of an attribute whose grammar this crate knows ([`TypedAttribute`](crate::TypedAttribute),
        /// `framerate`) does not follow it. That line has no typed view.
        AttributeValue => "value does not follow the grammar of its attribute",
        /// `a=range` ends before it begins (Q131). It is no [`Range`](crate::Range).
        ReversedRange => "range ends before it begins",
        /// `a=rtpmap` does not follow the grammar or has a clock rate of 0 (Q65). What there is of it is read.
        Rtpmap => "rtpmap does not follow the grammar",
        /// `a=fmtp` has no parameters or no payload type (Q66). Ignored.
        Fmtp => "fmtp does not follow the grammar",
        /// `a=fmtp` names several payload types, such as `98 96` (Q66). It counts for each.
        FmtpSeveralTypes => "fmtp names several payload types",
        /// `a=rtpmap` or `a=fmtp` names a payload type that its `m=` line does not list (Q66, Q125). Ignored, save that
        /// the fmtp counts for the only format of its media description where that has none of its own.
        OrphanFormat => "payload type is not listed in the media line",
        /// `a=rtpmap` gives a payload type below 96 another meaning than
        /// [RFC 3551 §6](https://www.rfc-editor.org/rfc/rfc3551#section-6) does (Q65, Q124). The rtpmap counts.
        StaticTypeRedefined => "payload type below 96 is given another meaning than rfc 3551's",
        /// `a=rtpmap` says H.265 and `a=fmtp` has H.264's parameters, or the other way round (Q128). Both are read as they
        /// are, and [`Format::fmtp_encoding`](crate::Format::fmtp_encoding) says whose the parameters are: only the
        /// payloads tell which is true.
        ForeignParameters => "fmtp has the parameters of another encoding than the rtpmap's",
        /// `a=sendonly`, which makes the receiver the sender, stands for what only the camera can send (Q70). See
        /// [`MediaDescription::is_backchannel`](crate::MediaDescription::is_backchannel).
        SenderSide => "direction is stated from the sender's side",
    }
}

/// One use of a [`Tolerance`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Tolerated {
    /// The rule that was bent.
    pub tolerance: Tolerance,
    /// The line that bent it, counted from 1.
    pub line: usize,
}

impl fmt::Display for Tolerated {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "line {}: {}", self.line, self.tolerance)
    }
}

/// Which tolerances a reader may use. The default is all of them.
///
/// ```
/// use throughline_sdp::{ParseError, Policy, SessionDescription, Tolerance};
///
/// let body = b"v=0\r\no=- 1 1 IN IP4 192.0.2.1\r\ns=-\r\nc=IN IP4 0.0.0.0\r\nt=now-\r\n";
/// assert!(SessionDescription::parse(body)?.timing().is_none());
///
/// let policy = Policy::default().refuse(Tolerance::Timing);
/// assert_eq!(
///     SessionDescription::parse_with(body, &policy),
///     Err(ParseError::NotTolerated { tolerance: Tolerance::Timing, line: 5 })
/// );
/// # Ok::<(), ParseError>(())
/// ```
pub type Policy = throughline_tolerance::Policy<Tolerance>;

/// Which tolerances were used, apart from the lines.
pub type Tolerances = throughline_tolerance::Set<Tolerance>;
