use super::*;
use crate::bitreader::from_bits;
use crate::parameters::Profile;

/// Made by x264 from a test picture of the size and rate expected.
const TWO_SLICES: &str = "6742c00ada11ec0440000003004000000c83c489a8";
const HIGH: &str = "67640028acd940780227e5c04400000fa40003a9803c60c658";
const INTERLACED: &str = "677a001eb6cd940b424d822501010140000003004000000c9898003d090007a12930c03e28532c";
const ODD_SIZE: &str = "6742c016d900a42fe226c044000003000400000300783c58b920";
const YUV444: &str = "67f4001e919b281405ff138088000003000800000301e078b16cb0";
const GRAY: &str = "6764001ef3650280bfe27016c8000003000800000301e078b16cb0";
const B_SLICES: &str = "674d400ae8823d80880000030008000003019078912890";

fn bytes(hex: &str) -> Vec<u8> {
    let byte = |at: usize| u8::from_str_radix(&hex[at..at + 2], 16).expect("hexadecimal");
    (0..hex.len()).step_by(2).map(byte).collect()
}

fn parameters(hex: &str) -> VideoParameters {
    Sps::parse(&bytes(hex)).expect("an SPS").parameters()
}

#[test]
fn profiles_levels_sizes_and_rates_are_read() {
    let cases = [
        (TWO_SLICES, Profile::ConstrainedBaseline, "1.0", (64, 48), 25.0, 0),
        (HIGH, Profile::High, "4.0", (1920, 1080), 30000.0 / 1001.0, 2),
        (INTERLACED, Profile::High422, "3.0", (720, 576), 25.0, 2),
        (ODD_SIZE, Profile::ConstrainedBaseline, "2.2", (642, 358), 15.0, 0),
        (YUV444, Profile::High444Predictive, "3.0", (640, 360), 30.0, 2),
        (GRAY, Profile::High, "3.0", (640, 360), 30.0, 2),
        (B_SLICES, Profile::Main, "1.0", (64, 48), 25.0, 1),
    ];
    for (hex, profile, level, size, frame_rate, reorder) in cases {
        let read = parameters(hex);
        assert_eq!(read.profile, profile, "{hex}");
        assert_eq!(read.level.to_string(), level, "{hex}");
        assert_eq!((read.width, read.height), size, "{hex}");
        assert_eq!(read.max_num_reorder_frames, Some(reorder), "{hex}");
        assert!(
            read.frame_rate
                .is_some_and(|read| (read - frame_rate).abs() < 1e-9),
            "{hex}: {read:?}"
        );
    }
}

#[test]
fn the_shape_of_a_pixel_is_read() {
    assert_eq!(parameters(INTERLACED).sample_aspect_ratio, Some((16, 11)));
    assert_eq!(parameters(HIGH).sample_aspect_ratio, Some((1, 1)));
}

#[test]
fn scaling_lists_are_read_between_the_rest() {
    // Of the eight lists: a 4x4 one that falls back at its first entry (-8), a flat 4x4 one, a flat 8x8 one.
    let flat_4x4 = "1".repeat(16);
    let flat_8x8 = "1".repeat(64);
    let lists = format!("1 000010001  1 {flat_4x4}  0 0 0 0  1 {flat_8x8}  0");
    let before = "1 010 1 1 0 1"; // SPS 0, 4:2:0, 8 bits twice, no bypass, lists follow
    let size = "00000 101000 0000 10111 1 1 0 0"; // 40 and 23 macroblocks, frames only, no cropping, no VUI
    let bits = format!("{before} {lists} 1 1 1 010 0 {size} 1");
    let sps = [&[0x67, 100, 0, 31][..], &from_bits(&bits)].concat();
    let read = Sps::parse(&sps).expect("an SPS");
    assert_eq!((read.width(), read.height()), (640, 368));
    let lists = read.scaling_lists();
    assert_eq!((lists.lists_4x4[0][1], lists.lists_4x4[1]), (13, [8; 16]));
    assert_eq!((lists.lists_8x8[0], lists.lists_8x8[1][0]), ([8; 64], 9));
}

#[test]
fn constraint_flags_tell_the_profiles_of_one_number_apart() {
    let mut sps = bytes(TWO_SLICES);
    for (profile_idc, flags, name) in [
        (66, 0xe0, "Constrained Baseline"),
        (66, 0x00, "Baseline"),
        (77, 0x00, "Main"),
        (99, 0x00, "profile_idc 99"),
    ] {
        sps[1] = profile_idc;
        sps[2] = flags;
        let read = Sps::parse(&sps).expect("an SPS").parameters();
        assert_eq!(read.profile.to_string(), name);
        assert_eq!(
            read.profile_level_id().to_string(),
            format!("{profile_idc:02x}{flags:02x}0a")
        );
    }
    let mut sps = bytes(HIGH);
    for (flags, name) in [
        (0x00, "High"),
        (0x08, "Progressive High"),
        (0x0c, "Constrained High"),
    ] {
        sps[2] = flags;
        assert_eq!(
            Sps::parse(&sps).expect("an SPS").parameters().profile.to_string(),
            name
        );
    }
}

