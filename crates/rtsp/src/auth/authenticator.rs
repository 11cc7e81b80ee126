use super::digest::Algorithm;
use super::nonces::Nonces;
use crate::headers::{
    AuthenticationInfo, Authorization, Challenge, DigestAnswer, DigestChallenge, Qop, UsernameForm,
};
use crate::{Credentials, Request};

/// The client's end: answers challenges with at most the attempts that are needed.
///
/// Cameras lock a client out after a few wrong passwords, for half an hour and longer (Q103). So each scheme that a
/// server offers is tried once, the strongest first (Q50), and once more only where the server says that merely the
/// nonce was too old (Q52). Basic, which is the password in clear, is never sent after a Digest was answered.
/// Success makes all attempts available again: a camera may ask anew in the middle of a session (Q42).
#[derive(Debug)]
pub struct Authenticator {
    credentials: Option<Credentials>,
    nonces: Nonces,
    /// The challenge that requests are answered with, `None` before the first.
    chosen: Option<Chosen>,
    /// What was tried since the server last let us in; at most one entry for each [`Scheme`].
    tried: Vec<Scheme>,
    stale: StaleRetry,
}

/// Why there is nothing left to try.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AuthError {
    /// The server asks for credentials and the caller gave none.
    #[error("the server asks for credentials and none were given")]
    NoCredentials,
    /// Every scheme was tried that is spoken at both ends. Trying again may lock the account (Q103).
    #[error("the server refused the credentials")]
    Refused,
    /// The server offers no scheme that is spoken here.
    #[error(
        "the server offers no way to authenticate that is supported (offered: {})",
        list(schemes)
    )]
    UnsupportedScheme {
        /// What it offers, for instance `Digest SM3`; empty where it names nothing.
        schemes: Vec<String>,
    },
}

/// A way to authenticate, the weakest first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Scheme {
    Basic,
    Digest(Algorithm),
}

#[derive(Clone, Debug)]
enum Chosen {
    Basic,
    Digest(Session),
}

/// What follows from one Digest challenge ([RFC 7616 §3.4](https://www.rfc-editor.org/rfc/rfc7616#section-3.4)).
#[derive(Clone, Debug)]
struct Session {
    challenge: DigestChallenge,
    algorithm: Algorithm,
    /// The nonce to answer with: the challenge's, or what the server has put in its place.
    nonce: String,
    /// The same for the whole session, as `-sess` needs it.
    cnonce: String,
    /// How many answers `nonce` was used for.
    used: u32,
}

/// Whether the one extra attempt that `stale=true` grants is still to be had.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum StaleRetry {
    Available,
    Spent,
}

impl Authenticator {
    /// Client nonces come from `seed`: random for a real camera, fixed in a test.
    pub fn new(credentials: Option<Credentials>, seed: u64) -> Self {
        Self {
            credentials,
            nonces: Nonces::new(seed),
            chosen: None,
            tried: Vec::new(),
            stale: StaleRetry::Available,
        }
    }

    /// Takes in the challenges of a 401. `Ok` means that the request is worth repeating, through
    /// [`authorize`](Self::authorize) again.
    pub fn challenged(&mut self, challenges: &[Challenge]) -> Result<(), AuthError> {
        if self.credentials.is_none() {
            return Err(AuthError::NoCredentials);
        }
        let best = challenges
            .iter()
            // Of equals the last would be taken, and the server's first choice stands first.
            .rev()
            .filter_map(|challenge| Some((scheme(challenge)?, challenge)))
            .filter(|&(scheme, challenge)| self.may_try(scheme, challenge))
            .max_by_key(|&(scheme, _)| scheme);
        let Some((scheme, challenge)) = best else {
            return Err(self.give_up(challenges));
        };
        if self.tried.contains(&scheme) {
            self.stale = StaleRetry::Spent;
        } else {
            self.tried.push(scheme);
        }
        self.chosen = Some(match (scheme, challenge) {
            (Scheme::Digest(algorithm), Challenge::Digest(challenge)) => Chosen::Digest(Session {
                challenge: challenge.clone(),
                algorithm,
                nonce: challenge.nonce.clone(),
                cnonce: self.nonces.next(),
                used: self.answers_to(&challenge.nonce),
            }),
            _ => Chosen::Basic,
        });
        Ok(())
    }

