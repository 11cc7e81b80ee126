//! LiveKit access tokens: made from an API key, or taken as they are.

use std::fmt;
use std::time::Duration;

use livekit_token::{AccessToken, Claims, VideoGrants};
use thiserror::Error;

/// How long a publisher's token is good for. It is made anew for every join, and the server refreshes it while
/// connected; an hour forgives clocks that disagree.
const PUBLISHER_TTL: Duration = Duration::from_secs(60 * 60);

/// How long a viewer's token is good for: a working day of watching, not a key to the house.
const VIEWER_TTL: Duration = Duration::from_secs(12 * 60 * 60);

/// Why a token cannot be made or used.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum TokenError {
    /// The API key or its secret is empty.
    #[error("the LiveKit API key and secret must not be empty")]
    EmptyKey,
    /// Room or identity is empty.
    #[error("the LiveKit {0} must not be empty")]
    Empty(&'static str),
    /// The given token is not a LiveKit access token.
    #[error("the LiveKit token cannot be read: it is not a JWT with LiveKit's claims")]
    Unreadable,
    /// The given token does not allow what it is needed for.
    #[error("the LiveKit token does not grant {0}")]
    Lacks(&'static str),
    /// Signing failed.
    #[error("the LiveKit token cannot be signed")]
    Signing,
}

/// The right to publish into one room under one identity.
#[derive(Clone)]
pub struct PublisherToken {
    source: Source,
    room: String,
    identity: String,
}

#[derive(Clone)]
enum Source {
    ApiKey { key: String, secret: String },
    Ready(String),
}

impl PublisherToken {
    /// From an API key and its secret: tokens are signed here, a fresh one for every join.
    pub fn from_api_key(key: &str, secret: &str, room: &str, identity: &str) -> Result<Self, TokenError> {
        if key.is_empty() || secret.is_empty() {
            return Err(TokenError::EmptyKey);
        }
        for (value, name) in [(room, "room"), (identity, "identity")] {
            if value.is_empty() {
                return Err(TokenError::Empty(name));
            }
        }
        let source = Source::ApiKey {
            key: key.to_owned(),
            secret: secret.to_owned(),
        };
        Ok(Self {
            source,
            room: room.to_owned(),
            identity: identity.to_owned(),
        })
    }

    /// From a ready token, whose room and identity hold.
    pub fn from_jwt(jwt: &str) -> Result<Self, TokenError> {
        let jwt = jwt.trim();
        let claims = Claims::from_unverified(jwt).map_err(|_| TokenError::Unreadable)?;
        if !claims.video.room_join {
            return Err(TokenError::Lacks("joining a room (roomJoin)"));
        }
        if !claims.video.can_publish() {
            return Err(TokenError::Lacks("publishing (canPublish)"));
        }
        if claims.video.room.is_empty() {
            return Err(TokenError::Lacks("a room (room)"));
        }
        Ok(Self {
            source: Source::Ready(jwt.to_owned()),
            room: claims.video.room,
            identity: claims.sub,
        })
    }

    /// The room it opens.
    pub fn room(&self) -> &str {
        &self.room
    }

    /// The participant's identity.
    pub fn identity(&self) -> &str {
        &self.identity
    }

    /// A token with which `identity` may watch this room and nothing else; `None` where only a ready token, not the
    /// API key, is at hand.
    pub fn viewer_jwt(&self, identity: &str) -> Option<Result<String, TokenError>> {
        let Source::ApiKey { key, secret } = &self.source else {
            return None;
        };
        let grants = VideoGrants {
            room_join: true,
            room: self.room.clone(),
            can_publish: Some(false),
            can_subscribe: Some(true),
            can_publish_data: Some(false),
            ..VideoGrants::default()
        };
        Some(sign(
            AccessToken::with_api_key(key, secret),
            VIEWER_TTL,
            identity,
            grants,
        ))
    }

    /// Takes the token that the server renewed, where it is good for longer than the one at hand.
    pub(crate) fn renew(&mut self, renewed: &str) {
        let expiry = |jwt: &str| {
            Claims::from_unverified(jwt)
                .map(|claims| claims.exp)
                .unwrap_or_default()
        };
        if let Source::Ready(jwt) = &mut self.source
            && expiry(renewed) > expiry(jwt)
        {
            renewed.clone_into(jwt);
        }
    }

    /// The token to join with now.
    pub(crate) fn jwt(&self) -> Result<String, TokenError> {
        match &self.source {
            Source::Ready(jwt) => Ok(jwt.clone()),
            Source::ApiKey { key, secret } => {
                let grants = VideoGrants {
                    room_join: true,
                    room: self.room.clone(),
                    can_publish: Some(true),
                    can_subscribe: Some(false),
                    can_publish_data: Some(false),
                    ..VideoGrants::default()
                };
                sign(
                    AccessToken::with_api_key(key, secret),
                    PUBLISHER_TTL,
                    &self.identity,
                    grants,
                )
            }
        }
    }
}

fn sign(
    token: AccessToken,
    ttl: Duration,
    identity: &str,
    grants: VideoGrants,
) -> Result<String, TokenError> {
    token
        .with_identity(identity)
        .with_ttl(ttl)
        .with_grants(grants)
        .to_jwt()
        .map_err(|_| TokenError::Signing)
}

impl fmt::Debug for PublisherToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PublisherToken")
            .field("room", &self.room)
            .field("identity", &self.identity)
            .finish_non_exhaustive()
    }
}

