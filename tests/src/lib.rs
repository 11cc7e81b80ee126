//! What the end-to-end tests share. The documents' examples are compiled here too, so that they cannot drift from the code.

pub mod loss;

#[cfg(doctest)]
#[doc = include_str!("../../README.md")]
struct Readme;
