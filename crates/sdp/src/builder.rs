use std::net::{IpAddr, Ipv4Addr};

use crate::attributes::TypedAttribute;
use crate::description::SessionDescription;
use crate::fields::{Connection, Origin};
use crate::media::MediaKind;
use crate::parse::Reader;
use crate::tolerance::Policy;

/// Builds a description to write, for servers. See [`SessionDescription::builder`].
///
/// The result is RFC 8866 to the letter, as [`Policy::strict`] would have it, where names are tokens, payload types below
/// 128 and values what the grammar of their attribute has. CR, LF and NUL in any argument become spaces: they would start
/// a line of their own.
#[derive(Clone, Debug)]
pub struct SessionBuilder {
    origin: Origin,
    session_name: String,
    connection: Connection,
    attributes: Vec<String>,
    media: Vec<MediaBuilder>,
}

impl SessionBuilder {
    pub(crate) fn new(origin: Origin, session_name: &str) -> Self {
        Self {
            origin,
            session_name: session_name.to_owned(),
            connection: Connection::new(IpAddr::V4(Ipv4Addr::UNSPECIFIED)),
            attributes: Vec::new(),
            media: Vec::new(),
        }
    }

    /// The session's `c=`, in place of the default `IN IP4 0.0.0.0` that
    /// [RFC 2326 appendix C.1.7](https://www.rfc-editor.org/rfc/rfc2326#appendix-C.1.7) wants for unicast.
    #[must_use]
    pub fn connection(mut self, connection: Connection) -> Self {
        self.connection = connection;
        self
    }

    /// Adds a session attribute; an empty value makes a flag.
    #[must_use]
    pub fn attribute(mut self, name: &str, value: &str) -> Self {
        self.attributes.push(attribute(name, value));
        self
    }

    /// Adds a session attribute that has a type of its own.
    #[must_use]
    pub fn typed<T: TypedAttribute>(self, attribute: &T) -> Self {
        self.attribute(T::NAME, &attribute.to_string())
    }

    /// Adds a media description.
    #[must_use]
    pub fn media(mut self, media: MediaBuilder) -> Self {
        self.media.push(media);
        self
    }

    /// The description.
    pub fn build(self) -> SessionDescription {
        let session_name = if self.session_name.is_empty() {
            "-"
        } else {
            &self.session_name
        };
        let session = [
            "v=0".to_owned(),
            format!("o={}", self.origin),
            format!("s={session_name}"),
            format!("c={}", self.connection),
            "t=0 0".to_owned(),
        ];
        let lines = session
            .into_iter()
            .chain(self.attributes)
            .chain(self.media.into_iter().flat_map(MediaBuilder::into_lines));
        let mut reader = Reader::new(Policy::default());
        for line in lines {
            reader.line(&line.replace(['\r', '\n', '\0'], " "));
        }
        reader.finish();
        reader.into_description()
    }
}

/// Builds one media description of a [`SessionBuilder`].
#[derive(Clone, Debug)]
pub struct MediaBuilder {
    media: String,
    bandwidths: Vec<String>,
    attributes: Vec<String>,
}

impl MediaBuilder {
    /// An `m=` line. RTSP servers give port 0 for unicast.
    #[expect(
        clippy::needless_pass_by_value,
        reason = "a kind is made for this call and has no other use"
    )]
    pub fn new(kind: MediaKind, port: u16, protocol: &str, payload_types: &[u8]) -> Self {
        let mut media = format!("m={kind} {port} {protocol}");
        for payload_type in payload_types {
            media.push(' ');
            media.push_str(&payload_type.to_string());
        }
        Self {
            media,
            bandwidths: Vec::new(),
            attributes: Vec::new(),
        }
    }

    /// Adds a `b=` line; see [`Bandwidth`](crate::Bandwidth) for the unit of each modifier.
    #[must_use]
    pub fn bandwidth(mut self, modifier: &str, value: u64) -> Self {
        self.bandwidths.push(format!("b={modifier}:{value}"));
        self
    }

    /// Adds an attribute; an empty value makes a flag.
    #[must_use]
    pub fn attribute(mut self, name: &str, value: &str) -> Self {
        self.attributes.push(attribute(name, value));
        self
    }

    /// Adds an attribute that has a type of its own.
    #[must_use]
    pub fn typed<T: TypedAttribute>(self, attribute: &T) -> Self {
        self.attribute(T::NAME, &attribute.to_string())
    }

    fn into_lines(self) -> impl Iterator<Item = String> {
        [self.media]
            .into_iter()
            .chain(self.bandwidths)
            .chain(self.attributes)
    }
}

