//! Payloads in, access units out.
#![cfg(test)]

mod hostile;
mod interleaved;
mod loss;
mod pictures;
mod quirks;
mod rules;
mod support;
