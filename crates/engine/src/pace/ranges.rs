//! Which hash keys belong to which shard, as far as it is known: listed, or learnt from where records landed.

/// Of the shards that are known.
#[derive(Debug, Clone, Default)]
pub(super) struct Ranges(Vec<Range>);

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Range {
    start: u128,
    end: u128,
    lane: usize,
}

/// What one place said.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Learnt {
    Nothing,
    /// Records may be told to other shards than before.
    Shape {
        replaced: bool,
    },
    /// An older shard holds what belongs to a newer one: an answer that is late, or a stream that ignores keys.
    Odd,
}

impl Ranges {
    pub(super) fn listed(ranges: impl IntoIterator<Item = (u128, u128, usize)>) -> Self {
        let mut ranges: Vec<_> = ranges.into_iter().map(|(start, end, lane)| Range { start, end, lane }).collect();
        ranges.sort_unstable_by_key(|range| range.start);
        Self(ranges)
    }

    /// The lane of the shard that holds a hash key. In a gap it is that of the nearest shard, if that is near.
    pub(super) fn lane(&self, hash: u128) -> Option<usize> {
        let after = self.0.partition_point(|range| range.start <= hash);
        let left = after.checked_sub(1).and_then(|at| self.0.get(at));
        if let Some(left) = left.filter(|left| hash <= left.end) {
            return Some(left.lane);
        }
        let left = left.map(|left| (hash - left.end, left));
        let right = self.0.get(after).map(|right| (right.start - hash, right));
        let nearest = left.into_iter().chain(right).min_by_key(|(distance, _)| *distance);
        nearest.filter(|(distance, range)| *distance <= (range.end - range.start) / 2).map(|(_, range)| range.lane)
    }

    /// Of the shards that are known, by their hash keys.
    pub(super) fn lanes(&self) -> Vec<usize> {
        self.0.iter().map(|range| range.lane).collect()
    }

    /// A record of this hash key landed there. `older(a, b)`: whether shard a was there before b.
    pub(super) fn learn(&mut self, hash: u128, lane: usize, older: impl Fn(usize, usize) -> bool) -> Learnt {
        let after = self.0.partition_point(|range| range.start <= hash);
        if after.checked_sub(1).and_then(|at| self.0.get(at)).is_some_and(|at| hash <= at.end && at.lane == lane) {
            return Learnt::Nothing;
        }
        let known = self.0.iter().find(|range| range.lane == lane).copied();
        let wider = known.map_or(Range { start: hash, end: hash, lane }, |known| Range {
            start: known.start.min(hash),
            end: known.end.max(hash),
            lane,
        });
        let overlaps = |range: &Range| range.lane != lane && range.start <= wider.end && wider.start <= range.end;
        if self.0.iter().any(|range| overlaps(range) && !older(range.lane, lane)) {
            return Learnt::Odd;
        }
        // What held these hash keys before was split or merged: nothing is known any more of where the rest of it is.
        let before = self.0.len();
        self.0.retain(|range| range.lane != lane && !overlaps(range));
        let replaced = self.0.len() + usize::from(known.is_some()) < before;
        let place = self.0.partition_point(|range| range.start < wider.start);
        self.0.insert(place, wider);
        if replaced || known.is_none() { Learnt::Shape { replaced } } else { Learnt::Nothing }
    }

    pub(super) fn forget(&mut self) {
        self.0.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn older(a: usize, b: usize) -> bool {
        a < b
    }

    #[test]
    fn ranges_grow_from_points_and_gaps_go_to_a_near_neighbor_only() {
        let mut ranges = Ranges::default();
        assert_eq!(ranges.lane(50), None);
        for (hash, lane) in [(10, 1), (110, 2), (40, 1), (140, 2)] {
            ranges.learn(hash, lane, older);
        }
        let found: Vec<_> = [0, 10, 33, 40, 55, 56, 94, 95, 120, 155, 156].map(|hash| ranges.lane(hash)).into();
        let (one, two) = (Some(1), Some(2));
        assert_eq!(found, [one, one, one, one, one, None, None, two, two, two, None]);
        assert_eq!(ranges.learn(20, 1, older), Learnt::Nothing);
    }

    #[test]
    fn children_of_a_split_and_of_a_merge_take_over() {
        let mut ranges = Ranges::listed([(0, 99, 1), (100, 199, 2)]);
        assert_eq!(ranges.learn(150, 3, older), Learnt::Shape { replaced: true });
        assert_eq!((ranges.lane(150), ranges.lane(190), ranges.lane(99)), (Some(3), None, Some(1)));
        assert_eq!(ranges.learn(120, 4, older), Learnt::Shape { replaced: false });
        assert_eq!(ranges.learn(190, 3, older), Learnt::Nothing);
        // A late answer of the parent.
        assert_eq!(ranges.learn(150, 2, older), Learnt::Odd);

        assert_eq!(ranges.learn(120, 5, older), Learnt::Shape { replaced: true });
        assert_eq!(ranges.learn(160, 5, older), Learnt::Shape { replaced: true });
        assert_eq!((ranges.lane(120), ranges.lane(160), ranges.lane(50)), (Some(5), Some(5), Some(1)));
    }
}
