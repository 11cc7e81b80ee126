//! Which worker gets the next camera.

/// What a worker has to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Load {
    /// In millionths of the time lately.
    pub(super) busy: u32,
    pub(super) futures: usize,
}

impl Load {
    pub(super) const ALWAYS_BUSY: u32 = 1_000_000;
}

/// What a future counts for at least: a camera of half a megabit a second. It outweighs a thread's housekeeping.
const LEAST_OF_A_FUTURE: u64 = 1_000;

/// Each future counts as an average one beside what was measured: of a hundred cameras that come at once nothing is measured
/// yet, and all of them on the worker that was idle just before would be wrong.
pub(super) fn least_loaded(loads: &[Load]) -> usize {
    let busy: u64 = loads.iter().map(|load| u64::from(load.busy)).sum();
    let futures: u64 = loads.iter().map(|load| load.futures as u64).sum();
    let average = (busy / futures.max(1)).max(LEAST_OF_A_FUTURE);
    let expected = |load: &Load| u64::from(load.busy) + average * load.futures as u64;
    let least = loads
        .iter()
        .enumerate()
        .min_by_key(|(_, load)| (expected(load), load.futures));
    least.map_or(0, |(worker, _)| worker)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Places so many at once; how many each worker has then.
    fn place(busy: &[u32], futures: &[usize], count: usize) -> Vec<usize> {
        let mut loads: Vec<Load> = busy
            .iter()
            .zip(futures)
            .map(|(busy, futures)| Load {
                busy: *busy,
                futures: *futures,
            })
            .collect();
        for _ in 0..count {
            let worker = least_loaded(&loads);
            loads[worker].futures += 1;
        }
        loads.iter().map(|load| load.futures).collect()
    }

    #[test]
    fn cameras_that_come_at_once_are_dealt_out_evenly() {
        assert_eq!(place(&[0; 4], &[0; 4], 64), [16; 4]);
        // Housekeeping is no load.
        assert_eq!(place(&[12, 0, 40, 3], &[0; 4], 64), [16; 4]);
    }

    #[test]
    fn the_worker_with_heavy_cameras_gets_fewer() {
        let futures = place(&[300_000, 100_000], &[10, 10], 40);
        assert_eq!(futures.iter().sum::<usize>(), 60);
        assert!(futures[1] > futures[0] + 5, "{futures:?}");
        assert!(futures[0] > 10, "and not all at once to the other: {futures:?}");
    }

    #[test]
    fn what_has_ended_makes_room() {
        assert_eq!(place(&[200_000, 200_000], &[4, 20], 1), [5, 20]);
    }
}
