//! Scaling matrices: how coarsely each frequency is quantized, and what counts where nothing is said.

use crate::bitreader::{BitReader, SyntaxError};

/// Default_4x4_Intra and Default_4x4_Inter of Table 7-3.
const DEFAULT_4X4: [[u8; 16]; 2] = [
    [6, 13, 13, 20, 20, 20, 28, 28, 28, 28, 32, 32, 32, 37, 37, 42],
    [10, 14, 14, 20, 20, 20, 24, 24, 24, 24, 27, 27, 27, 30, 30, 34],
];

/// Default_8x8_Intra and Default_8x8_Inter of Table 7-4.
const DEFAULT_8X8: [[u8; 64]; 2] = [
    [
        6, 10, 10, 13, 11, 13, 16, 16, 16, 16, 18, 18, 18, 18, 18, 23, 23, 23, 23, 23, 23, 25, 25, 25, 25,
        25, 25, 25, 27, 27, 27, 27, 27, 27, 27, 27, 29, 29, 29, 29, 29, 29, 29, 31, 31, 31, 31, 31, 31, 33,
        33, 33, 33, 33, 36, 36, 36, 36, 38, 38, 38, 40, 40, 42,
    ],
    [
        9, 13, 13, 15, 13, 15, 17, 17, 17, 17, 19, 19, 19, 19, 19, 21, 21, 21, 21, 21, 21, 22, 22, 22, 22,
        22, 22, 22, 24, 24, 24, 24, 24, 24, 24, 24, 25, 25, 25, 25, 25, 25, 25, 27, 27, 27, 27, 27, 27, 28,
        28, 28, 28, 28, 30, 30, 30, 30, 32, 32, 32, 33, 33, 35,
    ],
];

/// The lists that a stream is decoded with, each in coding order (zig-zag), 1 to 255; 16 leaves a frequency as it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ScalingLists {
    /// Intra Y, Cb, Cr, then inter Y, Cb, Cr.
    pub lists_4x4: [[u8; 16]; 6],
    /// Intra Y, inter Y, intra Cb, inter Cb, intra Cr, inter Cr; the last four count in 4:4:4 only.
    pub lists_8x8: [[u8; 64]; 6],
}

impl ScalingLists {
    /// Flat_4x4_16 and Flat_8x8_16: what counts without any matrix.
    pub const FLAT: Self = Self {
        lists_4x4: [[16; 16]; 6],
        lists_8x8: [[16; 64]; 6],
    };

    /// The first lists of fall-back rule set A.
    const DEFAULT: Self = Self {
        lists_4x4: [
            DEFAULT_4X4[0],
            DEFAULT_4X4[0],
            DEFAULT_4X4[0],
            DEFAULT_4X4[1],
            DEFAULT_4X4[1],
            DEFAULT_4X4[1],
        ],
        lists_8x8: [
            DEFAULT_8X8[0],
            DEFAULT_8X8[1],
            DEFAULT_8X8[0],
            DEFAULT_8X8[1],
            DEFAULT_8X8[0],
            DEFAULT_8X8[1],
        ],
    };
}

/// A list as a parameter set has it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum List<const N: usize> {
    FallBack,
    Default,
    Coded([u8; N]),
}

/// `scaling_matrix` of a parameter set ([ITU-T H.264](https://www.itu.int/rec/T-REC-H.264) §7.3.2.1.1.1).
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ScalingMatrix {
    lists_4x4: [List<16>; 6],
    lists_8x8: [List<64>; 6],
}

impl ScalingMatrix {
    /// Reads six 4x4 lists and then `count_8x8` 8x8 ones, 0 to 6.
    pub(crate) fn read(reader: &mut BitReader<'_>, count_8x8: usize) -> Result<Self, SyntaxError> {
        let mut matrix = Self {
            lists_4x4: [List::FallBack; 6],
            lists_8x8: [List::FallBack; 6],
        };
        for list in &mut matrix.lists_4x4 {
            *list = List::read(reader)?;
        }
        for list in matrix.lists_8x8.iter_mut().take(count_8x8) {
            *list = List::read(reader)?;
        }
        Ok(matrix)
    }

