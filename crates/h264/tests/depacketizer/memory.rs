//! Where access units are put.

use throughline_h264::{BufferPool, Depacketizer, DepacketizerConfig};

use crate::support::{P, new_depacketizer, push, sets_and_idr};
