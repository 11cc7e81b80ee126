//! Conversations with cameras, word for word, in simulated time.
#![cfg(test)]

mod authentication;
mod connections;
mod failures;
mod flow;
mod keepalive;
mod script;