    /// The lists that count by the fall-back rules of Table 7-2: set A where there is no `outer` matrix, which is that
    /// of the SPS for a PPS, and set B where there is.
    pub(crate) fn resolve(&self, outer: Option<&ScalingLists>) -> ScalingLists {
        let default = ScalingLists::DEFAULT;
        let outer = outer.unwrap_or(&default);
        let [intra0, intra1, intra2, inter0, inter1, inter2] = &self.lists_4x4;
        let [outer_intra, _, _, outer_inter, ..] = outer.lists_4x4;
        let [intra_default, inter_default] = DEFAULT_4X4;
        let intra = resolve([intra0, intra1, intra2], outer_intra, intra_default);
        let inter = resolve([inter0, inter1, inter2], outer_inter, inter_default);
        let lists_4x4 = [intra[0], intra[1], intra[2], inter[0], inter[1], inter[2]];

        let [intra0, inter0, intra1, inter1, intra2, inter2] = &self.lists_8x8;
        let [outer_intra, outer_inter, ..] = outer.lists_8x8;
        let [intra_default, inter_default] = DEFAULT_8X8;
        let intra = resolve([intra0, intra1, intra2], outer_intra, intra_default);
        let inter = resolve([inter0, inter1, inter2], outer_inter, inter_default);
        let lists_8x8 = [intra[0], inter[0], intra[1], inter[1], intra[2], inter[2]];
        ScalingLists { lists_4x4, lists_8x8 }
    }
}

/// Y, Cb and Cr: each falls back on the one before it, and the first on `outer`.
fn resolve<const N: usize>(lists: [&List<N>; 3], outer: [u8; N], default: [u8; N]) -> [[u8; N]; 3] {
    let mut last = outer;
    lists.map(|list| {
        last = list.or(last, default);
        last
    })
}

impl<const N: usize> List<N> {
    fn read(reader: &mut BitReader<'_>) -> Result<Self, SyntaxError> {
        if !reader.flag("scaling_list_present_flag")? {
            return Ok(Self::FallBack);
        }
        let mut list = [0; N];
        let mut last_scale: u8 = 8;
        let mut ends_early = false;
        for (index, scale) in list.iter_mut().enumerate() {
            if !ends_early {
                let delta = reader.se_i8(i8::MIN, i8::MAX, "delta_scale")?;
                let next_scale = last_scale.wrapping_add_signed(delta);
                if next_scale == 0 && index == 0 {
                    return Ok(Self::Default);
                }
                ends_early = next_scale == 0;
                last_scale = if ends_early { last_scale } else { next_scale };
            }
            *scale = last_scale;
        }
        Ok(Self::Coded(list))
    }

    fn or(&self, fall_back: [u8; N], default: [u8; N]) -> [u8; N] {
        match self {
            Self::FallBack => fall_back,
            Self::Default => default,
            Self::Coded(list) => *list,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Six 4x4 lists: falls back, coded (8 then 10 up to the end), default, falls back thrice.
    const FEW_LISTS: [u8; 5] = [0b0110_0100, 0b0000_1010, 0b1100_0010, 0b0010_0000, 0x80];

    #[test]
    fn lists_fall_back_on_the_ones_before_them() {
        // 0 | 1, se 0, se 2, se -10 (next scale 0) | 1, se -8 | 0 0 0
        let matrix = ScalingMatrix::read(&mut BitReader::new(&FEW_LISTS), 0).expect("a matrix");
        let lists = matrix.resolve(None);
        let mut coded = [10; 16];
        coded[0] = 8;
        assert_eq!(
            lists.lists_4x4,
            [
                DEFAULT_4X4[0],
                coded,
                DEFAULT_4X4[0],
                DEFAULT_4X4[1],
                DEFAULT_4X4[1],
                DEFAULT_4X4[1]
            ]
        );
        assert_eq!(lists.lists_8x8, ScalingLists::DEFAULT.lists_8x8);
    }

    #[test]
    fn first_lists_of_a_picture_fall_back_on_those_of_the_sequence() {
        let nothing = ScalingMatrix::read(&mut BitReader::new(&[0, 0]), 6).expect("a matrix");
        assert_eq!(nothing.resolve(Some(&ScalingLists::FLAT)), ScalingLists::FLAT);
        assert_eq!(nothing.resolve(None), ScalingLists::DEFAULT);
    }

    #[test]
    fn a_delta_out_of_range_is_named() {
        // 1, se 128 (ue 255: 8 zeros, 1 0000 0000)
        let error = ScalingMatrix::read(&mut BitReader::new(&[0b1000_0000, 0b0100_0000, 0b0000_0000]), 0);
        assert_eq!(
            error.expect_err("above 127").to_string(),
            "delta_scale is 128, not -128 to 127, at bit 18"
        );
    }
}
