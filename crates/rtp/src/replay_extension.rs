//! ONVIF's replay extension.

use crate::extension::Extension;
use crate::ntp::NtpTimestamp;

/// ONVIF's replay extension: the time of the access unit that its packet begins, and where in a recording it lies
/// ([ONVIF Streaming Specification §6.3](https://www.onvif.org/specs/stream/ONVIF-Streaming-Spec.pdf)).
///
/// ```text
/// +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
/// |            0xabac             |          length = 3           |
/// +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
/// |                    NTP timestamp, two words                   |
/// |                                                               |
/// +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
/// |C|E|D|T|   0   |     CSeq      |        padding                |
/// +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
/// ```
///
/// Meant for replay, and sent by some cameras and recorders on live streams too (Q142):
/// [`Timeline::on_replay_extension`](crate::Timeline::on_replay_extension) takes its time for the capture time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(clippy::struct_excessive_bools, reason = "the wire has four flags")]
pub struct ReplayExtension {
    /// When the access unit was captured, by the camera's wall clock.
    pub ntp: NtpTimestamp,
    /// C: the access unit is a point to begin at, an IDR for example.
    pub clean_point: bool,
    /// E: it is the last of a contiguous piece of the recording.
    pub end_of_section: bool,
    /// D: there is a gap in the transmission before it.
    pub discontinuity: bool,
    /// T: it is the last of all.
    pub terminal: bool,
    /// The lowest byte of the CSeq of the PLAY that it belongs to; 0 in live streams.
    pub cseq: u8,
}

impl ReplayExtension {
    /// Its number in the place of a profile.
    pub const PROFILE: u16 = 0xabac;

    const CLEAN_POINT: u8 = 0x80;
    const END_OF_SECTION: u8 = 0x40;
    const DISCONTINUITY: u8 = 0x20;
    const TERMINAL: u8 = 0x10;

    /// Reads the extension; `None` where it is another one or shorter than three words. Another extension behind it in
    /// the same data is left unread.
    pub fn from_extension(extension: &Extension<'_>) -> Option<Self> {
        let (ntp, rest) = extension.data.split_first_chunk()?;
        let ([flags, cseq, _, _], _) = rest.split_first_chunk()?;
        (extension.profile == Self::PROFILE).then_some(Self {
            ntp: NtpTimestamp(u64::from_be_bytes(*ntp)),
            clean_point: flags & Self::CLEAN_POINT != 0,
            end_of_section: flags & Self::END_OF_SECTION != 0,
            discontinuity: flags & Self::DISCONTINUITY != 0,
            terminal: flags & Self::TERMINAL != 0,
            cseq: *cseq,
        })
    }

    /// Appends the extension with its head: 16 bytes, to stand behind the CSRCs of a packet whose X bit is set.
    pub fn write(&self, out: &mut Vec<u8>) {
        let flag = |is_set, bit| if is_set { bit } else { 0 };
        let flags = flag(self.clean_point, Self::CLEAN_POINT)
            | flag(self.end_of_section, Self::END_OF_SECTION)
            | flag(self.discontinuity, Self::DISCONTINUITY)
            | flag(self.terminal, Self::TERMINAL);
        out.extend_from_slice(&Self::PROFILE.to_be_bytes());
        out.extend_from_slice(&[0, 3]);
        out.extend_from_slice(&self.ntp.0.to_be_bytes());
        out.extend_from_slice(&[flags, self.cseq, 0, 0]);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const EXTENSION: ReplayExtension = ReplayExtension {
        ntp: NtpTimestamp(0xe9d5_2a80_8000_0000),
        clean_point: true,
        end_of_section: false,
        discontinuity: true,
        terminal: false,
        cseq: 1,
    };

    #[test]
    fn every_flag_survives_the_round_trip() {
        for bits in 0..16 {
            let written = ReplayExtension {
                clean_point: bits & 1 != 0,
                end_of_section: bits & 2 != 0,
                discontinuity: bits & 4 != 0,
                terminal: bits & 8 != 0,
                ..EXTENSION
            };
            let mut bytes = Vec::new();
            written.write(&mut bytes);
            let extension = Extension::split_from(&bytes).unwrap();
            assert_eq!(ReplayExtension::from_extension(&extension), Some(written));
        }
    }

    #[test]
    fn other_profiles_and_short_ones_are_not_read() {
        let mut data = Vec::new();
        EXTENSION.write(&mut data);
        let data = &data[Extension::HEAD..];
        let read = |profile, data| ReplayExtension::from_extension(&Extension { profile, data });
        assert_eq!(read(0xabad, data), None);
        assert_eq!(read(0xabac, &data[..8]), None);
        let longer = [data, &[0xff, 0xd8, 0, 0]].concat();
        assert_eq!(read(0xabac, &longer), Some(EXTENSION));
    }
}
