use throughline_rtsp::headers::LowerTransport;

/// How packets may travel.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Transports {
    /// As the client likes.
    #[default]
    Both,
    /// Interleaved on the RTSP connection only.
    Tcp,
    /// As datagrams only.
    Udp,
}

impl Transports {
    pub(crate) fn has(self, lower: LowerTransport) -> bool {
        match lower {
            LowerTransport::Tcp => self != Self::Udp,
            LowerTransport::Udp => self != Self::Tcp,
        }
    }
}
