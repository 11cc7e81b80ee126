//! One sender and several clients over sockets, measured side by side. `bench/README.md` tells what each row means.
//!
//! | program | what it is |
//! |---|---|
//! | `sender` | an RTSP server that sends packets which it prepared in memory |
//! | `client` | one client: the floor, Throughline, retina, or ffmpeg behind a pipe |
//! | `client-counting` | the same with an allocator that counts |
//! | `net` | the driver: runs both, checks what arrived, prints the tables |

pub mod client;
pub mod clock;
pub mod driver;
pub mod process;
pub mod report;
pub mod sender;
