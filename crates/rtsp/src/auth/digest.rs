//! The digest computation, the same for the end that answers and the end that checks.

use std::fmt::Write as _;

use sha2::{Digest as _, Sha256};

use crate::headers::{DigestAlgorithm, DigestAnswer};

/// A hash that can be computed here, the weakest first: of several challenges the greatest is answered
/// ([RFC 7616 §3.7](https://www.rfc-editor.org/rfc/rfc7616#section-3.7)).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Hash {
    Md5,
    Sha256,
}

impl Hash {
    /// The hash that a header's `algorithm` stands for, `None` where it is not computed here.
    pub(super) fn of(algorithm: Option<&DigestAlgorithm>) -> Option<Self> {
        match algorithm {
            None | Some(DigestAlgorithm::Md5) => Some(Self::Md5),
            Some(DigestAlgorithm::Sha256) => Some(Self::Sha256),
            Some(_) => None,
        }
    }

    fn hex(self, text: &str) -> String {
        match self {
            Self::Md5 => hex(&md5::compute(text).0),
            Self::Sha256 => hex(&Sha256::digest(text)),
        }
    }
}

/// The `response` that belongs to the other parameters of `answer`, in lower-case hexadecimal
/// ([RFC 7616 §3.4.1](https://www.rfc-editor.org/rfc/rfc7616#section-3.4.1)).
pub(super) fn response(hash: Hash, answer: &DigestAnswer, password: &str, method: &str) -> String {
    let DigestAnswer {
        username,
        realm,
        nonce,
        uri,
        ..
    } = answer;
    let secret = hash.hex(&format!("{username}:{realm}:{password}"));
    let request = hash.hex(&format!("{method}:{uri}"));
    match answer.qop {
        Some(qop) => {
            let count = answer.nc.unwrap_or_default();
            let cnonce = answer.cnonce.as_deref().unwrap_or_default();
            let qop = qop.as_str();
            hash.hex(&format!("{secret}:{nonce}:{count:08x}:{cnonce}:{qop}:{request}"))
        }
        None => hash.hex(&format!("{secret}:{nonce}:{request}")),
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
    use crate::headers::Qop;

    fn answer(realm: &str, nonce: &str, cnonce: Option<&str>) -> DigestAnswer {
        DigestAnswer {
            username: "Mufasa".to_owned(),
            realm: realm.to_owned(),
            nonce: nonce.to_owned(),
            uri: "/dir/index.html".to_owned(),
            response: String::new(),
            algorithm: None,
            opaque: None,
            qop: cnonce.map(|_| Qop::Auth),
            cnonce: cnonce.map(str::to_owned),
            nc: cnonce.map(|_| 1),
        }
    }

    fn rfc_7616_example(hash: Hash) -> String {
        let nonce = "7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v";
        let cnonce = "f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ";
        let answer = answer("http-auth@example.org", nonce, Some(cnonce));
        response(hash, &answer, "Circle of Life", "GET")
    }

    #[test]
    fn md5_gives_the_response_of_rfc_7616_section_3_9_1() {
        assert_eq!(rfc_7616_example(Hash::Md5), "8ca523f5e9506fed4657c9700eebdbec");
    }

    #[test]
    fn sha_256_gives_the_response_of_rfc_7616_section_3_9_1() {
        assert_eq!(
            rfc_7616_example(Hash::Sha256),
            "753927fa0e85d155564e2e272a28d1802ca10daf4496794697cf8db5856cb6c1"
        );
    }

    fn rfc_2617_example(cnonce: Option<&str>) -> String {
        let answer = answer("testrealm@host.com", "dcd98b7102dd2f0e8b11d0f600bfb0c093", cnonce);
        response(Hash::Md5, &answer, "Circle Of Life", "GET")
    }

    #[test]
    fn qop_auth_gives_the_response_of_rfc_2617_section_3_5() {
        assert_eq!(
            rfc_2617_example(Some("0a4f113b")),
            "6629fae49393a05397450978507c4ef1"
        );
    }

    #[test]
    fn no_qop_gives_the_response_of_rfc_2069() {
        assert_eq!(rfc_2617_example(None), "670fd8c2df070c60b045671b8b24ff02");
    }

    #[test]
    fn no_algorithm_means_md5_and_an_unknown_one_is_not_computed() {
        assert_eq!(Hash::of(None), Some(Hash::Md5));
        assert_eq!(
            Hash::of(Some(&DigestAlgorithm::Other("SHA-512-256".to_owned()))),
            None
        );
    }
}
