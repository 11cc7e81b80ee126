//! Memory for access units, which depacketizers may share.

use std::collections::VecDeque;
use std::fmt;

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

/// Where a [`Depacketizer`](crate::Depacketizer) has the memory of its access units from: a [`BufferPool`] of its own, or one
/// that it shares with others. By what means, is for the caller to say, as this crate knows no threads.
///
/// ```
/// use std::sync::{Arc, Mutex};
/// use throughline_h264::{Block, BufferPool, Buffers, Depacketizer, DepacketizerConfig};
///
/// #[derive(Clone, Debug, Default)]
/// struct Shared(Arc<Mutex<BufferPool>>);
///
/// impl Buffers for Shared {
///     fn take(&mut self, bytes: usize, followers: usize) -> Block {
///         self.0.lock().expect("no panic").take(bytes, followers)
///     }
///
///     fn give_back(&mut self, block: Block) {
///         self.0.lock().expect("no panic").give_back(block);
///     }
/// }
///
/// let pool = Shared::default();
/// let cameras = [(), ()].map(|()| Depacketizer::with_buffers(DepacketizerConfig::default(), pool.clone()));
/// ```
pub trait Buffers: fmt::Debug + Send + Sync {
    /// A block with room for `bytes`: one that nobody holds anything of, from its beginning, or else one with so much behind
    /// what is held. Where there is none it is allocated, with room for `followers` too, bytes of access units to come.
    fn take(&mut self, bytes: usize, followers: usize) -> Block;

    /// Gives back a block, without what is under construction in it.
    fn give_back(&mut self, block: Block);
}

/// Memory that access units are put together in, used again once they have been dropped: what was given back last goes out
/// first, as it is still in the processor's cache.
///
/// It is asked a few times an access unit, not for a packet, and any thread may drop what came of it. It keeps 16 MiB at most:
/// what once was in use at the same time, or less. Beyond the bytes that were expected of it, an access unit that is kept holds
/// on to 1 MiB at most, and shares that with its neighbours.
#[derive(Default)]
pub struct BufferPool {
    /// The latest at the back.
    blocks: VecDeque<Block>,
    bytes: usize,
}

/// Memory for one access unit and what follows it.
#[derive(Debug, Default)]
pub struct Block {
    /// The access unit under construction, and the room behind it.
    pub(super) bytes: BytesMut,
    /// Of the whole memory, in front of it too.
    size: usize,
}

impl Buffers for BufferPool {
    fn take(&mut self, bytes: usize, followers: usize) -> Block {
        let mut found = None;
        for (index, block) in self.blocks.iter_mut().enumerate().rev() {
            if block.size < bytes || block.size > bytes.saturating_add(MAX_ROOM) {
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
        if let Some(block) = found.and_then(|index| self.blocks.remove(index)) {
            self.bytes -= block.size;
            return block;
        }
        Block::new(bytes.saturating_add(followers.clamp(MIN_ROOM, MAX_ROOM)))
    }

    fn give_back(&mut self, mut block: Block) {
        if block.size == 0 {
            return;
        }
        block.bytes.clear();
        self.bytes += block.size;
        self.blocks.push_back(block);
        while self.blocks.len() > MAX_BLOCKS || self.bytes > MAX_BYTES {
            let oldest = self.blocks.pop_front().unwrap_or_default();
            self.bytes -= oldest.size;
        }
    }
}

impl fmt::Debug for BufferPool {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("BufferPool")
            .field("blocks", &self.blocks.len())
            .field("bytes", &self.bytes)
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
    fn unit(pool: &mut BufferPool, bytes: usize) -> bytes::Bytes {
        let mut block = pool.take(bytes, 0);
        block.bytes.resize(bytes, 7);
        let unit = block.bytes.split().freeze();
        pool.give_back(block);
        unit
    }

    fn held(pool: &BufferPool) -> (usize, usize) {
        let bytes = pool.blocks.iter().map(|block| block.size).sum();
        assert_eq!(pool.bytes, bytes);
        (pool.blocks.len(), bytes)
    }

    #[test]
    fn what_was_dropped_last_is_used_first_and_from_its_beginning() {
        let mut pool = BufferPool::default();
        let units = [100_000, 100_000, 100_000].map(|bytes| unit(&mut pool, bytes));
        let [first, _, last] = units.each_ref().map(|unit| unit.as_ptr());
        assert_eq!(held(&pool).0, 3);
        drop(units);
        for _ in 0..10 {
            assert_eq!(unit(&mut pool, 100_000).as_ptr(), last);
            assert_eq!(unit(&mut pool, 10).as_ptr(), last);
        }
        let kept = unit(&mut pool, 100_000);
        assert_ne!(unit(&mut pool, 100_000).as_ptr(), kept.as_ptr());
        assert_ne!(unit(&mut pool, 100_000).as_ptr(), first);
        assert_eq!(held(&pool).0, 3);
    }

    #[test]
    fn what_is_held_stays_as_it_is_and_shares_a_block_with_what_follows() {
        let mut pool = BufferPool::default();
        let units: Vec<_> = (0..10).map(|_| unit(&mut pool, 5_000)).collect();
        assert_eq!(held(&pool).0, 1);
        for pair in units.windows(2) {
            assert_eq!(pair[0].as_ptr_range().end, pair[1].as_ptr());
        }
        assert!(units.iter().all(|unit| unit.iter().all(|byte| *byte == 7)));
    }

    #[test]
    fn a_small_access_unit_is_put_in_no_large_block() {
        let mut pool = BufferPool::default();
        drop(unit(&mut pool, 3_000_000));
        let mut size = |bytes| {
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
        let mut pool = BufferPool::default();
        let many: Vec<_> = (0..100).map(|_| unit(&mut pool, 100_000)).collect();
        assert_eq!(held(&pool).0, MAX_BLOCKS);
        drop(many);
        let large: Vec<_> = (0..5).map(|_| unit(&mut pool, 7_000_000)).collect();
        assert_eq!(held(&pool).0, 2);
        let last = large[4].as_ptr();
        drop(large);
        assert_eq!(unit(&mut pool, 7_000_000).as_ptr(), last);
        drop(unit(&mut pool, MAX_BYTES));
        assert_eq!(held(&pool), (0, 0));
    }
}
