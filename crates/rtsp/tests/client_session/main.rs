//! Conversations with cameras, word for word, in simulated time.
#![cfg(test)]

mod authentication;
mod connections;
mod failures;
mod flow;
mod hostile;
mod keepalive;
mod pausing;
mod quirks;
mod redirects;
mod script;
mod server_requests;
