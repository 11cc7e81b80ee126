//! What a sequence parameter set says about the video: profile, level, size, rate.

use std::fmt;
use std::str::FromStr;

use thiserror::Error;

/// A profile of [ITU-T H.264](https://www.itu.int/rec/T-REC-H.264) Annex A, told apart by `profile_idc` and the
/// constraint flags.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Profile {
    /// 66 with `constraint_set1_flag`: what every WebRTC receiver decodes.
    ConstrainedBaseline,
    /// 66
    Baseline,
    /// 77
    Main,
    /// 88
    Extended,
    /// 100
    High,
    /// 100 with `constraint_set4_flag`: frames only.
    ProgressiveHigh,
    /// 100 with `constraint_set4_flag` and `constraint_set5_flag`: frames only, no B slices.
    ConstrainedHigh,
    /// 110
    High10,
    /// 122
    High422,
    /// 244
    High444Predictive,
    /// 44
    Cavlc444Intra,
    /// Any other `profile_idc`.
    Other(u8),
}

impl Profile {
    /// The profile of the first two bytes of an SPS: `profile_idc` and the byte of the constraint flags.
    pub const fn new(profile_idc: u8, constraint_flags: u8) -> Self {
        const SET1: u8 = 0x40;
        const SET4: u8 = 0x08;
        const SET4_AND_SET5: u8 = 0x0c;
        match profile_idc {
            66 if constraint_flags & SET1 == SET1 => Self::ConstrainedBaseline,
            66 => Self::Baseline,
            77 => Self::Main,
            88 => Self::Extended,
            100 if constraint_flags & SET4_AND_SET5 == SET4_AND_SET5 => Self::ConstrainedHigh,
            100 if constraint_flags & SET4 == SET4 => Self::ProgressiveHigh,
            100 => Self::High,
            110 => Self::High10,
            122 => Self::High422,
            244 => Self::High444Predictive,
            44 => Self::Cavlc444Intra,
            other => Self::Other(other),
        }
    }
}

impl fmt::Display for Profile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::ConstrainedBaseline => f.write_str("Constrained Baseline"),
            Self::Baseline => f.write_str("Baseline"),
            Self::Main => f.write_str("Main"),
            Self::Extended => f.write_str("Extended"),
            Self::High => f.write_str("High"),
            Self::ProgressiveHigh => f.write_str("Progressive High"),
            Self::ConstrainedHigh => f.write_str("Constrained High"),
            Self::High10 => f.write_str("High 10"),
            Self::High422 => f.write_str("High 4:2:2"),
            Self::High444Predictive => f.write_str("High 4:4:4 Predictive"),
            Self::Cavlc444Intra => f.write_str("CAVLC 4:4:4 Intra"),
            Self::Other(profile_idc) => write!(f, "profile_idc {profile_idc}"),
        }
    }
}

/// A level: ten times its number, 31 for 3.1, and 9 for 1b.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Level(pub u8);

impl Level {
    /// `MaxDpbMbs` of Table A-1, macroblocks that a decoder may have to keep; none for a level that is not in it.
    pub(crate) const fn max_dpb_mbs(self) -> Option<u32> {
        Some(match self.0 {
            9 | 10 => 396,
            11 => 900,
            12 | 13 | 20 => 2376,
            21 => 4752,
            22 | 30 => 8100,
            31 => 18_000,
            32 => 20_480,
            40 | 41 => 32_768,
            42 => 34_816,
            50 => 110_400,
            51 | 52 => 184_320,
            60..=62 => 696_320,
            _ => return None,
        })
    }
}

impl fmt::Display for Level {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            9 => f.write_str("1b"),
            level_idc => write!(f, "{}.{}", level_idc / 10, level_idc % 10),
        }
    }
}

/// `profile-level-id`: `profile_idc`, the byte of the constraint flags and `level_idc`
/// ([RFC 6184 §8.1](https://www.rfc-editor.org/rfc/rfc6184#section-8.1)).
///
/// `Display` writes it as SDP does, in six hexadecimal digits such as `42e01f`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct ProfileLevelId(pub [u8; 3]);

impl ProfileLevelId {
    /// The profile.
    pub const fn profile(self) -> Profile {
        let [profile_idc, constraint_flags, _] = self.0;
        Profile::new(profile_idc, constraint_flags)
    }

