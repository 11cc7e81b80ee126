//! What is read of whole descriptions, tolerated in them, and written back.

mod cameras;
mod fixtures;
mod quirks;
mod round_trip;
mod tolerances;
