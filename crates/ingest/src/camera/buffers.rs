//! Memory for access units, which cameras share.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use throughline_h264::{Block, BufferPool, Buffers};

/// A handle to a [`BufferPool`]: clones are of the same pool. Of one thread its cameras share one, so that nobody waits for
/// the lock; any thread may have it.
#[derive(Clone, Debug, Default)]
pub struct SharedBuffers(Arc<Mutex<BufferPool>>);

impl SharedBuffers {
    /// Nothing panics while it is locked.
    fn lock(&self) -> MutexGuard<'_, BufferPool> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Buffers for SharedBuffers {
    fn take(&mut self, bytes: usize, followers: usize) -> Block {
        self.lock().take(bytes, followers)
    }

    fn give_back(&mut self, block: Block) {
        self.lock().give_back(block);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn clones_are_of_one_pool_on_any_thread() {
        let mut buffers = SharedBuffers::default();
        let mut clone = buffers.clone();
        let block = buffers.take(1_000, 0);
        let thread = std::thread::spawn(move || clone.give_back(block));
        thread.join().unwrap();
        assert!(format!("{buffers:?}").contains("blocks: 1"), "{buffers:?}");
    }
}