    /// The level.
    pub const fn level(self) -> Level {
        /// Turns 1.1 into 1b in the profiles that are older than `level_idc` 9.
        const SET3: u8 = 0x10;
        match self.0 {
            [66 | 77 | 88, constraint_flags, 11] if constraint_flags & SET3 == SET3 => Level(9),
            [_, _, level_idc] => Level(level_idc),
        }
    }
}

/// `profile-level-id` is not six hexadecimal digits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("profile-level-id is not six hexadecimal digits")]
pub struct ProfileLevelIdError;

impl FromStr for ProfileLevelId {
    type Err = ProfileLevelIdError;

    fn from_str(value: &str) -> Result<Self, Self::Err> {
        if value.len() != 6 || !value.bytes().all(|digit| digit.is_ascii_hexdigit()) {
            return Err(ProfileLevelIdError);
        }
        let number = u32::from_str_radix(value, 16).map_err(|_| ProfileLevelIdError)?;
        let [_, profile_idc, constraint_flags, level_idc] = number.to_be_bytes();
        Ok(Self([profile_idc, constraint_flags, level_idc]))
    }
}

impl fmt::Display for ProfileLevelId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [profile_idc, constraint_flags, level_idc] = self.0;
        write!(f, "{profile_idc:02x}{constraint_flags:02x}{level_idc:02x}")
    }
}

/// The facts of a sequence parameter set that whoever forwards the video needs.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct VideoParameters {
    /// The profile.
    pub profile: Profile,
    /// The level.
    pub level: Level,
    pub(crate) profile_level_id: ProfileLevelId,
    /// Luma samples per row, cropping applied; not corrected for pixels that are not square.
    pub width: u32,
    /// Luma rows, cropping applied.
    pub height: u32,
    /// Width and height of one pixel relative to each other, where it is signalled.
    pub sample_aspect_ratio: Option<(u16, u16)>,
    /// Pictures per second, where the timing is signalled and believable; cameras often get it wrong (Q92).
    pub frame_rate: Option<f64>,
    /// How many pictures may have to be held to bring them into output order, where it is signalled. With 0 there are
    /// no B pictures that WebRTC could not show (Q91).
    pub max_num_reorder_frames: Option<u8>,
    /// The same, 0 to 16, where need be as the most that profile and level allow.
    pub reorder_depth: u8,
}

impl VideoParameters {
    /// Profile and level as SDP writes them, constraint flags included, such as `42e01f`.
    pub const fn profile_level_id(&self) -> ProfileLevelId {
        self.profile_level_id
    }

    /// Width and height in square pixels: the shorter side of each pixel is stretched to the longer one, so that no
    /// sample is lost (Q146). Without a sample aspect ratio that is the size as it is.
    pub fn display_size(&self) -> (u32, u32) {
        let stretched = |side: u32, from: u16, to: u16| {
            let stretched = (u64::from(side) * u64::from(to) + u64::from(from) / 2) / u64::from(from.max(1));
            u32::try_from(stretched).unwrap_or(u32::MAX)
        };
        match self.sample_aspect_ratio {
            Some((x, y)) if x > y => (stretched(self.width, y, x), self.height),
            Some((x, y)) if y > x => (self.width, stretched(self.height, x, y)),
            _ => (self.width, self.height),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sps::Sps;

    #[test]
    fn q146_pixels_that_are_not_square_are_stretched() {
        let sps = Sps::parse(&[
            0x67, 0x42, 0xc0, 0x0a, 0xda, 0x11, 0xec, 0x04, 0x40, 0x00, 0x00, 0x03, 0x00, 0x40, 0x00, 0x00,
            0x0c, 0x83, 0xc4, 0x89, 0xa8,
        ]);
        let mut video = sps.expect("an SPS").parameters();
        (video.width, video.height) = (704, 576);
        for (ratio, size) in [
            (None, (704, 576)),
            (Some((1, 1)), (704, 576)),
            (Some((12, 11)), (768, 576)),
            (Some((10, 11)), (704, 634)),
            (Some((1, u16::MAX)), (704, 576 * 65_535)),
        ] {
            video.sample_aspect_ratio = ratio;
            assert_eq!(video.display_size(), size, "{ratio:?}");
        }
    }

    #[test]
    fn level_1b_is_told_in_both_ways() {
        for (id, level) in [
            ([66, 0xd0, 11], "1b"),
            ([66, 0xc0, 11], "1.1"),
            ([100, 0, 9], "1b"),
            ([100, 0x10, 11], "1.1"),
        ] {
            assert_eq!(ProfileLevelId(id).level().to_string(), level);
        }
    }
}