/// `text` on one line, without anything that could be a JWT: server and library errors quote tokens whole.
pub(crate) fn without_tokens(text: &str) -> String {
    /// The base64 of `{"`, with which the header of every JWT begins.
    const JWT_START: &str = "eyJ";
    let mut clean = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find(JWT_START) {
        let (before, token) = rest.split_at(at);
        clean.push_str(before);
        clean.push_str("[token]");
        let end = token
            .find(|c: char| !(c.is_ascii_alphanumeric() || "-_.=".contains(c)))
            .unwrap_or(token.len());
        rest = token.get(end..).unwrap_or_default();
    }
    clean.push_str(rest);
    clean.replace(['\r', '\n'], " ")
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECRET: &str = "secret-secret-secret-secret-0000";

    fn publisher() -> PublisherToken {
        PublisherToken::from_api_key("devkey", SECRET, "yard", "cam-1").unwrap()
    }

    #[test]
    fn the_publisher_may_publish_and_not_subscribe() {
        let claims = Claims::from_unverified(&publisher().jwt().unwrap()).unwrap();
        assert_eq!(
            (claims.sub.as_str(), claims.video.room.as_str()),
            ("cam-1", "yard")
        );
        assert!(claims.video.room_join && claims.video.can_publish() && !claims.video.can_subscribe());
    }

    #[test]
    fn the_viewer_may_subscribe_and_not_publish() {
        let jwt = publisher().viewer_jwt("viewer").unwrap().unwrap();
        let claims = Claims::from_unverified(&jwt).unwrap();
        assert!(claims.video.room_join && claims.video.can_subscribe() && !claims.video.can_publish());
        assert_eq!(
            PublisherToken::from_jwt(&jwt).unwrap_err(),
            TokenError::Lacks("publishing (canPublish)")
        );
    }

    #[test]
    fn a_ready_token_names_its_room_and_identity_and_makes_no_others() {
        let jwt = publisher().jwt().unwrap();
        let token = PublisherToken::from_jwt(&format!(" {jwt}\n")).unwrap();
        assert_eq!((token.room(), token.identity()), ("yard", "cam-1"));
        assert_eq!(token.jwt().unwrap(), jwt);
        assert!(token.viewer_jwt("viewer").is_none());
        assert_eq!(
            PublisherToken::from_jwt("nonsense").unwrap_err(),
            TokenError::Unreadable
        );
    }

    #[test]
    fn a_renewed_token_replaces_a_ready_one_only_if_it_lives_longer() {
        let lasting = |hours: u64| {
            let grants = VideoGrants {
                room_join: true,
                room: "yard".to_owned(),
                ..VideoGrants::default()
            };
            let ttl = Duration::from_secs(hours * 3600);
            sign(AccessToken::with_api_key("devkey", SECRET), ttl, "cam-1", grants).unwrap()
        };
        let (short, long) = (lasting(1), lasting(2));
        let mut token = PublisherToken::from_jwt(&short).unwrap();
        token.renew(&long);
        assert_eq!(token.jwt().unwrap(), long);
        token.renew(&short);
        token.renew("nonsense");
        assert_eq!(token.jwt().unwrap(), long);
    }

    #[test]
    fn empty_parts_are_named() {
        let made = |key, secret, room, identity| {
            PublisherToken::from_api_key(key, secret, room, identity).unwrap_err()
        };
        assert_eq!(made("", SECRET, "r", "i"), TokenError::EmptyKey);
        assert_eq!(made("k", "", "r", "i"), TokenError::EmptyKey);
        assert_eq!(made("k", SECRET, "", "i"), TokenError::Empty("room"));
        assert_eq!(made("k", SECRET, "r", ""), TokenError::Empty("identity"));
    }

    #[test]
    fn neither_debug_nor_a_cleaned_error_shows_a_secret() {
        let token = publisher();
        let jwt = token.jwt().unwrap();
        let ready = PublisherToken::from_jwt(&jwt).unwrap();
        for text in [format!("{token:?}"), format!("{ready:?}")] {
            assert!(!text.contains(SECRET) && !text.contains("eyJ"), "{text}");
        }
        let error = format!("client error: 401 - invalid token: {jwt}, error: signature\nagain {jwt}");
        assert_eq!(
            without_tokens(&error),
            "client error: 401 - invalid token: [token], error: signature again [token]"
        );
    }
}
