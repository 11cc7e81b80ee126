//! The camera's side of the RTSP conversation, as short as can be.

/// The camera's address, in the network that documentation uses.
pub(super) const HOST: [u8; 4] = [192, 0, 2, 7];

/// Where its RTP comes from over UDP; RTCP from the port above.
pub(super) const RTP_PORT: u16 = 6970;

const DESCRIPTION: &str = "v=0\r\no=- 1 1 IN IP4 192.0.2.7\r\ns=Lossy\r\nt=0 0\r\nm=video 0 RTP/AVP 96\r\n\
                           a=rtpmap:96 H264/90000\r\na=control:trackID=0\r\n";

/// The answer to what the client writes in one piece: one request, or RTCP that nobody answers.
pub(super) fn answer(request: &[u8]) -> Option<Vec<u8>> {
    let request = std::str::from_utf8(request)
        .ok()
        .filter(|text| !text.starts_with('$'))?;
    let (method, _) = request.split_once(' ')?;
    let header = |name: &str| {
        let mut lines = request.lines();
        lines
            .find_map(|line| line.strip_prefix(name)?.strip_prefix(": "))
            .unwrap_or_default()
    };
    let ok = format!(
        "RTSP/1.0 200 OK\r\nCSeq: {}\r\nSession: 1;timeout=60\r\n",
        header("CSeq")
    );
    let rest = match method {
        "DESCRIBE" => {
            let length = DESCRIPTION.len();
            format!("Content-Type: application/sdp\r\nContent-Length: {length}\r\n\r\n{DESCRIPTION}")
        }
        "SETUP" => {
            let transport = header("Transport");
            let ports = if transport.contains("interleaved") {
                String::new()
            } else {
                format!(";server_port={RTP_PORT}-{}", RTP_PORT + 1)
            };
            format!("Transport: {transport}{ports}\r\n\r\n")
        }
        _ => "\r\n".to_owned(),
    };
    Some((ok + &rest).into_bytes())
}
