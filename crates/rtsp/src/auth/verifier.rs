use super::digest::Algorithm;
use super::nonces::Nonces;
use crate::headers::{
    AuthenticationInfo, Authorization, Challenge, DigestAnswer, DigestChallenge, UsernameForm,
    WwwAuthenticate,
};
use crate::{Credentials, Request};

/// The server's end: says which challenges to send with 401, and checks what comes back.
///
/// One for each connection, since it counts the uses of its nonce.
#[derive(Debug)]
pub struct Verifier {
    credentials: Credentials,
    offers: Vec<Challenge>,
    nonces: Nonces,
    nonce: String,
    /// The nonce of the last challenge; `-sess` keeps to it while `nonce` moves on.
    session_nonce: String,
    /// The greatest count seen with `nonce`: a count must rise
    /// ([RFC 7616 §3.4](https://www.rfc-editor.org/rfc/rfc7616#section-3.4)).
    count: u32,
}

impl Verifier {
    /// Offers `offers` in their order, any mix of them; their nonces are put in here, made from `seed`.
    pub fn new(credentials: Credentials, offers: Vec<Challenge>, seed: u64) -> Self {
        let mut nonces = Nonces::new(seed);
        let nonce = nonces.next();
        Self {
            credentials,
            offers,
            nonces,
            session_nonce: nonce.clone(),
            nonce,
            count: 0,
        }
    }

    /// Checks one request. `Err` holds what to send with 401; a right answer to an old nonce makes it `stale`.
    pub fn verify(&mut self, request: &Request) -> Result<(), WwwAuthenticate> {
        match request.headers.typed() {
            Ok(Some(Authorization::Basic(given)))
                if given == self.credentials
                    && self.offers.iter().any(|o| matches!(o, Challenge::Basic { .. })) =>
            {
                Ok(())
            }
            Ok(Some(Authorization::Digest(answer))) if self.is_right(&answer, request) => {
                if answer.nonce != self.nonce {
                    return Err(self.challenges(Nonce::Stale));
                }
                let count = answer.nc.unwrap_or(self.count);
                if answer.qop.is_some() && count <= self.count {
                    return Err(self.challenges(Nonce::Fresh));
                }
                self.count = count;
                Ok(())
            }
            _ => Err(self.challenges(Nonce::Fresh)),
        }
    }

    /// Lets the nonce grow old: the next answer to it is refused as stale.
    pub fn renew_nonce(&mut self) {
        self.nonce = self.nonces.next();
        self.count = 0;
    }

    /// Puts another nonce in the place of the present one and tells the client with a response, so that it need not be
    /// refused as stale first ([RFC 7616 §3.5](https://www.rfc-editor.org/rfc/rfc7616#section-3.5)).
    pub fn next_nonce(&mut self) -> AuthenticationInfo {
        self.renew_nonce();
        AuthenticationInfo {
            nextnonce: Some(self.nonce.clone()),
            ..AuthenticationInfo::default()
        }
    }

    fn challenges(&mut self, nonce: Nonce) -> WwwAuthenticate {
        self.session_nonce.clone_from(&self.nonce);
        let mut challenges = self.offers.clone();
        for challenge in &mut challenges {
            if let Challenge::Digest(digest) = challenge {
                digest.nonce.clone_from(&self.nonce);
                digest.stale = nonce == Nonce::Stale;
            }
        }
        WwwAuthenticate(challenges)
    }

    /// Is this the answer to one of the offers, computed with the right password, whatever its nonce?
    fn is_right(&self, answer: &DigestAnswer, request: &Request) -> bool {
        let Some(algorithm) = Algorithm::of(answer.algorithm.as_ref()) else {
            return false;
        };
        let answers = |offer: &DigestChallenge| {
            Algorithm::of(offer.algorithm.as_ref()) == Some(algorithm)
                && offer.realm == answer.realm
                && offer.opaque == answer.opaque
                && answer
                    .qop
                    .map_or(offer.qop.is_empty(), |qop| offer.qop.contains(&qop))
                && (offer.userhash || answer.username_form != UsernameForm::Hashed)
        };
        let offered = self
            .offers
            .iter()
            .any(|o| matches!(o, Challenge::Digest(offer) if answers(offer)));
        if !offered || answer.uri != request.uri {
            return false;
        }
        let is_user = match answer.username_form {
            UsernameForm::Plain | UsernameForm::Extended => answer.username == self.credentials.username(),
            UsernameForm::Hashed => {
                answer.username == algorithm.userhash(self.credentials.username(), &answer.realm)
            }
        };
        // An answer to an old nonce began its session with that.
        let session_nonces = [&self.session_nonce, &answer.nonce];
        is_user
            && session_nonces.into_iter().any(|session_nonce| {
                answer.response == algorithm.response(answer, session_nonce, &self.credentials, request)
            })
    }
}

