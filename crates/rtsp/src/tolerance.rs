use throughline_tolerance::tolerances;

tolerances! {
    /// A rule of RTSP that cameras bend and this crate can overlook.
    ///
    /// Each can be refused alone ([`Policy::refuse`]). It is an error then, unless its text says what happens instead;
    /// [`Reading::tolerated`] tells which were used.
    pub enum Tolerance {
        // Messages
        /// A line of the head ends in LF alone.
        LineEnding => "line ends in lf alone",
        /// A start line holds blanks elsewhere than its grammar: in the URL, two between words, before the line's end.
        StartLineBlanks => "blanks in the start line",
        /// The version is not 1.0.
        Version => "version is not 1.0",
        /// A status line ends behind the status (Q17).
        MissingReason => "no reason phrase behind the status",
        /// Blanks stand between a header's name and its colon.
        BlankBeforeColon => "blanks before a header's colon",
        /// A line between the headers is none. It is left out.
        NotAHeader => "line is no header",
        /// A start line or header holds bytes that are not UTF-8. They are read as U+FFFD.
        NotUtf8 => "text is not utf-8",
        /// A start line or header holds a control character. It is read as a space.
        ControlCharacter => "text holds a control character",
        /// Content-Length is empty, or there several times with one value.
        ContentLength => "content length is empty or repeated",
        /// Bytes between messages and frames belong to neither (Q33). They are skipped.
        Garbage => "bytes that are neither a message nor a frame",
        /// A frame's length reaches past the beginning of the next one (Q114): the torn one is skipped. Refused, the frame
        /// counts as its length says.
        TornFrame => "frame that swallows the next one",

        // Headers
        /// Session has parameters beside a timeout above 0 (Q10). They are ignored.
        SessionParameter => "session parameter is no timeout above 0",
        /// A parameter of Transport stands before the specification that it belongs to (Q22).
        TransportOrder => "transport parameter before its specification",
        /// A comma, not a semicolon, stands before a parameter of Transport (Q23).
        TransportComma => "comma before a transport parameter",
        /// The value of a Transport parameter cannot be read. It is ignored.
        TransportParameter => "transport parameter is unreadable",
        /// The SSRC in Transport is not eight hexadecimal digits (Q22, Q110). It is read as far as it is one.
        TransportSsrc => "ssrc is not eight hexadecimal digits",
        /// Transport has channels of this connection but not `/TCP` (Q20).
        InterleavedWithoutTcp => "interleaved channels without /tcp",
        /// Transport says neither unicast nor multicast: it is unicast. Refused, it is multicast, as RFC 2326 §12.39 says.
        MissingDelivery => "neither unicast nor multicast",
        /// A part of RTP-Info cannot be read (Q87). It is absent.
        RtpInfo => "part of rtp-info is unreadable",
        /// The timestamp in RTP-Info is 0, which means unknown (Q136): it is absent. Refused, it is 0.
        ZeroRtpTime => "rtp-info timestamp is 0",
        /// A Range ends before it begins (Q131). It is kept as it stands.
        BackwardRange => "range ends before it begins",
        /// A quoted string has no end.
        UnterminatedString => "quoted string has no end",
        /// Parameters of a challenge or an answer are not separated by single commas.
        AuthSeparator => "parameters are not separated by commas",
        /// A challenge lacks a realm or a nonce. It is read as an empty one.
        ChallengeParameter => "challenge lacks its realm or nonce",

        // URLs
        /// Content-Base has no scheme (Q1): its path counts. Refused, it is passed over.
        MissingScheme => "url has no scheme",
        /// Content-Base or a control attribute has two schemes, another protocol's, or an authority that is none (Q2): only its
        /// path counts. Refused, it is passed over.
        BrokenAuthority => "url has two schemes or no valid host",
        /// Content-Base is a path (Q3). Refused, it is passed over.
        RelativeBase => "base url is a path",
        /// Content-Base or a control attribute names another server than the one connected to (Q4, Q132): only its path counts.
        /// Refused, it counts as it stands.
        OtherServer => "url names another server",
        /// A control attribute is put behind the base URL as text (Q5, Q132). Refused, it is resolved by RFC 3986.
        TextualControl => "control attribute is no relative url",
        /// Credentials in a URL are not percent-encoded (Q54).
        UnescapedCredentials => "credentials are not percent-encoded",
        /// A URL holds characters that no URL may hold. They are percent-encoded.
        UnescapedUrl => "url holds characters that are not percent-encoded",
        /// An IPv6 address lacks its brackets, or its zone the `%25` (Q150).
        Ipv6Literal => "ipv6 address without brackets, or zone without %25",

        // The client's session
        /// The answer to DESCRIBE is not labelled `application/sdp` (Q7): its body is what counts.
        ContentType => "description is not labelled application/sdp",
        /// A response has no CSeq, or an unreadable one (Q12): it answers the only request that is under way.
        MissingCSeq => "response has no cseq",
        /// A response has the CSeq of no request that is under way (Q96, Q97): it answers the only one that is. Refused, it
        /// answers nothing and is ignored.
        OtherCSeq => "response has the cseq of another request",
        /// OPTIONS before DESCRIBE is refused (Q16): DESCRIBE goes out all the same.
        OptionsRefused => "options is refused",
        /// The server closes the connection behind a 401 (Q28): the request is repeated on a new one. Refused, that is the end.
        CloseAfterUnauthorized => "connection is closed behind a 401",
        /// The server closes the connection in place of an answer to DESCRIBE (Q113): OPTIONS goes first on a new one.
        /// Refused, that is the end.
        CloseOnDescribe => "connection is closed on describe",
        /// The answer to SETUP has no Transport, or one without the channels (Q19): what was asked for counts.
        MissingTransport => "answer to setup does not say what was agreed on",
        /// The answer to SETUP has other channels than were asked for (Q21): they count.
        OtherChannels => "answer to setup has other channels than were asked for",
        /// The answer to SETUP has another RTP profile than was asked for, but is encrypted as was asked or not encrypted as
        /// was asked: it counts. What would change that is never tolerated.
        OtherProfile => "answer to setup has another profile than was asked for",
        /// SETUP is refused with 400, 451, 456, 501 or 551: another transport may do, as behind a 461 (rtsp-server-perl answers
        /// 400 to whoever wants TCP). Refused, that is the end.
        TransportRefusal => "transport is refused with another status than 461",
        /// The session has another id than before (Q9): the newest counts.
        SessionIdChange => "session id changes",
        /// Packets come on a channel that was not set up, or before PLAY (Q30, Q32): they are dropped.
        StrayMedia => "packet that nobody has asked for",
        /// Packets come before PLAY is answered (Q31): they are handed out.
        EarlyMedia => "packet before the answer to play",
        /// A keepalive is refused (Q39, Q98): another method is tried, and the session goes on.
        RefusedKeepAlive => "keepalive is refused",
        /// A keepalive is not answered (Q38, Q98): another method is tried, and the session goes on.
        UnansweredKeepAlive => "keepalive is not answered",
        /// Credentials are refused that were accepted before (Q122): [`Asleep`](crate::client::Error::Asleep) is the error.
        /// Refused, it is [`CredentialsRefused`](crate::client::Error::CredentialsRefused).
        RefusedAfterAcceptance => "credentials are refused that were accepted before",
    }
}

/// Which tolerances a reader may use. The default is all of them.
pub type Policy = throughline_tolerance::Policy<Tolerance>;

/// Which tolerances were used.
pub type Tolerances = throughline_tolerance::Set<Tolerance>;

/// A [`Policy`], and what was used of it so far: handed to everything that reads with one.
pub type Reading = throughline_tolerance::Reading<Tolerance>;
