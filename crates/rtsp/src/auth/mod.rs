//! Authentication, both ends: the client's [`Authenticator`] and the server's [`Verifier`].
//!
//! Basic ([RFC 7617](https://www.rfc-editor.org/rfc/rfc7617)) and Digest ([RFC 7616](https://www.rfc-editor.org/rfc/rfc7616)):
//! MD5, SHA-256, SHA-512-256 and the `-sess` form of each; `qop` none ([RFC 2069](https://www.rfc-editor.org/rfc/rfc2069)),
//! `auth` and `auth-int`; `userhash`, names outside of ASCII, `stale` and `nextnonce`. Names and passwords are UTF-8 for
//! every server.
//!
//! Not done: `rspauth` is not verified, see [`Authenticator::informed`]; and what only one vendor's cameras accept without a
//! password is not tried (Q48). A realm or nonce that is not UTF-8 is not answered right: its bytes are lost when the message
//! is read.
//!
//! Neither end reads a clock or asks for randomness: nonces come from a seed.
//!
//! ```
//! use throughline_rtsp::auth::{Authenticator, Verifier};
//! use throughline_rtsp::headers::{Challenge, DigestChallenge};
//! use throughline_rtsp::{Credentials, Method, Request};
//!
//! let credentials = Credentials::new("viewer", "secret");
//! let offer = Challenge::Digest(DigestChallenge { realm: "camera".to_owned(), ..Default::default() });
//! let mut server = Verifier::new(credentials.clone(), vec![offer], 1);
//! let mut client = Authenticator::new(Some(credentials), 2);
//!
//! let mut request = Request::new(Method::Describe, "rtsp://192.0.2.1/live");
//! let challenges = server.verify(&request).expect_err("nothing was answered yet");
//! client.challenged(&challenges.0)?;
//! client.authorize(&mut request);
//! assert!(server.verify(&request).is_ok());
//! # Ok::<(), throughline_rtsp::auth::AuthError>(())
//! ```

mod authenticator;
mod digest;
mod nonces;
mod verifier;

pub use authenticator::{AuthError, Authenticator};
pub(crate) use nonces::Nonces;
pub use verifier::Verifier;