#[test]
fn q92_an_sps_cut_off_in_its_vui_is_used_without() {
    let sps = bytes(HIGH);
    let strict = Policy::default().refuse(Tolerance::Vui);
    let mut sizes = Vec::new();
    for end in 0..sps.len() {
        if let Ok(cut) = Sps::parse(&sps[..end]) {
            assert!(cut.tolerated().contains(Tolerance::Vui));
            assert!(matches!(
                Sps::parse_with(&sps[..end], &strict),
                Err(SpsError::NotTolerated {
                    tolerance: Tolerance::Vui,
                    ..
                })
            ));
            sizes.push((cut.parameters().width, cut.parameters().frame_rate.is_some()));
        }
    }
    assert!(sizes.contains(&(1920, false)) && sizes.contains(&(1920, true)));
    assert!(sizes.iter().all(|&(width, _)| width == 1920));
}

#[test]
fn q140_random_bytes_are_an_error_that_names_the_element() {
    let encrypted = Sps::parse(&[0x67, 0x8a, 0x93, 0x1c, 0x00, 0x40, 0x11, 0x5e]).expect_err("no SPS");
    assert_eq!(
        encrypted.to_string(),
        "SPS: seq_parameter_set_id is 511, not 0 to 31, at bit 43"
    );
}

#[test]
fn cropping_that_leaves_nothing_is_an_error() {
    // 16x16, cropped by 8 pairs of columns: profile 66, level 10, then ue 0 0 2 1, 0, ue 0 0, 1, 1, 1, ue 8 0 0 0
    let sps = [
        0x67,
        66,
        0,
        10,
        0b1101_1010,
        0b0111_1100,
        0b0100_1111,
        0b1000_0000,
    ];
    let error = Sps::parse(&sps).expect_err("nothing is left");
    assert_eq!(
        error,
        SpsError::NothingLeft {
            width: 16,
            height: 16
        }
    );
}

#[test]
fn another_nal_unit_is_no_sps() {
    assert_eq!(Sps::parse(&[]), Err(SpsError::WrongType));
    assert_eq!(Sps::parse(&[0x68, 0xce]), Err(SpsError::WrongType));
}

#[test]
fn q92_absurd_usability_information_is_left_out() {
    let file = include_str!("../../../../testdata/h264/absurd_usability.hex");
    let hex: String = file.lines().filter(|line| !line.starts_with('#')).collect();
    let sps = bytes(&hex.replace(' ', ""));

    let read = Sps::parse(&sps).expect("an SPS");
    assert_eq!((read.width(), read.height()), (64, 48));
    assert_eq!(
        read.tolerated().to_string(),
        "usability information is cut off or absurd"
    );
    let video = read.parameters();
    assert_eq!((video.frame_rate, video.max_num_reorder_frames), (None, None));

    let error = Sps::parse_with(&sps, &Policy::strict()).expect_err("absurd");
    assert_eq!(
        error.to_string(),
        "SPS: usability information is cut off or absurd: time_scale at bit 114"
    );
}

#[test]
fn a_reorder_depth_that_is_not_signalled_follows_from_profile_and_level() {
    // Without usability information: 40 by 30 macroblocks, output order in slice headers or that of decoding.
    let sps = |profile_idc: u8, flags: u8, level_idc: u8, order: &str| {
        let high = if profile_idc == 100 { "010 1 1 0 0" } else { "" };
        let size = "00000101000 000011110 1 1 0 0";
        let bits = format!("1 {high} 1 {order} 010 0 {size} 1");
        let nal = [&[0x67, profile_idc, flags, level_idc][..], &from_bits(&bits)].concat();
        Sps::parse(&nal).expect("an SPS").parameters()
    };
    let lsb = "1 1";
    // MaxDpbMbs 8100 and 32,768 of levels 3.0 and 4.0, 1200 macroblocks a frame.
    for (profile_idc, flags, level_idc, order, depth) in [
        (77, 0, 30, lsb, 6),
        (100, 0, 30, lsb, 6),
        (100, 0, 40, lsb, 16),
        (77, 0, 77, lsb, 16),
        (66, 0xc0, 30, lsb, 0),
        (100, 0x10, 40, lsb, 0),
        (77, 0, 30, "011", 0),
    ] {
        let video = sps(profile_idc, flags, level_idc, order);
        assert_eq!((video.width, video.height), (640, 480));
        assert_eq!(video.reorder_depth, depth, "{profile_idc} {level_idc}");
        let is_told = order == "011" || flags == 0x10;
        assert_eq!(video.max_num_reorder_frames.is_some(), is_told);
    }
}
