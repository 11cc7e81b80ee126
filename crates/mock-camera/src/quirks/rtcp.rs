use std::time::{Duration, SystemTime, UNIX_EPOCH};

use throughline_rtp::Ssrc;

use super::{Quirk, Quirks};
use crate::server::Protocol;

/// Reports before the clock steps with [`Quirk::ClockSteps`].
const REPORTS_BEFORE_STEP: u32 = 2;
const STEP: Duration = Duration::from_secs(3600);

/// What the camera takes for UTC where it is `wall`, `elapsed` after the client came, for the report behind so many.
pub(crate) fn clock(quirks: Quirks, wall: SystemTime, elapsed: Duration, reports: u32) -> SystemTime {
    let wall = if quirks.contains(Quirk::ClockOf1970) {
        UNIX_EPOCH + elapsed
    } else {
        wall
    };
    if quirks.contains(Quirk::ClockSteps) && reports >= REPORTS_BEFORE_STEP {
        wall + STEP
    } else {
        wall
    }
}

/// Where reports go.
pub(crate) fn protocol(quirks: Quirks) -> Protocol {
    if quirks.contains(Quirk::RtcpOnRtpChannel) {
        Protocol::Rtp
    } else {
        Protocol::Rtcp
    }
}

/// Adds to a report of `ssrc` that ends with `out`.
pub(crate) fn bend(quirks: Quirks, ssrc: Ssrc, out: &mut Vec<u8>) {
    for quirk in quirks.iter() {
        match quirk {
            Quirk::RtcpLengthBeyondEnd => {
                // A sender report of 256 KiB.
                out.extend_from_slice(&[0x80, 200, 0xff, 0xff]);
                out.extend_from_slice(&ssrc.0.to_be_bytes());
            }
            Quirk::OddReports => {
                let stranger = (!ssrc.0).to_be_bytes();
                out.extend_from_slice(&[0x80, 201, 0, 1]);
                out.extend_from_slice(&stranger);
                // Its name fills the last word, and no end byte follows.
                out.extend_from_slice(&[0x81, 202, 0, 3]);
                out.extend_from_slice(&stranger);
                out.extend_from_slice(b"\x01\x06camera");
                out.extend_from_slice(&[0; 4]);
            }
            _ => {}
        }
    }
}
