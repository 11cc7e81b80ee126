//! What real cameras do in place of what the RFCs say, one value for each behaviour, and where each acts.
//!
//! The plain server asks these modules in a few places, and names no quirk itself: [`challenges`] bends what
//! clients are challenged with, [`description`] what DESCRIBE tells, [`response`] headers, [`wire`] the written bytes
//! of a response, [`conduct`] whether and what is answered at all, [`packets`] RTP, [`rtcp`] reports, [`framing`] how
//! the bytes of a connection are read and written. Where no quirk is set they change nothing.

pub(crate) mod challenges;
pub(crate) mod conduct;
pub(crate) mod description;
pub(crate) mod framing;
pub(crate) mod packets;
mod quirk;
pub(crate) mod response;
pub(crate) mod rtcp;
pub(crate) mod wire;

pub use quirk::{Quirk, Quirks, UnknownQuirk};
