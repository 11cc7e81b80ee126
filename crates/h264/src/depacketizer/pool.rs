//! Memory for access units, which depacketizers share.

use std::collections::VecDeque;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::BytesMut;

/// Blocks in a pool, each of which is looked at where consumers hold something of all.
const MAX_BLOCKS: usize = 32;

/// Bytes in a pool: what 16 cameras of 4K that send packet by packet have under construction. Only as much of it as access
/// units have ever reached is the system's memory.
const MAX_BYTES: usize = 16 * 1024 * 1024;

/// The most room in a block beyond what was asked for: a single access unit that is kept holds on to all of it.
const MAX_ROOM: usize = 1024 * 1024;

/// The least: many small access units share a block.
const MIN_ROOM: usize = 64 * 1024;

/// Memory that access units are put together in, used again once they have been dropped: what was given back last goes out
/// first, as it is still in the processor's cache.
///
/// A handle: clones are of the same pool. Let the depacketizers of a thread share one
/// ([`Depacketizer::with_pool`](crate::Depacketizer::with_pool)); it is locked twice an access unit, not for a packet, and
/// any thread may drop what came of it. It keeps 16 MiB at most. Beyond its own bytes, an access unit that is kept holds on
/// to 1 MiB at most, and shares that with its neighbours.
#[derive(Clone, Default)]
pub struct BufferPool(Arc<Mutex<Blocks>>);

/// The latest at the back.
#[derive(Default)]
struct Blocks {
    blocks: VecDeque<Block>,
    bytes: usize,
}

/// Memory for one access unit and what follows it.
#[derive(Debug, Default)]
pub(super) struct Block {
    /// The access unit under construction, and the room behind it.
    pub(super) bytes: BytesMut,
    /// Of the whole memory, in front of it too.
    size: usize,
}

impl BufferPool {
    /// A block with room for `bytes`: one that nobody holds anything of, from its beginning, or else one with so much behind
    /// what is held. Where there is none it is allocated, with room for `followers` too.
    pub(super) fn take(&self, bytes: usize, followers: usize) -> Block {
        let mut pool = self.lock();
        let mut found = None;
        for (index, block) in pool.blocks.iter_mut().enumerate().rev() {
            if block.size < bytes || block.size > bytes + MAX_ROOM {
                continue;
            }
            if block.bytes.try_reclaim(block.size) {
                found = Some(index);
                break;
            }
            if block.bytes.capacity() >= bytes {
                found.get_or_insert(index);
            }
        }
        if let Some(block) = found.and_then(|index| pool.blocks.remove(index)) {
            pool.bytes -= block.size;
            return block;
        }
        drop(pool);
        Block::new(bytes + followers.clamp(MIN_ROOM, MAX_ROOM))
    }

    /// Gives back a block, without what is under construction in it.
    pub(super) fn give_back(&self, mut block: Block) {
        if block.size == 0 {
            return;
        }
        block.bytes.clear();
        let mut pool = self.lock();
        pool.bytes += block.size;
        pool.blocks.push_back(block);
        while pool.blocks.len() > MAX_BLOCKS || pool.bytes > MAX_BYTES {
            let oldest = pool.blocks.pop_front().unwrap_or_default();
            pool.bytes -= oldest.size;
        }
    }

    /// Nothing panics while it is locked.
    fn lock(&self) -> MutexGuard<'_, Blocks> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for BufferPool {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let pool = self.lock();
        f.debug_struct("BufferPool")
            .field("blocks", &pool.blocks.len())
            .field("bytes", &pool.bytes)
            .finish()
    }
}

impl Block {
    fn new(size: usize) -> Self {
        let bytes = BytesMut::with_capacity(size);
        Self {
            size: bytes.capacity(),
            bytes,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Where an access unit of so many bytes was put, and what it left.
    fn unit(pool: &BufferPool, bytes: usize) -> bytes::Bytes {
        let mut block = pool.take(bytes, 0);
        block.bytes.resize(bytes, 7);
        let unit = block.bytes.split().freeze();
        pool.give_back(block);
        unit
    }

    fn held(pool: &BufferPool) -> (usize, usize) {
        let pool = pool.lock();
        let bytes = pool.blocks.iter().map(|block| block.size).sum();
        assert_eq!(pool.bytes, bytes);
        (pool.blocks.len(), bytes)
    }

    #[test]
    fn what_was_dropped_last_is_used_first_and_from_its_beginning() {
        let pool = BufferPool::default();
        let units = [100_000, 100_000, 100_000].map(|bytes| unit(&pool, bytes));
        let [first, _, last] = units.each_ref().map(|unit| unit.as_ptr());
        assert_eq!(held(&pool).0, 3);
        drop(units);
        for _ in 0..10 {
            assert_eq!(unit(&pool, 100_000).as_ptr(), last);
            assert_eq!(unit(&pool, 10).as_ptr(), last);
        }
        let kept = unit(&pool, 100_000);
        assert_ne!(unit(&pool, 100_000).as_ptr(), kept.as_ptr());
        assert_ne!(unit(&pool, 100_000).as_ptr(), first);
        assert_eq!(held(&pool).0, 3);
    }

    #[test]
    fn what_is_held_stays_as_it_is_and_shares_a_block_with_what_follows() {
        let pool = BufferPool::default();
        let units: Vec<_> = (0..10).map(|_| unit(&pool, 5_000)).collect();
        assert_eq!(held(&pool).0, 1);
        for pair in units.windows(2) {
            assert_eq!(pair[0].as_ptr_range().end, pair[1].as_ptr());
        }
        assert!(units.iter().all(|unit| unit.iter().all(|byte| *byte == 7)));
    }

    #[test]
    fn a_small_access_unit_is_put_in_no_large_block() {
        let pool = BufferPool::default();
        drop(unit(&pool, 3_000_000));
        let size = |bytes| {
            let block = pool.take(bytes, 0);
            let size = block.size;
            pool.give_back(block);
            size
        };
        assert!(size(2_500_000) >= 3_000_000);
        assert!(size(2_000) <= 2_000 + MAX_ROOM);
        assert_eq!(held(&pool).0, 2);
    }

    #[test]
    fn a_pool_keeps_the_latest_within_its_bounds() {
        let pool = BufferPool::default();
        let many: Vec<_> = (0..100).map(|_| unit(&pool, 100_000)).collect();
        assert_eq!(held(&pool).0, MAX_BLOCKS);
        drop(many);
        let large: Vec<_> = (0..5).map(|_| unit(&pool, 7_000_000)).collect();
        assert_eq!(held(&pool).0, 2);
        let last = large[4].as_ptr();
        drop(large);
        assert_eq!(unit(&pool, 7_000_000).as_ptr(), last);
        drop(unit(&pool, MAX_BYTES));
        assert_eq!(held(&pool), (0, 0));
    }

    #[test]
    fn clones_are_of_one_pool_on_any_thread() {
        let pool = BufferPool::default();
        let first = unit(&pool, 1_000);
        let (clone, at) = (pool.clone(), first.as_ptr().addr());
        let other = std::thread::spawn(move || {
            drop(first);
            unit(&clone, 1_000).as_ptr().addr()
        });
        assert_eq!(other.join().expect("no panic"), at);
    }
}
