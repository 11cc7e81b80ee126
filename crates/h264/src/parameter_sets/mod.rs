//! Parameter sets kept by identifier.

mod readings;
mod sprop;

use bytes::Bytes;
use thiserror::Error;

use crate::annexb::trim_trailing_zeros;
use crate::nal::{NalHeader, NalUnitType};
use crate::parameters::{ProfileLevelId, VideoParameters};
use crate::pps::{Pps, PpsError};
use crate::sps::{Sps, SpsError};
use crate::tolerance::{Policy, Tolerance, Tolerances};
use readings::Readings;

pub use sprop::SpropError;

/// Bytes of one parameter set: an SPS with every scaling list and a full VUI, or a PPS with a slice group map, stays far below.
pub const MAX_PARAMETER_SET_BYTES: usize = 4096;

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
    /// The policy refuses what would have to be overlooked.
    #[error("{tolerance}")]
    NotTolerated {
        /// What is refused.
        tolerance: Tolerance,
    },
}

impl ParameterSetError {
    /// Whether it could be read, and the policy is against it.
    pub(crate) const fn is_refusal(&self) -> bool {
        matches!(
            self,
            Self::NotTolerated { .. } | Self::Sps(SpsError::NotTolerated { .. })
        )
    }
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
    pps: Vec<Stored<Readings>>,
    tolerated: Tolerances,
}

#[derive(Clone, Debug, PartialEq)]
struct Stored<T> {
    nal: Bytes,
    set: T,
}

impl ParameterSets {
    /// Keeps an SPS or PPS, a NAL unit without its start code, in place of the one with its identifier.
    pub fn insert(&mut self, nal: &[u8]) -> Result<Inserted, ParameterSetError> {
        self.insert_with(nal, &Policy::default())
    }

    /// Keeps an SPS or PPS if it needs no tolerance that `policy` refuses.
    ///
    /// A new SPS counts for the PPS that are here already and refer to it: they are taken as it has them
    /// read, and go where they cannot be.
    pub fn insert_with(&mut self, nal: &[u8], policy: &Policy) -> Result<Inserted, ParameterSetError> {
        let trimmed = trim_trailing_zeros(nal);
        let header = trimmed.first().ok_or(ParameterSetError::WrongType)?;
        if trimmed.len() != nal.len() {
            self.tolerate(Tolerance::TrailingZeros, *policy)?;
        }
        if trimmed.len() > MAX_PARAMETER_SET_BYTES {
            let length = trimmed.len();
            return Err(ParameterSetError::TooLong { length });
        }
        match NalHeader::from_byte(*header).nal_unit_type() {
            NalUnitType::Sps => self.insert_sps(trimmed, *policy),
            NalUnitType::Pps => self.insert_pps(trimmed, *policy),
            _ => Err(ParameterSetError::WrongType),
        }
    }

    fn insert_sps(&mut self, nal: &[u8], policy: Policy) -> Result<Inserted, ParameterSetError> {
        // Most sets come again with every IDR picture, unchanged.
        if is_stored(&self.sps, nal) {
            return Ok(Inserted::Known);
        }
        let sps = Sps::parse_with(nal, &policy)?;
        self.tolerated |= sps.tolerated();
        let tolerated = &mut self.tolerated;
        self.pps.retain_mut(|stored| {
            stored.set.pps().sps_id() != sps.id() || stored.set.fit(&sps, policy, tolerated).is_ok()
        });
        let id = sps.id();
        Ok(put(&mut self.sps, nal, sps, |stored| stored.id() == id))
    }

    fn insert_pps(&mut self, nal: &[u8], policy: Policy) -> Result<Inserted, ParameterSetError> {
        if is_stored(&self.pps, nal) {
            return Ok(Inserted::Known);
        }
        let mut readings = Readings::new(nal)?;
        let (id, sps_id) = (readings.pps().id(), readings.pps().sps_id());
        let mut tolerated = self.tolerated;
        if let Some(sps) = self.sps_by_id(sps_id) {
            readings.fit(sps, policy, &mut tolerated)?;
        }
        self.tolerated = tolerated;
        Ok(put(&mut self.pps, nal, readings, |stored| {
            stored.pps().id() == id
        }))
    }

