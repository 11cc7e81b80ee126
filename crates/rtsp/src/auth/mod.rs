//! Authentication, both ends: the client's [`Authenticator`] and the server's [`Verifier`].
//!
//! Basic ([RFC 7617](https://www.rfc-editor.org/rfc/rfc7617)) and Digest with MD5 and SHA-256, with `qop=auth` and
//! without ([RFC 7616](https://www.rfc-editor.org/rfc/rfc7616), [RFC 2069](https://www.rfc-editor.org/rfc/rfc2069)).
//! Not spoken: `auth-int`, the `-sess` algorithms, SHA-512-256.
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
pub use verifier::Verifier;
