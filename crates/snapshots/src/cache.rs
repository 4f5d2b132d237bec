//! Decompressed blocks of values, least recently used out first, bounded in bytes.

use std::collections::HashMap;
use std::sync::Arc;

use crate::segment::ValueBlock;

/// Layer and block.
type Key = (usize, u32);

#[derive(Debug)]
pub(crate) struct Cache {
    limit: usize,
    bytes: usize,
    clock: u64,
    blocks: HashMap<Key, (u64, Arc<ValueBlock>)>,
}

impl Cache {
    pub(crate) fn new(limit: usize) -> Self {
        Self { limit, bytes: 0, clock: 0, blocks: HashMap::new() }
    }

    pub(crate) fn get(&mut self, key: Key) -> Option<Arc<ValueBlock>> {
        self.clock += 1;
        let (used, block) = self.blocks.get_mut(&key)?;
        *used = self.clock;
        Some(Arc::clone(block))
    }

    /// Keeps a block, unless it is larger than everything that may be kept.
    pub(crate) fn insert(&mut self, key: Key, block: &Arc<ValueBlock>) {
        if block.size() > self.limit {
            return;
        }
        self.clock += 1;
        self.bytes += block.size();
        if let Some((_, old)) = self.blocks.insert(key, (self.clock, Arc::clone(block))) {
            self.bytes -= old.size();
        }
        // A few hundred blocks at most: looking through them costs less than reading the block did.
        while self.bytes > self.limit {
            let Some(oldest) = self.blocks.iter().min_by_key(|(_, (used, _))| *used).map(|(key, _)| *key) else {
                return;
            };
            if let Some((_, old)) = self.blocks.remove(&oldest) {
                self.bytes -= old.size();
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn block(length: usize) -> Arc<ValueBlock> {
        let mut bytes = Vec::new();
        crate::segment::put_value(&mut bytes, 0, &vec![0; length], None);
        Arc::new(ValueBlock::decode(bytes, 1).unwrap())
    }

    #[test]
    fn the_least_recently_used_block_goes_first_and_no_more_is_kept_than_may_be() {
        let mut cache = Cache::new(1000);
        (0..3).for_each(|number| cache.insert((0, number), &block(300)));
        assert!(cache.get((0, 0)).is_some());
        cache.insert((0, 3), &block(300));
        cache.insert((0, 4), &block(2000));
        let kept: Vec<u32> = (0..5).filter(|number| cache.get((0, *number)).is_some()).collect();
        assert_eq!(kept, [0, 2, 3]);
        cache.insert((0, 3), &block(900));
        assert!(cache.bytes <= 1000 && cache.get((0, 3)).is_some());
    }
}