/// What a challenge says about the nonce that was answered.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Nonce {
    Fresh,
    Stale,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Method;
    use crate::auth::{AuthError, Authenticator};
    use crate::headers::{DigestAlgorithm, Qop};

    fn basic() -> Challenge {
        Challenge::Basic {
            realm: "camera".to_owned(),
        }
    }

    fn digest(algorithm: Option<DigestAlgorithm>, qop: &[Qop]) -> Challenge {
        Challenge::Digest(DigestChallenge {
            realm: "IP Camera(AB705), \"hall\"".to_owned(),
            algorithm,
            qop: qop.to_vec(),
            opaque: Some("x".to_owned()),
            ..DigestChallenge::default()
        })
    }

    fn verifier(offers: Vec<Challenge>) -> Verifier {
        Verifier::new(Credentials::new("viewer", "sesame"), offers, 5)
    }

    fn client(password: &str) -> Authenticator {
        Authenticator::new(Some(Credentials::new("viewer", password)), 6)
    }

    /// Sends requests until they pass or there is nothing left to try; gives how often it was sent.
    fn converse(server: &mut Verifier, client: &mut Authenticator) -> Result<u32, (u32, AuthError)> {
        for sent in 1.. {
            let mut request = Request::new(Method::Setup, "rtsp://192.0.2.1/live/trackID=0");
            client.authorize(&mut request);
            match server.verify(&request) {
                Ok(()) => {
                    client.not_refused();
                    return Ok(sent);
                }
                Err(challenges) => client.challenged(&challenges.0).map_err(|error| (sent, error))?,
            }
        }
        unreachable!()
    }

    #[test]
    fn both_ends_agree_on_every_scheme() {
        let with_userhash = Challenge::Digest(DigestChallenge {
            realm: "r".to_owned(),
            algorithm: Some(DigestAlgorithm::Sha512_256),
            qop: vec![Qop::Auth],
            userhash: true,
            utf8: true,
            ..DigestChallenge::default()
        });
        for offers in [
            vec![with_userhash],
            vec![digest(Some(DigestAlgorithm::Md5Sess), &[Qop::Auth])],
            vec![digest(Some(DigestAlgorithm::Sha256Sess), &[Qop::AuthInt])],
            vec![digest(Some(DigestAlgorithm::Sha512_256), &[])],
            vec![digest(Some(DigestAlgorithm::Sha512_256Sess), &[Qop::Auth])],
            vec![digest(None, &[Qop::AuthInt])],
            vec![basic()],
            vec![digest(None, &[])],
            vec![digest(Some(DigestAlgorithm::Md5), &[Qop::Auth])],
            vec![digest(Some(DigestAlgorithm::Sha256), &[Qop::AuthInt, Qop::Auth])],
            vec![
                basic(),
                digest(None, &[]),
                digest(Some(DigestAlgorithm::Sha256), &[Qop::Auth]),
            ],
        ] {
            let (mut server, mut client) = (verifier(offers), client("sesame"));
            assert_eq!(converse(&mut server, &mut client), Ok(2));
            assert_eq!(
                converse(&mut server, &mut client),
                Ok(1),
                "the second request needs no challenge"
            );
        }
    }

    #[test]
    fn a_wrong_password_is_tried_once_for_each_digest() {
        let mut server = verifier(vec![
            basic(),
            digest(None, &[]),
            digest(Some(DigestAlgorithm::Sha256), &[]),
        ]);
        assert_eq!(
            converse(&mut server, &mut client("open")),
            Err((3, AuthError::Refused))
        );
        let mut server = verifier(vec![basic()]);
        assert_eq!(
            converse(&mut server, &mut client("open")),
            Err((2, AuthError::Refused))
        );
    }

    #[test]
    fn q52_an_old_nonce_is_stale_and_the_new_one_passes() {
        let mut server = verifier(vec![digest(Some(DigestAlgorithm::Md5Sess), &[Qop::Auth])]);
        let mut client = client("sesame");
        converse(&mut server, &mut client).unwrap();
        server.renew_nonce();
        assert_eq!(converse(&mut server, &mut client), Ok(2));
    }

    #[test]
    fn the_next_nonce_passes_without_a_challenge() {
        for algorithm in [DigestAlgorithm::Sha256, DigestAlgorithm::Sha256Sess] {
            let mut server = verifier(vec![digest(Some(algorithm), &[Qop::Auth])]);
            let mut client = client("sesame");
            converse(&mut server, &mut client).unwrap();
            client.informed(&server.next_nonce());
            assert_eq!(converse(&mut server, &mut client), Ok(1));
            // Not told, it learns by a stale challenge.
            server.next_nonce();
            assert_eq!(converse(&mut server, &mut client), Ok(2));
        }
    }

    #[test]
    fn a_request_played_back_is_refused() {
        let mut server = verifier(vec![digest(None, &[Qop::Auth])]);
        let mut client = client("sesame");
        let mut request = Request::new(Method::Describe, "rtsp://192.0.2.1/live");
        let challenges = server.verify(&request).unwrap_err();
        client.challenged(&challenges.0).unwrap();
        client.authorize(&mut request);
        assert_eq!(server.verify(&request), Ok(()));
        assert!(server.verify(&request).is_err());
    }

    #[test]
    fn an_answer_for_another_uri_or_method_is_refused() {
        let mut server = verifier(vec![digest(None, &[])]);
        let mut client = client("sesame");
        let mut request = Request::new(Method::Describe, "rtsp://192.0.2.1/live");
        let challenges = server.verify(&request).unwrap_err();
        client.challenged(&challenges.0).unwrap();
        client.authorize(&mut request);
        let moved = Request {
            uri: "rtsp://192.0.2.1/other".to_owned(),
            ..request.clone()
        };
        assert!(server.verify(&moved).is_err());
        assert!(
            server
                .verify(&Request {
                    method: Method::Play,
                    ..request
                })
                .is_err()
        );
    }

    #[test]
    fn basic_passes_only_where_it_is_offered() {
        let mut server = verifier(vec![digest(None, &[])]);
        let mut request = Request::new(Method::Describe, "rtsp://192.0.2.1/live");
        request
            .headers
            .set_typed(&Authorization::Basic(Credentials::new("viewer", "sesame")));
        assert!(server.verify(&request).is_err());
    }

    #[test]
    fn no_debug_output_holds_the_password() {
        let shown = format!("{:?}", verifier(vec![basic()]));
        assert!(!shown.contains("sesame"), "{shown}");
    }
}
