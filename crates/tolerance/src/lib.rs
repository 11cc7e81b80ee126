//! What a lenient reader of a protocol overlooks: an enum of the rules that its peers bend, a [`Policy`] that turns each
//! of them off, and a [`Set`] of those that were used. A [`Reading`] is a policy and what was used of it.
//!
//! The protocol crates of this project share it, so that a tolerance is switched and reported in one way, whether it is
//! one of session descriptions or of H.264. An enum is declared with [`tolerances!`], each value with its text:
//!
//! ```
//! use throughline_tolerance::{Policy, Reading, Set, tolerances};
//!
//! tolerances! {
//!     /// What this reader of lines overlooks.
//!     pub enum Tolerance {
//!         /// A line ends without a carriage return.
//!         LoneLineFeed => "line ends in lf alone",
//!         /// A line is empty.
//!         BlankLine => "line is blank",
//!     }
//! }
//!
//! let policy = Policy::default().refuse(Tolerance::BlankLine);
//! assert!(policy.tolerates(Tolerance::LoneLineFeed) && !policy.tolerates(Tolerance::BlankLine));
//! assert_eq!(Policy::strict().tolerate(Tolerance::LoneLineFeed), policy);
//!
//! let mut used = Set::default();
//! assert!(used.insert(Tolerance::LoneLineFeed));
//! assert!(!used.insert(Tolerance::LoneLineFeed), "only the first time is news");
//! assert_eq!(used.to_string(), "line ends in lf alone");
//!
//! let mut reading = Reading::new(policy);
//! assert!(reading.tolerates(Tolerance::LoneLineFeed) && !reading.tolerates(Tolerance::BlankLine));
//! assert_eq!(reading.tolerated(), used, "what is refused is not used");
//! ```
//!
//! No I/O, no clock, no allocation, no dependencies. An enum has at most 64 values: a policy and a set are a word each.

use std::fmt;
use std::marker::PhantomData;
use std::ops::BitOrAssign;

/// An enum of tolerances, as [`tolerances!`] declares it.
pub trait Tolerable: Copy + fmt::Debug + fmt::Display + Send + Sync + 'static {
    /// Every value, in the order of declaration.
    const ALL: &'static [Self];

    /// The place of this value in [`ALL`](Self::ALL), below 64. A value with another one is in no [`Set`], and no
    /// [`Policy`] refuses it.
    fn index(self) -> u32;
}

/// Declares an enum of tolerances, its list and its texts from one table, so that none can be forgotten.
///
/// The text is what is wrong with the input, for the end of a sentence such as "line 5: ..".
#[macro_export]
macro_rules! tolerances {
    (
        $(#[doc = $enum_doc:literal])+
        $visibility:vis enum $tolerance:ident {
            $($(#[doc = $doc:literal])+ $name:ident => $text:literal,)+
        }
    ) => {
        $(#[doc = $enum_doc])+
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        #[non_exhaustive]
        $visibility enum $tolerance {
            $($(#[doc = $doc])+ $name,)+
        }

        impl $tolerance {
            /// Every tolerance there is, in the order of their declaration.
            $visibility const ALL: &[Self] = &[$(Self::$name),+];
        }

        impl $crate::Tolerable for $tolerance {
            const ALL: &'static [Self] = Self::ALL;

            fn index(self) -> u32 {
                self as u32
            }
        }

        impl ::std::fmt::Display for $tolerance {
            fn fmt(&self, f: &mut ::std::fmt::Formatter<'_>) -> ::std::fmt::Result {
                f.write_str(match self {
                    $(Self::$name => $text,)+
                })
            }
        }

        const _: () = assert!(
            $tolerance::ALL.len() <= u64::BITS as usize,
            "a policy has one bit for each tolerance"
        );
    };
}

/// Which tolerances a reader may use. The default is all of them.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Policy<T> {
    refused: Set<T>,
}

impl<T: Tolerable> Policy<T> {
    /// Refuses every tolerance: what is not in the standard is an error.
    pub fn strict() -> Self {
        let refused = T::ALL.iter().copied().collect();
        Self { refused }
    }

    /// This policy, and `tolerance` may be used.
    #[must_use]
    pub fn tolerate(mut self, tolerance: T) -> Self {
        self.refused.bits &= !bit(tolerance);
        self
    }

    /// This policy, and `tolerance` may not be used.
    #[must_use]
    pub fn refuse(mut self, tolerance: T) -> Self {
        self.refused.insert(tolerance);
        self
    }

    /// Whether `tolerance` may be used.
    #[inline]
    pub fn tolerates(self, tolerance: T) -> bool {
        !self.refused.contains(tolerance)
    }
}

impl<T> Default for Policy<T> {
    fn default() -> Self {
        Self {
            refused: Set::default(),
        }
    }
}

impl<T: Tolerable> fmt::Debug for Policy<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Policy").field("refused", &self.refused).finish()
    }
}

/// Some tolerances, each at most once.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Set<T> {
    /// One bit for each, at the place of its index.
    bits: u64,
    of: PhantomData<T>,
}

impl<T: Tolerable> Set<T> {
    /// Puts `tolerance` in. Returns whether it was not in before.
    #[inline]
    pub fn insert(&mut self, tolerance: T) -> bool {
        let before = self.bits;
        self.bits |= bit(tolerance);
        self.bits != before
    }

    /// Whether `tolerance` is in it.
    #[inline]
    pub fn contains(self, tolerance: T) -> bool {
        self.bits & bit(tolerance) != 0
    }

    /// Whether nothing is in it.
    pub const fn is_empty(self) -> bool {
        self.bits == 0
    }

    /// What is in it, in the order of declaration.
    pub fn iter(self) -> impl Iterator<Item = T> {
        T::ALL
            .iter()
            .copied()
            .filter(move |tolerance| self.contains(*tolerance))
    }
}

impl<T> Default for Set<T> {
    fn default() -> Self {
        Self {
            bits: 0,
            of: PhantomData,
        }
    }
}

impl<T: Tolerable> FromIterator<T> for Set<T> {
    fn from_iter<I: IntoIterator<Item = T>>(tolerances: I) -> Self {
        let mut set = Self::default();
        for tolerance in tolerances {
            set.insert(tolerance);
        }
        set
    }
}

/// Puts in all that is in the other.
impl<T> BitOrAssign for Set<T> {
    fn bitor_assign(&mut self, other: Self) {
        self.bits |= other.bits;
    }
}

impl<T: Tolerable> fmt::Debug for Set<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.iter()).finish()
    }
}