    fn tolerate(&mut self, tolerance: Tolerance, policy: Policy) -> Result<(), ParameterSetError> {
        if !policy.tolerates(tolerance) {
            return Err(ParameterSetError::NotTolerated { tolerance });
        }
        self.tolerated.insert(tolerance);
        Ok(())
    }

    /// The stream's `profile-level-id`, where its description has `value`: that of the first SPS, as what descriptions
    /// say is often wrong (Q68), or what is described where there is no SPS and it can be read.
    pub fn profile_level_id_or(
        &mut self,
        value: &str,
        policy: &Policy,
    ) -> Result<Option<ProfileLevelId>, ParameterSetError> {
        let described = value.parse().ok();
        let actual = self.profile_level_id().or(described);
        if described.is_none() || described != actual {
            self.tolerate(Tolerance::ProfileLevelId, *policy)?;
        }
        Ok(actual)
    }

    /// What was overlooked so far to read what is here.
    pub const fn tolerated(&self) -> Tolerances {
        self.tolerated
    }

    /// Whether another set of the same identifier is here.
    pub(crate) fn has_other(&self, nal: &[u8]) -> bool {
        if nal.len() > MAX_PARAMETER_SET_BYTES || self.sps().chain(self.pps()).any(|known| known == nal) {
            return false;
        }
        Sps::parse(nal).is_ok_and(|sps| self.sps_by_id(sps.id()).is_some())
            || Pps::parse(nal).is_ok_and(|pps| self.pps_by_id(pps.id()).is_some())
    }

    /// Adds the sets of `other` whose identifiers are not known here.
    pub(crate) fn add_missing(&mut self, other: &Self) {
        let mut merged = other.clone();
        for nal in self.sps().chain(self.pps()) {
            // Each has been read before.
            let _ = merged.insert(nal);
        }
        merged.tolerated |= self.tolerated;
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

    pub(crate) fn first_sps(&self) -> Option<&Sps> {
        self.sps.first().map(|stored| &stored.set)
    }

    /// What the first SPS says about the video.
    pub fn parameters(&self) -> Option<VideoParameters> {
        self.first_sps().map(Sps::parameters)
    }

    /// The `profile-level-id` of the first SPS.
    pub fn profile_level_id(&self) -> Option<ProfileLevelId> {
        self.first_sps().map(Sps::profile_level_id)
    }

    /// The sequence parameter set of this identifier.
    pub fn sps_by_id(&self, id: u8) -> Option<&Sps> {
        let stored = self.sps.iter().find(|stored| stored.set.id() == id)?;
        Some(&stored.set)
    }

    /// The picture parameter set of this identifier.
    pub fn pps_by_id(&self, id: u8) -> Option<&Pps> {
        let mut sets = self.pps.iter().map(|stored| stored.set.pps());
        sets.find(|pps| pps.id() == id)
    }

    /// What the SPS says that a slice with this `pic_parameter_set_id` refers to.
    pub(crate) fn parameters_of(&self, pps_id: u8) -> Option<VideoParameters> {
        let pps = self.pps_by_id(pps_id)?;
        Some(self.sps_by_id(pps.sps_id())?.parameters())
    }
}

fn is_stored<T>(sets: &[Stored<T>], nal: &[u8]) -> bool {
    sets.iter().any(|stored| stored.nal == nal)
}

fn put<T>(sets: &mut Vec<Stored<T>>, nal: &[u8], set: T, has_same_id: impl Fn(&T) -> bool) -> Inserted {
    let nal = Bytes::copy_from_slice(nal);
    if let Some(same_id) = sets.iter_mut().find(|stored| has_same_id(&stored.set)) {
        *same_id = Stored { nal, set };
        return Inserted::Changed;
    }
    sets.push(Stored { nal, set });
    Inserted::New
}

#[cfg(test)]
mod tests;
