//! Keys for SRTP ([RFC 3711](https://www.rfc-editor.org/rfc/rfc3711)) as RTSP cameras hand them over, and the transform in
//! bounds.
//!
//! | part | what it is |
//! |---|---|
//! | [`mikey`] | MIKEY messages, in `a=key-mgmt` and the header `KeyMgmt`: read, written, made |
//! | [`sdes`] | security descriptions, `a=crypto` |
//! | [`Keys`], [`Suite`], [`Mki`] | what both give: a master key, what it is for, and its name in the packets |
//! | [`Policy`], [`Reading`] | which leniencies may be used, and which were |
//! | [`transform`] (feature) | packets protected and unprotected with keys |
//!
//! # Contract
//!
//! - No I/O, no clock, no randomness: a message's time and random bytes are arguments. No input makes it panic.
//! - No error and no `Debug` shows a key or a salt, and both are overwritten when they are dropped. What does show them is
//!   the wire form: [`mikey::Message::write`], [`sdes::crypto`].
//! - All is bounded: [`mikey::MAX_MESSAGE`], [`mikey::MAX_PAYLOADS`], [`sdes::MAX_KEYS`], [`Mki::MAX_LEN`] here, sources and
//!   windows in [`transform`].
//!
//! # What it does and does not do
//!
//! | it does | it does not |
//! |---|---|
//! | AES in counter mode with HMAC-SHA-1, 128 and 256 bits, tags of 80 and 32; AES-GCM | AES in f8 mode, SEED, null ciphers: nothing is switched off silently |
//! | keys of MIKEY in the clear, with SSRCs and rollover counters | keys that another key protects; Diffie-Hellman; derived keys (TGK) |
//! | several keys, told apart by identifiers | keys that change by a rate, an interval or a lifetime |
//! | | DTLS-SRTP, EKT, encrypted header extensions |
//!
//! # The transform
//!
//! The feature `transform` brings [`transform::Unprotector`] and [`transform::Protector`] over
//! [`libsrtp`](https://docs.rs/libsrtp), a port of Cisco's library on RustCrypto's primitives. It is the one crate that
//! takes a rollover counter from outside, which MIKEY is there to tell: without it, one who joins after 65536 packets
//! cannot authenticate any ([`rtc-srtp`](https://docs.rs/rtc-srtp) keeps its setter private, and state for every SSRC that
//! packets make up). It is a feature because that crate needs Rust 1.88.
//!
//! # Compilers
//!
//! Rust 1.85 and later, for `wasm32-unknown-unknown` too; 1.88 with the feature `transform`. Depends on `base64`,
//! `thiserror`, `zeroize`, and of this project `throughline-rtp` (SSRCs), `throughline-sdp` (`a=crypto`) and
//! `throughline-tolerance`.
//!
//! Numbers such as Q107 name camera quirks: what real cameras do and the RFCs did not foresee.

mod keys;
pub mod mikey;
pub mod sdes;
mod tolerance;
#[cfg(feature = "transform")]
pub mod transform;

pub use keys::{KeyError, Keys, Mki, Suite};
pub use tolerance::{Policy, Reading, Tolerance, Tolerances};
