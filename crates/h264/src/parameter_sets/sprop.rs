//! `sprop-parameter-sets` of session descriptions.

use base64::Engine as _;
use base64::alphabet;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use base64::prelude::BASE64_STANDARD;
use thiserror::Error;

use super::ParameterSets;
use crate::annexb::nal_units_within;
use crate::tolerance::{Policy, Tolerance};

/// Leaves out padding and overlooks stray low bits, which some cameras get wrong (Q67).
const LENIENT_BASE64: GeneralPurpose = GeneralPurpose::new(
    &alphabet::STANDARD,
    GeneralPurposeConfig::new()
        .with_decode_allow_trailing_bits(true)
        .with_decode_padding_mode(DecodePaddingMode::RequireNone),
);

/// Why `sprop-parameter-sets` was not read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum SpropError {
    /// The policy refuses what would have to be overlooked.
    #[error("sprop-parameter-sets, item {item}: {tolerance}")]
    NotTolerated {
        /// What is refused.
        tolerance: Tolerance,
        /// Which item between commas, counted from 1.
        item: usize,
    },
}

impl ParameterSets {
    /// Reads the value of `sprop-parameter-sets` ([RFC 6184 §8.1](https://www.rfc-editor.org/rfc/rfc6184#section-8.1)).
    ///
    /// What decodes is kept and the rest is left out, as the sets that come in-band win anyway: start codes in front or
    /// within, wrong padding, garbage behind, empty and surplus items (Q67).
    pub fn from_sprop(value: &str) -> Self {
        let mut sets = Self::default();
        for item in value.split(',') {
            // Nothing is refused.
            let _ = sets.add_item(item, Policy::default());
        }
        sets
    }

    /// Reads the value of `sprop-parameter-sets` with the tolerances that `policy` allows.
    ///
    /// ```
    /// use throughline_h264::{ParameterSets, Policy, SpropError, Tolerance};
    ///
    /// let without_padding = "Z0LACtoR7ARAAAADAEAAAAyDxImo,aM4DnIA";
    /// assert!(ParameterSets::from_sprop(without_padding).is_complete());
    /// let policy = Policy::default().refuse(Tolerance::Sprop);
    /// assert_eq!(
    ///     ParameterSets::from_sprop_with(without_padding, &policy),
    ///     Err(SpropError::NotTolerated { tolerance: Tolerance::Sprop, item: 2 })
    /// );
    /// ```
    pub fn from_sprop_with(value: &str, policy: &Policy) -> Result<Self, SpropError> {
        let mut sets = Self::default();
        for (index, item) in value.split(',').enumerate() {
            sets.add_item(item, *policy)
                .map_err(|tolerance| SpropError::NotTolerated {
                    tolerance,
                    item: index + 1,
                })?;
        }
        Ok(sets)
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

    /// Keeps what an item holds. The error is the tolerance that it would need.
    fn add_item(&mut self, item: &str, policy: Policy) -> Result<(), Tolerance> {
        let strict = BASE64_STANDARD.decode(item);
        let mut is_sound = strict.is_ok();
        let bytes = strict.or_else(|_| decode_leniently(item)).unwrap_or_default();
        let mut held = 0;
        for nal in nal_units_within(&bytes) {
            let inserted = self.insert_with(nal, &policy);
            is_sound &= inserted.is_ok() && nal.len() == bytes.len();
            held += 1;
        }
        if is_sound && held == 1 {
            return Ok(());
        }
        if !policy.tolerates(Tolerance::Sprop) {
            return Err(Tolerance::Sprop);
        }
        self.tolerated.insert(Tolerance::Sprop);
        Ok(())
    }
}

/// The base64 symbols that an item begins with.
fn decode_leniently(item: &str) -> Result<Vec<u8>, base64::DecodeError> {
    let symbols = item
        .trim_start()
        .split(|c: char| !c.is_ascii_alphanumeric() && c != '+' && c != '/')
        .next()
        .unwrap_or_default();
    // A lone symbol of the last four holds no whole byte.
    let whole = symbols.len() - usize::from(symbols.len() % 4 == 1);
    LENIENT_BASE64.decode(symbols.get(..whole).unwrap_or_default())
}
