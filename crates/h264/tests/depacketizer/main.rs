//! Payloads in, access units out.
#![cfg(test)]

mod hostile;
mod loss;
mod quirks;
mod rules;
mod support;
