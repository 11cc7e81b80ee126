//! The digest computation, the same for the end that answers and the end that checks.

use std::fmt::Write as _;

use sha2::{Digest as _, Sha256, Sha512_256};

use crate::headers::{DigestAlgorithm, DigestAnswer, Qop};
use crate::{Credentials, Request};

/// A hash that can be computed here, the weakest first: of several challenges the greatest is answered
/// ([RFC 7616 §3.7](https://www.rfc-editor.org/rfc/rfc7616#section-3.7)).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Hash {
    Md5,
    Sha256,
    Sha512_256,
}

/// What the password is hashed with before each request's own hash.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Key {
    /// The user's name and the realm.
    Password,
    /// These, and the nonces at the session's beginning: `-sess`.
    Session,
}

/// An algorithm that can be computed here, the weakest first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Algorithm {
    hash: Hash,
    key: Key,
}

impl Algorithm {
    /// What a header's `algorithm` stands for, `None` where it is not computed here.
    pub(super) fn of(algorithm: Option<&DigestAlgorithm>) -> Option<Self> {
        let (hash, key) = match algorithm {
            None | Some(DigestAlgorithm::Md5) => (Hash::Md5, Key::Password),
            Some(DigestAlgorithm::Md5Sess) => (Hash::Md5, Key::Session),
            Some(DigestAlgorithm::Sha256) => (Hash::Sha256, Key::Password),
            Some(DigestAlgorithm::Sha256Sess) => (Hash::Sha256, Key::Session),
            Some(DigestAlgorithm::Sha512_256) => (Hash::Sha512_256, Key::Password),
            Some(DigestAlgorithm::Sha512_256Sess) => (Hash::Sha512_256, Key::Session),
            Some(DigestAlgorithm::Other(_)) => return None,
        };
        Some(Self { hash, key })
    }

    /// Whether it needs a client nonce, which only `qop` brings.
    pub(super) fn needs_qop(self) -> bool {
        self.key == Key::Session
    }

    /// The user's name as `userhash` sends it ([RFC 7616 §3.4.4](https://www.rfc-editor.org/rfc/rfc7616#section-3.4.4)).
    pub(super) fn userhash(self, username: &str, realm: &str) -> String {
        self.hash.hex(format!("{username}:{realm}"))
    }

    /// The `response` that belongs to the other parameters of `answer`, in lower-case hexadecimal
    /// ([RFC 7616 §3.4.1](https://www.rfc-editor.org/rfc/rfc7616#section-3.4.1)).
    ///
    /// `session_nonce` is the nonce of the challenge that the session began with; it counts for `-sess`.
    pub(super) fn response(
        self,
        answer: &DigestAnswer,
        session_nonce: &str,
        credentials: &Credentials,
        request: &Request,
    ) -> String {
        let hex = |text: String| self.hash.hex(text);
        let DigestAnswer {
            realm, nonce, uri, ..
        } = answer;
        let cnonce = answer.cnonce.as_deref().unwrap_or_default();
        let (username, password) = (credentials.username(), credentials.password());
        let mut secret = hex(format!("{username}:{realm}:{password}"));
        if self.key == Key::Session {
            secret = hex(format!("{secret}:{session_nonce}:{cnonce}"));
        }
        let method = &request.method;
        let asked = match answer.qop {
            Some(Qop::AuthInt) => hex(format!("{method}:{uri}:{}", self.hash.hex(&request.body))),
            Some(Qop::Auth) | None => hex(format!("{method}:{uri}")),
        };
        match answer.qop {
            Some(qop) => {
                let count = answer.nc.unwrap_or_default();
                let qop = qop.as_str();
                hex(format!("{secret}:{nonce}:{count:08x}:{cnonce}:{qop}:{asked}"))
            }
            None => hex(format!("{secret}:{nonce}:{asked}")),
        }
    }
}

impl Hash {
    fn hex(self, bytes: impl AsRef<[u8]>) -> String {
        match self {
            Self::Md5 => hex(&md5::compute(bytes).0),
            Self::Sha256 => hex(&Sha256::digest(bytes)),
            Self::Sha512_256 => hex(&Sha512_256::digest(bytes)),
        }
    }
}

