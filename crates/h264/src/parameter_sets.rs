//! Parameter sets kept by identifier, and `sprop-parameter-sets`.

use base64::Engine as _;
use base64::alphabet;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use base64::prelude::BASE64_STANDARD;
use bytes::Bytes;
use thiserror::Error;

use crate::annexb::nal_units_within;
use crate::nal::{NalHeader, NalUnitType};
use crate::parameters::{ProfileLevelId, VideoParameters};
use crate::pps::{Pps, PpsError};
use crate::sps::{Sps, SpsError};

/// Bytes of one parameter set: an SPS with every scaling list and a full VUI, or a PPS with a slice group map, stays far below.
pub const MAX_PARAMETER_SET_BYTES: usize = 4096;

/// Leaves out padding and overlooks stray low bits, which some cameras get wrong (Q67).
const LENIENT_BASE64: GeneralPurpose = GeneralPurpose::new(
    &alphabet::STANDARD,
    GeneralPurposeConfig::new()
        .with_decode_allow_trailing_bits(true)
        .with_decode_padding_mode(DecodePaddingMode::RequireNone),
);

/// Why a parameter set was not kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum ParameterSetError {
    /// It is no usable sequence parameter set.
    #[error(transparent)]
    Sps(#[from] SpsError),
    /// It is no usable picture parameter set.
    #[error(transparent)]
    Pps(#[from] PpsError),
    /// It is longer than [`MAX_PARAMETER_SET_BYTES`].
    #[error("parameter set of {length} bytes, above {MAX_PARAMETER_SET_BYTES}")]
    TooLong {
        /// Its length in bytes.
        length: usize,
    },
    /// The NAL unit is of another type, or empty.
    #[error("neither SPS nor PPS")]
    WrongType,
}

/// What [`ParameterSets::insert`] did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Inserted {
    /// Its identifier was not known.
    New,
    /// Another set of the same identifier was replaced.
    Changed,
    /// The same bytes were there already.
    Known,
}

/// The sequence and picture parameter sets of a stream, the latest of each identifier: 32 and 256 at most.
///
/// ```
/// use throughline_h264::ParameterSets;
///
/// let sets = ParameterSets::from_sprop("Z0LAFtkApC/iJsBEAAADAAQAAAMAeDxYuSA=,aMuAYSyA");
/// let parameters = sets.parameters().expect("an SPS");
/// assert_eq!((parameters.width, parameters.height), (642, 358));
/// assert_eq!(parameters.profile_level_id().to_string(), "42c016");
/// ```
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ParameterSets {
    sps: Vec<Stored<Sps>>,
    pps: Vec<Stored<Pps>>,
}

#[derive(Clone, Debug, PartialEq)]
struct Stored<T> {
    nal: Bytes,
    set: T,
}

impl ParameterSets {
    /// Reads the value of `sprop-parameter-sets` ([RFC 6184 §8.1](https://www.rfc-editor.org/rfc/rfc6184#section-8.1)).
    ///
    /// What decodes is kept and the rest is left out, as the sets that come in-band win anyway: start codes in front or
    /// within, wrong padding, garbage behind, empty and surplus items (Q67).
    pub fn from_sprop(value: &str) -> Self {
        let mut sets = Self::default();
        for item in value.split(',') {
            let symbols = item
                .trim_start()
                .split(|c: char| !c.is_ascii_alphanumeric() && c != '+' && c != '/')
                .next()
                .unwrap_or_default();
            // A lone symbol of the last four holds no whole byte.
            let whole = symbols.len() - usize::from(symbols.len() % 4 == 1);
            let Ok(bytes) = LENIENT_BASE64.decode(symbols.get(..whole).unwrap_or_default()) else {
                continue;
            };
            for nal in nal_units_within(&bytes) {
                let _ = sets.insert(nal);
            }
        }
        sets
    }

    /// Writes the value of `sprop-parameter-sets`.
    pub fn to_sprop(&self) -> String {
        let items: Vec<String> = self
            .sps()
            .chain(self.pps())
            .map(|nal| BASE64_STANDARD.encode(nal))
            .collect();
        items.join(",")
    }

