//! The combinations that are tried.

use std::time::Duration;

use throughline_ingest::TransportPolicy;

use super::{Cell, Faults, Front, Stream};

/// As most cameras send: a delimiter and one slice a picture, an IDR a second.
const PLAIN: Stream = Stream {
    group: 30,
    slices: 1,
    disposable_every: 0,
    front: Front::Delimiter,
};

/// Nothing says where a picture begins but the slices themselves.
const BARE: Stream = Stream {
    group: 50,
    slices: 1,
    disposable_every: 2,
    front: Front::Nothing,
};

const SLICED: Stream = Stream {
    group: 25,
    slices: 4,
    disposable_every: 3,
    front: Front::Delimiter,
};

const SLICED_BARE: Stream = Stream {
    group: 12,
    slices: 3,
    disposable_every: 2,
    front: Front::Nothing,
};

const NONE: Faults = Faults {
    loss: 0,
    burst: 0,
    reordered: 0,
    reordered_by: Duration::ZERO,
    duplicated: 0,
    truncated: 0,
    jitter: Duration::ZERO,
};

const fn lossy(name: &'static str, stream: Stream, loss: u32, burst: u32) -> Cell {
    udp(name, stream, Faults { loss, burst, ..NONE })
}

const fn udp(name: &'static str, stream: Stream, faults: Faults) -> Cell {
    Cell {
        name,
        transport: TransportPolicy::Udp,
        stream,
        faults,
    }
}

const fn tcp(name: &'static str, stream: Stream, loss: u32, burst: u32) -> Cell {
    Cell {
        transport: TransportPolicy::Tcp,
        ..lossy(name, stream, loss, burst)
    }
}

/// Everything at once, as a bad wireless link does it.
const WIRELESS: Faults = Faults {
    loss: 50,
    burst: 4,
    reordered: 20,
    reordered_by: Duration::from_millis(150),
    duplicated: 20,
    truncated: 5,
    jitter: Duration::from_millis(8),
};

/// All of them.
pub const CELLS: [Cell; 16] = [
    lossy("no loss", PLAIN, 0, 0),
    lossy("0.1 %", SLICED, 1, 1),
    lossy("1 %", PLAIN, 10, 1),
    lossy("1 %, no delimiters", BARE, 10, 1),
    lossy("5 %, slices", SLICED, 50, 1),
    lossy("10 %, slices, no delimiters", SLICED_BARE, 100, 1),
    lossy("20 %", SLICED_BARE, 200, 1),
    lossy("1 % in bursts of 8", BARE, 10, 8),
    lossy("5 % in bursts of 20", SLICED, 50, 20),
    lossy("20 % in bursts of 60", SLICED_BARE, 200, 60),
    udp(
        "2 % reordered by up to 60 ms",
        PLAIN,
        Faults {
            reordered: 20,
            reordered_by: Duration::from_millis(60),
            jitter: Duration::from_millis(10),
            ..NONE
        },
    ),
    udp(
        "5 % reordered by up to 150 ms",
        SLICED,
        Faults {
            reordered: 50,
            reordered_by: Duration::from_millis(150),
            ..NONE
        },
    ),
    udp(
        "10 % twice, 1 % cut off",
        SLICED,
        Faults {
            duplicated: 100,
            truncated: 10,
            jitter: Duration::from_millis(30),
            ..NONE
        },
    ),
    udp("all of it", BARE, WIRELESS),
    udp("all of it, slices", SLICED, WIRELESS),
    tcp("TCP, the camera drops 1 % in bursts of 3", SLICED_BARE, 10, 3),
];