fn hex(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len() * 2);
    for byte in bytes {
        // Writing to a `String` cannot fail.
        let _ = write!(text, "{byte:02x}");
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Method;
    use crate::headers::UsernameForm;

    fn answer(realm: &str, nonce: &str, uri: &str, cnonce: Option<&str>) -> DigestAnswer {
        DigestAnswer {
            username: "Mufasa".to_owned(),
            username_form: UsernameForm::Plain,
            realm: realm.to_owned(),
            nonce: nonce.to_owned(),
            uri: uri.to_owned(),
            response: String::new(),
            algorithm: None,
            opaque: None,
            qop: cnonce.map(|_| Qop::Auth),
            cnonce: cnonce.map(str::to_owned),
            nc: cnonce.map(|_| 1),
        }
    }

    fn response(algorithm: &DigestAlgorithm, answer: &DigestAnswer, credentials: &Credentials) -> String {
        let get = Request::new(Method::from("GET"), answer.uri.as_str());
        let algorithm = Algorithm::of(Some(algorithm)).unwrap();
        algorithm.response(answer, &answer.nonce, credentials, &get)
    }

    fn rfc_7616_example(algorithm: &DigestAlgorithm) -> String {
        let nonce = "7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v";
        let cnonce = "f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ";
        let answer = answer("http-auth@example.org", nonce, "/dir/index.html", Some(cnonce));
        response(algorithm, &answer, &Credentials::new("Mufasa", "Circle of Life"))
    }

    #[test]
    fn md5_gives_the_response_of_rfc_7616_section_3_9_1() {
        assert_eq!(
            rfc_7616_example(&DigestAlgorithm::Md5),
            "8ca523f5e9506fed4657c9700eebdbec"
        );
    }

    #[test]
    fn sha_256_gives_the_response_of_rfc_7616_section_3_9_1() {
        assert_eq!(
            rfc_7616_example(&DigestAlgorithm::Sha256),
            "753927fa0e85d155564e2e272a28d1802ca10daf4496794697cf8db5856cb6c1"
        );
    }

    /// [Erratum 4897](https://www.rfc-editor.org/errata/eid4897) of RFC 7616: its own text has a truncated SHA-512 there.
    #[test]
    fn sha_512_256_gives_the_response_of_rfc_7616_section_3_9_2() {
        let nonce = "5TsQWLVdgBdmrQ0XsxbDODV+57QdFR34I9HAbC/RVvkK";
        let cnonce = "NTg6RKcb9boFIAS3KrFK9BGeh+iDa/sm6jUMp2wds69v";
        let answer = answer("api@example.org", nonce, "/doe.json", Some(cnonce));
        let credentials = Credentials::new("J\u{e4}s\u{f8}n Doe", "Secret, or not?");
        assert_eq!(
            response(&DigestAlgorithm::Sha512_256, &answer, &credentials),
            "3798d4131c277846293534c3edc11bd8a5e4cdcbff78b05db9d95eeb1cec68a5"
        );
        let algorithm = Algorithm::of(Some(&DigestAlgorithm::Sha512_256)).unwrap();
        assert_eq!(
            algorithm.userhash(credentials.username(), "api@example.org"),
            "793263caabb707a56211940d90411ea4a575adeccb7e360aeb624ed06ece9b0b"
        );
    }

    fn rfc_2617_example(cnonce: Option<&str>) -> String {
        let nonce = "dcd98b7102dd2f0e8b11d0f600bfb0c093";
        let answer = answer("testrealm@host.com", nonce, "/dir/index.html", cnonce);
        let credentials = Credentials::new("Mufasa", "Circle Of Life");
        response(&DigestAlgorithm::Md5, &answer, &credentials)
    }

    #[test]
    fn qop_auth_gives_the_response_of_rfc_2617_section_3_5() {
        assert_eq!(
            rfc_2617_example(Some("0a4f113b")),
            "6629fae49393a05397450978507c4ef1"
        );
    }

    #[test]
    fn q53_no_qop_gives_the_response_of_rfc_2069() {
        assert_eq!(rfc_2617_example(None), "670fd8c2df070c60b045671b8b24ff02");
    }

    #[test]
    fn a_body_changes_the_response_only_of_auth_int() {
        let credentials = Credentials::new("u", "p");
        let response = |qop, body: &'static str| {
            let answer = DigestAnswer {
                qop: Some(qop),
                ..answer("r", "n", "/", Some("c"))
            };
            let mut request = Request::new(Method::Announce, "/");
            request.body = body.into();
            Algorithm::of(None)
                .unwrap()
                .response(&answer, "n", &credentials, &request)
        };
        assert_eq!(response(Qop::Auth, "a"), response(Qop::Auth, "b"));
        assert_ne!(response(Qop::AuthInt, "a"), response(Qop::AuthInt, "b"));
        assert_ne!(response(Qop::AuthInt, ""), response(Qop::Auth, ""));
    }

    #[test]
    fn no_algorithm_means_md5_and_an_unknown_one_is_not_computed() {
        assert_eq!(Algorithm::of(None), Algorithm::of(Some(&DigestAlgorithm::Md5)));
        assert_eq!(
            Algorithm::of(Some(&DigestAlgorithm::Other("SM3".to_owned()))),
            None
        );
    }
}
