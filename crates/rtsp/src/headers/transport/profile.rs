use std::fmt;

/// The RTP profile of a transport: whether packets are encrypted, and whether feedback may come early.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
pub enum Profile {
    /// `RTP/AVP`, [RFC 3551](https://www.rfc-editor.org/rfc/rfc3551).
    #[default]
    Avp,
    /// `RTP/AVPF`, [RFC 4585](https://www.rfc-editor.org/rfc/rfc4585).
    Avpf,
    /// `RTP/SAVP`, [RFC 3711](https://www.rfc-editor.org/rfc/rfc3711).
    Savp,
    /// `RTP/SAVPF`, [RFC 5124](https://www.rfc-editor.org/rfc/rfc5124).
    Savpf,
}

impl Profile {
    /// As in a Transport header and in a description.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Avp => "RTP/AVP",
            Self::Avpf => "RTP/AVPF",
            Self::Savp => "RTP/SAVP",
            Self::Savpf => "RTP/SAVPF",
        }
    }

    /// The profile of that name in any case, without what carries it (`/TCP`, `/UDP`).
    pub fn from_name(name: &str) -> Option<Self> {
        [Self::Avp, Self::Avpf, Self::Savp, Self::Savpf]
            .into_iter()
            .find(|profile| profile.as_str().eq_ignore_ascii_case(name))
    }

    /// Whether packets are SRTP and SRTCP.
    pub fn is_secure(self) -> bool {
        matches!(self, Self::Savp | Self::Savpf)
    }
}

impl fmt::Display for Profile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
