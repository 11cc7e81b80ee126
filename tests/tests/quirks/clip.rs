//! The clip that is played, and whether pictures are its own.

use std::collections::HashMap;
use std::sync::LazyLock;

use throughline_h264::annexb;
use throughline_ingest::AccessUnit;
use throughline_mock_camera::{BuiltInClip, Clip, Quirk};

/// Twice as fast as it is, so that the tests take half the time.
pub(crate) static FAST: LazyLock<Clip> = LazyLock::new(|| at(60.0));
/// Two pictures a second, so that minutes of simulation cost little.
pub(crate) static SLOW: LazyLock<Clip> = LazyLock::new(|| at(2.0));

fn at(frame_rate: f64) -> Clip {
    Clip::from_annex_b(BuiltInClip::ConstrainedBaseline.annex_b(), Some(frame_rate)).unwrap()
}

/// NAL units of a picture that no quirk may touch: all but SPS, PPS and delimiter, and what the quirk itself adds.
fn kept(quirk: Quirk, picture: &[u8]) -> Vec<Vec<u8>> {
    let added: &[u8] = if quirk == Quirk::LonePackets {
        &[6, 7, 8, 9, 12]
    } else {
        &[7, 8, 9]
    };
    annexb::nal_units(picture)
        .filter(|nal| !added.contains(&(nal[0] & 0x1f)))
        .map(<[u8]>::to_vec)
        .collect()
}

/// The clip's pictures with their places.
type Places = HashMap<Vec<Vec<u8>>, usize>;

static PLACES: LazyLock<Places> = LazyLock::new(|| places(Quirk::NoCSeq));
static PLACES_WITHOUT_ADDED: LazyLock<Places> = LazyLock::new(|| places(Quirk::LonePackets));

fn places(quirk: Quirk) -> Places {
    let clip = &*FAST;
    let places: Places = (0..clip.pictures())
        .map(|index| (kept(quirk, clip.picture(index).unwrap()), index))
        .collect();
    assert_eq!(places.len(), clip.pictures(), "pictures differ from each other");
    places
}

/// The clip's pictures byte for byte, each followed by the next one or by an IDR, to which the camera jumps on a request
/// or where it is behind; and after a loss nothing else may follow.
pub(crate) fn expect_the_clip(quirk: Quirk, taken: &[AccessUnit]) {
    let places = if quirk == Quirk::LonePackets {
        &*PLACES_WITHOUT_ADDED
    } else {
        &*PLACES
    };
    let parameters = FAST.parameters();
    let mut expected = None;
    for (number, unit) in taken.iter().enumerate() {
        let place = places.get(&kept(quirk, &unit.data));
        let place = *place.unwrap_or_else(|| panic!("{quirk}: picture {number} is none of the clip's"));
        assert!(
            unit.is_idr || Some(place) == expected,
            "{quirk}: picture {number} is {place} and not {expected:?}"
        );
        assert_eq!(Some(unit.parameters), parameters, "{quirk}: picture {number}");
        assert!(
            !unit.is_idr || unit.has_parameter_sets,
            "{quirk}: picture {number}"
        );
        expected = Some((place + 1) % places.len());
    }
    let ahead = |pair: &[AccessUnit]| pair[0].timestamp < pair[1].timestamp;
    assert!(taken.windows(2).all(ahead), "{quirk}: timestamps step back");
}
