use std::collections::{BTreeMap, HashMap};
use std::ops::RangeInclusive;
use std::sync::Arc;

use crate::shard::ShardMap;

/// What is known for certain of where hash keys land. The range of a shard never changes as long as it lives: whatever lies
/// between two hash keys that it took is its own. So the answers to puts teach it, without any permission to list shards.
#[derive(Debug, Clone, Default)]
pub struct Ranges {
    /// By start, without overlap: the end, and the shard.
    known: BTreeMap<u128, (u128, Arc<str>)>,
    /// Where the range of a shard starts.
    starts: HashMap<Arc<str>, u128>,
    /// Shards that were split or merged, and the window in which that was seen.
    closed: HashMap<Arc<str>, u32>,
    window: u32,
    scattered: bool,
}

impl Ranges {
    /// Of the open shards as they were listed.
    pub fn of(shards: &ShardMap) -> Self {
        let mut ranges = Self::default();
        for (shard, range) in shards.ranges() {
            ranges.set(shard.into(), *range.start(), *range.end());
        }
        ranges
    }

    /// The shard that surely holds a hash key, while it lives.
    pub fn shard(&self, hash_key: u128) -> Option<&Arc<str>> {
        let (_, (end, shard)) = self.known.range(..=hash_key).next_back()?;
        (hash_key <= *end).then_some(shard)
    }

    /// Whether a shard surely holds all these hash keys.
    pub fn holds(&self, shard: &str, hash_keys: &RangeInclusive<u128>) -> bool {
        self.range(shard).is_some_and(|range| range.contains(hash_keys.start()) && range.contains(hash_keys.end()))
    }

    /// Records do not land by their hash keys: the service distributes them by itself.
    pub const fn are_scattered(&self) -> bool {
        self.scattered
    }

    /// All puts that were begun are answered: what is put from now on knows what was seen so far.
    pub const fn next_window(&mut self) {
        self.window += 1;
    }

    /// A shard took a record with this hash key.
    pub fn saw(&mut self, hash_key: u128, shard: &str) {
        if let Some(window) = self.closed.get(shard) {
            // No shard opens again. A put that had begun before it was closed may be told later in the same window.
            self.scattered |= *window < self.window;
            return;
        }
        let known = self.range(shard);
        if known.as_ref().is_some_and(|range| range.contains(&hash_key)) {
            return;
        }
        let (start, end) = known.map_or((hash_key, hash_key), |range| {
            let (start, end) = range.into_inner();
            (start.min(hash_key), end.max(hash_key))
        });
        let others = self.known.range(..=end).rev().take_while(|(_, (other_end, _))| *other_end >= start);
        let others: Vec<_> = others.map(|(_, (_, other))| other.clone()).filter(|other| **other != *shard).collect();
        // One of both was split or merged. Children have higher numbers than those they come from.
        if others.iter().any(|other| is_newer(other, shard)) {
            self.close(&shard.into());
            return;
        }
        others.iter().for_each(|other| self.close(other));
        self.set(shard.into(), start, end);
    }

    fn range(&self, shard: &str) -> Option<RangeInclusive<u128>> {
        let start = *self.starts.get(shard)?;
        self.known.get(&start).map(|(end, _)| start..=*end)
    }

    fn set(&mut self, shard: Arc<str>, start: u128, end: u128) {
        if let Some(before) = self.starts.insert(shard.clone(), start) {
            self.known.remove(&before);
        }
        self.known.insert(start, (end, shard));
    }

    fn close(&mut self, shard: &Arc<str>) {
        if let Some(start) = self.starts.remove(shard) {
            self.known.remove(&start);
        }
        self.closed.insert(shard.clone(), self.window);
    }
}

/// By the numbers at the end of their names, which have 12 digits or, some day, more.
fn is_newer(left: &str, right: &str) -> bool {
    (left.len(), left) > (right.len(), right)
}
