//! A PPS as it reads by one SPS and by another.

use super::ParameterSetError;
use crate::pps::{Pps, PpsError};
use crate::sps::Sps;
use crate::tolerance::{Policy, Tolerance, Tolerances};

/// Each way in which an SPS may have a PPS read. An SPS that comes anew is one of a few bytes, and the PPS that refer to it
/// may be many and long: none of them is read again.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Readings {
    fitting: Pps,
    /// As far as it goes in the older profiles, or without an SPS.
    alone: Pps,
    with_2_lists: Option<Pps>,
    with_6_lists: Option<Pps>,
}

impl Readings {
    /// Of a PPS whose SPS is not known yet.
    pub(super) fn new(nal: &[u8]) -> Result<Self, PpsError> {
        let alone = Pps::parse(nal)?;
        Ok(Self {
            fitting: alone.clone(),
            alone,
            with_2_lists: Pps::parse_high(nal, 2).ok(),
            with_6_lists: Pps::parse_high(nal, 6).ok(),
        })
    }

    /// The one for the SPS, if that is known.
    pub(super) const fn pps(&self) -> &Pps {
        &self.fitting
    }

    /// Takes the one for this SPS, or as far as it goes if that may be.
    pub(super) fn fit(
        &mut self,
        sps: &Sps,
        policy: Policy,
        tolerated: &mut Tolerances,
    ) -> Result<(), ParameterSetError> {
        let fitting = match Pps::lists_8x8_for(sps) {
            None => Some(&self.alone),
            Some(2) => self.with_2_lists.as_ref(),
            Some(_) => self.with_6_lists.as_ref(),
        };
        if fitting.is_none() {
            let tolerance = Tolerance::PpsEnd;
            if !policy.tolerates(tolerance) {
                return Err(ParameterSetError::NotTolerated { tolerance });
            }
            tolerated.insert(tolerance);
        }
        self.fitting = fitting.unwrap_or(&self.alone).clone();
        Ok(())
    }
}
