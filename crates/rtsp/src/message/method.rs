use std::fmt;

/// What a request asks for ([RFC 2326 §10](https://www.rfc-editor.org/rfc/rfc2326#section-10)).
///
/// Methods are case-sensitive; a name that is not one of the RFC's is [`Method::Extension`].
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
#[expect(missing_docs, reason = "each variant is the method of its name")]
pub enum Method {
    Options,
    Describe,
    Announce,
    Setup,
    Play,
    Pause,
    Teardown,
    GetParameter,
    SetParameter,
    Redirect,
    Record,
    /// A method of somebody's own: its name as it stood on the wire.
    Extension(String),
}

impl Method {
    /// The methods that RFC 2326 names.
    pub(crate) const KNOWN: [Self; 11] = [
        Self::Options,
        Self::Describe,
        Self::Announce,
        Self::Setup,
        Self::Play,
        Self::Pause,
        Self::Teardown,
        Self::GetParameter,
        Self::SetParameter,
        Self::Redirect,
        Self::Record,
    ];

    /// The name on the wire.
    pub fn as_str(&self) -> &str {
        match self {
            Self::Options => "OPTIONS",
            Self::Describe => "DESCRIBE",
            Self::Announce => "ANNOUNCE",
            Self::Setup => "SETUP",
            Self::Play => "PLAY",
            Self::Pause => "PAUSE",
            Self::Teardown => "TEARDOWN",
            Self::GetParameter => "GET_PARAMETER",
            Self::SetParameter => "SET_PARAMETER",
            Self::Redirect => "REDIRECT",
            Self::Record => "RECORD",
            Self::Extension(name) => name,
        }
    }
}

impl From<&str> for Method {
    fn from(name: &str) -> Self {
        Self::KNOWN
            .into_iter()
            .find(|method| method.as_str() == name)
            .unwrap_or_else(|| Self::Extension(name.to_owned()))
    }
}

impl fmt::Display for Method {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