/// The texts, with semicolons between.
impl<T: Tolerable> fmt::Display for Set<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, tolerance) in self.iter().enumerate() {
            let separator = if index == 0 { "" } else { "; " };
            write!(f, "{separator}{tolerance}")?;
        }
        Ok(())
    }
}

/// A [`Policy`], and what was used of it so far: handed to everything that reads with one.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Reading<T> {
    policy: Policy<T>,
    tolerated: Set<T>,
}

impl<T: Tolerable> Reading<T> {
    /// Nothing read yet.
    pub fn new(policy: Policy<T>) -> Self {
        Self {
            policy,
            tolerated: Set::default(),
        }
    }

    /// What may be used. Ask it where it is not yet known whether a tolerance will be.
    pub fn policy(&self) -> Policy<T> {
        self.policy
    }

    /// What was used.
    pub fn tolerated(&self) -> Set<T> {
        self.tolerated
    }

    /// Whether `tolerance` may be used; if so, it is.
    #[inline]
    pub fn tolerates(&mut self, tolerance: T) -> bool {
        let tolerates = self.policy.tolerates(tolerance);
        if tolerates {
            self.tolerated.insert(tolerance);
        }
        tolerates
    }
}

impl<T> Default for Reading<T> {
    fn default() -> Self {
        Self {
            policy: Policy::default(),
            tolerated: Set::default(),
        }
    }
}

impl<T: Tolerable> fmt::Debug for Reading<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Reading")
            .field("policy", &self.policy)
            .field("tolerated", &self.tolerated)
            .finish()
    }
}

fn bit<T: Tolerable>(tolerance: T) -> u64 {
    1_u64.checked_shl(tolerance.index()).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    tolerances! {
        /// Three of them.
        enum Tolerance {
            /// One.
            One => "one is bent",
            /// Two.
            Two => "two is bent",
            /// Three.
            Three => "three is bent",
        }
    }

    #[test]
    fn a_policy_turns_single_tolerances_off_and_on() {
        let all_but_two = Policy::default().refuse(Tolerance::Two);
        assert_eq!(
            Tolerance::ALL
                .iter()
                .map(|t| all_but_two.tolerates(*t))
                .collect::<Vec<_>>(),
            [true, false, true]
        );
        let only_two = Policy::strict().tolerate(Tolerance::Two);
        assert_eq!(
            Tolerance::ALL
                .iter()
                .map(|t| only_two.tolerates(*t))
                .collect::<Vec<_>>(),
            [false, true, false]
        );
        assert_eq!(all_but_two.tolerate(Tolerance::Two), Policy::default());
    }

    #[test]
    fn a_set_keeps_the_order_of_declaration() {
        let set: Set<Tolerance> = [Tolerance::Three, Tolerance::One, Tolerance::Three]
            .into_iter()
            .collect();
        assert_eq!(set.iter().collect::<Vec<_>>(), [Tolerance::One, Tolerance::Three]);
        assert_eq!(set.to_string(), "one is bent; three is bent");
        assert_eq!(format!("{set:?}"), "{One, Three}");
        assert!(!set.is_empty() && Set::<Tolerance>::default().is_empty());
    }

    #[test]
    fn two_sets_are_one_without_repetition() {
        let mut set: Set<Tolerance> = [Tolerance::One, Tolerance::Two].into_iter().collect();
        set |= [Tolerance::Two, Tolerance::Three].into_iter().collect();
        assert!(set.iter().eq(Tolerance::ALL.iter().copied()));
    }

    #[test]
    fn what_is_refused_is_not_used() {
        let mut reading = Reading::new(Policy::default().refuse(Tolerance::Two));
        assert!(!reading.tolerates(Tolerance::Two) && reading.tolerates(Tolerance::Three));
        assert!(!reading.policy().tolerates(Tolerance::Two) && reading.policy().tolerates(Tolerance::One));
        assert_eq!(
            format!("{reading:?}"),
            "Reading { policy: Policy { refused: {Two} }, tolerated: {Three} }"
        );
    }

    #[test]
    fn an_index_of_64_and_more_is_in_no_set() {
        /// Its value is its index.
        #[derive(Clone, Copy, Debug)]
        struct Numbered(u32);

        impl fmt::Display for Numbered {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "rule {} is bent", self.0)
            }
        }

        impl Tolerable for Numbered {
            const ALL: &'static [Self] = &[Self(0), Self(63), Self(64), Self(u32::MAX)];

            fn index(self) -> u32 {
                self.0
            }
        }

        let every: Set<Numbered> = Numbered::ALL.iter().copied().collect();
        assert_eq!(every.to_string(), "rule 0 is bent; rule 63 is bent");
        assert!(Policy::strict().tolerates(Numbered(64)) && !Policy::strict().tolerates(Numbered(63)));
    }
}