    /// What challenges are answered with.
    pub(crate) fn credentials(&self) -> Option<&Credentials> {
        self.credentials.as_ref()
    }

    /// Whether requests carry credentials by now.
    pub(crate) fn is_answering(&self) -> bool {
        self.chosen.is_some()
    }

    /// What was sent was not refused: either the server let it pass, or it never answered. The attempts are available again.
    pub fn not_refused(&mut self) {
        self.tried.clear();
        self.stale = StaleRetry::Available;
    }

    /// Takes in what a server says with a response: the nonce to answer with from here on.
    ///
    /// `rspauth` is not verified. It would show that the server knows the password too; but cameras compute it wrong, and
    /// whoever sits between could forge the media, which nothing protects, as well.
    pub fn informed(&mut self, info: &AuthenticationInfo) {
        let Some(nonce) = &info.nextnonce else { return };
        let used = self.answers_to(nonce);
        if let Some(Chosen::Digest(session)) = &mut self.chosen {
            session.nonce.clone_from(nonce);
            session.used = used;
        }
    }

    /// Another server is spoken to from here on: what the last one asked is forgotten, and with [`None`] the
    /// credentials are too.
    pub fn change_server(&mut self, credentials: Option<Credentials>) {
        self.credentials = credentials;
        self.chosen = None;
        self.not_refused();
    }

    /// Puts the `Authorization` header on a request whose method and URI are final (Q51). Does nothing before the first
    /// challenge: credentials never go out unasked.
    pub fn authorize(&mut self, request: &mut Request) {
        let (Some(credentials), Some(chosen)) = (&self.credentials, &mut self.chosen) else {
            return;
        };
        let authorization = match chosen {
            Chosen::Basic => Authorization::Basic(credentials.clone()),
            Chosen::Digest(session) => Authorization::Digest(session.answer(credentials, request)),
        };
        request.headers.set_typed(&authorization);
    }

    /// How many answers this nonce was used for: a server may give the same one again, and a count that does not rise is a
    /// replay to it.
    fn answers_to(&self, nonce: &str) -> u32 {
        match &self.chosen {
            Some(Chosen::Digest(session)) if session.nonce == nonce => session.used,
            _ => 0,
        }
    }

    fn may_try(&self, scheme: Scheme, challenge: &Challenge) -> bool {
        match challenge {
            Challenge::Digest(DigestChallenge { stale: true, .. }) if self.stale == StaleRetry::Available => {
                true
            }
            Challenge::Basic { .. } if matches!(self.chosen, Some(Chosen::Digest { .. })) => false,
            _ => !self.tried.contains(&scheme),
        }
    }

    fn give_up(&self, challenges: &[Challenge]) -> AuthError {
        if self.tried.is_empty() && self.chosen.is_none() {
            AuthError::UnsupportedScheme {
                schemes: challenges.iter().map(describe).collect(),
            }
        } else {
            AuthError::Refused
        }
    }
}

impl Session {
    fn answer(&mut self, credentials: &Credentials, request: &Request) -> DigestAnswer {
        self.used = self.used.saturating_add(1);
        let Self {
            challenge, algorithm, ..
        } = self;
        let qop = qop(challenge);
        let (username, username_form) = match credentials.username() {
            name if challenge.userhash => (algorithm.userhash(name, &challenge.realm), UsernameForm::Hashed),
            name if challenge.utf8 && !name.is_ascii() => (name.to_owned(), UsernameForm::Extended),
            name => (name.to_owned(), UsernameForm::Plain),
        };
        let mut answer = DigestAnswer {
            username,
            username_form,
            realm: challenge.realm.clone(),
            nonce: self.nonce.clone(),
            uri: request.uri.clone(),
            response: String::new(),
            algorithm: challenge.algorithm.clone(),
            opaque: challenge.opaque.clone(),
            qop,
            cnonce: qop.map(|_| self.cnonce.clone()),
            nc: qop.map(|_| self.used),
        };
        answer.response = algorithm.response(&answer, &challenge.nonce, credentials, request);
        answer
    }
}

/// The protection to answer with. The body as well only where nothing less is offered: what a player sends has none.
fn qop(challenge: &DigestChallenge) -> Option<Qop> {
    [Qop::Auth, Qop::AuthInt]
        .into_iter()
        .find(|qop| challenge.qop.contains(qop))
}