fn attribute(name: &str, value: &str) -> String {
    if value.is_empty() {
        format!("a={name}")
    } else {
        format!("a={name}:{value}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Crypto, CryptoKey, FilterMode, NptTime, ParseError, Range, SourceFilter};

    fn origin() -> Origin {
        Origin::new(7, 8, IpAddr::V4(Ipv4Addr::new(192, 0, 2, 7)))
    }

    #[test]
    fn what_is_built_reads_strictly_and_the_same() -> Result<(), ParseError> {
        let multicast = Connection {
            ttl: Some(16),
            group_count: Some(2),
            ..Connection::new(IpAddr::V4(Ipv4Addr::new(233, 252, 0, 1)))
        };
        let built = SessionDescription::builder(origin(), "")
            .connection(multicast)
            .attribute("recvonly", "")
            .media(
                MediaBuilder::new(MediaKind::Video, 0, "RTP/AVPF", &[98, 96])
                    .bandwidth("AS", 500)
                    .attribute("rtpmap", "96 H264/90000")
                    .attribute("fmtp", "96 packetization-mode=1"),
            )
            .media(MediaBuilder::new(MediaKind::Audio, 0, "RTP/AVP", &[0]))
            .build();
        let read = SessionDescription::parse_with(built.to_string().as_bytes(), &Policy::strict())?;
        assert_eq!(read, built);
        assert_eq!(
            built.to_string(),
            "v=0\r\no=- 7 8 IN IP4 192.0.2.7\r\ns=-\r\nc=IN IP4 233.252.0.1/16/2\r\nt=0 0\r\na=recvonly\r\n\
             m=video 0 RTP/AVPF 98 96\r\nb=AS:500\r\na=rtpmap:96 H264/90000\r\na=fmtp:96 packetization-mode=1\r\n\
             m=audio 0 RTP/AVP 0\r\n"
        );
        Ok(())
    }

    #[test]
    fn typed_attributes_are_built_to_the_letter() -> Result<(), ParseError> {
        let range = Range::Npt {
            start: Some(NptTime::Now),
            end: None,
        };
        let crypto = Crypto {
            tag: 1,
            suite: "AES_CM_128_HMAC_SHA1_80".to_owned(),
            keys: vec![CryptoKey {
                key_and_salt: "dGVzdA==".to_owned(),
                lifetime: None,
                mki: None,
            }],
            session_parameters: Vec::new(),
        };
        let filter = SourceFilter {
            mode: FilterMode::Include,
            address_type: None,
            destination: "*".to_owned(),
            sources: vec!["cam.example".to_owned()],
        };
        let built = SessionDescription::builder(origin(), "")
            .typed(&range)
            .typed(&filter)
            .media(MediaBuilder::new(MediaKind::Audio, 0, "RTP/SAVP", &[0]).typed(&crypto))
            .build();
        let read = SessionDescription::parse_with(built.to_string().as_bytes(), &Policy::strict())?;
        assert!(read.typed::<Range>().eq([range]));
        assert!(read.typed::<SourceFilter>().eq([filter]));
        assert!(read.media()[0].typed::<Crypto>().eq([crypto]));
        Ok(())
    }

    #[test]
    fn line_breaks_in_arguments_start_no_line() {
        let built = SessionDescription::builder(origin(), "a\r\nm=video 1 RTP/AVP 96")
            .attribute("tool", "x\0y\nz")
            .build();
        assert_eq!(built.session_name(), Some("a  m=video 1 RTP/AVP 96"));
        assert_eq!(built.attribute("tool"), Some("x y z"));
        assert!(built.media().is_empty());
    }
}