    /// Keeps an SPS or PPS, a NAL unit without its start code, in place of the one with its identifier.
    pub fn insert(&mut self, nal: &[u8]) -> Result<Inserted, ParameterSetError> {
        let header = nal
            .first()
            .copied()
            .map(NalHeader::from_byte)
            .ok_or(ParameterSetError::WrongType)?;
        if nal.len() > MAX_PARAMETER_SET_BYTES {
            return Err(ParameterSetError::TooLong { length: nal.len() });
        }
        match header.nal_unit_type() {
            NalUnitType::Sps => insert_by_id(&mut self.sps, nal, Sps::parse, Sps::id),
            NalUnitType::Pps => {
                let sps = &self.sps;
                let parse = |nal: &[u8]| {
                    let pps = Pps::parse(nal)?;
                    match sps.iter().find(|stored| stored.set.id() == pps.sps_id()) {
                        Some(stored) => Pps::parse_for(nal, &stored.set),
                        None => Ok(pps),
                    }
                };
                insert_by_id(&mut self.pps, nal, parse, Pps::id)
            }
            _ => Err(ParameterSetError::WrongType),
        }
    }

    /// Adds the sets of `other` whose identifiers are not known here.
    pub(crate) fn add_missing(&mut self, other: &Self) {
        let mut merged = other.clone();
        for nal in self.sps().chain(self.pps()) {
            // Each has been read before.
            let _ = merged.insert(nal);
        }
        *self = merged;
    }

    /// The sequence parameter sets, as NAL units without start codes.
    pub fn sps(&self) -> impl Iterator<Item = &[u8]> {
        self.sps.iter().map(|stored| stored.nal.as_ref())
    }

    /// The picture parameter sets, as NAL units without start codes.
    pub fn pps(&self) -> impl Iterator<Item = &[u8]> {
        self.pps.iter().map(|stored| stored.nal.as_ref())
    }

    /// Whether a picture can be decoded: there is an SPS and a PPS.
    pub fn is_complete(&self) -> bool {
        !self.sps.is_empty() && !self.pps.is_empty()
    }

    /// What the first SPS says about the video.
    pub fn parameters(&self) -> Option<VideoParameters> {
        self.sps.first().map(|stored| stored.set.parameters())
    }

    /// The `profile-level-id` of the first SPS; what SDP calls so is often wrong (Q68).
    pub fn profile_level_id(&self) -> Option<ProfileLevelId> {
        self.parameters().map(|parameters| parameters.profile_level_id())
    }

    /// The sequence parameter set of this identifier.
    pub fn sps_by_id(&self, id: u8) -> Option<&Sps> {
        let stored = self.sps.iter().find(|stored| stored.set.id() == id)?;
        Some(&stored.set)
    }

    /// The picture parameter set of this identifier.
    pub fn pps_by_id(&self, id: u8) -> Option<&Pps> {
        let stored = self.pps.iter().find(|stored| stored.set.id() == id)?;
        Some(&stored.set)
    }

    /// What the SPS says that a slice with this `pic_parameter_set_id` refers to.
    pub(crate) fn parameters_of(&self, pps_id: u8) -> Option<VideoParameters> {
        let pps = self.pps_by_id(pps_id)?;
        Some(self.sps_by_id(pps.sps_id())?.parameters())
    }
}

fn insert_by_id<T, E>(
    sets: &mut Vec<Stored<T>>,
    nal: &[u8],
    parse: impl FnOnce(&[u8]) -> Result<T, E>,
    id: impl Fn(&T) -> u8,
) -> Result<Inserted, ParameterSetError>
where
    ParameterSetError: From<E>,
{
    // Most sets come again with every IDR picture, unchanged.
    if sets.iter().any(|stored| stored.nal == nal) {
        return Ok(Inserted::Known);
    }
    let set = parse(nal)?;
    let nal = Bytes::copy_from_slice(nal);
    if let Some(same_id) = sets.iter_mut().find(|stored| id(&stored.set) == id(&set)) {
        *same_id = Stored { nal, set };
        return Ok(Inserted::Changed);
    }
    sets.push(Stored { nal, set });
    Ok(Inserted::New)
}

#[cfg(test)]
mod tests {
    use super::*;

    const SPS: &[u8] = &[
        0x67, 0x42, 0xc0, 0x0a, 0xda, 0x11, 0xec, 0x04, 0x40, 0x00, 0x00, 0x03, 0x00, 0x40, 0x00, 0x00, 0x0c,
        0x83, 0xc4, 0x89, 0xa8,
    ];
    const PPS: &[u8] = &[0x68, 0xce, 0x03, 0x9c, 0x80];
    const SPROP: &str = "Z0LACtoR7ARAAAADAEAAAAyDxImo,aM4DnIA=";