/// The scheme of a challenge that can be answered, `None` for one that cannot.
fn scheme(challenge: &Challenge) -> Option<Scheme> {
    match challenge {
        Challenge::Basic { .. } => Some(Scheme::Basic),
        Challenge::Digest(digest) => Algorithm::of(digest.algorithm.as_ref())
            .filter(|algorithm| qop(digest).is_some() || !algorithm.needs_qop())
            .map(Scheme::Digest),
        Challenge::Other { .. } => None,
    }
}

fn describe(challenge: &Challenge) -> String {
    match challenge {
        Challenge::Basic { .. } => "Basic".to_owned(),
        Challenge::Digest(digest) => {
            let mut text = "Digest".to_owned();
            if let Some(algorithm) = &digest.algorithm {
                text.push(' ');
                text.push_str(algorithm.as_str());
            }
            for qop in &digest.qop {
                text.push_str(" qop=");
                text.push_str(qop.as_str());
            }
            text
        }
        Challenge::Other { scheme } => scheme.clone(),
    }
}

fn list(schemes: &[String]) -> String {
    if schemes.is_empty() {
        "nothing".to_owned()
    } else {
        schemes.join(", ")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Method;
    use crate::headers::{DigestAlgorithm, TypedHeader};

    fn authenticator() -> Authenticator {
        Authenticator::new(Some(Credentials::new("viewer", "sesame")), 1)
    }

    fn basic() -> Challenge {
        Challenge::Basic {
            realm: "camera".to_owned(),
        }
    }

    fn md5(nonce: &str) -> Challenge {
        Challenge::Digest(DigestChallenge {
            realm: "camera".to_owned(),
            nonce: nonce.to_owned(),
            ..DigestChallenge::default()
        })
    }

    fn sha256(nonce: &str) -> Challenge {
        Challenge::Digest(DigestChallenge {
            realm: "camera".to_owned(),
            nonce: nonce.to_owned(),
            algorithm: Some(DigestAlgorithm::Sha256),
            qop: vec![Qop::Auth],
            opaque: Some("0pa9ue".to_owned()),
            ..DigestChallenge::default()
        })
    }

    fn stale(nonce: &str) -> Challenge {
        let Challenge::Digest(challenge) = md5(nonce) else {
            unreachable!()
        };
        Challenge::Digest(DigestChallenge {
            stale: true,
            ..challenge
        })
    }

    /// What an authenticator puts on a DESCRIBE.
    fn sent(authenticator: &mut Authenticator) -> Option<Authorization> {
        let mut request = Request::new(Method::Describe, "rtsp://192.0.2.1/live");
        authenticator.authorize(&mut request);
        request.headers.get(Authorization::NAME)?;
        request.headers.typed().unwrap()
    }

    fn sent_digest(authenticator: &mut Authenticator) -> DigestAnswer {
        match sent(authenticator) {
            Some(Authorization::Digest(answer)) => answer,
            other => panic!("expected a digest, got {other:?}"),
        }
    }

    #[test]
    fn credentials_never_go_out_unasked() {
        assert_eq!(sent(&mut authenticator()), None);
    }

    #[test]
    fn q50_the_strongest_challenge_is_answered_first_whatever_its_place() {
        let mut client = authenticator();
        client.challenged(&[md5("m"), sha256("s"), basic()]).unwrap();
        let answer = sent_digest(&mut client);
        assert_eq!(answer.algorithm, Some(DigestAlgorithm::Sha256));
        assert_eq!(answer.nonce, "s");
        assert_eq!(answer.opaque.as_deref(), Some("0pa9ue"));
    }

    #[test]
    fn of_two_challenges_of_one_strength_the_first_is_answered() {
        let mut client = authenticator();
        client.challenged(&[md5("first"), md5("second")]).unwrap();
        assert_eq!(sent_digest(&mut client).nonce, "first");
    }

    #[test]
    fn q103_each_digest_is_tried_once_and_basic_never_follows() {
        let mut client = authenticator();
        let offered = [basic(), md5("m"), sha256("s")];
        client.challenged(&offered).unwrap();
        client.challenged(&offered).unwrap();
        assert_eq!(sent_digest(&mut client).nonce, "m");
        assert_eq!(client.challenged(&offered), Err(AuthError::Refused));
    }

    #[test]
    fn q50_the_next_of_several_algorithms_is_tried_down_to_the_weakest() {
        use DigestAlgorithm::{Md5, Md5Sess, Sha256, Sha256Sess, Sha512_256, Sha512_256Sess};
        let strongest_first = [Sha512_256Sess, Sha512_256, Sha256Sess, Sha256, Md5Sess, Md5];
        let challenge = |algorithm: &DigestAlgorithm| {
            Challenge::Digest(DigestChallenge {
                algorithm: Some(algorithm.clone()),
                qop: vec![Qop::AuthInt, Qop::Auth],
                ..DigestChallenge::default()
            })
        };
        let offered: Vec<_> = strongest_first.iter().rev().map(challenge).collect();
        let mut client = authenticator();
        for algorithm in strongest_first {
            client.challenged(&offered).unwrap();
            let answer = sent_digest(&mut client);
            assert_eq!((answer.algorithm, answer.qop), (Some(algorithm), Some(Qop::Auth)));
        }
        assert_eq!(client.challenged(&offered), Err(AuthError::Refused));
    }

    #[test]
    fn the_next_nonce_counts_from_1() {
        let mut client = authenticator();
        client.challenged(&[sha256("s")]).unwrap();
        let first = sent_digest(&mut client);
        client.informed(&AuthenticationInfo {
            nextnonce: Some("t".to_owned()),
            ..AuthenticationInfo::default()
        });
        let second = sent_digest(&mut client);
        assert_eq!((second.nonce.as_str(), second.nc), ("t", Some(1)));
        assert_ne!(second.response, first.response);
        client.informed(&AuthenticationInfo {
            nextnonce: Some("t".to_owned()),
            ..AuthenticationInfo::default()
        });
        assert_eq!(sent_digest(&mut client).nc, Some(2), "it is the same once more");
    }

    #[test]
    fn a_name_outside_of_ascii_is_encoded_for_a_server_that_reads_it() {
        let username_form = |utf8, userhash| {
            let mut client = Authenticator::new(Some(Credentials::new("J\u{e4}s\u{f8}n", "p")), 1);
            let challenge = DigestChallenge {
                userhash,
                utf8,
                ..DigestChallenge::default()
            };
            client.challenged(&[Challenge::Digest(challenge)]).unwrap();
            sent_digest(&mut client).username_form
        };
        assert_eq!(username_form(true, false), UsernameForm::Extended);
        assert_eq!(username_form(false, false), UsernameForm::Plain);
        assert_eq!(username_form(true, true), UsernameForm::Hashed);
    }

    #[test]
    fn basic_alone_is_tried_once() {
        let mut client = authenticator();
        client.challenged(&[basic()]).unwrap();
        assert_eq!(
            sent(&mut client),
            Some(Authorization::Basic(Credentials::new("viewer", "sesame")))
        );
        assert_eq!(client.challenged(&[basic()]), Err(AuthError::Refused));
    }

    #[test]
    fn basic_is_not_sent_to_a_server_that_let_a_digest_in_before() {
        let mut client = authenticator();
        client.challenged(&[md5("m")]).unwrap();
        client.not_refused();
        assert_eq!(client.challenged(&[basic()]), Err(AuthError::Refused));
    }

    #[test]
    fn basic_serves_where_the_digest_on_offer_is_not_spoken() {
        let mut client = authenticator();
        let unknown = Challenge::Digest(DigestChallenge {
            algorithm: Some(DigestAlgorithm::Other("SM3".to_owned())),
            ..DigestChallenge::default()
        });
        client.challenged(&[unknown, basic()]).unwrap();
        assert!(matches!(sent(&mut client), Some(Authorization::Basic(_))));
    }

    #[test]
    fn q52_a_stale_nonce_is_replaced_once() {
        let mut client = authenticator();
        client.challenged(&[md5("old")]).unwrap();
        client.challenged(&[stale("new")]).unwrap();
        assert_eq!(sent_digest(&mut client).nonce, "new");
        assert_eq!(client.challenged(&[stale("newer")]), Err(AuthError::Refused));
    }

    #[test]
    fn q42_a_new_nonce_in_the_middle_of_a_session_is_answered() {
        let mut client = authenticator();
        client.challenged(&[md5("first")]).unwrap();
        client.not_refused();
        client.challenged(&[md5("second")]).unwrap();
        assert_eq!(sent_digest(&mut client).nonce, "second");
        assert_eq!(client.challenged(&[md5("third")]), Err(AuthError::Refused));
    }

    #[test]
    fn the_nonce_count_rises_with_each_request_and_the_client_nonce_changes_with_the_challenge() {
        let mut client = authenticator();
        client.challenged(&[sha256("s")]).unwrap();
        let (first, second) = (sent_digest(&mut client), sent_digest(&mut client));
        assert_eq!((first.nc, second.nc), (Some(1), Some(2)));
        assert_eq!(first.cnonce, second.cnonce);
        assert_ne!(first.response, second.response);
        client.not_refused();
        client.challenged(&[sha256("t")]).unwrap();
        let third = sent_digest(&mut client);
        assert_eq!(third.nc, Some(1));
        assert_ne!(third.cnonce, second.cnonce);
    }

    #[test]
    fn the_nonce_count_goes_on_where_the_server_challenges_with_the_same_nonce_again() {
        let mut client = authenticator();
        client.challenged(&[sha256("s")]).unwrap();
        assert_eq!(sent_digest(&mut client).nc, Some(1));
        client.not_refused();
        client.challenged(&[sha256("s")]).unwrap();
        assert_eq!(sent_digest(&mut client).nc, Some(2));
    }

    #[test]
    fn without_qop_there_is_no_count_and_no_client_nonce() {
        let mut client = authenticator();
        client.challenged(&[md5("m")]).unwrap();
        let answer = sent_digest(&mut client);
        assert_eq!((answer.qop, answer.nc, answer.cnonce), (None, None, None));
    }

    #[test]
    fn q51_the_digest_names_exactly_what_stands_on_the_request_line() {
        for uri in [
            "rtsp://192.0.2.1/live",
            "rtsp://192.0.2.1:8554/live/trackID=1?a=%20b",
            "/live",
            "*",
        ] {
            let mut client = authenticator();
            client.challenged(&[md5("m")]).unwrap();
            let mut request = Request::new(Method::Setup, uri);
            client.authorize(&mut request);
            let Ok(Some(Authorization::Digest(answer))) = request.headers.typed() else {
                panic!("{uri}")
            };
            assert_eq!(answer.uri, uri);
        }
    }

    #[test]
    fn without_credentials_nothing_is_answered() {
        let mut client = Authenticator::new(None, 1);
        assert_eq!(client.challenged(&[md5("m")]), Err(AuthError::NoCredentials));
    }

    #[test]
    fn another_server_gets_nothing_unasked() {
        let mut client = authenticator();
        client.challenged(&[md5("m")]).unwrap();
        client.change_server(None);
        assert_eq!(sent(&mut client), None);
        assert_eq!(client.challenged(&[md5("m")]), Err(AuthError::NoCredentials));
    }

    #[test]
    fn what_is_not_spoken_is_named() {
        let unknown = Challenge::Digest(DigestChallenge {
            algorithm: Some(DigestAlgorithm::Other("SM3".to_owned())),
            qop: vec![Qop::AuthInt],
            ..DigestChallenge::default()
        });
        let no_nonce_of_ours = Challenge::Digest(DigestChallenge {
            algorithm: Some(DigestAlgorithm::Md5Sess),
            ..DigestChallenge::default()
        });
        let negotiate = Challenge::Other {
            scheme: "Negotiate".to_owned(),
        };
        let error = authenticator()
            .challenged(&[unknown, no_nonce_of_ours, negotiate])
            .unwrap_err();
        assert_eq!(
            error.to_string(),
            "the server offers no way to authenticate that is supported (offered: Digest SM3 qop=auth-int, Digest MD5-sess, Negotiate)"
        );
    }

    #[test]
    fn no_debug_output_holds_the_password() {
        let mut client = authenticator();
        client.challenged(&[basic()]).unwrap();
        let shown = format!("{client:?} {:?}", sent(&mut client));
        assert!(!shown.contains("sesame"), "{shown}");
    }
}
