//! Nothing but the documents' examples, compiled, so that they cannot drift from the code.

#[cfg(doctest)]
#[doc = include_str!("../../README.md")]
struct Readme;