    fn nals(sets: &ParameterSets) -> Vec<&[u8]> {
        sets.sps().chain(sets.pps()).collect()
    }

    #[test]
    fn sprop_reads_and_writes_back() {
        let sets = ParameterSets::from_sprop(SPROP);
        assert_eq!(nals(&sets), [SPS, PPS]);
        assert_eq!(sets.to_sprop(), SPROP);
        assert!(sets.is_complete());
    }

    #[test]
    fn q67_what_decodes_of_a_faulty_sprop_is_used() {
        let cases = [
            ("without padding", "Z0LACtoR7ARAAAADAEAAAAyDxImo,aM4DnIA"),
            ("too much padding", "Z0LACtoR7ARAAAADAEAAAAyDxImo=,aM4DnIA=="),
            ("spaces", " Z0LACtoR7ARAAAADAEAAAAyDxImo, aM4DnIA= "),
            ("garbage behind", "Z0LACtoR7ARAAAADAEAAAAyDxImo,aM4DnIA=;x\u{0}"),
            (
                "a third item",
                "Z0LACtoR7ARAAAADAEAAAAyDxImo,aM4DnIA=,BgU=,,AAAAAWY=",
            ),
            (
                "start codes in front",
                "AAAAAWdCwAraEewEQAAAAwBAAAAMg8SJqA==,AAABaM4DnIA=",
            ),
            (
                "a start code behind",
                "Z0LACtoR7ARAAAADAEAAAAyDxImoAAAAAQ==,aM4DnIA=",
            ),
            ("both in one item", "Z0LACtoR7ARAAAADAEAAAAyDxImoAAAAAWjOA5yA"),
        ];
        for (what, sprop) in cases {
            assert_eq!(nals(&ParameterSets::from_sprop(sprop)), [SPS, PPS], "{what}");
        }
    }

    #[test]
    fn q67_an_empty_pps_leaves_the_sps() {
        for sprop in [
            "Z0LACtoR7ARAAAADAEAAAAyDxImo,aA==",
            "Z0LACtoR7ARAAAADAEAAAAyDxImo,",
            "!,Z0LACtoR7ARAAAADAEAAAAyDxImo",
        ] {
            let sets = ParameterSets::from_sprop(sprop);
            assert_eq!(nals(&sets), [SPS]);
            assert!(!sets.is_complete());
        }
        assert_eq!(ParameterSets::from_sprop(""), ParameterSets::default());
    }

    #[test]
    fn the_latest_set_of_an_identifier_stays() {
        let mut sets = ParameterSets::default();
        assert_eq!(sets.insert(SPS), Ok(Inserted::New));
        assert_eq!(sets.insert(SPS), Ok(Inserted::Known));
        let mut other_level = SPS.to_vec();
        other_level[3] = 0x1f;
        assert_eq!(sets.insert(&other_level), Ok(Inserted::Changed));
        assert_eq!(sets.sps().collect::<Vec<_>>(), [other_level]);
        assert_eq!(
            sets.profile_level_id().map(|id| id.to_string()).as_deref(),
            Some("42c01f")
        );
    }

    #[test]
    fn known_identifiers_win_over_those_added() {
        let mut other_level = SPS.to_vec();
        other_level[3] = 0x1f;
        let mut in_band = ParameterSets::default();
        in_band.insert(&other_level).expect("SPS");
        in_band.add_missing(&ParameterSets::from_sprop(SPROP));
        assert_eq!(nals(&in_band), [&other_level[..], PPS]);
    }

    #[test]
    fn what_is_no_parameter_set_is_refused() {
        let mut sets = ParameterSets::default();
        assert_eq!(sets.insert(&[]), Err(ParameterSetError::WrongType));
        assert_eq!(sets.insert(&[0x65, 0x88]), Err(ParameterSetError::WrongType));
        assert_eq!(
            sets.insert(&[0x68; 5000]),
            Err(ParameterSetError::TooLong { length: 5000 })
        );
        assert!(matches!(
            sets.insert(&[0x67, 0x42]),
            Err(ParameterSetError::Sps(SpsError::Syntax(_)))
        ));
    }
}
