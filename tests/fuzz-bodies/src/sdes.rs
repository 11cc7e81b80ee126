use throughline_sdp::{Crypto, TypedAttribute};
use throughline_srtp::sdes;

/// The keys of an `a=crypto` are written so that they read the same, and no error shows one.
pub fn sdes(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    let Some(crypto) = Crypto::parse(&text) else {
        return;
    };
    match sdes::keys(&crypto) {
        Ok(keys) => {
            assert!((1..=sdes::MAX_KEYS).contains(&keys.len()));
            for keys in keys {
                let written = sdes::crypto(crypto.tag, &keys);
                assert_eq!(Crypto::parse(&written.to_string()).as_ref(), Some(&written));
                assert_eq!(sdes::keys(&written), Ok(vec![keys]));
            }
        }
        Err(error) => {
            let shown = format!("{error} {error:?}");
            // Shorter ones are words as well.
            let secrets = crypto.keys.iter().map(|key| &key.key_and_salt);
            let own_words = format!("{} {:?}", crypto.suite, crypto.session_parameters);
            for secret in secrets.filter(|key| key.len() >= 20 && !own_words.contains(*key)) {
                assert!(!shown.contains(secret), "{shown}");
            }
        }
    }
}
